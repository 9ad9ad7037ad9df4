/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Learning rates that change as training goes on, by the step or by the loss.
 * Plain arithmetic on the host: whoever trains puts the result into the
 * optimizer's rate.
 */

#include "nn/schedules.h"

#include <math.h>

#define DEFAULT_FACTOR 0.1

/* PyTorch's defaults for one-cycle. */
#define RISING_SHARE 0.3   /* of the steps */
#define FIRST_DIVISOR 25.0 /* of the rate, at the first step */
#define LAST_DIVISOR 1e4   /* of the first rate, at the last step */

/* What a schedule makes of @rate at @step of @steps. */
typedef double (*Rate) (const KolSchedule *schedule, double rate, double step, double steps);

static double
constant_rate (const KolSchedule *schedule, double rate, double step, double steps)
{
  return rate;
}

/* How often the rate has been multiplied by the factor, in parts, too. */
static double
multiplications (const KolSchedule *schedule, double step, double steps)
{
  double every = schedule->every != 0 ? (double) schedule->every : MAX (steps / 3, 1);

  return step / every;
}

static double
factor_of (const KolSchedule *schedule)
{
  return schedule->factor != 0 ? schedule->factor : DEFAULT_FACTOR;
}

static double
step_rate (const KolSchedule *schedule, double rate, double step, double steps)
{
  return rate * pow (factor_of (schedule), floor (multiplications (schedule, step, steps)));
}

static double
exponential_rate (const KolSchedule *schedule, double rate, double step, double steps)
{
  return rate * pow (factor_of (schedule), multiplications (schedule, step, steps));
}

/* From @first to @last along half a wave, @share of the way. */
static double
anneal (double first, double last, double share)
{
  return last + (first - last) * (1 + cos (G_PI * CLAMP (share, 0, 1))) / 2;
}

static double
cosine_rate (const KolSchedule *schedule, double rate, double step, double steps)
{
  return anneal (rate, rate * schedule->final, steps > 0 ? step / steps : 1);
}

static double
one_cycle_rate (const KolSchedule *schedule, double rate, double step, double steps)
{
  double first = rate / FIRST_DIVISOR, top = RISING_SHARE * steps - 1, end = steps - 1;

  if (step <= top)
    return anneal (first, rate, top > 0 ? step / top : 1);
  return anneal (rate, first / LAST_DIVISOR, end > top ? (step - top) / (end - top) : 1);
}

static const char *const names[]
    = { "constant", "step", "exponential", "cosine", "one-cycle", NULL };
static const Rate rates[]
    = { constant_rate, step_rate, exponential_rate, cosine_rate, one_cycle_rate };

/**
 * kol_schedule_names:
 *
 * Returns: (transfer none) (array zero-terminated=1): the names that
 *   kol_schedule_rate() knows
 */
const char *const *
kol_schedule_names (void)
{
  return names;
}

/**
 * kol_schedule_rate:
 * @schedule: which one, and its numbers
 * @rate: the rate that it starts from, or, with one-cycle, the highest
 * @step: from 0
 * @steps: how many there will be in all
 *
 * The learning rate at a step. For the first w = warmup steps it is
 * rate (step + 1) / w; then, with t = step - w and T = steps - w:
 *
 *     constant     rate
 *     step         rate · factor^⌊t / every⌋
 *     exponential  rate · factor^(t / every)
 *     cosine       rate (final + (1 - final) (1 + cos (π t / T)) / 2)
 *     one-cycle    from rate / 25 up to rate in the first 3 of 10 steps, then down to
 *                  rate / 250000 at the last, each time along half a cosine
 *
 * as PyTorch's LinearLR, StepLR, ExponentialLR, CosineAnnealingLR (T_max = T) and
 * OneCycleLR give it. Past the last step cosine and one-cycle stay where they are.
 *
 * Returns: the rate; NaN if there is no schedule of that name
 */
double
kol_schedule_rate (const KolSchedule *schedule, double rate, guint64 step, guint64 steps)
{
  gboolean warms_up = g_strcmp0 (schedule->name, "one-cycle") != 0;
  guint64 warmup = warms_up ? schedule->warmup : 0;

  for (guint i = 0; names[i]; i++)
    if (g_strcmp0 (names[i], schedule->name) == 0)
      return step < warmup ? rate * (double) (step + 1) / (double) warmup
                           : rates[i](schedule, rate, (double) (step - warmup),
                                      (double) (steps - MIN (warmup, steps)));
  return NAN;
}

/**
 * kol_plateau_init:
 * @plateau: (out caller-allocates): what to set up
 * @factor: what the rate is to be multiplied by, below 1; 0: 0.1
 * @patience: how many losses in a row may be no better; PyTorch's default is 10
 * @threshold: a loss below best (1 - threshold) is better; PyTorch's default is 1e-4
 * @least: the smallest scale, in 0 .. 1
 */
void
kol_plateau_init (KolPlateau *plateau, double factor, guint patience, double threshold,
                  double least)
{
  *plateau = (KolPlateau){ .factor = factor != 0 ? factor : DEFAULT_FACTOR,
                           .threshold = threshold,
                           .least = least,
                           .patience = patience,
                           .best = INFINITY,
                           .scale = 1 };
}

/**
 * kol_plateau_update:
 * @plateau: a plateau
 * @loss: the loss, of the validation set say, as it is now; NaN is no better
 *
 * After more than patience losses in a row that were no better than the best one,
 * the scale becomes max (scale · factor, least), and counting begins anew. This is
 * PyTorch's ReduceLROnPlateau (mode "min", threshold_mode "rel", no cooldown,
 * eps 0), but for the scale, which stands for the rate.
 *
 * Returns: the scale, 1 at first: what to multiply the rate by
 */
double
kol_plateau_update (KolPlateau *plateau, double loss)
{
  gboolean better = loss < plateau->best * (1 - plateau->threshold);

  if (better)
    plateau->best = loss;
  plateau->bad = better ? 0 : plateau->bad + 1;
  if (plateau->bad > plateau->patience)
    {
      plateau->scale = MAX (plateau->scale * plateau->factor, plateau->least);
      plateau->bad = 0;
    }
  return plateau->scale;
}

/**
 * kol_early_stop_init:
 * @stop: (out caller-allocates): what to set up
 * @patience: how many losses in a row may be no better, at least 1
 */
void
kol_early_stop_init (KolEarlyStop *stop, guint patience)
{
  *stop = (KolEarlyStop){ .patience = patience, .best = INFINITY };
}

/**
 * kol_early_stop_update:
 * @stop: an early stop
 * @loss: the loss of the validation set; NaN is no better
 * @step: after how many steps
 *
 * Returns: whether the last patience losses in a row were no better than the best
 *   one, which was that of best_step: time to stop
 */
gboolean
kol_early_stop_update (KolEarlyStop *stop, double loss, guint64 step)
{
  if (loss < stop->best)
    {
      stop->best = loss;
      stop->best_step = step;
      stop->bad = 0;
      return FALSE;
    }
  stop->bad++;
  return stop->bad >= stop->patience;
}
