/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A value as a constant: the same memory, through which no gradient flows. Nothing is
 * launched, so there are no variants, and no cases, which are cases of variants.
 */

#include "graph/op-private.h"
#include "ops.h"

static gboolean
detach_infer (KolNode *node, GError **error)
{
  node->outputs[0].shape = node->inputs[0]->shape;
  return TRUE;
}

static void
detach_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
}

static const KolOp detach_op = {
  .name = "detach",
  .infer = detach_infer,
  .gradient = detach_gradient,
  .aliases = TRUE,
};

extern const KolOp *const kol_detach_ops[];
const KolOp *const kol_detach_ops[] = { &detach_op, NULL };

/**
 * kol_detach:
 * @a: a tensor
 *
 * @a itself, for gradients a constant: none flows through here. It is the same memory,
 * and costs nothing.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_detach (KolValue *a)
{
  return KOL_NODE (&detach_op, NULL, a);
}
