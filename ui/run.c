/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A run as the main thread sees it: its curves, its timeline, how it stands. What learns is its
 * lesson, on the worker's thread.
 */

#include "run.h"

#include <glib/gi18n.h>
#include <math.h>

#include "lesson-private.h"
#include "pace.h"
#include "run-state-private.h"

#define SHARE_SECONDS 1 /* that its share of the device is found over */
#define WHOLE 0.9       /* the share from which on nothing else is worth telling of */

G_DEFINE_FINAL_TYPE (KxRun, kx_run, G_TYPE_OBJECT)

enum {
  PROP_NAME = 1,
  PROP_NUMBER,
  PROP_STATE,
  PROP_STAGE,
  PROP_STEP,
  PROP_DEVICE,
  N_PROPS,
};

enum {
  METRICS,
  CONTROL,
  REFUSED,
  NOTE,
  REWOUND,
  READY,
  N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

static void
kx_run_dispose (GObject *object)
{
  KxRun *self = KX_RUN (object);

  if (self->lesson && !kx_run_is_over (self))
    kx_lesson_control (self->lesson, KX_VERB_STOP);
  if (self->lesson && !kx_job_is_over (self->job)) /* its lesson has nobody to tell any more */
    kx_job_set_state (self->job, KX_JOB_CANCELLED, NULL);
  g_clear_pointer (&self->lesson, kx_lesson_unref);
  g_clear_pointer (&self->leaving, kx_lesson_unref);
  g_clear_object (&self->job);
  g_clear_object (&self->device);
  g_clear_object (&self->parent);
  g_clear_object (&self->timeline);
  g_clear_object (&self->turned);
  G_OBJECT_CLASS (kx_run_parent_class)->dispose (object);
}

static void
kx_run_finalize (GObject *object)
{
  KxRun *self = KX_RUN (object);

  g_free (self->name);
  g_free (self->recipe);
  g_free (self->data);
  g_free (self->folder);
  g_free (self->stage);
  g_clear_error (&self->fault);
  kx_clock_unref (self->clock);
  kx_series_unref (self->loss);
  kx_series_unref (self->accuracy);
  kx_series_unref (self->validation_loss);
  kx_series_unref (self->validation_accuracy);
  kx_series_unref (self->rate);
  kx_series_unref (self->ratio);
  kx_ratios_free (self->ratios);
  g_clear_pointer (&self->record, kx_record_free);
  G_OBJECT_CLASS (kx_run_parent_class)->finalize (object);
}

static void
kx_run_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxRun *self = KX_RUN (object);

  switch (id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;
    case PROP_NUMBER:
      g_value_set_uint (value, self->number);
      break;
    case PROP_STATE:
      g_value_set_int (value, self->state);
      break;
    case PROP_STAGE:
      g_value_set_string (value, self->stage);
      break;
    case PROP_STEP:
      g_value_set_uint64 (value, self->step);
      break;
    case PROP_DEVICE:
      g_value_set_object (value, self->device);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
kx_run_class_init (KxRunClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;
  const GType type = G_TYPE_FROM_CLASS (klass);

  object_class->dispose = kx_run_dispose;
  object_class->finalize = kx_run_finalize;
  object_class->get_property = kx_run_get_property;
  props[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  props[PROP_NUMBER] = g_param_spec_uint ("number", NULL, NULL, 0, G_MAXUINT, 0, flags);
  props[PROP_STATE]
      = g_param_spec_int ("state", NULL, NULL, 0, KX_RUN_FAILED, KX_RUN_STARTING, flags);
  props[PROP_STAGE] = g_param_spec_string ("stage", NULL, NULL, NULL, flags);
  props[PROP_STEP] = g_param_spec_uint64 ("step", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  props[PROP_DEVICE] = g_param_spec_object ("device", NULL, NULL, KX_TYPE_DEVICE, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);

  /** KxRun::metrics: its curves have grown. Curves that are drawn see that by themselves, sooner.
   */
  signals[METRICS]
      = g_signal_new ("metrics", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  /** KxRun::control: the engine has turned control number @control, to kx_run_get (). */
  signals[CONTROL] = g_signal_new ("control", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, G_TYPE_UINT);
  /** KxRun::refused: control number @control cannot be so; @text says why. */
  signals[REFUSED] = g_signal_new ("refused", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_STRING);
  /** KxRun::note: @text is something that one should know. */
  signals[NOTE] = g_signal_new ("note", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                1, G_TYPE_STRING);
  /** KxRun::rewound: it has gone back to step @step. */
  signals[REWOUND] = g_signal_new ("rewound", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, G_TYPE_UINT64);
  /** KxRun::ready: it has a trainer, also after a move, and names for its ratios. */
  signals[READY]
      = g_signal_new ("ready", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
kx_run_init (KxRun *self)
{
  self->timeline = g_list_store_new (KX_TYPE_MARK);
  self->clock = kx_clock_new ();
  self->loss = kx_series_new ();
  self->accuracy = kx_series_new ();
  self->validation_loss = kx_series_new ();
  self->validation_accuracy = kx_series_new ();
  self->rate = kx_series_new ();
  self->ratio = kx_series_new ();
  self->ratios = kx_ratios_new ();
  self->speed = self->seconds_left = self->share = NAN;
  for (guint i = 0; i < KX_N_CONTROLS; i++)
    self->controls[i] = NAN;
}

static void
set_stage (KxRun *self, const char *stage)
{
  g_free (self->stage);
  self->stage = g_strdup (stage);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STAGE]);
  if (stage)
    kx_job_set_stage (self->job, stage, 0, 0);
}

static void
set_state (KxRun *self, KxRunState state)
{
  static const KxJobState states[] = {
    [KX_RUN_STARTING] = KX_JOB_WORKING,  [KX_RUN_LEARNING] = KX_JOB_WORKING,
    [KX_RUN_PAUSED] = KX_JOB_PAUSED,     [KX_RUN_DONE] = KX_JOB_DONE,
    [KX_RUN_STOPPED] = KX_JOB_CANCELLED, [KX_RUN_DIVERGED] = KX_JOB_PAUSED,
    [KX_RUN_FAILED] = KX_JOB_FAILED,
  };

  self->state = state;
  kx_job_set_state (self->job, states[state],
                    self->fault ? self->fault->message
                    : state == KX_RUN_STOPPED
                        ? (self->folder ? _ ("Stopped and saved") : _ ("Stopped"))
                        : NULL);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
}

/* ── Making ──────────────────────────────────────────────────────────────────────────────────── */

static void
cancel_job (KxJob *job, gpointer owner)
{
  if (owner)
    kx_run_control (owner, KX_VERB_STOP);
}

static void
pause_job (KxJob *job, gboolean pause, gpointer owner)
{
  if (owner)
    kx_run_control (owner, pause ? KX_VERB_PAUSE : KX_VERB_RUN);
}

/* Before it learns, what the device compiles is what there is to see of it. */
static void
take_device_stage (KxRun *self)
{
  g_autofree char *stage = NULL;

  g_object_get (self->device, "stage", &stage, NULL);
  if (self->state == KX_RUN_STARTING && !self->ready && stage)
    set_stage (self, stage);
}

static void
set_device (KxRun *self, KxDevice *device)
{
  g_signal_handlers_disconnect_by_func (self->device, take_device_stage, self);
  g_set_object (&self->device, device);
  g_signal_connect_object (device, "notify::stage", G_CALLBACK (take_device_stage), self,
                           G_CONNECT_SWAPPED);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_DEVICE]);
}

static void
make_job (KxRun *self)
{
  g_autofree char *title = g_strdup_printf (_ ("Training %s"), self->name);

  self->job = kx_job_new (title, "train", &(KxJobVerbs){ cancel_job, pause_job }, self);
  set_device (self, self->device);
}

/**
 * kx_run_new:
 * @device: where it learns
 * @setup: what it is to be
 * @checkpoint_bytes: what the checkpoints in memory may take
 *
 * Returns: (transfer full): a run that is starting
 */
KxRun *
kx_run_new (KxDevice *device, const KxRunSetup *setup, guint64 checkpoint_bytes)
{
  KxRun *self = g_object_new (KX_TYPE_RUN, NULL);

  self->device = g_object_ref (device);
  self->name = g_strdup (setup->name);
  self->recipe = g_strdup (setup->recipe);
  self->data = g_strdup (setup->data);
  self->folder = g_strdup (setup->resume ? setup->resume : setup->folder);
  self->running = !setup->paused;
  self->checkpoint_bytes = checkpoint_bytes;
  make_job (self);
  self->lesson = kx_lesson_new (kx_device_get_engine (device), setup);
  kx_lesson_begin (self->lesson, self);
  return self;
}

/**
 * kx_run_branch:
 * @parent: a run
 * @checkpoint: of its timeline
 * @name: for people
 * @folder: (nullable): where the branch is recorded
 *
 * Begins another future where @parent was once, which goes on as it is.
 *
 * Returns: (transfer full): the branch, which is starting
 */
KxRun *
kx_run_branch (KxRun *parent, KxMark *checkpoint, const char *name, const char *folder)
{
  g_return_val_if_fail (kx_mark_get_state (checkpoint), NULL);
  KxRun *self = g_object_new (KX_TYPE_RUN, NULL);

  self->device = g_object_ref (parent->device);
  self->name = g_strdup (name);
  self->recipe = g_strdup (parent->recipe);
  self->data = g_strdup (parent->data);
  self->folder = g_strdup (folder);
  self->running = TRUE;
  self->checkpoint_bytes = parent->checkpoint_bytes;
  self->parent = g_object_ref (parent);
  self->branch_step = self->step = kx_mark_get_step (checkpoint);
  memcpy (self->controls, parent->controls, sizeof self->controls);
  make_job (self);
  self->lesson = kx_lesson_new_branch (parent->lesson, kx_mark_get_state (checkpoint),
                                       parent->folder, folder);
  kx_lesson_begin (self->lesson, self);

  g_autofree char *text = g_strdup_printf (_ ("%s branched"), name);
  g_autoptr (KxMark) mark = kx_mark_new (KX_MARK_BRANCH, self->branch_step, text);
  g_list_store_insert_sorted (parent->timeline, mark, kx_mark_compare, NULL);
  return self;
}

/**
 * kx_run_new_for_record:
 * @device: where it would go on
 * @name: for people
 * @record: (transfer full): what its folder says
 *
 * Returns: (transfer full): a run that has stopped; its curves are not there yet
 */
KxRun *
kx_run_new_for_record (KxDevice *device, const char *name, KxRecord *record)
{
  KxRun *self = g_object_new (KX_TYPE_RUN, NULL);

  self->device = g_object_ref (device);
  self->name = g_strdup (name);
  self->recipe = g_strdup (record->recipe);
  self->folder = g_strdup (record->folder);
  self->record = record;
  self->step = record->step;
  self->steps = record->steps;
  make_job (self);
  set_state (self, KX_RUN_STOPPED);
  return self;
}

/**
 * kx_run_load:
 * @run: a run
 *
 * Has the curves of a record read, on a thread, unless that was done.
 */
void
kx_run_load (KxRun *self)
{
  if (!self->record || self->loaded)
    return;
  self->loaded = TRUE;
  kx_lesson_tell_log (self, self->folder);
}

/* ── Jobs that train ─────────────────────────────────────────────────────────────────────────── */

static void
follow_job (KxRun *self)
{
  static const KxRunState states[] = {
    [KX_JOB_WORKING] = KX_RUN_LEARNING, [KX_JOB_PAUSED] = KX_RUN_PAUSED,
    [KX_JOB_DONE] = KX_RUN_DONE,        [KX_JOB_CANCELLED] = KX_RUN_STOPPED,
    [KX_JOB_FAILED] = KX_RUN_FAILED,
  };
  KxJobState state = kx_job_get_state (self->job);

  g_clear_error (&self->fault);
  if (state == KX_JOB_FAILED)
    self->fault = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, kx_job_get_text (self->job));
  self->state = states[state];
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
}

/**
 * kx_run_new_for_job:
 * @device: where it learns
 * @name: for people
 * @job: what trains
 *
 * Returns: (transfer full): a run that stands as @job does, and whose loss is what
 *   kx_run_take_losses() gives it
 */
KxRun *
kx_run_new_for_job (KxDevice *device, const char *name, KxJob *job)
{
  KxRun *self = g_object_new (KX_TYPE_RUN, NULL);

  self->device = g_object_ref (device);
  self->name = g_strdup (name);
  self->job = g_object_ref (job);
  g_signal_connect_object (job, "notify::state", G_CALLBACK (follow_job), self, G_CONNECT_SWAPPED);
  return self;
}

/**
 * kx_run_take_losses:
 * @run: a run that follows a job
 * @metrics: of its latest steps: their numbers, seconds and losses
 * @steps: how many there will be
 * @seconds_left: NaN: not known
 */
void
kx_run_take_losses (KxRun *self, const KxMetrics *metrics, guint64 steps, double seconds_left)
{
  g_return_if_fail (kx_run_follows_job (self));
  for (guint i = 0; i < metrics->n; i++)
    kx_clock_append (self->clock, metrics->step[i], NAN, metrics->seconds[i]);
  kx_series_append_many (self->loss, metrics->step, metrics->loss, metrics->n);
  if (metrics->n)
    self->step = (guint64) metrics->step[metrics->n - 1];
  self->steps = steps;
  self->seconds_left = seconds_left;
  if (self->state == KX_RUN_STARTING)
    follow_job (self);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STEP]);
  g_signal_emit (self, signals[METRICS], 0);
}

static void
control_job (KxRun *self, KxVerb verb)
{
  if (verb == KX_VERB_STOP)
    kx_job_cancel (self->job);
  else if (verb != KX_VERB_STEP && (verb == KX_VERB_PAUSE) != (self->state == KX_RUN_PAUSED))
    kx_job_pause (self->job, verb == KX_VERB_PAUSE);
}

/* ── Checkpoints ─────────────────────────────────────────────────────────────────────────────── */

static void
add_mark (KxRun *self, KxMark *mark)
{
  g_list_store_insert_sorted (self->timeline, mark, kx_mark_compare, NULL);
}

/* ── News from the lesson ────────────────────────────────────────────────────────────────────── */

static void
take_controls (KxRun *self, const KxLessonNews *news)
{
  memcpy (self->controls, news->controls, sizeof self->controls);
}

static void
become_ready (KxRun *self, KxLessonNews *news)
{
  self->ready = TRUE;
  if (kx_ratios_get_n (self->ratios) == 0) /* it was not moved */
    kx_ratios_choose (self->ratios, news->names);
  self->step = news->step;
  self->steps = news->steps;
  take_controls (self, news);
  set_stage (self, NULL);
  g_signal_emit (self, signals[READY], 0);
}

static void
append (KxSeries *series, const KxMetrics *metrics, const float *y)
{
  kx_series_append_many (series, metrics->step, y, metrics->n);
}

static void
append_metrics (KxRun *self, const KxMetrics *metrics)
{
  for (guint i = 0; i < metrics->n; i++)
    kx_clock_append (self->clock, metrics->step[i], metrics->epoch[i], metrics->seconds[i]);
  append (self->loss, metrics, metrics->loss);
  append (self->accuracy, metrics, metrics->accuracy);
  append (self->rate, metrics, metrics->rate);
  append (self->ratio, metrics, metrics->ratio);
  kx_ratios_append (self->ratios, metrics->step, metrics->n, metrics->ratios, metrics->n_ratios);
}

/* Once a second: how much of the device's time it gets, beside what else works there. */
static void
note_share (KxRun *self)
{
  gint64 now = g_get_monotonic_time ();
  double seconds = (double) (now - self->shared) / G_USEC_PER_SEC;

  if (seconds < SHARE_SECONDS)
    return;
  double worked = kx_lesson_get_seconds (self->lesson);
  /* After a pause, and on another device, it is not known. */
  self->share = seconds < 2 * SHARE_SECONDS && worked >= self->worked
                    ? (worked - self->worked) / seconds
                    : NAN;
  self->shared = now;
  self->worked = worked;
}

/* "2 min left · 38 % of the device". Given. */
static char *
describe_progress (KxRun *self)
{
  g_autofree char *left = kx_format_time_left (self->seconds_left);

  if (!(self->share < WHOLE))
    return g_steal_pointer (&left);
  return *left ? g_strdup_printf (_ ("%s · %.0f %% of the device"), left, 100 * self->share)
               : g_strdup_printf (_ ("%.0f %% of the device"), 100 * self->share);
}

static void
take_progress (KxRun *self, const KxLessonNews *news)
{
  take_controls (self, news);
  self->step = news->step;
  self->steps = news->steps;
  self->speed = news->speed;
  self->seconds_left = news->seconds_left;
}

static void
tell_progress (KxRun *self)
{
  if (self->lesson && (self->state == KX_RUN_LEARNING || self->state == KX_RUN_STARTING))
    {
      note_share (self);
      g_autofree char *text = describe_progress (self);
      kx_job_set_progress (self->job, self->step / (double) MAX (self->steps, 1), text);
    }
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STEP]);
  g_signal_emit (self, signals[METRICS], 0);
}

/* While it learns, what follows tells the numbers if it is too soon for them now, or its state. */
static void
take_metrics (KxRun *self, const KxLessonNews *news)
{
  kx_pace_note ();
  append_metrics (self, &news->metrics);
  if (self->lesson) /* a record stands where it stood */
    take_progress (self, news);
  if (self->state != KX_RUN_LEARNING || kx_pace_may_tell (&self->told))
    tell_progress (self);
}

static void
take_validation (KxRun *self, const KxLessonNews *news)
{
  kx_series_append (self->validation_loss, (double) news->step, (float) news->loss);
  kx_series_append (self->validation_accuracy, (double) news->step, (float) news->accuracy);
  g_signal_emit (self, signals[METRICS], 0);
}

/* All that one gesture does is one mark, where it came to rest. Returns: what there was before. */
static double
take_back_gesture (KxRun *self, const KxLessonNews *news)
{
  guint position;

  if (!news->gesture || news->gesture != self->turned_by || news->control != self->turned_control)
    {
      self->turned_by = news->gesture;
      self->turned_control = news->control;
      return self->turned_from = news->from;
    }
  if (self->turned && g_list_store_find (self->timeline, self->turned, &position))
    g_list_store_remove (self->timeline, position);
  return self->turned_from;
}

static void
take_control (KxRun *self, const KxLessonNews *news)
{
  double from = take_back_gesture (self, news);

  take_controls (self, news);
  g_clear_object (&self->turned);
  if (from != news->to) /* it has not gone back to where it was */
    {
      self->turned = kx_mark_new_control (news->control, news->step, from, news->to);
      add_mark (self, self->turned);
    }
  g_signal_emit (self, signals[CONTROL], 0, news->control);
}

static void
take_checkpoint (KxRun *self, KxLessonNews *news)
{
  g_autoptr (KxMark) mark = kx_mark_new_checkpoint (g_steal_pointer (&news->state), news->loss);

  add_mark (self, mark);
  kx_mark_thin_out (self->timeline, self->checkpoint_bytes);
}

/* What was after the step did not happen; or did, after all. */
static void
take_rewound (KxRun *self, const KxLessonNews *news)
{
  g_autoptr (GPtrArray) series = g_ptr_array_new ();
  KxSeries *const curves[]
      = { self->loss, self->accuracy, self->validation_loss, self->validation_accuracy,
          self->rate, self->ratio };

  for (guint i = 0; i < G_N_ELEMENTS (curves); i++)
    g_ptr_array_add (series, curves[i]);
  for (guint i = 0; i < kx_ratios_get_n (self->ratios); i++)
    g_ptr_array_add (series, kx_ratios_get_series (self->ratios, i));
  const KxCurves all
      = { (KxSeries *const *) series->pdata, series->len, self->clock, self->timeline };
  if (news->returned)
    kx_past_restore (news->past, &all);
  else
    {
      g_autoptr (KxMark) mark = kx_mark_new (KX_MARK_REWIND, news->step, _ ("Went back to here"));
      kx_past_cut (news->past, &all);
      add_mark (self, mark);
    }
  g_clear_error (&self->fault);
  self->step = news->step;
  take_controls (self, news);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STEP]);
  g_signal_emit (self, signals[REWOUND], 0, news->step);
}

/* What it has learned lies in its folder: its lesson goes on from there, unless it was told to stop
 * or all is being closed. */
static gboolean
arrive (KxRun *self)
{
  g_clear_pointer (&self->leaving, kx_lesson_unref);
  if (!self->moving || !kx_engine_get_worker (kx_device_get_engine (self->device)))
    return FALSE;
  g_autofree char *text = g_strdup_printf (_ ("Moved to %s"), kx_device_get_name (self->device));
  g_autoptr (KxMark) mark = kx_mark_new (KX_MARK_MOVE, self->step, text);
  add_mark (self, mark);
  kx_lesson_begin (self->lesson, self);
  return TRUE;
}

static void
take_state (KxRun *self, KxLessonNews *news)
{
  gboolean ended = news->run_state == KX_RUN_STOPPED || news->run_state == KX_RUN_FAILED;

  if (self->leaving && (!ended || (news->run_state == KX_RUN_STOPPED && arrive (self))))
    return;
  g_clear_pointer (&self->leaving, kx_lesson_unref);
  g_clear_error (&self->fault);
  self->fault = g_steal_pointer (&news->error);
  if (news->run_state == KX_RUN_DIVERGED)
    {
      g_autoptr (KxMark) mark = kx_mark_new (KX_MARK_DIVERGED, news->step, _ ("Diverged"));
      add_mark (self, mark);
    }
  if (ended) /* or it never began */
    set_stage (self, NULL);
  self->running = news->run_state == KX_RUN_LEARNING;
  set_state (self, news->run_state);
}

/* What the lesson has to tell, on the main thread. */
void
kx_run_take_news (KxRun *self, KxLessonNews *news)
{
  switch (news->topic)
    {
    case KX_LESSON_STAGE:
      set_stage (self, news->text);
      break;
    case KX_LESSON_READY:
      become_ready (self, news);
      break;
    case KX_LESSON_METRICS:
      take_metrics (self, news);
      break;
    case KX_LESSON_VALIDATION:
      take_validation (self, news);
      break;
    case KX_LESSON_CONTROL:
      take_control (self, news);
      break;
    case KX_LESSON_REFUSED:
      g_signal_emit (self, signals[REFUSED], 0, news->control, news->error->message);
      break;
    case KX_LESSON_CHECKPOINT:
      take_checkpoint (self, news);
      break;
    case KX_LESSON_REWOUND:
      take_rewound (self, news);
      break;
    case KX_LESSON_STATE:
      take_state (self, news);
      break;
    case KX_LESSON_NOTE:
    default:
      g_signal_emit (self, signals[NOTE], 0, news->text);
      break;
    }
}

/* ── What it is told ─────────────────────────────────────────────────────────────────────────── */

/**
 * kx_run_control:
 * @run: a run
 * @verb: what it is to do from the next step on
 */
void
kx_run_control (KxRun *self, KxVerb verb)
{
  if (kx_run_is_over (self))
    return;
  self->moving &= verb != KX_VERB_STOP;
  if (self->lesson)
    kx_lesson_control (self->lesson, verb);
  else
    control_job (self, verb);
  if (self->state != KX_RUN_STARTING) /* its state tells what it does */
    return;
  self->running = verb == KX_VERB_RUN;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
}

/**
 * kx_run_set:
 * @run: a run
 * @control: what to turn
 * @value: where to; of several between two steps the last counts
 *
 * Acts at the next step, which "control" tells, or "refused". Where the rate follows a schedule,
 * a rate that is set is turned into the factor on it that leads to that rate now.
 */
void
kx_run_set (KxRun *self, KolControl control, double value)
{
  if (self->lesson)
    kx_lesson_set (self->lesson, control, value, self->gesture);
}

/**
 * kx_run_begin_gesture:
 * @run: a run
 *
 * Until kx_run_end_gesture() all values that a control is set to are one change: a mark of the
 * timeline, with one checkpoint before it.
 */
void
kx_run_begin_gesture (KxRun *self)
{
  self->gesture = ++self->n_gestures;
}

void
kx_run_end_gesture (KxRun *self)
{
  self->gesture = 0;
}

/**
 * kx_run_get:
 * @run: a run
 * @control: what to ask for
 *
 * Returns: its value as the engine last told; NaN before it is ready
 */
double
kx_run_get (KxRun *self, KolControl control)
{
  return self->controls[control];
}

/**
 * kx_run_rewind:
 * @run: a run
 * @checkpoint: of its timeline
 *
 * Goes back to it; what was after it goes. It then goes on, or not, as it did.
 *
 * Returns: (transfer full): where it comes from, for kx_run_return()
 */
KxPast *
kx_run_rewind (KxRun *self, KxMark *checkpoint)
{
  KxPast *past = kx_past_new (kx_mark_get_state (checkpoint));

  if (self->lesson)
    kx_lesson_rewind (self->lesson, past, FALSE);
  return past;
}

/**
 * kx_run_return:
 * @run: a run
 * @past: where it was before it went back
 *
 * Returns there, and stands still. What it came to since then goes.
 */
void
kx_run_return (KxRun *self, KxPast *past)
{
  if (self->lesson)
    kx_lesson_rewind (self->lesson, past, TRUE);
}

/**
 * kx_run_checkpoint:
 * @run: a run
 *
 * Adds a checkpoint of the present step to the timeline.
 */
void
kx_run_checkpoint (KxRun *self)
{
  if (self->lesson)
    kx_lesson_checkpoint (self->lesson);
}

/**
 * kx_run_save:
 * @run: a run
 *
 * Has it write a checkpoint into its folder now; a "note" says what came of it.
 *
 * Returns: %FALSE if it has no folder, or nothing to write yet or any more
 */
gboolean
kx_run_save (KxRun *self)
{
  if (!self->lesson || !self->folder || !kx_run_has_trainer (self))
    return FALSE;
  kx_lesson_save (self->lesson);
  return TRUE;
}

/**
 * kx_run_probe:
 * @run: a run
 * @key: (nullable): of several probes that wait with the same key the newest is made; %NULL: it is
 *   made before all probes and turns
 * @probe: called on the worker's thread with the run's trainer, soon, between two steps; not if
 *   the run has no trainer
 * @data: for @probe
 * @destroy: (nullable): frees @data, in any thread, whether it was called or not
 */
void
kx_run_probe (KxRun *self, gconstpointer key, KxRunProbe probe, gpointer data,
              GDestroyNotify destroy)
{
  if (self->lesson)
    kx_lesson_probe (self->lesson, key, probe, data, destroy);
  else if (destroy)
    destroy (data);
}

void
kx_run_set_weight (KxRun *self, guint weight)
{
  if (self->lesson)
    kx_lesson_set_weight (self->lesson, weight);
}

/**
 * kx_run_set_limit:
 * @run: a run
 * @step: where it pauses by itself; 0: nowhere
 */
void
kx_run_set_limit (KxRun *self, guint64 step)
{
  if (self->lesson)
    kx_lesson_set_limit (self->lesson, step);
}

/**
 * kx_run_scrap:
 * @run: a run
 *
 * Ends it, and removes what it has recorded.
 */
void
kx_run_scrap (KxRun *self)
{
  self->moving = FALSE;
  if (self->leaving)
    kx_lesson_scrap (self->leaving);
  if (self->lesson)
    kx_lesson_scrap (self->lesson);
}

/**
 * kx_run_can_move:
 * @run: a run
 *
 * Returns: whether kx_run_move() does something: it learns or is paused, and is recorded
 */
gboolean
kx_run_can_move (KxRun *self)
{
  return self->lesson && self->folder && self->ready
         && (self->state == KX_RUN_LEARNING || self->state == KX_RUN_PAUSED);
}

/**
 * kx_run_move:
 * @run: a run
 * @device: another device than its own
 *
 * Has it end at its present step, save a checkpoint, and go on from that on @device, as it did. Its
 * curves and timeline go along; its trainer is another one.
 */
void
kx_run_move (KxRun *self, KxDevice *device)
{
  if (device == self->device || !kx_run_can_move (self))
    return;
  g_autofree char *stage = g_strdup_printf (_ ("Moving to %s"), kx_device_get_name (device));
  self->ready = FALSE;
  self->moving = TRUE;
  self->leaving = self->lesson;
  self->lesson = kx_lesson_move (self->leaving, kx_device_get_engine (device));
  set_state (self, KX_RUN_STARTING);
  set_stage (self, stage);
  set_device (self, device);
}

/**
 * kx_run_resume:
 * @run: a run that has stopped
 * @paused: it waits to be told to go on
 *
 * Has it go on from the checkpoint that it has left, with its curves and timeline; its trainer is
 * another one, as if it had been moved to its own device.
 *
 * Returns: whether it does; else its folder alone knows how
 */
gboolean
kx_run_resume (KxRun *self, gboolean paused)
{
  if (self->state != KX_RUN_STOPPED || !self->lesson || !self->folder || !self->ready
      || !kx_engine_get_worker (kx_device_get_engine (self->device)))
    return FALSE;
  KxLesson *ended = self->lesson;
  self->lesson = kx_lesson_move (ended, kx_device_get_engine (self->device));
  kx_lesson_unref (ended);
  self->ready = FALSE;
  self->running = !paused;
  kx_lesson_control (self->lesson, paused ? KX_VERB_PAUSE : KX_VERB_RUN);
  g_clear_error (&self->fault);
  set_state (self, KX_RUN_STARTING);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_DEVICE]);
  kx_lesson_begin (self->lesson, self);
  return TRUE;
}

/* ── What it is called ───────────────────────────────────────────────────────────────────────── */

const char *
kx_run_get_name (KxRun *self)
{
  return self->name;
}

void
kx_run_set_name (KxRun *self, const char *name)
{
  if (g_strcmp0 (self->name, name) == 0)
    return;
  g_free (self->name);
  self->name = g_strdup (name);
  g_autofree char *title = g_strdup_printf (_ ("Training %s"), name);
  if (self->lesson)
    kx_job_set_title (self->job, title);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_NAME]);
}

guint
kx_run_get_number (KxRun *self)
{
  return self->number;
}

/**
 * kx_run_set_number:
 * @run: a run
 * @number: of the colour and dashes that its curves have, from 0 on
 */
void
kx_run_set_number (KxRun *self, guint number)
{
  self->number = number;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_NUMBER]);
}
