/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * What converters work with: tensors of the network while it is built, a node's inputs,
 * attributes and outputs.
 */

#include <string.h>

#include "../graph/graph-private.h"
#include "../nn/initializers.h"
#include "onnx-build-private.h"

/* ── Slots ───────────────────────────────────────────────────────────────────────────────────── */

void
kol_onnx_slot_free (gpointer data)
{
  KolOnnxSlot *slot = data;

  g_clear_pointer (&slot->tensor, kol_onnx_tensor_unref);
  g_free (slot->name);
  g_free (slot);
}

KolOnnxSlot *
kol_onnx_find_slot (KolOnnxBuild *build, const char *name)
{
  for (KolOnnxBuild *scope = build; scope; scope = scope->outer)
    {
      KolOnnxSlot *slot = g_hash_table_lookup (scope->slots, name);

      if (slot)
        return slot;
    }
  return NULL;
}

KolOnnxSlot *
kol_onnx_add_slot (KolOnnxBuild *build, const char *name)
{
  KolOnnxSlot *slot = g_new0 (KolOnnxSlot, 1);

  slot->name = g_strdup (name);
  g_hash_table_replace (build->slots, slot->name, slot);
  return slot;
}

void
kol_onnx_slot_set_tensor (KolOnnxSlot *slot, KolOnnxTensor *tensor)
{
  slot->tensor = tensor;
  slot->type = tensor->type;
  slot->shape = tensor->shape;
}

/* A tensor's elements: a parameter, a state that is not to be trained, or a constant. */
static KolValue *
tensor_to_device (KolOnnxBuild *build, const char *name, KolOnnxTensor *tensor, gboolean trainable,
                  GError **error)
{
  g_autoptr (GBytes) bytes = kol_onnx_tensor_to_floats (tensor, error);

  if (!bytes)
    return NULL;
  if (!tensor->learnt || !kol_onnx_type_is_float (tensor->type))
    {
      /* The node that it is computed for has the name itself. */
      g_autofree char *own
          = tensor->name ? g_strdup (tensor->name) : g_strdup_printf ("%s/constant", name);

      return kol_constant_from_bytes (build->graph, own, &tensor->shape, bytes);
    }
  KolValue *value
      = trainable ? kol_parameter (build->graph, tensor->name, tensor->shape, KOL_CONSTANT (0))
                  : kol_state (build->graph, tensor->name, tensor->shape, KOL_CONSTANT (0));
  if (!kol_value_failed (value))
    kol_parameter_set_source (value->node->parameter, bytes);
  return value;
}

KolValue *
kol_onnx_tensor_to_value (KolOnnxBuild *build, const char *name, KolOnnxTensor *tensor,
                          gboolean trainable, GError **error)
{
  if (tensor->count == 0)
    {
      g_set_error_literal (error, KOL_ERROR, KOL_ERROR_SHAPE,
                           "a tensor without elements; a device holds at least one");
      return NULL;
    }
  if (tensor->count > 1 || tensor->learnt)
    return tensor_to_device (build, name, tensor, trainable, error);
  g_autoptr (GBytes) bytes = kol_onnx_tensor_to_floats (tensor, error);
  if (!bytes)
    return NULL;
  float number;
  memcpy (&number, g_bytes_get_data (bytes, NULL), sizeof number);
  KolValue *value = kol_constant (build->graph, number);
  return tensor->shape.rank > 0 ? kol_reshape (value, tensor->shape) : value;
}

/* ── What converters work with ───────────────────────────────────────────────────────────────── */

static void
add_refusal (KolOnnxBuild *build, const Onnx__NodeProto *node, const char *why)
{
  g_autofree char *title = kol_onnx_node_title (node);
  char *line = g_strdup_printf ("%s: %s", title, why);

  g_ptr_array_add (build->refusals, line);
}

void
kol_onnx_refuse (KolOnnxNode *node, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *why = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  if (!node->refused)
    add_refusal (node->build, node->proto, why);
  node->refused = TRUE;
}

gboolean
kol_onnx_has (const KolOnnxNode *node, guint input)
{
  return input < node->n_inputs && node->inputs[input];
}

static const KolShape no_shape = KOL_SCALAR;

const KolShape *
kol_onnx_shape (const KolOnnxNode *node, guint input)
{
  return kol_onnx_has (node, input) ? &node->inputs[input]->shape : &no_shape;
}

int
kol_onnx_type (const KolOnnxNode *node, guint input)
{
  return kol_onnx_has (node, input) ? node->inputs[input]->type : KOL_ONNX_TYPE (FLOAT);
}

/* Something of a failed graph: converters pass it on. */
static KolValue *
failed_value (const KolOnnxNode *node)
{
  return &node->graph->failed;
}

static KolValue *
slot_value (KolOnnxNode *node, guint input, gboolean trainable)
{
  g_autoptr (GError) error = NULL;

  if (!kol_onnx_has (node, input))
    {
      kol_onnx_refuse (node, "its input %u is missing", input);
      return failed_value (node);
    }
  KolOnnxSlot *slot = node->inputs[input];
  if (!kol_onnx_type_is_device (slot->type))
    {
      kol_onnx_refuse (node, "its input “%s” is of type %s; Kolinsky computes in float32 alone",
                       slot->name, kol_onnx_type_name (slot->type));
      return failed_value (node);
    }
  if (!slot->value)
    {
      slot->value
          = kol_onnx_tensor_to_value (node->build, slot->name, slot->tensor, trainable, &error);
      if (error)
        kol_onnx_refuse (node, "its input “%s” cannot go to a device: %s", slot->name,
                         error->message);
    }
  return slot->value ? slot->value : failed_value (node);
}

KolValue *
kol_onnx_value (KolOnnxNode *node, guint input)
{
  return slot_value (node, input, TRUE);
}

KolValue *
kol_onnx_state (KolOnnxNode *node, guint input)
{
  return slot_value (node, input, FALSE);
}

gboolean
kol_onnx_is_known (KolOnnxNode *node, guint input)
{
  g_autoptr (GError) error = NULL;

  if (!kol_onnx_has (node, input) || !node->inputs[input]->tensor)
    return FALSE;
  if (kol_onnx_tensor_decode (node->inputs[input]->tensor, &error))
    return TRUE;
  kol_onnx_refuse (node, "%s", error->message);
  return FALSE;
}

const KolOnnxTensor *
kol_onnx_tensor (KolOnnxNode *node, guint input)
{
  if (kol_onnx_is_known (node, input))
    return node->inputs[input]->tensor;
  if (!kol_onnx_has (node, input))
    kol_onnx_refuse (node, "its input %u is missing", input);
  else
    kol_onnx_refuse (node, "its input “%s” must be known before the network runs",
                     node->inputs[input]->name);
  return NULL;
}

const Onnx__AttributeProto *
kol_onnx_attribute (const KolOnnxNode *node, const char *name)
{
  for (gsize i = 0; i < node->proto->n_attribute; i++)
    if (strcmp (kol_onnx_text (node->proto->attribute[i]->name), name) == 0)
      return node->proto->attribute[i];
  return NULL;
}

gint64
kol_onnx_int (const KolOnnxNode *node, const char *name, gint64 otherwise)
{
  const Onnx__AttributeProto *attribute = kol_onnx_attribute (node, name);

  return attribute && attribute->has_i ? attribute->i : otherwise;
}

double
kol_onnx_float (const KolOnnxNode *node, const char *name, double otherwise)
{
  const Onnx__AttributeProto *attribute = kol_onnx_attribute (node, name);

  return attribute && attribute->has_f ? attribute->f : otherwise;
}

/* Text attributes are bytes without an end; those that are asked for are short words. */
const char *
kol_onnx_string (const KolOnnxNode *node, const char *name, const char *otherwise)
{
  const Onnx__AttributeProto *attribute = kol_onnx_attribute (node, name);

  if (!attribute || !attribute->s.data)
    return otherwise;
  g_autofree char *word = g_strndup ((const char *) attribute->s.data, attribute->s.len);
  if (attribute->s.len > 64 || !g_utf8_validate (word, -1, NULL))
    return "?";
  return g_intern_string (word);
}

const gint64 *
kol_onnx_ints (const KolOnnxNode *node, const char *name, guint *n)
{
  const Onnx__AttributeProto *attribute = kol_onnx_attribute (node, name);

  *n = attribute ? (guint) attribute->n_ints : 0;
  return attribute ? attribute->ints : NULL;
}

gboolean
kol_onnx_numbers (KolOnnxNode *node, const char *name, guint input, gint64 **numbers, guint *n)
{
  const Onnx__AttributeProto *attribute = kol_onnx_attribute (node, name);

  *numbers = NULL;
  *n = 0;
  if (attribute)
    {
      *n = (guint) attribute->n_ints;
      *numbers = g_memdup2 (attribute->ints, attribute->n_ints * sizeof (gint64));
      return TRUE;
    }
  if (input == 0 || !kol_onnx_has (node, input))
    return FALSE;
  const KolOnnxTensor *tensor = kol_onnx_tensor (node, input);
  if (!tensor)
    return FALSE;
  if (tensor->count > 4 * KOL_MAX_RANK)
    {
      kol_onnx_refuse (node, "its input “%s” lists %" G_GINT64_FORMAT " numbers",
                       node->inputs[input]->name, tensor->count);
      return FALSE;
    }
  *n = (guint) tensor->count;
  *numbers = g_new0 (gint64, *n + 1);
  for (guint i = 0; i < *n; i++)
    (*numbers)[i] = kol_onnx_tensor_int (tensor, i);
  return TRUE;
}

int
kol_onnx_axis (KolOnnxNode *node, gint64 axis, int rank)
{
  if (axis >= -rank && axis < rank)
    return (int) (axis < 0 ? axis + rank : axis);
  kol_onnx_refuse (node, "there is no axis %" G_GINT64_FORMAT " in %d dimensions", axis, rank);
  return -1;
}

GBytes *
kol_onnx_get_file (const KolOnnxNode *node)
{
  return node->build->onnx->file;
}

/* ── Outputs ─────────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_onnx_wants (const KolOnnxNode *node, guint output)
{
  return output < node->proto->n_output && *kol_onnx_text (node->proto->output[output]);
}

gboolean
kol_onnx_fits (KolOnnxNode *node, const KolShape *shape)
{
  gint64 count;

  if (kol_onnx_shape_count (shape, &count) && count <= MOST_ELEMENTS)
    return TRUE;
  kol_onnx_refuse (node, "a tensor of shape %s: that is none, or larger than any memory",
                   kol_shape_text (shape));
  return FALSE;
}

void
kol_onnx_set_typed (KolOnnxNode *node, guint output, KolValue *value, int type)
{
  if (!kol_onnx_wants (node, output) || node->refused)
    return;
  KolOnnxSlot *slot = kol_onnx_add_slot (node->build, node->proto->output[output]);
  slot->type = type;
  if (kol_value_failed (value) || !kol_onnx_fits (node, kol_value_get_shape (value)))
    {
      slot->missing = TRUE;
      return;
    }
  slot->shape = *kol_value_get_shape (value);
  slot->value = value;
}

void
kol_onnx_set (KolOnnxNode *node, guint output, KolValue *value)
{
  kol_onnx_set_typed (node, output, value, kol_onnx_type (node, 0));
}

void
kol_onnx_set_tensor (KolOnnxNode *node, guint output, KolOnnxTensor *tensor)
{
  if (tensor && kol_onnx_wants (node, output) && !node->refused)
    kol_onnx_slot_set_tensor (kol_onnx_add_slot (node->build, node->proto->output[output]), tensor);
  else if (tensor)
    kol_onnx_tensor_unref (tensor);
}

KolOnnxSlot *
kol_onnx_made (KolOnnxNode *node, guint output)
{
  KolOnnxSlot *slot = kol_onnx_wants (node, output)
                          ? g_hash_table_lookup (node->build->slots, node->proto->output[output])
                          : NULL;

  return slot && !slot->missing ? slot : NULL;
}

KolOnnxTensor *
kol_onnx_new_tensor (KolOnnxNode *node, int type, const KolShape *shape)
{
  g_autoptr (GError) error = NULL;
  gint64 count;

  if (shape->rank > KOL_MAX_RANK)
    kol_onnx_refuse (node, "%d dimensions; at most %d are possible", shape->rank, KOL_MAX_RANK);
  else if (!kol_onnx_shape_count (shape, &count) || count > *node->build->budget)
    kol_onnx_refuse (node, "a constant of shape %s: that is none, or too many elements",
                     kol_shape_text (shape));
  else
    {
      KolOnnxTensor *tensor = kol_onnx_tensor_new (type, shape, &error);

      *node->build->budget -= MAX (count, 16);
      if (tensor)
        return tensor;
      kol_onnx_refuse (node, "%s", error->message);
    }
  return NULL;
}

KolValue *
kol_onnx_constant (KolOnnxNode *node, KolOnnxTensor *tensor)
{
  g_autoptr (GError) error = NULL;
  KolValue *value = kol_onnx_tensor_to_value (node->build, kol_onnx_text (node->proto->output[0]),
                                              tensor, FALSE, &error);

  if (error)
    kol_onnx_refuse (node, "%s", error->message);
  return value ? value : failed_value (node);
}

KolValue *
kol_onnx_filled (KolOnnxNode *node, float number, KolShape shape)
{
  KolValue *value = kol_constant (node->graph, number);

  return shape.rank > 0 ? kol_expand (value, shape) : value;
}
