/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "nn/optimizers.h"

#include <math.h>
#include <string.h>

#include "graph/graph-private.h"
#include "nn/initializers.h"
#include "ops/optimizer-private.h"

/* ── The optimizers by name ────────────────────────────────────────────────────────────────── */

typedef struct {
  const char *rule; /* of src/ops/optimizer.c */
  double rate;      /* the default */
  gboolean decoupled;
} Optimizer;

static const char *const names[] = { "sgd", "adam", "adamw", "rmsprop", NULL };

/* In the order of the names. */
static const Optimizer optimizers[] = {
  { "sgd", 1e-2, FALSE },
  { "adam", 1e-3, FALSE },
  { "adam", 1e-3, TRUE },
  { "rmsprop", 1e-2, FALSE },
};

/* Or NULL. */
static const Optimizer *
find_optimizer (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (optimizers); i++)
    if (g_strcmp0 (names[i], name) == 0)
      return &optimizers[i];
  return NULL;
}

/**
 * kol_optimizer_names:
 *
 * Returns: (transfer none) (array zero-terminated=1): the names that kol_minimize()
 *   knows
 */
const char *const *
kol_optimizer_names (void)
{
  return names;
}

/**
 * kol_optimizer_default_rate:
 * @name: an optimizer's name
 *
 * Returns: the learning rate that it has if none is given; NaN if there is no such
 *   optimizer
 */
double
kol_optimizer_default_rate (const char *name)
{
  const Optimizer *optimizer = find_optimizer (name);

  return optimizer ? optimizer->rate : NAN;
}

/* @how with the usual numbers where it has none. */
static KolStepNumbers
step_numbers (const KolOptimizer *how, const Optimizer *optimizer)
{
  return (KolStepNumbers){
    .momentum = how->momentum,
    .nesterov = how->nesterov,
    .beta1 = how->beta1 != 0 ? how->beta1 : 0.9,
    .beta2 = how->beta2 != 0 ? how->beta2 : 0.999,
    .alpha = how->alpha != 0 ? how->alpha : 0.99,
    .centered = how->centered,
    .epsilon = how->epsilon != 0 ? how->epsilon : 1e-8,
    .weight_decay = how->weight_decay,
    .decoupled = optimizer->decoupled,
    .clip_value = how->clip_value,
    .clip_norm = how->clip_norm,
    .average = how->average,
  };
}

/* ── What a step starts from ───────────────────────────────────────────────────────────────── */

/* The parameters, their gradients, and what all optimizers keep. */
typedef struct {
  const KolOptimizer *how;
  KolGraph *graph;
  guint n;
  KolValue **parameters;
  KolValue **gradients; /* of the whole batch */
  KolValue **averages;  /* or NULL */
  gint64 total;         /* elements of all parameters */
  KolValue *rate;
  KolValue *norm;
  KolValue *watch;    /* after the gradient's norm has been put into it */
  GPtrArray *updates; /* KolValue: what layers write in each step */
} Descent;

static void
descent_clear (Descent *descent)
{
  g_free (descent->parameters);
  g_free (descent->gradients);
  g_free (descent->averages);
  g_clear_pointer (&descent->updates, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Descent, descent_clear)

static gboolean
check_rate (const Descent *descent)
{
  double rate = descent->how->rate;

  if (rate >= 0 && isfinite ((float) rate))
    return TRUE;
  kol_graph_fail (descent->graph, KOL_ERROR_SHAPE,
                  "%s: the rate is %g, but it must be a number of at least 0", descent->how->name,
                  rate);
  return FALSE;
}

/*
 * A name of the optimizer's own. A graph's second optimizer has the rate "rate-2",
 * and "-2" distinguishes its states in the same way.
 */
static char *
own_name (const Descent *descent, const char *before, const char *after)
{
  const char *suffix = kol_value_get_name (descent->rate) + strlen ("rate");

  const char *scope = descent->how->scope;

  return g_strconcat (scope ? scope : "", scope ? "/" : "", before, suffix, after ? "/" : NULL,
                      after, NULL);
}

static KolValue *
zeros (const Descent *descent, const char *before, const char *after, KolShape shape)
{
  g_autofree char *name = own_name (descent, before, after);

  return kol_state (descent->graph, name, shape, KOL_CONSTANT (0));
}

static gboolean
find_parameters (Descent *descent, KolValue *loss)
{
  descent->n = kol_trainables (loss, &descent->parameters);
  for (guint i = 0; i < descent->n; i++)
    descent->total += kol_count (descent->parameters[i]);
  if (descent->n == 0)
    kol_graph_fail (descent->graph, KOL_ERROR_SHAPE,
                    "%s: the loss %s depends on no trainable parameter; make one with "
                    "kol_parameter()",
                    descent->how->name, kol_value_get_name (loss));
  return descent->n > 0;
}

/* A batch may come in parts if no example's result depends on the other examples. */
static gboolean
check_parts (const Descent *descent, KolValue *loss)
{
  g_autofree guint8 *needed = kol_graph_mark_ancestors (loss);

  for (guint id = 0; id <= loss->node->id; id++)
    {
      const KolNode *node = g_ptr_array_index (descent->graph->nodes, id);

      if (!needed[id] || !node->op->mixes_examples)
        continue;
      kol_graph_fail (descent->graph, KOL_ERROR_SHAPE,
                      "%s: the batch was to come in %u parts, but what %s (%s) gives for an "
                      "example depends on the whole batch, of which a part has other statistics; "
                      "take the batch whole, or make it smaller",
                      descent->how->name, descent->how->micro_batches, node->name, node->op->name);
      return FALSE;
    }
  return TRUE;
}

/* Puts the sum over the parts of the batch in the place of a part's gradients. */
static gboolean
gather (Descent *descent)
{
  g_autofree KolValue **sums = g_new0 (KolValue *, descent->n);
  KolValue *gathered;

  for (guint i = 0; i < descent->n; i++)
    sums[i] = zeros (descent, "gathered", kol_value_get_name (descent->parameters[i]),
                     descent->parameters[i]->shape);
  gathered
      = kol_gather_gradients (sums, descent->gradients, descent->n, descent->how->micro_batches);
  for (guint i = 0; i < descent->n; i++)
    descent->gradients[i] = kol_output (gathered, i);
  return !kol_value_failed (gathered);
}

static gboolean
make_averages (Descent *descent)
{
  descent->averages = g_new0 (KolValue *, descent->n);
  for (guint i = 0; i < descent->n; i++)
    {
      g_autofree char *name = own_name (descent, "average", NULL);

      g_autofree char *path
          = g_strconcat (kol_value_get_name (descent->parameters[i]), "/", name, NULL);

      descent->averages[i]
          = kol_state (descent->graph, path, descent->parameters[i]->shape, KOL_CONSTANT (0));
      if (kol_value_failed (descent->averages[i]))
        return FALSE;
    }
  return TRUE;
}

/* What layers that @loss is computed from write in each step: running statistics. */
static gboolean
collect_updates (Descent *descent, KolValue *loss)
{
  g_autofree guint8 *needed = kol_graph_mark_ancestors (loss);

  descent->updates = g_ptr_array_new ();
  for (guint id = 0; id <= loss->node->id; id++)
    {
      KolNode *node = g_ptr_array_index (descent->graph->nodes, id);
      KolValue *update
          = needed[id] && node->op->update ? node->op->update (node, descent->watch) : NULL;

      if (update)
        g_ptr_array_add (descent->updates, update);
    }
  return descent->graph->error == NULL;
}

/* Builds what comes before the step; FALSE if the graph has failed. */
static gboolean
descend (Descent *descent, KolValue *loss)
{
  gboolean parts = descent->how->micro_batches > 1;
  KolValue *watch;

  if (!check_rate (descent) || !find_parameters (descent, loss)
      || (parts && !check_parts (descent, loss)))
    return FALSE;
  descent->gradients = g_new0 (KolValue *, descent->n);
  if (!kol_gradients (loss, descent->parameters, descent->n, descent->gradients))
    return FALSE;
  descent->rate = kol_placeholder (descent->graph, "rate", KOL_SCALAR);
  kol_set_scalar (descent->rate, (float) descent->how->rate);
  if ((parts && !gather (descent)) || (descent->how->average != 0 && !make_averages (descent)))
    return FALSE;

  watch = kol_state (descent->graph, "watch", KOL_SHAPE (2), KOL_CONSTANT (0));
  descent->norm = kol_gradient_norm (watch, descent->gradients, descent->n);
  descent->watch = kol_output (descent->norm, 1);
  return !kol_value_failed (descent->norm) && collect_updates (descent, loss);
}

static KolValue *
take_step (Descent *descent, const Optimizer *optimizer)
{
  const char *name = descent->how->name, *states[KOL_STEP_MAX_STATES];
  KolStepNumbers numbers = step_numbers (descent->how, optimizer);
  KolStepInputs inputs = { .rate = descent->rate,
                           .watch = descent->watch,
                           .norm = descent->norm,
                           .count = zeros (descent, name, "count", KOL_SHAPE (1)),
                           .n = descent->n,
                           .parameters = descent->parameters,
                           .gradients = descent->gradients,
                           .averages = descent->averages };
  guint n_states = kol_step_list_states (optimizer->rule, &numbers, states);
  KolValue *step;

  for (guint i = 0; i < n_states; i++)
    inputs.states[i] = zeros (descent, name, states[i], KOL_SHAPE (descent->total));
  step = kol_optimizer_step (optimizer->rule, &inputs, &numbers);
  if (!kol_value_failed (step) && descent->updates->len > 0)
    step->node->also = g_steal_pointer (&descent->updates);
  return step;
}

/* ── Optimizers ────────────────────────────────────────────────────────────────────────────── */

static KolValue *
fail_name (KolGraph *graph, const char *name)
{
  g_autofree char *known = g_strjoinv (", ", (char **) names);

  return kol_graph_fail (graph, KOL_ERROR_SHAPE, "there is no optimizer \"%s\"; choose one of: %s",
                         name, known);
}

/**
 * kol_minimize:
 * @loss: what to make smaller: a value of one element
 * @how: which optimizer, with which numbers
 *
 * One training step for all trainable parameters that @loss is computed from. With
 * t counting the steps from 1, for each number p of a parameter, of gradient
 * g = ∂loss/∂p, which is first clipped and then given its weight decay:
 *
 *     sgd      v ← momentum v + g
 *              p ← p - rate v;  nesterov: p ← p - rate (g + momentum v)
 *
 *     adam     m ← beta1 m + (1 - beta1) g
 *     adamw    v ← beta2 v + (1 - beta2) g²
 *              p ← p - rate / (1 - beta1ᵗ) · m / (√(v / (1 - beta2ᵗ)) + epsilon)
 *
 *     rmsprop  v ← alpha v + (1 - alpha) g²
 *              u = g / (√v + epsilon);  centered: m ← alpha m + (1 - alpha) g and
 *                  √(v - m²) instead of √v
 *              p ← p - rate u;  with momentum: b ← momentum b + u, p ← p - rate b
 *
 *     average  a ← average a + (1 - average) p, after the step; the first: a = p
 *
 * The rate is a placeholder, preset to @how's; see kol_optimizer_get_rate(). t and
 * the rest are states: "adam/count" [1], "adam/m", "adam/v", "sgd/v",
 * "rmsprop/momentum" and so on [all parameters' elements, one parameter after
 * another], and "<parameter>/average" of the parameter's shape. In a graph that has
 * another optimizer already the rate is "rate-2", and the states are "adam-2/count"
 * and so on.
 *
 * If the gradient's norm is not finite the step changes nothing, and neither do
 * the following ones, until the state "watch" [2] is set back to 0.
 *
 * With micro_batches the batch comes in that many parts of equal size, each of the
 * placeholders' size, so that a large batch needs the memory of a small one: for
 * each part, in order, call kol_graph_set_first_example() with the place of its
 * first example in the batch, which is 0 in the first part and in no other; set
 * the placeholders; then run the value of kol_optimizer_get_gather(), or, for the
 * last part, the step. Where @loss is a mean over the batch this is the step of
 * the whole batch, up to rounding. The sums are the states "gathered/<parameter>".
 *
 * The graph fails if there is no such optimizer; if the rate is negative or not
 * finite; if a momentum, beta, alpha or the average's decay is not in [0, 1); if
 * epsilon is not above 0; if both kinds of clipping are asked for, or Nesterov's
 * step without a momentum; if @loss is not one number, has no gradient, or depends
 * on no trainable parameter; and if the batch is to come in parts but a layer, such
 * as batch normalization, computes with the statistics of the whole.
 *
 * Each is as PyTorch computes it (torch.optim, clip_grad_value_, clip_grad_norm_).
 * Sutskever et al., "On the importance of initialization and momentum in deep
 * learning", 2013; Kingma and Ba, "Adam", 2015; Loshchilov and Hutter, "Decoupled
 * weight decay regularization", 2019; Tieleman and Hinton, "RMSprop", 2012;
 * Graves, "Generating sequences with recurrent neural networks", 2013 (centered).
 *
 * Returns: (transfer none): the step, to be run by kol_run(): for each parameter
 *   the sum of the squares of its update and of itself before it, [parameters, 2];
 *   see kol_optimizer_read_ratios()
 */
KolValue *
kol_minimize (KolValue *loss, const KolOptimizer *how)
{
  g_auto (Descent) descent = { 0 };
  const Optimizer *optimizer;
  KolOptimizer settled;

  g_return_val_if_fail (loss != NULL && how != NULL && how->name != NULL, NULL);

  if (kol_value_failed (loss))
    return loss;
  optimizer = find_optimizer (how->name);
  if (!optimizer)
    return fail_name (kol_value_get_graph (loss), how->name);
  settled = *how;
  if (settled.rate == 0)
    settled.rate = optimizer->rate;
  descent.how = &settled;
  descent.graph = kol_value_get_graph (loss);
  if (!descend (&descent, loss))
    return kol_graph_fail (descent.graph, KOL_ERROR_SHAPE, "%s has failed", how->name);
  return take_step (&descent, optimizer);
}

/**
 * kol_adam:
 * @loss: what to make smaller: a value of one element
 * @how: (nullable): its numbers; %NULL or 0 for the usual ones
 *
 * kol_minimize() with "adam".
 *
 * Returns: (transfer none): the step
 */
KolValue *
kol_adam (KolValue *loss, const KolAdam *how)
{
  KolAdam numbers = how ? *how : (KolAdam){ 0 };

  return kol_minimize (loss, &(KolOptimizer){ .name = "adam",
                                              .rate = numbers.rate,
                                              .beta1 = numbers.beta1,
                                              .beta2 = numbers.beta2,
                                              .epsilon = numbers.epsilon });
}

/**
 * kol_sgd:
 * @loss: what to make smaller: a value of one element
 * @how: its rate and momentum
 *
 * kol_minimize() with "sgd".
 *
 * Returns: (transfer none): the step
 */
KolValue *
kol_sgd (KolValue *loss, const KolSgd *how)
{
  g_return_val_if_fail (how != NULL, NULL);

  return kol_minimize (
      loss, &(KolOptimizer){ .name = "sgd", .rate = how->rate, .momentum = how->momentum });
}

/* ── What a step tells of itself ───────────────────────────────────────────────────────────── */

/* Whether @value is what kol_minimize() has returned, failed or not. */
static gboolean
is_step (const KolValue *value)
{
  return value
         && (kol_value_failed (value)
             || (kol_step_first_parameter (value->node) >= 0 && value->output == 0));
}

/**
 * kol_optimizer_get_rate:
 * @train_step: what kol_minimize() has returned
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
 * kol_optimizer_set_momentum:
 * @train_step: what kol_minimize() has returned
 * @momentum: in [0, 1): the momentum of sgd and rmsprop; adam, adamw: beta1
 * @error: return location for an error
 *
 * Changes the momentum from the next run on. What it has gathered stays. A step that was
 * made without one keeps nothing for it, and cannot be given one.
 *
 * Errors: %KOL_ERROR_SHAPE, and nothing is changed.
 *
 * Returns: whether it is changed
 */
gboolean
kol_optimizer_set_momentum (KolValue *train_step, double momentum, GError **error)
{
  g_return_val_if_fail (is_step (train_step) && !kol_value_failed (train_step), FALSE);

  return kol_step_set_momentum (train_step->node, momentum, error);
}

/**
 * kol_optimizer_set_weight_decay:
 * @train_step: what kol_minimize() has returned
 * @weight_decay: as of #KolOptimizer
 * @error: return location for an error
 *
 * Changes the weight decay from the next run on.
 *
 * Errors: %KOL_ERROR_SHAPE, and nothing is changed.
 *
 * Returns: whether it is changed
 */
gboolean
kol_optimizer_set_weight_decay (KolValue *train_step, double weight_decay, GError **error)
{
  g_return_val_if_fail (is_step (train_step) && !kol_value_failed (train_step), FALSE);

  return kol_step_set_weight_decay (train_step->node, weight_decay, error);
}

/**
 * kol_optimizer_get_gradient_norm:
 * @train_step: what kol_minimize() has returned
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
  return train_step->node->inputs[KOL_STEP_NORM];
}

/* The input of a step that is the @i-th parameter (@which 0), its gradient (1) or average (2). */
static KolValue *
step_input (const KolValue *train_step, guint i, guint which)
{
  const KolNode *node = train_step->node;

  return node->inputs[(guint) kol_step_first_parameter (node) + kol_step_stride (node) * i + which];
}

/**
 * kol_optimizer_get_gather:
 * @train_step: what kol_minimize() has returned
 *
 * Returns: (transfer none) (nullable): what to run, in place of @train_step, for each
 *   part of a batch but the last; %NULL if the batch is taken whole; @train_step if it
 *   has failed
 */
KolValue *
kol_optimizer_get_gather (KolValue *train_step)
{
  KolValue *gradient;

  g_return_val_if_fail (is_step (train_step), NULL);

  if (kol_value_failed (train_step))
    return train_step;
  gradient = step_input (train_step, 0, 1);
  return kol_is_gathered (gradient) ? kol_output (gradient, 0) : NULL;
}

static guint
count_parameters (const KolValue *train_step)
{
  return (guint) train_step->shape.dim[0];
}

/**
 * kol_optimizer_get_parameters:
 * @train_step: what kol_minimize() has returned
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
  guint n;

  if (parameters)
    *parameters = NULL;
  g_return_val_if_fail (is_step (train_step), 0);

  if (kol_value_failed (train_step))
    return 0;
  n = count_parameters (train_step);
  if (parameters)
    {
      *parameters = g_new (KolParameter *, n);
      for (guint i = 0; i < n; i++)
        (*parameters)[i] = step_input (train_step, i, 0)->node->parameter;
    }
  return n;
}

/**
 * kol_optimizer_get_gradients:
 * @train_step: what kol_minimize() has returned
 * @gradients: (out) (array) (transfer container): for each parameter of
 *   kol_optimizer_get_parameters() the gradient of what the placeholders hold, the
 *   batch or a part of it, as it is before any clipping and decay; free with
 *   g_free()
 *
 * To see them, make them targets beside @train_step: read later, they would be
 * computed again, from the parameters after the step.
 *
 * Returns: how many there are; 0, and %NULL in @gradients, if @train_step has
 *   failed
 */
guint
kol_optimizer_get_gradients (KolValue *train_step, KolValue ***gradients)
{
  guint n;

  *gradients = NULL;
  g_return_val_if_fail (is_step (train_step), 0);

  if (kol_value_failed (train_step))
    return 0;
  n = count_parameters (train_step);
  *gradients = g_new (KolValue *, n);
  for (guint i = 0; i < n; i++)
    {
      KolValue *gradient = step_input (train_step, i, 1);

      (*gradients)[i] = kol_is_gathered (gradient)
                            ? gradient->node->inputs[2 * gradient->output + 1]
                            : gradient;
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
 * kol_optimizer_find_ratios:
 * @train_step: what kol_minimize() has returned
 * @sums: (array): its numbers after a run, [parameters, 2]
 * @ratios: (out) (optional) (array): as of kol_optimizer_read_ratios()
 * @overall: (out) (optional): the same for all parameters together
 *
 * Returns: how many parameters there are
 */
guint
kol_optimizer_find_ratios (KolValue *train_step, const float *sums, float *ratios, float *overall)
{
  double updates = 0, squares = 0;

  g_return_val_if_fail (is_step (train_step) && !kol_value_failed (train_step), 0);

  guint n = count_parameters (train_step);
  for (guint i = 0; i < n; i++)
    {
      if (ratios)
        ratios[i] = ratio (sums[2 * i], sums[2 * i + 1]);
      updates += sums[2 * i];
      squares += sums[2 * i + 1];
    }
  if (overall)
    *overall = ratio (updates, squares);
  return n;
}

/**
 * kol_optimizer_read_ratios:
 * @train_step: what kol_minimize() has returned, a target of the last run
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
  sums = g_new (float, 2 * count_parameters (train_step));
  if (!kol_read (train_step, sums, error))
    return FALSE;
  kol_optimizer_find_ratios (train_step, sums, ratios, overall);
  return TRUE;
}

/* ── Averages of the weights ───────────────────────────────────────────────────────────────── */

/**
 * kol_optimizer_has_averages:
 * @train_step: what kol_minimize() has returned
 *
 * Returns: whether it keeps a moving average of each parameter
 */
gboolean
kol_optimizer_has_averages (KolValue *train_step)
{
  g_return_val_if_fail (is_step (train_step), FALSE);

  return !kol_value_failed (train_step) && kol_step_stride (train_step->node) == 3;
}

/**
 * kol_optimizer_swap_averages:
 * @train_step: what kol_minimize() has returned, with averages
 * @error: return location for an error
 *
 * Exchanges the parameters and their averages, so that all graphs over them compute
 * with the averages, and, called once more, with the parameters as before. Nothing
 * is copied or waited for. No step may be run in between. Before the first step the
 * averages are the parameters themselves, and nothing is exchanged.
 *
 * Returns: %FALSE with @error set if there is no memory for the averages
 */
gboolean
kol_optimizer_swap_averages (KolValue *train_step, GError **error)
{
  g_return_val_if_fail (kol_optimizer_has_averages (train_step), FALSE);

  if (kol_graph_get_step (kol_value_get_graph (train_step)) == 0)
    return TRUE;
  for (guint i = 0; i < count_parameters (train_step); i++)
    if (!kol_parameter_swap (step_input (train_step, i, 0)->node->parameter,
                             step_input (train_step, i, 2)->node->parameter, error))
      return FALSE;
  return TRUE;
}
