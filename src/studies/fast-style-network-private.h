/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

#define KOL_FAST_STYLE_PREFIX "study/fast/"
#define KOL_FAST_STYLE_KIND "fast-style" /* in a file's metadata */
#define KOL_FAST_STYLE_MULTIPLE 4        /* that heights and widths have to be of */

/*
 * The painted pictures [N, 3, H, W], of photos 0..1; both may be a little outside of that.
 * Its parameters' names begin with the prefix above.
 */
KolValue *kol_fast_style_build (KolValue *photos, guint width);

/*
 * The network in parts of a picture: what normalizes has to know the statistics of the whole,
 * one layer after another, as each depends on those before.
 */
#define KOL_FAST_STYLE_NORMS 15
#define KOL_FAST_STYLE_REACH 64 /* pixels to each side that a painted pixel depends on, or less */

typedef struct {
  guint known; /* of how many layers the statistics are known: KOL_FAST_STYLE_NORMS: all */
  gint64 channels[KOL_FAST_STYLE_NORMS]; /* out: of each */
  int stride[KOL_FAST_STYLE_NORMS];      /* out: pixels between two of its features */
  KolValue *means[KOL_FAST_STYLE_NORMS], *scales[KOL_FAST_STYLE_NORMS]; /* out: placeholders [C]
                                                                           of those known */
  KolValue *next; /* out: the features of the first one that is not known */
} KolFastStyleNorms;

#define KOL_FAST_STYLE_EPSILON 1e-5 /* that is added to variances */

KolValue *kol_fast_style_build_part (KolValue *photos, guint width, KolFastStyleNorms *norms);

G_END_DECLS
