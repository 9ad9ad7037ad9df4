/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* Points in the order of x, all of them kept, and what a chart asks of them quickly. */

#include <glib.h>

G_BEGIN_DECLS

/** KxSeries: points, append only, of which any range is summed up in a logarithm of its size. */
typedef struct _KxSeries KxSeries;

/**
 * KxSummary: of a range of points.
 * @min: least finite y; @max: the greatest; @positive: the least above 0
 * @first: y of the first point, be it finite or not; @last: of the last one
 * @nonpositive: how many finite y are not above 0; @nonfinite: how many are no number
 *
 * Where there is nothing to take them of, @min and @positive are infinity, @max is
 * -infinity, and @first and @last are NaN.
 */
typedef struct {
  float min, max, positive, first, last;
  guint32 nonpositive, nonfinite;
} KxSummary;

/** KxSeriesFunc: @series has other points than before. */
typedef void (*KxSeriesFunc) (KxSeries *series, gpointer data);

KxSeries *kx_series_new (void);
KxSeries *kx_series_ref (KxSeries *series);
void kx_series_unref (KxSeries *series);

void kx_series_append (KxSeries *series, double x, float y);
void kx_series_append_many (KxSeries *series, const double *x, const float *y, gsize n);
void kx_series_truncate (KxSeries *series, double x);

gsize kx_series_get_length (const KxSeries *series);
const double *kx_series_get_x (const KxSeries *series);
const float *kx_series_get_y (const KxSeries *series);
guint kx_series_get_generation (const KxSeries *series);

gsize kx_series_find (const KxSeries *series, double x);
gsize kx_series_find_from (const KxSeries *series, gsize from, double x);
gssize kx_series_nearest (const KxSeries *series, double x);
KxSummary kx_series_summarize (const KxSeries *series, gsize begin, gsize end);

void kx_series_watch (KxSeries *series, KxSeriesFunc func, gpointer data);
void kx_series_unwatch (KxSeries *series, KxSeriesFunc func, gpointer data);

/**
 * KxAverage: an exponential moving average while it is taken:
 *
 *   s = w s + (1 - w) y      n = n + 1      shown = s / (1 - w^n)
 *
 * The division makes it begin at the first value instead of at 0.
 */
typedef struct {
  double weight;  /* w, from 0 (none) to below 1 */
  double sum;     /* s */
  double missing; /* w^n */
} KxAverage;

void kx_average_init (KxAverage *average, double weight);
float kx_average_add (KxAverage *average, float y);

/** KxSmoothing: the averages at every point of a series; NaN where y is not finite. */
typedef struct {
  KxAverage begin, end; /* before the first point, and after the last one */
  guint generation;     /* of the series */
  GArray *shown;        /* of float */
} KxSmoothing;

void kx_smoothing_init (KxSmoothing *smoothing);
void kx_smoothing_clear (KxSmoothing *smoothing);
void kx_smoothing_begin (KxSmoothing *smoothing, const KxAverage *begin);
void kx_smoothing_update (KxSmoothing *smoothing, const KxSeries *series);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxSeries, kx_series_unref)

G_END_DECLS
