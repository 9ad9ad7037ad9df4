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

KOL_API KolPicture *kol_picture_load (const char *path, GError **error);
KOL_API KolPicture *kol_picture_scale (const KolPicture *picture, gsize width, gsize height);
KOL_API KolPicture *kol_picture_convert (const KolPicture *picture, gsize channels);
KOL_API void kol_picture_free (KolPicture *picture);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolPicture, kol_picture_free)

G_END_DECLS
