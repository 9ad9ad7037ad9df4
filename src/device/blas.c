/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "blas-private.h"

#include "queue-private.h"
#include "tuning-private.h"

#include <clblast_c.h>
#include <string.h>

/* CLBlast 1.5.3 races in its program cache, so one call at a time, whatever the device. */
static GMutex clblast_lock;
static gboolean clblast_used; /* something is in its cache */

static const char *
status_hint (CLBlastStatusCode status)
{
  switch (status)
    {
    case CLBlastInvalidMatrixA:
    case CLBlastInsufficientMemoryA:
      return "matrix A does not fit its buffer";
    case CLBlastInvalidMatrixB:
    case CLBlastInsufficientMemoryB:
      return "matrix B does not fit its buffer";
    case CLBlastInvalidMatrixC:
    case CLBlastInsufficientMemoryC:
      return "matrix C does not fit its buffer";
    case CLBlastInvalidDimension:
    case CLBlastInvalidBatchCount:
      return "a dimension is 0";
    case CLBlastInvalidLeadDimA:
    case CLBlastInvalidLeadDimB:
    case CLBlastInvalidLeadDimC:
      return "a row is longer than its distance to the next";
    case CLBlastInvalidLocalMemUsage:
      return "the device has too little local memory";
    default:
      /* From 0 to -1001 it speaks OpenCL. */
      return status > -1002 ? kol_cl_error_name ((cl_int) status) : "internal error";
    }
}

static CLBlastTranspose
transpose (gboolean yes)
{
  return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

/* ── Parameters ─────────────────────────────────────────────────────────────────────────────── */

#define DEFAULT "default"  /* CLBlast's own for the device */
#define MOST_PARAMETERS 16 /* of a kernel */
#define MOST_SETS 8        /* of a kernel's parameters, the default among them */
#define RUNS 5             /* of a measurement, after the first; the shortest counts */

/* A kernel of CLBlast's products, with sets of parameters that are likely to be good somewhere. */
typedef struct {
  const char *kernel;
  const char *parameters[MOST_PARAMETERS];
  struct {
    const char *name;
    gsize values[MOST_PARAMETERS];
  } sets[MOST_SETS];
} Kernel;

/* Large products: tiles of MWG x NWG sums, by MDIMC x NDIMC items. The sets are named so. */
static const Kernel large = {
  "Xgemm",
  { "GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB", "NDIMC", "NWG", "SA", "SB",
    "STRM", "STRN", "VWM", "VWN" },
  { { DEFAULT, { 0 } },
    { "64x64-4x4", { 0, 1, 16, 2, 4, 4, 64, 4, 4, 64, 0, 0, 0, 0, 8, 8 } },
    { "64x64-8x8", { 0, 1, 16, 2, 8, 8, 64, 8, 8, 64, 0, 0, 0, 0, 4, 4 } },
    { "64x64-8x8-local", { 0, 1, 32, 2, 8, 8, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4 } },
    { "128x64-8x8-local", { 0, 1, 16, 2, 8, 8, 128, 8, 8, 64, 1, 1, 0, 0, 4, 4 } },
    { "64x64-16x16-local", { 0, 1, 32, 2, 16, 16, 64, 16, 16, 64, 1, 1, 0, 0, 4, 4 } },
    { "128x128-16x16-local", { 0, 1, 16, 2, 16, 16, 128, 16, 16, 128, 1, 1, 0, 0, 4, 4 } } }
};

/* Small products, which are not copied into shape first: tiles of WGD x WGD sums. */
static const Kernel small
    = { "XgemmDirect",
        { "KWID", "MDIMAD", "MDIMCD", "NDIMBD", "NDIMCD", "PADA", "PADB", "VWMD", "VWND", "WGD" },
        { { DEFAULT, { 0 } },
          { "32-4x4", { 2, 4, 4, 4, 4, 1, 1, 4, 4, 32 } },
          { "32-8x8", { 2, 8, 8, 8, 8, 1, 1, 4, 4, 32 } },
          { "64-8x8", { 2, 8, 8, 8, 8, 1, 1, 4, 4, 64 } },
          { "64-16x16", { 2, 16, 16, 16, 16, 1, 1, 4, 4, 64 } } } };

/* Which of the two computes a product: the large one from that side of a cube on. */
static const Kernel routine = { "GemmRoutine",
                                { "XGEMM_MIN_INDIRECT_SIZE" },
                                { { DEFAULT, { 0 } },
                                  { "256", { 256 } },
                                  { "512", { 512 } },
                                  { "1024", { 1024 } },
                                  { "always", { 1 } },
                                  { "never", { 1 << 20 } } } };
enum { ROUTINE_MEASURED = 4, ROUTINE_ALWAYS = 4, ROUTINE_NEVER };

static guint
sets_of (const Kernel *kernel)
{
  guint n = 0;

  while (n < MOST_SETS && kernel->sets[n].name)
    n++;
  return n;
}

/* Whether CLBlast takes the set; it compiles with it when a product is next wanted. */
static gboolean
override (KolDevice *device, const Kernel *kernel, guint set)
{
  const char *names[MOST_PARAMETERS];
  gsize n = 0;

  for (; n < MOST_PARAMETERS && kernel->parameters[n]; n++)
    names[n] = kernel->parameters[n];
  return CLBlastOverrideParameters (device->id, kernel->kernel, CLBlastPrecisionSingle, n, names,
                                    kernel->sets[set].values)
         == CLBlastSuccess;
}

static char *
choice_key (const Kernel *kernel)
{
  return g_strconcat ("CLBlast's ", kernel->kernel, NULL);
}

/* With the lock held: what was found out by kol_blas_tune(), if it was, at the first product. */
static void
use_remembered (KolDevice *device)
{
  const Kernel *kernels[] = { &large, &small, &routine };

  if (device->blas_ready)
    return;
  device->blas_ready = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (kernels); i++)
    {
      g_autofree char *key = choice_key (kernels[i]);
      g_autofree char *chosen = kol_tuning_lookup (device->tuning, key);

      for (guint set = 1; chosen && set < sets_of (kernels[i]); set++)
        if (g_str_equal (chosen, kernels[i]->sets[set].name))
          override (device, kernels[i], set);
    }
}

/* ── Products ───────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_blas_gemm (KolQueue *queue, gboolean transpose_a, gboolean transpose_b, gsize m, gsize n,
               gsize k, KolBuffer *a, gsize lda, gsize stride_a, KolBuffer *b, gsize ldb,
               gsize stride_b, KolBuffer *c, gsize ldc, gsize stride_c, gsize batch, GError **error)
{
  CLBlastStatusCode status;
  cl_event event = NULL;

  g_return_val_if_fail (queue, FALSE);
  if (queue->mode == KOL_QUEUE_COLLECT)
    return TRUE; /* CLBlast has programs of its own */
  g_return_val_if_fail (a && b && c, FALSE);

  if (!kol_queue_claim (queue, a, error) || !kol_queue_claim (queue, b, error)
      || !kol_queue_claim (queue, c, error))
    return FALSE;

  g_mutex_lock (&clblast_lock);
  clblast_used = TRUE;
  use_remembered (queue->device);
  if (batch == 1)
    status = CLBlastSgemm (CLBlastLayoutRowMajor, transpose (transpose_a), transpose (transpose_b),
                           m, n, k, 1.0f, a->mem, 0, lda, b->mem, 0, ldb, 0.0f, c->mem, 0, ldc,
                           &queue->handle, kol_queue_event_slot (queue, &event));
  else
    status = CLBlastSgemmStridedBatched (
        CLBlastLayoutRowMajor, transpose (transpose_a), transpose (transpose_b), m, n, k, 1.0f,
        a->mem, 0, lda, stride_a, b->mem, 0, ldb, stride_b, 0.0f, c->mem, 0, ldc, stride_c, batch,
        &queue->handle, kol_queue_event_slot (queue, &event));
  g_mutex_unlock (&clblast_lock);

  if (status != CLBlastSuccess)
    {
      g_set_error (error, KOL_ERROR,
                   status == CLBlastTempBufferAllocFailure ? KOL_ERROR_MEMORY : KOL_ERROR_DEVICE,
                   "CLBlast's product of %" G_GSIZE_FORMAT "x%" G_GSIZE_FORMAT
                   " and %" G_GSIZE_FORMAT "x%" G_GSIZE_FORMAT " (batch %" G_GSIZE_FORMAT
                   ") failed on %s: status %d, %s; KOLINSKY_VARIANT=matmul=plain avoids CLBlast",
                   m, k, k, n, batch, queue->device->info.name, (int) status, status_hint (status));
      return FALSE;
    }
  kol_queue_note_event (queue, event, batch == 1 ? "clblast_gemm" : "clblast_gemm_batched", 0);
  return TRUE;
}

/* ── Tuning ─────────────────────────────────────────────────────────────────────────────────── */

#define LARGE_SIDE 1024
#define SMALL_SIDE 256

/* What is measured: the product of two squares. */
typedef struct {
  KolQueue *queue;
  KolBuffer *a, *b, *c;
} Trial;

static void
trial_clear (Trial *trial)
{
  g_clear_pointer (&trial->c, kol_buffer_unref);
  g_clear_pointer (&trial->b, kol_buffer_unref);
  g_clear_pointer (&trial->a, kol_buffer_unref);
  g_clear_pointer (&trial->queue, kol_queue_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Trial, trial_clear)

#define A_MODULUS 11
#define B_MODULUS 13

/* Whole numbers that are small enough for exact sums. */
static float
number_at (gsize i, guint modulus)
{
  return (float) (i * 7919 % modulus) - (float) (modulus / 2);
}

static gboolean
trial_fill (Trial *trial, GError **error)
{
  const gsize count = LARGE_SIDE * LARGE_SIDE;
  g_autofree float *a = g_new (float, count), *b = g_new (float, count);

  for (gsize i = 0; i < count; i++)
    {
      a[i] = number_at (i, A_MODULUS);
      b[i] = number_at (i, B_MODULUS);
    }
  return kol_queue_write (trial->queue, trial->a, 0, a, count * sizeof (float), error)
         && kol_queue_write (trial->queue, trial->b, 0, b, count * sizeof (float), error);
}

static gboolean
trial_init (Trial *trial, KolDevice *device, GError **error)
{
  const gsize bytes = LARGE_SIDE * LARGE_SIDE * sizeof (float);

  *trial = (Trial){ 0 };
  return (trial->queue = kol_queue_new (device, error))
         && (trial->a = kol_buffer_new (device, bytes, error))
         && (trial->b = kol_buffer_new (device, bytes, error))
         && (trial->c = kol_buffer_new (device, bytes, error)) && trial_fill (trial, error);
}

/* Whether some rows of the product, all of each, are right. */
static gboolean
trial_is_right (Trial *trial, gsize side)
{
  const gsize rows[] = { 0, 1, side / 2 + 3, side - 1 };
  g_autofree float *c = g_new (float, side);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (!kol_queue_read (trial->queue, trial->c, rows[i] * side * sizeof (float), c,
                           side * sizeof (float), NULL))
        return FALSE;
      for (gsize n = 0; n < side; n++)
        {
          float sum = 0;

          for (gsize k = 0; k < side; k++)
            sum += number_at (rows[i] * side + k, A_MODULUS) * number_at (k * side + n, B_MODULUS);
          if (c[n] != sum)
            return FALSE;
        }
    }
  return TRUE;
}

/* Seconds of a product of two squares; 0 where the device cannot compute it so. */
static double
trial_run (Trial *trial, gsize side)
{
  double best = 0;

  for (int i = 0; i <= RUNS; i++)
    {
      gint64 start = g_get_monotonic_time ();
      if (!kol_blas_gemm (trial->queue, FALSE, FALSE, side, side, side, trial->a, side, 0, trial->b,
                          side, 0, trial->c, side, 0, 1, NULL)
          || !kol_queue_finish (trial->queue, NULL))
        return 0;
      double seconds = 1e-6 * (double) MAX (g_get_monotonic_time () - start, 1);
      if (i > 0 && (best == 0 || seconds < best))
        best = seconds;
    }
  return trial_is_right (trial, side) ? best : 0;
}

/* From now on, as far as CLBlast takes it. */
static gboolean
use (KolDevice *device, const Kernel *kernel, guint set)
{
  g_mutex_lock (&clblast_lock);
  gboolean taken = override (device, kernel, set);
  g_mutex_unlock (&clblast_lock);
  return taken;
}

/* Measures all sets of a kernel but the default, and leaves the best in use. 0: there is none. */
static guint
tune_kernel (Trial *trial, const Kernel *kernel, guint used_by, gsize side, double *seconds)
{
  KolDevice *device = trial->queue->device;
  guint best = 0;

  use (device, &routine, used_by);
  for (guint set = 1; set < sets_of (kernel); set++)
    {
      seconds[set] = use (device, kernel, set) ? trial_run (trial, side) : 0;
      if (seconds[set] > 0 && (!best || seconds[set] < seconds[best]))
        best = set;
    }
  if (best)
    use (device, kernel, best);
  return best;
}

/* From which side on the large products' kernel is the faster one. */
static guint
tune_routine (Trial *trial, double *seconds)
{
  KolDevice *device = trial->queue->device;
  guint best = ROUTINE_MEASURED - 1;

  for (guint set = ROUTINE_MEASURED - 1; set > 0; set--)
    {
      gsize side = routine.sets[set].values[0];

      use (device, &routine, ROUTINE_NEVER);
      double direct = trial_run (trial, side);
      use (device, &routine, ROUTINE_ALWAYS);
      seconds[set] = trial_run (trial, side);
      if (seconds[set] > 0 && (direct == 0 || seconds[set] < direct))
        best = set;
    }
  use (device, &routine, best);
  return best;
}

/* Remembers the best of what was measured; whether it is not CLBlast's own. */
static gboolean
remember (KolDevice *device, const Kernel *kernel, const double *seconds, guint n, guint best)
{
  const char *names[MOST_SETS];
  g_autofree char *key = choice_key (kernel);
  gboolean better = best > 0 && (seconds[0] <= 0 || seconds[best] < seconds[0]);

  for (guint set = 0; set < n; set++)
    names[set] = kernel->sets[set].name;
  kol_tuning_store (device->tuning, key, names, seconds, n, better ? best : 0);
  return better;
}

gboolean
kol_blas_tune (KolDevice *device, gboolean *changed, GError **error)
{
  g_auto (Trial) trial = { 0 };
  double large_seconds[MOST_SETS] = { 0 }, small_seconds[MOST_SETS] = { 0 };
  double routine_seconds[MOST_SETS] = { 0 };

  g_return_val_if_fail (device && changed, FALSE);
  *changed = FALSE;
  if (!trial_init (&trial, device, error))
    return FALSE;

  large_seconds[0] = trial_run (&trial, LARGE_SIDE);
  small_seconds[0] = trial_run (&trial, SMALL_SIDE);
  guint for_large = tune_kernel (&trial, &large, ROUTINE_ALWAYS, LARGE_SIDE, large_seconds);
  guint for_small = tune_kernel (&trial, &small, ROUTINE_NEVER, SMALL_SIDE, small_seconds);
  gboolean larger = remember (device, &large, large_seconds, sets_of (&large), for_large);
  gboolean smaller = remember (device, &small, small_seconds, sets_of (&small), for_small);
  *changed = larger || smaller;
  if (larger && smaller) /* else one of the two would not be measured as it will be used */
    {
      guint from = tune_routine (&trial, routine_seconds);

      remember (device, &routine, routine_seconds, ROUTINE_MEASURED, from);
    }
  return TRUE;
}

gboolean
kol_blas_is_tuned (KolDevice *device)
{
  g_autofree char *key = choice_key (&large);
  g_autofree char *chosen = kol_tuning_lookup (device->tuning, key);

  return chosen != NULL;
}

void
kol_blas_clear (void)
{
  g_mutex_lock (&clblast_lock);
  if (clblast_used)
    CLBlastClearCache ();
  clblast_used = FALSE;
  g_mutex_unlock (&clblast_lock);
}
