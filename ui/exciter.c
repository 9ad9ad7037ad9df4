/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Which pictures are made, and where they go. */

#include "exciter.h"

#include <glib/gi18n.h>
#include <math.h>

#include "picture-cache.h"

#define IDLE_AFTER 500 /* milliseconds in which nothing else was wanted */

struct _KxExciter {
  GObject parent_instance;

  KxNetwork *network;
  KxExciting *exciting;
  KxPictureCache *cache;
  KxExciteSettings settings;
  KxUnitList *units;
  char *digest;      /* of the layer; NULL: not known yet */
  guint serial;      /* of what was asked last */
  GPtrArray *wanted; /* KxNeuron */
  GArray *rest;      /* guint: other units of the layer, the nearest first */
  guint later;       /* a source: they are wished for then */
  gboolean ahead;    /* they have been, and nothing else since */
  KxNeuron *favourite;
  KxSeries *objective; /* the favourite's */
  double seconds_left;
  gboolean paused;
  gboolean unseen;         /* nobody sees its pictures... */
  gboolean resting;        /* ...and nobody said that it is to go on all the same */
  gboolean favourite_only; /* stale pictures of others stay */
  KxJob *job;              /* NULL: of this network nothing was to be made yet */
  gboolean cancelled;      /* it was, and other pictures were not asked for since... */
  KxNeuron *refused;       /* ...when this was the favourite; only for comparison */
};

G_DEFINE_FINAL_TYPE (KxExciter, kx_exciter, G_TYPE_OBJECT)

enum {
  PROGRESS,
  FAULT,
  JOB,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
kx_exciter_dispose (GObject *object)
{
  KxExciter *self = KX_EXCITER (object);

  kx_exciter_set_network (self, NULL);
  g_clear_handle_id (&self->later, g_source_remove);
  g_clear_pointer (&self->rest, g_array_unref);
  g_clear_pointer (&self->objective, kx_series_unref);
  g_clear_pointer (&self->cache, kx_picture_cache_free);
  g_clear_pointer (&self->wanted, g_ptr_array_unref);
  G_OBJECT_CLASS (kx_exciter_parent_class)->dispose (object);
}

static void
kx_exciter_class_init (KxExciterClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_exciter_dispose;
  signals[PROGRESS]
      = g_signal_new ("progress", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[FAULT] = g_signal_new ("fault", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 1, G_TYPE_STRING);
  signals[JOB] = g_signal_new ("job", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                               KX_TYPE_JOB);
}

static void
kx_exciter_init (KxExciter *self)
{
  self->cache = kx_picture_cache_new ();
  self->settings = KX_EXCITE_USUAL;
  self->wanted = g_ptr_array_new_with_free_func (g_object_unref);
  self->rest = g_array_new (FALSE, FALSE, sizeof (guint));
  self->objective = kx_series_new ();
  self->seconds_left = NAN;
}

KxExciter *
kx_exciter_new (void)
{
  return g_object_new (KX_TYPE_EXCITER, NULL);
}

/**
 * kx_exciter_set_budget:
 * @exciter: an exciter
 * @bytes: that the pictures of its cache may take
 */
void
kx_exciter_set_budget (KxExciter *self, guint64 bytes)
{
  kx_picture_cache_set_budget (self->cache, bytes);
}

/* ── The cache ───────────────────────────────────────────────────────────────────────────────── */

/* What makes a picture: the weights up to the layer, settings and seed, and the unit. Given. */
static char *
key_of (KxExciter *self, guint unit)
{
  const KxExciteSettings *s = &self->settings;

  return g_strdup_printf ("%s/%u/%g/%" G_GUINT64_FORMAT "/%d%d%d%d/%u", self->digest, s->steps,
                          s->rate, s->seed, s->still, s->plain, s->mixed, s->neuron, unit);
}

static void
restore (KxExciter *self, KxNeuron *unit)
{
  g_autofree char *key = key_of (self, kx_neuron_get_index (unit));
  const KxNeuronPicture *known = kx_picture_cache_get (self->cache, key);
  const KxNeuronPicture *now = kx_neuron_get_picture (unit);

  if (known && (!now->texture || kx_neuron_is_stale (unit) || now->steps < known->steps))
    kx_neuron_set_picture (unit, known);
}

/* ── Wishes ──────────────────────────────────────────────────────────────────────────────────── */

/* How far a unit's picture has come, of the weights and settings that there are. */
static guint
steps_of (KxNeuron *unit)
{
  const KxNeuronPicture *picture = kx_neuron_get_picture (unit);

  return picture->texture && !kx_neuron_is_stale (unit) ? picture->steps : 0;
}

static gboolean
is_wished (KxExciter *self, KxNeuron *unit)
{
  if (self->cancelled)
    return unit == self->favourite && unit != self->refused;
  return unit == self->favourite || !(self->favourite_only && kx_neuron_is_stale (unit));
}

static void
add_wish (KxExciter *self, GArray *wishes, KxNeuron *unit)
{
  restore (self, unit);
  if (!is_wished (self, unit))
    return;
  const KxWish wish = { kx_neuron_get_index (unit), steps_of (unit), FALSE };
  g_array_append_val (wishes, wish);
}

static void send_wishes (KxExciter *self);

/* ── The job ─────────────────────────────────────────────────────────────────────────────────── */

static void
cancel_job (KxJob *job, gpointer owner)
{
  KxExciter *self = owner;

  if (!self || !self->exciting)
    return;
  self->cancelled = TRUE;
  self->refused = self->favourite;
  send_wishes (self);
  kx_job_set_state (job, KX_JOB_CANCELLED, NULL);
}

static void
pause_job (KxJob *job, gboolean pause, gpointer owner)
{
  if (!owner)
    return;
  kx_exciter_pause (owner, pause);
  g_signal_emit (owner, signals[PROGRESS], 0);
}

static void
end_job (KxExciter *self)
{
  if (self->job && !kx_job_is_over (self->job))
    kx_job_set_state (self->job, KX_JOB_CANCELLED, NULL);
}

static void
begin_job (KxExciter *self)
{
  static const KxJobVerbs verbs = { cancel_job, pause_job };
  const char *layer = kx_network_layer_get_name (kx_unit_list_get_layer (self->units));
  g_autofree char *title = g_strdup_printf (_ ("Pictures of %s"), layer);

  if (!self->job)
    self->job = kx_job_new (title, "see", &verbs, self);
  kx_job_set_title (self->job, title);
  g_signal_emit (self, signals[JOB], 0, self->job);
}

static void
show_state (KxExciter *self, guint done, guint all)
{
  g_autofree char *text = g_strdup_printf (_ ("%u of %u"), done, all);

  if (self->paused || self->resting)
    kx_job_set_state (self->job, KX_JOB_PAUSED,
                      self->paused ? NULL : _ ("Goes on when the page See is in sight"));
  else
    kx_job_set_state (self->job, KX_JOB_WORKING, text);
  kx_job_set_progress (self->job, done / (double) all, kx_job_get_text (self->job));
}

/* All that is wished for is one job, which comes and goes as there is something to be made; but not
 * each look at a network in training. */
static void
show_job (KxExciter *self)
{
  guint done = 0, all = 0;

  for (guint i = 0; i < self->wanted->len; i++)
    {
      KxNeuron *unit = g_ptr_array_index (self->wanted, i);

      if (!is_wished (self, unit))
        continue;
      all++;
      done += steps_of (unit) >= self->settings.steps;
    }
  if (!self->units || self->cancelled)
    return;
  if (done < all && !(self->favourite_only && all < 2))
    {
      begin_job (self);
      show_state (self, done, all);
    }
  else if (self->job && !kx_job_is_over (self->job))
    kx_job_set_state (self->job, KX_JOB_DONE, NULL);
}

/* Whether all that somebody sees is made, so that the rest can be. */
static gboolean
is_idle (KxExciter *self)
{
  if (!self->exciting || !self->digest || !self->wanted->len || self->cancelled
      || self->favourite_only)
    return FALSE;
  for (guint i = 0; i < self->wanted->len; i++)
    if (steps_of (g_ptr_array_index (self->wanted, i)) < self->settings.steps)
      return FALSE;
  return !self->favourite || steps_of (self->favourite) >= self->settings.steps;
}

/* As many of the rest as the cache is for; none of them takes another's place there. */
static void
add_rest (KxExciter *self, GArray *wishes)
{
  KxNeuron *one = g_ptr_array_index (self->wanted, 0);
  guint64 room = kx_picture_cache_get_room (self->cache, kx_neuron_get_picture (one)->texture);
  guint n = room > self->wanted->len ? (guint) MIN (room - self->wanted->len, self->rest->len) : 0;

  g_array_set_size (wishes, n);
  for (guint i = n; i-- > 0;) /* the nearest is asked of the cache last: it stays longest */
    {
      guint unit = g_array_index (self->rest, guint, i);
      gboolean favourite = self->favourite && kx_neuron_get_index (self->favourite) == unit;
      g_autofree char *key = key_of (self, unit);
      const KxNeuronPicture *known = kx_picture_cache_get (self->cache, key);

      g_array_index (wishes, KxWish, i) = (KxWish){ unit,
                                                    favourite ? self->settings.steps
                                                    : known   ? known->steps
                                                              : 0,
                                                    TRUE };
    }
}

static void
send (KxExciter *self)
{
  g_autoptr (GArray) wishes = g_array_new (FALSE, FALSE, sizeof (KxWish));

  if (!self->exciting || !self->digest)
    return;
  if (self->ahead)
    add_rest (self, wishes);
  if (self->favourite && !g_ptr_array_find (self->wanted, self->favourite, NULL))
    add_wish (self, wishes, self->favourite);
  for (guint i = 0; i < self->wanted->len; i++)
    add_wish (self, wishes, g_ptr_array_index (self->wanted, i));
  kx_exciting_wish (self->exciting, (const KxWish *) wishes->data, wishes->len,
                    self->favourite ? kx_neuron_get_index (self->favourite) : KX_NO_UNIT,
                    self->serial);
}

static gboolean
go_ahead (gpointer data)
{
  KxExciter *self = data;

  self->later = 0;
  self->ahead = is_idle (self);
  if (self->ahead)
    send (self);
  return G_SOURCE_REMOVE;
}

/* All that is seen may have been made just now. */
static void
note_idle (KxExciter *self)
{
  g_clear_handle_id (&self->later, g_source_remove);
  if (!self->ahead && self->rest->len && is_idle (self))
    self->later = g_timeout_add (IDLE_AFTER, go_ahead, self);
}

static void
send_wishes (KxExciter *self)
{
  self->ahead = FALSE;
  send (self);
  show_job (self);
  note_idle (self);
}

/* By which units are sorted; a picture that nobody sees is left to the cache. */
static void
note_strength (KxNeuron *unit, const KxNeuronPicture *picture)
{
  KxNeuronPicture unseen = *picture;

  unseen.texture = NULL;
  kx_neuron_set_picture (unit, &unseen);
}

static void
take_picture (KxExciter *self, const KxExcited *excited)
{
  KxNeuron *unit = kx_unit_list_get (self->units, excited->unit);
  gboolean stage = isnan (excited->seconds_left);

  if (stage && !excited->blended)
    {
      g_autofree char *key = key_of (self, excited->unit);
      kx_picture_cache_put (self->cache, key, &excited->picture);
    }
  if (kx_neuron_is_bound (unit) || unit == self->favourite)
    kx_neuron_set_picture (unit, &excited->picture);
  else
    note_strength (unit, &excited->picture);
  if (stage)
    {
      show_job (self);
      note_idle (self);
    }
  if (unit != self->favourite)
    return;
  self->seconds_left = stage ? 0 : excited->seconds_left;
  kx_series_append (self->objective, excited->picture.steps, (float) excited->picture.activation);
  g_signal_emit (self, signals[PROGRESS], 0);
}

/* A KxExcitedFunc. */
static void
take_news (const KxExcited *excited, gpointer owner)
{
  KxExciter *self = owner;

  if (excited->serial != self->serial || !self->units)
    return;
  if (excited->fault)
    {
      if (self->job && !kx_job_is_over (self->job))
        kx_job_set_state (self->job, KX_JOB_FAILED, excited->fault);
      g_signal_emit (self, signals[FAULT], 0, excited->fault);
    }
  else if (excited->digest)
    {
      g_free (self->digest);
      self->digest = g_strdup (excited->digest);
      send_wishes (self);
      g_signal_emit (self, signals[PROGRESS], 0);
    }
  else
    take_picture (self, excited);
}

/* ── What is asked for ───────────────────────────────────────────────────────────────────────── */

static void
ask_anew (KxExciter *self)
{
  g_clear_pointer (&self->digest, g_free);
  self->serial++;
  self->seconds_left = NAN;
  kx_series_truncate (self->objective, -1);
  if (self->exciting && self->units)
    kx_exciting_set_layer (self->exciting,
                           kx_network_layer_get_index (kx_unit_list_get_layer (self->units)),
                           &self->settings, NULL, self->serial);
}

/**
 * kx_exciter_set_network:
 * @exciter: an exciter
 * @network: (nullable): a network that is ready
 */
void
kx_exciter_set_network (KxExciter *self, KxNetwork *network)
{
  kx_exciter_set_units (self, NULL);
  g_clear_pointer (&self->exciting, kx_exciting_free);
  end_job (self);
  g_clear_object (&self->job);
  g_set_object (&self->network, network);
  if (!network)
    return;
  self->exciting = kx_exciting_new (network, take_news, self);
  if (self->paused || self->resting)
    kx_exciting_pause (self->exciting, TRUE);
}

/**
 * kx_exciter_set_units:
 * @exciter: an exciter
 * @units: (nullable): of the layer that is looked at
 */
void
kx_exciter_set_units (KxExciter *self, KxUnitList *units)
{
  if (!g_set_object (&self->units, units))
    return;
  g_ptr_array_set_size (self->wanted, 0);
  g_array_set_size (self->rest, 0);
  g_clear_object (&self->favourite);
  self->cancelled = FALSE;
  ask_anew (self);
}

/**
 * kx_exciter_want:
 * @exciter: an exciter
 * @units: (element-type KxNeuron): of the layer that is looked at, the most urgent first
 * @rest: (element-type guint): the layer's other units, which can wait until nothing else is to be
 *   done, the nearest first
 */
void
kx_exciter_want (KxExciter *self, GPtrArray *units, GArray *rest)
{
  g_array_set_size (self->rest, 0);
  g_array_append_vals (self->rest, rest->data, rest->len);
  g_ptr_array_set_size (self->wanted, 0);
  for (guint i = 0; i < units->len; i++)
    g_ptr_array_add (self->wanted, g_object_ref (g_ptr_array_index (units, i)));
  send_wishes (self);
}

/**
 * kx_exciter_set_favourite:
 * @exciter: an exciter
 * @unit: (nullable): the unit that is looked at closely
 */
void
kx_exciter_set_favourite (KxExciter *self, KxNeuron *unit)
{
  if (!g_set_object (&self->favourite, unit))
    return;
  kx_series_truncate (self->objective, -1);
  self->seconds_left = NAN;
  send_wishes (self);
  g_signal_emit (self, signals[PROGRESS], 0);
}

KxNeuron *
kx_exciter_get_favourite (KxExciter *self)
{
  return self->favourite;
}

const KxExciteSettings *
kx_exciter_get_settings (KxExciter *self)
{
  return &self->settings;
}

/* Whether a picture can go on with other settings. */
static gboolean
can_go_on (const KxExciteSettings *a, const KxExciteSettings *b)
{
  return a->seed == b->seed && a->plain == b->plain && a->mixed == b->mixed
         && a->neuron == b->neuron;
}

/**
 * kx_exciter_set_settings:
 * @exciter: an exciter
 * @settings: how pictures are made from now on
 *
 * The favourite's picture goes on from what it is, where that can be; others begin anew.
 */
void
kx_exciter_set_settings (KxExciter *self, const KxExciteSettings *settings)
{
  gboolean live
      = self->favourite && self->digest && self->exciting && can_go_on (&self->settings, settings);

  self->settings = *settings;
  if (!live)
    {
      kx_exciter_refresh (self, FALSE);
      return;
    }
  self->favourite_only = FALSE;
  self->serial++; /* news under way are of the settings before */
  kx_unit_list_set_stale (self->units);
  kx_exciting_change (self->exciting, settings, self->serial);
  send_wishes (self);
}

/**
 * kx_exciter_refresh:
 * @exciter: an exciter
 * @favourite_only: whether of pictures that there are only the favourite's is made again
 *
 * The network or the settings have changed: pictures are stale.
 */
void
kx_exciter_refresh (KxExciter *self, gboolean favourite_only)
{
  self->favourite_only = favourite_only;
  self->cancelled = self->cancelled && favourite_only;
  if (!self->units)
    return;
  kx_unit_list_set_stale (self->units);
  ask_anew (self);
}

static void
apply_pause (KxExciter *self)
{
  if (!self->exciting)
    return;
  kx_exciting_pause (self->exciting, self->paused || self->resting);
  if (self->job && !kx_job_is_over (self->job))
    show_job (self);
}

/**
 * kx_exciter_pause:
 * @exciter: an exciter
 * @pause: whether it is to wait; else it goes on even if nobody sees its pictures
 */
void
kx_exciter_pause (KxExciter *self, gboolean pause)
{
  self->paused = pause;
  self->resting = self->resting && pause;
  apply_pause (self);
}

/**
 * kx_exciter_rest:
 * @exciter: an exciter
 * @unseen: whether nobody sees its pictures from now on
 *
 * It waits meanwhile, until it is told to go on.
 */
void
kx_exciter_rest (KxExciter *self, gboolean unseen)
{
  if (unseen == self->unseen)
    return;
  self->unseen = self->resting = unseen;
  apply_pause (self);
}

gboolean
kx_exciter_is_paused (KxExciter *self)
{
  return self->paused;
}

/**
 * kx_exciter_get_seconds_left:
 * @exciter: an exciter
 *
 * Returns: until the favourite's picture is done; NaN: not known
 */
double
kx_exciter_get_seconds_left (KxExciter *self)
{
  return self->seconds_left;
}

/**
 * kx_exciter_get_objective:
 * @exciter: an exciter
 *
 * Returns: (transfer none): what the favourite says of its picture, by step
 */
KxSeries *
kx_exciter_get_objective (KxExciter *self)
{
  return self->objective;
}
