/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define KX_TYPE_NODE_PICKER (kx_node_picker_get_type ())
/**
 * KxNodePicker:
 *
 * A button that tells a node of a layer; in its popover another is chosen, and a number changed
 * that belongs to it.
 *
 * Signal "chosen" (guint64): another node. Signal "changed" (double): another number.
 */
G_DECLARE_FINAL_TYPE (KxNodePicker, kx_node_picker, KX, NODE_PICKER, AdwBin)

GtkWidget *kx_node_picker_new (gboolean inputs);
void kx_node_picker_set_node (KxNodePicker *picker, const gsize *size, gsize node);
void kx_node_picker_set_number (KxNodePicker *picker, const char *name, double number);

G_END_DECLS
