/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <glib/gstdio.h>
#include <string.h>

#include "common.h"
#include "dataset/idx.h"

/* -------------------------------------------------------------- IDX files */

static void
check_loads (const char *name, const GByteArray *bytes)
{
  g_autofree char *path = path_of (name);
  g_autoptr (GError) error = NULL;

  write_file (name, bytes);
  g_autoptr (KolIdx) idx = kol_idx_load (path, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (idx->rank, ==, 3);
  g_assert_cmpuint (idx->dims[0], ==, 2);
  g_assert_cmpuint (idx->dims[1], ==, 3);
  g_assert_cmpuint (idx->dims[2], ==, 5);
  g_assert_cmpuint (idx->dims[3], ==, 0);
  g_assert_cmpmem (idx->bytes, idx->size, bytes->data + 16, 30);
}

static void
test_idx_plain (void)
{
  g_autoptr (GByteArray) bytes = idx_bytes (3, DIMS (2, 3, 5), 7);

  check_loads ("plain", bytes);
  check_loads ("plain-called.gz", bytes);
}

static void
check_gzipped (const char *name, guint count)
{
  g_autoptr (GByteArray) bytes = idx_bytes (1, DIMS (count), 7);
  g_autoptr (GByteArray) packed = gzip (bytes);
  g_autofree char *path = path_of (name);
  g_autoptr (GError) error = NULL;

  write_file (name, packed);
  g_autoptr (KolIdx) idx = kol_idx_load (path, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (idx->bytes, idx->size, bytes->data + 8, count);
}

static void
test_idx_gzipped (void)
{
  check_gzipped ("file.gz", 30);
  check_gzipped ("file-without-ending", 30);
  /* Read in steps of a mebibyte, doubling. */
  check_gzipped ("large", (5 << 20) + 1);
}

static void
check_fails (const GByteArray *bytes, int code, const char *words)
{
  g_autofree char *path = path_of ("broken-idx");
  g_autoptr (GError) error = NULL;

  write_file ("broken-idx", bytes);
  g_autoptr (KolIdx) idx = kol_idx_load (path, &error);

  g_assert_null (idx);
  g_assert_error (error, KOL_DATASET_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, words));
  g_assert_nonnull (strstr (error->message, "broken-idx"));
}

static void
test_idx_missing (void)
{
  g_autofree char *path = path_of ("nowhere");
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_idx_load (path, &error));
  g_assert_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING);
  g_assert_nonnull (strstr (error->message, "nowhere"));
}

static void
test_idx_folder (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_idx_load (folder (), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY);
  g_assert_nonnull (strstr (error->message, folder ()));
}

static void
test_idx_truncated (void)
{
  g_autoptr (GByteArray) bytes = idx_bytes (3, DIMS (2, 3, 5), 1);

  for (guint length = bytes->len; length-- > 0;)
    {
      g_autofree char *there = length < 16
                                   ? g_strdup ("ends within the IDX header")
                                   : g_strdup_printf ("30 bytes of data, %u are", length - 16);
      g_byte_array_set_size (bytes, length);
      check_fails (bytes, KOL_DATASET_ERROR_TRUNCATED, there);
    }
}

static void
test_idx_trailing (void)
{
  g_autoptr (GByteArray) bytes = idx_bytes (1, DIMS (30), 1);

  g_byte_array_append (bytes, (const guint8 *) "", 1);
  check_fails (bytes, KOL_DATASET_ERROR_TRAILING, "after the 30 bytes");
  g_autoptr (GByteArray) packed = gzip (bytes);
  check_fails (packed, KOL_DATASET_ERROR_TRAILING, "after the 30 bytes");
}

static void
test_idx_gzip_truncated (void)
{
  g_autoptr (GByteArray) bytes = idx_bytes (1, DIMS (3000), 7);
  g_autoptr (GByteArray) packed = gzip (bytes);

  /* The last eight bytes are gzip's checksum and size: they are missed, too. */
  for (guint length = packed->len - 1; length >= 2; length--)
    {
      g_byte_array_set_size (packed, length);
      check_fails (packed, KOL_DATASET_ERROR_TRUNCATED, "gzip data end too soon");
    }
}

static void
test_idx_gzip_damaged (void)
{
  g_autoptr (GByteArray) bytes = idx_bytes (1, DIMS (3000), 7);
  g_autoptr (GByteArray) packed = gzip (bytes);

  packed->data[packed->len - 6] ^= 1; /* in the checksum */
  check_fails (packed, KOL_DATASET_ERROR_CORRUPT, "cannot be decompressed");
}

static void
test_idx_magic (void)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  g_byte_array_append (bytes, (const guint8 *) "PNG and more", 12);
  check_fails (bytes, KOL_DATASET_ERROR_FORMAT, "begins with the bytes 50 4e");
}

static void
test_idx_type (void)
{
  g_autoptr (GByteArray) floats = idx_header (0x0D, 1, DIMS (2));
  g_autoptr (GByteArray) unknown = idx_header (0x77, 1, DIMS (2));

  check_fails (floats, KOL_DATASET_ERROR_TYPE, "32-bit floats (0x0d)");
  check_fails (unknown, KOL_DATASET_ERROR_TYPE, "0x77");
}

static void
test_idx_rank (void)
{
  g_autoptr (GByteArray) none = idx_header (0x08, 0, NULL);
  g_autoptr (GByteArray) many = idx_header (0x08, 9, DIMS (1, 1, 1, 1, 1, 1, 1, 1, 1));

  check_fails (none, KOL_DATASET_ERROR_RANK, "rank 0");
  check_fails (many, KOL_DATASET_ERROR_RANK, "rank 9");
}

/* A header's lie must cost neither an overflow nor the memory that it asks for. */
static void
test_idx_overflow (void)
{
  g_autoptr (GByteArray) overflowing
      = idx_header (0x08, 3, DIMS (G_MAXUINT32, G_MAXUINT32, G_MAXUINT32));
  g_autoptr (GByteArray) huge = idx_header (0x08, 2, DIMS (1u << 31, 1u << 30));

  check_fails (overflowing, KOL_DATASET_ERROR_TOO_LARGE, "4294967295 x 4294967295 x 4294967295");
  check_fails (huge, KOL_DATASET_ERROR_TRUNCATED, "promises 2305843009213693952 bytes");
}

/* --------------------------------------------------------------- pictures */

static void
check_pictures (const char *images, const char *labels)
{
  g_autoptr (GError) error = NULL;

  write_array (images, 3, DIMS (4, 2, 3), 5);
  write_array (labels, 1, DIMS (4), 3);
  g_autoptr (KolDataset) pictures = kol_dataset_load_idx (folder (), "t10k", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (pictures->count, ==, 4);
  g_assert_cmpuint (pictures->channels, ==, 1);
  g_assert_cmpuint (pictures->height, ==, 2);
  g_assert_cmpuint (pictures->width, ==, 3);
  g_assert_cmpuint (pictures->classes, ==, 10);
  g_assert_cmpuint (pictures->pixels[23], ==, 115);
  g_assert_cmpuint (pictures->labels[2], ==, 6);
  g_assert_cmpstr (pictures->path, ==, folder ());
  g_assert_cmpstr (pictures->name, ==, "files test set");

  g_autofree char *images_path = path_of (images);
  g_autofree char *labels_path = path_of (labels);
  g_remove (images_path);
  g_remove (labels_path);
}

static void
test_pictures_names (void)
{
  check_pictures ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
  check_pictures ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte");
  check_pictures ("t10k-images-idx3-ubyte.gz", "t10k-labels.idx1-ubyte.gz");
}

static void
test_pictures_colour (void)
{
  g_autoptr (GError) error = NULL;

  write_array ("train-images-idx3-ubyte", 4, DIMS (4, 3, 2, 5), 1);
  write_array ("train-labels-idx1-ubyte", 1, DIMS (4), 1);
  g_autoptr (KolDataset) pictures = kol_dataset_load_idx (folder (), "train", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (pictures->channels, ==, 3);
  g_assert_cmpuint (pictures->height, ==, 2);
  g_assert_cmpuint (pictures->width, ==, 5);
}

static void
check_set_fails (int code, const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_dataset_load_idx (folder (), "train", &error));
  g_assert_error (error, KOL_DATASET_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, words));
  g_assert_nonnull (strstr (error->message, folder ()));
}

static void
test_pictures_missing (void)
{
  check_set_fails (KOL_DATASET_ERROR_MISSING, "no “train-images-idx3-ubyte”");
  check_set_fails (KOL_DATASET_ERROR_MISSING, "t10k-labels-idx1-ubyte");
  check_set_fails (KOL_DATASET_ERROR_MISSING, "dataset-fashion-mnist");
  write_array ("train-images-idx3-ubyte", 3, DIMS (4, 2, 2), 1);
  check_set_fails (KOL_DATASET_ERROR_MISSING, "no “train-labels-idx1-ubyte”");
}

static void
test_pictures_rank (void)
{
  write_array ("train-images-idx3-ubyte", 3, DIMS (4, 2, 2), 1);
  write_array ("train-labels-idx1-ubyte", 3, DIMS (4, 2, 2), 1);
  check_set_fails (KOL_DATASET_ERROR_RANK,
                   "train-labels-idx1-ubyte” has rank 3: it holds pictures, not labels");
  write_array ("train-images-idx3-ubyte", 1, DIMS (4), 1);
  check_set_fails (KOL_DATASET_ERROR_RANK,
                   "train-images-idx3-ubyte” has rank 1: it holds labels, not pictures");
}

static void
test_pictures_mismatch (void)
{
  write_array ("train-images-idx3-ubyte", 3, DIMS (4, 2, 2), 1);
  write_array ("train-labels-idx1-ubyte", 1, DIMS (5), 1);
  check_set_fails (KOL_DATASET_ERROR_MISMATCH, "4 pictures");
  check_set_fails (KOL_DATASET_ERROR_MISMATCH, "5 labels");
}

static void
test_pictures_empty (void)
{
  write_array ("train-images-idx3-ubyte", 3, DIMS (0, 2, 2), 1);
  write_array ("train-labels-idx1-ubyte", 1, DIMS (0), 1);
  check_set_fails (KOL_DATASET_ERROR_EMPTY, "0 pictures of 2 x 2");
  write_array ("train-images-idx3-ubyte", 3, DIMS (4, 2, 0), 1);
  write_array ("train-labels-idx1-ubyte", 1, DIMS (4), 1);
  check_set_fails (KOL_DATASET_ERROR_EMPTY, "4 pictures of 2 x 0");
}

static void
test_pictures_slice (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (20);
  g_autoptr (KolDataset) middle = kol_dataset_slice (pictures, 5, 10);
  g_autoptr (KolDataset) inner = kol_dataset_slice (middle, 2, 3);

  g_assert_true (inner->pixels == pictures->pixels + 14);
  g_clear_pointer (&middle, kol_dataset_unref);
  g_clear_pointer (&pictures, kol_dataset_unref);
  g_assert_cmpuint (inner->count, ==, 3);
  g_assert_cmpuint (inner->pixels[4], ==, 9);
  g_assert_cmpuint (inner->labels[2], ==, 2);
  g_assert_cmpuint (inner->classes, ==, 7);
  g_assert_true (g_str_has_suffix (inner->name, " [5..14] [2..4]"));
}

static void
test_pictures_slice_bounds (void)
{
  g_autoptr (KolDataset) pictures = numbered_pictures (20);
  const gsize wrong[][2] = { { 20, 1 }, { 0, 21 }, { 19, 2 }, { 0, 0 }, { 1, G_MAXSIZE } };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_test_expect_message ("kolinsky", G_LOG_LEVEL_CRITICAL, "*assertion*failed*");
      g_assert_null (kol_dataset_slice (pictures, wrong[i][0], wrong[i][1]));
      g_test_assert_expected_messages ();
    }
}

/* ---------------------------------------------- pictures in the background */

static KolDataset *
open_pictures (void)
{
  g_autoptr (GError) error = NULL;
  KolDataset *pictures = kol_dataset_open_idx (folder (), "train", &error);

  g_assert_no_error (error);
  return pictures;
}

/* A set of @count gzipped pictures of 100 x 100, whose file lacks its last @missing bytes. */
static void
write_packed_set (guint count, guint missing)
{
  g_autoptr (GByteArray) images = idx_bytes (3, DIMS (count, 100, 100), 7);
  g_autoptr (GByteArray) packed = gzip (images);

  g_byte_array_set_size (packed, packed->len - missing);
  write_file ("train-images-idx3-ubyte.gz", packed);
  write_array ("train-labels-idx1-ubyte", 1, DIMS (count), 1);
}

static void
test_open (void)
{
  write_packed_set (200, 0);
  g_autoptr (KolDataset) pictures = open_pictures ();
  g_assert_cmpuint (pictures->count, ==, 200);
  g_assert_cmpuint (pictures->channels, ==, 1);
  g_assert_cmpuint (pictures->height, ==, 100);
  g_assert_cmpuint (pictures->width, ==, 100);
  g_assert_cmpuint (pictures->classes, ==, 200);
  g_assert_cmpuint (pictures->labels[150], ==, 150);
  g_assert_cmpstr (pictures->name, ==, "files training set");

  g_autoptr (KolDataset) slice = kol_dataset_slice (pictures, 50, 100);
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_true (kol_dataset_finish (i ? pictures : slice, &error));
      g_assert_no_error (error);
    }
  for (gsize i = 0; i < 100 * 10000; i++)
    g_assert_cmpuint (slice->pixels[i], ==, (guint8) (7 * (i + 500000)));
}

/* Whatever a header says is told at once. */
static void
test_open_refuses (void)
{
  g_autoptr (GByteArray) lie = idx_header (0x08, 3, DIMS (4, 1u << 31, 1u << 29));
  g_autoptr (GError) missing = NULL;
  g_autoptr (GError) mismatch = NULL;
  g_autoptr (GError) large = NULL;

  g_assert_null (kol_dataset_open_idx (folder (), "train", &missing));
  g_assert_error (missing, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING);

  write_array ("train-images-idx3-ubyte", 3, DIMS (4, 2, 2), 1);
  write_array ("train-labels-idx1-ubyte", 1, DIMS (5), 1);
  g_assert_null (kol_dataset_open_idx (folder (), "train", &mismatch));
  g_assert_error (mismatch, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISMATCH);

  write_file ("train-images-idx3-ubyte", lie);
  write_array ("train-labels-idx1-ubyte", 1, DIMS (4), 1);
  g_assert_null (kol_dataset_open_idx (folder (), "train", &large));
  g_assert_error (large, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE);
}

static void
check_finish_fails (KolDataset *pictures, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (kol_dataset_finish (pictures, NULL));
  g_assert_false (kol_dataset_finish (pictures, &error));
  g_assert_error (error, KOL_DATASET_ERROR, code);
  g_assert_nonnull (strstr (error->message, "train-images-idx3-ubyte"));
}

/* What is wrong behind the header is told by finish, to whoever asks, and to streams. */
static void
check_content_fails (int code, const char *words)
{
  const float *pixels, *labels;
  g_autoptr (KolDataset) pictures = open_pictures ();
  g_autoptr (KolDataset) slice = kol_dataset_slice (pictures, 1, 2);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolBatches) batches = kol_batches_new (slice, 1, 0, TRUE, &error);

  g_assert_no_error (error);
  g_assert_false (kol_batches_next (batches, &pixels, &labels));
  kol_batches_seek (batches, 3);
  g_assert_false (kol_batches_next (batches, &pixels, &labels));
  check_finish_fails (slice, code);
  check_finish_fails (pictures, code);
  check_set_fails (code, words);
}

static void
test_finish_fails (void)
{
  g_autoptr (GByteArray) images = idx_bytes (3, DIMS (4, 2, 2), 1);

  write_array ("train-labels-idx1-ubyte", 1, DIMS (4), 1);
  g_byte_array_set_size (images, 31);
  write_file ("train-images-idx3-ubyte", images);
  check_content_fails (KOL_DATASET_ERROR_TRUNCATED, "16 bytes of data, 15 are");
  g_byte_array_append (images, (const guint8[]){ 15, 16 }, 2);
  write_file ("train-images-idx3-ubyte", images);
  check_content_fails (KOL_DATASET_ERROR_TRAILING, "after the 16 bytes");

  g_autofree char *path = path_of ("train-images-idx3-ubyte");
  g_remove (path);
  write_packed_set (100, 5);
  check_content_fails (KOL_DATASET_ERROR_TRUNCATED, "gzip data end too soon");
}

static gpointer
finish_in_thread (gpointer pictures)
{
  return GINT_TO_POINTER (kol_dataset_finish (pictures, NULL));
}

static void
test_finish_threads (void)
{
  write_packed_set (200, 0);
  g_autoptr (KolDataset) pictures = open_pictures ();
  GThread *threads[8];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new (NULL, finish_in_thread, pictures);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_true (GPOINTER_TO_INT (g_thread_join (threads[i])));
}

/* A set may be freed while its pixels are read, and before a stream has seen any of them. */
static void
test_free_unfinished (void)
{
  write_packed_set (200, 0);
  for (guint i = 0; i < 40; i++)
    {
      g_autoptr (KolDataset) pictures = open_pictures ();
      g_autoptr (KolDataset) slice = kol_dataset_slice (pictures, 3, 100);
      g_autoptr (KolBatches) batches = i % 4 == 3 ? open_batches (slice, 10, 1, TRUE) : NULL;

      if (i % 2)
        g_clear_pointer (&pictures, kol_dataset_unref);
      g_usleep (i * 100);
    }
}

static void
test_find (void)
{
  g_autofree char *installed
      = g_build_filename (g_get_system_data_dirs ()[0], "datasets", "fashion-mnist", NULL);

  g_setenv ("KOLINSKY_DATA", "/somewhere", TRUE);
  g_autofree char *wished = kol_dataset_find ();
  g_assert_cmpstr (wished, ==, "/somewhere");
  g_setenv ("KOLINSKY_DATA", "", TRUE);

  /* A folder without the files is passed over. */
  g_assert_cmpint (g_mkdir_with_parents (installed, 0700), ==, 0);
  g_autofree char *other = kol_dataset_find ();
  g_assert_cmpstr (other, !=, installed);

  const char *names[] = { "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz" };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (installed, names[i], NULL);
      g_assert_true (g_file_set_contents (path, "", 0, NULL));
    }
  g_autofree char *found = kol_dataset_find ();
  g_assert_cmpstr (found, ==, installed);
  g_unsetenv ("KOLINSKY_DATA");
}

static void
test_fashion_mnist (void)
{
  const char *installed = "/usr/share/datasets/fashion-mnist";
  g_autoptr (GError) error = NULL;
  guint counts[10] = { 0 };

  if (!g_file_test (installed, G_FILE_TEST_IS_DIR))
    {
      g_test_skip ("Debian's package dataset-fashion-mnist is not installed");
      return;
    }
  g_autoptr (KolDataset) training = kol_dataset_load_idx (installed, "train", &error);
  g_assert_no_error (error);
  g_autoptr (KolDataset) test = kol_dataset_load_idx (installed, "t10k", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (training->count, ==, 60000);
  g_assert_cmpuint (training->height, ==, 28);
  g_assert_cmpuint (training->width, ==, 28);
  g_assert_cmpuint (test->count, ==, 10000);
  g_assert_cmpuint (training->classes, ==, 10);
  g_assert_cmpstr (training->name, ==, "fashion-mnist training set");
  for (gsize i = 0; i < training->count; i++)
    counts[training->labels[i]]++;
  for (guint i = 0; i < 10; i++)
    g_assert_cmpuint (counts[i], ==, 6000);
  g_assert_cmpuint (training->labels[0], ==, 9);
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  add ("/dataset/idx/plain", test_idx_plain);
  add ("/dataset/idx/gzipped", test_idx_gzipped);
  add ("/dataset/idx/missing", test_idx_missing);
  add ("/dataset/idx/folder", test_idx_folder);
  add ("/dataset/idx/truncated", test_idx_truncated);
  add ("/dataset/idx/trailing", test_idx_trailing);
  add ("/dataset/idx/gzip-truncated", test_idx_gzip_truncated);
  add ("/dataset/idx/gzip-damaged", test_idx_gzip_damaged);
  add ("/dataset/idx/magic", test_idx_magic);
  add ("/dataset/idx/type", test_idx_type);
  add ("/dataset/idx/rank", test_idx_rank);
  add ("/dataset/idx/overflow", test_idx_overflow);
  add ("/dataset/pictures/names", test_pictures_names);
  add ("/dataset/pictures/colour", test_pictures_colour);
  add ("/dataset/pictures/missing", test_pictures_missing);
  add ("/dataset/pictures/rank", test_pictures_rank);
  add ("/dataset/pictures/mismatch", test_pictures_mismatch);
  add ("/dataset/pictures/empty", test_pictures_empty);
  add ("/dataset/pictures/slice", test_pictures_slice);
  add ("/dataset/pictures/slice-bounds", test_pictures_slice_bounds);
  add ("/dataset/pictures/open", test_open);
  add ("/dataset/pictures/open-refuses", test_open_refuses);
  add ("/dataset/pictures/finish-fails", test_finish_fails);
  add ("/dataset/pictures/finish-threads", test_finish_threads);
  add ("/dataset/pictures/free-unfinished", test_free_unfinished);
  add ("/dataset/find", test_find);
  add ("/dataset/fashion-mnist", test_fashion_mnist);
  return run_tests ();
}
