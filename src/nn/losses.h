/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

/*
 * Losses: one number, the mean over all elements of a batch, equal to PyTorch's
 * of its default reduction. For classes there is kol_softmax_cross_entropy() in
 * ops.h, a number per example: take its mean.
 */

KOL_API KolValue *kol_mean_squared_error (KolValue *predictions, KolValue *targets);
KOL_API KolValue *kol_mean_absolute_error (KolValue *predictions, KolValue *targets);
KOL_API KolValue *kol_huber (KolValue *predictions, KolValue *targets, float delta);
KOL_API KolValue *kol_binary_cross_entropy (KolValue *logits, KolValue *targets);

G_END_DECLS
