/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"

G_BEGIN_DECLS

/**
 * KolSchedule:
 * @name: "constant", "step", "exponential", "cosine" or "one-cycle"; see
 *   kol_schedule_names()
 * @warmup: steps over which the rate rises linearly before the rest begins; not
 *   with one-cycle, which has its own
 * @every: step, exponential: steps in which the rate is multiplied by factor once;
 *   0: a third of the steps after the warm-up
 * @factor: step, exponential; 0: 0.1
 * @final: cosine: the last rate as a share of the first
 *
 * How the learning rate changes from step to step; kol_schedule_rate() has the
 * formulas.
 */
typedef struct {
  const char *name;
  guint64 warmup;
  guint64 every;
  double factor;
  double final;
} KolSchedule;

KOL_API const char *const *kol_schedule_names (void);
KOL_API double kol_schedule_rate (const KolSchedule *schedule, double rate, guint64 step,
                                  guint64 steps);

/**
 * KolPlateau:
 * @factor: what the rate is multiplied by
 * @threshold: a loss must be this share below the best one to be better
 * @least: the smallest scale
 * @patience: how many losses in a row may be no better
 * @best: state: the best loss so far
 * @bad: state: how many losses in a row were no better
 * @scale: state: what to multiply the rate by
 *
 * A rate that falls when the loss does not. Set up by kol_plateau_init(); the
 * state belongs into checkpoints.
 */
typedef struct {
  double factor, threshold, least;
  guint patience;
  double best;
  guint bad;
  double scale;
} KolPlateau;

KOL_API void kol_plateau_init (KolPlateau *plateau, double factor, guint patience, double threshold,
                               double least);
KOL_API double kol_plateau_update (KolPlateau *plateau, double loss);

/**
 * KolEarlyStop:
 * @patience: how many losses in a row may be no better before it is time to stop;
 *   at least 1
 * @best: state: the best loss so far
 * @bad: state: how many losses in a row were no better
 * @best_step: state: the step of the best loss
 *
 * Set up by kol_early_stop_init(); the state belongs into checkpoints.
 */
typedef struct {
  guint patience;
  double best;
  guint bad;
  guint64 best_step;
} KolEarlyStop;

KOL_API void kol_early_stop_init (KolEarlyStop *stop, guint patience);
KOL_API gboolean kol_early_stop_update (KolEarlyStop *stop, double loss, guint64 step);

G_END_DECLS
