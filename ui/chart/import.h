/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* Curves from files: tables with a column "step", and TensorBoard's event files. */

#include <gio/gio.h>

#include "clock.h"
#include "series.h"

G_BEGIN_DECLS

/** KxImported: the curves of a file. */
typedef struct {
  char *name;        /* of the file, for people */
  GPtrArray *curves; /* of KxImportedCurve */
  KxClock *clock;    /* knows time where the file tells it */
  guint skipped;     /* records or rows that could not be read */
} KxImported;

typedef struct {
  char *name;
  KxSeries *series;
} KxImportedCurve;

/**
 * KxImportWatch:
 * @cancellable: (nullable): ends it with %G_IO_ERROR_CANCELLED
 * @permille: (nullable): how far it is; set atomically
 *
 * How reading is looked at from another thread.
 */
typedef struct {
  GCancellable *cancellable;
  int *permille;
} KxImportWatch;

KxImported *kx_import (const char *path, const KxImportWatch *watch, GError **error);
KxImported *kx_import_csv (const char *text, gsize length, GError **error);
KxImported *kx_import_events (const guint8 *bytes, gsize length, GError **error);
KxSeries *kx_imported_find (const KxImported *imported, const char *name);
void kx_imported_free (KxImported *imported);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxImported, kx_imported_free)

G_END_DECLS
