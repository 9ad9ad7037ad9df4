/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

void kx_stalls_watch (void);
void kx_stalls_watch_first_frame (GtkWidget *window);
void kx_stalls_report (void);

G_END_DECLS
