/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What else can be done with a chart: a menu in its head, and one at the pointer. */

#include "menu.h"

#include <glib/gi18n-lib.h>

/**
 * kx_chart_menu_new:
 * @more: (nullable): what stands at its end
 *
 * Returns: (transfer full): how a chart is shown, and what it can be saved as
 */
GMenuModel *
kx_chart_menu_new (GMenuModel *more)
{
  GMenu *menu = g_menu_new ();
  g_autoptr (GMenu) view = g_menu_new (), save = g_menu_new ();

  g_menu_append (view, _ ("Show All"), "chart.fit");
  g_menu_append (view, _ ("Follow the Newest Step"), "chart.follow");
  g_menu_append (view, _ ("Logarithmic Values"), "chart.log-y");
  g_menu_append (view, _ ("Logarithmic Steps"), "chart.log-x");
  g_menu_append (save, _ ("Save Picture (PNG)…"), "chart.export-png");
  g_menu_append (save, _ ("Save Drawing (SVG)…"), "chart.export-svg");
  g_menu_append (save, _ ("Save Points (CSV)…"), "chart.export-csv");
  g_menu_append_section (menu, NULL, G_MENU_MODEL (view));
  g_menu_append_section (menu, NULL, G_MENU_MODEL (save));
  if (more)
    g_menu_append_section (menu, NULL, more);
  return G_MENU_MODEL (menu);
}

/**
 * kx_chart_menu_button_new:
 * @more: (nullable): what stands at the end of its menu
 *
 * Returns: (transfer floating): a button for the head of a chart
 */
GtkWidget *
kx_chart_menu_button_new (GMenuModel *more)
{
  GtkWidget *button = gtk_menu_button_new ();
  g_autoptr (GMenuModel) menu = kx_chart_menu_new (more);

  gtk_menu_button_set_menu_model (GTK_MENU_BUTTON (button), menu);
  gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (button), "view-more-symbolic");
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (button, _ ("More about the curves"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("More about the curves"), -1);
  return button;
}

/**
 * kx_chart_menu_popover_new:
 * @chart: a chart, which unparents it
 *
 * Returns: (transfer none): the menu that comes up where the pointer is
 */
GtkWidget *
kx_chart_menu_popover_new (GtkWidget *chart)
{
  g_autoptr (GMenuModel) menu = kx_chart_menu_new (NULL);
  GtkWidget *popover = gtk_popover_menu_new_from_model (menu);

  gtk_popover_set_has_arrow (GTK_POPOVER (popover), FALSE);
  gtk_widget_set_halign (popover, GTK_ALIGN_START);
  gtk_widget_set_parent (popover, chart);
  return popover;
}
