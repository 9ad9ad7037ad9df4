/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A network that learns to paint in one pass, as a job. Whenever a hundred steps are done, and at
 * the end, it is saved; what was learned stays, even if the job is cancelled.
 */

#include "fast-train.h"

#include <glib/gi18n.h>
#include <math.h>

#include "news-private.h"
#include "paint-file.h"

#define SAVE_EVERY 100 /* steps */

/* Whether it waits. Shared by both threads. */
typedef struct {
  gint paused;
} Switch;

#define KX_TYPE_FAST_TRAINER (kx_fast_trainer_get_type ())
G_DECLARE_FINAL_TYPE (KxFastTrainer, kx_fast_trainer, KX, FAST_TRAINER, GObject)

/* The main thread's; it lives as long as its job. */
struct _KxFastTrainer {
  GObject parent_instance;

  KxJob *job; /* which holds this */
  KxTask *task;
  Switch *pause;
  GWeakRef run; /* KxRun, which the session holds */
  KxFastTrained trained;
  GWeakRef object;
};

G_DEFINE_FINAL_TYPE (KxFastTrainer, kx_fast_trainer, G_TYPE_OBJECT)

static void
kx_fast_trainer_finalize (GObject *object)
{
  KxFastTrainer *self = KX_FAST_TRAINER (object);

  g_clear_pointer (&self->task, kx_task_unref);
  g_weak_ref_clear (&self->object);
  g_weak_ref_clear (&self->run);
  g_atomic_rc_box_release (self->pause);
  G_OBJECT_CLASS (kx_fast_trainer_parent_class)->finalize (object);
}

static void
kx_fast_trainer_class_init (KxFastTrainerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = kx_fast_trainer_finalize;
}

static void
kx_fast_trainer_init (KxFastTrainer *self)
{
  g_weak_ref_init (&self->object, NULL);
  g_weak_ref_init (&self->run, NULL);
  self->pause = g_atomic_rc_box_new0 (Switch);
}

/* The worker's. */
typedef struct {
  KxEngine *engine;
  KolFastStyle *fast;
  char *network, *photos, *weights, *sample;
  KxPaintPicture *style;
  GPtrArray *paths; /* of photos */
  guint size, steps;
  double seconds, seconds_left;
  Switch *pause;
  GArray *told[3]; /* not yet delivered, of each step: its number, seconds, loss */
  guint saved;     /* at which step it was saved last */
  GError *error;
  KxHolder *owner; /* KxFastTrainer */
} Work;

enum { STEP, SECONDS, LOSS, N_TOLD };

static void
begin_told (GArray *told[N_TOLD])
{
  told[STEP] = g_array_new (FALSE, FALSE, sizeof (double));
  told[SECONDS] = g_array_new (FALSE, FALSE, sizeof (double));
  told[LOSS] = g_array_new (FALSE, FALSE, sizeof (float));
}

static void
clear_told (GArray *told[N_TOLD])
{
  for (guint i = 0; i < N_TOLD; i++)
    g_clear_pointer (&told[i], g_array_unref);
}

/* ── What comes up ───────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KxHolder *owner;
  guint step, steps;
  double seconds_left;
  GArray *told[3];
  gboolean over;
  char *path; /* of what was learned, or NULL */
  GError *error;
} News;

static void
news_free (gpointer data)
{
  News *news = data;

  kx_holder_unref (news->owner);
  clear_told (news->told);
  g_free (news->path);
  g_clear_error (&news->error);
  g_free (news);
}

static void
give_run (KxFastTrainer *self, const News *news)
{
  g_autoptr (KxRun) run = g_weak_ref_get (&self->run);
  const KxMetrics metrics = { .n = news->told[STEP]->len,
                              .step = (const double *) (gpointer) news->told[STEP]->data,
                              .seconds = (const double *) (gpointer) news->told[SECONDS]->data,
                              .loss = (const float *) (gpointer) news->told[LOSS]->data };

  if (run)
    kx_run_take_losses (run, &metrics, news->steps, news->seconds_left);
}

static void
deliver (gpointer data)
{
  News *news = data;
  g_autoptr (KxFastTrainer) self = kx_holder_get (news->owner);

  if (!self)
    return;
  g_autofree char *left = kx_format_time_left (news->seconds_left);
  g_autofree char *text = g_strdup_printf (_ ("Step %u of %u  %s"), news->step, news->steps, left);
  g_autoptr (GObject) object = g_weak_ref_get (&self->object);
  give_run (self, news);
  if (kx_job_get_state (self->job) == KX_JOB_WORKING)
    kx_job_set_progress (self->job, news->steps ? news->step / (double) news->steps : -1, text);
  if (!news->over)
    return;
  if (news->error)
    kx_job_set_state (self->job, KX_JOB_FAILED, news->error->message);
  else
    kx_job_set_state (self->job, news->step < news->steps ? KX_JOB_CANCELLED : KX_JOB_DONE, NULL);
  if (object && self->trained)
    self->trained (news->path, news->error, object);
}

static News *
news_new (Work *work)
{
  News *news = g_new0 (News, 1);

  news->owner = kx_holder_ref (work->owner);
  news->step = work->fast ? kol_fast_style_get_step (work->fast) : 0;
  news->steps = work->fast ? kol_fast_style_get_steps (work->fast) : work->steps;
  news->seconds_left = work->seconds_left;
  memcpy (news->told, work->told, sizeof news->told);
  begin_told (work->told);
  return news;
}

/* ── The worker's part ───────────────────────────────────────────────────────────────────────── */

static int
by_name (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(char *const *) a, *(char *const *) b);
}

static gboolean
list_photos (Work *work)
{
  g_autoptr (GDir) dir = g_dir_open (work->photos, 0, &work->error);
  const char *name;

  g_clear_pointer (&work->paths, g_ptr_array_unref);
  work->paths = g_ptr_array_new_with_free_func (g_free);
  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *type = g_content_type_guess (name, NULL, 0, NULL);

      if (*name != '.' && type && g_content_type_is_a (type, "image/*"))
        g_ptr_array_add (work->paths, g_build_filename (work->photos, name, NULL));
    }
  g_ptr_array_sort (work->paths, by_name);
  if (!work->error && work->paths->len == 0)
    g_set_error (&work->error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 _ ("“%s” has no photos to learn from"), work->photos);
  return !work->error;
}

static gboolean
begin (Work *work)
{
  KolDevice *device = list_photos (work) ? kx_engine_open (work->engine, &work->error) : NULL;

  if (!device)
    return FALSE;
  const KolFastStyleOptions options = {
    .network = work->network,
    .style = work->style->picture,
    .photos = (const char *const *) work->paths->pdata,
    .n_photos = work->paths->len,
    .content_weight = NAN,
    .style_weight = NAN,
    .variation_weight = NAN,
    .size = work->size,
    .steps = work->steps,
    .seed = 1,
  };
  work->fast = kol_fast_style_new (device, &options, &work->error);
  return work->fast != NULL;
}

static void
told (const KolStudyProgress *progress, gpointer data)
{
  Work *work = data;

  double step = progress->step;
  float loss = (float) progress->value;

  work->seconds_left = progress->seconds_left;
  g_array_append_val (work->told[STEP], step);
  g_array_append_val (work->told[SECONDS], work->seconds);
  g_array_append_val (work->told[LOSS], loss);
  if (!progress->n_snapshots)
    return;
  g_autoptr (GBytes) png = kol_snapshot_to_png (progress->snapshots[0], NULL, NULL);
  gsize size;
  const char *bytes = png ? g_bytes_get_data (png, &size) : NULL;
  if (bytes)
    g_file_set_contents (work->sample, bytes, (gssize) size, NULL);
}

static gboolean
save (Work *work)
{
  work->saved = kol_fast_style_get_step (work->fast);
  return kol_fast_style_save (work->fast, work->weights, &work->error);
}

/* Step after step; or what comes before the first one. */
static gboolean
learn (Work *work, double seconds)
{
  const KolStudyWatch watch = { .told = told, .user_data = work, .every = SAVE_EVERY };
  gint64 until = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);

  if (!work->fast)
    return begin (work);
  do
    {
      gint64 began = g_get_monotonic_time ();

      if (!kol_fast_style_run (work->fast, kol_fast_style_get_step (work->fast) + 1, &watch,
                               &work->error))
        return FALSE;
      work->seconds += (double) (g_get_monotonic_time () - began) / G_USEC_PER_SEC;
    }
  while (g_get_monotonic_time () < until
         && kol_fast_style_get_step (work->fast) < kol_fast_style_get_steps (work->fast));
  return TRUE;
}

static KxTurn
turn (gpointer data, double seconds)
{
  Work *work = data;

  if (g_atomic_int_get (&work->pause->paused))
    return KX_TURN_WAIT;
  kx_engine_set_patient (work->engine, TRUE);
  gboolean good = learn (work, seconds);
  kx_engine_set_patient (work->engine, FALSE);
  if (g_error_matches (work->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_error (&work->error); /* it gave way to what others ask, and goes on where it was */
      return KX_TURN_MORE;
    }
  if (!good)
    return KX_TURN_DONE;
  if (!work->fast || kol_fast_style_get_step (work->fast) == 0)
    return KX_TURN_MORE;
  if (kol_fast_style_get_step (work->fast) >= work->saved + SAVE_EVERY && !save (work))
    return KX_TURN_DONE;
  kx_engine_note_memory (work->engine);
  kx_news_post (deliver, news_new (work), news_free);
  return kol_fast_style_get_step (work->fast) < kol_fast_style_get_steps (work->fast)
             ? KX_TURN_MORE
             : KX_TURN_DONE;
}

static void
work_free (Work *work)
{
  g_clear_pointer (&work->fast, kol_fast_style_free);
  kx_engine_trim (work->engine);
  kx_engine_unref (work->engine);
  kx_paint_picture_unref (work->style);
  g_atomic_rc_box_release (work->pause);
  clear_told (work->told);
  g_clear_pointer (&work->paths, g_ptr_array_unref);
  g_free (work->network);
  g_free (work->photos);
  g_free (work->weights);
  g_free (work->sample);
  g_clear_error (&work->error);
  kx_holder_unref (work->owner);
  g_free (work);
}

static void
end (gpointer data)
{
  Work *work = data;
  gboolean learned = work->fast && !work->error && kol_fast_style_get_step (work->fast) > 0;

  if (learned)
    learned = save (work);
  News *news = news_new (work);
  news->over = TRUE;
  news->path = learned ? g_strdup (work->weights) : NULL;
  news->error = g_steal_pointer (&work->error);
  kx_news_post (deliver, news, news_free);
  work_free (work);
}

/* ── The main thread's part ──────────────────────────────────────────────────────────────────── */

static void
cancel (KxJob *job, gpointer owner)
{
  KxFastTrainer *self = owner;

  if (self && self->task)
    kx_task_cancel (self->task);
}

static void
pause_job (KxJob *job, gboolean pause, gpointer owner)
{
  KxFastTrainer *self = owner;

  if (!self || !self->task)
    return;
  g_atomic_int_set (&self->pause->paused, pause);
  kx_task_wake (self->task);
  kx_job_set_state (job, pause ? KX_JOB_PAUSED : KX_JOB_WORKING, NULL);
}

/**
 * kx_fast_train:
 * @session: a session with a device
 * @training: what is to be learned
 * @trained: called at the end
 * @object: for @trained
 *
 * Lets a network learn, as a job of the session and one of its runs.
 *
 * Returns: (transfer none): the job
 */
KxJob *
kx_fast_train (KxSession *session, const KxFastTraining *training, KxFastTrained trained,
               GObject *object)
{
  static const KxTaskKind kind = { turn, end };
  static const KxJobVerbs verbs = { cancel, pause_job };
  KxFastTrainer *self = g_object_new (KX_TYPE_FAST_TRAINER, NULL);
  g_autofree char *title = g_strdup_printf (_ ("Learning to paint as %s"), training->style->name);
  g_autofree char *name = kx_free_name (training->folder, training->name, kx_network_suffixes);
  g_autofree char *weights = g_strconcat (name, ".safetensors", NULL);
  g_autofree char *sample = g_strconcat (name, ".png", NULL);
  Work *work = g_new0 (Work, 1);

  g_mkdir_with_parents (training->folder, 0777);
  work->engine = kx_engine_ref (kx_device_get_engine (kx_session_get_device (session)));
  work->network = g_strdup (training->network);
  work->photos = g_strdup (training->photos);
  work->weights = g_build_filename (training->folder, weights, NULL);
  work->sample = g_build_filename (training->folder, sample, NULL);
  work->style = kx_paint_picture_ref (training->style);
  work->size = training->size;
  work->steps = training->steps;
  work->pause = g_atomic_rc_box_acquire (self->pause);
  begin_told (work->told);
  work->owner = kx_holder_new (self);
  self->trained = trained;
  g_weak_ref_set (&self->object, object);
  self->job = kx_job_new (title, "paint", &verbs, self);
  g_object_set_data_full (G_OBJECT (self->job), "kx-fast-trainer", self, g_object_unref);
  KxJob *job = self->job;
  kx_session_add_job (session, job);
  g_autoptr (KxRun) run = kx_run_new_for_job (kx_session_get_device (session), name, job);
  g_weak_ref_set (&self->run, run);
  kx_session_add_run (session, run);
  self->task = kx_worker_add (kx_engine_get_worker (work->engine), &kind, work, 1);
  g_object_unref (job); /* the list has it */
  return job;
}
