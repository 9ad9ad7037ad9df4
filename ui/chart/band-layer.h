/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "layer.h"

G_BEGIN_DECLS

#define KX_TYPE_BAND_LAYER (kx_band_layer_get_type ())
/** KxBandLayer: a range of y that values should be in, with a line in its middle. */
G_DECLARE_FINAL_TYPE (KxBandLayer, kx_band_layer, KX, BAND_LAYER, KxLayer)

KxBandLayer *kx_band_layer_new (double low, double middle, double high, const char *label);

G_END_DECLS
