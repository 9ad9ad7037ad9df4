/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

/*
 * Zip archives, as far as NumPy writes them: members stored or deflated, also of
 * 4 GiB and more (zip64). PKWARE, ".ZIP File Format Specification", 6.3.
 */

typedef struct {
  char *name;
  guint flags;
  guint method;   /* 0: stored, 8: deflated */
  guint32 crc;    /* of the contents */
  guint64 packed; /* bytes in the archive */
  guint64 size;   /* bytes of the contents */
  guint64 offset; /* of the member's own header in the archive */
} KolZipMember;

typedef struct {
  GMappedFile *file;
  const guint8 *bytes;
  gsize length;
  char *shown;        /* the file's name for messages */
  GPtrArray *members; /* of KolZipMember, in the order of the archive's directory */
} KolZip;

KolZip *kol_zip_open (const char *path, GError **error);
void kol_zip_free (KolZip *zip);
const KolZipMember *kol_zip_find (const KolZip *zip, const char *name);
GBytes *kol_zip_read (const KolZip *zip, const KolZipMember *member, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolZip, kol_zip_free)
