/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What is in each column of pixels, against a walk over all points. */

#include "chart/columns.h"

#include <math.h>

typedef struct {
  GRand *random;
  KxSeries *series;
  KxSmoothing smoothing;
  KxColumns columns;
  KxClock *clock;
} Fixture;

static void
grow (Fixture *fixture, gsize n)
{
  gsize length = kx_series_get_length (fixture->series);
  double x = length > 0 ? kx_series_get_x (fixture->series)[length - 1] : 0;

  for (gsize i = 0; i < n; i++)
    {
      x += g_rand_int_range (fixture->random, 0, 5);
      kx_series_append (fixture->series, x,
                        g_rand_int_range (fixture->random, 0, 9) == 0
                            ? NAN
                            : (float) g_rand_double_range (fixture->random, -1, 5));
      kx_clock_append (fixture->clock, x, 0, x * x / 1000);
    }
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  KxAverage average;

  fixture->random = g_rand_new_with_seed (3);
  fixture->series = kx_series_new ();
  fixture->clock = kx_clock_new ();
  kx_smoothing_init (&fixture->smoothing);
  kx_columns_init (&fixture->columns);
  kx_average_init (&average, 0.8);
  kx_smoothing_begin (&fixture->smoothing, &average);
  grow (fixture, 3000);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  kx_columns_clear (&fixture->columns);
  kx_smoothing_clear (&fixture->smoothing);
  kx_series_unref (fixture->series);
  kx_clock_unref (fixture->clock);
  g_rand_free (fixture->random);
}

static void
update (Fixture *fixture, const KxAxis *axis, KxUnit unit)
{
  kx_smoothing_update (&fixture->smoothing, fixture->series);
  kx_columns_update (&fixture->columns, fixture->series, &fixture->smoothing, axis, unit,
                     fixture->clock);
}

/* A point belongs to the column in which its x lies; on the edge of two, to the right one. */
static void
check (Fixture *fixture, const KxAxis *axis, KxUnit unit)
{
  const double *x = kx_series_get_x (fixture->series);
  const float *y = kx_series_get_y (fixture->series);
  gsize length = kx_series_get_length (fixture->series), at = 0;
  guint n;
  const KxColumn *column = kx_columns_get (&fixture->columns, &n);

  g_assert_cmpuint (n, ==, (guint) axis->length);
  while (at < length && kx_clock_from_step (fixture->clock, unit, x[at]) < axis->low)
    at++;
  for (guint i = 0; i < n; i++)
    {
      float min = INFINITY, max = -INFINITY, shown = NAN;
      gsize begin = at;
      double edge = kx_axis_value (axis, i + 1);
      for (; at < length && x[at] < kx_clock_to_step (fixture->clock, unit, edge); at++)
        {
          min = isfinite (y[at]) ? fminf (min, y[at]) : min;
          max = isfinite (y[at]) ? fmaxf (max, y[at]) : max;
          float smooth = g_array_index (fixture->smoothing.shown, float, at);
          shown = isfinite (smooth) ? smooth : shown;
        }
      g_assert_cmpuint (column[i].begin, ==, begin);
      g_assert_cmpuint (column[i].end, ==, at);
      g_assert_cmpfloat (column[i].y.min, ==, min);
      g_assert_cmpfloat (column[i].y.max, ==, max);
      g_assert_true (column[i].shown == shown || (isnan (shown) && isnan (column[i].shown)));
    }
}

static void
test_plain (Fixture *fixture, gconstpointer data)
{
  for (int scale = KX_SCALE_LINEAR; scale <= KX_SCALE_LOG; scale++)
    for (int unit = KX_UNIT_STEP; unit <= KX_UNIT_TIME; unit += KX_UNIT_TIME)
      for (double zoom = 1; zoom < 1e4; zoom *= 7)
        {
          KxAxis axis = { scale, KX_QUANTITY_NUMBER, 1, 9000, 200 };
          kx_axis_zoom (&axis, 110, zoom);
          update (fixture, &axis, unit);
          check (fixture, &axis, unit);
        }
}

/* Points that come do not cost the columns left of them, and yet give the same columns. */
static void
test_kept (Fixture *fixture, gconstpointer data)
{
  KxAxis axis = { KX_SCALE_LINEAR, KX_QUANTITY_NUMBER, 0, 12000, 240 };
  KxAverage average;

  update (fixture, &axis, KX_UNIT_STEP);
  g_assert_cmpuint (fixture->columns.computed, ==, 240);
  update (fixture, &axis, KX_UNIT_STEP);
  g_assert_cmpuint (fixture->columns.computed, ==, 0);
  for (int i = 0; i < 40; i++)
    {
      double last = kx_series_get_x (fixture->series)[kx_series_get_length (fixture->series) - 1];
      grow (fixture, 30);
      update (fixture, &axis, KX_UNIT_STEP);
      g_assert_cmpuint (fixture->columns.computed, <=, 241 - last / 50);
      g_assert_cmpuint (fixture->columns.computed, >, 0);
      check (fixture, &axis, KX_UNIT_STEP);
    }
  kx_axis_pan (&axis, 1);
  update (fixture, &axis, KX_UNIT_STEP);
  g_assert_cmpuint (fixture->columns.computed, ==, 240);
  check (fixture, &axis, KX_UNIT_STEP);
  kx_series_truncate (fixture->series, 2000);
  update (fixture, &axis, KX_UNIT_STEP);
  check (fixture, &axis, KX_UNIT_STEP);
  kx_average_init (&average, 0.1);
  kx_smoothing_begin (&fixture->smoothing, &average);
  update (fixture, &axis, KX_UNIT_STEP);
  check (fixture, &axis, KX_UNIT_STEP);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/ui/chart/columns/plain", Fixture, NULL, set_up, test_plain, tear_down);
  g_test_add ("/ui/chart/columns/kept", Fixture, NULL, set_up, test_kept, tear_down);
  return g_test_run ();
}
