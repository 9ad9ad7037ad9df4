/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "search.h"

G_BEGIN_DECLS

#define KX_TYPE_SEARCH_BUTTON (kx_search_button_get_type ())
/**
 * KxSearchButton:
 *
 * Asks what is to be searched. Signal "search" (KxSearchSetup *, lent): that, without recipe and
 * data.
 */
G_DECLARE_FINAL_TYPE (KxSearchButton, kx_search_button, KX, SEARCH_BUTTON, AdwBin)

GtkWidget *kx_search_button_new (gboolean suggested);
void kx_search_button_set_subject (KxSearchButton *button, const char *recipe, const char *data);

G_END_DECLS
