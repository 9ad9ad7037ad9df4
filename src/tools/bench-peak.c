/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "bench-private.h"

#include "../device/program-private.h"

/* As STEPS in kernels/bench.cl. */
#define STEPS 8

#define LAUNCHES 9
#define LAUNCH_SECONDS 0.03
#define FIRST_ROUNDS 1000
#define MOST_ROUNDS (1 << 26)

/* How the work is laid out: vectors of @lanes floats, @chains of them in flight, in @items. */
typedef struct {
  guint lanes;
  guint chains;
  gsize items;
} Mix;

static double
mix_flops (const Mix *mix, int rounds)
{
  return 2.0 * mix->lanes * mix->chains * STEPS * rounds * (double) mix->items;
}

static gboolean
launch (KolQueue *queue, KolBuffer *result, const Mix *mix, int rounds, double *seconds,
        GError **error)
{
  gboolean simd = kol_queue_get_device (queue)->simd;
  g_autofree char *options = g_strdup_printf ("-DLANES=%u -DCHAINS=%u", mix->lanes, mix->chains);
  const KolCall call = { .program = "bench", .kernel = "bench_peak", .options = options,
                         .global = { mix->items }, .local = { simd ? 1 : 0 } };
  gint64 start = g_get_monotonic_time ();

  if (!kol_queue_launch (queue, &call,
                         KOL_ARGS (KOL_BUFFER (result), KOL_INT (rounds), KOL_FLOAT (0.5),
                                   KOL_FLOAT (0.5)),
                         error)
      || !kol_queue_finish (queue, error))
    return FALSE;
  *seconds = (double) (g_get_monotonic_time () - start) / 1e6;
  return TRUE;
}

/* Every chain has run into 1, so that an item's sum is the number of its chains' elements. */
static gboolean
check (KolQueue *queue, KolBuffer *result, const Mix *mix, GError **error)
{
  g_autofree float *values = g_new (float, mix->items);
  float expected = (float) (mix->lanes * mix->chains);

  if (!kol_queue_read (queue, result, 0, values, mix->items * sizeof (float), error))
    return FALSE;
  for (gsize i = 0; i < mix->items; i++)
    if (values[i] != expected)
      {
        g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
                     "The device computes wrongly: a sum that is %g came out as %g; "
                     "`kolinsky verify` says more", (double) expected, (double) values[i]);
        return FALSE;
      }
  return TRUE;
}

/* Rounds for which a launch takes long enough to be timed. */
static gboolean
choose_rounds (KolQueue *queue, KolBuffer *result, const Mix *mix, int *rounds, GError **error)
{
  double seconds;

  *rounds = FIRST_ROUNDS;
  if (!launch (queue, result, mix, *rounds, &seconds, error)) /* compiles */
    return FALSE;
  for (int attempt = 0; attempt < 3; attempt++)
    {
      if (!launch (queue, result, mix, *rounds, &seconds, error))
        return FALSE;
      double wanted = *rounds * LAUNCH_SECONDS / MAX (seconds, 1e-6);
      *rounds = (int) CLAMP (wanted, 100, MOST_ROUNDS);
    }
  return TRUE;
}

static gboolean
measure (KolQueue *queue, KolBuffer *result, const Mix *mix, double *seconds, double *flops,
         GError **error)
{
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (double));
  int rounds;

  if (!choose_rounds (queue, result, mix, &rounds, error))
    return FALSE;
  for (int i = 0; i < LAUNCHES; i++)
    {
      double time;
      if (!launch (queue, result, mix, rounds, &time, error))
        return FALSE;
      g_array_append_val (times, time);
    }
  *seconds = bench_median (times);
  *flops = mix_flops (mix, rounds);
  return check (queue, result, mix, error);
}

static gboolean
try_mix (KolQueue *queue, const Mix *mix, BenchResult *best, GError **error)
{
  double seconds, flops;
  g_autoptr (KolBuffer) result
      = kol_buffer_new (kol_queue_get_device (queue), mix->items * sizeof (float), error);

  if (!result || !measure (queue, result, mix, &seconds, &flops, error))
    return FALSE;
  if (best->variant && flops / seconds <= best->flops / best->seconds)
    return TRUE;
  g_free (best->variant);
  g_free (best->shape);
  best->variant = g_strdup_printf ("float%u x %u", mix->lanes, mix->chains);
  best->shape = g_strdup_printf ("%zu", mix->items);
  best->seconds = seconds;
  best->flops = flops;
  return TRUE;
}

/*
 * How many vectors in flight keep the units busy without running out of
 * registers differs from chip to chip, so several numbers are tried; and, as
 * KOL_WIDTH may have been forced, vectors twice as wide.
 */
gboolean
bench_peak (KolDevice *device, BenchResult *result, GError **error)
{
  static const guint chains[] = { 6, 8, 12, 16, 20, 24 };
  gsize units = MAX (device->info.compute_units, 1);
  guint width = device->simd ? device->info.vector_width : 1;
  guint widest = device->simd ? MIN (2 * width, 16) : 1;
  g_autoptr (KolQueue) queue = kol_queue_new (device, error);

  if (!queue)
    return FALSE;
  result->work = "peak";
  for (guint lanes = width; lanes <= widest; lanes *= 2)
    for (guint i = 0; i < G_N_ELEMENTS (chains); i++)
      {
        Mix mix = { lanes, chains[i], device->simd ? 4 * units : 4096 * units };
        if (!try_mix (queue, &mix, result, error))
          return FALSE;
      }
  return TRUE;
}
