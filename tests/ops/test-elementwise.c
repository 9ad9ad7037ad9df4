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

#include "elementwise-numbers.h"

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
