/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_SEARCH_TAB (kx_search_tab_get_type ())
/**
 * KxSearchTab:
 *
 * A search of settings: its trials as points and as rows, each of which can be opened as a run.
 */
G_DECLARE_FINAL_TYPE (KxSearchTab, kx_search_tab, KX, SEARCH_TAB, AdwBin)

GtkWidget *kx_search_tab_new (void);
void kx_search_tab_set_session (KxSearchTab *tab, KxSession *session);
void kx_search_tab_set_subject (KxSearchTab *tab, const char *recipe, const char *data);

G_END_DECLS
