/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The range test of learning rates: Smith, "Cyclical learning rates for training neural
 * networks", 2017. The rate grows by the same factor from step to step, and the loss first
 * falls, then explodes; where it falls fastest is a rate to train with.
 */

#include "find-rate.h"

#include <math.h>

#include "trainer-private.h"

#define SMOOTHING 0.95 /* of the average so far, in the next one */
#define TOO_MUCH 4     /* times the lowest loss: it will not come down again */
#define CHANCE 10      /* steps whose average tells more of their batches than of the rates */

struct _KolRateFinder {
  KolTrainer *copy;
  double from, to;
  guint steps;
  GArray *points;    /* KolRatePoint */
  double sum, share; /* of the losses so far, and by how much it falls short of an average */
  double lowest;
  gboolean finished;
};

static double
rate_of (const KolRateFinder *finder, guint i)
{
  return finder->from * pow (finder->to / finder->from, i / (double) (finder->steps - 1));
}

/* The first points, at which nothing is compared: the average of a few losses falls and rises by
 * chance, and more than fourfold where the network is good already. */
static guint
first_points (const KolRateFinder *finder)
{
  return MIN (CHANCE, finder->steps / 10);
}

/* The average leaves out that there was nothing before the first loss. */
static void
note_loss (const KolTrainReport *report, gpointer user_data)
{
  KolRateFinder *finder = user_data;
  KolRatePoint point = { .rate = report->rate, .loss = report->loss };

  if (report->event != KOL_TRAIN_STEP)
    return;
  if (!isfinite (point.loss))
    {
      finder->finished = TRUE;
      return;
    }
  finder->sum = SMOOTHING * finder->sum + (1 - SMOOTHING) * point.loss;
  finder->share = SMOOTHING * finder->share + (1 - SMOOTHING);
  point.smoothed = finder->sum / finder->share;
  g_array_append_val (finder->points, point);
  if (finder->points->len > first_points (finder))
    finder->lowest = MIN (finder->lowest, point.smoothed);
  finder->finished
      = finder->points->len >= finder->steps || point.smoothed > TOO_MUCH * finder->lowest;
}

/* Another trainer at the same step; it looks at nothing but its steps. */
static KolTrainer *
copy_trainer (KolTrainer *trainer, guint steps, GError **error)
{
  g_autoptr (KolTrainState) state = kol_trainer_capture (trainer, error);
  KolTrainSettings settings = trainer->settings;

  if (!state)
    return NULL;
  settings.steps = kol_train_state_get_step (state) + steps + 1;
  settings.early_stop = 0;
  settings.validate_every = settings.checkpoint_every = settings.steps + 1;
  g_autoptr (KolTrainer) copy
      = kol_trainer_new (trainer->device, trainer->network, trainer->user_data, trainer->data,
                         trainer->apart ? trainer->validation : NULL, &settings, error);
  if (!copy || !kol_trainer_rewind (copy, state, error))
    return NULL;
  copy->quiet = TRUE;
  kol_trainer_tell_steps (copy, TRUE);
  return g_steal_pointer (&copy);
}

static gboolean
check (double from, double to, guint steps, GError **error)
{
  if (from > 0 && from < to && isfinite ((float) to) && steps >= 3)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "Learning rates from %g to %g were to be tried in %u steps; give two numbers above "
               "0, the smaller first, and at least 3 steps",
               from, to, steps);
  return FALSE;
}

/**
 * kol_rate_finder_new:
 * @trainer: a trainer, which is taking no step
 * @from: the first rate, such as 1e-6
 * @to: the last one, such as 1
 * @steps: how many steps to try: 100, say
 * @error: return location
 *
 * Begins a test of learning rates on a copy of @trainer, which takes its device memory a
 * second time. @trainer itself is not changed, and may go on meanwhile.
 *
 * Errors: %G_IO_ERROR_INVALID_ARGUMENT for rates that are no range; those of
 * kol_trainer_capture() and kol_trainer_new(), %KOL_ERROR_MEMORY among them.
 *
 * Returns: (transfer full): the test, or %NULL with @error set
 */
KolRateFinder *
kol_rate_finder_new (KolTrainer *trainer, double from, double to, guint steps, GError **error)
{
  g_return_val_if_fail (trainer != NULL, NULL);

  if (!check (from, to, steps, error))
    return NULL;
  g_autoptr (KolRateFinder) finder = g_new0 (KolRateFinder, 1);
  finder->from = from;
  finder->to = to;
  finder->steps = steps;
  finder->lowest = INFINITY;
  finder->points = g_array_new (FALSE, FALSE, sizeof (KolRatePoint));
  finder->copy = copy_trainer (trainer, steps, error);
  if (!finder->copy || !kol_trainer_begin (finder->copy, note_loss, finder, error))
    return NULL;
  return g_steal_pointer (&finder);
}

/**
 * kol_rate_finder_free:
 * @finder: (transfer full) (nullable): a test
 */
void
kol_rate_finder_free (KolRateFinder *finder)
{
  if (!finder)
    return;
  kol_trainer_free (finder->copy);
  g_array_unref (finder->points);
  g_free (finder);
}

/* One step with its rate. That it gives no finite numbers is the end, and no error. */
static gboolean
try_rate (KolRateFinder *finder, GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (kol_trainer_set_control (finder->copy, KOL_CONTROL_RATE,
                               rate_of (finder, finder->points->len), error)
      && kol_trainer_advance (finder->copy, 1, 0, NULL, &reason))
    return TRUE;
  if (!g_error_matches (reason, KOL_ERROR, KOL_ERROR_DIVERGED))
    {
      if (reason)
        g_propagate_error (error, g_steal_pointer (&reason));
      return FALSE;
    }
  finder->finished = TRUE;
  return TRUE;
}

/**
 * kol_rate_finder_advance:
 * @finder: a test
 * @steps: the most steps to take; 0: no limit
 * @seconds: after how long to take no more; 0: no limit
 * @finished: (out) (optional): whether it is at its end: all rates are tried, the
 *   smoothed loss is four times the lowest (that of the first tenth of the steps, ten at most,
 *   does not count: it is chance), or a step gave no finite numbers
 * @error: return location
 *
 * Tries rates, at least one unless the test is at its end.
 *
 * Errors: what the device reports; that training diverges is none.
 *
 * Returns: whether all went well
 */
gboolean
kol_rate_finder_advance (KolRateFinder *finder, guint steps, double seconds, gboolean *finished,
                         GError **error)
{
  gint64 began = g_get_monotonic_time ();

  g_return_val_if_fail (finder != NULL, FALSE);

  for (guint taken = 0; !finder->finished;)
    {
      if (!try_rate (finder, error))
        return FALSE;
      if (++taken == steps || (seconds > 0 && seconds_since (began) >= seconds))
        break;
    }
  if (finished)
    *finished = finder->finished;
  return TRUE;
}

/**
 * kol_rate_finder_get_points:
 * @finder: a test
 * @n: (out): how many there are so far
 *
 * Returns: (transfer none) (array length=n): what was tried, valid until the next
 *   kol_rate_finder_advance()
 */
const KolRatePoint *
kol_rate_finder_get_points (KolRateFinder *finder, guint *n)
{
  g_return_val_if_fail (finder != NULL && n != NULL, NULL);
  *n = finder->points->len;
  return (const KolRatePoint *) (gconstpointer) finder->points->data;
}

/**
 * kol_rate_finder_suggest:
 * @finder: a test
 *
 * Returns: the rate at which the smoothed loss fell fastest, by the logarithm of the rate,
 *   before it was at its lowest, the first steps left out; NaN: it has not fallen yet
 */
double
kol_rate_finder_suggest (KolRateFinder *finder)
{
  g_return_val_if_fail (finder != NULL, NAN);

  const KolRatePoint *points = (const KolRatePoint *) (gconstpointer) finder->points->data;
  double steepest = 0, rate = NAN;
  guint first = first_points (finder), lowest = first;

  for (guint i = first + 1; i < finder->points->len; i++)
    if (points[i].smoothed < points[lowest].smoothed)
      lowest = i;
  /* Steps of the logarithm are all alike. */
  for (guint i = first + 1; i < lowest; i++)
    if (points[i + 1].smoothed - points[i - 1].smoothed < steepest)
      {
        steepest = points[i + 1].smoothed - points[i - 1].smoothed;
        rate = points[i].rate;
      }
  return rate;
}
