/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "palette.h"

G_BEGIN_DECLS

void kx_chart_load_style (void);
const KxTheme *kx_theme_get_current (void);
void kx_theme_connect (gpointer widget, GCallback changed);

G_END_DECLS
