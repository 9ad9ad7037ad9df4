/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "paint.h"

G_BEGIN_DECLS

#define KX_TYPE_STYLE_ROW (kx_style_row_get_type ())
/**
 * KxStyleRow:
 *
 * A style, how much of it, where, and which part of it. `changed` and `removed` tell what was done;
 * `masking` (whether) that one wants to paint its masks.
 */
G_DECLARE_FINAL_TYPE (KxStyleRow, kx_style_row, KX, STYLE_ROW, GtkListBoxRow)

GtkWidget *kx_style_row_new (KxPaintPicture *picture, double weight);
KxPaintPicture *kx_style_row_get_picture (KxStyleRow *row);
double kx_style_row_get_weight (KxStyleRow *row);
KxMask *const *kx_style_row_get_masks (KxStyleRow *row);
void kx_style_row_set_mask (KxStyleRow *row, KxMaskKind kind, KxMask *mask);
void kx_style_row_end_mask (KxStyleRow *row);
GtkRange *kx_style_row_get_scale (KxStyleRow *row);

G_END_DECLS
