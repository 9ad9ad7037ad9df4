/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Single nodes of each layer, and what they are computed from, for one example. All of it is the
 * engine's: of a layer v and its input u, d(Σ D v)/du is a row of dv/du where D is 1 at a node and
 * 0 elsewhere, and the derivative of Σ M d(Σ D v)/du by D is a column. So no operation has to be
 * known here to tell its terms. The weights are a copy: the run learns on, and they can be changed.
 */

#include "look-private.h"

#include <glib/gi18n.h>
#include <math.h>
#include <string.h>

#define MOST_NUMBERS (16 << 20) /* of a parameter whose gradient is read */
#define MOST_COPIED (64 << 20)  /* of a network */

/* A layer, and the edge from its input. */
typedef struct {
  KolValue *value, *gradient;
  KolValue *input; /* NULL: there are several */
  KolValue *seed, *mark, *row, *column, *taps;
  KolParameter *weights; /* NULL: none that are known by their names */
  KolValue *weights_gradient, *bias_gradient;
  float *numbers, *derivatives; /* of value; of E by it */
} Place;

struct _KxNodes {
  KolGraph *graph;
  KolNetworkValues values;
  GArray *places; /* Place, of each layer */
  KolTrainBatch *batch;
  GArray *undo;  /* KxNodeEdit: what weights were before they were changed */
  gboolean bare; /* without columns */
};

static void
place_clear (gpointer data)
{
  Place *place = data;

  g_free (place->numbers);
  g_free (place->derivatives);
}

void
kx_nodes_free (KxNodes *nodes)
{
  if (!nodes)
    return;
  g_array_unref (nodes->places);
  g_array_unref (nodes->undo);
  kol_graph_free (nodes->graph);
  kol_train_batch_free (nodes->batch);
  g_free (nodes);
}

static Place *
get_place (const KxNodes *nodes, guint i)
{
  return &g_array_index (nodes->places, Place, i);
}

static gsize
count_of (KolValue *value)
{
  return (gsize) kol_shape_count (kol_value_get_shape (value));
}

/* ── Building ────────────────────────────────────────────────────────────────────────────────── */

/* The parameter of a layer: "w_conv1" of "conv1/z", "w_block1/2" of "block1/2", as recipes do. */
static KolParameter *
find_parameter (KxNodes *nodes, const char *what, const char *layer)
{
  KolParameters *parameters = kol_graph_get_parameters (nodes->graph);
  g_autofree char *whole = g_strconcat (what, layer, NULL);
  g_autofree char *stem = g_strndup (layer, strcspn (layer, "/"));
  g_autofree char *name = g_strconcat (what, stem, NULL);
  KolParameter *found = kol_parameters_find (parameters, whole);

  return found ? found : kol_parameters_find (parameters, name);
}

static gboolean
has_weights (const char *kind)
{
  return g_str_equal (kind, "matmul") || g_str_equal (kind, "conv2d");
}

static KolValue *
find_input (KxLookState *state, KxNodes *nodes, guint i)
{
  const GArray *inputs = state->inputs->pdata[i];

  if (inputs->len == 0)
    return nodes->values.x;
  return inputs->len == 1 ? get_place (nodes, g_array_index (inputs, guint, 0))->value : NULL;
}

/* The gradient of Σ (values times a new placeholder). */
static KolValue *
weigh (KolGraph *graph, KolValue *values, const char *what, guint i, KolValue **by)
{
  g_autofree char *name = g_strdup_printf ("walk/%s-%u", what, i);

  *by = kol_placeholder (graph, name, *kol_value_get_shape (values));
  return kol_sum (kol_multiply (values, *by), NULL);
}

static void
build_edge (KxLookState *state, KxNodes *nodes, guint i, KolValue *weights)
{
  Place *place = get_place (nodes, i);
  KolValue *of[] = { place->input, weights }, *got[] = { NULL, NULL };

  if (!kol_gradients (weigh (nodes->graph, place->value, "seed", i, &place->seed), of,
                      weights ? 2 : 1, got))
    return;
  place->row = got[0];
  place->taps = got[1];
  if (!nodes->bare && place->input != nodes->values.x)
    kol_gradients (weigh (nodes->graph, place->row, "mark", i, &place->mark), &place->seed, 1,
                   &place->column);
}

static KolValue *
find_value (KolValue *const *values, guint n, KolParameter *parameter)
{
  for (guint i = 0; parameter && i < n; i++)
    if (g_str_equal (kol_value_get_name (values[i]), kol_parameter_get_name (parameter)))
      return values[i];
  return NULL;
}

/* dE/d every layer and parameter, then the edges. */
static void
build_back (KxLookState *state, KxNodes *nodes)
{
  g_autofree KolValue **parameters = NULL;
  guint n = nodes->places->len, n_parameters = kol_trainables (nodes->values.loss, &parameters);
  g_autofree KolValue **of = g_new (KolValue *, n + n_parameters);
  g_autofree KolValue **gradients = g_new0 (KolValue *, n + n_parameters);

  for (guint i = 0; i < n; i++)
    of[i] = get_place (nodes, i)->value;
  memcpy (of + n, parameters, n_parameters * sizeof *of);
  if (!kol_gradients (nodes->values.loss, of, n + n_parameters, gradients))
    return;
  for (guint i = 0; i < n; i++)
    {
      Place *place = get_place (nodes, i);
      const char *kind = state->kinds->pdata[i], *name = state->names->pdata[i];
      gboolean weighted = has_weights (kind);
      KolParameter *w = weighted ? find_parameter (nodes, "w_", name) : NULL;
      KolParameter *b = g_str_equal (kind, "add") ? find_parameter (nodes, "b_", name) : NULL;
      KolValue *weights = find_value (parameters, n_parameters, w);

      place->gradient = gradients[i];
      place->input = find_input (state, nodes, i);
      for (guint k = 0; k < n_parameters; k++)
        {
          if (weights == parameters[k])
            place->weights_gradient = gradients[n + k];
          if (find_value (parameters + k, 1, b))
            place->bias_gradient = gradients[n + k];
        }
      place->weights = weights ? w : NULL;
      if (place->input)
        build_edge (state, nodes, i, g_str_equal (kind, "conv2d") ? weights : NULL);
    }
}

static gboolean
has_failed (KxNodes *nodes, GError **error)
{
  const GError *mistake = kol_graph_get_error (nodes->graph);

  if (mistake && error)
    g_propagate_error (error, g_error_copy (mistake));
  return mistake != NULL;
}

static KxNodes *
build (KxLookState *state, KolTrainer *trainer, gboolean bare, GError **error)
{
  KxNodes *nodes = g_new0 (KxNodes, 1);

  nodes->graph = kol_graph_new (kol_parameters_get_device (kx_look_parameters (trainer)));
  nodes->places = g_array_new (FALSE, TRUE, sizeof (Place));
  nodes->undo = g_array_new (FALSE, FALSE, sizeof (KxNodeEdit));
  nodes->bare = bare;
  g_array_set_clear_func (nodes->places, place_clear);
  kol_recipe_network (nodes->graph, 1, FALSE, kol_trainer_get_validation (trainer), &nodes->values,
                      kol_trainer_get_recipe (trainer));
  for (guint i = 0; i < state->names->len && !has_failed (nodes, NULL); i++)
    {
      Place place = { .value = kol_graph_find (nodes->graph, state->names->pdata[i]) };

      if (place.value)
        g_array_append_val (nodes->places, place);
    }
  if (!has_failed (nodes, NULL) && nodes->places->len == state->names->len)
    build_back (state, nodes);
  if (has_failed (nodes, error))
    g_clear_pointer (&nodes, kx_nodes_free);
  else if (nodes->places->len < state->names->len)
    {
      kx_look_refuse (error, _ ("The nodes of this network cannot be told apart"));
      g_clear_pointer (&nodes, kx_nodes_free);
    }
  return nodes;
}

static gboolean
copy_weights (KxNodes *nodes, KolParameters *from, GError **error)
{
  KolParameters *to = kol_graph_get_parameters (nodes->graph);

  for (guint i = 0; i < kol_parameters_get_count (to); i++)
    {
      KolParameter *parameter = kol_parameters_get (to, i);
      KolParameter *source = kol_parameters_find (from, kol_parameter_get_name (parameter));
      g_autofree float *numbers
          = g_new (float, (gsize) kol_shape_count (kol_parameter_get_shape (parameter)));

      if (!source)
        return kx_look_refuse (error, _ ("The nodes of this network cannot be told apart"));
      if (!kol_parameter_read (source, numbers, error)
          || !kol_parameter_write (parameter, numbers, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_small (KolParameters *parameters)
{
  gint64 count = 0;

  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    count += kol_shape_count (kol_parameter_get_shape (kol_parameters_get (parameters, i)));
  return count <= MOST_COPIED;
}

static gboolean
take_copy (KxLookState *state, KolTrainer *trainer, GError **error)
{
  KolParameters *parameters = kx_look_parameters (trainer);

  if (!is_small (parameters))
    return kx_look_refuse (error, _ ("This network is too large for its nodes to be shown"));
  if (!state->nodes)
    state->nodes = build (state, trainer, FALSE, NULL);
  if (!state->nodes) /* an operation cannot be differentiated twice */
    state->nodes = build (state, trainer, TRUE, error);
  if (!state->nodes)
    return FALSE;
  g_array_set_size (state->nodes->undo, 0);
  return copy_weights (state->nodes, parameters, error);
}

/**
 * kx_nodes_take:
 * @state: what is kept from look to look; its layers are listed
 * @trainer: between two steps
 * @batch: (transfer full): what it has learned from last
 *
 * Keeps the weights of this step and the batch, so that nodes can be looked at; or why they cannot.
 */
void
kx_nodes_take (KxLookState *state, KolTrainer *trainer, KolTrainBatch *batch)
{
  g_clear_error (&state->no_nodes);
  if (!take_copy (state, trainer, &state->no_nodes))
    {
      g_clear_pointer (&state->nodes, kx_nodes_free);
      kol_train_batch_free (batch);
      return;
    }
  kol_train_batch_free (state->nodes->batch);
  state->nodes->batch = batch;
  state->nodes_step = kol_trainer_get_step (trainer);
}

/* ── What is changed ─────────────────────────────────────────────────────────────────────────── */

static gboolean
change_weight (KxNodes *nodes, KxNodeEdit edit, gboolean forward, GError **error)
{
  KolParameter *parameter = get_place (nodes, (guint) edit.layer)->weights;
  gsize count = parameter ? (gsize) kol_shape_count (kol_parameter_get_shape (parameter)) : 0;

  if (edit.index >= count)
    return TRUE;
  g_autofree float *numbers = g_new (float, count);
  if (!kol_parameter_read (parameter, numbers, error))
    return FALSE;
  KxNodeEdit before = { edit.layer, edit.index, numbers[edit.index] };
  if (forward)
    g_array_append_val (nodes->undo, before);
  numbers[edit.index] = (float) edit.value;
  return kol_parameter_write (parameter, numbers, error);
}

/* Sets the example and the weights as they are, but for what is changed. */
static gboolean
prepare (KxNodes *nodes, const KxLookQuestion *question, KxLook *look, GError **error)
{
  const KolTrainBatch *batch = nodes->batch;
  gsize n = 0;
  const KxNodeEdit *edits = question->edits ? g_bytes_get_data (question->edits, &n) : NULL;

  n /= sizeof *edits;
  look->example = MIN (question->example, batch->count - 1);
  look->n_inputs = batch->size;
  look->inputs = g_memdup2 (batch->examples + look->example * batch->size,
                            batch->size * sizeof *look->inputs);
  for (guint i = nodes->undo->len; i-- > 0;)
    if (!change_weight (nodes, g_array_index (nodes->undo, KxNodeEdit, i), FALSE, error))
      return FALSE;
  g_array_set_size (nodes->undo, 0);
  for (gsize i = 0; i < n; i++)
    if (edits[i].layer == KX_NODE_INPUTS && edits[i].index < batch->size)
      look->inputs[edits[i].index] = (float) edits[i].value;
    else if (edits[i].layer >= 0 && !change_weight (nodes, edits[i], TRUE, error))
      return FALSE;
  kol_set (nodes->values.x, look->inputs);
  kol_set (nodes->values.y, batch->targets + look->example * batch->n_targets);
  return TRUE;
}

/* ── Running ─────────────────────────────────────────────────────────────────────────────────── */

/* Forward and backward: all layers and E. */
static gboolean
run_example (KxNodes *nodes, GError **error)
{
  g_autoptr (GPtrArray) targets = g_ptr_array_new ();

  for (guint i = 0; i < nodes->places->len; i++)
    {
      const Place *place = get_place (nodes, i);

      g_ptr_array_add (targets, place->value);
      g_ptr_array_add (targets, place->gradient);
      if (place->weights_gradient)
        g_ptr_array_add (targets, place->weights_gradient);
      if (place->bias_gradient)
        g_ptr_array_add (targets, place->bias_gradient);
    }
  g_ptr_array_add (targets, nodes->values.output);
  g_ptr_array_add (targets, nodes->values.loss);
  if (!kol_run_all (nodes->graph, (KolValue *const *) targets->pdata, targets->len, error))
    return FALSE;
  for (guint i = 0; i < nodes->places->len; i++)
    {
      Place *place = get_place (nodes, i);
      gsize count;

      g_clear_pointer (&place->derivatives, g_free);
      g_free (place->numbers);
      place->numbers = kx_look_read_value (place->value, &count, error);
      if (!place->numbers)
        return FALSE;
      place->derivatives = kx_look_read_value (place->gradient, &count, error);
      if (!place->derivatives)
        return FALSE;
    }
  return TRUE;
}

static void
set_node (KolValue *placeholder, gsize node)
{
  g_autofree float *numbers = g_new0 (float, count_of (placeholder));

  numbers[node] = 1;
  kol_set (placeholder, numbers);
}

/* Rows, columns and taps of all edges, at these nodes. */
static gboolean
run_edges (KxLookState *state, const gsize *chosen, GError **error)
{
  KxNodes *nodes = state->nodes;
  g_autoptr (GPtrArray) targets = g_ptr_array_new ();

  for (guint i = 0; i < nodes->places->len; i++)
    {
      const Place *place = get_place (nodes, i);
      const GArray *inputs = state->inputs->pdata[i];

      if (!place->row)
        continue;
      set_node (place->seed, chosen[i]);
      g_ptr_array_add (targets, place->row);
      if (place->taps)
        g_ptr_array_add (targets, place->taps);
      if (!place->column)
        continue;
      set_node (place->mark, chosen[g_array_index (inputs, guint, 0)]);
      g_ptr_array_add (targets, place->column);
    }
  return !targets->len
         || kol_run_all (nodes->graph, (KolValue *const *) targets->pdata, targets->len, error);
}

/* ── Which nodes ─────────────────────────────────────────────────────────────────────────────── */

static gsize
find_largest (const float *a, const float *b, gsize count)
{
  gsize best = 0;

  for (gsize i = 1; i < count; i++)
    if (fabs (a[i] * (b ? b[i] : 1)) > fabs (a[best] * (b ? b[best] : 1)))
      best = i;
  return best;
}

static gboolean
is_sum_of_layers (KxLookState *state, guint i)
{
  const GArray *inputs = state->inputs->pdata[i];

  return inputs->len > 1 && g_str_equal (state->kinds->pdata[i], "add");
}

static gboolean
depends_on (KxLookState *state, guint next, guint i)
{
  const GArray *inputs = state->inputs->pdata[next];

  for (guint k = 0; k < inputs->len; k++)
    if (g_array_index (inputs, guint, k) == i)
      return TRUE;
  return FALSE;
}

/* Whether each node comes from the same node of what its layer is computed from. */
static gboolean
follows (KxLookState *state, guint i)
{
  static const char *const mixing[] = { "matmul",
                                        "conv2d",
                                        "conv_transpose2d",
                                        "softmax",
                                        "max_pool",
                                        "average_pool",
                                        "layer_norm",
                                        "group_norm",
                                        "instance_norm",
                                        "local_response_norm",
                                        NULL };
  const Place *place = get_place (state->nodes, i);

  return is_sum_of_layers (state, i)
         || (place->input && place->input != state->nodes->values.x
             && count_of (place->input) == count_of (place->value)
             && !g_strv_contains (mixing, state->kinds->pdata[i]));
}

/* The layer that is computed from this one; one that follows it node by node first. */
static int
find_next (KxLookState *state, guint i)
{
  int found = -1;

  for (guint k = state->nodes->places->len; k-- > i + 1;)
    if (depends_on (state, k, i) && (follows (state, k) || get_place (state->nodes, k)->row)
        && (found < 0 || !follows (state, (guint) found)))
      found = (int) k;
  return found;
}

/* The first of the layers that follow each other node by node. */
static guint
find_group (KxLookState *state, guint i)
{
  guint first = i;

  for (guint k = 0; follows (state, i) && k < i; k++)
    if (depends_on (state, i, k))
      first = MIN (first, find_group (state, k));
  return first;
}

/* What is asked for; what follows a layer of which a node is asked for shows the same node. */
static gint64 *
list_wanted (KxLookState *state, const KxLookQuestion *question)
{
  guint n = state->nodes->places->len;
  gint64 *wanted = g_new (gint64, n);
  gsize size = 0;
  const gint64 *asked = question->numbers ? g_bytes_get_data (question->numbers, &size) : NULL;

  for (guint i = 0; i < n; i++)
    {
      wanted[i] = i < size / sizeof *asked ? asked[i] : KX_NODE_FREE;
      for (guint k = 0; k < i && wanted[i] == KX_NODE_FREE && follows (state, i); k++)
        if (depends_on (state, i, k))
          wanted[i] = wanted[k];
    }
  return wanted;
}

/*
 * Where nobody has chosen: of the last layer the node that E depends on most, and of each other
 * the one that matters most to the node of the layer that follows.
 */
static gboolean
choose (KxLookState *state, const KxLookQuestion *question, gsize *chosen, GError **error)
{
  KxNodes *nodes = state->nodes;
  g_autofree gint64 *wanted = list_wanted (state, question);

  for (guint i = nodes->places->len; i-- > 0;)
    {
      const Place *place = get_place (nodes, i);
      gsize count = count_of (place->value);
      int next = find_next (state, i);

      if (wanted[i] != KX_NODE_FREE)
        chosen[i] = MIN ((gsize) wanted[i], count - 1);
      else if (next < 0)
        chosen[i] = find_largest (place->derivatives, NULL, count);
      else if (follows (state, (guint) next))
        chosen[i] = MIN (chosen[next], count - 1);
      else
        {
          if (!run_edges (state, chosen, error))
            return FALSE;
          g_autofree float *row
              = kx_look_read_value (get_place (nodes, (guint) next)->row, &count, error);
          if (!row)
            return FALSE;
          chosen[i] = find_largest (row, place->numbers, count);
        }
    }
  return run_edges (state, chosen, error);
}

/* ── Telling ─────────────────────────────────────────────────────────────────────────────────── */

static double
size_of (const KxTerm *term)
{
  return term->pinned ? INFINITY : fabs (term->first * term->second);
}

static void
add_term (KxSum *sum, KxTerm term)
{
  KxTerm *terms = sum->terms;
  guint at = sum->n_terms;

  sum->count++;
  while (at > 0 && size_of (&terms[at - 1]) < size_of (&term))
    at--;
  if (at == KX_NODE_TERMS)
    {
      sum->rest += term.first * term.second;
      return;
    }
  if (sum->n_terms == KX_NODE_TERMS)
    sum->rest += terms[KX_NODE_TERMS - 1].first * terms[KX_NODE_TERMS - 1].second;
  else
    sum->n_terms++;
  memmove (terms + at + 1, terms + at, (sum->n_terms - at - 1) * sizeof *terms);
  terms[at] = term;
}

static double
total_of (const KxSum *sum)
{
  double total = sum->rest;

  for (guint i = 0; i < sum->n_terms; i++)
    total += sum->terms[i].first * sum->terms[i].second;
  return total;
}

static void
take_size (KolValue *value, gsize *size)
{
  const KolShape *shape = kol_value_get_shape (value);

  for (int axis = 0; axis < 3; axis++)
    size[axis] = axis + 1 < shape->rank ? (gsize) shape->dim[axis + 1] : 1;
}

/* Numbers of what the layer is computed from. */
static const float *
get_inputs (KxLookState *state, guint i, const float *x)
{
  const GArray *inputs = state->inputs->pdata[i];

  return inputs->len ? get_place (state->nodes, g_array_index (inputs, guint, 0))->numbers : x;
}

static gboolean
is_changed (const KxNodes *nodes, guint layer, gsize weight)
{
  for (guint i = 0; i < nodes->undo->len; i++)
    {
      const KxNodeEdit *edit = &g_array_index (nodes->undo, KxNodeEdit, i);
      if (edit->layer == (int) layer && edit->index == weight)
        return TRUE;
    }
  return FALSE;
}

static gboolean
tell_taps (KxLookState *state, guint layer, KxNodeLook *node, GError **error)
{
  const Place *place = get_place (state->nodes, layer);
  const KolShape *shape = kol_parameter_get_shape (place->weights);
  gsize count, each = (gsize) (kol_shape_count (shape) / shape->dim[0]);
  g_autofree float *taps = kx_look_read_value (place->taps, &count, error);
  g_autofree float *weights = g_new (float, count);
  gsize first = node->node / (node->size[1] * node->size[2]) * each;

  if (!taps || !kol_parameter_read (place->weights, weights, error))
    return FALSE;
  for (gsize i = 0; i < each; i++)
    add_term (&node->sum, (KxTerm){ .index = i,
                                    .first = taps[first + i],
                                    .second = weights[first + i],
                                    .pinned = is_changed (state->nodes, layer, first + i) });
  node->kernel[0] = (gsize) shape->dim[2];
  node->kernel[1] = (gsize) shape->dim[3];
  node->weight = first + node->sum.terms[0].index;
  return TRUE;
}

/* A product has a term for every input; else those that the node depends on. */
static gboolean
tell_row (KxLookState *state, guint i, const float *x, KxNodeLook *node, GError **error)
{
  const Place *place = get_place (state->nodes, i);
  const float *inputs = get_inputs (state, i, x);
  gboolean product = g_str_equal (state->kinds->pdata[i], "matmul");
  gsize count, node_count = count_of (place->value);
  g_autofree float *row = kx_look_read_value (place->row, &count, error);

  if (!row)
    return FALSE;
  for (gsize k = 0; k < count; k++)
    if (product || row[k] != 0)
      {
        gsize weight = k * node_count + node->node;
        add_term (&node->sum,
                  (KxTerm){ .index = k,
                            .first = inputs[k],
                            .second = row[k],
                            .pinned = product && is_changed (state->nodes, i, weight) });
      }
  if (product && place->weights)
    node->weight = node->sum.terms[0].index * node_count + node->node;
  return TRUE;
}

static void
tell_addends (KxLookState *state, guint i, KxNodeLook *node)
{
  const GArray *inputs = state->inputs->pdata[i];

  for (guint k = 0; k < inputs->len; k++)
    {
      const Place *input = get_place (state->nodes, g_array_index (inputs, guint, k));
      if (count_of (input->value) == count_of (get_place (state->nodes, i)->value))
        add_term (
            &node->sum,
            (KxTerm){ .index = node->node, .first = input->numbers[node->node], .second = 1 });
    }
}

/* What dE/d the node is the sum of; nothing, if the terms of one of the layers are not known. */
static gboolean
tell_back (KxLookState *state, guint i, KxNodeLook *node, GError **error)
{
  gboolean known = TRUE;

  node->last = TRUE;
  for (guint next = i + 1; next < state->nodes->places->len; next++)
    {
      const Place *place = get_place (state->nodes, next);
      gsize count;

      if (!depends_on (state, next, i))
        continue;
      node->last = FALSE;
      if (is_sum_of_layers (state, next) && node->node < count_of (place->value))
        add_term (&node->back, (KxTerm){ .index = node->node,
                                         .layer = (int) next,
                                         .first = place->derivatives[node->node],
                                         .second = 1 });
      known = known && (place->column || is_sum_of_layers (state, next));
      if (!place->column)
        continue;
      g_autofree float *column = kx_look_read_value (place->column, &count, error);
      if (!column)
        return FALSE;
      for (gsize k = 0; k < count; k++)
        if (column[k] != 0)
          add_term (&node->back, (KxTerm){ .index = k,
                                           .layer = (int) next,
                                           .first = place->derivatives[k],
                                           .second = column[k] });
    }
  if (!known)
    node->back = (KxSum){ 0 };
  return TRUE;
}

static gboolean
read_number (KolValue *value, gsize index, double *number, GError **error)
{
  gsize count;

  *number = NAN;
  if (!value || count_of (value) > MOST_NUMBERS)
    return TRUE;
  g_autofree float *numbers = kx_look_read_value (value, &count, error);
  if (numbers && index < count)
    *number = numbers[index];
  return numbers != NULL;
}

static gboolean
tell (KxLookState *state, guint i, const float *x, KxNodeLook *node, GError **error)
{
  const Place *place = get_place (state->nodes, i);
  const GArray *inputs = state->inputs->pdata[i];

  take_size (place->value, node->size);
  node->value = place->numbers[node->node];
  node->gradient = place->derivatives[node->node];
  node->group = find_group (state, i);
  node->input = inputs->len > 1 ? KX_NODE_SEVERAL
                : inputs->len   ? (int) g_array_index (inputs, guint, 0)
                                : KX_NODE_INPUTS;
  if (place->input)
    take_size (place->input, node->input_size);
  if (is_sum_of_layers (state, i))
    tell_addends (state, i, node);
  else if (place->taps ? !tell_taps (state, i, node, error)
                       : place->row && !tell_row (state, i, x, node, error))
    return FALSE;
  node->constant = node->value - total_of (&node->sum);
  node->weights = place->weights ? g_strdup (kol_parameter_get_name (place->weights)) : NULL;
  return tell_back (state, i, node, error)
         && read_number (place->weights_gradient, node->weight, &node->weight_gradient, error)
         && read_number (place->bias_gradient, node->node / (node->size[1] * node->size[2]),
                         &node->bias_gradient, error);
}

/* ── The loss ────────────────────────────────────────────────────────────────────────────────── */

/* As recipes write it, in their group [loss]; without, it goes by the data. */
KxLossKind
kx_look_find_loss (KolTrainer *trainer)
{
  static const char *const words[]
      = { "cross-entropy", "mean-squared-error", "mean-absolute-error", "binary-cross-entropy" };
  KolRecipe *recipe = kol_trainer_get_recipe (trainer);
  g_autoptr (GRegex) line
      = g_regex_new ("^\\s*\\[loss\\][^\\[]*?^\\s*kind\\s*=\\s*(\\S+)", G_REGEX_MULTILINE, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;

  if (recipe && g_regex_match (line, kol_recipe_get_text (recipe), 0, &match))
    {
      g_autofree char *word = g_match_info_fetch (match, 1);
      for (guint i = 0; i < G_N_ELEMENTS (words); i++)
        if (g_str_equal (words[i], word))
          return (KxLossKind) i;
    }
  return kol_trainer_get_validation (trainer)->classes ? KX_LOSS_CROSS_ENTROPY : KX_LOSS_SQUARED;
}

/* What is wanted of each output: 1 of the class and 0 of the others, or the numbers. */
static void
take_targets (KxLook *look, const KolTrainBatch *batch)
{
  const float *targets = batch->targets + look->example * batch->n_targets;

  look->n_outputs = batch->n_outputs;
  look->targets = g_new0 (float, batch->n_outputs);
  if (!look->classes)
    memcpy (look->targets, targets, MIN (batch->n_targets, batch->n_outputs) * sizeof *targets);
  else if ((gsize) targets[0] < batch->n_outputs)
    look->targets[(gsize) targets[0]] = 1;
}

gboolean
kx_look_at_nodes (KxLookState *state, KxLook *look, const KxLookQuestion *question, GError **error)
{
  KxNodes *nodes = state->nodes;
  gsize n_outputs;

  if (!nodes)
    return kx_look_refuse (error, state->no_nodes
                                      ? state->no_nodes->message
                                      : _ ("The nodes of this network cannot be told apart"));
  look->step = state->nodes_step;
  g_autofree gsize *chosen = g_new0 (gsize, nodes->places->len);
  if (!prepare (nodes, question, look, error) || !run_example (nodes, error))
    return FALSE;
  look->loss = kol_scalar (nodes->values.loss);
  look->outputs = kx_look_read_value (nodes->values.output, &n_outputs, error);
  if (!look->outputs || !choose (state, question, chosen, error))
    return FALSE;
  take_targets (look, nodes->batch);
  for (guint i = 0; i < nodes->places->len; i++)
    {
      KxNodeLook node = { .node = chosen[i] };
      gboolean good = tell (state, i, look->inputs, &node, error);

      g_array_append_val (look->nodes, node);
      if (!good)
        return FALSE;
    }
  return TRUE;
}
