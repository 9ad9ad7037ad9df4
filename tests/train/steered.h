/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of a trainer that is steered share: each call has to be good. */

#include "common.h"
#include "train/metrics.h"

G_BEGIN_DECLS

char *folder_of (const char *name);
void begin (KolTrainer *trainer, Told *told);
/* Returns: whether the run has come to its end. */
gboolean advance (KolTrainer *trainer, guint64 steps, double seconds);
void end (KolTrainer *trainer);
void record (KolTrainer *trainer, const char *folder);
void set (KolTrainer *trainer, KolControl control, double value);
KolTrainState *capture (KolTrainer *trainer);
void rewind_to (KolTrainer *trainer, const KolTrainState *state);
KolParameters *parameters_of (KolTrainer *trainer);
float *read_parameter (KolTrainer *trainer, guint i, gsize *bytes);
/* Weights, moments and averages: whether all of them are the same, to the last bit. */
gboolean are_same (KolTrainer *one, KolTrainer *other);
KolMetricsTable *load_metrics (const char *folder);
/* The same rows, with the same losses to the last digit. */
void assert_same_rows (const char *one, const char *other);

/* All that makes a step depend on more than its number: moments, averages, dropout, a schedule. */
extern const KolTrainSettings rich;

G_END_DECLS
