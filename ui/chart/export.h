/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "chart.h"
#include "plot.h"

G_BEGIN_DECLS

void kx_export_async (const KxPlotSettings *settings, const char *title, double width,
                      double height, const char *path, GAsyncReadyCallback callback, gpointer data);
gboolean kx_export_finish (GAsyncResult *result, GError **error);
void kx_export_ask (KxChart *chart, const char *extension);

G_END_DECLS
