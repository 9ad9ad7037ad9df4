/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "line-layer-private.h"

#include <math.h>

#define LOWEST_SHARE 0.02 /* of the columns' extremes that need not be seen */

G_DEFINE_FINAL_TYPE (KxLineLayer, kx_line_layer, KX_TYPE_LAYER)

enum {
  PROP_NAME = 1,
  PROP_VISIBLE,
  PROP_HIGHLIGHTED,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

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

void
kx_line_layer_update_smoothing (KxLineLayer *self, double weight)
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

/* ── What is drawn ── */

/* The step up to which it is drawn: where it is hidden, its shown children's past. */
double
kx_line_layer_get_limit (KxLineLayer *self)
{
  double limit = -INFINITY;

  if (self->visible)
    return INFINITY;
  for (guint i = 0; i < self->children->len; i++)
    {
      KxLineLayer *child = g_ptr_array_index (self->children, i);
      limit = MAX (limit, MIN (kx_line_layer_get_limit (child), child->branch));
    }
  return limit;
}

gboolean
kx_line_layer_can_show (KxLineLayer *self, KxUnit unit)
{
  return kx_clock_knows (self->clock, unit) && kx_series_get_length (self->series) > 0
         && kx_line_layer_get_limit (self) > -INFINITY;
}

/* Grey ones, then what is noisy, what is exact, and what somebody points at. */
static int
kx_line_layer_get_level (KxLayer *layer)
{
  KxLineLayer *self = KX_LINE_LAYER (layer);

  if (self->highlighted)
    return 4;
  if (kx_line_layer_is_grey (self))
    return 1;
  return self->kind == KX_LINE_THIN ? 2 : 3;
}

static void
kx_line_layer_get_extent (KxLayer *layer, KxUnit unit, KxFit *extent)
{
  KxLineLayer *self = KX_LINE_LAYER (layer);

  if (!kx_line_layer_can_show (self, unit))
    return;
  const double *x = kx_series_get_x (self->series);
  gsize length = kx_series_get_length (self->series);
  double last = MIN (x[length - 1], kx_line_layer_get_limit (self));
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

  if (!kx_line_layer_can_show (self, plot->unit))
    return;
  axis.length = MAX (1, round (plot->box.size.width * plot->scale));
  kx_line_layer_update_smoothing (self, plot->smoothing);
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

static void
kx_line_layer_get_fit (KxLayer *layer, const KxPlot *plot, gboolean all, KxFit *fit)
{
  KxLineLayer *self = KX_LINE_LAYER (layer);
  gboolean logarithmic = plot->y.scale == KX_SCALE_LOG;
  guint n;

  if (!kx_line_layer_can_show (self, plot->unit))
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
  if (!kx_line_layer_has_band (self) && !all)
    return;
  add_quantile (low, all ? 0 : LOWEST_SHARE, fit);
  add_quantile (high, all ? 1 : 1 - LOWEST_SHARE, fit);
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
  kx_line_layer_update_smoothing (self, smoothing);
  gsize i = kx_series_get_length (self->series) - 1;
  if (isfinite (at))
    i = (gsize) kx_series_nearest (self->series, kx_clock_to_step (self->clock, unit, at));
  *step = kx_series_get_x (self->series)[i];
  *y = kx_series_get_y (self->series)[i];
  *shown = kx_line_layer_get_shown (self, i);
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

  if (!self->visible || !kx_line_layer_can_show (self, plot->unit))
    return FALSE;
  while (n > 0
         && (!isfinite (column[n - 1].shown)
             || (plot->y.scale == KX_SCALE_LOG && column[n - 1].shown <= 0)))
    n--;
  if (n == 0)
    return FALSE;
  *x = kx_line_layer_column_x (plot, n - 1);
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
  if (!self->visible || !kx_line_layer_can_show (self, unit))
    return;
  double low = kx_clock_to_step (self->clock, unit, axis->low);
  double high = kx_clock_to_step (self->clock, unit, axis->high);
  KxSummary seen = kx_series_summarize (self->series, kx_series_find (self->series, low),
                                        kx_series_find (self->series, nextafter (high, INFINITY)));
  *nonpositive += seen.nonpositive;
  *nonfinite += seen.nonfinite;
}
