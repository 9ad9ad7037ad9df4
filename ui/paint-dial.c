/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A weight: a scale of octaves, because what counts is how many times more or less it is. */

#include "paint-dial.h"

#include <glib/gi18n.h>
#include <math.h>

#define OCTAVES 5 /* to either side */

struct _KxPaintDial {
  AdwPreferencesRow parent_instance;

  GtkWidget *name, *number, *scale;
  double usual;
};

G_DEFINE_FINAL_TYPE (KxPaintDial, kx_paint_dial, ADW_TYPE_PREFERENCES_ROW)

enum {
  PROP_VALUE = 1,
  PROP_USUAL,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

double
kx_paint_dial_get_value (KxPaintDial *self)
{
  return self->usual * exp2 (gtk_range_get_value (GTK_RANGE (self->scale)));
}

GtkRange *
kx_paint_dial_get_scale (KxPaintDial *self)
{
  return GTK_RANGE (self->scale);
}

/**
 * kx_paint_dial_set_value:
 * @dial: a dial
 * @value: above 0; what is beyond the scale is brought to its end
 */
void
kx_paint_dial_set_value (KxPaintDial *self, double value)
{
  gtk_range_set_value (GTK_RANGE (self->scale), log2 (MAX (value, 1e-9) / self->usual));
}

static void
show_value (KxPaintDial *self)
{
  g_autofree char *text = g_strdup_printf ("%.3g", kx_paint_dial_get_value (self));

  gtk_label_set_label (GTK_LABEL (self->number), text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->scale), GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT,
                                  text, -1);
}

static void
move (KxPaintDial *self)
{
  show_value (self);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_VALUE]);
}

static void
show_title (KxPaintDial *self)
{
  const char *title = adw_preferences_row_get_title (ADW_PREFERENCES_ROW (self));

  gtk_label_set_label (GTK_LABEL (self->name), title);
  gtk_widget_set_tooltip_text (self->name, title);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->scale), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  title, -1);
}

static void
kx_paint_dial_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxPaintDial *self = KX_PAINT_DIAL (object);

  g_value_set_double (value, id == PROP_VALUE ? kx_paint_dial_get_value (self) : self->usual);
}

static void
kx_paint_dial_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  KxPaintDial *self = KX_PAINT_DIAL (object);

  if (id == PROP_VALUE)
    {
      kx_paint_dial_set_value (self, g_value_get_double (value));
      return;
    }
  self->usual = g_value_get_double (value);
  show_value (self);
}

static void
kx_paint_dial_class_init (KxPaintDialClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = kx_paint_dial_get_property;
  object_class->set_property = kx_paint_dial_set_property;
  props[PROP_VALUE] = g_param_spec_double ("value", NULL, NULL, 0, G_MAXDOUBLE, 1, flags);
  props[PROP_USUAL] = g_param_spec_double ("usual", NULL, NULL, 0, G_MAXDOUBLE, 1, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
kx_paint_dial_init (KxPaintDial *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *line = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

  self->usual = 1;
  self->name = gtk_label_new (NULL);
  self->number = gtk_label_new (NULL);
  self->scale = gtk_scale_new_with_range (GTK_ORIENTATION_HORIZONTAL, -OCTAVES, OCTAVES, 0.25);
  gtk_scale_set_draw_value (GTK_SCALE (self->scale), FALSE);
  gtk_scale_add_mark (GTK_SCALE (self->scale), 0, GTK_POS_BOTTOM, NULL);
  gtk_label_set_xalign (GTK_LABEL (self->name), 0);
  gtk_label_set_ellipsize (GTK_LABEL (self->name), PANGO_ELLIPSIZE_MIDDLE);
  gtk_widget_set_hexpand (self->name, TRUE);
  gtk_widget_add_css_class (self->number, "numeric");
  gtk_box_append (GTK_BOX (line), self->name);
  gtk_box_append (GTK_BOX (line), self->number);
  gtk_widget_set_margin_start (line, 12);
  gtk_widget_set_margin_end (line, 12);
  gtk_widget_set_margin_top (line, 6);
  gtk_box_append (GTK_BOX (box), line);
  gtk_box_append (GTK_BOX (box), self->scale);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (self), box);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (self), FALSE);
  gtk_widget_set_focusable (GTK_WIDGET (self), FALSE);
  gtk_range_set_value (GTK_RANGE (self->scale), 0);
  g_signal_connect_swapped (self->scale, "value-changed", G_CALLBACK (move), self);
  g_signal_connect (self, "notify::title", G_CALLBACK (show_title), NULL);
}

/**
 * kx_paint_dial_new:
 * @title: what it is the weight of
 * @usual: in the middle
 *
 * Returns: (transfer floating): a dial, at the usual value
 */
GtkWidget *
kx_paint_dial_new (const char *title, double usual)
{
  return g_object_new (KX_TYPE_PAINT_DIAL, "usual", usual, "title", title, NULL);
}
