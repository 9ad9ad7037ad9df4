/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "network.h"
#include "settings.h"

G_BEGIN_DECLS

/**
 * KolRecipe:
 *
 * A network, layer by layer, and how to train it, as a key file tells it.
 * Reference-counted; nothing in it changes.
 */
typedef struct _KolRecipe KolRecipe;

KOL_API KolRecipe *kol_recipe_find (const char *name, GError **error);
KOL_API KolRecipe *kol_recipe_parse (const char *text, const char *origin, GError **error);
KOL_API KolRecipe *kol_recipe_new_for_network (const char *name, GError **error);
KOL_API KolRecipe *kol_recipe_ref (KolRecipe *recipe);
KOL_API void kol_recipe_unref (KolRecipe *recipe);

KOL_API char **kol_recipe_list (void);
KOL_API const char *kol_recipe_get_name (const KolRecipe *recipe);
KOL_API const char *kol_recipe_get_title (const KolRecipe *recipe);
KOL_API const char *kol_recipe_get_text (const KolRecipe *recipe);
KOL_API const KolTrainSettings *kol_recipe_get_settings (const KolRecipe *recipe);

KOL_API void kol_recipe_network (KolGraph *graph, gsize batch, gboolean training,
                                 const KolDataset *like, KolNetworkValues *values, gpointer recipe);

KOL_API KolValue *kol_recipe_build (const KolRecipe *recipe, KolValue *x, const KolDataset *like);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolRecipe, kol_recipe_unref)

G_END_DECLS
