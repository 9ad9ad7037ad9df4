/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"
#include "dataset.h"

G_BEGIN_DECLS

/** KOL_IDX_MAX_RANK: the most dimensions that an array may have. */
#define KOL_IDX_MAX_RANK 8

/**
 * KolIdx:
 * @rank: number of dimensions, 1 to %KOL_IDX_MAX_RANK
 * @dims: their sizes, the slowest first; those from @rank on are 0
 * @bytes: the elements, row-major
 * @size: how many elements there are, the product of @dims
 *
 * An array of bytes, as read from an IDX file.
 */
typedef struct {
  guint rank;
  gsize dims[KOL_IDX_MAX_RANK];
  guint8 *bytes;
  gsize size;
} KolIdx;

KOL_API KolIdx *kol_idx_load (const char *path, GError **error);
KOL_API void kol_idx_free (KolIdx *idx);

KOL_API KolDataset *kol_dataset_open_idx (const char *folder, const char *part, GError **error);
KOL_API KolDataset *kol_dataset_load_idx (const char *folder, const char *part, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolIdx, kol_idx_free)

G_END_DECLS
