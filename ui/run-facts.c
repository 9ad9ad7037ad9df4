/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What a run is and how it stands, for whoever asks. */

#include <math.h>

#include "run-state-private.h"

KxDevice *
kx_run_get_device (KxRun *self)
{
  return self->device;
}

KxJob *
kx_run_get_job (KxRun *self)
{
  return self->job;
}

KxRunState
kx_run_get_state (KxRun *self)
{
  return self->state;
}

/**
 * kx_run_get_fault:
 * @run: a run
 *
 * Returns: (nullable) (transfer none): why it diverged or failed
 */
const GError *
kx_run_get_fault (KxRun *self)
{
  return self->fault;
}

const char *
kx_run_get_stage (KxRun *self)
{
  return self->stage;
}

const char *
kx_run_get_folder (KxRun *self)
{
  return self->folder;
}

const char *
kx_run_get_recipe (KxRun *self)
{
  return self->recipe;
}

const char *
kx_run_get_data (KxRun *self)
{
  return self->data;
}

guint64
kx_run_get_step (KxRun *self)
{
  return self->step;
}

guint64
kx_run_get_steps (KxRun *self)
{
  return self->steps;
}

gsize
kx_run_get_batch (KxRun *self)
{
  double batch = self->controls[KOL_CONTROL_BATCH];

  return isnan (batch) ? 0 : (gsize) batch;
}

KxRun *
kx_run_get_parent (KxRun *self)
{
  return self->parent;
}

guint64
kx_run_get_branch_step (KxRun *self)
{
  return self->branch_step;
}

/**
 * kx_run_is_running:
 * @run: a run
 *
 * Returns: whether it learns, or is going to as soon as it has started
 */
gboolean
kx_run_is_running (KxRun *self)
{
  return self->state == KX_RUN_LEARNING || (self->state == KX_RUN_STARTING && self->running);
}

/**
 * kx_run_is_over:
 * @run: a run
 *
 * Returns: whether its network has been given back: it can only be resumed
 */
gboolean
kx_run_is_over (KxRun *self)
{
  return self->state == KX_RUN_STOPPED || self->state == KX_RUN_FAILED;
}

/**
 * kx_run_has_trainer:
 * @run: a run
 *
 * Returns: whether kx_run_probe() finds something
 */
gboolean
kx_run_has_trainer (KxRun *self)
{
  return self->ready && !kx_run_is_over (self);
}

/**
 * kx_run_follows_job:
 * @run: a run
 *
 * Returns: whether it is trained by a job of another kind, which knows no single steps,
 *   checkpoints or rates to turn
 */
gboolean
kx_run_follows_job (KxRun *self)
{
  return !self->lesson && !self->record;
}

/**
 * kx_run_get_record:
 * @run: a run
 *
 * Returns: (transfer none) (nullable): what its folder says, if it is nothing else: it ended at an
 *   earlier start of the application or in another program
 */
KxRecord *
kx_run_get_record (KxRun *self)
{
  return self->record;
}

/* Getters of the curves. */
#define CURVE(name)                                                                                \
  KxSeries *kx_run_get_##name (KxRun *self) { return self->name; }
CURVE (loss)
CURVE (accuracy)
CURVE (validation_loss)
CURVE (validation_accuracy)
CURVE (rate)

/**
 * kx_run_get_latest_loss:
 * @run: a run
 *
 * Returns: the loss of its latest step, also of a record whose curves are not loaded; NaN: none yet
 */
double
kx_run_get_latest_loss (KxRun *self)
{
  gsize n = kx_series_get_length (self->loss);

  return n ? kx_series_get_y (self->loss)[n - 1] : self->record ? self->record->loss : NAN;
}

KxRatios *
kx_run_get_ratios (KxRun *self)
{
  return self->ratios;
}

/**
 * kx_run_get_latest_ratio:
 * @run: a run
 *
 * Returns: the norm of the latest update over that of the parameters, all together; NaN: none yet
 */
double
kx_run_get_latest_ratio (KxRun *self)
{
  gsize n = kx_series_get_length (self->ratio);

  return n ? kx_series_get_y (self->ratio)[n - 1] : NAN;
}

KxClock *
kx_run_get_clock (KxRun *self)
{
  return self->clock;
}

double
kx_run_get_speed (KxRun *self)
{
  return self->speed;
}

double
kx_run_get_seconds_left (KxRun *self)
{
  return self->seconds_left;
}

/**
 * kx_run_get_timeline:
 * @run: a run
 *
 * Returns: (transfer none): of #KxMark, the latest first
 */
GListModel *
kx_run_get_timeline (KxRun *self)
{
  return G_LIST_MODEL (self->timeline);
}
