/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "../src/kolinsky.h"

G_BEGIN_DECLS

/** KX_THUMBNAIL: the longer side of a thumbnail, in pixels. */
#define KX_THUMBNAIL 144

/**
 * KxPaintPicture:
 * @name: what people call it: "harbour.jpg"
 * @place: where it can be read again: a path, or "resource:///..."
 * @picture: its pixels
 * @texture: it, at most as large as a screen shows
 * @thumbnail: it, at most #KX_THUMBNAIL large
 * @file: (nullable): where the pixels lie, if that is not in memory
 *
 * A picture to paint from. Nothing changes it, so that threads may share it. Reference-counted.
 */
typedef struct {
  gatomicrefcount references;
  char *name;
  char *place;
  KolPicture *picture;
  GdkTexture *texture;
  GdkTexture *thumbnail;
  GMappedFile *file;
} KxPaintPicture;

KxPaintPicture *kx_paint_picture_new (const char *name, const char *place, KolPicture *picture);
void kx_paint_picture_put_away (KxPaintPicture *picture);
const char *kx_paint_picture_get_path (const KxPaintPicture *picture);
char *kx_paint_picture_give_path (const KxPaintPicture *picture);
KxPaintPicture *kx_paint_picture_load (const char *place, GError **error);
void kx_paint_picture_load_async (const char *place, GCancellable *cancellable,
                                  GAsyncReadyCallback done, gpointer user_data);
KxPaintPicture *kx_paint_picture_load_finish (GAsyncResult *result, GError **error);
void kx_paint_picture_keep_async (GdkTexture *texture, GAsyncReadyCallback done,
                                  gpointer user_data);
KxPaintPicture *kx_paint_picture_ref (KxPaintPicture *picture);
void kx_paint_picture_unref (KxPaintPicture *picture);

/* What GTK shows of pixels; from any thread. */
GdkTexture *kx_texture_from_picture (const KolPicture *picture, gsize longest);
KolPicture *kx_picture_from_texture (GdkTexture *texture);
KolPicture *kx_picture_fit (const KolPicture *picture, gsize longest);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxPaintPicture, kx_paint_picture_unref)

G_END_DECLS
