/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures that excite units: the start and its transform against formulas, the motions, the
 * opened rectifiers, and whole runs with a small network.
 */

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "dataset/png.h"
#include "graph/graph-private.h"
#include "model/onnx-write.h"
#include "nn/initializers.h"
#include "ops.h"
#include "random-private.h"
#include "studies/canvas-private.h"
#include "studies/excite.h"
#include "studies/maximize.h"
#include "studies/redirect-private.h"
#include "studies/robust-private.h"

#define SIDE 16
#define BATCH 2
#define DEAD 3 /* a unit of the small network that is silent always */

static KolDevice *device;
static char *folder; /* of files, for these tests */
static char *network;

/* ── The canvas ── */

/* t of a canvas that holds @spectrum, or the numbers that a picture begins with. */
static float *
compute_t (const KolCanvasForm *form, const float *spectrum)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  gsize each = kol_canvas_count (form);
  g_autofree float *start = g_new (float, (gsize) form->n *each);
  KolCanvas canvas;

  kol_canvas_build (&canvas, graph, form);
  for (gint64 i = 0; i < form->n && !spectrum; i++)
    {
      g_autofree char *stream = g_strdup_printf ("picture %d", (int) i);
      kol_canvas_fill (form, kol_random_key (1, stream), start + (gsize) i * each);
    }
  kol_parameter_write (canvas.parameter->node->parameter, spectrum ? spectrum : start, &error);
  g_assert_no_error (error);
  float *t = g_new (float, (gsize) kol_count (canvas.t));
  kol_run (graph, canvas.t, &error);
  g_assert_no_error (error);
  kol_read (canvas.t, t, &error);
  g_assert_no_error (error);
  return t;
}

/* Analytic: the root of the sum of all frequencies' variances. */
static void
test_rms (void)
{
  const struct {
    gint64 side;
    double rms;
  } cases[] = { { 28, 0.0153 }, { 128, 0.0188 }, { 224, 0.0199 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const KolCanvasForm form
          = { .n = 24, .channels = 3, .height = cases[i].side, .width = cases[i].side };
      g_autofree float *t = compute_t (&form, NULL);
      gsize n = 24 * 3 * (gsize) (cases[i].side * cases[i].side);
      double sum = 0;

      for (gsize k = 0; k < n; k++)
        sum += (double) t[k] * t[k];
      g_test_message ("%d: %g", (int) cases[i].side, sqrt (sum / (double) n));
      g_assert_true (fabs (sqrt (sum / (double) n) / cases[i].rms - 1) < 0.04);
    }
}

/* The inverse transform of a whole spectrum, term by term; its other half is the conjugate. */
static double
transform_slowly (const float *s, gint64 h, gint64 w, gint64 m, gint64 n)
{
  gint64 columns = (w + 1) / 2 + 1, whole = 2 * (columns - 1);
  double sum = 0;

  for (gint64 k = 0; k < h; k++)
    for (gint64 l = 0; l < columns; l++)
      {
        gint64 down = MIN (k, h - k), across = MIN (l, w - l);
        double f = fmax (hypot ((double) down / (double) h, (double) across / (double) w),
                         1.0 / (double) MAX (h, w));
        double angle
            = 2 * G_PI * ((double) (k * m) / (double) h + (double) (l * n) / (double) whole);
        double real = s[k * columns + l], imaginary = s[(h + k) * columns + l];
        double term = (real * cos (angle) - imaginary * sin (angle)) / f;

        /* Of a column that is its own conjugate, the imaginary part after the other axis is
         * left out: cos of the column's own angle is 1 or -1, so the real part is all. */
        sum += l == 0 || l == columns - 1 ? term : 2 * term;
      }
  return sum * sqrt ((double) (h * w)) / (double) (h * whole) / 4;
}

static void
test_transform (void)
{
  const gint64 sides[][2]
      = { { 1, 1 }, { 1, 4 }, { 5, 1 }, { 6, 8 }, { 5, 6 }, { 6, 5 }, { 7, 9 } };

  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    {
      gint64 h = sides[i][0], w = sides[i][1];
      const KolCanvasForm form = { .n = 1, .channels = 1, .height = h, .width = w };
      gsize n = kol_canvas_count (&form);
      g_autofree float *s = g_new (float, n);

      for (gsize k = 0; k < n; k++)
        s[k] = (float) sin (1.7 * (double) k * (double) k + 0.3);
      g_autofree float *t = compute_t (&form, s);
      for (gint64 k = 0; k < h * w; k++)
        {
          double expected = transform_slowly (s, h, w, k / w, k % w);
          g_assert_true (fabs (t[k] - expected) < 1e-5 * (1 + fabs (expected)));
        }
    }
}

/* A canvas upon a photo is the photo. */
static void
test_photo (void)
{
  const KolCanvasForm form
      = { .n = 1, .channels = 3, .height = 5, .width = 4, .colour = TRUE, .photo = TRUE };
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  float pixels[60], inverted[60], again[60];
  g_autofree float *start = g_new (float, kol_canvas_count (&form));
  KolCanvas canvas;

  for (guint i = 0; i < 60; i++)
    pixels[i] = (float) (0.02 + 0.016 * i);
  kol_canvas_build (&canvas, graph, &form);
  kol_canvas_fill (&form, 7, start);
  kol_canvas_invert (pixels, 60, inverted);
  kol_parameter_write (canvas.parameter->node->parameter, start, &error);
  kol_set (canvas.photo, inverted);
  kol_run (graph, canvas.pixels, &error);
  g_assert_no_error (error);
  kol_read (canvas.pixels, again, &error);
  for (guint i = 0; i < 60; i++)
    g_assert_true (fabsf (again[i] - pixels[i]) < 1e-5f);
}

/* The sum of pixels, each times its weight, and how it changes with the spectrum. */
static double
weigh_pixels (const KolCanvasForm *form, const float *spectrum, const float *logits,
              const float *weights, float *pixels, float *gradient)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  gint64 n = form->channels * form->height * form->width;
  KolCanvas canvas;
  KolValue *by;
  float sum;

  kol_canvas_build (&canvas, graph, form);
  KolValue *loss = kol_sum (
      kol_multiply (canvas.pixels, kol_constant_tensor (graph, canvas.pixels->shape, weights)),
      NULL);
  kol_gradients (loss, &canvas.parameter, 1, &by);
  kol_parameter_write (canvas.parameter->node->parameter, spectrum, &error);
  kol_set (canvas.photo, logits);
  KolValue *all[] = { canvas.pixels, loss, by };
  g_assert_true (kol_run_all (graph, all, 3, &error));
  kol_read (canvas.pixels, pixels, &error);
  kol_read (by, gradient, &error);
  kol_read (loss, &sum, &error);
  g_assert_no_error (error);
  g_assert_cmpint (kol_count (canvas.pixels), ==, form->n * n);
  return sum;
}

/* Each picture has the mean that is wanted, near and far from it, and its gradient is that of
 * pictures of that mean: differences of what is weighed say the same. */
static void
test_level (void)
{
  const float strengths[] = { 0, 3, 60 };

  for (guint i = 0; i < 3; i++)
    {
      const KolCanvasForm form = {
        .n = 2, .channels = 1, .height = 9, .width = 8, .photo = TRUE, .level = i == 2 ? 0.7 : 0.13
      };
      gsize each = kol_canvas_count (&form), count = 2 * each;
      g_autofree float *spectrum = g_new (float, count), *gradient = g_new (float, count);
      g_autofree float *other = g_new (float, count);
      float logits[72], weights[144], pixels[144];

      for (gsize k = 0; k < count; k++)
        spectrum[k] = strengths[i] * (k < each ? 1 : 0.3f) * (float) sin (1.7 * (double) (k * k));
      for (guint k = 0; k < 144; k++)
        weights[k] = (float) cos (2.3 * k * k);
      for (guint k = 0; k < 72; k++)
        logits[k] = k % 9 < 3 ? -5.5f : 1 - 0.1f * (float) (k % 7);
      weigh_pixels (&form, spectrum, logits, weights, pixels, gradient);
      for (guint k = 0; k < 2; k++)
        {
          double sum = 0;
          for (guint p = 0; p < 72; p++)
            sum += pixels[72 * k + p];
          g_test_message ("strength %g: mean %g", strengths[i], sum / 72);
          g_assert_true (fabs (sum / 72 - form.level) < 2e-3 * form.level);
        }
      if (i == 2)
        continue; /* black and white: nothing changes by little */
      for (gsize k = 1; k < count; k += 13)
        {
          float step = 1e-2f, kept = spectrum[k], p[144];

          spectrum[k] = kept + step;
          double more = weigh_pixels (&form, spectrum, logits, weights, p, other);
          spectrum[k] = kept - step;
          double less = weigh_pixels (&form, spectrum, logits, weights, p, other);
          spectrum[k] = kept;
          g_assert_true (fabs ((more - less) / (2 * step) - gradient[k])
                         < 2e-3 + 1e-2 * fabs (gradient[k]));
        }
    }
}

/* ── Motions ── */

static void
test_motions (void)
{
  const KolRobustness none = { 0 }, usual = kol_robustness_for (224, 112);
  const float identity[6] = { 1, 0, 0, 0, 1, 0 };
  float map[6], again[6];
  double most = 0, least = 2;

  kol_robust_map (&none, 1, 5, 224, 112, map);
  for (guint i = 0; i < 6; i++)
    g_assert_cmpfloat (map[i], ==, identity[i]);
  for (guint step = 0; step < 2000; step++)
    {
      kol_robust_map (&usual, 1, step, 224, 112, map);
      /* Pixels are square, however long the sides are. */
      double scale = hypot (map[0], map[3] * 224 / 112.0);
      g_assert_true (fabs (map[1] * 112 + map[3] * 224 * 224 / 112.0) < 1e-3);
      g_assert_true (fabs (map[0] - map[4]) < 1e-6);
      most = fmax (most, scale);
      least = fmin (least, scale);
      g_assert_true (fabs (map[2]) * 56 <= 4 + 1.6 * 2 / 0.9 + 1e-3);
      g_assert_true (fabs (map[5]) * 112 <= 4 + 1.6 * 2 / 0.9 + 1e-3);
    }
  g_assert_true (fabs (most - 1 / 0.9) < 1e-3 && fabs (least - 1 / 1.1) < 1e-3);
  kol_robust_map (&usual, 1, 77, 224, 112, map);
  kol_robust_map (&usual, 1, 77, 224, 112, again);
  g_assert_cmpmem (map, sizeof map, again, sizeof again);
  kol_robust_map (&usual, 2, 77, 224, 112, again);
  g_assert_true (memcmp (map, again, sizeof map) != 0);
}

/* ── Rectifiers ── */

/* dx of two examples: all of the first is shut, and one element of the second is open. */
static void
compute_gradient (gboolean redirected, float dx[6])
{
  const float x[6] = { -1, -2, -3, -1, 2, -3 }, w[3] = { 1, -1, 2 };
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *in = kol_placeholder (graph, "x", KOL_SHAPE (2, 3));
  KolValue *weights = kol_placeholder (graph, "w", KOL_SHAPE (3)), *gradient;

  KolValue *loss = kol_negate (kol_sum (kol_multiply (kol_relu (in), weights), NULL));
  kol_redirect_rectifiers (graph, redirected);
  kol_gradients (loss, &in, 1, &gradient);
  kol_set (in, x);
  kol_set (weights, w);
  kol_run (graph, gradient, &error);
  g_assert_no_error (error);
  kol_read (gradient, dx, &error);
}

static void
test_redirected (void)
{
  const float usual[6] = { 0, 0, 0, 0, 1, 0 };
  /* Of the first, those whose opening makes the loss smaller. */
  const float opened[6] = { -1, 0, -2, 0, 1, 0 };
  float dx[6];

  compute_gradient (FALSE, dx);
  for (guint i = 0; i < 6; i++)
    g_assert_cmpfloat (dx[i], ==, usual[i]);
  compute_gradient (TRUE, dx);
  for (guint i = 0; i < 6; i++)
    g_assert_cmpfloat (dx[i], ==, opened[i]);
}

/* ── Whole runs ── */

/*
 * Two convolutions, each with a rectifier, and the mean. Unit 0 of "first" is red, 1 green, 2 blue;
 * unit DEAD of "second" sees nothing and stays below 0.
 */
static void
write_network (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (BATCH, 3, SIDE, SIDE));
  KolValue *w1 = kol_parameter (graph, "w1", KOL_SHAPE (6, 3, 3, 3), KOL_HE);
  KolValue *b1 = kol_parameter (graph, "b1", KOL_SHAPE (6), KOL_CONSTANT (0));
  KolValue *w2 = kol_parameter (graph, "w2", KOL_SHAPE (5, 6, 3, 3), KOL_HE);
  KolValue *b2 = kol_parameter (graph, "b2", KOL_SHAPE (5), KOL_CONSTANT (-0.01));
  float first[6 * 27], second[5 * 54];

  KolValue *a = kol_named (kol_conv2d (x, w1, b1, &(KolConv2d){ .pad = 1 }), "first");
  KolValue *y = kol_max_pool (kol_named (kol_relu (a), "first_relu"), &(KolPool){ .size = 2 });
  y = kol_named (kol_conv2d (y, w2, b2, &(KolConv2d){ .pad = 1 }), "second");
  y = kol_named (kol_relu (y), "second_relu");
  y = kol_named (kol_mean_over (y, &(KolReduce){ 2, { 2, 3 } }), "scores");
  kol_parameter_read (w1->node->parameter, first, &error);
  for (guint unit = 0; unit < 3; unit++)
    for (guint i = 0; i < 27; i++)
      first[unit * 27 + i] = i / 9 == unit ? 0.5f : -0.25f;
  kol_parameter_write (w1->node->parameter, first, &error);
  kol_parameter_read (w2->node->parameter, second, &error);
  memset (second + DEAD * 54, 0, 54 * sizeof (float));
  kol_parameter_write (w2->node->parameter, second, &error);
  g_assert_no_error (error);
  network = g_build_filename (folder, "small.onnx", NULL);
  kol_onnx_save (network, &y, 1, &error);
  g_assert_no_error (error);
}

static KolLayers *
open_network (void)
{
  g_autoptr (GError) error = NULL;
  KolLayers *layers = kol_layers_open (device, network, 0, &error);

  g_assert_no_error (error);
  return layers;
}

static GPtrArray *
make (KolLayers *layers, const KolMaximizeOptions *options, const guint *units, guint n,
      const KolStudyWatch *watch)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolMaximizer) maximizer = kol_maximizer_new (layers, options, &error);
  g_assert_no_error (error);
  GPtrArray *made = kol_maximizer_run (maximizer, units, n, watch, &error);
  g_assert_no_error (error);
  return made;
}

static const KolMaximized *
result (GPtrArray *made, guint i)
{
  return g_ptr_array_index (made, i);
}

/*
 * How a node is computed is measured, so that another graph may round otherwise; and Adam makes
 * steps as long of gradients that are nothing but rounding.
 */
static void
expect_alike (const KolMaximized *a, const KolMaximized *b)
{
  const float *p = kol_snapshot_get_pixels (a->picture), *q = kol_snapshot_get_pixels (b->picture);
  double difference = 0;

  for (gsize k = 0; k < 3 * SIDE * SIDE; k++)
    difference += fabs (p[k] - q[k]) / (3 * SIDE * SIDE);
  g_test_message ("differ by %g, %g and %g", difference, a->activation, b->activation);
  g_assert_true (difference < 0.02);
  g_assert_true (fabs (a->activation / b->activation - 1) < 0.01);
}

/* A unit that sees red makes a red picture, and it says more than at first. */
static void
test_raises (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  const guint units[] = { 0, 2 };
  KolMaximizeOptions options = { .layer = "first", .pictures = BATCH, .steps = 1, .seed = 3 };
  g_autoptr (GPtrArray) few = make (layers, &options, units, 2, NULL);

  options.steps = 60;
  g_autoptr (GPtrArray) made = make (layers, &options, units, 2, NULL);
  g_autoptr (GPtrArray) again = make (layers, &options, units, 2, NULL);
  for (guint i = 0; i < 2; i++)
    {
      const KolMaximized *r = result (made, i);
      const float *pixels = kol_snapshot_get_pixels (r->picture);
      double mean[3] = { 0 };

      g_assert_cmpuint (r->unit, ==, units[i]);
      g_assert_false (r->dead);
      g_assert_cmpuint (r->steps, ==, 60);
      g_assert_true (r->activation > result (few, i)->activation + 0.2);
      for (gsize k = 0; k < 3 * SIDE * SIDE; k++)
        mean[k / (SIDE * SIDE)] += pixels[k] / (SIDE * SIDE);
      g_test_message ("%u: %g %g %g", units[i], mean[0], mean[1], mean[2]);
      for (guint c = 0; c < 3; c++)
        g_assert_true (c == units[i] || mean[c] < mean[units[i]] - 0.1);
      expect_alike (r, result (again, i));
    }
}

/* Whoever else is made at the same time, a unit's picture is its own. */
static void
test_alone (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  const guint units[] = { 1, 0 };
  const KolMaximizeOptions options
      = { .layer = "second", .pictures = BATCH, .steps = 20, .seed = 3 };
  g_autoptr (GPtrArray) both = make (layers, &options, units, 2, NULL);
  g_autoptr (GPtrArray) one = make (layers, &options, units + 1, 1, NULL);

  g_assert_cmpuint (one->len, ==, 1);
  expect_alike (result (both, 1), result (one, 0));
}

static void
test_dead (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  const guint units[] = { DEAD, 0 };
  g_autoptr (GPtrArray) made
      = make (layers, &(KolMaximizeOptions){ .layer = "scores", .pictures = BATCH, .steps = 20 },
              units, 2, NULL);

  g_assert_true (result (made, 0)->dead);
  g_assert_false (result (made, 1)->dead);
  g_assert_true (result (made, 1)->activation > 0);
  g_assert_true (result (made, 1)->probability > 0 && result (made, 1)->probability < 1);
}

static void
cancel_later (const KolStudyProgress *progress, gpointer user_data)
{
  g_assert_cmpuint (progress->n_snapshots, ==, 1);
  if (progress->step >= 6)
    g_cancellable_cancel (user_data);
}

/* A study that is ended gives what there is; snapshots come as often as asked for. */
static void
test_cancelled (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  const guint unit = 0;
  const KolStudyWatch watch
      = { .told = cancel_later, .user_data = cancellable, .every = 3, .cancellable = cancellable };
  g_autoptr (GPtrArray) made
      = make (layers, &(KolMaximizeOptions){ .pictures = BATCH, .steps = 5000 }, &unit, 1, &watch);

  g_assert_cmpuint (made->len, ==, 1);
  g_assert_cmpuint (result (made, 0)->steps, >=, 6);
  g_assert_cmpuint (result (made, 0)->steps, <, 20);
}

/* What is told is what the device has given in the end, with what all looks need. Before it has
 * been measured how nodes are best computed here, that is a guess, so it is asked again. */
static void
test_memory (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  const guint units[] = { 1, 0 };
  const KolMaximizeOptions options
      = { .layer = "second", .pictures = BATCH, .steps = 3, .height = 200, .width = 260 };
  g_autoptr (GError) error = NULL;
  guint64 before = kol_device_get_memory_used (device), told;
  g_autoptr (KolMaximizer) maximizer = kol_maximizer_new (layers, &options, &error);
  gboolean more = TRUE;

  g_assert_no_error (error);
  kol_maximizer_peak_bytes (maximizer, &told, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (kol_device_get_memory_used (device) - before, <, told / 20);
  kol_maximizer_begin (maximizer, units, 2, NULL, &error);
  while (more && !error)
    kol_maximizer_advance (maximizer, 1, &more, &error);
  g_autoptr (GPtrArray) made = kol_maximizer_look (maximizer, &error);
  g_assert_no_error (error);
  double used = (double) (kol_device_get_memory_used (device) - before);
  kol_maximizer_peak_bytes (maximizer, &told, &error);
  g_assert_no_error (error);
  g_test_message ("told %.1f MB, used %.1f MB", 1e-6 * (double) told, 1e-6 * used);
  g_assert_true (fabs (used / (double) told - 1) < 0.05);
  g_assert_cmpuint (kol_maximizer_get_host_bytes (maximizer), >=, 4 * BATCH * 3 * 200 * 260 * 4);
}

/* Whether pictures are made in that much memory, or it is said beforehand what would fit. A unit
 * that is silent at first takes more. */
static gboolean
paints_in (guint64 budget)
{
  g_autoptr (KolLayers) layers = open_network ();
  const guint units[] = { 1, 0 };
  const KolMaximizeOptions options
      = { .layer = "second", .pictures = BATCH, .steps = 3, .height = 200, .width = 260 };
  g_autoptr (GError) error = NULL;

  kol_device_set_budget (device, budget);
  g_autoptr (KolMaximizer) maximizer = kol_maximizer_new (layers, &options, &error);
  if (!maximizer)
    {
      g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
      g_assert_nonnull (strstr (error->message, "pixels for the longer side would fit"));
      return FALSE;
    }
  g_autoptr (GPtrArray) made = kol_maximizer_run (maximizer, units, 2, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (made->len, ==, 2);
  return TRUE;
}

static void
test_scarce_memory (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  const KolMaximizeOptions options
      = { .layer = "second", .pictures = BATCH, .height = 200, .width = 260 };
  g_autoptr (GError) error = NULL;
  guint64 before = kol_device_get_memory_used (device), budget = kol_device_get_budget (device);
  guint64 usual;
  guint painted = 0, shares = 0;
  g_autoptr (KolMaximizer) maximizer = kol_maximizer_new (layers, &options, &error);

  g_assert_no_error (error);
  kol_maximizer_peak_bytes (maximizer, &usual, &error);
  g_assert_no_error (error);
  for (guint share = 160; share >= 40; share -= 15, shares++)
    painted += paints_in (before + usual * share / 100);
  kol_device_set_budget (device, budget);
  g_test_message ("painted with %u of %u budgets", painted, shares);
  g_assert_cmpuint (painted, >, 1);
  g_assert_cmpuint (painted, <, shares);
}

/* One step a call makes what a run makes; it may be looked at, cancelled and taken on. */
static void
test_quanta (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  const guint units[] = { 1, 0 };
  const KolMaximizeOptions options
      = { .layer = "second", .pictures = BATCH, .steps = 20, .seed = 3 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  const KolStudyWatch watch = { .cancellable = cancellable };
  g_autoptr (GPtrArray) whole = make (layers, &options, units, 2, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolMaximizer) maximizer = kol_maximizer_new (layers, &options, &error);
  double seconds;
  gboolean more = TRUE;

  g_assert_no_error (error);
  kol_maximizer_estimate (maximizer, &seconds, &error);
  g_assert_no_error (error);
  g_assert_true (seconds > 0);
  kol_maximizer_begin (maximizer, units, 2, &watch, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 5; i++)
    g_assert_true (kol_maximizer_advance (maximizer, 0, &more, &error) && more);
  g_autoptr (GPtrArray) some = kol_maximizer_look (maximizer, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (result (some, 0)->steps, ==, 5);
  g_cancellable_cancel (cancellable);
  g_assert_true (kol_maximizer_advance (maximizer, 0, &more, &error) && !more);
  g_cancellable_reset (cancellable);
  for (more = TRUE; more;)
    g_assert_true (kol_maximizer_advance (maximizer, 0.01, &more, &error));
  g_autoptr (GPtrArray) made = kol_maximizer_look (maximizer, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++)
    expect_alike (result (whole, i), result (made, i));
}

/* With a price on it the pictures get smoother, and they go on from what they were. */
static void
test_change (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  const guint units[] = { 1, 0 };
  KolMaximizeOptions options = { .layer = "first", .pictures = BATCH, .steps = 60, .seed = 3 };
  g_autoptr (GError) error = NULL;
  g_autoptr (KolMaximizer) maximizer = kol_maximizer_new (layers, &options, &error);
  gboolean more = TRUE;

  g_assert_no_error (error);
  kol_maximizer_begin (maximizer, units, 2, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 20; i++)
    kol_maximizer_advance (maximizer, 0, &more, &error);
  g_autoptr (GPtrArray) before = kol_maximizer_look (maximizer, &error);
  options.rate = 0.1;
  options.l1 = 1;
  kol_maximizer_change (maximizer, &options, &error);
  g_assert_no_error (error);
  g_autoptr (GPtrArray) same = kol_maximizer_look (maximizer, &error);
  g_assert_no_error (error);
  expect_alike (result (before, 0), result (same, 0));
  for (more = TRUE; more;)
    g_assert_true (kol_maximizer_advance (maximizer, 0, &more, &error));
  g_autoptr (GPtrArray) greyer = kol_maximizer_look (maximizer, &error);
  double apart[2] = { 0 };
  for (guint i = 0; i < 2; i++)
    {
      const GPtrArray *made = i ? greyer : before;
      const float *p = kol_snapshot_get_pixels (result ((GPtrArray *) made, 0)->picture);
      for (gsize k = 0; k < 3 * SIDE * SIDE; k++)
        apart[i] += fabs (p[k] - 0.5);
    }
  g_test_message ("from grey: %g, then %g", apart[0], apart[1]);
  g_assert_true (apart[1] < 0.5 * apart[0]);
}

/* All goals and options give numbers. */
static void
test_goals (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  g_autofree guint8 *bytes = g_malloc (3 * 40 * 30);
  const float direction[] = { 1, -1, 0.5f, 0, 0, 0 };
  const guint unit = 1;
  KolPicture photo = { 3, 30, 40, bytes };

  for (guint i = 0; i < 3 * 40 * 30; i++)
    bytes[i] = (guint8) (i * 7 + i / 40 * 3);
  const KolMaximizeOptions cases[] = {
    { .goal = KOL_MAXIMIZE_NEURON },
    { .goal = KOL_MAXIMIZE_DIRECTION, .direction = direction, .n_direction = 6 },
    { .goal = KOL_MAXIMIZE_DIRECTION, .direction = direction, .n_direction = 6, .power = 1 },
    { .goal = KOL_MAXIMIZE_DREAM, .photo = &photo },
    { .goal = KOL_MAXIMIZE_CARICATURE, .photo = &photo, .power = 2 },
    { .diverse = TRUE },
    { .still = TRUE, .plain = TRUE, .mixed = TRUE },
    { .l1 = 0.05, .tv = 0.25, .blur = 1 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      KolMaximizeOptions options = cases[i];

      options.layer = "first";
      options.pictures = BATCH;
      options.steps = 1;
      g_autoptr (GPtrArray) few = make (layers, &options, &unit, 1, NULL);
      options.steps = 30;
      g_autoptr (GPtrArray) made = make (layers, &options, &unit, 1, NULL);
      g_assert_cmpuint (made->len, ==, options.diverse || options.photo ? BATCH : 1);
      g_test_message ("case %u: %g, then %g", i, result (few, 0)->activation,
                      result (made, 0)->activation);
      g_assert_true (result (made, 0)->activation > result (few, 0)->activation);
    }
}

static void
expect_refusal (KolLayers *layers, const KolMaximizeOptions *options, const char *words)
{
  g_autoptr (GError) error = NULL;
  KolMaximizer *maximizer = kol_maximizer_new (layers, options, &error);

  g_assert_null (maximizer);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, words));
}

static void
test_refusals (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  g_autoptr (GError) error = NULL;
  const guint wrong = 6;

  expect_refusal (layers, &(KolMaximizeOptions){ .layer = "secand", .pictures = BATCH },
                  "did you mean second");
  expect_refusal (layers, &(KolMaximizeOptions){ .pictures = BATCH, .height = 1, .width = 1 },
                  "1 x 1 pixels");
  expect_refusal (layers, &(KolMaximizeOptions){ .pictures = BATCH, .goal = KOL_MAXIMIZE_DREAM },
                  "photo");
  expect_refusal (
      layers,
      &(KolMaximizeOptions){
          .layer = "first", .pictures = BATCH, .goal = KOL_MAXIMIZE_DIRECTION, .n_direction = 0 },
      "6 units");
  g_autoptr (KolMaximizer) maximizer = kol_maximizer_new (
      layers, &(KolMaximizeOptions){ .layer = "first", .pictures = BATCH }, &error);
  g_assert_no_error (error);
  g_assert_null (kol_maximizer_run (maximizer, &wrong, 1, NULL, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "0 to 5"));
}

/* ── Photos ── */

/* Grey, with a square of a colour. */
static char *
write_photo (const char *name, guint channel, gsize left, gsize top)
{
  g_autofree guint8 *rows = g_malloc (3 * SIDE * SIDE);
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, name, NULL);

  memset (rows, 60, 3 * SIDE * SIDE);
  for (gsize y = top; y < top + 4; y++)
    for (gsize x = left; x < left + 4; x++)
      rows[3 * (y * SIDE + x) + channel] = 255;
  g_autoptr (GBytes) png = kol_png_encode (rows, SIDE, SIDE, 3, NULL, &error);
  g_assert_no_error (error);
  g_file_set_contents (path, g_bytes_get_data (png, NULL), (gssize) g_bytes_get_size (png), &error);
  g_assert_no_error (error);
  return path;
}

/* The square is found where it is, and the red unit prefers the red one. */
static void
test_photos (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  g_autoptr (GError) error = NULL;
  char *photos[] = { write_photo ("a.png", 1, 2, 2), write_photo ("b.png", 0, 10, 3),
                     write_photo ("c.png", 2, 5, 9) };
  const guint units[] = { 0, 2 };
  KolExciteOptions options = { .layer = "first",
                               .units = units,
                               .n_units = 2,
                               .photos = photos,
                               .n_photos = 3,
                               .parts = 2,
                               .height = SIDE,
                               .width = SIDE };

  g_autoptr (GPtrArray) found = kol_excite (layers, &options, NULL, &error);
  g_assert_no_error (error);
  const KolExcitement *red = found->pdata[0], *blue = found->pdata[1];
  g_assert_cmpuint (red->photo, ==, 1);
  g_assert_cmpuint (blue->photo, ==, 2);
  g_assert_cmpuint (red->n_parts, ==, 2);
  g_assert_cmpuint (red->parts[0].photo, ==, 1);
  g_assert_true (red->parts[0].value > red->parts[1].value);
  /* One convolution of 3 x 3 sees 3 x 3 pixels; the first of the best is the square's corner. */
  g_assert_cmpuint (red->parts[0].box.width, ==, 3);
  g_assert_cmpuint (red->parts[0].box.height, ==, 3);
  g_assert_true (red->parts[0].box.left >= 10 && red->parts[0].box.left <= 11);
  g_assert_true (red->parts[0].box.top >= 3 && red->parts[0].box.top <= 4);
  g_autoptr (KolSnapshot) part = kol_excite_cut (layers, &options, &red->parts[0], &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 9; i++)
    g_assert_cmpfloat (kol_snapshot_get_pixels (part)[i], ==, 1);
  options.layer = "second_relu"; /* 3 + 1 + 2 * 2 */
  g_autoptr (GPtrArray) later = kol_excite (layers, &options, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (((KolExcitement *) later->pdata[0])->parts[0].box.width, ==, 8);
  for (guint i = 0; i < 3; i++)
    g_free (photos[i]);

  char *none[] = { network };
  options.photos = none;
  options.n_photos = 1;
  g_assert_null (kol_excite (layers, &options, NULL, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
}

static void
count_events (const KolStudyProgress *progress, gpointer user_data)
{
  if (!progress->event)
    return;
  g_test_message ("%s", progress->event);
  g_assert_nonnull (strstr (progress->event, "half the rate"));
  ++*(guint *) user_data;
}

/* A rate at which spectra overflow is halved until they do not, in pictures whose numbers are
 * there. */
static void
test_overflow (void)
{
  g_autoptr (KolLayers) layers = open_network ();
  const guint units[] = { 0, 2 };
  guint events = 0;
  const KolStudyWatch watch = { .told = count_events, .user_data = &events };
  const KolMaximizeOptions options
      = { .layer = "first", .pictures = BATCH, .steps = 40, .seed = 3, .rate = 1e37 };
  g_autoptr (GPtrArray) made = make (layers, &options, units, 2, &watch);

  g_assert_cmpuint (events, >, 0);
  for (guint i = 0; i < 2; i++)
    {
      const float *pixels = kol_snapshot_get_pixels (result (made, i)->picture);

      g_assert_cmpuint (result (made, i)->steps, ==, 40);
      g_assert_true (isfinite (result (made, i)->activation));
      for (gsize k = 0; k < 3 * SIDE * SIDE; k++)
        g_assert_true (pixels[k] >= 0 && pixels[k] <= 1);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  folder = g_dir_make_tmp ("kolinsky-maximize-XXXXXX", &error);
  g_assert_no_error (error);
  write_network ();
  g_test_add_func ("/maximize/canvas/rms", test_rms);
  g_test_add_func ("/maximize/canvas/transform", test_transform);
  g_test_add_func ("/maximize/canvas/photo", test_photo);
  g_test_add_func ("/maximize/canvas/level", test_level);
  g_test_add_func ("/maximize/motions", test_motions);
  g_test_add_func ("/maximize/redirected", test_redirected);
  g_test_add_func ("/maximize/raises", test_raises);
  g_test_add_func ("/maximize/alone", test_alone);
  g_test_add_func ("/maximize/dead", test_dead);
  g_test_add_func ("/maximize/cancelled", test_cancelled);
  g_test_add_func ("/maximize/memory", test_memory);
  g_test_add_func ("/maximize/quanta", test_quanta);
  g_test_add_func ("/maximize/scarce-memory", test_scarce_memory);
  g_test_add_func ("/maximize/change", test_change);
  g_test_add_func ("/maximize/goals", test_goals);
  g_test_add_func ("/maximize/refusals", test_refusals);
  g_test_add_func ("/maximize/photos", test_photos);
  g_test_add_func ("/maximize/overflow", test_overflow);
  int status = g_test_run ();
  static const char *const files[] = { "small.onnx", "a.png", "b.png", "c.png" };
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (folder, files[i], NULL);
      g_unlink (path);
    }
  g_rmdir (folder);
  g_free (folder);
  g_free (network);
  kol_device_unref (device);
  return status;
}
