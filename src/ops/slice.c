/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Every step-th element from start up to stop, along any axes. Dimensions that
 * stay neighbours are first made one; then rows are copied. The gradient puts dy
 * back into its places among zeros, which is padding with gaps (kernels/pad.cl).
 */

#include "ops/axes-private.h"
#include "ops/copy-private.h"
#include "ops/pad-private.h"
#include "ops.h"

/* ── Which elements ─────────────────────────────────────────────────────────────────────────── */

/* Elements start, start + step, ..., @length of them. */
typedef struct {
  gint64 start, step, length;
} Range;

/* NumPy's rules; the length is 0 or less where nothing is left. */
static Range
range_new (gint64 length, gint64 start, gint64 stop, gint64 step)
{
  /* A longer step takes one element, too. */
  Range self = { .step = step ? CLAMP (step, -length, length) : 1 };
  gint64 low = self.step < 0 ? -1 : 0, high = self.step < 0 ? length - 1 : length;

  start = CLAMP (start < 0 ? start + length : start, low, high);
  stop = CLAMP (stop < 0 ? stop + length : stop, low, high);
  self.start = start;
  if (self.step > 0 && stop > start)
    self.length = (stop - start - 1) / self.step + 1;
  else if (self.step < 0 && stop < start)
    self.length = (start - stop - 1) / -self.step + 1;
  return self;
}

/* The range of each of @shape's axes, or a sentence. */
static gboolean
find_ranges (const KolSlice *how, const KolShape *shape, Range ranges[KOL_MAX_RANK], GError **error)
{
  gboolean seen[KOL_MAX_RANK] = { FALSE };

  if (how->n_axes < 0 || how->n_axes > shape->rank)
    return kol_infer_fail (error, "%d axes of %s are to be sliced; it has %d", how->n_axes,
                           kol_shape_text (shape), shape->rank);
  for (int i = 0; i < shape->rank; i++)
    ranges[i] = (Range){ 0, 1, shape->dim[i] };
  for (int i = 0; i < how->n_axes; i++)
    {
      int axis;

      if (!kol_find_axis (shape, how->axes[i], &axis, error))
        return FALSE;
      if (seen[axis])
        return kol_infer_fail (error, "axis %d of %s is given twice", how->axes[i],
                               kol_shape_text (shape));
      seen[axis] = TRUE;
      ranges[axis] = range_new (shape->dim[axis], how->start[i], how->stop[i], how->step[i]);
      if (ranges[axis].length < 1)
        return kol_infer_fail (error,
                               "nothing is left of axis %d of %s from %" G_GINT64_FORMAT
                               " up to %" G_GINT64_FORMAT " in steps of %" G_GINT64_FORMAT
                               "; a slice has at least one element",
                               axis, kol_shape_text (shape), how->start[i], how->stop[i],
                               how->step[i] ? how->step[i] : 1);
    }
  return TRUE;
}

static KolShape
sliced_shape (const KolShape *shape, const Range *ranges)
{
  KolShape sliced = *shape;

  for (int i = 0; i < shape->rank; i++)
    sliced.dim[i] = ranges[i].length;
  return sliced;
}

/* ── slice ──────────────────────────────────────────────────────────────────────────────────── */

static gboolean
slice_infer (KolNode *node, GError **error)
{
  const KolShape *x = &node->inputs[0]->shape;
  Range ranges[KOL_MAX_RANK];

  if (!find_ranges (node->attributes, x, ranges, error))
    return FALSE;
  node->outputs[0].shape = sliced_shape (x, ranges);
  return TRUE;
}

/* For the gradient: how the slice was, and what it was of. */
typedef struct {
  KolSlice how;
  KolShape shape; /* of x */
} SliceGradient;

static const KolOp gradient_op;

static void
slice_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  const KolSlice *how = node->attributes;
  SliceGradient back = { *how, node->inputs[0]->shape };

  dx[0] = KOL_NODE (&gradient_op, &back, dy[0]);
}

/* Where in x element @at of the slice is. */
static gint64
slice_place (const KolShape *x, const Range *ranges, gint64 at)
{
  gint64 distance = 1, place = 0;

  for (int i = x->rank - 1; i >= 0; i--)
    {
      place += (ranges[i].start + at % ranges[i].length * ranges[i].step) * distance;
      at /= ranges[i].length;
      distance *= x->dim[i];
    }
  return place;
}

static void
slice_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolShape *shape = &node->inputs[0]->shape;
  Range ranges[KOL_MAX_RANK];

  find_ranges (node->attributes, shape, ranges, NULL);
  for (gint64 i = 0; i < kol_count (&node->outputs[0]); i++)
    y[0][i] = x[0][slice_place (shape, ranges, i)];
}

/* The copy in as few dimensions as possible; the first of them is the row. */
static KolCopy
copy_new (const KolShape *x, const Range *ranges)
{
  KolCopy self = { .run = 1, .x_step = 1, .rows = 1 };
  gint64 lengths[KOL_MAX_RANK] = { 1 }, steps[KOL_MAX_RANK] = { 1 }, distance = 1;
  int n = 0;

  for (int i = x->rank - 1; i >= 0; distance *= x->dim[i], i--)
    {
      gint64 length = ranges[i].length, step = ranges[i].step * distance;

      self.x_at += ranges[i].start * distance;
      if (length == 1)
        continue;
      if (n && step == steps[n - 1] * lengths[n - 1])
        lengths[n - 1] *= length;
      else
        {
          lengths[n] = length;
          steps[n++] = step;
        }
    }
  self.run = self.y_step = lengths[0];
  self.x_step = steps[0];
  for (int i = 1; i < n; i++)
    {
      self.rows *= lengths[i];
      self.outer[self.n].length = lengths[i];
      self.outer[self.n++].x_step = steps[i];
    }
  return self;
}

static gboolean
slice_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolShape *x = &node->inputs[0]->shape;
  Range ranges[KOL_MAX_RANK];
  KolCopy copy;

  if (!find_ranges (node->attributes, x, ranges, error))
    return FALSE;
  copy = copy_new (x, ranges);
  return kol_copy_launch (launch, &copy, launch->inputs[0], launch->outputs[0], error);
}

/* ── slice_gradient ─────────────────────────────────────────────────────────────────────────── */

static gboolean
gradient_infer (KolNode *node, GError **error)
{
  const SliceGradient *how = node->attributes;
  const KolShape *dy = &node->inputs[0]->shape;
  Range ranges[KOL_MAX_RANK];
  KolShape sliced;

  if (!find_ranges (&how->how, &how->shape, ranges, error))
    return FALSE;
  sliced = sliced_shape (&how->shape, ranges);
  if (!kol_shape_equal (dy, &sliced))
    return kol_infer_fail (error, "a gradient of %s to a slice of %s, which is %s",
                           kol_shape_text (dy), kol_shape_text (&how->shape),
                           kol_shape_text (&sliced));
  node->outputs[0].shape = how->shape;
  return TRUE;
}

static void
gradient_gradient (KolNode *node, KolValue *const *d, KolValue **dx)
{
  const SliceGradient *how = node->attributes;

  dx[0] = kol_slice (d[0], &how->how);
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const SliceGradient *how = node->attributes;
  Range ranges[KOL_MAX_RANK];

  find_ranges (&how->how, &how->shape, ranges, NULL);
  for (gint64 i = 0; i < kol_count (node->inputs[0]); i++)
    y[0][slice_place (&how->shape, ranges, i)] = x[0][i];
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const SliceGradient *how = node->attributes;
  Range ranges[KOL_MAX_RANK];
  KolPlacement axes[KOL_MAX_RANK];

  if (!find_ranges (&how->how, &how->shape, ranges, error))
    return FALSE;
  for (int i = 0; i < how->shape.rank; i++)
    axes[i] = (KolPlacement){ .x_length = ranges[i].length,
                              .y_length = how->shape.dim[i],
                              .start = ranges[i].start,
                              .step = ranges[i].step };
  return kol_pad_launch (launch, KOL_PAD_CONSTANT, 0, axes, how->shape.rank, error);
}

/* ── Cases: each for the slice, and for its gradient ────────────────────────────────────────── */

#define AXES(...)                                                                                  \
  {                                                                                                \
    __VA_ARGS__                                                                                    \
  }
#define END G_MAXINT64
#define BEGIN G_MININT64

/* NAME, the shape of x, n_axes, axes, start, stop, step, the shape of y. */
#define EACH_CASE(X)                                                                               \
  X ("scalar", { 0 }, 0, AXES (0), AXES (0), AXES (0), AXES (0), KOL_SCALAR)                       \
  X ("1", KOL_LENGTHS (1), 1, AXES (0), AXES (0), AXES (1), AXES (1), KOL_SHAPE (1))               \
  X ("nothing-off", KOL_LENGTHS (3, 5), 0, AXES (0), AXES (0), AXES (0), AXES (0),                 \
     KOL_SHAPE (3, 5))                                                                             \
  X ("one-of-17", KOL_LENGTHS (17), 1, AXES (0), AXES (-1), AXES (END), AXES (0), KOL_SHAPE (1))   \
  X ("first-15", KOL_LENGTHS (47), 1, AXES (0), AXES (0), AXES (15), AXES (1), KOL_SHAPE (15))     \
  X ("clamped", KOL_LENGTHS (17), 1, AXES (0), AXES (-99), AXES (99), AXES (1), KOL_SHAPE (17))    \
  X ("from-the-end", KOL_LENGTHS (33), 1, AXES (-1), AXES (-18), AXES (-1), AXES (1),              \
     KOL_SHAPE (17))                                                                               \
  X ("every-third", KOL_LENGTHS (47), 1, AXES (0), AXES (1), AXES (END), AXES (3), KOL_SHAPE (16)) \
  X ("reversed", KOL_LENGTHS (17), 1, AXES (0), AXES (END), AXES (BEGIN), AXES (-1),               \
     KOL_SHAPE (17))                                                                               \
  X ("reversed-part", KOL_LENGTHS (47), 1, AXES (0), AXES (-2), AXES (3), AXES (-4),               \
     KOL_SHAPE (11))                                                                               \
  X ("long-steps", KOL_LENGTHS (5, 7), 2, AXES (0, 1), AXES (4, 2), AXES (BEGIN, END),             \
     AXES (BEGIN, END), KOL_SHAPE (1, 1))                                                          \
  X ("rows", KOL_LENGTHS (7, 33), 1, AXES (0), AXES (2), AXES (5), AXES (1), KOL_SHAPE (3, 33))    \
  X ("a-column", KOL_LENGTHS (63, 5), 1, AXES (1), AXES (3), AXES (4), AXES (1),                   \
     KOL_SHAPE (63, 1))                                                                            \
  X ("columns", KOL_LENGTHS (65, 33), 1, AXES (1), AXES (1), AXES (18), AXES (1),                  \
     KOL_SHAPE (65, 17))                                                                           \
  X ("both-reversed", KOL_LENGTHS (5, 7), 2, AXES (0, 1), AXES (-1, -1), AXES (BEGIN, BEGIN),      \
     AXES (-1, -1), KOL_SHAPE (5, 7))                                                              \
  X ("crop", KOL_LENGTHS (2, 3, 13, 33), 2, AXES (2, 3), AXES (2, 1), AXES (-2, -1), AXES (1, 1),  \
     KOL_SHAPE (2, 3, 9, 31))                                                                      \
  X ("middle-reversed", KOL_LENGTHS (7, 13, 17), 1, AXES (1), AXES (-1), AXES (BEGIN), AXES (-1),  \
     KOL_SHAPE (7, 13, 17))                                                                        \
  X ("all-steps", KOL_LENGTHS (7, 9, 17), 3, AXES (2, 0, 1), AXES (-2, 1, END),                    \
     AXES (1, END, BEGIN), AXES (-2, 2, -3), KOL_SHAPE (3, 3, 7))                                  \
  X ("eight", KOL_LENGTHS (2, 3, 2, 3, 3, 3, 2, 5), 8, AXES (0, 1, 2, 3, 4, 5, 6, 7),              \
     AXES (-1, 0, 1, 2, 0, 1, -1, 4), AXES (BEGIN, 2, 2, BEGIN, END, END, BEGIN, 0),               \
     AXES (-1, 1, 1, -1, 2, 1, -1, -1), KOL_SHAPE (2, 2, 1, 3, 2, 2, 2, 4))                        \
  X ("large", KOL_LENGTHS (3, 20011), 1, AXES (1), AXES (5), AXES (-6), AXES (0),                  \
     KOL_SHAPE (3, 20000))

#define SLICE_CASE(NAME, X, N, AXES_, START, STOP, STEP, Y)                                        \
  { .name = NAME,                                                                                  \
    .n_inputs = 1,                                                                                 \
    .shapes = { X },                                                                               \
    .attributes = &(const KolSlice){ N, AXES_, START, STOP, STEP } },
#define GRADIENT_CASE(NAME, X, N, AXES_, START, STOP, STEP, Y)                                     \
  { .name = NAME,                                                                                  \
    .n_inputs = 1,                                                                                 \
    .shapes = { Y },                                                                               \
    .attributes = &(const SliceGradient){ { N, AXES_, START, STOP, STEP }, X } },

static const KolCase slice_cases[] = { EACH_CASE (SLICE_CASE){ 0 } };
static const KolCase gradient_cases[] = { EACH_CASE (GRADIENT_CASE){ 0 } };

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static const KolOp slice_op = {
  .name = "slice",
  .attributes = sizeof (KolSlice),
  .infer = slice_infer,
  .gradient = slice_gradient,
  .reference = slice_reference,
  .cases = slice_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = slice_launch }, { 0 } },
};

static const KolOp gradient_op = {
  .name = "slice_gradient",
  .attributes = sizeof (SliceGradient),
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gradient_launch }, { 0 } },
};

extern const KolOp *const kol_slice_ops[];
const KolOp *const kol_slice_ops[] = { &slice_op, &gradient_op, NULL };

/* ── Constructors ───────────────────────────────────────────────────────────────────────────── */

/**
 * kol_slice:
 * @x: a tensor
 * @how: for some of its axes, where to start, before which element to stop, and in
 *   which steps; the other axes stay whole
 *
 * y[.., i, ..] = x[.., start + i step, ..]: as Python's x[start:stop:step]. A
 * negative start or stop counts from the end; what is outside is taken to the
 * nearest end. A step may be negative, then it goes from start down to the last
 * element above stop; a step of 0 is 1. %G_MAXINT64 as stop is "to the end", and
 * with a negative step %G_MININT64 is "down to element 0", which -1 would not be:
 * that is the last one. The elements are copied.
 *
 * Returns: (transfer none): the value; it has failed if there is no such axis, one
 *   is given twice, or nothing is left
 */
KolValue *
kol_slice (KolValue *x, const KolSlice *how)
{
  return KOL_NODE (&slice_op, how, x);
}

/**
 * kol_flip:
 * @x: a tensor
 * @axes: (array length=n): which axes; negative: from the end
 * @n: how many
 *
 * @x with the order of its elements reversed along each of @axes:
 * y[.., i, ..] = x[.., length - 1 - i, ..].
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if there is no
 *   such axis, or one is given twice
 */
KolValue *
kol_flip (KolValue *x, const int *axes, int n)
{
  KolSlice how = { .n_axes = n };

  for (int i = 0; i < MIN (n, KOL_MAX_RANK); i++)
    {
      how.axes[i] = axes[i];
      how.start[i] = G_MAXINT64;
      how.stop[i] = G_MININT64;
      how.step[i] = -1;
    }
  return kol_slice (x, &how);
}

/* Whether @sizes are lengths that make up all of the axis; or a sentence. */
static gboolean
check_sizes (const KolShape *x, int axis, const gint64 *sizes, guint n, GError **error)
{
  gint64 sum = 0;

  if (!kol_find_axis (x, axis, &axis, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      if (sizes[i] < 1 || sizes[i] > x->dim[axis])
        return kol_infer_fail (error,
                               "part %u of axis %d of %s is to be %" G_GINT64_FORMAT
                               " long; a part has 1 element or more, and all have "
                               "%" G_GINT64_FORMAT,
                               i, axis, kol_shape_text (x), sizes[i], x->dim[axis]);
      sum += sizes[i];
    }
  return sum == x->dim[axis]
         || kol_infer_fail (error,
                            "the %u parts of axis %d of %s are %" G_GINT64_FORMAT
                            " long together; they have to be %" G_GINT64_FORMAT,
                            n, axis, kol_shape_text (x), sum, x->dim[axis]);
}

/**
 * kol_split:
 * @x: a tensor
 * @axis: along which axis; negative: from the end
 * @sizes: (array length=n): the parts' lengths, together that of the axis
 * @n: how many parts
 * @outputs: (out) (array length=n) (transfer none): the parts; all have failed if
 *   there is no such axis, or the lengths do not add up to it
 *
 * Cuts @x into parts, each a kol_slice(). kol_concat() puts them together again.
 */
void
kol_split (KolValue *x, int axis, const gint64 *sizes, guint n, KolValue **outputs)
{
  KolSlice part = { .n_axes = 1, .axes = { axis } };
  g_autoptr (GError) error = NULL;
  KolValue *failed = NULL;

  g_return_if_fail (x && sizes && outputs);
  if (kol_value_failed (x))
    failed = x;
  else if (!check_sizes (&x->shape, axis, sizes, n, &error))
    failed = kol_graph_fail (x->graph, KOL_ERROR_SHAPE, "split: %s", error->message);
  for (guint i = 0; i < n; i++)
    {
      part.start[0] = part.stop[0];
      part.stop[0] += failed ? 0 : sizes[i];
      outputs[i] = failed ? failed : kol_slice (x, &part);
    }
}
