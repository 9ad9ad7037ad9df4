/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What the first layer looks for. */

#include "picture-grid.h"
#include "train-tab.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#define PERIOD 0.5
#define SIZE 48

#define KX_TYPE_TAB_FILTERS (kx_tab_filters_get_type ())
G_DECLARE_FINAL_TYPE (KxTabFilters, kx_tab_filters, KX, TAB_FILTERS, KxTrainTab)

struct _KxTabFilters {
  KxTrainTab parent_instance;
  GtkLabel *caption;
  KxPictureGrid *grid;
};

G_DEFINE_FINAL_TYPE (KxTabFilters, kx_tab_filters, KX_TYPE_TRAIN_TAB)

static gboolean
ask (KxTrainTab *tab, KxLookQuestion *question)
{
  question->kind = KX_LOOK_FILTERS;
  return TRUE;
}

static gboolean
take (KxTrainTab *tab, KxLook *look)
{
  KxTabFilters *self = KX_TAB_FILTERS (tab);
  g_autofree char *text = g_strdup_printf (
      look->pictures->len < look->count
          ? _ ("%s · step %" PRIu64 " · %u of %zu · grey is 0, white is positive")
          : _ ("%s · step %" PRIu64 " · %u · grey is 0, white is positive"),
      look->title, look->step, look->pictures->len, look->count);

  gtk_label_set_label (self->caption, text);
  kx_picture_grid_set_length (self->grid, look->pictures->len);
  for (guint i = 0; i < look->pictures->len; i++)
    {
      g_autofree char *caption = g_strdup_printf ("%u", i);
      g_autofree char *name = g_strdup_printf (_ ("Filter %u"), i);

      kx_picture_grid_set (self->grid, i, look->pictures->pdata[i], caption, name, FALSE);
    }
  return TRUE;
}

static void
clear (KxTrainTab *tab)
{
  kx_picture_grid_set_length (KX_TAB_FILTERS (tab)->grid, 0);
}

static void
kx_tab_filters_class_init (KxTabFiltersClass *klass)
{
  KxTrainTabClass *tab_class = KX_TRAIN_TAB_CLASS (klass);

  tab_class->ask = ask;
  tab_class->take = take;
  tab_class->clear = clear;
}

static void
kx_tab_filters_init (KxTabFilters *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  self->caption = kx_train_tab_make_caption ();
  self->grid = KX_PICTURE_GRID (kx_picture_grid_new (_ ("Filters"), SIZE));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->caption));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->grid));
  kx_train_tab_set_up (KX_TRAIN_TAB (self), box, PERIOD, _ ("No filters yet"),
                       _ ("The first layer's weights come here as pictures: what each of its nodes "
                          "looks for."));
}

GtkWidget *
kx_tab_filters_new (void)
{
  return g_object_new (KX_TYPE_TAB_FILTERS, NULL);
}
