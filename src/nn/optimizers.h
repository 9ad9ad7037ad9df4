/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

/**
 * KolSgd:
 * @rate: learning rate
 * @momentum: mu in v <- mu v + g, p <- p - rate v; 0: plain gradient descent
 */
typedef struct {
  double rate;
  double momentum;
} KolSgd;

/**
 * KolAdam:
 * @rate: learning rate; 0: 1e-3
 * @beta1: decay of the first moment; 0: 0.9
 * @beta2: decay of the second moment; 0: 0.999
 * @epsilon: added to the root of the corrected second moment; 0: 1e-8
 *
 * Kingma and Ba, "Adam", 2015.
 */
typedef struct {
  double rate;
  double beta1;
  double beta2;
  double epsilon;
} KolAdam;

KOL_API KolValue *kol_sgd (KolValue *loss, const KolSgd *how);
KOL_API KolValue *kol_adam (KolValue *loss, const KolAdam *how);

KOL_API KolValue *kol_optimizer_get_rate (KolValue *train_step);
KOL_API KolValue *kol_optimizer_get_gradient_norm (KolValue *train_step);
KOL_API guint kol_optimizer_get_parameters (KolValue *train_step, KolParameter ***parameters);
KOL_API gboolean kol_optimizer_read_ratios (KolValue *train_step, float *ratios, float *overall,
                                            GError **error);

G_END_DECLS
