/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A run on the worker's thread. What the main thread wants stands in a letter box, of which the
 * last wish counts, and is taken out between two steps; what comes of it is told by messages.
 */

#include "lesson-private.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <math.h>

#include "news-private.h"
#include "pace.h"

#define CHECKPOINT_EVERY 100 /* steps between states that one can go back to */
#define GESTURE 3            /* seconds between two values at most, in a log */

/* What has to be done before the first step, a turn each. */
typedef enum {
  OPEN_DEVICE,
  OPEN_DATA,
  BUILD,
  COMPILE,
  BEGIN,
  LEARN,
} Stage;

struct _KxLesson {
  gatomicrefcount references;
  KxEngine *engine;
  KxTask *task; /* the main thread's; NULL: it has not begun */
  guint weight; /* that the task has, or will have */
  guint family; /* a run and its branches, which advance by equal steps */
  KxHolder *run;

  /* What it is to be; does not change. */
  char *recipe_name, *data_path, *resume, *folder;
  gsize batch;
  guint64 steps;
  KxLesson *parent;      /* of a branch, which has its network and examples... */
  KolTrainState *origin; /* ...and begins here */
  char *parent_folder;
  gboolean moved; /* it goes on with what another has learned, and told, until now */

  /* The letter box, under the mutex. */
  GMutex mutex;
  gboolean running, keep_state, save, scrap;
  guint single_steps;
  guint64 limit; /* the step at which it pauses; 0: none */
  gboolean is_set[KX_N_CONTROLS];
  double wish[KX_N_CONTROLS];
  guint gesture[KX_N_CONTROLS]; /* that the wish is part of; 0: none */
  KxPast *past;                 /* to go back from, or to return to */
  gboolean returns;

  /* The worker's. */
  Stage stage;
  KolRecipe *recipe;
  KolDatasetOptions data_options;
  KolPreprocess picture;
  KolTrainSettings settings;
  KolDataset *training, *validation;
  KolTrainer *trainer;
  gboolean over, recorded;
  gboolean postponed; /* a batch that was wished is still being prepared: no step before */
  guint64 kept_step;  /* of the latest state that was captured */
  guint kept_before;  /* the latest gesture before which one was */
  KxRunState told;    /* the state that the main thread knows */
  GError *fault;      /* with which it stands at the last finite step */
  gint64 told_at;     /* when it last had metrics */
  double loss, speed, seconds_left;

  /* Rows that are not told yet. */
  guint n_ratios;
  GArray *step, *epoch, *seconds;                      /* of double */
  GArray *losses, *accuracies, *rates, *norms, *ratio; /* of float */
  GArray *ratios;                                      /* of float, n_ratios a row */
};

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

static KxLessonNews *
news_new (KxLesson *lesson, KxLessonTopic topic)
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

static void
post (KxLessonNews *news)
{
  kx_news_post (deliver, news, news_free);
}

static void
tell_text (KxLesson *lesson, KxLessonTopic topic, const char *text)
{
  KxLessonNews *news = news_new (lesson, topic);

  news->text = g_strdup (text);
  post (news);
}

static void
tell_state (KxLesson *lesson, KxRunState state, GError *error)
{
  if (lesson->told == state && !error)
    return;
  KxLessonNews *news = news_new (lesson, KX_LESSON_STATE);
  news->run_state = lesson->told = state;
  news->error = error;
  post (news);
}

#define STEAL(array, type) ((type *) g_array_steal (array, NULL))

static void
tell_metrics (KxLesson *lesson)
{
  if (!lesson->step->len)
    return;
  KxLessonNews *news = news_new (lesson, KX_LESSON_METRICS);
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
  post (news);
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
  KxLessonNews *news = news_new (lesson, KX_LESSON_VALIDATION);

  news->step = step;
  news->loss = report->validation_loss;
  news->accuracy = report->validation_accuracy;
  post (news);
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
      tell_text (lesson, KX_LESSON_NOTE, report->text);
      return;
    }
  g_autofree char *text
      = g_strdup_printf (_ (sentences[report->note]), words[0], words[1], words[2], words[3]);
  tell_text (lesson, KX_LESSON_NOTE, text);
}

static void
take_report (const KolTrainReport *report, gpointer data)
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
  KxLessonNews *news = news_new (lesson, KX_LESSON_CHECKPOINT);

  news->state = state;
  news->step = kol_train_state_get_step (state);
  news->loss = loss;
  post (news);
}

/* A state that one can go back to. */
static gboolean
keep_state (KxLesson *lesson, GError **error)
{
  KolTrainState *state = kol_trainer_capture (lesson->trainer, error);

  if (!state)
    return FALSE;
  lesson->kept_step = kol_train_state_get_step (state);
  tell_metrics (lesson);
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
  const char *const *names = kol_trainer_get_parameter_names (lesson->trainer);
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
  KxLessonNews *news = news_new (lesson, KX_LESSON_CONTROL);
  news->step = row->step;
  news->control = (KolControl) row->kind;
  news->from = row->from;
  news->to = row->to;
  news->gesture = gesture;
  post (news);
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
static void
tell_past (KxLesson *lesson)
{
  g_autoptr (GArray) timeline = kol_timeline_load (lesson->resume, NULL);

  tell_rows (lesson, lesson->resume, -1, (double) kol_trainer_get_step (lesson->trainer), 0);
  tell_metrics (lesson);
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

/* ── Before the first step ───────────────────────────────────────────────────────────────────── */

static void
take_after (KxLesson *lesson, const KxLesson *parent)
{
  lesson->recipe = kol_recipe_ref (parent->recipe);
  lesson->settings = parent->settings;
  lesson->data_options = parent->data_options;
  lesson->picture = parent->picture;
  if (parent->data_options.picture)
    lesson->data_options.picture = &lesson->picture;
  lesson->training = kol_dataset_ref (parent->training);
  lesson->validation = parent->validation ? kol_dataset_ref (parent->validation) : NULL;
}

/* What the parent is, what a run that goes on says of itself, or the recipe. */
static gboolean
choose (KxLesson *lesson, GError **error)
{
  if (lesson->parent)
    take_after (lesson, lesson->parent);
  else if (lesson->resume)
    {
      g_autoptr (KolRun) run = kol_run_read (lesson->resume, error);

      if (!run)
        return FALSE;
      lesson->recipe = kol_recipe_ref (run->recipe);
      lesson->settings = run->settings;
      lesson->data_options = run->data_options;
      if (run->data_options.picture)
        {
          lesson->picture = run->picture;
          lesson->data_options.picture = &lesson->picture;
        }
      lesson->data_options.target = g_intern_string (run->data_options.target);
      g_free (lesson->data_path);
      lesson->data_path = g_strdup (run->data);
    }
  else
    {
      lesson->recipe = kol_recipe_find (lesson->recipe_name, error);
      if (!lesson->recipe)
        return FALSE;
      lesson->settings = *kol_recipe_get_settings (lesson->recipe);
    }
  if (lesson->batch)
    lesson->settings.batch = lesson->batch;
  if (lesson->steps)
    lesson->settings.steps = lesson->steps;
  return TRUE;
}

static gboolean
open_data (KxLesson *lesson, GError **error)
{
  if (lesson->moved)
    return TRUE;
  if (!choose (lesson, error))
    return FALSE;
  if (lesson->parent)
    return TRUE;
  lesson->training = kol_dataset_open (lesson->data_path, "train", &lesson->data_options, error);
  if (!lesson->training)
    return FALSE;
  if (!kol_dataset_has_part (lesson->data_path, "validation"))
    return TRUE;
  KolDatasetOptions options = lesson->data_options;
  options.like = lesson->training;
  lesson->validation = kol_dataset_open (lesson->data_path, "validation", &options, error);
  return lesson->validation != NULL;
}

static gboolean
build (KxLesson *lesson, GError **error)
{
  KolDevice *device = kx_engine_open (lesson->engine, error);

  if (!device)
    return FALSE;
  lesson->trainer = kol_trainer_new (device, kol_recipe_network, lesson->recipe, lesson->training,
                                     lesson->validation, &lesson->settings, error);
  if (!lesson->trainer)
    return FALSE;
  kol_trainer_tell_steps (lesson->trainer, TRUE);
  return TRUE;
}

/* Only what can begin is recorded. What has no checkpoint to go on from begins anew. */
static gboolean
record (KxLesson *lesson, GError **error)
{
  g_autoptr (KolRun) run = lesson->resume ? kol_run_read (lesson->resume, NULL) : NULL;
  const char *folder = lesson->resume ? lesson->resume : lesson->folder;

  if (run && run->latest)
    return kol_trainer_resume (lesson->trainer, lesson->resume, 0, error);
  if (folder && !kol_trainer_record (lesson->trainer, folder, &lesson->data_options, error))
    return FALSE;
  return !lesson->origin
         || kol_trainer_branch (lesson->trainer, lesson->origin, lesson->parent_folder, error);
}

static KxTask *
get_task (KxLesson *lesson)
{
  g_mutex_lock (&lesson->mutex);
  KxTask *task = lesson->task;
  g_mutex_unlock (&lesson->mutex);
  return task;
}

static GCancellable *
get_cancellable (KxLesson *lesson)
{
  return kx_task_get_cancellable (get_task (lesson));
}

/* Where others have questions meanwhile, the rest is compiled in later turns. */
static gboolean
compile (KxLesson *lesson, GError **error)
{
  kx_engine_set_patient (lesson->engine, TRUE);
  gboolean good = kol_trainer_prepare (lesson->trainer, get_cancellable (lesson), error);
  kx_engine_set_patient (lesson->engine, FALSE);
  return good;
}

static gboolean
begin (KxLesson *lesson, GError **error)
{
  if (!record (lesson, error) || !kol_trainer_begin (lesson->trainer, take_report, lesson, error))
    return FALSE;
  lesson->recorded = lesson->resume || lesson->folder;
  lesson->kept_step = kol_trainer_get_step (lesson->trainer);

  KxLessonNews *news = news_new (lesson, KX_LESSON_READY);
  news->names = g_strdupv ((char **) kol_trainer_get_parameter_names (lesson->trainer));
  lesson->n_ratios = g_strv_length (news->names);
  news->text = g_strdup (lesson->training->name);
  post (news);
  kx_engine_note_memory (lesson->engine);
  if (lesson->resume && !lesson->moved)
    tell_past (lesson);
  /* One can always go back to where it begins, with another rate if it diverges. */
  return keep_state (lesson, error);
}

static gboolean
go_through_stage (KxLesson *lesson, GError **error)
{
  switch (lesson->stage)
    {
    case OPEN_DEVICE:
      tell_text (lesson, KX_LESSON_STAGE, _ ("Reading examples"));
      return kx_engine_open (lesson->engine, error) != NULL;
    case OPEN_DATA:
      return open_data (lesson, error);
    case BUILD:
      tell_text (lesson, KX_LESSON_STAGE, _ ("Preparing the network"));
      return build (lesson, error);
    case COMPILE:
      return compile (lesson, error);
    case BEGIN:
      return begin (lesson, error);
    case LEARN:
    default:
      return TRUE;
    }
}

/* ── Wishes ──────────────────────────────────────────────────────────────────────────────────── */

static void
refuse (KxLesson *lesson, KolControl control, GError *error)
{
  KxLessonNews *news = news_new (lesson, KX_LESSON_REFUSED);

  news->control = control;
  news->error = error;
  post (news);
}

/* Whether the rate changes by itself. */
static gboolean
has_schedule (KxLesson *lesson)
{
  const KolSchedule *schedule = &kol_trainer_get_settings (lesson->trainer)->schedule;

  return (schedule->name && !g_str_equal (schedule->name, "constant"))
         || schedule->warmup > kol_trainer_get_step (lesson->trainer);
}

/* A schedule goes on below a rate that is wished: what is turned is the factor on it. */
static void
scale_schedule (KxLesson *lesson, KolControl *control, double *value)
{
  double rate = kol_trainer_get_control (lesson->trainer, KOL_CONTROL_RATE);
  double factor = kol_trainer_get_control (lesson->trainer, KOL_CONTROL_RATE_FACTOR);

  if (*control != KOL_CONTROL_RATE || isnan (factor) || !(rate > 0) || !has_schedule (lesson))
    return;
  *control = KOL_CONTROL_RATE_FACTOR;
  *value = factor * (*value / rate);
}

/* Wishes it once more, if nothing else was wished meanwhile. */
static void
postpone (KxLesson *lesson, KolControl control, double value, guint gesture)
{
  g_mutex_lock (&lesson->mutex);
  if (!lesson->is_set[control])
    {
      lesson->is_set[control] = TRUE;
      lesson->wish[control] = value;
      lesson->gesture[control] = gesture;
    }
  g_mutex_unlock (&lesson->mutex);
  lesson->postponed = TRUE;
}

/* Another batch may compile for minutes: where others have questions meanwhile, it goes on with
 * that in later turns. */
static gboolean
set_patiently (KxLesson *lesson, KolControl control, double value, GError **error)
{
  kx_engine_set_patient (lesson->engine, control == KOL_CONTROL_BATCH);
  gboolean good = kol_trainer_set_control (lesson->trainer, control, value, error);
  kx_engine_set_patient (lesson->engine, FALSE);
  return good;
}

static void
turn_control (KxLesson *lesson, KolControl control, double value, guint gesture)
{
  scale_schedule (lesson, &control, &value);
  double from = kol_trainer_get_control (lesson->trainer, control);
  GError *error = NULL;

  if (from == value)
    return;
  if (!set_patiently (lesson, control, value, &error))
    {
      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          g_error_free (error);
          postpone (lesson, control, value, gesture);
          return;
        }
      refuse (lesson, control, error);
      return;
    }
  KxLessonNews *news = news_new (lesson, KX_LESSON_CONTROL);
  news->control = control;
  news->from = from;
  news->to = value;
  news->gesture = gesture;
  post (news);
}

static gboolean
go_back (KxLesson *lesson, KxPast *past, gboolean returns, GError **error)
{
  const char *folder = !lesson->recorded ? NULL : lesson->resume ? lesson->resume : lesson->folder;

  if (!(returns ? kx_past_return : kx_past_go_back) (past, lesson->trainer, folder, &lesson->fault,
                                                     error))
    return FALSE;
  tell_metrics (lesson); /* the last steps of what is now forgotten */
  lesson->over = FALSE;
  lesson->kept_step = kol_trainer_get_step (lesson->trainer);
  lesson->kept_before = 0;
  KxLessonNews *news = news_new (lesson, KX_LESSON_REWOUND);
  news->past = kx_past_ref (past);
  news->returned = returns;
  post (news);
  return TRUE;
}

/* What is wished, taken out of the letter box. */
typedef struct {
  gboolean running, keep_state, save;
  guint single_steps;
  guint64 limit;
  gboolean is_set[KX_N_CONTROLS];
  double wish[KX_N_CONTROLS];
  guint gesture[KX_N_CONTROLS];
  KxPast *past;
  gboolean returns;
} Wishes;

static Wishes
take_wishes (KxLesson *lesson)
{
  Wishes wishes;

  g_mutex_lock (&lesson->mutex);
  wishes.running = lesson->running;
  wishes.keep_state = lesson->keep_state;
  wishes.save = lesson->save;
  wishes.single_steps = lesson->single_steps;
  wishes.limit = lesson->limit;
  memcpy (wishes.is_set, lesson->is_set, sizeof wishes.is_set);
  memcpy (wishes.wish, lesson->wish, sizeof wishes.wish);
  memcpy (wishes.gesture, lesson->gesture, sizeof wishes.gesture);
  wishes.past = g_steal_pointer (&lesson->past);
  wishes.returns = lesson->returns;
  lesson->keep_state = lesson->save = FALSE;
  memset (lesson->is_set, 0, sizeof lesson->is_set);
  g_mutex_unlock (&lesson->mutex);
  return wishes;
}

/* A disk that is full ends nothing. */
static gboolean
save (KxLesson *lesson, GError **error)
{
  g_autoptr (GError) problem = NULL;
  gboolean saved = kol_trainer_save (lesson->trainer, &problem);

  if (g_error_matches (problem, KOL_ERROR, KOL_ERROR_DIVERGED))
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return FALSE;
    }
  g_autofree char *text = saved ? g_strdup_printf (_ ("Saved at step %'" PRIu64),
                                                   kol_trainer_get_step (lesson->trainer))
                                : g_strdup (problem->message);
  tell_text (lesson, KX_LESSON_NOTE, text);
  return TRUE;
}

static gboolean
fulfil (KxLesson *lesson, Wishes *wishes, GError **error)
{
  g_autoptr (KxPast) past = g_steal_pointer (&wishes->past);
  gboolean begun = FALSE;

  if (past && !go_back (lesson, past, wishes->returns, error))
    return FALSE;
  for (guint i = 0; i < KX_N_CONTROLS; i++)
    if (wishes->is_set[i] && !(wishes->gesture[i] && wishes->gesture[i] == lesson->kept_before))
      begun = TRUE;
  /* Before a control is turned one can always go back to: of a gesture, before its first value. */
  if ((begun || wishes->keep_state) && lesson->kept_step != kol_trainer_get_step (lesson->trainer)
      && !keep_state (lesson, error))
    return FALSE;
  for (guint i = 0; i < KX_N_CONTROLS; i++)
    if (wishes->is_set[i])
      {
        turn_control (lesson, i, wishes->wish[i], wishes->gesture[i]);
        lesson->kept_before = wishes->gesture[i];
        g_clear_error (&lesson->fault); /* it may go on with that */
      }
  return !wishes->save || !lesson->recorded || save (lesson, error);
}

/* ── Learning ────────────────────────────────────────────────────────────────────────────────── */

static void
stand_still (KxLesson *lesson)
{
  g_mutex_lock (&lesson->mutex);
  lesson->running = FALSE;
  lesson->single_steps = 0;
  g_mutex_unlock (&lesson->mutex);
}

/* Unless another limit is wished meanwhile. */
static void
rest_at (KxLesson *lesson, guint64 limit)
{
  g_mutex_lock (&lesson->mutex);
  if (lesson->limit == limit)
    {
      lesson->running = FALSE;
      lesson->single_steps = 0;
    }
  g_mutex_unlock (&lesson->mutex);
}

/* It cannot go on by itself. */
static KxTurn
give_up (KxLesson *lesson, GError *error)
{
  stand_still (lesson);
  tell_metrics (lesson);
  if (g_error_matches (error, KOL_ERROR, KOL_ERROR_DIVERGED))
    {
      g_clear_error (&lesson->fault);
      lesson->fault = g_error_copy (error);
      tell_state (lesson, KX_RUN_DIVERGED, error);
      return KX_TURN_WAIT;
    }
  tell_state (lesson, KX_RUN_FAILED, error);
  return KX_TURN_DONE;
}

/* So many steps, at most, until the next state is due or the limit is reached. */
static guint64
steps_ahead (const KxLesson *lesson, guint64 limit)
{
  guint64 step = kol_trainer_get_step (lesson->trainer);
  guint64 ahead = CHECKPOINT_EVERY - step % CHECKPOINT_EVERY;

  return limit ? MIN (ahead, limit - step) : ahead;
}

static gboolean
advance (KxLesson *lesson, gboolean single, guint64 limit, double seconds, GError **error)
{
  gboolean finished = FALSE;
  guint64 before = kol_trainer_get_step (lesson->trainer);

  /* A single step is taken, though a validation may have to be ended before it. */
  if (!kol_trainer_advance (lesson->trainer, single ? 1 : steps_ahead (lesson, limit),
                            single ? 0 : seconds, &finished, error))
    return FALSE;
  guint64 done = kol_trainer_get_step (lesson->trainer);
  kx_task_note_steps (get_task (lesson), done - before);
  if (single)
    {
      g_mutex_lock (&lesson->mutex);
      lesson->single_steps = MAX (lesson->single_steps, 1) - 1;
      g_mutex_unlock (&lesson->mutex);
    }
  lesson->over = finished;
  return done == before || done % CHECKPOINT_EVERY != 0 || keep_state (lesson, error);
}

static KxTurn
learn (KxLesson *lesson, double seconds)
{
  GError *error = NULL;
  Wishes wishes = take_wishes (lesson);

  lesson->postponed = FALSE;
  if (!fulfil (lesson, &wishes, &error))
    return give_up (lesson, error);
  if (lesson->postponed)
    return KX_TURN_MORE;
  if (wishes.limit && kol_trainer_get_step (lesson->trainer) >= wishes.limit)
    {
      rest_at (lesson, wishes.limit);
      wishes.running = FALSE;
      wishes.single_steps = 0;
    }
  if (lesson->over || (!wishes.running && !wishes.single_steps))
    {
      if (!kol_trainer_settle (lesson->trainer, &error))
        return give_up (lesson, error);
      tell_metrics (lesson);
      if (lesson->fault && lesson->told != KX_RUN_DIVERGED)
        tell_state (lesson, KX_RUN_DIVERGED, g_error_copy (lesson->fault));
      else if (!lesson->fault)
        tell_state (lesson, lesson->over ? KX_RUN_DONE : KX_RUN_PAUSED, NULL);
      return KX_TURN_WAIT;
    }
  tell_state (lesson, wishes.running ? KX_RUN_LEARNING : KX_RUN_PAUSED, NULL);
  if (!advance (lesson, !wishes.running, wishes.limit, seconds, &error))
    return give_up (lesson, error);
  g_clear_error (&lesson->fault);
  if ((g_get_monotonic_time () - lesson->told_at) / (double) G_USEC_PER_SEC
          >= kx_pace_get_seconds ()
      || !wishes.running)
    tell_metrics (lesson);
  return KX_TURN_MORE;
}

static KxTurn
take_turn (gpointer self, double seconds)
{
  KxLesson *lesson = self;
  g_autoptr (GError) error = NULL;

  if (lesson->stage == LEARN)
    return learn (lesson, seconds);
  if (go_through_stage (lesson, &error))
    {
      lesson->stage++;
      return KX_TURN_MORE;
    }
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) /* as was wished, or it gave way */
    return g_cancellable_is_cancelled (get_cancellable (lesson)) ? KX_TURN_DONE : KX_TURN_MORE;
  return give_up (lesson, g_steal_pointer (&error));
}

/* What it has come to is saved; then all that is the engine's is given back. */
static void
end (gpointer self)
{
  KxLesson *lesson = self;
  g_autoptr (GError) error = NULL;

  if (lesson->trainer && lesson->stage == LEARN && !lesson->scrap)
    {
      kol_trainer_end (lesson->trainer, NULL); /* whatever it says: it stands at a good step */
      tell_metrics (lesson);
      if (lesson->recorded && !kol_trainer_save (lesson->trainer, &error))
        g_printerr ("%s\n", error->message); /* the window may be gone */
    }
  g_clear_pointer (&lesson->trainer, kol_trainer_free); /* its folder is free for who goes on */
  if (lesson->told != KX_RUN_FAILED)
    {
      KxRunState state = error ? KX_RUN_FAILED : KX_RUN_STOPPED;
      tell_state (lesson, state, g_steal_pointer (&error));
    }
  if (lesson->scrap && lesson->recorded)
    kol_run_remove (lesson->folder);
  else if (lesson->folder && !lesson->recorded)
    g_rmdir (lesson->folder); /* nothing came of it */
  kx_lesson_unref (lesson);
}

static const KxTaskKind lesson_kind = { take_turn, end };

/* ── For the main thread ─────────────────────────────────────────────────────────────────────── */

static KxLesson *
lesson_new (KxEngine *engine, const char *folder)
{
  KxLesson *lesson = g_new0 (KxLesson, 1);

  g_atomic_ref_count_init (&lesson->references);
  g_mutex_init (&lesson->mutex);
  lesson->engine = kx_engine_ref (engine);
  lesson->folder = g_strdup (folder);
  lesson->weight = 1;
  lesson->loss = lesson->speed = lesson->seconds_left = NAN;
  lesson->step = g_array_new (FALSE, FALSE, sizeof (double));
  lesson->epoch = g_array_new (FALSE, FALSE, sizeof (double));
  lesson->seconds = g_array_new (FALSE, FALSE, sizeof (double));
  GArray **const floats[] = { &lesson->losses, &lesson->accuracies, &lesson->rates,
                              &lesson->norms,  &lesson->ratio,      &lesson->ratios };
  for (guint i = 0; i < G_N_ELEMENTS (floats); i++)
    *floats[i] = g_array_new (FALSE, FALSE, sizeof (float));
  return lesson;
}

/**
 * kx_lesson_new:
 * @engine: where it learns
 * @setup: what it is to be
 *
 * Returns: (transfer full): a lesson that has not begun
 */
KxLesson *
kx_lesson_new (KxEngine *engine, const KxRunSetup *setup)
{
  static guint families;
  KxLesson *lesson = lesson_new (engine, setup->folder);

  lesson->family = ++families;
  lesson->recipe_name = g_strdup (setup->recipe);
  lesson->data_path = g_strdup (setup->data);
  lesson->resume = g_strdup (setup->resume);
  lesson->batch = setup->batch;
  lesson->steps = setup->steps;
  lesson->running = !setup->paused;
  return lesson;
}

/**
 * kx_lesson_new_branch:
 * @parent: another lesson, which has told that it is ready
 * @state: one of its states
 * @parent_folder: (nullable): where it is recorded
 * @folder: (nullable): where the branch is to be recorded
 *
 * Returns: (transfer full): a lesson that begins there; it has not begun
 */
KxLesson *
kx_lesson_new_branch (KxLesson *parent, KolTrainState *state, const char *parent_folder,
                      const char *folder)
{
  KxLesson *lesson = lesson_new (parent->engine, folder);

  g_atomic_ref_count_inc (&parent->references);
  lesson->parent = parent;
  lesson->family = parent->family;
  lesson->running = TRUE;
  lesson->origin = kol_train_state_ref (state);
  lesson->parent_folder = g_strdup (parent_folder);
  return lesson;
}

/* What is wished and was not yet taken out of its letter box. */
static void
take_wishes_along (KxLesson *lesson, KxLesson *from)
{
  g_mutex_lock (&from->mutex);
  lesson->running = from->running;
  lesson->limit = from->limit;
  memcpy (lesson->is_set, from->is_set, sizeof lesson->is_set);
  memcpy (lesson->wish, from->wish, sizeof lesson->wish);
  memcpy (lesson->gesture, from->gesture, sizeof lesson->gesture);
  lesson->past = g_steal_pointer (&from->past);
  lesson->returns = from->returns;
  g_mutex_unlock (&from->mutex);
}

/**
 * kx_lesson_move:
 * @lesson: a lesson that is recorded and has told that it is ready; it ends
 * @engine: where it is to go on
 *
 * Returns: (transfer full): a lesson that goes on from the checkpoint that @lesson leaves, with its
 *   examples and all that is wished of it; to begin once that has told that it has stopped
 */
KxLesson *
kx_lesson_move (KxLesson *lesson, KxEngine *engine)
{
  const char *folder = lesson->resume ? lesson->resume : lesson->folder;
  KxLesson *moved = lesson_new (engine, folder);

  kx_task_cancel (lesson->task);
  moved->moved = TRUE;
  moved->resume = g_strdup (folder);
  moved->weight = lesson->weight;
  moved->family = lesson->family;
  take_after (moved, lesson); /* none of that changes once it is ready */
  take_wishes_along (moved, lesson);
  return moved;
}

void
kx_lesson_unref (KxLesson *lesson)
{
  if (!g_atomic_ref_count_dec (&lesson->references))
    return;
  g_clear_pointer (&lesson->task, kx_task_unref);
  g_clear_pointer (&lesson->run, kx_holder_unref);
  g_mutex_clear (&lesson->mutex);
  g_free (lesson->recipe_name);
  g_free (lesson->data_path);
  g_free (lesson->resume);
  g_free (lesson->folder);
  g_free (lesson->parent_folder);
  g_clear_pointer (&lesson->parent, kx_lesson_unref);
  g_clear_pointer (&lesson->origin, kol_train_state_unref);
  g_clear_pointer (&lesson->past, kx_past_unref);
  g_clear_error (&lesson->fault);
  g_clear_pointer (&lesson->training, kol_dataset_unref);
  g_clear_pointer (&lesson->validation, kol_dataset_unref);
  g_clear_pointer (&lesson->recipe, kol_recipe_unref);
  GArray *const arrays[]
      = { lesson->step,  lesson->epoch, lesson->seconds, lesson->losses, lesson->accuracies,
          lesson->rates, lesson->norms, lesson->ratio,   lesson->ratios };
  for (guint i = 0; i < G_N_ELEMENTS (arrays); i++)
    g_array_unref (arrays[i]);
  kx_engine_unref (lesson->engine);
  g_free (lesson);
}

/**
 * kx_lesson_begin:
 * @lesson: a lesson
 * @run: whom it tells what it comes to
 *
 * Gives it to the worker.
 */
void
kx_lesson_begin (KxLesson *lesson, KxRun *run)
{
  lesson->run = kx_holder_new (run);
  g_atomic_ref_count_inc (&lesson->references);
  g_mutex_lock (&lesson->mutex); /* its first turns may come before the task is known */
  lesson->task
      = kx_worker_add (kx_engine_get_worker (lesson->engine), &lesson_kind, lesson, lesson->weight);
  kx_task_join (lesson->task, lesson->family);
  g_mutex_unlock (&lesson->mutex);
}

/* Puts a wish into the letter box, where it lies until the lesson has begun. */
#define WISH(lesson, what)                                                                         \
  g_mutex_lock (&(lesson)->mutex);                                                                 \
  what;                                                                                            \
  g_mutex_unlock (&(lesson)->mutex);                                                               \
  if ((lesson)->task)                                                                              \
    kx_task_wake ((lesson)->task);

void
kx_lesson_control (KxLesson *lesson, KxVerb verb)
{
  if (verb == KX_VERB_STOP)
    {
      if (lesson->task)
        kx_task_cancel (lesson->task);
      return;
    }
  WISH (lesson, {
    lesson->running = verb == KX_VERB_RUN;
    lesson->single_steps = verb == KX_VERB_STEP ? lesson->single_steps + 1 : 0;
  })
}

void
kx_lesson_set (KxLesson *lesson, KolControl control, double value, guint gesture)
{
  WISH (lesson, {
    lesson->is_set[control] = TRUE;
    lesson->wish[control] = value;
    lesson->gesture[control] = gesture;
  })
}

void
kx_lesson_rewind (KxLesson *lesson, KxPast *past, gboolean returns)
{
  WISH (lesson, {
    g_clear_pointer (&lesson->past, kx_past_unref);
    lesson->past = kx_past_ref (past);
    lesson->returns = returns;
    lesson->running &= !returns;
    memset (lesson->is_set, 0, sizeof lesson->is_set); /* that was for after the step */
  })
}

void
kx_lesson_checkpoint (KxLesson *lesson)
{
  WISH (lesson, lesson->keep_state = TRUE)
}

void
kx_lesson_save (KxLesson *lesson)
{
  WISH (lesson, lesson->save = TRUE)
}

void
kx_lesson_set_limit (KxLesson *lesson, guint64 step)
{
  WISH (lesson, lesson->limit = step)
}

/* It ends, and what it has recorded goes. */
void
kx_lesson_scrap (KxLesson *lesson)
{
  WISH (lesson, lesson->scrap = TRUE)
  if (lesson->task)
    kx_task_cancel (lesson->task);
}

void
kx_lesson_set_weight (KxLesson *lesson, guint weight)
{
  lesson->weight = weight;
  if (lesson->task)
    kx_task_set_weight (lesson->task, weight);
}

/* That it has worked on its device. */
double
kx_lesson_get_seconds (KxLesson *lesson)
{
  return lesson->task ? kx_task_get_seconds (lesson->task) : 0;
}

typedef struct {
  KxLesson *lesson;
  KxRunProbe probe;
  gpointer data;
  GDestroyNotify destroy;
} Probe;

static void
make_probe (gpointer data)
{
  Probe *probe = data;

  if (probe->lesson->trainer && probe->lesson->stage == LEARN)
    probe->probe (probe->lesson->trainer, probe->data);
}

static void
probe_free (gpointer data)
{
  Probe *probe = data;

  if (probe->destroy)
    probe->destroy (probe->data);
  kx_lesson_unref (probe->lesson);
  g_free (probe);
}

void
kx_lesson_probe (KxLesson *lesson, gconstpointer key, KxRunProbe func, gpointer data,
                 GDestroyNotify destroy)
{
  KxWorker *worker = kx_engine_get_worker (lesson->engine);

  if (!worker)
    {
      if (destroy)
        destroy (data);
      return;
    }
  Probe *probe = g_new (Probe, 1);
  g_atomic_ref_count_inc (&lesson->references);
  *probe = (Probe){ lesson, func, data, destroy };
  if (key)
    kx_worker_probe (worker, key, make_probe, probe, probe_free);
  else
    kx_worker_call (worker, make_probe, probe, probe_free);
}
