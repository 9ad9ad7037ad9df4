/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "bench-private.h"

/* The work "peak": what was found at the start, sampled for as long as other works are. */
gboolean
bench_peak (Bench *bench, GError **error)
{
  KolPeak *peak = bench->peak;
  gsize items;
  double flops;
  guint64 bytes;
  g_autofree char *variant = kol_peak_describe (peak, &items, &flops, &bytes);
  BenchResult *result = bench_add_result (bench, "peak", g_strdup_printf ("%zu", items), variant);
  gint64 end = g_get_monotonic_time () + (gint64) (bench->seconds * 1e6);

  while (g_get_monotonic_time () < end)
    if (!kol_peak_sample (peak, error))
      return FALSE;
  result->seconds = kol_peak_seconds (peak);
  result->flops = flops;
  result->peak = kol_peak_rate (peak);
  result->bytes = bytes;
  bench_say_result (bench, result);
  return TRUE;
}
