/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Networks out of ONNX files: what is in the file, and the walk over its nodes that
 * builds a graph. Operators are those of <https://onnx.ai/onnx/operators/>.
 */

#include <string.h>

#include "../graph/graph-private.h"
#include "../nn/initializers.h"
#include "onnx-private.h"

#define MOST_ON_HOST 65536             /* elements that a node computes with on the host */
#define MOST_LEARNT 16                 /* the same, of a weight: what is larger stays a parameter */
#define HOST_BUDGET ((gint64) 1 << 25) /* elements that a network may make there: 256 MiB */
#define MOST_ELEMENTS (G_GINT64_CONSTANT (1) << 31) /* of a tensor: products of two fit 64 bits */
#define DEEPEST_SCOPE 8

struct _KolOnnx {
  char *path;
  GBytes *file;
  Onnx__ModelProto *model;
  gint64 opset;
  char *producer;
  GArray *inputs, *outputs;  /* KolOnnxInfo */
  GPtrArray *input_names;    /* lent: those of the inputs */
  GHashTable *initializers;  /* name -> KolOnnxTensor */
  KolOnnxTensor **fixed;     /* per input, or NULL */
  GPtrArray *names, *values; /* of the latest build: names, lent by the model, and KolValue */
};

struct _KolOnnxBuild {
  KolOnnx *onnx;
  KolGraph *graph;
  GHashTable *slots;   /* name -> KolOnnxSlot, of this scope */
  KolOnnxBuild *outer; /* the scope around it, or NULL */
  guint depth;
  GPtrArray *refusals; /* sentences */
  gint64 *budget;      /* elements that may still be made on the host */
};

/* ── What is in the file ─────────────────────────────────────────────────────────────────────── */

static const char *
text (const char *given)
{
  return given ? given : "";
}

static gboolean
is_standard (const char *domain)
{
  return !*text (domain) || strcmp (domain, "ai.onnx") == 0;
}

/* What the file says of an input or output. */
static gboolean
read_info (KolOnnx *self, const Onnx__ValueInfoProto *proto, KolOnnxInfo *info, GError **error)
{
  const Onnx__TypeProto__Tensor *tensor
      = proto->type && proto->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
            ? proto->type->tensor_type
            : NULL;

  *info = (KolOnnxInfo){ .name = text (proto->name), .rank = -1 };
  if (!tensor)
    return kol_onnx_fail (self->path, error,
                          "has “%s”, which is no tensor but a sequence or the like; Kolinsky takes "
                          "networks of tensors",
                          info->name);
  info->type = kol_onnx_type_name (tensor->elem_type);
  if (!kol_onnx_type_is_device (tensor->elem_type))
    return kol_onnx_fail (self->path, error,
                          "has “%s” of type %s; Kolinsky computes in float32 alone", info->name,
                          info->type);
  if (!tensor->shape)
    return TRUE;
  if (tensor->shape->n_dim > KOL_MAX_RANK)
    return kol_onnx_fail (self->path, error,
                          "has “%s” of %" G_GSIZE_FORMAT " dimensions; at most %d are possible",
                          info->name, tensor->shape->n_dim, KOL_MAX_RANK);
  info->rank = (int) tensor->shape->n_dim;
  for (int i = 0; i < info->rank; i++)
    {
      const Onnx__TensorShapeProto__Dimension *dim = tensor->shape->dim[i];
      gboolean known = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;

      info->dims[i] = known && dim->dim_value >= 0 ? dim->dim_value : -1;
    }
  return TRUE;
}

static gboolean
read_initializers (KolOnnx *self, GError **error)
{
  const Onnx__GraphProto *graph = self->model->graph;

  if (graph->n_sparse_initializer > 0)
    return kol_onnx_fail (self->path, error,
                          "has sparse weights, which Kolinsky does not read; save them as others");
  for (gsize i = 0; i < graph->n_initializer; i++)
    {
      g_autoptr (GError) local = NULL;
      const char *name = text (graph->initializer[i]->name);
      KolOnnxTensor *tensor
          = kol_onnx_tensor_from_proto (graph->initializer[i], self->file, &local);

      if (!tensor)
        return kol_onnx_fail (self->path, error, "cannot be used: %s", local->message);
      tensor->name = g_strdup (name);
      tensor->learnt = TRUE;
      if (!g_hash_table_replace (self->initializers, g_strdup (name), tensor))
        return kol_onnx_fail (self->path, error, "is damaged: it has two tensors “%s”", name);
    }
  return TRUE;
}

static gboolean
read_infos (KolOnnx *self, GError **error)
{
  const Onnx__GraphProto *graph = self->model->graph;
  KolOnnxInfo info;

  for (gsize i = 0; i < graph->n_input; i++)
    {
      /* Older files list their weights among the inputs. */
      if (g_hash_table_contains (self->initializers, text (graph->input[i]->name)))
        continue;
      if (!read_info (self, graph->input[i], &info, error))
        return FALSE;
      g_array_append_val (self->inputs, info);
    }
  for (gsize i = 0; i < graph->n_output; i++)
    {
      if (!read_info (self, graph->output[i], &info, error))
        return FALSE;
      g_array_append_val (self->outputs, info);
    }
  if (self->outputs->len == 0)
    return kol_onnx_fail (self->path, error, "is a network without an output");
  self->fixed = g_new0 (KolOnnxTensor *, self->inputs->len + 1);
  return TRUE;
}

static gboolean
read_opset (KolOnnx *self, GError **error)
{
  for (gsize i = 0; i < self->model->n_opset_import; i++)
    if (is_standard (self->model->opset_import[i]->domain))
      self->opset = self->model->opset_import[i]->version;
  return TRUE;
}

/* ── What is checked at once ─────────────────────────────────────────────────────────────────── */

static const KolOnnxOp *const tables[]
    = { kol_onnx_math_ops, kol_onnx_shape_ops, kol_onnx_layer_ops, kol_onnx_recurrent_ops,
        kol_onnx_refused_ops };

static const KolOnnxOp *
find_op (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (tables); i++)
    for (const KolOnnxOp *op = tables[i]; op->name; op++)
      if (strcmp (op->name, name) == 0)
        return op;
  return NULL;
}

/* "Conv “conv1”", or by its first output where it has no name. Given. */
static char *
node_title (const Onnx__NodeProto *node)
{
  const char *name = text (node->name);

  if (!*name && node->n_output > 0)
    name = text (node->output[0]);
  return g_strdup_printf ("%s “%s”", text (node->op_type), name);
}

/* Why the node cannot be taken, or NULL. Given. */
static char *
check_node (const KolOnnx *self, const Onnx__NodeProto *node)
{
  const KolOnnxOp *op = find_op (text (node->op_type));

  if (!is_standard (node->domain))
    return g_strdup_printf ("the domain %s is none of ONNX's own", node->domain);
  if (!op)
    return g_strdup ("Kolinsky does not have it");
  if (op->why)
    return g_strdup (op->why);
  if (node->n_output == 0)
    return g_strdup ("it has no output");
  if (op->since > self->opset)
    return g_strdup_printf ("it came with version %d of the operators", op->since);
  return NULL;
}

/* The refusals as one sentence and a list. */
static gboolean
fail_refused (const KolOnnx *self, GPtrArray *refusals, GError **error)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; i < refusals->len; i++)
    g_string_append_printf (list, "\n  %s", (const char *) refusals->pdata[i]);
  return kol_onnx_fail (self->path, error,
                        "cannot be computed: %u of its nodes %s not supported:%s", refusals->len,
                        refusals->len == 1 ? "is" : "are", list->str);
}

static gboolean
check_nodes (const KolOnnx *self, GError **error)
{
  const Onnx__GraphProto *graph = self->model->graph;
  g_autoptr (GPtrArray) refusals = g_ptr_array_new_with_free_func (g_free);

  for (gsize i = 0; i < graph->n_node; i++)
    {
      g_autofree char *why = check_node (self, graph->node[i]);

      if (!why)
        continue;
      g_autofree char *title = node_title (graph->node[i]);
      g_ptr_array_add (refusals, g_strdup_printf ("%s: %s", title, why));
    }
  return refusals->len == 0 || fail_refused (self, refusals, error);
}

static gboolean
check_opset (const KolOnnx *self, GError **error)
{
  if (self->opset >= KOL_ONNX_FIRST && self->opset <= KOL_ONNX_LAST)
    return TRUE;
  for (gsize i = 0; i < self->model->graph->n_node; i++)
    if (!is_standard (self->model->graph->node[i]->domain))
      return TRUE; /* which says more of why it cannot be taken */
  /* What has never changed since may be marked with an earlier version. */
  if (self->opset >= 1 && self->opset < KOL_ONNX_FIRST)
    {
      static const char *const unchanged[]
          = { "Not", "GlobalAveragePool", "GlobalMaxPool", "Softplus", "Softsign", NULL };
      gboolean all = TRUE;

      for (gsize i = 0; i < self->model->graph->n_node; i++)
        all = all && g_strv_contains (unchanged, text (self->model->graph->node[i]->op_type));
      if (all)
        return TRUE;
    }
  return kol_onnx_fail (self->path, error,
                        "has version %" G_GINT64_FORMAT
                        " of ONNX's operators; Kolinsky reads %d to %d: export it anew",
                        self->opset, KOL_ONNX_FIRST, KOL_ONNX_LAST);
}

/*
 * Marks the inputs whose values the network's shape depends on: backwards, whatever a
 * marked tensor is computed from is marked, too.
 */
static void
mark_fixed (KolOnnx *self)
{
  const Onnx__GraphProto *graph = self->model->graph;
  g_autoptr (GHashTable) marked = g_hash_table_new (g_str_hash, g_str_equal);

  for (gsize i = graph->n_node; i-- > 0;)
    {
      const Onnx__NodeProto *node = graph->node[i];
      const KolOnnxOp *op = find_op (text (node->op_type));
      gboolean all = FALSE;

      for (gsize k = 0; k < node->n_output; k++)
        all = all || g_hash_table_contains (marked, node->output[k]);
      if (strcmp (op->name, "Shape") == 0 || strcmp (op->name, "Size") == 0)
        continue;
      for (gsize k = 0; k < node->n_input; k++)
        if (all || (k < 32 && op->fixed & 1u << k))
          g_hash_table_add (marked, node->input[k]);
    }
  for (guint i = 0; i < self->inputs->len; i++)
    {
      KolOnnxInfo *info = &g_array_index (self->inputs, KolOnnxInfo, i);

      info->fixed = g_hash_table_contains (marked, info->name);
    }
}

static KolOnnx *
onnx_new (const char *path, GBytes *file)
{
  KolOnnx *self = g_new0 (KolOnnx, 1);

  self->path = g_strdup (path);
  self->file = g_bytes_ref (file);
  self->inputs = g_array_new (FALSE, FALSE, sizeof (KolOnnxInfo));
  self->outputs = g_array_new (FALSE, FALSE, sizeof (KolOnnxInfo));
  self->initializers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                              (GDestroyNotify) kol_onnx_tensor_unref);
  self->names = g_ptr_array_new ();
  self->values = g_ptr_array_new ();
  return self;
}

/**
 * kol_onnx_open:
 * @path: the file's name
 * @error: return location
 *
 * Maps and parses a network in the ONNX format, <https://onnx.ai/onnx/repo-docs/IR.html>,
 * of versions 6 to 17 of its operators. Weights stay in the mapped file until a device
 * takes them from there. That every node's operator is known is checked before
 * anything else: the error lists all that are not.
 *
 * Errors: those of opening a file; %KOL_ERROR_DATA, if it is damaged or cannot be
 * computed.
 *
 * Returns: (transfer full) (nullable): the network
 */
KolOnnx *
kol_onnx_open (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);

  g_autoptr (GMappedFile) mapped = g_mapped_file_new (path, FALSE, error);
  if (!mapped)
    return NULL;
  g_autoptr (GBytes) file = g_mapped_file_get_bytes (mapped);
  g_autoptr (KolOnnx) self = onnx_new (path, file);
  self->model = kol_onnx_parse (file, path, error);
  if (!self->model)
    return NULL;
  self->producer = g_strstrip (g_strjoin (" ", text (self->model->producer_name),
                                          text (self->model->producer_version), NULL));
  if (!read_opset (self, error) || !check_opset (self, error) || !check_nodes (self, error)
      || !read_initializers (self, error) || !read_infos (self, error))
    return NULL;
  mark_fixed (self);
  return g_steal_pointer (&self);
}

/**
 * kol_onnx_free:
 * @onnx: (transfer full) (nullable): a network; graphs that it was built into stay
 */
void
kol_onnx_free (KolOnnx *onnx)
{
  if (!onnx)
    return;
  for (guint i = 0; onnx->fixed && i < onnx->inputs->len; i++)
    g_clear_pointer (&onnx->fixed[i], kol_onnx_tensor_unref);
  g_free (onnx->fixed);
  if (onnx->model)
    onnx__model_proto__free_unpacked (onnx->model, NULL);
  g_hash_table_unref (onnx->initializers);
  g_array_unref (onnx->inputs);
  g_array_unref (onnx->outputs);
  g_ptr_array_unref (onnx->names);
  g_ptr_array_unref (onnx->values);
  g_bytes_unref (onnx->file);
  g_free (onnx->producer);
  g_free (onnx->path);
  g_free (onnx);
}

/**
 * kol_onnx_get_opset:
 * @onnx: a network
 *
 * Returns: the version of ONNX's operators that it is written in
 */
gint64
kol_onnx_get_opset (const KolOnnx *onnx)
{
  return onnx->opset;
}

/**
 * kol_onnx_get_producer:
 * @onnx: a network
 *
 * Returns: (transfer none): the program that wrote it, and its version; may be empty
 */
const char *
kol_onnx_get_producer (const KolOnnx *onnx)
{
  return onnx->producer;
}

/**
 * kol_onnx_get_n_inputs:
 * @onnx: a network
 *
 * Returns: how many inputs it has; weights are none
 */
guint
kol_onnx_get_n_inputs (const KolOnnx *onnx)
{
  return onnx->inputs->len;
}

/**
 * kol_onnx_get_input:
 * @onnx: a network
 * @i: 0 .. number of inputs - 1
 *
 * Returns: (transfer none): what the file says of the input
 */
const KolOnnxInfo *
kol_onnx_get_input (const KolOnnx *onnx, guint i)
{
  g_return_val_if_fail (i < onnx->inputs->len, NULL);
  return &g_array_index (onnx->inputs, KolOnnxInfo, i);
}

/**
 * kol_onnx_get_n_outputs:
 * @onnx: a network
 *
 * Returns: how many outputs it has
 */
guint
kol_onnx_get_n_outputs (const KolOnnx *onnx)
{
  return onnx->outputs->len;
}

/**
 * kol_onnx_get_output:
 * @onnx: a network
 * @i: 0 .. number of outputs - 1
 *
 * Returns: (transfer none): what the file says of the output; its shape is a hint
 */
const KolOnnxInfo *
kol_onnx_get_output (const KolOnnx *onnx, guint i)
{
  g_return_val_if_fail (i < onnx->outputs->len, NULL);
  return &g_array_index (onnx->outputs, KolOnnxInfo, i);
}

/* ── Inputs ──────────────────────────────────────────────────────────────────────────────────── */

static int
type_of_input (const KolOnnx *self, guint input)
{
  const char *name = kol_onnx_get_input (self, input)->name;

  for (gsize i = 0; i < self->model->graph->n_input; i++)
    if (strcmp (text (self->model->graph->input[i]->name), name) == 0)
      return self->model->graph->input[i]->type->tensor_type->elem_type;
  return KOL_ONNX_TYPE (FLOAT);
}

/**
 * kol_onnx_fix:
 * @onnx: a network
 * @input: 0 .. number of inputs - 1
 * @shape: the shape of its value; lengths may be 0
 * @values: (nullable): its elements; %NULL takes back what was given before
 * @error: return location
 *
 * Gives an input its values before the network is built, which then holds for these
 * values alone: kol_onnx_build() makes no placeholder for it. Inputs that shapes
 * follow from, such as the lengths that a Reshape makes, can be used in no other way;
 * #KolOnnxInfo tells which they are.
 *
 * Returns: %FALSE if there is not enough memory
 */
gboolean
kol_onnx_fix (KolOnnx *onnx, guint input, KolShape shape, const double *values, GError **error)
{
  g_return_val_if_fail (input < onnx->inputs->len, FALSE);

  g_clear_pointer (&onnx->fixed[input], kol_onnx_tensor_unref);
  if (!values)
    return TRUE;
  KolOnnxTensor *tensor = kol_onnx_tensor_new (type_of_input (onnx, input), &shape, error);
  if (!tensor)
    return FALSE;
  for (gint64 i = 0; i < tensor->count; i++)
    kol_onnx_tensor_set_float (tensor, i, values[i]);
  onnx->fixed[input] = tensor;
  return TRUE;
}

/* ── Slots ───────────────────────────────────────────────────────────────────────────────────── */

static void
slot_free (gpointer data)
{
  KolOnnxSlot *slot = data;

  g_clear_pointer (&slot->tensor, kol_onnx_tensor_unref);
  g_free (slot->name);
  g_free (slot);
}

static KolOnnxSlot *
find_slot (KolOnnxBuild *build, const char *name)
{
  for (KolOnnxBuild *scope = build; scope; scope = scope->outer)
    {
      KolOnnxSlot *slot = g_hash_table_lookup (scope->slots, name);

      if (slot)
        return slot;
    }
  return NULL;
}

static KolOnnxSlot *
add_slot (KolOnnxBuild *build, const char *name)
{
  KolOnnxSlot *slot = g_new0 (KolOnnxSlot, 1);

  slot->name = g_strdup (name);
  g_hash_table_replace (build->slots, slot->name, slot);
  return slot;
}

static void
slot_set_tensor (KolOnnxSlot *slot, KolOnnxTensor *tensor)
{
  slot->tensor = tensor;
  slot->type = tensor->type;
  slot->shape = tensor->shape;
}

/* A name that the same numbers always have, and others never. Given. */
static char *
name_of_computed (const char *name, GBytes *bytes)
{
  g_autofree char *sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);

  return g_strdup_printf ("%s#%.12s", name, sum);
}

/* A tensor as a parameter, or a state that is not to be trained, of the graph's set. */
static KolValue *
tensor_to_parameter (KolOnnxBuild *build, const char *name, KolOnnxTensor *tensor,
                     gboolean trainable, GError **error)
{
  g_autoptr (GBytes) bytes = kol_onnx_tensor_to_floats (tensor, error);

  if (!bytes)
    return NULL;
  g_autofree char *own = tensor->name ? g_strdup (tensor->name) : name_of_computed (name, bytes);
  KolValue *value = trainable ? kol_parameter (build->graph, own, tensor->shape, KOL_CONSTANT (0))
                              : kol_state (build->graph, own, tensor->shape, KOL_CONSTANT (0));
  if (!kol_value_failed (value))
    kol_parameter_set_source (value->node->parameter, bytes);
  return value;
}

static KolValue *
tensor_to_value (KolOnnxBuild *build, const char *name, KolOnnxTensor *tensor, gboolean trainable,
                 GError **error)
{
  if (tensor->count == 0)
    {
      g_set_error_literal (error, KOL_ERROR, KOL_ERROR_SHAPE,
                           "a tensor without elements; a device holds at least one");
      return NULL;
    }
  if (tensor->count > 1 || tensor->learnt)
    return tensor_to_parameter (
        build, name, tensor, trainable && tensor->learnt && kol_onnx_type_is_float (tensor->type),
        error);
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
  g_autofree char *title = node_title (node);
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
      slot->value = tensor_to_value (node->build, slot->name, slot->tensor, trainable, &error);
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
    if (strcmp (text (node->proto->attribute[i]->name), name) == 0)
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
  return output < node->proto->n_output && *text (node->proto->output[output]);
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
  KolOnnxSlot *slot = add_slot (node->build, node->proto->output[output]);
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
    slot_set_tensor (add_slot (node->build, node->proto->output[output]), tensor);
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
  KolValue *value
      = tensor_to_value (node->build, text (node->proto->output[0]), tensor, FALSE, &error);

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

/* ── The walk ────────────────────────────────────────────────────────────────────────────────── */

/* Finds the inputs; FALSE if one is missing because its own node was refused. */
static gboolean
find_inputs (KolOnnxNode *node)
{
  const Onnx__NodeProto *proto = node->proto;
  gboolean there = TRUE;

  for (guint i = 0; i < node->n_inputs; i++)
    {
      const char *name = text (proto->input[i]);

      if (!*name)
        continue;
      node->inputs[i] = find_slot (node->build, name);
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
    if (*text (node->proto->output[i])
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
      const char *name = text (node->proto->output[i]);
      KolOnnxSlot *slot = g_hash_table_lookup (build->slots, name);

      if (!*name)
        continue;
      if (!slot)
        {
          if (!node->refused)
            kol_onnx_refuse (node, "its output “%s” is not supported", name);
          slot = add_slot (build, name);
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
                       .op = find_op (text (proto->op_type)),
                       .graph = build->graph,
                       .opset = build->onnx->opset,
                       .n_inputs = (guint) proto->n_input,
                       .n_outputs = (guint) proto->n_output,
                       .inputs = inputs };
  g_autofree char *why = check_node (build->onnx, proto);
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
      slot_set_tensor (add_slot (inner, text (graph->initializer[i]->name)), tensor);
    }
  build_nodes (inner, graph);
  for (guint i = 0; i < node->n_outputs && i < graph->n_output; i++)
    {
      KolOnnxSlot *slot = find_slot (inner, text (graph->output[i]->name));

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
  inner.slots = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, slot_free);
  build_scope (node, &inner, graph);
  g_hash_table_unref (inner.slots);
}

/* ── A graph ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
check_shape (const KolOnnx *self, const KolOnnxInfo *info, const KolShape *shape, GError **error)
{
  gboolean fits = info->rank < 0 || info->rank == shape->rank;

  for (int i = 0; fits && i < info->rank; i++)
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
      if (!check_shape (self, info, shape, error))
        return FALSE;
      if (!kol_onnx_shape_count (shape, &count) || count > MOST_ELEMENTS)
        return kol_onnx_fail (self->path, error, "cannot take an input “%s” of shape %s",
                              info->name, kol_shape_text (shape));
      if (g_hash_table_contains (build->slots, info->name))
        return kol_onnx_fail (self->path, error, "is damaged: it has two inputs “%s”", info->name);
      slot = add_slot (build, info->name);
      if (self->fixed[i])
        {
          slot_set_tensor (slot, kol_onnx_tensor_ref (self->fixed[i]));
          continue;
        }
      slot->type = type_of_input (self, i);
      slot->shape = *shape;
      slot->value = inputs[i] = kol_placeholder (build->graph, info->name, *shape);
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
    slot_set_tensor (add_slot (build, name), kol_onnx_tensor_ref (tensor));
}

static gboolean
take_outputs (KolOnnxBuild *build, KolValue **outputs, GError **error)
{
  KolOnnx *self = build->onnx;

  for (guint i = 0; i < self->outputs->len; i++)
    {
      const char *name = g_array_index (self->outputs, KolOnnxInfo, i).name;
      KolOnnxSlot *slot = find_slot (build, name);
      g_autoptr (GError) local = NULL;

      if (!slot || slot->missing)
        return kol_onnx_fail (self->path, error, "is damaged: nothing makes its output “%s”", name);
      if (!kol_onnx_type_is_device (slot->type))
        return kol_onnx_fail (self->path, error,
                              "has the output “%s” of type %s; Kolinsky computes in float32 alone",
                              name, kol_onnx_type_name (slot->type));
      if (!slot->value)
        slot->value = tensor_to_value (build, name, slot->tensor, TRUE, &local);
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
      return fail_refused (self, build->refusals, error);
    }
  if (!take_outputs (build, outputs, error))
    return FALSE;
  const GError *wrong = kol_graph_get_error (build->graph);
  return !wrong || kol_onnx_fail (self->path, error, "cannot be built: %s", wrong->message);
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

  gint64 budget = HOST_BUDGET;
  g_autoptr (GHashTable) slots = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, slot_free);
  g_autoptr (GPtrArray) refusals = g_ptr_array_new_with_free_func (g_free);
  KolOnnxBuild build
      = { .onnx = onnx, .graph = graph, .slots = slots, .refusals = refusals, .budget = &budget };

  g_ptr_array_set_size (onnx->names, 0);
  g_ptr_array_set_size (onnx->values, 0);
  return build_all (&build, shapes, inputs, outputs, error);
}

/**
 * kol_onnx_get_n_tensors:
 * @onnx: a network
 *
 * Returns: how many tensors the latest kol_onnx_build() made by nodes
 */
guint
kol_onnx_get_n_tensors (const KolOnnx *onnx)
{
  return onnx->names->len;
}

/**
 * kol_onnx_get_tensor:
 * @onnx: a network
 * @i: 0 .. number of tensors - 1
 * @value: (out) (optional) (transfer none): where it is in the graph
 *
 * What is inside the network, in the order in which it is computed.
 *
 * Returns: (transfer none): the name of a tensor
 */
const char *
kol_onnx_get_tensor (const KolOnnx *onnx, guint i, KolValue **value)
{
  g_return_val_if_fail (i < onnx->names->len, NULL);
  if (value)
    *value = onnx->values->pdata[i];
  return onnx->names->pdata[i];
}
