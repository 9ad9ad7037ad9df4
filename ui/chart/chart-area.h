/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "chart-view.h"
#include "plot.h"

G_BEGIN_DECLS

#define KX_TYPE_CHART_AREA (kx_chart_area_get_type ())
/**
 * KxChartArea:
 *
 * What is inside of a chart: the drawing, and what the pointer does to it. Signals
 * "checkpoint-activated" (double step) and "fit-wanted".
 */
G_DECLARE_FINAL_TYPE (KxChartArea, kx_chart_area, KX, CHART_AREA, GtkWidget)

GtkWidget *kx_chart_area_new (KxChartView *view, GListModel *layers);
void kx_chart_area_invalidate (KxChartArea *area);
gboolean kx_chart_area_get_log_y (KxChartArea *area);
void kx_chart_area_set_log_y (KxChartArea *area, gboolean log_y);
void kx_chart_area_set_share (KxChartArea *area, gboolean share);
void kx_chart_area_pan_y (KxChartArea *area, double share);
void kx_chart_area_release_y (KxChartArea *area, gboolean manual);
void kx_chart_area_show_all (KxChartArea *area);
const KxPlot *kx_chart_area_get_plot (KxChartArea *area);
void kx_chart_area_get_settings (KxChartArea *area, KxPlotSettings *settings);
char *kx_chart_area_get_footnote (KxChartArea *area);

G_END_DECLS
