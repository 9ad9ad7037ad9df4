/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Two steps, of which the second alone reads what the first one makes, become one where there is an
 * operation that does both: what is between them is never written to memory. Where tensors are
 * stored in blocks of channels, that is.
 */

#include "graph-private.h"

static KolStep *
step_at (const KolPlan *plan, guint i)
{
  return &g_array_index (plan->steps, KolStep, i);
}

/* The step before @i that makes @value, or NULL. */
static KolStep *
find_maker (const KolPlan *plan, const KolValue *value, guint i, guint *at)
{
  for (*at = i; (*at)-- > plan->n_once;)
    if (&step_at (plan, *at)->last->outputs[0] == value)
      return step_at (plan, *at);
  return NULL;
}

/* A node of the plan's that does what both steps do, as @op. */
static KolNode *
make_node (KolPlan *plan, const KolStep *before, const KolStep *step, const KolOp *op,
           gpointer attributes)
{
  const KolNode *one = before->node, *other = step->node;
  g_autoptr (GPtrArray) inputs = g_ptr_array_new ();
  KolNode *node;

  for (guint i = 0; i < one->n_inputs; i++)
    g_ptr_array_add (inputs, one->inputs[i]);
  for (guint i = 1; i < other->n_inputs; i++)
    g_ptr_array_add (inputs, other->inputs[i]);
  if (before->bias)
    g_ptr_array_add (inputs, before->bias);
  node = kol_plan_make_node (plan, other, (KolValue **) inputs->pdata, inputs->len);
  node->op = op;
  node->attributes = attributes;
  g_ptr_array_add (plan->attributes, attributes);
  return node;
}

/* Makes one of step @i and the one that it alone reads; whether it could. */
static gboolean
make_pair (KolPlan *plan, guint i, GHashTable *uses)
{
  const guint both = KOL_BLOCKED_INPUT | KOL_BLOCKED_OUTPUT;
  KolStep *step = step_at (plan, i), *before;
  KolValue *between = step->node->inputs[0];
  const KolDevice *device = plan->graph->parameters->device;
  gpointer attributes = NULL;
  const KolOp *op;
  KolNode *node;
  guint at;

  if (!step->node->op->pair || step->blocked != both || step->residual == between
      || GPOINTER_TO_UINT (g_hash_table_lookup (uses, between)) != 1)
    return FALSE;
  before = find_maker (plan, between, i, &at);
  if (!before || before->blocked != both || before->residual)
    return FALSE;
  op = step->node->op->pair (before->node, before->unary, step->node, &attributes);
  if (!op)
    return FALSE;
  node = make_node (plan, before, step, op, attributes);
  if (kol_plan_rules_out_blocks (plan, node) || op->blocks (node, device) != KOL_BLOCKS_TOGETHER)
    return FALSE;
  step->node = node;
  step->variant = op->blocked;
  g_hash_table_remove (plan->blocked, between);
  g_array_remove_index (plan->steps, at);
  plan->first_late_step -= at < plan->first_late_step;
  return TRUE;
}

void
kol_plan_pair (KolPlan *plan, GHashTable *uses)
{
  for (guint i = plan->steps->len; i-- > plan->n_once;)
    if (make_pair (plan, i, uses))
      i--;
}
