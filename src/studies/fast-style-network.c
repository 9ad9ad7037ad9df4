/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A network that paints in one pass: Johnson, Alahi and Fei-Fei, "Perceptual losses for
 * real-time style transfer and super-resolution", 2016, with instance normalization
 * (Ulyanov et al. 2016), borders that mirror the picture, and, where that one transposes
 * convolutions, which leaves a chequered pattern, the nearest pixels and a convolution
 * (Odena et al. 2016).
 */

#include "fast-style-network-private.h"

#include <math.h>

#include "../graph/op-private.h"
#include "../nn/initializers.h"
#include "../ops.h"

#define BLOCKS 5
#define WIDE_SIDE 9
#define REACH 0.6f /* how far from the middle colours can get: 0.5 is white */

static KolValue *
parameter (KolValue *x, const char *layer, const char *what, KolShape shape, KolInitializer first)
{
  g_autofree char *name = g_strdup_printf (KOL_FAST_STYLE_PREFIX "%s.%s", layer, what);

  return kol_parameter (x->graph, name, shape, first);
}

static KolValue *
convolve (KolValue *x, const char *layer, gint64 outputs, int side, int stride)
{
  if (kol_value_failed (x))
    return x;
  gint64 inputs = x->shape.dim[1];
  double reach = 1 / sqrt ((double) (inputs * side * side));
  int border = side / 2;
  KolPad pad = { .mode = KOL_PAD_REFLECT,
                 .before = { 0, 0, border, border },
                 .after = { 0, 0, border, border } };
  KolValue *w = parameter (x, layer, "weight", KOL_SHAPE (outputs, inputs, side, side),
                           KOL_UNIFORM (-reach, reach));
  KolValue *b = parameter (x, layer, "bias", KOL_SHAPE (outputs), KOL_UNIFORM (-reach, reach));

  return kol_conv2d (kol_pad (x, &pad), w, b, &(KolConv2d){ .stride = stride });
}

static KolValue *
normalize (KolValue *x, const char *layer)
{
  if (kol_value_failed (x))
    return x;
  KolShape shape = KOL_SHAPE (x->shape.dim[1]);

  return kol_instance_norm (x, parameter (x, layer, "gamma", shape, KOL_CONSTANT (1)),
                            parameter (x, layer, "beta", shape, KOL_CONSTANT (0)), 0);
}

static KolValue *
layer (KolValue *x, const char *name, gint64 outputs, int side, int stride)
{
  return kol_relu (normalize (convolve (x, name, outputs, side, stride), name));
}

static KolValue *
block (KolValue *x, int number, gint64 channels)
{
  g_autofree char *first = g_strdup_printf ("block%d.1", number);
  g_autofree char *second = g_strdup_printf ("block%d.2", number);
  KolValue *y = layer (x, first, channels, 3, 1);

  return kol_add (x, normalize (convolve (y, second, channels, 3, 1), second));
}

static KolValue *
enlarge (KolValue *x)
{
  if (kol_value_failed (x))
    return x;
  return kol_resize (x, &(KolResize){ .height = 2 * (int) x->shape.dim[2],
                                      .width = 2 * (int) x->shape.dim[3],
                                      .coordinates = KOL_ASYMMETRIC,
                                      .rounding = KOL_ROUND_FLOOR });
}

KolValue *
kol_fast_style_build (KolValue *photos, guint width)
{
  KolValue *x = layer (kol_scale (photos, 2, -1), "in", width, WIDE_SIDE, 1);

  x = layer (x, "down1", 2 * width, 3, 2);
  x = layer (x, "down2", 4 * width, 3, 2);
  for (int i = 1; i <= BLOCKS; i++)
    x = block (x, i, 4 * width);
  x = layer (enlarge (x), "up1", 2 * width, 3, 1);
  x = layer (enlarge (x), "up2", width, 3, 1);
  x = kol_tanh (convolve (x, "out", 3, WIDE_SIDE, 1));
  return kol_scale (x, REACH, 0.5f);
}
