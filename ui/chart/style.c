/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "style.h"

#include <adwaita.h>

/* What libadwaita has no style for. A hidden curve's entry fades; a shown one's is plain text. */
static const char style[]
    = "chart:focus-visible, scatter:focus-visible {"
      "  outline: 2px solid alpha(@accent_color, 0.5); outline-offset: -2px; }"
      "chartcontrols button { padding-left: 9px; padding-right: 9px; }"
      "legend > button { padding: 2px 3px; min-height: 20px; font-weight: normal; }"
      "legend > button:checked:not(:hover) { background: none; }"
      "legend > button:not(:checked) { opacity: 0.5; }"
      "legend > button:not(:checked) label { text-decoration: line-through; }"
      "matrix button { padding: 0 2px; min-width: 26px; min-height: 24px; border-radius: 2px;"
      "  font-weight: normal; background: none; box-shadow: none; }"
      "matrix button:hover { outline: 1px solid alpha(currentColor, 0.5); outline-offset: -1px; }"
      "matrix button:focus-visible { outline: 2px solid @accent_color; outline-offset: -2px; }";

/**
 * kx_chart_load_style:
 *
 * Loads the style of charts, once, however often it is called.
 */
void
kx_chart_load_style (void)
{
  static gboolean loaded;

  if (loaded)
    return;
  loaded = TRUE;
  g_autoptr (GtkCssProvider) provider = gtk_css_provider_new ();
  gtk_css_provider_load_from_data (provider, style, -1);
  gtk_style_context_add_provider_for_display (gdk_display_get_default (),
                                              GTK_STYLE_PROVIDER (provider),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

/**
 * kx_theme_get_current:
 *
 * Returns: (transfer none): the theme that the desktop and the application ask for
 */
const KxTheme *
kx_theme_get_current (void)
{
  AdwStyleManager *manager = adw_style_manager_get_default ();

  return kx_theme_get (adw_style_manager_get_dark (manager),
                       adw_style_manager_get_high_contrast (manager));
}

/**
 * kx_theme_connect:
 * @widget: an object
 * @changed: called with it as its one argument when there is another theme, while it lives
 */
void
kx_theme_connect (gpointer widget, GCallback changed)
{
  AdwStyleManager *manager = adw_style_manager_get_default ();

  g_signal_connect_object (manager, "notify::dark", changed, widget, G_CONNECT_SWAPPED);
  g_signal_connect_object (manager, "notify::high-contrast", changed, widget, G_CONNECT_SWAPPED);
}
