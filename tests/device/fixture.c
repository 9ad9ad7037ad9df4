/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>

const char *program_path;

KolDevice *
open_device (void)
{
  g_autoptr (GError) error = NULL;
  KolDevice *device = kol_device_open (NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (device);
  return device;
}

KolQueue *
open_queue (KolDevice *device)
{
  g_autoptr (GError) error = NULL;
  KolQueue *queue = kol_queue_new (device, &error);

  g_assert_no_error (error);
  g_assert_nonnull (queue);
  return queue;
}

KolBuffer *
new_buffer (KolDevice *device, gsize bytes)
{
  g_autoptr (GError) error = NULL;
  KolBuffer *buffer = kol_buffer_new (device, bytes, &error);

  g_assert_no_error (error);
  g_assert_nonnull (buffer);
  return buffer;
}

void
read_floats (KolQueue *queue, KolBuffer *buffer, float *values, gsize n)
{
  g_autoptr (GError) error = NULL;

  kol_queue_read (queue, buffer, 0, values, n * sizeof *values, &error);
  g_assert_no_error (error);
}

void
assert_all (KolQueue *queue, KolBuffer *buffer, gsize n, float expected)
{
  g_autofree float *values = g_new0 (float, n);

  read_floats (queue, buffer, values, n);
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat (values[i], ==, expected);
}

gboolean
launch_fill (KolQueue *queue, KolBuffer *out, guint n, float value, const char *options,
             GError **error)
{
  const KolCall call
      = { .program = "test-fill", .kernel = "test_fill", .options = options, .global = { n } };

  return kol_queue_launch (queue, &call,
                           KOL_ARGS (KOL_BUFFER (out), KOL_UINT (n), KOL_FLOAT (value)), error);
}

void
fill_and_check (KolQueue *queue, const char *options, float scale)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolBuffer) buffer = new_buffer (kol_queue_get_device (queue), 101 * sizeof (float));

  launch_fill (queue, buffer, 101, 3.0f, options, &error);
  g_assert_no_error (error);
  assert_all (queue, buffer, 101, 3.0f * scale);
}

gboolean
skip_on_simulator (KolDevice *device, const char *reason)
{
  gboolean simulated = g_str_equal (kol_device_get_info (device)->platform, "Oclgrind");

  if (simulated)
    g_test_skip (reason);
  return simulated;
}

void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      remove_tree (child);
    }
  g_remove (path);
}

Variable
set_variable (const char *name, const char *value)
{
  Variable variable = { name, g_strdup (g_getenv (name)) };

  if (value)
    g_setenv (name, value, TRUE);
  else
    g_unsetenv (name);
  return variable;
}

void
restore_variable (Variable variable)
{
  if (variable.before)
    g_setenv (variable.name, variable.before, TRUE);
  else
    g_unsetenv (variable.name);
  g_free (variable.before);
}

char *
begin_cache (Variable *variable)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("kolinsky-test-XXXXXX", &error);

  g_assert_no_error (error);
  *variable = set_variable ("KOLINSKY_CACHE", folder);
  return folder;
}

void
end_cache (char *folder, Variable variable)
{
  restore_variable (variable);
  remove_tree (folder);
  g_free (folder);
}

char *
run_child (const char *job, char **environment)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *flag = g_strconcat ("--child-", job, NULL);
  char *arguments[] = { (char *) program_path, flag, NULL };
  char *output = NULL;
  int status;

  g_spawn_sync (NULL, arguments, environment, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);
  return output;
}

static void
skip_without_device (void)
{
  g_test_skip ("there is no OpenCL device");
}

int
run_device_tests (int argc, char **argv, void (*add_tests) (void), int (*child) (const char *job))
{
  const char *flag = "--child-";

  if (child && argc == 2 && g_str_has_prefix (argv[1], flag))
    return child (argv[1] + strlen (flag));

  g_test_init (&argc, &argv, NULL);
  program_path = argv[0];

  Variable variable;
  char *cache = begin_cache (&variable);
  g_autoptr (GPtrArray) list = kol_devices_list ();
  if (list->len > 0)
    add_tests ();
  else
    g_test_add_func ("/device/none", skip_without_device);
  int status = g_test_run ();
  end_cache (cache, variable);
  return status;
}
