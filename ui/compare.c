/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Two pictures under one line. The line is where the knob of a real scale is, so that keys, readers
 * and tests can move it. Both are drawn at the size of the larger one: a moment from when the
 * picture was small lies over the one that is large.
 */

#include "compare.h"

#include <glib/gi18n.h>
#include <math.h>

#include "deep-picture.h"

#define GRIP 12.0    /* pixels around the line at which a drag takes it */
#define LARGEST 16.0 /* pixels of the screen to one of the picture */
#define WHEEL 1.15   /* for a notch */

struct _KxCompare {
  GtkWidget parent_instance;

  GdkPaintable *a, *b;
  gulong a_handler, b_handler; /* may be the same picture's */
  GtkWidget *a_label, *b_label, *scale;
  double zoom; /* pixels of the screen to one of the picture; 0: as large as fits */
  double x, y; /* the picture's point in the middle, 0..1 */
  double pointer_x, pointer_y;
  double drag_x, drag_y; /* x and y when a drag began */
  gboolean moves_line;
  gboolean by_pointer; /* it has the focus since it was clicked */
};

G_DEFINE_FINAL_TYPE (KxCompare, kx_compare, GTK_TYPE_WIDGET)

/* ── Places ──────────────────────────────────────────────────────────────────────────────────── */

static void
get_size (KxCompare *self, double *width, double *height)
{
  int aw = self->a ? gdk_paintable_get_intrinsic_width (self->a) : 0;
  int bw = self->b ? gdk_paintable_get_intrinsic_width (self->b) : 0;
  GdkPaintable *larger = aw > bw ? self->a : self->b;

  *width = larger ? gdk_paintable_get_intrinsic_width (larger) : 0;
  *height = larger ? gdk_paintable_get_intrinsic_height (larger) : 0;
}

static double
fitting_zoom (KxCompare *self)
{
  double width, height;

  get_size (self, &width, &height);
  if (width <= 0 || height <= 0)
    return 1;
  return MIN (gtk_widget_get_width (GTK_WIDGET (self)) / width,
              gtk_widget_get_height (GTK_WIDGET (self)) / height);
}

static double
current_zoom (KxCompare *self)
{
  return self->zoom > 0 ? self->zoom : fitting_zoom (self);
}

/* Where the picture is, in the widget. */
static graphene_rect_t
get_place (KxCompare *self)
{
  double zoom = current_zoom (self), width, height;
  double x = self->zoom > 0 ? self->x : 0.5, y = self->zoom > 0 ? self->y : 0.5;

  get_size (self, &width, &height);
  return GRAPHENE_RECT_INIT (
      (float) round (gtk_widget_get_width (GTK_WIDGET (self)) / 2.0 - x * width * zoom),
      (float) round (gtk_widget_get_height (GTK_WIDGET (self)) / 2.0 - y * height * zoom),
      (float) (width * zoom), (float) (height * zoom));
}

/* The scale's trough, from whose end to end the knob's middle moves. */
static void
get_trough (KxCompare *self, double *start, double *width)
{
  graphene_rect_t bounds;
  GdkRectangle trough;

  gtk_range_get_range_rect (GTK_RANGE (self->scale), &trough);
  if (!gtk_widget_compute_bounds (self->scale, GTK_WIDGET (self), &bounds))
    bounds = GRAPHENE_RECT_INIT (0, 0, 0, 0);
  *start = bounds.origin.x + trough.x;
  *width = MAX (trough.width, 1);
}

/* Where the line is: at the knob's middle. */
static double
get_line (KxCompare *self)
{
  double start, width;

  get_trough (self, &start, &width);
  return round (start + gtk_range_get_value (GTK_RANGE (self->scale)) * width);
}

static void
set_line (KxCompare *self, double x)
{
  double start, width;

  get_trough (self, &start, &width);
  gtk_range_set_value (GTK_RANGE (self->scale), (x - start) / width);
}

/* ── Zoom ────────────────────────────────────────────────────────────────────────────────────── */

/* Changes the zoom so that what is at a place of the widget stays there. */
static void
zoom_at (KxCompare *self, double zoom, double at_x, double at_y)
{
  graphene_rect_t place = get_place (self);
  double width, height;

  get_size (self, &width, &height);
  if (width <= 0 || height <= 0)
    return;
  double x = (at_x - place.origin.x) / place.size.width;
  double y = (at_y - place.origin.y) / place.size.height;
  zoom = CLAMP (zoom, MIN (fitting_zoom (self), 1), LARGEST);
  self->zoom = zoom <= fitting_zoom (self) * 1.001 ? 0 : zoom;
  self->x
      = CLAMP (x - (at_x - gtk_widget_get_width (GTK_WIDGET (self)) / 2.0) / (width * zoom), 0, 1);
  self->y = CLAMP (y - (at_y - gtk_widget_get_height (GTK_WIDGET (self)) / 2.0) / (height * zoom),
                   0, 1);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static gboolean
scrolled (KxCompare *self, double dx, double dy)
{
  if (!self->b || dy == 0)
    return GDK_EVENT_PROPAGATE;
  zoom_at (self, current_zoom (self) * pow (WHEEL, -dy), self->pointer_x, self->pointer_y);
  return GDK_EVENT_STOP;
}

static void
moved (KxCompare *self, double x, double y)
{
  self->pointer_x = x;
  self->pointer_y = y;
  gtk_widget_set_cursor_from_name (GTK_WIDGET (self), self->a && fabs (x - get_line (self)) < GRIP
                                                          ? "col-resize"
                                                      : self->zoom > 0 ? "grab"
                                                                       : NULL);
}

static void
zoom_actual (GtkWidget *widget, const char *name, GVariant *target)
{
  zoom_at (KX_COMPARE (widget), 1, gtk_widget_get_width (widget) / 2.0,
           gtk_widget_get_height (widget) / 2.0);
}

static void
zoom_fit (GtkWidget *widget, const char *name, GVariant *target)
{
  KX_COMPARE (widget)->zoom = 0;
  gtk_widget_queue_draw (widget);
}

static void
zoom_by (GtkWidget *widget, const char *name, GVariant *target)
{
  zoom_at (KX_COMPARE (widget),
           current_zoom (KX_COMPARE (widget)) * (g_str_has_suffix (name, "in") ? 1.25 : 0.8),
           gtk_widget_get_width (widget) / 2.0, gtk_widget_get_height (widget) / 2.0);
}

/* ── The line ────────────────────────────────────────────────────────────────────────────────── */

static void
drag_begin (KxCompare *self, double x, double y)
{
  gtk_widget_grab_focus (GTK_WIDGET (self));
  self->by_pointer = TRUE;
  self->moves_line = self->a && (self->zoom <= 0 || fabs (x - get_line (self)) < GRIP);
  self->drag_x = self->moves_line ? x : self->x;
  self->drag_y = self->y;
  if (self->moves_line)
    set_line (self, x);
}

static void
drag_update (KxCompare *self, double dx, double dy)
{
  graphene_rect_t place = get_place (self);

  if (self->moves_line)
    set_line (self, self->drag_x + dx);
  else if (self->zoom > 0)
    {
      self->x = CLAMP (self->drag_x - dx / place.size.width, 0, 1);
      self->y = CLAMP (self->drag_y - dy / place.size.height, 0, 1);
      gtk_widget_queue_draw (GTK_WIDGET (self));
    }
}

static void
move_line (GtkWidget *widget, const char *name, GVariant *target)
{
  GtkWidget *scale = KX_COMPARE (widget)->scale;
  double value = gtk_range_get_value (GTK_RANGE (scale));

  gtk_range_set_value (GTK_RANGE (scale), value + g_variant_get_double (target));
}

/* The line goes to the other side, so that one sees the other picture. */
static void
swap (GtkWidget *widget, const char *name, GVariant *target)
{
  GtkRange *scale = GTK_RANGE (KX_COMPARE (widget)->scale);

  gtk_range_set_value (scale, gtk_range_get_value (scale) < 0.5 ? 1 : 0);
}

/* Who has clicked the picture compares with Tab; who came with Tab goes on with it. */
static gboolean
press_tab (GtkWidget *widget, GVariant *arguments, gpointer unused)
{
  KxCompare *self = KX_COMPARE (widget);

  if (!self->by_pointer || !self->a || !gtk_widget_has_focus (widget))
    return GDK_EVENT_PROPAGATE;
  swap (widget, NULL, NULL);
  return GDK_EVENT_STOP;
}

static void
lose_focus (KxCompare *self)
{
  self->by_pointer = FALSE;
}

/* ── The widget ──────────────────────────────────────────────────────────────────────────────── */

static void
draw_part (KxCompare *self, GtkSnapshot *snapshot, GdkPaintable *picture,
           const graphene_rect_t *place, const graphene_rect_t *part)
{
  graphene_point_t origin = place->origin;

  gtk_snapshot_push_clip (snapshot, part);
  if (KX_IS_DEEP_PICTURE (picture))
    kx_deep_picture_draw (KX_DEEP_PICTURE (picture), snapshot, place, part,
                          gtk_widget_get_scale_factor (GTK_WIDGET (self)));
  else
    {
      gtk_snapshot_save (snapshot);
      gtk_snapshot_translate (snapshot, &origin);
      gdk_paintable_snapshot (picture, snapshot, place->size.width, place->size.height);
      gtk_snapshot_restore (snapshot);
    }
  gtk_snapshot_pop (snapshot);
}

static void
draw_line (KxCompare *self, GtkSnapshot *snapshot, float line, float height)
{
  const GdkRGBA white = { 1, 1, 1, 1 }, black = { 0, 0, 0, 0.6f };

  gtk_snapshot_append_color (snapshot, &black, &GRAPHENE_RECT_INIT (line - 2, 0, 4, height));
  gtk_snapshot_append_color (snapshot, &white, &GRAPHENE_RECT_INIT (line - 1, 0, 2, height));
}

static void
kx_compare_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  KxCompare *self = KX_COMPARE (widget);
  float width = (float) gtk_widget_get_width (widget);
  float height = (float) gtk_widget_get_height (widget);
  graphene_rect_t place = get_place (self);
  float line = self->a ? (float) get_line (self) : 0;

  gtk_snapshot_push_clip (snapshot, &GRAPHENE_RECT_INIT (0, 0, width, height));
  if (self->b)
    draw_part (self, snapshot, self->b, &place,
               &GRAPHENE_RECT_INIT (line, 0, width - line, height));
  if (self->a)
    {
      draw_part (self, snapshot, self->a, &place, &GRAPHENE_RECT_INIT (0, 0, line, height));
      draw_line (self, snapshot, line, height);
    }
  gtk_snapshot_pop (snapshot);
  GTK_WIDGET_CLASS (kx_compare_parent_class)->snapshot (widget, snapshot);
}

static void
kx_compare_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                    int *natural, int *minimum_baseline, int *natural_baseline)
{
  *minimum = orientation == GTK_ORIENTATION_HORIZONTAL ? 240 : 180;
  *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? 480 : 360;
}

static void
place_label (GtkWidget *label, int width, int right_of)
{
  int minimum, natural, height;

  if (!gtk_widget_get_visible (label))
    return;
  gtk_widget_measure (label, GTK_ORIENTATION_HORIZONTAL, -1, &minimum, &natural, NULL, NULL);
  natural = MAX (minimum, MIN (natural, width / 2 - 18));
  gtk_widget_measure (label, GTK_ORIENTATION_VERTICAL, natural, NULL, &height, NULL, NULL);
  gtk_widget_size_allocate (
      label, &(GtkAllocation){ right_of ? width - natural - 12 : 12, 12, natural, height }, -1);
}

static void
kx_compare_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  KxCompare *self = KX_COMPARE (widget);
  int needed, minimum;

  place_label (self->a_label, width, FALSE);
  place_label (self->b_label, width, TRUE);
  if (!gtk_widget_get_visible (self->scale))
    return;
  gtk_widget_measure (self->scale, GTK_ORIENTATION_HORIZONTAL, -1, &minimum, NULL, NULL, NULL);
  gtk_widget_measure (self->scale, GTK_ORIENTATION_VERTICAL, width, NULL, &needed, NULL, NULL);
  gtk_widget_size_allocate (
      self->scale, &(GtkAllocation){ 0, height - needed, MAX (minimum, width), needed }, -1);
}

/* It may come in a better form later. */
static void
set_picture (KxCompare *self, GdkPaintable **place, gulong *handler, GdkPaintable *picture)
{
  g_clear_signal_handler (handler, *place);
  if (picture)
    *handler = g_signal_connect_swapped (picture, "invalidate-contents",
                                         G_CALLBACK (gtk_widget_queue_draw), self);
  g_set_object (place, picture);
}

static void
kx_compare_dispose (GObject *object)
{
  KxCompare *self = KX_COMPARE (object);

  set_picture (self, &self->a, &self->a_handler, NULL);
  set_picture (self, &self->b, &self->b_handler, NULL);
  g_clear_pointer (&self->a_label, gtk_widget_unparent);
  g_clear_pointer (&self->b_label, gtk_widget_unparent);
  g_clear_pointer (&self->scale, gtk_widget_unparent);
  G_OBJECT_CLASS (kx_compare_parent_class)->dispose (object);
}

static void
kx_compare_class_init (KxCompareClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = kx_compare_dispose;
  widget_class->snapshot = kx_compare_snapshot;
  widget_class->measure = kx_compare_measure;
  widget_class->size_allocate = kx_compare_size_allocate;
  gtk_widget_class_set_css_name (widget_class, "kx-compare");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
  gtk_widget_class_install_action (widget_class, "compare.zoom-actual", NULL, zoom_actual);
  gtk_widget_class_install_action (widget_class, "compare.zoom-fit", NULL, zoom_fit);
  gtk_widget_class_install_action (widget_class, "compare.zoom-in", NULL, zoom_by);
  gtk_widget_class_install_action (widget_class, "compare.zoom-out", NULL, zoom_by);
  gtk_widget_class_install_action (widget_class, "compare.swap", NULL, swap);
  gtk_widget_class_install_action (widget_class, "compare.move", "d", move_line);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_1, 0, "compare.zoom-actual", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_0, 0, "compare.zoom-fit", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_plus, 0, "compare.zoom-in", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_minus, 0, "compare.zoom-out", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_s, 0, "compare.swap", NULL);
  gtk_widget_class_add_binding (widget_class, GDK_KEY_Tab, 0, press_tab, NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Left, 0, "compare.move", "d", -0.05);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Right, 0, "compare.move", "d", 0.05);
}

static GtkWidget *
add_label (KxCompare *self)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (label, "osd");
  gtk_widget_add_css_class (label, "caption");
  gtk_widget_add_css_class (label, "numeric");
  gtk_widget_set_can_target (label, FALSE);
  gtk_widget_set_parent (label, GTK_WIDGET (self));
  return label;
}

static void
add_controllers (KxCompare *self)
{
  GtkEventController *scroll
      = gtk_event_controller_scroll_new (GTK_EVENT_CONTROLLER_SCROLL_VERTICAL);
  GtkEventController *motion = gtk_event_controller_motion_new ();
  GtkEventController *focus = gtk_event_controller_focus_new ();
  GtkGesture *drag = gtk_gesture_drag_new ();

  g_signal_connect_swapped (focus, "leave", G_CALLBACK (lose_focus), self);
  gtk_widget_add_controller (GTK_WIDGET (self), focus);
  g_signal_connect_swapped (scroll, "scroll", G_CALLBACK (scrolled), self);
  g_signal_connect_swapped (motion, "motion", G_CALLBACK (moved), self);
  g_signal_connect_swapped (drag, "drag-begin", G_CALLBACK (drag_begin), self);
  g_signal_connect_swapped (drag, "drag-update", G_CALLBACK (drag_update), self);
  gtk_widget_add_controller (GTK_WIDGET (self), scroll);
  gtk_widget_add_controller (GTK_WIDGET (self), motion);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (drag));
}

static void
kx_compare_init (KxCompare *self)
{
  self->x = self->y = 0.5;
  self->a_label = add_label (self);
  self->b_label = add_label (self);
  self->scale = gtk_scale_new_with_range (GTK_ORIENTATION_HORIZONTAL, 0, 1, 0.01);
  gtk_scale_set_draw_value (GTK_SCALE (self->scale), FALSE);
  gtk_range_set_value (GTK_RANGE (self->scale), 0.5);
  gtk_widget_add_css_class (self->scale, "kx-compare-scale");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->scale), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Compare"), -1);
  gtk_widget_set_parent (self->scale, GTK_WIDGET (self));
  g_signal_connect_swapped (self->scale, "value-changed", G_CALLBACK (gtk_widget_queue_draw), self);
  add_controllers (self);
  gtk_widget_set_focusable (GTK_WIDGET (self), TRUE);
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
  kx_compare_set_a (self, NULL, NULL);
  kx_compare_set_b (self, NULL, NULL);
}

GtkWidget *
kx_compare_new (void)
{
  return g_object_new (KX_TYPE_COMPARE, NULL);
}

static void
set_label (GtkWidget *label, const char *text)
{
  gtk_label_set_label (GTK_LABEL (label), text ? text : "");
  gtk_widget_set_visible (label, text && *text);
}

/* Where the picture has more pixels now, what one looks at stays as large as it was. */
static void
keep_zoom (KxCompare *self, double before, double after)
{
  if (self->zoom > 0 && before > 0 && after > 0)
    self->zoom *= before / after;
}

/**
 * kx_compare_set_a:
 * @compare: a comparison
 * @picture: (nullable): what is left of the line; %NULL: there is no line
 * @label: (nullable): what it is
 */
void
kx_compare_set_a (KxCompare *self, GdkPaintable *picture, const char *label)
{
  double before, after, height;

  get_size (self, &before, &height);
  set_picture (self, &self->a, &self->a_handler, picture);
  get_size (self, &after, &height);
  keep_zoom (self, before, after);
  set_label (self->a_label, label);
  gtk_widget_set_visible (self->scale, picture != NULL);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/**
 * kx_compare_set_b:
 * @compare: a comparison
 * @picture: (nullable): what is right of the line, or all over
 * @label: (nullable): what it is
 */
void
kx_compare_set_b (KxCompare *self, GdkPaintable *picture, const char *label)
{
  double before, after, height;

  get_size (self, &before, &height);
  set_picture (self, &self->b, &self->b_handler, picture);
  get_size (self, &after, &height);
  keep_zoom (self, before, after);
  set_label (self->b_label, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  label ? label : _ ("Picture"), -1);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}
