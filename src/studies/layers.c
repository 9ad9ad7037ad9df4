/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Networks opened to their layers. Wherever one is from, it is built once for a single
 * picture of the usual size, which is not computed: so its weights are read, and its
 * layers known, before anybody asks for more. Then all its parameters are frozen.
 */

#include "layers.h"

#include <string.h>

#include "../graph/graph-private.h"
#include "../model/model.h"
#include "../ops.h"
#include "../train/checkpoint-private.h"
#include "../train/parameters-private.h"
#include "../train/run.h"
#include "../words-private.h"

#define NAMES_TOLD 12 /* of a network's layers, when one is asked for that is not there */

struct _KolLayers {
  char *name;
  KolModel *model; /* or: */
  KolRun *run;
  KolPreprocess picture;
  KolParameters *parameters;
  GArray *infos;       /* KolLayerInfo, in the order in which they are computed */
  GStringChunk *names; /* theirs */
  KolLayerInfo output;
};

/**
 * kol_layers_free:
 * @layers: (transfer full) (nullable): an opened network; graphs over its parameters stay
 */
void
kol_layers_free (KolLayers *layers)
{
  if (!layers)
    return;
  g_clear_pointer (&layers->model, kol_model_free);
  g_clear_pointer (&layers->run, kol_run_free);
  g_clear_pointer (&layers->parameters, kol_parameters_unref);
  g_array_unref (layers->infos);
  g_string_chunk_free (layers->names);
  g_free (layers->name);
  g_free (layers);
}

/* ── What layers there are ───────────────────────────────────────────────────────────────────── */

static void
add_info (KolLayers *layers, const char *name, KolValue *value)
{
  KolLayerInfo info = { .name = g_string_chunk_insert_const (layers->names, name),
                        .kind = value->node->op->name,
                        .value = value,
                        .shape = value->shape };

  g_array_append_val (layers->infos, info);
}

/* A value of each example, that something has been computed for. */
static gboolean
is_layer (KolValue *value, gint64 batch)
{
  return value->node->op->variants && value->shape.rank >= 2 && value->shape.dim[0] == batch;
}

/* What comes after @first in the graph and depends on @x. */
static void
list_nodes (KolLayers *layers, KolValue *x, guint first)
{
  GPtrArray *nodes = x->graph->nodes;
  g_autofree guint8 *depends = g_new0 (guint8, nodes->len);

  depends[x->node->id] = TRUE;
  for (guint id = first; id < nodes->len; id++)
    {
      KolNode *node = g_ptr_array_index (nodes, id);

      for (guint i = 0; i < node->n_inputs && !depends[id]; i++)
        depends[id] = depends[node->inputs[i]->node->id];
      if (depends[id] && is_layer (&node->outputs[0], x->shape.dim[0]))
        add_info (layers, node->name, &node->outputs[0]);
    }
}

/* An ONNX file may have several names for what is one value here. */
static void
list_other_names (KolLayers *layers, gint64 batch)
{
  KolOnnx *onnx = layers->model ? kol_model_get_onnx (layers->model) : NULL;

  for (guint i = 0; onnx && i < kol_onnx_get_n_tensors (onnx); i++)
    {
      KolValue *value;
      const char *name = kol_onnx_get_tensor (onnx, i, &value);

      if (!kol_value_failed (value) && value->shape.rank >= 2 && value->shape.dim[0] == batch
          && strcmp (name, value->node->name) != 0)
        add_info (layers, name, value);
    }
}

/* The scores: probabilities push each other down, so what they are made of is taken. */
static void
note_output (KolLayers *layers, KolValue *output)
{
  static const char *const passed[] = { "softmax", "log_softmax", "reshape", NULL };
  KolValue *value = output;

  while (g_strv_contains (passed, value->node->op->name))
    {
      value = value->node->inputs[0];
      if (strcmp (value->node->op->name, "reshape") != 0)
        output = value;
    }
  layers->output
      = (KolLayerInfo){ .name = g_string_chunk_insert_const (layers->names, value->node->name),
                        .kind = value->node->op->name,
                        .value = output,
                        .shape = output->shape };
}

/* ── Building ────────────────────────────────────────────────────────────────────────────────── */

/* What pixels of 0..1 are to the network: x = (255 p / divisor - mean) / std. */
static KolValue *
prepare_pixels (const KolPreprocess *how, KolValue *pixels)
{
  KolGraph *graph = pixels->graph;
  float scale[3], offset[3];
  gboolean same = !how->bgr;

  for (gsize c = 0; c < how->channels; c++)
    {
      scale[c] = 255 / how->divisor / how->std[c];
      offset[c] = -how->mean[c] / how->std[c];
      same = same && scale[c] == 1 && offset[c] == 0;
    }
  if (same)
    return pixels;
  KolShape shape = KOL_SHAPE ((gint64) how->channels, 1, 1);
  kol_graph_set_prefix (graph, "study");
  KolValue *x = how->bgr ? kol_flip (pixels, (int[]){ 1 }, 1) : pixels;
  x = kol_multiply (x, kol_constant_tensor (graph, shape, scale));
  x = kol_add (x, kol_constant_tensor (graph, shape, offset));
  kol_graph_set_prefix (graph, NULL);
  return x;
}

static KolValue *
build_network (KolLayers *layers, KolValue *x, GError **error)
{
  if (layers->model)
    return kol_model_build_upon (layers->model, x, error);
  KolValue *output = kol_recipe_build (layers->run->recipe, x, layers->run->like);
  const GError *mistake = kol_graph_get_error (x->graph);
  if (!mistake)
    return output;
  g_propagate_error (error, g_error_copy (mistake));
  return NULL;
}

static gboolean
check_pixels (const KolLayers *layers, KolValue *pixels, GError **error)
{
  const KolShape *shape = kol_value_get_shape (pixels);
  gsize batch = kol_layers_get_batch (layers);

  if (shape->rank != 4 || shape->dim[1] != (gint64) layers->picture.channels)
    g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
                 "The network %s takes pictures [N, %zu, H, W], but is given %s", layers->name,
                 layers->picture.channels, kol_shape_text (shape));
  else if (batch && shape->dim[0] != (gint64) batch)
    g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
                 "The file of %s is made for %zu pictures at a time, but is given %d", layers->name,
                 batch, (int) shape->dim[0]);
  else
    return TRUE;
  return FALSE;
}

/* Builds the network upon what it takes, and lists its layers. */
static gboolean
build_upon (KolLayers *layers, KolValue *x, GError **error)
{
  guint first = x->graph->nodes->len;
  KolValue *output = build_network (layers, x, error);
  if (!output)
    return FALSE;
  g_array_set_size (layers->infos, 0);
  list_nodes (layers, x, first);
  list_other_names (layers, x->shape.dim[0]);
  note_output (layers, output);
  for (guint i = 0; i < kol_parameters_get_count (layers->parameters); i++)
    {
      KolParameter *parameter = kol_parameters_get (layers->parameters, i);
      if (!g_str_has_prefix (parameter->name, "study/"))
        parameter->trainable = FALSE;
    }
  return TRUE;
}

/**
 * kol_layers_build:
 * @layers: an opened network
 * @pixels: pictures [N, C, H, W], red, green and blue or grey, 0..1: a value of a graph over
 *   kol_layers_get_parameters()
 * @error: return location
 *
 * Builds the network upon pixels, in their graph; they are first moved to where it
 * wants them, kol_layers_get_picture(). kol_layers_find() then gives the layers'
 * values. A graph is for one such network. Names of other nodes that begin with
 * `study/` do not meet those of layers.
 *
 * Errors: those of the network's shapes, such as for pictures that are too small.
 *
 * Returns: %FALSE if it cannot be built
 */
gboolean
kol_layers_build (KolLayers *layers, KolValue *pixels, GError **error)
{
  g_return_val_if_fail (layers != NULL && pixels != NULL, FALSE);
  const GError *mistake = kol_graph_get_error (kol_value_get_graph (pixels));

  if (mistake)
    {
      g_propagate_error (error, g_error_copy (mistake));
      return FALSE;
    }
  if (!check_pixels (layers, pixels, error))
    return FALSE;
  return build_upon (layers, prepare_pixels (&layers->picture, pixels), error);
}

/* ── Opening ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
open_run (KolLayers *layers, const char *folder, GError **error)
{
  layers->run = kol_run_read (folder, error);
  if (!layers->run)
    return FALSE;
  const KolDataset *like = layers->run->like;
  if ((like->channels != 1 && like->channels != 3) || (like->height == 1 && like->width == 1))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The run %s learned from rows of numbers, not from pictures", folder);
      return FALSE;
    }
  layers->picture = (KolPreprocess){
    .channels = like->channels,
    .width = like->width,
    .height = like->height,
    .filter = KOL_BILINEAR,
    .divisor = 255,
    .std = { 1, 1, 1 },
  };
  return TRUE;
}

static gboolean
open_network (KolLayers *layers, const char *network, GError **error)
{
  if (kol_run_exists (network) || g_file_test (network, G_FILE_TEST_IS_DIR))
    return open_run (layers, network, error);
  layers->model = kol_model_open (network, error);
  if (!layers->model)
    return FALSE;
  layers->picture = *kol_model_get_picture (layers->model);
  return TRUE;
}

/*
 * Builds it for one picture that is prepared already; nothing is computed. A file's
 * weights are held against all parameters that there are, so what prepares comes later.
 */
static gboolean
probe (KolLayers *layers, GError **error)
{
  g_autoptr (KolGraph) graph = kol_graph_new_over (layers->parameters);
  const KolPreprocess *how = &layers->picture;
  gsize batch = MAX (kol_layers_get_batch (layers), 1);

  kol_graph_set_prefix (graph, "study");
  KolValue *x = kol_placeholder (graph, "study/prepared",
                                 KOL_SHAPE ((gint64) batch, (gint64) how->channels,
                                            (gint64) how->height, (gint64) how->width));
  kol_graph_set_prefix (graph, NULL);
  if (!build_upon (layers, x, error))
    return FALSE;
  for (guint i = 0; i < layers->infos->len; i++)
    g_array_index (layers->infos, KolLayerInfo, i).value = NULL;
  layers->output.value = NULL;
  return TRUE;
}

/* What a run has learned; its parameters are those of the graph that was probed. */
static gboolean
take_checkpoint (KolLayers *layers, guint64 step, GError **error)
{
  const KolRun *run = layers->run;
  g_autoptr (GPtrArray) weights = NULL, state = NULL;

  if (!step && !run->latest)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The run %s has no checkpoint yet, and so no weights", run->folder);
      return FALSE;
    }
  return kol_checkpoint_load (run->folder, step ? step : run->latest, &weights, &state, NULL, error)
         && kol_parameters_take (layers->parameters, weights, run->folder, error)
         && kol_parameters_take_averages (layers->parameters, state, error);
}

/**
 * kol_layers_open:
 * @device: where it is computed
 * @network: a run's folder, the name of an installed model, or a model's file
 * @step: of a run, which checkpoint; 0: the latest
 * @error: return location
 *
 * Opens a network and reads its weights.
 *
 * Errors: %KOL_ERROR_DATA if there is no such network, or it does not take pictures.
 *
 * Returns: (transfer full) (nullable): the network
 */
KolLayers *
kol_layers_open (KolDevice *device, const char *network, guint64 step, GError **error)
{
  g_return_val_if_fail (device != NULL && network != NULL, NULL);
  g_autoptr (KolLayers) layers = g_new0 (KolLayers, 1);

  layers->infos = g_array_new (FALSE, FALSE, sizeof (KolLayerInfo));
  layers->names = g_string_chunk_new (1024);
  layers->parameters = kol_parameters_new (device, 0);
  layers->name = g_path_get_basename (network);
  if (!open_network (layers, network, error) || !probe (layers, error))
    return NULL;
  if (layers->run && !take_checkpoint (layers, step, error))
    return NULL;
  return g_steal_pointer (&layers);
}

/* ── What it is ──────────────────────────────────────────────────────────────────────────────── */

/**
 * kol_layers_get_name:
 * @layers: an opened network
 *
 * Returns: (transfer none): what to call it: its model's name, or that of its file or folder
 */
const char *
kol_layers_get_name (const KolLayers *layers)
{
  g_return_val_if_fail (layers != NULL, NULL);
  return layers->name;
}

/**
 * kol_layers_get_picture:
 * @layers: an opened network
 *
 * Returns: (transfer none): how pictures are prepared for it: their channels and usual size
 */
const KolPreprocess *
kol_layers_get_picture (const KolLayers *layers)
{
  g_return_val_if_fail (layers != NULL, NULL);
  return &layers->picture;
}

/**
 * kol_layers_get_classes:
 * @layers: an opened network
 *
 * Returns: (transfer none) (nullable): the names of its classes
 */
char **
kol_layers_get_classes (const KolLayers *layers)
{
  g_return_val_if_fail (layers != NULL, NULL);
  return layers->model ? kol_model_get_classes (layers->model) : layers->run->like->class_names;
}

/**
 * kol_layers_get_batch:
 * @layers: an opened network
 *
 * Returns: how many pictures at a time its file is made for; 0: any number
 */
gsize
kol_layers_get_batch (const KolLayers *layers)
{
  g_return_val_if_fail (layers != NULL, 0);
  return layers->model ? kol_model_get_batch (layers->model) : 0;
}

/**
 * kol_layers_get_parameters:
 * @layers: an opened network
 *
 * Returns: (transfer none): the set of its parameters, for the graphs that it is built in
 */
KolParameters *
kol_layers_get_parameters (const KolLayers *layers)
{
  g_return_val_if_fail (layers != NULL, NULL);
  return layers->parameters;
}

/**
 * kol_layers_get_count:
 * @layers: an opened network
 *
 * Returns: how many layers there are
 */
guint
kol_layers_get_count (const KolLayers *layers)
{
  g_return_val_if_fail (layers != NULL, 0);
  return layers->infos->len;
}

/**
 * kol_layers_get:
 * @layers: an opened network
 * @i: 0 .. number of layers - 1, in the order in which they are computed
 *
 * Returns: (transfer none): the layer, until the network is built again
 */
const KolLayerInfo *
kol_layers_get (const KolLayers *layers, guint i)
{
  g_return_val_if_fail (layers != NULL && i < layers->infos->len, NULL);
  return &g_array_index (layers->infos, KolLayerInfo, i);
}

/**
 * kol_layers_get_output:
 * @layers: an opened network
 *
 * Returns: (transfer none): its scores of classes, or what else it ends with, until it is
 *   built again: of a softmax what it is taken of
 */
const KolLayerInfo *
kol_layers_get_output (const KolLayers *layers)
{
  g_return_val_if_fail (layers != NULL, NULL);
  return &layers->output;
}

/* "; did you mean X?", or the names of some layers, all along the network. Given. */
static char *
advise (const KolLayers *layers, const char *name)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GPtrArray) some = g_ptr_array_new ();
  guint n = layers->infos->len, last = G_MAXUINT;

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (names, (gpointer) kol_layers_get (layers, i)->name);
  g_ptr_array_add (names, NULL);
  const char *nearest = kol_nearest_word (name, (const char *const *) names->pdata);
  if (nearest)
    return g_strdup_printf ("; did you mean %s?", nearest);
  for (guint i = 0; n && i < NAMES_TOLD; i++)
    {
      guint at = i * (n - 1) / (NAMES_TOLD - 1);
      if (at != last)
        g_ptr_array_add (some, names->pdata[at]);
      last = at;
    }
  g_ptr_array_add (some, NULL);
  g_autofree char *list = kol_list_words ((const char *const *) some->pdata);
  return g_strdup_printf (". Some of its %u: %s", n, list);
}

/**
 * kol_layers_find:
 * @layers: an opened network
 * @name: a layer's name
 * @error: return location
 *
 * Errors: %KOL_ERROR_DATA with the name that is spelled most like it, or some of the
 * layers, if there is none of that name.
 *
 * Returns: (transfer none) (nullable): the layer, until the network is built again
 */
const KolLayerInfo *
kol_layers_find (const KolLayers *layers, const char *name, GError **error)
{
  g_return_val_if_fail (layers != NULL && name != NULL, NULL);

  for (guint i = 0; i < layers->infos->len; i++)
    if (strcmp (kol_layers_get (layers, i)->name, name) == 0)
      return kol_layers_get (layers, i);
  g_autofree char *advice = advise (layers, name);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "%s has no layer “%s”%s", layers->name, name,
               advice);
  return NULL;
}
