/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "tiny.h"

G_BEGIN_DECLS

/** KxTinyStep: the steps of backpropagation in a tiny network. */
typedef enum {
  KX_TINY_NOTHING,
  KX_TINY_INPUTS,
  KX_TINY_Z3,
  KX_TINY_Z4,
  KX_TINY_Z5,
  KX_TINY_Z6,
  KX_TINY_E, /* the end of the way forward */
  KX_TINY_DZ5,
  KX_TINY_DZ6,
  KX_TINY_DZ4,
  KX_TINY_DZ3,
  KX_TINY_LAST = KX_TINY_DZ3,
} KxTinyStep;

#define KX_TYPE_TINY_GRAPH (kx_tiny_graph_get_type ())
/** KxTinyGraph: nodes and weights of a tiny network, drawn. */
G_DECLARE_FINAL_TYPE (KxTinyGraph, kx_tiny_graph, KX, TINY_GRAPH, GtkWidget)

GtkWidget *kx_tiny_graph_new (void);
void kx_tiny_graph_set (KxTinyGraph *graph, const KxTinyNumbers *numbers, KxTinyStep step);

G_END_DECLS
