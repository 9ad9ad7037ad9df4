/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What was moved and chosen on the page, to be taken back and to be noted. */

#include "paint-page-private.h"

G_BEGIN_DECLS

void kx_paint_page_end_moves (KxPaintPage *self);
void kx_paint_page_watch_scale (KxPaintPage *self, GtkRange *range, const char *name);
void kx_paint_page_watch_choice (KxPaintPage *self, AdwComboRow *row, const char *name,
                                 const char *const *choices);

G_END_DECLS
