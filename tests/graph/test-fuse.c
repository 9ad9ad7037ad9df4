/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Functions of single elements that become one launch, and results in their inputs' memory. */

#include <math.h>
#include <string.h>

#include "graph/graph-private.h"
#include "kolinsky.h"

static KolDevice *device;

#define SHAPE KOL_SHAPE (3, 5, 7, 9)
#define COUNT (3 * 5 * 7 * 9)

static KolValue *
wave (KolGraph *g, const char *name, KolShape shape, float phase)
{
  KolValue *value = kol_placeholder (g, name, shape);
  guint n = (guint) kol_count (value);
  g_autofree float *values = g_new (float, n);

  for (guint i = 0; i < n; i++)
    values[i] = 0.1f + fabsf (sinf (phase + (float) i));
  kol_set (value, values);
  return value;
}

static guint
steps_of (KolGraph *g, KolValue *const *targets, guint n)
{
  g_autoptr (GError) error = NULL;
  KolPlan *plan = kol_plan_new (g, targets, n, &error);
  guint steps;

  g_assert_no_error (error);
  steps = plan->steps->len;
  kol_plan_free (plan);
  return steps;
}

static guint64
peak_of (KolGraph *g, KolValue *const *targets, guint n)
{
  g_autoptr (GError) error = NULL;
  guint64 bytes;

  g_assert_true (kol_peak_bytes (g, targets, n, &bytes, &error));
  return bytes;
}

/*
 * @values [n] ends with the result: with all of them asked for each is a launch, with
 * the result alone it is one; to the bit the same comes out.
 */
static void
assert_one_launch (KolGraph *g, KolValue *const *values, guint n)
{
  g_autoptr (GError) error = NULL;
  KolValue *y = values[n - 1];
  g_autofree float *one = g_new (float, kol_count (y)), *each = g_new (float, kol_count (y));

  g_assert_cmpuint (steps_of (g, values, n), ==, n);
  g_assert_cmpuint (steps_of (g, &y, 1), ==, 1);
  g_assert_cmpuint (peak_of (g, &y, 1), <, peak_of (g, values, n));
  g_assert_true (kol_run_all (g, values, n, &error));
  g_assert_no_error (error);
  g_assert_true (kol_read (y, each, &error));
  g_assert_true (kol_run (g, y, &error));
  g_assert_no_error (error);
  g_assert_true (kol_read (y, one, &error));
  g_assert_cmpmem (one, kol_count (y) * sizeof (float), each, kol_count (y) * sizeof (float));
}

/* A chain with numbers, and a value that is read twice inside. */
static void
test_chain (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *v[6];

  v[0] = kol_multiply (wave (g, "a", SHAPE, 0), wave (g, "b", SHAPE, 1));
  v[1] = kol_scale (v[0], -1.3f, 0.7f);
  v[2] = kol_clip (v[1], -INFINITY, 0.6f);
  v[3] = kol_gelu (v[2]);
  v[4] = kol_multiply (v[3], v[3]);
  v[5] = kol_subtract (v[4], wave (g, "c", SHAPE, 2));
  assert_one_launch (g, v, 6);
}

/* A tree whose inputs are stretched: a scalar, a constant, a number per channel, rows. */
static void
test_stretched (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *v[5];

  v[0] = kol_add (wave (g, "x", SHAPE, 0), wave (g, "bias", KOL_SHAPE (5, 1, 1), 1));
  v[1] = kol_multiply (v[0], wave (g, "scalar", KOL_SCALAR, 2));
  v[2] = kol_divide (v[1], kol_constant (g, 3));
  v[3] = kol_expand (wave (g, "rows", KOL_SHAPE (7, 1), 3), SHAPE);
  v[4] = kol_where (v[3], v[2], wave (g, "last", KOL_SHAPE (9), 4));
  assert_one_launch (g, v, 5);
}

/* What is read elsewhere stays a launch, and so does what has another shape. */
static void
test_shared_values (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *x = wave (g, "x", SHAPE, 0), *shared = kol_tanh (x);
  KolValue *y[] = { kol_square (shared), kol_sum (shared, NULL) };
  KolValue *small = kol_sqrt (wave (g, "small", KOL_SHAPE (9), 1)), *wide = kol_add (x, small);

  g_assert_cmpuint (steps_of (g, y, 2), ==, 3);
  g_assert_cmpuint (steps_of (g, &wide, 1), ==, 2);
}

/* Sums of nine inputs, chains of twenty functions: cut, and still right. */
static void
test_limits (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *sum = wave (g, "first", KOL_SHAPE (33), 0), *deep = sum;
  float got[33], first[33], expected[33] = { 0 };

  g_assert_true (kol_read (sum, first, &error));
  for (guint i = 1; i < 12; i++)
    {
      g_autofree char *name = g_strdup_printf ("input %u", i);

      sum = kol_add (sum, wave (g, name, KOL_SHAPE (33), (float) i));
    }
  for (guint i = 0; i < 20; i++)
    deep = kol_scale (deep, 1, 1);
  g_assert_cmpuint (steps_of (g, &sum, 1), ==, 2);
  g_assert_cmpuint (steps_of (g, &deep, 1), ==, 3);
  for (guint i = 0; i < 12; i++)
    for (guint k = 0; k < 33; k++)
      expected[k] += 0.1f + fabsf (sinf ((float) (i + k)));
  g_assert_true (kol_read (sum, got, &error));
  g_assert_no_error (error);
  for (guint k = 0; k < 33; k++)
    g_assert_cmpfloat_with_epsilon (got[k], expected[k], 1e-5);
  g_assert_true (kol_read (deep, got, &error));
  for (guint k = 0; k < 33; k++)
    g_assert_cmpfloat_with_epsilon (got[k], first[k] + 20, 1e-5);
}

/*
 * The sum of many products, each made of two large values as they come up: in one
 * launch with the last they would all have to be kept until then. A peak is not higher
 * than without chains.
 */
static void
test_memory_comes_first (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolShape shape = KOL_SHAPE (100, 100);
  KolValue *x = wave (g, "x", shape, 0), *sum = x;
  guint64 separate, fused;

  for (guint i = 0; i < 4; i++)
    {
      KolValue *a = kol_cumulative_sum (x, 0, FALSE, FALSE);
      KolValue *b = kol_cumulative_sum (a, 1, FALSE, FALSE);

      sum = kol_add (sum, kol_multiply (a, b));
    }
  g->separate = TRUE;
  separate = peak_of (g, &sum, 1);
  g_assert_cmpuint (steps_of (g, &sum, 1), ==, 4 * 4);
  g->separate = FALSE;
  g_ptr_array_set_size (g->plans, 0);
  fused = peak_of (g, &sum, 1);
  g_assert_cmpuint (fused, <=, separate);
  g_assert_cmpuint (steps_of (g, &sum, 1), ==, 4 * 3);
}

/* Each function that is a launch of its own writes over its input; a second reader's is kept. */
static void
test_in_place (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (GError) error = NULL;
  KolValue *x = wave (g, "x", KOL_SHAPE (1000), 0), *y = x, *shared, *both;
  float got[1000], first[1000];

  for (guint i = 0; i < 20; i++)
    y = kol_scale (y, 1, 1);
  g_assert_cmpuint (peak_of (g, &y, 1), ==, 4000 * (2 + 1)); /* x, y, and one slot */

  shared = kol_cumulative_sum (x, 0, FALSE, FALSE);
  both = kol_add (kol_cumulative_sum (kol_negate (shared), 0, FALSE, FALSE), shared);
  g_assert_true (kol_read (x, first, &error));
  g_assert_true (kol_read (both, got, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < 3; i++) /* the sums s of x: s - the sums of s */
    {
      double s = 0, sums = 0;

      for (guint k = 0; k <= i; k++)
        {
          s += first[k];
          sums += s;
        }
      g_assert_cmpfloat_with_epsilon (got[i], s - sums, 1e-4);
    }
}

/* A training step's gradients are chains, too: fewer launches than there are nodes to compute. */
static void
test_gradients (void)
{
  g_autoptr (KolGraph) g = kol_graph_new (device);
  KolValue *x = wave (g, "x", SHAPE, 0), *y = kol_tanh (kol_exp (kol_negate (x))), *gradient;
  KolValue *loss = kol_mean (kol_square (y));
  g_autoptr (GError) error = NULL;
  float got[COUNT], at[COUNT];

  g_assert_true (kol_gradients (loss, &x, 1, &gradient));
  g_assert_cmpuint (steps_of (g, &gradient, 1), <=, 4);
  g_assert_true (kol_read (gradient, got, &error));
  g_assert_no_error (error);
  g_assert_true (kol_read (x, at, &error));
  for (guint i = 0; i < COUNT; i++)
    {
      double e = exp (-(double) at[i]), t = tanh (e);

      g_assert_cmpfloat_with_epsilon (got[i], 2 * t * (1 - t * t) * -e / COUNT, 1e-6);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/fuse/chain", test_chain);
  g_test_add_func ("/fuse/stretched", test_stretched);
  g_test_add_func ("/fuse/shared-values", test_shared_values);
  g_test_add_func ("/fuse/limits", test_limits);
  g_test_add_func ("/fuse/memory-comes-first", test_memory_comes_first);
  g_test_add_func ("/fuse/in-place", test_in_place);
  g_test_add_func ("/fuse/gradients", test_gradients);
  result = g_test_run ();
  kol_device_unref (device);
  return result;
}
