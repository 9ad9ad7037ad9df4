/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Takes the time of a run: ours, a sample of the peak, the peer's, ours again,
 * and so on, so that whatever else the machine does meets all of them. Never do
 * two run at the same time.
 */

#include "bench-private.h"
#include "tool-private.h"

#include "../graph/graph-private.h"

#include <math.h>

#define TURN_SECONDS 0.1 /* runs in one turn, before the other's */
#define FEWEST_TURNS 5
#define SLOW 5          /* but no more turns when they have taken so many times what was wanted */
#define MOST_RUNS 10000 /* in a turn */
#define REST_US 50000   /* until the threads of the one that ran stop looking for work */

/* ── Two that take turns ─────────────────────────────────────────────────────────────────────── */

typedef struct {
  BenchRun run; /* NULL: there is nobody */
  gpointer data;
  guint runs;      /* in a turn */
  GArray *seconds; /* of a run, turn by turn */
} Side;

static void
side_clear (Side *side)
{
  g_clear_pointer (&side->seconds, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Side, side_clear)

/*
 * The first run compiles, allocates and packs; the second one, unless it takes
 * more than @enough seconds, tells how many make a turn.
 */
static gboolean
warm_up (Side *side, double enough, GError **error)
{
  double seconds;

  if (!side->run)
    return TRUE;
  side->seconds = g_array_new (FALSE, FALSE, sizeof (double));
  if (!side->run (side->data, 1, &seconds, error)
      || (seconds < enough && !side->run (side->data, 1, &seconds, error)))
    return FALSE;
  side->runs = (guint) CLAMP (TURN_SECONDS / MAX (seconds, 1e-6), 1, MOST_RUNS);
  return TRUE;
}

/* Adds what a turn took to @spent. */
static gboolean
take_turn (Side *side, double *spent, GError **error)
{
  double seconds;

  if (!side->run)
    return TRUE;
  if (!side->run (side->data, side->runs, &seconds, error))
    return FALSE;
  *spent += seconds;
  seconds /= side->runs;
  g_array_append_val (side->seconds, seconds);
  return TRUE;
}

gboolean
bench_measure (Bench *bench, BenchRun run, gpointer data, BenchPeer *peer, BenchResult *result,
               GError **error)
{
  g_auto (Side) ours = { .run = run, .data = data };
  g_auto (Side) theirs = { .run = peer ? bench_peer_run : NULL, .data = peer };
  double spent = 0, spent_by_peer = 0;

  if (!warm_up (&ours, bench->seconds, error) || !warm_up (&theirs, bench->seconds, error))
    return FALSE;
  kol_peak_restart (bench->peak);
  while (spent < bench->seconds
         || (ours.seconds->len < FEWEST_TURNS && spent < SLOW * bench->seconds))
    {
      if (peer)
        g_usleep (REST_US);
      if (!take_turn (&ours, &spent, error) || !kol_peak_sample (bench->peak, error))
        return FALSE;
      if (peer)
        g_usleep (REST_US);
      if (!take_turn (&theirs, &spent_by_peer, error))
        return FALSE;
    }
  result->seconds = kol_median (ours.seconds);
  result->peak = kol_peak_rate (bench->peak);
  if (peer)
    {
      result->peer = bench->peer;
      result->peer_seconds = kol_median (theirs.seconds);
      result->peer_bytes = bench_peer_get_bytes (peer);
    }
  bench_say_result (bench, result);
  return TRUE;
}

/* ── Graphs ──────────────────────────────────────────────────────────────────────────────────── */

/* A BenchRun: enqueues all, then waits. */
static gboolean
run_graph (gpointer data, guint n, double *seconds, GError **error)
{
  BenchGraph *what = data;
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < n; i++)
    {
      if (what->changing)
        what->changing->version++;
      if (!kol_run_all (what->graph, what->targets, what->n, error))
        return FALSE;
    }
  if (!kol_finish (what->graph, error))
    return FALSE;
  *seconds = (double) (g_get_monotonic_time () - start) / 1e6;
  return TRUE;
}

/*
 * The operations of all convolutions and products that a run needs, counted as
 * the formula has them, whatever way they are computed: a multiplication and an
 * addition are two.
 */
static double
count_operations (const BenchGraph *what)
{
  GPtrArray *nodes = what->graph->nodes;
  g_autofree gboolean *counted = g_new0 (gboolean, nodes->len);
  double total = 0;

  for (guint t = 0; t < what->n; t++)
    {
      g_autofree guint8 *needed = kol_graph_mark_ancestors (what->targets[t]);
      for (guint id = 0; id < nodes->len; id++)
        {
          const KolNode *node = g_ptr_array_index (nodes, id);
          gboolean product = g_str_has_prefix (node->op->name, "conv2d")
                             || g_str_has_prefix (node->op->name, "matmul");
          if (product && needed[id] && !counted[id] && node->op->flops)
            total += node->op->flops (node);
          counted[id] = counted[id] || needed[id];
        }
    }
  return total;
}

gboolean
bench_measure_graph (Bench *bench, const BenchGraph *what, BenchResult *result, GError **error)
{
  g_autoptr (BenchPeer) peer = NULL;

  if (!kol_prepare (what->graph, what->targets, what->n, error)
      || !kol_peak_bytes (what->graph, what->targets, what->n, &result->bytes, error))
    return FALSE;
  result->flops = count_operations (what);
  if (bench->peer && what->mode && !bench_peer_start (bench, result, what->mode, &peer, error))
    return FALSE;
  return bench_measure (bench, run_graph, (gpointer) what, peer, result, error);
}
