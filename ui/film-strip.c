/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Small pictures of moments in a row. Each is a toggle button, so that keys and readers know it. */

#include "film-strip.h"

#include <glib/gi18n.h>

#define HEIGHT 48 /* of a picture */

struct _KxFilmStrip {
  GtkWidget parent_instance;

  GtkWidget *scrolled, *box;
  GPtrArray *frames; /* of GtkToggleButton, in order */
  int selected;
  gboolean busy; /* buttons are being set, not pressed */
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
}

/* Where nobody has scrolled back, the newest picture is in sight. */
static void
follow (KxFilmStrip *self, GParamSpec *spec, GtkAdjustment *adjustment)
{
  if (self->selected < 0)
    gtk_adjustment_set_value (adjustment, gtk_adjustment_get_upper (adjustment));
}

static void
kx_film_strip_dispose (GObject *object)
{
  KxFilmStrip *self = KX_FILM_STRIP (object);

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
  self->selected = -1;
  self->frames = g_ptr_array_new ();
  self->box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  self->scrolled = gtk_scrolled_window_new ();
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (self->scrolled), GTK_POLICY_EXTERNAL,
                                  GTK_POLICY_NEVER);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (self->scrolled), self->box);
  g_signal_connect_swapped (
      gtk_scrolled_window_get_hadjustment (GTK_SCROLLED_WINDOW (self->scrolled)), "notify::upper",
      G_CALLBACK (follow), self);
  gtk_widget_set_parent (self->scrolled, GTK_WIDGET (self));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Moments"), -1);
}

GtkWidget *
kx_film_strip_new (void)
{
  return g_object_new (KX_TYPE_FILM_STRIP, NULL);
}
