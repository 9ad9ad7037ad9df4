/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"

G_BEGIN_DECLS

/** KOL_ARRAY_MAX_RANK: the most dimensions that an array may have. */
#define KOL_ARRAY_MAX_RANK 8

/**
 * KolArray:
 * @name: its name, UTF-8, unlike any other in the file
 * @rank: number of dimensions, 0 (a single number) to %KOL_ARRAY_MAX_RANK
 * @dims: their sizes, the slowest first; those from @rank on are 0
 * @data: the elements, row-major
 * @count: how many elements there are, the product of @dims
 *
 * A named array of numbers in the host's memory.
 */
typedef struct {
  char *name;
  guint rank;
  gint64 dims[KOL_ARRAY_MAX_RANK];
  float *data;
  gsize count;
} KolArray;

KOL_API KolArray *kol_array_new (const char *name, guint rank, const gint64 *dims);
KOL_API void kol_array_free (KolArray *array);

KOL_API gboolean kol_safetensors_save (const char *path, GPtrArray *arrays, GHashTable *metadata,
                                       GError **error);
KOL_API GPtrArray *kol_safetensors_load (const char *path, GHashTable **metadata, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolArray, kol_array_free)

G_END_DECLS
