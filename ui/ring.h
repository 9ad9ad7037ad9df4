/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define KX_TYPE_RING (kx_ring_get_type ())
/** KxRing: progress as a ring of 16 pixels. */
G_DECLARE_FINAL_TYPE (KxRing, kx_ring, KX, RING, GtkWidget)

void kx_ring_set_fraction (KxRing *ring, double fraction);

G_END_DECLS
