/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "plot-private.h"

#include <math.h>
#include <string.h>

/* ── Ticks ── */

#define ROUNDING 1e-9 /* of a step: what is that close to a round number is meant to be it */

/* An integer times a power of ten, as exact as a double can be. */
static double
scaled (double integer, int power)
{
  return power < 0 ? integer / pow (10, -power) : integer * pow (10, power);
}

/* The multiples of @mantissa * 10^@power in the range; FALSE if they are more than @most. */
static gboolean
take_multiples (double low, double high, int mantissa, int power, guint most, ToolTicks *ticks)
{
  double step = scaled (mantissa, power);
  double first = ceil (low / step - ROUNDING), last = floor (high / step + ROUNDING);

  if (last - first + 1 > MIN (most, TOOL_MOST_TICKS))
    return FALSE;
  ticks->n = 0;
  ticks->step = step;
  for (double i = first; i <= last; i++)
    ticks->values[ticks->n++] = scaled (i * mantissa, power) + 0.0; /* no negative zero */
  return TRUE;
}

void
tool_ticks_linear (double low, double high, guint most, ToolTicks *ticks)
{
  static const int mantissas[] = { 1, 2, 5 };

  *ticks = (ToolTicks){ .n = 1, .values = { low } };
  if (!(high > low) || !isfinite (high - low) || most < 2)
    return;
  for (int power = (int) floor (log10 ((high - low) / most));; power++)
    for (guint i = 0; i < G_N_ELEMENTS (mantissas); i++)
      if (take_multiples (low, high, mantissas[i], power, most, ticks))
        return;
}

/* Powers of ten times each of @mantissas; FALSE if they are more than @most. */
static gboolean
take_decades (double low, double high, const int *mantissas, guint n, int stride, guint most,
              ToolTicks *ticks)
{
  int first = (int) floor (log10 (low)), last = (int) ceil (log10 (high));

  first = (int) floor ((double) first / stride) * stride;
  *ticks = (ToolTicks){ 0 };
  for (int power = first; power <= last; power += stride)
    for (guint i = 0; i < n; i++)
      {
        double value = scaled (mantissas[i], power);
        if (value < low * (1 - ROUNDING) || value > high * (1 + ROUNDING))
          continue;
        if (ticks->n == MIN (most, TOOL_MOST_TICKS))
          return FALSE;
        ticks->values[ticks->n++] = value;
      }
  return TRUE;
}

void
tool_ticks_logarithmic (double low, double high, guint most, ToolTicks *ticks)
{
  static const int mantissas[] = { 1, 2, 5 };

  if (take_decades (low, high, mantissas, 3, 1, most, ticks))
    {
      if (ticks->n < 3)
        tool_ticks_linear (low, high, most, ticks);
      return;
    }
  for (int stride = 1; !take_decades (low, high, mantissas, 1, stride, most, ticks);)
    stride++;
}

/* ── Labels ── */

static void
append_superscript (GString *label, int number)
{
  static const char *const digits[] = { "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹" };
  g_autofree char *plain = g_strdup_printf ("%d", number);

  for (const char *c = plain; *c; c++)
    g_string_append (label, *c == '-' ? "⁻" : digits[*c - '0']);
}

/* Digits behind the point that a multiple of @step needs. */
static int
decimals_for (double step)
{
  return MAX (0, (int) -floor (log10 (step) + ROUNDING));
}

/* "3×10⁻⁵", and "10⁶" for 1; with as many digits as a multiple of @step needs. */
static char *
scientific_label (double value, double step)
{
  g_autoptr (GString) label = g_string_new (value < 0 ? "−" : NULL);
  int power = (int) floor (log10 (fabs (value)) + ROUNDING);
  double mantissa = scaled (fabs (value), -power);

  if (fabs (mantissa - 1) > ROUNDING)
    g_string_append_printf (label, "%.*f×", decimals_for (scaled (step, -power)), mantissa);
  g_string_append (label, "10");
  append_superscript (label, power);
  return g_string_free (g_steal_pointer (&label), FALSE);
}

/* Commas between thousands. */
static char *
grouped_label (double value, int decimals, const char *unit)
{
  g_autofree char *plain = g_strdup_printf ("%.*f", decimals, fabs (value));
  g_autoptr (GString) label = g_string_new (plain);
  gssize point = (gssize) strcspn (plain, ".");

  for (gssize at = point - 3; at > 0; at -= 3)
    g_string_insert (label, at, ",");
  if (value < 0)
    g_string_prepend (label, "−");
  g_string_append (label, unit);
  return g_string_free (g_steal_pointer (&label), FALSE);
}

static double
largest_magnitude (const ToolTicks *ticks)
{
  double largest = 0;

  for (guint i = 0; i < ticks->n; i++)
    largest = MAX (largest, fabs (ticks->values[i]));
  return largest;
}

/* Where some labels of a logarithmic axis need powers of ten, all are written so. */
static gboolean
is_scientific (const ToolTicks *ticks, double largest)
{
  if (ticks->step > 0)
    return largest < 9e-4 || largest >= 1e9;
  return ticks->values[0] < 9e-4 || largest >= 1e6;
}

char *
tool_ticks_label (const ToolTicks *ticks, guint i)
{
  g_return_val_if_fail (i < ticks->n, NULL);

  double value = ticks->values[i], largest = largest_magnitude (ticks);
  double step = ticks->step > 0 ? ticks->step : fabs (value);

  if (value == 0)
    return g_strdup ("0");
  if (is_scientific (ticks, largest))
    return scientific_label (value, step);
  if (ticks->step > 0 && largest >= 1e6)
    return grouped_label (value / 1e6, decimals_for (step / 1e6), "M");
  if (ticks->step > 0 && largest >= 1e5)
    return grouped_label (value / 1e3, decimals_for (step / 1e3), "k");
  return grouped_label (value, decimals_for (step), "");
}

/* ── Curves ── */

static ToolCurve
curve_sized (gsize n)
{
  return (ToolCurve){ .x = g_new (double, n), .y = g_new (double, n) };
}

static void
curve_add (ToolCurve *curve, double x, double y)
{
  curve->x[curve->n] = x;
  curve->y[curve->n++] = y;
}

void
tool_curve_clear (ToolCurve *curve)
{
  g_clear_pointer (&curve->x, g_free);
  g_clear_pointer (&curve->y, g_free);
  curve->n = 0;
}

ToolCurve
tool_curve_new (const double *x, const double *y, gsize rows)
{
  ToolCurve curve = curve_sized (rows);

  for (gsize i = 0; y && i < rows; i++)
    if (isfinite (x[i]) && isfinite (y[i]))
      curve_add (&curve, x[i], y[i]);
  return curve;
}

ToolCurve
tool_curve_smooth (const ToolCurve *curve, double weight, gboolean logarithmic)
{
  ToolCurve smooth = curve_sized (curve->n);
  double average = 0, sum = 0; /* of the values, and of their weights */

  for (gsize i = 0; i < curve->n; i++)
    {
      if (logarithmic && curve->y[i] <= 0)
        continue;
      double value = logarithmic ? log (curve->y[i]) : curve->y[i];
      average = weight * average + (1 - weight) * value;
      sum = weight * sum + (1 - weight);
      curve_add (&smooth, curve->x[i], logarithmic ? exp (average / sum) : average / sum);
    }
  return smooth;
}

/* Adds the first, least, greatest and last of the points from @from to @to, in their order. */
static void
add_extremes (ToolCurve *thin, const ToolCurve *curve, gsize from, gsize to)
{
  gsize least = from, greatest = from;

  for (gsize i = from; i < to; i++)
    {
      if (curve->y[i] < curve->y[least])
        least = i;
      if (curve->y[i] > curve->y[greatest])
        greatest = i;
    }
  const gsize kept[] = { from, MIN (least, greatest), MAX (least, greatest), to - 1 };
  for (guint i = 0; i < G_N_ELEMENTS (kept); i++)
    if (i == 0 || kept[i] != kept[i - 1])
      curve_add (thin, curve->x[kept[i]], curve->y[kept[i]]);
}

ToolCurve
tool_curve_thin (const ToolCurve *curve, double low, double high, gsize columns)
{
  ToolCurve thin = curve_sized (curve->n);
  double scale = high > low ? (double) columns / (high - low) : 0;

  for (gsize from = 0, to; from < curve->n; from = to)
    {
      double column = floor ((curve->x[from] - low) * scale);
      to = from + 1;
      while (to < curve->n && floor ((curve->x[to] - low) * scale) == column)
        to++;
      add_extremes (&thin, curve, from, to);
    }
  return thin;
}
