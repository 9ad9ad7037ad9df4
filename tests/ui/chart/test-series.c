/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The pyramid, the search and the smoothing of series, against plain loops. */

#include "chart/series.h"

#include <math.h>
#include <string.h>

/* Noise with all that noise can have: what is not finite, zeros, and below. */
static float
any_value (GRand *random)
{
  switch (g_rand_int_range (random, 0, 12))
    {
    case 0:
      return g_rand_boolean (random) ? NAN : INFINITY;
    case 1:
      return 0;
    default:
      return (float) g_rand_double_range (random, -1, 9);
    }
}

static KxSeries *
make (GRand *random, gsize n)
{
  KxSeries *series = kx_series_new ();
  double x = 0;

  for (gsize i = 0; i < n; i++)
    kx_series_append (series, x += g_rand_int_range (random, 0, 4), any_value (random));
  return series;
}

static void
assert_same (float a, float b)
{
  g_assert_true (a == b || (isnan (a) && isnan (b)));
}

static void
check_range (const KxSeries *series, gsize begin, gsize end)
{
  KxSummary plain = { INFINITY, -INFINITY, INFINITY, NAN, NAN, 0, 0 };
  KxSummary summary = kx_series_summarize (series, begin, end);
  const float *y = kx_series_get_y (series);

  for (gsize i = begin; i < end; i++)
    if (!isfinite (y[i]))
      plain.nonfinite++;
    else
      {
        plain.min = fminf (plain.min, y[i]);
        plain.max = fmaxf (plain.max, y[i]);
        if (y[i] > 0)
          plain.positive = fminf (plain.positive, y[i]);
        else
          plain.nonpositive++;
      }
  assert_same (summary.first, begin < end ? y[begin] : NAN);
  assert_same (summary.last, begin < end ? y[end - 1] : NAN);
  g_assert_cmpfloat (summary.min, ==, plain.min);
  g_assert_cmpfloat (summary.max, ==, plain.max);
  g_assert_cmpfloat (summary.positive, ==, plain.positive);
  g_assert_cmpuint (summary.nonpositive, ==, plain.nonpositive);
  g_assert_cmpuint (summary.nonfinite, ==, plain.nonfinite);
}

static void
check_ranges (GRand *random, const KxSeries *series, int times)
{
  gint32 n = (gint32) kx_series_get_length (series);

  check_range (series, 0, (gsize) n);
  for (int i = 0; i < times; i++)
    {
      gint32 a = g_rand_int_range (random, 0, n + 1), b = g_rand_int_range (random, 0, n + 1);
      check_range (series, (gsize) MIN (a, b), (gsize) MAX (a, b));
    }
}

static void
test_pyramid (void)
{
  static const gsize lengths[] = { 0, 1, 7, 8, 9, 63, 64, 65, 71, 72, 73, 511, 513, 577, 5000 };
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autoptr (KxSeries) series = make (random, lengths[i]);
      check_ranges (random, series, 300);
    }
}

/* All ranges of a series while it grows. */
static void
test_growing (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (2);
  g_autoptr (KxSeries) series = kx_series_new ();

  for (gsize n = 1; n <= 150; n++)
    {
      kx_series_append (series, (double) n, any_value (random));
      for (gsize begin = 0; begin < n; begin++)
        check_range (series, begin, n);
    }
}

static void
test_truncate (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (3);

  for (gsize keep = 0; keep <= 700; keep += 23)
    {
      g_autoptr (KxSeries) series = make (random, 700);
      guint generation = kx_series_get_generation (series);
      double end = keep < 700 ? kx_series_get_x (series)[keep] : 1e9;

      kx_series_truncate (series, end);
      g_assert_cmpuint (kx_series_get_length (series), <=, keep);
      g_assert_cmpint (kx_series_get_generation (series) != generation, ==, keep < 700);
      check_ranges (random, series, 100);
      for (int i = 0; i < 300; i++)
        kx_series_append (series, end + i, any_value (random));
      check_ranges (random, series, 100);
    }
}

static void
test_find (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (4);
  g_autoptr (KxSeries) series = make (random, 300);
  const double *x = kx_series_get_x (series);

  for (double at = -2; at < x[299] + 3; at += 0.5)
    {
      gsize plain = 0, nearest = 0;
      while (plain < 300 && x[plain] < at)
        plain++;
      g_assert_cmpuint (kx_series_find (series, at), ==, plain);
      for (gsize from = 0; from <= plain; from++)
        g_assert_cmpuint (kx_series_find_from (series, from, at), ==, plain);
      for (gsize i = 1; i < 300; i++)
        if (fabs (x[i] - at) < fabs (x[nearest] - at) || x[i] == x[nearest])
          nearest = i;
      g_assert_cmpint (kx_series_nearest (series, at), ==, nearest);
    }
  g_autoptr (KxSeries) none = kx_series_new ();
  g_assert_cmpint (kx_series_nearest (none, 0), ==, -1);
  g_assert_cmpuint (kx_series_find (none, 0), ==, 0);
  g_assert_cmpuint (kx_series_find_from (none, 0, 0), ==, 0);
}

static void
test_order (void)
{
  g_autoptr (KxSeries) series = kx_series_new ();

  kx_series_append (series, 5, 1);
  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_CRITICAL, "*x*");
  kx_series_append (series, 4, 1);
  g_test_assert_expected_messages ();
  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_CRITICAL, "*isfinite*");
  kx_series_append (series, NAN, 1);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (kx_series_get_length (series), ==, 1);
}

/* The formula, with a power instead of a product, for every point. */
static void
check_smoothing (const KxSmoothing *smoothing, const KxSeries *series, double w)
{
  const float *y = kx_series_get_y (series);
  double s = 0, n = 0;

  g_assert_cmpuint (smoothing->shown->len, ==, kx_series_get_length (series));
  for (gsize i = 0; i < kx_series_get_length (series); i++)
    {
      float shown = g_array_index (smoothing->shown, float, i);
      if (!isfinite (y[i]))
        {
          g_assert_true (isnan (shown));
          continue;
        }
      s = w * s + (1 - w) * y[i];
      n++;
      g_assert_cmpfloat_with_epsilon (shown, s / (1 - pow (w, n)), 1e-5);
    }
}

static void
test_smoothing (void)
{
  static const double weights[] = { 0, 0.5, 0.6, 0.97, 0.999 };
  g_autoptr (GRand) random = g_rand_new_with_seed (5);
  KxSmoothing smoothing;

  kx_smoothing_init (&smoothing);
  for (guint k = 0; k < G_N_ELEMENTS (weights); k++)
    {
      g_autoptr (KxSeries) series = make (random, 500);
      KxAverage begin;
      kx_average_init (&begin, weights[k]);
      kx_smoothing_begin (&smoothing, &begin);
      smoothing.generation = G_MAXUINT; /* of another series */
      kx_smoothing_update (&smoothing, series);
      check_smoothing (&smoothing, series, weights[k]);
      for (int i = 0; i < 40; i++)
        {
          kx_series_append (series, 1e5 + i, any_value (random));
          kx_smoothing_update (&smoothing, series);
        }
      check_smoothing (&smoothing, series, weights[k]);
      kx_series_truncate (series, 300);
      kx_smoothing_update (&smoothing, series);
      check_smoothing (&smoothing, series, weights[k]);
    }
  kx_smoothing_clear (&smoothing);
}

/* A branch goes on smoothly where it leaves its parent. */
static void
test_branch (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (6);
  g_autoptr (KxSeries) whole = make (random, 200);
  g_autoptr (KxSeries) branch = kx_series_new ();
  KxSmoothing of_whole, of_branch;
  KxAverage average;

  kx_smoothing_init (&of_whole);
  kx_smoothing_init (&of_branch);
  kx_average_init (&average, 0.9);
  kx_smoothing_begin (&of_whole, &average);
  kx_smoothing_update (&of_whole, whole);
  for (gsize i = 0; i < 120; i++)
    kx_average_add (&average, kx_series_get_y (whole)[i]);
  kx_series_append_many (branch, kx_series_get_x (whole) + 120, kx_series_get_y (whole) + 120, 80);
  kx_smoothing_begin (&of_branch, &average);
  kx_smoothing_update (&of_branch, branch);
  for (guint i = 0; i < 80; i++)
    assert_same (g_array_index (of_branch.shown, float, i),
                 g_array_index (of_whole.shown, float, 120 + i));
  kx_smoothing_clear (&of_whole);
  kx_smoothing_clear (&of_branch);
}

static void
count (KxSeries *series, gpointer data)
{
  ++*(int *) data;
}

static void
test_watch (void)
{
  g_autoptr (KxSeries) series = kx_series_new ();
  const double x[] = { 1, 2, 3 };
  const float y[] = { 1, 2, 3 };
  int told = 0;

  kx_series_watch (series, count, &told);
  kx_series_append_many (series, x, y, 3);
  g_assert_cmpint (told, ==, 1);
  kx_series_append_many (series, x, y, 0);
  kx_series_truncate (series, 4);
  g_assert_cmpint (told, ==, 1);
  kx_series_truncate (series, 2);
  g_assert_cmpint (told, ==, 2);
  kx_series_unwatch (series, count, &told);
  kx_series_append (series, 9, 9);
  g_assert_cmpint (told, ==, 2);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/chart/series/pyramid", test_pyramid);
  g_test_add_func ("/ui/chart/series/growing", test_growing);
  g_test_add_func ("/ui/chart/series/truncate", test_truncate);
  g_test_add_func ("/ui/chart/series/find", test_find);
  g_test_add_func ("/ui/chart/series/order", test_order);
  g_test_add_func ("/ui/chart/series/smoothing", test_smoothing);
  g_test_add_func ("/ui/chart/series/branch", test_branch);
  g_test_add_func ("/ui/chart/series/watch", test_watch);
  return g_test_run ();
}
