/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The largest and the smallest over any axes, and where they are; and the two operations that
 * the gradient of a maximum is made of. How the work is cut is reduce.c's.
 */

#include <math.h>

#include "ops/reduce-private.h"
#include "ops/strips-private.h"
#include "ops.h"

#define LARGEST_INDEX (1 << 24) /* whole numbers above are not all floats */

/* As kol_reduce_infer(), for what gives an index, which has to be a float. */
static gboolean
index_infer (KolNode *node, GError **error)
{
  if (!kol_reduce_infer (node, error))
    return FALSE;
  if (kol_count (node->inputs[0]) / kol_count (&node->outputs[0]) > LARGEST_INDEX)
    return kol_infer_fail (error,
                           "the largest of more than %d elements: %s to %s; an index would not be "
                           "exact. Reduce one axis after the other",
                           LARGEST_INDEX, kol_shape_text (&node->inputs[0]->shape),
                           kol_shape_text (&node->outputs[0].shape));
  return TRUE;
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

#define LEAST "-DLEAST=1" /* the smallest rather than the largest */

static gsize
max_scratch (const KolNode *node, const KolDevice *device)
{
  return kol_reduce_parts_bytes (node, device, 2);
}

/* The largest, or with LEAST among the @options the smallest, and its index; either may be NULL.
 * The scratch holds values, then indices. */
static gboolean
launch_max (KolLaunch *launch, const KolNode *node, const char *options, KolBuffer *value,
            KolBuffer *index, GError **error)
{
  KolReduceGeometry geometry = kol_reduce_geometry (&node->inputs[0]->shape, node->attributes);
  KolReduceCut cut = kol_reduce_cut (&geometry, launch->device);
  KolStrips strips = kol_strips (launch->device, (gsize) geometry.outputs, KOL_REDUCE_COLUMNS);
  KolBuffer *x = launch->inputs[0], *scratch = launch->scratch;
  gboolean parts = cut.parts > 1;
  KolArg args[KOL_REDUCE_ARGS] = { KOL_BUFFER (x), KOL_BUFFER (parts ? scratch : value),
                                   KOL_BUFFER (parts ? scratch : index),
                                   KOL_INT (parts ? geometry.outputs * cut.parts : 0) };

  if (!kol_reduce_launch_pass (launch, "max", options, &geometry, &cut, args, 4, error))
    return FALSE;
  return !parts
         || kol_queue_launch (launch->queue,
                              &(KolCall){ .program = "reduce",
                                          .kernel = "reduce_max_parts",
                                          .options = options,
                                          .global = { strips.items },
                                          .local = { strips.group } },
                              KOL_ARGS (KOL_BUFFER (scratch), KOL_BUFFER (value),
                                        KOL_BUFFER (index), KOL_INT (geometry.outputs),
                                        KOL_INT (geometry.inner), KOL_INT (cut.parts),
                                        KOL_INT (strips.each)),
                              error);
}

static gboolean
max_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  return launch_max (launch, node, NULL, launch->outputs[0], launch->outputs[1], error);
}

static gboolean
min_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  return launch_max (launch, node, LEAST, launch->outputs[0], launch->outputs[1], error);
}

static gboolean
argmax_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  return launch_max (launch, node, NULL, NULL, launch->outputs[0], error);
}

static gboolean
argmin_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  return launch_max (launch, node, LEAST, NULL, launch->outputs[0], error);
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

/* The first of those with the largest @sign times x, or the first NaN. */
static void
find_first (const KolNode *node, double sign, const double *x, double *values, double *indices)
{
  const KolShape *shape = &node->inputs[0]->shape;
  gboolean reduced[KOL_MAX_RANK];

  kol_reduce_find_axes (node->attributes, shape, reduced, NULL);
  for (gint64 i = 0; i < kol_shape_count (shape); i++)
    {
      gint64 output, index;

      kol_reduce_place (shape, reduced, i, &output, &index);
      if (index == 0 || sign * x[i] > sign * values[output]
          || (isnan (x[i]) && !isnan (values[output])))
        {
          values[output] = x[i];
          indices[output] = (double) index;
        }
    }
}

static void
max_reference (const KolNode *node, const double *const *x, double *const *y)
{
  find_first (node, 1, x[0], y[0], y[1]);
}

static void
min_reference (const KolNode *node, const double *const *x, double *const *y)
{
  find_first (node, -1, x[0], y[0], y[1]);
}

static void
argmax_reference (const KolNode *node, const double *const *x, double *const *y)
{
  g_autofree double *values = g_new (double, kol_count (&node->outputs[0]));

  find_first (node, 1, x[0], values, y[0]);
}

static void
argmin_reference (const KolNode *node, const double *const *x, double *const *y)
{
  g_autofree double *values = g_new (double, kol_count (&node->outputs[0]));

  find_first (node, -1, x[0], values, y[0]);
}

/* ── The gradient of max ────────────────────────────────────────────────────────────────────── */

/*
 * Two operations, each the other's gradient. Both take the index that max gave:
 *   max_gradient (dy, index) -> dx: dy where the largest was, 0 elsewhere
 *   max_pick (x, index)      -> y: the elements of x where the largest was
 */
typedef struct {
  KolReduce over;
  KolShape shape; /* of x */
} MaxGradient;

static const KolOp max_gradient_op, max_pick_op;

static void
max_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  MaxGradient attributes
      = { .over = *(const KolReduce *) node->attributes, .shape = node->inputs[0]->shape };

  if (dy[0])
    dx[0] = KOL_NODE (&max_gradient_op, &attributes, dy[0], kol_output (&node->outputs[0], 1));
}

static gboolean
max_gradient_infer (KolNode *node, GError **error)
{
  const MaxGradient *attributes = node->attributes;

  node->outputs[0].shape = attributes->shape;
  return TRUE;
}

static gboolean
max_pick_infer (KolNode *node, GError **error)
{
  node->outputs[0].shape = node->inputs[1]->shape;
  return TRUE;
}

static void
max_gradient_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = KOL_NODE (&max_pick_op, node->attributes, dy[0], node->inputs[1]);
}

static void
max_pick_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = KOL_NODE (&max_gradient_op, node->attributes, dy[0], node->inputs[1]);
}

/* Launches "reduce_max_scatter" or "reduce_max_pick", which look at one element per output. */
static gboolean
launch_at_index (KolLaunch *launch, const KolNode *node, const char *kernel, GError **error)
{
  const MaxGradient *attributes = node->attributes;
  KolReduceGeometry geometry = kol_reduce_geometry (&attributes->shape, &attributes->over);
  KolStrips strips = kol_strips (launch->device, (gsize) geometry.outputs, 256);
  KolArg args[KOL_REDUCE_ARGS]
      = { KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
          KOL_BUFFER (launch->outputs[0]), KOL_INT (geometry.outputs), KOL_INT (strips.each) };
  guint n = kol_reduce_append_dimensions (args, 5, &geometry.kept, 0);

  n = kol_reduce_append_dimensions (args, n, &geometry.reduced, 0);
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "reduce",
                                       .kernel = kernel,
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           args, error);
}

/* Zeros, then one number per output: no two outputs share an element. */
static gboolean
max_gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  gint64 count = kol_count (&node->outputs[0]);
  KolStrips strips = kol_strips (launch->device, (gsize) count, KOL_REDUCE_LEAST);

  return kol_queue_launch (
             launch->queue,
             &(KolCall){ .program = "reduce",
                         .kernel = "reduce_clear",
                         .global = { strips.items },
                         .local = { strips.group } },
             KOL_ARGS (KOL_BUFFER (launch->outputs[0]), KOL_UINT (count), KOL_UINT (strips.each)),
             error)
         && launch_at_index (launch, node, "reduce_max_scatter", error);
}

static gboolean
max_pick_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  return launch_at_index (launch, node, "reduce_max_pick", error);
}

static void
max_gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const MaxGradient *attributes = node->attributes;
  gboolean reduced[KOL_MAX_RANK];

  kol_reduce_find_axes (&attributes->over, &attributes->shape, reduced, NULL);
  for (gint64 i = 0; i < kol_shape_count (&attributes->shape); i++)
    {
      gint64 output, index;

      kol_reduce_place (&attributes->shape, reduced, i, &output, &index);
      y[0][i] = index == (gint64) x[1][output] ? x[0][output] : 0;
    }
}

static void
max_pick_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const MaxGradient *attributes = node->attributes;
  gboolean reduced[KOL_MAX_RANK];

  kol_reduce_find_axes (&attributes->over, &attributes->shape, reduced, NULL);
  for (gint64 i = 0; i < kol_shape_count (&attributes->shape); i++)
    {
      gint64 output, index;

      kol_reduce_place (&attributes->shape, reduced, i, &output, &index);
      if (index == (gint64) x[1][output])
        y[0][output] = x[0][i];
    }
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

static const KolCase max_cases[] = { CASES (DISTINCT), SLOW_CASES (DISTINCT), TUNE_CASES, { 0 } };

/* Whole numbers have ties, of which the first has to be found. */
#define INDEX_OF_CASE(NAME, AXIS, ...)                                                             \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { __VA_ARGS__ }, .attributes = OVER (AXIS),             \
    .fill = { { KOL_FILL_LABELS, 0, 7 } }, .no_gradient = 1                                        \
  }
static const KolCase argmax_cases[] = { INDEX_OF_CASE ("1", 0, KOL_SHAPE (1)),
                                        INDEX_OF_CASE ("4097", 0, KOL_SHAPE (4097)),
                                        INDEX_OF_CASE ("50x10", 1, KOL_SHAPE (50, 10)),
                                        INDEX_OF_CASE ("33x17", -1, KOL_SHAPE (33, 17)),
                                        INDEX_OF_CASE ("33x17-columns", 0, KOL_SHAPE (33, 17)),
                                        INDEX_OF_CASE ("7x13x33-middle", 1, KOL_SHAPE (7, 13, 33)),
                                        INDEX_OF_CASE ("257x1", 1, KOL_SHAPE (257, 1)),
                                        { 0 } };

/* max_gradient turns the shape of the outputs into x's, max_pick the other way round. */
#define LIST(...)                                                                                  \
  {                                                                                                \
    sizeof ((int[]){ __VA_ARGS__ }) / sizeof (int), { __VA_ARGS__ }                                \
  }
#define INDEX_CASE(NAME, INPUT, OUTPUTS, ELEMENTS, OVER_, X_SHAPE)                                 \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { INPUT, OUTPUTS },                                     \
    .attributes = &(const MaxGradient){ OVER_, X_SHAPE },                                          \
    .fill = { { KOL_FILL_UNIFORM, -1, 1 }, { KOL_FILL_LABELS, 0, ELEMENTS } }, .no_gradient = 2    \
  }

static const KolCase max_gradient_cases[]
    = { INDEX_CASE ("17-all", KOL_SCALAR, KOL_SCALAR, 17, LIST (0), LIST (17)),
        INDEX_CASE ("33x17-rows", KOL_SHAPE (33), KOL_SHAPE (33), 17, LIST (1), LIST (33, 17)),
        INDEX_CASE ("33x17-columns", KOL_SHAPE (17), KOL_SHAPE (17), 33, LIST (0), LIST (33, 17)),
        INDEX_CASE ("4x5x7x9-channels", KOL_SHAPE (5), KOL_SHAPE (5), 252, LIST (0, 2, 3),
                    LIST (4, 5, 7, 9)),
        { 0 } };

static const KolCase max_pick_cases[]
    = { INDEX_CASE ("17-all", KOL_SHAPE (17), KOL_SCALAR, 17, LIST (0), LIST (17)),
        INDEX_CASE ("33x17-rows", KOL_SHAPE (33, 17), KOL_SHAPE (33), 17, LIST (1), LIST (33, 17)),
        INDEX_CASE ("33x17-columns", KOL_SHAPE (33, 17), KOL_SHAPE (17), 33, LIST (0),
                    LIST (33, 17)),
        INDEX_CASE ("4x5x7x9-channels", KOL_SHAPE (4, 5, 7, 9), KOL_SHAPE (5), 252, LIST (0, 2, 3),
                    LIST (4, 5, 7, 9)),
        { 0 } };

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static const KolOp max_op = {
  .name = "max",
  .attributes = sizeof (KolReduce),
  .n_outputs = 2, /* the value; its index among the elements, in row-major order */
  .infer = index_infer,
  .gradient = max_gradient,
  .reference = max_reference,
  .cases = max_cases,
  .variants
  = (const KolVariant[]){ { .name = "plain", .scratch = max_scratch, .launch = max_launch },
                          { 0 } },
  .flops = kol_reduce_flops,
};

static const KolOp min_op = {
  .name = "min",
  .attributes = sizeof (KolReduce),
  .n_outputs = 2, /* as of max */
  .infer = index_infer,
  .gradient = max_gradient,
  .reference = min_reference,
  .cases = max_cases,
  .variants
  = (const KolVariant[]){ { .name = "plain", .scratch = max_scratch, .launch = min_launch },
                          { 0 } },
  .flops = kol_reduce_flops,
};

/* An index does not change with x: no gradient flows through it. */
static void
argmax_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
}

static const KolOp argmax_op = {
  .name = "argmax",
  .attributes = sizeof (KolReduce),
  .infer = index_infer,
  .gradient = argmax_gradient,
  .reference = argmax_reference,
  .cases = argmax_cases,
  .variants
  = (const KolVariant[]){ { .name = "plain", .scratch = max_scratch, .launch = argmax_launch },
                          { 0 } },
  .flops = kol_reduce_flops,
};

static const KolOp argmin_op = {
  .name = "argmin",
  .attributes = sizeof (KolReduce),
  .infer = index_infer,
  .gradient = argmax_gradient,
  .reference = argmin_reference,
  .cases = argmax_cases,
  .variants
  = (const KolVariant[]){ { .name = "plain", .scratch = max_scratch, .launch = argmin_launch },
                          { 0 } },
  .flops = kol_reduce_flops,
};

static const KolOp max_gradient_op = {
  .name = "max_gradient",
  .attributes = sizeof (MaxGradient),
  .infer = max_gradient_infer,
  .gradient = max_gradient_gradient,
  .reference = max_gradient_reference,
  .cases = max_gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = max_gradient_launch }, { 0 } },
};

static const KolOp max_pick_op = {
  .name = "max_pick",
  .attributes = sizeof (MaxGradient),
  .infer = max_pick_infer,
  .gradient = max_pick_gradient,
  .reference = max_pick_reference,
  .cases = max_pick_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = max_pick_launch }, { 0 } },
};

extern const KolOp *const kol_max_ops[];
const KolOp *const kol_max_ops[] = {
  &max_op, &min_op, &argmax_op, &argmin_op, &max_gradient_op, &max_pick_op, NULL,
};

/* ── Constructors ───────────────────────────────────────────────────────────────────────────── */

/**
 * kol_max:
 * @a: a tensor
 * @over: (nullable): the axes to look over; %NULL: all
 *
 * The largest element of @a over some axes; NaN if one of them is. Negative axes
 * count from the end. The gradient goes to the first of the largest.
 *
 * Returns: (transfer none): the value: @a's shape without those axes, or with
 *   length 1 there; it has failed if @a has no such axis, one is given twice, or
 *   more than 2^24 elements become one
 */
KolValue *
kol_max (KolValue *a, const KolReduce *over)
{
  return KOL_NODE (&max_op, over, a);
}

/**
 * kol_min:
 * @a: a tensor
 * @over: (nullable): the axes to look over; %NULL: all
 *
 * The smallest element of @a over some axes; NaN if one of them is. Otherwise as
 * kol_max().
 *
 * Returns: (transfer none): the value, as of kol_max()
 */
KolValue *
kol_min (KolValue *a, const KolReduce *over)
{
  return KOL_NODE (&min_op, over, a);
}

/**
 * kol_argmax:
 * @a: a tensor
 * @axis: an axis of at most 2^24 elements; negative: from the end
 *
 * The index along @axis, from 0, of the first of the largest elements, or of the
 * first NaN. No gradient flows through it.
 *
 * Returns: (transfer none): the value: @a's shape without @axis; it has failed if
 *   @a has no such axis
 */
KolValue *
kol_argmax (KolValue *a, int axis)
{
  return KOL_NODE (&argmax_op, (&(KolReduce){ .n_axes = 1, .axes = { axis } }), a);
}

/**
 * kol_argmin:
 * @a: a tensor
 * @axis: an axis of at most 2^24 elements; negative: from the end
 *
 * The index along @axis, from 0, of the first of the smallest elements, or of the
 * first NaN. No gradient flows through it.
 *
 * Returns: (transfer none): the value: @a's shape without @axis; it has failed if
 *   @a has no such axis
 */
KolValue *
kol_argmin (KolValue *a, int axis)
{
  return KOL_NODE (&argmin_op, (&(KolReduce){ .n_axes = 1, .axes = { axis } }), a);
}
