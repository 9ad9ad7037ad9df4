/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * From a picture to the numbers that a network takes: it is scaled and cut, its channels
 * put in order, and its bytes moved and scaled to where the network had them when it
 * learned.
 */

#include "preprocess.h"

#include <math.h>

#include "dataset.h"

/**
 * kol_preprocess_count:
 * @how: what a network takes
 *
 * Returns: how many numbers a picture becomes
 */
gsize
kol_preprocess_count (const KolPreprocess *how)
{
  g_return_val_if_fail (how != NULL, 0);
  return how->channels * how->height * how->width;
}

/**
 * kol_preprocess_set_size:
 * @how: what a network takes
 * @width: the columns that it is to take
 * @height: the rows
 *
 * Has pictures prepared for another size. What is cut out stays the same share.
 */
void
kol_preprocess_set_size (KolPreprocess *how, gsize width, gsize height)
{
  g_return_if_fail (how != NULL && width > 0 && height > 0);
  gsize before = MAX (how->width, how->height), side = MAX (width, height);

  if (how->short_side && before != side)
    how->short_side = MAX (how->short_side * side / before, side);
  how->width = width;
  how->height = height;
}

/**
 * kol_preprocess_set_grey:
 * @how: what a network takes
 *
 * Has pictures prepared without colours: grey is moved and scaled as colours are on
 * average.
 */
void
kol_preprocess_set_grey (KolPreprocess *how)
{
  g_return_if_fail (how != NULL);

  if (how->channels == 1)
    return;
  how->mean[0] = (how->mean[0] + how->mean[1] + how->mean[2]) / 3;
  how->std[0] = (how->std[0] + how->std[1] + how->std[2]) / 3;
  how->channels = 1;
  how->bgr = FALSE;
}

/* How large @side gets when the shorter one becomes @short_side, but enough for @least. */
static gsize
scaled_side (gsize side, double factor, gsize least)
{
  return MAX ((gsize) rint ((double) side * factor), least);
}

/**
 * kol_preprocess_fit:
 * @how: what a network takes
 * @picture: a picture
 *
 * Scales and cuts a picture, and makes it grey or gives it three channels, red, green
 * and blue. Scaled sides are rounded to the nearest number, halves to the even one; of
 * an odd number of pixels to leave out, the smaller half is before.
 *
 * Returns: (transfer full) (nullable): `[channels, height, width]` bytes, or %NULL if
 *   memory is short
 */
KolPicture *
kol_preprocess_fit (const KolPreprocess *how, const KolPicture *picture)
{
  g_return_val_if_fail (how != NULL && picture != NULL, NULL);
  gsize width = how->width, height = how->height;
  KolPictureBox part = { 0, 0, width, height };

  if (how->short_side)
    {
      double factor = (double) how->short_side / (double) MIN (picture->width, picture->height);
      width = scaled_side (picture->width, factor, width);
      height = scaled_side (picture->height, factor, height);
      part.left = (width - part.width) / 2;
      part.top = (height - part.height) / 2;
    }
  g_autoptr (KolPicture) scaled = kol_picture_resize (picture, width, height, how->filter, &part);
  return scaled ? kol_picture_convert (scaled, how->channels) : NULL;
}

/**
 * kol_preprocess_numbers:
 * @how: what a network takes
 * @fitted: a picture of its size and channels, such as kol_preprocess_fit() gives
 * @numbers: (out): `[channels, height, width]`
 *
 * Turns bytes into what the network takes. The arithmetic is in single precision, in
 * the order of the formula, as PyTorch has it.
 */
void
kol_preprocess_numbers (const KolPreprocess *how, const KolPicture *fitted, float *numbers)
{
  g_return_if_fail (how != NULL && fitted != NULL && numbers != NULL);
  g_return_if_fail (fitted->channels == how->channels && fitted->height == how->height
                    && fitted->width == how->width);
  gsize plane = how->height * how->width;

  for (gsize c = 0; c < how->channels; c++)
    {
      const guint8 *from = fitted->pixels + (how->bgr ? how->channels - 1 - c : c) * plane;
      float table[256];
      for (guint byte = 0; byte < 256; byte++)
        table[byte] = ((float) byte / how->divisor - how->mean[c]) / how->std[c];
      for (gsize i = 0; i < plane; i++)
        numbers[c * plane + i] = table[from[i]];
    }
}

/**
 * kol_preprocess_load:
 * @how: what a network takes
 * @path: a picture's file
 * @numbers: (out): `[channels, height, width]`
 * @error: where to put what went wrong
 *
 * Reads a picture and prepares it. Can be called from several threads at a time.
 *
 * Errors: those of kol_picture_load(), and %KOL_DATASET_ERROR_TOO_LARGE if memory is
 * short.
 *
 * Returns: whether it could be read
 */
gboolean
kol_preprocess_load (const KolPreprocess *how, const char *path, float *numbers, GError **error)
{
  g_return_val_if_fail (how != NULL && path != NULL && numbers != NULL, FALSE);
  g_autoptr (KolPicture) picture = kol_picture_load (path, error);

  if (!picture)
    return FALSE;
  g_autoptr (KolPicture) fitted = kol_preprocess_fit (how, picture);
  if (!fitted)
    {
      g_autofree char *shown = g_filename_display_name (path);
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
                   "There is not enough memory to scale “%s”, %zu x %zu pixels", shown,
                   picture->width, picture->height);
      return FALSE;
    }
  kol_preprocess_numbers (how, fitted, numbers);
  return TRUE;
}
