/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Scales, ticks and labels. */

#include "chart/axis.h"

#include <locale.h>
#include <math.h>
#include <string.h>

/* The labels with spaces between them, minor lines as dots. */
static char *
show (KxScale scale, KxQuantity quantity, double low, double high, double length, double gap)
{
  KxAxis axis = { scale, quantity, low, high, length };
  g_autoptr (GArray) ticks = kx_axis_ticks (&axis, gap);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < ticks->len; i++)
    {
      const KxTick *tick = &g_array_index (ticks, KxTick, i);
      g_assert_cmpint (tick->major, ==, tick->label[0] != '\0');
      g_string_append (text, text->len > 0 && tick->major ? " " : "");
      g_string_append (text, tick->major ? tick->label : ".");
    }
  return g_string_free (text, FALSE);
}

static void
expect (KxScale scale, KxQuantity quantity, double low, double high, double length, double gap,
        const char *expected)
{
  g_autofree char *shown = show (scale, quantity, low, high, length, gap);

  g_assert_cmpstr (shown, ==, expected);
}

static void
test_linear (void)
{
  static const struct {
    double low, high;
    const char *expected;
  } rows[] = {
    { 0, 1, "0 0.2 0.4 0.6 0.8 1.0" },
    { 0.93, 1.02, "0.94 0.96 0.98 1.00 1.02" },
    { -3, 3, "−2 0 2" },
    { 0, 5000, "0 1,000 2,000 3,000 4,000 5,000" },
    { 0, 12345, "0 5k 10k" },
    { 11800, 14300, "12.0k 12.5k 13.0k 13.5k 14.0k" },
    { 0, 2.4e6, "0 0.5M 1.0M 1.5M 2.0M" },
    { 1e-5, 6e-5, "10⁻⁵ 2×10⁻⁵ 3×10⁻⁵ 4×10⁻⁵ 5×10⁻⁵ 6×10⁻⁵" },
    { 0.0005, 0.0016, "0.0006 0.0008 0.0010 0.0012 0.0014 0.0016" },
    { 7, 7.0000004, "7.0000000 7.0000001 7.0000002 7.0000003 7.0000004" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_test_message ("from %g to %g", rows[i].low, rows[i].high);
      expect (KX_SCALE_LINEAR, KX_QUANTITY_NUMBER, rows[i].low, rows[i].high, 400, 72,
              rows[i].expected);
    }
  expect (KX_SCALE_LINEAR, KX_QUANTITY_COUNT, 1, 3, 400, 72, "1 2 3"); /* of steps */
}

static void
test_logarithmic (void)
{
  static const struct {
    double low, high, length;
    const char *expected;
  } rows[] = {
    { 1e-5, 1, 200, "10⁻⁵........ 10⁻⁴........ 0.001........ 0.01........ 0.1........ 1" },
    { 1e-8, 1, 100, ".. 10⁻⁶.. 0.001.. 1" },
    { 0.04, 2.2, 200, ". 0.05.... 0.1 0.2.. 0.5.... 1 2" },
    { 1, 25000, 300, "1........ 10........ 100........ 1k........ 10k." },
    { 0.42, 0.48, 200, "0.42 0.44 0.46 0.48" }, /* less than 0.3 decades */
    { 0.21, 0.49, 200, "0.3 0.4" },             /* no power of ten in it */
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *shown
          = show (KX_SCALE_LOG, KX_QUANTITY_NUMBER, rows[i].low, rows[i].high, rows[i].length, 36);
      g_test_message ("from %g to %g: %s", rows[i].low, rows[i].high, shown);
      g_assert_cmpstr (shown, ==, rows[i].expected);
    }
}

static void
test_seconds (void)
{
  static const struct {
    double high;
    const char *expected;
  } rows[] = {
    { 0.5, "0 0.1 s 0.2 s 0.3 s 0.4 s 0.5 s" },  { 10, "0 2 s 4 s 6 s 8 s 10 s" },
    { 50, "0 10 s 20 s 30 s 40 s 50 s" },        { 80, "0 15 s 30 s 45 s 1:00 1:15" },
    { 600, "0 2 min 4 min 6 min 8 min 10 min" }, { 8000, "0 30 min 1 h 00 1 h 30 2 h 00" },
    { 40000, "0 2 h 4 h 6 h 8 h 10 h" },         { 500000, "0 48 h 96 h" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    expect (KX_SCALE_LINEAR, KX_QUANTITY_SECONDS, 0, rows[i].high, 400, 72, rows[i].expected);
}

/* What any range must keep to, whatever its numbers are. */
static void
test_any_range (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (8);

  for (int i = 0; i < 20000; i++)
    {
      KxScale scale = g_rand_boolean (random) ? KX_SCALE_LOG : KX_SCALE_LINEAR;
      KxQuantity quantity = g_rand_boolean (random) ? KX_QUANTITY_SECONDS : KX_QUANTITY_NUMBER;
      double least = quantity == KX_QUANTITY_SECONDS ? 0 : -9;
      double low = pow (10, g_rand_double_range (random, least, 9));
      double high = low * (1 + pow (10, g_rand_double_range (random, -6, 6)));
      double length = g_rand_double_range (random, 60, 2000), gap = 36;
      KxAxis axis = { scale, quantity, low, high, length };
      g_autoptr (GArray) ticks = kx_axis_ticks (&axis, gap);
      double before = -INFINITY;
      const KxTick *labelled = NULL;

      for (guint k = 0; k < ticks->len; k++)
        {
          const KxTick *tick = &g_array_index (ticks, KxTick, k);
          double at = kx_axis_position (&axis, tick->value);
          g_assert_cmpfloat (at, >=, -1e-3);
          g_assert_cmpfloat (at, <=, length + 1e-3);
          g_assert_cmpfloat (at, >, before);
          before = at;
          if (!tick->major)
            continue;
          if (labelled)
            {
              /* 1, 2, 5, 10 of a decade may be nearer, by what is between 1 and 2. */
              g_assert_cmpfloat (at - kx_axis_position (&axis, labelled->value), >=, 0.59 * gap);
              g_assert_cmpstr (tick->label, !=, labelled->label);
            }
          labelled = tick;
        }
      if (length > 250 && (scale == KX_SCALE_LINEAR || high < 100 * low))
        g_assert_nonnull (labelled);
    }
}

static void
test_round_trip (void)
{
  for (int scale = KX_SCALE_LINEAR; scale <= KX_SCALE_LOG; scale++)
    {
      KxAxis axis = { scale, KX_QUANTITY_NUMBER, 0.5, 300, 777 };
      g_assert_cmpfloat_with_epsilon (kx_axis_position (&axis, 0.5), 0, 1e-9);
      g_assert_cmpfloat_with_epsilon (kx_axis_position (&axis, 300), 777, 1e-9);
      for (double p = -50; p < 900; p += 13)
        g_assert_cmpfloat_with_epsilon (kx_axis_position (&axis, kx_axis_value (&axis, p)), p,
                                        1e-7);
    }
}

static void
test_pan_zoom (void)
{
  for (int scale = KX_SCALE_LINEAR; scale <= KX_SCALE_LOG; scale++)
    {
      KxAxis axis = { scale, KX_QUANTITY_NUMBER, 2, 300, 600 };
      double under = kx_axis_value (&axis, 150);
      kx_axis_zoom (&axis, 150, 4);
      g_assert_cmpfloat_with_epsilon (kx_axis_value (&axis, 150), under, 1e-9 * under);
      kx_axis_zoom (&axis, 150, 0.25);
      g_assert_cmpfloat_with_epsilon (axis.low, 2, 1e-9);
      g_assert_cmpfloat_with_epsilon (axis.high, 300, 1e-9);
      under = kx_axis_value (&axis, 200);
      kx_axis_pan (&axis, 40);
      g_assert_cmpfloat_with_epsilon (kx_axis_position (&axis, under), 240, 1e-9);
    }
}

/* However long somebody turns the wheel, the axis stays valid. */
static void
test_zoom_ends (void)
{
  for (int scale = KX_SCALE_LINEAR; scale <= KX_SCALE_LOG; scale++)
    for (double factor = 0.5; factor <= 2; factor += 1.5)
      {
        KxAxis axis = { scale, KX_QUANTITY_NUMBER, 1000, 1001, 600 };
        for (int i = 0; i < 5000; i++)
          kx_axis_zoom (&axis, 123, factor);
        g_assert_true (kx_axis_valid (&axis));
        g_autoptr (GArray) ticks = kx_axis_ticks (&axis, 36);
        g_assert_cmpuint (ticks->len, <=, 2000);
      }
}

static void
test_invalid (void)
{
  KxAxis axes[] = {
    { KX_SCALE_LINEAR, KX_QUANTITY_NUMBER, 1, 1, 100 },
    { KX_SCALE_LINEAR, KX_QUANTITY_NUMBER, 2, 1, 100 },
    { KX_SCALE_LINEAR, KX_QUANTITY_NUMBER, NAN, 1, 100 },
    { KX_SCALE_LINEAR, KX_QUANTITY_NUMBER, 0, INFINITY, 100 },
    { KX_SCALE_LINEAR, KX_QUANTITY_NUMBER, -1e308, 1.7e308, 100 },
    { KX_SCALE_LINEAR, KX_QUANTITY_NUMBER, 0, 1, 0 },
    { KX_SCALE_LOG, KX_QUANTITY_NUMBER, 0, 1, 100 },
    { KX_SCALE_LOG, KX_QUANTITY_NUMBER, -1, 1, 100 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (axes); i++)
    {
      g_autoptr (GArray) ticks = kx_axis_ticks (&axes[i], 36);
      g_assert_false (kx_axis_valid (&axes[i]));
      g_assert_cmpuint (ticks->len, ==, 0);
    }
}

static void
test_formats (void)
{
  static const struct {
    double value;
    const char *value_text, *count_text, *seconds_text;
  } rows[] = {
    { 0, "0", "0", "0" },
    { 0.08312, "0.0831", "0", "0.1 s" },
    { 2.304, "2.30", "2", "2.3 s" },
    { 92, "92.0", "92", "1:32" },
    { 2140, "2,140", "2,140", "35:40" },
    { 7507, "7,507", "7,507", "2:05:07" },
    { -45230, "−45.2k", "−45,230", "−12:33:50" },
    { 1.23e-5, "1.2×10⁻⁵", "0", "0.0 s" },
    { 1e-5, "10⁻⁵", "0", "0.0 s" },
    { 3.21e7, "32.1M", "32,100,000", "8916:40:00" },
    { NAN, "NaN", NULL, "–" },
    { -INFINITY, "−∞", NULL, "–" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *value = kx_format_value (rows[i].value);
      g_assert_cmpstr (value, ==, rows[i].value_text);
      if (!rows[i].count_text)
        continue;
      g_autofree char *count = kx_format_count (rows[i].value);
      g_assert_cmpstr (count, ==, rows[i].count_text);
    }
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (fabs (rows[i].value) > 1e-2 || rows[i].value == 0)
      {
        g_autofree char *seconds = kx_format_seconds (rows[i].value);
        g_assert_cmpstr (seconds, ==, rows[i].seconds_text);
      }
}

static void
test_fixed (void)
{
  static const struct {
    double value;
    int decimals;
    const char *text;
  } rows[] = {
    { 0.3, 2, "0.30" },       { -0.3, 2, "−0.30" },     { -0.004, 2, "0.00" },
    { -12.5, 4, "−12.5000" }, { 1234.5, 1, "1,234.5" },
  };
  static const struct {
    double value;
    const char *text;
  } changes[] = { { 1.24, "+1.2" }, { -0.36, "−0.4" }, { 0.04, "0.0" }, { -0.04, "0.0" } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *text = kx_format_fixed (rows[i].value, rows[i].decimals);
      g_assert_cmpstr (text, ==, rows[i].text);
    }
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autofree char *text = kx_format_change (changes[i].value);
      g_assert_cmpstr (text, ==, changes[i].text);
    }
}

/* In German the comma is the point, on axes as in heads. */
static void
test_german (void)
{
  if (!setlocale (LC_NUMERIC, "de_DE.UTF-8"))
    {
      g_test_skip ("The locale de_DE.UTF-8 is not installed");
      return;
    }
  g_autofree char *value = kx_format_value (0.0831), *count = kx_format_count (12345);
  g_autofree char *ticks = show (KX_SCALE_LINEAR, KX_QUANTITY_NUMBER, 0, 1, 300, 72);
  setlocale (LC_NUMERIC, "C");
  g_assert_cmpstr (value, ==, "0,0831");
  g_assert_cmpstr (count, ==, "12.345");
  g_assert_nonnull (strstr (ticks, "0,5"));
  g_assert_null (strchr (ticks, '.'));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/chart/axis/linear", test_linear);
  g_test_add_func ("/ui/chart/axis/logarithmic", test_logarithmic);
  g_test_add_func ("/ui/chart/axis/seconds", test_seconds);
  g_test_add_func ("/ui/chart/axis/any-range", test_any_range);
  g_test_add_func ("/ui/chart/axis/round-trip", test_round_trip);
  g_test_add_func ("/ui/chart/axis/pan-zoom", test_pan_zoom);
  g_test_add_func ("/ui/chart/axis/zoom-ends", test_zoom_ends);
  g_test_add_func ("/ui/chart/axis/invalid", test_invalid);
  g_test_add_func ("/ui/chart/axis/formats", test_formats);
  g_test_add_func ("/ui/chart/axis/fixed", test_fixed);
  g_test_add_func ("/ui/chart/axis/german", test_german);
  return g_test_run ();
}
