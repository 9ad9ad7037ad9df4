/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

typedef struct {
  ToolOptions common;
  char *data;
  char *part;
  gint64 from;
} EvaluateOptions;

static void
evaluate_options_clear (EvaluateOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->data);
  g_free (options->part);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (EvaluateOptions, evaluate_options_clear)

/* How many digits the largest of the numbers has. */
static int
widest (const guint *numbers, gsize n, guint floor)
{
  guint largest = floor;

  for (gsize i = 0; i < n; i++)
    largest = MAX (largest, numbers[i]);
  return g_snprintf (NULL, 0, "%u", largest);
}

/* A row per label, a column per answer, and what each label's row adds up to; then its name. */
static void
say_confusion (const KolScore *score, char **names)
{
  guint n = score->classes;
  int width = widest (score->confusion, (gsize) n * n, n) + 2;
  int sum_width = MAX (widest (NULL, 0, (guint) score->count), 3) + 2;
  g_autoptr (GString) line = g_string_new ("label");

  for (guint answer = 0; answer < n; answer++)
    g_string_append_printf (line, "%*u", width, answer);
  tool_say ("\nConfusion: a row per label, a column per answer\n%s%*s%9s", line->str, sum_width,
            "sum", "right");
  for (guint label = 0; label < n; label++)
    {
      const guint *row = score->confusion + (gsize) label * n;
      guint sum = 0;
      g_string_printf (line, "%5u", label);
      for (guint answer = 0; answer < n; answer++)
        {
          g_string_append_printf (line, "%*u", width, row[answer]);
          sum += row[answer];
        }
      g_string_append_printf (line, "%*u", sum_width, sum);
      if (sum > 0)
        g_string_append_printf (line, "%7.1f %%", 100.0 * row[label] / sum);
      if (names)
        g_string_append_printf (line, "%*s  %s", sum > 0 ? 0 : 9, "", names[label]);
      tool_say ("%s", line->str);
    }
}

static void
write_score (const KolScore *score, char **names)
{
  g_auto (ToolJson) json;

  tool_json_init (&json);
  tool_json_open (&json, NULL, '{');
  tool_json_number (&json, "accuracy", score->accuracy);
  tool_json_number (&json, "loss", score->loss);
  tool_json_integer (&json, "count", score->count);
  if (names)
    {
      tool_json_open (&json, "classes", '[');
      for (guint label = 0; label < score->classes; label++)
        tool_json_string (&json, NULL, names[label]);
      tool_json_close (&json);
    }
  tool_json_open (&json, "confusion", '[');
  for (guint label = 0; label < score->classes; label++)
    {
      tool_json_open (&json, NULL, '[');
      for (guint answer = 0; answer < score->classes; answer++)
        tool_json_integer (&json, NULL, score->confusion[label * score->classes + answer]);
      tool_json_close (&json);
    }
  tool_json_close (&json);
  tool_json_close (&json);
  tool_json_print (&json);
}

static const char *const parts[] = { "test", "validation", "train", NULL };

/* The data that the run learned from, or others of the kind; the first part that they have. */
static KolDataset *
open_data (const EvaluateOptions *options, const KolRun *run, GError **error)
{
  const char *path = options->data ? options->data : run->data;
  const char *part = options->part;
  KolDatasetOptions how = run->data_options;

  for (guint i = 0; !part && parts[i]; i++)
    if (!parts[i + 1] || kol_dataset_has_part (path, parts[i]))
      part = parts[i];

  how.like = run->like;
  return kol_dataset_open (path, part, &how, error);
}

static gboolean
evaluate (const EvaluateOptions *options, const char *name, GError **error)
{
  g_autofree char *folder = tool_run_folder (name);
  g_autoptr (KolRun) run = kol_run_read (folder, error);
  if (!run)
    return FALSE;
  g_autoptr (KolDataset) data = open_data (options, run, error);
  if (!data)
    return FALSE;
  g_autoptr (KolDevice) device = tool_open_device (&options->common, error);
  if (!device)
    return FALSE;
  g_autoptr (KolEvaluator) evaluator
      = kol_evaluator_open (device, run, (guint64) options->from, error);
  if (!evaluator)
    return FALSE;
  g_autoptr (KolScore) score = kol_evaluator_score (evaluator, data, NULL, error);
  if (!score)
    return FALSE;

  tool_say_skipped (data); /* some of it only as it was to be read */
  tool_say ("Data: %s, %zu examples (%s)", data->name, score->count, data->path);
  if (score->classes)
    tool_say ("Loss %.4f, accuracy %.2f %%", score->loss, 100 * score->accuracy);
  else
    tool_say ("Loss %.6g", score->loss);
  if (options->common.json)
    write_score (score, data->class_names);
  else if (score->classes)
    say_confusion (score, data->class_names);
  return tool_save_profile (&options->common, device, error);
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (EvaluateOptions) options = { 0 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "data", 0, 0, G_OPTION_ARG_FILENAME, &options.data, "Examples (default: those of the run)",
      "PATH" },
    { "part", 0, 0, G_OPTION_ARG_STRING, &options.part,
      "The part of them to use: test, validation or train (the first that there is)", "PART" },
    { "from", 0, 0, G_OPTION_ARG_INT64, &options.from, "The step of the checkpoint (the latest)",
      "STEP" },
    { NULL },
  };

  if (!tool_parse (&tool_evaluate, entries,
                   TOOL_TAKES_DEVICE | TOOL_TAKES_JSON | TOOL_TAKES_PROFILE, &options.common, 1,
                   &argc, &argv))
    return TOOL_USAGE;
  if (options.part && !g_strv_contains (parts, options.part))
    return tool_usage (&tool_evaluate, "--part is \"%s\"; it can be test, validation or train",
                       options.part);
  if (options.from < 0)
    return tool_usage (&tool_evaluate, "--from takes the step of a checkpoint");
  return evaluate (&options, argv[1], &error) ? TOOL_OK : tool_fail (error);
}

const ToolCommand tool_evaluate = {
  .name = "evaluate",
  .parameters = "RUN",
  .summary = "Score a trained network: loss, accuracy, confusion matrix",
  .description
  = "RUN is the folder of a run, as `kolinsky train` tells it and `kolinsky runs` lists it.",
  .run = run_command,
};
