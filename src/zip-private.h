/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

/*
 * Zip archives, as far as NumPy and PyTorch write them: members stored or deflated,
 * also of 4 GiB and more (zip64). PKWARE, ".ZIP File Format Specification", 6.3.
 * Errors are of KOL_FILE_ERROR.
 */

typedef struct {
  char *name; /* UTF-8; what is not is replaced */
  guint flags;
  guint method;   /* 0: stored, 8: deflated */
  guint32 crc;    /* of the contents */
  guint64 packed; /* bytes in the archive */
  guint64 size;   /* bytes of the contents */
  guint64 offset; /* of the member's own header in the archive */
  gboolean right; /* the checksum was compared */
} KolZipMember;

typedef struct {
  GMappedFile *file;
  const guint8 *bytes;
  gsize length;
  char *shown;         /* the file's name for messages */
  GPtrArray *members;  /* of KolZipMember, in the order of the archive's directory */
  GHashTable *by_name; /* of them; of two of one name the first */
} KolZip;

KolZip *kol_zip_open (const char *path, GError **error);
/* The same of a mapped file, which @path names. */
KolZip *kol_zip_open_mapped (GMappedFile *file, const char *path, GError **error);
void kol_zip_free (KolZip *zip);
/* The member of that name, lent, or NULL. */
KolZipMember *kol_zip_find (const KolZip *zip, const char *name);
/* The contents of a member, whose checksum is right: a part of the mapped file where they are
 * stored. */
GBytes *kol_zip_read (const KolZip *zip, KolZipMember *member, GError **error);
/* The first bytes of a member, @size or all there are; no checksum is compared. */
GBytes *kol_zip_peek (const KolZip *zip, KolZipMember *member, gsize size, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolZip, kol_zip_free)
