/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "device-private.h"

G_BEGIN_DECLS

/* A piece of device memory, reference-counted; returns to the device's pool. */
typedef struct _KolBuffer KolBuffer;
struct _KolBuffer {
  gatomicrefcount references;
  KolDevice *device;
  KolBuffer *whole; /* what it is a part of, or NULL */
  cl_mem mem;
  gsize bytes;    /* as asked for */
  gsize capacity; /* as allocated; of a part: 0 */
  gpointer queue; /* the KolQueue that used the memory last, or NULL; only compared */
};

KolBuffer *kol_buffer_new (KolDevice *device, gsize bytes, GError **error);
/* @bytes of @whole from @offset on, a multiple of kol_buffer_alignment(). It keeps @whole alive. */
KolBuffer *kol_buffer_part (KolBuffer *whole, gsize offset, gsize bytes, GError **error);
gsize kol_buffer_alignment (const KolDevice *device);
KolBuffer *kol_buffer_ref (KolBuffer *buffer);
void kol_buffer_unref (KolBuffer *buffer);

/*
 * To be called before @queue uses @buffer, which all functions of this folder
 * do: if another queue used that memory last (a pool hands it on without
 * waiting), @queue first waits, on the device, for what is enqueued there.
 */
gboolean kol_queue_claim (KolQueue *queue, KolBuffer *buffer, GError **error);

/* Blocking: the data is there, or read, when these return. */
gboolean kol_queue_write (KolQueue *queue, KolBuffer *buffer, gsize offset, const void *data,
                          gsize bytes, GError **error);
gboolean kol_queue_read (KolQueue *queue, KolBuffer *buffer, gsize offset, void *data, gsize bytes,
                         GError **error);
/* Not blocking: @data must stay until @event, which the caller releases, has completed. */
gboolean kol_queue_write_async (KolQueue *queue, KolBuffer *buffer, const void *data, gsize bytes,
                                cl_event *event, GError **error);
gboolean kol_queue_read_async (KolQueue *queue, KolBuffer *buffer, gsize offset, void *data,
                               gsize bytes, cl_event *event, GError **error);
/* Not blocking: all of the buffer becomes @value. */
gboolean kol_queue_fill (KolQueue *queue, KolBuffer *buffer, float value, GError **error);
gboolean kol_queue_copy (KolQueue *queue, KolBuffer *from, KolBuffer *to, gsize bytes,
                         GError **error);

/* The fill and the copy do nothing in COLLECT mode (program-private.h), like launches. */

KolMemoryPool *kol_pool_new (void);
void kol_pool_free (KolMemoryPool *pool); /* releases what is idle */
guint64 kol_pool_get_used (KolMemoryPool *pool);
/* Releases idle memory, the longest idle first, until no more than @budget is held. */
void kol_pool_trim (KolMemoryPool *pool, guint64 budget);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolBuffer, kol_buffer_unref)

G_END_DECLS
