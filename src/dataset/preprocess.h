/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "picture.h"

G_BEGIN_DECLS

/**
 * KolPreprocess:
 * @channels: 3, colour, or 1, grey
 * @bgr: whether the channels are blue, green, red rather than red, green, blue
 * @short_side: the shorter side of the scaled picture, out of whose middle @width x
 *   @height pixels are cut; 0: the picture is scaled to @width x @height, whatever its
 *   proportions
 * @width: columns that the network takes
 * @height: rows that it takes
 * @filter: how pixels are weighted in scaling
 * @divisor: what bytes are divided by: 255 gives 0..1, 1 leaves 0..255
 * @mean: is subtracted then, a number for each channel in the network's order
 * @std: is divided by then, likewise
 *
 * How pictures become what a network takes, `[channels, height, width]`:
 *
 *     x = (byte / divisor - mean) / std
 *
 * It belongs to the network as its weights do: whatever is learned from pictures that
 * were prepared in one way is worth less on others.
 */
typedef struct {
  gsize channels;
  gboolean bgr;
  gsize short_side;
  gsize width;
  gsize height;
  KolPictureFilter filter;
  float divisor;
  float mean[3];
  float std[3];
} KolPreprocess;

/** KOL_PREPROCESS_IMAGENET: what most networks for ImageNet take: torchvision's, and the zoo's. */
#define KOL_PREPROCESS_IMAGENET                                                                    \
  ((KolPreprocess){                                                                                \
      .channels = 3,                                                                               \
      .short_side = 256,                                                                           \
      .width = 224,                                                                                \
      .height = 224,                                                                               \
      .filter = KOL_BILINEAR,                                                                      \
      .divisor = 255,                                                                              \
      .mean = { 0.485f, 0.456f, 0.406f },                                                          \
      .std = { 0.229f, 0.224f, 0.225f },                                                           \
  })

KOL_API void kol_preprocess_set_size (KolPreprocess *how, gsize width, gsize height);
KOL_API void kol_preprocess_set_grey (KolPreprocess *how);
KOL_API gsize kol_preprocess_count (const KolPreprocess *how);
KOL_API KolPicture *kol_preprocess_fit (const KolPreprocess *how, const KolPicture *picture);
KOL_API void kol_preprocess_numbers (const KolPreprocess *how, const KolPicture *fitted,
                                     float *numbers);
KOL_API gboolean kol_preprocess_load (const KolPreprocess *how, const char *path, float *numbers,
                                      GError **error);

G_END_DECLS
