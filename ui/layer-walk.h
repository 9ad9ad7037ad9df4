/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "train-tab.h"

G_BEGIN_DECLS

#define KX_TYPE_LAYER_WALK (kx_layer_walk_get_type ())
/** KxLayerWalk: forward and backward through the layers of the network that learns. */
G_DECLARE_FINAL_TYPE (KxLayerWalk, kx_layer_walk, KX, LAYER_WALK, KxTrainTab)

GtkWidget *kx_layer_walk_new (GtkWidget *start);

G_END_DECLS
