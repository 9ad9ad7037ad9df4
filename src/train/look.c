/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A look inside a trainer between two steps. It changes nothing of what follows. */

#include "look.h"

#include <math.h>

#include "trainer-private.h"

/**
 * kol_trainer_get_evaluator:
 * @trainer: a trainer
 *
 * Returns: (transfer none): the network that does not learn, over the trainer's weights as
 *   they are now, to be asked by kol_evaluator_predict() between two steps. For few examples
 *   at a time another kol_evaluator_new() over the same parameters is better, as this one is
 *   planned for the size of validation
 */
KolEvaluator *
kol_trainer_get_evaluator (KolTrainer *trainer)
{
  g_return_val_if_fail (trainer != NULL, NULL);
  return trainer->evaluator;
}

/**
 * kol_trainer_get_validation:
 * @trainer: a trainer
 *
 * Returns: (transfer none): the examples that it does not learn from
 */
KolDataset *
kol_trainer_get_validation (KolTrainer *trainer)
{
  g_return_val_if_fail (trainer != NULL, NULL);
  return trainer->validation;
}

/**
 * kol_trainer_get_recipe:
 * @trainer: a trainer
 *
 * Returns: (transfer none) (nullable): what its network is made by; %NULL if by another function
 *   than kol_recipe_network()
 */
KolRecipe *
kol_trainer_get_recipe (KolTrainer *trainer)
{
  g_return_val_if_fail (trainer != NULL, NULL);
  return trainer->recipe;
}

/**
 * kol_trainer_score_part:
 * @trainer: a trainer
 * @data: examples of the size that the network was made for
 * @first: the first of them to look at
 * @count: how many
 * @cancellable: (nullable): stops it
 * @error: return location
 *
 * kol_trainer_score() of a part of the examples, so that something else can be done between
 * two parts. The counts of parts add up, and so do losses and accuracies times @count.
 *
 * Returns: (transfer full): the score, or %NULL with @error set
 */
KolScore *
kol_trainer_score_part (KolTrainer *trainer, KolDataset *data, gsize first, gsize count,
                        GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (trainer != NULL && data != NULL, NULL);
  g_return_val_if_fail (count > 0 && first < data->count && count <= data->count - first, NULL);

  if (!kol_dataset_finish (data, error))
    return NULL;
  g_autoptr (KolDataset) part = kol_dataset_slice (data, first, count);
  return kol_trainer_score_until (trainer, part, cancellable, error);
}

/* ── The batch ───────────────────────────────────────────────────────────────────────────────── */

/* A value's numbers. Given; NULL with @error set. */
static float *
read_value (KolValue *value, GError **error)
{
  g_autofree float *numbers = g_new (float, kol_shape_count (kol_value_get_shape (value)));

  return kol_read (value, numbers, error) ? g_steal_pointer (&numbers) : NULL;
}

static gsize
count_each (KolValue *value, gsize count)
{
  return (gsize) kol_shape_count (kol_value_get_shape (value)) / count;
}

/* What the network gives for the batch while nothing is dropped. */
static float *
read_outputs (KolTrainer *trainer, GError **error)
{
  const KolNetworkValues *values = &trainer->learner.values;

  if (values->keep)
    kol_set_scalar (values->keep, 1);
  float *outputs = kol_run (trainer->learner.graph, values->output, error)
                       ? read_value (values->output, error)
                       : NULL;
  if (values->keep)
    kol_set_scalar (values->keep, (float) kol_trainer_keep (trainer));
  return outputs;
}

/*
 * Gives the graph the batch of the latest step, as that left it: of another process, or of before
 * a way back, it is not there any more. What comes next is the batch after it.
 */
static gboolean
feed_again (KolTrainer *trainer, guint64 number, GError **error)
{
  const KolLearner *learner = &trainer->learner;
  const KolDataset *like = trainer->lessons;
  gsize example = like->channels * like->height * like->width, target = MAX (like->outputs, 1);
  gsize first = (MAX (trainer->settings.optimizer.micro_batches, 1) - 1) * learner->part;
  const float *x, *y;

  kol_batches_seek (trainer->batches, number - 1);
  if (!kol_batches_next (trainer->batches, &x, &y))
    return kol_dataset_finish (trainer->data, error);
  kol_graph_set_first_example (learner->graph, first);
  kol_set (learner->values.x, x + first * example);
  kol_set (learner->values.y, y + first * target);
  trainer->learner.fed = TRUE;
  return TRUE;
}

static gboolean
check_batch_is_there (KolTrainer *trainer, GError **error)
{
  guint64 step = kol_trainer_get_step (trainer);
  guint64 number = step ? kol_trainer_batch_number (trainer, step) : 0;

  if (!trainer->learner.fed && number && !feed_again (trainer, number, error))
    return FALSE;
  if (!trainer->learner.fed)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "There is no batch to look at before a step is taken");
      return FALSE;
    }
  return kol_finish (trainer->learner.graph, error);
}

/**
 * kol_trainer_read_batch:
 * @trainer: a trainer that has taken a step
 * @error: return location
 *
 * Reads the examples that the latest step has learned from, their targets, and what the
 * network now gives for them. Where layers use a batch's statistics, those are this batch's.
 * After a run was resumed or has gone back they are read from the data again; if the batch's
 * size was changed since, they are as many as a batch has now. Waits for the steps under way.
 *
 * Errors: %KOL_ERROR_DATA if there was no step yet; those of kol_trainer_capture(), and of
 * reading the data.
 *
 * Returns: (transfer full): the batch, or %NULL with @error set
 */
KolTrainBatch *
kol_trainer_read_batch (KolTrainer *trainer, GError **error)
{
  g_return_val_if_fail (trainer != NULL, NULL);

  if (!check_batch_is_there (trainer, error))
    return NULL;
  const KolNetworkValues *values = &trainer->learner.values;
  g_autoptr (KolTrainBatch) batch = g_new0 (KolTrainBatch, 1);
  batch->count = trainer->learner.part;
  batch->size = count_each (values->x, batch->count);
  batch->n_targets = count_each (values->y, batch->count);
  batch->n_outputs = count_each (values->output, batch->count);
  batch->examples = read_value (values->x, error);
  batch->targets = batch->examples ? read_value (values->y, error) : NULL;
  batch->outputs = batch->targets ? read_outputs (trainer, error) : NULL;
  return batch->outputs ? g_steal_pointer (&batch) : NULL;
}

/**
 * kol_train_batch_free:
 * @batch: (transfer full) (nullable): a batch
 */
void
kol_train_batch_free (KolTrainBatch *batch)
{
  if (!batch)
    return;
  g_free (batch->examples);
  g_free (batch->targets);
  g_free (batch->outputs);
  g_free (batch);
}

/* ── Histograms ──────────────────────────────────────────────────────────────────────────────── */

static KolHistograms *
histograms_new (guint n, guint bins)
{
  KolHistograms *histograms = g_new0 (KolHistograms, 1);

  histograms->n = n;
  histograms->bins = bins;
  histograms->low = g_new0 (float, n);
  histograms->high = g_new0 (float, n);
  histograms->counts = g_new0 (guint, n * bins);
  return histograms;
}

/**
 * kol_histograms_free:
 * @histograms: (transfer full) (nullable): histograms
 */
void
kol_histograms_free (KolHistograms *histograms)
{
  if (!histograms)
    return;
  g_free (histograms->low);
  g_free (histograms->high);
  g_free (histograms->counts);
  g_free (histograms);
}

static void
fill_histogram (KolHistograms *histograms, guint i, const float *numbers, gsize count)
{
  guint *counts = histograms->counts + (gsize) i * histograms->bins;
  float low = INFINITY, high = -INFINITY;

  for (gsize k = 0; k < count; k++)
    if (isfinite (numbers[k]))
      {
        low = MIN (low, numbers[k]);
        high = MAX (high, numbers[k]);
      }
  if (low > high)
    low = high = 0;
  double width = ((double) high - low) / histograms->bins;
  for (gsize k = 0; k < count; k++)
    if (isfinite (numbers[k]))
      {
        double bin = width > 0 ? ((double) numbers[k] - low) / width : 0;
        counts[MIN ((guint) bin, histograms->bins - 1)]++;
      }
  histograms->low[i] = low;
  histograms->high[i] = high;
}

/**
 * kol_trainer_read_weights:
 * @trainer: a trainer
 * @bins: of each histogram, at least 1
 * @error: return location
 *
 * Reads how the numbers of each parameter that learns are spread. Waits for the steps
 * under way.
 *
 * Returns: (transfer full): the histograms, or %NULL with @error set
 */
KolHistograms *
kol_trainer_read_weights (KolTrainer *trainer, guint bins, GError **error)
{
  g_autofree KolParameter **parameters = NULL;

  g_return_val_if_fail (trainer != NULL && bins > 0, NULL);

  guint n = kol_optimizer_get_parameters (trainer->learner.train_step, &parameters);
  g_autoptr (KolHistograms) histograms = histograms_new (n, bins);
  for (guint i = 0; i < n; i++)
    {
      gsize count = (gsize) kol_shape_count (kol_parameter_get_shape (parameters[i]));
      g_autofree float *numbers = g_new (float, count);

      if (!kol_parameter_read (parameters[i], numbers, error))
        return NULL;
      fill_histogram (histograms, i, numbers, count);
    }
  return g_steal_pointer (&histograms);
}

/**
 * kol_trainer_read_gradients:
 * @trainer: a trainer that has taken a step
 * @bins: of each histogram, at least 1
 * @error: return location
 *
 * Computes the gradients of the batch that was learned from last, with the weights as they
 * are now, and how those of each parameter are spread.
 *
 * Errors: those of kol_trainer_read_batch().
 *
 * Returns: (transfer full): the histograms, or %NULL with @error set
 */
KolHistograms *
kol_trainer_read_gradients (KolTrainer *trainer, guint bins, GError **error)
{
  g_autofree KolValue **gradients = NULL;

  g_return_val_if_fail (trainer != NULL && bins > 0, NULL);

  if (!check_batch_is_there (trainer, error))
    return NULL;
  guint n = kol_optimizer_get_gradients (trainer->learner.train_step, &gradients);
  if (!kol_run_all (trainer->learner.graph, gradients, n, error))
    return NULL;
  g_autoptr (KolHistograms) histograms = histograms_new (n, bins);
  for (guint i = 0; i < n; i++)
    {
      g_autofree float *numbers = read_value (gradients[i], error);

      if (!numbers)
        return NULL;
      fill_histogram (histograms, i, numbers, count_each (gradients[i], 1));
    }
  return g_steal_pointer (&histograms);
}
