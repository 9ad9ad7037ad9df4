/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../device/blas-private.h"
#include "../device/tuning-private.h"
#include "../graph/check-private.h"
#include "../graph/measure-private.h"

#include <glib-unix.h>
#include <math.h>

#define PRODUCT "matmul" /* the operation that CLBlast can compute */

typedef struct {
  ToolOptions common;
  char *op;
  char *data;
  gint64 batch;
  gboolean all, list, clear;
} TuneOptions;

static void
tune_options_clear (TuneOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->op);
  g_free (options->data);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TuneOptions, tune_options_clear)

/* One piece of work and what was measured of it. */
typedef struct {
  char *work;
  const KolVariant *best;
  KolCandidate candidates[KOL_MOST_CANDIDATES];
  guint n;
} Row;

static void
row_free (gpointer data)
{
  Row *row = data;

  g_free (row->work);
  g_free (row);
}

typedef struct {
  KolDevice *device;
  GHashTable *done; /* of the works that were measured */
  GPtrArray *rows;  /* of Row */
  gboolean stop;    /* Ctrl-C was pressed */
} Tuner;

/* ── Measuring ── */

static gboolean
note_interrupt (gpointer user_data)
{
  Tuner *tuner = user_data;

  g_printerr ("\nFinishing the present work; Ctrl-C again stops at once\n");
  tuner->stop = TRUE;
  return G_SOURCE_REMOVE;
}

static gboolean
is_interrupted (Tuner *tuner)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
  return tuner->stop;
}

/*
 * Measures a node whose packed weights are @kept or not, if there is something to choose and that
 * was not measured yet.
 */
static gboolean
tune_node (Tuner *tuner, const KolNode *node, gboolean kept, GError **error)
{
  if (!node->op->variants || !node->op->variants[1].name)
    return TRUE;
  g_autofree char *work = kol_work_key (node, kept);
  if (!g_hash_table_add (tuner->done, g_strdup (work)))
    return TRUE;

  g_autofree char *now = g_strdup_printf ("Measuring %s", work);
  Row *row = g_new0 (Row, 1);
  tool_status (now);
  row->work = g_steal_pointer (&work);
  g_ptr_array_add (tuner->rows, row);
  row->best = kol_tune_node (node->graph, node, kept, row->candidates, &row->n, error);
  return row->best != NULL;
}

/* Measures all that is computed for @target, in training or, with weights that are @kept, not. */
static gboolean
tune_ancestors (Tuner *tuner, KolValue *target, gboolean kept, GError **error)
{
  KolGraph *graph = kol_value_get_graph (target);
  g_autofree guint8 *wanted = kol_graph_mark_ancestors (target);

  for (guint i = 0; i < graph->nodes->len && !is_interrupted (tuner); i++)
    if (wanted[i] && !tune_node (tuner, g_ptr_array_index (graph->nodes, i), kept, error))
      return FALSE;
  return TRUE;
}

static gboolean
copy_error (const KolGraph *graph, GError **error)
{
  if (!graph->error)
    return FALSE;
  g_propagate_error (error, g_error_copy (graph->error));
  return TRUE;
}

/* What a recipe is measured with where there is no --data: grey digits. */
static const KolDataset digits
    = { .count = 60000, .channels = 1, .height = 28, .width = 28, .classes = 10 };

/* The work of a recipe's training step, as the trainer builds it. */
static gboolean
tune_recipe (Tuner *tuner, const TuneOptions *options, const char *name, GError **error)
{
  g_autoptr (KolRecipe) recipe = kol_recipe_find (name, error);
  g_autoptr (KolDataset) data = NULL;
  KolNetworkValues network;
  KolTrainSettings settings;

  if (!recipe
      || (options->data && !(data = kol_dataset_open (options->data, "train", NULL, error))))
    return FALSE;
  const KolDataset *like = data ? data : &digits;
  settings = *kol_recipe_get_settings (recipe);
  if (options->batch > 0)
    settings.batch = (gsize) options->batch;
  if (!kol_train_settings_settle (&settings, like->count, 0, "the data", error))
    return FALSE;
  g_autoptr (KolGraph) graph = kol_graph_new (tuner->device);
  kol_recipe_network (graph, settings.batch / MAX (settings.optimizer.micro_batches, 1), TRUE, like,
                      &network, recipe);
  if (copy_error (graph, error))
    return FALSE;
  KolValue *step = kol_minimize (network.loss, &settings.optimizer);
  return !copy_error (graph, error) && tune_ancestors (tuner, step, FALSE, error);
}

/* The work of asking a network about pictures of the size that it was made for. */
static gboolean
tune_network (Tuner *tuner, const TuneOptions *options, const KolNetworkKind *kind, GError **error)
{
  g_autoptr (KolGraph) graph = kol_graph_new (tuner->device);
  KolValue *x = kol_placeholder (graph, "x",
                                 KOL_SHAPE (MAX (options->batch, 1), 3, kind->side, kind->side));
  KolValue *scores = kind->build (x, NULL);

  return !copy_error (graph, error) && tune_ancestors (tuner, scores, TRUE, error);
}

/* A case of an operation that is there to be measured. */
static gboolean
tune_case (Tuner *tuner, const KolOp *op, const KolCase *c, GError **error)
{
  g_autoptr (KolGraph) graph = kol_graph_new (tuner->device);
  KolValue *inputs[KOL_CASE_INPUTS];

  for (guint i = 0; i < c->n_inputs; i++)
    {
      g_autofree char *name = g_strdup_printf ("input %u", i);
      inputs[i] = kol_placeholder (graph, name, c->shapes[i]);
    }
  KolValue *y = kol_node_new (op, inputs, c->n_inputs, c->attributes);
  return !copy_error (graph, error) && tune_node (tuner, y->node, FALSE, error)
         && tune_node (tuner, y->node, TRUE, error);
}

static gboolean
tune_operations (Tuner *tuner, const TuneOptions *options, GError **error)
{
  for (guint i = 0; kol_op_get (i); i++)
    {
      const KolOp *op = kol_op_get (i);

      if (options->op && !g_str_equal (options->op, op->name))
        continue;
      if (!op->variants || !op->variants[1].name)
        continue;
      for (const KolCase *c = op->cases; c && c->name && !is_interrupted (tuner); c++)
        if (c->only_tune && !tune_case (tuner, op, c, error))
          return FALSE;
    }
  return TRUE;
}

/* ── Variants that are switched off ── */

static void
note_failure (const KolCheckResult *result, gpointer user_data)
{
  guint *passed = user_data;

  *passed += result->passed;
}

/* Whether a variant passes its operation's cases, those that take long left out. */
static gboolean
passes_cases (KolDevice *device, const KolOp *op, const KolVariant *variant)
{
  guint passed = 0;

  for (const KolCase *c = op->cases; c && c->name; c++)
    if (!c->only_tune && !c->slow
        && !kol_check_case (device, op, c, variant, note_failure, &passed))
      return FALSE;
  return passed > 0;
}

/* A driver may have been mended: what is right again takes part again. */
static void
try_struck_again (Tuner *tuner)
{
  KolTuning *tuning = tuner->device->tuning;
  g_autoptr (GPtrArray) list = kol_tuning_list_struck (tuning);

  for (guint i = 0; i < list->len && !is_interrupted (tuner); i++)
    {
      const KolTuningStruck *struck = g_ptr_array_index (list, i);
      g_auto (GStrv) names = g_strsplit (struck->variant, "/", 2);
      const KolOp *op = kol_op_find (names[0]);
      const KolVariant *variant = op ? kol_check_find_variant (op, names[1]) : NULL;

      if (!variant)
        continue;
      gboolean right = passes_cases (tuner->device, op, variant);
      if (right)
        kol_tuning_restore (tuning, op->name, variant->name);
      tool_say (right ? "The variant %s of %s is right again, and switched on."
                      : "The variant %s of %s is still wrong, and left out.",
                variant->name, op->name);
    }
}

/* ── Output ── */

static char *
format_seconds (double seconds)
{
  if (seconds >= 1)
    return g_strdup_printf ("%.2f s", seconds);
  if (seconds >= 1e-3)
    return g_strdup_printf ("%.2f ms", 1e3 * seconds);
  return g_strdup_printf ("%.1f us", 1e6 * seconds);
}

/* "simd 1.20 ms", of all that took part. */
static void
append_time (GString *line, const char *name, double seconds)
{
  g_autofree char *time = seconds > 0 ? format_seconds (seconds) : g_strdup ("not used");

  g_string_append_printf (line, "%s%s %s", line->len ? ", " : "", name, time);
}

static void
say_row (const char *work, const char *chosen, const char *variants)
{
  tool_say ("%s\n    %-20s of %s", work, chosen, variants);
}

static void
write_candidate (ToolJson *json, const char *name, double seconds)
{
  tool_json_open (json, NULL, '{');
  tool_json_string (json, "variant", name);
  tool_json_number (json, "seconds", seconds > 0 ? seconds : (double) NAN);
}

static void
say_rows (const Tuner *tuner)
{
  for (guint i = 0; i < tuner->rows->len; i++)
    {
      const Row *row = g_ptr_array_index (tuner->rows, i);
      g_autoptr (GString) line = g_string_new (NULL);

      for (guint k = 0; k < row->n; k++)
        append_time (line, row->candidates[k].variant->name, row->candidates[k].seconds);
      say_row (row->work, row->best ? row->best->name : "-", line->str);
    }
  tool_say ("\n%u works measured and remembered for this device.", tuner->rows->len);
}

static void
write_rows (const Tuner *tuner)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '[');
  for (guint i = 0; i < tuner->rows->len; i++)
    {
      const Row *row = g_ptr_array_index (tuner->rows, i);

      tool_json_open (&json, NULL, '{');
      tool_json_string (&json, "work", row->work);
      tool_json_string (&json, "variant", row->best ? row->best->name : NULL);
      tool_json_open (&json, "candidates", '[');
      for (guint k = 0; k < row->n; k++)
        {
          const KolCandidate *candidate = &row->candidates[k];

          write_candidate (&json, candidate->variant->name, candidate->seconds);
          tool_json_number (&json, "difference", candidate->difference);
          tool_json_boolean (&json, "struck", candidate->struck);
          tool_json_close (&json);
        }
      tool_json_close (&json);
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_print (&json);
}

/* ── What is remembered ── */

static void
say_remembered (GPtrArray *choices, GPtrArray *struck)
{
  for (guint i = 0; i < choices->len; i++)
    {
      const KolTuningChoice *choice = g_ptr_array_index (choices, i);
      g_autoptr (GString) line = g_string_new (NULL);

      for (gsize k = 0; k < choice->n; k++)
        append_time (line, choice->names[k], choice->seconds[k]);
      say_row (choice->key, choice->variant, line->str);
    }
  for (guint i = 0; i < struck->len; i++)
    {
      const KolTuningStruck *variant = g_ptr_array_index (struck, i);
      tool_say ("%s is switched off: %s", variant->variant, variant->reason);
    }
  if (!choices->len && !struck->len)
    tool_say ("Nothing is remembered for this device yet.");
}

static void
write_remembered (GPtrArray *choices, GPtrArray *struck)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '{');
  tool_json_open (&json, "choices", '[');
  for (guint i = 0; i < choices->len; i++)
    {
      const KolTuningChoice *choice = g_ptr_array_index (choices, i);

      tool_json_open (&json, NULL, '{');
      tool_json_string (&json, "work", choice->key);
      tool_json_string (&json, "variant", choice->variant);
      tool_json_open (&json, "candidates", '[');
      for (gsize k = 0; k < choice->n; k++)
        {
          write_candidate (&json, choice->names[k], choice->seconds[k]);
          tool_json_close (&json);
        }
      tool_json_close (&json);
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_open (&json, "struck", '[');
  for (guint i = 0; i < struck->len; i++)
    {
      const KolTuningStruck *variant = g_ptr_array_index (struck, i);

      tool_json_open (&json, NULL, '{');
      tool_json_string (&json, "variant", variant->variant);
      tool_json_string (&json, "reason", variant->reason);
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_close (&json);
  tool_json_print (&json);
}

static ToolExit
list_remembered (KolDevice *device, gboolean as_json)
{
  g_autoptr (GPtrArray) choices = kol_tuning_list_choices (device->tuning);
  g_autoptr (GPtrArray) struck = kol_tuning_list_struck (device->tuning);

  if (as_json)
    write_remembered (choices, struck);
  else
    say_remembered (choices, struck);
  return TOOL_OK;
}

/* ── The command ── */

/* Whether the operations' own work is measured, and not only that of recipes and networks. */
static gboolean
measures_operations (const TuneOptions *options, char **names)
{
  return !names[0] || options->all;
}

static gboolean
measure_nodes (Tuner *tuner, const TuneOptions *options, char **names, GError **error)
{
  for (char **name = names; *name; name++)
    {
      const KolNetworkKind *network = kol_network_find (*name);

      if (!(network ? tune_network (tuner, options, network, error)
                    : tune_recipe (tuner, options, *name, error)))
        return FALSE;
    }
  if (options->all)
    {
      g_auto (GStrv) recipes = kol_recipe_list ();

      for (char **name = recipes; *name; name++)
        if (!tune_recipe (tuner, options, *name, error))
          return FALSE;
    }
  return !measures_operations (options, names) || tune_operations (tuner, options, error);
}

/* Products that were measured with other parameters are measured again when they are next needed.
 */
static gboolean
tune_blas (Tuner *tuner, GError **error)
{
  gboolean changed = FALSE;

  tool_status ("Measuring CLBlast's parameters");
  if (!kol_blas_tune (tuner->device, &changed, error))
    return FALSE;
  if (changed)
    kol_tuning_forget (tuner->device->tuning, PRODUCT " ");
  tool_status (NULL);
  tool_say (changed
                ? "CLBlast has better parameters for this device now: products are measured with\n"
                  "them when they are next needed, or by `kolinsky tune --op " PRODUCT "`."
                : "CLBlast's own parameters for this device are the best of those tried.");
  return TRUE;
}

static gboolean
measure (Tuner *tuner, const TuneOptions *options, char **names, GError **error)
{
  gboolean with_blas = measures_operations (options, names)
                       && (!options->op || g_str_equal (options->op, PRODUCT))
                       && !kol_blas_is_tuned (tuner->device);

  try_struck_again (tuner);
  return measure_nodes (tuner, options, names, error)
         && (!with_blas || is_interrupted (tuner) || tune_blas (tuner, error));
}

static ToolExit
tune (const TuneOptions *options, char **names, GError **error)
{
  g_autoptr (KolDevice) device = tool_open_device (&options->common, error);
  if (!device)
    return TOOL_FAILED;
  if (options->list)
    return list_remembered (device, options->common.json);
  if (options->clear)
    {
      kol_tuning_forget (device->tuning, "");
      tool_say ("What was measured on this device is forgotten.");
      return TOOL_OK;
    }

  g_autoptr (GHashTable) done = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (row_free);
  Tuner tuner = { .device = device, .done = done, .rows = rows };
  g_unix_signal_add (SIGINT, note_interrupt, &tuner);

  gboolean measured = measure (&tuner, options, names, error);
  tool_status (NULL);
  if (!measured)
    return TOOL_FAILED;
  if (options->common.json)
    write_rows (&tuner);
  say_rows (&tuner);
  if (!tool_save_profile (&options->common, device, error))
    return TOOL_FAILED;
  return tuner.stop ? TOOL_INTERRUPTED : TOOL_OK;
}

/* Whether each name is a recipe's, a file's or a network's. */
static gboolean
check_names (char **names)
{
  for (; *names; names++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (KolRecipe) recipe = NULL;
      g_autoptr (GString) networks = g_string_new (NULL);

      if (kol_network_find (*names) || (recipe = kol_recipe_find (*names, &error)))
        continue;
      for (guint i = 0; kol_network_get (i); i++)
        g_string_append_printf (networks, "%s%s", i ? ", " : "", kol_network_get (i)->name);
      tool_usage (&tool_tune, "%s; or a network: %s", error->message, networks->str);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_options (const TuneOptions *options, char **names)
{
  gboolean measures = options->all || options->op || names[0];

  if (options->op && !kol_op_find (options->op))
    tool_usage (&tool_tune, "There is no operation \"%s\"", options->op);
  else if (options->op && names[0])
    tool_usage (&tool_tune, "--op is for the operations' own work, not for a recipe's");
  else if (options->list + options->clear + measures > 1)
    tool_usage (&tool_tune, "--list, --clear and what is to be measured exclude each other");
  else if (options->batch < 0 || options->batch > 1 << 20)
    tool_usage (&tool_tune, "--batch must be at least 1");
  else
    return check_names (names);
  return FALSE;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (TuneOptions) options = { 0 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "all", 0, 0, G_OPTION_ARG_NONE, &options.all,
      "All recipes that come with Kolinsky, and the operations' own work", NULL },
    { "op", 0, 0, G_OPTION_ARG_STRING, &options.op, "Of the operations' own work, that of this one",
      "NAME" },
    { "batch", 0, 0, G_OPTION_ARG_INT64, &options.batch,
      "Examples at a time (the recipe's; 1 for a network)", "N" },
    { "data", 0, 0, G_OPTION_ARG_FILENAME, &options.data,
      "Of a recipe: examples whose size is measured with (grey 28x28, 10 classes)", "PATH" },
    { "list", 0, 0, G_OPTION_ARG_NONE, &options.list,
      "Show what is remembered for the device, and what is switched off", NULL },
    { "clear", 0, 0, G_OPTION_ARG_NONE, &options.clear,
      "Forget what was measured; what is switched off stays so", NULL },
    { NULL },
  };

  if (!tool_parse (&tool_tune, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE,
                   &options.common, TOOL_ANY_NUMBER, &argc, &argv)
      || !check_options (&options, argv + 1))
    return TOOL_USAGE;
  ToolExit code = tune (&options, argv + 1, &error);
  return error ? tool_fail (error) : code;
}

const ToolCommand tool_tune = {
  .name = "tune",
  .parameters = "[RECIPE|NETWORK...]",
  .summary = "Measure which way of computing is fastest on a device, and remember it",
  .description
  = "  kolinsky tune digits    every way to compute each part of the recipe's training step\n"
    "  kolinsky tune vgg16     the same for asking a network about a picture\n"
    "  kolinsky tune           sizes that are usual in networks, of every operation, and\n"
    "                          once CLBlast's parameters\n"
    "  kolinsky tune --list    what is remembered\n\n"
    "Without this command the likeliest ways are measured, shortly, when they are first\n"
    "needed. A way whose result is wrong is switched off. What is measured is kept at once:\n"
    "Ctrl-C loses nothing. KOLINSKY_VARIANT forces a way whatever was measured.",
  .run = run_command,
};
