/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "page.h"

G_BEGIN_DECLS

#define KX_TYPE_TRAIN_PAGE (kx_train_page_get_type ())
G_DECLARE_FINAL_TYPE (KxTrainPage, kx_train_page, KX, TRAIN_PAGE, KxPage)

G_END_DECLS
