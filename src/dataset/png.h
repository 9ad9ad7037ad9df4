/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "../export.h"

G_BEGIN_DECLS

KOL_API GBytes *kol_png_encode (const guint8 *pixels, gsize width, gsize height, gsize channels,
                                const char *const *texts, GError **error);
KOL_API char **kol_png_read_texts (const char *path, GError **error);

G_END_DECLS
