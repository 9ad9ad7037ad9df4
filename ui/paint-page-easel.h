/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* The painting that the page shows. */

#include "paint-page-private.h"

G_BEGIN_DECLS

gboolean kx_paint_page_is_painting (KxPaintPage *self);
void kx_paint_page_show_controls (KxPaintPage *self);
void kx_paint_page_show_stage (KxPaintPage *self);
void kx_paint_page_show_now (KxPaintPage *self);
void kx_paint_page_show_start (KxPaintPage *self);
void kx_paint_page_add_moment (KxPaintPage *self, GdkPaintable *picture, GdkTexture *thumbnail,
                               guint step);
void kx_paint_page_forget_painting (KxPaintPage *self);
void kx_paint_page_bind_easel (GtkWidgetClass *widget_class);

G_END_DECLS
