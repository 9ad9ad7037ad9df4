/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * One way into all files of named arrays. What a file is, its first bytes tell.
 */

#include "weights-private.h"

#include <string.h>

#include "../device/error.h"
#include "../file-private.h"
#include "../npy-header-private.h"
#include "../map-private.h"
#include "safetensors-private.h"

/* ── Errors ──────────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_weights_fail (const KolWeights *weights, GError **error, const char *format, ...)
{
  g_autofree char *shown = g_filename_display_name (weights->path);
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "“%s” %s", shown, sentence);
  return FALSE;
}

gboolean
kol_weights_file_error (GError **error)
{
  if (error && *error && (*error)->domain == KOL_FILE_ERROR)
    {
      gboolean memory = (*error)->code == KOL_FILE_TOO_LARGE;

      (*error)->domain = KOL_ERROR;
      (*error)->code = memory ? KOL_ERROR_MEMORY : KOL_ERROR_DATA;
    }
  return FALSE;
}

/* ── Arrays ──────────────────────────────────────────────────────────────────────────────────── */

static void
array_free (gpointer data)
{
  KolWeightsArray *array = data;

  g_free (array->name);
  g_free (array);
}

KolWeightsArray *
kol_weights_add (KolWeights *weights, const char *name, const KolElements *elements, GError **error)
{
  gsize count;

  if (weights->arrays->len == KOL_WEIGHTS_MOST_ARRAYS)
    kol_weights_fail (weights, error, "has more than %d arrays, more than any network",
                      KOL_WEIGHTS_MOST_ARRAYS);
  else if (strlen (name) > KOL_WEIGHTS_MOST_LETTERS)
    kol_weights_fail (weights, error, "has an array with a name of more than %d letters: “%.40s…”",
                      KOL_WEIGHTS_MOST_LETTERS, name);
  else if (g_hash_table_contains (weights->by_name, name))
    kol_weights_fail (weights, error, "has two arrays called “%s”", name);
  else if (!kol_elements_count (elements, &count))
    kol_weights_fail (weights, error, "promises more elements in “%s” than any memory holds", name);
  else
    {
      KolWeightsArray *array = g_new0 (KolWeightsArray, 1);

      array->name = g_strdup (name);
      array->elements = *elements;
      array->shape.rank = (int) elements->rank;
      memcpy (array->shape.dim, elements->dims, sizeof (gint64) * elements->rank);
      g_ptr_array_add (weights->arrays, array);
      g_hash_table_insert (weights->by_name, array->name, GUINT_TO_POINTER (weights->arrays->len));
      return array;
    }
  return NULL;
}

/* ── safetensors ─────────────────────────────────────────────────────────────────────────────── */

/* The length of a header, which begins with a brace. */
static gboolean
safetensors_recognizes (const guint8 *bytes, gsize length)
{
  return length > KOL_SAFETENSORS_PREFIX && bytes[KOL_SAFETENSORS_PREFIX] == '{';
}

static gboolean
safetensors_open (KolWeights *weights, GError **error)
{
  g_autoptr (GPtrArray) entries
      = kol_safetensors_index (weights->path, weights->bytes, weights->length, error);

  for (guint i = 0; entries && i < entries->len; i++)
    {
      const KolSafetensorsEntry *entry = g_ptr_array_index (entries, i);
      KolElements elements = { .type = entry->type, .rank = entry->rank };

      memcpy (elements.dims, entry->dims, sizeof (gint64) * entry->rank);
      kol_elements_set_strides (&elements, FALSE);
      KolWeightsArray *array = kol_weights_add (weights, entry->name, &elements, error);
      if (!array)
        return FALSE;
      array->bytes = weights->bytes + entry->start;
    }
  return entries != NULL;
}

const KolWeightsFormat kol_weights_safetensors = {
  .title = "safetensors",
  .recognizes = safetensors_recognizes,
  .open = safetensors_open,
};

/* ── NumPy ───────────────────────────────────────────────────────────────────────────────────── */

static gboolean
npy_recognizes (const guint8 *bytes, gsize length)
{
  return length >= KOL_NPY_MAGIC_SIZE && memcmp (bytes, KOL_NPY_MAGIC, KOL_NPY_MAGIC_SIZE) == 0;
}

/* The array is called as the file, without its ending. */
static gboolean
npy_open (KolWeights *weights, GError **error)
{
  g_autofree char *shown = g_filename_display_name (weights->path);
  g_autofree char *base = g_filename_display_basename (weights->path);
  KolNpyHeader header;

  if (!kol_npy_header_read (&header, weights->bytes, weights->length, weights->length, shown,
                            error))
    return kol_weights_file_error (error);
  if (g_str_has_suffix (base, ".npy"))
    base[strlen (base) - strlen (".npy")] = '\0';
  KolWeightsArray *array = kol_weights_add (weights, base, &header.elements, error);
  if (!array)
    return FALSE;
  array->bytes = weights->bytes + header.start;
  return TRUE;
}

const KolWeightsFormat kol_weights_npy = {
  .title = "NumPy, one array",
  .recognizes = npy_recognizes,
  .open = npy_open,
};

/* An archive of arrays; of each only the header is looked at. */
static gboolean
open_npz_member (KolWeights *weights, KolZipMember *member, GError **error)
{
  g_autofree char *shown = g_filename_display_name (weights->path);
  g_autofree char *called = g_strdup_printf ("%s: %s", shown, member->name);
  g_autofree char *name = g_strndup (member->name, strlen (member->name) - strlen (".npy"));
  g_autoptr (GBytes) start = kol_zip_peek (weights->zip, member, KOL_NPY_MAX_HEADER + 12, error);
  KolNpyHeader header;

  if (!start
      || !kol_npy_header_read (&header, g_bytes_get_data (start, NULL), g_bytes_get_size (start),
                               member->size, called, error))
    return kol_weights_file_error (error);
  KolWeightsArray *array = kol_weights_add (weights, name, &header.elements, error);
  if (!array)
    return FALSE;
  array->member = member;
  array->offset = header.start;
  return TRUE;
}

static gboolean
open_npz (KolWeights *weights, GError **error)
{
  gboolean any = FALSE;

  weights->title = "NumPy, several arrays";
  for (guint i = 0; i < weights->zip->members->len; i++)
    {
      KolZipMember *member = g_ptr_array_index (weights->zip->members, i);

      if (!g_str_has_suffix (member->name, ".npy"))
        continue;
      any = TRUE;
      if (!open_npz_member (weights, member, error))
        return FALSE;
    }
  return any
         || kol_weights_fail (weights, error,
                              "is a zip archive, but neither PyTorch's nor NumPy's: it has no "
                              "data.pkl and no .npy in it");
}

static gboolean
zip_recognizes (const guint8 *bytes, gsize length)
{
  return length >= 4
         && (memcmp (bytes, "PK\x03\x04", 4) == 0 || memcmp (bytes, "PK\x05\x06", 4) == 0);
}

static gboolean
zip_open (KolWeights *weights, GError **error)
{
  weights->zip = kol_zip_open_mapped (weights->file, weights->path, error);
  if (!weights->zip)
    return kol_weights_file_error (error);
  return kol_weights_is_torch_zip (weights->zip) ? kol_weights_open_torch_zip (weights, error)
                                                 : open_npz (weights, error);
}

const KolWeightsFormat kol_weights_zip = {
  .title = "zip",
  .recognizes = zip_recognizes,
  .open = zip_open,
};

/* ── All formats ─────────────────────────────────────────────────────────────────────────────── */

/* The first that recognizes a file reads it. */
static const KolWeightsFormat *const formats[] = {
  &kol_weights_zip,         &kol_weights_hdf5, &kol_weights_npy,
  &kol_weights_safetensors, /* its header's length may look like the beginning of a pickle */
  &kol_weights_pickle,
};

static gboolean
find_format (KolWeights *weights, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i]->recognizes (weights->bytes, weights->length))
      {
        weights->format = formats[i];
        weights->title = formats[i]->title;
        return TRUE;
      }
  return kol_weights_fail (weights, error,
                           "is not a file of weights: safetensors, PyTorch's .pth and .pt, Keras's "
                           "HDF5, and NumPy's .npz and .npy are read, and told by their first "
                           "bytes; these are of nothing that is known");
}

/**
 * kol_weights_open:
 * @path: a file's name
 * @error: where to put what went wrong
 *
 * Opens a file of named arrays, whatever it is called: safetensors; PyTorch's .pth and
 * .pt, as zip archives and as the stream of before version 1.6; Keras's HDF5;
 * NumPy's .npz and .npy. The file is mapped and its
 * contents are checked, but no array is read yet.
 *
 * Of PyTorch's checkpoints, the dictionary "state_dict", "model_state_dict" or "model"
 * is taken, if it has tensors; other dictionaries within dictionaries give names with
 * dots. Nothing that a pickle asks for is ever run.
 *
 * Fails with %KOL_ERROR_DATA, and a sentence that says what is wrong with the file, or
 * with errors of %G_FILE_ERROR when it cannot be opened.
 *
 * Returns: (transfer full): the file, or %NULL with @error set
 */
KolWeights *
kol_weights_open (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_autoptr (KolWeights) weights = g_new0 (KolWeights, 1);

  weights->path = g_strdup (path);
  weights->arrays = g_ptr_array_new_with_free_func (array_free);
  weights->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  weights->file = kol_map_file (path, error);
  if (!weights->file)
    return NULL;
  weights->bytes = (const guint8 *) g_mapped_file_get_contents (weights->file);
  weights->length = g_mapped_file_get_length (weights->file);
  if (!find_format (weights, error) || !weights->format->open (weights, error))
    return NULL;
  return g_steal_pointer (&weights);
}

/**
 * kol_weights_free:
 * @weights: (transfer full) (nullable): a file of arrays
 *
 * Closes the file.
 */
void
kol_weights_free (KolWeights *weights)
{
  if (!weights)
    return;
  if (weights->format && weights->format->close)
    weights->format->close (weights);
  g_clear_pointer (&weights->by_name, g_hash_table_unref);
  g_clear_pointer (&weights->arrays, g_ptr_array_unref);
  g_clear_pointer (&weights->zip, kol_zip_free);
  g_clear_pointer (&weights->file, g_mapped_file_unref);
  g_free (weights->path);
  g_free (weights);
}

static const KolWeightsArray *
get_array (const KolWeights *weights, guint i)
{
  g_return_val_if_fail (i < weights->arrays->len, NULL);
  return g_ptr_array_index (weights->arrays, i);
}

/**
 * kol_weights_get_format:
 * @weights: a file of arrays
 *
 * Returns: (transfer none): what it is, for people: "PyTorch"
 */
const char *
kol_weights_get_format (const KolWeights *weights)
{
  return weights->title;
}

/**
 * kol_weights_get_count:
 * @weights: a file of arrays
 *
 * Returns: how many arrays it has
 */
guint
kol_weights_get_count (const KolWeights *weights)
{
  return weights->arrays->len;
}

/**
 * kol_weights_get_name:
 * @weights: a file of arrays
 * @i: 0 .. count-1, in the order of the file
 *
 * Returns: (transfer none): the name of an array, unlike all others in the file
 */
const char *
kol_weights_get_name (const KolWeights *weights, guint i)
{
  return get_array (weights, i)->name;
}

/**
 * kol_weights_get_shape:
 * @weights: a file of arrays
 * @i: 0 .. count-1
 *
 * Returns: (transfer none): the shape of an array; lengths may be 0
 */
const KolShape *
kol_weights_get_shape (const KolWeights *weights, guint i)
{
  return &get_array (weights, i)->shape;
}

/**
 * kol_weights_get_type:
 * @weights: a file of arrays
 * @i: 0 .. count-1
 *
 * Returns: (transfer none): what the elements of an array are in the file: "float32",
 *   "float16", "bfloat16", "int64", ...
 */
const char *
kol_weights_get_type (const KolWeights *weights, guint i)
{
  return get_array (weights, i)->elements.type->title;
}

/**
 * kol_weights_find:
 * @weights: a file of arrays
 * @name: a name
 *
 * Returns: the array of that name; -1 if there is none
 */
int
kol_weights_find (const KolWeights *weights, const char *name)
{
  return GPOINTER_TO_INT (g_hash_table_lookup (weights->by_name, name)) - 1;
}

/* Reads an array that lies in an archive's member. */
static gboolean
read_member (KolWeights *weights, const KolWeightsArray *array, float *values, GError **error)
{
  g_autoptr (GBytes) bytes = kol_zip_read (weights->zip, array->member, error);

  if (!bytes)
    return kol_weights_file_error (error);
  kol_elements_read (&array->elements,
                     (const guint8 *) g_bytes_get_data (bytes, NULL) + array->offset, values);
  return TRUE;
}

/**
 * kol_weights_read:
 * @weights: a file of arrays
 * @i: 0 .. count-1
 * @values: (out): room for all its elements
 * @error: where to put what went wrong
 *
 * Reads an array, row-major, as float32: whole numbers above 2^24 are rounded, and a
 * float64 that is too large becomes infinite.
 *
 * Returns: %FALSE, with @error set, if the file is damaged there
 */
gboolean
kol_weights_read (KolWeights *weights, guint i, float *values, GError **error)
{
  const KolWeightsArray *array = get_array (weights, i);

  if (array->member)
    return read_member (weights, array, values, error);
  if (!array->bytes)
    return weights->format->read (weights, array, values, error);
  kol_elements_read (&array->elements, array->bytes, values);
  return TRUE;
}
