/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A run on the worker's thread. What the main thread wants stands in a letter box, of which the
 * last wish counts, and is taken out between two steps; what comes of it is told by messages.
 */

#include "lesson-state-private.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <math.h>

#include "news-private.h"
#include "pace.h"

#define CHECKPOINT_EVERY 100 /* steps between states that one can go back to */

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

/* Where it is or is to be recorded, or NULL. */
static const char *
get_folder (const KxLesson *lesson)
{
  return lesson->resume ? lesson->resume : lesson->folder;
}

/* Only what can begin is recorded. What has no checkpoint to go on from begins anew. */
static gboolean
record (KxLesson *lesson, GError **error)
{
  g_autoptr (KolRun) run = lesson->resume ? kol_run_read (lesson->resume, NULL) : NULL;
  const char *folder = get_folder (lesson);

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
  if (!record (lesson, error)
      || !kol_trainer_begin (lesson->trainer, kx_lesson_take_report, lesson, error))
    return FALSE;
  lesson->recorded = get_folder (lesson) != NULL;
  lesson->kept_step = kol_trainer_get_step (lesson->trainer);

  KxLessonNews *news = kx_lesson_news_new (lesson, KX_LESSON_READY);
  news->names = g_strdupv ((char **) kol_trainer_get_parameter_names (lesson->trainer));
  lesson->n_ratios = g_strv_length (news->names);
  news->text = g_strdup (lesson->training->name);
  kx_lesson_post (news);
  kx_engine_note_memory (lesson->engine);
  if (lesson->resume && !lesson->moved)
    kx_lesson_tell_past (lesson);
  /* One can always go back to where it begins, with another rate if it diverges. */
  return kx_lesson_keep_state (lesson, error);
}

static gboolean
go_through_stage (KxLesson *lesson, GError **error)
{
  switch (lesson->stage)
    {
    case OPEN_DEVICE:
      kx_lesson_tell_text (lesson, KX_LESSON_STAGE, _ ("Reading examples"));
      return kx_engine_open (lesson->engine, error) != NULL;
    case OPEN_DATA:
      return open_data (lesson, error);
    case BUILD:
      kx_lesson_tell_text (lesson, KX_LESSON_STAGE, _ ("Preparing the network"));
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
  KxLessonNews *news = kx_lesson_news_new (lesson, KX_LESSON_REFUSED);

  news->control = control;
  news->error = error;
  kx_lesson_post (news);
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

  if (from != value && !set_patiently (lesson, control, value, &error))
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
  KxLessonNews *news = kx_lesson_news_new (lesson, KX_LESSON_CONTROL);
  news->control = control;
  news->from = from;
  news->to = value;
  news->gesture = gesture;
  kx_lesson_post (news);
}

static gboolean
go_back (KxLesson *lesson, KxPast *past, gboolean returns, GError **error)
{
  const char *folder = lesson->recorded ? get_folder (lesson) : NULL;

  if (!(returns ? kx_past_return : kx_past_go_back) (past, lesson->trainer, folder, &lesson->fault,
                                                     error))
    return FALSE;
  kx_lesson_tell_metrics (lesson); /* the last steps of what is now forgotten */
  lesson->over = FALSE;
  lesson->kept_step = kol_trainer_get_step (lesson->trainer);
  lesson->kept_before = 0;
  KxLessonNews *news = kx_lesson_news_new (lesson, KX_LESSON_REWOUND);
  news->past = kx_past_ref (past);
  news->returned = returns;
  kx_lesson_post (news);
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
  kx_lesson_tell_text (lesson, KX_LESSON_NOTE, text);
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
      && !kx_lesson_keep_state (lesson, error))
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
  kx_lesson_tell_metrics (lesson);
  if (g_error_matches (error, KOL_ERROR, KOL_ERROR_DIVERGED))
    {
      g_clear_error (&lesson->fault);
      lesson->fault = g_error_copy (error);
      kx_lesson_tell_state (lesson, KX_RUN_DIVERGED, error);
      return KX_TURN_WAIT;
    }
  kx_lesson_tell_state (lesson, KX_RUN_FAILED, error);
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
  return done == before || done % CHECKPOINT_EVERY != 0 || kx_lesson_keep_state (lesson, error);
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
      kx_lesson_tell_metrics (lesson);
      if (lesson->fault && lesson->told != KX_RUN_DIVERGED)
        kx_lesson_tell_state (lesson, KX_RUN_DIVERGED, g_error_copy (lesson->fault));
      else if (!lesson->fault)
        kx_lesson_tell_state (lesson, lesson->over ? KX_RUN_DONE : KX_RUN_PAUSED, NULL);
      return KX_TURN_WAIT;
    }
  kx_lesson_tell_state (lesson, wishes.running ? KX_RUN_LEARNING : KX_RUN_PAUSED, NULL);
  if (!advance (lesson, !wishes.running, wishes.limit, seconds, &error))
    return give_up (lesson, error);
  g_clear_error (&lesson->fault);
  if ((g_get_monotonic_time () - lesson->told_at) / (double) G_USEC_PER_SEC
          >= kx_pace_get_seconds ()
      || !wishes.running)
    kx_lesson_tell_metrics (lesson);
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
      kx_lesson_tell_metrics (lesson);
      if (lesson->recorded && !kol_trainer_save (lesson->trainer, &error))
        g_printerr ("%s\n", error->message); /* the window may be gone */
    }
  g_clear_pointer (&lesson->trainer, kol_trainer_free); /* its folder is free for who goes on */
  if (lesson->told != KX_RUN_FAILED)
    {
      KxRunState state = error ? KX_RUN_FAILED : KX_RUN_STOPPED;
      kx_lesson_tell_state (lesson, state, g_steal_pointer (&error));
    }
  if (lesson->scrap && (lesson->recorded || lesson->resume))
    {
      if (!kol_run_is_in_use (get_folder (lesson), NULL)) /* by another process */
        kol_run_remove (get_folder (lesson));
    }
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
  lesson->engine = engine ? kx_engine_ref (engine) : NULL;
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
 * @engine: (nullable): where it learns; %NULL: it only tells of its past
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
  const char *folder = get_folder (lesson);
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
  g_clear_pointer (&lesson->engine, kx_engine_unref);
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
