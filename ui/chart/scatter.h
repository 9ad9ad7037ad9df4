/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define KX_TYPE_SCATTER (kx_scatter_get_type ())
/**
 * KxScatter:
 *
 * Points, of which one can be chosen: trials of a search, by learning rate and accuracy. Left
 * and Right go from point to point, in the order of x; Enter opens one. As points themselves
 * cannot be read aloud, the chosen one is what the widget is described as, and whoever shows
 * a scatter has a row for each point, too.
 *
 * Property `selected` (uint, %GTK_INVALID_LIST_POSITION: none). Actions: scatter.next,
 * scatter.previous, scatter.open. Signal "point-activated" (guint index).
 */
G_DECLARE_FINAL_TYPE (KxScatter, kx_scatter, KX, SCATTER, GtkWidget)

GtkWidget *kx_scatter_new (const char *x_title, const char *y_title);
void kx_scatter_set_log_x (KxScatter *scatter, gboolean log_x);
void kx_scatter_set_log_y (KxScatter *scatter, gboolean log_y);
void kx_scatter_set_share (KxScatter *scatter, gboolean share);
guint kx_scatter_add (KxScatter *scatter, double x, double y, const char *name);
void kx_scatter_clear (KxScatter *scatter);
guint kx_scatter_get_selected (KxScatter *scatter);
void kx_scatter_set_selected (KxScatter *scatter, guint index);

G_END_DECLS
