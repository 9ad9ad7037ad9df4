/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What painting would take, as the page says it. */

#include "paint-page-private.h"

G_BEGIN_DECLS

void kx_paint_page_plan_again (KxPaintPage *self);
void kx_paint_page_bind_need (GtkWidgetClass *widget_class);

G_END_DECLS
