/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../dataset/batches.h"
#include "../nn/optimizers.h"
#include "../nn/schedules.h"

G_BEGIN_DECLS

/**
 * KolTrainSettings:
 * @steps: how many steps; 0: 20,000, or as @epochs says
 * @epochs: how many epochs instead; 0 once kol_train_settings_settle() has made steps of
 *   them
 * @batch: examples per step; 0: 50
 * @memory: "normal", or "low": what the gradients need of the forward pass is mostly
 *   computed again rather than kept, with the same results; %NULL: normal
 * @optimizer: how parameters are changed; zeros: Adam with a rate of 1e-4
 * @schedule: how the rate goes on from there; zeros: it stays
 * @plateau: how many validations in a row may bring no lower loss; after one more the
 *   rate is multiplied by @plateau_factor (as PyTorch counts them); 0: never
 * @plateau_factor: 0: 0.1
 * @early_stop: validations in a row without improvement (of the accuracy where there are
 *   classes) after which training ends, with the best weights if the run is
 *   recorded; 0: never
 * @keep: dropout's keep probability; 0: 0.5
 * @seed: of weights, shuffles, augmentation and dropout
 * @validation: examples taken from the end of the training set to validate on; 0: a
 *   twelfth of it, at most 5,000. Where there is a validation set, how many of it are
 *   looked at; 0: all
 * @augment: how pictures are varied; zeros: not at all
 * @log_every: steps between rows of the log; 0: 10
 * @validate_every: steps between validations; 0: an epoch
 * @checkpoint_every: steps between checkpoints; 0: an epoch
 * @histogram_every: steps between histograms of weights and gradients in the event
 *   file; 0: an epoch
 * @checkpoints: how many of the latest checkpoints are kept, beside the best one; 0: 3
 *
 * How to train. Names are those of the settings in a recipe file, with - for _.
 */
typedef struct {
  guint64 steps;
  guint64 epochs;
  gsize batch;
  const char *memory;
  KolOptimizer optimizer;
  KolSchedule schedule;
  guint64 plateau;
  double plateau_factor;
  guint64 early_stop;
  double keep;
  guint64 seed;
  gsize validation;
  KolAugment augment;
  guint64 log_every;
  guint64 validate_every;
  guint64 checkpoint_every;
  guint64 histogram_every;
  guint64 checkpoints;
} KolTrainSettings;

KOL_API const char *const *kol_train_settings_names (void);
KOL_API gboolean kol_train_settings_set (KolTrainSettings *settings, const char *name,
                                         const char *value, GError **error);
KOL_API gboolean kol_train_settings_settle (KolTrainSettings *settings, gsize examples,
                                            gsize validation, const char *data, GError **error);
KOL_API void kol_train_settings_write (const KolTrainSettings *settings, GKeyFile *file,
                                       const char *group);

G_END_DECLS
