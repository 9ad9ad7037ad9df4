/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * A picture at half the size, an octave lower: what a network's layers see of it is twice as
 * large. Snelgrove, "High-resolution multi-scale neural texture synthesis", 2017, wants the
 * statistics of several octaves at once, as those of one say nothing of what is larger than a
 * layer's receptive field.
 */

#include "../graph/graph.h"
#include "style-pictures-private.h"

G_BEGIN_DECLS

/* [1, C, H, W] -> [1, C, H / 2, W / 2], an odd last row or column being left out; weighted as
 * kol_picture_resize() does with its bicubic filter, but at the edges. */
KolValue *kol_style_halve (KolValue *picture);
/* The same of planes on the host: @half is overwritten. */
void kol_style_halve_planes (const float *planes, const KolStyleSize *size, float *half);
/* From the gradient of the half picture to that of @planes, which it is added to. */
void kol_style_halve_gradient (const float *half, const KolStyleSize *size, float *planes);

G_END_DECLS
