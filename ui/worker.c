/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The thread that lets the engine work. Several tasks share it: each gets a quantum in turn, and
 * of those that want one the task is next whose time so far, divided by its weight, is least
 * (stride scheduling; Waldspurger and Weihl, 1995). Those of one group are one to the others, with
 * the sum of their weights; among them it is next who has taken the fewest steps. What a person
 * waits for, such as the probabilities under a brush, is a probe: it goes before all tasks, in up
 * to 30 % of any second; of what probes leave of that, so do turns that a person waits for, such as
 * those of the picture of the selected unit. What nobody waits for yet gets turns that no other
 * task wants.
 */

#include "worker.h"

#define PROBE_SHARE 0.30
#define LONG 1 /* seconds: other tasks wait so long for a turn that can be broken off */

typedef struct {
  KxCall func;
  gpointer data;
  GDestroyNotify destroy;
  gconstpointer key; /* of a probe */
} Call;

struct _KxTask {
  gatomicrefcount references;
  KxWorker *worker;
  const KxTaskKind *kind;
  gpointer self;
  GCancellable *cancellable;

  /* Under the worker's mutex: */
  guint weight;
  double pass;    /* time so far divided by weight; the same for all of a group */
  guint group;    /* that it advances together with; 0: none */
  guint64 steps;  /* that it has taken, where that counts in its group */
  double seconds; /* that it has worked */
  gboolean waiting, woken, cancelled, ended; /* woken: during its turn */
  gboolean idle;                             /* it gives way to all that are not */
  gboolean first;                            /* it goes before those that are not, for a while */
};

struct _KxWorker {
  gatomicrefcount references; /* the owner's, and the tasks' */
  GThread *thread;
  GMutex mutex;
  GCond news;

  /* Under the mutex: */
  GQueue calls;  /* of Call */
  GQueue probes; /* likewise */
  GList *tasks;  /* of KxTask, referenced */
  KxTask *task;  /* whose turn it is or was last; only for comparison */
  gboolean stop;
  double pass;   /* of the task whose turn it was last: what those that join or wake begin with */
  gint64 turn;   /* when the turn under way began */
  double busy;   /* seconds, since it was last asked */
  gint64 began;  /* what is under way, as far as it is not counted; 0: nothing is */
  gint64 asked;  /* when that was */
  gint64 second; /* when the second began... */
  double probed; /* ...in which probes took so long, */
  double first;  /* and so long the turns that went first */
  Call last;     /* when all is over */
};

static guint alive;                          /* threads; atomic */
static GPrivate own = G_PRIVATE_INIT (NULL); /* the worker whose thread it is */

static double
seconds_since (gint64 then)
{
  return (g_get_monotonic_time () - then) / (double) G_USEC_PER_SEC;
}

static void
call_free (Call *call)
{
  if (call->destroy)
    call->destroy (call->data);
  g_free (call);
}

/* Counts what is under way up to now; @next: from when on it is to be counted. */
static void
count_busy (KxWorker *worker, gint64 next)
{
  worker->busy += seconds_since (worker->began);
  worker->began = next;
}

/* ── Tasks ───────────────────────────────────────────────────────────────────────────────────── */

static void
worker_unref (KxWorker *worker)
{
  if (!g_atomic_ref_count_dec (&worker->references))
    return;
  g_queue_clear_full (&worker->probes, (GDestroyNotify) call_free);
  g_mutex_clear (&worker->mutex);
  g_cond_clear (&worker->news);
  g_free (worker);
}

void
kx_task_unref (KxTask *task)
{
  if (!g_atomic_ref_count_dec (&task->references))
    return;
  worker_unref (task->worker);
  g_object_unref (task->cancellable);
  g_free (task);
}

/* Whether they are one to the other tasks. */
static gboolean
are_together (const KxTask *task, const KxTask *other)
{
  return task == other || (task->group && task->group == other->group);
}

static void
set_pass (KxTask *task, double pass)
{
  for (GList *each = task->worker->tasks; each; each = each->next)
    if (are_together (task, each->data))
      ((KxTask *) each->data)->pass = pass;
}

/* Counts the time that it has worked, which is all of its group's. */
static void
charge (KxTask *task, double seconds)
{
  guint weight = 0;

  for (GList *each = task->worker->tasks; each; each = each->next)
    {
      const KxTask *other = each->data;

      if (other == task || (are_together (task, other) && !other->waiting))
        weight += other->weight;
    }
  set_pass (task, task->pass + seconds / weight);
  task->seconds += seconds;
}

/* Who slept has saved up neither time nor steps. */
static void
begin_with_others (KxTask *task)
{
  guint64 least = G_MAXUINT64;

  for (GList *each = task->worker->tasks; each; each = each->next)
    {
      const KxTask *other = each->data;

      if (other != task && are_together (task, other) && !other->waiting)
        least = MIN (least, other->steps);
    }
  if (least != G_MAXUINT64)
    task->steps = MAX (task->steps, least);
  if (task->pass < task->worker->pass)
    set_pass (task, task->worker->pass);
}

/* Changes something of a task and lets the worker look. */
#define WITH_WORKER(task, change)                                                                  \
  g_mutex_lock (&(task)->worker->mutex);                                                           \
  if (!(task)->ended)                                                                              \
    {                                                                                              \
      change;                                                                                      \
      g_cond_signal (&(task)->worker->news);                                                       \
    }                                                                                              \
  g_mutex_unlock (&(task)->worker->mutex);

/**
 * kx_task_set_weight:
 * @task: a task
 * @weight: its share of the time, relative to the others' weights
 */
void
kx_task_set_weight (KxTask *task, guint weight)
{
  WITH_WORKER (task, task->weight = MAX (weight, 1))
}

static void
join (KxTask *task, guint group)
{
  task->group = group;
  for (GList *each = task->worker->tasks; each; each = each->next)
    if (each->data != task && are_together (task, each->data))
      task->pass = ((KxTask *) each->data)->pass;
  begin_with_others (task);
}

/**
 * kx_task_join:
 * @task: a task
 * @group: a number that the tasks of a group have in common
 *
 * From now on the tasks of the group that do not wait advance by equal steps, however long those
 * take: their curves stay side by side. To all others the group is one task, with the sum of the
 * weights of those that do not wait. The steps are those that kx_task_note_steps() tells.
 */
void
kx_task_join (KxTask *task, guint group)
{
  WITH_WORKER (task, join (task, group))
}

/**
 * kx_task_note_steps:
 * @task: a task
 * @steps: how many more it has taken
 */
void
kx_task_note_steps (KxTask *task, guint64 steps)
{
  WITH_WORKER (task, task->steps += steps)
}

static void
wake (KxTask *task)
{
  if (task->waiting || task->idle)
    begin_with_others (task);
  task->waiting = task->idle = FALSE;
  task->woken = TRUE;
}

/**
 * kx_task_wake:
 * @task: a task that may wait
 *
 * It has something to do again.
 */
void
kx_task_wake (KxTask *task)
{
  WITH_WORKER (task, wake (task))
}

/**
 * kx_task_cancel:
 * @task: a task
 *
 * It gets no turn any more but ends, after the one under way.
 */
void
kx_task_cancel (KxTask *task)
{
  WITH_WORKER (task, task->cancelled = TRUE; g_cancellable_cancel (task->cancellable))
}

/**
 * kx_task_get_cancellable:
 * @task: a task
 *
 * Returns: (transfer none): what is cancelled with it, and when the worker stops; for what takes
 *   longer than a turn should
 */
GCancellable *
kx_task_get_cancellable (KxTask *task)
{
  return task->cancellable;
}

/**
 * kx_task_is_cancelled:
 * @task: a task
 *
 * Returns: whether it was; for a turn that could end sooner
 */
gboolean
kx_task_is_cancelled (KxTask *task)
{
  g_mutex_lock (&task->worker->mutex);
  gboolean cancelled = task->cancelled || task->worker->stop;
  g_mutex_unlock (&task->worker->mutex);
  return cancelled;
}

/**
 * kx_task_get_seconds:
 * @task: a task
 *
 * Returns: how long it has worked
 */
double
kx_task_get_seconds (KxTask *task)
{
  g_mutex_lock (&task->worker->mutex);
  double seconds = task->seconds;
  g_mutex_unlock (&task->worker->mutex);
  return seconds;
}

/* Begins another second, if it is time. */
static void
note_second (KxWorker *worker)
{
  if (seconds_since (worker->second) < 1)
    return;
  worker->second = g_get_monotonic_time ();
  worker->probed = worker->first = 0;
}

/* Whether turns may go before those of others for that they are waited for. Probes have none of
 * their share taken away by them. */
static gboolean
may_go_first (const KxWorker *worker)
{
  return worker->probed + worker->first < PROBE_SHARE;
}

static gboolean
goes_before (const KxTask *task, const KxTask *other)
{
  if (task->idle != other->idle)
    return other->idle;
  if (task->first != other->first && may_go_first (task->worker))
    return task->first;
  return are_together (task, other) ? task->steps < other->steps : task->pass < other->pass;
}

/* The task whose turn it is, and for cancelled ones their end. */
static KxTask *
next_task (const KxWorker *worker)
{
  KxTask *next = NULL;

  for (GList *each = worker->tasks; each; each = each->next)
    {
      KxTask *task = each->data;

      if (task->cancelled || worker->stop)
        return task;
      if (!task->waiting && (!next || goes_before (task, next)))
        next = task;
    }
  return next;
}

static void
end_task (KxWorker *worker, KxTask *task)
{
  worker->tasks = g_list_remove (worker->tasks, task);
  if (worker->task == task)
    worker->task = NULL;
  task->ended = TRUE;
  g_mutex_unlock (&worker->mutex);
  task->kind->end (task->self);
  kx_task_unref (task);
  g_mutex_lock (&worker->mutex);
}

/* Called with the mutex held, which is free during the turn itself. */
static void
give_turn (KxWorker *worker, KxTask *task)
{
  if (task->cancelled || worker->stop)
    {
      end_task (worker, task);
      return;
    }
  if (!task->idle) /* whose time is nobody's standard */
    worker->pass = task->pass;
  worker->task = task;
  task->woken = FALSE;
  gint64 began = worker->turn = worker->began = g_get_monotonic_time ();
  g_mutex_unlock (&worker->mutex);
  KxTurn turn = task->kind->turn (task->self, KX_QUANTUM);
  double seconds = seconds_since (began);
  g_mutex_lock (&worker->mutex);
  charge (task, seconds);
  count_busy (worker, 0);
  if (task->first)
    worker->first += seconds;
  task->first = turn == KX_TURN_FIRST;
  task->waiting = turn == KX_TURN_WAIT && !task->woken;
  task->idle = turn == KX_TURN_IDLE && !task->woken;
  if (turn == KX_TURN_DONE)
    end_task (worker, task);
}

/* ── The thread ──────────────────────────────────────────────────────────────────────────────── */

static double
make_call (KxWorker *worker, GQueue *queue)
{
  Call *call = g_queue_pop_head (queue);

  gint64 began = worker->began = g_get_monotonic_time ();
  g_mutex_unlock (&worker->mutex);
  call->func (call->data);
  call_free (call);
  double seconds = seconds_since (began);
  g_mutex_lock (&worker->mutex);
  count_busy (worker, 0);
  return seconds;
}

/* Whether probes have not yet had their share of this second. */
static gboolean
may_probe (KxWorker *worker, gboolean others)
{
  if (g_queue_is_empty (&worker->probes))
    return FALSE;
  return !others || worker->probed < PROBE_SHARE;
}

static gpointer
work (gpointer data)
{
  KxWorker *worker = data;

  g_private_set (&own, worker);
  g_mutex_lock (&worker->mutex);
  for (;;)
    {
      note_second (worker);
      KxTask *task = next_task (worker);

      if (!g_queue_is_empty (&worker->calls))
        make_call (worker, &worker->calls);
      else if (!worker->stop && may_probe (worker, task != NULL))
        worker->probed += make_call (worker, &worker->probes);
      else if (task)
        give_turn (worker, task);
      else if (worker->stop)
        break;
      else
        g_cond_wait (&worker->news, &worker->mutex);
    }
  g_mutex_unlock (&worker->mutex);
  if (worker->last.func)
    worker->last.func (worker->last.data);
  g_atomic_int_add (&alive, -1);
  return NULL;
}

/**
 * kx_worker_new:
 * @name: of the thread, for debuggers
 *
 * Returns: (transfer full): a worker, which kx_worker_stop() ends
 */
KxWorker *
kx_worker_new (const char *name)
{
  KxWorker *worker = g_new0 (KxWorker, 1);

  g_atomic_ref_count_init (&worker->references);
  g_mutex_init (&worker->mutex);
  g_cond_init (&worker->news);
  worker->asked = worker->second = g_get_monotonic_time ();
  g_atomic_int_inc (&alive);
  worker->thread = g_thread_new (name, work, worker);
  return worker;
}

/**
 * kx_worker_stop:
 * @worker: (transfer full): a worker
 * @last: (nullable): called on its thread at the very end
 * @data: for @last
 *
 * Has all tasks end after the turn under way, makes the calls that are left, and waits for the
 * thread. Functions of tasks that others still hold do nothing then.
 */
void
kx_worker_stop (KxWorker *worker, KxCall last, gpointer data)
{
  g_mutex_lock (&worker->mutex);
  worker->last = (Call){ .func = last, .data = data };
  worker->stop = TRUE;
  for (GList *each = worker->tasks; each; each = each->next)
    g_cancellable_cancel (((KxTask *) each->data)->cancellable);
  g_cond_signal (&worker->news);
  g_mutex_unlock (&worker->mutex);
  g_thread_join (worker->thread);
  worker_unref (worker);
}

/**
 * kx_worker_call:
 * @worker: a worker
 * @call: made on its thread, between two turns; calls are made in order
 * @data: for @call
 * @destroy: (nullable): frees @data afterwards, there
 */
void
kx_worker_call (KxWorker *worker, KxCall call, gpointer data, GDestroyNotify destroy)
{
  Call *made = g_new0 (Call, 1);

  *made = (Call){ .func = call, .data = data, .destroy = destroy };
  g_mutex_lock (&worker->mutex);
  g_queue_push_tail (&worker->calls, made);
  g_cond_signal (&worker->news);
  g_mutex_unlock (&worker->mutex);
}

static Call *
find_probe (KxWorker *worker, gconstpointer key)
{
  for (GList *each = worker->probes.head; each; each = each->next)
    if (((Call *) each->data)->key == key)
      return each->data;
  return NULL;
}

/**
 * kx_worker_probe:
 * @worker: a worker
 * @key: of several that wait with the same key the newest is left, in the place of the oldest
 * @probe: called on its thread, before tasks get their turns
 * @data: for @probe
 * @destroy: (nullable): frees @data, there or here
 */
void
kx_worker_probe (KxWorker *worker, gconstpointer key, KxCall probe, gpointer data,
                 GDestroyNotify destroy)
{
  Call older = { 0 };

  g_mutex_lock (&worker->mutex);
  Call *place = find_probe (worker, key);
  if (place)
    older = *place;
  else
    g_queue_push_tail (&worker->probes, place = g_new0 (Call, 1));
  *place = (Call){ .func = probe, .data = data, .destroy = destroy, .key = key };
  g_cond_signal (&worker->news);
  g_mutex_unlock (&worker->mutex);
  if (older.destroy)
    older.destroy (older.data);
}

/**
 * kx_worker_add:
 * @worker: a worker
 * @kind: what the task does
 * @self: (transfer full): for @kind's functions
 * @weight: its share of the time, relative to the others' weights
 *
 * Returns: (transfer full): the task
 */
KxTask *
kx_worker_add (KxWorker *worker, const KxTaskKind *kind, gpointer self, guint weight)
{
  KxTask *task = g_new0 (KxTask, 1);

  g_atomic_ref_count_init (&task->references);
  g_atomic_ref_count_inc (&task->references);
  g_atomic_ref_count_inc (&worker->references);
  task->worker = worker;
  task->kind = kind;
  task->self = self;
  task->cancellable = g_cancellable_new ();
  task->weight = MAX (weight, 1);
  g_mutex_lock (&worker->mutex);
  task->pass = worker->pass;
  worker->tasks = g_list_append (worker->tasks, task);
  g_cond_signal (&worker->news);
  g_mutex_unlock (&worker->mutex);
  return task;
}

/**
 * kx_worker_take_load:
 * @worker: a worker
 *
 * Returns: the share of the time since the last call in which it worked, 0..1
 */
double
kx_worker_take_load (KxWorker *worker)
{
  g_mutex_lock (&worker->mutex);
  double seconds = seconds_since (worker->asked);
  if (worker->began)
    count_busy (worker, g_get_monotonic_time ());
  double load = seconds > 0 ? CLAMP (worker->busy / seconds, 0, 1) : 0;
  worker->busy = 0;
  worker->asked = g_get_monotonic_time ();
  g_mutex_unlock (&worker->mutex);
  return load;
}

/**
 * kx_worker_is_wanted:
 *
 * For a turn that can take much longer than it should. On the worker's thread.
 *
 * Returns: whether anything waits for it to end: a call, a probe, or for a second another task; at
 *   once where the turn is one that no other wanted
 */
gboolean
kx_worker_is_wanted (void)
{
  KxWorker *worker = g_private_get (&own);
  guint ready = 0;

  g_mutex_lock (&worker->mutex);
  for (GList *each = worker->tasks; each; each = each->next)
    {
      const KxTask *task = each->data;
      ready += task != worker->task && !task->waiting && !task->idle;
    }
  gboolean gives_way = worker->task && worker->task->idle;
  gboolean wanted = !g_queue_is_empty (&worker->calls) || !g_queue_is_empty (&worker->probes)
                    || (ready && (gives_way || seconds_since (worker->turn) > LONG));
  g_mutex_unlock (&worker->mutex);
  return wanted;
}

/**
 * kx_workers_alive:
 *
 * Returns: how many workers' threads there are; 0 once all is stopped
 */
guint
kx_workers_alive (void)
{
  return g_atomic_int_get (&alive);
}
