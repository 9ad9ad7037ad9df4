/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What each layer makes of an example, and what is answered. */

#include "chart/axis.h"
#include "tiles.h"
#include "tip.h"
#include "train-tab.h"

#include <glib/gi18n.h>

#define PERIOD 0.5
#define PICTURE 72
#define MAP 36
#define TOP 5 /* classes */

struct _KxTabActivations {
  KxTrainTab parent_instance;
  GtkWidget *picture;
  GtkLabel *rows[TOP];
  GtkLevelBar *bars[TOP];
  GtkBox *layers;
  GPtrArray *tiles;  /* KxTiles, one for each layer */
  GPtrArray *titles; /* GtkLabel */
  GBytes *numbers;   /* of the example; NULL: none was clicked */
};

G_DEFINE_FINAL_TYPE (KxTabActivations, kx_tab_activations, KX_TYPE_TRAIN_TAB)

static gboolean
ask (KxTrainTab *tab, KxLookQuestion *question)
{
  question->kind = KX_LOOK_ACTIVATIONS;
  question->numbers = KX_TAB_ACTIVATIONS (tab)->numbers;
  return question->numbers != NULL;
}

/* The likeliest classes first; of equals the one with the smaller number. */
static void
show_probabilities (KxTabActivations *self, const KxLook *look)
{
  g_autofree gboolean *shown = g_new0 (gboolean, look->classes + 1);

  for (guint row = 0; row < TOP; row++)
    {
      gboolean there = look->probabilities && row < look->classes;
      guint best = 0;

      gtk_widget_set_visible (GTK_WIDGET (self->rows[row]), there);
      gtk_widget_set_visible (GTK_WIDGET (self->bars[row]), there);
      if (!there)
        continue;
      while (shown[best])
        best++;
      for (guint i = best; i < look->classes; i++)
        if (!shown[i] && look->probabilities[i] > look->probabilities[best])
          best = i;
      shown[best] = TRUE;
      g_autofree char *class = kx_look_name_class (look, best);
      g_autofree char *text
          = g_strdup_printf (_ ("%s  %.2f %%"), class, 100 * (double) look->probabilities[best]);
      gtk_label_set_label (self->rows[row], text);
      gtk_level_bar_set_value (self->bars[row], CLAMP ((double) look->probabilities[best], 0, 1));
      gtk_accessible_update_property (GTK_ACCESSIBLE (self->bars[row]),
                                      GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
    }
}

static void
add_layer (KxTabActivations *self)
{
  GtkWidget *title = gtk_label_new (NULL), *tiles = kx_tiles_new (MAP);

  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_label_set_ellipsize (GTK_LABEL (title), PANGO_ELLIPSIZE_END);
  kx_tip_whole_text (GTK_LABEL (title));
  gtk_widget_add_css_class (title, "caption");
  gtk_widget_add_css_class (title, "numeric");
  gtk_box_append (self->layers, title);
  gtk_box_append (self->layers, tiles);
  gtk_widget_set_margin_bottom (tiles, 6);
  g_ptr_array_add (self->titles, title);
  g_ptr_array_add (self->tiles, tiles);
}

static gboolean
take (KxTrainTab *tab, KxLook *look)
{
  KxTabActivations *self = KX_TAB_ACTIVATIONS (tab);

  while (self->tiles->len < look->layers->len)
    add_layer (self);
  for (guint i = 0; i < look->layers->len; i++)
    {
      const KxLayerLook *layer = &g_array_index (look->layers, KxLayerLook, i);
      g_autofree char *least = kx_format_value (layer->least),
                      *most = kx_format_value (layer->most), *mean = kx_format_value (layer->mean);
      g_autofree char *title = g_strdup_printf (_ ("%s · %s · %s to %s, mean %s"), layer->name,
                                                layer->shape, least, most, mean);

      gtk_label_set_label (self->titles->pdata[i], title);
      kx_tiles_set_pictures (self->tiles->pdata[i], layer->maps, layer->name);
    }
  show_probabilities (self, look);
  return TRUE;
}

static void
clear (KxTrainTab *tab)
{
  KxTabActivations *self = KX_TAB_ACTIVATIONS (tab);
  GtkWidget *child;

  g_clear_pointer (&self->numbers, g_bytes_unref);
  g_ptr_array_set_size (self->tiles, 0);
  g_ptr_array_set_size (self->titles, 0);
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self->layers))))
    gtk_box_remove (self->layers, child);
}

/**
 * kx_tab_activations_show:
 * @tab: the tab
 * @example: what the layers are shown
 */
void
kx_tab_activations_show (KxTabActivations *self, const KxExample *example)
{
  g_clear_pointer (&self->numbers, g_bytes_unref);
  self->numbers = g_bytes_ref (example->numbers);
  gtk_picture_set_paintable (GTK_PICTURE (self->picture), GDK_PAINTABLE (example->texture));
  gtk_widget_set_visible (self->picture, example->texture != NULL);
  kx_train_tab_look (KX_TRAIN_TAB (self));
}

static void
kx_tab_activations_finalize (GObject *object)
{
  KxTabActivations *self = KX_TAB_ACTIVATIONS (object);

  g_clear_pointer (&self->numbers, g_bytes_unref);
  g_ptr_array_unref (self->tiles);
  g_ptr_array_unref (self->titles);
  G_OBJECT_CLASS (kx_tab_activations_parent_class)->finalize (object);
}

static void
kx_tab_activations_class_init (KxTabActivationsClass *klass)
{
  KxTrainTabClass *tab_class = KX_TRAIN_TAB_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_tab_activations_finalize;
  tab_class->ask = ask;
  tab_class->take = take;
  tab_class->clear = clear;
}

static GtkWidget *
make_side (KxTabActivations *self)
{
  GtkWidget *side = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);

  self->picture = gtk_picture_new ();
  gtk_widget_set_size_request (self->picture, PICTURE, PICTURE);
  gtk_widget_set_halign (self->picture, GTK_ALIGN_START);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->picture), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("The example"), -1);
  gtk_box_append (GTK_BOX (side), self->picture);
  for (guint i = 0; i < TOP; i++)
    {
      self->rows[i] = GTK_LABEL (gtk_label_new (NULL));
      self->bars[i] = GTK_LEVEL_BAR (gtk_level_bar_new_for_interval (0, 1));
      gtk_label_set_xalign (self->rows[i], 0);
      gtk_label_set_ellipsize (self->rows[i], PANGO_ELLIPSIZE_MIDDLE);
      kx_tip_whole_text (self->rows[i]);
      gtk_label_set_width_chars (self->rows[i], 14);
      gtk_label_set_max_width_chars (self->rows[i], 14);
      gtk_widget_add_css_class (GTK_WIDGET (self->rows[i]), "caption");
      gtk_widget_add_css_class (GTK_WIDGET (self->rows[i]), "numeric");
      gtk_level_bar_remove_offset_value (self->bars[i], GTK_LEVEL_BAR_OFFSET_LOW);
      gtk_level_bar_remove_offset_value (self->bars[i], GTK_LEVEL_BAR_OFFSET_HIGH);
      gtk_level_bar_remove_offset_value (self->bars[i], GTK_LEVEL_BAR_OFFSET_FULL);
      gtk_box_append (GTK_BOX (side), GTK_WIDGET (self->rows[i]));
      gtk_box_append (GTK_BOX (side), GTK_WIDGET (self->bars[i]));
    }
  return side;
}

static void
kx_tab_activations_init (KxTabActivations *self)
{
  GtkWidget *scrolled = gtk_scrolled_window_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 18);

  self->tiles = g_ptr_array_new ();
  self->titles = g_ptr_array_new ();
  self->layers = GTK_BOX (gtk_box_new (GTK_ORIENTATION_VERTICAL, 3));
  gtk_widget_set_hexpand (GTK_WIDGET (self->layers), TRUE);
  gtk_widget_set_margin_start (box, 12);
  gtk_widget_set_margin_end (box, 12);
  gtk_widget_set_margin_bottom (box, 12);
  gtk_box_append (GTK_BOX (box), make_side (self));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->layers));
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), box);
  kx_train_tab_set_up (KX_TRAIN_TAB (self), scrolled, PERIOD, _ ("No picture chosen"),
                       _ ("Click a picture of the batch, or a mistake: what each layer makes of it "
                          "comes here, while the network learns."));
}

GtkWidget *
kx_tab_activations_new (void)
{
  return g_object_new (KX_TYPE_TAB_ACTIVATIONS, NULL);
}
