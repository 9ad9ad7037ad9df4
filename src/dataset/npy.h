/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"
#include "dataset.h"

G_BEGIN_DECLS

/** KOL_NPY_MAX_RANK: the most dimensions that an array may have. */
#define KOL_NPY_MAX_RANK 8

/**
 * KolNpy:
 * @rank: number of dimensions, 0 to %KOL_NPY_MAX_RANK
 * @dims: their sizes, the slowest first; those from @rank on are 0
 * @size: how many elements there are, the product of @dims
 * @bytes: (nullable): the elements of an array of unsigned bytes, row-major
 * @values: (nullable): the elements of any other array, row-major, as floats
 *
 * An array as read from one of NumPy's files; one of @bytes and @values is %NULL.
 */
typedef struct {
  guint rank;
  gsize dims[KOL_NPY_MAX_RANK];
  gsize size;
  guint8 *bytes;
  float *values;
} KolNpy;

KOL_API KolNpy *kol_npy_load (const char *path, GError **error);
KOL_API gboolean kol_npy_save (const char *path, const float *values, const gsize *dims, guint rank,
                               GError **error);
KOL_API gboolean kol_npy_save_as (const char *path, const char *type, const float *values,
                                  const gsize *dims, guint rank, GError **error);
KOL_API void kol_npy_free (KolNpy *npy);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolNpy, kol_npy_free)

G_END_DECLS
