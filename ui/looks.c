/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Looks into a run. A look is asked for on the main thread and taken by a probe, between two
 * steps, over the trainer's own weights; what it keeps from one look to the next (graphs over
 * these weights, what is known of the validation set) is freed on the worker's thread, too.
 */

#include "looks.h"

#include <math.h>
#include <string.h>

#include "news-private.h"
#include "texture.h"

#define PIECE 20      /* examples of the validation set in one look */
#define MOST_UNITS 64 /* maps of a layer */
#define BINS 64       /* of a histogram */

/* ── Looks ───────────────────────────────────────────────────────────────────────────────────── */

static void
example_clear (gpointer data)
{
  KxExample *example = data;

  g_clear_object (&example->texture);
  g_clear_pointer (&example->numbers, g_bytes_unref);
}

static void
layer_clear (gpointer data)
{
  KxLayerLook *layer = data;

  g_free (layer->name);
  g_free (layer->kind);
  g_free (layer->shape);
  g_free (layer->weights);
  g_clear_pointer (&layer->maps, g_ptr_array_unref);
}

static KxLook *
look_new (KxLookKind kind)
{
  KxLook *look = g_new0 (KxLook, 1);

  g_atomic_ref_count_init (&look->references);
  look->kind = kind;
  look->loss = NAN;
  look->examples = g_array_new (FALSE, TRUE, sizeof (KxExample));
  look->layers = g_array_new (FALSE, TRUE, sizeof (KxLayerLook));
  look->pictures = g_ptr_array_new_with_free_func (g_object_unref);
  g_array_set_clear_func (look->examples, example_clear);
  g_array_set_clear_func (look->layers, layer_clear);
  return look;
}

KxLook *
kx_look_ref (KxLook *look)
{
  g_atomic_ref_count_inc (&look->references);
  return look;
}

void
kx_look_unref (KxLook *look)
{
  if (!look || !g_atomic_ref_count_dec (&look->references))
    return;
  g_free (look->fault);
  g_free (look->title);
  g_strfreev (look->class_names);
  g_strfreev (look->names);
  g_array_unref (look->examples);
  g_array_unref (look->layers);
  g_ptr_array_unref (look->pictures);
  g_free (look->confusion);
  g_free (look->probabilities);
  kol_histograms_free (look->weights);
  kol_histograms_free (look->gradients);
  g_free (look);
}

/**
 * kx_look_name_class:
 * @look: a look
 * @class: a class, or a number where there are none
 *
 * Returns: (transfer full): its name
 */
char *
kx_look_name_class (const KxLook *look, double class)
{
  guint i = (guint) class;

  if (!look->classes)
    return g_strdup_printf ("%.3g", class);
  if (look->class_names && i < g_strv_length (look->class_names))
    return g_strdup (look->class_names[i]);
  return g_strdup_printf ("%u", i);
}

/* ── The worker's side ───────────────────────────────────────────────────────────────────────── */

/* What is known of an example of the validation set. */
typedef struct {
  float loss, share, truth_share;
  float answer;
  guint64 step;
  gboolean known;
} Verdict;

/* A network built over the trainer's weights for so many examples, with all its layers. */
typedef struct {
  gsize batch;
  KolGraph *graph;
  KolNetworkValues values;
  GPtrArray *layers; /* KolValue */
} Built;

struct _KxLookState {
  KolEvaluator *evaluator; /* for PIECE examples; NULL: not yet made */
  KolBatches *batches;     /* of the validation set */
  Verdict *verdicts;
  gsize n, next;            /* examples; pieces that were taken */
  GPtrArray *names, *kinds; /* of layers; NULL: not yet listed */
  Built one, many;
};

KxLookState *
kx_look_state_new (void)
{
  return g_new0 (KxLookState, 1);
}

static void
built_clear (Built *built)
{
  g_clear_pointer (&built->layers, g_ptr_array_unref);
  g_clear_pointer (&built->graph, kol_graph_free);
}

void
kx_look_state_free (KxLookState *state)
{
  if (!state)
    return;
  built_clear (&state->one);
  built_clear (&state->many);
  g_clear_pointer (&state->evaluator, kol_evaluator_free);
  g_clear_pointer (&state->batches, kol_batches_free);
  g_clear_pointer (&state->names, g_ptr_array_unref);
  g_clear_pointer (&state->kinds, g_ptr_array_unref);
  g_free (state->verdicts);
  g_free (state);
}

static float *
read_value (KolValue *value, gsize *count, GError **error)
{
  *count = (gsize) kol_shape_count (kol_value_get_shape (value));
  g_autofree float *numbers = g_new (float, *count);

  return kol_read (value, numbers, error) ? g_steal_pointer (&numbers) : NULL;
}

static gboolean
refuse (GError **error, const char *text)
{
  g_set_error_literal (error, KOL_ERROR, KOL_ERROR_DATA, text);
  return FALSE;
}

/* ── Examples ────────────────────────────────────────────────────────────────────────────────── */

/* What is answered, from scores of classes; the loss is the negative log likelihood. */
static void
judge_classes (const float *scores, guint classes, guint truth, KxExample *example)
{
  double sum = 0;
  guint best = 0;

  for (guint i = 1; i < classes; i++)
    if (scores[i] > scores[best])
      best = i;
  for (guint i = 0; i < classes; i++)
    sum += exp ((double) scores[i] - scores[best]);
  example->truth = truth;
  example->answer = best;
  example->share = 1 / sum;
  example->truth_share = exp ((double) scores[truth] - scores[best]) / sum;
  example->loss = log (sum) - ((double) scores[truth] - scores[best]);
  example->wrong = best != truth;
}

static void
judge_numbers (const float *outputs, const float *targets, gsize n, KxExample *example)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += ((double) outputs[i] - targets[i]) * ((double) outputs[i] - targets[i]);
  example->truth = targets[0];
  example->answer = outputs[0];
  example->share = example->truth_share = NAN;
  example->loss = sum / (double) n;
}

static void
judge (const KolDataset *like, const float *outputs, gsize n_outputs, const float *targets,
       KxExample *example)
{
  if (like->labels || like->classes)
    judge_classes (outputs, (guint) n_outputs, MIN ((guint) targets[0], (guint) n_outputs - 1),
                   example);
  else
    judge_numbers (outputs, targets, n_outputs, example);
}

static void
show (const KolDataset *like, const float *numbers, KxExample *example)
{
  example->numbers
      = g_bytes_new (numbers, like->channels * like->height * like->width * sizeof (float));
  if (like->height > 1)
    example->texture = kx_texture_new (numbers, like->channels, like->height, like->width);
}

static gboolean
look_at_batch (KxLook *look, KolTrainer *trainer, GError **error)
{
  const KolDataset *like = kol_trainer_get_validation (trainer);
  g_autoptr (KolTrainBatch) batch = kol_trainer_read_batch (trainer, error);
  double loss = 0;

  if (!batch)
    return FALSE;
  look->count = batch->count;
  for (gsize i = 0; i < batch->count; i++)
    {
      KxExample example = { .index = i };

      judge (like, batch->outputs + i * batch->n_outputs, batch->n_outputs,
             batch->targets + i * batch->n_targets, &example);
      loss += example.loss;
      look->right += !example.wrong;
      if (i >= KX_LOOK_MOST)
        continue;
      show (like, batch->examples + i * batch->size, &example);
      g_array_append_val (look->examples, example);
    }
  look->loss = loss / (double) batch->count;
  return TRUE;
}

/* ── The validation set ──────────────────────────────────────────────────────────────────────── */

static KolParameters *
parameters_of (KolTrainer *trainer)
{
  return kol_graph_get_parameters (kol_trainer_get_graph (trainer));
}

static gboolean
prepare_validation (KxLookState *state, KolTrainer *trainer, GError **error)
{
  KolDataset *data = kol_trainer_get_validation (trainer);
  gsize piece = MIN (PIECE, data->count);

  if (state->batches)
    return TRUE;
  if (!kol_dataset_finish (data, error))
    return FALSE;
  if (!kol_trainer_get_recipe (trainer))
    return refuse (error, "Only networks of recipes can be looked into");
  if (!state->evaluator)
    state->evaluator = kol_evaluator_new (parameters_of (trainer), kol_recipe_network,
                                          kol_trainer_get_recipe (trainer), data, piece, error);
  if (!state->evaluator || !kol_evaluator_prepare (state->evaluator, error))
    return FALSE;
  state->batches = kol_batches_new (data, piece, 0, FALSE, error);
  state->n = data->count;
  state->verdicts = g_new0 (Verdict, state->n);
  return state->batches != NULL;
}

/* Pieces follow one another so that the first of them are from all over the set. */
static gsize
place_of_piece (gsize piece, gsize pieces)
{
  static const gsize strides[] = { 97, 89, 83, 79, 1 };
  guint i = 0;

  while (strides[i] > 1 && pieces % strides[i] == 0)
    i++;
  return piece * strides[i] % pieces;
}

/* Examples of a piece, from its first. */
static gboolean
take_piece (KxLookState *state, KolTrainer *trainer, gsize *first, const float **examples,
            GError **error)
{
  KolDataset *data = kol_trainer_get_validation (trainer);
  gsize batch = kol_batches_get_batch (state->batches);
  gsize pieces = kol_batches_per_epoch (state->batches);
  gsize place = place_of_piece (state->next % pieces, pieces);
  const float *targets;

  kol_batches_seek (state->batches, place);
  if (!kol_batches_next (state->batches, examples, &targets))
    return kol_dataset_finish (data, error);
  *first = place * batch;
  return TRUE;
}

static const float *
targets_of (const KolDataset *data, gsize i, float *label)
{
  if (!data->labels)
    return data->targets + i * data->outputs;
  *label = data->labels[i];
  return label;
}

static gboolean
judge_piece (KxLookState *state, KolTrainer *trainer, GError **error)
{
  const KolDataset *data = kol_trainer_get_validation (trainer);
  gsize n_outputs = kol_evaluator_get_outputs (state->evaluator), first = 0;
  gsize batch = kol_batches_get_batch (state->batches);
  g_autofree float *outputs = g_new (float, batch *n_outputs);
  const float *examples;

  if (!take_piece (state, trainer, &first, &examples, error)
      || !kol_evaluator_predict (state->evaluator, examples, batch, outputs, error))
    return FALSE;
  for (gsize i = 0; i < kol_batches_get_valid (state->batches); i++)
    {
      KxExample example = { 0 };
      float label;

      if (!kol_batches_has_example (state->batches, i))
        continue;
      judge (data, outputs + i * n_outputs, n_outputs, targets_of (data, first + i, &label),
             &example);
      state->verdicts[first + i]
          = (Verdict){ (float) example.loss,           (float) example.share,
                       (float) example.truth_share,    (float) example.answer,
                       kol_trainer_get_step (trainer), TRUE };
    }
  state->next++;
  return TRUE;
}

typedef struct {
  gsize index;
  float loss;
} Ranked;

static int
compare_losses (gconstpointer a, gconstpointer b)
{
  const Ranked *one = a, *other = b;

  if (one->loss != other->loss)
    return one->loss > other->loss ? -1 : 1;
  return one->index < other->index ? -1 : one->index > other->index;
}

static gboolean
is_wanted (const KolDataset *data, const Verdict *verdict, gsize i, const KxLookQuestion *question)
{
  if (!verdict->known)
    return FALSE;
  if (!question->chosen)
    return !data->labels || data->labels[i] != (guint) verdict->answer;
  return data->labels && data->labels[i] == question->truth
         && (guint) verdict->answer == question->answer;
}

/* Its picture, from memory, or read again from its file. */
static gboolean
show_example (KxLookState *state, const KolDataset *data, KxExample *example, GError **error)
{
  gsize size = data->channels * data->height * data->width;

  if (data->pixels || data->values)
    {
      g_autofree float *numbers = g_new (float, size);
      for (gsize i = 0; i < size; i++)
        numbers[i] = data->values ? data->values[example->index * size + i]
                                  : data->pixels[example->index * size + i] / 255.0f;
      show (data, numbers, example);
      return TRUE;
    }
  gsize batch = kol_batches_get_batch (state->batches);
  const float *examples, *targets;
  kol_batches_seek (state->batches, example->index / batch);
  if (!kol_batches_next (state->batches, &examples, &targets))
    return refuse (error, "A picture could not be read again");
  show (data, examples + example->index % batch * size, example);
  return TRUE;
}

static gboolean
show_worst (KxLookState *state, KxLook *look, const KolDataset *data,
            const KxLookQuestion *question, GError **error)
{
  g_autoptr (GArray) ranked = g_array_new (FALSE, FALSE, sizeof (Ranked));

  for (gsize i = 0; i < state->n; i++)
    if (is_wanted (data, &state->verdicts[i], i, question))
      {
        Ranked each = { i, state->verdicts[i].loss };
        g_array_append_val (ranked, each);
      }
  g_array_sort (ranked, compare_losses);
  for (guint k = 0; k < MIN (ranked->len, KX_LOOK_MOST); k++)
    {
      gsize i = g_array_index (ranked, Ranked, k).index;
      const Verdict *verdict = &state->verdicts[i];
      KxExample example
          = { .index = i,
              .truth = data->labels ? data->labels[i] : data->targets[i * data->outputs],
              .answer = verdict->answer,
              .share = verdict->share,
              .truth_share = verdict->truth_share,
              .loss = verdict->loss };
      example.wrong = data->labels && example.truth != example.answer;
      if (!show_example (state, data, &example, error))
        return FALSE;
      g_array_append_val (look->examples, example);
    }
  return TRUE;
}

static void
sum_up (KxLookState *state, KxLook *look, const KolDataset *data, guint64 step)
{
  double loss = 0;

  look->total = state->n;
  look->current = TRUE;
  if (look->classes)
    look->confusion = g_new0 (guint, look->classes * look->classes);
  for (gsize i = 0; i < state->n; i++)
    {
      const Verdict *verdict = &state->verdicts[i];

      look->current = look->current && verdict->known && verdict->step == step;
      if (!verdict->known)
        continue;
      look->count++;
      loss += verdict->loss;
      if (look->confusion && data->labels[i] < look->classes)
        {
          look->confusion[data->labels[i] * look->classes + (guint) verdict->answer]++;
          look->right += data->labels[i] == (guint) verdict->answer;
        }
    }
  look->loss = look->count ? loss / (double) look->count : NAN;
}

static gboolean
look_at_validation (KxLookState *state, KxLook *look, KolTrainer *trainer,
                    const KxLookQuestion *question, GError **error)
{
  const KolDataset *data = kol_trainer_get_validation (trainer);

  if (!prepare_validation (state, trainer, error) || !judge_piece (state, trainer, error))
    return FALSE;
  /* There may be more scores than classes in the data. */
  if (look->classes)
    look->classes = (guint) kol_evaluator_get_outputs (state->evaluator);
  sum_up (state, look, data, look->step);
  return show_worst (state, look, data, question, error);
}

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
static gboolean
look_at_filters (KxLook *look, KolTrainer *trainer, GError **error)
{
  const KolDataset *like = kol_trainer_get_validation (trainer);
  KolParameters *parameters = parameters_of (trainer);
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
  return refuse (error, "This network has no filters: nothing in it is laid over a picture");
}

/* ── Layers ──────────────────────────────────────────────────────────────────────────────────── */

/* Names and kinds of the layers, as the library lists those of a network of pictures. */
static gboolean
list_layers (KxLookState *state, KolTrainer *trainer, GError **error)
{
  KolRecipe *recipe = kol_trainer_get_recipe (trainer);

  if (state->names)
    return TRUE;
  if (!recipe)
    return refuse (error, "Only networks of recipes can be looked into");
  g_autoptr (KolLayers) layers
      = kol_layers_open_recipe (kol_parameters_get_device (parameters_of (trainer)), recipe,
                                kol_trainer_get_validation (trainer), "run", error);
  if (!layers)
    return FALSE;
  state->names = g_ptr_array_new_with_free_func (g_free);
  state->kinds = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < kol_layers_get_count (layers); i++)
    {
      const KolLayerInfo *info = kol_layers_get (layers, i);
      if (info->alias)
        continue;
      g_ptr_array_add (state->names, g_strdup (info->name));
      g_ptr_array_add (state->kinds, g_strdup (info->kind));
    }
  return TRUE;
}

static gboolean
build (KxLookState *state, Built *built, KolTrainer *trainer, gsize batch, GError **error)
{
  if (built->graph && built->batch == batch)
    return TRUE;
  built_clear (built);
  if (!list_layers (state, trainer, error))
    return FALSE;
  built->batch = batch;
  built->graph = kol_graph_new_over (parameters_of (trainer));
  built->layers = g_ptr_array_new ();
  kol_recipe_network (built->graph, batch, FALSE, kol_trainer_get_validation (trainer),
                      &built->values, kol_trainer_get_recipe (trainer));
  if (kol_graph_get_error (built->graph))
    {
      g_propagate_error (error, g_error_copy (kol_graph_get_error (built->graph)));
      built_clear (built);
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
show_layers (KxLookState *state, Built *built, KxLook *look, gboolean maps, GError **error)
{
  for (guint i = 0; i < built->layers->len; i++)
    {
      KolValue *value = built->layers->pdata[i];
      gsize count;

      if (!value)
        continue;
      g_autofree float *numbers = read_value (value, &count, error);
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
list_targets (const Built *built, guint *n)
{
  KolValue **targets = g_new (KolValue *, built->layers->len + 1);

  *n = 0;
  for (guint i = 0; i < built->layers->len; i++)
    if (built->layers->pdata[i])
      targets[(*n)++] = built->layers->pdata[i];
  targets[(*n)++] = built->values.output;
  return targets;
}

static gboolean
look_at_activations (KxLookState *state, KxLook *look, KolTrainer *trainer, GBytes *numbers,
                     GError **error)
{
  Built *built = &state->one;
  guint n;

  if (!build (state, built, trainer, 1, error))
    return FALSE;
  g_autofree KolValue **targets = list_targets (built, &n);
  kol_set (built->values.x, g_bytes_get_data (numbers, NULL));
  if (!kol_run_all (built->graph, targets, n, error)
      || !show_layers (state, built, look, TRUE, error))
    return FALSE;
  gsize count;
  g_autofree float *scores = read_value (built->values.output, &count, error);
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

/* The weights of the layer "conv1" or "conv1/relu" are those called "w_conv1", as recipes do. */
static KolValue *
find_weights (KolValue *const *parameters, guint n, const char *layer)
{
  g_autofree char *stem = g_strndup (layer, strcspn (layer, "/"));
  g_autofree char *name = g_strconcat ("w_", stem, NULL);

  for (guint i = 0; i < n; i++)
    if (g_str_equal (kol_value_get_name (parameters[i]), name))
      return parameters[i];
  return NULL;
}

static gboolean
run_backward (Built *built, KolValue *const *of, guint n, KxLook *look, GPtrArray *norms,
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
      g_autofree float *numbers = read_value (gradients[i], &count, error);
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
take_norms (Built *built, KxLook *look, GError **error)
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

static gboolean
look_at_layers (KxLookState *state, KxLook *look, KolTrainer *trainer, GError **error)
{
  g_autoptr (KolTrainBatch) batch = kol_trainer_read_batch (trainer, error);
  guint n;

  if (!batch || !build (state, &state->many, trainer, batch->count, error))
    return FALSE;
  Built *built = &state->many;
  g_autofree KolValue **targets = list_targets (built, &n);
  look->count = batch->count;
  kol_set (built->values.x, batch->examples);
  kol_set (built->values.y, batch->targets);
  return kol_run_all (built->graph, targets, n, error)
         && show_layers (state, built, look, FALSE, error) && take_norms (built, look, error);
}

/* ── Taking a look ───────────────────────────────────────────────────────────────────────────── */

static gboolean
look_at_histograms (KxLook *look, KolTrainer *trainer, GError **error)
{
  look->names = g_strdupv ((char **) kol_trainer_get_parameter_names (trainer));
  look->weights = kol_trainer_read_weights (trainer, BINS, error);
  look->gradients = look->weights ? kol_trainer_read_gradients (trainer, BINS, error) : NULL;
  return look->gradients != NULL;
}

static gboolean
take (KxLookState *state, KxLook *look, KolTrainer *trainer, const KxLookQuestion *question,
      GError **error)
{
  switch (question->kind)
    {
    case KX_LOOK_BATCH:
      return look_at_batch (look, trainer, error);
    case KX_LOOK_VALIDATION:
      return look_at_validation (state, look, trainer, question, error);
    case KX_LOOK_FILTERS:
      return look_at_filters (look, trainer, error);
    case KX_LOOK_ACTIVATIONS:
      return look_at_activations (state, look, trainer, question->numbers, error);
    case KX_LOOK_HISTOGRAMS:
      return look_at_histograms (look, trainer, error);
    case KX_LOOK_LAYERS:
    default:
      return look_at_layers (state, look, trainer, error);
    }
}

/**
 * kx_look_state_look:
 * @state: what is kept from look to look
 * @trainer: between two steps
 * @question: what is asked
 *
 * Returns: (transfer full): what was seen, or why nothing could be
 */
KxLook *
kx_look_state_look (KxLookState *state, KolTrainer *trainer, const KxLookQuestion *question)
{
  const KolDataset *like = kol_trainer_get_validation (trainer);
  g_autoptr (GError) error = NULL;
  gint64 began = g_get_monotonic_time ();
  KxLook *look = look_new (question->kind);

  look->step = kol_trainer_get_step (trainer);
  look->classes = like->labels ? like->classes : 0;
  look->class_names = g_strdupv (like->class_names);
  if (!take (state, look, trainer, question, &error))
    look->fault = g_strdup (error->message);
  look->seconds = (double) (g_get_monotonic_time () - began) / G_USEC_PER_SEC;
  return look;
}

/* ── Between the threads ─────────────────────────────────────────────────────────────────────── */

/* What the probes share, until the task that stands for it ends, on the worker's thread. */
typedef struct {
  gatomicrefcount references;
  KxLookState *state; /* the worker's; NULL: over */
} Shared;

struct _KxLooks {
  KxRun *run;
  Shared *shared;
  KxTask *task; /* never has a turn to take; its end frees the state */
};

typedef struct {
  gatomicrefcount references; /* the probe's, and the delivery's */
  Shared *shared;
  KxLookQuestion question;
  KxLookFunc func;
  GWeakRef owner;
  KxLook *look;
} Asked;

static void
shared_unref (Shared *shared)
{
  if (g_atomic_ref_count_dec (&shared->references))
    g_free (shared);
}

static KxTurn
rest (gpointer data, double seconds)
{
  return KX_TURN_WAIT;
}

static void
end_state (gpointer data)
{
  Shared *shared = data;

  g_clear_pointer (&shared->state, kx_look_state_free);
  shared_unref (shared);
}

static const KxTaskKind looks_kind = { rest, end_state };

static void
asked_unref (gpointer data)
{
  Asked *asked = data;

  if (!g_atomic_ref_count_dec (&asked->references))
    return;
  shared_unref (asked->shared);
  g_clear_pointer (&asked->question.numbers, g_bytes_unref);
  g_weak_ref_clear (&asked->owner);
  kx_look_unref (asked->look);
  g_free (asked);
}

static void
deliver (gpointer data)
{
  Asked *asked = data;
  g_autoptr (GObject) owner = g_weak_ref_get (&asked->owner);

  if (owner)
    asked->func (asked->look, owner);
}

/* A KxRunProbe. */
static void
answer (KolTrainer *trainer, gpointer data)
{
  Asked *asked = data;

  if (!asked->shared->state)
    return;
  asked->look = kx_look_state_look (asked->shared->state, trainer, &asked->question);
  g_atomic_ref_count_inc (&asked->references);
  kx_news_post (deliver, asked, asked_unref);
}

/**
 * kx_looks_new:
 * @run: a run
 *
 * Returns: (transfer full): what looks into it
 */
KxLooks *
kx_looks_new (KxRun *run)
{
  KxLooks *looks = g_new0 (KxLooks, 1);
  KxWorker *worker = kx_engine_get_worker (kx_device_get_engine (kx_run_get_device (run)));

  looks->run = g_object_ref (run);
  looks->shared = g_new0 (Shared, 1);
  g_atomic_ref_count_init (&looks->shared->references);
  if (worker)
    {
      looks->shared->state = kx_look_state_new ();
      g_atomic_ref_count_inc (&looks->shared->references);
      looks->task = kx_worker_add (worker, &looks_kind, looks->shared, 1);
    }
  return looks;
}

/**
 * kx_looks_free:
 * @looks: (transfer full) (nullable): looks; what is still asked may be answered yet
 */
void
kx_looks_free (KxLooks *looks)
{
  if (!looks)
    return;
  if (looks->task)
    {
      kx_task_cancel (looks->task);
      kx_task_unref (looks->task);
    }
  shared_unref (looks->shared);
  g_object_unref (looks->run);
  g_free (looks);
}

/**
 * kx_looks_ask:
 * @looks: looks
 * @question: what is to be looked at
 * @func: told on the main thread what was seen; not called if the run has ended
 * @owner: (type GObject): for @func; of what it asks only the newest is answered, and nothing once
 *   it is gone
 */
void
kx_looks_ask (KxLooks *looks, const KxLookQuestion *question, KxLookFunc func, gpointer owner)
{
  Asked *asked = g_new0 (Asked, 1);

  g_atomic_ref_count_init (&asked->references);
  g_atomic_ref_count_inc (&looks->shared->references);
  asked->shared = looks->shared;
  asked->question = *question;
  if (question->numbers)
    g_bytes_ref (question->numbers);
  asked->func = func;
  g_weak_ref_init (&asked->owner, owner);
  kx_run_probe (looks->run, owner, answer, asked, asked_unref);
}
