/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gtk/gtk.h>

#include "sight.h"

G_BEGIN_DECLS

#define KX_TYPE_CLASS_BARS (kx_class_bars_get_type ())
/** KxClassBars: the likeliest classes with their probabilities, and watched units. */
G_DECLARE_FINAL_TYPE (KxClassBars, kx_class_bars, KX, CLASS_BARS, GtkWidget)

void kx_class_bars_set_network (KxClassBars *bars, KxNetwork *network);
void kx_class_bars_set_sight (KxClassBars *bars, KxSight *sight, gboolean keep_order);
void kx_class_bars_set_base (KxClassBars *bars, KxSight *sight);
void kx_class_bars_clear (KxClassBars *bars);

G_END_DECLS
