/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../dataset/dataset.h"
#include "../graph/graph.h"

G_BEGIN_DECLS

/**
 * KolNetworkValues:
 * @x: the examples, [N, C, H, W], pixels 0..1; a placeholder
 * @y: the labels [N], whole numbers, or the target numbers [N, outputs]; a placeholder
 * @keep: scalar, the probability that dropout keeps a node; a placeholder, or %NULL
 *   where nothing is dropped
 * @output: [N, classes], a score per class (logits), or [N, outputs]
 * @losses: [N], the loss of each example
 * @loss: scalar, what is made smaller: the mean of @losses
 * @accuracy: scalar, share of examples whose largest score is the label's; %NULL where
 *   there are no classes
 *
 * The values of a network in one graph.
 */
typedef struct {
  KolValue *x;
  KolValue *y;
  KolValue *keep;
  KolValue *output;
  KolValue *losses;
  KolValue *loss;
  KolValue *accuracy;
} KolNetworkValues;

/**
 * KolNetwork:
 * @graph: where it is built
 * @batch: N, the number of examples
 * @training: whether it is to learn: dropout and batch statistics are for that alone
 * @like: a data set of the size, channels and classes wanted
 * @values: (out): the network's values, lent by @graph
 * @user_data: what was given with the function
 *
 * A network is a function from a batch size to a graph: it is called once for
 * each graph that is needed, always over the same parameters. Errors are kept by
 * the graph.
 */
typedef void (*KolNetwork) (KolGraph *graph, gsize batch, gboolean training, const KolDataset *like,
                            KolNetworkValues *values, gpointer user_data);

G_END_DECLS
