/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "series.h"

#include <math.h>
#include <string.h>

#define FAN 8          /* points per node, and nodes per node of the next level */
#define MOST_LEVELS 22 /* 8^22 points are more than there is memory for */

typedef struct {
  KxSeriesFunc func;
  gpointer data;
} Watch;

struct _KxSeries {
  grefcount ref;
  GArray *x, *y;
  GArray *levels[MOST_LEVELS]; /* of KxSummary; one is made when the one below has FAN nodes */
  guint n_levels;
  guint generation;
  GArray *watches;
};

/* ── Making ── */

/**
 * kx_series_new:
 *
 * Returns: (transfer full): a series without points
 */
KxSeries *
kx_series_new (void)
{
  KxSeries *series = g_new0 (KxSeries, 1);

  g_ref_count_init (&series->ref);
  series->x = g_array_new (FALSE, FALSE, sizeof (double));
  series->y = g_array_new (FALSE, FALSE, sizeof (float));
  series->watches = g_array_new (FALSE, FALSE, sizeof (Watch));
  return series;
}

KxSeries *
kx_series_ref (KxSeries *series)
{
  g_ref_count_inc (&series->ref);
  return series;
}

void
kx_series_unref (KxSeries *series)
{
  if (!g_ref_count_dec (&series->ref))
    return;
  g_array_unref (series->x);
  g_array_unref (series->y);
  g_array_unref (series->watches);
  for (guint level = 0; level < series->n_levels; level++)
    g_array_unref (series->levels[level]);
  g_free (series);
}

/* ── The pyramid ── */

static const KxSummary empty
    = { .min = INFINITY, .max = -INFINITY, .positive = INFINITY, .first = NAN, .last = NAN };

static inline void
add_point (KxSummary *summary, float y)
{
  summary->last = y;
  if (!isfinite (y))
    {
      summary->nonfinite++;
      return;
    }
  summary->min = MIN (summary->min, y);
  summary->max = MAX (summary->max, y);
  if (y > 0)
    summary->positive = MIN (summary->positive, y);
  else
    summary->nonpositive++;
}

/* @next is of the points that follow; @begun: @summary is of at least one point. */
static inline void
add_summary (KxSummary *summary, const KxSummary *next, gboolean begun)
{
  if (!begun)
    {
      *summary = *next;
      return;
    }
  summary->min = MIN (summary->min, next->min);
  summary->max = MAX (summary->max, next->max);
  summary->positive = MIN (summary->positive, next->positive);
  summary->last = next->last;
  summary->nonpositive += next->nonpositive;
  summary->nonfinite += next->nonfinite;
}

/* A new top level, once the one below has so many nodes that it is worth one. */
static void
add_level (KxSeries *series)
{
  GArray *nodes = g_array_new (FALSE, FALSE, sizeof (KxSummary));
  const GArray *below = series->levels[series->n_levels - 1];

  for (guint i = 0; i < below->len; i++)
    {
      if (i % FAN == 0)
        g_array_append_val (nodes, empty);
      add_summary (&g_array_index (nodes, KxSummary, i / FAN), &g_array_index (below, KxSummary, i),
                   i % FAN > 0);
    }
  series->levels[series->n_levels++] = nodes;
}

static void
extend_pyramid (KxSeries *series, gsize i, float y)
{
  gsize size = FAN;

  if (series->n_levels == 0)
    series->levels[series->n_levels++] = g_array_new (FALSE, FALSE, sizeof (KxSummary));
  for (guint level = 0; level < series->n_levels; level++, size *= FAN)
    {
      GArray *nodes = series->levels[level];
      if (i % size == 0)
        {
          g_array_append_val (nodes, empty);
          g_array_index (nodes, KxSummary, nodes->len - 1).first = y;
        }
      add_point (&g_array_index (nodes, KxSummary, nodes->len - 1), y);
    }
  if (series->levels[series->n_levels - 1]->len > FAN && series->n_levels < MOST_LEVELS)
    add_level (series);
}

/**
 * kx_series_summarize:
 * @series: a series
 * @begin: the first point
 * @end: the one after the last, at most the length
 *
 * Returns: what is in that range, from few nodes whatever its size
 */
KxSummary
kx_series_summarize (const KxSeries *series, gsize begin, gsize end)
{
  KxSummary summary = empty;
  gsize at = begin;

  g_return_val_if_fail (end <= series->y->len, summary);

  while (at < end)
    {
      /* The largest node that begins here and does not go beyond the end. */
      gsize size = 1;
      guint level = 0;
      while (level < series->n_levels && at % (size * FAN) == 0 && at + size * FAN <= end)
        {
          size *= FAN;
          level++;
        }
      if (level > 0)
        add_summary (&summary, &g_array_index (series->levels[level - 1], KxSummary, at / size),
                     at > begin);
      else
        {
          float y = g_array_index (series->y, float, at);
          if (at == begin)
            summary.first = y;
          add_point (&summary, y);
        }
      at += size;
    }
  return summary;
}

/* ── Points ── */

static void
tell (KxSeries *series)
{
  kx_series_ref (series);
  for (guint i = 0; i < series->watches->len; i++)
    {
      Watch watch = g_array_index (series->watches, Watch, i);
      watch.func (series, watch.data);
    }
  kx_series_unref (series);
}

/**
 * kx_series_append:
 * @series: a series
 * @x: finite, and not below that of the point before
 * @y: anything; what is not finite breaks the line
 *
 * Adds a point. One whose x goes back or is not finite is a mistake and is left out.
 */
void
kx_series_append (KxSeries *series, double x, float y)
{
  kx_series_append_many (series, &x, &y, 1);
}

/**
 * kx_series_append_many:
 * @series: a series
 * @x: [@n], ascending, see kx_series_append()
 * @y: [@n]
 * @n: how many
 *
 * Adds points and tells those who watch once.
 */
void
kx_series_append_many (KxSeries *series, const double *x, const float *y, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      gsize length = series->x->len;
      g_return_if_fail (length < G_MAXUINT / sizeof (double));
      g_return_if_fail (isfinite (x[i]));
      g_return_if_fail (length == 0 || x[i] >= g_array_index (series->x, double, length - 1));
      g_array_append_val (series->x, x[i]);
      g_array_append_val (series->y, y[i]);
      extend_pyramid (series, length, y[i]);
    }
  if (n > 0)
    tell (series);
}

/**
 * kx_series_truncate:
 * @series: a series
 * @x: from where on points go
 *
 * Removes the points at @x and beyond, as a run does that goes back and on from there.
 */
void
kx_series_truncate (KxSeries *series, double x)
{
  gsize length = kx_series_find (series, x), size = 1;

  if (length == series->x->len)
    return;
  g_array_set_size (series->x, (guint) length);
  g_array_set_size (series->y, (guint) length);
  for (guint level = 0; level < series->n_levels; level++)
    {
      GArray *nodes = series->levels[level];
      size *= FAN;
      gsize whole = length / size;
      g_array_set_size (nodes, (guint) whole);
      if (length % size > 0)
        {
          /* Asks for points below this level only, which are right already. */
          KxSummary rest = kx_series_summarize (series, whole * size, length);
          g_array_append_val (nodes, rest);
        }
    }
  series->generation++;
  tell (series);
}

gsize
kx_series_get_length (const KxSeries *series)
{
  return series->x->len;
}

/**
 * kx_series_get_x:
 * @series: a series
 *
 * Returns: (transfer none): all x; good until a point is added
 */
const double *
kx_series_get_x (const KxSeries *series)
{
  return (const double *) series->x->data;
}

/**
 * kx_series_get_y:
 * @series: a series
 *
 * Returns: (transfer none): all y; good until a point is added
 */
const float *
kx_series_get_y (const KxSeries *series)
{
  return (const float *) series->y->data;
}

/**
 * kx_series_get_generation:
 * @series: a series
 *
 * Returns: a number that changes when points were removed; while it stays, points were
 *   only added
 */
guint
kx_series_get_generation (const KxSeries *series)
{
  return series->generation;
}

/* ── Searching ── */

static gsize
search (const double *x, gsize low, gsize high, double value)
{
  while (low < high)
    {
      gsize middle = low + (high - low) / 2;
      if (x[middle] < value)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

/**
 * kx_series_find:
 * @series: a series
 * @x: a place
 *
 * Returns: the first point that is not before @x; the length if there is none
 */
gsize
kx_series_find (const KxSeries *series, double x)
{
  return search (kx_series_get_x (series), 0, series->x->len, x);
}

/**
 * kx_series_find_from:
 * @series: a series
 * @from: a point that is not after what is sought
 * @x: a place
 *
 * Returns: as kx_series_find(); quick where it is near @from, as in a walk over columns
 */
gsize
kx_series_find_from (const KxSeries *series, gsize from, double x)
{
  const double *all = kx_series_get_x (series);
  gsize length = series->x->len, stride = 1;

  while (from + stride < length && all[from + stride] < x)
    {
      from += stride;
      stride *= 2;
    }
  return search (all, from, MIN (from + stride, length), x);
}

/**
 * kx_series_nearest:
 * @series: a series
 * @x: a place
 *
 * Returns: the point nearest to it, the last one of those at the same x; -1 if there is none
 */
gssize
kx_series_nearest (const KxSeries *series, double x)
{
  const double *all = kx_series_get_x (series);
  gsize length = series->x->len, after = kx_series_find (series, x);

  if (length == 0)
    return -1;
  if (after == length || (after > 0 && x - all[after - 1] <= all[after] - x))
    after--;
  while (after + 1 < length && all[after + 1] == all[after])
    after++;
  return (gssize) after;
}

/* ── Watching ── */

/**
 * kx_series_watch:
 * @series: a series
 * @func: called after points were added or removed, on the thread that did it
 * @data: for @func
 *
 * Watches until kx_series_unwatch() with the same two, which must not be called by a @func.
 */
void
kx_series_watch (KxSeries *series, KxSeriesFunc func, gpointer data)
{
  Watch watch = { func, data };

  g_array_append_val (series->watches, watch);
}

void
kx_series_unwatch (KxSeries *series, KxSeriesFunc func, gpointer data)
{
  for (guint i = 0; i < series->watches->len; i++)
    {
      const Watch *watch = &g_array_index (series->watches, Watch, i);
      if (watch->func == func && watch->data == data)
        {
          g_array_remove_index (series->watches, i);
          return;
        }
    }
}

/* ── Smoothing ── */

/**
 * kx_average_init:
 * @average: to be set
 * @weight: of what came before, from 0 to below 1
 *
 * Makes it an average of nothing.
 */
void
kx_average_init (KxAverage *average, double weight)
{
  *average = (KxAverage){ .weight = CLAMP (weight, 0, 1 - 1e-6), .missing = 1 };
}

/**
 * kx_average_add:
 * @average: an average
 * @y: the next value
 *
 * Returns: the average with it; NaN if @y is not finite, which leaves the average alone
 */
float
kx_average_add (KxAverage *average, float y)
{
  if (!isfinite (y))
    return NAN;
  average->sum = average->weight * average->sum + (1 - average->weight) * y;
  average->missing *= average->weight;
  return (float) (average->sum / (1 - average->missing));
}

void
kx_smoothing_init (KxSmoothing *smoothing)
{
  *smoothing = (KxSmoothing){ .shown = g_array_new (FALSE, FALSE, sizeof (float)) };
  kx_average_init (&smoothing->begin, 0);
  smoothing->end = smoothing->begin;
}

void
kx_smoothing_clear (KxSmoothing *smoothing)
{
  g_clear_pointer (&smoothing->shown, g_array_unref);
}

/**
 * kx_smoothing_begin:
 * @smoothing: of a series
 * @begin: the average before its first point: of nothing, or that of the run that it
 *   branches from
 *
 * Sets the weight and where to begin. If that is another than before, the next update
 * takes all points anew.
 */
void
kx_smoothing_begin (KxSmoothing *smoothing, const KxAverage *begin)
{
  if (memcmp (&smoothing->begin, begin, sizeof *begin) == 0)
    return;
  smoothing->begin = smoothing->end = *begin;
  g_array_set_size (smoothing->shown, 0);
}

/**
 * kx_smoothing_update:
 * @smoothing: of @series
 * @series: a series
 *
 * Takes in the points that are new. All points count, whatever is shown of them, so that
 * the curve does not depend on the zoom.
 */
void
kx_smoothing_update (KxSmoothing *smoothing, const KxSeries *series)
{
  gsize length = series->y->len, done = smoothing->shown->len;
  const float *y = kx_series_get_y (series);

  if (smoothing->generation != series->generation || done > length)
    {
      smoothing->generation = series->generation;
      smoothing->end = smoothing->begin;
      done = 0;
    }
  g_array_set_size (smoothing->shown, (guint) length);
  float *shown = (float *) smoothing->shown->data;
  for (gsize i = done; i < length; i++)
    shown[i] = kx_average_add (&smoothing->end, y[i]);
}
