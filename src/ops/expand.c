/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* y = a, stretched to a larger shape as in NumPy: the launch of functions of elements, with f (a) =
 * a. */

#include "ops/elementwise-private.h"
#include "ops.h"

static gboolean
expand_infer (KolNode *node, GError **error)
{
  const KolShape *a = &node->inputs[0]->shape, *shape = node->attributes;

  if (!kol_shape_broadcast (a, shape, &node->outputs[0].shape)
      || !kol_shape_equal (&node->outputs[0].shape, shape))
    return kol_infer_fail (error,
                           "%s cannot be stretched to %s: aligned at the last dimension, a length "
                           "has to be 1, missing, or what is asked for",
                           kol_shape_text (a), kol_shape_text (shape));
  return TRUE;
}

/* The gradient has y's shape: the reverse walk sums it over what was stretched. */
static void
expand_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = dy[0];
}

static void
expand_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolValue *out = &node->outputs[0];

  for (gint64 i = 0; i < kol_count (out); i++)
    y[0][i] = x[0][kol_operand_index (&node->inputs[0]->shape, &out->shape, i)];
}

static const KolCase expand_cases[]
    = { { .name = "scalar-to-7x33",
          .n_inputs = 1,
          .shapes = { KOL_SCALAR },
          .attributes = &(const KolShape){ 2, { 7, 33 } } },
        { .name = "1x1-to-1x4097",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (1, 1) },
          .attributes = &(const KolShape){ 2, { 1, 4097 } } },
        { .name = "row-to-13x33",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (33) },
          .attributes = &(const KolShape){ 2, { 13, 33 } } },
        { .name = "column-to-13x33",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (13, 1) },
          .attributes = &(const KolShape){ 2, { 13, 33 } } },
        { .name = "channels",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (5, 1, 1) },
          .attributes = &(const KolShape){ 4, { 2, 5, 7, 9 } } },
        { .name = "same",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (7, 13, 33) },
          .attributes = &(const KolShape){ 3, { 7, 13, 33 } } },
        { .name = "odd-stretch",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (2, 1, 2, 1, 2, 1, 2, 1) },
          .attributes = &(const KolShape){ 8, { 2, 3, 2, 3, 2, 3, 2, 3 } } },
        { 0 } };

static const KolOp expand_op = {
  .name = "expand",
  .attributes = sizeof (KolShape),
  .infer = expand_infer,
  .gradient = expand_gradient,
  .reference = expand_reference,
  .cases = expand_cases,
  .variants = kol_elementwise_variants,
  .formula = "a",
};

extern const KolOp *const kol_expand_ops[];
const KolOp *const kol_expand_ops[] = { &expand_op, NULL };

/**
 * kol_expand:
 * @a: a tensor
 * @shape: the shape to stretch it to
 *
 * Copies @a along the dimensions in which it has length 1, or none, and @shape
 * has more, as it would be stretched beside a tensor of @shape.
 *
 * Returns: (transfer none): the value, of @shape; it has failed if @a does not
 *   stretch to that
 */
KolValue *
kol_expand (KolValue *a, KolShape shape)
{
  return KOL_NODE (&expand_op, &shape, a);
}
