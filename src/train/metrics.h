/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"

G_BEGIN_DECLS

/** KOL_METRICS_FILE: the name of the file in a run's folder. */
#define KOL_METRICS_FILE "metrics.csv"

/** KolMetrics: the numbers of a run, a row for each step that is looked at, being written. */
typedef struct _KolMetrics KolMetrics;

KOL_API KolMetrics *kol_metrics_open (const char *path, const char *const *columns,
                                      guint64 last_step, GError **error);
KOL_API gboolean kol_metrics_write (KolMetrics *metrics, const double *values, GError **error);
KOL_API void kol_metrics_free (KolMetrics *metrics);

/**
 * KolMetricsTable:
 * @columns: number of columns
 * @rows: number of rows
 * @names: (array zero-terminated): of the columns, the first of them "step"
 * @values: [@columns][@rows], NaN where a cell is empty
 *
 * The numbers of a run, read.
 */
typedef struct {
  guint columns;
  gsize rows;
  char **names;
  double **values;
} KolMetricsTable;

KOL_API KolMetricsTable *kol_metrics_load (const char *path, GError **error);
KOL_API const double *kol_metrics_table_get (const KolMetricsTable *table, const char *name);
KOL_API void kol_metrics_table_free (KolMetricsTable *table);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolMetrics, kol_metrics_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolMetricsTable, kol_metrics_table_free)

G_END_DECLS
