/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../dataset/preprocess.h"
#include "../graph/graph.h"

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
 *
 * A layer: a value that the network computes of its pictures, an example each in
 * dimension 0.
 */
typedef struct {
  const char *name;
  const char *kind;
  KolValue *value;
  KolShape shape;
} KolLayerInfo;

KOL_API KolLayers *kol_layers_open (KolDevice *device, const char *network, guint64 step,
                                    GError **error);
KOL_API void kol_layers_free (KolLayers *layers);

KOL_API const char *kol_layers_get_name (const KolLayers *layers);
KOL_API const KolPreprocess *kol_layers_get_picture (const KolLayers *layers);
KOL_API char **kol_layers_get_classes (const KolLayers *layers);
KOL_API gsize kol_layers_get_batch (const KolLayers *layers);
KOL_API KolParameters *kol_layers_get_parameters (const KolLayers *layers);

KOL_API gboolean kol_layers_build (KolLayers *layers, KolValue *pixels, GError **error);
KOL_API guint kol_layers_get_count (const KolLayers *layers);
KOL_API const KolLayerInfo *kol_layers_get (const KolLayers *layers, guint i);
KOL_API const KolLayerInfo *kol_layers_get_output (const KolLayers *layers);
KOL_API const KolLayerInfo *kol_layers_find (const KolLayers *layers, const char *name,
                                             GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolLayers, kol_layers_free)

G_END_DECLS
