/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* The layers that the networks of this folder share. @name is the layer's, in PyTorch's words. */

#include "../ops.h"
#include "networks.h"

G_BEGIN_DECLS

/* What files call the networks' arrays, if not as we do; NULL ends each. */
extern const KolWeightNames *const kol_efficientnet_lite0_names[];
extern const KolWeightNames *const kol_vgg16_names[], *const kol_vgg19_names[];

/* Convolution with "@name.weight" [features, C / groups, size, size]; called @name. */
KolValue *kol_network_convolution (KolValue *x, const char *name, gint64 features, gint64 size,
                                   const KolConv2d *how);
/* The same, and its "@name.bias". */
KolValue *kol_network_convolution_with_biases (KolValue *x, const char *name, gint64 features,
                                               gint64 size, const KolConv2d *how);
/* "@name.weight", "@name.bias", and what is running. */
KolValue *kol_network_batch_norm (KolValue *x, const char *name, const KolBatchNorm *how);
/* y = x W^T + b, "@name.weight" [features, ...], "@name.bias"; x [N, ...] may have pixels. */
KolValue *kol_network_dense (KolValue *x, const char *name, gint64 features);
/* In training alone; @keep where the options give none. */
KolValue *kol_network_dropout (KolValue *x, const KolNetworkOptions *options, float keep);
/* [N, C, H, W] -> [N, C], the mean of each channel. */
KolValue *kol_network_global_average (KolValue *x);
/* C of [N, C, ...]. What has failed has none, and 1 then: the error is told already. */
gint64 kol_network_channels (KolValue *x);
/* How many classes there are to be, and whether it is to learn; @options may be NULL. */
gint64 kol_network_classes (const KolNetworkOptions *options);
gboolean kol_network_is_training (const KolNetworkOptions *options);

G_END_DECLS
