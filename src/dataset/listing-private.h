/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

#include "dataset.h"

/*
 * What a folder of pictures holds, a sub-folder for each class: of a file only its name
 * below its class's folder, where that begins and its class are kept, which is the length
 * of the name and 9 bytes.
 */
typedef struct {
  char *root;         /* the folder that holds the classes */
  char *part;         /* what it is called below the set's folder; "": it is that */
  char **class_names; /* as they are shown */
  char **folders;     /* [classes], as the system has them; NULL: this part lacks the class */
  guint classes;

  gsize count;
  char *names; /* of all files, each with its 0 */
  gsize names_size;
  guint32 *starts; /* [count], where in @names a file's is */
  guint32 *labels; /* [count] */
} KolListing;

/* The folder that holds the classes of a part, or NULL if there is no such part. */
char *kol_listing_part (const char *path, const char *part);
gboolean kol_listing_is_folder (const char *path);

/*
 * Lists the files below @root, the folder of a part of the set in @path, sorted by class and
 * then by name. @class_names, if not NULL, are the classes that there may be. Fails if there are
 * others, or no file at all.
 */
KolListing *kol_listing_new (const char *path, const char *root, char **class_names,
                             GError **error);
/* A listing of its own, of some of the files. */
KolListing *kol_listing_copy (const KolListing *listing, gsize first, gsize count);
void kol_listing_free (KolListing *listing);

char *kol_listing_path (const KolListing *listing, gsize i);
/* "train/class/name", for people. */
char *kol_listing_show (const KolListing *listing, gsize i);
void kol_listing_exchange (KolListing *listing, gsize i, gsize j);
/* Which files there are, in which order, in 64 hexadecimal digits. Given. */
char *kol_listing_digest (const KolListing *listing);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolListing, kol_listing_free)
