/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* y[.., d] = on where d is the index, else off. */

#include "ops/indexing-private.h"
#include "ops.h"

typedef struct {
  int depth;
  float on, off;
} OneHot;

static gboolean
one_hot_infer (KolNode *node, GError **error)
{
  const OneHot *how = node->attributes;
  const KolShape *indices = &node->inputs[0]->shape;
  KolShape *y = &node->outputs[0].shape;

  if (how->depth < 1)
    return kol_infer_fail (error, "indices of %s to a last axis of length %d; it is 1 or more",
                           kol_shape_text (indices), how->depth);
  if (indices->rank == KOL_MAX_RANK)
    return kol_infer_fail (error, "another axis for %s, which has %d; at most %d are possible",
                           kol_shape_text (indices), indices->rank, KOL_MAX_RANK);
  *y = *indices;
  y->dim[y->rank++] = how->depth;
  return kol_check_indexed (how->depth, error);
}

/* A small change of an index changes nothing. */
static void
one_hot_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  (void) node;
  (void) dy;
  (void) dx;
}

static void
one_hot_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const OneHot *how = node->attributes;

  for (gint64 m = 0; m < kol_count (node->inputs[0]); m++)
    {
      gint64 hot = kol_find_index (x[0][m], how->depth);

      for (gint64 d = 0; d < how->depth; d++)
        y[0][m * how->depth + d] = hot < 0 ? NAN : d == hot ? how->on : how->off;
    }
}

static gboolean
one_hot_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const OneHot *how = node->attributes;
  KolStrips strips
      = kol_strips (launch->device, (gsize) kol_count (&node->outputs[0]), KOL_INDEXING_STRIP);

  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "indexing",
                  .kernel = "one_hot_forward",
                  .global = { strips.items },
                  .local = { strips.group } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->outputs[0]),
                KOL_INT (kol_count (node->inputs[0])), KOL_INT (how->depth), KOL_FLOAT (how->on),
                KOL_FLOAT (how->off), KOL_INT (strips.each)),
      error);
}

/* Indices 0 .. UP_TO - 1; with a negative UP_TO -1 .. UP_TO. */
#define CASE(NAME, UP_TO, DEPTH, ON, OFF, ...)                                                     \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { __VA_ARGS__ },                                        \
    .attributes = &(const OneHot){ DEPTH, ON, OFF }, .fill = { { KOL_FILL_LABELS, 0, UP_TO } },    \
    .no_gradient = 1                                                                               \
  }

static const KolCase one_hot_cases[] = { CASE ("1x1", 1, 1, 1, 0, KOL_SHAPE (1)),
                                         CASE ("a-number", 10, 10, 1, 0, KOL_SCALAR),
                                         CASE ("50x10", 10, 10, 1, 0, KOL_SHAPE (50)),
                                         CASE ("7x15", 15, 15, 0.9f, 0.1f, KOL_SHAPE (7)),
                                         CASE ("3x5x17", 17, 17, -1, 2, KOL_SHAPE (3, 5)),
                                         CASE ("from-the-end", -5, 5, 1, 0, KOL_SHAPE (13)),
                                         CASE ("large", 4097, 4097, 1, 0, KOL_SHAPE (5)),
                                         CASE ("many", 3, 3, 1, 0, KOL_SHAPE (5003)),
                                         CASE ("outside", 9, 7, 1, 0, KOL_SHAPE (33)),
                                         CASE ("outside-in-front", -9, 7, 1, 0, KOL_SHAPE (33)),
                                         { .name = "between",
                                           .n_inputs = 1,
                                           .shapes = { KOL_SHAPE (33) },
                                           .attributes = &(const OneHot){ 7, 1, 0 },
                                           .no_gradient = 1 },
                                         { 0 } };

static const KolOp one_hot_op = {
  .name = "one_hot",
  .attributes = sizeof (OneHot),
  .infer = one_hot_infer,
  .gradient = one_hot_gradient,
  .reference = one_hot_reference,
  .cases = one_hot_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = one_hot_launch }, { 0 } },
};

extern const KolOp *const kol_one_hot_ops[];
const KolOp *const kol_one_hot_ops[] = { &one_hot_op, NULL };

/**
 * kol_one_hot:
 * @indices: of any shape: whole numbers -depth .. depth - 1; negative ones count
 *   from the end. Any other gives NaN. No gradient flows to them
 * @depth: the length of the new last axis
 * @on: the number at the index
 * @off: the number elsewhere
 *
 * y[m.., d] = on where d is indices[m..], else off.
 *
 * Returns: (transfer none): the value, the indices' shape and @depth; it has failed
 *   if the depth is below 1 or too large for indices in floats
 */
KolValue *
kol_one_hot (KolValue *indices, int depth, float on, float off)
{
  return KOL_NODE (&one_hot_op, (&(OneHot){ depth, on, off }), indices);
}
