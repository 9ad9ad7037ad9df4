/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Event files, byte for byte as one that TensorBoard 2.21 was seen to read
 * (read_events.py); only the times may differ. With --write FOLDER the files that
 * read_events.py reads are written.
 */

#include "train/events.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#define FIXTURE "events.out.tfevents.fixture"

static char *folder;

/* ── What the fixture holds ──────────────────────────────────────────────────────────────────── */

static const float values[]
    = { -2.5f, -1e-3f, 0, 0, 1e-15f, 0.05f, 0.05f, 1, 3, 3.5e-38f, 7, -INFINITY, NAN, INFINITY };

static void
write_scalars (KolEvents *events, guint64 first, guint64 last)
{
  for (guint64 step = first; step <= last; step += 100)
    kol_events_scalar (events, "loss/train", step, 1.0 / step);
}

/* A run that was killed after step 500, of which 300 had been saved, and went on. */
static void
write_run (const char *where)
{
  g_autoptr (GError) error = NULL;
  KolEvents *events = kol_events_new (where, 0, &error);

  g_assert_no_error (error);
  write_scalars (events, 100, 500);
  kol_events_histogram (events, "w_conv1", 100, values, G_N_ELEMENTS (values));
  kol_events_histogram (events, "empty", 100, NULL, 0);
  kol_events_histogram (events, "constant", 100, values + 2, 2);
  kol_events_free (events);

  events = kol_events_new (where, 300, &error);
  g_assert_no_error (error);
  write_scalars (events, 400, 400);
  kol_events_free (events);
}

static const guint8 pixels[]
    = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 40, 50, 60, 70, 80, 90 };

static int
write_for_python (const char *where)
{
  g_autoptr (GError) error = NULL;

  write_run (where);
  KolEvents *events = kol_events_new (where, 0, &error);
  g_assert_no_error (error);
  kol_events_picture (events, "pictures/colour", 400, pixels, 3, 2, 3, &error);
  g_assert_no_error (error);
  kol_events_picture (events, "pictures/grey", 400, pixels, 2, 9, 1, &error);
  g_assert_no_error (error);
  kol_events_free (events);
  return 0;
}

/* ── Records ─────────────────────────────────────────────────────────────────────────────────── */

/* CRC-32C bit by bit, as slow and plain as can be. */
static guint32
plain_crc (const guint8 *data, gsize n)
{
  guint32 crc = 0xffffffff;

  for (gsize i = 0; i < 8 * n; i++)
    {
      guint32 bit = (crc ^ data[i / 8] >> i % 8) & 1;
      crc = crc >> 1 ^ (bit ? 0x82f63b78 : 0);
    }
  return ~crc;
}

static guint32
masked_crc (const guint8 *data, gsize n)
{
  guint32 crc = plain_crc (data, n);

  return (crc >> 15 | crc << 17) + 0xa282ead8;
}

static guint64
little_endian (const guint8 *data, guint bytes)
{
  guint64 value = 0;

  for (guint i = bytes; i-- > 0;)
    value = value << 8 | data[i];
  return value;
}

/* Checks the frames of a file and appends its events to @all, their times made 0. */
static void
append_events (const char *path, GByteArray *all)
{
  g_autofree char *text = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (path, &text, &size, NULL));
  guint8 *at = (guint8 *) text, *end = at + size;
  while (at < end)
    {
      g_assert_cmpint (end - at, >=, 16);
      gsize length = little_endian (at, 8);
      g_assert_cmpuint (little_endian (at + 8, 4), ==, masked_crc (at, 8));
      g_assert_cmpuint (length, <=, end - at - 16);
      guint8 *event = at + 12;
      g_assert_cmpuint (little_endian (event + length, 4), ==, masked_crc (event, length));

      /* The time is field 1, 64 bits: now, or a few seconds ago. */
      double time;
      g_assert_cmphex (event[0], ==, 0x09);
      memcpy (&time, event + 1, sizeof time);
      g_assert_cmpfloat (time, >, 1.7e9);
      memset (event + 1, 0, sizeof time);
      g_byte_array_append (all, event, length);
      at = event + length + 4;
    }
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static GPtrArray *
event_files (const char *where)
{
  GPtrArray *files = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (where, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)))
    g_ptr_array_add (files, g_build_filename (where, name, NULL));
  g_ptr_array_sort (files, compare_names);
  return files;
}

static void
clear_folder (void)
{
  g_autoptr (GPtrArray) files = event_files (folder);

  for (guint i = 0; i < files->len; i++)
    g_remove (g_ptr_array_index (files, i));
}

/* ── Tests ───────────────────────────────────────────────────────────────────────────────────── */

static void
test_crc (void)
{
  /* RFC 3720, B.4. */
  const guint8 zeros[32] = { 0 };

  g_assert_cmphex (plain_crc (zeros, 32), ==, 0x8a9136aa);
  g_assert_cmphex (plain_crc ((const guint8 *) "123456789", 9), ==, 0xe3069283);
}

static void
test_fixture (void)
{
  g_autofree char *fixture = g_test_build_filename (G_TEST_DIST, "train", FIXTURE, NULL);
  g_autoptr (GByteArray) expected = g_byte_array_new ();
  g_autoptr (GByteArray) written = g_byte_array_new ();

  write_run (folder);
  g_autoptr (GPtrArray) files = event_files (folder);
  g_assert_cmpuint (files->len, ==, 2);
  for (guint i = 0; i < files->len; i++)
    append_events (g_ptr_array_index (files, i), written);
  append_events (fixture, expected);
  g_assert_cmpmem (written->data, written->len, expected->data, expected->len);
  clear_folder ();
}

/* A later file has a name that is sorted behind, even if the clock was put back. */
static void
test_names (void)
{
  g_autofree char *future
      = g_build_filename (folder, "events.out.tfevents.9000000000.zebra.1", NULL);

  g_assert_true (g_file_set_contents (future, "", 0, NULL));
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (KolEvents) events = kol_events_new (folder, 0, &error);
      g_assert_no_error (error);
    }
  g_autoptr (GPtrArray) files = event_files (folder);
  g_assert_cmpuint (files->len, ==, 4);
  g_assert_cmpstr (g_ptr_array_index (files, 0), ==, future);
  g_assert_nonnull (strstr (g_ptr_array_index (files, 3), ".9000000003."));
  clear_folder ();
}

static void
test_flush (void)
{
  g_autoptr (GError) error = NULL;
  KolEvents *events = kol_events_new (folder, 0, &error);
  g_autoptr (GByteArray) all = g_byte_array_new ();
  struct rlimit before, limit;

  /* A file that may not grow: what was not written is written later, and nothing twice. */
  g_assert_no_error (error);
  getrlimit (RLIMIT_FSIZE, &before);
  limit = before;
  limit.rlim_cur = 100;
  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &limit);
  write_scalars (events, 100, 500);
  gboolean flushed = kol_events_flush (events, &error);
  setrlimit (RLIMIT_FSIZE, &before);
  g_assert_false (flushed);
  g_assert_nonnull (strstr (error->message, folder));
  g_clear_error (&error);

  write_scalars (events, 600, 600);
  g_assert_true (kol_events_flush (events, &error));
  g_autoptr (GPtrArray) files = event_files (folder);
  append_events (g_ptr_array_index (files, 0), all);
  guint scalars = 0;
  for (guint i = 0; i + 10 <= all->len; i++)
    scalars += memcmp (all->data + i, "loss/train", 10) == 0;
  g_assert_cmpuint (scalars, ==, 6);
  kol_events_free (events);
  clear_folder ();
}

static void
test_no_folder (void)
{
  g_autofree char *file = g_build_filename (folder, "file", NULL);
  g_autofree char *below = g_build_filename (file, "folder", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  g_assert_null (kol_events_new (below, 0, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR);
  g_assert_nonnull (strstr (error->message, below));
  g_remove (file);
}

static void
test_bad_picture (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolEvents) events = kol_events_new (folder, 0, &error);

  g_assert_no_error (error);
  g_assert_false (kol_events_picture (events, "x", 1, pixels, 0, 4, 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  clear_folder ();
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--write"))
    return write_for_python (argv[2]);

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("kolinsky-events-XXXXXX", NULL);
  g_test_add_func ("/events/crc", test_crc);
  g_test_add_func ("/events/fixture", test_fixture);
  g_test_add_func ("/events/names", test_names);
  g_test_add_func ("/events/flush", test_flush);
  g_test_add_func ("/events/no-folder", test_no_folder);
  g_test_add_func ("/events/bad-picture", test_bad_picture);
  int status = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return status;
}
