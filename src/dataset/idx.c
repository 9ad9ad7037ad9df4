/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "idx.h"

#include <string.h>

#include "dataset-private.h"

/*
 * IDX, the format of the MNIST files: two zero bytes, a byte for the type of the
 * elements, a byte for the rank, each dimension as a big-endian 32-bit number,
 * then the elements, row-major.
 */

#define UNSIGNED_BYTE 0x08

/* The array grows as its file is read, so that a header's lie costs no memory. */
#define FIRST_READ ((gsize) 1 << 20)

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
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_FORMAT,
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

/* ── Reading pixels in the background ────────────────────────────────────────────────────────── */

/* The rest of a file of pictures, whose header was read. */
typedef struct {
  Reader reader;
  guint8 *pixels; /* lent: where they go */
  gsize size;
} PixelFile;

static void
pixel_file_free (gpointer data)
{
  PixelFile *file = data;

  reader_clear (&file->reader);
  g_free (file);
}

static gboolean
read_pixels (gpointer data, GCancellable *cancellable, GError **error)
{
  PixelFile *file = data;
  Reader *reader = &file->reader;
  gsize filled;

  reader->cancellable = cancellable;
  gboolean done = reader_read (reader, file->pixels, file->size, &filled, error)
                  && check_filled (reader, file->size, filled, error)
                  && expect_end (reader, file->size, error);
  g_clear_object (&reader->stream); /* closes the file */
  return done;
}

/* Starts to read into the set's pixels, of @size bytes; takes what is in @reader. */
static gboolean
start_reading (KolDataset *dataset, Reader *reader, gsize size, GError **error)
{
  PixelFile *file = g_new0 (PixelFile, 1);

  file->reader = *reader;
  *reader = (Reader){ 0 };
  file->pixels = dataset->pixels;
  file->size = size;
  return kol_dataset_load_in_background (dataset, read_pixels, file, pixel_file_free, error);
}

/* ── Sets of pictures ────────────────────────────────────────────────────────────────────────── */

/* Labels as numbers; their largest says how many classes there are. */
static void
set_labels (KolDataset *dataset, const guint8 *bytes)
{
  dataset->labels = g_new (guint32, dataset->count);
  for (gsize i = 0; i < dataset->count; i++)
    {
      dataset->labels[i] = bytes[i];
      dataset->classes = MAX (dataset->classes, bytes[i] + 1u);
    }
}

/* A set with all but its pixels. */
static KolDataset *
pictures_new (const KolIdx *images, const KolIdx *labels, const char *folder, const char *part)
{
  KolDataset *dataset = kol_dataset_new (folder, part);

  dataset->count = images->dims[0];
  dataset->channels = images->rank == 4 ? images->dims[1] : 1;
  dataset->height = images->dims[images->rank - 2];
  dataset->width = images->dims[images->rank - 1];
  set_labels (dataset, labels->bytes);
  return dataset;
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
  g_autoptr (KolDataset) dataset = pictures_new (&images, labels, folder, part);
  dataset->pixels = g_try_malloc (images.size);
  if (!dataset->pixels)
    {
      fail_memory (&reader, images.size, error);
      return NULL;
    }
  if (!start_reading (dataset, &reader, images.size, error))
    return NULL;
  return g_steal_pointer (&dataset);
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
  g_autoptr (KolDataset) dataset = kol_dataset_open_idx (folder, part, error);

  if (!dataset || !kol_dataset_finish (dataset, error))
    return NULL;
  return g_steal_pointer (&dataset);
}

/* ── The format ──────────────────────────────────────────────────────────────────────────────── */

/* What the files call the part "train" or "test". */
static const char *
idx_part (const char *part)
{
  return strcmp (part, "test") == 0 ? "t10k" : "train";
}

static gboolean
idx_has_part (const char *folder, const char *part)
{
  g_autofree char *images = find_file (folder, idx_part (part), "images", 3);
  g_autofree char *labels = find_file (folder, idx_part (part), "labels", 1);

  /* One of the two alone is a part that is damaged, which opening it tells. */
  return images || labels;
}

static gboolean
idx_recognizes (const char *folder)
{
  g_autofree char *training = find_file (folder, "train", "images", 3);
  g_autofree char *test = find_file (folder, "t10k", "images", 3);

  return training || test;
}

static KolDataset *
idx_open (const char *folder, const char *part, const KolDatasetOptions *options, GError **error)
{
  return kol_dataset_open_idx (folder, idx_part (part), error);
}

const KolDatasetFormat kol_dataset_idx = {
  .recognizes = idx_recognizes,
  .has_part = idx_has_part,
  .open = idx_open,
  .mixed = TRUE, /* MNIST and its kin are; and the lecture holds out their last pictures */
};
