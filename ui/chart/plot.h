/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* The one way in which charts are drawn, on the screen and into files. */

#include "layer.h"

G_BEGIN_DECLS

/** KxPlotSettings: what a plot is made of besides its size. */
typedef struct {
  GListModel *layers;
  KxAxis x, y; /* of any length; @y.low >= @y.high: fitted */
  KxUnit unit;
  gboolean all; /* fit extremes, too */
  double smoothing;
  const KxTheme *theme;
  PangoContext *pango; /* whose font is that of texts; those of axes are smaller */
} KxPlotSettings;

KxPlot *kx_plot_new (const KxPlotSettings *settings, double width, double height, double scale);
void kx_plot_free (KxPlot *plot);
void kx_plot_draw (const KxPlot *plot, GListModel *layers, cairo_t *cairo);
char *kx_plot_footnote (const KxPlotSettings *settings);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxPlot, kx_plot_free)

G_END_DECLS
