/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define KX_TYPE_PICTURE_GRID (kx_picture_grid_get_type ())
/**
 * KxPictureGrid:
 *
 * Small pictures with a few words below each, which scrolls. Pictures change in their places, so
 * that focus stays.
 *
 * Signal "activate" (guint i): a click, or Enter.
 */
G_DECLARE_FINAL_TYPE (KxPictureGrid, kx_picture_grid, KX, PICTURE_GRID, GtkWidget)

GtkWidget *kx_picture_grid_new (const char *name, int size);
void kx_picture_grid_set_length (KxPictureGrid *grid, guint n);
void kx_picture_grid_set (KxPictureGrid *grid, guint i, GdkTexture *texture, const char *caption,
                          const char *name, gboolean marked);

G_END_DECLS
