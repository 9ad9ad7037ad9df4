/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../train/parameters-private.h"

#include <glib/gstdio.h>

typedef struct {
  ToolOptions common;
  char *output;
  gint64 from;
} ExportOptions;

static void
export_options_clear (ExportOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->output);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ExportOptions, export_options_clear)

/* What is written: a network that was trained here, or a pretrained one. */
typedef struct {
  KolRun *run;
  KolModel *model;
  KolEvaluator *evaluator; /* of the run */
  KolGraph *own;           /* of the model */
  KolGraph *graph;         /* either */
  KolValue *output;
} Subject;

static void
subject_clear (Subject *self)
{
  g_clear_pointer (&self->own, kol_graph_free);
  g_clear_pointer (&self->evaluator, kol_evaluator_free);
  g_clear_pointer (&self->model, kol_model_free);
  g_clear_pointer (&self->run, kol_run_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Subject, subject_clear)

/* ── What there is ── */

static gboolean
find_subject (Subject *self, const char *name, GError **error)
{
  g_autofree char *folder = tool_run_folder (name);

  if (kol_run_exists (folder) || g_file_test (folder, G_FILE_TEST_IS_DIR))
    return (self->run = kol_run_read (folder, error)) != NULL;
  return (self->model = kol_model_open (name, error)) != NULL;
}

static gboolean
build_run (Subject *self, const ExportOptions *options, KolDevice *device, GError **error)
{
  self->evaluator = kol_evaluator_open (device, self->run, (guint64) options->from, error);
  if (!self->evaluator)
    return FALSE;
  self->graph = kol_evaluator_get_graph (self->evaluator);
  self->output = kol_evaluator_get_output (self->evaluator);
  return TRUE;
}

static gboolean
build_model (Subject *self, KolDevice *device, GError **error)
{
  KolShape shape = kol_model_get_shape (self->model, MAX (kol_model_get_batch (self->model), 1));
  KolModelValues values;

  self->own = self->graph = kol_graph_new (device);
  if (!kol_model_build (self->model, self->graph, shape, &values, error))
    return FALSE;
  self->output = values.output;
  return TRUE;
}

/* ── Writing ── */

static GHashTable *
make_metadata (const char *name)
{
  GHashTable *metadata = g_hash_table_new (g_str_hash, g_str_equal);

  g_hash_table_insert (metadata, "format", "pt"); /* of arrays as PyTorch has them */
  g_hash_table_insert (metadata, "producer", "kolinsky " KOL_VERSION);
  return metadata;
}

static gboolean
write_weights (const Subject *self, const char *path, GError **error)
{
  KolParameters *parameters = kol_graph_get_parameters (self->graph);
  g_autoptr (GPtrArray) arrays
      = kol_parameters_copy (parameters, 0, kol_parameters_get_count (parameters), error);
  g_autoptr (GHashTable) metadata = make_metadata (path);

  return arrays && kol_safetensors_save (path, arrays, metadata, error);
}

static gboolean
is_onnx (const char *path)
{
  return g_str_has_suffix (path, ".onnx");
}

static gboolean
write_subject (const Subject *self, const char *path, GError **error)
{
  return is_onnx (path) ? kol_onnx_save (path, &self->output, 1, error)
                        : write_weights (self, path, error);
}

/* A file of weights of which nothing else is known: its arrays as they are, in the other format. */
static GPtrArray *
read_arrays (KolWeights *weights, GError **error)
{
  g_autoptr (GPtrArray) arrays = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_array_free);

  for (guint i = 0; i < kol_weights_get_count (weights); i++)
    {
      const KolShape *shape = kol_weights_get_shape (weights, i);
      KolArray *array
          = kol_array_new (kol_weights_get_name (weights, i), (guint) shape->rank, shape->dim);

      if (!array)
        {
          g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY, "There is no memory for the array “%s”",
                       kol_weights_get_name (weights, i));
          return NULL;
        }
      g_ptr_array_add (arrays, array);
      if (!kol_weights_read (weights, i, array->data, error))
        return NULL;
    }
  return g_steal_pointer (&arrays);
}

static gboolean
convert (KolWeights *weights, const char *path, GError **error)
{
  g_autoptr (GPtrArray) arrays = read_arrays (weights, error);
  g_autoptr (GHashTable) metadata = make_metadata (path);

  return arrays && kol_safetensors_save (path, arrays, metadata, error);
}

/* ── Telling ── */

static void
say_done (const char *path, guint arrays)
{
  GStatBuf facts = { 0 };

  g_stat (path, &facts);
  g_autofree char *bytes = tool_format_bytes ((guint64) facts.st_size);
  tool_say ("Wrote %s: %u arrays, %s", path, arrays, bytes);
}

/* How the inputs are prepared is not in the file. */
static void
say_pictures (const Subject *self)
{
  const KolPreprocess *picture
      = self->model ? kol_model_get_picture (self->model) : self->run->data_options.picture;
  g_autofree char *pixel = picture && picture->divisor != 1
                               ? g_strdup_printf ("p/%g", picture->divisor)
                               : g_strdup ("p");

  if (!picture)
    tool_say ("What goes in is as when it was trained: pixels as 0..1, other numbers as they are");
  else if (picture->channels == 1)
    tool_say ("What goes in: (%s - %g)/%g of grey pixels p, 0..255", pixel, picture->mean[0],
              picture->std[0]);
  else
    tool_say ("What goes in: (%s - mean)/std of pixels p, 0..255, in the order %s, with mean %g, "
              "%g, %g and std %g, %g, %g",
              pixel, picture->bgr ? "BGR" : "RGB", picture->mean[0], picture->mean[1],
              picture->mean[2], picture->std[0], picture->std[1], picture->std[2]);
}

/* ── The command ── */

static gboolean
export_subject (const ExportOptions *options, Subject *self, GError **error)
{
  g_autoptr (KolDevice) device = tool_open_device (&options->common, error);

  if (!device)
    return FALSE;
  if (!(self->run ? build_run (self, options, device, error) : build_model (self, device, error))
      || !write_subject (self, options->output, error))
    return FALSE;
  say_done (options->output, kol_parameters_get_count (kol_graph_get_parameters (self->graph)));
  if (is_onnx (options->output))
    say_pictures (self);
  return TRUE;
}

static gboolean export(const ExportOptions *options, const char *name, GError **error)
{
  g_auto (Subject) subject = { 0 };
  g_autoptr (GError) mistake = NULL;
  g_autoptr (KolWeights) weights = NULL;

  if (find_subject (&subject, name, &mistake))
    return export_subject (options, &subject, error);
  if (!is_onnx (options->output) && g_file_test (name, G_FILE_TEST_IS_REGULAR)
      && (weights = kol_weights_open (name, NULL)))
    {
      if (!convert (weights, options->output, error))
        return FALSE;
      say_done (options->output, kol_weights_get_count (weights));
      return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&mistake));
  return FALSE;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (ExportOptions) options = { 0 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
      "The file to write, .onnx or .safetensors", "FILE" },
    { "from", 0, 0, G_OPTION_ARG_INT64, &options.from,
      "The checkpoint of a run (default: the latest)", "STEP" },
    { NULL },
  };

  if (!tool_parse (&tool_export, entries, TOOL_TAKES_DEVICE, &options.common, 1, &argc, &argv))
    return TOOL_USAGE;
  if (!options.output)
    return tool_usage (&tool_export, "-o FILE is missing: what is to be written");
  if (!is_onnx (options.output) && !g_str_has_suffix (options.output, ".safetensors"))
    return tool_usage (&tool_export,
                       "\"%s\" should end in .onnx, for the network with its weights, or in "
                       ".safetensors, for the weights alone",
                       options.output);
  if (options.from < 0)
    return tool_usage (&tool_export, "--from must be the step of a checkpoint");
  return export(&options, argv[1], &error) ? TOOL_OK : tool_fail (error);
}

const ToolCommand tool_export = {
  .name = "export",
  .parameters = "RUN|MODEL -o FILE",
  .summary = "Give a network to other programs, as ONNX or safetensors",
  .description
  = "Writes a network that was trained here, the installed model of that name, or a file, as\n"
    "ONNX, which has the network and its weights, or as safetensors, which has the weights\n"
    "alone. Of a file of weights whose network is not known, .pth for instance, the arrays\n"
    "are written as safetensors under their own names.",
  .run = run_command,
};
