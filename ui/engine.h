/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "../src/kolinsky.h"
#include "worker.h"

G_BEGIN_DECLS

/**
 * KxEngine:
 *
 * An OpenCL device at work: its worker, and on the worker's thread the opened device.
 * Reference-counted.
 */
typedef struct _KxEngine KxEngine;

/** KxStageFunc: on the main thread: what the device is compiling; @total 0: nothing any more. */
typedef void (*KxStageFunc) (const char *stage, guint done, guint total, gpointer user_data);

KxEngine *kx_engine_new (const char *choice, KxStageFunc stage, gpointer user_data);
KxEngine *kx_engine_ref (KxEngine *engine);
void kx_engine_unref (KxEngine *engine);
void kx_engine_stop (KxEngine *engine);
KxWorker *kx_engine_get_worker (KxEngine *engine);
guint64 kx_engine_get_memory (KxEngine *engine, guint64 *budget);

/* On the worker's thread alone: */
KolDevice *kx_engine_open (KxEngine *engine, GError **error);
void kx_engine_note_memory (KxEngine *engine);
void kx_engine_set_patient (KxEngine *engine, gboolean patient);
void kx_engine_trim (KxEngine *engine);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxEngine, kx_engine_unref)

G_END_DECLS
