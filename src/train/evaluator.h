/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../model/model.h"
#include "run.h"

G_BEGIN_DECLS

/**
 * KolScore:
 * @count: number of examples
 * @loss: mean loss of an example; for classes the negative log likelihood, in nats
 * @accuracy: 0..1; NaN where there are no classes
 * @classes: number of classes; 0 where there are none
 * @confusion: [classes, classes], rows: the label; columns: the answer; or %NULL
 */
typedef struct {
  gsize count;
  double loss;
  double accuracy;
  guint classes;
  guint *confusion;
} KolScore;

KOL_API void kol_score_free (KolScore *score);

/**
 * KolEvaluator:
 *
 * A network that is asked, and does not learn. Used by one thread at a time.
 */
typedef struct _KolEvaluator KolEvaluator;

KOL_API KolEvaluator *kol_evaluator_new (KolParameters *parameters, KolNetwork network,
                                         gpointer user_data, KolDataset *like, gsize batch,
                                         GError **error);
KOL_API KolEvaluator *kol_evaluator_open (KolDevice *device, const KolRun *run, guint64 step,
                                          GError **error);
KOL_API KolEvaluator *kol_evaluator_open_model (KolDevice *device, KolModel *model, gsize batch,
                                                GError **error);
KOL_API gsize kol_evaluator_usual_batch (const KolDataset *like);
KOL_API void kol_evaluator_free (KolEvaluator *evaluator);
KOL_API KolGraph *kol_evaluator_get_graph (KolEvaluator *evaluator);
KOL_API KolValue *kol_evaluator_get_output (KolEvaluator *evaluator);
KOL_API gsize kol_evaluator_get_outputs (const KolEvaluator *evaluator);

KOL_API gboolean kol_evaluator_prepare (KolEvaluator *evaluator, GError **error);
KOL_API gboolean kol_evaluator_peak_bytes (KolEvaluator *evaluator, guint64 *bytes, GError **error);
KOL_API KolScore *kol_evaluator_score (KolEvaluator *evaluator, KolDataset *data,
                                       GCancellable *cancellable, GError **error);
KOL_API gboolean kol_evaluator_predict (KolEvaluator *evaluator, const float *examples, gsize count,
                                        float *outputs, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolEvaluator, kol_evaluator_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolScore, kol_score_free)

G_END_DECLS
