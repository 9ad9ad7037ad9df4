/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "band-layer.h"

struct _KxBandLayer {
  KxLayer parent_instance;
  double low, middle, high;
  char *label;
};

G_DEFINE_FINAL_TYPE (KxBandLayer, kx_band_layer, KX_TYPE_LAYER)

static void
set_colour (const KxPlot *plot, cairo_t *cairo, double alpha)
{
  const GdkRGBA *band = &plot->theme->band;

  cairo_set_source_rgba (cairo, band->red, band->green, band->blue, alpha);
}

static void
kx_band_layer_get_fit (KxLayer *layer, const KxPlot *plot, gboolean all, KxFit *fit)
{
  KxBandLayer *self = KX_BAND_LAYER (layer);

  kx_fit_add (fit, self->low);
  kx_fit_add (fit, self->high);
}

static void
kx_band_layer_draw (KxLayer *layer, const KxPlot *plot, cairo_t *cairo)
{
  KxBandLayer *self = KX_BAND_LAYER (layer);
  double top = kx_plot_y (plot, self->high), bottom = kx_plot_y (plot, self->low);
  double middle = kx_plot_y (plot, self->middle);

  set_colour (plot, cairo, 0.14);
  cairo_rectangle (cairo, plot->box.origin.x, top, plot->box.size.width, bottom - top);
  cairo_fill (cairo);
  set_colour (plot, cairo, 0.9);
  cairo_set_line_width (cairo, 1);
  cairo_set_dash (cairo, (double[]){ 5, 4 }, 2, 0);
  cairo_move_to (cairo, plot->box.origin.x, middle);
  cairo_rel_line_to (cairo, plot->box.size.width, 0);
  cairo_stroke (cairo);
  cairo_set_dash (cairo, NULL, 0, 0);
}

/* In the upper corner at the end, from which curves that come down go away. */
static void
kx_band_layer_draw_over (KxLayer *layer, const KxPlot *plot, cairo_t *cairo)
{
  KxBandLayer *self = KX_BAND_LAYER (layer);
  double top = kx_plot_y (plot, self->high), bottom = kx_plot_y (plot, self->low);
  int width, height;

  if (!self->label || top < plot->box.origin.y
      || bottom > plot->box.origin.y + plot->box.size.height)
    return;
  g_autoptr (PangoLayout) layout = pango_layout_new (plot->pango);
  pango_layout_set_text (layout, self->label, -1);
  pango_layout_get_pixel_size (layout, &width, &height);
  if (kx_plot_y (plot, self->middle) - top < height)
    return;
  gdk_cairo_set_source_rgba (cairo, &plot->theme->dim);
  cairo_move_to (cairo, plot->box.origin.x + plot->box.size.width - width - 6, top + 1);
  pango_cairo_show_layout (cairo, layout);
}

static void
kx_band_layer_finalize (GObject *object)
{
  g_free (KX_BAND_LAYER (object)->label);
  G_OBJECT_CLASS (kx_band_layer_parent_class)->finalize (object);
}

static void
kx_band_layer_class_init (KxBandLayerClass *klass)
{
  KxLayerClass *layer_class = KX_LAYER_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_band_layer_finalize;
  layer_class->get_fit = kx_band_layer_get_fit;
  layer_class->draw = kx_band_layer_draw;
  layer_class->draw_over = kx_band_layer_draw_over;
}

static void
kx_band_layer_init (KxBandLayer *self)
{
}

/**
 * kx_band_layer_new:
 * @low: lower end
 * @middle: what is best; the line
 * @high: upper end
 * @label: (nullable): what it is
 *
 * Returns: (transfer full): a band across the chart
 */
KxBandLayer *
kx_band_layer_new (double low, double middle, double high, const char *label)
{
  KxBandLayer *self = g_object_new (KX_TYPE_BAND_LAYER, NULL);

  self->low = low;
  self->middle = middle;
  self->high = high;
  self->label = g_strdup (label);
  return self;
}
