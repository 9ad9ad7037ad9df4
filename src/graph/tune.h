/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "graph.h"

G_BEGIN_DECLS

/**
 * KolTuner:
 *
 * Measures the usual work of all operations that can be computed in several ways, a piece at a
 * time, so that later the fastest way is known at once.
 */
typedef struct _KolTuner KolTuner;

KOL_API KolTuner *kol_tuner_new (KolDevice *device);
KOL_API void kol_tuner_free (KolTuner *tuner);
KOL_API guint kol_tuner_count (const KolTuner *tuner, guint *done);
KOL_API const char *kol_tuner_next (KolTuner *tuner, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolTuner, kol_tuner_free)

G_END_DECLS
