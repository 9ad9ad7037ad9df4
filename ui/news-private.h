/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

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

G_END_DECLS
