/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define KX_TYPE_COMPARE (kx_compare_get_type ())
/**
 * KxCompare:
 *
 * A picture, or two of the same thing: A left of a line that can be moved, B right of it.
 */
G_DECLARE_FINAL_TYPE (KxCompare, kx_compare, KX, COMPARE, GtkWidget)

GtkWidget *kx_compare_new (void);
void kx_compare_set_a (KxCompare *compare, GdkPaintable *picture, const char *label);
void kx_compare_set_b (KxCompare *compare, GdkPaintable *picture, const char *label);

G_END_DECLS
