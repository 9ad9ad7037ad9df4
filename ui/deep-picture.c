/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures that are too large for one texture. A photo of twelve million pixels would be handed to
 * the renderer with each frame; of its tiles only those in sight are, and what they are made of is
 * looked up when they come into sight. Where it is shown smaller than it is, and larger than a
 * screen, a thread shrinks what is in sight: renderers without a GPU take 80 ms for that.
 */

#include "deep-picture.h"

#include <math.h>
#include <string.h>

#include "shrunk.h"

#define TILE 256    /* pixels of a tile's side */
#define TILES 192   /* that are kept: twice what a large window shows */
#define AROUND 0.25 /* of the width and height in sight, to each side, is shrunk, too */
#define SOUGHT 32   /* pixels among which the edge of such a part is sought */

/* What is in sight, and some more, in pixels of the picture. */
typedef struct {
  gsize left, top, width, height;
} Part;

struct _KxDeepPicture {
  GObject parent_instance;

  KxShrunk *whole;
  KolSnapshot *full; /* or: */
  KxPaintPicture *picture;
  gsize width, height;
  GHashTable *tiles;  /* index + 1 -> GdkTexture */
  GdkTexture *shrunk; /* nullable: a part */
  Part part;
  double scale; /* of that; 0: none */
  gboolean shrinking;
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
  g_clear_object (&self->shrunk);
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

/* A part of the picture. Given. From any thread. */
static KolPicture *
cut_out (const KxDeepPicture *self, const Part *part)
{
  const float *numbers = self->full ? kol_snapshot_get_pixels (self->full) : NULL;
  const guint8 *bytes = self->full ? NULL : self->picture->picture->pixels;
  gsize channels
      = self->full ? kol_snapshot_get_channels (self->full) : self->picture->picture->channels;
  KolPicture *picture = g_new (KolPicture, 1);
  guint8 *to = g_malloc (channels * part->height * part->width);

  *picture = (KolPicture){ channels, part->height, part->width, to };
  for (gsize c = 0; c < channels; c++)
    for (gsize y = 0; y < part->height; y++, to += part->width)
      {
        gsize from = (c * self->height + part->top + y) * self->width + part->left;

        if (bytes)
          memcpy (to, bytes + from, part->width);
        else
          for (gsize x = 0; x < part->width; x++)
            to[x] = to_byte (numbers[from + x]);
      }
  return picture;
}

static GdkTexture *
get_tile (KxDeepPicture *self, gsize column, gsize row)
{
  gsize columns = (self->width + TILE - 1) / TILE;
  gpointer key = GSIZE_TO_POINTER (row * columns + column + 1);
  GdkTexture *tile = g_hash_table_lookup (self->tiles, key);
  const Part part = { column * TILE, row * TILE, MIN (TILE, self->width - column * TILE),
                      MIN (TILE, self->height - row * TILE) };

  if (tile)
    return tile;
  if (g_hash_table_size (self->tiles) >= TILES)
    g_hash_table_remove_all (self->tiles);
  g_autoptr (KolPicture) picture = cut_out (self, &part);
  tile = kx_texture_from_picture (picture, 0);
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

static void
draw_tiles (KxDeepPicture *self, GtkSnapshot *snapshot, const graphene_rect_t *place,
            const graphene_rect_t *sight, double scale)
{
  gsize right, bottom;
  gsize left = find_tiles (place->origin.x, scale, sight->origin.x, sight->size.width, self->width,
                           &right);
  gsize top = find_tiles (place->origin.y, scale, sight->origin.y, sight->size.height, self->height,
                          &bottom);

  for (gsize row = top; row < bottom; row++)
    for (gsize column = left; column < right; column++)
      draw_tile (self, snapshot, place, scale, column, row);
}

/* ── Shrunk ──────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  Part part;
  double scale;
} Shrinking;

static void
shrink (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Shrinking *wanted = data;
  g_autoptr (KolPicture) picture = cut_out (source, &wanted->part);
  gsize width = (gsize) MAX (1, lround ((double) picture->width * wanted->scale));
  gsize height = (gsize) MAX (1, lround ((double) picture->height * wanted->scale));
  g_autoptr (KolPicture) smaller = kol_picture_resize (picture, width, height, KOL_BILINEAR, NULL);

  g_task_return_pointer (task, smaller ? kx_texture_from_picture (smaller, 0) : NULL,
                         g_object_unref);
}

static void
shrunk (GObject *source, GAsyncResult *result, gpointer unused)
{
  KxDeepPicture *self = KX_DEEP_PICTURE (source);
  const Shrinking *wanted = g_task_get_task_data (G_TASK (result));
  GdkTexture *texture = g_task_propagate_pointer (G_TASK (result), NULL);

  self->shrinking = FALSE;
  if (!texture) /* no memory */
    return;
  g_clear_object (&self->shrunk);
  self->shrunk = texture;
  self->part = wanted->part;
  self->scale = wanted->scale;
  gdk_paintable_invalidate_contents (GDK_PAINTABLE (self));
}

/* From @from on, in the direction of @step, where a pixel of the screen begins, nearly; the picture
 * ends at @size. */
static gsize
find_edge (double from, int step, gsize size, double scale)
{
  double best = from, least = 1;

  for (int i = 0; i < SOUGHT; i++, from += step)
    {
      double off = fabs (from * scale - round (from * scale));

      if (from <= 0 || from >= (double) size)
        return from <= 0 ? 0 : size;
      if (off < least)
        {
          least = off;
          best = from;
        }
    }
  return (gsize) best;
}

/* What is from @start to @end, in pixels of the picture, with some around it. */
static gsize
widen (double start, double end, gsize size, double scale, gsize *length)
{
  double around = (end - start) * AROUND;
  gsize first = find_edge (floor (start - around), -1, size, scale);

  *length = find_edge (ceil (end + around), 1, size, scale) - first;
  return first;
}

static void
begin_to_shrink (KxDeepPicture *self, const graphene_rect_t *seen, double scale)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, shrunk, NULL);
  Shrinking *wanted = g_new (Shrinking, 1);
  Part *part = &wanted->part;

  self->shrinking = TRUE;
  part->left
      = widen (seen->origin.x, seen->origin.x + seen->size.width, self->width, scale, &part->width);
  part->top = widen (seen->origin.y, seen->origin.y + seen->size.height, self->height, scale,
                     &part->height);
  wanted->scale = scale;
  g_task_set_task_data (task, wanted, g_free);
  g_task_run_in_thread (task, shrink);
}

/* A pixel of the texture is one of the screen. */
static graphene_rect_t
align (const graphene_rect_t *rect, GdkTexture *texture, int density)
{
  return GRAPHENE_RECT_INIT (roundf (rect->origin.x * (float) density) / (float) density,
                             roundf (rect->origin.y * (float) density) / (float) density,
                             (float) gdk_texture_get_width (texture) / (float) density,
                             (float) gdk_texture_get_height (texture) / (float) density);
}

/* What is in sight, as it was shrunk last, over all of it as a screen shows it; one part is shrunk
 * at a time, and what is wanted meanwhile is asked for when it is drawn again. */
static void
draw_shrunk (KxDeepPicture *self, GtkSnapshot *snapshot, const graphene_rect_t *place,
             const graphene_rect_t *sight, double scale, int density)
{
  const graphene_rect_t all = GRAPHENE_RECT_INIT (0, 0, (float) self->width, (float) self->height);
  const Part *part = &self->part;
  graphene_rect_t of = GRAPHENE_RECT_INIT ((float) part->left, (float) part->top,
                                           (float) part->width, (float) part->height);
  graphene_rect_t seen = GRAPHENE_RECT_INIT ((float) ((sight->origin.x - place->origin.x) / scale),
                                             (float) ((sight->origin.y - place->origin.y) / scale),
                                             (float) (sight->size.width / scale),
                                             (float) (sight->size.height / scale));
  double wanted = scale * density;

  if (!graphene_rect_intersection (&seen, &all, &seen))
    return;
  gboolean good = self->shrunk && wanted >= KX_NEARLY * self->scale; /* not to be shrunk again */
  gboolean covers = good && graphene_rect_contains_rect (&of, &seen);
  if (!covers)
    kx_shrunk_draw (self->whole, snapshot, place);
  if (good)
    {
      graphene_rect_scale (&of, (float) scale, (float) scale, &of);
      graphene_rect_offset (&of, place->origin.x, place->origin.y);
      if (self->scale == wanted)
        of = align (&of, self->shrunk, density);
      gtk_snapshot_append_texture (snapshot, self->shrunk, &of);
    }
  if (!self->shrinking && !(covers && self->scale == wanted))
    begin_to_shrink (self, &seen, wanted);
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

  kx_shrunk_set_density (self->whole, density);
  if ((gsize) whole >= self->width || place->size.width * (float) density <= (float) (whole + 1))
    kx_shrunk_draw (self->whole, snapshot, place);
  else if (scale * density < KX_NEARLY)
    draw_shrunk (self, snapshot, place, part, scale, density);
  else
    draw_tiles (self, snapshot, place, part, scale);
}
