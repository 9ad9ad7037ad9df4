/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Batch norms at inference that go into the convolution or product before them. */

#include <math.h>
#include <string.h>

#include "graph/graph-private.h"
#include "kolinsky.h"

static KolDevice *device;

/* A network of one layer and its batch norm, and what is between the two. */
typedef struct {
  KolGraph *graph;
  KolValue *between, *y;
} Net;

static void
net_clear (Net *net)
{
  kol_graph_free (net->graph);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Net, net_clear)

/* The variants that can take a batch norm in, whatever is fastest here. */
static void
force_variants (KolGraph *graph, const char *op)
{
  graph->forced_op = kol_op_find (op);
  graph->forced_variant = !device->simd            ? "plain"
                          : !strcmp (op, "matmul") ? "simd"
                                                   : "implicit-gemm";
}

static KolValue *
normalize (KolValue *x, gint64 channels)
{
  KolGraph *g = kol_value_get_graph (x);
  KolShape shape = KOL_SHAPE (channels);
  KolValue *gamma = kol_parameter (g, "gamma", shape, KOL_UNIFORM (0.5, 2)),
           *beta = kol_parameter (g, "beta", shape, KOL_UNIFORM (-1, 1)),
           *mean = kol_state (g, "mean", shape, KOL_UNIFORM (-1, 1)),
           *variance = kol_state (g, "variance", shape, KOL_UNIFORM (0.5, 2));

  return kol_batch_norm (x, gamma, beta, mean, variance, NULL);
}

/* relu (batch norm (conv2d (x) [+ bias]) + x). */
static Net
convolution_net (KolParameters *parameters, gboolean with_bias)
{
  Net net = { kol_graph_new_over (parameters) };
  KolValue *x = kol_placeholder (net.graph, "x", KOL_SHAPE (2, 5, 7, 9));
  KolValue *w = kol_parameter (net.graph, "w", KOL_SHAPE (5, 5, 3, 3), KOL_HE);
  KolValue *b = kol_parameter (net.graph, "b", KOL_SHAPE (5), KOL_UNIFORM (-1, 1));
  float values[2 * 5 * 7 * 9];

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    values[i] = sinf ((float) i);
  kol_set (x, values);
  net.between = kol_conv2d (x, w, with_bias ? b : NULL, &(KolConv2d){ .padding = KOL_SAME });
  net.y = kol_relu (kol_add (normalize (net.between, 5), x));
  force_variants (net.graph, "conv2d");
  return net;
}

/* tanh (batch norm (x w [+ bias])), w transposed or not. */
static Net
product_net (KolParameters *parameters, gboolean transposed)
{
  Net net = { kol_graph_new_over (parameters) };
  KolShape shape = transposed ? KOL_SHAPE (6, 11) : KOL_SHAPE (11, 6);
  KolValue *x = kol_placeholder (net.graph, "x", KOL_SHAPE (7, 11));
  KolValue *w = kol_parameter (net.graph, transposed ? "wt" : "w", shape, KOL_UNIFORM (-1, 1));
  KolValue *b = kol_parameter (net.graph, "b", KOL_SHAPE (6), KOL_UNIFORM (-1, 1));
  float values[7 * 11];

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    values[i] = sinf ((float) i);
  kol_set (x, values);
  net.between = kol_add (b, kol_matmul_with (x, w, &(KolMatmul){ .transpose_b = transposed }));
  net.y = kol_tanh (normalize (net.between, 6));
  force_variants (net.graph, "matmul");
  return net;
}

/* How many launches a run makes for these targets, apart from those that run once. */
static guint
steps_of (const Net *net, KolValue *const *targets, guint n)
{
  g_autoptr (GError) error = NULL;
  KolPlan *plan = kol_plan_new (net->graph, targets, n, &error);
  guint steps;

  g_assert_no_error (error);
  steps = plan->steps->len - plan->n_once;
  kol_plan_free (plan);
  return steps;
}

/* Values as they are without folding, which asking for what is between prevents. */
static void
read_unfolded (const Net *net, float *values)
{
  g_autoptr (GError) error = NULL;
  KolValue *targets[] = { net->y, net->between };

  g_assert_true (kol_run_all (net->graph, targets, 2, &error));
  g_assert_true (kol_read (net->y, values, &error));
}

static void
read_folded (const Net *net, float *values)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (kol_run (net->graph, net->y, &error));
  g_assert_no_error (error);
  g_assert_true (kol_read (net->y, values, &error));
}

/* Both agree to @tolerance of the largest value. */
static void
assert_same (const Net *net)
{
  guint n = (guint) kol_count (net->y);
  g_autofree float *folded = g_new (float, n), *expected = g_new (float, n);
  float largest = 0;

  read_unfolded (net, expected);
  read_folded (net, folded);
  for (guint i = 0; i < n; i++)
    largest = MAX (largest, fabsf (expected[i]));
  for (guint i = 0; i < n; i++)
    if (!(fabsf (folded[i] - expected[i]) <= 1e-5f * largest))
      g_error ("element %u is %g, expected %g", i, folded[i], expected[i]);
}

/* One launch is left of convolution, bias, batch norm, residual and relu, with the same result. */
static void
test_convolution (void)
{
  for (guint with_bias = 0; with_bias < 2; with_bias++)
    {
      g_autoptr (KolParameters) parameters = kol_parameters_new (device, 1);
      g_auto (Net) net = convolution_net (parameters, with_bias);
      KolValue *both[] = { net.y, net.between };

      assert_same (&net);
      if (device->simd)
        g_assert_cmpuint (steps_of (&net, &net.y, 1), ==, 1);
      g_assert_cmpuint (steps_of (&net, both, 2), >, 1);
    }
}

static void
test_product (void)
{
  for (guint transposed = 0; transposed < 2; transposed++)
    {
      g_autoptr (KolParameters) parameters = kol_parameters_new (device, 1);
      g_auto (Net) net = product_net (parameters, transposed);

      assert_same (&net);
      if (device->simd)
        g_assert_cmpuint (steps_of (&net, &net.y, 1), ==, 1);
    }
}

/* The version of the weights that the plan of net->y keeps. */
static guint64
kept_version (const Net *net)
{
  const KolPlan *plan = net->graph->last;

  for (guint i = 0; i < plan->storages->len; i++)
    if (g_array_index (plan->storages, KolStorage, i).kind == KOL_STORAGE_KEPT)
      return g_array_index (plan->storages, KolStorage, i).version;
  return 0;
}

/* The weights are computed once, and again when any of the parameters behind them changes. */
static void
test_follows_parameters (void)
{
  static const char *const names[] = { "w", "b", "gamma", "beta", "mean", "variance" };
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, 1);
  g_auto (Net) net = convolution_net (parameters, TRUE);
  g_autoptr (GError) error = NULL;
  guint n = (guint) kol_count (net.y);
  g_autofree float *before = g_new (float, n), *after = g_new (float, n);

  if (!device->simd)
    {
      g_test_skip ("no variant of this device absorbs");
      return;
    }
  read_folded (&net, before);
  g_assert_cmpuint (kept_version (&net), ==, 1);
  g_assert_true (kol_run (net.graph, net.y, &error));
  g_assert_true (kol_run (net.graph, net.y, &error));
  g_assert_cmpuint (kept_version (&net), ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      KolParameter *parameter = kol_parameters_find (parameters, names[i]);
      guint count = (guint) kol_shape_count (kol_parameter_get_shape (parameter));
      g_autofree float *values = g_new (float, count);

      for (guint k = 0; k < count; k++)
        values[k] = 0.75f + 0.01f * (float) k;
      g_assert_true (kol_parameter_write (parameter, values, &error));
      read_folded (&net, after);
      g_assert_cmpuint (kept_version (&net), ==, i + 2);
      g_assert_cmpint (memcmp (before, after, n * sizeof (float)), !=, 0);
      memcpy (before, after, n * sizeof (float));
      assert_same (&net);
      g_assert_true (kol_run (net.graph, net.y, &error)); /* the folded plan again */
    }
}

/* What is kept is part of the peak. */
static void
test_peak (void)
{
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, 1);
  g_auto (Net) net = convolution_net (parameters, FALSE);
  g_autoptr (GError) error = NULL;
  guint64 picture = 2 * 5 * 7 * 9 * sizeof (float), weights = 5 * 5 * 3 * 3 * sizeof (float), bytes;

  g_assert_true (kol_peak_bytes (net.graph, &net.y, 1, &bytes, &error));
  if (device->simd)
    g_assert_cmpuint (bytes, >=, 2 * picture + 2 * weights);
}

/* Training moves the parameters that would be folded: nothing is. */
static void
test_not_in_training (void)
{
  g_autoptr (KolParameters) parameters = kol_parameters_new (device, 1);
  g_auto (Net) net = convolution_net (parameters, FALSE);
  KolValue *step = kol_sgd (kol_mean (kol_square (net.y)), &(KolSgd){ 0 });
  g_autoptr (GError) error = NULL;
  KolPlan *plan = kol_plan_new (net.graph, &step, 1, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (plan->n_once, ==, 0);
  g_assert_cmpuint (g_hash_table_size (net.graph->folds), ==, 0);
  kol_plan_free (plan);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/fold/convolution", test_convolution);
  g_test_add_func ("/fold/product", test_product);
  g_test_add_func ("/fold/follows-parameters", test_follows_parameters);
  g_test_add_func ("/fold/peak", test_peak);
  g_test_add_func ("/fold/not-in-training", test_not_in_training);
  result = g_test_run ();
  kol_device_unref (device);
  return result;
}
