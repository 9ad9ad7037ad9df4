/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "elements-private.h"

G_BEGIN_DECLS

/* The bytes that a file in NumPy's format NPY begins with. */
#define KOL_NPY_MAGIC "\x93NUMPY"
#define KOL_NPY_MAGIC_SIZE 6
/* No header that NumPy writes is longer: it refuses to read more than this of its own. */
#define KOL_NPY_MAX_HEADER 65536

/* What a header says: which elements begin at which byte. */
typedef struct {
  KolElements elements;
  gsize count; /* how many elements there are */
  gsize start; /* where they begin */
} KolNpyHeader;

/*
 * Reads the header of an array of @length bytes, of which the first @there are at
 * @bytes: all that its header promises must be in @length, neither less nor more.
 * @shown is what messages call it. Errors are of KOL_FILE_ERROR.
 */
gboolean kol_npy_header_read (KolNpyHeader *header, const guint8 *bytes, gsize there, gsize length,
                              const char *shown, GError **error);

G_END_DECLS
