/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "line-layer.h"

#include <math.h>

#include "columns.h"
#include "spans.h"

#define BAND_ALPHA 0.18
#define RAW_ALPHA 0.35    /* of single points below a smoothed line */
#define PATH_SPACING 12   /* pixels between points from which on cairo's lines are worth it */
#define DOT_SPACING 4     /* pixels between points from which on they are dots */
#define LOWEST_SHARE 0.02 /* of the columns' extremes that need not be seen */
#define THIN 0.65         /* of a thick line's width */
#define EDGE 1.25         /* pixels around a thick line */

struct _KxLineLayer {
  KxLayer parent_instance;
  KxSeries *series;
  char *name;
  guint run;
  KxLineKind kind;
  gboolean visible, highlighted, selected;
  KxClock *clock;

  KxLineLayer *parent; /* owned; the past up to @branch is its */
  GPtrArray *children; /* lent */
  double branch;
  KxAverage inherited;  /* the parent's at @branch */
  gsize inherited_from; /* how many points of the parent that took, and of which generation */
  guint inherited_generation;

  KxSmoothing smoothing;
  KxColumns columns;
};

G_DEFINE_FINAL_TYPE (KxLineLayer, kx_line_layer, KX_TYPE_LAYER)

enum {
  PROP_NAME = 1,
  PROP_VISIBLE,
  PROP_HIGHLIGHTED,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

/* Of runs beyond those that have a colour, only what is selected is more than a grey line. */
static gboolean
is_grey (KxLineLayer *self)
{
  return self->run >= KX_PALETTE_RUNS && !self->selected;
}

/* ── Smoothing ── */

/* What the parent's average was where the line leaves it. */
static void
inherit (KxLineLayer *self, double weight)
{
  const KxSeries *series = self->parent->series;
  gsize n = kx_series_find (series, nextafter (self->branch, INFINITY));

  if (self->inherited.weight == weight && self->inherited_from == n
      && self->inherited_generation == kx_series_get_generation (series))
    return;
  if (self->parent->parent)
    {
      inherit (self->parent, weight);
      self->inherited = self->parent->inherited;
    }
  else
    kx_average_init (&self->inherited, weight);
  for (gsize i = 0; i < n; i++)
    kx_average_add (&self->inherited, kx_series_get_y (series)[i]);
  self->inherited.weight = weight;
  self->inherited_from = n;
  self->inherited_generation = kx_series_get_generation (series);
}

static void
update_smoothing (KxLineLayer *self, double weight)
{
  KxAverage begin;

  kx_average_init (&begin, self->kind == KX_LINE_THICK ? 0 : weight);
  if (self->parent && begin.weight > 0)
    {
      inherit (self, begin.weight);
      begin = self->inherited;
    }
  kx_smoothing_begin (&self->smoothing, &begin);
  kx_smoothing_update (&self->smoothing, self->series);
}

static float
shown_at (KxLineLayer *self, gsize i)
{
  return g_array_index (self->smoothing.shown, float, i);
}

/* ── What is drawn ── */

/* The step up to which it is drawn: where it is hidden, its shown children's past. */
static double
get_limit (KxLineLayer *self)
{
  double limit = -INFINITY;

  if (self->visible)
    return INFINITY;
  for (guint i = 0; i < self->children->len; i++)
    {
      KxLineLayer *child = g_ptr_array_index (self->children, i);
      limit = MAX (limit, MIN (get_limit (child), child->branch));
    }
  return limit;
}

static gboolean
can_show (KxLineLayer *self, KxUnit unit)
{
  return kx_clock_knows (self->clock, unit) && kx_series_get_length (self->series) > 0
         && get_limit (self) > -INFINITY;
}

/* Grey ones, then what is noisy, what is exact, and what somebody points at. */
static int
kx_line_layer_get_level (KxLayer *layer)
{
  KxLineLayer *self = KX_LINE_LAYER (layer);

  if (self->highlighted)
    return 4;
  if (is_grey (self))
    return 1;
  return self->kind == KX_LINE_THIN ? 2 : 3;
}

static void
kx_line_layer_get_extent (KxLayer *layer, KxUnit unit, KxFit *extent)
{
  KxLineLayer *self = KX_LINE_LAYER (layer);

  if (!can_show (self, unit))
    return;
  const double *x = kx_series_get_x (self->series);
  gsize length = kx_series_get_length (self->series);
  double last = MIN (x[length - 1], get_limit (self));
  gsize positive = kx_series_find (self->series, nextafter (0, 1));
  kx_fit_add (extent, kx_clock_from_step (self->clock, unit, x[0]));
  kx_fit_add (extent, kx_clock_from_step (self->clock, unit, last));
  if (positive < length)
    kx_fit_add (extent, kx_clock_from_step (self->clock, unit, x[positive]));
}

static void
kx_line_layer_prepare (KxLayer *layer, const KxPlot *plot)
{
  KxLineLayer *self = KX_LINE_LAYER (layer);
  KxAxis axis = plot->x;

  if (!can_show (self, plot->unit))
    return;
  axis.length = MAX (1, round (plot->box.size.width * plot->scale));
  update_smoothing (self, plot->smoothing);
  kx_columns_update (&self->columns, self->series, &self->smoothing, &axis, plot->unit,
                     self->clock);
}

/* The value that would be at @at if they were sorted (Hoare's selection); moves them about. */
static float
select_value (float *values, guint n, guint at)
{
  guint low = 0, high = n - 1;

  while (low < high)
    {
      float pivot = values[low + (high - low) / 2];
      guint i = low, k = high;
      for (;; i++, k--)
        {
          while (values[i] < pivot)
            i++;
          while (values[k] > pivot)
            k--;
          if (i >= k)
            break;
          float other = values[i];
          values[i] = values[k];
          values[k] = other;
        }
      if (at <= k)
        high = k;
      else
        low = k + 1;
    }
  return values[at];
}

/* Adds the value below which a share of them is. */
static void
add_quantile (GArray *values, double share, KxFit *fit)
{
  if (values->len > 0)
    kx_fit_add (fit, select_value ((float *) values->data, values->len,
                                   (guint) round (share * (values->len - 1))));
}

static gboolean
has_band (KxLineLayer *self)
{
  return self->kind == KX_LINE_THIN && !is_grey (self);
}

static void
kx_line_layer_get_fit (KxLayer *layer, const KxPlot *plot, gboolean all, KxFit *fit)
{
  KxLineLayer *self = KX_LINE_LAYER (layer);
  gboolean logarithmic = plot->y.scale == KX_SCALE_LOG;
  guint n;

  if (!can_show (self, plot->unit))
    return;
  const KxColumn *column = kx_columns_get (&self->columns, &n);
  g_autoptr (GArray) low = g_array_new (FALSE, FALSE, sizeof (float));
  g_autoptr (GArray) high = g_array_new (FALSE, FALSE, sizeof (float));
  for (guint i = 0; i < n; i++)
    {
      float least = logarithmic ? column[i].y.positive : column[i].y.min;
      if (column[i].begin == column[i].end || !isfinite (least)
          || (logarithmic && column[i].y.max <= 0))
        continue;
      if (!logarithmic || column[i].shown > 0)
        kx_fit_add (fit, column[i].shown);
      g_array_append_val (low, least);
      g_array_append_val (high, column[i].y.max);
    }
  if (!has_band (self) && !all)
    return;
  add_quantile (low, all ? 0 : LOWEST_SHARE, fit);
  add_quantile (high, all ? 1 : 1 - LOWEST_SHARE, fit);
}

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

static double
column_x (const KxPlot *plot, guint i)
{
  return plot->box.origin.x + (i + 0.5) / plot->scale;
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
  update_smoothing (parent, plot->smoothing);
  *x = point_x (parent, plot, n - 1);
  *y = smoothed ? shown_at (parent, n - 1) : kx_series_get_y (parent->series)[n - 1];
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
  gsize limit = kx_series_find (self->series, nextafter (get_limit (self), INFINITY));

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
            smoothed ? shown_at (self, i) : kx_series_get_y (self->series)[i]);
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
            shown_at (self, self->columns.begin - 1));
  for (guint i = 0; i < n; i++)
    {
      double x = column_x (plot, i);
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
    pen_to (&pen, point_x (self, plot, self->columns.end), shown_at (self, self->columns.end));
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
            (first ? cairo_move_to : cairo_line_to) (cairo, column_x (plot, end),
                                                     kx_plot_y (plot, high));
            first = FALSE;
          }
      for (guint i = end; i > begin; i--)
        if (get_extremes (&column[i - 1], logarithmic, &low, &high))
          cairo_line_to (cairo, column_x (plot, i - 1), kx_plot_y (plot, low));
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
      float y = smoothed ? shown_at (self, i) : kx_series_get_y (self->series)[i];
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
  return is_grey (self) ? MIN (width, 1) : width;
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
  if (can_draw (pen->plot, enter) && !isnan (x))
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
      y = smoothed ? shown_at (self, i) : kx_series_get_y (self->series)[i];
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
      y = shown_at (self, self->columns.begin - 1);
      span_to (&pen, to_columns (plot, point_x (self, plot, self->columns.begin - 1)), y, y);
    }
  else if (find_join (self, plot, smoothed, &x, &y))
    span_to (&pen, to_columns (plot, x), y, y);
  for (guint i = 0; i < n; i++)
    span_column (&pen, i, &column[i], smoothed);
  if (n == all && self->columns.end < kx_series_get_length (self->series))
    {
      y = shown_at (self, self->columns.end);
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
  if (smoothed && has_band (self))
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
  if (smoothed && has_band (self))
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

  if (smoothed && has_band (self))
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

static void
kx_line_layer_draw (KxLayer *layer, const KxPlot *plot, cairo_t *cairo)
{
  KxLineLayer *self = KX_LINE_LAYER (layer);

  if (!can_show (self, plot->unit))
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

/* ── The object ── */

static void
on_series_changed (KxSeries *series, gpointer data)
{
  kx_layer_changed (data);
}

static void
kx_line_layer_dispose (GObject *object)
{
  KxLineLayer *self = KX_LINE_LAYER (object);

  kx_line_layer_set_parent (self, NULL, 0);
  if (self->series)
    kx_series_unwatch (self->series, on_series_changed, self);
  g_clear_pointer (&self->series, kx_series_unref);
  g_clear_pointer (&self->clock, kx_clock_unref);
  G_OBJECT_CLASS (kx_line_layer_parent_class)->dispose (object);
}

static void
kx_line_layer_finalize (GObject *object)
{
  KxLineLayer *self = KX_LINE_LAYER (object);

  g_free (self->name);
  g_ptr_array_unref (self->children);
  kx_smoothing_clear (&self->smoothing);
  kx_columns_clear (&self->columns);
  G_OBJECT_CLASS (kx_line_layer_parent_class)->finalize (object);
}

static void
kx_line_layer_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxLineLayer *self = KX_LINE_LAYER (object);

  if (id == PROP_NAME)
    g_value_set_string (value, self->name);
  else if (id == PROP_VISIBLE)
    g_value_set_boolean (value, self->visible);
  else
    g_value_set_boolean (value, self->highlighted);
}

static void
kx_line_layer_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  KxLineLayer *self = KX_LINE_LAYER (object);

  if (id == PROP_NAME)
    kx_line_layer_set_name (self, g_value_get_string (value));
  else if (id == PROP_VISIBLE)
    kx_line_layer_set_visible (self, g_value_get_boolean (value));
  else
    kx_line_layer_set_highlighted (self, g_value_get_boolean (value));
}

static void
kx_line_layer_class_init (KxLineLayerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  KxLayerClass *layer_class = KX_LAYER_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->dispose = kx_line_layer_dispose;
  object_class->finalize = kx_line_layer_finalize;
  object_class->get_property = kx_line_layer_get_property;
  object_class->set_property = kx_line_layer_set_property;
  layer_class->get_level = kx_line_layer_get_level;
  layer_class->get_extent = kx_line_layer_get_extent;
  layer_class->prepare = kx_line_layer_prepare;
  layer_class->get_fit = kx_line_layer_get_fit;
  layer_class->draw = kx_line_layer_draw;
  props[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  props[PROP_VISIBLE] = g_param_spec_boolean ("visible", NULL, NULL, TRUE, flags);
  props[PROP_HIGHLIGHTED] = g_param_spec_boolean ("highlighted", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
kx_line_layer_init (KxLineLayer *self)
{
  self->visible = TRUE;
  self->children = g_ptr_array_new ();
  kx_smoothing_init (&self->smoothing);
  kx_columns_init (&self->columns);
}

/**
 * kx_line_layer_new:
 * @series: its points; x are steps
 * @name: for people, such as "run 2"
 * @run: which run's colour and dashes it has, from 0 on
 * @kind: whether it is thin with a band or thick
 *
 * Returns: (transfer full): a curve that follows @series
 */
KxLineLayer *
kx_line_layer_new (KxSeries *series, const char *name, guint run, KxLineKind kind)
{
  KxLineLayer *self = g_object_new (KX_TYPE_LINE_LAYER, NULL);

  self->series = kx_series_ref (series);
  self->name = g_strdup (name);
  self->run = run;
  self->kind = kind;
  kx_series_watch (series, on_series_changed, self);
  return self;
}

KxSeries *
kx_line_layer_get_series (KxLineLayer *self)
{
  return self->series;
}

const char *
kx_line_layer_get_name (KxLineLayer *self)
{
  return self->name;
}

void
kx_line_layer_set_name (KxLineLayer *self, const char *name)
{
  if (g_strcmp0 (self->name, name) == 0)
    return;
  g_free (self->name);
  self->name = g_strdup (name);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_NAME]);
  kx_layer_changed (KX_LAYER (self));
}

guint
kx_line_layer_get_run (KxLineLayer *self)
{
  return self->run;
}

KxLineKind
kx_line_layer_get_kind (KxLineLayer *self)
{
  return self->kind;
}

gboolean
kx_line_layer_get_visible (KxLineLayer *self)
{
  return self->visible;
}

/**
 * kx_line_layer_set_visible:
 * @line: a curve
 * @visible: whether it is shown
 *
 * Of a hidden curve, what shown branches have in common with it stays.
 */
void
kx_line_layer_set_visible (KxLineLayer *self, gboolean visible)
{
  if (self->visible == visible)
    return;
  self->visible = visible;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_VISIBLE]);
  kx_layer_changed (KX_LAYER (self));
}

gboolean
kx_line_layer_get_highlighted (KxLineLayer *self)
{
  return self->highlighted;
}

void
kx_line_layer_set_highlighted (KxLineLayer *self, gboolean highlighted)
{
  if (self->highlighted == highlighted)
    return;
  self->highlighted = highlighted;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_HIGHLIGHTED]);
  kx_layer_changed (KX_LAYER (self));
}

/**
 * kx_line_layer_set_selected:
 * @line: a curve
 * @selected: whether it is of what is being looked at: then it stands out from those without a
 *   colour though it has none itself
 */
void
kx_line_layer_set_selected (KxLineLayer *self, gboolean selected)
{
  if (self->selected == selected)
    return;
  self->selected = selected;
  kx_layer_changed (KX_LAYER (self));
}

/**
 * kx_line_layer_find_main:
 * @layers: of a chart
 * @unit: of its x
 *
 * Returns: (nullable) (transfer none): the curve that keys and numbers are about: of those that
 *   are shown the first that is selected, or else the first
 */
KxLineLayer *
kx_line_layer_find_main (GListModel *layers, KxUnit unit)
{
  KxLineLayer *found = NULL;

  for (guint i = 0; i < g_list_model_get_n_items (layers); i++)
    {
      g_autoptr (GObject) layer = g_list_model_get_item (layers, i); /* the list keeps it */
      KxLineLayer *line = KX_IS_LINE_LAYER (layer) ? KX_LINE_LAYER (layer) : NULL;

      if (!line || !line->visible || !kx_clock_knows (line->clock, unit)
          || kx_series_get_length (line->series) == 0)
        continue;
      if (line->selected)
        return line;
      found = found ? found : line;
    }
  return found;
}

KxClock *
kx_line_layer_get_clock (KxLineLayer *self)
{
  return self->clock;
}

/**
 * kx_line_layer_set_clock:
 * @line: a curve
 * @clock: (nullable): its run's, without which it is shown over steps only
 */
void
kx_line_layer_set_clock (KxLineLayer *self, KxClock *clock)
{
  if (clock)
    kx_clock_ref (clock);
  g_clear_pointer (&self->clock, kx_clock_unref);
  self->clock = clock;
  kx_layer_changed (KX_LAYER (self));
}

/**
 * kx_line_layer_set_parent:
 * @line: a curve
 * @parent: (nullable): the curve of the run that it branches from
 * @step: where
 *
 * Joins the curve to its parent, whose past up to @step is its own; smoothing goes on from
 * the parent's average there.
 */
void
kx_line_layer_set_parent (KxLineLayer *self, KxLineLayer *parent, double step)
{
  if (parent)
    g_object_ref (parent);
  if (self->parent)
    g_ptr_array_remove (self->parent->children, self);
  g_clear_object (&self->parent);
  self->parent = parent;
  self->branch = step;
  self->inherited_from = G_MAXSIZE;
  if (parent)
    g_ptr_array_add (parent->children, self);
}

/* ── For the chart ── */

/**
 * kx_line_layer_get_colour:
 * @line: a curve
 * @theme: a theme
 *
 * Returns: its run's colour; of runs beyond those that have one, grey, or that of texts
 *   while it is highlighted or selected
 */
GdkRGBA
kx_line_layer_get_colour (KxLineLayer *self, const KxTheme *theme)
{
  if ((self->highlighted || self->selected) && self->run >= KX_PALETTE_RUNS)
    return theme->ink;
  return kx_palette_colour (theme, self->run);
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

/**
 * kx_line_layer_read:
 * @line: a curve
 * @unit: of @at
 * @smoothing: how much it is smoothed
 * @at: a place; infinity: the newest point
 * @step: (out): of the nearest point
 * @y: (out): there, as it was
 * @shown: (out): there, smoothed
 *
 * Returns: whether there is a point at all
 */
gboolean
kx_line_layer_read (KxLineLayer *self, KxUnit unit, double smoothing, double at, double *step,
                    float *y, float *shown)
{
  if (!kx_clock_knows (self->clock, unit) || kx_series_get_length (self->series) == 0)
    return FALSE;
  update_smoothing (self, smoothing);
  gsize i = kx_series_get_length (self->series) - 1;
  if (isfinite (at))
    i = (gsize) kx_series_nearest (self->series, kx_clock_to_step (self->clock, unit, at));
  *step = kx_series_get_x (self->series)[i];
  *y = kx_series_get_y (self->series)[i];
  *shown = shown_at (self, i);
  return TRUE;
}

/**
 * kx_line_layer_get_end:
 * @line: a curve that is prepared
 * @plot: where
 * @x: (out): of its last point that can be seen
 * @y: (out): of it
 *
 * Returns: whether any can
 */
gboolean
kx_line_layer_get_end (KxLineLayer *self, const KxPlot *plot, double *x, double *y)
{
  guint n;
  const KxColumn *column = kx_columns_get (&self->columns, &n);

  if (!self->visible || !can_show (self, plot->unit))
    return FALSE;
  while (n > 0
         && (!isfinite (column[n - 1].shown)
             || (plot->y.scale == KX_SCALE_LOG && column[n - 1].shown <= 0)))
    n--;
  if (n == 0)
    return FALSE;
  *x = column_x (plot, n - 1);
  *y = kx_plot_y (plot, column[n - 1].shown);
  return TRUE;
}

/**
 * kx_line_layer_count_hidden:
 * @line: a curve
 * @axis: of x
 * @unit: of it
 * @nonpositive: (inout): added to by how many values in sight are not above 0
 * @nonfinite: (inout): added to by how many are no numbers
 */
void
kx_line_layer_count_hidden (KxLineLayer *self, const KxAxis *axis, KxUnit unit, guint *nonpositive,
                            guint *nonfinite)
{
  if (!self->visible || !can_show (self, unit))
    return;
  double low = kx_clock_to_step (self->clock, unit, axis->low);
  double high = kx_clock_to_step (self->clock, unit, axis->high);
  KxSummary seen = kx_series_summarize (self->series, kx_series_find (self->series, low),
                                        kx_series_find (self->series, nextafter (high, INFINITY)));
  *nonpositive += seen.nonpositive;
  *nonfinite += seen.nonfinite;
}
