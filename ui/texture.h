/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gdk/gdk.h>

#include "../src/kolinsky.h"

G_BEGIN_DECLS

GdkTexture *kx_texture_new (const float *pixels, gsize channels, gsize height, gsize width);
GdkTexture *kx_texture_from_snapshot (const KolSnapshot *snapshot);

G_END_DECLS
