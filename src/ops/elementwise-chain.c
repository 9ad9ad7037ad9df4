/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Functions of elements, one behind another, in one launch: graph/fuse.c makes them. */

#include "ops/elementwise-private.h"

static gboolean
chain_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolChain *chain = node->attributes;

  return kol_elementwise_launch_text (launch, node, chain->text, chain->temporaries, NULL, error);
}

static gboolean
chain_infer (KolNode *node, GError **error)
{
  return kol_infer_fail (error, "chains are made by plans, not by graphs");
}

static const KolOp chain_op = {
  .name = KOL_CHAIN_OP,
  .attributes = sizeof (KolChain),
  .infer = chain_infer,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = chain_launch }, { 0 } },
  .formula = "",
};

extern const KolOp *const kol_elementwise_chain_ops[];
const KolOp *const kol_elementwise_chain_ops[] = { &chain_op, NULL };
