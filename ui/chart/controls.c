/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "controls.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "menu.h"

#define DECADES 3 /* of 1 - smoothing: the scale ends at 0.999 */

struct _KxChartControls {
  GtkWidget parent_instance;
  KxChartView *view; /* lent by the chart */
  GtkWidget *box, *scale;
  gboolean setting;
};

G_DEFINE_FINAL_TYPE (KxChartControls, kx_chart_controls, GTK_TYPE_WIDGET)

/* Along the scale, how much is averaged over grows evenly: by 10 for each third. */
static double
to_smoothing (double position)
{
  return 1 - pow (10, -position);
}

static double
to_position (double smoothing)
{
  return -log10 (1 - MIN (smoothing, 0.999));
}

static void
on_scale_changed (KxChartControls *self)
{
  double smoothing = to_smoothing (gtk_range_get_value (GTK_RANGE (self->scale)));
  g_autofree char *text = g_strdup_printf (smoothing > 0.985 ? "%.3f" : "%.2f", smoothing);

  gtk_accessible_update_property (GTK_ACCESSIBLE (self->scale), GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT,
                                  text, -1);
  g_autofree char *tip = g_strdup_printf (_ ("Smoothing %s"), text);
  gtk_widget_set_tooltip_text (self->scale, tip);
  if (!self->setting)
    kx_chart_view_set_smoothing (self->view, smoothing);
}

static void
on_smoothing_changed (KxChartControls *self)
{
  self->setting = TRUE;
  gtk_range_set_value (GTK_RANGE (self->scale),
                       to_position (kx_chart_view_get_smoothing (self->view)));
  self->setting = FALSE;
}

static void
build_smoothing (KxChartControls *self)
{
  GtkWidget *label = gtk_label_new_with_mnemonic (_ ("S_mooth"));

  self->scale = gtk_scale_new_with_range (GTK_ORIENTATION_HORIZONTAL, 0, DECADES, 0.05);
  gtk_scale_set_draw_value (GTK_SCALE (self->scale), FALSE);
  gtk_widget_set_size_request (self->scale, 78, -1);
  gtk_widget_set_valign (self->scale, GTK_ALIGN_CENTER);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), self->scale);
  gtk_widget_add_css_class (label, "dim-label");
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->scale), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Smoothing"), -1);
  g_signal_connect_swapped (self->scale, "value-changed", G_CALLBACK (on_scale_changed), self);
  gtk_box_append (GTK_BOX (self->box), label);
  gtk_box_append (GTK_BOX (self->box), self->scale);
}

static void
add_toggle (KxChartControls *self, const char *label, const char *tip, GObject *object,
            const char *property)
{
  GtkWidget *button = gtk_toggle_button_new_with_label (label);

  gtk_widget_set_tooltip_text (button, tip);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, tip, -1);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  g_object_bind_property (object, property, button, "active",
                          G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL);
  gtk_box_append (GTK_BOX (self->box), button);
}

static void
on_fit_clicked (GtkButton *button, gpointer chart)
{
  gtk_widget_activate_action (chart, "chart.fit", NULL);
}

static void
build (KxChartControls *self, KxChart *chart, GMenuModel *more)
{
  const char *units[] = { _ ("Steps"), _ ("Epochs"), _ ("Time"), NULL };
  GtkWidget *unit = gtk_drop_down_new_from_strings (units),
            *fit = gtk_button_new_with_label (_ ("Fit"));

  build_smoothing (self);
  add_toggle (self, _ ("log y"), _ ("Values on a logarithmic scale (L)"), G_OBJECT (chart),
              "log-y");
  add_toggle (self, _ ("log x"), _ ("Horizontal axis on a logarithmic scale (X)"),
              G_OBJECT (self->view), "log-x");
  gtk_accessible_update_property (GTK_ACCESSIBLE (unit), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Horizontal axis"), -1);
  gtk_widget_set_tooltip_text (unit, _ ("What the horizontal axis counts"));
  gtk_widget_set_valign (unit, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (unit, "flat");
  g_object_bind_property (self->view, "unit", unit, "selected",
                          G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL);
  gtk_box_append (GTK_BOX (self->box), unit);
  gtk_widget_add_css_class (fit, "flat");
  gtk_widget_set_valign (fit, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (fit, _ ("Show everything (0)"));
  g_signal_connect_object (fit, "clicked", G_CALLBACK (on_fit_clicked), chart, 0);
  gtk_box_append (GTK_BOX (self->box), fit);
  gtk_box_append (GTK_BOX (self->box), kx_chart_menu_button_new (more));
}

static void
kx_chart_controls_dispose (GObject *object)
{
  KxChartControls *self = KX_CHART_CONTROLS (object);

  g_clear_pointer (&self->box, gtk_widget_unparent);
  g_clear_object (&self->view);
  G_OBJECT_CLASS (kx_chart_controls_parent_class)->dispose (object);
}

static void
kx_chart_controls_class_init (KxChartControlsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_chart_controls_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "chartcontrols");
  gtk_widget_class_set_accessible_role (GTK_WIDGET_CLASS (klass), GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
kx_chart_controls_init (KxChartControls *self)
{
  self->box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 3);
  gtk_widget_set_parent (self->box, GTK_WIDGET (self));
}

/**
 * kx_chart_controls_new:
 * @chart: a chart
 * @more: (nullable): what stands at the end of their menu
 *
 * Returns: (transfer floating): the controls of it and of its view
 */
GtkWidget *
kx_chart_controls_new (KxChart *chart, GMenuModel *more)
{
  KxChartControls *self = g_object_new (KX_TYPE_CHART_CONTROLS, NULL);

  self->view = g_object_ref (kx_chart_get_view (chart));
  build (self, chart, more);
  on_smoothing_changed (self);
  on_scale_changed (self);
  g_signal_connect_object (self->view, "notify::smoothing", G_CALLBACK (on_smoothing_changed), self,
                           G_CONNECT_SWAPPED);
  return GTK_WIDGET (self);
}
