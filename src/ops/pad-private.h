/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* The launch of kernels/pad.cl, which the gradient of a slice needs, too. */

#include "../graph/op-private.h"
#include "ops.h"

G_BEGIN_DECLS

/* Where a dimension of x comes to lie: y's position start + q step is x's position q. */
typedef struct {
  gint64 x_length, y_length;
  gint64 start, step; /* a step below 0 turns x round; only KOL_PAD_CONSTANT has one but 1 */
} KolPlacement;

/* Writes all of output 0 from input 0; a placement for each of the @n axes, the outermost first. */
gboolean kol_pad_launch (KolLaunch *launch, KolPadMode mode, float value, const KolPlacement *axes,
                         int n, GError **error);

G_END_DECLS
