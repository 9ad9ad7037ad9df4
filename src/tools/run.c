/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../device/error-private.h"
#include "../graph/graph-private.h"
#include "../words-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define LARGEST_WHOLE 0x1p24f /* up to which whole numbers are exact in floats */

typedef struct {
  ToolOptions common;
  char **inputs; /* NAME=FILE */
  char *output;
  gboolean nodes;
} RunOptions;

static void
run_options_clear (RunOptions *options)
{
  tool_options_clear (&options->common);
  g_strfreev (options->inputs);
  g_free (options->output);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RunOptions, run_options_clear)

/* A network and what goes through it. */
/* A network in an ONNX file, or a known one with weights from a file. */
typedef struct {
  KolOnnx *onnx; /* or: */
  KolModel *model;
  KolOnnxInfo picture; /* the model's one input */
  guint n_inputs, n_outputs;
  KolNpy **arrays; /* per input */
  KolGraph *graph;
  KolValue **inputs, **outputs;
} Network;

static void
network_clear (Network *self)
{
  g_clear_pointer (&self->graph, kol_graph_free);
  for (guint i = 0; self->arrays && i < self->n_inputs; i++)
    g_clear_pointer (&self->arrays[i], kol_npy_free);
  g_free (self->arrays);
  g_free (self->inputs);
  g_free (self->outputs);
  g_clear_pointer (&self->onnx, kol_onnx_free);
  g_clear_pointer (&self->model, kol_model_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Network, network_clear)

KolOnnx *
tool_open_onnx (const char *model, GError **error)
{
  g_autoptr (KolModelEntry) entry = NULL;

  if (!g_file_test (model, G_FILE_TEST_EXISTS) && !strchr (model, '/')
      && !g_str_has_suffix (model, ".onnx") && !(entry = kol_catalogue_find (model, error)))
    return NULL;
  if (entry && !entry->path)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "%s is not installed: `kolinsky models get %s` does that", model, model);
      return NULL;
    }
  return kol_onnx_open (entry ? entry->path : model, error);
}

gboolean
tool_is_weights (const char *name)
{
  g_autoptr (KolModelEntry) entry = NULL;

  if (g_file_test (name, G_FILE_TEST_EXISTS) || strchr (name, '/'))
    return FALSE;
  entry = kol_catalogue_find (name, NULL);
  return entry && entry->path && !g_str_has_suffix (entry->path, ".onnx");
}

static gboolean
open_weights (Network *self, const char *name, GError **error)
{
  self->model = kol_model_open (name, error);
  if (!self->model)
    return FALSE;
  gint64 channels = (gint64) kol_model_get_picture (self->model)->channels;
  self->picture = (KolOnnxInfo){
    .name = "image", .type = "float", .rank = 4, .dims = { -1, channels, -1, -1 }
  };
  self->n_inputs = self->n_outputs = 1;
  return TRUE;
}

static gboolean
open_network (Network *self, const char *name, GError **error)
{
  if (tool_is_weights (name))
    return open_weights (self, name, error);
  self->onnx = tool_open_onnx (name, error);
  if (!self->onnx)
    return FALSE;
  self->n_inputs = kol_onnx_get_n_inputs (self->onnx);
  self->n_outputs = kol_onnx_get_n_outputs (self->onnx);
  return TRUE;
}

static const KolOnnxInfo *
input_info (const Network *self, guint i)
{
  return self->model ? &self->picture : kol_onnx_get_input (self->onnx, i);
}

static const char *
output_name (const Network *self, guint i)
{
  if (!self->model)
    return kol_onnx_get_output (self->onnx, i)->name;
  const char *last = kol_model_get_entry (self->model)->last;
  return last ? last : "scores";
}

static const char *
output_type (const Network *self, guint i)
{
  return self->model ? "float" : kol_onnx_get_output (self->onnx, i)->type;
}

/* ── Inputs ── */

/* "a [any, 3], b": what the network takes. Given. */
static char *
list_inputs (const Network *self)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; i < self->n_inputs; i++)
    {
      const KolOnnxInfo *info = input_info (self, i);
      g_autofree char *shape = tool_format_open_shape (info);

      g_string_append_printf (list, "%s%s %s %s", i ? ", " : "", info->name, info->type, shape);
    }
  return g_string_free (g_steal_pointer (&list), FALSE);
}

/* Which input a NAME=FILE is for, and its file; -1: none. Names may have equals signs, too. */
static int
find_input (const Network *self, const char *given, const char **file)
{
  for (guint i = 0; i < self->n_inputs; i++)
    {
      const char *name = input_info (self, i)->name;

      if (g_str_has_prefix (given, name) && given[strlen (name)] == '=')
        {
          *file = given + strlen (name) + 1;
          return (int) i;
        }
    }
  return -1;
}

static gboolean
unknown_input (const Network *self, const char *given, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *takes = list_inputs (self);
  g_autofree char *name = g_strndup (given, strcspn (given, "="));

  for (guint i = 0; i < self->n_inputs; i++)
    g_ptr_array_add (names, (gpointer) input_info (self, i)->name);
  g_ptr_array_add (names, NULL);
  if (!strchr (given, '='))
    return kol_refuse (error,
                       "--input takes NAME=FILE.npy, and \"%s\" has no name. The network takes: %s",
                       given, *takes ? takes : "nothing");
  const char *meant = kol_nearest_word (name, (const char *const *) names->pdata);
  return kol_refuse (error, "The network has no input \"%s\"%s%s%s. It takes: %s", name,
                     meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "",
                     *takes ? takes : "nothing");
}

static gboolean
load_inputs (Network *self, char **given, GError **error)
{
  for (; given && *given; given++)
    {
      const char *file = NULL;
      int i = find_input (self, *given, &file);

      if (i < 0)
        return unknown_input (self, *given, error);
      if (self->arrays[i])
        return kol_refuse (error, "The input \"%s\" is given twice",
                           input_info (self, (guint) i)->name);
      if (!(self->arrays[i] = kol_npy_load (file, error)))
        return FALSE;
    }
  for (guint i = 0; i < self->n_inputs; i++)
    if (!self->arrays[i])
      {
        g_autofree char *takes = list_inputs (self);
        return kol_refuse (
            error, "The input \"%s\" is missing: --input %s=FILE.npy. The network takes: %s",
            input_info (self, i)->name, input_info (self, i)->name, takes);
      }
  return TRUE;
}

/* The array's elements as floats. Given. */
static float *
floats_of (const KolNpy *array)
{
  float *values = g_new (float, array->size + 1);

  for (gsize i = 0; i < array->size; i++)
    values[i] = array->bytes ? array->bytes[i] : array->values[i];
  return values;
}

static KolShape
shape_of (const KolNpy *array)
{
  KolShape shape = { .rank = (int) MIN (array->rank, KOL_MAX_RANK) };

  for (int i = 0; i < shape.rank; i++)
    shape.dim[i] = (gint64) array->dims[i];
  return shape;
}

/* Whole numbers must be some, and small enough for floats. */
static gboolean
check_whole (const KolOnnxInfo *info, const KolNpy *array, GError **error)
{
  if (g_str_equal (info->type, "float") || g_str_equal (info->type, "double") || array->bytes)
    return TRUE;
  for (gsize i = 0; i < array->size; i++)
    if (array->values[i] != floorf (array->values[i]) || fabsf (array->values[i]) >= LARGEST_WHOLE)
      return kol_refuse (
          error,
          "The input \"%s\" is of whole numbers (%s), which Kolinsky holds in floats; "
          "element %zu is %.9g, and should be a whole number below 2^24",
          info->name, info->type, i, array->values[i]);
  return TRUE;
}

/* Inputs that the network's shape depends on. */
static gboolean
fix_input (Network *self, guint i, GError **error)
{
  const KolNpy *array = self->arrays[i];
  g_autofree double *values = g_new (double, array->size + 1);

  for (gsize k = 0; k < array->size; k++)
    values[k] = array->bytes ? array->bytes[k] : array->values[k];
  return kol_onnx_fix (self->onnx, i, shape_of (array), values, error);
}

/* ── The run ── */

static gboolean
build_model (Network *self, KolShape shape, GError **error)
{
  KolModelValues values;

  if (shape.rank != 4 || shape.dim[1] != self->picture.dims[1])
    return kol_refuse (error,
                       "The input \"image\" should be [any, %d, any, any], but the array is %s",
                       (int) self->picture.dims[1], kol_shape_text (&shape));
  if (!kol_model_build (self->model, self->graph, shape, &values, error))
    return FALSE;
  self->inputs[0] = values.x;
  self->outputs[0] = values.output;
  return TRUE;
}

static gboolean
build (Network *self, GError **error)
{
  g_autofree KolShape *shapes = g_new0 (KolShape, self->n_inputs + 1);

  for (guint i = 0; i < self->n_inputs; i++)
    {
      const KolOnnxInfo *info = input_info (self, i);

      shapes[i] = shape_of (self->arrays[i]);
      if (info->fixed ? !fix_input (self, i, error) : !check_whole (info, self->arrays[i], error))
        return FALSE;
    }
  self->inputs = g_new0 (KolValue *, self->n_inputs + 1);
  self->outputs = g_new0 (KolValue *, self->n_outputs);
  if (self->model)
    return build_model (self, shapes[0], error);
  return kol_onnx_build (self->onnx, self->graph, shapes, self->inputs, self->outputs, error);
}

/* What is written: names, types and values, outputs first, each name once. */
typedef struct {
  GPtrArray *names, *types, *values;
} Wanted;

static void
wanted_clear (Wanted *self)
{
  g_clear_pointer (&self->names, g_ptr_array_unref);
  g_clear_pointer (&self->types, g_ptr_array_unref);
  g_clear_pointer (&self->values, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Wanted, wanted_clear)

static void
want (Wanted *self, const char *name, const char *type, KolValue *value)
{
  for (guint i = 0; i < self->names->len; i++)
    if (g_str_equal (self->names->pdata[i], name))
      return;
  g_ptr_array_add (self->names, (gpointer) name);
  g_ptr_array_add (self->types, (gpointer) type);
  g_ptr_array_add (self->values, value);
}

/* All that a model computes on the way to its output. */
static void
choose_nodes (const Network *network, Wanted *wanted)
{
  g_autofree guint8 *needed = kol_graph_mark_ancestors (network->outputs[0]);
  GPtrArray *nodes = network->graph->nodes;

  for (guint i = 0; i < nodes->len; i++)
    {
      KolNode *node = g_ptr_array_index (nodes, i);
      if (needed[i] && node->op->variants)
        want (wanted, kol_value_get_name (&node->outputs[0]), "float", &node->outputs[0]);
    }
}

static void
choose (const Network *network, gboolean nodes, Wanted *wanted)
{
  wanted->names = g_ptr_array_new ();
  wanted->types = g_ptr_array_new ();
  wanted->values = g_ptr_array_new ();
  for (guint i = 0; i < network->n_outputs; i++)
    want (wanted, output_name (network, i), output_type (network, i), network->outputs[i]);
  if (nodes && network->model)
    choose_nodes (network, wanted);
  for (guint i = 0; nodes && network->onnx && i < kol_onnx_get_n_tensors (network->onnx); i++)
    {
      KolValue *value;
      const char *name = kol_onnx_get_tensor (network->onnx, i, &value);

      want (wanted, name, kol_onnx_get_tensor_type (network->onnx, i), value);
    }
}

static gboolean
compute (Network *self, const Wanted *wanted, GError **error)
{
  for (guint i = 0; i < self->n_inputs; i++)
    if (self->inputs[i])
      {
        g_autofree float *values = floats_of (self->arrays[i]);
        kol_set (self->inputs[i], values);
      }
  return kol_run_all (self->graph, (KolValue **) wanted->values->pdata, wanted->values->len, error);
}

/* ── Outputs ── */

/* "conv1/out:0" -> "conv1_out_0.npy", and with a number where that is taken. Given. */
static char *
file_name (const char *name, GHashTable *taken)
{
  g_autofree char *base = g_strdup (*name ? name : "_");
  char *file;

  for (char *c = base; *c; c++)
    if (!g_ascii_isalnum (*c) && !strchr ("._-", *c))
      *c = '_';
  file = g_strconcat (base, ".npy", NULL);
  for (guint i = 2; g_hash_table_contains (taken, file); i++)
    {
      g_free (file);
      file = g_strdup_printf ("%s_%u.npy", base, i);
    }
  g_hash_table_add (taken, g_strdup (file));
  return file;
}

/* What NumPy calls a type of ONNX's. */
static const char *
numpy_type (const char *type)
{
  static const char *const types[][2]
      = { { "double", "f8" }, { "bool", "b1" },  { "int8", "i1" },  { "int16", "i2" },
          { "int32", "i4" },  { "int64", "i8" }, { "uint8", "u1" }, { "uint16", "u2" },
          { "uint32", "u4" }, { "uint64", "u8" } };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_str_equal (types[i][0], type))
      return types[i][1];
  return "f4";
}

static gboolean
write_value (const RunOptions *options, const char *name, const char *type, KolValue *value,
             GHashTable *taken, ToolJson *json, GError **error)
{
  const KolShape *shape = kol_value_get_shape (value);
  g_autofree char *file = file_name (name, taken), *text = kol_shape_to_string (shape);
  g_autofree char *path = g_build_filename (options->output, file, NULL);
  g_autofree char *shown = g_filename_display_name (path);
  g_autofree float *values = g_new (float, (gsize) kol_shape_count (shape));
  gsize dims[KOL_MAX_RANK];

  for (int i = 0; i < shape->rank; i++)
    dims[i] = (gsize) shape->dim[i];
  if (!kol_read (value, values, error)
      || !kol_npy_save_as (path, numpy_type (type), values, dims, (guint) shape->rank, error))
    return FALSE;
  tool_json_open (json, NULL, '{');
  tool_json_string (json, "name", name);
  tool_json_string (json, "type", type);
  tool_json_string (json, "file", shown);
  tool_json_open (json, "shape", '[');
  for (int i = 0; i < shape->rank; i++)
    tool_json_integer (json, NULL, (guint64) shape->dim[i]);
  tool_json_close (json);
  tool_json_close (json);
  if (!options->common.json)
    tool_say ("%s %s %s: %s", name, type, text, shown);
  return TRUE;
}

static gboolean
write_all (const RunOptions *options, const Wanted *wanted, GError **error)
{
  g_autoptr (GHashTable) taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_auto (ToolJson) json;

  tool_json_init (&json);
  if (g_mkdir_with_parents (options->output, 0777) != 0)
    {
      int code = errno;
      g_autofree char *shown = g_filename_display_name (options->output);
      g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
                   "The folder “%s” cannot be made: %s", shown, g_strerror (code));
      return FALSE;
    }
  tool_json_open (&json, NULL, '[');
  for (guint i = 0; i < wanted->names->len; i++)
    if (!write_value (options, wanted->names->pdata[i], wanted->types->pdata[i],
                      wanted->values->pdata[i], taken, &json, error))
      return FALSE;
  tool_json_close (&json);
  if (options->common.json)
    tool_json_print (&json);
  return TRUE;
}

static gboolean
run_network (const RunOptions *options, const char *model, GError **error)
{
  g_auto (Network) network = { 0 };
  g_auto (Wanted) wanted = { 0 };

  if (!open_network (&network, model, error))
    return FALSE;
  network.arrays = g_new0 (KolNpy *, network.n_inputs + 1);
  if (!load_inputs (&network, options->inputs, error))
    return FALSE;
  g_autoptr (KolDevice) device = tool_open_device (&options->common, error);
  if (!device)
    return FALSE;
  network.graph = kol_graph_new (device);
  if (!build (&network, error))
    return FALSE;
  choose (&network, options->nodes, &wanted);
  return compute (&network, &wanted, error) && write_all (options, &wanted, error)
         && tool_save_profile (&options->common, device, error);
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (RunOptions) options = { 0 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "input", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &options.inputs, "The values of an input",
      "NAME=FILE.npy" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
      "The folder that gets the results (.)", "FOLDER" },
    { "nodes", 0, 0, G_OPTION_ARG_NONE, &options.nodes, "Write what is inside the network, too",
      NULL },
    { NULL },
  };

  if (!tool_parse (&tool_run, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE,
                   &options.common, 1, &argc, &argv))
    return TOOL_USAGE;
  if (!options.output)
    options.output = g_strdup (".");
  return run_network (&options, argv[1], &error) ? TOOL_OK : tool_fail (error);
}

const ToolCommand tool_run = {
  .name = "run",
  .parameters = "MODEL",
  .summary = "Compute what a network gives for NumPy's arrays",
  .description
  = "MODEL is an ONNX file, or the name of an installed network. Each result is written as\n"
    "NAME.npy, in the type that the network gives it: float32, int64, bool; characters in NAME\n"
    "other than letters, digits, \".\", \"_\" and \"-\" become \"_\". `kolinsky info MODEL` tells "
    "the inputs' names and shapes. What is installed\n"
    "as weights alone takes \"image\", pictures that are prepared already, of any size.",
  .run = run_command,
};
