/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "../src/kolinsky.h"

G_BEGIN_DECLS

/** KX_NO_LAYER: of kx_network_layer_get_index(): it is a group of layers. */
#define KX_NO_LAYER G_MAXUINT

/** KX_LAYER_LANES: so many edges are drawn side by side at the most. */
#define KX_LAYER_LANES 6

/**
 * KxLayerLanes:
 * @lane: where its own dot is
 * @above: a bit for each lane that comes in from above
 * @joins: of those, which end in the dot
 * @below: a bit for each lane that goes on below
 * @lanes: how many the whole network needs
 *
 * How the edges of a network's graph run beside a row of a list of its layers.
 */
typedef struct {
  guint lane;
  guint above, joins, below;
  guint lanes;
} KxLayerLanes;

#define KX_TYPE_NETWORK_LAYER (kx_network_layer_get_type ())
/** KxNetworkLayer: a layer of a network as lists show it, or a group of layers. Does not change. */
G_DECLARE_FINAL_TYPE (KxNetworkLayer, kx_network_layer, KX, NETWORK_LAYER, GObject)

GListModel *kx_network_layers_new (const KolLayerInfo *infos, guint n, const char *output);
KxNetworkLayer *kx_network_layers_find (GListModel *layers, guint index);

guint kx_network_layer_get_index (KxNetworkLayer *layer);
const char *kx_network_layer_get_name (KxNetworkLayer *layer);
const char *kx_network_layer_get_title (KxNetworkLayer *layer);
const char *kx_network_layer_get_detail (KxNetworkLayer *layer);
const char *kx_network_layer_get_brief (KxNetworkLayer *layer);
guint kx_network_layer_get_units (KxNetworkLayer *layer);
gboolean kx_network_layer_has_map (KxNetworkLayer *layer);
gboolean kx_network_layer_is_output (KxNetworkLayer *layer);
GListModel *kx_network_layer_get_children (KxNetworkLayer *layer);
const KxLayerLanes *kx_network_layer_get_lanes (KxNetworkLayer *layer);

G_END_DECLS
