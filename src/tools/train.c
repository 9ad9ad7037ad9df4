/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "../train/layers-private.h"
#include "../words-private.h"

#define PLAIN_INTERVAL 10.0 /* seconds between progress lines where there is no terminal */
#define FINE_TUNING 0.1     /* of the usual rate, where training begins with weights */
#define UNSET (-G_MAXDOUBLE)
#define UNSET_INTEGER G_MININT64

typedef struct {
  ToolOptions common;
  char *data;
  char *folder;
  char *network;
  char *weights;
  char *optimizer;
  char *memory;
  char *resume;
  char *size;
  char *target;
  char **set;
  gint64 steps, epochs, batch, seed, from;
  double rate, keep;
  gboolean overwrite, grey, numbers, stream, print, layers;
  const char *recipe;
} TrainOptions;

static void
train_options_clear (TrainOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->data);
  g_free (options->folder);
  g_free (options->network);
  g_free (options->weights);
  g_free (options->optimizer);
  g_free (options->memory);
  g_free (options->resume);
  g_free (options->size);
  g_free (options->target);
  g_strfreev (options->set);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TrainOptions, train_options_clear)

/* One training run: what it reads, where it writes, and what was seen last. */
typedef struct {
  const TrainOptions *options;
  KolRecipe *recipe;
  KolTrainSettings settings;
  KolDatasetOptions data_options;
  KolPreprocess picture; /* how pictures are prepared that stay in their files */
  char *weights;         /* the file to begin with; NULL: none */
  char *data;            /* the path */
  KolRun *resumed;       /* NULL: a new run */
  KolDevice *device;
  KolDataset *training;
  KolDataset *validation; /* NULL: some of training are held out */
  KolDataset *test;       /* NULL: there is none */
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
  g_clear_pointer (&run->training, kol_dataset_unref);
  g_clear_pointer (&run->validation, kol_dataset_unref);
  g_clear_pointer (&run->test, kol_dataset_unref);
  g_clear_pointer (&run->device, kol_device_unref);
  g_clear_pointer (&run->recipe, kol_recipe_unref);
  g_clear_pointer (&run->resumed, kol_run_free);
  g_clear_pointer (&run->data, g_free);
  g_clear_pointer (&run->weights, g_free);
  g_clear_pointer (&run->folder, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

/* ── Options ── */

static gboolean
parse (TrainOptions *options, int *argc, char ***argv)
{
  const GOptionEntry entries[] = {
    { "data", 0, 0, G_OPTION_ARG_FILENAME, &options->data,
      "Examples: a folder or file (default: an installed data set)", "PATH" },
    { "network", 0, 0, G_OPTION_ARG_STRING, &options->network,
      "Train a network that is known, rather than a recipe: vgg16, resnet18...", "NAME" },
    { "weights", 0, 0, G_OPTION_ARG_FILENAME, &options->weights,
      "Begin with those of an installed network, a run or a file", "MODEL" },
    { "steps", 0, 0, G_OPTION_ARG_INT64, &options->steps, "Steps to train", "N" },
    { "epochs", 0, 0, G_OPTION_ARG_INT64, &options->epochs,
      "How often to go through the examples, instead of --steps", "N" },
    { "batch", 0, 0, G_OPTION_ARG_INT64, &options->batch, "Examples per step", "N" },
    { "lr", 0, 0, G_OPTION_ARG_DOUBLE, &options->rate, "Learning rate", "X" },
    { "optimizer", 0, 0, G_OPTION_ARG_STRING, &options->optimizer, "sgd, adam, adamw or rmsprop",
      "NAME" },
    { "memory", 0, 0, G_OPTION_ARG_STRING, &options->memory,
      "normal, or low: compute activations again rather than keep them", "HOW" },
    { "keep", 0, 0, G_OPTION_ARG_DOUBLE, &options->keep, "Probability that dropout keeps a node",
      "P" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &options->seed, "Of weights, shuffles and dropout (0)",
      "N" },
    { "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &options->set,
      "Any other setting of a recipe's [training]", "NAME=VALUE" },
    { "size", 0, 0, G_OPTION_ARG_STRING, &options->size, "Scale the pictures of a folder to this",
      "WxH" },
    { "stream", 0, 0, G_OPTION_ARG_NONE, &options->stream,
      "Read the pictures of a folder when they are needed, as with --network", NULL },
    { "grey", 0, 0, G_OPTION_ARG_NONE, &options->grey, "Read the pictures of a folder as grey",
      NULL },
    { "target", 0, 0, G_OPTION_ARG_STRING, &options->target,
      "The column of a table to predict (the last)", "COLUMN" },
    { "numbers", 0, 0, G_OPTION_ARG_NONE, &options->numbers, "Targets are numbers, not classes",
      NULL },
    { "run", 0, 0, G_OPTION_ARG_FILENAME, &options->folder,
      "Folder of the run (default: a new one in the user's data)", "DIR" },
    { "overwrite", 0, 0, G_OPTION_ARG_NONE, &options->overwrite,
      "Begin anew in --run even if it holds a run", NULL },
    { "resume", 0, 0, G_OPTION_ARG_FILENAME, &options->resume,
      "Go on with a run; no RECIPE is given then", "RUN" },
    { "from", 0, 0, G_OPTION_ARG_INT64, &options->from,
      "The step of the checkpoint to resume from (the latest)", "STEP" },
    { "print", 0, 0, G_OPTION_ARG_NONE, &options->print,
      "Print the recipe, to make one's own of it, and end", NULL },
    { "layers", 0, 0, G_OPTION_ARG_NONE, &options->layers,
      "List the layers that a recipe can have, with their keys, and end", NULL },
    { NULL },
  };

  return tool_parse (&tool_train, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE,
                     &options->common, TOOL_ANY_NUMBER, argc, argv);
}

/* Sets one setting from a command-line option; what is wrong is printed. */
static gboolean
set (KolTrainSettings *settings, const char *option, const char *name, const char *value)
{
  g_autoptr (GError) error = NULL;

  if (kol_train_settings_set (settings, name, value, &error))
    return TRUE;
  tool_usage (&tool_train, "%s: %s", option, error->message);
  return FALSE;
}

static gboolean
set_integer (KolTrainSettings *settings, const char *option, const char *name, gint64 value)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, value);

  return value == UNSET_INTEGER || set (settings, option, name, text);
}

static gboolean
set_number (KolTrainSettings *settings, const char *option, const char *name, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  return value == UNSET || set (settings, option, name, g_ascii_dtostr (text, sizeof text, value));
}

/* What the command line says on top of the recipe, or of the run that goes on. */
static gboolean
apply_options (const TrainOptions *options, KolTrainSettings *settings)
{
  if (!set_integer (settings, "--steps", "steps", options->steps)
      || !set_integer (settings, "--epochs", "epochs", options->epochs)
      || !set_integer (settings, "--batch", "batch", options->batch)
      || !set_number (settings, "--lr", "rate", options->rate)
      || !set_number (settings, "--keep", "keep", options->keep)
      || !set_integer (settings, "--seed", "seed", options->seed)
      || (options->memory && !set (settings, "--memory", "memory", options->memory))
      || (options->optimizer && !set (settings, "--optimizer", "optimizer", options->optimizer)))
    return FALSE;
  for (char **each = options->set; each && *each; each++)
    {
      g_auto (GStrv) parts = g_strsplit (*each, "=", 2);

      if (g_strv_length (parts) != 2)
        {
          tool_usage (&tool_train, "--set takes NAME=VALUE, not \"%s\"", *each);
          return FALSE;
        }
      if (!set (settings, "--set", g_strstrip (parts[0]), g_strstrip (parts[1])))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_size (const char *text, KolDatasetOptions *options)
{
  g_auto (GStrv) parts = g_strsplit (text, "x", 2);
  guint64 width, height;

  if (g_strv_length (parts) != 2
      || !g_ascii_string_to_unsigned (parts[0], 10, 1, 16384, &width, NULL)
      || !g_ascii_string_to_unsigned (parts[1], 10, 1, 16384, &height, NULL))
    {
      tool_usage (&tool_train, "--size is \"%s\"; give width and height, such as 64x48", text);
      return FALSE;
    }
  options->width = width;
  options->height = height;
  return TRUE;
}

/* What a run says of itself. */
static ToolExit
choose_run (Run *run, GError **error)
{
  const TrainOptions *options = run->options;

  run->folder = tool_run_folder (options->resume);
  run->resumed = kol_run_read (run->folder, error);
  if (!run->resumed)
    return TOOL_FAILED;
  run->recipe = kol_recipe_ref (run->resumed->recipe);
  run->settings = run->resumed->settings;
  run->data_options = run->resumed->data_options;
  run->data = g_strdup (options->data ? options->data : run->resumed->data);
  return TOOL_OK;
}

/* The weights of another run, and how it took its pictures. */
static gboolean
take_weights_of_run (Run *run, const char *folder, GError **error)
{
  g_autoptr (KolRun) other = kol_run_read (folder, error);

  if (!other)
    return FALSE;
  run->weights = kol_run_get_weights (other);
  if (other->data_options.picture)
    run->picture = other->picture;
  if (!run->weights)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "The run %s has no checkpoint yet, and so no weights", folder);
  return run->weights != NULL;
}

/* The weights of an installed network, and how it takes pictures. */
static gboolean
take_weights_of_model (Run *run, const KolModelEntry *entry, GError **error)
{
  const char *network = run->options->network;

  if (entry->network && network && !g_str_equal (entry->network, network))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The weights of %s are for the network %s, not for %s; give --network %s",
                   entry->name, entry->network, network, entry->network);
      return FALSE;
    }
  run->weights = g_strdup (entry->path);
  if (entry->has_picture)
    run->picture = entry->picture;
  return TRUE;
}

/* What training begins with. */
static gboolean
choose_weights (Run *run, GError **error)
{
  const char *given = run->options->weights;
  g_autofree char *folder = given ? tool_run_folder (given) : NULL;
  g_autoptr (KolModelEntry) entry = given ? kol_catalogue_find (given, NULL) : NULL;

  if (!given)
    return TRUE;
  if (entry && entry->path)
    return take_weights_of_model (run, entry, error);
  if (g_file_test (folder, G_FILE_TEST_IS_DIR))
    return take_weights_of_run (run, folder, error);
  if (g_file_test (given, G_FILE_TEST_IS_REGULAR))
    {
      run->weights = g_strdup (given);
      return TRUE;
    }
  if (entry)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "The model %s is not installed; `kolinsky models get %s` downloads it", given,
                 given);
  else
    g_set_error (
        error, KOL_ERROR, KOL_ERROR_DATA,
        "There are no weights “%s”: give the name of an installed model (`kolinsky models` "
        "lists them), a run or a file",
        given);
  return FALSE;
}

/* How pictures are prepared that stay in their files: as the network has them, or plainly. */
static ToolExit
choose_picture (Run *run, GError **error)
{
  const TrainOptions *options = run->options;
  KolDatasetOptions *data = &run->data_options;
  KolPreprocess *picture = &run->picture;

  if (options->network)
    kol_catalogue_find_picture (options->network, picture);
  if (!choose_weights (run, error))
    return TOOL_FAILED;
  if (!options->network && !options->stream)
    return TOOL_OK;
  if (!picture->width && options->size)
    *picture = (KolPreprocess){ .channels = 3, .divisor = 255, .std = { 1, 1, 1 } };
  else if (!picture->width)
    return tool_usage (&tool_train, "--stream needs --size WxH, as the pictures are not looked at "
                                    "before");
  kol_preprocess_set_size (picture, data->width ? data->width : picture->width,
                           data->height ? data->height : picture->height);
  if (options->grey)
    kol_preprocess_set_grey (picture);
  data->picture = picture;
  return TOOL_OK;
}

/* A recipe by name, or that of a network. */
static ToolExit
choose_recipe (Run *run, GError **error)
{
  const TrainOptions *options = run->options;
  g_autoptr (GError) unknown = NULL;

  run->recipe = options->network ? kol_recipe_new_for_network (options->network, &unknown)
                                 : kol_recipe_find (options->recipe, &unknown);
  if (!run->recipe && (options->network || !strpbrk (options->recipe, "/.")))
    return tool_usage (&tool_train, "%s", unknown->message);
  if (!run->recipe)
    {
      g_propagate_error (error, g_steal_pointer (&unknown));
      return TOOL_FAILED;
    }
  run->settings = *kol_recipe_get_settings (run->recipe);
  run->data_options = (KolDatasetOptions){ .channels = options->grey ? 1 : 0,
                                           .target = options->target,
                                           .numbers = options->numbers };
  if (options->size && !read_size (options->size, &run->data_options))
    return TOOL_USAGE;
  return choose_picture (run, error);
}

/* What to train, and how. */
static ToolExit
choose (Run *run, GError **error)
{
  ToolExit chosen = run->options->resume ? choose_run (run, error) : choose_recipe (run, error);

  if (run->weights && run->options->network) /* what is learned already is not to be lost */
    run->settings.optimizer.rate *= FINE_TUNING;
  return chosen == TOOL_OK && !apply_options (run->options, &run->settings) ? TOOL_USAGE : chosen;
}

/* ── The run's folder ── */

/* Chooses the folder of a new run. What is in the way is known before anything is computed. */
static gboolean
choose_folder (Run *run, GError **error)
{
  const TrainOptions *options = run->options;

  if (run->resumed)
    return TRUE;
  run->folder = options->folder ? g_strdup (options->folder)
                                : kol_run_new_folder (kol_recipe_get_name (run->recipe));
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
      guint64 from = run->options->from == UNSET_INTEGER ? 0 : (guint64) run->options->from;

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
  run->recorded = kol_trainer_record (run->trainer, run->folder, &run->data_options, error);
  return run->recorded;
}

/* ── Data, network ── */

static void
say_skipped (KolDataset *data)
{
  gsize n;
  g_auto (GStrv) lines = kol_dataset_list_skipped (data, 0, &n);

  for (guint i = 0; i < 10 && lines[i]; i++)
    tool_say ("Left out: %s", lines[i]);
  if (n > 10)
    tool_say ("and %zu others", n - 10);
}

/* Whether the training set is what a run learned from. */
static gboolean
check_resumed (const Run *run, GError **error)
{
  g_autofree char *files = kol_dataset_get_digest (run->training);

  if (!run->resumed)
    return TRUE;
  if (run->training->count != run->resumed->examples)
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
                 "The run learned from %" G_GUINT64_FORMAT " examples, but %s has %zu now; put "
                 "back what it learned from, or begin a new run",
                 run->resumed->examples, run->data, run->training->count);
  else if (files && run->resumed->files && !g_str_equal (files, run->resumed->files))
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
                 "The run learned from as many files as there are in %s, but some have other names "
                 "now; put back what it learned from, or begin a new run",
                 run->data);
  else
    return TRUE;
  return FALSE;
}

/* Another part of the data, if there is one; FALSE: it is damaged. */
static gboolean
open_part (Run *run, const char *part, KolDataset **data, GError **error)
{
  KolDatasetOptions options = run->data_options;

  if (!kol_dataset_has_part (run->data, part))
    return TRUE;
  options.like = run->training;
  *data = kol_dataset_open (run->data, part, &options, error);
  if (*data)
    say_skipped (*data);
  return *data != NULL;
}

/*
 * Files are checked now; their pixels are read while the device is opened and prepared. The test
 * part is needed only at the end, but it should not take a whole training to find it damaged.
 */
static gboolean
open_data (Run *run, GError **error)
{
  if (!run->data)
    run->data = tool_find_data (run->options->data, error);
  if (!run->data)
    return FALSE;
  run->training = kol_dataset_open (run->data, "train", &run->data_options, error);
  if (run->training && run->options->stream && !run->training->picture)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "--stream is for a folder of pictures, and “%s” is none", run->data);
      return FALSE;
    }
  if (!run->training)
    return FALSE;
  if (!check_resumed (run, error))
    return FALSE;
  say_skipped (run->training);
  return open_part (run, "validation", &run->validation, error)
         && open_part (run, "test", &run->test, error);
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

static void
say_data (const KolDataset *data)
{
  if (data->picture)
    tool_say ("Data: %s, %zu pictures, read at %zux%zu, %u classes (%s)", data->name, data->count,
              data->width, data->height, data->classes, data->path);
  else if (data->pixels || data->height > 1 || data->width > 1)
    tool_say ("Data: %s, %zu pictures of %zux%zu, %u classes (%s)", data->name, data->count,
              data->width, data->height, data->classes, data->path);
  else if (data->classes)
    tool_say ("Data: %s, %zu rows of %zu numbers, %u classes (%s)", data->name, data->count,
              data->channels, data->classes, data->path);
  else
    tool_say ("Data: %s, %zu rows of %zu numbers, %zu to predict (%s)", data->name, data->count,
              data->channels, data->outputs, data->path);
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
      = run->options->network ? kol_network_find (run->options->network) : NULL;
  g_auto (GStrv) left = NULL;

  if (!run->weights)
    return TRUE;
  if (!kol_trainer_load (run->trainer, run->weights, kind ? kind->names : NULL, &left, error))
    return FALSE;
  g_autofree char *names = kol_list_words ((const char *const *) left);
  g_autofree char *path = g_filename_display_name (run->weights);
  tool_say ("Weights: %s%s%s; rate %g", path, *left ? ", but for what begins anew: " : "", names,
            kol_trainer_get_settings (run->trainer)->optimizer.rate);
  return TRUE;
}

static gboolean
make_trainer (Run *run, GCancellable *cancellable, GError **error)
{
  run->trainer = kol_trainer_new (run->device, kol_recipe_network, run->recipe, run->training,
                                  run->validation, &run->settings, error);
  if (!run->trainer)
    return FALSE;

  g_autofree char *peak = tool_format_bytes (kol_trainer_get_peak_bytes (run->trainer));
  say_data (run->training);
  if (run->validation)
    tool_say ("Validation set: %zu of its %zu pictures",
              kol_trainer_get_settings (run->trainer)->validation, run->validation->count);
  tool_say ("Network: %s, %" G_GUINT64_FORMAT " parameters, %s of device memory at most",
            kol_recipe_get_name (run->recipe), count_parameters (run->trainer), peak);
  say_saving (run->trainer);
  if (!load_weights (run, error))
    return FALSE;
  /* The small test set has been read meanwhile: what is wrong with it is told before training. */
  return prepare (run, cancellable, error)
         && (run->interrupted || !run->test || kol_dataset_finish (run->test, error));
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
    { run->training->picture && isfinite (report->loader_wait)
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

  if (!run->training->picture)
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

  if (!run->interrupted && run->test)
    {
      score = kol_trainer_score (run->trainer, run->test, error);
      if (!score)
        return FALSE;
      if (run->test->picture) /* else it was told when the set was opened */
        say_skipped (run->test);
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
  if (run->options->common.json)
    write_summary (run, score);
  return tool_save_profile (&run->options->common, run->device, error);
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
  if (!open_data (run, error))
    return FALSE;
  run->device = tool_open_device (&run->options->common, error);
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
check_parameters (const TrainOptions *options, int argc, char **argv)
{
  if (argc > 2)
    return tool_usage (&tool_train,
                       "\"%s\" is more than `kolinsky train` understands: one recipe at a time",
                       argv[2]);
  if (options->network && argc == 2)
    return tool_usage (&tool_train, "--network %s is trained as it is; leave \"%s\" out",
                       options->network, options->recipe);
  if (options->network && options->keep != UNSET)
    return tool_usage (&tool_train, "--network %s has its own dropout; leave --keep out",
                       options->network);
  if (options->steps != UNSET_INTEGER && options->epochs != UNSET_INTEGER)
    return tool_usage (&tool_train, "--steps and --epochs say the same; give one of them");
  if (options->resume && argc == 2)
    return tool_usage (&tool_train, "--resume goes on with a run's own recipe; leave \"%s\" out",
                       options->recipe);
  if (!options->resume && !options->network && argc < 2)
    return tool_usage (&tool_train,
                       "`kolinsky train` needs a RECIPE, --network NAME or --resume RUN");
  if (options->from != UNSET_INTEGER && (!options->resume || options->from < 1))
    return tool_usage (&tool_train,
                       "--from takes the step of a checkpoint, and goes with --resume");
  if (options->resume
      && (options->folder || options->overwrite || options->size || options->grey || options->target
          || options->numbers || options->stream || options->network || options->weights))
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
  g_auto (TrainOptions) options = { .steps = UNSET_INTEGER,
                                    .epochs = UNSET_INTEGER,
                                    .batch = UNSET_INTEGER,
                                    .seed = UNSET_INTEGER,
                                    .from = UNSET_INTEGER,
                                    .rate = UNSET,
                                    .keep = UNSET };
  g_autoptr (GError) error = NULL;

  if (!parse (&options, &argc, &argv))
    return TOOL_USAGE;
  if (options.layers)
    {
      list_layers ();
      return TOOL_OK;
    }
  options.recipe = argv[1];
  if (check_parameters (&options, argc, argv) != TOOL_OK)
    return TOOL_USAGE;

  g_auto (Run) run = { .options = &options,
                       .first_step_seconds = NAN,
                       .validation_accuracy = NAN,
                       .speed = NAN,
                       .loader_wait = NAN };
  ToolExit chosen = choose (&run, &error);
  if (chosen != TOOL_OK)
    return error ? tool_fail (error) : chosen;
  if (options.print)
    {
      g_print ("%s", kol_recipe_get_text (run.recipe));
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
