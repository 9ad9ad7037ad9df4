/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * How long a chart of a million points takes to draw, 1200 pixels wide. The least of many
 * times is taken, as caches and other programs can only add to it; it has to be within what
 * leaves a frame time for everything else.
 */

#include "chart/line-layer.h"
#include "chart/plot.h"
#include "generate.h"

#include <pango/pangocairo.h>
#include <time.h>

#define WIDTH 1200
#define HEIGHT 500
#define MOST_LINES 6
#define POINTS 1000000
#define MOST_MS 8.0
#define ROUNDS 25

typedef struct {
  GListStore *layers;
  KxSeries *series[MOST_LINES];
  GRand *random;
  double pace;
  KxPlotSettings settings;
  cairo_surface_t *surface;
} Fixture;

static void
fill (Fixture *fixture, KxSeries *series, gsize n)
{
  gsize length = kx_series_get_length (series);
  g_autofree double *x = g_new (double, n);
  g_autofree float *y = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    {
      x[i] = (double) (length + i);
      y[i] = generate_loss (fixture->random, x[i], 2.3, 0.6, fixture->pace, 0.45);
    }
  kx_series_append_many (series, x, y, n);
}

static void
set_up (Fixture *fixture, guint lines, gsize points, double smoothing)
{
  *fixture
      = (Fixture){ .random = g_rand_new_with_seed (1),
                   .layers = g_list_store_new (KX_TYPE_LAYER),
                   .surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, WIDTH, HEIGHT) };
  fixture->pace = (double) points / 10;
  for (guint i = 0; i < lines; i++)
    {
      fixture->series[i] = kx_series_new ();
      fill (fixture, fixture->series[i], points);
      g_autoptr (KxLineLayer) line = kx_line_layer_new (fixture->series[i], "run", i, KX_LINE_THIN);
      g_list_store_append (fixture->layers, line);
    }
  fixture->settings = (KxPlotSettings){
    .layers = G_LIST_MODEL (fixture->layers),
    .x = { .low = 0, .high = (double) points * 1.02, .length = 1 },
    .smoothing = smoothing,
    .theme = kx_theme_get (FALSE, FALSE),
    .pango = pango_font_map_create_context (pango_cairo_font_map_get_default ()),
  };
  g_autoptr (PangoFontDescription) font = pango_font_description_from_string ("Sans 11");
  pango_context_set_font_description (fixture->settings.pango, font);
}

static void
tear_down (Fixture *fixture)
{
  g_object_unref (fixture->settings.pango);
  g_object_unref (fixture->layers);
  g_rand_free (fixture->random);
  cairo_surface_destroy (fixture->surface);
  for (guint i = 0; i < G_N_ELEMENTS (fixture->series); i++)
    g_clear_pointer (&fixture->series[i], kx_series_unref);
}

/* Milliseconds of this thread's work, which other programs cannot add to much. */
static double
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return (double) time.tv_sec * 1e3 + (double) time.tv_nsec / 1e6;
}

static double
draw_once (Fixture *fixture)
{
  double begin = now ();
  cairo_t *cairo = cairo_create (fixture->surface);

  cairo_set_operator (cairo, CAIRO_OPERATOR_CLEAR);
  cairo_paint (cairo);
  cairo_set_operator (cairo, CAIRO_OPERATOR_OVER);
  g_autoptr (KxPlot) plot = kx_plot_new (&fixture->settings, WIDTH, HEIGHT, 1);
  kx_plot_draw (plot, G_LIST_MODEL (fixture->layers), cairo);
  cairo_destroy (cairo);
  cairo_surface_flush (fixture->surface);
  return now () - begin;
}

typedef enum {
  STILL,   /* nothing changed but the picture is wanted again */
  GROWS,   /* five points a line more, within the range */
  FOLLOWS, /* and the range goes with them, so that every column is another */
} Change;

static double
least_ms (Fixture *fixture, Change change)
{
  double least = INFINITY;

  draw_once (fixture);
  for (int round = 0; round < ROUNDS; round++)
    {
      for (guint i = 0; change != STILL && i < MOST_LINES && fixture->series[i]; i++)
        fill (fixture, fixture->series[i], 5);
      if (change == FOLLOWS)
        fixture->settings.x.high *= 1 + 1e-5;
      least = MIN (least, draw_once (fixture));
    }
  return least;
}

static void
measure (guint lines, gsize points, double smoothing, Change change, KxScale y)
{
  static const char *const changes[] = { "still", "grows", "follows" };
  Fixture fixture;

  set_up (&fixture, lines, points, smoothing);
  fixture.settings.y.scale = y;
  double ms = least_ms (&fixture, change);
  g_test_message ("%u x %zu points, smoothing %.2f, %s, %s: %.2f ms", lines, points, smoothing,
                  y == KX_SCALE_LOG ? "logarithmic" : "linear", changes[change], ms);
  g_assert_cmpfloat (ms, <, MOST_MS);
  tear_down (&fixture);
}

static void
test_million (void)
{
  measure (1, POINTS, 0.6, STILL, KX_SCALE_LINEAR);
  measure (1, POINTS, 0.6, GROWS, KX_SCALE_LINEAR);
  measure (1, POINTS, 0.6, FOLLOWS, KX_SCALE_LINEAR);
  measure (1, POINTS, 0.6, FOLLOWS, KX_SCALE_LOG);
  measure (1, POINTS, 0, FOLLOWS, KX_SCALE_LINEAR);
}

/* What a comparison of runs has; all of them grow at once. */
static void
test_six (void)
{
  measure (6, POINTS / 10, 0.6, STILL, KX_SCALE_LINEAR);
  measure (6, POINTS / 10, 0.6, FOLLOWS, KX_SCALE_LINEAR);
}

/* About one point per column, where no band can be drawn, and a few, which are dots. */
static void
test_few (void)
{
  measure (1, 1000, 0.6, FOLLOWS, KX_SCALE_LINEAR);
  measure (1, 310, 0.6, FOLLOWS, KX_SCALE_LINEAR);
  measure (1, 250, 0.6, FOLLOWS, KX_SCALE_LINEAR);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/chart/bench/million", test_million);
  g_test_add_func ("/ui/chart/bench/six", test_six);
  g_test_add_func ("/ui/chart/bench/few", test_few);
  return g_test_run ();
}
