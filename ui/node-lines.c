/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Nodes are called by their places: "y17" of a layer of nodes, "y3,10,14" of one of maps: map, row,
 * column. What has no biases added yet is "s", so that z = s + b; or is not normalized yet; what
 * another layer is added to is "r".
 */

#include "node-lines.h"

#include <glib/gi18n.h>
#include <math.h>

#include "chart/axis.h"

typedef struct {
  const KxLook *layers, *nodes;
} Net;

static const KxNodeLook *
get_node (const Net *net, guint i)
{
  return &g_array_index (net->nodes->nodes, KxNodeLook, i);
}

static const char *
get_kind (const Net *net, guint i)
{
  return g_array_index (net->layers->layers, KxLayerLook, i).kind;
}

/* ── Names and numbers ───────────────────────────────────────────────────────────────────────── */

/**
 * kx_node_name:
 * @size: channels, height, width of its layer
 * @node: a node
 *
 * Returns: (transfer full): "17"; "3,10,14" of map 3; "10,14" of the only one
 */
char *
kx_node_name (const gsize *size, gsize node)
{
  gsize each = size[1] * size[2];
  gsize row = node % each / size[2], column = node % size[2];

  if (each == 1)
    return g_strdup_printf ("%zu", node);
  if (size[0] == 1)
    return g_strdup_printf ("%zu,%zu", row, column);
  return g_strdup_printf ("%zu,%zu,%zu", node / each, row, column);
}

static gsize
count_nodes (const gsize *size)
{
  return size[0] * size[1] * size[2];
}

/* Whole numbers are: "1", not "1.00". */
static char *
number (double value)
{
  return value == round (value) && fabs (value) < 1000 ? kx_format_fixed (value, 0)
                                                       : kx_format_value (value);
}

/* As a factor, or after a sign. */
static char *
factor (double value)
{
  g_autofree char *text = number (value);

  return value < 0 || strstr (text, "×") ? g_strdup_printf ("(%s)", text) : g_steal_pointer (&text);
}

static gboolean
is_one_of (const char *kind, const char *const *kinds)
{
  return g_strv_contains (kinds, kind);
}

static gboolean
has_weights (const Net *net, guint i)
{
  static const char *const kinds[] = { "matmul", "conv2d", "conv_transpose2d", NULL };

  return is_one_of (get_kind (net, i), kinds);
}

static gboolean
is_sum (const Net *net, guint i)
{
  return g_str_equal (get_kind (net, i), "add");
}

static gboolean
is_norm (const Net *net, guint i)
{
  return g_str_equal (get_kind (net, i), "batch_norm_inference");
}

static gboolean
is_mean (const Net *net, guint i)
{
  static const char *const kinds[] = { "mean", "average_pool", NULL };

  return is_one_of (get_kind (net, i), kinds);
}

/* Biases, added to what weights were multiplied with. */
static gboolean
adds_biases (const Net *net, guint i)
{
  const KxNodeLook *node = get_node (net, i);

  return is_sum (net, i) && node->input >= 0 && has_weights (net, (guint) node->input)
         && get_node (net, (guint) node->input)->node == node->node;
}

/* A function of one number, that of the same node. */
static gboolean
is_activation (const Net *net, guint i)
{
  static const char *const others[] = { "softmax", "max_pool", "reshape", NULL };
  const KxNodeLook *node = get_node (net, i);

  return node->input >= 0 && node->sum.count <= 1
         && count_nodes (node->size) == count_nodes (node->input_size) && !is_sum (net, i)
         && !is_norm (net, i) && !is_mean (net, i) && !has_weights (net, i)
         && !is_one_of (get_kind (net, i), others)
         && node->node == get_node (net, (guint) node->input)->node;
}

/* The only layer that follows, or -1. */
static int
find_next (const Net *net, guint i)
{
  const KxSum *back = &get_node (net, i)->back;
  int found = -1;

  for (guint k = 1; k < back->n_terms; k++)
    if (back->terms[k].layer != back->terms[0].layer)
      return -1;
  if (back->n_terms)
    return back->terms[0].layer;
  for (guint next = i + 1; next < net->nodes->nodes->len; next++)
    if (get_node (net, next)->input == (int) i)
      found = (int) next;
  return found;
}

static const char *
symbol_of (const Net *net, int i)
{
  if (i == KX_NODE_INPUTS)
    return "x";
  if (i < 0
      || (!has_weights (net, (guint) i) && !is_sum (net, (guint) i) && !is_norm (net, (guint) i)))
    return "y";
  int next = find_next (net, (guint) i);
  if (next >= 0 && (adds_biases (net, (guint) next) || is_norm (net, (guint) next)))
    return "s";
  return next >= 0 && is_sum (net, (guint) next) ? "r" : "z";
}

/* "z17" */
static char *
name_node (const Net *net, guint i)
{
  const KxNodeLook *node = get_node (net, i);
  g_autofree char *name = kx_node_name (node->size, node->node);

  return g_strconcat (symbol_of (net, (int) i), name, NULL);
}

static char *
name_input (const Net *net, guint i, gsize index)
{
  const KxNodeLook *node = get_node (net, i);
  g_autofree char *name = kx_node_name (node->input_size, index);

  return g_strconcat (symbol_of (net, node->input), name, NULL);
}

/* "w503,17" from a node to a node; "w3(1,2,2)" of node 3's kernel: map, row, column. */
static char *
name_weight (const KxNodeLook *node, gsize index)
{
  gsize each = node->kernel[0] * node->kernel[1];

  if (!each)
    return g_strdup_printf ("w%zu,%zu", index, node->node);
  return g_strdup_printf ("w%zu(%zu,%zu,%zu)", node->node / (node->size[1] * node->size[2]),
                          index / each, index % each / node->kernel[1], index % node->kernel[1]);
}

/**
 * kx_node_weight_name:
 * @layers: a look at layers
 * @nodes: a look at their nodes
 * @layer: one of them
 *
 * Returns: (transfer full) (nullable): what the weight is called that is told first; %NULL: its
 *   node has none
 */
char *
kx_node_weight_name (const KxLook *layers, const KxLook *nodes, guint layer)
{
  const KxNodeLook *node = &g_array_index (nodes->nodes, KxNodeLook, layer);

  return node->weights ? name_weight (node, node->sum.terms[0].index) : NULL;
}

/* ── Sums ────────────────────────────────────────────────────────────────────────────────────── */

static void
append_others (GString *text, const KxSum *sum, double scale)
{
  if (sum->count <= sum->n_terms)
    return;
  g_autofree char *count = kx_format_count ((double) (sum->count - sum->n_terms));
  g_autofree char *rest = number (sum->rest / scale);
  /* Translators: at the end of a sum, of which only the largest terms are written: so many other
   * terms, and what they are together. */
  g_autofree char *others = g_strdup_printf (_ ("… (%s more: %s)"), count, rest);
  g_string_append_printf (text, " + %s", others);
}

/* "0.5 × 0.12 + 0.81 × (−0.3) + … (12 more: 0.1)" */
static void
append_products (GString *text, const KxSum *sum)
{
  for (guint i = 0; i < sum->n_terms; i++)
    {
      g_autofree char *first = factor (sum->terms[i].first),
                      *second = factor (sum->terms[i].second);
      g_string_append_printf (text, "%s%s × %s", i ? " + " : "", first, second);
    }
  append_others (text, sum, 1);
}

/* "0.5 + 0.81 + … (12 more: 0.1)" */
static void
append_firsts (GString *text, const KxSum *sum, double scale)
{
  for (guint i = 0; i < sum->n_terms; i++)
    {
      g_autofree char *first = factor (sum->terms[i].first);
      g_string_append_printf (text, "%s%s", i ? " + " : "", first);
    }
  append_others (text, sum, scale);
}

static void
append_result (GString *text, double value)
{
  g_autofree char *result = number (value);

  g_string_append_printf (text, " = %s", result); /* in one line */
}

/* ── Forward ─────────────────────────────────────────────────────────────────────────────────── */

static void
append_weighted (const Net *net, guint i, GString *text)
{
  const KxNodeLook *node = get_node (net, i);

  if (node->kernel[0] || !g_str_equal (get_kind (net, i), "matmul"))
    g_string_append_printf (text, "Σ %s w", symbol_of (net, node->input));
  else
    for (guint k = 0; k < node->sum.n_terms; k++)
      {
        g_autofree char *input = name_input (net, i, node->sum.terms[k].index);
        g_autofree char *weight = name_weight (node, node->sum.terms[k].index);
        g_string_append_printf (text, "%s%s %s", k ? " + " : "", input, weight);
      }
  if (!node->kernel[0] && node->sum.count > node->sum.n_terms)
    g_string_append (text, " + …");
  g_string_append (text, " = ");
  append_products (text, &node->sum);
}

static void
append_biased (const Net *net, guint i, GString *text)
{
  const KxNodeLook *node = get_node (net, i), *product = get_node (net, (guint) node->input);
  gsize unit = node->node / (node->size[1] * node->size[2]);
  g_autofree char *bias = factor (node->constant);

  g_string_append_printf (text, "Σ %s w + b%zu = ", symbol_of (net, product->input), unit);
  append_products (text, &product->sum);
  g_string_append_printf (text, " + %s", bias);
}

static void
append_activation (const Net *net, guint i, GString *text)
{
  const KxNodeLook *node = get_node (net, i), *input = get_node (net, (guint) node->input);
  const char *kind = get_kind (net, i);
  g_autofree char *name = name_node (net, (guint) node->input);
  g_autofree char *z = number (input->value), *less = number (-input->value),
                  *argument = factor (input->value);

  if (g_str_equal (kind, "relu"))
    g_string_append_printf (text, "max(0, %s) = max(0, %s)", name, z);
  else if (g_str_equal (kind, "sigmoid"))
    g_string_append_printf (text, "1 / (1 + exp(−%s)) = 1 / (1 + exp(%s))", name, less);
  else if (g_str_equal (kind, "tanh"))
    g_string_append_printf (text, "tanh %s = tanh %s", name, argument);
  else
    g_string_append_printf (text, "g(%s) = g(%s)", name, z);
}

/**
 * kx_node_lines_forward:
 * @layers: a look at layers
 * @nodes: a look at their nodes
 * @layer: one of them
 *
 * Returns: (transfer full): what its node's value is computed from
 */
char *
kx_node_lines_forward (const KxLook *layers, const KxLook *nodes, guint layer)
{
  const Net net = { layers, nodes };
  const KxNodeLook *node = get_node (&net, layer);
  const KxSum *sum = &node->sum;
  const char *kind = get_kind (&net, layer);
  g_autofree char *name = name_node (&net, layer);
  GString *text = g_string_new (name);

  if (sum->n_terms > 0 || is_activation (&net, layer))
    g_string_append (text, " = ");
  if (adds_biases (&net, layer))
    append_biased (&net, layer, text);
  else if (is_activation (&net, layer))
    append_activation (&net, layer, text);
  else if (sum->n_terms == 0)
    ;
  else if (has_weights (&net, layer))
    append_weighted (&net, layer, text);
  else if (is_sum (&net, layer))
    append_firsts (text, sum, 1);
  else if (is_norm (&net, layer))
    {
      g_autofree char *constant = factor (node->constant);
      g_string_append_printf (text, "γ (%s − μ) / √(σ² + ε) + β = ", symbol_of (&net, node->input));
      append_products (text, sum);
      g_string_append_printf (text, " + %s", constant);
    }
  else if (is_mean (&net, layer))
    {
      g_string_append_printf (text, "Σ %s / %zu = (", symbol_of (&net, node->input), sum->count);
      append_firsts (text, sum, sum->terms[0].second);
      g_string_append_printf (text, ") / %zu", sum->count);
    }
  else if (sum->count == 1 && sum->terms[0].second == 1)
    {
      g_autofree char *input = name_input (&net, layer, sum->terms[0].index);
      if (g_str_equal (kind, "max_pool"))
        g_string_append_printf (text, "max %s = ", symbol_of (&net, node->input));
      g_string_append (text, input);
    }
  else
    g_string_truncate (text, strlen (name));
  append_result (text, node->value);
  return g_string_free (text, FALSE);
}

/* ── The objective ───────────────────────────────────────────────────────────────────────────── */

static double
share_of (const KxLook *look, gsize class, double *sum)
{
  *sum = 0;
  for (gsize i = 0; i < look->n_outputs; i++)
    *sum += exp (look->outputs[i]);
  return exp (look->outputs[class]) / *sum;
}

static double
logistic (double z)
{
  return 1 / (1 + exp (-z));
}

static gsize
find_truth (const KxLook *look)
{
  gsize truth = 0;

  for (gsize i = 1; i < look->n_outputs; i++)
    if (look->targets[i] > look->targets[truth])
      truth = i;
  return truth;
}

static void
append_likelihood (const KxLook *look, const char *z, GString *text)
{
  gsize truth = find_truth (look);
  double sum, share = share_of (look, truth, &sum);
  g_autofree char *score = number (look->outputs[truth]), *all = number (sum), *p = number (share);

  g_string_append_printf (text, "P%zu = exp(%s%zu) / Σ exp(%s) = exp(%s) / %s = %s\n", truth, z,
                          truth, z, score, all, p);
  g_string_append_printf (text, "E = −log lik = −log P%zu = −log %s", truth, p);
}

/* What an output adds to the error, before it is divided by how many there are. */
static double
append_part (KxLossKind kind, double y, double t, GString *text)
{
  g_autofree char *output = number (y), *target = factor (t);
  double p = logistic (y);
  g_autofree char *share = number (t > 0.5 ? p : 1 - p);

  if (kind == KX_LOSS_SQUARED)
    g_string_append_printf (text, "(%s − %s)²", output, target);
  else if (kind == KX_LOSS_ABSOLUTE)
    g_string_append_printf (text, "|%s − %s|", output, target);
  else
    g_string_append_printf (text, "(−log %s)", share);
  return kind == KX_LOSS_SQUARED    ? (y - t) * (y - t)
         : kind == KX_LOSS_ABSOLUTE ? fabs (y - t)
                                    : -t * log (p) - (1 - t) * log (1 - p);
}

static void
append_parts (const KxLook *look, const char *z, GString *text)
{
  KxSum sum = { .count = look->n_outputs, .n_terms = (guint) MIN (look->n_outputs, KX_NODE_TERMS) };
  g_autofree char *formula = look->loss_kind == KX_LOSS_SQUARED ? g_strdup_printf ("(%s − t)²", z)
                             : look->loss_kind == KX_LOSS_ABSOLUTE
                                 ? g_strdup_printf ("|%s − t|", z)
                                 : g_strdup ("(−t log p − (1 − t) log(1 − p))");

  sum.rest = look->loss * (double) look->n_outputs;
  g_string_append_printf (text, "E = Σ %s / %zu = (", formula, look->n_outputs);
  for (guint i = 0; i < sum.n_terms; i++)
    {
      g_string_append (text, i ? " + " : "");
      sum.rest -= append_part (look->loss_kind, look->outputs[i], look->targets[i], text);
    }
  append_others (text, &sum, 1);
  g_string_append_printf (text, ") / %zu", look->n_outputs);
}

/**
 * kx_node_lines_objective:
 * @layers: a look at layers
 * @nodes: a look at their nodes
 *
 * Returns: (transfer full): what the example's error is computed from
 */
char *
kx_node_lines_objective (const KxLook *layers, const KxLook *nodes)
{
  const Net net = { layers, nodes };
  const char *z = symbol_of (&net, (int) nodes->nodes->len - 1);
  GString *text = g_string_new (NULL);

  if (nodes->loss_kind == KX_LOSS_CROSS_ENTROPY)
    append_likelihood (nodes, z, text);
  else
    append_parts (nodes, z, text);
  append_result (text, nodes->loss);
  return g_string_free (text, FALSE);
}

/* ── Backward ────────────────────────────────────────────────────────────────────────────────── */

/* From E itself. */
static void
append_end (const Net *net, guint i, GString *text)
{
  const KxLook *look = net->nodes;
  const KxNodeLook *node = get_node (net, i);
  gsize k = node->node;

  if (count_nodes (node->size) != look->n_outputs)
    return;
  double y = look->outputs[k], t = look->targets[k], sum;
  const char *z = symbol_of (net, (int) i);
  g_autofree char *share
      = number (look->loss_kind == KX_LOSS_CROSS_ENTROPY ? share_of (look, k, &sum) : logistic (y));
  g_autofree char *output = number (y), *target = factor (t), *whole = number (t);

  switch (look->loss_kind)
    {
    case KX_LOSS_CROSS_ENTROPY:
      g_string_append_printf (text, " = P%zu − %s = %s − %s", k, whole, share, whole);
      break;
    case KX_LOSS_SQUARED:
      g_string_append_printf (text, " = 2 (%s%zu − t%zu) / %zu = 2 × (%s − %s) / %zu", z, k, k,
                              look->n_outputs, output, target, look->n_outputs);
      break;
    case KX_LOSS_ABSOLUTE:
      g_string_append_printf (text, " = sign(%s%zu − t%zu) / %zu = sign(%s − %s) / %zu", z, k, k,
                              look->n_outputs, output, target, look->n_outputs);
      break;
    case KX_LOSS_BINARY:
    default:
      g_string_append_printf (text, " = (p%zu − t%zu) / %zu = (%s − %s) / %zu", k, k,
                              look->n_outputs, share, target, look->n_outputs);
      break;
    }
}

/* "∂E/∂z3 w17,3 + …" */
static void
append_products_back (const Net *net, guint i, guint next, GString *text)
{
  const KxNodeLook *node = get_node (net, i);
  const char *symbol = symbol_of (net, (int) next);

  if (g_str_equal (get_kind (net, next), "matmul"))
    {
      for (guint k = 0; k < node->back.n_terms; k++)
        g_string_append_printf (text, "%s∂E/∂%s%zu w%zu,%zu", k ? " + " : "", symbol,
                                node->back.terms[k].index, node->node, node->back.terms[k].index);
      if (node->back.count > node->back.n_terms)
        g_string_append (text, " + …");
    }
  else
    g_string_append_printf (text, "Σ ∂E/∂%s w", symbol);
}

static void
append_chain (const Net *net, guint i, GString *text)
{
  const KxNodeLook *node = get_node (net, i);
  const KxSum *back = &node->back;
  int next = find_next (net, i);
  g_autofree char *name = name_node (net, i);
  g_autofree char *after = next >= 0 ? name_node (net, (guint) next) : NULL;

  if (next >= 0 && is_activation (net, (guint) next))
    {
      const KxNodeLook *function = get_node (net, (guint) next);
      g_autofree char *first = factor (function->gradient),
                      *second = factor (back->n_terms ? back->terms[0].second : 0);
      g_string_append_printf (text, " = ∂E/∂%s g′(%s) = %s × %s", after, name, first, second);
      return;
    }
  if (back->n_terms == 0)
    return;
  g_string_append (text, " = ");
  if (next < 0)
    g_string_append_printf (text, "Σ ∂E/∂z ∂z/∂%s", symbol_of (net, (int) i));
  else if (has_weights (net, (guint) next))
    append_products_back (net, i, (guint) next, text);
  else if (is_norm (net, (guint) next))
    g_string_append_printf (text, "∂E/∂%s γ / √(σ² + ε)", after);
  else if (is_mean (net, (guint) next))
    g_string_append_printf (text, "Σ ∂E/∂%s / %.0f", symbol_of (net, next),
                            round (1 / back->terms[0].second));
  else if (back->count == 1 && back->terms[0].second == 1)
    {
      const KxNodeLook *of = get_node (net, (guint) next);
      g_autofree char *which = kx_node_name (of->size, back->terms[0].index);
      g_string_append_printf (text, "∂E/∂%s%s", symbol_of (net, next), which);
      return;
    }
  else
    {
      const char *symbol = symbol_of (net, next);
      g_string_append_printf (text, "Σ ∂E/∂%s ∂%s/∂%s", symbol, symbol, symbol_of (net, (int) i));
    }
  g_string_append (text, " = ");
  append_products (text, back);
}

/* The weight that is told first: of a convolution it is used at all places. */
static void
append_weight (const Net *net, guint i, GString *text)
{
  const KxNodeLook *node = get_node (net, i);
  const KxTerm *term = &node->sum.terms[0];
  g_autofree char *weight = name_weight (node, term->index), *name = name_node (net, i);
  g_autofree char *first = factor (node->gradient), *second = factor (term->first);
  KxSum places = { .n_terms = 1,
                   .count = node->size[1] * node->size[2],
                   .rest = node->weight_gradient - node->gradient * term->first };

  if (node->kernel[0])
    g_string_append_printf (text, "\n∂E/∂%s = Σ ∂E/∂%s %s = %s × %s", weight,
                            symbol_of (net, (int) i), symbol_of (net, node->input), first, second);
  else
    {
      g_autofree char *input = name_input (net, i, term->index);
      g_string_append_printf (text, "\n∂E/∂%s = ∂E/∂%s %s = %s × %s", weight, name, input, first,
                              second);
    }
  append_others (text, &places, 1);
  append_result (text, node->weight_gradient);
}

static void
append_bias (const Net *net, guint i, GString *text)
{
  const KxNodeLook *node = get_node (net, i);
  gsize places = node->size[1] * node->size[2], unit = node->node / places;
  g_autofree char *name = name_node (net, i), *first = factor (node->gradient);
  KxSum sum = { .n_terms = 1, .count = places, .rest = node->bias_gradient - node->gradient };

  if (places > 1)
    {
      g_string_append_printf (text, "\n∂E/∂b%zu = Σ ∂E/∂z%zu = %s", unit, unit, first);
      append_others (text, &sum, 1);
    }
  else
    g_string_append_printf (text, "\n∂E/∂b%zu = ∂E/∂%s", unit, name);
  append_result (text, node->bias_gradient);
}

/**
 * kx_node_lines_back:
 * @layers: a look at layers
 * @nodes: a look at their nodes
 * @layer: one of them
 *
 * Returns: (transfer full): what dE/d its node is computed from, and dE/d a weight of it
 */
char *
kx_node_lines_back (const KxLook *layers, const KxLook *nodes, guint layer)
{
  const Net net = { layers, nodes };
  const KxNodeLook *node = get_node (&net, layer);
  g_autofree char *name = name_node (&net, layer);
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "∂E/∂%s", name);
  if (node->last)
    append_end (&net, layer, text);
  else
    append_chain (&net, layer, text);
  append_result (text, node->gradient);
  if (node->weights && !isnan (node->weight_gradient))
    append_weight (&net, layer, text);
  if (!isnan (node->bias_gradient))
    append_bias (&net, layer, text);
  return g_string_free (text, FALSE);
}
