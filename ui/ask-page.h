/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "page.h"

G_BEGIN_DECLS

#define KX_TYPE_ASK_PAGE (kx_ask_page_get_type ())
G_DECLARE_FINAL_TYPE (KxAskPage, kx_ask_page, KX, ASK_PAGE, KxPage)

G_END_DECLS
