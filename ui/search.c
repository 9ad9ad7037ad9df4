/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A search of settings. On the worker's thread it is one task, of the least weight, which takes
 * trial after trial a few steps at a time; each is recorded as a run. What comes up are the trials
 * that have ended, and how far the one under way is.
 */

#include "search.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#include "news-private.h"

#define TELL_EVERY 0.25     /* seconds */
#define DEFAULT_STEPS 20000 /* that a run takes whose recipe does not say */
#define MUCH_LONGER 10      /* times the steps of a trial: what one goes on to, at least */

static void
trial_free (gpointer data)
{
  KxTrial *trial = data;

  g_strfreev (trial->values);
  g_free (trial->folder);
  g_free (trial);
}

/* What is known of a trial that has ended. Given. */
static KxTrial *
trial_new (const KolSearch *search, const KolTrial *outcome)
{
  KxTrial *trial = g_new0 (KxTrial, 1);
  guint n;
  const KolSearchRange *const *ranges = kol_search_get_ranges (search, &n);

  trial->outcome = *outcome;
  trial->folder = kol_search_get_trial_folder (search, outcome->number);
  trial->values = g_new0 (char *, n + 1);
  for (guint i = 0; i < n; i++)
    trial->values[i] = kol_search_sample (search, outcome->number, i);
  trial->edge = kol_search_range_find_edge (ranges[0], trial->values[0]);
  return trial;
}

/* ── What it is, whoever reads it ────────────────────────────────────────────────────────────── */

typedef struct {
  char *folder;
  char **names;
  guint64 wanted, steps, whole_steps;
} Facts;

static void
facts_clear (Facts *facts)
{
  g_clear_pointer (&facts->folder, g_free);
  g_clear_pointer (&facts->names, g_strfreev);
}

static Facts
facts_of (const KolSearch *search)
{
  const KolRun *base = kol_search_get_base (search);
  guint64 usual = kol_recipe_get_settings (base->recipe)->steps;
  guint n;
  const KolSearchRange *const *ranges = kol_search_get_ranges (search, &n);
  Facts facts = { .folder = g_strdup (kol_search_get_folder (search)),
                  .names = g_new0 (char *, n + 1),
                  .wanted = kol_search_get_n_trials (search),
                  .steps = base->settings.steps };

  facts.whole_steps = MAX (usual ? usual : DEFAULT_STEPS, MUCH_LONGER * facts.steps);
  for (guint i = 0; i < n; i++)
    facts.names[i] = g_strdup (ranges[i]->name);
  return facts;
}

/* ── The main thread's ───────────────────────────────────────────────────────────────────────── */

/* Whether it waits, and its task, which the worker holds. Shared by both threads. */
typedef struct {
  gint paused;
  GMutex mutex; /* of the task: its first turns may come before it is known */
  KxTask *task;
} Switch;

static void
switch_clear (gpointer data)
{
  g_mutex_clear (&((Switch *) data)->mutex);
}

static void
switch_release (Switch *pause)
{
  g_atomic_rc_box_release_full (pause, switch_clear);
}

struct _KxSearch {
  GObject parent_instance;

  Facts facts;
  GPtrArray *trials; /* of KxTrial */
  char *progress;
  GError *fault;
  KxJob *job; /* of the latest time that it has worked; NULL: it has not */
  KxTask *task;
  Switch *pause; /* of the same time */
};

G_DEFINE_FINAL_TYPE (KxSearch, kx_search, G_TYPE_OBJECT)

enum {
  PROP_WORKING = 1,
  N_PROPS,
};

enum {
  TRIAL,
  BEGUN,
  PROGRESS,
  N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

/* Nobody waits for what it finds any more. */
static void
kx_search_dispose (GObject *object)
{
  KxSearch *self = KX_SEARCH (object);

  if (self->task)
    kx_task_cancel (self->task);
  g_clear_pointer (&self->task, kx_task_unref);
  if (self->job && !kx_job_is_over (self->job))
    kx_job_set_state (self->job, KX_JOB_CANCELLED, NULL);
  g_clear_object (&self->job);
  G_OBJECT_CLASS (kx_search_parent_class)->dispose (object);
}

static void
kx_search_finalize (GObject *object)
{
  KxSearch *self = KX_SEARCH (object);

  facts_clear (&self->facts);
  g_ptr_array_unref (self->trials);
  g_free (self->progress);
  g_clear_error (&self->fault);
  g_clear_pointer (&self->pause, switch_release);
  G_OBJECT_CLASS (kx_search_parent_class)->finalize (object);
}

static void
kx_search_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_boolean (value, kx_search_is_working (KX_SEARCH (object)));
}

static void
kx_search_class_init (KxSearchClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GType type = G_TYPE_FROM_CLASS (klass);

  object_class->dispose = kx_search_dispose;
  object_class->finalize = kx_search_finalize;
  object_class->get_property = kx_search_get_property;
  props[PROP_WORKING] = g_param_spec_boolean ("working", NULL, NULL, FALSE,
                                              G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);
  signals[TRIAL] = g_signal_new ("trial", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 1, G_TYPE_UINT);
  signals[BEGUN]
      = g_signal_new ("begun", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[PROGRESS]
      = g_signal_new ("progress", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
kx_search_init (KxSearch *self)
{
  self->trials = g_ptr_array_new_with_free_func (trial_free);
}

static void
set_progress (KxSearch *self, double fraction, const char *text)
{
  g_free (self->progress);
  self->progress = g_strdup (text);
  if (kx_job_get_state (self->job) == KX_JOB_WORKING)
    kx_job_set_progress (self->job, fraction, text);
  g_signal_emit (self, signals[PROGRESS], 0);
}

/* ── What comes up ───────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KxHolder *owner; /* KxSearch */
  char *stage;     /* what is being done */
  gboolean begun;  /* the facts are there */
  Facts facts;
  KxTrial *trial;              /* one that has ended */
  guint64 number, step, steps; /* of the trial under way; 0: none */
  double fraction, seconds_left;
  gboolean over;
  GError *error;
} News;

static void
news_free (gpointer data)
{
  News *news = data;

  kx_holder_unref (news->owner);
  g_free (news->stage);
  facts_clear (&news->facts);
  g_clear_pointer (&news->trial, trial_free);
  g_clear_error (&news->error);
  g_free (news);
}

static void
take_step (KxSearch *self, const News *news)
{
  g_autofree char *left = kx_format_time_left (news->seconds_left);
  g_autofree char *text
      = g_strdup_printf (_ ("Trial %" PRIu64 " of %" PRIu64 " · step %" PRIu64 " of %" PRIu64),
                         news->number, self->facts.wanted, news->step, news->steps);
  g_autofree char *all = *left ? g_strdup_printf ("%s · %s", text, left) : g_strdup (text);

  set_progress (self, news->fraction, all);
}

static void
take_end (KxSearch *self, News *news)
{
  gboolean whole = self->trials->len >= self->facts.wanted;

  g_clear_pointer (&self->task, kx_task_unref);
  g_clear_pointer (&self->progress, g_free);
  self->fault = g_steal_pointer (&news->error);
  if (self->fault)
    kx_job_set_state (self->job, KX_JOB_FAILED, self->fault->message);
  else
    kx_job_set_state (self->job, whole && self->facts.wanted ? KX_JOB_DONE : KX_JOB_CANCELLED,
                      NULL);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_WORKING]);
}

static void
deliver (gpointer data)
{
  News *news = data;
  g_autoptr (KxSearch) self = kx_holder_get (news->owner);

  if (!self || !self->task) /* it has gone, or was given up */
    return;
  if (news->begun)
    {
      facts_clear (&self->facts);
      self->facts = news->facts;
      news->facts = (Facts){ 0 };
      g_signal_emit (self, signals[BEGUN], 0);
    }
  if (news->stage)
    set_progress (self, -1, news->stage);
  if (news->trial)
    {
      g_ptr_array_add (self->trials, g_steal_pointer (&news->trial));
      g_signal_emit (self, signals[TRIAL], 0, self->trials->len - 1);
    }
  if (news->number)
    take_step (self, news);
  if (news->over)
    take_end (self, news);
}

/* ── The worker's ────────────────────────────────────────────────────────────────────────────── */

/* What is done next, a turn each, or many of LEARN. */
typedef enum {
  OPEN_DEVICE,
  OPEN_DATA,
  BEGIN,
  MAKE,
  COMPILE,
  RECORD,
  LEARN,
} Stage;

typedef struct {
  KxHolder *owner;
  KxEngine *engine;
  Switch *pause;

  /* What it is to be: a new one, or the folder of one that goes on. */
  char *recipe, *data, *folder;
  char **over;
  guint64 trials, steps;

  Stage stage;
  KolSearch *search;
  KolDataset *training, *validation;
  KolTrainer *trainer;
  KolTrial trial; /* the one under way; number 0: none */
  guint64 of_steps;
  gboolean recorded;
  gint64 learning, told; /* since when; of g_get_monotonic_time() */
  double before;         /* how much was done then, 0..1 */
  GError *error;         /* what has ended it */
} Work;

static News *
news_new (Work *work)
{
  News *news = g_new0 (News, 1);

  news->owner = kx_holder_ref (work->owner);
  news->seconds_left = NAN;
  return news;
}

static void
post (News *news)
{
  kx_news_post (deliver, news, news_free);
}

static void
tell_stage (Work *work, const char *stage)
{
  News *news = news_new (work);

  news->stage = g_strdup (stage);
  post (news);
}

/* How much of all trials is done, 0..1. */
static double
find_fraction (Work *work)
{
  guint n;

  kol_search_get_outcomes (work->search, &n);
  double under_way = work->of_steps ? (double) work->trial.steps / (double) work->of_steps : 0;
  return (n + under_way) / (double) MAX (kol_search_get_n_trials (work->search), 1);
}

static void
tell_step (Work *work)
{
  gint64 now = g_get_monotonic_time ();

  if (now - work->told < TELL_EVERY * G_USEC_PER_SEC)
    return;
  News *news = news_new (work);
  news->number = work->trial.number;
  news->step = work->trial.steps;
  news->steps = work->of_steps;
  news->fraction = find_fraction (work);
  double done = news->fraction - work->before;
  double seconds = (double) (now - work->learning) / G_USEC_PER_SEC;
  if (done > 0.01)
    news->seconds_left = seconds * (1 - news->fraction) / done;
  work->told = now;
  post (news);
}

static void
take_report (const KolTrainReport *report, gpointer data)
{
  Work *work = data;

  if (report->event != KOL_TRAIN_DONE)
    return;
  work->trial.loss = report->validation_loss;
  work->trial.accuracy = report->validation_accuracy;
}

/* ── Beginning ── */

static gboolean
open_data (Work *work)
{
  const KolRun *base = work->search ? kol_search_get_base (work->search) : NULL;
  const char *path = base ? base->data : work->data;
  KolDatasetOptions options = base ? base->data_options : (KolDatasetOptions){ 0 };

  work->training = kol_dataset_open (path, "train", &options, &work->error);
  if (!work->training || !kol_dataset_has_part (path, "validation"))
    return work->training != NULL;
  options.like = work->training;
  work->validation = kol_dataset_open (path, "validation", &options, &work->error);
  return work->validation != NULL;
}

static gboolean
make_search (Work *work)
{
  g_autoptr (KolRecipe) recipe = kol_recipe_find (work->recipe, &work->error);

  if (!recipe)
    return FALSE;
  g_autofree char *name = g_strconcat (kol_recipe_get_name (recipe), "-search", NULL);
  g_autofree char *folder = kol_run_new_folder (name);
  KolTrainSettings settings = *kol_recipe_get_settings (recipe);
  settings.steps = work->steps;
  settings.epochs = 0;
  work->search = kol_search_new (settings.seed);
  for (char **text = work->over; *text; text++)
    if (!kol_search_add (work->search, *text, &work->error))
      return FALSE;
  return kol_search_record (work->search, folder, work->trials, recipe, &settings, NULL,
                            work->training, NULL, &work->error);
}

static gboolean
begin (Work *work)
{
  if (!(work->search ? kol_search_resume (work->search, 0, &work->error) : make_search (work)))
    return FALSE;
  News *news = news_new (work);
  news->begun = TRUE;
  news->facts = facts_of (work->search);
  post (news);
  return TRUE;
}

/* ── Trials ── */

/* What ends a trial, but not the search: what it tried is no good. */
static gboolean
is_outcome (const GError *error)
{
  return g_error_matches (error, KOL_ERROR, KOL_ERROR_DIVERGED)
         || g_error_matches (error, KOL_ERROR, KOL_ERROR_MEMORY)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

static void
leave_trial (Work *work)
{
  g_autofree char *folder
      = work->recorded ? kol_search_get_trial_folder (work->search, work->trial.number) : NULL;

  g_clear_pointer (&work->trainer, kol_trainer_free);
  if (folder)
    kol_run_remove_empty (folder);
  work->recorded = FALSE;
}

static gboolean
end_trial (Work *work, KolTrialState state)
{
  if (work->trainer)
    work->trial.steps = kol_trainer_get_step (work->trainer);
  work->trial.state = state;
  leave_trial (work);
  if (!kol_search_note (work->search, &work->trial, &work->error))
    return FALSE;
  kol_search_thin_out (work->search, KX_SEARCH_KEPT);
  News *news = news_new (work);
  news->trial = trial_new (work->search, &work->trial);
  post (news);
  work->trial.number = 0;
  work->stage = MAKE;
  return TRUE;
}

/* Returns: whether there is a next one. */
static gboolean
next_trial (Work *work)
{
  work->trial
      = (KolTrial){ .number = kol_search_get_next (work->search), .loss = NAN, .accuracy = NAN };
  work->of_steps = 0;
  return work->trial.number > 0;
}

static gboolean
make_trainer (Work *work)
{
  KolDevice *device = kx_engine_open (work->engine, &work->error);

  if (!device)
    return FALSE;
  work->trainer = kol_search_make_trainer (work->search, work->trial.number, device, work->training,
                                           work->validation, &work->error);
  kx_engine_note_memory (work->engine);
  if (!work->trainer)
    return FALSE;
  work->of_steps = kol_trainer_get_settings (work->trainer)->steps;
  work->told = 0;
  tell_step (work);
  return TRUE;
}

static GCancellable *
get_cancellable (Work *work)
{
  g_mutex_lock (&work->pause->mutex);
  GCancellable *cancellable = kx_task_get_cancellable (work->pause->task);
  g_mutex_unlock (&work->pause->mutex);
  return cancellable;
}

/* Where others have questions meanwhile, the rest is compiled in later turns. */
static gboolean
compile (Work *work)
{
  kx_engine_set_patient (work->engine, TRUE);
  gboolean good = kol_trainer_prepare (work->trainer, get_cancellable (work), &work->error);
  kx_engine_set_patient (work->engine, FALSE);
  return good;
}

static gboolean
record (Work *work)
{
  work->recorded
      = kol_search_begin_trial (work->search, work->trial.number, work->trainer, &work->error);
  if (!work->recorded || !kol_trainer_begin (work->trainer, take_report, work, &work->error))
    return FALSE;
  if (!work->learning)
    {
      work->learning = g_get_monotonic_time ();
      work->trial.steps = kol_trainer_get_step (work->trainer);
      work->before = find_fraction (work);
    }
  return TRUE;
}

/* ── Turns ── */

/* A stage of the trial under way. */
static gboolean
go_through_trial (Work *work, double seconds)
{
  gboolean finished = FALSE;

  switch (work->stage)
    {
    case MAKE:
      if (!make_trainer (work))
        return FALSE;
      break;
    case COMPILE:
      if (!compile (work))
        return FALSE;
      break;
    case RECORD:
      if (!record (work))
        return FALSE;
      break;
    case LEARN:
    default:
      if (!kol_trainer_advance (work->trainer, 0, seconds, &finished, &work->error))
        return FALSE;
      work->trial.steps = kol_trainer_get_step (work->trainer);
      tell_step (work);
      return !finished || end_trial (work, KOL_TRIAL_DONE);
    }
  work->stage++;
  return TRUE;
}

static KxTurn
take_trial (Work *work, double seconds)
{
  if (work->stage == MAKE && !work->trial.number && !next_trial (work))
    return KX_TURN_DONE;
  if (go_through_trial (work, seconds))
    return KX_TURN_MORE;
  g_autoptr (GError) error = g_steal_pointer (&work->error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) /* as was wished, or it gave way */
    return g_cancellable_is_cancelled (get_cancellable (work)) ? KX_TURN_DONE : KX_TURN_MORE;
  if (is_outcome (error)
      && end_trial (work, g_error_matches (error, KOL_ERROR, KOL_ERROR_DIVERGED)
                              ? KOL_TRIAL_DIVERGED
                              : KOL_TRIAL_FAILED))
    return KX_TURN_MORE;
  if (!work->error)
    work->error = g_steal_pointer (&error);
  return KX_TURN_DONE;
}

static KxTurn
turn (gpointer self, double seconds)
{
  Work *work = self;
  gboolean good;

  if (g_atomic_int_get (&work->pause->paused))
    return KX_TURN_WAIT;
  if (work->stage >= MAKE)
    return take_trial (work, seconds);
  if (work->stage == OPEN_DEVICE)
    {
      tell_stage (work, _ ("Reading examples"));
      good = kx_engine_open (work->engine, &work->error) != NULL;
      if (good && work->folder)
        good = (work->search = kol_search_open (work->folder, &work->error)) != NULL;
    }
  else if (work->stage == OPEN_DATA)
    good = open_data (work);
  else
    good = begin (work);
  if (work->stage++ == OPEN_DATA)
    tell_stage (work, _ ("Preparing the network"));
  return good ? KX_TURN_MORE : KX_TURN_DONE;
}

static void
work_free (Work *work)
{
  g_clear_pointer (&work->training, kol_dataset_unref);
  g_clear_pointer (&work->validation, kol_dataset_unref);
  g_clear_pointer (&work->search, kol_search_free);
  kx_engine_trim (work->engine);
  kx_engine_unref (work->engine);
  switch_release (work->pause);
  g_free (work->recipe);
  g_free (work->data);
  g_free (work->folder);
  g_strfreev (work->over);
  g_clear_error (&work->error);
  kx_holder_unref (work->owner);
  g_free (work);
}

/* The trial that was broken off is saved; it goes on from there when the search does. */
static void
end (gpointer self)
{
  Work *work = self;

  if (work->trainer && work->recorded)
    {
      kol_trainer_end (work->trainer, NULL); /* whatever it says: it stands at a good step */
      if (kol_trainer_get_step (work->trainer) > 0)
        kol_trainer_save (work->trainer, work->error ? NULL : &work->error);
    }
  leave_trial (work);
  News *news = news_new (work);
  news->over = TRUE;
  news->error = g_steal_pointer (&work->error);
  post (news);
  work_free (work);
}

/* ── What the main thread does with it ───────────────────────────────────────────────────────── */

static void
cancel_job (KxJob *job, gpointer owner)
{
  if (owner)
    kx_search_cancel (owner);
}

static void
pause_job (KxJob *job, gboolean pause, gpointer owner)
{
  KxSearch *self = owner;

  if (!self || !self->task)
    return;
  g_atomic_int_set (&self->pause->paused, pause);
  kx_task_wake (self->task);
  kx_job_set_state (job, pause ? KX_JOB_PAUSED : KX_JOB_WORKING, NULL);
}

static Work *
work_new (KxSearch *self, KxSession *session)
{
  Work *work = g_new0 (Work, 1);

  g_clear_pointer (&self->pause, switch_release);
  self->pause = g_atomic_rc_box_new0 (Switch);
  g_mutex_init (&self->pause->mutex);
  work->owner = kx_holder_new (self);
  work->engine = kx_engine_ref (kx_device_get_engine (kx_session_get_device (session)));
  work->pause = g_atomic_rc_box_acquire (self->pause);
  return work;
}

static void
start (KxSearch *self, KxSession *session, Work *work)
{
  static const KxTaskKind kind = { turn, end };
  static const KxJobVerbs verbs = { cancel_job, pause_job };

  KxWorker *worker = kx_engine_get_worker (work->engine);

  g_clear_error (&self->fault);
  g_clear_object (&self->job);
  self->job = kx_job_new (_ ("Searching settings"), "train", &verbs, self);
  kx_session_add_job (session, self->job);
  g_mutex_lock (&self->pause->mutex);
  self->task = self->pause->task = kx_worker_add (worker, &kind, work, 1);
  g_mutex_unlock (&self->pause->mutex);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_WORKING]);
}

/**
 * kx_search_new:
 * @session: a session with a device, where it works
 * @setup: what it is to be
 *
 * Begins a search, in a new folder among the user's runs.
 *
 * Returns: (transfer full): the search
 */
KxSearch *
kx_search_new (KxSession *session, const KxSearchSetup *setup)
{
  KxSearch *self = g_object_new (KX_TYPE_SEARCH, NULL);
  Work *work = work_new (self, session);

  work->recipe = g_strdup (setup->recipe);
  work->data = g_strdup (setup->data);
  work->over = g_strdupv ((char **) setup->over);
  work->trials = setup->trials;
  work->steps = setup->steps;
  start (self, session, work);
  return self;
}

/**
 * kx_search_open:
 * @folder: of a search
 * @error: return location
 *
 * Errors: those of kol_search_open().
 *
 * Returns: (transfer full): the search as it stands, at rest; or %NULL with @error set
 */
KxSearch *
kx_search_open (const char *folder, GError **error)
{
  g_autoptr (KolSearch) search = kol_search_open (folder, error);
  guint n;

  if (!search)
    return NULL;
  KxSearch *self = g_object_new (KX_TYPE_SEARCH, NULL);
  const KolTrial *outcomes = kol_search_get_outcomes (search, &n);
  self->facts = facts_of (search);
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (self->trials, trial_new (search, &outcomes[i]));
  return self;
}

/**
 * kx_search_go_on:
 * @search: a search at rest that is recorded
 * @session: a session with a device
 *
 * Takes the trials that are left.
 */
void
kx_search_go_on (KxSearch *self, KxSession *session)
{
  g_return_if_fail (self->facts.folder && !self->task);
  Work *work = work_new (self, session);

  work->folder = g_strdup (self->facts.folder);
  start (self, session, work);
}

/**
 * kx_search_cancel:
 * @search: a search
 *
 * Has it end within a quantum, if it works. What is done stays.
 */
void
kx_search_cancel (KxSearch *self)
{
  if (self->task)
    kx_task_cancel (self->task);
}

gboolean
kx_search_is_working (KxSearch *self)
{
  return self->task != NULL;
}

/**
 * kx_search_get_fault:
 * @search: a search
 *
 * Returns: (nullable) (transfer none): why it has ended before its time
 */
const GError *
kx_search_get_fault (KxSearch *self)
{
  return self->fault;
}

/**
 * kx_search_get_progress:
 * @search: a search
 *
 * Returns: (nullable) (transfer none): what it is doing; %NULL: nothing
 */
const char *
kx_search_get_progress (KxSearch *self)
{
  return self->progress;
}

/**
 * kx_search_get_folder:
 * @search: a search
 *
 * Returns: (nullable) (transfer none): where it is recorded; %NULL: not yet
 */
const char *
kx_search_get_folder (KxSearch *self)
{
  return self->facts.folder;
}

/**
 * kx_search_get_names:
 * @search: a search
 *
 * Returns: (nullable) (transfer none): the settings that are searched; %NULL: not known yet
 */
const char *const *
kx_search_get_names (KxSearch *self)
{
  return (const char *const *) self->facts.names;
}

guint64
kx_search_get_n_wanted (KxSearch *self)
{
  return self->facts.wanted;
}

/** kx_search_get_steps: of each trial. */
guint64
kx_search_get_steps (KxSearch *self)
{
  return self->facts.steps;
}

/**
 * kx_search_get_whole_steps:
 * @search: a search
 *
 * Returns: how many steps a trial is to take, those that it has taken among them, when it goes on
 *   as a run
 */
guint64
kx_search_get_whole_steps (KxSearch *self)
{
  return self->facts.whole_steps;
}

guint
kx_search_get_n_trials (KxSearch *self)
{
  return self->trials->len;
}

const KxTrial *
kx_search_get_trial (KxSearch *self, guint i)
{
  return g_ptr_array_index (self->trials, i);
}

/**
 * kx_search_find_best:
 * @search: a search
 *
 * Returns: which of its trials is the best so far; %G_MAXUINT: none has come to its end
 */
guint
kx_search_find_best (KxSearch *self)
{
  guint best = G_MAXUINT;

  for (guint i = 0; i < self->trials->len; i++)
    {
      const KolTrial *trial = &kx_search_get_trial (self, i)->outcome;

      if (trial->state == KOL_TRIAL_DONE
          && (best == G_MAXUINT
              || kol_trial_compare (trial, &kx_search_get_trial (self, best)->outcome) < 0))
        best = i;
    }
  return best;
}
