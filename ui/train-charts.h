/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "chart/import.h"
#include "run-list.h"

G_BEGIN_DECLS

#define KX_TYPE_TRAIN_CHARTS (kx_train_charts_get_type ())
/** KxTrainCharts: the curves of all runs. "checkpoint" tells of a #KxMark that was clicked. */
G_DECLARE_FINAL_TYPE (KxTrainCharts, kx_train_charts, KX, TRAIN_CHARTS, GtkWidget)

void kx_train_charts_set_session (KxTrainCharts *charts, KxSession *session, KxRunList *list);
void kx_train_charts_set_run (KxTrainCharts *charts, KxRun *run);
void kx_train_charts_select (KxTrainCharts *charts, KxMark *checkpoint);
gboolean kx_train_charts_compare (KxTrainCharts *charts, const KxImported *imported,
                                  GError **error);
void kx_train_charts_export (KxTrainCharts *charts);

G_END_DECLS
