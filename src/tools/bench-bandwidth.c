/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* How fast the device's memory is: a copy and a sum of more than caches hold. */

#include "bench-private.h"
#include "tool-private.h"

#define COUNT (1 << 26) /* floats, 256 MiB */

static gboolean
run_copy (gpointer data, guint n, double *seconds, GError **error)
{
  return kol_traffic_copy (data, n, seconds, error);
}

static gboolean
run_sum (gpointer data, guint n, double *seconds, GError **error)
{
  return kol_traffic_sum (data, n, seconds, error);
}

gboolean
bench_bandwidth (Bench *bench, GError **error)
{
  gint64 count = COUNT;

  if (bench->shape)
    bench_parse_shape (bench->shape, 1, &count);
  g_autoptr (KolTraffic) traffic = kol_traffic_new (bench->device, (gsize) count, error);
  if (!traffic)
    return FALSE;
  count = (gint64) kol_traffic_get_count (traffic);
  const guint64 bytes = (guint64) count * sizeof (float);

  BenchResult *copy = bench_add_result (bench, "bandwidth", bench_shape_text (1, &count), "copy");
  copy->bytes = 2 * bytes;
  if (!bench_measure (bench, run_copy, traffic, NULL, copy, error))
    return FALSE;
  BenchResult *sum = bench_add_result (bench, "bandwidth", bench_shape_text (1, &count), "sum");
  sum->bytes = bytes;
  return bench_measure (bench, run_sum, traffic, NULL, sum, error)
         && kol_traffic_check (traffic, error);
}
