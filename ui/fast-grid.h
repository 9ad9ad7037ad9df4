/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define KX_TYPE_FAST_GRID (kx_fast_grid_get_type ())
/**
 * KxFastGrid:
 *
 * The networks that paint in one pass, each with a picture of what it makes. `chosen` (path) tells
 * that one was pressed, `train` (photos, name, steps, size) that another is wanted.
 */
G_DECLARE_FINAL_TYPE (KxFastGrid, kx_fast_grid, KX, FAST_GRID, AdwBin)

void kx_fast_grid_look (KxFastGrid *grid);
void kx_fast_grid_add_async (KxFastGrid *grid, const char *path, GAsyncReadyCallback done,
                             gpointer user_data);
gboolean kx_fast_grid_add_finish (KxFastGrid *grid, GAsyncResult *result, GError **error);
const char *kx_fast_grid_get_chosen (KxFastGrid *grid);
void kx_fast_grid_set_can_train (KxFastGrid *grid, gboolean can_train);
void kx_fast_grid_suggest (KxFastGrid *grid, const char *name);
char *kx_fast_grid_get_folder (void);

G_END_DECLS
