/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include <glib-unix.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>

#define PLAIN_INTERVAL 10.0 /* seconds between progress lines where there is no terminal */
#define UNSET (-G_MAXDOUBLE)

typedef struct {
  ToolOptions common;
  char *data;
  char *folder;
  char *optimizer;
  gint64 steps, batch, seed;
  double rate, keep;
  gboolean overwrite;
  const char *recipe;
} TrainOptions;

static void
train_options_clear (TrainOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->data);
  g_free (options->folder);
  g_free (options->optimizer);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TrainOptions, train_options_clear)

/* One training run: what it reads, where it writes, and what was seen last. */
typedef struct {
  const TrainOptions *options;
  KolDevice *device;
  KolDataset *training;
  KolDataset *test;
  KolTrainer *trainer;
  char *folder;
  double first_step_seconds; /* from the process's start */
  double plain_seconds;      /* when a plain progress line was last printed */
  double speed;              /* examples per second */
  double seconds;
  double validation_accuracy; /* of the latest whole validation */
  gboolean interrupted;
} Run;

static void
run_clear (Run *run)
{
  g_clear_pointer (&run->trainer, kol_trainer_free);
  g_clear_pointer (&run->training, kol_dataset_unref);
  g_clear_pointer (&run->test, kol_dataset_unref);
  g_clear_pointer (&run->device, kol_device_unref);
  g_clear_pointer (&run->folder, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

/* ── Options ── */

static ToolExit
check_options (const TrainOptions *options)
{
  if (options->steps < 1)
    return tool_usage (&tool_train, "--steps must be at least 1");
  if (options->batch < 1)
    return tool_usage (&tool_train, "--batch must be at least 1");
  if (options->rate != UNSET && !(options->rate > 0 && isfinite (options->rate)))
    return tool_usage (&tool_train, "--lr must be a number greater than 0, such as 1e-4");
  if (!(options->keep > 0 && options->keep <= 1))
    return tool_usage (&tool_train, "--keep must be greater than 0 and at most 1");
  if (options->seed < 0)
    return tool_usage (&tool_train, "--seed must not be negative");
  if (options->optimizer && !g_str_equal (options->optimizer, "adam")
      && !g_str_equal (options->optimizer, "sgd"))
    return tool_usage (&tool_train, "There is no optimizer \"%s\"; known: adam sgd",
                       options->optimizer);
  return TOOL_OK;
}

static gboolean
parse (TrainOptions *options, int *argc, char ***argv)
{
  const GOptionEntry entries[] = {
    { "data", 0, 0, G_OPTION_ARG_FILENAME, &options->data,
      "Folder of the four IDX files (default: an installed data set)", "DIR" },
    { "steps", 0, 0, G_OPTION_ARG_INT64, &options->steps, "Steps to train (20000)", "N" },
    { "batch", 0, 0, G_OPTION_ARG_INT64, &options->batch, "Pictures per step (50)", "N" },
    { "lr", 0, 0, G_OPTION_ARG_DOUBLE, &options->rate, "Learning rate (adam: 1e-4, sgd: 1e-2)",
      "X" },
    { "optimizer", 0, 0, G_OPTION_ARG_STRING, &options->optimizer,
      "adam, or sgd with momentum 0.9 (adam)", "NAME" },
    { "keep", 0, 0, G_OPTION_ARG_DOUBLE, &options->keep,
      "Probability that dropout keeps a node (0.5)", "P" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &options->seed, "Of weights, shuffles and dropout (0)",
      "N" },
    { "run", 0, 0, G_OPTION_ARG_FILENAME, &options->folder,
      "Folder to save to (default: a new one in the user's data)", "DIR" },
    { "overwrite", 0, 0, G_OPTION_ARG_NONE, &options->overwrite,
      "Save to --run even if it holds a trained network", NULL },
    { NULL },
  };

  return tool_parse (&tool_train, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE,
                     &options->common, 1, argc, argv);
}

/* ── The run's folder ── */

static gboolean
holds_network (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, ".safetensors") || g_str_equal (name, "run.ini"))
      return TRUE;
  return FALSE;
}

/* Makes the folder before training, so that what is wrong with it is known early. */
static gboolean
make_folder (Run *run, GError **error)
{
  const TrainOptions *options = run->options;

  if (options->folder)
    run->folder = g_strdup (options->folder);
  else
    {
      g_autoptr (GDateTime) now = g_date_time_new_now_local ();
      g_autofree char *time = g_date_time_format (now, "%Y%m%d-%H%M%S");
      g_autofree char *name = g_strdup_printf ("%s-%s", options->recipe, time);
      run->folder = g_build_filename (g_get_user_data_dir (), "kolinsky", "runs", name, NULL);
    }

  g_autofree char *shown = g_filename_display_name (run->folder);
  if (!options->overwrite && holds_network (run->folder))
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                   "%s already holds a trained network: choose another --run, or add --overwrite",
                   shown);
      return FALSE;
    }
  if (g_mkdir_with_parents (run->folder, 0777) != 0)
    {
      int code = errno;
      g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
                   "The folder %s cannot be made: %s; choose another --run", shown,
                   g_strerror (code));
      return FALSE;
    }
  return TRUE;
}

/* ── Data, network ── */

/* Files are checked now; their pixels are read while the device is opened and prepared. */
static gboolean
open_data (Run *run, GError **error)
{
  g_autofree char *folder = tool_find_data (run->options->data, error);

  if (!folder)
    return FALSE;
  run->training = kol_dataset_open_idx (folder, "train", error);
  if (!run->training)
    return FALSE;
  /* Needed only at the end, but it should not take a whole training to find it missing. */
  run->test = kol_dataset_open_idx (folder, "t10k", error);
  if (!run->test)
    return FALSE;

  const KolDataset *a = run->training, *b = run->test;
  if (a->channels == b->channels && a->height == b->height && a->width == b->width
      && a->classes >= b->classes)
    return TRUE;
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
               "The training pictures are [%zu, %zu, %zu] of %u classes, but the test pictures "
               "[%zu, %zu, %zu] of %u; take both from the same data set",
               a->channels, a->height, a->width, a->classes, b->channels, b->height, b->width,
               b->classes);
  return FALSE;
}

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

static gboolean
make_trainer (Run *run, KolNetwork network, GError **error)
{
  const TrainOptions *options = run->options;
  KolTrainSettings settings = {
    .steps = (guint64) options->steps,
    .batch = (gsize) options->batch,
    .rate = options->rate == UNSET ? 0 : options->rate,
    .optimizer = options->optimizer,
    .keep = options->keep,
    .seed = (guint64) options->seed,
  };

  run->trainer = kol_trainer_new (run->device, network, run->training, &settings, error);
  if (!run->trainer)
    return FALSE;

  g_autofree char *peak = tool_format_bytes (kol_trainer_get_peak_bytes (run->trainer));
  tool_say ("Data: %s, %zu pictures of %zux%zu, %u classes (%s)", run->training->name,
            run->training->count, run->training->width, run->training->height,
            run->training->classes, run->training->path);
  tool_say ("Network: %s, %" G_GUINT64_FORMAT " parameters, %s of device memory at most",
            options->recipe, count_parameters (run->trainer), peak);
  /* The small test set has been read meanwhile: what is wrong with it is told before training. */
  return kol_trainer_prepare (run->trainer, error) && kol_dataset_finish (run->test, error);
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
progress_line (const KolTrainReport *report, int columns)
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
    { g_strdup_printf ("accuracy %.1f %%", 100 * report->accuracy), 5 },
    { g_strdup_printf ("rate %s", rate), 1 },
    { g_strdup_printf ("update/param %s", ratio), 3 },
    { g_strdup_printf ("%.0f ex/s", report->examples_per_second), 2 },
    { g_strdup_printf ("%s left", left), 4 },
  };
  GString *line = g_string_new (NULL);

  for (int least = 1; least <= 7; least++)
    {
      g_string_truncate (line, 0);
      for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
        if (fields[i].importance >= least)
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
      g_autofree char *line = progress_line (report, tool_columns ());
      tool_status (line);
    }
  else if (report->seconds - run->plain_seconds >= PLAIN_INTERVAL)
    {
      g_autofree char *line = progress_line (report, G_MAXINT);
      tool_say ("%s", line);
      run->plain_seconds = report->seconds;
    }
}

/* The two lines of the lecture's program: [loss, accuracy]. */
static void
say_lines (const KolTrainReport *report)
{
  g_autofree char *loss = format_loss (report->loss);
  g_autofree char *validation_loss = format_loss (report->validation_loss);

  tool_say ("%" G_GUINT64_FORMAT " train [%s, %.2f]", report->step, loss, report->accuracy);
  tool_say ("%" G_GUINT64_FORMAT " test [%s, %.2f]", report->step, validation_loss,
            report->validation_accuracy);
}

static void
note_report (const KolTrainReport *report, gpointer user_data)
{
  Run *run = user_data;

  if (isnan (run->first_step_seconds))
    run->first_step_seconds = (double) (g_get_monotonic_time () - tool_start_time) / 1e6;
  if (isfinite (report->examples_per_second))
    run->speed = report->examples_per_second;
  run->seconds = report->seconds;

  switch (report->event)
    {
    case KOL_TRAIN_PROGRESS:
      say_progress (run, report);
      break;
    case KOL_TRAIN_LINES:
      say_lines (report);
      break;
    case KOL_TRAIN_EPOCH:
      run->validation_accuracy = report->validation_accuracy;
      tool_say ("epoch %.0f: validation loss %.3f, accuracy %.2f %%", report->epoch,
                report->validation_loss, 100 * report->validation_accuracy);
      break;
    case KOL_TRAIN_DONE:
      if (isfinite (report->validation_accuracy))
        run->validation_accuracy = report->validation_accuracy;
      break;
    }
}

/* ── Ctrl-C ── */

/*
 * The first Ctrl-C ends training after its step. The handler removes itself, so
 * that the second one ends the process.
 */
typedef struct {
  GCancellable *cancellable;
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
} Watch;

static gboolean
interrupt (gpointer user_data)
{
  Watch *watch = user_data;

  g_printerr ("\nFinishing the step and saving; Ctrl-C again stops at once\n");
  g_cancellable_cancel (watch->cancellable);
  return G_SOURCE_REMOVE;
}

static gpointer
run_loop (gpointer loop)
{
  g_main_loop_run (loop);
  return NULL;
}

static void
watch_start (Watch *watch)
{
  watch->cancellable = g_cancellable_new ();
  watch->context = g_main_context_new ();
  watch->loop = g_main_loop_new (watch->context, FALSE);

  g_autoptr (GSource) source = g_unix_signal_source_new (SIGINT);
  g_source_set_callback (source, interrupt, watch, NULL);
  g_source_attach (source, watch->context);
  watch->thread = g_thread_new ("interrupt", run_loop, watch->loop);
}

static gboolean
quit_loop (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static void
watch_stop (Watch *watch)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  /* As a source, so that a loop that has not begun yet is ended, too. */
  g_source_set_callback (source, quit_loop, watch->loop, NULL);
  g_source_attach (source, watch->context);
  g_thread_join (watch->thread);
  g_main_loop_unref (watch->loop);
  g_main_context_unref (watch->context);
  g_object_unref (watch->cancellable);
}

/* ── The run ── */

static gboolean
train (Run *run, GError **error)
{
  Watch watch;
  GError *stop = NULL;

  watch_start (&watch);
  gboolean done = kol_trainer_run (run->trainer, note_report, run, watch.cancellable, &stop);
  watch_stop (&watch);
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

static gboolean
save (Run *run, GError **error)
{
  if (!kol_trainer_save (run->trainer, run->folder, error))
    return FALSE;
  g_autofree char *shown = g_filename_display_name (run->folder);
  tool_say ("Saved after step %" G_GUINT64_FORMAT " to %s",
            kol_graph_get_step (kol_trainer_get_graph (run->trainer)), shown);
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
  tool_json_integer (&json, "steps", kol_graph_get_step (kol_trainer_get_graph (run->trainer)));
  tool_json_number (&json, "seconds", run->seconds);
  tool_json_number (&json, "accuracy", score ? score->accuracy : NAN);
  tool_json_number (&json, "loss", score ? score->loss : NAN);
  tool_json_number (&json, "validation_accuracy", run->validation_accuracy);
  tool_json_string (&json, "run", folder);
  tool_json_string (&json, "device", device);
  tool_json_number (&json, "examples_per_second", run->speed);
  tool_json_number (&json, "first_step_seconds", run->first_step_seconds);
  tool_json_integer (&json, "peak_bytes", kol_trainer_get_peak_bytes (run->trainer));
  tool_json_close (&json);
  tool_json_print (&json);
}

static gboolean
finish (Run *run, GError **error)
{
  g_autoptr (KolScore) score = NULL;
  g_autofree char *took = tool_format_duration (run->seconds);

  if (!run->interrupted)
    {
      score = kol_trainer_score (run->trainer, run->test, error);
      if (!score)
        return FALSE;
      tool_say ("Test set (%zu pictures): loss %.3f, accuracy %.2f %%", score->count, score->loss,
                100 * score->accuracy);
    }
  tool_say ("training took %s", took);
  if (run->options->common.json)
    write_summary (run, score);
  return tool_save_profile (&run->options->common, run->device, error);
}

static gboolean
go (Run *run, KolNetwork network, GError **error)
{
  if (!open_data (run, error))
    return FALSE;
  run->device = tool_open_device (&run->options->common, error);
  if (!run->device || !make_folder (run, error))
    return FALSE;
  if (make_trainer (run, network, error) && train (run, error) && save (run, error))
    return finish (run, error);
  /* Gone again if nothing was saved to it: only an empty folder can be removed. */
  g_rmdir (run->folder);
  return FALSE;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (TrainOptions) options
      = { .steps = 20000, .batch = 50, .rate = UNSET, .keep = 0.5, .seed = 0 };
  g_autoptr (GError) error = NULL;

  if (!parse (&options, &argc, &argv))
    return TOOL_USAGE;
  options.recipe = argv[1];
  KolNetwork network = tool_find_recipe (&tool_train, options.recipe);
  if (!network || check_options (&options) != TOOL_OK)
    return TOOL_USAGE;

  g_auto (Run) run = {
    .options = &options, .first_step_seconds = NAN, .validation_accuracy = NAN, .speed = NAN
  };
  if (!go (&run, network, &error))
    return tool_fail (error);
  return run.interrupted ? TOOL_INTERRUPTED : TOOL_OK;
}

const ToolCommand tool_train = {
  .name = "train",
  .parameters = "RECIPE",
  .summary = "Train a network (digits) and save its weights",
  .description
  = "Recipes:\n"
    "  digits     the lecture's network: 5x5 convolutions of 32 and 64 features, each with\n"
    "             relu and 2x2 pooling, then 1024 nodes with dropout, then a score per class\n\n"
    "Without --data, an installed data set is found (KOLINSKY_DATA, or Debian's package\n"
    "dataset-fashion-mnist). Every 100 steps two lines [loss, accuracy] are printed: of the\n"
    "batch, and of 1,000 pictures that are kept out of training. Ctrl-C saves and ends.",
  .run = run_command,
};
