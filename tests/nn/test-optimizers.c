/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "device/device.h"
#include "graph/graph-private.h"
#include "nn/initializers.h"
#include "nn/optimizers.h"
#include "ops.h"
#include "ops/optimizer-private.h"

#include "torch-optimizers.h"

/*
 * The losses here are Σ (w - x)², whose gradient 2 (w - x) is as simple as a
 * gradient can be, so that a few lines of doubles say what an optimizer must do.
 */

static KolDevice *device;

static KolValue *
distance (KolValue *w, KolValue *x)
{
  return kol_sum (kol_square (kol_subtract (w, x)), NULL);
}

static void
run (KolGraph *graph, KolValue *target)
{
  g_autoptr (GError) error = NULL;

  kol_run (graph, target, &error);
  g_assert_no_error (error);
}

static void
read_state (KolGraph *graph, const char *name, float *values)
{
  KolParameter *parameter = kol_parameters_find (kol_graph_get_parameters (graph), name);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (parameter);
  kol_parameter_read (parameter, values, &error);
  g_assert_no_error (error);
}

static void
assert_near (double value, double expected)
{
  if (!(fabs (value - expected) <= 2e-5 * MAX (fabs (expected), 0.1)))
    g_error ("%.9g, but expected %.9g", value, expected);
}

/* Forty steps of Adam on a [3] and a [2, 2], from 0.5 and -1, towards 1, 2, ... */
static void
test_adam (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *a = kol_parameter (graph, "a", KOL_SHAPE (3), KOL_CONSTANT (0.5));
  KolValue *b = kol_parameter (graph, "b", KOL_SHAPE (2, 2), KOL_CONSTANT (-1));
  KolValue *xa = kol_placeholder (graph, "xa", KOL_SHAPE (3));
  KolValue *xb = kol_placeholder (graph, "xb", KOL_SHAPE (2, 2));
  KolValue *loss = kol_add (distance (a, xa), distance (b, xb));
  KolValue *step = kol_adam (loss, &(KolAdam){ .rate = 0.05, .beta2 = 0.99 });
  const float x[7] = { 1, 2, 3, 4, 5, 6, 7 };
  double p[7] = { 0.5, 0.5, 0.5, -1, -1, -1, -1 }, m[7] = { 0 }, v[7] = { 0 };
  float values[7];

  kol_set (xa, x);
  kol_set (xb, x + 3);
  for (int t = 1; t <= 40; t++)
    {
      double rate = t <= 20 ? 0.05 : 0.01;

      if (t == 21)
        kol_set_scalar (kol_optimizer_get_rate (step), 0.01f);
      run (graph, step);
      for (int i = 0; i < 7; i++)
        {
          double g = 2 * (p[i] - x[i]);

          m[i] = 0.9 * m[i] + 0.1 * g;
          v[i] = 0.99 * v[i] + 0.01 * g * g;
          p[i] -= rate * (m[i] / (1 - pow (0.9, t))) / (sqrt (v[i] / (1 - pow (0.99, t))) + 1e-8);
        }
    }

  read_state (graph, "a", values);
  read_state (graph, "b", values + 3);
  for (int i = 0; i < 7; i++)
    assert_near (values[i], p[i]);
  read_state (graph, "adam/m", values);
  for (int i = 0; i < 7; i++)
    assert_near (values[i], m[i]);
  read_state (graph, "adam/v", values);
  for (int i = 0; i < 7; i++)
    assert_near (values[i], v[i]);
  read_state (graph, "adam/count", values);
  g_assert_cmpfloat (values[0], ==, 40);
}

static void
check_sgd (double momentum)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (3), KOL_CONSTANT (0.5));
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (3));
  KolValue *step = kol_sgd (distance (w, x), &(KolSgd){ .rate = 0.02, .momentum = momentum });
  const float aim[3] = { 1, -2, 3 };
  double p[3] = { 0.5, 0.5, 0.5 }, v[3] = { 0 };
  float values[3];

  kol_set (x, aim);
  for (int t = 0; t < 20; t++)
    {
      run (graph, step);
      for (int i = 0; i < 3; i++)
        {
          v[i] = momentum * v[i] + 2 * (p[i] - aim[i]);
          p[i] -= 0.02 * v[i];
        }
    }
  read_state (graph, "w", values);
  for (int i = 0; i < 3; i++)
    assert_near (values[i], p[i]);
}

static void
test_sgd (void)
{
  check_sgd (0);
  check_sgd (0.9);
}

/* ── Against PyTorch ───────────────────────────────────────────────────────────────────────── */

/* Where torch_optimizers.py draws the parameters to. */
static void
set_aim (KolValue *xa, KolValue *xb, int step)
{
  float aim[7];

  for (int i = 0; i < 7; i++)
    aim[i] = (float) ((7 * step + 3 * i) % 11 - 5) / 4;
  kol_set (xa, aim);
  kol_set (xb, aim + 3);
}

static void
check_torch (const KolOptimizer *how, const double *p, const double *average)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *a = kol_parameter (graph, "a", KOL_SHAPE (3), KOL_CONSTANT (0.5));
  KolValue *b = kol_parameter (graph, "b", KOL_SHAPE (2, 2), KOL_CONSTANT (-1));
  KolValue *xa = kol_placeholder (graph, "xa", KOL_SHAPE (3));
  KolValue *xb = kol_placeholder (graph, "xb", KOL_SHAPE (2, 2));
  KolValue *step = kol_minimize (kol_add (distance (a, xa), distance (b, xb)), how);
  float values[7];

  for (int i = 0; i < TORCH_STEPS; i++)
    {
      set_aim (xa, xb, i);
      run (graph, step);
    }
  g_assert_true (kol_finish (graph, NULL));
  read_state (graph, "a", values);
  read_state (graph, "b", values + 3);
  for (int i = 0; i < 7; i++)
    assert_near (values[i], p[i]);

  g_assert_true (kol_optimizer_has_averages (step) == (how->average != 0));
  if (how->average == 0)
    return;
  read_state (graph, "a/average", values);
  read_state (graph, "b/average", values + 3);
  for (int i = 0; i < 7; i++)
    assert_near (values[i], average[i]);
}

static void
test_torch (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (torch_optimizers); i++)
    {
      const KolOptimizer *how = &torch_optimizers[i].how;

      g_test_message ("%u: %s", i, how->name);
      check_torch (how, torch_optimizers[i].p, torch_optimizers[i].average);
    }
}

static void
test_names (void)
{
  for (const char *const *name = kol_optimizer_names (); *name; name++)
    {
      g_autoptr (KolGraph) graph = kol_graph_new (device);
      KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (3), KOL_CONSTANT (1));
      KolValue *step
          = kol_minimize (distance (w, kol_constant (graph, 0)), &(KolOptimizer){ .name = *name });

      assert_near (kol_scalar (kol_optimizer_get_rate (step)), kol_optimizer_default_rate (*name));
    }
  g_assert_true (isnan (kol_optimizer_default_rate ("none")));
}

/* ── Averages ──────────────────────────────────────────────────────────────────────────────── */

/* Σ w over a [3] of equal elements. */
static double
third_of_sum (KolValue *sum)
{
  return kol_scalar (sum) / 3;
}

static void
test_averages (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (3), KOL_CONSTANT (1));
  KolValue *step = kol_minimize (distance (w, kol_constant (graph, 0)),
                                 &(KolOptimizer){ .name = "sgd", .rate = 0.25, .average = 0.75 });
  KolValue *sum = kol_sum (w, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (kol_optimizer_swap_averages (step, &error)); /* nothing to swap yet */
  assert_near (third_of_sum (sum), 1);
  g_assert_true (kol_optimizer_swap_averages (step, &error));

  run (graph, step); /* w = 1/2, and so is the average */
  run (graph, step); /* w = 1/4, average = 3/4 · 1/2 + 1/4 · 1/4 */
  g_assert_true (kol_optimizer_swap_averages (step, &error));
  g_assert_no_error (error);
  assert_near (third_of_sum (sum), 0.4375);
  g_assert_true (kol_optimizer_swap_averages (step, &error));
  assert_near (third_of_sum (sum), 0.25);
  run (graph, step);
  assert_near (third_of_sum (sum), 0.125);
  g_assert_true (kol_optimizer_swap_averages (step, &error));
  assert_near (third_of_sum (sum), 0.75 * 0.4375 + 0.25 * 0.125);
}

/* The packed form of a weight follows the exchange, and the values stay right on every path. */
static void
test_averages_packed (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (33, 64));
  KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (64, 48), KOL_CONSTANT (1));
  KolValue *y = kol_mean (kol_matmul (x, w));
  KolValue *step = kol_minimize (kol_square (y),
                                 &(KolOptimizer){ .name = "sgd", .rate = 0.1, .average = 0.75 });
  g_autofree float *ones = g_new (float, 33 * 64);
  float weights[3], averages[3];
  g_autofree float *all = g_new (float, 64 * 48);

  for (int i = 0; i < 33 * 64; i++)
    ones[i] = 1;
  kol_set (x, ones);
  for (int i = 0; i < 3; i++)
    run (graph, step);
  read_state (graph, "w", all);
  weights[0] = all[0];
  read_state (graph, "w/average", all);
  averages[0] = all[0];
  g_assert_cmpfloat (averages[0], >, weights[0]);

  assert_near (kol_scalar (y), 64 * weights[0]);
  g_assert_true (kol_optimizer_swap_averages (step, NULL));
  assert_near (kol_scalar (y), 64 * averages[0]);
  g_assert_true (kol_optimizer_swap_averages (step, NULL));
  assert_near (kol_scalar (y), 64 * weights[0]);
}

/* ── Micro-batches ─────────────────────────────────────────────────────────────────────────── */

#define EXAMPLES 6
#define FEATURES 5
#define HIDDEN 7

/* A network with dropout over a batch of @batch, whose loss is a mean; its input is "x". */
static KolValue *
dropping_loss (KolGraph *graph, gint64 batch, KolValue **x)
{
  KolValue *w, *v, *hidden;

  *x = kol_placeholder (graph, "x", KOL_SHAPE (batch, FEATURES));
  w = kol_parameter (graph, "w", KOL_SHAPE (FEATURES, HIDDEN), KOL_GLOROT);
  v = kol_parameter (graph, "v", KOL_SHAPE (HIDDEN, 1), KOL_GLOROT);
  hidden = kol_tanh (kol_matmul (*x, w));
  hidden = kol_dropout (hidden, kol_constant (graph, 0.5f));
  return kol_mean (kol_square (kol_subtract (kol_matmul (hidden, v), kol_constant (graph, 1))));
}

static void
fill_batch (float *x, int step)
{
  for (int i = 0; i < EXAMPLES * FEATURES; i++)
    x[i] = (float) ((5 * step + 7 * i) % 13 - 6) / 6;
}

static void
run_parts (KolGraph *graph, KolValue *x, KolValue *step, const float *batch, int parts)
{
  KolValue *gather = kol_optimizer_get_gather (step);

  for (int part = 0; part < parts; part++)
    {
      int first = part * EXAMPLES / parts;

      kol_graph_set_first_example (graph, (guint64) first);
      kol_set (x, batch + first * FEATURES);
      run (graph, part == parts - 1 ? step : gather);
    }
}

static void
read_weights (KolGraph *graph, float *weights)
{
  read_state (graph, "w", weights);
  read_state (graph, "v", weights + FEATURES * HIDDEN);
}

static void
check_parts (int parts)
{
  KolOptimizer how = { .name = "sgd", .rate = 0.2, .momentum = 0.5, .clip_norm = 0.3 };
  g_autoptr (KolGraph) whole = kol_graph_new (device), divided = kol_graph_new (device);
  KolValue *x, *part, *step = kol_minimize (dropping_loss (whole, EXAMPLES, &x), &how),
                      *divided_step;
  float batch[EXAMPLES * FEATURES], expected[FEATURES * HIDDEN + HIDDEN];
  float weights[FEATURES * HIDDEN + HIDDEN];

  how.micro_batches = (guint) parts;
  divided_step = kol_minimize (dropping_loss (divided, EXAMPLES / parts, &part), &how);
  g_assert_null (kol_optimizer_get_gather (step));
  for (int i = 0; i < 5; i++)
    {
      fill_batch (batch, i);
      kol_set (x, batch);
      run (whole, step);
      run_parts (divided, part, divided_step, batch, parts);
    }
  g_assert_cmpuint (kol_graph_get_step (whole), ==, 5);
  g_assert_cmpuint (kol_graph_get_step (divided), ==, 5);
  read_weights (whole, expected);
  read_weights (divided, weights);
  for (int i = 0; i < FEATURES * HIDDEN + HIDDEN; i++)
    assert_near (weights[i], expected[i]);
}

static void
test_parts (void)
{
  check_parts (2);
  check_parts (3);
  check_parts (6);
}

/* Dropout of a part is that part of the batch's: 333 elements an example, not a multiple of 4. */
static void
test_parts_of_dropout (void)
{
  g_autoptr (KolGraph) whole = kol_graph_new (device), divided = kol_graph_new (device);
  KolValue *x = kol_placeholder (whole, "x", KOL_SHAPE (6, 333));
  KolValue *part = kol_placeholder (divided, "x", KOL_SHAPE (2, 333));
  KolValue *y = kol_dropout (x, kol_constant (whole, 0.5f));
  KolValue *part_y = kol_dropout (part, kol_constant (divided, 0.5f));
  g_autofree float *values = g_new (float, 6 * 333), *expected = g_new (float, 6 * 333);
  g_autofree float *got = g_new (float, 2 * 333);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 6 * 333; i++)
    values[i] = (float) (i + 1);
  kol_set (x, values);
  g_assert_true (kol_read (y, expected, &error));
  for (int first = 0; first < 6; first += 2)
    {
      kol_graph_set_first_example (divided, (guint64) first);
      kol_set (part, values + first * 333);
      g_assert_true (kol_read (part_y, got, &error));
      g_assert_cmpmem (got, 2 * 333 * sizeof *got, expected + first * 333, 2 * 333 * sizeof *got);
    }
}

/* A part with a NaN stops the step, whichever it is, and the next batch is whole again. */
static void
check_parts_diverged (int bad)
{
  KolOptimizer how = { .name = "adam", .rate = 0.1, .micro_batches = 3 };
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x, *step = kol_minimize (dropping_loss (graph, 2, &x), &how);
  float batch[EXAMPLES * FEATURES], before[FEATURES * HIDDEN + HIDDEN];
  float after[FEATURES * HIDDEN + HIDDEN];
  g_autoptr (GError) error = NULL;

  fill_batch (batch, 0);
  run_parts (graph, x, step, batch, 3);
  read_weights (graph, before);
  batch[bad * 2 * FEATURES] = NAN;
  run_parts (graph, x, step, batch, 3);
  g_assert_false (kol_finish (graph, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DIVERGED);
  read_weights (graph, after);
  g_assert_cmpmem (before, sizeof before, after, sizeof after);
  g_assert_cmpuint (kol_graph_get_step (graph), ==, 1);

  fill_batch (batch, 1);
  run_parts (graph, x, step, batch, 3);
  g_assert_true (kol_finish (graph, NULL));
  read_weights (graph, after);
  for (int i = 0; i < FEATURES * HIDDEN + HIDDEN; i++)
    g_assert_true (isfinite (after[i]));
}

static void
test_parts_diverged (void)
{
  check_parts_diverged (0);
  check_parts_diverged (1);
  check_parts_diverged (2);
}

static void
test_gradients (void)
{
  for (guint parts = 1; parts <= 2; parts++)
    {
      KolOptimizer how
          = { .name = "sgd", .weight_decay = 0.5, .clip_value = 0.1, .micro_batches = parts };
      g_autoptr (KolGraph) graph = kol_graph_new (device);
      KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (3), KOL_CONSTANT (2));
      KolValue *step = kol_minimize (distance (w, kol_constant (graph, 1)), &how);
      g_autofree KolValue **gradients = NULL;
      g_autoptr (GError) error = NULL;
      float values[3];

      g_assert_cmpuint (kol_optimizer_get_gradients (step, &gradients), ==, 1);
      kol_run_all (graph, (KolValue *[]){ step, gradients[0] }, 2, &error);
      g_assert_no_error (error);
      g_assert_true (kol_read (gradients[0], values, &error));
      assert_near (values[0], 2); /* as they are before clipping and decay */
    }
}

/* ── Layers that write something in each step, and that look at the whole batch ──────────────── */

static gboolean
infer_same (KolNode *node, GError **error)
{
  node->outputs[0].shape = node->inputs[0]->shape;
  return TRUE;
}

static void
gradient_same (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = dy[0];
}

/* Keeps the last input in the state "seen". */
static KolValue *
update_seen (KolNode *node, KolValue *watch)
{
  KolValue *seen = kol_state (node->graph, "seen", node->inputs[0]->shape, KOL_CONSTANT (0));

  g_assert_cmpint (kol_shape_count (kol_value_get_shape (watch)), ==, 2);
  return kol_gather_gradients (&seen, node->inputs, 1, 1);
}

static const KolOp seeing_op = { .name = "seeing",
                                 .infer = infer_same,
                                 .gradient = gradient_same,
                                 .update = update_seen,
                                 .aliases = TRUE };
static const KolOp mixing_op = { .name = "mixing",
                                 .infer = infer_same,
                                 .gradient = gradient_same,
                                 .mixes_examples = TRUE,
                                 .aliases = TRUE };

static void
test_update (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (3), KOL_CONSTANT (2));
  KolValue *loss = distance (KOL_NODE (&seeing_op, NULL, w), kol_constant (graph, 1));
  KolValue *step = kol_minimize (loss, &(KolOptimizer){ .name = "sgd", .rate = 0.1 });
  float seen[3];

  run (graph, loss);
  read_state (graph, "seen", seen);
  g_assert_cmpfloat (seen[0], ==, 0);
  run (graph, step);
  read_state (graph, "seen", seen);
  assert_near (seen[2], 2);
  run (graph, step);
  read_state (graph, "seen", seen);
  assert_near (seen[2], 1.8);
}

/* As many parameters as need three launches, each of another length; one is of several chunks. */
#define MANY 35
#define LONG 40001

static int
many_length (int i)
{
  return i == 3 ? LONG : 1 + i % 7;
}

/* Σ (w_i - aim_i)², aim_i = i + 1, from w_i = 1 everywhere. */
static KolValue *
many_loss (KolGraph *graph)
{
  KolValue *loss = NULL;

  for (int i = 0; i < MANY; i++)
    {
      g_autofree char *name = g_strdup_printf ("w%d", i);
      KolValue *w = kol_parameter (graph, name, KOL_SHAPE (many_length (i)), KOL_CONSTANT (1));
      KolValue *one = distance (w, kol_constant (graph, (float) i + 1));

      loss = loss ? kol_add (loss, one) : one;
    }
  return loss;
}

/*
 * After a run of @step, which has taken all parameter i's elements from @before[i]
 * to @after[i], and left @moments[i] in the state @moment.
 */
static void
check_many (KolGraph *graph, KolValue *step, const double *before, const double *after,
            const char *moment, const double *moments)
{
  g_autofree KolParameter **parameters = NULL;
  g_autofree float *values = g_new (float, 2 * LONG), *ratios = g_new (float, MANY);
  g_autoptr (GError) error = NULL;
  float *at = values;

  g_assert_cmpint (kol_optimizer_get_parameters (step, &parameters), ==, MANY);
  g_assert_true (kol_optimizer_read_ratios (step, ratios, NULL, &error));
  g_assert_no_error (error);
  for (int i = 0; i < MANY; i++)
    {
      g_autofree char *name = g_strdup_printf ("w%d", i);

      g_assert_cmpstr (kol_parameter_get_name (parameters[i]), ==, name);
      assert_near (ratios[i], fabs (after[i] - before[i]) / fabs (before[i]));
      read_state (graph, name, values);
      for (int k = 0; k < many_length (i); k++)
        assert_near (values[k], after[i]);
    }
  read_state (graph, moment, values);
  for (int i = 0; i < MANY; i++)
    for (int k = 0; k < many_length (i); k++)
      assert_near (*at++, moments[i]);
}

static void
test_many (void)
{
  g_autoptr (KolGraph) descent = kol_graph_new (device), adam = kol_graph_new (device);
  KolValue *sgd_step = kol_sgd (many_loss (descent), &(KolSgd){ .rate = 0.25, .momentum = 0.5 });
  KolValue *adam_step = kol_adam (many_loss (adam), &(KolAdam){ .rate = 0.1 });
  double ones[MANY], after[MANY], again[MANY], moments[MANY];

  for (int i = 0; i < MANY; i++)
    {
      ones[i] = 1;
      moments[i] = -2.0 * i; /* the gradient: 2 (1 - (i + 1)) */
      after[i] = 1 + 0.5 * i;
    }
  run (descent, sgd_step);
  check_many (descent, sgd_step, ones, after, "sgd/v", moments);

  for (int i = 0; i < MANY; i++)
    {
      moments[i] = 0.5 * moments[i] + 2 * (after[i] - (i + 1));
      again[i] = after[i] - 0.25 * moments[i];
    }
  run (descent, sgd_step);
  check_many (descent, sgd_step, after, again, "sgd/v", moments);

  for (int i = 0; i < MANY; i++)
    {
      moments[i] = 0.1 * -2 * i;
      after[i] = i ? 1.1 : 1; /* the first step of Adam is the rate, in the gradient's direction */
    }
  run (adam, adam_step);
  check_many (adam, adam_step, ones, after, "adam/m", moments);
}

static void
test_norm_and_ratios (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *a = kol_parameter (graph, "a", KOL_SHAPE (4), KOL_CONSTANT (1));
  KolValue *b = kol_parameter (graph, "b", KOL_SHAPE (2), KOL_CONSTANT (2));
  KolValue *zero = kol_constant (graph, 0);
  KolValue *loss = kol_add (distance (a, zero), distance (b, zero));
  KolValue *step = kol_sgd (loss, &(KolSgd){ .rate = 0.1 });
  KolValue *norm = kol_optimizer_get_gradient_norm (step);
  g_autoptr (GError) error = NULL;
  float ratios[2], overall;

  g_assert_false (kol_optimizer_read_ratios (step, ratios, &overall, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA); /* nothing has run */
  g_clear_error (&error);

  kol_run_all (graph, (KolValue *[]){ step, norm }, 2, &error);
  g_assert_no_error (error);
  assert_near (kol_scalar (norm), 2 * sqrt (4 * 1 + 2 * 4));
  g_assert_true (kol_optimizer_read_ratios (step, ratios, &overall, &error));
  g_assert_no_error (error);
  assert_near (ratios[0], 0.2); /* rate · 2 w / w */
  assert_near (ratios[1], 0.2);
  assert_near (overall, 0.2);
  g_assert_true (kol_optimizer_read_ratios (step, NULL, NULL, &error));
}

/* A batch of NaN: reported, and nothing has changed; then training goes on. */
static void
test_diverged (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (3), KOL_CONSTANT (0));
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (3));
  KolValue *step = kol_adam (distance (w, x), NULL);
  g_autoptr (GError) error = NULL;
  float before[3], after[3], count;

  kol_set (x, (float[]){ 1, 2, 3 });
  run (graph, step);
  g_assert_true (kol_finish (graph, NULL));
  read_state (graph, "w", before);

  kol_set (x, (float[]){ 1, NAN, 3 });
  if (kol_run (graph, step, &error))
    kol_finish (graph, &error);
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DIVERGED);
  read_state (graph, "w", after);
  g_assert_cmpmem (before, sizeof before, after, sizeof after);
  read_state (graph, "adam/count", &count);
  g_assert_cmpfloat (count, ==, 1);

  kol_set (x, (float[]){ 1, 2, 3 });
  run (graph, step);
  g_assert_true (kol_finish (graph, NULL));
  read_state (graph, "w", after);
  for (int i = 0; i < 3; i++)
    g_assert_cmpfloat (after[i], >, before[i]);
}

/* Two networks that are trained in turn, as of a GAN: each has its own states and rate. */
static void
test_two (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *a = kol_parameter (graph, "a", KOL_SHAPE (3), KOL_CONSTANT (0));
  KolValue *b = kol_parameter (graph, "b", KOL_SHAPE (5), KOL_CONSTANT (0));
  KolValue *one = kol_constant (graph, 1);
  KolValue *first = kol_adam (distance (a, one), &(KolAdam){ .rate = 0.1 });
  KolValue *second = kol_adam (distance (b, one), &(KolAdam){ .rate = 0.2 });
  float values[5], count;

  g_assert_cmpstr (kol_value_get_name (kol_optimizer_get_rate (first)), ==, "rate");
  g_assert_cmpstr (kol_value_get_name (kol_optimizer_get_rate (second)), ==, "rate-2");
  run (graph, first);
  read_state (graph, "b", values);
  g_assert_cmpfloat (values[0], ==, 0);
  run (graph, second);
  run (graph, second);
  read_state (graph, "a", values);
  assert_near (values[0], 0.1);
  read_state (graph, "adam/count", &count);
  g_assert_cmpfloat (count, ==, 1);
  read_state (graph, "adam-2/count", &count);
  g_assert_cmpfloat (count, ==, 2);
}

/* @step has failed with an error that says @what, and so does everything that is made of it. */
static void
assert_failed (KolGraph *graph, KolValue *step, const char *what)
{
  g_autoptr (GError) error = NULL;
  KolParameter **parameters;

  g_assert_false (kol_run (graph, step, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_SHAPE);
  if (!strstr (error->message, what))
    g_error ("\"%s\" does not say \"%s\"", error->message, what);
  g_clear_error (&error);

  g_assert_true (kol_optimizer_get_rate (step) == step);
  g_assert_true (kol_optimizer_get_gradient_norm (step) == step);
  g_assert_cmpint (kol_optimizer_get_parameters (step, &parameters), ==, 0);
  g_assert_null (parameters);
  g_assert_false (kol_optimizer_read_ratios (step, NULL, NULL, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_SHAPE);
}

static void
check_refused (const KolOptimizer *how, const char *what)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (3), KOL_CONSTANT (0));
  KolValue *mixed = KOL_NODE (&mixing_op, NULL, w);

  assert_failed (graph, kol_minimize (distance (mixed, kol_constant (graph, 1)), how), what);
}

static void
test_refused (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (3));

  check_refused (&(KolOptimizer){ .name = "adam", .rate = -1 }, "rate is -1");
  check_refused (&(KolOptimizer){ .name = "adam", .rate = NAN }, "rate is");
  check_refused (&(KolOptimizer){ .name = "sgd", .rate = INFINITY }, "rate is inf");
  check_refused (&(KolOptimizer){ .name = "adam", .beta1 = 1 }, "beta1 is 1");
  check_refused (&(KolOptimizer){ .name = "adamw", .beta2 = -0.5 }, "beta2 -0.5");
  check_refused (&(KolOptimizer){ .name = "adam", .epsilon = -1 }, "epsilon is -1");
  check_refused (&(KolOptimizer){ .name = "sgd", .momentum = 1.5 }, "momentum is 1.5");
  check_refused (&(KolOptimizer){ .name = "sgd", .nesterov = TRUE }, "without a momentum");
  check_refused (&(KolOptimizer){ .name = "rmsprop", .alpha = 2 }, "alpha is 2");
  check_refused (&(KolOptimizer){ .name = "sgd", .weight_decay = -1 }, "weight decay is -1");
  check_refused (&(KolOptimizer){ .name = "sgd", .clip_value = 1, .clip_norm = 2 },
                 "choose one of the two");
  check_refused (&(KolOptimizer){ .name = "sgd", .clip_norm = NAN }, "a norm of");
  check_refused (&(KolOptimizer){ .name = "adam", .average = 1 }, "average is 1");
  check_refused (&(KolOptimizer){ .name = "adam", .micro_batches = 2 }, "mixing (mixing)");
  check_refused (&(KolOptimizer){ .name = "adagrad" }, "sgd, adam, adamw, rmsprop");
  assert_failed (graph, kol_adam (distance (x, kol_constant (graph, 0)), NULL),
                 "no trainable parameter");
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/nn/optimizers/adam", test_adam);
  g_test_add_func ("/nn/optimizers/sgd", test_sgd);
  g_test_add_func ("/nn/optimizers/torch", test_torch);
  g_test_add_func ("/nn/optimizers/names", test_names);
  g_test_add_func ("/nn/optimizers/averages", test_averages);
  g_test_add_func ("/nn/optimizers/averages-packed", test_averages_packed);
  g_test_add_func ("/nn/optimizers/parts", test_parts);
  g_test_add_func ("/nn/optimizers/parts-of-dropout", test_parts_of_dropout);
  g_test_add_func ("/nn/optimizers/parts-diverged", test_parts_diverged);
  g_test_add_func ("/nn/optimizers/gradients", test_gradients);
  g_test_add_func ("/nn/optimizers/update", test_update);
  g_test_add_func ("/nn/optimizers/many", test_many);
  g_test_add_func ("/nn/optimizers/norm-and-ratios", test_norm_and_ratios);
  g_test_add_func ("/nn/optimizers/diverged", test_diverged);
  g_test_add_func ("/nn/optimizers/two", test_two);
  g_test_add_func ("/nn/optimizers/refused", test_refused);
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
