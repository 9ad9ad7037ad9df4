/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Another shape over the same memory. Nothing is launched, so there are no
 * variants, and no cases, which are cases of variants.
 */

#include "graph/op-private.h"
#include "ops.h"

/* Works out a length of -1 in @shape from @count elements; FALSE if it cannot be done. */
static gboolean
fill_in (KolShape *shape, gint64 count)
{
  gint64 known = 1;
  int missing = -1;

  for (int i = 0; i < shape->rank; i++)
    if (shape->dim[i] == -1 && missing < 0)
      missing = i;
    else if (shape->dim[i] < 1)
      return FALSE;
    else
      known *= shape->dim[i];
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
