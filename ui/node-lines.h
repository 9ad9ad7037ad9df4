/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "looks.h"

G_BEGIN_DECLS

/* What a node's numbers are made of, as formulas with the numbers filled in; a line each. */

char *kx_node_name (const gsize *size, gsize node);
char *kx_node_weight_name (const KxLook *layers, const KxLook *nodes, guint layer);
char *kx_node_lines_forward (const KxLook *layers, const KxLook *nodes, guint layer);
char *kx_node_lines_objective (const KxLook *layers, const KxLook *nodes);
char *kx_node_lines_back (const KxLook *layers, const KxLook *nodes, guint layer);

G_END_DECLS
