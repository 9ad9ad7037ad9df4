/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * What a trainer is made of: settings, data, memory, the network as it learns. training.c
 * has its runs, control.c what can be changed meanwhile, state.c and save.c what it leaves.
 */

#include <math.h>
#include <string.h>

#include "parameters-private.h"
#include "tally-private.h"

#define PROBE 1000             /* examples for a quick look... */
#define PROBE_FROM_FILES 100   /* ...and where each is a picture that has to be read */
#define PLATEAU_THRESHOLD 1e-4 /* by what share a loss must fall to be better */

static void
note_free (gpointer data)
{
  KolNote *note = data;

  for (guint i = 0; i < KOL_NOTE_WORDS; i++)
    g_free (note->words[i]);
  g_free (note->text);
  g_free (note);
}

void
kol_trainer_note (KolTrainer *trainer, KolTrainNote kind, ...)
{
  static const char *const sentences[] = {
    [KOL_NOTE_SKIPPED] = "Left out: %s",
    [KOL_NOTE_MORE_SKIPPED] = "There are more pictures that cannot be read",
    [KOL_NOTE_PLATEAU] = "The validation loss is on a plateau: the rate is now %s",
    [KOL_NOTE_BEST_GONE] = "Validation has not improved for %s validations: stopped; the best "
                           "checkpoint, of step %s, is not there any more",
    [KOL_NOTE_BACK_TO_BEST] = "Validation has not improved for %s validations: stopped after step "
                              "%s, and gone back to the best, step %s",
    [KOL_NOTE_VARIANT] = "%s was computed by the variant %s, which is not there now; by %s the "
                         "losses will agree up to rounding, not to the last digit",
    [KOL_NOTE_DEVICE] = "The run was on %s (%s), and goes on on %s (%s): the losses will agree up "
                        "to rounding, not to the last digit",
  };
  KolNote *note = g_new0 (KolNote, 1);
  va_list words;

  note->kind = kind;
  va_start (words, kind);
  const char *word = va_arg (words, const char *);
  for (guint i = 0; i < KOL_NOTE_WORDS; i++)
    {
      note->words[i] = g_strdup (word ? word : "");
      word = word ? va_arg (words, const char *) : NULL;
    }
  va_end (words);
  note->text = g_strdup_printf (sentences[kind], note->words[0], note->words[1], note->words[2],
                                note->words[3]);
  g_ptr_array_add (trainer->notes, note);
}

/* ── The network that learns ─────────────────────────────────────────────────────────────────── */

static void
learner_clear (KolLearner *learner)
{
  g_clear_pointer (&learner->graph, kol_graph_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (KolLearner, learner_clear)

static gsize
part_of (const KolTrainer *trainer, gsize batch)
{
  return batch / MAX (trainer->settings.optimizer.micro_batches, 1);
}

static KolMemory
memory_of (const KolTrainer *trainer)
{
  return g_strcmp0 (trainer->settings.memory, "low") == 0 ? KOL_MEMORY_LOW : KOL_MEMORY_NORMAL;
}

static gboolean
learner_init (KolLearner *learner, const KolTrainer *trainer, KolParameters *parameters, gsize part,
              GError **error)
{
  learner_clear (learner);
  learner->part = part;
  learner->graph = kol_graph_new_over (parameters);
  kol_graph_set_memory (learner->graph, memory_of (trainer));
  trainer->network (learner->graph, part, TRUE, trainer->lessons, &learner->values,
                    trainer->user_data);
  if (!kol_graph_get_error (learner->graph))
    learner->train_step = kol_minimize (learner->values.loss, &trainer->settings.optimizer);

  const GError *mistake = kol_graph_get_error (learner->graph);
  if (mistake && error)
    *error = g_error_copy (mistake);
  return mistake == NULL;
}

/* The numbers of a batch cost little beside the step, and are computed with it. */
#define MAX_TARGETS 4

static guint
list_targets (const KolLearner *learner, KolValue *first, KolValue *targets[MAX_TARGETS])
{
  guint n = 0;

  if (first)
    targets[n++] = first;
  if (first && first == learner->train_step)
    targets[n++] = kol_optimizer_get_gradient_norm (first);
  targets[n++] = learner->values.loss;
  if (learner->values.accuracy)
    targets[n++] = learner->values.accuracy;
  return n;
}

/* Prepares a run of @first, or with NULL of the batch's numbers alone. */
static gboolean
learner_prepare (const KolLearner *learner, KolValue *first, GError **error)
{
  KolValue *targets[MAX_TARGETS];
  guint n = list_targets (learner, first, targets);

  return kol_prepare (learner->graph, targets, n, error);
}

gboolean
kol_learner_run (const KolLearner *learner, KolValue *first, GError **error)
{
  KolValue *targets[MAX_TARGETS];
  guint n = list_targets (learner, first, targets);

  return kol_run_all (learner->graph, targets, n, error);
}

/* Prepares all that it will run. */
static gboolean
prepare_learner (const KolLearner *learner, GError **error)
{
  KolValue *gather = kol_optimizer_get_gather (learner->train_step);

  return learner_prepare (learner, learner->train_step, error)
         && (!gather || learner_prepare (learner, gather, error))
         && learner_prepare (learner, NULL, error);
}

/* ── Memory ──────────────────────────────────────────────────────────────────────────────────── */

/*
 * The device memory that a batch size takes, from a plan that is never run: its
 * parameters are its own, and get no memory.
 */
static gboolean
learning_bytes (const KolTrainer *trainer, gsize batch, guint64 *bytes, GError **error)
{
  g_autoptr (KolParameters) parameters
      = kol_parameters_new (trainer->device, trainer->settings.seed);
  g_auto (KolLearner) learner = { 0 };
  KolValue *targets[MAX_TARGETS];

  if (!learner_init (&learner, trainer, parameters, MAX (part_of (trainer, batch), 1), error))
    return FALSE;
  guint n = list_targets (&learner, learner.train_step, targets);
  return kol_peak_bytes (learner.graph, targets, n, bytes, error);
}

static gboolean
evaluation_bytes (const KolTrainer *trainer, gsize batch, guint64 *bytes, GError **error)
{
  g_autoptr (KolParameters) parameters
      = kol_parameters_new (trainer->device, trainer->settings.seed);
  g_autoptr (KolEvaluator) evaluator = kol_evaluator_new (
      parameters, trainer->network, trainer->user_data, trainer->lessons, batch, error);

  return evaluator && kol_evaluator_peak_bytes (evaluator, bytes, error);
}

/* To learn from @batch examples at a time and look at @looked_at others, in between. */
static gboolean
needed_bytes (const KolTrainer *trainer, gsize batch, gsize looked_at, guint64 *bytes,
              GError **error)
{
  guint64 evaluation;

  if (!learning_bytes (trainer, batch, bytes, error)
      || !evaluation_bytes (trainer, looked_at, &evaluation, error))
    return FALSE;
  *bytes += evaluation;
  return TRUE;
}

static guint64
available_bytes (const KolTrainer *trainer)
{
  guint64 budget = kol_device_get_budget (trainer->device);
  guint64 used = kol_device_get_memory_used (trainer->device);

  return budget > used ? budget - used : 0;
}

/* By bisection; 0: not even one example at a time fits. */
static gsize
largest_batch_that_fits (const KolTrainer *trainer, guint64 available, gsize looked_at)
{
  gsize fits = 0, too_large = MIN (trainer->batch, trainer->lessons->count + 1);

  while (too_large - fits > 1)
    {
      gsize middle = fits + (too_large - fits) / 2;
      guint64 needed;
      if (needed_bytes (trainer, middle, looked_at, &needed, NULL) && needed <= available)
        fits = middle;
      else
        too_large = middle;
    }
  return fits;
}

static gboolean
fail_memory (const KolTrainer *trainer, guint64 needed, guint64 available, gsize looked_at,
             GError **error)
{
  gsize parts = MAX (trainer->settings.optimizer.micro_batches, 1);
  gsize largest = largest_batch_that_fits (trainer, available, looked_at) / parts * parts;
  g_autofree char *advice
      = largest > 0 ? g_strdup_printf ("the largest batch that fits is %zu", largest)
                    : g_strdup ("not even a batch of 1 fits: choose a device with more memory");
  g_autofree char *needed_text = g_format_size_full (needed, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *available_text = g_format_size_full (available, G_FORMAT_SIZE_IEC_UNITS);

  g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
               "a batch of %zu needs %s; %s are available on %s; %s", trainer->batch, needed_text,
               available_text, kol_device_get_info (trainer->device)->name, advice);
  return FALSE;
}

static gboolean
fail_batch (const KolTrainer *trainer, GError **error)
{
  if (trainer->apart)
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "A batch of %zu was asked for, but the %s holds %zu examples; choose a batch of at "
        "most %zu",
        trainer->batch, trainer->data->name, trainer->lessons->count, trainer->lessons->count);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "A batch of %zu was asked for, but the %s leaves %zu examples to learn from after "
                 "%zu were held out for validation; choose a batch of at most %zu",
                 trainer->batch, trainer->data->name, trainer->lessons->count,
                 trainer->validation->count, trainer->lessons->count);
  return FALSE;
}

/* Finds out what less memory costs, and what the peak would be without it. */
static gboolean
find_saving (KolTrainer *trainer, GError **error)
{
  g_autoptr (KolParameters) parameters
      = kol_parameters_new (trainer->device, trainer->settings.seed);
  g_auto (KolLearner) learner = { 0 };
  KolValue *targets[MAX_TARGETS];
  guint64 low, normal;

  if (!learner_init (&learner, trainer, parameters, part_of (trainer, trainer->batch), error))
    return FALSE;
  guint n = list_targets (&learner, learner.train_step, targets);
  if (!kol_peak_bytes (learner.graph, targets, n, &low, error)
      || !kol_repeated_share (learner.graph, targets, n, &trainer->repeated_share, error))
    return FALSE;
  kol_graph_set_memory (learner.graph, KOL_MEMORY_NORMAL);
  if (!kol_peak_bytes (learner.graph, targets, n, &normal, error))
    return FALSE;
  trainer->saved_bytes = normal - low;
  return TRUE;
}

/*
 * Whether the batch fits into the memory and the set; memory is asked first, as
 * its answer goes further. Evaluation, which gives the same numbers at any batch
 * size, takes what is left.
 */
static gboolean
choose_batches (KolTrainer *trainer, GError **error)
{
  gsize batch = trainer->batch;
  gboolean in_set = batch <= trainer->lessons->count;
  guint64 available = available_bytes (trainer), needed;

  if (batch > G_MAXINT32)
    return fail_batch (trainer, error);
  if (!needed_bytes (trainer, batch, 1, &needed, in_set ? error : NULL))
    return in_set ? FALSE : fail_batch (trainer, error);
  if (needed > available)
    return fail_memory (trainer, needed, available, 1, error);
  if (!in_set)
    return fail_batch (trainer, error);

  trainer->evaluation_batch
      = MIN (kol_evaluator_usual_batch (trainer->lessons), trainer->validation->count);
  while (needed_bytes (trainer, batch, trainer->evaluation_batch, &needed, error))
    {
      if (needed <= available || trainer->evaluation_batch == 1)
        {
          trainer->peak_bytes = needed;
          return memory_of (trainer) == KOL_MEMORY_NORMAL || find_saving (trainer, error);
        }
      trainer->evaluation_batch /= 2;
    }
  return FALSE;
}

/* ── Making a trainer ────────────────────────────────────────────────────────────────────────── */

static void
divide_data (KolTrainer *trainer, KolDataset *data, KolDataset *validation)
{
  gsize looked_at = trainer->settings.validation;
  gsize lessons = validation ? data->count : data->count - looked_at;

  trainer->data = kol_dataset_ref (data);
  trainer->apart = validation != NULL;
  trainer->lessons = kol_dataset_slice (data, 0, lessons);
  trainer->validation = validation ? kol_dataset_slice (validation, 0, looked_at)
                                   : kol_dataset_slice (data, lessons, looked_at);
  trainer->probe = kol_dataset_slice (trainer->validation, 0,
                                      MIN (data->picture ? PROBE_FROM_FILES : PROBE, looked_at));
}

/* Parameters of the network come first, so that they can be told from the optimizer's. */
static gboolean
build_graphs (KolTrainer *trainer, GError **error)
{
  trainer->parameters = kol_parameters_new (trainer->device, trainer->settings.seed);
  trainer->evaluator = kol_evaluator_new (trainer->parameters, trainer->network, trainer->user_data,
                                          trainer->lessons, trainer->evaluation_batch, error);
  if (!trainer->evaluator)
    return FALSE;
  trainer->n_network = kol_parameters_get_count (trainer->parameters);
  return learner_init (&trainer->learner, trainer, trainer->parameters,
                       part_of (trainer, trainer->batch), error);
}

static KolBatches *
open_stream (const KolTrainer *trainer, GError **error)
{
  g_autoptr (KolBatches) batches
      = kol_batches_new (trainer->lessons, trainer->batch, trainer->settings.seed, TRUE, error);

  if (!batches || !kol_batches_set_augment (batches, &trainer->settings.augment, error))
    return NULL;
  return g_steal_pointer (&batches);
}

/**
 * kol_trainer_new:
 * @device: where to train
 * @network: what to train: kol_recipe_network(), or one's own
 * @user_data: for @network; the #KolRecipe of kol_recipe_network(), which is kept
 * @data: the training set; its examples may still be being read
 * @validation: (nullable): what to validate on, opened `like` @data; %NULL: examples that
 *   are taken from the end of @data
 * @settings: (nullable): how to train; %NULL or zeros: the lecture's numbers
 * @error: return location
 *
 * Builds the network for training and for validation over one set of parameters,
 * and works out the memory that this takes; nothing is computed yet. A set of
 * fewer than 60,000 examples has, if nothing else is asked for, a twelfth of them
 * held out.
 *
 * Errors: %KOL_ERROR_MEMORY if a batch is too large for the device's budget, with
 * the largest that fits; %G_IO_ERROR_INVALID_ARGUMENT for a setting that makes no
 * sense; %KOL_ERROR_SHAPE if the network cannot be built for such examples.
 *
 * Returns: (transfer full): the trainer, or %NULL with @error set
 */
KolTrainer *
kol_trainer_new (KolDevice *device, KolNetwork network, gpointer user_data, KolDataset *data,
                 KolDataset *validation, const KolTrainSettings *settings, GError **error)
{
  g_return_val_if_fail (device != NULL && network != NULL && data != NULL, NULL);

  g_autoptr (KolTrainer) trainer = g_new0 (KolTrainer, 1);
  trainer->device = kol_device_ref (device);
  trainer->network = network;
  trainer->user_data = user_data;
  trainer->recipe = network == kol_recipe_network ? kol_recipe_ref (user_data) : NULL;
  trainer->validation_loss = trainer->validation_accuracy = NAN;
  trainer->notes = g_ptr_array_new_with_free_func (note_free);
  trainer->skipped = g_ptr_array_new_with_free_func (g_free);
  kol_controls_init (&trainer->controls);
  if (settings)
    trainer->settings = *settings;
  if (!kol_train_settings_settle (&trainer->settings, data->count,
                                  validation ? validation->count : 0, data->name, error))
    return NULL;
  kol_plateau_init (&trainer->plateau, trainer->settings.plateau_factor,
                    (guint) trainer->settings.plateau, PLATEAU_THRESHOLD, 0);
  kol_early_stop_init (&trainer->early, (guint) MAX (trainer->settings.early_stop, 1));
  divide_data (trainer, data, validation);
  trainer->batch = trainer->settings.batch;
  if (!choose_batches (trainer, error) || !build_graphs (trainer, error))
    return NULL;
  trainer->batches = open_stream (trainer, error);
  if (!trainer->batches)
    return NULL;
  return g_steal_pointer (&trainer);
}

/**
 * kol_trainer_free:
 * @trainer: (transfer full) (nullable): a trainer
 *
 * Frees the trainer, its graphs and its parameters. What it has recorded stays.
 */
void
kol_trainer_free (KolTrainer *trainer)
{
  if (!trainer)
    return;
  g_clear_pointer (&trainer->training, kol_training_free);
  g_clear_pointer (&trainer->tally, kol_tally_free);
  g_free (trainer->names);
  g_free (trainer->owed.ratios);
  g_clear_pointer (&trainer->record, kol_record_free);
  learner_clear (&trainer->learner);
  g_clear_pointer (&trainer->evaluator, kol_evaluator_free);
  g_clear_pointer (&trainer->batches, kol_batches_free);
  g_clear_pointer (&trainer->probe, kol_dataset_unref);
  g_clear_pointer (&trainer->validation, kol_dataset_unref);
  g_clear_pointer (&trainer->lessons, kol_dataset_unref);
  g_clear_pointer (&trainer->data, kol_dataset_unref);
  g_clear_pointer (&trainer->parameters, kol_parameters_unref);
  g_clear_pointer (&trainer->recipe, kol_recipe_unref);
  g_clear_pointer (&trainer->weights, g_free);
  g_clear_pointer (&trainer->pinned, g_hash_table_unref);
  g_clear_pointer (&trainer->validation_pinned, g_hash_table_unref);
  g_clear_pointer (&trainer->notes, g_ptr_array_unref);
  g_clear_pointer (&trainer->skipped, g_ptr_array_unref);
  kol_device_unref (trainer->device);
  g_free (trainer);
}

/**
 * kol_trainer_get_graph:
 * @trainer: a trainer
 *
 * Returns: (transfer none): the graph that learns, for those who look inside
 */
KolGraph *
kol_trainer_get_graph (KolTrainer *trainer)
{
  g_return_val_if_fail (trainer != NULL, NULL);
  return trainer->learner.graph;
}

/**
 * kol_trainer_get_step:
 * @trainer: a trainer
 *
 * Returns: how many steps are done, those before a resumption included
 */
guint64
kol_trainer_get_step (KolTrainer *trainer)
{
  g_return_val_if_fail (trainer != NULL, 0);
  return kol_graph_get_step (trainer->learner.graph);
}

/**
 * kol_trainer_get_skipped:
 * @trainer: a trainer
 *
 * Returns: how many pictures, of those to learn from and those to validate on, could not
 *   be read so far
 */
gsize
kol_trainer_get_skipped (KolTrainer *trainer)
{
  gsize learned = 0, validated = 0;

  g_return_val_if_fail (trainer != NULL, 0);
  g_strfreev (kol_dataset_list_skipped (trainer->data, G_MAXUINT32, &learned));
  if (trainer->apart)
    g_strfreev (kol_dataset_list_skipped (trainer->validation, G_MAXUINT32, &validated));
  return learned + validated;
}

/**
 * kol_trainer_get_peak_bytes:
 * @trainer: a trainer
 *
 * Returns: the most device memory, in bytes, that training and validation take
 */
guint64
kol_trainer_get_peak_bytes (KolTrainer *trainer)
{
  g_return_val_if_fail (trainer != NULL, 0);
  return trainer->peak_bytes;
}

/**
 * kol_trainer_get_saved_bytes:
 * @trainer: a trainer
 * @repeated: (out) (optional): the operations of a step that are done twice for it,
 *   relative to all that it would do anyway
 *
 * Returns: by how many bytes the setting `memory` = low makes the peak lower
 */
guint64
kol_trainer_get_saved_bytes (KolTrainer *trainer, double *repeated)
{
  g_return_val_if_fail (trainer != NULL, 0);
  if (repeated)
    *repeated = trainer->repeated_share;
  return trainer->saved_bytes;
}

/**
 * kol_trainer_get_settings:
 * @trainer: a trainer
 *
 * Returns: (transfer none): the settings, defaults put in
 */
const KolTrainSettings *
kol_trainer_get_settings (KolTrainer *trainer)
{
  g_return_val_if_fail (trainer != NULL, NULL);
  return &trainer->settings;
}

/**
 * kol_trainer_get_parameter_names:
 * @trainer: a trainer
 *
 * Returns: (transfer none) (array zero-terminated=1): the names of the parameters that
 *   learn, in the order of a report's `ratios`
 */
const char *const *
kol_trainer_get_parameter_names (KolTrainer *trainer)
{
  g_return_val_if_fail (trainer != NULL, NULL);

  if (!trainer->names)
    {
      g_autofree KolParameter **parameters = NULL;
      guint n = kol_optimizer_get_parameters (trainer->learner.train_step, &parameters);

      trainer->names = g_new0 (const char *, n + 1);
      for (guint i = 0; i < n; i++)
        trainer->names[i] = kol_parameter_get_name (parameters[i]);
    }
  return trainer->names;
}

/**
 * kol_trainer_tell_steps:
 * @trainer: a trainer
 * @tell: whether to tell every step
 *
 * Has %KOL_TRAIN_STEP told of every step, in order and none left out. That costs next to
 * nothing, as steps are not waited for: a step is told when it is known to be good, one or
 * two steps later; at once before a validation, after a kol_trainer_advance() that was
 * given a number of steps, and before the run ends or is rewound.
 */
void
kol_trainer_tell_steps (KolTrainer *trainer, gboolean tell)
{
  g_return_if_fail (trainer != NULL);

  if (!tell && trainer->tally)
    {
      if (trainer->training) /* a divergence is reported when that step is taken again */
        kol_training_settle (trainer->training, NULL);
      g_clear_pointer (&trainer->tally, kol_tally_free);
    }
  if (tell && !trainer->tally)
    trainer->tally = kol_tally_new ();
}

/**
 * kol_trainer_prepare:
 * @trainer: a trainer
 * @cancellable: (nullable): ends it after the program under way
 * @error: return location
 *
 * Compiles and allocates all that training needs, which the device's progress
 * function can show; kol_trainer_run() then starts at once. Done by
 * kol_trainer_run() if it is not done before. What was compiled when it is cancelled
 * is not compiled again.
 *
 * Errors: %G_IO_ERROR_CANCELLED; %KOL_ERROR_BUILD if a program does not compile;
 * %KOL_ERROR_MEMORY.
 *
 * Returns: whether training can start
 */
gboolean
kol_trainer_prepare (KolTrainer *trainer, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (trainer != NULL, FALSE);
  KolGraph *const graphs[]
      = { kol_evaluator_get_graph (trainer->evaluator), trainer->learner.graph };

  for (guint i = 0; i < G_N_ELEMENTS (graphs); i++)
    kol_graph_set_cancellable (graphs[i], cancellable);
  /* The largest comes after the small one: variants are measured in memory that is still free. */
  gboolean good = kol_evaluator_prepare (trainer->evaluator, error)
                  && prepare_learner (&trainer->learner, error);
  for (guint i = 0; i < G_N_ELEMENTS (graphs); i++) /* steps are taken whole */
    kol_graph_set_cancellable (graphs[i], NULL);
  return good;
}

/* ── Another batch ───────────────────────────────────────────────────────────────────────────── */

/* Whether trainer->batch fits, where the batch before it gives its memory back. */
static gboolean
check_batch (KolTrainer *trainer, guint64 *needed, GError **error)
{
  guint parts = MAX (trainer->settings.optimizer.micro_batches, 1);
  guint64 available = available_bytes (trainer) + (trainer->training ? trainer->peak_bytes : 0);

  if (trainer->batch % parts != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "A batch of %zu cannot be taken in %u equal parts; choose a batch that is a "
                   "multiple of %u",
                   trainer->batch, parts, parts);
      return FALSE;
    }
  if (trainer->batch > trainer->lessons->count || trainer->batch > G_MAXINT32)
    return fail_batch (trainer, error);
  if (!needed_bytes (trainer, trainer->batch, trainer->evaluation_batch, needed, error))
    return FALSE;
  return *needed <= available
         || fail_memory (trainer, *needed, available, trainer->evaluation_batch, error);
}

/* Makes what learns from trainer->batch examples at a time, ready to run if a run is under way. */
static gboolean
build_learner (KolTrainer *trainer, GHashTable *pinned, KolLearner *learner, GError **error)
{
  if (!learner_init (learner, trainer, trainer->parameters, part_of (trainer, trainer->batch),
                     error))
    return FALSE;
  if (pinned)
    kol_graph_pin_variants (learner->graph, pinned);
  return !trainer->training || prepare_learner (learner, error);
}

static gboolean
plan_batch (KolTrainer *trainer, GHashTable *pinned, GError **error)
{
  g_auto (KolLearner) learner = { 0 };
  guint64 needed;

  if (!check_batch (trainer, &needed, error) || !build_learner (trainer, pinned, &learner, error))
    return FALSE;
  g_autoptr (KolBatches) batches = open_stream (trainer, error);
  if (!batches)
    return FALSE;
  kol_graph_set_step (learner.graph, kol_trainer_get_step (trainer));
  KolLearner before = trainer->learner;
  trainer->learner = learner;
  learner = before;
  kol_batches_free (trainer->batches);
  trainer->batches = g_steal_pointer (&batches);
  trainer->peak_bytes = needed;
  g_clear_pointer (&trainer->pinned, g_hash_table_unref);
  trainer->pinned = pinned ? g_hash_table_ref (pinned) : NULL;
  if (trainer->record)
    kol_record_set_step (trainer->record, trainer->learner.train_step);
  return TRUE;
}

gboolean
kol_trainer_plan_batch (KolTrainer *trainer, gsize batch, GHashTable *pinned, GError **error)
{
  gsize before = trainer->batch;

  trainer->batch = batch;
  if (plan_batch (trainer, pinned, error))
    return TRUE;
  trainer->batch = before;
  return FALSE;
}

/* ── Scores ──────────────────────────────────────────────────────────────────────────────────── */

/**
 * kol_trainer_score:
 * @trainer: a trainer
 * @data: examples of the size that the network was made for
 * @error: return location
 *
 * Computes the loss of all the examples, each once and without dropout, with the
 * parameters as they are now, or with their moving average if one is kept.
 *
 * Errors: those of kol_evaluator_score().
 *
 * Returns: (transfer full): the score, or %NULL with @error set
 */
KolScore *
kol_trainer_score (KolTrainer *trainer, KolDataset *data, GError **error)
{
  g_return_val_if_fail (trainer != NULL && data != NULL, NULL);

  /* Not cancelled in between: what follows a step belongs to it, or going on would not be exact. */
  return kol_trainer_score_until (trainer, data, NULL, error);
}

gboolean
kol_trainer_score_batch (KolTrainer *trainer, KolScoring *scoring, KolScore **score, GError **error)
{
  KolValue *train_step = trainer->learner.train_step;
  gboolean averages = kol_optimizer_has_averages (train_step);

  *score = NULL;
  if (averages
      && (!kol_finish (trainer->learner.graph, error)
          || !kol_optimizer_swap_averages (train_step, error)))
    return FALSE;
  gboolean good = kol_scoring_advance (scoring, score, error);
  if (averages && !kol_optimizer_swap_averages (train_step, good ? error : NULL))
    good = FALSE;
  if (!good)
    g_clear_pointer (score, kol_score_free);
  return good;
}

KolScore *
kol_trainer_score_until (KolTrainer *trainer, KolDataset *data, GCancellable *cancellable,
                         GError **error)
{
  g_autoptr (KolScoring) scoring = kol_scoring_new (trainer->evaluator, data, error);
  KolScore *score = NULL;

  while (scoring && !score)
    if (g_cancellable_set_error_if_cancelled (cancellable, error)
        || !kol_trainer_score_batch (trainer, scoring, &score, error))
      return NULL;
  return score;
}
