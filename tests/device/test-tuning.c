/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "device/tuning-private.h"
#include "fixture.h"
#include "lock-private.h"

#include <string.h>
#include <sys/wait.h>

static void
test_tuning_store (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  const char *const names[] = { "plain", "winograd-4x4", "clblast" };
  const double seconds[] = { 3e-3, 1.25e-4, 0.5 };
  const char *const keys[] = { "matmul 50x3136x1024 nn", "odd [key] = 1;\n#%41 \"ä\"" };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (KolDevice) device = open_device ();
      g_assert_null (kol_tuning_lookup (device->tuning, keys[i]));
      kol_tuning_store (device->tuning, keys[i], names, seconds, 3, 1);
      g_autofree char *now = kol_tuning_lookup (device->tuning, keys[i]);
      g_assert_cmpstr (now, ==, "winograd-4x4");

      g_autoptr (KolDevice) later = open_device ();
      g_autofree char *choice = kol_tuning_lookup (later->tuning, keys[i]);
      g_assert_cmpstr (choice, ==, "winograd-4x4");
      g_assert_null (kol_tuning_lookup (later->tuning, "matmul"));

      /* A new measurement replaces the old one. */
      kol_tuning_store (later->tuning, keys[i], names, seconds, 1, 0);
      g_autofree char *replaced = kol_tuning_lookup (later->tuning, keys[i]);
      g_assert_cmpstr (replaced, ==, "plain");
    }
  end_cache (folder, variable);
}

/* Other kernels, of a later version say, may be faster or slower: they are measured again. */
static void
test_tuning_of_other_kernels (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  const char *const names[] = { "plain", "simd" };
  const double seconds[] = { 2, 1 };
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) error = NULL;

  g_autoptr (KolDevice) device = open_device ();
  kol_tuning_store (device->tuning, "x", names, seconds, 2, 1);
  kol_tuning_strike (device->tuning, "matmul", "simd", "wrong");
  g_autofree char *path = g_build_filename (kol_device_get_cache (device), "tuning.ini", NULL);
  g_assert_true (g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, &error));
  g_key_file_set_string (file, "kolinsky", "kernels", "those of another version");
  g_assert_true (g_key_file_save_to_file (file, path, &error));

  g_autoptr (KolDevice) later = open_device ();
  g_assert_null (kol_tuning_lookup (later->tuning, "x"));
  g_assert_false (kol_tuning_is_struck (later->tuning, "matmul", "simd"));
  kol_tuning_store (later->tuning, "y", names, seconds, 2, 0);
  g_autoptr (KolDevice) last = open_device ();
  g_autofree char *choice = kol_tuning_lookup (last->tuning, "y");
  g_assert_cmpstr (choice, ==, "plain");
  g_assert_null (kol_tuning_lookup (last->tuning, "x"));
  end_cache (folder, variable);
}

static void
test_tuning_strike (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  g_autoptr (KolDevice) device = open_device ();

  g_assert_false (kol_tuning_is_struck (device->tuning, "conv2d", "winograd-4x4"));
  kol_tuning_strike (device->tuning, "conv2d", "winograd-4x4", "wrong in case\n1x33");
  g_assert_true (kol_tuning_is_struck (device->tuning, "conv2d", "winograd-4x4"));
  g_assert_false (kol_tuning_is_struck (device->tuning, "conv2d", "plain"));
  g_assert_false (kol_tuning_is_struck (device->tuning, "matmul", "winograd-4x4"));

  g_autoptr (KolDevice) later = open_device ();
  g_assert_true (kol_tuning_is_struck (later->tuning, "conv2d", "winograd-4x4"));
  kol_tuning_restore (later->tuning, "conv2d", "winograd-4x4");
  g_assert_false (kol_tuning_is_struck (later->tuning, "conv2d", "winograd-4x4"));
  end_cache (folder, variable);
}

/* Two processes have loaded the file; what each stores is kept. */
static void
test_tuning_merge (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  const char *const names[] = { "plain", "simd" };
  const double seconds[] = { 2, 1 };
  g_autoptr (KolDevice) a = open_device ();
  g_autoptr (KolDevice) b = open_device ();

  g_assert_null (kol_tuning_lookup (a->tuning, "x"));
  g_assert_null (kol_tuning_lookup (b->tuning, "x"));
  kol_tuning_store (a->tuning, "a", names, seconds, 2, 0);
  kol_tuning_store (b->tuning, "b", names, seconds, 2, 1);
  kol_tuning_store (a->tuning, "c", names, seconds, 2, 0);

  g_autoptr (KolDevice) later = open_device ();
  g_autofree char *from_a = kol_tuning_lookup (later->tuning, "a");
  g_autofree char *from_b = kol_tuning_lookup (later->tuning, "b");
  g_autofree char *seen_by_a = kol_tuning_lookup (a->tuning, "b");
  g_assert_cmpstr (from_a, ==, "plain");
  g_assert_cmpstr (from_b, ==, "simd");
  g_assert_cmpstr (seen_by_a, ==, "simd");
  end_cache (folder, variable);
}

/* Says when it begins to store a choice, and when it has. */
static int
child_store (void)
{
  const char *const names[] = { "plain", "simd" };
  const double seconds[] = { 2, 1 };
  g_autoptr (KolDevice) device = kol_device_open (NULL, NULL);

  g_print ("storing\n");
  kol_tuning_store (device->tuning, "child", names, seconds, 2, 1);
  g_print ("stored\n");
  return 0;
}

typedef struct {
  GPid pid;
  GIOChannel *output, *errors;
} Child;

static Child
start_child_store (void)
{
  char *arguments[] = { (char *) program_path, (char *) "--child-store", NULL };
  g_autoptr (GError) error = NULL;
  int output, errors;
  Child child;

  g_spawn_async_with_pipes (NULL, arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                            &child.pid, NULL, &output, &errors, &error);
  g_assert_no_error (error);
  child.output = g_io_channel_unix_new (output);
  child.errors = g_io_channel_unix_new (errors);
  g_io_channel_set_close_on_unref (child.output, TRUE);
  g_io_channel_set_close_on_unref (child.errors, TRUE);
  return child;
}

/* Reads on until the child says @word. */
static void
wait_for_word (Child child, const char *word)
{
  for (;;)
    {
      g_autofree char *line = NULL;
      GIOStatus status = g_io_channel_read_line (child.output, &line, NULL, NULL, NULL);
      g_assert_cmpint (status, ==, G_IO_STATUS_NORMAL);
      if (g_str_has_prefix (line, word))
        return;
    }
}

/* What the child wrote to standard error. Given. */
static char *
end_child (Child child)
{
  g_autoptr (GError) error = NULL;
  char *text = NULL;
  int status;

  g_io_channel_read_to_end (child.errors, &text, NULL, NULL);
  g_assert_cmpint (waitpid (child.pid, &status, 0), ==, child.pid);
  g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);
  g_spawn_close_pid (child.pid);
  g_io_channel_unref (child.output);
  g_io_channel_unref (child.errors);
  return text;
}

/* Another process waits while this one has read the file and not yet written it. */
static void
test_tuning_two_processes (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autofree char *path = g_build_filename (kol_device_get_cache (device), "tuning.ini", NULL);
  g_autofree char *lock_path = g_strconcat (path, ".lock", NULL);
  g_autoptr (GKeyFile) file = g_key_file_new ();

  kol_tuning_store (device->tuning, "before", (const char *const[]){ "plain" }, (double[]){ 1 }, 1,
                    0);
  g_autoptr (KolDevice) later = open_device ();
  g_autoptr (KolLock) lock = kol_lock_take (lock_path, path, &error);
  g_assert_no_error (error);
  Child child = start_child_store ();
  wait_for_word (child, "storing");
  g_usleep (300000);
  g_assert_true (g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL));
  g_key_file_set_string (file, "choice parent", "variant", "plain");
  g_assert_true (g_key_file_save_to_file (file, path, NULL));
  g_clear_pointer (&lock, kol_lock_free);
  wait_for_word (child, "stored");
  g_autofree char *said = end_child (child);

  g_assert_null (strstr (said, "in use"));
  g_autofree char *of_parent = kol_tuning_lookup (later->tuning, "parent");
  g_autofree char *of_child = kol_tuning_lookup (later->tuning, "child");
  g_assert_cmpstr (of_parent, ==, "plain");
  g_assert_cmpstr (of_child, ==, "simd");
  end_cache (folder, variable);
}

/* A file that another process keeps for long is left alone, and that is told. */
static void
test_tuning_busy (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autofree char *path = g_build_filename (kol_device_get_cache (device), "tuning.ini", NULL);
  g_autofree char *lock_path = g_strconcat (path, ".lock", NULL);
  g_autoptr (KolLock) lock = kol_lock_take (lock_path, path, &error);
  g_autofree char *sentence = g_strdup_printf (
      "is in use by process %d; what this process measured is not kept", (int) getpid ());

  g_assert_no_error (error);
  Child child = start_child_store ();
  wait_for_word (child, "stored");
  g_autofree char *said = end_child (child);
  g_assert_nonnull (strstr (said, sentence));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  end_cache (folder, variable);
}

static void
test_tuning_corrupt (void)
{
  Variable variable;
  char *folder = begin_cache (&variable);
  const char *const names[] = { "plain" };
  const double seconds[] = { 1 };
  g_autoptr (KolDevice) device = open_device ();
  g_autofree char *path = g_build_filename (kol_device_get_cache (device), "tuning.ini", NULL);

  g_assert_true (g_file_set_contents (path, "not a key file\n\xff\xfe[", -1, NULL));
  g_assert_null (kol_tuning_lookup (device->tuning, "a"));
  kol_tuning_store (device->tuning, "a", names, seconds, 1, 0);

  g_autoptr (KolDevice) later = open_device ();
  g_autofree char *choice = kol_tuning_lookup (later->tuning, "a");
  g_assert_cmpstr (choice, ==, "plain");
  end_cache (folder, variable);
}

static void
test_tuning_forced (void)
{
  const struct {
    const char *text;
    const char *op;
    const char *variant;
  } cases[] = { { NULL, "matmul", NULL },
                { "", "matmul", NULL },
                { "plain", "matmul", "plain" },
                { "plain", "conv2d", "plain" },
                { "matmul=clblast,conv2d=plain", "matmul", "clblast" },
                { "matmul=clblast,conv2d=plain", "conv2d", "plain" },
                { "matmul=clblast,conv2d=plain", "conv", NULL },
                { "matmul=clblast,conv2d=plain", "softmax", NULL },
                { " matmul = clblast , simd ", "matmul", "clblast" },
                { " matmul = clblast , simd ", "softmax", "simd" },
                { "simd,matmul=clblast", "matmul", "clblast" },
                { ",,matmul=,", "matmul", NULL } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Variable variable = set_variable ("KOLINSKY_VARIANT", cases[i].text);
      g_autofree char *forced = kol_tuning_forced (cases[i].op);
      g_assert_cmpstr (forced, ==, cases[i].variant);
      restore_variable (variable);
    }
}

static void
add_tests (void)
{
  g_test_add_func ("/tuning/store", test_tuning_store);
  g_test_add_func ("/tuning/other-kernels", test_tuning_of_other_kernels);
  g_test_add_func ("/tuning/strike", test_tuning_strike);
  g_test_add_func ("/tuning/merge", test_tuning_merge);
  g_test_add_func ("/tuning/two-processes", test_tuning_two_processes);
  g_test_add_func ("/tuning/busy", test_tuning_busy);
  g_test_add_func ("/tuning/corrupt", test_tuning_corrupt);
  g_test_add_func ("/tuning/forced", test_tuning_forced);
}

static int
child (const char *job)
{
  g_assert_cmpstr (job, ==, "store");
  return child_store ();
}

int
main (int argc, char **argv)
{
  return run_device_tests (argc, argv, add_tests, child);
}
