/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * EfficientNet-Lite0: Tan and Le, "EfficientNet: rethinking model scaling for
 * convolutional neural networks", 2019, its network B0 in the variant that TensorFlow's
 * authors made for small devices: no squeeze-and-excitation, and relu6 for swish.
 *
 * A block widens its input by a 1x1 convolution, filters each channel by itself
 * (depthwise), and narrows it again by a 1x1 convolution, which no activation follows;
 * where the shape stays the same, its input is added (Sandler et al., "MobileNetV2:
 * inverted residuals and linear bottlenecks", 2018).
 *
 * Parameters are called as in timm, whose conv_pw is the widening, conv_dw the
 * depthwise and conv_pwl the narrowing convolution. Paddings, epsilon and momentum are
 * TensorFlow's: with stride 2 the odd row and column are at the bottom and right.
 */

#include "networks-private.h"

/* Blocks alike but for the first, which changes the shape. */
typedef struct {
  int blocks;
  gint64 size; /* of the depthwise window */
  int stride;  /* of the first */
  gint64 widening;
  gint64 features;
} Stage;

static const Stage stages[] = {
  { 1, 3, 1, 1, 16 },  { 2, 3, 2, 6, 24 },  { 2, 5, 2, 6, 40 },  { 3, 3, 2, 6, 80 },
  { 3, 5, 1, 6, 112 }, { 4, 5, 2, 6, 192 }, { 1, 3, 1, 6, 320 },
};

static KolValue *
relu6 (KolValue *x)
{
  return kol_clip (x, 0, 6);
}

/* Convolution, in @groups, without biases, then batch norm; their names follow @prefix. */
static KolValue *
normalized (KolValue *x, const char *prefix, const char *convolution, const char *norm,
            gint64 features, gint64 size, int stride, gint64 groups, gboolean training)
{
  g_autofree char *convolution_name = g_strconcat (prefix, convolution, NULL);
  g_autofree char *norm_name = g_strconcat (prefix, norm, NULL);

  x = kol_network_convolution (
      x, convolution_name, features, size,
      &(KolConv2d){ .stride = stride, .groups = (int) groups, .padding = KOL_SAME });
  return kol_network_batch_norm (
      x, norm_name, &(KolBatchNorm){ .training = training, .momentum = 0.01, .epsilon = 1e-3 });
}

/* The first stage's block, which is not widened. */
static KolValue *
build_plain_block (KolValue *x, const char *prefix, const Stage *stage, gboolean training)
{
  gint64 channels = kol_network_channels (x);

  x = relu6 (normalized (x, prefix, "conv_dw", "bn1", channels, stage->size, stage->stride,
                         channels, training));
  return normalized (x, prefix, "conv_pw", "bn2", stage->features, 1, 1, 1, training);
}

static KolValue *
build_block (KolValue *x, const char *prefix, const Stage *stage, int stride, gboolean training)
{
  gint64 wide = kol_network_channels (x) * stage->widening;
  gboolean same = stride == 1 && kol_network_channels (x) == stage->features;
  KolValue *y = relu6 (normalized (x, prefix, "conv_pw", "bn1", wide, 1, 1, 1, training));

  y = relu6 (normalized (y, prefix, "conv_dw", "bn2", wide, stage->size, stride, wide, training));
  y = normalized (y, prefix, "conv_pwl", "bn3", stage->features, 1, 1, 1, training);
  return same ? kol_add (y, x) : y;
}

/* The blocks of all stages; block j of stage i is called "blocks.i.j". */
static KolValue *
build_stages (KolValue *x, gboolean training)
{
  for (guint i = 0; i < G_N_ELEMENTS (stages); i++)
    for (int j = 0; j < stages[i].blocks; j++)
      {
        g_autofree char *name = g_strdup_printf ("blocks.%u.%d", i, j);
        g_autofree char *prefix = g_strconcat (name, ".", NULL);

        if (stages[i].widening == 1)
          x = build_plain_block (x, prefix, &stages[i], training);
        else
          x = build_block (x, prefix, &stages[i], j == 0 ? stages[i].stride : 1, training);
        kol_named (x, name);
      }
  return x;
}

/**
 * kol_efficientnet_lite0:
 * @x: pictures [N, 3, H, W], for TensorFlow's weights (byte - 127) / 128 of R, G, B
 * @options: (nullable): what is chosen
 *
 * Builds EfficientNet-Lite0: 4,652,008 parameters for 1000 classes. Blocks are not left
 * out at random when it is trained.
 *
 * Returns: (transfer none): the scores [N, classes]
 */
KolValue *
kol_efficientnet_lite0 (KolValue *x, const KolNetworkOptions *options)
{
  gboolean training = kol_network_is_training (options);

  x = relu6 (normalized (x, "", "conv_stem", "bn1", 32, 3, 2, 1, training));
  x = build_stages (x, training);
  x = relu6 (normalized (x, "", "conv_head", "bn2", 1280, 1, 1, 1, training));
  x = kol_network_dropout (kol_network_global_average (x), options, 0.8f);
  return kol_network_dense (x, "classifier", kol_network_classes (options));
}
