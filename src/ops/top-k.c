/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The k largest or smallest elements along an axis, in order, and where they were.
 * Of equals the first one comes first; a NaN counts as larger than all. The
 * gradient goes to what was chosen, by two operations that are each other's
 * gradient and take the indices:
 *   top_k_gradient (dy, index) -> dx: dy where it came from, 0 elsewhere
 *   top_k_pick (x, index)      -> y: the elements of x that the indices name
 */

#include <math.h>

#include "ops/axes-private.h"
#include "ops/strips-private.h"
#include "ops.h"

#define LARGEST_INDEX (1 << 24) /* whole numbers above are not all floats */

typedef struct {
  int k, axis;
  gboolean largest;
  gint64 length; /* of x along the axis: for the gradient */
} TopK;

static const KolOp gradient_op, pick_op;

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

/* @shape with another length along the axis. */
static KolShape
with_length (const KolShape *shape, int axis, gint64 length)
{
  KolShape result = *shape;

  result.dim[axis < 0 ? axis + shape->rank : axis] = length;
  return result;
}

static gboolean
top_k_infer (KolNode *node, GError **error)
{
  const TopK *how = node->attributes;
  const KolShape *x = &node->inputs[0]->shape;
  gint64 length;
  int axis;

  if (!kol_find_axis (x, how->axis, &axis, error))
    return FALSE;
  length = kol_along (x, how->axis).length;
  if (how->k < 1 || how->k > length)
    return kol_infer_fail (
        error, "%d elements are asked for along axis %d of %s; it has %" G_GINT64_FORMAT, how->k,
        how->axis, kol_shape_text (x), length);
  if (length > LARGEST_INDEX)
    return kol_infer_fail (error,
                           "axis %d of %s has more than %d elements; an index would not be exact",
                           how->axis, kol_shape_text (x), LARGEST_INDEX);
  node->outputs[0].shape = node->outputs[1].shape = with_length (x, how->axis, how->k);
  return TRUE;
}

static gboolean
gradient_infer (KolNode *node, GError **error)
{
  const TopK *how = node->attributes;

  if (!kol_shape_equal (&node->inputs[0]->shape, &node->inputs[1]->shape))
    return kol_infer_fail (error, "dy is %s, but the indices are %s",
                           kol_shape_text (&node->inputs[0]->shape),
                           kol_shape_text (&node->inputs[1]->shape));
  node->outputs[0].shape = with_length (&node->inputs[0]->shape, how->axis, how->length);
  return TRUE;
}

static gboolean
pick_infer (KolNode *node, GError **error)
{
  node->outputs[0].shape = node->inputs[1]->shape;
  return TRUE;
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

#define STRIP_ELEMENTS 4096 /* fewer are not worth a CPU's work-item */
#define MAX_ARGS 16

/* Launches @kernel over the lines of @x; what all have is added to the @n arguments of @args. */
static gboolean
launch_lines (KolLaunch *launch, const char *kernel, const KolShape *x, const TopK *how,
              KolArg *args, guint n, GError **error)
{
  KolAlong axis = kol_along (x, how->axis);
  KolStrips strips = kol_strips (launch->device, (gsize) kol_along_lines (&axis),
                                 (gsize) (STRIP_ELEMENTS / axis.length));

  args[n++] = KOL_INT (kol_along_lines (&axis));
  args[n++] = KOL_INT (axis.length);
  args[n++] = KOL_INT (axis.inner);
  args[n++] = KOL_INT (how->k);
  args[n++] = KOL_INT (strips.each);
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "top-k",
                                       .kernel = kernel,
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           args, error);
}

static gboolean
top_k_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const TopK *how = node->attributes;
  KolArg args[MAX_ARGS] = { KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->outputs[0]),
                            KOL_BUFFER (launch->outputs[1]), KOL_INT (how->largest != 0) };

  return launch_lines (launch, "top_k_forward", &node->inputs[0]->shape, how, args, 4, error);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolArg args[MAX_ARGS] = { KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                            KOL_BUFFER (launch->outputs[0]) };

  return launch_lines (launch, "top_k_gradient", &node->outputs[0].shape, node->attributes, args, 3,
                       error);
}

static gboolean
pick_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolArg args[MAX_ARGS] = { KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                            KOL_BUFFER (launch->outputs[0]) };

  return launch_lines (launch, "top_k_pick", &node->inputs[0]->shape, node->attributes, args, 3,
                       error);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

static void
top_k_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  TopK how = *(const TopK *) node->attributes;

  how.length = kol_along (&node->inputs[0]->shape, how.axis).length;
  if (dy[0])
    dx[0] = KOL_NODE (&gradient_op, &how, dy[0], kol_output (&node->outputs[0], 1));
}

static void
gradient_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = KOL_NODE (&pick_op, node->attributes, dy[0], node->inputs[1]);
}

static void
pick_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = KOL_NODE (&gradient_op, node->attributes, dy[0], node->inputs[1]);
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

static gboolean
goes_before (double v, double other, gboolean largest)
{
  if (isnan (v) || isnan (other))
    return largest ? isnan (v) && !isnan (other) : !isnan (v) && isnan (other);
  return largest ? v > other : v < other;
}

/* For each place in turn the first of the best that are not taken yet. */
static void
top_k_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const TopK *how = node->attributes;
  KolAlong axis = kol_along (&node->inputs[0]->shape, how->axis);
  KolAlong chosen = kol_along (&node->outputs[0].shape, how->axis);

  for (gint64 line = 0; line < kol_along_lines (&axis); line++)
    {
      const double *from = x[0] + kol_along_begin (&axis, line);
      g_autofree gboolean *taken = g_new0 (gboolean, axis.length);

      for (gint64 i = 0; i < how->k; i++)
        {
          gint64 best = -1, at = kol_along_begin (&chosen, line) + i * axis.inner;

          for (gint64 l = 0; l < axis.length; l++)
            if (!taken[l]
                && (best < 0
                    || goes_before (from[l * axis.inner], from[best * axis.inner], how->largest)))
              best = l;
          taken[best] = TRUE;
          y[0][at] = from[best * axis.inner];
          y[1][at] = (double) best;
        }
    }
}

/* Adds each of the chosen to where it came from, or the other way round. */
static void
move_chosen (const TopK *how, const KolShape *x_shape, const KolShape *y_shape,
             const double *indices, double *to_x, double *to_y, const double *from)
{
  KolAlong axis = kol_along (x_shape, how->axis), chosen = kol_along (y_shape, how->axis);

  for (gint64 line = 0; line < kol_along_lines (&axis); line++)
    for (gint64 i = 0; i < chosen.length; i++)
      {
        gint64 y_at = kol_along_begin (&chosen, line) + i * axis.inner;
        gint64 x_at = kol_along_begin (&axis, line) + (gint64) indices[y_at] * axis.inner;

        if (to_x)
          to_x[x_at] += from[y_at];
        else
          to_y[y_at] = from[x_at];
      }
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  move_chosen (node->attributes, &node->outputs[0].shape, &node->inputs[0]->shape, x[1], y[0], NULL,
               x[0]);
}

static void
pick_reference (const KolNode *node, const double *const *x, double *const *y)
{
  move_chosen (node->attributes, &node->inputs[0]->shape, &node->outputs[0].shape, x[1], NULL, y[0],
               x[0]);
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

#define CASE(NAME, K, AXIS, LARGEST, ...)                                                          \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (__VA_ARGS__) },                            \
    .attributes = &(const TopK){ K, AXIS, LARGEST, 0 },                                            \
    .fill                                                                                          \
        = { { KOL_FILL_DISTINCT, -1, 1 } }                                                         \
  }
/* Whole numbers have ties, which must stay in their order. */
#define TIES_CASE(NAME, K, AXIS, LARGEST, ...)                                                     \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (__VA_ARGS__) },                            \
    .attributes = &(const TopK){ K, AXIS, LARGEST, 0 }, .fill = { { KOL_FILL_LABELS, 0, 7 } },     \
    .no_gradient = 1                                                                               \
  }
static const KolCase top_k_cases[] = { CASE ("1", 1, 0, TRUE, 1),
                                       CASE ("1-of-17", 1, 0, TRUE, 17),
                                       CASE ("5-of-257x10", 5, 1, TRUE, 257, 10),
                                       CASE ("all-of-3x33", 33, -1, FALSE, 3, 33),
                                       CASE ("4-of-33x17-columns", 4, 0, FALSE, 33, 17),
                                       CASE ("3-of-2x13x5x7", 3, 1, TRUE, 2, 13, 5, 7),
                                       TIES_CASE ("ties-9-of-7x65", 9, 1, TRUE, 7, 65),
                                       TIES_CASE ("ties-all-of-64x3", 64, 0, FALSE, 64, 3),
                                       { 0 } };

/* Any indices do, also the same one twice. */
#define INDEX_CASE(NAME, INPUT, Y, K, AXIS, LENGTH)                                                \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { INPUT, Y },                                           \
    .attributes = &(const TopK){ K, AXIS, TRUE, LENGTH },                                          \
    .fill = { { KOL_FILL_UNIFORM, -1, 1 }, { KOL_FILL_LABELS, 0, LENGTH } }, .no_gradient = 2      \
  }
#define INDEX_CASES(INPUT)                                                                         \
  INDEX_CASE ("1-of-17", INPUT (KOL_SHAPE (17), KOL_SHAPE (1)), KOL_SHAPE (1), 1, 0, 17),          \
      INDEX_CASE ("5-of-33x10", INPUT (KOL_SHAPE (33, 10), KOL_SHAPE (33, 5)), KOL_SHAPE (33, 5),  \
                  5, 1, 10),                                                                       \
      INDEX_CASE ("3-of-2x13x7", INPUT (KOL_SHAPE (2, 13, 7), KOL_SHAPE (2, 3, 7)),                \
                  KOL_SHAPE (2, 3, 7), 3, -2, 13)
#define FIRST(X, Y) X
#define SECOND(X, Y) Y
static const KolCase gradient_cases[] = { INDEX_CASES (SECOND), { 0 } };
static const KolCase pick_cases[] = { INDEX_CASES (FIRST), { 0 } };

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static const KolOp top_k_op = {
  .name = "top_k",
  .attributes = sizeof (TopK),
  .n_outputs = 2, /* the elements; their indices along the axis */
  .infer = top_k_infer,
  .gradient = top_k_gradient,
  .reference = top_k_reference,
  .cases = top_k_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = top_k_launch }, { 0 } },
};

static const KolOp gradient_op = {
  .name = "top_k_gradient",
  .attributes = sizeof (TopK),
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gradient_launch }, { 0 } },
};

static const KolOp pick_op = {
  .name = "top_k_pick",
  .attributes = sizeof (TopK),
  .infer = pick_infer,
  .gradient = pick_gradient,
  .reference = pick_reference,
  .cases = pick_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = pick_launch }, { 0 } },
};

extern const KolOp *const kol_top_k_ops[];
const KolOp *const kol_top_k_ops[] = { &top_k_op, &gradient_op, &pick_op, NULL };

/**
 * kol_top_k:
 * @x: a tensor
 * @k: how many, 1 .. the axis' length
 * @axis: an axis of at most 2^24 elements; negative: from the end
 * @largest: the largest, in falling order; else the smallest, in rising order
 * @indices: (out) (optional) (transfer none): where along @axis they were, from 0, of
 *   the same shape; no gradient flows through them
 *
 * The @k largest or smallest elements along @axis, sorted. Of equals, the one with
 * the lower index comes first. A NaN is larger than all. The gradient goes to the
 * elements that were chosen. The time grows with the length times @k at the worst.
 *
 * Returns: (transfer none): the value: @x's shape, but @k along @axis; it has failed
 *   if @x has no such axis, or not so many elements along it
 */
KolValue *
kol_top_k (KolValue *x, int k, int axis, gboolean largest, KolValue **indices)
{
  KolValue *values = KOL_NODE (&top_k_op, (&(TopK){ k, axis, largest, 0 }), x);

  if (indices)
    *indices = kol_output (values, 1);
  return values;
}
