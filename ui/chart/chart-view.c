/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "chart-view.h"

#include <math.h>

#define MARGIN 0.02 /* of the range, beyond the newest point */
#define SMOOTHING 0.6

struct _KxChartView {
  GObject parent_instance;
  KxAxis axis; /* of length 1 */
  KxUnit unit;
  gboolean follow; /* the newest point stays in sight */
  gboolean whole;  /* the oldest one, too */
  double smoothing;
  double crosshair;
  GHashTable *extents; /* of KxFit, by chart */
};

G_DEFINE_FINAL_TYPE (KxChartView, kx_chart_view, G_TYPE_OBJECT)

enum {
  PROP_UNIT = 1,
  PROP_LOG_X,
  PROP_FOLLOW,
  PROP_SMOOTHING,
  PROP_CROSSHAIR,
  N_PROPS,
};

enum {
  CHANGED,
  CROSSHAIR_MOVED,
  N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

/* ── The range ── */

static KxFit
get_extent (KxChartView *self)
{
  KxFit all = kx_fit_nothing;
  GHashTableIter iter;
  gpointer extent;

  g_hash_table_iter_init (&iter, self->extents);
  while (g_hash_table_iter_next (&iter, NULL, &extent))
    kx_fit_join (&all, extent);
  return all;
}

static gboolean
is_log (KxChartView *self)
{
  return self->axis.scale == KX_SCALE_LOG;
}

/* The range of all there is, with a margin beyond the newest point. */
static KxAxis
get_whole (KxChartView *self)
{
  KxFit extent = get_extent (self);
  KxAxis axis = self->axis;

  axis.low = is_log (self) ? extent.positive : extent.low;
  axis.high = extent.high;
  if (is_log (self) && self->unit == KX_UNIT_STEP)
    axis.low = MAX (axis.low, 1);
  if (!isfinite (axis.low) || !isfinite (axis.high))
    {
      axis.low = is_log (self) ? 1 : 0;
      axis.high = 100;
    }
  if (axis.high <= axis.low)
    axis.high = is_log (self) ? axis.low * 10 : axis.low + 1;
  axis.high = kx_axis_value (&axis, 1 + MARGIN);
  return axis;
}

static gboolean
take_range (KxChartView *self, double low, double high)
{
  KxAxis axis = self->axis;

  axis.low = low;
  axis.high = high;
  if (!kx_axis_valid (&axis) || (low == self->axis.low && high == self->axis.high))
    return FALSE;
  self->axis = axis;
  return TRUE;
}

/* Where the range belongs while it follows. */
static gboolean
place (KxChartView *self)
{
  KxAxis whole = get_whole (self), axis = self->axis;

  if (self->whole)
    return take_range (self, whole.low, self->follow ? whole.high : MAX (axis.high, whole.low));
  if (!self->follow || !isfinite (get_extent (self).high))
    return FALSE;
  kx_axis_pan (&axis, 1 - MARGIN - kx_axis_position (&axis, get_extent (self).high));
  return take_range (self, axis.low, axis.high);
}

static void
set_flag (KxChartView *self, gboolean *flag, gboolean value, int prop)
{
  if (*flag == value)
    return;
  *flag = value;
  if (prop)
    g_object_notify_by_pspec (G_OBJECT (self), props[prop]);
}

/* After somebody moved the range: does the newest point remain in sight, or all? */
static void
settle (KxChartView *self)
{
  KxAxis whole = get_whole (self);
  double newest = get_extent (self).high;

  double slack = (whole.high - whole.low) * 1e-9;

  if (self->axis.low <= whole.low + slack && self->axis.high >= whole.high - slack)
    {
      self->axis = whole;
      set_flag (self, &self->whole, TRUE, 0);
      set_flag (self, &self->follow, TRUE, PROP_FOLLOW);
    }
  else
    {
      set_flag (self, &self->whole, FALSE, 0);
      if (newest > self->axis.high || newest < self->axis.low)
        set_flag (self, &self->follow, FALSE, PROP_FOLLOW);
    }
  g_signal_emit (self, signals[CHANGED], 0);
}

/* ── The object ── */

static void
kx_chart_view_finalize (GObject *object)
{
  g_hash_table_unref (KX_CHART_VIEW (object)->extents);
  G_OBJECT_CLASS (kx_chart_view_parent_class)->finalize (object);
}

static void
kx_chart_view_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxChartView *self = KX_CHART_VIEW (object);

  switch (id)
    {
    case PROP_UNIT:
      g_value_set_uint (value, self->unit);
      break;
    case PROP_LOG_X:
      g_value_set_boolean (value, is_log (self));
      break;
    case PROP_FOLLOW:
      g_value_set_boolean (value, self->follow);
      break;
    case PROP_SMOOTHING:
      g_value_set_double (value, self->smoothing);
      break;
    default:
      g_value_set_double (value, self->crosshair);
    }
}

static void
kx_chart_view_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  KxChartView *self = KX_CHART_VIEW (object);

  switch (id)
    {
    case PROP_UNIT:
      kx_chart_view_set_unit (self, g_value_get_uint (value));
      break;
    case PROP_LOG_X:
      kx_chart_view_set_log_x (self, g_value_get_boolean (value));
      break;
    case PROP_FOLLOW:
      kx_chart_view_set_follow (self, g_value_get_boolean (value));
      break;
    case PROP_SMOOTHING:
      kx_chart_view_set_smoothing (self, g_value_get_double (value));
      break;
    default:
      kx_chart_view_set_crosshair (self, g_value_get_double (value));
    }
}

static void
kx_chart_view_class_init (KxChartViewClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = kx_chart_view_finalize;
  object_class->get_property = kx_chart_view_get_property;
  object_class->set_property = kx_chart_view_set_property;
  props[PROP_UNIT]
      = g_param_spec_uint ("unit", NULL, NULL, KX_UNIT_STEP, KX_UNIT_TIME, KX_UNIT_STEP, flags);
  props[PROP_LOG_X] = g_param_spec_boolean ("log-x", NULL, NULL, FALSE, flags);
  props[PROP_FOLLOW] = g_param_spec_boolean ("follow", NULL, NULL, TRUE, flags);
  props[PROP_SMOOTHING] = g_param_spec_double ("smoothing", NULL, NULL, 0, 0.999, SMOOTHING, flags);
  props[PROP_CROSSHAIR]
      = g_param_spec_double ("crosshair", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, 0, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
  /**
   * KxChartView::changed:
   *
   * Charts are to be drawn anew.
   */
  signals[CHANGED] = g_signal_new ("changed", KX_TYPE_CHART_VIEW, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
  /**
   * KxChartView::crosshair-moved:
   *
   * The crosshair is elsewhere; nothing else changed.
   */
  signals[CROSSHAIR_MOVED] = g_signal_new ("crosshair-moved", KX_TYPE_CHART_VIEW, G_SIGNAL_RUN_LAST,
                                           0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
kx_chart_view_init (KxChartView *self)
{
  self->axis = (KxAxis){ .quantity = KX_QUANTITY_COUNT, .low = 0, .high = 100, .length = 1 };
  self->follow = self->whole = TRUE;
  self->smoothing = SMOOTHING;
  self->crosshair = NAN;
  self->extents = g_hash_table_new_full (NULL, NULL, NULL, g_free);
}

/**
 * kx_chart_view_new:
 *
 * Returns: (transfer full): a view of everything over steps that follows the newest point
 */
KxChartView *
kx_chart_view_new (void)
{
  return g_object_new (KX_TYPE_CHART_VIEW, NULL);
}

KxUnit
kx_chart_view_get_unit (KxChartView *self)
{
  return self->unit;
}

/**
 * kx_chart_view_set_unit:
 * @view: a view
 * @unit: of x
 *
 * Shows everything in another unit.
 */
void
kx_chart_view_set_unit (KxChartView *self, KxUnit unit)
{
  if (self->unit == unit)
    return;
  self->unit = unit;
  self->axis.quantity = unit == KX_UNIT_TIME   ? KX_QUANTITY_SECONDS
                        : unit == KX_UNIT_STEP ? KX_QUANTITY_COUNT
                                               : KX_QUANTITY_NUMBER;
  g_hash_table_remove_all (self->extents);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_UNIT]);
  kx_chart_view_set_crosshair (self, NAN);
  kx_chart_view_fit (self);
}

gboolean
kx_chart_view_get_log_x (KxChartView *self)
{
  return is_log (self);
}

/**
 * kx_chart_view_set_log_x:
 * @view: a view
 * @log_x: whether x is on a logarithmic scale, which begins at step 1
 *
 * Shows everything on another scale.
 */
void
kx_chart_view_set_log_x (KxChartView *self, gboolean log_x)
{
  if (is_log (self) == log_x)
    return;
  self->axis.scale = log_x ? KX_SCALE_LOG : KX_SCALE_LINEAR;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LOG_X]);
  kx_chart_view_fit (self);
}

gboolean
kx_chart_view_get_follow (KxChartView *self)
{
  return self->follow;
}

/**
 * kx_chart_view_set_follow:
 * @view: a view
 * @follow: whether the newest point stays in sight, by 2 % from the right edge
 */
void
kx_chart_view_set_follow (KxChartView *self, gboolean follow)
{
  if (self->follow == follow)
    return;
  if (!follow)
    self->whole = FALSE;
  set_flag (self, &self->follow, follow, PROP_FOLLOW);
  place (self);
  g_signal_emit (self, signals[CHANGED], 0);
}

double
kx_chart_view_get_smoothing (KxChartView *self)
{
  return self->smoothing;
}

/**
 * kx_chart_view_set_smoothing:
 * @view: a view
 * @smoothing: the weight of what came before, 0 (none) … 0.999
 */
void
kx_chart_view_set_smoothing (KxChartView *self, double smoothing)
{
  smoothing = CLAMP (smoothing, 0, 0.999);
  if (self->smoothing == smoothing)
    return;
  self->smoothing = smoothing;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_SMOOTHING]);
  g_signal_emit (self, signals[CHANGED], 0);
}

/**
 * kx_chart_view_get_axis:
 * @view: a view
 * @length: of the axis, in pixels
 *
 * Returns: the range and scale of x
 */
KxAxis
kx_chart_view_get_axis (KxChartView *self, double length)
{
  KxAxis axis = self->axis;

  axis.length = length;
  return axis;
}

/* What is followed stays at the right edge: nothing comes to be seen by going beyond it. */
static void
keep_newest (KxChartView *self, double *low, double *high)
{
  KxAxis axis = self->axis, whole = get_whole (self);
  double newest = get_extent (self).high;

  axis.low = *low;
  axis.high = *high;
  if (!self->follow || !kx_axis_valid (&axis) || !isfinite (newest))
    return;
  double all = kx_axis_position (&axis, whole.high) - kx_axis_position (&axis, whole.low);
  double edge = all < 1 + 1e-9 ? 1 / (1 + MARGIN) : 1 - MARGIN;
  if (!(kx_axis_position (&axis, newest) < edge))
    return;
  kx_axis_pan (&axis, edge - kx_axis_position (&axis, newest));
  *low = axis.low;
  *high = axis.high;
}

/**
 * kx_chart_view_set_range:
 * @view: a view
 * @low: the left edge, in its unit
 * @high: the right edge
 *
 * Moves the range. If the newest point is not in it, following ends; while it is followed, the
 * right edge goes no further.
 */
void
kx_chart_view_set_range (KxChartView *self, double low, double high)
{
  KxFit extent = get_extent (self);

  keep_newest (self, &low, &high);
  /* What has no data at all is of no use, and hard to come back from. */
  if (extent.low <= extent.high && (low > extent.high || high < extent.low))
    return;
  if (take_range (self, low, high))
    settle (self);
}

/**
 * kx_chart_view_pan:
 * @view: a view
 * @share: of the width, by which the data move to the right
 */
void
kx_chart_view_pan (KxChartView *self, double share)
{
  KxAxis axis = self->axis;

  kx_axis_pan (&axis, share);
  kx_chart_view_set_range (self, axis.low, axis.high);
}

/**
 * kx_chart_view_zoom:
 * @view: a view
 * @at: share of the width, from the left: what is there stays
 * @factor: how many times as large the data become
 */
void
kx_chart_view_zoom (KxChartView *self, double at, double factor)
{
  KxAxis axis = self->axis;

  kx_axis_zoom (&axis, at, factor);
  kx_chart_view_set_range (self, axis.low, axis.high);
}

/**
 * kx_chart_view_fit:
 * @view: a view
 *
 * Shows everything, and what comes as well.
 */
void
kx_chart_view_fit (KxChartView *self)
{
  KxAxis whole = get_whole (self);

  self->axis = whole;
  set_flag (self, &self->whole, TRUE, 0);
  set_flag (self, &self->follow, TRUE, PROP_FOLLOW);
  g_signal_emit (self, signals[CHANGED], 0);
}

double
kx_chart_view_get_crosshair (KxChartView *self)
{
  return self->crosshair;
}

/**
 * kx_chart_view_set_crosshair:
 * @view: a view
 * @value: where it is, in the unit of x; NaN: nowhere
 */
void
kx_chart_view_set_crosshair (KxChartView *self, double value)
{
  if (self->crosshair == value || (isnan (self->crosshair) && isnan (value)))
    return;
  self->crosshair = value;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_CROSSHAIR]);
  g_signal_emit (self, signals[CROSSHAIR_MOVED], 0);
}

/**
 * kx_chart_view_set_extent:
 * @view: a view
 * @chart: whose
 * @extent: (nullable): the range of its points; %NULL: it is gone
 *
 * For charts: tells what they have, in the view's unit.
 */
void
kx_chart_view_set_extent (KxChartView *self, gpointer chart, const KxFit *extent)
{
  if (extent)
    g_hash_table_replace (self->extents, chart, g_memdup2 (extent, sizeof *extent));
  else
    g_hash_table_remove (self->extents, chart);
  if (place (self))
    g_signal_emit (self, signals[CHANGED], 0);
}
