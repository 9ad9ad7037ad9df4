/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "chart/clock.h"
#include "chart/series.h"
#include "mark.h"

G_BEGIN_DECLS

/**
 * KxPast: what a run had come to before it went back, so that this can be taken back. Its worker
 * keeps the state of the network and the run's log in it, the main thread curves and timeline.
 * Reference-counted.
 */
typedef struct _KxPast KxPast;

/** KxCurves: what a run shows; x is the step. @series[0] has a point for each step. */
typedef struct {
  KxSeries *const *series;
  guint n;
  KxClock *clock;
  GListStore *timeline; /* of KxMark */
} KxCurves;

KxPast *kx_past_new (KolTrainState *checkpoint);
KxPast *kx_past_ref (KxPast *past);
void kx_past_unref (KxPast *past);

/* On the worker's thread. */
gboolean kx_past_go_back (KxPast *past, KolTrainer *trainer, const char *folder, GError **fault,
                          GError **error);
gboolean kx_past_return (KxPast *past, KolTrainer *trainer, const char *folder, GError **fault,
                         GError **error);

/* On the main thread. */
void kx_past_cut (KxPast *past, const KxCurves *curves);
void kx_past_restore (KxPast *past, const KxCurves *curves);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxPast, kx_past_unref)

G_END_DECLS
