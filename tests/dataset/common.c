/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "common.h"

#include <glib/gstdio.h>
#include <string.h>

#include "dataset/idx.h"

#ifdef __SANITIZE_THREAD__
/*
 * GLib's locks are futexes, which the thread sanitizer does not see, so that it
 * would take every access under a lock for a race. Here it is told of them.
 */
#include <dlfcn.h>
void __tsan_acquire (void *address);
void __tsan_release (void *address);
#define REAL(function) ((__typeof__ (&function)) dlsym (RTLD_NEXT, #function))

void
g_mutex_lock (GMutex *mutex)
{
  REAL (g_mutex_lock) (mutex);
  __tsan_acquire (mutex);
}

void
g_mutex_unlock (GMutex *mutex)
{
  __tsan_release (mutex);
  REAL (g_mutex_unlock) (mutex);
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  __tsan_release (mutex);
  REAL (g_cond_wait) (cond, mutex);
  __tsan_acquire (mutex);
}
#endif

/* ── Files ───────────────────────────────────────────────────────────────────────────────────── */

/*
 * The tests' own place: GLib's G_TEST_OPTION_ISOLATE_DIRS leaks, which would hide
 * our leaks from the address sanitizer.
 */
static char *root;

const char *
folder (void)
{
  static char path[4096];

  g_snprintf (path, sizeof path, "%s/files", root);
  return path;
}

static void
remove_all (const char *path)
{
  gboolean link = g_file_test (path, G_FILE_TEST_IS_SYMLINK);
  g_autoptr (GDir) dir = link ? NULL : g_dir_open (path, 0, NULL);

  for (const char *name = dir ? g_dir_read_name (dir) : NULL; name; name = g_dir_read_name (dir))
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);
      remove_all (inner);
    }
  g_assert_cmpint (g_remove (path), ==, 0);
}

/* Runs a test, the function @user_data, on an empty folder. */
static void
run_in_folder (gconstpointer user_data)
{
  void (*test) (void) = (void (*) (void)) user_data;

  g_assert_cmpint (g_mkdir (folder (), 0700), ==, 0);
  test ();
  remove_all (folder ());
}

void
add (const char *path, void (*test) (void))
{
  g_test_add_data_func (path, (gconstpointer) test, run_in_folder);
}

GByteArray *
gzip (const GByteArray *bytes)
{
  g_autoptr (GZlibCompressor) compressor
      = g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1);
  GByteArray *result = g_byte_array_new ();
  gsize read, written;

  g_byte_array_set_size (result, bytes->len + 100);
  g_assert_cmpint (g_converter_convert (G_CONVERTER (compressor), bytes->data, bytes->len,
                                        result->data, result->len, G_CONVERTER_INPUT_AT_END, &read,
                                        &written, NULL),
                   ==, G_CONVERTER_FINISHED);
  g_byte_array_set_size (result, written);
  return result;
}

GByteArray *
idx_header (guint8 type, guint rank, const guint32 *dims)
{
  GByteArray *bytes = g_byte_array_new ();
  const guint8 magic[4] = { 0, 0, type, rank };

  g_byte_array_append (bytes, magic, 4);
  for (guint i = 0; i < rank; i++)
    {
      guint32 dim = GUINT32_TO_BE (dims[i]);
      g_byte_array_append (bytes, (guint8 *) &dim, 4);
    }
  return bytes;
}

/* An array whose element i is i * @step, as a byte. */
GByteArray *
idx_bytes (guint rank, const guint32 *dims, guint step)
{
  GByteArray *bytes = idx_header (0x08, rank, dims);
  gsize size = 1;

  for (guint i = 0; i < rank; i++)
    size *= dims[i];
  for (gsize i = 0; i < size; i++)
    {
      guint8 element = i * step;
      g_byte_array_append (bytes, &element, 1);
    }
  return bytes;
}

char *
path_of (const char *name)
{
  return g_build_filename (folder (), name, NULL);
}

void
write_file (const char *name, const GByteArray *bytes)
{
  g_autofree char *path = path_of (name);
  g_autoptr (GError) error = NULL;

  g_remove (path); /* an older and longer file would keep its end */
  g_file_set_contents_full (path, (char *) bytes->data, bytes->len, G_FILE_SET_CONTENTS_NONE, 0600,
                            &error);
  g_assert_no_error (error);
}

void
write_array (const char *name, guint rank, const guint32 *dims, guint step)
{
  g_autoptr (GByteArray) bytes = idx_bytes (rank, dims, step);
  write_file (name, bytes);
}

/* @count pictures of 1 x 2 pixels, which are the two bytes of their index; label: index % 7. */
KolDataset *
numbered_pictures (guint count)
{
  g_autoptr (GByteArray) images = idx_header (0x08, 3, DIMS (count, 1, 2));
  g_autoptr (GByteArray) labels = idx_header (0x08, 1, DIMS (count));
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < count; i++)
    {
      g_byte_array_append (images, (const guint8[]){ i % 256, i / 256 }, 2);
      g_byte_array_append (labels, (const guint8[]){ i % 7 }, 1);
    }
  write_file ("train-images-idx3-ubyte", images);
  write_file ("train-labels-idx1-ubyte", labels);
  KolDataset *pictures = kol_dataset_load_idx (folder (), "train", &error);
  g_assert_no_error (error);
  return pictures;
}

KolBatches *
open_batches (KolDataset *pictures, gsize batch, guint64 seed, gboolean shuffle)
{
  g_autoptr (GError) error = NULL;
  KolBatches *batches = kol_batches_new (pictures, batch, seed, shuffle, &error);

  g_assert_no_error (error);
  return batches;
}

/* The path of one of the files that make-fixtures.py has written. */
char *
fixture (const char *name)
{
  return g_test_build_filename (G_TEST_DIST, "dataset", "fixtures", name, NULL);
}

void
write_text (const char *name, const char *text)
{
  GByteArray bytes = { (guint8 *) text, strlen (text) };

  write_file (name, &bytes);
}

KolDataset *
open_dataset (const char *path, const char *part, const KolDatasetOptions *options)
{
  g_autoptr (GError) error = NULL;
  KolDataset *dataset = kol_dataset_open (path, part, options, &error);

  g_assert_no_error (error);
  return dataset;
}

/* Asserts that it cannot be opened, and that the sentence has each of @words, NULL at the end. */
void
assert_refused (const char *path, const char *part, const KolDatasetOptions *options, int code,
                const char *const *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_dataset_open (path, part, options, &error));
  g_assert_error (error, KOL_DATASET_ERROR, code);
  g_test_message ("%s", error->message);
  for (; *words; words++)
    g_assert_nonnull (strstr (error->message, *words));
}

/* Where an example that begins with the number @first is, in whatever order they are. */
gsize
find_example (const KolDataset *dataset, float first)
{
  gsize size = dataset->channels * dataset->height * dataset->width;

  for (gsize i = 0; i < dataset->count; i++)
    if ((dataset->pixels ? dataset->pixels[i * size] : dataset->values[i * size]) == first)
      return i;
  g_assert_not_reached ();
}

void
start_tests (int *argc, char ***argv)
{
  g_autoptr (GError) error = NULL;

  root = g_dir_make_tmp ("kolinsky-dataset-XXXXXX", &error);
  g_assert_no_error (error);
  /* Behind our own, the system's: gdk-pixbuf tells pictures apart by what is there. */
  g_autofree char *share = g_strdup_printf ("%s/share:/usr/share", root);
  g_setenv ("XDG_DATA_DIRS", share, TRUE);
  g_unsetenv ("KOLINSKY_DATA");
  g_test_init (argc, argv, NULL);
}

int
run_tests (void)
{
  int result = g_test_run ();

  remove_all (root);
  g_free (root);
  return result;
}
