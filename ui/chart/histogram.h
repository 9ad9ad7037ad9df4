/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define KX_TYPE_HISTOGRAM (kx_histogram_get_type ())
/**
 * KxHistogram:
 *
 * How values are spread, and how that changes: a ridge per step, the newest in front. Of long
 * runs every second ridge goes again and again, so that those left are evenly apart.
 */
G_DECLARE_FINAL_TYPE (KxHistogram, kx_histogram, KX, HISTOGRAM, GtkWidget)

GtkWidget *kx_histogram_new (const char *title);
void kx_histogram_add (KxHistogram *histogram, double step, double low, double high,
                       const float *counts, guint n);
void kx_histogram_set_mark (KxHistogram *histogram, double value, const char *name);
void kx_histogram_clear (KxHistogram *histogram);
guint kx_histogram_get_n (KxHistogram *histogram);

G_END_DECLS
