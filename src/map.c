/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "map-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

GMappedFile *
kol_map_file (const char *path, GError **error)
{
  g_autoptr (GError) mistake = NULL;
  GMappedFile *file = g_mapped_file_new (path, FALSE, &mistake);

  if (file)
    return file;
  g_autofree char *shown = g_filename_display_name (path);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    g_set_error (error, mistake->domain, mistake->code,
                 "There is no file “%s”; check its name and folder", shown);
  else if (g_file_test (path, G_FILE_TEST_IS_DIR))
    g_set_error (error, mistake->domain, mistake->code, "“%s” is a folder, and no file", shown);
  else if (g_access (path, R_OK) != 0)
    g_set_error (error, mistake->domain, mistake->code, "“%s” cannot be read: %s", shown,
                 g_strerror (errno));
  else
    g_propagate_error (error, g_steal_pointer (&mistake));
  return NULL;
}
