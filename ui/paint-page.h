/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "page.h"

G_BEGIN_DECLS

#define KX_TYPE_PAINT_PAGE (kx_paint_page_get_type ())
G_DECLARE_FINAL_TYPE (KxPaintPage, kx_paint_page, KX, PAINT_PAGE, KxPage)

G_END_DECLS
