/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A row's piece of a network's graph. The same is said by the rows' order and names. */

#include "graph-gutter.h"

#define LANE 10.0  /* pixels between two lanes */
#define DOT 3.5    /* radius */
#define BLOCK 4.5  /* half the side of a group's square */
#define LINE 1.5   /* width */
#define FAINT 0.55 /* lines, of the text's colour: at least 3:1 on both backgrounds */

struct _KxGraphGutter {
  GtkWidget parent_instance;

  KxLayerLanes lanes;
  gboolean group;
  gboolean opened; /* a group whose layers stand below: edges only pass it */
};

G_DEFINE_FINAL_TYPE (KxGraphGutter, kx_graph_gutter, GTK_TYPE_WIDGET)

static double
lane_x (guint lane)
{
  return LANE / 2 + lane * LANE;
}

static void
draw_edge (cairo_t *cr, double x0, double y0, double x1, double y1)
{
  double middle = (y0 + y1) / 2;

  cairo_move_to (cr, x0, y0);
  cairo_curve_to (cr, x0, middle, x1, middle, x1, y1);
  cairo_stroke (cr);
}

static void
draw_edges (const KxGraphGutter *self, cairo_t *cr, double height)
{
  const KxLayerLanes *lanes = &self->lanes;
  double x = lane_x (lanes->lane);

  for (guint l = 0; l < KX_LAYER_LANES; l++)
    {
      guint bit = 1u << l;

      if (self->opened)
        {
          if (lanes->above & bit)
            draw_edge (cr, lane_x (l), 0, lane_x (l), height);
          continue;
        }
      if (lanes->joins & bit)
        draw_edge (cr, lane_x (l), 0, x, height / 2);
      if ((lanes->above & bit) && (lanes->below & bit) && (l != lanes->lane || self->group))
        draw_edge (cr, lane_x (l), 0, lane_x (l), height);
      else if (lanes->below & bit)
        draw_edge (cr, x, height / 2, lane_x (l), height);
    }
}

static void
draw_mark (const KxGraphGutter *self, cairo_t *cr, double height)
{
  double x = lane_x (self->lanes.lane);

  if (self->opened)
    return;
  if (self->group)
    cairo_rectangle (cr, x - BLOCK, height / 2 - BLOCK, 2 * BLOCK, 2 * BLOCK);
  else
    cairo_arc (cr, x, height / 2, DOT, 0, 2 * G_PI);
  cairo_fill (cr);
}

static void
kx_graph_gutter_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  KxGraphGutter *self = KX_GRAPH_GUTTER (widget);
  int width = gtk_widget_get_width (widget), height = gtk_widget_get_height (widget);
  GdkRGBA colour;

  cairo_t *cr = gtk_snapshot_append_cairo (
      snapshot, &GRAPHENE_RECT_INIT (0, 0, (float) width, (float) height));
  if (gtk_widget_get_direction (widget) == GTK_TEXT_DIR_RTL)
    {
      cairo_translate (cr, width, 0);
      cairo_scale (cr, -1, 1);
    }
  gtk_style_context_get_color (gtk_widget_get_style_context (widget), &colour);
  cairo_set_line_width (cr, LINE);
  cairo_set_source_rgba (cr, colour.red, colour.green, colour.blue, colour.alpha * FAINT);
  draw_edges (self, cr, height);
  gdk_cairo_set_source_rgba (cr, &colour);
  draw_mark (self, cr, height);
  cairo_destroy (cr);
}

static void
kx_graph_gutter_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                         int *natural, int *minimum_baseline, int *natural_baseline)
{
  int lanes = (int) MAX (KX_GRAPH_GUTTER (widget)->lanes.lanes, 1);

  *minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? (int) (lanes * LANE) : 0;
}

static void
kx_graph_gutter_class_init (KxGraphGutterClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  widget_class->snapshot = kx_graph_gutter_snapshot;
  widget_class->measure = kx_graph_gutter_measure;
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_PRESENTATION);
}

static void
kx_graph_gutter_init (KxGraphGutter *self)
{
}

GtkWidget *
kx_graph_gutter_new (void)
{
  return g_object_new (KX_TYPE_GRAPH_GUTTER, NULL);
}

/**
 * kx_graph_gutter_set_layer:
 * @gutter: a gutter
 * @layer: whose row it is beside
 * @opened: whether it is a group whose layers are shown
 */
void
kx_graph_gutter_set_layer (KxGraphGutter *self, KxNetworkLayer *layer, gboolean opened)
{
  self->lanes = *kx_network_layer_get_lanes (layer);
  self->group = kx_network_layer_get_children (layer) != NULL;
  self->opened = opened;
  gtk_widget_queue_resize (GTK_WIDGET (self));
  gtk_widget_queue_draw (GTK_WIDGET (self));
}
