/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's softmax, losses, and dropout.
 */

#include <string.h>

#include "onnx-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)

/* ── Softmax ─────────────────────────────────────────────────────────────────────────────────── */

/* 1 at the first largest element along an axis, else 0. */
static KolValue *
hardmax (KolValue *x, int axis)
{
  const KolShape *shape = kol_value_get_shape (x);
  int length = (int) shape->dim[axis];
  KolTranspose move = { 0 };

  for (int i = 0; i < shape->rank; i++)
    move.order[i] = i < axis ? i : i == axis ? shape->rank - 1 : i - 1;
  KolValue *y = kol_one_hot (kol_argmax (x, axis), length, 1, 0);
  return axis == shape->rank - 1 ? y : kol_transpose (y, &move);
}

/* Before version 13, over the axes from one on taken together. */
static void
convert_softmax (KolOnnxNode *node)
{
  const KolShape *shape = kol_onnx_shape (node, 0);
  gboolean together = node->opset < 13;
  int axis
      = kol_onnx_axis (node, kol_onnx_int (node, "axis", together ? 1 : -1), MAX (shape->rank, 1));
  KolValue *x = kol_onnx_value (node, 0), *y;

  if (axis < 0)
    return;
  if (together)
    x = kol_flatten (x, axis);
  if (strcmp (node->proto->op_type, "Softmax") == 0)
    y = kol_softmax (x, together ? 1 : axis);
  else if (strcmp (node->proto->op_type, "LogSoftmax") == 0)
    y = kol_log_softmax (x, together ? 1 : axis);
  else
    y = hardmax (x, together ? 1 : axis);
  kol_onnx_set (node, 0, together ? kol_reshape (y, *shape) : y);
}

/* ── Losses ──────────────────────────────────────────────────────────────────────────────────── */

/* -w[t] log p[t] of each target t, whose weights are those of classes, and 0 where it is ignored.
 */
static KolValue *
picked_loss (KolOnnxNode *node, KolValue *logs, KolValue **weights)
{
  KolValue *targets = kol_onnx_value (node, 1), *counts = NULL;
  int axis = 1;

  if (kol_onnx_attribute (node, "ignore_index"))
    {
      float ignored = (float) kol_onnx_int (node, "ignore_index", 0);

      counts = kol_not_equal (targets, kol_constant (node->graph, ignored));
      targets = kol_where (counts, targets, kol_constant (node->graph, 0));
    }
  if (kol_onnx_has (node, 2))
    {
      KolValue *of_class = kol_gather (kol_onnx_value (node, 2), targets, 0);

      counts = counts ? kol_multiply (of_class, counts) : of_class;
    }
  KolValue *picked = kol_gather_elements (logs, kol_unsqueeze (targets, 1), 1);
  KolValue *loss = kol_negate (kol_squeeze (picked, &axis, 1));
  *weights = counts;
  return counts ? kol_multiply (loss, counts) : loss;
}

static void
set_loss (KolOnnxNode *node, KolValue *logs)
{
  const char *reduction = kol_onnx_string (node, "reduction", "mean");
  KolValue *weights, *loss = picked_loss (node, logs, &weights);

  if (strcmp (reduction, "none") == 0)
    kol_onnx_set (node, 0, loss);
  else if (strcmp (reduction, "sum") == 0)
    kol_onnx_set (node, 0, kol_sum (loss, NULL));
  else if (weights)
    kol_onnx_set (node, 0, kol_divide (kol_sum (loss, NULL), kol_sum (weights, NULL)));
  else
    kol_onnx_set (node, 0, kol_mean (loss));
}

static void
convert_negative_log_likelihood (KolOnnxNode *node)
{
  set_loss (node, kol_onnx_value (node, 0));
}

static void
convert_softmax_cross_entropy (KolOnnxNode *node)
{
  KolValue *logs = kol_log_softmax (kol_onnx_value (node, 0), 1);

  set_loss (node, logs);
  kol_onnx_set (node, 1, logs);
}

/* ── Dropout ─────────────────────────────────────────────────────────────────────────────────── */

/* Nothing is dropped when a network is asked; what is to learn is refused. */
static void
convert_dropout (KolOnnxNode *node)
{
  gboolean training = FALSE;
  double ratio = kol_onnx_float (node, "ratio", 0.5);

  if (kol_onnx_has (node, 2))
    {
      const KolOnnxTensor *mode = kol_onnx_tensor (node, 2);

      training = mode && mode->count == 1 && kol_onnx_tensor_int (mode, 0);
      if (kol_onnx_is_known (node, 1) && node->inputs[1]->tensor->count == 1)
        ratio = kol_onnx_tensor_float (node->inputs[1]->tensor, 0);
    }
  if (node->refused)
    return;
  if (training && ratio != 0)
    {
      kol_onnx_refuse (node, "it drops at random, as for training; Kolinsky reads networks to use");
      return;
    }
  kol_onnx_set (node, 0, kol_onnx_value (node, 0));
  if (kol_onnx_wants (node, 1))
    kol_onnx_set_typed (node, 1, kol_onnx_filled (node, 1, *kol_onnx_shape (node, 0)),
                        node->opset >= 10 ? TYPE (BOOL) : kol_onnx_type (node, 0));
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_layer_ops[] = {
  { "Dropout", 0, convert_dropout, KOL_ONNX_REAL, .fixed = KOL_ONNX_INPUT (2) },
  KOL_ONNX_LAYER ("Hardmax", 0, convert_softmax),
  KOL_ONNX_LAYER ("LogSoftmax", 0, convert_softmax),
  KOL_ONNX_LAYER ("NegativeLogLikelihoodLoss", 12, convert_negative_log_likelihood),
  KOL_ONNX_LAYER ("Softmax", 0, convert_softmax),
  KOL_ONNX_LAYER ("SoftmaxCrossEntropyLoss", 12, convert_softmax_cross_entropy),
  { NULL },
};
