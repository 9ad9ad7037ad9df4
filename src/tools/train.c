/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "train-private.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "../train/layers-private.h"
#include "../words-private.h"

#define PLAIN_INTERVAL 10.0 /* seconds between progress lines where there is no terminal */

/* The options of `train` alone. */
typedef struct {
  TrainOptions shared;
  gint64 from;
  gboolean overwrite, print, layers;
} OwnOptions;

static void
own_options_clear (OwnOptions *options)
{
  train_options_clear (&options->shared);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (OwnOptions, own_options_clear)

/* One training run: what it reads, where it writes, and what was seen last. */
typedef struct {
  const OwnOptions *options;
  TrainSetup setup;
  KolRun *resumed; /* NULL: a new run */
  KolDevice *device;
  KolTrainer *trainer;
  char *folder;
  gboolean recorded;         /* the folder is ours */
  double first_step_seconds; /* from the process's start */
  double plain_seconds;      /* when a plain progress line was last printed */
  double speed;              /* examples per second */
  double loader_wait;        /* share of the time */
  double seconds;
  double validation_loss, validation_accuracy; /* of the latest whole validation */
  gboolean begun;                              /* whether it came to its steps */
  gboolean interrupted;
} Run;

static void
run_clear (Run *run)
{
  g_clear_pointer (&run->trainer, kol_trainer_free);
  g_clear_pointer (&run->device, kol_device_unref);
  train_setup_clear (&run->setup);
  g_clear_pointer (&run->resumed, kol_run_free);
  g_clear_pointer (&run->folder, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

/* ── Options ── */

static gboolean
parse (OwnOptions *options, int *argc, char ***argv)
{
  const GOptionEntry own[] = {
    { "run", 0, 0, G_OPTION_ARG_FILENAME, &options->shared.folder,
      "Folder of the run (default: a new one in the user's data)", "DIR" },
    { "overwrite", 0, 0, G_OPTION_ARG_NONE, &options->overwrite,
      "Begin anew in --run even if it holds a run", NULL },
    { "resume", 0, 0, G_OPTION_ARG_FILENAME, &options->shared.resume,
      "Go on with a run; no RECIPE is given then", "RUN" },
    { "from", 0, 0, G_OPTION_ARG_INT64, &options->from,
      "The step of the checkpoint to resume from (the latest)", "STEP" },
    { "print", 0, 0, G_OPTION_ARG_NONE, &options->print,
      "Print the recipe, to make one's own of it, and end", NULL },
    { "layers", 0, 0, G_OPTION_ARG_NONE, &options->layers,
      "List the layers that a recipe can have, with their keys, and end", NULL },
    { NULL },
  };
  g_autofree GOptionEntry *entries = train_options_list (&options->shared, own);

  return tool_parse (&tool_train, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE,
                     &options->shared.common, TOOL_ANY_NUMBER, argc, argv);
}

/* What to train, and how. */
static ToolExit
choose (Run *run, GError **error)
{
  const char *resume = run->options->shared.resume;

  if (resume)
    {
      run->folder = tool_run_folder (resume);
      run->resumed = kol_run_read (run->folder, error);
      if (!run->resumed)
        return TOOL_FAILED;
      train_setup_take_run (&run->setup, run->resumed);
    }
  return train_setup_choose (&run->setup, error);
}

/* ── The run's folder ── */

/* Chooses the folder of a new run. What is in the way is known before anything is computed. */
static gboolean
choose_folder (Run *run, GError **error)
{
  const OwnOptions *options = run->options;

  if (run->resumed)
    return TRUE;
  run->folder = options->shared.folder
                    ? g_strdup (options->shared.folder)
                    : kol_run_new_folder (kol_recipe_get_name (run->setup.recipe));
  if (!options->overwrite && kol_run_exists (run->folder))
    {
      g_autofree char *shown = g_filename_display_name (run->folder);
      g_set_error (
          error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
          "%s already holds a run: go on with it by --resume, choose another --run, or add "
          "--overwrite",
          shown);
      return FALSE;
    }
  return TRUE;
}

/* Whether training can start, or was interrupted before it. */
static gboolean
compile (Run *run, GCancellable *cancellable, GError **error)
{
  GError *stop = NULL;

  if (kol_trainer_prepare (run->trainer, cancellable, &stop))
    return TRUE;
  run->interrupted = g_error_matches (stop, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  if (run->interrupted)
    g_error_free (stop);
  else
    g_propagate_error (error, stop);
  return run->interrupted;
}

/* How a run goes on is known before it is prepared; a new one is made when it can begin. */
static gboolean
prepare (Run *run, GCancellable *cancellable, GError **error)
{
  if (run->resumed)
    {
      guint64 from = run->options->from == TRAIN_UNSET_INTEGER ? 0 : (guint64) run->options->from;

      run->recorded = kol_trainer_resume (run->trainer, run->folder, from, error);
      if (!run->recorded || !compile (run, cancellable, error))
        return FALSE;
      if (run->interrupted)
        return TRUE;
      guint64 done = kol_trainer_get_step (run->trainer);
      if (done < kol_trainer_get_settings (run->trainer)->steps)
        tool_say ("Going on after step %" G_GUINT64_FORMAT, done);
      else
        tool_say ("All %" G_GUINT64_FORMAT " steps are done; --steps N makes it longer", done);
      return TRUE;
    }
  if (!compile (run, cancellable, error) || run->interrupted)
    return run->interrupted;
  run->recorded = kol_trainer_record (run->trainer, run->folder, &run->setup.data_options, error);
  return run->recorded;
}

/* ── Network ── */

static guint64
count_parameters (KolTrainer *trainer)
{
  KolParameters *all = kol_graph_get_parameters (kol_trainer_get_graph (trainer));
  guint64 count = 0;

  for (guint i = 0; i < kol_parameters_get_count (all); i++)
    {
      KolParameter *parameter = kol_parameters_get (all, i);
      if (kol_parameter_is_trainable (parameter))
        count += (guint64) kol_shape_count (kol_parameter_get_shape (parameter));
    }
  return count;
}

/* What --memory low brings, and what it costs. */
static void
say_saving (KolTrainer *trainer)
{
  guint64 peak = kol_trainer_get_peak_bytes (trainer);
  double repeated;
  guint64 saved = kol_trainer_get_saved_bytes (trainer, &repeated);
  g_autofree char *low = tool_format_bytes (peak), *normal = tool_format_bytes (peak + saved);

  if (g_strcmp0 (kol_trainer_get_settings (trainer)->memory, "low") == 0)
    tool_say ("Memory: low, %s rather than %s, for %.1f %% more operations", low, normal,
              100 * repeated);
}

/* Begins with weights from a file, and tells what is not in it. */
static gboolean
load_weights (Run *run, GError **error)
{
  const KolNetworkKind *kind
      = run->options->shared.network ? kol_network_find (run->options->shared.network) : NULL;
  g_auto (GStrv) left = NULL;

  if (!run->setup.weights)
    return TRUE;
  if (!kol_trainer_load (run->trainer, run->setup.weights, kind ? kind->names : NULL, &left, error))
    return FALSE;
  g_autofree char *names = kol_list_words ((const char *const *) left);
  g_autofree char *path = g_filename_display_name (run->setup.weights);
  tool_say ("Weights: %s%s%s; rate %g", path, *left ? ", but for what begins anew: " : "", names,
            kol_trainer_get_settings (run->trainer)->optimizer.rate);
  return TRUE;
}

static gboolean
make_trainer (Run *run, GCancellable *cancellable, GError **error)
{
  run->trainer
      = kol_trainer_new (run->device, kol_recipe_network, run->setup.recipe, run->setup.training,
                         run->setup.validation, &run->setup.settings, error);
  if (!run->trainer)
    return FALSE;

  g_autofree char *peak = tool_format_bytes (kol_trainer_get_peak_bytes (run->trainer));
  train_setup_say_data (&run->setup);
  if (run->setup.validation)
    tool_say ("Validation set: %zu of its %zu pictures",
              kol_trainer_get_settings (run->trainer)->validation, run->setup.validation->count);
  tool_say ("Network: %s, %" G_GUINT64_FORMAT " parameters, %s of device memory at most",
            kol_recipe_get_name (run->setup.recipe), count_parameters (run->trainer), peak);
  say_saving (run->trainer);
  if (!load_weights (run, error))
    return FALSE;
  /* The small test set has been read meanwhile: what is wrong with it is told before training. */
  return prepare (run, cancellable, error)
         && (run->interrupted || !run->setup.test || kol_dataset_finish (run->setup.test, error));
}

/* ── Reports ── */

/* A loss has no sign, nor has its NaN; one that has exploded is told by its magnitude. */
static char *
format_loss (double loss)
{
  return g_strdup_printf (fabs (loss) < 1e5 ? "%.3f" : "%.3g", fabs (loss));
}

/*
 * The progress line, as much of it as fits in @columns: what matters least is
 * left out first.
 */
static char *
progress_line (const Run *run, const KolTrainReport *report, int columns)
{
  g_autofree char *rate = tool_format_small (report->rate);
  g_autofree char *loss = format_loss (report->loss);
  g_autofree char *ratio = tool_format_small (report->ratio);
  g_autofree char *left = tool_format_duration (report->seconds_left);
  const struct {
    char *text;
    int importance;
  } fields[] = {
    { g_strdup_printf ("step %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, report->step,
                       report->steps),
      7 },
    { g_strdup_printf ("loss %s", loss), 6 },
    { isnan (report->accuracy) ? g_strdup ("")
                               : g_strdup_printf ("accuracy %.1f %%", 100 * report->accuracy),
      5 },
    { g_strdup_printf ("rate %s", rate), 1 },
    { g_strdup_printf ("update/param %s", ratio), 3 },
    { g_strdup_printf (report->examples_per_second < 10 ? "%.1f ex/s" : "%.0f ex/s",
                       report->examples_per_second),
      2 },
    { run->setup.training->picture && isfinite (report->loader_wait)
          ? g_strdup_printf ("loader wait %.1f %%", 100 * report->loader_wait)
          : g_strdup (""),
      1 },
    { g_strdup_printf ("%s left", left), 4 },
  };
  GString *line = g_string_new (NULL);

  for (int least = 1; least <= 7; least++)
    {
      g_string_truncate (line, 0);
      for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
        if (fields[i].importance >= least && *fields[i].text)
          g_string_append_printf (line, "%s%s", line->len ? "  " : "", fields[i].text);
      if ((int) line->len < columns)
        break;
    }
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    g_free (fields[i].text);
  return g_string_free (line, FALSE);
}

static void
say_progress (Run *run, const KolTrainReport *report)
{
  if (tool_on_terminal ())
    {
      g_autofree char *line = progress_line (run, report, tool_columns ());
      tool_status (line);
    }
  else if (report->seconds - run->plain_seconds >= PLAIN_INTERVAL)
    {
      g_autofree char *line = progress_line (run, report, G_MAXINT);
      tool_say ("%s", line);
      run->plain_seconds = report->seconds;
    }
}

/* "[loss, accuracy]" as the lecture's program prints it; "[loss]" where there are no classes. */
static char *
bracket (double loss, double accuracy)
{
  g_autofree char *text = format_loss (loss);

  return isnan (accuracy) ? g_strdup_printf ("[%s]", text)
                          : g_strdup_printf ("[%s, %.2f]", text, accuracy);
}

/* The two lines of the lecture's program. */
static void
say_lines (const KolTrainReport *report)
{
  g_autofree char *train = bracket (report->loss, report->accuracy);
  g_autofree char *test = bracket (report->validation_loss, report->validation_accuracy);

  tool_say ("%" G_GUINT64_FORMAT " train %s", report->step, train);
  tool_say ("%" G_GUINT64_FORMAT " test %s", report->step, test);
}

/* ", accuracy 99.1 %", or nothing where there are no classes. Given. */
static char *
accuracy_text (double accuracy)
{
  return isnan (accuracy) ? g_strdup ("") : g_strdup_printf (", accuracy %.2f %%", 100 * accuracy);
}

static void
say_validation (const KolTrainReport *report)
{
  g_autofree char *accuracy = accuracy_text (report->validation_accuracy);

  tool_say ("epoch %.4g: validation loss %.3f%s", report->epoch, report->validation_loss, accuracy);
}

static void
note_report (const KolTrainReport *report, gpointer user_data)
{
  Run *run = user_data;

  if (isnan (run->first_step_seconds) && report->event == KOL_TRAIN_PROGRESS)
    run->first_step_seconds = (double) (g_get_monotonic_time () - tool_start_time) / 1e6;
  if (isfinite (report->examples_per_second))
    run->speed = report->examples_per_second;
  if (isfinite (report->loader_wait))
    run->loader_wait = report->loader_wait;
  run->seconds = report->seconds;
  if (isfinite (report->validation_loss) && report->event != KOL_TRAIN_LINES)
    {
      run->validation_loss = report->validation_loss;
      run->validation_accuracy = report->validation_accuracy;
    }

  switch (report->event)
    {
    case KOL_TRAIN_PROGRESS:
      say_progress (run, report);
      break;
    case KOL_TRAIN_LINES:
      say_lines (report);
      break;
    case KOL_TRAIN_VALIDATION:
      say_validation (report);
      break;
    case KOL_TRAIN_SAVED:
      tool_say ("Saved step %" G_GUINT64_FORMAT, report->step);
      break;
    case KOL_TRAIN_STEP: /* not asked for */
      break;
    case KOL_TRAIN_NOTE:
      tool_say ("%s", report->text);
      break;
    case KOL_TRAIN_DONE:
      break;
    }
}

/* ── The run ── */

static gboolean
train (Run *run, GCancellable *cancellable, GError **error)
{
  GError *stop = NULL;

  run->begun = TRUE;
  gboolean done = kol_trainer_run (run->trainer, note_report, run, cancellable, &stop);

  tool_status (NULL);

  if (done)
    return TRUE;
  run->interrupted = g_error_matches (stop, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  if (!run->interrupted)
    {
      g_propagate_error (error, stop);
      return FALSE;
    }
  g_error_free (stop);
  return TRUE;
}

/* After an interruption; a training that has come to its end is saved already. */
static gboolean
save (Run *run, GError **error)
{
  g_autofree char *folder = g_filename_display_name (run->folder);
  g_autofree char *quoted = g_shell_quote (folder);

  if (!run->begun || kol_trainer_get_step (run->trainer) == 0)
    {
      tool_say ("Ended before the first step; there is nothing to save");
      g_clear_pointer (&run->trainer, kol_trainer_free);
      kol_run_remove_empty (run->folder);
      return TRUE;
    }
  if (run->interrupted && !kol_trainer_save (run->trainer, error))
    return FALSE;
  tool_say ("Saved after step %" G_GUINT64_FORMAT " to %s", kol_trainer_get_step (run->trainer),
            folder);
  if (run->interrupted)
    tool_say ("Go on with it: kolinsky train --resume %s",
              strpbrk (folder, " \t'\"$&;()*?<>|\\`") ? quoted : folder);
  return TRUE;
}

/* @score is NULL if training was interrupted. */
static void
write_summary (Run *run, const KolScore *score)
{
  const char *device = kol_device_get_info (run->device)->name;
  g_autofree char *folder = g_filename_display_name (run->folder);
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '{');
  tool_json_integer (&json, "steps", kol_trainer_get_step (run->trainer));
  tool_json_number (&json, "seconds", run->seconds);
  tool_json_number (&json, "accuracy", score ? score->accuracy : NAN);
  tool_json_number (&json, "loss", score ? score->loss : NAN);
  tool_json_number (&json, "validation_accuracy", run->validation_accuracy);
  tool_json_string (&json, "run", folder);
  tool_json_string (&json, "device", device);
  tool_json_number (&json, "examples_per_second", run->speed);
  tool_json_number (&json, "loader_wait", run->loader_wait);
  tool_json_integer (&json, "skipped", kol_trainer_get_skipped (run->trainer));
  tool_json_number (&json, "first_step_seconds", run->first_step_seconds);
  tool_json_integer (&json, "peak_bytes", kol_trainer_get_peak_bytes (run->trainer));
  tool_json_close (&json);
  tool_json_print (&json);
}

/* How pictures that stay in their files were read. */
static void
say_loader (Run *run)
{
  gsize skipped = kol_trainer_get_skipped (run->trainer);
  g_autofree char *folder = g_filename_display_name (run->folder);

  if (!run->setup.training->picture)
    return;
  if (skipped)
    tool_say ("%zu picture%s could not be read, and %s left out; %s/skipped.txt says which and why",
              skipped, skipped == 1 ? "" : "s", skipped == 1 ? "was" : "were", folder);
  if (isfinite (run->loader_wait))
    tool_say ("waiting for pictures took %.1f %% of the steps' time", 100 * run->loader_wait);
}

static gboolean
finish (Run *run, GError **error)
{
  g_autoptr (KolScore) score = NULL;
  g_autofree char *took = tool_format_duration (run->seconds);

  if (!run->interrupted && run->setup.test)
    {
      score = kol_trainer_score (run->trainer, run->setup.test, error);
      if (!score)
        return FALSE;
      if (run->setup.test->picture) /* else it was told when the set was opened */
        tool_say_skipped (run->setup.test);
      g_autofree char *accuracy = accuracy_text (score->accuracy);
      tool_say ("Test set (%zu examples): loss %.3f%s", score->count, score->loss, accuracy);
    }
  else if (!run->interrupted)
    {
      g_autofree char *accuracy = accuracy_text (run->validation_accuracy);
      tool_say ("Validation: loss %.3f%s (the data have no test part)", run->validation_loss,
                accuracy);
    }
  tool_say ("training took %s", took);
  say_loader (run);
  if (run->options->shared.common.json)
    write_summary (run, score);
  return tool_save_profile (&run->options->shared.common, run->device, error);
}

/* An error in training may leave something worth going on from. */
static void
say_what_is_left (Run *run)
{
  g_clear_pointer (&run->trainer, kol_trainer_free);
  if (!run->recorded || kol_run_remove_empty (run->folder))
    return;
  g_autoptr (KolRun) left = kol_run_read (run->folder, NULL);
  if (left && left->latest)
    g_printerr ("The latest checkpoint is of step %" G_GUINT64_FORMAT
                ": kolinsky train --resume %s goes on from it\n",
                left->latest, run->folder);
}

static gboolean
go (Run *run, GError **error)
{
  if (!train_setup_open_data (&run->setup, TRUE, error))
    return FALSE;
  run->device = tool_open_device (&run->options->shared.common, error);
  if (!run->device || !choose_folder (run, error))
    return FALSE;

  ToolInterrupt watch;
  tool_interrupt_start (&watch, "Finishing the step and saving");
  gboolean done = make_trainer (run, watch.cancellable, error)
                  && (run->interrupted || train (run, watch.cancellable, error))
                  && save (run, error);
  tool_interrupt_stop (&watch);
  if (done)
    return !run->trainer || finish (run, error);
  say_what_is_left (run);
  return FALSE;
}

static ToolExit
check_parameters (OwnOptions *options, int argc, char **argv)
{
  const TrainOptions *shared = &options->shared;

  if (train_options_check (&options->shared, argc, argv) != TOOL_OK)
    return TOOL_USAGE;
  if (options->from != TRAIN_UNSET_INTEGER && (!shared->resume || options->from < 1))
    return tool_usage (&tool_train,
                       "--from takes the step of a checkpoint, and goes with --resume");
  if (shared->resume
      && (shared->folder || options->overwrite || shared->size || shared->grey || shared->target
          || shared->numbers || shared->stream || shared->network || shared->weights))
    return tool_usage (
        &tool_train, "--resume goes on in the run's folder, with its network and its data as they "
                     "were read: leave out --run, --overwrite, --network, --weights, --size, "
                     "--grey, --stream, --target and --numbers");
  return TOOL_OK;
}

/* The kinds of layers; a key is followed by its preset, or by nothing where it must be given. */
static void
list_layers (void)
{
  for (const char *const *name = kol_layer_kind_names (); *name; name++)
    {
      const KolLayerKind *kind = kol_layer_kind_find (*name);
      g_autoptr (GString) keys = g_string_new (NULL);

      for (const KolLayerKey *key = kind->keys; key->name; key++)
        g_string_append_printf (keys, "%s%s%s%s", keys->len ? ", " : "", key->name,
                                key->preset ? " = " : "", key->preset ? key->preset : "");
      tool_say ("%s: %s", kind->name, kind->summary);
      if (keys->len)
        tool_say ("    %s", keys->str);
    }
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (OwnOptions) options = { .from = TRAIN_UNSET_INTEGER };
  g_autoptr (GError) error = NULL;

  train_options_init (&options.shared, &tool_train);
  if (!parse (&options, &argc, &argv))
    return TOOL_USAGE;
  if (options.layers)
    {
      list_layers ();
      return TOOL_OK;
    }
  if (check_parameters (&options, argc, argv) != TOOL_OK)
    return TOOL_USAGE;

  g_auto (Run) run = { .options = &options,
                       .setup = { .options = &options.shared },
                       .first_step_seconds = NAN,
                       .validation_accuracy = NAN,
                       .speed = NAN,
                       .loader_wait = NAN };
  ToolExit chosen = choose (&run, &error);
  if (chosen != TOOL_OK)
    return error ? tool_fail (error) : chosen;
  if (options.print)
    {
      g_print ("%s", kol_recipe_get_text (run.setup.recipe));
      return TOOL_OK;
    }
  if (!go (&run, &error))
    return tool_fail (error);
  return run.interrupted ? TOOL_INTERRUPTED : TOOL_OK;
}

const ToolCommand tool_train = {
  .name = "train",
  .parameters = "RECIPE",
  .summary = "Train a network by a recipe, or a known one, or go on with a run",
  .description
  = "RECIPE is the name of one that comes with Kolinsky, or a file (./mine.ini):\n"
    "  digits        the lecture's network: two 5x5 convolutions, 1024 nodes with dropout\n"
    "  logistic      a weight per pixel and class\n"
    "  mlp           two hidden layers of 256 nodes\n"
    "  small-resnet  7 convolutions with short cuts and batch norm\n"
    "`kolinsky train digits --print > mine.ini` is the start of one's own; --layers lists\n"
    "the layers that it can have, and kolinsky(1) the settings. --network NAME instead trains\n"
    "vgg16, vgg19, squeezenet1.1, resnet18 or efficientnet-lite0 on a folder of pictures, which\n"
    "are read as they are needed: however many there are, memory holds their names alone.\n\n"
    "--data takes a folder of IDX files, a folder of pictures with a sub-folder per class (or\n"
    "with train/, val/ and test/ above these), a .npz or .npy file, or a .csv table. Without it,\n"
    "an installed data set is found (KOLINSKY_DATA, or Debian's dataset-fashion-mnist).\n\n"
    "Every 100 steps two lines [loss, accuracy] are printed: of the batch, and of 1,000\n"
    "examples that are kept out of training, or of 100 that have to be read first. Ctrl-C\n"
    "finishes the step, saves and ends; --resume goes on as if nothing had been.",
  .run = run_command,
};
