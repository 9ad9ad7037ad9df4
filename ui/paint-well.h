/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "paint-picture.h"

G_BEGIN_DECLS

#define KX_TYPE_PAINT_WELL (kx_paint_well_get_type ())
/**
 * KxPaintWell:
 *
 * A place for a picture: one drops it there, chooses it, or takes a sample. `chosen` tells where
 * the picture is; `given` is one that is no file.
 */
G_DECLARE_FINAL_TYPE (KxPaintWell, kx_paint_well, KX, PAINT_WELL, AdwBin)

void kx_paint_well_add_sample (KxPaintWell *well, const char *place, const char *name);
void kx_paint_well_set_picture (KxPaintWell *well, KxPaintPicture *picture, guint more);

/* Lets people choose files; @chosen is called for each, with its path. */
void kx_choose_pictures (GtkWidget *widget, const char *title, gboolean several,
                         void (*chosen) (GtkWidget *widget, const char *place));
/* The path of a file that was dropped or chosen; NULL if it is not on this machine. Given. */
char *kx_path_of_file (GFile *file);

G_END_DECLS
