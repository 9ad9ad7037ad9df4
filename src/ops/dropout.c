/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Inverted dropout (Srivastava et al., JMLR 2014): y = x / keep where a random
 * number in [0, 1) is below keep, else 0. The numbers are those of a counter, so
 * they need no memory and can be had again: keyed by seed and node name, counted
 * by step and by the element's place in the whole batch.
 */

#include <math.h>

#include "ops/strips-private.h"
#include "ops.h"
#include "random-private.h"

#define STRIP_ELEMENTS 2048
#define BLOCK 32 /* a CPU's kernel takes so many elements at a time */

static gboolean
dropout_infer (KolNode *node, GError **error)
{
  const KolShape *x = &node->inputs[0]->shape, *keep = &node->inputs[1]->shape;

  if (kol_shape_count (keep) != 1)
    return kol_infer_fail (error, "keep has the shape %s, x %s; keep is one number for all of x",
                           kol_shape_text (keep), kol_shape_text (x));
  node->outputs[0].shape = node->outputs[1].shape = *x;
  return TRUE;
}

/* Output 1 is what x was multiplied by, and so what dy is to be. */
static void
dropout_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  if (dy[0])
    dx[0] = kol_multiply (dy[0], kol_output (&node->outputs[0], 1));
}

/*
 * An element's number depends on its place in the whole batch, of which x may be a
 * part: x's first dimension is the examples. A counter has four numbers, so the
 * part may begin with the last few of one. The place is counted up to 2^34.
 */
static gboolean
dropout_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolShape *x = &node->outputs[0].shape;
  guint64 key = kol_random_key (launch->seed, node->name), step = launch->step;
  gint64 count = kol_count (&node->outputs[0]);
  guint64 first = launch->example * (guint64) (x->rank > 0 ? count / x->dim[0] : 1);
  gint64 skipped = (gint64) (first % 4), counted = skipped + count;
  KolStrips strips
      = kol_strips (launch->device, (gsize) (counted + BLOCK - 1) / BLOCK, STRIP_ELEMENTS / BLOCK);

  if (!launch->device->simd) /* four elements of a counter's four numbers */
    strips.items = (gsize) (counted + 3) / 4;
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "dropout",
                                       .kernel = "dropout_forward",
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                     KOL_BUFFER (launch->outputs[0]),
                                     KOL_BUFFER (launch->outputs[1]), KOL_UINT (count),
                                     KOL_UINT (launch->device->simd ? strips.each * BLOCK : 4),
                                     KOL_UINT (first / 4), KOL_UINT (skipped), KOL_UINT (key),
                                     KOL_UINT (key >> 32), KOL_UINT (step), KOL_UINT (step >> 32)),
                           error);
}

/* With the seed, the step and the first example of the cases: 1, 0 and 0. */
static void
dropout_reference (const KolNode *node, const double *const *x, double *const *y)
{
  guint64 key = kol_random_key (1, node->name);
  double keep = x[1][0];

  for (gint64 i = 0; i < kol_count (&node->outputs[0]); i++)
    {
      float u = kol_uniform (kol_philox (key, (guint64) i / 4, 0).v[i % 4]);

      y[1][i] = u >= keep ? 0 : 1 / keep;
      y[0][i] = x[0][i] * y[1][i];
    }
}

#define CASE(NAME, KEEP, ...)                                                                      \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { __VA_ARGS__, KOL_SCALAR },                            \
    .fill = { { KOL_FILL_UNIFORM, -1, 1 }, { KOL_FILL_UNIFORM, KEEP, KEEP } }, .no_gradient = 2    \
  }

static const KolCase dropout_cases[] = { CASE ("1", 0.5, KOL_SHAPE (1)),
                                         CASE ("5", 0.5, KOL_SHAPE (5)),
                                         CASE ("31", 0.5, KOL_SHAPE (31)),
                                         CASE ("32", 0.25, KOL_SHAPE (32)),
                                         CASE ("33", 0.75, KOL_SHAPE (33)),
                                         CASE ("7x13x33", 0.5, KOL_SHAPE (7, 13, 33)),
                                         CASE ("4097", 0.875, KOL_SHAPE (4097)),
                                         CASE ("13x33-all-kept", 1, KOL_SHAPE (13, 33)),
                                         { .name = "50x1024",
                                           .n_inputs = 2,
                                           .shapes = { KOL_SHAPE (50, 1024), KOL_SCALAR },
                                           .fill = { { 0 }, { KOL_FILL_UNIFORM, 0.5, 0.5 } },
                                           .only_tune = TRUE },
                                         { 0 } };

static const KolOp dropout_op = {
  .name = "dropout",
  .n_outputs = 2, /* y; 0 or 1 / keep for each element, which costs nothing where it is not used */
  .infer = dropout_infer,
  .gradient = dropout_gradient,
  .reference = dropout_reference,
  .cases = dropout_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = dropout_launch }, { 0 } },
  .random = TRUE,
};

extern const KolOp *const kol_dropout_ops[];
const KolOp *const kol_dropout_ops[] = { &dropout_op, NULL };

/**
 * kol_dropout:
 * @x: a tensor of any shape
 * @keep: one number in 0 .. 1, the probability that an element stays; 1 for
 *   evaluation: then the result is @x exactly. No gradient flows to it
 *
 * y = x / keep where a random number in [0, 1) is below @keep, else 0. The numbers
 * depend on the seed, the step, the node's name (see kol_named()) and the
 * element's place in the batch: the same run gives the same numbers on every
 * device, and a batch the same as its parts, if @x's first dimension is the
 * batch's (kol_graph_set_first_example()).
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if @keep is
 *   more than one number
 */
KolValue *
kol_dropout (KolValue *x, KolValue *keep)
{
  return KOL_NODE (&dropout_op, NULL, x, keep);
}
