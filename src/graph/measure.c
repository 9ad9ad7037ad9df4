/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Measures variants of a node, and finds those that are wrong.
 *
 * All candidates get the same pseudo-random inputs, so their results must be the
 * same, too, but for rounding. The plain variant is the referee, yet on a large
 * work it takes longer than all the others together, for which a training that
 * begins should not wait. So the candidates are first held against each other:
 * ways as different as tiles and Winograd's do not make the same mistake, and
 * where they agree nothing more is needed. Only where they do not, or where there
 * is one alone, plain is run, once, and only up to a certain work. Beyond it, a
 * variant that is outvoted is not used for this work, and said to be in
 * question, but it is not switched off: the majority is no proof.
 */

#include "measure-private.h"

#include <math.h>

#include "../device/tuning-private.h"
#include "trial-private.h"

#define TOLERANCE 1e-3    /* of the largest value: wrong kernels are to be found, not rounding */
#define FEWEST_RUNS 3     /* of a candidate: one alone may have been held up */
#define PATIENCE 4        /* times the microseconds that it may take for these */
#define CLOSE 2           /* times the fastest's seconds: candidates that are measured twice */
#define PIECE (64 * 1024) /* floats that are compared in a row */
#define MOST_PIECES 16    /* of an output, evenly spread; the first and the last are its ends */
#define LONG_US 1000000   /* plain is not run again if it took that long */
#define CHUNK (1 << 20)   /* floats that are made on the host at a time */

/* ── Buffers ────────────────────────────────────────────────────────────────────────────────── */

/* What all candidates work on. */
typedef struct {
  KolQueue *queue;
  const KolNode *node;
  KolBuffer **inputs;
  KolBuffer **outputs;
  GPtrArray *owned;
} Bench;

static void
bench_clear (Bench *bench)
{
  g_free (bench->inputs);
  g_free (bench->outputs);
  g_clear_pointer (&bench->owned, g_ptr_array_unref);
}

/*
 * The numbers that an input may have, as the operation's own cases tell: those of
 * a variance are positive, say. Indices and labels are 0, which is one whatever
 * the shapes.
 */
static void
range_of_input (const KolNode *node, guint input, float *low, float *high)
{
  *low = -1;
  *high = 1;
  for (const KolCase *c = node->op->cases; c && c->name; c++)
    {
      if (c->n_inputs != node->n_inputs)
        continue;
      if (c->fill[input].kind == KOL_FILL_LABELS)
        {
          *low = *high = 0;
          return;
        }
      if (c->fill[input].low != 0 || c->fill[input].high != 0)
        {
          *low = (float) c->fill[input].low;
          *high = (float) c->fill[input].high;
        }
    }
}

/* Numbers from @low to @high by a linear congruence, the same whenever they are made. */
static gboolean
fill_input (Bench *bench, guint input, GError **error)
{
  gint64 count = kol_count (bench->node->inputs[input]);
  g_autofree float *values = g_new (float, MIN (count, CHUNK));
  guint32 state = input + 1;
  float low, high;

  range_of_input (bench->node, input, &low, &high);
  if (low == high)
    return kol_queue_fill (bench->queue, bench->inputs[input], low, error);
  for (gint64 done = 0; done < count; done += CHUNK)
    {
      gint64 n = MIN (count - done, CHUNK);

      for (gint64 i = 0; i < n; i++)
        {
          state = state * 1664525u + 1013904223u;
          values[i] = low + (high - low) * (float) (state >> 8) * 0x1p-24f;
        }
      if (!kol_queue_write (bench->queue, bench->inputs[input], (gsize) done * sizeof (float),
                            values, (gsize) n * sizeof (float), error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
bench_init (Bench *bench, KolQueue *queue, const KolNode *node, GError **error)
{
  bench->queue = queue;
  bench->node = node;
  bench->owned = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_buffer_unref);
  bench->inputs = g_new0 (KolBuffer *, node->n_inputs);
  bench->outputs = g_new0 (KolBuffer *, node->n_outputs);
  for (guint i = 0; i < node->n_inputs; i++)
    {
      gsize bytes = (gsize) kol_count (node->inputs[i]) * sizeof (float);

      bench->inputs[i] = kol_trial_add_buffer (bench->owned, queue, bytes, error);
      if (!bench->inputs[i] || !fill_input (bench, i, error))
        return FALSE;
    }
  for (guint i = 0; i < node->n_outputs; i++)
    {
      gsize bytes = (gsize) kol_count (&node->outputs[i]) * sizeof (float);

      bench->outputs[i] = kol_trial_add_buffer (bench->owned, queue, bytes, error);
      if (!bench->outputs[i] || !kol_queue_fill (queue, bench->outputs[i], 0.01f, error))
        return FALSE;
    }
  return TRUE;
}

/* ── Running ────────────────────────────────────────────────────────────────────────────────── */

/* A variant at the bench. */
static gboolean
bench_begin (Bench *bench, KolTrial *trial, const KolVariant *variant, gboolean kept,
             GError **error)
{
  return kol_trial_init (trial, bench->node, variant, bench->queue, bench->inputs, bench->outputs,
                         kept, error);
}

/* The first run compiles; @took it so many microseconds. */
static gboolean
trial_run_first (KolTrial *trial, gint64 *took, GError **error)
{
  gint64 start = g_get_monotonic_time ();
  gboolean ran = kol_trial_run (trial, error);

  *took = g_get_monotonic_time () - start;
  return ran;
}

/*
 * The least seconds of a run, or a negative number if one failed: what else the machine does only
 * adds to them.
 */
static double
trial_time (KolTrial *trial, const KolMeasureLimits *limits, GError **error)
{
  gint64 began = g_get_monotonic_time (), spent;
  double least = G_MAXDOUBLE;
  guint runs = 0;

  do
    {
      gint64 start = g_get_monotonic_time (), end;

      if (!kol_trial_run (trial, error))
        return -1;
      end = g_get_monotonic_time ();
      least = MIN (least, (double) MAX (end - start, 1) / 1e6);
      spent = end - began;
      runs++;
    }
  while (runs < limits->runs
         && spent <= limits->microseconds * (runs < FEWEST_RUNS ? PATIENCE : 1));
  return least;
}

/* ── Results ────────────────────────────────────────────────────────────────────────────────── */

/* Outputs that are compared: not those that a launch changes in place. */
static gboolean
is_compared (const KolNode *node, guint output)
{
  return output < MAX (node->op->n_outputs, 1)
         && (!node->op->overwrites || node->op->overwrites (node, output) < 0);
}

static gint64
sampled (gint64 count)
{
  return count <= PIECE * MOST_PIECES ? count : PIECE * MOST_PIECES;
}

/* So that what a variant does not write is seen. */
static gboolean
forget_results (Bench *bench, GError **error)
{
  for (guint i = 0; i < bench->node->n_outputs; i++)
    if (is_compared (bench->node, i)
        && !kol_queue_fill (bench->queue, bench->outputs[i], NAN, error))
      return FALSE;
  return TRUE;
}

/* A small output as it is, of a large one evenly spread pieces; one output after another. Given. */
static float *
read_results (Bench *bench, gsize *n, GError **error)
{
  const KolNode *node = bench->node;
  g_autofree float *results = NULL;
  gint64 total = 0, at = 0;

  for (guint i = 0; i < node->n_outputs; i++)
    if (is_compared (node, i))
      total += sampled (kol_count (&node->outputs[i]));
  results = g_new (float, total);
  for (guint i = 0; i < node->n_outputs; i++)
    {
      gint64 count = kol_count (&node->outputs[i]), pieces, length;

      if (!is_compared (node, i))
        continue;
      pieces = sampled (count) == count ? 1 : MOST_PIECES;
      length = sampled (count) / pieces;
      for (gint64 k = 0; k < pieces; k++, at += length)
        {
          gint64 from = pieces == 1 ? 0 : (count - length) * k / (pieces - 1);

          if (!kol_queue_read (bench->queue, bench->outputs[i], (gsize) from * sizeof (float),
                               results + at, (gsize) length * sizeof (float), error))
            return NULL;
        }
    }
  *n = (gsize) at;
  return g_steal_pointer (&results);
}

/* The largest difference of @got, relative to the largest value of @expected. */
static double
difference_of (const float *got, const float *expected, gsize n)
{
  double largest = 0, difference = 0;

  for (gsize i = 0; i < n; i++)
    {
      if (!isfinite (expected[i]) && !isfinite (got[i]))
        continue;
      if (!isfinite (expected[i]) || !isfinite (got[i]))
        return INFINITY;
      largest = MAX (largest, fabs ((double) expected[i]));
      difference = MAX (difference, fabs ((double) got[i] - expected[i]));
    }
  return difference > 0 ? difference / MAX (largest, 1e-30) : 0;
}

/* ── Judging ────────────────────────────────────────────────────────────────────────────────── */

static void
strike (KolDevice *device, const KolNode *node, KolCandidate *candidate, const char *reason)
{
  candidate->struck = TRUE;
  candidate->seconds = 0;
  g_message ("%s: the variant %s %s on %s. It is switched off there, and others are used; "
             "`kolinsky verify --op %s` checks it again",
             node->op->name, candidate->variant->name, reason, device->info.name, node->op->name);
  kol_tuning_strike (device->tuning, node->op->name, candidate->variant->name, reason);
}

static void
strike_wrong (KolDevice *device, const KolNode *node, KolCandidate *candidate)
{
  g_autofree char *reason = g_strdup_printf (
      "differs from plain by %.2g of the largest value (%s)", candidate->difference,
      node->n_inputs ? kol_shape_text (&node->inputs[0]->shape) : "no inputs");

  strike (device, node, candidate, reason);
}

/* The results of plain, run once; NULL if that fails. Given. */
static float *
referee_results (Bench *bench, gsize *n, GError **error)
{
  g_auto (KolTrial) trial = { 0 };

  return bench_begin (bench, &trial, &bench->node->op->variants[0], FALSE, error)
                 && forget_results (bench, error) && kol_trial_run (&trial, error)
             ? read_results (bench, n, error)
             : NULL;
}

/* How many of the candidates agree with the @i-th one, itself among them. */
static guint
count_agreeing (float *const *results, gsize n_results, guint n, guint i)
{
  guint agreeing = 0;

  for (guint k = 0; results[i] && k < n; k++)
    agreeing += results[k] && difference_of (results[k], results[i], n_results) <= TOLERANCE;
  return agreeing;
}

/* Beyond plain's reach: the first of those that most agree with is believed for now. */
static void
outvote (KolDevice *device, const KolNode *node, KolCandidate *candidates, float *const *results,
         gsize n_results, guint n)
{
  guint most = 0, believed = 0;

  for (guint i = 0; i < n; i++)
    {
      guint agreeing = count_agreeing (results, n_results, n, i);

      if (agreeing > most)
        {
          most = agreeing;
          believed = i;
        }
    }
  for (guint i = 0; i < n; i++)
    {
      if (!results[i])
        continue;
      candidates[i].difference = difference_of (results[i], results[believed], n_results);
      if (candidates[i].difference <= TOLERANCE)
        continue;
      candidates[i].seconds = 0;
      g_message ("%s: the variants %s and %s differ by %.2g of the largest value on %s, and only "
                 "the first is used here; `kolinsky verify --op %s` finds out which one is wrong",
                 node->op->name, candidates[believed].variant->name, candidates[i].variant->name,
                 candidates[i].difference, device->info.name, node->op->name);
    }
}

static gboolean
says_cancelled (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/*
 * Compares what the candidates computed; see the top of this file. @error says that it was
 * cancelled.
 */
static gboolean
judge (Bench *bench, const KolMeasureLimits *limits, KolCandidate *candidates, float **results,
       gsize n_results, guint n, GError **error)
{
  const KolNode *node = bench->node;
  KolDevice *device = kol_queue_get_device (bench->queue);
  double work = node->op->flops ? node->op->flops (node) : (double) kol_count (&node->outputs[0]);
  g_autofree float *own = NULL;
  const float *expected = NULL;
  guint first = n, compared = 0;
  gboolean agree = TRUE;
  g_autoptr (GError) failure = NULL;

  for (guint i = 0; i < n; i++)
    {
      if (!results[i])
        continue;
      compared++;
      first = MIN (first, i);
      if (candidates[i].variant == &node->op->variants[0])
        expected = results[i];
      candidates[i].difference = difference_of (results[i], results[first], n_results);
      agree = agree && candidates[i].difference <= TOLERANCE;
    }
  if (!compared || (compared > 1 && agree && !expected))
    return TRUE;
  if (!expected && work <= (compared == 1 ? limits->check_work : limits->referee_work))
    expected = own = referee_results (bench, &n_results, &failure);
  if (says_cancelled (failure))
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  if (!expected && compared == 1)
    candidates[first].difference = NAN;
  else if (!expected)
    outvote (device, node, candidates, results, n_results, n);
  for (guint i = 0; expected && i < n; i++)
    if (results[i])
      {
        candidates[i].difference = difference_of (results[i], expected, n_results);
        if (candidates[i].difference > TOLERANCE)
          strike_wrong (device, node, &candidates[i]);
      }
  return TRUE;
}

/*
 * Runs a candidate. Gives its results; NULL if it failed or there is nothing to compare.
 * @cancelled says that it was.
 */
static float *
try_candidate (Bench *bench, const KolMeasureLimits *limits, KolCandidate *candidate, gsize *n,
               GError **cancelled)
{
  g_auto (KolTrial) trial = { 0 };
  g_autofree float *results = NULL;
  g_autoptr (GError) error = NULL;
  gint64 took = 0;

  candidate->seconds = 0;
  candidate->difference = NAN;
  candidate->struck = FALSE;
  if (bench_begin (bench, &trial, candidate->variant, limits->kept, &error)
      && forget_results (bench, &error) && trial_run_first (&trial, &took, &error)
      && (results = read_results (bench, n, &error)))
    candidate->seconds = candidate->variant == &bench->node->op->variants[0] && took > LONG_US
                             ? (double) took / 1e6
                             : trial_time (&trial, limits, &error);
  if (!error)
    return *n ? g_steal_pointer (&results) : NULL;

  candidate->seconds = 0;
  if (says_cancelled (error))
    g_propagate_error (cancelled, g_steal_pointer (&error));
  else if (!g_error_matches (error, KOL_ERROR, KOL_ERROR_MEMORY))
    {
      g_autofree char *reason = g_strdup_printf ("failed (%s)", error->message);

      strike (kol_queue_get_device (bench->queue), bench->node, candidate, reason);
    }
  return NULL;
}

static gboolean
is_cancelled (const KolGraph *graph, GError **error)
{
  return g_cancellable_set_error_if_cancelled (graph->cancellable, error)
         || kol_device_is_cancelled (kol_parameters_get_device (graph->parameters), error);
}

/* Measures a candidate once more, and keeps the better time. */
static void
time_again (Bench *bench, const KolMeasureLimits *limits, KolCandidate *candidate)
{
  g_auto (KolTrial) trial = { 0 };
  gint64 took;

  if (!bench_begin (bench, &trial, candidate->variant, limits->kept, NULL)
      || !trial_run_first (&trial, &took, NULL))
    return;
  double seconds = trial_time (&trial, limits, NULL);
  if (seconds > 0)
    candidate->seconds = MIN (candidate->seconds, seconds);
}

/*
 * What else the machine did while one of them ran is not to decide among those that are close:
 * they are measured at another time, too. @error says that it was cancelled.
 */
static gboolean
compare_close (Bench *bench, const KolMeasureLimits *limits, KolCandidate *candidates, guint n,
               const KolGraph *graph, GError **error)
{
  double fastest = G_MAXDOUBLE;
  guint close = 0;

  for (guint i = 0; i < n; i++)
    if (candidates[i].seconds > 0)
      fastest = MIN (fastest, candidates[i].seconds);
  for (guint i = 0; i < n; i++)
    close += candidates[i].seconds > 0 && candidates[i].seconds <= CLOSE * fastest;
  for (guint i = 0; close > 1 && i < n; i++)
    if (candidates[i].seconds > 0 && candidates[i].seconds <= CLOSE * fastest)
      {
        time_again (bench, limits, &candidates[i]);
        if (is_cancelled (graph, error))
          return FALSE; /* it may not have run */
      }
  return TRUE;
}

/* Tries all the candidates and compares them; @error says that it was cancelled. */
static gboolean
try_candidates (Bench *bench, const KolMeasureLimits *limits, KolCandidate *candidates,
                float **results, guint n, const KolGraph *graph, GError **error)
{
  gsize n_results = 0;
  g_autoptr (GError) cancelled = NULL;

  for (guint i = 0; i < n && !cancelled; i++)
    {
      results[i] = try_candidate (bench, limits, &candidates[i], &n_results, &cancelled);
      if (!cancelled)
        is_cancelled (graph, &cancelled);
    }
  if (!cancelled)
    return judge (bench, limits, candidates, results, n_results, n, error)
           && compare_close (bench, limits, candidates, n, graph, error);
  g_propagate_error (error, g_steal_pointer (&cancelled));
  return FALSE;
}

const KolVariant *
kol_measure (KolGraph *graph, const KolNode *node, const KolMeasureLimits *limits,
             KolCandidate *candidates, guint n, GError **error)
{
  KolQueue *queue = kol_parameters_get_queue (graph->parameters, error);
  g_autofree float **results = g_new0 (float *, n);
  const KolCandidate *best = NULL;
  gboolean good = TRUE;
  Bench bench = { 0 };

  if (!queue || kol_device_is_paused (kol_queue_get_device (queue), error))
    return NULL;
  if (bench_init (&bench, queue, node, NULL))
    good = try_candidates (&bench, limits, candidates, results, n, graph, error);
  kol_queue_finish (queue, NULL);
  bench_clear (&bench);
  for (guint i = 0; i < n; i++)
    {
      g_free (results[i]);
      if (candidates[i].seconds > 0 && (!best || candidates[i].seconds < best->seconds))
        best = &candidates[i];
    }
  if (good)
    kol_device_note_prepared (kol_queue_get_device (queue));
  return good && best ? best->variant : NULL;
}
