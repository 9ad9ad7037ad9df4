/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Recipes of the networks that Kolinsky knows: a single layer, and how to train it. */

#include <string.h>

#include "../device/error.h"
#include "../model/networks.h"
#include "../words-private.h"
#include "recipe.h"

/*
 * What is usual for a network, with batches of 32: published rates, which are for larger
 * batches, in proportion. The first line is for those that are not listed.
 */
static const struct {
  const char *name;
  const char *rate;
  const char *decay;
} usual[] = {
  { NULL, "0.01", "1e-4" },       { "vgg16", "0.003", "5e-4" },
  { "vgg19", "0.003", "5e-4" },   { "squeezenet1.1", "0.005", "2e-4" },
  { "resnet18", "0.02", "1e-4" }, { "efficientnet-lite0", "0.02", "1e-5" },
};

static char *
write_recipe (const KolNetworkKind *kind)
{
  guint which = 0;

  for (guint i = 1; i < G_N_ELEMENTS (usual); i++)
    if (strcmp (usual[i].name, kind->name) == 0)
      which = i;
  return g_strdup_printf ("# %s\n\n"
                          "[recipe]\n"
                          "title = %s\n\n"
                          "[training]\n"
                          "epochs = 30\n"
                          "batch = 32\n"
                          "optimizer = sgd\n"
                          "momentum = 0.9\n"
                          "nesterov = yes\n"
                          "rate = %s\n"
                          "schedule = cosine\n"
                          "warmup = 100\n"
                          "weight-decay = %s\n"
                          "flip = yes\n"
                          "crop = 0.08\n\n"
                          "[scores]\n"
                          "layer = network\n"
                          "network = %s\n",
                          kind->paper, kind->title, usual[which].rate, usual[which].decay,
                          kind->name);
}

static const KolNetworkKind *
find_kind (const char *name, GError **error)
{
  const KolNetworkKind *kind = kol_network_find (name);
  const char *names[32] = { NULL };

  if (kind)
    return kind;
  for (guint i = 0; i + 1 < G_N_ELEMENTS (names) && kol_network_get (i); i++)
    names[i] = kol_network_get (i)->name;
  g_autofree char *list = kol_list_words (names);
  const char *nearest = kol_nearest_word (name, names);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "There is no network “%s”%s%s%s; known are: %s",
               name, nearest ? " (did you mean “" : "", nearest ? nearest : "",
               nearest ? "”?)" : "", list);
  return NULL;
}

/**
 * kol_recipe_new_for_network:
 * @name: the name of a network that kol_network_find() knows
 * @error: return location
 *
 * Makes a recipe whose only layer is that network, with the settings that are usual for
 * it: momentum, a rate that rises for a hundred steps and then falls to nothing, decay,
 * random parts of the pictures, mirrored or not.
 *
 * Errors: %KOL_ERROR_DATA for a name that is not known, with those that are.
 *
 * Returns: (transfer full): the recipe, or %NULL with @error set
 */
KolRecipe *
kol_recipe_new_for_network (const char *name, GError **error)
{
  g_return_val_if_fail (name != NULL, NULL);
  const KolNetworkKind *kind = find_kind (name, error);
  g_autofree char *text = kind ? write_recipe (kind) : NULL;

  return kind ? kol_recipe_parse (text, kind->name, error) : NULL;
}
