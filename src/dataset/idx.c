/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "idx.h"

#include <gio/gio.h>
#include <string.h>

/*
 * IDX, the format of the MNIST files: two zero bytes, a byte for the type of the
 * elements, a byte for the rank, each dimension as a big-endian 32-bit number,
 * then the elements, row-major.
 */

#define UNSIGNED_BYTE 0x08

/* The array grows as its file is read, so that a header's lie costs no memory. */
#define FIRST_READ ((gsize) 1 << 20)

G_DEFINE_QUARK (kol - dataset - error - quark, kol_dataset_error)

typedef struct {
  GInputStream *stream;      /* of the contents, decompressed */
  char *name;                /* the file's, for messages */
  GCancellable *cancellable; /* lent; NULL: reading is not interrupted */
} Reader;

static void
reader_clear (Reader *reader)
{
  g_clear_object (&reader->stream);
  g_clear_pointer (&reader->name, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reader, reader_clear)

/* Turns GIO's error into a sentence that names the file; always FALSE. */
static gboolean
reader_fail (const Reader *reader, GError *cause, GError **error)
{
  if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
                 "There is no file “%s”; check its name and folder", reader->name);
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT))
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TRUNCATED,
                 "“%s” is truncated: its gzip data end too soon; copy or download it again",
                 reader->name);
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_INVALID_DATA))
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_CORRUPT,
                 "“%s” is damaged: its gzip data cannot be decompressed; copy or download it again",
                 reader->name);
  else
    {
      g_propagate_prefixed_error (error, cause, "“%s” cannot be read: ", reader->name);
      return FALSE;
    }
  g_error_free (cause);
  return FALSE;
}

static gboolean
is_gzip (GBufferedInputStream *stream)
{
  gsize available;
  const guint8 *start = g_buffered_input_stream_peek_buffer (stream, &available);

  return available >= 2 && start[0] == 0x1f && start[1] == 0x8b;
}

static gboolean
reader_open (Reader *reader, const char *path, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  GError *cause = NULL;

  reader->name = g_filename_display_name (path);
  g_autoptr (GFileInputStream) raw = g_file_read (file, NULL, &cause);
  if (!raw)
    return reader_fail (reader, cause, error);
  reader->stream = g_buffered_input_stream_new (G_INPUT_STREAM (raw));
  if (g_buffered_input_stream_fill (G_BUFFERED_INPUT_STREAM (reader->stream), -1, NULL, &cause) < 0)
    return reader_fail (reader, cause, error);

  if (is_gzip (G_BUFFERED_INPUT_STREAM (reader->stream)))
    {
      g_autoptr (GZlibDecompressor) gunzip
          = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP);
      g_autoptr (GInputStream) compressed = g_steal_pointer (&reader->stream);
      reader->stream = g_converter_input_stream_new (compressed, G_CONVERTER (gunzip));
    }
  return TRUE;
}

/* Reads @wanted bytes, or fewer where the contents end: @got says how many. */
static gboolean
reader_read (Reader *reader, guint8 *bytes, gsize wanted, gsize *got, GError **error)
{
  GError *cause = NULL;

  if (!g_input_stream_read_all (reader->stream, bytes, wanted, got, reader->cancellable, &cause))
    return reader_fail (reader, cause, error);
  return TRUE;
}

/* As above, for the parts of the header: fewer bytes are an error. */
static gboolean
reader_read_header (Reader *reader, guint8 *bytes, gsize wanted, GError **error)
{
  gsize got;

  if (!reader_read (reader, bytes, wanted, &got, error))
    return FALSE;
  if (got < wanted)
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TRUNCATED,
                 "“%s” is truncated: it ends within the IDX header, which has %zu more bytes; copy "
                 "or download it again",
                 reader->name, wanted - got);
  return got == wanted;
}

static const char *
type_name (guint8 type)
{
  switch (type)
    {
    case 0x09:
      return "signed bytes";
    case 0x0B:
      return "16-bit integers";
    case 0x0C:
      return "32-bit integers";
    case 0x0D:
      return "32-bit floats";
    case 0x0E:
      return "64-bit floats";
    default:
      return "of a type that IDX does not define";
    }
}

static gboolean
read_magic (Reader *reader, guint *rank, GError **error)
{
  guint8 magic[4] = { 0 };

  if (!reader_read_header (reader, magic, sizeof magic, error))
    return FALSE;
  if (magic[0] != 0 || magic[1] != 0)
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_NOT_IDX,
                   "“%s” is not an IDX file: it begins with the bytes %02x %02x instead of 00 00; "
                   "give an IDX file, gzipped or not",
                   reader->name, magic[0], magic[1]);
      return FALSE;
    }
  if (magic[2] != UNSIGNED_BYTE)
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TYPE,
                   "The elements of “%s” are %s (0x%02x); only unsigned bytes (0x08) are read, so "
                   "convert the file",
                   reader->name, type_name (magic[2]), magic[2]);
      return FALSE;
    }
  if (magic[3] < 1 || magic[3] > KOL_IDX_MAX_RANK)
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_RANK,
                   "“%s” has rank %u; arrays of rank 1 to %d are read", reader->name, magic[3],
                   KOL_IDX_MAX_RANK);
      return FALSE;
    }
  *rank = magic[3];
  return TRUE;
}

static gboolean
read_dimensions (Reader *reader, KolIdx *idx, GError **error)
{
  guint8 numbers[4 * KOL_IDX_MAX_RANK];
  gboolean fits = TRUE;

  if (!reader_read_header (reader, numbers, 4 * (gsize) idx->rank, error))
    return FALSE;
  idx->size = 1;
  for (guint i = 0; i < idx->rank; i++)
    {
      guint32 big_endian;
      memcpy (&big_endian, numbers + 4 * i, 4);
      idx->dims[i] = GUINT32_FROM_BE (big_endian);
      fits = fits && g_size_checked_mul (&idx->size, idx->size, idx->dims[i]);
    }
  if (!fits)
    {
      g_autoptr (GString) dims = g_string_new (NULL);
      for (guint i = 0; i < idx->rank; i++)
        g_string_append_printf (dims, "%s%zu", i ? " x " : "", idx->dims[i]);
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
                   "The header of “%s” promises %s bytes, more than any memory holds; the file is "
                   "probably damaged: copy or download it again",
                   reader->name, dims->str);
    }
  return fits;
}

static gboolean
fail_memory (const Reader *reader, gsize size, GError **error)
{
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
               "“%s” holds %zu bytes, for which there is not enough memory", reader->name, size);
  return FALSE;
}

static gboolean
check_filled (const Reader *reader, gsize size, gsize filled, GError **error)
{
  if (filled < size)
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TRUNCATED,
                 "“%s” is truncated: its header promises %zu bytes of data, %zu are there; copy or "
                 "download it again",
                 reader->name, size, filled);
  return filled == size;
}

static gboolean
read_elements (Reader *reader, KolIdx *idx, GError **error)
{
  gsize filled = 0, capacity = 0;

  do
    {
      gsize got;
      capacity = capacity ? MIN (2 * capacity, idx->size) : MIN (FIRST_READ, idx->size);
      guint8 *grown = g_try_realloc (idx->bytes, MAX (capacity, 1));
      if (!grown)
        return fail_memory (reader, idx->size, error);
      idx->bytes = grown;
      if (!reader_read (reader, idx->bytes + filled, capacity - filled, &got, error))
        return FALSE;
      filled += got;
    }
  while (filled == capacity && capacity < idx->size);
  return check_filled (reader, idx->size, filled, error);
}

/* Also reads a gzip file to its end, where its checksum is compared. */
static gboolean
expect_end (Reader *reader, gsize size, GError **error)
{
  guint8 byte;
  gsize got;

  if (!reader_read (reader, &byte, 1, &got, error))
    return FALSE;
  if (got > 0)
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TRAILING,
                 "“%s” goes on after the %zu bytes of data that its header promises; the file is "
                 "damaged or not IDX: copy or download it again",
                 reader->name, size);
  return got == 0;
}

/* Opens the file and reads all that is known before its elements. */
static gboolean
read_header (Reader *reader, const char *path, KolIdx *idx, GError **error)
{
  return reader_open (reader, path, error) && read_magic (reader, &idx->rank, error)
         && read_dimensions (reader, idx, error);
}

/**
 * kol_idx_load:
 * @path: a file's name
 * @error: where to put what went wrong
 *
 * Reads an array of unsigned bytes from a file in the IDX format of
 * <http://yann.lecun.com/exdb/mnist/>. The file may be gzipped, which its
 * contents tell, not its name. The file must hold what its header promises,
 * neither less nor more.
 *
 * Errors are of %KOL_DATASET_ERROR, or GIO's where the disk fails.
 *
 * Returns: (transfer full): the array, or %NULL with @error set
 */
KolIdx *
kol_idx_load (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_auto (Reader) reader = { 0 };
  g_autoptr (KolIdx) idx = g_new0 (KolIdx, 1);

  if (!read_header (&reader, path, idx, error) || !read_elements (&reader, idx, error)
      || !expect_end (&reader, idx->size, error))
    return NULL;
  return g_steal_pointer (&idx);
}

/**
 * kol_idx_free:
 * @idx: (transfer full) (nullable): an array
 *
 * Frees the array and its bytes.
 */
void
kol_idx_free (KolIdx *idx)
{
  if (!idx)
    return;
  g_free (idx->bytes);
  g_free (idx);
}

/* The name of one of a set's files, if it is there under any of its spellings. */
static char *
find_file (const char *folder, const char *part, const char *kind, guint rank)
{
  const char *separators = "-.";
  const char *endings[] = { "", ".gz" };

  for (const char *separator = separators; *separator; separator++)
    for (gsize i = 0; i < G_N_ELEMENTS (endings); i++)
      {
        g_autofree char *name
            = g_strdup_printf ("%s-%s%cidx%u-ubyte%s", part, kind, *separator, rank, endings[i]);
        g_autofree char *path = g_build_filename (folder, name, NULL);
        if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
          return g_steal_pointer (&path);
      }
  return NULL;
}

static char *
require_file (const char *folder, const char *part, const char *kind, guint rank, GError **error)
{
  char *path = find_file (folder, part, kind, rank);

  if (!path)
    {
      g_autofree char *shown = g_filename_display_name (folder);
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
                   "There is no “%s-%s-idx%u-ubyte” in the folder “%s”; a data set is four files, "
                   "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
                   "t10k-labels-idx1-ubyte, each with or without .gz, as Debian's package "
                   "dataset-fashion-mnist installs them in /usr/share/datasets/fashion-mnist",
                   part, kind, rank, shown);
    }
  return path;
}

static const char *
what_rank_holds (guint rank)
{
  return rank == 1 ? "labels" : rank == 3 || rank == 4 ? "pictures" : "something else";
}

static gboolean
check_rank (const KolIdx *idx, const char *name, const char *wanted, GError **error)
{
  if (strcmp (what_rank_holds (idx->rank), wanted) == 0)
    return TRUE;
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_RANK,
               "“%s” has rank %u: it holds %s, not %s; check that the files were not interchanged",
               name, idx->rank, what_rank_holds (idx->rank), wanted);
  return FALSE;
}

static gboolean
check_counts (const KolIdx *images, const char *images_name, const KolIdx *labels,
              const char *labels_name, GError **error)
{
  if (images->dims[0] != labels->dims[0])
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH,
                   "“%s” holds %zu pictures, but “%s” holds %zu labels; take both files from the "
                   "same data set",
                   images_name, images->dims[0], labels_name, labels->dims[0]);
      return FALSE;
    }
  if (images->size == 0)
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_EMPTY,
                   "“%s” is empty: it holds %zu pictures of %zu x %zu pixels; give a set with at "
                   "least one picture",
                   images_name, images->dims[0], images->dims[images->rank - 2],
                   images->dims[images->rank - 1]);
      return FALSE;
    }
  return TRUE;
}

static guint
count_classes (const guint8 *labels, gsize count)
{
  guint8 largest = 0;

  for (gsize i = 0; i < count; i++)
    largest = MAX (largest, labels[i]);
  return 1 + largest;
}

/* "fashion-mnist training set": after the folder, whatever way it was written. */
static char *
set_name (const char *folder, const char *part)
{
  g_autofree char *whole = g_canonicalize_filename (folder, NULL);
  g_autofree char *last = g_path_get_basename (whole);
  g_autofree char *shown = g_filename_display_name (last);

  return g_strdup_printf ("%s %s set", shown, strcmp (part, "train") == 0 ? "training" : "test");
}

/* ── Reading pixels in the background ────────────────────────────────────────────────────────── */

/* The rest of a file of pictures, whose header was read. It belongs to its set. */
typedef struct _KolLoading KolLoading;
struct _KolLoading {
  Reader reader;
  GCancellable *cancellable;
  guint8 *pixels; /* lent: where they go */
  gsize size;

  GMutex lock;     /* guards what follows */
  GThread *thread; /* NULL: it has ended, and the error is final */
  GError *error;   /* what was wrong; before that, only the thread touches it */
};

static gpointer
read_pixels (gpointer user_data)
{
  KolLoading *loading = user_data;
  Reader *reader = &loading->reader;
  gsize filled;

  if (reader_read (reader, loading->pixels, loading->size, &filled, &loading->error)
      && check_filled (reader, loading->size, filled, &loading->error))
    expect_end (reader, loading->size, &loading->error);
  g_clear_object (&reader->stream); /* closes the file */
  return NULL;
}

static void
loading_wait (KolLoading *loading)
{
  g_mutex_lock (&loading->lock);
  if (loading->thread)
    g_thread_join (g_steal_pointer (&loading->thread));
  g_mutex_unlock (&loading->lock);
}

/* Ends the thread wherever it is. */
static void
loading_free (KolLoading *loading)
{
  g_cancellable_cancel (loading->cancellable);
  loading_wait (loading);
  g_object_unref (loading->cancellable);
  g_mutex_clear (&loading->lock);
  g_clear_error (&loading->error);
  reader_clear (&loading->reader);
  g_free (loading);
}

/* Starts to read into the set's pixels, of @size bytes; takes what is in @reader. */
static gboolean
start_loading (KolDataset *pictures, Reader *reader, gsize size, GError **error)
{
  KolLoading *loading = g_new0 (KolLoading, 1);

  loading->reader = *reader;
  *reader = (Reader){ 0 };
  loading->cancellable = loading->reader.cancellable = g_cancellable_new ();
  loading->pixels = pictures->pixels;
  loading->size = size;
  g_mutex_init (&loading->lock);
  pictures->loading = loading;
  loading->thread = g_thread_try_new ("kol-pictures", read_pixels, loading, error);
  if (!loading->thread)
    g_prefix_error (error, "The thread that reads “%s” cannot be started: ", loading->reader.name);
  return loading->thread != NULL;
}

/* ── Sets of pictures ────────────────────────────────────────────────────────────────────────── */

/* A set with all but its pixels; takes the bytes out of @labels. */
static KolDataset *
pictures_new (const KolIdx *images, KolIdx *labels, const char *folder, const char *part)
{
  KolDataset *pictures = g_new0 (KolDataset, 1);

  g_atomic_ref_count_init (&pictures->references);
  pictures->count = images->dims[0];
  pictures->channels = images->rank == 4 ? images->dims[1] : 1;
  pictures->height = images->dims[images->rank - 2];
  pictures->width = images->dims[images->rank - 1];
  pictures->labels = g_steal_pointer (&labels->bytes);
  pictures->classes = count_classes (pictures->labels, pictures->count);
  pictures->name = set_name (folder, part);
  pictures->path = g_strdup (folder);
  return pictures;
}

/**
 * kol_dataset_open_idx:
 * @folder: where the files are
 * @part: "train", the training set, or "t10k", the test set
 * @error: where to put what went wrong
 *
 * Begins to read labelled pictures from `<part>-images-idx3-ubyte` and
 * `<part>-labels-idx1-ubyte`, each with or without `.gz`, and also with a dot
 * before `idx`. The pictures are `[count, height, width]`, or
 * `[count, channels, height, width]` for colour.
 *
 * The labels are there when this function returns, as is all else but what
 * `pixels` points to: a thread reads that. Call [func@dataset_finish] before
 * looking at it; a stream of batches does so by itself. Freeing the set before
 * ends the thread.
 *
 * Errors are of %KOL_DATASET_ERROR, or GIO's where the disk fails: whatever is
 * wrong with the labels or with the header of the pictures. What is wrong with the
 * pixels, [func@dataset_finish] tells.
 *
 * Returns: (transfer full): the pictures, or %NULL with @error set
 */
KolDataset *
kol_dataset_open_idx (const char *folder, const char *part, GError **error)
{
  g_return_val_if_fail (folder != NULL, NULL);
  g_return_val_if_fail (g_strcmp0 (part, "train") == 0 || g_strcmp0 (part, "t10k") == 0, NULL);
  g_auto (Reader) reader = { 0 };
  KolIdx images = { 0 };

  g_autofree char *images_path = require_file (folder, part, "images", 3, error);
  if (!images_path || !read_header (&reader, images_path, &images, error)
      || !check_rank (&images, reader.name, "pictures", error))
    return NULL;

  g_autofree char *labels_path = require_file (folder, part, "labels", 1, error);
  g_autoptr (KolIdx) labels = labels_path ? kol_idx_load (labels_path, error) : NULL;
  if (!labels)
    return NULL;
  g_autofree char *labels_name = g_filename_display_name (labels_path);
  if (!check_rank (labels, labels_name, "labels", error)
      || !check_counts (&images, reader.name, labels, labels_name, error))
    return NULL;

  /* Pages that are never written to, after a header's lie, cost no memory. */
  g_autoptr (KolDataset) pictures = pictures_new (&images, labels, folder, part);
  pictures->pixels = g_try_malloc (images.size);
  if (!pictures->pixels)
    {
      fail_memory (&reader, images.size, error);
      return NULL;
    }
  if (!start_loading (pictures, &reader, images.size, error))
    return NULL;
  return g_steal_pointer (&pictures);
}

/**
 * kol_dataset_finish:
 * @pictures: a set, or a slice of one
 * @error: where to put what went wrong
 *
 * Waits until the pixels of the whole set are read. It may be called as often as
 * one likes, from any thread, and says the same each time.
 *
 * Errors are of %KOL_DATASET_ERROR, or GIO's where the disk fails: the file of the
 * pictures ends too soon or goes on too long, or its gzip data are damaged.
 *
 * Returns: whether the pixels are there
 */
gboolean
kol_dataset_finish (KolDataset *pictures, GError **error)
{
  g_return_val_if_fail (pictures != NULL, FALSE);
  KolLoading *loading = pictures->loading;

  if (!loading)
    return TRUE;
  loading_wait (loading);
  if (loading->error && error)
    *error = g_error_copy (loading->error);
  return loading->error == NULL;
}

/**
 * kol_dataset_load_idx:
 * @folder: where the files are
 * @part: "train", the training set, or "t10k", the test set
 * @error: where to put what went wrong
 *
 * Reads labelled pictures: [func@dataset_open_idx], then [func@dataset_finish].
 *
 * Errors are of %KOL_DATASET_ERROR, or GIO's where the disk fails.
 *
 * Returns: (transfer full): the pictures, or %NULL with @error set
 */
KolDataset *
kol_dataset_load_idx (const char *folder, const char *part, GError **error)
{
  g_autoptr (KolDataset) pictures = kol_dataset_open_idx (folder, part, error);

  if (!pictures || !kol_dataset_finish (pictures, error))
    return NULL;
  return g_steal_pointer (&pictures);
}

/**
 * kol_dataset_slice:
 * @pictures: a set
 * @first: the first picture that the slice shows, from 0
 * @count: how many it shows, at least 1
 *
 * A part of a set, such as the last tenth, kept for validation. It shares the
 * memory of the set, and keeps it alive. The set's pixels may still be being read;
 * [func@dataset_finish] then says the same of the slice as of the set.
 *
 * Returns: (transfer full): the pictures @first to @first + @count - 1
 */
KolDataset *
kol_dataset_slice (KolDataset *pictures, gsize first, gsize count)
{
  g_return_val_if_fail (pictures != NULL, NULL);
  g_return_val_if_fail (first < pictures->count, NULL);
  g_return_val_if_fail (count > 0 && count <= pictures->count - first, NULL);
  KolDataset *slice = g_new (KolDataset, 1);

  *slice = *pictures;
  g_atomic_ref_count_init (&slice->references);
  slice->owner = kol_dataset_ref (pictures->owner ? pictures->owner : pictures);
  slice->count = count;
  slice->pixels += first * pictures->channels * pictures->height * pictures->width;
  slice->labels += first;
  slice->name = g_strdup_printf ("%s [%zu..%zu]", pictures->name, first, first + count - 1);
  slice->path = g_strdup (pictures->path);
  return slice;
}

/**
 * kol_dataset_ref:
 * @pictures: a set
 *
 * Returns: (transfer full): @pictures, with one more reference
 */
KolDataset *
kol_dataset_ref (KolDataset *pictures)
{
  g_return_val_if_fail (pictures != NULL, NULL);
  g_atomic_ref_count_inc (&pictures->references);
  return pictures;
}

/**
 * kol_dataset_unref:
 * @pictures: (transfer full) (nullable): a set
 *
 * Gives a reference back; the last one frees the set.
 */
void
kol_dataset_unref (KolDataset *pictures)
{
  if (!pictures || !g_atomic_ref_count_dec (&pictures->references))
    return;
  if (pictures->owner)
    kol_dataset_unref (pictures->owner);
  else
    {
      g_clear_pointer (&pictures->loading, loading_free);
      g_free (pictures->pixels);
      g_free (pictures->labels);
    }
  g_free (pictures->name);
  g_free (pictures->path);
  g_free (pictures);
}

static gboolean
holds_training_set (const char *folder)
{
  g_autofree char *images = find_file (folder, "train", "images", 3);
  g_autofree char *labels = find_file (folder, "train", "labels", 1);

  return images && labels;
}

/**
 * kol_dataset_find:
 *
 * Looks for an installed data set of IDX files: the folder that the environment
 * variable `KOLINSKY_DATA` names, taken at its word so that a mistake in it is
 * reported by [func@dataset_load_idx] and not passed over; then
 * `datasets/fashion-mnist` in each of the system's data folders and in
 * `/usr/share`, which is where Debian's package dataset-fashion-mnist puts it.
 *
 * Returns: (transfer full) (nullable): the folder's name, or %NULL if there is none
 */
char *
kol_dataset_find (void)
{
  const char *wish = g_getenv ("KOLINSKY_DATA");
  const char *const last[] = { "/usr/share", NULL };
  const char *const *lists[] = { g_get_system_data_dirs (), last };

  if (wish && *wish)
    return g_strdup (wish);
  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++)
    for (const char *const *base = lists[i]; *base; base++)
      {
        g_autofree char *folder = g_build_filename (*base, "datasets", "fashion-mnist", NULL);
        if (holds_training_set (folder))
          return g_steal_pointer (&folder);
      }
  return NULL;
}
