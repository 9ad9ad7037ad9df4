/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Folding, for plans that write no parameters: where all that a batch norm does
 * to a convolution or product is to multiply its channels by one number each and
 * to add another,
 *
 *     scale (w x + b) + shift = (scale w) x + (scale b + shift),
 *
 * the step of the convolution takes other weights and a bias, and the batch norm
 * has none. What the weights and the bias are computed from are parameters only:
 * these steps come first in the plan, run when a parameter has changed, and what
 * they leave is kept.
 */

#include "../ops.h"
#include "graph-private.h"

/* ── Nodes that stand for nodes of the graph ────────────────────────────────────────────────── */

/* A node of the plan's that is @like with @n other @inputs, whose outputs are @like's own. */
KolNode *
kol_plan_make_node (KolPlan *plan, const KolNode *like, KolValue *const *inputs, guint n)
{
  KolNode *node = g_memdup2 (like, sizeof *like);

  node->n_inputs = n;
  node->inputs = g_memdup2 (inputs, n * sizeof *inputs);
  g_ptr_array_add (plan->made, node);
  return node;
}

void
kol_made_node_free (gpointer data)
{
  KolNode *node = data;

  g_free (node->inputs);
  g_free (node);
}

/* ── What can be folded ─────────────────────────────────────────────────────────────────────── */

static gboolean
is_parameter (KolValue *value)
{
  return kol_value_root (value)->node->parameter != NULL;
}

static gboolean
is_read_once (GHashTable *uses, KolValue *value)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (uses, value)) == 1;
}

/* A convolution or product whose weights are a parameter, in whose channels dimension 1 counts. */
static gboolean
can_be_scaled (const KolNode *node)
{
  return node->op->scale_weights && is_parameter (node->inputs[1])
         && (node->op->channels_first || node->outputs[0].shape.rank == 2);
}

/*
 * The convolution or product that @node alone reads, directly or with a bias added,
 * which is a parameter, too: *@bias; else NULL.
 */
static KolNode *
find_linear (KolNode *node, GHashTable *uses, KolValue **bias)
{
  KolValue *x = node->inputs[0];

  *bias = NULL;
  if (!is_read_once (uses, x))
    return NULL;
  if (can_be_scaled (x->node))
    return x->node;
  if (strcmp (x->node->op->name, "add"))
    return NULL;
  for (guint i = 0; i < 2; i++)
    {
      KolValue *y = x->node->inputs[i], *other = x->node->inputs[1 - i];

      if (can_be_scaled (y->node) && is_read_once (uses, y) && is_parameter (other)
          && kol_shape_equal (&y->shape, &x->shape) && kol_plan_is_bias (other, y, y->node->op))
        {
          *bias = other;
          return y->node;
        }
    }
  return NULL;
}

/* Whether all that @node does to its first input is known from parameters. */
static gboolean
is_affine (const KolNode *node)
{
  if (!node->op->affine)
    return FALSE;
  for (guint i = 1; i < node->n_inputs; i++)
    if (!is_parameter (node->inputs[i]))
      return FALSE;
  return TRUE;
}

/* Makes the nodes of other weights and a bias, once for a graph. Lent; NULL: it cannot be. */
static KolFold *
find_fold (KolNode *node, KolNode *linear, KolValue *bias)
{
  KolGraph *graph = node->graph;
  KolFold *fold = g_hash_table_lookup (graph->folds, node);
  KolValue *scale, *shift, *weights;

  if (fold)
    return fold;
  kol_graph_set_prefix (graph, node->name);
  node->op->affine (node, &scale, &shift);
  weights = linear->op->scale_weights (linear, scale);
  if (bias)
    shift = kol_add (shift, kol_multiply (kol_reshape (bias, scale->shape), scale));
  kol_graph_set_prefix (graph, NULL);
  if (kol_value_failed (weights) || kol_value_failed (shift))
    return NULL;
  fold = g_new0 (KolFold, 1);
  fold->weights = weights;
  fold->bias = shift;
  g_hash_table_insert (graph->folds, node, fold);
  return fold;
}

/* ── The plan's order ───────────────────────────────────────────────────────────────────────── */

/* Adds what computes @value to @once, inputs before their users; counts what they read. */
static void
add_ancestors (KolValue *value, GPtrArray *once, GHashTable *seen, GHashTable *uses)
{
  KolNode *node = value->node;

  if (!g_hash_table_add (seen, node))
    return;
  for (guint i = 0; i < node->n_inputs; i++)
    {
      guint n = GPOINTER_TO_UINT (g_hash_table_lookup (uses, node->inputs[i]));

      g_hash_table_insert (uses, node->inputs[i], GUINT_TO_POINTER (n + 1));
      add_ancestors (node->inputs[i], once, seen, uses);
    }
  g_ptr_array_add (once, node);
}

/*
 * Notes in plan->folded which nodes take in which, and puts what that needs at the
 * front of @order. Without a variant that adds a bias there is no folding.
 */
void
kol_plan_fold (KolPlan *plan, GPtrArray *order, GHashTable *uses, gboolean measure)
{
  g_autoptr (GPtrArray) once = g_ptr_array_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  g_hash_table_remove_all (plan->folded);
  for (guint i = 0; i < order->len; i++)
    {
      KolNode *node = g_ptr_array_index (order, i);
      KolValue *bias = NULL;
      KolNode *linear = is_affine (node) ? find_linear (node, uses, &bias) : NULL;
      const KolVariant *variant
          = linear ? kol_choose_variant (plan->graph, linear, !plan->differentiates, measure, NULL)
                   : NULL;
      KolFold *fold
          = variant && (variant->absorbs & KOL_BIAS) ? find_fold (node, linear, bias) : NULL;

      if (!fold)
        continue;
      g_hash_table_insert (plan->folded, linear, node);
      add_ancestors (fold->weights, once, seen, uses);
      add_ancestors (fold->bias, once, seen, uses);
    }
  for (guint i = 0; i < once->len; i++)
    g_ptr_array_insert (order, (int) i, g_ptr_array_index (once, i));
  plan->first_run = once->len;
  plan->first_late += once->len;
}
