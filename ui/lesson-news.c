/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What a run on the worker's thread tells: as it learns, and of what it has behind it. */

#include "lesson-state-private.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#include "pace.h"

#define GESTURE 3 /* seconds between two values at most, in a log */

/* ── Telling ─────────────────────────────────────────────────────────────────────────────────── */

static void
news_free (gpointer data)
{
  KxLessonNews *news = data;

  kx_holder_unref (news->run);
  g_free (news->text);
  g_strfreev (news->names);
  g_free ((gpointer) news->metrics.step);
  g_free ((gpointer) news->metrics.epoch);
  g_free ((gpointer) news->metrics.seconds);
  g_free ((gpointer) news->metrics.loss);
  g_free ((gpointer) news->metrics.accuracy);
  g_free ((gpointer) news->metrics.rate);
  g_free ((gpointer) news->metrics.norm);
  g_free ((gpointer) news->metrics.ratio);
  g_free ((gpointer) news->metrics.ratios);
  g_clear_pointer (&news->state, kol_train_state_unref);
  g_clear_pointer (&news->past, kx_past_unref);
  g_clear_error (&news->error);
  g_free (news);
}

static void
deliver (gpointer data)
{
  KxLessonNews *news = data;
  g_autoptr (KxRun) run = kx_holder_get (news->run);

  if (run)
    kx_run_take_news (run, news);
}

KxLessonNews *
kx_lesson_news_new (KxLesson *lesson, KxLessonTopic topic)
{
  KxLessonNews *news = g_new0 (KxLessonNews, 1);

  news->run = kx_holder_ref (lesson->run);
  news->topic = topic;
  news->loss = news->accuracy = NAN;
  if (lesson->trainer)
    {
      news->step = kol_trainer_get_step (lesson->trainer);
      news->steps = kol_trainer_get_settings (lesson->trainer)->steps;
      for (guint i = 0; i < KX_N_CONTROLS; i++)
        news->controls[i] = kol_trainer_get_control (lesson->trainer, i);
    }
  return news;
}

void
kx_lesson_post (KxLessonNews *news)
{
  kx_news_post (deliver, news, news_free);
}

void
kx_lesson_tell_text (KxLesson *lesson, KxLessonTopic topic, const char *text)
{
  KxLessonNews *news = kx_lesson_news_new (lesson, topic);

  news->text = g_strdup (text);
  kx_lesson_post (news);
}

void
kx_lesson_tell_state (KxLesson *lesson, KxRunState state, GError *error)
{
  if (lesson->told == state && !error)
    return;
  KxLessonNews *news = kx_lesson_news_new (lesson, KX_LESSON_STATE);
  news->run_state = lesson->told = state;
  news->error = error;
  kx_lesson_post (news);
}

#define STEAL(array, type) ((type *) g_array_steal (array, NULL))

void
kx_lesson_tell_metrics (KxLesson *lesson)
{
  if (!lesson->step->len)
    return;
  KxLessonNews *news = kx_lesson_news_new (lesson, KX_LESSON_METRICS);
  news->metrics.n = lesson->step->len;
  news->metrics.n_ratios = lesson->n_ratios;
  news->metrics.step = STEAL (lesson->step, double);
  news->metrics.epoch = STEAL (lesson->epoch, double);
  news->metrics.seconds = STEAL (lesson->seconds, double);
  news->metrics.loss = STEAL (lesson->losses, float);
  news->metrics.accuracy = STEAL (lesson->accuracies, float);
  news->metrics.rate = STEAL (lesson->rates, float);
  news->metrics.norm = STEAL (lesson->norms, float);
  news->metrics.ratio = STEAL (lesson->ratio, float);
  news->metrics.ratios = STEAL (lesson->ratios, float);
  news->speed = lesson->speed;
  news->seconds_left = lesson->seconds_left;
  kx_lesson_post (news);
  lesson->told_at = g_get_monotonic_time ();
}

static void
add (GArray *array, double number)
{
  float single = (float) number;

  g_array_append_val (array, single);
}

static void
note_step (KxLesson *lesson, const KolTrainReport *report)
{
  double step = (double) report->step;

  g_array_append_val (lesson->step, step);
  g_array_append_val (lesson->epoch, report->epoch);
  g_array_append_val (lesson->seconds, report->seconds);
  add (lesson->losses, report->loss);
  add (lesson->accuracies, report->accuracy);
  add (lesson->rates, report->rate);
  add (lesson->norms, report->norm);
  add (lesson->ratio, report->ratio);
  for (guint i = 0; i < lesson->n_ratios; i++)
    add (lesson->ratios, i < report->n_ratios ? report->ratios[i] : NAN);
  lesson->loss = report->loss;
  lesson->speed = report->examples_per_second;
  lesson->seconds_left = report->seconds_left;
}

static void
tell_validation (KxLesson *lesson, const KolTrainReport *report, guint64 step)
{
  KxLessonNews *news = kx_lesson_news_new (lesson, KX_LESSON_VALIDATION);

  news->step = step;
  news->loss = report->validation_loss;
  news->accuracy = report->validation_accuracy;
  kx_lesson_post (news);
}

/* What the engine says, in the words of the application. */
static void
tell_note (KxLesson *lesson, const KolTrainReport *report)
{
  static const char *const sentences[] = {
    [KOL_NOTE_SKIPPED] = N_ ("Left out: %s"),
    [KOL_NOTE_MORE_SKIPPED] = N_ ("There are more pictures that cannot be read"),
    [KOL_NOTE_PLATEAU] = N_ ("The validation loss is on a plateau: the rate is now %s"),
    [KOL_NOTE_BEST_GONE] = N_ ("Validation has not improved for %s validations: stopped; the best "
                               "checkpoint, of step %s, is not there any more"),
    [KOL_NOTE_BACK_TO_BEST] = N_ ("Validation has not improved for %s validations: stopped after "
                                  "step %s, and gone back to the best, step %s"),
    [KOL_NOTE_VARIANT]
    = N_ ("%s was computed by the variant %s, which is not there now; by %s the losses will agree "
          "up to rounding, not to the last digit"),
    [KOL_NOTE_DEVICE] = N_ ("The run was on %s (%s), and goes on on %s (%s): the losses will agree "
                            "up to rounding, not to the last digit"),
  };
  const char *const *words = report->words;

  if (report->note >= G_N_ELEMENTS (sentences)) /* of a later engine */
    {
      kx_lesson_tell_text (lesson, KX_LESSON_NOTE, report->text);
      return;
    }
  g_autofree char *text
      = g_strdup_printf (_ (sentences[report->note]), words[0], words[1], words[2], words[3]);
  kx_lesson_tell_text (lesson, KX_LESSON_NOTE, text);
}

void
kx_lesson_take_report (const KolTrainReport *report, gpointer data)
{
  KxLesson *lesson = data;

  switch (report->event)
    {
    case KOL_TRAIN_STEP:
      note_step (lesson, report);
      break;
    case KOL_TRAIN_LINES:
      tell_validation (lesson, report, report->step + 1);
      break;
    case KOL_TRAIN_VALIDATION:
      tell_validation (lesson, report, report->step);
      break;
    case KOL_TRAIN_NOTE:
      tell_note (lesson, report);
      break;
    case KOL_TRAIN_PROGRESS:
    case KOL_TRAIN_SAVED:
    case KOL_TRAIN_DONE:
    default:
      break;
    }
}

static void
tell_checkpoint (KxLesson *lesson, KolTrainState *state, double loss)
{
  KxLessonNews *news = kx_lesson_news_new (lesson, KX_LESSON_CHECKPOINT);

  news->state = state;
  news->step = kol_train_state_get_step (state);
  news->loss = loss;
  kx_lesson_post (news);
}

/* A state that one can go back to. */
gboolean
kx_lesson_keep_state (KxLesson *lesson, GError **error)
{
  KolTrainState *state = kol_trainer_capture (lesson->trainer, error);

  if (!state)
    return FALSE;
  lesson->kept_step = kol_train_state_get_step (state);
  kx_lesson_tell_metrics (lesson);
  tell_checkpoint (lesson, state, lesson->loss);
  return TRUE;
}

/* ── What a run that goes on has behind it ───────────────────────────────────────────────────── */

static double
get_cell (const KolMetricsTable *table, const char *column, gsize row)
{
  const double *values = kol_metrics_table_get (table, column);

  return values ? values[row] : NAN;
}

/* A row of its log, as it was told when it was written. */
static void
tell_row (KxLesson *lesson, const KolMetricsTable *table, gsize row)
{
  g_autofree float *ratios = g_new (float, lesson->n_ratios + 1);
  const char *const *names
      = lesson->trainer ? kol_trainer_get_parameter_names (lesson->trainer) : NULL;
  KolTrainReport report = {
    .event = KOL_TRAIN_STEP,
    .step = (guint64) get_cell (table, "step", row),
    .epoch = get_cell (table, "epoch", row),
    .seconds = get_cell (table, "seconds", row),
    .loss = get_cell (table, "loss", row),
    .accuracy = get_cell (table, "accuracy", row),
    .validation_loss = get_cell (table, "validation_loss", row),
    .validation_accuracy = get_cell (table, "validation_accuracy", row),
    .rate = get_cell (table, "rate", row),
    .norm = NAN,
    .ratio = get_cell (table, "ratio", row),
    .examples_per_second = NAN,
    .seconds_left = NAN,
    .ratios = ratios,
    .n_ratios = lesson->n_ratios,
  };
  const KolTrainReport probe = {
    .event = KOL_TRAIN_LINES,
    .validation_loss = get_cell (table, "probe_loss", row),
    .validation_accuracy = get_cell (table, "probe_accuracy", row),
  };

  for (guint i = 0; i < lesson->n_ratios; i++)
    {
      g_autofree char *column = g_strconcat ("ratio/", names[i], NULL);
      ratios[i] = (float) get_cell (table, column, row);
    }
  if (!isnan (report.loss))
    note_step (lesson, &report);
  if (!isnan (probe.validation_loss))
    tell_validation (lesson, &probe, report.step);
  if (!isnan (report.validation_loss))
    tell_validation (lesson, &report, report.step);
}

/* Its controls come in the order of the timeline's kinds. */
static void
tell_event (KxLesson *lesson, const KolTimelineRow *row, guint gesture)
{
  if (row->kind > KOL_TIMELINE_BATCH)
    return;
  KxLessonNews *news = kx_lesson_news_new (lesson, KX_LESSON_CONTROL);
  news->step = row->step;
  news->control = (KolControl) row->kind;
  news->from = row->from;
  news->to = row->to;
  news->gesture = gesture;
  kx_lesson_post (news);
}

/* Whether a row of the timeline is of the same gesture as the one before it. */
static gboolean
goes_on (const KolTimelineRow *before, const KolTimelineRow *row)
{
  return row->kind == before->kind && row->from == before->to
         && row->seconds - before->seconds < GESTURE;
}

#define GENERATIONS 32 /* of branches of branches whose past is shown */

/* The rows of a run's log up to a step, after those of the run that it branched from. */
static void
tell_rows (KxLesson *lesson, const char *folder, double first, double last, guint generation)
{
  g_autoptr (KolRun) run = kol_run_read (folder, NULL);
  g_autofree char *path = g_build_filename (folder, KOL_METRICS_FILE, NULL);
  g_autoptr (KolMetricsTable) table = kol_metrics_load (path, NULL);

  if (run && run->parent && generation < GENERATIONS)
    {
      first = (double) run->parent_step;
      tell_rows (lesson, run->parent, -1, MIN (first, last), generation + 1);
    }
  for (gsize i = 0; table && i < table->rows; i++)
    if (get_cell (table, "step", i) > first && get_cell (table, "step", i) <= last)
      tell_row (lesson, table, i);
}

/* The earlier checkpoints that its folder has. */
static void
tell_checkpoints (KxLesson *lesson)
{
  g_autoptr (GArray) steps = kol_run_list_checkpoints (lesson->resume);
  g_autofree char *path = g_build_filename (lesson->resume, KOL_METRICS_FILE, NULL);
  g_autoptr (KolMetricsTable) table = kol_metrics_load (path, NULL);

  for (guint i = steps->len; i-- > 0;)
    {
      guint64 step = g_array_index (steps, guint64, i);
      KolTrainState *state = step < kol_trainer_get_step (lesson->trainer)
                                 ? kol_train_state_load (lesson->resume, step, NULL)
                                 : NULL;
      double loss = NAN;

      for (gsize row = 0; state && table && row < table->rows; row++)
        if (get_cell (table, "step", row) == (double) step)
          loss = get_cell (table, "loss", row);
      if (state)
        tell_checkpoint (lesson, state, loss);
    }
}

/* What cannot be read is left out: it was only for looking at. */
void
kx_lesson_tell_past (KxLesson *lesson)
{
  g_autoptr (GArray) timeline = kol_timeline_load (lesson->resume, NULL);

  tell_rows (lesson, lesson->resume, -1, (double) kol_trainer_get_step (lesson->trainer), 0);
  kx_lesson_tell_metrics (lesson);
  /* Numbers from the other end than those of gestures to come. */
  guint gesture = G_MAXUINT;
  for (guint i = 0; timeline && i < timeline->len; i++)
    {
      const KolTimelineRow *row = &g_array_index (timeline, KolTimelineRow, i);

      if (i > 0 && !goes_on (row - 1, row))
        gesture--;
      tell_event (lesson, row, gesture);
    }
  tell_checkpoints (lesson);
}

/* On a thread of its own. */
static void
read_log (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  KxLesson *lesson = data;

  tell_rows (lesson, lesson->resume, -1, INFINITY, 0);
  kx_lesson_tell_metrics (lesson);
}

/**
 * kx_lesson_tell_log:
 * @run: a run without a lesson
 * @folder: where it is recorded
 *
 * Tells it the rows of its log as a lesson does that goes on. They are read on a thread.
 */
void
kx_lesson_tell_log (KxRun *run, const char *folder)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, NULL, NULL);
  KxLesson *lesson = kx_lesson_new (NULL, &(KxRunSetup){ .resume = folder });

  lesson->run = kx_holder_new (run);
  g_task_set_task_data (task, lesson, (GDestroyNotify) kx_lesson_unref);
  g_task_run_in_thread (task, read_log);
}
