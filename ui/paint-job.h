/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "paint.h"
#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_PAINT_JOB (kx_paint_job_get_type ())
/** KxPaintJob: a picture that is being painted. Of the main thread. */
G_DECLARE_FINAL_TYPE (KxPaintJob, kx_paint_job, KX, PAINT_JOB, GObject)

/**
 * KxPaintPicked:
 * @texture: the picture, as a screen shows it
 * @kept: (nullable): the picture, if it is a moment that is worth keeping
 * @step: when that was
 * @full: the picture as the engine has it
 *
 * The picture as it was once.
 */
typedef struct {
  GdkTexture *texture;
  KxPaintPicture *kept;
  guint step;
  KolSnapshot *full;
} KxPaintPicked;

/**
 * KxPaintEvent:
 * @step: when that was
 * @happening: what it was
 * @rate: Adam's from then on
 *
 * What has happened.
 */
typedef struct {
  guint step;
  KolStyleHappening happening;
  double rate;
} KxPaintEvent;

/**
 * KxPaintLosses:
 * @n: how many steps
 * @steps: (array length=n): which
 * @n_terms: how many losses
 * @names: (array length=n_terms): of which layers; "content" and "variation" stand for themselves
 * @losses: (array length=n*n_terms): step after step, before any weight
 *
 * What steps have come to.
 */
typedef struct {
  guint n;
  double *steps;
  guint n_terms;
  char **names;
  float *losses;
} KxPaintLosses;

KxPaintJob *kx_paint_job_new (KxSession *session, KxPaint *paint, guint from);
KxPaint *kx_paint_job_get_paint (KxPaintJob *job);
void kx_paint_job_update (KxPaintJob *job, KxPaint *paint);
KxJob *kx_paint_job_get_job (KxPaintJob *job);
guint kx_paint_job_get_step (KxPaintJob *job, guint *steps);
double kx_paint_job_get_seconds_left (KxPaintJob *job);
const GError *kx_paint_job_get_fault (KxPaintJob *job);

G_END_DECLS
