/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "chart.h"

G_BEGIN_DECLS

#define KX_TYPE_CHART_CONTROLS (kx_chart_controls_get_type ())
/** KxChartControls: smoothing, scale of y, unit of x, fit and a menu, for the head of a chart. */
G_DECLARE_FINAL_TYPE (KxChartControls, kx_chart_controls, KX, CHART_CONTROLS, GtkWidget)

GtkWidget *kx_chart_controls_new (KxChart *chart, GMenuModel *more);

G_END_DECLS
