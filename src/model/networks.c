/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The list of known networks, and the layers that they share.
 */

#include "networks-private.h"

#include <math.h>
#include <string.h>

#include "../nn/initializers.h"

#define IMAGENET_CLASSES 1000

/* ── The list ────────────────────────────────────────────────────────────────────────────────── */

static const KolNetworkKind kinds[] = {
  { "vgg16", "VGG-16",
    "Simonyan and Zisserman, “Very deep convolutional networks for large-scale image "
    "recognition”, 2014",
    224, kol_vgg16, kol_vgg16_names },
  { "vgg19", "VGG-19",
    "Simonyan and Zisserman, “Very deep convolutional networks for large-scale image "
    "recognition”, 2014",
    224, kol_vgg19, kol_vgg19_names },
  { "squeezenet1.1", "SqueezeNet 1.1",
    "Iandola et al., “SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and "
    "<0.5MB model size”, 2016",
    224, kol_squeezenet },
  { "resnet18", "ResNet-18", "He et al., “Deep residual learning for image recognition”, 2015", 224,
    kol_resnet18 },
  { "efficientnet-lite0", "EfficientNet-Lite0",
    "Tan and Le, “EfficientNet: rethinking model scaling for convolutional neural networks”, "
    "2019",
    224, kol_efficientnet_lite0, kol_efficientnet_lite0_names },
};

/**
 * kol_network_find:
 * @name: such as "vgg16"
 *
 * Returns: (transfer none) (nullable): the known network of that name
 */
const KolNetworkKind *
kol_network_find (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i].name, name) == 0)
      return &kinds[i];
  return NULL;
}

/**
 * kol_network_get:
 * @i: from 0
 *
 * Returns: (transfer none) (nullable): a known network; %NULL behind the last one
 */
const KolNetworkKind *
kol_network_get (guint i)
{
  return i < G_N_ELEMENTS (kinds) ? &kinds[i] : NULL;
}

/* ── Layers ──────────────────────────────────────────────────────────────────────────────────── */

gint64
kol_network_classes (const KolNetworkOptions *options)
{
  return options && options->classes ? options->classes : IMAGENET_CLASSES;
}

gboolean
kol_network_is_training (const KolNetworkOptions *options)
{
  return options && options->training;
}

/* The parameter "@layer.@part". */
static KolValue *
parameter (KolGraph *graph, const char *layer, const char *part, KolShape shape,
           KolInitializer initializer)
{
  g_autofree char *name = g_strconcat (layer, ".", part, NULL);

  return kol_parameter (graph, name, shape, initializer);
}

static KolValue *
state (KolGraph *graph, const char *layer, const char *part, KolShape shape, double start)
{
  g_autofree char *name = g_strconcat (layer, ".", part, NULL);

  return kol_state (graph, name, shape, KOL_CONSTANT (start));
}

gint64
kol_network_channels (KolValue *x)
{
  const KolShape *shape = kol_value_get_shape (x);

  return shape->rank > 1 ? shape->dim[1] : 1;
}

static KolValue *
convolution (KolValue *x, const char *name, gint64 features, gint64 size, gboolean biases,
             const KolConv2d *how)
{
  KolGraph *graph = kol_value_get_graph (x);
  gint64 channels = kol_network_channels (x) / MAX (how->groups, 1);
  KolValue *w
      = parameter (graph, name, "weight", KOL_SHAPE (features, channels, size, size), KOL_HE);
  KolValue *b
      = biases ? parameter (graph, name, "bias", KOL_SHAPE (features), KOL_CONSTANT (0)) : NULL;

  return kol_named (kol_conv2d (x, w, b, how), name);
}

KolValue *
kol_network_convolution (KolValue *x, const char *name, gint64 features, gint64 size,
                         const KolConv2d *how)
{
  return convolution (x, name, features, size, FALSE, how);
}

KolValue *
kol_network_convolution_with_biases (KolValue *x, const char *name, gint64 features, gint64 size,
                                     const KolConv2d *how)
{
  return convolution (x, name, features, size, TRUE, how);
}

KolValue *
kol_network_batch_norm (KolValue *x, const char *name, const KolBatchNorm *how)
{
  KolGraph *graph = kol_value_get_graph (x);
  KolShape shape = KOL_SHAPE (kol_network_channels (x));
  KolValue *y = kol_batch_norm (x, parameter (graph, name, "weight", shape, KOL_CONSTANT (1)),
                                parameter (graph, name, "bias", shape, KOL_CONSTANT (0)),
                                state (graph, name, "running_mean", shape, 0),
                                state (graph, name, "running_var", shape, 1), how);

  return kol_named (y, name);
}

KolValue *
kol_network_dense (KolValue *x, const char *name, gint64 features)
{
  KolGraph *graph = kol_value_get_graph (x);
  KolValue *flat = kol_flatten (x, 1);
  gint64 inputs = kol_network_channels (flat);
  /* He's, as KOL_HE would take the rows for the inputs. */
  KolInitializer start = KOL_NORMAL (0, sqrt (2 / (double) inputs));
  KolValue *w = parameter (graph, name, "weight", KOL_SHAPE (features, inputs), start);
  KolValue *b = parameter (graph, name, "bias", KOL_SHAPE (features), KOL_CONSTANT (0));
  KolValue *product = kol_matmul_with (flat, w, &(KolMatmul){ .transpose_b = TRUE });

  return kol_named (kol_add (product, b), name);
}

KolValue *
kol_network_dropout (KolValue *x, const KolNetworkOptions *options, float keep)
{
  if (!kol_network_is_training (options))
    return x;
  return kol_dropout (x,
                      options->keep ? options->keep : kol_constant (kol_value_get_graph (x), keep));
}

KolValue *
kol_network_global_average (KolValue *x)
{
  return kol_flatten (kol_global_average_pool (x), 1);
}
