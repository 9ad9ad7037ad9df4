/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * Pictures that stay in their files until they are needed: what memory a set of them takes
 * is that of their names. Used by several threads at a time.
 */

#include "augment-private.h"
#include "listing-private.h"
#include "preprocess.h"

typedef struct _KolPictures KolPictures;

/* Takes @listing over. */
KolPictures *kol_pictures_new (KolListing *listing, const KolPreprocess *how);
/* Some of them, of which none has been read yet. */
KolPictures *kol_pictures_copy (const KolPictures *pictures, gsize first, gsize count);
void kol_pictures_free (KolPictures *pictures);

const KolPreprocess *kol_pictures_get_how (const KolPictures *pictures);
KolListing *kol_pictures_get_listing (const KolPictures *pictures);

/* Whether any of a few pictures can be read; if not, it is not worth beginning. */
gboolean kol_pictures_look (const KolPictures *pictures, GError **error);
/*
 * Reads picture @i, prepared and varied, to @to; @vary NULL: as it is. @scratch has room for
 * as many numbers. FALSE: it cannot be read, which is noted.
 */
gboolean kol_pictures_read (KolPictures *pictures, gsize i, const KolVary *vary, float *scratch,
                            float *to);

/* How many could not be read so far; the lines from @first on, "file: reason". Given. */
char **kol_pictures_list_skipped (KolPictures *pictures, gsize first, gsize *count);

/* What kol_dataset_finish() says from now on: there is no use in going on. */
void kol_pictures_give_up (KolPictures *pictures);
gboolean kol_pictures_check (KolPictures *pictures, GError **error);
