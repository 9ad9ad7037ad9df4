/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Writes a file beside @path, has it reach the disk, and renames it, so that @path is
 * never half-written: after a failure it is what it was before. @write writes the
 * contents to the descriptor, with kol_replace_write (); FALSE, with errno set, if the
 * disk refuses. Errors are of G_FILE_ERROR and name @path.
 */
gboolean kol_replace_file (const char *path, gboolean (*write) (int file, gpointer data),
                           gpointer data, GError **error);
/* The same of contents that are in memory. */
gboolean kol_replace_contents (const char *path, const void *bytes, gsize size, GError **error);
/* Writes all of @bytes; FALSE, with errno set, if the disk refuses. */
gboolean kol_replace_write (int file, const void *bytes, gsize size);

G_END_DECLS
