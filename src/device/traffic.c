/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * How fast the device's memory is: a copy, which reads and writes, and a sum, which reads only, of
 * more than caches hold. Operations that compute little per number cannot be faster.
 */

#include "speed-private.h"

#include <math.h>

#include "program-private.h"

#define PIECE 64            /* strips are so many floats, or a multiple: see bench.cl */
#define STRIPS_PER_UNIT 8   /* on a CPU, where an item walks a strip */
#define ITEMS_PER_UNIT 2048 /* on a GPU, where neighbouring items read neighbouring floats */
#define GPU_GROUP 64

struct _KolTraffic {
  KolDevice *device;
  KolQueue *queue;
  KolBuffer *x, *y, *sums;
  gsize count, strip, items;
};

void
kol_traffic_free (KolTraffic *traffic)
{
  if (!traffic)
    return;
  g_clear_pointer (&traffic->x, kol_buffer_unref);
  g_clear_pointer (&traffic->y, kol_buffer_unref);
  g_clear_pointer (&traffic->sums, kol_buffer_unref);
  g_clear_pointer (&traffic->queue, kol_queue_unref);
  g_free (traffic);
}

static gsize
round_up (gsize n, gsize to)
{
  return (n + to - 1) / to * to;
}

/* x is all ones, y all zeros. */
static gboolean
fill (KolTraffic *traffic, KolDevice *device, gsize count, GError **error)
{
  gsize units = MAX (device->info.compute_units, 1);

  traffic->device = device;
  traffic->count = round_up (count, PIECE);
  traffic->strip = round_up (traffic->count / (STRIPS_PER_UNIT * units) + 1, PIECE);
  traffic->items = device->simd ? (traffic->count + traffic->strip - 1) / traffic->strip
                                : ITEMS_PER_UNIT * units;
  return (traffic->queue = kol_queue_new (device, error))
         && (traffic->x = kol_buffer_new (device, traffic->count * sizeof (float), error))
         && (traffic->y = kol_buffer_new (device, traffic->count * sizeof (float), error))
         && (traffic->sums = kol_buffer_new (device, traffic->items * sizeof (float), error))
         && kol_queue_fill (traffic->queue, traffic->x, 1, error)
         && kol_queue_fill (traffic->queue, traffic->y, 0, error);
}

KolTraffic *
kol_traffic_new (KolDevice *device, gsize count, GError **error)
{
  g_autoptr (KolTraffic) traffic = g_new0 (KolTraffic, 1);

  return fill (traffic, device, count, error) ? g_steal_pointer (&traffic) : NULL;
}

gsize
kol_traffic_get_count (const KolTraffic *traffic)
{
  return traffic->count;
}

/* @kernel from @from to @to, @n times. */
static gboolean
launch (KolTraffic *traffic, const char *kernel, KolBuffer *from, KolBuffer *to, guint n,
        double *seconds, GError **error)
{
  const KolCall call = { .program = "bench",
                         .kernel = kernel,
                         .options = "-DLANES=1 -DCHAINS=1",
                         .global = { traffic->items },
                         .local = { traffic->device->simd ? 1 : GPU_GROUP } };
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < n; i++)
    if (!kol_queue_launch (traffic->queue, &call,
                           KOL_ARGS (KOL_BUFFER (from), KOL_BUFFER (to), KOL_INT (traffic->count),
                                     KOL_INT (traffic->strip)),
                           error))
      return FALSE;
  if (!kol_queue_finish (traffic->queue, error))
    return FALSE;
  *seconds = (double) (g_get_monotonic_time () - start) / 1e6;
  return TRUE;
}

gboolean
kol_traffic_copy (KolTraffic *traffic, guint n, double *seconds, GError **error)
{
  return launch (traffic, "bench_copy", traffic->x, traffic->y, n, seconds, error);
}

gboolean
kol_traffic_sum (KolTraffic *traffic, guint n, double *seconds, GError **error)
{
  return launch (traffic, "bench_sum", traffic->y, traffic->sums, n, seconds, error);
}

/* The copy's sum is the number of its ones. */
gboolean
kol_traffic_check (KolTraffic *traffic, GError **error)
{
  g_autofree float *sums = g_new (float, traffic->items);
  double total = 0;

  if (!kol_queue_read (traffic->queue, traffic->sums, 0, sums, traffic->items * sizeof (float),
                       error))
    return FALSE;
  for (gsize i = 0; i < traffic->items; i++)
    total += (double) sums[i];
  if (fabs (total / (double) traffic->count - 1) < 1e-6)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
               "The device copies or adds wrongly: the sum of %zu ones came out as %.0f; "
               "`kolinsky verify` says more",
               traffic->count, total);
  return FALSE;
}
