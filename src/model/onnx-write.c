/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A graph as a file in the ONNX format, <https://onnx.ai>. Its placeholders become the
 * inputs, its parameters initializers, each node one or a few of ONNX's. Messages are
 * those of protobuf-c; they are written as they are packed, so that weights are in
 * memory once.
 */

#include "onnx-write-private.h"

#include <errno.h>
#include <string.h>

#include "../graph/graph-private.h"
#include "../replace-private.h"

#define BATCH "N"             /* what a number of examples that is left open is called */
#define MOST_BYTES (2u << 30) /* of a file: no reader of protobuf's messages takes more */
#define BLOCK 65536

typedef KolOnnxWriter Writer;

/* ── Messages ────────────────────────────────────────────────────────────────────────────────── */

gpointer
kol_onnx_writer_take (Writer *writer, gpointer memory)
{
  g_ptr_array_add (writer->all, memory);
  return memory;
}

static char *
copy (Writer *writer, const char *text)
{
  return kol_onnx_writer_take (writer, g_strdup (text));
}

/* A new message of the type, set to what it is without fields. */
#define NEW(writer, Type, INIT)                                                                    \
  ({                                                                                               \
    Type *message_ = kol_onnx_writer_take ((writer), g_new (Type, 1));                             \
    *message_ = (Type) INIT;                                                                       \
    message_;                                                                                      \
  })

static void
writer_init (Writer *writer)
{
  *writer = (Writer){
    .all = g_ptr_array_new_with_free_func (g_free),
    .nodes = g_ptr_array_new (),
    .initializers = g_ptr_array_new (),
    .inputs = g_ptr_array_new (),
    .outputs = g_ptr_array_new (),
    .uses = g_hash_table_new (NULL, NULL),
    .joined = g_hash_table_new (NULL, NULL),
    .known = g_hash_table_new (NULL, NULL),
    .refused = g_string_new (NULL),
  };
}

static void
writer_clear (Writer *writer)
{
  g_clear_pointer (&writer->nodes, g_ptr_array_unref);
  g_clear_pointer (&writer->initializers, g_ptr_array_unref);
  g_clear_pointer (&writer->inputs, g_ptr_array_unref);
  g_clear_pointer (&writer->outputs, g_ptr_array_unref);
  g_clear_pointer (&writer->uses, g_hash_table_unref);
  g_clear_pointer (&writer->joined, g_hash_table_unref);
  g_clear_pointer (&writer->known, g_hash_table_unref);
  g_clear_pointer (&writer->all, g_ptr_array_unref);
  g_string_free (writer->refused, TRUE);
  g_clear_error (&writer->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Writer, writer_clear)

void
kol_onnx_writer_refuse (Writer *writer, const KolNode *node, const char *why)
{
  g_string_append_printf (writer->refused, "%s%s (%s: %s)", writer->refused->len ? ", " : "",
                          node->name, node->op->name, why);
}

/* ── Nodes ───────────────────────────────────────────────────────────────────────────────────── */

const char *
kol_onnx_writer_new_name (Writer *writer, const KolNode *node)
{
  return kol_onnx_writer_take (writer,
                               g_strdup_printf ("%s/onnx:%u", node->name, writer->temporaries++));
}

const char *
kol_onnx_writer_add (Writer *writer, const KolNode *node, const char *operator,
                     const char * const * inputs, guint n_inputs, const char *output)
{
  Onnx__NodeProto *proto = NEW (writer, Onnx__NodeProto, ONNX__NODE_PROTO__INIT);

  if (!output)
    output = kol_onnx_writer_new_name (writer, node);
  proto->op_type = copy (writer, operator);
  proto->name = copy (writer, output);
  proto->n_input = n_inputs;
  proto->input = kol_onnx_writer_take (writer, g_new (char *, MAX (n_inputs, 1)));
  for (guint i = 0; i < n_inputs; i++)
    proto->input[i] = copy (writer, inputs[i] ? inputs[i] : "");
  proto->n_output = 1;
  proto->output = kol_onnx_writer_take (writer, g_new (char *, 1));
  proto->output[0] = copy (writer, output);
  g_ptr_array_add (writer->nodes, proto);
  return proto->output[0];
}

#define MOST_ATTRIBUTES 8

static Onnx__AttributeProto *
add_attribute (Writer *writer, const char *name, Onnx__AttributeProto__AttributeType type)
{
  Onnx__NodeProto *node = writer->nodes->pdata[writer->nodes->len - 1];
  Onnx__AttributeProto *attribute = NEW (writer, Onnx__AttributeProto, ONNX__ATTRIBUTE_PROTO__INIT);

  if (!node->attribute)
    node->attribute
        = kol_onnx_writer_take (writer, g_new0 (Onnx__AttributeProto *, MOST_ATTRIBUTES));
  g_assert (node->n_attribute < MOST_ATTRIBUTES);
  node->attribute[node->n_attribute++] = attribute;
  attribute->name = copy (writer, name);
  attribute->has_type = TRUE;
  attribute->type = type;
  return attribute;
}

void
kol_onnx_writer_int (Writer *writer, const char *name, gint64 value)
{
  Onnx__AttributeProto *attribute
      = add_attribute (writer, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

  attribute->has_i = TRUE;
  attribute->i = value;
}

void
kol_onnx_writer_float (Writer *writer, const char *name, double value)
{
  Onnx__AttributeProto *attribute
      = add_attribute (writer, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

  attribute->has_f = TRUE;
  attribute->f = (float) value;
}

void
kol_onnx_writer_string (Writer *writer, const char *name, const char *value)
{
  Onnx__AttributeProto *attribute
      = add_attribute (writer, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);

  attribute->has_s = TRUE;
  attribute->s.data = (guint8 *) copy (writer, value);
  attribute->s.len = strlen (value);
}

void
kol_onnx_writer_ints (Writer *writer, const char *name, const gint64 *values, guint n)
{
  Onnx__AttributeProto *attribute
      = add_attribute (writer, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

  attribute->n_ints = n;
  attribute->ints = kol_onnx_writer_take (writer, g_new (gint64, MAX (n, 1)));
  memcpy (attribute->ints, values, n * sizeof (gint64));
}

/* ── Tensors ─────────────────────────────────────────────────────────────────────────────────── */

/* Takes over @bytes, elements of the type in little-endian order. */
static void
add_tensor (Writer *writer, const char *name, int type, const gint64 *dims, int rank,
            gpointer bytes, gsize size)
{
  Onnx__TensorProto *tensor = NEW (writer, Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);

  tensor->name = copy (writer, name);
  tensor->has_data_type = TRUE;
  tensor->data_type = type;
  tensor->n_dims = (gsize) rank;
  tensor->dims = kol_onnx_writer_take (writer, g_new (gint64, MAX (rank, 1)));
  if (rank > 0)
    memcpy (tensor->dims, dims, (gsize) rank * sizeof (gint64));
  tensor->has_raw_data = TRUE;
  tensor->raw_data.data = kol_onnx_writer_take (writer, bytes);
  tensor->raw_data.len = size;
  g_ptr_array_add (writer->initializers, tensor);
}

const char *
kol_onnx_writer_constant_ints (Writer *writer, const KolNode *node, const gint64 *values, int n)
{
  const char *name = kol_onnx_writer_new_name (writer, node);
  gsize count = (gsize) (n < 0 ? 1 : n);
  gint64 *copies = g_new (gint64, MAX (count, 1));

  for (gsize i = 0; i < count; i++)
    copies[i] = GINT64_TO_LE (values[i]);
  add_tensor (writer, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, &(gint64){ n }, n < 0 ? 0 : 1,
              copies, count * sizeof (gint64));
  return name;
}

/* Numbers as they stand in files. */
static void
floats_to_le (float *values, gsize count)
{
  for (gsize i = 0; G_BYTE_ORDER == G_BIG_ENDIAN && i < count; i++)
    {
      guint32 word;

      memcpy (&word, &values[i], sizeof word);
      word = GUINT32_TO_LE (word);
      memcpy (&values[i], &word, sizeof word);
    }
}

const char *
kol_onnx_writer_constant_floats (Writer *writer, const KolNode *node, const float *values, int n)
{
  const char *name = kol_onnx_writer_new_name (writer, node);
  gsize count = (gsize) (n < 0 ? 1 : n);
  float *copies = g_memdup2 (values, count * sizeof (float));

  floats_to_le (copies, count);
  add_tensor (writer, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, &(gint64){ n }, n < 0 ? 0 : 1,
              copies, count * sizeof (float));
  return name;
}

static void
add_parameter (Writer *writer, const KolNode *node)
{
  const KolShape *shape = &node->outputs[0].shape;
  gsize count = (gsize) kol_shape_count (shape);
  float *values = g_try_new (float, count);

  if (!values)
    {
      if (!writer->error)
        g_set_error (&writer->error, KOL_ERROR, KOL_ERROR_MEMORY,
                     "There is no host memory for a copy of parameter %s", node->name);
      return;
    }
  if (!writer->error)
    kol_parameter_read (node->parameter, values, &writer->error);
  floats_to_le (values, count);
  add_tensor (writer, node->name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, shape->dim, shape->rank,
              values, count * sizeof (float));
}

/* ── What goes in and comes out ──────────────────────────────────────────────────────────────── */

const char *
kol_onnx_writer_name (Writer *writer, const KolValue *value)
{
  if (value->output == 0)
    return value->node->name;
  return kol_onnx_writer_take (writer, g_strdup_printf ("%s:%u", value->node->name, value->output));
}

/* What a length of @value that is left open is called; NULL: it is not. Given, in the writer. */
static char *
name_length (Writer *writer, const KolValue *value, int i, gboolean open)
{
  if (i == 0)
    return open ? copy (writer, BATCH) : NULL;
  if (!writer->any_size || value->shape.rank != 4 || i < 2)
    return NULL;
  return kol_onnx_writer_take (
      writer,
      g_strdup_printf ("%s_%s", kol_onnx_writer_name (writer, value), i == 2 ? "height" : "width"));
}

static Onnx__TensorShapeProto *
describe_shape (Writer *writer, const KolValue *value, gboolean open)
{
  const KolShape *shape = &value->shape;
  Onnx__TensorShapeProto *proto
      = NEW (writer, Onnx__TensorShapeProto, ONNX__TENSOR_SHAPE_PROTO__INIT);

  proto->n_dim = (gsize) shape->rank;
  proto->dim = kol_onnx_writer_take (
      writer, g_new (Onnx__TensorShapeProto__Dimension *, MAX (shape->rank, 1)));
  for (int i = 0; i < shape->rank; i++)
    {
      Onnx__TensorShapeProto__Dimension *dim = NEW (writer, Onnx__TensorShapeProto__Dimension,
                                                    ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);
      char *name = name_length (writer, value, i, open);

      dim->value_case = name ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                             : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
      if (name)
        dim->dim_param = name;
      else
        dim->dim_value = shape->dim[i];
      proto->dim[i] = dim;
    }
  return proto;
}

static void
describe (Writer *writer, GPtrArray *list, const KolValue *value, gboolean open)
{
  Onnx__ValueInfoProto *info = NEW (writer, Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);

  info->name = copy (writer, kol_onnx_writer_name (writer, value));
  info->type = NEW (writer, Onnx__TypeProto, ONNX__TYPE_PROTO__INIT);
  info->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
  info->type->tensor_type = NEW (writer, Onnx__TypeProto__Tensor, ONNX__TYPE_PROTO__TENSOR__INIT);
  info->type->tensor_type->has_elem_type = TRUE;
  info->type->tensor_type->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
  info->type->tensor_type->shape = describe_shape (writer, value, open);
  g_ptr_array_add (list, info);
}

/* ── Walking the graph ───────────────────────────────────────────────────────────────────────── */

static void
count_use (Writer *writer, const KolValue *value)
{
  guint uses = GPOINTER_TO_UINT (g_hash_table_lookup (writer->uses, value));

  g_hash_table_insert (writer->uses, (gpointer) value, GUINT_TO_POINTER (uses + 1));
}

static int
compare_ids (gconstpointer a, gconstpointer b)
{
  const KolNode *left = *(KolNode *const *) a, *right = *(KolNode *const *) b;

  return left->id < right->id ? -1 : left->id > right->id;
}

/* All nodes that the outputs need, in an order in which inputs come first. */
static GPtrArray *
collect (Writer *writer, KolValue *const *outputs, guint n_outputs)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  GPtrArray *nodes = g_ptr_array_new ();

  for (guint i = 0; i < n_outputs; i++)
    {
      count_use (writer, outputs[i]);
      if (g_hash_table_add (seen, outputs[i]->node))
        g_ptr_array_add (nodes, outputs[i]->node);
    }
  for (guint i = 0; i < nodes->len; i++)
    {
      const KolNode *node = nodes->pdata[i];

      for (guint k = 0; k < node->n_inputs; k++)
        {
          count_use (writer, node->inputs[k]);
          if (g_hash_table_add (seen, node->inputs[k]->node))
            g_ptr_array_add (nodes, node->inputs[k]->node);
        }
    }
  g_ptr_array_sort (nodes, compare_ids);
  return nodes;
}

/* Finds the sums that are written with the product that they are of. */
static void
find_joined (Writer *writer, const GPtrArray *nodes)
{
  for (guint i = 0; i < nodes->len; i++)
    {
      KolNode *node = nodes->pdata[i];

      if (kol_onnx_joins (node)
          && GPOINTER_TO_UINT (g_hash_table_lookup (writer->uses, node->inputs[0])) == 1)
        g_hash_table_insert (writer->joined, node->inputs[0]->node, node);
    }
}

static void
write_node (Writer *writer, const KolNode *node)
{
  float constant;

  if (node->parameter)
    add_parameter (writer, node);
  else if (node->op == &kol_op_constant)
    {
      constant = kol_constant_get_value (node);
      floats_to_le (&constant, 1);
      add_tensor (writer, node->name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, NULL, 0,
                  g_memdup2 (&constant, sizeof constant), sizeof constant);
    }
  else if (node->op != &kol_op_placeholder)
    kol_onnx_write_node (writer, node);
}

/* Whether the number of examples, the first length of all that goes in and comes out, can be open.
 */
static gboolean
is_open (const Writer *writer, const GPtrArray *nodes, KolValue *const *outputs, guint n_outputs)
{
  gint64 batch = outputs[0]->shape.rank ? outputs[0]->shape.dim[0] : 0;
  gboolean open = !writer->fixed_batch && batch > 0;

  for (guint i = 0; i < n_outputs; i++)
    open = open && outputs[i]->shape.rank && outputs[i]->shape.dim[0] == batch;
  for (guint i = 0; i < nodes->len; i++)
    {
      const KolNode *node = nodes->pdata[i];

      if (node->op == &kol_op_placeholder)
        open = open && node->outputs[0].shape.rank && node->outputs[0].shape.dim[0] == batch;
    }
  return open;
}

/* A reshaped bias that went into its product has nobody who uses it. */
static void
drop_unused (Writer *writer)
{
  g_autoptr (GHashTable) used = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *kept = g_ptr_array_new ();

  for (guint i = 0; i < writer->outputs->len; i++)
    g_hash_table_add (used, ((Onnx__ValueInfoProto *) writer->outputs->pdata[i])->name);
  for (guint i = writer->nodes->len; i-- > 0;)
    {
      Onnx__NodeProto *node = writer->nodes->pdata[i];

      if (!g_hash_table_contains (used, node->output[0]))
        continue;
      for (gsize k = 0; k < node->n_input; k++)
        g_hash_table_add (used, node->input[k]);
      g_ptr_array_insert (kept, 0, node);
    }
  g_ptr_array_unref (writer->nodes);
  writer->nodes = kept;
  for (guint i = writer->initializers->len; i-- > 0;)
    if (!g_hash_table_contains (used, ((Onnx__TensorProto *) writer->initializers->pdata[i])->name))
      g_ptr_array_remove_index (writer->initializers, i);
}

static void
walk (Writer *writer, KolValue *const *outputs, guint n_outputs)
{
  g_autoptr (GPtrArray) nodes = collect (writer, outputs, n_outputs);

  find_joined (writer, nodes);
  for (guint i = 0; i < nodes->len; i++)
    write_node (writer, nodes->pdata[i]);
  gboolean open = is_open (writer, nodes, outputs, n_outputs);
  for (guint i = 0; i < nodes->len; i++)
    {
      const KolNode *node = nodes->pdata[i];

      if (node->op == &kol_op_placeholder)
        describe (writer, writer->inputs, &node->outputs[0], open);
    }
  for (guint i = 0; i < n_outputs; i++)
    describe (writer, writer->outputs, outputs[i], open);
  drop_unused (writer);
}

/* ── The file ────────────────────────────────────────────────────────────────────────────────── */

static Onnx__ModelProto *
make_model (Writer *writer)
{
  Onnx__ModelProto *model = NEW (writer, Onnx__ModelProto, ONNX__MODEL_PROTO__INIT);
  Onnx__OperatorSetIdProto *set
      = NEW (writer, Onnx__OperatorSetIdProto, ONNX__OPERATOR_SET_ID_PROTO__INIT);
  Onnx__GraphProto *graph = NEW (writer, Onnx__GraphProto, ONNX__GRAPH_PROTO__INIT);

  set->domain = copy (writer, "");
  set->has_version = TRUE;
  set->version = KOL_ONNX_WRITES_OPSET;
  model->has_ir_version = TRUE;
  model->ir_version = KOL_ONNX_WRITES_IR;
  model->producer_name = copy (writer, "kolinsky");
  model->producer_version = copy (writer, KOL_VERSION);
  model->n_opset_import = 1;
  model->opset_import = kol_onnx_writer_take (writer, g_memdup2 (&set, sizeof set));
  model->graph = graph;
  graph->name = copy (writer, "network");
  graph->n_node = writer->nodes->len;
  graph->node = (Onnx__NodeProto **) writer->nodes->pdata;
  graph->n_initializer = writer->initializers->len;
  graph->initializer = (Onnx__TensorProto **) writer->initializers->pdata;
  graph->n_input = writer->inputs->len;
  graph->input = (Onnx__ValueInfoProto **) writer->inputs->pdata;
  graph->n_output = writer->outputs->len;
  graph->output = (Onnx__ValueInfoProto **) writer->outputs->pdata;
  return model;
}

/* What protobuf-c packs into: small pieces are gathered. */
typedef struct {
  ProtobufCBuffer base;
  int file;
  int code; /* errno of the first piece that was refused */
  gsize used;
  guint8 block[BLOCK];
} Sink;

static void
flush (Sink *sink)
{
  if (sink->code == 0 && !kol_replace_write (sink->file, sink->block, sink->used))
    sink->code = errno;
  sink->used = 0;
}

static void
take_piece (ProtobufCBuffer *buffer, size_t size, const uint8_t *bytes)
{
  Sink *sink = (Sink *) buffer;

  if (sink->used + size > BLOCK)
    flush (sink);
  if (size <= BLOCK)
    {
      memcpy (sink->block + sink->used, bytes, size);
      sink->used += size;
    }
  else if (sink->code == 0 && !kol_replace_write (sink->file, bytes, size))
    sink->code = errno;
}

static gboolean
write_model (int file, gpointer data)
{
  g_autofree Sink *sink = g_new0 (Sink, 1);

  sink->base.append = take_piece;
  sink->file = file;
  protobuf_c_message_pack_to_buffer (data, &sink->base);
  flush (sink);
  errno = sink->code;
  return sink->code == 0;
}

static gboolean
check (const Writer *writer, const char *path, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  if (writer->error)
    g_propagate_error (error, g_error_copy (writer->error));
  else if (writer->refused->len)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "“%s” cannot be written: ONNX has nothing for %s", shown, writer->refused->str);
  else
    return TRUE;
  return FALSE;
}

static gboolean
write_file (const Onnx__ModelProto *model, const char *path, GError **error)
{
  if (protobuf_c_message_get_packed_size (&model->base) >= MOST_BYTES)
    {
      g_autofree char *shown = g_filename_display_name (path);

      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "“%s” cannot be written: it would have more than 2 GiB, which no ONNX file may; "
                   "save the weights as .safetensors",
                   shown);
      return FALSE;
    }
  return kol_replace_file (path, write_model, (gpointer) model, error);
}

static gboolean
save (const char *path, KolValue *const *outputs, guint n_outputs, gboolean any_size,
      GError **error)
{
  const GError *wrong = kol_graph_get_error (outputs[0]->graph);
  g_auto (Writer) writer;

  writer_init (&writer);
  writer.any_size = any_size;
  if (wrong)
    {
      g_propagate_error (error, g_error_copy (wrong));
      return FALSE;
    }
  walk (&writer, outputs, n_outputs);
  if (!check (&writer, path, error))
    return FALSE;
  return write_file (make_model (&writer), path, error);
}

/**
 * kol_onnx_save:
 * @path: the file's name
 * @outputs: (array length=n_outputs): values of one graph
 * @n_outputs: how many, at least 1
 * @error: where to put what went wrong
 *
 * Writes the network that computes @outputs in the ONNX format, opset 17. The
 * placeholders that they need are its inputs, called as they are called here; so are
 * outputs, parameters and what is in between. The number of examples, the first length
 * of inputs and outputs, is left open where the network allows it. A graph that was
 * built to learn cannot be written: build it anew over the same parameters.
 *
 * Fails with %KOL_ERROR_DATA and a sentence that names all nodes for which ONNX has
 * nothing, with the graph's own error, or with errors of %G_FILE_ERROR when the disk
 * refuses; @path is then what it was before.
 *
 * Returns: whether the file is written
 */
gboolean
kol_onnx_save (const char *path, KolValue *const *outputs, guint n_outputs, GError **error)
{
  g_return_val_if_fail (path != NULL && n_outputs > 0, FALSE);
  return save (path, outputs, n_outputs, FALSE, error);
}

/**
 * kol_onnx_save_any_size:
 * @path: the file's name
 * @outputs: (array length=n_outputs): values of one graph
 * @n_outputs: how many, at least 1
 * @error: where to put what went wrong
 *
 * As kol_onnx_save(), but heights and widths of what is [N, C, H, W] among inputs and outputs are
 * left open, too. It is for networks that do the same whatever the size: of convolutions, pads,
 * normalizations and enlargements, not of products or reshapes.
 *
 * Returns: whether the file is written
 */
gboolean
kol_onnx_save_any_size (const char *path, KolValue *const *outputs, guint n_outputs, GError **error)
{
  g_return_val_if_fail (path != NULL && n_outputs > 0, FALSE);
  return save (path, outputs, n_outputs, TRUE, error);
}
