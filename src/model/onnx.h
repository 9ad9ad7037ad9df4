/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

/**
 * KolOnnx:
 *
 * A network in a file of the ONNX format, <https://onnx.ai>, mapped into memory.
 * Used by one thread at a time.
 */
typedef struct _KolOnnx KolOnnx;

/**
 * KolOnnxInfo:
 * @name: its name, UTF-8
 * @type: the type of its elements, as ONNX calls it: "float", "int64"
 * @rank: number of dimensions, -1 where the file leaves it open
 * @dims: their lengths, -1 where the file leaves one open, as for a batch
 * @fixed: of an input: the network's shape depends on its values, so that
 *   kol_onnx_fix() must give them before it is built
 *
 * What a file says of an input or an output.
 */
typedef struct {
  const char *name;
  const char *type;
  int rank;
  gint64 dims[KOL_MAX_RANK];
  gboolean fixed;
} KolOnnxInfo;

KOL_API KolOnnx *kol_onnx_open (const char *path, GError **error);
KOL_API void kol_onnx_free (KolOnnx *onnx);

KOL_API gint64 kol_onnx_get_opset (const KolOnnx *onnx);
KOL_API const char *kol_onnx_get_producer (const KolOnnx *onnx);
KOL_API guint kol_onnx_get_n_inputs (const KolOnnx *onnx);
KOL_API const KolOnnxInfo *kol_onnx_get_input (const KolOnnx *onnx, guint i);
KOL_API guint kol_onnx_get_n_outputs (const KolOnnx *onnx);
KOL_API const KolOnnxInfo *kol_onnx_get_output (const KolOnnx *onnx, guint i);

KOL_API gboolean kol_onnx_fix (KolOnnx *onnx, guint input, KolShape shape, const double *values,
                               GError **error);
KOL_API gboolean kol_onnx_build (KolOnnx *onnx, KolGraph *graph, const KolShape *shapes,
                                 KolValue **inputs, KolValue **outputs, GError **error);
KOL_API gboolean kol_onnx_build_upon (KolOnnx *onnx, KolValue *const *given, KolValue **outputs,
                                      GError **error);
KOL_API guint kol_onnx_get_n_tensors (const KolOnnx *onnx);
KOL_API const char *kol_onnx_get_tensor (const KolOnnx *onnx, guint i, KolValue **value);
KOL_API const char *kol_onnx_get_tensor_type (const KolOnnx *onnx, guint i);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolOnnx, kol_onnx_free)

G_END_DECLS
