/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What is trained, and how: what `train` and `search` are told in the same words. */

#include "train-private.h"

#include <string.h>

#include "../words-private.h"

#define FINE_TUNING 0.1 /* of the usual rate, where training begins with weights */

void
train_options_init (TrainOptions *options, const ToolCommand *command)
{
  options->command = command;
  options->steps = options->epochs = options->batch = options->seed = TRAIN_UNSET_INTEGER;
  options->rate = options->keep = TRAIN_UNSET;
}

void
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

GOptionEntry *
train_options_list (TrainOptions *options, const GOptionEntry *own)
{
  const GOptionEntry shared[] = {
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
  };
  g_autoptr (GArray) all = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));

  g_array_append_vals (all, shared, G_N_ELEMENTS (shared));
  for (; own->long_name; own++)
    g_array_append_vals (all, own, 1);
  return g_array_steal (all, NULL);
}

ToolExit
train_options_check (TrainOptions *options, int argc, char **argv)
{
  const ToolCommand *command = options->command;

  options->recipe = argv[1];
  if (argc > 2)
    return tool_usage (command,
                       "\"%s\" is more than `kolinsky %s` understands: one recipe at a time",
                       argv[2], command->name);
  if (options->network && argc == 2)
    return tool_usage (command, "--network %s is trained as it is; leave \"%s\" out",
                       options->network, options->recipe);
  if (options->network && options->keep != TRAIN_UNSET)
    return tool_usage (command, "--network %s has its own dropout; leave --keep out",
                       options->network);
  if (options->steps != TRAIN_UNSET_INTEGER && options->epochs != TRAIN_UNSET_INTEGER)
    return tool_usage (command, "--steps and --epochs say the same; give one of them");
  if (options->resume && argc == 2)
    return tool_usage (command, "--resume goes on with a %s's own recipe; leave \"%s\" out",
                       command == &tool_train ? "run" : "search", options->recipe);
  if (!options->resume && !options->network && argc < 2)
    return tool_usage (command, "`kolinsky %s` needs a RECIPE, --network NAME or --resume %s",
                       command->name, command == &tool_train ? "RUN" : "SEARCH");
  return TOOL_OK;
}

void
train_setup_clear (TrainSetup *setup)
{
  g_clear_pointer (&setup->training, kol_dataset_unref);
  g_clear_pointer (&setup->validation, kol_dataset_unref);
  g_clear_pointer (&setup->test, kol_dataset_unref);
  g_clear_pointer (&setup->recipe, kol_recipe_unref);
  g_clear_pointer (&setup->data, g_free);
  g_clear_pointer (&setup->weights, g_free);
}

/* ── What is trained, and how ── */

/* Sets one setting from a command-line option; what is wrong is printed. */
static gboolean
set (const TrainOptions *options, KolTrainSettings *settings, const char *option, const char *name,
     const char *value)
{
  g_autoptr (GError) error = NULL;

  if (kol_train_settings_set (settings, name, value, &error))
    return TRUE;
  tool_usage (options->command, "%s: %s", option, error->message);
  return FALSE;
}

static gboolean
set_integer (const TrainOptions *options, KolTrainSettings *settings, const char *option,
             const char *name, gint64 value)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, value);

  return value == TRAIN_UNSET_INTEGER || set (options, settings, option, name, text);
}

static gboolean
set_number (const TrainOptions *options, KolTrainSettings *settings, const char *option,
            const char *name, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  return value == TRAIN_UNSET
         || set (options, settings, option, name, g_ascii_dtostr (text, sizeof text, value));
}

/* What the command line says on top of the recipe, or of the run that goes on. */
static gboolean
apply_options (const TrainOptions *options, KolTrainSettings *settings)
{
  if (!set_integer (options, settings, "--steps", "steps", options->steps)
      || !set_integer (options, settings, "--epochs", "epochs", options->epochs)
      || !set_integer (options, settings, "--batch", "batch", options->batch)
      || !set_number (options, settings, "--lr", "rate", options->rate)
      || !set_number (options, settings, "--keep", "keep", options->keep)
      || !set_integer (options, settings, "--seed", "seed", options->seed)
      || (options->memory && !set (options, settings, "--memory", "memory", options->memory))
      || (options->optimizer
          && !set (options, settings, "--optimizer", "optimizer", options->optimizer)))
    return FALSE;
  for (char **each = options->set; each && *each; each++)
    {
      g_auto (GStrv) parts = g_strsplit (*each, "=", 2);

      if (g_strv_length (parts) != 2)
        {
          tool_usage (options->command, "--set takes NAME=VALUE, not \"%s\"", *each);
          return FALSE;
        }
      if (!set (options, settings, "--set", g_strstrip (parts[0]), g_strstrip (parts[1])))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_size (const TrainOptions *given, KolDatasetOptions *options)
{
  g_auto (GStrv) parts = g_strsplit (given->size, "x", 2);
  guint64 width, height;

  if (g_strv_length (parts) != 2
      || !g_ascii_string_to_unsigned (parts[0], 10, 1, 16384, &width, NULL)
      || !g_ascii_string_to_unsigned (parts[1], 10, 1, 16384, &height, NULL))
    {
      tool_usage (given->command, "--size is \"%s\"; give width and height, such as 64x48",
                  given->size);
      return FALSE;
    }
  options->width = width;
  options->height = height;
  return TRUE;
}

/* The weights of another run, and how it took its pictures. */
static gboolean
take_weights_of_run (TrainSetup *setup, const char *folder, GError **error)
{
  g_autoptr (KolRun) other = kol_run_read (folder, error);

  if (!other)
    return FALSE;
  setup->weights = kol_run_get_weights (other);
  if (other->data_options.picture)
    setup->picture = other->picture;
  if (!setup->weights)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "The run %s has no checkpoint, and so no weights", folder);
  return setup->weights != NULL;
}

/* The weights of an installed network, and how it takes pictures. */
static gboolean
take_weights_of_model (TrainSetup *setup, const KolModelEntry *entry, GError **error)
{
  const char *network = setup->options->network;

  if (entry->network && network && !g_str_equal (entry->network, network))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The weights of %s are for the network %s, not for %s; give --network %s",
                   entry->name, entry->network, network, entry->network);
      return FALSE;
    }
  setup->weights = g_strdup (entry->path);
  if (entry->has_picture)
    setup->picture = entry->picture;
  return TRUE;
}

/* What training begins with. */
static gboolean
choose_weights (TrainSetup *setup, GError **error)
{
  const char *given = setup->options->weights;
  g_autofree char *folder = given ? tool_run_folder (given) : NULL;
  g_autoptr (KolModelEntry) entry = given ? kol_catalogue_find (given, NULL) : NULL;

  if (!given)
    return TRUE;
  if (entry && entry->path)
    return take_weights_of_model (setup, entry, error);
  if (g_file_test (folder, G_FILE_TEST_IS_DIR))
    return take_weights_of_run (setup, folder, error);
  if (g_file_test (given, G_FILE_TEST_IS_REGULAR))
    {
      setup->weights = g_strdup (given);
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
choose_picture (TrainSetup *setup, GError **error)
{
  const TrainOptions *options = setup->options;
  KolDatasetOptions *data = &setup->data_options;
  KolPreprocess *picture = &setup->picture;

  if (options->network)
    kol_catalogue_find_picture (options->network, picture);
  if (!choose_weights (setup, error))
    return TOOL_FAILED;
  if (!options->network && !options->stream)
    return TOOL_OK;
  if (!picture->width && options->size)
    *picture = (KolPreprocess){ .channels = 3, .divisor = 255, .std = { 1, 1, 1 } };
  else if (!picture->width)
    return tool_usage (options->command,
                       "--stream needs --size WxH, as the pictures are not looked at "
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
choose_recipe (TrainSetup *setup, GError **error)
{
  const TrainOptions *options = setup->options;
  g_autoptr (GError) unknown = NULL;

  setup->recipe = options->network ? kol_recipe_new_for_network (options->network, &unknown)
                                   : kol_recipe_find (options->recipe, &unknown);
  if (!setup->recipe && (options->network || !strpbrk (options->recipe, "/.")))
    return tool_usage (options->command, "%s", unknown->message);
  if (!setup->recipe)
    {
      g_propagate_error (error, g_steal_pointer (&unknown));
      return TOOL_FAILED;
    }
  setup->settings = *kol_recipe_get_settings (setup->recipe);
  setup->data_options = (KolDatasetOptions){ .channels = options->grey ? 1 : 0,
                                             .target = options->target,
                                             .numbers = options->numbers };
  if (options->size && !read_size (options, &setup->data_options))
    return TOOL_USAGE;
  return choose_picture (setup, error);
}

void
train_setup_take_run (TrainSetup *setup, const KolRun *run)
{
  const char *data = setup->options->data;

  setup->resumed = run;
  setup->recipe = kol_recipe_ref (run->recipe);
  setup->settings = run->settings;
  setup->data_options = run->data_options;
  setup->data = g_strdup (data ? data : run->data);
}

ToolExit
train_setup_choose (TrainSetup *setup, GError **error)
{
  ToolExit chosen = setup->resumed ? TOOL_OK : choose_recipe (setup, error);

  if (setup->weights && setup->options->network) /* what is learned already is not to be lost */
    setup->settings.optimizer.rate *= FINE_TUNING;
  return chosen == TOOL_OK && !apply_options (setup->options, &setup->settings) ? TOOL_USAGE
                                                                                : chosen;
}

/* ── Data ── */

/* Whether the training set is what a run learned from. */
static gboolean
check_resumed (const TrainSetup *setup, GError **error)
{
  g_autofree char *files = kol_dataset_get_digest (setup->training);

  if (!setup->resumed)
    return TRUE;
  if (setup->training->count != setup->resumed->examples)
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
                 "The run learned from %" G_GUINT64_FORMAT " examples, but %s has %zu now; put "
                 "back what it learned from, or begin a new run",
                 setup->resumed->examples, setup->data, setup->training->count);
  else if (files && setup->resumed->files && !g_str_equal (files, setup->resumed->files))
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
                 "The run learned from as many files as there are in %s, but some have other names "
                 "now; put back what it learned from, or begin a new run",
                 setup->data);
  else
    return TRUE;
  return FALSE;
}

/* Another part of the data, if there is one; FALSE: it is damaged. */
static gboolean
open_part (TrainSetup *setup, const char *part, KolDataset **data, GError **error)
{
  KolDatasetOptions options = setup->data_options;

  if (!kol_dataset_has_part (setup->data, part))
    return TRUE;
  options.like = setup->training;
  *data = kol_dataset_open (setup->data, part, &options, error);
  if (*data)
    tool_say_skipped (*data);
  return *data != NULL;
}

/* The test part is needed only at the end, but it should not take a whole training to find it
 * damaged. */
gboolean
train_setup_open_data (TrainSetup *setup, gboolean with_test, GError **error)
{
  if (!setup->data)
    setup->data = tool_find_data (setup->options->data, error);
  if (!setup->data)
    return FALSE;
  setup->training = kol_dataset_open (setup->data, "train", &setup->data_options, error);
  if (setup->training && setup->options->stream && !setup->training->picture)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "--stream is for a folder of pictures, and “%s” is none", setup->data);
      return FALSE;
    }
  if (!setup->training || !check_resumed (setup, error))
    return FALSE;
  tool_say_skipped (setup->training);
  return open_part (setup, "validation", &setup->validation, error)
         && (!with_test || open_part (setup, "test", &setup->test, error));
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

void
train_setup_say_data (const TrainSetup *setup)
{
  say_data (setup->training);
}
