/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "chart-view.h"

G_BEGIN_DECLS

#define KX_TYPE_LEGEND (kx_legend_get_type ())
/** KxLegend: a button for each curve, with its value at the crosshair; it hides the curve. */
G_DECLARE_FINAL_TYPE (KxLegend, kx_legend, KX, LEGEND, GtkWidget)

GtkWidget *kx_legend_new (GListModel *layers, KxChartView *view);
void kx_legend_update (KxLegend *legend);
void kx_legend_set_share (KxLegend *legend, gboolean share);

G_END_DECLS
