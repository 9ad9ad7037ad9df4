/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The elementwise functions against PyTorch, gradients where a function has a
 * kink or ends among them: the cases beside an operation hold its kernel against
 * the same formula, and would not see a wrong one.
 */

#include <math.h>

#include "device/device.h"
#include "ops.h"

#define POINTS 7

typedef struct {
  const char *name;
  KolValue *(*function) (KolValue *a);
  float y[POINTS], da[POINTS];
} Unary;

typedef struct {
  const char *name;
  KolValue *(*function) (KolValue *a, KolValue *b);
  float y[POINTS], da[POINTS], db[POINTS];
} Binary;

static KolValue *
leaky_relu_tenth (KolValue *a)
{
  return kol_leaky_relu (a, 0.1f);
}

static KolValue *
elu_with (KolValue *a)
{
  return kol_elu (a, 0.7f);
}

static KolValue *
hard_sigmoid_sixth (KolValue *a)
{
  return kol_hard_sigmoid (a, 1.0f / 6, 0.5f);
}

static KolValue *
clip_with (KolValue *a)
{
  return kol_clip (a, -1, 0.5f);
}

static KolValue *
scale_with (KolValue *a)
{
  return kol_scale (a, 2, -1);
}

static const float points_a[POINTS] = { -3.5, -1.25, -0.5, 0, 0.3125, 0.75, 2.5 };
static const float points_b[POINTS] = { 2, -0.5, 0.75, 0.25, -1.5, 0.5, -2 };

/* clang-format off */

/*
 * Made by PyTorch 2 in double precision, from points_a and points_b: y, and by y.sum ().backward ()
 * the gradients, where there are any. Its names differ here: modulo is torch.remainder; hard_swish
 * F.hardswish; gelu_tanh F.gelu (approximate="tanh"); leaky_relu has slope 0.1, elu alpha 0.7, clip
 * the bounds -1 and 0.5, scale is 2 a - 1; prelu is where (a > 0, a, a b).
 */
static const Unary unaries[] = {
  { "negate", kol_negate,
    { 3.5, 1.25, 0.5, -0, -0.3125, -0.75, -2.5 },
    { -1, -1, -1, -1, -1, -1, -1 } },
  { "square", kol_square,
    { 12.25, 1.5625, 0.25, 0, 0.09765625, 0.5625, 6.25 },
    { -7, -2.5, -1, 0, 0.625, 1.5, 5 } },
  { "sqrt", kol_sqrt,
    { NAN, NAN, NAN, 0, 0.559016994, 0.866025404, 1.58113883 },
    { NAN, NAN, NAN, INFINITY, 0.894427191, 0.577350269, 0.316227766 } },
  { "rsqrt", kol_rsqrt,
    { NAN, NAN, NAN, INFINITY, 1.78885438, 1.15470054, 0.632455532 },
    { NAN, NAN, NAN, -INFINITY, -2.86216701, -0.769800359, -0.126491106 } },
  { "reciprocal", kol_reciprocal,
    { -0.285714286, -0.8, -2, INFINITY, 3.2, 1.33333333, 0.4 },
    { -0.0816326531, -0.64, -4, -INFINITY, -10.24, -1.77777778, -0.16 } },
  { "exp", kol_exp,
    { 0.0301973834, 0.286504797, 0.60653066, 1, 1.36683794, 2.11700002, 12.182494 },
    { 0.0301973834, 0.286504797, 0.60653066, 1, 1.36683794, 2.11700002, 12.182494 } },
  { "expm1", kol_expm1,
    { -0.969802617, -0.713495203, -0.39346934, 0, 0.366837941, 1.11700002, 11.182494 },
    { 0.0301973834, 0.286504797, 0.60653066, 1, 1.36683794, 2.11700002, 12.182494 } },
  { "log", kol_log,
    { NAN, NAN, NAN, -INFINITY, -1.16315081, -0.287682072, 0.916290732 },
    { -0.285714286, -0.8, -2, INFINITY, 3.2, 1.33333333, 0.4 } },
  { "log1p", kol_log1p,
    { NAN, NAN, -0.693147181, 0, 0.271933715, 0.559615788, 1.25276297 },
    { -0.4, -4, 2, 1, 0.761904762, 0.571428571, 0.285714286 } },
  { "erf", kol_erf,
    { -0.999999257, -0.922900128, -0.520499878, 0, 0.341468634, 0.711155634, 0.999593048 },
    { 5.39942678e-06, 0.236521122, 0.878782579, 1.12837917, 1.02339547, 0.642931069, 0.00217828423 } },
  { "abs", kol_abs,
    { 3.5, 1.25, 0.5, 0, 0.3125, 0.75, 2.5 },
    { -1, -1, -1, 0, 1, 1, 1 } },
  { "sign", kol_sign,
    { -1, -1, -1, 0, 1, 1, 1 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "floor", kol_floor,
    { -4, -2, -1, 0, 0, 0, 2 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "ceil", kol_ceil,
    { -3, -1, -0, 0, 1, 1, 3 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "round", kol_round,
    { -4, -1, -0, 0, 0, 1, 2 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "sin", kol_sin,
    { 0.350783228, -0.948984619, -0.479425539, 0, 0.307438515, 0.68163876, 0.598472144 },
    { -0.936456687, 0.315322362, 0.877582562, 1, 0.951567948, 0.731688869, -0.801143616 } },
  { "cos", kol_cos,
    { -0.936456687, 0.315322362, 0.877582562, 1, 0.951567948, 0.731688869, -0.801143616 },
    { -0.350783228, 0.948984619, 0.479425539, -0, -0.307438515, -0.68163876, -0.598472144 } },
  { "tan", kol_tan,
    { -0.37458564, -3.00956967, -0.54630249, 0, 0.323086244, 0.93159646, -0.747022297 },
    { 1.1403144, 10.0575096, 1.29844641, 1, 1.10438472, 1.86787196, 1.55804231 } },
  { "asin", kol_asin,
    { NAN, NAN, -0.523598776, 0, 0.317823704, 0.848062079, NAN },
    { NAN, NAN, 1.15470054, 1, 1.05272271, 1.51185789, NAN } },
  { "acos", kol_acos,
    { NAN, NAN, 2.0943951, 1.57079633, 1.25297262, 0.722734248, NAN },
    { NAN, NAN, -1.15470054, -1, -1.05272271, -1.51185789, NAN } },
  { "atan", kol_atan,
    { -1.29249667, -0.896055385, -0.463647609, 0, 0.302884868, 0.643501109, 1.19028995 },
    { 0.0754716981, 0.390243902, 0.8, 1, 0.911032028, 0.64, 0.137931034 } },
  { "sinh", kol_sinh,
    { -16.5426273, -1.60191908, -0.521095305, 0, 0.317611156, 0.822316732, 6.05020448 },
    { 16.5728247, 1.88842388, 1.12762597, 1, 1.04922679, 1.29468328, 6.13228948 } },
  { "cosh", kol_cosh,
    { 16.5728247, 1.88842388, 1.12762597, 1, 1.04922679, 1.29468328, 6.13228948 },
    { -16.5426273, -1.60191908, -0.521095305, 0, 0.317611156, 0.822316732, 6.05020448 } },
  { "tanh", kol_tanh,
    { -0.998177898, -0.84828364, -0.462117157, 0, 0.302709729, 0.635148952, 0.986614298 },
    { 0.00364088472, 0.280414866, 0.786447733, 1, 0.90836682, 0.596585808, 0.0265922267 } },
  { "asinh", kol_asinh,
    { -1.96572047, -1.04759301, -0.481211825, 0, 0.307625067, 0.693147181, 1.64723115 },
    { 0.274721128, 0.624695048, 0.894427191, 1, 0.954479978, 0.8, 0.371390676 } },
  { "acosh", kol_acosh,
    { NAN, NAN, NAN, NAN, NAN, NAN, 1.56679924 },
    { 0.298142397, 1.33333333, NAN, NAN, NAN, NAN, 0.43643578 } },
  { "atanh", kol_atanh,
    { NAN, NAN, -0.549306144, 0, 0.323313582, 0.972955075, NAN },
    { -0.0888888889, -1.77777778, 1.33333333, 1, 1.10822511, 2.28571429, -0.19047619 } },
  { "relu", kol_relu,
    { 0, 0, 0, 0, 0.3125, 0.75, 2.5 },
    { 0, 0, 0, 0, 1, 1, 1 } },
  { "selu", kol_selu,
    { -1.70500934, -1.25439545, -0.691758188, 0, 0.328344059, 0.788025741, 2.62675247 },
    { 0.0530899999, 0.503703895, 1.06634115, 1.75809934, 1.05070099, 1.05070099, 1.05070099 } },
  { "gelu", kol_gelu,
    { -0.000814201777, -0.132062217, -0.154268769, 0, 0.194584287, 0.580029486, 2.48447584 },
    { -0.00282176035, -0.122661583, 0.132504875, 0.5, 0.741398033, 0.999225722, 1.03761109 } },
  { "gelu_tanh", kol_gelu_tanh,
    { -0.000616197655, -0.132285797, -0.15428599, 0, 0.194581356, 0.579960555, 2.48491573 },
    { -0.00242264376, -0.122492632, 0.132630096, 0.5, 0.741361808, 0.998938256, 1.03795158 } },
  { "sigmoid", kol_sigmoid,
    { 0.0293122308, 0.222700139, 0.377540669, 0.5, 0.577495365, 0.679178699, 0.92414182 },
    { 0.0284530239, 0.173104787, 0.235003712, 0.25, 0.243994468, 0.217894994, 0.0701037165 } },
  { "silu", kol_silu,
    { -0.102592808, -0.278375174, -0.188770334, 0, 0.180467302, 0.509384024, 2.31035455 },
    { -0.0702733528, 0.00631915508, 0.260038813, 0.5, 0.653743637, 0.842599944, 1.09940111 } },
  { "hard_swish", kol_hard_swish,
    { -0, -0.364583333, -0.208333333, 0, 0.172526042, 0.46875, 2.29166667 },
    { 0, 0.0833333333, 0.333333333, 0.5, 0.604166667, 0.75, 1.33333333 } },
  { "softplus", kol_softplus,
    { 0.0297504183, 0.251929081, 0.474076984, 0.693147181, 0.861554862, 1.13687101, 2.57888973 },
    { 0.0293122308, 0.222700139, 0.377540669, 0.5, 0.577495365, 0.679178699, 0.92414182 } },
  { "softsign", kol_softsign,
    { -0.777777778, -0.555555556, -0.333333333, 0, 0.238095238, 0.428571429, 0.714285714 },
    { 0.049382716, 0.197530864, 0.444444444, 1, 0.580498866, 0.326530612, 0.0816326531 } },
  { "not", kol_not,
    { 0, 0, 0, 1, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "is_nan", kol_is_nan,
    { 0, 0, 0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "leaky_relu", leaky_relu_tenth,
    { -0.35, -0.125, -0.05, 0, 0.3125, 0.75, 2.5 },
    { 0.1, 0.1, 0.1, 0.1, 1, 1, 1 } },
  { "elu", elu_with,
    { -0.678861832, -0.499446642, -0.275428538, 0, 0.3125, 0.75, 2.5 },
    { 0.0211381684, 0.200553358, 0.424571462, 0.7, 1, 1, 1 } },
  { "hard_sigmoid", hard_sigmoid_sixth,
    { 0, 0.291666667, 0.416666667, 0.5, 0.552083333, 0.625, 0.916666667 },
    { 0, 0.166666672, 0.166666672, 0.166666672, 0.166666672, 0.166666672, 0.166666672 } },
  { "clip", clip_with,
    { -1, -1, -0.5, 0, 0.3125, 0.5, 0.5 },
    { 0, 0, 1, 1, 1, 0, 0 } },
  { "scale", scale_with,
    { -8, -3.5, -2, -1, -0.375, 0.5, 4 },
    { 2, 2, 2, 2, 2, 2, 2 } },
};

static const Binary binaries[] = {
  { "add", kol_add,
    { -1.5, -1.75, 0.25, 0.25, -1.1875, 1.25, 0.5 },
    { 1, 1, 1, 1, 1, 1, 1 },
    { 1, 1, 1, 1, 1, 1, 1 } },
  { "subtract", kol_subtract,
    { -5.5, -0.75, -1.25, -0.25, 1.8125, 0.25, 4.5 },
    { 1, 1, 1, 1, 1, 1, 1 },
    { -1, -1, -1, -1, -1, -1, -1 } },
  { "multiply", kol_multiply,
    { -7, 0.625, -0.375, 0, -0.46875, 0.375, -5 },
    { 2, -0.5, 0.75, 0.25, -1.5, 0.5, -2 },
    { -3.5, -1.25, -0.5, 0, 0.3125, 0.75, 2.5 } },
  { "divide", kol_divide,
    { -1.75, 2.5, -0.666666667, 0, -0.208333333, 1.5, -1.25 },
    { 0.5, -2, 1.33333333, 4, -0.666666667, 2, -0.5 },
    { 0.875, 5, 0.888888889, -0, -0.138888889, -3, -0.625 } },
  { "pow", kol_pow,
    { 12.25, NAN, NAN, 0, 5.72433402, 0.866025404, 0.16 },
    { -7, NAN, NAN, INFINITY, -27.4768033, 0.577350269, -0.128 },
    { NAN, NAN, NAN, 0, -6.65826375, -0.249139983, 0.146606517 } },
  { "maximum", kol_maximum,
    { 2, -0.5, 0.75, 0.25, 0.3125, 0.75, 2.5 },
    { 0, 0, 0, 0, 1, 1, 1 },
    { 1, 1, 1, 1, 0, 0, 0 } },
  { "minimum", kol_minimum,
    { -3.5, -1.25, -0.5, 0, -1.5, 0.5, -2 },
    { 1, 1, 1, 1, 0, 0, 0 },
    { 0, 0, 0, 0, 1, 1, 1 } },
  { "fmod", kol_fmod,
    { -1.5, -0.25, -0.5, 0, 0.3125, 0.25, 0.5 },
    { 1, 1, 1, 1, 1, 1, 1 },
    { 1, -2, 0, -0, 0, -1, 1 } },
  { "modulo", kol_modulo,
    { 0.5, -0.25, 0.25, 0, -1.1875, 0.25, -1.5 },
    { 1, 1, 1, 1, 1, 1, 1 },
    { 2, -2, 1, -0, 1, -1, 2 } },
  { "prelu", kol_prelu,
    { -7, 0.625, -0.375, 0, 0.3125, 0.75, 2.5 },
    { 2, -0.5, 0.75, 0.25, 1, 1, 1 },
    { -3.5, -1.25, -0.5, 0, 0, 0, 0 } },
  { "equal", kol_equal,
    { 0, 0, 0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "not_equal", kol_not_equal,
    { 1, 1, 1, 1, 1, 1, 1 },
    { 0, 0, 0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "greater", kol_greater,
    { 0, 0, 0, 0, 1, 1, 1 },
    { 0, 0, 0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "greater_equal", kol_greater_equal,
    { 0, 0, 0, 0, 1, 1, 1 },
    { 0, 0, 0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "less", kol_less,
    { 1, 1, 1, 1, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "less_equal", kol_less_equal,
    { 1, 1, 1, 1, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "and", kol_and,
    { 1, 1, 1, 0, 1, 1, 1 },
    { 0, 0, 0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "or", kol_or,
    { 1, 1, 1, 1, 1, 1, 1 },
    { 0, 0, 0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 } },
  { "xor", kol_xor,
    { 0, 0, 0, 1, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0 } },
};

/* clang-format on */

static KolDevice *device;

/* Both NaN, both the same infinity, or near. */
static void
assert_same (const char *name, const char *what, const float *values, const float *expected)
{
  for (int i = 0; i < POINTS; i++)
    {
      gboolean same = isnan (expected[i]) ? isnan (values[i])
                      : isinf (expected[i])
                          ? values[i] == expected[i]
                          : fabsf (values[i] - expected[i]) <= 2e-6f * (1 + fabsf (expected[i]));

      if (!same)
        g_error ("%s: %s at %g is %.9g, but PyTorch's is %.9g", name, what, points_a[i], values[i],
                 expected[i]);
    }
}

/* Runs y and its gradients to the @n operands, and compares them with expected[0 .. n]. */
static void
check (const char *name, KolGraph *graph, KolValue *y, KolValue *const *operands, guint n,
       const float *const *expected)
{
  static const char *const what[] = { "y", "the gradient to a", "the gradient to b" };
  KolValue *targets[3] = { y };
  g_autoptr (GError) error = NULL;

  kol_gradients (kol_sum (y, NULL), operands, n, targets + 1);
  kol_run_all (graph, targets, n + 1, &error);
  g_assert_no_error (error);
  for (guint i = 0; i <= n; i++)
    {
      float values[POINTS];

      kol_read (targets[i], values, &error);
      g_assert_no_error (error);
      assert_same (name, what[i], values, expected[i]);
    }
}

static void
test_unary (gconstpointer data)
{
  const Unary *row = data;
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *a = kol_placeholder (graph, "a", KOL_SHAPE (POINTS));

  kol_set (a, points_a);
  check (row->name, graph, row->function (a), &a, 1, (const float *[]){ row->y, row->da });
}

static void
test_binary (gconstpointer data)
{
  const Binary *row = data;
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *a = kol_placeholder (graph, "a", KOL_SHAPE (POINTS));
  KolValue *b = kol_placeholder (graph, "b", KOL_SHAPE (POINTS));

  kol_set (a, points_a);
  kol_set (b, points_b);
  check (row->name, graph, row->function (a, b), (KolValue *[]){ a, b }, 2,
         (const float *[]){ row->y, row->da, row->db });
}

/* @values through @function. */
static void
apply (KolValue *(*function) (KolValue *a), const float *values, int n, float *results)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *a = kol_placeholder (graph, "a", KOL_SHAPE (n)), *y = function (a);
  g_autoptr (GError) error = NULL;

  kol_set (a, values);
  kol_run (graph, y, &error);
  g_assert_no_error (error);
  kol_read (y, results, &error);
  g_assert_no_error (error);
}

/* A NaN goes through every function of one element, and makes conditions true or false. */
static void
test_nan (void)
{
  const float nan[1] = { NAN };
  float y[1];

  for (guint i = 0; i < G_N_ELEMENTS (unaries); i++)
    {
      apply (unaries[i].function, nan, 1, y);
      if (unaries[i].function == kol_not)
        g_assert_cmpfloat (y[0], ==, 0);
      else if (unaries[i].function == kol_is_nan)
        g_assert_cmpfloat (y[0], ==, 1);
      else if (!isnan (y[0]))
        g_error ("%s of NaN is %g", unaries[i].name, y[0]);
    }
}

/* Half way between two whole numbers, the even one is taken. */
static void
test_halves (void)
{
  const float halves[] = { -2.5f, -1.5f, 0.5f, 1.5f, 2.5f, 8388609, -16777216 };
  const float even[] = { -2, -2, 0, 2, 2, 8388609, -16777216 };
  float y[G_N_ELEMENTS (halves)];

  apply (kol_round, halves, G_N_ELEMENTS (halves), y);
  for (guint i = 0; i < G_N_ELEMENTS (halves); i++)
    g_assert_cmpfloat (y[i], ==, even[i]);
}

/* Where e^a is no float any more, the activations still are. */
static void
test_large (void)
{
  const float large[] = { -1000, 1000 };
  KolValue *(*functions[]) (KolValue *)
      = { kol_softplus, kol_silu, kol_gelu, kol_gelu_tanh, kol_hard_swish };
  float y[2];

  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    {
      apply (functions[i], large, 2, y);
      g_assert_cmpfloat (y[0], ==, 0);
      g_assert_cmpfloat (y[1], ==, 1000);
    }
}

/* What kol_where does not choose does not matter, NaN neither. */
static void
test_where (void)
{
  const float condition[] = { 1, 0, NAN }, a[] = { 5, NAN, 6 }, expected[] = { 5, 7, 6 };
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *values[] = { kol_placeholder (graph, "condition", KOL_SHAPE (3)),
                         kol_placeholder (graph, "a", KOL_SHAPE (3)) };
  KolValue *y = kol_where (values[0], values[1], kol_constant (graph, 7));
  g_autoptr (GError) error = NULL;
  float got[3];

  kol_set (values[0], condition);
  kol_set (values[1], a);
  kol_run (graph, y, &error);
  g_assert_no_error (error);
  kol_read (y, got, &error);
  g_assert_no_error (error);
  for (int i = 0; i < 3; i++)
    g_assert_cmpfloat (got[i], ==, expected[i]);
}

static void
test_where_names_shapes (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);

  kol_where (kol_placeholder (graph, "condition", KOL_SHAPE (3)),
             kol_placeholder (graph, "a", KOL_SHAPE (2, 3)),
             kol_placeholder (graph, "b", KOL_SHAPE (2)));
  g_assert_nonnull (kol_graph_get_error (graph));
  g_assert_nonnull (strstr (kol_graph_get_error (graph)->message, "[3], [2, 3] and [2]"));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  if (!device)
    {
      g_printerr ("Bail out! %s\n", error->message);
      return 1;
    }
  for (guint i = 0; i < G_N_ELEMENTS (unaries); i++)
    {
      g_autofree char *path = g_strdup_printf ("/elementwise/%s", unaries[i].name);

      g_test_add_data_func (path, &unaries[i], test_unary);
    }
  for (guint i = 0; i < G_N_ELEMENTS (binaries); i++)
    {
      g_autofree char *path = g_strdup_printf ("/elementwise/%s", binaries[i].name);

      g_test_add_data_func (path, &binaries[i], test_binary);
    }
  g_test_add_func ("/elementwise/nan", test_nan);
  g_test_add_func ("/elementwise/halves", test_halves);
  g_test_add_func ("/elementwise/large", test_large);
  g_test_add_func ("/elementwise/where/not-chosen", test_where);
  g_test_add_func ("/elementwise/where/names-shapes", test_where_names_shapes);
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
