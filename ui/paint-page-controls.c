/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What is to be painted, as the controls of the page say it: sizes, networks, layers, weights. */

#include "paint-page-controls.h"

#include <glib/gi18n.h>

#include "paint-page-easel.h"
#include "paint-page-moves.h"
#include "paint-page-need.h"
#include "paint-networks.h"

#define LARGEST_SIZE 4096

/**
 * kx_paint_page_get_style:
 * @self: the page
 * @i: which
 *
 * Returns: (transfer none) (nullable): the row of a style; %NULL: there is no such
 */
KxStyleRow *
kx_paint_page_get_style (KxPaintPage *self, guint i)
{
  GtkListBoxRow *row = gtk_list_box_get_row_at_index (self->styles, (int) i);

  return KX_IS_STYLE_ROW (row) ? KX_STYLE_ROW (row) : NULL;
}

/**
 * kx_paint_page_get_network:
 * @self: the page
 *
 * Returns: (transfer none) (nullable): the name of the network that is selected
 */
const char *
kx_paint_page_get_network (KxPaintPage *self)
{
  guint i = adw_combo_row_get_selected (self->network);

  return self->networks && i < self->networks->len
             ? ((const KolModelEntry *) g_ptr_array_index (self->networks, i))->name
             : NULL;
}

/**
 * kx_paint_page_get_size:
 * @self: the page
 *
 * Returns: the longer side that is selected, in pixels
 */
guint
kx_paint_page_get_size (KxPaintPage *self)
{
  guint i = adw_combo_row_get_selected (self->size);

  return i < self->sizes->len ? g_array_index (self->sizes, guint, i) : KX_USUAL_SIZE;
}

static KolStyleOptimizer
get_optimizer (KxPaintPage *self)
{
  return adw_combo_row_get_selected (self->optimizer) == KOL_STYLE_LBFGS ? KOL_STYLE_LBFGS
                                                                         : KOL_STYLE_ADAM;
}

/**
 * kx_paint_page_make_paint:
 * @self: the page
 *
 * Returns: (transfer full) (nullable): what the controls say; %NULL while something is missing
 */
KxPaint *
kx_paint_page_make_paint (KxPaintPage *self)
{
  static const KolStyleColours colours[]
      = { KOL_STYLE_COLOURS_STYLE, KOL_STYLE_COLOURS_KEEP, KOL_STYLE_COLOURS_MATCH };

  if (!self->content || !kx_paint_page_get_style (self, 0) || !kx_paint_page_get_network (self))
    return NULL;
  KxPaint *paint = kx_paint_new (kx_paint_page_get_network (self), self->content);
  for (guint i = 0; kx_paint_page_get_style (self, i); i++)
    kx_paint_add_style (paint, kx_style_row_get_picture (kx_paint_page_get_style (self, i)),
                        kx_style_row_get_weight (kx_paint_page_get_style (self, i)),
                        kx_style_row_get_masks (kx_paint_page_get_style (self, i)));
  for (guint i = 0; i < self->layer_dials->len; i++)
    {
      KxPaintDial *dial = g_ptr_array_index (self->layer_dials, i);

      kx_paint_add_layer (paint, adw_preferences_row_get_title (ADW_PREFERENCES_ROW (dial)),
                          kx_paint_dial_get_value (dial));
    }
  paint->style_weight = kx_paint_dial_get_value (self->style_weight);
  paint->content_weight = kx_paint_dial_get_value (self->content_weight);
  paint->size = kx_paint_page_get_size (self);
  paint->steps = (guint) gtk_spin_button_get_value_as_int (self->steps);
  paint->optimizer = get_optimizer (self);
  paint->colours
      = colours[MIN (adw_combo_row_get_selected (self->colours), G_N_ELEMENTS (colours) - 1)];
  return paint;
}

/**
 * kx_paint_page_change:
 * @self: the page
 *
 * Something was changed: what is being painted follows, and what it needs is reckoned anew.
 */
void
kx_paint_page_change (KxPaintPage *self)
{
  g_autoptr (KxPaint) paint = self->setting ? NULL : kx_paint_page_make_paint (self);

  if (self->setting)
    return;
  adw_action_row_set_subtitle (self->steps_row, get_optimizer (self) == KOL_STYLE_LBFGS
                                                    ? _ ("Evaluations per size")
                                                    : _ ("At each size"));
  if (paint && kx_paint_page_is_painting (self))
    kx_paint_job_update (self->job, paint);
  if (!paint)
    {
      g_clear_pointer (&self->planned, kx_paint_unref);
      gtk_label_set_label (self->need, kx_paint_page_get_network (self)
                                           ? _ ("A picture and a style are needed")
                                           : _ ("A network is needed"));
    }
  kx_paint_page_plan_again (self);
  kx_paint_page_show_controls (self);
}

/**
 * kx_paint_page_list_sizes:
 * @self: the page
 *
 * Those of kx_paint_nth_size(), and the picture's own.
 */
void
kx_paint_page_list_sizes (KxPaintPage *self)
{
  guint before = kx_paint_page_get_size (self), own = KX_USUAL_SIZE, selected = 0;
  g_autoptr (GtkStringList) list = gtk_string_list_new (NULL);

  if (self->content)
    own = (guint) MAX (self->content->picture->width, self->content->picture->height);
  g_array_set_size (self->sizes, 0);
  for (guint i = 0;; i++)
    {
      guint side = kx_paint_nth_size (i);
      gboolean last = side > LARGEST_SIZE || (side > own && side > KX_USUAL_SIZE);

      if (last && own <= LARGEST_SIZE && own > KX_USUAL_SIZE)
        side = own;
      else if (last)
        break;
      if (self->sizes->len == 0 || side != g_array_index (self->sizes, guint, self->sizes->len - 1))
        {
          g_autofree char *text = g_strdup_printf (_ ("%u px"), side);

          selected = side <= before ? self->sizes->len : selected;
          g_array_append_val (self->sizes, side);
          gtk_string_list_append (list, text);
        }
      if (last)
        break;
    }
  self->setting = TRUE;
  adw_combo_row_set_model (self->size, G_LIST_MODEL (list));
  adw_combo_row_set_selected (self->size, selected);
  self->setting = FALSE;
}

/**
 * kx_paint_page_list_networks:
 * @self: the page
 *
 * Lists the networks that are installed; the one that was selected stays so.
 */
void
kx_paint_page_list_networks (KxPaintPage *self)
{
  g_autoptr (GtkStringList) list = gtk_string_list_new (NULL);
  g_autofree char *before = g_strdup (kx_paint_page_get_network (self));
  guint selected = 0;

  g_clear_pointer (&self->networks, g_ptr_array_unref);
  self->networks = kx_paint_networks_list ();
  for (guint i = 0; i < self->networks->len; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (self->networks, i);

      gtk_string_list_append (list, entry->title);
      selected = g_strcmp0 (before, entry->name) == 0 ? i : selected;
    }
  self->setting = TRUE;
  adw_combo_row_set_model (self->network, G_LIST_MODEL (list));
  adw_combo_row_set_selected (self->network, selected);
  self->setting = FALSE;
  gtk_widget_set_visible (GTK_WIDGET (self->network), self->networks->len > 0);
  kx_fast_grid_set_can_train (self->fast, self->networks->len > 0);
}

static void
clear_layers (KxPaintPage *self)
{
  for (guint i = 0; i < self->layer_dials->len; i++)
    adw_expander_row_remove (self->layers, g_ptr_array_index (self->layer_dials, i));
  g_ptr_array_set_size (self->layer_dials, 0);
  gtk_widget_set_visible (self->layers_group, FALSE);
}

static void
add_layer (KxPaintPage *self, const char *name, double weight)
{
  GtkWidget *dial = kx_paint_dial_new (name, 1);

  kx_paint_dial_set_value (KX_PAINT_DIAL (dial), weight);
  kx_paint_page_watch_scale (self, kx_paint_dial_get_scale (KX_PAINT_DIAL (dial)), name);
  adw_expander_row_add_row (self->layers, dial);
  g_ptr_array_add (self->layer_dials, dial);
  gtk_widget_set_visible (self->layers_group, TRUE);
}

static void
change_network (KxPaintPage *self)
{
  if (self->setting)
    return;
  clear_layers (self);
  kx_paint_page_change (self);
}

static void
show_getting (KxPaintPage *self)
{
  gboolean getting = self->getting && !kx_job_is_over (self->getting);
  double fraction = self->getting ? kx_job_get_fraction (self->getting) : 0;

  gtk_widget_set_visible (GTK_WIDGET (self->getting_bar), getting);
  gtk_widget_set_sensitive (GTK_WIDGET (self->get_small), !getting);
  gtk_widget_set_sensitive (GTK_WIDGET (self->get_large), !getting);
  gtk_progress_bar_set_fraction (self->getting_bar, MAX (fraction, 0));
  gtk_progress_bar_set_text (self->getting_bar,
                             self->getting ? kx_job_get_text (self->getting) : NULL);
}

static void
installed (const GError *error, gpointer object)
{
  KxPaintPage *self = object;

  g_clear_object (&self->getting);
  show_getting (self);
  if (error && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    kx_page_show_fault (KX_PAGE (self), error->message, _ ("Try Again"), "paint.get-network",
                        g_variant_new_string (self->wanted));
  kx_paint_page_list_networks (self);
  kx_paint_page_change (self);
  kx_paint_page_show_stage (self);
}

static void
get_network (GtkWidget *widget, const char *name, GVariant *target)
{
  KxPaintPage *self = KX_PAINT_PAGE (widget);

  if (self->getting || !kx_paint_page_get_session (self))
    return;
  kx_page_clear_fault (KX_PAGE (self));
  self->wanted = g_intern_string (g_variant_get_string (target, NULL));
  self->getting = g_object_ref (kx_paint_networks_install (kx_paint_page_get_session (self),
                                                           g_variant_get_string (target, NULL),
                                                           installed, G_OBJECT (self)));
  g_signal_connect_object (self->getting, "notify", G_CALLBACK (show_getting), self,
                           G_CONNECT_SWAPPED);
  show_getting (self);
}

/**
 * kx_paint_page_list_layers:
 * @self: the page
 * @losses: what steps have come to
 *
 * The layers are known once the network was built.
 */
void
kx_paint_page_list_layers (KxPaintPage *self, const KxPaintLosses *losses)
{
  if (self->layer_dials->len)
    return;
  self->setting = TRUE;
  for (guint i = 0; i < losses->n_terms; i++)
    {
      const char *name = losses->names[i];

      if (g_str_equal (name, "content") || g_str_equal (name, "variation"))
        continue;
      add_layer (self, name, 1);
    }
  self->setting = FALSE;
}

/**
 * kx_paint_page_select_network:
 * @self: the page
 * @name: of a network
 *
 * Selects it, if it is there.
 */
void
kx_paint_page_select_network (KxPaintPage *self, const char *name)
{
  for (guint i = 0; i < self->networks->len; i++)
    if (g_strcmp0 (((const KolModelEntry *) g_ptr_array_index (self->networks, i))->name, name)
        == 0)
      adw_combo_row_set_selected (self->network, i);
}

/**
 * kx_paint_page_select_size:
 * @self: the page
 * @size: pixels
 *
 * Selects the largest size that is not larger.
 */
void
kx_paint_page_select_size (KxPaintPage *self, guint size)
{
  for (guint i = 0; i < self->sizes->len; i++)
    if (g_array_index (self->sizes, guint, i) <= size)
      adw_combo_row_set_selected (self->size, i);
}

/**
 * kx_paint_page_set_layers:
 * @self: the page
 * @text: as a file has it: "relu1_1:2,relu2_1"
 *
 * Shows these layers, and the weight of each.
 */
void
kx_paint_page_set_layers (KxPaintPage *self, const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text ? text : "", ",", -1);

  clear_layers (self);
  for (guint i = 0; parts[i]; i++)
    {
      char *colon = strrchr (parts[i], ':');
      double weight = colon ? g_ascii_strtod (colon + 1, NULL) : 1;

      if (colon)
        *colon = '\0';
      add_layer (self, parts[i], weight);
    }
}

void
kx_paint_page_bind_controls (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_callback_full (widget_class, "change",
                                                G_CALLBACK (kx_paint_page_change));
  gtk_widget_class_bind_template_callback (widget_class, change_network);
  gtk_widget_class_install_action (widget_class, "paint.get-network", "s", get_network);
}
