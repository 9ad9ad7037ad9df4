/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "catalogue.h"

G_BEGIN_DECLS

/*
 * Brings the file of @source to @path, whose content is then what its SHA-256 promises.
 * What has come is kept in a file of @folder until then, and gone on with the next time.
 */
gboolean kol_download (const KolModelSource *source, const char *folder, const char *path,
                       const KolInstall *install, GCancellable *cancellable, GError **error);
/* The SHA-256 of a file. Given. */
char *kol_file_sha256 (const char *path, GCancellable *cancellable, GError **error);

G_END_DECLS
