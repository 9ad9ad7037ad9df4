/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "safetensors.h"

#include <gio/gio.h>
#include <string.h>

#include "../device/error.h"
#include "../replace-private.h"
#include "json-private.h"
#include "safetensors-private.h"

/*
 * The format of <https://huggingface.co/docs/safetensors>: the length of the
 * header as a little-endian 64-bit number; the header, a JSON object
 *
 *   {"__metadata__": {"key": "text", ...},
 *    "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 *
 * then the data, little-endian, to which the offsets refer. The arrays cover the
 * data without a gap or an overlap.
 */

#define METADATA "__metadata__"
#define PREFIX KOL_SAFETENSORS_PREFIX /* also what the header is padded to */
#define CHUNK 16384                   /* elements converted at a time */

/* An array's size in elements; FALSE if that is more than memory could ever hold. */
static gboolean
count_elements (guint rank, const gint64 *dims, gsize *count)
{
  *count = 1;
  for (guint i = 0; i < rank; i++)
    if (dims[i] < 0 || !g_size_checked_mul (count, *count, dims[i]))
      return FALSE;
  return *count <= G_MAXSSIZE / sizeof (double);
}

/**
 * kol_array_new:
 * @name: its name, UTF-8
 * @rank: number of dimensions, 0 to %KOL_ARRAY_MAX_RANK
 * @dims: (array length=rank) (nullable): their sizes, none negative
 *
 * Returns: (transfer full) (nullable): an array of zeros, or %NULL if there is not
 *   enough memory for it
 */
KolArray *
kol_array_new (const char *name, guint rank, const gint64 *dims)
{
  gsize count;

  g_return_val_if_fail (name != NULL, NULL);
  g_return_val_if_fail (rank <= KOL_ARRAY_MAX_RANK, NULL);
  g_return_val_if_fail (rank == 0 || dims != NULL, NULL);
  for (guint i = 0; i < rank; i++)
    g_return_val_if_fail (dims[i] >= 0, NULL);

  if (!count_elements (rank, dims, &count))
    return NULL;
  float *data = g_try_malloc0_n (MAX (count, 1), sizeof (float));
  if (!data)
    return NULL;
  KolArray *array = g_new0 (KolArray, 1);
  array->name = g_strdup (name);
  array->rank = rank;
  for (guint i = 0; i < rank; i++)
    array->dims[i] = dims[i];
  array->data = data;
  array->count = count;
  return array;
}

/**
 * kol_array_free:
 * @array: (transfer full) (nullable): an array
 *
 * Frees the array, its name and its data.
 */
void
kol_array_free (KolArray *array)
{
  if (!array)
    return;
  g_free (array->name);
  g_free (array->data);
  g_free (array);
}

static gboolean fail (const char *path, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* Sets an error that begins with the file's name; always FALSE. */
static gboolean
fail (const char *path, GError **error, const char *format, ...)
{
  g_autofree char *shown = g_filename_display_name (path);
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "“%s” %s", shown, sentence);
  return FALSE;
}

/* ------------------------------------------------------------------ saving */

static gboolean
check_name (const char *path, const KolArray *array, GHashTable *seen, GError **error)
{
  if (!g_utf8_validate (array->name, -1, NULL))
    return fail (path, error, "cannot be written: an array's name is not UTF-8; rename the array");
  if (strcmp (array->name, METADATA) == 0)
    return fail (path, error,
                 "cannot be written: an array is named “" METADATA "”, which the format keeps for "
                 "itself; rename the array");
  if (!g_hash_table_add (seen, array->name))
    return fail (path, error, "cannot be written: two arrays are named “%s”; rename one of them",
                 array->name);
  return TRUE;
}

static gboolean
check_names (const char *path, GPtrArray *arrays, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < arrays->len; i++)
    if (!check_name (path, arrays->pdata[i], seen, error))
      return FALSE;
  return TRUE;
}

static gboolean
check_metadata (const char *path, GHashTable *metadata, GError **error)
{
  GHashTableIter iter;
  gpointer key, value;

  if (!metadata)
    return TRUE;
  g_hash_table_iter_init (&iter, metadata);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (!g_utf8_validate (key, -1, NULL) || !g_utf8_validate (value, -1, NULL))
      {
        g_autofree char *shown = g_utf8_make_valid (key, -1);
        return fail (path, error,
                     "cannot be written: the metadata entry “%s” is not UTF-8; encode it as text",
                     shown);
      }
  return TRUE;
}

/* In the order of the keys, so that equal contents make equal files. */
static void
append_metadata (GString *header, GHashTable *metadata)
{
  g_autoptr (GList) keys = g_list_sort (g_hash_table_get_keys (metadata), (GCompareFunc) strcmp);

  kol_json_append_string (header, METADATA);
  g_string_append (header, ":{");
  for (GList *key = keys; key; key = key->next)
    {
      if (key != keys)
        g_string_append_c (header, ',');
      kol_json_append_string (header, key->data);
      g_string_append_c (header, ':');
      kol_json_append_string (header, g_hash_table_lookup (metadata, key->data));
    }
  g_string_append (header, "},");
}

/* Writes the array's entry; its data begin at @offset, which is moved to their end. */
static void
append_array (GString *header, const KolArray *array, guint64 *offset)
{
  guint64 end = *offset + array->count * sizeof (float);

  kol_json_append_string (header, array->name);
  g_string_append (header, ":{\"dtype\":\"F32\",\"shape\":[");
  for (guint i = 0; i < array->rank; i++)
    g_string_append_printf (header, "%s%" G_GINT64_FORMAT, i ? "," : "", array->dims[i]);
  g_string_append_printf (
      header, "],\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]},", *offset, end);
  *offset = end;
}

/* The header, padded with spaces so that the data begin at a multiple of 8. */
static GString *
make_header (GPtrArray *arrays, GHashTable *metadata)
{
  GString *header = g_string_new ("{");
  guint64 offset = 0;

  if (metadata)
    append_metadata (header, metadata);
  for (guint i = 0; i < arrays->len; i++)
    append_array (header, arrays->pdata[i], &offset);
  if (header->str[header->len - 1] == ',')
    g_string_truncate (header, header->len - 1);
  g_string_append_c (header, '}');
  while (header->len % PREFIX != 0)
    g_string_append_c (header, ' ');
  return header;
}

static gboolean
write_floats (int file, const float *data, gsize count)
{
  g_autofree guint32 *words = g_new (guint32, CHUNK);

  for (gsize done = 0; done < count; done += CHUNK)
    {
      gsize now = MIN (CHUNK, count - done);
      memcpy (words, data + done, now * sizeof (float));
      for (gsize i = 0; i < now; i++)
        words[i] = GUINT32_TO_LE (words[i]);
      if (!kol_replace_write (file, words, now * sizeof (float)))
        return FALSE;
    }
  return TRUE;
}

/* What is in a file. */
typedef struct {
  GPtrArray *arrays;
  GString *header;
} Contents;

static gboolean
write_contents (int file, gpointer data)
{
  const Contents *contents = data;
  guint64 length = GUINT64_TO_LE ((guint64) contents->header->len);
  gboolean written = kol_replace_write (file, &length, sizeof length)
                     && kol_replace_write (file, contents->header->str, contents->header->len);

  for (guint i = 0; written && i < contents->arrays->len; i++)
    {
      const KolArray *array = contents->arrays->pdata[i];
      written = write_floats (file, array->data, array->count);
    }
  return written;
}

static gboolean
is_consistent (const KolArray *array)
{
  gsize count;

  return array && array->name && array->rank <= KOL_ARRAY_MAX_RANK
         && count_elements (array->rank, array->dims, &count) && count == array->count
         && (array->data || count == 0);
}

/**
 * kol_safetensors_save:
 * @path: the file's name
 * @arrays: (element-type KolArray): what to save, in this order
 * @metadata: (nullable) (element-type utf8 utf8): texts to save with it, or %NULL
 * @error: where to put what went wrong
 *
 * Writes arrays as float32 in the format of <https://huggingface.co/docs/safetensors>,
 * which Python, Rust and others read. The file is written under a temporary name
 * beside @path, flushed to the disk and renamed: after a failure, @path is what it
 * was before.
 *
 * Fails with %KOL_ERROR_DATA when names are not UTF-8, not unique or reserved, and
 * with an error of %G_FILE_ERROR when the disk refuses.
 *
 * Returns: whether the file is written
 */
gboolean
kol_safetensors_save (const char *path, GPtrArray *arrays, GHashTable *metadata, GError **error)
{
  g_return_val_if_fail (path != NULL && arrays != NULL, FALSE);
  for (guint i = 0; i < arrays->len; i++)
    g_return_val_if_fail (is_consistent (arrays->pdata[i]), FALSE);

  if (!check_names (path, arrays, error) || !check_metadata (path, metadata, error))
    return FALSE;
  g_autoptr (GString) header = make_header (arrays, metadata);
  return kol_replace_file (path, write_contents, &(Contents){ arrays, header }, error);
}

/* ------------------------------------------------------- types of elements */

static const struct {
  const char *dtype; /* in the header */
  const char *type;
} dtypes[] = {
  { "F32", "f4" }, { "F64", "f8" }, { "F16", "f2" }, { "BF16", "bf16" }, { "BOOL", "b1" },
  { "U8", "u1" },  { "I8", "i1" },  { "U16", "u2" }, { "I16", "i2" },    { "U32", "u4" },
  { "I32", "i4" }, { "U64", "u8" }, { "I64", "i8" },
};

static const KolElementType *
find_type (const char *dtype)
{
  for (gsize i = 0; i < G_N_ELEMENTS (dtypes); i++)
    if (strcmp (dtypes[i].dtype, dtype) == 0)
      return kol_element_type_find (dtypes[i].type);
  return NULL;
}

/* ----------------------------------------------------------------- loading */

/* What the header says of an array. */
typedef struct {
  char *name;
  char *dtype_name;
  const KolElementType *type; /* found when the entries are checked */
  guint rank;
  gint64 dims[KOL_ARRAY_MAX_RANK];
  gint64 begin, end; /* of its bytes in the data */
  gboolean has_shape, has_offsets;
} Entry;

static void
entry_free (Entry *entry)
{
  g_free (entry->name);
  g_free (entry->dtype_name);
  g_free (entry);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Entry, entry_free)

typedef struct {
  const char *path;
  GInputStream *stream; /* NULL where the file lies in memory */
  guint64 size;         /* bytes of the file */
  gboolean floats;      /* no other arrays are taken */
  char *text;           /* the header, or NULL where the file lies in memory */
  guint64 length;
  KolJson json; /* reads the header */
  GPtrArray *entries;
  GHashTable *names; /* of the entries, lent by them */
  GHashTable *metadata;
} Loader;

static void
loader_clear (Loader *loader)
{
  g_clear_object (&loader->stream);
  g_clear_pointer (&loader->text, g_free);
  g_clear_pointer (&loader->names, g_hash_table_unref);
  g_clear_pointer (&loader->entries, g_ptr_array_unref);
  g_clear_pointer (&loader->metadata, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Loader, loader_clear)

static gboolean
open_file (Loader *loader, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (loader->path);
  g_autofree char *shown = g_filename_display_name (loader->path);
  g_autoptr (GFileInputStream) stream = g_file_read (file, NULL, error);
  g_autoptr (GFileInfo) info = NULL;

  if (stream)
    info = g_file_input_stream_query_info (
        stream, G_FILE_ATTRIBUTE_STANDARD_SIZE "," G_FILE_ATTRIBUTE_STANDARD_TYPE, NULL, error);
  if (!info)
    {
      g_prefix_error (error, "“%s” cannot be opened: ", shown);
      return FALSE;
    }
  if (g_file_info_get_file_type (info) != G_FILE_TYPE_REGULAR)
    return fail (loader->path, error, "is not a file on a disk; give a .safetensors file");
  loader->size = g_file_info_get_size (info);
  loader->stream = G_INPUT_STREAM (g_steal_pointer (&stream));
  return TRUE;
}

/* The file's size was compared with what is read, so fewer bytes mean that it changed since. */
static gboolean
read_bytes (Loader *loader, void *bytes, gsize size, GError **error)
{
  g_autofree char *shown = g_filename_display_name (loader->path);
  gsize got;

  if (!g_input_stream_read_all (loader->stream, bytes, size, &got, NULL, error))
    {
      g_prefix_error (error, "“%s” cannot be read: ", shown);
      return FALSE;
    }
  return got == size
         || fail (loader->path, error, "became shorter while it was read; load it again");
}

static gboolean
check_size (const Loader *loader, GError **error)
{
  return loader->size >= PREFIX
         || fail (loader->path, error,
                  "is truncated: it has %" G_GUINT64_FORMAT " bytes, but a safetensors file has at "
                  "least %d; copy or download it again",
                  loader->size, PREFIX);
}

/* Takes the header's length as it stands in the file. */
static gboolean
set_length (Loader *loader, guint64 length, GError **error)
{
  loader->length = GUINT64_FROM_LE (length);
  return loader->length <= loader->size - PREFIX
         || fail (loader->path, error,
                  "is truncated or not safetensors: its first bytes promise a header of "
                  "%" G_GUINT64_FORMAT " bytes, of which %" G_GUINT64_FORMAT " are there; copy or "
                  "download it again",
                  loader->length, loader->size - PREFIX);
}

static gboolean
read_header (Loader *loader, GError **error)
{
  guint64 length;

  if (!check_size (loader, error) || !read_bytes (loader, &length, sizeof length, error)
      || !set_length (loader, length, error))
    return FALSE;
  loader->text = g_try_malloc (MAX (loader->length, 1));
  if (!loader->text)
    return fail (loader->path, error,
                 "has a header of %" G_GUINT64_FORMAT " bytes, for which memory does not suffice",
                 loader->length);
  return read_bytes (loader, loader->text, loader->length, error);
}

/* Reads an array of up to @most numbers. */
static gboolean
read_integers (KolJson *json, const Entry *entry, const char *what, gint64 *values, guint most,
               guint *count, GError **error)
{
  gboolean more;

  *count = 0;
  if (!kol_json_open (json, '[', error))
    return FALSE;
  while (kol_json_more (json, ']', &more, error) && more)
    {
      if (*count == most)
        {
          g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                       "the %s of the array “%s” should be at most %u numbers and are more", what,
                       entry->name, most);
          return FALSE;
        }
      if (!kol_json_integer (json, &values[(*count)++], error))
        return FALSE;
    }
  return !more;
}

static gboolean
read_shape (Loader *loader, Entry *entry, GError **error)
{
  entry->has_shape = TRUE;
  return read_integers (&loader->json, entry, "shape", entry->dims, KOL_ARRAY_MAX_RANK,
                        &entry->rank, error);
}

static gboolean
read_offsets (Loader *loader, Entry *entry, GError **error)
{
  gint64 offsets[2] = { 0 };
  guint count;

  if (!read_integers (&loader->json, entry, "data_offsets", offsets, 2, &count, error))
    return FALSE;
  if (count < 2)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "the data_offsets of the array “%s” should be 2 numbers and are %u", entry->name,
                   count);
      return FALSE;
    }
  entry->begin = offsets[0];
  entry->end = offsets[1];
  entry->has_offsets = TRUE;
  return TRUE;
}

/* One of the three properties of an array; each may be there only once. */
static gboolean
read_property (Loader *loader, Entry *entry, GError **error)
{
  g_autofree char *key = kol_json_key (&loader->json, error);

  if (!key)
    return FALSE;
  if (strcmp (key, "dtype") == 0 && !entry->dtype_name)
    return (entry->dtype_name = kol_json_string (&loader->json, error)) != NULL;
  if (strcmp (key, "shape") == 0 && !entry->has_shape)
    return read_shape (loader, entry, error);
  if (strcmp (key, "data_offsets") == 0 && !entry->has_offsets)
    return read_offsets (loader, entry, error);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "the array “%s” has a property “%s”, unknown or there twice; dtype, shape and "
               "data_offsets are wanted, each once",
               entry->name, key);
  return FALSE;
}

/* Takes @name. */
static gboolean
read_entry (Loader *loader, char *name, GError **error)
{
  g_autoptr (Entry) entry = g_new0 (Entry, 1);
  gboolean more;

  entry->name = name;
  if (!kol_json_open (&loader->json, '{', error))
    return FALSE;
  while (kol_json_more (&loader->json, '}', &more, error) && more)
    if (!read_property (loader, entry, error))
      return FALSE;
  if (more)
    return FALSE;
  if (!entry->dtype_name || !entry->has_shape || !entry->has_offsets)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "the array “%s” lacks its %s", entry->name,
                   !entry->dtype_name  ? "dtype"
                   : !entry->has_shape ? "shape"
                                       : "data_offsets");
      return FALSE;
    }
  g_hash_table_add (loader->names, entry->name);
  g_ptr_array_add (loader->entries, g_steal_pointer (&entry));
  return TRUE;
}

static gboolean
read_metadata (Loader *loader, GError **error)
{
  gboolean more;

  if (!kol_json_open (&loader->json, '{', error))
    return FALSE;
  while (kol_json_more (&loader->json, '}', &more, error) && more)
    {
      g_autofree char *key = kol_json_key (&loader->json, error);
      g_autofree char *text = key ? kol_json_string (&loader->json, error) : NULL;
      if (!text)
        return FALSE;
      if (g_hash_table_contains (loader->metadata, key))
        {
          g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "the metadata have two entries “%s”", key);
          return FALSE;
        }
      g_hash_table_insert (loader->metadata, g_steal_pointer (&key), g_steal_pointer (&text));
    }
  return !more;
}

/* A name in the header and what belongs to it. */
static gboolean
read_member (Loader *loader, gboolean *seen_metadata, GError **error)
{
  g_autofree char *name = kol_json_key (&loader->json, error);

  if (!name)
    return FALSE;
  gboolean is_metadata = strcmp (name, METADATA) == 0;
  if (g_hash_table_contains (loader->names, name) || (is_metadata && *seen_metadata))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "the name “%s” is there twice", name);
      return FALSE;
    }
  *seen_metadata = *seen_metadata || is_metadata;
  return is_metadata ? read_metadata (loader, error)
                     : read_entry (loader, g_steal_pointer (&name), error);
}

static gboolean
parse_members (Loader *loader, const char *text, GError **error)
{
  gboolean more, seen_metadata = FALSE;

  kol_json_init (&loader->json, text, loader->length);
  loader->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) entry_free);
  loader->names = g_hash_table_new (g_str_hash, g_str_equal);
  loader->metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (!kol_json_open (&loader->json, '{', error))
    return FALSE;
  while (kol_json_more (&loader->json, '}', &more, error) && more)
    if (!read_member (loader, &seen_metadata, error))
      return FALSE;
  return !more && kol_json_end (&loader->json, error);
}

static gboolean
parse_header (Loader *loader, const char *text, GError **error)
{
  g_autoptr (GError) wrong = NULL;

  return parse_members (loader, text, &wrong)
         || fail (loader->path, error,
                  "has a damaged header, or is not safetensors: %s; copy or download it again",
                  wrong->message);
}

static int
compare_places (gconstpointer a, gconstpointer b)
{
  const Entry *left = *(Entry *const *) a, *right = *(Entry *const *) b;

  if (left->begin != right->begin)
    return left->begin < right->begin ? -1 : 1;
  return left->end < right->end ? -1 : left->end > right->end;
}

static gboolean
check_dtype (Loader *loader, Entry *entry, GError **error)
{
  entry->type = find_type (entry->dtype_name);
  return (entry->type && (entry->type->is_float || !loader->floats))
         || fail (loader->path, error,
                  "holds the array “%s” of dtype “%s”; only F32, F64, F16 and BF16%s are read, so "
                  "convert that array or leave it out of the file",
                  entry->name, entry->dtype_name, loader->floats ? "" : " and whole numbers");
}

/* Whether the array has as many bytes as its shape needs. */
static gboolean
check_shape (Loader *loader, const Entry *entry, GError **error)
{
  g_autoptr (GString) shape = g_string_new (NULL);
  gsize count;

  if (count_elements (entry->rank, entry->dims, &count)
      && count * entry->type->size == (guint64) (entry->end - entry->begin))
    return TRUE;
  for (guint i = 0; i < entry->rank; i++)
    g_string_append_printf (shape, "%s%" G_GINT64_FORMAT, i ? ", " : "", entry->dims[i]);
  return fail (loader->path, error,
               "is damaged: the array “%s” has %" G_GINT64_FORMAT " bytes of data, not what its "
               "shape [%s] of %s elements needs; copy or download it again",
               entry->name, entry->end - entry->begin, shape->str, entry->dtype_name);
}

/* Whether the array's bytes lie within the data, which are @data_size bytes. */
static gboolean
check_range (Loader *loader, const Entry *entry, gint64 data_size, GError **error)
{
  return (entry->begin <= entry->end && entry->end <= data_size)
         || fail (loader->path, error,
                  "is truncated or damaged: the array “%s” should be the bytes %" G_GINT64_FORMAT
                  " to %" G_GINT64_FORMAT " of the data, of which %" G_GINT64_FORMAT
                  " are there; copy or download it again",
                  entry->name, entry->begin, entry->end, data_size);
}

/* Whether the array begins where the one before it ends, which is at @covered. */
static gboolean
check_neighbour (Loader *loader, const Entry *entry, gint64 covered, GError **error)
{
  return entry->begin == covered
         || fail (loader->path, error,
                  "is damaged: the array “%s” begins at byte %" G_GINT64_FORMAT
                  " of the data, %s at byte %" G_GINT64_FORMAT "; copy or download it again",
                  entry->name, entry->begin,
                  entry->begin < covered ? "but overlaps another, which ends"
                                         : "leaving a gap after the one before it, which ends",
                  covered);
}

/* Sorts the arrays by their place and sees that they cover the data exactly. */
static gboolean
check_entries (Loader *loader, GError **error)
{
  gint64 data_size = loader->size - PREFIX - loader->length, covered = 0;

  g_ptr_array_sort (loader->entries, compare_places);
  for (guint i = 0; i < loader->entries->len; i++)
    {
      Entry *entry = loader->entries->pdata[i];
      if (!check_dtype (loader, entry, error) || !check_range (loader, entry, data_size, error)
          || !check_shape (loader, entry, error)
          || !check_neighbour (loader, entry, covered, error))
        return FALSE;
      covered = entry->end;
    }
  if (covered < data_size)
    return fail (loader->path, error,
                 "is damaged: its arrays end at byte %" G_GINT64_FORMAT
                 " of the data, but %" G_GINT64_FORMAT
                 " bytes are there; copy or download it again",
                 covered, data_size);
  return TRUE;
}

/* Reads the elements, which lie next in the file, and makes floats of them. */
static gboolean
read_elements (Loader *loader, const KolElementType *type, KolArray *array, GError **error)
{
  g_autofree guint8 *bytes = g_malloc (CHUNK * type->size);

  for (gsize done = 0; done < array->count; done += CHUNK)
    {
      gsize now = MIN (CHUNK, array->count - done);
      KolElements elements
          = { .type = type, .rank = 1, .dims = { (gint64) now }, .strides = { 1 } };

      if (!read_bytes (loader, bytes, now * type->size, error))
        return FALSE;
      kol_elements_read (&elements, bytes, array->data + done);
    }
  return TRUE;
}

static GPtrArray *
read_arrays (Loader *loader, GError **error)
{
  g_autoptr (GPtrArray) arrays = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_array_free);

  for (guint i = 0; i < loader->entries->len; i++)
    {
      const Entry *entry = loader->entries->pdata[i];
      KolArray *array = kol_array_new (entry->name, entry->rank, entry->dims);
      if (!array)
        {
          fail (loader->path, error, "holds the array “%s”, for which there is not enough memory",
                entry->name);
          return NULL;
        }
      g_ptr_array_add (arrays, array);
      if (!read_elements (loader, entry->type, array, error))
        return NULL;
    }
  return g_steal_pointer (&arrays);
}

/**
 * kol_safetensors_load:
 * @path: the file's name
 * @metadata: (out) (optional) (transfer full) (element-type utf8 utf8): the texts
 *   that were saved with it, perhaps none
 * @error: where to put what went wrong
 *
 * Reads all the arrays of a file in the format of
 * <https://huggingface.co/docs/safetensors>. Elements of type F32, F64, F16 and
 * BF16 become float32; an F64 that is too large for it becomes infinite.
 *
 * The file is checked before its data are read. Fails with %KOL_ERROR_DATA, and a
 * sentence that says what is wrong with the file, or with GIO's errors when it
 * cannot be opened or read.
 *
 * Returns: (transfer full) (element-type KolArray): the arrays in the order of their
 *   data, freed with the list, or %NULL with @error set
 */
GPtrArray *
kol_safetensors_load (const char *path, GHashTable **metadata, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_auto (Loader) loader = { .path = path, .floats = TRUE };

  if (metadata)
    *metadata = NULL;
  if (!open_file (&loader, error) || !read_header (&loader, error)
      || !parse_header (&loader, loader.text, error) || !check_entries (&loader, error))
    return NULL;
  GPtrArray *arrays = read_arrays (&loader, error);
  if (arrays && metadata)
    *metadata = g_steal_pointer (&loader.metadata);
  return arrays;
}

/* ---------------------------------------------------------------- in memory */

static void
index_entry_free (gpointer data)
{
  KolSafetensorsEntry *entry = data;

  g_free (entry->name);
  g_free (entry);
}

GPtrArray *
kol_safetensors_index (const char *path, const guint8 *bytes, gsize length, GError **error)
{
  g_auto (Loader) loader = { .path = path, .size = length };
  GPtrArray *index;
  guint64 prefix;

  if (!check_size (&loader, error))
    return NULL;
  memcpy (&prefix, bytes, sizeof prefix);
  if (!set_length (&loader, prefix, error)
      || !parse_header (&loader, (const char *) bytes + PREFIX, error)
      || !check_entries (&loader, error))
    return NULL;
  index = g_ptr_array_new_with_free_func (index_entry_free);
  for (guint i = 0; i < loader.entries->len; i++)
    {
      Entry *entry = loader.entries->pdata[i];
      KolSafetensorsEntry *place = g_new0 (KolSafetensorsEntry, 1);

      place->name = g_steal_pointer (&entry->name);
      place->type = entry->type;
      place->rank = entry->rank;
      memcpy (place->dims, entry->dims, sizeof place->dims);
      place->start = PREFIX + loader.length + (guint64) entry->begin;
      g_ptr_array_add (index, place);
    }
  return index;
}
