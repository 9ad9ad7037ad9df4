/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y[n, c] = x[n, c] d[n, c]^-beta, pixel by pixel, where
 * d[n, c] = bias + alpha / size sum of x[n, i]^2 over the channels i in
 * c - (size - 1) / 2 .. c + (size - 1) / 2 that exist: as ONNX's LRN and PyTorch's
 * LocalResponseNorm have it. The size is odd: for even ones the two disagree.
 */

#include <math.h>

#include "ops/strips-private.h"
#include "ops.h"

static const KolOp gradient_op;

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

/* x as [N, C, S]. */
typedef struct {
  gint64 examples, channels, pixels;
} Geometry;

static Geometry
geometry_of (const KolShape *x)
{
  Geometry self = { x->dim[0], x->dim[1], 1 };

  for (int i = 2; i < x->rank; i++)
    self.pixels *= x->dim[i];
  return self;
}

static gboolean
norm_infer (KolNode *node, GError **error)
{
  const KolLocalResponseNorm *how = node->attributes;
  const KolShape *x = &node->inputs[0]->shape;

  node->outputs[0].shape = *x;
  if (x->rank < 2)
    return kol_infer_fail (error, "x is %s, but must be [N, C, ...]", kol_shape_text (x));
  if (how->size < 1 || how->size % 2 == 0)
    return kol_infer_fail (error, "the channels of %s in windows of %d; it must be odd",
                           kol_shape_text (x), how->size);
  if (!(how->bias > 0 && how->alpha >= 0))
    return kol_infer_fail (
        error,
        "bias is %g and alpha %g, but the former must be above 0, the latter not "
        "below it",
        how->bias, how->alpha);
  return TRUE;
}

static gboolean
gradient_infer (KolNode *node, GError **error)
{
  if (!kol_shape_equal (&node->inputs[0]->shape, &node->inputs[1]->shape))
    return kol_infer_fail (error, "dy is %s, but x is %s", kol_shape_text (&node->inputs[0]->shape),
                           kol_shape_text (&node->inputs[1]->shape));
  return norm_infer (node, error);
}

static double
norm_flops (const KolNode *node)
{
  const KolLocalResponseNorm *how = node->attributes;

  return (2.0 * how->size + 20) * (double) kol_count (node->inputs[0]);
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

#define LEAST_PIXELS 1024 /* fewer of a plane are not worth a CPU's work-item */
#define MAX_ARGS 16

/* Launches @kernel; what all have is added to the @n arguments that @args has. */
static gboolean
launch_planes (KolLaunch *launch, const char *kernel, const KolShape *x, KolArg *args, guint n,
               GError **error)
{
  Geometry geometry = geometry_of (x);
  KolStrips strips = kol_strips (launch->device, (gsize) geometry.pixels, LEAST_PIXELS);

  args[n++] = KOL_INT (geometry.channels);
  args[n++] = KOL_INT (geometry.pixels);
  args[n++] = KOL_INT (strips.each);
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "local-response-norm",
                  .kernel = kernel,
                  .global = { strips.items, (gsize) (geometry.examples * geometry.channels) },
                  .local = { strips.group, 1 } },
      args, error);
}

static gboolean
norm_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolLocalResponseNorm *how = node->attributes;
  KolArg args[MAX_ARGS] = { KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->outputs[0]),
                            KOL_INT (how->size / 2),        KOL_FLOAT (how->alpha / how->size),
                            KOL_FLOAT (how->beta),          KOL_FLOAT (how->bias) };

  return launch_planes (launch, "local_response_norm_forward", &node->inputs[0]->shape, args, 6,
                        error);
}

static gsize
gradient_scratch (const KolNode *node, const KolDevice *device)
{
  return (gsize) kol_count (node->inputs[1]) * sizeof (float);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolLocalResponseNorm *how = node->attributes;
  const KolShape *shape = &node->inputs[1]->shape;
  KolBuffer *dy = launch->inputs[0], *x = launch->inputs[1], *dx = launch->outputs[0];
  KolArg parts[MAX_ARGS] = { KOL_BUFFER (dy),         KOL_BUFFER (x),
                             KOL_BUFFER (dx),         KOL_BUFFER (launch->scratch),
                             KOL_INT (how->size / 2), KOL_FLOAT (how->alpha / how->size),
                             KOL_FLOAT (how->beta),   KOL_FLOAT (how->bias) };
  KolArg args[MAX_ARGS]
      = { KOL_BUFFER (x), KOL_BUFFER (launch->scratch), KOL_BUFFER (dx), KOL_INT (how->size / 2),
          KOL_FLOAT (2 * how->beta * how->alpha / how->size) };

  return launch_planes (launch, "local_response_norm_gradient_parts", shape, parts, 8, error)
         && launch_planes (launch, "local_response_norm_gradient_x", shape, args, 5, error);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

static void
norm_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = KOL_NODE (&gradient_op, node->attributes, dy[0], node->inputs[0]);
}

/* The sum over each channel's window: a convolution of [N, 1, C, S] with ones, down the channels.
 */
static KolValue *
sum_window (const KolNode *node, KolValue *a)
{
  const KolLocalResponseNorm *how = node->attributes;
  Geometry g = geometry_of (&a->shape);
  KolValue *ones = kol_expand (kol_constant (node->graph, 1), KOL_SHAPE (1, 1, how->size, 1));
  KolValue *planes = kol_reshape (a, KOL_SHAPE (g.examples, 1, g.channels, g.pixels));
  KolConv2d along = { .top = how->size / 2, .bottom = how->size / 2 };

  return kol_reshape (kol_conv2d (planes, ones, NULL, &along), a->shape);
}

/*
 * With W for the sum over a window and q = alpha / size, the operation is
 *   g = dy d^-beta - 2 beta q x W (dy x d^(-beta-1)),  d = bias + q W (x^2).
 * Let a be the gradient of g, and B = W (a x). It leads
 *   to dy: a d^-beta - 2 beta q x d^(-beta-1) B
 *   to d:  G = 2 beta (beta + 1) q dy x d^(-beta-2) B - beta a dy d^(-beta-1)
 *   to x:  2 q x W (G) - 2 beta q (dy d^(-beta-1) B + a W (dy x d^(-beta-1)))
 */
static void
gradient_gradient (KolNode *node, KolValue *const *a, KolValue **dx)
{
  const KolLocalResponseNorm *how = node->attributes;
  float beta = (float) how->beta, q = (float) (how->alpha / how->size);
  KolValue *dy = node->inputs[0], *x = node->inputs[1];
  KolValue *d = kol_scale (sum_window (node, kol_square (x)), q, (float) how->bias);
  KolValue *power = kol_pow (d, kol_constant (node->graph, -beta));
  KolValue *lower = kol_divide (power, d);
  KolValue *B = kol_scale (sum_window (node, kol_multiply (a[0], x)), 2 * beta * q, 0);
  KolValue *slope = kol_multiply (dy, lower);
  KolValue *G = kol_subtract (
      kol_multiply (kol_scale (kol_divide (kol_multiply (slope, x), d), beta + 1, 0), B),
      kol_scale (kol_multiply (a[0], slope), beta, 0));
  KolValue *inside = kol_scale (sum_window (node, kol_multiply (slope, x)), 2 * beta * q, 0);

  dx[0] = kol_subtract (kol_multiply (a[0], power), kol_multiply (kol_multiply (x, lower), B));
  dx[1] = kol_subtract (kol_multiply (kol_scale (x, 2 * q, 0), sum_window (node, G)),
                        kol_add (kol_multiply (slope, B), kol_multiply (a[0], inside)));
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

/* The sum of a over the window of element @i, each times itself if @square. */
static double
window_sum (const KolNode *node, const KolShape *shape, const double *a, gint64 i, gboolean square)
{
  const KolLocalResponseNorm *how = node->attributes;
  Geometry g = geometry_of (shape);
  gint64 c = i / g.pixels % g.channels;
  double sum = 0;

  for (gint64 k = MAX (c - how->size / 2, 0); k <= MIN (c + how->size / 2, g.channels - 1); k++)
    {
      double v = a[i + (k - c) * g.pixels];

      sum += square ? v * v : v;
    }
  return sum;
}

static double
divisor (const KolNode *node, const KolShape *shape, const double *x, gint64 i)
{
  const KolLocalResponseNorm *how = node->attributes;

  return how->bias + how->alpha / how->size * window_sum (node, shape, x, i, TRUE);
}

static void
norm_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolLocalResponseNorm *how = node->attributes;
  const KolShape *shape = &node->inputs[0]->shape;

  for (gint64 i = 0; i < kol_shape_count (shape); i++)
    y[0][i] = x[0][i] * pow (divisor (node, shape, x[0], i), -how->beta);
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolLocalResponseNorm *how = node->attributes;
  const KolShape *shape = &node->inputs[1]->shape;
  gint64 count = kol_shape_count (shape);
  g_autofree double *inside = g_new (double, count);

  for (gint64 i = 0; i < count; i++)
    {
      double d = divisor (node, shape, x[1], i);

      y[0][i] = x[0][i] * pow (d, -how->beta);
      inside[i] = y[0][i] * x[1][i] / d;
    }
  for (gint64 i = 0; i < count; i++)
    y[0][i] -= 2 * how->beta * how->alpha / how->size * x[1][i]
               * window_sum (node, shape, inside, i, FALSE);
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

#define CASES(CASE)                                                                                \
  CASE ("1x1", 1, 1, 1), CASE ("3x7-of-3", 3, 3, 7), CASE ("2x4x1x1-of-5", 5, 2, 4, 1, 1),         \
      CASE ("2x5x3x5-of-5", 5, 2, 5, 3, 5), CASE ("2x3x4x4-of-3", 3, 2, 3, 4, 4),                  \
      CASE ("1x6x17-of-9", 9, 1, 6, 17), CASE ("1x2x33x65-of-3", 3, 1, 2, 33, 65)

#define FORWARD_CASE(NAME, SIZE, ...)                                                              \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (__VA_ARGS__) },                            \
    .attributes = &(const KolLocalResponseNorm){ SIZE, 0.5, 0.75, 1.5 },                           \
    .fill                                                                                          \
        = { { KOL_FILL_UNIFORM, -2, 2 } }                                                          \
  }
static const KolCase norm_cases[] = { CASES (FORWARD_CASE), { 0 } };

#define GRADIENT_CASE(NAME, SIZE, ...)                                                             \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { KOL_SHAPE (__VA_ARGS__), KOL_SHAPE (__VA_ARGS__) },   \
    .attributes = &(const KolLocalResponseNorm){ SIZE, 0.5, 0.75, 1.5 },                           \
    .fill                                                                                          \
        = { { 0 },                                                                                 \
            { KOL_FILL_UNIFORM, -2, 2 } }                                                          \
  }
static const KolCase gradient_cases[] = { CASES (GRADIENT_CASE), { 0 } };

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static const KolOp norm_op = {
  .name = "local_response_norm",
  .attributes = sizeof (KolLocalResponseNorm),
  .infer = norm_infer,
  .gradient = norm_gradient,
  .reference = norm_reference,
  .cases = norm_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = norm_launch }, { 0 } },
  .flops = norm_flops,
};

static const KolOp gradient_op = {
  .name = "local_response_norm_gradient",
  .attributes = sizeof (KolLocalResponseNorm),
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain",
                                      .scratch = gradient_scratch,
                                      .launch = gradient_launch },
                                    { 0 } },
  .flops = norm_flops,
};

extern const KolOp *const kol_local_response_norm_ops[];
const KolOp *const kol_local_response_norm_ops[] = { &norm_op, &gradient_op, NULL };

/**
 * kol_local_response_norm:
 * @x: [N, C, ...]
 * @how: how many channels a window has, an odd number; alpha, beta and bias
 *
 * y[n, c] = x[n, c] / (bias + alpha / size sum x[n, i]^2)^beta, pixel by pixel; the sum
 * is over those of the channels c - (size - 1) / 2 .. c + (size - 1) / 2 that exist.
 * See Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep
 * convolutional neural networks", 2012; the division of alpha by the size is as in
 * ONNX and PyTorch.
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if @x has less
 *   than two dimensions, the size is not odd, or bias or alpha is out of range
 */
KolValue *
kol_local_response_norm (KolValue *x, const KolLocalResponseNorm *how)
{
  KolLocalResponseNorm attributes = *how;

  if (attributes.alpha == 0)
    attributes.alpha = 1e-4;
  if (attributes.beta == 0)
    attributes.beta = 0.75;
  if (attributes.bias == 0)
    attributes.bias = 1;
  return KOL_NODE (&norm_op, &attributes, x);
}
