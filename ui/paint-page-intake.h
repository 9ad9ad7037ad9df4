/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* Pictures that come to the page: chosen, dropped, or the samples. */

#include "paint-page-private.h"

G_BEGIN_DECLS

void kx_paint_page_set_content (KxPaintPage *self, KxPaintPicture *picture);
void kx_paint_page_fill (KxPaintPage *self);
gboolean kx_paint_page_drop (KxPage *page, GListModel *files);
void kx_paint_page_take_drops (KxPaintPage *self);
void kx_paint_page_bind_intake (GtkWidgetClass *widget_class);

G_END_DECLS
