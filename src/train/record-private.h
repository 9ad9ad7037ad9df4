/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a run leaves in its folder as it goes: rows of metrics.csv, TensorBoard's
 * event files. One process at a time writes there, which a lock sees to.
 */

#include "../lock-private.h"
#include "../nn/optimizers.h"
#include "timeline.h"
#include "trainer.h"

G_BEGIN_DECLS

typedef struct _KolRecord KolRecord;

/* Begins, or goes on after step @first with @rows of the timeline (G_MAXUINT: those of steps up to
 * @first); @lock is taken over. NULL with @error set: still the
 * caller's. */
KolRecord *kol_record_new (const char *folder, KolValue *train_step, guint64 first, guint rows,
                           KolLock *lock, GError **error);
void kol_record_free (KolRecord *record);

/* Takes away what a run has logged: its rows and events. */
void kol_record_remove_logs (const char *folder);
const char *kol_record_get_folder (const KolRecord *record);
/* Drops what was logged after @step, and all but the first @rows of the timeline; goes on there. */
gboolean kol_record_return (KolRecord *record, guint64 step, guint rows, GError **error);
/* What has happened; @record counts the rows of the timeline. */
gboolean kol_record_happening (KolRecord *record, const KolTimelineRow *row, GError **error);
guint kol_record_count_happenings (const KolRecord *record);
/* The network learns by another graph, over the same parameters. */
void kol_record_set_step (KolRecord *record, KolValue *train_step);
/* A row for the report's step; @probe: a part of the validation set after it, or NULL; @ratios: per
 * parameter, or NULL. */
gboolean kol_record_row (KolRecord *record, const KolTrainReport *report,
                         const KolTrainReport *probe, const float *ratios, GError **error);
/* Lists pictures that cannot be read, beside those that the folder's list has already. */
gboolean kol_record_skipped (KolRecord *record, GPtrArray *lines, GError **error);
/* Histograms of weights and gradients, a picture of the first filters. Waits for the device. */
gboolean kol_record_histograms (KolRecord *record, guint64 step, GError **error);

G_END_DECLS
