/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* Pictures that come to the page: chosen, dropped, or the samples. */

#include "paint-page-private.h"

G_BEGIN_DECLS

void kx_paint_page_set_content (KxPaintPage *self, KxPaintPicture *picture);
void kx_paint_page_fill (KxPaintPage *self);
gboolean kx_paint_page_drop (KxPage *page, GListModel *files);
const char *kx_paint_page_verb (KxPage *page, GListModel *files);
gboolean kx_paint_page_picture (KxPage *page, GdkTexture *picture);
gboolean kx_paint_page_paste (KxPage *page, GdkClipboard *clipboard);
void kx_paint_page_take_drops (KxPaintPage *self);
void kx_paint_page_bind_intake (GtkWidgetClass *widget_class);

G_END_DECLS
