/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "recipe.h"
#include "trainer.h"

G_BEGIN_DECLS

/**
 * KolTrainBatch:
 * @count: how many examples: those of the batch, or, where it comes in parts, of the last one
 * @size: numbers of an example: channels, height, width
 * @n_targets: of each: 1 for a label
 * @n_outputs: of each: a score for each class, or a number predicted for each target
 * @examples: [@count, @size], as the network was given them: varied, if that is asked for
 * @targets: [@count, @n_targets]
 * @outputs: [@count, @n_outputs], with the weights as they are after the step, nothing dropped
 *
 * What a trainer has learned from last.
 */
typedef struct {
  gsize count, size, n_targets, n_outputs;
  float *examples, *targets, *outputs;
} KolTrainBatch;

/**
 * KolHistograms:
 * @n: parameters, those of kol_trainer_get_parameter_names()
 * @bins: of each
 * @low: [@n], the smallest number of each parameter
 * @high: [@n], the largest; bins between them are of equal width
 * @counts: [@n, @bins]
 *
 * How numbers are spread, parameter by parameter. What is not finite is not counted.
 */
typedef struct {
  guint n, bins;
  float *low, *high;
  guint *counts;
} KolHistograms;

KOL_API KolEvaluator *kol_trainer_get_evaluator (KolTrainer *trainer);
KOL_API KolDataset *kol_trainer_get_validation (KolTrainer *trainer);
KOL_API KolRecipe *kol_trainer_get_recipe (KolTrainer *trainer);
KOL_API KolScore *kol_trainer_score_part (KolTrainer *trainer, KolDataset *data, gsize first,
                                          gsize count, GCancellable *cancellable, GError **error);
KOL_API KolTrainBatch *kol_trainer_read_batch (KolTrainer *trainer, GError **error);
KOL_API void kol_train_batch_free (KolTrainBatch *batch);
KOL_API KolHistograms *kol_trainer_read_weights (KolTrainer *trainer, guint bins, GError **error);
KOL_API KolHistograms *kol_trainer_read_gradients (KolTrainer *trainer, guint bins, GError **error);
KOL_API void kol_histograms_free (KolHistograms *histograms);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolTrainBatch, kol_train_batch_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolHistograms, kol_histograms_free)

G_END_DECLS
