/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Runs operations' cases. Each variant computes each case into outputs that
 * were filled with NaN, and is held against the operation's plain C reference
 * in double precision; then the gradients that the graph builds are held, sign
 * and all, against central differences of that reference. `meson test` and
 * `kolinsky verify` both come here.
 */

#include "check-private.h"

#include <math.h>

#include "../device/tuning-private.h"
#include "../ops.h"
#include "../random-private.h"
#include "graph-private.h"

#define DEFAULT_TOLERANCE 2e-5
#define GRADIENT_FACTOR 10   /* a gradient sums more terms than the forward result */
#define ELEMENTWISE_LIMIT 48 /* elements up to which each is checked by itself */
#define DIRECTIONS 6
#define STEP 1e-5

/* One case being checked. */
typedef struct {
  KolDevice *device;
  const KolOp *op;
  const KolCase *c;
  const KolVariant *variant;
  KolParameters *parameters;
  KolGraph *graph;
  KolValue *inputs[KOL_CASE_INPUTS];
  float *x32[KOL_CASE_INPUTS];
  double *x[KOL_CASE_INPUTS];
  double *weights; /* of output 0 in the scalar that is differentiated */
  KolCheckReporter reporter;
  gpointer user_data;
  gboolean all_passed;
} Check;

static void
report (Check *check, const char *what, gboolean skipped, double difference, double tolerance,
        const char *message)
{
  gboolean passed = !skipped && !message && difference <= tolerance; /* NaN does not pass */
  KolCheckResult result = { .op = check->op->name,
                            .variant = check->variant->name,
                            .what = what,
                            .name = check->c->name,
                            .passed = passed,
                            .skipped = skipped,
                            .difference = difference,
                            .tolerance = tolerance,
                            .message = message };

  check->all_passed = check->all_passed && (passed || skipped);
  check->reporter (&result, check->user_data);
}

/* ── Inputs ─────────────────────────────────────────────────────────────────────────────────── */

/* The @i-th random number in [0, 1) of an input's stream. */
static double
random_at (guint64 key, guint64 i)
{
  return kol_uniform (kol_philox (key, i, 0).v[0]);
}

static void
fill_distinct (float *values, gint64 count, guint64 key)
{
  for (gint64 i = 0; i < count; i++)
    values[i] = (float) (2.0 * ((double) i + 0.5) / (double) count - 1);
  for (gint64 i = count - 1; i > 0; i--)
    {
      gint64 j = (gint64) (random_at (key, (guint64) i) * (double) (i + 1));
      float swap = values[i];

      values[i] = values[j];
      values[j] = swap;
    }
}

static void
fill_input (const KolCase *c, guint input, const char *op, float *values)
{
  gint64 count = kol_shape_count (&c->shapes[input]);
  double low = c->fill[input].low, high = c->fill[input].high;
  guint64 key = kol_random_key (input + 1, op);

  if (low == 0 && high == 0)
    {
      low = -1;
      high = 1;
    }
  if (c->fill[input].kind == KOL_FILL_DISTINCT)
    {
      fill_distinct (values, count, key);
      return;
    }
  for (gint64 i = 0; i < count; i++)
    {
      double u = random_at (key, (guint64) i), v = low + (high - low) * u;

      if (c->fill[input].kind == KOL_FILL_LABELS)
        v = floor (u * high);
      else if (c->fill[input].kind == KOL_FILL_NONZERO && fabs (v) < 0.1)
        v = v < 0 ? v - 0.1 : v + 0.1;
      values[i] = (float) v;
    }
}

static void
check_init (Check *check)
{
  const KolCase *c = check->c;

  check->parameters = kol_parameters_new (check->device, 1);
  check->graph = kol_graph_new_over (check->parameters);
  check->graph->poison = TRUE;
  check->graph->forced_op = check->op;
  check->graph->forced_variant = check->variant->name;
  for (guint i = 0; i < c->n_inputs; i++)
    {
      gint64 count = kol_shape_count (&c->shapes[i]);
      g_autofree char *name = g_strdup_printf ("input %u", i);

      check->inputs[i] = kol_placeholder (check->graph, name, c->shapes[i]);
      check->x32[i] = g_new (float, count);
      check->x[i] = g_new (double, count);
      fill_input (c, i, check->op->name, check->x32[i]);
      for (gint64 k = 0; k < count; k++)
        check->x[i][k] = check->x32[i][k];
    }
}

static void
check_clear (Check *check)
{
  for (guint i = 0; i < check->c->n_inputs; i++)
    {
      g_clear_pointer (&check->x32[i], g_free);
      g_clear_pointer (&check->x[i], g_free);
    }
  g_clear_pointer (&check->weights, g_free);
  g_clear_pointer (&check->graph, kol_graph_free);
  g_clear_pointer (&check->parameters, kol_parameters_unref);
}

static void
set_inputs (Check *check)
{
  for (guint i = 0; i < check->c->n_inputs; i++)
    kol_set (check->inputs[i], check->x32[i]);
}

/* ── Forward ────────────────────────────────────────────────────────────────────────────────── */

/* Whether output @i is one that the operation has: those that write in place have room for more. */
static gboolean
output_exists (const KolNode *node, guint i)
{
  return i < MAX (node->op->n_outputs, 1)
         || (node->op->overwrites && node->op->overwrites (node, i) >= 0);
}

static double **
reference_new (const KolNode *node, double *const *x)
{
  double **y = g_new0 (double *, node->n_outputs);

  for (guint i = 0; i < node->n_outputs; i++)
    y[i] = g_new0 (double, kol_count (&node->outputs[i]));
  node->op->reference (node, (const double *const *) x, y);
  return y;
}

static void
reference_free (const KolNode *node, double **y)
{
  for (guint i = 0; i < node->n_outputs; i++)
    g_free (y[i]);
  g_free (y);
}

/* The largest difference relative to the largest magnitude; equal NaNs and infinities agree. */
static double
compare (const float *got, const double *expected, gint64 count)
{
  double largest = 0, difference = 0;

  for (gint64 i = 0; i < count; i++)
    if (isfinite (expected[i]))
      largest = MAX (largest, fabs (expected[i]));
  for (gint64 i = 0; i < count; i++)
    {
      double d = fabs (got[i] - expected[i]);

      if (isnan (expected[i]) ? isnan (got[i]) : isinf (expected[i]) && got[i] == expected[i])
        continue;
      if (isnan (d))
        return INFINITY;
      difference = MAX (difference, d);
    }
  return difference / MAX (largest, 1e-30);
}

static void
check_forward (Check *check, KolValue *y)
{
  const KolNode *node = y->node;
  double tolerance = check->c->tolerance > 0 ? check->c->tolerance : DEFAULT_TOLERANCE;
  g_autoptr (GPtrArray) targets = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  double **expected, difference = 0;

  if (!node->op->reference)
    return;
  for (guint i = 0; i < node->n_outputs; i++)
    if (output_exists (node, i))
      g_ptr_array_add (targets, &node->outputs[i]);
  set_inputs (check);
  if (!kol_run_all (check->graph, (KolValue **) targets->pdata, targets->len, &error))
    {
      report (check, "forward", FALSE, NAN, tolerance, error->message);
      return;
    }
  expected = reference_new (node, check->x);
  for (guint i = 0; i < targets->len && !error; i++)
    {
      KolValue *value = g_ptr_array_index (targets, i);
      gint64 count = kol_count (value);
      g_autofree float *got = g_new (float, count);

      if (kol_read (value, got, &error))
        difference = MAX (difference, compare (got, expected[value->output], count));
    }
  reference_free (node, expected);
  report (check, "forward", FALSE, difference, tolerance, error ? error->message : NULL);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

/* The scalar that is differentiated: output 0, weighted. */
static double
weighted_reference (Check *check, const KolNode *node)
{
  double **y = reference_new (node, check->x), sum = 0;

  for (gint64 i = 0; i < kol_count (&node->outputs[0]); i++)
    sum += check->weights[i] * y[0][i];
  reference_free (node, y);
  return sum;
}

/* Central difference of the reference when input @input moves along @direction. */
static double
central_difference (Check *check, const KolNode *node, guint input, const double *direction)
{
  gint64 count = kol_shape_count (&check->c->shapes[input]);
  g_autofree double *saved = g_memdup2 (check->x[input], (gsize) count * sizeof (double));
  double *x = check->x[input], above, below;

  for (gint64 i = 0; i < count; i++)
    x[i] = saved[i] + STEP * direction[i];
  above = weighted_reference (check, node);
  for (gint64 i = 0; i < count; i++)
    x[i] = saved[i] - STEP * direction[i];
  below = weighted_reference (check, node);
  memcpy (x, saved, (gsize) count * sizeof (double));
  return (above - below) / (2 * STEP);
}

/* Holds one gradient, element by element or along random directions, against central differences.
 */
static double
gradient_difference (Check *check, const KolNode *node, guint input, const float *gradient)
{
  gint64 count = kol_shape_count (&check->c->shapes[input]);
  gboolean each = count <= ELEMENTWISE_LIMIT;
  g_autofree double *direction = g_new0 (double, count);
  double worst = 0, largest = 1e-12;

  for (gint64 trial = 0; trial < (each ? count : DIRECTIONS); trial++)
    {
      double expected, got = 0, size = 0, difference;

      for (gint64 i = 0; i < count; i++)
        direction[i] = each                                                  ? i == trial
                       : random_at ((guint64) trial + 77, (guint64) i) < 0.5 ? -1
                                                                             : 1;
      expected = central_difference (check, node, input, direction);
      for (gint64 i = 0; i < count; i++)
        {
          got += gradient[i] * direction[i];
          size += gradient[i] * gradient[i];
        }
      difference = fabs (got - expected);
      if (isnan (difference))
        return INFINITY;
      worst = MAX (worst, difference);
      largest = MAX (largest, MAX (fabs (expected), sqrt (size)));
    }
  return worst / largest;
}

static void
check_gradients (Check *check, KolValue *y)
{
  KolGraph *graph = check->graph;
  KolNode *node = y->node;
  gint64 count = kol_count (y);
  double tolerance
      = GRADIENT_FACTOR * (check->c->tolerance > 0 ? check->c->tolerance : DEFAULT_TOLERANCE);
  g_autofree float *weights32 = g_new (float, count);
  KolValue *weights, *loss, *of[KOL_CASE_INPUTS], *gradients[KOL_CASE_INPUTS];
  guint which[KOL_CASE_INPUTS], n = 0;
  g_autoptr (GError) error = NULL;

  if (!check->op->gradient || !check->op->reference)
    return;
  for (guint i = 0; i < check->c->n_inputs; i++)
    if (!(check->c->no_gradient & (1u << i)))
      {
        which[n] = i;
        of[n++] = check->inputs[i];
      }
  if (!n)
    return;
  check->weights = g_new (double, count);
  for (gint64 i = 0; i < count; i++)
    {
      weights32[i] = (float) (2 * random_at (99, (guint64) i) - 1);
      check->weights[i] = weights32[i];
    }
  weights = kol_placeholder (graph, "weights", y->shape);
  kol_set (weights, weights32);
  loss = kol_sum (kol_multiply (y, weights), NULL);
  set_inputs (check);
  if (!kol_gradients (loss, of, n, gradients) || !kol_run_all (graph, gradients, n, &error))
    {
      if (!error)
        error = g_error_copy (graph->error);
      report (check, "gradient", FALSE, NAN, tolerance, error->message);
      return;
    }
  for (guint i = 0; i < n; i++)
    {
      g_autofree float *gradient = g_new (float, kol_count (of[i]));
      g_autofree char *what = g_strdup_printf ("gradient %u", which[i]);
      g_autoptr (GError) local = NULL;

      if (!kol_read (gradients[i], gradient, &local))
        report (check, what, FALSE, NAN, tolerance, local->message);
      else
        report (check, what, FALSE, gradient_difference (check, node, which[i], gradient),
                tolerance, NULL);
    }
}

/* ── All of it ──────────────────────────────────────────────────────────────────────────────── */

/* One case of one variant: forward and gradients. */
gboolean
kol_check_case (KolDevice *device, const KolOp *op, const KolCase *c, const KolVariant *variant,
                KolCheckReporter reporter, gpointer user_data)
{
  Check check = { .device = device,
                  .op = op,
                  .c = c,
                  .variant = variant,
                  .reporter = reporter,
                  .user_data = user_data,
                  .all_passed = TRUE };
  KolValue *y;

  check_init (&check);
  y = kol_node_new (op, check.inputs, c->n_inputs, c->attributes);
  if (kol_value_failed (y))
    report (&check, "shape", FALSE, NAN, 0, check.graph->error->message);
  else if (variant->fits && !variant->fits (y->node, device))
    report (&check, "forward", TRUE, 0, 0, "the variant does not fit this case");
  else
    {
      check_forward (&check, y);
      check_gradients (&check, y);
    }
  check_clear (&check);
  return check.all_passed;
}

/**
 * kol_check:
 * @device: a device
 * @op: (nullable): the operation to check, or %NULL for all
 * @quick: leave out the cases that are marked slow
 * @reporter: told of each check
 * @user_data: for @reporter
 * @error: return location
 *
 * Runs the cases of operations, each variant of each, on a device: results
 * against a reference in double precision, gradients against central differences
 * of it.
 *
 * Returns: whether all agree; %FALSE with @error set if there is no such operation
 */
gboolean
kol_check (KolDevice *device, const char *op, gboolean quick, KolCheckReporter reporter,
           gpointer user_data, GError **error)
{
  gboolean all_passed = TRUE, found = FALSE;

  for (guint i = 0; kol_op_get (i); i++)
    {
      const KolOp *candidate = kol_op_get (i);

      if (op && strcmp (op, candidate->name))
        continue;
      found = TRUE;
      for (const KolVariant *variant = candidate->variants; variant && variant->name; variant++)
        for (const KolCase *c = candidate->cases; c && c->name; c++)
          if (!c->only_tune && !(quick && c->slow))
            all_passed
                = kol_check_case (device, candidate, c, variant, reporter, user_data) && all_passed;
    }
  if (!found)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_VARIANT, "there is no operation %s", op);
      return FALSE;
    }
  return all_passed;
}
