/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Two stacks: what can be taken back, and what was and can be done again. */

#include "undo.h"

#define DEPTH 200 /* the oldest are forgotten */

typedef struct {
  char *title;
  KxUndoFunc back, again;
  gpointer data;
  GDestroyNotify destroy;
} Deed;

struct _KxUndo {
  GObject parent_instance;

  GQueue done;   /* of Deed, the latest first */
  GQueue undone; /* likewise */
  gboolean busy; /* one is being taken back or done again: nothing is noted */
  guint begun;   /* gestures under way, which may become deeds */
};

G_DEFINE_FINAL_TYPE (KxUndo, kx_undo, G_TYPE_OBJECT)

enum {
  PROP_CAN_UNDO = 1,
  PROP_CAN_REDO,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];
static guint finish_signal;

static void
deed_free (Deed *deed)
{
  if (deed->destroy)
    deed->destroy (deed->data);
  g_free (deed->title);
  g_free (deed);
}

static void
kx_undo_finalize (GObject *object)
{
  KxUndo *self = KX_UNDO (object);

  g_queue_clear_full (&self->done, (GDestroyNotify) deed_free);
  g_queue_clear_full (&self->undone, (GDestroyNotify) deed_free);
  G_OBJECT_CLASS (kx_undo_parent_class)->finalize (object);
}

static void
kx_undo_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxUndo *self = KX_UNDO (object);

  if (id == PROP_CAN_UNDO)
    g_value_set_boolean (value, self->begun || !g_queue_is_empty (&self->done));
  else
    g_value_set_boolean (value, !g_queue_is_empty (&self->undone));
}

static void
kx_undo_class_init (KxUndoClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = kx_undo_finalize;
  object_class->get_property = kx_undo_get_property;
  props[PROP_CAN_UNDO] = g_param_spec_boolean ("can-undo", NULL, NULL, FALSE, flags);
  props[PROP_CAN_REDO] = g_param_spec_boolean ("can-redo", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
  /** KxUndo::finish: gestures under way are to end now, and to push what they did. */
  finish_signal = g_signal_new ("finish", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                NULL, NULL, G_TYPE_NONE, 0);
}

static void
kx_undo_init (KxUndo *self)
{
}

KxUndo *
kx_undo_new (void)
{
  return g_object_new (KX_TYPE_UNDO, NULL);
}

static void
tell (KxUndo *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_CAN_UNDO]);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_CAN_REDO]);
}

/**
 * kx_undo_begin:
 * @undo: the stacks
 *
 * Notes that a gesture has begun, which ends with kx_undo_end(): it can be taken back even before
 * it has been pushed. #KxUndo::finish asks for its end then.
 */
void
kx_undo_begin (KxUndo *self)
{
  self->begun++;
  tell (self);
}

void
kx_undo_end (KxUndo *self)
{
  self->begun--;
  tell (self);
}

/**
 * kx_undo_push:
 * @undo: the stacks
 * @title: what was done, for people: "learning rate 1e-4 > 3e-4"
 * @back: takes it back
 * @again: does it again
 * @data: (transfer full): for both
 * @destroy: (nullable): frees @data
 *
 * Notes what was done. What had been taken back before cannot be done again then.
 */
void
kx_undo_push (KxUndo *self, const char *title, KxUndoFunc back, KxUndoFunc again, gpointer data,
              GDestroyNotify destroy)
{
  Deed *deed = g_new (Deed, 1);

  *deed = (Deed){ g_strdup (title), back, again, data, destroy };
  if (self->busy)
    {
      deed_free (deed);
      return;
    }
  g_queue_push_head (&self->done, deed);
  if (g_queue_get_length (&self->done) > DEPTH)
    deed_free (g_queue_pop_tail (&self->done));
  g_queue_clear_full (&self->undone, (GDestroyNotify) deed_free);
  tell (self);
}

static gint
is_of (gconstpointer deed, gconstpointer data)
{
  return ((const Deed *) deed)->data != data;
}

/**
 * kx_undo_withdraw:
 * @undo: the stacks
 * @data: what a deed was pushed with
 *
 * Forgets the deed, if it is still there: nothing has come of it.
 */
void
kx_undo_withdraw (KxUndo *self, gconstpointer data)
{
  GQueue *const queues[] = { &self->done, &self->undone };

  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    {
      GList *place = g_queue_find_custom (queues[i], data, is_of);

      if (!place)
        continue;
      deed_free (place->data);
      g_queue_delete_link (queues[i], place);
      tell (self);
    }
}

static gboolean
move (KxUndo *self, GQueue *from, GQueue *to)
{
  g_signal_emit (self, finish_signal, 0);
  Deed *deed = g_queue_pop_head (from);
  if (!deed)
    return FALSE;
  self->busy = TRUE;
  (from == &self->done ? deed->back : deed->again) (deed->data);
  self->busy = FALSE;
  g_queue_push_head (to, deed);
  tell (self);
  return TRUE;
}

/**
 * kx_undo_back:
 * @undo: the stacks
 *
 * Takes back the latest deed.
 *
 * Returns: whether there was one
 */
gboolean
kx_undo_back (KxUndo *self)
{
  return move (self, &self->done, &self->undone);
}

/**
 * kx_undo_again:
 * @undo: the stacks
 *
 * Does again what was taken back last.
 *
 * Returns: whether there was something
 */
gboolean
kx_undo_again (KxUndo *self)
{
  return move (self, &self->undone, &self->done);
}

/**
 * kx_undo_get_title:
 * @undo: the stacks
 *
 * Returns: (nullable) (transfer none): what kx_undo_back() would take back; %NULL while that is
 *   not known, as it is still being done
 */
const char *
kx_undo_get_title (KxUndo *self)
{
  Deed *deed = self->begun ? NULL : g_queue_peek_head (&self->done);

  return deed ? deed->title : NULL;
}

/**
 * kx_undo_get_next_title:
 * @undo: the stacks
 *
 * Returns: (nullable) (transfer none): what kx_undo_again() would do again
 */
const char *
kx_undo_get_next_title (KxUndo *self)
{
  Deed *deed = self->begun ? NULL : g_queue_peek_head (&self->undone);

  return deed ? deed->title : NULL;
}

/**
 * kx_undo_get_data:
 * @undo: the stacks
 *
 * Returns: (nullable): what the deed was pushed with that kx_undo_back() would take back; to be
 *   compared
 */
gconstpointer
kx_undo_get_data (KxUndo *self)
{
  Deed *deed = g_queue_peek_head (&self->done);

  return deed ? deed->data : NULL;
}

/**
 * kx_undo_forget:
 * @undo: the stacks
 *
 * Forgets everything: what it was about is gone.
 */
void
kx_undo_forget (KxUndo *self)
{
  g_queue_clear_full (&self->done, (GDestroyNotify) deed_free);
  g_queue_clear_full (&self->undone, (GDestroyNotify) deed_free);
  tell (self);
}
