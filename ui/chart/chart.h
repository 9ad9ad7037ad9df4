/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "band-layer.h"
#include "chart-view.h"
#include "line-layer.h"
#include "mark-layer.h"

G_BEGIN_DECLS

#define KX_TYPE_CHART (kx_chart_get_type ())
/**
 * KxChart:
 *
 * Curves over steps. It has a head with its title and the values at the crosshair, a legend
 * where there is more than one curve, and a footnote about what cannot be shown.
 *
 * Properties: `title`, `log-y`, `share` (values are shares of 1, shown as per cent), and,
 * those of its view again for its actions, `log-x` and `follow`.
 *
 * Actions: chart.zoom-in, zoom-out, fit, follow, log-x, log-y, pan-left, pan-right, pan-up,
 * pan-down, crosshair-next, crosshair-previous, export-png, export-svg, export-csv, menu.
 *
 * Signals: "checkpoint-activated" (double step): its circle was clicked; "failed" (text): it could
 * not be saved.
 */
G_DECLARE_FINAL_TYPE (KxChart, kx_chart, KX, CHART, GtkWidget)

GtkWidget *kx_chart_new (KxChartView *view, const char *title);
KxChartView *kx_chart_get_view (KxChart *chart);
const char *kx_chart_get_title (KxChart *chart);
gboolean kx_chart_get_log_y (KxChart *chart);
void kx_chart_set_log_y (KxChart *chart, gboolean log_y);
void kx_chart_set_share (KxChart *chart, gboolean share);
void kx_chart_set_offers_follow (KxChart *chart, gboolean offers);
void kx_chart_set_brief (KxChart *chart, gboolean brief);
void kx_chart_set_note (KxChart *chart, const char *note);

KxLineLayer *kx_chart_add_line (KxChart *chart, KxSeries *series, const char *name, guint run,
                                KxLineKind kind);
void kx_chart_add_layer (KxChart *chart, KxLayer *layer);
void kx_chart_remove_layer (KxChart *chart, KxLayer *layer);
GListModel *kx_chart_get_layers (KxChart *chart);

void kx_chart_save_async (KxChart *chart, const char *path, GAsyncReadyCallback callback,
                          gpointer data);
void kx_chart_set_head_extra (KxChart *chart, GtkWidget *widget);

G_END_DECLS
