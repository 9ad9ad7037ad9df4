/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Runs operations' cases. Each variant computes each case into outputs that
 * were filled with NaN, and is held against the operation's plain C reference
 * in double precision; then the gradients that the graph builds are held, sign
 * and all, against central differences of that reference, and for small cases the
 * gradients of these gradients, too. What computes tensors in blocks of channels, at
 * inference, is launched by itself, for each way in which a plan may use it.
 * `meson test` and `kolinsky verify` both come here.
 */

#include "check-private.h"

#include <math.h>
#include <string.h>

#include "../device/tuning-private.h"
#include "../ops.h"
#include "../random-private.h"
#include "trial-private.h"

#define DEFAULT_TOLERANCE 2e-5
#define QUICK_STEP 5       /* cases apart, and no divisor of 4: they come in fours of transposes */
#define QUICK_LIMIT 600    /* elements of all inputs */
#define GRADIENT_FACTOR 10 /* a gradient sums more terms than the forward result */
#define ELEMENTWISE_LIMIT 48 /* elements up to which each is checked by itself */
#define DIRECTIONS 6
#define STEP 1e-5

#define SECOND_FACTOR 50  /* a gradient's gradient is made of more roundings yet */
#define SECOND_LIMIT 700  /* elements up to which a case is small */
#define SECOND_STEP 3e-4  /* the reference's rounding is divided by its square */
#define SECOND_LEAST 1e-3 /* differences are relative to this at least: many are 0 */

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
  guint n_of;      /* the inputs that have a gradient: */
  guint which[KOL_CASE_INPUTS];
  KolValue *of[KOL_CASE_INPUTS];
  double *along[KOL_CASE_INPUTS]; /* how inputs move in a second-order check; NULL: not */
  KolCheckReporter reporter;
  gpointer user_data;
  guint known, step; /* how many steps an earlier attempt has done; where this one is */
  gboolean all_passed, may_pause, paused;
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

/*
 * A step of a check, such as all its gradients: what is run together, and told of at once. Returns
 * whether it is to be done, as neither an earlier attempt did it nor this one has paused.
 */
static gboolean
begin_step (Check *check)
{
  return !check->paused && ++check->step > check->known;
}

/* What the step has to say to an error: a pause is none, as the next attempt does the step again.
 */
static void
report_error (Check *check, const char *what, double tolerance, const GError *error)
{
  check->paused = check->may_pause && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
                  && !kol_device_is_cancelled (check->device, NULL);
  if (check->paused)
    check->step--;
  else
    report (check, what, FALSE, NAN, tolerance, error->message);
}

static double
case_tolerance (const KolCase *c)
{
  return c->tolerance > 0 ? c->tolerance : DEFAULT_TOLERANCE;
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
      g_clear_pointer (&check->along[i], g_free);
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
  double tolerance = case_tolerance (check->c);
  g_autoptr (GPtrArray) targets = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  double **expected, difference = 0;

  if (!node->op->reference || !begin_step (check))
    return;
  for (guint i = 0; i < node->n_outputs; i++)
    if (output_exists (node, i))
      g_ptr_array_add (targets, &node->outputs[i]);
  set_inputs (check);
  if (!kol_run_all (check->graph, (KolValue **) targets->pdata, targets->len, &error))
    {
      report_error (check, "forward", tolerance, error);
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

/* The scalar where inputs are moved: all by @along times check->along, @input by @own @direction.
 */
static double
reference_at (Check *check, const KolNode *node, double along, guint input, const double *direction,
              double own)
{
  for (guint i = 0; i < check->c->n_inputs; i++)
    for (gint64 k = 0; k < kol_shape_count (&check->c->shapes[i]); k++)
      check->x[i][k] = check->x32[i][k] + (check->along[i] ? along * check->along[i][k] : 0)
                       + (i == input ? own * direction[k] : 0);
  return weighted_reference (check, node);
}

/* What a gradient says along a direction of one input, from the reference. */
typedef double (*Slope) (Check *check, const KolNode *node, guint input, const double *direction);

/* Central difference of the reference when input @input moves along @direction. */
static double
central_difference (Check *check, const KolNode *node, guint input, const double *direction)
{
  return (reference_at (check, node, 0, input, direction, STEP)
          - reference_at (check, node, 0, input, direction, -STEP))
         / (2 * STEP);
}

/* How the slope along check->along changes when input @input moves along @direction. */
static double
mixed_difference (Check *check, const KolNode *node, guint input, const double *direction)
{
  const double h = SECOND_STEP;
  double above = reference_at (check, node, h, input, direction, h)
                 - reference_at (check, node, -h, input, direction, h);
  double below = reference_at (check, node, h, input, direction, -h)
                 - reference_at (check, node, -h, input, direction, -h);

  return (above - below) / (4 * h * h);
}

/* Holds one gradient, element by element or along random directions, against the reference. */
static double
gradient_difference (Check *check, const KolNode *node, guint input, const float *gradient,
                     Slope slope, double least)
{
  gint64 count = kol_shape_count (&check->c->shapes[input]);
  gboolean each = count <= ELEMENTWISE_LIMIT;
  g_autofree double *direction = g_new0 (double, count);
  double worst = 0, largest = least;

  for (gint64 trial = 0; trial < (each ? count : DIRECTIONS); trial++)
    {
      double expected, got = 0, size = 0, difference;

      for (gint64 i = 0; i < count; i++)
        direction[i] = each                                                  ? i == trial
                       : random_at ((guint64) trial + 77, (guint64) i) < 0.5 ? -1
                                                                             : 1;
      expected = slope (check, node, input, direction);
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

/* Runs the gradients and holds each against the reference; they are called @kind and the input. */
static void
compare_gradients (Check *check, const KolNode *node, KolValue *const *gradients, const char *kind,
                   Slope slope, double least, double tolerance)
{
  g_autoptr (GError) error = NULL;

  if (!begin_step (check))
    return;
  if (!kol_run_all (check->graph, gradients, check->n_of, &error))
    {
      report_error (check, kind, tolerance, error);
      return;
    }
  for (guint i = 0; i < check->n_of; i++)
    {
      g_autofree float *gradient = g_new (float, kol_count (check->of[i]));
      g_autofree char *what = g_strdup_printf ("%s %u", kind, check->which[i]);
      g_autoptr (GError) local = NULL;

      if (!kol_read (gradients[i], gradient, &local))
        report (check, what, FALSE, NAN, tolerance, local->message);
      else
        report (check, what, FALSE,
                gradient_difference (check, node, check->which[i], gradient, slope, least),
                tolerance, NULL);
    }
}

/* The sum of y with random weights. */
static KolValue *
weighted_sum (Check *check, KolValue *y)
{
  gint64 count = kol_count (y);
  g_autofree float *weights32 = g_new (float, count);
  KolValue *weights = kol_placeholder (check->graph, "weights", y->shape);

  check->weights = g_new (double, count);
  for (gint64 i = 0; i < count; i++)
    {
      weights32[i] = (float) (2 * random_at (99, (guint64) i) - 1);
      check->weights[i] = weights32[i];
    }
  kol_set (weights, weights32);
  return kol_sum (kol_multiply (y, weights), NULL);
}

/* The gradients of the weighted sum, which are checked; FALSE: there are none, or they failed. */
static gboolean
check_gradients (Check *check, KolValue *y, KolValue **gradients)
{
  const KolCase *c = check->c;
  double tolerance = GRADIENT_FACTOR * case_tolerance (c);

  for (guint i = 0; i < c->n_inputs; i++)
    if (!(c->no_gradient & (1u << i)))
      {
        check->which[check->n_of] = i;
        check->of[check->n_of++] = check->inputs[i];
      }
  if (!check->n_of || !check->op->gradient || !check->op->reference)
    return FALSE;
  set_inputs (check);
  if (!kol_gradients (weighted_sum (check, y), check->of, check->n_of, gradients))
    {
      report (check, "gradient", FALSE, NAN, tolerance, check->graph->error->message);
      return FALSE;
    }
  compare_gradients (check, y->node, gradients, "gradient", central_difference, 1e-12, tolerance);
  return TRUE;
}

/* ── Gradients of gradients ─────────────────────────────────────────────────────────────────── */

static gboolean
is_small (const KolCase *c, const KolValue *y)
{
  gint64 count = kol_count (y);

  for (guint i = 0; i < c->n_inputs; i++)
    count = MAX (count, kol_shape_count (&c->shapes[i]));
  return count <= SECOND_LIMIT;
}

/* The sum of each gradient with a random direction: how the scalar changes along all of them. */
static KolValue *
slope_along (Check *check, KolValue *const *gradients)
{
  KolValue *sum = NULL;

  for (guint i = 0; i < check->n_of; i++)
    {
      gint64 count = kol_count (gradients[i]);
      g_autofree float *along32 = g_new (float, count);
      g_autofree char *name = g_strdup_printf ("along %u", check->which[i]);
      KolValue *along = kol_placeholder (check->graph, name, gradients[i]->shape), *part;
      double *moves = check->along[check->which[i]] = g_new (double, count);

      for (gint64 k = 0; k < count; k++)
        moves[k] = along32[k] = random_at (199 + i, (guint64) k) < 0.5 ? -1 : 1;
      kol_set (along, along32);
      part = kol_sum (kol_multiply (gradients[i], along), NULL);
      sum = sum ? kol_add (sum, part) : part;
    }
  return sum;
}

/*
 * With L the weighted sum and s a direction of all inputs at once, M = sum_i s_i dL/dx_i. Its
 * gradient to x_j is held against differences of the reference. That there is one is a promise:
 * an operation that does not keep it says so.
 */
static void
check_second_order (Check *check, KolValue *y, KolValue *const *gradients)
{
  double tolerance = SECOND_FACTOR * case_tolerance (check->c);
  KolValue *second[KOL_CASE_INPUTS];

  if (check->paused || check->op->once || check->c->once || !is_small (check->c, y))
    return;
  if (kol_gradients (slope_along (check, gradients), check->of, check->n_of, second))
    compare_gradients (check, y->node, second, "second-order", mixed_difference, SECOND_LEAST,
                       tolerance);
  else
    report (check, "second-order", FALSE, NAN, tolerance, check->graph->error->message);
}

/* ── In blocks of channels ──────────────────────────────────────────────────────────────────── */

/* A tensor [N, C, H, W] as block.c says; @in_rows where @to_blocks, else the other way. What the
 * last block has too much of channels becomes NaN: nobody may meet it. */
static void
rearrange (float *in_rows, float *in_blocks, const KolShape *shape, gint64 width,
           gboolean to_blocks)
{
  gint64 places = shape->dim[2] * shape->dim[3], blocks = kol_divide_up (shape->dim[1], width);

  for (gint64 i = 0; i < shape->dim[0] * blocks * places * width; i++)
    {
      gint64 n = i / width / places / blocks, place = i / width % places;
      gint64 c = i / width / places % blocks * width + i % width;
      gint64 row = (n * shape->dim[1] + c) * places + place;

      if (to_blocks)
        in_blocks[i] = c < shape->dim[1] ? in_rows[row] : NAN;
      else if (c < shape->dim[1])
        in_rows[row] = in_blocks[i];
    }
}

static gint64
count_stored (const KolShape *shape, gint64 width, gboolean blocked)
{
  gint64 count = kol_shape_count (shape);

  return blocked ? count / shape->dim[1] * kol_round_up (shape->dim[1], width) : count;
}

/* A buffer of @values, rearranged if it is to be in blocks. Lent; @owned has it. */
static KolBuffer *
add_input (GPtrArray *owned, KolQueue *queue, float *values, const KolShape *shape,
           gboolean blocked, GError **error)
{
  gint64 width = kol_queue_get_device (queue)->info.vector_width;
  gsize bytes = (gsize) count_stored (shape, width, blocked) * sizeof (float);
  g_autofree float *in_blocks = blocked ? g_malloc (bytes) : NULL;
  KolBuffer *buffer = kol_trial_add_buffer (owned, queue, bytes, error);

  if (blocked)
    rearrange (values, in_blocks, shape, width, TRUE);
  return buffer && kol_queue_write (queue, buffer, 0, blocked ? in_blocks : values, bytes, error)
             ? buffer
             : NULL;
}

/* Output 0 of the variant, with @layout of KOL_BLOCKED_ flags, in rows. */
static gboolean
compute_blocked (Check *check, const KolNode *node, guint layout, float *got, GError **error)
{
  g_autoptr (GPtrArray) owned = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_buffer_unref);
  g_autofree KolBuffer **outputs = g_new0 (KolBuffer *, node->n_outputs);
  KolQueue *queue = kol_parameters_get_queue (check->parameters, error);
  KolBuffer *inputs[KOL_CASE_INPUTS];
  g_auto (KolTrial) trial = { 0 };
  const KolShape *y = &node->outputs[0].shape;
  gint64 width = check->device->info.vector_width;
  gsize bytes = (gsize) count_stored (y, width, layout & KOL_BLOCKED_OUTPUT) * sizeof (float);
  g_autofree float *stored = g_malloc (bytes);

  for (guint i = 0; queue && i < node->n_inputs; i++)
    if (!(inputs[i] = add_input (owned, queue, check->x32[i], &check->c->shapes[i],
                                 i == 0 && (layout & KOL_BLOCKED_INPUT), error)))
      return FALSE;
  if (!queue || !(outputs[0] = kol_trial_add_buffer (owned, queue, bytes, error))
      || !kol_queue_fill (queue, outputs[0], NAN, error)
      || !kol_trial_init (&trial, node, check->variant, queue, inputs, outputs, TRUE, error))
    return FALSE;
  trial.launch.blocked = layout;
  if (!kol_trial_run (&trial, error)
      || !kol_queue_read (queue, outputs[0], 0, stored, bytes, error))
    return FALSE;
  if (layout & KOL_BLOCKED_OUTPUT)
    rearrange (got, stored, y, width, FALSE);
  else
    memcpy (got, stored, bytes);
  return TRUE;
}

static void
check_layout (Check *check, const KolNode *node, double *const *expected, guint layout)
{
  const char *const what[] = { [KOL_BLOCKED_INPUT] = "forward from blocks",
                               [KOL_BLOCKED_OUTPUT] = "forward to blocks",
                               [KOL_BLOCKED_INPUT | KOL_BLOCKED_OUTPUT] = "forward in blocks" };
  gint64 count = kol_count (&node->outputs[0]);
  g_autofree float *got = g_new (float, count);
  g_autoptr (GError) error = NULL;
  double tolerance = case_tolerance (check->c);

  if (!begin_step (check))
    return;
  if (compute_blocked (check, node, layout, got, &error))
    report (check, what[layout], FALSE, compare (got, expected[0], count), tolerance, NULL);
  else
    report_error (check, what[layout], tolerance, error);
}

/* In blocks, and beside a tensor in rows: on either side in turn, as each is a program to compile.
 */
static void
check_blocked (Check *check, const KolNode *node)
{
  const guint in = KOL_BLOCKED_INPUT, out = KOL_BLOCKED_OUTPUT;
  KolBlocks blocks = check->device->simd ? check->op->blocks (node, check->device) : KOL_BLOCKS_NOT;
  gboolean is_even = (check->c - check->op->cases) % 2 == 0;

  if (blocks == KOL_BLOCKS_NOT)
    {
      report (check, "forward", TRUE, 0, 0, "the variant does not fit this case");
      return;
    }
  double **expected = reference_new (node, check->x);
  check_layout (check, node, expected, in | out);
  if (blocks == KOL_BLOCKS_AFTER || (blocks == KOL_BLOCKS_EACH && is_even))
    check_layout (check, node, expected, in);
  else if (blocks == KOL_BLOCKS_EACH)
    check_layout (check, node, expected, out);
  reference_free (node, expected);
}

/* ── All of it ──────────────────────────────────────────────────────────────────────────────── */

const KolVariant *
kol_check_get_variant (const KolOp *op, guint i)
{
  guint n = 0;

  while (op->variants && op->variants[n].name)
    if (n++ == i)
      return &op->variants[i];
  return i == n ? op->blocked : NULL;
}

const KolVariant *
kol_check_find_variant (const KolOp *op, const char *name)
{
  const KolVariant *variant;
  guint i = 0;

  do
    variant = kol_check_get_variant (op, i++);
  while (variant && !g_str_equal (variant->name, name));
  return variant;
}

gboolean
kol_check_takes (const KolDevice *device, const KolOp *op, const KolCase *c,
                 const KolVariant *variant, gboolean quick)
{
  gint64 elements = 0;

  if (c->only_tune || (quick && c->slow) || (variant == op->blocked && !device->simd))
    return FALSE;
  if (!quick || !variant->tune_only || !device->simd)
    return TRUE;
  for (guint i = 0; i < c->n_inputs; i++)
    elements += kol_shape_count (&c->shapes[i]);
  return (c - op->cases) % QUICK_STEP == 0 && elements <= QUICK_LIMIT;
}

/* One case of one variant: forward and gradients. */
static void
check_all (Check *check)
{
  const KolOp *op = check->op;
  KolValue *y = kol_node_new (op, check->inputs, check->c->n_inputs, check->c->attributes);
  KolValue *gradients[KOL_CASE_INPUTS];

  if (kol_value_failed (y))
    report (check, "shape", FALSE, NAN, 0, check->graph->error->message);
  else if (check->variant == op->blocked)
    check_blocked (check, y->node);
  else if (check->variant->fits && !check->variant->fits (y->node, check->device))
    report (check, "forward", TRUE, 0, 0, "the variant does not fit this case");
  else
    {
      check_forward (check, y);
      if (!check->paused && check_gradients (check, y, gradients))
        check_second_order (check, y, gradients);
    }
}

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

  check_init (&check);
  check_all (&check);
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
 * of it, and so the gradients of gradients where the case is small.
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
      const KolVariant *variant;

      if (op && strcmp (op, candidate->name))
        continue;
      found = TRUE;
      for (guint k = 0; (variant = kol_check_get_variant (candidate, k)); k++)
        for (const KolCase *c = candidate->cases; c && c->name; c++)
          if (kol_check_takes (device, candidate, c, variant, quick))
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

/* ── One at a time ───────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const KolOp *op;
  const KolVariant *variant;
  const KolCase *c;
} Planned;

struct _KolChecks {
  KolDevice *device;
  GArray *all; /* of Planned */
  guint done;
  guint steps; /* of the next one, which made a pause after them */
};

/**
 * kol_checks_new:
 * @device: a device
 * @quick: leave out the cases that are marked slow
 *
 * Returns: (transfer full): all checks, none of them done
 */
KolChecks *
kol_checks_new (KolDevice *device, gboolean quick)
{
  g_return_val_if_fail (device, NULL);

  KolChecks *checks = g_new0 (KolChecks, 1);
  const KolVariant *variant;

  checks->device = kol_device_ref (device);
  checks->all = g_array_new (FALSE, FALSE, sizeof (Planned));
  for (guint i = 0; kol_op_get (i); i++)
    for (guint k = 0; (variant = kol_check_get_variant (kol_op_get (i), k)); k++)
      for (const KolCase *c = kol_op_get (i)->cases; c && c->name; c++)
        if (kol_check_takes (device, kol_op_get (i), c, variant, quick))
          g_array_append_val (checks->all, ((Planned){ kol_op_get (i), variant, c }));
  return checks;
}

/**
 * kol_checks_free:
 * @checks: (nullable): checks
 */
void
kol_checks_free (KolChecks *checks)
{
  if (!checks)
    return;
  g_array_unref (checks->all);
  kol_device_unref (checks->device);
  g_free (checks);
}

/**
 * kol_checks_count:
 * @checks: checks
 * @done: (out) (optional): how many are done
 *
 * Returns: of how many
 */
guint
kol_checks_count (const KolChecks *checks, guint *done)
{
  if (done)
    *done = checks->done;
  return checks->all->len;
}

/**
 * kol_checks_next:
 * @checks: checks of which some are left
 * @reporter: told of the result, of those of the gradients, too
 * @user_data: for @reporter
 *
 * Where what it compiles makes a pause (kol_device_set_pause()), the next call goes on with the
 * same check; of what is done @reporter is told once.
 *
 * Returns: whether the check is done; %FALSE if it made a pause
 */
gboolean
kol_checks_next (KolChecks *checks, KolCheckReporter reporter, gpointer user_data)
{
  g_return_val_if_fail (checks->done < checks->all->len, FALSE);

  const Planned *planned = &g_array_index (checks->all, Planned, checks->done);
  Check check = { .device = checks->device,
                  .op = planned->op,
                  .c = planned->c,
                  .variant = planned->variant,
                  .reporter = reporter,
                  .user_data = user_data,
                  .known = checks->steps,
                  .may_pause = TRUE };

  check_init (&check);
  check_all (&check);
  check_clear (&check);
  checks->steps = check.paused ? check.step : 0;
  checks->done += !check.paused;
  return !check.paused;
}

/**
 * kol_check_conclude:
 * @device: a device
 * @op: an operation
 * @variant: one of its variants
 * @passed: how many checks agreed
 * @failed: how many did not
 * @reason: (nullable): the first failure, a sentence
 *
 * Takes a variant that failed out of use on this device, but for the plain one, which nothing can
 * replace; puts back one that is right again. Of checks that kol_device_set_cancellable() has
 * broken off nothing follows.
 *
 * Returns: whether it is switched off now
 */
gboolean
kol_check_conclude (KolDevice *device, const char *op, const char *variant, guint passed,
                    guint failed, const char *reason)
{
  const KolOp *known = kol_op_find (op);
  gboolean plain = !known || !known->variants || g_strcmp0 (known->variants[0].name, variant) == 0;

  if (kol_device_is_cancelled (device, NULL)) /* what could not be compiled is not wrong */
    return FALSE;
  if (failed == 0 && passed > 0)
    kol_tuning_restore (device->tuning, op, variant);
  if (failed == 0 || plain)
    return FALSE;
  kol_tuning_strike (device->tuning, op, variant, reason);
  return TRUE;
}
