/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "chart.h"
#include "plot.h"

G_BEGIN_DECLS

gboolean kx_export (const KxPlotSettings *settings, const char *title, double width, double height,
                    const char *path, GError **error);
char *kx_export_csv (GListModel *layers);
void kx_export_ask (KxChart *chart, const char *extension);

G_END_DECLS
