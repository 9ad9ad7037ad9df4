/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "chart.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "../pace.h"
#include "chart-area.h"
#include "export.h"
#include "legend.h"
#include "menu.h"
#include "style.h"

#define ZOOM_STEP 1.5
#define PAN_STEP 0.1
#define LEAST_TITLE 8 /* letters of it that are always there */
#define LEFT_TO_RIGHT "\u200e"

struct _KxChart {
  GtkWidget parent_instance;
  KxChartView *view;
  GListStore *layers;
  char *title;
  gboolean share;

  GtkWidget *head, *title_label, *value_label;
  GtkWidget *legend;
  GtkWidget *overlay, *area, *follow_button, *note;
  gboolean offers_follow, brief;
  GtkWidget *menu; /* NULL until it is first asked for */
  GtkWidget *footnote;
  guint tick;
  gboolean stale;
  gint64 told; /* when the numbers in the head were last changed */
  guint late;  /* changes them after the last points, too */
};

G_DEFINE_FINAL_TYPE (KxChart, kx_chart, GTK_TYPE_WIDGET)

enum {
  PROP_TITLE = 1,
  PROP_SHARE,
  PROP_LOG_Y,
  PROP_LOG_X,
  PROP_FOLLOW,
  N_PROPS,
};

enum {
  CHECKPOINT_ACTIVATED,
  FAILED,
  N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

static KxChartArea *
area_of (KxChart *self)
{
  return KX_CHART_AREA (self->area);
}

/* ── Numbers in the head ── */

static KxLineLayer *
main_line (KxChart *self)
{
  return kx_line_layer_find_main (G_LIST_MODEL (self->layers), kx_chart_view_get_unit (self->view));
}

static char *
format_y (KxChart *self, float y)
{
  return self->share && isfinite (y) ? g_strdup_printf ("%.1f %%", 100.0 * y) : kx_format_value (y);
}

/* "step 2,140 · 1:32 · ". */
static void
append_place (KxChart *self, KxLineLayer *line, double step, GString *text)
{
  KxClock *clock = kx_line_layer_get_clock (line);
  g_autofree char *count = kx_format_count (step);

  g_string_append_printf (text, _ ("step %s"), count);
  if (kx_clock_knows (clock, KX_UNIT_TIME))
    {
      g_autofree char *time = kx_format_seconds (kx_clock_from_step (clock, KX_UNIT_TIME, step));
      g_string_append_printf (text, " · %s", time);
    }
  g_string_append (text, " · ");
}

/* "step 2,140 · 1:32 · 0.083 (0.121)": the smoothed value, and in brackets the exact one. */
static char *
describe_values (KxChart *self)
{
  KxLineLayer *line = main_line (self);
  double smoothing = kx_chart_view_get_smoothing (self->view), step;
  float y, shown;

  if (!line
      || !kx_line_layer_read (line, kx_chart_view_get_unit (self->view), smoothing,
                              kx_chart_view_get_crosshair (self->view), &step, &y, &shown))
    return g_strdup ("");
  g_autofree char *exact = format_y (self, y);
  GString *text = g_string_new (NULL);
  if (self->brief)
    g_string_append (text, LEFT_TO_RIGHT); /* else "97.0 %" is turned about */
  else
    append_place (self, line, step, text);
  if (smoothing > 0 && kx_line_layer_get_kind (line) == KX_LINE_THIN && isfinite (shown))
    {
      g_autofree char *smooth = format_y (self, shown);
      g_string_append_printf (text, "%s (%s)", smooth, exact);
    }
  else
    g_string_append (text, exact);
  return g_string_free (text, FALSE);
}

static void
tell (KxChart *self)
{
  g_autofree char *values = describe_values (self);
  g_autofree char *note = kx_chart_area_get_footnote (area_of (self));

  if (g_strcmp0 (values, gtk_label_get_text (GTK_LABEL (self->value_label))) != 0)
    {
      gtk_label_set_text (GTK_LABEL (self->value_label), values);
      gtk_accessible_update_property (GTK_ACCESSIBLE (self->area),
                                      GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, values, -1);
    }
  if (g_strcmp0 (note ? note : "", gtk_label_get_text (GTK_LABEL (self->footnote))) != 0)
    gtk_label_set_text (GTK_LABEL (self->footnote), note ? note : "");
  gtk_widget_set_visible (self->footnote, note != NULL);
  kx_legend_update (KX_LEGEND (self->legend));
}

/* Cut, it tells all by its tooltip. */
static gboolean
tell_whole (GtkLabel *label, int x, int y, gboolean keyboard, GtkTooltip *tip)
{
  const char *text = gtk_label_get_text (label);

  gtk_tooltip_set_text (tip, text);
  return *text != '\0';
}

/* ── Keeping up ── */

static void
tell_extent (KxChart *self)
{
  KxFit extent = kx_fit_nothing;

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->layers)); i++)
    {
      g_autoptr (KxLayer) layer = g_list_model_get_item (G_LIST_MODEL (self->layers), i);
      kx_layer_get_extent (layer, kx_chart_view_get_unit (self->view), &extent);
    }
  kx_chart_view_set_extent (self->view, self, &extent);
}

/* In the upper corner of the plot, from which curves come down, not over their names. */
static void
show_follow_button (KxChart *self)
{
  const KxPlot *plot = kx_chart_area_get_plot (area_of (self));
  gboolean shown = self->offers_follow && !kx_chart_view_get_follow (self->view);

  gtk_widget_set_visible (self->follow_button, shown);
  if (!shown || !plot)
    return;
  gtk_widget_set_margin_top (self->follow_button, (int) plot->box.origin.y + 6);
  gtk_widget_set_margin_end (
      self->follow_button,
      MAX (gtk_widget_get_width (self->area) - (int) (plot->box.origin.x + plot->box.size.width), 0)
          + 6);
}

static void
tell_late (gpointer data)
{
  KxChart *self = data;

  self->late = 0;
  self->told = g_get_monotonic_time ();
  tell (self);
}

static void
forget_late (KxChart *self)
{
  g_clear_handle_id (&self->late, g_source_remove);
}

/* Once before a frame, however many points came since the last one. */
static gboolean
on_tick (GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
  KxChart *self = KX_CHART (widget);

  self->tick = 0;
  if (self->stale)
    {
      tell_extent (self);
      self->stale = FALSE;
      kx_chart_area_invalidate (area_of (self));
    }
  if (kx_pace_may_tell (&self->told))
    {
      forget_late (self);
      tell (self);
    }
  else if (!self->late)
    self->late
        = g_timeout_add_once ((guint) (2000 * kx_pace_get_reading_seconds ()), tell_late, self);
  return G_SOURCE_REMOVE;
}

/* An unmapped chart does nothing; when it is mapped again, it catches up. */
static void
queue_update (KxChart *self)
{
  self->stale = TRUE;
  if (self->tick == 0 && gtk_widget_get_mapped (GTK_WIDGET (self)))
    self->tick = gtk_widget_add_tick_callback (GTK_WIDGET (self), on_tick, NULL, NULL);
}

static void
on_view_changed (KxChart *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LOG_X]);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_FOLLOW]);
  show_follow_button (self);
  kx_chart_area_invalidate (area_of (self));
  queue_update (self);
}

static void
on_crosshair_moved (KxChart *self)
{
  gtk_widget_queue_draw (self->area);
  if (gtk_widget_get_mapped (GTK_WIDGET (self)))
    tell (self);
}

static void
kx_chart_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (kx_chart_parent_class)->map (widget);
  queue_update (KX_CHART (widget));
}

static void
kx_chart_unmap (GtkWidget *widget)
{
  KxChart *self = KX_CHART (widget);

  if (self->tick)
    gtk_widget_remove_tick_callback (widget, self->tick);
  self->tick = 0;
  forget_late (self);
  GTK_WIDGET_CLASS (kx_chart_parent_class)->unmap (widget);
}

/* ── Actions ── */

/* Zooms where the crosshair is, else towards the newest point if that is followed. */
static void
zoom (KxChart *self, double factor)
{
  KxAxis axis = kx_chart_view_get_axis (self->view, 1);
  double at = kx_axis_position (&axis, kx_chart_view_get_crosshair (self->view));

  if (!(at >= 0 && at <= 1))
    at = kx_chart_view_get_follow (self->view) ? 1 : 0.5;
  kx_chart_area_release_y (area_of (self), FALSE);
  kx_chart_view_zoom (self->view, at, factor);
}

static void
zoom_in (GtkWidget *widget, const char *name, GVariant *parameter)
{
  zoom (KX_CHART (widget), ZOOM_STEP);
}

static void
zoom_out (GtkWidget *widget, const char *name, GVariant *parameter)
{
  zoom (KX_CHART (widget), 1 / ZOOM_STEP);
}

static void
fit (GtkWidget *widget, const char *name, GVariant *parameter)
{
  KxChart *self = KX_CHART (widget);

  kx_chart_area_show_all (area_of (self));
  kx_chart_view_fit (self->view);
}

static void
follow (GtkWidget *widget, const char *name, GVariant *parameter)
{
  KxChart *self = KX_CHART (widget);

  kx_chart_area_release_y (area_of (self), TRUE);
  kx_chart_view_set_follow (self->view, TRUE);
}

static void
pan (GtkWidget *widget, const char *name, GVariant *parameter)
{
  KxChart *self = KX_CHART (widget);

  if (g_str_equal (name, "chart.pan-left"))
    kx_chart_view_pan (self->view, PAN_STEP);
  else if (g_str_equal (name, "chart.pan-right"))
    kx_chart_view_pan (self->view, -PAN_STEP);
  else
    kx_chart_area_pan_y (area_of (self), g_str_equal (name, "chart.pan-up") ? -PAN_STEP : PAN_STEP);
}

/* To the point after or before that at the crosshair; without one, to the newest in sight. */
static void
move_crosshair (KxChart *self, int by)
{
  KxLineLayer *line = main_line (self);
  KxUnit unit = kx_chart_view_get_unit (self->view);
  KxAxis axis = kx_chart_view_get_axis (self->view, 1);
  double at = kx_chart_view_get_crosshair (self->view);

  if (!line || !kx_clock_knows (kx_line_layer_get_clock (line), unit))
    return;
  KxSeries *series = kx_line_layer_get_series (line);
  KxClock *clock = kx_line_layer_get_clock (line);
  gssize length = (gssize) kx_series_get_length (series);
  gssize i
      = kx_series_nearest (series, kx_clock_to_step (clock, unit, isnan (at) ? axis.high : at));
  if (i < 0)
    return;
  if (isnan (at) && i > 0
      && kx_clock_from_step (clock, unit, kx_series_get_x (series)[i]) > axis.high)
    i--;
  else if (!isnan (at))
    i = CLAMP (i + by, 0, length - 1);
  at = kx_clock_from_step (clock, unit, kx_series_get_x (series)[i]);
  double place = kx_axis_position (&axis, at);
  if (place < 0 || place > 1)
    kx_chart_view_pan (self->view, place < 0 ? PAN_STEP - place : 1 - PAN_STEP - place);
  kx_chart_view_set_crosshair (self->view, at);
}

static void
crosshair_next (GtkWidget *widget, const char *name, GVariant *parameter)
{
  move_crosshair (KX_CHART (widget), 1);
}

static void
crosshair_previous (GtkWidget *widget, const char *name, GVariant *parameter)
{
  move_crosshair (KX_CHART (widget), -1);
}

static void
show_menu_at (KxChart *self, const GdkRectangle *place)
{
  if (!self->menu)
    self->menu = kx_chart_menu_popover_new (GTK_WIDGET (self));
  gtk_popover_set_pointing_to (GTK_POPOVER (self->menu), place);
  gtk_popover_popup (GTK_POPOVER (self->menu));
}

static void
show_menu (GtkWidget *widget, const char *name, GVariant *parameter)
{
  show_menu_at (KX_CHART (widget), &(GdkRectangle){ 24, 24, 1, 1 });
}

static void
on_menu_pressed (GtkGestureClick *click, int n, double x, double y, gpointer chart)
{
  gtk_gesture_set_state (GTK_GESTURE (click), GTK_EVENT_SEQUENCE_CLAIMED);
  show_menu_at (chart, &(GdkRectangle){ (int) x, (int) y, 1, 1 });
}

static void export(GtkWidget *widget, const char *name, GVariant *parameter)
{
  kx_export_ask (KX_CHART (widget), name + strlen ("chart.export-"));
}

static void
on_checkpoint_activated (KxChart *self, double step)
{
  g_signal_emit (self, signals[CHECKPOINT_ACTIVATED], 0, step);
}

static void
on_fit_wanted (KxChart *self)
{
  fit (GTK_WIDGET (self), NULL, NULL);
}

/* ── The widget ── */

static void
kx_chart_dispose (GObject *object)
{
  KxChart *self = KX_CHART (object);

  if (self->view)
    {
      g_signal_handlers_disconnect_by_data (self->view, self);
      kx_chart_view_set_extent (self->view, self, NULL);
    }
  while (self->layers && g_list_model_get_n_items (G_LIST_MODEL (self->layers)) > 0)
    {
      g_autoptr (KxLayer) layer = g_list_model_get_item (G_LIST_MODEL (self->layers), 0);
      kx_chart_remove_layer (self, layer);
    }
  g_clear_pointer (&self->menu, gtk_widget_unparent);
  g_clear_pointer (&self->head, gtk_widget_unparent);
  g_clear_pointer (&self->legend, gtk_widget_unparent);
  g_clear_pointer (&self->overlay, gtk_widget_unparent);
  g_clear_pointer (&self->footnote, gtk_widget_unparent);
  g_clear_object (&self->layers);
  g_clear_object (&self->view);
  G_OBJECT_CLASS (kx_chart_parent_class)->dispose (object);
}

static void
kx_chart_finalize (GObject *object)
{
  g_free (KX_CHART (object)->title);
  G_OBJECT_CLASS (kx_chart_parent_class)->finalize (object);
}

static void
kx_chart_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxChart *self = KX_CHART (object);

  switch (id)
    {
    case PROP_TITLE:
      g_value_set_string (value, self->title);
      break;
    case PROP_SHARE:
      g_value_set_boolean (value, self->share);
      break;
    case PROP_LOG_Y:
      g_value_set_boolean (value, kx_chart_get_log_y (self));
      break;
    case PROP_LOG_X:
      g_value_set_boolean (value, kx_chart_view_get_log_x (self->view));
      break;
    default:
      g_value_set_boolean (value, kx_chart_view_get_follow (self->view));
    }
}

static void
set_title (KxChart *self, const char *title)
{
  g_free (self->title);
  self->title = g_strdup (title);
  gtk_label_set_text (GTK_LABEL (self->title_label), title);
  gtk_label_set_width_chars (GTK_LABEL (self->title_label),
                             (int) MIN (g_utf8_strlen (title, -1), LEAST_TITLE));
  gtk_widget_set_tooltip_text (self->title_label, title);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->area), GTK_ACCESSIBLE_PROPERTY_LABEL, title,
                                  -1);
}

static void
kx_chart_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  KxChart *self = KX_CHART (object);

  switch (id)
    {
    case PROP_TITLE:
      set_title (self, g_value_get_string (value));
      break;
    case PROP_SHARE:
      kx_chart_set_share (self, g_value_get_boolean (value));
      break;
    case PROP_LOG_Y:
      kx_chart_set_log_y (self, g_value_get_boolean (value));
      break;
    case PROP_LOG_X:
      kx_chart_view_set_log_x (self->view, g_value_get_boolean (value));
      break;
    default:
      if (g_value_get_boolean (value))
        kx_chart_area_release_y (area_of (self), TRUE);
      kx_chart_view_set_follow (self->view, g_value_get_boolean (value));
    }
}

static void
install_actions (GtkWidgetClass *klass)
{
  static const struct {
    const char *name;
    GtkWidgetActionActivateFunc func;
  } actions[] = { { "chart.zoom-in", zoom_in },
                  { "chart.zoom-out", zoom_out },
                  { "chart.fit", fit },
                  { "chart.show-newest", follow },
                  { "chart.pan-left", pan },
                  { "chart.pan-right", pan },
                  { "chart.pan-up", pan },
                  { "chart.pan-down", pan },
                  { "chart.crosshair-next", crosshair_next },
                  { "chart.crosshair-previous", crosshair_previous },
                  { "chart.export-png", export },
                  { "chart.export-svg", export },
                  { "chart.export-csv", export },
                  { "chart.menu", show_menu } };

  for (guint i = 0; i < G_N_ELEMENTS (actions); i++)
    gtk_widget_class_install_action (klass, actions[i].name, NULL, actions[i].func);
  gtk_widget_class_install_property_action (klass, "chart.log-y", "log-y");
  gtk_widget_class_install_property_action (klass, "chart.log-x", "log-x");
  gtk_widget_class_install_property_action (klass, "chart.follow", "follow");
}

static void
install_keys (GtkWidgetClass *klass)
{
  static const struct {
    guint key;
    const char *action;
  } keys[] = { { GDK_KEY_plus, "chart.zoom-in" },
               { GDK_KEY_equal, "chart.zoom-in" },
               { GDK_KEY_KP_Add, "chart.zoom-in" },
               { GDK_KEY_minus, "chart.zoom-out" },
               { GDK_KEY_KP_Subtract, "chart.zoom-out" },
               { GDK_KEY_KP_0, "chart.fit" }, /* menus tell the last one of an action */
               { GDK_KEY_0, "chart.fit" },
               { GDK_KEY_f, "chart.follow" },
               { GDK_KEY_End, "chart.show-newest" },
               { GDK_KEY_KP_End, "chart.show-newest" },
               { GDK_KEY_l, "chart.log-y" },
               { GDK_KEY_x, "chart.log-x" },
               { GDK_KEY_Left, "chart.pan-left" },
               { GDK_KEY_Right, "chart.pan-right" },
               { GDK_KEY_Up, "chart.pan-up" },
               { GDK_KEY_Down, "chart.pan-down" },
               { GDK_KEY_bracketleft, "chart.crosshair-previous" },
               { GDK_KEY_bracketright, "chart.crosshair-next" },
               { GDK_KEY_Menu, "chart.menu" } };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    gtk_widget_class_add_binding_action (klass, keys[i].key, 0, keys[i].action, NULL);
  /* On most layouts a plus takes Shift. */
  gtk_widget_class_add_binding_action (klass, GDK_KEY_plus, GDK_SHIFT_MASK, "chart.zoom-in", NULL);
  gtk_widget_class_add_binding_action (klass, GDK_KEY_F10, GDK_SHIFT_MASK, "chart.menu", NULL);
}

static void
kx_chart_class_init (KxChartClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->dispose = kx_chart_dispose;
  object_class->finalize = kx_chart_finalize;
  object_class->get_property = kx_chart_get_property;
  object_class->set_property = kx_chart_set_property;
  widget_class->map = kx_chart_map;
  widget_class->unmap = kx_chart_unmap;
  props[PROP_TITLE] = g_param_spec_string ("title", NULL, NULL, NULL, flags);
  props[PROP_SHARE] = g_param_spec_boolean ("share", NULL, NULL, FALSE, flags);
  props[PROP_LOG_Y]
      = g_param_spec_boolean ("log-y", NULL, NULL, FALSE, flags | G_PARAM_EXPLICIT_NOTIFY);
  props[PROP_LOG_X]
      = g_param_spec_boolean ("log-x", NULL, NULL, FALSE, flags | G_PARAM_EXPLICIT_NOTIFY);
  props[PROP_FOLLOW]
      = g_param_spec_boolean ("follow", NULL, NULL, TRUE, flags | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, props);
  /**
   * KxChart::checkpoint-activated:
   * @step: the checkpoint's
   *
   * Its circle was clicked.
   */
  signals[CHECKPOINT_ACTIVATED]
      = g_signal_new ("checkpoint-activated", KX_TYPE_CHART, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                      G_TYPE_NONE, 1, G_TYPE_DOUBLE);
  /**
   * KxChart::failed:
   * @text: a sentence
   *
   * It could not be saved.
   */
  signals[FAILED] = g_signal_new ("failed", KX_TYPE_CHART, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_STRING);
  kx_chart_load_style ();
  install_actions (widget_class);
  install_keys (widget_class);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BOX_LAYOUT);
  gtk_widget_class_set_css_name (widget_class, "chart");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
build_head (KxChart *self)
{
  self->head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  self->title_label = gtk_label_new (NULL);
  gtk_widget_add_css_class (self->title_label, "heading");
  gtk_label_set_ellipsize (GTK_LABEL (self->title_label), PANGO_ELLIPSIZE_END);
  gtk_label_set_xalign (GTK_LABEL (self->title_label), 0);
  gtk_widget_set_has_tooltip (self->title_label, TRUE);
  g_signal_connect (self->title_label, "query-tooltip", G_CALLBACK (tell_whole), NULL);
  self->value_label = gtk_label_new (NULL);
  gtk_widget_add_css_class (self->value_label, "numeric");
  gtk_widget_add_css_class (self->value_label, "dim-label");
  gtk_label_set_ellipsize (GTK_LABEL (self->value_label), PANGO_ELLIPSIZE_START);
  gtk_label_set_xalign (GTK_LABEL (self->value_label), 1);
  gtk_widget_set_hexpand (self->value_label, TRUE);
  gtk_widget_set_has_tooltip (self->value_label, TRUE);
  g_signal_connect (self->value_label, "query-tooltip", G_CALLBACK (tell_whole), NULL);
  gtk_box_append (GTK_BOX (self->head), self->title_label);
  gtk_box_append (GTK_BOX (self->head), self->value_label);
  gtk_widget_set_margin_start (self->head, 12);
  gtk_widget_set_margin_end (self->head, 12);
  gtk_widget_set_margin_top (self->head, 6);
  gtk_widget_set_parent (self->head, GTK_WIDGET (self));
}

static void
build_body (KxChart *self)
{
  self->area = kx_chart_area_new (self->view, G_LIST_MODEL (self->layers));
  g_signal_connect_object (self->area, "checkpoint-activated", G_CALLBACK (on_checkpoint_activated),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->area, "fit-wanted", G_CALLBACK (on_fit_wanted), self,
                           G_CONNECT_SWAPPED);
  self->follow_button = gtk_button_new_with_label (_ ("Follow"));
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->follow_button), "chart.show-newest");
  gtk_widget_set_tooltip_text (self->follow_button, _ ("Show the newest point (End)"));
  gtk_widget_add_css_class (self->follow_button, "osd");
  gtk_widget_set_halign (self->follow_button, GTK_ALIGN_END);
  gtk_widget_set_valign (self->follow_button, GTK_ALIGN_START);
  gtk_widget_set_visible (self->follow_button, FALSE);
  self->note = gtk_label_new (NULL);
  gtk_label_set_wrap (GTK_LABEL (self->note), TRUE);
  gtk_widget_set_halign (self->note, GTK_ALIGN_CENTER);
  gtk_widget_set_valign (self->note, GTK_ALIGN_CENTER);
  gtk_widget_set_can_target (self->note, FALSE);
  gtk_widget_add_css_class (self->note, "title-2");
  gtk_widget_add_css_class (self->note, "numeric");
  gtk_widget_set_visible (self->note, FALSE);
  self->overlay = gtk_overlay_new ();
  gtk_overlay_set_child (GTK_OVERLAY (self->overlay), self->area);
  gtk_overlay_add_overlay (GTK_OVERLAY (self->overlay), self->note);
  gtk_overlay_add_overlay (GTK_OVERLAY (self->overlay), self->follow_button);
  gtk_widget_set_vexpand (self->overlay, TRUE);
  gtk_widget_set_hexpand (self->overlay, TRUE);
  gtk_widget_set_parent (self->overlay, GTK_WIDGET (self));
}

static void
kx_chart_init (KxChart *self)
{
  GtkGesture *click = gtk_gesture_click_new ();

  self->offers_follow = TRUE;
  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (click), GDK_BUTTON_SECONDARY);
  g_signal_connect (click, "pressed", G_CALLBACK (on_menu_pressed), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (click));
  gtk_orientable_set_orientation (
      GTK_ORIENTABLE (gtk_widget_get_layout_manager (GTK_WIDGET (self))), GTK_ORIENTATION_VERTICAL);
  gtk_widget_set_focusable (GTK_WIDGET (self), TRUE);
  gtk_widget_set_hexpand (GTK_WIDGET (self), TRUE);
  gtk_widget_add_css_class (GTK_WIDGET (self), "view");
  self->layers = g_list_store_new (KX_TYPE_LAYER);
}

/* Needs the view, hence not in kx_chart_init(). */
static void
build (KxChart *self)
{
  build_head (self);
  self->legend = kx_legend_new (G_LIST_MODEL (self->layers), self->view);
  gtk_widget_set_margin_start (self->legend, 9);
  gtk_widget_set_margin_end (self->legend, 9);
  gtk_widget_set_parent (self->legend, GTK_WIDGET (self));
  build_body (self);
  self->footnote = gtk_label_new (NULL);
  gtk_widget_add_css_class (self->footnote, "caption");
  gtk_widget_add_css_class (self->footnote, "dim-label");
  gtk_label_set_xalign (GTK_LABEL (self->footnote), 0);
  gtk_label_set_ellipsize (GTK_LABEL (self->footnote), PANGO_ELLIPSIZE_END);
  gtk_widget_set_margin_start (self->footnote, 12);
  gtk_widget_set_margin_end (self->footnote, 12);
  gtk_widget_set_margin_bottom (self->footnote, 6);
  gtk_widget_set_visible (self->footnote, FALSE);
  gtk_widget_set_parent (self->footnote, GTK_WIDGET (self));
}

/**
 * kx_chart_new:
 * @view: the range, which charts may share
 * @title: what the values are, such as "Loss"
 *
 * Returns: (transfer floating): a chart without layers
 */
GtkWidget *
kx_chart_new (KxChartView *view, const char *title)
{
  KxChart *self = g_object_new (KX_TYPE_CHART, NULL);

  self->view = g_object_ref (view);
  build (self);
  set_title (self, title);
  g_signal_connect_object (view, "changed", G_CALLBACK (on_view_changed), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (view, "crosshair-moved", G_CALLBACK (on_crosshair_moved), self,
                           G_CONNECT_SWAPPED);
  return GTK_WIDGET (self);
}

KxChartView *
kx_chart_get_view (KxChart *self)
{
  return self->view;
}

const char *
kx_chart_get_title (KxChart *self)
{
  return self->title;
}

gboolean
kx_chart_get_log_y (KxChart *self)
{
  return kx_chart_area_get_log_y (area_of (self));
}

/**
 * kx_chart_set_log_y:
 * @chart: a chart
 * @log_y: whether y is on a logarithmic scale, where values that are not above 0 are hidden
 */
void
kx_chart_set_log_y (KxChart *self, gboolean log_y)
{
  if (kx_chart_get_log_y (self) == log_y)
    return;
  kx_chart_area_set_log_y (area_of (self), log_y);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LOG_Y]);
  queue_update (self);
}

/**
 * kx_chart_set_share:
 * @chart: a chart
 * @share: whether values are shares of 1, to be shown as per cent
 */
void
kx_chart_set_share (KxChart *self, gboolean share)
{
  self->share = share;
  kx_chart_area_set_share (area_of (self), share);
  kx_legend_set_share (KX_LEGEND (self->legend), share);
  queue_update (self);
}

/**
 * kx_chart_set_offers_follow:
 * @chart: a chart
 * @offers: whether it has a button to follow the newest point again, as one of linked charts has
 */
void
kx_chart_set_offers_follow (KxChart *self, gboolean offers)
{
  self->offers_follow = offers;
  show_follow_button (self);
}

/**
 * kx_chart_set_brief:
 * @chart: a chart
 * @brief: whether its head tells values alone, as another one of linked charts tells their step
 */
void
kx_chart_set_brief (KxChart *self, gboolean brief)
{
  self->brief = brief;
  queue_update (self);
}

/**
 * kx_chart_set_note:
 * @chart: a chart
 * @note: (nullable): what is said in the middle of it, while it has no points
 */
void
kx_chart_set_note (KxChart *self, const char *note)
{
  gtk_label_set_text (GTK_LABEL (self->note), note ? note : "");
  gtk_widget_set_visible (self->note, note != NULL);
}

/**
 * kx_chart_add_line:
 * @chart: a chart
 * @series: points; x are steps
 * @name: for the legend and the line's end
 * @run: which run's colour and dashes, from 0 on
 * @kind: thin with a band, or thick
 *
 * Returns: (transfer none): the curve, which has been added; it follows @series
 */
KxLineLayer *
kx_chart_add_line (KxChart *self, KxSeries *series, const char *name, guint run, KxLineKind kind)
{
  g_autoptr (KxLineLayer) line = kx_line_layer_new (series, name, run, kind);

  kx_chart_add_layer (self, KX_LAYER (line));
  return line;
}

/**
 * kx_chart_add_layer:
 * @chart: a chart
 * @layer: a layer
 */
void
kx_chart_add_layer (KxChart *self, KxLayer *layer)
{
  g_signal_connect_object (layer, "changed", G_CALLBACK (queue_update), self, G_CONNECT_SWAPPED);
  g_list_store_append (self->layers, layer);
  queue_update (self);
}

/**
 * kx_chart_remove_layer:
 * @chart: a chart
 * @layer: one of its layers
 */
void
kx_chart_remove_layer (KxChart *self, KxLayer *layer)
{
  guint at;

  if (!g_list_store_find (self->layers, layer, &at))
    return;
  g_signal_handlers_disconnect_by_func (layer, queue_update, self);
  g_list_store_remove (self->layers, at);
  queue_update (self);
}

/**
 * kx_chart_get_layers:
 * @chart: a chart
 *
 * Returns: (transfer none): of #KxLayer
 */
GListModel *
kx_chart_get_layers (KxChart *self)
{
  return G_LIST_MODEL (self->layers);
}

/**
 * kx_chart_save_async:
 * @chart: a chart
 * @path: FILE.png: a picture at twice the size; FILE.svg: a drawing; FILE.csv: the points
 * @callback: called when it is done, for kx_export_finish()
 * @data: for @callback
 *
 * Writes what is shown, or replaces the file.
 */
void
kx_chart_save_async (KxChart *self, const char *path, GAsyncReadyCallback callback, gpointer data)
{
  KxPlotSettings settings;

  kx_chart_area_get_settings (area_of (self), &settings);
  kx_export_async (&settings, self->title, gtk_widget_get_width (self->area),
                   gtk_widget_get_height (self->area), path, callback, data);
}

/**
 * kx_chart_set_head_extra:
 * @chart: a chart
 * @widget: what stands at the end of its head, such as its controls
 */
void
kx_chart_set_head_extra (KxChart *self, GtkWidget *widget)
{
  gtk_box_append (GTK_BOX (self->head), widget);
}
