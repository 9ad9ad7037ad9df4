/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "graph-private.h"

#include "registry-private.h"

/* ── The catalogue of operations ────────────────────────────────────────────────────────────── */

const KolOp *
kol_op_get (guint i)
{
  for (guint list = 0; kol_op_lists[list]; list++)
    for (guint at = 0; kol_op_lists[list][at]; at++)
      if (i-- == 0)
        return kol_op_lists[list][at];
  return NULL;
}

const KolOp *
kol_op_find (const char *name)
{
  for (guint i = 0; kol_op_get (i); i++)
    if (!strcmp (kol_op_get (i)->name, name))
      return kol_op_get (i);
  return NULL;
}

/* ── Graphs ─────────────────────────────────────────────────────────────────────────────────── */

static void
node_free (gpointer data)
{
  KolNode *node = data;

  g_free (node->name);
  g_free (node->inputs);
  g_free (node->outputs);
  g_clear_pointer (&node->also, g_ptr_array_unref);
  g_free ((gpointer) node->attributes);
  g_free (node);
}

static void
feed_free (gpointer data)
{
  kol_feed_clear (data);
  g_free (data);
}

void
kol_feed_clear (KolFeed *feed)
{
  for (guint i = 0; i < KOL_FEED_SLOTS; i++)
    {
      if (feed->written[i])
        {
          clWaitForEvents (1, &feed->written[i]);
          clReleaseEvent (feed->written[i]);
          feed->written[i] = NULL;
        }
      g_clear_pointer (&feed->host[i], g_free);
    }
  g_clear_pointer (&feed->buffer, kol_buffer_unref);
}

static const KolOp op_failed = { .name = "failed" };

/**
 * kol_graph_new:
 * @device: where it is to run
 *
 * A graph over a new, empty set of parameters with seed 1.
 *
 * Returns: (transfer full): a graph
 */
KolGraph *
kol_graph_new (KolDevice *device)
{
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, 1);

  return kol_graph_new_over (parameters);
}

/**
 * kol_graph_new_over:
 * @parameters: a set, which the graph keeps a reference to
 *
 * A graph whose kol_parameter() finds the parameters of @parameters by name, and
 * adds those that are missing. Graphs of several shapes, for training, for
 * validation, for the last partial batch, share their parameters this way.
 *
 * Returns: (transfer full): a graph
 */
KolGraph *
kol_graph_new_over (KolParameters *parameters)
{
  KolGraph *self;

  g_return_val_if_fail (parameters != NULL, NULL);

  self = g_new0 (KolGraph, 1);
  self->parameters = kol_parameters_ref (parameters);
  self->nodes = g_ptr_array_new_with_free_func (node_free);
  self->names = g_hash_table_new (g_str_hash, g_str_equal);
  self->next_numbers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->parameter_values = g_hash_table_new (g_str_hash, g_str_equal);
  self->constants = g_ptr_array_new_with_free_func (kol_parameter_free);
  self->feeds = g_ptr_array_new_with_free_func (feed_free);
  self->plans = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_plan_free);
  self->folds = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->failed_node = g_new0 (KolNode, 1);
  self->failed_node->name = g_strdup ("failed");
  self->failed_node->op = &op_failed;
  self->failed_node->graph = self;
  self->failed = (KolValue){ .graph = self, .node = self->failed_node };
  return self;
}

/**
 * kol_graph_free:
 * @graph: (transfer full): a graph; its parameters stay while others hold them
 */
void
kol_graph_free (KolGraph *graph)
{
  if (!graph)
    return;
  if (graph->parameters->queue)
    kol_queue_finish (graph->parameters->queue, NULL);
  kol_graph_forget_watched (graph);
  g_ptr_array_unref (graph->plans);
  g_ptr_array_unref (graph->feeds);
  g_ptr_array_unref (graph->constants);
  g_hash_table_unref (graph->names);
  g_hash_table_unref (graph->next_numbers);
  g_clear_pointer (&graph->pinned, g_hash_table_unref);
  g_hash_table_unref (graph->folds);
  g_hash_table_unref (graph->parameter_values);
  g_ptr_array_unref (graph->nodes);
  node_free (graph->failed_node);
  g_clear_error (&graph->error);
  g_clear_object (&graph->cancellable);
  kol_parameters_unref (graph->parameters);
  g_free (graph->prefix);
  g_free (graph);
}

/**
 * kol_graph_get_parameters:
 * @graph: a graph
 *
 * Returns: (transfer none): the set it works over
 */
KolParameters *
kol_graph_get_parameters (KolGraph *graph)
{
  return graph->parameters;
}

/**
 * kol_graph_get_error:
 * @graph: a graph
 *
 * Returns: (transfer none) (nullable): the first error of its construction
 */
const GError *
kol_graph_get_error (const KolGraph *graph)
{
  return graph->error;
}

/**
 * kol_graph_set_cancellable:
 * @graph: a graph
 * @cancellable: (nullable): looked at between two launches and, while a run is prepared,
 *   between two programs that are compiled or measured; a cancelled run, or kol_prepare(),
 *   fails with %G_IO_ERROR_CANCELLED
 */
void
kol_graph_set_cancellable (KolGraph *graph, GCancellable *cancellable)
{
  g_set_object (&graph->cancellable, cancellable);
}

/**
 * kol_graph_get_step:
 * @graph: a graph
 *
 * Returns: how many runs have written parameters
 */
guint64
kol_graph_get_step (const KolGraph *graph)
{
  return graph->step;
}

/**
 * kol_graph_set_step:
 * @graph: a graph
 * @step: the count to go on from: random numbers depend on it
 */
void
kol_graph_set_step (KolGraph *graph, guint64 step)
{
  graph->step = step;
}

/**
 * kol_graph_set_first_example:
 * @graph: a graph
 * @example: from 0
 *
 * Says which place in the whole batch the placeholders' first example has, when a
 * batch is taken in parts (micro-batches): the random numbers of an example depend
 * on its place, so that the parts give what the whole would have given.
 */
void
kol_graph_set_first_example (KolGraph *graph, guint64 example)
{
  graph->example = example;
}

/**
 * kol_graph_set_memory:
 * @graph: a graph
 * @memory: how much is kept between the forward pass and the gradients
 *
 * It acts on runs from now on, whose results stay the same to the bit. What is
 * saved is known before anything is run: kol_peak_bytes(), kol_repeated_share().
 */
void
kol_graph_set_memory (KolGraph *graph, KolMemory memory)
{
  graph->memory = memory;
}

/**
 * kol_graph_get_variants:
 * @graph: a graph
 *
 * How the nodes of what has been prepared so far (kol_prepare(), kol_run()) are
 * computed. Given to kol_graph_pin_variants() of a graph that is built alike, it
 * makes that one compute the very same numbers on the same device.
 *
 * Returns: (transfer full) (element-type utf8 utf8): the variant's name for each
 *   node that has more than one
 */
GHashTable *
kol_graph_get_variants (KolGraph *graph)
{
  GHashTable *variants = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (guint i = 0; i < graph->plans->len; i++)
    {
      const KolPlan *plan = g_ptr_array_index (graph->plans, i);

      for (guint k = 0; plan->prepared && k < plan->steps->len; k++)
        {
          const KolStep *step = &g_array_index (plan->steps, KolStep, k);

          if (step->node->op->variants[1].name)
            g_hash_table_replace (variants, g_strdup (step->node->name),
                                  g_strdup (step->variant->name));
        }
    }
  return variants;
}

/**
 * kol_graph_pin_variants:
 * @graph: a graph
 * @variants: (element-type utf8 utf8): node names and variants, as
 *   kol_graph_get_variants() gave them
 *
 * Has the nodes computed as they were, rather than as is fastest by measurement.
 * It acts on what is prepared afterwards. A variant that the device does not have,
 * or that KOLINSKY_VARIANT overrides, is not an error: compare
 * kol_graph_get_variants() after kol_prepare() to know.
 */
void
kol_graph_pin_variants (KolGraph *graph, GHashTable *variants)
{
  g_clear_pointer (&graph->pinned, g_hash_table_unref);
  graph->pinned = g_hash_table_ref (variants);
}

KolValue *
kol_graph_fail (KolGraph *graph, KolError code, const char *format, ...)
{
  va_list arguments;

  if (!graph->error)
    {
      g_autofree char *message = NULL;

      va_start (arguments, format);
      message = g_strdup_vprintf (format, arguments);
      va_end (arguments);
      graph->error = g_error_new_literal (KOL_ERROR, (int) code, message);
    }
  return &graph->failed;
}

gboolean
kol_infer_fail (GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, KOL_ERROR, KOL_ERROR_SHAPE, message);
  return FALSE;
}

/* ── Nodes ──────────────────────────────────────────────────────────────────────────────────── */

/* "conv2d-17" without its end, and 17; NULL if it has none. Given. */
static char *
split_name (const char *name, guint *number)
{
  const char *dash = strrchr (name, '-');
  char *end;

  if (!dash || dash[1] < '1' || dash[1] > '9')
    return NULL;
  guint64 value = g_ascii_strtoull (dash + 1, &end, 10);
  if (*end || value > G_MAXUINT / 2)
    return NULL;
  *number = (guint) value;
  return g_strndup (name, (gsize) (dash - name));
}

/* Others may have the node's name from now on. */
static void
leave_name (KolNode *node)
{
  KolGraph *graph = node->graph;
  guint number, next;

  g_hash_table_remove (graph->names, node->name);
  g_autofree char *base = split_name (node->name, &number);
  if (!base)
    return;
  next = GPOINTER_TO_UINT (g_hash_table_lookup (graph->next_numbers, base));
  if (number < next)
    g_hash_table_insert (graph->next_numbers, g_strdup (base), GUINT_TO_POINTER (number));
}

/*
 * Gives @node the name, with "-2", "-3", ... behind it if it is taken: the first that is
 * free. Those below the next number are not, so that many nodes of one name are no more
 * work each than few.
 */
static void
take_name (KolNode *node, const char *name)
{
  KolGraph *graph = node->graph;
  char *unique = g_strdup (name);

  if (node->name)
    leave_name (node);
  if (g_hash_table_contains (graph->names, unique))
    {
      guint i = MAX (GPOINTER_TO_UINT (g_hash_table_lookup (graph->next_numbers, name)), 2);

      do
        {
          g_free (unique);
          unique = g_strdup_printf ("%s-%u", name, i++);
          graph->names_tried++;
        }
      while (g_hash_table_contains (graph->names, unique));
      g_hash_table_insert (graph->next_numbers, g_strdup (name), GUINT_TO_POINTER (i));
    }
  g_free (node->name);
  node->name = unique;
  g_hash_table_insert (graph->names, node->name, node);
}

/* The shapes of all outputs, which are shapes that tensors can have. */
static gboolean
infer (KolNode *node, GError **error)
{
  if (!node->op->infer (node, error))
    return FALSE;
  for (guint i = 0; i < node->n_outputs; i++)
    if (!kol_shape_check (&node->outputs[i].shape, error))
      return FALSE;
  return TRUE;
}

KolValue *
kol_node_new (const KolOp *op, KolValue *const *inputs, guint n_inputs, gconstpointer attributes)
{
  KolGraph *graph = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *prefixed = NULL;
  KolNode *node;

  for (guint i = 0; i < n_inputs; i++)
    if (inputs[i])
      graph = graph ? graph : inputs[i]->graph;
  g_return_val_if_fail (graph != NULL, NULL);
  for (guint i = 0; i < n_inputs; i++)
    {
      if (!inputs[i] || inputs[i] == &graph->failed)
        return kol_graph_fail (graph, KOL_ERROR_SHAPE, "%s: input %u is missing", op->name, i);
      if (inputs[i]->graph != graph)
        return kol_graph_fail (graph, KOL_ERROR_SHAPE,
                               "%s: its inputs %s and %s belong to different graphs", op->name,
                               inputs[0]->node->name, inputs[i]->node->name);
    }

  node = g_new0 (KolNode, 1);
  node->op = op;
  node->graph = graph;
  node->n_inputs = n_inputs;
  node->inputs = g_memdup2 (inputs, n_inputs * sizeof *inputs);
  node->n_outputs = MAX (op->n_outputs, 1);
  if (op->attributes)
    node->attributes
        = attributes ? g_memdup2 (attributes, op->attributes) : g_malloc0 (op->attributes);
  if (op->overwrites) /* an output per thing written, as many as there are inputs at the most */
    node->n_outputs = MAX (node->n_outputs, n_inputs + 1);
  node->outputs = g_new0 (KolValue, node->n_outputs);
  for (guint i = 0; i < node->n_outputs; i++)
    node->outputs[i] = (KolValue){ .graph = graph, .node = node, .output = i };
  prefixed = graph->prefix ? g_strdup_printf ("%s/%s", graph->prefix, op->name) : NULL;
  take_name (node, prefixed ? prefixed : op->name);

  if (!infer (node, &error))
    {
      leave_name (node);
      kol_graph_fail (graph, KOL_ERROR_SHAPE, "%s: %s", node->name, error->message);
      node_free (node);
      return &graph->failed;
    }
  node->id = graph->nodes->len;
  g_ptr_array_add (graph->nodes, node);
  return graph->substitute ? graph->substitute (&node->outputs[0], graph->substitute_data)
                           : &node->outputs[0];
}

void
kol_graph_set_prefix (KolGraph *graph, const char *prefix)
{
  g_free (graph->prefix);
  graph->prefix = g_strdup (prefix);
}

KolValue *
kol_output (KolValue *value, guint output)
{
  if (kol_value_failed (value))
    return value;
  g_return_val_if_fail (output < value->node->n_outputs, NULL);
  return &value->node->outputs[output];
}

gboolean
kol_value_failed (const KolValue *value)
{
  return !value || value == &value->graph->failed;
}

/* The value whose memory @value is: through aliases and writes in place. */
KolValue *
kol_value_root (KolValue *value)
{
  for (;;)
    {
      KolNode *node = value->node;
      int input = -1;

      if (node->op->aliases && value->output == 0)
        input = 0;
      else if (node->op->overwrites)
        input = node->op->overwrites (node, value->output);
      if (input < 0)
        return value;
      value = node->inputs[input];
    }
}

/**
 * kol_named:
 * @value: a value
 * @name: its node's new name; "-2" is put behind it if it is taken
 *
 * Names appear in errors and profiles, and key the random numbers of dropout.
 *
 * Returns: (transfer none): @value
 */
KolValue *
kol_named (KolValue *value, const char *name)
{
  g_return_val_if_fail (name && *name, value);
  if (!kol_value_failed (value) && !value->node->parameter)
    take_name (value->node, name);
  return value;
}

/**
 * kol_graph_find:
 * @graph: a graph
 * @name: a node's name, as kol_value_get_name() gives it
 *
 * How the inner layers of a network are reached that somebody else has built. What
 * is not needed by the values that are run is not computed, found or not.
 *
 * Returns: (transfer none) (nullable): the first output of the node of that name
 */
KolValue *
kol_graph_find (KolGraph *graph, const char *name)
{
  KolNode *node = g_hash_table_lookup (graph->names, name);

  return node ? &node->outputs[0] : NULL;
}

/**
 * kol_value_get_shape:
 * @value: a value
 *
 * Returns: (transfer none): its shape; that of a scalar if it has failed
 */
const KolShape *
kol_value_get_shape (const KolValue *value)
{
  return &value->shape;
}

/**
 * kol_value_get_name:
 * @value: a value
 *
 * Returns: (transfer none): its node's name
 */
const char *
kol_value_get_name (const KolValue *value)
{
  return value->node->name;
}

/**
 * kol_value_get_graph:
 * @value: a value
 *
 * Returns: (transfer none): its graph
 */
KolGraph *
kol_value_get_graph (const KolValue *value)
{
  return value->graph;
}

/* ── Where values come from: placeholders, parameters, constants ────────────────────────────── */

typedef struct {
  KolShape shape;
  float value;
} Source;

static gboolean
source_infer (KolNode *node, GError **error)
{
  const Source *source = node->attributes;

  node->outputs[0].shape = source->shape;
  return TRUE;
}

const KolOp kol_op_placeholder
    = { .name = "placeholder", .attributes = sizeof (Source), .infer = source_infer };
const KolOp kol_op_parameter
    = { .name = "parameter", .attributes = sizeof (Source), .infer = source_infer };
const KolOp kol_op_constant
    = { .name = "constant", .attributes = sizeof (Source), .infer = source_infer };

float
kol_constant_get_value (const KolNode *node)
{
  return ((const Source *) node->attributes)->value;
}

static KolValue *
source_new (KolGraph *graph, const KolOp *op, const char *name, const Source *source)
{
  KolNode *node = g_new0 (KolNode, 1);
  g_autoptr (GError) error = NULL;

  node->op = op;
  node->graph = graph;
  node->n_outputs = 1;
  node->outputs = g_new0 (KolValue, 1);
  node->outputs[0] = (KolValue){ .graph = graph, .node = node };
  node->attributes = g_memdup2 (source, sizeof *source);
  if (!infer (node, &error))
    {
      kol_graph_fail (graph, KOL_ERROR_SHAPE, "%s: %s", name, error->message);
      node_free (node);
      return &graph->failed;
    }
  take_name (node, name);
  node->id = graph->nodes->len;
  g_ptr_array_add (graph->nodes, node);
  return &node->outputs[0];
}

/**
 * kol_placeholder:
 * @graph: a graph
 * @name: its name
 * @shape: its shape
 *
 * An input, to be given values by kol_set() before each run.
 *
 * Returns: (transfer none): the value
 */
KolValue *
kol_placeholder (KolGraph *graph, const char *name, KolShape shape)
{
  KolValue *value;
  KolFeed *feed;

  g_return_val_if_fail (graph && name, NULL);
  value = source_new (graph, &kol_op_placeholder, name, &(Source){ .shape = shape });
  if (kol_value_failed (value))
    return value;
  feed = g_new0 (KolFeed, 1);
  feed->value = value;
  g_ptr_array_add (graph->feeds, feed);
  return value;
}

/**
 * kol_constant:
 * @graph: a graph
 * @value: a number
 *
 * Returns: (transfer none): a scalar of that value
 */
KolValue *
kol_constant (KolGraph *graph, float value)
{
  g_return_val_if_fail (graph != NULL, NULL);
  return source_new (graph, &kol_op_constant, "constant", &(Source){ .value = value });
}

/*
 * The same of any shape: @values, float32 in this machine's order, are not copied, but
 * taken to the device when they are first needed.
 */
KolValue *
kol_constant_from_bytes (KolGraph *graph, const char *name, const KolShape *shape, GBytes *values)
{
  KolValue *value = source_new (graph, &kol_op_constant, name, &(Source){ .shape = *shape });

  if (kol_value_failed (value))
    return value;
  value->node->parameter = kol_parameter_new_constant (graph->parameters, value->node->name, shape);
  kol_parameter_set_source (value->node->parameter, values);
  g_ptr_array_add (graph->constants, value->node->parameter);
  return value;
}

/**
 * kol_constant_tensor:
 * @graph: a graph
 * @shape: its shape
 * @values: its elements, which are copied
 *
 * Numbers that nobody learns: a mask, a matrix that resizes. They are the graph's own,
 * neither among its set's parameters nor in a checkpoint.
 *
 * Returns: (transfer none): a value of that shape
 */
KolValue *
kol_constant_tensor (KolGraph *graph, KolShape shape, const float *values)
{
  g_return_val_if_fail (graph && values, NULL);

  /* A shape that is none is said before anything is read. */
  g_autoptr (GError) error = NULL;
  if (!kol_shape_check (&shape, &error))
    return kol_graph_fail (graph, KOL_ERROR_SHAPE, "constant: %s", error->message);
  g_autoptr (GBytes) bytes
      = g_bytes_new (values, (gsize) kol_shape_count (&shape) * sizeof (float));
  return kol_constant_from_bytes (graph, "constant", &shape, bytes);
}

static KolValue *
parameter_value (KolGraph *graph, const char *name, const KolShape *shape, gboolean trainable,
                 KolInitializer initializer)
{
  KolValue *value = g_hash_table_lookup (graph->parameter_values, name);
  g_autoptr (GError) error = NULL;
  KolParameter *parameter;

  if (value && kol_shape_equal (&value->shape, shape))
    return value;
  if (!value) /* checks the shape before the set is touched */
    value = source_new (graph, &kol_op_parameter, name, &(Source){ .shape = *shape });
  if (kol_value_failed (value))
    return value;
  parameter = kol_parameters_add (graph->parameters, name, shape, trainable, initializer, &error);
  if (!parameter)
    return kol_graph_fail (graph, KOL_ERROR_SHAPE, "%s", error->message);
  value->node->parameter = parameter;
  g_hash_table_insert (graph->parameter_values, parameter->name, value);
  return value;
}

/**
 * kol_parameter:
 * @graph: a graph
 * @name: its name, unique in the graph's set of parameters
 * @shape: its shape
 * @initializer: its first values, where the set does not have it yet
 *
 * A trainable parameter: the set's one of that name, or a new one.
 *
 * Returns: (transfer none): the value
 */
KolValue *
kol_parameter (KolGraph *graph, const char *name, KolShape shape, KolInitializer initializer)
{
  g_return_val_if_fail (graph && name && initializer.fill, NULL);
  return parameter_value (graph, name, &shape, TRUE, initializer);
}

/**
 * kol_state:
 * @graph: a graph
 * @name: its name, unique in the graph's set of parameters
 * @shape: its shape
 * @initializer: its first values, where the set does not have it yet
 *
 * Like kol_parameter(), but no gradient descends on it: an optimizer's moments,
 * running statistics.
 *
 * Returns: (transfer none): the value
 */
KolValue *
kol_state (KolGraph *graph, const char *name, KolShape shape, KolInitializer initializer)
{
  g_return_val_if_fail (graph && name && initializer.fill, NULL);
  return parameter_value (graph, name, &shape, FALSE, initializer);
}
