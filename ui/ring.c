/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A ring that fills clockwise from the top. */

#include "ring.h"

#include <math.h>

#define SIZE 16
#define WIDTH 2.5

struct _KxRing {
  GtkWidget parent_instance;
  double fraction; /* 0..1; < 0: not known, drawn as a ring of dashes */
};

G_DEFINE_FINAL_TYPE (KxRing, kx_ring, GTK_TYPE_WIDGET)

static void
kx_ring_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                 int *natural, int *minimum_baseline, int *natural_baseline)
{
  *minimum = *natural = SIZE;
}

static void
kx_ring_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  KxRing *self = KX_RING (widget);
  double width = gtk_widget_get_width (widget), height = gtk_widget_get_height (widget);
  double radius = MIN (width, height) / 2 - WIDTH / 2;
  GdkRGBA colour;
  cairo_t *cairo = gtk_snapshot_append_cairo (snapshot, &GRAPHENE_RECT_INIT (0, 0, width, height));

  gtk_style_context_get_color (gtk_widget_get_style_context (widget), &colour);
  cairo_set_line_width (cairo, WIDTH);
  cairo_set_source_rgba (cairo, colour.red, colour.green, colour.blue, 0.3 * colour.alpha);
  cairo_arc (cairo, width / 2, height / 2, radius, 0, 2 * G_PI);
  cairo_stroke (cairo);
  gdk_cairo_set_source_rgba (cairo, &colour);
  if (self->fraction < 0)
    cairo_set_dash (cairo, (double[]){ 3, 3 }, 2, 0);
  double share = self->fraction < 0 ? 1 : self->fraction;
  cairo_arc (cairo, width / 2, height / 2, radius, -G_PI / 2, -G_PI / 2 + 2 * G_PI * share);
  cairo_stroke (cairo);
  cairo_destroy (cairo);
}

static void
kx_ring_class_init (KxRingClass *klass)
{
  GTK_WIDGET_CLASS (klass)->measure = kx_ring_measure;
  GTK_WIDGET_CLASS (klass)->snapshot = kx_ring_snapshot;
  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "ring");
  gtk_widget_class_set_accessible_role (GTK_WIDGET_CLASS (klass), GTK_ACCESSIBLE_ROLE_PRESENTATION);
}

static void
kx_ring_init (KxRing *self)
{
}

/**
 * kx_ring_set_fraction:
 * @ring: a ring
 * @fraction: how much of it is filled, 0..1; negative: not known
 */
void
kx_ring_set_fraction (KxRing *self, double fraction)
{
  if (fabs (self->fraction - fraction) < 1e-3)
    return;
  self->fraction = fraction;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}
