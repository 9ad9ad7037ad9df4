/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

/**
 * KolLbfgs:
 *
 * A search for the minimum of a function of one parameter. Vectors stay on the device.
 */
typedef struct _KolLbfgs KolLbfgs;

/**
 * KolLbfgsEvaluate:
 * @loss: (out): the function's value
 * @user_data: as given
 * @error: return location
 *
 * Computes the function, and its gradient into the parameter for that. A value that is no
 * number is no error: the search tries a shorter step.
 *
 * Returns: %FALSE if it cannot be computed, which ends the search
 */
typedef gboolean (*KolLbfgsEvaluate) (double *loss, gpointer user_data, GError **error);

/**
 * KolLbfgsOptions:
 * @variable: the name of the parameter that is searched; it exists
 * @gradient: the name of the parameter of that shape where evaluations leave the gradient
 * @history: how many steps and changes of the gradient are remembered; 0: 100
 * @rate: the first length that is tried, of a step; 0: 1
 *
 * What L-BFGS works on.
 */
typedef struct {
  const char *variable;
  const char *gradient;
  guint history;
  double rate;
} KolLbfgsOptions;

KOL_API KolLbfgs *kol_lbfgs_new (KolParameters *parameters, const KolLbfgsOptions *options,
                                 GError **error);
KOL_API void kol_lbfgs_free (KolLbfgs *lbfgs);
KOL_API guint64 kol_lbfgs_bytes (gint64 numbers, guint history);
KOL_API gboolean kol_lbfgs_step (KolLbfgs *lbfgs, KolLbfgsEvaluate evaluate, gpointer user_data,
                                 double *loss, gboolean *moved, GError **error);
KOL_API guint kol_lbfgs_get_evaluations (const KolLbfgs *lbfgs);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolLbfgs, kol_lbfgs_free)

G_END_DECLS
