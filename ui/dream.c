/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A dream: the photo is changed so that it excites all of a layer. */

#include "dream.h"

#include <glib/gi18n.h>
#include <math.h>

#define STEPS 64

struct _KxDream {
  GObject parent_instance;

  KxExciting *exciting; /* NULL: it is over */
  KxNetworkLayer *layer;
  KxJob *job;
};

G_DEFINE_FINAL_TYPE (KxDream, kx_dream, G_TYPE_OBJECT)

enum {
  PICTURE,
  FAULT,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
finish (KxDream *self, KxJobState state, const char *text)
{
  g_clear_pointer (&self->exciting, kx_exciting_free);
  if (!kx_job_is_over (self->job))
    kx_job_set_state (self->job, state, text);
}

static void
kx_dream_dispose (GObject *object)
{
  KxDream *self = KX_DREAM (object);

  if (self->job)
    finish (self, KX_JOB_CANCELLED, NULL);
  g_clear_object (&self->job);
  g_clear_object (&self->layer);
  G_OBJECT_CLASS (kx_dream_parent_class)->dispose (object);
}

static void
kx_dream_class_init (KxDreamClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_dream_dispose;
  signals[PICTURE] = g_signal_new ("picture", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 2, GDK_TYPE_TEXTURE, G_TYPE_STRING);
  signals[FAULT] = g_signal_new ("fault", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 1, G_TYPE_STRING);
}

static void
kx_dream_init (KxDream *self)
{
}

/* A KxExcitedFunc. */
static void
take_news (const KxExcited *excited, gpointer owner)
{
  KxDream *self = owner;

  if (!self->exciting || excited->digest)
    return;
  if (excited->fault)
    {
      finish (self, KX_JOB_FAILED, excited->fault);
      g_signal_emit (self, signals[FAULT], 0, excited->fault);
      return;
    }
  guint steps = excited->picture.steps;
  g_autofree char *text
      = g_strdup_printf (_ ("Dream of %s, step %u of %u"), kx_network_layer_get_name (self->layer),
                         steps, excited->of);
  g_autofree char *left = kx_format_time_left (excited->seconds_left);
  if (kx_job_get_state (self->job) == KX_JOB_WORKING)
    kx_job_set_progress (self->job, steps / (double) MAX (excited->of, 1), left);
  g_signal_emit (self, signals[PICTURE], 0, excited->picture.texture, text);
  if (steps >= excited->of)
    finish (self, KX_JOB_DONE, NULL);
}

static void
cancel (KxJob *job, gpointer owner)
{
  if (owner)
    finish (owner, KX_JOB_CANCELLED, NULL);
}

static void
pause_or_go_on (KxJob *job, gboolean paused, gpointer owner)
{
  KxDream *self = owner;

  if (!self || !self->exciting)
    return;
  kx_exciting_pause (self->exciting, paused);
  kx_job_set_state (job, paused ? KX_JOB_PAUSED : KX_JOB_WORKING, NULL);
}

/**
 * kx_dream_new:
 * @session: a session, whose jobs it joins
 * @network: a network that is ready
 * @layer: which dreams
 * @photo: (transfer full): of what
 *
 * Returns: (transfer full): the dream, which has begun
 */
KxDream *
kx_dream_new (KxSession *session, KxNetwork *network, KxNetworkLayer *layer, KolPicture *photo)
{
  static const KxJobVerbs verbs = { cancel, pause_or_go_on };
  static const KxWish wish = { KX_DREAM_UNIT, 0, FALSE };
  KxDream *self = g_object_new (KX_TYPE_DREAM, NULL);
  KxExciteSettings settings = KX_EXCITE_USUAL;
  g_autofree char *title = g_strdup_printf (_ ("Dream of %s"), kx_network_layer_get_name (layer));

  settings.steps = STEPS;
  self->layer = g_object_ref (layer);
  self->job = kx_job_new (title, "see", &verbs, self);
  self->exciting = kx_exciting_new (network, take_news, self);
  kx_exciting_set_layer (self->exciting, kx_network_layer_get_index (layer), &settings, photo, 1);
  kx_exciting_wish (self->exciting, &wish, 1, KX_DREAM_UNIT, 1);
  kx_session_add_job (session, self->job);
  return self;
}
