/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A device at work: opened when it is first needed, on the thread that uses it. */

#include "engine.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "news-private.h"

typedef struct {
  char *text;
  guint done, total;
  KxEngine *engine;
} Stage;

struct _KxEngine {
  gatomicrefcount references;
  char *choice; /* for kol_device_open () */
  KxWorker *worker;
  GCancellable *closing; /* it is to stop soon, whatever it is doing */

  /* The main thread's: */
  KxStageFunc stage; /* NULL: stopped */
  gpointer user_data;
  KxSlot *stages;

  /* The worker's: */
  KolDevice *device;

  GMutex mutex;
  guint64 memory, budget; /* bytes; both threads' */
};

static void
stage_free (gpointer data)
{
  Stage *stage = data;

  g_free (stage->text);
  kx_engine_unref (stage->engine);
  g_free (stage);
}

static void
tell_stage (gpointer data)
{
  Stage *stage = data;

  if (stage->engine->stage)
    stage->engine->stage (stage->text, stage->done, stage->total, stage->engine->user_data);
}

static void
note_stage (const char *text, guint done, guint total, gpointer data)
{
  KxEngine *engine = data;
  Stage *stage = g_new (Stage, 1);

  *stage = (Stage){ g_strdup (text), done, total, kx_engine_ref (engine) };
  kx_slot_post (engine->stages, stage);
}

/**
 * kx_engine_new:
 * @choice: which device: what kol_device_open() takes
 * @stage: told what the device compiles
 * @user_data: for @stage
 *
 * Returns: (transfer full): an engine that has opened nothing yet; kx_engine_stop() ends it
 */
KxEngine *
kx_engine_new (const char *choice, KxStageFunc stage, gpointer user_data)
{
  KxEngine *engine = g_new0 (KxEngine, 1);

  g_atomic_ref_count_init (&engine->references);
  g_mutex_init (&engine->mutex);
  engine->choice = g_strdup (choice);
  engine->stage = stage;
  engine->user_data = user_data;
  engine->stages = kx_slot_new (tell_stage, stage_free);
  engine->closing = g_cancellable_new ();
  engine->worker = kx_worker_new ("kolinsky-worker");
  return engine;
}

KxEngine *
kx_engine_ref (KxEngine *engine)
{
  g_atomic_ref_count_inc (&engine->references);
  return engine;
}

void
kx_engine_unref (KxEngine *engine)
{
  if (!g_atomic_ref_count_dec (&engine->references))
    return;
  g_free (engine->choice);
  g_object_unref (engine->closing);
  g_mutex_clear (&engine->mutex);
  g_free (engine);
}

static void
close_device (gpointer data)
{
  KxEngine *engine = data;

  g_clear_pointer (&engine->device, kol_device_unref);
}

/**
 * kx_engine_stop:
 * @engine: an engine
 *
 * Ends its tasks, after the kernel that is being compiled, closes the device and waits for the
 * thread. References stay, and do nothing.
 */
void
kx_engine_stop (KxEngine *engine)
{
  if (!engine->worker)
    return;
  engine->stage = NULL;
  g_cancellable_cancel (engine->closing);
  kx_worker_stop (g_steal_pointer (&engine->worker), close_device, engine);
  kx_slot_close (g_steal_pointer (&engine->stages));
}

/**
 * kx_engine_get_worker:
 * @engine: an engine
 *
 * Returns: (nullable) (transfer none): its thread; %NULL once it is stopped
 */
KxWorker *
kx_engine_get_worker (KxEngine *engine)
{
  return engine->worker;
}

/**
 * kx_engine_get_memory:
 * @engine: an engine
 * @budget: (out): bytes that it may use; 0 while the device is not open
 *
 * Returns: bytes of the device's memory in use, as of the latest turn
 */
guint64
kx_engine_get_memory (KxEngine *engine, guint64 *budget)
{
  g_mutex_lock (&engine->mutex);
  guint64 memory = engine->memory;
  *budget = engine->budget;
  g_mutex_unlock (&engine->mutex);
  return memory;
}

/**
 * kx_engine_open:
 * @engine: an engine
 * @error: return location
 *
 * The device, opened if it is not yet. On the worker's thread.
 *
 * Returns: (transfer none): the device, or %NULL with @error set
 */
KolDevice *
kx_engine_open (KxEngine *engine, GError **error)
{
  if (!engine->device)
    {
      engine->device = kol_device_open (engine->choice, error);
      if (!engine->device)
        return NULL;
      kol_device_set_progress (engine->device, note_stage, engine);
      kol_device_set_cancellable (engine->device, engine->closing);
      kx_engine_note_memory (engine);
    }
  return engine->device;
}

static gboolean
is_wanted (gpointer unused)
{
  return kx_worker_is_wanted ();
}

/**
 * kx_engine_set_patient:
 * @engine: an engine
 * @patient: whether what a turn compiles, for minutes maybe, can wait
 *
 * For work that nobody waits for at the moment, at the begin and at the end of its turn. If
 * anything else wants the worker meanwhile, what compiles fails with %G_IO_ERROR_CANCELLED after
 * the kernel under way, and goes on from there in the next turn. On the worker's thread.
 */
void
kx_engine_set_patient (KxEngine *engine, gboolean patient)
{
  if (engine->device)
    kol_device_set_pause (engine->device, patient ? is_wanted : NULL, NULL);
}

/**
 * kx_engine_trim:
 * @engine: an engine
 *
 * Something large has ended: what was kept of its memory goes, to the device and to the system. On
 * the worker's thread.
 */
void
kx_engine_trim (KxEngine *engine)
{
  if (!engine->device)
    return;
  kol_device_trim (engine->device);
#ifdef __GLIBC__
  malloc_trim (0);
#endif
  kx_engine_note_memory (engine);
}

/**
 * kx_engine_note_memory:
 * @engine: an engine
 *
 * Takes note of the memory in use, for kx_engine_get_memory(), if the device is open. On the
 * worker's thread.
 */
void
kx_engine_note_memory (KxEngine *engine)
{
  if (!engine->device)
    return;
  g_mutex_lock (&engine->mutex);
  engine->memory = kol_device_get_memory_used (engine->device);
  engine->budget = kol_device_get_budget (engine->device);
  g_mutex_unlock (&engine->mutex);
}
