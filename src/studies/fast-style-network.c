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

/* The layers under way: which is next, and what is known of their statistics. */
typedef struct {
  KolFastStyleNorms *norms; /* or NULL */
  guint index;
  gint64 photo_width;
} Walk;

static KolValue *
placeholder (KolValue *x, const char *what, guint index)
{
  g_autofree char *name = g_strdup_printf ("study/part/%s/%u", what, index);

  return kol_placeholder (x->graph, name, KOL_SHAPE (x->shape.dim[1], 1, 1));
}

/* With given means and inverse deviations. */
static KolValue *
normalize_known (KolValue *x, KolFastStyleNorms *norms, guint index, KolValue *gamma,
                 KolValue *beta)
{
  KolShape shape = KOL_SHAPE (x->shape.dim[1], 1, 1);

  norms->means[index] = placeholder (x, "mean", index);
  norms->scales[index] = placeholder (x, "scale", index);
  KolValue *slope = kol_multiply (norms->scales[index], kol_reshape (gamma, shape));
  KolValue *apart = kol_subtract (x, norms->means[index]);
  return kol_add (kol_multiply (apart, slope), kol_reshape (beta, shape));
}

static KolValue *
normalize (KolValue *x, const char *layer, Walk *walk)
{
  if (kol_value_failed (x))
    return x;
  KolShape shape = KOL_SHAPE (x->shape.dim[1]);
  KolValue *gamma = parameter (x, layer, "gamma", shape, KOL_CONSTANT (1));
  KolValue *beta = parameter (x, layer, "beta", shape, KOL_CONSTANT (0));
  guint index = walk->index++;
  KolFastStyleNorms *norms = walk->norms;

  if (!norms)
    return kol_instance_norm (x, gamma, beta, KOL_FAST_STYLE_EPSILON);
  norms->channels[index] = x->shape.dim[1];
  norms->stride[index] = (int) (walk->photo_width / x->shape.dim[3]);
  if (index == norms->known)
    norms->next = x;
  return index < norms->known ? normalize_known (x, norms, index, gamma, beta)
                              : kol_instance_norm (x, gamma, beta, KOL_FAST_STYLE_EPSILON);
}

static KolValue *
layer (KolValue *x, const char *name, gint64 outputs, int side, int stride, Walk *walk)
{
  return kol_relu (normalize (convolve (x, name, outputs, side, stride), name, walk));
}

static KolValue *
block (KolValue *x, int number, gint64 channels, Walk *walk)
{
  g_autofree char *first = g_strdup_printf ("block%d.1", number);
  g_autofree char *second = g_strdup_printf ("block%d.2", number);
  KolValue *y = layer (x, first, channels, 3, 1, walk);

  return kol_add (x, normalize (convolve (y, second, channels, 3, 1), second, walk));
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

/*
 * A painted pixel depends on 4 pixels to each side through the last convolution, 1 and 2
 * through the two of the enlarged ones, 4 through each of the blocks' ten, 2 and 1 through
 * the shrinking ones, 4 through the first; and nearest pixels and strides move it by 3 each.
 */
G_STATIC_ASSERT (4 + 1 + 2 + 4 * 2 * BLOCKS + 2 + 1 + 4 + 2 * 3 <= KOL_FAST_STYLE_REACH);
G_STATIC_ASSERT (KOL_FAST_STYLE_NORMS == 5 + 2 * BLOCKS);

KolValue *
kol_fast_style_build_part (KolValue *photos, guint width, KolFastStyleNorms *norms)
{
  if (kol_value_failed (photos))
    return photos;
  Walk walk = { .norms = norms, .photo_width = photos->shape.dim[3] };
  KolValue *x = layer (kol_scale (photos, 2, -1), "in", width, WIDE_SIDE, 1, &walk);

  x = layer (x, "down1", 2 * width, 3, 2, &walk);
  x = layer (x, "down2", 4 * width, 3, 2, &walk);
  for (int i = 1; i <= BLOCKS; i++)
    x = block (x, i, 4 * width, &walk);
  x = layer (enlarge (x), "up1", 2 * width, 3, 1, &walk);
  x = layer (enlarge (x), "up2", width, 3, 1, &walk);
  x = kol_tanh (convolve (x, "out", 3, WIDE_SIDE, 1));
  return kol_scale (x, REACH, 0.5f);
}

KolValue *
kol_fast_style_build (KolValue *photos, guint width)
{
  return kol_fast_style_build_part (photos, width, NULL);
}
