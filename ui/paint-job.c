/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A picture that is being painted: the engine's part, on the thread of a device's worker, and what
 * the main thread knows of it. Wishes go down through a mailbox in which the newest counts;
 * pictures come up through a slot, moments and losses one by one.
 */

#include "paint-job.h"

#include <glib/gi18n.h>
#include <math.h>

#include "news-private.h"

#define PICTURE_SECONDS 0.1 /* between two pictures */
#define LOSS_SECONDS 0.2    /* between two deliveries of losses */
#define VISIBLE_WEIGHT 3    /* of the page in sight, as all pages have it */
#define SCREEN 1280         /* pixels; see paint-picture.c */

/* What the main thread wants. */
typedef struct {
  gatomicrefcount references;
  GMutex mutex;
  KxPaint *wish; /* NULL: none that is not yet fulfilled */
  gboolean paused;
  GCancellable *cancellable; /* ends the step under way */
} Mailbox;

/* The worker's. */
typedef struct {
  KxHolder *job;
  Mailbox *mailbox;
  KxEngine *engine;
  KxPaint *paint;
  KxPaint *opened; /* with which the style was opened; it points there */
  KolStyle *style;
  GArray *sources;   /* KolStyleSource */
  GArray *layers;    /* KolStyleLayer */
  KolPicture *start; /* NULL: the content */
  KxSlot *pictures;
  KolSnapshot *last; /* the newest picture */
  guint from;        /* steps that were done before this stage */
  guint step;        /* done in all */
  guint steps;       /* of how many */
  guint looked;      /* the step of the last picture */
  double seconds_left;
  gint64 pictured, delivered;
  gboolean floored;      /* the floor was told */
  KxPaintLosses *losses; /* not yet delivered */
  GError *error;
} Work;

struct _KxPaintJob {
  GObject parent_instance;

  KxPaint *paint;
  Mailbox *mailbox;
  KxTask *task; /* NULL: it has ended */
  KxJob *job;
  guint step, steps;
  double seconds_left;
  GError *fault;
};

G_DEFINE_FINAL_TYPE (KxPaintJob, kx_paint_job, G_TYPE_OBJECT)

enum {
  PICTURE,
  MOMENT,
  LOSSES,
  FLOOR,
  CHANGED,
  EVENT,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* ── The mailbox ─────────────────────────────────────────────────────────────────────────────── */

static Mailbox *
mailbox_ref (Mailbox *mailbox)
{
  g_atomic_ref_count_inc (&mailbox->references);
  return mailbox;
}

static void
mailbox_unref (Mailbox *mailbox)
{
  if (!g_atomic_ref_count_dec (&mailbox->references))
    return;
  g_clear_pointer (&mailbox->wish, kx_paint_unref);
  g_object_unref (mailbox->cancellable);
  g_mutex_clear (&mailbox->mutex);
  g_free (mailbox);
}

static KxPaint *
take_wish (Mailbox *mailbox)
{
  g_mutex_lock (&mailbox->mutex);
  KxPaint *wish = g_steal_pointer (&mailbox->wish);
  g_mutex_unlock (&mailbox->mutex);
  return wish;
}

static gboolean
is_paused (Mailbox *mailbox)
{
  g_mutex_lock (&mailbox->mutex);
  gboolean paused = mailbox->paused;
  g_mutex_unlock (&mailbox->mutex);
  return paused;
}

/* ── What comes up ───────────────────────────────────────────────────────────────────────────── */

typedef enum { NEWS_PICTURE, NEWS_MOMENT, NEWS_LOSSES, NEWS_FLOOR, NEWS_EVENT, NEWS_END } Kind;

typedef struct {
  KxHolder *job;
  Kind kind;
  KxPaintPicked picked;
  KxPaintLosses *losses;
  guint step, steps;
  double seconds_left, rate;
  KolStyleHappening happening;
  GError *error;
  gboolean cancelled;
  KxSlot *slot; /* to be closed */
} News;

static void
losses_free (KxPaintLosses *losses)
{
  if (!losses)
    return;
  g_free (losses->steps);
  g_strfreev (losses->names);
  g_free (losses->losses);
  g_free (losses);
}

static void
news_free (gpointer data)
{
  News *news = data;

  kx_holder_unref (news->job);
  g_clear_object (&news->picked.texture);
  g_clear_pointer (&news->picked.kept, kx_paint_picture_unref);
  g_clear_pointer (&news->picked.full, kol_snapshot_unref);
  losses_free (news->losses);
  g_clear_error (&news->error);
  g_clear_pointer (&news->slot, kx_slot_close);
  g_free (news);
}

static News *
news_new (Work *work, Kind kind)
{
  News *news = g_new0 (News, 1);

  news->job = kx_holder_ref (work->job);
  news->kind = kind;
  news->step = work->step;
  news->steps = work->steps;
  return news;
}

/* The job's end, as the list of jobs has it. */
static void
end_job (KxPaintJob *self, News *news)
{
  g_clear_pointer (&self->task, kx_task_unref);
  if (news->error)
    {
      self->fault = g_steal_pointer (&news->error);
      kx_job_set_state (self->job, KX_JOB_FAILED, self->fault->message);
    }
  else
    kx_job_set_state (self->job, news->cancelled ? KX_JOB_CANCELLED : KX_JOB_DONE, NULL);
}

static void
note_progress (KxPaintJob *self, const News *news)
{
  g_autofree char *left = kx_format_time_left (news->seconds_left);

  self->step = news->step;
  self->steps = news->steps;
  self->seconds_left = news->seconds_left;
  if (kx_job_get_state (self->job) == KX_JOB_WORKING)
    kx_job_set_progress (self->job, news->steps ? news->step / (double) news->steps : -1, left);
}

static void
deliver (gpointer data)
{
  News *news = data;
  g_autoptr (KxPaintJob) self = kx_holder_get (news->job);

  if (!self)
    return;
  switch (news->kind)
    {
    case NEWS_PICTURE:
      g_signal_emit (self, signals[PICTURE], 0, &news->picked);
      return;
    case NEWS_MOMENT:
      g_signal_emit (self, signals[MOMENT], 0, &news->picked);
      return;
    case NEWS_LOSSES:
      note_progress (self, news);
      g_signal_emit (self, signals[LOSSES], 0, news->losses);
      break;
    case NEWS_FLOOR:
      g_signal_emit (self, signals[FLOOR], 0, news->losses);
      return;
    case NEWS_EVENT:
      g_signal_emit (self, signals[EVENT], 0,
                     &(KxPaintEvent){ news->step, news->happening, news->rate });
      return;
    case NEWS_END:
    default:
      end_job (self, news);
      break;
    }
  g_signal_emit (self, signals[CHANGED], 0);
}

/* ── Pictures ────────────────────────────────────────────────────────────────────────────────── */

#define MOMENTS 16

/* The first, the fifth, each doubling of that, and each tenth of the whole. */
static gboolean
is_moment (guint step, guint steps)
{
  guint tenth = MAX (1, steps / 10);

  for (guint at = 5; at <= step; at *= 2)
    if (at == step)
      return TRUE;
  return step == 0 || step % tenth == 0;
}

/* Whether there was one since the last picture: L-BFGS may take several steps at once. */
static gboolean
has_moment (const Work *work)
{
  /* While there is no picture, the first of these two is 0. */
  for (guint at = MAX (work->looked + 1, work->from + 1); at <= work->step; at++)
    if (is_moment (at, work->steps))
      return TRUE;
  return FALSE;
}

static gboolean
pick (Work *work, KolSnapshot *snapshot, gboolean moment, KxPaintPicked *picked)
{
  g_autoptr (KolPicture) picture = kol_snapshot_to_picture (snapshot, NULL);

  if (!picture)
    return FALSE;
  if (moment)
    picked->kept
        = kx_paint_picture_new (work->paint->content->name, NULL, g_steal_pointer (&picture));
  if (moment && MAX (picked->kept->picture->width, picked->kept->picture->height) > SCREEN)
    kx_paint_picture_put_away (picked->kept);
  picked->texture = moment && picked->kept->texture ? g_object_ref (picked->kept->texture)
                                                    : kx_texture_from_picture (picture, SCREEN);
  picked->step = work->step;
  picked->full = kol_snapshot_ref (snapshot);
  return picked->texture != NULL;
}

/* Pictures that were not shown in time are dropped; moments are not. */
static void
post_picture (Work *work, KolSnapshot *snapshot)
{
  gboolean moment = has_moment (work);
  News *news = news_new (work, NEWS_PICTURE);

  g_clear_pointer (&work->last, kol_snapshot_unref);
  work->last = kol_snapshot_ref (snapshot);
  if (!pick (work, snapshot, moment, &news->picked))
    {
      news_free (news);
      return;
    }
  if (moment)
    {
      News *kept = news_new (work, NEWS_MOMENT);

      kept->picked = (KxPaintPicked){ g_object_ref (news->picked.texture),
                                      g_steal_pointer (&news->picked.kept), work->step,
                                      kol_snapshot_ref (snapshot) };
      kx_news_post (deliver, kept, news_free);
    }
  kx_slot_post (work->pictures, news);
}

/* ── Losses ──────────────────────────────────────────────────────────────────────────────────── */

/* Each layer has one line, of the picture at its own size. */
static gboolean
is_shown (const KolStyleTerm *term)
{
  return term->octave == 0;
}

/* "content", "variation", or a layer. */
static const char *
name_of (const KolStyleTerm *term)
{
  return g_str_equal (term->kind, "style") ? term->layer : term->kind;
}

/* Which line a term belongs to; `n_terms`: none yet. */
static guint
line_of (const KxPaintLosses *losses, const KolStyleTerm *term)
{
  guint line = 0;

  while (line < losses->n_terms && !g_str_equal (losses->names[line], name_of (term)))
    line++;
  return line;
}

static KxPaintLosses *
losses_new (const KolStyleState *state)
{
  KxPaintLosses *losses = g_new0 (KxPaintLosses, 1);

  losses->names = g_new0 (char *, state->n_terms + 1);
  for (guint i = 0; i < state->n_terms; i++)
    if (is_shown (&state->terms[i]) && line_of (losses, &state->terms[i]) == losses->n_terms)
      losses->names[losses->n_terms++] = g_strdup (name_of (&state->terms[i]));
  return losses;
}

/* Another row of the losses that are shown, if they are of the same terms. Styles that have places
 * of their own each have a loss on each layer; the layer's is their sum. */
static void
append_losses (KxPaintLosses *losses, const KolStyleState *state, guint step)
{
  g_autofree float *row = g_new0 (float, losses->n_terms);

  for (guint i = 0; i < state->n_terms; i++)
    {
      guint line = line_of (losses, &state->terms[i]);

      if (!is_shown (&state->terms[i]))
        continue;
      if (line == losses->n_terms)
        return;
      row[line] += (float) state->terms[i].loss;
    }
  losses->steps = g_renew (double, losses->steps, losses->n + 1);
  losses->losses = g_renew (float, losses->losses, (losses->n + 1) * losses->n_terms);
  losses->steps[losses->n] = step;
  memcpy (losses->losses + losses->n * losses->n_terms, row, losses->n_terms * sizeof *row);
  losses->n++;
}

static void
post_losses (Work *work)
{
  News *news = news_new (work, NEWS_LOSSES);

  news->losses = g_steal_pointer (&work->losses);
  news->seconds_left = work->seconds_left;
  work->delivered = g_get_monotonic_time ();
  kx_news_post (deliver, news, news_free);
}

static void
note_losses (Work *work, const KolStyleState *state)
{
  if (!work->losses)
    work->losses = losses_new (state);
  append_losses (work->losses, state, work->step);
}

/* ── The engine's part ───────────────────────────────────────────────────────────────────────── */

static double
seconds_since (gint64 then)
{
  return (double) (g_get_monotonic_time () - then) / G_USEC_PER_SEC;
}

static void
told (const KolStudyProgress *progress, gpointer data)
{
  Work *work = data;
  const KolStyleState *state = kol_style_get_state (work->style);

  work->step = work->from + progress->step;
  work->steps = work->from + progress->steps;
  work->seconds_left = progress->seconds_left;
  note_losses (work, state);
  if (state->happening == KOL_STYLE_NOTHING)
    return;
  News *news = news_new (work, NEWS_EVENT);
  news->happening = state->happening;
  news->rate = state->rate;
  kx_news_post (deliver, news, news_free);
}

/* The longer side from which a picture is painted on: that of the start, if it is large already. */
static guint
smallest_side (const KxPaint *paint, guint usual)
{
  if (!paint->start)
    return usual;
  gsize side = MAX (kol_snapshot_get_width (paint->start), kol_snapshot_get_height (paint->start));
  return MIN (paint->size, (guint) side);
}

/* Opens what is to be painted, from the picture as it is, if there is one. */
static gboolean
open_stage (Work *work)
{
  KolDevice *device = kx_engine_open (work->engine, &work->error);
  const KolStudyWatch watch
      = { .told = told, .user_data = work, .cancellable = work->mailbox->cancellable };

  if (!device)
    return FALSE;
  g_clear_pointer (&work->start, kol_picture_free);
  if (work->paint->start
      && !(work->start = kol_snapshot_to_picture (work->paint->start, &work->error)))
    return FALSE;
  KolStyleOptions options
      = kx_paint_make_options (work->paint, work->start, work->sources, work->layers);
  options.smallest = smallest_side (work->paint, options.smallest);
  work->style = kol_style_new (device, &options, &work->error);
  g_clear_pointer (&work->opened, kx_paint_unref);
  work->opened = kx_paint_ref (work->paint);
  if (work->style)
    kol_style_begin (work->style, &watch);
  kx_engine_note_memory (work->engine);
  return work->style != NULL;
}

static void
set_paint (Work *work, KxPaint *paint)
{
  kx_paint_ref (paint);
  kx_paint_unref (work->paint);
  work->paint = paint;
}

/* A wish, which begins where what was wanted before it does. Given. */
static KxPaint *
keep_start (Work *work, KxPaint *wish)
{
  KxPaint *next = kx_paint_copy (wish);

  if (!next->start && work->paint->start)
    next->start = kol_snapshot_ref (work->paint->start);
  return next;
}

/* Another size or another network is another stage, which begins with the picture as it is now. */
static void
change_stage (Work *work, KxPaint *wish)
{
  g_autoptr (KxPaint) next = keep_start (work, wish);

  if (work->last)
    {
      g_clear_pointer (&next->start, kol_snapshot_unref);
      next->start = kol_snapshot_ref (work->last);
    }
  g_clear_pointer (&work->style, kol_style_free);
  g_clear_pointer (&work->losses, losses_free);
  set_paint (work, next);
  work->from = work->step;
}

/* What was changed acts from the next step on; what the style points to lives until then. */
static gboolean
change_style (Work *work, KxPaint *wish)
{
  GArray *sources = g_array_new (FALSE, FALSE, sizeof (KolStyleSource));
  GArray *layers = g_array_new (FALSE, FALSE, sizeof (KolStyleLayer));
  KolStyleOptions options = kx_paint_make_options (wish, work->start, sources, layers);
  gboolean good = kol_style_change (work->style, &options, &work->error);

  g_array_unref (good ? work->sources : sources);
  g_array_unref (good ? work->layers : layers);
  if (!good)
    return FALSE;
  work->sources = sources;
  work->layers = layers;
  set_paint (work, wish);
  return TRUE;
}

static gboolean
fulfil (Work *work, KxPaint *wish)
{
  if (!work->style)
    {
      g_autoptr (KxPaint) next = keep_start (work, wish);
      set_paint (work, next);
      return TRUE;
    }
  if (kx_paint_can_change (work->paint, wish))
    return change_style (work, wish);
  change_stage (work, wish);
  return TRUE;
}

/* Shows the picture, if that is due. */
static gboolean
look (Work *work, gboolean due)
{
  if (!due && !has_moment (work) && seconds_since (work->pictured) < PICTURE_SECONDS)
    return TRUE;
  g_autoptr (KolSnapshot) snapshot = kol_style_look (work->style, &work->error);
  if (!snapshot)
    return FALSE;
  post_picture (work, snapshot);
  work->looked = work->step;
  work->pictured = g_get_monotonic_time ();
  return TRUE;
}

/* ── The floor ───────────────────────────────────────────────────────────────────────────────── */

#define FLOOR_SIZE 256 /* of each half; more would tell little more */

/* One half of a picture: the left, or the upper one, and the other. */
static KolPicture *
half_of (const KolPicture *picture, gboolean second)
{
  gboolean wide = picture->width >= picture->height;
  gsize width = wide ? MAX (picture->width / 2, 1) : picture->width;
  gsize height = wide ? picture->height : MAX (picture->height / 2, 1);
  const KolPictureBox half = { .left = second && wide ? picture->width - width : 0,
                               .top = second && !wide ? picture->height - height : 0,
                               .width = width,
                               .height = height };

  return kol_picture_resize (picture, picture->width, picture->height, KOL_BILINEAR, &half);
}

typedef struct {
  KolStyle *style;
  KxPaintLosses *losses;
} Floor;

static void
floor_told (const KolStudyProgress *progress, gpointer data)
{
  Floor *floor = data;
  const KolStyleState *state = kol_style_get_state (floor->style);

  if (floor->losses)
    return;
  floor->losses = losses_new (state);
  append_losses (floor->losses, state, 0);
}

/*
 * How far two halves of a style are apart: no picture needs to be nearer. Of one style alone.
 * Returns: whether it is known, or cannot be; else it gave way to what others ask
 */
static gboolean
find_floor (Work *work)
{
  g_autoptr (GError) error = NULL;
  KolStyleOptions options = kx_paint_make_options (work->paint, NULL, work->sources, work->layers);
  KolDevice *device = kx_engine_open (work->engine, NULL);
  g_autoptr (KolPicture) one = half_of (options.styles[0].picture, FALSE);
  g_autoptr (KolPicture) other = half_of (options.styles[0].picture, TRUE);
  const KolPicture *part = options.styles[0].part;
  g_autoptr (KolPicture) part_of_one = part ? half_of (part, FALSE) : NULL;
  g_autoptr (KolPicture) part_of_other = part ? half_of (part, TRUE) : NULL;
  const KolStyleSource half = { .picture = other, .region = part_of_one, .part = part_of_other };

  if (!device || !one || !other || options.n_styles > 1)
    return TRUE;
  options.content = one;
  options.styles = &half;
  options.colours = KOL_STYLE_COLOURS_STYLE;
  options.size = options.smallest = MIN (FLOOR_SIZE, options.size);
  options.steps = 1;
  options.optimizer = KOL_STYLE_ADAM; /* a step of which is one evaluation */
  Floor floor = { .style = kol_style_new (device, &options, NULL) };
  const KolStudyWatch watch
      = { .told = floor_told, .user_data = &floor, .cancellable = work->mailbox->cancellable };
  kx_engine_set_patient (work->engine, TRUE);
  g_autoptr (KolSnapshot) picture
      = floor.style ? kol_style_run (floor.style, &watch, &error) : NULL;
  kx_engine_set_patient (work->engine, FALSE);
  kol_style_free (floor.style);
  if (!floor.losses)
    return !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  News *news = news_new (work, NEWS_FLOOR);
  news->losses = floor.losses;
  kx_news_post (deliver, news, news_free);
  return TRUE;
}

/* Step after step, so that no moment is missed. */
static gboolean
paint_on (Work *work, double seconds, gboolean *more)
{
  gint64 began = g_get_monotonic_time ();

  do
    if (!kol_style_advance (work->style, 0, more, &work->error) || !look (work, !*more))
      return FALSE;
  while (*more && seconds_since (began) < seconds);
  if (work->losses && (!*more || seconds_since (work->delivered) >= LOSS_SECONDS))
    post_losses (work);
  return TRUE;
}

#define FLOOR_AFTER 3 /* steps: first there is a picture */

static KxTurn
turn (gpointer data, double seconds)
{
  Work *work = data;
  g_autoptr (KxPaint) wish = take_wish (work->mailbox);
  gboolean more = FALSE;

  if (wish && !fulfil (work, wish))
    return KX_TURN_DONE;
  if (is_paused (work->mailbox))
    return KX_TURN_WAIT;
  if (!work->style)
    return open_stage (work) ? KX_TURN_MORE : KX_TURN_DONE;
  if (!work->floored && work->step >= FLOOR_AFTER)
    {
      work->floored = find_floor (work);
      return KX_TURN_MORE;
    }
  kx_engine_set_patient (work->engine, TRUE);
  gboolean good = paint_on (work, seconds, &more);
  kx_engine_set_patient (work->engine, FALSE);
  if (g_error_matches (work->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_error (&work->error); /* others had questions meanwhile */
      return KX_TURN_MORE;
    }
  if (!good)
    return KX_TURN_DONE;
  kx_engine_note_memory (work->engine);
  return more ? KX_TURN_MORE : KX_TURN_DONE;
}

/* What was done when it was cancelled stays, and is seen. */
static void
look_at_last (Work *work)
{
  g_autoptr (GError) ignored = NULL;
  g_autoptr (KolSnapshot) snapshot
      = work->style && !work->error ? kol_style_look (work->style, &ignored) : NULL;

  if (snapshot)
    post_picture (work, snapshot);
}

static void
end (gpointer data)
{
  Work *work = data;

  if (work->losses)
    post_losses (work);
  if (work->step != work->looked)
    look_at_last (work);
  News *news = news_new (work, NEWS_END);
  news->cancelled = g_cancellable_is_cancelled (work->mailbox->cancellable);
  news->error = g_steal_pointer (&work->error);
  news->slot = work->pictures;
  kx_news_post (deliver, news, news_free);
  g_clear_pointer (&work->style, kol_style_free);
  g_clear_pointer (&work->start, kol_picture_free);
  kx_engine_trim (work->engine);
  kx_engine_unref (work->engine);
  kx_paint_unref (work->paint);
  g_clear_pointer (&work->opened, kx_paint_unref);
  mailbox_unref (work->mailbox);
  g_array_unref (work->sources);
  g_array_unref (work->layers);
  g_clear_pointer (&work->last, kol_snapshot_unref);
  losses_free (work->losses);
  kx_holder_unref (work->job);
  g_free (work);
}

/* ── The main thread's part ──────────────────────────────────────────────────────────────────── */

static void
abandon (KxPaintJob *self)
{
  kx_task_cancel (self->task);
  g_cancellable_cancel (self->mailbox->cancellable);
}

static void
cancel_job (KxJob *job, gpointer owner)
{
  KxPaintJob *self = owner;

  if (self && self->task)
    abandon (self);
}

static void
pause_job (KxJob *job, gboolean paused, gpointer owner)
{
  KxPaintJob *self = owner;

  if (!self || !self->task)
    return;
  g_mutex_lock (&self->mailbox->mutex);
  self->mailbox->paused = paused;
  g_mutex_unlock (&self->mailbox->mutex);
  kx_task_wake (self->task);
  kx_job_set_state (job, paused ? KX_JOB_PAUSED : KX_JOB_WORKING, NULL);
  g_signal_emit (self, signals[CHANGED], 0);
}

static void
weigh (KxPaintJob *self, GParamSpec *spec, KxSession *session)
{
  if (self->task)
    kx_task_set_weight (
        self->task, g_strcmp0 (kx_session_get_page (session), "paint") == 0 ? VISIBLE_WEIGHT : 1);
}

static void
kx_paint_job_finalize (GObject *object)
{
  KxPaintJob *self = KX_PAINT_JOB (object);

  if (self->task)
    abandon (self);
  g_clear_pointer (&self->task, kx_task_unref);
  g_clear_object (&self->job);
  g_clear_pointer (&self->paint, kx_paint_unref);
  g_clear_pointer (&self->mailbox, mailbox_unref);
  g_clear_error (&self->fault);
  G_OBJECT_CLASS (kx_paint_job_parent_class)->finalize (object);
}

static void
kx_paint_job_class_init (KxPaintJobClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_paint_job_finalize;
  /**
   * KxPaintJob::picture:
   * @picked: (type KxPaintPicked): the picture as it is now
   */
  signals[PICTURE] = g_signal_new ("picture", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, G_TYPE_POINTER);
  /**
   * KxPaintJob::moment:
   * @picked: (type KxPaintPicked): the picture at a moment that is worth keeping
   */
  signals[MOMENT] = g_signal_new ("moment", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_POINTER);
  /**
   * KxPaintJob::losses:
   * @losses: (type KxPaintLosses): those of the latest steps
   */
  signals[LOSSES] = g_signal_new ("losses", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_POINTER);
  /**
   * KxPaintJob::floor:
   * @losses: (type KxPaintLosses): those between two halves of the style, of one step
   */
  signals[FLOOR] = g_signal_new ("floor", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 1, G_TYPE_POINTER);
  /** KxPaintJob::changed: its step or its state is another. */
  signals[CHANGED]
      = g_signal_new ("changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  /**
   * KxPaintJob::event:
   * @event: (type KxPaintEvent): what has happened
   */
  signals[EVENT] = g_signal_new ("event", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 1, G_TYPE_POINTER);
}

static void
kx_paint_job_init (KxPaintJob *self)
{
  self->seconds_left = NAN;
  self->mailbox = g_new0 (Mailbox, 1);
  g_atomic_ref_count_init (&self->mailbox->references);
  self->mailbox->cancellable = g_cancellable_new ();
  g_mutex_init (&self->mailbox->mutex);
}

static Work *
work_new (KxPaintJob *self, KxEngine *engine, guint from)
{
  Work *work = g_new0 (Work, 1);

  work->job = kx_holder_new (self);
  work->mailbox = mailbox_ref (self->mailbox);
  work->engine = kx_engine_ref (engine);
  work->paint = kx_paint_ref (self->paint);
  work->sources = g_array_new (FALSE, FALSE, sizeof (KolStyleSource));
  work->layers = g_array_new (FALSE, FALSE, sizeof (KolStyleLayer));
  work->pictures = kx_slot_new (deliver, news_free);
  work->from = work->step = from;
  work->looked = G_MAXUINT;
  work->seconds_left = NAN;
  return work;
}

/**
 * kx_paint_job_new:
 * @session: a session with a device
 * @paint: what is to be painted
 * @from: how many steps were done before, for a picture that is gone on with
 *
 * Begins to paint, and adds that to the session's jobs.
 *
 * Returns: (transfer full): the painting; if nobody keeps it, it ends
 */
KxPaintJob *
kx_paint_job_new (KxSession *session, KxPaint *paint, guint from)
{
  static const KxTaskKind kind = { turn, end };
  static const KxJobVerbs verbs = { cancel_job, pause_job };
  KxPaintJob *self = g_object_new (KX_TYPE_PAINT_JOB, NULL);
  KxEngine *engine = kx_device_get_engine (kx_session_get_device (session));
  g_autofree char *title = g_strdup_printf (_ ("Painting %s"), paint->content->name);

  self->paint = kx_paint_ref (paint);
  self->job = kx_job_new (title, "paint", &verbs, self);
  self->task = kx_worker_add (kx_engine_get_worker (engine), &kind, work_new (self, engine, from),
                              VISIBLE_WEIGHT);
  g_signal_connect_object (session, "notify::page", G_CALLBACK (weigh), self, G_CONNECT_SWAPPED);
  kx_session_add_job (session, self->job);
  return self;
}

/**
 * kx_paint_job_update:
 * @job: a painting
 * @paint: what is to be painted from now on. Weights, styles, colours and the optimizer act from
 * the next step; for all else another stage begins with the picture as it is. The rate stays what
 * it was
 */
void
kx_paint_job_update (KxPaintJob *self, KxPaint *paint)
{
  if (!self->task)
    return;
  KxPaint *wish = kx_paint_copy (paint);
  wish->rate = self->paint->rate;
  kx_paint_unref (self->paint);
  self->paint = wish;
  g_mutex_lock (&self->mailbox->mutex);
  g_clear_pointer (&self->mailbox->wish, kx_paint_unref);
  self->mailbox->wish = kx_paint_ref (wish);
  g_mutex_unlock (&self->mailbox->mutex);
  kx_task_wake (self->task);
}

/**
 * kx_paint_job_get_paint:
 * @job: a painting
 *
 * Returns: (transfer none): what is being painted
 */
KxPaint *
kx_paint_job_get_paint (KxPaintJob *self)
{
  return self->paint;
}

/**
 * kx_paint_job_get_job:
 * @job: a painting
 *
 * Returns: (transfer none): how the list of jobs shows it
 */
KxJob *
kx_paint_job_get_job (KxPaintJob *self)
{
  return self->job;
}

guint
kx_paint_job_get_step (KxPaintJob *self, guint *steps)
{
  *steps = self->steps;
  return self->step;
}

double
kx_paint_job_get_seconds_left (KxPaintJob *self)
{
  return self->seconds_left;
}

/**
 * kx_paint_job_get_fault:
 * @job: a painting
 *
 * Returns: (nullable) (transfer none): why it has failed
 */
const GError *
kx_paint_job_get_fault (KxPaintJob *self)
{
  return self->fault;
}
