/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What the files of `kolinsky plot` share: numbers (plot-numbers.c) and their picture
 * (plot-figure.c). */

#include <glib.h>

G_BEGIN_DECLS

/* ── Ticks ── */

#define TOOL_MOST_TICKS 32

typedef struct {
  guint n;
  double values[TOOL_MOST_TICKS];
  double step; /* between neighbours; 0 where they are not evenly spaced */
} ToolTicks;

/*
 * Round numbers from @low to @high: multiples of 1, 2 or 5 times a power of ten, as
 * many as there can be, but no more than @most.
 */
void tool_ticks_linear (double low, double high, guint most, ToolTicks *ticks);
/* For a logarithmic axis, 0 < @low: powers of ten, 1-2-5, or, in a small range, as above. */
void tool_ticks_logarithmic (double low, double high, guint most, ToolTicks *ticks);
/* "0.25"; "12,000"; "1.5M"; "3×10⁻⁵". Given. */
char *tool_ticks_label (const ToolTicks *ticks, guint i);

/* ── Curves ── */

typedef struct {
  gsize n;
  double *x; /* ascending */
  double *y; /* finite */
} ToolCurve;

void tool_curve_clear (ToolCurve *curve);
/* The rows where both columns have finite numbers. @y may be NULL: no row. */
ToolCurve tool_curve_new (const double *x, const double *y, gsize rows);
/*
 * The exponential moving average, s_i = w s_(i-1) + (1 - w) y_i, divided by
 * 1 - w^i, the sum of its weights, so that it begins at the first value. For a
 * logarithmic axis that of the logarithms of what is positive, which there goes
 * through the middle of the values.
 */
ToolCurve tool_curve_smooth (const ToolCurve *curve, double weight, gboolean logarithmic);
/* What can be seen of it in so many columns of pixels: in each the first, least, greatest, last. */
ToolCurve tool_curve_thin (const ToolCurve *curve, double low, double high, gsize columns);

/* ── Figures ── */

typedef struct {
  const char *name;
  ToolCurve raw, smooth; /* of training */
  ToolCurve validation;
} ToolSeries;

typedef struct {
  const char *title; /* of the y axis */
  gboolean percent;  /* values are shares of 1 */
  gboolean logarithmic;
  guint n;
  ToolSeries *series; /* [n], one per run, in the order of the colours */
} ToolPanel;

typedef struct {
  guint n;
  ToolPanel *panels;
  double width, height;
} ToolFigure;

/* Writes FILE.png or FILE.svg, or replaces it. */
gboolean tool_figure_save (const ToolFigure *figure, const char *path, GError **error);

G_END_DECLS
