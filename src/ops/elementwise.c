/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Functions of each element by itself: elementwise-table.h has them all, this
 * file is what they share. y[i] = f (a[i], b[i]), where a and b are stretched to
 * a common shape as in NumPy. kol_expand() is the same launch with f (a) = a.
 */

#include <math.h>
#include <string.h>

#include "ops/strips-private.h"
#include "ops.h"

/* An entry of the table; its operation comes first, so that a KolOp of ours leads back to it. */
typedef struct {
  KolOp op;
  guint operands;
  const char *text; /* OpenCL C, as in the table */
  double (*value) (double a, double b, double p, double q);
} Function;

/* ── How two shapes go together ─────────────────────────────────────────────────────────────── */

/*
 * The output as few dimensions as possible, the innermost first, each with the
 * distance that an operand moves per step: 0 where it is stretched. Neighbours
 * along which every operand goes on evenly are one dimension. Dimension 0 is the
 * run that kernels walk in vectors; there, a distance is 0 or 1.
 */
typedef struct {
  int n;
  gint64 length[KOL_MAX_RANK];
  gint64 distance[KOL_MAX_RANK][2];
} Walk;

/* The distances that the operands move along dimension @i of @y. */
static void
find_distances (const KolShape *y, int i, KolValue *const *inputs, guint n_inputs,
                gint64 distance[2])
{
  distance[0] = distance[1] = 0;
  for (guint k = 0; k < n_inputs; k++)
    {
      const KolShape *shape = &inputs[k]->shape;
      int own = i - (y->rank - shape->rank);

      if (own < 0 || shape->dim[own] == 1)
        continue;
      distance[k] = 1;
      for (int j = own + 1; j < shape->rank; j++)
        distance[k] *= shape->dim[j];
    }
}

static Walk
walk_new (const KolShape *y, KolValue *const *inputs, guint n_inputs)
{
  Walk walk = { .length = { 1 } };

  for (int i = y->rank - 1; i >= 0; i--)
    {
      int last = walk.n - 1;
      gint64 distance[2];

      if (y->dim[i] == 1)
        continue;
      find_distances (y, i, inputs, n_inputs, distance);
      if (walk.n && distance[0] == walk.distance[last][0] * walk.length[last]
          && distance[1] == walk.distance[last][1] * walk.length[last])
        {
          walk.length[last] *= y->dim[i];
          continue;
        }
      walk.length[walk.n] = y->dim[i];
      memcpy (walk.distance[walk.n++], distance, sizeof distance);
    }
  walk.n = MAX (walk.n, 1);
  return walk;
}

/* ── Launch ─────────────────────────────────────────────────────────────────────────────────── */

#define STRIP_ELEMENTS 4096

/* Options do without spaces: not every driver takes quotes. */
static const char *
without_spaces (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, " ", -1);
  g_autofree char *joined = g_strjoinv ("", parts);

  return g_intern_string (joined);
}

static gboolean
launch_function (KolLaunch *launch, const KolNode *node, const char *function, float p, float q,
                 GError **error)
{
  Walk walk = walk_new (&node->outputs[0].shape, node->inputs, node->n_inputs);
  gint64 count = kol_count (&node->outputs[0]);
  KolStrips strips = kol_strips (launch->device, (gsize) count, STRIP_ELEMENTS);
  KolBuffer *a = launch->inputs[0], *b = launch->inputs[node->n_inputs - 1];
  g_autofree char *options = g_strdup_printf (
      "-DFUNCTION=%s -DOPERANDS=%u -DOUTER=%d -DA_STEP=%d -DB_STEP=%d", function, node->n_inputs,
      walk.n - 1, (int) walk.distance[0][0], (int) walk.distance[0][1]);
  KolArg args[9 + 3 * KOL_MAX_RANK] = { KOL_BUFFER (a),
                                        KOL_BUFFER (b),
                                        KOL_BUFFER (launch->outputs[0]),
                                        KOL_FLOAT (p),
                                        KOL_FLOAT (q),
                                        KOL_INT (count / walk.length[0]),
                                        KOL_INT (walk.length[0]),
                                        KOL_INT (strips.each) };
  guint n = 8;

  for (int i = 1; i < walk.n; i++)
    {
      args[n++] = KOL_INT (walk.length[i]);
      args[n++] = KOL_INT (walk.distance[i][0]);
      args[n++] = KOL_INT (walk.distance[i][1]);
    }
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "elementwise",
                                       .kernel = "elementwise_forward",
                                       .options = options,
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           args, error);
}

static gboolean
elementwise_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const Function *function = (const Function *) node->op;
  const float *numbers = node->attributes;

  return launch_function (launch, node, without_spaces (function->text), numbers ? numbers[0] : 0,
                          numbers ? numbers[1] : 0, error);
}

static const KolVariant elementwise_variants[]
    = { { .name = "plain", .launch = elementwise_launch }, { 0 } };

/* ── Shapes and reference ───────────────────────────────────────────────────────────────────── */

static gboolean
elementwise_infer (KolNode *node, GError **error)
{
  const KolShape *a = &node->inputs[0]->shape;
  const KolShape *b = &node->inputs[node->n_inputs - 1]->shape;

  if (!kol_shape_broadcast (a, b, &node->outputs[0].shape))
    return kol_infer_fail (error,
                           "%s and %s do not broadcast: aligned at the last dimension, lengths "
                           "have to be equal, or one of them 1",
                           kol_shape_text (a), kol_shape_text (b));
  return TRUE;
}

/* Where in the operand the output's element @at, in row-major order, is taken from. */
static gint64
operand_index (const KolShape *operand, const KolShape *y, gint64 at)
{
  gint64 index = 0, distance = 1;

  for (int i = y->rank - 1; i >= 0; i--)
    {
      int own = i - (y->rank - operand->rank);
      gint64 position = at % y->dim[i];

      at /= y->dim[i];
      if (own < 0)
        continue;
      index += operand->dim[own] == 1 ? 0 : position * distance;
      distance *= operand->dim[own];
    }
  return index;
}

static void
elementwise_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const Function *function = (const Function *) node->op;
  const float *numbers = node->attributes;
  const KolValue *out = &node->outputs[0];
  guint last = node->n_inputs - 1;

  for (gint64 i = 0; i < kol_count (out); i++)
    {
      double a = x[0][operand_index (&node->inputs[0]->shape, &out->shape, i)];
      double b = x[last][operand_index (&node->inputs[last]->shape, &out->shape, i)];

      y[0][i] = function->value (a, b, numbers ? numbers[0] : 0, numbers ? numbers[1] : 0);
    }
}

/* ── The functions that only gradients use ──────────────────────────────────────────────────── */

#define KOL_ELEMENTWISE(NAME, ...) static const Function NAME##_function;
#include "ops/elementwise-table.h"
#undef KOL_ELEMENTWISE

/* a where b is not 0, else 0. */
static KolValue *
keep_where (KolValue *a, KolValue *b)
{
  return KOL_NODE (&keep_where_function.op, NULL, a, b);
}

/* a where b is 0, else 0. */
static KolValue *
drop_where (KolValue *a, KolValue *b)
{
  return KOL_NODE (&drop_where_function.op, NULL, a, b);
}

static KolValue *
square_gradient (KolValue *dy, KolValue *a)
{
  return KOL_NODE (&square_gradient_function.op, NULL, dy, a);
}

static KolValue *
relu_gradient (KolValue *dy, KolValue *y)
{
  return KOL_NODE (&relu_gradient_function.op, NULL, dy, y);
}

static KolValue *
sigmoid_gradient (KolValue *dy, KolValue *y)
{
  return KOL_NODE (&sigmoid_gradient_function.op, NULL, dy, y);
}

static KolValue *
tanh_gradient (KolValue *dy, KolValue *y)
{
  return KOL_NODE (&tanh_gradient_function.op, NULL, dy, y);
}

static KolValue *
clip_gradient (KolValue *dy, KolValue *a, float low, float high)
{
  return KOL_NODE (&clip_gradient_function.op, ((float[]){ low, high }), dy, a);
}

/* ── The table as C: values and gradients ───────────────────────────────────────────────────── */

#define T double
#define KOL_ELEMENTWISE(NAME, OPERANDS, NUMBERS_, Y, ...)                                          \
  static double NAME##_value (double a, double b, double p, double q) { return Y; }
#include "ops/elementwise-table.h"
#undef KOL_ELEMENTWISE
#undef T

#define KOL_ELEMENTWISE(NAME, OPERANDS, NUMBERS_, Y, RANGE_OF_A, RANGE_OF_B, TO_A, TO_B)           \
  static void NAME##_build_gradient (KolNode *node, KolValue *const *dys, KolValue **dx)           \
  {                                                                                                \
    G_GNUC_UNUSED KolValue *a = node->inputs[0], *b = node->inputs[OPERANDS - 1];                  \
    G_GNUC_UNUSED KolValue *y = &node->outputs[0], *dy = dys[0];                                   \
    const float *numbers = node->attributes;                                                       \
    G_GNUC_UNUSED float p = numbers ? numbers[0] : 0, q = numbers ? numbers[1] : 0;                \
                                                                                                   \
    dx[0] = TO_A;                                                                                  \
    if (OPERANDS == 2)                                                                             \
      dx[1] = TO_B;                                                                                \
  }
#include "ops/elementwise-table.h"
#undef KOL_ELEMENTWISE

/* ── The table as cases ─────────────────────────────────────────────────────────────────────── */

#define RANGE_ANY                                                                                  \
  {                                                                                                \
    KOL_FILL_UNIFORM, -1, 1                                                                        \
  }
#define RANGE_POSITIVE                                                                             \
  {                                                                                                \
    KOL_FILL_UNIFORM, 0.5, 2                                                                       \
  }
#define RANGE_NONZERO                                                                              \
  {                                                                                                \
    KOL_FILL_NONZERO, -1, 1                                                                        \
  }
#define RANGE_SMALL                                                                                \
  {                                                                                                \
    KOL_FILL_UNIFORM, -0.05, 0.05                                                                  \
  } /* no nearer than 0.05 to NONZERO */
#define RANGE_WHOLE                                                                                \
  {                                                                                                \
    KOL_FILL_LABELS, 0, 3                                                                          \
  }
#define RANGE_NONE                                                                                 \
  {                                                                                                \
    KOL_FILL_UNIFORM, 0, 0                                                                         \
  }
#define RANGE_FIXED_WHOLE RANGE_WHOLE
#define RANGE_FIXED_NONZERO RANGE_NONZERO

#define IS_FIXED_ANY 0
#define IS_FIXED_POSITIVE 0
#define IS_FIXED_NONZERO 0
#define IS_FIXED_SMALL 0
#define IS_FIXED_WHOLE 0
#define IS_FIXED_NONE 0
#define IS_FIXED_FIXED_WHOLE 1
#define IS_FIXED_FIXED_NONZERO 1

#define CASE(NAME, FUNCTION, OPERANDS, A, B, ...)                                                  \
  {                                                                                                \
    .name = NAME, .n_inputs = OPERANDS, .shapes = { __VA_ARGS__ },                                 \
    .attributes = FUNCTION##_numbers + 1, .fill = { RANGE_##A, RANGE_##B },                        \
    .no_gradient = IS_FIXED_##A | IS_FIXED_##B << 1                                                \
  }

#define CASES_1(F, A, B)                                                                           \
  CASE ("scalar", F, 1, A, B, KOL_SCALAR), CASE ("1", F, 1, A, B, KOL_SHAPE (1)),                  \
      CASE ("15", F, 1, A, B, KOL_SHAPE (15)), CASE ("16", F, 1, A, B, KOL_SHAPE (16)),            \
      CASE ("17", F, 1, A, B, KOL_SHAPE (17)),                                                     \
      CASE ("7x13x33", F, 1, A, B, KOL_SHAPE (7, 13, 33)),                                         \
      CASE ("4097", F, 1, A, B, KOL_SHAPE (4097)),                                                 \
  {                                                                                                \
    .name = "64x32x28x28", .n_inputs = 1, .only_tune = TRUE, .attributes = F##_numbers + 1,        \
    .shapes                                                                                        \
        = { KOL_SHAPE (64, 32, 28, 28) }                                                           \
  }

#define CASES_2(F, A, B)                                                                           \
  CASE ("scalar", F, 2, A, B, KOL_SCALAR, KOL_SCALAR),                                             \
      CASE ("17", F, 2, A, B, KOL_SHAPE (17), KOL_SHAPE (17)),                                     \
      CASE ("7x13x33", F, 2, A, B, KOL_SHAPE (7, 13, 33), KOL_SHAPE (7, 13, 33)),                  \
      CASE ("4097-and-scalar", F, 2, A, B, KOL_SHAPE (4097), KOL_SCALAR),                          \
      CASE ("scalar-and-31", F, 2, A, B, KOL_SCALAR, KOL_SHAPE (31)),                              \
      CASE ("13x33-and-row", F, 2, A, B, KOL_SHAPE (13, 33), KOL_SHAPE (33)),                      \
      CASE ("row-and-13x33", F, 2, A, B, KOL_SHAPE (33), KOL_SHAPE (13, 33)),                      \
      CASE ("13x33-and-column", F, 2, A, B, KOL_SHAPE (13, 33), KOL_SHAPE (13, 1)),                \
      CASE ("many-short-rows", F, 2, A, B, KOL_SHAPE (1009, 3), KOL_SHAPE (3)),                    \
      CASE ("bias", F, 2, A, B, KOL_SHAPE (2, 5, 7, 9), KOL_SHAPE (5, 1, 1)),                      \
      CASE ("both-stretch", F, 2, A, B, KOL_SHAPE (7, 1, 17), KOL_SHAPE (1, 6, 1)),                \
      CASE ("even-stretch", F, 2, A, B, KOL_SHAPE (1, 3, 1, 3, 1, 3, 1, 3),                        \
            KOL_SHAPE (2, 3, 2, 3, 2, 3, 2, 3)),                                                   \
      CASE ("all-stretch", F, 2, A, B, KOL_SHAPE (2, 1, 3, 1, 2, 1, 3, 1),                         \
            KOL_SHAPE (1, 3, 1, 2, 1, 3, 1, 2)),                                                   \
      { .name = "64x32x28x28",                                                                     \
        .n_inputs = 2,                                                                             \
        .only_tune = TRUE,                                                                         \
        .attributes = F##_numbers + 1,                                                             \
        .shapes = { KOL_SHAPE (64, 32, 28, 28), KOL_SHAPE (64, 32, 28, 28) } },                    \
  {                                                                                                \
    .name = "64x32x28x28-bias", .n_inputs = 2, .only_tune = TRUE, .attributes = F##_numbers + 1,   \
    .shapes                                                                                        \
        = { KOL_SHAPE (64, 32, 28, 28),                                                            \
            KOL_SHAPE (32, 1, 1) }                                                                 \
  }

#define NUMBERS(...)                                                                               \
  {                                                                                                \
    0, ##__VA_ARGS__                                                                               \
  }
#define KOL_ELEMENTWISE(NAME, OPERANDS, NUMBERS_, Y, RANGE_OF_A, RANGE_OF_B, ...)                  \
  static const float NAME##_numbers[] = NUMBERS_; /* behind a 0: there may be none */              \
  static const KolCase NAME##_cases[] = { CASES_##OPERANDS (NAME, RANGE_OF_A, RANGE_OF_B), { 0 } };
#include "ops/elementwise-table.h"
#undef KOL_ELEMENTWISE

/* ── The table as operations ────────────────────────────────────────────────────────────────── */

#define KOL_ELEMENTWISE(NAME, OPERANDS, NUMBERS_, Y, ...)                                          \
  static const Function NAME##_function = {                                                        \
    .op = { .name = #NAME,                                                                         \
            .attributes = sizeof NAME##_numbers - sizeof (float),                                  \
            .infer = elementwise_infer,                                                            \
            .gradient = NAME##_build_gradient,                                                     \
            .reference = elementwise_reference,                                                    \
            .cases = NAME##_cases,                                                                 \
            .variants = elementwise_variants,                                                      \
            .expression = OPERANDS == 1 && sizeof NAME##_numbers == sizeof (float) ? #Y : NULL },  \
    .operands = OPERANDS,                                                                          \
    .text = #Y,                                                                                    \
    .value = NAME##_value,                                                                         \
  };
#include "ops/elementwise-table.h"
#undef KOL_ELEMENTWISE

/* ── expand ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
expand_infer (KolNode *node, GError **error)
{
  const KolShape *a = &node->inputs[0]->shape, *shape = node->attributes;

  if (!kol_shape_broadcast (a, shape, &node->outputs[0].shape)
      || !kol_shape_equal (&node->outputs[0].shape, shape))
    return kol_infer_fail (error,
                           "%s cannot be stretched to %s: aligned at the last dimension, a length "
                           "has to be 1, missing, or what is asked for",
                           kol_shape_text (a), kol_shape_text (shape));
  return TRUE;
}

/* The gradient has y's shape: the reverse walk sums it over what was stretched. */
static void
expand_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = dy[0];
}

static void
expand_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolValue *out = &node->outputs[0];

  for (gint64 i = 0; i < kol_count (out); i++)
    y[0][i] = x[0][operand_index (&node->inputs[0]->shape, &out->shape, i)];
}

static gboolean
expand_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  return launch_function (launch, node, "a", 0, 0, error);
}

static const KolCase expand_cases[]
    = { { .name = "scalar-to-7x33",
          .n_inputs = 1,
          .shapes = { KOL_SCALAR },
          .attributes = &(const KolShape){ 2, { 7, 33 } } },
        { .name = "1x1-to-1x4097",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (1, 1) },
          .attributes = &(const KolShape){ 2, { 1, 4097 } } },
        { .name = "row-to-13x33",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (33) },
          .attributes = &(const KolShape){ 2, { 13, 33 } } },
        { .name = "column-to-13x33",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (13, 1) },
          .attributes = &(const KolShape){ 2, { 13, 33 } } },
        { .name = "channels",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (5, 1, 1) },
          .attributes = &(const KolShape){ 4, { 2, 5, 7, 9 } } },
        { .name = "same",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (7, 13, 33) },
          .attributes = &(const KolShape){ 3, { 7, 13, 33 } } },
        { .name = "odd-stretch",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (2, 1, 2, 1, 2, 1, 2, 1) },
          .attributes = &(const KolShape){ 8, { 2, 3, 2, 3, 2, 3, 2, 3 } } },
        { 0 } };

static const KolOp expand_op = {
  .name = "expand",
  .attributes = sizeof (KolShape),
  .infer = expand_infer,
  .gradient = expand_gradient,
  .reference = expand_reference,
  .cases = expand_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = expand_launch }, { 0 } },
};

extern const KolOp *const kol_elementwise_ops[];
const KolOp *const kol_elementwise_ops[] = {
#define KOL_ELEMENTWISE(NAME, ...) &NAME##_function.op,
#include "ops/elementwise-table.h"
#undef KOL_ELEMENTWISE
  &expand_op,
  NULL,
};

/* ── Constructors ───────────────────────────────────────────────────────────────────────────── */

/**
 * kol_add:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * a + b.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
KolValue *
kol_add (KolValue *a, KolValue *b)
{
  return KOL_NODE (&add_function.op, NULL, a, b);
}

/**
 * kol_subtract:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * a - b.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
KolValue *
kol_subtract (KolValue *a, KolValue *b)
{
  return KOL_NODE (&subtract_function.op, NULL, a, b);
}

/**
 * kol_multiply:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * a b, element by element.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
KolValue *
kol_multiply (KolValue *a, KolValue *b)
{
  return KOL_NODE (&multiply_function.op, NULL, a, b);
}

/**
 * kol_divide:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * a / b.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
KolValue *
kol_divide (KolValue *a, KolValue *b)
{
  return KOL_NODE (&divide_function.op, NULL, a, b);
}

/**
 * kol_pow:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * a^b.
 *
 * The gradient to @b is a^b ln a, and 0 where a is 0; that to @a is b a^(b-1), and 0
 * where b is 0.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
KolValue *
kol_pow (KolValue *a, KolValue *b)
{
  return KOL_NODE (&pow_function.op, NULL, a, b);
}

/**
 * kol_maximum:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * max (a, b).
 *
 * A NaN on either side gives NaN. Where both are equal the gradient goes to @a.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
KolValue *
kol_maximum (KolValue *a, KolValue *b)
{
  return KOL_NODE (&maximum_function.op, NULL, a, b);
}

/**
 * kol_minimum:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * min (a, b).
 *
 * A NaN on either side gives NaN. Where both are equal the gradient goes to @a.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
KolValue *
kol_minimum (KolValue *a, KolValue *b)
{
  return KOL_NODE (&minimum_function.op, NULL, a, b);
}

/**
 * kol_equal:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * 1 where a = b, else 0; a NaN equals nothing.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
KolValue *
kol_equal (KolValue *a, KolValue *b)
{
  return KOL_NODE (&equal_function.op, NULL, a, b);
}

/**
 * kol_greater:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * 1 where a > b, else 0.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
KolValue *
kol_greater (KolValue *a, KolValue *b)
{
  return KOL_NODE (&greater_function.op, NULL, a, b);
}

/**
 * kol_negate:
 * @a: a tensor of any shape
 *
 * -a.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_negate (KolValue *a)
{
  return KOL_NODE (&negate_function.op, NULL, a);
}

/**
 * kol_square:
 * @a: a tensor of any shape
 *
 * a^2.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_square (KolValue *a)
{
  return KOL_NODE (&square_function.op, NULL, a);
}

/**
 * kol_sqrt:
 * @a: a tensor of any shape
 *
 * The square root of a, NaN below 0.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_sqrt (KolValue *a)
{
  return KOL_NODE (&sqrt_function.op, NULL, a);
}

/**
 * kol_exp:
 * @a: a tensor of any shape
 *
 * e^a.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_exp (KolValue *a)
{
  return KOL_NODE (&exp_function.op, NULL, a);
}

/**
 * kol_log:
 * @a: a tensor of any shape
 *
 * The natural logarithm of a, NaN below 0.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_log (KolValue *a)
{
  return KOL_NODE (&log_function.op, NULL, a);
}

/**
 * kol_relu:
 * @a: a tensor of any shape
 *
 * max (a, 0); the gradient at 0 is 0.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_relu (KolValue *a)
{
  return KOL_NODE (&relu_function.op, NULL, a);
}

/**
 * kol_sigmoid:
 * @a: a tensor of any shape
 *
 * 1 / (1 + e^-a).
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_sigmoid (KolValue *a)
{
  return KOL_NODE (&sigmoid_function.op, NULL, a);
}

/**
 * kol_tanh:
 * @a: a tensor of any shape
 *
 * tanh a.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_tanh (KolValue *a)
{
  return KOL_NODE (&tanh_function.op, NULL, a);
}

/**
 * kol_clip:
 * @a: a tensor of any shape
 * @low: the least value
 * @high: the largest value, not below @low
 *
 * min (max (a, low), high). The gradient is that of @a where it is within the
 * bounds, on them included, and 0 elsewhere. A NaN stays one.
 *
 * Returns: (transfer none): the value, of @a's shape; it has failed if @low is
 *   above @high
 */
KolValue *
kol_clip (KolValue *a, float low, float high)
{
  if (!kol_value_failed (a) && !(low <= high))
    return kol_graph_fail (a->graph, KOL_ERROR_SHAPE,
                           "clip: %s of shape %s cannot be clipped to %g .. %g; the lower bound "
                           "comes first",
                           a->node->name, kol_shape_text (&a->shape), low, high);
  return KOL_NODE (&clip_function.op, ((float[]){ low, high }), a);
}

/**
 * kol_scale:
 * @a: a tensor of any shape
 * @factor: a number
 * @offset: a number
 *
 * factor a + offset.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_scale (KolValue *a, float factor, float offset)
{
  return KOL_NODE (&scale_function.op, ((float[]){ factor, offset }), a);
}

/**
 * kol_expand:
 * @a: a tensor
 * @shape: the shape to stretch it to
 *
 * Copies @a along the dimensions in which it has length 1, or none, and @shape
 * has more, as it would be stretched beside a tensor of @shape.
 *
 * Returns: (transfer none): the value, of @shape; it has failed if @a does not
 *   stretch to that
 */
KolValue *
kol_expand (KolValue *a, KolShape shape)
{
  return KOL_NODE (&expand_op, &shape, a);
}
