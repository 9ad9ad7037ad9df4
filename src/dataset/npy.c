/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "npy.h"

#include <string.h>

#include "npy-private.h"

/*
 * NPY, NumPy's format for one array: the bytes 93 "NUMPY", a version, the length of
 * the header, the header, a Python dictionary such as
 *
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }
 *
 * and then the elements. The length has two bytes in version 1 and four in versions 2
 * and 3. <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>
 */
#define MAGIC "\x93NUMPY"
#define MAGIC_SIZE 6
#define ALIGNMENT 64 /* of the elements in files that are written */

/* ── Types of elements ───────────────────────────────────────────────────────────────────────── */

typedef union {
  guint8 bytes[8];
  guint8 u1;
  gint8 i1;
  guint16 u2;
  gint16 i2;
  guint32 u4;
  gint32 i4;
  guint64 u8;
  gint64 i8;
  float f4;
  double f8;
} Element;

/* IEEE 754's half: a sign, 5 bits of exponent, 10 of fraction. */
static float
half_to_float (guint16 half)
{
  guint32 sign = (guint32) (half & 0x8000) << 16, fraction = half & 0x3ff;
  guint exponent = half >> 10 & 0x1f;
  Element e;

  if (exponent == 0) /* zero, or too small to begin with a 1 */
    return (sign ? -1 : 1) * (float) fraction * 0x1p-24f;
  if (exponent == 31)
    e.u4 = sign | 0x7f800000 | fraction << 13; /* infinity or NaN */
  else
    e.u4 = sign | (exponent + 127 - 15) << 23 | fraction << 13;
  return e.f4;
}

#define AS_FLOAT(type, expression)                                                                 \
  static float as_float_##type (const Element *e) { return expression; }
AS_FLOAT (b1, e->u1 != 0)
AS_FLOAT (u1, e->u1)
AS_FLOAT (i1, e->i1)
AS_FLOAT (u2, e->u2)
AS_FLOAT (i2, e->i2)
AS_FLOAT (u4, e->u4)
AS_FLOAT (i4, e->i4)
AS_FLOAT (u8, e->u8)
AS_FLOAT (i8, e->i8)
AS_FLOAT (f2, half_to_float (e->u2))
AS_FLOAT (f4, e->f4)
AS_FLOAT (f8, (float) e->f8)

typedef struct {
  const char *name; /* without the byte order */
  gsize size;
  float (*as_float) (const Element *element);
} ElementType;

static const ElementType types[] = {
  { "b1", 1, as_float_b1 }, { "u1", 1, as_float_u1 }, { "i1", 1, as_float_i1 },
  { "u2", 2, as_float_u2 }, { "i2", 2, as_float_i2 }, { "u4", 4, as_float_u4 },
  { "i4", 4, as_float_i4 }, { "u8", 8, as_float_u8 }, { "i8", 8, as_float_i8 },
  { "f2", 2, as_float_f2 }, { "f4", 4, as_float_f4 }, { "f8", 8, as_float_f8 },
};

/* ── The header ──────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const char *shown; /* the array's name for messages */
  const guint8 *elements;
  gsize length; /* bytes from there to the end */
  const ElementType *type;
  gboolean swapped; /* the bytes of an element are in another order than this machine's */
  gboolean fortran; /* the first dimension is the fastest */
} Source;

static gboolean
fail_header (const Source *source, const char *what, GError **error)
{
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_FORMAT,
               "“%s” cannot be read as NumPy's format NPY: %s; write it with numpy.save",
               source->shown, what);
  return FALSE;
}

static gboolean
fail_truncated (const Source *source, GError **error)
{
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TRUNCATED,
               "“%s” is truncated: it ends within the NPY header; copy or download it again",
               source->shown);
  return FALSE;
}

/* Finds the header's text, a copy, and the elements behind it. */
static gboolean
find_header (Source *source, const guint8 *bytes, gsize length, char **header, GError **error)
{
  if (length < MAGIC_SIZE || memcmp (bytes, MAGIC, MAGIC_SIZE) != 0)
    return fail_header (source, "it does not begin with 93 “NUMPY”", error);
  if (length < 12)
    return fail_truncated (source, error);

  guint version = bytes[6];
  if (version < 1 || version > 3)
    return fail_header (source, "its version is not 1, 2 or 3", error);
  gsize start = version == 1 ? 10 : 12, size = bytes[8] | (gsize) bytes[9] << 8;
  if (version > 1)
    size |= (gsize) bytes[10] << 16 | (gsize) bytes[11] << 24;
  if (size > length - start)
    return fail_truncated (source, error);
  *header = g_strndup ((const char *) bytes + start, size);
  source->elements = bytes + start + size;
  source->length = length - start - size;
  return TRUE;
}

/* What stands behind 'key': in the dictionary, or NULL. */
static const char *
find_value (const char *header, const char *key)
{
  g_autofree char *quoted = g_strdup_printf ("'%s'", key);
  const char *found = strstr (header, quoted);

  if (!found)
    return NULL;
  found += strlen (quoted);
  found += strspn (found, " :");
  return found;
}

static gboolean
read_type (Source *source, const char *descr, GError **error)
{
  gsize length = descr[0] == '\'' ? strcspn (descr + 1, "'") : 0;
  g_autofree char *name = g_strndup (descr + 1, length);

  source->swapped = name[0] == (G_BYTE_ORDER == G_LITTLE_ENDIAN ? '>' : '<');
  for (gsize i = 0; length == 3 && i < G_N_ELEMENTS (types); i++)
    if (strcmp (name + 1, types[i].name) == 0)
      source->type = &types[i];
  if (source->type)
    return TRUE;
  g_autofree char *other = g_strndup (descr, strcspn (descr, "\n}"));
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TYPE,
               "The elements of “%s” are %s; booleans, whole numbers of 8 to 64 bits and floats of "
               "16 to 64 bits are read, so convert it, for instance with astype (numpy.float32)",
               source->shown, length ? name : other);
  return FALSE;
}

static gboolean
read_shape (Source *source, const char *shape, KolNpy *npy, GError **error)
{
  gboolean fits = TRUE;

  if (*shape++ != '(')
    return fail_header (source, "its shape is not a tuple", error);
  npy->size = 1;
  for (shape += strspn (shape, " ,"); g_ascii_isdigit (*shape); shape += strspn (shape, " ,L"))
    {
      if (npy->rank == KOL_NPY_MAX_RANK)
        {
          g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_RANK,
                       "“%s” has more than %d dimensions; reshape it", source->shown,
                       KOL_NPY_MAX_RANK);
          return FALSE;
        }
      guint64 dim = g_ascii_strtoull (shape, (char **) &shape, 10);
      npy->dims[npy->rank++] = dim;
      fits = fits && g_size_checked_mul (&npy->size, npy->size, dim);
    }
  if (*shape != ')')
    return fail_header (source, "its shape is not a tuple of numbers", error);
  gsize bytes;
  if (fits && g_size_checked_mul (&bytes, npy->size, 8))
    return TRUE;
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
               "The header of “%s” promises more elements than any memory holds; it is probably "
               "damaged: copy or download it again",
               source->shown);
  return FALSE;
}

static gboolean
check_length (const Source *source, const KolNpy *npy, GError **error)
{
  gsize promised = npy->size * source->type->size;

  if (source->length < promised)
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TRUNCATED,
                 "“%s” is truncated: its header promises %zu bytes of data, %zu are there; copy or "
                 "download it again",
                 source->shown, promised, source->length);
  else if (source->length > promised)
    g_set_error (
        error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TRAILING,
        "“%s” goes on after the %zu bytes of data that its header promises; it is damaged: "
        "copy or download it again",
        source->shown, promised);
  return source->length == promised;
}

static gboolean
read_header (Source *source, const guint8 *bytes, gsize length, KolNpy *npy, GError **error)
{
  g_autofree char *header = NULL;

  if (!find_header (source, bytes, length, &header, error))
    return FALSE;
  const char *descr = find_value (header, "descr"), *shape = find_value (header, "shape");
  const char *fortran = find_value (header, "fortran_order");
  if (!descr || !shape || !fortran)
    return fail_header (source, "its header lacks descr, fortran_order or shape", error);
  source->fortran = g_str_has_prefix (fortran, "True");
  return read_type (source, descr, error) && read_shape (source, shape, npy, error)
         && check_length (source, npy, error);
}

/* ── Elements ────────────────────────────────────────────────────────────────────────────────── */

/* Where the elements of an array lie that is gone through row-major. */
typedef struct {
  const KolNpy *npy;
  gsize strides[KOL_NPY_MAX_RANK]; /* in elements */
  gsize index[KOL_NPY_MAX_RANK];
  gsize at;
} Walk;

static void
walk_init (Walk *walk, const KolNpy *npy, gboolean fortran)
{
  gsize stride = 1;

  *walk = (Walk){ .npy = npy };
  for (guint i = 0; i < npy->rank; i++)
    {
      guint d = fortran ? i : npy->rank - 1 - i;
      walk->strides[d] = stride;
      stride *= npy->dims[d];
    }
}

static void
walk_on (Walk *walk)
{
  for (guint d = walk->npy->rank; d-- > 0;)
    {
      walk->at += walk->strides[d];
      if (++walk->index[d] < walk->npy->dims[d])
        return;
      walk->at -= walk->strides[d] * walk->npy->dims[d];
      walk->index[d] = 0;
    }
}

static void
fetch (const Source *source, gsize at, Element *element)
{
  gsize size = source->type->size;
  const guint8 *from = source->elements + at * size;

  for (gsize i = 0; i < size; i++)
    element->bytes[i] = from[source->swapped ? size - 1 - i : i];
}

static void
read_elements (const Source *source, KolNpy *npy)
{
  gboolean plain = !source->fortran && !source->swapped;
  Walk walk;

  if (plain && npy->bytes)
    memcpy (npy->bytes, source->elements, npy->size);
  else if (plain && strcmp (source->type->name, "f4") == 0)
    memcpy (npy->values, source->elements, npy->size * sizeof (float));
  else
    {
      walk_init (&walk, npy, source->fortran);
      for (gsize i = 0; i < npy->size; i++, walk_on (&walk))
        {
          Element element;
          fetch (source, walk.at, &element);
          if (npy->bytes)
            npy->bytes[i] = element.u1;
          else
            npy->values[i] = source->type->as_float (&element);
        }
    }
}

/* Reads an array from memory; @shown is what messages call it. */
KolNpy *
kol_npy_parse (const guint8 *bytes, gsize length, const char *shown, GError **error)
{
  Source source = { .shown = shown };
  g_autoptr (KolNpy) npy = g_new0 (KolNpy, 1);

  if (!read_header (&source, bytes, length, npy, error))
    return NULL;
  if (strcmp (source.type->name, "u1") == 0)
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
  read_elements (&source, npy);
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
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, error);
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
make_header (const gsize *dims, guint rank)
{
  g_autoptr (GString) text = g_string_new ("{'descr': '<f4', 'fortran_order': False, 'shape': (");
  GByteArray *header = g_byte_array_new ();

  for (guint i = 0; i < rank; i++)
    g_string_append_printf (text, "%zu,%s", dims[i], i + 1 < rank ? " " : "");
  g_string_append (text, "), }");
  while ((10 + text->len + 1) % ALIGNMENT != 0)
    g_string_append_c (text, ' ');
  g_string_append_c (text, '\n');
  g_byte_array_append (header, (const guint8 *) MAGIC "\x01", 8); /* version 1, 0 */
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
  g_return_val_if_fail (path != NULL && values != NULL, FALSE);
  g_return_val_if_fail (rank <= KOL_NPY_MAX_RANK && (rank == 0 || dims != NULL), FALSE);
  g_autoptr (GByteArray) header = make_header (dims, rank);
  gsize size = 1;

  for (guint i = 0; i < rank; i++)
    size *= dims[i];
  g_autofree guint8 *file = g_try_malloc (header->len + size * sizeof (float));
  if (!file)
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
                   "There is not enough memory to write %zu numbers to “%s”", size, path);
      return FALSE;
    }
  memcpy (file, header->data, header->len);
  for (gsize i = 0; i < size; i++)
    {
      Element element = { .f4 = values[i] };
      element.u4 = GUINT32_TO_LE (element.u4);
      memcpy (file + header->len + i * sizeof (float), element.bytes, sizeof (float));
    }
  return g_file_set_contents_full (path, (const char *) file, header->len + size * sizeof (float),
                                   G_FILE_SET_CONTENTS_CONSISTENT, 0666, error);
}
