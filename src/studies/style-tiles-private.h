/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * Features of a picture that is too large for the device, in tiles. Each tile is computed
 * with as much around it as its features see, and each feature counts in one tile alone:
 * sums over all tiles are those of the whole picture, and so is the gradient.
 */

#include "layers.h"
#include "style-pictures-private.h"
#include "style.h"

G_BEGIN_DECLS

typedef struct {
  KolLayers *layers;
  const KolStyleOptions *options;   /* whose layers are computed */
  KolStyleSize size;                /* of the picture */
  gboolean content;                 /* whether the content layers are compared, too */
  const KolPicture *const *regions; /* one or NULL for each set of styles; for a style: its part */
  guint n_regions;
  guint64 budget; /* bytes of the device for a tile */
} KolStyleTilesTask;

/* Of a region and a style layer, the region first: means over the picture. */
typedef struct {
  gsize channels;
  double *products; /* [C, C]: of features with features */
  double *means;    /* [C] */
} KolStyleSums;

typedef struct _KolStyleTiles KolStyleTiles;

/* The largest tiles that the budget allows; the smallest that there are, if it allows none. Given.
 */
KolStyleTiles *kol_style_tiles_new (const KolStyleTilesTask *task, GError **error);
void kol_style_tiles_free (KolStyleTiles *tiles);
guint64 kol_style_tiles_get_peak (const KolStyleTiles *tiles);
/* A tile with what its features see around it. */
void kol_style_tiles_get_window (const KolStyleTiles *tiles, gsize *width, gsize *height);
guint kol_style_tiles_get_count (const KolStyleTiles *tiles);
KolStyleSums *kol_style_tiles_get_sums (KolStyleTiles *tiles, guint i);
/* The sum of squares of a content layer's differences, or features, divided by their number. */
double kol_style_tiles_get_content (const KolStyleTiles *tiles, guint i);

/* @pixels: [C, H, W], 0..1. Makes the sums; the content is what was wanted last. */
gboolean kol_style_tiles_sum (KolStyleTiles *tiles, const float *pixels, GCancellable *cancellable,
                              GError **error);
/* Keeps the features of the content layers; their content is then that of their squares. */
gboolean kol_style_tiles_want_content (KolStyleTiles *tiles, const float *pixels,
                                       GCancellable *cancellable, GError **error);
/*
 * Adds the gradient to [C, H, W]. @products and @means: of the loss, with respect to the
 * sums; @contents: what the content's numbers are multiplied by.
 */
gboolean kol_style_tiles_add_gradient (KolStyleTiles *tiles, const float *pixels,
                                       float *const *products, float *const *means,
                                       const double *contents, GCancellable *cancellable,
                                       float *gradient, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolStyleTiles, kol_style_tiles_free)

G_END_DECLS
