/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "layers.h"
#include "style.h"

G_BEGIN_DECLS

/*
 * The usual layers of a network, where @options have none; the arrays, to be freed with
 * g_free(), are what @options then points to.
 */
gboolean kol_style_choose_layers (KolLayers *network, KolStyleOptions *options,
                                  KolStyleLayer **style, KolStyleLayer **content, GError **error);

G_END_DECLS
