/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * Curves of which every column of pixels has several points, drawn as a vertical span per
 * column, and dots. Cairo, which strokes and fills any shape, takes ten times as long for these.
 */

#include <cairo.h>
#include <glib.h>

G_BEGIN_DECLS

/** KxSpans: what is covered of each column, from @low down to @high; nothing if @low > @high. */
typedef struct {
  guint n;
  float *low, *high;
} KxSpans;

KxSpans *kx_spans_new (guint n);
void kx_spans_free (KxSpans *spans);
void kx_spans_cover (KxSpans *spans, guint column, double from, double to);
void kx_spans_line (KxSpans *spans, double x0, double y0, double x1, double y1);

cairo_surface_t *kx_spans_mask (guint width, guint height);
void kx_spans_widen (KxSpans *spans, guint columns);
void kx_spans_get_extent (const KxSpans *spans, double *low, double *high);
void kx_spans_paint (const KxSpans *spans, cairo_surface_t *mask, int top, double grow,
                     double alpha, const double *dashes, int n_dashes);

void kx_spans_dot (cairo_surface_t *mask, double x, double y, double radius, double alpha);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxSpans, kx_spans_free)

G_END_DECLS
