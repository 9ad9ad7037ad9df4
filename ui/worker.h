/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** KX_QUANTUM: seconds that a task works for at a time. */
#define KX_QUANTUM 0.040

/**
 * KxWorker:
 *
 * A thread that owns all the engine's objects of one device. What it does, in this order: calls,
 * probes, turns of tasks.
 */
typedef struct _KxWorker KxWorker;

/** KxTask: work that goes on over many turns. Reference-counted. */
typedef struct _KxTask KxTask;

/** KxTurn: what a task says after a turn. */
typedef enum {
  KX_TURN_MORE,  /* it has more to do */
  KX_TURN_FIRST, /* it has, and a person waits for it: it goes first, as probes do */
  KX_TURN_IDLE,  /* it has, but only while no other task wants a turn */
  KX_TURN_WAIT,  /* nothing until kx_task_wake() */
  KX_TURN_DONE,  /* it has ended */
} KxTurn;

/**
 * KxTaskKind:
 * @turn: works for about so many seconds, never for much longer
 * @end: once, after the last turn, or if it was cancelled or the worker stops: puts in safety what
 *   is worth it, frees the engine's objects and @self
 *
 * Both on the worker's thread.
 */
typedef struct {
  KxTurn (*turn) (gpointer self, double seconds);
  void (*end) (gpointer self);
} KxTaskKind;

typedef void (*KxCall) (gpointer data);

KxWorker *kx_worker_new (const char *name);
void kx_worker_stop (KxWorker *worker, KxCall last, gpointer data);
void kx_worker_call (KxWorker *worker, KxCall call, gpointer data, GDestroyNotify destroy);
void kx_worker_probe (KxWorker *worker, gconstpointer key, KxCall probe, gpointer data,
                      GDestroyNotify destroy);
KxTask *kx_worker_add (KxWorker *worker, const KxTaskKind *kind, gpointer self, guint weight);
double kx_worker_take_load (KxWorker *worker);
gboolean kx_worker_is_wanted (void);
guint kx_workers_alive (void);

void kx_task_set_weight (KxTask *task, guint weight);
void kx_task_join (KxTask *task, guint group);
void kx_task_note_steps (KxTask *task, guint64 steps);
void kx_task_wake (KxTask *task);
void kx_task_cancel (KxTask *task);
gboolean kx_task_is_cancelled (KxTask *task);
GCancellable *kx_task_get_cancellable (KxTask *task);
double kx_task_get_seconds (KxTask *task);
void kx_task_unref (KxTask *task);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxTask, kx_task_unref)

G_END_DECLS
