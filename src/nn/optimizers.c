/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "nn/optimizers.h"

#include <math.h>
#include <string.h>

#include "graph/graph-private.h"
#include "nn/initializers.h"
#include "ops/optimizer-private.h"

/* What every optimizer starts from: the parameters, their gradients, the rate and the watch. */
typedef struct {
  guint n;
  KolValue **parameters;
  KolValue **gradients;
  gint64 total; /* elements of all parameters */
  KolValue *rate;
  KolValue *watch; /* after the gradient's norm has been put into it */
} Descent;

static void
descent_clear (Descent *descent)
{
  g_free (descent->parameters);
  g_free (descent->gradients);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Descent, descent_clear)

static gboolean
check_rate (KolGraph *graph, const char *optimizer, double rate)
{
  if (rate >= 0 && isfinite ((float) rate))
    return TRUE;
  kol_graph_fail (graph, KOL_ERROR_SHAPE,
                  "%s: the rate is %g, but it must be a number of at least 0", optimizer, rate);
  return FALSE;
}

/* Builds what comes before the step; FALSE if the graph has failed. */
static gboolean
descend (Descent *descent, KolValue *loss, const char *optimizer, double rate)
{
  KolGraph *graph = kol_value_get_graph (loss);
  KolValue *norm;

  if (kol_value_failed (loss) || !check_rate (graph, optimizer, rate))
    return FALSE;
  descent->n = kol_trainables (loss, &descent->parameters);
  if (descent->n == 0)
    {
      kol_graph_fail (graph, KOL_ERROR_SHAPE,
                      "%s: the loss %s depends on no trainable parameter; make one with "
                      "kol_parameter()",
                      optimizer, kol_value_get_name (loss));
      return FALSE;
    }
  descent->gradients = g_new0 (KolValue *, descent->n);
  if (!kol_gradients (loss, descent->parameters, descent->n, descent->gradients))
    return FALSE;
  for (guint i = 0; i < descent->n; i++)
    descent->total += kol_count (descent->parameters[i]);

  norm = kol_gradient_norm (kol_state (graph, "watch", KOL_SHAPE (2), KOL_CONSTANT (0)),
                            descent->gradients, descent->n);
  descent->watch = kol_output (norm, 1);
  descent->rate = kol_placeholder (graph, "rate", KOL_SCALAR);
  if (kol_value_failed (norm) || kol_value_failed (descent->rate))
    return FALSE;
  kol_set_scalar (descent->rate, (float) rate);
  return TRUE;
}

/*
 * An optimizer's own state, all zeros at first. A graph's second optimizer has
 * the rate "rate-2", and "-2" distinguishes its states in the same way.
 */
static KolValue *
state (const Descent *descent, const char *optimizer, const char *what, gint64 length)
{
  const char *suffix = kol_value_get_name (descent->rate) + strlen ("rate");
  g_autofree char *name = g_strconcat (optimizer, suffix, "/", what, NULL);

  return kol_state (kol_value_get_graph (descent->rate), name, KOL_SHAPE (length),
                    KOL_CONSTANT (0));
}

/* The value that stands for a failure which the graph has recorded. */
static KolValue *
failed (KolValue *loss)
{
  return kol_graph_fail (kol_value_get_graph (loss), KOL_ERROR_SHAPE, "the optimizer has failed");
}

/**
 * kol_adam:
 * @loss: what to make smaller: a value of one element
 * @how: (nullable): its numbers; %NULL or 0 for the usual ones
 *
 * One step of Adam for all trainable parameters that @loss is computed from. With
 * t counting the steps from 1, and for each number p of a parameter, of gradient
 * g = ∂loss/∂p:
 *
 *     m ← beta1 m + (1 - beta1) g
 *     v ← beta2 v + (1 - beta2) g²
 *     p ← p - rate / (1 - beta1ᵗ) · m / (√(v / (1 - beta2ᵗ)) + epsilon)
 *
 * The rate is a placeholder, preset to @how's; see kol_optimizer_get_rate(). t, m
 * and v are the states "adam/count" [1], "adam/m" and "adam/v" [all parameters'
 * elements, one parameter after another]. In a graph that has another optimizer
 * already the rate is "rate-2" and the states are "adam-2/count" and so on.
 *
 * If the gradient's norm is not finite the step changes nothing, and neither do
 * the following ones, until the state "watch" [2] is set back to 0.
 *
 * The graph fails if the rate is negative or not finite, a beta is not in [0, 1),
 * epsilon is not above 0, @loss is not one number, has no gradient, or depends on
 * no trainable parameter.
 *
 * Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, as
 * PyTorch computes it.
 *
 * Returns: (transfer none): the step, to be run by kol_run(): for each parameter
 *   the sum of the squares of its update and of itself before it, [parameters, 2];
 *   see kol_optimizer_read_ratios()
 */
KolValue *
kol_adam (KolValue *loss, const KolAdam *how)
{
  KolAdam numbers = how ? *how : (KolAdam){ 0 };
  KolAdamStep step
      = { numbers.beta1 != 0 ? numbers.beta1 : 0.9, numbers.beta2 != 0 ? numbers.beta2 : 0.999,
          numbers.epsilon != 0 ? numbers.epsilon : 1e-8 };
  g_auto (Descent) descent = { 0 };

  g_return_val_if_fail (loss != NULL, NULL);

  if (!descend (&descent, loss, "adam", numbers.rate != 0 ? numbers.rate : 1e-3))
    return failed (loss);
  return kol_adam_step (descent.rate, descent.watch, state (&descent, "adam", "count", 1),
                        state (&descent, "adam", "m", descent.total),
                        state (&descent, "adam", "v", descent.total), descent.parameters,
                        descent.gradients, descent.n, &step);
}

/**
 * kol_sgd:
 * @loss: what to make smaller: a value of one element
 * @how: its rate and momentum
 *
 * One step of gradient descent for all trainable parameters that @loss is
 * computed from; with g = ∂loss/∂p, for each number p of a parameter:
 *
 *     v ← momentum v + g
 *     p ← p - rate v
 *
 * as PyTorch computes it. v is the state "sgd/v" [all parameters' elements, one
 * parameter after another]; without momentum it is [1] and not used. Rate, watch
 * and names are as for kol_adam().
 *
 * The graph fails if the rate is negative or not finite, momentum is not in
 * [0, 1), @loss is not one number, has no gradient, or depends on no trainable
 * parameter.
 *
 * Returns: (transfer none): the step, as kol_adam() returns it
 */
KolValue *
kol_sgd (KolValue *loss, const KolSgd *how)
{
  g_auto (Descent) descent = { 0 };
  KolSgdStep step;

  g_return_val_if_fail (loss != NULL && how != NULL, NULL);

  step.momentum = how->momentum;
  if (!descend (&descent, loss, "sgd", how->rate))
    return failed (loss);
  return kol_sgd_step (descent.rate, descent.watch,
                       state (&descent, "sgd", "v", how->momentum != 0 ? descent.total : 1),
                       descent.parameters, descent.gradients, descent.n, &step);
}

/* ── What a step tells of itself ───────────────────────────────────────────────────────────── */

/* Whether @value is what kol_adam() or kol_sgd() has returned, failed or not. */
static gboolean
is_step (const KolValue *value)
{
  return value
         && (kol_value_failed (value)
             || (kol_step_first_parameter (value->node) >= 0 && value->output == 0));
}

/**
 * kol_optimizer_get_rate:
 * @train_step: what kol_adam() or kol_sgd() has returned
 *
 * The rate as a placeholder: kol_set_scalar() on it changes the rate from the
 * next run on. A rate below 0 is not refused.
 *
 * Returns: (transfer none): a placeholder of one number; @train_step if it has
 *   failed
 */
KolValue *
kol_optimizer_get_rate (KolValue *train_step)
{
  g_return_val_if_fail (is_step (train_step), NULL);

  return kol_value_failed (train_step) ? train_step : train_step->node->inputs[KOL_STEP_RATE];
}

/**
 * kol_optimizer_get_gradient_norm:
 * @train_step: what kol_adam() or kol_sgd() has returned
 *
 * The norm of all parameters' gradients together, √(Σ g²), which every step
 * computes anyway. Not finite if a gradient is not, or if it is above 10¹⁹. To see
 * it, make it a target beside @train_step (kol_run_all()): read later, it would be
 * computed again, from the parameters after the step.
 *
 * Returns: (transfer none): a scalar; @train_step if it has failed
 */
KolValue *
kol_optimizer_get_gradient_norm (KolValue *train_step)
{
  g_return_val_if_fail (is_step (train_step), NULL);

  if (kol_value_failed (train_step))
    return train_step;
  return kol_output (train_step->node->inputs[KOL_STEP_WATCH], 0);
}

static guint
count_parameters (const KolValue *train_step)
{
  return (guint) train_step->shape.dim[0];
}

/**
 * kol_optimizer_get_parameters:
 * @train_step: what kol_adam() or kol_sgd() has returned
 * @parameters: (out) (optional) (array) (transfer container): the parameters that
 *   it changes, in the order in which they were put into the graph; free with
 *   g_free()
 *
 * Returns: how many there are; 0, and %NULL in @parameters, if @train_step has
 *   failed
 */
guint
kol_optimizer_get_parameters (KolValue *train_step, KolParameter ***parameters)
{
  guint first, n;

  if (parameters)
    *parameters = NULL;
  g_return_val_if_fail (is_step (train_step), 0);

  if (kol_value_failed (train_step))
    return 0;
  first = (guint) kol_step_first_parameter (train_step->node);
  n = count_parameters (train_step);
  if (parameters)
    {
      *parameters = g_new (KolParameter *, n);
      for (guint i = 0; i < n; i++)
        (*parameters)[i] = train_step->node->inputs[first + 2 * i]->node->parameter;
    }
  return n;
}

/* Whether the last run has left @value's numbers; if not, reading them would run the step again. */
static gboolean
was_target (const KolValue *value)
{
  const KolPlan *last = value->graph->last;

  return last && g_ptr_array_find (last->targets, value, NULL);
}

/* |update| / |parameter|, from the sums of squares. */
static float
ratio (double update, double parameter)
{
  return update == 0 && parameter == 0 ? 0 : (float) sqrt (update / parameter);
}

/**
 * kol_optimizer_read_ratios:
 * @train_step: what kol_adam() or kol_sgd() has returned, a target of the last run
 * @ratios: (out) (optional) (array): for each parameter of
 *   kol_optimizer_get_parameters() the norm of its last update over its norm
 *   before it
 * @overall: (out) (optional): the same for all parameters together
 * @error: return location for an error
 *
 * Waits for the last run and reads how far it has moved the parameters, relative
 * to their size: around 10⁻³ is usual; much more is a rate that is too high, much
 * less one that is too low. 0 if the step was held back because the gradient was
 * not finite; infinite for a parameter that was all zeros and has moved.
 *
 * Returns: %FALSE with @error set if @train_step has failed or was not a target of
 *   the last run, or the device fails
 */
gboolean
kol_optimizer_read_ratios (KolValue *train_step, float *ratios, float *overall, GError **error)
{
  g_autofree float *sums = NULL;
  double updates = 0, squares = 0;
  guint n;

  g_return_val_if_fail (is_step (train_step), FALSE);

  if (kol_value_failed (train_step))
    {
      const GError *first = kol_graph_get_error (kol_value_get_graph (train_step));

      g_propagate_error (error, g_error_copy (first));
      return FALSE;
    }
  if (!was_target (train_step))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "the update of %s was asked for, but the last run did not run it; read it after "
                   "kol_run() of the step and before any other",
                   kol_value_get_name (train_step));
      return FALSE;
    }
  n = count_parameters (train_step);
  sums = g_new (float, 2 * n);
  if (!kol_read (train_step, sums, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      if (ratios)
        ratios[i] = ratio (sums[2 * i], sums[2 * i + 1]);
      updates += sums[2 * i];
      squares += sums[2 * i + 1];
    }
  if (overall)
    *overall = ratio (updates, squares);
  return TRUE;
}
