/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * How fast the device's memory is: a copy, which reads and writes, and a sum,
 * which reads only, of more than caches hold. Operations that compute little per
 * number cannot be faster.
 */

#include "bench-private.h"
#include "tool-private.h"

#include "../device/program-private.h"

#include <math.h>

#define COUNT (1 << 26)     /* floats, 256 MiB */
#define PIECE 64            /* strips are so many floats, or a multiple: see bench.cl */
#define STRIPS_PER_UNIT 8   /* on a CPU, where an item walks a strip */
#define ITEMS_PER_UNIT 2048 /* on a GPU, where neighbouring items read neighbouring floats */
#define GPU_GROUP 64

typedef struct {
  KolDevice *device;
  KolQueue *queue;
  KolBuffer *x, *y, *sums;
  gsize count, strip, items;
} Memory;

static void
memory_clear (Memory *memory)
{
  g_clear_pointer (&memory->x, kol_buffer_unref);
  g_clear_pointer (&memory->y, kol_buffer_unref);
  g_clear_pointer (&memory->sums, kol_buffer_unref);
  g_clear_pointer (&memory->queue, kol_queue_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Memory, memory_clear)

static gsize
round_up (gsize n, gsize to)
{
  return (n + to - 1) / to * to;
}

/* x is all ones, y all zeros. */
static gboolean
memory_init (Memory *memory, KolDevice *device, gsize count, GError **error)
{
  gsize units = MAX (device->info.compute_units, 1);

  memory->device = device;
  memory->count = round_up (count, PIECE);
  memory->strip = round_up (memory->count / (STRIPS_PER_UNIT * units) + 1, PIECE);
  memory->items
      = device->simd ? (memory->count + memory->strip - 1) / memory->strip : ITEMS_PER_UNIT * units;
  return (memory->queue = kol_queue_new (device, error))
         && (memory->x = kol_buffer_new (device, memory->count * sizeof (float), error))
         && (memory->y = kol_buffer_new (device, memory->count * sizeof (float), error))
         && (memory->sums = kol_buffer_new (device, memory->items * sizeof (float), error))
         && kol_queue_fill (memory->queue, memory->x, 1, error)
         && kol_queue_fill (memory->queue, memory->y, 0, error);
}

/* A BenchRun without a clock: @kernel from @from to @to, @n times. */
static gboolean
launch (Memory *memory, const char *kernel, KolBuffer *from, KolBuffer *to, guint n,
        double *seconds, GError **error)
{
  const KolCall call = { .program = "bench",
                         .kernel = kernel,
                         .options = "-DLANES=1 -DCHAINS=1",
                         .global = { memory->items },
                         .local = { memory->device->simd ? 1 : GPU_GROUP } };
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < n; i++)
    if (!kol_queue_launch (memory->queue, &call,
                           KOL_ARGS (KOL_BUFFER (from), KOL_BUFFER (to), KOL_INT (memory->count),
                                     KOL_INT (memory->strip)),
                           error))
      return FALSE;
  if (!kol_queue_finish (memory->queue, error))
    return FALSE;
  *seconds = (double) (g_get_monotonic_time () - start) / 1e6;
  return TRUE;
}

static gboolean
run_copy (gpointer data, guint n, double *seconds, GError **error)
{
  Memory *memory = data;

  return launch (memory, "bench_copy", memory->x, memory->y, n, seconds, error);
}

/* Of the copy, so that it shows whether that was whole. */
static gboolean
run_sum (gpointer data, guint n, double *seconds, GError **error)
{
  Memory *memory = data;

  return launch (memory, "bench_sum", memory->y, memory->sums, n, seconds, error);
}

/* The copy's sum is the number of its ones. */
static gboolean
check (Memory *memory, GError **error)
{
  g_autofree float *sums = g_new (float, memory->items);
  double total = 0;

  if (!kol_queue_read (memory->queue, memory->sums, 0, sums, memory->items * sizeof (float), error))
    return FALSE;
  for (gsize i = 0; i < memory->items; i++)
    total += (double) sums[i];
  if (fabs (total / (double) memory->count - 1) < 1e-6)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DEVICE,
               "The device copies or adds wrongly: the sum of %zu ones came out as %.0f; "
               "`kolinsky verify` says more",
               memory->count, total);
  return FALSE;
}

gboolean
bench_bandwidth (Bench *bench, GError **error)
{
  g_auto (Memory) memory = { 0 };
  gint64 count = COUNT;

  if (bench->shape)
    bench_parse_shape (bench->shape, 1, &count);
  if (!memory_init (&memory, bench->device, (gsize) count, error))
    return FALSE;
  count = (gint64) memory.count;

  BenchResult *copy = bench_add_result (bench, "bandwidth", bench_shape_text (1, &count), "copy");
  copy->bytes = 2 * memory.x->bytes;
  if (!bench_measure (bench, run_copy, &memory, NULL, copy, error))
    return FALSE;
  BenchResult *sum = bench_add_result (bench, "bandwidth", bench_shape_text (1, &count), "sum");
  sum->bytes = memory.y->bytes;
  return bench_measure (bench, run_sum, &memory, NULL, sum, error) && check (&memory, error);
}
