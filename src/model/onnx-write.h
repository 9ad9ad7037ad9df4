/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph.h"

G_BEGIN_DECLS

KOL_API gboolean kol_onnx_save (const char *path, KolValue *const *outputs, guint n_outputs,
                                GError **error);
KOL_API gboolean kol_onnx_save_any_size (const char *path, KolValue *const *outputs,
                                         guint n_outputs, GError **error);

G_END_DECLS
