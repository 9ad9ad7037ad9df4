/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* As g_mapped_file_new() for reading, but the error says what to do; its domain is the same. */
GMappedFile *kol_map_file (const char *path, GError **error);

G_END_DECLS
