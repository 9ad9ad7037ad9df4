/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y[l] = sum of x[0 .. l] along an axis; exclusive: without x[l]; reverse: from the
 * other end, sum of x[l ..]. Its gradient is the same from the other end: x[i] is
 * in y[l] if i <= l, so dx[i] is the sum of dy[i ..].
 */

#include "ops/axes-private.h"
#include "ops/strips-private.h"
#include "ops.h"

typedef struct {
  int axis;
  gboolean exclusive, reverse;
} CumulativeSum;

static const KolOp cumulative_sum_op;

static gboolean
cumulative_sum_infer (KolNode *node, GError **error)
{
  const CumulativeSum *how = node->attributes;
  int axis;

  node->outputs[0].shape = node->inputs[0]->shape;
  return kol_find_axis (&node->inputs[0]->shape, how->axis, &axis, error);
}

/* ── Launch ─────────────────────────────────────────────────────────────────────────────────── */

#define STRIP_ELEMENTS 4096 /* fewer are not worth a CPU's work-item */
#define CPU_COLUMNS 256     /* side by side */

static gboolean
cumulative_sum_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const CumulativeSum *how = node->attributes;
  KolAlong axis = kol_along (&node->inputs[0]->shape, how->axis);
  gint64 columns = launch->device->simd ? CPU_COLUMNS : 1;
  gint64 blocks = (axis.inner + columns - 1) / columns;
  gint64 elements = axis.length * MIN (columns, axis.inner);
  KolStrips strips = kol_strips (launch->device, (gsize) (axis.outer * blocks),
                                 (gsize) (STRIP_ELEMENTS / elements));
  char options[32];

  g_snprintf (options, sizeof options, "-DCOLUMNS=%d", (int) columns);
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "cumulative-sum",
                  .kernel = "cumulative_sum_forward",
                  .options = options,
                  .global = { strips.items },
                  .local = { strips.group } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->outputs[0]),
                KOL_INT (axis.outer), KOL_INT (axis.length), KOL_INT (axis.inner), KOL_INT (blocks),
                KOL_INT (strips.each), KOL_INT (how->exclusive != 0), KOL_INT (how->reverse != 0)),
      error);
}

static void
cumulative_sum_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  CumulativeSum back = *(const CumulativeSum *) node->attributes;

  back.reverse = !back.reverse;
  dx[0] = KOL_NODE (&cumulative_sum_op, &back, dy[0]);
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

static void
cumulative_sum_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const CumulativeSum *how = node->attributes;
  KolAlong axis = kol_along (&node->inputs[0]->shape, how->axis);

  for (gint64 line = 0; line < kol_along_lines (&axis); line++)
    {
      gint64 begin = kol_along_begin (&axis, line);
      double sum = 0;

      for (gint64 l = 0; l < axis.length; l++)
        {
          gint64 at = begin + (how->reverse ? axis.length - 1 - l : l) * axis.inner;

          y[0][at] = how->exclusive ? sum : sum + x[0][at];
          sum += x[0][at];
        }
    }
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

#define CASE(NAME, AXIS, EXCLUSIVE, REVERSE, ...)                                                  \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (__VA_ARGS__) },                            \
    .attributes = &(const CumulativeSum)                                                           \
    {                                                                                              \
      AXIS, EXCLUSIVE, REVERSE                                                                     \
    }                                                                                              \
  }
static const KolCase cumulative_sum_cases[]
    = { CASE ("1", 0, FALSE, FALSE, 1),
        CASE ("1-exclusive", 0, TRUE, FALSE, 1),
        CASE ("65", 0, FALSE, FALSE, 65),
        CASE ("4097-reverse", -1, FALSE, TRUE, 4097),
        CASE ("7x64-exclusive", 1, TRUE, FALSE, 7, 64),
        CASE ("33x17-rows", 1, FALSE, FALSE, 33, 17),
        CASE ("33x17-columns", 0, FALSE, FALSE, 33, 17),
        CASE ("67x257-columns", 0, FALSE, TRUE, 67, 257),
        CASE ("2x129x255-exclusive-reverse", 1, TRUE, TRUE, 2, 129, 255),
        CASE ("3x5x7x16", -2, TRUE, FALSE, 3, 5, 7, 16),
        { 0 } };

static const KolOp cumulative_sum_op = {
  .name = "cumulative_sum",
  .attributes = sizeof (CumulativeSum),
  .infer = cumulative_sum_infer,
  .gradient = cumulative_sum_gradient,
  .reference = cumulative_sum_reference,
  .cases = cumulative_sum_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = cumulative_sum_launch }, { 0 } },
};

extern const KolOp *const kol_cumulative_sum_ops[];
const KolOp *const kol_cumulative_sum_ops[] = { &cumulative_sum_op, NULL };

/**
 * kol_cumulative_sum:
 * @x: a tensor
 * @axis: the axis to sum along; negative: from the end
 * @exclusive: leave an element out of its own sum, so that the first one is 0
 * @reverse: sum from the last element on
 *
 * y[l] = sum of x[i] over i <= l along @axis; i < l if @exclusive; i >= l or i > l if
 * @reverse.
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if @x has no
 *   such axis
 */
KolValue *
kol_cumulative_sum (KolValue *x, int axis, gboolean exclusive, gboolean reverse)
{
  return KOL_NODE (&cumulative_sum_op, (&(CumulativeSum){ axis, exclusive, reverse }), x);
}
