/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../device/error-private.h"
#include "../replace-private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ── Those that are given ── */

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* By the ending of its name, so that a folder may hold other files, too. */
gboolean
tool_is_picture (const char *name)
{
  static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp",
                                         ".tif", ".tiff", ".ppm", ".pgm",  ".pnm" };
  const char *dot = strrchr (name, '.');

  for (guint i = 0; dot && i < G_N_ELEMENTS (endings); i++)
    if (g_ascii_strcasecmp (dot, endings[i]) == 0)
      return TRUE;
  return FALSE;
}

/* The pictures in a folder and below it; a link to a folder could lead in a circle. */
static void
add_folder (GPtrArray *paths, const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (*name != '.')
      g_ptr_array_add (names, g_build_filename (folder, name, NULL));
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++)
    {
      const char *path = g_ptr_array_index (names, i);
      if (!g_file_test (path, G_FILE_TEST_IS_DIR))
        {
          if (tool_is_picture (path))
            g_ptr_array_add (paths, g_strdup (path));
        }
      else if (!g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        add_folder (paths, path);
    }
}

/* Files, and the pictures of folders; NULL if a folder has none. Given. */
GPtrArray *
tool_list_pictures (char **given, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  for (; *given; given++)
    {
      guint before = paths->len;
      if (g_file_test (*given, G_FILE_TEST_IS_DIR))
        add_folder (paths, *given);
      else
        g_ptr_array_add (paths, g_strdup (*given));
      if (paths->len > before)
        continue;
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "There are no pictures in the folder %s",
                   *given);
      return NULL;
    }
  return g_steal_pointer (&paths);
}

/* ── Those that are made ── */

/* Whether @path can become a PNG file: said before hours of work, not after. The name may have
 * any ending but that of another format; what is written is PNG. */
gboolean
tool_check_png (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path), *shown = g_filename_display_name (path);
  const char *dot = strrchr (path, '.');

  if (tool_is_picture (path) && g_ascii_strcasecmp (dot, ".png") != 0)
    return kol_refuse (error, "“%s”: pictures are written as PNG; name it “%.*s.png”", shown,
                       (int) (strlen (shown) - strlen (dot)), shown);
  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return kol_refuse (error, "“%s” is a folder; name a file", shown);
  if (access (folder, W_OK | X_OK) == 0)
    return TRUE;
  int code = errno;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
               "“%s” cannot be written: %s; check its folder", shown, g_strerror (code));
  return FALSE;
}

gboolean
tool_save_png (const char *path, GBytes *png, GError **error)
{
  gsize size;
  const void *bytes = g_bytes_get_data (png, &size);

  return kol_replace_contents (path, bytes, size, error);
}

gboolean
tool_save_texts (const KolSnapshot *picture, const char *path, const char *const *texts,
                 GError **error)
{
  g_autoptr (GBytes) png = kol_snapshot_to_png (picture, texts, error);

  return png && tool_save_png (path, png, error);
}

gboolean
tool_save_picture (const KolSnapshot *picture, const char *path, GError **error)
{
  const char *const texts[] = { "Software", "Kolinsky", NULL };

  return tool_save_texts (picture, path, texts, error);
}
