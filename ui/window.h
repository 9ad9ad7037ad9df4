/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "page.h"
#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_WINDOW (kx_window_get_type ())
G_DECLARE_FINAL_TYPE (KxWindow, kx_window, KX, WINDOW, AdwApplicationWindow)

KxWindow *kx_window_new (AdwApplication *application, KxSession *session);
KxSession *kx_window_get_session (KxWindow *window);
KxPage *kx_window_show_page (KxWindow *window, const char *name);
gboolean kx_window_open_files (KxWindow *window, GListModel *files);

/* The session of the window that a widget is in. */
KxSession *kx_widget_get_session (GtkWidget *widget);

G_END_DECLS
