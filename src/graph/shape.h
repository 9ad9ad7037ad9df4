/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"

G_BEGIN_DECLS

#define KOL_MAX_RANK 8
/** KOL_MAX_ELEMENTS: a tensor has no more: 1 PiB. Sums and small multiples fit 64 bits. */
#define KOL_MAX_ELEMENTS (G_GINT64_CONSTANT (1) << 48)

/**
 * KolShape:
 * @rank: number of dimensions; 0 is a scalar
 * @dim: their lengths, the outermost first
 *
 * The shape of a contiguous, row-major float32 tensor. Passed by value.
 */
typedef struct {
  int rank;
  gint64 dim[KOL_MAX_RANK];
} KolShape;

/** KOL_SHAPE: a shape written out: `KOL_SHAPE (50, 1, 28, 28)`. */
#define KOL_SHAPE(...)                                                                             \
  ((KolShape){ (int) (sizeof ((gint64[]){ __VA_ARGS__ }) / sizeof (gint64)), { __VA_ARGS__ } })
/** KOL_SCALAR: the shape of a single number. */
#define KOL_SCALAR ((KolShape){ 0 })

KOL_API gint64 kol_shape_count (const KolShape *shape);
KOL_API gboolean kol_shape_check (const KolShape *shape, GError **error);
KOL_API gboolean kol_shape_equal (const KolShape *a, const KolShape *b);
KOL_API char *kol_shape_to_string (const KolShape *shape);
KOL_API gboolean kol_shape_broadcast (const KolShape *a, const KolShape *b, KolShape *result);

G_END_DECLS
