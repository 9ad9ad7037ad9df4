/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* L-BFGS on functions whose minimum is known. */

#include <math.h>

#include "graph/op-private.h"
#include "kolinsky.h"
#include "ops/optimizer-private.h"

#define LONGEST 40

static KolDevice *device;

/* A function of the parameter x, whose gradient goes into g. */
typedef struct {
  KolGraph *graph;
  KolValue *targets[2];
  guint evaluations;
  guint nan_at; /* which evaluation says that it is no number; 0: none */
} Function;

static void
function_init (Function *self, gint64 n, const float *start,
               KolValue *(*build) (KolGraph *graph, KolValue *x))
{
  g_autoptr (GError) error = NULL;
  KolValue *gradient;

  *self = (Function){ .graph = kol_graph_new (device) };
  KolValue *x = kol_state (self->graph, "x", KOL_SHAPE (n), KOL_CONSTANT (0));
  KolValue *g = kol_state (self->graph, "g", KOL_SHAPE (n), KOL_CONSTANT (0));
  self->targets[0] = build (self->graph, x);
  g_assert_true (kol_gradients (self->targets[0], &x, 1, &gradient));
  self->targets[1] = kol_gather_gradients (&g, &gradient, 1, 1);
  KolParameters *parameters = kol_graph_get_parameters (self->graph);
  kol_parameter_write (kol_parameters_find (parameters, "x"), start, &error);
  g_assert_no_error (error);
}

static void
function_clear (Function *self)
{
  kol_graph_free (self->graph);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Function, function_clear)

static gboolean
evaluate (double *loss, gpointer user_data, GError **error)
{
  Function *self = user_data;
  float value;

  if (!kol_run_all (self->graph, self->targets, 2, error)
      || !kol_read (self->targets[0], &value, error))
    return FALSE;
  *loss = ++self->evaluations == self->nan_at ? NAN : value;
  return TRUE;
}

/* Up to @most steps; gives x, and how many steps have found a better point. */
static guint
search (Function *function, guint history, guint most, float *x, double *loss)
{
  KolParameters *parameters = kol_graph_get_parameters (function->graph);
  g_autoptr (GError) error = NULL;
  KolLbfgsOptions options = { .variable = "x", .gradient = "g", .history = history };
  g_autoptr (KolLbfgs) lbfgs = kol_lbfgs_new (parameters, &options, &error);
  gboolean moved = TRUE;
  double before = INFINITY;
  guint steps = 0;

  g_assert_no_error (error);
  while (steps < most)
    {
      g_assert_true (kol_lbfgs_step (lbfgs, evaluate, function, loss, &moved, &error));
      g_assert_no_error (error);
      if (!moved)
        break;
      steps++;
      g_assert_cmpfloat (*loss, <=, before);
      before = *loss;
    }
  g_assert_cmpuint (kol_lbfgs_get_evaluations (lbfgs), ==, function->evaluations);
  kol_parameter_read (kol_parameters_find (parameters, "x"), x, &error);
  g_assert_no_error (error);
  return steps;
}

/* Rosenbrock's valley, 100 (b - a^2)^2 + (1 - a)^2: its end is at 1, 1. */
static KolValue *
build_valley (KolGraph *graph, KolValue *x)
{
  KolValue *a = kol_slice (x, &(KolSlice){ .n_axes = 1, .start = { 0 }, .stop = { 1 } });
  KolValue *b = kol_slice (x, &(KolSlice){ .n_axes = 1, .start = { 1 }, .stop = { 2 } });
  KolValue *bend = kol_square (kol_subtract (b, kol_square (a)));

  return kol_sum (kol_add (kol_scale (bend, 100, 0), kol_square (kol_scale (a, -1, 1))), NULL);
}

static void
test_valley (gconstpointer data)
{
  g_auto (Function) function;
  float x[2];
  double loss;

  function_init (&function, 2, (float[]){ -1.2f, 1 }, build_valley);
  guint steps = search (&function, GPOINTER_TO_UINT (data), 200, x, &loss);
  g_test_message ("%u steps, %u evaluations: %g, %g, loss %g", steps, function.evaluations, x[0],
                  x[1], loss);
  g_assert_cmpfloat_with_epsilon (x[0], 1, 2e-3);
  g_assert_cmpfloat_with_epsilon (x[1], 1, 4e-3);
  g_assert_cmpuint (function.evaluations, <, 120);
}

/* sum of i (x_i - i)^2: curvatures from 1 to 40. */
static KolValue *
build_bowl (KolGraph *graph, KolValue *x)
{
  KolValue *ones = kol_expand (kol_constant (graph, 1), KOL_SHAPE (LONGEST));
  KolValue *i = kol_cumulative_sum (ones, 0, FALSE, FALSE);

  return kol_sum (kol_multiply (i, kol_square (kol_subtract (x, i))), NULL);
}

/* More steps than are remembered: pairs are forgotten, and it arrives all the same. */
static void
test_bowl (gconstpointer data)
{
  g_auto (Function) function;
  float x[LONGEST] = { 0 };
  double loss;

  function_init (&function, LONGEST, x, build_bowl);
  guint steps = search (&function, GPOINTER_TO_UINT (data), 100, x, &loss);
  g_test_message ("%u steps, %u evaluations: loss %g", steps, function.evaluations, loss);
  for (guint i = 0; i < LONGEST; i++)
    g_assert_cmpfloat_with_epsilon (x[i], i + 1, 1e-3);
  g_assert_cmpuint (steps, >, 5);
}

/* A value that is no number is stepped away from; if the first one is none, nothing moves. */
static void
test_not_a_number (void)
{
  for (guint at = 1; at <= 4; at++)
    {
      g_auto (Function) function;
      float x[LONGEST] = { 0 };
      double loss;

      function_init (&function, LONGEST, x, build_bowl);
      function.nan_at = at;
      guint steps = search (&function, 10, 60, x, &loss);
      if (at == 1)
        {
          g_assert_cmpuint (steps, ==, 0);
          g_assert_true (isnan (loss));
          continue;
        }
      for (guint i = 0; i < LONGEST; i++)
        g_assert_cmpfloat_with_epsilon (x[i], i + 1, 1e-3);
    }
}

/* At the minimum there is nowhere to go. */
static void
test_at_the_end (void)
{
  g_auto (Function) function;
  float x[LONGEST];
  double loss;

  for (guint i = 0; i < LONGEST; i++)
    x[i] = (float) (i + 1);
  function_init (&function, LONGEST, x, build_bowl);
  g_assert_cmpuint (search (&function, 5, 10, x, &loss), ==, 0);
  g_assert_cmpfloat (loss, ==, 0);
  g_assert_cmpfloat (x[7], ==, 8);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  device = kol_device_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_data_func ("/nn/lbfgs/valley/history-100", GUINT_TO_POINTER (100), test_valley);
  g_test_add_data_func ("/nn/lbfgs/valley/history-3", GUINT_TO_POINTER (3), test_valley);
  g_test_add_data_func ("/nn/lbfgs/bowl/history-100", GUINT_TO_POINTER (100), test_bowl);
  g_test_add_data_func ("/nn/lbfgs/bowl/history-4", GUINT_TO_POINTER (4), test_bowl);
  g_test_add_func ("/nn/lbfgs/not-a-number", test_not_a_number);
  g_test_add_func ("/nn/lbfgs/at-the-end", test_at_the_end);
  int result = g_test_run ();
  kol_device_unref (device);
  return result;
}
