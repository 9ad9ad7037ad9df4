/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Photos that the main thread and a network's worker share. */

#include "photo.h"

#include "paint-picture.h"

#define MOST_SIDE 1600 /* pixels of a photo that can be painted on */

/**
 * kx_photo_new:
 * @whole: (transfer full): its pixels
 *
 * From any thread; of a large one it takes a while.
 *
 * Returns: (transfer full): the photo
 */
KxPhoto *
kx_photo_new (KolPicture *whole)
{
  KxPhoto *photo = g_new0 (KxPhoto, 1);

  g_atomic_ref_count_init (&photo->references);
  photo->whole = whole;
  photo->shown = MAX (whole->width, whole->height) > MOST_SIDE
                     ? kx_picture_fit (whole, MOST_SIDE)
                     : kol_picture_convert (whole, whole->channels);
  return photo;
}

KxPhoto *
kx_photo_ref (KxPhoto *photo)
{
  g_atomic_ref_count_inc (&photo->references);
  return photo;
}

void
kx_photo_unref (KxPhoto *photo)
{
  if (!g_atomic_ref_count_dec (&photo->references))
    return;
  kol_picture_free (photo->whole);
  kol_picture_free (photo->shown);
  g_free (photo);
}
