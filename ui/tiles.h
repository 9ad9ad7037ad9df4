/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define KX_TYPE_TILES (kx_tiles_get_type ())
/** KxTiles: small pictures in rows, drawn as one: a layer's maps. */
G_DECLARE_FINAL_TYPE (KxTiles, kx_tiles, KX, TILES, GtkWidget)

GtkWidget *kx_tiles_new (int size);
void kx_tiles_set_pictures (KxTiles *tiles, GPtrArray *pictures, const char *name);

G_END_DECLS
