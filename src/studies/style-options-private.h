/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "style.h"

G_BEGIN_DECLS

#define KOL_STYLE_DEFAULT_SMALLEST 128
#define KOL_STYLE_LARGEST_SIZE 16384

/* Puts the usual values where none are given. */
void kol_style_fill_gaps (KolStyleOptions *options);

/* Whether options without gaps make sense. */
gboolean kol_style_check_options (const KolStyleOptions *options, GError **error);

/* Whether nothing but weights of losses and the rate differ, and no loss comes or goes. */
gboolean kol_style_is_change_of_numbers (const KolStyleOptions *a, const KolStyleOptions *b);

G_END_DECLS
