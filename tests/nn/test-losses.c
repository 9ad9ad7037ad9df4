/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Losses where formulas written down naively break: tests/ops/test-constructors.c
 * holds them against PyTorch's numbers.
 */

#include <math.h>

#include "kolinsky.h"

static KolDevice *device;

/* The loss of @n predictions and targets, and its gradient to the predictions. */
static double
loss_of (KolValue *(*loss) (KolValue *predictions, KolValue *targets), int n,
         const float *predictions, const float *targets, float *gradient)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (n));
  KolValue *t = kol_placeholder (graph, "t", KOL_SHAPE (n));
  KolValue *run[2] = { loss (x, t) };
  g_autoptr (GError) error = NULL;

  g_assert_true (kol_gradients (run[0], &x, 1, run + 1));
  kol_set (x, predictions);
  kol_set (t, targets);
  kol_run_all (graph, run, 2, &error);
  g_assert_no_error (error);
  kol_read (run[1], gradient, &error);
  g_assert_no_error (error);
  return kol_scalar (run[0]);
}

/* Sure of the wrong answer: e^1000 is no float, the loss is. */
static void
test_large_logits (void)
{
  float gradient[2];
  double loss = loss_of (kol_binary_cross_entropy, 2, (float[]){ 1000, -1000 }, (float[]){ 0, 1 },
                         gradient);

  g_assert_cmpfloat (loss, ==, 1000);
  g_assert_cmpfloat (gradient[0], ==, 0.5);
  g_assert_cmpfloat (gradient[1], ==, -0.5);
}

/* Sure of the right answer: log (1 + e^-20) has its digits, on either side. */
static void
test_small_losses (void)
{
  float gradient[2];

  g_assert_cmpfloat_with_epsilon (
      loss_of (kol_binary_cross_entropy, 1, (float[]){ 20 }, (float[]){ 1 }, gradient),
      log1p (exp (-20)), 1e-14);
  g_assert_cmpfloat_with_epsilon (
      loss_of (kol_binary_cross_entropy, 1, (float[]){ -20 }, (float[]){ 0 }, gradient),
      log1p (exp (-20)), 1e-14);
}

static void
test_nan_is_seen (void)
{
  KolValue *(*losses[]) (KolValue *, KolValue *)
      = { kol_mean_squared_error, kol_mean_absolute_error, kol_binary_cross_entropy };
  float gradient[3];

  for (guint i = 0; i < G_N_ELEMENTS (losses); i++)
    g_assert_true (
        isnan (loss_of (losses[i], 3, (float[]){ 1, NAN, 2 }, (float[]){ 1, 1, 1 }, gradient)));
}

/* At the end of the parabola both formulas agree, and so do the slopes. */
static void
test_huber_joins (void)
{
  g_autoptr (KolGraph) graph = kol_graph_new (device);
  KolValue *x = kol_placeholder (graph, "x", KOL_SHAPE (1));
  KolValue *run[2] = { kol_huber (x, kol_expand (kol_constant (graph, 0), KOL_SHAPE (1)), 0.5f) };
  const float values[] = { 0.4375f, 0.5f, 0.5625f }, slopes[] = { 0.4375f, 0.5f, 0.5f };
  const float losses[] = { 0.4375f * 0.4375f / 2, 0.125f, 0.5f * (0.5625f - 0.25f) };
  g_autoptr (GError) error = NULL;

  g_assert_true (kol_gradients (run[0], &x, 1, run + 1));
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      kol_set (x, &values[i]);
      kol_run_all (graph, run, 2, &error);
      g_assert_no_error (error);
      g_assert_cmpfloat_with_epsilon (kol_scalar (run[0]), losses[i], 1e-7);
      g_assert_cmpfloat_with_epsilon (kol_scalar (run[1]), slopes[i], 1e-7);
    }
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
  g_test_add_func ("/losses/large-logits", test_large_logits);
  g_test_add_func ("/losses/small", test_small_losses);
  g_test_add_func ("/losses/nan", test_nan_is_seen);
  g_test_add_func ("/losses/huber-joins", test_huber_joins);
  status = g_test_run ();
  kol_device_unref (device);
  return status;
}
