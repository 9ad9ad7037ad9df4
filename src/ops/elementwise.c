/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Functions of each element by itself: elementwise-table.h has them all, this
 * file makes operations of its entries. y[i] = f (a[i], b[i]), where a and b are
 * stretched to a common shape as in NumPy. elementwise-launch.c computes them;
 * kol_expand() is the same launch with f (a) = a, kol_where() has a third operand,
 * and a plan puts several functions into one, elementwise-chain.c.
 */

#include "ops/elementwise-private.h"
#include "ops/pool-private.h"
#include "ops.h"

#include <math.h>

/* An entry of the table; its operation comes first, so that a KolOp of ours leads back to it. */
typedef struct {
  KolOp op;
  double (*value) (double a, double b, double p, double q);
} Function;

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

static void
elementwise_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const Function *function = (const Function *) node->op;
  const float *numbers = node->attributes;
  const KolValue *out = &node->outputs[0];
  guint last = node->n_inputs - 1;

  for (gint64 i = 0; i < kol_count (out); i++)
    {
      double a = x[0][kol_operand_index (&node->inputs[0]->shape, &out->shape, i)];
      double b = x[last][kol_operand_index (&node->inputs[last]->shape, &out->shape, i)];

      y[0][i] = function->value (a, b, numbers ? numbers[0] : 0, numbers ? numbers[1] : 0);
    }
}

/* ── The functions that only gradients use ──────────────────────────────────────────────────── */

#define KOL_ELEMENTWISE(NAME, ...) static const Function NAME##_function;
#include "ops/elementwise-table.h"
#undef KOL_ELEMENTWISE

#define PRIVATE_BINARY(NAME)                                                                       \
  static KolValue *NAME (KolValue *a, KolValue *b)                                                 \
  {                                                                                                \
    return KOL_NODE (&NAME##_function.op, NULL, a, b);                                             \
  }
#define PRIVATE_BINARY_WITH(NAME)                                                                  \
  static KolValue *NAME (KolValue *a, KolValue *b, float p)                                        \
  {                                                                                                \
    return KOL_NODE (&NAME##_function.op, ((float[]){ p, 0 }), a, b);                              \
  }

PRIVATE_BINARY (keep_negative) /* a where b is below 0, else 0 */
PRIVATE_BINARY (prelu_slope)   /* 1 where a is above 0, else b */
PRIVATE_BINARY (square_gradient)
PRIVATE_BINARY (relu_gradient)
PRIVATE_BINARY (sigmoid_gradient)
PRIVATE_BINARY (tanh_gradient)
PRIVATE_BINARY (selu_gradient)
PRIVATE_BINARY (gelu_gradient)
PRIVATE_BINARY (gelu_tanh_gradient)
PRIVATE_BINARY (silu_gradient)
PRIVATE_BINARY (hard_swish_gradient)
PRIVATE_BINARY (softplus_gradient)
PRIVATE_BINARY (softsign_gradient)
PRIVATE_BINARY_WITH (leaky_relu_gradient)
PRIVATE_BINARY_WITH (elu_gradient)
PRIVATE_BINARY_WITH (hard_sigmoid_gradient)

static KolValue *
clip_gradient (KolValue *dy, KolValue *a, float low, float high)
{
  return KOL_NODE (&clip_gradient_function.op, ((float[]){ low, high }), dy, a);
}

/* ── Parts of gradients that are several nodes ──────────────────────────────────────────────── */

/*
 * Behind a maximum pooling of y, what reaches an element is cut off where that is
 * not above 0, and what reaches it is what it is the maximum of: so the cut is made
 * at the maxima, which are fewer, and y need not be kept.
 */
static KolValue *
gradient_of_relu (KolValue *dy, KolValue *y)
{
  KolValue *pooled = kol_max_pool_gradient_through (dy, y, relu_gradient);

  return pooled ? pooled : relu_gradient (dy, y);
}

static KolValue *
zero_of (KolValue *a)
{
  return kol_constant (a->graph, 0);
}

static KolValue *
one_minus_square (KolValue *a)
{
  return kol_scale (kol_square (a), -1, 1);
}

/* The remainder is a - n b, where the whole number n does not change with b. */
static KolValue *
modulo_gradient_b (KolValue *dy, KolValue *y, KolValue *a, KolValue *b)
{
  KolValue *times = kol_round (kol_divide (kol_subtract (a, y), b));

  return kol_negate (kol_multiply (dy, times));
}

/* g times the second derivative of gelu, (2 - b^2) e^(-b^2 / 2) / (2 pi)^(1/2). */
static KolValue *
gelu_curvature (KolValue *g, KolValue *b)
{
  KolValue *square = kol_square (b);
  KolValue *bell = kol_exp (kol_scale (square, -0.5f, 0));

  return kol_multiply (g, kol_multiply (bell, kol_scale (square, -0.39894228f, 0.79788456f)));
}

/* The slope of sigmoid at z, exact for large z, too, where 1 - sigmoid (z) would be rounded. */
static KolValue *
sigmoid_slope (KolValue *z)
{
  return kol_multiply (kol_sigmoid (z), kol_sigmoid (kol_negate (z)));
}

/* The same of silu = b s, s = sigmoid (b): s' (2 + b (1 - 2 s)). */
static KolValue *
silu_curvature (KolValue *g, KolValue *b)
{
  KolValue *bend = kol_multiply (b, kol_scale (kol_sigmoid (b), -2, 1));

  return kol_multiply (g, kol_multiply (sigmoid_slope (b), kol_scale (bend, 1, 2)));
}

/*
 * The same of gelu_tanh = b s, s = sigmoid (z), z = c b + d b^3. With w = z' = c + 3 d b^2
 * it is s' (2 w + b ((1 - 2 s) w^2 + 6 d b)).
 */
static KolValue *
gelu_tanh_curvature (KolValue *g, KolValue *b)
{
  const float c = 1.59576912f, d = 0.0713548163f;
  KolValue *square = kol_square (b), *w = kol_scale (square, 3 * d, c);
  KolValue *z = kol_multiply (b, kol_scale (square, d, c));
  KolValue *bend = kol_multiply (kol_scale (kol_sigmoid (z), -2, 1), kol_square (w));

  bend = kol_multiply (b, kol_add (bend, kol_scale (b, 6 * d, 0)));
  return kol_multiply (g, kol_multiply (sigmoid_slope (z), kol_add (kol_scale (w, 2, 0), bend)));
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
#define RANGE_WIDE                                                                                 \
  {                                                                                                \
    KOL_FILL_UNIFORM, -5, 5                                                                        \
  }
#define RANGE_INNER                                                                                \
  {                                                                                                \
    KOL_FILL_UNIFORM, -0.9, 0.9                                                                    \
  }
#define RANGE_ABOVE_ONE                                                                            \
  {                                                                                                \
    KOL_FILL_UNIFORM, 1.5, 3                                                                       \
  }
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
#define RANGE_FIXED_ANY RANGE_ANY
#define RANGE_FIXED_WIDE RANGE_WIDE

#define IS_FIXED_ANY 0
#define IS_FIXED_POSITIVE 0
#define IS_FIXED_NONZERO 0
#define IS_FIXED_SMALL 0
#define IS_FIXED_WIDE 0
#define IS_FIXED_INNER 0
#define IS_FIXED_ABOVE_ONE 0
#define IS_FIXED_WHOLE 0
#define IS_FIXED_NONE 0
#define IS_FIXED_FIXED_WHOLE 1
#define IS_FIXED_FIXED_NONZERO 1
#define IS_FIXED_FIXED_ANY 1
#define IS_FIXED_FIXED_WIDE 1

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
            .variants = kol_elementwise_variants,                                                  \
            .formula = #Y },                                                                       \
    .value = NAME##_value,                                                                         \
  };
#include "ops/elementwise-table.h"
#undef KOL_ELEMENTWISE

extern const KolOp *const kol_elementwise_ops[];
const KolOp *const kol_elementwise_ops[] = {
#define KOL_ELEMENTWISE(NAME, ...) &NAME##_function.op,
#include "ops/elementwise-table.h"
#undef KOL_ELEMENTWISE
  NULL,
};

/* ── Constructors ───────────────────────────────────────────────────────────────────────────── */

#define UNARY(NAME)                                                                                \
  KolValue *kol_##NAME (KolValue *a) { return KOL_NODE (&NAME##_function.op, NULL, a); }
#define BINARY(NAME)                                                                               \
  KolValue *kol_##NAME (KolValue *a, KolValue *b)                                                  \
  {                                                                                                \
    return KOL_NODE (&NAME##_function.op, NULL, a, b);                                             \
  }

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
BINARY (add)

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
BINARY (subtract)

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
BINARY (multiply)

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
BINARY (divide)

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
BINARY (pow)

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
BINARY (maximum)

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
BINARY (minimum)

/**
 * kol_fmod:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * The remainder of a / b with the sign of @a, as C's fmod(): a - b trunc (a /
 * b). It is exact, and NaN where b is 0. See kol_modulo() for the other rule.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
BINARY (fmod)

/**
 * kol_modulo:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * The remainder of a / b with the sign of @b, as Python's %: a - b floor (a /
 * b), NaN where b is 0. See kol_fmod() for the other rule.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
BINARY (modulo)

/**
 * kol_sigmoid_cross_entropy:
 * @a: logits: a tensor, before any sigmoid
 * @b: what the probabilities should be, 0 to 1; both broadcast as in NumPy
 *
 * -b log s - (1 - b) log (1 - s) with s = sigmoid (a), in nats. Large logits do
 * not overflow, and small losses keep their digits.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
BINARY (sigmoid_cross_entropy)

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
BINARY (equal)

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
BINARY (greater)

/**
 * kol_not_equal:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * 1 where a is not b, else 0; a NaN equals nothing.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
BINARY (not_equal)

/**
 * kol_greater_equal:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * 1 where a >= b, else 0.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
BINARY (greater_equal)

/**
 * kol_less:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * 1 where a < b, else 0.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
BINARY (less)

/**
 * kol_less_equal:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * 1 where a <= b, else 0.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
BINARY (less_equal)

/**
 * kol_and:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * 1 where neither is 0, else 0: all but 0 is true, NaN, too.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
BINARY (and)

/**
 * kol_or:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * 1 where one is not 0, or both, else 0: all but 0 is true, NaN, too.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
BINARY (or)

/**
 * kol_xor:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * 1 where one of the two is 0 and the other is not, else 0.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
BINARY (xor)

/**
 * kol_not:
 * @a: a tensor of any shape
 *
 * 1 where a is 0, else 0.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (not )

/**
 * kol_is_nan:
 * @a: a tensor of any shape
 *
 * 1 where a is not a number, else 0.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (is_nan)

/**
 * kol_negate:
 * @a: a tensor of any shape
 *
 * -a.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (negate)

/**
 * kol_square:
 * @a: a tensor of any shape
 *
 * a^2.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (square)

/**
 * kol_sqrt:
 * @a: a tensor of any shape
 *
 * The square root of a, NaN below 0.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (sqrt)

/**
 * kol_exp:
 * @a: a tensor of any shape
 *
 * e^a.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (exp)

/**
 * kol_log:
 * @a: a tensor of any shape
 *
 * The natural logarithm of a, NaN below 0.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (log)

/**
 * kol_relu:
 * @a: a tensor of any shape
 *
 * max (a, 0); the gradient at 0 is 0.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (relu)

/**
 * kol_sigmoid:
 * @a: a tensor of any shape
 *
 * 1 / (1 + e^-a).
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (sigmoid)

/**
 * kol_tanh:
 * @a: a tensor of any shape
 *
 * tanh a.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (tanh)

/**
 * kol_leaky_relu:
 * @a: a tensor of any shape
 * @slope: the slope for negative numbers, often 0.01
 *
 * a, and slope a where a < 0. The gradient at 0 is @slope.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_leaky_relu (KolValue *a, float slope)
{
  return KOL_NODE (&leaky_relu_function.op, ((float[]){ slope, 0 }), a);
}

/**
 * kol_prelu:
 * @a: a tensor
 * @b: a tensor; both broadcast as in NumPy: shapes are aligned at the last
 *   dimension, and a length of 1 or a missing one is stretched
 *
 * a, and b a where a < 0: a leaky ReLU whose slope is learned (He et al. 2015).
 * For a slope per channel of [N, C, H, W], @b is [C, 1, 1]. The gradient at a =
 * 0 is @b's.
 *
 * Returns: (transfer none): the value, of the stretched shape; it has failed if
 *   the shapes do not go together
 */
BINARY (prelu)

/**
 * kol_elu:
 * @a: a tensor of any shape
 * @alpha: what the function tends to at -infinity, with the sign turned; often 1
 *
 * a, and alpha (e^a - 1) where a < 0 (Clevert et al. 2015).
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_elu (KolValue *a, float alpha)
{
  return KOL_NODE (&elu_function.op, ((float[]){ alpha, 0 }), a);
}

/**
 * kol_selu:
 * @a: a tensor of any shape
 *
 * 1.0507 a, and 1.0507 1.67326 (e^a - 1) where a < 0: the two numbers, here in
 * short, keep mean 0 and variance 1 from layer to layer (Klambauer et al. 2017).
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (selu)

/**
 * kol_gelu:
 * @a: a tensor of any shape
 *
 * a Phi (a) = a/2 (1 + erf (a / 2^(1/2))), Phi being the normal distribution's
 * cumulative one (Hendrycks and Gimpel 2016).
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (gelu)

/**
 * kol_gelu_tanh:
 * @a: a tensor of any shape
 *
 * a/2 (1 + tanh ((2 / pi)^(1/2) (a + 0.044715 a^3))): the approximation of
 * kol_gelu() that GPT-2 and others were trained with.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (gelu_tanh)

/**
 * kol_silu:
 * @a: a tensor of any shape
 *
 * a sigmoid (a) = a / (1 + e^-a), also called swish.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (silu)

/**
 * kol_hard_swish:
 * @a: a tensor of any shape
 *
 * a min (max (a + 3, 0), 6) / 6 (Howard et al. 2019).
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (hard_swish)

/**
 * kol_hard_sigmoid:
 * @a: a tensor of any shape
 * @alpha: the slope between the bounds: 1/6 in PyTorch, 0.2 by default in ONNX
 * @beta: the value at 0: 0.5 in both
 *
 * min (max (alpha a + beta, 0), 1). The gradient on the bounds is 0.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
KolValue *
kol_hard_sigmoid (KolValue *a, float alpha, float beta)
{
  return KOL_NODE (&hard_sigmoid_function.op, ((float[]){ alpha, beta }), a);
}

/**
 * kol_softplus:
 * @a: a tensor of any shape
 *
 * ln (1 + e^a), computed as max (a, 0) + ln (1 + e^-|a|), which does not
 * overflow.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (softplus)

/**
 * kol_softsign:
 * @a: a tensor of any shape
 *
 * a / (1 + |a|).
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (softsign)

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
 * kol_abs:
 * @a: a tensor of any shape
 *
 * |a|. The gradient at 0 is 0.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (abs)

/**
 * kol_sign:
 * @a: a tensor of any shape
 *
 * 1 where a > 0, -1 where a < 0, 0 at 0; a NaN stays one.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (sign)

/**
 * kol_floor:
 * @a: a tensor of any shape
 *
 * The largest whole number that is not above a.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (floor)

/**
 * kol_ceil:
 * @a: a tensor of any shape
 *
 * The smallest whole number that is not below a.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (ceil)

/**
 * kol_round:
 * @a: a tensor of any shape
 *
 * The nearest whole number, of two the even one: 0.5 gives 0, 1.5 gives 2.
 *
 * No gradient flows through it.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (round)

/**
 * kol_reciprocal:
 * @a: a tensor of any shape
 *
 * 1 / a.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (reciprocal)

/**
 * kol_rsqrt:
 * @a: a tensor of any shape
 *
 * a^(-1/2).
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (rsqrt)

/**
 * kol_expm1:
 * @a: a tensor of any shape
 *
 * e^a - 1, exact near a = 0, too.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (expm1)

/**
 * kol_log1p:
 * @a: a tensor of any shape
 *
 * ln (1 + a), exact near a = 0, too; NaN where a < -1.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (log1p)

/**
 * kol_erf:
 * @a: a tensor of any shape
 *
 * The error function, 2 / pi^(1/2) times the integral of e^(-t^2) from 0 to a.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (erf)

/**
 * kol_sin:
 * @a: a tensor of any shape
 *
 * sin a, a in radians.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (sin)

/**
 * kol_cos:
 * @a: a tensor of any shape
 *
 * cos a, a in radians.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (cos)

/**
 * kol_tan:
 * @a: a tensor of any shape
 *
 * tan a, a in radians.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (tan)

/**
 * kol_asin:
 * @a: a tensor of any shape
 *
 * The angle in -pi/2 .. pi/2 whose sine is a; NaN where |a| > 1.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (asin)

/**
 * kol_acos:
 * @a: a tensor of any shape
 *
 * The angle in 0 .. pi whose cosine is a; NaN where |a| > 1.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (acos)

/**
 * kol_atan:
 * @a: a tensor of any shape
 *
 * The angle in -pi/2 .. pi/2 whose tangent is a.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (atan)

/**
 * kol_sinh:
 * @a: a tensor of any shape
 *
 * sinh a = (e^a - e^-a) / 2.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (sinh)

/**
 * kol_cosh:
 * @a: a tensor of any shape
 *
 * cosh a = (e^a + e^-a) / 2.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (cosh)

/**
 * kol_asinh:
 * @a: a tensor of any shape
 *
 * The number whose hyperbolic sine is a.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (asinh)

/**
 * kol_acosh:
 * @a: a tensor of any shape
 *
 * The number that is not negative whose hyperbolic cosine is a; NaN where a < 1.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (acosh)

/**
 * kol_atanh:
 * @a: a tensor of any shape
 *
 * The number whose hyperbolic tangent is a; NaN where |a| > 1.
 *
 * Returns: (transfer none): the value, of @a's shape
 */
UNARY (atanh)

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

/* For gradients, not for users. */
BINARY (keep_where)
BINARY (drop_where)
