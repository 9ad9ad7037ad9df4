/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The losses of all layers while a picture is painted. */

#include "loss-chart.h"

#include <glib/gi18n.h>
#include <math.h>

#include "chart/chart.h"

#define NATURAL_WIDTH 300 /* pixels */

/* ── Floors ──────────────────────────────────────────────────────────────────────────────────── */

#define KX_TYPE_FLOOR_LAYER (kx_floor_layer_get_type ())
G_DECLARE_FINAL_TYPE (KxFloorLayer, kx_floor_layer, KX, FLOOR_LAYER, KxLayer)

/* A dotted line across the chart, of a curve's colour. */
struct _KxFloorLayer {
  KxLayer parent_instance;

  KxLineLayer *line; /* whose floor it is; the chart has it */
  double loss;
};

G_DEFINE_FINAL_TYPE (KxFloorLayer, kx_floor_layer, KX_TYPE_LAYER)

static void
kx_floor_layer_get_fit (KxLayer *layer, const KxPlot *plot, gboolean all, KxFit *fit)
{
  KxFloorLayer *self = KX_FLOOR_LAYER (layer);

  if (kx_line_layer_get_visible (self->line))
    kx_fit_add (fit, self->loss);
}

static void
kx_floor_layer_draw (KxLayer *layer, const KxPlot *plot, cairo_t *cairo)
{
  KxFloorLayer *self = KX_FLOOR_LAYER (layer);
  GdkRGBA colour = kx_line_layer_get_colour (self->line, plot->theme);

  if (!kx_line_layer_get_visible (self->line))
    return;
  gdk_cairo_set_source_rgba (cairo, &colour);
  cairo_set_line_width (cairo, 1.5);
  cairo_set_line_cap (cairo, CAIRO_LINE_CAP_ROUND);
  cairo_set_dash (cairo, (double[]){ 0, 4 }, 2, 0);
  cairo_move_to (cairo, plot->box.origin.x, kx_plot_y (plot, self->loss));
  cairo_rel_line_to (cairo, plot->box.size.width, 0);
  cairo_stroke (cairo);
  cairo_set_dash (cairo, NULL, 0, 0);
}

static void
kx_floor_layer_class_init (KxFloorLayerClass *klass)
{
  KxLayerClass *layer_class = KX_LAYER_CLASS (klass);

  layer_class->level = 0;
  layer_class->get_fit = kx_floor_layer_get_fit;
  layer_class->draw = kx_floor_layer_draw;
}

static void
kx_floor_layer_init (KxFloorLayer *self)
{
}

/* ── The chart ───────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  char *name;
  KxSeries *series;
  KxLineLayer *line;
  KxFloorLayer *floor; /* or NULL */
} Curve;

struct _KxLossChart {
  AdwBin parent_instance;

  KxChart *chart;
  KxMarkLayer *marks; /* the chart has it */
  GPtrArray *curves;  /* of Curve */
  GHashTable *floors; /* of name to double */
};

G_DEFINE_FINAL_TYPE (KxLossChart, kx_loss_chart, ADW_TYPE_BIN)

static void
curve_free (gpointer data)
{
  Curve *curve = data;

  g_free (curve->name);
  kx_series_unref (curve->series);
  g_free (curve);
}

static Curve *
find_curve (KxLossChart *self, const char *name)
{
  for (guint i = 0; i < self->curves->len; i++)
    {
      Curve *curve = g_ptr_array_index (self->curves, i);

      if (g_str_equal (curve->name, name))
        return curve;
    }
  return NULL;
}

/* "relu3_1", or what is no layer, in the reader's language. */
static const char *
title_of (const char *name)
{
  return g_str_equal (name, "content")     ? _ ("Content")
         : g_str_equal (name, "variation") ? _ ("Roughness")
                                           : name;
}

/* Its floor, where that is known. */
static void
add_floor (KxLossChart *self, Curve *curve)
{
  const double *loss = g_hash_table_lookup (self->floors, curve->name);

  if (!loss || curve->floor)
    return;
  g_autoptr (KxFloorLayer) layer = g_object_new (KX_TYPE_FLOOR_LAYER, NULL);
  layer->line = curve->line;
  layer->loss = *loss;
  curve->floor = layer;
  kx_chart_add_layer (self->chart, KX_LAYER (layer));
}

static Curve *
add_curve (KxLossChart *self, const char *name)
{
  Curve *curve = g_new0 (Curve, 1);

  curve->name = g_strdup (name);
  curve->series = kx_series_new ();
  curve->line = kx_chart_add_line (self->chart, curve->series, title_of (name), self->curves->len,
                                   KX_LINE_THIN);
  g_ptr_array_add (self->curves, curve);
  add_floor (self, curve);
  return curve;
}

static void
remove_curve (KxLossChart *self, guint i)
{
  Curve *curve = g_ptr_array_index (self->curves, i);

  if (curve->floor)
    kx_chart_remove_layer (self->chart, KX_LAYER (curve->floor));
  kx_chart_remove_layer (self->chart, KX_LAYER (curve->line));
  g_ptr_array_remove_index (self->curves, i);
}

/**
 * kx_loss_chart_clear:
 * @chart: a chart of losses
 *
 * Another picture is to be painted.
 */
void
kx_loss_chart_clear (KxLossChart *self)
{
  while (self->curves->len)
    remove_curve (self, self->curves->len - 1);
  g_hash_table_remove_all (self->floors);
  kx_mark_layer_clear (self->marks);
  kx_chart_view_set_follow (kx_chart_get_view (self->chart), TRUE);
}

#define ROUNDING 1e-6f /* relative losses below this say that two pictures are the same */

/* A picture that begins as the content has no loss yet, of which there is no logarithm. */
static void
add_points (Curve *curve, const KxPaintLosses *losses, guint term)
{
  for (guint i = 0; i < losses->n; i++)
    {
      float loss = losses->losses[i * losses->n_terms + term];

      if (!(loss < ROUNDING))
        kx_series_append (curve->series, losses->steps[i], loss);
    }
}

/**
 * kx_loss_chart_add:
 * @chart: a chart of losses
 * @losses: those of more steps
 */
void
kx_loss_chart_add (KxLossChart *self, const KxPaintLosses *losses)
{
  for (guint t = 0; t < losses->n_terms; t++)
    {
      Curve *curve = find_curve (self, losses->names[t]);

      if (!curve)
        curve = add_curve (self, losses->names[t]);
      add_points (curve, losses, t);
    }
}

/**
 * kx_loss_chart_mark:
 * @chart: a chart of losses
 * @step: when something happened
 * @text: short
 */
void
kx_loss_chart_mark (KxLossChart *self, guint step, const char *text)
{
  kx_mark_layer_add (self->marks, step, text);
}

/**
 * kx_loss_chart_set_floor:
 * @chart: a chart of losses
 * @floor: of one step: the losses between two parts of the style
 */
void
kx_loss_chart_set_floor (KxLossChart *self, const KxPaintLosses *floor)
{
  for (guint t = 0; t < floor->n_terms; t++)
    {
      const char *name = floor->names[t];
      double loss = floor->losses[t];

      if (g_str_equal (name, "content") || g_str_equal (name, "variation"))
        continue;
      g_hash_table_insert (self->floors, g_strdup (name), g_memdup2 (&loss, sizeof loss));
    }
  for (guint i = 0; i < self->curves->len; i++)
    add_floor (self, g_ptr_array_index (self->curves, i));
}

static void
kx_loss_chart_finalize (GObject *object)
{
  g_ptr_array_unref (KX_LOSS_CHART (object)->curves);
  g_hash_table_unref (KX_LOSS_CHART (object)->floors);
  G_OBJECT_CLASS (kx_loss_chart_parent_class)->finalize (object);
}

/* A chart is content with what there is; it must not fold the sidebar away. */
static void
measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
         int *minimum_baseline, int *natural_baseline)
{
  gtk_widget_measure (adw_bin_get_child (ADW_BIN (widget)), orientation, for_size, minimum, natural,
                      NULL, NULL);
  if (orientation == GTK_ORIENTATION_HORIZONTAL)
    *natural = MAX (*minimum, NATURAL_WIDTH);
  *minimum_baseline = *natural_baseline = -1;
}

static void
allocate (GtkWidget *widget, int width, int height, int baseline)
{
  gtk_widget_allocate (adw_bin_get_child (ADW_BIN (widget)), width, height, baseline, NULL);
}

static void
kx_loss_chart_class_init (KxLossChartClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = kx_loss_chart_finalize;
}

static void
kx_loss_chart_init (KxLossChart *self)
{
  g_autoptr (KxChartView) view = kx_chart_view_new ();
  g_autoptr (KxMarkLayer) marks = kx_mark_layer_new ();

  kx_chart_view_set_smoothing (view, 0);
  self->curves = g_ptr_array_new_with_free_func (curve_free);
  self->floors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->chart = KX_CHART (kx_chart_new (view, _ ("Loss by layer")));
  kx_chart_set_log_y (self->chart, TRUE);
  self->marks = marks;
  kx_chart_add_layer (self->chart, KX_LAYER (marks));
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->chart));
  gtk_widget_set_layout_manager (GTK_WIDGET (self),
                                 gtk_custom_layout_new (NULL, measure, allocate));
}
