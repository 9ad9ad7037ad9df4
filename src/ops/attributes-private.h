/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * What nodes carry, for those who write networks to files: of operations whose
 * attributes are no struct of ops.h, and that share none in a header of their own.
 */

#include "../ops.h"

G_BEGIN_DECLS

/* Of concat, softmax and log_softmax: an axis, which may count from the end. */
typedef struct {
  int axis;
} KolAxisAttributes;

/* Of layer_norm and group_norm. */
typedef struct {
  int axis;   /* layer: from which on all are normalized; negative: from the end */
  int groups; /* group: how many; 0: this is layer normalization */
  double epsilon;
} KolNormAttributes;

/* Of resize and its gradient. */
typedef struct {
  KolResize how;
  KolShape shape; /* of x */
} KolResizeAttributes;

G_END_DECLS
