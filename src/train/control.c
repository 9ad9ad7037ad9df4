/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What can be changed while a trainer learns, from the next step on. */

#include <math.h>

#include "trainer-private.h"

#define GROUP "controls"

void
kol_controls_init (KolControls *controls)
{
  *controls = (KolControls){ .rate = NAN,
                             .rate_scale = 1,
                             .rate_factor = 1,
                             .momentum = NAN,
                             .weight_decay = NAN,
                             .keep = NAN };
}

/* ── What is in force ────────────────────────────────────────────────────────────────────────── */

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

/* What was set, or else what was so from the beginning. */
static double
set_or (double set, double preset)
{
  return isnan (set) ? preset : set;
}

double
kol_trainer_keep (const KolTrainer *trainer)
{
  return set_or (trainer->controls.keep, trainer->settings.keep);
}

static gboolean
has_beta (const KolTrainer *trainer)
{
  return g_str_has_prefix (trainer->settings.optimizer.name, "adam");
}

static double
momentum_of (const KolTrainer *trainer)
{
  const KolOptimizer *optimizer = &trainer->settings.optimizer;
  double beta = optimizer->beta1 != 0 ? optimizer->beta1 : 0.9;

  return set_or (trainer->controls.momentum, has_beta (trainer) ? beta : optimizer->momentum);
}

static double
weight_decay_of (const KolTrainer *trainer)
{
  return set_or (trainer->controls.weight_decay, trainer->settings.optimizer.weight_decay);
}

guint64
kol_trainer_batch_number (const KolTrainer *trainer, guint64 step)
{
  return step + (guint64) trainer->controls.batch_shift;
}

/* ── Putting them in force ───────────────────────────────────────────────────────────────────── */

/* The numbers that the optimizer's step has. */
static gboolean
apply_numbers (KolTrainer *trainer, GError **error)
{
  KolValue *train_step = trainer->learner.train_step;

  return kol_optimizer_set_momentum (train_step, momentum_of (trainer), error)
         && kol_optimizer_set_weight_decay (train_step, weight_decay_of (trainer), error);
}

/* The examples of the epoch that were seen stay seen, down to a batch. */
static gint64
shift_after (const KolTrainer *trainer, guint64 step, gsize batch)
{
  guint64 before = kol_trainer_batch_number (trainer, step);
  gsize count = trainer->lessons->count;
  guint64 old_epoch = count / trainer->batch, new_epoch = count / batch;
  guint64 seen = before % old_epoch * trainer->batch;
  guint64 now = before / old_epoch * new_epoch + MIN (seen / batch, new_epoch);

  return (gint64) now - (gint64) step;
}

static gboolean
change_batch (KolTrainer *trainer, gsize batch, GError **error)
{
  if (batch == trainer->batch)
    return TRUE;
  /* What belongs to the latest step may need its batch; one under way may turn out to be bad. */
  if ((trainer->training && !kol_training_complete (trainer->training, error))
      || !kol_finish (trainer->learner.graph, error))
    return FALSE;
  gint64 shift = shift_after (trainer, kol_trainer_get_step (trainer), batch);
  if (!kol_trainer_plan_batch (trainer, batch, NULL, error))
    return FALSE;
  trainer->controls.batch = batch;
  trainer->controls.batch_shift = shift;
  return apply_numbers (trainer, error);
}

/* ── In checkpoints ──────────────────────────────────────────────────────────────────────────── */

void
kol_controls_write (const KolControls *controls, GKeyFile *facts)
{
  kol_run_set_number (facts, GROUP, "rate", controls->rate);
  kol_run_set_number (facts, GROUP, "rate-scale", controls->rate_scale);
  kol_run_set_number (facts, GROUP, "rate-factor", controls->rate_factor);
  kol_run_set_number (facts, GROUP, "momentum", controls->momentum);
  kol_run_set_number (facts, GROUP, "weight-decay", controls->weight_decay);
  kol_run_set_number (facts, GROUP, "keep", controls->keep);
  g_key_file_set_uint64 (facts, GROUP, "batch", controls->batch);
  g_key_file_set_int64 (facts, GROUP, "batch-shift", controls->batch_shift);
}

/* Leaves what a checkpoint does not have, such as one of an older version, as it is. */
static void
read_number (GKeyFile *facts, const char *key, double *number)
{
  g_autofree char *text = g_key_file_get_string (facts, GROUP, key, NULL);

  if (text)
    *number = g_ascii_strtod (text, NULL);
}

gboolean
kol_trainer_take_controls (KolTrainer *trainer, GKeyFile *facts, GError **error)
{
  KolControls taken, *controls = &taken;

  kol_controls_init (controls);
  read_number (facts, "rate", &controls->rate);
  read_number (facts, "rate-scale", &controls->rate_scale);
  read_number (facts, "rate-factor", &controls->rate_factor);
  read_number (facts, "momentum", &controls->momentum);
  read_number (facts, "weight-decay", &controls->weight_decay);
  read_number (facts, "keep", &controls->keep);
  controls->batch = (gsize) g_key_file_get_uint64 (facts, GROUP, "batch", NULL);
  controls->batch_shift = g_key_file_get_int64 (facts, GROUP, "batch-shift", NULL);

  gsize batch = controls->batch ? controls->batch : trainer->settings.batch;
  if (batch != trainer->batch)
    {
      g_autoptr (GHashTable) pinned = kol_train_facts_get_variants (facts, KOL_LEARNING_VARIANTS);

      if (!kol_trainer_plan_batch (trainer, batch, pinned, error))
        return FALSE;
    }
  trainer->controls = taken;
  return apply_numbers (trainer, error);
}

/* ── The timeline ────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_trainer_happened (KolTrainer *trainer, KolTimelineKind kind, double from, double to,
                      GError **error)
{
  const KolTimelineRow row = { .step = kol_trainer_get_step (trainer),
                               .kind = kind,
                               .from = from,
                               .to = to,
                               .seconds = trainer->seconds };

  return !trainer->record || kol_record_happening (trainer->record, &row, error);
}

/**
 * kol_trainer_mark:
 * @trainer: a trainer
 * @kind: what has happened
 * @from: what was before; NaN: nothing
 * @to: what it became; NaN: nothing
 * @error: return location
 *
 * Adds a row of the present step to the timeline in the run's folder, if there is one:
 * what the trainer does not know of, such as a pinned checkpoint.
 *
 * Returns: %FALSE if the disk failed
 */
gboolean
kol_trainer_mark (KolTrainer *trainer, KolTimelineKind kind, double from, double to, GError **error)
{
  g_return_val_if_fail (trainer != NULL, FALSE);
  return kol_trainer_happened (trainer, kind, from, to, error);
}

/* ── By hand ─────────────────────────────────────────────────────────────────────────────────── */

static const struct {
  KolTimelineKind kind;
  const char *name; /* in sentences */
  const char *wanted;
} known[] = {
  [KOL_CONTROL_RATE]
  = { KOL_TIMELINE_RATE, "The learning rate", "a number of at least 0, such as 1e-4" },
  [KOL_CONTROL_RATE_FACTOR] = { KOL_TIMELINE_RATE_FACTOR, "The factor on the learning rate",
                                "a number of at least 0, where 1 changes nothing" },
  [KOL_CONTROL_MOMENTUM]
  = { KOL_TIMELINE_MOMENTUM, "The momentum", "a number from 0 and below 1, such as 0.9" },
  [KOL_CONTROL_WEIGHT_DECAY]
  = { KOL_TIMELINE_WEIGHT_DECAY, "The weight decay", "a number of at least 0, such as 1e-4" },
  [KOL_CONTROL_KEEP] = { KOL_TIMELINE_KEEP, "Dropout's keep probability",
                         "a number above 0 and up to 1, where 1 drops nothing" },
  [KOL_CONTROL_BATCH]
  = { KOL_TIMELINE_BATCH, "The batch", "a whole number of at least 1, such as 50" },
};

static gboolean
is_sensible (KolControl control, double value)
{
  switch (control)
    {
    case KOL_CONTROL_MOMENTUM:
      return value >= 0 && (float) value < 1;
    case KOL_CONTROL_KEEP:
      return value > 0 && value <= 1;
    case KOL_CONTROL_BATCH:
      return value >= 1 && value <= G_MAXINT32 && value == floor (value);
    default:
      return value >= 0 && isfinite ((float) value);
    }
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
    case KOL_CONTROL_MOMENTUM:
      return momentum_of (trainer);
    case KOL_CONTROL_WEIGHT_DECAY:
      return weight_decay_of (trainer);
    case KOL_CONTROL_KEEP:
      return kol_trainer_keep (trainer);
    case KOL_CONTROL_BATCH:
    default:
      return (double) trainer->batch;
    }
}

static gboolean
change_momentum (KolTrainer *trainer, double momentum, GError **error)
{
  if (momentum != 0 && !has_beta (trainer) && trainer->settings.optimizer.momentum == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "The momentum was to be %g, but the run began without one and keeps nothing for "
                   "it; begin a run with a momentum, such as 0.9, which can then be changed",
                   momentum);
      return FALSE;
    }
  if (!kol_optimizer_set_momentum (trainer->learner.train_step, momentum, error))
    return FALSE;
  trainer->controls.momentum = momentum;
  return TRUE;
}

static gboolean
change (KolTrainer *trainer, KolControl control, double value, GError **error)
{
  KolControls *controls = &trainer->controls;

  switch (control)
    {
    case KOL_CONTROL_RATE:
      controls->rate = value;
      controls->rate_scale = plateau_scale (trainer);
      return TRUE;
    case KOL_CONTROL_RATE_FACTOR:
      controls->rate = NAN;
      controls->rate_factor = value;
      return TRUE;
    case KOL_CONTROL_MOMENTUM:
      return change_momentum (trainer, value, error);
    case KOL_CONTROL_WEIGHT_DECAY:
      if (!kol_optimizer_set_weight_decay (trainer->learner.train_step, value, error))
        return FALSE;
      controls->weight_decay = value;
      return TRUE;
    case KOL_CONTROL_KEEP:
      controls->keep = value;
      return TRUE;
    case KOL_CONTROL_BATCH:
    default:
      return change_batch (trainer, (gsize) value, error);
    }
}

/**
 * kol_trainer_set_control:
 * @trainer: a trainer, which is taking no step: not from a reporter
 * @control: what to change
 * @value: its value
 * @error: return location
 *
 * Changes how the next step, and those after it, are taken; see #KolControl. Checkpoints
 * hold what was changed, so that a run that is resumed or rewound goes on with it, and a
 * recorded run has a row of it in its timeline.
 *
 * Errors: %G_IO_ERROR_INVALID_ARGUMENT for a value that makes no sense, or for a momentum
 * that the run has no place for; %KOL_ERROR_MEMORY for a batch that does not fit, with the
 * largest that does; nothing is changed then. What the disk reports if the row cannot be
 * written.
 *
 * Returns: whether it is set
 */
gboolean
kol_trainer_set_control (KolTrainer *trainer, KolControl control, double value, GError **error)
{
  g_return_val_if_fail (trainer != NULL && control < G_N_ELEMENTS (known), FALSE);
  double before = kol_trainer_get_control (trainer, control);

  if (!is_sensible (control, value))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s was to be %g; give %s",
                   known[control].name, value, known[control].wanted);
      return FALSE;
    }
  if (!change (trainer, control, value, error))
    return FALSE;
  trainer->changed = TRUE;
  return kol_trainer_happened (trainer, known[control].kind, before, value, error);
}
