/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Varying pictures at random. A part is cut out and scaled, its colours are changed; what
 * the network is then given is mirrored, moved, and loses a square.
 */

#include "augment-private.h"

#include <math.h>
#include <string.h>

#include "dataset-private.h"
#include "picture-private.h"

#define TRIES 10             /* to find a part that fits into the picture */
#define SLIMMEST (3.0 / 4.0) /* width / height of a part... */
#define WIDEST (4.0 / 3.0)   /* ...as in Szegedy et al., "Going deeper with convolutions", 2014 */

static gboolean
moves (const KolAugment *augment)
{
  return augment->flip || augment->shift > 0 || augment->cutout > 0;
}

gboolean
kol_augment_is_nothing (const KolAugment *augment)
{
  return !moves (augment) && augment->crop == 0 && augment->jitter == 0;
}

/* Four random words for one purpose; @try: other ones for the same. */
static KolPhilox
draw (const KolVary *vary, const char *purpose, guint64 try)
{
  return kol_philox (kol_random_key (vary->seed, purpose) + try, vary->example, vary->epoch);
}

/* A random word as one of 0..count - 1. */
static gsize
choose (guint32 word, gsize count)
{
  return ((guint64) word * count) >> 32;
}

static double
between (guint32 word, double low, double high)
{
  return low + (high - low) * kol_uniform (word);
}

/* ── Parts ───────────────────────────────────────────────────────────────────────────────────── */

/* Whether a part of this area and shape fits; its size then. */
static gboolean
fits (double area, double shape, gsize height, gsize width, KolPictureBox *box)
{
  double wide = rint (sqrt (area * shape)), high = rint (sqrt (area / shape));

  if (wide < 1 || high < 1 || wide > (double) width || high > (double) height)
    return FALSE;
  box->width = (gsize) wide;
  box->height = (gsize) high;
  return TRUE;
}

/* The middle of a picture, as much of it as is neither too slim nor too wide. */
static KolPictureBox
middle (gsize height, gsize width)
{
  KolPictureBox box = { .width = width, .height = height };

  box.width = MIN (width, MAX ((gsize) rint ((double) height * WIDEST), 1));
  box.height = MIN (height, MAX ((gsize) rint ((double) width / SLIMMEST), 1));
  box.left = (width - box.width) / 2;
  box.top = (height - box.height) / 2;
  return box;
}

/*
 * A part with a share of the area between augment->crop and 1, all equally likely; the
 * logarithm of its shape is uniform, too, and so is its place. What does not fit is drawn
 * again.
 */
KolPictureBox
kol_vary_box (const KolVary *vary, gsize height, gsize width)
{
  KolPictureBox box;

  for (guint64 try = 0; try < TRIES; try++)
    {
      KolPhilox random = draw (vary, "crop", try);
      double area = between (random.v[0], vary->augment->crop, 1) * (double) (height * width);
      double shape = exp (between (random.v[1], log (SLIMMEST), log (WIDEST)));

      if (!fits (area, shape, height, width, &box))
        continue;
      box.top = choose (random.v[2], height - box.height + 1);
      box.left = choose (random.v[3], width - box.width + 1);
      return box;
    }
  return middle (height, width);
}

/* ── Colours ─────────────────────────────────────────────────────────────────────────────────── */

/* From @from to @to, or beyond, as a byte: Pillow's arithmetic. */
static guint8
blend (guint8 from, guint8 to, float factor)
{
  float value = (float) from + factor * (float) (to - from);

  return (guint8) (int) (value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Each byte away from one, or towards it. */
static void
change_all (KolPicture *picture, guint8 from, float factor)
{
  gsize count = picture->channels * picture->height * picture->width;
  guint8 table[256];

  for (guint byte = 0; byte < 256; byte++)
    table[byte] = blend (from, (guint8) byte, factor);
  for (gsize i = 0; i < count; i++)
    picture->pixels[i] = table[picture->pixels[i]];
}

static guint8
mean_of (const guint8 *grey, gsize count)
{
  guint64 sum = 0;

  for (gsize i = 0; i < count; i++)
    sum += grey[i];
  return (guint8) ((double) sum / (double) count + 0.5);
}

/* Away from each pixel's own grey, or towards it. */
static void
change_saturation (KolPicture *picture, const guint8 *grey, float factor)
{
  gsize plane = picture->height * picture->width;

  for (gsize c = 0; c < picture->channels; c++)
    for (gsize i = 0; i < plane; i++)
      picture->pixels[c * plane + i] = blend (grey[i], picture->pixels[c * plane + i], factor);
}

gboolean
kol_vary_colour (KolPicture *picture, KolColour what, float factor)
{
  g_autoptr (KolPicture) grey = what == KOL_BRIGHTNESS ? NULL : kol_picture_convert (picture, 1);

  if (what == KOL_BRIGHTNESS)
    change_all (picture, 0, factor);
  else if (grey && what == KOL_CONTRAST)
    change_all (picture, mean_of (grey->pixels, picture->height * picture->width), factor);
  else if (grey)
    change_saturation (picture, grey->pixels, factor);
  return grey || what == KOL_BRIGHTNESS;
}

/* Brightness, contrast and saturation, each times 1 +- jitter, in a random order. */
static gboolean
vary_colours (const KolVary *vary, KolPicture *picture)
{
  static const KolColour orders[6][3] = {
    { KOL_BRIGHTNESS, KOL_CONTRAST, KOL_SATURATION },
    { KOL_BRIGHTNESS, KOL_SATURATION, KOL_CONTRAST },
    { KOL_CONTRAST, KOL_BRIGHTNESS, KOL_SATURATION },
    { KOL_CONTRAST, KOL_SATURATION, KOL_BRIGHTNESS },
    { KOL_SATURATION, KOL_BRIGHTNESS, KOL_CONTRAST },
    { KOL_SATURATION, KOL_CONTRAST, KOL_BRIGHTNESS },
  };
  KolPhilox random = draw (vary, "jitter", 0);
  const KolColour *order = orders[choose (random.v[3], G_N_ELEMENTS (orders))];
  double jitter = vary->augment->jitter;

  for (guint k = 0; k < 3; k++)
    if (!kol_vary_colour (picture, order[k],
                          (float) between (random.v[order[k]], 1 - jitter, 1 + jitter)))
      return FALSE;
  return TRUE;
}

/* ── Places ──────────────────────────────────────────────────────────────────────────────────── */

/* How one picture is moved. */
typedef struct {
  gboolean flip; /* left and right are exchanged; then... */
  gssize down;   /* ...it is shifted by so many rows... */
  gssize right;  /* ...and columns; then... */
  gsize top;     /* ...a rectangle of zeros is put there, */
  gsize bottom;  /* from this row and column up to, but without, that one */
  gsize left;
  gsize end;
} Move;

static Move
draw_move (const KolVary *vary, gsize height, gsize width)
{
  const KolAugment *augment = vary->augment;
  KolPhilox random = draw (vary, "augment", 0);
  gsize shifts = 2 * (gsize) augment->shift + 1, side = augment->cutout;
  /* The middle of the square is a pixel of the picture, so part of it may lie outside. */
  gsize y = choose (random.v[3] & 0xffff0000u, height) + (side + 1) / 2;
  gsize x = choose (random.v[3] << 16, width) + (side + 1) / 2;

  return (Move){
    .flip = augment->flip && random.v[0] >> 31,
    .down = (gssize) choose (random.v[1], shifts) - (gssize) augment->shift,
    .right = (gssize) choose (random.v[2], shifts) - (gssize) augment->shift,
    .top = y > side ? y - side : 0,
    .bottom = MIN (y, height),
    .left = x > side ? x - side : 0,
    .end = MIN (x, width),
  };
}

/* to[x] = from[x - right], mirrored before that if @flip; zeros where nothing is. */
static void
move_row (const float *from, float *to, gsize width, gssize right, gboolean flip)
{
  gsize begin = MAX (right, 0), n = width - (gsize) ABS (right), skipped = MAX (-right, 0);

  memset (to, 0, width * sizeof (float));
  if (!flip)
    memcpy (to + begin, from + skipped, n * sizeof (float));
  else
    for (gsize i = 0; i < n; i++)
      to[begin + i] = from[width - 1 - skipped - i];
}

/* Shifts must be smaller than the picture. */
void
kol_vary_numbers (const KolVary *vary, const float *from, float *to, gsize channels, gsize height,
                  gsize width)
{
  Move move = draw_move (vary, height, width);
  gsize hole = move.end - move.left;

  for (gsize c = 0; c < channels; c++, from += height * width)
    for (gsize y = 0; y < height; y++, to += width)
      {
        gsize source = y - (gsize) move.down; /* wraps around where there is no such row */
        if (source < height)
          move_row (from + source * width, to, width, move.right, move.flip);
        else
          memset (to, 0, width * sizeof (float));
        if (y >= move.top && y < move.bottom)
          memset (to + move.left, 0, hole * sizeof (float));
      }
}

/* ── All of it ───────────────────────────────────────────────────────────────────────────────── */

/* A random part of @picture, of the size and the channels that @how says. */
static KolPicture *
fit_part (const KolVary *vary, const KolPreprocess *how, const KolPicture *picture)
{
  KolPictureBox box = kol_vary_box (vary, picture->height, picture->width);
  g_autoptr (KolPicture) part = kol_picture_cut (picture, &box);
  g_autoptr (KolPicture) scaled
      = part ? kol_picture_resize (part, how->width, how->height, how->filter, NULL) : NULL;

  return scaled ? kol_picture_convert (scaled, how->channels) : NULL;
}

gboolean
kol_vary_picture (const KolVary *vary, const KolPreprocess *how, const KolPicture *picture,
                  float *scratch, float *to)
{
  const KolAugment *augment = vary ? vary->augment : NULL;
  g_autoptr (KolPicture) fitted = augment && augment->crop > 0 ? fit_part (vary, how, picture)
                                                               : kol_preprocess_fit (how, picture);

  if (!fitted || (augment && augment->jitter > 0 && !vary_colours (vary, fitted)))
    return FALSE;
  if (!augment || !moves (augment))
    {
      kol_preprocess_numbers (how, fitted, to);
      return TRUE;
    }
  kol_preprocess_numbers (how, fitted, scratch);
  kol_vary_numbers (vary, scratch, to, how->channels, how->height, how->width);
  return TRUE;
}
