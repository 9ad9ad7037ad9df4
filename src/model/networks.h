/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph.h"
#include "weights.h"

G_BEGIN_DECLS

/*
 * Well-known networks that classify pictures. Each is a function that builds it
 * upon x [N, 3, H, W] and returns the scores [N, classes], before any softmax. H and
 * W may be others than those that it was made for.
 *
 * Parameters have the names and shapes that PyTorch's torchvision gives them (for
 * EfficientNet-Lite0: those of timm), so that its weights fit as they are: a layer's
 * output is called as the layer, "layer1.0.conv2", that of a dense layer's weights
 * [outputs, inputs]. kol_graph_find() gives any of them. A set of parameters is for
 * one of these networks.
 */

/**
 * KolNetworkOptions:
 * @classes: how many scores, 0 for the 1000 of ImageNet
 * @training: whether it is to learn: dropout and batch statistics are for that alone
 * @keep: (nullable): scalar, the probability that dropout keeps a node; %NULL for
 *   the network's own
 *
 * What can be chosen of a network.
 */
typedef struct {
  gint64 classes;
  gboolean training;
  KolValue *keep;
} KolNetworkOptions;

/**
 * KolNetworkKind:
 * @name: as commands take it: "vgg16"
 * @title: as people call it: "VGG-16"
 * @paper: where it is described
 * @side: the height and width of the pictures that it was made for
 * @build: (nullable options): builds it, see kol_vgg16()
 * @names: (nullable) (array zero-terminated=1): what its arrays are called in files that
 *   call them otherwise, for kol_parameters_load()
 *
 * A network that Kolinsky knows.
 */
typedef struct {
  const char *name;
  const char *title;
  const char *paper;
  int side;
  KolValue *(*build) (KolValue *x, const KolNetworkOptions *options);
  const KolWeightNames *const *names;
} KolNetworkKind;

KOL_API const KolNetworkKind *kol_network_find (const char *name);
KOL_API const KolNetworkKind *kol_network_get (guint i);

KOL_API KolValue *kol_efficientnet_lite0 (KolValue *x, const KolNetworkOptions *options);
KOL_API KolValue *kol_resnet18 (KolValue *x, const KolNetworkOptions *options);
KOL_API KolValue *kol_squeezenet (KolValue *x, const KolNetworkOptions *options);
KOL_API KolValue *kol_vgg16 (KolValue *x, const KolNetworkOptions *options);
KOL_API KolValue *kol_vgg16_features (KolValue *x, const char *last);
KOL_API KolValue *kol_vgg19 (KolValue *x, const KolNetworkOptions *options);
KOL_API KolValue *kol_vgg19_features (KolValue *x, const char *last);

G_END_DECLS
