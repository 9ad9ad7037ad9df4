/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* Pictures saved from the page, and opened to be gone on with. */

#include "paint-page-private.h"

G_BEGIN_DECLS

void kx_paint_page_open (KxPaintPage *self, const char *path);
void kx_paint_page_save (KxPage *page);
void kx_paint_page_bind_filing (GtkWidgetClass *widget_class);

G_END_DECLS
