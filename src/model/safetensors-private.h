/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../elements-private.h"
#include "safetensors.h"

G_BEGIN_DECLS

#define KOL_SAFETENSORS_PREFIX 8 /* bytes of the header's length, before the header */

/* Where an array is in a file. */
typedef struct {
  char *name;
  const KolElementType *type;
  guint rank;
  gint64 dims[KOL_ARRAY_MAX_RANK];
  guint64 start; /* of its elements, in bytes from the beginning of the file */
} KolSafetensorsEntry;

/*
 * The arrays of a file that lies in memory, whole: of every type that is known,
 * whole numbers too. Given, of KolSafetensorsEntry; NULL on error, which names @path.
 */
GPtrArray *kol_safetensors_index (const char *path, const guint8 *bytes, gsize length,
                                  GError **error);

G_END_DECLS
