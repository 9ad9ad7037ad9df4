/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a picture's style is, as graphs of the features [1, C, H, W] of a network's
 * layer, and how far two styles are apart. Gatys et al., "Image style transfer using
 * convolutional neural networks", 2016, describe a style by second moments; with the
 * means they are those of a normal distribution, whose distance Wasserstein's is.
 */

#include "../graph/graph.h"

G_BEGIN_DECLS

/*
 * The means [C] of features [1, C, H, W], and their covariances [C, C]. The features are
 * less their means before they are multiplied: of plain pictures, whose features hardly
 * vary, E f^2 - (E f)^2 would be rounding alone. @map [1, 1, H, W] or NULL: the roots of
 * weights whose mean is 1.
 */
KolValue *kol_style_means (KolValue *features, KolValue *map);
KolValue *kol_style_covariances (KolValue *features, KolValue *means, KolValue *map);
/* Gatys's Gram matrix, F F^T / (C H W), [C, C]. */
KolValue *kol_style_gram (KolValue *features);
/* The same for each of several pictures, [N, C, H, W] -> [N, C, C]. */
KolValue *kol_style_grams (KolValue *features);
/* The mean square of what two matrices differ. */
KolValue *kol_style_gram_loss (KolValue *gram, KolValue *wanted);

/*
 * A^(1/2) of a symmetric, positive definite A [C, C], by Newton's and Schulz's
 * iteration; @identity [C, C]. @inverse: NULL, or where to put A^(-1/2).
 */
KolValue *kol_style_root (KolValue *a, KolValue *identity, KolValue **inverse);
/*
 * The squared 2-Wasserstein distance of two normal distributions, a channel's share:
 * mean (m - m')^2 + mean diag (V + V' - 2 (R V R)^(1/2)), where the one has the means m
 * [C] and the covariances V [C, C], the other m' and V' = R R.
 */
typedef struct {
  KolValue *means, *covariances, *root;
} KolStyleNormal;
KolValue *kol_style_wasserstein_loss (KolValue *means, KolValue *covariances,
                                      const KolStyleNormal *wanted, KolValue *identity);

/*
 * How much neighbours differ in a picture [1, C, H, W]: half the sum of the squared
 * differences to the right and downwards, neural-style's;
 */
KolValue *kol_style_variation (KolValue *picture);
/* or the mean of those and of the diagonal ones, which has no preferred direction. */
KolValue *kol_style_even_variation (KolValue *picture);

G_END_DECLS
