/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../graph/graph-private.h"

#include <math.h>
#include <string.h>

typedef struct {
  ToolOptions common;
  gint64 batch;
  char **shapes; /* NAME=1x3x224x224 */
  gboolean plan;
} InfoOptions;

static void
info_options_clear (InfoOptions *options)
{
  tool_options_clear (&options->common);
  g_strfreev (options->shapes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (InfoOptions, info_options_clear)

/* A network that is built, and has not run. */
typedef struct {
  KolGraph *graph;
  KolOnnx *onnx; /* with the shapes that its inputs are built for; NULL: */
  KolShape *shapes;
  const KolNetworkKind *kind; /* a network that Kolinsky knows, or */
  KolModel *model;            /* an installed one with its weights, or */
  KolRun *run;                /* what somebody trains */
  KolValue **outputs;
  guint n_outputs;
} Subject;

static void
subject_clear (Subject *self)
{
  g_clear_pointer (&self->graph, kol_graph_free);
  g_clear_pointer (&self->onnx, kol_onnx_free);
  g_clear_pointer (&self->model, kol_model_free);
  g_clear_pointer (&self->run, kol_run_free);
  g_free (self->outputs);
  g_free (self->shapes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Subject, subject_clear)

/* ── Shapes ── */

char *
tool_format_open_shape (const KolOnnxInfo *info)
{
  g_autoptr (GString) text = g_string_new ("[");

  if (info->rank < 0)
    return g_strdup ("[...]");
  for (int i = 0; i < info->rank; i++)
    {
      g_string_append (text, i ? ", " : "");
      if (info->dims[i] < 0)
        g_string_append (text, "any");
      else
        g_string_append_printf (text, "%" G_GINT64_FORMAT, info->dims[i]);
    }
  g_string_append_c (text, ']');
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* "1x3x224x224" -> a shape; FALSE: it is none. */
static gboolean
parse_shape (const char *text, KolShape *shape)
{
  g_auto (GStrv) parts = g_strsplit (text, "x", -1);

  *shape = (KolShape){ 0 };
  for (char **part = parts; *part; part++)
    {
      guint64 length;

      if (shape->rank == KOL_MAX_RANK
          || !g_ascii_string_to_unsigned (*part, 10, 1, G_MAXINT32, &length, NULL))
        return FALSE;
      shape->dim[shape->rank++] = (gint64) length;
    }
  return TRUE;
}

/* The shape that --shape gives an input; FALSE without one. */
static gboolean
given_shape (const InfoOptions *options, const KolOnnxInfo *info, const char **text)
{
  for (char **given = options->shapes; given && *given; given++)
    if (g_str_has_prefix (*given, info->name) && (*given)[strlen (info->name)] == '=')
      {
        *text = *given + strlen (info->name) + 1;
        return TRUE;
      }
  return FALSE;
}

#define USUAL_SIDE 224 /* of pictures */

/* What a length that the file leaves open is taken for: the batch where it comes first, of pictures
 * [N, C, H, W] a usual side; -1: it has to be said. */
static gint64
usual_length (const InfoOptions *options, const KolOnnxInfo *info, int axis)
{
  gboolean picture = info->rank == 4 && info->dims[1] >= 1 && info->dims[1] <= 4;

  if (axis == 0)
    return options->batch;
  return picture && axis >= 2 ? USUAL_SIDE : -1;
}

static gboolean
choose_shape (const InfoOptions *options, const KolOnnxInfo *info, KolShape *shape, GError **error)
{
  const char *text;

  if (given_shape (options, info, &text))
    {
      if (parse_shape (text, shape))
        return TRUE;
      g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
                   "“%s” is no shape; write lengths with an x between them: 1x3x224x224", text);
      return FALSE;
    }
  *shape = (KolShape){ .rank = info->rank };
  gboolean known = info->rank >= 0 && !info->fixed;
  for (int i = 0; i < info->rank; i++)
    {
      shape->dim[i] = info->dims[i] < 0 ? usual_length (options, info, i) : info->dims[i];
      known = known && shape->dim[i] > 0;
    }
  if (known)
    return TRUE;
  g_autofree char *open = tool_format_open_shape (info);
  if (info->fixed)
    g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
                 "The network's shape depends on the values of its input \"%s\": only `kolinsky "
                 "run` can build it",
                 info->name);
  else
    g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
                 "The input \"%s\" is %s: say how large it is to be, --shape %s=1x3x224x224",
                 info->name, open, info->name);
  return FALSE;
}

/* ── Building ── */

static gboolean
build_onnx (const InfoOptions *options, Subject *self, GError **error)
{
  guint n = kol_onnx_get_n_inputs (self->onnx);
  g_autofree KolValue **inputs = g_new0 (KolValue *, n + 1);

  self->shapes = g_new0 (KolShape, n + 1);
  for (guint i = 0; i < n; i++)
    if (!choose_shape (options, kol_onnx_get_input (self->onnx, i), &self->shapes[i], error))
      return FALSE;
  self->n_outputs = kol_onnx_get_n_outputs (self->onnx);
  self->outputs = g_new0 (KolValue *, self->n_outputs);
  return kol_onnx_build (self->onnx, self->graph, self->shapes, inputs, self->outputs, error);
}

/* The one output of a network that is built by a function. */
static gboolean
take_output (Subject *self, KolValue *output, GError **error)
{
  const GError *wrong = kol_graph_get_error (self->graph);

  self->n_outputs = 1;
  self->outputs = g_new0 (KolValue *, 1);
  self->outputs[0] = output;
  if (!wrong)
    return TRUE;
  g_propagate_error (error, g_error_copy (wrong));
  return FALSE;
}

static gboolean
build_known (const InfoOptions *options, Subject *self, GError **error)
{
  KolShape shape = KOL_SHAPE (options->batch, 3, self->kind->side, self->kind->side);

  return take_output (self, self->kind->build (kol_placeholder (self->graph, "x", shape), NULL),
                      error);
}

static gboolean
build_model (const InfoOptions *options, Subject *self, GError **error)
{
  KolModelValues values = { 0 };

  return kol_model_build (self->model, self->graph,
                          kol_model_get_shape (self->model, (gsize) options->batch), &values, error)
         && take_output (self, values.output, error);
}

/* As it answers, not as it learns: without what is dropped, and without gradients. */
static gboolean
build_run (const InfoOptions *options, Subject *self, GError **error)
{
  KolNetworkValues values = { 0 };

  kol_recipe_network (self->graph, (gsize) options->batch, FALSE, self->run->like, &values,
                      self->run->recipe);
  return take_output (self, values.output, error);
}

static gboolean
build (const InfoOptions *options, Subject *self, GError **error)
{
  return self->run     ? build_run (options, self, error)
         : self->model ? build_model (options, self, error)
         : self->kind  ? build_known (options, self, error)
                       : build_onnx (options, self, error);
}

/* ── Counting ── */

/* A node that is computed. */
typedef struct {
  const KolNode *node;
  guint64 parameters; /* that are its own */
  double flops;
} Layer;

/* The nodes that outputs need, in their order. */
static GArray *
list_layers (const Subject *self)
{
  GPtrArray *nodes = self->graph->nodes;
  GArray *layers = g_array_new (FALSE, FALSE, sizeof (Layer));
  g_autofree guint8 *needed = g_new0 (guint8, nodes->len);
  g_autoptr (GHashTable) counted = g_hash_table_new (NULL, NULL);

  for (guint t = 0; t < self->n_outputs; t++)
    {
      g_autofree guint8 *before = kol_graph_mark_ancestors (self->outputs[t]);

      for (guint i = 0; i < nodes->len; i++)
        needed[i] |= before[i];
    }
  for (guint i = 0; i < nodes->len; i++)
    {
      Layer layer = { .node = nodes->pdata[i] };

      if (!needed[i] || !layer.node->op->variants)
        continue;
      for (guint k = 0; k < layer.node->n_inputs; k++)
        {
          const KolNode *from = kol_value_root (layer.node->inputs[k])->node;
          KolParameter *parameter = from->op == &kol_op_parameter ? from->parameter : NULL;

          if (parameter && g_hash_table_add (counted, parameter))
            layer.parameters += (guint64) kol_shape_count (&parameter->shape);
        }
      layer.flops = layer.node->op->flops ? layer.node->op->flops (layer.node)
                                          : (double) kol_count (&layer.node->outputs[0]);
      g_array_append_val (layers, layer);
    }
  return layers;
}

/* "1.23 G", "456 M", "7 ": to stand before a unit. Given. */
static char *
format_count (double count)
{
  static const char *const prefixes[] = { "", "k", "M", "G", "T" };
  guint i = 0;

  for (; count >= 1000 && i + 1 < G_N_ELEMENTS (prefixes); i++)
    count /= 1000;
  int decimals = i == 0 || count >= 100 ? 0 : count >= 10 ? 1 : 2;
  return g_strdup_printf ("%.*f %s", decimals, count, prefixes[i]);
}

/* ── Telling ── */

static gboolean
is_any_size (const KolOnnxInfo *info)
{
  for (int i = 1; i < info->rank; i++)
    if (info->dims[i] < 0)
      return TRUE;
  return FALSE;
}

/* @built: what an input is built for, or NULL. */
static void
say_ports (const char *title, const KolOnnxInfo *info, const KolShape *built)
{
  g_autofree char *shape = tool_format_open_shape (info);

  tool_say ("%-9s %s %s %s%s", title, info->name, info->type, shape,
            info->fixed ? ", whose values the network's shape depends on" : "");
  if (built && is_any_size (info))
    tool_say ("%-9s told for %s; --shape %s=... for another", "", kol_shape_text (built),
              info->name);
}

static void
say_run (const KolRun *run)
{
  tool_say ("%s: a run of the recipe %s, %s", run->folder, kol_recipe_get_name (run->recipe),
            kol_recipe_get_title (run->recipe));
  if (run->latest == 0)
    tool_say ("It has no checkpoint");
  else if (run->best > 0)
    tool_say ("The latest checkpoint is of step %" G_GUINT64_FORMAT
              ", the best of step %" G_GUINT64_FORMAT,
              run->latest, run->best);
  else
    tool_say ("The latest checkpoint is of step %" G_GUINT64_FORMAT, run->latest);
}

static void
say_onnx (const Subject *self)
{
  const char *producer = kol_onnx_get_producer (self->onnx);
  tool_say ("ONNX, operators of version %" G_GINT64_FORMAT "%s%s", kol_onnx_get_opset (self->onnx),
            *producer ? ", written by " : "", producer);
  for (guint i = 0; i < kol_onnx_get_n_inputs (self->onnx); i++)
    say_ports ("input", kol_onnx_get_input (self->onnx, i), &self->shapes[i]);
  for (guint i = 0; i < kol_onnx_get_n_outputs (self->onnx); i++)
    say_ports ("output", kol_onnx_get_output (self->onnx, i), NULL);
}

static void
say_head (const Subject *self)
{
  if (self->run)
    say_run (self->run);
  else if (self->model)
    tool_say ("%s: %s", kol_model_get_entry (self->model)->name,
              kol_model_get_entry (self->model)->path);
  else if (self->kind)
    tool_say ("%s: %s", self->kind->title, self->kind->paper);
  else
    say_onnx (self);
}

static void
say_layers (const GArray *layers)
{
  int widest = (int) strlen ("LAYER");

  for (guint i = 0; i < layers->len; i++)
    widest = MAX (widest, (int) g_utf8_strlen (g_array_index (layers, Layer, i).node->name, -1));
  tool_say ("\n%-*s  %-20s %-22s %10s %8s", widest, "LAYER", "OPERATION", "SHAPE", "PARAMETERS",
            "FLOP");
  for (guint i = 0; i < layers->len; i++)
    {
      const Layer *layer = &g_array_index (layers, Layer, i);
      g_autofree char *flops = format_count (layer->flops);
      g_autofree char *parameters = layer->parameters
                                        ? g_strdup_printf ("%" G_GUINT64_FORMAT, layer->parameters)
                                        : g_strdup ("");

      tool_say ("%-*s  %-20s %-22s %10s %8s", widest, layer->node->name, layer->node->op->name,
                kol_shape_text (&layer->node->outputs[0].shape), parameters, flops);
    }
}

typedef struct {
  guint64 parameters;
  double flops;
  guint64 bytes;
} Sum;

static void
say_sum (const Sum *sum, gint64 batch)
{
  g_autofree char *flops = format_count (sum->flops), *bytes = tool_format_bytes (sum->bytes);

  tool_say ("\n%" G_GUINT64_FORMAT
            " parameters, %sFLOP, %s of device memory at a batch of %" G_GINT64_FORMAT,
            sum->parameters, flops, bytes, batch);
}

static void
write_port (ToolJson *json, const KolOnnxInfo *info)
{
  tool_json_open (json, NULL, '{');
  tool_json_string (json, "name", info->name);
  tool_json_string (json, "type", info->type);
  tool_json_boolean (json, "fixed", info->fixed);
  tool_json_open (json, "shape", '[');
  for (int i = 0; i < info->rank; i++)
    tool_json_number (json, NULL, info->dims[i] < 0 ? NAN : (double) info->dims[i]);
  tool_json_close (json);
  tool_json_close (json);
}

static void
write_json (const Subject *self, const GArray *layers, const Sum *sum)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '{');
  if (self->run)
    {
      tool_json_string (&json, "recipe", kol_recipe_get_name (self->run->recipe));
      tool_json_integer (&json, "latest", self->run->latest);
      tool_json_integer (&json, "best", self->run->best);
    }
  if (self->onnx)
    {
      tool_json_integer (&json, "opset", (guint64) kol_onnx_get_opset (self->onnx));
      tool_json_string (&json, "producer", kol_onnx_get_producer (self->onnx));
      tool_json_open (&json, "inputs", '[');
      for (guint i = 0; i < kol_onnx_get_n_inputs (self->onnx); i++)
        write_port (&json, kol_onnx_get_input (self->onnx, i));
      tool_json_close (&json);
      tool_json_open (&json, "outputs", '[');
      for (guint i = 0; i < kol_onnx_get_n_outputs (self->onnx); i++)
        write_port (&json, kol_onnx_get_output (self->onnx, i));
      tool_json_close (&json);
    }
  tool_json_integer (&json, "parameters", sum->parameters);
  tool_json_number (&json, "flops", sum->flops);
  tool_json_integer (&json, "bytes", sum->bytes);
  tool_json_open (&json, "layers", '[');
  for (guint i = 0; i < layers->len; i++)
    {
      const Layer *layer = &g_array_index (layers, Layer, i);
      const KolShape *shape = &layer->node->outputs[0].shape;

      tool_json_open (&json, NULL, '{');
      tool_json_string (&json, "name", layer->node->name);
      tool_json_string (&json, "operation", layer->node->op->name);
      tool_json_open (&json, "shape", '[');
      for (int k = 0; k < shape->rank; k++)
        tool_json_integer (&json, NULL, (guint64) shape->dim[k]);
      tool_json_close (&json);
      tool_json_integer (&json, "parameters", layer->parameters);
      tool_json_number (&json, "flops", layer->flops);
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_close (&json);
  tool_json_print (&json);
}

static gboolean
tell (const InfoOptions *options, const Subject *self, GError **error)
{
  g_autoptr (GArray) layers = list_layers (self);
  Sum sum = { 0 };

  for (guint i = 0; i < layers->len; i++)
    {
      sum.parameters += g_array_index (layers, Layer, i).parameters;
      sum.flops += g_array_index (layers, Layer, i).flops;
    }
  if (!kol_peak_bytes (self->graph, self->outputs, self->n_outputs, &sum.bytes, error))
    return FALSE;
  if (options->common.json)
    {
      write_json (self, layers, &sum);
      return TRUE;
    }
  say_head (self);
  if (options->plan)
    {
      g_autofree char *text
          = kol_plan_describe (self->graph, self->outputs, self->n_outputs, error);

      if (!text)
        return FALSE;
      tool_say ("\n%s", g_strchomp (text));
    }
  else
    say_layers (layers);
  say_sum (&sum, options->batch);
  return TRUE;
}

/* A run, a network that is known or installed, or an ONNX file. */
static gboolean
find_subject (Subject *self, const char *name, GError **error)
{
  g_autofree char *folder = tool_run_folder (name);

  if (kol_run_exists (folder) || g_file_test (folder, G_FILE_TEST_IS_DIR))
    return (self->run = kol_run_read (folder, error)) != NULL;
  if (tool_is_weights (name))
    return (self->model = kol_model_open (name, error)) != NULL;
  if (!g_file_test (name, G_FILE_TEST_EXISTS) && (self->kind = kol_network_find (name)))
    return TRUE;
  return (self->onnx = tool_open_onnx (name, error)) != NULL;
}

static gboolean
inform (const InfoOptions *options, const char *name, GError **error)
{
  g_auto (Subject) subject = { 0 };

  if (g_file_test (name, G_FILE_TEST_IS_REGULAR) && !g_str_has_suffix (name, ".onnx"))
    {
      g_autoptr (GError) mistake = NULL;
      g_autoptr (KolWeights) weights = kol_weights_open (name, &mistake);

      if (weights)
        {
          tool_tell_weights (weights, options->common.json);
          return TRUE;
        }
      if (!(subject.onnx = kol_onnx_open (name, NULL))) /* under another name */
        {
          g_propagate_error (error, g_steal_pointer (&mistake));
          return FALSE;
        }
    }
  else if (!find_subject (&subject, name, error))
    return FALSE;
  g_autoptr (KolDevice) device = tool_open_device (&options->common, error);
  if (!device)
    return FALSE;
  subject.graph = kol_graph_new (device);
  return build (options, &subject, error) && tell (options, &subject, error);
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (InfoOptions) options = { .batch = 1 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "batch", 0, 0, G_OPTION_ARG_INT64, &options.batch,
      "How many examples, where the network does not say (1)", "N" },
    { "shape", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.shapes, "The shape of an input",
      "NAME=1x3x224x224" },
    { "plan", 0, 0, G_OPTION_ARG_NONE, &options.plan, "List the steps of a run instead of layers",
      NULL },
    { NULL },
  };

  if (!tool_parse (&tool_info, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_JSON, &options.common, 1,
                   &argc, &argv))
    return TOOL_USAGE;
  if (options.batch < 1 || options.batch > G_MAXINT32)
    return tool_usage (&tool_info, "--batch must be at least 1");
  return inform (&options, argv[1], &error) ? TOOL_OK : tool_fail (error);
}

const ToolCommand tool_info = {
  .name = "info",
  .parameters = "MODEL|RUN|FILE",
  .summary = "Tell what a network is made of: layers, shapes, parameters, memory",
  .description
  = "MODEL is an ONNX file, the name of an installed network, or one of those that Kolinsky\n"
    "knows, such as vgg16; RUN a run's folder, or its name. FLOP are floating-point operations,\n"
    "two for a product that is added. Of a FILE of weights alone, .safetensors, .pth, .npz or\n"
    ".h5, the arrays are listed. Nothing is computed.",
  .run = run_command,
};
