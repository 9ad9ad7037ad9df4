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
#include "../nn/initializers.h"
#include "../ops.h"
#include "../train/checkpoint-private.h"
#include "../train/parameters-private.h"
#include "../train/run.h"
#include "../words-private.h"
#include "typical-private.h"

#define STUDY "study/"
#define NAMES_TOLD 12 /* of a network's layers, when one is asked for that is not there */

struct _KolLayers {
  char *name;
  KolModel *model; /* or: */
  KolRun *run;     /* and its: */
  KolRecipe *recipe;
  KolDataset *like;
  KolPreprocess picture;
  KolPicture *typical; /* the mean of what was learned from, or: */
  GError *untypical;   /* why it is not known */
  KolParameters *parameters;
  GArray *infos;       /* KolLayerInfo, in the order in which they are computed */
  GArray *sources;     /* Sources, of each; their inputs */
  GStringChunk *names; /* theirs */
  KolLayerInfo output;
  GPtrArray *changes;  /* Change */
  GHashTable *digests; /* KolParameter -> Digest */
};

/* Where a layer is from. */
typedef struct {
  guint ordinal;  /* of its node, among those that building the network makes */
  GArray *inputs; /* guint: of infos */
  GPtrArray *own; /* KolParameter: what it has learned itself */
} Sources;

/* What a parameter was when it was looked at. */
typedef struct {
  guint64 version;
  char *sha256;
} Digest;

/* y = keep x + add + turn turned (x), with numbers for each unit. */
typedef struct {
  char *layer;
  guint ordinal;
  guint units;
  KolShape shape;           /* of the numbers: [1, units, 1, ...] */
  float *keep, *add, *turn; /* [units] */
} Change;

static void
sources_clear (gpointer data)
{
  Sources *sources = data;

  g_array_unref (sources->inputs);
  g_ptr_array_unref (sources->own);
}

static void
digest_free (gpointer data)
{
  g_free (((Digest *) data)->sha256);
  g_free (data);
}

static void
change_free (gpointer data)
{
  Change *change = data;

  g_free (change->layer);
  g_free (change->keep);
  g_free (change->add);
  g_free (change->turn);
  g_free (change);
}

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
  g_clear_pointer (&layers->recipe, kol_recipe_unref);
  g_clear_pointer (&layers->like, kol_dataset_unref);
  g_clear_pointer (&layers->typical, kol_picture_free);
  g_clear_error (&layers->untypical);
  g_clear_pointer (&layers->run, kol_run_free);
  g_ptr_array_unref (layers->changes);
  g_hash_table_unref (layers->digests);
  g_array_unref (layers->sources);
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

/* Walks from a layer's node to what it is computed from. */
typedef struct {
  const guint *places; /* by node: its layer's, or G_MAXUINT */
  guint8 *seen;
  Sources *sources;
} Walk;

static void
note_input (const Walk *walk, guint place)
{
  GArray *inputs = walk->sources->inputs;

  for (guint i = 0; i < inputs->len; i++)
    if (g_array_index (inputs, guint, i) == place)
      return;
  g_array_append_val (inputs, place);
}

/* Through nodes that are no layers themselves: reshapes, and what prepares weights. */
static void
walk_inputs (const Walk *walk, const KolNode *node)
{
  for (guint i = 0; i < node->n_inputs; i++)
    {
      const KolNode *input = node->inputs[i]->node;

      if (walk->seen[input->id])
        continue;
      walk->seen[input->id] = TRUE;
      if (walk->places[input->id] != G_MAXUINT)
        note_input (walk, walk->places[input->id]);
      else if (input->op == &kol_op_parameter)
        {
          if (!g_str_has_prefix (input->parameter->name, STUDY "change/")) /* not learned */
            g_ptr_array_add (walk->sources->own, input->parameter);
        }
      else
        walk_inputs (walk, input);
    }
}

static void
add_sources (KolLayers *layers, const guint *places, const KolNode *node, guint ordinal)
{
  g_autofree guint8 *seen = g_new0 (guint8, node->graph->nodes->len);
  Sources sources = { .ordinal = ordinal,
                      .inputs = g_array_new (FALSE, FALSE, sizeof (guint)),
                      .own = g_ptr_array_new () };
  const Walk walk = { places, seen, &sources };
  KolLayerInfo *info = &g_array_index (layers->infos, KolLayerInfo, layers->infos->len - 1);

  walk_inputs (&walk, node);
  for (guint i = 0; i < sources.own->len; i++)
    info->parameters
        += (guint64) kol_shape_count (&((KolParameter *) sources.own->pdata[i])->shape);
  info->inputs = (const guint *) sources.inputs->data;
  info->n_inputs = sources.inputs->len;
  g_array_append_val (layers->sources, sources);
}

/* What comes after @first in the graph and depends on @x. */
static void
list_nodes (KolLayers *layers, KolValue *x, guint first)
{
  GPtrArray *nodes = x->graph->nodes;
  g_autofree guint8 *depends = g_new0 (guint8, nodes->len);
  g_autofree guint *places = g_new (guint, nodes->len);
  guint ours = 0; /* nodes of changes: for each its own but the last, and the one that it follows */

  for (guint id = 0; id < nodes->len; id++)
    places[id] = G_MAXUINT;
  depends[x->node->id] = TRUE;
  for (guint id = first; id < nodes->len; id++)
    {
      KolNode *node = g_ptr_array_index (nodes, id);

      for (guint i = 0; i < node->n_inputs && !depends[id]; i++)
        depends[id] = depends[node->inputs[i]->node->id];
      if (g_str_has_prefix (node->name, STUDY))
        ours++;
      else if (depends[id] && is_layer (&node->outputs[0], x->shape.dim[0]))
        {
          add_info (layers, node->name, &node->outputs[0]);
          add_sources (layers, places, node, id - first - ours);
          places[id] = layers->infos->len - 1;
        }
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
        {
          add_info (layers, name, value);
          g_array_index (layers->infos, KolLayerInfo, layers->infos->len - 1).alias = TRUE;
        }
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
  KolValue *output = kol_recipe_build (layers->recipe, x, layers->like);
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

/* ── Changing units ──────────────────────────────────────────────────────────────────────────── */

/* Which nodes of a graph that is being built are to be followed by a change. */
typedef struct {
  KolLayers *layers;
  guint first;
  guint inserted; /* nodes so far */
} Changing;

static KolValue *
change_numbers (const Change *change, KolGraph *graph, const char *what, double start)
{
  g_autofree char *name = g_strdup_printf (STUDY "change/%s/%s", change->layer, what);

  return kol_state (graph, name, change->shape, KOL_CONSTANT (start));
}

/* About the middle of a map, by a quarter, or by a half where it is no square. */
static KolValue *
turn_map (KolValue *x)
{
  const KolTranspose swap = { .order = { 0, 1, 3, 2 } };

  if (x->shape.rank != 4)
    return x;
  if (x->shape.dim[2] == x->shape.dim[3])
    return kol_flip (kol_transpose (x, &swap), (int[]){ 3 }, 1);
  return kol_flip (x, (int[]){ 2, 3 }, 2);
}

/* It bears the layer's name from then on. */
static KolValue *
apply_change (const Change *change, KolValue *x)
{
  KolGraph *graph = x->graph;
  g_autofree char *name = g_strdup (x->node->name);
  g_autofree char *prefix = g_strdup (graph->prefix);

  kol_graph_set_prefix (graph, "study");
  kol_named (x, STUDY "unchanged");
  KolValue *y = kol_add (kol_multiply (x, change_numbers (change, graph, "keep", 1)),
                         change_numbers (change, graph, "add", 0));
  y = kol_add (y, kol_multiply (turn_map (x), change_numbers (change, graph, "turn", 0)));
  kol_graph_set_prefix (graph, prefix);
  return kol_named (y, name);
}

/* A KolSubstitute. */
static KolValue *
substitute (KolValue *value, gpointer data)
{
  Changing *changing = data;
  guint ordinal = value->node->id - changing->first - changing->inserted;
  GPtrArray *changes = changing->layers->changes;

  for (guint i = 0; i < changes->len; i++)
    {
      const Change *change = g_ptr_array_index (changes, i);

      if (change->ordinal != ordinal)
        continue;
      guint before = value->graph->nodes->len;
      value->graph->substitute = NULL;
      value = apply_change (change, value);
      value->graph->substitute = substitute;
      changing->inserted += value->graph->nodes->len - before;
      break;
    }
  return value;
}

static KolValue *
build_changed (KolLayers *layers, KolValue *x, guint first, GError **error)
{
  Changing changing = { .layers = layers, .first = first };
  KolGraph *graph = x->graph;

  graph->substitute = layers->changes->len ? substitute : NULL;
  graph->substitute_data = &changing;
  KolValue *output = build_network (layers, x, error);
  graph->substitute = NULL;
  return output;
}

/* Builds the network upon what it takes, and lists its layers. */
static gboolean
build_upon (KolLayers *layers, KolValue *x, GError **error)
{
  guint first = x->graph->nodes->len;
  KolValue *output = build_changed (layers, x, first, error);
  if (!output)
    return FALSE;
  g_array_set_size (layers->infos, 0);
  g_array_set_size (layers->sources, 0);
  list_nodes (layers, x, first);
  list_other_names (layers, x->shape.dim[0]);
  note_output (layers, output);
  for (guint i = 0; i < kol_parameters_get_count (layers->parameters); i++)
    {
      KolParameter *parameter = kol_parameters_get (layers->parameters, i);
      if (!g_str_has_prefix (parameter->name, STUDY))
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

/* Pictures of the size that a recipe's network learns from. */
static gboolean
take_recipe (KolLayers *layers, KolRecipe *recipe, const KolDataset *like, GError **error)
{
  if ((like->channels != 1 && like->channels != 3) || (like->height == 1 && like->width == 1))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The run %s learned from rows of numbers, not from pictures", layers->name);
      return FALSE;
    }
  layers->recipe = kol_recipe_ref (recipe);
  layers->like = kol_dataset_ref ((KolDataset *) like);
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
open_run (KolLayers *layers, const char *folder, GError **error)
{
  layers->run = kol_run_read (folder, error);
  return layers->run && take_recipe (layers, layers->run->recipe, layers->run->like, error);
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
                   "The run %s has no checkpoint, and so no weights", run->folder);
      return FALSE;
    }
  return kol_checkpoint_load (run->folder, step ? step : run->latest, &weights, &state, NULL, error)
         && kol_parameters_take (layers->parameters, weights, run->folder, error)
         && kol_parameters_take_averages (layers->parameters, state, error);
}

static KolLayers *
layers_new (KolDevice *device, const char *name)
{
  KolLayers *layers = g_new0 (KolLayers, 1);

  layers->infos = g_array_new (FALSE, FALSE, sizeof (KolLayerInfo));
  layers->sources = g_array_new (FALSE, FALSE, sizeof (Sources));
  g_array_set_clear_func (layers->sources, sources_clear);
  layers->names = g_string_chunk_new (1024);
  layers->changes = g_ptr_array_new_with_free_func (change_free);
  layers->digests = g_hash_table_new_full (NULL, NULL, NULL, digest_free);
  layers->parameters = kol_parameters_new (device, 0);
  layers->name = g_strdup (name);
  return layers;
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
  g_autofree char *name = g_path_get_basename (network);
  g_autoptr (KolLayers) layers = layers_new (device, name);

  if (!open_network (layers, network, error) || !probe (layers, error))
    return NULL;
  if (layers->run && !take_checkpoint (layers, step, error))
    return NULL;
  return g_steal_pointer (&layers);
}

/**
 * kol_layers_open_recipe:
 * @device: where it is computed
 * @recipe: a network
 * @like: the size of its pictures, and its classes
 * @name: what it is to be called
 * @error: return location
 *
 * Opens a network that has learned nothing: kol_layers_copy() gives it what another has.
 *
 * Errors: %KOL_ERROR_DATA if it does not take pictures; those of the network's shapes.
 *
 * Returns: (transfer full) (nullable): the network
 */
KolLayers *
kol_layers_open_recipe (KolDevice *device, KolRecipe *recipe, const KolDataset *like,
                        const char *name, GError **error)
{
  g_return_val_if_fail (device != NULL && recipe != NULL && like != NULL && name != NULL, NULL);
  g_autoptr (KolLayers) layers = layers_new (device, name);

  if (!take_recipe (layers, recipe, like, error) || !probe (layers, error))
    return NULL;
  return g_steal_pointer (&layers);
}

/**
 * kol_layers_copy:
 * @layers: an opened network
 * @from: parameters of the same network, which may be in training
 * @error: return location
 *
 * Gives the network what another has learned: of parameters that keep a moving average, that.
 *
 * Errors: %KOL_ERROR_DATA if @from is of another network; what the device reports.
 *
 * Returns: %FALSE if it was not copied
 */
gboolean
kol_layers_copy (KolLayers *layers, KolParameters *from, GError **error)
{
  g_return_val_if_fail (layers != NULL && from != NULL, FALSE);

  for (guint i = 0; i < kol_parameters_get_count (layers->parameters); i++)
    {
      KolParameter *to = kol_parameters_get (layers->parameters, i);
      g_autofree char *average = g_strconcat (to->name, "/average", NULL);
      KolParameter *source = kol_parameters_find (from, average);

      if (g_str_has_prefix (to->name, STUDY))
        continue;
      source = source ? source : kol_parameters_find (from, to->name);
      if (!source || !kol_shape_equal (&source->shape, &to->shape))
        {
          g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                       "The parameter %s %s of %s is not in the network to copy from", to->name,
                       kol_shape_text (&to->shape), layers->name);
          return FALSE;
        }
      g_autofree float *values = g_new (float, (gsize) kol_shape_count (&to->shape));
      if (!kol_parameter_read (source, values, error) || !kol_parameter_write (to, values, error))
        return FALSE;
    }
  return TRUE;
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
  return layers->model ? kol_model_get_classes (layers->model) : layers->like->class_names;
}

/**
 * kol_layers_get_typical:
 * @layers: an opened network
 * @error: return location
 *
 * What the pictures that a run has learned from are like on average: where there is something, and
 * how light they are. Their data are read when this is called first.
 *
 * Errors: those of kol_dataset_open(); %KOL_ERROR_DATA if it is no run, or the data have changed.
 *
 * Returns: (transfer none) (nullable): the mean picture, of the size and channels that the network
 *   takes, or %NULL if it is not known
 */
const KolPicture *
kol_layers_get_typical (KolLayers *layers, GError **error)
{
  g_return_val_if_fail (layers != NULL, NULL);

  if (layers->model && !layers->untypical)
    g_set_error (&layers->untypical, KOL_ERROR, KOL_ERROR_DATA,
                 "What %s has learned from is not known", layers->name);
  if (!layers->typical && !layers->untypical)
    layers->typical = kol_typical_picture (layers->like, &layers->untypical);
  if (layers->untypical)
    g_propagate_error (error, g_error_copy (layers->untypical));
  return layers->typical;
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

static Change *
find_change (const KolLayers *layers, const char *layer)
{
  for (guint i = 0; i < layers->changes->len; i++)
    {
      Change *change = g_ptr_array_index (layers->changes, i);

      if (strcmp (change->layer, layer) == 0)
        return change;
    }
  return NULL;
}

/* ── Digests ─────────────────────────────────────────────────────────────────────────────────── */

/* Lent, until the parameter changes. */
static const char *
digest_parameter (KolLayers *layers, KolParameter *parameter, GError **error)
{
  Digest *known = g_hash_table_lookup (layers->digests, parameter);
  gsize n = (gsize) kol_shape_count (&parameter->shape);

  if (known && known->version == parameter->version)
    return known->sha256;
  g_autofree float *values = g_new (float, n);
  if (!kol_parameter_read (parameter, values, error))
    return NULL;
  known = g_new (Digest, 1);
  known->version = parameter->version;
  known->sha256 = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) values,
                                               n * sizeof *values);
  g_hash_table_replace (layers->digests, parameter, known);
  return known->sha256;
}

/* What is changed of a layer; units that are as they were again leave the digest as it was. */
static void
digest_change (const Change *change, GChecksum *sum)
{
  for (guint unit = 0; unit < change->units; unit++)
    {
      const float numbers[] = { change->keep[unit], change->add[unit], change->turn[unit] };

      if (numbers[0] == 1)
        continue;
      g_checksum_update (sum, (const guchar *) change->layer, -1);
      g_checksum_update (sum, (const guchar *) &unit, sizeof unit);
      g_checksum_update (sum, (const guchar *) numbers, sizeof numbers);
    }
}

/**
 * kol_layers_digest:
 * @layers: an opened network
 * @i: a layer that is no alias
 * @error: return location
 *
 * SHA-256 of the layer's name and of all weights and changed units that it depends on: while that
 * is the same, so is all that the layer says.
 *
 * Returns: (transfer full) (nullable): 64 hexadecimal digits
 */
char *
kol_layers_digest (KolLayers *layers, guint i, GError **error)
{
  g_return_val_if_fail (layers != NULL && i < layers->sources->len, NULL);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *needed = g_new0 (guint8, layers->infos->len);

  g_checksum_update (sum, (const guchar *) kol_layers_get (layers, i)->name, -1);
  needed[i] = TRUE;
  for (guint at = i + 1; at-- > 0;)
    {
      const Sources *sources = &g_array_index (layers->sources, Sources, at);

      if (!needed[at])
        continue;
      const Change *change = find_change (layers, kol_layers_get (layers, at)->name);
      if (change)
        digest_change (change, sum);
      for (guint k = 0; k < sources->inputs->len; k++)
        needed[g_array_index (sources->inputs, guint, k)] = TRUE;
      for (guint k = 0; k < sources->own->len; k++)
        {
          const char *part = digest_parameter (layers, g_ptr_array_index (sources->own, k), error);
          if (!part)
            return NULL;
          g_checksum_update (sum, (const guchar *) part, -1);
        }
    }
  return g_strdup (g_checksum_get_string (sum));
}

/* ── Changed units ───────────────────────────────────────────────────────────────────────────── */

/* Its parameters are there before any graph needs them. */
static Change *
add_change (KolLayers *layers, const char *layer, GError **error)
{
  const KolLayerInfo *info = kol_layers_find (layers, layer, error);
  if (!info)
    return NULL;
  guint place = (guint) (info - (const KolLayerInfo *) layers->infos->data);
  if (info->alias)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "“%s” is another name of a layer; ask for that", layer);
      return NULL;
    }
  Change *change = g_new0 (Change, 1);
  change->layer = g_strdup (layer);
  change->ordinal = g_array_index (layers->sources, Sources, place).ordinal;
  change->units = (guint) info->shape.dim[1];
  change->shape = info->shape;
  for (int axis = 0; axis < change->shape.rank; axis++)
    if (axis != 1)
      change->shape.dim[axis] = 1;
  change->keep = g_new (float, change->units);
  change->add = g_new0 (float, change->units);
  change->turn = g_new0 (float, change->units);
  for (guint i = 0; i < change->units; i++)
    change->keep[i] = 1;
  g_autoptr (KolGraph) graph = kol_graph_new_over (layers->parameters);
  change_numbers (change, graph, "keep", 1);
  change_numbers (change, graph, "add", 0);
  change_numbers (change, graph, "turn", 0);
  g_ptr_array_add (layers->changes, change);
  return change;
}

static gboolean
write_numbers (const KolLayers *layers, const Change *change, const char *what,
               const float *numbers, GError **error)
{
  g_autofree char *name = g_strdup_printf (STUDY "change/%s/%s", change->layer, what);

  return kol_parameter_write (kol_parameters_find (layers->parameters, name), numbers, error);
}

/**
 * kol_layers_change_unit:
 * @layers: an opened network
 * @layer: a layer's name, not an alias
 * @unit: which of its units
 * @change: what is done to it; it takes the place of what was done before
 * @value: what it says if it is held
 * @error: return location
 *
 * Changes what a unit says, in all positions. A layer is changed in the graphs that are built from
 * its first change on; in these, later changes are seen at the next run.
 *
 * Errors: %KOL_ERROR_DATA if there is no such layer or unit, or a unit without a map is to be
 * turned.
 *
 * Returns: %FALSE if it cannot be done
 */
gboolean
kol_layers_change_unit (KolLayers *layers, const char *layer, guint unit, KolUnitChange change,
                        double value, GError **error)
{
  g_return_val_if_fail (layers != NULL && layer != NULL, FALSE);
  Change *changed = find_change (layers, layer);

  if (!changed && !(changed = add_change (layers, layer, error)))
    return FALSE;
  if (unit >= changed->units || (change == KOL_UNIT_TURNED && changed->shape.rank != 4))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   unit >= changed->units
                       ? "The layer %s has the units 0 to %u, but %u is asked for"
                       : "The %2$u units of the layer %1$s have no map that could be turned",
                   layer, changed->units - (unit >= changed->units), unit);
      return FALSE;
    }
  changed->keep[unit] = change == KOL_UNIT_AS_IT_IS;
  changed->add[unit] = change == KOL_UNIT_HELD ? (float) value : 0;
  changed->turn[unit] = change == KOL_UNIT_TURNED;
  return write_numbers (layers, changed, "keep", changed->keep, error)
         && write_numbers (layers, changed, "add", changed->add, error)
         && write_numbers (layers, changed, "turn", changed->turn, error);
}

/**
 * kol_layers_network:
 * @graph: a graph over kol_layers_get_parameters()
 * @batch: N, the number of examples
 * @training: not looked at: it does not learn
 * @like: a data set of the size and classes wanted
 * @values: (out): the network's values, lent by @graph
 * @layers: a #KolLayers whose network tells classes apart
 *
 * The network, with what is changed of it, for kol_evaluator_new(): a #KolNetwork.
 */
void
kol_layers_network (KolGraph *graph, gsize batch, gboolean training, const KolDataset *like,
                    KolNetworkValues *values, gpointer layers)
{
  KolLayers *self = layers;
  g_autoptr (GError) mistake = NULL;

  *values = (KolNetworkValues){ 0 };
  values->x = kol_placeholder (graph, STUDY "x",
                               KOL_SHAPE ((gint64) batch, (gint64) like->channels,
                                          (gint64) like->height, (gint64) like->width));
  values->y = kol_placeholder (graph, STUDY "y", KOL_SHAPE ((gint64) batch));
  if (!kol_layers_build (self, values->x, &mistake))
    {
      kol_graph_fail (graph, KOL_ERROR_SHAPE, "%s", mistake->message);
      return;
    }
  values->output = kol_reshape (self->output.value, KOL_SHAPE ((gint64) batch, -1));
  kol_graph_set_prefix (graph, "study");
  values->losses = kol_softmax_cross_entropy (values->output, values->y);
  values->loss = kol_mean (values->losses);
  kol_graph_set_prefix (graph, NULL);
}
