/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures that excite units, made as they are wished for: all to step 32 first, then all to 128,
 * then all to the end; but the favourite, which somebody looks at, before all others, and those
 * that nobody sees after all others. What comes between those stages is told of the favourite
 * alone.
 */

#include "exciting.h"

#include <math.h>
#include <string.h>

#include "news-private.h"
#include "texture.h"

#define RANK 2
#define FIRST_STAGE 32
#define GROWTH 4 /* of the steps from stage to stage */
#define TOLD 8   /* steps between two pictures of the favourite */

/* The worker's side. */
typedef struct {
  gatomicrefcount references;
  KxOpened *opened; /* NULL: ended */
  KxExcitedFunc func;
  GWeakRef owner; /* the main thread's alone */

  guint layer, serial;
  KxExciteSettings settings;
  char *name; /* of the layer */
  KolPicture *photo;
  KolMaximizer *maximizer;
  guint generation; /* of the network, when the maximizer was made */
  GArray *wishes;   /* KxWish, the most urgent first */
  guint favourite;
  gboolean paused;
  gboolean gave_way; /* since there were other wishes: turns are such as nobody else wants */

  gboolean running;  /* a picture is being made: */
  guint unit, stage; /* which, until where, */
  guint reached;     /* the step that it was told of last, */
  gboolean blended;  /* and whether settings were changed on its way */
} Work;

struct _KxExciting {
  KxNetwork *network;
  Work *work;
};

static Work *
work_ref (Work *work)
{
  g_atomic_ref_count_inc (&work->references);
  return work;
}

static void
work_unref (gpointer data)
{
  Work *work = data;

  if (!g_atomic_ref_count_dec (&work->references))
    return;
  g_weak_ref_clear (&work->owner);
  g_array_unref (work->wishes);
  g_free (work->name);
  kol_picture_free (work->photo);
  g_free (work);
}

/* ── News ────────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KxExcited excited;
  Work *work;
} News;

static void
news_free (gpointer data)
{
  News *news = data;

  g_clear_object (&news->excited.picture.texture);
  g_free (news->excited.fault);
  g_free (news->excited.digest);
  work_unref (news->work);
  g_free (news);
}

static void
deliver (gpointer data)
{
  News *news = data;
  g_autoptr (GObject) owner = g_weak_ref_get (&news->work->owner);

  if (owner)
    news->work->func (&news->excited, owner);
}

static News *
news_new (Work *work)
{
  News *news = g_new0 (News, 1);

  news->work = work_ref (work);
  news->excited.serial = work->serial;
  news->excited.unit = work->unit;
  news->excited.blended = work->blended;
  news->excited.of = work->settings.steps;
  news->excited.seconds_left = NAN;
  news->excited.picture.activation = news->excited.picture.probability = NAN;
  return news;
}

static void
tell (News *news)
{
  kx_news_post (deliver, news, news_free);
}

static void
tell_fault (Work *work, const GError *error)
{
  News *news = news_new (work);

  news->excited.fault = g_strdup (error->message);
  tell (news);
}

/* ── Making pictures ─────────────────────────────────────────────────────────────────────────── */

static KolMaximizeOptions
options_of (const Work *work)
{
  const KxExciteSettings *settings = &work->settings;

  return (KolMaximizeOptions){
    .goal = work->photo        ? KOL_MAXIMIZE_DREAM
            : settings->neuron ? KOL_MAXIMIZE_NEURON
                               : KOL_MAXIMIZE_CHANNEL,
    .layer = work->name,
    .photo = work->photo,
    .pictures = (guint) MAX (kol_layers_get_batch (work->opened->layers), 1),
    .steps = settings->steps,
    .rate = settings->rate,
    .seed = settings->seed,
    .still = settings->still,
    .plain = settings->plain,
    .mixed = settings->mixed,
  };
}

static gboolean
prepare (Work *work, GError **error)
{
  const KolMaximizeOptions options = options_of (work);

  if (work->maximizer && work->generation == kx_opened_get_generation (work->opened))
    return TRUE;
  g_clear_pointer (&work->maximizer, kol_maximizer_free);
  work->running = FALSE;
  work->maximizer = kol_maximizer_new (work->opened->layers, &options, error);
  work->generation = kx_opened_get_generation (work->opened);
  return work->maximizer != NULL;
}

static guint
stage_after (const Work *work, guint steps)
{
  guint stage = FIRST_STAGE;

  while (stage <= steps)
    stage *= GROWTH;
  return MIN (stage, work->settings.steps);
}

/* Whether that wish goes before this one, which is more urgent. */
static gboolean
goes_before (const Work *work, const KxWish *wish, const KxWish *other)
{
  if (wish->idle || other->idle)
    return !wish->idle;
  return stage_after (work, wish->steps) < stage_after (work, other->steps);
}

/* The favourite, or what has come least far, and of these the most urgent; NULL: all is done. */
static KxWish *
next_wish (const Work *work)
{
  KxWish *next = NULL;

  for (guint i = 0; i < work->wishes->len; i++)
    {
      KxWish *wish = &g_array_index (work->wishes, KxWish, i);

      if (wish->steps >= work->settings.steps)
        continue;
      if (wish->unit == work->favourite)
        return wish;
      if (!next || goes_before (work, wish, next))
        next = wish;
    }
  return next;
}

/* A KolStudyWatch's. */
static void
note_progress (const KolStudyProgress *progress, gpointer data)
{
  Work *work = data;

  work->reached = progress->step;
  if (work->unit != work->favourite || !progress->n_snapshots || progress->step >= work->stage)
    return;
  News *news = news_new (work);
  news->excited.picture.texture = kx_texture_from_snapshot (progress->snapshots[0]);
  news->excited.picture.steps = progress->step;
  news->excited.picture.activation = progress->value;
  news->excited.seconds_left = isnan (progress->seconds_left) ? 0 : progress->seconds_left;
  tell (news);
}

/* Goes on with the unit's picture, or begins it; one that was given up for it begins anew later. */
static gboolean
take_up (Work *work, const KxWish *wish, GError **error)
{
  gboolean favourite = wish->unit == work->favourite;
  const KolStudyWatch watch
      = { .told = note_progress, .user_data = work, .every = favourite ? TOLD : FIRST_STAGE };

  work->stage = favourite || wish->idle ? work->settings.steps : stage_after (work, wish->steps);
  if (work->running && work->unit == wish->unit)
    return TRUE;
  work->unit = wish->unit;
  work->reached = 0;
  work->blended = FALSE;
  work->running = kol_maximizer_begin (
      work->maximizer, wish->unit == KX_DREAM_UNIT ? NULL : &work->unit, 1, &watch, error);
  return work->running;
}

static gboolean
tell_result (Work *work, KxWish *wish, GError **error)
{
  g_autoptr (GPtrArray) results = kol_maximizer_look (work->maximizer, error);
  const KolMaximized *result;
  News *news;

  if (!results)
    return FALSE;
  result = g_ptr_array_index (results, 0);
  news = news_new (work);
  news->excited.picture = (KxNeuronPicture){ .texture = kx_texture_from_snapshot (result->picture),
                                             .steps = result->steps,
                                             .activation = result->activation,
                                             .probability = result->probability,
                                             .dead = result->dead };
  tell (news);
  wish->steps = result->steps;
  return TRUE;
}

static gboolean
make_picture (Work *work, KxWish *wish, double seconds, GError **error)
{
  gboolean more;

  if (!prepare (work, error) || !take_up (work, wish, error)
      || !kol_maximizer_advance (work->maximizer, seconds, &more, error))
    return FALSE;
  if (more && work->reached < work->stage)
    return TRUE;
  work->running = more;
  return tell_result (work, wish, error);
}

/* A KxWorkKind's. */
static KxTurn
take_turn (KxOpened *opened, gpointer data, double seconds)
{
  Work *work = data;
  KxWish *wish = work->paused || !work->name ? NULL : next_wish (work);
  g_autoptr (GError) error = NULL;

  if (!wish)
    return KX_TURN_WAIT;
  if (wish->idle && !work->gave_way)
    {
      work->gave_way = TRUE;
      return KX_TURN_IDLE;
    }
  kx_engine_set_patient (opened->engine, TRUE);
  gboolean good = make_picture (work, wish, seconds, &error);
  kx_engine_set_patient (opened->engine, FALSE);
  if (good || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return work->gave_way                  ? KX_TURN_IDLE
           : wish->unit == work->favourite ? KX_TURN_FIRST
                                           : KX_TURN_MORE;
  work->running = FALSE;
  g_array_set_size (work->wishes, 0);
  tell_fault (work, error);
  return KX_TURN_WAIT;
}

/* A KxWorkKind's. */
static void
end (gpointer data)
{
  Work *work = data;

  g_clear_pointer (&work->maximizer, kol_maximizer_free);
  work->opened = NULL;
  work_unref (work);
}

static const KxWorkKind kind = { take_turn, end };

/* ── Calls ───────────────────────────────────────────────────────────────────────────────────── */

/* What the main thread asks for. */
typedef struct {
  Work *work;
  guint layer, serial, favourite;
  KxExciteSettings settings;
  KolPicture *photo;
  GArray *wishes;
  gboolean paused;
} Order;

static Order *
order_new (KxExciting *self, guint serial)
{
  Order *order = g_new0 (Order, 1);

  order->work = work_ref (self->work);
  order->serial = serial;
  return order;
}

static void
order_free (gpointer data)
{
  Order *order = data;

  work_unref (order->work);
  kol_picture_free (order->photo);
  g_clear_pointer (&order->wishes, g_array_unref);
  g_free (order);
}

static void
begin (KxOpened *opened, gpointer data)
{
  Work *work = ((Order *) data)->work;

  work->opened = opened;
  kx_opened_add_work (opened, RANK, &kind, work_ref (work));
}

static void
take_layer (KxOpened *opened, gpointer data)
{
  Order *order = data;
  Work *work = order->work;
  g_autoptr (GError) error = NULL;
  News *news;

  g_clear_pointer (&work->maximizer, kol_maximizer_free);
  work->running = FALSE;
  g_clear_pointer (&work->photo, kol_picture_free);
  g_free (work->name);
  work->layer = order->layer;
  work->serial = order->serial;
  work->settings = order->settings;
  work->name = g_strdup (kol_layers_get (opened->layers, order->layer)->name);
  work->photo = g_steal_pointer (&order->photo);
  g_array_set_size (work->wishes, 0);
  news = news_new (work);
  news->excited.digest = kol_layers_digest (opened->layers, order->layer, &error);
  if (!news->excited.digest)
    news->excited.fault = g_strdup (error->message);
  tell (news);
}

static void
take_wishes (KxOpened *opened, gpointer data)
{
  Order *order = data;
  Work *work = order->work;

  if (order->serial != work->serial)
    return;
  g_array_set_size (work->wishes, 0);
  g_array_append_vals (work->wishes, order->wishes->data, order->wishes->len);
  work->favourite = order->favourite;
  work->gave_way = FALSE;
  kx_opened_wake_work (opened, work);
}

/* The favourite's picture, if it is being made, goes on from what it is; another's begins anew. */
static void
take_change (KxOpened *opened, gpointer data)
{
  Order *order = data;
  Work *work = order->work;
  g_autoptr (GError) error = NULL;

  work->serial = order->serial;
  work->settings = order->settings;
  work->running = work->running && work->unit == work->favourite;
  work->blended = work->running;
  if (!work->maximizer)
    return;
  const KolMaximizeOptions options = options_of (work);
  if (kol_maximizer_change (work->maximizer, &options, &error))
    return;
  g_clear_pointer (&work->maximizer, kol_maximizer_free);
  work->running = FALSE;
  tell_fault (work, error);
}

static void
take_pause (KxOpened *opened, gpointer data)
{
  Order *order = data;

  order->work->paused = order->paused;
  order->work->gave_way = FALSE;
  kx_opened_wake_work (opened, order->work);
}

static void
finish (KxOpened *opened, gpointer data)
{
  kx_opened_end_work (opened, ((Order *) data)->work);
}

/* ── The main thread's ───────────────────────────────────────────────────────────────────────── */

/**
 * kx_exciting_new:
 * @network: a network that is ready
 * @func: told of pictures
 * @owner: (type GObject): for @func, while it lives
 *
 * Returns: (transfer full): what makes pictures of its units
 */
KxExciting *
kx_exciting_new (KxNetwork *network, KxExcitedFunc func, gpointer owner)
{
  KxExciting *self = g_new0 (KxExciting, 1);
  Work *work = g_new0 (Work, 1);

  g_atomic_ref_count_init (&work->references);
  g_weak_ref_init (&work->owner, owner);
  work->func = func;
  work->wishes = g_array_new (FALSE, FALSE, sizeof (KxWish));
  work->favourite = KX_NO_UNIT;
  self->network = g_object_ref (network);
  self->work = work;
  kx_network_call (network, begin, order_new (self, 0), order_free);
  return self;
}

/**
 * kx_exciting_free:
 * @exciting: (transfer full): what makes pictures
 *
 * Ends it, within a quantum.
 */
void
kx_exciting_free (KxExciting *self)
{
  g_weak_ref_set (&self->work->owner, NULL);
  kx_network_call (self->network, finish, order_new (self, 0), order_free);
  g_object_unref (self->network);
  work_unref (self->work);
  g_free (self);
}

/**
 * kx_exciting_set_layer:
 * @exciting: what makes pictures
 * @layer: of whose units
 * @settings: how
 * @photo: (nullable) (transfer full): what the layer is to dream of: %KX_DREAM_UNIT is the only
 * unit then
 * @serial: that news of it will have, the first of which tells the layer's digest
 *
 * Forgets all wishes.
 */
void
kx_exciting_set_layer (KxExciting *self, guint layer, const KxExciteSettings *settings,
                       KolPicture *photo, guint serial)
{
  Order *order = order_new (self, serial);

  order->layer = layer;
  order->settings = *settings;
  order->photo = photo;
  kx_network_call (self->network, take_layer, order, order_free);
}

/**
 * kx_exciting_wish:
 * @exciting: what makes pictures
 * @wishes: (array length=n): units whose pictures are wanted, the most urgent first
 * @n: how many
 * @favourite: the one that somebody looks at, if it is among them
 * @serial: of kx_exciting_set_layer()
 *
 * Takes the place of earlier wishes.
 */
void
kx_exciting_wish (KxExciting *self, const KxWish *wishes, guint n, guint favourite, guint serial)
{
  Order *order = order_new (self, serial);

  order->favourite = favourite;
  order->wishes = g_array_new (FALSE, FALSE, sizeof (KxWish));
  g_array_append_vals (order->wishes, wishes, n);
  kx_network_call (self->network, take_wishes, order, order_free);
}

/**
 * kx_exciting_change:
 * @exciting: what makes pictures
 * @settings: of which steps, rate and stillness are taken
 * @serial: that news will have from then on, and wishes need
 *
 * Changes the favourite's picture, if it is being made, from its next step on, and all that follow.
 */
void
kx_exciting_change (KxExciting *self, const KxExciteSettings *settings, guint serial)
{
  Order *order = order_new (self, serial);

  order->settings = *settings;
  kx_network_call (self->network, take_change, order, order_free);
}

/**
 * kx_exciting_pause:
 * @exciting: what makes pictures
 * @pause: whether it is to wait
 */
void
kx_exciting_pause (KxExciting *self, gboolean pause)
{
  Order *order = order_new (self, 0);

  order->paused = pause;
  kx_network_call (self->network, take_pause, order, order_free);
}
