/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * From the workers to the main thread. All that is posted stands in one line, which one
 * source works off, before a frame is drawn but never for longer than 4 ms at a time: however much
 * the engine has to tell, the window stays alive.
 */

#include "news-private.h"

#define BUDGET_US 4000
#define PRIORITY (G_PRIORITY_HIGH_IDLE + 10) /* GTK draws at HIGH_IDLE + 20 */

typedef struct {
  KxNewsFunc func;
  gpointer data;
  GDestroyNotify destroy;
} Item;

static GMutex mutex;
static GQueue items = G_QUEUE_INIT;
static gboolean pending; /* there is a source */

static Item *
next_item (void)
{
  g_mutex_lock (&mutex);
  Item *item = g_queue_pop_head (&items);
  if (!item)
    pending = FALSE;
  g_mutex_unlock (&mutex);
  return item;
}

static void
deliver (Item *item)
{
  item->func (item->data);
  if (item->destroy)
    item->destroy (item->data);
  g_free (item);
}

static gboolean
work_off (gpointer unused)
{
  gint64 until = g_get_monotonic_time () + BUDGET_US;

  do
    {
      Item *item = next_item ();
      if (!item)
        return G_SOURCE_REMOVE;
      deliver (item);
    }
  while (g_get_monotonic_time () < until);
  return G_SOURCE_CONTINUE;
}

/**
 * kx_news_post:
 * @func: called on the main thread, after all that was posted before
 * @data: for @func
 * @destroy: (nullable): frees @data afterwards, there
 *
 * From any thread.
 */
void
kx_news_post (KxNewsFunc func, gpointer data, GDestroyNotify destroy)
{
  Item *item = g_new (Item, 1);

  *item = (Item){ func, data, destroy };
  g_mutex_lock (&mutex);
  g_queue_push_tail (&items, item);
  gboolean first = !pending;
  pending = TRUE;
  g_mutex_unlock (&mutex);
  if (first)
    g_idle_add_full (PRIORITY, work_off, NULL, NULL);
}

/**
 * kx_news_drain:
 *
 * Delivers all that was posted, now. On the main thread, once the workers have ended.
 */
void
kx_news_drain (void)
{
  for (Item *item = next_item (); item; item = next_item ())
    deliver (item);
}

/* ── The newest alone ────────────────────────────────────────────────────────────────────────── */

struct _KxSlot {
  gatomicrefcount references; /* the owner's, and one for each delivery under way */
  GMutex mutex;
  KxNewsFunc func; /* NULL: closed */
  GDestroyNotify destroy;
  gpointer newest;
};

static void
slot_unref (gpointer data)
{
  KxSlot *slot = data;

  if (!g_atomic_ref_count_dec (&slot->references))
    return;
  if (slot->newest)
    slot->destroy (slot->newest);
  g_mutex_clear (&slot->mutex);
  g_free (slot);
}

static void
slot_deliver (gpointer data)
{
  KxSlot *slot = data;

  g_mutex_lock (&slot->mutex);
  gpointer newest = g_steal_pointer (&slot->newest);
  KxNewsFunc func = slot->func;
  g_mutex_unlock (&slot->mutex);
  if (newest && func)
    func (newest);
  if (newest)
    slot->destroy (newest);
}

/**
 * kx_slot_new:
 * @func: called on the main thread with the newest
 * @destroy: frees what was posted
 *
 * Returns: (transfer full): a slot, of which kx_slot_close() is the end
 */
KxSlot *
kx_slot_new (KxNewsFunc func, GDestroyNotify destroy)
{
  KxSlot *slot = g_new0 (KxSlot, 1);

  g_atomic_ref_count_init (&slot->references);
  g_mutex_init (&slot->mutex);
  slot->func = func;
  slot->destroy = destroy;
  return slot;
}

/**
 * kx_slot_post:
 * @slot: a slot
 * @data: (transfer full): the newest
 *
 * From any thread.
 */
void
kx_slot_post (KxSlot *slot, gpointer data)
{
  g_mutex_lock (&slot->mutex);
  gpointer older = slot->newest;
  slot->newest = data;
  g_mutex_unlock (&slot->mutex);
  if (older)
    {
      slot->destroy (older);
      return; /* its delivery takes this one */
    }
  g_atomic_ref_count_inc (&slot->references);
  kx_news_post (slot_deliver, slot, slot_unref);
}

/**
 * kx_slot_close:
 * @slot: (transfer full): a slot
 *
 * Nothing of it is delivered any more. On the main thread, and once nobody posts.
 */
void
kx_slot_close (KxSlot *slot)
{
  g_mutex_lock (&slot->mutex);
  slot->func = NULL;
  g_mutex_unlock (&slot->mutex);
  slot_unref (slot);
}

/* ── Whom it is for ──────────────────────────────────────────────────────────────────────────── */

struct _KxHolder {
  gatomicrefcount references;
  GWeakRef object;
};

/**
 * kx_holder_new:
 * @object: an object; on the main thread
 *
 * Returns: (transfer full): what holds it weakly
 */
KxHolder *
kx_holder_new (gpointer object)
{
  KxHolder *holder = g_new0 (KxHolder, 1);

  g_atomic_ref_count_init (&holder->references);
  g_weak_ref_init (&holder->object, object);
  return holder;
}

KxHolder *
kx_holder_ref (KxHolder *holder)
{
  g_atomic_ref_count_inc (&holder->references);
  return holder;
}

void
kx_holder_unref (KxHolder *holder)
{
  if (!g_atomic_ref_count_dec (&holder->references))
    return;
  g_weak_ref_clear (&holder->object);
  g_free (holder);
}

/**
 * kx_holder_get:
 * @holder: what holds an object; on the main thread
 *
 * Returns: (transfer full) (nullable): the object, if it is still there
 */
gpointer
kx_holder_get (KxHolder *holder)
{
  return g_weak_ref_get (&holder->object);
}
