/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
test_launch (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) out = new_buffer (device, 200 * sizeof (float));

  fill_and_check (queue, NULL, 1.0f);
  fill_and_check (queue, "-D TEST_SCALE=2.0f", 2.0f);

  /* Global sizes are rounded up to the work-group. */
  const KolCall plane
      = { .program = "test-fill", .kernel = "test_plane", .global = { 13, 7 }, .local = { 4, 2 } };
  g_assert_true (kol_queue_launch (queue, &plane,
                                   KOL_ARGS (KOL_BUFFER (out), KOL_INT (13), KOL_INT (7)), &error));
  assert_all (queue, out, 13 * 7, 16 * 1000 + 8);

  /* Local memory. */
  const KolCall local
      = { .program = "test-fill", .kernel = "test_local", .global = { 16 }, .local = { 8 } };
  float sums[2];
  g_assert_true (kol_queue_launch (
      queue, &local, KOL_ARGS (KOL_BUFFER (out), KOL_LOCAL (8 * sizeof (float))), &error));
  read_floats (queue, out, sums, 2);
  g_assert_cmpfloat (sums[0], ==, 28);
  g_assert_cmpfloat (sums[1], ==, 92);

  /* The device's own options. */
  const KolCall options = { .program = "test-fill", .kernel = "test_options", .global = { 1 } };
  cl_int said[2];
  g_assert_true (kol_queue_launch (queue, &options, KOL_ARGS (KOL_BUFFER (out)), &error));
  g_assert_true (kol_queue_read (queue, out, 0, said, sizeof said, &error));
  g_assert_cmpint (said[0], ==, (int) kol_device_get_info (device)->vector_width);
  g_assert_cmpint (said[1], ==, device->simd ? 1 : 0);
  g_assert_no_error (error);
}

static void
test_null_buffer (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) in = new_buffer (device, 9 * sizeof (float));
  g_autoptr (KolBuffer) out = new_buffer (device, 9 * sizeof (float));
  const KolCall call = { .program = "test-fill", .kernel = "test_optional", .global = { 9 } };

  g_assert_true (kol_queue_launch (
      queue, &call, KOL_ARGS (KOL_BUFFER (out), KOL_NO_BUFFER, KOL_INT (9)), &error));
  assert_all (queue, out, 9, -1.0f);
  g_assert_true (kol_queue_fill (queue, in, 4.0f, &error));
  g_assert_true (kol_queue_launch (
      queue, &call, KOL_ARGS (KOL_BUFFER (out), KOL_BUFFER (in), KOL_INT (9)), &error));
  assert_all (queue, out, 9, 4.0f);
  g_assert_no_error (error);
}

static void
test_argument_count (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) out = new_buffer (device, 16);
  const KolCall call = { .program = "test-fill", .kernel = "test_fill", .global = { 4 } };

  g_assert_false (
      kol_queue_launch (queue, &call, KOL_ARGS (KOL_BUFFER (out), KOL_UINT (4)), &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
  g_assert_cmpstr (error->message, ==,
                   "Kernel test_fill (test-fill.cl) expects 3 arguments, 2 were given");
  g_clear_error (&error);
  g_assert_false (kol_queue_launch (
      queue, &call, KOL_ARGS (KOL_BUFFER (out), KOL_UINT (4), KOL_FLOAT (1), KOL_FLOAT (1)),
      &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
}

static void
test_group_too_large (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) out = new_buffer (device, 16);
  const gsize side = 1 << 12;
  const KolCall call = { .program = "test-fill",
                         .kernel = "test_plane",
                         .global = { side, side },
                         .local = { side, side } };
  g_autofree char *size = g_strdup_printf ("%" G_GSIZE_FORMAT, side * side);

  g_assert_false (kol_queue_launch (queue, &call,
                                    KOL_ARGS (KOL_BUFFER (out), KOL_INT (2), KOL_INT (2)), &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, size));
  g_assert_nonnull (strstr (error->message, "test_plane"));
  g_clear_error (&error);

  const KolCall nothing = { .program = "test-fill", .kernel = "test_plane" };
  g_assert_false (kol_queue_launch (queue, &nothing,
                                    KOL_ARGS (KOL_BUFFER (out), KOL_INT (2), KOL_INT (2)), &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
}

static void
test_unknown_program (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  const KolCall no_file = { .program = "test-missing", .kernel = "x", .global = { 1 } };
  const KolCall no_kernel = { .program = "test-fill", .kernel = "test_missing", .global = { 1 } };

  g_assert_false (kol_queue_launch (queue, &no_file, KOL_ARGS (KOL_INT (1)), &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_BUILD);
  g_assert_nonnull (strstr (error->message, "test-missing.cl"));
  g_clear_error (&error);

  g_assert_false (kol_queue_launch (queue, &no_kernel, KOL_ARGS (KOL_INT (1)), &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, "test_missing"));
  g_assert_nonnull (strstr (error->message, "CL_INVALID_KERNEL_NAME"));
}

static void
test_build_error (void)
{
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  const KolCall call = {
    .program = "test-broken", .kernel = "test_broken", .options = "-D ABC=1", .global = { 1 }
  };

  for (int i = 0; i < 2; i++) /* A failure is not remembered as a program. */
    {
      g_autoptr (GError) error = NULL;
      g_assert_false (kol_queue_launch (queue, &call, KOL_ARGS (KOL_INT (1)), &error));
      g_assert_error (error, KOL_ERROR, KOL_ERROR_BUILD);
      g_assert_nonnull (strstr (error->message, "test-broken.cl"));
      g_assert_nonnull (strstr (error->message, "-D ABC=1"));
      g_assert_nonnull (strstr (error->message, "undeclared_on_purpose"));
    }

  /* The same when collected. */
  g_autoptr (GError) error = NULL;
  kol_queue_set_mode (queue, KOL_QUEUE_COLLECT);
  g_assert_true (kol_queue_launch (queue, &call, KOL_ARGS (KOL_INT (1)), &error));
  g_assert_false (kol_queue_build_collected (queue, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_BUILD);
}

typedef struct {
  guint calls;
  guint total;
} Progress;

static void
note_progress (const char *stage, guint done, guint total, gpointer user_data)
{
  Progress *progress = user_data;

  g_assert_cmpstr (stage, ==, "Compiling kernels");
  g_assert_cmpuint (done, ==, progress->calls);
  progress->calls++;
  progress->total = total;
}

/* Collects two programs on a freshly opened device, runs both; returns how many were compiled. */
static guint
compiled_on_a_new_device (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) buffer = new_buffer (device, 16);
  Progress progress = { 0 };

  kol_device_set_progress (device, note_progress, &progress);
  kol_queue_set_mode (queue, KOL_QUEUE_COLLECT);
  g_assert_true (kol_queue_fill (queue, buffer, 5.0f, &error));
  for (int i = 0; i < 3; i++)
    {
      g_assert_true (launch_fill (queue, NULL, 4, 1.0f, NULL, &error));
      g_assert_true (launch_fill (queue, NULL, 4, 1.0f, "-D TEST_SCALE=2.0f", &error));
    }
  g_assert_true (kol_queue_build_collected (queue, &error));
  g_assert_no_error (error);
  guint compiled = progress.total;
  g_assert_cmpuint (progress.calls, ==, compiled ? compiled + 1 : 0);

  /* Nothing is wanted now, and nothing is noted again. */
  g_assert_true (launch_fill (queue, NULL, 4, 1.0f, NULL, &error));
  g_assert_true (kol_queue_build_collected (queue, &error));
  g_assert_cmpuint (progress.calls, ==, compiled ? compiled + 1 : 0);

  kol_queue_set_mode (queue, KOL_QUEUE_RUN);
  g_assert_cmpint (kol_queue_get_mode (queue), ==, KOL_QUEUE_RUN);
  fill_and_check (queue, NULL, 1.0f);
  fill_and_check (queue, "-D TEST_SCALE=2.0f", 2.0f);
  return compiled;
}

/* The files of programs in the cache @folder, as paths. */
static GPtrArray *
cached_programs (const char *folder)
{
  GPtrArray *files = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) devices = g_dir_open (folder, 0, NULL);
  const char *device;

  while (devices && (device = g_dir_read_name (devices)))
    {
      g_autofree char *path = g_build_filename (folder, device, NULL);
      g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
      const char *name;
      g_assert_cmpuint (strlen (device), ==, 16);
      while (dir && (name = g_dir_read_name (dir)))
        if (strlen (name) == 64)
          g_ptr_array_add (files, g_build_filename (path, name, NULL));
    }
  return files;
}

static void
test_cache_second_load (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);

  g_assert_cmpuint (compiled_on_a_new_device (), ==, 2);
  g_autoptr (GPtrArray) files = cached_programs (folder);
  g_assert_cmpuint (files->len, ==, 2);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 0);
  end_cache (folder, variable);
}

static void
cancel_after_the_first (const char *stage, guint done, guint total, gpointer user_data)
{
  if (done == 1)
    g_cancellable_cancel (user_data);
}

/* Preparing ends between two programs; the one that was compiled is not compiled again. */
static void
test_cancelled_between_programs (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);

  kol_device_set_progress (device, cancel_after_the_first, cancellable);
  kol_queue_set_cancellable (queue, cancellable);
  kol_queue_set_mode (queue, KOL_QUEUE_COLLECT);
  g_assert_true (launch_fill (queue, NULL, 4, 1.0f, NULL, &error));
  g_assert_true (launch_fill (queue, NULL, 4, 1.0f, "-D TEST_SCALE=2.0f", &error));
  g_assert_false (kol_queue_build_collected (queue, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_autoptr (GPtrArray) files = cached_programs (folder);
  g_assert_cmpuint (files->len, ==, 1);

  kol_queue_set_cancellable (queue, NULL);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 1);
  end_cache (folder, variable);
}

/* Who ends a device's compiling can use what is compiled. */
static void
test_device_cancelled (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) buffer = new_buffer (device, 101 * sizeof (float));

  kol_device_set_cancellable (device, cancellable);
  fill_and_check (queue, NULL, 1.0f);
  g_cancellable_cancel (cancellable);
  fill_and_check (queue, NULL, 1.0f);
  g_assert_false (launch_fill (queue, buffer, 101, 3.0f, "-D TEST_SCALE=2.0f", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  g_clear_error (&error);
  kol_device_set_cancellable (device, NULL);
  fill_and_check (queue, "-D TEST_SCALE=2.0f", 2.0f);
  end_cache (folder, variable);
}

/* What may have happened to a file. */
typedef enum {
  FLIP_PAYLOAD,
  FLIP_SUM,
  FLIP_VERSION,
  CUT_PAYLOAD,
  CUT_HEADER,
  EMPTY,
  NOT_A_BINARY
} Damage;

static void
damage_file (const char *path, Damage damage)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *bytes = NULL;
  gsize length;

  g_file_get_contents (path, &bytes, &length, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (length, >, 64);
  switch (damage)
    {
    case FLIP_PAYLOAD:
      bytes[length - 7] ^= 0x10;
      break;
    case FLIP_SUM:
      bytes[20] ^= 0x01;
      break;
    case FLIP_VERSION:
      bytes[8] ^= 0x40;
      break;
    case CUT_PAYLOAD:
      length -= 11;
      break;
    case CUT_HEADER:
      length = 30;
      break;
    case EMPTY:
      length = 0;
      break;
      case NOT_A_BINARY: {
        /* A right header around something that no driver takes. */
        const char payload[] = "this is no program";
        guint64 payload_length = GUINT64_TO_LE ((guint64) sizeof payload);
        gsize sum_bytes = 32;
        g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
        g_checksum_update (sum, (const guchar *) payload, sizeof payload);
        g_checksum_get_digest (sum, (guint8 *) bytes + 12, &sum_bytes);
        memcpy (bytes + 44, &payload_length, 8);
        length = 52 + sizeof payload;
        bytes = g_realloc (bytes, length);
        memcpy (bytes + 52, payload, sizeof payload);
        break;
      }
    }
  g_file_set_contents (path, bytes, (gssize) length, &error);
  g_assert_no_error (error);
}

static void
test_cache_damage (gconstpointer data)
{
  Damage damage = (Damage) GPOINTER_TO_INT (data);
  Variable variable;
  char *folder = begin_cache (&variable);

  g_assert_cmpuint (compiled_on_a_new_device (), ==, 2);
  g_autoptr (GPtrArray) files = cached_programs (folder);
  damage_file (g_ptr_array_index (files, 0), damage);
  /* One is compiled again, silently, and its file is good again. */
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 1);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 0);
  end_cache (folder, variable);
}

static void
test_cache_unwritable (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  g_autofree char *file = g_build_filename (folder, "file", NULL);

  /* A folder below a file cannot be made, not even by root. */
  g_assert_true (g_file_set_contents (file, "x", 1, NULL));
  g_setenv ("KOLINSKY_CACHE", file, TRUE);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 2);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 2);
  end_cache (folder, variable);
}

static int
child_compile (void)
{
  for (int i = 0; i < 3; i++)
    compiled_on_a_new_device ();
  return 0;
}

static void
test_cache_two_processes (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  GPid pids[2];

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      char *arguments[] = { (char *) program_path, (char *) "--child-compile", NULL };
      g_spawn_async (NULL, arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pids[i],
                     &error);
      g_assert_no_error (error);
    }
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      int status;
      g_assert_cmpint (waitpid (pids[i], &status, 0), ==, pids[i]);
      g_spawn_check_wait_status (status, &error);
      g_assert_no_error (error);
      g_spawn_close_pid (pids[i]);
    }

  /* Two good files, and nothing left over. */
  g_autoptr (GPtrArray) files = cached_programs (folder);
  g_autofree char *device = g_path_get_dirname (g_ptr_array_index (files, 0));
  g_autoptr (GDir) dir = g_dir_open (device, 0, NULL);
  guint n = 0;
  while (g_dir_read_name (dir))
    n++;
  g_assert_cmpuint (files->len, ==, 2);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpuint (compiled_on_a_new_device (), ==, 0);
  end_cache (folder, variable);
}

static void
add_tests (void)
{
  const struct {
    const char *path;
    Damage damage;
  } damages[] = { { "/program/cache/corrupt/payload", FLIP_PAYLOAD },
                  { "/program/cache/corrupt/sum", FLIP_SUM },
                  { "/program/cache/corrupt/version", FLIP_VERSION },
                  { "/program/cache/corrupt/not-a-binary", NOT_A_BINARY },
                  { "/program/cache/truncated/payload", CUT_PAYLOAD },
                  { "/program/cache/truncated/header", CUT_HEADER },
                  { "/program/cache/truncated/empty", EMPTY } };

  g_test_add_func ("/program/launch", test_launch);
  g_test_add_func ("/program/null-buffer", test_null_buffer);
  g_test_add_func ("/program/argument-count", test_argument_count);
  g_test_add_func ("/program/group-too-large", test_group_too_large);
  g_test_add_func ("/program/unknown", test_unknown_program);
  g_test_add_func ("/program/build-error", test_build_error);
  g_test_add_func ("/program/cache/second-load", test_cache_second_load);
  g_test_add_func ("/program/cache/cancelled", test_cancelled_between_programs);
  g_test_add_func ("/program/device-cancelled", test_device_cancelled);
  g_test_add_func ("/program/cache/unwritable", test_cache_unwritable);
  g_test_add_func ("/program/cache/two-processes", test_cache_two_processes);
  for (gsize i = 0; i < G_N_ELEMENTS (damages); i++)
    g_test_add_data_func (damages[i].path, GINT_TO_POINTER (damages[i].damage), test_cache_damage);
}

static int
child (const char *job)
{
  g_assert_cmpstr (job, ==, "compile");
  return child_compile ();
}

int
main (int argc, char **argv)
{
  return run_device_tests (argc, argv, add_tests, child);
}
