/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What style transfer does to pictures on the host. */

#include "study.h"

G_BEGIN_DECLS

/* The sides of a picture whose longer one is @side. */
void kol_style_fit (const KolPicture *picture, gsize side, gsize *width, gsize *height);
/* A picture at that size, as numbers; NULL if memory is short. Given. */
KolSnapshot *kol_style_scale_picture (const KolPicture *picture, gsize channels, gsize width,
                                      gsize height, GError **error);

typedef struct {
  gsize channels, height, width;
} KolStyleSize;

/*
 * Planes [C, H, W] at another size, half a pixel from the edge being half a pixel from
 * the edge. Cubic: Keys' with a = -3/4, as PyTorch's. For enlarging. Given.
 */
float *kol_style_scale_planes (const float *planes, const KolStyleSize *from,
                               const KolStyleSize *to, gboolean cubic);

/* The roots of the weights of a region or part at @height x @width, whose mean is 1. Given. */
float *kol_style_region_roots (const KolPicture *region, gsize height, gsize width, GError **error);

/* Gives @planes, of @of's size, the hues of @of: brightness alone stays as it is. */
void kol_style_keep_colours (float *planes, const KolSnapshot *of);
/* The picture with the mean and the covariances of colour that @like has, in @part, if that is not
 * NULL. Given. */
KolPicture *kol_style_match_colours (const KolPicture *picture, const KolPicture *part,
                                     const KolPicture *like, GError **error);

G_END_DECLS
