/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"
#include "preprocess.h"

G_BEGIN_DECLS

/**
 * KolDatasetError:
 * @KOL_DATASET_ERROR_MISSING: there is no such file, part or column
 * @KOL_DATASET_ERROR_TRUNCATED: the file ends before what its header promises
 * @KOL_DATASET_ERROR_TRAILING: the file goes on after what its header promises
 * @KOL_DATASET_ERROR_CORRUPT: the data are damaged: they do not decompress, or their
 *   checksum is another
 * @KOL_DATASET_ERROR_FORMAT: the file is not of the format that was expected
 * @KOL_DATASET_ERROR_TYPE: its elements are of a type that is not read
 * @KOL_DATASET_ERROR_RANK: the array has another number of dimensions than wanted
 * @KOL_DATASET_ERROR_VALUE: something stands where a number or a class belongs
 * @KOL_DATASET_ERROR_MISMATCH: parts do not fit together: pictures and labels,
 *   pictures of several sizes, a test part and its training part
 * @KOL_DATASET_ERROR_EMPTY: there are no examples, or nothing is in them
 * @KOL_DATASET_ERROR_TOO_LARGE: it does not fit into memory
 * @KOL_DATASET_ERROR_BATCH: a batch of this size cannot be taken from the set
 * @KOL_DATASET_ERROR_AUGMENT: the examples cannot be varied like this
 *
 * What can be wrong with a data set. Failures of the disk are reported in GIO's
 * own domain or GLib's domain of files.
 */
typedef enum {
  KOL_DATASET_ERROR_MISSING,
  KOL_DATASET_ERROR_TRUNCATED,
  KOL_DATASET_ERROR_TRAILING,
  KOL_DATASET_ERROR_CORRUPT,
  KOL_DATASET_ERROR_FORMAT,
  KOL_DATASET_ERROR_TYPE,
  KOL_DATASET_ERROR_RANK,
  KOL_DATASET_ERROR_VALUE,
  KOL_DATASET_ERROR_MISMATCH,
  KOL_DATASET_ERROR_EMPTY,
  KOL_DATASET_ERROR_TOO_LARGE,
  KOL_DATASET_ERROR_BATCH,
  KOL_DATASET_ERROR_AUGMENT,
} KolDatasetError;

#define KOL_DATASET_ERROR (kol_dataset_error_quark ())
KOL_API GQuark kol_dataset_error_quark (void);

/** KOL_DATASET_MAX_CLASSES: labels are smaller than this. */
#define KOL_DATASET_MAX_CLASSES 65536

/**
 * KolDataset:
 * @count: number of examples, at least 1
 * @channels: colour channels of each; the numbers of a table's row
 * @height: rows of each picture; 1 in a table
 * @width: columns of each picture; 1 in a table
 * @pixels: (nullable): `[count, channels, height, width]`, each 0..255, which a
 *   network is given as 0..1; there once [func@dataset_finish] has returned %TRUE.
 *   %NULL if there are @values, or a @picture
 * @values: (nullable): `[count, channels, height, width]`, given as they are
 * @picture: (nullable): how each picture is prepared: they are read from their files
 *   whenever they are needed, and not kept
 * @labels: (nullable): `[count]`, the class of each example, counted from 0. %NULL
 *   if there are @targets
 * @targets: (nullable): `[count, outputs]`, the numbers that belong to each example
 * @outputs: numbers per target; 0 with labels
 * @classes: how many there are in the whole set, also for a slice of it: 1 + the
 *   largest label; 0 with targets
 * @class_names: (nullable) (array zero-terminated=1): a name for each class
 * @name: for people: "fashion-mnist training set"
 * @path: the file or folder that it was read from
 * @skipped: (nullable) (array zero-terminated=1): what was left out when the set was
 *   opened because it could not be read, each "file: reason"; see
 *   [func@dataset_list_skipped] for what is read later
 *
 * Examples, each with its class or with the numbers that belong to it: pictures,
 * or rows of a table. Nothing in it changes once its pixels are there, so it may
 * be read from any thread; it is reference-counted.
 */
typedef struct _KolDataset KolDataset;
struct _KolDataset {
  gsize count;
  gsize channels;
  gsize height;
  gsize width;
  guint8 *pixels;
  float *values;
  const KolPreprocess *picture;
  guint32 *labels;
  float *targets;
  gsize outputs;
  guint classes;
  char **class_names;
  char *name;
  char *path;
  char **skipped;

  /*< private >*/
  gatomicrefcount references;
  KolDataset *owner;             /* whose arrays a slice shows; NULL: its own */
  struct _KolLoading *loading;   /* the owner's: what reads the pixels; NULL: nothing has to */
  struct _KolPictures *pictures; /* the owner's: the files of a set with a picture... */
  gsize first_picture;           /* ...of which the first of this slice is that one */
};

/**
 * KolDatasetOptions:
 * @width: of a folder's pictures: every picture is scaled to this. 0: that of the
 *   first one, and it is an error if another differs
 * @height: likewise
 * @channels: of a folder's pictures: 1, grey, or 3, colour. 0: 1 if all are grey
 * @picture: (nullable): has the pictures of a folder stay in their files and be read
 *   whenever they are needed, prepared like this; @width, @height and @channels are not
 *   looked at then. Other kinds of data are opened as if it were %NULL
 * @target: (nullable): the column of a table that is to be predicted, its number
 *   from 1 or its name; %NULL: the last
 * @numbers: whether the targets of a table or array are numbers, not classes
 * @like: (nullable): the training part of the same data: another part takes its
 *   class names and the size of its examples, and whatever does not fit is an error
 *
 * How to understand a data set. Zeros are the usual.
 */
typedef struct {
  gsize width;
  gsize height;
  gsize channels;
  const KolPreprocess *picture;
  const char *target;
  gboolean numbers;
  const KolDataset *like;
} KolDatasetOptions;

KOL_API KolDataset *kol_dataset_open (const char *path, const char *part,
                                      const KolDatasetOptions *options, GError **error);
KOL_API gboolean kol_dataset_has_part (const char *path, const char *part);
KOL_API char *kol_dataset_find (void);

KOL_API gboolean kol_dataset_finish (KolDataset *dataset, GError **error);
KOL_API char **kol_dataset_list_skipped (KolDataset *dataset, gsize first, gsize *count);
KOL_API char *kol_dataset_get_digest (const KolDataset *dataset);
KOL_API KolDataset *kol_dataset_slice (KolDataset *dataset, gsize first, gsize count);
KOL_API KolDataset *kol_dataset_shuffle (KolDataset *dataset, guint64 seed, GError **error);
KOL_API KolDataset *kol_dataset_ref (KolDataset *dataset);
KOL_API void kol_dataset_unref (KolDataset *dataset);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolDataset, kol_dataset_unref)

G_END_DECLS
