/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures shown smaller than they are. A renderer without a GPU shrinks a texture at each frame in
 * which it is seen, which takes it tens of milliseconds on the main thread; one with a GPU leaves
 * pixels out. A thread shrinks it instead, well, once for each size at which it is shown.
 */

#include "shrunk.h"

#include <math.h>

#include "paint-picture.h"

struct _KxShrunk {
  GObject parent_instance;

  GdkTexture *texture; /* as large as it is */
  GdkTexture *first;   /* nullable: shown until there is another */
  GdkTexture *shrunk;  /* nullable: as it was shown last */
  gboolean shrinking;
  int density;
};

static void paintable_init (GdkPaintableInterface *interface);

G_DEFINE_FINAL_TYPE_WITH_CODE (KxShrunk, kx_shrunk, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (GDK_TYPE_PAINTABLE, paintable_init))

/* ── On a thread ─────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  GdkTexture *texture;
  gsize width, height;
} Shrinking;

static void
shrinking_free (gpointer data)
{
  Shrinking *shrinking = data;

  g_object_unref (shrinking->texture);
  g_free (shrinking);
}

static void
shrink (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Shrinking *shrinking = data;
  g_autoptr (KolPicture) picture = kx_picture_from_texture (shrinking->texture);
  g_autoptr (KolPicture) smaller
      = kol_picture_resize (picture, shrinking->width, shrinking->height, KOL_BILINEAR, NULL);

  g_task_return_pointer (task, smaller ? kx_texture_from_picture (smaller, 0) : NULL,
                         g_object_unref);
}

static void
shrunk (GObject *source, GAsyncResult *result, gpointer unused)
{
  KxShrunk *self = KX_SHRUNK (source);
  GdkTexture *texture = g_task_propagate_pointer (G_TASK (result), NULL);

  self->shrinking = FALSE;
  if (!texture) /* no memory */
    return;
  g_clear_object (&self->shrunk);
  self->shrunk = texture;
  gdk_paintable_invalidate_contents (GDK_PAINTABLE (self));
}

/* One at a time: a size that is wanted meanwhile is asked for when it is drawn again. */
static void
begin_to_shrink (KxShrunk *self, int width, int height)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, shrunk, NULL);
  Shrinking *shrinking = g_new (Shrinking, 1);

  self->shrinking = TRUE;
  *shrinking = (Shrinking){ g_object_ref (self->texture), (gsize) MAX (width, 1),
                            (gsize) MAX (height, 1) };
  g_task_set_task_data (task, shrinking, shrinking_free);
  g_task_run_in_thread (task, shrink);
}

/* ── Drawing ─────────────────────────────────────────────────────────────────────────────────── */

/**
 * kx_shrunk_draw:
 * @self: a picture
 * @snapshot: where it is drawn
 * @place: where in that
 *
 * Draws it. Where it is not yet of that size, what there is is drawn instead, and the contents are
 * invalidated once it is.
 */
void
kx_shrunk_draw (KxShrunk *self, GtkSnapshot *snapshot, const graphene_rect_t *place)
{
  int width = (int) lround (place->size.width * self->density);
  int height = (int) lround (place->size.height * self->density);
  GdkTexture *shown = self->texture;

  if (width < KX_NEARLY * gdk_texture_get_width (self->texture))
    {
      gboolean fits = self->shrunk && gdk_texture_get_width (self->shrunk) == width
                      && gdk_texture_get_height (self->shrunk) == height;

      if (!fits && !self->shrinking)
        begin_to_shrink (self, width, height);
      shown = self->shrunk ? self->shrunk : self->first ? self->first : self->texture;
    }
  gtk_snapshot_append_texture (snapshot, shown, place);
}

static void
kx_shrunk_snapshot (GdkPaintable *paintable, GdkSnapshot *snapshot, double width, double height)
{
  kx_shrunk_draw (KX_SHRUNK (paintable), snapshot,
                  &GRAPHENE_RECT_INIT (0, 0, (float) width, (float) height));
}

static int
kx_shrunk_get_width (GdkPaintable *paintable)
{
  return gdk_texture_get_width (KX_SHRUNK (paintable)->texture);
}

static int
kx_shrunk_get_height (GdkPaintable *paintable)
{
  return gdk_texture_get_height (KX_SHRUNK (paintable)->texture);
}

static GdkPaintableFlags
kx_shrunk_get_flags (GdkPaintable *paintable)
{
  return GDK_PAINTABLE_STATIC_SIZE;
}

static void
paintable_init (GdkPaintableInterface *interface)
{
  interface->snapshot = kx_shrunk_snapshot;
  interface->get_intrinsic_width = kx_shrunk_get_width;
  interface->get_intrinsic_height = kx_shrunk_get_height;
  interface->get_flags = kx_shrunk_get_flags;
}

/* ── The picture ─────────────────────────────────────────────────────────────────────────────── */

static void
kx_shrunk_finalize (GObject *object)
{
  KxShrunk *self = KX_SHRUNK (object);

  g_clear_object (&self->texture);
  g_clear_object (&self->first);
  g_clear_object (&self->shrunk);
  G_OBJECT_CLASS (kx_shrunk_parent_class)->finalize (object);
}

static void
kx_shrunk_class_init (KxShrunkClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = kx_shrunk_finalize;
}

static void
kx_shrunk_init (KxShrunk *self)
{
  self->density = 1;
}

/**
 * kx_shrunk_new:
 * @texture: the picture, as large as it is
 * @first: (nullable): the same, small, for the moment until it is shrunk; %NULL: @texture, which
 *   may take long
 *
 * Returns: (transfer full): it
 */
KxShrunk *
kx_shrunk_new (GdkTexture *texture, GdkTexture *first)
{
  KxShrunk *self = g_object_new (KX_TYPE_SHRUNK, NULL);

  self->texture = g_object_ref (texture);
  g_set_object (&self->first, first);
  return self;
}

/**
 * kx_shrunk_get_texture:
 * @self: a picture
 *
 * Returns: (transfer none): it, as large as it is
 */
GdkTexture *
kx_shrunk_get_texture (KxShrunk *self)
{
  return self->texture;
}

/**
 * kx_shrunk_set_density:
 * @self: a picture
 * @density: pixels of the screen to one of the place where it is drawn
 */
void
kx_shrunk_set_density (KxShrunk *self, int density)
{
  self->density = density;
}
