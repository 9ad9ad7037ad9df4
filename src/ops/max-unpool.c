/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Puts elements back where a maximum was taken from. A plane belongs to one
 * work-item, so that of several elements for one place the last wins on every
 * device. Output 1 says who won, for the gradient.
 */

#include <math.h>

#include "ops/strips-private.h"
#include "ops.h"

#define LARGEST_INDEX (1 << 24) /* whole numbers above are not all floats */

static const KolOp gradient_op;

/* What both operations speak of. */
typedef struct {
  gint64 planes, from, to; /* N C; elements of a plane of x, and of y */
} Planes;

static Planes
planes_of (const KolShape *x, const KolShape *y)
{
  return (Planes){ x->dim[0] * x->dim[1], x->dim[2] * x->dim[3], y->dim[2] * y->dim[3] };
}

/* ── Forward ────────────────────────────────────────────────────────────────────────────────── */

static gboolean
unpool_infer (KolNode *node, GError **error)
{
  const KolShape *x = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
  const KolShape *y = node->attributes;

  if (x->rank != 4 || !kol_shape_equal (x, indices))
    return kol_infer_fail (error,
                           "unpooling of %s with indices of %s; both have to be [N, C, P, Q]",
                           kol_shape_text (x), kol_shape_text (indices));
  if (y->rank != 4 || y->dim[0] != x->dim[0] || y->dim[1] != x->dim[1] || y->dim[2] < 1
      || y->dim[3] < 1)
    return kol_infer_fail (error,
                           "unpooling of %s to %s; it has to be [N, C, H, W] with the same N and C",
                           kol_shape_text (x), kol_shape_text (y));
  KolShape plane = KOL_SHAPE (y->dim[2], y->dim[3]);
  if (MAX (x->dim[2] * x->dim[3], kol_shape_count (&plane)) > LARGEST_INDEX)
    return kol_infer_fail (error,
                           "unpooling of %s to %s; an index would not be exact in planes of more "
                           "than %d elements",
                           kol_shape_text (x), kol_shape_text (y), LARGEST_INDEX);
  node->outputs[0].shape = *y;
  node->outputs[1].shape = *y;
  return TRUE;
}

static gboolean
unpool_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  Planes p = planes_of (&node->inputs[0]->shape, &node->outputs[0].shape);
  KolStrips strips = kol_strips (launch->device, (gsize) p.planes, 1);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "max-unpool",
                                       .kernel = "max_unpool_forward",
                                       .options = launch->outputs[1] ? "-DWINNER=1" : "-DWINNER=0",
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                     KOL_BUFFER (launch->outputs[0]),
                                     KOL_BUFFER (launch->outputs[1]), KOL_INT (p.planes),
                                     KOL_INT (strips.each), KOL_INT (p.from), KOL_INT (p.to)),
                           error);
}

static gboolean
is_place (double index, gint64 length)
{
  return index >= 0 && index < (double) length && index == floor (index);
}

static void
unpool_reference (const KolNode *node, const double *const *x, double *const *y)
{
  Planes p = planes_of (&node->inputs[0]->shape, &node->outputs[0].shape);

  for (gint64 i = 0; i < p.planes * p.to; i++)
    y[1][i] = -1;
  for (gint64 i = 0; i < p.planes * p.from; i++)
    if (is_place (x[1][i], p.to))
      {
        gint64 at = i / p.from * p.to + (gint64) x[1][i];

        y[0][at] = x[0][i];
        y[1][at] = (double) (i % p.from);
      }
}

/* ── Gradient ───────────────────────────────────────────────────────────────────────────────── */

/* max_unpool_gradient (dy, indices, winner) -> dx: dy at the index, of those that won. */

static void
unpool_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  if (dy[0])
    dx[0]
        = KOL_NODE (&gradient_op, NULL, dy[0], node->inputs[1], kol_output (&node->outputs[0], 1));
}

static gboolean
gradient_infer (KolNode *node, GError **error)
{
  node->outputs[0].shape = node->inputs[1]->shape;
  return TRUE;
}

static void
gradient_gradient (KolNode *node, KolValue *const *d, KolValue **dx)
{
  dx[0] = kol_max_unpool (d[0], node->inputs[1], node->inputs[0]->shape);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  Planes p = planes_of (&node->outputs[0].shape, &node->inputs[0]->shape);
  gint64 count = p.planes * p.from;
  KolStrips strips = kol_strips (launch->device, (gsize) count, 1024);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "max-unpool",
                                       .kernel = "max_unpool_gradient_x",
                                       .options = "-DWINNER=1",
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                     KOL_BUFFER (launch->inputs[2]),
                                     KOL_BUFFER (launch->outputs[0]), KOL_INT (count),
                                     KOL_INT (strips.each), KOL_INT (p.from), KOL_INT (p.to)),
                           error);
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  Planes p = planes_of (&node->outputs[0].shape, &node->inputs[0]->shape);

  for (gint64 i = 0; i < p.planes * p.from; i++)
    if (is_place (x[1][i], p.to))
      {
        gint64 at = i / p.from * p.to + (gint64) x[1][i];

        y[0][i] = x[2][at] == (double) (i % p.from) ? x[0][at] : 0;
      }
}

/* ── Cases and operations ───────────────────────────────────────────────────────────────────── */

/* Indices are random: some places are named more than once; with FAR beyond H W some are none. */
#define UNPOOL_CASE(NAME, N, C, P, Q, H, W, FAR)                                                   \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { KOL_SHAPE (N, C, P, Q), KOL_SHAPE (N, C, P, Q) },     \
    .attributes = &(const KolShape){ 4, { N, C, H, W } },                                          \
    .fill = { { KOL_FILL_UNIFORM, -1, 1 }, { KOL_FILL_LABELS, 0, FAR } }, .no_gradient = 2         \
  }

static const KolCase unpool_cases[] = { UNPOOL_CASE ("1x1", 1, 1, 1, 1, 1, 1, 1),
                                        UNPOOL_CASE ("2x3-to-5x7", 2, 3, 2, 3, 5, 7, 35),
                                        UNPOOL_CASE ("3x5-to-2x2", 3, 5, 3, 5, 2, 2, 4),
                                        UNPOOL_CASE ("7x7-to-14x15", 5, 13, 7, 7, 14, 15, 210),
                                        UNPOOL_CASE ("wrong-indices", 1, 67, 3, 3, 4, 5, 33),
                                        { 0 } };

/* The winner is output 1 of the forward, here as random as the rest. */
#define GRADIENT_CASE(NAME, N, C, P, Q, H, W, FAR)                                                 \
  {                                                                                                \
    .name = NAME, .n_inputs = 3,                                                                   \
    .shapes = { KOL_SHAPE (N, C, H, W), KOL_SHAPE (N, C, P, Q), KOL_SHAPE (N, C, H, W) },          \
    .fill = { { KOL_FILL_UNIFORM, -1, 1 },                                                         \
              { KOL_FILL_LABELS, 0, FAR },                                                         \
              { KOL_FILL_LABELS, 0, (P) * (Q) } },                                                 \
    .no_gradient = 7                                                                               \
  }

static const KolCase gradient_cases[] = { GRADIENT_CASE ("1x1", 1, 1, 1, 1, 1, 1, 1),
                                          GRADIENT_CASE ("2x3-of-5x7", 2, 3, 2, 3, 5, 7, 35),
                                          GRADIENT_CASE ("3x5-of-2x2", 3, 5, 3, 5, 2, 2, 4),
                                          GRADIENT_CASE ("wrong-indices", 1, 67, 3, 3, 4, 5, 33),
                                          { 0 } };

static const KolOp unpool_op = {
  .name = "max_unpool",
  .attributes = sizeof (KolShape),
  .n_outputs = 2, /* the values; the place in x's plane of each, -1 where there is none */
  .infer = unpool_infer,
  .gradient = unpool_gradient,
  .reference = unpool_reference,
  .cases = unpool_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = unpool_launch }, { 0 } },
};

static const KolOp gradient_op = {
  .name = "max_unpool_gradient",
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gradient_launch }, { 0 } },
};

extern const KolOp *const kol_max_unpool_ops[];
const KolOp *const kol_max_unpool_ops[] = { &unpool_op, &gradient_op, NULL };

/**
 * kol_max_unpool:
 * @x: [N, C, P, Q]
 * @indices: [N, C, P, Q], where in its plane each element goes, h W + w; as from
 *   kol_max_pool_with_indices(). No gradient flows to them
 * @shape: [N, C, H, W], with planes of at most 2^24 elements
 *
 * y[n, c, h, w] = x[n, c, p, q] where indices[n, c, p, q] = h W + w, and 0 where
 * there is no such p, q. Of several the last one counts, row by row, and has the
 * gradient to itself. An index outside the plane is left out.
 *
 * Returns: (transfer none): the value, of @shape; it has failed if the shapes do
 *   not go together
 */
KolValue *
kol_max_unpool (KolValue *x, KolValue *indices, KolShape shape)
{
  return KOL_NODE (&unpool_op, &shape, x, indices);
}
