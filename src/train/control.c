/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What can be changed while a trainer learns, from the next step on. */

#include <math.h>

#include "trainer-private.h"

#define GROUP "controls"

void
kol_controls_init (KolControls *controls)
{
  *controls = (KolControls){ .rate = NAN, .rate_scale = 1, .rate_factor = 1, .keep = NAN };
}

static double
plateau_scale (const KolTrainer *trainer)
{
  return trainer->settings.plateau ? trainer->plateau.scale : 1;
}

/* A plateau makes a rate smaller that was set by hand, too, if it comes after that. */
double
kol_trainer_rate (const KolTrainer *trainer, guint64 step)
{
  const KolTrainSettings *settings = &trainer->settings;
  const KolControls *controls = &trainer->controls;
  double scale = plateau_scale (trainer);

  if (!isnan (controls->rate))
    return controls->rate * (scale / controls->rate_scale);
  double rate
      = kol_schedule_rate (&settings->schedule, settings->optimizer.rate, step, settings->steps);
  return rate * scale * controls->rate_factor;
}

double
kol_trainer_keep (const KolTrainer *trainer)
{
  return isnan (trainer->controls.keep) ? trainer->settings.keep : trainer->controls.keep;
}

/* ── In checkpoints ──────────────────────────────────────────────────────────────────────────── */

void
kol_controls_write (const KolControls *controls, GKeyFile *facts)
{
  kol_run_set_number (facts, GROUP, "rate", controls->rate);
  kol_run_set_number (facts, GROUP, "rate-scale", controls->rate_scale);
  kol_run_set_number (facts, GROUP, "rate-factor", controls->rate_factor);
  kol_run_set_number (facts, GROUP, "keep", controls->keep);
}

/* Leaves what a checkpoint does not have, such as one of an older version, as it is. */
static void
read_number (GKeyFile *facts, const char *key, double *number)
{
  g_autofree char *text = g_key_file_get_string (facts, GROUP, key, NULL);

  if (text)
    *number = g_ascii_strtod (text, NULL);
}

void
kol_controls_read (KolControls *controls, GKeyFile *facts)
{
  kol_controls_init (controls);
  read_number (facts, "rate", &controls->rate);
  read_number (facts, "rate-scale", &controls->rate_scale);
  read_number (facts, "rate-factor", &controls->rate_factor);
  read_number (facts, "keep", &controls->keep);
}

/* ── By hand ─────────────────────────────────────────────────────────────────────────────────── */

static const struct {
  const char *name; /* in sentences */
  const char *wanted;
} known[] = {
  [KOL_CONTROL_RATE] = { "The learning rate", "a number of at least 0, such as 1e-4" },
  [KOL_CONTROL_RATE_FACTOR]
  = { "The factor on the learning rate", "a number of at least 0, where 1 changes nothing" },
  [KOL_CONTROL_KEEP]
  = { "Dropout's keep probability", "a number above 0 and up to 1, where 1 drops nothing" },
};

static gboolean
is_sensible (KolControl control, double value)
{
  if (control == KOL_CONTROL_KEEP)
    return value > 0 && value <= 1;
  return value >= 0 && isfinite ((float) value);
}

/**
 * kol_trainer_get_control:
 * @trainer: a trainer
 * @control: what to ask for
 *
 * Returns: its value, as the next step will have it; NaN for the factor on the rate while
 *   that does not follow the schedule
 */
double
kol_trainer_get_control (KolTrainer *trainer, KolControl control)
{
  g_return_val_if_fail (trainer != NULL && control < G_N_ELEMENTS (known), NAN);

  switch (control)
    {
    case KOL_CONTROL_RATE:
      return kol_trainer_rate (trainer, kol_trainer_get_step (trainer));
    case KOL_CONTROL_RATE_FACTOR:
      return isnan (trainer->controls.rate) ? trainer->controls.rate_factor : NAN;
    case KOL_CONTROL_KEEP:
    default:
      return kol_trainer_keep (trainer);
    }
}

static void
change (KolTrainer *trainer, KolControl control, double value)
{
  KolControls *controls = &trainer->controls;

  switch (control)
    {
    case KOL_CONTROL_RATE:
      controls->rate = value;
      controls->rate_scale = plateau_scale (trainer);
      break;
    case KOL_CONTROL_RATE_FACTOR:
      controls->rate = NAN;
      controls->rate_factor = value;
      break;
    case KOL_CONTROL_KEEP:
    default:
      controls->keep = value;
      break;
    }
}

/**
 * kol_trainer_set_control:
 * @trainer: a trainer
 * @control: what to change
 * @value: its value
 * @error: return location
 *
 * Changes how the next step, and those after it, are taken; see #KolControl. Checkpoints
 * hold what was changed, so that a run that is resumed or rewound goes on with it.
 *
 * Errors: %G_IO_ERROR_INVALID_ARGUMENT for a value that makes no sense, and nothing is
 * changed.
 *
 * Returns: whether it is set
 */
gboolean
kol_trainer_set_control (KolTrainer *trainer, KolControl control, double value, GError **error)
{
  g_return_val_if_fail (trainer != NULL && control < G_N_ELEMENTS (known), FALSE);

  if (!is_sensible (control, value))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s was to be %g; give %s",
                   known[control].name, value, known[control].wanted);
      return FALSE;
    }
  change (trainer, control, value);
  trainer->changed = TRUE;
  return TRUE;
}
