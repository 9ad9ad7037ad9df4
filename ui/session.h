/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "device.h"
#include "job.h"
#include "undo.h"

G_BEGIN_DECLS

#define KX_TYPE_SESSION (kx_session_get_type ())
/**
 * KxSession:
 *
 * What all windows and pages share: devices, jobs, what can be undone. Of the main thread; the
 * engine's objects live on the threads of the devices' workers.
 */
G_DECLARE_FINAL_TYPE (KxSession, kx_session, KX, SESSION, GObject)

KxSession *kx_session_new (GSettings *settings);
void kx_session_begin (KxSession *session);
void kx_session_end (KxSession *session);

GSettings *kx_session_get_settings (KxSession *session);
GListModel *kx_session_get_devices (KxSession *session);
GListModel *kx_session_get_jobs (KxSession *session);
KxUndo *kx_session_get_undo (KxSession *session);

void kx_session_look_for_devices (KxSession *session);
KxDevice *kx_session_get_device (KxSession *session);
void kx_session_set_device (KxSession *session, KxDevice *device);
double kx_session_get_load (KxSession *session, double *memory);

void kx_session_add_job (KxSession *session, KxJob *job);
void kx_session_toast (KxSession *session, const char *text, gboolean undoable);

const char *kx_session_get_page (KxSession *session);
void kx_session_set_page (KxSession *session, const char *page);

G_END_DECLS
