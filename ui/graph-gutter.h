/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "network-layer.h"

G_BEGIN_DECLS

#define KX_TYPE_GRAPH_GUTTER (kx_graph_gutter_get_type ())
/** KxGraphGutter: beside a row of a list of layers, the edges that run past it and into it. */
G_DECLARE_FINAL_TYPE (KxGraphGutter, kx_graph_gutter, KX, GRAPH_GUTTER, GtkWidget)

GtkWidget *kx_graph_gutter_new (void);
void kx_graph_gutter_set_layer (KxGraphGutter *gutter, KxNetworkLayer *layer, gboolean opened);

G_END_DECLS
