/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Small pictures of moments in a row. Each is a toggle button, so that keys and readers know it. */

#include "film-strip.h"

#include <glib/gi18n.h>

#define HEIGHT 48 /* of a picture */
#define NOTCH 76  /* pixels for a notch of the wheel: about one picture */

struct _KxFilmStrip {
  GtkWidget parent_instance;

  GtkWidget *scrolled, *box;
  GPtrArray *frames; /* of GtkToggleButton, in order */
  int selected;
  gboolean busy; /* buttons are being set, not pressed */
  gboolean back; /* earlier pictures are looked at */
  guint going;   /* to the newest picture */
};

G_DEFINE_FINAL_TYPE (KxFilmStrip, kx_film_strip, GTK_TYPE_WIDGET)

enum {
  PROP_SELECTED = 1,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

static void
show_selected (KxFilmStrip *self)
{
  self->busy = TRUE;
  for (guint i = 0; i < self->frames->len; i++)
    gtk_toggle_button_set_active (g_ptr_array_index (self->frames, i), (int) i == self->selected);
  self->busy = FALSE;
}

/**
 * kx_film_strip_select:
 * @strip: a film strip
 * @i: which picture, from 0; -1: none
 */
void
kx_film_strip_select (KxFilmStrip *self, int i)
{
  if (self->selected == i)
    return;
  self->selected = i;
  show_selected (self);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_SELECTED]);
}

int
kx_film_strip_get_selected (KxFilmStrip *self)
{
  return self->selected;
}

static void
toggled (KxFilmStrip *self, GtkToggleButton *frame)
{
  guint i;

  if (self->busy || !g_ptr_array_find (self->frames, frame, &i))
    return;
  kx_film_strip_select (self, gtk_toggle_button_get_active (frame) ? (int) i : -1);
}

guint
kx_film_strip_get_length (KxFilmStrip *self)
{
  return self->frames->len;
}

/**
 * kx_film_strip_append:
 * @strip: a film strip
 * @label: what stands below the picture, a few letters: "40"
 * @name: what it is called: "Step 40"
 * @picture: (nullable): it, small
 */
void
kx_film_strip_append (KxFilmStrip *self, const char *label, const char *name, GdkPaintable *picture)
{
  GtkWidget *frame = gtk_toggle_button_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *image = gtk_picture_new_for_paintable (picture);
  GtkWidget *caption = gtk_label_new (label);
  double ratio = picture ? gdk_paintable_get_intrinsic_aspect_ratio (picture) : 1;

  gtk_widget_set_size_request (image, (int) (HEIGHT * CLAMP (ratio, 0.5, 2)), HEIGHT);
  gtk_widget_set_can_target (image, FALSE);
  gtk_widget_add_css_class (caption, "caption");
  gtk_widget_add_css_class (caption, "numeric");
  gtk_box_append (GTK_BOX (box), image);
  gtk_box_append (GTK_BOX (box), caption);
  gtk_button_set_child (GTK_BUTTON (frame), box);
  gtk_widget_add_css_class (frame, "flat");
  gtk_widget_add_css_class (frame, "kx-frame");
  gtk_widget_set_tooltip_text (frame, name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (frame), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  g_signal_connect_swapped (frame, "toggled", G_CALLBACK (toggled), self);
  gtk_picture_set_can_shrink (GTK_PICTURE (image), TRUE);
  g_ptr_array_add (self->frames, frame);
  gtk_box_append (GTK_BOX (self->box), frame);
}

/**
 * kx_film_strip_get_picture:
 * @strip: a film strip
 * @i: which picture
 * @name: (out) (transfer none): what it is called
 *
 * Returns: (transfer none) (nullable): it, small
 */
GdkPaintable *
kx_film_strip_get_picture (KxFilmStrip *self, guint i, const char **name)
{
  GtkWidget *frame = g_ptr_array_index (self->frames, i);
  GtkWidget *image = gtk_widget_get_first_child (gtk_button_get_child (GTK_BUTTON (frame)));

  *name = gtk_widget_get_tooltip_text (frame);
  return gtk_picture_get_paintable (GTK_PICTURE (image));
}

/**
 * kx_film_strip_remove:
 * @strip: a film strip
 * @i: which picture goes; later ones move up
 */
void
kx_film_strip_remove (KxFilmStrip *self, guint i)
{
  GtkWidget *frame = g_ptr_array_index (self->frames, i);
  int selected = self->selected;

  g_ptr_array_remove_index (self->frames, i);
  gtk_box_remove (GTK_BOX (self->box), frame);
  if (selected == (int) i)
    kx_film_strip_select (self, -1);
  else if (selected > (int) i)
    kx_film_strip_select (self, selected - 1);
}

void
kx_film_strip_clear (KxFilmStrip *self)
{
  while (self->frames->len)
    kx_film_strip_remove (self, self->frames->len - 1);
  self->back = FALSE;
}

static gboolean
go_to_end (gpointer data)
{
  KxFilmStrip *self = data;

  self->going = 0;
  if (self->selected >= 0 || self->back)
    return G_SOURCE_REMOVE;
  GtkAdjustment *adjustment
      = gtk_scrolled_window_get_hadjustment (GTK_SCROLLED_WINDOW (self->scrolled));
  gtk_adjustment_set_value (adjustment, gtk_adjustment_get_upper (adjustment));
  return G_SOURCE_REMOVE;
}

/* Where nobody has scrolled back, the newest picture is in sight. Sizes change while widgets get
 * their places, when none can be moved any more. */
static void
follow (KxFilmStrip *self)
{
  if (!self->going)
    self->going = g_idle_add_full (G_PRIORITY_HIGH_IDLE, go_to_end, self, NULL);
}

static void
value_changed (KxFilmStrip *self, GtkAdjustment *adjustment)
{
  self->back = gtk_adjustment_get_value (adjustment) + gtk_adjustment_get_page_size (adjustment)
               < gtk_adjustment_get_upper (adjustment) - 1;
}

/* A wheel turns up and down, and the strip has but one way to go. */
static gboolean
turn_wheel (KxFilmStrip *self, double dx, double dy, GtkEventController *controller)
{
  GtkAdjustment *adjustment
      = gtk_scrolled_window_get_hadjustment (GTK_SCROLLED_WINDOW (self->scrolled));
  double before = gtk_adjustment_get_value (adjustment);
  GdkScrollUnit unit
      = gtk_event_controller_scroll_get_unit (GTK_EVENT_CONTROLLER_SCROLL (controller));
  double step = unit == GDK_SCROLL_UNIT_SURFACE ? 1 : NOTCH;

  if (dx != 0 || dy == 0)
    return GDK_EVENT_PROPAGATE;
  gtk_adjustment_set_value (adjustment, before + dy * step);
  return gtk_adjustment_get_value (adjustment) != before;
}

static void
add_wheel (KxFilmStrip *self)
{
  GtkEventController *wheel
      = gtk_event_controller_scroll_new (GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES);

  gtk_event_controller_set_propagation_phase (wheel, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (wheel, "scroll", G_CALLBACK (turn_wheel), self);
  gtk_widget_add_controller (self->scrolled, wheel);
}

static void
kx_film_strip_dispose (GObject *object)
{
  KxFilmStrip *self = KX_FILM_STRIP (object);

  g_clear_handle_id (&self->going, g_source_remove);
  g_clear_pointer (&self->scrolled, gtk_widget_unparent);
  g_clear_pointer (&self->frames, g_ptr_array_unref);
  G_OBJECT_CLASS (kx_film_strip_parent_class)->dispose (object);
}

static void
kx_film_strip_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_int (value, KX_FILM_STRIP (object)->selected);
}

static void
kx_film_strip_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  kx_film_strip_select (KX_FILM_STRIP (object), g_value_get_int (value));
}

static void
kx_film_strip_class_init (KxFilmStripClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = kx_film_strip_dispose;
  object_class->get_property = kx_film_strip_get_property;
  object_class->set_property = kx_film_strip_set_property;
  props[PROP_SELECTED]
      = g_param_spec_int ("selected", NULL, NULL, -1, G_MAXINT, -1,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, props);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
kx_film_strip_init (KxFilmStrip *self)
{
  GtkAdjustment *adjustment;

  self->selected = -1;
  self->frames = g_ptr_array_new ();
  self->box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  self->scrolled = gtk_scrolled_window_new ();
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (self->scrolled), GTK_POLICY_EXTERNAL,
                                  GTK_POLICY_NEVER);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (self->scrolled), self->box);
  adjustment = gtk_scrolled_window_get_hadjustment (GTK_SCROLLED_WINDOW (self->scrolled));
  g_signal_connect_swapped (adjustment, "notify::upper", G_CALLBACK (follow), self);
  g_signal_connect_swapped (adjustment, "notify::page-size", G_CALLBACK (follow), self);
  g_signal_connect_swapped (adjustment, "value-changed", G_CALLBACK (value_changed), self);
  add_wheel (self);
  gtk_widget_set_parent (self->scrolled, GTK_WIDGET (self));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Moments"), -1);
}

GtkWidget *
kx_film_strip_new (void)
{
  return g_object_new (KX_TYPE_FILM_STRIP, NULL);
}
