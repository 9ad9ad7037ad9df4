/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "trainer.h"

#include "feed.h"
#include "../dataset/batches.h"
#include "../model/safetensors.h"
#include "../nn/optimizers.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define DEFAULT_STEPS 20000
#define DEFAULT_BATCH 50
#define DEFAULT_KEEP 0.5
#define DEFAULT_VALIDATION 5000

#define LINES_EVERY 100        /* steps between the lecture's two lines */
#define PROBE 1000             /* pictures behind the second of them */
#define EVALUATION_BATCH 250   /* pictures at a time where nothing is learned */
#define PROGRESS_SECONDS 0.125 /* between two reports of progress */
#define WINDOW 32              /* reports over which the speed is averaged */

#define WEIGHTS_FILE "weights.safetensors"
#define RUN_FILE "run.ini"

/* The network at one batch size: a graph over the trainer's parameters. */
typedef struct {
  KolGraph *graph;
  KolClassifier values;
  KolValue *train_step; /* NULL where nothing is learned */
  gsize batch;
} Instance;

struct _KolTrainer {
  KolDevice *device;
  KolNetwork network;
  KolTrainSettings settings; /* nothing in it is 0 for "default" any more */
  KolParameters *parameters;

  KolDataset *pictures;   /* the training set: */
  KolDataset *lessons;    /* those of it to learn from... */
  KolDataset *validation; /* ...those held out... */
  KolDataset *probe;      /* ...and a fixed part of these, for a quick look */
  KolBatches *batches;     /* of the lessons */

  Instance training;
  Instance evaluation;
  guint64 peak_bytes;

  guint64 validated_step; /* after how many steps the next two were measured */
  double validation_loss; /* of all of the validation set; NaN: not yet measured */
  double validation_accuracy;
  GCancellable *cancellable; /* lent: of the run under way, or NULL */
};

/* ── Optimizers ──────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const char *name;
  double rate; /* the default */
  KolValue *(*minimize) (KolValue *loss, double rate);
} Optimizer;

static KolValue *
minimize_by_adam (KolValue *loss, double rate)
{
  return kol_adam (loss, &(KolAdam){ .rate = rate });
}

static KolValue *
minimize_by_sgd (KolValue *loss, double rate)
{
  return kol_sgd (loss, &(KolSgd){ .rate = rate, .momentum = 0.9 });
}

static const Optimizer optimizers[] = {
  { "adam", 1e-4, minimize_by_adam },
  { "sgd", 1e-2, minimize_by_sgd },
};

static const Optimizer *
find_optimizer (const char *name, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (optimizers); i++)
    {
      if (strcmp (optimizers[i].name, name) == 0)
        return &optimizers[i];
      g_string_append_printf (known, "%s%s", i ? ", " : "", optimizers[i].name);
    }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "There is no optimizer “%s”; choose one of: %s", name, known->str);
  return NULL;
}

/* ── Settings ────────────────────────────────────────────────────────────────────────────────── */

static gboolean
check_settings (const KolTrainSettings *settings, const KolDataset *pictures, GError **error)
{
  if (!isfinite (settings->rate) || settings->rate < 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "The learning rate is %g; give a positive number, such as 1e-4", settings->rate);
  else if (!(settings->keep > 0 && settings->keep <= 1))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "Dropout's keep probability is %g; give a number above 0 and up to 1, where 1 "
                 "drops nothing",
                 settings->keep);
  else if (settings->validation >= pictures->count)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "%zu pictures were to be held out for validation, but the %s holds %zu, and some "
                 "must be left to learn from; hold out fewer",
                 settings->validation, pictures->name, pictures->count);
  else
    return TRUE;
  return FALSE;
}

/* Puts the defaults in, then looks for mistakes. */
static gboolean
settle (const KolTrainSettings *wanted, const KolDataset *pictures, KolTrainSettings *settings,
        GError **error)
{
  if (wanted)
    *settings = *wanted;
  const Optimizer *optimizer
      = find_optimizer (settings->optimizer ? settings->optimizer : optimizers[0].name, error);
  if (!optimizer)
    return FALSE;
  settings->optimizer = optimizer->name;
  if (settings->rate == 0)
    settings->rate = optimizer->rate;
  if (settings->steps == 0)
    settings->steps = DEFAULT_STEPS;
  if (settings->batch == 0)
    settings->batch = DEFAULT_BATCH;
  if (settings->keep == 0)
    settings->keep = DEFAULT_KEEP;
  if (settings->validation == 0) /* the lecture's 5,000 of 60,000, of fewer in proportion */
    settings->validation = CLAMP (pictures->count / 12, 1, DEFAULT_VALIDATION);
  return check_settings (settings, pictures, error);
}

/* ── The network at a batch size ─────────────────────────────────────────────────────────────── */

static void
instance_clear (Instance *instance)
{
  g_clear_pointer (&instance->graph, kol_graph_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Instance, instance_clear)

static gboolean
instance_init (Instance *instance, const KolTrainer *trainer, KolParameters *parameters,
               gsize batch, gboolean learns, GError **error)
{
  instance_clear (instance);
  instance->batch = batch;
  instance->graph = kol_graph_new_over (parameters);
  trainer->network (instance->graph, batch, trainer->lessons, &instance->values);
  instance->train_step = NULL;
  if (learns)
    {
      const Optimizer *optimizer = find_optimizer (trainer->settings.optimizer, NULL);
      instance->train_step = optimizer->minimize (instance->values.loss, trainer->settings.rate);
    }

  const GError *mistake = kol_graph_get_error (instance->graph);
  if (mistake && error)
    *error = g_error_copy (mistake);
  return mistake == NULL;
}

/* What each run of the instance computes: the numbers of a step cost little beside the step. */
#define MAX_TARGETS 3

static guint
instance_targets (const Instance *instance, KolValue *targets[MAX_TARGETS])
{
  if (!instance->train_step)
    {
      targets[0] = instance->values.logits;
      return 1;
    }
  targets[0] = instance->train_step;
  targets[1] = instance->values.loss;
  targets[2] = instance->values.accuracy;
  return 3;
}

static gboolean
instance_prepare (const Instance *instance, GError **error)
{
  KolValue *targets[MAX_TARGETS];
  guint n = instance_targets (instance, targets);

  return kol_prepare (instance->graph, targets, n, error);
}

static gboolean
instance_run (const Instance *instance, GError **error)
{
  KolValue *targets[MAX_TARGETS];
  guint n = instance_targets (instance, targets);

  return kol_run_all (instance->graph, targets, n, error);
}

/* The batch's numbers once more, without a step: with the weights that the last one has left. */
static gboolean
prepare_losses (const Instance *instance, GError **error)
{
  KolValue *targets[] = { instance->values.loss, instance->values.accuracy };

  return kol_prepare (instance->graph, targets, G_N_ELEMENTS (targets), error);
}

static gboolean
run_losses (const Instance *instance, GError **error)
{
  KolValue *targets[] = { instance->values.loss, instance->values.accuracy };

  return kol_run_all (instance->graph, targets, G_N_ELEMENTS (targets), error);
}

/* ── Memory ──────────────────────────────────────────────────────────────────────────────────── */

/*
 * The device memory that a batch size takes, from a plan that is never run: its
 * parameters are its own, and get no memory.
 */
static gboolean
peak_bytes (const KolTrainer *trainer, gsize batch, gboolean learns, guint64 *bytes, GError **error)
{
  g_autoptr (KolParameters) parameters
      = kol_parameters_new (trainer->device, trainer->settings.seed);
  g_auto (Instance) instance = { 0 };
  KolValue *targets[MAX_TARGETS];

  if (!instance_init (&instance, trainer, parameters, batch, learns, error))
    return FALSE;
  guint n = instance_targets (&instance, targets);
  return kol_peak_bytes (instance.graph, targets, n, bytes, error);
}

/* To learn from @batch pictures at a time and look at @looked_at others, in between. */
static gboolean
needed_bytes (const KolTrainer *trainer, gsize batch, gsize looked_at, guint64 *bytes,
              GError **error)
{
  guint64 evaluation;

  if (!peak_bytes (trainer, batch, TRUE, bytes, error)
      || !peak_bytes (trainer, looked_at, FALSE, &evaluation, error))
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

/* By bisection; 0: not even one picture at a time fits. */
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
  gsize largest = largest_batch_that_fits (trainer, available);
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
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "A batch of %zu was asked for, but the %s leaves %zu pictures to learn from after "
               "%zu were held out for validation; choose a batch of at most %zu",
               trainer->settings.batch, trainer->pictures->name, trainer->lessons->count,
               trainer->validation->count, trainer->lessons->count);
  return FALSE;
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

  *evaluation_batch = MIN (EVALUATION_BATCH, trainer->validation->count);
  while (needed_bytes (trainer, batch, *evaluation_batch, &needed, error))
    {
      if (needed <= available || *evaluation_batch == 1)
        {
          trainer->peak_bytes = needed;
          return TRUE;
        }
      *evaluation_batch /= 2;
    }
  return FALSE;
}

/* ── Making a trainer ────────────────────────────────────────────────────────────────────────── */

static void
divide_pictures (KolTrainer *trainer, KolDataset *pictures)
{
  gsize held_out = trainer->settings.validation, lessons = pictures->count - held_out;

  trainer->pictures = kol_dataset_ref (pictures);
  trainer->lessons = kol_dataset_slice (pictures, 0, lessons);
  trainer->validation = kol_dataset_slice (pictures, lessons, held_out);
  trainer->probe = kol_dataset_slice (trainer->validation, 0, MIN (PROBE, held_out));
}

/**
 * kol_trainer_new:
 * @device: where to train
 * @network: what to train; kol_digits_network() is one
 * @pictures: the training set, from whose end the validation set is taken; its
 *   pixels may still be being read
 * @settings: (nullable): how to train; %NULL or zeros: the lecture's numbers
 * @error: return location
 *
 * Builds the network for training and for validation over one set of parameters,
 * and works out the memory that this takes; nothing is computed yet. A set of
 * fewer than 60,000 pictures has, if nothing else is asked for, a twelfth of them
 * held out.
 *
 * Errors: %KOL_ERROR_MEMORY if a batch is too large for the device's budget, with
 * the largest that fits; %G_IO_ERROR_INVALID_ARGUMENT for a setting that makes no
 * sense; %KOL_ERROR_SHAPE if the network cannot be built for such pictures.
 *
 * Returns: (transfer full): the trainer, or %NULL with @error set
 */
KolTrainer *
kol_trainer_new (KolDevice *device, KolNetwork network, KolDataset *pictures,
                 const KolTrainSettings *settings, GError **error)
{
  gsize evaluation_batch;

  g_return_val_if_fail (device != NULL && network != NULL && pictures != NULL, NULL);

  g_autoptr (KolTrainer) trainer = g_new0 (KolTrainer, 1);
  trainer->device = kol_device_ref (device);
  trainer->network = network;
  trainer->validation_loss = trainer->validation_accuracy = NAN;
  if (!settle (settings, pictures, &trainer->settings, error))
    return NULL;
  divide_pictures (trainer, pictures);
  trainer->parameters = kol_parameters_new (device, trainer->settings.seed);
  if (!choose_batches (trainer, &evaluation_batch, error)
      || !instance_init (&trainer->training, trainer, trainer->parameters, trainer->settings.batch,
                         TRUE, error)
      || !instance_init (&trainer->evaluation, trainer, trainer->parameters, evaluation_batch,
                         FALSE, error))
    return NULL;
  trainer->batches = kol_batches_new (trainer->lessons, trainer->settings.batch,
                                      trainer->settings.seed, TRUE, error);
  return trainer->batches ? g_steal_pointer (&trainer) : NULL;
}

/**
 * kol_trainer_free:
 * @trainer: (transfer full) (nullable): a trainer
 *
 * Frees the trainer, its graphs and its parameters.
 */
void
kol_trainer_free (KolTrainer *trainer)
{
  if (!trainer)
    return;
  instance_clear (&trainer->training);
  instance_clear (&trainer->evaluation);
  g_clear_pointer (&trainer->batches, kol_batches_free);
  g_clear_pointer (&trainer->probe, kol_dataset_unref);
  g_clear_pointer (&trainer->validation, kol_dataset_unref);
  g_clear_pointer (&trainer->lessons, kol_dataset_unref);
  g_clear_pointer (&trainer->pictures, kol_dataset_unref);
  g_clear_pointer (&trainer->parameters, kol_parameters_unref);
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
  return trainer->training.graph;
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
  /* The largest comes after the small one: variants are measured in memory that is still free. */
  return instance_prepare (&trainer->evaluation, error)
         && instance_prepare (&trainer->training, error)
         && prepare_losses (&trainer->training, error);
}

/* ── Scores ──────────────────────────────────────────────────────────────────────────────────── */

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

static gboolean
check_pictures (const KolTrainer *trainer, const KolDataset *pictures, guint classes,
                GError **error)
{
  const KolDataset *like = trainer->lessons;

  if (pictures->channels != like->channels || pictures->height != like->height
      || pictures->width != like->width)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
                   "The pictures of the %s are [%zu, %zu, %zu], but the network was made for "
                   "[%zu, %zu, %zu] (channels, height, width); score it on pictures of that size",
                   pictures->name, pictures->channels, pictures->height, pictures->width,
                   like->channels, like->height, like->width);
      return FALSE;
    }
  for (gsize i = 0; i < pictures->count; i++)
    if (pictures->labels[i] >= classes)
      {
        g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                     "Picture %zu of the %s has the label %u, but the network knows the %u classes "
                     "0 to %u; score it on the kind of data that it learned from",
                     i, pictures->name, pictures->labels[i], classes, classes - 1);
        return FALSE;
      }
  return TRUE;
}

/* -log P (label), P (r) = e^logits[r] / sum_s e^logits[s]; @answer is the first largest logit. */
static double
negative_log_likelihood (const float *logits, guint classes, guint label, guint *answer)
{
  double sum = 0;

  *answer = 0;
  for (guint r = 1; r < classes; r++)
    if (logits[r] > logits[*answer])
      *answer = r;
  for (guint r = 0; r < classes; r++)
    sum += exp ((double) logits[r] - logits[*answer]);
  return log (sum) - ((double) logits[label] - logits[*answer]);
}

/* Adds one batch to sums; `loss` and `accuracy` are sums until the end. */
static void
score_add (KolScore *score, const float *logits, const guint32 *labels, gsize count)
{
  for (gsize i = 0; i < count; i++)
    {
      guint answer;
      score->loss += negative_log_likelihood (logits + i * score->classes, score->classes,
                                              labels[i], &answer);
      score->accuracy += answer == labels[i];
      score->confusion[labels[i] * score->classes + answer]++;
    }
}

static gboolean
score_all (KolTrainer *trainer, KolDataset *pictures, KolScore *score, GError **error)
{
  const Instance *evaluation = &trainer->evaluation;
  g_autofree float *logits = g_new (float, evaluation->batch * score->classes);
  g_autoptr (KolBatches) batches = kol_batches_new (pictures, evaluation->batch, 0, FALSE, error);

  if (!batches)
    return FALSE;
  kol_set_scalar (evaluation->values.keep, 1);
  while (score->count < pictures->count)
    {
      kol_batch_next (batches, evaluation->values.x, evaluation->values.labels);
      if (g_cancellable_set_error_if_cancelled (trainer->cancellable, error)
          || !instance_run (evaluation, error)
          || !kol_read (evaluation->values.logits, logits, error))
        return FALSE;
      /* The last batch is filled up with pictures that were counted already. */
      gsize valid = kol_batches_get_valid (batches);
      score_add (score, logits, pictures->labels + score->count, valid);
      score->count += valid;
    }
  score->loss /= score->count;
  score->accuracy /= score->count;
  return TRUE;
}

/* A set smaller than a batch needs the network at its own size. */
static gboolean
fit_evaluation (KolTrainer *trainer, gsize count, GError **error)
{
  if (count >= trainer->evaluation.batch)
    return TRUE;
  return instance_init (&trainer->evaluation, trainer, trainer->parameters, count, FALSE, error);
}

/**
 * kol_trainer_score:
 * @trainer: a trainer
 * @pictures: of the size that the network was made for
 * @error: return location
 *
 * Classifies @pictures, each once and without dropout, with the parameters as they
 * are now. Loss and shares are summed in double precision.
 *
 * Errors: %KOL_ERROR_SHAPE for pictures of another size, %KOL_ERROR_DATA for labels
 * that the network does not know, what kol_dataset_finish() reports, and whatever
 * the device reports.
 *
 * Returns: (transfer full): the score, or %NULL with @error set
 */
KolScore *
kol_trainer_score (KolTrainer *trainer, KolDataset *pictures, GError **error)
{
  g_return_val_if_fail (trainer != NULL && pictures != NULL, NULL);

  guint classes = kol_value_get_shape (trainer->evaluation.values.logits)->dim[1];
  if (!check_pictures (trainer, pictures, classes, error)
      || !fit_evaluation (trainer, pictures->count, error)
      || !kol_dataset_finish (pictures, error))
    return NULL;
  g_autoptr (KolScore) score = g_new0 (KolScore, 1);
  score->classes = classes;
  score->confusion = g_new0 (guint, classes * classes);
  return score_all (trainer, pictures, score, error) ? g_steal_pointer (&score) : NULL;
}

/* ── Training ────────────────────────────────────────────────────────────────────────────────── */

/* A run under way: whom to tell, and what the clock says. */
typedef struct {
  KolTrainer *trainer;
  KolTrainReporter reporter;
  gpointer user_data;

  gint64 started;     /* g_get_monotonic_time () */
  guint64 first_step; /* done before this run */
  double looking;     /* seconds spent on validation, which are no training */
  double reported;    /* seconds after which progress was last told */

  struct {
    guint64 step;
    double seconds;  /* of training */
  } samples[WINDOW]; /* a ring */
  guint n_samples;
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
}

/* Over the samples in the ring, from the oldest to the newest. */
static double
examples_per_second (const Run *run)
{
  guint newest = (run->n_samples - 1) % WINDOW;
  guint oldest = run->n_samples > WINDOW ? run->n_samples % WINDOW : 0;
  double seconds = run->samples[newest].seconds - run->samples[oldest].seconds;
  guint64 steps = run->samples[newest].step - run->samples[oldest].step;

  return seconds > 0 ? steps * run->trainer->settings.batch / seconds : NAN;
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
    .seconds = seconds,
    .seconds_left = done_here > 0 ? (trainer->settings.steps - done) * seconds / done_here : NAN,
  };
}

static void
tell (const Run *run, const KolTrainReport *report)
{
  if (run->reporter)
    run->reporter (report, run->user_data);
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
read_losses (const KolTrainer *trainer, KolTrainReport *report, GError **error)
{
  return read_scalar (trainer->training.values.loss, &report->loss, error)
         && read_scalar (trainer->training.values.accuracy, &report->accuracy, error);
}

static gboolean
tell_progress (Run *run, guint64 done, GError **error)
{
  KolTrainer *trainer = run->trainer;
  KolTrainReport numbers = { 0 };
  float ratio;

  /* Reading waits for the steps under way, so the sample that follows is true. */
  if (!read_losses (trainer, &numbers, error)
      || !kol_optimizer_read_ratios (trainer->training.train_step, NULL, &ratio, error))
    return FALSE;
  take_sample (run, done);
  KolTrainReport report = begin_report (run, KOL_TRAIN_PROGRESS, done, done);
  report.loss = numbers.loss;
  report.accuracy = numbers.accuracy;
  report.rate = trainer->settings.rate;
  report.ratio = ratio;
  run->reported = report.seconds;
  tell (run, &report);
  return TRUE;
}

/* Scores a set and counts the time as looking, not training. */
static gboolean
look (Run *run, KolDataset *pictures, KolTrainReport *report, GError **error)
{
  gint64 before = g_get_monotonic_time ();
  g_autoptr (KolScore) score = kol_trainer_score (run->trainer, pictures, error);

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
  KolTrainReport report = begin_report (run, KOL_TRAIN_LINES, done - 1, done);

  if (!run_losses (&run->trainer->training, error) || !read_losses (run->trainer, &report, error)
      || !look (run, run->trainer->probe, &report, error))
    return FALSE;
  tell (run, &report);
  return TRUE;
}

/* Measures the whole validation set, unless that was just done, and tells. */
static gboolean
tell_validation (Run *run, KolTrainEvent event, guint64 done, GError **error)
{
  KolTrainer *trainer = run->trainer;
  KolTrainReport report = begin_report (run, event, done, done);

  if (isnan (trainer->validation_accuracy) || trainer->validated_step != done)
    {
      if (!look (run, trainer->validation, &report, error))
        return FALSE;
      trainer->validated_step = done;
      trainer->validation_loss = report.validation_loss;
      trainer->validation_accuracy = report.validation_accuracy;
    }
  report.validation_loss = trainer->validation_loss;
  report.validation_accuracy = trainer->validation_accuracy;
  tell (run, &report);
  return TRUE;
}

/* Step number @step, counted from 0, and what is to be told after it. */
static gboolean
take_step (Run *run, guint64 step, GError **error)
{
  KolTrainer *trainer = run->trainer;
  const Instance *training = &trainer->training;
  guint64 done = step + 1;

  kol_batch_next (trainer->batches, training->values.x, training->values.labels);
  if (!instance_run (training, error))
    return FALSE;

  gboolean lines = step % LINES_EVERY == 0;
  gboolean due = seconds_since (run->started) - run->reported >= PROGRESS_SECONDS;
  if ((lines || due) && !tell_progress (run, done, error))
    return FALSE;
  if (lines && !tell_lines (run, done, error))
    return FALSE;
  return done % kol_batches_per_epoch (trainer->batches) != 0
         || tell_validation (run, KOL_TRAIN_EPOCH, done, error);
}

static gboolean
take_steps (Run *run, GError **error)
{
  KolTrainer *trainer = run->trainer;
  KolGraph *graph = trainer->training.graph;

  for (guint64 step = run->first_step; step < trainer->settings.steps; step++)
    if (g_cancellable_set_error_if_cancelled (trainer->cancellable, error)
        || !take_step (run, step, error))
      return FALSE;
  return kol_finish (graph, error)
         && tell_validation (run, KOL_TRAIN_DONE, kol_graph_get_step (graph), error);
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
 * included. Steps are enqueued without waiting for them, except when a report is
 * due. In reports, `step` counts the steps that are done, but for
 * %KOL_TRAIN_LINES, where it is the lecture's i: that step's number from 0.
 *
 * Errors: %KOL_ERROR_DIVERGED if a value became infinite or not a number, naming
 * the node; %G_IO_ERROR_CANCELLED; what kol_dataset_finish() reports; what the
 * device reports. The parameters stay as the last good step left them.
 *
 * Returns: whether all steps are done
 */
gboolean
kol_trainer_run (KolTrainer *trainer, KolTrainReporter reporter, gpointer user_data,
                 GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (trainer != NULL, FALSE);

  /* Programs first: the pixels may still be being read meanwhile. */
  if (!kol_trainer_prepare (trainer, error) || !kol_dataset_finish (trainer->pictures, error))
    return FALSE;
  Run run = {
    .trainer = trainer,
    .reporter = reporter,
    .user_data = user_data,
    .started = g_get_monotonic_time (),
    .first_step = kol_graph_get_step (trainer->training.graph),
    .reported = -PROGRESS_SECONDS,
  };
  take_sample (&run, run.first_step);
  kol_batches_seek (trainer->batches, run.first_step);
  kol_set_scalar (trainer->training.values.keep, trainer->settings.keep);

  trainer->cancellable = cancellable;
  gboolean done = take_steps (&run, error);
  trainer->cancellable = NULL;
  return done;
}

/* ── Files ───────────────────────────────────────────────────────────────────────────────────── */

/* What is known of the run, for people and for `kolinsky evaluate`. */
static GKeyFile *
describe_run (const KolTrainer *trainer)
{
  const KolTrainSettings *settings = &trainer->settings;
  GKeyFile *file = g_key_file_new ();

  g_key_file_set_string (file, "run", "network",
                         trainer->network == kol_digits_network ? "digits" : "custom");
  g_key_file_set_string (file, "run", "kolinsky", KOL_VERSION);
  g_key_file_set_string (file, "run", "data", trainer->pictures->name);
  g_key_file_set_string (file, "run", "folder", trainer->pictures->path);
  g_key_file_set_uint64 (file, "run", "step", kol_graph_get_step (trainer->training.graph));
  if (!isnan (trainer->validation_accuracy))
    g_key_file_set_double (file, "run", "validation-accuracy", trainer->validation_accuracy);

  g_key_file_set_uint64 (file, "settings", "steps", settings->steps);
  g_key_file_set_uint64 (file, "settings", "batch", settings->batch);
  g_key_file_set_double (file, "settings", "rate", settings->rate);
  g_key_file_set_string (file, "settings", "optimizer", settings->optimizer);
  g_key_file_set_double (file, "settings", "keep", settings->keep);
  g_key_file_set_uint64 (file, "settings", "seed", settings->seed);
  g_key_file_set_uint64 (file, "settings", "validation", settings->validation);
  return file;
}

/* The same as texts beside the weights, so that the weights alone say what they are. */
static GHashTable *
describe_weights (GKeyFile *run)
{
  GHashTable *metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  const char *const groups[] = { "run", "settings" };

  g_hash_table_insert (metadata, g_strdup ("format"), g_strdup ("kolinsky"));
  for (gsize i = 0; i < G_N_ELEMENTS (groups); i++)
    {
      g_auto (GStrv) keys = g_key_file_get_keys (run, groups[i], NULL, NULL);
      for (char **key = keys; *key; key++)
        g_hash_table_insert (metadata, g_strdup (*key),
                             g_key_file_get_string (run, groups[i], *key, NULL));
    }
  return metadata;
}

static KolArray *
read_parameter (KolParameter *parameter, GError **error)
{
  const KolShape *shape = kol_parameter_get_shape (parameter);
  g_autoptr (KolArray) array
      = kol_array_new (kol_parameter_get_name (parameter), shape->rank, shape->dim);

  if (!array)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
                   "There is no host memory for a copy of parameter %s",
                   kol_parameter_get_name (parameter));
      return NULL;
    }
  return kol_parameter_read (parameter, array->data, error) ? g_steal_pointer (&array) : NULL;
}

static GPtrArray *
read_weights (const KolTrainer *trainer, GError **error)
{
  g_autoptr (GPtrArray) arrays = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_array_free);
  guint n = kol_parameters_get_count (trainer->parameters);

  for (guint i = 0; i < n; i++)
    {
      KolParameter *parameter = kol_parameters_get (trainer->parameters, i);
      if (!kol_parameter_is_trainable (parameter))
        continue;
      KolArray *array = read_parameter (parameter, error);
      if (!array)
        return NULL;
      g_ptr_array_add (arrays, array);
    }
  return g_steal_pointer (&arrays);
}

static gboolean
make_folder (const char *folder, GError **error)
{
  if (g_mkdir_with_parents (folder, 0777) == 0)
    return TRUE;
  int code = errno;
  g_autofree char *shown = g_filename_display_name (folder);
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
               "The folder “%s” cannot be made: %s", shown, g_strerror (code));
  return FALSE;
}

/**
 * kol_trainer_save:
 * @trainer: a trainer
 * @folder: where to save; made if it is not there
 * @error: return location
 *
 * Writes `weights.safetensors`, the trainable parameters by name, and `run.ini`,
 * which says what they are: network, data, settings, steps done, and the accuracy
 * on the validation set if it was measured. Each file is written beside its final
 * name and renamed, so that a failure leaves what was there before.
 *
 * Returns: %FALSE if the device or the disk failed
 */
gboolean
kol_trainer_save (KolTrainer *trainer, const char *folder, GError **error)
{
  g_return_val_if_fail (trainer != NULL && folder != NULL, FALSE);

  g_autoptr (GPtrArray) arrays = read_weights (trainer, error);
  if (!arrays || !make_folder (folder, error))
    return FALSE;
  g_autoptr (GKeyFile) run = describe_run (trainer);
  g_autoptr (GHashTable) metadata = describe_weights (run);
  g_autofree char *weights_path = g_build_filename (folder, WEIGHTS_FILE, NULL);
  g_autofree char *run_path = g_build_filename (folder, RUN_FILE, NULL);
  return kol_safetensors_save (weights_path, arrays, metadata, error)
         && g_key_file_save_to_file (run, run_path, error);
}

static KolArray *
find_array (GPtrArray *arrays, const char *name)
{
  for (guint i = 0; i < arrays->len; i++)
    {
      KolArray *array = g_ptr_array_index (arrays, i);
      if (strcmp (array->name, name) == 0)
        return array;
    }
  return NULL;
}

/* The array for a parameter, if it is there and of the right shape. */
static KolArray *
match_array (GPtrArray *arrays, const KolParameter *parameter, const char *path, GError **error)
{
  const char *name = kol_parameter_get_name (parameter);
  const KolShape *shape = kol_parameter_get_shape (parameter);
  KolArray *array = find_array (arrays, name);
  g_autofree char *shown = g_filename_display_name (path);
  g_autofree char *wanted = kol_shape_to_string (shape);

  if (!array)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The network's parameter %s, %s, is not in “%s”, which holds the weights of "
                   "another network; load the weights of this one",
                   name, wanted, shown);
      return NULL;
    }
  KolShape found = { .rank = array->rank };
  memcpy (found.dim, array->dims, array->rank * sizeof found.dim[0]);
  if (kol_shape_equal (&found, shape))
    return array;
  g_autofree char *got = kol_shape_to_string (&found);
  g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
               "Parameter %s is %s in the network, but %s in “%s”; load weights that were trained "
               "on pictures of the same size and with as many classes",
               name, wanted, got, shown);
  return NULL;
}

/* All of the parameters are written, or, where one does not match, none. */
static gboolean
write_weights (KolTrainer *trainer, GPtrArray *arrays, const char *path, GError **error)
{
  g_autoptr (GPtrArray) parameters = g_ptr_array_new ();
  g_autoptr (GPtrArray) matches = g_ptr_array_new ();
  guint n = kol_parameters_get_count (trainer->parameters);

  for (guint i = 0; i < n; i++)
    {
      KolParameter *parameter = kol_parameters_get (trainer->parameters, i);
      if (!kol_parameter_is_trainable (parameter))
        continue;
      KolArray *array = match_array (arrays, parameter, path, error);
      if (!array)
        return FALSE;
      g_ptr_array_add (parameters, parameter);
      g_ptr_array_add (matches, array);
    }
  for (guint i = 0; i < parameters->len; i++)
    {
      const KolArray *array = g_ptr_array_index (matches, i);
      if (!kol_parameter_write (g_ptr_array_index (parameters, i), array->data, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * kol_trainer_load:
 * @trainer: a trainer of the same network
 * @folder: where kol_trainer_save() saved
 * @error: return location
 *
 * Gives the network the saved weights. Steps are counted as before, and what the
 * optimizer remembers stays: training from loaded weights is a new run, not the
 * old one resumed.
 *
 * Errors: %KOL_ERROR_DATA if the file is damaged or lacks a parameter,
 * %KOL_ERROR_SHAPE if a parameter's shape is another, GIO's if the file cannot be
 * read. The weights are then as they were.
 *
 * Returns: whether all weights were loaded
 */
gboolean
kol_trainer_load (KolTrainer *trainer, const char *folder, GError **error)
{
  g_return_val_if_fail (trainer != NULL && folder != NULL, FALSE);

  g_autofree char *path = g_build_filename (folder, WEIGHTS_FILE, NULL);
  g_autoptr (GPtrArray) arrays = kol_safetensors_load (path, NULL, error);
  if (!arrays || !write_weights (trainer, arrays, path, error))
    return FALSE;
  trainer->validation_loss = trainer->validation_accuracy = NAN;
  return TRUE;
}
