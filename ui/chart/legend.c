/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "legend.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "line-layer.h"
#include "style.h"
#include "wrap-layout.h"

#define SAMPLE 22 /* pixels of a line */
#define SPACING 6
#define ROOM 12 /* pixels that are left before values come back: they change their widths */

struct _KxLegend {
  GtkWidget parent_instance;
  GListModel *layers;
  KxChartView *view;
  gboolean share;
};

G_DEFINE_FINAL_TYPE (KxLegend, kx_legend, GTK_TYPE_WIDGET)

/* ── An entry ── */

static void
draw_sample (GtkDrawingArea *area, cairo_t *cairo, int width, int height, gpointer line)
{
  kx_line_layer_stroke_sample (line, kx_theme_get_current (), cairo, 0, width, height / 2.0);
}

static void
on_entered (GtkEventControllerMotion *motion, double x, double y, gpointer line)
{
  kx_line_layer_set_highlighted (line, TRUE);
}

static void
on_left (GtkEventControllerMotion *motion, gpointer line)
{
  kx_line_layer_set_highlighted (line, FALSE);
}

static GtkWidget *
make_sample (KxLineLayer *line)
{
  GtkWidget *area
      = g_object_new (GTK_TYPE_DRAWING_AREA, "accessible-role", GTK_ACCESSIBLE_ROLE_PRESENTATION,
                      "valign", GTK_ALIGN_CENTER, NULL);

  gtk_drawing_area_set_content_width (GTK_DRAWING_AREA (area), SAMPLE);
  gtk_drawing_area_set_content_height (GTK_DRAWING_AREA (area), 6);
  gtk_drawing_area_set_draw_func (GTK_DRAWING_AREA (area), draw_sample, line, NULL);
  return area;
}

/* A value that is not shown is in the tooltip. */
static gboolean
tell (GtkWidget *button, int x, int y, gboolean keyboard, GtkTooltip *tip)
{
  GtkWidget *value = g_object_get_data (G_OBJECT (button), "value");
  KxLineLayer *line = g_object_get_data (G_OBJECT (button), "line");
  g_autofree char *text
      = g_strdup_printf ("%s  %s\n%s", kx_line_layer_get_name (line),
                         gtk_label_get_text (GTK_LABEL (value)), _ ("Show or hide this curve"));

  gtk_tooltip_set_text (tip, gtk_widget_get_visible (value) ? _ ("Show or hide this curve") : text);
  return TRUE;
}

static void
name_entry (GtkWidget *button, GParamSpec *spec, KxLineLayer *line)
{
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  kx_line_layer_get_name (line), -1);
}

static GtkWidget *
make_entry (KxLineLayer *line)
{
  GtkWidget *button = gtk_toggle_button_new (),
            *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACING);
  GtkWidget *name = gtk_label_new (NULL), *value = gtk_label_new (NULL);
  GtkEventController *motion = gtk_event_controller_motion_new ();

  g_object_bind_property (line, "name", name, "label", G_BINDING_SYNC_CREATE);
  g_object_bind_property (line, "visible", button, "active",
                          G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL);
  gtk_label_set_ellipsize (GTK_LABEL (name), PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_max_width_chars (GTK_LABEL (name), 24);
  gtk_label_set_width_chars (GTK_LABEL (value), 6);
  gtk_label_set_xalign (GTK_LABEL (value), 0);
  gtk_widget_set_direction (value, GTK_TEXT_DIR_LTR); /* else "97.0 %" is turned about */
  gtk_widget_add_css_class (value, "numeric");
  gtk_box_append (GTK_BOX (box), make_sample (line));
  gtk_box_append (GTK_BOX (box), name);
  gtk_box_append (GTK_BOX (box), value);
  gtk_button_set_child (GTK_BUTTON (button), box);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_add_css_class (button, "caption");
  name_entry (button, NULL, line);
  g_signal_connect_object (line, "notify::name", G_CALLBACK (name_entry), button,
                           G_CONNECT_SWAPPED);
  gtk_widget_set_has_tooltip (button, TRUE);
  g_signal_connect (button, "query-tooltip", G_CALLBACK (tell), NULL);
  g_signal_connect (motion, "enter", G_CALLBACK (on_entered), line);
  g_signal_connect (motion, "leave", G_CALLBACK (on_left), line);
  gtk_widget_add_controller (button, motion);
  g_object_set_data (G_OBJECT (button), "value", value);
  g_object_set_data_full (G_OBJECT (button), "line", g_object_ref (line), g_object_unref);
  return button;
}

/* ── All of them ── */

/* That a value has or would have. */
static int
value_width (GtkWidget *value)
{
  int width;

  pango_layout_get_pixel_size (gtk_label_get_layout (GTK_LABEL (value)), &width, NULL);
  return width + SPACING;
}

/* Where all entries fit beside each other without values, these do not take another row. */
static void
show_values (KxLegend *self)
{
  int width = gtk_widget_get_width (GTK_WIDGET (self)), names = 0, values = 0;
  gboolean shown = TRUE;

  for (GtkWidget *button = gtk_widget_get_first_child (GTK_WIDGET (self)); button;
       button = gtk_widget_get_next_sibling (button))
    {
      GtkWidget *value = g_object_get_data (G_OBJECT (button), "value");
      int wanted, own = value_width (value);

      gtk_widget_measure (button, GTK_ORIENTATION_HORIZONTAL, -1, NULL, &wanted, NULL, NULL);
      shown = gtk_widget_get_visible (value);
      values += own;
      names += wanted - (shown ? own : 0) + KX_WRAP_SPACING;
    }
  gboolean show = names > width || names + values + (shown ? 0 : ROOM) <= width;
  if (width <= 0 || show == shown)
    return;
  for (GtkWidget *button = gtk_widget_get_first_child (GTK_WIDGET (self)); button;
       button = gtk_widget_get_next_sibling (button))
    gtk_widget_set_visible (g_object_get_data (G_OBJECT (button), "value"), show);
}

static void
remove_entries (KxLegend *self)
{
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))))
    gtk_widget_unparent (child);
}

/* Layers that are no curves have no entry. */
static void
rebuild (KxLegend *self)
{
  guint n = 0;

  remove_entries (self);
  for (guint i = 0; i < g_list_model_get_n_items (self->layers); i++)
    {
      g_autoptr (GObject) layer = g_list_model_get_item (self->layers, i);
      if (!KX_IS_LINE_LAYER (layer))
        continue;
      gtk_widget_set_parent (make_entry (KX_LINE_LAYER (layer)), GTK_WIDGET (self));
      n++;
    }
  gtk_widget_set_visible (GTK_WIDGET (self), n > 1);
  kx_legend_update (self);
}

static void
on_style_changed (KxLegend *self)
{
  for (GtkWidget *button = gtk_widget_get_first_child (GTK_WIDGET (self)); button;
       button = gtk_widget_get_next_sibling (button))
    {
      GtkWidget *box = gtk_button_get_child (GTK_BUTTON (button));
      gtk_widget_queue_draw (gtk_widget_get_first_child (box));
    }
}

static void
kx_legend_dispose (GObject *object)
{
  KxLegend *self = KX_LEGEND (object);

  remove_entries (self);
  g_clear_object (&self->layers);
  g_clear_object (&self->view);
  G_OBJECT_CLASS (kx_legend_parent_class)->dispose (object);
}

static void
kx_legend_class_init (KxLegendClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_legend_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), KX_TYPE_WRAP_LAYOUT);
  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "legend");
  gtk_widget_class_set_accessible_role (GTK_WIDGET_CLASS (klass), GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
kx_legend_init (KxLegend *self)
{
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Curves"), -1);
  kx_theme_connect (self, G_CALLBACK (on_style_changed));
}

/**
 * kx_legend_new:
 * @layers: a chart's
 * @view: whose crosshair the values are at
 *
 * Returns: (transfer floating): a legend, which hides where there is but one curve
 */
GtkWidget *
kx_legend_new (GListModel *layers, KxChartView *view)
{
  KxLegend *self = g_object_new (KX_TYPE_LEGEND, NULL);

  self->layers = g_object_ref (layers);
  self->view = g_object_ref (view);
  g_signal_connect_object (layers, "items-changed", G_CALLBACK (rebuild), self, G_CONNECT_SWAPPED);
  rebuild (self);
  return GTK_WIDGET (self);
}

/**
 * kx_legend_update:
 * @legend: a legend
 *
 * Tells the values at the crosshair, or the newest ones.
 */
void
kx_legend_update (KxLegend *self)
{
  double at = kx_chart_view_get_crosshair (self->view), step;
  float y, shown;

  if (!gtk_widget_get_visible (GTK_WIDGET (self)))
    return;
  for (GtkWidget *button = gtk_widget_get_first_child (GTK_WIDGET (self)); button;
       button = gtk_widget_get_next_sibling (button))
    {
      KxLineLayer *line = g_object_get_data (G_OBJECT (button), "line");
      GtkLabel *label = g_object_get_data (G_OBJECT (button), "value");
      gboolean known
          = kx_line_layer_read (line, kx_chart_view_get_unit (self->view),
                                kx_chart_view_get_smoothing (self->view), at, &step, &y, &shown);
      g_autofree char *text = !known        ? g_strdup ("")
                              : self->share ? g_strdup_printf ("%.1f %%", 100.0 * shown)
                                            : kx_format_value (isfinite (shown) ? shown : y);
      if (g_strcmp0 (gtk_label_get_text (label), text) != 0)
        gtk_label_set_text (label, text);
    }
  show_values (self);
}

void
kx_legend_set_share (KxLegend *self, gboolean share)
{
  self->share = share;
  kx_legend_update (self);
}
