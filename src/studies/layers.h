/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../dataset/preprocess.h"
#include "../train/network.h"
#include "../train/recipe.h"

G_BEGIN_DECLS

/**
 * KolLayers:
 *
 * A trained network that takes pictures, opened to look at its layers: one of the
 * catalogue, a file, or what a run has learned. It does not learn any more. Used by one
 * thread at a time.
 */
typedef struct _KolLayers KolLayers;

/**
 * KolLayerInfo:
 * @name: what it is called
 * @kind: the operation that makes it: "conv2d", "relu"
 * @value: (nullable): it, in the graph that was built last; %NULL before
 * @shape: [N, C, ...], its shape there; before, for one picture of the usual size
 * @parameters: how many numbers it has learned
 * @inputs: (array length=n_inputs): the layers that it is computed from, which come before it
 * @n_inputs: how many; 0 of what is computed from the pictures themselves
 * @alias: whether it is another name of a layer that was listed before
 *
 * A layer: a value that the network computes of its pictures, an example each in
 * dimension 0.
 */
typedef struct {
  const char *name;
  const char *kind;
  KolValue *value;
  KolShape shape;
  guint64 parameters;
  const guint *inputs;
  guint n_inputs;
  gboolean alias;
} KolLayerInfo;

/**
 * KolUnitChange:
 * @KOL_UNIT_AS_IT_IS: it says what it sees
 * @KOL_UNIT_HELD: it says the same number everywhere, whatever it sees
 * @KOL_UNIT_TURNED: what it says is turned about the middle of the picture, by a quarter, or by a
 *   half where the map is no square
 *
 * What is done to a unit, to see what the network needs it for.
 */
typedef enum {
  KOL_UNIT_AS_IT_IS,
  KOL_UNIT_HELD,
  KOL_UNIT_TURNED,
} KolUnitChange;

KOL_API KolLayers *kol_layers_open (KolDevice *device, const char *network, guint64 step,
                                    GError **error);
KOL_API KolLayers *kol_layers_open_recipe (KolDevice *device, KolRecipe *recipe,
                                           const KolDataset *like, const char *name,
                                           GError **error);
KOL_API void kol_layers_free (KolLayers *layers);

KOL_API const char *kol_layers_get_name (const KolLayers *layers);
KOL_API const KolPreprocess *kol_layers_get_picture (const KolLayers *layers);
KOL_API char **kol_layers_get_classes (const KolLayers *layers);
KOL_API const KolPicture *kol_layers_get_typical (KolLayers *layers, GError **error);
KOL_API gsize kol_layers_get_batch (const KolLayers *layers);
KOL_API KolParameters *kol_layers_get_parameters (const KolLayers *layers);

KOL_API gboolean kol_layers_build (KolLayers *layers, KolValue *pixels, GError **error);
KOL_API guint kol_layers_get_count (const KolLayers *layers);
KOL_API const KolLayerInfo *kol_layers_get (const KolLayers *layers, guint i);
KOL_API const KolLayerInfo *kol_layers_get_output (const KolLayers *layers);
KOL_API const KolLayerInfo *kol_layers_find (const KolLayers *layers, const char *name,
                                             GError **error);
KOL_API char *kol_layers_digest (KolLayers *layers, guint i, GError **error);

KOL_API gboolean kol_layers_copy (KolLayers *layers, KolParameters *from, GError **error);
KOL_API gboolean kol_layers_change_unit (KolLayers *layers, const char *layer, guint unit,
                                         KolUnitChange change, double value, GError **error);
KOL_API void kol_layers_network (KolGraph *graph, gsize batch, gboolean training,
                                 const KolDataset *like, KolNetworkValues *values, gpointer layers);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolLayers, kol_layers_free)

G_END_DECLS
