/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* Colours and dashes of charts, on light and on dark ground. */

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define KX_PALETTE_RUNS 6 /* runs that have colours of their own */

/** KxTheme: what a chart is drawn with besides its runs' colours. */
typedef struct {
  gboolean dark, high_contrast;
  GdkRGBA background; /* of pictures that are saved; on screen it is the style's */
  GdkRGBA ink, dim;   /* texts; those of the axes */
  GdkRGBA grid, minor, axis;
  GdkRGBA accent, band, others;
  double line; /* width of a thick line; a thin one has 0.6 of it */
} KxTheme;

const KxTheme *kx_theme_get (gboolean dark, gboolean high_contrast);
GdkRGBA kx_palette_colour (const KxTheme *theme, guint run);
const double *kx_palette_dashes (guint run, int *n);

G_END_DECLS
