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

/* What comes next. */
typedef enum {
  BETWEEN_STEPS,
  LINES,          /* the lecture's two lines */
  VALIDATION,     /* all of the validation set */
  CLOSE,          /* rows, what follows from the validation, a checkpoint */
  END_VALIDATION, /* the same at the end of the run */
  END_CLOSE,
} Phase;

/* Whom to tell, and what the clock says: it runs while steps are taken, and not in between. */
struct _KolTraining {
  KolTrainer *trainer;
  KolTrainReporter reporter;
  gpointer user_data;

  gint64 entered;     /* g_get_monotonic_time (), as the steps under way began; 0: none are */
  double spent;       /* seconds that those before have taken */
  guint64 first_step; /* done before this run */
  double looking;     /* seconds spent on validation and files, which are no training */
  double reported;    /* seconds after which progress was last told */
  gboolean stop;      /* enough is learned */
  gboolean ended;     /* all is done that belongs to the end */

  /* What still belongs to the latest step; it may be done a piece at a time. */
  Phase phase;
  gboolean busy; /* a piece is being done */
  guint64 done;  /* steps, with that one */
  gboolean logged, validated, saved, probed;
  KolTrainReport lines; /* being made, or if @probed made */
  KolScoring *scoring;  /* under way, or NULL */

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

/* Of the steps under way; none while the clock stands. */
static double
seconds_entered (const KolTraining *run)
{
  return run->entered ? seconds_since (run->entered) : 0;
}

/* That the run has taken so far. */
static double
seconds_taken (const KolTraining *run)
{
  return run->spent + seconds_entered (run);
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
    .seconds = trainer->seconds + seconds_entered (run),
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
        kol_trainer_note (trainer, KOL_NOTE_SKIPPED, *line, NULL);
      else if (trainer->told == TOLD_SKIPPED + 1)
        kol_trainer_note (trainer, KOL_NOTE_MORE_SKIPPED, NULL);
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
      const KolNote *note = g_ptr_array_index (notes, i);
      KolTrainReport report = begin_report (run, KOL_TRAIN_NOTE, done, done);
      report.text = note->text;
      report.note = note->kind;
      report.words = (const char *const *) note->words;
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

/**
 * kol_trainer_settle:
 * @trainer: a trainer
 * @error: return location
 *
 * Waits for the steps that are under way, and tells those that were not yet told.
 *
 * Errors: %KOL_ERROR_DIVERGED if one of them diverged.
 *
 * Returns: whether all were good
 */
gboolean
kol_trainer_settle (KolTrainer *trainer, GError **error)
{
  g_return_val_if_fail (trainer != NULL, FALSE);
  return trainer->training && trainer->tally ? kol_training_settle (trainer->training, error)
                                             : kol_finish (trainer->learner.graph, error);
}

/* ── Looking ─────────────────────────────────────────────────────────────────────────────────── */

/*
 * Scores another batch of a set; @score is given after the last one, else NULL. The time
 * is counted as looking, not training.
 */
static gboolean
look (KolTraining *run, KolDataset *data, KolScore **score, GError **error)
{
  gint64 before = g_get_monotonic_time ();

  *score = NULL;
  if (!run->scoring)
    run->scoring = kol_scoring_new (run->trainer->evaluator, data, error);
  gboolean good
      = run->scoring && kol_trainer_score_batch (run->trainer, run->scoring, score, error);
  if (!good || *score)
    g_clear_pointer (&run->scoring, kol_scoring_free);
  run->looking += seconds_since (before);
  return good;
}

/* The lecture's first line: the batch, with dropout. */
static gboolean
begin_lines (KolTraining *run, GError **error)
{
  const KolTrainer *trainer = run->trainer;
  const KolLearner *learner = &trainer->learner;
  KolTrainReport *report = &run->lines;

  *report = begin_report (run, KOL_TRAIN_LINES, run->done - 1, run->done);
  if (trainer->settings.optimizer.micro_batches == 1 || !trainer->settings.optimizer.micro_batches)
    return kol_learner_run (learner, NULL, error)
           && read_losses (learner, &report->loss, &report->accuracy, error);
  report->loss = run->loss; /* the parts are gone: as the step saw them */
  report->accuracy = run->accuracy;
  return TRUE;
}

/* The second line: a part of the validation set, without dropout. */
static gboolean
go_on_with_lines (KolTraining *run, gboolean *finished, GError **error)
{
  g_autoptr (KolScore) score = NULL;

  if (!look (run, run->trainer->probe, &score, error))
    return FALSE;
  *finished = score != NULL;
  if (!score)
    return TRUE;
  run->lines.validation_loss = score->loss;
  run->lines.validation_accuracy = score->accuracy;
  run->probed = isfinite (score->loss); /* else the next step says which node diverged */
  tell (run, &run->lines);
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

static gboolean
is_validated (const KolTrainer *trainer, guint64 done)
{
  return !isnan (trainer->validation_loss) && trainer->validated_step == done;
}

/* Measures the whole validation set, unless that was just done. */
static gboolean
go_on_validating (KolTraining *run, gboolean *finished, GError **error)
{
  KolTrainer *trainer = run->trainer;
  g_autoptr (KolScore) score = NULL;

  *finished = is_validated (trainer, run->done);
  if (*finished)
    return TRUE;
  if (!look (run, trainer->validation, &score, error))
    return FALSE;
  *finished = score != NULL;
  if (!score)
    return TRUE;
  trainer->validated_step = run->done;
  trainer->validation_loss = score->loss;
  trainer->validation_accuracy = score->accuracy;
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
  trainer->seconds += seconds_entered (run);
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
    {
      g_autofree char *rate = g_strdup_printf ("%g", kol_trainer_rate (trainer, done));
      kol_trainer_note (trainer, KOL_NOTE_PLATEAU, rate, NULL);
    }
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

/* What is written to the run's folder after a step: those of its numbers that were measured. */
static gboolean
record_step (KolTraining *run, guint64 done, gboolean logged, gboolean probed, gboolean validated,
             GError **error)
{
  KolTrainer *trainer = run->trainer;
  gint64 before = g_get_monotonic_time ();
  gboolean good = TRUE;

  if (!trainer->record)
    return TRUE;
  if (logged || probed || validated)
    {
      KolTrainReport row = begin_report (run, KOL_TRAIN_PROGRESS, done, done);

      if (logged)
        row = report_step (run, done);
      if (validated)
        {
          row.validation_loss = trainer->validation_loss;
          row.validation_accuracy = trainer->validation_accuracy;
        }
      good = kol_record_row (trainer->record, &row, probed ? &run->lines : NULL,
                             logged ? run->ratios : NULL, error);
    }
  run->looking += seconds_since (before);
  return good;
}

/* Those of the gradients, too, which are there until another batch is. */
static gboolean
record_histograms (KolTraining *run, GError **error)
{
  KolTrainer *trainer = run->trainer;
  gint64 before = g_get_monotonic_time ();

  if (!trainer->record || !count_epoch (trainer, trainer->settings.histogram_every, run->done))
    return TRUE;
  gboolean good = kol_record_histograms (trainer->record, run->done, error);
  run->looking += seconds_since (before);
  return good;
}

/* Takes the next step; what belongs to it besides is left to the phases that follow. */
static gboolean
take_step (KolTraining *run, GError **error)
{
  KolTrainer *trainer = run->trainer;
  guint64 step = kol_trainer_get_step (trainer), done = run->done = step + 1;
  gboolean lines = step % LINES_EVERY == 0 && !trainer->quiet;
  gboolean due = seconds_taken (run) - run->reported >= PROGRESS_SECONDS;

  run->logged = trainer->record && done % trainer->settings.log_every == 0;
  run->probed = FALSE;
  run->validated = count_epoch (trainer, trainer->settings.validate_every, done);
  run->saved = count_epoch (trainer, trainer->settings.checkpoint_every, done);
  gboolean wanted = lines || run->logged || due;
  kol_set_scalar (kol_optimizer_get_rate (trainer->learner.train_step),
                  (float) kol_trainer_rate (trainer, step));
  if (!learn (run, wanted, error) || (wanted && !read_ratios (run, error))
      || !note_step (run, error) || !record_histograms (run, error))
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
  run->phase = lines ? LINES : run->validated ? VALIDATION : CLOSE;
  if (lines && !begin_lines (run, error))
    return FALSE;
  return !trainer->tally || !(run->validated || run->saved) || kol_training_settle (run, error);
}

/* What comes after the numbers of a step are known. */
static gboolean
close_step (KolTraining *run, GError **error)
{
  guint64 done = run->done;

  if (run->validated)
    tell_validation (run, KOL_TRAIN_VALIDATION, done);
  if (!record_step (run, done, run->logged, run->probed, run->validated, error)
      || (run->validated && !learn_from_validation (run, done, error))
      || !record_skipped (run, error))
    return FALSE;
  tell_notes (run, done);
  return !run->saved || save_and_tell (run, done, error);
}

static char *
print (guint64 number)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT, number);
}

/* Goes back to the best checkpoint, and forgets those after it. */
static gboolean
return_to_best (KolTraining *run, GError **error)
{
  KolTrainer *trainer = run->trainer;
  guint64 stopped = kol_trainer_get_step (trainer), best = trainer->best_step;

  if (!trainer->record || !best || best == stopped)
    return TRUE;
  g_autofree char *patience = print (trainer->settings.early_stop);
  g_autofree char *stopped_step = print (stopped), *best_step = print (best);
  const char *folder = kol_record_get_folder (trainer->record);
  if (!kol_checkpoint_exists (folder, best))
    {
      kol_trainer_note (trainer, KOL_NOTE_BEST_GONE, patience, best_step, NULL);
      tell_notes (run, stopped);
      return TRUE;
    }
  g_autoptr (KolTrainState) state = kol_train_state_load (folder, best, error);
  if (!state || !kol_trainer_take_tensors (trainer, state, error))
    return FALSE;
  trainer->saved_step = best;
  kol_checkpoint_forget_after (folder, best);
  kol_trainer_note (trainer, KOL_NOTE_BACK_TO_BEST, patience, stopped_step, best_step, NULL);
  tell_notes (run, best);
  return kol_run_update (folder, &trainer->settings, best, best, trainer->best_loss,
                         trainer->best_accuracy, error);
}

/* The end of a run begins with the best weights, and ends with a validation and a checkpoint. */
static gboolean
begin_end (KolTraining *run, GError **error)
{
  KolTrainer *trainer = run->trainer;

  if (!kol_training_settle (run, error) || (run->stop && !return_to_best (run, error)))
    return FALSE;
  run->done = kol_trainer_get_step (trainer);
  run->validated = is_validated (trainer, run->done);
  return TRUE;
}

static gboolean
close_end (KolTraining *run, GError **error)
{
  KolTrainer *trainer = run->trainer;
  guint64 done = run->done;

  if (!record_skipped (run, error))
    return FALSE;
  tell_notes (run, done);
  if (!run->validated && !run->stop && trainer->saved_step != done) /* else it is on record */
    {
      note_validation (trainer, done);
      if (!record_step (run, done, FALSE, FALSE, TRUE, error))
        return FALSE;
    }
  if (!save_and_tell (run, done, error)
      || (trainer->record && !kol_run_finish (kol_record_get_folder (trainer->record), error)))
    return FALSE;
  tell_validation (run, KOL_TRAIN_DONE, done);
  run->ended = TRUE;
  return TRUE;
}

static gboolean
is_at_the_end (const KolTraining *run)
{
  return run->stop || kol_trainer_get_step (run->trainer) >= run->trainer->settings.steps;
}

/* Nothing belongs to the latest step any more. */
static void
drop_phase (KolTraining *run)
{
  g_clear_pointer (&run->scoring, kol_scoring_free);
  run->phase = BETWEEN_STEPS;
}

static gboolean
do_phase (KolTraining *run, GError **error)
{
  gboolean finished = TRUE, good;

  switch (run->phase)
    {
    case LINES:
      good = go_on_with_lines (run, &finished, error);
      run->phase = !finished ? LINES : run->validated ? VALIDATION : CLOSE;
      return good;
    case VALIDATION:
      good = go_on_validating (run, &finished, error);
      run->phase = finished ? CLOSE : VALIDATION;
      return good;
    case CLOSE:
      run->phase = BETWEEN_STEPS;
      return close_step (run, error);
    case END_VALIDATION:
      good = go_on_validating (run, &finished, error);
      run->phase = finished ? END_CLOSE : END_VALIDATION;
      return good;
    case END_CLOSE:
      run->phase = BETWEEN_STEPS;
      return close_end (run, error);
    case BETWEEN_STEPS:
    default:
      if (!is_at_the_end (run))
        return take_step (run, error);
      run->phase = END_VALIDATION;
      return begin_end (run, error);
    }
}

/* Does the next piece: a step, a batch of a validation, or what is left to do then. */
static gboolean
do_piece (KolTraining *run, GError **error)
{
  run->busy = TRUE;
  gboolean good = do_phase (run, error);
  run->busy = FALSE;
  if (!good)
    drop_phase (run);
  return good;
}

/* Does pieces until so many steps are done or so much time is over, where these are not 0. */
static gboolean
do_pieces (KolTraining *run, guint64 steps, double seconds, GError **error)
{
  guint64 taken = 0;

  run->ended = FALSE;
  while (!run->ended
         && !(steps && taken == steps && run->phase == BETWEEN_STEPS && !is_at_the_end (run)))
    {
      gboolean step = run->phase == BETWEEN_STEPS && !is_at_the_end (run);

      if ((step && g_cancellable_set_error_if_cancelled (run->trainer->cancellable, error))
          || !do_piece (run, error))
        return FALSE;
      taken += step;
      if (seconds > 0 && seconds_since (run->entered) >= seconds)
        break;
    }
  return !(steps && taken == steps && run->trainer->tally) || kol_training_settle (run, error);
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
      kol_trainer_note (trainer, KOL_NOTE_VARIANT, node, variant, found, NULL);
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

/* Counts the time since @run->entered. */
static void
stop_clock (KolTraining *run)
{
  double taken = seconds_entered (run);

  run->spent += taken;
  run->trainer->seconds += taken;
  run->entered = 0;
}

gboolean
kol_training_complete (KolTraining *run, GError **error)
{
  gboolean good = TRUE;

  if (run->busy) /* it is what asks for this */
    return TRUE;
  run->entered = g_get_monotonic_time ();
  while (good && run->phase != BETWEEN_STEPS)
    good = do_piece (run, error);
  stop_clock (run);
  return good;
}

/* Leaves what is not yet measured of the step for when the run goes on, with its row. */
static void
owe (KolTraining *run)
{
  KolOwed *owed = &run->trainer->owed;
  guint n = kol_optimizer_get_parameters (run->trainer->learner.train_step, NULL);

  g_free (owed->ratios);
  *owed = (KolOwed){ .due = TRUE,
                     .logged = run->logged,
                     .lines = run->phase == LINES,
                     .probed = run->probed,
                     .validated = run->validated,
                     .batch_loss = run->lines.loss,
                     .batch_accuracy = run->lines.accuracy,
                     .probe_loss = run->lines.validation_loss,
                     .probe_accuracy = run->lines.validation_accuracy,
                     .loss = run->loss,
                     .accuracy = run->accuracy,
                     .ratio = run->ratio,
                     .ratios = g_new (double, n),
                     .n_ratios = n };
  for (guint i = 0; i < n; i++)
    owed->ratios[i] = run->ratios[i];
  drop_phase (run);
}

/* Does what was owed first. The step's checkpoint, which says so, is written anew if it stays. */
static void
take_up_owed (KolTraining *run)
{
  KolTrainer *trainer = run->trainer;
  KolOwed *owed = &trainer->owed;
  guint n = kol_optimizer_get_parameters (trainer->learner.train_step, NULL);

  run->done = kol_trainer_get_step (trainer);
  run->loss = owed->loss;
  run->accuracy = owed->accuracy;
  run->ratio = owed->ratio;
  for (guint i = 0; i < n; i++)
    run->ratios[i] = i < owed->n_ratios ? (float) owed->ratios[i] : NAN;
  run->logged = owed->logged && trainer->record;
  run->validated = owed->validated;
  run->probed = owed->probed;
  run->lines = begin_report (run, KOL_TRAIN_LINES, run->done - 1, run->done);
  run->lines.loss = owed->batch_loss;
  run->lines.accuracy = owed->batch_accuracy;
  run->lines.validation_loss = owed->probe_loss;
  run->lines.validation_accuracy = owed->probe_accuracy;
  run->saved = count_epoch (trainer, trainer->settings.checkpoint_every, run->done);
  run->phase = owed->lines ? LINES : owed->validated ? VALIDATION : CLOSE;
  trainer->saved_step = 0;
  owed->due = FALSE;
}

/* What is quick is done at once; what takes long is owed, or begun again. */
static gboolean
break_off (KolTraining *run, GError **error)
{
  if (run->phase == LINES || (run->phase == VALIDATION && !is_validated (run->trainer, run->done)))
    owe (run);
  else if (run->phase == END_VALIDATION && !run->stop)
    drop_phase (run);
  return kol_training_complete (run, error);
}

void
kol_training_restart (KolTraining *run)
{
  drop_phase (run);
  start_clock (run);
  run->stop = is_enough (run->trainer);
  if (run->trainer->owed.due)
    take_up_owed (run);
}

void
kol_training_free (KolTraining *run)
{
  g_clear_pointer (&run->scoring, kol_scoring_free);
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
  if (!kol_trainer_prepare (trainer, NULL, error) || !kol_dataset_finish (trainer->data, error))
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
  gboolean good = do_pieces (run, steps, seconds, &reason);
  if (!good)
    tell_steps (run);
  if (finished)
    *finished = good && run->ended;
  stop_clock (run);
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
 * Takes steps with all that belongs to a step: validation, rows of the log, checkpoints.
 * A run that is taken in pieces computes, to the last bit, what kol_trainer_run() computes
 * in one; time between the pieces is not counted. At the end of the run come a last
 * validation and checkpoint, and %KOL_TRAIN_DONE is told.
 *
 * @seconds also end a validation after any batch of it: the next call goes on there, and
 * so does whatever needs the step whole, such as kol_trainer_capture() and
 * kol_trainer_save(). At least a step is taken, or a batch validated.
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
 * there. Nothing is saved: kol_trainer_save() does that. A validation that is under way
 * is not waited for: it is the first to be done when the run is begun again, or resumed
 * from a checkpoint that is saved now.
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
  gboolean good
      = break_off (trainer->training, error) && kol_training_settle (trainer->training, error);
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
