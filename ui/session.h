/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "device.h"
#include "job.h"
#include "run.h"
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

GListModel *kx_session_get_runs (KxSession *session);
KxRun *kx_session_get_run (KxSession *session);
void kx_session_choose_run (KxSession *session, KxRun *run);
void kx_session_add_run (KxSession *session, KxRun *run);
KxRun *kx_session_start (KxSession *session, const char *recipe, const char *data, gsize batch);
KxRun *kx_session_resume (KxSession *session, const char *folder, gboolean paused);
KxRun *kx_session_open_trial (KxSession *session, const char *folder, const char *name,
                              guint64 steps);
KxRun *kx_session_branch (KxSession *session, KxRun *parent, KxMark *checkpoint);
void kx_session_remove_run (KxSession *session, KxRun *run);
void kx_session_restore_run (KxSession *session, KxRun *run);
gboolean kx_session_lists (KxSession *session, KxRun *run);
void kx_session_discard (KxSession *session, KxRun *run);
gboolean kx_session_can_resume (const char *folder);

GListModel *kx_session_get_data_sets (KxSession *session);
void kx_session_add_data_set (KxSession *session, const char *path);
char *kx_data_set_title (const char *path);

const char *kx_session_get_page (KxSession *session);
void kx_session_set_page (KxSession *session, const char *page);

G_END_DECLS
