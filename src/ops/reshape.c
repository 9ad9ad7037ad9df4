/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Another shape over the same memory. Nothing is launched, so there are no
 * variants, and no cases, which are cases of variants.
 */

#include "ops/axes-private.h"
#include "ops.h"

/* Works out a length of -1 in @shape from @count elements; FALSE if it cannot be done. */
static gboolean
fill_in (KolShape *shape, gint64 count)
{
  KolShape others = *shape;
  int missing = -1;

  for (int i = 0; i < shape->rank; i++)
    if (shape->dim[i] == -1 && missing < 0)
      others.dim[missing = i] = 1;
    else if (shape->dim[i] < 1)
      return FALSE;
  gint64 known = kol_shape_count (&others);
  if (missing < 0)
    return known == count;
  shape->dim[missing] = count / known;
  return count % known == 0;
}

static gboolean
reshape_infer (KolNode *node, GError **error)
{
  const KolShape *from = &node->inputs[0]->shape, *to = node->attributes;
  gint64 count = kol_shape_count (from);

  if (to->rank < 0 || to->rank > KOL_MAX_RANK)
    return kol_infer_fail (error, "%s to a shape of %d dimensions; at most %d are possible",
                           kol_shape_text (from), to->rank, KOL_MAX_RANK);
  node->outputs[0].shape = *to;
  if (!fill_in (&node->outputs[0].shape, count))
    return kol_infer_fail (error,
                           "the %" G_GINT64_FORMAT " elements of %s do not make a %s; lengths are "
                           "1 or more, but one may be -1, to be worked out",
                           count, kol_shape_text (from), kol_shape_text (to));
  return TRUE;
}

static void
reshape_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = kol_reshape (dy[0], node->inputs[0]->shape);
}

static const KolOp reshape_op = {
  .name = "reshape",
  .attributes = sizeof (KolShape),
  .infer = reshape_infer,
  .gradient = reshape_gradient,
  .aliases = TRUE,
};

extern const KolOp *const kol_reshape_ops[];
const KolOp *const kol_reshape_ops[] = { &reshape_op, NULL };

/**
 * kol_reshape:
 * @a: a tensor
 * @shape: a shape of as many elements; one length may be -1, and is worked out
 *
 * @a's elements in the same order under another shape. It is the same memory, and
 * costs nothing.
 *
 * Returns: (transfer none): the value, of @shape; it has failed if the numbers of
 *   elements differ
 */
KolValue *
kol_reshape (KolValue *a, KolShape shape)
{
  return KOL_NODE (&reshape_op, &shape, a);
}

/* ── Shapes that are worked out ─────────────────────────────────────────────────────────────── */

/**
 * kol_flatten:
 * @a: a tensor
 * @axis: 0 .. rank; negative: from the end
 *
 * @a as a matrix: [the axes before @axis, those from it on]. With 1 an example's
 * elements are a row. It is kol_reshape(), and costs nothing.
 *
 * Returns: (transfer none): the value, of two dimensions; it has failed if there is
 *   no such axis
 */
KolValue *
kol_flatten (KolValue *a, int axis)
{
  KolShape shape = { 2, { 1, -1 } };
  int found = axis;

  if (kol_value_failed (a))
    return a;
  if (axis < 0)
    found += a->shape.rank;
  if (found < 0 || found > a->shape.rank)
    return kol_graph_fail (a->graph, KOL_ERROR_SHAPE,
                           "flatten: %s cannot be parted before axis %d; it can be before %d .. %d",
                           kol_shape_text (&a->shape), axis, -a->shape.rank, a->shape.rank);
  for (int i = 0; i < found; i++)
    shape.dim[0] *= a->shape.dim[i];
  return kol_reshape (a, shape);
}

/* Sets @gone[axis] for each axis asked for, which has to be of length 1, or a sentence. */
static gboolean
find_squeezed (const KolShape *shape, const int *axes, int n, gboolean gone[KOL_MAX_RANK],
               GError **error)
{
  for (int i = 0; i < shape->rank; i++)
    gone[i] = n == 0 && shape->dim[i] == 1;
  for (int i = 0; i < n; i++)
    {
      int axis;

      if (!kol_find_axis (shape, axes[i], &axis, error))
        return FALSE;
      if (shape->dim[axis] != 1)
        return kol_infer_fail (error,
                               "axis %d of %s has a length of %" G_GINT64_FORMAT
                               "; only one of 1 can be left out",
                               axes[i], kol_shape_text (shape), shape->dim[axis]);
      if (gone[axis])
        return kol_infer_fail (error, "axis %d of %s is given twice", axes[i],
                               kol_shape_text (shape));
      gone[axis] = TRUE;
    }
  return TRUE;
}

/**
 * kol_squeeze:
 * @a: a tensor
 * @axes: (array length=n) (nullable): axes of length 1; negative: from the end
 * @n: how many; 0: all that there are
 *
 * @a without these axes. It is kol_reshape(), and costs nothing.
 *
 * Returns: (transfer none): the value; it has failed if there is no such axis, one
 *   is given twice, or is longer than 1
 */
KolValue *
kol_squeeze (KolValue *a, const int *axes, int n)
{
  gboolean gone[KOL_MAX_RANK];
  g_autoptr (GError) error = NULL;
  KolShape shape = { 0 };

  if (kol_value_failed (a))
    return a;
  if (!find_squeezed (&a->shape, axes, n, gone, &error))
    return kol_graph_fail (a->graph, KOL_ERROR_SHAPE, "squeeze: %s", error->message);
  for (int i = 0; i < a->shape.rank; i++)
    if (!gone[i])
      shape.dim[shape.rank++] = a->shape.dim[i];
  return kol_reshape (a, shape);
}

/**
 * kol_unsqueeze:
 * @a: a tensor
 * @axis: where the new axis is in the result, 0 .. rank; negative: from its end
 *
 * @a with an axis of length 1 more. It is kol_reshape(), and costs nothing.
 *
 * Returns: (transfer none): the value; it has failed if there can be no such axis
 */
KolValue *
kol_unsqueeze (KolValue *a, int axis)
{
  KolShape shape = { 0 };
  int found;

  if (kol_value_failed (a))
    return a;
  found = axis < 0 ? axis + a->shape.rank + 1 : axis;
  if (found < 0 || found > a->shape.rank || a->shape.rank == KOL_MAX_RANK)
    return kol_graph_fail (a->graph, KOL_ERROR_SHAPE,
                           "unsqueeze: %s cannot get a new axis %d; it can be %d .. %d, and there "
                           "are at most %d axes",
                           kol_shape_text (&a->shape), axis, -a->shape.rank - 1, a->shape.rank,
                           KOL_MAX_RANK);
  shape.rank = a->shape.rank + 1;
  for (int i = 0; i < shape.rank; i++)
    shape.dim[i] = i == found ? 1 : a->shape.dim[i - (i > found)];
  return kol_reshape (a, shape);
}
