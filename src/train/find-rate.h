/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "trainer.h"

G_BEGIN_DECLS

/**
 * KolRatePoint:
 * @rate: the learning rate of a step
 * @loss: of the batch that it learned from
 * @smoothed: the losses so far, averaged with the latest counting most
 */
typedef struct {
  double rate, loss, smoothed;
} KolRatePoint;

/**
 * KolRateFinder:
 *
 * A test of learning rates: from where a trainer stands, on a copy of it, each step has a
 * larger rate than the one before. Used by the trainer's thread.
 */
typedef struct _KolRateFinder KolRateFinder;

KOL_API KolRateFinder *kol_rate_finder_new (KolTrainer *trainer, double from, double to,
                                            guint steps, GError **error);
KOL_API void kol_rate_finder_free (KolRateFinder *finder);
KOL_API gboolean kol_rate_finder_advance (KolRateFinder *finder, guint steps, double seconds,
                                          gboolean *finished, GError **error);
KOL_API const KolRatePoint *kol_rate_finder_get_points (KolRateFinder *finder, guint *n);
KOL_API double kol_rate_finder_suggest (KolRateFinder *finder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolRateFinder, kol_rate_finder_free)

G_END_DECLS
