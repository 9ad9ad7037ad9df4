/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * The nodes that an optimizer is made of; src/nn/optimizers.c builds them. They
 * write states and parameters in place and have no gradient.
 */

#include "graph/op-private.h"

G_BEGIN_DECLS

/* 1 - beta^t corrects the moments' start at 0; betas in [0, 1), epsilon > 0. */
typedef struct {
  double beta1;
  double beta2;
  double epsilon;
} KolAdamStep;

typedef struct {
  double momentum; /* 0: v is not used and may have any length */
} KolSgdStep;

/*
 * The norm of all gradients together, a scalar: sqrt (sum g^2), not finite where
 * a gradient is not, or where g^2 is beyond the range of a float. Output 1 is
 * watch [2], whose first number, the flag, becomes 1 with such a norm and stays
 * so until the host resets it.
 */
KolValue *kol_gradient_norm (KolValue *watch, KolValue *const *gradients, guint n);

/*
 * One step for n parameters. rate: a scalar; watch [2]: as above, a flag that is
 * not 0 makes the step do nothing; count [1]: steps taken; m, v: the moments, all
 * parameters' one after another. Output 0 is statistics [n, 2]: for each
 * parameter the sums of the update's squares and of its own before the update;
 * the other outputs are count (Adam), m (Adam), v and the parameters, in place.
 */
KolValue *kol_adam_step (KolValue *rate, KolValue *watch, KolValue *count, KolValue *m, KolValue *v,
                         KolValue *const *parameters, KolValue *const *gradients, guint n,
                         const KolAdamStep *how);
KolValue *kol_sgd_step (KolValue *rate, KolValue *watch, KolValue *v, KolValue *const *parameters,
                        KolValue *const *gradients, guint n, const KolSgdStep *how);

/* Of such a step's node: where the rate and the watch are among the inputs. */
#define KOL_STEP_RATE 0
#define KOL_STEP_WATCH 1
/* Where the first parameter is, which its gradient, the next parameter and so on follow; -1 for any
 * other node. */
int kol_step_first_parameter (const KolNode *node);

G_END_DECLS
