/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What is seen of single nodes of a network, of one example. */

#include <glib.h>

G_BEGIN_DECLS

/** KX_NODE_TERMS: of a sum, that are told one by one. */
#define KX_NODE_TERMS 3

/** KX_NODE_FREE: in place of a node: the one that is chosen where nobody does. */
#define KX_NODE_FREE (-1)

/** KX_NODE_INPUTS: in place of a layer: what the network is given. */
#define KX_NODE_INPUTS (-1)

/** KX_NODE_SEVERAL: in place of a layer: there are several. */
#define KX_NODE_SEVERAL (-2)

/** KxLossKind: what a recipe makes smaller; in the order of its words for them. */
typedef enum {
  KX_LOSS_CROSS_ENTROPY,
  KX_LOSS_SQUARED,
  KX_LOSS_ABSOLUTE,
  KX_LOSS_BINARY,
} KxLossKind;

/**
 * KxTerm:
 * @index: forward: which input; of a convolution, which tap of the node's kernel. Backward: which
 *   node of @layer
 * @layer: backward: the layer that follows
 * @first: forward: the input's value. Backward: dE/d that node
 * @second: its weight: what the result grows by per unit of @first
 * @pinned: whether it is told before larger ones
 *
 * @first x @second.
 */
typedef struct {
  gsize index;
  int layer;
  double first, second;
  gboolean pinned;
} KxTerm;

/**
 * KxSum:
 * @terms: the largest, largest first; @n_terms of them
 * @count: how many there are in all
 * @rest: the sum of the others
 */
typedef struct {
  KxTerm terms[KX_NODE_TERMS];
  guint n_terms;
  gsize count;
  double rest;
} KxSum;

/**
 * KxNodeLook:
 * @node: which node of the layer: [channel, row, column] of @size, flat
 * @size: channels, height, width
 * @input: the layer that it is computed from, or %KX_NODE_INPUTS or %KX_NODE_SEVERAL
 * @input_size: that layer's
 * @group: the first of the layers that this one follows node by node, as an activation function
 * does
 * @value: z or y
 * @sum: of inputs times weights; empty where there are none to tell
 * @constant: @value less @sum
 * @gradient: dE/d @value
 * @back: dE/d the nodes that follow, times what these grow by; empty where that is not known
 * @last: whether E is computed from this layer itself
 * @kernel: height and width of a convolution's kernel; 0: it is none
 * @weights: (nullable): the parameter of @sum's weights
 * @weight: in it: that of @sum's first term
 * @weight_gradient: dE/d that weight
 * @bias_gradient: dE/d the node's bias; NaN: it has none
 *
 * A node of a layer, for one example.
 */
typedef struct {
  gsize node, size[3];
  int input;
  gsize input_size[3];
  guint group;
  double value;
  KxSum sum;
  double constant;
  double gradient;
  KxSum back;
  gboolean last;
  gsize kernel[2];
  char *weights;
  gsize weight;
  double weight_gradient, bias_gradient;
} KxNodeLook;

/**
 * KxNodeEdit:
 * @layer: whose weight is another than the network's, or %KX_NODE_INPUTS: an input is
 * @index: of the weight in its parameter, or of the input
 * @value: what it is instead
 */
typedef struct {
  int layer;
  gsize index;
  double value;
} KxNodeEdit;

G_END_DECLS
