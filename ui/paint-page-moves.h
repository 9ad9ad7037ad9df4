/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What scales of the page were moved, to be taken back and to be noted. */

#include "paint-page-private.h"

G_BEGIN_DECLS

void kx_paint_page_end_moves (KxPaintPage *self);
void kx_paint_page_watch_scale (KxPaintPage *self, GtkRange *range, const char *name);

G_END_DECLS
