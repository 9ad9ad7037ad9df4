/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The reverse walk: from dL/dL = 1 backwards through the graph, each node asks
 * its operation for nodes that turn the gradients of its outputs into those of
 * its inputs. Where a value is used more than once its gradients are added;
 * where an operation stretched an input, its gradient is summed back. Both
 * happen here and nowhere else.
 */

#include "../ops.h"
#include "graph-private.h"

/* Marks which nodes depend on the values in @of. Given: a byte per node. */
static guint8 *
mark_dependents (KolGraph *graph, KolValue *const *of, guint n)
{
  guint8 *depends = g_new0 (guint8, graph->nodes->len);

  for (guint i = 0; i < n; i++)
    depends[of[i]->node->id] = TRUE;
  for (guint id = 0; id < graph->nodes->len; id++)
    {
      KolNode *node = g_ptr_array_index (graph->nodes, id);

      for (guint i = 0; i < node->n_inputs && !depends[id]; i++)
        depends[id] = depends[node->inputs[i]->node->id];
    }
  return depends;
}

/* Marks which nodes @value is computed from, its own among them. Given: a byte per node. */
guint8 *
kol_graph_mark_ancestors (KolValue *value)
{
  KolGraph *graph = value->graph;
  guint8 *needed = g_new0 (guint8, graph->nodes->len);

  needed[value->node->id] = TRUE;
  for (guint id = value->node->id + 1; id-- > 0;)
    {
      KolNode *node = g_ptr_array_index (graph->nodes, id);

      for (guint i = 0; needed[id] && i < node->n_inputs; i++)
        needed[node->inputs[i]->node->id] = TRUE;
    }
  return needed;
}

/* Sums @gradient over the dimensions in which @shape was stretched. */
static KolValue *
unbroadcast (KolValue *gradient, const KolShape *shape)
{
  KolReduce over = { .keep = TRUE };
  int missing = gradient->shape.rank - shape->rank;

  if (kol_value_failed (gradient) || kol_shape_equal (&gradient->shape, shape))
    return gradient;
  for (int i = 0; i < gradient->shape.rank; i++)
    if (gradient->shape.dim[i] != 1 && (i < missing || shape->dim[i - missing] == 1))
      over.axes[over.n_axes++] = i;
  if (over.n_axes)
    gradient = kol_sum (gradient, &over);
  return kol_reshape (gradient, *shape);
}

/* Asks one node for the gradients of its inputs and adds them to what is there. */
static gboolean
walk_node (KolNode *node, const guint8 *depends, GHashTable *gradients)
{
  KolGraph *graph = node->graph;
  g_autofree KolValue **dy = g_new0 (KolValue *, node->n_outputs);
  g_autofree KolValue **dx = g_new0 (KolValue *, node->n_inputs + 1);
  gboolean any = FALSE;

  for (guint i = 0; i < node->n_outputs; i++)
    {
      dy[i] = g_hash_table_lookup (gradients, &node->outputs[i]);
      any = any || dy[i];
    }
  if (!any || !node->n_inputs)
    return TRUE;
  if (!node->op->gradient)
    {
      kol_graph_fail (graph, KOL_ERROR_SHAPE,
                      "%s: the operation %s has no gradient, but the loss depends through it on "
                      "what is to be differentiated",
                      node->name, node->op->name);
      return FALSE;
    }

  kol_graph_set_prefix (graph, node->name);
  if (!graph->override || !graph->override (node, dy, dx, graph->override_data))
    node->op->gradient (node, dy, dx);
  for (guint i = 0; i < node->n_inputs; i++)
    {
      KolValue *input = node->inputs[i], *sum;

      if (!dx[i] || !depends[input->node->id])
        continue;
      dx[i] = unbroadcast (dx[i], &input->shape);
      sum = g_hash_table_lookup (gradients, input);
      g_hash_table_insert (gradients, input, sum ? kol_add (sum, dx[i]) : dx[i]);
    }
  kol_graph_set_prefix (graph, NULL);
  return graph->error == NULL;
}

/**
 * kol_gradients:
 * @loss: a value of one element
 * @of: (array length=n): what to differentiate by
 * @n: how many
 * @gradients: (out) (array length=n): d @loss / d @of[i], of the shape of
 *   @of[i]; zeros where the loss does not depend on it
 *
 * Adds the nodes that compute the gradients.
 *
 * Returns: %FALSE if something has failed; the graph keeps the error
 */
gboolean
kol_gradients (KolValue *loss, KolValue *const *of, guint n, KolValue **gradients)
{
  KolGraph *graph = loss->graph;
  g_autoptr (GHashTable) table = g_hash_table_new (NULL, NULL);
  g_autofree guint8 *depends = NULL;

  for (guint i = 0; i < n; i++)
    gradients[i] = &graph->failed;
  for (guint i = 0; i < n; i++)
    if (kol_value_failed (of[i]))
      return FALSE;
  if (kol_value_failed (loss))
    return FALSE;
  if (kol_count (loss) != 1)
    {
      kol_graph_fail (graph, KOL_ERROR_SHAPE,
                      "%s: a loss is one number, but its shape is %s; take its mean or sum",
                      loss->node->name, kol_shape_text (&loss->shape));
      return FALSE;
    }

  if (!graph->first_gradient)
    graph->first_gradient = graph->nodes->len;
  depends = mark_dependents (graph, of, n);
  g_hash_table_insert (table, loss, kol_reshape (kol_constant (graph, 1), loss->shape));
  for (guint id = loss->node->id + 1; id-- > 0;)
    if (depends[id] && !walk_node (g_ptr_array_index (graph->nodes, id), depends, table))
      return FALSE;
  for (guint i = 0; i < n; i++)
    {
      gradients[i] = g_hash_table_lookup (table, of[i]);
      if (!gradients[i])
        gradients[i] = kol_expand (kol_constant (graph, 0), of[i]->shape);
    }
  return graph->error == NULL;
}

/**
 * kol_trainables:
 * @loss: a value
 * @parameters: (out) (array) (transfer container): the trainable parameters that
 *   it is computed from, in the order in which they were put into the graph;
 *   free with g_free()
 *
 * Returns: how many there are
 */
guint
kol_trainables (KolValue *loss, KolValue ***parameters)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  g_autofree guint8 *needed = NULL;
  guint n;

  *parameters = NULL;
  if (kol_value_failed (loss))
    return 0;
  needed = kol_graph_mark_ancestors (loss);
  for (guint id = 0; id <= loss->node->id; id++)
    {
      KolNode *node = g_ptr_array_index (loss->graph->nodes, id);

      if (needed[id] && node->parameter && node->parameter->trainable)
        g_ptr_array_add (found, &node->outputs[0]);
    }
  n = found->len;
  *parameters = (KolValue **) g_ptr_array_free (g_steal_pointer (&found), FALSE);
  return n;
}
