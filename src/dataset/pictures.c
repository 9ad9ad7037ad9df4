/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "pictures-private.h"

#include <string.h>

#include "picture-private.h"

#define LOOKED_AT 16      /* pictures that are tried before all else */
#define MOST_LINES 10000u /* files that are named as skipped; more are only counted */

struct _KolPictures {
  KolListing *listing;
  KolPreprocess how;

  GMutex lock;        /* guards what follows */
  guint8 *bad;        /* a bit for each file: it could not be read, and is not tried again */
  GPtrArray *skipped; /* lines */
  gsize n_skipped;
  gboolean given_up;
};

KolPictures *
kol_pictures_new (KolListing *listing, const KolPreprocess *how)
{
  KolPictures *pictures = g_new0 (KolPictures, 1);

  pictures->listing = listing;
  pictures->how = *how;
  pictures->bad = g_new0 (guint8, listing->count / 8 + 1);
  pictures->skipped = g_ptr_array_new_with_free_func (g_free);
  g_mutex_init (&pictures->lock);
  return pictures;
}

KolPictures *
kol_pictures_copy (const KolPictures *pictures, gsize first, gsize count)
{
  return kol_pictures_new (kol_listing_copy (pictures->listing, first, count), &pictures->how);
}

void
kol_pictures_free (KolPictures *pictures)
{
  if (!pictures)
    return;
  kol_listing_free (pictures->listing);
  g_mutex_clear (&pictures->lock);
  g_free (pictures->bad);
  g_ptr_array_unref (pictures->skipped);
  g_free (pictures);
}

const KolPreprocess *
kol_pictures_get_how (const KolPictures *pictures)
{
  return &pictures->how;
}

KolListing *
kol_pictures_get_listing (const KolPictures *pictures)
{
  return pictures->listing;
}

/* ── What cannot be read ─────────────────────────────────────────────────────────────────────── */

static gboolean
is_bad (KolPictures *pictures, gsize i)
{
  g_mutex_lock (&pictures->lock);
  gboolean bad = pictures->bad[i / 8] >> i % 8 & 1;
  g_mutex_unlock (&pictures->lock);
  return bad;
}

/* Two threads may find out at a time. */
static void
mark_bad (KolPictures *pictures, gsize i, const char *reason)
{
  g_autofree char *shown = kol_listing_show (pictures->listing, i);
  guint8 bit = (guint8) (1u << i % 8);

  g_mutex_lock (&pictures->lock);
  if (!(pictures->bad[i / 8] & bit))
    {
      pictures->bad[i / 8] |= bit;
      if (pictures->n_skipped++ < MOST_LINES)
        g_ptr_array_add (pictures->skipped, g_strdup_printf ("%s: %s", shown, reason));
    }
  g_mutex_unlock (&pictures->lock);
}

char **
kol_pictures_list_skipped (KolPictures *pictures, gsize first, gsize *count)
{
  g_autoptr (GStrvBuilder) lines = g_strv_builder_new ();

  g_mutex_lock (&pictures->lock);
  for (gsize i = first; i < pictures->skipped->len; i++)
    g_strv_builder_add (lines, g_ptr_array_index (pictures->skipped, i));
  if (count)
    *count = pictures->n_skipped;
  g_mutex_unlock (&pictures->lock);
  return g_strv_builder_end (lines);
}

static gboolean
fail_all (const KolPictures *pictures, gsize tried, const char *name, const char *reason,
          GError **error)
{
  g_autofree char *root = g_filename_display_name (pictures->listing->root);

  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_EMPTY,
               "None of %zu files that were tried of the %zu in “%s” could be read as a picture; "
               "the first, “%s”: %s",
               tried, pictures->listing->count, root, name, reason);
  return FALSE;
}

gboolean
kol_pictures_look (const KolPictures *pictures, GError **error)
{
  gsize count = pictures->listing->count, tried = MIN (count, LOOKED_AT);
  g_autofree char *first_reason = NULL;

  for (gsize k = 0; k < tried; k++)
    {
      g_autofree char *path = kol_listing_path (pictures->listing, k * count / tried);
      g_autofree char *reason = NULL;
      g_autoptr (KolPicture) picture = kol_picture_try (path, &reason);
      if (picture)
        return TRUE;
      if (k == 0)
        first_reason = g_steal_pointer (&reason);
    }
  g_autofree char *name = kol_listing_show (pictures->listing, 0);
  return fail_all (pictures, tried, name, first_reason, error);
}

void
kol_pictures_give_up (KolPictures *pictures)
{
  g_mutex_lock (&pictures->lock);
  pictures->given_up = TRUE;
  g_mutex_unlock (&pictures->lock);
}

gboolean
kol_pictures_check (KolPictures *pictures, GError **error)
{
  g_mutex_lock (&pictures->lock);
  gboolean given_up = pictures->given_up;
  gsize count = pictures->n_skipped;
  const char *last = pictures->skipped->len
                         ? g_ptr_array_index (pictures->skipped, pictures->skipped->len - 1)
                         : "";
  if (given_up)
    {
      g_autofree char *root = g_filename_display_name (pictures->listing->root);
      g_set_error (
          error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_EMPTY,
          "So many of the pictures in “%s” cannot be read, %zu until now of %zu files, that "
          "there is no use in going on; one of them is %s",
          root, count, pictures->listing->count, last);
    }
  g_mutex_unlock (&pictures->lock);
  return !given_up;
}

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_pictures_read (KolPictures *pictures, gsize i, const KolVary *vary, float *scratch, float *to)
{
  g_autofree char *path = NULL, *reason = NULL;

  if (is_bad (pictures, i))
    return FALSE;
  path = kol_listing_path (pictures->listing, i);
  g_autoptr (KolPicture) picture = kol_picture_try (path, &reason);
  if (picture && kol_vary_picture (vary, &pictures->how, picture, scratch, to))
    return TRUE;
  mark_bad (pictures, i, picture ? "there is not enough memory" : reason);
  return FALSE;
}
