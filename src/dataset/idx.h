/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"

G_BEGIN_DECLS

/**
 * KolDatasetError:
 * @KOL_DATASET_ERROR_MISSING: there is no such file
 * @KOL_DATASET_ERROR_TRUNCATED: the file ends before what its header promises
 * @KOL_DATASET_ERROR_TRAILING: the file goes on after what its header promises
 * @KOL_DATASET_ERROR_CORRUPT: the gzip data are damaged
 * @KOL_DATASET_ERROR_NOT_IDX: the file does not begin like an IDX file
 * @KOL_DATASET_ERROR_TYPE: its elements are not unsigned bytes
 * @KOL_DATASET_ERROR_RANK: the array has another number of dimensions than wanted
 * @KOL_DATASET_ERROR_MISMATCH: there are not as many labels as pictures
 * @KOL_DATASET_ERROR_EMPTY: there are no pictures, or they have no pixels
 * @KOL_DATASET_ERROR_TOO_LARGE: it does not fit into memory
 * @KOL_DATASET_ERROR_BATCH: a batch of this size cannot be taken from the set
 *
 * What can be wrong with a data set. Failures of the disk are reported in GIO's
 * own domain.
 */
typedef enum {
  KOL_DATASET_ERROR_MISSING,
  KOL_DATASET_ERROR_TRUNCATED,
  KOL_DATASET_ERROR_TRAILING,
  KOL_DATASET_ERROR_CORRUPT,
  KOL_DATASET_ERROR_NOT_IDX,
  KOL_DATASET_ERROR_TYPE,
  KOL_DATASET_ERROR_RANK,
  KOL_DATASET_ERROR_MISMATCH,
  KOL_DATASET_ERROR_EMPTY,
  KOL_DATASET_ERROR_TOO_LARGE,
  KOL_DATASET_ERROR_BATCH,
} KolDatasetError;

#define KOL_DATASET_ERROR (kol_dataset_error_quark ())
KOL_API GQuark kol_dataset_error_quark (void);

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

/**
 * KolDataset:
 * @count: number of pictures, at least 1
 * @channels: colour channels of each
 * @height: rows of each
 * @width: columns of each
 * @pixels: `[count, channels, height, width]`, each 0..255; there once
 *   [func@dataset_finish] has returned %TRUE
 * @labels: `[count]`, the class of each picture, counted from 0
 * @classes: 1 + the largest label of the whole set, also in a slice of it
 * @name: for people: "fashion-mnist training set"
 * @path: the folder that it was read from
 *
 * Labelled pictures: MNIST and its kin. Nothing in it changes once its pixels are there,
 * so it may be read from any thread; it is reference-counted.
 */
typedef struct _KolDataset KolDataset;
struct _KolDataset {
  gsize count;
  gsize channels;
  gsize height;
  gsize width;
  guint8 *pixels;
  guint8 *labels;
  guint classes;
  char *name;
  char *path;

  /*< private >*/
  gatomicrefcount references;
  KolDataset *owner;          /* whose pixels and labels a slice shows; NULL: its own */
  struct _KolLoading *loading; /* the owner's: what reads the pixels; NULL: nothing has to */
};

KOL_API KolDataset *kol_dataset_open_idx (const char *folder, const char *part, GError **error);
KOL_API gboolean kol_dataset_finish (KolDataset *pictures, GError **error);
KOL_API KolDataset *kol_dataset_load_idx (const char *folder, const char *part, GError **error);
KOL_API KolDataset *kol_dataset_slice (KolDataset *pictures, gsize first, gsize count);
KOL_API KolDataset *kol_dataset_ref (KolDataset *pictures);
KOL_API void kol_dataset_unref (KolDataset *pictures);

KOL_API char *kol_dataset_find (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolIdx, kol_idx_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolDataset, kol_dataset_unref)

G_END_DECLS
