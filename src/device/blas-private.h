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
/* Drops CLBlast's compiled programs; before the last context goes. */
void kol_blas_clear (void);

G_END_DECLS
