/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define KX_WRAP_SPACING 2 /* pixels between children */

#define KX_TYPE_WRAP_LAYOUT (kx_wrap_layout_get_type ())
/** KxWrapLayout: children in a row, and in more rows where they do not fit, as words are. */
G_DECLARE_FINAL_TYPE (KxWrapLayout, kx_wrap_layout, KX, WRAP_LAYOUT, GtkLayoutManager)

G_END_DECLS
