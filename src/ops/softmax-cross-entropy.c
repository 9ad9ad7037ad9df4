/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y[i] = log sum_r e^x[i, r] - x[i, label[i]]: softmax and the negative log
 * likelihood of the right class in one, which is exact where a softmax of its own
 * would have rounded to 0. The largest logit is taken off first. With smoothing,
 * a part of each label is shared out among all classes.
 */

#include <math.h>

#include "ops/strips-private.h"
#include "ops.h"

#define STRIP_ELEMENTS 1024

static const KolOp gradient_op;

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

static float
smoothing_of (const KolNode *node)
{
  return ((const KolCrossEntropy *) node->attributes)->smoothing;
}

static gboolean
check_shapes (const KolShape *logits, const KolShape *labels, GError **error)
{
  if (logits->rank != 2 || labels->rank != 1 || logits->dim[0] != labels->dim[0])
    return kol_infer_fail (error,
                           "logits of %s and labels of %s; they have to be [N, classes] and [N]",
                           kol_shape_text (logits), kol_shape_text (labels));
  return TRUE;
}

static gboolean
loss_infer (KolNode *node, GError **error)
{
  float smoothing = smoothing_of (node);

  node->outputs[0].shape = node->inputs[1]->shape;
  if (!(smoothing >= 0 && smoothing <= 1))
    return kol_infer_fail (error, "a label smoothing of %g; it has to be from 0 to 1", smoothing);
  return check_shapes (&node->inputs[0]->shape, &node->inputs[1]->shape, error);
}

static gboolean
gradient_infer (KolNode *node, GError **error)
{
  node->outputs[0].shape = node->inputs[1]->shape;
  return check_shapes (&node->inputs[1]->shape, &node->inputs[2]->shape, error);
}

static double
loss_flops (const KolNode *node)
{
  return 4.0 * (double) kol_count (node->inputs[0]);
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

static gboolean
loss_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  gint64 examples = node->inputs[0]->shape.dim[0], classes = node->inputs[0]->shape.dim[1];
  KolStrips strips
      = kol_strips (launch->device, (gsize) examples, (gsize) (STRIP_ELEMENTS / classes));

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "softmax-cross-entropy",
                                       .kernel = "softmax_cross_entropy_forward",
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                     KOL_BUFFER (launch->outputs[0]),
                                     KOL_FLOAT (smoothing_of (node)), KOL_INT (examples),
                                     KOL_INT (classes), KOL_INT (strips.each)),
                           error);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  gint64 examples = node->inputs[1]->shape.dim[0], classes = node->inputs[1]->shape.dim[1];
  KolStrips strips
      = kol_strips (launch->device, (gsize) examples, (gsize) (STRIP_ELEMENTS / classes));

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "softmax-cross-entropy",
                                       .kernel = "softmax_cross_entropy_gradient_logits",
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                     KOL_BUFFER (launch->inputs[2]),
                                     KOL_BUFFER (launch->outputs[0]),
                                     KOL_FLOAT (smoothing_of (node)), KOL_INT (examples),
                                     KOL_INT (classes), KOL_INT (strips.each)),
                           error);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

static void
loss_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = KOL_NODE (&gradient_op, node->attributes, dy[0], node->inputs[0], node->inputs[1]);
}

/*
 * g = dy (s - target), s = softmax (logits), and d is the gradient of g:
 *   to dy:      sum_r d (s - target), where s - target is this operation at dy = 1;
 *   to logits:  dy s (d - sum_r s d).
 */
static void
gradient_gradient (KolNode *node, KolValue *const *d, KolValue **dx)
{
  const KolReduce rows = { .n_axes = 1, .axes = { 1 }, .keep = TRUE };
  KolValue *dy = node->inputs[0], *logits = node->inputs[1], *labels = node->inputs[2];
  KolShape column = { 2, { logits->shape.dim[0], 1 } };
  KolValue *ones = kol_expand (kol_constant (node->graph, 1), dy->shape);
  KolValue *slope = KOL_NODE (&gradient_op, node->attributes, ones, logits, labels);
  KolValue *s = kol_softmax (logits, 1);
  KolValue *along = kol_sum (kol_multiply (s, d[0]), &rows);

  dx[0] = kol_sum (kol_multiply (d[0], slope), &(KolReduce){ .n_axes = 1, .axes = { 1 } });
  dx[1] = kol_multiply (kol_multiply (kol_reshape (dy, column), s), kol_subtract (d[0], along));
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

/* log sum_r e^x[r]. */
static double
log_sum_exp (const double *x, gint64 n)
{
  double largest = x[0], sum = 0;

  for (gint64 r = 1; r < n; r++)
    largest = MAX (largest, x[r]);
  for (gint64 r = 0; r < n; r++)
    sum += exp (x[r] - largest);
  return largest + log (sum);
}

/* What the probability of class @r should be: its share of the label's 1. */
static double
target (double label, gint64 r, double smoothing, gint64 classes)
{
  return (1 - smoothing) * (label == (double) r) + smoothing / (double) classes;
}

static gboolean
is_label (double label, gint64 classes)
{
  return label >= 0 && label < (double) classes && label == floor (label);
}

static void
loss_reference (const KolNode *node, const double *const *x, double *const *y)
{
  gint64 examples = node->inputs[0]->shape.dim[0], classes = node->inputs[0]->shape.dim[1];

  for (gint64 i = 0; i < examples; i++)
    {
      const double *row = x[0] + i * classes;
      double label = x[1][i], total = log_sum_exp (row, classes);

      y[0][i] = is_label (label, classes) ? 0 : NAN;
      for (gint64 r = 0; r < classes; r++)
        y[0][i] += target (label, r, smoothing_of (node), classes) * (total - row[r]);
    }
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  gint64 examples = node->inputs[1]->shape.dim[0], classes = node->inputs[1]->shape.dim[1];

  for (gint64 i = 0; i < examples; i++)
    {
      const double *row = x[1] + i * classes;
      double label = x[2][i], total = log_sum_exp (row, classes);

      for (gint64 r = 0; r < classes; r++)
        y[0][i * classes + r]
            = is_label (label, classes)
                  ? x[0][i]
                        * (exp (row[r] - total) - target (label, r, smoothing_of (node), classes))
                  : NAN;
    }
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

#define SMOOTHED                                                                                   \
  .attributes = &(const KolCrossEntropy) { .smoothing = 0.25 }

#define LOSS_CASE(NAME, EXAMPLES, CLASSES, LOW, HIGH, LABELS, ...)                                 \
  {                                                                                                \
    .name = NAME, .n_inputs = 2,                                                                   \
    .shapes = { KOL_SHAPE (EXAMPLES, CLASSES), KOL_SHAPE (EXAMPLES) },                             \
    .fill = { { KOL_FILL_UNIFORM, LOW, HIGH }, { KOL_FILL_LABELS, 0, LABELS } },                   \
    .no_gradient = LABELS > CLASSES ? 3 : 2, ##__VA_ARGS__                                         \
  }

static const KolCase loss_cases[]
    = { LOSS_CASE ("1x1", 1, 1, -1, 1, 1),
        LOSS_CASE ("1x33", 1, 33, -1, 1, 33),
        LOSS_CASE ("50x10", 50, 10, -3, 3, 10),
        LOSS_CASE ("7x15", 7, 15, -3, 3, 15),
        LOSS_CASE ("7x16", 7, 16, -3, 3, 16),
        LOSS_CASE ("7x17", 7, 17, -3, 3, 17),
        LOSS_CASE ("3x4097", 3, 4097, -3, 3, 4097),
        LOSS_CASE ("257x2", 257, 2, -3, 3, 2),
        LOSS_CASE ("large-logits", 13, 10, -500, 500, 10), /* e^500 is no float */
        LOSS_CASE ("1x1-smooth", 1, 1, -1, 1, 1, SMOOTHED),
        LOSS_CASE ("7x15-smooth", 7, 15, -3, 3, 15, SMOOTHED),
        LOSS_CASE ("50x33-smooth", 50, 33, -3, 3, 33, SMOOTHED),
        LOSS_CASE ("large-logits-smooth", 13, 10, -500, 500, 10, SMOOTHED),
        LOSS_CASE ("wrong-labels-smooth", 33, 7, -1, 1, 10, SMOOTHED),
        { .name = "wrong-labels",
          .n_inputs = 2,
          .shapes = { KOL_SHAPE (33, 7), KOL_SHAPE (33) },
          .fill = { { KOL_FILL_UNIFORM, -1, 1 }, { KOL_FILL_LABELS, 0, 10 } },
          .no_gradient = 3 },
        { .name = "broken-labels",
          .n_inputs = 2,
          .shapes = { KOL_SHAPE (33, 7), KOL_SHAPE (33) },
          .fill = { { KOL_FILL_UNIFORM, -1, 1 }, { KOL_FILL_UNIFORM, -2, 9 } },
          .no_gradient = 3 },
        { .name = "1000x1000",
          .n_inputs = 2,
          .shapes = { KOL_SHAPE (1000, 1000), KOL_SHAPE (1000) },
          .fill = { { 0 }, { KOL_FILL_LABELS, 0, 1000 } },
          .only_tune = TRUE },
        { 0 } };

#define GRADIENT_CASE(NAME, EXAMPLES, CLASSES, LOW, HIGH, LABELS, ...)                             \
  {                                                                                                \
    .name = NAME, .n_inputs = 3,                                                                   \
    .shapes = { KOL_SHAPE (EXAMPLES), KOL_SHAPE (EXAMPLES, CLASSES), KOL_SHAPE (EXAMPLES) },       \
    .fill = { { KOL_FILL_UNIFORM, -1, 1 },                                                         \
              { KOL_FILL_UNIFORM, LOW, HIGH },                                                     \
              { KOL_FILL_LABELS, 0, LABELS } },                                                    \
    .no_gradient = LABELS > CLASSES ? 7 : 4, ##__VA_ARGS__                                         \
  }

static const KolCase gradient_cases[]
    = { GRADIENT_CASE ("1x1", 1, 1, -1, 1, 1),
        GRADIENT_CASE ("1x33", 1, 33, -1, 1, 33),
        GRADIENT_CASE ("50x10", 50, 10, -3, 3, 10),
        GRADIENT_CASE ("7x16", 7, 16, -3, 3, 16),
        GRADIENT_CASE ("7x17", 7, 17, -3, 3, 17),
        GRADIENT_CASE ("3x4097", 3, 4097, -3, 3, 4097),
        GRADIENT_CASE ("large-logits", 13, 10, -500, 500, 10),
        GRADIENT_CASE ("wrong-labels", 33, 7, -1, 1, 10),
        GRADIENT_CASE ("7x17-smooth", 7, 17, -3, 3, 17, SMOOTHED),
        GRADIENT_CASE ("50x10-smooth", 50, 10, -3, 3, 10, SMOOTHED),
        { 0 } };

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static const KolOp loss_op = {
  .name = "softmax_cross_entropy",
  .attributes = sizeof (KolCrossEntropy),
  .infer = loss_infer,
  .gradient = loss_gradient,
  .reference = loss_reference,
  .cases = loss_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = loss_launch }, { 0 } },
  .flops = loss_flops,
};

static const KolOp gradient_op = {
  .name = "softmax_cross_entropy_gradient",
  .attributes = sizeof (KolCrossEntropy),
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gradient_launch }, { 0 } },
};

extern const KolOp *const kol_softmax_cross_entropy_ops[];
const KolOp *const kol_softmax_cross_entropy_ops[] = { &loss_op, &gradient_op, NULL };

/**
 * kol_softmax_cross_entropy:
 * @logits: [N, classes], before any softmax
 * @labels: [N], the right class of each example: whole numbers 0 .. classes - 1;
 *   any other gives NaN. No gradient flows to them
 *
 * y[i] = log sum_r e^logits[i, r] - logits[i, labels[i]]: the negative log
 * likelihood of the label, in nats. Large logits do not overflow.
 *
 * Returns: (transfer none): the value, [N]; it has failed if the shapes are not
 *   these
 */
KolValue *
kol_softmax_cross_entropy (KolValue *logits, KolValue *labels)
{
  return kol_softmax_cross_entropy_with (logits, labels, NULL);
}

/**
 * kol_softmax_cross_entropy_with:
 * @logits: [N, classes], as of kol_softmax_cross_entropy()
 * @labels: [N], alike
 * @how: (nullable): smoothing; %NULL: none
 *
 * kol_softmax_cross_entropy() against softened labels (Szegedy et al. 2016): of
 * each label's 1, the part smoothing is shared out evenly among all classes. With
 * p = softmax (logits),
 *
 *   y[i] = (1 - smoothing) (-log p[i, labels[i]]) + smoothing / classes sum_r -log p[i, r].
 *
 * Returns: (transfer none): the value, [N]; it has failed if the shapes are not
 *   these, or smoothing is not from 0 to 1
 */
KolValue *
kol_softmax_cross_entropy_with (KolValue *logits, KolValue *labels, const KolCrossEntropy *how)
{
  return KOL_NODE (&loss_op, how, logits, labels);
}
