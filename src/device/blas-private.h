/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "buffer-private.h"

G_BEGIN_DECLS

/*
 * C = A B through CLBlast, row-major, batched with constant strides (in
 * elements). Calls are serialized in the process: CLBlast 1.5.3's program
 * cache is not safe for two threads.
 */
gboolean kol_blas_gemm (KolQueue *queue, gboolean transpose_a, gboolean transpose_b, gsize m,
                        gsize n, gsize k, KolBuffer *a, gsize lda, gsize stride_a, KolBuffer *b,
                        gsize ldb, gsize stride_b, KolBuffer *c, gsize ldc, gsize stride_c,
                        gsize batch, GError **error);
/*
 * Measures CLBlast with other parameters than those that it has for the device, by its own
 * interface for that, and remembers the best, which are used from a process's first product on.
 * @changed: whether others than its own are. To be called once for a device, and last in a process:
 * its own parameters cannot be put back.
 */
gboolean kol_blas_tune (KolDevice *device, gboolean *changed, GError **error);
gboolean kol_blas_is_tuned (KolDevice *device);
/* Drops CLBlast's compiled programs; before the last context goes. */
void kol_blas_clear (void);

G_END_DECLS
