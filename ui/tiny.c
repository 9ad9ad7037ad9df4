/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A network small enough to be seen as a whole. The engine computes it, gradients and all. */

#include "tiny.h"

#include "news-private.h"

/* ── On the worker's thread ──────────────────────────────────────────────────────────────────── */

typedef struct {
  glong place; /* in KxTinyNumbers */
  KolValue *value;
} Wanted;

#define MOST_WANTED 16

typedef struct {
  gatomicrefcount references;
  KxEngine *engine;
  gboolean over; /* the worker's, as are: */
  KolGraph *graph;
  KolValue *x, *label, *step;
  KolParameter *w1, *b1, *w2, *b2;
  Wanted wanted[MOST_WANTED];
  guint n_wanted;
} Shared;

struct _KxTiny {
  Shared *shared;
  KxTask *task; /* never has a turn to take; its end frees the graph */
};

typedef struct {
  gatomicrefcount references; /* the probe's, and the delivery's */
  Shared *shared;
  KxTinySetup setup;
  double rate; /* of an update; 0: none */
  KxTinyFunc func;
  GWeakRef owner;
  KxTinyNumbers numbers;
} Asked;

static void
shared_unref (Shared *shared)
{
  if (!g_atomic_ref_count_dec (&shared->references))
    return;
  kx_engine_unref (shared->engine);
  g_free (shared);
}

static void
want (Shared *shared, glong place, KolValue *value)
{
  shared->wanted[shared->n_wanted++] = (Wanted){ place, value };
}

#define WANT(shared, field, value) want (shared, G_STRUCT_OFFSET (KxTinyNumbers, field), value)

static void
build_backward (Shared *shared, KolValue *e, KolValue *z2, KolValue *y1, KolValue *z1,
                KolValue *const *parameters)
{
  KolValue *of[] = { z2, y1, z1, parameters[0], parameters[1], parameters[2], parameters[3] };
  KolValue *gradients[G_N_ELEMENTS (of)] = { NULL };

  kol_gradients (e, of, G_N_ELEMENTS (of), gradients);
  WANT (shared, dz2, gradients[0]);
  WANT (shared, dy1, gradients[1]);
  WANT (shared, dz1, gradients[2]);
  WANT (shared, dw1, gradients[3]);
  WANT (shared, db1, gradients[4]);
  WANT (shared, dw2, gradients[5]);
  WANT (shared, db2, gradients[6]);
}

static void
build_forward (Shared *shared)
{
  KolGraph *graph = shared->graph;
  KolInitializer zero = KOL_CONSTANT (0);
  KolValue *w1 = kol_parameter (graph, "w1", KOL_SHAPE (2, 2), zero);
  KolValue *b1 = kol_parameter (graph, "b1", KOL_SHAPE (2), zero);
  KolValue *w2 = kol_parameter (graph, "w2", KOL_SHAPE (2, 2), zero);
  KolValue *b2 = kol_parameter (graph, "b2", KOL_SHAPE (2), zero);

  shared->x = kol_placeholder (graph, "x", KOL_SHAPE (1, 2));
  shared->label = kol_placeholder (graph, "label", KOL_SHAPE (1));
  KolValue *z1 = kol_add (kol_matmul (shared->x, w1), b1);
  KolValue *y1 = kol_sigmoid (z1);
  KolValue *z2 = kol_add (kol_matmul (y1, w2), b2);
  KolValue *e = kol_mean (kol_softmax_cross_entropy (z2, shared->label));
  shared->n_wanted = 0;
  WANT (shared, z1, z1);
  WANT (shared, y1, y1);
  WANT (shared, z2, z2);
  WANT (shared, p, kol_softmax (z2, 1));
  WANT (shared, e, e);
  build_backward (shared, e, z2, y1, z1, (KolValue *[]){ w1, b1, w2, b2 });
  shared->step = kol_sgd (e, &(KolSgd){ .rate = 0.1 });
}

static gboolean
build (Shared *shared, GError **error)
{
  if (shared->graph)
    return TRUE;
  KolDevice *device = kx_engine_open (shared->engine, error);
  if (!device)
    return FALSE;
  shared->graph = kol_graph_new (device);
  build_forward (shared);
  if (kol_graph_get_error (shared->graph))
    {
      g_propagate_error (error, g_error_copy (kol_graph_get_error (shared->graph)));
      g_clear_pointer (&shared->graph, kol_graph_free);
      return FALSE;
    }
  KolParameters *parameters = kol_graph_get_parameters (shared->graph);
  shared->w1 = kol_parameters_find (parameters, "w1");
  shared->b1 = kol_parameters_find (parameters, "b1");
  shared->w2 = kol_parameters_find (parameters, "w2");
  shared->b2 = kol_parameters_find (parameters, "b2");
  return TRUE;
}

static gboolean
write_setup (Shared *shared, const KxTinySetup *setup, GError **error)
{
  kol_set (shared->x, setup->x);
  kol_set (shared->label, &(float){ (float) setup->label });
  return kol_parameter_write (shared->w1, setup->w1, error)
         && kol_parameter_write (shared->b1, setup->b1, error)
         && kol_parameter_write (shared->w2, setup->w2, error)
         && kol_parameter_write (shared->b2, setup->b2, error);
}

static gboolean
take_step (Shared *shared, double rate, KxTinySetup *setup, GError **error)
{
  kol_set_scalar (kol_optimizer_get_rate (shared->step), (float) rate);
  return kol_run (shared->graph, shared->step, error)
         && kol_parameter_read (shared->w1, setup->w1, error)
         && kol_parameter_read (shared->b1, setup->b1, error)
         && kol_parameter_read (shared->w2, setup->w2, error)
         && kol_parameter_read (shared->b2, setup->b2, error);
}

static gboolean
compute (Shared *shared, Asked *asked, GError **error)
{
  KolValue *targets[MOST_WANTED];
  KxTinyNumbers *numbers = &asked->numbers;

  numbers->setup = asked->setup;
  if (!build (shared, error) || !write_setup (shared, &asked->setup, error)
      || (asked->rate > 0 && !take_step (shared, asked->rate, &numbers->setup, error)))
    return FALSE;
  for (guint i = 0; i < shared->n_wanted; i++)
    targets[i] = shared->wanted[i].value;
  if (!kol_run_all (shared->graph, targets, shared->n_wanted, error))
    return FALSE;
  for (guint i = 0; i < shared->n_wanted; i++)
    if (!kol_read (targets[i], G_STRUCT_MEMBER_P (numbers, shared->wanted[i].place), error))
      return FALSE;
  return TRUE;
}

static void
asked_unref (gpointer data)
{
  Asked *asked = data;

  if (!g_atomic_ref_count_dec (&asked->references))
    return;
  shared_unref (asked->shared);
  g_weak_ref_clear (&asked->owner);
  g_free (asked->numbers.fault);
  g_free (asked);
}

static void
deliver (gpointer data)
{
  Asked *asked = data;
  g_autoptr (GObject) owner = g_weak_ref_get (&asked->owner);

  if (owner)
    asked->func (&asked->numbers, owner);
}

static void
answer (gpointer data)
{
  Asked *asked = data;
  g_autoptr (GError) error = NULL;

  if (asked->shared->over)
    return;
  if (!compute (asked->shared, asked, &error))
    asked->numbers.fault = g_strdup (error->message);
  g_atomic_ref_count_inc (&asked->references);
  kx_news_post (deliver, asked, asked_unref);
}

static KxTurn
rest (gpointer data, double seconds)
{
  return KX_TURN_WAIT;
}

static void
end_graph (gpointer data)
{
  Shared *shared = data;

  shared->over = TRUE;
  g_clear_pointer (&shared->graph, kol_graph_free);
  shared_unref (shared);
}

static const KxTaskKind tiny_kind = { rest, end_graph };

/* ── On the main thread ──────────────────────────────────────────────────────────────────────── */

/**
 * kx_tiny_new:
 * @device: where it is computed
 *
 * Returns: (transfer full): the network
 */
KxTiny *
kx_tiny_new (KxDevice *device)
{
  KxTiny *tiny = g_new0 (KxTiny, 1);
  KxWorker *worker = kx_engine_get_worker (kx_device_get_engine (device));

  tiny->shared = g_new0 (Shared, 1);
  g_atomic_ref_count_init (&tiny->shared->references);
  tiny->shared->engine = kx_engine_ref (kx_device_get_engine (device));
  tiny->shared->over = !worker;
  if (worker)
    {
      g_atomic_ref_count_inc (&tiny->shared->references);
      tiny->task = kx_worker_add (worker, &tiny_kind, tiny->shared, 1);
    }
  return tiny;
}

/**
 * kx_tiny_free:
 * @tiny: (transfer full) (nullable): the network
 */
void
kx_tiny_free (KxTiny *tiny)
{
  if (!tiny)
    return;
  if (tiny->task)
    {
      kx_task_cancel (tiny->task);
      kx_task_unref (tiny->task);
    }
  shared_unref (tiny->shared);
  g_free (tiny);
}

/**
 * kx_tiny_ask:
 * @tiny: the network
 * @setup: what it is set to
 * @func: told its numbers
 * @owner: (type GObject): for @func; of what it asks only the newest is answered
 */
void
kx_tiny_ask (KxTiny *tiny, const KxTinySetup *setup, KxTinyFunc func, gpointer owner)
{
  kx_tiny_update (tiny, setup, 0, func, owner);
}

/**
 * kx_tiny_update:
 * @tiny: the network
 * @setup: what it is set to
 * @rate: the learning rate of a step of gradient descent that it takes first
 * @func: told its numbers after the step
 * @owner: (type GObject): for @func; of what it asks only the newest is answered
 */
void
kx_tiny_update (KxTiny *tiny, const KxTinySetup *setup, double rate, KxTinyFunc func,
                gpointer owner)
{
  KxWorker *worker = kx_engine_get_worker (tiny->shared->engine);

  if (!worker)
    return;
  Asked *asked = g_new0 (Asked, 1);
  g_atomic_ref_count_init (&asked->references);
  g_atomic_ref_count_inc (&tiny->shared->references);
  asked->shared = tiny->shared;
  asked->setup = *setup;
  asked->rate = rate;
  asked->func = func;
  g_weak_ref_init (&asked->owner, owner);
  kx_worker_probe (worker, owner, answer, asked, asked_unref);
}
