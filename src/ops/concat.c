/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Tensors one behind the other along an axis. Seen as [outer, length, inner], an
 * input is runs of length x inner elements, which a launch of its own puts into
 * their places in y.
 */

#include "ops/attributes-private.h"
#include "ops/axes-private.h"
#include "ops/copy-private.h"
#include "ops.h"

typedef KolAxisAttributes Concat;

static gboolean
concat_infer (KolNode *node, GError **error)
{
  const Concat *how = node->attributes;
  const KolShape *first = &node->inputs[0]->shape;
  KolShape *y = &node->outputs[0].shape;
  int axis;

  if (!kol_find_axis (first, how->axis, &axis, error))
    return FALSE;
  *y = *first;
  for (guint i = 1; i < node->n_inputs; i++)
    {
      const KolShape *x = &node->inputs[i]->shape;
      KolShape alike = *first;

      if (x->rank == first->rank)
        alike.dim[axis] = x->dim[axis];
      if (!kol_shape_equal (x, &alike))
        return kol_infer_fail (error,
                               "input %u of %s behind input 0 of %s; they may differ in the length "
                               "of axis %d only",
                               i, kol_shape_text (x), kol_shape_text (first), axis);
      y->dim[axis] += x->dim[axis];
    }
  return TRUE;
}

/* Input i's gradient is the part of dy that it became. */
static void
concat_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  const Concat *how = node->attributes;
  KolSlice part = { .n_axes = 1, .axes = { how->axis } };
  int axis = how->axis < 0 ? how->axis + dy[0]->shape.rank : how->axis;

  for (guint i = 0; i < node->n_inputs; i++)
    {
      part.start[0] = part.stop[0];
      part.stop[0] += node->inputs[i]->shape.dim[axis];
      dx[i] = node->n_inputs == 1 ? dy[0] : kol_slice (dy[0], &part);
    }
}

static void
concat_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const Concat *how = node->attributes;
  KolAlong all = kol_along (&node->outputs[0].shape, how->axis);
  gint64 before = 0;

  for (guint i = 0; i < node->n_inputs; i++)
    {
      KolAlong part = kol_along (&node->inputs[i]->shape, how->axis);

      for (gint64 o = 0; o < part.outer; o++)
        for (gint64 k = 0; k < part.length * part.inner; k++)
          y[0][(o * all.length + before) * all.inner + k] = x[i][o * part.length * part.inner + k];
      before += part.length;
    }
}

static gboolean
concat_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const Concat *how = node->attributes;
  KolAlong all = kol_along (&node->outputs[0].shape, how->axis);
  KolCopy copy = { .x_step = 1, .y_step = all.length * all.inner, .n = 1 };

  for (guint i = 0; i < node->n_inputs; i++)
    {
      KolAlong part = kol_along (&node->inputs[i]->shape, how->axis);

      copy.rows = copy.outer[0].length = part.outer;
      copy.run = copy.outer[0].x_step = part.length * part.inner;
      if (!kol_copy_launch (launch, &copy, launch->inputs[i], launch->outputs[0], error))
        return FALSE;
      copy.y_at += copy.run;
    }
  return TRUE;
}

/* Along the first axis that is longer than 1. */
static gboolean
concat_joins (const KolNode *node)
{
  const Concat *how = node->attributes;

  return kol_along (&node->outputs[0].shape, how->axis).outer == 1;
}

/* Whole blocks of channels are copied as they are. */
static KolBlocks
concat_blocks (const KolNode *node, const KolDevice *device)
{
  const Concat *how = node->attributes;

  if (node->outputs[0].shape.rank != 4 || (how->axis != 1 && how->axis != -3))
    return KOL_BLOCKS_NOT;
  for (guint i = 0; i < node->n_inputs; i++)
    if (node->inputs[i]->shape.dim[1] % device->info.vector_width)
      return KOL_BLOCKS_NOT;
  return KOL_BLOCKS_TOGETHER;
}

#define CASE(NAME, AXIS, N, ...)                                                                   \
  {                                                                                                \
    .name = NAME, .n_inputs = N, .shapes = { __VA_ARGS__ }, .attributes = &(const Concat) { AXIS } \
  }

static const KolCase concat_cases[] = {
  CASE ("1", 0, 1, KOL_SHAPE (1)),
  CASE ("1+1", 0, 2, KOL_SHAPE (1), KOL_SHAPE (1)),
  CASE ("one-7x5", 1, 1, KOL_SHAPE (7, 5)),
  CASE ("15+16+17", 0, 3, KOL_SHAPE (15), KOL_SHAPE (16), KOL_SHAPE (17)),
  CASE ("rows-3x5+1x5", 0, 2, KOL_SHAPE (3, 5), KOL_SHAPE (1, 5)),
  CASE ("columns-3x5+3x1", 1, 2, KOL_SHAPE (3, 5), KOL_SHAPE (3, 1)),
  CASE ("columns-63x1+63x1", -1, 2, KOL_SHAPE (63, 1), KOL_SHAPE (63, 1)),
  CASE ("columns-65x15+65x17", -1, 2, KOL_SHAPE (65, 15), KOL_SHAPE (65, 17)),
  CASE ("channels", 1, 3, KOL_SHAPE (2, 3, 5, 7), KOL_SHAPE (2, 1, 5, 7), KOL_SHAPE (2, 8, 5, 7)),
  CASE ("middle", -2, 2, KOL_SHAPE (7, 13, 33), KOL_SHAPE (7, 4, 33)),
  CASE ("large", 1, 2, KOL_SHAPE (3, 4097), KOL_SHAPE (3, 8191)),
  CASE ("eight-dimensions", 4, 2, KOL_SHAPE (2, 1, 3, 2, 2, 2, 3, 2),
        KOL_SHAPE (2, 1, 3, 2, 5, 2, 3, 2)),
  CASE ("twelve", 1, 12, KOL_SHAPE (3, 1), KOL_SHAPE (3, 2), KOL_SHAPE (3, 3), KOL_SHAPE (3, 4),
        KOL_SHAPE (3, 5), KOL_SHAPE (3, 6), KOL_SHAPE (3, 7), KOL_SHAPE (3, 8), KOL_SHAPE (3, 9),
        KOL_SHAPE (3, 10), KOL_SHAPE (3, 11), KOL_SHAPE (3, 12)),
  { .name = "32x64x28x28+32x64x28x28",
    .n_inputs = 2,
    .shapes = { KOL_SHAPE (32, 64, 28, 28), KOL_SHAPE (32, 64, 28, 28) },
    .attributes = &(const Concat){ 1 },
    .only_tune = TRUE },
  { 0 }
};

static const KolOp concat_op = {
  .name = "concat",
  .attributes = sizeof (Concat),
  .infer = concat_infer,
  .gradient = concat_gradient,
  .reference = concat_reference,
  .cases = concat_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = concat_launch }, { 0 } },
  .blocks = concat_blocks,
  .joins = concat_joins,
};

extern const KolOp *const kol_concat_ops[];
const KolOp *const kol_concat_ops[] = { &concat_op, NULL };

/**
 * kol_concat:
 * @values: (array length=n): tensors of the same shape but for the length of @axis
 * @n: how many, 1 or more
 * @axis: along which axis; negative: from the end
 *
 * The tensors one behind the other along @axis: y[.., l, ..] is element
 * l - (the lengths before) of the tensor in which l falls. The elements are
 * copied.
 *
 * Returns: (transfer none): the value, as long in @axis as the tensors together;
 *   it has failed if there is no such axis, or their other lengths differ
 */
KolValue *
kol_concat (KolValue *const *values, guint n, int axis)
{
  g_return_val_if_fail (values && n > 0, NULL);
  return kol_node_new (&concat_op, values, n, &(Concat){ axis });
}

/**
 * kol_stack:
 * @values: (array length=n): tensors of the same shape
 * @n: how many, 1 or more
 * @axis: where the new axis goes, 0 .. rank; negative: from the end of the result
 *
 * The tensors side by side along a new axis: y[.., i, ..] = values[i]. It is
 * kol_concat() of kol_unsqueeze().
 *
 * Returns: (transfer none): the value, with an axis of length @n more; it has
 *   failed if there can be no such axis, or the shapes differ
 */
KolValue *
kol_stack (KolValue *const *values, guint n, int axis)
{
  g_autofree KolValue **stretched = NULL;

  g_return_val_if_fail (values && n > 0, NULL);
  stretched = g_new (KolValue *, n);
  for (guint i = 0; i < n; i++)
    {
      if (!kol_value_failed (values[i]) && !kol_value_failed (values[0])
          && !kol_shape_equal (&values[i]->shape, &values[0]->shape))
        return kol_graph_fail (values[i]->graph, KOL_ERROR_SHAPE,
                               "stack: input %u of %s beside input 0 of %s; their shapes have to "
                               "be the same",
                               i, kol_shape_text (&values[i]->shape),
                               kol_shape_text (&values[0]->shape));
      stretched[i] = kol_unsqueeze (values[i], axis);
    }
  return kol_concat (stretched, n, axis);
}
