/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * What a search leaves, so that it can be looked at and gone on with:
 *
 *   SEARCH/search.ini   what trials have in common, as run.ini says it of a run, and [search]
 *   SEARCH/recipe.ini   their network
 *   SEARCH/search.csv   a row for each trial that has ended
 *   SEARCH/trial-001    the run of the first one, a folder like that of any run
 */

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "../device/error.h"
#include "../model/networks.h"
#include "../replace-private.h"
#include "checkpoint-private.h"
#include "run-private.h"
#include "search-private.h"

#define GROUP "search"

static const char *const state_names[] = {
  [KOL_TRIAL_DONE] = "done",
  [KOL_TRIAL_DIVERGED] = "diverged",
  [KOL_TRIAL_FAILED] = "failed",
};

static const char *const columns[]
    = { "trial", "state", "steps", "validation_loss", "validation_accuracy", NULL };

/**
 * kol_trial_state_get_name:
 * @state: what became of a trial
 *
 * Returns: the word for it in search.csv: done, diverged, failed
 */
const char *
kol_trial_state_get_name (KolTrialState state)
{
  g_return_val_if_fail (state < G_N_ELEMENTS (state_names), NULL);
  return state_names[state];
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

/* As many digits as give the same float again. */
static void
append_number (GString *row, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_c (row, ',');
  if (isfinite (number))
    g_string_append (row, g_ascii_formatd (text, sizeof text, "%.9g", number));
}

/* What is searched stands in the last columns; it has no commas, which part the values of lists. */
static gboolean
write_table (const KolSearch *search, GError **error)
{
  g_autofree char *path = g_build_filename (search->folder, KOL_SEARCH_TABLE, NULL);
  g_autofree char *header = g_strjoinv (",", (char **) columns);
  g_autoptr (GString) table = g_string_new (header);

  for (guint i = 0; i < search->ranges->len; i++)
    g_string_append_printf (table, ",%s", ((KolSearchRange *) search->ranges->pdata[i])->name);
  g_string_append_c (table, '\n');
  for (guint t = 0; t < search->outcomes->len; t++)
    {
      const KolTrial *trial = &g_array_index (search->outcomes, KolTrial, t);

      g_string_append_printf (table, "%" G_GUINT64_FORMAT ",%s,%" G_GUINT64_FORMAT, trial->number,
                              state_names[trial->state], trial->steps);
      append_number (table, trial->loss);
      append_number (table, trial->accuracy);
      for (guint i = 0; i < search->ranges->len; i++)
        {
          g_autofree char *value = kol_search_sample (search, trial->number, i);
          g_string_append_printf (table, ",%s", value);
        }
      g_string_append_c (table, '\n');
    }
  return kol_replace_contents (path, table->str, table->len, error);
}

static gboolean
read_number (const char *text, double *number)
{
  char *end;

  *number = *text ? g_ascii_strtod (text, &end) : NAN;
  return !*text || !*end;
}

static gboolean
read_trial (const KolSearch *search, char **cells, KolTrial *trial)
{
  *trial = (KolTrial){ .state = G_N_ELEMENTS (state_names) };
  if (g_strv_length (cells) != g_strv_length ((char **) columns) + search->ranges->len)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (state_names); i++)
    if (strcmp (cells[1], state_names[i]) == 0)
      trial->state = i;
  return trial->state < G_N_ELEMENTS (state_names)
         && g_ascii_string_to_unsigned (cells[0], 10, 1, G_MAXINT64, &trial->number, NULL)
         && g_ascii_string_to_unsigned (cells[2], 10, 0, G_MAXINT64, &trial->steps, NULL)
         && read_number (cells[3], &trial->loss) && read_number (cells[4], &trial->accuracy);
}

/* There is none before the first trial has ended. */
static gboolean
read_table (KolSearch *search, GError **error)
{
  g_autofree char *path = g_build_filename (search->folder, KOL_SEARCH_TABLE, NULL);
  g_autofree char *text = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint i = 1; lines[0] && lines[i]; i++)
    {
      g_auto (GStrv) cells = g_strsplit (g_strstrip (lines[i]), ",", -1);
      KolTrial trial;

      if (!*lines[i])
        continue;
      if (!read_trial (search, cells, &trial))
        {
          g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "%s, line %u: “%s” is no row of a trial",
                       KOL_SEARCH_TABLE, i + 1, lines[i]);
          return FALSE;
        }
      g_array_append_val (search->outcomes, trial);
    }
  return TRUE;
}

/* ── The folder ──────────────────────────────────────────────────────────────────────────────── */

static gboolean
take_lock (KolSearch *search, GError **error)
{
  g_autofree char *path = g_build_filename (search->folder, KOL_SEARCH_LOCK, NULL);
  g_autofree char *shown = g_filename_display_name (search->folder);
  g_autofree char *what = g_strdup_printf ("The search %s", shown);

  search->lock = kol_lock_take (path, what, error);
  return search->lock != NULL;
}

/* What is searched, beside what trials have in common. */
static gboolean
write_search (const KolSearch *search, GError **error)
{
  g_autofree char *path = g_build_filename (search->folder, KOL_SEARCH_FILE, NULL);
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GPtrArray) texts = g_ptr_array_new ();

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_KEEP_COMMENTS, error))
    return FALSE;
  for (guint i = 0; i < search->ranges->len; i++)
    g_ptr_array_add (texts, ((KolSearchRange *) search->ranges->pdata[i])->text);
  g_key_file_set_uint64 (file, GROUP, "seed", search->seed);
  g_key_file_set_uint64 (file, GROUP, "trials", search->trials);
  g_key_file_set_string_list (file, GROUP, "over", (const char *const *) texts->pdata, texts->len);
  if (search->keep_all)
    g_key_file_set_boolean (file, GROUP, "keep-all", TRUE);

  gsize size;
  g_autofree char *text = g_key_file_to_data (file, &size, NULL);
  return kol_replace_contents (path, text, size, error);
}

/**
 * kol_search_exists:
 * @folder: a folder, or a name that none has
 *
 * Returns: whether the folder holds a search
 */
gboolean
kol_search_exists (const char *folder)
{
  g_return_val_if_fail (folder != NULL, FALSE);
  g_autofree char *path = g_build_filename (folder, KOL_SEARCH_FILE, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static gboolean
make_folder (const char *folder, GError **error)
{
  g_autofree char *shown = g_filename_display_name (folder);

  if (kol_search_exists (folder) || kol_run_exists (folder))
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                   "%s already holds a %s; choose another folder", shown,
                   kol_run_exists (folder) ? "run" : "search");
      return FALSE;
    }
  if (g_mkdir_with_parents (folder, 0777) == 0)
    return TRUE;
  int code = errno;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
               "The folder “%s” cannot be made: %s", shown, g_strerror (code));
  return FALSE;
}

/**
 * kol_search_record:
 * @search: a search of which nothing is recorded yet
 * @folder: where to; made if it is not there
 * @trials: how many there are to be
 * @recipe: their network
 * @settings: what they have in common
 * @weights: (nullable): the file of those that they begin with
 * @data: the training set
 * @options: (nullable): how it was read, so that it can be read again
 * @error: return location
 *
 * Makes the search's folder, from which kol_search_open() reads it again. No other process
 * can work on it until @search is freed.
 *
 * Errors: %G_FILE_ERROR_EXIST if there is a search or a run; those of the disk.
 *
 * Returns: whether trials can begin
 */
gboolean
kol_search_record (KolSearch *search, const char *folder, guint64 trials, const KolRecipe *recipe,
                   const KolTrainSettings *settings, const char *weights, const KolDataset *data,
                   const KolDatasetOptions *options, GError **error)
{
  g_return_val_if_fail (search != NULL && search->ranges->len > 0 && !search->folder, FALSE);
  g_return_val_if_fail (folder != NULL && trials > 0 && recipe != NULL && settings != NULL, FALSE);

  if (!make_folder (folder, error))
    return FALSE;
  search->folder = g_strdup (folder);
  search->weights = g_strdup (weights);
  search->trials = trials;
  if (!take_lock (search, error)
      || !kol_run_create_as (folder, KOL_SEARCH_FILE, recipe, settings, weights, data, options,
                             error)
      || !write_search (search, error))
    return FALSE;
  search->base = kol_run_read_as (folder, KOL_SEARCH_FILE, error);
  return search->base != NULL;
}

static gboolean
read_search (KolSearch *search, GError **error)
{
  g_autofree char *path = g_build_filename (search->folder, KOL_SEARCH_FILE, NULL);
  g_autoptr (GKeyFile) file = g_key_file_new ();

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, error))
    return FALSE;
  search->weights = g_key_file_get_string (file, "run", "weights", NULL);
  search->seed = g_key_file_get_uint64 (file, GROUP, "seed", NULL);
  search->trials = g_key_file_get_uint64 (file, GROUP, "trials", NULL);
  search->keep_all = g_key_file_get_boolean (file, GROUP, "keep-all", NULL);
  g_auto (GStrv) over = g_key_file_get_string_list (file, GROUP, "over", NULL, error);
  if (!over)
    return FALSE;
  g_autofree char *folder = g_steal_pointer (&search->folder); /* nothing can be added to it */
  gboolean good = TRUE;
  for (char **text = over; *text && good; text++)
    good = kol_search_add (search, *text, error);
  search->folder = g_steal_pointer (&folder);
  return good && read_table (search, error);
}

/**
 * kol_search_open:
 * @folder: the folder of a search, as kol_search_record() makes it
 * @error: return location
 *
 * Reads what a search is and what has come of it so far, also while another process works
 * on it.
 *
 * Errors: %KOL_ERROR_DATA if the folder is not a search's, or its files are damaged or ask
 * for what this version does not know.
 *
 * Returns: (transfer full): the search, or %NULL with @error set
 */
KolSearch *
kol_search_open (const char *folder, GError **error)
{
  g_return_val_if_fail (folder != NULL, NULL);
  g_autoptr (KolSearch) search = kol_search_new (0);
  g_autoptr (GError) reason = NULL;
  g_autofree char *shown = g_filename_display_name (folder);

  if (!kol_search_exists (folder))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "%s is not the folder of a search: there is no %s in it", shown,
                   KOL_SEARCH_FILE);
      return NULL;
    }
  search->folder = g_strdup (folder);
  search->base = kol_run_read_as (folder, KOL_SEARCH_FILE, &reason);
  if (search->base && read_search (search, &reason))
    return g_steal_pointer (&search);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "The search %s cannot be read: %s", shown,
               reason->message);
  return NULL;
}

/**
 * kol_search_resume:
 * @search: a search that was opened
 * @trials: how many there are to be now; 0: as many as there were to be
 * @error: return location
 *
 * Goes on with it. No other process can work on it until @search is freed.
 *
 * Errors: %G_IO_ERROR_BUSY if another process does.
 *
 * Returns: whether trials can begin
 */
gboolean
kol_search_resume (KolSearch *search, guint64 trials, GError **error)
{
  g_return_val_if_fail (search != NULL && search->folder != NULL && !search->lock, FALSE);

  if (!take_lock (search, error))
    return FALSE;
  g_array_set_size (search->outcomes, 0); /* another process may have been at it until now */
  if (!read_table (search, error))
    return FALSE;
  search->trials = trials ? trials : search->trials;
  return write_search (search, error);
}

/**
 * kol_search_get_base:
 * @search: a search that is recorded
 *
 * Returns: (transfer none): what its trials have in common: recipe, settings, data
 */
const KolRun *
kol_search_get_base (const KolSearch *search)
{
  g_return_val_if_fail (search != NULL, NULL);
  return search->base;
}

/**
 * kol_search_get_folder:
 * @search: a search
 *
 * Returns: (transfer none) (nullable): where it is recorded; %NULL: nowhere yet
 */
const char *
kol_search_get_folder (const KolSearch *search)
{
  g_return_val_if_fail (search != NULL, NULL);
  return search->folder;
}

/**
 * kol_search_get_n_trials:
 * @search: a search that is recorded
 *
 * Returns: how many trials there are to be
 */
guint64
kol_search_get_n_trials (const KolSearch *search)
{
  g_return_val_if_fail (search != NULL, 0);
  return search->trials;
}

/**
 * kol_search_get_outcomes:
 * @search: a search
 * @n: (out): how many there are so far
 *
 * Returns: (transfer none) (array length=n): the trials that have ended, in that order, valid
 *   until the next kol_search_note()
 */
const KolTrial *
kol_search_get_outcomes (const KolSearch *search, guint *n)
{
  g_return_val_if_fail (search != NULL && n != NULL, NULL);
  *n = search->outcomes->len;
  return (const KolTrial *) (gconstpointer) search->outcomes->data;
}

/* ── Trials ──────────────────────────────────────────────────────────────────────────────────── */

/**
 * kol_search_get_next:
 * @search: a search that is recorded
 *
 * Returns: the number of the first trial that has not ended; 0: all have
 */
guint64
kol_search_get_next (const KolSearch *search)
{
  g_return_val_if_fail (search != NULL, 0);

  for (guint64 number = 1; number <= search->trials; number++)
    {
      gboolean ended = FALSE;
      for (guint t = 0; t < search->outcomes->len && !ended; t++)
        ended = g_array_index (search->outcomes, KolTrial, t).number == number;
      if (!ended)
        return number;
    }
  return 0;
}

/**
 * kol_search_get_trial_folder:
 * @search: a search that is recorded
 * @trial: the number of a trial, from 1
 *
 * Returns: (transfer full): the folder of its run
 */
char *
kol_search_get_trial_folder (const KolSearch *search, guint64 trial)
{
  g_return_val_if_fail (search != NULL && search->folder != NULL, NULL);
  g_autofree char *name = g_strdup_printf ("trial-%03" G_GUINT64_FORMAT, trial);

  return g_build_filename (search->folder, name, NULL);
}

/**
 * kol_search_make_trainer:
 * @search: a search that is recorded
 * @trial: the number of a trial, from 1
 * @device: where it learns
 * @data: the training set
 * @validation: (nullable): the validation set; %NULL: some of @data are held out
 * @error: return location
 *
 * Makes what learns in a trial: next, kol_trainer_prepare(), kol_search_begin_trial(), and
 * kol_trainer_run() or kol_trainer_begin().
 *
 * Errors: those of kol_trainer_new(), %KOL_ERROR_MEMORY among them, and of
 * kol_trainer_load().
 *
 * Returns: (transfer full): a trainer, or %NULL with @error set
 */
KolTrainer *
kol_search_make_trainer (KolSearch *search, guint64 trial, KolDevice *device, KolDataset *data,
                         KolDataset *validation, GError **error)
{
  g_return_val_if_fail (search != NULL && search->base != NULL && trial > 0, NULL);
  KolTrainSettings settings = search->base->settings;

  if (!kol_search_apply (search, trial, &settings, error))
    return NULL;
  g_autoptr (KolTrainer) trainer = kol_trainer_new (
      device, kol_recipe_network, search->base->recipe, data, validation, &settings, error);
  if (!trainer)
    return NULL;
  const KolNetworkKind *kind = kol_network_find (kol_recipe_get_name (search->base->recipe));
  if (search->weights
      && !kol_trainer_load (trainer, search->weights, kind ? kind->names : NULL, NULL, error))
    return NULL;
  return g_steal_pointer (&trainer);
}

/**
 * kol_search_begin_trial:
 * @search: a search that is recorded
 * @trial: the number of a trial
 * @trainer: what kol_search_make_trainer() made for it, prepared
 * @error: return location
 *
 * Has the trial recorded as a run in a folder of its own, as kol_trainer_record() does. One
 * that was interrupted goes on from its latest checkpoint.
 *
 * Errors: those of kol_trainer_record() and kol_trainer_resume().
 *
 * Returns: whether the trainer can take its steps
 */
gboolean
kol_search_begin_trial (KolSearch *search, guint64 trial, KolTrainer *trainer, GError **error)
{
  g_return_val_if_fail (search != NULL && search->base != NULL && trainer != NULL, FALSE);
  g_autofree char *folder = kol_search_get_trial_folder (search, trial);
  g_autoptr (KolRun) begun = kol_run_read (folder, NULL);

  return begun && begun->latest
             ? kol_trainer_resume (trainer, folder, begun->latest, error)
             : kol_trainer_record (trainer, folder, &search->base->data_options, error);
}

/**
 * kol_search_note:
 * @search: a search that is recorded, and may be worked on
 * @outcome: of a trial that has none yet
 * @error: return location
 *
 * Adds the outcome of a trial to the search's table; when this has returned, it is on the disk.
 *
 * Errors: those of the disk; the table is then as it was before.
 *
 * Returns: whether it is written
 */
gboolean
kol_search_note (KolSearch *search, const KolTrial *outcome, GError **error)
{
  g_return_val_if_fail (search != NULL && search->lock != NULL && outcome != NULL, FALSE);

  g_array_append_val (search->outcomes, *outcome);
  return write_table (search, error);
}

static int
compare_trials (gconstpointer a, gconstpointer b)
{
  return kol_trial_compare (a, b);
}

/**
 * kol_search_keep_all:
 * @search: a search that is not recorded yet, or was opened and is to be resumed
 *
 * Has all trials keep their weights, from now on: kol_search_thin_out() removes none.
 */
void
kol_search_keep_all (KolSearch *search)
{
  g_return_if_fail (search != NULL && search->lock == NULL);
  search->keep_all = TRUE;
}

/**
 * kol_search_keeps_all:
 * @search: a search
 *
 * Returns: whether all trials keep their weights
 */
gboolean
kol_search_keeps_all (const KolSearch *search)
{
  g_return_val_if_fail (search != NULL, FALSE);
  return search->keep_all;
}

/**
 * kol_search_thin_out:
 * @search: a search that is recorded
 * @keep: how many trials keep their weights
 *
 * Removes the checkpoints of the trials that have ended, but for those of the best, as each may be
 * large; none if kol_search_keep_all() was called when it began. The run of one that somebody has
 * gone on with, or is at, keeps its own. Begun anew, a trial takes the same steps as before.
 */
void
kol_search_thin_out (KolSearch *search, guint keep)
{
  g_return_if_fail (search != NULL && search->lock != NULL);
  g_autoptr (GArray) trials = g_array_copy (search->outcomes);

  g_array_sort (trials, compare_trials);
  for (guint i = keep; !search->keep_all && i < trials->len; i++)
    {
      const KolTrial *trial = &g_array_index (trials, KolTrial, i);
      g_autofree char *folder = kol_search_get_trial_folder (search, trial->number);
      g_autofree char *path = g_build_filename (folder, KOL_LOCK_FILE, NULL);
      g_autoptr (GArray) steps = kol_checkpoint_list (folder);

      if (steps->len && g_array_index (steps, guint64, 0) <= trial->steps
          && !kol_lock_is_taken (path, NULL))
        kol_checkpoint_forget_after (folder, 0);
    }
}
