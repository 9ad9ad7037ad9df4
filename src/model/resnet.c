/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ResNet-18: blocks y = relu (F (x) + x), which learn what to add to their input. He et
 * al., "Deep residual learning for image recognition", 2015, table 1 and figure 5, left.
 */

#include "networks-private.h"

#define STAGES 4
#define BLOCKS 2 /* in each */

/* Convolution without biases that keeps the size but for the stride, then batch norm. */
static KolValue *
normalized (KolValue *x, const char *convolution, const char *norm, gint64 features, gint64 size,
            int stride, gboolean training)
{
  x = kol_network_convolution (x, convolution, features, size,
                               &(KolConv2d){ .stride = stride, .pad = (int) (size / 2) });
  return kol_network_batch_norm (x, norm, &(KolBatchNorm){ .training = training });
}

/* The same within the block called @block. */
static KolValue *
normalized_within (KolValue *x, const char *block, const char *convolution, const char *norm,
                   gint64 features, gint64 size, int stride, gboolean training)
{
  g_autofree char *convolution_name = g_strconcat (block, ".", convolution, NULL);
  g_autofree char *norm_name = g_strconcat (block, ".", norm, NULL);

  return normalized (x, convolution_name, norm_name, features, size, stride, training);
}

/* F is two 3x3 convolutions; where the shape changes, x goes through a 1x1 convolution. */
static KolValue *
build_block (KolValue *x, const char *name, gint64 features, int stride, gboolean training)
{
  KolValue *y = normalized_within (x, name, "conv1", "bn1", features, 3, stride, training);

  y = normalized_within (kol_relu (y), name, "conv2", "bn2", features, 3, 1, training);
  if (kol_network_channels (x) != features || stride != 1)
    x = normalized_within (x, name, "downsample.0", "downsample.1", features, 1, stride, training);
  return kol_named (kol_relu (kol_add (y, x)), name);
}

/**
 * kol_resnet18:
 * @x: pictures, as for kol_vgg16()
 * @options: (nullable): what is chosen
 *
 * Builds ResNet-18: 11,689,512 parameters for 1000 classes. The blocks' outputs are
 * called "layer1.0", "layer1.1", ... "layer4.1".
 *
 * Returns: (transfer none): the scores [N, classes]
 */
KolValue *
kol_resnet18 (KolValue *x, const KolNetworkOptions *options)
{
  gboolean training = kol_network_is_training (options);
  gint64 features = 64;

  x = kol_relu (normalized (x, "conv1", "bn1", features, 7, 2, training));
  x = kol_named (kol_max_pool (x, &(KolPool){ .size = 3, .stride = 2, .pad = 1 }), "maxpool");
  for (int stage = 1; stage <= STAGES; stage++, features *= 2)
    for (int block = 0; block < BLOCKS; block++)
      {
        g_autofree char *name = g_strdup_printf ("layer%d.%d", stage, block);

        x = build_block (x, name, features, stage > 1 && block == 0 ? 2 : 1, training);
      }
  return kol_network_dense (kol_network_global_average (x), "fc", kol_network_classes (options));
}
