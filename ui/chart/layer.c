/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "layer.h"

#include <math.h>

G_DEFINE_TYPE (KxLayer, kx_layer, G_TYPE_OBJECT)

enum {
  CHANGED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
kx_layer_class_init (KxLayerClass *klass)
{
  /**
   * KxLayer::changed:
   *
   * It is to be drawn anew.
   */
  signals[CHANGED] = g_signal_new ("changed", KX_TYPE_LAYER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
}

static void
kx_layer_init (KxLayer *self)
{
}

/* ── Places ── */

/* Far out of any picture, yet within what cairo's numbers hold. */
#define FAR 30000.0

/**
 * kx_plot_x:
 * @plot: a plot
 * @value: in its unit
 *
 * Returns: pixels from the left edge of the picture
 */
double
kx_plot_x (const KxPlot *plot, double value)
{
  return plot->box.origin.x + CLAMP (kx_scaling_position (&plot->x_scaling, value), -FAR, FAR);
}

/**
 * kx_plot_y:
 * @plot: a plot
 * @value: a y
 *
 * Returns: pixels from the upper edge of the picture
 */
double
kx_plot_y (const KxPlot *plot, double value)
{
  return plot->box.origin.y + plot->box.size.height
         - CLAMP (kx_scaling_position (&plot->y_scaling, value), -FAR, FAR);
}

/* ── Ranges ── */

const KxFit kx_fit_nothing = { INFINITY, -INFINITY, INFINITY };

/**
 * kx_fit_add:
 * @fit: a range, at first %kx_fit_nothing
 * @value: what it has to reach to; nothing if it is not finite
 */
void
kx_fit_add (KxFit *fit, double value)
{
  if (!isfinite (value))
    return;
  fit->low = MIN (fit->low, value);
  fit->high = MAX (fit->high, value);
  if (value > 0)
    fit->positive = MIN (fit->positive, value);
}

void
kx_fit_join (KxFit *fit, const KxFit *other)
{
  fit->low = MIN (fit->low, other->low);
  fit->high = MAX (fit->high, other->high);
  fit->positive = MIN (fit->positive, other->positive);
}

/* ── Calls ── */

void
kx_layer_changed (KxLayer *self)
{
  g_signal_emit (self, signals[CHANGED], 0);
}

int
kx_layer_get_level (KxLayer *self)
{
  KxLayerClass *klass = KX_LAYER_GET_CLASS (self);

  return klass->get_level ? klass->get_level (self) : klass->level;
}

void
kx_layer_get_extent (KxLayer *self, KxUnit unit, KxFit *extent)
{
  if (KX_LAYER_GET_CLASS (self)->get_extent)
    KX_LAYER_GET_CLASS (self)->get_extent (self, unit, extent);
}

void
kx_layer_prepare (KxLayer *self, const KxPlot *plot)
{
  if (KX_LAYER_GET_CLASS (self)->prepare)
    KX_LAYER_GET_CLASS (self)->prepare (self, plot);
}

void
kx_layer_get_fit (KxLayer *self, const KxPlot *plot, gboolean all, KxFit *fit)
{
  if (KX_LAYER_GET_CLASS (self)->get_fit)
    KX_LAYER_GET_CLASS (self)->get_fit (self, plot, all, fit);
}

void
kx_layer_draw (KxLayer *self, const KxPlot *plot, cairo_t *cairo)
{
  if (KX_LAYER_GET_CLASS (self)->draw)
    KX_LAYER_GET_CLASS (self)->draw (self, plot, cairo);
}

void
kx_layer_draw_over (KxLayer *self, const KxPlot *plot, cairo_t *cairo)
{
  if (KX_LAYER_GET_CLASS (self)->draw_over)
    KX_LAYER_GET_CLASS (self)->draw_over (self, plot, cairo);
}
