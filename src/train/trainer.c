/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The trainer: settings, memory, the loop, and what it tells; save.c has what it leaves. The
 * loop's numbers depend on the step alone, never on the clock, so that a run that
 * goes on from a checkpoint computes what it would have computed.
 */

#include <math.h>
#include <string.h>

#include "checkpoint-private.h"
#include "parameters-private.h"
#include "trainer-private.h"

#define LINES_EVERY 100        /* steps between the lecture's two lines */
#define PROBE 1000             /* examples behind the second of them... */
#define PROBE_FROM_FILES 100   /* ...and where each is a picture that has to be read */
#define TOLD_SKIPPED 10        /* pictures that cannot be read which are told; all are listed */
#define PROGRESS_SECONDS 0.125 /* between two reports of progress */
#define PLATEAU_THRESHOLD 1e-4 /* by what share a loss must fall to be better */
#define WINDOW 32              /* reports over which the speed is averaged */

static gboolean
count_epoch (const KolTrainer *trainer, guint64 every, guint64 done)
{
  return done % (every ? every : kol_batches_per_epoch (trainer->batches)) == 0;
}

void
kol_trainer_note (KolTrainer *trainer, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_ptr_array_add (trainer->notes, g_strdup_vprintf (format, arguments));
  va_end (arguments);
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
#define MAX_TARGETS 3

static guint
list_targets (const KolLearner *learner, KolValue *first, KolValue *targets[MAX_TARGETS])
{
  guint n = 0;

  if (first)
    targets[n++] = first;
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

static gboolean
learner_run (const KolLearner *learner, KolValue *first, GError **error)
{
  KolValue *targets[MAX_TARGETS];
  guint n = list_targets (learner, first, targets);

  return kol_run_all (learner->graph, targets, n, error);
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
largest_batch_that_fits (const KolTrainer *trainer, guint64 available)
{
  gsize fits = 0, too_large = MIN (trainer->settings.batch, trainer->lessons->count + 1);

  while (too_large - fits > 1)
    {
      gsize middle = fits + (too_large - fits) / 2;
      guint64 needed;
      if (needed_bytes (trainer, middle, 1, &needed, NULL) && needed <= available)
        fits = middle;
      else
        too_large = middle;
    }
  return fits;
}

static gboolean
fail_memory (const KolTrainer *trainer, guint64 needed, guint64 available, GError **error)
{
  gsize parts = MAX (trainer->settings.optimizer.micro_batches, 1);
  gsize largest = largest_batch_that_fits (trainer, available) / parts * parts;
  g_autofree char *advice
      = largest > 0 ? g_strdup_printf ("the largest batch that fits is %zu", largest)
                    : g_strdup ("not even a batch of 1 fits: choose a device with more memory");
  g_autofree char *needed_text = g_format_size_full (needed, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *available_text = g_format_size_full (available, G_FORMAT_SIZE_IEC_UNITS);

  g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
               "a batch of %zu needs %s; %s are available on %s; %s", trainer->settings.batch,
               needed_text, available_text, kol_device_get_info (trainer->device)->name, advice);
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
        trainer->settings.batch, trainer->data->name, trainer->lessons->count,
        trainer->lessons->count);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "A batch of %zu was asked for, but the %s leaves %zu examples to learn from after "
                 "%zu were held out for validation; choose a batch of at most %zu",
                 trainer->settings.batch, trainer->data->name, trainer->lessons->count,
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

  if (!learner_init (&learner, trainer, parameters, part_of (trainer, trainer->settings.batch),
                     error))
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
choose_batches (KolTrainer *trainer, gsize *evaluation_batch, GError **error)
{
  gsize batch = trainer->settings.batch;
  gboolean in_set = batch <= trainer->lessons->count;
  guint64 available = available_bytes (trainer), needed;

  if (batch > G_MAXINT32)
    return fail_batch (trainer, error);
  if (!needed_bytes (trainer, batch, 1, &needed, in_set ? error : NULL))
    return in_set ? FALSE : fail_batch (trainer, error);
  if (needed > available)
    return fail_memory (trainer, needed, available, error);
  if (!in_set)
    return fail_batch (trainer, error);

  *evaluation_batch
      = MIN (kol_evaluator_usual_batch (trainer->lessons), trainer->validation->count);
  while (needed_bytes (trainer, batch, *evaluation_batch, &needed, error))
    {
      if (needed <= available || *evaluation_batch == 1)
        {
          trainer->peak_bytes = needed;
          return memory_of (trainer) == KOL_MEMORY_NORMAL || find_saving (trainer, error);
        }
      *evaluation_batch /= 2;
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
build_graphs (KolTrainer *trainer, gsize evaluation_batch, GError **error)
{
  trainer->parameters = kol_parameters_new (trainer->device, trainer->settings.seed);
  trainer->evaluator = kol_evaluator_new (trainer->parameters, trainer->network, trainer->user_data,
                                          trainer->lessons, evaluation_batch, error);
  if (!trainer->evaluator)
    return FALSE;
  trainer->n_network = kol_parameters_get_count (trainer->parameters);
  return learner_init (&trainer->learner, trainer, trainer->parameters,
                       part_of (trainer, trainer->settings.batch), error);
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
  gsize evaluation_batch = 0;

  g_return_val_if_fail (device != NULL && network != NULL && data != NULL, NULL);

  g_autoptr (KolTrainer) trainer = g_new0 (KolTrainer, 1);
  trainer->device = kol_device_ref (device);
  trainer->network = network;
  trainer->user_data = user_data;
  trainer->recipe = network == kol_recipe_network ? kol_recipe_ref (user_data) : NULL;
  trainer->validation_loss = trainer->validation_accuracy = NAN;
  trainer->notes = g_ptr_array_new_with_free_func (g_free);
  trainer->skipped = g_ptr_array_new_with_free_func (g_free);
  if (settings)
    trainer->settings = *settings;
  if (!kol_train_settings_settle (&trainer->settings, data->count,
                                  validation ? validation->count : 0, data->name, error))
    return NULL;
  kol_plateau_init (&trainer->plateau, trainer->settings.plateau_factor,
                    (guint) trainer->settings.plateau, PLATEAU_THRESHOLD, 0);
  kol_early_stop_init (&trainer->early, (guint) MAX (trainer->settings.early_stop, 1));
  divide_data (trainer, data, validation);
  if (!choose_batches (trainer, &evaluation_batch, error)
      || !build_graphs (trainer, evaluation_batch, error))
    return NULL;
  trainer->batches = kol_batches_new (trainer->lessons, trainer->settings.batch,
                                      trainer->settings.seed, TRUE, error);
  if (!trainer->batches
      || !kol_batches_set_augment (trainer->batches, &trainer->settings.augment, error))
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
 * kol_trainer_prepare:
 * @trainer: a trainer
 * @error: return location
 *
 * Compiles and allocates all that training needs, which the device's progress
 * function can show; kol_trainer_run() then starts at once. Done by
 * kol_trainer_run() if it is not done before.
 *
 * Returns: %FALSE if a program does not compile or memory is short
 */
gboolean
kol_trainer_prepare (KolTrainer *trainer, GError **error)
{
  g_return_val_if_fail (trainer != NULL, FALSE);

  const KolLearner *learner = &trainer->learner;
  KolValue *gather = kol_optimizer_get_gather (learner->train_step);
  /* The largest comes after the small one: variants are measured in memory that is still free. */
  return kol_evaluator_prepare (trainer->evaluator, error)
         && learner_prepare (learner, learner->train_step, error)
         && (!gather || learner_prepare (learner, gather, error))
         && learner_prepare (learner, NULL, error);
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

  KolValue *train_step = trainer->learner.train_step;
  gboolean averages = kol_optimizer_has_averages (train_step);

  if (averages
      && (!kol_finish (trainer->learner.graph, error)
          || !kol_optimizer_swap_averages (train_step, error)))
    return NULL;
  /* Not cancelled in between: what follows a step belongs to it, or going on would not be exact. */
  g_autoptr (KolScore) score = kol_evaluator_score (trainer->evaluator, data, NULL, error);
  if (averages && !kol_optimizer_swap_averages (train_step, score ? error : NULL))
    return NULL;
  return g_steal_pointer (&score);
}

/* ── Telling ─────────────────────────────────────────────────────────────────────────────────── */

/* A run under way: whom to tell, and what the clock says. */
typedef struct {
  KolTrainer *trainer;
  KolTrainReporter reporter;
  gpointer user_data;

  gint64 started;     /* g_get_monotonic_time () */
  guint64 first_step; /* done before this run */
  double looking;     /* seconds spent on validation and files, which are no training */
  double reported;    /* seconds after which progress was last told */
  gboolean stop;      /* enough is learned */

  /* Of the step under way, if they are known. */
  double loss, accuracy, ratio;
  float *ratios; /* per parameter */

  struct {
    guint64 step;
    double seconds;  /* of training */
    double waited;   /* of these, for examples */
  } samples[WINDOW]; /* a ring */
  guint n_samples;
  double waited_before; /* seconds that were waited before this run */
} Run;

static double
seconds_since (gint64 then)
{
  return (g_get_monotonic_time () - then) / (double) G_USEC_PER_SEC;
}

static void
take_sample (Run *run, guint64 step)
{
  guint place = run->n_samples++ % WINDOW;

  run->samples[place].step = step;
  run->samples[place].seconds = seconds_since (run->started) - run->looking;
  run->samples[place].waited = kol_batches_get_waited (run->trainer->batches) - run->waited_before;
}

/* The places in the ring of the latest sample and of the oldest that is still there. */
static void
find_samples (const Run *run, guint *newest, guint *oldest)
{
  *newest = (run->n_samples - 1) % WINDOW;
  *oldest = run->n_samples > WINDOW ? run->n_samples % WINDOW : 0;
}

/* Over the samples in the ring, from the oldest to the newest. */
static double
examples_per_second (const Run *run)
{
  guint newest, oldest;
  find_samples (run, &newest, &oldest);
  double seconds = run->samples[newest].seconds - run->samples[oldest].seconds;
  guint64 steps = run->samples[newest].step - run->samples[oldest].step;

  return seconds > 0 ? steps * run->trainer->settings.batch / seconds : NAN;
}

/* The share of the time that was spent waiting for examples: over the same samples, or all. */
static double
loader_wait (const Run *run, gboolean all)
{
  guint newest, oldest;

  if (all)
    return (kol_batches_get_waited (run->trainer->batches) - run->waited_before)
           / (seconds_since (run->started) - run->looking);
  find_samples (run, &newest, &oldest);
  double seconds = run->samples[newest].seconds - run->samples[oldest].seconds;
  double waited = run->samples[newest].waited - run->samples[oldest].waited;
  return seconds > 0 ? waited / seconds : NAN;
}

/* A report with the clock's numbers; the others are NaN. @done: steps that are done. */
static KolTrainReport
begin_report (const Run *run, KolTrainEvent event, guint64 step, guint64 done)
{
  const KolTrainer *trainer = run->trainer;
  double seconds = seconds_since (run->started);
  guint64 done_here = done - run->first_step;

  return (KolTrainReport){
    .event = event,
    .step = step,
    .steps = trainer->settings.steps,
    .epoch = done / (double) kol_batches_per_epoch (trainer->batches),
    .loss = NAN,
    .accuracy = NAN,
    .validation_loss = NAN,
    .validation_accuracy = NAN,
    .rate = NAN,
    .ratio = NAN,
    .examples_per_second = examples_per_second (run),
    .loader_wait = loader_wait (run, event == KOL_TRAIN_DONE),
    .seconds = trainer->seconds + seconds,
    .seconds_left = done_here > 0 ? (trainer->settings.steps - done) * seconds / done_here : NAN,
  };
}

static void
tell (const Run *run, const KolTrainReport *report)
{
  if (run->reporter)
    run->reporter (report, run->user_data);
}

/* Takes note of the pictures of one of the sets that turned out to be unreadable meanwhile. */
static gboolean
note_skipped (KolTrainer *trainer, KolDataset *data, gsize *told)
{
  g_auto (GStrv) lines = kol_dataset_list_skipped (data, *told, NULL);

  for (char **line = lines; *line; line++, (*told)++)
    {
      if (trainer->told++ < TOLD_SKIPPED)
        kol_trainer_note (trainer, "Left out: %s", *line);
      else if (trainer->told == TOLD_SKIPPED + 1)
        kol_trainer_note (trainer, "There are more pictures that cannot be read");
      g_ptr_array_add (trainer->skipped, g_strdup (*line));
    }
  return *lines != NULL;
}

/* Tells them, and lists them in the run's folder. */
static gboolean
record_skipped (Run *run, GError **error)
{
  KolTrainer *trainer = run->trainer;

  if (!trainer->data->picture)
    return TRUE;
  gboolean more = note_skipped (trainer, trainer->data, &trainer->told_skipped[0]);
  if (trainer->apart)
    more = note_skipped (trainer, trainer->validation, &trainer->told_skipped[1]) || more;
  return !more || !trainer->record || kol_record_skipped (trainer->record, trainer->skipped, error);
}

static void
tell_notes (const Run *run, guint64 done)
{
  GPtrArray *notes = run->trainer->notes;

  for (guint i = 0; i < notes->len; i++)
    {
      KolTrainReport report = begin_report (run, KOL_TRAIN_NOTE, done, done);
      report.text = g_ptr_array_index (notes, i);
      tell (run, &report);
    }
  g_ptr_array_set_size (notes, 0);
}

static gboolean
read_scalar (KolValue *value, double *number, GError **error)
{
  float single;

  if (!kol_read (value, &single, error))
    return FALSE;
  *number = single;
  return TRUE;
}

static gboolean
read_losses (const KolLearner *learner, double *loss, double *accuracy, GError **error)
{
  *accuracy = NAN;
  return read_scalar (learner->values.loss, loss, error)
         && (!learner->values.accuracy || read_scalar (learner->values.accuracy, accuracy, error));
}

/* The rate of step number @step, counted from 0. */
static double
rate_of (const KolTrainer *trainer, guint64 step)
{
  double rate = kol_schedule_rate (&trainer->settings.schedule, trainer->settings.optimizer.rate,
                                   step, trainer->settings.steps);

  return trainer->settings.plateau ? rate * trainer->plateau.scale : rate;
}

static KolTrainReport
report_step (const Run *run, guint64 done)
{
  KolTrainReport report = begin_report (run, KOL_TRAIN_PROGRESS, done, done);

  report.loss = run->loss;
  report.accuracy = run->accuracy;
  report.rate = rate_of (run->trainer, done - 1);
  report.ratio = run->ratio;
  return report;
}

/* ── Looking ─────────────────────────────────────────────────────────────────────────────────── */

/* Scores a set and counts the time as looking, not training. */
static gboolean
look (Run *run, KolDataset *data, KolTrainReport *report, GError **error)
{
  gint64 before = g_get_monotonic_time ();
  g_autoptr (KolScore) score = kol_trainer_score (run->trainer, data, error);

  run->looking += seconds_since (before);
  if (!score)
    return FALSE;
  report->validation_loss = score->loss;
  report->validation_accuracy = score->accuracy;
  return TRUE;
}

/* The lecture's two lines: the batch, with dropout, and a part of the validation set, without. */
static gboolean
tell_lines (Run *run, guint64 done, GError **error)
{
  const KolTrainer *trainer = run->trainer;
  const KolLearner *learner = &trainer->learner;
  KolTrainReport report = begin_report (run, KOL_TRAIN_LINES, done - 1, done);

  if (trainer->settings.optimizer.micro_batches > 1) /* the parts are gone: as the step saw them */
    {
      report.loss = run->loss;
      report.accuracy = run->accuracy;
    }
  else if (!learner_run (learner, NULL, error)
           || !read_losses (learner, &report.loss, &report.accuracy, error))
    return FALSE;
  if (!look (run, trainer->probe, &report, error))
    return FALSE;
  tell (run, &report);
  return TRUE;
}

/* Whether there has been no better validation for as long as the settings say. */
static gboolean
is_enough (const KolTrainer *trainer)
{
  return trainer->settings.early_stop && trainer->early.bad >= trainer->early.patience;
}

/*
 * Takes note of the latest validation; by accuracy where there are classes.
 */
static void
note_validation (KolTrainer *trainer, guint64 done)
{
  gboolean classes = !isnan (trainer->validation_accuracy);
  double badness = classes ? 1 - trainer->validation_accuracy : trainer->validation_loss;

  kol_early_stop_update (&trainer->early, badness, done);
  if (trainer->early.best_step == done)
    {
      trainer->best_step = done;
      trainer->best_loss = trainer->validation_loss;
      trainer->best_accuracy = trainer->validation_accuracy;
    }
}

/* Measures the whole validation set, unless that was just done. */
static gboolean
validate (Run *run, guint64 done, GError **error)
{
  KolTrainer *trainer = run->trainer;
  KolTrainReport report;

  if (!isnan (trainer->validation_loss) && trainer->validated_step == done)
    return TRUE;
  if (!look (run, trainer->validation, &report, error))
    return FALSE;
  trainer->validated_step = done;
  trainer->validation_loss = report.validation_loss;
  trainer->validation_accuracy = report.validation_accuracy;
  return TRUE;
}

static void
tell_validation (const Run *run, KolTrainEvent event, guint64 done)
{
  KolTrainReport report = begin_report (run, event, done, done);

  report.validation_loss = run->trainer->validation_loss;
  report.validation_accuracy = run->trainer->validation_accuracy;
  tell (run, &report);
}

/* Saves, and tells where. */
static gboolean
save_and_tell (Run *run, guint64 done, GError **error)
{
  KolTrainer *trainer = run->trainer;
  gint64 before = g_get_monotonic_time ();

  if (!trainer->record || trainer->saved_step == done)
    return TRUE;
  trainer->seconds += seconds_since (run->started);
  gboolean saved = kol_trainer_save (trainer, error);
  trainer->seconds -= seconds_since (run->started);
  run->looking += seconds_since (before);
  if (!saved)
    return FALSE;
  g_autofree char *path = kol_checkpoint_path (kol_record_get_folder (trainer->record), done);
  KolTrainReport report = begin_report (run, KOL_TRAIN_SAVED, done, done);
  report.path = path;
  tell (run, &report);
  return TRUE;
}

/* What follows from a validation: the best so far, a smaller rate, an end. */
static gboolean
learn_from_validation (Run *run, guint64 done, GError **error)
{
  KolTrainer *trainer = run->trainer;
  double scale = trainer->plateau.scale;

  note_validation (trainer, done);
  run->stop = is_enough (trainer);
  if (trainer->settings.plateau
      && kol_plateau_update (&trainer->plateau, trainer->validation_loss) != scale)
    kol_trainer_note (trainer, "The validation loss is on a plateau: the rate is now %g",
                      rate_of (trainer, done));
  /* The best so far is worth keeping, and what training may go back to. */
  return trainer->best_step != done || save_and_tell (run, done, error);
}

/* ── Steps ───────────────────────────────────────────────────────────────────────────────────── */

/*
 * Learns from the next batch, a part at a time. With one part the batch's numbers
 * are left to be read; with several they are read and averaged if @wanted.
 */
static gboolean
learn (Run *run, gboolean wanted, GError **error)
{
  KolTrainer *trainer = run->trainer;
  const KolLearner *learner = &trainer->learner;
  const KolDataset *like = trainer->lessons;
  gsize example = like->channels * like->height * like->width, target = MAX (like->outputs, 1);
  guint parts = MAX (trainer->settings.optimizer.micro_batches, 1);
  double loss_sum = 0, accuracy_sum = 0;
  const float *x, *y;

  if (!kol_batches_next (trainer->batches, &x, &y))
    return kol_dataset_finish (trainer->data, error);
  for (guint i = 0; i < parts; i++)
    {
      KolValue *last
          = i == parts - 1 ? learner->train_step : kol_optimizer_get_gather (learner->train_step);

      kol_graph_set_first_example (learner->graph, i * learner->part);
      kol_set (learner->values.x, x + i * learner->part * example);
      kol_set (learner->values.y, y + i * learner->part * target);
      if (!learner_run (learner, last, error))
        return FALSE;
      if (!wanted)
        continue;
      if (!read_losses (learner, &run->loss, &run->accuracy, error))
        return FALSE;
      loss_sum += run->loss;
      accuracy_sum += run->accuracy;
    }
  run->loss = loss_sum / parts;
  run->accuracy = accuracy_sum / parts;
  return TRUE;
}

/* The ratio of all parameters together. */
static gboolean
read_ratios (Run *run, GError **error)
{
  float ratio;

  if (!kol_optimizer_read_ratios (run->trainer->learner.train_step, run->ratios, &ratio, error))
    return FALSE;
  run->ratio = ratio;
  return TRUE;
}

/* What is written to the run's folder after a step. */
static gboolean
record_step (Run *run, guint64 done, gboolean logged, gboolean validated, GError **error)
{
  KolTrainer *trainer = run->trainer;
  gint64 before = g_get_monotonic_time ();
  gboolean good = TRUE;

  if (!trainer->record)
    return TRUE;
  if (logged || validated)
    {
      KolTrainReport row = begin_report (run, KOL_TRAIN_PROGRESS, done, done);

      if (logged)
        row = report_step (run, done);
      if (validated)
        {
          row.validation_loss = trainer->validation_loss;
          row.validation_accuracy = trainer->validation_accuracy;
        }
      good = kol_record_row (trainer->record, &row, logged ? run->ratios : NULL, error);
    }
  if (good && count_epoch (trainer, trainer->settings.histogram_every, done))
    good = kol_record_histograms (trainer->record, done, error);
  run->looking += seconds_since (before);
  return good;
}

/* Step number @step, counted from 0, and what is to be told after it. */
static gboolean
take_step (Run *run, guint64 step, GError **error)
{
  KolTrainer *trainer = run->trainer;
  guint64 done = step + 1;
  gboolean lines = step % LINES_EVERY == 0;
  gboolean logged = trainer->record && done % trainer->settings.log_every == 0;
  gboolean due = seconds_since (run->started) - run->reported >= PROGRESS_SECONDS;
  gboolean wanted = lines || logged || due;

  kol_set_scalar (kol_optimizer_get_rate (trainer->learner.train_step),
                  (float) rate_of (trainer, step));
  if (!learn (run, wanted, error) || (wanted && !read_ratios (run, error)))
    return FALSE;
  if (wanted) /* reading has waited for the step, so the sample is true */
    take_sample (run, done);
  if (lines || due)
    {
      KolTrainReport report = report_step (run, done);
      run->reported = seconds_since (run->started);
      tell (run, &report);
    }
  if (lines && !tell_lines (run, done, error))
    return FALSE;

  gboolean validated = count_epoch (trainer, trainer->settings.validate_every, done);
  if (validated)
    {
      if (!validate (run, done, error))
        return FALSE;
      tell_validation (run, KOL_TRAIN_VALIDATION, done);
    }
  if (!record_step (run, done, logged, validated, error))
    return FALSE;
  if ((validated && !learn_from_validation (run, done, error)) || !record_skipped (run, error))
    return FALSE;
  tell_notes (run, done);
  return !count_epoch (trainer, trainer->settings.checkpoint_every, done)
         || save_and_tell (run, done, error);
}

/* Goes back to the best checkpoint, and forgets those after it. */
static gboolean
return_to_best (Run *run, GError **error)
{
  KolTrainer *trainer = run->trainer;
  guint64 stopped = kol_trainer_get_step (trainer), best = trainer->best_step;

  if (!trainer->record || !best || best == stopped)
    return TRUE;
  const char *folder = kol_record_get_folder (trainer->record);
  if (!kol_checkpoint_exists (folder, best))
    {
      kol_trainer_note (trainer,
                        "Validation has not improved for %" G_GUINT64_FORMAT
                        " validations: stopped; the best checkpoint, of step %" G_GUINT64_FORMAT
                        ", is not there any more",
                        trainer->settings.early_stop, best);
      tell_notes (run, stopped);
      return TRUE;
    }
  if (!kol_trainer_restore (trainer, folder, best, NULL, error))
    return FALSE;
  kol_checkpoint_forget_after (folder, best);
  kol_trainer_note (trainer,
                    "Validation has not improved for %" G_GUINT64_FORMAT
                    " validations: stopped after step %" G_GUINT64_FORMAT
                    ", and gone back to the best, step %" G_GUINT64_FORMAT,
                    trainer->settings.early_stop, stopped, best);
  tell_notes (run, best);
  return kol_run_update (folder, &trainer->settings, best, best, trainer->best_loss,
                         trainer->best_accuracy, error);
}

static gboolean
take_steps (Run *run, GError **error)
{
  KolTrainer *trainer = run->trainer;

  run->stop = is_enough (trainer);
  for (guint64 step = run->first_step; step < trainer->settings.steps && !run->stop; step++)
    if (g_cancellable_set_error_if_cancelled (trainer->cancellable, error)
        || !take_step (run, step, error))
      return FALSE;
  if (!kol_finish (trainer->learner.graph, error) || (run->stop && !return_to_best (run, error)))
    return FALSE;

  guint64 done = kol_trainer_get_step (trainer);
  gboolean validated = trainer->validated_step == done && !isnan (trainer->validation_loss);
  if (!validate (run, done, error) || !record_skipped (run, error))
    return FALSE;
  tell_notes (run, done);
  if (!validated && !run->stop && trainer->saved_step != done) /* else it is on record */
    {
      note_validation (trainer, done);
      if (!record_step (run, done, FALSE, TRUE, error))
        return FALSE;
    }
  if (!save_and_tell (run, done, error)
      || (trainer->record && !kol_run_finish (kol_record_get_folder (trainer->record), error)))
    return FALSE;
  tell_validation (run, KOL_TRAIN_DONE, done);
  return TRUE;
}

/* A run that goes on is exact only if every node is computed as before. */
static void
compare_variants (KolTrainer *trainer, KolGraph *graph, GHashTable *pinned)
{
  g_autoptr (GHashTable) now = kol_graph_get_variants (graph);
  GHashTableIter iter;
  gpointer node, variant;

  g_hash_table_iter_init (&iter, pinned);
  while (g_hash_table_iter_next (&iter, &node, &variant))
    {
      const char *found = g_hash_table_lookup (now, node);

      if (!found || strcmp (found, variant) == 0)
        continue;
      kol_trainer_note (
          trainer,
          "%s was computed by the variant %s, which is not there now; by %s the losses will "
          "agree up to rounding, not to the last digit",
          (const char *) node, (const char *) variant, found);
      return;
    }
}

/**
 * kol_trainer_run:
 * @trainer: a trainer
 * @reporter: (nullable) (scope call): told how it goes, from the calling thread
 * @user_data: for @reporter
 * @cancellable: (nullable): stops the run after the step under way
 * @error: return location
 *
 * Trains until the settings' number of steps is done, those of earlier calls
 * included, or until validation has not improved for as long as the settings say.
 * Steps are enqueued without waiting for them, except when a number is due. In
 * reports, `step` counts the steps that are done, but for %KOL_TRAIN_LINES, where
 * it is the lecture's i: that step's number from 0.
 *
 * If the run is recorded, it is saved as often as the settings say and at its end;
 * after an error or a cancellation, kol_trainer_save() saves what is there.
 *
 * Errors: %KOL_ERROR_DIVERGED if a value became infinite or not a number, naming
 * the node; %G_IO_ERROR_CANCELLED; what kol_dataset_finish() reports; what the
 * device or the disk reports. The parameters stay as the last good step left them.
 *
 * Returns: whether the training has come to its end
 */
gboolean
kol_trainer_run (KolTrainer *trainer, KolTrainReporter reporter, gpointer user_data,
                 GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (trainer != NULL, FALSE);

  /* Programs first: the examples may still be being read meanwhile. */
  if (!kol_trainer_prepare (trainer, error) || !kol_dataset_finish (trainer->data, error))
    return FALSE;
  if (trainer->pinned)
    {
      compare_variants (trainer, trainer->learner.graph, trainer->pinned);
      compare_variants (trainer, kol_evaluator_get_graph (trainer->evaluator),
                        trainer->validation_pinned);
    }
  guint n = kol_optimizer_get_parameters (trainer->learner.train_step, NULL);
  g_autofree float *ratios = g_new0 (float, n);
  Run run = {
    .trainer = trainer,
    .reporter = reporter,
    .user_data = user_data,
    .started = g_get_monotonic_time (),
    .first_step = kol_trainer_get_step (trainer),
    .reported = -PROGRESS_SECONDS,
    .ratios = ratios,
    .waited_before = kol_batches_get_waited (trainer->batches),
  };
  take_sample (&run, run.first_step);
  tell_notes (&run, run.first_step);
  kol_batches_seek (trainer->batches, run.first_step);
  if (trainer->learner.values.keep)
    kol_set_scalar (trainer->learner.values.keep, (float) trainer->settings.keep);

  trainer->cancellable = cancellable;
  gboolean done = take_steps (&run, error);
  trainer->cancellable = NULL;
  trainer->seconds += seconds_since (run.started);
  return done;
}
