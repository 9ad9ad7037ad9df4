/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What is in each column of pixels, kept while neither the range nor the points change. */

#include "axis.h"
#include "clock.h"
#include "series.h"

G_BEGIN_DECLS

/** KxColumn: the points [@begin, @end) of a column; empty if the two are the same. */
typedef struct {
  gsize begin, end;
  KxSummary y;
  float shown; /* the last smoothed value that is finite; NaN: there is none */
} KxColumn;

/** KxColumns: of a series along an axis. */
typedef struct {
  KxAxis axis;
  KxUnit unit;
  guint generation;
  gsize length;      /* of the series when the columns were made */
  KxAverage average; /* what smoothing began with */
  gsize begin, end;  /* points within the axis */
  GArray *columns;   /* of KxColumn */
  guint computed;    /* columns that the last update had to do */
} KxColumns;

void kx_columns_init (KxColumns *columns);
void kx_columns_clear (KxColumns *columns);
void kx_columns_update (KxColumns *columns, const KxSeries *series, const KxSmoothing *smoothing,
                        const KxAxis *axis, KxUnit unit, const KxClock *clock);
const KxColumn *kx_columns_get (const KxColumns *columns, guint *n);

G_END_DECLS
