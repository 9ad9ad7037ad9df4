/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "../dataset/picture.h"

G_BEGIN_DECLS

/**
 * KolSnapshot:
 *
 * A picture as it was at one moment of a study: [C, H, W], 0..1. Nothing changes it, so
 * that other threads may keep it. Reference-counted.
 */
typedef struct _KolSnapshot KolSnapshot;

KOL_API KolSnapshot *kol_snapshot_new (const float *pixels, gsize channels, gsize height,
                                       gsize width);
KOL_API KolSnapshot *kol_snapshot_ref (KolSnapshot *snapshot);
KOL_API void kol_snapshot_unref (KolSnapshot *snapshot);
KOL_API gsize kol_snapshot_get_channels (const KolSnapshot *snapshot);
KOL_API gsize kol_snapshot_get_height (const KolSnapshot *snapshot);
KOL_API gsize kol_snapshot_get_width (const KolSnapshot *snapshot);
KOL_API const float *kol_snapshot_get_pixels (const KolSnapshot *snapshot);
KOL_API KolPicture *kol_snapshot_to_picture (const KolSnapshot *snapshot, GError **error);
KOL_API GBytes *kol_snapshot_to_rgba (const KolSnapshot *snapshot);
KOL_API GBytes *kol_snapshot_to_png (const KolSnapshot *snapshot, const char *const *texts,
                                     GError **error);

/**
 * KolStudyProgress:
 * @step: how many steps are done
 * @steps: of how many, as far as is known
 * @value: what is made larger or smaller, as the study says; NaN where it is not known yet
 * @seconds: since the first step
 * @seconds_left: until the last one, at the pace so far; NaN where that is not known yet
 * @snapshots: (nullable) (array length=n_snapshots): the pictures as they are now, lent:
 *   kol_snapshot_ref() keeps them
 * @n_snapshots: how many; 0 where none are due
 * @event: (nullable): what has happened that is worth a sentence, lent
 *
 * How far a study has come.
 */
typedef struct {
  guint step;
  guint steps;
  double value;
  double seconds;
  double seconds_left;
  KolSnapshot *const *snapshots;
  guint n_snapshots;
  const char *event;
} KolStudyProgress;

/**
 * KolStudyWatch:
 * @told: (nullable): is told how far the study has come, on the thread that does it
 * @user_data: for @told
 * @every: how many steps lie between two snapshots; 0: none are made but the last ones
 * @cancellable: (nullable): ends the study after the step under way; what there is then
 *   is kept
 *
 * Who watches a study.
 */
typedef struct {
  void (*told) (const KolStudyProgress *progress, gpointer user_data);
  gpointer user_data;
  guint every;
  GCancellable *cancellable;
} KolStudyWatch;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolSnapshot, kol_snapshot_unref)

G_END_DECLS
