/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "axis.h"
#include "clock.h"
#include "layer.h"

G_BEGIN_DECLS

#define KX_TYPE_CHART_VIEW (kx_chart_view_get_type ())
/**
 * KxChartView:
 *
 * What linked charts have in common: the range of x, its scale and unit, the crosshair, and
 * how much curves are smoothed. Properties: `unit` (#KxUnit as guint), `log-x`, `follow`,
 * `smoothing`, `crosshair`. Emits "changed" when charts are to be drawn anew and
 * "crosshair-moved" when only the crosshair is.
 */
G_DECLARE_FINAL_TYPE (KxChartView, kx_chart_view, KX, CHART_VIEW, GObject)

KxChartView *kx_chart_view_new (void);

KxUnit kx_chart_view_get_unit (KxChartView *view);
void kx_chart_view_set_unit (KxChartView *view, KxUnit unit);
gboolean kx_chart_view_get_log_x (KxChartView *view);
void kx_chart_view_set_log_x (KxChartView *view, gboolean log_x);
gboolean kx_chart_view_get_follow (KxChartView *view);
void kx_chart_view_set_follow (KxChartView *view, gboolean follow);
double kx_chart_view_get_smoothing (KxChartView *view);
void kx_chart_view_set_smoothing (KxChartView *view, double smoothing);

KxAxis kx_chart_view_get_axis (KxChartView *view, double length);
void kx_chart_view_set_range (KxChartView *view, double low, double high);
void kx_chart_view_pan (KxChartView *view, double share);
void kx_chart_view_zoom (KxChartView *view, double at, double factor);
void kx_chart_view_fit (KxChartView *view);

double kx_chart_view_get_crosshair (KxChartView *view);
void kx_chart_view_set_crosshair (KxChartView *view, double value);

void kx_chart_view_set_extent (KxChartView *view, gpointer chart, const KxFit *extent);

G_END_DECLS
