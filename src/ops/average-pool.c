/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The mean of each window's part inside x, or of the padding, too. For the gradient, each element
 * of x looks for itself in the windows that cover it.
 */

#include "ops/pool-private.h"

static const KolOp average_pool_op, gradient_op;

/* ── Forward ────────────────────────────────────────────────────────────────────────────────── */

static gboolean
average_pool_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolPoolGeometry g = kol_pool_geometry (&node->inputs[0]->shape, node->attributes);
  KolBuffer *buffers[] = { launch->inputs[0], launch->outputs[0], NULL };

  return kol_pool_launch (launch, &g, "pool_forward", "-DMAXIMUM=0 -DINDEX=0", buffers, g.P, g.Q,
                          error);
}

/* Calls for every element that a window covers: what y gets of x, or dx of dy, is 1 / count. */
static void
for_each_covered (const KolPoolGeometry *g,
                  void (*f) (gint64 output, gint64 input, double share, const double *from,
                             double *to),
                  const double *from, double *to)
{
  for (gint64 output = 0; output < g->planes * g->P * g->Q; output++)
    {
      gint64 plane = output / (g->P * g->Q);
      KolPoolWindow rows = kol_pool_rows (g, output / g->Q % g->P);
      KolPoolWindow columns = kol_pool_columns (g, output % g->Q);
      double share = 1.0 / (double) (rows.counted * columns.counted);

      for (gint64 h = rows.begin; h < rows.end; h++)
        for (gint64 w = columns.begin; w < columns.end; w++)
          f (output, (plane * g->H + h) * g->W + w, share, from, to);
    }
}

static void
add_to_output (gint64 output, gint64 input, double share, const double *x, double *y)
{
  y[output] += share * x[input];
}

static void
add_to_input (gint64 output, gint64 input, double share, const double *dy, double *dx)
{
  dx[input] += share * dy[output];
}

static void
average_pool_reference (const KolNode *node, const double *const *x, double *const *y)
{
  KolPoolGeometry g = kol_pool_geometry (&node->inputs[0]->shape, node->attributes);

  for_each_covered (&g, add_to_output, x[0], y[0]);
}

/* ── Gradient ───────────────────────────────────────────────────────────────────────────────── */

static void
average_pool_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  KolPoolAttributes attributes = *(const KolPoolAttributes *) node->attributes;

  attributes.shape = node->inputs[0]->shape;
  dx[0] = KOL_NODE (&gradient_op, &attributes, dy[0]);
}

static gboolean
gradient_infer (KolNode *node, GError **error)
{
  const KolPoolAttributes *attributes = node->attributes;

  node->outputs[0].shape = attributes->shape;
  return TRUE;
}

static void
gradient_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = KOL_NODE (&average_pool_op, node->attributes, dy[0]);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolPoolAttributes *attributes = node->attributes;
  KolPoolGeometry g = kol_pool_geometry (&attributes->shape, attributes);
  KolBuffer *buffers[] = { launch->inputs[0], NULL, launch->outputs[0] };

  return kol_pool_launch (launch, &g, "pool_gradient_x", "-DMAXIMUM=0 -DINDEX=0", buffers, g.H, g.W,
                          error);
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolPoolAttributes *attributes = node->attributes;
  KolPoolGeometry g = kol_pool_geometry (&attributes->shape, attributes);

  for_each_covered (&g, add_to_input, x[0], y[0]);
}

/* ── Cases and operations ───────────────────────────────────────────────────────────────────── */

#define CASE(NAME, HOW, ...)                                                                       \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (__VA_ARGS__) },                            \
    .attributes = &(const KolPoolAttributes)                                                       \
    {                                                                                              \
      .how = HOW                                                                                   \
    }                                                                                              \
  }
#define ADAPTIVE_CASE(NAME, P, Q, ...)                                                             \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (__VA_ARGS__) },                            \
    .attributes = &(const KolPoolAttributes)                                                       \
    {                                                                                              \
      .rows = P, .columns = Q                                                                      \
    }                                                                                              \
  }
#define HOW(...)                                                                                   \
  {                                                                                                \
    __VA_ARGS__                                                                                    \
  }

static const KolCase average_pool_cases[]
    = { KOL_POOL_CASES,
        CASE ("3x3-stride-1-pad-1-counted-of-6x35",
              HOW (.size = 3, .stride = 1, .pad = 1, .count_pad = TRUE), 2, 2, 6, 35),
        CASE ("3x3-stride-2-pad-1-counted-ceil-of-14x34",
              HOW (.size = 3, .stride = 2, .pad = 1, .ceil = TRUE, .count_pad = TRUE), 1, 2, 14,
              34),
        CASE ("5x4-stride-3-odd-padding-counted-ceil-of-9x36",
              HOW (.size = 5, .size_w = 4, .stride = 3, .top = 4, .left = 3, .bottom = 1,
                   .right = 2, .ceil = TRUE, .count_pad = TRUE),
              1, 2, 9, 36),
        CASE ("2x2-same-counted-of-7x33", HOW (.size = 2, .padding = KOL_SAME, .count_pad = TRUE),
              2, 3, 7, 33),
        { 0 } };

#define GRADIENT_CASE(NAME, HOW_, N, C, P, Q, H, W)                                                \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (N, C, P, Q) },                             \
    .attributes = &(const KolPoolAttributes)                                                       \
    {                                                                                              \
      .how = HOW_, .shape = { 4, { N, C, H, W } }                                                  \
    }                                                                                              \
  }

static const KolCase gradient_cases[] = {
  GRADIENT_CASE ("all-of-5x7", HOW (.size = 5, .size_w = 7), 2, 3, 1, 1, 5, 7),
  GRADIENT_CASE ("2x2-of-4x37", HOW (.size = 2), 2, 3, 2, 18, 4, 37),
  GRADIENT_CASE ("3x3-stride-2-of-5x39", HOW (.size = 3, .stride = 2, .pad = 1), 2, 3, 3, 20, 5,
                 39),
  GRADIENT_CASE ("3x3-stride-1-of-3x18", HOW (.size = 3, .stride = 1, .padding = KOL_SAME), 1, 2, 3,
                 18, 3, 18),
  GRADIENT_CASE ("3x3-stride-2-counted-ceil-of-6x38",
                 HOW (.size = 3, .stride = 2, .pad = 1, .ceil = TRUE, .count_pad = TRUE), 2, 3, 4,
                 20, 6, 38),
  { .name = "adaptive-3x4-of-5x11",
    .n_inputs = 1,
    .shapes = { KOL_SHAPE (2, 3, 3, 4) },
    .attributes
    = &(const KolPoolAttributes){ .rows = 3, .columns = 4, .shape = { 4, { 2, 3, 5, 11 } } } },
  { 0 }
};

static const KolOp average_pool_op = {
  .name = "average_pool",
  .attributes = sizeof (KolPoolAttributes),
  .infer = kol_pool_infer,
  .gradient = average_pool_gradient,
  .reference = average_pool_reference,
  .cases = average_pool_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = average_pool_launch }, { 0 } },
  .flops = kol_pool_flops,
};

static const KolOp gradient_op = {
  .name = "average_pool_gradient",
  .attributes = sizeof (KolPoolAttributes),
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gradient_launch }, { 0 } },
};

extern const KolOp *const kol_average_pool_ops[];
const KolOp *const kol_average_pool_ops[] = { &average_pool_op, &gradient_op, NULL };

/**
 * kol_average_pool:
 * @x: [N, C, H, W]
 * @how: the windows' size, stride and padding; padding is less than the window
 *
 * The mean of each window's part inside @x: padding is not counted, unless
 * count_pad says so, and what a window has beyond the padding never is.
 *
 * Returns: (transfer none): the value, [N, C, P, Q] with
 *   P = floor ((H + top + bottom - size) / stride) + 1, Q alike; or rounded up
 *   with ceil, where a window that would begin behind x is left out; it has
 *   failed if @x has another rank, or the windows do not fit
 */
KolValue *
kol_average_pool (KolValue *x, const KolPool *how)
{
  return KOL_NODE (&average_pool_op, &(KolPoolAttributes){ .how = *how }, x);
}

/**
 * kol_average_pool1d:
 * @x: [N, C, L]
 * @how: the windows' size, stride and padding
 *
 * The mean of each window along the last dimension.
 *
 * Returns: (transfer none): the value, [N, C, Q]; see kol_average_pool()
 */
KolValue *
kol_average_pool1d (KolValue *x, const KolPool1d *how)
{
  return kol_pool_along_rows (x, how, kol_average_pool);
}

/**
 * kol_adaptive_average_pool:
 * @x: [N, C, H, W]
 * @rows: P, windows from top to bottom
 * @columns: Q, windows from left to right
 *
 * The mean of each of P x Q windows that share the picture: window p is the rows
 * floor (p H / P) .. ceil ((p + 1) H / P) - 1, columns alike, so that they overlap
 * where P does not divide H. 1 x 1 is kol_global_average_pool().
 *
 * Returns: (transfer none): the value, [N, C, P, Q]; it has failed if @x has
 *   another rank, or there are no windows
 */
KolValue *
kol_adaptive_average_pool (KolValue *x, int rows, int columns)
{
  KolPoolAttributes attributes;

  if (!kol_pool_adapt (x, rows, columns, &attributes))
    return kol_pool_fail_adaptive (x, rows, columns);
  if (rows == 1 && columns == 1)
    return kol_global_average_pool (x);
  return KOL_NODE (&average_pool_op, &attributes, x);
}

/**
 * kol_global_average_pool:
 * @x: [N, C, H, W], or with any number of dimensions behind the channels
 *
 * The mean of each channel.
 *
 * Returns: (transfer none): the value, [N, C, 1, 1]; it has failed if @x has
 *   fewer than three dimensions
 */
KolValue *
kol_global_average_pool (KolValue *x)
{
  KolReduce over;

  if (!kol_pool_everything (x, &over))
    return kol_pool_fail_global (x);
  return kol_mean_over (x, &over);
}
