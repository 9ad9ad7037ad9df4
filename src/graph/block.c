/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Blocks of channels, for inference on devices whose work-item is a SIMD thread. A
 * tensor [N, C, H, W] between two steps may be stored as [N, C / B, H, W, B], where B
 * is the width of a vector and the last block may have more channels than there are:
 * if the step that computes it and all that read it can do so. Whoever reads the
 * graph sees nothing of this: targets, parameters and placeholders stay as they are.
 */

#include "../device/tuning-private.h"
#include "graph-private.h"

/* ── What a step can do ─────────────────────────────────────────────────────────────────────── */

/* A function of each element by itself, of tensors that are all alike and have no half block. */
static gboolean
is_elementwise (const KolNode *node, gint64 width)
{
  const KolShape *y = &node->outputs[0].shape;

  if (!node->op->formula || node->op->random || y->rank != 4 || y->dim[1] % width)
    return FALSE;
  for (guint i = 0; i < node->n_inputs; i++)
    if (!kol_shape_equal (&node->inputs[i]->shape, y))
      return FALSE;
  return TRUE;
}

/* Whether another way of computing the node is forced or pinned, or this one is wrong here. */
gboolean
kol_plan_rules_out_blocks (const KolPlan *plan, const KolNode *node)
{
  const KolGraph *graph = plan->graph;
  const char *pinned = graph->pinned ? g_hash_table_lookup (graph->pinned, node->name) : NULL;
  const char *name = node->op->blocked ? node->op->blocked->name : NULL;
  g_autofree char *forced = kol_tuning_forced (node->op->name);

  return forced || graph->forced_op == node->op || (name && pinned && g_strcmp0 (pinned, name) != 0)
         || (name
             && kol_tuning_is_struck (graph->parameters->device->tuning, node->op->name, name));
}

static KolBlocks
blocks_of (const KolPlan *plan, const KolStep *step, GHashTable *uses)
{
  const KolNode *node = step->node;
  const KolDevice *device = plan->graph->parameters->device;

  for (guint i = 1; i < node->n_outputs; i++)
    if (g_hash_table_contains (uses, &node->outputs[i]))
      return KOL_BLOCKS_NOT;
  if (is_elementwise (node, device->info.vector_width))
    return KOL_BLOCKS_TOGETHER;
  if (!node->op->blocks || kol_plan_rules_out_blocks (plan, node))
    return KOL_BLOCKS_NOT;
  return node->op->blocks (node, device);
}

/* How many of a step's inputs are tensors like its output: of a convolution, one. */
static guint
n_pictures (const KolStep *step)
{
  return step->node->op->blocked ? 1 : step->node->n_inputs;
}

/* ── Which values ───────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KolPlan *plan;
  KolBlocks *of_step;
} Pass;

static KolStep *
step_at (const Pass *pass, guint i)
{
  return &g_array_index (pass->plan->steps, KolStep, i);
}

static KolValue *
output_of (const KolStep *step)
{
  return &step->last->outputs[0];
}

static gboolean
is_blocked (const Pass *pass, const KolValue *value)
{
  return value && g_hash_table_contains (pass->plan->blocked, value);
}

/* All that a step which can do so computes, but for what is to be read. */
static void
add_candidates (Pass *pass)
{
  for (guint i = pass->plan->n_once; i < pass->plan->steps->len; i++)
    {
      KolValue *y = output_of (step_at (pass, i));

      if (pass->of_step[i] != KOL_BLOCKS_NOT && y->shape.rank == 4 && kol_value_root (y) == y
          && !kol_plan_is_target (pass->plan, y))
        g_hash_table_add (pass->plan->blocked, y);
    }
}

/* Takes back what somebody reads who cannot. */
static void
remove_read (Pass *pass)
{
  GHashTable *blocked = pass->plan->blocked;

  for (guint i = 0; i < pass->plan->steps->len; i++)
    {
      const KolStep *step = step_at (pass, i);
      gboolean can = pass->of_step[i] != KOL_BLOCKS_NOT;

      for (guint k = 0; k < step->node->n_inputs; k++)
        {
          KolValue *x = step->node->inputs[k];

          if (!can || k >= n_pictures (step) || kol_value_root (x) != x)
            g_hash_table_remove (blocked, kol_value_root (x));
        }
      if (step->residual && (!can || kol_value_root (step->residual) != step->residual))
        g_hash_table_remove (blocked, kol_value_root (step->residual));
      if (step->bias)
        g_hash_table_remove (blocked, kol_value_root (step->bias));
    }
}

/* Takes back what @step needs alike and is not; whether there was such a thing. */
static gboolean
make_alike (Pass *pass, const KolStep *step, KolBlocks blocks)
{
  GHashTable *blocked = pass->plan->blocked;

  if (blocks == KOL_BLOCKS_AFTER && !is_blocked (pass, step->node->inputs[0]))
    blocks = KOL_BLOCKS_TOGETHER;
  gboolean out = is_blocked (pass, output_of (step)), all = out;
  guint before = g_hash_table_size (blocked);

  if (step->residual)
    all = all && is_blocked (pass, step->residual);
  for (guint k = 0; blocks == KOL_BLOCKS_TOGETHER && k < n_pictures (step); k++)
    all = all && is_blocked (pass, step->node->inputs[k]);
  if (all)
    return FALSE;
  if (step->residual)
    g_hash_table_remove (blocked, step->residual);
  for (guint k = 0; blocks == KOL_BLOCKS_TOGETHER && k < n_pictures (step); k++)
    g_hash_table_remove (blocked, step->node->inputs[k]);
  if (step->residual || blocks == KOL_BLOCKS_TOGETHER)
    g_hash_table_remove (blocked, output_of (step));
  return g_hash_table_size (blocked) < before;
}

static void
settle (Pass *pass)
{
  gboolean changed = TRUE;

  while (changed)
    {
      changed = FALSE;
      for (guint i = 0; i < pass->plan->steps->len; i++)
        if (pass->of_step[i] != KOL_BLOCKS_NOT)
          changed |= make_alike (pass, step_at (pass, i), pass->of_step[i]);
    }
}

/* ── The pass ───────────────────────────────────────────────────────────────────────────────── */

/* How the step reads and writes, and by what it is computed then. */
static void
tell_step (const Pass *pass, KolStep *step)
{
  step->blocked = (is_blocked (pass, step->node->inputs[0]) ? KOL_BLOCKED_INPUT : 0)
                  | (is_blocked (pass, output_of (step)) ? KOL_BLOCKED_OUTPUT : 0);
  if (step->blocked && step->node->op->blocked)
    step->variant = step->node->op->blocked;
}

/* The values that are stored in blocks; the steps' variants change with them. */
void
kol_plan_block (KolPlan *plan, GHashTable *uses)
{
  const KolDevice *device = plan->graph->parameters->device;

  g_hash_table_remove_all (plan->blocked);
  if (plan->writes || plan->differentiates || plan->separate || plan->graph->in_rows
      || !device->simd)
    return;
  g_autofree KolBlocks *of_step = g_new0 (KolBlocks, plan->steps->len);
  Pass pass = { plan, of_step };

  for (guint i = plan->n_once; i < plan->steps->len; i++)
    of_step[i] = blocks_of (plan, step_at (&pass, i), uses);
  add_candidates (&pass);
  remove_read (&pass);
  settle (&pass);
  for (guint i = plan->n_once; i < plan->steps->len; i++)
    if (of_step[i] != KOL_BLOCKS_NOT)
      tell_step (&pass, step_at (&pass, i));
  kol_plan_pair (plan, uses);
}

/* Bytes of @value as the plan stores it. */
gsize
kol_plan_value_bytes (const KolPlan *plan, const KolValue *value)
{
  gint64 count = kol_count (value), width;

  if (g_hash_table_contains (plan->blocked, value))
    {
      width = plan->graph->parameters->device->info.vector_width;
      count = count / value->shape.dim[1] * kol_round_up (value->shape.dim[1], width);
    }
  return (gsize) count * sizeof (float);
}
