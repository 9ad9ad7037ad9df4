/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "batches.h"
#include "preprocess.h"

/*
 * Which example of which epoch is to be varied, and how. What becomes of it is a function
 * of these numbers alone, so that a resumed run sees the same.
 */
typedef struct {
  const KolAugment *augment;
  guint64 seed;
  guint64 epoch;
  gsize example; /* its place in the set */
} KolVary;

/* Whether nothing is to be varied. */
gboolean kol_augment_is_nothing (const KolAugment *augment);

/*
 * What a network is given of a picture, @to: of @how's size, varied; @vary may be NULL.
 * @scratch has room for as many numbers. FALSE: memory is short.
 */
gboolean kol_vary_picture (const KolVary *vary, const KolPreprocess *how, const KolPicture *picture,
                           float *scratch, float *to);
/* The same of numbers that are there already, [channels, height, width]: mirrored, moved, cut. */
void kol_vary_numbers (const KolVary *vary, const float *from, float *to, gsize channels,
                       gsize height, gsize width);

/* The part of a picture that is cut out. */
KolPictureBox kol_vary_box (const KolVary *vary, gsize height, gsize width);

typedef enum { KOL_BRIGHTNESS, KOL_CONTRAST, KOL_SATURATION } KolColour;

/* Changes the colours in place, as Pillow's ImageEnhance does; FALSE: memory is short. */
gboolean kol_vary_colour (KolPicture *picture, KolColour what, float factor);
