/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "npy-header-private.h"

#include <string.h>

#include "file-private.h"

/*
 * NPY, NumPy's format for one array: the bytes 93 "NUMPY", a version, the length of
 * the header, the header, a Python dictionary such as
 *
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }
 *
 * and then the elements. The length has two bytes in version 1 and four in versions 2
 * and 3. <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>
 */

static gboolean
fail_header (const char *shown, const char *what, GError **error)
{
  g_set_error (error, KOL_FILE_ERROR, KOL_FILE_FORMAT,
               "“%s” cannot be read as NumPy's format NPY: %s; write it with numpy.save", shown,
               what);
  return FALSE;
}

static gboolean
fail_truncated (const char *shown, GError **error)
{
  g_set_error (error, KOL_FILE_ERROR, KOL_FILE_TRUNCATED,
               "“%s” is truncated: it ends within the NPY header; copy or download it again",
               shown);
  return FALSE;
}

/* Finds the header's text, a copy, and where the elements begin. */
static gboolean
find_text (KolNpyHeader *header, const guint8 *bytes, gsize there, char **text, const char *shown,
           GError **error)
{
  if (there < KOL_NPY_MAGIC_SIZE || memcmp (bytes, KOL_NPY_MAGIC, KOL_NPY_MAGIC_SIZE) != 0)
    return fail_header (shown, "it does not begin with 93 “NUMPY”", error);
  if (there < 12)
    return fail_truncated (shown, error);

  guint version = bytes[6];
  if (version < 1 || version > 3)
    return fail_header (shown, "its version is not 1, 2 or 3", error);
  gsize start = version == 1 ? 10 : 12, size = bytes[8] | (gsize) bytes[9] << 8;
  if (version > 1)
    size |= (gsize) bytes[10] << 16 | (gsize) bytes[11] << 24;
  if (size > KOL_NPY_MAX_HEADER)
    return fail_header (shown, "its header is longer than any that is read", error);
  if (size > there - start)
    return fail_truncated (shown, error);
  *text = g_strndup ((const char *) bytes + start, size);
  header->start = start + size;
  return TRUE;
}

/* What stands behind 'key': in the dictionary, or NULL. */
static const char *
find_value (const char *text, const char *key)
{
  g_autofree char *quoted = g_strdup_printf ("'%s'", key);
  const char *found = strstr (text, quoted);

  if (!found)
    return NULL;
  found += strlen (quoted);
  found += strspn (found, " :");
  return found;
}

/* A type's name in NumPy's files has three letters: "<f4". "bf16" is none of them. */
static gboolean
read_type (KolElements *elements, const char *descr, const char *shown, GError **error)
{
  gsize length = descr[0] == '\'' ? strcspn (descr + 1, "'") : 0;
  g_autofree char *name = length ? g_strndup (descr + 1, length) : NULL;

  elements->big_endian = name && name[0] == '>';
  elements->type = length == 3 ? kol_element_type_find (name + 1) : NULL;
  if (elements->type)
    return TRUE;
  g_autofree char *other = g_strndup (descr, MIN (strcspn (descr, "\n}"), 40));
  g_autofree char *valid = g_utf8_make_valid (length && length <= 40 ? name : other, -1);
  g_set_error (error, KOL_FILE_ERROR, KOL_FILE_TYPE,
               "The elements of “%s” are %s; booleans, whole numbers of 8 to 64 bits and floats of "
               "16 to 64 bits are read, so convert it, for instance with astype (numpy.float32)",
               shown, valid);
  return FALSE;
}

static gboolean
read_shape (KolNpyHeader *header, const char *shape, const char *shown, GError **error)
{
  KolElements *elements = &header->elements;

  if (*shape++ != '(')
    return fail_header (shown, "its shape is not a tuple", error);
  for (shape += strspn (shape, " ,"); g_ascii_isdigit (*shape); shape += strspn (shape, " ,L"))
    {
      if (elements->rank == KOL_ELEMENTS_MAX_RANK)
        {
          g_set_error (error, KOL_FILE_ERROR, KOL_FILE_RANK,
                       "“%s” has more than %d dimensions; reshape it", shown,
                       KOL_ELEMENTS_MAX_RANK);
          return FALSE;
        }
      guint64 dim = g_ascii_strtoull (shape, (char **) &shape, 10);
      elements->dims[elements->rank++] = (gint64) MIN (dim, G_MAXINT64);
    }
  if (*shape != ')')
    return fail_header (shown, "its shape is not a tuple of numbers", error);
  if (kol_elements_count (elements, &header->count))
    return TRUE;
  g_set_error (error, KOL_FILE_ERROR, KOL_FILE_TOO_LARGE,
               "The header of “%s” promises more elements than any memory holds; it is probably "
               "damaged: copy or download it again",
               shown);
  return FALSE;
}

static gboolean
check_length (const KolNpyHeader *header, gsize length, const char *shown, GError **error)
{
  gsize promised = header->count * header->elements.type->size, found = length - header->start;

  if (found < promised)
    g_set_error (error, KOL_FILE_ERROR, KOL_FILE_TRUNCATED,
                 "“%s” is truncated: its header promises %zu bytes of data, %zu are there; copy or "
                 "download it again",
                 shown, promised, found);
  else if (found > promised)
    g_set_error (
        error, KOL_FILE_ERROR, KOL_FILE_TRAILING,
        "“%s” goes on after the %zu bytes of data that its header promises; it is damaged: "
        "copy or download it again",
        shown, promised);
  return found == promised;
}

gboolean
kol_npy_header_read (KolNpyHeader *header, const guint8 *bytes, gsize there, gsize length,
                     const char *shown, GError **error)
{
  g_autofree char *text = NULL;

  *header = (KolNpyHeader){ 0 };
  if (!find_text (header, bytes, there, &text, shown, error))
    return FALSE;
  const char *descr = find_value (text, "descr"), *shape = find_value (text, "shape");
  const char *fortran = find_value (text, "fortran_order");
  if (!descr || !shape || !fortran)
    return fail_header (shown, "its header lacks descr, fortran_order or shape", error);
  if (!read_type (&header->elements, descr, shown, error)
      || !read_shape (header, shape, shown, error) || !check_length (header, length, shown, error))
    return FALSE;
  kol_elements_set_strides (&header->elements, g_str_has_prefix (fortran, "True"));
  return TRUE;
}
