/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Training in less memory: the same numbers from a lower peak. */

#include <math.h>
#include <string.h>

#include "graph/graph-private.h"
#include "kolinsky.h"

static KolDevice *device;

#define STEPS 4
#define BLOCKS 5

/* A network, the loss and a training step. */
typedef struct {
  KolParameters *parameters;
  KolGraph *graph;
  KolValue *x, *loss, *step;
} Net;

static void
net_clear (Net *net)
{
  kol_graph_free (net->graph);
  kol_parameters_unref (net->parameters);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Net, net_clear)

/* A parameter of block @i. */
static KolValue *
weights (KolGraph *g, const char *name, int i, KolShape shape, KolInitializer initializer)
{
  g_autofree char *full = g_strdup_printf ("block %d/%s", i, name);

  return kol_parameter (g, full, shape, initializer);
}

static KolValue *
statistics (KolGraph *g, const char *name, int i, double value)
{
  g_autofree char *full = g_strdup_printf ("block %d/%s", i, name);

  return kol_state (g, full, KOL_SHAPE (8), KOL_CONSTANT (value));
}

/* Convolution, batch norm, a short cut, gelu, dropout. */
static KolValue *
block (KolValue *x, int i)
{
  KolGraph *g = kol_value_get_graph (x);
  KolValue *w = weights (g, "w", i, KOL_SHAPE (8, 8, 3, 3), KOL_HE),
           *gamma = weights (g, "gamma", i, KOL_SHAPE (8), KOL_CONSTANT (1)),
           *beta = weights (g, "beta", i, KOL_SHAPE (8), KOL_CONSTANT (0));
  KolValue *y = kol_conv2d (x, w, NULL, &(KolConv2d){ .padding = KOL_SAME });

  y = kol_batch_norm (y, gamma, beta, statistics (g, "mean", i, 0),
                      statistics (g, "variance", i, 1), &(KolBatchNorm){ .training = TRUE });
  return kol_dropout (kol_gelu (kol_add (y, x)), kol_constant (g, 0.8f));
}

static Net
net_new (KolMemory memory)
{
  Net net = { .parameters = kol_parameters_new (device, 7) };
  KolValue *y;

  net.graph = kol_graph_new_over (net.parameters);
  net.x = kol_placeholder (net.graph, "x", KOL_SHAPE (4, 8, 16, 16));
  y = net.x;
  for (int i = 0; i < BLOCKS; i++)
    y = block (y, i);
  net.loss = kol_mean (kol_square (y));
  net.step = kol_adam (net.loss, NULL);
  kol_graph_set_memory (net.graph, memory);
  return net;
}

/* Trains, and gives the loss of each step. */
static void
train (const Net *net, float losses[STEPS])
{
  KolValue *targets[] = { net->step, net->loss };
  float values[4 * 8 * 16 * 16];

  for (guint step = 0; step < STEPS; step++)
    {
      g_autoptr (GError) error = NULL;

      for (guint i = 0; i < G_N_ELEMENTS (values); i++)
        values[i] = sinf ((float) (i * (step + 1)));
      kol_set (net->x, values);
      g_assert_true (kol_run_all (net->graph, targets, 2, &error));
      g_assert_no_error (error);
      g_assert_true (kol_read (net->loss, &losses[step], &error));
    }
}

static void
assert_same_parameters (KolParameters *one, KolParameters *other)
{
  g_assert_cmpuint (kol_parameters_get_count (one), ==, kol_parameters_get_count (other));
  for (guint i = 0; i < kol_parameters_get_count (one); i++)
    {
      KolParameter *a = kol_parameters_get (one, i), *b = kol_parameters_get (other, i);
      gsize n = (gsize) kol_shape_count (kol_parameter_get_shape (a));
      g_autofree float *values = g_new (float, n), *others = g_new (float, n);

      g_assert_true (kol_parameter_read (a, values, NULL));
      g_assert_true (kol_parameter_read (b, others, NULL));
      g_assert_cmpmem (values, n * sizeof (float), others, n * sizeof (float));
    }
}

/* Losses, weights, moments and running statistics after some steps, all to the bit. */
static void
test_same_numbers (void)
{
  g_auto (Net) normal = net_new (KOL_MEMORY_NORMAL);
  g_auto (Net) low = net_new (KOL_MEMORY_LOW);
  g_autoptr (GHashTable) variants = NULL;
  float losses[STEPS], others[STEPS];

  train (&normal, losses);
  variants = kol_graph_get_variants (normal.graph);
  kol_graph_pin_variants (low.graph, variants);
  train (&low, others);
  g_assert_cmpfloat (losses[0], >, 0);
  g_assert_cmpfloat (losses[0], !=, losses[STEPS - 1]);
  g_assert_cmpmem (losses, sizeof losses, others, sizeof others);
  assert_same_parameters (normal.parameters, low.parameters);
}

/* The peak is much lower, for less than the operations of another forward pass. */
static void
test_cost (void)
{
  g_auto (Net) net = net_new (KOL_MEMORY_NORMAL);
  KolValue *targets[] = { net.step, net.loss };
  g_autoptr (GError) error = NULL;
  guint64 normal, low;
  double share;

  g_assert_true (kol_peak_bytes (net.graph, targets, 2, &normal, &error));
  g_assert_true (kol_repeated_share (net.graph, targets, 2, &share, &error));
  g_assert_cmpfloat (share, ==, 0);
  kol_graph_set_memory (net.graph, KOL_MEMORY_LOW);
  g_assert_true (kol_peak_bytes (net.graph, targets, 2, &low, &error));
  g_assert_true (kol_repeated_share (net.graph, targets, 2, &share, &error));
  g_test_message ("%.0f KiB rather than %.0f, %.1f %% more operations", (double) low / 1024,
                  (double) normal / 1024, 100 * share);
  g_assert_cmpfloat ((double) low, <, 0.75 * (double) normal);
  g_assert_cmpfloat (share, >, 0);
  g_assert_cmpfloat (share, <, 0.5);
}

/* Where nothing is trained there is nothing to repeat. */
static void
test_without_gradients (void)
{
  g_auto (Net) net = net_new (KOL_MEMORY_LOW);
  g_autoptr (GError) error = NULL;
  double share;

  g_assert_true (kol_repeated_share (net.graph, &net.loss, 1, &share, &error));
  g_assert_cmpfloat (share, ==, 0);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/recompute/same-numbers", test_same_numbers);
  g_test_add_func ("/recompute/cost", test_cost);
  g_test_add_func ("/recompute/without-gradients", test_without_gradients);
  result = g_test_run ();
  kol_device_unref (device);
  return result;
}
