/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A pretrained network, wherever it is from: one of the known networks with weights from
 * a file, or an ONNX file, which has both.
 */

#include "model.h"

#include <math.h>
#include <string.h>

#include "networks.h"
#include "onnx.h"
#include "weights.h"

#define ONNX_SUFFIX ".onnx"
#define BEST "efficientnet-lite0" /* of those in the catalogue: small, and seldom wrong */
#define INPUT "image"
#define LARGEST_SIDE 16384

struct _KolModel {
  KolModelEntry *entry;
  KolPreprocess picture;
  char **classes;
  gsize batch; /* the only one that it can be built for; 0: any */

  KolOnnx *onnx; /* or: */
  const KolNetworkKind *kind;
  KolWeights *weights;
  KolParameters *loaded; /* what has the weights already */
};

/**
 * kol_model_free:
 * @model: (transfer full) (nullable): a model
 */
void
kol_model_free (KolModel *model)
{
  if (!model)
    return;
  g_clear_pointer (&model->entry, kol_model_entry_free);
  g_strfreev (model->classes);
  g_clear_pointer (&model->onnx, kol_onnx_free);
  g_clear_pointer (&model->weights, kol_weights_free);
  g_clear_pointer (&model->loaded, kol_parameters_unref);
  g_free (model);
}

/* ── ONNX ────────────────────────────────────────────────────────────────────────────────────── */

/* [N, C, H, W] of floats, where the file says so much. */
static gboolean
takes_pictures (const KolOnnxInfo *input)
{
  gint64 channels = input->dims[1];

  return !input->fixed && strcmp (input->type, "float") == 0 && input->rank == 4
         && (channels == 1 || channels == 3 || channels == -1) && input->dims[2] <= LARGEST_SIDE
         && input->dims[3] <= LARGEST_SIDE;
}

static void
adapt_picture (KolModel *model, const KolOnnxInfo *input)
{
  KolPreprocess *picture = &model->picture;

  model->batch = input->dims[0] > 0 ? (gsize) input->dims[0] : 0;
  /* A file that says how large its pictures are is right. */
  kol_preprocess_set_size (picture, input->dims[3] > 0 ? (gsize) input->dims[3] : picture->width,
                           input->dims[2] > 0 ? (gsize) input->dims[2] : picture->height);
  if (model->entry->has_picture || input->dims[1] != 1)
    return;
  picture->channels = 1;
  picture->mean[0] = 0;
  picture->std[0] = 1;
}

/* A thousand classes without names are ImageNet's. */
static void
adapt_classes (KolModel *model, const KolOnnxInfo *output)
{
  if (!model->entry->classes && output->rank >= 2 && output->dims[1] == 1000)
    model->entry->classes = g_strdup ("imagenet-1000");
}

static gboolean
open_onnx (KolModel *model, GError **error)
{
  const char *path = model->entry->path;

  model->onnx = kol_onnx_open (path, error);
  if (!model->onnx)
    return FALSE;
  if (kol_onnx_get_n_inputs (model->onnx) != 1 || kol_onnx_get_n_outputs (model->onnx) < 1
      || !takes_pictures (kol_onnx_get_input (model->onnx, 0)))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "“%s” is not a network that takes pictures alone, as one input [N, 3, H, W] or "
                   "[N, 1, H, W] of floats",
                   path);
      return FALSE;
    }
  adapt_picture (model, kol_onnx_get_input (model->onnx, 0));
  adapt_classes (model, kol_onnx_get_output (model->onnx, 0));
  return TRUE;
}

static KolValue *
build_onnx (KolModel *model, KolValue *x, GError **error)
{
  g_autofree KolValue **outputs = g_new0 (KolValue *, kol_onnx_get_n_outputs (model->onnx));

  return kol_onnx_build_upon (model->onnx, &x, outputs, error) ? outputs[0] : NULL;
}

/* ── Known networks ──────────────────────────────────────────────────────────────────────────── */

static gboolean
open_weights (KolModel *model, GError **error)
{
  const KolModelEntry *entry = model->entry;

  if (!entry->network)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "“%s” is no ONNX file (.onnx), so it has weights alone; say whose they are "
                   "like: kolinsky models add FILE --like resnet18",
                   entry->path);
      return FALSE;
    }
  model->kind = kol_network_find (entry->network);
  model->weights = kol_weights_open (entry->path, error);
  return model->kind && model->weights;
}

/* The network, or its layers up to entry->last. */
static KolValue *
build_kind (const KolModel *model, KolValue *x)
{
  const char *network = model->entry->network, *last = model->entry->last;
  const KolNetworkOptions options
      = { .classes = model->classes ? (gint64) g_strv_length (model->classes) : 0 };

  if (last && strcmp (network, "vgg16") == 0)
    return kol_vgg16_features (x, last);
  if (last && strcmp (network, "vgg19") == 0)
    return kol_vgg19_features (x, last);
  return model->kind->build (x, &options);
}

/* Weights are read once for each set of parameters. */
static gboolean
load_weights (KolModel *model, KolGraph *graph, GError **error)
{
  KolParameters *parameters = kol_graph_get_parameters (graph);
  const KolLoadOptions options
      = { .names = model->kind->names, .part = model->entry->last != NULL };

  if (parameters == model->loaded)
    return TRUE;
  if (!kol_parameters_load (parameters, model->weights, &options, error))
    return FALSE;
  g_clear_pointer (&model->loaded, kol_parameters_unref);
  model->loaded = kol_parameters_ref (parameters);
  return TRUE;
}

static KolValue *
build_known (KolModel *model, KolValue *x, GError **error)
{
  KolGraph *graph = kol_value_get_graph (x);
  KolValue *output = build_kind (model, x);
  const GError *mistake = kol_graph_get_error (graph);

  if (!mistake)
    return load_weights (model, graph, error) ? output : NULL;
  g_propagate_error (error, g_error_copy (mistake));
  return NULL;
}

/* ── Opening ─────────────────────────────────────────────────────────────────────────────────── */

/* What is known of the model; its file is there. */
static KolModelEntry *
find_entry (const char *name_or_path, GError **error)
{
  g_autoptr (GError) unknown = NULL;
  g_autoptr (KolModelEntry) entry = kol_catalogue_find (name_or_path, &unknown);

  if (entry && entry->path)
    return g_steal_pointer (&entry);
  if (g_file_test (name_or_path, G_FILE_TEST_IS_REGULAR))
    return kol_catalogue_recognize (name_or_path, error);
  if (!entry)
    g_propagate_error (error, g_steal_pointer (&unknown));
  else if (entry->problem)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "%s", entry->problem);
  else
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "The model %s is not installed; `kolinsky models get %s` downloads it",
                 entry->name, entry->name);
  return NULL;
}

/**
 * kol_model_open:
 * @name_or_path: the name of an installed model, or a file: ONNX, or one that is
 *   recognized as a model's weights
 * @error: return location
 *
 * Opens a pretrained network. Nothing is computed yet, and weights stay in their file.
 *
 * Errors: %KOL_ERROR_DATA if there is no such model, if it is not installed, or if its
 * file is damaged or not of a network that takes pictures.
 *
 * Returns: (transfer full): the model, or %NULL with @error set
 */
KolModel *
kol_model_open (const char *name_or_path, GError **error)
{
  g_return_val_if_fail (name_or_path != NULL, NULL);
  g_autoptr (KolModel) model = g_new0 (KolModel, 1);
  g_autoptr (GError) mistake = NULL;

  model->entry = find_entry (name_or_path, error);
  if (!model->entry)
    return NULL;
  model->picture = model->entry->has_picture ? model->entry->picture : KOL_PREPROCESS_IMAGENET;
  if (!(g_str_has_suffix (model->entry->path, ONNX_SUFFIX) ? open_onnx (model, error)
                                                           : open_weights (model, error)))
    return NULL;
  model->classes = kol_model_entry_read_classes (model->entry, &mistake);
  if (!mistake)
    return g_steal_pointer (&model);
  g_propagate_error (error, g_steal_pointer (&mistake));
  return NULL;
}

/**
 * kol_model_find_default:
 *
 * Returns: (transfer full) (nullable): the name of the installed model that tells what
 *   pictures show, unless another is asked for; %NULL if none is installed
 */
char *
kol_model_find_default (void)
{
  g_autoptr (GPtrArray) entries = kol_catalogue_list (NULL);
  const char *found = NULL;

  for (guint i = 0; entries && i < entries->len; i++)
    {
      const KolModelEntry *entry = g_ptr_array_index (entries, i);
      if (entry->path && entry->classes && (!found || strcmp (entry->name, BEST) == 0))
        found = entry->name;
    }
  return g_strdup (found);
}

/**
 * kol_model_get_entry:
 * @model: a model
 *
 * Returns: (transfer none): what is known of it: its name, its file, whose it is
 */
const KolModelEntry *
kol_model_get_entry (const KolModel *model)
{
  g_return_val_if_fail (model != NULL, NULL);
  return model->entry;
}

/**
 * kol_model_get_picture:
 * @model: a model
 *
 * Returns: (transfer none): how pictures are prepared for it: as for most networks for
 *   ImageNet, where nothing is known
 */
const KolPreprocess *
kol_model_get_picture (const KolModel *model)
{
  g_return_val_if_fail (model != NULL, NULL);
  return &model->picture;
}

/**
 * kol_model_get_classes:
 * @model: a model
 *
 * Returns: (transfer none) (nullable): the names of its classes
 */
char **
kol_model_get_classes (const KolModel *model)
{
  g_return_val_if_fail (model != NULL, NULL);
  return model->classes;
}

/**
 * kol_model_get_batch:
 * @model: a model
 *
 * Returns: how many pictures at a time its file is made for; 0: any number
 */
gsize
kol_model_get_batch (const KolModel *model)
{
  g_return_val_if_fail (model != NULL, 0);
  return model->batch;
}

/**
 * kol_model_get_shape:
 * @model: a model
 * @batch: N, how many pictures at a time
 *
 * Returns: the shape of so many pictures of the usual size, [N, C, H, W]
 */
KolShape
kol_model_get_shape (const KolModel *model, gsize batch)
{
  g_return_val_if_fail (model != NULL, (KolShape){ 0 });
  const KolPreprocess *picture = &model->picture;

  return KOL_SHAPE ((gint64) batch, (gint64) picture->channels, (gint64) picture->height,
                    (gint64) picture->width);
}

/**
 * kol_model_build:
 * @model: a model
 * @graph: where it is built
 * @shape: the pictures', [N, C, H, W]; many networks take other sizes than the usual one
 * @values: (out): the network's values, lent by @graph
 * @error: return location
 *
 * Builds the network. The set of parameters of @graph becomes the model's, and is for
 * nothing else; weights are read when the first graph over it is built.
 *
 * Errors: those of the file, and of the network's shapes.
 *
 * Returns: %FALSE if it cannot be built
 */
gboolean
kol_model_build (KolModel *model, KolGraph *graph, KolShape shape, KolModelValues *values,
                 GError **error)
{
  g_return_val_if_fail (model != NULL && graph != NULL && values != NULL, FALSE);

  values->x = kol_placeholder (
      graph, model->onnx ? kol_onnx_get_input (model->onnx, 0)->name : INPUT, shape);
  values->output = kol_model_build_upon (model, values->x, error);
  return values->output != NULL;
}

/**
 * kol_model_build_upon:
 * @model: a model
 * @x: the pictures [N, C, H, W], prepared as kol_model_get_picture() says
 * @error: return location
 *
 * Builds the network as kol_model_build() does, but upon pictures that are computed: a
 * part of a larger graph.
 *
 * Returns: (transfer none) (nullable): what the network gives, or %NULL with @error set
 */
KolValue *
kol_model_build_upon (KolModel *model, KolValue *x, GError **error)
{
  g_return_val_if_fail (model != NULL && x != NULL, NULL);
  const GError *mistake = kol_graph_get_error (kol_value_get_graph (x));

  if (!mistake)
    return model->onnx ? build_onnx (model, x, error) : build_known (model, x, error);
  g_propagate_error (error, g_error_copy (mistake));
  return NULL;
}

/**
 * kol_model_get_onnx:
 * @model: a model
 *
 * Returns: (transfer none) (nullable): the ONNX file that it is from, whose names of
 *   tensors kol_onnx_get_tensor() tells after a build; %NULL if it is a known network
 */
KolOnnx *
kol_model_get_onnx (const KolModel *model)
{
  g_return_val_if_fail (model != NULL, NULL);
  return model->onnx;
}
