/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Slices of x by index, and its gradient: sums of slices by index. x is seen as
 * [outer, length, inner] along the axis. Where several updates go to one slice
 * there are no atomics: a work-item owns some of y's elements, goes through the
 * indices in order, and adds what is its own. It owns enough of them for the
 * indices to be little work beside the sums.
 */

#include "ops/indexing-private.h"
#include "ops.h"

/* ── gather ─────────────────────────────────────────────────────────────────────────────────── */

/* The shape of @x with axis @which replaced by the axes of @indices, or a sentence. */
static gboolean
indexed_shape (const KolShape *x, int which, const KolShape *indices, KolShape *result,
               GError **error)
{
  int axis;

  if (!kol_find_axis (x, which, &axis, error) || !kol_check_indexed (x->dim[axis], error))
    return FALSE;
  if (x->rank - 1 + indices->rank > KOL_MAX_RANK)
    return kol_infer_fail (error,
                           "indices of %s into %s give a shape of %d dimensions; at most %d are "
                           "possible",
                           kol_shape_text (indices), kol_shape_text (x),
                           x->rank - 1 + indices->rank, KOL_MAX_RANK);
  result->rank = 0;
  for (int i = 0; i < axis; i++)
    result->dim[result->rank++] = x->dim[i];
  for (int i = 0; i < indices->rank; i++)
    result->dim[result->rank++] = indices->dim[i];
  for (int i = axis + 1; i < x->rank; i++)
    result->dim[result->rank++] = x->dim[i];
  return TRUE;
}

static gboolean
gather_infer (KolNode *node, GError **error)
{
  const KolIndexing *how = node->attributes;

  return indexed_shape (&node->inputs[0]->shape, how->axis, &node->inputs[1]->shape,
                        &node->outputs[0].shape, error);
}

static const KolOp scatter_op;

static void
gather_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  const KolIndexing *how = node->attributes;
  KolScatter back = { how->axis, node->inputs[0]->shape };

  dx[0] = KOL_NODE (&scatter_op, &back, node->inputs[1], dy[0]);
}

static void
gather_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolIndexing *how = node->attributes;
  KolAlong along = kol_along (&node->inputs[0]->shape, how->axis);
  gint64 n = kol_count (node->inputs[1]);

  for (gint64 o = 0; o < along.outer; o++)
    for (gint64 m = 0; m < n; m++)
      for (gint64 i = 0; i < along.inner; i++)
        {
          gint64 l = kol_find_index (x[1][m], along.length);

          y[0][(o * n + m) * along.inner + i]
              = l < 0 ? NAN : x[0][(o * along.length + l) * along.inner + i];
        }
}

static gboolean
gather_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolIndexing *how = node->attributes;
  KolAlong along = kol_along (&node->inputs[0]->shape, how->axis);
  KolStrips strips
      = kol_strips (launch->device, (gsize) kol_count (&node->outputs[0]), KOL_INDEXING_STRIP);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "indexing",
                                       .kernel = "gather_forward",
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                     KOL_BUFFER (launch->outputs[0]), KOL_INT (along.outer),
                                     KOL_INT (along.length), KOL_INT (along.inner),
                                     KOL_INT (kol_count (node->inputs[1])), KOL_INT (strips.each)),
                           error);
}

#define NUMBERS                                                                                    \
  {                                                                                                \
    KOL_FILL_UNIFORM, -1, 1                                                                        \
  }
/* Indices: 0 .. N - 1; with a negative N -1 .. N. */
#define UP_TO(N)                                                                                   \
  {                                                                                                \
    KOL_FILL_LABELS, 0, N                                                                          \
  }

#define GATHER_CASE(NAME, AXIS, INDICES, NO_GRADIENT, ...)                                         \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { __VA_ARGS__ },                                        \
    .attributes = &(const KolIndexing){ AXIS }, .fill = { NUMBERS, INDICES },                      \
    .no_gradient = NO_GRADIENT                                                                     \
  }

static const KolCase gather_cases[]
    = { GATHER_CASE ("1", 0, UP_TO (1), 2, KOL_SHAPE (1), KOL_SHAPE (1)),
        GATHER_CASE ("a-number", 0, UP_TO (5), 2, KOL_SHAPE (5), KOL_SCALAR),
        GATHER_CASE ("a-row", 0, UP_TO (5), 2, KOL_SHAPE (5, 33), KOL_SCALAR),
        GATHER_CASE ("17-of-5", 0, UP_TO (5), 2, KOL_SHAPE (5), KOL_SHAPE (17)),
        GATHER_CASE ("rows", 0, UP_TO (7), 2, KOL_SHAPE (7, 15), KOL_SHAPE (13)),
        GATHER_CASE ("embedding", 0, UP_TO (31), 2, KOL_SHAPE (31, 17), KOL_SHAPE (3, 11)),
        GATHER_CASE ("columns", 1, UP_TO (33), 2, KOL_SHAPE (65, 33), KOL_SHAPE (5)),
        GATHER_CASE ("middle", -2, UP_TO (7), 2, KOL_SHAPE (3, 7, 16), KOL_SHAPE (2, 5)),
        GATHER_CASE ("from-the-end", 0, UP_TO (-7), 2, KOL_SHAPE (7, 15), KOL_SHAPE (13)),
        GATHER_CASE ("all-the-same", 0, UP_TO (1), 2, KOL_SHAPE (9, 33), KOL_SHAPE (257)),
        GATHER_CASE ("large", 0, UP_TO (1009), 2, KOL_SHAPE (1009, 129), KOL_SHAPE (503)),
        GATHER_CASE ("outside", 0, UP_TO (10), 3, KOL_SHAPE (7, 15), KOL_SHAPE (33)),
        GATHER_CASE ("outside-in-front", 1, UP_TO (-10), 3, KOL_SHAPE (5, 7), KOL_SHAPE (33)),
        GATHER_CASE ("between", 0, NUMBERS, 3, KOL_SHAPE (7, 15), KOL_SHAPE (3)),
        { 0 } };

/* ── scatter_add: of zeros; the constructor adds x ──────────────────────────────────────────── */

static gboolean
scatter_infer (KolNode *node, GError **error)
{
  const KolScatter *how = node->attributes;
  const KolShape *indices = &node->inputs[0]->shape, *updates = &node->inputs[1]->shape;
  KolShape expected;

  if (!indexed_shape (&how->shape, how->axis, indices, &expected, error))
    return FALSE;
  if (!kol_shape_equal (updates, &expected))
    return kol_infer_fail (error,
                           "updates of %s at indices of %s along axis %d of %s; they have to be of "
                           "%s",
                           kol_shape_text (updates), kol_shape_text (indices), how->axis,
                           kol_shape_text (&how->shape), kol_shape_text (&expected));
  node->outputs[0].shape = how->shape;
  return TRUE;
}

static void
scatter_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  const KolScatter *how = node->attributes;

  dx[1] = kol_gather (dy[0], node->inputs[0], how->axis);
}

static void
scatter_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolScatter *how = node->attributes;
  KolAlong along = kol_along (&how->shape, how->axis);
  gint64 n = kol_count (node->inputs[0]);

  for (gint64 o = 0; o < along.outer; o++)
    for (gint64 m = 0; m < n; m++)
      for (gint64 i = 0; i < along.inner; i++)
        {
          gint64 l = kol_find_index (x[0][m], along.length);

          if (l >= 0)
            y[0][(o * along.length + l) * along.inner + i] += x[1][(o * n + m) * along.inner + i];
        }
  for (gint64 m = 0; m < n; m++)
    if (kol_find_index (x[0][m], along.length) < 0)
      for (gint64 k = 0; k < kol_count (&node->outputs[0]); k++)
        y[0][k] = NAN;
}

#define LEAST_ELEMENTS 8192     /* fewer are not worth another work-item of a CPU */
#define COLUMN_BLOCK 64         /* columns that such a work-item takes at least */
#define GPU_ITEMS_PER_UNIT 1024 /* more only go through the indices once more */

/* What a work-item owns: outer positions x rows x columns. */
typedef struct {
  gint64 outer_each, outer_items;
  gint64 rows_each, row_items;
  gint64 columns_each, column_items;
  gsize group;
} Cut;

/* Outer positions and columns first; rows only as far as those are too few. */
static Cut
cut_new (const KolAlong *y, gint64 n, const KolDevice *device)
{
  gint64 units = device->info.compute_units, work = y->outer * y->inner * (y->length + n), items;
  Cut self = { .outer_each = 1, .columns_each = 1, .group = 1 };

  if (device->simd)
    {
      items = CLAMP (work / LEAST_ELEMENTS, 1, KOL_STRIPS_PER_UNIT * units);
      self.outer_each = kol_divide_up (y->outer, MIN (y->outer, items));
      self.columns_each = kol_divide_up (y->inner, MAX (items / y->outer, 1));
      self.columns_each = kol_divide_up (self.columns_each, COLUMN_BLOCK) * COLUMN_BLOCK;
    }
  else
    {
      items = GPU_ITEMS_PER_UNIT * units;
      self.group = MIN (KOL_GPU_GROUP, device->max_work_group);
    }
  self.outer_items = kol_divide_up (y->outer, self.outer_each);
  self.column_items = kol_divide_up (y->inner, self.columns_each);
  self.rows_each
      = kol_divide_up (y->length, MAX (items / (self.outer_items * self.column_items), 1));
  self.row_items = kol_divide_up (y->length, self.rows_each);
  return self;
}

static gboolean
scatter_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolScatter *how = node->attributes;
  KolAlong y = kol_along (&how->shape, how->axis);
  gint64 n = kol_count (node->inputs[0]);
  Cut cut = cut_new (&y, n, launch->device);

  return kol_scatter_clear (launch, node, error)
         && kol_queue_launch (
             launch->queue,
             &(KolCall){ .program = "indexing",
                         .kernel = "scatter_add_forward",
                         .global = { (gsize) (cut.outer_items * cut.row_items * cut.column_items) },
                         .local = { cut.group } },
             KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                       KOL_BUFFER (launch->outputs[0]), KOL_INT (y.outer), KOL_INT (cut.outer_each),
                       KOL_INT (y.length), KOL_INT (cut.rows_each), KOL_INT (cut.row_items),
                       KOL_INT (y.inner), KOL_INT (cut.columns_each), KOL_INT (cut.column_items),
                       KOL_INT (n)),
             error);
}

#define SCATTER_CASE(NAME, AXIS, SHAPE, FILL, NO_GRADIENT, ...)                                    \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { __VA_ARGS__ },                                        \
    .attributes = &(const KolScatter){ AXIS, SHAPE }, .fill = { FILL, NUMBERS },                   \
    .no_gradient = NO_GRADIENT                                                                     \
  }

static const KolCase scatter_cases[] = {
  SCATTER_CASE ("1", 0, KOL_LENGTHS (1), UP_TO (1), 1, KOL_SHAPE (1), KOL_SHAPE (1)),
  SCATTER_CASE ("a-row", 0, KOL_LENGTHS (5, 33), UP_TO (5), 1, KOL_SCALAR, KOL_SHAPE (33)),
  SCATTER_CASE ("17-to-5", 0, KOL_LENGTHS (5), UP_TO (5), 1, KOL_SHAPE (17), KOL_SHAPE (17)),
  SCATTER_CASE ("rows", 0, KOL_LENGTHS (7, 15), UP_TO (7), 1, KOL_SHAPE (13), KOL_SHAPE (13, 15)),
  SCATTER_CASE ("embedding", 0, KOL_LENGTHS (31, 17), UP_TO (31), 1, KOL_SHAPE (3, 11),
                KOL_SHAPE (3, 11, 17)),
  SCATTER_CASE ("columns", 1, KOL_LENGTHS (65, 33), UP_TO (33), 1, KOL_SHAPE (5),
                KOL_SHAPE (65, 5)),
  SCATTER_CASE ("middle", -2, KOL_LENGTHS (3, 7, 16), UP_TO (7), 1, KOL_SHAPE (2, 5),
                KOL_SHAPE (3, 2, 5, 16)),
  SCATTER_CASE ("from-the-end", 0, KOL_LENGTHS (7, 15), UP_TO (-7), 1, KOL_SHAPE (13),
                KOL_SHAPE (13, 15)),
  SCATTER_CASE ("all-to-one", 0, KOL_LENGTHS (9, 33), UP_TO (1), 1, KOL_SHAPE (257),
                KOL_SHAPE (257, 33)),
  SCATTER_CASE ("many-outer", 1, KOL_LENGTHS (5003, 3, 2), UP_TO (3), 1, KOL_SHAPE (7),
                KOL_SHAPE (5003, 7, 2)),
  SCATTER_CASE ("large", 0, KOL_LENGTHS (1009, 129), UP_TO (1009), 1, KOL_SHAPE (503),
                KOL_SHAPE (503, 129)),
  SCATTER_CASE ("outside", 0, KOL_LENGTHS (7, 15), UP_TO (9), 3, KOL_SHAPE (33),
                KOL_SHAPE (33, 15)),
  SCATTER_CASE ("between", 1, KOL_LENGTHS (5, 7), NUMBERS, 3, KOL_SHAPE (3), KOL_SHAPE (5, 3)),
  { .name = "10000x128-of-2500",
    .n_inputs = 2,
    .shapes = { KOL_SHAPE (2500), KOL_SHAPE (2500, 128) },
    .attributes = &(const KolScatter){ 0, KOL_LENGTHS (10000, 128) },
    .fill = { UP_TO (10000) },
    .only_tune = TRUE },
  { 0 }
};

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static double
scatter_flops (const KolNode *node)
{
  return (double) kol_count (node->inputs[1]);
}

static const KolOp gather_op = {
  .name = "gather",
  .attributes = sizeof (KolIndexing),
  .infer = gather_infer,
  .gradient = gather_gradient,
  .reference = gather_reference,
  .cases = gather_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gather_launch }, { 0 } },
};

static const KolOp scatter_op = {
  .name = "scatter_add",
  .attributes = sizeof (KolScatter),
  .infer = scatter_infer,
  .gradient = scatter_gradient,
  .reference = scatter_reference,
  .cases = scatter_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = scatter_launch }, { 0 } },
  .flops = scatter_flops,
};

extern const KolOp *const kol_gather_ops[];
const KolOp *const kol_gather_ops[] = { &gather_op, &scatter_op, NULL };

/**
 * kol_gather:
 * @x: a tensor
 * @indices: of any shape: whole numbers -length .. length - 1; negative ones count
 *   from the end. Any other gives NaN. No gradient flows to them
 * @axis: along which axis of @x; negative: from the end
 *
 * y[a.., m.., b..] = x[a.., indices[m..], b..]: @x with @axis replaced by the axes
 * of @indices. The gradient to @x sums in the order of the indices; it is NaN all
 * over if one of them is outside.
 *
 * Returns: (transfer none): the value; it has failed if there is no such axis, it is
 *   too long for indices in floats, or there would be too many dimensions
 */
KolValue *
kol_gather (KolValue *x, KolValue *indices, int axis)
{
  return KOL_NODE (&gather_op, &(KolIndexing){ axis }, x, indices);
}

/**
 * kol_embedding:
 * @table: [V, D], a vector for each of V things
 * @indices: of any shape: which things; as for kol_gather()
 *
 * y[m.., d] = table[indices[m..], d]: kol_gather() along axis 0.
 *
 * Returns: (transfer none): the value, the indices' shape and D; it has failed if
 *   @table has not two dimensions
 */
KolValue *
kol_embedding (KolValue *table, KolValue *indices)
{
  if (!kol_value_failed (table) && table->shape.rank != 2)
    return kol_graph_fail (table->graph, KOL_ERROR_SHAPE,
                           "embedding: a table of %s for indices of %s; it has to be [V, D]",
                           kol_shape_text (&table->shape), kol_shape_text (&indices->shape));
  return kol_gather (table, indices, 0);
}

/**
 * kol_scatter_add:
 * @x: a tensor
 * @indices: of any shape: whole numbers -length .. length - 1; negative ones count
 *   from the end. If one of them is any other, all of y is NaN. No gradient flows
 *   to them
 * @updates: @x's shape with @axis replaced by the axes of @indices
 * @axis: along which axis of @x; negative: from the end
 *
 * y = x, and then y[a.., indices[m..], b..] += updates[a.., m.., b..] for each m:
 * the updates to one place are summed in the order of the indices.
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if there is no
 *   such axis, or the shapes do not go together
 */
KolValue *
kol_scatter_add (KolValue *x, KolValue *indices, KolValue *updates, int axis)
{
  if (kol_value_failed (x))
    return x;
  return kol_add (x, KOL_NODE (&scatter_op, (&(KolScatter){ axis, x->shape }), indices, updates));
}
