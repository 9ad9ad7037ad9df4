/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

/**
 * KolSgd:
 * @rate: learning rate; 0: 1e-2
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

/**
 * KolOptimizer:
 * @name: "sgd", "adam", "adamw" or "rmsprop"; see kol_optimizer_names()
 * @rate: learning rate; 0: kol_optimizer_default_rate()
 * @momentum: sgd, rmsprop: of the updates, in [0, 1); 0: none
 * @nesterov: sgd: look ahead along the momentum, which must not be 0 then
 * @beta1: adam, adamw: decay of the first moment; 0: 0.9
 * @beta2: adam, adamw: decay of the second moment; 0: 0.999
 * @epsilon: adam, adamw, rmsprop: added to the root that is divided by; 0: 1e-8
 * @alpha: rmsprop: decay of the mean square; 0: 0.99
 * @centered: rmsprop: divide by the deviation from the mean gradient
 * @weight_decay: weight_decay p is added to the gradient; adamw: p loses
 *   rate weight_decay p besides, and the gradient stays as it is
 * @clip_value: each element of the gradients is cut off at -clip_value and
 *   clip_value; 0: it is not
 * @clip_norm: all gradients are multiplied by min (1, clip_norm / (norm + 1e-6)),
 *   where norm is that of all of them together; 0: they are not
 * @micro_batches: the batch comes in so many parts of equal size; 0, 1: whole
 * @average: decay of the exponential moving average of the weights; 0: none
 * @scope: (nullable): what the names of its states begin with, for optimizers of different
 *   parameters in one set
 *
 * How to make a loss smaller; kol_minimize() has the formulas. A number that the
 * optimizer does not use is not looked at.
 */
typedef struct {
  const char *name;
  double rate;
  double momentum;
  gboolean nesterov;
  double beta1, beta2;
  double epsilon;
  double alpha;
  gboolean centered;
  double weight_decay;
  double clip_value;
  double clip_norm;
  guint micro_batches;
  double average;
  const char *scope;
} KolOptimizer;

KOL_API const char *const *kol_optimizer_names (void);
KOL_API double kol_optimizer_default_rate (const char *name);

KOL_API KolValue *kol_minimize (KolValue *loss, const KolOptimizer *how);
KOL_API KolValue *kol_sgd (KolValue *loss, const KolSgd *how);
KOL_API KolValue *kol_adam (KolValue *loss, const KolAdam *how);

KOL_API KolValue *kol_optimizer_get_rate (KolValue *train_step);
KOL_API gboolean kol_optimizer_set_momentum (KolValue *train_step, double momentum, GError **error);
KOL_API gboolean kol_optimizer_set_weight_decay (KolValue *train_step, double weight_decay,
                                                 GError **error);
KOL_API KolValue *kol_optimizer_get_gradient_norm (KolValue *train_step);
KOL_API KolValue *kol_optimizer_get_gather (KolValue *train_step);
KOL_API guint kol_optimizer_get_parameters (KolValue *train_step, KolParameter ***parameters);
KOL_API guint kol_optimizer_get_gradients (KolValue *train_step, KolValue ***gradients);
KOL_API gboolean kol_optimizer_read_ratios (KolValue *train_step, float *ratios, float *overall,
                                            GError **error);
KOL_API guint kol_optimizer_find_ratios (KolValue *train_step, const float *sums, float *ratios,
                                         float *overall);
KOL_API gboolean kol_optimizer_has_averages (KolValue *train_step);
KOL_API gboolean kol_optimizer_swap_averages (KolValue *train_step, GError **error);

G_END_DECLS
