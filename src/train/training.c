/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A run under way: its steps, what belongs to each, and what it tells. The numbers
 * depend on the step alone, never on the clock, so that a run that goes on from a
 * checkpoint, or is taken a few steps at a time, computes what it would have computed.
 */

#include <math.h>
#include <string.h>

#include "checkpoint-private.h"
#include "tally-private.h"

#define LINES_EVERY 100        /* steps between the lecture's two lines */
#define TOLD_SKIPPED 10        /* pictures that cannot be read which are told; all are listed */
#define PROGRESS_SECONDS 0.125 /* between two reports of progress */
#define WINDOW 32              /* reports over which the speed is averaged */

static gboolean
count_epoch (const KolTrainer *trainer, guint64 every, guint64 done)
{
  if (every)
    return done % every == 0;
  return kol_trainer_batch_number (trainer, done) % kol_batches_per_epoch (trainer->batches) == 0;
}

/* ── Telling ─────────────────────────────────────────────────────────────────────────────────── */

/* Whom to tell, and what the clock says: it runs while steps are taken, and not in between. */
struct _KolTraining {
  KolTrainer *trainer;
  KolTrainReporter reporter;
  gpointer user_data;

  gint64 entered;     /* g_get_monotonic_time (), as the steps under way began */
  double spent;       /* seconds that those before have taken */
  guint64 first_step; /* done before this run */
  double looking;     /* seconds spent on validation and files, which are no training */
  double reported;    /* seconds after which progress was last told */
  gboolean stop;      /* enough is learned */

  /* Of the step under way, if they are known. */
  double loss, accuracy, ratio;
  float *ratios;      /* per parameter */
  float *told_ratios; /* the same of the step that is told */

  struct {
    guint64 step;
    double seconds;  /* of training */
    double waited;   /* of these, for examples */
  } samples[WINDOW]; /* a ring */
  guint n_samples;
  double waited_before; /* seconds that were waited before this run */
};

/* That the run has taken so far. */
static double
seconds_taken (const KolTraining *run)
{
  return run->spent + seconds_since (run->entered);
}

static void
take_sample (KolTraining *run, guint64 step)
{
  guint place = run->n_samples++ % WINDOW;

  run->samples[place].step = step;
  run->samples[place].seconds = seconds_taken (run) - run->looking;
  run->samples[place].waited = kol_batches_get_waited (run->trainer->batches) - run->waited_before;
}

/* The places in the ring of the latest sample and of the oldest that is still there. */
static void
find_samples (const KolTraining *run, guint *newest, guint *oldest)
{
  *newest = (run->n_samples - 1) % WINDOW;
  *oldest = run->n_samples > WINDOW ? run->n_samples % WINDOW : 0;
}

/* Over the samples in the ring, from the oldest to the newest. */
static double
examples_per_second (const KolTraining *run)
{
  guint newest, oldest;
  find_samples (run, &newest, &oldest);
  double seconds = run->samples[newest].seconds - run->samples[oldest].seconds;
  guint64 steps = run->samples[newest].step - run->samples[oldest].step;

  return seconds > 0 ? steps * run->trainer->batch / seconds : NAN;
}

/* The share of the time that was spent waiting for examples: over the same samples, or all. */
static double
loader_wait (const KolTraining *run, gboolean all)
{
  guint newest, oldest;

  if (all)
    return (kol_batches_get_waited (run->trainer->batches) - run->waited_before)
           / (seconds_taken (run) - run->looking);
  find_samples (run, &newest, &oldest);
  double seconds = run->samples[newest].seconds - run->samples[oldest].seconds;
  double waited = run->samples[newest].waited - run->samples[oldest].waited;
  return seconds > 0 ? waited / seconds : NAN;
}

/* A report with the clock's numbers; the others are NaN. @done: steps that are done. */
static KolTrainReport
begin_report (const KolTraining *run, KolTrainEvent event, guint64 step, guint64 done)
{
  const KolTrainer *trainer = run->trainer;
  double seconds = seconds_taken (run);
  guint64 done_here = done - run->first_step;

  return (KolTrainReport){
    .event = event,
    .step = step,
    .steps = trainer->settings.steps,
    .epoch
    = kol_trainer_batch_number (trainer, done) / (double) kol_batches_per_epoch (trainer->batches),
    .loss = NAN,
    .accuracy = NAN,
    .validation_loss = NAN,
    .validation_accuracy = NAN,
    .rate = NAN,
    .norm = NAN,
    .ratio = NAN,
    .examples_per_second = examples_per_second (run),
    .loader_wait = loader_wait (run, event == KOL_TRAIN_DONE),
    .seconds = trainer->seconds + seconds_since (run->entered),
    .seconds_left = done_here > 0 ? (trainer->settings.steps - done) * seconds / done_here : NAN,
  };
}

static void
tell (const KolTraining *run, const KolTrainReport *report)
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
record_skipped (KolTraining *run, GError **error)
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
tell_notes (const KolTraining *run, guint64 done)
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

static KolTrainReport
report_step (const KolTraining *run, guint64 done)
{
  KolTrainReport report = begin_report (run, KOL_TRAIN_PROGRESS, done, done);

  report.loss = run->loss;
  report.accuracy = run->accuracy;
  report.rate = kol_trainer_rate (run->trainer, done - 1);
  report.ratio = run->ratio;
  return report;
}

/* Tells the steps that have come to be known as good. */
static void
tell_steps (const KolTraining *run)
{
  KolTrainer *trainer = run->trainer;
  const KolTallied *step;

  while (trainer->tally && (step = kol_tally_take (trainer->tally, &trainer->learner)))
    {
      KolTrainReport report = begin_report (run, KOL_TRAIN_STEP, step->step + 1, step->step + 1);
      float overall;

      report.n_ratios = kol_optimizer_find_ratios (trainer->learner.train_step, step->sums,
                                                   run->told_ratios, &overall);
      report.ratios = run->told_ratios;
      report.ratio = overall;
      report.loss = step->loss;
      report.accuracy = step->accuracy;
      report.norm = step->norm;
      report.rate = step->rate;
      tell (run, &report);
    }
}

gboolean
kol_training_settle (KolTraining *run, GError **error)
{
  gboolean good = kol_finish (run->trainer->learner.graph, error);

  tell_steps (run);
  return good;
}

/* ── Looking ─────────────────────────────────────────────────────────────────────────────────── */

/* Scores a set and counts the time as looking, not training. */
static gboolean
look (KolTraining *run, KolDataset *data, KolTrainReport *report, GError **error)
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
tell_lines (KolTraining *run, guint64 done, GError **error)
{
  const KolTrainer *trainer = run->trainer;
  const KolLearner *learner = &trainer->learner;
  KolTrainReport report = begin_report (run, KOL_TRAIN_LINES, done - 1, done);

  if (trainer->settings.optimizer.micro_batches > 1) /* the parts are gone: as the step saw them */
    {
      report.loss = run->loss;
      report.accuracy = run->accuracy;
    }
  else if (!kol_learner_run (learner, NULL, error)
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
validate (KolTraining *run, guint64 done, GError **error)
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
tell_validation (const KolTraining *run, KolTrainEvent event, guint64 done)
{
  KolTrainReport report = begin_report (run, event, done, done);

  report.validation_loss = run->trainer->validation_loss;
  report.validation_accuracy = run->trainer->validation_accuracy;
  tell (run, &report);
}

/* Saves, and tells where. */
static gboolean
save_and_tell (KolTraining *run, guint64 done, GError **error)
{
  KolTrainer *trainer = run->trainer;
  gint64 before = g_get_monotonic_time ();

  if (!trainer->record || trainer->saved_step == done)
    return TRUE;
  double seconds = trainer->seconds;
  trainer->seconds += seconds_since (run->entered);
  gboolean saved = kol_trainer_save (trainer, error);
  trainer->seconds = seconds;
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
learn_from_validation (KolTraining *run, guint64 done, GError **error)
{
  KolTrainer *trainer = run->trainer;
  double scale = trainer->plateau.scale;

  note_validation (trainer, done);
  run->stop = is_enough (trainer);
  if (trainer->settings.plateau
      && kol_plateau_update (&trainer->plateau, trainer->validation_loss) != scale)
    kol_trainer_note (trainer, "The validation loss is on a plateau: the rate is now %g",
                      kol_trainer_rate (trainer, done));
  /* The best so far is worth keeping, and what training may go back to. */
  return trainer->best_step != done || save_and_tell (run, done, error);
}

/* ── Steps ───────────────────────────────────────────────────────────────────────────────────── */

/*
 * Learns from the next batch, a part at a time. With one part the batch's numbers
 * are left to be read; with several they are read and averaged if @wanted.
 */
static gboolean
learn (KolTraining *run, gboolean wanted, GError **error)
{
  KolTrainer *trainer = run->trainer;
  const KolLearner *learner = &trainer->learner;
  const KolDataset *like = trainer->lessons;
  gsize example = like->channels * like->height * like->width, target = MAX (like->outputs, 1);
  guint parts = MAX (trainer->settings.optimizer.micro_batches, 1);
  double loss_sum = 0, accuracy_sum = 0;
  const float *x, *y;

  wanted = wanted || (parts > 1 && trainer->tally);
  if (!kol_batches_next (trainer->batches, &x, &y))
    return kol_dataset_finish (trainer->data, error);
  trainer->learner.fed = TRUE;
  for (guint i = 0; i < parts; i++)
    {
      KolValue *last
          = i == parts - 1 ? learner->train_step : kol_optimizer_get_gather (learner->train_step);

      kol_graph_set_first_example (learner->graph, i * learner->part);
      kol_set (learner->values.x, x + i * learner->part * example);
      kol_set (learner->values.y, y + i * learner->part * target);
      if (!kol_learner_run (learner, last, error))
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

/* Has the step's numbers be told later. */
static gboolean
note_step (KolTraining *run, GError **error)
{
  KolTrainer *trainer = run->trainer;
  double rate = kol_trainer_rate (trainer, kol_trainer_get_step (trainer) - 1);
  gboolean parts = trainer->settings.optimizer.micro_batches > 1;

  return !trainer->tally
         || kol_tally_note (trainer->tally, &trainer->learner, rate, parts ? &run->loss : NULL,
                            parts ? &run->accuracy : NULL, error);
}

/* The ratio of all parameters together. */
static gboolean
read_ratios (KolTraining *run, GError **error)
{
  float ratio;

  if (!kol_optimizer_read_ratios (run->trainer->learner.train_step, run->ratios, &ratio, error))
    return FALSE;
  run->ratio = ratio;
  return TRUE;
}

/* What is written to the run's folder after a step. */
static gboolean
record_step (KolTraining *run, guint64 done, gboolean logged, gboolean validated, GError **error)
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
take_step (KolTraining *run, guint64 step, GError **error)
{
  KolTrainer *trainer = run->trainer;
  guint64 done = step + 1;
  gboolean lines = step % LINES_EVERY == 0 && !trainer->quiet;
  gboolean logged = trainer->record && done % trainer->settings.log_every == 0;
  gboolean due = seconds_taken (run) - run->reported >= PROGRESS_SECONDS;
  gboolean wanted = lines || logged || due;

  kol_set_scalar (kol_optimizer_get_rate (trainer->learner.train_step),
                  (float) kol_trainer_rate (trainer, step));
  if (!learn (run, wanted, error) || (wanted && !read_ratios (run, error))
      || !note_step (run, error))
    return FALSE;
  tell_steps (run);
  if (wanted) /* reading has waited for the step, so the sample is true */
    take_sample (run, done);
  if (lines || due)
    {
      KolTrainReport report = report_step (run, done);
      run->reported = seconds_taken (run);
      tell (run, &report);
    }
  if (lines && !tell_lines (run, done, error))
    return FALSE;

  gboolean validated = count_epoch (trainer, trainer->settings.validate_every, done);
  gboolean saved = count_epoch (trainer, trainer->settings.checkpoint_every, done);
  if (trainer->tally && (validated || saved) && !kol_training_settle (run, error))
    return FALSE;
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
  return !saved || save_and_tell (run, done, error);
}

/* Goes back to the best checkpoint, and forgets those after it. */
static gboolean
return_to_best (KolTraining *run, GError **error)
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
  g_autoptr (KolTrainState) state = kol_train_state_load (folder, best, error);
  if (!state || !kol_trainer_take_tensors (trainer, state, error))
    return FALSE;
  trainer->saved_step = best;
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

/* What belongs to the end of a run: a last validation, the best weights, a checkpoint. */
static gboolean
come_to_the_end (KolTraining *run, GError **error)
{
  KolTrainer *trainer = run->trainer;

  if (!kol_training_settle (run, error) || (run->stop && !return_to_best (run, error)))
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

static gboolean
is_at_the_end (const KolTraining *run)
{
  return run->stop || kol_trainer_get_step (run->trainer) >= run->trainer->settings.steps;
}

/* Takes steps until @steps of them are taken or @seconds are over, where these are not 0. */
static gboolean
take_steps (KolTraining *run, guint64 steps, double seconds, GError **error)
{
  for (guint64 taken = 0; !is_at_the_end (run);)
    {
      if (g_cancellable_set_error_if_cancelled (run->trainer->cancellable, error)
          || !take_step (run, kol_trainer_get_step (run->trainer), error))
        return FALSE;
      if (++taken == steps)
        return !run->trainer->tally || kol_training_settle (run, error);
      if (seconds > 0 && seconds_since (run->entered) >= seconds)
        break;
    }
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

/* ── Beginning, going on, ending ─────────────────────────────────────────────────────────────── */

/* Where the clock begins: now, with as many steps done as there are. */
static void
start_clock (KolTraining *run)
{
  run->entered = g_get_monotonic_time ();
  run->spent = run->looking = 0;
  run->reported = -PROGRESS_SECONDS;
  run->first_step = kol_trainer_get_step (run->trainer);
  run->waited_before = kol_batches_get_waited (run->trainer->batches);
  run->n_samples = 0;
  take_sample (run, run->first_step);
}

void
kol_training_restart (KolTraining *run)
{
  start_clock (run);
  run->stop = is_enough (run->trainer);
}

void
kol_training_free (KolTraining *run)
{
  g_free (run->ratios);
  g_free (run->told_ratios);
  g_free (run);
}

/**
 * kol_trainer_begin:
 * @trainer: a trainer of which no run is under way
 * @reporter: (nullable) (scope forever): told how it goes, by the calls that take steps
 * @user_data: for @reporter; both must live until kol_trainer_end()
 * @error: return location
 *
 * Begins a run that is taken a few steps at a time, by kol_trainer_advance(): for an
 * application that has other things to do, or to show, in between. Compiles and
 * allocates what is needed, and waits until the examples are read.
 *
 * Errors: what kol_trainer_prepare() and kol_dataset_finish() report.
 *
 * Returns: whether it has begun
 */
gboolean
kol_trainer_begin (KolTrainer *trainer, KolTrainReporter reporter, gpointer user_data,
                   GError **error)
{
  g_return_val_if_fail (trainer != NULL && !trainer->training, FALSE);

  /* Programs first: the examples may still be being read meanwhile. */
  if (!kol_trainer_prepare (trainer, error) || !kol_dataset_finish (trainer->data, error))
    return FALSE;
  if (trainer->pinned)
    compare_variants (trainer, trainer->learner.graph, trainer->pinned);
  if (trainer->validation_pinned)
    compare_variants (trainer, kol_evaluator_get_graph (trainer->evaluator),
                      trainer->validation_pinned);
  KolTraining *run = trainer->training = g_new0 (KolTraining, 1);
  run->trainer = trainer;
  run->reporter = reporter;
  run->user_data = user_data;
  guint n = kol_optimizer_get_parameters (trainer->learner.train_step, NULL);
  run->ratios = g_new0 (float, n);
  run->told_ratios = g_new0 (float, n);
  kol_training_restart (run);
  return TRUE;
}

static gboolean
advance (KolTrainer *trainer, guint64 steps, double seconds, gboolean *finished, GError **error)
{
  KolTraining *run = trainer->training;
  guint64 step = kol_trainer_get_step (trainer);
  g_autoptr (GError) reason = NULL;

  run->entered = g_get_monotonic_time ();
  tell_notes (run, step);
  kol_batches_seek (trainer->batches, kol_trainer_batch_number (trainer, step));
  if (trainer->learner.values.keep)
    kol_set_scalar (trainer->learner.values.keep, (float) kol_trainer_keep (trainer));
  gboolean good = take_steps (run, steps, seconds, &reason);
  if (!good)
    tell_steps (run);
  gboolean ended = good && is_at_the_end (run);
  if (ended)
    good = come_to_the_end (run, &reason);
  if (finished)
    *finished = ended && good;
  double taken = seconds_since (run->entered);
  run->spent += taken;
  trainer->seconds += taken;
  if (!good && g_error_matches (reason, KOL_ERROR, KOL_ERROR_DIVERGED))
    kol_trainer_happened (trainer, KOL_TIMELINE_DIVERGED, NAN, NAN, NULL);
  if (reason)
    g_propagate_error (error, g_steal_pointer (&reason));
  return good;
}

/**
 * kol_trainer_advance:
 * @trainer: a trainer whose run has begun
 * @steps: the most steps to take; 0: no limit
 * @seconds: after how long to take no more; 0: no limit
 * @finished: (out) (optional): whether the run has come to its end
 * @error: return location
 *
 * Takes steps, at least one, with all that belongs to a step: validation, rows of the
 * log, checkpoints. A run that is taken in pieces computes, to the last bit, what
 * kol_trainer_run() computes in one; time between the pieces is not counted. At the end
 * of the run come a last validation and checkpoint, and %KOL_TRAIN_DONE is told.
 *
 * Steps are enqueued and not waited for: one or two may still be under way when this
 * returns, and their divergence is then reported by the next call. If every step is told
 * (kol_trainer_tell_steps()), @steps are waited for, but not those of a number of @seconds.
 *
 * Errors: those of kol_trainer_run(). After one the run is still under way: after
 * %KOL_ERROR_DIVERGED the trainer stands at the last good step, and can be given
 * another rate, or be rewound, and go on.
 *
 * Returns: whether all went well
 */
gboolean
kol_trainer_advance (KolTrainer *trainer, guint64 steps, double seconds, gboolean *finished,
                     GError **error)
{
  g_return_val_if_fail (trainer != NULL && trainer->training, FALSE);
  return advance (trainer, steps, seconds, finished, error);
}

/**
 * kol_trainer_end:
 * @trainer: a trainer
 * @error: return location
 *
 * Ends the run that is under way, if one is, where it stands; it can be begun again
 * there. Nothing is saved: kol_trainer_save() does that.
 *
 * Errors: %KOL_ERROR_DIVERGED if one of the last steps turns out to have diverged; the
 * run has ended all the same.
 *
 * Returns: whether all its steps were good
 */
gboolean
kol_trainer_end (KolTrainer *trainer, GError **error)
{
  g_return_val_if_fail (trainer != NULL, FALSE);

  if (!trainer->training)
    return TRUE;
  gboolean good = kol_training_settle (trainer->training, error);
  g_clear_pointer (&trainer->training, kol_training_free);
  return good;
}

/**
 * kol_trainer_run:
 * @trainer: a trainer of which no run is under way
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
  g_return_val_if_fail (trainer != NULL && !trainer->training, FALSE);

  if (!kol_trainer_begin (trainer, reporter, user_data, error))
    return FALSE;
  trainer->cancellable = cancellable;
  gboolean done = advance (trainer, 0, 0, NULL, error);
  trainer->cancellable = NULL;
  if (!done && trainer->tally)
    kol_training_settle (trainer->training, NULL);
  g_clear_pointer (&trainer->training, kol_training_free);
  return done;
}
