/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A network that is looked at. All that the engine has of it lives in one task of the worker: when
 * that ends, whether the network is closed or the worker stops, everything is freed there, in
 * order. Longer work on it shares the task's turns, that of the lowest rank first.
 */

#include "network.h"

#include <glib/gi18n.h>
#include <string.h>

#include "news-private.h"

struct _KxNetwork {
  GObject parent_instance;

  KxEngine *engine;
  KxTask *task; /* NULL: closed */
  struct _Opened *opened;
  KxNetworkState state;
  char *fault;
  char *path, *title;
  GListModel *layers;
  KxNetworkLayer *output;
  KolPreprocess fit;
  char **classes;
  KolRun *run;
  KxRun *training; /* whose network it is a copy of, or NULL */
};

G_DEFINE_FINAL_TYPE (KxNetwork, kx_network, G_TYPE_OBJECT)

enum {
  PROP_STATE = 1,
  N_PROPS,
};

enum {
  LEARNED,
  N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

/* ── On the worker's thread ──────────────────────────────────────────────────────────────────── */

typedef struct {
  int rank;
  const KxWorkKind *kind;
  gpointer self;
  gboolean waiting, idle; /* idle: it gives way to all other work, and to other tasks */
  gboolean first;         /* it goes before other tasks */
} Work;

typedef struct _Opened {
  KxOpened opened;
  gatomicrefcount references; /* the network's, the task's, and those of calls under way */
  GWeakRef network;
  char *path;
  gboolean copy; /* of a network in training, which is asked for its weights */
  KxTask *task;  /* set before the first call */
  gint in_sight; /* its page is: atomic */

  GList *works;     /* of Work, the lowest rank first */
  guint generation; /* goes up when layers begin to be changed */
  KolGraph *graph;  /* that photos are shown to */
  guint graph_generation;
  KolValue *pixels;
} Opened;

static Opened *
opened_ref (Opened *opened)
{
  g_atomic_ref_count_inc (&opened->references);
  return opened;
}

static void
opened_unref (gpointer data)
{
  Opened *opened = data;

  if (!g_atomic_ref_count_dec (&opened->references))
    return;
  g_weak_ref_clear (&opened->network);
  kx_engine_unref (opened->opened.engine);
  g_free (opened->path);
  g_free (opened);
}

static void
end_works (Opened *opened)
{
  for (GList *each = opened->works; each; each = each->next)
    {
      Work *work = each->data;
      work->kind->end (work->self);
      g_free (work);
    }
  g_clear_list (&opened->works, NULL);
}

/* A KxTaskKind's. */
static void
close_opened (gpointer data)
{
  Opened *opened = data;

  end_works (opened);
  g_clear_pointer (&opened->graph, kol_graph_free);
  g_clear_pointer (&opened->opened.layers, kol_layers_free);
  kx_engine_trim (opened->opened.engine);
  opened_unref (opened);
}

static Work *
next_work (Opened *opened)
{
  Work *idle = NULL;

  for (GList *each = opened->works; each; each = each->next)
    {
      Work *work = each->data;

      if (!work->waiting && !work->idle)
        return work;
      if (!work->waiting && !idle)
        idle = work;
    }
  return idle;
}

/* After its turn a work stands behind others of its rank. */
static void
place_work (Opened *opened, Work *work)
{
  GList *place = opened->works;

  while (place && ((Work *) place->data)->rank <= work->rank)
    place = place->next;
  opened->works = g_list_insert_before (opened->works, place, work);
}

/* A KxTaskKind's. */
static KxTurn
take_turn (gpointer data, double seconds)
{
  Opened *opened = data;
  Work *work = next_work (opened);

  if (!work)
    return KX_TURN_WAIT;
  opened->works = g_list_remove (opened->works, work);
  KxTurn turn = work->kind->turn (&opened->opened, work->self, seconds);
  if (turn == KX_TURN_DONE)
    {
      work->kind->end (work->self);
      g_free (work);
    }
  else
    {
      work->waiting = turn == KX_TURN_WAIT;
      work->idle = turn == KX_TURN_IDLE;
      work->first = turn == KX_TURN_FIRST;
      place_work (opened, work);
    }
  kx_engine_note_memory (opened->opened.engine);
  work = next_work (opened);
  return !work                                                 ? KX_TURN_WAIT
         : work->idle                                          ? KX_TURN_IDLE
         : work->first && g_atomic_int_get (&opened->in_sight) ? KX_TURN_FIRST
                                                               : KX_TURN_MORE;
}

/**
 * kx_opened_add_work:
 * @opened: a network
 * @rank: the work with the lowest goes first
 * @kind: what is done
 * @self: (transfer full): for @kind's functions
 */
void
kx_opened_add_work (KxOpened *self, int rank, const KxWorkKind *kind, gpointer data)
{
  Opened *opened = (Opened *) self;
  Work *work = g_new0 (Work, 1);

  *work = (Work){ .rank = rank, .kind = kind, .self = data };
  place_work (opened, work);
  kx_task_wake (opened->task);
}

/**
 * kx_opened_wake_work:
 * @opened: a network
 * @self: what kx_opened_add_work() was given
 *
 * It has something to do again.
 */
void
kx_opened_wake_work (KxOpened *self, gpointer data)
{
  Opened *opened = (Opened *) self;

  for (GList *each = opened->works; each; each = each->next)
    if (((Work *) each->data)->self == data)
      ((Work *) each->data)->waiting = ((Work *) each->data)->idle = FALSE;
  kx_task_wake (opened->task);
}

/**
 * kx_opened_end_work:
 * @opened: a network
 * @self: what kx_opened_add_work() was given; nothing happens if it has ended already
 */
void
kx_opened_end_work (KxOpened *self, gpointer data)
{
  Opened *opened = (Opened *) self;

  for (GList *each = opened->works; each; each = each->next)
    {
      Work *work = each->data;

      if (work->self != data)
        continue;
      opened->works = g_list_delete_link (opened->works, each);
      work->kind->end (work->self);
      g_free (work);
      return;
    }
}

/**
 * kx_opened_set_changed:
 * @opened: a network
 *
 * Layers are changed that were not before: graphs have to be built anew.
 */
void
kx_opened_set_changed (KxOpened *self)
{
  ((Opened *) self)->generation++;
}

guint
kx_opened_get_generation (KxOpened *self)
{
  return ((Opened *) self)->generation;
}

static gboolean
build_graph (Opened *opened, GError **error)
{
  KolLayers *layers = opened->opened.layers;
  const KolPreprocess *how = kol_layers_get_picture (layers);
  gint64 batch = (gint64) MAX (kol_layers_get_batch (layers), 1);

  if (opened->graph && opened->graph_generation == opened->generation)
    return TRUE;
  g_clear_pointer (&opened->graph, kol_graph_free);
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (layers));
  opened->pixels = kol_placeholder (
      graph, "study/pixels",
      KOL_SHAPE (batch, (gint64) how->channels, (gint64) how->height, (gint64) how->width));
  if (!kol_layers_build (layers, opened->pixels, error))
    return FALSE;
  opened->graph = g_steal_pointer (&graph);
  opened->graph_generation = opened->generation;
  return TRUE;
}

/* A file that is made for several pictures at a time gets as many copies. */
static void
set_pixels (Opened *opened, const float *pixels)
{
  const KolPreprocess *how = kol_layers_get_picture (opened->opened.layers);
  gsize batch = MAX (kol_layers_get_batch (opened->opened.layers), 1);
  gsize each = how->channels * how->height * how->width;

  if (batch == 1)
    {
      kol_set (opened->pixels, pixels);
      return;
    }
  g_autofree float *all = g_new (float, batch *each);
  for (gsize i = 0; i < batch; i++)
    memcpy (all + i * each, pixels, each * sizeof *all);
  kol_set (opened->pixels, all);
}

/**
 * kx_opened_look:
 * @opened: a network
 * @pixels: [C, H, W], 0..1, of kx_network_get_fit()
 * @layers: (array length=n): layers that are asked for
 * @n: how many
 * @values: (out) (array length=n): theirs, to be read
 * @scores: (out): of classes
 * @error: return location
 *
 * Shows a picture to the network.
 *
 * Returns: %FALSE if it cannot be computed
 */
gboolean
kx_opened_look (KxOpened *self, const float *pixels, const guint *layers, guint n,
                KolValue **values, KolValue **scores, GError **error)
{
  Opened *opened = (Opened *) self;
  g_autofree KolValue **targets = g_new (KolValue *, n + 1);

  if (!build_graph (opened, error))
    return FALSE;
  /* Another graph may have been built since, so layers are found by their names. */
  targets[0] = *scores = kol_graph_find (opened->graph, kol_layers_get_output (self->layers)->name);
  for (guint i = 0; i < n; i++)
    targets[i + 1] = values[i]
        = kol_graph_find (opened->graph, kol_layers_get (self->layers, layers[i])->name);
  set_pixels (opened, pixels);
  return kol_run_all (opened->graph, targets, n + 1, error);
}

/* ── Opening ─────────────────────────────────────────────────────────────────────────────────── */

/* What is known of a network once it is open. */
typedef struct {
  Opened *opened;
  char *fault;
  GListModel *layers;
  guint output;
  KolPreprocess fit;
  char **classes;
  KolRun *run;
  char *name;
} Facts;

static void
facts_free (gpointer data)
{
  Facts *facts = data;

  opened_unref (facts->opened);
  g_free (facts->fault);
  g_free (facts->name);
  g_clear_object (&facts->layers);
  g_strfreev (facts->classes);
  g_clear_pointer (&facts->run, kol_run_free);
  g_free (facts);
}

static void
take_facts (gpointer data)
{
  Facts *facts = data;
  g_autoptr (KxNetwork) self = g_weak_ref_get (&facts->opened->network);

  if (!self || !self->task)
    return;
  self->fault = g_steal_pointer (&facts->fault);
  self->layers = g_steal_pointer (&facts->layers);
  self->fit = facts->fit;
  self->classes = g_steal_pointer (&facts->classes);
  self->run = g_steal_pointer (&facts->run);
  if (!self->title)
    self->title = g_steal_pointer (&facts->name);
  if (self->layers)
    self->output = kx_network_layers_find (self->layers, facts->output);
  self->state = self->fault ? KX_NETWORK_FAILED : KX_NETWORK_READY;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
}

/* How photos are fitted for the network: pixels 0..1, as kol_layers_build() takes them. */
static KolPreprocess
fit_of (const KolLayers *layers, const KolRun *run)
{
  KolPreprocess fit = *kol_layers_get_picture (layers);

  if (run && run->data_options.picture)
    fit = run->picture;
  fit.bgr = FALSE;
  fit.divisor = 255;
  for (gsize c = 0; c < G_N_ELEMENTS (fit.mean); c++)
    {
      fit.mean[c] = 0;
      fit.std[c] = 1;
    }
  return fit;
}

static void
list_layers (KolLayers *layers, Facts *facts)
{
  guint n = kol_layers_get_count (layers);
  g_autofree KolLayerInfo *infos = g_new (KolLayerInfo, n);
  const char *output = kol_layers_get_output (layers)->name;

  for (guint i = 0; i < n; i++)
    {
      infos[i] = *kol_layers_get (layers, i);
      if (strcmp (infos[i].name, output) == 0)
        facts->output = i;
    }
  facts->layers = kx_network_layers_new (infos, n, output);
  facts->classes = g_strdupv (kol_layers_get_classes (layers));
  facts->name = g_strdup (kol_layers_get_name (layers));
  facts->fit = fit_of (layers, facts->run);
}

static KolLayers *
make_layers (Opened *opened, Facts *facts, GError **error)
{
  KolDevice *device = kx_engine_open (opened->opened.engine, error);

  if (!device)
    return NULL;
  if ((opened->copy || kol_run_exists (opened->path))
      && !(facts->run = kol_run_read (opened->path, error)))
    return NULL;
  if (opened->copy)
    return kol_layers_open_recipe (device, facts->run->recipe, facts->run->like, facts->run->folder,
                                   error);
  return kol_layers_open (device, opened->path, 0, error);
}

/* A KxCall. */
static void
open_network (gpointer data)
{
  Opened *opened = data;
  g_autoptr (GError) error = NULL;
  Facts *facts = g_new0 (Facts, 1);

  facts->opened = opened_ref (opened);
  opened->opened.layers = make_layers (opened, facts, &error);
  if (opened->opened.layers)
    list_layers (opened->opened.layers, facts);
  else
    facts->fault = g_strdup (error->message);
  kx_news_post (take_facts, facts, facts_free);
}

static void
kx_network_dispose (GObject *object)
{
  kx_network_close (KX_NETWORK (object));
  G_OBJECT_CLASS (kx_network_parent_class)->dispose (object);
}

static void
kx_network_finalize (GObject *object)
{
  KxNetwork *self = KX_NETWORK (object);

  g_clear_pointer (&self->opened, opened_unref);
  g_clear_pointer (&self->engine, kx_engine_unref);
  g_clear_object (&self->layers);
  g_clear_object (&self->training);
  g_clear_pointer (&self->run, kol_run_free);
  g_strfreev (self->classes);
  g_free (self->fault);
  g_free (self->path);
  g_free (self->title);
  G_OBJECT_CLASS (kx_network_parent_class)->finalize (object);
}

static void
kx_network_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_uint (value, KX_NETWORK (object)->state);
}

static void
kx_network_class_init (KxNetworkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = kx_network_dispose;
  object_class->finalize = kx_network_finalize;
  object_class->get_property = kx_network_get_property;
  props[PROP_STATE] = g_param_spec_uint ("state", NULL, NULL, 0, KX_NETWORK_FAILED, 0,
                                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);
  /**
   * KxNetwork::learned:
   * @step: of the run whose network it is a copy of
   */
  signals[LEARNED] = g_signal_new ("learned", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT64);
}

static void
kx_network_init (KxNetwork *self)
{
}

static const KxTaskKind task_kind = { take_turn, close_opened };

static KxNetwork *
network_new (KxEngine *engine)
{
  KxNetwork *self = g_object_new (KX_TYPE_NETWORK, NULL);
  Opened *opened = g_new0 (Opened, 1);

  self->engine = kx_engine_ref (engine);
  self->opened = opened;
  g_atomic_ref_count_init (&opened->references);
  opened->opened.engine = kx_engine_ref (engine);
  g_weak_ref_init (&opened->network, self);
  return self;
}

/* The task waits until there is work; it is there before anything else happens. */
static void
begin (KxNetwork *self)
{
  KxWorker *worker = kx_engine_get_worker (self->engine);

  self->task = kx_worker_add (worker, &task_kind, opened_ref (self->opened), 1);
  self->opened->task = self->task;
  kx_worker_call (worker, open_network, opened_ref (self->opened), opened_unref);
}

/**
 * kx_network_open:
 * @engine: where it is to be
 * @path: a run's folder, the name of an installed model, or a model's file
 *
 * Returns: (transfer full): the network, which is being opened
 */
KxNetwork *
kx_network_open (KxEngine *engine, const char *path)
{
  KxNetwork *self = network_new (engine);

  self->path = g_strdup (path);
  self->opened->path = g_strdup (path);
  begin (self);
  return self;
}

/**
 * kx_network_open_copy:
 * @run: a network in training that is recorded
 *
 * Its weights are copied by kx_network_learn(), first once it is ready.
 *
 * Returns: (transfer full): a copy of it, which is being opened
 */
KxNetwork *
kx_network_open_copy (KxRun *run)
{
  KxNetwork *self = network_new (kx_device_get_engine (kx_run_get_device (run)));

  self->training = g_object_ref (run);
  self->title = g_strdup (kx_run_get_name (run));
  self->opened->path = g_strdup (kx_run_get_folder (run));
  self->opened->copy = TRUE;
  begin (self);
  return self;
}

/**
 * kx_network_close:
 * @network: a network
 *
 * Ends all work on it; nothing can be asked of it any more.
 */
void
kx_network_close (KxNetwork *self)
{
  if (!self->task)
    return;
  kx_task_cancel (self->task);
  g_clear_pointer (&self->task, kx_task_unref);
}

/* ── Asking ──────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  Opened *opened;
  KxNetworkCall func;
  gpointer data;
  GDestroyNotify destroy;
} Call;

static void
call_free (gpointer data)
{
  Call *call = data;

  if (call->destroy)
    call->destroy (call->data);
  opened_unref (call->opened);
  g_free (call);
}

static void
make_call (gpointer data)
{
  Call *call = data;

  if (call->opened->opened.layers)
    call->func (&call->opened->opened, call->data);
}

static Call *
call_new (KxNetwork *self, KxNetworkCall func, gpointer data, GDestroyNotify destroy)
{
  Call *call = g_new (Call, 1);

  *call = (Call){ opened_ref (self->opened), func, data, destroy };
  return call;
}

/**
 * kx_network_call:
 * @network: a network
 * @call: is made on the worker's thread, unless the network is closed until then
 * @data: for @call
 * @destroy: (nullable): frees @data, there or here
 */
void
kx_network_call (KxNetwork *self, KxNetworkCall call, gpointer data, GDestroyNotify destroy)
{
  KxWorker *worker = kx_engine_get_worker (self->engine);
  Call *made = call_new (self, call, data, destroy);

  if (self->task && worker)
    kx_worker_call (worker, make_call, made, call_free);
  else
    call_free (made);
}

/**
 * kx_network_probe:
 * @network: a network
 * @key: of several that wait with the same key the newest is left
 * @probe: is made on the worker's thread before all work
 * @data: for @probe
 * @destroy: (nullable): frees @data, there or here
 */
void
kx_network_probe (KxNetwork *self, gconstpointer key, KxNetworkCall probe, gpointer data,
                  GDestroyNotify destroy)
{
  KxWorker *worker = kx_engine_get_worker (self->engine);
  Call *made = call_new (self, probe, data, destroy);

  if (self->task && worker)
    kx_worker_probe (worker, key, make_call, made, call_free);
  else
    call_free (made);
}

/**
 * kx_network_set_weight:
 * @network: a network
 * @weight: the share of its device's time that work on it gets; with more than 1, which stands for
 * that its page is in sight, work that a person waits for goes first
 */
void
kx_network_set_weight (KxNetwork *self, guint weight)
{
  g_atomic_int_set (&self->opened->in_sight, weight > 1);
  if (self->task)
    kx_task_set_weight (self->task, weight);
}

/* ── Networks in training ────────────────────────────────────────────────────────────────────── */

typedef struct {
  Opened *opened;
  guint64 step;
  char *fault;
} Learned;

static void
learned_free (gpointer data)
{
  Learned *learned = data;

  opened_unref (learned->opened);
  g_free (learned->fault);
  g_free (learned);
}

static void
tell_learned (gpointer data)
{
  Learned *learned = data;
  g_autoptr (KxNetwork) self = g_weak_ref_get (&learned->opened->network);

  if (!self || !self->task)
    return;
  if (learned->fault)
    g_warning ("%s", learned->fault);
  else
    g_signal_emit (self, signals[LEARNED], 0, learned->step);
}

/* A KxRunProbe: between two steps, on the thread of both. */
static void
copy_weights (KolTrainer *trainer, gpointer data)
{
  Opened *opened = data;
  g_autoptr (GError) error = NULL;
  Learned *learned;

  if (!opened->opened.layers)
    return;
  learned = g_new0 (Learned, 1);
  learned->opened = opened_ref (opened);
  learned->step = kol_trainer_get_step (trainer);
  if (!kol_layers_copy (opened->opened.layers,
                        kol_graph_get_parameters (kol_trainer_get_graph (trainer)), &error))
    learned->fault = g_strdup (error->message);
  kx_news_post (tell_learned, learned, learned_free);
}

/**
 * kx_network_get_training:
 * @network: a network
 *
 * Returns: (nullable) (transfer none): whose network it is a copy of
 */
KxRun *
kx_network_get_training (KxNetwork *self)
{
  return self->training;
}

/**
 * kx_network_learn:
 * @network: a copy of a network in training
 *
 * Copies what that has learned by now, if it is on the same device still; `learned` tells when it
 * is done.
 */
void
kx_network_learn (KxNetwork *self)
{
  if (self->task && self->training && kx_run_has_trainer (self->training)
      && kx_device_get_engine (kx_run_get_device (self->training)) == self->engine)
    kx_run_probe (self->training, self, copy_weights, opened_ref (self->opened), opened_unref);
}

/* ── What it is ──────────────────────────────────────────────────────────────────────────────── */

KxNetworkState
kx_network_get_state (KxNetwork *self)
{
  return self->state;
}

/**
 * kx_network_get_fault:
 * @network: a network
 *
 * Returns: (nullable) (transfer none): why it could not be opened
 */
const char *
kx_network_get_fault (KxNetwork *self)
{
  return self->fault;
}

/**
 * kx_network_get_title:
 * @network: a network
 *
 * Returns: (nullable) (transfer none): what it is called; %NULL while that is not known
 */
const char *
kx_network_get_title (KxNetwork *self)
{
  return self->title;
}

/**
 * kx_network_get_path:
 * @network: a network
 *
 * Returns: (nullable) (transfer none): what it was opened from
 */
const char *
kx_network_get_path (KxNetwork *self)
{
  return self->path;
}

/**
 * kx_network_get_layers:
 * @network: a network
 *
 * Returns: (nullable) (transfer none): of #KxNetworkLayer; %NULL before it is ready
 */
GListModel *
kx_network_get_layers (KxNetwork *self)
{
  return self->layers;
}

/**
 * kx_network_get_output:
 * @network: a network
 *
 * Returns: (nullable) (transfer none): the layer whose units are its classes
 */
KxNetworkLayer *
kx_network_get_output (KxNetwork *self)
{
  return self->output;
}

/**
 * kx_network_get_fit:
 * @network: a network that is ready
 *
 * Returns: (transfer none): how pictures are fitted, to pixels of 0..1
 */
const KolPreprocess *
kx_network_get_fit (KxNetwork *self)
{
  return &self->fit;
}

/**
 * kx_network_get_classes:
 * @network: a network
 *
 * Returns: (nullable) (transfer none): the names of its classes
 */
const char *const *
kx_network_get_classes (KxNetwork *self)
{
  return (const char *const *) self->classes;
}

/**
 * kx_network_get_run:
 * @network: a network
 *
 * Returns: (nullable) (transfer none): the run that it learned in
 */
const KolRun *
kx_network_get_run (KxNetwork *self)
{
  return self->run;
}

/**
 * kx_network_class_name:
 * @network: a network
 * @class: one of its classes
 *
 * Returns: (transfer full): its name, or its number
 */
char *
kx_network_class_name (KxNetwork *self, guint class)
{
  return self->classes && class < g_strv_length (self->classes) ? g_strdup (self->classes[class])
                                                                : g_strdup_printf ("%u", class);
}
