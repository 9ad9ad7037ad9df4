/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Four linked charts, six curves, twenty batches of points a second, in a window of
 * 1280x800: how long the main thread works on a frame, from its beginning until it is
 * handed over, everything included (labels, layout, GTK's own drawing by the processor).
 */

#include "chart/chart.h"
#include "generate.h"

#include <adwaita.h>
#include <time.h>

#define LINES 6
#define POINTS 20000
#define SECONDS 4
#define IDLE_MS 0.5
#define MOST_MS 16.0 /* a frame, at 60 of them a second */

typedef struct {
  KxSeries *series[LINES];
  GRand *random;
  GArray *frames; /* of double */
  double begin;
  GtkWidget *charts[4];
} Bench;

static double
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return (double) time.tv_sec * 1e3 + (double) time.tv_nsec / 1e6;
}

static void
grow (Bench *bench, gsize n)
{
  g_autofree double *x = g_new (double, n);
  g_autofree float *y = g_new (float, n);

  for (int i = 0; i < LINES; i++)
    {
      gsize length = kx_series_get_length (bench->series[i]);
      for (gsize k = 0; k < n; k++)
        {
          x[k] = (double) (length + k);
          y[k] = generate_loss (bench->random, x[k], 2.3, 0.3 + 0.1 * i, 3000, 0.3);
        }
      kx_series_append_many (bench->series[i], x, y, n);
    }
}

static gboolean
on_batch (gpointer data)
{
  grow (data, 5);
  return G_SOURCE_CONTINUE;
}

static void
on_before_paint (GdkFrameClock *clock, gpointer data)
{
  ((Bench *) data)->begin = now ();
}

static void
on_after_paint (GdkFrameClock *clock, gpointer data)
{
  Bench *bench = data;
  double cost = now () - bench->begin;

  /* Frames of nothing but waiting are none. */
  if (cost > IDLE_MS)
    g_array_append_val (bench->frames, cost);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
quantile (GArray *values, double share)
{
  g_array_sort (values, compare);
  return g_array_index (values, double, (guint) (share * (values->len - 1)));
}

static gboolean
on_end (gpointer ended)
{
  *(gboolean *) ended = TRUE;
  return G_SOURCE_REMOVE;
}

static void
run_for (guint seconds)
{
  gboolean ended = FALSE;

  g_timeout_add_seconds (seconds, on_end, &ended);
  while (!ended)
    g_main_context_iteration (NULL, TRUE);
}

static GtkWidget *
build (Bench *bench)
{
  static const char *const titles[] = { "Loss", "Accuracy", "Update", "Gradient" };
  g_autoptr (KxChartView) view = kx_chart_view_new ();
  GtkWidget *window = gtk_window_new (), *grid = gtk_grid_new ();

  for (int i = 0; i < 4; i++)
    {
      GtkWidget *chart = bench->charts[i] = kx_chart_new (view, titles[i]);
      for (int k = 0; k < LINES; k++)
        {
          g_autofree char *name = g_strdup_printf ("run %d", k + 1);
          kx_chart_add_line (KX_CHART (chart), bench->series[k], name, (guint) k, KX_LINE_THIN);
        }
      gtk_grid_attach (GTK_GRID (grid), chart, i % 2, i / 2, 1, 1);
    }
  gtk_window_set_child (GTK_WINDOW (window), grid);
  gtk_window_set_default_size (GTK_WINDOW (window), 1280, 800);
  gtk_window_present (GTK_WINDOW (window));
  return window;
}

static void
test_frames (void)
{
  Bench bench = { .random = g_rand_new_with_seed (1),
                  .frames = g_array_new (FALSE, FALSE, sizeof (double)) };

  for (int i = 0; i < LINES; i++)
    bench.series[i] = kx_series_new ();
  grow (&bench, POINTS);
  GtkWidget *window = build (&bench);
  run_for (1);
  GdkFrameClock *clock = gtk_widget_get_frame_clock (window);
  g_signal_connect (clock, "before-paint", G_CALLBACK (on_before_paint), &bench);
  g_signal_connect (clock, "after-paint", G_CALLBACK (on_after_paint), &bench);
  guint source = g_timeout_add (50, on_batch, &bench);
  run_for (SECONDS);
  g_source_remove (source);
  g_signal_handlers_disconnect_by_data (clock, &bench);
  g_test_message ("%u frames: median %.2f ms, 95 %% within %.2f ms, worst %.2f ms",
                  bench.frames->len, quantile (bench.frames, 0.5), quantile (bench.frames, 0.95),
                  quantile (bench.frames, 1));
  g_assert_cmpuint (bench.frames->len, >, SECONDS * 2);
  g_assert_cmpfloat (quantile (bench.frames, 0.5), <, MOST_MS);
  gtk_window_destroy (GTK_WINDOW (window));
  run_for (1);
  g_array_unref (bench.frames);
  g_rand_free (bench.random);
  for (int i = 0; i < LINES; i++)
    kx_series_unref (bench.series[i]);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  adw_init ();
  g_test_add_func ("/ui/chart/bench/frames", test_frames);
  return g_test_run ();
}
