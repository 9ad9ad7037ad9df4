/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "blas-private.h"

#include "queue-private.h"

#include <clblast_c.h>

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
  kol_queue_note_event (queue, event, batch == 1 ? "clblast_gemm" : "clblast_gemm_batched");
  return TRUE;
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
