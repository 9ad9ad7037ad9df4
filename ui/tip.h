/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

void kx_tip_whole_text (GtkLabel *label);

G_END_DECLS
