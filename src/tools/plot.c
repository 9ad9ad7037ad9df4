/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "plot-private.h"
#include "tool-private.h"

#include <math.h>

#define SMALLEST_SIDE 300
#define LARGEST_SIDE 16000

typedef struct {
  ToolOptions common;
  char *output;
  int width, height; /* 0: chosen */
  double smooth;
  gboolean logarithmic;
} PlotOptions;

static void
plot_options_clear (PlotOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->output);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PlotOptions, plot_options_clear)

/* A run to be drawn. */
typedef struct {
  char *name;
  KolMetricsTable *metrics;
} Run;

static void
run_free (gpointer data)
{
  Run *run = data;

  g_free (run->name);
  g_clear_pointer (&run->metrics, kol_metrics_table_free);
  g_free (run);
}

/* ── Runs ── */

static KolMetricsTable *
load_metrics (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, KOL_METRICS_FILE, NULL);
  g_autofree char *shown = g_filename_display_name (folder);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                   "%s has no %s: it is not the folder of a run, or of one that was trained before "
                   "there were metrics; `kolinsky runs` lists the runs",
                   shown, KOL_METRICS_FILE);
      return NULL;
    }
  KolMetricsTable *metrics = kol_metrics_load (path, error);
  if (metrics && metrics->rows == 0)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "%s of %s has no numbers yet; plot the run when it has done some steps",
                   KOL_METRICS_FILE, shown);
      g_clear_pointer (&metrics, kol_metrics_table_free);
    }
  return metrics;
}

/* Where two folders have one name, the paths tell them apart. */
static void
name_runs (GPtrArray *runs, char **given)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean unique = TRUE;

  for (guint i = 0; i < runs->len; i++)
    unique = g_hash_table_add (seen, g_path_get_basename (given[i])) && unique;
  for (guint i = 0; i < runs->len; i++)
    {
      Run *run = g_ptr_array_index (runs, i);
      g_autofree char *base = g_path_get_basename (given[i]);
      run->name = g_filename_display_name (unique ? base : given[i]);
    }
}

/* @given: NULL-ended. */
static GPtrArray *
load_runs (char **given, GError **error)
{
  g_autoptr (GPtrArray) runs = g_ptr_array_new_with_free_func (run_free);

  for (guint i = 0; given[i]; i++)
    {
      g_autofree char *folder = tool_run_folder (given[i]);
      KolMetricsTable *metrics = load_metrics (folder, error);
      if (!metrics)
        return NULL;
      Run *run = g_new0 (Run, 1);
      run->metrics = metrics;
      g_ptr_array_add (runs, run);
    }
  name_runs (runs, given);
  return g_steal_pointer (&runs);
}

/* ── Panels ── */

static gboolean
series_is_empty (const ToolSeries *series)
{
  return series->raw.n == 0 && series->validation.n == 0;
}

static ToolSeries
make_series (const Run *run, const char *training, const char *validation, double smooth,
             gboolean logarithmic)
{
  const KolMetricsTable *metrics = run->metrics;
  const double *step = kol_metrics_table_get (metrics, "step");
  ToolCurve raw = tool_curve_new (step, kol_metrics_table_get (metrics, training), metrics->rows);

  return (ToolSeries){
    .name = run->name,
    .raw = raw,
    .smooth = tool_curve_smooth (&raw, smooth, logarithmic),
    .validation = tool_curve_new (step, kol_metrics_table_get (metrics, validation), metrics->rows),
  };
}

static void
panel_clear (ToolPanel *panel)
{
  for (guint i = 0; i < panel->n; i++)
    {
      tool_curve_clear (&panel->series[i].raw);
      tool_curve_clear (&panel->series[i].smooth);
      tool_curve_clear (&panel->series[i].validation);
    }
  g_free (panel->series);
}

/* Fills in the series; FALSE if no run has any. */
static gboolean
fill_panel (ToolPanel *panel, GPtrArray *runs, const char *training, const char *validation,
            double smooth)
{
  gboolean any = FALSE;

  panel->n = runs->len;
  panel->series = g_new (ToolSeries, runs->len);
  for (guint i = 0; i < runs->len; i++)
    {
      panel->series[i] = make_series (g_ptr_array_index (runs, i), training, validation, smooth,
                                      panel->logarithmic);
      any = any || !series_is_empty (&panel->series[i]);
    }
  return any;
}

static gboolean
plot (const PlotOptions *options, char **given, GError **error)
{
  g_autoptr (GPtrArray) runs = load_runs (given, error);
  if (!runs)
    return FALSE;

  ToolPanel panels[2] = {
    { .title = "Loss", .logarithmic = options->logarithmic },
    { .title = "Accuracy (%)", .percent = TRUE },
  };
  ToolFigure figure = { .n = 1, .panels = panels };
  gboolean drawn = FALSE;
  gboolean any = fill_panel (&panels[0], runs, "loss", "validation_loss", options->smooth);
  if (fill_panel (&panels[1], runs, "accuracy", "validation_accuracy", options->smooth))
    figure.n = 2;
  figure.width = options->width ? options->width : figure.n == 2 ? 1600 : 1000;
  figure.height = options->height ? options->height : 640;

  if (any)
    drawn = tool_figure_save (&figure, options->output, error);
  else
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "There is no finite loss to plot in %s; look at its %s", given[0],
                 KOL_METRICS_FILE);
  panel_clear (&panels[0]);
  panel_clear (&panels[1]);
  return drawn;
}

/* ── Command ── */

static ToolExit
check_options (const PlotOptions *options)
{
  if (!options->output)
    return tool_usage (&tool_plot, "Say where to write the figure: -o FILE.png or -o FILE.svg");
  if (!g_str_has_suffix (options->output, ".png") && !g_str_has_suffix (options->output, ".svg"))
    return tool_usage (&tool_plot, "--output is \"%s\"; it must end in .png or .svg",
                       options->output);
  if (!(options->smooth >= 0 && options->smooth < 1))
    return tool_usage (&tool_plot, "--smooth must be at least 0 and less than 1");
  if ((options->width && (options->width < SMALLEST_SIDE || options->width > LARGEST_SIDE))
      || (options->height && (options->height < SMALLEST_SIDE || options->height > LARGEST_SIDE)))
    return tool_usage (&tool_plot, "--width and --height must be from %d to %d", SMALLEST_SIDE,
                       LARGEST_SIDE);
  return TOOL_OK;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (PlotOptions) options = { .smooth = 0.9 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
      "The picture to write, PNG or SVG by its ending", "FILE" },
    { "width", 0, 0, G_OPTION_ARG_INT, &options.width, "Pixels across (1600; loss alone: 1000)",
      "N" },
    { "height", 0, 0, G_OPTION_ARG_INT, &options.height, "Pixels down (640)", "N" },
    { "log", 0, 0, G_OPTION_ARG_NONE, &options.logarithmic, "Show the loss on a logarithmic axis",
      NULL },
    { "smooth", 0, 0, G_OPTION_ARG_DOUBLE, &options.smooth,
      "How much training curves are smoothed, 0 to less than 1 (0.9)", "S" },
    { NULL },
  };

  if (!tool_parse (&tool_plot, entries, 0, &options.common, TOOL_ANY_NUMBER, &argc, &argv))
    return TOOL_USAGE;
  if (argc < 2)
    return tool_usage (&tool_plot, "`kolinsky plot` needs the folder of a run");
  ToolExit checked = check_options (&options);
  if (checked != TOOL_OK)
    return checked;
  if (!plot (&options, argv + 1, &error))
    return tool_fail (error);
  g_autofree char *shown = g_filename_display_name (options.output);
  tool_say ("%s", shown);
  return TOOL_OK;
}

const ToolCommand tool_plot = {
  .name = "plot",
  .parameters = "RUN...",
  .summary = "Draw the loss and accuracy of one or several runs",
  .description
  = "RUN is the folder that `kolinsky train` saved to, or a name that `kolinsky runs` lists.\n"
    "A thin line is training, smoothed by an exponential average over its values, which are\n"
    "shown in the background; a thick line is validation. Colours stand for runs.",
  .run = run_command,
};
