/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "trainer.h"

#include "../nn/initializers.h"
#include "../ops.h"

/*
 * The lecture's network. Every layer starts alike: weights from a normal
 * distribution that is cut at two standard deviations, and biases a little above
 * zero, so that few of the relus start out dead.
 */
#define WEIGHTS KOL_TRUNCATED_NORMAL (0, 0.1)
#define BIASES KOL_CONSTANT (0.1)

#define FEATURES_1 32
#define FEATURES_2 64
#define HIDDEN 1024

/* Names of one layer's parameters and of the nodes that errors and profiles show. */
typedef struct {
  const char *weights;
  const char *biases;
  const char *layer;
  const char *relu;
  const char *pool;
} LayerNames;

/* 5x5 convolution, relu, 2x2 pooling: [N, from, H, W] -> [N, to, H / 2, W / 2]. */
static KolValue *
convolve (KolValue *x, gint64 from, gint64 to, const LayerNames *names)
{
  KolGraph *graph = kol_value_get_graph (x);
  KolValue *w = kol_parameter (graph, names->weights, KOL_SHAPE (to, from, 5, 5), WEIGHTS);
  KolValue *b = kol_parameter (graph, names->biases, KOL_SHAPE (to), BIASES);
  KolValue *z = kol_conv2d (x, w, b, &(KolConv2d) { .padding = KOL_SAME });
  KolValue *y = kol_relu (kol_named (z, names->layer));

  return kol_named (kol_max_pool (kol_named (y, names->relu), &(KolPool) { .size = 2 }),
                    names->pool);
}

/* Fully connected: [N, from] -> [N, to]. */
static KolValue *
connect (KolValue *x, gint64 from, gint64 to, const LayerNames *names)
{
  KolGraph *graph = kol_value_get_graph (x);
  KolValue *w = kol_parameter (graph, names->weights, KOL_SHAPE (from, to), WEIGHTS);
  KolValue *b = kol_parameter (graph, names->biases, KOL_SHAPE (to), BIASES);

  return kol_named (kol_add (kol_matmul (x, w), b), names->layer);
}

static KolValue *
digits_logits (KolValue *x, KolValue *keep, const KolDataset *like)
{
  KolValue *h1 = convolve (x, like->channels, FEATURES_1,
                           &(LayerNames) { "w_conv1", "b_conv1", "conv1", "relu1", "pool1" });
  KolValue *h2 = convolve (h1, FEATURES_1, FEATURES_2,
                           &(LayerNames) { "w_conv2", "b_conv2", "conv2", "relu2", "pool2" });

  gint64 features = FEATURES_2 * (gint64) (like->height / 2 / 2) * (gint64) (like->width / 2 / 2);
  KolValue *flat = kol_named (kol_reshape (h2, KOL_SHAPE (-1, features)), "flat");
  KolValue *z3 = connect (flat, features, HIDDEN, &(LayerNames) { "w_full", "b_full", "full" });
  KolValue *y3 = kol_named (kol_relu (z3), "relu3");
  KolValue *kept = kol_named (kol_dropout (y3, keep), "dropout");

  return connect (kept, HIDDEN, like->classes, &(LayerNames) { "w_cls", "b_cls", "logits" });
}

/**
 * kol_digits_network:
 * @graph: where the network is built
 * @batch: N, the number of pictures
 * @like: pictures of the size, channels and number of classes wanted
 * @classifier: (out): the network's values, lent by @graph
 *
 * The lecture's classifier of pictures x [N, C, H, W]: twice a 5x5 convolution
 * (32, then 64 features, the edge padded with zeros) with relu and 2x2 max
 * pooling; a fully connected layer of 1024 with relu and dropout; a fully
 * connected layer of one score per class. With pictures of 28x28 the layers are
 *
 *     [N, 1, 28, 28] -> [N, 32, 14, 14] -> [N, 64, 7, 7] -> [N, 3136] -> [N, 1024] -> [N, 10]
 *
 * The loss is the mean over the batch of -log P (label), with
 * P (r) = e^logits[r] / sum_s e^logits[s].
 *
 * Parameters: w_conv1 [32, C, 5, 5], b_conv1 [32], w_conv2 [64, 32, 5, 5],
 * b_conv2 [64], w_full [64 (H / 4) (W / 4), 1024], b_full [1024],
 * w_cls [1024, classes], b_cls [classes]; weights normal with deviation 0.1, cut
 * at two deviations; biases 0.1.
 *
 * Pictures of fewer than 4x4 pixels cannot be pooled twice, which @graph keeps as
 * its error.
 */
void
kol_digits_network (KolGraph *graph, gsize batch, const KolDataset *like,
                    KolClassifier *classifier)
{
  g_return_if_fail (graph != NULL && like != NULL && classifier != NULL);

  KolShape pictures = KOL_SHAPE (batch, like->channels, like->height, like->width);
  KolValue *x = kol_placeholder (graph, "x", pictures);
  KolValue *labels = kol_placeholder (graph, "y", KOL_SHAPE (batch));
  KolValue *keep = kol_placeholder (graph, "keep_prob", KOL_SCALAR);

  KolValue *logits = digits_logits (x, keep, like);
  KolValue *losses = kol_named (kol_softmax_cross_entropy (logits, labels), "losses");
  KolValue *correct = kol_named (kol_equal (kol_argmax (logits, 1), labels), "correct");

  *classifier = (KolClassifier) {
    .x = x,
    .labels = labels,
    .keep = keep,
    .logits = logits,
    .loss = kol_named (kol_mean (losses), "loss"),
    .accuracy = kol_named (kol_mean (correct), "accuracy"),
  };
}
