/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * SqueezeNet 1.1: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer
 * parameters and <0.5MB model size", 2016, in the authors' version 1.1, which needs
 * less than half the arithmetic: a smaller first convolution, poolings further up front.
 */

#include "networks-private.h"

/* A fire module: 1x1 convolutions to few channels, from there 1x1 and 3x3 ones to many. */
typedef struct {
  gint64 squeezed;
  gint64 expanded; /* by either */
} Fire;

/* Layers by their number in PyTorch's list; what squeezes nothing is a pooling. */
#define FIRST 2
static const Fire layers[] = {
  { 0 }, { 16, 64 },  { 16, 64 },  { 0 },       { 32, 128 }, { 32, 128 },
  { 0 }, { 48, 192 }, { 48, 192 }, { 64, 256 }, { 64, 256 },
};

/* Convolution that keeps the size, and relu. */
static KolValue *
build_part (KolValue *x, const char *fire, const char *part, gint64 features, gint64 size)
{
  g_autofree char *name = g_strconcat (fire, ".", part, NULL);

  return kol_relu (kol_network_convolution_with_biases (x, name, features, size,
                                                        &(KolConv2d){ .pad = (int) (size / 2) }));
}

static KolValue *
build_fire (KolValue *x, const char *name, const Fire *fire)
{
  KolValue *squeezed = build_part (x, name, "squeeze", fire->squeezed, 1);
  KolValue *expanded[] = {
    build_part (squeezed, name, "expand1x1", fire->expanded, 1),
    build_part (squeezed, name, "expand3x3", fire->expanded, 3),
  };

  return kol_concat (expanded, G_N_ELEMENTS (expanded), 1);
}

/**
 * kol_squeezenet:
 * @x: pictures, as for kol_vgg16()
 * @options: (nullable): what is chosen
 *
 * Builds SqueezeNet 1.1: 1,235,496 parameters for 1000 classes. The modules' outputs
 * are called "features.3", ... "features.12".
 *
 * Returns: (transfer none): the scores [N, classes]
 */
KolValue *
kol_squeezenet (KolValue *x, const KolNetworkOptions *options)
{
  x = kol_network_convolution_with_biases (x, "features.0", 64, 3, &(KolConv2d){ .stride = 2 });
  x = kol_relu (x);
  for (guint i = 0; i < G_N_ELEMENTS (layers); i++)
    {
      g_autofree char *name = g_strdup_printf ("features.%u", FIRST + i);

      if (layers[i].squeezed)
        x = build_fire (x, name, &layers[i]);
      else
        x = kol_max_pool (x, &(KolPool){ .size = 3, .stride = 2, .ceil = TRUE });
      kol_named (x, name);
    }
  x = kol_network_dropout (x, options, 0.5f);
  x = kol_network_convolution_with_biases (x, "classifier.1", kol_network_classes (options), 1,
                                           &(KolConv2d){ 0 });
  return kol_network_global_average (kol_relu (x));
}
