/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* The styles of the page, and where each is wanted. */

#include "paint-page-private.h"

G_BEGIN_DECLS

void kx_paint_page_add_style (KxPaintPage *self, KxPaintPicture *picture, double weight);
void kx_paint_page_clear_styles (KxPaintPage *self);
void kx_paint_page_note_styles (KxPaintPage *self);
void kx_paint_page_replace_styles (KxPaintPage *self, KxPaintPicture *picture);
void kx_paint_page_end_mask (KxPaintPage *self);
void kx_paint_page_join_brush (KxPaintPage *self);
void kx_paint_page_bind_styles (GtkWidgetClass *widget_class);

G_END_DECLS
