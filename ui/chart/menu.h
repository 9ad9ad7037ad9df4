/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

GMenuModel *kx_chart_menu_new (GMenuModel *more);
GtkWidget *kx_chart_menu_button_new (GMenuModel *more);
GtkWidget *kx_chart_menu_popover_new (GtkWidget *chart);

G_END_DECLS
