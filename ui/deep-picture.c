/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures that are too large for one texture. A photo of twelve million pixels would be handed to
 * the renderer with each frame; of its tiles only those in sight are, and what they are made of is
 * looked up when they come into sight.
 */

#include "deep-picture.h"

#include <math.h>

#include "shrunk.h"

#define TILE 256  /* pixels of a tile's side */
#define TILES 192 /* that are kept: twice what a large window shows */

struct _KxDeepPicture {
  GObject parent_instance;

  KxShrunk *whole;
  KolSnapshot *full; /* or: */
  KxPaintPicture *picture;
  gsize width, height;
  GHashTable *tiles; /* index + 1 -> GdkTexture */
};

static void
kx_deep_picture_snapshot (GdkPaintable *paintable, GdkSnapshot *snapshot, double width,
                          double height)
{
  gdk_paintable_snapshot (GDK_PAINTABLE (KX_DEEP_PICTURE (paintable)->whole), snapshot, width,
                          height);
}

static int
kx_deep_picture_get_width (GdkPaintable *paintable)
{
  return (int) KX_DEEP_PICTURE (paintable)->width;
}

static int
kx_deep_picture_get_height (GdkPaintable *paintable)
{
  return (int) KX_DEEP_PICTURE (paintable)->height;
}

static GdkPaintableFlags
kx_deep_picture_get_flags (GdkPaintable *paintable)
{
  return GDK_PAINTABLE_STATIC_SIZE;
}

static void
paintable_init (GdkPaintableInterface *interface)
{
  interface->snapshot = kx_deep_picture_snapshot;
  interface->get_intrinsic_width = kx_deep_picture_get_width;
  interface->get_intrinsic_height = kx_deep_picture_get_height;
  interface->get_flags = kx_deep_picture_get_flags;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (KxDeepPicture, kx_deep_picture, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (GDK_TYPE_PAINTABLE, paintable_init))

static void
kx_deep_picture_finalize (GObject *object)
{
  KxDeepPicture *self = KX_DEEP_PICTURE (object);

  g_signal_handlers_disconnect_by_data (self->whole, self);
  g_clear_object (&self->whole);
  g_clear_pointer (&self->full, kol_snapshot_unref);
  g_clear_pointer (&self->picture, kx_paint_picture_unref);
  g_hash_table_unref (self->tiles);
  G_OBJECT_CLASS (kx_deep_picture_parent_class)->finalize (object);
}

static void
kx_deep_picture_class_init (KxDeepPictureClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = kx_deep_picture_finalize;
}

static void
kx_deep_picture_init (KxDeepPicture *self)
{
  self->tiles = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, g_object_unref);
}

static void
set_whole (KxDeepPicture *self, GdkTexture *texture, GdkTexture *first)
{
  self->whole = kx_shrunk_new (texture, first);
  g_signal_connect_swapped (self->whole, "invalidate-contents",
                            G_CALLBACK (gdk_paintable_invalidate_contents), self);
}

/**
 * kx_deep_picture_new:
 * @whole: the picture, as large as it is or smaller
 * @full: the same, as large as it is
 *
 * Returns: (transfer full): the picture
 */
KxDeepPicture *
kx_deep_picture_new (GdkTexture *whole, KolSnapshot *full)
{
  KxDeepPicture *self = g_object_new (KX_TYPE_DEEP_PICTURE, NULL);

  set_whole (self, whole, NULL);
  self->full = kol_snapshot_ref (full);
  self->width = kol_snapshot_get_width (full);
  self->height = kol_snapshot_get_height (full);
  return self;
}

/**
 * kx_deep_picture_new_for_picture:
 * @picture: a picture to paint from
 *
 * Returns: (transfer full): it
 */
KxDeepPicture *
kx_deep_picture_new_for_picture (KxPaintPicture *picture)
{
  KxDeepPicture *self = g_object_new (KX_TYPE_DEEP_PICTURE, NULL);

  set_whole (self, picture->texture, picture->thumbnail);
  self->picture = kx_paint_picture_ref (picture);
  self->width = picture->picture->width;
  self->height = picture->picture->height;
  return self;
}

/**
 * kx_deep_picture_get_whole:
 * @self: a picture
 *
 * Returns: (transfer none): all of it, as a screen shows it
 */
GdkTexture *
kx_deep_picture_get_whole (KxDeepPicture *self)
{
  return kx_shrunk_get_texture (self->whole);
}

/* ── Tiles ───────────────────────────────────────────────────────────────────────────────────── */

static guint8
to_byte (float value)
{
  return (guint8) (fminf (fmaxf (value, 0), 1) * 255 + 0.5f); /* NaN becomes 0 */
}

/* Rows of three bytes a pixel, of a part of the picture. */
static guint8 *
copy_rows (const KxDeepPicture *self, gsize left, gsize top, gsize width, gsize height)
{
  const float *pixels = self->full ? kol_snapshot_get_pixels (self->full) : NULL;
  gsize plane = self->width * self->height;
  gsize channels
      = self->full ? kol_snapshot_get_channels (self->full) : self->picture->picture->channels;
  guint8 *rows = g_malloc (3 * width * height);

  for (gsize y = 0; y < height; y++)
    for (gsize c = 0; c < 3; c++)
      {
        gsize from = (channels == 3 ? c * plane : 0) + (top + y) * self->width + left;
        guint8 *to = rows + 3 * y * width + c;

        for (gsize x = 0; x < width; x++)
          to[3 * x]
              = pixels ? to_byte (pixels[from + x]) : self->picture->picture->pixels[from + x];
      }
  return rows;
}

static GdkTexture *
get_tile (KxDeepPicture *self, gsize column, gsize row)
{
  gsize columns = (self->width + TILE - 1) / TILE;
  gpointer key = GSIZE_TO_POINTER (row * columns + column + 1);
  GdkTexture *tile = g_hash_table_lookup (self->tiles, key);
  gsize width = MIN (TILE, self->width - column * TILE);
  gsize height = MIN (TILE, self->height - row * TILE);

  if (tile)
    return tile;
  if (g_hash_table_size (self->tiles) >= TILES)
    g_hash_table_remove_all (self->tiles);
  g_autoptr (GBytes) bytes = g_bytes_new_take (
      copy_rows (self, column * TILE, row * TILE, width, height), 3 * width * height);
  tile = gdk_memory_texture_new ((int) width, (int) height, GDK_MEMORY_R8G8B8, bytes, 3 * width);
  g_hash_table_insert (self->tiles, key, tile);
  return tile;
}

/* Edges lie between pixels of the screen, so that no seam is seen between two tiles. */
static void
draw_tile (KxDeepPicture *self, GtkSnapshot *snapshot, const graphene_rect_t *place, double scale,
           gsize column, gsize row)
{
  double left = round (place->origin.x + (double) (column * TILE) * scale);
  double top = round (place->origin.y + (double) (row * TILE) * scale);
  double right = round (place->origin.x + (double) MIN ((column + 1) * TILE, self->width) * scale);
  double bottom = round (place->origin.y + (double) MIN ((row + 1) * TILE, self->height) * scale);

  if (right > left && bottom > top)
    gtk_snapshot_append_texture (snapshot, get_tile (self, column, row),
                                 &GRAPHENE_RECT_INIT ((float) left, (float) top,
                                                      (float) (right - left),
                                                      (float) (bottom - top)));
}

/* The tiles from @from on that are in sight; @end is the one after. */
static gsize
find_tiles (double origin, double scale, double start, double length, gsize size, gsize *end)
{
  double first = floor ((start - origin) / scale / TILE);
  double last = ceil ((start + length - origin) / scale / TILE);
  gsize tiles = (size + TILE - 1) / TILE;

  *end = (gsize) CLAMP (last, 0, (double) tiles);
  return (gsize) CLAMP (first, 0, (double) tiles);
}

/**
 * kx_deep_picture_draw:
 * @self: a picture
 * @snapshot: where it is drawn
 * @place: where all of it would be
 * @part: what of that is in sight; the caller clips
 * @density: pixels of the screen to one of @place
 *
 * Draws it with as many of its pixels as can be seen.
 */
void
kx_deep_picture_draw (KxDeepPicture *self, GtkSnapshot *snapshot, const graphene_rect_t *place,
                      const graphene_rect_t *part, int density)
{
  double scale = place->size.width / (double) self->width;
  int whole = gdk_texture_get_width (kx_shrunk_get_texture (self->whole));
  gsize right, bottom;

  if ((gsize) whole >= self->width || place->size.width * (float) density <= (float) (whole + 1))
    {
      kx_shrunk_set_density (self->whole, density);
      kx_shrunk_draw (self->whole, snapshot, place);
      return;
    }
  gsize left
      = find_tiles (place->origin.x, scale, part->origin.x, part->size.width, self->width, &right);
  gsize top = find_tiles (place->origin.y, scale, part->origin.y, part->size.height, self->height,
                          &bottom);
  for (gsize row = top; row < bottom; row++)
    for (gsize column = left; column < right; column++)
      draw_tile (self, snapshot, place, scale, column, row);
}
