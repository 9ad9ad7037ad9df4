/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "axis.h"

#include <locale.h>
#include <math.h>
#include <string.h>

#define MINUS "−"
#define LINEAR_BELOW 0.3 /* decades: of less, powers of ten tell nothing */
#define FINE_BELOW 2.0   /* decades: of less, 2 and 5 are labelled, too */
#define MOST_TICKS 2000
#define MANY 10000.0  /* from here on thousands are "k" */
#define TINY 1e-3     /* below, powers of ten are written as such */
#define FINEST 1e-11  /* a range is not made smaller than this share of its numbers, */
#define LARGEST 1e100 /* nor as wide as this */

/* ── Scales ── */

/**
 * kx_axis_valid:
 * @axis: an axis
 *
 * Returns: whether it has a length and an increasing range that its scale can show
 */
gboolean
kx_axis_valid (const KxAxis *axis)
{
  return isfinite (axis->low) && isfinite (axis->high) && axis->low < axis->high && axis->length > 0
         && (axis->scale == KX_SCALE_LINEAR || axis->low > 0) && isfinite (axis->high - axis->low);
}

static double
forward (KxScale scale, double value)
{
  return scale == KX_SCALE_LOG ? log10 (value) : value;
}

static double
backward (KxScale scale, double value)
{
  return scale == KX_SCALE_LOG ? pow (10, value) : value;
}

/**
 * kx_axis_get_scaling:
 * @axis: a valid axis
 *
 * Returns: what kx_scaling_position() needs of it
 */
KxScaling
kx_axis_get_scaling (const KxAxis *axis)
{
  double low = forward (axis->scale, axis->low), high = forward (axis->scale, axis->high);

  return (KxScaling){ axis->scale, low, high - low, axis->length };
}

/**
 * kx_scaling_position:
 * @scaling: of an axis
 * @value: of the data
 *
 * Returns: pixels from the end of @low; -infinity or NaN for what a logarithmic scale
 *   cannot show
 */
double
kx_scaling_position (const KxScaling *scaling, double value)
{
  return (forward (scaling->scale, value) - scaling->from) / scaling->range * scaling->length;
}

/**
 * kx_axis_position:
 * @axis: a valid axis
 * @value: of the data
 *
 * Returns: kx_scaling_position() of one value
 */
double
kx_axis_position (const KxAxis *axis, double value)
{
  KxScaling scaling = kx_axis_get_scaling (axis);

  return kx_scaling_position (&scaling, value);
}

/**
 * kx_axis_value:
 * @axis: a valid axis
 * @position: pixels from the end of @low
 *
 * Returns: the value there, the inverse of kx_axis_position()
 */
double
kx_axis_value (const KxAxis *axis, double position)
{
  double low = forward (axis->scale, axis->low), high = forward (axis->scale, axis->high);

  return backward (axis->scale, low + position / axis->length * (high - low));
}

/* Takes a range unless it is one that doubles could not tell apart or hold. */
static void
set_range (KxAxis *axis, double low, double high)
{
  KxAxis changed = *axis;

  changed.low = backward (axis->scale, low);
  changed.high = backward (axis->scale, high);
  double ends = MAX (fabs (changed.low), fabs (changed.high));
  if (kx_axis_valid (&changed) && changed.high - changed.low > ends * FINEST && ends < LARGEST)
    *axis = changed;
}

/**
 * kx_axis_pan:
 * @axis: a valid axis
 * @pixels: how far the data move to the end of @high
 *
 * Moves the range; on a logarithmic scale both ends by the same factor.
 */
void
kx_axis_pan (KxAxis *axis, double pixels)
{
  double low = forward (axis->scale, axis->low), high = forward (axis->scale, axis->high);
  double by = pixels / axis->length * (high - low);

  set_range (axis, low - by, high - by);
}

/**
 * kx_axis_zoom:
 * @axis: a valid axis
 * @position: pixels; what is there stays there
 * @factor: how many times as large the data appear
 *
 * Narrows or widens the range. A range that doubles could not tell apart is refused.
 */
void
kx_axis_zoom (KxAxis *axis, double position, double factor)
{
  double low = forward (axis->scale, axis->low), high = forward (axis->scale, axis->high);
  double at = low + position / axis->length * (high - low);

  set_range (axis, at - (at - low) / factor, at + (high - at) / factor);
}

/* ── Labels ── */

/* "-4" as "⁻⁴". */
static void
append_superscript (GString *text, int number)
{
  static const char *const digits[] = { "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹" };
  char plain[16];

  g_snprintf (plain, sizeof plain, "%d", number);
  for (const char *c = plain; *c; c++)
    g_string_append (text, *c == '-' ? "⁻" : digits[*c - '0']);
}

/* The decimal point and what groups thousands are the locale's, as everywhere in the application;
 * where that groups none, as C, thousands are separated by commas. */
static void
append_fixed (GString *text, double value, int decimals)
{
  const struct lconv *locale = localeconv ();
  const char *point = locale->decimal_point, *comma = locale->thousands_sep;
  g_autofree char *format = g_strdup_printf ("%%.%df", decimals);
  char plain[400];

  g_ascii_formatd (plain, sizeof plain, format, fabs (value));
  if (!*comma && g_str_equal (point, "."))
    comma = ",";
  gsize whole = strcspn (plain, ".");

  if (value < 0 && strspn (plain, "0.") < strlen (plain))
    g_string_append (text, MINUS);
  for (gsize i = 0; i < whole; i++)
    {
      g_string_append_c (text, plain[i]);
      if ((whole - i) % 3 == 1 && i + 1 < whole)
        g_string_append (text, comma);
    }
  if (plain[whole])
    g_string_append_printf (text, "%s%s", point, plain + whole + 1);
}

/* Digits after the point that a multiple of @step needs. */
static int
decimals_of (double step)
{
  for (int decimals = 0; decimals < 15; decimals++)
    {
      double scaled = step * pow (10, decimals);
      if (fabs (scaled - round (scaled)) < 1e-6 * scaled && round (scaled) >= 1)
        return decimals;
    }
  return 15;
}

/* "3×10⁻⁵", or "10⁻⁵" where the first digit is a lone 1. */
static void
append_power (GString *text, double value, double step)
{
  int exponent = (int) floor (log10 (fabs (value)) + 1e-9);
  double scale = pow (10, exponent);
  double mantissa = value / scale;

  if (fabs (fabs (mantissa) - 1) < 1e-9)
    g_string_append (text, mantissa < 0 ? MINUS : "");
  else
    {
      append_fixed (text, mantissa, step > 0 ? decimals_of (step / scale) : 1);
      g_string_append (text, "×");
    }
  g_string_append (text, "10");
  append_superscript (text, exponent);
}

/* Of an axis whose ticks are multiples of @step and whose largest is @largest. */
static char *
label_number (double value, double step, double largest)
{
  static const struct {
    double scale;
    const char *letter;
  } units[] = { { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } };
  GString *text = g_string_new (NULL);

  if (value == 0)
    return g_string_free (g_string_append_c (text, '0'), FALSE);
  if (largest < TINY * (1 - 1e-9) || largest >= 1e15)
    append_power (text, value, step);
  else if (largest >= MANY && fabs (value) >= 1000)
    for (guint i = 0; i < G_N_ELEMENTS (units); i++)
      {
        if (largest < units[i].scale * (1 - 1e-9))
          continue;
        append_fixed (text, value / units[i].scale, decimals_of (step / units[i].scale));
        g_string_append (text, units[i].letter);
        break;
      }
  else
    append_fixed (text, value, decimals_of (step));
  return g_string_free (text, FALSE);
}

/* 90 as "1:30", 5400 as "1:30:00"; with units where only one of them is there: "30 s", "2 h". */
static char *
label_seconds (double value, double step)
{
  double seconds = fabs (value);
  const char *sign = value < 0 ? MINUS : "";

  if (value == 0)
    return g_strdup ("0");
  if (step < 1 || seconds < 60)
    {
      GString *text = g_string_new (NULL);
      append_fixed (text, value, step < 1 ? decimals_of (step) : 0);
      return g_string_free (g_string_append (text, " s"), FALSE);
    }
  gint64 total = (gint64) MIN (round (seconds), 1e18), h = total / 3600;
  int s = total % 60, m = total / 60 % 60;
  if (step >= 3600)
    return g_strdup_printf ("%s%" G_GINT64_FORMAT " h", sign, h);
  if (h > 0)
    return step >= 60 ? g_strdup_printf ("%s%" G_GINT64_FORMAT " h %02d", sign, h, m)
                      : g_strdup_printf ("%s%" G_GINT64_FORMAT ":%02d:%02d", sign, h, m, s);
  return step >= 60 ? g_strdup_printf ("%s%d min", sign, m)
                    : g_strdup_printf ("%s%d:%02d", sign, m, s);
}

/**
 * kx_format_value:
 * @value: a loss, say
 *
 * Returns: (transfer full): three significant digits, for reading: "0.0831", "2.30",
 *   "1.2×10⁻⁵", "45.2k"; "not finite" if it is not
 */
char *
kx_format_value (double value)
{
  GString *text = g_string_new (NULL);
  double size = fabs (value);

  if (!isfinite (value))
    g_string_append (text, isnan (value) ? "NaN" : value > 0 ? "∞" : MINUS "∞");
  else if (value == 0)
    g_string_append_c (text, '0');
  else if (size < TINY || size >= 1e15)
    append_power (text, value, 0);
  else if (size >= 1e9)
    append_fixed (text, value / 1e9, size < 1e10 ? 2 : 1), g_string_append_c (text, 'G');
  else if (size >= 1e6)
    append_fixed (text, value / 1e6, size < 1e7 ? 2 : 1), g_string_append_c (text, 'M');
  else if (size >= MANY)
    append_fixed (text, value / 1e3, 1), g_string_append_c (text, 'k');
  else
    append_fixed (text, value, (int) CLAMP (2 - floor (log10 (size) + 1e-9), 0, 6));
  return g_string_free (text, FALSE);
}

/**
 * kx_format_count:
 * @value: a step, say
 *
 * Returns: (transfer full): all digits of the nearest whole number: "12,345"
 */
char *
kx_format_count (double value)
{
  GString *text = g_string_new (NULL);

  append_fixed (text, value, 0);
  return g_string_free (text, FALSE);
}

/**
 * kx_format_fixed:
 * @value: a number
 * @decimals: how many digits it has after the point
 *
 * Returns: (transfer full): it as it is read, with a minus as wide as a plus: "−0.30"
 */
char *
kx_format_fixed (double value, int decimals)
{
  GString *text = g_string_new (NULL);

  append_fixed (text, value, decimals);
  return g_string_free (text, FALSE);
}

/**
 * kx_format_change:
 * @change: how much something is more than before
 *
 * Returns: (transfer full): "+1.2", "−0.4"; "0.0" if that is all of it
 */
char *
kx_format_change (double change)
{
  g_autofree char *text = kx_format_fixed (change, 1);

  return g_strconcat (change >= 0.05 ? "+" : "", text, NULL);
}

/**
 * kx_format_seconds:
 * @seconds: a time since a run began
 *
 * Returns: (transfer full): "1:32", "2:05:07"; "4.2 s" under ten seconds
 */
char *
kx_format_seconds (double seconds)
{
  if (!isfinite (seconds))
    return g_strdup ("–");
  if (fabs (seconds) < 10)
    return label_seconds (round (seconds * 10) / 10, 0.1);
  return label_seconds (seconds, 1);
}

/* ── Ticks ── */

static void
add_tick (GArray *ticks, double value, gboolean major)
{
  KxTick tick = { .value = value, .major = major };

  if (ticks->len < MOST_TICKS)
    g_array_append_val (ticks, tick);
}

/* The least of 1, 2 and 5 times a power of ten that is not below @least. */
static double
round_up (double least)
{
  double power = pow (10, floor (log10 (least)));

  for (int i = -1; i <= 1; i++)
    for (int j = 0; j < 3; j++)
      {
        double step = ((int[]){ 1, 2, 5 })[j] * power * pow (10, i);
        if (step >= least * (1 - 1e-9))
          return step;
      }
  return 20 * power;
}

static double
round_up_seconds (double least)
{
  static const int steps[] = { 1,   2,   5,    10,   15,   30,    60,    120,   300,
                               600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400 };

  if (least <= 0.5)
    return round_up (least);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    if (steps[i] >= least * (1 - 1e-9))
      return steps[i];
  return round_up (least / 86400) * 86400;
}

/* Multiples of a round step, so that lines do not move when the range does. */
static void
add_linear (const KxAxis *axis, double gap, GArray *ticks)
{
  /* On a logarithmic scale, the densest place decides; it is nearly even in a small range. */
  double pixel = (axis->high - axis->low) / axis->length;
  double widest = axis->scale == KX_SCALE_LOG
                      ? axis->high * log (axis->high / axis->low) / axis->length
                      : pixel;
  double step = axis->quantity == KX_QUANTITY_SECONDS ? round_up_seconds (gap * widest)
                                                      : round_up (gap * widest);
  if (axis->quantity == KX_QUANTITY_COUNT)
    step = MAX (step, 1);
  double first = ceil (axis->low / step - 1e-9), last = floor (axis->high / step + 1e-9);
  double largest = MAX (fabs (first), fabs (last)) * step;

  for (double i = first; i <= last && ticks->len < MOST_TICKS; i++)
    {
      add_tick (ticks, i == 0 ? 0 : i * step, TRUE);
      KxTick *tick = &g_array_index (ticks, KxTick, ticks->len - 1);
      g_autofree char *label = axis->quantity == KX_QUANTITY_SECONDS
                                   ? label_seconds (tick->value, step)
                                   : label_number (tick->value, step, largest);
      g_strlcpy (tick->label, label, sizeof tick->label);
    }
}

static char *
label_logarithmic (const KxAxis *axis, double value)
{
  /* Each number as it would be alone: on one axis there are 10⁻⁴ and 0.1. */
  if (axis->quantity == KX_QUANTITY_SECONDS && value >= 1)
    return label_seconds (value, value < 60 ? 1 : fmod (value, 60) == 0 ? 60 : 1);
  double power = pow (10, floor (log10 (value) + 1e-9));
  return label_number (value, power, axis->high >= MANY && value >= 1000 ? MANY : value);
}

static void
add_decade (const KxAxis *axis, int exponent, int every, gboolean minor, gboolean fine,
            GArray *ticks)
{
  for (int digit = 1; digit <= (minor ? 9 : 1); digit++)
    {
      double value = digit * pow (10, exponent);
      gboolean major = digit == 1 ? exponent % every == 0 : fine && (digit == 2 || digit == 5);
      if (value < axis->low * (1 - 1e-9) || value > axis->high * (1 + 1e-9))
        continue;
      add_tick (ticks, value, major);
      if (!major)
        continue;
      KxTick *tick = &g_array_index (ticks, KxTick, ticks->len - 1);
      g_autofree char *label = label_logarithmic (axis, value);
      g_strlcpy (tick->label, label, sizeof tick->label);
    }
}

static guint
count_major (const GArray *ticks)
{
  guint n = 0;

  for (guint i = 0; i < ticks->len; i++)
    n += g_array_index (ticks, KxTick, i).major;
  return n;
}

static void
add_logarithmic (const KxAxis *axis, double gap, GArray *ticks)
{
  double decades = log10 (axis->high / axis->low), decade = axis->length / decades;
  int every = (int) MAX (1, ceil (gap / decade - 1e-9));
  gboolean minor = every == 1 && decade >= gap;
  /* From 2 to 5 are 0.4 decades, from 1 to 2 and from 5 to 10 are 0.3. */
  gboolean fine = decades < FINE_BELOW && 0.3 * decade >= 0.6 * gap;
  int first = (int) floor (log10 (axis->low) + 1e-9),
      last = (int) floor (log10 (axis->high) + 1e-9);

  for (int exponent = first; exponent <= last; exponent++)
    add_decade (axis, exponent, every, minor, fine, ticks);
}

/* Those of a hundred times the range. */
static GArray *
share_ticks (const KxAxis *axis, double gap)
{
  KxAxis hundred
      = { axis->scale, KX_QUANTITY_NUMBER, axis->low * 100, axis->high * 100, axis->length };
  GArray *ticks = kx_axis_ticks (&hundred, gap);

  for (guint i = 0; i < ticks->len; i++)
    {
      KxTick *tick = &g_array_index (ticks, KxTick, i);
      tick->value /= 100;
      if (tick->major)
        g_strlcat (tick->label, " %", sizeof tick->label);
    }
  return ticks;
}

/**
 * kx_axis_ticks:
 * @axis: an axis
 * @gap: pixels that are at least between labels
 *
 * Linear scales have ticks at multiples of 1, 2 or 5 times a power of ten, counts at whole
 * numbers only, seconds at multiples of 1, 2, 5, 10, 15 and 30 s or min, 1, 2, 3, 6 and 12 h.
 * Logarithmic scales have them at powers of ten, if need be at every n-th, and minor ones at 2…9; 2
 * and 5 are labelled where there are less than two decades. Where there is less than 0.3 of one, or
 * too few labels would be left, linear ticks are taken.
 *
 * Returns: (transfer full) (element-type KxTick): in ascending order; empty if the axis
 *   is not valid
 */
GArray *
kx_axis_ticks (const KxAxis *axis, double gap)
{
  if (axis->quantity == KX_QUANTITY_SHARE)
    return share_ticks (axis, gap);
  GArray *ticks = g_array_new (FALSE, TRUE, sizeof (KxTick));
  if (!kx_axis_valid (axis))
    return ticks;
  if (axis->scale == KX_SCALE_LOG && log10 (axis->high / axis->low) >= LINEAR_BELOW)
    {
      add_logarithmic (axis, gap, ticks);
      if (count_major (ticks) >= 2 || log10 (axis->high / axis->low) >= FINE_BELOW)
        return ticks;
      g_array_set_size (ticks, 0);
    }
  add_linear (axis, gap, ticks);
  return ticks;
}
