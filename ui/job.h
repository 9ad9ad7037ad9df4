/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** KxJobState: what becomes of a job. */
typedef enum {
  KX_JOB_WORKING,
  KX_JOB_PAUSED,
  KX_JOB_DONE,
  KX_JOB_CANCELLED,
  KX_JOB_FAILED,
} KxJobState;

#define KX_TYPE_JOB (kx_job_get_type ())
/** KxJob: work that takes a while, as the list of jobs shows it. Of the main thread. */
G_DECLARE_FINAL_TYPE (KxJob, kx_job, KX, JOB, GObject)

/**
 * KxJobVerbs:
 * @cancel: (nullable): ends it within a quantum; what is done stays
 * @pause: (nullable): has it wait, or go on
 *
 * What one can do about a job.
 */
typedef struct {
  void (*cancel) (KxJob *job, gpointer owner);
  void (*pause) (KxJob *job, gboolean pause, gpointer owner);
} KxJobVerbs;

KxJob *kx_job_new (const char *title, const char *page, const KxJobVerbs *verbs, gpointer owner);

const char *kx_job_get_title (KxJob *job);
void kx_job_set_title (KxJob *job, const char *title);
const char *kx_job_get_page (KxJob *job);
KxJobState kx_job_get_state (KxJob *job);
void kx_job_set_state (KxJob *job, KxJobState state, const char *text);
double kx_job_get_fraction (KxJob *job);
const char *kx_job_get_text (KxJob *job);
void kx_job_set_progress (KxJob *job, double fraction, const char *text);
void kx_job_set_stage (KxJob *job, const char *stage, guint done, guint total);
gboolean kx_job_is_over (KxJob *job);

gboolean kx_job_can_pause (KxJob *job);
gboolean kx_job_can_cancel (KxJob *job);
void kx_job_pause (KxJob *job, gboolean pause);
void kx_job_cancel (KxJob *job);
void kx_job_show (KxJob *job);

char *kx_format_time_left (double seconds);

G_END_DECLS
