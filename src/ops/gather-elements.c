/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Single elements of x by index, each in its own line along the axis, and its
 * gradient: sums of elements by index. x is seen as [outer, length, inner]; lines
 * [o, .., i] have nothing to do with each other, and a work-item owns whole ones.
 */

#include "ops/indexing-private.h"
#include "ops.h"

/* Whether @indices are @shape but for the length of the axis; or a sentence. */
static gboolean
check_indices (const KolShape *indices, const KolShape *shape, int axis, GError **error)
{
  KolShape alike = *shape;

  if (!kol_find_axis (shape, axis, &axis, error) || !kol_check_indexed (shape->dim[axis], error))
    return FALSE;
  if (indices->rank == shape->rank)
    alike.dim[axis] = indices->dim[axis];
  if (!kol_shape_equal (indices, &alike))
    return kol_infer_fail (error,
                           "indices of %s for %s; they may differ in the length of axis %d only",
                           kol_shape_text (indices), kol_shape_text (shape), axis);
  return TRUE;
}

/* The arguments that both launches end with, which go over @count elements or lines. */
static gboolean
launch_kernel (KolLaunch *launch, const char *kernel, KolBuffer *const *buffers,
               const KolAlong *along, gint64 n, gint64 count, gint64 least, GError **error)
{
  KolStrips strips = kol_strips (launch->device, (gsize) count, (gsize) least);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "indexing",
                                       .kernel = kernel,
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (buffers[0]), KOL_BUFFER (buffers[1]),
                                     KOL_BUFFER (buffers[2]), KOL_INT (along->outer),
                                     KOL_INT (along->length), KOL_INT (along->inner), KOL_INT (n),
                                     KOL_INT (strips.each)),
                           error);
}

/* ── gather_elements ────────────────────────────────────────────────────────────────────────── */

static gboolean
gather_infer (KolNode *node, GError **error)
{
  const KolIndexing *how = node->attributes;
  const KolShape *x = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;

  node->outputs[0].shape = *indices;
  return check_indices (indices, x, how->axis, error);
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
  KolAlong from = kol_along (&node->inputs[0]->shape, how->axis);
  KolAlong to = kol_along (&node->inputs[1]->shape, how->axis);

  for (gint64 at = 0; at < kol_count (&node->outputs[0]); at++)
    {
      gint64 i = at % to.inner, o = at / to.inner / to.length;
      gint64 l = kol_find_index (x[1][at], from.length);

      y[0][at] = l < 0 ? NAN : x[0][(o * from.length + l) * from.inner + i];
    }
}

static gboolean
gather_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolIndexing *how = node->attributes;
  KolAlong x = kol_along (&node->inputs[0]->shape, how->axis);
  KolAlong y = kol_along (&node->outputs[0].shape, how->axis);
  KolBuffer *buffers[] = { launch->inputs[0], launch->inputs[1], launch->outputs[0] };

  return launch_kernel (launch, "gather_elements_forward", buffers, &x, y.length,
                        kol_count (&node->outputs[0]), KOL_INDEXING_STRIP, error);
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

/* NAME, the axis, x's shape, the indices' shape, how they are filled, whether there is NaN. */
#define EACH_CASE(X)                                                                               \
  X ("1", 0, KOL_LENGTHS (1), KOL_SHAPE (1), UP_TO (1), FALSE)                                     \
  X ("17-of-5", 0, KOL_LENGTHS (5), KOL_SHAPE (17), UP_TO (5), FALSE)                              \
  X ("one-per-row", 1, KOL_LENGTHS (65, 7), KOL_SHAPE (65, 1), UP_TO (7), FALSE)                   \
  X ("one-per-column", 0, KOL_LENGTHS (7, 65), KOL_SHAPE (1, 65), UP_TO (7), FALSE)                \
  X ("rows", -1, KOL_LENGTHS (15, 33), KOL_SHAPE (15, 16), UP_TO (33), FALSE)                      \
  X ("columns", 0, KOL_LENGTHS (5, 17), KOL_SHAPE (13, 17), UP_TO (5), FALSE)                      \
  X ("middle", 1, KOL_LENGTHS (3, 7, 15), KOL_SHAPE (3, 4, 15), UP_TO (7), FALSE)                  \
  X ("from-the-end", 1, KOL_LENGTHS (5, 7), KOL_SHAPE (5, 3), UP_TO (-7), FALSE)                   \
  X ("large", 1, KOL_LENGTHS (63, 129, 5), KOL_SHAPE (63, 31, 5), UP_TO (129), FALSE)              \
  X ("many-lines", 1, KOL_LENGTHS (9973, 3), KOL_SHAPE (9973, 2), UP_TO (3), FALSE)                \
  X ("outside", 1, KOL_LENGTHS (33, 7), KOL_SHAPE (33, 2), UP_TO (9), TRUE)                        \
  X ("outside-in-front", 0, KOL_LENGTHS (7, 33), KOL_SHAPE (2, 33), UP_TO (-9), TRUE)              \
  X ("between", 1, KOL_LENGTHS (5, 7), KOL_SHAPE (5, 3), NUMBERS, TRUE)

#define GATHER_CASE(NAME, AXIS, X, INDICES, FILL, NAN_)                                            \
  { .name = NAME,                                                                                  \
    .n_inputs = 2,                                                                                 \
    .shapes = { X, INDICES },                                                                      \
    .attributes = &(const KolIndexing){ AXIS },                                                    \
    .fill = { NUMBERS, FILL },                                                                     \
    .no_gradient = (NAN_) ? 3 : 2 },
#define SCATTER_CASE(NAME, AXIS, X, INDICES, FILL, NAN_)                                           \
  { .name = NAME,                                                                                  \
    .n_inputs = 2,                                                                                 \
    .shapes = { INDICES, INDICES },                                                                \
    .attributes = &(const KolScatter){ AXIS, X },                                                  \
    .fill = { FILL, NUMBERS },                                                                     \
    .no_gradient = (NAN_) ? 3 : 1 },

static const KolCase gather_cases[] = { EACH_CASE (GATHER_CASE){ 0 } };
static const KolCase scatter_cases[] = { EACH_CASE (SCATTER_CASE){ 0 } };

/* ── scatter_elements_add: of zeros; the constructor adds x ─────────────────────────────────── */

static gboolean
scatter_infer (KolNode *node, GError **error)
{
  const KolScatter *how = node->attributes;
  const KolShape *indices = &node->inputs[0]->shape, *updates = &node->inputs[1]->shape;

  if (!check_indices (indices, &how->shape, how->axis, error))
    return FALSE;
  if (!kol_shape_equal (indices, updates))
    return kol_infer_fail (error,
                           "updates of %s at indices of %s; their shapes have to be the same",
                           kol_shape_text (updates), kol_shape_text (indices));
  node->outputs[0].shape = how->shape;
  return TRUE;
}

static void
scatter_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  const KolScatter *how = node->attributes;

  dx[1] = kol_gather_elements (dy[0], node->inputs[0], how->axis);
}

/* y[o, .., i] = NaN. */
static void
spoil_line (double *y, const KolAlong *along, gint64 o, gint64 i)
{
  for (gint64 l = 0; l < along->length; l++)
    y[(o * along->length + l) * along->inner + i] = NAN;
}

static void
scatter_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolScatter *how = node->attributes;
  KolAlong from = kol_along (&node->inputs[0]->shape, how->axis);
  KolAlong to = kol_along (&how->shape, how->axis);

  for (gint64 at = 0; at < kol_count (node->inputs[0]); at++)
    {
      gint64 i = at % from.inner, o = at / from.inner / from.length;
      gint64 l = kol_find_index (x[0][at], to.length);

      if (l < 0)
        spoil_line (y[0], &to, o, i);
      else
        y[0][(o * to.length + l) * to.inner + i] += x[1][at];
    }
}

static gboolean
scatter_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolScatter *how = node->attributes;
  KolAlong y = kol_along (&how->shape, how->axis);
  gint64 n = kol_along (&node->inputs[0]->shape, how->axis).length;
  KolBuffer *buffers[] = { launch->inputs[0], launch->inputs[1], launch->outputs[0] };

  return kol_scatter_clear (launch, node, error)
         && launch_kernel (launch, "scatter_elements_add_forward", buffers, &y, n,
                           y.outer * y.inner, KOL_INDEXING_STRIP / n, error);
}

static double
scatter_flops (const KolNode *node)
{
  return (double) kol_count (node->inputs[1]);
}

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static const KolOp gather_op = {
  .name = "gather_elements",
  .attributes = sizeof (KolIndexing),
  .infer = gather_infer,
  .gradient = gather_gradient,
  .reference = gather_reference,
  .cases = gather_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gather_launch }, { 0 } },
};

static const KolOp scatter_op = {
  .name = "scatter_elements_add",
  .attributes = sizeof (KolScatter),
  .infer = scatter_infer,
  .gradient = scatter_gradient,
  .reference = scatter_reference,
  .cases = scatter_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = scatter_launch }, { 0 } },
  .flops = scatter_flops,
};

extern const KolOp *const kol_gather_elements_ops[];
const KolOp *const kol_gather_elements_ops[] = { &gather_op, &scatter_op, NULL };

/**
 * kol_gather_elements:
 * @x: a tensor
 * @indices: @x's shape, but of any length along @axis: whole numbers
 *   -length .. length - 1; negative ones count from the end. Any other gives NaN. No
 *   gradient flows to them
 * @axis: along which axis; negative: from the end
 *
 * y[.., m, ..] = x[.., indices[.., m, ..], ..]: each element from its own line of
 * @x along @axis. The gradient to @x sums in the order of the indices.
 *
 * Returns: (transfer none): the value, of the indices' shape; it has failed if there
 *   is no such axis, it is too long for indices in floats, or the shapes differ
 *   elsewhere
 */
KolValue *
kol_gather_elements (KolValue *x, KolValue *indices, int axis)
{
  return KOL_NODE (&gather_op, &(KolIndexing){ axis }, x, indices);
}

/**
 * kol_scatter_elements_add:
 * @x: a tensor
 * @indices: @x's shape, but of any length along @axis: whole numbers
 *   -length .. length - 1; negative ones count from the end. Where one is any other,
 *   its line of y along @axis is NaN. No gradient flows to them
 * @updates: of the indices' shape
 * @axis: along which axis; negative: from the end
 *
 * y = x, and then y[.., indices[.., m, ..], ..] += updates[.., m, ..] for each m:
 * the updates to one element are summed in the order of the indices.
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if there is no
 *   such axis, or the shapes do not go together
 */
KolValue *
kol_scatter_elements_add (KolValue *x, KolValue *indices, KolValue *updates, int axis)
{
  if (kol_value_failed (x))
    return x;
  return kol_add (x, KOL_NODE (&scatter_op, (&(KolScatter){ axis, x->shape }), indices, updates));
}
