/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* y = a where the condition is not 0, else b: the launch of functions of elements, of three
 * tensors. */

#include "ops/elementwise-private.h"
#include "ops.h"

static gboolean
where_infer (KolNode *node, GError **error)
{
  const KolShape *condition = &node->inputs[0]->shape;
  const KolShape *a = &node->inputs[1]->shape, *b = &node->inputs[2]->shape;
  KolShape both;

  if (!kol_shape_broadcast (a, b, &both)
      || !kol_shape_broadcast (condition, &both, &node->outputs[0].shape))
    return kol_infer_fail (error,
                           "a condition of %s, %s and %s do not broadcast: aligned at the last "
                           "dimension, lengths have to be equal, or 1",
                           kol_shape_text (condition), kol_shape_text (a), kol_shape_text (b));
  return TRUE;
}

static void
where_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[1] = kol_keep_where (dy[0], node->inputs[0]);
  dx[2] = kol_drop_where (dy[0], node->inputs[0]);
}

static void
where_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolShape *shape = &node->outputs[0].shape;

  for (gint64 i = 0; i < kol_shape_count (shape); i++)
    {
      guint chosen = x[0][kol_operand_index (&node->inputs[0]->shape, shape, i)] != 0 ? 1 : 2;

      y[0][i] = x[chosen][kol_operand_index (&node->inputs[chosen]->shape, shape, i)];
    }
}

#define WHERE_CASE(NAME, ...)                                                                      \
  {                                                                                                \
    .name = NAME, .n_inputs = 3, .shapes = { __VA_ARGS__ }, .fill = { { KOL_FILL_LABELS, 0, 3 } }, \
    .no_gradient = 1                                                                               \
  }

static const KolCase where_cases[]
    = { WHERE_CASE ("scalar", KOL_SCALAR, KOL_SCALAR, KOL_SCALAR),
        WHERE_CASE ("17", KOL_SHAPE (17), KOL_SHAPE (17), KOL_SHAPE (17)),
        WHERE_CASE ("7x13x33", KOL_SHAPE (7, 13, 33), KOL_SHAPE (7, 13, 33), KOL_SHAPE (7, 13, 33)),
        WHERE_CASE ("4097-and-scalars", KOL_SHAPE (4097), KOL_SCALAR, KOL_SCALAR),
        WHERE_CASE ("scalar-and-31", KOL_SCALAR, KOL_SHAPE (31), KOL_SHAPE (31)),
        WHERE_CASE ("row-13x33-column", KOL_SHAPE (33), KOL_SHAPE (13, 33), KOL_SHAPE (13, 1)),
        WHERE_CASE ("all-stretch", KOL_SHAPE (7, 1, 1), KOL_SHAPE (13, 1), KOL_SHAPE (17)),
        WHERE_CASE ("mask", KOL_SHAPE (2, 1, 9, 9), KOL_SHAPE (2, 3, 9, 9), KOL_SCALAR),
        WHERE_CASE ("even-stretch", KOL_SHAPE (2, 3, 2, 3, 2, 3, 2, 3),
                    KOL_SHAPE (1, 3, 1, 3, 1, 3, 1, 3), KOL_SHAPE (2, 1, 2, 1, 2, 1, 2, 1)),
        { .name = "64x32x28x28",
          .n_inputs = 3,
          .only_tune = TRUE,
          .shapes = { KOL_SHAPE (64, 32, 28, 28), KOL_SHAPE (64, 32, 28, 28), KOL_SCALAR } },
        { 0 } };

static const KolOp where_op = {
  .name = "where",
  .infer = where_infer,
  .gradient = where_gradient,
  .reference = where_reference,
  .cases = where_cases,
  .variants = kol_elementwise_variants,
  .formula = "a != (T) 0 ? b : c",
};

extern const KolOp *const kol_where_ops[];
const KolOp *const kol_where_ops[] = { &where_op, NULL };

/**
 * kol_where:
 * @condition: a tensor; all but 0 is true, NaN, too
 * @a: a tensor
 * @b: a tensor; all three broadcast as in NumPy
 *
 * a where @condition is true, else b. What is not chosen does not matter, NaN
 * neither, and gets a gradient of 0; none flows to @condition.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
KolValue *
kol_where (KolValue *condition, KolValue *a, KolValue *b)
{
  return KOL_NODE (&where_op, NULL, condition, a, b);
}
