/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "spans.h"

#include <math.h>

/**
 * kx_spans_new:
 * @n: columns
 *
 * Returns: (transfer full): spans that cover nothing
 */
KxSpans *
kx_spans_new (guint n)
{
  KxSpans *spans = g_new0 (KxSpans, 1);

  spans->n = n;
  spans->low = g_new (float, n + 1);
  spans->high = g_new (float, n + 1);
  for (guint i = 0; i < n; i++)
    {
      spans->low[i] = INFINITY;
      spans->high[i] = -INFINITY;
    }
  return spans;
}

void
kx_spans_free (KxSpans *spans)
{
  g_free (spans->low);
  g_free (spans->high);
  g_free (spans);
}

/**
 * kx_spans_cover:
 * @spans: spans
 * @column: which
 * @from: a height in pixels, downwards
 * @to: another, in either order
 */
void
kx_spans_cover (KxSpans *spans, guint column, double from, double to)
{
  spans->low[column] = fminf (spans->low[column], (float) MIN (from, to));
  spans->high[column] = fmaxf (spans->high[column], (float) MAX (from, to));
}

/**
 * kx_spans_line:
 * @spans: spans
 * @x0: where a straight line begins, in columns: 0.5 is the middle of the first one
 * @y0: its height there
 * @x1: where it ends, not before @x0
 * @y1: its height there
 *
 * Covers of each column what the line passes.
 */
void
kx_spans_line (KxSpans *spans, double x0, double y0, double x1, double y1)
{
  double slope = x1 > x0 ? (y1 - y0) / (x1 - x0) : 0;
  double first = MAX (floor (x0), 0), last = MIN (floor (x1), (double) spans->n - 1);

  for (double i = first; i <= last; i++)
    {
      double from = MAX (x0, i), to = MIN (x1, i + 1);
      kx_spans_cover (spans, (guint) i, y0 + (from - x0) * slope,
                      x1 > x0 ? y0 + (to - x0) * slope : y1);
    }
}

static void
widen_once (KxSpans *spans)
{
  float low = INFINITY, high = -INFINITY; /* of the column before, as it was */

  for (guint i = 0; i < spans->n; i++)
    {
      gboolean last = i + 1 == spans->n;
      float own_low = spans->low[i], own_high = spans->high[i];
      spans->low[i] = fminf (fminf (low, own_low), last ? INFINITY : spans->low[i + 1]);
      spans->high[i] = fmaxf (fmaxf (high, own_high), last ? -INFINITY : spans->high[i + 1]);
      low = own_low;
      high = own_high;
    }
}

/**
 * kx_spans_widen:
 * @spans: spans
 * @columns: by how many to either side
 *
 * Lets each column cover what its neighbours do.
 */
void
kx_spans_widen (KxSpans *spans, guint columns)
{
  for (guint i = 0; i < columns; i++)
    widen_once (spans);
}

/**
 * kx_spans_get_extent:
 * @spans: spans
 * @low: (inout): made less if any span begins above it
 * @high: (inout): made greater if any ends below it
 */
void
kx_spans_get_extent (const KxSpans *spans, double *low, double *high)
{
  float least = INFINITY, most = -INFINITY;

  for (guint i = 0; i < spans->n; i++)
    {
      least = MIN (least, spans->low[i]);
      most = MAX (most, spans->high[i]);
    }
  *low = MIN (*low, least);
  *high = MAX (*high, most);
}

/**
 * kx_spans_mask:
 * @width: pixels
 * @height: pixels, at most 32,767 as for all that cairo draws
 *
 * Returns: (transfer full): a picture of opacities, of which all are 0
 */
cairo_surface_t *
kx_spans_mask (guint width, guint height)
{
  return cairo_image_surface_create (CAIRO_FORMAT_A8, (int) width, (int) height);
}

/* Whether a pattern that begins with something drawn draws the column. */
static gboolean
is_drawn (guint column, const double *dashes, int n, double period)
{
  double at = fmod (column, period);

  for (int i = 0; i < n; i++)
    {
      if (at < dashes[i])
        return i % 2 == 0;
      at -= dashes[i];
    }
  return FALSE;
}

/* Lays @coverage over what is there. */
static inline void
blend (guint8 *pixel, double coverage)
{
  *pixel = (guint8) (*pixel + (255 - *pixel) * coverage + 0.5);
}

/* The rows that a column covers whole, and those at its ends that it covers in part. */
static void
paint_ends (guint8 *top, int stride, int height, double low, double high, double alpha,
            gint16 *begin, gint16 *end)
{
  low = CLAMP (low, 0, height);
  high = CLAMP (high, 0, height);
  int first = (int) floor (low), last = (int) floor (high);

  *begin = *end = 0;
  if (high <= low)
    return;
  if (first == last)
    {
      blend (top + (gsize) first * stride, (high - low) * alpha);
      return;
    }
  blend (top + (gsize) first * stride, (first + 1 - low) * alpha);
  if (last < height)
    blend (top + (gsize) last * stride, (high - last) * alpha);
  *begin = (gint16) (first + 1);
  *end = (gint16) last;
}

/* Row by row, as they lie in memory: compilers turn this into a few instructions for many pixels.
 */
static void
paint_row (guint8 *row, guint n, gint16 y, const gint16 *begin, const gint16 *end, guint16 alpha)
{
  for (guint i = 0; i < n; i++)
    {
      guint16 inside = (guint16) (alpha & -(gint16) ((y >= begin[i]) & (y < end[i])));
      guint16 more = (guint16) ((guint16) (255 - row[i]) * inside + 128);
      guint16 rounded = (guint16) (more + (guint16) (more >> 8));
      row[i] = (guint8) (row[i] + (guint8) (rounded >> 8));
    }
}

/**
 * kx_spans_paint:
 * @spans: as many as @mask is wide
 * @mask: of kx_spans_mask()
 * @top: the height that the mask's first row is at
 * @grow: pixels by which each span reaches beyond its ends: half of a line's width
 * @alpha: their opacity
 * @dashes: columns that are drawn and left out in turn
 * @n_dashes: how many; 0: all are drawn
 *
 * Lays the spans over what the mask has.
 */
void
kx_spans_paint (const KxSpans *spans, cairo_surface_t *mask, int top, double grow, double alpha,
                const double *dashes, int n_dashes)
{
  int stride = cairo_image_surface_get_stride (mask),
      height = cairo_image_surface_get_height (mask);
  g_autofree gint16 *begin = g_new0 (gint16, spans->n + 1), *end = g_new0 (gint16, spans->n + 1);
  int first = height, last = 0;
  double period = 0;

  cairo_surface_flush (mask);
  guint8 *data = cairo_image_surface_get_data (mask);
  for (int i = 0; i < n_dashes; i++)
    period += dashes[i];
  for (guint i = 0; i < spans->n; i++)
    {
      if (spans->low[i] > spans->high[i] || (period > 0 && !is_drawn (i, dashes, n_dashes, period)))
        continue;
      paint_ends (data + i, stride, height, spans->low[i] - grow - top, spans->high[i] + grow - top,
                  alpha, &begin[i], &end[i]);
      first = begin[i] < end[i] ? MIN (first, begin[i]) : first;
      last = MAX (last, end[i]);
    }
  for (int y = first; y < last; y++)
    paint_row (data + (gsize) y * stride, spans->n, (gint16) y, begin, end,
               (guint16) (255 * alpha + 0.5));
  cairo_surface_mark_dirty (mask);
}

/**
 * kx_spans_dot:
 * @mask: of kx_spans_mask()
 * @x: its middle, in pixels
 * @y: its middle
 * @radius: in pixels
 * @alpha: its opacity
 *
 * Lays a disc over what the mask has; @mask must have been painted by kx_spans_paint(), or
 * flushed, before.
 */
void
kx_spans_dot (cairo_surface_t *mask, double x, double y, double radius, double alpha)
{
  int stride = cairo_image_surface_get_stride (mask);
  int width = cairo_image_surface_get_width (mask), height = cairo_image_surface_get_height (mask);
  guint8 *data = cairo_image_surface_get_data (mask);
  int left = (int) CLAMP (floor (x - radius), 0, width),
      top = (int) CLAMP (floor (y - radius), 0, height);
  int right = (int) CLAMP (ceil (x + radius), 0, width),
      bottom = (int) CLAMP (ceil (y + radius), 0, height);

  for (int row = top; row < bottom; row++)
    for (int column = left; column < right; column++)
      {
        double coverage = radius + 0.5 - hypot (column + 0.5 - x, row + 0.5 - y);
        if (coverage > 0)
          blend (data + (gsize) row * stride + column, MIN (coverage, 1) * alpha);
      }
  cairo_surface_mark_dirty (mask);
}
