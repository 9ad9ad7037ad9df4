/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* All that a trainer is at a step: taken from it, read from a checkpoint, and given back. */

#include <math.h>

#include "checkpoint-private.h"
#include "parameters-private.h"
#include "trainer-private.h"

/* The group of a checkpoint's facts that is there if its step was not looked at to the end. */
#define OWED "owed-validation"

/* ── What a state is ─────────────────────────────────────────────────────────────────────────── */

static KolTrainState *
state_new (guint64 step, const char *origin)
{
  KolTrainState *state = g_new0 (KolTrainState, 1);

  g_atomic_ref_count_init (&state->references);
  state->step = step;
  state->origin = g_strdup (origin);
  return state;
}

/**
 * kol_train_state_ref:
 * @state: a state
 *
 * Returns: (transfer full): @state
 */
KolTrainState *
kol_train_state_ref (KolTrainState *state)
{
  g_return_val_if_fail (state != NULL, NULL);
  g_atomic_ref_count_inc (&state->references);
  return state;
}

/**
 * kol_train_state_unref:
 * @state: (transfer full) (nullable): a state
 */
void
kol_train_state_unref (KolTrainState *state)
{
  if (!state || !g_atomic_ref_count_dec (&state->references))
    return;
  g_clear_pointer (&state->weights, g_ptr_array_unref);
  g_clear_pointer (&state->rest, g_ptr_array_unref);
  g_clear_pointer (&state->facts, g_key_file_unref);
  g_free (state->origin);
  g_free (state->folder);
  g_free (state);
}

/**
 * kol_train_state_get_step:
 * @state: a state
 *
 * Returns: how many steps were done
 */
guint64
kol_train_state_get_step (const KolTrainState *state)
{
  g_return_val_if_fail (state != NULL, 0);
  return state->step;
}

static guint64
count_bytes (GPtrArray *arrays)
{
  guint64 bytes = 0;

  for (guint i = 0; i < arrays->len; i++)
    {
      const KolArray *array = g_ptr_array_index (arrays, i);
      gint64 count = 1;

      for (guint d = 0; d < array->rank; d++)
        count *= array->dims[d];
      bytes += (guint64) count * sizeof (float);
    }
  return bytes;
}

/**
 * kol_train_state_get_bytes:
 * @state: a state
 *
 * Returns: the host's memory that its numbers take
 */
guint64
kol_train_state_get_bytes (const KolTrainState *state)
{
  g_return_val_if_fail (state != NULL, 0);
  return count_bytes (state->weights) + count_bytes (state->rest);
}

/* ── Taking it from a trainer ────────────────────────────────────────────────────────────────── */

static void
write_variants (GKeyFile *facts, const char *group, KolGraph *graph)
{
  g_autoptr (GHashTable) variants = kol_graph_get_variants (graph);
  GHashTableIter iter;
  gpointer node, variant;

  g_hash_table_iter_init (&iter, variants);
  while (g_hash_table_iter_next (&iter, &node, &variant))
    g_key_file_set_string (facts, group, node, variant);
}

static void
write_owed (GKeyFile *facts, const KolOwed *owed)
{
  if (!owed->due)
    return;
  g_key_file_set_boolean (facts, OWED, "logged", owed->logged);
  g_key_file_set_boolean (facts, OWED, "validated", owed->validated);
  if (owed->lines)
    {
      g_key_file_set_boolean (facts, OWED, "lines", TRUE);
      kol_run_set_number (facts, OWED, "batch-loss", owed->batch_loss);
      kol_run_set_number (facts, OWED, "batch-accuracy", owed->batch_accuracy);
    }
  if (owed->probed)
    {
      g_key_file_set_boolean (facts, OWED, "probed", TRUE);
      kol_run_set_number (facts, OWED, "probe-loss", owed->probe_loss);
      kol_run_set_number (facts, OWED, "probe-accuracy", owed->probe_accuracy);
    }
  if (!owed->logged)
    return;
  kol_run_set_number (facts, OWED, "loss", owed->loss);
  kol_run_set_number (facts, OWED, "accuracy", owed->accuracy);
  kol_run_set_number (facts, OWED, "ratio", owed->ratio);
  g_key_file_set_double_list (facts, OWED, "ratios", owed->ratios, owed->n_ratios);
}

/*
 * What a checkpoint holds besides tensors. Random numbers and the place in the data
 * are functions of the seed, which is among the settings, and of the step.
 */
static GKeyFile *
describe_state (const KolTrainer *trainer)
{
  const KolDeviceInfo *info = kol_device_get_info (trainer->device);
  GKeyFile *facts = g_key_file_new ();

  g_key_file_set_string (facts, "device", "name", info->name);
  g_key_file_set_string (facts, "device", "platform", info->platform);
  g_key_file_set_string (facts, "device", "driver", info->driver);
  kol_run_set_number (facts, "progress", "seconds", trainer->seconds);
  g_key_file_set_uint64 (facts, "progress", "best-step", trainer->best_step);
  kol_run_set_number (facts, "progress", "best-loss", trainer->best_loss);
  kol_run_set_number (facts, "progress", "best-accuracy", trainer->best_accuracy);
  kol_run_set_number (facts, "plateau", "best", trainer->plateau.best);
  g_key_file_set_uint64 (facts, "plateau", "bad", trainer->plateau.bad);
  kol_run_set_number (facts, "plateau", "scale", trainer->plateau.scale);
  kol_run_set_number (facts, "early-stop", "best", trainer->early.best);
  g_key_file_set_uint64 (facts, "early-stop", "bad", trainer->early.bad);
  g_key_file_set_uint64 (facts, "early-stop", "best-step", trainer->early.best_step);
  write_variants (facts, KOL_LEARNING_VARIANTS, trainer->learner.graph);
  write_variants (facts, KOL_VALIDATION_VARIANTS, kol_evaluator_get_graph (trainer->evaluator));
  write_owed (facts, &trainer->owed);
  kol_controls_write (&trainer->controls, facts);
  if (trainer->record)
    g_key_file_set_integer (facts, "timeline", "rows",
                            (int) kol_record_count_happenings (trainer->record));
  return facts;
}

/**
 * kol_trainer_capture:
 * @trainer: a trainer
 * @error: return location
 *
 * Takes a checkpoint into the host's memory: weights, moments, averages, counters and
 * controls. Waits for the steps under way.
 *
 * Errors: %KOL_ERROR_DIVERGED if one of the last steps turns out to have diverged, which
 * is then reported here and not by the next step; %KOL_ERROR_MEMORY.
 *
 * Returns: (transfer full): the state, or %NULL with @error set
 */
KolTrainState *
kol_trainer_capture (KolTrainer *trainer, GError **error)
{
  g_return_val_if_fail (trainer != NULL, NULL);

  if ((trainer->training && !kol_training_complete (trainer->training, error))
      || !kol_finish (trainer->learner.graph, error))
    return NULL;
  guint64 step = kol_trainer_get_step (trainer);
  g_autofree char *origin = g_strdup_printf ("the state of step %" G_GUINT64_FORMAT, step);
  g_autoptr (KolTrainState) state = state_new (step, origin);
  guint n = kol_parameters_get_count (trainer->parameters);
  state->weights = kol_parameters_copy (trainer->parameters, 0, trainer->n_network, error);
  state->rest = state->weights
                    ? kol_parameters_copy (trainer->parameters, trainer->n_network, n, error)
                    : NULL;
  if (!state->rest)
    return NULL;
  state->facts = describe_state (trainer);
  if (trainer->record && trainer->saved_step == step && !trainer->changed)
    state->folder = g_strdup (kol_record_get_folder (trainer->record));
  return g_steal_pointer (&state);
}

/**
 * kol_train_state_load:
 * @folder: the folder of a run
 * @step: of which checkpoint
 * @error: return location
 *
 * Reads a checkpoint from the disk, and checks its sums.
 *
 * Errors: %KOL_ERROR_DATA if there is no such checkpoint, or it is damaged, which names
 * an older one.
 *
 * Returns: (transfer full): the state, or %NULL with @error set
 */
KolTrainState *
kol_train_state_load (const char *folder, guint64 step, GError **error)
{
  g_return_val_if_fail (folder != NULL, NULL);

  g_autofree char *path = kol_checkpoint_path (folder, step);
  g_autoptr (KolTrainState) state = state_new (step, path);
  if (!kol_checkpoint_load (folder, step, &state->weights, &state->rest, &state->facts, error))
    return NULL;
  state->folder = g_strdup (folder);
  return g_steal_pointer (&state);
}

guint
kol_train_state_count_happenings (const KolTrainState *state)
{
  if (!g_key_file_has_key (state->facts, "timeline", "rows", NULL))
    return G_MAXUINT;
  return (guint) g_key_file_get_integer (state->facts, "timeline", "rows", NULL);
}

/* ── Giving it back ──────────────────────────────────────────────────────────────────────────── */

/* The network's and the optimizer's, lent. */
static GPtrArray *
list_tensors (const KolTrainState *state)
{
  GPtrArray *all = g_ptr_array_new ();

  for (guint i = 0; i < state->weights->len; i++)
    g_ptr_array_add (all, g_ptr_array_index (state->weights, i));
  for (guint i = 0; i < state->rest->len; i++)
    g_ptr_array_add (all, g_ptr_array_index (state->rest, i));
  return all;
}

gboolean
kol_trainer_take_tensors (KolTrainer *trainer, const KolTrainState *state, GError **error)
{
  g_autoptr (GPtrArray) all = list_tensors (state);

  if (!kol_parameters_take (trainer->parameters, all, state->origin, error))
    return FALSE;
  kol_graph_set_step (trainer->learner.graph, state->step);
  trainer->saved_step = 0;
  trainer->validation_loss = trainer->validation_accuracy = NAN;
  return TRUE;
}

static double
get_number (GKeyFile *file, const char *group, const char *key)
{
  g_autofree char *text = g_key_file_get_string (file, group, key, NULL);

  return text ? g_ascii_strtod (text, NULL) : NAN;
}

/* The counters that a checkpoint holds. */
static void
take_counters (KolTrainer *trainer, GKeyFile *facts)
{
  trainer->seconds = get_number (facts, "progress", "seconds");
  trainer->best_step = g_key_file_get_uint64 (facts, "progress", "best-step", NULL);
  trainer->best_loss = get_number (facts, "progress", "best-loss");
  trainer->best_accuracy = get_number (facts, "progress", "best-accuracy");
  trainer->plateau.best = get_number (facts, "plateau", "best");
  trainer->plateau.bad = (guint) g_key_file_get_uint64 (facts, "plateau", "bad", NULL);
  trainer->plateau.scale = get_number (facts, "plateau", "scale");
  trainer->early.best = get_number (facts, "early-stop", "best");
  trainer->early.bad = (guint) g_key_file_get_uint64 (facts, "early-stop", "bad", NULL);
  trainer->early.best_step = g_key_file_get_uint64 (facts, "early-stop", "best-step", NULL);
}

static void
take_owed (KolOwed *owed, GKeyFile *facts)
{
  g_free (owed->ratios);
  *owed = (KolOwed){
    .due = g_key_file_has_group (facts, OWED),
    .logged = g_key_file_get_boolean (facts, OWED, "logged", NULL),
    .validated = !g_key_file_has_key (facts, OWED, "validated", NULL) /* of an older version */
                 || g_key_file_get_boolean (facts, OWED, "validated", NULL),
    .lines = g_key_file_get_boolean (facts, OWED, "lines", NULL),
    .batch_loss = get_number (facts, OWED, "batch-loss"),
    .batch_accuracy = get_number (facts, OWED, "batch-accuracy"),
    .probed = g_key_file_get_boolean (facts, OWED, "probed", NULL),
    .probe_loss = get_number (facts, OWED, "probe-loss"),
    .probe_accuracy = get_number (facts, OWED, "probe-accuracy"),
    .loss = get_number (facts, OWED, "loss"),
    .accuracy = get_number (facts, OWED, "accuracy"),
    .ratio = get_number (facts, OWED, "ratio"),
  };
  owed->ratios = g_key_file_get_double_list (facts, OWED, "ratios", &owed->n_ratios, NULL);
}

GHashTable *
kol_train_facts_get_variants (GKeyFile *facts, const char *group)
{
  GHashTable *variants = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_auto (GStrv) nodes = g_key_file_get_keys (facts, group, NULL, NULL);

  for (char **node = nodes; node && *node; node++)
    g_hash_table_insert (variants, g_strdup (*node),
                         g_key_file_get_string (facts, group, *node, NULL));
  return variants;
}

gboolean
kol_trainer_take_state (KolTrainer *trainer, const KolTrainState *state, GError **error)
{
  g_autoptr (GPtrArray) all = list_tensors (state);

  /* What can fail comes first. */
  if (!kol_parameters_check (trainer->parameters, all, state->origin, error)
      || !kol_trainer_take_controls (trainer, state->facts, error)
      || !kol_trainer_take_tensors (trainer, state, error))
    return FALSE;
  take_counters (trainer, state->facts);
  take_owed (&trainer->owed, state->facts);
  return TRUE;
}

/* Later checkpoints would be of a future that is not this one; they go before its rows. */
static gboolean
forget_future (KolTrainer *trainer, const KolTrainState *state, GError **error)
{
  const char *folder = kol_record_get_folder (trainer->record);

  kol_checkpoint_forget_after (folder, state->step);
  if (g_strcmp0 (state->folder, folder) == 0 && kol_checkpoint_exists (folder, state->step))
    trainer->saved_step = state->step;
  trainer->changed = trainer->saved_step == 0;
  return kol_record_return (trainer->record, state->step, kol_train_state_count_happenings (state),
                            error)
         && kol_run_update (folder, &trainer->settings, state->step, trainer->best_step,
                            trainer->best_loss, trainer->best_accuracy, error);
}

/**
 * kol_trainer_rewind:
 * @trainer: a trainer
 * @state: a state of it, or of one of the same network, data and settings
 * @error: return location
 *
 * Goes to a step as it was, exactly as a resumption from a checkpoint of it does: what
 * follows is, to the last bit, what followed then, if nothing else is changed. This may
 * be done while a run is under way, also after it has diverged. If the run is recorded,
 * what was recorded beyond that step is dropped, later checkpoints among it.
 *
 * Errors: %KOL_ERROR_DATA or %KOL_ERROR_SHAPE if the state is not of such a network, and
 * nothing is changed; what the device or the disk reports.
 *
 * Returns: whether the trainer is there
 */
gboolean
kol_trainer_rewind (KolTrainer *trainer, const KolTrainState *state, GError **error)
{
  g_autoptr (GError) late = NULL;

  g_return_val_if_fail (trainer != NULL && state != NULL, FALSE);
  guint64 before = kol_trainer_get_step (trainer);

  /* Steps under way are left, whatever came of them. */
  if (!kol_finish (trainer->learner.graph, &late)
      && !g_error_matches (late, KOL_ERROR, KOL_ERROR_DIVERGED))
    {
      g_propagate_error (error, g_steal_pointer (&late));
      return FALSE;
    }
  if (trainer->training && trainer->tally)
    kol_training_settle (trainer->training, NULL);
  if (!kol_trainer_take_state (trainer, state, error)
      || (trainer->record && !forget_future (trainer, state, error)))
    return FALSE;
  trainer->learner.fed = FALSE; /* with a batch of the future */
  if (trainer->training)
    kol_training_restart (trainer->training);
  return kol_trainer_happened (trainer, KOL_TIMELINE_REWIND, (double) before, (double) state->step,
                               error);
}
