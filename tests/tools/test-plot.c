/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The numbers behind a figure: ticks, their labels, smoothing, and what is left out of a curve. */

#include "tools/plot-private.h"

#include <math.h>

/* ── Ticks ───────────────────────────────────────────────────────────────────────────────────── */

static char *
labels (const ToolTicks *ticks)
{
  g_autoptr (GString) all = g_string_new (NULL);

  for (guint i = 0; i < ticks->n; i++)
    {
      g_autofree char *label = tool_ticks_label (ticks, i);
      g_string_append_printf (all, "%s%s", i ? " " : "", label);
    }
  return g_string_free (g_steal_pointer (&all), FALSE);
}

typedef struct {
  double low, high;
  guint most;
  const char *labels;
} TickCase;

static void
test_linear (void)
{
  static const TickCase cases[] = {
    { 0, 1, 6, "0 0.2 0.4 0.6 0.8 1.0" },
    { 0, 1, 5, "0 0.5 1.0" },
    { 0.03, 0.97, 6, "0.2 0.4 0.6 0.8" },
    { 0, 20000, 5, "0 5,000 10,000 15,000 20,000" },
    { 0, 19999, 5, "0 5,000 10,000 15,000" },
    { -3, 3, 7, "−3 −2 −1 0 1 2 3" },
    { -0.3, 0.3, 4, "−0.2 0 0.2" },
    { 0, 250000, 6, "0 50k 100k 150k 200k 250k" },
    { 0, 2500000, 6, "0 0.5M 1.0M 1.5M 2.0M 2.5M" },
    { 0, 4e-5, 5, "0 10⁻⁵ 2×10⁻⁵ 3×10⁻⁵ 4×10⁻⁵" },
    { 0, 2e12, 3, "0 10¹² 2×10¹²" },
    { 0.1, 0.3, 3, "0.1 0.2 0.3" },
    { 7, 7, 5, "7" },
    { 0.2513, 0.2514, 3, "0.25130 0.25135 0.25140" },
    { -1.5e-5, 0, 4, "−1.5×10⁻⁵ −10⁻⁵ −5×10⁻⁶ 0" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      ToolTicks ticks;
      tool_ticks_linear (cases[i].low, cases[i].high, cases[i].most, &ticks);
      g_autofree char *found = labels (&ticks);
      g_test_message ("%g to %g", cases[i].low, cases[i].high);
      g_assert_cmpstr (found, ==, cases[i].labels);
    }
}

/* Over ranges of all magnitudes: in the range, evenly spaced, not too many and not too few. */
static void
test_linear_any (void)
{
  for (int i = 0; i < 20000; i++)
    {
      double scale = pow (10, g_test_rand_double_range (-8, 12));
      double low = scale * g_test_rand_double_range (-1, 1);
      double high = low + scale * pow (10, g_test_rand_double_range (-3, 1));
      guint most = (guint) g_test_rand_int_range (2, 12);
      ToolTicks ticks;

      tool_ticks_linear (low, high, most, &ticks);
      g_assert_cmpuint (ticks.n, <=, most);
      g_assert_cmpuint (ticks.n + 1, >=, most / 2.5); /* the next finer step would be too many */
      for (guint j = 0; j < ticks.n; j++)
        {
          double slack = 1e-8 * ticks.step;
          g_assert_true (ticks.values[j] >= low - slack && ticks.values[j] <= high + slack);
          if (j > 0)
            g_assert_cmpfloat_with_epsilon (ticks.values[j] - ticks.values[j - 1], ticks.step,
                                            1e-6 * ticks.step);
        }
    }
}

static void
test_logarithmic (void)
{
  static const TickCase cases[] = {
    { 0.2, 1100, 8, "1 10 100 1,000" },      { 0.2, 9, 8, "0.2 0.5 1 2 5" },
    { 1e-8, 1, 5, "10⁻⁸ 10⁻⁶ 10⁻⁴ 10⁻² 10⁰" }, { 1e-4, 0.3, 5, "10⁻⁴ 10⁻³ 10⁻² 10⁻¹" },
    { 2.1, 2.9, 5, "2.2 2.4 2.6 2.8" },      { 1, 1e12, 4, "10⁰ 10⁴ 10⁸ 10¹²" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      ToolTicks ticks;
      tool_ticks_logarithmic (cases[i].low, cases[i].high, cases[i].most, &ticks);
      g_autofree char *found = labels (&ticks);
      g_test_message ("%g to %g", cases[i].low, cases[i].high);
      g_assert_cmpstr (found, ==, cases[i].labels);
    }
}

/* ── Curves ──────────────────────────────────────────────────────────────────────────────────── */

static void
test_new (void)
{
  const double x[] = { 1, 2, 3, 4 }, y[] = { NAN, 5, INFINITY, 7 };
  ToolCurve curve = tool_curve_new (x, y, 4), none = tool_curve_new (x, NULL, 4);

  g_assert_cmpuint (none.n, ==, 0);
  g_assert_cmpuint (curve.n, ==, 2);
  g_assert_cmpfloat (curve.x[0], ==, 2);
  g_assert_cmpfloat (curve.y[1], ==, 7);
  tool_curve_clear (&curve);
  tool_curve_clear (&none);
}

static void
test_smooth (void)
{
  const double x[] = { 1, 2, 3 }, y[] = { 4, 8, 1 };
  const double weights[] = { 0, 0.5, 0.9 };

  for (guint i = 0; i < G_N_ELEMENTS (weights); i++)
    {
      double w = weights[i];
      ToolCurve curve = tool_curve_new (x, y, 3);
      ToolCurve smooth = tool_curve_smooth (&curve, w, FALSE);
      ToolCurve logarithmic = tool_curve_smooth (&curve, w, TRUE);
      /* By its definition: weights 1, w, w^2, ... back from the latest value. */
      double sum = 1 + w + w * w;
      g_assert_cmpfloat (smooth.y[0], ==, 4);
      g_assert_cmpfloat_with_epsilon (smooth.y[1], (8 + w * 4) / (1 + w), 1e-12);
      g_assert_cmpfloat_with_epsilon (smooth.y[2], (1 + w * 8 + w * w * 4) / sum, 1e-12);
      g_assert_cmpfloat_with_epsilon (logarithmic.y[2], exp2 ((w * 3 + w * w * 2) / sum), 1e-12);
      tool_curve_clear (&curve);
      tool_curve_clear (&smooth);
      tool_curve_clear (&logarithmic);
    }
}

static void
test_thin (void)
{
  enum { N = 100000 };
  g_autofree double *x = g_new (double, N), *y = g_new (double, N);

  for (int i = 0; i < N; i++)
    {
      x[i] = i;
      y[i] = sin (i * 0.01);
    }
  y[54321] = 99;
  ToolCurve curve = tool_curve_new (x, y, N);
  ToolCurve thin = tool_curve_thin (&curve, 0, N - 1, 500);
  ToolCurve same = tool_curve_thin (&curve, 0, N - 1, 10 * N);
  gboolean peak = FALSE;

  g_assert_cmpuint (thin.n, <=, 4 * 501);
  g_assert_cmpuint (thin.n, >, 500);
  g_assert_cmpfloat (thin.x[0], ==, 0);
  g_assert_cmpfloat (thin.x[thin.n - 1], ==, N - 1);
  for (gsize i = 0; i < thin.n; i++)
    {
      peak = peak || thin.y[i] == 99;
      g_assert_true (i == 0 || thin.x[i] > thin.x[i - 1]);
      g_assert_cmpfloat (thin.y[i], ==, y[(gsize) thin.x[i]]);
    }
  g_assert_true (peak);
  g_assert_cmpuint (same.n, ==, N);
  tool_curve_clear (&curve);
  tool_curve_clear (&thin);
  tool_curve_clear (&same);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plot/ticks/linear", test_linear);
  g_test_add_func ("/plot/ticks/linear-any", test_linear_any);
  g_test_add_func ("/plot/ticks/logarithmic", test_logarithmic);
  g_test_add_func ("/plot/curve/new", test_new);
  g_test_add_func ("/plot/curve/smooth", test_smooth);
  g_test_add_func ("/plot/curve/thin", test_thin);
  return g_test_run ();
}
