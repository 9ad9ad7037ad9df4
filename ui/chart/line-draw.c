/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* How a curve is drawn: by spans into pictures of pixels, by paths elsewhere. */

#include "line-layer-private.h"

#include <math.h>

#include "spans.h"

#define BAND_ALPHA 0.18
#define RAW_ALPHA 0.35  /* of single points below a smoothed line */
#define PATH_SPACING 12 /* pixels between points from which on cairo's lines are worth it */
#define DOT_SPACING 4   /* pixels between points from which on they are dots */
#define THIN 0.65       /* of a thick line's width */
#define EDGE 1.25       /* pixels around a thick line */

/* ── Drawing ── */

/* A path that breaks where a value cannot be shown. */
typedef struct {
  const KxPlot *plot;
  cairo_t *cairo;
  gboolean open;
} Pen;

static void
pen_to (Pen *pen, double x, float y)
{
  if (!isfinite (y) || (pen->plot->y.scale == KX_SCALE_LOG && y <= 0) || isnan (x))
    {
      pen->open = FALSE;
      return;
    }
  if (pen->open)
    cairo_line_to (pen->cairo, x, kx_plot_y (pen->plot, y));
  else
    cairo_move_to (pen->cairo, x, kx_plot_y (pen->plot, y));
  pen->open = TRUE;
}

/* NaN where the scale cannot show it: step 0 on a logarithmic one. */
static double
point_x (KxLineLayer *self, const KxPlot *plot, gsize i)
{
  double step = kx_series_get_x (self->series)[i];
  double x = kx_clock_from_step (self->clock, plot->unit, step);

  return plot->x.scale == KX_SCALE_LOG && x <= 0 ? NAN : kx_plot_x (plot, x);
}

/* Where the parent's curve is left: its last point before the first one here. */
static gboolean
find_join (KxLineLayer *self, const KxPlot *plot, gboolean smoothed, double *x, float *y)
{
  KxLineLayer *parent = self->parent;

  if (!parent || self->columns.begin > 0 || !kx_clock_knows (parent->clock, plot->unit))
    return FALSE;
  gsize n = kx_series_find (parent->series, nextafter (self->branch, INFINITY));
  if (n == 0)
    return find_join (parent, plot, smoothed, x, y); /* the parent's past is its parent's */
  kx_line_layer_update_smoothing (parent, plot->smoothing);
  *x = point_x (parent, plot, n - 1);
  *y = smoothed ? kx_line_layer_get_shown (parent, n - 1) : kx_series_get_y (parent->series)[n - 1];
  return TRUE;
}

static void
join_parent (KxLineLayer *self, Pen *pen, gboolean smoothed)
{
  double x;
  float y;

  if (find_join (self, pen->plot, smoothed, &x, &y))
    pen_to (pen, x, y);
}

/* The points that are seen and one on either side, so that the line reaches the edges. */
static void
get_seen (KxLineLayer *self, gsize *begin, gsize *end)
{
  gsize limit = kx_series_find (self->series, nextafter (kx_line_layer_get_limit (self), INFINITY));

  *begin = self->columns.begin > 0 ? self->columns.begin - 1 : 0;
  *end = MIN (self->columns.end + 1, MIN (limit, kx_series_get_length (self->series)));
}

static void
trace_points (KxLineLayer *self, const KxPlot *plot, cairo_t *cairo, gboolean smoothed)
{
  Pen pen = { plot, cairo, FALSE };
  gsize begin, end;

  get_seen (self, &begin, &end);
  join_parent (self, &pen, smoothed);
  for (gsize i = begin; i < end; i++)
    pen_to (&pen, point_x (self, plot, i),
            smoothed ? kx_line_layer_get_shown (self, i) : kx_series_get_y (self->series)[i]);
}

/* Columns up to the limit. */
static guint
count_columns (KxLineLayer *self)
{
  gsize begin, end;
  guint n;
  const KxColumn *column = kx_columns_get (&self->columns, &n);

  get_seen (self, &begin, &end);
  while (n > 0 && column[n - 1].begin >= end)
    n--;
  return n;
}

static void
trace_columns (KxLineLayer *self, const KxPlot *plot, cairo_t *cairo, gboolean smoothed)
{
  Pen pen = { plot, cairo, FALSE };
  guint n = count_columns (self), all;
  const KxColumn *column = kx_columns_get (&self->columns, &all);
  gboolean logarithmic = plot->y.scale == KX_SCALE_LOG;
  gsize length = kx_series_get_length (self->series);

  join_parent (self, &pen, smoothed);
  if (self->columns.begin > 0)
    pen_to (&pen, point_x (self, plot, self->columns.begin - 1),
            kx_line_layer_get_shown (self, self->columns.begin - 1));
  for (guint i = 0; i < n; i++)
    {
      double x = kx_line_layer_column_x (plot, i);
      if (column[i].begin == column[i].end)
        continue;
      float least = logarithmic ? column[i].y.positive : column[i].y.min;
      if (smoothed)
        {
          if (!isfinite (column[i].y.first))
            pen.open = FALSE;
          pen_to (&pen, x, column[i].shown);
          if (!isfinite (column[i].y.last))
            pen.open = FALSE;
          continue;
        }
      pen_to (&pen, x, column[i].y.first);
      if (column[i].end - column[i].begin > 2 && isfinite (least) && isfinite (column[i].y.max))
        {
          pen_to (&pen, x, least);
          pen_to (&pen, x, column[i].y.max);
        }
      if (column[i].end - column[i].begin > 1)
        pen_to (&pen, x, column[i].y.last);
    }
  if (n == all && self->columns.end < length)
    pen_to (&pen, point_x (self, plot, self->columns.end),
            kx_line_layer_get_shown (self, self->columns.end));
}

/* The extremes of a column; FALSE: nothing in it can be shown. */
static gboolean
get_extremes (const KxColumn *column, gboolean logarithmic, double *low, double *high)
{
  *low = logarithmic ? column->y.positive : column->y.min;
  *high = column->y.max;
  return column->begin < column->end && isfinite (*low) && isfinite (*high)
         && (!logarithmic || *high > 0);
}

/* One polygon between the columns' extremes, or several where there are gaps. */
static void
trace_band (KxLineLayer *self, const KxPlot *plot, cairo_t *cairo)
{
  guint n = count_columns (self), all;
  const KxColumn *column = kx_columns_get (&self->columns, &all);
  gboolean logarithmic = plot->y.scale == KX_SCALE_LOG;
  double low, high;

  for (guint begin = 0; begin < n;)
    {
      guint end = begin;
      gboolean first = TRUE;
      for (; end < n
             && (column[end].begin == column[end].end
                 || get_extremes (&column[end], logarithmic, &low, &high));
           end++)
        if (get_extremes (&column[end], logarithmic, &low, &high))
          {
            (first ? cairo_move_to : cairo_line_to) (cairo, kx_line_layer_column_x (plot, end),
                                                     kx_plot_y (plot, high));
            first = FALSE;
          }
      for (guint i = end; i > begin; i--)
        if (get_extremes (&column[i - 1], logarithmic, &low, &high))
          cairo_line_to (cairo, kx_line_layer_column_x (plot, i - 1), kx_plot_y (plot, low));
      if (!first)
        cairo_close_path (cairo);
      begin = end + 1;
    }
}

typedef void (*DotFunc) (double x, double y, double radius, gpointer target);

static void
each_dot (KxLineLayer *self, const KxPlot *plot, double radius, gboolean smoothed, DotFunc func,
          gpointer target)
{
  gsize begin, end;

  get_seen (self, &begin, &end);
  for (gsize i = begin; i < end; i++)
    {
      float y = smoothed ? kx_line_layer_get_shown (self, i) : kx_series_get_y (self->series)[i];
      double x = point_x (self, plot, i);
      if (isfinite (y) && (plot->y.scale == KX_SCALE_LINEAR || y > 0) && !isnan (x))
        func (x, kx_plot_y (plot, y), radius, target);
    }
}

static void
trace_dot (double x, double y, double radius, gpointer cairo)
{
  cairo_new_sub_path (cairo);
  cairo_arc (cairo, x, y, radius, 0, 2 * G_PI);
}

typedef struct {
  const KxPlot *plot;
  cairo_surface_t *opacities;
} DotMask;

static void
stamp_dot (double x, double y, double radius, gpointer data)
{
  const DotMask *target = data;
  const KxPlot *plot = target->plot;

  kx_spans_dot (target->opacities, (x - plot->box.origin.x) * plot->scale,
                (y - plot->box.origin.y) * plot->scale, radius * plot->scale, 1);
}

static gboolean
has_pixels (cairo_t *cairo)
{
  return cairo_surface_get_type (cairo_get_target (cairo)) == CAIRO_SURFACE_TYPE_IMAGE;
}

/* Paints through @opacities, whose first row is @top of the box, and gives them back. */
static void
mask (const KxPlot *plot, cairo_t *cairo, cairo_surface_t *opacities, int top)
{
  cairo_surface_set_device_scale (opacities, plot->scale, plot->scale);
  cairo_mask_surface (cairo, opacities, plot->box.origin.x, plot->box.origin.y + top / plot->scale);
  cairo_surface_destroy (opacities);
}

static void
draw_dots (KxLineLayer *self, const KxPlot *plot, cairo_t *cairo, double radius, gboolean smoothed)
{
  if (has_pixels (cairo))
    {
      DotMask target
          = { plot, kx_spans_mask (self->columns.columns->len,
                                   (guint) round (plot->box.size.height * plot->scale)) };
      each_dot (self, plot, radius, smoothed, stamp_dot, &target);
      mask (plot, cairo, target.opacities, 0);
      return;
    }
  each_dot (self, plot, radius, smoothed, trace_dot, cairo);
  cairo_fill (cairo);
}

static double
dot_radius (double width)
{
  return width * 0.5 + 1.75;
}

static double
line_width (KxLineLayer *self, const KxTheme *theme)
{
  double width = theme->line * (self->kind == KX_LINE_THIN ? THIN : 1);

  if (self->highlighted)
    return width + 1;
  return kx_line_layer_is_grey (self) ? MIN (width, 1) : width;
}

static void
set_dashes (KxLineLayer *self, cairo_t *cairo)
{
  int n;
  const double *dashes = kx_palette_dashes (self->run, &n);

  cairo_set_dash (cairo, dashes, n, 0);
}

static void
set_colour (KxLineLayer *self, const KxTheme *theme, cairo_t *cairo, double alpha)
{
  GdkRGBA colour = kx_line_layer_get_colour (self, theme);

  cairo_set_source_rgba (cairo, colour.red, colour.green, colour.blue, colour.alpha * alpha);
}

/* ── Drawing by spans, into pictures of pixels ── */

/* The end of the curve so far, in columns and device pixels of the box. */
typedef struct {
  const KxPlot *plot;
  KxSpans *spans;
  gboolean open;
  double x, y;
} SpanPen;

static double
span_y (const KxPlot *plot, float y)
{
  return (kx_plot_y (plot, y) - plot->box.origin.y) * plot->scale;
}

static gboolean
can_draw (const KxPlot *plot, float y)
{
  return isfinite (y) && (plot->y.scale == KX_SCALE_LINEAR || y > 0);
}

/* @x: in columns; on to @enter there, and, within the column, to @leave. */
static void
span_to (SpanPen *pen, double x, float enter, float leave)
{
  gboolean entered = can_draw (pen->plot, enter) && !isnan (x);

  if (entered)
    {
      double y = span_y (pen->plot, enter);
      if (pen->open)
        kx_spans_line (pen->spans, pen->x, pen->y, x, y);
      pen->x = x;
      pen->y = y;
    }
  pen->open = can_draw (pen->plot, leave) && !isnan (x);
  if (!pen->open)
    return;
  pen->x = x;
  if (!entered || leave != enter)
    pen->y = span_y (pen->plot, leave);
  if (x >= 0 && x < pen->spans->n)
    kx_spans_cover (pen->spans, (guint) x, pen->y, pen->y);
}

static double
to_columns (const KxPlot *plot, double x)
{
  return (x - plot->box.origin.x) * plot->scale;
}

static void
span_column (SpanPen *pen, guint i, const KxColumn *column, gboolean smoothed)
{
  double low, high;

  if (column->begin == column->end)
    return;
  if (smoothed)
    {
      if (!isfinite (column->y.first))
        pen->open = FALSE;
      span_to (pen, i + 0.5, column->shown, column->shown);
      if (!isfinite (column->y.last))
        pen->open = FALSE;
      return;
    }
  span_to (pen, i + 0.5, column->y.first, column->y.last);
  if (get_extremes (column, pen->plot->y.scale == KX_SCALE_LOG, &low, &high))
    kx_spans_cover (pen->spans, i, span_y (pen->plot, (float) low),
                    span_y (pen->plot, (float) high));
}

/* Each point by itself, where columns have one or none. */
static KxSpans *
span_points (KxLineLayer *self, const KxPlot *plot, gboolean smoothed)
{
  KxSpans *spans = kx_spans_new (self->columns.columns->len);
  SpanPen pen = { plot, spans, FALSE, 0, 0 };
  gsize begin, end;
  double x;
  float y;

  get_seen (self, &begin, &end);
  if (find_join (self, plot, smoothed, &x, &y))
    span_to (&pen, to_columns (plot, x), y, y);
  for (gsize i = begin; i < end; i++)
    {
      y = smoothed ? kx_line_layer_get_shown (self, i) : kx_series_get_y (self->series)[i];
      span_to (&pen, to_columns (plot, point_x (self, plot, i)), y, y);
    }
  return spans;
}

static KxSpans *
span_columns (KxLineLayer *self, const KxPlot *plot, gboolean smoothed)
{
  guint n = count_columns (self), all;
  const KxColumn *column = kx_columns_get (&self->columns, &all);
  KxSpans *spans = kx_spans_new (all);
  SpanPen pen = { plot, spans, FALSE, 0, 0 };
  double x;
  float y;

  if (self->columns.begin > 0)
    {
      y = kx_line_layer_get_shown (self, self->columns.begin - 1);
      span_to (&pen, to_columns (plot, point_x (self, plot, self->columns.begin - 1)), y, y);
    }
  else if (find_join (self, plot, smoothed, &x, &y))
    span_to (&pen, to_columns (plot, x), y, y);
  for (guint i = 0; i < n; i++)
    span_column (&pen, i, &column[i], smoothed);
  if (n == all && self->columns.end < kx_series_get_length (self->series))
    {
      y = kx_line_layer_get_shown (self, self->columns.end);
      span_to (&pen, to_columns (plot, point_x (self, plot, self->columns.end)), y, y);
    }
  return spans;
}

static KxSpans *
span_band (KxLineLayer *self, const KxPlot *plot)
{
  guint n = count_columns (self), all;
  const KxColumn *column = kx_columns_get (&self->columns, &all);
  KxSpans *spans = kx_spans_new (all);
  double low, high;

  for (guint i = 0; i < n; i++)
    if (get_extremes (&column[i], plot->y.scale == KX_SCALE_LOG, &low, &high))
      kx_spans_cover (spans, i, span_y (plot, (float) low), span_y (plot, (float) high));
  return spans;
}

/* Rows of the box that spans reach to, with room for the line's width. */
static void
get_rows (const KxPlot *plot, const KxSpans *one, const KxSpans *other, double grow, int *top,
          guint *height)
{
  double low = INFINITY, high = -INFINITY, rows = round (plot->box.size.height * plot->scale);

  kx_spans_get_extent (one, &low, &high);
  if (other)
    kx_spans_get_extent (other, &low, &high);
  *top = (int) CLAMP (floor (low - grow), 0, rows - 1);
  *height = (guint) MAX (CLAMP (ceil (high + grow), 0, rows) - *top, 1);
}

/* Dashes follow the columns, not the curve's ups and downs, in which they would be lost. */
static void
draw_spans (KxLineLayer *self, const KxPlot *plot, cairo_t *cairo, gboolean smoothed,
            gboolean dense)
{
  double grow = line_width (self, plot->theme) * plot->scale / 2, edge = EDGE * plot->scale;
  g_autoptr (KxSpans) line
      = dense ? span_columns (self, plot, smoothed) : span_points (self, plot, smoothed);
  g_autoptr (KxSpans) raw = NULL;
  double scaled[4];
  guint height;
  int n, top;
  const double *dashes = kx_palette_dashes (self->run, &n);

  for (int i = 0; i < n; i++)
    scaled[i] = dashes[i] * plot->scale;
  if (smoothed && kx_line_layer_has_band (self))
    raw = dense ? span_band (self, plot) : span_points (self, plot, FALSE);
  /*
   * Where it is steep, a line is as wide as it is thick where it is level; of more points than
   * columns that would be but a blot.
   */
  if (!dense)
    kx_spans_widen (line, (guint) MAX (round (grow - 0.55), 0));
  get_rows (plot, line, raw, grow + edge, &top, &height);
  if (self->kind == KX_LINE_THICK)
    {
      cairo_surface_t *around = kx_spans_mask (line->n, height);
      kx_spans_paint (line, around, top, grow + edge, 1, NULL, 0);
      gdk_cairo_set_source_rgba (cairo, &plot->theme->background);
      mask (plot, cairo, around, top);
    }
  cairo_surface_t *opacities = kx_spans_mask (line->n, height);
  if (raw)
    kx_spans_paint (raw, opacities, top, dense ? 0 : plot->scale / 2,
                    dense ? BAND_ALPHA : RAW_ALPHA, NULL, 0);
  kx_spans_paint (line, opacities, top, grow, 1, scaled, n);
  set_colour (self, plot->theme, cairo, 1);
  mask (plot, cairo, opacities, top);
}

/* ── Drawing by paths, which works for anything ── */

/* The band of the extremes, or, where there are few points, the points themselves. */
static void
draw_raw (KxLineLayer *self, const KxPlot *plot, cairo_t *cairo, gboolean dense)
{
  set_colour (self, plot->theme, cairo, dense ? BAND_ALPHA : RAW_ALPHA);
  if (dense)
    {
      trace_band (self, plot, cairo);
      cairo_fill (cairo);
      return;
    }
  cairo_set_line_width (cairo, 1);
  trace_points (self, plot, cairo, FALSE);
  cairo_stroke (cairo);
}

/* A thick line has an edge of the ground's colour, to stand out from what it crosses. */
static void
draw_paths (KxLineLayer *self, const KxPlot *plot, cairo_t *cairo, gboolean smoothed,
            gboolean dense)
{
  double width = line_width (self, plot->theme);

  cairo_set_line_join (cairo, dense ? CAIRO_LINE_JOIN_BEVEL : CAIRO_LINE_JOIN_ROUND);
  if (smoothed && kx_line_layer_has_band (self))
    draw_raw (self, plot, cairo, dense);
  if (dense)
    trace_columns (self, plot, cairo, smoothed);
  else
    trace_points (self, plot, cairo, smoothed);
  if (self->kind == KX_LINE_THICK)
    {
      gdk_cairo_set_source_rgba (cairo, &plot->theme->background);
      cairo_set_line_width (cairo, width + 2 * EDGE);
      cairo_stroke_preserve (cairo);
    }
  set_colour (self, plot->theme, cairo, 1);
  set_dashes (self, cairo);
  cairo_set_line_width (cairo, width);
  cairo_stroke (cairo);
}

static void
draw_all_dots (KxLineLayer *self, const KxPlot *plot, cairo_t *cairo, gboolean smoothed)
{
  double radius = dot_radius (line_width (self, plot->theme));

  if (smoothed && kx_line_layer_has_band (self))
    {
      set_colour (self, plot->theme, cairo, RAW_ALPHA);
      draw_dots (self, plot, cairo, 1.5, FALSE);
    }
  if (self->kind == KX_LINE_THICK)
    {
      gdk_cairo_set_source_rgba (cairo, &plot->theme->background);
      draw_dots (self, plot, cairo, radius + EDGE, smoothed);
    }
  set_colour (self, plot->theme, cairo, 1);
  draw_dots (self, plot, cairo, radius, smoothed);
}

/* Whether single points can be told from each other: there are few where the line is. */
static gboolean
is_sparse (KxLineLayer *self, const KxPlot *plot)
{
  gsize begin = self->columns.begin, seen = self->columns.end - begin;

  if (seen < 2)
    return seen > 0;
  double width = point_x (self, plot, begin + seen - 1) - point_x (self, plot, begin);
  return (double) (seen - 1) * DOT_SPACING < width;
}

/* The layer's draw (). */
void
kx_line_layer_draw (KxLayer *layer, const KxPlot *plot, cairo_t *cairo)
{
  KxLineLayer *self = KX_LINE_LAYER (layer);

  if (!kx_line_layer_can_show (self, plot->unit))
    return;
  gboolean smoothed = self->smoothing.begin.weight > 0;
  gsize seen = self->columns.end - self->columns.begin;
  gboolean dense = seen > self->columns.columns->len;
  if (seen * PATH_SPACING > plot->box.size.width && has_pixels (cairo))
    draw_spans (self, plot, cairo, smoothed, dense);
  else
    draw_paths (self, plot, cairo, smoothed, dense);
  if (is_sparse (self, plot))
    draw_all_dots (self, plot, cairo, smoothed);
}

/**
 * kx_line_layer_stroke_sample:
 * @line: a curve
 * @theme: a theme
 * @cairo: where
 * @x0: left end
 * @x1: right end
 * @y: height
 *
 * Draws a piece of it for a legend.
 */
void
kx_line_layer_stroke_sample (KxLineLayer *self, const KxTheme *theme, cairo_t *cairo, double x0,
                             double x1, double y)
{
  set_colour (self, theme, cairo, 1);
  set_dashes (self, cairo);
  cairo_set_line_width (cairo, line_width (self, theme));
  cairo_move_to (cairo, x0, y);
  cairo_line_to (cairo, x1, y);
  cairo_stroke (cairo);
  cairo_set_dash (cairo, NULL, 0, 0);
}
