/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "train-charts.h"
struct _KxTrainCharts {
  AdwBin parent_instance;
};
G_DEFINE_FINAL_TYPE (KxTrainCharts, kx_train_charts, ADW_TYPE_BIN)
static void
kx_train_charts_class_init (KxTrainChartsClass *klass)
{
  g_signal_new ("checkpoint", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                G_TYPE_NONE, 1, KX_TYPE_MARK);
}
static void
kx_train_charts_init (KxTrainCharts *self)
{
}
void
kx_train_charts_set_session (KxTrainCharts *charts, KxSession *session, KxRunList *list)
{
}
void
kx_train_charts_set_run (KxTrainCharts *charts, KxRun *run)
{
}
void
kx_train_charts_select (KxTrainCharts *charts, KxMark *checkpoint)
{
}
gboolean
kx_train_charts_compare (KxTrainCharts *charts, const char *path, GError **error)
{
  return TRUE;
}
void
kx_train_charts_export (KxTrainCharts *charts)
{
}
