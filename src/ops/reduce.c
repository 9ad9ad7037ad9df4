/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Reductions over any axes. Here are sum, mean, norms, product and log-sum-exp, which are
 * one kernel with different expressions, and what max.c shares. A reduction is first brought
 * to as few dimensions as possible. If the innermost one is reduced, an output's elements
 * are runs in memory ("rows"); if it is kept, neighbouring outputs are neighbours
 * in memory ("columns"). A few outputs of many elements each are cut into parts,
 * which a second launch puts together, always in the same order.
 */

#include <math.h>
#include <string.h>

#include "ops/reduce-private.h"
#include "ops/strips-private.h"
#include "ops.h"

/*
 * What is like a sum: finish of the sum, or product, of element (v) over an
 * output's elements v. The operation comes first, so that a KolOp of ours leads
 * back to it.
 */
typedef struct {
  KolOp op;
  const char *options; /* the same as OpenCL C; see kernels/reduce.cl */
  gboolean product;
  double (*element) (double v, double m);               /* m: of the second input, or 0 */
  double (*finish) (double s, double m, double factor); /* factor: 1 / elements */
  gboolean mean;
} Fold;

/* ── Axes and shapes ────────────────────────────────────────────────────────────────────────── */

gboolean
kol_reduce_find_axes (const KolReduce *over, const KolShape *shape, gboolean reduced[KOL_MAX_RANK],
                      GError **error)
{
  memset (reduced, 0, KOL_MAX_RANK * sizeof *reduced);
  if (over->n_axes < 0 || over->n_axes > KOL_MAX_RANK)
    return kol_infer_fail (error, "%d axes to reduce %s over; it has %d", over->n_axes,
                           kol_shape_text (shape), shape->rank);
  for (int i = 0; i < shape->rank && over->n_axes == 0; i++)
    reduced[i] = TRUE;
  for (int i = 0; i < over->n_axes; i++)
    {
      int axis = over->axes[i] < 0 ? over->axes[i] + shape->rank : over->axes[i];

      if (axis < 0 || axis >= shape->rank)
        return kol_infer_fail (error, "there is no axis %d in %s: its axes are %d .. %d",
                               over->axes[i], kol_shape_text (shape), -shape->rank,
                               shape->rank - 1);
      if (reduced[axis])
        return kol_infer_fail (error, "axis %d of %s is given twice", over->axes[i],
                               kol_shape_text (shape));
      reduced[axis] = TRUE;
    }
  return TRUE;
}

KolShape
kol_reduce_shape (const KolShape *shape, const gboolean *reduced, gboolean keep)
{
  KolShape result = { 0 };

  for (int i = 0; i < shape->rank; i++)
    if (!reduced[i])
      result.dim[result.rank++] = shape->dim[i];
    else if (keep)
      result.dim[result.rank++] = 1;
  return result;
}

gboolean
kol_reduce_infer (KolNode *node, GError **error)
{
  const KolReduce *over = node->attributes;
  const KolShape *shape = &node->inputs[0]->shape;
  gboolean reduced[KOL_MAX_RANK];

  if (!kol_reduce_find_axes (over, shape, reduced, error))
    return FALSE;
  for (guint i = 0; i < node->n_outputs; i++)
    node->outputs[i].shape = kol_reduce_shape (shape, reduced, over->keep);
  return TRUE;
}

/* ── The reduction in as few dimensions as possible ─────────────────────────────────────────── */

KolReduceGeometry
kol_reduce_geometry (const KolShape *shape, const KolReduce *over)
{
  KolReduceGeometry self = { .outputs = 1, .inner = 1, .elements = 1 };
  gboolean reduced[KOL_MAX_RANK], first = TRUE, last_reduced = FALSE;
  gint64 distance = 1;

  kol_reduce_find_axes (over, shape, reduced, NULL);
  for (int i = shape->rank - 1; i >= 0; i--)
    {
      KolReduceDimensions *dimensions = reduced[i] ? &self.reduced : &self.kept;

      *(reduced[i] ? &self.elements : &self.outputs) *= shape->dim[i];
      if (shape->dim[i] == 1)
        continue;
      if (first || last_reduced != reduced[i])
        {
          dimensions->length[dimensions->n] = 1;
          dimensions->distance[dimensions->n++] = distance;
        }
      dimensions->length[dimensions->n - 1] *= shape->dim[i];
      distance *= shape->dim[i];
      if (first)
        self.columns = !reduced[i];
      first = FALSE;
      last_reduced = reduced[i];
    }
  if (self.columns)
    self.inner = self.kept.length[0];
  return self;
}

guint
kol_reduce_append_dimensions (KolArg *args, guint n, const KolReduceDimensions *dimensions,
                              int first)
{
  for (int i = first; i < first + KOL_REDUCE_DIMENSIONS; i++)
    {
      args[n++] = KOL_INT (i < dimensions->n ? dimensions->length[i] : 1);
      args[n++] = KOL_INT (i < dimensions->n ? dimensions->distance[i] : 0);
    }
  return n;
}

/* ── Cutting the work ───────────────────────────────────────────────────────────────────────── */

#define GPU_LEAST_ELEMENTS 64
#define GPU_ITEMS_PER_UNIT 1024
#define GPU_MOST_PARTS 256

/* A CPU: as many outputs side by side as there are, then columns, and parts only for the rest. */
static void
cut_for_cpu (KolReduceCut *self, const KolReduceGeometry *geometry, gint64 units)
{
  gint64 outer = geometry->outputs / geometry->inner;
  gint64 items = CLAMP (geometry->outputs * geometry->elements / KOL_REDUCE_LEAST, 1,
                        KOL_STRIPS_PER_UNIT * units);

  self->outer_each = kol_divide_up (outer, MIN (outer, items));
  self->outer_items = kol_divide_up (outer, self->outer_each);
  self->columns_each = kol_divide_up (geometry->inner, MAX (items / self->outer_items, 1));
  self->columns_each = kol_divide_up (self->columns_each, KOL_REDUCE_COLUMNS) * KOL_REDUCE_COLUMNS;
  self->column_items = kol_divide_up (geometry->inner, self->columns_each);
  self->parts = MIN (MAX (items / (self->outer_items * self->column_items), 1), geometry->elements);
}

KolReduceCut
kol_reduce_cut (const KolReduceGeometry *geometry, const KolDevice *device)
{
  gint64 units = device->info.compute_units;
  KolReduceCut self = { .outer_each = 1, .columns_each = 1, .group = 1 };

  if (device->simd)
    cut_for_cpu (&self, geometry, units);
  else
    {
      self.group = MIN (KOL_GPU_GROUP, device->max_work_group);
      self.outer_items = geometry->outputs / geometry->inner;
      self.column_items = geometry->inner;
      self.parts = CLAMP (MIN (geometry->elements / GPU_LEAST_ELEMENTS,
                               GPU_ITEMS_PER_UNIT * units / geometry->outputs),
                          1, GPU_MOST_PARTS);
    }
  self.part_elements = kol_divide_up (geometry->elements, self.parts);
  self.parts = kol_divide_up (geometry->elements, self.part_elements);
  return self;
}

gsize
kol_reduce_parts_bytes (const KolNode *node, const KolDevice *device, gsize numbers)
{
  KolReduceGeometry geometry = kol_reduce_geometry (&node->inputs[0]->shape, node->attributes);
  KolReduceCut cut = kol_reduce_cut (&geometry, device);

  return cut.parts > 1 ? (gsize) (geometry.outputs * cut.parts) * numbers * sizeof (float) : 0;
}

static gsize
fold_scratch (const KolNode *node, const KolDevice *device)
{
  return kol_reduce_parts_bytes (node, device, 1);
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_reduce_launch_pass (KolLaunch *launch, const char *kind, const char *options,
                        const KolReduceGeometry *geometry, const KolReduceCut *cut, KolArg *args,
                        guint n, GError **error)
{
  g_autofree char *kernel
      = g_strdup_printf ("reduce_%s_%s", kind, geometry->columns ? "columns" : "rows");

  args[n++] = KOL_INT (geometry->outputs / geometry->inner);
  args[n++] = KOL_INT (cut->outer_each);
  args[n++] = KOL_INT (geometry->inner);
  args[n++] = KOL_INT (cut->columns_each);
  args[n++] = KOL_INT (cut->column_items);
  args[n++] = KOL_INT (geometry->elements);
  args[n++] = KOL_INT (cut->parts);
  args[n++] = KOL_INT (cut->part_elements);
  n = kol_reduce_append_dimensions (args, n, &geometry->kept, geometry->columns ? 1 : 0);
  n = kol_reduce_append_dimensions (args, n, &geometry->reduced, 0);
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "reduce",
                  .kernel = kernel,
                  .options = options,
                  .global = { (gsize) (cut->outer_items * cut->column_items * cut->parts) },
                  .local = { cut->group } },
      args, error);
}

/* How many elements become one. */
static double
elements_per_output (const KolNode *node)
{
  return (double) kol_count (node->inputs[0]) / (double) kol_count (&node->outputs[0]);
}

static double
fold_factor (const KolNode *node)
{
  return ((const Fold *) node->op)->mean ? 1 / elements_per_output (node) : 1;
}

static gboolean
fold_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const char *options = ((const Fold *) node->op)->options;
  KolReduceGeometry geometry = kol_reduce_geometry (&node->inputs[0]->shape, node->attributes);
  KolReduceCut cut = kol_reduce_cut (&geometry, launch->device);
  KolStrips strips = kol_strips (launch->device, (gsize) geometry.outputs, KOL_REDUCE_COLUMNS);
  KolBuffer *shift = node->n_inputs > 1 ? launch->inputs[1] : NULL;
  KolBuffer *y = launch->outputs[0];
  double factor = fold_factor (node);
  KolArg args[KOL_REDUCE_ARGS]
      = { KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (shift),
          KOL_BUFFER (cut.parts > 1 ? launch->scratch : y), KOL_FLOAT (factor) };

  if (!kol_reduce_launch_pass (launch, "sum", options, &geometry, &cut, args, 4, error))
    return FALSE;
  return cut.parts == 1
         || kol_queue_launch (launch->queue,
                              &(KolCall){ .program = "reduce",
                                          .kernel = "reduce_sum_parts",
                                          .options = options,
                                          .global = { strips.items },
                                          .local = { strips.group } },
                              KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_BUFFER (shift),
                                        KOL_BUFFER (y), KOL_FLOAT (factor),
                                        KOL_INT (geometry.outputs), KOL_INT (geometry.inner),
                                        KOL_INT (cut.parts), KOL_INT (strips.each)),
                              error);
}

double
kol_reduce_flops (const KolNode *node)
{
  return (double) kol_count (node->inputs[0]);
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

void
kol_reduce_place (const KolShape *shape, const gboolean *reduced, gint64 at, gint64 *output,
                  gint64 *index)
{
  gint64 output_distance = 1, index_distance = 1;

  *output = *index = 0;
  for (int i = shape->rank - 1; i >= 0; i--)
    {
      gint64 position = at % shape->dim[i];

      at /= shape->dim[i];
      *(reduced[i] ? index : output) += position * (reduced[i] ? index_distance : output_distance);
      *(reduced[i] ? &index_distance : &output_distance) *= shape->dim[i];
    }
}

/* The shift of an output: what is infinite counts as 0, as in the kernel. */
static double
shift_of (const KolNode *node, const double *const *x, gint64 output)
{
  return node->n_inputs > 1 && !isinf (x[1][output]) ? x[1][output] : 0;
}

static void
fold_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const Fold *fold = (const Fold *) node->op;
  const KolShape *shape = &node->inputs[0]->shape;
  gint64 outputs = kol_count (&node->outputs[0]);
  gboolean reduced[KOL_MAX_RANK];

  kol_reduce_find_axes (node->attributes, shape, reduced, NULL);
  for (gint64 o = 0; o < outputs; o++)
    y[0][o] = fold->product ? 1 : 0;
  for (gint64 i = 0; i < kol_shape_count (shape); i++)
    {
      gint64 o, index;
      double element;

      kol_reduce_place (shape, reduced, i, &o, &index);
      element = fold->element (x[0][i], shift_of (node, x, o));
      y[0][o] = fold->product ? y[0][o] * element : y[0][o] + element;
    }
  for (gint64 o = 0; o < outputs; o++)
    y[0][o] = fold->finish (y[0][o], shift_of (node, x, o), fold_factor (node));
}

/* ── The gradients of what is like a sum ────────────────────────────────────────────────────── */

/* Each element gets @factor times the gradient of the output that it went into. */
static KolValue *
spread (const KolNode *node, KolValue *dy, double factor)
{
  const KolShape *shape = &node->inputs[0]->shape;
  gboolean reduced[KOL_MAX_RANK];

  kol_reduce_find_axes (node->attributes, shape, reduced, NULL);
  if (factor != 1)
    dy = kol_scale (dy, (float) factor, 0);
  return kol_expand (kol_reshape (dy, kol_reduce_shape (shape, reduced, TRUE)), *shape);
}

static void
sum_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = spread (node, dy[0], 1);
}

static void
mean_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = spread (node, dy[0], 1 / elements_per_output (node));
}

static void
sum_of_squares_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = kol_multiply (spread (node, dy[0], 2), node->inputs[0]);
}

static void
norm1_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = kol_multiply (spread (node, dy[0], 1), kol_sign (node->inputs[0]));
}

/* x / y, and 0 where the norm y is 0. */
static void
norm2_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  KolValue *y = &node->outputs[0];
  KolValue *each = kol_where (y, kol_divide (dy[0], y), kol_constant (node->graph, 0));

  dx[0] = kol_multiply (spread (node, each, 1), node->inputs[0]);
}

/* The softmax of x; what is taken off first does not change the result. */
static void
log_sum_exp_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  KolValue *below = kol_subtract (node->inputs[0], spread (node, &node->outputs[0], 1));

  dx[0] = kol_multiply (spread (node, dy[0], 1), kol_exp (below));
}

/*
 * The product of the other elements: 0 if one of them is 0, and else what the
 * product of all that are not 0 is without this one.
 */
static void
prod_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  KolReduce over = *(const KolReduce *) node->attributes;
  KolValue *x = node->inputs[0], *zero = kol_not (x), *one = kol_constant (node->graph, 1);
  KolValue *factors = kol_where (zero, one, x), *others, *no_other_zero;

  over.keep = TRUE;
  others = kol_divide (kol_prod (factors, &over), factors);
  no_other_zero = kol_equal (kol_sum (zero, &over), zero);
  dx[0] = kol_multiply (spread (node, dy[0], 1),
                        kol_where (no_other_zero, others, kol_constant (node->graph, 0)));
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

static const KolCase sum_cases[] = { CASES (UNIFORM), SLOW_CASES (UNIFORM), TUNE_CASES, { 0 } };
static const KolCase norm1_cases[] = { CASES (NONZERO), SLOW_CASES (NONZERO), TUNE_CASES, { 0 } };

static const KolCase norm2_cases[] = { CASES (NONZERO),
                                       SLOW_CASES (NONZERO),
                                       { .name = "all-0",
                                         .n_inputs = 1,
                                         .shapes = { KOL_SHAPE (5, 7) },
                                         .attributes = OVER (1),
                                         .fill = { { KOL_FILL_LABELS, 0, 1 } },
                                         .once = TRUE },
                                       TUNE_CASES,
                                       { 0 } };

/* Of whole numbers from 0 on, no element of an output is 0, or one, or several. */
static const KolCase prod_cases[] = { CASES (NEAR_ONE),
                                      SLOW_CASES (NEAR_ONE),
                                      { .name = "zeros-101x3",
                                        .n_inputs = 1,
                                        .shapes = { KOL_SHAPE (101, 3) },
                                        .attributes = OVER (1),
                                        .fill = { { KOL_FILL_LABELS, 0, 3 } },
                                        .once = TRUE },
                                      { .name = "zeros-5x67-columns",
                                        .n_inputs = 1,
                                        .shapes = { KOL_SHAPE (5, 67) },
                                        .attributes = OVER_KEEP (0),
                                        .fill = { { KOL_FILL_LABELS, 0, 4 } },
                                        .once = TRUE },
                                      TUNE_CASES,
                                      { 0 } };

#define SHIFTED_CASE(NAME, OVER_, LOW, HIGH, X_SHAPE, SHIFT_SHAPE, ...)                            \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { X_SHAPE, SHIFT_SHAPE }, .attributes = OVER_,          \
    .fill = { { KOL_FILL_UNIFORM, LOW, HIGH }, { KOL_FILL_UNIFORM, LOW, HIGH } },                  \
    .no_gradient = 2, ##__VA_ARGS__                                                                \
  }

static const KolCase log_sum_exp_cases[]
    = { SHIFTED_CASE ("scalar", ALL, -1, 1, KOL_SCALAR, KOL_SCALAR),
        SHIFTED_CASE ("17-all", ALL, -1, 1, KOL_SHAPE (17), KOL_SCALAR),
        SHIFTED_CASE ("4097-all", ALL, -1, 1, KOL_SHAPE (4097), KOL_SCALAR),
        SHIFTED_CASE ("rows-33x17", OVER (1), -3, 3, KOL_SHAPE (33, 17), KOL_SHAPE (33)),
        SHIFTED_CASE ("rows-3x1009", OVER_KEEP (1), -3, 3, KOL_SHAPE (3, 1009), KOL_SHAPE (3, 1)),
        SHIFTED_CASE ("columns-33x17", OVER (0), -3, 3, KOL_SHAPE (33, 17), KOL_SHAPE (17)),
        SHIFTED_CASE ("columns-5x331", OVER (0), -3, 3, KOL_SHAPE (5, 331), KOL_SHAPE (331)),
        SHIFTED_CASE ("middle-7x13x33", OVER (1), -3, 3, KOL_SHAPE (7, 13, 33), KOL_SHAPE (7, 33)),
        SHIFTED_CASE ("channels-4x5x7x9", OVER (0, 2, 3), -3, 3, KOL_SHAPE (4, 5, 7, 9),
                      KOL_SHAPE (5)),
        SHIFTED_CASE ("near-1000", OVER (1), 990, 1010, KOL_SHAPE (33, 17), KOL_SHAPE (33)),
        SHIFTED_CASE ("100003-all", ALL, -1, 1, KOL_SHAPE (100003), KOL_SCALAR, .slow = TRUE),
        SHIFTED_CASE ("columns-9973x13", OVER (0), -1, 1, KOL_SHAPE (9973, 13), KOL_SHAPE (13),
                      .slow = TRUE),
        { 0 } };

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static double
element_itself (double v, double m)
{
  return v;
}

static double
element_magnitude (double v, double m)
{
  return fabs (v);
}

static double
element_square (double v, double m)
{
  return v * v;
}

static double
element_power (double v, double m)
{
  return exp (v - m);
}

static double
finish_scaled (double s, double m, double factor)
{
  return factor * s;
}

static double
finish_root (double s, double m, double factor)
{
  return sqrt (s);
}

static double
finish_log (double s, double m, double factor)
{
  return log (s) + m;
}

static const KolVariant fold_variants[]
    = { { .name = "plain", .scratch = fold_scratch, .launch = fold_launch }, { 0 } };

/* What all of them share. */
#define FOLD_OP(NAME)                                                                              \
  .name = NAME, .attributes = sizeof (KolReduce), .reference = fold_reference,                     \
  .variants = fold_variants, .flops = kol_reduce_flops

static const Fold sum_fold = {
  .op
  = { FOLD_OP ("sum"), .infer = kol_reduce_infer, .gradient = sum_gradient, .cases = sum_cases },
  .options = NULL,
  .element = element_itself,
  .finish = finish_scaled,
};

static const Fold mean_fold = {
  .op
  = { FOLD_OP ("mean"), .infer = kol_reduce_infer, .gradient = mean_gradient, .cases = sum_cases },
  .options = NULL,
  .mean = TRUE,
  .element = element_itself,
  .finish = finish_scaled,
};

static const Fold sum_of_squares_fold = {
  .op = { FOLD_OP ("sum_of_squares"), .infer = kol_reduce_infer,
          .gradient = sum_of_squares_gradient, .cases = sum_cases },
  .options = "-DELEMENT=v*v",
  .element = element_square,
  .finish = finish_scaled,
};

static const Fold norm1_fold = {
  .op = { FOLD_OP ("norm1"), .infer = kol_reduce_infer, .gradient = norm1_gradient,
          .cases = norm1_cases },
  .options = "-DELEMENT=fabs(v)",
  .element = element_magnitude,
  .finish = finish_scaled,
};

static const Fold norm2_fold = {
  .op = { FOLD_OP ("norm2"), .infer = kol_reduce_infer, .gradient = norm2_gradient,
          .cases = norm2_cases },
  .options = "-DELEMENT=v*v -DFINISH=sqrt(s)",
  .element = element_square,
  .finish = finish_root,
};

static const Fold prod_fold = {
  .op
  = { FOLD_OP ("prod"), .infer = kol_reduce_infer, .gradient = prod_gradient, .cases = prod_cases },
  .options = "-DPRODUCT=1",
  .product = TRUE,
  .element = element_itself,
  .finish = finish_scaled,
};

/* The second input, of the output's shape, is near the largest element. */
static const Fold log_sum_exp_fold = {
  .op = { FOLD_OP ("log_sum_exp"), .infer = kol_reduce_infer, .gradient = log_sum_exp_gradient,
          .cases = log_sum_exp_cases },
  .options = "-DELEMENT=exp(v-m) -DFINISH=log(s)+m -DSHIFTED=1",
  .element = element_power,
  .finish = finish_log,
};

extern const KolOp *const kol_reduce_ops[];
const KolOp *const kol_reduce_ops[]
    = { &sum_fold.op,   &mean_fold.op, &sum_of_squares_fold.op, &norm1_fold.op,
        &norm2_fold.op, &prod_fold.op, &log_sum_exp_fold.op,    NULL };

/* ── Constructors ───────────────────────────────────────────────────────────────────────────── */

/**
 * kol_sum:
 * @a: a tensor
 * @over: (nullable): the axes to sum over; %NULL: all
 *
 * The sum of @a over some axes. Negative axes count from the end.
 *
 * Returns: (transfer none): the value: @a's shape without those axes, or with
 *   length 1 there; it has failed if @a has no such axis, or one is given twice
 */
KolValue *
kol_sum (KolValue *a, const KolReduce *over)
{
  return KOL_NODE (&sum_fold.op, over, a);
}

/**
 * kol_mean_over:
 * @a: a tensor
 * @over: (nullable): the axes to average over; %NULL: all
 *
 * The mean of @a over some axes. Negative axes count from the end.
 *
 * Returns: (transfer none): the value: @a's shape without those axes, or with
 *   length 1 there; it has failed if @a has no such axis, or one is given twice
 */
KolValue *
kol_mean_over (KolValue *a, const KolReduce *over)
{
  return KOL_NODE (&mean_fold.op, over, a);
}

/**
 * kol_mean:
 * @a: a tensor
 *
 * The mean of all of @a.
 *
 * Returns: (transfer none): the value, a scalar
 */
KolValue *
kol_mean (KolValue *a)
{
  return kol_mean_over (a, NULL);
}

/**
 * kol_sum_of_squares:
 * @a: a tensor
 * @over: (nullable): the axes to go over; %NULL: all
 *
 * The sum of a^2 over some axes, in one pass over @a.
 *
 * Returns: (transfer none): the value: @a's shape without those axes, or with
 *   length 1 there; it has failed if @a has no such axis, or one is given twice
 */
KolValue *
kol_sum_of_squares (KolValue *a, const KolReduce *over)
{
  return KOL_NODE (&sum_of_squares_fold.op, over, a);
}

/**
 * kol_norm1:
 * @a: a tensor
 * @over: (nullable): the axes to go over; %NULL: all
 *
 * The sum of |a| over some axes. The gradient of an element that is 0 is 0.
 *
 * Returns: (transfer none): the value: @a's shape without those axes, or with
 *   length 1 there; it has failed if @a has no such axis, or one is given twice
 */
KolValue *
kol_norm1 (KolValue *a, const KolReduce *over)
{
  return KOL_NODE (&norm1_fold.op, over, a);
}

/**
 * kol_norm2:
 * @a: a tensor
 * @over: (nullable): the axes to go over; %NULL: all
 *
 * The square root of the sum of a^2 over some axes: the Euclidean norm. Where it
 * is 0, so is its gradient. Elements beyond 10^19 in magnitude overflow.
 *
 * Returns: (transfer none): the value: @a's shape without those axes, or with
 *   length 1 there; it has failed if @a has no such axis, or one is given twice
 */
KolValue *
kol_norm2 (KolValue *a, const KolReduce *over)
{
  return KOL_NODE (&norm2_fold.op, over, a);
}

/**
 * kol_prod:
 * @a: a tensor
 * @over: (nullable): the axes to go over; %NULL: all
 *
 * The product of @a's elements over some axes. The gradient is right where
 * elements are 0, too; the gradient of the gradient only where none is.
 *
 * Returns: (transfer none): the value: @a's shape without those axes, or with
 *   length 1 there; it has failed if @a has no such axis, or one is given twice
 */
KolValue *
kol_prod (KolValue *a, const KolReduce *over)
{
  return KOL_NODE (&prod_fold.op, over, a);
}

/**
 * kol_log_sum_exp:
 * @a: a tensor
 * @over: (nullable): the axes to go over; %NULL: all
 *
 * log sum e^a over some axes, of any finite @a: the largest element, which is
 * looked for first, is taken off before e^a, and added again. So the axes may
 * have no more elements than kol_max() takes.
 *
 * Returns: (transfer none): the value: @a's shape without those axes, or with
 *   length 1 there; it has failed if @a has no such axis, or one is given twice
 */
KolValue *
kol_log_sum_exp (KolValue *a, const KolReduce *over)
{
  return KOL_NODE (&log_sum_exp_fold.op, over, a, kol_max (a, over));
}
