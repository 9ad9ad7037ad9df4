/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Charts over a run that never was, for looking at them: curves grow, twenty batches of
 * points a second. Not installed, and no test.
 *
 *     demo [--still] [--dark] [--log-y] [--log-x] [--runs N] [--points N] [--select
 * STEP] [--unit 0…2]
 *          [--large] [--rtl]
 */

#include "chart/chart.h"
#include "chart/controls.h"
#include "generate.h"

#include <adwaita.h>

static int large, dark, log_y, log_x, still, rtl, n_runs = 2, n_points = 4200, unit;
static double selected = NAN;

static const GOptionEntry options[]
    = { { "dark", 0, 0, G_OPTION_ARG_NONE, &dark, "on dark ground", NULL },
        { "log-y", 0, 0, G_OPTION_ARG_NONE, &log_y, "y on a logarithmic scale", NULL },
        { "log-x", 0, 0, G_OPTION_ARG_NONE, &log_x, "x on a logarithmic scale", NULL },
        { "still", 0, 0, G_OPTION_ARG_NONE, &still, "nothing grows", NULL },
        { "large", 0, 0, G_OPTION_ARG_NONE, &large, "with text of twice the size", NULL },
        { "rtl", 0, 0, G_OPTION_ARG_NONE, &rtl, "from right to left", NULL },
        { "runs", 0, 0, G_OPTION_ARG_INT, &n_runs, "how many runs", "N" },
        { "points", 0, 0, G_OPTION_ARG_INT, &n_points, "of the first run", "N" },
        { "unit", 0, 0, G_OPTION_ARG_INT, &unit, "of x", "0…2" },
        { "select", 0, 0, G_OPTION_ARG_DOUBLE, &selected, "a step", "STEP" },
        { NULL } };

#define MOST_RUNS 9
#define BRANCH 1200

typedef struct {
  KxSeries *loss, *validation, *accuracy, *ratio[3];
  KxClock *clock;
  KxLineLayer *line;
} Run;

typedef struct {
  GRand *random;
  Run runs[MOST_RUNS];
  KxChart *loss, *accuracy, *ratio;
  KxChartView *view;
} Demo;

static void
grow (Demo *demo, Run *run, double step, double pace)
{
  float loss = generate_loss (demo->random, step, 2.3, 0.02, pace, 0.45);
  double mean = 0.02 + 2.28 / pow (1 + step / pace, 0.9);

  kx_series_append (run->loss, step, loss);
  kx_clock_append (run->clock, step, step * 50 / 60000,
                   step * 0.041 + (step > 2000 ? (step - 2000) * 0.02 : 0));
  if ((int) step % 200 == 0)
    kx_series_append (run->validation, step, (float) (mean * 1.25 + 0.01));
  if ((int) step % 10 == 0)
    kx_series_append (
        run->accuracy, step,
        (float) CLAMP (1 - 0.33 * mean + g_rand_double_range (demo->random, -0.03, 0.03), 0, 1));
  for (int i = 0; i < 3; i++)
    kx_series_append (run->ratio[i], step,
                      generate_loss (demo->random, step, 0.02, 0.0006 * (1 + i), 120, 0.2));
}

static void
add_run (Demo *demo, int i)
{
  Run *run = &demo->runs[i];
  g_autofree char *name = g_strdup_printf ("run %d", i + 1);
  g_autofree char *checked = g_strdup_printf ("run %d validation", i + 1);

  run->loss = kx_series_new ();
  run->validation = kx_series_new ();
  run->accuracy = kx_series_new ();
  run->clock = kx_clock_new ();
  for (int k = 0; k < 3; k++)
    run->ratio[k] = kx_series_new ();
  run->line = kx_chart_add_line (demo->loss, run->loss, name, (guint) i, KX_LINE_THIN);
  kx_line_layer_set_clock (run->line, run->clock);
  if (i == 1)
    kx_line_layer_set_parent (run->line, demo->runs[0].line, BRANCH);
  if (i == 0)
    kx_line_layer_set_clock (
        kx_chart_add_line (demo->loss, run->validation, checked, (guint) i, KX_LINE_THICK),
        run->clock);
  kx_line_layer_set_clock (
      kx_chart_add_line (demo->accuracy, run->accuracy, name, (guint) i, KX_LINE_THIN), run->clock);
  if (i == 0)
    for (int k = 0; k < 3; k++)
      kx_line_layer_set_clock (kx_chart_add_line (demo->ratio, run->ratio[k],
                                                  ((const char *[]){ "conv1", "conv2", "fc1" })[k],
                                                  (guint) k, KX_LINE_THIN),
                               run->clock);
}

static gboolean
on_time (gpointer data)
{
  Demo *demo = data;

  for (int i = 0; i < n_runs; i++)
    {
      const double *x = kx_series_get_x (demo->runs[i].loss);
      double last = x[kx_series_get_length (demo->runs[i].loss) - 1];
      for (int k = 1; k <= 5; k++)
        grow (demo, &demo->runs[i], last + k, 90 * (1 + 0.4 * i));
    }
  return G_SOURCE_CONTINUE;
}

static void
fill (Demo *demo)
{
  KxMarkLayer *marks = kx_mark_layer_new ();

  for (int i = 0; i < n_runs; i++)
    {
      add_run (demo, i);
      for (int step = i == 1 ? BRANCH + 1 : 0; step < n_points - 300 * i; step++)
        grow (demo, &demo->runs[i], step, 90 * (1 + 0.4 * i));
    }
  kx_mark_layer_set_clock (marks, demo->runs[0].clock);
  kx_mark_layer_add (marks, 800, "1e-3 > 3e-4");
  kx_mark_layer_add (marks, 2600, "momentum 0.9 > 0.95");
  kx_mark_layer_add (marks, 2610, "3e-4 > 1e-4");
  kx_mark_layer_add (marks, 2615, "1e-4 > 2e-4");
  for (int step = 100; step < n_points; step += step < 3200 ? 400 : 100)
    kx_mark_layer_add_checkpoint (marks, step, step == 1300);
  kx_mark_layer_set_selected (marks, selected);
  kx_chart_add_layer (demo->loss, KX_LAYER (marks));
  g_object_unref (marks);
  KxBandLayer *band = kx_band_layer_new (5e-4, 1e-3, 2e-3, "about 1e-3 is healthy");
  kx_chart_add_layer (demo->ratio, KX_LAYER (band));
  g_object_unref (band);
}

static void
on_activate (GtkApplication *application, gpointer data)
{
  Demo *demo = data;
  AdwStyleManager *style = adw_style_manager_get_default ();
  GtkWidget *window = adw_application_window_new (application);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0),
            *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 1);

  if (large)
    g_object_set (gtk_settings_get_default (), "gtk-xft-dpi", 2 * 96 * PANGO_SCALE, NULL);
  if (rtl)
    gtk_widget_set_default_direction (GTK_TEXT_DIR_RTL);
  adw_style_manager_set_color_scheme (style, dark ? ADW_COLOR_SCHEME_FORCE_DARK
                                                  : ADW_COLOR_SCHEME_FORCE_LIGHT);
  demo->random = g_rand_new_with_seed (7);
  demo->view = kx_chart_view_new ();
  demo->loss = KX_CHART (kx_chart_new (demo->view, "Loss"));
  demo->accuracy = KX_CHART (kx_chart_new (demo->view, "Accuracy"));
  demo->ratio = KX_CHART (kx_chart_new (demo->view, "Update / parameter"));
  kx_chart_set_share (demo->accuracy, TRUE);
  kx_chart_set_log_y (demo->ratio, TRUE);
  kx_chart_set_log_y (demo->loss, log_y);
  kx_chart_view_set_log_x (demo->view, log_x);
  kx_chart_view_set_unit (demo->view, (KxUnit) unit);
  fill (demo);
  kx_chart_set_head_extra (demo->loss, kx_chart_controls_new (demo->loss, NULL));
  gtk_box_append (GTK_BOX (row), GTK_WIDGET (demo->accuracy));
  gtk_box_append (GTK_BOX (row), gtk_separator_new (GTK_ORIENTATION_VERTICAL));
  gtk_box_append (GTK_BOX (row), GTK_WIDGET (demo->ratio));
  gtk_widget_set_vexpand (GTK_WIDGET (demo->loss), TRUE);
  gtk_box_append (GTK_BOX (box), gtk_header_bar_new ());
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (demo->loss));
  gtk_box_append (GTK_BOX (box), gtk_separator_new (GTK_ORIENTATION_HORIZONTAL));
  gtk_box_append (GTK_BOX (box), row);
  adw_application_window_set_content (ADW_APPLICATION_WINDOW (window), box);
  gtk_window_set_default_size (GTK_WINDOW (window), 1000, 760);
  gtk_window_set_title (GTK_WINDOW (window), "Charts");
  gtk_window_present (GTK_WINDOW (window));
  if (!still)
    g_timeout_add (50, on_time, demo);
}

int
main (int argc, char *argv[])
{
  g_autoptr (AdwApplication) application
      = adw_application_new ("org.kolinsky.ChartDemo", G_APPLICATION_NON_UNIQUE);
  Demo demo = { 0 };

  g_application_add_main_option_entries (G_APPLICATION (application), options);
  g_signal_connect (application, "activate", G_CALLBACK (on_activate), &demo);
  return g_application_run (G_APPLICATION (application), argc, argv);
}
