/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"

G_BEGIN_DECLS

/**
 * KolPicture:
 * @channels: 1, grey, or 3: red, green, blue
 * @height: rows
 * @width: columns
 * @pixels: `[channels, height, width]`, each 0..255
 *
 * A picture in memory, one plane for each channel.
 */
typedef struct {
  gsize channels;
  gsize height;
  gsize width;
  guint8 *pixels;
} KolPicture;

/**
 * KolPictureFilter:
 * @KOL_BILINEAR: a triangle, two pixels wide
 * @KOL_BICUBIC: Keys' cubic with a = -1/2, four pixels wide; sharper
 *
 * What pixels are weighted by when a picture is scaled. Where it shrinks, the filter is
 * as much wider, so that every old pixel counts.
 */
typedef enum {
  KOL_BILINEAR,
  KOL_BICUBIC,
} KolPictureFilter;

/**
 * KolPictureBox:
 * @left: columns before it
 * @top: rows above it
 * @width: columns, at least 1
 * @height: rows, at least 1
 *
 * A part of a picture.
 */
typedef struct {
  gsize left;
  gsize top;
  gsize width;
  gsize height;
} KolPictureBox;

KOL_API KolPicture *kol_picture_load (const char *path, GError **error);
KOL_API KolPicture *kol_picture_resize (const KolPicture *picture, gsize width, gsize height,
                                        KolPictureFilter filter, const KolPictureBox *part);
KOL_API KolPicture *kol_picture_convert (const KolPicture *picture, gsize channels);
KOL_API void kol_picture_free (KolPicture *picture);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolPicture, kol_picture_free)

G_END_DECLS
