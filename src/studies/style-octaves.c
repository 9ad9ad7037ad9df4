/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "style-octaves-private.h"

#include "../graph/op-private.h"
#include "../ops.h"

#define TAPS 8
#define BEFORE 3 /* of them lie before the first of the two pixels that become one */

/* Keys' cubic, a = -1/2, twice as wide as between pixels, so that nothing is aliased. */
static const float taps[TAPS] = { -3 / 256.0f,  -9 / 256.0f, 29 / 256.0f, 111 / 256.0f,
                                  111 / 256.0f, 29 / 256.0f, -9 / 256.0f, -3 / 256.0f };

/* One plane for all channels: each is filtered for itself. */
KolValue *
kol_style_halve (KolValue *picture)
{
  float filter[TAPS * TAPS];
  const KolShape shape = picture->shape;
  const KolPad pad = { .mode = KOL_PAD_EDGE,
                       .before = { [2] = BEFORE, [3] = BEFORE },
                       .after = { [2] = BEFORE, [3] = BEFORE } };

  for (guint i = 0; i < TAPS * TAPS; i++)
    filter[i] = taps[i / TAPS] * taps[i % TAPS];
  KolValue *planes = kol_reshape (picture, KOL_SHAPE (shape.dim[1], 1, shape.dim[2], shape.dim[3]));
  KolValue *half
      = kol_conv2d (kol_pad (planes, &pad),
                    kol_constant_tensor (picture->graph, KOL_SHAPE (1, 1, TAPS, TAPS), filter),
                    NULL, &(KolConv2d){ .stride = 2 });
  return kol_reshape (half, KOL_SHAPE (1, shape.dim[1], shape.dim[2] / 2, shape.dim[3] / 2));
}

/* Where a tap reads, or the edge. */
static gsize
place (gsize half, guint tap, gsize length)
{
  return (gsize) CLAMP ((gint64) (2 * half + tap) - BEFORE, 0, (gint64) length - 1);
}

/* Takes each pixel of the half picture from 8 x 8 of the planes. */
static float
gather (const float *plane, const KolStyleSize *size, gsize y, gsize x)
{
  float sum = 0;

  for (guint i = 0; i < TAPS; i++)
    for (guint k = 0; k < TAPS; k++)
      sum += taps[i] * taps[k]
             * plane[place (y, i, size->height) * size->width + place (x, k, size->width)];
  return sum;
}

/* And back to these. */
static void
scatter (float value, const KolStyleSize *size, gsize y, gsize x, float *plane)
{
  for (guint i = 0; i < TAPS; i++)
    for (guint k = 0; k < TAPS; k++)
      plane[place (y, i, size->height) * size->width + place (x, k, size->width)]
          += taps[i] * taps[k] * value;
}

void
kol_style_halve_planes (const float *planes, const KolStyleSize *size, float *half)
{
  gsize plane = size->height * size->width;

  for (gsize c = 0; c < size->channels; c++)
    for (gsize y = 0; y < size->height / 2; y++)
      for (gsize x = 0; x < size->width / 2; x++)
        *half++ = gather (planes + c * plane, size, y, x);
}

void
kol_style_halve_gradient (const float *half, const KolStyleSize *size, float *planes)
{
  gsize plane = size->height * size->width;

  for (gsize c = 0; c < size->channels; c++)
    for (gsize y = 0; y < size->height / 2; y++)
      for (gsize x = 0; x < size->width / 2; x++)
        scatter (*half++, size, y, x, planes + c * plane);
}
