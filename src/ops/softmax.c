/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y = e^x / sum e^x along an axis, and its logarithm, x - log sum e^x. The largest
 * element is taken off first, so that no power overflows. Both gradients are
 * operations that need y only:
 *   softmax_gradient (dy, y)     = y (dy - sum dy y)
 *   log_softmax_gradient (dy, y) = dy - e^y sum dy
 */

#include <math.h>

#include "ops/attributes-private.h"
#include "ops/axes-private.h"
#include "ops/strips-private.h"
#include "ops.h"

typedef KolAxisAttributes Softmax;

static const KolOp softmax_op, log_softmax_op, softmax_gradient_op, log_softmax_gradient_op;

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
softmax_infer (KolNode *node, GError **error)
{
  const Softmax *how = node->attributes;
  int axis;

  node->outputs[0].shape = node->inputs[0]->shape;
  return kol_find_axis (&node->inputs[0]->shape, how->axis, &axis, error);
}

static gboolean
gradient_infer (KolNode *node, GError **error)
{
  if (!kol_shape_equal (&node->inputs[0]->shape, &node->inputs[1]->shape))
    return kol_infer_fail (error, "dy is %s, but y is %s", kol_shape_text (&node->inputs[0]->shape),
                           kol_shape_text (&node->inputs[1]->shape));
  return softmax_infer (node, error);
}

static KolAlong
axis_of (const KolNode *node)
{
  return kol_along (&node->inputs[0]->shape, ((const Softmax *) node->attributes)->axis);
}

static double
softmax_flops (const KolNode *node)
{
  return 4.0 * (double) kol_count (node->inputs[0]);
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

#define STRIP_ELEMENTS 1024 /* fewer are not worth a CPU's work-item */
#define CPU_COLUMNS 256     /* side by side */
#define GPU_LEAST_ROW 32    /* a shorter row is not shared by work-items */

static gboolean
launch_rows (KolLaunch *launch, const char *kernel, gboolean logarithm, const KolAlong *axis,
             KolArg *args, guint n, GError **error)
{
  const KolDevice *device = launch->device;
  KolStrips strips
      = kol_strips (device, (gsize) axis->outer, (gsize) (STRIP_ELEMENTS / axis->length));
  guint group = 1;
  char options[48];

  while (!device->simd && group < KOL_GPU_GROUP && 2 * group <= device->max_work_group)
    group *= 2;
  g_snprintf (options, sizeof options, "-DLOG=%d -DGROUP=%u -DCOLUMNS=1", logarithm, group);
  args[n++] = KOL_INT (axis->outer);
  args[n++] = KOL_INT (axis->length);
  args[n++] = KOL_INT (strips.each);
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "softmax",
                                       .kernel = kernel,
                                       .options = options,
                                       .global = { strips.items * group },
                                       .local = { group } },
                           args, error);
}

static gboolean
launch_columns (KolLaunch *launch, const char *kernel, gboolean logarithm, const KolAlong *axis,
                KolArg *args, guint n, GError **error)
{
  gint64 columns = launch->device->simd ? CPU_COLUMNS : 1;
  gint64 blocks = (axis->inner + columns - 1) / columns;
  gint64 elements = axis->length * MIN (columns, axis->inner);
  KolStrips strips = kol_strips (launch->device, (gsize) (axis->outer * blocks),
                                 (gsize) (STRIP_ELEMENTS / elements));
  char options[48];

  g_snprintf (options, sizeof options, "-DLOG=%d -DGROUP=1 -DCOLUMNS=%d", logarithm, (int) columns);
  args[n++] = KOL_INT (axis->outer);
  args[n++] = KOL_INT (axis->length);
  args[n++] = KOL_INT (axis->inner);
  args[n++] = KOL_INT (blocks);
  args[n++] = KOL_INT (strips.each);
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "softmax",
                                       .kernel = kernel,
                                       .options = options,
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           args, error);
}

static gboolean
in_rows (const KolAlong *axis, const KolDevice *device)
{
  return axis->inner == 1 && (device->simd || axis->length >= GPU_LEAST_ROW);
}

static gboolean
softmax_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolAlong axis = axis_of (node);
  gboolean logarithm = node->op == &log_softmax_op;
  KolArg args[16] = { KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->outputs[0]) };

  if (in_rows (&axis, launch->device))
    return launch_rows (launch, "softmax_rows", logarithm, &axis, args, 2, error);
  return launch_columns (launch, "softmax_columns", logarithm, &axis, args, 2, error);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolAlong axis = axis_of (node);
  gboolean logarithm = node->op == &log_softmax_gradient_op;
  KolArg args[16] = { KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                      KOL_BUFFER (launch->outputs[0]) };

  if (in_rows (&axis, launch->device))
    return launch_rows (launch, "softmax_gradient_rows", logarithm, &axis, args, 3, error);
  return launch_columns (launch, "softmax_gradient_columns", logarithm, &axis, args, 3, error);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

static void
softmax_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = KOL_NODE (&softmax_gradient_op, node->attributes, dy[0], &node->outputs[0]);
}

static void
log_softmax_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = KOL_NODE (&log_softmax_gradient_op, node->attributes, dy[0], &node->outputs[0]);
}

/* The sum along the axis, which stays as length 1. */
static KolValue *
sum_along (const KolNode *node, KolValue *a)
{
  const Softmax *how = node->attributes;

  return kol_sum (a, &(KolReduce){ .n_axes = 1, .axes = { how->axis }, .keep = TRUE });
}

/*
 * g = y (dy - sum dy y), and d is the gradient of g:
 *   to dy: y (d - sum d y), which is the same operation;
 *   to y:  d (dy - sum dy y) - dy sum d y.
 */
static void
softmax_gradient_gradient (KolNode *node, KolValue *const *d, KolValue **dx)
{
  KolValue *dy = node->inputs[0], *y = node->inputs[1];
  KolValue *inside = kol_subtract (dy, sum_along (node, kol_multiply (dy, y)));

  dx[0] = KOL_NODE (&softmax_gradient_op, node->attributes, d[0], y);
  dx[1] = kol_subtract (kol_multiply (d[0], inside),
                        kol_multiply (dy, sum_along (node, kol_multiply (d[0], y))));
}

/* g = dy - e^y sum dy; to dy: d - sum d e^y; to y: - d e^y sum dy. */
static void
log_softmax_gradient_gradient (KolNode *node, KolValue *const *d, KolValue **dx)
{
  KolValue *product = kol_multiply (d[0], kol_exp (node->inputs[1]));

  dx[0] = kol_subtract (d[0], sum_along (node, product));
  dx[1] = kol_negate (kol_multiply (product, sum_along (node, node->inputs[0])));
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

/* log sum e^x of a line that begins at @x. */
static double
log_sum_exp (const double *x, const KolAlong *axis)
{
  double largest = -INFINITY, sum = 0;

  for (gint64 l = 0; l < axis->length; l++)
    largest = MAX (largest, x[l * axis->inner]);
  for (gint64 l = 0; l < axis->length; l++)
    sum += exp (x[l * axis->inner] - largest);
  return largest + log (sum);
}

static void
log_softmax_reference (const KolNode *node, const double *const *x, double *const *y)
{
  KolAlong axis = axis_of (node);

  for (gint64 line = 0; line < kol_along_lines (&axis); line++)
    {
      gint64 begin = kol_along_begin (&axis, line);
      double total = log_sum_exp (x[0] + begin, &axis);

      for (gint64 l = 0; l < axis.length; l++)
        y[0][begin + l * axis.inner] = x[0][begin + l * axis.inner] - total;
    }
}

static void
softmax_reference (const KolNode *node, const double *const *x, double *const *y)
{
  log_softmax_reference (node, x, y);
  for (gint64 i = 0; i < kol_count (node->inputs[0]); i++)
    y[0][i] = exp (y[0][i]);
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  gboolean logarithm = node->op == &log_softmax_gradient_op;
  KolAlong axis = axis_of (node);

  for (gint64 line = 0; line < kol_along_lines (&axis); line++)
    {
      gint64 begin = kol_along_begin (&axis, line), end = begin + axis.length * axis.inner;
      double sum = 0;

      for (gint64 i = begin; i < end; i += axis.inner)
        sum += logarithm ? x[0][i] : x[0][i] * x[1][i];
      for (gint64 i = begin; i < end; i += axis.inner)
        y[0][i] = logarithm ? x[0][i] - exp (x[1][i]) * sum : x[1][i] * (x[0][i] - sum);
    }
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

#define CASES(CASE)                                                                                \
  CASE ("1", 0, 1, 1), CASE ("1x33-rows", 1, 3, 1, 33), CASE ("50x10-rows", -1, 3, 50, 10),        \
      CASE ("7x15-rows", 1, 3, 7, 15), CASE ("7x16-rows", 1, 3, 7, 16),                            \
      CASE ("7x17-rows", 1, 3, 7, 17), CASE ("3x1025-rows", 1, 3, 3, 1025),                        \
      CASE ("257x2-rows", 1, 3, 257, 2), CASE ("33x1", 1, 3, 33, 1),                               \
      CASE ("33x17-columns", 0, 3, 33, 17), CASE ("2x3x5x7", 1, 3, 2, 3, 5, 7),                    \
      CASE ("2x13x255", -2, 3, 2, 13, 255), CASE ("2x3x257", 1, 3, 2, 3, 257),                     \
      CASE ("2x1x33", 1, 3, 2, 1, 33)

#define FORWARD_CASE(NAME, AXIS, RANGE, ...)                                                       \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (__VA_ARGS__) },                            \
    .attributes = &(const Softmax){ AXIS },                                                        \
    .fill                                                                                          \
        = { { KOL_FILL_UNIFORM, -(RANGE), RANGE } }                                                \
  }
/* Results of 0 and 1: what is left of a gradient then is rounding. */
#define LARGE_CASE(NAME, AXIS, ...)                                                                \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (__VA_ARGS__) },                            \
    .attributes = &(const Softmax){ AXIS }, .fill = { { KOL_FILL_UNIFORM, -500, 500 } },           \
    .no_gradient = 1                                                                               \
  }
static const KolCase forward_cases[] = { CASES (FORWARD_CASE),
                                         LARGE_CASE ("large-rows", 1, 13, 19),
                                         LARGE_CASE ("large-columns", 0, 19, 13),
                                         { .name = "1000x1000",
                                           .n_inputs = 1,
                                           .shapes = { KOL_SHAPE (1000, 1000) },
                                           .attributes = &(const Softmax){ 1 },
                                           .only_tune = TRUE },
                                         { 0 } };

#define GRADIENT_CASE(NAME, AXIS, RANGE, ...)                                                      \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { KOL_SHAPE (__VA_ARGS__), KOL_SHAPE (__VA_ARGS__) },   \
    .attributes = &(const Softmax){ AXIS },                                                        \
    .fill                                                                                          \
        = { { 0 },                                                                                 \
            { KOL_FILL_UNIFORM, -1, 1 } }                                                          \
  }
static const KolCase gradient_cases[] = { CASES (GRADIENT_CASE), { 0 } };

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static const KolOp softmax_op = {
  .name = "softmax",
  .attributes = sizeof (Softmax),
  .infer = softmax_infer,
  .gradient = softmax_gradient,
  .reference = softmax_reference,
  .cases = forward_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = softmax_launch }, { 0 } },
  .flops = softmax_flops,
};

static const KolOp log_softmax_op = {
  .name = "log_softmax",
  .attributes = sizeof (Softmax),
  .infer = softmax_infer,
  .gradient = log_softmax_gradient,
  .reference = log_softmax_reference,
  .cases = forward_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = softmax_launch }, { 0 } },
  .flops = softmax_flops,
};

static const KolOp softmax_gradient_op = {
  .name = "softmax_gradient",
  .attributes = sizeof (Softmax),
  .infer = gradient_infer,
  .gradient = softmax_gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gradient_launch }, { 0 } },
  .flops = softmax_flops,
};

static const KolOp log_softmax_gradient_op = {
  .name = "log_softmax_gradient",
  .attributes = sizeof (Softmax),
  .infer = gradient_infer,
  .gradient = log_softmax_gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gradient_launch }, { 0 } },
  .flops = softmax_flops,
};

extern const KolOp *const kol_softmax_ops[];
const KolOp *const kol_softmax_ops[]
    = { &softmax_op, &log_softmax_op, &softmax_gradient_op, &log_softmax_gradient_op, NULL };

/**
 * kol_softmax:
 * @x: a tensor
 * @axis: the axis to take sums along; negative: from the end
 *
 * y = e^x / sum e^x, where the sum is along @axis. Large x do not overflow; -infinity
 * gives 0, but a line of nothing else gives NaN, as any NaN in it does.
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if @x has no
 *   such axis
 */
KolValue *
kol_softmax (KolValue *x, int axis)
{
  return KOL_NODE (&softmax_op, &(Softmax){ axis }, x);
}

/**
 * kol_log_softmax:
 * @x: a tensor
 * @axis: the axis to take sums along; negative: from the end
 *
 * y = x - log sum e^x, where the sum is along @axis: the logarithm of kol_softmax(),
 * exact also where that has been rounded to 0.
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if @x has no
 *   such axis
 */
KolValue *
kol_log_softmax (KolValue *x, int axis)
{
  return KOL_NODE (&log_softmax_op, &(Softmax){ axis }, x);
}
