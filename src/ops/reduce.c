/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Reductions over any axes: sum, mean, norms, product and log-sum-exp, which are
 * one kernel with different expressions; max, min and their indices; and the two
 * operations that a maximum's gradient is made of. A reduction is first brought
 * to as few dimensions as possible. If the innermost one is reduced, an output's elements
 * are runs in memory ("rows"); if it is kept, neighbouring outputs are neighbours
 * in memory ("columns"). A few outputs of many elements each are cut into parts,
 * which a second launch puts together, always in the same order.
 */

#include <math.h>
#include <string.h>

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

#define LARGEST_INDEX (1 << 24) /* whole numbers above are not all floats */

/* Sets @reduced[axis] for each axis asked for, or a sentence. */
static gboolean
find_axes (const KolReduce *over, const KolShape *shape, gboolean reduced[KOL_MAX_RANK],
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

/* The shape without the reduced axes, or with length 1 there. */
static KolShape
reduced_shape (const KolShape *shape, const gboolean *reduced, gboolean keep)
{
  KolShape result = { 0 };

  for (int i = 0; i < shape->rank; i++)
    if (!reduced[i])
      result.dim[result.rank++] = shape->dim[i];
    else if (keep)
      result.dim[result.rank++] = 1;
  return result;
}

static gboolean
reduce_infer (KolNode *node, GError **error)
{
  const KolReduce *over = node->attributes;
  const KolShape *shape = &node->inputs[0]->shape;
  gboolean reduced[KOL_MAX_RANK];

  if (!find_axes (over, shape, reduced, error))
    return FALSE;
  for (guint i = 0; i < node->n_outputs; i++)
    node->outputs[i].shape = reduced_shape (shape, reduced, over->keep);
  return TRUE;
}

/* As reduce_infer(), for what gives an index, which has to be a float. */
static gboolean
index_infer (KolNode *node, GError **error)
{
  if (!reduce_infer (node, error))
    return FALSE;
  if (kol_count (node->inputs[0]) / kol_count (&node->outputs[0]) > LARGEST_INDEX)
    return kol_infer_fail (error,
                           "the largest of more than %d elements: %s to %s; an index would not be "
                           "exact. Reduce one axis after the other",
                           LARGEST_INDEX, kol_shape_text (&node->inputs[0]->shape),
                           kol_shape_text (&node->outputs[0].shape));
  return TRUE;
}

/* ── The reduction in as few dimensions as possible ─────────────────────────────────────────── */

/* Alternating dimensions: of eight at most four are kept, and four reduced. */
#define MAX_DIMENSIONS 4

typedef struct {
  int n;
  gint64 length[MAX_DIMENSIONS];
  gint64 distance[MAX_DIMENSIONS]; /* between neighbours in x */
} Dimensions;                      /* the innermost first */

typedef struct {
  Dimensions kept, reduced;
  gboolean columns; /* the innermost dimension is kept */
  gint64 outputs;
  gint64 inner;    /* columns: outputs that are neighbours in memory; rows: 1 */
  gint64 elements; /* of x, per output */
} Geometry;

static Geometry
geometry_new (const KolShape *shape, const KolReduce *over)
{
  Geometry self = { .outputs = 1, .inner = 1, .elements = 1 };
  gboolean reduced[KOL_MAX_RANK], first = TRUE, last_reduced = FALSE;
  gint64 distance = 1;

  find_axes (over, shape, reduced, NULL);
  for (int i = shape->rank - 1; i >= 0; i--)
    {
      Dimensions *dimensions = reduced[i] ? &self.reduced : &self.kept;

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

/* Appends four dimensions from the @first one on, as pairs of length and distance. */
static guint
append_dimensions (KolArg *args, guint n, const Dimensions *dimensions, int first)
{
  for (int i = first; i < first + MAX_DIMENSIONS; i++)
    {
      args[n++] = KOL_INT (i < dimensions->n ? dimensions->length[i] : 1);
      args[n++] = KOL_INT (i < dimensions->n ? dimensions->distance[i] : 0);
    }
  return n;
}

/* ── Cutting the work ───────────────────────────────────────────────────────────────────────── */

#define LEAST_ELEMENTS 16384 /* fewer are not worth another work-item of a CPU */
#define COLUMN_BLOCK 64      /* columns that such a work-item takes at least */
#define GPU_LEAST_ELEMENTS 64
#define GPU_ITEMS_PER_UNIT 1024
#define GPU_MOST_PARTS 256

/* Work-items: parts x strips of columns x strips of the other outputs. */
typedef struct {
  gint64 outer_each, outer_items;
  gint64 columns_each, column_items;
  gint64 parts, part_elements;
  gsize group;
} Cut;

/* A CPU: as many outputs side by side as there are, then columns, and parts only for the rest. */
static void
cut_for_cpu (Cut *self, const Geometry *geometry, gint64 units)
{
  gint64 outer = geometry->outputs / geometry->inner;
  gint64 items = CLAMP (geometry->outputs * geometry->elements / LEAST_ELEMENTS, 1,
                        KOL_STRIPS_PER_UNIT * units);

  self->outer_each = kol_divide_up (outer, MIN (outer, items));
  self->outer_items = kol_divide_up (outer, self->outer_each);
  self->columns_each = kol_divide_up (geometry->inner, MAX (items / self->outer_items, 1));
  self->columns_each = kol_divide_up (self->columns_each, COLUMN_BLOCK) * COLUMN_BLOCK;
  self->column_items = kol_divide_up (geometry->inner, self->columns_each);
  self->parts = MIN (MAX (items / (self->outer_items * self->column_items), 1), geometry->elements);
}

static Cut
cut_new (const Geometry *geometry, const KolDevice *device)
{
  gint64 units = device->info.compute_units;
  Cut self = { .outer_each = 1, .columns_each = 1, .group = 1 };

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

/* Room for @numbers per part and output, where there are parts. */
static gsize
parts_bytes (const KolNode *node, const KolDevice *device, gsize numbers)
{
  Geometry geometry = geometry_new (&node->inputs[0]->shape, node->attributes);
  Cut cut = cut_new (&geometry, device);

  return cut.parts > 1 ? (gsize) (geometry.outputs * cut.parts) * numbers * sizeof (float) : 0;
}

static gsize
fold_scratch (const KolNode *node, const KolDevice *device)
{
  return parts_bytes (node, device, 1);
}

static gsize
max_scratch (const KolNode *node, const KolDevice *device)
{
  return parts_bytes (node, device, 2);
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

#define MAX_ARGS 32
#define LEAST "-DLEAST=1" /* the smallest rather than the largest */

/*
 * Launches a pass over x: "reduce_<kind>_rows" or "reduce_<kind>_columns". @args
 * has the @n arguments that come before those that all passes share.
 */
static gboolean
launch_pass (KolLaunch *launch, const char *kind, const char *options, const Geometry *geometry,
             const Cut *cut, KolArg *args, guint n, GError **error)
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
  n = append_dimensions (args, n, &geometry->kept, geometry->columns ? 1 : 0);
  n = append_dimensions (args, n, &geometry->reduced, 0);
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
  Geometry geometry = geometry_new (&node->inputs[0]->shape, node->attributes);
  Cut cut = cut_new (&geometry, launch->device);
  KolStrips strips = kol_strips (launch->device, (gsize) geometry.outputs, COLUMN_BLOCK);
  KolBuffer *shift = node->n_inputs > 1 ? launch->inputs[1] : NULL;
  KolBuffer *y = launch->outputs[0];
  double factor = fold_factor (node);
  KolArg args[MAX_ARGS] = { KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (shift),
                            KOL_BUFFER (cut.parts > 1 ? launch->scratch : y), KOL_FLOAT (factor) };

  if (!launch_pass (launch, "sum", options, &geometry, &cut, args, 4, error))
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

/* The largest, or with LEAST among the @options the smallest, and its index; either may be NULL.
 * The scratch holds values, then indices. */
static gboolean
launch_max (KolLaunch *launch, const KolNode *node, const char *options, KolBuffer *value,
            KolBuffer *index, GError **error)
{
  Geometry geometry = geometry_new (&node->inputs[0]->shape, node->attributes);
  Cut cut = cut_new (&geometry, launch->device);
  KolStrips strips = kol_strips (launch->device, (gsize) geometry.outputs, COLUMN_BLOCK);
  KolBuffer *x = launch->inputs[0], *scratch = launch->scratch;
  gboolean parts = cut.parts > 1;
  KolArg args[MAX_ARGS] = { KOL_BUFFER (x), KOL_BUFFER (parts ? scratch : value),
                            KOL_BUFFER (parts ? scratch : index),
                            KOL_INT (parts ? geometry.outputs * cut.parts : 0) };

  if (!launch_pass (launch, "max", options, &geometry, &cut, args, 4, error))
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

static double
reduce_flops (const KolNode *node)
{
  return (double) kol_count (node->inputs[0]);
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

/* The output that element @at of @shape goes into, and its index among that output's elements. */
static void
place_element (const KolShape *shape, const gboolean *reduced, gint64 at, gint64 *output,
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

  find_axes (node->attributes, shape, reduced, NULL);
  for (gint64 o = 0; o < outputs; o++)
    y[0][o] = fold->product ? 1 : 0;
  for (gint64 i = 0; i < kol_shape_count (shape); i++)
    {
      gint64 o, index;
      double element;

      place_element (shape, reduced, i, &o, &index);
      element = fold->element (x[0][i], shift_of (node, x, o));
      y[0][o] = fold->product ? y[0][o] * element : y[0][o] + element;
    }
  for (gint64 o = 0; o < outputs; o++)
    y[0][o] = fold->finish (y[0][o], shift_of (node, x, o), fold_factor (node));
}

/* The first of those with the largest @sign times x, or the first NaN. */
static void
find_first (const KolNode *node, double sign, const double *x, double *values, double *indices)
{
  const KolShape *shape = &node->inputs[0]->shape;
  gboolean reduced[KOL_MAX_RANK];

  find_axes (node->attributes, shape, reduced, NULL);
  for (gint64 i = 0; i < kol_shape_count (shape); i++)
    {
      gint64 output, index;

      place_element (shape, reduced, i, &output, &index);
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

/* ── The gradients of what is like a sum ────────────────────────────────────────────────────── */

/* Each element gets @factor times the gradient of the output that it went into. */
static KolValue *
spread (const KolNode *node, KolValue *dy, double factor)
{
  const KolShape *shape = &node->inputs[0]->shape;
  gboolean reduced[KOL_MAX_RANK];

  find_axes (node->attributes, shape, reduced, NULL);
  if (factor != 1)
    dy = kol_scale (dy, (float) factor, 0);
  return kol_expand (kol_reshape (dy, reduced_shape (shape, reduced, TRUE)), *shape);
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
  Geometry geometry = geometry_new (&attributes->shape, &attributes->over);
  KolStrips strips = kol_strips (launch->device, (gsize) geometry.outputs, 256);
  KolArg args[MAX_ARGS]
      = { KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
          KOL_BUFFER (launch->outputs[0]), KOL_INT (geometry.outputs), KOL_INT (strips.each) };
  guint n = append_dimensions (args, 5, &geometry.kept, 0);

  n = append_dimensions (args, n, &geometry.reduced, 0);
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
  KolStrips strips = kol_strips (launch->device, (gsize) count, LEAST_ELEMENTS);

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

  find_axes (&attributes->over, &attributes->shape, reduced, NULL);
  for (gint64 i = 0; i < kol_shape_count (&attributes->shape); i++)
    {
      gint64 output, index;

      place_element (&attributes->shape, reduced, i, &output, &index);
      y[0][i] = index == (gint64) x[1][output] ? x[0][output] : 0;
    }
}

static void
max_pick_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const MaxGradient *attributes = node->attributes;
  gboolean reduced[KOL_MAX_RANK];

  find_axes (&attributes->over, &attributes->shape, reduced, NULL);
  for (gint64 i = 0; i < kol_shape_count (&attributes->shape); i++)
    {
      gint64 output, index;

      place_element (&attributes->shape, reduced, i, &output, &index);
      if (index == (gint64) x[1][output])
        y[0][output] = x[0][i];
    }
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

#define OVER(...)                                                                                  \
  &(const KolReduce)                                                                               \
  {                                                                                                \
    sizeof ((int[]){ __VA_ARGS__ }) / sizeof (int), { __VA_ARGS__ }                                \
  }
#define OVER_KEEP(...)                                                                             \
  &(const KolReduce) { sizeof ((int[]){ __VA_ARGS__ }) / sizeof (int), { __VA_ARGS__ }, TRUE }
#define ALL                                                                                        \
  &(const KolReduce) { 0 }

/* How cases are filled; a fine grid of distinct numbers is too fine for central differences. */
#define FILL_UNIFORM                                                                               \
  {                                                                                                \
    KOL_FILL_UNIFORM, -1, 1                                                                        \
  }
#define FILL_DISTINCT                                                                              \
  {                                                                                                \
    KOL_FILL_DISTINCT, -1, 1                                                                       \
  }
#define FILL_NONZERO                                                                               \
  {                                                                                                \
    KOL_FILL_NONZERO, -1, 1                                                                        \
  }
#define FILL_NEAR_ONE                                                                              \
  {                                                                                                \
    KOL_FILL_UNIFORM, 0.99, 1.01                                                                   \
  }
#define IS_FINE_UNIFORM 0
#define IS_FINE_DISTINCT 1
#define IS_FINE_NONZERO 0
#define IS_FINE_NEAR_ONE 0

#define CASE(NAME, FILL, OVER_, ...)                                                               \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { __VA_ARGS__ }, .attributes = OVER_,                   \
    .fill                                                                                          \
        = { FILL_##FILL }                                                                          \
  }

#define CASES(FILL)                                                                                \
  CASE ("scalar", FILL, ALL, KOL_SCALAR), CASE ("1", FILL, ALL, KOL_SHAPE (1)),                    \
      CASE ("1-keep", FILL, OVER_KEEP (0), KOL_SHAPE (1, 5)),                                      \
      CASE ("15-all", FILL, ALL, KOL_SHAPE (15)), CASE ("16-all", FILL, ALL, KOL_SHAPE (16)),      \
      CASE ("17-all", FILL, ALL, KOL_SHAPE (17)), CASE ("4097-all", FILL, ALL, KOL_SHAPE (4097)),  \
      CASE ("7x13x33-all", FILL, ALL, KOL_SHAPE (7, 13, 33)),                                      \
      CASE ("rows-33x17", FILL, OVER (-1), KOL_SHAPE (33, 17)),                                    \
      CASE ("rows-257x10", FILL, OVER (1), KOL_SHAPE (257, 10)),                                   \
      CASE ("rows-3x1009", FILL, OVER_KEEP (1), KOL_SHAPE (3, 1009)),                              \
      CASE ("columns-33x17", FILL, OVER (0), KOL_SHAPE (33, 17)),                                  \
      CASE ("columns-257x10", FILL, OVER_KEEP (-2), KOL_SHAPE (257, 10)),                          \
      CASE ("columns-5x331", FILL, OVER (0), KOL_SHAPE (5, 331)),                                  \
      CASE ("middle-7x13x33", FILL, OVER (1), KOL_SHAPE (7, 13, 33)),                              \
      CASE ("outer-and-inner-7x13x33", FILL, OVER (0, -1), KOL_SHAPE (7, 13, 33)),                 \
      CASE ("channels-4x5x7x9", FILL, OVER (0, 2, 3), KOL_SHAPE (4, 5, 7, 9)),                     \
      CASE ("pictures-4x5x7x9", FILL, OVER_KEEP (-1, -2), KOL_SHAPE (4, 5, 7, 9)),                 \
      CASE ("length-1-7x1x33", FILL, OVER (1), KOL_SHAPE (7, 1, 33)),                              \
      CASE ("even-axes", FILL, OVER (0, 2, 4, 6), KOL_SHAPE (2, 3, 2, 3, 2, 3, 2, 17)),            \
      CASE ("odd-axes", FILL, OVER (1, 3, 5, 7), KOL_SHAPE (2, 3, 2, 3, 2, 3, 2, 17))

/* Large enough to be cut into parts. */
#define SLOW_CASE(NAME, FILL, OVER_, ...)                                                          \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { __VA_ARGS__ }, .attributes = OVER_,                   \
    .fill = { FILL_##FILL }, .no_gradient = IS_FINE_##FILL, .slow = TRUE                           \
  }

#define SLOW_CASES(FILL)                                                                           \
  SLOW_CASE ("100003-all", FILL, ALL, KOL_SHAPE (100003)),                                         \
      SLOW_CASE ("rows-2x50021", FILL, OVER (1), KOL_SHAPE (2, 50021)),                            \
      SLOW_CASE ("columns-9973x13", FILL, OVER (0), KOL_SHAPE (9973, 13)),                         \
      SLOW_CASE ("middle-2x4999x17", FILL, OVER (1), KOL_SHAPE (2, 4999, 17)),                     \
      SLOW_CASE ("outer-and-inner-31x3x1009", FILL, OVER (0, 2), KOL_SHAPE (31, 3, 1009))

#define TUNE_CASES                                                                                 \
  { .name = "64x32x28x28-all",                                                                     \
    .n_inputs = 1,                                                                                 \
    .shapes = { KOL_SHAPE (64, 32, 28, 28) },                                                      \
    .attributes = ALL,                                                                             \
    .only_tune = TRUE },                                                                           \
      { .name = "64x32x28x28-channels",                                                            \
        .n_inputs = 1,                                                                             \
        .shapes = { KOL_SHAPE (64, 32, 28, 28) },                                                  \
        .attributes = OVER (0, 2, 3),                                                              \
        .only_tune = TRUE },                                                                       \
  {                                                                                                \
    .name = "10000x784-columns", .n_inputs = 1, .shapes = { KOL_SHAPE (10000, 784) },              \
    .attributes = OVER (0), .only_tune = TRUE                                                      \
  }

static const KolCase sum_cases[] = { CASES (UNIFORM), SLOW_CASES (UNIFORM), TUNE_CASES, { 0 } };
static const KolCase max_cases[] = { CASES (DISTINCT), SLOW_CASES (DISTINCT), TUNE_CASES, { 0 } };
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
  .variants = fold_variants, .flops = reduce_flops

static const Fold sum_fold = {
  .op = { FOLD_OP ("sum"), .infer = reduce_infer, .gradient = sum_gradient, .cases = sum_cases },
  .options = NULL,
  .element = element_itself,
  .finish = finish_scaled,
};

static const Fold mean_fold = {
  .op = { FOLD_OP ("mean"), .infer = reduce_infer, .gradient = mean_gradient, .cases = sum_cases },
  .options = NULL,
  .mean = TRUE,
  .element = element_itself,
  .finish = finish_scaled,
};

static const Fold sum_of_squares_fold = {
  .op = { FOLD_OP ("sum_of_squares"), .infer = reduce_infer, .gradient = sum_of_squares_gradient,
          .cases = sum_cases },
  .options = "-DELEMENT=v*v",
  .element = element_square,
  .finish = finish_scaled,
};

static const Fold norm1_fold = {
  .op
  = { FOLD_OP ("norm1"), .infer = reduce_infer, .gradient = norm1_gradient, .cases = norm1_cases },
  .options = "-DELEMENT=fabs(v)",
  .element = element_magnitude,
  .finish = finish_scaled,
};

static const Fold norm2_fold = {
  .op
  = { FOLD_OP ("norm2"), .infer = reduce_infer, .gradient = norm2_gradient, .cases = norm2_cases },
  .options = "-DELEMENT=v*v -DFINISH=sqrt(s)",
  .element = element_square,
  .finish = finish_root,
};

static const Fold prod_fold = {
  .op = { FOLD_OP ("prod"), .infer = reduce_infer, .gradient = prod_gradient, .cases = prod_cases },
  .options = "-DPRODUCT=1",
  .product = TRUE,
  .element = element_itself,
  .finish = finish_scaled,
};

/* The second input, of the output's shape, is near the largest element. */
static const Fold log_sum_exp_fold = {
  .op = { FOLD_OP ("log_sum_exp"), .infer = reduce_infer, .gradient = log_sum_exp_gradient,
          .cases = log_sum_exp_cases },
  .options = "-DELEMENT=exp(v-m) -DFINISH=log(s)+m -DSHIFTED=1",
  .element = element_power,
  .finish = finish_log,
};

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
  .flops = reduce_flops,
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
  .flops = reduce_flops,
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
  .flops = reduce_flops,
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
  .flops = reduce_flops,
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

extern const KolOp *const kol_reduce_ops[];
const KolOp *const kol_reduce_ops[] = { &sum_fold.op,
                                        &mean_fold.op,
                                        &sum_of_squares_fold.op,
                                        &norm1_fold.op,
                                        &norm2_fold.op,
                                        &prod_fold.op,
                                        &log_sum_exp_fold.op,
                                        &max_op,
                                        &min_op,
                                        &argmax_op,
                                        &argmin_op,
                                        &max_gradient_op,
                                        &max_pick_op,
                                        NULL };

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
