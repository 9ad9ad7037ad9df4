/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Work that finds something out about a device. It goes on in pieces on the device's own worker,
 * so that what else runs there, or on another device, has its turns.
 */

#include "device-work.h"

#include <glib/gi18n.h>
#include <math.h>

#include "news-private.h"

struct _KxDeviceWork {
  GObject parent_instance;

  KxDevice *device;
  KxWorkKind kind;
  KxJob *job;
  KxTask *task;
  gint64 began;
};

G_DEFINE_FINAL_TYPE (KxDeviceWork, kx_device_work, G_TYPE_OBJECT)

enum {
  VERDICT,
  OVER,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* ── What the worker tells ───────────────────────────────────────────────────────────────────── */

typedef struct {
  KxHolder *work;
  guint done, total;
  const char *op;      /* the latest; static */
  GPtrArray *verdicts; /* of KxVerdict that changed */
  gboolean over;
  double flops, bandwidth;
  char *error;
} Report;

static void
verdict_free (gpointer data)
{
  g_free (((KxVerdict *) data)->reason);
  g_free (data);
}

static void
report_free (gpointer data)
{
  Report *report = data;

  kx_holder_unref (report->work);
  g_ptr_array_unref (report->verdicts);
  g_free (report->error);
  g_free (report);
}

static void
show_progress (KxDeviceWork *self, const Report *report)
{
  double fraction = report->total ? report->done / (double) report->total : -1;
  double seconds = (g_get_monotonic_time () - self->began) / (double) G_USEC_PER_SEC;
  g_autofree char *left = kx_format_time_left (
      report->done > 5 && seconds > 2 ? seconds * (1 / fraction - 1) : (double) NAN);
  g_autofree char *text = report->op && *left ? g_strdup_printf ("%s · %s", report->op, left)
                                              : g_strdup (report->op ? report->op : left);

  kx_job_set_progress (self->job, fraction, text);
}

static void
finish (KxDeviceWork *self, const Report *report)
{
  gboolean all = report->total && report->done == report->total && !report->error;

  if (all && self->kind == KX_WORK_SPEED)
    kx_device_set_speed (self->device, report->flops, report->bandwidth);
  kx_job_set_state (self->job,
                    report->error ? KX_JOB_FAILED
                    : all         ? KX_JOB_DONE
                                  : KX_JOB_CANCELLED,
                    report->error);
  g_signal_emit (self, signals[OVER], 0, all, report->error);
}

static void
take_report (gpointer data)
{
  Report *report = data;
  g_autoptr (KxDeviceWork) self = kx_holder_get (report->work);

  if (!self)
    return;
  for (guint i = 0; i < report->verdicts->len; i++)
    g_signal_emit (self, signals[VERDICT], 0, g_ptr_array_index (report->verdicts, i));
  if (report->over)
    finish (self, report);
  else
    show_progress (self, report);
}

/* ── On the worker's thread ──────────────────────────────────────────────────────────────────── */

typedef struct {
  KxHolder *work;
  KxEngine *engine;
  KxWorkKind kind;
  KolDevice *device; /* NULL: not yet opened */
  KolSpeed *speed;
  KolChecks *checks;
  KolTuner *tuner;
  KxVerdict *verdict; /* under way */
  const char *op;
  gboolean paused; /* others wait for the worker */
  GError *error;
} Labour;

static Report *
new_report (Labour *labour)
{
  Report *report = g_new0 (Report, 1);

  report->work = kx_holder_ref (labour->work);
  report->verdicts = g_ptr_array_new_with_free_func (verdict_free);
  return report;
}

static gboolean
begin (Labour *labour)
{
  labour->device = kx_engine_open (labour->engine, &labour->error);
  if (!labour->device)
    return FALSE;
  if (labour->kind == KX_WORK_SPEED)
    return (labour->speed = kol_speed_new (labour->device, &labour->error)) != NULL;
  if (labour->kind == KX_WORK_TUNE)
    labour->tuner = kol_tuner_new (labour->device);
  else
    labour->checks = kol_checks_new (labour->device, labour->kind == KX_WORK_VERIFY);
  return TRUE;
}

static guint
count (const Labour *labour, guint *done)
{
  *done = 0;
  return labour->speed    ? kol_speed_count (labour->speed, done)
         : labour->checks ? kol_checks_count (labour->checks, done)
         : labour->tuner  ? kol_tuner_count (labour->tuner, done)
                          : 0;
}

/* The verdict as it is, for the main thread. */
static void
tell_verdict (const Labour *labour, Report *report)
{
  if (!labour->verdict || labour->verdict->passed + labour->verdict->failed == 0)
    return;
  KxVerdict *copy = g_new (KxVerdict, 1);
  *copy = *labour->verdict;
  copy->reason = g_strdup (labour->verdict->reason);
  g_ptr_array_add (report->verdicts, copy);
}

/* All checks of the variant are done: it stays, or is switched off. */
static void
conclude (Labour *labour, Report *report)
{
  KxVerdict *verdict = labour->verdict;

  if (!verdict)
    return;
  verdict->complete = TRUE;
  verdict->struck = kol_check_conclude (labour->device, verdict->op, verdict->variant,
                                        verdict->passed, verdict->failed, verdict->reason);
  tell_verdict (labour, report);
  g_clear_pointer (&labour->verdict, verdict_free);
}

typedef struct {
  Labour *labour;
  Report *report;
} Noting;

static void
note_check (const KolCheckResult *result, gpointer data)
{
  Labour *labour = ((Noting *) data)->labour;
  KxVerdict *verdict = labour->verdict;

  labour->op = result->op;
  if (verdict && (verdict->op != result->op || verdict->variant != result->variant))
    conclude (labour, ((Noting *) data)->report);
  if (!labour->verdict)
    {
      labour->verdict = g_new0 (KxVerdict, 1);
      labour->verdict->op = result->op;
      labour->verdict->variant = result->variant;
    }
  verdict = labour->verdict;
  if (result->skipped)
    return;
  *(result->passed ? &verdict->passed : &verdict->failed) += 1;
  /* Not-a-number is worse than any number. */
  if (verdict->tolerance == 0
      || !(result->difference / result->tolerance <= verdict->difference / verdict->tolerance))
    {
      verdict->difference = result->difference;
      verdict->tolerance = result->tolerance;
    }
  if (!result->passed && !verdict->reason)
    verdict->reason
        = result->message
              ? g_strdup (result->message)
              : g_strdup_printf (_ ("%s of case %s differs by %.2g; %.2g is allowed"), result->what,
                                 result->name, result->difference, result->tolerance);
}

/* One work over all its variants, which compile. */
static gboolean
tune (Labour *labour)
{
  const char *op = kol_tuner_next (labour->tuner, &labour->error);

  if (g_error_matches (labour->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_error (&labour->error);
      labour->paused = TRUE;
      return TRUE;
    }
  labour->op = op ? op : labour->op;
  return op != NULL;
}

/* Checks and tuning compile: where others have questions meanwhile, they are gone on with in a
 * later turn. Copies are short. */
static gboolean
do_piece (Labour *labour, Report *report)
{
  Noting noting = { labour, report };
  gboolean good = TRUE;

  if (labour->speed)
    return kol_speed_next (labour->speed, &labour->error);
  labour->paused = FALSE;
  kx_engine_set_patient (labour->engine, TRUE);
  if (labour->tuner)
    good = tune (labour);
  else
    labour->paused = !kol_checks_next (labour->checks, note_check, &noting);
  kx_engine_set_patient (labour->engine, FALSE);
  return good;
}

static KxTurn
turn (gpointer self, double seconds)
{
  Labour *labour = self;
  gint64 until = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  Report *report = new_report (labour);
  gboolean good = labour->device || begin (labour);
  guint done, total = good ? count (labour, &done) : (done = 0);

  labour->paused = FALSE;
  while (good && done < total && !labour->paused && g_get_monotonic_time () < until)
    {
      good = do_piece (labour, report);
      count (labour, &done);
    }
  if (good && done == total && labour->checks)
    conclude (labour, report);
  else
    tell_verdict (labour, report);
  if (labour->device)
    kx_engine_note_memory (labour->engine);
  report->done = done;
  report->total = total;
  report->op = labour->op;
  kx_news_post (take_report, report, report_free);
  return good && done < total ? KX_TURN_MORE : KX_TURN_DONE;
}

static void
end (gpointer self)
{
  Labour *labour = self;
  Report *report = new_report (labour);

  report->over = TRUE;
  report->total = count (labour, &report->done);
  if (labour->speed && report->done == report->total)
    {
      report->flops = kol_speed_get_flops (labour->speed);
      report->bandwidth = kol_speed_get_bandwidth (labour->speed);
    }
  report->error = labour->error ? g_strdup (labour->error->message) : NULL;
  kx_news_post (take_report, report, report_free);
  kol_speed_free (labour->speed);
  kol_checks_free (labour->checks);
  kol_tuner_free (labour->tuner);
  g_clear_pointer (&labour->verdict, verdict_free);
  g_clear_error (&labour->error);
  kx_holder_unref (labour->work);
  kx_engine_unref (labour->engine);
  g_free (labour);
}

/* ── The object ──────────────────────────────────────────────────────────────────────────────── */

static void
kx_device_work_dispose (GObject *object)
{
  KxDeviceWork *self = KX_DEVICE_WORK (object);

  if (self->task)
    kx_task_cancel (self->task);
  g_clear_pointer (&self->task, kx_task_unref);
  g_clear_object (&self->device);
  g_clear_object (&self->job);
  G_OBJECT_CLASS (kx_device_work_parent_class)->dispose (object);
}

static void
kx_device_work_class_init (KxDeviceWorkClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_device_work_dispose;

  /**
   * KxDeviceWork::verdict:
   * @verdict: a #KxVerdict: there is news of a variant
   */
  signals[VERDICT] = g_signal_new ("verdict", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
  /**
   * KxDeviceWork::over:
   * @all: whether everything was done
   * @error: (nullable): why not
   */
  signals[OVER] = g_signal_new ("over", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                NULL, G_TYPE_NONE, 2, G_TYPE_BOOLEAN, G_TYPE_STRING);
}

static void
kx_device_work_init (KxDeviceWork *self)
{
}

static void
cancel (KxJob *job, gpointer owner)
{
  if (owner)
    kx_task_cancel (KX_DEVICE_WORK (owner)->task);
}

/**
 * kx_device_work_start:
 * @session: a session
 * @device: a device, which is opened if it is not yet
 * @kind: what is to be found out
 *
 * Returns: (transfer full): the work, which has begun; it ends with its last reference
 */
KxDeviceWork *
kx_device_work_start (KxSession *session, KxDevice *device, KxWorkKind kind)
{
  static const char *const titles[] = {
    [KX_WORK_SPEED] = N_ ("Measuring %s"),
    [KX_WORK_VERIFY] = N_ ("Verifying %s"),
    [KX_WORK_VERIFY_ALL] = N_ ("Verifying %s, all cases"),
    [KX_WORK_TUNE] = N_ ("Tuning %s"),
  };
  static const KxJobVerbs verbs = { .cancel = cancel };
  static const KxTaskKind task = { turn, end };
  KxDeviceWork *self = g_object_new (KX_TYPE_DEVICE_WORK, NULL);
  KxEngine *engine = kx_device_get_engine (device);
  Labour *labour = g_new0 (Labour, 1);
  g_autofree char *title = g_strdup_printf (_ (titles[kind]), kx_device_get_name (device));

  self->device = g_object_ref (device);
  self->kind = kind;
  self->began = g_get_monotonic_time ();
  self->job = kx_job_new (title, "devices", &verbs, self);
  labour->work = kx_holder_new (self);
  labour->engine = kx_engine_ref (engine);
  labour->kind = kind;
  self->task = kx_worker_add (kx_engine_get_worker (engine), &task, labour, 1);
  kx_session_add_job (session, self->job);
  return self;
}

KxDevice *
kx_device_work_get_device (KxDeviceWork *self)
{
  return self->device;
}

KxJob *
kx_device_work_get_job (KxDeviceWork *self)
{
  return self->job;
}
