/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "style-loss-private.h"

#include "../graph/op-private.h"
#include "../ops.h"

#define ROOT_ITERATIONS 12

/* ── Statistics ──────────────────────────────────────────────────────────────────────────────── */

/* F F^T times @factor. */
static KolValue *
products (KolValue *features, double factor)
{
  if (kol_value_failed (features))
    return features;
  KolValue *rows = kol_reshape (features, KOL_SHAPE (features->shape.dim[1], -1));

  return kol_scale (kol_matmul_with (rows, rows, &(KolMatmul){ .transpose_b = TRUE }),
                    (float) factor, 0);
}

KolValue *
kol_style_gram (KolValue *features)
{
  return products (features, kol_value_failed (features) ? 1 : 1 / (double) kol_count (features));
}

KolValue *
kol_style_grams (KolValue *features)
{
  if (kol_value_failed (features))
    return features;
  KolShape shape = features->shape;
  KolValue *rows = kol_reshape (features, KOL_SHAPE (shape.dim[0], shape.dim[1], -1));
  double count = (double) (shape.dim[1] * shape.dim[2] * shape.dim[3]);

  return kol_scale (kol_matmul_with (rows, rows, &(KolMatmul){ .transpose_b = TRUE }),
                    (float) (1 / count), 0);
}

KolValue *
kol_style_means (KolValue *features, KolValue *map)
{
  KolValue *weighted = map ? kol_multiply (features, kol_square (map)) : features;

  return kol_mean_over (weighted, &(KolReduce){ .n_axes = 3, .axes = { 0, 2, 3 } });
}

KolValue *
kol_style_covariances (KolValue *features, KolValue *means, KolValue *map)
{
  if (kol_value_failed (features) || kol_value_failed (means))
    return kol_value_failed (means) ? means : features;
  KolShape shape = features->shape;
  KolValue *apart = kol_subtract (features, kol_reshape (means, KOL_SHAPE (shape.dim[1], 1, 1)));

  return products (map ? kol_multiply (apart, map) : apart,
                   1 / (double) (shape.dim[2] * shape.dim[3]));
}

KolValue *
kol_style_gram_loss (KolValue *gram, KolValue *wanted)
{
  return kol_mean (kol_square (kol_subtract (gram, wanted)));
}

/* ── Wasserstein's distance ──────────────────────────────────────────────────────────────────── */

/*
 * Y = A / |A| and Z = 1 become A^(1/2) and A^(-1/2), scaled, by Y <- Y T, Z <- T Z with
 * T = (3 - Z Y) / 2 (Higham, "Functions of matrices", 2008, section 6.3).
 */
KolValue *
kol_style_root (KolValue *a, KolValue *identity, KolValue **inverse)
{
  KolValue *norm = kol_norm2 (a, NULL), *y = kol_divide (a, norm), *z = NULL;
  KolValue *three_halves = kol_scale (identity, 1.5f, 0);

  for (int i = 0; i < ROOT_ITERATIONS; i++)
    {
      KolValue *t = kol_subtract (three_halves, kol_scale (z ? kol_matmul (z, y) : y, 0.5f, 0));

      y = kol_matmul (y, t);
      z = z ? kol_matmul (t, z) : t;
    }
  if (inverse)
    *inverse = kol_divide (z, kol_sqrt (norm));
  return kol_multiply (y, kol_sqrt (norm));
}

/*
 * The trace of A^(1/2). Its gradient is A^(-1/2) / 2, which the iteration has as well, so
 * nothing goes back through that: half of A A^(-1/2) has this gradient where A^(-1/2) is
 * held, and the other half is a number.
 */
static KolValue *
trace_of_root (KolValue *a, KolValue *identity)
{
  KolValue *inverse, *held = kol_detach (a);
  KolValue *root = kol_style_root (held, identity, &inverse);
  KolValue *slope = kol_scale (kol_sum (kol_multiply (a, inverse), NULL), 0.5f, 0);
  KolValue *trace = kol_sum (kol_multiply (root, identity), NULL);

  return kol_add (kol_subtract (slope, kol_detach (slope)), trace);
}

KolValue *
kol_style_wasserstein_loss (KolValue *means, KolValue *covariances, const KolStyleNormal *wanted,
                            KolValue *identity)
{
  if (kol_value_failed (means))
    return means;
  KolValue *inner = kol_matmul (kol_matmul (wanted->root, covariances), wanted->root);
  /* Rounding makes it a little lopsided, which the iteration would make more of. */
  KolValue *even = kol_scale (
      kol_add (inner, kol_transpose (inner, &(KolTranspose){ .order = { 1, 0 } })), 0.5f, 0);
  KolValue *traces
      = kol_sum (kol_multiply (kol_add (covariances, wanted->covariances), identity), NULL);
  KolValue *spread = kol_subtract (traces, kol_scale (trace_of_root (even, identity), 2, 0));

  return kol_add (kol_mean (kol_square (kol_subtract (means, wanted->means))),
                  kol_scale (spread, 1 / (float) means->shape.dim[0], 0));
}

/* ── Variation ───────────────────────────────────────────────────────────────────────────────── */

/* x[y + @down, x + @right] - x[y, x], of the pixels that have both; @right may be -1. */
static KolValue *
differences (KolValue *x, int down, int right)
{
  KolSlice there = { .n_axes = 2,
                     .axes = { 2, 3 },
                     .start = { down, MAX (right, 0) },
                     .stop = { G_MAXINT64, right < 0 ? right : G_MAXINT64 } };
  KolSlice here = { .n_axes = 2,
                    .axes = { 2, 3 },
                    .start = { 0, MAX (-right, 0) },
                    .stop = { down ? -down : G_MAXINT64, right > 0 ? -right : G_MAXINT64 } };

  return kol_subtract (kol_slice (x, &there), kol_slice (x, &here));
}

/* Their sum of squares, 0 where there is no such pixel. */
static KolValue *
squares (KolValue *x, int down, int right)
{
  if (kol_value_failed (x))
    return x;
  if (x->shape.dim[2] <= down || x->shape.dim[3] <= ABS (right))
    return kol_constant (x->graph, 0);
  return kol_sum_of_squares (differences (x, down, right), NULL);
}

KolValue *
kol_style_variation (KolValue *picture)
{
  return kol_scale (kol_add (squares (picture, 0, 1), squares (picture, 1, 0)), 0.5f, 0);
}

/*
 * Of a function of the plane the squared slope is a third of each neighbour's on the
 * four sides, and a twelfth of each diagonal one's, which is twice as far away squared.
 */
KolValue *
kol_style_even_variation (KolValue *picture)
{
  if (kol_value_failed (picture))
    return picture;
  KolValue *sides = kol_add (squares (picture, 0, 1), squares (picture, 1, 0));
  KolValue *corners = kol_add (squares (picture, 1, 1), squares (picture, 1, -1));
  float n = (float) kol_count (picture);

  return kol_add (kol_scale (sides, 1 / (3 * n), 0), kol_scale (corners, 1 / (12 * n), 0));
}
