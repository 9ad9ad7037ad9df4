/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of data sets share: files in a folder of their own, and small sets. */

#include <gio/gio.h>

#include "dataset/batches.h"
#include "dataset/dataset.h"

/* A test is a function; it begins with an empty folder (), which is then removed. */
void start_tests (int *argc, char ***argv);
void add (const char *path, void (*test) (void));
int run_tests (void);

const char *folder (void);
char *path_of (const char *name);
char *fixture (const char *name);
void write_file (const char *name, const GByteArray *bytes);
void write_text (const char *name, const char *text);

#define DIMS(...) ((const guint32[]){ __VA_ARGS__ })
GByteArray *gzip (const GByteArray *bytes);
GByteArray *idx_header (guint8 type, guint rank, const guint32 *dims);
GByteArray *idx_bytes (guint rank, const guint32 *dims, guint step);
void write_array (const char *name, guint rank, const guint32 *dims, guint step);

KolDataset *numbered_pictures (guint count);
KolBatches *open_batches (KolDataset *dataset, gsize batch, guint64 seed, gboolean shuffle);
KolDataset *open_dataset (const char *path, const char *part, const KolDatasetOptions *options);
gsize find_example (const KolDataset *dataset, float first);

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
void assert_refused (const char *path, const char *part, const KolDatasetOptions *options, int code,
                     const char *const *words);
