/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "page.h"

G_BEGIN_DECLS

#define KX_TYPE_SEE_PAGE (kx_see_page_get_type ())
G_DECLARE_FINAL_TYPE (KxSeePage, kx_see_page, KX, SEE_PAGE, KxPage)

G_END_DECLS
