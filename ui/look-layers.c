/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Looks at what layers have learned, and at what they make of examples, forward and backward. */

#include "look-private.h"

#include <math.h>
#include <string.h>

#include "texture.h"

#define MOST_UNITS 64 /* maps of a layer */

/* ── Filters ─────────────────────────────────────────────────────────────────────────────────── */

/* Grey is 0; black and white are the largest weight of all filters, so that they compare. */
static void
show_filters (KxLook *look, const float *weights, gsize n, gsize channels, gsize height,
              gsize width, gboolean in_columns)
{
  gsize each = channels * height * width;
  g_autofree float *pixels = g_new (float, each);
  float most = 1e-20f;

  for (gsize i = 0; i < n * each; i++)
    most = MAX (most, fabsf (weights[i]));
  for (gsize k = 0; k < MIN (n, KX_LOOK_MOST); k++)
    {
      for (gsize i = 0; i < each; i++)
        pixels[i] = 0.5f + 0.5f * weights[in_columns ? i * n + k : k * each + i] / most;
      g_ptr_array_add (look->pictures, kx_texture_new (pixels, channels, height, width));
    }
}

/* Kernels of the first convolution; or of a layer of all pixels, a picture for each node. */
gboolean
kx_look_at_filters (KxLook *look, KolTrainer *trainer, GError **error)
{
  const KolDataset *like = kol_trainer_get_validation (trainer);
  KolParameters *parameters = kx_look_parameters (trainer);
  gsize size = like->channels * like->height * like->width;

  for (guint i = 0; i < kol_parameters_get_count (parameters); i++)
    {
      KolParameter *parameter = kol_parameters_get (parameters, i);
      const KolShape *shape = kol_parameter_get_shape (parameter);
      gboolean kernels = shape->rank == 4;
      gboolean columns = shape->rank == 2 && like->height > 1 && (gsize) shape->dim[0] == size;

      if (!kol_parameter_is_trainable (parameter) || (!kernels && !columns))
        continue;
      g_autofree float *weights = g_new (float, (gsize) kol_shape_count (shape));
      if (!kol_parameter_read (parameter, weights, error))
        return FALSE;
      look->title = g_strdup (kol_parameter_get_name (parameter));
      if (kernels)
        show_filters (look, weights, (gsize) shape->dim[0], (gsize) shape->dim[1],
                      (gsize) shape->dim[2], (gsize) shape->dim[3], FALSE);
      else
        show_filters (look, weights, (gsize) shape->dim[1], like->channels, like->height,
                      like->width, TRUE);
      look->count = (gsize) shape->dim[kernels ? 0 : 1];
      return TRUE;
    }
  return kx_look_refuse (error,
                         "This network has no filters: nothing in it is laid over a picture");
}

/* ── Layers ──────────────────────────────────────────────────────────────────────────────────── */

/* A row of a table is to the library a picture of one row. */
static KolDataset *
take_as_pictures (KolDataset *data)
{
  KolDataset *like = kol_dataset_slice (data, 0, 1);

  if (like->height == 1 && like->width == 1)
    {
      like->width = like->channels;
      like->channels = 1;
    }
  return like;
}

/* Names and kinds of the layers, as the library lists those of a network of pictures. */
static gboolean
list_layers (KxLookState *state, KolTrainer *trainer, GError **error)
{
  KolRecipe *recipe = kol_trainer_get_recipe (trainer);

  if (state->names)
    return TRUE;
  if (!recipe)
    return kx_look_refuse (error, "Only networks of recipes can be looked into");
  g_autoptr (KolDataset) like = take_as_pictures (kol_trainer_get_validation (trainer));
  g_autoptr (KolLayers) layers = kol_layers_open_recipe (
      kol_parameters_get_device (kx_look_parameters (trainer)), recipe, like, "run", error);
  if (!layers)
    return FALSE;
  state->names = g_ptr_array_new_with_free_func (g_free);
  state->kinds = g_ptr_array_new_with_free_func (g_free);
  state->inputs = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  for (guint i = 0; i < kol_layers_get_count (layers); i++)
    {
      const KolLayerInfo *info = kol_layers_get (layers, i);
      if (info->alias)
        continue;
      g_ptr_array_add (state->names, g_strdup (info->name));
      g_ptr_array_add (state->kinds, g_strdup (info->kind));
      GArray *inputs = g_array_new (FALSE, FALSE, sizeof (guint));
      g_array_append_vals (inputs, info->inputs, info->n_inputs);
      g_ptr_array_add (state->inputs, inputs);
    }
  return TRUE;
}

static gboolean
build (KxLookState *state, KxBuilt *built, KolTrainer *trainer, gsize batch, GError **error)
{
  if (built->graph && built->batch == batch)
    return TRUE;
  kx_built_clear (built);
  if (!list_layers (state, trainer, error))
    return FALSE;
  built->batch = batch;
  built->graph = kol_graph_new_over (kx_look_parameters (trainer));
  built->layers = g_ptr_array_new ();
  kol_recipe_network (built->graph, batch, FALSE, kol_trainer_get_validation (trainer),
                      &built->values, kol_trainer_get_recipe (trainer));
  if (kol_graph_get_error (built->graph))
    {
      g_propagate_error (error, g_error_copy (kol_graph_get_error (built->graph)));
      kx_built_clear (built);
      return FALSE;
    }
  for (guint i = 0; i < state->names->len; i++)
    g_ptr_array_add (built->layers, kol_graph_find (built->graph, state->names->pdata[i]));
  return TRUE;
}

/* "32 x 28 x 28" of [N, 32, 28, 28]. */
static char *
describe_shape (const KolShape *shape)
{
  GString *text = g_string_new (NULL);

  for (int axis = 1; axis < shape->rank; axis++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT, axis > 1 ? " × " : "", shape->dim[axis]);
  return g_string_free (text, FALSE);
}

static KxLayerLook
layer_new (KxLookState *state, guint i, KolValue *value)
{
  return (KxLayerLook){ .name = g_strdup (state->names->pdata[i]),
                        .kind = g_strdup (state->kinds->pdata[i]),
                        .shape = describe_shape (kol_value_get_shape (value)),
                        .norm = NAN,
                        .weight_norm = NAN,
                        .weight_gradient = NAN };
}

static void
measure (KxLayerLook *layer, const float *numbers, gsize count)
{
  double sum = 0;

  layer->least = INFINITY;
  layer->most = -INFINITY;
  for (gsize i = 0; i < count; i++)
    {
      sum += numbers[i];
      layer->least = MIN (layer->least, numbers[i]);
      layer->most = MAX (layer->most, numbers[i]);
    }
  layer->mean = sum / (double) count;
}

/* Black is the least of the layer, or 0; white the most. Nodes without a place stand in rows. */
static void
show_maps (KxLayerLook *layer, const float *numbers, const KolShape *shape)
{
  gboolean maps = shape->rank == 4;
  gsize height = maps ? (gsize) shape->dim[2] : 1, width = maps ? (gsize) shape->dim[3] : 1;
  gsize units = (gsize) (kol_shape_count (shape) / shape->dim[0]) / (height * width);
  double least = MIN (layer->least, 0), span = MAX (layer->most - least, 1e-20);

  layer->units = (guint) units;
  layer->maps = g_ptr_array_new_with_free_func (g_object_unref);
  if (!maps)
    {
      width = (gsize) ceil (sqrt ((double) units));
      height = (units + width - 1) / width;
    }
  g_autofree float *grey = g_new0 (float, height *width);
  for (gsize k = 0; k < (maps ? MIN (units, MOST_UNITS) : 1); k++)
    {
      gsize count = maps ? height * width : units;
      for (gsize i = 0; i < count; i++)
        grey[i] = (float) ((numbers[k * count + i] - least) / span);
      g_ptr_array_add (layer->maps, kx_texture_new (grey, 1, height, width));
    }
}

static gboolean
show_layers (KxLookState *state, KxBuilt *built, KxLook *look, gboolean maps, GError **error)
{
  for (guint i = 0; i < built->layers->len; i++)
    {
      KolValue *value = built->layers->pdata[i];
      gsize count;

      if (!value)
        continue;
      g_autofree float *numbers = kx_look_read_value (value, &count, error);
      if (!numbers)
        return FALSE;
      KxLayerLook layer = layer_new (state, i, value);
      measure (&layer, numbers, count);
      if (maps)
        show_maps (&layer, numbers, kol_value_get_shape (value));
      g_array_append_val (look->layers, layer);
    }
  return TRUE;
}

static void
softmax (const float *scores, guint n, float *shares)
{
  double sum = 0, most = -INFINITY;

  for (guint i = 0; i < n; i++)
    most = MAX (most, scores[i]);
  for (guint i = 0; i < n; i++)
    sum += exp (scores[i] - most);
  for (guint i = 0; i < n; i++)
    shares[i] = (float) (exp (scores[i] - most) / sum);
}

/* The values of all layers and what is answered, together. Given. */
static KolValue **
list_targets (const KxBuilt *built, guint *n)
{
  KolValue **targets = g_new (KolValue *, built->layers->len + 1);

  *n = 0;
  for (guint i = 0; i < built->layers->len; i++)
    if (built->layers->pdata[i])
      targets[(*n)++] = built->layers->pdata[i];
  targets[(*n)++] = built->values.output;
  return targets;
}

gboolean
kx_look_at_activations (KxLookState *state, KxLook *look, KolTrainer *trainer, GBytes *numbers,
                        GError **error)
{
  KxBuilt *built = &state->one;
  guint n;

  if (!build (state, built, trainer, 1, error))
    return FALSE;
  g_autofree KolValue **targets = list_targets (built, &n);
  kol_set (built->values.x, g_bytes_get_data (numbers, NULL));
  if (!kol_run_all (built->graph, targets, n, error)
      || !show_layers (state, built, look, TRUE, error))
    return FALSE;
  gsize count;
  g_autofree float *scores = kx_look_read_value (built->values.output, &count, error);
  if (!scores)
    return FALSE;
  if (look->classes)
    {
      look->classes = (guint) count;
      look->probabilities = g_new (float, count);
      softmax (scores, (guint) count, look->probabilities);
    }
  return TRUE;
}

static double
norm_of (const float *numbers, gsize count)
{
  double sum = 0;

  for (gsize i = 0; i < count; i++)
    sum += (double) numbers[i] * numbers[i];
  return sqrt (sum);
}

/*
 * The weights of the layer "conv1" or "conv1/relu" are those called "w_conv1", as recipes do; those
 * of "block1/2", if there are any of that name, "w_block1/2".
 */
static KolValue *
find_weights (KolValue *const *parameters, guint n, const char *layer)
{
  g_autofree char *stem = g_strndup (layer, strcspn (layer, "/"));
  g_autofree char *whole = g_strconcat ("w_", layer, NULL), *name = g_strconcat ("w_", stem, NULL);
  KolValue *found = NULL;

  for (guint i = 0; i < n; i++)
    if (g_str_equal (kol_value_get_name (parameters[i]), whole))
      return parameters[i];
    else if (g_str_equal (kol_value_get_name (parameters[i]), name))
      found = parameters[i];
  return found;
}

static gboolean
run_backward (KxBuilt *built, KolValue *const *of, guint n, KxLook *look, GPtrArray *norms,
              GError **error)
{
  g_autofree KolValue **gradients = g_new0 (KolValue *, n);

  if (!kol_gradients (built->values.loss, of, n, gradients))
    {
      g_propagate_error (error, g_error_copy (kol_graph_get_error (built->graph)));
      return FALSE;
    }
  g_autoptr (GPtrArray) targets = g_ptr_array_new ();
  for (guint i = 0; i < n; i++)
    if (gradients[i])
      g_ptr_array_add (targets, gradients[i]);
  g_ptr_array_add (targets, built->values.loss);
  if (!kol_run_all (built->graph, (KolValue *const *) targets->pdata, targets->len, error))
    return FALSE;
  look->loss = kol_scalar (built->values.loss);
  for (guint i = 0; i < n; i++)
    {
      double *norm = g_new (double, 1);
      gsize count;

      *norm = NAN;
      g_ptr_array_add (norms, norm);
      if (!gradients[i])
        continue;
      g_autofree float *numbers = kx_look_read_value (gradients[i], &count, error);
      if (!numbers)
        return FALSE;
      *norm = norm_of (numbers, count);
    }
  return TRUE;
}

static gboolean
measure_weights (KxLayerLook *layer, KolParameters *parameters, GError **error)
{
  KolParameter *weights = kol_parameters_find (parameters, layer->weights);
  gsize count = weights ? (gsize) kol_shape_count (kol_parameter_get_shape (weights)) : 0;
  g_autofree float *numbers = g_new (float, count + 1);

  if (weights && !kol_parameter_read (weights, numbers, error))
    return FALSE;
  layer->weight_norm = norm_of (numbers, count);
  return TRUE;
}

/* The norms that belong to layers: of dE/d layer, and of their weights. */
static gboolean
take_norms (KxBuilt *built, KxLook *look, GError **error)
{
  g_autofree KolValue **parameters = NULL;
  guint n_parameters = kol_trainables (built->values.loss, &parameters);
  g_autoptr (GPtrArray) of = g_ptr_array_new ();
  g_autoptr (GPtrArray) norms = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < built->layers->len; i++)
    if (built->layers->pdata[i])
      g_ptr_array_add (of, built->layers->pdata[i]);
  guint n_layers = of->len;
  for (guint i = 0; i < n_parameters; i++)
    g_ptr_array_add (of, parameters[i]);
  if (!run_backward (built, (KolValue *const *) of->pdata, of->len, look, norms, error))
    return FALSE;
  for (guint i = 0; i < n_layers; i++)
    {
      KxLayerLook *layer = &g_array_index (look->layers, KxLayerLook, i);
      KolValue *weights = find_weights (parameters, n_parameters, layer->name);

      layer->norm = *(double *) norms->pdata[i];
      for (guint k = 0; weights && k < n_parameters; k++)
        if (parameters[k] == weights)
          {
            layer->weights = g_strdup (kol_value_get_name (weights));
            layer->weight_gradient = *(double *) norms->pdata[n_layers + k];
            if (!measure_weights (layer, kol_graph_get_parameters (built->graph), error))
              return FALSE;
          }
    }
  return TRUE;
}

gboolean
kx_look_at_layers (KxLookState *state, KxLook *look, KolTrainer *trainer, GError **error)
{
  g_autoptr (KolTrainBatch) batch = kol_trainer_read_batch (trainer, error);
  guint n;

  if (!batch || !build (state, &state->many, trainer, batch->count, error))
    return FALSE;
  KxBuilt *built = &state->many;
  g_autofree KolValue **targets = list_targets (built, &n);
  look->count = batch->count;
  kol_set (built->values.x, batch->examples);
  kol_set (built->values.y, batch->targets);
  if (!kol_run_all (built->graph, targets, n, error)
      || !show_layers (state, built, look, FALSE, error) || !take_norms (built, look, error))
    return FALSE;
  kx_nodes_take (state, trainer, g_steal_pointer (&batch));
  return TRUE;
}
