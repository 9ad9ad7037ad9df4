/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>

static char *folder, *path;

static void
clean (void)
{
  if (path)
    g_remove (path);
  if (folder)
    g_rmdir (folder);
}

/* In memory, where there is such a file system: disks would be what takes the time. */
static void
make_folder (void)
{
  /* What a library is not made for is a mistake of ours, too. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  folder = g_strdup ("/dev/shm/kolinsky-fuzz-XXXXXX");
  if (!g_mkdtemp (folder))
    {
      g_free (folder);
      folder = g_dir_make_tmp ("kolinsky-fuzz-XXXXXX", NULL);
    }
  g_assert_nonnull (folder);
  atexit (clean);
}

const char *
fuzz_file (const char *name, const uint8_t *bytes, size_t size)
{
  if (!path)
    {
      make_folder ();
      path = g_build_filename (folder, name, NULL);
    }
  FILE *file = g_fopen (path, "wb");
  g_assert_nonnull (file);
  g_assert_true (size == 0 || fwrite (bytes, size, 1, file) == 1);
  g_assert_cmpint (fclose (file), ==, 0);
  return path;
}

void
fuzz_check (gboolean good, GError *error)
{
  g_assert_true (good == (error == NULL));
  g_assert_true (!error || (error->message[0] && g_utf8_validate (error->message, -1, NULL)));
  g_clear_error (&error);
}
