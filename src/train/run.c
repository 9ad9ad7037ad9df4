/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * What a run's folder says of it: run.ini, for people and programs, and recipe.ini,
 * the recipe as it was.
 */

#include "run-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "../dataset/dataset-private.h"
#include "../model/entry-private.h"
#include "checkpoint-private.h"
#include "metrics.h"
#include "recipe-private.h"
#include "record-private.h"

#define PICTURE "picture" /* the group */

/* ── Writing ─────────────────────────────────────────────────────────────────────────────────── */

/**
 * kol_run_exists:
 * @folder: a folder, or a name that none has
 *
 * Returns: whether the folder holds a run
 */
gboolean
kol_run_exists (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, KOL_RUN_FILE, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/**
 * kol_run_is_in_use:
 * @folder: the folder of a run
 * @process: (out) (optional): the number of the process that is at it; 0: not known
 *
 * Returns: whether a process, be it this one, trains the run
 */
gboolean
kol_run_is_in_use (const char *folder, int *process)
{
  g_return_val_if_fail (folder != NULL, FALSE);
  g_autofree char *path = g_build_filename (folder, KOL_LOCK_FILE, NULL);

  return kol_lock_is_taken (path, process);
}

/**
 * kol_run_new_folder:
 * @name: what the run's name begins with, such as that of a recipe
 *
 * Chooses a folder for a new run among the user's data, `kolinsky/runs/NAME-TIME`.
 *
 * Returns: (transfer full): the name of a folder that is not there yet
 */
char *
kol_run_new_folder (const char *name)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *time = g_date_time_format (now, "%Y%m%d-%H%M%S");
  g_autofree char *first = g_strdup_printf ("%s-%s", name, time);
  char *folder = g_build_filename (g_get_user_data_dir (), "kolinsky", "runs", first, NULL);

  /* Two runs may begin in the same second. */
  for (guint i = 2; g_file_test (folder, G_FILE_TEST_EXISTS); i++)
    {
      g_autofree char *next = g_strdup_printf ("%s-%u", first, i);
      g_free (folder);
      folder = g_build_filename (g_get_user_data_dir (), "kolinsky", "runs", next, NULL);
    }
  return folder;
}

/* With as few digits as read back as the same number. */
static void
write_numbers (GKeyFile *file, const char *key, const float *numbers, gsize n)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (gsize i = 0; i < n; i++)
    {
      char text[G_ASCII_DTOSTR_BUF_SIZE], format[] = "%.6g";
      for (; format[2] <= '9'; format[2]++)
        if ((float) g_ascii_strtod (g_ascii_formatd (text, sizeof text, format, numbers[i]), NULL)
            == numbers[i])
          break;
      g_string_append_printf (list, "%s%s", i ? ";" : "", text);
    }
  g_key_file_set_value (file, PICTURE, key, list->str);
}

/* How pictures are prepared, in the words of the catalogue of models; and which files they are. */
static void
write_picture (GKeyFile *file, const KolDataset *data)
{
  const KolPreprocess *picture = data->picture;
  g_autofree char *digest = kol_dataset_get_digest (data);

  g_key_file_set_string (file, "data", "files", digest);
  g_key_file_set_string (file, PICTURE, "channels",
                         picture->channels == 1 ? "grey"
                         : picture->bgr         ? "BGR"
                                                : "RGB");
  if (picture->short_side)
    g_key_file_set_uint64 (file, PICTURE, "short-side", picture->short_side);
  g_key_file_set_uint64 (file, PICTURE, "width", picture->width);
  g_key_file_set_uint64 (file, PICTURE, "height", picture->height);
  g_key_file_set_string (file, PICTURE, "filter",
                         picture->filter == KOL_BICUBIC ? "bicubic" : "bilinear");
  write_numbers (file, "divisor", &picture->divisor, 1);
  write_numbers (file, "mean", picture->mean, picture->channels);
  write_numbers (file, "std", picture->std, picture->channels);
}

static void
write_data (GKeyFile *file, const KolDataset *data, const KolDatasetOptions *options)
{
  g_key_file_set_string (file, "data", "path", data->path);
  if (options && options->width)
    g_key_file_set_uint64 (file, "data", "option-width", options->width);
  if (options && options->height)
    g_key_file_set_uint64 (file, "data", "option-height", options->height);
  if (options && options->channels)
    g_key_file_set_uint64 (file, "data", "option-channels", options->channels);
  if (options && options->target)
    g_key_file_set_string (file, "data", "option-target", options->target);
  if (options && options->numbers)
    g_key_file_set_boolean (file, "data", "option-numbers", TRUE);
  if (data->picture)
    write_picture (file, data);
  g_key_file_set_uint64 (file, "data", "examples", data->count);
  g_key_file_set_uint64 (file, "data", "channels", data->channels);
  g_key_file_set_uint64 (file, "data", "height", data->height);
  g_key_file_set_uint64 (file, "data", "width", data->width);
  g_key_file_set_uint64 (file, "data", "classes", data->classes);
  g_key_file_set_uint64 (file, "data", "outputs", data->outputs);
  if (data->class_names)
    g_key_file_set_string_list (file, "data", "class-names",
                                (const char *const *) data->class_names,
                                g_strv_length (data->class_names));
}

static gboolean
save_as (GKeyFile *file, const char *folder, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  gsize size;
  g_autofree char *text = g_key_file_to_data (file, &size, NULL);

  return g_file_set_contents_full (path, text, (gssize) size, G_FILE_SET_CONTENTS_CONSISTENT, 0666,
                                   error);
}

static gboolean
save (GKeyFile *file, const char *folder, GError **error)
{
  return save_as (file, folder, KOL_RUN_FILE, error);
}

gboolean
kol_run_create_as (const char *folder, const char *name, const KolRecipe *recipe,
                   const KolTrainSettings *settings, const char *weights, const KolDataset *data,
                   const KolDatasetOptions *options, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *started = g_date_time_format_iso8601 (now);
  g_autofree char *recipe_path = g_build_filename (folder, KOL_RECIPE_FILE, NULL);

  g_key_file_set_string (file, "run", "kolinsky", KOL_VERSION);
  g_key_file_set_string (file, "run", "started", started);
  g_key_file_set_string (file, "run", "network", recipe ? kol_recipe_get_name (recipe) : "custom");
  if (weights)
    g_key_file_set_string (file, "run", "weights", weights);
  g_key_file_set_string (file, "run", "data", data->name);
  g_key_file_set_uint64 (file, "run", "step", 0);
  write_data (file, data, options);
  kol_train_settings_write (settings, file, "settings");
  if (!recipe) /* of a run that was here before */
    g_unlink (recipe_path);
  else if (!g_file_set_contents_full (recipe_path, kol_recipe_get_text (recipe), -1,
                                      G_FILE_SET_CONTENTS_CONSISTENT, 0666, error))
    return FALSE;
  return save_as (file, folder, name, error);
}

gboolean
kol_run_create (const char *folder, const KolRecipe *recipe, const KolTrainSettings *settings,
                const char *weights, const KolDataset *data, const KolDatasetOptions *options,
                GError **error)
{
  return kol_run_create_as (folder, KOL_RUN_FILE, recipe, settings, weights, data, options, error);
}

void
kol_run_set_number (GKeyFile *file, const char *group, const char *key, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isnan (number))
    g_key_file_set_string (file, group, key, g_ascii_dtostr (text, sizeof text, number));
}

gboolean
kol_run_update (const char *folder, const KolTrainSettings *settings, guint64 step, guint64 best,
                double best_loss, double best_accuracy, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *path = g_build_filename (folder, KOL_RUN_FILE, NULL);

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_KEEP_COMMENTS, error))
    return FALSE;
  g_key_file_set_uint64 (file, "run", "step", step);
  g_key_file_remove_key (file, "run", "finished", NULL);
  g_key_file_remove_key (file, "run", "best-step", NULL);
  g_key_file_remove_key (file, "run", "validation-loss", NULL);
  g_key_file_remove_key (file, "run", "validation-accuracy", NULL);
  if (best)
    {
      g_key_file_set_uint64 (file, "run", "best-step", best);
      kol_run_set_number (file, "run", "validation-loss", best_loss);
      kol_run_set_number (file, "run", "validation-accuracy", best_accuracy);
    }
  kol_train_settings_write (settings, file, "settings");
  return save (file, folder, error);
}

gboolean
kol_run_note_parent (const char *folder, const char *parent, guint64 step, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *path = g_build_filename (folder, KOL_RUN_FILE, NULL);

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_KEEP_COMMENTS, error))
    return FALSE;
  if (parent)
    g_key_file_set_string (file, "run", "parent", parent);
  g_key_file_set_uint64 (file, "run", "parent-step", step);
  return save (file, folder, error);
}

gboolean
kol_run_finish (const char *folder, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *path = g_build_filename (folder, KOL_RUN_FILE, NULL);

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_KEEP_COMMENTS, error))
    return FALSE;
  g_key_file_set_boolean (file, "run", "finished", TRUE);
  return save (file, folder, error);
}

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
read_settings (KolRun *run, GKeyFile *file, GError **error)
{
  g_auto (GStrv) names = g_key_file_get_keys (file, "settings", NULL, error);

  if (!names)
    return FALSE;
  for (char **name = names; *name; name++)
    {
      g_autofree char *value = g_key_file_get_string (file, "settings", *name, NULL);
      if (!kol_train_settings_set (&run->settings, *name, value, error))
        return FALSE;
    }
  return TRUE;
}

/* The group is that of an entry in the catalogue of models, and read like that. */
static gboolean
read_picture (KolRun *run, GKeyFile *file, GError **error)
{
  if (!g_key_file_has_group (file, PICTURE))
    return TRUE;
  g_autoptr (KolModelEntry) entry
      = kol_model_entry_read ("run", g_key_file_ref (file), KOL_RUN_FILE, error);
  if (!entry)
    return FALSE;
  run->picture = entry->picture;
  run->data_options.picture = &run->picture;
  if (run->picture.channels == run->like->channels && run->picture.height == run->like->height
      && run->picture.width == run->like->width)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "[picture] says that its examples are [%zu, %zu, %zu], but [data] that they are "
               "[%zu, %zu, %zu] (channels, height, width)",
               run->picture.channels, run->picture.height, run->picture.width, run->like->channels,
               run->like->height, run->like->width);
  return FALSE;
}

static gboolean
read_data (KolRun *run, GKeyFile *file, GError **error)
{
  KolDataset *like;

  run->data = g_key_file_get_string (file, "data", "path", error);
  if (!run->data)
    return FALSE;
  like = run->like = kol_dataset_new (run->data, "train");
  run->data_options = (KolDatasetOptions){
    .width = g_key_file_get_uint64 (file, "data", "option-width", NULL),
    .height = g_key_file_get_uint64 (file, "data", "option-height", NULL),
    .channels = g_key_file_get_uint64 (file, "data", "option-channels", NULL),
    .target = g_key_file_get_string (file, "data", "option-target", NULL),
    .numbers = g_key_file_get_boolean (file, "data", "option-numbers", NULL),
  };
  run->examples = g_key_file_get_uint64 (file, "data", "examples", NULL);
  like->channels = g_key_file_get_uint64 (file, "data", "channels", NULL);
  like->height = g_key_file_get_uint64 (file, "data", "height", NULL);
  like->width = g_key_file_get_uint64 (file, "data", "width", NULL);
  like->classes = (guint) g_key_file_get_uint64 (file, "data", "classes", NULL);
  like->outputs = g_key_file_get_uint64 (file, "data", "outputs", NULL);
  like->class_names = g_key_file_get_string_list (file, "data", "class-names", NULL, NULL);
  run->files = g_key_file_get_string (file, "data", "files", NULL);
  if (like->channels && like->height && like->width && like->classes + like->outputs)
    return read_picture (run, file, error);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "it does not say of what size its examples are; [data] needs channels, height, "
               "width, and classes or outputs");
  return FALSE;
}

static gboolean
read_recipe (KolRun *run, GKeyFile *file, GError **error)
{
  g_autofree char *name = g_key_file_get_string (file, "run", "network", NULL);
  g_autofree char *path = g_build_filename (run->folder, KOL_RECIPE_FILE, NULL);
  g_autofree char *text = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "its network is code, not a recipe; only the program that trained it can go on");
      return FALSE;
    }
  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;
  run->recipe = kol_recipe_parse_as (text, path, name ? name : "recipe", error);
  return run->recipe != NULL;
}

static gboolean
read_all (KolRun *run, GKeyFile *file, GError **error)
{
  g_autoptr (GArray) steps = kol_checkpoint_list (run->folder);

  run->latest = steps->len ? g_array_index (steps, guint64, 0) : 0;
  run->best = g_key_file_get_uint64 (file, "run", "best-step", NULL);
  run->parent = g_key_file_get_string (file, "run", "parent", NULL);
  run->parent_step = g_key_file_get_uint64 (file, "run", "parent-step", NULL);
  return read_data (run, file, error) && read_settings (run, file, error)
         && read_recipe (run, file, error);
}

/**
 * kol_run_read:
 * @folder: a run's folder, as kol_trainer_record() makes it
 * @error: return location
 *
 * Reads what a run is, without its weights.
 *
 * Errors: %KOL_ERROR_DATA if the folder is not a run's, or its files are damaged or
 * ask for what this version does not know.
 *
 * Returns: (transfer full): the run, or %NULL with @error set
 */
KolRun *
kol_run_read (const char *folder, GError **error)
{
  g_return_val_if_fail (folder != NULL, NULL);
  g_autofree char *path = g_build_filename (folder, KOL_RUN_FILE, NULL);
  g_autofree char *shown = g_filename_display_name (folder);
  g_autoptr (GError) reason = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "%s is not the folder of a run: there is no %s in it; `kolinsky runs` lists "
                   "those there are",
                   shown, KOL_RUN_FILE);
      return NULL;
    }
  KolRun *run = kol_run_read_as (folder, KOL_RUN_FILE, &reason);
  if (!run)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "The run %s cannot be read: %s", shown,
                 reason->message);
  return run;
}

KolRun *
kol_run_read_as (const char *folder, const char *name, GError **error)
{
  g_autoptr (KolRun) run = g_new0 (KolRun, 1);
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *path = g_build_filename (folder, name, NULL);

  run->folder = g_strdup (folder);
  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, error)
      || !read_all (run, file, error))
    return NULL;
  return g_steal_pointer (&run);
}

/**
 * kol_run_get_weights:
 * @run: a run
 *
 * Returns: (transfer full) (nullable): the file of the weights of its latest checkpoint, for
 *   kol_weights_open(); %NULL if there is none yet
 */
char *
kol_run_get_weights (const KolRun *run)
{
  g_return_val_if_fail (run != NULL, NULL);
  g_autofree char *checkpoint = run->latest ? kol_checkpoint_path (run->folder, run->latest) : NULL;

  return checkpoint ? g_build_filename (checkpoint, KOL_WEIGHTS_FILE, NULL) : NULL;
}

/**
 * kol_run_free:
 * @run: (transfer full) (nullable): a run
 *
 * Frees what was read; the folder stays.
 */
void
kol_run_free (KolRun *run)
{
  if (!run)
    return;
  g_free (run->folder);
  g_clear_pointer (&run->recipe, kol_recipe_unref);
  g_free (run->data);
  g_free (run->files);
  g_free (run->parent);
  g_free ((char *) run->data_options.target);
  g_clear_pointer (&run->like, kol_dataset_unref);
  g_free (run);
}

/* Whether something has been learned, or at least logged. */
static gboolean
is_worth_keeping (const char *folder)
{
  g_autoptr (GArray) steps = kol_checkpoint_list (folder);
  g_autofree char *path = g_build_filename (folder, KOL_METRICS_FILE, NULL);
  g_autoptr (KolMetricsTable) table = kol_metrics_load (path, NULL);

  return steps->len > 0 || (table && table->rows > 0);
}

static gboolean
remove_files (const char *folder)
{
  static const char *const files[]
      = { KOL_RUN_FILE, KOL_RECIPE_FILE, KOL_METRICS_FILE, KOL_SKIPPED_FILE, KOL_LOCK_FILE };
  g_autofree char *checkpoints = g_build_filename (folder, "checkpoints", NULL);

  kol_record_remove_logs (folder);
  kol_checkpoint_forget (folder, 0, 0);
  g_rmdir (checkpoints);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (folder, files[i], NULL);
      g_unlink (path);
    }
  return g_rmdir (folder) == 0;
}

/**
 * kol_run_list_checkpoints:
 * @folder: the folder of a run
 *
 * Returns: (transfer full) (element-type guint64): the steps whose checkpoints are there, for
 *   kol_train_state_load() and kol_trainer_resume(); the latest first
 */
GArray *
kol_run_list_checkpoints (const char *folder)
{
  g_return_val_if_fail (folder != NULL, NULL);
  return kol_checkpoint_list (folder);
}

/**
 * kol_run_remove:
 * @folder: the folder of a run that no one is at
 *
 * Takes away a run with all that it has come to. Files that are not a run's stay, and so
 * does the folder then.
 *
 * Returns: whether the folder is gone
 */
gboolean
kol_run_remove (const char *folder)
{
  g_return_val_if_fail (folder != NULL, FALSE);
  return kol_run_exists (folder) && remove_files (folder);
}

/**
 * kol_run_remove_empty:
 * @folder: the folder of a run that no one is at
 *
 * Takes away what a run that has failed at its very start leaves: a folder without a
 * checkpoint and without a row in its log. Files that are not a run's stay, and so
 * does the folder then.
 *
 * Returns: whether the folder is gone
 */
gboolean
kol_run_remove_empty (const char *folder)
{
  g_return_val_if_fail (folder != NULL, FALSE);
  return kol_run_exists (folder) && !is_worth_keeping (folder) && remove_files (folder);
}
