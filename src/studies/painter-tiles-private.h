/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * Painting a picture that is too large for the device, in tiles, with a network that was
 * trained here. Its layers normalize by the statistics of the whole picture, which are
 * computed exactly: a pass over all tiles for each such layer, and one more that paints.
 */

#include "../graph/graph.h"
#include "study.h"

G_BEGIN_DECLS

typedef struct {
  KolParameters *parameters;
  guint width;         /* of the network */
  gsize rows, columns; /* of the picture, multiples of KOL_FAST_STYLE_MULTIPLE */
  gsize core;          /* the side of a tile, without what is around it */
} KolPainterTiles;

/* The largest tiles that fit; 0 where not even small ones do. Also the bytes that they take. */
gsize kol_painter_tiles_choose (const KolPainterTiles *tiles, guint64 budget, guint64 *bytes,
                                GError **error);
/* [3, rows, columns], from pixels 0..1 of that size. Given. */
float *kol_painter_tiles_paint (const KolPainterTiles *tiles, const float *pixels,
                                const KolStudyWatch *watch, GError **error);

G_END_DECLS
