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

#define TOLERANCE 1e-3    /* of the largest value: wrong kernels are to be found, not rounding */
#define MOST_RUNS 200     /* of a candidate */
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

/* A buffer that @owned will release. */
static KolBuffer *
add_buffer (GPtrArray *owned, KolQueue *queue, gsize bytes, GError **error)
{
  KolBuffer *buffer = kol_buffer_new (kol_queue_get_device (queue), bytes, error);

  if (buffer)
    g_ptr_array_add (owned, buffer);
  return buffer;
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

      bench->inputs[i] = add_buffer (bench->owned, queue, bytes, error);
      if (!bench->inputs[i] || !fill_input (bench, i, error))
        return FALSE;
    }
  for (guint i = 0; i < node->n_outputs; i++)
    {
      gsize bytes = (gsize) kol_count (&node->outputs[i]) * sizeof (float);

      bench->outputs[i] = add_buffer (bench->owned, queue, bytes, error);
      if (!bench->outputs[i] || !kol_queue_fill (queue, bench->outputs[i], 0.01f, error))
        return FALSE;
    }
  return TRUE;
}

/* ── Running ────────────────────────────────────────────────────────────────────────────────── */

/* One variant at the bench. */
typedef struct {
  Bench *bench;
  const KolVariant *variant;
  KolLaunch launch;
  KolBuffer **packed;
  GPtrArray *owned;
} Trial;

static void
trial_clear (Trial *trial)
{
  kol_queue_finish (trial->bench->queue, NULL);
  g_free (trial->packed);
  g_clear_pointer (&trial->owned, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Trial, trial_clear)

static gboolean
trial_init (Trial *trial, GError **error)
{
  Bench *bench = trial->bench;
  const KolNode *node = bench->node;
  KolDevice *device = kol_queue_get_device (bench->queue);
  gsize scratch = trial->variant->scratch ? trial->variant->scratch (node, device) : 0;

  trial->owned = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_buffer_unref);
  trial->packed = g_new0 (KolBuffer *, node->n_inputs);
  trial->launch = (KolLaunch){ .device = device,
                               .queue = bench->queue,
                               .inputs = bench->inputs,
                               .outputs = bench->outputs,
                               .packed = trial->packed };
  if (scratch
      && (!(trial->launch.scratch = add_buffer (trial->owned, bench->queue, scratch, error))
          || !kol_queue_fill (bench->queue, trial->launch.scratch, NAN, error)))
    return FALSE;
  for (guint i = 0; trial->variant->packed && i < node->n_inputs; i++)
    {
      gsize bytes = trial->variant->packed (node, i, device);

      if (bytes && !(trial->packed[i] = add_buffer (trial->owned, bench->queue, bytes, error)))
        return FALSE;
    }
  return TRUE;
}

static gboolean
trial_run (Trial *trial, GError **error)
{
  const KolNode *node = trial->bench->node;

  for (guint i = 0; i < node->n_inputs; i++) /* in training weights change with every step */
    if (trial->packed[i] && !trial->variant->pack (&trial->launch, node, i, error))
      return FALSE;
  return trial->variant->launch (&trial->launch, node, error)
         && kol_queue_finish (trial->bench->queue, error);
}

/* The first run compiles; @took it so many microseconds. */
static gboolean
trial_run_first (Trial *trial, gint64 *took, GError **error)
{
  gint64 start = g_get_monotonic_time ();
  gboolean ran = trial_run (trial, error);

  *took = g_get_monotonic_time () - start;
  return ran;
}

static int
compare_seconds (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* Median seconds of a run, or a negative number if one failed. */
static double
trial_time (Trial *trial, const KolMeasureLimits *limits, GError **error)
{
  gint64 began = g_get_monotonic_time ();
  double seconds[MOST_RUNS];
  guint runs = 0;

  do
    {
      gint64 start = g_get_monotonic_time ();

      if (!trial_run (trial, error))
        return -1;
      seconds[runs++] = (double) MAX (g_get_monotonic_time () - start, 1) / 1e6;
    }
  while (runs < MIN (limits->runs, MOST_RUNS)
         && g_get_monotonic_time () - began <= limits->microseconds);
  qsort (seconds, runs, sizeof *seconds, compare_seconds);
  return seconds[runs / 2];
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
referee_results (Bench *bench, gsize *n)
{
  g_auto (Trial) trial = { .bench = bench, .variant = &bench->node->op->variants[0] };

  return trial_init (&trial, NULL) && forget_results (bench, NULL) && trial_run (&trial, NULL)
             ? read_results (bench, n, NULL)
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

/* Compares what the candidates computed; see the top of this file. */
static void
judge (Bench *bench, const KolMeasureLimits *limits, KolCandidate *candidates, float **results,
       gsize n_results, guint n)
{
  const KolNode *node = bench->node;
  KolDevice *device = kol_queue_get_device (bench->queue);
  double work = node->op->flops ? node->op->flops (node) : (double) kol_count (&node->outputs[0]);
  g_autofree float *own = NULL;
  const float *expected = NULL;
  guint first = n, compared = 0;
  gboolean agree = TRUE;

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
    return;
  if (!expected && work <= (compared == 1 ? limits->check_work : limits->referee_work))
    expected = own = referee_results (bench, &n_results);
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
}

/* Runs a candidate. Gives its results; NULL if it failed or there is nothing to compare. */
static float *
try_candidate (Bench *bench, const KolMeasureLimits *limits, KolCandidate *candidate, gsize *n)
{
  g_auto (Trial) trial = { .bench = bench, .variant = candidate->variant };
  g_autofree float *results = NULL;
  g_autoptr (GError) error = NULL;
  gint64 took = 0;

  candidate->seconds = 0;
  candidate->difference = NAN;
  candidate->struck = FALSE;
  if (trial_init (&trial, &error) && forget_results (bench, &error)
      && trial_run_first (&trial, &took, &error) && (results = read_results (bench, n, &error)))
    candidate->seconds = candidate->variant == &bench->node->op->variants[0] && took > LONG_US
                             ? (double) took / 1e6
                             : trial_time (&trial, limits, &error);
  if (!error)
    return *n ? g_steal_pointer (&results) : NULL;

  candidate->seconds = 0;
  if (!g_error_matches (error, KOL_ERROR, KOL_ERROR_MEMORY)
      && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_autofree char *reason = g_strdup_printf ("failed (%s)", error->message);

      strike (kol_queue_get_device (bench->queue), bench->node, candidate, reason);
    }
  return NULL;
}

/* Tries all the candidates and compares them; @error says that it was cancelled. */
static gboolean
try_candidates (Bench *bench, const KolMeasureLimits *limits, KolCandidate *candidates,
                float **results, guint n, GCancellable *cancellable, GError **error)
{
  gsize n_results = 0;

  for (guint i = 0; i < n; i++)
    {
      results[i] = try_candidate (bench, limits, &candidates[i], &n_results);
      if (g_cancellable_set_error_if_cancelled (cancellable, error)) /* it may not have run */
        return FALSE;
    }
  judge (bench, limits, candidates, results, n_results, n);
  return TRUE;
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

  if (!queue)
    return NULL;
  if (bench_init (&bench, queue, node, NULL))
    good = try_candidates (&bench, limits, candidates, results, n, graph->cancellable, error);
  kol_queue_finish (queue, NULL);
  bench_clear (&bench);
  for (guint i = 0; i < n; i++)
    {
      g_free (results[i]);
      if (candidates[i].seconds > 0 && (!best || candidates[i].seconds < best->seconds))
        best = &candidates[i];
    }
  return good && best ? best->variant : NULL;
}
