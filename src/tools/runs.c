/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>

#define RUN_FILE "run.ini"
#define LOCK_FILE "lock"

typedef enum {
  RUN_RUNNING,
  RUN_FINISHED,
  RUN_INTERRUPTED,
  RUN_DAMAGED,
} RunState;

static const char *const state_names[] = { "running", "finished", "interrupted", "damaged" };

/* What a run's folder says about it. */
typedef struct {
  char *folder;
  char *name;
  char *recipe, *data;   /* NULL: not known */
  guint64 step, steps;   /* done, wanted */
  double accuracy, loss; /* on the validation set at the best step; NaN: not known */
  guint64 best_step;
  gint64 time; /* when it was last written to */
  RunState state;
  int process;  /* that trains it; 0: none, or not known */
  char *reason; /* why it is damaged */
} Run;

static void
run_free (gpointer data)
{
  Run *run = data;

  g_free (run->folder);
  g_free (run->name);
  g_free (run->recipe);
  g_free (run->data);
  g_free (run->reason);
  g_free (run);
}

/* ── Folders ── */

/* Where `kolinsky train` saves by default. */
static char *
runs_folder (void)
{
  return g_build_filename (g_get_user_data_dir (), "kolinsky", "runs", NULL);
}

char *
tool_run_folder (const char *given)
{
  g_autofree char *runs = runs_folder ();
  g_autofree char *inside = g_build_filename (runs, given, NULL);

  if (!g_file_test (given, G_FILE_TEST_EXISTS) && g_file_test (inside, G_FILE_TEST_IS_DIR))
    return g_steal_pointer (&inside);
  return g_strdup (given);
}

static gboolean
holds (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

/* When a file was last written, in seconds; 0 if it is not there. */
static gint64
written (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  GStatBuf status;

  return g_stat (path, &status) == 0 ? (gint64) status.st_mtime : 0;
}

/* ── One run ── */

/* Keeps the first reason, with the name of the file that it is about. */
static void
set_damaged (Run *run, const char *file, const char *reason)
{
  run->state = RUN_DAMAGED;
  if (!run->reason)
    run->reason = g_strdup_printf ("%s: %s", file, reason);
}

static void
read_description (Run *run)
{
  g_autofree char *path = g_build_filename (run->folder, RUN_FILE, NULL);
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) error = NULL;

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, &error))
    {
      /* A run that has only just begun need not have said what it is. */
      if (run->state != RUN_RUNNING)
        set_damaged (run, RUN_FILE, error->message);
      return;
    }
  run->recipe = g_key_file_get_string (file, "run", "network", NULL);
  run->data = g_key_file_get_string (file, "run", "data", NULL);
  run->step = g_key_file_get_uint64 (file, "run", "step", NULL);
  run->steps = g_key_file_get_uint64 (file, "settings", "steps", NULL);
  run->accuracy = g_key_file_get_double (file, "run", "validation-accuracy", &error);
  run->best_step = g_key_file_get_uint64 (file, "run", "best-step", NULL);
  if (!run->best_step)
    run->best_step = run->step;
  if (error)
    run->accuracy = NAN;
  if (run->state == RUN_INTERRUPTED
      && (run->step >= run->steps || g_key_file_get_boolean (file, "run", "finished", NULL)))
    run->state = RUN_FINISHED;
  if (!run->recipe)
    set_damaged (run, RUN_FILE, "it does not say which network was trained");
}

/* The row with the greatest accuracy, or, with @sign -1, the least loss; -1: there is none. */
static gssize
find_best (const double *values, gsize rows, double sign)
{
  gssize best = -1;

  for (gsize i = 0; values && i < rows; i++)
    if (isfinite (values[i]) && (best < 0 || sign * values[i] > sign * values[best]))
      best = (gssize) i;
  return best;
}

static void
read_metrics (Run *run)
{
  g_autofree char *path = g_build_filename (run->folder, KOL_METRICS_FILE, NULL);
  g_autoptr (GError) error = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return;
  g_autoptr (KolMetricsTable) table = kol_metrics_load (path, &error);
  if (!table)
    {
      set_damaged (run, KOL_METRICS_FILE, error->message);
      return;
    }
  const double *step = kol_metrics_table_get (table, "step");
  const double *accuracy = kol_metrics_table_get (table, "validation_accuracy");
  const double *loss = kol_metrics_table_get (table, "validation_loss");
  if (run->state == RUN_RUNNING && table->rows > 0)
    run->step = MAX (run->step, (guint64) step[table->rows - 1]);
  gssize best = find_best (accuracy, table->rows, 1);
  if (best < 0)
    best = find_best (loss, table->rows, -1);
  if (best < 0)
    return;
  run->accuracy = accuracy ? accuracy[best] : NAN;
  run->loss = loss ? loss[best] : NAN;
  run->best_step = (guint64) step[best];
}

/* NULL if the folder is not that of a run. Given. */
static Run *
read_run (const char *folder)
{
  g_autofree char *base = g_path_get_basename (folder);
  int process;
  gboolean running = kol_run_is_in_use (folder, &process);

  if (!running && !holds (folder, RUN_FILE) && !holds (folder, KOL_METRICS_FILE))
    return NULL;
  Run *run = g_new0 (Run, 1);
  run->folder = g_strdup (folder);
  run->name = g_filename_display_name (base);
  run->accuracy = run->loss = NAN;
  run->process = process;
  run->state = running ? RUN_RUNNING : RUN_INTERRUPTED;
  run->time = MAX (MAX (written (folder, RUN_FILE), written (folder, KOL_METRICS_FILE)),
                   written (folder, LOCK_FILE));
  read_description (run);
  read_metrics (run);
  return run;
}

/* ── All runs ── */

static int
newest_first (gconstpointer a, gconstpointer b)
{
  const Run *left = *(Run *const *) a, *right = *(Run *const *) b;

  if (left->time != right->time)
    return left->time > right->time ? -1 : 1;
  return g_strcmp0 (right->name, left->name); /* names end with the time */
}

/* Adds the run that @folder is, or those that it holds. */
static gboolean
add_runs (GPtrArray *runs, const char *folder, GError **error)
{
  Run *run = read_run (folder);
  const char *name;

  if (run)
    {
      g_ptr_array_add (runs, run);
      return TRUE;
    }
  g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
  if (!dir)
    return FALSE;
  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_DIR) && (run = read_run (path)))
        g_ptr_array_add (runs, run);
    }
  return TRUE;
}

/* The user's runs if no folder is given, of which there may not be any yet. */
static GPtrArray *
list_runs (char **folders, GError **error)
{
  g_autoptr (GPtrArray) runs = g_ptr_array_new_with_free_func (run_free);
  g_autofree char *own = runs_folder ();

  if (!*folders && g_file_test (own, G_FILE_TEST_EXISTS) && !add_runs (runs, own, error))
    return NULL;
  for (; *folders; folders++)
    if (!add_runs (runs, *folders, error))
      return NULL;
  g_ptr_array_sort (runs, newest_first);
  return g_steal_pointer (&runs);
}

/* ── The table ── */

enum { NAME, RECIPE, DATA, STEPS, BEST, STATE, N_COLUMNS };

static const char *const headings[N_COLUMNS + 1]
    = { "NAME", "RECIPE", "DATA", "STEPS", "BEST VALIDATION", "STATE", NULL };

static char *
steps_cell (const Run *run)
{
  if (run->steps == 0)
    return g_strdup_printf ("%" G_GUINT64_FORMAT, run->step);
  return g_strdup_printf ("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, run->step, run->steps);
}

static char *
best_cell (const Run *run)
{
  if (isfinite (run->accuracy))
    return g_strdup_printf ("%.2f %% at %" G_GUINT64_FORMAT, 100 * run->accuracy, run->best_step);
  if (isfinite (run->loss))
    return g_strdup_printf ("loss %.4g at %" G_GUINT64_FORMAT, run->loss, run->best_step);
  return g_strdup ("-");
}

static char *
state_cell (const Run *run)
{
  const char *name = state_names[run->state];

  if (run->state == RUN_DAMAGED)
    return g_strdup_printf ("%s: %s", name, run->reason);
  if (run->process > 0)
    return g_strdup_printf ("%s, process %d", name, run->process);
  return g_strdup (name);
}

/* NULL-ended. Given. */
static GStrv
make_row (const Run *run)
{
  char **row = g_new0 (char *, N_COLUMNS + 1);

  row[NAME] = g_strdup (run->name);
  row[RECIPE] = g_strdup (run->recipe ? run->recipe : "-");
  row[DATA] = g_strdup (run->data ? run->data : "-");
  row[STEPS] = steps_cell (run);
  row[BEST] = best_cell (run);
  row[STATE] = state_cell (run);
  return row;
}

static void
say_runs (GPtrArray *runs)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);

  g_ptr_array_add (rows, g_strdupv ((char **) headings));
  for (guint i = 0; i < runs->len; i++)
    g_ptr_array_add (rows, make_row (g_ptr_array_index (runs, i)));
  tool_say_table (rows);
}

static void
write_runs (GPtrArray *runs)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '[');
  for (guint i = 0; i < runs->len; i++)
    {
      const Run *run = g_ptr_array_index (runs, i);
      gboolean known = isfinite (run->accuracy) || isfinite (run->loss);
      g_autofree char *folder = g_filename_display_name (run->folder);
      tool_json_open (&json, NULL, '{');
      tool_json_string (&json, "name", run->name);
      tool_json_string (&json, "folder", folder);
      tool_json_string (&json, "recipe", run->recipe);
      tool_json_string (&json, "data", run->data);
      tool_json_integer (&json, "step", run->step);
      tool_json_integer (&json, "steps", run->steps);
      tool_json_number (&json, "validation_accuracy", run->accuracy);
      tool_json_number (&json, "validation_loss", run->loss);
      tool_json_number (&json, "best_step", known ? (double) run->best_step : NAN);
      tool_json_string (&json, "state", state_names[run->state]);
      tool_json_string (&json, "reason", run->reason);
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_print (&json);
}

/* ── Command ── */

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (ToolOptions) options = { 0 };
  g_autoptr (GError) error = NULL;

  if (!tool_parse (&tool_runs, NULL, TOOL_TAKES_JSON, &options, TOOL_ANY_NUMBER, &argc, &argv))
    return TOOL_USAGE;
  g_autoptr (GPtrArray) runs = list_runs (argv + 1, &error);
  if (!runs)
    return tool_fail (error);
  if (options.json)
    write_runs (runs);
  else if (runs->len > 0)
    say_runs (runs);
  else
    {
      g_autofree char *own = runs_folder ();
      g_autofree char *shown = g_filename_display_name (argc > 1 ? argv[1] : own);
      tool_say ("There are no runs in %s; `kolinsky train` makes one", shown);
    }
  return TOOL_OK;
}

const ToolCommand tool_runs = {
  .name = "runs",
  .parameters = "[FOLDER...]",
  .summary = "List what was trained, how far, and how well",
  .description
  = "Lists the runs in the folders, newest first: those of the user's data folder, if\n"
    "none is given. The best validation is that with the greatest accuracy, or, where\n"
    "there is none, the least loss, and the step of it.",
  .run = run_command,
};
