/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "device/device.h"
#include "nn/initializers.h"
#include "nn/optimizers.h"
#include "ops.h"

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
check_refused (const KolAdam *adam, const KolSgd *sgd, const char *what)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *w = kol_parameter (graph, "w", KOL_SHAPE (3), KOL_CONSTANT (0));
  KolValue *loss = distance (w, kol_constant (graph, 1));

  assert_failed (graph, adam ? kol_adam (loss, adam) : kol_sgd (loss, sgd), what);
}

static void
test_refused (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (3));

  check_refused (&(KolAdam){ .rate = -1 }, NULL, "rate is -1");
  check_refused (&(KolAdam){ .rate = NAN }, NULL, "rate is");
  check_refused (&(KolAdam){ .beta1 = 1 }, NULL, "beta1 is 1");
  check_refused (&(KolAdam){ .beta2 = -0.5 }, NULL, "beta2 -0.5");
  check_refused (&(KolAdam){ .epsilon = -1 }, NULL, "epsilon is -1");
  check_refused (NULL, &(KolSgd){ .rate = INFINITY }, "rate is inf");
  check_refused (NULL, &(KolSgd){ .rate = 1, .momentum = 1.5 }, "momentum is 1.5");
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
  g_test_add_func ("/nn/optimizers/many", test_many);
  g_test_add_func ("/nn/optimizers/norm-and-ratios", test_norm_and_ratios);
  g_test_add_func ("/nn/optimizers/diverged", test_diverged);
  g_test_add_func ("/nn/optimizers/two", test_two);
  g_test_add_func ("/nn/optimizers/refused", test_refused);
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
