/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "tiny.h"

G_BEGIN_DECLS

#define KX_TYPE_TINY_VIEW (kx_tiny_view_get_type ())
/** KxTinyView: backpropagation in a tiny network, step by step, with all its numbers. */
G_DECLARE_FINAL_TYPE (KxTinyView, kx_tiny_view, KX, TINY_VIEW, GtkWidget)

GtkWidget *kx_tiny_view_new (GtkWidget *start);
void kx_tiny_view_set_device (KxTinyView *view, KxDevice *device);

G_END_DECLS
