/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "layer.h"
#include "series.h"

G_BEGIN_DECLS

typedef enum {
  KX_LINE_THIN,  /* with the band of its extremes: every step, as of training */
  KX_LINE_THICK, /* without: few and exact points, as of validation */
} KxLineKind;

#define KX_TYPE_LINE_LAYER (kx_line_layer_get_type ())
/**
 * KxLineLayer:
 *
 * A curve. Properties: `name`, `visible`, `highlighted`.
 */
G_DECLARE_FINAL_TYPE (KxLineLayer, kx_line_layer, KX, LINE_LAYER, KxLayer)

KxLineLayer *kx_line_layer_new (KxSeries *series, const char *name, guint run, KxLineKind kind);
KxSeries *kx_line_layer_get_series (KxLineLayer *line);
const char *kx_line_layer_get_name (KxLineLayer *line);
void kx_line_layer_set_name (KxLineLayer *line, const char *name);
guint kx_line_layer_get_run (KxLineLayer *line);
KxLineKind kx_line_layer_get_kind (KxLineLayer *line);
gboolean kx_line_layer_get_visible (KxLineLayer *line);
void kx_line_layer_set_visible (KxLineLayer *line, gboolean visible);
gboolean kx_line_layer_get_highlighted (KxLineLayer *line);
void kx_line_layer_set_highlighted (KxLineLayer *line, gboolean highlighted);
void kx_line_layer_set_selected (KxLineLayer *line, gboolean selected);
KxLineLayer *kx_line_layer_find_main (GListModel *layers, KxUnit unit);
KxClock *kx_line_layer_get_clock (KxLineLayer *line);
void kx_line_layer_set_clock (KxLineLayer *line, KxClock *clock);
void kx_line_layer_set_parent (KxLineLayer *line, KxLineLayer *parent, double step);

GdkRGBA kx_line_layer_get_colour (KxLineLayer *line, const KxTheme *theme);
void kx_line_layer_stroke_sample (KxLineLayer *line, const KxTheme *theme, cairo_t *cairo,
                                  double x0, double x1, double y);
gboolean kx_line_layer_read (KxLineLayer *line, KxUnit unit, double smoothing, double at,
                             double *step, float *y, float *shown);
gboolean kx_line_layer_get_end (KxLineLayer *line, const KxPlot *plot, double *x, double *y);
void kx_line_layer_count_hidden (KxLineLayer *line, const KxAxis *axis, KxUnit unit,
                                 guint *nonpositive, guint *nonfinite);

G_END_DECLS
