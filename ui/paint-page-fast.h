/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* Painting in one pass, from the page. */

#include "paint-page-private.h"

G_BEGIN_DECLS

void kx_paint_page_bind_fast (GtkWidgetClass *widget_class);

G_END_DECLS
