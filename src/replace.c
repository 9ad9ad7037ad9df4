/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Files that are there whole, or not at all. */

#include "replace-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

gboolean
kol_replace_write (int file, const void *bytes, gsize size)
{
  const char *rest = bytes;

  while (size > 0)
    {
      gssize written = write (file, rest, size);
      if (written < 0 && errno == EINTR)
        continue;
      if (written <= 0)
        return FALSE;
      rest += written;
      size -= written;
    }
  return TRUE;
}

/* A new name is safe on the disk when its folder is; not every file system can do that. */
static void
sync_folder (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int file = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (file < 0)
    return;
  fsync (file);
  close (file);
}

/* errno as a sentence that names the file; always FALSE. */
static gboolean
fail_write (const char *path, int code, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
               "“%s” cannot be written: %s; nothing was changed: check the folder, its permissions "
               "and the space on the disk",
               shown, g_strerror (code));
  return FALSE;
}

gboolean
kol_replace_file (const char *path, gboolean (*write) (int file, gpointer data), gpointer data,
                  GError **error)
{
  g_autofree char *temporary = g_strconcat (path, ".XXXXXX", NULL);
  int file = g_mkstemp_full (temporary, O_WRONLY | O_CLOEXEC, 0666), code = 0;

  if (file < 0)
    return fail_write (path, errno, error);
  if (!write (file, data) || fsync (file) != 0)
    code = errno;
  if (close (file) != 0 && code == 0)
    code = errno;
  if (code == 0 && g_rename (temporary, path) != 0)
    code = errno;
  if (code != 0)
    {
      g_unlink (temporary);
      return fail_write (path, code, error);
    }
  sync_folder (path);
  return TRUE;
}

typedef struct {
  const void *bytes;
  gsize size;
} Contents;

static gboolean
write_contents (int file, gpointer data)
{
  const Contents *contents = data;

  return kol_replace_write (file, contents->bytes, contents->size);
}

gboolean
kol_replace_contents (const char *path, const void *bytes, gsize size, GError **error)
{
  return kol_replace_file (path, write_contents, &(Contents){ bytes, size }, error);
}
