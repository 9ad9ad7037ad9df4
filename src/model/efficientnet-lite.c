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

#include <stdio.h>
#include <string.h>

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

/* ── Other names ─────────────────────────────────────────────────────────────────────────────── */

/*
 * The Python package efficientnet_lite_pytorch numbers its blocks through, and its batch
 * norms from 0 on, also in blocks that lack the first. A pair is ours and theirs; the
 * longer of two that begin alike comes first.
 */
typedef const char *const Pair[2];

static const Pair outside[] = {
  { "conv_stem.", "_conv_stem." }, { "bn1.", "_bn0." },
  { "conv_head.", "_conv_head." }, { "bn2.", "_bn1." },
  { "classifier.", "_fc." },
};
static const Pair in_plain_block[] = {
  { "conv_dw.", "_depthwise_conv." },
  { "bn1.", "_bn1." },
  { "conv_pw.", "_project_conv." },
  { "bn2.", "_bn2." },
};
static const Pair in_block[] = {
  { "conv_pw.", "_expand_conv." },    { "bn1.", "_bn0." },
  { "conv_dw.", "_depthwise_conv." }, { "bn2.", "_bn1." },
  { "conv_pwl.", "_project_conv." },  { "bn3.", "_bn2." },
};

/* @before and the other name of @name, which is in @pairs; NULL if it is not. */
static char *
rename_in (const Pair *pairs, gsize count, const char *before, const char *name)
{
  for (gsize i = 0; i < count; i++)
    if (g_str_has_prefix (name, pairs[i][0]))
      return g_strconcat (before, pairs[i][1], name + strlen (pairs[i][0]), NULL);
  return NULL;
}

static char *
find_lite_pytorch (const char *name)
{
  guint stage, block;
  int length = 0;

  if (sscanf (name, "blocks.%u.%u.%n", &stage, &block, &length) != 2 || length == 0)
    return rename_in (outside, G_N_ELEMENTS (outside), "", name);
  if (stage >= G_N_ELEMENTS (stages))
    return NULL;
  gboolean plain = stages[stage].widening == 1;
  for (guint i = 0; i < stage; i++)
    block += (guint) stages[i].blocks;
  g_autofree char *before = g_strdup_printf ("_blocks.%u.", block);
  return rename_in (plain ? in_plain_block : in_block,
                    plain ? G_N_ELEMENTS (in_plain_block) : G_N_ELEMENTS (in_block), before,
                    name + length);
}

static const KolWeightNames lite_pytorch = {
  .title = "efficientnet_lite_pytorch",
  .find = find_lite_pytorch,
};

const KolWeightNames *const kol_efficientnet_lite0_names[] = { &lite_pytorch, NULL };
