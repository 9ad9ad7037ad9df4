/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "chart/import.h"
#include "session.h"

G_BEGIN_DECLS

/** KxImportFunc: told what was read, which is lent, or why nothing was; not if it was cancelled. */
typedef void (*KxImportFunc) (const KxImported *imported, const GError *error, gpointer object);

KxJob *kx_import_begin (KxSession *session, const char *path, KxImportFunc func, GObject *object);

G_END_DECLS
