/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Networks in ONNX files: what is in the file, and whether it can be computed. Operators
 * are those of <https://onnx.ai/onnx/operators/>.
 */

#include <string.h>

#include "onnx-build-private.h"
#include "../map-private.h"

/* ── What is in the file ─────────────────────────────────────────────────────────────────────── */

static gboolean
is_standard (const char *domain)
{
  return !*kol_onnx_text (domain) || strcmp (domain, "ai.onnx") == 0;
}

/* What the file says of an input or output. */
static gboolean
read_info (KolOnnx *self, const Onnx__ValueInfoProto *proto, KolOnnxInfo *info, GError **error)
{
  const Onnx__TypeProto__Tensor *tensor
      = proto->type && proto->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
            ? proto->type->tensor_type
            : NULL;

  *info = (KolOnnxInfo){ .name = kol_onnx_text (proto->name), .rank = -1 };
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
      const char *name = kol_onnx_text (graph->initializer[i]->name);
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
      if (g_hash_table_contains (self->initializers, kol_onnx_text (graph->input[i]->name)))
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
    = { kol_onnx_constant_ops, kol_onnx_control_ops, kol_onnx_conv_ops,  kol_onnx_einsum_ops,
        kol_onnx_grid_ops,     kol_onnx_index_ops,   kol_onnx_layer_ops, kol_onnx_math_ops,
        kol_onnx_move_ops,     kol_onnx_norm_ops,    kol_onnx_pool_ops,  kol_onnx_recurrent_ops,
        kol_onnx_refused_ops,  kol_onnx_resize_ops,  kol_onnx_shape_ops, kol_onnx_signal_ops };

const KolOnnxOp *
kol_onnx_find_op (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (tables); i++)
    for (const KolOnnxOp *op = tables[i]; op->name; op++)
      if (strcmp (op->name, name) == 0)
        return op;
  return NULL;
}

char *
kol_onnx_node_title (const Onnx__NodeProto *node)
{
  const char *name = kol_onnx_text (node->name);

  if (!*name && node->n_output > 0)
    name = kol_onnx_text (node->output[0]);
  return g_strdup_printf ("%s “%s”", kol_onnx_text (node->op_type), name);
}

char *
kol_onnx_check_node (const KolOnnx *self, const Onnx__NodeProto *node)
{
  const KolOnnxOp *op = kol_onnx_find_op (kol_onnx_text (node->op_type));

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

gboolean
kol_onnx_fail_refused (const KolOnnx *self, GPtrArray *refusals, GError **error)
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
      g_autofree char *why = kol_onnx_check_node (self, graph->node[i]);

      if (!why)
        continue;
      g_autofree char *title = kol_onnx_node_title (graph->node[i]);
      g_ptr_array_add (refusals, g_strdup_printf ("%s: %s", title, why));
    }
  return refusals->len == 0 || kol_onnx_fail_refused (self, refusals, error);
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
        all = all
              && g_strv_contains (unchanged, kol_onnx_text (self->model->graph->node[i]->op_type));
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
      const KolOnnxOp *op = kol_onnx_find_op (kol_onnx_text (node->op_type));
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
  self->types = g_array_new (FALSE, FALSE, sizeof (int));
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

  g_autoptr (GMappedFile) mapped = kol_map_file (path, error);
  if (!mapped)
    return NULL;
  g_autoptr (GBytes) file = g_mapped_file_get_bytes (mapped);
  g_autoptr (KolOnnx) self = onnx_new (path, file);
  self->model = kol_onnx_parse (file, path, error);
  if (!self->model)
    return NULL;
  self->producer = g_strstrip (g_strjoin (" ", kol_onnx_text (self->model->producer_name),
                                          kol_onnx_text (self->model->producer_version), NULL));
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
  g_array_unref (onnx->types);
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

int
kol_onnx_type_of_input (const KolOnnx *self, guint input)
{
  const char *name = kol_onnx_get_input (self, input)->name;

  for (gsize i = 0; i < self->model->graph->n_input; i++)
    if (strcmp (kol_onnx_text (self->model->graph->input[i]->name), name) == 0)
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
  KolOnnxTensor *tensor = kol_onnx_tensor_new (kol_onnx_type_of_input (onnx, input), &shape, error);
  if (!tensor)
    return FALSE;
  for (gint64 i = 0; i < tensor->count; i++)
    kol_onnx_tensor_set_float (tensor, i, values[i]);
  onnx->fixed[input] = tensor;
  return TRUE;
}

/* ── What was built ─────────────────────────────────────────────────────────────────────────── */

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

/**
 * kol_onnx_get_tensor_type:
 * @onnx: a network
 * @i: 0 .. number of tensors - 1
 *
 * What is in the device's floats: whole numbers, truth values, or any number.
 *
 * Returns: (transfer none): its type, as ONNX calls it: "float", "int64", "bool"
 */
const char *
kol_onnx_get_tensor_type (const KolOnnx *onnx, guint i)
{
  g_return_val_if_fail (i < onnx->types->len, NULL);
  return kol_onnx_type_name (g_array_index (onnx->types, int, i));
}
