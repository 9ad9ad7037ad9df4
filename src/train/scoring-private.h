/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* A score, computed a batch at a time. */

#include "evaluator.h"

G_BEGIN_DECLS

typedef struct _KolScoring KolScoring;

/* Both must live as long. Between two batches the evaluator may be asked other things. */
KolScoring *kol_scoring_new (KolEvaluator *evaluator, KolDataset *data, GError **error);
void kol_scoring_free (KolScoring *scoring);
/* The next batch. @score: given after the last one, NULL before. */
gboolean kol_scoring_advance (KolScoring *scoring, KolScore **score, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolScoring, kol_scoring_free)

G_END_DECLS
