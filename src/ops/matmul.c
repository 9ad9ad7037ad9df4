/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * matmul: y[.., m, n] = sum_k a[.., m, k] b[.., k, n], either side stored
 * transposed if asked for, either side used for the whole batch if it has no
 * leading dimensions. The constructor brings vectors, and leading dimensions that
 * broadcast, into that form.
 */

#include "../device/blas-private.h"
#include "../ops.h"
#include "product-private.h"

extern const KolOp *const kol_matmul_ops[];
static const KolOp matmul_op;

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

static gint64
from_end (const KolShape *shape, int i)
{
  return shape->dim[shape->rank - i];
}

static gint64
leading_count (const KolShape *shape)
{
  gint64 count = 1;

  for (int i = 0; i < shape->rank - 2; i++)
    count *= shape->dim[i];
  return count;
}

/*
 * The node's product. Rows of a batched a that all meet the same b are rows of
 * one large matrix, unless they are stored as columns.
 */
KolProduct
kol_product_of (const KolNode *node)
{
  const KolMatmul *how = node->attributes;
  const KolShape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape;
  KolProduct product = { .rows = from_end (a, how->transpose_a ? 1 : 2),
                         .columns = from_end (b, how->transpose_b ? 2 : 1),
                         .inner = from_end (a, how->transpose_a ? 2 : 1),
                         .transpose_a = how->transpose_a,
                         .transpose_b = how->transpose_b,
                         .batched_a = a->rank > 2,
                         .batched_b = b->rank > 2 };

  product.batch = leading_count (product.batched_a ? a : b);
  if (product.batched_a && !product.batched_b && !product.transpose_a
      && product.rows * product.batch <= G_MAXINT)
    {
      product.rows *= product.batch;
      product.batch = 1;
    }
  return product;
}

static gboolean
leading_dimensions_agree (const KolShape *a, const KolShape *b)
{
  if (a->rank == 2 || b->rank == 2)
    return TRUE;
  if (a->rank != b->rank)
    return FALSE;
  for (int i = 0; i < a->rank - 2; i++)
    if (a->dim[i] != b->dim[i])
      return FALSE;
  return TRUE;
}

static gboolean
infer (KolNode *node, GError **error)
{
  const KolMatmul *how = node->attributes;
  const KolShape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape;
  KolShape *y = &node->outputs[0].shape;
  gint64 inner_a, inner_b;

  if (a->rank < 2 || b->rank < 2)
    return kol_infer_fail (error,
                           "matmul of %s and %s: both sides have to be vectors, matrices or "
                           "batches of matrices, not single numbers",
                           kol_shape_text (a), kol_shape_text (b));
  inner_a = from_end (a, how->transpose_a ? 2 : 1);
  inner_b = from_end (b, how->transpose_b ? 1 : 2);
  if (inner_a != inner_b)
    return kol_infer_fail (error,
                           "matmul of %s%s and %s%s: the inner lengths %" G_GINT64_FORMAT
                           " and %" G_GINT64_FORMAT " differ",
                           kol_shape_text (a), how->transpose_a ? " transposed" : "",
                           kol_shape_text (b), how->transpose_b ? " transposed" : "", inner_a,
                           inner_b);
  if (!leading_dimensions_agree (a, b))
    return kol_infer_fail (error,
                           "matmul of %s and %s: the dimensions before the last two do not go "
                           "together; from the last one on they should be equal, 1 or missing",
                           kol_shape_text (a), kol_shape_text (b));

  *y = a->rank > 2 ? *a : *b;
  y->dim[y->rank - 2] = from_end (a, how->transpose_a ? 1 : 2);
  y->dim[y->rank - 1] = from_end (b, how->transpose_b ? 2 : 1);
  for (int i = 0; i < y->rank; i++)
    if (y->dim[i] > G_MAXINT || inner_a > G_MAXINT)
      return kol_infer_fail (error, "matmul of %s and %s: a length exceeds %d", kol_shape_text (a),
                             kol_shape_text (b), G_MAXINT);
  return TRUE;
}

/* ── Gradient ───────────────────────────────────────────────────────────────────────────────── */

static KolValue *
multiply (KolValue *a, gboolean transpose_a, KolValue *b, gboolean transpose_b)
{
  return kol_matmul_with (a, b, &(KolMatmul){ transpose_a, transpose_b });
}

/* [.., rows, columns] as the one matrix [.. rows, columns]. */
static KolValue *
flatten (KolValue *value)
{
  if (kol_value_failed (value))
    return value;
  return kol_reshape (value, KOL_SHAPE (-1, from_end (&value->shape, 1)));
}

/* The gradient to a side that had no leading dimensions is the sum over those of @gradient. */
static KolValue *
sum_leading (KolValue *gradient, const KolShape *side)
{
  KolReduce over = { .n_axes = gradient->shape.rank - side->rank };

  if (kol_value_failed (gradient) || over.n_axes <= 0)
    return gradient;
  for (int i = 0; i < over.n_axes; i++)
    over.axes[i] = i;
  return kol_sum (gradient, &over);
}

/*
 * With y = A B: dA = dy B^T and dB = A^T dy, each turned round where the side
 * is stored transposed.
 */
static void
gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  const KolMatmul *how = node->attributes;
  gboolean ta = how->transpose_a, tb = how->transpose_b;
  KolValue *a = node->inputs[0], *b = node->inputs[1], *d = dy[0];

  if (!d)
    return;
  dx[0] = sum_leading (ta ? multiply (b, tb, d, TRUE) : multiply (d, FALSE, b, !tb), &a->shape);
  if (a->shape.rank > 2 && b->shape.rank == 2 && !ta)
    {
      /* b met every row of a: one long product sums over the batch by itself. */
      a = flatten (a);
      d = flatten (d);
    }
  dx[1] = sum_leading (tb ? multiply (d, TRUE, a, ta) : multiply (a, !ta, d, FALSE), &b->shape);
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

static void
reference (const KolNode *node, const double *const *x, double *const *y)
{
  KolProduct p = kol_product_of (node);

  for (gint64 i = 0; i < p.batch; i++)
    {
      const double *a = x[0] + (p.batched_a ? i * p.rows * p.inner : 0);
      const double *b = x[1] + (p.batched_b ? i * p.inner * p.columns : 0);
      double *to = y[0] + i * p.rows * p.columns;

      for (gint64 m = 0; m < p.rows; m++)
        for (gint64 k = 0; k < p.inner; k++)
          {
            double factor = a[p.transpose_a ? k * p.rows + m : m * p.inner + k];

            for (gint64 n = 0; n < p.columns; n++)
              to[m * p.columns + n]
                  += factor * b[p.transpose_b ? n * p.inner + k : k * p.columns + n];
          }
    }
}

static double
flops (const KolNode *node)
{
  KolProduct p = kol_product_of (node);

  return 2.0 * (double) p.batch * (double) p.rows * (double) p.columns * (double) p.inner;
}

/* ── Variant "plain" ────────────────────────────────────────────────────────────────────────── */

static gboolean
plain_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolProduct p = kol_product_of (node);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "matmul",
                                       .kernel = "matmul_forward",
                                       .global = { p.columns, p.rows, p.batch } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                     KOL_BUFFER (launch->outputs[0]), KOL_INT (p.rows),
                                     KOL_INT (p.columns), KOL_INT (p.inner),
                                     KOL_INT (p.transpose_a), KOL_INT (p.transpose_b),
                                     KOL_INT (p.batched_a), KOL_INT (p.batched_b)),
                           error);
}

/* ── Variant "clblast" ──────────────────────────────────────────────────────────────────────── */

static gboolean
clblast_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolProduct p = kol_product_of (node);

  return kol_blas_gemm (launch->queue, p.transpose_a, p.transpose_b, p.rows, p.columns, p.inner,
                        launch->inputs[0], p.transpose_a ? p.rows : p.inner,
                        p.batched_a ? p.rows * p.inner : 0, launch->inputs[1],
                        p.transpose_b ? p.inner : p.columns, p.batched_b ? p.inner * p.columns : 0,
                        launch->outputs[0], p.columns, p.rows * p.columns, p.batch, error);
}

/* ── The operation ──────────────────────────────────────────────────────────────────────────── */

static const KolMatmul nn = { FALSE, FALSE }, nt = { FALSE, TRUE }, tn = { TRUE, FALSE },
                       tt = { TRUE, TRUE };

/* clang-format off */
/* The names say M x N x K. */
static const KolCase cases[] = {
  { "1x1x1", 2, { KOL_SHAPE (1, 1), KOL_SHAPE (1, 1) }, &nn },
  { "1x1x1-tt", 2, { KOL_SHAPE (1, 1), KOL_SHAPE (1, 1) }, &tt },
  { "1x33x7", 2, { KOL_SHAPE (1, 7), KOL_SHAPE (7, 33) }, &nn },
  { "1x33x37-nt", 2, { KOL_SHAPE (1, 37), KOL_SHAPE (33, 37) }, &nt },
  { "2x300x5", 2, { KOL_SHAPE (2, 5), KOL_SHAPE (5, 300) }, &nn },
  { "3x31x16-tn", 2, { KOL_SHAPE (16, 3), KOL_SHAPE (16, 31) }, &tn },
  { "4x17x1100-tt", 2, { KOL_SHAPE (1100, 4), KOL_SHAPE (17, 1100) }, &tt },
  { "33x1x13", 2, { KOL_SHAPE (33, 13), KOL_SHAPE (13, 1) }, &nn },
  { "33x1x13-tn", 2, { KOL_SHAPE (13, 33), KOL_SHAPE (13, 1) }, &tn },
  { "261x2x65-nt", 2, { KOL_SHAPE (261, 65), KOL_SHAPE (2, 65) }, &nt },
  { "17x3x15-tt", 2, { KOL_SHAPE (15, 17), KOL_SHAPE (3, 15) }, &tt },
  { "19x23x1", 2, { KOL_SHAPE (19, 1), KOL_SHAPE (1, 23) }, &nn },
  { "19x23x1-nt", 2, { KOL_SHAPE (19, 1), KOL_SHAPE (23, 1) }, &nt },
  { "19x23x1-tn", 2, { KOL_SHAPE (1, 19), KOL_SHAPE (1, 23) }, &tn },
  { "19x23x1-tt", 2, { KOL_SHAPE (1, 19), KOL_SHAPE (23, 1) }, &tt },
  { "5x7x11", 2, { KOL_SHAPE (5, 11), KOL_SHAPE (11, 7) }, &nn },
  { "15x16x17", 2, { KOL_SHAPE (15, 17), KOL_SHAPE (17, 16) }, &nn },
  { "15x16x17-nt", 2, { KOL_SHAPE (15, 17), KOL_SHAPE (16, 17) }, &nt },
  { "16x17x15-tn", 2, { KOL_SHAPE (15, 16), KOL_SHAPE (15, 17) }, &tn },
  { "17x15x16-tt", 2, { KOL_SHAPE (16, 17), KOL_SHAPE (15, 16) }, &tt },
  { "31x32x33", 2, { KOL_SHAPE (31, 33), KOL_SHAPE (33, 32) }, &nn },
  { "32x33x31-nt", 2, { KOL_SHAPE (32, 31), KOL_SHAPE (33, 31) }, &nt },
  { "33x31x32-tn", 2, { KOL_SHAPE (32, 33), KOL_SHAPE (32, 31) }, &tn },
  { "33x65x31-tt", 2, { KOL_SHAPE (31, 33), KOL_SHAPE (65, 31) }, &tt },
  { "64x64x64", 2, { KOL_SHAPE (64, 64), KOL_SHAPE (64, 64) }, &nn },
  { "50x10x300", 2, { KOL_SHAPE (50, 300), KOL_SHAPE (300, 10) }, &nn },
  { "37x70x530", 2, { KOL_SHAPE (37, 530), KOL_SHAPE (530, 70) }, &nn, .slow = TRUE },
  { "37x70x530-nt", 2, { KOL_SHAPE (37, 530), KOL_SHAPE (70, 530) }, &nt, .slow = TRUE },
  { "37x70x530-tn", 2, { KOL_SHAPE (530, 37), KOL_SHAPE (530, 70) }, &tn, .slow = TRUE },
  { "37x70x530-tt", 2, { KOL_SHAPE (530, 37), KOL_SHAPE (70, 530) }, &tt, .slow = TRUE },
  { "batch-3x5x7x11", 2, { KOL_SHAPE (3, 5, 11), KOL_SHAPE (3, 11, 7) }, &nn },
  { "batch-2x3x17x33x9-tt", 2, { KOL_SHAPE (2, 3, 9, 17), KOL_SHAPE (2, 3, 33, 9) }, &tt },
  { "batch-4x1x9x33-nt", 2, { KOL_SHAPE (4, 1, 33), KOL_SHAPE (4, 9, 33) }, &nt },
  { "one-b-3x5x7x11", 2, { KOL_SHAPE (3, 5, 11), KOL_SHAPE (11, 7) }, &nn },
  { "one-b-3x5x7x11-nt", 2, { KOL_SHAPE (3, 5, 11), KOL_SHAPE (7, 11) }, &nt },
  { "one-b-3x5x7x11-tn", 2, { KOL_SHAPE (3, 11, 5), KOL_SHAPE (11, 7) }, &tn },
  { "one-b-2x2x5x7x11-tt", 2, { KOL_SHAPE (2, 2, 11, 5), KOL_SHAPE (7, 11) }, &tt },
  { "one-a-3x5x7x11", 2, { KOL_SHAPE (5, 11), KOL_SHAPE (3, 11, 7) }, &nn },
  { "one-a-2x3x5x7x11-nt", 2, { KOL_SHAPE (5, 11), KOL_SHAPE (2, 3, 7, 11) }, &nt },
  { "one-a-3x5x7x11-tn", 2, { KOL_SHAPE (11, 5), KOL_SHAPE (3, 11, 7) }, &tn },
  { "one-a-3x5x7x11-tt", 2, { KOL_SHAPE (11, 5), KOL_SHAPE (3, 7, 11) }, &tt },
  /* The lecture's fully connected layers and their gradients, and a square. */
  { "50x1024x3136", 2, { KOL_SHAPE (50, 3136), KOL_SHAPE (3136, 1024) }, &nn, .only_tune = TRUE },
  { "3136x1024x50-tn", 2, { KOL_SHAPE (50, 3136), KOL_SHAPE (50, 1024) }, &tn, .only_tune = TRUE },
  { "50x3136x1024-nt", 2, { KOL_SHAPE (50, 1024), KOL_SHAPE (3136, 1024) }, &nt,
    .only_tune = TRUE },
  { "batch-70x9x33x6", 2, { KOL_SHAPE (70, 9, 6), KOL_SHAPE (70, 6, 33) }, &nn }, /* entries in turn */
  { "1024x1024x1024", 2, { KOL_SHAPE (1024, 1024), KOL_SHAPE (1024, 1024) }, &nn,
    .only_tune = TRUE },
  { NULL },
};
/* clang-format on */

static const KolVariant variants[] = {
  { .name = "plain", .launch = plain_launch },
  { .name = "simd",
    .absorbs = KOL_BIAS | KOL_RESIDUAL | KOL_UNARY,
    .fits = kol_matmul_simd_fits,
    .scratch = kol_matmul_simd_scratch,
    .launch = kol_matmul_simd_launch },
  { .name = "simt",
    .absorbs = KOL_BIAS | KOL_RESIDUAL | KOL_UNARY,
    .fits = kol_matmul_simt_fits,
    .scratch = kol_matmul_simt_scratch,
    .launch = kol_matmul_simt_launch,
    .tune_only = TRUE },
  { .name = "clblast", .launch = clblast_launch, .tune_only = TRUE },
  { NULL },
};

/* Column n of the product times scale[n], where that is a column of the one matrix b. */
static KolValue *
scale_weights (KolNode *node, KolValue *scale)
{
  const KolMatmul *how = node->attributes;
  KolValue *b = node->inputs[1];

  if (node->outputs[0].shape.rank != 2)
    return NULL;
  if (how->transpose_b)
    scale = kol_reshape (scale, KOL_SHAPE (kol_count (scale), 1));
  return kol_multiply (b, scale);
}

static const KolOp matmul_op = {
  .name = "matmul",
  .attributes = sizeof (KolMatmul),
  .infer = infer,
  .gradient = gradient,
  .scale_weights = scale_weights,
  .reference = reference,
  .cases = cases,
  .variants = variants,
  .flops = flops,
};

const KolOp *const kol_matmul_ops[] = { &matmul_op, NULL };

/* ── Constructors ───────────────────────────────────────────────────────────────────────────── */

/* The dimensions before the last two. */
static KolShape
leading_of (const KolShape *shape)
{
  KolShape leading = *shape;

  leading.rank = MAX (shape->rank - 2, 0);
  return leading;
}

/* @leading, then the last two dimensions of @side. */
static KolShape
with_leading (KolShape leading, const KolShape *side)
{
  leading.dim[leading.rank++] = from_end (side, 2);
  leading.dim[leading.rank++] = from_end (side, 1);
  return leading;
}

/* Whether @leading are, at most, ones: then the side is a single matrix. */
static gboolean
is_single (const KolShape *leading)
{
  return kol_shape_count (leading) == 1;
}

/*
 * The product of sides whose leading dimensions are not equal but broadcast to
 * @both. A single matrix serves for all of the other side's as it is; else the
 * smaller side is stretched, which copies.
 */
static KolValue *
multiply_broadcast (KolValue *a, KolValue *b, const KolMatmul *how, KolShape both)
{
  KolShape of_a = leading_of (&a->shape), of_b = leading_of (&b->shape);
  KolValue *y;

  if (is_single (&of_a))
    a = kol_reshape (a, with_leading (KOL_SCALAR, &a->shape));
  else if (!kol_shape_equal (&of_a, &both) && !is_single (&of_b))
    a = kol_expand (a, with_leading (both, &a->shape));
  if (is_single (&of_b))
    b = kol_reshape (b, with_leading (KOL_SCALAR, &b->shape));
  else if (!kol_shape_equal (&of_b, &both) && !is_single (&of_a))
    b = kol_expand (b, with_leading (both, &b->shape));
  y = KOL_NODE (&matmul_op, how, a, b);
  return kol_value_failed (y) ? y : kol_reshape (y, with_leading (both, &y->shape));
}

/* The product of matrices, or of what infer will find not to be. */
static KolValue *
multiply_matrices (KolValue *a, KolValue *b, const KolMatmul *how)
{
  KolShape of_a, of_b, both;

  if (kol_value_failed (a) || kol_value_failed (b) || a->shape.rank < 2 || b->shape.rank < 2
      || leading_dimensions_agree (&a->shape, &b->shape))
    return KOL_NODE (&matmul_op, how, a, b);
  of_a = leading_of (&a->shape);
  of_b = leading_of (&b->shape);
  if (!kol_shape_broadcast (&of_a, &of_b, &both)
      || from_end (&a->shape, how->transpose_a ? 2 : 1)
             != from_end (&b->shape, how->transpose_b ? 1 : 2))
    return KOL_NODE (&matmul_op, how, a, b);
  return multiply_broadcast (a, b, how, both);
}

/* @y without its last but @from_end - 1 dimension, which is 1. */
static KolValue *
drop_dimension (KolValue *y, int from_end)
{
  KolShape shape;

  if (kol_value_failed (y))
    return y;
  shape = y->shape;
  if (from_end == 2)
    shape.dim[shape.rank - 2] = shape.dim[shape.rank - 1];
  shape.rank--;
  return kol_reshape (y, shape);
}

/**
 * kol_matmul_with:
 * @a: `[.., M, K]`, or `[.., K, M]` if @how says that it is transposed, or `[K]`
 * @b: `[.., K, N]`, or `[.., N, K]` if @how says that it is transposed, or `[K]`
 * @how: (nullable): which sides are stored transposed; %NULL: none
 *
 * Matrix product, y[.., m, n] = sum over k of a[.., m, k] b[.., k, n]. The
 * dimensions before the last two broadcast as in NumPy: aligned at the last of
 * them, a length of 1, or a missing one, stretches. Sides with equal ones, and a
 * side that is a single matrix, are used as they are; others are first copied to
 * the common shape.
 *
 * A vector is a row on the left and a column on the right, transposed or not, and
 * its dimension of length 1 does not appear in the result: `[K]` x `[.., K, N]`
 * -> `[.., N]`, `[.., M, K]` x `[K]` -> `[.., M]`, `[K]` x `[K]` -> a scalar.
 * Other shapes are an error of the graph.
 *
 * Returns: (transfer none): `[.., M, N]`
 */
KolValue *
kol_matmul_with (KolValue *a, KolValue *b, const KolMatmul *how)
{
  KolMatmul ways = how ? *how : nn;
  gboolean row, column;
  KolValue *y;

  if (kol_value_failed (a) || kol_value_failed (b) || a->shape.rank == 0 || b->shape.rank == 0)
    return KOL_NODE (&matmul_op, &ways, a, b);
  row = a->shape.rank == 1;
  column = b->shape.rank == 1;
  if (row)
    {
      a = kol_reshape (a, KOL_SHAPE (1, -1));
      ways.transpose_a = FALSE;
    }
  if (column)
    {
      b = kol_reshape (b, KOL_SHAPE (-1, 1));
      ways.transpose_b = FALSE;
    }
  y = multiply_matrices (a, b, &ways);
  if (row)
    y = drop_dimension (y, 2);
  return column ? drop_dimension (y, 1) : y;
}

/**
 * kol_matmul:
 * @a: `[.., M, K]`
 * @b: `[.., K, N]`
 *
 * Matrix product of two sides that are stored as they are written; see
 * kol_matmul_with().
 *
 * Returns: (transfer none): `[.., M, N]`
 */
KolValue *
kol_matmul (KolValue *a, KolValue *b)
{
  return kol_matmul_with (a, b, NULL);
}
