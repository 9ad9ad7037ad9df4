/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/graph.h"
#include "catalogue.h"
#include "onnx.h"

G_BEGIN_DECLS

/**
 * KolModel:
 *
 * A pretrained network that takes pictures, with all that is known of it. Used by one
 * thread at a time.
 */
typedef struct _KolModel KolModel;

/**
 * KolModelValues:
 * @x: the pictures [N, C, H, W], prepared; a placeholder
 * @output: what the network gives: scores [N, classes], or features
 *
 * The values of a model in one graph.
 */
typedef struct {
  KolValue *x;
  KolValue *output;
} KolModelValues;

KOL_API KolModel *kol_model_open (const char *name_or_path, GError **error);
KOL_API void kol_model_free (KolModel *model);
KOL_API char *kol_model_find_default (void);

KOL_API const KolModelEntry *kol_model_get_entry (const KolModel *model);
KOL_API const KolPreprocess *kol_model_get_picture (const KolModel *model);
KOL_API char **kol_model_get_classes (const KolModel *model);
KOL_API gsize kol_model_get_batch (const KolModel *model);
KOL_API KolShape kol_model_get_shape (const KolModel *model, gsize batch);

KOL_API gboolean kol_model_build (KolModel *model, KolGraph *graph, KolShape shape,
                                  KolModelValues *values, GError **error);
KOL_API KolValue *kol_model_build_upon (KolModel *model, KolValue *x, GError **error);
KOL_API KolOnnx *kol_model_get_onnx (const KolModel *model);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolModel, kol_model_free)

G_END_DECLS
