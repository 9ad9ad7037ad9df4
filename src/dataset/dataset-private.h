/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "dataset.h"
#include "pictures-private.h"
#include "../random-private.h"

/* ── Formats ─────────────────────────────────────────────────────────────────────────────────── */

/*
 * A kind of file or folder that holds a data set. A new one is a file that defines
 * one of these, and its line in the table of open.c.
 */
typedef struct {
  /* Whether @path is of this kind; a look at names and first bytes must do. */
  gboolean (*recognizes) (const char *path);

  /* Whether it holds the part "train" or "test", or, if it may have one, "validation". */
  gboolean (*has_part) (const char *path, const char *part);

  /* Reads the part; a sentence if there is no such part or if it is damaged. */
  KolDataset *(*open) (const char *path, const char *part, const KolDatasetOptions *options,
                       GError **error);

  gboolean mixed;      /* the examples are in no order already, so they stay as they are */
  gboolean validation; /* it may have a part "validation" */
} KolDatasetFormat;

extern const KolDatasetFormat kol_dataset_csv;
extern const KolDatasetFormat kol_dataset_folder;
extern const KolDatasetFormat kol_dataset_idx;
extern const KolDatasetFormat kol_dataset_npy;
extern const KolDatasetFormat kol_dataset_npz;

/* ── Making a set ────────────────────────────────────────────────────────────────────────────── */

KolDataset *kol_dataset_new (const char *path, const char *part);
/* Makes an error of this folder of one of KOL_FILE_ERROR; leaves others. Always NULL. */
gpointer kol_dataset_file_error (GError **error);

/* Numbers of one example. */
static inline gsize
kol_dataset_example_size (const KolDataset *dataset)
{
  return dataset->channels * dataset->height * dataset->width;
}

char *kol_dataset_part_file (const char *path, const char *part, GError **error);
void kol_dataset_shuffle_in_place (KolDataset *dataset, guint64 seed);

/* Fills a set from @data; it stops early when @cancellable says so. */
typedef gboolean (*KolLoad) (gpointer data, GCancellable *cancellable, GError **error);

gboolean kol_dataset_load_in_background (KolDataset *dataset, KolLoad load, gpointer data,
                                         GDestroyNotify free_data, GError **error);

/* ── Random order ────────────────────────────────────────────────────────────────────────────── */

/*
 * Fisher and Yates's shuffle of @count things: for i from the last down to 1, thing i
 * changes places with thing kol_shuffle_partner (i), which is at most i. The random
 * word for place i is a function of key, i and epoch, so any epoch's order can be
 * computed without those before it. Scaling a 32-bit word to 0..i favours some values
 * by less than count / 2^32, which no training notices.
 */
typedef struct {
  guint64 key;
  guint64 epoch;
  gsize count;
  KolPhilox words; /* of the four places that i is one of */
} KolShuffle;

static inline gsize
kol_shuffle_partner (KolShuffle *shuffle, gsize i)
{
  if (i == shuffle->count - 1 || i % 4 == 3)
    shuffle->words = kol_philox (shuffle->key, i / 4, shuffle->epoch);
  return ((guint64) shuffle->words.v[i % 4] * (i + 1)) >> 32;
}
