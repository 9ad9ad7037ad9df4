/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Feeds files to a target without a fuzzer: the seeds, which are a test of every build,
 * or what a fuzzer has found.
 *
 *     fuzz-pth FILE|FOLDER...
 */
#include "fuzz.h"

#include <stdio.h>

static guint fed;

static void
feed (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *contents = NULL;
  gsize length;

  for (const char *name = dir ? g_dir_read_name (dir) : NULL; name; name = g_dir_read_name (dir))
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);
      feed (inner);
    }
  if (dir)
    return;
  g_file_get_contents (path, &contents, &length, &error);
  g_assert_no_error (error);
  LLVMFuzzerTestOneInput ((const uint8_t *) contents, length);
  fed++;
}

int
main (int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    feed (argv[i]);
  printf ("%u inputs\n", fed);
  return fed == 0;
}
