/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's operators upon single elements, its reductions and products.
 */

#include <math.h>
#include <string.h>

#include "onnx-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)

static const char *
op_type (const KolOnnxNode *node)
{
  return node->proto->op_type;
}

/* ── On the host ─────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_onnx_next (const KolShape *shape, gint64 *at)
{
  for (int i = shape->rank - 1; i >= 0; i--)
    {
      if (++at[i] < shape->dim[i])
        return TRUE;
      at[i] = 0;
    }
  return FALSE;
}

gint64
kol_onnx_broadcast_place (const KolShape *shape, const KolShape *of, const gint64 *at)
{
  gint64 place = 0;

  for (int i = 0; i < shape->rank; i++)
    place = place * shape->dim[i] + (shape->dim[i] == 1 ? 0 : at[i + of->rank - shape->rank]);
  return place;
}

/* The shape of all inputs together. */
static gboolean
broadcast_all (KolOnnxNode *node, KolShape *shape)
{
  *shape = *kol_onnx_shape (node, 0);
  for (guint i = 1; i < node->n_inputs; i++)
    {
      const KolShape *next = kol_onnx_shape (node, i);

      if (!kol_shape_broadcast (shape, next, shape))
        {
          kol_onnx_refuse (node, "the shapes %s and %s do not go together", kol_shape_text (shape),
                           kol_shape_text (next));
          return FALSE;
        }
    }
  return TRUE;
}

/* ── Functions of one element ────────────────────────────────────────────────────────────────── */

static double
host_sign (double a)
{
  return (a > 0) - (a < 0);
}

static double
host_relu (double a)
{
  return a > 0 ? a : 0;
}

static double
host_sigmoid (double a)
{
  return 1 / (1 + exp (-a));
}

static double
host_negate (double a)
{
  return -a;
}

static double
host_reciprocal (double a)
{
  return 1 / a;
}

typedef struct {
  const char *name;
  KolValue *(*device) (KolValue *a);
  double (*host) (double a); /* NULL: on the device alone */
} Unary;

static const Unary unaries[] = {
  { "Abs", kol_abs, fabs },
  { "Acos", kol_acos, acos },
  { "Acosh", kol_acosh, acosh },
  { "Asin", kol_asin, asin },
  { "Asinh", kol_asinh, asinh },
  { "Atan", kol_atan, atan },
  { "Atanh", kol_atanh, atanh },
  { "Ceil", kol_ceil, ceil },
  { "Cos", kol_cos, cos },
  { "Cosh", kol_cosh, cosh },
  { "Erf", kol_erf, erf },
  { "Exp", kol_exp, exp },
  { "Floor", kol_floor, floor },
  { "HardSwish", kol_hard_swish, NULL },
  { "Log", kol_log, log },
  { "Neg", kol_negate, host_negate },
  { "Reciprocal", kol_reciprocal, host_reciprocal },
  { "Relu", kol_relu, host_relu },
  { "Round", kol_round, nearbyint },
  { "Sigmoid", kol_sigmoid, host_sigmoid },
  { "Sign", kol_sign, host_sign },
  { "Sin", kol_sin, sin },
  { "Sinh", kol_sinh, sinh },
  { "Softplus", kol_softplus, NULL },
  { "Softsign", kol_softsign, NULL },
  { "Sqrt", kol_sqrt, sqrt },
  { "Tan", kol_tan, tan },
  { "Tanh", kol_tanh, tanh },
};

static const Unary *
find_unary (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (unaries); i++)
    if (strcmp (unaries[i].name, name) == 0)
      return &unaries[i];
  return NULL;
}

/* Whole numbers stay whole: the functions that ONNX has for them keep them so. */
static void
fold_unary (KolOnnxNode *node, const Unary *unary)
{
  const KolOnnxTensor *a = kol_onnx_tensor (node, 0);
  KolOnnxTensor *y = a ? kol_onnx_new_tensor (node, a->type, &a->shape) : NULL;

  for (gint64 i = 0; y && i < y->count; i++)
    kol_onnx_tensor_set_float (y, i, unary->host (kol_onnx_tensor_float (a, i)));
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_unary (KolOnnxNode *node)
{
  const Unary *unary = find_unary (op_type (node));

  if (node->on_host && unary->host)
    fold_unary (node, unary);
  else
    kol_onnx_set (node, 0, unary->device (kol_onnx_value (node, 0)));
}

/* Abs, Neg and Sign of whole numbers of 32 bits or more are exact in floats. */
static void
convert_exact_unary (KolOnnxNode *node)
{
  int type = kol_onnx_type (node, 0);

  if (!node->on_host && !kol_onnx_type_is_float (type) && type != TYPE (INT32)
      && type != TYPE (INT64))
    kol_onnx_refuse (node, "its input is of type %s; Kolinsky computes in float32",
                     kol_onnx_type_name (type));
  else
    convert_unary (node);
}

static void
convert_leaky_relu (KolOnnxNode *node)
{
  float alpha = (float) kol_onnx_float (node, "alpha", 0.01);

  kol_onnx_set (node, 0, kol_leaky_relu (kol_onnx_value (node, 0), alpha));
}

static void
convert_elu (KolOnnxNode *node)
{
  kol_onnx_set (node, 0,
                kol_elu (kol_onnx_value (node, 0), (float) kol_onnx_float (node, "alpha", 1)));
}

/* max (0, x) + min (0, alpha (e^(x / alpha) - 1)) = alpha elu (x / alpha) for alpha > 0 */
static void
convert_celu (KolOnnxNode *node)
{
  float alpha = (float) kol_onnx_float (node, "alpha", 1);

  if (alpha <= 0)
    kol_onnx_refuse (node, "alpha is %g; it has to be above 0", alpha);
  else
    kol_onnx_set (
        node, 0,
        kol_scale (kol_elu (kol_scale (kol_onnx_value (node, 0), 1 / alpha, 0), 1), alpha, 0));
}

/* gamma x; gamma alpha (e^x - 1) where x < 0 */
static void
convert_selu (KolOnnxNode *node)
{
  float alpha = (float) kol_onnx_float (node, "alpha", 1.67326319217681884765625);
  float gamma = (float) kol_onnx_float (node, "gamma", 1.05070102214813232421875);

  kol_onnx_set (node, 0, kol_scale (kol_elu (kol_onnx_value (node, 0), alpha), gamma, 0));
}

static void
convert_hard_sigmoid (KolOnnxNode *node)
{
  float alpha = (float) kol_onnx_float (node, "alpha", 0.2);
  float beta = (float) kol_onnx_float (node, "beta", 0.5);

  kol_onnx_set (node, 0, kol_hard_sigmoid (kol_onnx_value (node, 0), alpha, beta));
}

/* x where x > alpha, else 0 */
static void
convert_thresholded_relu (KolOnnxNode *node)
{
  float alpha = (float) kol_onnx_float (node, "alpha", 1);
  KolValue *x = kol_onnx_value (node, 0);
  KolValue *above = kol_greater (x, kol_constant (node->graph, alpha));

  kol_onnx_set (node, 0, kol_where (above, x, kol_constant (node->graph, 0)));
}

/* x + bias where x < -lambd, x - bias where x > lambd, else 0 */
static void
convert_shrink (KolOnnxNode *node)
{
  float lambda = (float) kol_onnx_float (node, "lambd", 0.5);
  float bias = (float) kol_onnx_float (node, "bias", 0);
  KolValue *x = kol_onnx_value (node, 0);
  KolValue *below = kol_less (x, kol_constant (node->graph, -lambda));
  KolValue *above = kol_greater (x, kol_constant (node->graph, lambda));
  KolValue *outer = kol_where (above, kol_scale (x, 1, -bias), kol_constant (node->graph, 0));

  kol_onnx_set (node, 0, kol_where (below, kol_scale (x, 1, bias), outer));
}

static void
convert_is_nan (KolOnnxNode *node)
{
  kol_onnx_set_typed (node, 0, kol_is_nan (kol_onnx_value (node, 0)), TYPE (BOOL));
}

/* An infinity is what lies beyond the largest number. */
static void
convert_is_inf (KolOnnxNode *node)
{
  gboolean negative = kol_onnx_int (node, "detect_negative", 1) != 0;
  gboolean positive = kol_onnx_int (node, "detect_positive", 1) != 0;
  KolValue *x = kol_onnx_value (node, 0);
  KolValue *largest = kol_constant (node->graph, G_MAXFLOAT);
  KolValue *y;

  if (negative && positive)
    y = kol_greater (kol_abs (x), largest);
  else if (positive)
    y = kol_greater (x, largest);
  else if (negative)
    y = kol_greater (kol_negate (x), largest);
  else
    y = kol_onnx_filled (node, 0, *kol_onnx_shape (node, 0));
  kol_onnx_set_typed (node, 0, y, TYPE (BOOL));
}

static void
convert_not (KolOnnxNode *node)
{
  if (node->on_host)
    {
      const KolOnnxTensor *a = kol_onnx_tensor (node, 0);
      KolOnnxTensor *y = a ? kol_onnx_new_tensor (node, TYPE (BOOL), &a->shape) : NULL;

      for (gint64 i = 0; y && i < y->count; i++)
        y->ints[i] = kol_onnx_tensor_float (a, i) == 0;
      kol_onnx_set_tensor (node, 0, y);
      return;
    }
  kol_onnx_set (node, 0, kol_not (kol_onnx_value (node, 0)));
}

/* A bound of Clip: an attribute in older files, an input in others. */
static gboolean
find_bound (KolOnnxNode *node, const char *name, guint input, float otherwise, float *bound)
{
  *bound = (float) kol_onnx_float (node, name, otherwise);
  if (!kol_onnx_has (node, input))
    return TRUE;
  if (!kol_onnx_is_known (node, input) || node->inputs[input]->tensor->count != 1)
    return FALSE;
  *bound = (float) kol_onnx_tensor_float (node->inputs[input]->tensor, 0);
  return TRUE;
}

static void
convert_clip (KolOnnxNode *node)
{
  float low, high;

  if (find_bound (node, "min", 1, -G_MAXFLOAT, &low)
      & find_bound (node, "max", 2, G_MAXFLOAT, &high))
    {
      kol_onnx_set (node, 0,
                    low <= high ? kol_clip (kol_onnx_value (node, 0), low, high)
                                : kol_onnx_filled (node, high, *kol_onnx_shape (node, 0)));
      return;
    }
  KolValue *x = kol_onnx_value (node, 0);
  if (kol_onnx_has (node, 1))
    x = kol_maximum (x, kol_onnx_value (node, 1));
  if (kol_onnx_has (node, 2))
    x = kol_minimum (x, kol_onnx_value (node, 2));
  kol_onnx_set (node, 0, x);
}

/* ── Functions of two elements, and of more ──────────────────────────────────────────────────── */

static gint64
int_add (gint64 a, gint64 b)
{
  return (gint64) ((guint64) a + (guint64) b);
}

static gint64
int_subtract (gint64 a, gint64 b)
{
  return (gint64) ((guint64) a - (guint64) b);
}

static gint64
int_multiply (gint64 a, gint64 b)
{
  return (gint64) ((guint64) a * (guint64) b);
}

/* Towards 0, as C; what has no result is 0. */
static gint64
int_divide (gint64 a, gint64 b)
{
  return b == 0 ? 0 : b == -1 ? int_subtract (0, a) : a / b;
}

static gint64
int_modulo (gint64 a, gint64 b)
{
  if (b == 0 || b == -1)
    return 0;
  gint64 rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static gint64
int_fmod (gint64 a, gint64 b)
{
  return b == 0 || b == -1 ? 0 : a % b;
}

static gint64
int_maximum (gint64 a, gint64 b)
{
  return MAX (a, b);
}

static gint64
int_minimum (gint64 a, gint64 b)
{
  return MIN (a, b);
}

static gint64
int_pow (gint64 a, gint64 b)
{
  gint64 product = 1;

  if (b < 0)
    return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
  for (; b > 0; b >>= 1, a = int_multiply (a, a))
    if (b & 1)
      product = int_multiply (product, a);
  return product;
}

#define FLOAT_BINARY(name, expression)                                                             \
  static double float_##name (double a, double b) { return expression; }
FLOAT_BINARY (add, a + b)
FLOAT_BINARY (subtract, a - b)
FLOAT_BINARY (multiply, a *b)
FLOAT_BINARY (divide, a / b)
FLOAT_BINARY (maximum, a > b ? a : b)
FLOAT_BINARY (minimum, a < b ? a : b)
FLOAT_BINARY (equal, a == b)
FLOAT_BINARY (greater, a > b)
FLOAT_BINARY (greater_equal, a >= b)
FLOAT_BINARY (less, a < b)
FLOAT_BINARY (less_equal, a <= b)
FLOAT_BINARY (and, a != 0 && b != 0)
FLOAT_BINARY (or, a != 0 || b != 0)
FLOAT_BINARY (xor, (a != 0) != (b != 0))

#define INT_BINARY(name, expression)                                                               \
  static gint64 int_##name (gint64 a, gint64 b) { return expression; }
INT_BINARY (equal, a == b)
INT_BINARY (greater, a > b)
INT_BINARY (greater_equal, a >= b)
INT_BINARY (less, a < b)
INT_BINARY (less_equal, a <= b)
INT_BINARY (and, a != 0 && b != 0)
INT_BINARY (or, a != 0 || b != 0)
INT_BINARY (xor, (a != 0) != (b != 0))

typedef struct {
  const char *name;
  KolValue *(*device) (KolValue *a, KolValue *b);
  double (*floats) (double a, double b);
  gint64 (*ints) (gint64 a, gint64 b);
  gboolean condition; /* its result is a truth value */
} Binary;

static const Binary binaries[] = {
  { "Add", kol_add, float_add, int_add },
  { "Sub", kol_subtract, float_subtract, int_subtract },
  { "Mul", kol_multiply, float_multiply, int_multiply },
  { "Div", kol_divide, float_divide, int_divide },
  { "Pow", kol_pow, pow, int_pow },
  { "Max", kol_maximum, float_maximum, int_maximum },
  { "Min", kol_minimum, float_minimum, int_minimum },
  { "Sum", kol_add, float_add, int_add },
  { "Equal", kol_equal, float_equal, int_equal, TRUE },
  { "Greater", kol_greater, float_greater, int_greater, TRUE },
  { "GreaterOrEqual", kol_greater_equal, float_greater_equal, int_greater_equal, TRUE },
  { "Less", kol_less, float_less, int_less, TRUE },
  { "LessOrEqual", kol_less_equal, float_less_equal, int_less_equal, TRUE },
  { "And", kol_and, float_and, int_and, TRUE },
  { "Or", kol_or, float_or, int_or, TRUE },
  { "Xor", kol_xor, float_xor, int_xor, TRUE },
};
static const Binary modulo = { "Mod", kol_modulo, NULL, int_modulo };
static const Binary remainder_of = { "Mod", kol_fmod, fmod, int_fmod };

static const Binary *
find_binary (const KolOnnxNode *node)
{
  if (strcmp (op_type (node), "Mod") == 0)
    return kol_onnx_int (node, "fmod", 0) ? &remainder_of : &modulo;
  for (guint i = 0; i < G_N_ELEMENTS (binaries); i++)
    if (strcmp (binaries[i].name, op_type (node)) == 0)
      return &binaries[i];
  return NULL;
}

/* y = f (y, input), broadcast. */
static void
fold_next (const Binary *binary, const KolOnnxTensor *a, const KolOnnxTensor *b, KolOnnxTensor *y)
{
  gint64 at[KOL_MAX_RANK] = { 0 };

  for (gint64 i = 0; i < y->count; i++, kol_onnx_next (&y->shape, at))
    {
      gint64 ia = kol_onnx_broadcast_place (&a->shape, &y->shape, at);
      gint64 ib = kol_onnx_broadcast_place (&b->shape, &y->shape, at);

      if (a->ints && b->ints)
        kol_onnx_tensor_set_int (
            y, i, binary->ints (kol_onnx_tensor_int (a, ia), kol_onnx_tensor_int (b, ib)));
      else
        kol_onnx_tensor_set_float (
            y, i, binary->floats (kol_onnx_tensor_float (a, ia), kol_onnx_tensor_float (b, ib)));
    }
}

static gboolean
can_fold (const KolOnnxNode *node, const Binary *binary)
{
  for (guint i = 0; node->on_host && i < node->n_inputs; i++)
    if (!binary->floats && kol_onnx_type_is_float (kol_onnx_type (node, i)))
      return FALSE;
  return node->on_host && node->n_inputs > 0;
}

static void
fold_many (KolOnnxNode *node, const Binary *binary)
{
  const KolOnnxTensor *first = kol_onnx_tensor (node, 0);
  g_autoptr (KolOnnxTensor) y = first ? kol_onnx_tensor_ref ((KolOnnxTensor *) first) : NULL;
  int type = binary->condition ? TYPE (BOOL) : kol_onnx_type (node, 0);

  for (guint i = 1; y && i < node->n_inputs; i++)
    {
      const KolOnnxTensor *b = kol_onnx_tensor (node, i);
      KolShape shape;

      if (!b || !kol_shape_broadcast (&y->shape, &b->shape, &shape))
        {
          kol_onnx_refuse (node, "the shapes of its inputs do not go together");
          return;
        }
      KolOnnxTensor *next = kol_onnx_new_tensor (node, type, &shape);
      if (next)
        fold_next (binary, y, b, next);
      g_clear_pointer (&y, kol_onnx_tensor_unref);
      y = next;
    }
  kol_onnx_set_tensor (node, 0, g_steal_pointer (&y));
}

/* Before version 7, b's shape could be aligned at an axis of a's: as if 1s followed it. */
static KolValue *
second_input (KolOnnxNode *node, guint i)
{
  KolValue *b = kol_onnx_value (node, i);
  gint64 axis = kol_onnx_int (node, "axis", -1);
  KolShape shape = *kol_onnx_shape (node, i);
  int rank = kol_onnx_shape (node, 0)->rank;

  if (node->opset >= 7 || !kol_onnx_attribute (node, "axis") || shape.rank == 0)
    return b;
  if ((axis = kol_onnx_axis (node, axis, rank)) < 0)
    return b;
  while (shape.rank < KOL_MAX_RANK && axis + shape.rank < rank)
    shape.dim[shape.rank++] = 1;
  return kol_reshape (b, shape);
}

static void
convert_binary (KolOnnxNode *node)
{
  const Binary *binary = find_binary (node);

  if (can_fold (node, binary))
    {
      fold_many (node, binary);
      return;
    }
  KolValue *y = kol_onnx_value (node, 0);
  for (guint i = 1; i < node->n_inputs; i++)
    y = binary->device (y, second_input (node, i));
  kol_onnx_set_typed (node, 0, y, binary->condition ? TYPE (BOOL) : kol_onnx_type (node, 0));
}

static void
convert_mean (KolOnnxNode *node)
{
  KolValue *y = kol_onnx_value (node, 0);

  for (guint i = 1; i < node->n_inputs; i++)
    y = kol_add (y, kol_onnx_value (node, i));
  kol_onnx_set (node, 0, kol_scale (y, 1.0f / (float) MAX (node->n_inputs, 1), 0));
}

/* Of version 6 and before with an axis; the slope's shape stretches to x's, never x to it. */
static void
convert_prelu (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  KolShape slope = *kol_onnx_shape (node, 1), both;
  KolValue *b = kol_onnx_value (node, 1);

  /* Before version 7, one slope for each channel. */
  if (slope.rank == 1 && x->rank > 1 && slope.dim[0] == x->dim[1] && node->opset < 7)
    {
      while (slope.rank < x->rank - 1)
        slope.dim[slope.rank++] = 1;
      b = kol_reshape (b, slope);
    }
  if (!kol_shape_broadcast (x, &slope, &both) || !kol_shape_equal (&both, x))
    kol_onnx_refuse (node, "slopes of shape %s for x of %s", kol_shape_text (&slope),
                     kol_shape_text (x));
  else
    kol_onnx_set (node, 0, kol_prelu (kol_onnx_value (node, 0), b));
}

static void
fold_where (KolOnnxNode *node)
{
  const KolOnnxTensor *c = kol_onnx_tensor (node, 0), *a = kol_onnx_tensor (node, 1),
                      *b = kol_onnx_tensor (node, 2);
  gint64 at[KOL_MAX_RANK] = { 0 };
  KolShape shape;

  if (!broadcast_all (node, &shape))
    return;
  KolOnnxTensor *y = kol_onnx_new_tensor (node, kol_onnx_type (node, 1), &shape);
  for (gint64 i = 0; y && i < y->count; i++, kol_onnx_next (&shape, at))
    {
      gboolean first
          = kol_onnx_tensor_float (c, kol_onnx_broadcast_place (&c->shape, &shape, at)) != 0;
      const KolOnnxTensor *chosen = first ? a : b;
      gint64 place = kol_onnx_broadcast_place (&chosen->shape, &shape, at);

      if (chosen->ints)
        kol_onnx_tensor_set_int (y, i, chosen->ints[place]);
      else
        kol_onnx_tensor_set_float (y, i, chosen->floats[place]);
    }
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_where (KolOnnxNode *node)
{
  if (node->n_inputs != 3)
    kol_onnx_refuse (node, "it has %u inputs; it takes 3", node->n_inputs);
  else if (node->on_host)
    fold_where (node);
  else
    kol_onnx_set_typed (
        node, 0,
        kol_where (kol_onnx_value (node, 0), kol_onnx_value (node, 1), kol_onnx_value (node, 2)),
        kol_onnx_type (node, 1));
}

/* ── Other types ─────────────────────────────────────────────────────────────────────────────── */

/* What a cast on the device would have to round to, or cut off, is refused. */
static void
cast_on_device (KolOnnxNode *node, int to)
{
  int from = kol_onnx_type (node, 0);
  KolValue *x = kol_onnx_value (node, 0);

  if (!kol_onnx_type_is_device (to))
    kol_onnx_refuse (node, "to type %s; Kolinsky computes in float32 alone",
                     kol_onnx_type_name (to));
  else if (to == TYPE (BOOL))
    kol_onnx_set_typed (node, 0, from == to ? x : kol_not_equal (x, kol_constant (node->graph, 0)),
                        to);
  else if (kol_onnx_type_is_float (to) || from == TYPE (BOOL) || from == to)
    kol_onnx_set_typed (node, 0, x, to);
  else if (to != TYPE (INT32) && to != TYPE (INT64))
    kol_onnx_refuse (node, "to type %s, of values that are not known before the network runs",
                     kol_onnx_type_name (to));
  else if (kol_onnx_type_is_float (from)) /* towards 0 */
    kol_onnx_set_typed (node, 0, kol_multiply (kol_sign (x), kol_floor (kol_abs (x))), to);
  else
    kol_onnx_set_typed (node, 0, x, to);
}

static void
cast (KolOnnxNode *node, int to)
{
  if (!node->on_host || (to != TYPE (BOOL) && !kol_onnx_type_is_device (to)))
    {
      cast_on_device (node, to);
      return;
    }
  const KolOnnxTensor *x = kol_onnx_tensor (node, 0);
  KolOnnxTensor *y = x ? kol_onnx_new_tensor (node, to, &x->shape) : NULL;
  for (gint64 i = 0; y && i < y->count; i++)
    if (x->ints)
      kol_onnx_tensor_set_int (y, i, x->ints[i]);
    else
      kol_onnx_tensor_set_float (y, i, x->floats[i]);
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_cast (KolOnnxNode *node)
{
  cast (node, (int) CLAMP (kol_onnx_int (node, "to", 0), 0, 1000));
}

static void
convert_cast_like (KolOnnxNode *node)
{
  cast (node, kol_onnx_type (node, 1));
}

/* ── Reductions ──────────────────────────────────────────────────────────────────────────────── */

static KolValue *
log_sum (KolValue *a, const KolReduce *over)
{
  return kol_log (kol_sum (a, over));
}

typedef struct {
  const char *name;
  KolValue *(*device) (KolValue *a, const KolReduce *over);
  int axes_input; /* the version that first has the axes as an input */
} Reduction;

static const Reduction reductions[] = {
  { "ReduceL1", kol_norm1 },   { "ReduceL2", kol_norm2 },
  { "ReduceLogSum", log_sum }, { "ReduceLogSumExp", kol_log_sum_exp },
  { "ReduceMax", kol_max },    { "ReduceMean", kol_mean_over },
  { "ReduceMin", kol_min },    { "ReduceProd", kol_prod },
  { "ReduceSum", kol_sum },    { "ReduceSumSquare", kol_sum_of_squares },
};

/* The axes, all where none is given; FALSE: refused. */
static gboolean
find_axes (KolOnnxNode *node, KolReduce *over)
{
  g_autofree gint64 *axes = NULL;
  int rank = kol_onnx_shape (node, 0)->rank;
  guint n;

  *over = (KolReduce){ .keep = kol_onnx_int (node, "keepdims", 1) != 0 };
  kol_onnx_numbers (node, "axes", 1, &axes, &n);
  if (node->refused)
    return FALSE;
  if (n > (guint) rank)
    {
      kol_onnx_refuse (node, "it has %u axes for %d dimensions", n, rank);
      return FALSE;
    }
  for (guint i = 0; i < n; i++)
    if ((over->axes[over->n_axes++] = kol_onnx_axis (node, axes[i], rank)) < 0)
      return FALSE;
  return TRUE;
}

/* Where in the result of a reduction an element goes; reduced axes are kept as length 1. */
static void
fold_reduce (KolOnnxNode *node, const KolReduce *over, const char *name)
{
  const KolOnnxTensor *x = kol_onnx_tensor (node, 0);
  gboolean reduced[KOL_MAX_RANK] = { 0 };
  KolShape kept = x->shape, shape = { 0 };
  gint64 at[KOL_MAX_RANK] = { 0 };

  for (int i = 0; i < kept.rank; i++)
    reduced[i] = over->n_axes == 0;
  for (int i = 0; i < over->n_axes; i++)
    reduced[over->axes[i]] = TRUE;
  for (int i = 0; i < kept.rank; i++)
    {
      if (reduced[i])
        kept.dim[i] = 1;
      if (!reduced[i] || over->keep)
        shape.dim[shape.rank++] = kept.dim[i];
    }
  KolOnnxTensor *y = kol_onnx_new_tensor (node, x->type, &shape);
  g_autofree guint8 *met = y ? g_new0 (guint8, y->count + 1) : NULL;
  for (gint64 i = 0; y && i < x->count; i++, kol_onnx_next (&x->shape, at))
    {
      gint64 place = kol_onnx_broadcast_place (&kept, &x->shape, at);
      gint64 a = met[place] ? y->ints[place] : 0, b = x->ints[i];

      kol_onnx_tensor_set_int (y, place,
                               !met[place]                        ? b
                               : strcmp (name, "ReduceSum") == 0  ? int_add (a, b)
                               : strcmp (name, "ReduceProd") == 0 ? int_multiply (a, b)
                               : strcmp (name, "ReduceMax") == 0  ? MAX (a, b)
                                                                  : MIN (a, b));
      met[place] = TRUE;
    }
  kol_onnx_set_tensor (node, 0, y);
}

static gboolean
can_fold_reduction (const KolOnnxNode *node)
{
  static const char *const foldable[]
      = { "ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin", NULL };

  return node->on_host && g_strv_contains (foldable, op_type (node))
         && !kol_onnx_type_is_float (kol_onnx_type (node, 0)) && node->inputs[0]->tensor->count > 0;
}

static void
convert_reduce (KolOnnxNode *node)
{
  KolReduce over;

  if (!find_axes (node, &over))
    return;
  if (over.n_axes == 0 && kol_onnx_int (node, "noop_with_empty_axes", 0))
    {
      kol_onnx_set (node, 0, kol_onnx_value (node, 0));
      return;
    }
  if (can_fold_reduction (node))
    {
      fold_reduce (node, &over, op_type (node));
      return;
    }
  if (!kol_onnx_type_is_float (kol_onnx_type (node, 0)) && strcmp (op_type (node), "ReduceMax") != 0
      && strcmp (op_type (node), "ReduceMin") != 0)
    {
      kol_onnx_refuse (node,
                       "whole numbers (%s) that are not known before the network runs; "
                       "Kolinsky computes in float32",
                       kol_onnx_type_name (kol_onnx_type (node, 0)));
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (reductions); i++)
    if (strcmp (reductions[i].name, op_type (node)) == 0)
      kol_onnx_set (node, 0, reductions[i].device (kol_onnx_value (node, 0), &over));
}

/* The last of equals is the first one of the tensor turned round. */
static void
convert_arg (KolOnnxNode *node)
{
  const KolShape *shape = kol_onnx_shape (node, 0);
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", 0), shape->rank);
  gboolean last = kol_onnx_int (node, "select_last_index", 0) != 0;
  gboolean largest = strcmp (op_type (node), "ArgMax") == 0;
  KolValue *x = kol_onnx_value (node, 0);

  if (axis < 0)
    return;
  if (last)
    x = kol_flip (x, &axis, 1);
  KolValue *y = largest ? kol_argmax (x, axis) : kol_argmin (x, axis);
  if (last)
    y = kol_scale (y, -1, (float) (shape->dim[axis] - 1));
  if (kol_onnx_int (node, "keepdims", 1))
    y = kol_unsqueeze (y, axis);
  kol_onnx_set_typed (node, 0, y, TYPE (INT64));
}

static void
convert_cumulative_sum (KolOnnxNode *node)
{
  const KolOnnxTensor *axis = kol_onnx_tensor (node, 1);

  if (!axis || axis->count != 1)
    {
      kol_onnx_refuse (node, "its axis is no single number");
      return;
    }
  int along = kol_onnx_axis (node, kol_onnx_tensor_int (axis, 0), kol_onnx_shape (node, 0)->rank);
  if (along >= 0)
    kol_onnx_set (node, 0,
                  kol_cumulative_sum (kol_onnx_value (node, 0), along,
                                      kol_onnx_int (node, "exclusive", 0) != 0,
                                      kol_onnx_int (node, "reverse", 0) != 0));
}

/* ── Products ────────────────────────────────────────────────────────────────────────────────── */

static void
convert_matmul (KolOnnxNode *node)
{
  kol_onnx_set (node, 0, kol_matmul (kol_onnx_value (node, 0), kol_onnx_value (node, 1)));
}

/* alpha A' B' + beta C */
static void
convert_gemm (KolOnnxNode *node)
{
  float alpha = (float) kol_onnx_float (node, "alpha", 1);
  float beta = (float) kol_onnx_float (node, "beta", 1);
  KolMatmul how = { .transpose_a = kol_onnx_int (node, "transA", 0) != 0,
                    .transpose_b = kol_onnx_int (node, "transB", 0) != 0 };
  KolValue *y = kol_matmul_with (kol_onnx_value (node, 0), kol_onnx_value (node, 1), &how);

  if (alpha != 1)
    y = kol_scale (y, alpha, 0);
  if (kol_onnx_has (node, 2) && beta != 0)
    {
      KolValue *c = kol_onnx_value (node, 2);

      y = kol_add (y, beta == 1 ? c : kol_scale (c, beta, 0));
    }
  kol_onnx_set (node, 0, y);
}

/* ── Determinants ────────────────────────────────────────────────────────────────────────────── */

#define LARGEST_SQUARE 4 /* sides of matrices: the number of products is its factorial */

/* Of the rows from @row on, and the columns that are left, by the first of these rows. */
static KolValue *
determinant (KolValue *const *elements, int side, int row, guint columns)
{
  KolValue *sum = NULL;
  gboolean minus = FALSE;

  for (int c = 0; c < side; c++)
    {
      if (!(columns & 1u << c))
        continue;
      KolValue *part = elements[row * side + c];
      if (row + 1 < side)
        part = kol_multiply (part, determinant (elements, side, row + 1, columns & ~(1u << c)));
      sum = !sum ? part : minus ? kol_subtract (sum, part) : kol_add (sum, part);
      minus = !minus;
    }
  return sum;
}

static void
convert_det (KolOnnxNode *node)
{
  KolShape shape = *kol_onnx_shape (node, 0);
  int side = shape.rank < 2 ? 0 : (int) CLAMP (shape.dim[shape.rank - 1], 0, LARGEST_SQUARE + 1);
  KolValue *elements[LARGEST_SQUARE * LARGEST_SQUARE];

  if (side < 1 || side > LARGEST_SQUARE || shape.dim[shape.rank - 2] != side)
    {
      kol_onnx_refuse (node, "of %s; Kolinsky has it of matrices up to %d x %d",
                       kol_shape_text (&shape), LARGEST_SQUARE, LARGEST_SQUARE);
      return;
    }
  KolValue *x = kol_reshape (kol_onnx_value (node, 0), KOL_SHAPE (-1, side * side));
  for (int i = 0; i < side * side; i++)
    {
      KolSlice how = { .n_axes = 1, .axes = { 1 }, .start = { i }, .stop = { i + 1 } };

      elements[i] = kol_slice (x, &how);
    }
  shape.rank -= 2;
  kol_onnx_set (node, 0, kol_reshape (determinant (elements, side, 0, (1u << side) - 1), shape));
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

#define UNARY(name, since)                                                                         \
  {                                                                                                \
    name, since, convert_unary, KOL_ONNX_REAL, TRUE                                                \
  }
#define EXACT_UNARY(name)                                                                          \
  {                                                                                                \
    name, 0, convert_exact_unary, KOL_ONNX_ANY, TRUE                                               \
  }
#define ARITHMETIC(name)                                                                           \
  {                                                                                                \
    name, 0, convert_binary, KOL_ONNX_REAL, TRUE                                                   \
  }
#define EXACT_BINARY(name, since)                                                                  \
  {                                                                                                \
    name, since, convert_binary, KOL_ONNX_ANY, TRUE                                                \
  }
#define REDUCE(name)                                                                               \
  {                                                                                                \
    name, 0, convert_reduce, KOL_ONNX_ANY, TRUE, .fixed = 1 << 1                                   \
  }

const KolOnnxOp kol_onnx_math_ops[] = {
  EXACT_UNARY ("Abs"),
  UNARY ("Acos", 7),
  UNARY ("Acosh", 9),
  ARITHMETIC ("Add"),
  EXACT_BINARY ("And", 0),
  { "ArgMax", 0, convert_arg },
  { "ArgMin", 0, convert_arg },
  UNARY ("Asin", 7),
  UNARY ("Asinh", 9),
  UNARY ("Atan", 7),
  UNARY ("Atanh", 9),
  { "Cast", 0, convert_cast, KOL_ONNX_ANY, TRUE },
  { "CastLike", 15, convert_cast_like, KOL_ONNX_ANY, TRUE, .least = 2 },
  UNARY ("Ceil", 0),
  { "Celu", 12, convert_celu, KOL_ONNX_REAL },
  { "Clip", 0, convert_clip },
  UNARY ("Cos", 7),
  UNARY ("Cosh", 9),
  { "CumSum", 11, convert_cumulative_sum, KOL_ONNX_REAL, .fixed = 1 << 1 },
  { "Det", 11, convert_det, KOL_ONNX_REAL },
  ARITHMETIC ("Div"),
  { "Elu", 0, convert_elu, KOL_ONNX_REAL },
  EXACT_BINARY ("Equal", 0),
  UNARY ("Erf", 9),
  UNARY ("Exp", 0),
  UNARY ("Floor", 0),
  { "Gemm", 0, convert_gemm, KOL_ONNX_REAL },
  EXACT_BINARY ("Greater", 0),
  EXACT_BINARY ("GreaterOrEqual", 12),
  { "HardSigmoid", 0, convert_hard_sigmoid, KOL_ONNX_REAL },
  UNARY ("HardSwish", 14),
  { "IsInf", 10, convert_is_inf, KOL_ONNX_REAL },
  { "IsNaN", 9, convert_is_nan, KOL_ONNX_REAL },
  { "LeakyRelu", 0, convert_leaky_relu, KOL_ONNX_REAL },
  EXACT_BINARY ("Less", 0),
  EXACT_BINARY ("LessOrEqual", 12),
  UNARY ("Log", 0),
  { "MatMul", 0, convert_matmul, KOL_ONNX_REAL },
  EXACT_BINARY ("Max", 0),
  { "Mean", 0, convert_mean, KOL_ONNX_REAL },
  EXACT_BINARY ("Min", 0),
  EXACT_BINARY ("Mod", 10),
  ARITHMETIC ("Mul"),
  EXACT_UNARY ("Neg"),
  { "Not", 0, convert_not, KOL_ONNX_ANY, TRUE },
  EXACT_BINARY ("Or", 0),
  ARITHMETIC ("Pow"),
  { "PRelu", 0, convert_prelu, KOL_ONNX_REAL },
  UNARY ("Reciprocal", 0),
  REDUCE ("ReduceL1"),
  REDUCE ("ReduceL2"),
  REDUCE ("ReduceLogSum"),
  REDUCE ("ReduceLogSumExp"),
  REDUCE ("ReduceMax"),
  REDUCE ("ReduceMean"),
  REDUCE ("ReduceMin"),
  REDUCE ("ReduceProd"),
  REDUCE ("ReduceSum"),
  REDUCE ("ReduceSumSquare"),
  UNARY ("Relu", 0),
  UNARY ("Round", 11),
  { "Selu", 0, convert_selu, KOL_ONNX_REAL },
  { "Shrink", 9, convert_shrink, KOL_ONNX_REAL },
  UNARY ("Sigmoid", 0),
  EXACT_UNARY ("Sign"),
  UNARY ("Sin", 7),
  UNARY ("Sinh", 9),
  UNARY ("Softplus", 0),
  UNARY ("Softsign", 0),
  UNARY ("Sqrt", 0),
  ARITHMETIC ("Sub"),
  ARITHMETIC ("Sum"),
  UNARY ("Tan", 7),
  UNARY ("Tanh", 0),
  { "ThresholdedRelu", 10, convert_thresholded_relu, KOL_ONNX_REAL },
  { "Where", 9, convert_where, KOL_ONNX_ANY, TRUE, .least = 3 },
  EXACT_BINARY ("Xor", 0),
  { NULL },
};
