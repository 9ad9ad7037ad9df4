/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A network that does not learn: scores on a data set, and answers. Any number of
 * examples is taken a batch at a time; a last batch that is not full is filled up
 * with examples whose results are not looked at.
 */

#include "evaluator.h"

#include <math.h>
#include <string.h>

#include "../dataset/batches.h"
#include "../dataset/dataset-private.h"
#include "../graph/op-private.h"
#include "checkpoint-private.h"
#include "parameters-private.h"
#include "scoring-private.h"

#define LARGEST_BATCH 250         /* examples at a time, unless another number is asked for... */
#define LARGEST_NUMBERS (1 << 22) /* ...but no more than so many numbers */

struct _KolEvaluator {
  KolParameters *parameters;
  KolNetwork network;
  gpointer user_data;
  KolRecipe *recipe; /* what user_data is, if a run was opened */
  KolDataset *like;

  KolGraph *graph;
  KolNetworkValues values;
  gsize batch, usual; /* examples at a time, and where there are enough of them */
  gboolean fixed;     /* it is made for the usual number alone */
  gint64 outputs;     /* numbers per example */
};

/**
 * kol_score_free:
 * @score: (transfer full) (nullable): a score
 *
 * Frees the score and its confusion matrix.
 */
void
kol_score_free (KolScore *score)
{
  if (!score)
    return;
  g_free (score->confusion);
  g_free (score);
}

/* ── Making one ──────────────────────────────────────────────────────────────────────────────── */

/* Builds the network for another number of examples. */
static gboolean
rebuild (KolEvaluator *evaluator, gsize batch, GError **error)
{
  g_clear_pointer (&evaluator->graph, kol_graph_free);
  evaluator->batch = batch;
  evaluator->graph = kol_graph_new_over (evaluator->parameters);
  evaluator->network (evaluator->graph, batch, FALSE, evaluator->like, &evaluator->values,
                      evaluator->user_data);

  const GError *mistake = kol_graph_get_error (evaluator->graph);
  if (mistake)
    {
      g_propagate_error (error, g_error_copy (mistake));
      return FALSE;
    }
  const KolShape *shape = kol_value_get_shape (evaluator->values.output);
  evaluator->outputs = kol_shape_count (shape) / (gint64) batch;
  return TRUE;
}

/**
 * kol_evaluator_new:
 * @parameters: the network's parameters, which may be in training at the same time
 * @network: the network
 * @user_data: for @network
 * @like: a data set of the size and classes wanted; its examples are not looked at
 * @batch: examples at a time
 * @error: return location
 *
 * Errors: those of the network's shapes.
 *
 * Returns: (transfer full): the evaluator, or %NULL with @error set
 */
KolEvaluator *
kol_evaluator_new (KolParameters *parameters, KolNetwork network, gpointer user_data,
                   KolDataset *like, gsize batch, GError **error)
{
  g_return_val_if_fail (parameters != NULL && network != NULL && like != NULL && batch > 0, NULL);

  g_autoptr (KolEvaluator) evaluator = g_new0 (KolEvaluator, 1);
  evaluator->parameters = kol_parameters_ref (parameters);
  evaluator->network = network;
  evaluator->user_data = user_data;
  evaluator->like = kol_dataset_ref (like);
  evaluator->usual = batch;
  return rebuild (evaluator, batch, error) ? g_steal_pointer (&evaluator) : NULL;
}

/**
 * kol_evaluator_open:
 * @device: where to compute
 * @run: a run
 * @step: which checkpoint; 0: the latest
 * @error: return location
 *
 * Makes a run's network with the weights of a checkpoint: their moving average, if
 * the run keeps one.
 *
 * Errors: %KOL_ERROR_DATA if there is no such checkpoint, or it is damaged.
 *
 * Returns: (transfer full): the evaluator, or %NULL with @error set
 */
KolEvaluator *
kol_evaluator_open (KolDevice *device, const KolRun *run, guint64 step, GError **error)
{
  g_autoptr (GPtrArray) weights = NULL, state = NULL;

  g_return_val_if_fail (device != NULL && run != NULL, NULL);

  if (!step && !run->latest)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The run %s has no checkpoint, and so no weights", run->folder);
      return NULL;
    }
  if (!kol_checkpoint_load (run->folder, step ? step : run->latest, &weights, &state, NULL, error))
    return NULL;
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, run->settings.seed);
  g_autoptr (KolEvaluator) evaluator
      = kol_evaluator_new (parameters, kol_recipe_network, run->recipe, run->like,
                           kol_evaluator_usual_batch (run->like), error);
  if (!evaluator)
    return NULL;
  evaluator->recipe = kol_recipe_ref (run->recipe);
  if (!kol_parameters_take (parameters, weights, run->folder, error)
      || !kol_parameters_take_averages (parameters, state, error))
    return NULL;
  return g_steal_pointer (&evaluator);
}

/* Builds a pretrained model, which keeps no account of losses: a KolNetwork. */
static void
build_model (KolGraph *graph, gsize batch, gboolean training, const KolDataset *like,
             KolNetworkValues *values, gpointer user_data)
{
  KolModel *model = user_data;
  g_autoptr (GError) mistake = NULL;
  KolModelValues built = { 0 };

  if (!kol_model_build (model, graph, kol_model_get_shape (model, batch), &built, &mistake))
    {
      kol_graph_fail (graph, KOL_ERROR_DATA, "%s", mistake->message);
      return;
    }
  *values = (KolNetworkValues){ .x = built.x, .output = built.output };
}

/* [N, classes], with or without dimensions of 1 behind. */
static gboolean
check_scores (const KolEvaluator *evaluator, const KolModel *model, GError **error)
{
  const KolShape *shape = kol_value_get_shape (evaluator->values.output);

  if (shape->rank >= 2 && shape->dim[0] == (gint64) evaluator->batch
      && shape->dim[0] * shape->dim[1] == kol_shape_count (shape))
    return TRUE;
  g_set_error (
      error, KOL_ERROR, KOL_ERROR_SHAPE,
      "The model %s does not tell classes apart: for %zu pictures it gives %s, not a score "
      "for each class",
      kol_model_get_entry (model)->name, evaluator->batch, kol_shape_text (shape));
  return FALSE;
}

/**
 * kol_evaluator_open_model:
 * @device: where to compute
 * @model: a pretrained model, which must live as long as the evaluator
 * @batch: examples at a time; where the model is made for a number, that is taken
 * @error: return location
 *
 * Makes a pretrained network that is asked by kol_evaluator_predict(); its examples are
 * what kol_preprocess_load() gives. It cannot be scored, as it has no loss.
 *
 * Errors: those of kol_model_build(); %KOL_ERROR_SHAPE if it gives no scores of classes.
 *
 * Returns: (transfer full): the evaluator, or %NULL with @error set
 */
KolEvaluator *
kol_evaluator_open_model (KolDevice *device, KolModel *model, gsize batch, GError **error)
{
  g_return_val_if_fail (device != NULL && model != NULL && batch > 0, NULL);
  const KolPreprocess *picture = kol_model_get_picture (model);
  gsize only = kol_model_get_batch (model);
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, 0);
  g_autoptr (KolDataset) like = kol_dataset_new (kol_model_get_entry (model)->name, "train");

  like->channels = picture->channels;
  like->height = picture->height;
  like->width = picture->width;
  g_autoptr (KolEvaluator) evaluator
      = kol_evaluator_new (parameters, build_model, model, like, only ? only : batch, error);
  if (!evaluator || !check_scores (evaluator, model, error))
    return NULL;
  evaluator->fixed = only > 0;
  return g_steal_pointer (&evaluator);
}

/**
 * kol_evaluator_usual_batch:
 * @like: a data set
 *
 * Returns: how many of its examples are asked at a time, unless there is a reason for
 *   another number: 250, but fewer of large pictures
 */
gsize
kol_evaluator_usual_batch (const KolDataset *like)
{
  g_return_val_if_fail (like != NULL, 0);
  return CLAMP (LARGEST_NUMBERS / MAX (kol_dataset_example_size (like), 1), 1, LARGEST_BATCH);
}

/**
 * kol_evaluator_free:
 * @evaluator: (transfer full) (nullable): an evaluator
 */
void
kol_evaluator_free (KolEvaluator *evaluator)
{
  if (!evaluator)
    return;
  g_clear_pointer (&evaluator->graph, kol_graph_free);
  g_clear_pointer (&evaluator->recipe, kol_recipe_unref);
  g_clear_pointer (&evaluator->like, kol_dataset_unref);
  g_clear_pointer (&evaluator->parameters, kol_parameters_unref);
  g_free (evaluator);
}

/**
 * kol_evaluator_get_graph:
 * @evaluator: an evaluator
 *
 * Returns: (transfer none): its graph, until another number of examples needs another
 */
KolGraph *
kol_evaluator_get_graph (KolEvaluator *evaluator)
{
  g_return_val_if_fail (evaluator != NULL, NULL);
  return evaluator->graph;
}

/**
 * kol_evaluator_get_output:
 * @evaluator: an evaluator
 *
 * Returns: (transfer none): what its network gives: the scores or numbers of a batch,
 *   until another number of examples needs another graph
 */
KolValue *
kol_evaluator_get_output (KolEvaluator *evaluator)
{
  g_return_val_if_fail (evaluator != NULL, NULL);
  return evaluator->values.output;
}

/**
 * kol_evaluator_get_outputs:
 * @evaluator: an evaluator
 *
 * Returns: how many numbers it gives for an example
 */
gsize
kol_evaluator_get_outputs (const KolEvaluator *evaluator)
{
  g_return_val_if_fail (evaluator != NULL, 0);
  return (gsize) evaluator->outputs;
}

/* What a run of it computes. */
#define MAX_TARGETS 2

static guint
list_targets (const KolEvaluator *evaluator, KolValue *targets[MAX_TARGETS])
{
  targets[0] = evaluator->values.output;
  targets[1] = evaluator->values.losses;
  return targets[1] ? 2 : 1; /* a pretrained network is asked alone */
}

/**
 * kol_evaluator_prepare:
 * @evaluator: an evaluator
 * @error: return location
 *
 * Compiles and allocates what scoring needs.
 *
 * Returns: %FALSE if a program does not compile or memory is short
 */
gboolean
kol_evaluator_prepare (KolEvaluator *evaluator, GError **error)
{
  KolValue *targets[MAX_TARGETS];

  return kol_prepare (evaluator->graph, targets, list_targets (evaluator, targets), error);
}

/**
 * kol_evaluator_peak_bytes:
 * @evaluator: an evaluator
 * @bytes: (out): the most device memory that scoring takes
 * @error: return location
 *
 * Returns: %FALSE if the network cannot be laid out
 */
gboolean
kol_evaluator_peak_bytes (KolEvaluator *evaluator, guint64 *bytes, GError **error)
{
  KolValue *targets[MAX_TARGETS];

  return kol_peak_bytes (evaluator->graph, targets, list_targets (evaluator, targets), bytes,
                         error);
}

/* Fewer examples than a batch need the network at their own size; more, at the usual one again. */
static gboolean
fit (KolEvaluator *evaluator, gsize count, GError **error)
{
  gsize batch = evaluator->fixed ? evaluator->usual : MIN (evaluator->usual, count);

  return batch == evaluator->batch || rebuild (evaluator, batch, error);
}

/* ── Scores ──────────────────────────────────────────────────────────────────────────────────── */

static gboolean
check_size (const KolEvaluator *evaluator, const KolDataset *data, GError **error)
{
  const KolDataset *like = evaluator->like;

  if (data->channels == like->channels && data->height == like->height && data->width == like->width
      && data->outputs == like->outputs)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
               "The examples of the %s are [%zu, %zu, %zu] with %zu targets, but the network was "
               "made for [%zu, %zu, %zu] (channels, height, width) with %zu; score it on examples "
               "of that size",
               data->name, data->channels, data->height, data->width, data->outputs, like->channels,
               like->height, like->width, like->outputs);
  return FALSE;
}

static gboolean
check_labels (const KolEvaluator *evaluator, const KolDataset *data, GError **error)
{
  for (gsize i = 0; data->labels && i < data->count; i++)
    if (data->labels[i] >= evaluator->like->classes)
      {
        g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                     "Example %zu of the %s has the label %u, but the network knows the %u classes "
                     "0 to %u; score it on the kind of data that it learned from",
                     i, data->name, data->labels[i], evaluator->like->classes,
                     evaluator->like->classes - 1);
        return FALSE;
      }
  return TRUE;
}

/* The first of the largest. */
static guint
largest (const float *scores, gint64 n)
{
  guint best = 0;

  for (gint64 i = 1; i < n; i++)
    if (scores[i] > scores[best])
      best = (guint) i;
  return best;
}

/*
 * Adds a batch's @count examples to sums, but for those that could not be read; `loss` and
 * `accuracy` are sums until the end.
 */
static void
score_add (KolScore *score, const KolBatches *batches, const float *outputs, gint64 n_outputs,
           const float *losses, const guint32 *labels, gsize count)
{
  for (gsize i = 0; i < count; i++)
    {
      if (!kol_batches_has_example (batches, i))
        continue;
      score->count++;
      score->loss += losses[i];
      if (!labels)
        continue;
      guint answer = largest (outputs + i * (gsize) n_outputs, n_outputs);
      score->accuracy += answer == labels[i];
      score->confusion[labels[i] * score->classes + answer]++;
    }
}

struct _KolScoring {
  KolEvaluator *evaluator;
  KolDataset *data;
  KolBatches *batches;
  KolScore *score; /* of those before @place */
  gsize place;
  float *outputs, *losses; /* of a batch */
};

static KolScore *
score_new (const KolEvaluator *evaluator, const KolDataset *data)
{
  KolScore *score = g_new0 (KolScore, 1);

  if (data->labels)
    {
      score->classes = MAX ((guint) evaluator->outputs, evaluator->like->classes);
      score->confusion = g_new0 (guint, score->classes * score->classes);
    }
  return score;
}

KolScoring *
kol_scoring_new (KolEvaluator *evaluator, KolDataset *data, GError **error)
{
  g_return_val_if_fail (evaluator->values.losses != NULL, NULL);

  if (!check_size (evaluator, data, error) || !check_labels (evaluator, data, error)
      || !kol_dataset_finish (data, error) || !fit (evaluator, data->count, error))
    return NULL;
  g_autoptr (KolScoring) scoring = g_new0 (KolScoring, 1);
  scoring->evaluator = evaluator;
  scoring->data = kol_dataset_ref (data);
  scoring->score = score_new (evaluator, data);
  scoring->outputs = g_new (float, evaluator->batch *(gsize) evaluator->outputs);
  scoring->losses = g_new (float, evaluator->batch);
  scoring->batches = kol_batches_new (data, evaluator->batch, 0, FALSE, error);
  return scoring->batches ? g_steal_pointer (&scoring) : NULL;
}

void
kol_scoring_free (KolScoring *scoring)
{
  if (!scoring)
    return;
  g_clear_pointer (&scoring->batches, kol_batches_free);
  g_clear_pointer (&scoring->score, kol_score_free);
  kol_dataset_unref (scoring->data);
  g_free (scoring->outputs);
  g_free (scoring->losses);
  g_free (scoring);
}

static gboolean
score_batch (KolScoring *scoring, GError **error)
{
  KolEvaluator *evaluator = scoring->evaluator;
  KolDataset *data = scoring->data;
  KolValue *targets[MAX_TARGETS];
  const float *x, *y;

  if (!fit (evaluator, data->count, error))
    return FALSE;
  guint n = list_targets (evaluator, targets);
  if (!kol_batches_next (scoring->batches, &x, &y))
    return kol_dataset_finish (data, error);
  kol_set (evaluator->values.x, x);
  kol_set (evaluator->values.y, y);
  if (!kol_run_all (evaluator->graph, targets, n, error)
      || !kol_read (evaluator->values.output, scoring->outputs, error)
      || !kol_read (evaluator->values.losses, scoring->losses, error))
    return FALSE;
  /* The last batch is filled up with examples that were counted already. */
  gsize valid = kol_batches_get_valid (scoring->batches);
  score_add (scoring->score, scoring->batches, scoring->outputs, evaluator->outputs,
             scoring->losses, data->labels ? data->labels + scoring->place : NULL, valid);
  scoring->place += valid;
  return TRUE;
}

/* Makes averages of sums. */
static gboolean
score_finish (KolScore *score, const KolDataset *data, GError **error)
{
  if (score->count == 0)
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_EMPTY,
                   "None of the %zu examples of the %s could be read", data->count, data->name);
      return FALSE;
    }
  score->loss /= score->count;
  score->accuracy = data->labels ? score->accuracy / score->count : NAN;
  return TRUE;
}

gboolean
kol_scoring_advance (KolScoring *scoring, KolScore **score, GError **error)
{
  *score = NULL;
  if (!score_batch (scoring, error))
    return FALSE;
  if (scoring->place < scoring->data->count)
    return TRUE;
  if (!score_finish (scoring->score, scoring->data, error))
    return FALSE;
  *score = g_steal_pointer (&scoring->score);
  return TRUE;
}

/**
 * kol_evaluator_score:
 * @evaluator: an evaluator
 * @data: examples of the size that the network was made for
 * @cancellable: (nullable): stops it
 * @error: return location
 *
 * Computes the loss of all the examples, each once, and how the classes are told
 * apart, with the parameters as they are now. Sums are in double precision. Pictures
 * that are read meanwhile and turn out to be unreadable are not counted.
 *
 * Errors: %KOL_ERROR_SHAPE for examples of another size, %KOL_ERROR_DATA for labels
 * that the network does not know, what kol_dataset_finish() reports, and whatever
 * the device reports.
 *
 * Returns: (transfer full): the score, or %NULL with @error set
 */
KolScore *
kol_evaluator_score (KolEvaluator *evaluator, KolDataset *data, GCancellable *cancellable,
                     GError **error)
{
  g_return_val_if_fail (evaluator != NULL && data != NULL, NULL);
  g_return_val_if_fail (evaluator->values.losses != NULL, NULL);

  g_autoptr (KolScoring) scoring = kol_scoring_new (evaluator, data, error);
  KolScore *score = NULL;
  while (scoring && !score)
    if (g_cancellable_set_error_if_cancelled (cancellable, error)
        || !kol_scoring_advance (scoring, &score, error))
      return NULL;
  return score;
}

/**
 * kol_evaluator_predict:
 * @evaluator: an evaluator
 * @examples: [count, C, H, W], pixels 0..1
 * @count: how many
 * @outputs: (out): [count, outputs]: a score per class (logits), or the numbers
 *   predicted
 * @error: return location
 *
 * Asks the network.
 *
 * Returns: %FALSE if the device failed
 */
gboolean
kol_evaluator_predict (KolEvaluator *evaluator, const float *examples, gsize count, float *outputs,
                       GError **error)
{
  g_return_val_if_fail (evaluator != NULL && examples != NULL && outputs != NULL, FALSE);

  const KolDataset *like = evaluator->like;
  gsize each = like->channels * like->height * like->width;
  if (count == 0)
    return TRUE;
  if (!fit (evaluator, count, error))
    return FALSE;
  gsize batch = evaluator->batch, row = (gsize) evaluator->outputs;
  g_autofree float *full = g_new0 (float, batch *each), *answers = g_new (float, batch *row);
  for (gsize done = 0; done < count; done += batch)
    {
      gsize n = MIN (batch, count - done);

      memcpy (full, examples + done * each, n * each * sizeof (float));
      kol_set (evaluator->values.x, full);
      if (!kol_run (evaluator->graph, evaluator->values.output, error)
          || !kol_read (evaluator->values.output, answers, error))
        return FALSE;
      memcpy (outputs + done * row, answers, n * row * sizeof (float));
    }
  return TRUE;
}
