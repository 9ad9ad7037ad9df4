/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "scatter.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "plot.h"
#include "style.h"

#define RADIUS 4.5
#define REACH 14
#define PAD 0.06   /* of the range, around the points */
#define BELOW 0.18 /* of the range, for what came to nothing and for the title... */
#define ABOVE 0.12 /* ...and for the other one */
#define NOTHING GTK_INVALID_LIST_POSITION

/* ── The layer of points ── */

typedef struct {
  double x, y;
  char *name;
} Point;

#define KX_TYPE_POINT_LAYER (kx_point_layer_get_type ())
G_DECLARE_FINAL_TYPE (KxPointLayer, kx_point_layer, KX, POINT_LAYER, KxLayer)

struct _KxPointLayer {
  KxLayer parent_instance;
  GArray *points; /* of Point */
  guint selected, hovered;
};

G_DEFINE_FINAL_TYPE (KxPointLayer, kx_point_layer, KX_TYPE_LAYER)

static const Point *
point_at (KxPointLayer *self, guint i)
{
  return &g_array_index (self->points, Point, i);
}

static void
clear_point (gpointer point)
{
  g_free (((Point *) point)->name);
}

static void
kx_point_layer_get_extent (KxLayer *layer, KxUnit unit, KxFit *extent)
{
  KxPointLayer *self = KX_POINT_LAYER (layer);

  for (guint i = 0; i < self->points->len; i++)
    kx_fit_add (extent, point_at (self, i)->x);
}

static void
kx_point_layer_get_fit (KxLayer *layer, const KxPlot *plot, gboolean all, KxFit *fit)
{
  KxPointLayer *self = KX_POINT_LAYER (layer);

  for (guint i = 0; i < self->points->len; i++)
    kx_fit_add (fit, point_at (self, i)->y);
  double low = fit->low, high = fit->high, positive = fit->positive;
  if (plot->y.scale == KX_SCALE_LINEAR)
    {
      kx_fit_add (fit, low - BELOW * (high - low));
      kx_fit_add (fit, high + ABOVE * (high - low));
    }
  else
    {
      kx_fit_add (fit, positive * pow (positive / high, BELOW));
      kx_fit_add (fit, high * pow (high / positive, ABOVE));
    }
}

static gboolean
can_show (const KxPlot *plot, const Point *point)
{
  return isfinite (point->x) && (plot->x.scale == KX_SCALE_LINEAR || point->x > 0)
         && (!isfinite (point->y) || plot->y.scale == KX_SCALE_LINEAR || point->y > 0);
}

/* What came to nothing lies at the lower edge. */
static double
place_of (const KxPlot *plot, const Point *point)
{
  return isfinite (point->y) ? kx_plot_y (plot, point->y)
                             : plot->box.origin.y + plot->box.size.height - 2 * RADIUS;
}

static void
add_cross (cairo_t *cairo, double x, double y, double radius)
{
  cairo_move_to (cairo, x - radius, y - radius);
  cairo_line_to (cairo, x + radius, y + radius);
  cairo_move_to (cairo, x - radius, y + radius);
  cairo_line_to (cairo, x + radius, y - radius);
}

/* The chosen one is filled and larger: told by form as well as by colour. */
static void
kx_point_layer_draw_over (KxLayer *layer, const KxPlot *plot, cairo_t *cairo)
{
  KxPointLayer *self = KX_POINT_LAYER (layer);
  GdkRGBA colour = kx_palette_colour (plot->theme, 0);

  cairo_set_line_width (cairo, 1.5);
  for (guint i = 0; i < self->points->len; i++)
    {
      const Point *point = point_at (self, i);
      gboolean chosen = i == self->selected;
      double radius = chosen ? RADIUS + 2 : RADIUS;
      if (!can_show (plot, point))
        continue;
      double x = kx_plot_x (plot, point->x), y = place_of (plot, point);
      cairo_new_sub_path (cairo);
      if (isfinite (point->y))
        cairo_arc (cairo, x, y, radius, 0, 2 * G_PI);
      else
        add_cross (cairo, x, y, radius);
      cairo_set_source_rgba (cairo, colour.red, colour.green, colour.blue,
                             chosen               ? 1
                             : i == self->hovered ? 0.6
                                                  : 0.25);
      cairo_fill_preserve (cairo);
      gdk_cairo_set_source_rgba (cairo, chosen ? &plot->theme->ink : &colour);
      cairo_stroke (cairo);
    }
}

static void
kx_point_layer_finalize (GObject *object)
{
  g_array_unref (KX_POINT_LAYER (object)->points);
  G_OBJECT_CLASS (kx_point_layer_parent_class)->finalize (object);
}

static void
kx_point_layer_class_init (KxPointLayerClass *klass)
{
  KxLayerClass *layer_class = KX_LAYER_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_point_layer_finalize;
  layer_class->get_extent = kx_point_layer_get_extent;
  layer_class->get_fit = kx_point_layer_get_fit;
  layer_class->draw_over = kx_point_layer_draw_over;
}

static void
kx_point_layer_init (KxPointLayer *self)
{
  self->points = g_array_new (FALSE, FALSE, sizeof (Point));
  g_array_set_clear_func (self->points, clear_point);
  self->selected = self->hovered = NOTHING;
}

/* ── The widget ── */

struct _KxScatter {
  GtkWidget parent_instance;
  char *x_title, *y_title;
  KxPointLayer *layer;
  GListStore *layers; /* of that one */
  KxAxis x, y;
  KxPlot *plot; /* as it was last drawn */
};

G_DEFINE_FINAL_TYPE (KxScatter, kx_scatter, GTK_TYPE_WIDGET)

enum {
  PROP_SELECTED = 1,
  N_PROPS,
};

enum {
  POINT_ACTIVATED,
  N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

/* Around all points, with room for their circles. */
static KxAxis
get_x (KxScatter *self)
{
  KxFit extent = kx_fit_nothing;
  KxAxis axis = self->x;
  gboolean logarithmic = axis.scale == KX_SCALE_LOG;

  kx_layer_get_extent (KX_LAYER (self->layer), KX_UNIT_STEP, &extent);
  axis.length = 1;
  axis.low = logarithmic ? extent.positive : extent.low;
  axis.high = extent.high;
  if (!isfinite (axis.low) || !isfinite (axis.high) || axis.low > axis.high)
    {
      axis.low = logarithmic ? 1e-4 : 0;
      axis.high = 1;
    }
  if (axis.low == axis.high)
    {
      axis.low = logarithmic ? axis.low / 10 : axis.low - 1;
      axis.high = logarithmic ? axis.high * 10 : axis.high + 1;
    }
  kx_axis_zoom (&axis, 0.5, 1 / (1 + 2 * PAD));
  return axis;
}

static void
draw_titles (KxScatter *self, double width, double height, cairo_t *cairo)
{
  const graphene_rect_t *box = &self->plot->box;
  g_autoptr (PangoLayout) x = pango_layout_new (self->plot->pango);
  g_autoptr (PangoLayout) y = pango_layout_new (self->plot->pango);
  int text_width, text_height;

  gdk_cairo_set_source_rgba (cairo, &self->plot->theme->dim);
  pango_layout_set_text (x, self->x_title, -1);
  pango_layout_get_pixel_size (x, &text_width, &text_height);
  cairo_move_to (cairo, box->origin.x + 4, box->origin.y + box->size.height - text_height - 2);
  pango_cairo_show_layout (cairo, x);
  pango_layout_set_text (y, self->y_title, -1);
  cairo_move_to (cairo, box->origin.x + 4, box->origin.y + 2);
  pango_cairo_show_layout (cairo, y);
}

static void
kx_scatter_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  KxScatter *self = KX_SCATTER (widget);
  double width = gtk_widget_get_width (widget), height = gtk_widget_get_height (widget);
  KxPlotSettings settings = { .layers = G_LIST_MODEL (self->layers),
                              .x = get_x (self),
                              .y = self->y,
                              .all = TRUE,
                              .theme = kx_theme_get_current (),
                              .pango = gtk_widget_get_pango_context (widget) };

  g_clear_pointer (&self->plot, kx_plot_free);
  self->plot = kx_plot_new (&settings, width, height, gtk_widget_get_scale_factor (widget));
  cairo_t *cairo = gtk_snapshot_append_cairo (snapshot, &GRAPHENE_RECT_INIT (0, 0, width, height));
  draw_titles (self, width, height, cairo);
  kx_plot_draw (self->plot, G_LIST_MODEL (self->layers), cairo);
  cairo_destroy (cairo);
}

static void
kx_scatter_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                    int *natural, int *minimum_baseline, int *natural_baseline)
{
  *minimum = orientation == GTK_ORIENTATION_HORIZONTAL ? 200 : 120;
  *natural = 6 * *minimum / 5;
}

/* ── Choosing ── */

static guint
find_point (KxScatter *self, double x, double y)
{
  double nearest = REACH;
  guint found = NOTHING;

  for (guint i = 0; self->plot && i < self->layer->points->len; i++)
    {
      const Point *point = point_at (self->layer, i);
      if (!can_show (self->plot, point))
        continue;
      double away = hypot (kx_plot_x (self->plot, point->x) - x, place_of (self->plot, point) - y);
      if (away >= nearest)
        continue;
      nearest = away;
      found = i;
    }
  return found;
}

/* "3e-4: 97.2 %" */
static char *
describe (KxScatter *self, guint i)
{
  const Point *point = point_at (self->layer, i);
  g_autofree char *x = kx_format_value (point->x);

  if (!isfinite (point->y))
    return g_strdup_printf (_ ("%s: %s %s"), point->name, self->x_title, x);
  g_autofree char *y = self->y.quantity == KX_QUANTITY_SHARE
                           ? g_strdup_printf ("%.1f %%", 100 * point->y)
                           : kx_format_value (point->y);

  return g_strdup_printf (_ ("%s: %s %s, %s %s"), point->name, self->x_title, x, self->y_title, y);
}

static void
open_point (KxScatter *self, guint i)
{
  if (i < self->layer->points->len)
    g_signal_emit (self, signals[POINT_ACTIVATED], 0, i);
}

static void
on_released (GtkGestureClick *click, int n, double x, double y, gpointer data)
{
  KxScatter *self = data;
  guint found = find_point (self, x, y);

  gtk_widget_grab_focus (GTK_WIDGET (self));
  kx_scatter_set_selected (self, found);
  if (n == 2)
    open_point (self, found);
}

static void
hover (KxScatter *self, guint i)
{
  if (self->layer->hovered == i)
    return;
  self->layer->hovered = i;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
on_motion (GtkEventControllerMotion *motion, double x, double y, gpointer data)
{
  hover (data, find_point (data, x, y));
}

static void
on_leave (GtkEventControllerMotion *motion, gpointer data)
{
  hover (data, NOTHING);
}

static gboolean
kx_scatter_query_tooltip (GtkWidget *widget, int x, int y, gboolean keyboard, GtkTooltip *tooltip)
{
  KxScatter *self = KX_SCATTER (widget);
  guint found = keyboard ? self->layer->selected : find_point (self, x, y);

  if (found >= self->layer->points->len)
    return FALSE;
  g_autofree char *text = describe (self, found);
  gtk_tooltip_set_text (tooltip, text);
  return TRUE;
}

/* The point whose x is next to that of the chosen one; of the same x, by their order. */
static guint
find_neighbour (KxScatter *self, int direction)
{
  guint from = self->layer->selected, best = NOTHING;

  for (guint i = 0; i < self->layer->points->len; i++)
    {
      double x = point_at (self->layer, i)->x;
      double start = from < self->layer->points->len ? point_at (self->layer, from)->x
                                                     : -INFINITY * direction;
      gboolean beyond = direction > 0 ? x > start || (x == start && i > from)
                                      : x < start || (x == start && i < from);
      if (i == from || !beyond)
        continue;
      double nearest = best == NOTHING ? 0 : point_at (self->layer, best)->x;
      if (best == NOTHING || (direction > 0 ? x < nearest : x >= nearest))
        best = i;
    }
  return best;
}

static void
step (GtkWidget *widget, const char *name, GVariant *parameter)
{
  KxScatter *self = KX_SCATTER (widget);
  guint found = find_neighbour (self, g_str_equal (name, "scatter.next") ? 1 : -1);

  if (found != NOTHING)
    kx_scatter_set_selected (self, found);
}

static void
open_selected (GtkWidget *widget, const char *name, GVariant *parameter)
{
  open_point (KX_SCATTER (widget), KX_SCATTER (widget)->layer->selected);
}

/* ── The object ── */

static void
kx_scatter_dispose (GObject *object)
{
  KxScatter *self = KX_SCATTER (object);

  g_clear_pointer (&self->plot, kx_plot_free);
  g_clear_object (&self->layers);
  g_clear_object (&self->layer);
  G_OBJECT_CLASS (kx_scatter_parent_class)->dispose (object);
}

static void
kx_scatter_finalize (GObject *object)
{
  g_free (KX_SCATTER (object)->x_title);
  g_free (KX_SCATTER (object)->y_title);
  G_OBJECT_CLASS (kx_scatter_parent_class)->finalize (object);
}

static void
kx_scatter_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_uint (value, kx_scatter_get_selected (KX_SCATTER (object)));
}

static void
kx_scatter_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  kx_scatter_set_selected (KX_SCATTER (object), g_value_get_uint (value));
}

static void
kx_scatter_class_init (KxScatterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = kx_scatter_dispose;
  object_class->finalize = kx_scatter_finalize;
  object_class->get_property = kx_scatter_get_property;
  object_class->set_property = kx_scatter_set_property;
  widget_class->snapshot = kx_scatter_snapshot;
  widget_class->measure = kx_scatter_measure;
  widget_class->query_tooltip = kx_scatter_query_tooltip;
  props[PROP_SELECTED]
      = g_param_spec_uint ("selected", NULL, NULL, 0, G_MAXUINT, NOTHING,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, props);
  /**
   * KxScatter::point-activated:
   * @index: in the order in which points were added
   *
   * A point is to be opened.
   */
  signals[POINT_ACTIVATED] = g_signal_new ("point-activated", KX_TYPE_SCATTER, G_SIGNAL_RUN_LAST, 0,
                                           NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
  kx_chart_load_style ();
  gtk_widget_class_install_action (widget_class, "scatter.next", NULL, step);
  gtk_widget_class_install_action (widget_class, "scatter.previous", NULL, step);
  gtk_widget_class_install_action (widget_class, "scatter.open", NULL, open_selected);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Right, 0, "scatter.next", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Left, 0, "scatter.previous", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Return, 0, "scatter.open", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_KP_Enter, 0, "scatter.open", NULL);
  gtk_widget_class_set_css_name (widget_class, "scatter");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
kx_scatter_init (KxScatter *self)
{
  GtkWidget *widget = GTK_WIDGET (self);
  GtkGesture *click = gtk_gesture_click_new ();
  GtkEventController *motion = gtk_event_controller_motion_new ();

  self->layer = g_object_new (KX_TYPE_POINT_LAYER, NULL);
  self->layers = g_list_store_new (KX_TYPE_LAYER);
  g_list_store_append (self->layers, self->layer);
  gtk_widget_set_focusable (widget, TRUE);
  gtk_widget_set_has_tooltip (widget, TRUE);
  gtk_widget_add_css_class (widget, "view");
  gtk_widget_set_direction (widget, GTK_TEXT_DIR_LTR);
  gtk_widget_set_overflow (widget, GTK_OVERFLOW_HIDDEN);
  g_signal_connect (click, "released", G_CALLBACK (on_released), self);
  g_signal_connect (motion, "motion", G_CALLBACK (on_motion), self);
  g_signal_connect (motion, "leave", G_CALLBACK (on_leave), self);
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (click));
  gtk_widget_add_controller (widget, motion);
  kx_theme_connect (self, G_CALLBACK (gtk_widget_queue_draw));
}

/**
 * kx_scatter_new:
 * @x_title: what x is, such as "learning rate"
 * @y_title: what y is
 *
 * Returns: (transfer floating): a scatter without points
 */
GtkWidget *
kx_scatter_new (const char *x_title, const char *y_title)
{
  KxScatter *self = g_object_new (KX_TYPE_SCATTER, NULL);
  g_autofree char *label = g_strdup_printf (_ ("%s by %s"), y_title, x_title);

  self->x_title = g_strdup (x_title);
  self->y_title = g_strdup (y_title);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  return GTK_WIDGET (self);
}

void
kx_scatter_set_log_x (KxScatter *self, gboolean log_x)
{
  self->x.scale = log_x ? KX_SCALE_LOG : KX_SCALE_LINEAR;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
kx_scatter_set_log_y (KxScatter *self, gboolean log_y)
{
  self->y.scale = log_y ? KX_SCALE_LOG : KX_SCALE_LINEAR;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * kx_scatter_set_share:
 * @scatter: a scatter
 * @share: whether y are shares of 1, shown as per cent
 */
void
kx_scatter_set_share (KxScatter *self, gboolean share)
{
  self->y.quantity = share ? KX_QUANTITY_SHARE : KX_QUANTITY_NUMBER;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * kx_scatter_add:
 * @scatter: a scatter
 * @x: where; what is not finite is not shown
 * @y: where; what is not finite is a cross at the lower edge, for what came to nothing
 * @name: for people
 *
 * Returns: the point's index
 */
guint
kx_scatter_add (KxScatter *self, double x, double y, const char *name)
{
  Point point = { x, y, g_strdup (name) };

  g_array_append_val (self->layer->points, point);
  gtk_widget_queue_draw (GTK_WIDGET (self));
  return self->layer->points->len - 1;
}

void
kx_scatter_clear (KxScatter *self)
{
  kx_scatter_set_selected (self, NOTHING);
  self->layer->hovered = NOTHING;
  g_array_set_size (self->layer->points, 0);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

guint
kx_scatter_get_selected (KxScatter *self)
{
  return self->layer->selected;
}

/**
 * kx_scatter_set_selected:
 * @scatter: a scatter
 * @index: of a point; %GTK_INVALID_LIST_POSITION, and what is none: no point
 */
void
kx_scatter_set_selected (KxScatter *self, guint index)
{
  if (index >= self->layer->points->len)
    index = NOTHING;
  if (self->layer->selected == index)
    return;
  self->layer->selected = index;
  g_autofree char *text = index == NOTHING ? g_strdup ("") : describe (self, index);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text,
                                  -1);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_SELECTED]);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}
