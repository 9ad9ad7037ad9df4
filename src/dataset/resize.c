/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures of another size. Scaling takes two passes, along the rows and then along the columns. A
 * new pixel is a mean of the old ones around the place of its centre, weighted by a filter f:
 *
 *     weight of old pixel j in new pixel i = f ((j + 1/2 - c) / s) / (their sum)
 *     c = (i + 1/2) from / to,  s = max (from / to, 1)
 *
 * The arithmetic is Pillow's, to the bit: weights are found in double precision and
 * rounded to 22 binary places, and each pass rounds to bytes. Published networks were
 * trained and measured on pictures that Pillow scaled, and a last digit can decide
 * between two classes. (Pillow 13 takes the columns first where that is less work, as in
 * very tall pictures and where rows get longer and columns shorter; there a few bytes
 * differ.)
 *
 * The cubic: Keys, "Cubic convolution interpolation for digital image processing", 1981.
 */

#include "picture.h"

#include <math.h>
#include <string.h>

#include "picture-private.h"

#define PLACES 22 /* of a weight, behind the binary point */

/* ── Filters ─────────────────────────────────────────────────────────────────────────────────── */

static double
triangle (double x)
{
  x = fabs (x);
  return x < 1 ? 1 - x : 0;
}

static double
cubic (double x)
{
  const double a = -0.5;

  x = fabs (x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2)
    return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

static const struct {
  double (*weight) (double x);
  double reach; /* to either side */
} filters[] = {
  [KOL_BILINEAR] = { triangle, 1 },
  [KOL_BICUBIC] = { cubic, 2 },
};

/* Which pixels of a line, and how much of each, make some pixels of a scaled one. */
typedef struct {
  gsize n;
  gsize *first;    /* [n] */
  gsize *count;    /* [n] */
  gint32 *weights; /* [n, most]: of count pixels from first on, in 1 / 2^PLACES */
  gsize most;
} Weights;

static void
weights_clear (Weights *weights)
{
  g_free (weights->first);
  g_free (weights->count);
  g_free (weights->weights);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Weights, weights_clear)

/* The weights of one new pixel, whose first and count are known; @exact has room for them. */
static void
weigh (const Weights *weights, gsize i, double centre, double scale, KolPictureFilter filter,
       double *exact)
{
  gsize count = weights->count[i];
  double sum = 0;

  for (gsize j = 0; j < count; j++)
    sum += exact[j]
        = filters[filter].weight (((double) (j + weights->first[i]) - centre + 0.5) * (1 / scale));
  for (gsize j = 0; j < count; j++)
    {
      double weight = (sum != 0 ? exact[j] / sum : exact[j]) * (1 << PLACES);
      weights->weights[i * weights->most + j] = (gint32) (weight < 0 ? weight - 0.5 : weight + 0.5);
    }
}

/* For the pixels from @start on of a line of @to that was one of @from; FALSE: no memory. */
static gboolean
weights_init (Weights *weights, gsize from, gsize to, gsize start, gsize n, KolPictureFilter filter)
{
  double step = (double) from / (double) to, scale = MAX (step, 1);
  double reach = filters[filter].reach * scale;

  weights->n = n;
  weights->most = MIN ((gsize) ceil (reach) * 2 + 1, from);
  weights->first = g_try_new (gsize, n);
  weights->count = g_try_new (gsize, n);
  weights->weights = n <= G_MAXSIZE / weights->most ? g_try_new (gint32, n * weights->most) : NULL;
  g_autofree double *exact = g_try_new (double, weights->most);
  if (!weights->first || !weights->count || !weights->weights || !exact)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      double centre = ((double) (start + i) + 0.5) * step;
      weights->first[i] = (gsize) MAX (centre - reach + 0.5, 0);
      weights->count[i] = MIN ((gsize) (centre + reach + 0.5), from) - weights->first[i];
      weigh (weights, i, centre, scale, filter, exact);
    }
  return TRUE;
}

/* ── Passes ──────────────────────────────────────────────────────────────────────────────────── */

/* A sum of bytes, weighted, with half a byte already added. */
static guint8
to_byte (gint32 sum)
{
  return (guint8) (sum < 0 ? 0 : MIN (sum >> PLACES, 255));
}

static void
scale_row (const guint8 *from, const Weights *weights, guint8 *to)
{
  for (gsize i = 0; i < weights->n; i++)
    {
      const gint32 *weight = weights->weights + i * weights->most;
      const guint8 *pixels = from + weights->first[i];
      gint32 sum = 1 << (PLACES - 1);
      for (gsize j = 0; j < weights->count[i]; j++)
        sum += weight[j] * pixels[j];
      to[i] = to_byte (sum);
    }
}

/* Row @i of the result from @rows, of which the first is row @first of the old height. */
static void
mix_rows (const guint8 *rows, gsize first, const Weights *weights, gsize i, gint32 *sums,
          guint8 *to, gsize width)
{
  for (gsize x = 0; x < width; x++)
    sums[x] = 1 << (PLACES - 1);
  for (gsize j = 0; j < weights->count[i]; j++)
    {
      gint32 weight = weights->weights[i * weights->most + j];
      const guint8 *row = rows + (weights->first[i] - first + j) * width;
      for (gsize x = 0; x < width; x++)
        sums[x] += weight * row[x];
    }
  for (gsize x = 0; x < width; x++)
    to[x] = to_byte (sums[x]);
}

/* One plane, by way of @rows: those rows of the old height that are needed, scaled. */
static void
scale_plane (const guint8 *from, gsize stride, const Weights *across, const Weights *down,
             guint8 *rows, gint32 *sums, guint8 *to)
{
  gsize first = down->first[0], end = down->first[down->n - 1] + down->count[down->n - 1];

  for (gsize y = first; y < end; y++)
    scale_row (from + y * stride, across, rows + (y - first) * across->n);
  for (gsize y = 0; y < down->n; y++)
    mix_rows (rows, first, down, y, sums, to + y * across->n, across->n);
}

/**
 * kol_picture_resize:
 * @picture: a picture
 * @width: the new width, at least 1
 * @height: the new height, at least 1
 * @filter: how pixels are weighted
 * @part: (nullable): which part of the scaled picture is wanted, inside of it; %NULL:
 *   all of it. The rest is never computed
 *
 * Scales to exactly that size, whatever the old proportions. The bytes are those that
 * resize() of Pillow 9.4 gives with its filter of the same name.
 *
 * Returns: (transfer full) (nullable): the new picture, or %NULL if memory is short
 */
KolPicture *
kol_picture_resize (const KolPicture *picture, gsize width, gsize height, KolPictureFilter filter,
                    const KolPictureBox *part)
{
  KolPictureBox box = part ? *part : (KolPictureBox){ 0, 0, width, height };

  g_return_val_if_fail (picture != NULL && box.width > 0 && box.height > 0, NULL);
  g_return_val_if_fail (box.left <= width && box.width <= width - box.left, NULL);
  g_return_val_if_fail (box.top <= height && box.height <= height - box.top, NULL);
  g_return_val_if_fail (filter <= KOL_BICUBIC, NULL);

  g_auto (Weights) across = { 0 };
  g_auto (Weights) down = { 0 };
  if (!weights_init (&across, picture->width, width, box.left, box.width, filter)
      || !weights_init (&down, picture->height, height, box.top, box.height, filter))
    return NULL;
  g_autoptr (KolPicture) result = kol_picture_new (picture->channels, box.height, box.width);
  g_autofree guint8 *rows = g_try_malloc_n (picture->height, box.width);
  g_autofree gint32 *sums = g_try_new (gint32, box.width);
  if (!result || !rows || !sums)
    return NULL;
  for (gsize c = 0; c < picture->channels; c++)
    scale_plane (picture->pixels + c * picture->height * picture->width, picture->width, &across,
                 &down, rows, sums, result->pixels + c * box.height * box.width);
  return g_steal_pointer (&result);
}
