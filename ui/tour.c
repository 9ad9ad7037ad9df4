/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A tour of two minutes. Its pictures are in data/tour; tests/ui/screenshots.py takes them. */

#include "tour.h"

#include <glib/gi18n.h>

#include "presence.h"

static const struct {
  const char *picture, *title, *text;
} stops[] = {
  { "train", N_ ("Something learns at once"),
    N_ ("The page Train shows the loss as it falls and, below it, what the network makes of the "
        "latest pictures. Drag a curve to look around; the key End follows it again.") },
  { "rate", N_ ("Turn things while it learns"),
    N_ ("The learning rate and the other settings act from the next step on. Each turn leaves a "
        "mark in the curves and a row in the timeline; Ctrl+Z takes it back.") },
  { "branch", N_ ("Go back and try another way"),
    N_ ("Circles under the curve are checkpoints. Click one, branch from there, and compare the "
        "runs: they differ in colour and dashes, and bear their names.") },
  { "confusion", N_ ("See what it gets wrong"),
    N_ ("The tabs under the curves show mistakes, which classes are taken for which, filters, "
        "activations and histograms, as they are now. A click on a cell opens its pictures.") },
  { "steps", N_ ("Follow one step of learning"),
    N_ ("The tab Steps goes through backpropagation node by node. Turn a weight of the small "
        "network, and all numbers that follow from it follow.") },
  { "units", N_ ("Look into a network"),
    N_ ("The page See makes for each unit the picture that excites it most, also while the network "
        "learns. Switch a unit off to see what it was good for.") },
  { "draw", N_ ("Ask it with the mouse"),
    N_ ("Draw a digit, drop a photo, or paint over one: what the network takes it for follows the "
        "brush.") },
  { "paint", N_ ("Paint with it"),
    N_ ("The page Paint gives one picture the style of another. The weights act while it paints, "
        "and any earlier moment can be held beside the present one.") },
  { "profile", N_ ("Know your device"),
    N_ ("The page Devices measures how fast a device is, verifies that it computes rightly, and "
        "shows which kernels the time of a run goes to.") },
};

#define N_STOPS G_N_ELEMENTS (stops)

struct _KxTour {
  AdwWindow parent_instance;

  guint stop;
  GtkPicture *pictures[N_STOPS]; /* each empty until it is first shown */
  AdwWindowTitle *heading;
  GtkStack *stack;
};

G_DEFINE_FINAL_TYPE (KxTour, kx_tour, ADW_TYPE_WINDOW)

static void
show_stop (KxTour *self, guint stop)
{
  GtkPicture *picture = self->pictures[stop];
  g_autofree char *place = g_strdup_printf (_ ("%u of %u"), stop + 1, (guint) N_STOPS);
  g_autofree char *path
      = g_strdup_printf ("/org/kolinsky/Explorer/tour/%s.png", stops[stop].picture);

  if (!gtk_picture_get_paintable (picture))
    gtk_picture_set_resource (picture, path);
  self->stop = stop;
  gtk_stack_set_visible_child_name (self->stack, stops[stop].picture);
  adw_window_title_set_subtitle (self->heading, place);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "tour.back", stop > 0);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "tour.forward", stop + 1 < N_STOPS);
}

static void
go (KxTour *self, gboolean forward)
{
  if (forward && self->stop + 1 < N_STOPS)
    show_stop (self, self->stop + 1);
  else if (!forward && self->stop > 0)
    show_stop (self, self->stop - 1);
}

static void
go_back (GtkWidget *widget, const char *name, GVariant *target)
{
  go (KX_TOUR (widget), FALSE);
}

static void
go_forward (GtkWidget *widget, const char *name, GVariant *target)
{
  go (KX_TOUR (widget), TRUE);
}

/* Arrows point where the pages lie, which depends on the direction of writing. */
static void
go_left (GtkWidget *widget, const char *name, GVariant *target)
{
  go (KX_TOUR (widget), gtk_widget_get_direction (widget) == GTK_TEXT_DIR_RTL);
}

static void
go_right (GtkWidget *widget, const char *name, GVariant *target)
{
  go (KX_TOUR (widget), gtk_widget_get_direction (widget) != GTK_TEXT_DIR_RTL);
}

static GtkWidget *
make_label (const char *text, const char *class)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_justify (GTK_LABEL (label), GTK_JUSTIFY_CENTER);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 80);
  if (class)
    gtk_widget_add_css_class (label, class);
  return label;
}

static void
add_stop (KxTour *self, guint stop)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *picture = gtk_picture_new ();

  gtk_picture_set_alternative_text (GTK_PICTURE (picture), _ (stops[stop].title));
  gtk_widget_set_vexpand (picture, TRUE);
  gtk_widget_set_margin_bottom (picture, 12);
  gtk_box_append (GTK_BOX (box), picture);
  gtk_box_append (GTK_BOX (box), make_label (_ (stops[stop].title), "title-2"));
  gtk_box_append (GTK_BOX (box), make_label (_ (stops[stop].text), NULL));
  gtk_stack_add_named (self->stack, box, stops[stop].picture);
  kx_presence_follow (box);
  self->pictures[stop] = GTK_PICTURE (picture);
}

static void
kx_tour_class_init (KxTourClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/kolinsky/Explorer/tour.ui");
  gtk_widget_class_bind_template_child (widget_class, KxTour, heading);
  gtk_widget_class_bind_template_child (widget_class, KxTour, stack);
  gtk_widget_class_install_action (widget_class, "tour.back", NULL, go_back);
  gtk_widget_class_install_action (widget_class, "tour.forward", NULL, go_forward);
  gtk_widget_class_install_action (widget_class, "tour.left", NULL, go_left);
  gtk_widget_class_install_action (widget_class, "tour.right", NULL, go_right);
}

static void
kx_tour_init (KxTour *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  for (guint i = 0; i < N_STOPS; i++)
    add_stop (self, i);
  show_stop (self, 0);
}

KxTour *
kx_tour_new (void)
{
  return g_object_new (KX_TYPE_TOUR, NULL);
}
