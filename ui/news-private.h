/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/** KxNewsFunc: what is to be done on the main thread with @data. */
typedef void (*KxNewsFunc) (gpointer data);

void kx_news_post (KxNewsFunc func, gpointer data, GDestroyNotify destroy);
void kx_news_drain (void);

/**
 * KxSlot:
 *
 * A place from which the main thread takes the newest snapshot of something: what was
 * there and was not taken is dropped.
 */
typedef struct _KxSlot KxSlot;

KxSlot *kx_slot_new (KxNewsFunc func, GDestroyNotify destroy);
void kx_slot_post (KxSlot *slot, gpointer data);
void kx_slot_close (KxSlot *slot);

/**
 * KxHolder:
 *
 * An object of the main thread that a worker has something to tell. Reference-counted by any
 * thread; only the main thread looks whether the object is still there, so that it is there that
 * the object goes.
 */
typedef struct _KxHolder KxHolder;

KxHolder *kx_holder_new (gpointer object);
KxHolder *kx_holder_ref (KxHolder *holder);
void kx_holder_unref (KxHolder *holder);
gpointer kx_holder_get (KxHolder *holder);

G_END_DECLS
