/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "axis.h"
#include "clock.h"
#include "palette.h"

G_BEGIN_DECLS

/**
 * KxPlot: where and how layers are drawn.
 * @x: its length is @box.width
 * @y: its length is @box.height; from the lower edge up
 * @box: what is inside of the axes, in pixels
 * @scale: device pixels per pixel
 * @names: pixels to the right of @box for the names of lines; 0: none are shown
 */
typedef struct {
  KxAxis x, y;
  KxScaling x_scaling, y_scaling; /* of them */
  KxUnit unit;
  graphene_rect_t box;
  double scale;
  double names;
  double smoothing;
  const KxTheme *theme;
  PangoContext *pango; /* of the axes' texts */
} KxPlot;

double kx_plot_x (const KxPlot *plot, double value);
double kx_plot_y (const KxPlot *plot, double value);

/** KxFit: the range of values that should be seen. @positive is the least above 0. */
typedef struct {
  double low, high, positive;
} KxFit;

extern const KxFit kx_fit_nothing;
void kx_fit_add (KxFit *fit, double value);
void kx_fit_join (KxFit *fit, const KxFit *other);

#define KX_TYPE_LAYER (kx_layer_get_type ())
/** KxLayer: something drawn in a chart. Emits "changed" when it is to be drawn anew. */
G_DECLARE_DERIVABLE_TYPE (KxLayer, kx_layer, KX, LAYER, GObject)

/**
 * KxLayerClass:
 * @level: below %KX_LEVELS; what has a greater one is drawn later
 * @get_level: instead of it, where it changes
 * @get_extent: adds the x of its points, in a unit; layers that only adorn have none
 * @prepare: the range of x is known, that of y is not yet
 * @get_fit: adds the y to be seen; @all: extremes, too
 * @draw: @cairo is clipped to the box
 * @draw_over: texts and the like that may leave the box
 */
struct _KxLayerClass {
  GObjectClass parent_class;

  int level;
  int (*get_level) (KxLayer *layer);
  void (*get_extent) (KxLayer *layer, KxUnit unit, KxFit *extent);
  void (*prepare) (KxLayer *layer, const KxPlot *plot);
  void (*get_fit) (KxLayer *layer, const KxPlot *plot, gboolean all, KxFit *fit);
  void (*draw) (KxLayer *layer, const KxPlot *plot, cairo_t *cairo);
  void (*draw_over) (KxLayer *layer, const KxPlot *plot, cairo_t *cairo);
};

#define KX_LEVELS 6

void kx_layer_changed (KxLayer *layer);
int kx_layer_get_level (KxLayer *layer);
void kx_layer_get_extent (KxLayer *layer, KxUnit unit, KxFit *extent);
void kx_layer_prepare (KxLayer *layer, const KxPlot *plot);
void kx_layer_get_fit (KxLayer *layer, const KxPlot *plot, gboolean all, KxFit *fit);
void kx_layer_draw (KxLayer *layer, const KxPlot *plot, cairo_t *cairo);
void kx_layer_draw_over (KxLayer *layer, const KxPlot *plot, cairo_t *cairo);

G_END_DECLS
