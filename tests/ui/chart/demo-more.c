/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A matrix, histograms and a scatter of numbers that are made up, for looking at them.
 *
 *     demo-more [--dark]
 */

#include "chart/histogram.h"
#include "chart/matrix.h"
#include "chart/scatter.h"

#include <adwaita.h>
#include <math.h>

static int dark;

static const GOptionEntry options[]
    = { { "dark", 0, 0, G_OPTION_ARG_NONE, &dark, "on dark ground", NULL }, { NULL } };

static GtkWidget *
make_matrix (GRand *random)
{
  static const char *const digits[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
  GtkWidget *matrix = kx_matrix_new ();
  guint counts[100];

  for (guint i = 0; i < 100; i++)
    counts[i] = i % 11 == 0 ? (guint) g_rand_int_range (random, 880, 1130)
                            : (guint) (pow (g_rand_double (random), 6) * 22);
  kx_matrix_set_counts (KX_MATRIX (matrix), digits, 10, counts);
  return matrix;
}

static GtkWidget *
make_histogram (const char *title, double growth)
{
  GtkWidget *histogram = kx_histogram_new (title);

  for (int step = 0; step <= 2000; step += 20)
    {
      double width = 0.1 * (1 + growth * sqrt (step / 2000.0)), shift = 0.03 * step / 2000;
      float counts[48];
      for (int i = 0; i < 48; i++)
        {
          double x = (i + 0.5) / 48 * 6 - 3;
          counts[i] = (float) (1000 * exp (-0.5 * x * x)
                               + 200 * step / 2000.0 * exp (-8 * (x - 1.5) * (x - 1.5)));
        }
      kx_histogram_add (KX_HISTOGRAM (histogram), step, shift - 3 * width, shift + 3 * width,
                        counts, 48);
    }
  return histogram;
}

static GtkWidget *
make_scatter (GRand *random)
{
  GtkWidget *scatter = kx_scatter_new ("learning rate", "accuracy");

  kx_scatter_set_log_x (KX_SCATTER (scatter), TRUE);
  kx_scatter_set_share (KX_SCATTER (scatter), TRUE);
  for (int i = 0; i < 24; i++)
    {
      double rate = g_rand_double_range (random, -5, -1);
      double away = (rate + 2.8) / 1.2;
      g_autofree char *name = g_strdup_printf ("trial %d", i + 1);
      kx_scatter_add (KX_SCATTER (scatter), pow (10, rate),
                      0.1 + 0.885 * exp (-away * away * away * away * 0.3)
                          - g_rand_double (random) * 0.03,
                      name);
    }
  kx_scatter_set_selected (KX_SCATTER (scatter), 7);
  return scatter;
}

static void
on_activate (GtkApplication *application, gpointer data)
{
  GtkWidget *window = gtk_application_window_new (application), *grid = gtk_grid_new ();
  g_autoptr (GRand) random = g_rand_new_with_seed (3);

  adw_style_manager_set_color_scheme (adw_style_manager_get_default (),
                                      dark ? ADW_COLOR_SCHEME_FORCE_DARK
                                           : ADW_COLOR_SCHEME_FORCE_LIGHT);
  gtk_grid_set_column_homogeneous (GTK_GRID (grid), TRUE);
  gtk_grid_set_row_homogeneous (GTK_GRID (grid), TRUE);
  gtk_grid_set_column_spacing (GTK_GRID (grid), 12);
  gtk_grid_set_row_spacing (GTK_GRID (grid), 12);
  gtk_widget_add_css_class (grid, "view");
  gtk_grid_attach (GTK_GRID (grid), make_matrix (random), 0, 0, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), make_scatter (random), 1, 0, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), make_histogram ("conv1", 1), 0, 1, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), make_histogram ("fc1", -0.5), 1, 1, 1, 1);
  gtk_window_set_child (GTK_WINDOW (window), grid);
  gtk_window_set_default_size (GTK_WINDOW (window), 1000, 700);
  gtk_window_present (GTK_WINDOW (window));
}

int
main (int argc, char *argv[])
{
  g_autoptr (AdwApplication) application
      = adw_application_new ("org.kolinsky.ChartDemoMore", G_APPLICATION_NON_UNIQUE);

  g_application_add_main_option_entries (G_APPLICATION (application), options);
  g_signal_connect (application, "activate", G_CALLBACK (on_activate), NULL);
  return g_application_run (G_APPLICATION (application), argc, argv);
}
