/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "columns.h"

#include <math.h>
#include <string.h>

void
kx_columns_init (KxColumns *columns)
{
  *columns = (KxColumns){ .columns = g_array_new (FALSE, FALSE, sizeof (KxColumn)) };
}

void
kx_columns_clear (KxColumns *columns)
{
  g_clear_pointer (&columns->columns, g_array_unref);
}

static gboolean
same_axis (const KxAxis *a, const KxAxis *b)
{
  return a->scale == b->scale && a->low == b->low && a->high == b->high && a->length == b->length;
}

/* How many columns stand as they are: those left of the first new point. */
static guint
count_kept (const KxColumns *columns, const KxSeries *series, const KxSmoothing *smoothing,
            const KxAxis *axis, KxUnit unit)
{
  const KxColumn *column = (const KxColumn *) columns->columns->data;
  guint n = columns->columns->len;

  /* What a clock says of steps to come changes with every entry. */
  if (n == 0 || unit != KX_UNIT_STEP || unit != columns->unit || !same_axis (axis, &columns->axis)
      || columns->generation != kx_series_get_generation (series)
      || columns->length > kx_series_get_length (series)
      || memcmp (&columns->average, &smoothing->begin, sizeof columns->average) != 0)
    return 0;
  if (columns->length == kx_series_get_length (series))
    return n;
  while (n > 0 && column[n - 1].end >= columns->length)
    n--;
  return n;
}

static float
last_shown (const KxSmoothing *smoothing, gsize begin, gsize end)
{
  for (gsize i = end; i > begin; i--)
    {
      float shown = g_array_index (smoothing->shown, float, i - 1);
      if (isfinite (shown))
        return shown;
    }
  return NAN;
}

/**
 * kx_columns_update:
 * @columns: of @series
 * @series: a series
 * @smoothing: of it, up to date
 * @axis: its length is a number of columns, whole ones
 * @unit: of @axis
 * @clock: (nullable): the run's; knows @unit
 *
 * Sums up the points of each column. If only points were added since the last time, only
 * columns from the first new one on are done.
 */
void
kx_columns_update (KxColumns *columns, const KxSeries *series, const KxSmoothing *smoothing,
                   const KxAxis *axis, KxUnit unit, const KxClock *clock)
{
  guint n = (guint) axis->length, kept = count_kept (columns, series, smoothing, axis, unit);

  g_array_set_size (columns->columns, n);
  KxColumn *column = (KxColumn *) columns->columns->data;
  if (kept == 0)
    columns->begin = kx_series_find (series, kx_clock_to_step (clock, unit, axis->low));
  gsize at = kept > 0 ? column[kept - 1].end : columns->begin;
  for (guint i = kept; i < n; i++)
    {
      double edge = kx_clock_to_step (clock, unit, kx_axis_value (axis, i + 1));
      gsize end = MAX (kx_series_find_from (series, at, edge), at);
      column[i] = (KxColumn){ .begin = at, .end = end };
      column[i].y = kx_series_summarize (series, at, end);
      column[i].shown = last_shown (smoothing, at, end);
      at = end;
    }
  columns->end = at;
  columns->computed = n - kept;
  columns->axis = *axis;
  columns->unit = unit;
  columns->generation = kx_series_get_generation (series);
  columns->length = kx_series_get_length (series);
  columns->average = smoothing->begin;
}

/**
 * kx_columns_get:
 * @columns: up to date
 * @n: (out): how many
 *
 * Returns: (transfer none): from the left
 */
const KxColumn *
kx_columns_get (const KxColumns *columns, guint *n)
{
  *n = columns->columns->len;
  return (const KxColumn *) columns->columns->data;
}
