/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "network-layer.h"

G_BEGIN_DECLS

#define KX_TYPE_LAYER_LIST (kx_layer_list_get_type ())
/**
 * KxLayerList:
 *
 * The layers of a network to walk through, with its graph beside them and a field to find one.
 * Property `layer`: the selected one, or %NULL.
 */
G_DECLARE_FINAL_TYPE (KxLayerList, kx_layer_list, KX, LAYER_LIST, GtkWidget)

void kx_layer_list_set_layers (KxLayerList *list, GListModel *layers);
KxNetworkLayer *kx_layer_list_get_layer (KxLayerList *list);
void kx_layer_list_select (KxLayerList *list, KxNetworkLayer *layer);
void kx_layer_list_find (KxLayerList *list);

G_END_DECLS
