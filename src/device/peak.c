/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "speed-private.h"

#include "program-private.h"

/* As STEPS in kernels/bench.cl. */
#define STEPS 8

#define SAMPLES 3 /* of each mix; the best one is sampled again while a work is measured */
#define SAMPLE_SECONDS 0.03
#define FIRST_ROUNDS 1000
#define MOST_ROUNDS (1 << 26)

/* How the work is laid out: vectors of @lanes floats, @chains of them in flight, in @items. */
typedef struct {
  guint lanes;
  guint chains;
  gsize items;
  int rounds; /* of STEPS steps of each chain */
} Mix;

struct _KolPeak {
  KolDevice *device;
  KolQueue *queue;
  gsize items;
  KolBuffer *result;     /* a float per work-item */
  double sample_seconds; /* that a launch is to take */
  Mix mix;
  GArray *seconds; /* of each sample */
};

void
kol_peak_free (KolPeak *peak)
{
  if (!peak)
    return;
  g_clear_pointer (&peak->seconds, g_array_unref);
  g_clear_pointer (&peak->result, kol_buffer_unref);
  g_clear_pointer (&peak->queue, kol_queue_unref);
  g_free (peak);
}

static double
mix_flops (const Mix *mix)
{
  return 2.0 * mix->lanes * mix->chains * STEPS * mix->rounds * (double) mix->items;
}

static gboolean
launch (KolPeak *peak, const Mix *mix, double *seconds, GError **error)
{
  g_autofree char *options = g_strdup_printf ("-DLANES=%u -DCHAINS=%u", mix->lanes, mix->chains);
  const KolCall call = { .program = "bench",
                         .kernel = "bench_peak",
                         .options = options,
                         .global = { mix->items },
                         .local = { peak->device->simd ? 1 : 0 } };
  gint64 start = g_get_monotonic_time ();

  if (!kol_queue_launch (peak->queue, &call,
                         KOL_ARGS (KOL_BUFFER (peak->result), KOL_INT (mix->rounds),
                                   KOL_FLOAT (0.5), KOL_FLOAT (0.5)),
                         error)
      || !kol_queue_finish (peak->queue, error))
    return FALSE;
  *seconds = (double) (g_get_monotonic_time () - start) / 1e6;
  return TRUE;
}

/* Every chain has run into 1, so that an item's sum is the number of its chains' elements. */
static gboolean
check (KolPeak *peak, const Mix *mix, GError **error)
{
  g_autofree float *values = g_new (float, mix->items);
  float expected = (float) (mix->lanes * mix->chains);

  if (!kol_queue_read (peak->queue, peak->result, 0, values, mix->items * sizeof (float), error))
    return FALSE;
  for (gsize i = 0; i < mix->items; i++)
    if (values[i] != expected)
      {
        g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
                     "The device computes wrongly: a sum that is %g came out as %g; "
                     "`kolinsky verify` says more",
                     (double) expected, (double) values[i]);
        return FALSE;
      }
  return TRUE;
}

/* Sets the rounds for which a launch takes long enough to be timed. */
static gboolean
choose_rounds (KolPeak *peak, Mix *mix, GError **error)
{
  double seconds;

  mix->rounds = FIRST_ROUNDS;
  if (!launch (peak, mix, &seconds, error)) /* compiles */
    return FALSE;
  for (int attempt = 0; attempt < 3; attempt++)
    {
      if (!launch (peak, mix, &seconds, error))
        return FALSE;
      double wanted = mix->rounds * peak->sample_seconds / MAX (seconds, 1e-6);
      mix->rounds = (int) CLAMP (wanted, 100, MOST_ROUNDS);
    }
  return TRUE;
}

/* Measures @mix, and keeps it with its samples if it is better than what was there. */
static gboolean
try_mix (KolPeak *peak, Mix mix, GError **error)
{
  g_autoptr (GArray) seconds = g_array_new (FALSE, FALSE, sizeof (double));

  if (!choose_rounds (peak, &mix, error))
    return FALSE;
  for (int i = 0; i < SAMPLES; i++)
    {
      double time;
      if (!launch (peak, &mix, &time, error))
        return FALSE;
      g_array_append_val (seconds, time);
    }
  if (!check (peak, &mix, error))
    return FALSE;
  if (peak->seconds && mix_flops (&mix) / kol_median (seconds) <= kol_peak_rate (peak))
    return TRUE;
  g_clear_pointer (&peak->seconds, g_array_unref);
  peak->seconds = g_steal_pointer (&seconds);
  peak->mix = mix;
  return TRUE;
}

KolPeak *
kol_peak_new (KolDevice *device, double seconds, GError **error)
{
  gsize units = MAX (device->info.compute_units, 1);
  g_autoptr (KolPeak) peak = g_new0 (KolPeak, 1);

  peak->device = device;
  peak->items = device->simd ? 4 * units : 4096 * units;
  peak->sample_seconds = MIN (SAMPLE_SECONDS, seconds / 10);
  peak->queue = kol_queue_new (device, error);
  peak->result = peak->queue ? kol_buffer_new (device, peak->items * sizeof (float), error) : NULL;
  return peak->result ? g_steal_pointer (&peak) : NULL;
}

/*
 * How many vectors in flight keep the units busy without running out of registers differs from
 * chip to chip, so several numbers are tried; and, as KOL_WIDTH may have been forced, vectors
 * twice as wide.
 */
static const guint chains[] = { 6, 8, 12, 16, 20, 24 };

guint
kol_peak_count_mixes (const KolPeak *peak)
{
  gboolean wider = peak->device->simd && peak->device->info.vector_width <= 8;

  return (wider ? 2 : 1) * G_N_ELEMENTS (chains);
}

gboolean
kol_peak_try_mix (KolPeak *peak, guint n, GError **error)
{
  guint width = peak->device->simd ? peak->device->info.vector_width : 1;
  guint lanes = width << (n / G_N_ELEMENTS (chains));

  return try_mix (peak, (Mix){ lanes, chains[n % G_N_ELEMENTS (chains)], peak->items, 0 }, error);
}

void
kol_peak_restart (KolPeak *peak)
{
  g_array_set_size (peak->seconds, 0);
}

gboolean
kol_peak_sample (KolPeak *peak, GError **error)
{
  double seconds;

  if (!launch (peak, &peak->mix, &seconds, error))
    return FALSE;
  g_array_append_val (peak->seconds, seconds);
  return TRUE;
}

double
kol_peak_rate (KolPeak *peak)
{
  return mix_flops (&peak->mix) / kol_median (peak->seconds);
}

double
kol_peak_seconds (KolPeak *peak)
{
  return kol_median (peak->seconds);
}

char *
kol_peak_describe (const KolPeak *peak, gsize *items, double *flops, guint64 *bytes)
{
  *items = peak->mix.items;
  *flops = mix_flops (&peak->mix);
  *bytes = peak->result->bytes;
  return g_strdup_printf ("float%u x %u", peak->mix.lanes, peak->mix.chains);
}
