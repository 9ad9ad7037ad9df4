/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "recipe.h"

G_BEGIN_DECLS

/* As kol_recipe_parse(), but called @name, whatever the file is called. */
KolRecipe *kol_recipe_parse_as (const char *text, const char *origin, const char *name,
                                GError **error);

G_END_DECLS
