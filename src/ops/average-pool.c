/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The mean of each window's part inside x. For the gradient, each element of x
 * looks for itself in the windows that cover it.
 */

#include "ops/pool-private.h"

static const KolOp gradient_op;

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
      gint64 plane = output / (g->P * g->Q), h0, h1, w0, w1;

      kol_pool_window (output / g->Q % g->P, g->size, g->stride, g->top, g->H, &h0, &h1);
      kol_pool_window (output % g->Q, g->size_w, g->stride_w, g->left, g->W, &w0, &w1);
      for (gint64 h = h0; h < h1; h++)
        for (gint64 w = w0; w < w1; w++)
          f (output, (plane * g->H + h) * g->W + w, 1.0 / (double) ((h1 - h0) * (w1 - w0)), from,
             to);
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
  KolPoolGradient attributes
      = { .how = *(const KolPool *) node->attributes, .shape = node->inputs[0]->shape };

  dx[0] = KOL_NODE (&gradient_op, &attributes, dy[0]);
}

static gboolean
gradient_infer (KolNode *node, GError **error)
{
  const KolPoolGradient *attributes = node->attributes;

  node->outputs[0].shape = attributes->shape;
  return TRUE;
}

static void
gradient_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  const KolPoolGradient *attributes = node->attributes;

  dx[0] = kol_average_pool (dy[0], &attributes->how);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolPoolGradient *attributes = node->attributes;
  KolPoolGeometry g = kol_pool_geometry (&attributes->shape, &attributes->how);
  KolBuffer *buffers[] = { launch->inputs[0], NULL, launch->outputs[0] };

  return kol_pool_launch (launch, &g, "pool_gradient_x", "-DMAXIMUM=0 -DINDEX=0", buffers, g.H, g.W,
                          error);
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolPoolGradient *attributes = node->attributes;
  KolPoolGeometry g = kol_pool_geometry (&attributes->shape, &attributes->how);

  for_each_covered (&g, add_to_input, x[0], y[0]);
}

/* ── Cases and operations ───────────────────────────────────────────────────────────────────── */

#define CASE(NAME, HOW, ...)                                                                       \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (__VA_ARGS__) },                            \
    .attributes = &(const KolPool) HOW                                                             \
  }
#define HOW(...)                                                                                   \
  {                                                                                                \
    __VA_ARGS__                                                                                    \
  }

static const KolCase average_pool_cases[] = { KOL_POOL_CASES, { 0 } };

#define GRADIENT_CASE(NAME, HOW_, N, C, P, Q, H, W)                                                \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (N, C, P, Q) },                             \
    .attributes = &(const KolPoolGradient)                                                         \
    {                                                                                              \
      HOW_,                                                                                        \
      {                                                                                            \
        4, { N, C, H, W }                                                                          \
      }                                                                                            \
    }                                                                                              \
  }

static const KolCase gradient_cases[]
    = { GRADIENT_CASE ("all-of-5x7", HOW (.size = 5, .size_w = 7), 2, 3, 1, 1, 5, 7),
        GRADIENT_CASE ("2x2-of-4x37", HOW (.size = 2), 2, 3, 2, 18, 4, 37),
        GRADIENT_CASE ("3x3-stride-2-of-5x39", HOW (.size = 3, .stride = 2, .pad = 1), 2, 3, 3, 20,
                       5, 39),
        GRADIENT_CASE ("3x3-stride-1-of-3x18", HOW (.size = 3, .stride = 1, .padding = KOL_SAME), 1,
                       2, 3, 18, 3, 18),
        { 0 } };

static const KolOp average_pool_op = {
  .name = "average_pool",
  .attributes = sizeof (KolPool),
  .infer = kol_pool_infer,
  .gradient = average_pool_gradient,
  .reference = average_pool_reference,
  .cases = average_pool_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = average_pool_launch }, { 0 } },
  .flops = kol_pool_flops,
};

static const KolOp gradient_op = {
  .name = "average_pool_gradient",
  .attributes = sizeof (KolPoolGradient),
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
 * The mean of each window's part inside @x: padding is not counted.
 *
 * Returns: (transfer none): the value, [N, C, P, Q] with
 *   P = floor ((H + top + bottom - size) / stride) + 1, Q alike; it has failed if
 *   @x has another rank, or the windows do not fit
 */
KolValue *
kol_average_pool (KolValue *x, const KolPool *how)
{
  return KOL_NODE (&average_pool_op, how, x);
}
