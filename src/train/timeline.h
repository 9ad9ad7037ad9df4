/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"

G_BEGIN_DECLS

/** KOL_TIMELINE_FILE: the name of the file in a run's folder. */
#define KOL_TIMELINE_FILE "timeline.csv"

/**
 * KolTimelineKind:
 * @KOL_TIMELINE_RATE: the learning rate was set
 * @KOL_TIMELINE_RATE_FACTOR: what the schedule's rate is multiplied by
 * @KOL_TIMELINE_MOMENTUM: the momentum, or Adam's beta1
 * @KOL_TIMELINE_WEIGHT_DECAY: the weight decay
 * @KOL_TIMELINE_KEEP: dropout's keep probability
 * @KOL_TIMELINE_BATCH: the examples per step
 * @KOL_TIMELINE_BRANCH: the run began at this step of another one
 * @KOL_TIMELINE_CHECKPOINT_PIN: the checkpoint of the step is to be kept
 * @KOL_TIMELINE_REWIND: the run went back, from one step to another
 * @KOL_TIMELINE_DIVERGED: the next step gave no finite numbers
 *
 * What can happen to a run.
 */
typedef enum {
  KOL_TIMELINE_RATE,
  KOL_TIMELINE_RATE_FACTOR,
  KOL_TIMELINE_MOMENTUM,
  KOL_TIMELINE_WEIGHT_DECAY,
  KOL_TIMELINE_KEEP,
  KOL_TIMELINE_BATCH,
  KOL_TIMELINE_BRANCH,
  KOL_TIMELINE_CHECKPOINT_PIN,
  KOL_TIMELINE_REWIND,
  KOL_TIMELINE_DIVERGED,
} KolTimelineKind;

/**
 * KolTimelineRow:
 * @step: how many steps were done then
 * @kind: what happened
 * @from: what was before; NaN: nothing that could be told
 * @to: what it became, from the next step on
 * @seconds: of training until then
 */
typedef struct {
  guint64 step;
  KolTimelineKind kind;
  double from, to;
  double seconds;
} KolTimelineRow;

KOL_API const char *kol_timeline_kind_name (KolTimelineKind kind);
KOL_API GArray *kol_timeline_load (const char *folder, GError **error);

G_END_DECLS
