/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "error.h"

G_BEGIN_DECLS

/* Sets @error to %KOL_ERROR_DATA with a sentence. Always FALSE. */
gboolean kol_refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

G_END_DECLS
