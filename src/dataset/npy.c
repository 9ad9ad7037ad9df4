/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "npy.h"

#include <string.h>

#include "../npy-header-private.h"
#include "../map-private.h"
#include "../replace-private.h"
#include "dataset-private.h"
#include "npy-private.h"

#define ALIGNMENT 64 /* of the elements in files that are written */

/* Reads an array from memory; @shown is what messages call it. */
KolNpy *
kol_npy_parse (const guint8 *bytes, gsize length, const char *shown, GError **error)
{
  g_autoptr (KolNpy) npy = g_new0 (KolNpy, 1);
  KolNpyHeader header;

  if (!kol_npy_header_read (&header, bytes, length, length, shown, error))
    return kol_dataset_file_error (error);
  npy->rank = header.elements.rank;
  npy->size = header.count;
  for (guint i = 0; i < npy->rank; i++)
    npy->dims[i] = (gsize) header.elements.dims[i];
  gboolean is_bytes = strcmp (header.elements.type->name, "u1") == 0;
  if (is_bytes)
    npy->bytes = g_try_malloc (MAX (npy->size, 1));
  else
    npy->values = g_try_new (float, MAX (npy->size, 1));
  if (!npy->bytes && !npy->values)
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
                   "“%s” holds %zu numbers, for which there is not enough memory", shown,
                   npy->size);
      return NULL;
    }
  if (is_bytes)
    kol_elements_read_bytes (&header.elements, bytes + header.start, npy->bytes);
  else
    kol_elements_read (&header.elements, bytes + header.start, npy->values);
  return g_steal_pointer (&npy);
}

/**
 * kol_npy_load:
 * @path: a file's name
 * @error: where to put what went wrong
 *
 * Reads an array from a file in NumPy's format NPY, versions 1 to 3: booleans, whole
 * numbers of 8 to 64 bits and floats of 16 to 64, of either byte order, row-major or
 * in Fortran's order. Bytes stay bytes, all else becomes floats; whole numbers above
 * 2^24 are rounded. The file must hold what its header promises, neither less nor
 * more.
 *
 * Errors are of %KOL_DATASET_ERROR, or %G_FILE_ERROR where the file cannot be opened.
 *
 * Returns: (transfer full): the array, or %NULL with @error set
 */
KolNpy *
kol_npy_load (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_autoptr (GMappedFile) file = kol_map_file (path, error);
  g_autofree char *shown = g_filename_display_name (path);

  if (!file)
    return NULL;
  return kol_npy_parse ((const guint8 *) g_mapped_file_get_contents (file),
                        g_mapped_file_get_length (file), shown, error);
}

/**
 * kol_npy_free:
 * @npy: (transfer full) (nullable): an array
 *
 * Frees the array and its elements.
 */
void
kol_npy_free (KolNpy *npy)
{
  if (!npy)
    return;
  g_free (npy->bytes);
  g_free (npy->values);
  g_free (npy);
}

/* ── Writing ─────────────────────────────────────────────────────────────────────────────────── */

/* All that stands before the elements, filled up with spaces so that they are aligned. */
static GByteArray *
make_header (const KolElementType *type, const gsize *dims, guint rank)
{
  g_autoptr (GString) text = g_string_new (NULL);
  GByteArray *header = g_byte_array_new ();

  g_string_append_printf (text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                          type->size > 1 ? '<' : '|', type->name);

  for (guint i = 0; i < rank; i++)
    g_string_append_printf (text, "%zu,%s", dims[i], i + 1 < rank ? " " : "");
  g_string_append (text, "), }");
  while ((10 + text->len + 1) % ALIGNMENT != 0)
    g_string_append_c (text, ' ');
  g_string_append_c (text, '\n');
  g_byte_array_append (header, (const guint8 *) KOL_NPY_MAGIC "\x01", 8); /* version 1, 0 */
  g_byte_array_append (header, (const guint8[]){ text->len % 256, text->len / 256 }, 2);
  g_byte_array_append (header, (const guint8 *) text->str, text->len);
  return header;
}

/**
 * kol_npy_save:
 * @path: a file's name
 * @values: row-major, as many as the product of @dims
 * @dims: (array length=rank): the sizes of the dimensions, the slowest first
 * @rank: how many dimensions there are, 0 to %KOL_NPY_MAX_RANK
 * @error: where to put what went wrong
 *
 * Writes an array of 32-bit floats that numpy.load() reads. The file is written
 * beside @path and renamed, so @path is never half-written.
 *
 * Errors are of %KOL_DATASET_ERROR_TOO_LARGE if there is no memory for a copy, or of
 * %G_FILE_ERROR where the disk fails.
 *
 * Returns: whether it was written
 */
gboolean
kol_npy_save (const char *path, const float *values, const gsize *dims, guint rank, GError **error)
{
  return kol_npy_save_as (path, "f4", values, dims, rank, error);
}

/**
 * kol_npy_save_as:
 * @path: a file's name
 * @type: what its elements are to be, as NumPy calls it: "f4", "f8", "b1" for truth values,
 *   "i1" to "i8" and "u1" to "u8" for whole numbers of so many bytes
 * @values: row-major, as many as the product of @dims
 * @dims: (array length=rank): the sizes of the dimensions, the slowest first
 * @rank: how many dimensions there are, 0 to %KOL_NPY_MAX_RANK
 * @error: where to put what went wrong
 *
 * As kol_npy_save(), of another type.
 *
 * Errors: also %KOL_DATASET_ERROR_VALUE, if a number is none that @type has.
 *
 * Returns: whether it was written
 */
gboolean
kol_npy_save_as (const char *path, const char *type, const float *values, const gsize *dims,
                 guint rank, GError **error)
{
  g_return_val_if_fail (path != NULL && type != NULL && values != NULL, FALSE);
  g_return_val_if_fail (rank <= KOL_NPY_MAX_RANK && (rank == 0 || dims != NULL), FALSE);
  const KolElementType *element = kol_element_type_find (type);
  g_return_val_if_fail (element != NULL, FALSE);
  g_autoptr (GByteArray) header = make_header (element, dims, rank);
  gsize size = 1;

  for (guint i = 0; i < rank; i++)
    size *= dims[i];
  g_autofree guint8 *file = g_try_malloc (header->len + size * element->size);
  if (!file)
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
                   "There is not enough memory to write %zu numbers to “%s”", size, path);
      return FALSE;
    }
  memcpy (file, header->data, header->len);
  for (gsize i = 0; i < size; i++)
    if (!kol_element_type_write (element, values[i], file + header->len + i * element->size))
      {
        g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_VALUE,
                     "Element %zu of what “%s” is to hold is %.9g, which is no %s", i, path,
                     values[i], element->title);
        return FALSE;
      }
  return kol_replace_contents (path, file, header->len + size * element->size, error);
}
