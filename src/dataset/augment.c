/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "augment-private.h"

#include <string.h>

#include "dataset-private.h"

/* A random word as one of 0..count - 1. */
static gsize
choose (guint32 word, gsize count)
{
  return ((guint64) word * count) >> 32;
}

/*
 * What an epoch makes of an example, given by its place in the set: a function of these
 * numbers alone, so that a resumed run sees the same.
 */
KolVariation
kol_augment_draw (const KolAugment *augment, guint64 key, guint64 epoch, gsize example,
                  gsize height, gsize width)
{
  KolPhilox random = kol_philox (key, example, epoch);
  gsize shifts = 2 * (gsize) augment->shift + 1, side = augment->cutout;
  /* The middle of the square is a pixel of the picture, so part of it may lie outside. */
  gsize y = choose (random.v[3] & 0xffff0000u, height) + (side + 1) / 2;
  gsize x = choose (random.v[3] << 16, width) + (side + 1) / 2;

  return (KolVariation){
    .flip = augment->flip && random.v[0] >> 31,
    .down = (gssize) choose (random.v[1], shifts) - (gssize) augment->shift,
    .right = (gssize) choose (random.v[2], shifts) - (gssize) augment->shift,
    .top = y > side ? y - side : 0,
    .bottom = MIN (y, height),
    .left = x > side ? x - side : 0,
    .end = MIN (x, width),
  };
}

/* to[x] = from[x - right], mirrored before that if @flip; zeros where nothing is. */
static void
move_row (const float *from, float *to, gsize width, gssize right, gboolean flip)
{
  gsize begin = MAX (right, 0), n = width - (gsize) ABS (right), skipped = MAX (-right, 0);

  memset (to, 0, width * sizeof (float));
  if (!flip)
    memcpy (to + begin, from + skipped, n * sizeof (float));
  else
    for (gsize i = 0; i < n; i++)
      to[begin + i] = from[width - 1 - skipped - i];
}

/* Shifts must be smaller than the picture. */
void
kol_augment_apply (const KolVariation *variation, const float *from, float *to, gsize channels,
                   gsize height, gsize width)
{
  gsize hole = variation->end - variation->left;

  for (gsize c = 0; c < channels; c++, from += height * width)
    for (gsize y = 0; y < height; y++, to += width)
      {
        gsize source = y - (gsize) variation->down; /* wraps around where there is no such row */
        if (source < height)
          move_row (from + source * width, to, width, variation->right, variation->flip);
        else
          memset (to, 0, width * sizeof (float));
        if (y >= variation->top && y < variation->bottom)
          memset (to + variation->left, 0, hole * sizeof (float));
      }
}
