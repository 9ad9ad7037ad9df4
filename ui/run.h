/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "chart/clock.h"
#include "chart/series.h"
#include "device.h"
#include "job.h"
#include "mark.h"
#include "past.h"
#include "ratios.h"
#include "record.h"

G_BEGIN_DECLS

/** KxRunState: how a run stands. */
typedef enum {
  KX_RUN_STARTING, /* the device is opened, examples are read, kernels compiled: `stage` says */
  KX_RUN_LEARNING,
  KX_RUN_PAUSED,
  KX_RUN_DONE,     /* all its steps */
  KX_RUN_STOPPED,  /* saved, and its network given back; it can be resumed */
  KX_RUN_DIVERGED, /* it stands at the last finite step */
  KX_RUN_FAILED,   /* `fault` says why */
} KxRunState;

/** KxVerb: what a run is told to do. */
typedef enum {
  KX_VERB_RUN,
  KX_VERB_PAUSE,
  KX_VERB_STEP, /* one step, then pause */
  KX_VERB_STOP,
} KxVerb;

/**
 * KxRunSetup:
 * @name: for people: "run 2"
 * @recipe: the name of a recipe, or a file of one
 * @data: the file or folder of examples
 * @batch: examples per step; 0: as the recipe says
 * @steps: how many; 0: as the recipe says
 * @resume: (nullable): the folder of a run to go on with; @recipe and @data are its own then
 * @folder: (nullable): where a new one is recorded; %NULL: it is not
 * @paused: it does not learn by itself once it is ready
 *
 * What a run is to be.
 */
typedef struct {
  const char *name;
  const char *recipe;
  const char *data;
  gsize batch;
  guint64 steps;
  const char *resume;
  const char *folder;
  gboolean paused;
} KxRunSetup;

/**
 * KxMetrics:
 *
 * The numbers of steps, in order, none left out. NaN where a step has none.
 */
typedef struct {
  guint n;
  const double *step;
  const double *epoch;
  const double *seconds; /* of training */
  const float *loss, *accuracy, *rate, *norm, *ratio;
  guint n_ratios;      /* parameters */
  const float *ratios; /* [n, n_ratios] */
} KxMetrics;

#define KX_TYPE_RUN (kx_run_get_type ())
/**
 * KxRun:
 *
 * A network in training, as the main thread sees it. What it is told acts at the next step; what
 * it has come to arrives a moment later. It has a lesson of its own, or follows a job that trains
 * in a way of its own: then it can be paused and stopped, and its loss be watched. Or it is but
 * what lies in a folder, a record: it has stopped, and its curves can be loaded.
 */
G_DECLARE_FINAL_TYPE (KxRun, kx_run, KX, RUN, GObject)

/** KxRunProbe: on the worker's thread, between two steps; not called once the run has ended. */
typedef void (*KxRunProbe) (KolTrainer *trainer, gpointer data);

KxRun *kx_run_new (KxDevice *device, const KxRunSetup *setup, guint64 checkpoint_bytes);
KxRun *kx_run_new_for_job (KxDevice *device, const char *name, KxJob *job);
KxRun *kx_run_new_for_record (KxDevice *device, const char *name, KxRecord *record);
KxRun *kx_run_branch (KxRun *parent, KxMark *checkpoint, const char *name, const char *folder);

void kx_run_control (KxRun *run, KxVerb verb);
void kx_run_set (KxRun *run, KolControl control, double value);
void kx_run_begin_gesture (KxRun *run);
void kx_run_end_gesture (KxRun *run);
double kx_run_get (KxRun *run, KolControl control);
KxPast *kx_run_rewind (KxRun *run, KxMark *checkpoint);
void kx_run_return (KxRun *run, KxPast *past);
void kx_run_checkpoint (KxRun *run);
gboolean kx_run_save (KxRun *run);
gboolean kx_run_can_move (KxRun *run);
void kx_run_move (KxRun *run, KxDevice *device);
void kx_run_probe (KxRun *run, gconstpointer key, KxRunProbe probe, gpointer data,
                   GDestroyNotify destroy);
void kx_run_set_weight (KxRun *run, guint weight);
void kx_run_take_losses (KxRun *run, const KxMetrics *metrics, guint64 steps, double seconds_left);
void kx_run_set_limit (KxRun *run, guint64 step);
void kx_run_scrap (KxRun *run);
void kx_run_load (KxRun *run);

const char *kx_run_get_name (KxRun *run);
guint kx_run_get_number (KxRun *run);
void kx_run_set_number (KxRun *run, guint number);
void kx_run_set_name (KxRun *run, const char *name);
KxDevice *kx_run_get_device (KxRun *run);
KxJob *kx_run_get_job (KxRun *run);
KxRunState kx_run_get_state (KxRun *run);
const GError *kx_run_get_fault (KxRun *run);
const char *kx_run_get_stage (KxRun *run);
const char *kx_run_get_folder (KxRun *run);
const char *kx_run_get_recipe (KxRun *run);
const char *kx_run_get_data (KxRun *run);
guint64 kx_run_get_step (KxRun *run);
guint64 kx_run_get_steps (KxRun *run);
gsize kx_run_get_batch (KxRun *run);
KxRun *kx_run_get_parent (KxRun *run);
guint64 kx_run_get_branch_step (KxRun *run);
gboolean kx_run_resume (KxRun *run, gboolean paused);
gboolean kx_run_is_running (KxRun *run);
gboolean kx_run_is_over (KxRun *run);
gboolean kx_run_has_trainer (KxRun *run);
gboolean kx_run_follows_job (KxRun *run);
KxRecord *kx_run_get_record (KxRun *run);

/* What the run's curves are made of: x is the step. */
KxSeries *kx_run_get_loss (KxRun *run);
KxSeries *kx_run_get_accuracy (KxRun *run);
KxSeries *kx_run_get_validation_loss (KxRun *run);
KxSeries *kx_run_get_validation_accuracy (KxRun *run);
KxSeries *kx_run_get_rate (KxRun *run);
KxRatios *kx_run_get_ratios (KxRun *run);
KxClock *kx_run_get_clock (KxRun *run);
double kx_run_get_speed (KxRun *run);
double kx_run_get_seconds_left (KxRun *run);
double kx_run_get_latest_loss (KxRun *run);
double kx_run_get_latest_ratio (KxRun *run);
GListModel *kx_run_get_timeline (KxRun *run);

G_END_DECLS
