/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What is to be painted, as the controls of the page say it. */

#include "paint-page-private.h"

G_BEGIN_DECLS

KxStyleRow *kx_paint_page_get_style (KxPaintPage *self, guint i);
const char *kx_paint_page_get_network (KxPaintPage *self);
guint kx_paint_page_get_size (KxPaintPage *self);
KxPaint *kx_paint_page_make_paint (KxPaintPage *self);
void kx_paint_page_change (KxPaintPage *self);
void kx_paint_page_list_sizes (KxPaintPage *self);
void kx_paint_page_select_size (KxPaintPage *self, guint size);
void kx_paint_page_list_networks (KxPaintPage *self);
void kx_paint_page_select_network (KxPaintPage *self, const char *name);
void kx_paint_page_list_layers (KxPaintPage *self, const KxPaintLosses *losses);
void kx_paint_page_set_layers (KxPaintPage *self, const char *text);
void kx_paint_page_bind_controls (GtkWidgetClass *widget_class);

G_END_DECLS
