/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * The nodes that an optimizer is made of; src/nn/optimizers.c builds them. They
 * write states and parameters in place and have no gradient.
 */

#include "graph/op-private.h"

G_BEGIN_DECLS

/* Inputs that every step has: where the kernels and kol_optimizer_get_...() find them. */
enum {
  KOL_STEP_RATE,
  KOL_STEP_WATCH,
  KOL_STEP_NORM,
  KOL_STEP_COUNT,
  KOL_STEP_STATES, /* the first of the rule's own states */
};

#define KOL_STEP_MAX_STATES 3

/* The numbers of a step; what its rule does not name is not looked at. */
typedef struct {
  double momentum;         /* sgd, rmsprop; 0: none, and no state for it. In [0, 1) */
  gboolean keeps_momentum; /* there is a state for it, though it may be 0 now */
  gboolean nesterov;       /* sgd, with a momentum */
  double beta1, beta2;     /* adam; in [0, 1) */
  double alpha;            /* rmsprop; in [0, 1) */
  gboolean centered;       /* rmsprop */
  double epsilon;          /* adam, rmsprop; above 0 */
  double weight_decay;     /* 0: none */
  gboolean decoupled; /* adam: the decay shrinks the parameter instead of adding to its gradient */
  double clip_value;  /* 0: gradients as they are; at most one of the two */
  double clip_norm;
  double average; /* decay of the parameters' moving average; 0: none, and no state for it */
} KolStepNumbers;

/*
 * The norm of all gradients together, a scalar: sqrt (sum g^2), not finite where
 * a gradient is not, or where g^2 is beyond the range of a float. Output 1 is
 * watch [2], whose first number, the flag, becomes 1 with such a norm and stays
 * so until the host resets it.
 */
KolValue *kol_gradient_norm (KolValue *watch, KolValue *const *gradients, guint n);

/*
 * For a batch that comes in @parts: sums[i] <- (0 in the first part, else sums[i])
 * + gradients[i] / parts, in place; output i is sums[i]. The part whose first
 * example is the whole batch's is the first one.
 */
KolValue *kol_gather_gradients (KolValue *const *sums, KolValue *const *gradients, guint n,
                                guint parts);

/* The names of the states, [all parameters' elements] each, that the rule "sgd", "adam" or
 * "rmsprop" keeps with these numbers. Returns: how many. */
guint kol_step_list_states (const char *rule, const KolStepNumbers *numbers,
                            const char *names[KOL_STEP_MAX_STATES]);

/* What a step works on. */
typedef struct {
  KolValue *rate;  /* a scalar */
  KolValue *watch; /* [2], as above: a flag that is not 0 makes the step do nothing */
  KolValue *norm;  /* of the gradients, a scalar */
  KolValue *count; /* [1]: steps taken */
  KolValue *states[KOL_STEP_MAX_STATES];
  guint n;
  KolValue *const *parameters;
  KolValue *const *gradients;
  KolValue *const *averages; /* NULL if there are none */
} KolStepInputs;

/*
 * One step. Output 0 is statistics [n, 2]: for each parameter the sums of the
 * update's squares and of its own before the update; the other outputs are count,
 * the states, the parameters and the averages, in place.
 */
KolValue *kol_optimizer_step (const char *rule, const KolStepInputs *inputs,
                              const KolStepNumbers *numbers);

/* Changes a number that later runs of the step have: sgd's and rmsprop's momentum, adam's beta1; or
 * the weight decay. FALSE with @error set, and nothing is changed, for what the step cannot have.
 */
gboolean kol_step_set_momentum (KolNode *node, double momentum, GError **error);
gboolean kol_step_set_weight_decay (KolNode *node, double weight_decay, GError **error);

/* Where the first parameter is among a step's inputs; -1 for any other node. */
int kol_step_first_parameter (const KolNode *node);
/* From it to the next one: its gradient follows it, then its average if there are any. */
guint kol_step_stride (const KolNode *node);

/* Whether @value is an output of a kol_gather_gradients(). */
gboolean kol_is_gathered (const KolValue *value);

G_END_DECLS
