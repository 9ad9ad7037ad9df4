/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A lock between processes; the others are this program again, with --hold. */

#include "lock-private.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program;
static char *folder;

/* Takes the lock, says so, and keeps it until it is killed or its input ends. */
static int
hold (const char *path)
{
  g_autoptr (KolLock) lock = kol_lock_take (path, "It", NULL);

  puts (lock ? "taken" : "refused");
  fflush (stdout);
  getchar ();
  return 0;
}

typedef struct {
  GPid pid;
  int input, output;
} Holder;

static Holder
start_holder (const char *path)
{
  const char *arguments[] = { program, "--hold", path, NULL };
  g_autoptr (GError) error = NULL;
  Holder holder;
  char answer[7] = "";

  g_spawn_async_with_pipes (NULL, (char **) arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                            &holder.pid, &holder.input, &holder.output, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (read (holder.output, answer, 6), ==, 6);
  g_assert_cmpstr (answer, ==, "taken\n");
  return holder;
}

static void
wait_for_end (Holder holder)
{
  close (holder.input);
  close (holder.output);
  g_assert_cmpint (waitpid (holder.pid, NULL, 0), ==, holder.pid);
  g_spawn_close_pid (holder.pid);
}

static char *
lock_path (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
test_other_process (void)
{
  g_autofree char *path = lock_path ("other");
  g_autofree char *sentence = NULL;
  g_autoptr (GError) error = NULL;
  int process = -1;

  Holder holder = start_holder (path);
  g_assert_null (kol_lock_take (path, "The run “x”", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  sentence = g_strdup_printf ("The run “x” is in use by process %d; wait for it to end, or choose "
                              "another",
                              (int) holder.pid);
  g_assert_cmpstr (error->message, ==, sentence);
  g_assert_true (kol_lock_is_taken (path, &process));
  g_assert_cmpint (process, ==, holder.pid);

  wait_for_end (holder);
  g_assert_false (kol_lock_is_taken (path, &process));
  g_assert_cmpint (process, ==, 0);
  g_clear_error (&error);
  g_autoptr (KolLock) lock = kol_lock_take (path, "It", &error);
  g_assert_no_error (error);
  g_assert_nonnull (lock);
  g_assert_true (kol_lock_is_taken (path, &process));
  g_assert_cmpint (process, ==, getpid ());
}

static void
test_killed (void)
{
  g_autofree char *path = lock_path ("killed");
  g_autoptr (GError) error = NULL;
  Holder holder = start_holder (path);

  kill (holder.pid, SIGKILL);
  wait_for_end (holder);
  /* Its number is still there, but nobody holds the file. */
  g_assert_false (kol_lock_is_taken (path, NULL));
  g_autoptr (KolLock) lock = kol_lock_take (path, "It", &error);
  g_assert_no_error (error);
  g_assert_nonnull (lock);
}

static void
test_same_process (void)
{
  g_autofree char *path = lock_path ("same");
  g_autoptr (GError) error = NULL;

  g_assert_false (kol_lock_is_taken (path, NULL));
  KolLock *lock = kol_lock_take (path, "It", &error);
  g_assert_no_error (error);
  g_assert_null (kol_lock_take (path, "It", NULL));
  kol_lock_free (lock);

  g_autoptr (KolLock) again = kol_lock_take (path, "It", &error);
  g_assert_no_error (error);
  g_assert_nonnull (again);
}

static gpointer
free_later (gpointer lock)
{
  g_usleep (300000);
  kol_lock_free (lock);
  return NULL;
}

static void
test_wait (void)
{
  g_autofree char *path = lock_path ("wait");
  g_autoptr (GError) error = NULL;
  KolLock *lock = kol_lock_take (path, "It", &error);

  g_assert_no_error (error);
  g_assert_null (kol_lock_wait (path, "It", 0, NULL));
  GThread *thread = g_thread_new ("free", free_later, lock);
  g_autoptr (KolLock) later = kol_lock_wait (path, "It", 20, &error);
  g_assert_no_error (error);
  g_assert_nonnull (later);
  g_thread_join (thread);
}

/* Who only looks does not get into the way of who takes. */
static gpointer
look_often (gpointer path)
{
  for (int i = 0; i < 20000; i++)
    kol_lock_is_taken (path, NULL);
  return NULL;
}

static void
test_looking (void)
{
  g_autofree char *path = lock_path ("looking");
  GThread *thread;

  kol_lock_free (kol_lock_take (path, "It", NULL));
  thread = g_thread_new ("look", look_often, path);
  for (int i = 0; i < 50; i++)
    {
      KolLock *lock = kol_lock_wait (path, "It", 20, NULL);
      g_assert_nonnull (lock);
      kol_lock_free (lock);
    }
  g_thread_join (thread);
}

static void
test_no_folder (void)
{
  g_autofree char *path = g_build_filename (folder, "nowhere", "lock", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (kol_lock_take (path, "It", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_false (kol_lock_is_taken (path, NULL));
}

static void
test_no_permission (void)
{
  g_autofree char *path = g_build_filename (folder, "read-only", "lock", NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  g_autoptr (GError) error = NULL;

  if (geteuid () == 0)
    {
      g_test_skip ("root may write anywhere");
      return;
    }
  g_mkdir (parent, 0500);
  g_assert_null (kol_lock_take (path, "It", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (error->message, "may write"));
  g_rmdir (parent);
}

static void
remove_folder (void)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_remove (path);
    }
  g_rmdir (folder);
  g_free (folder);
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--hold"))
    return hold (argv[2]);

  g_test_init (&argc, &argv, NULL);
  program = argv[0];
  folder = g_dir_make_tmp ("kolinsky-lock-XXXXXX", NULL);
  g_test_add_func ("/lock/other-process", test_other_process);
  g_test_add_func ("/lock/killed", test_killed);
  g_test_add_func ("/lock/same-process", test_same_process);
  g_test_add_func ("/lock/wait", test_wait);
  g_test_add_func ("/lock/looking", test_looking);
  g_test_add_func ("/lock/no-folder", test_no_folder);
  g_test_add_func ("/lock/no-permission", test_no_permission);
  int status = g_test_run ();
  remove_folder ();
  return status;
}
