/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What a trainer leaves in the folder of its run, and how it goes on from there. */

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>

#include "checkpoint-private.h"
#include "parameters-private.h"
#include "trainer-private.h"

/* ── Beginning with weights ──────────────────────────────────────────────────────────────────── */

/**
 * kol_trainer_load:
 * @trainer: a trainer that has not run yet
 * @path: a file of weights, of any kind that kol_weights_open() knows
 * @names: (nullable) (array zero-terminated=1): other names that the arrays may have
 * @left: (out) (optional) (transfer full) (array zero-terminated=1): the parameters that
 *   begin anew, as the file has nothing of their shape
 * @error: return location
 *
 * Has training begin with the weights of another one rather than with random numbers:
 * fine-tuning. The file must stay as it is until the first step.
 *
 * Errors: those of kol_weights_open() and kol_parameters_load_some().
 *
 * Returns: whether the weights are there
 */
gboolean
kol_trainer_load (KolTrainer *trainer, const char *path, const KolWeightNames *const *names,
                  char ***left, GError **error)
{
  g_return_val_if_fail (trainer != NULL && path != NULL && !trainer->record, FALSE);
  g_autoptr (KolWeights) weights = kol_weights_open (path, error);

  if (!weights
      || !kol_parameters_load_some (trainer->parameters, trainer->n_network, weights, names, left,
                                    error))
    return FALSE;
  g_free (trainer->weights);
  trainer->weights = g_strdup (path);
  return TRUE;
}

/* ── The run's folder ────────────────────────────────────────────────────────────────────────── */

static gboolean
make_folder (const char *folder, GError **error)
{
  if (g_mkdir_with_parents (folder, 0777) == 0)
    return TRUE;
  int code = errno;
  g_autofree char *shown = g_filename_display_name (folder);
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
               "The folder “%s” cannot be made: %s", shown, g_strerror (code));
  return FALSE;
}

static KolLock *
lock_folder (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, KOL_LOCK_FILE, NULL);
  g_autofree char *shown = g_filename_display_name (folder);
  g_autofree char *what = g_strdup_printf ("The run %s", shown);

  return kol_lock_take (path, what, error);
}

/**
 * kol_trainer_record:
 * @trainer: a trainer that has not run yet
 * @folder: where to record; made if it is not there
 * @data_options: (nullable): how the data were read, so that they can be read again
 * @error: return location
 *
 * Has the run leave, in its folder: `run.ini`, what it is; `recipe.ini`, its
 * network; `metrics.csv`, a row every few steps; an event file that TensorBoard
 * reads; and checkpoints from which kol_trainer_resume() goes on. A run that is
 * there already is overwritten, unless another process is at it.
 *
 * Errors: %G_IO_ERROR_BUSY if another process writes there; GIO's if the folder or
 * a file in it cannot be made.
 *
 * Returns: whether the folder is ready
 */
gboolean
kol_trainer_record (KolTrainer *trainer, const char *folder, const KolDatasetOptions *data_options,
                    GError **error)
{
  g_return_val_if_fail (trainer != NULL && folder != NULL && !trainer->record, FALSE);

  if (!make_folder (folder, error))
    return FALSE;
  g_autoptr (KolLock) lock = lock_folder (folder, error);
  if (!lock)
    return FALSE;
  kol_checkpoint_forget (folder, 0, 0);
  if (!kol_run_create (folder, trainer->recipe, &trainer->settings, trainer->weights, trainer->data,
                       data_options, error))
    return FALSE;
  trainer->record = kol_record_new (folder, trainer->learner.train_step, 0, 0, lock, error);
  if (!trainer->record)
    {
      kol_run_remove_empty (folder);
      return FALSE;
    }
  lock = NULL;
  return TRUE;
}

/* The same as texts beside the weights, so that the weights alone say what they are. */
static GHashTable *
describe_weights (const KolTrainer *trainer)
{
  g_autoptr (GKeyFile) settings = g_key_file_new ();
  GHashTable *metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  kol_train_settings_write (&trainer->settings, settings, "settings");
  g_auto (GStrv) keys = g_key_file_get_keys (settings, "settings", NULL, NULL);
  for (char **key = keys; *key; key++)
    g_hash_table_insert (metadata, g_strdup (*key),
                         g_key_file_get_string (settings, "settings", *key, NULL));
  g_hash_table_insert (metadata, g_strdup ("format"), g_strdup ("kolinsky"));
  g_hash_table_insert (metadata, g_strdup ("kolinsky"), g_strdup (KOL_VERSION));
  g_hash_table_insert (metadata, g_strdup ("data"), g_strdup (trainer->data->name));
  g_hash_table_insert (
      metadata, g_strdup ("network"),
      g_strdup (trainer->recipe ? kol_recipe_get_name (trainer->recipe) : "custom"));
  g_hash_table_insert (
      metadata, g_strdup ("step"),
      g_strdup_printf ("%" G_GUINT64_FORMAT, kol_graph_get_step (trainer->learner.graph)));
  return metadata;
}

/**
 * kol_trainer_save:
 * @trainer: a trainer whose run is recorded
 * @error: return location
 *
 * Saves a checkpoint, RUN/checkpoints/step-N, whole or not at all; when this has
 * returned, it is on the disk. Before the first step there is nothing to save. In it,
 * `weights.safetensors` has the network's parameters by name. Older checkpoints are removed, but
 * for as many as the settings say and the best one.
 *
 * Returns: %FALSE if the device or the disk failed; older checkpoints are then
 *   still there
 */
gboolean
kol_trainer_save (KolTrainer *trainer, GError **error)
{
  g_return_val_if_fail (trainer != NULL && trainer->record, FALSE);

  /* Finishing may find out that the last steps diverged; then they do not count. */
  if ((trainer->training && !kol_training_complete (trainer->training, error))
      || !kol_finish (trainer->learner.graph, error))
    return FALSE;
  guint64 step = kol_trainer_get_step (trainer);
  if (step == 0 || (trainer->saved_step == step && !trainer->changed))
    return TRUE;
  const char *folder = kol_record_get_folder (trainer->record);
  g_autoptr (KolTrainState) state = kol_trainer_capture (trainer, error);
  if (!state)
    return FALSE;
  g_autoptr (GHashTable) metadata = describe_weights (trainer);
  if (!kol_checkpoint_save (folder, step, state->weights, metadata, state->rest, state->facts,
                            error))
    return FALSE;
  trainer->saved_step = step;
  trainer->changed = FALSE;
  kol_checkpoint_forget (folder, (guint) trainer->settings.checkpoints, trainer->best_step);
  return kol_run_update (folder, &trainer->settings, step, trainer->best_step, trainer->best_loss,
                         trainer->best_accuracy, error);
}

/* ── Going on ────────────────────────────────────────────────────────────────────────────────── */

static void
compare_device (KolTrainer *trainer, GKeyFile *facts)
{
  const KolDeviceInfo *info = kol_device_get_info (trainer->device);
  g_autofree char *name = g_key_file_get_string (facts, "device", "name", NULL);
  g_autofree char *driver = g_key_file_get_string (facts, "device", "driver", NULL);

  if (g_strcmp0 (name, info->name) != 0 || g_strcmp0 (driver, info->driver) != 0)
    kol_trainer_note (trainer, KOL_NOTE_DEVICE, name ? name : "another device",
                      driver ? driver : "unknown driver", info->name, info->driver, NULL);
}

/* Has every node computed as it was. */
void
kol_trainer_compute_as_before (KolTrainer *trainer, GKeyFile *facts)
{
  compare_device (trainer, facts);
  g_clear_pointer (&trainer->pinned, g_hash_table_unref);
  trainer->pinned = kol_train_facts_get_variants (facts, KOL_LEARNING_VARIANTS);
  trainer->validation_pinned = kol_train_facts_get_variants (facts, KOL_VALIDATION_VARIANTS);
  kol_graph_pin_variants (trainer->learner.graph, trainer->pinned);
  kol_graph_pin_variants (kol_evaluator_get_graph (trainer->evaluator), trainer->validation_pinned);
}

/**
 * kol_trainer_branch:
 * @trainer: a trainer that has not run yet, of the same network and data as the one that
 *   @state is of; its settings may differ
 * @state: a state
 * @parent: (nullable): the folder of the run that it is of, to be named in this one's
 * @error: return location
 *
 * Begins a run at a step of another one: with its weights, moments, counters and controls.
 * If the run is recorded (kol_trainer_record() comes before), its `run.ini` names the
 * parent and the step, its timeline begins with a row of it, and a checkpoint of that step
 * is written at once, so that it can be resumed.
 *
 * Errors: those of kol_trainer_rewind(); what the disk reports.
 *
 * Returns: whether the trainer stands at that step
 */
gboolean
kol_trainer_branch (KolTrainer *trainer, const KolTrainState *state, const char *parent,
                    GError **error)
{
  g_return_val_if_fail (trainer != NULL && state != NULL && !trainer->training, FALSE);
  g_return_val_if_fail (kol_trainer_get_step (trainer) == 0, FALSE);

  if (!kol_trainer_take_state (trainer, state, error))
    return FALSE;
  kol_trainer_compute_as_before (trainer, state->facts);
  if (!trainer->record)
    return TRUE;
  return kol_run_note_parent (kol_record_get_folder (trainer->record), parent, state->step, error)
         && kol_trainer_happened (trainer, KOL_TIMELINE_BRANCH, NAN, NAN, error)
         && kol_trainer_save (trainer, error);
}

/* The step of the latest checkpoint; 0, which no checkpoint has, with @error set: there is none. */
static guint64
latest_checkpoint (const char *folder, GError **error)
{
  g_autoptr (GArray) steps = kol_checkpoint_list (folder);
  g_autofree char *shown = g_filename_display_name (folder);

  if (steps->len)
    return g_array_index (steps, guint64, 0);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "The run %s has no checkpoint to go on from; begin it anew", shown);
  return 0;
}

/**
 * kol_trainer_resume:
 * @trainer: a trainer that has not run yet, of the network, data and settings that
 *   kol_run_read() tells of @folder
 * @folder: the folder of a run
 * @step: which checkpoint to go on from; 0: the latest
 * @error: return location
 *
 * Goes on with a run: parameters, moments, averages, counters, the place in the
 * data, random numbers and the way in which each node is computed are as they were.
 * On the same device and driver the losses are, to the last digit, those of a run
 * that was never interrupted; where that does not hold, a note says so. What was
 * logged beyond the checkpoint is dropped, as it is computed again.
 *
 * Errors: %G_IO_ERROR_BUSY if another process is at the run; %KOL_ERROR_DATA if
 * there is no such checkpoint, or it is damaged, which names an older one; or if
 * what it holds does not fit the settings.
 *
 * Returns: whether kol_trainer_run() will go on
 */
gboolean
kol_trainer_resume (KolTrainer *trainer, const char *folder, guint64 step, GError **error)
{
  g_return_val_if_fail (trainer != NULL && folder != NULL && !trainer->record, FALSE);

  g_autoptr (KolLock) lock = lock_folder (folder, error);
  if (!lock)
    return FALSE;
  if (!step)
    step = latest_checkpoint (folder, error);
  g_autoptr (KolTrainState) state = step ? kol_train_state_load (folder, step, error) : NULL;
  if (!state || !kol_trainer_take_state (trainer, state, error))
    return FALSE;
  trainer->saved_step = step;
  kol_trainer_compute_as_before (trainer, state->facts);
  /* Later checkpoints would be of a future that is not this one; they go before its rows. */
  kol_checkpoint_forget_after (folder, step);
  trainer->record = kol_record_new (folder, trainer->learner.train_step, step,
                                    kol_train_state_count_happenings (state), lock, error);
  if (!trainer->record)
    return FALSE;
  lock = NULL;
  return kol_run_update (folder, &trainer->settings, step, trainer->best_step, trainer->best_loss,
                         trainer->best_accuracy, error);
}
