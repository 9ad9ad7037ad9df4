/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* Networks and photos that come to the page: chosen, or dropped. */

#include "see-page-private.h"

G_BEGIN_DECLS

void kx_see_page_fill_menus (KxSeePage *self);
void kx_see_page_say_empty (KxSeePage *self, const char *folder);
void kx_see_page_choose_photo (KxSeePage *self);
gboolean kx_see_page_drop (KxPage *page, GListModel *files);
const char *kx_see_page_verb (KxPage *page, GListModel *files);
gboolean kx_see_page_picture (KxPage *page, GdkTexture *picture);
void kx_see_page_bind_intake (GtkWidgetClass *widget_class);

G_END_DECLS
