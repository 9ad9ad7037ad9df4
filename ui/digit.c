/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A digit that was drawn, brought to where a network for MNIST expects it. That data set's digits
 * were scaled to fit into 20 x 20 pixels, with their proportions, and put into 28 x 28 such that
 * their centre of mass is in the middle (LeCun, Cortes and Burges).
 */

#include "digit.h"

#include <math.h>
#include <string.h>

#define BOX (20.0 / 28.0) /* of the side, that a digit fits into */
#define INK 32            /* from which a pixel counts as drawn on */

/* The part of the sheet that was drawn on; FALSE: nothing was. */
static gboolean
find_ink (const KolPicture *sheet, KolPictureBox *box)
{
  gsize left = sheet->width, right = 0, top = sheet->height, bottom = 0;

  for (gsize row = 0; row < sheet->height; row++)
    for (gsize column = 0; column < sheet->width; column++)
      if (sheet->pixels[row * sheet->width + column] >= INK)
        {
          left = MIN (left, column);
          right = MAX (right, column);
          top = MIN (top, row);
          bottom = MAX (bottom, row);
        }
  if (left > right)
    return FALSE;
  *box = (KolPictureBox){ left, top, right - left + 1, bottom - top + 1 };
  return TRUE;
}

/* That part of the sheet. */
static KolPicture *
cut (const KolPicture *sheet, const KolPictureBox *box)
{
  KolPicture *picture = g_new0 (KolPicture, 1);

  *picture = (KolPicture){ .channels = 1, .height = box->height, .width = box->width };
  picture->pixels = g_malloc (box->height * box->width);
  for (gsize row = 0; row < box->height; row++)
    memcpy (picture->pixels + row * box->width,
            sheet->pixels + (box->top + row) * sheet->width + box->left, box->width);
  return picture;
}

/* The picture's centre of mass. */
static void
find_centre (const KolPicture *picture, double *x, double *y)
{
  double sum = 0;

  *x = *y = 0;
  for (gsize row = 0; row < picture->height; row++)
    for (gsize column = 0; column < picture->width; column++)
      {
        double ink = picture->pixels[row * picture->width + column];

        sum += ink;
        *x += ink * ((double) column + 0.5);
        *y += ink * ((double) row + 0.5);
      }
  *x /= sum;
  *y /= sum;
}

/**
 * kx_digit_centre:
 * @sheet: a digit in white on black, of which the first channel is looked at
 * @height: of what the network takes
 * @width: likewise
 *
 * Returns: (transfer full): [1, height, width], 0..1; all 0 where nothing was drawn
 */
float *
kx_digit_centre (const KolPicture *sheet, gsize height, gsize width)
{
  float *pixels = g_new0 (float, height *width);
  KolPictureBox box;
  double x, y;

  if (!find_ink (sheet, &box))
    return pixels;
  g_autoptr (KolPicture) drawn = cut (sheet, &box);
  double scale = BOX * (double) MIN (height, width) / (double) MAX (box.height, box.width);
  g_autoptr (KolPicture) small = kol_picture_resize (
      drawn, MAX ((gsize) lround (scale * (double) box.width), 1),
      MAX ((gsize) lround (scale * (double) box.height), 1), KOL_BILINEAR, NULL);
  if (!small)
    return pixels;
  find_centre (small, &x, &y);
  gssize left = lround ((double) width / 2 - x), top = lround ((double) height / 2 - y);
  for (gssize row = 0; row < (gssize) small->height; row++)
    for (gssize column = 0; column < (gssize) small->width; column++)
      if (top + row >= 0 && top + row < (gssize) height && left + column >= 0
          && left + column < (gssize) width)
        pixels[(top + row) * (gssize) width + left + column]
            = (float) small->pixels[row * (gssize) small->width + column] / 255;
  return pixels;
}
