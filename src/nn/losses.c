/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "nn/losses.h"

#include "graph/op-private.h"
#include "ops.h"

/*
 * predictions - targets. A [N] beside a [N, 1] would be stretched to [N, N], and
 * train towards nonsense: so they have to be of one shape.
 */
static KolValue *
difference (const char *loss, KolValue *predictions, KolValue *targets)
{
  if (kol_value_failed (predictions))
    return predictions;
  if (!kol_value_failed (targets) && !kol_shape_equal (&predictions->shape, &targets->shape))
    return kol_graph_fail (predictions->graph, KOL_ERROR_SHAPE,
                           "%s: predictions of %s and targets of %s; they have to be of one shape",
                           loss, kol_shape_text (&predictions->shape),
                           kol_shape_text (&targets->shape));
  return kol_subtract (predictions, targets);
}

/**
 * kol_mean_squared_error:
 * @predictions: a tensor of any shape
 * @targets: a tensor of that shape
 *
 * The mean of (prediction - target)^2.
 *
 * Returns: (transfer none): the value, a scalar; it has failed if the shapes differ
 */
KolValue *
kol_mean_squared_error (KolValue *predictions, KolValue *targets)
{
  return kol_mean (kol_square (difference ("mean squared error", predictions, targets)));
}

/**
 * kol_mean_absolute_error:
 * @predictions: a tensor of any shape
 * @targets: a tensor of that shape
 *
 * The mean of |prediction - target|. Where both are equal the gradient is 0.
 *
 * Returns: (transfer none): the value, a scalar; it has failed if the shapes differ
 */
KolValue *
kol_mean_absolute_error (KolValue *predictions, KolValue *targets)
{
  return kol_mean (kol_abs (difference ("mean absolute error", predictions, targets)));
}

/**
 * kol_huber:
 * @predictions: a tensor of any shape
 * @targets: a tensor of that shape
 * @delta: where the parabola ends, above 0; often 1
 *
 * The mean of d^2 / 2 where |d| <= delta, and of delta (|d| - delta / 2) elsewhere,
 * d = prediction - target: as the squared error for small differences, as the
 * absolute one for large ones (Huber 1964). The slope is at most @delta.
 *
 * Returns: (transfer none): the value, a scalar; it has failed if the shapes
 *   differ, or @delta is not above 0
 */
KolValue *
kol_huber (KolValue *predictions, KolValue *targets, float delta)
{
  KolValue *d = difference ("huber", predictions, targets), *near;

  if (!kol_value_failed (d) && !(delta > 0))
    return kol_graph_fail (d->graph, KOL_ERROR_SHAPE, "huber: a delta of %g; it has to be above 0",
                           delta);
  /* With c = d clipped to -delta .. delta, both cases are c (d - c / 2). */
  near = kol_clip (d, -delta, delta);
  return kol_mean (kol_multiply (near, kol_subtract (d, kol_scale (near, 0.5f, 0))));
}

/**
 * kol_binary_cross_entropy:
 * @logits: a tensor of any shape, before any sigmoid
 * @targets: a tensor of that shape: probabilities, 0 to 1
 *
 * The mean of -t log s - (1 - t) log (1 - s), s = sigmoid (logit), t = target, in
 * nats: PyTorch's binary_cross_entropy_with_logits. Large logits do not overflow.
 *
 * Returns: (transfer none): the value, a scalar; it has failed if the shapes differ
 */
KolValue *
kol_binary_cross_entropy (KolValue *logits, KolValue *targets)
{
  if (!kol_value_failed (logits) && !kol_value_failed (targets)
      && !kol_shape_equal (&logits->shape, &targets->shape))
    return kol_graph_fail (logits->graph, KOL_ERROR_SHAPE,
                           "binary cross-entropy: logits of %s and targets of %s; they have to be "
                           "of one shape",
                           kol_shape_text (&logits->shape), kol_shape_text (&targets->shape));
  return kol_mean (kol_sigmoid_cross_entropy (logits, targets));
}
