/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "paint-job.h"

G_BEGIN_DECLS

#define KX_TYPE_LOSS_CHART (kx_loss_chart_get_type ())
/**
 * KxLossChart:
 *
 * A chart of the losses of all layers, and, dotted, of how far two parts of the style itself are
 * apart: a picture that comes there is painted like it.
 */
G_DECLARE_FINAL_TYPE (KxLossChart, kx_loss_chart, KX, LOSS_CHART, AdwBin)

void kx_loss_chart_clear (KxLossChart *chart);
void kx_loss_chart_add (KxLossChart *chart, const KxPaintLosses *losses);
void kx_loss_chart_mark (KxLossChart *chart, guint step, const char *text);
void kx_loss_chart_set_floor (KxLossChart *chart, const KxPaintLosses *floor);

G_END_DECLS
