/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "device/device.h"
#include "nn/initializers.h"
#include "nn/optimizers.h"
#include "ops.h"

/*
 * Batch normalization with its neighbours of a residual network, and second
 * derivatives of normalizations, held against what PyTorch 2 gives for the same
 * numbers in double precision.
 */

#define EXAMPLES 3
#define CHANNELS 2
#define SIDE 2
#define COUNT (EXAMPLES * CHANNELS * SIDE * SIDE)

static KolDevice *device;

/* A block's normalization, and what it works on. */
typedef struct {
  KolGraph *graph;
  KolValue *x, *residual, *gamma, *beta, *mean, *variance;
} Block;

static void
block_init (Block *block)
{
  const float gamma[CHANNELS] = { 1.5f, -0.5f }, beta[CHANNELS] = { 0.25f, 0.5f };
  KolGraph *graph = block->graph = kol_graph_new (device);
  KolParameters *parameters = kol_graph_get_parameters (graph);
  KolShape shape = KOL_SHAPE (EXAMPLES, CHANNELS, SIDE, SIDE), channels = KOL_SHAPE (CHANNELS);
  float x[COUNT], residual[COUNT];
  g_autoptr (GError) error = NULL;

  block->x = kol_placeholder (graph, "x", shape);
  block->residual = kol_placeholder (graph, "residual", shape);
  block->gamma = kol_parameter (graph, "gamma", channels, KOL_CONSTANT (1));
  block->beta = kol_parameter (graph, "beta", channels, KOL_CONSTANT (0));
  block->mean = kol_state (graph, "mean", channels, KOL_CONSTANT (0));
  block->variance = kol_state (graph, "variance", channels, KOL_CONSTANT (1));
  for (int i = 0; i < COUNT; i++)
    {
      x[i] = (float) (i * 7 % 13) / 4 - 1 + (float) (i / 4 % 2 * 3);
      residual[i] = (float) (i * 5 % 11) / 8 - 0.6f;
    }
  kol_set (block->x, x);
  kol_set (block->residual, residual);
  kol_parameter_write (kol_parameters_find (parameters, "gamma"), gamma, &error);
  g_assert_no_error (error);
  kol_parameter_write (kol_parameters_find (parameters, "beta"), beta, &error);
  g_assert_no_error (error);
}

static KolValue *
block_normalize (const Block *block, gboolean training)
{
  return kol_batch_norm (block->x, block->gamma, block->beta, block->mean, block->variance,
                         &(KolBatchNorm){ .training = training });
}

static KolValue *
block_train (const Block *block)
{
  return block_normalize (block, TRUE);
}

static KolValue *
block_evaluate (const Block *block)
{
  return block_normalize (block, FALSE);
}

static KolValue *
block_normalize_group (const Block *block)
{
  return kol_group_norm (block->x, block->gamma, block->beta, 1, 0);
}

static KolValue *
block_loss (const Block *block, gboolean training)
{
  KolValue *y = kol_relu (kol_add (block_normalize (block, training), block->residual));

  return kol_mean (kol_square (y));
}

static void
run (KolGraph *graph, KolValue *const *targets, guint n)
{
  g_autoptr (GError) error = NULL;

  kol_run_all (graph, targets, n, &error);
  g_assert_no_error (error);
}

static void
assert_near (double value, double expected)
{
  if (!(fabs (value - expected) <= 1e-4 * MAX (fabs (expected), 0.1)))
    g_error ("%.9g, but expected %.9g", value, expected);
}

static void
assert_all_near (KolValue *value, const float *expected)
{
  gint64 count = kol_shape_count (kol_value_get_shape (value));
  g_autofree float *values = g_new (float, count);
  g_autoptr (GError) error = NULL;

  kol_read (value, values, &error);
  g_assert_no_error (error);
  for (gint64 i = 0; i < count; i++)
    assert_near (values[i], expected[i]);
}

static void
test_training (void)
{
  const double losses[] = { 0.9780004049493298, 0.8004519781839674, 0.655949805561412 };
  const float gamma[] = { 1.311398f, -0.3162535f }, beta[] = { 0.07378723f, 0.306692f };
  const float mean[] = { 0.1242083f, 0.9259167f }, variance[] = { 0.9902481f, 0.9702311f };
  Block block;
  KolValue *loss, *evaluated, *step;
  KolValue *after[4];

  block_init (&block);
  loss = block_loss (&block, TRUE);
  evaluated = block_loss (&block, FALSE);
  step = kol_sgd (loss, &(KolSgd){ .rate = 0.1 });
  for (int i = 0; i < 3; i++)
    {
      run (block.graph, (KolValue *[]){ step, loss }, 2);
      assert_near (kol_scalar (loss), losses[i]);
    }
  after[0] = block.gamma;
  after[1] = block.beta;
  after[2] = block.mean;
  after[3] = block.variance;
  run (block.graph, after, 4);
  assert_all_near (block.gamma, gamma);
  assert_all_near (block.beta, beta);
  assert_all_near (block.mean, mean);
  assert_all_near (block.variance, variance);
  run (block.graph, &evaluated, 1);
  assert_near (kol_scalar (evaluated), 0.5105700895950324);
  kol_graph_free (block.graph);
}

/* The sum with the residual and the activation behind it cost no launches of their own. */
static void
test_absorbs (void)
{
  g_autofree char *plan = NULL;
  g_autoptr (GError) error = NULL;
  KolValue *y;
  Block block;

  block_init (&block);
  y = kol_relu (kol_add (block_train (&block), block.residual));
  plan = kol_plan_describe (block.graph, &y, 1, &error);
  g_assert_no_error (error);
  g_test_message ("%s", plan);
  g_assert_nonnull (strstr (plan, "+residual +unary"));
  kol_graph_free (block.graph);
}

/* A loss that is not finite: nothing is written, as of the parameters. */
static void
test_not_finite (void)
{
  const float zeros[CHANNELS] = { 0 }, ones[CHANNELS] = { 1, 1 };
  float x[COUNT] = { 1, NAN };
  KolValue *step, *after[2];
  g_autoptr (GError) error = NULL;
  Block block;

  block_init (&block);
  step = kol_sgd (block_loss (&block, TRUE), &(KolSgd){ .rate = 0.1 });
  kol_set (block.x, x);
  if (kol_run (block.graph, step, &error))
    kol_finish (block.graph, &error);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DIVERGED);
  after[0] = block.mean;
  after[1] = block.variance;
  run (block.graph, after, 2);
  assert_all_near (block.mean, zeros);
  assert_all_near (block.variance, ones);
  kol_graph_free (block.graph);
}

/* The gradient of sum gx² + sum ggamma² + sum gbeta³, where g is the gradient of a loss. */
static void
check_second_order (KolValue *(*normalize) (const Block *block), const float *x, const float *gamma,
                    const float *beta)
{
  const float mean[CHANNELS] = { 0.5f, 2.5f }, variance[CHANNELS] = { 1.5f, 0.75f };
  KolParameters *parameters;
  KolValue *of[3], *first[3], *second[3], *loss, *penalty;
  g_autoptr (GError) error = NULL;
  Block block;

  block_init (&block);
  parameters = kol_graph_get_parameters (block.graph);
  kol_parameter_write (kol_parameters_find (parameters, "mean"), mean, &error);
  g_assert_no_error (error);
  kol_parameter_write (kol_parameters_find (parameters, "variance"), variance, &error);
  g_assert_no_error (error);
  of[0] = block.x;
  of[1] = block.gamma;
  of[2] = block.beta;
  loss = kol_sum (kol_multiply (kol_tanh (normalize (&block)), block.residual), NULL);
  g_assert_true (kol_gradients (loss, of, 3, first));
  penalty = kol_add (kol_sum (kol_square (first[0]), NULL),
                     kol_add (kol_sum (kol_square (first[1]), NULL),
                              kol_sum (kol_multiply (first[2], kol_square (first[2])), NULL)));
  g_assert_true (kol_gradients (penalty, of, 3, second));
  run (block.graph, second, 3);
  assert_all_near (second[0], x);
  assert_all_near (second[1], gamma);
  assert_all_near (second[2], beta);
  kol_graph_free (block.graph);
}

static void
test_second_order (void)
{
  const float x[COUNT]
      = { -0.4010162f,  -0.1127208f, 0.2072695f, -0.05376327f, 0.08967106f,  -0.1052089f,
          -0.5116933f,  0.2164293f,  0.2698046f, -0.02971078f, -0.2193871f,  -0.0007218692f,
          -1.012424f,   1.188319f,   -0.535071f, 0.6317439f,   -0.08256607f, 0.2543166f,
          -0.09164272f, 0.2601381f,  0.9346565f, -0.7304629f,  0.5843454f,   -0.7503049f };
  const float gamma[] = { -0.9717406f, 16.52197f }, beta[] = { 1.151953f, -8.495982f };

  check_second_order (block_train, x, gamma, beta);
}

static void
test_second_order_evaluated (void)
{
  const float x[COUNT]
      = { -0.3287338f, -0.03138605f, 0.7483545f,  0.05536514f,  -2.350944f,  0.1225075f,
          -2.290799f,  -0.3776919f,  0.1382333f,  -0.04290332f, -0.135736f,  -0.0515397f,
          -0.1440828f, -1.136731f,   0.4283201f,  -1.62007f,    0.08655792f, 0.5512849f,
          0.0166092f,  0.3346138f,   -0.5243609f, -0.9780427f,  -1.37187f,   -0.1637962f };
  const float gamma[] = { -1.06676f, 37.41152f }, beta[] = { 1.526679f, 12.3101f };

  check_second_order (block_evaluate, x, gamma, beta);
}

static void
test_second_order_group (void)
{
  const float x[COUNT]
      = { -0.3364008f,  0.1830059f, 0.8206252f, -0.1524888f, -0.7784791f, 0.3836498f,
          -0.607255f,   0.4873427f, 0.2684179f, 0.07635278f, 0.2557085f,  1.838435f,
          -0.04179821f, -1.326808f, 0.1839857f, -1.254294f,  -0.6251431f, 0.6609934f,
          -0.9241291f,  0.620705f,  0.3943025f, -0.3701863f, 0.4281096f,  -0.184652f };
  const float gamma[] = { 0.05740075f, 3.222354f }, beta[] = { 0.8163443f, 3.026749f };

  check_second_order (block_normalize_group, x, gamma, beta);
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
  g_test_add_func ("/nn/normalization/batch/training", test_training);
  g_test_add_func ("/nn/normalization/batch/absorbs", test_absorbs);
  g_test_add_func ("/nn/normalization/batch/not-finite", test_not_finite);
  g_test_add_func ("/nn/normalization/batch/second-order", test_second_order);
  g_test_add_func ("/nn/normalization/batch/second-order-evaluated", test_second_order_evaluated);
  g_test_add_func ("/nn/normalization/group/second-order", test_second_order_group);
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
