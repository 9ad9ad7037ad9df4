/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"
#include "dataset.h"

G_BEGIN_DECLS

/**
 * KolBatches:
 *
 * An endless stream of batches from a data set. Batches are made ahead on
 * threads of its own; the functions here are called from one thread at a time.
 */
typedef struct _KolBatches KolBatches;

/**
 * KolAugment:
 * @flip: whether pictures are mirrored, left to right, with probability 1/2
 * @shift: the most pixels that they are shifted by, up or down, and left or right
 * @cutout: the side of a square that is set to 0 somewhere in each, or 0
 * @crop: the least share of a picture's area that is cut out at random, and scaled to the
 *   size of all; 0: nothing is cut out
 * @jitter: by how much brightness, contrast and saturation are changed at most, relative
 *   to what they are; 0: not at all
 *
 * How the pictures of a stream are varied at random.
 */
typedef struct {
  gboolean flip;
  guint shift;
  guint cutout;
  double crop;
  double jitter;
} KolAugment;

KOL_API KolBatches *kol_batches_new (KolDataset *dataset, gsize batch, guint64 seed,
                                     gboolean shuffle, GError **error);
KOL_API void kol_batches_free (KolBatches *batches);

KOL_API gboolean kol_batches_set_augment (KolBatches *batches, const KolAugment *augment,
                                          GError **error);
KOL_API gboolean kol_batches_next (KolBatches *batches, const float **examples,
                                   const float **targets);
KOL_API void kol_batches_seek (KolBatches *batches, guint64 batches_done);

KOL_API KolDataset *kol_batches_get_dataset (const KolBatches *batches);
KOL_API gsize kol_batches_get_batch (const KolBatches *batches);
KOL_API gsize kol_batches_get_valid (const KolBatches *batches);
KOL_API gboolean kol_batches_has_example (const KolBatches *batches, gsize i);
KOL_API double kol_batches_get_waited (const KolBatches *batches);
KOL_API guint64 kol_batches_get_epoch (const KolBatches *batches);
KOL_API gsize kol_batches_get_position (const KolBatches *batches);
KOL_API gsize kol_batches_per_epoch (const KolBatches *batches);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolBatches, kol_batches_free)

G_END_DECLS
