/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tiny-graph.h"

#include <glib/gi18n.h>
#include <math.h>

#include "chart/axis.h"

#define RADIUS 17.0
#define GAP 4.0 /* between a node and its text */
#define WIDTH 330
#define MOST_HEIGHT 0.75 /* of the width */
#define ROWS_APART 70.0  /* at least */

struct _KxTinyGraph {
  GtkWidget parent_instance;
  KxTinyNumbers numbers;
  KxTinyStep step;
};

G_DEFINE_FINAL_TYPE (KxTinyGraph, kx_tiny_graph, GTK_TYPE_WIDGET)

/* The height of a line of text. */
static int
line_height (KxTinyGraph *self)
{
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (GTK_WIDGET (self), "∂z");
  int height;

  pango_layout_get_pixel_size (layout, NULL, &height);
  return height;
}

/* A node, and two lines of text on that side of it where no edges are. */
static double
outside (KxTinyGraph *self)
{
  return RADIUS + GAP + 2 * line_height (self);
}

/* Where nodes 1 to 6 stand: columns from left to right, in all languages. */
static void
place (KxTinyGraph *self, guint node, double *x, double *y)
{
  double width = gtk_widget_get_width (GTK_WIDGET (self));
  double height = MIN (gtk_widget_get_height (GTK_WIDGET (self)), MOST_HEIGHT * width);
  double edge = MAX (0.26 * height, outside (self));
  guint column = (node - 1) / 2, row = (node - 1) % 2;

  *x = 36 + column * (width - 108) / 2;
  *y = row ? MAX (height - edge, edge + ROWS_APART) : edge;
}

static void
draw_text (KxTinyGraph *self, cairo_t *cairo, double x, double y, double align, const char *markup)
{
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (GTK_WIDGET (self), NULL);
  int width, height;

  pango_layout_set_markup (layout, markup, -1);
  pango_layout_get_pixel_size (layout, &width, &height);
  cairo_move_to (cairo, x - align * width, y - height / 2.0);
  pango_cairo_show_layout (cairo, layout);
}

static float
weight_of (KxTinyGraph *self, guint from, guint to)
{
  const KxTinySetup *setup = &self->numbers.setup;

  return from < 3 ? setup->w1[(from - 1) * 2 + to - 3] : setup->w2[(from - 3) * 2 + to - 5];
}

/* Weights stand a quarter along the edges that cross, and in the middle of the others. */
static void
draw_edge (KxTinyGraph *self, cairo_t *cairo, const GdkRGBA *colour, guint from, guint to)
{
  double x0, y0, x1, y1;
  double at = from % 2 == to % 2 ? 0.5 : 0.27;
  g_autofree char *text = kx_format_fixed (weight_of (self, from, to), 2);

  place (self, from, &x0, &y0);
  place (self, to, &x1, &y1);
  cairo_move_to (cairo, x0 + RADIUS, y0);
  cairo_line_to (cairo, x1 - RADIUS, y1);
  cairo_set_source_rgba (cairo, colour->red, colour->green, colour->blue, 0.45);
  cairo_set_line_width (cairo, 0.5 + MIN (fabs (weight_of (self, from, to)), 3));
  cairo_stroke (cairo);
  gdk_cairo_set_source_rgba (cairo, colour);
  double x = x0 + RADIUS + at * (x1 - x0 - 2 * RADIUS), y = y0 + at * (y1 - y0);
  draw_text (self, cairo, x, y - 9, 0.5, text);
}

/* The step whose numbers are of a node, on the way forward and back. */
static void
find_steps (guint node, KxTinyStep *forward, KxTinyStep *back)
{
  static const KxTinyStep there[]
      = { KX_TINY_INPUTS, KX_TINY_INPUTS, KX_TINY_Z3, KX_TINY_Z4, KX_TINY_Z5, KX_TINY_Z6 };
  static const KxTinyStep again[]
      = { KX_TINY_LAST + 1, KX_TINY_LAST + 1, KX_TINY_DZ3, KX_TINY_DZ4, KX_TINY_DZ5, KX_TINY_DZ6 };

  *forward = there[node - 1];
  *back = again[node - 1];
}

static char *
describe_forward (const KxTinyNumbers *numbers, guint node, gboolean shares)
{
  guint i = (node - 1) % 2;
  double first = node < 3 ? numbers->setup.x[i] : node < 5 ? numbers->z1[i] : numbers->z2[i];
  double second = node < 5 ? numbers->y1[i] : numbers->p[i];
  g_autofree char *one = kx_format_fixed (first, 2), *two = kx_format_fixed (second, 2);

  if (node < 3)
    return g_strdup_printf ("y %s", one);
  if (node < 5)
    return g_strdup_printf ("z %s  y %s", one, two);
  return shares ? g_strdup_printf ("z %s\nP %s", one, two) : g_strdup_printf ("z %s", one);
}

static void
draw_node (KxTinyGraph *self, cairo_t *cairo, const GdkRGBA *colour, const GdkRGBA *accent,
           guint node)
{
  const KxTinyNumbers *numbers = &self->numbers;
  g_autofree char *name = g_strdup_printf ("%u", node);
  KxTinyStep forward, back;
  double x, y;

  find_steps (node, &forward, &back);
  place (self, node, &x, &y);
  gboolean now = self->step == forward || self->step == back;
  cairo_new_path (cairo); /* none from the text that was written last */
  cairo_arc (cairo, x, y, RADIUS, 0, 2 * G_PI);
  cairo_set_line_width (cairo, now ? 3 : 1.5);
  gdk_cairo_set_source_rgba (cairo, now ? accent : colour);
  cairo_stroke (cairo);
  gdk_cairo_set_source_rgba (cairo, colour);
  draw_text (self, cairo, x, y, 0.5, name);
  double line = line_height (self), away = node % 2 ? -1 : 1; /* from the edges */
  double first = y + away * (RADIUS + GAP + line / 2), second = first + away * line;
  if (self->step >= forward)
    {
      g_autofree char *text = describe_forward (numbers, node, self->step >= KX_TINY_E);
      draw_text (self, cairo, node < 5 ? x : x + RADIUS + 6, node < 5 ? first : y,
                 node < 5 ? 0.5 : 0, text);
    }
  if (self->step >= back)
    {
      double gradient = node < 5 ? numbers->dz1[(node - 1) % 2] : numbers->dz2[(node - 1) % 2];
      g_autofree char *number = kx_format_fixed (gradient, 3);
      g_autofree char *text = g_strdup_printf ("∂E/∂z %s", number);
      gdk_cairo_set_source_rgba (cairo, accent);
      draw_text (self, cairo, node < 5 ? x : x - 24, node < 5 ? second : first, node < 5 ? 0.5 : 0,
                 text);
    }
}

static void
kx_tiny_graph_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  KxTinyGraph *self = KX_TINY_GRAPH (widget);
  GtkStyleContext *style = gtk_widget_get_style_context (widget);
  GdkRGBA colour, accent;
  cairo_t *cairo = gtk_snapshot_append_cairo (
      snapshot, &GRAPHENE_RECT_INIT (0, 0, (float) gtk_widget_get_width (widget),
                                     (float) gtk_widget_get_height (widget)));

  gtk_style_context_get_color (style, &colour);
  if (!gtk_style_context_lookup_color (style, "accent_color", &accent))
    accent = colour;
  for (guint from = 1; from < 5; from++)
    for (guint i = 0; i < 2; i++)
      draw_edge (self, cairo, &colour, from, (from < 3 ? 3 : 5) + i);
  for (guint node = 1; node <= 6; node++)
    draw_node (self, cairo, &colour, &accent, node);
  cairo_destroy (cairo);
}

static void
measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
         int *minimum_baseline, int *natural_baseline)
{
  *minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL
                            ? WIDTH
                            : (int) ceil (2 * outside (KX_TINY_GRAPH (widget)) + ROWS_APART);
}

static void
kx_tiny_graph_class_init (KxTinyGraphClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  widget_class->snapshot = kx_tiny_graph_snapshot;
  widget_class->measure = measure;
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
kx_tiny_graph_init (KxTinyGraph *self)
{
  gtk_widget_add_css_class (GTK_WIDGET (self), "caption");
  gtk_widget_add_css_class (GTK_WIDGET (self), "numeric");
  gtk_widget_set_direction (GTK_WIDGET (self), GTK_TEXT_DIR_LTR);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Two inputs, two hidden nodes, two outputs"), -1);
}

GtkWidget *
kx_tiny_graph_new (void)
{
  return g_object_new (KX_TYPE_TINY_GRAPH, NULL);
}

/**
 * kx_tiny_graph_set:
 * @graph: a graph
 * @numbers: what is computed
 * @step: how far it is shown
 */
void
kx_tiny_graph_set (KxTinyGraph *self, const KxTinyNumbers *numbers, KxTinyStep step)
{
  self->numbers = *numbers;
  self->numbers.fault = NULL;
  self->step = step;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}
