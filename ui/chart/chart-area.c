/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "chart-area.h"

#include <math.h>

#include "line-layer.h"
#include "mark-layer.h"
#include "style.h"

#define WHEEL_STEP 1.2 /* how much a notch of the wheel zooms */
#define MIN_WIDTH 200
#define MIN_HEIGHT 90
#define SLIP 4 /* pixels that a click may move */

typedef enum {
  Y_FIT, /* what is seen, but for the rarest extremes */
  Y_ALL,
  Y_MANUAL,
} YMode;

struct _KxChartArea {
  GtkWidget parent_instance;
  KxChartView *view;
  GListModel *layers;
  KxAxis y; /* @low and @high only in Y_MANUAL */
  YMode y_mode;

  /* The drawing, kept while nothing but the crosshair changes. */
  KxPlot *plot;
  GskRenderNode *picture;
  int width, height, scale;
  gboolean stale;

  /* While dragging. */
  KxAxis drag_x, drag_y;
  gboolean boxing;
  double box_x, box_y, box_width, box_height;
  double pinch; /* the scale that was dealt with */
};

G_DEFINE_FINAL_TYPE (KxChartArea, kx_chart_area, GTK_TYPE_WIDGET)

enum {
  CHECKPOINT_ACTIVATED,
  FIT_WANTED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* ── Drawing ── */

/**
 * kx_chart_area_get_settings:
 * @area: an area
 * @settings: (out caller-allocates): what a plot like the one it shows is made of
 */
void
kx_chart_area_get_settings (KxChartArea *self, KxPlotSettings *settings)
{
  *settings = (KxPlotSettings){ .layers = self->layers,
                                .x = kx_chart_view_get_axis (self->view, 1),
                                .y = self->y,
                                .unit = kx_chart_view_get_unit (self->view),
                                .all = self->y_mode == Y_ALL,
                                .smoothing = kx_chart_view_get_smoothing (self->view),
                                .theme = kx_theme_get_current (),
                                .pango = gtk_widget_get_pango_context (GTK_WIDGET (self)) };
  if (self->y_mode != Y_MANUAL)
    settings->y.low = settings->y.high = 0;
}

/* A node that paints @surface, which is drawn again without anything that made it. */
static GskRenderNode *
node_of (KxChartArea *self, cairo_surface_t *surface)
{
  GskRenderNode *node = gsk_cairo_node_new (&GRAPHENE_RECT_INIT (0, 0, self->width, self->height));
  cairo_t *cairo = gsk_cairo_node_get_draw_context (node);

  cairo_set_source_surface (cairo, surface, 0, 0);
  cairo_pattern_set_filter (cairo_get_source (cairo), CAIRO_FILTER_NEAREST);
  cairo_paint (cairo);
  cairo_destroy (cairo);
  return node;
}

/* Into a picture of device pixels: what follows, the crosshair, is laid over it. */
static void
redraw (KxChartArea *self)
{
  KxPlotSettings settings;
  cairo_surface_t *surface = cairo_image_surface_create (
      CAIRO_FORMAT_ARGB32, self->width * self->scale, self->height * self->scale);

  cairo_surface_set_device_scale (surface, self->scale, self->scale);
  cairo_t *cairo = cairo_create (surface);
  kx_chart_area_get_settings (self, &settings);
  g_clear_pointer (&self->plot, kx_plot_free);
  g_clear_pointer (&self->picture, gsk_render_node_unref);
  self->plot = kx_plot_new (&settings, self->width, self->height, self->scale);
  kx_plot_draw (self->plot, self->layers, cairo);
  cairo_destroy (cairo);
  self->picture = node_of (self, surface);
  cairo_surface_destroy (surface);
  self->stale = FALSE;
}

static void
ensure_picture (KxChartArea *self)
{
  int width = gtk_widget_get_width (GTK_WIDGET (self));
  int height = gtk_widget_get_height (GTK_WIDGET (self));
  int scale = gtk_widget_get_scale_factor (GTK_WIDGET (self));

  if (width <= 0 || height <= 0)
    return;
  if (self->picture && !self->stale && self->width == width && self->height == height
      && self->scale == scale)
    return;
  self->width = width;
  self->height = height;
  self->scale = scale;
  redraw (self);
}

static void
snapshot_crosshair (KxChartArea *self, GtkSnapshot *snapshot)
{
  const graphene_rect_t *box = &self->plot->box;
  double at = kx_chart_view_get_crosshair (self->view);
  double x = isnan (at) ? NAN : kx_plot_x (self->plot, at);

  if (!(x >= box->origin.x - 0.5 && x <= box->origin.x + box->size.width + 0.5))
    return;
  GdkRGBA colour = self->plot->theme->ink;
  colour.alpha *= 0.7f;
  x = floor (x * self->scale) / self->scale;
  gtk_snapshot_append_color (
      snapshot, &colour,
      &GRAPHENE_RECT_INIT (x, box->origin.y, MAX (1.0 / self->scale, 1), box->size.height));
}

static void
snapshot_box (KxChartArea *self, GtkSnapshot *snapshot)
{
  GdkRGBA colour = self->plot->theme->accent;
  graphene_rect_t box
      = GRAPHENE_RECT_INIT (self->box_x, self->box_y, self->box_width, self->box_height);
  GskRoundedRect outline;

  graphene_rect_normalize (&box);
  gsk_rounded_rect_init_from_rect (&outline, &box, 0);
  gtk_snapshot_append_border (snapshot, &outline, (float[]){ 1, 1, 1, 1 },
                              (GdkRGBA[]){ colour, colour, colour, colour });
  colour.alpha = 0.15f;
  gtk_snapshot_append_color (snapshot, &colour, &box);
}

static void
kx_chart_area_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  KxChartArea *self = KX_CHART_AREA (widget);

  ensure_picture (self);
  if (!self->picture)
    return;
  gtk_snapshot_append_node (snapshot, self->picture);
  snapshot_crosshair (self, snapshot);
  if (self->boxing)
    snapshot_box (self, snapshot);
}

static void
kx_chart_area_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                       int *natural, int *minimum_baseline, int *natural_baseline)
{
  *minimum = orientation == GTK_ORIENTATION_HORIZONTAL ? MIN_WIDTH : MIN_HEIGHT;
  *natural = 2 * *minimum;
}

/* ── The y axis ── */

/* From now on y stays as it is, until it is released. */
static gboolean
hold_y (KxChartArea *self)
{
  if (!self->plot)
    return FALSE;
  self->y = self->plot->y;
  self->y_mode = Y_MANUAL;
  return TRUE;
}

/**
 * kx_chart_area_pan_y:
 * @area: an area
 * @share: of its height, by which the data move upwards
 */
void
kx_chart_area_pan_y (KxChartArea *self, double share)
{
  if (!hold_y (self))
    return;
  kx_axis_pan (&self->y, share * self->y.length);
  kx_chart_area_invalidate (self);
}

static void
zoom_y (KxChartArea *self, double pointer, double factor)
{
  if (!hold_y (self))
    return;
  kx_axis_zoom (&self->y, self->plot->box.origin.y + self->plot->box.size.height - pointer, factor);
  kx_chart_area_invalidate (self);
}

static void
set_y_mode (KxChartArea *self, YMode mode)
{
  if (self->y_mode == mode)
    return;
  self->y_mode = mode;
  kx_chart_area_invalidate (self);
}

/**
 * kx_chart_area_release_y:
 * @area: an area
 * @manual: whether a range that somebody chose by hand is given up, too
 *
 * Lets y follow what is in sight again, but for the rarest extremes.
 */
void
kx_chart_area_release_y (KxChartArea *self, gboolean manual)
{
  if (manual || self->y_mode == Y_ALL)
    set_y_mode (self, Y_FIT);
}

/**
 * kx_chart_area_show_all:
 * @area: an area
 *
 * Lets y reach to all extremes.
 */
void
kx_chart_area_show_all (KxChartArea *self)
{
  set_y_mode (self, Y_ALL);
}

gboolean
kx_chart_area_get_log_y (KxChartArea *self)
{
  return self->y.scale == KX_SCALE_LOG;
}

void
kx_chart_area_set_log_y (KxChartArea *self, gboolean log_y)
{
  self->y.scale = log_y ? KX_SCALE_LOG : KX_SCALE_LINEAR;
  if (self->y_mode == Y_MANUAL)
    self->y_mode = Y_FIT;
  kx_chart_area_invalidate (self);
}

void
kx_chart_area_set_share (KxChartArea *self, gboolean share)
{
  self->y.quantity = share ? KX_QUANTITY_SHARE : KX_QUANTITY_NUMBER;
  kx_chart_area_invalidate (self);
}

/* ── The pointer ── */

static gboolean
inside (KxChartArea *self, double x, double y)
{
  return self->plot && graphene_rect_contains_point (&self->plot->box, &GRAPHENE_POINT_INIT (x, y));
}

static double
share_of_width (KxChartArea *self, double x)
{
  return (x - self->plot->box.origin.x) / self->plot->box.size.width;
}

/* The nearest point of the curve that it is about. */
static double
snap_to_point (KxChartArea *self, double value)
{
  KxUnit unit = kx_chart_view_get_unit (self->view);
  KxLineLayer *line = kx_line_layer_find_main (self->layers, unit);
  double step;
  float y, shown;

  if (!line
      || !kx_line_layer_read (line, unit, kx_chart_view_get_smoothing (self->view), value, &step,
                              &y, &shown))
    return value;
  return kx_clock_from_step (kx_line_layer_get_clock (line), unit, step);
}

static void
on_motion (GtkEventControllerMotion *motion, double x, double y, gpointer data)
{
  KxChartArea *self = data;
  double value = NAN;

  if (inside (self, x, y))
    value = snap_to_point (self, kx_axis_value (&self->plot->x, x - self->plot->box.origin.x));
  kx_chart_view_set_crosshair (self->view, value);
}

static void
on_leave (GtkEventControllerMotion *motion, gpointer data)
{
  kx_chart_view_set_crosshair (KX_CHART_AREA (data)->view, NAN);
}

static KxMarkLayer *
find_marks (KxChartArea *self)
{
  for (guint i = 0; i < g_list_model_get_n_items (self->layers); i++)
    {
      g_autoptr (GObject) layer = g_list_model_get_item (self->layers, i);
      if (KX_IS_MARK_LAYER (layer))
        return KX_MARK_LAYER (layer);
    }
  return NULL;
}

static void
on_released (GtkGestureClick *click, int n, double x, double y, gpointer data)
{
  KxChartArea *self = data;
  KxMarkLayer *marks = find_marks (self);
  double step, low, high;

  if (n == 2)
    g_signal_emit (self, signals[FIT_WANTED], 0);
  else if (n == 1 && self->plot && marks
           && kx_mark_layer_find_checkpoint (marks, self->plot, x, y, &step))
    g_signal_emit (self, signals[CHECKPOINT_ACTIVATED], 0, step);
  else if (n == 1 && self->plot && marks
           && kx_mark_layer_find_changes (marks, self->plot, x, y, &low, &high))
    {
      kx_chart_area_release_y (self, FALSE);
      kx_chart_view_set_range (self->view, low, high);
    }
}

static void
on_pressed (GtkGestureClick *click, int n, double x, double y, gpointer data)
{
  GtkWidget *chart = gtk_widget_get_ancestor (data, GTK_TYPE_WIDGET);

  /* The chart around it has the keys. */
  for (chart = gtk_widget_get_parent (data); chart && !gtk_widget_get_focusable (chart);)
    chart = gtk_widget_get_parent (chart);
  if (chart)
    gtk_widget_grab_focus (chart);
}

static gboolean
on_query_tooltip (GtkWidget *widget, int x, int y, gboolean keyboard, GtkTooltip *tooltip)
{
  KxChartArea *self = KX_CHART_AREA (widget);
  KxMarkLayer *marks = find_marks (self);

  if (!marks || !self->plot || keyboard)
    return FALSE;
  g_autofree char *text = kx_mark_layer_describe (marks, self->plot, x, y);
  gtk_tooltip_set_text (tooltip, text);
  return text != NULL;
}

/* ── Dragging ── */

static void
on_drag_begin (GtkGestureDrag *drag, double x, double y, gpointer data)
{
  KxChartArea *self = data;
  GdkModifierType state
      = gtk_event_controller_get_current_event_state (GTK_EVENT_CONTROLLER (drag));

  if (!inside (self, x, y))
    {
      gtk_gesture_set_state (GTK_GESTURE (drag), GTK_EVENT_SEQUENCE_DENIED);
      return;
    }
  self->drag_x = kx_chart_view_get_axis (self->view, self->plot->box.size.width);
  self->drag_y = self->plot->y;
  self->boxing = (state & GDK_SHIFT_MASK) != 0;
  self->box_x = x;
  self->box_y = y;
  self->box_width = self->box_height = 0;
}

static void
on_drag_update (GtkGestureDrag *drag, double dx, double dy, gpointer data)
{
  KxChartArea *self = data;
  const graphene_rect_t *box = &self->plot->box;

  if (hypot (dx, dy) < SLIP && !self->boxing)
    return;
  if (self->boxing)
    {
      gtk_gesture_set_state (GTK_GESTURE (drag), GTK_EVENT_SEQUENCE_CLAIMED);
      self->box_width
          = CLAMP (self->box_x + dx, box->origin.x, box->origin.x + box->size.width) - self->box_x;
      self->box_height
          = CLAMP (self->box_y + dy, box->origin.y, box->origin.y + box->size.height) - self->box_y;
      gtk_widget_queue_draw (GTK_WIDGET (self));
      return;
    }
  gtk_gesture_set_state (GTK_GESTURE (drag), GTK_EVENT_SEQUENCE_CLAIMED);
  KxAxis x = self->drag_x;
  kx_axis_pan (&x, dx);
  kx_chart_view_set_range (self->view, x.low, x.high);
  if (self->y_mode == Y_MANUAL)
    {
      self->y = self->drag_y;
      kx_axis_pan (&self->y, -dy);
      kx_chart_area_invalidate (self);
    }
}

static void
on_drag_end (GtkGestureDrag *drag, double dx, double dy, gpointer data)
{
  KxChartArea *self = data;
  const graphene_rect_t *frame = &self->plot->box;
  graphene_rect_t box
      = GRAPHENE_RECT_INIT (self->box_x, self->box_y, self->box_width, self->box_height);

  if (!self->boxing)
    return;
  self->boxing = FALSE;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  graphene_rect_normalize (&box);
  if (box.size.width < SLIP || box.size.height < SLIP)
    return;
  double left = box.origin.x - frame->origin.x;
  double below = frame->origin.y + frame->size.height - box.origin.y - box.size.height;
  KxAxis y = self->plot->y;
  y.low = kx_axis_value (&self->plot->y, below);
  y.high = kx_axis_value (&self->plot->y, below + box.size.height);
  if (kx_axis_valid (&y))
    {
      self->y = y;
      self->y_mode = Y_MANUAL;
    }
  kx_chart_view_set_range (self->view, kx_axis_value (&self->plot->x, left),
                           kx_axis_value (&self->plot->x, left + box.size.width));
  kx_chart_area_invalidate (self);
}

/* ── Zooming ── */

/* x and y of the pointer at a scroll or a pinch; the middle if there is none. */
static void
get_pointer (KxChartArea *self, GtkEventController *controller, double *x, double *y)
{
  GdkEvent *event = gtk_event_controller_get_current_event (controller);
  GtkNative *native = gtk_widget_get_native (GTK_WIDGET (self));
  double surface_x, surface_y, native_x, native_y;

  *x = self->plot->box.origin.x + self->plot->box.size.width / 2;
  *y = self->plot->box.origin.y + self->plot->box.size.height / 2;
  if (!event || !native || !gdk_event_get_position (event, &surface_x, &surface_y))
    return;
  gtk_native_get_surface_transform (native, &native_x, &native_y);
  gtk_widget_translate_coordinates (GTK_WIDGET (native), GTK_WIDGET (self), surface_x - native_x,
                                    surface_y - native_y, x, y);
}

static gboolean
on_scroll (GtkEventControllerScroll *scroll, double dx, double dy, gpointer data)
{
  KxChartArea *self = data;
  GtkEventController *controller = GTK_EVENT_CONTROLLER (scroll);
  GdkModifierType state = gtk_event_controller_get_current_event_state (controller);
  double x, y;

  /* A plain scroll is the page's. */
  if (!(state & GDK_CONTROL_MASK) || !self->plot)
    return GDK_EVENT_PROPAGATE;
  get_pointer (self, controller, &x, &y);
  /* With Shift some systems turn the wheel into a horizontal one. */
  double factor = pow (WHEEL_STEP, -(dy != 0 ? dy : dx));
  if (state & GDK_SHIFT_MASK)
    zoom_y (self, y, factor);
  else
    {
      kx_chart_area_release_y (self, FALSE);
      kx_chart_view_zoom (self->view, share_of_width (self, x), factor);
    }
  return GDK_EVENT_STOP;
}

static void
on_pinch_begin (GtkGesture *gesture, GdkEventSequence *sequence, gpointer data)
{
  KX_CHART_AREA (data)->pinch = 1;
}

static void
on_pinch (GtkGestureZoom *gesture, double scale, gpointer data)
{
  KxChartArea *self = data;
  double x, y;

  if (!self->plot || scale <= 0)
    return;
  if (!gtk_gesture_get_bounding_box_center (GTK_GESTURE (gesture), &x, &y))
    x = self->plot->box.origin.x + self->plot->box.size.width / 2;
  kx_chart_view_zoom (self->view, share_of_width (self, x), scale / self->pinch);
  self->pinch = scale;
}

/* ── The widget ── */

static void
kx_chart_area_dispose (GObject *object)
{
  KxChartArea *self = KX_CHART_AREA (object);

  g_clear_pointer (&self->plot, kx_plot_free);
  g_clear_pointer (&self->picture, gsk_render_node_unref);
  g_clear_object (&self->view);
  g_clear_object (&self->layers);
  G_OBJECT_CLASS (kx_chart_area_parent_class)->dispose (object);
}

static void
kx_chart_area_css_changed (GtkWidget *widget, GtkCssStyleChange *change)
{
  GTK_WIDGET_CLASS (kx_chart_area_parent_class)->css_changed (widget, change);
  kx_chart_area_invalidate (KX_CHART_AREA (widget));
}

static void
kx_chart_area_class_init (KxChartAreaClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_chart_area_dispose;
  widget_class->snapshot = kx_chart_area_snapshot;
  widget_class->measure = kx_chart_area_measure;
  widget_class->query_tooltip = on_query_tooltip;
  widget_class->css_changed = kx_chart_area_css_changed;
  signals[CHECKPOINT_ACTIVATED]
      = g_signal_new ("checkpoint-activated", KX_TYPE_CHART_AREA, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                      NULL, G_TYPE_NONE, 1, G_TYPE_DOUBLE);
  signals[FIT_WANTED] = g_signal_new ("fit-wanted", KX_TYPE_CHART_AREA, G_SIGNAL_RUN_LAST, 0, NULL,
                                      NULL, NULL, G_TYPE_NONE, 0);
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
add_controllers (KxChartArea *self)
{
  GtkWidget *widget = GTK_WIDGET (self);
  GtkEventController *motion = gtk_event_controller_motion_new ();
  GtkEventController *scroll
      = gtk_event_controller_scroll_new (GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES);
  GtkGesture *click = gtk_gesture_click_new (), *drag = gtk_gesture_drag_new ();
  GtkGesture *pinch = gtk_gesture_zoom_new ();

  g_signal_connect (motion, "motion", G_CALLBACK (on_motion), self);
  g_signal_connect (motion, "leave", G_CALLBACK (on_leave), self);
  g_signal_connect (scroll, "scroll", G_CALLBACK (on_scroll), self);
  g_signal_connect (click, "pressed", G_CALLBACK (on_pressed), self);
  g_signal_connect (click, "released", G_CALLBACK (on_released), self);
  g_signal_connect (drag, "drag-begin", G_CALLBACK (on_drag_begin), self);
  g_signal_connect (drag, "drag-update", G_CALLBACK (on_drag_update), self);
  g_signal_connect (drag, "drag-end", G_CALLBACK (on_drag_end), self);
  g_signal_connect (pinch, "begin", G_CALLBACK (on_pinch_begin), self);
  g_signal_connect (pinch, "scale-changed", G_CALLBACK (on_pinch), self);
  gtk_widget_add_controller (widget, motion);
  gtk_widget_add_controller (widget, scroll);
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (click));
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (drag));
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (pinch));
}

static void
kx_chart_area_init (KxChartArea *self)
{
  self->stale = TRUE;
  gtk_widget_set_has_tooltip (GTK_WIDGET (self), TRUE);
  /* Numbers and time go to the right in every language. */
  gtk_widget_set_direction (GTK_WIDGET (self), GTK_TEXT_DIR_LTR);
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
  add_controllers (self);
  kx_theme_connect (self, G_CALLBACK (kx_chart_area_invalidate));
}

/**
 * kx_chart_area_new:
 * @view: the range
 * @layers: what is drawn
 *
 * Returns: (transfer floating): an area
 */
GtkWidget *
kx_chart_area_new (KxChartView *view, GListModel *layers)
{
  KxChartArea *self = g_object_new (KX_TYPE_CHART_AREA, NULL);

  self->view = g_object_ref (view);
  self->layers = g_object_ref (layers);
  return GTK_WIDGET (self);
}

/**
 * kx_chart_area_invalidate:
 * @area: an area
 *
 * Has it drawn anew with the next frame.
 */
void
kx_chart_area_invalidate (KxChartArea *self)
{
  self->stale = TRUE;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * kx_chart_area_get_plot:
 * @area: an area
 *
 * Returns: (transfer none) (nullable): how it was last drawn
 */
const KxPlot *
kx_chart_area_get_plot (KxChartArea *self)
{
  return self->plot;
}

/**
 * kx_chart_area_get_footnote:
 * @area: an area
 *
 * Returns: (transfer full) (nullable): see kx_plot_footnote()
 */
char *
kx_chart_area_get_footnote (KxChartArea *self)
{
  KxPlotSettings settings;

  kx_chart_area_get_settings (self, &settings);
  return kx_plot_footnote (&settings);
}
