/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tiles.h"

#define GAP 3

struct _KxTiles {
  GtkWidget parent_instance;
  GPtrArray *pictures; /* GdkTexture */
  int size;
};

G_DEFINE_FINAL_TYPE (KxTiles, kx_tiles, GTK_TYPE_WIDGET)

static int
columns_of (KxTiles *self, int width)
{
  return MAX ((width + GAP) / (self->size + GAP), 1);
}

static void
measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
         int *minimum_baseline, int *natural_baseline)
{
  KxTiles *self = KX_TILES (widget);
  int n = self->pictures ? (int) self->pictures->len : 0;

  if (orientation == GTK_ORIENTATION_HORIZONTAL)
    {
      *minimum = self->size;
      *natural = MAX (n * (self->size + GAP) - GAP, self->size);
      return;
    }
  int columns = for_size < 0 ? MAX (n, 1) : columns_of (self, for_size);
  *minimum = *natural = MAX ((n + columns - 1) / columns * (self->size + GAP) - GAP, 0);
}

/* Pixels stay visible as such. */
static void
kx_tiles_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  KxTiles *self = KX_TILES (widget);
  int columns = columns_of (self, gtk_widget_get_width (widget));
  gboolean mirrored = gtk_widget_get_direction (widget) == GTK_TEXT_DIR_RTL;

  for (int i = 0; self->pictures && i < (int) self->pictures->len; i++)
    {
      int x = i % columns * (self->size + GAP), y = i / columns * (self->size + GAP);
      if (mirrored)
        x = gtk_widget_get_width (widget) - x - self->size;
      gtk_snapshot_append_texture (
          snapshot, self->pictures->pdata[i],
          &GRAPHENE_RECT_INIT ((float) x, (float) y, (float) self->size, (float) self->size));
    }
}

static void
kx_tiles_finalize (GObject *object)
{
  g_clear_pointer (&KX_TILES (object)->pictures, g_ptr_array_unref);
  G_OBJECT_CLASS (kx_tiles_parent_class)->finalize (object);
}

static GtkSizeRequestMode
get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
kx_tiles_class_init (KxTilesClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_tiles_finalize;
  widget_class->measure = measure;
  widget_class->snapshot = kx_tiles_snapshot;
  widget_class->get_request_mode = get_request_mode;
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
kx_tiles_init (KxTiles *self)
{
}

/**
 * kx_tiles_new:
 * @size: pixels of a picture's side
 *
 * Returns: (transfer floating): no pictures yet
 */
GtkWidget *
kx_tiles_new (int size)
{
  KxTiles *self = g_object_new (KX_TYPE_TILES, NULL);

  self->size = size;
  return GTK_WIDGET (self);
}

/**
 * kx_tiles_set_pictures:
 * @tiles: tiles
 * @pictures: (element-type GdkTexture): what they show
 * @name: what they are called together
 */
void
kx_tiles_set_pictures (KxTiles *self, GPtrArray *pictures, const char *name)
{
  gboolean same = self->pictures && self->pictures->len == pictures->len;

  g_clear_pointer (&self->pictures, g_ptr_array_unref);
  self->pictures = g_ptr_array_ref (pictures);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  if (same)
    gtk_widget_queue_draw (GTK_WIDGET (self));
  else
    gtk_widget_queue_resize (GTK_WIDGET (self));
}
