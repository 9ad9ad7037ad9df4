/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * How much of a picture a feature sees: feature i of an axis is computed of the pixels
 * i stride - before ... i stride + after, and of none beside these. A picture can then be
 * computed in parts with the same result.
 */

#include "../graph/graph.h"

G_BEGIN_DECLS

/* Of rows and columns. */
typedef struct {
  gint64 stride[2], before[2], after[2];
} KolReach;

/* Of @value, computed of @pixels. FALSE where it sees the whole picture, or scales it. */
gboolean kol_reach_find (KolValue *value, KolValue *pixels, KolReach *reach, GError **error);

G_END_DECLS
