/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What layers draw: properties of the pixels. There is no text, so no font matters. */

#include "chart/band-layer.h"
#include "chart/line-layer.h"
#include "chart/mark-layer.h"

#include <cairo-svg.h>
#include <math.h>

#define WIDTH 300
#define HEIGHT 200

/* A plot that is all box, of x in [0, 300) and y in [0, 1], on a picture without anything. */
typedef struct {
  KxPlot plot;
  cairo_surface_t *surface;
} Picture;

static void
set_y (KxPlot *plot, KxAxis y)
{
  plot->y = y;
  plot->y_scaling = kx_axis_get_scaling (&y);
}

static Picture
new_picture (int scale)
{
  Picture picture = { .plot = { .x = { .high = 300, .length = WIDTH },
                                .box = GRAPHENE_RECT_INIT (0, 0, WIDTH, HEIGHT),
                                .scale = scale,
                                .theme = kx_theme_get (FALSE, FALSE) } };

  picture.plot.x_scaling = kx_axis_get_scaling (&picture.plot.x);
  set_y (&picture.plot, (KxAxis){ .high = 1, .length = HEIGHT });
  picture.surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, WIDTH * scale, HEIGHT * scale);
  cairo_surface_set_device_scale (picture.surface, scale, scale);
  return picture;
}

static void
draw (Picture *picture, gpointer layer)
{
  cairo_t *cairo = cairo_create (picture->surface);

  kx_layer_prepare (layer, &picture->plot);
  kx_layer_draw (layer, &picture->plot, cairo);
  cairo_destroy (cairo);
  cairo_surface_flush (picture->surface);
}

static void
clear (Picture *picture)
{
  cairo_surface_destroy (picture->surface);
}

/* Opacity, 0…255, of a device pixel. */
static int
alpha_at (const Picture *picture, int x, int y)
{
  const guint8 *data = cairo_image_surface_get_data (picture->surface);
  int stride = cairo_image_surface_get_stride (picture->surface);

  return ((const guint32 *) (gconstpointer) (data + (gsize) y * stride))[x] >> 24;
}

/* The rows of a column that are at least so opaque, the first and the last; -1: none. */
static void
get_rows (const Picture *picture, int x, int least, int *first, int *last)
{
  int height = cairo_image_surface_get_height (picture->surface);

  *first = *last = -1;
  for (int y = 0; y < height; y++)
    if (alpha_at (picture, x, y) >= least)
      {
        *first = *first < 0 ? y : *first;
        *last = y;
      }
}

static KxLineLayer *
make_line (gsize n, double step, float (*y) (double x), KxLineKind kind)
{
  g_autoptr (KxSeries) series = kx_series_new ();

  for (gsize i = 0; i < n; i++)
    kx_series_append (series, (double) i * step, y ((double) i * step));
  return kx_line_layer_new (series, "line", 0, kind);
}

static float
half (double x)
{
  return 0.5f;
}

static float
slope (double x)
{
  return (float) (x / 300);
}

/* Up and down between 0.25 and 0.75 at every point. */
static float
zigzag (double x)
{
  return fmod (x * 10, 2) < 1 ? 0.25f : 0.75f;
}

static float
gap (double x)
{
  return x >= 100 && x < 200 ? NAN : 0.5f;
}

static float
below (double x)
{
  return x >= 100 && x < 200 ? -0.5f : 0.5f;
}

/* At every density a level line is where it belongs, and as thick as it should be. */
static void
test_level (void)
{
  for (double step = 30; step >= 0.01; step /= 3)
    for (int scale = 1; scale <= 2; scale++)
      {
        Picture picture = new_picture (scale);
        g_autoptr (KxLineLayer) line
            = make_line ((gsize) (300 / step) + 1, step, half, KX_LINE_THIN);
        double width = picture.plot.theme->line * scale;
        draw (&picture, line);
        for (int x = 12 * scale; x < 288 * scale; x++)
          {
            int first, last;
            get_rows (&picture, x, 100, &first, &last);
            g_assert_cmpint (first, >=, 100 * scale - 6 * scale);
            g_assert_cmpint (last, <=, 100 * scale + 6 * scale);
            g_assert_cmpint (first, <=, 100 * scale);
            if (step < 4) /* no dots */
              g_assert_cmpint (last - first + 1, <=, (int) ceil (width) + 1);
          }
        clear (&picture);
      }
}

/* Of many points per column, the line is in the middle of what a slope passes there. */
static void
test_slope (void)
{
  for (double step = 2; step >= 0.01; step /= 5)
    {
      Picture picture = new_picture (1);
      g_autoptr (KxLineLayer) line
          = make_line ((gsize) (300 / step) + 1, step, slope, KX_LINE_THIN);
      draw (&picture, line);
      for (int x = 5; x < 295; x++)
        {
          int first, last;
          get_rows (&picture, x, 100, &first, &last);
          double middle = HEIGHT - (x + 0.5) / 300 * HEIGHT;
          g_assert_cmpfloat_with_epsilon ((first + last + 1) / 2.0, middle, 1.6);
        }
      clear (&picture);
    }
}

/* The band has the extremes of each column at alpha 0.18, and nothing outside of them. */
static void
test_band (void)
{
  Picture picture = new_picture (1);
  g_autoptr (KxLineLayer) line = make_line (3000, 0.1, zigzag, KX_LINE_THIN);

  picture.plot.smoothing = 0.99;
  draw (&picture, line);
  for (int x = 60; x < 299; x++)
    {
      g_assert_cmpint (alpha_at (&picture, x, 60), ==, 46); /* 0.18 * 255 */
      g_assert_cmpint (alpha_at (&picture, x, 140), ==, 46);
      g_assert_cmpint (alpha_at (&picture, x, 48), ==, 0);
      g_assert_cmpint (alpha_at (&picture, x, 151), ==, 0);
      /* The line, on the edge of two rows. */
      g_assert_cmpint (alpha_at (&picture, x, 99) + alpha_at (&picture, x, 100), >, 300);
    }
  clear (&picture);
}

/* Without smoothing, the line itself passes all extremes. */
static void
test_extremes (void)
{
  Picture picture = new_picture (1);
  g_autoptr (KxLineLayer) line = make_line (3000, 0.1, zigzag, KX_LINE_THIN);

  draw (&picture, line);
  for (int x = 1; x < 299; x++)
    {
      int first, last;
      get_rows (&picture, x, 250, &first, &last);
      g_assert_cmpint (first, >=, 48);
      g_assert_cmpint (first, <=, 51);
      g_assert_cmpint (last, >=, 148);
      g_assert_cmpint (last, <=, 151);
    }
  clear (&picture);
}

/* What is no number, or cannot be on the scale, leaves a gap. */
static void
test_gap (void)
{
  for (int log = FALSE; log <= TRUE; log++)
    for (double step = 5; step >= 0.05; step /= 10)
      {
        Picture picture = new_picture (1);
        g_autoptr (KxLineLayer) line
            = make_line ((gsize) (300 / step), step, log ? below : gap, KX_LINE_THIN);
        if (log)
          set_y (&picture.plot, (KxAxis){ KX_SCALE_LOG, KX_QUANTITY_NUMBER, 0.05, 5, HEIGHT });
        draw (&picture, line);
        for (int x = 0; x < 300; x++)
          {
            int first, last;
            get_rows (&picture, x, 1, &first, &last);
            if (x > 103 && x < 197)
              g_assert_cmpint (first, ==, -1);
            else if (x > 2 && x < 92)
              g_assert_cmpint (first, >=, 94);
          }
        guint nonpositive = 0, nonfinite = 0;
        kx_line_layer_count_hidden (line, &picture.plot.x, KX_UNIT_STEP, &nonpositive, &nonfinite);
        g_assert_cmpuint (log ? nonpositive : nonfinite, ==, (guint) round (100 / step));
        clear (&picture);
      }
}

/* By spans as by cairo's paths, which a vector picture gets. */
static void
test_paths (void)
{
  Picture by_spans = new_picture (1), by_paths = new_picture (1);
  g_autoptr (KxSeries) series = kx_series_new ();
  g_autoptr (GRand) random = g_rand_new_with_seed (5);
  double value = 0.5, difference = 0;

  for (int i = 0; i < 1500; i++)
    kx_series_append (
        series, i * 0.2,
        (float) (value = CLAMP (value + g_rand_double_range (random, -0.004, 0.004), 0.1, 0.9)));
  g_autoptr (KxLineLayer) line = kx_line_layer_new (series, "line", 0, KX_LINE_THIN);
  by_spans.plot.smoothing = by_paths.plot.smoothing = 0.8;
  draw (&by_spans, line);
  cairo_rectangle_t whole = { 0, 0, WIDTH, HEIGHT };
  cairo_surface_t *recording = cairo_recording_surface_create (CAIRO_CONTENT_COLOR_ALPHA, &whole);
  cairo_t *cairo = cairo_create (recording);
  kx_layer_draw (KX_LAYER (line), &by_paths.plot, cairo);
  cairo_destroy (cairo);
  cairo = cairo_create (by_paths.surface);
  cairo_set_source_surface (cairo, recording, 0, 0);
  cairo_paint (cairo);
  cairo_destroy (cairo);
  cairo_surface_destroy (recording);
  cairo_surface_flush (by_paths.surface);
  for (int x = 0; x < WIDTH; x++)
    for (int y = 0; y < HEIGHT; y++)
      difference += abs (alpha_at (&by_spans, x, y) - alpha_at (&by_paths, x, y));
  g_test_message ("mean difference per column: %.0f", difference / WIDTH);
  /* Of a line of 1.5 pixels and its band, less than half a pixel. */
  g_assert_cmpfloat (difference / WIDTH, <, 120);
  clear (&by_spans);
  clear (&by_paths);
}

/* A branch shows its own points; the past is its parent's, also where that is hidden. */
static void
test_branch (void)
{
  g_autoptr (KxSeries) past = kx_series_new (), future = kx_series_new ();

  for (int i = 0; i < 3000; i++)
    kx_series_append (past, i * 0.1, 0.75f);
  for (int i = 1501; i < 3000; i++)
    kx_series_append (future, i * 0.1, 0.25f);
  g_autoptr (KxLineLayer) parent = kx_line_layer_new (past, "run 1", 0, KX_LINE_THIN);
  g_autoptr (KxLineLayer) child = kx_line_layer_new (future, "run 2", 0, KX_LINE_THIN);
  kx_line_layer_set_parent (child, parent, 150);
  for (int hidden = FALSE; hidden <= TRUE; hidden++)
    {
      Picture picture = new_picture (1);
      kx_line_layer_set_visible (parent, !hidden);
      draw (&picture, parent);
      g_assert_cmpint (alpha_at (&picture, 75, 50), >, 150);
      g_assert_true (hidden ? alpha_at (&picture, 225, 50) == 0
                            : alpha_at (&picture, 225, 50) > 150);
      clear (&picture);
      picture = new_picture (1);
      draw (&picture, child);
      g_assert_cmpint (alpha_at (&picture, 75, 50), ==, 0);
      g_assert_cmpint (alpha_at (&picture, 75, 150), ==, 0);
      g_assert_cmpint (alpha_at (&picture, 225, 150), >, 150);
      g_assert_cmpint (alpha_at (&picture, 150, 100), >, 150); /* from the one to the other */
      clear (&picture);
    }
  kx_line_layer_set_visible (child, FALSE);
  Picture picture = new_picture (1);
  draw (&picture, parent);
  g_assert_cmpint (alpha_at (&picture, 75, 50), ==, 0);
  clear (&picture);
}

/* How many rows a line has in a column. */
static int
height_at (KxLineLayer *line, int x)
{
  Picture picture = new_picture (1);
  int first, last;

  draw (&picture, line);
  get_rows (&picture, x, 128, &first, &last);
  clear (&picture);
  return last - first + 1;
}

/* Few points are dots, wider than the line; few beside empty space may still be too close. */
static void
test_dots (void)
{
  g_autoptr (KxLineLayer) apart = make_line (11, 30, half, KX_LINE_THICK);
  g_autoptr (KxLineLayer) close = make_line (56, 3, half, KX_LINE_THICK);
  int without = height_at (apart, 165);

  g_assert_cmpint (height_at (apart, 150), >=, without + 2);
  g_assert_cmpint (height_at (close, 150), ==, without);
}

static void
test_dashes (void)
{
  g_autoptr (KxSeries) series = kx_series_new ();
  Picture picture = new_picture (1);
  int drawn = 0;

  for (int i = 0; i < 3000; i++)
    kx_series_append (series, i * 0.1, 0.5f);
  g_autoptr (KxLineLayer) line = kx_line_layer_new (series, "run 2", 1, KX_LINE_THIN);
  draw (&picture, line);
  for (int x = 0; x < 297; x++)
    drawn += alpha_at (&picture, x, 100) > 128;
  g_assert_cmpint (drawn, ==, 198); /* 6 of 9 */
  clear (&picture);
}

static int
brightness (const Picture *picture, int x, int y)
{
  const guint8 *data = cairo_image_surface_get_data (picture->surface);
  int stride = cairo_image_surface_get_stride (picture->surface);

  return data[y * stride + x * 4 + 2]; /* red */
}

/* What comes after the selected step is dimmed; a mark is a dotted line. */
static void
test_marks (void)
{
  Picture picture = new_picture (1);
  g_autoptr (KxLineLayer) line = make_line (3000, 0.1, half, KX_LINE_THIN);
  g_autoptr (KxMarkLayer) marks = kx_mark_layer_new ();
  cairo_t *cairo = cairo_create (picture.surface);
  double step;
  int lit = 0;

  cairo_set_source_rgb (cairo, 1, 1, 1);
  cairo_paint (cairo);
  cairo_destroy (cairo);
  kx_mark_layer_add (marks, 60, "1e-3 > 3e-4");
  kx_mark_layer_add_checkpoint (marks, 200, FALSE);
  kx_mark_layer_set_selected (marks, 150);
  draw (&picture, line);
  draw (&picture, marks);
  g_assert_cmpint (brightness (&picture, 100, 100), <, 90);
  g_assert_cmpint (brightness (&picture, 250, 100), >, 140);
  for (int y = 0; y < 90; y++)
    lit += brightness (&picture, 60, y) < 200;
  g_assert_cmpint (lit, >, 10);
  g_assert_cmpint (lit, <, 60);
  g_assert_true (kx_mark_layer_find_checkpoint (marks, &picture.plot, 205, HEIGHT - 3, &step));
  g_assert_cmpfloat (step, ==, 200);
  g_assert_false (kx_mark_layer_find_checkpoint (marks, &picture.plot, 250, HEIGHT, &step));
  g_assert_false (kx_mark_layer_find_checkpoint (marks, &picture.plot, 200, 100, &step));
  clear (&picture);
}

/* Changes closer than 12 pixels are one mark, which tells all of them. */
static void
test_merged (void)
{
  Picture picture = new_picture (1);
  g_autoptr (KxMarkLayer) marks = kx_mark_layer_new ();

  picture.plot.pango = pango_font_map_create_context (pango_cairo_font_map_get_default ());
  kx_mark_layer_add (marks, 108, "second");
  kx_mark_layer_add (marks, 100, "first");
  kx_mark_layer_add (marks, 113, "third");
  g_autofree char *both = kx_mark_layer_describe (marks, &picture.plot, 100, 2);
  g_assert_cmpstr (both, ==, "first (step 100)\nsecond (step 108)");
  g_autofree char *third = kx_mark_layer_describe (marks, &picture.plot, 118, 2);
  g_assert_cmpstr (third, ==, "third (step 113)");
  g_autofree char *text = kx_mark_layer_describe (marks, &picture.plot, 130, 2); /* beside it */
  g_assert_cmpstr (text, ==, "third (step 113)");
  g_assert_null (kx_mark_layer_describe (marks, &picture.plot, 200, 2));
  g_assert_true (kx_mark_layer_remove (marks, 108, "second"));
  g_assert_false (kx_mark_layer_remove (marks, 108, "second"));
  g_assert_cmpuint (kx_mark_layer_get_n_marks (marks), ==, 2);
  g_object_unref (picture.plot.pango);
  clear (&picture);
}

static void
test_reference_band (void)
{
  Picture picture = new_picture (1);
  g_autoptr (KxBandLayer) band = kx_band_layer_new (0.25, 0.5, 0.75, NULL);

  draw (&picture, band);
  g_assert_cmpint (alpha_at (&picture, 150, 40), ==, 0);
  g_assert_cmpint (alpha_at (&picture, 150, 60), >, 20);
  g_assert_cmpint (alpha_at (&picture, 150, 140), >, 20);
  g_assert_cmpint (alpha_at (&picture, 150, 160), ==, 0);
  clear (&picture);
}

/* y reaches to the smoothed line and to all but the rarest extremes; @all: to these, too. */
static void
test_fit (void)
{
  Picture picture = new_picture (1);
  g_autoptr (KxSeries) series = kx_series_new ();
  KxFit usual = kx_fit_nothing, all = kx_fit_nothing;

  for (int i = 0; i < 3000; i++)
    kx_series_append (series, i * 0.1, i == 1500 ? 1000 : i % 2 ? 0.25f : 0.75f);
  g_autoptr (KxLineLayer) line = kx_line_layer_new (series, "line", 0, KX_LINE_THIN);
  picture.plot.smoothing = 0.999;
  draw (&picture, line);
  kx_layer_get_fit (KX_LAYER (line), &picture.plot, FALSE, &usual);
  kx_layer_get_fit (KX_LAYER (line), &picture.plot, TRUE, &all);
  g_assert_cmpfloat (usual.low, ==, 0.25);
  g_assert_cmpfloat (usual.high, <, 10);
  g_assert_cmpfloat (usual.high, >=, 0.75);
  g_assert_cmpfloat (all.high, ==, 1000);
  clear (&picture);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/chart/draw/level", test_level);
  g_test_add_func ("/ui/chart/draw/slope", test_slope);
  g_test_add_func ("/ui/chart/draw/band", test_band);
  g_test_add_func ("/ui/chart/draw/extremes", test_extremes);
  g_test_add_func ("/ui/chart/draw/gap", test_gap);
  g_test_add_func ("/ui/chart/draw/paths", test_paths);
  g_test_add_func ("/ui/chart/draw/branch", test_branch);
  g_test_add_func ("/ui/chart/draw/dots", test_dots);
  g_test_add_func ("/ui/chart/draw/dashes", test_dashes);
  g_test_add_func ("/ui/chart/draw/marks", test_marks);
  g_test_add_func ("/ui/chart/draw/merged", test_merged);
  g_test_add_func ("/ui/chart/draw/reference-band", test_reference_band);
  g_test_add_func ("/ui/chart/draw/fit", test_fit);
  return g_test_run ();
}
