/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A border around a tensor, of a number or of its own elements; or less than
 * nothing: a crop. Dimensions without a border are first made one. The gradient of
 * a border of numbers takes it off again. That of a border of copies sums an
 * element's copies, one axis after the other; an element looks for its own.
 */

#include "ops/axes-private.h"
#include "ops/pad-private.h"
#include "ops/strips-private.h"

#define STRIP_ELEMENTS 8192

/* ── Launch ─────────────────────────────────────────────────────────────────────────────────── */

/* A dimension as the kernel wants it: steps are positive, x_step may not be. */
typedef struct {
  gint64 x_length, y_length, x_step, start, step;
} Dimension;

/* The dimensions in as small a number as possible, the innermost first. */
typedef struct {
  int n;
  Dimension dimension[KOL_MAX_RANK];
  gint64 x_at; /* where in x position 0 of all dimensions is */
} Dimensions;

/* Whether @outer and @inner, which lies whole and unchanged, are one dimension. */
static gboolean
are_one (const Dimension *inner, const Dimension *outer, gboolean copies)
{
  gboolean whole = inner->start == 0 && inner->step == 1 && inner->x_length == inner->y_length;
  gboolean outer_whole = outer->start == 0 && outer->x_length == outer->y_length;

  return whole && outer->step == 1 && outer->x_step == inner->x_step * inner->x_length
         && (outer_whole || !copies);
}

/* With @copies the border is of copies: it has to stay a dimension of its own. */
static Dimensions
dimensions_new (const KolPlacement *axes, int n, gboolean copies)
{
  Dimensions self = { 0 };
  gint64 distance = 1;

  for (int i = n - 1; i >= 0; distance *= axes[i].x_length, i--)
    {
      const KolPlacement *axis = &axes[i];
      gint64 last = axis->x_length - 1;
      Dimension next = { axis->x_length, axis->y_length, distance, axis->start, axis->step };
      Dimension *inner = self.n ? &self.dimension[self.n - 1] : NULL;

      if (axis->step < 0)
        {
          next.start += last * axis->step;
          next.step = -axis->step;
          next.x_step = -distance;
          self.x_at += last * distance;
        }
      if (inner && are_one (inner, &next, copies))
        {
          next.start *= inner->y_length;
          inner->start = next.start;
          inner->x_length *= next.x_length;
          inner->y_length *= next.y_length;
        }
      else
        self.dimension[self.n++] = next;
    }
  if (!self.n)
    self.dimension[self.n++] = (Dimension){ 1, 1, 1, 0, 1 };
  return self;
}

static const char *
mode_option (KolPadMode mode)
{
  return mode == KOL_PAD_REFLECT ? "-DREFLECT " : mode == KOL_PAD_EDGE ? "-DEDGE " : "";
}

static guint
append_dimension (KolArg *args, guint n, const Dimension *dimension)
{
  args[n++] = KOL_INT (dimension->y_length);
  args[n++] = KOL_INT (dimension->x_length);
  args[n++] = KOL_INT (dimension->x_step);
  args[n++] = KOL_INT (dimension->start);
  args[n++] = KOL_INT (dimension->step);
  return n;
}

gboolean
kol_pad_launch (KolLaunch *launch, KolPadMode mode, float value, const KolPlacement *axes, int n,
                GError **error)
{
  Dimensions dimensions = dimensions_new (axes, n, mode != KOL_PAD_CONSTANT);
  g_autofree char *options = g_strdup_printf ("%s-DOUTER=%d", mode_option (mode), dimensions.n - 1);
  KolArg args[7 + 5 * KOL_MAX_RANK];
  gint64 count = 1;
  KolStrips strips;
  guint at = 6;

  for (int i = 0; i < dimensions.n; i++)
    {
      at = append_dimension (args, at, &dimensions.dimension[i]);
      count *= dimensions.dimension[i].y_length;
    }
  args[at] = (KolArg){ KOL_ARG_END };
  strips = kol_strips (launch->device, (gsize) count, STRIP_ELEMENTS);
  args[0] = KOL_BUFFER (launch->inputs[0]);
  args[1] = KOL_BUFFER (launch->outputs[0]);
  args[2] = KOL_FLOAT (value);
  args[3] = KOL_INT (dimensions.x_at);
  args[4] = KOL_INT (count / dimensions.dimension[0].y_length);
  args[5] = KOL_INT (strips.each);
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "pad",
                                       .kernel = "pad_forward",
                                       .options = options,
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           args, error);
}

static gboolean
pad_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolPad *how = node->attributes;
  const KolShape *x = &node->inputs[0]->shape, *y = &node->outputs[0].shape;
  KolPlacement axes[KOL_MAX_RANK];

  for (int i = 0; i < x->rank; i++)
    axes[i] = (KolPlacement){
      .x_length = x->dim[i], .y_length = y->dim[i], .start = how->before[i], .step = 1
    };
  return kol_pad_launch (launch, how->mode, how->value, axes, x->rank, error);
}

/* ── pad ────────────────────────────────────────────────────────────────────────────────────── */

/* Checks what is to be added to axis @i, in front and behind. */
static gboolean
check_axis (const KolPad *how, const KolShape *x, int i, GError **error)
{
  gint64 before = how->before[i], after = how->after[i];
  const char *name = how->mode == KOL_PAD_REFLECT ? "reflect" : "edge";

  if (x->dim[i] + before + after < 1)
    return kol_infer_fail (error,
                           "nothing is left of axis %d of %s with %" G_GINT64_FORMAT
                           " in front and %" G_GINT64_FORMAT " behind",
                           i, kol_shape_text (x), before, after);
  if (how->mode == KOL_PAD_CONSTANT)
    return TRUE;
  if (before < 0 || after < 0)
    return kol_infer_fail (error,
                           "axis %d of %s is to get %" G_GINT64_FORMAT
                           " elements in front and %" G_GINT64_FORMAT
                           " behind in mode %s; only the constant mode takes elements away",
                           i, kol_shape_text (x), before, after, name);
  if (how->mode == KOL_PAD_REFLECT && MAX (before, after) >= x->dim[i])
    return kol_infer_fail (error,
                           "axis %d of %s is to get %" G_GINT64_FORMAT
                           " elements in front and %" G_GINT64_FORMAT
                           " behind in mode %s, but it has only %" G_GINT64_FORMAT
                           " to reflect: it must be longer than either",
                           i, kol_shape_text (x), before, after, name, x->dim[i]);
  return TRUE;
}

static gboolean
pad_infer (KolNode *node, GError **error)
{
  const KolPad *how = node->attributes;
  const KolShape *x = &node->inputs[0]->shape;
  KolShape *y = &node->outputs[0].shape;

  *y = *x;
  if (how->mode < KOL_PAD_CONSTANT || how->mode > KOL_PAD_EDGE)
    return kol_infer_fail (error, "mode %d for %s; there are constant, reflect and edge",
                           (int) how->mode, kol_shape_text (x));
  for (int i = 0; i < x->rank; i++)
    {
      if (!check_axis (how, x, i, error))
        return FALSE;
      y->dim[i] += (gint64) how->before[i] + how->after[i];
    }
  return TRUE;
}

/* For the gradient of a border of copies: one axis. */
typedef struct {
  KolPadMode mode;
  int axis;
  int before, after;
} PadGradient;

static const KolOp gradient_op;

/* What was added is taken off, and what was taken off is 0. */
static KolValue *
constant_gradient (const KolPad *how, KolValue *dy)
{
  KolPad back = { .mode = KOL_PAD_CONSTANT };

  for (int i = 0; i < dy->shape.rank; i++)
    {
      back.before[i] = -how->before[i];
      back.after[i] = -how->after[i];
    }
  return kol_pad (dy, &back);
}

static void
pad_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  const KolPad *how = node->attributes;

  dx[0] = how->mode == KOL_PAD_CONSTANT ? constant_gradient (how, dy[0]) : dy[0];
  for (int i = 0; how->mode != KOL_PAD_CONSTANT && i < node->inputs[0]->shape.rank; i++)
    if (how->before[i] || how->after[i])
      dx[0] = KOL_NODE (&gradient_op,
                        (&(PadGradient){ how->mode, i, how->before[i], how->after[i] }), dx[0]);
}

/* Which of @length positions goes to @p of the padded ones; -1: none. */
static gint64
source (KolPadMode mode, gint64 p, gint64 before, gint64 length)
{
  gint64 q = p - before;

  if (mode == KOL_PAD_CONSTANT)
    return q >= 0 && q < length ? q : -1;
  if (mode == KOL_PAD_EDGE)
    return CLAMP (q, 0, length - 1);
  q = ABS (q);
  return q < length ? q : 2 * (length - 1) - q;
}

static void
pad_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolPad *how = node->attributes;
  const KolShape *from = &node->inputs[0]->shape, *to = &node->outputs[0].shape;

  for (gint64 at = 0; at < kol_shape_count (to); at++)
    {
      gint64 rest = at, place = 0, distance = 1;
      gboolean inside = TRUE;

      for (int i = to->rank - 1; i >= 0; i--)
        {
          gint64 q = source (how->mode, rest % to->dim[i], how->before[i], from->dim[i]);

          inside = inside && q >= 0;
          place += q * distance;
          distance *= from->dim[i];
          rest /= to->dim[i];
        }
      y[0][at] = inside ? x[0][place] : how->value;
    }
}

#define CASE(NAME, MODE, VALUE, BEFORE, AFTER, ...)                                                \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { __VA_ARGS__ }, .attributes = &(const KolPad)          \
    {                                                                                              \
      KOL_PAD_##MODE, BEFORE, AFTER, VALUE                                                         \
    }                                                                                              \
  }
#define BY(...)                                                                                    \
  {                                                                                                \
    __VA_ARGS__                                                                                    \
  }

static const KolCase pad_cases[] = {
  CASE ("scalar", CONSTANT, 3, BY (0), BY (0), KOL_SCALAR),
  CASE ("1", CONSTANT, -2.5f, BY (1), BY (1), KOL_SHAPE (1)),
  CASE ("none", CONSTANT, 7, BY (0, 0), BY (0, 0), KOL_SHAPE (3, 17)),
  CASE ("17", CONSTANT, 0, BY (15), BY (17), KOL_SHAPE (17)),
  CASE ("rows", CONSTANT, 0.5f, BY (1, 0), BY (2, 0), KOL_SHAPE (5, 33)),
  CASE ("columns", CONSTANT, 0.5f, BY (0, 3), BY (0, 1), KOL_SHAPE (65, 13)),
  CASE ("picture", CONSTANT, 0, BY (0, 0, 1, 2), BY (0, 0, 3, 4), KOL_SHAPE (2, 3, 7, 16)),
  CASE ("crop", CONSTANT, 9, BY (-1, -2), BY (-1, -3), KOL_SHAPE (5, 33)),
  CASE ("shift", CONSTANT, 9, BY (2, -2), BY (-2, 2), KOL_SHAPE (5, 17)),
  CASE ("all-off", CONSTANT, 9, BY (5), BY (-4), KOL_SHAPE (3)),
  CASE ("all-off-in-front", CONSTANT, 9, BY (-4), BY (5), KOL_SHAPE (3)),
  CASE ("large", CONSTANT, 1, BY (2, 100), BY (1, 300), KOL_SHAPE (3, 8191)),
  CASE ("eight", CONSTANT, 1, BY (1, 0, 1, -1, 0, 2, 1, 0), BY (0, 1, 0, 0, 1, 0, 0, 1),
        KOL_SHAPE (1, 2, 1, 3, 1, 2, 1, 3)),
  CASE ("reflect-2", REFLECT, 0, BY (1), BY (1), KOL_SHAPE (2)),
  CASE ("reflect-17", REFLECT, 0, BY (16), BY (15), KOL_SHAPE (17)),
  CASE ("reflect-one-side", REFLECT, 0, BY (0, 2), BY (3, 0), KOL_SHAPE (5, 33)),
  CASE ("reflect-rows", REFLECT, 0, BY (2, 0), BY (2, 0), KOL_SHAPE (3, 65)),
  CASE ("reflect-picture", REFLECT, 0, BY (0, 0, 3, 1), BY (0, 0, 2, 4), KOL_SHAPE (2, 3, 7, 17)),
  CASE ("reflect-channels-last", REFLECT, 0, BY (0, 3, 1), BY (0, 2, 4), KOL_SHAPE (2, 7, 9, 5)),
  CASE ("edge-1", EDGE, 0, BY (3), BY (2), KOL_SHAPE (1)),
  CASE ("edge-17", EDGE, 0, BY (1), BY (31), KOL_SHAPE (17)),
  CASE ("edge-rows", EDGE, 0, BY (2, 0), BY (7, 0), KOL_SHAPE (3, 65)),
  CASE ("edge-picture", EDGE, 0, BY (0, 0, 3, 1), BY (0, 0, 2, 4), KOL_SHAPE (2, 3, 7, 17)),
  CASE ("edge-all", EDGE, 0, BY (1, 2, 3, 4), BY (4, 3, 2, 1), KOL_SHAPE (2, 1, 3, 5)),
  { 0 }
};

/* ── pad_gradient ───────────────────────────────────────────────────────────────────────────── */

static gboolean
gradient_infer (KolNode *node, GError **error)
{
  const PadGradient *how = node->attributes;
  const KolShape *dy = &node->inputs[0]->shape;
  int axis;

  if (!kol_find_axis (dy, how->axis, &axis, error))
    return FALSE;
  node->outputs[0].shape = *dy;
  node->outputs[0].shape.dim[axis] -= (gint64) how->before + how->after;
  if (node->outputs[0].shape.dim[axis] < 1)
    return kol_infer_fail (error, "axis %d of %s is no longer than its border of %d and %d", axis,
                           kol_shape_text (dy), how->before, how->after);
  return TRUE;
}

static void
gradient_gradient (KolNode *node, KolValue *const *d, KolValue **dx)
{
  const PadGradient *how = node->attributes;
  KolPad pad = { .mode = how->mode };

  pad.before[how->axis] = how->before;
  pad.after[how->axis] = how->after;
  dx[0] = kol_pad (d[0], &pad);
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const PadGradient *how = node->attributes;
  KolAlong from = kol_along (&node->inputs[0]->shape, how->axis);
  KolAlong to = kol_along (&node->outputs[0].shape, how->axis);

  for (gint64 o = 0; o < from.outer; o++)
    for (gint64 p = 0; p < from.length; p++)
      for (gint64 i = 0; i < from.inner; i++)
        y[0][(o * to.length + source (how->mode, p, how->before, to.length)) * to.inner + i]
            += x[0][(o * from.length + p) * from.inner + i];
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const PadGradient *how = node->attributes;
  KolAlong x = kol_along (&node->outputs[0].shape, how->axis);
  g_autofree char *options = g_strdup_printf ("%s-DOUTER=0", mode_option (how->mode));
  KolStrips strips
      = kol_strips (launch->device, (gsize) (x.outer * x.length * x.inner), STRIP_ELEMENTS);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "pad",
                                       .kernel = "pad_gradient",
                                       .options = options,
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]),
                                     KOL_BUFFER (launch->outputs[0]), KOL_INT (x.outer),
                                     KOL_INT (x.length), KOL_INT (x.inner), KOL_INT (how->before),
                                     KOL_INT (how->after), KOL_INT (strips.each)),
                           error);
}

#define GRADIENT_CASE(NAME, MODE, AXIS, BEFORE, AFTER, ...)                                        \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { __VA_ARGS__ }, .attributes = &(const PadGradient)     \
    {                                                                                              \
      KOL_PAD_##MODE, AXIS, BEFORE, AFTER                                                          \
    }                                                                                              \
  }

static const KolCase gradient_cases[]
    = { GRADIENT_CASE ("reflect-2", REFLECT, 0, 1, 1, KOL_SHAPE (4)),
        GRADIENT_CASE ("reflect-17", REFLECT, 0, 16, 15, KOL_SHAPE (48)),
        GRADIENT_CASE ("reflect-rows", REFLECT, 1, 2, 0, KOL_SHAPE (3, 7, 33)),
        GRADIENT_CASE ("reflect-large", REFLECT, 1, 20, 7, KOL_SHAPE (5, 5003)),
        GRADIENT_CASE ("edge-1", EDGE, 0, 2, 3, KOL_SHAPE (6)),
        GRADIENT_CASE ("edge-17", EDGE, 0, 15, 16, KOL_SHAPE (48)),
        GRADIENT_CASE ("edge-rows", EDGE, 1, 0, 2, KOL_SHAPE (3, 7, 33)),
        GRADIENT_CASE ("edge-large", EDGE, 0, 20, 7, KOL_SHAPE (5003, 5)),
        { 0 } };

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static const KolOp pad_op = {
  .name = "pad",
  .attributes = sizeof (KolPad),
  .infer = pad_infer,
  .gradient = pad_gradient,
  .reference = pad_reference,
  .cases = pad_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = pad_launch }, { 0 } },
};

static const KolOp gradient_op = {
  .name = "pad_gradient",
  .attributes = sizeof (PadGradient),
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gradient_launch }, { 0 } },
};

extern const KolOp *const kol_pad_ops[];
const KolOp *const kol_pad_ops[] = { &pad_op, &gradient_op, NULL };

/**
 * kol_pad:
 * @x: a tensor
 * @how: how many elements each axis gets in front and behind, and of what
 *
 * @x with a border: y[.., before + i, ..] = x[.., i, ..], and around it
 *
 * - %KOL_PAD_CONSTANT: how->value; a negative number takes elements away instead,
 * - %KOL_PAD_REFLECT: the elements mirrored at the outermost one, which is not
 *   repeated (c b a b c), so that an axis has to be longer than its border,
 * - %KOL_PAD_EDGE: the outermost element (a a a b c).
 *
 * Returns: (transfer none): the value, before + after longer in each axis; it has
 *   failed if nothing is left of an axis, or there is too little to reflect
 */
KolValue *
kol_pad (KolValue *x, const KolPad *how)
{
  return KOL_NODE (&pad_op, how, x);
}
