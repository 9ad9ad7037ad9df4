/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What the list of jobs shows of work that takes a while. Who does the work sets it. */

#include "job.h"

#include <glib/gi18n.h>
#include <math.h>

struct _KxJob {
  GObject parent_instance;

  char *title;
  char *page; /* where it is to be seen */
  KxJobVerbs verbs;
  GWeakRef owner;
  KxJobState state;
  double fraction; /* 0..1; < 0: not known */
  char *text;      /* "2 min left", or the stage */
};

G_DEFINE_FINAL_TYPE (KxJob, kx_job, G_TYPE_OBJECT)

enum {
  PROP_TITLE = 1,
  PROP_PAGE,
  PROP_STATE,
  PROP_FRACTION,
  PROP_TEXT,
  PROP_OVER,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];
static guint show_signal;

static void
kx_job_finalize (GObject *object)
{
  KxJob *self = KX_JOB (object);

  g_free (self->title);
  g_free (self->page);
  g_free (self->text);
  g_weak_ref_clear (&self->owner);
  G_OBJECT_CLASS (kx_job_parent_class)->finalize (object);
}

static void
kx_job_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxJob *self = KX_JOB (object);

  switch (id)
    {
    case PROP_TITLE:
      g_value_set_string (value, self->title);
      break;
    case PROP_PAGE:
      g_value_set_string (value, self->page);
      break;
    case PROP_STATE:
      g_value_set_int (value, self->state);
      break;
    case PROP_FRACTION:
      g_value_set_double (value, self->fraction);
      break;
    case PROP_TEXT:
      g_value_set_string (value, self->text);
      break;
    case PROP_OVER:
      g_value_set_boolean (value, kx_job_is_over (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
kx_job_class_init (KxJobClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = kx_job_finalize;
  object_class->get_property = kx_job_get_property;
  props[PROP_TITLE] = g_param_spec_string ("title", NULL, NULL, NULL, flags);
  props[PROP_PAGE] = g_param_spec_string ("page", NULL, NULL, NULL, flags);
  props[PROP_STATE]
      = g_param_spec_int ("state", NULL, NULL, 0, KX_JOB_FAILED, KX_JOB_WORKING, flags);
  props[PROP_FRACTION] = g_param_spec_double ("fraction", NULL, NULL, -1, 1, -1, flags);
  props[PROP_TEXT] = g_param_spec_string ("text", NULL, NULL, NULL, flags);
  props[PROP_OVER] = g_param_spec_boolean ("over", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
  /** KxJob::show: what it works on is to be in sight on its page. */
  show_signal = g_signal_new ("show", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                              NULL, G_TYPE_NONE, 0);
}

static void
kx_job_init (KxJob *self)
{
  self->fraction = -1;
  g_weak_ref_init (&self->owner, NULL);
}

/**
 * kx_job_new:
 * @title: what is done, for people: "Training digits"
 * @page: the name of the page that shows it
 * @verbs: what one can do about it
 * @owner: (nullable) (type GObject): given to @verbs while it lives
 *
 * Returns: (transfer full): a job that is working
 */
KxJob *
kx_job_new (const char *title, const char *page, const KxJobVerbs *verbs, gpointer owner)
{
  KxJob *self = g_object_new (KX_TYPE_JOB, NULL);

  self->title = g_strdup (title);
  self->page = g_strdup (page);
  self->verbs = *verbs;
  g_weak_ref_set (&self->owner, owner);
  return self;
}

const char *
kx_job_get_title (KxJob *self)
{
  return self->title;
}

void
kx_job_set_title (KxJob *self, const char *title)
{
  if (g_strcmp0 (self->title, title) == 0)
    return;
  g_free (self->title);
  self->title = g_strdup (title);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TITLE]);
}

const char *
kx_job_get_page (KxJob *self)
{
  return self->page;
}

KxJobState
kx_job_get_state (KxJob *self)
{
  return self->state;
}

double
kx_job_get_fraction (KxJob *self)
{
  return self->fraction;
}

const char *
kx_job_get_text (KxJob *self)
{
  return self->text;
}

static void
set_text (KxJob *self, const char *text)
{
  if (g_strcmp0 (self->text, text) == 0)
    return;
  g_free (self->text);
  self->text = g_strdup (text);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TEXT]);
}

/**
 * kx_job_set_state:
 * @job: a job
 * @state: what has become of it
 * @text: (nullable): what is to be said of that; %NULL: the usual
 */
void
kx_job_set_state (KxJob *self, KxJobState state, const char *text)
{
  static const char *const usual[] = {
    [KX_JOB_WORKING] = "",           [KX_JOB_PAUSED] = N_ ("Paused"),
    [KX_JOB_DONE] = N_ ("Done"),     [KX_JOB_CANCELLED] = N_ ("Cancelled; what was done stays"),
    [KX_JOB_FAILED] = N_ ("Failed"),
  };

  set_text (self, text ? text : *usual[state] ? _ (usual[state]) : "");
  if (self->state == state)
    return;
  gboolean was_over = kx_job_is_over (self);
  self->state = state;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
  if (was_over != kx_job_is_over (self))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_OVER]);
}

/**
 * kx_job_set_progress:
 * @job: a job
 * @fraction: how much of it is done, 0..1; negative: not known
 * @text: (nullable): "2 min left"
 */
void
kx_job_set_progress (KxJob *self, double fraction, const char *text)
{
  fraction = isnan (fraction) || fraction < 0 ? -1 : MIN (fraction, 1);
  if (self->fraction != fraction)
    {
      self->fraction = fraction;
      g_object_notify_by_pspec (G_OBJECT (self), props[PROP_FRACTION]);
    }
  set_text (self, text);
}

/**
 * kx_job_set_stage:
 * @job: a job
 * @stage: what is being done: "Compiling kernels"
 * @done: how many of them are done
 * @total: of how many; 0: not known
 */
void
kx_job_set_stage (KxJob *self, const char *stage, guint done, guint total)
{
  g_autofree char *text
      = total ? g_strdup_printf ("%s %u/%u", stage, done, total) : g_strdup (stage);

  kx_job_set_progress (self, total ? done / (double) total : -1, text);
}

/**
 * kx_job_is_over:
 * @job: a job
 *
 * Returns: whether nothing of it is going on any more
 */
gboolean
kx_job_is_over (KxJob *self)
{
  return self->state >= KX_JOB_DONE;
}

gboolean
kx_job_can_pause (KxJob *self)
{
  return self->verbs.pause && !kx_job_is_over (self);
}

gboolean
kx_job_can_cancel (KxJob *self)
{
  return self->verbs.cancel && !kx_job_is_over (self);
}

void
kx_job_pause (KxJob *self, gboolean pause)
{
  g_autoptr (GObject) owner = g_weak_ref_get (&self->owner);

  if (kx_job_can_pause (self))
    self->verbs.pause (self, pause, owner);
}

void
kx_job_cancel (KxJob *self)
{
  g_autoptr (GObject) owner = g_weak_ref_get (&self->owner);

  if (kx_job_can_cancel (self))
    self->verbs.cancel (self, owner);
}

/**
 * kx_job_show:
 * @job: a job whose page is about to be shown
 *
 * Has the page show what this job works on.
 */
void
kx_job_show (KxJob *self)
{
  g_signal_emit (self, show_signal, 0);
}

/**
 * kx_format_time_left:
 * @seconds: how long something will still take
 *
 * Returns: (transfer full): "2 min left", or an empty text where it is not known
 */
char *
kx_format_time_left (double seconds)
{
  if (isnan (seconds) || seconds < 0 || seconds > 8640000)
    return g_strdup ("");
  if (seconds < 60)
    return g_strdup_printf (_ ("%d s left"), (int) ceil (seconds));
  if (seconds < 3600)
    return g_strdup_printf (_ ("%d min left"), (int) ceil (seconds / 60));
  return g_strdup_printf (_ ("%d h %d min left"), (int) (seconds / 3600),
                          (int) (fmod (seconds, 3600) / 60));
}
