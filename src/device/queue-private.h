/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "program-private.h"

G_BEGIN_DECLS

struct _KolQueue {
  gatomicrefcount references;
  KolDevice *device;
  cl_command_queue handle;
  gboolean profiled; /* whether @handle measures times */
  KolQueueMode mode;
  GCancellable *cancellable; /* lent: of preparations under way, or NULL */
  char *label;
  double operations;   /* of the node @label, which its first launch will count; then 0 */
  GHashTable *kernels; /* set of Kernel (program.c), found by program, kernel and options */
  GPtrArray *wanted;   /* of Wanted (program.c): what COLLECT mode noted, in order */
  guint launched;      /* since the last ones were sent to the device */
};

/* program.c: makes and frees what launching needs, the queue's two containers. */
void kol_queue_init_launches (KolQueue *queue);
void kol_queue_clear_launches (KolQueue *queue);

/* Hands @event, which may be NULL, to the profile and releases it; @bytes have moved, 0: unknown.
 */
void kol_queue_note_event (KolQueue *queue, cl_event event, const char *kernel, double bytes);
/* Where an enqueue function puts its event: @event if this queue is profiled, else NULL. */
cl_event *kol_queue_event_slot (KolQueue *queue, cl_event *event);

G_END_DECLS
