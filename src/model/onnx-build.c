/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The walk over the nodes of an ONNX file, which builds a graph.
 */

#include <string.h>

#include "../graph/graph-private.h"
#include "onnx-build-private.h"

#define MOST_ON_HOST 65536             /* elements that a node computes with on the host */
#define MOST_LEARNT 16                 /* the same, of a weight: what is larger stays a parameter */
#define HOST_BUDGET ((gint64) 1 << 25) /* elements that a network may make there: 256 MiB */
#define DEEPEST_SCOPE 8

/* ── The walk ────────────────────────────────────────────────────────────────────────────────── */

/* Finds the inputs; FALSE if one is missing because its own node was refused. */
static gboolean
find_inputs (KolOnnxNode *node)
{
  const Onnx__NodeProto *proto = node->proto;
  gboolean there = TRUE;

  for (guint i = 0; i < node->n_inputs; i++)
    {
      const char *name = kol_onnx_text (proto->input[i]);

      if (!*name)
        continue;
      node->inputs[i] = kol_onnx_find_slot (node->build, name);
      if (!node->inputs[i])
        {
          kol_onnx_refuse (node, "its input “%s” is made by nothing before it", name);
          return FALSE;
        }
      there = there && !node->inputs[i]->missing;
    }
  return there;
}

static gboolean
check_inputs (KolOnnxNode *node)
{
  guint least = strcmp (node->op->name, "Constant") == 0 ? 0 : MAX (node->op->least, 1);

  for (guint i = 0; i < least; i++)
    if (!kol_onnx_has (node, i))
      {
        kol_onnx_refuse (node, "its input %u is missing", i);
        return FALSE;
      }
  return TRUE;
}

/* Whether all is known that the node needs, and there is little enough of it. */
static gboolean
is_on_host (KolOnnxNode *node)
{
  gint64 floats = 0;

  if (!node->op->folds)
    return FALSE;
  for (guint i = 0; i < node->n_inputs; i++)
    {
      const KolOnnxSlot *slot = node->inputs[i];

      if (slot && !slot->tensor)
        return FALSE;
      if (!slot || !kol_onnx_type_is_float (slot->type))
        continue;
      floats += slot->tensor->count;
      if (slot->tensor->learnt && slot->tensor->count > MOST_LEARNT)
        return FALSE;
    }
  if (floats > MOST_ON_HOST)
    return FALSE;
  for (guint i = 0; i < node->n_inputs; i++)
    if (node->inputs[i] && !kol_onnx_is_known (node, i))
      return FALSE;
  return TRUE;
}

/* What the device cannot do with the node's numbers. */
static gboolean
check_kind (KolOnnxNode *node)
{
  if (node->on_host || !kol_onnx_has (node, 0) || node->op->kind != KOL_ONNX_REAL
      || kol_onnx_type_is_float (node->inputs[0]->type))
    return TRUE;
  kol_onnx_refuse (node,
                   "its input “%s” holds whole numbers (%s) that are not known before the network "
                   "runs; Kolinsky computes in float32",
                   node->inputs[0]->name, kol_onnx_type_name (node->inputs[0]->type));
  return FALSE;
}

static gboolean
check_outputs (KolOnnxNode *node)
{
  for (guint i = 0; i < node->proto->n_output; i++)
    if (*kol_onnx_text (node->proto->output[i])
        && g_hash_table_contains (node->build->slots, node->proto->output[i]))
      {
        kol_onnx_refuse (node, "its output “%s” is made twice", node->proto->output[i]);
        return FALSE;
      }
  return TRUE;
}

/* What was made gets the names of the file; what was not, is missing from now on. */
static void
finish_outputs (KolOnnxNode *node, guint first)
{
  KolOnnxBuild *build = node->build;

  for (guint i = 0; i < node->proto->n_output; i++)
    {
      const char *name = kol_onnx_text (node->proto->output[i]);
      KolOnnxSlot *slot = g_hash_table_lookup (build->slots, name);

      if (!*name)
        continue;
      if (!slot)
        {
          if (!node->refused)
            kol_onnx_refuse (node, "its output “%s” is not supported", name);
          slot = kol_onnx_add_slot (build, name);
          slot->missing = TRUE;
        }
      if (!slot->value || slot->missing)
        continue;
      if (slot->value->output == 0 && slot->value->node->id >= first)
        kol_named (slot->value, name);
      if (!build->outer)
        {
          g_ptr_array_add (build->onnx->names, (gpointer) name);
          g_ptr_array_add (build->onnx->values, slot->value);
          g_array_append_val (build->onnx->types, slot->type);
        }
    }
}

/* An operation's error is one of this node, so that the others are still looked at. */
static void
take_graph_error (KolOnnxNode *node)
{
  if (node->graph->error)
    kol_onnx_refuse (node, "%s", node->graph->error->message);
  g_clear_error (&node->graph->error);
}

static void
build_node (KolOnnxBuild *build, const Onnx__NodeProto *proto)
{
  g_autofree KolOnnxSlot **inputs = g_new0 (KolOnnxSlot *, proto->n_input + 1);
  KolOnnxNode node = { .build = build,
                       .proto = proto,
                       .op = kol_onnx_find_op (kol_onnx_text (proto->op_type)),
                       .graph = build->graph,
                       .opset = build->onnx->opset,
                       .n_inputs = (guint) proto->n_input,
                       .n_outputs = (guint) proto->n_output,
                       .inputs = inputs };
  g_autofree char *why = kol_onnx_check_node (build->onnx, proto);
  guint first = build->graph->nodes->len;

  if (why)
    kol_onnx_refuse (&node, "%s", why);
  else if (!check_outputs (&node))
    return;
  else if (!find_inputs (&node))
    node.refused = TRUE; /* what was refused before it says why */
  else if (check_inputs (&node))
    {
      node.on_host = is_on_host (&node);
      kol_graph_set_prefix (build->graph, proto->n_output > 0 ? proto->output[0] : NULL);
      if (check_kind (&node))
        node.op->convert (&node);
      kol_graph_set_prefix (build->graph, NULL);
    }
  take_graph_error (&node);
  finish_outputs (&node, first);
}

static void
build_nodes (KolOnnxBuild *build, const Onnx__GraphProto *graph)
{
  for (gsize i = 0; i < graph->n_node; i++)
    build_node (build, graph->node[i]);
}

static void
build_scope (KolOnnxNode *node, KolOnnxBuild *inner, const Onnx__GraphProto *graph)
{
  for (gsize i = 0; i < graph->n_initializer; i++)
    {
      g_autoptr (GError) error = NULL;
      KolOnnxTensor *tensor
          = kol_onnx_tensor_from_proto (graph->initializer[i], inner->onnx->file, &error);

      if (!tensor)
        {
          kol_onnx_refuse (node, "%s", error->message);
          return;
        }
      kol_onnx_slot_set_tensor (
          kol_onnx_add_slot (inner, kol_onnx_text (graph->initializer[i]->name)), tensor);
    }
  build_nodes (inner, graph);
  for (guint i = 0; i < node->n_outputs && i < graph->n_output; i++)
    {
      KolOnnxSlot *slot = kol_onnx_find_slot (inner, kol_onnx_text (graph->output[i]->name));

      if (!slot || slot->missing)
        node->refused = TRUE; /* it has been said why */
      else if (slot->tensor)
        kol_onnx_set_tensor (node, i, kol_onnx_tensor_ref (slot->tensor));
      else
        kol_onnx_set_typed (node, i, slot->value, slot->type);
    }
}

void
kol_onnx_inline (KolOnnxNode *node, const Onnx__GraphProto *graph)
{
  KolOnnxBuild inner = *node->build;

  if (inner.depth >= DEEPEST_SCOPE)
    {
      kol_onnx_refuse (node, "graphs lie more than %d deep in each other", DEEPEST_SCOPE);
      return;
    }
  inner.depth++;
  inner.outer = node->build;
  inner.slots = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, kol_onnx_slot_free);
  build_scope (node, &inner, graph);
  g_hash_table_unref (inner.slots);
}

/* ── A graph ─────────────────────────────────────────────────────────────────────────────────── */

/* Upon values, pictures may be of other sizes than the file says: its nodes say what they need. */
static gboolean
check_shape (const KolOnnxBuild *build, const KolOnnxInfo *info, const KolShape *shape,
             GError **error)
{
  const KolOnnx *self = build->onnx;
  gboolean fits = info->rank < 0 || info->rank == shape->rank;
  int checked = build->given && info->rank == 4 ? 2 : info->rank;

  for (int i = 0; fits && i < checked; i++)
    fits = info->dims[i] < 0 || info->dims[i] == shape->dim[i];
  if (fits)
    return TRUE;
  g_autoptr (GString) wanted = g_string_new (NULL);
  for (int i = 0; i < info->rank; i++)
    {
      g_string_append (wanted, i ? ", " : "");
      if (info->dims[i] < 0)
        g_string_append (wanted, "any");
      else
        g_string_append_printf (wanted, "%" G_GINT64_FORMAT, info->dims[i]);
    }
  return kol_onnx_fail (self->path, error,
                        "takes an input “%s” of shape [%s]; the shape given is %s", info->name,
                        wanted->str, kol_shape_text (shape));
}

static gboolean
add_inputs (KolOnnxBuild *build, const KolShape *shapes, KolValue **inputs, GError **error)
{
  KolOnnx *self = build->onnx;

  for (guint i = 0; i < self->inputs->len; i++)
    {
      const KolOnnxInfo *info = &g_array_index (self->inputs, KolOnnxInfo, i);
      const KolShape *shape = self->fixed[i] ? &self->fixed[i]->shape : &shapes[i];
      KolOnnxSlot *slot;

      gint64 count;

      inputs[i] = NULL;
      if (!check_shape (build, info, shape, error))
        return FALSE;
      if (!kol_onnx_shape_count (shape, &count) || count > MOST_ELEMENTS)
        return kol_onnx_fail (self->path, error, "cannot take an input “%s” of shape %s",
                              info->name, kol_shape_text (shape));
      if (g_hash_table_contains (build->slots, info->name))
        return kol_onnx_fail (self->path, error, "is damaged: it has two inputs “%s”", info->name);
      slot = kol_onnx_add_slot (build, info->name);
      if (self->fixed[i])
        {
          kol_onnx_slot_set_tensor (slot, kol_onnx_tensor_ref (self->fixed[i]));
          continue;
        }
      slot->type = kol_onnx_type_of_input (self, i);
      slot->shape = *shape;
      slot->value = inputs[i]
          = build->given ? build->given[i] : kol_placeholder (build->graph, info->name, *shape);
      if (kol_value_failed (slot->value))
        return kol_onnx_fail (self->path, error, "cannot be built: %s",
                              kol_graph_get_error (build->graph)->message);
    }
  return TRUE;
}

static void
add_initializers (KolOnnxBuild *build)
{
  GHashTableIter iter;
  gpointer name, tensor;

  g_hash_table_iter_init (&iter, build->onnx->initializers);
  while (g_hash_table_iter_next (&iter, &name, &tensor))
    kol_onnx_slot_set_tensor (kol_onnx_add_slot (build, name), kol_onnx_tensor_ref (tensor));
}

static gboolean
take_outputs (KolOnnxBuild *build, KolValue **outputs, GError **error)
{
  KolOnnx *self = build->onnx;

  for (guint i = 0; i < self->outputs->len; i++)
    {
      const char *name = g_array_index (self->outputs, KolOnnxInfo, i).name;
      KolOnnxSlot *slot = kol_onnx_find_slot (build, name);
      g_autoptr (GError) local = NULL;

      if (!slot || slot->missing)
        return kol_onnx_fail (self->path, error, "is damaged: nothing makes its output “%s”", name);
      if (!kol_onnx_type_is_device (slot->type))
        return kol_onnx_fail (self->path, error,
                              "has the output “%s” of type %s; Kolinsky computes in float32 alone",
                              name, kol_onnx_type_name (slot->type));
      if (!slot->value)
        slot->value = kol_onnx_tensor_to_value (build, name, slot->tensor, TRUE, &local);
      if (local)
        return kol_onnx_fail (self->path, error, "has the output “%s”: %s", name, local->message);
      outputs[i] = slot->value;
    }
  return TRUE;
}

static gboolean
build_all (KolOnnxBuild *build, const KolShape *shapes, KolValue **inputs, KolValue **outputs,
           GError **error)
{
  KolOnnx *self = build->onnx;

  add_initializers (build);
  if (!add_inputs (build, shapes, inputs, error))
    return FALSE;
  build_nodes (build, self->model->graph);
  if (build->refusals->len > 0)
    {
      kol_graph_fail (build->graph, KOL_ERROR_DATA, "a network could not be built");
      return kol_onnx_fail_refused (self, build->refusals, error);
    }
  if (!take_outputs (build, outputs, error))
    return FALSE;
  const GError *wrong = kol_graph_get_error (build->graph);
  return !wrong || kol_onnx_fail (self->path, error, "cannot be built: %s", wrong->message);
}

/* The network upon @given, or upon placeholders where that is NULL. */
static gboolean
build_from (KolOnnx *onnx, KolGraph *graph, KolValue *const *given, const KolShape *shapes,
            KolValue **inputs, KolValue **outputs, GError **error)
{
  gint64 budget = HOST_BUDGET;
  g_autoptr (GHashTable) slots
      = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, kol_onnx_slot_free);
  g_autoptr (GPtrArray) refusals = g_ptr_array_new_with_free_func (g_free);
  KolOnnxBuild build = { .onnx = onnx,
                         .graph = graph,
                         .given = given,
                         .slots = slots,
                         .refusals = refusals,
                         .budget = &budget };

  g_ptr_array_set_size (onnx->names, 0);
  g_ptr_array_set_size (onnx->values, 0);
  g_array_set_size (onnx->types, 0);
  return build_all (&build, shapes, inputs, outputs, error);
}

/**
 * kol_onnx_build:
 * @onnx: a network
 * @graph: a graph
 * @shapes: one for each input; that of an input which kol_onnx_fix() was given for is
 *   not looked at
 * @inputs: (out caller-allocates): its placeholders, %NULL for those that are fixed
 * @outputs: (out caller-allocates): its results
 * @error: return location
 *
 * Builds the network for inputs of these shapes: placeholders with the inputs' names,
 * and nodes called as the file calls their first results. Its weights become
 * parameters of the graph's set, with the file's names, unless the set has them
 * already. They are written once, when they are first used, from the mapped file.
 *
 * All numbers are float32 on the device: whole numbers are held in floats, in which
 * they are exact up to 2^24, and so must be those of inputs. What depends on shapes
 * and constants alone is computed here.
 *
 * Fails with %KOL_ERROR_DATA and a list of all nodes that cannot be built; @graph can
 * then not be used any more.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_onnx_build (KolOnnx *onnx, KolGraph *graph, const KolShape *shapes, KolValue **inputs,
                KolValue **outputs, GError **error)
{
  g_return_val_if_fail (onnx && graph && outputs, FALSE);
  g_return_val_if_fail (onnx->inputs->len == 0 || (shapes && inputs), FALSE);

  return build_from (onnx, graph, NULL, shapes, inputs, outputs, error);
}

/**
 * kol_onnx_build_upon:
 * @onnx: a network with at least one input
 * @given: its inputs: values of one graph, where the network is built
 * @outputs: (out caller-allocates): its results
 * @error: return location
 *
 * Builds the network as kol_onnx_build() does, but upon values that are computed,
 * instead of placeholders: a part of a larger graph. Pictures [N, C, H, W] may be of
 * another size than the file says, if its nodes can do with it.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_onnx_build_upon (KolOnnx *onnx, KolValue *const *given, KolValue **outputs, GError **error)
{
  g_return_val_if_fail (onnx && given && outputs && onnx->inputs->len > 0, FALSE);
  g_autofree KolShape *shapes = g_new (KolShape, onnx->inputs->len);
  g_autofree KolValue **inputs = g_new (KolValue *, onnx->inputs->len);

  for (guint i = 0; i < onnx->inputs->len; i++)
    shapes[i] = *kol_value_get_shape (given[i]);
  return build_from (onnx, kol_value_get_graph (given[0]), given, shapes, inputs, outputs, error);
}
