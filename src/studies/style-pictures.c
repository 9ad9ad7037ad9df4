/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "style-pictures-private.h"

#include <math.h>
#include <string.h>

#include "../device/error.h"

static KolPicture *
need (KolPicture *picture, gsize width, gsize height, GError **error)
{
  if (!picture)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "There is not enough memory for a picture of %zu x %zu pixels", width, height);
  return picture;
}

void
kol_style_fit (const KolPicture *picture, gsize side, gsize *width, gsize *height)
{
  double scale = (double) side / (double) MAX (picture->width, picture->height);

  *width = MAX (1, (gsize) lround ((double) picture->width * scale));
  *height = MAX (1, (gsize) lround ((double) picture->height * scale));
}

KolSnapshot *
kol_style_scale_picture (const KolPicture *picture, gsize channels, gsize width, gsize height,
                         GError **error)
{
  g_autoptr (KolPicture) scaled
      = need (kol_picture_resize (picture, width, height, KOL_BICUBIC, NULL), width, height, error);
  g_autoptr (KolPicture) right
      = scaled ? need (kol_picture_convert (scaled, channels), width, height, error) : NULL;

  if (!right)
    return NULL;
  gsize n = channels * width * height;
  g_autofree float *pixels = g_new (float, n);
  for (gsize i = 0; i < n; i++)
    pixels[i] = (float) right->pixels[i] / 255;
  return kol_snapshot_new (pixels, channels, height, width);
}

/* ── Planes of numbers ───────────────────────────────────────────────────────────────────────── */

#define TAPS 4

/* Where the pixels of a new row or column come from. */
typedef struct {
  gsize at[TAPS];
  float weight[TAPS];
} Taps;

static double
keys (double x)
{
  const double a = -0.75;

  x = fabs (x);
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static double
weight_of (double distance, gboolean cubic)
{
  return cubic ? keys (distance) : fmax (0, 1 - fabs (distance));
}

/* Given. */
static Taps *
list_taps (gsize from, gsize to, gboolean cubic)
{
  Taps *taps = g_new (Taps, to);

  for (gsize i = 0; i < to; i++)
    {
      double place = ((double) i + 0.5) * (double) from / (double) to - 0.5;
      gint64 first = (gint64) floor (place) - 1;

      for (gint64 k = 0; k < TAPS; k++)
        {
          taps[i].at[k] = (gsize) CLAMP (first + k, 0, (gint64) from - 1);
          taps[i].weight[k] = (float) weight_of (place - (double) (first + k), cubic);
        }
    }
  return taps;
}

static void
scale_row (const float *from, const Taps *taps, gsize n, float *to)
{
  for (gsize i = 0; i < n; i++)
    {
      to[i] = 0;
      for (guint k = 0; k < TAPS; k++)
        to[i] += taps[i].weight[k] * from[taps[i].at[k]];
    }
}

/* A new row out of four old ones. */
static void
mix_rows (const float *rows, gsize width, const Taps *taps, float *to)
{
  memset (to, 0, width * sizeof *to);
  for (guint k = 0; k < TAPS; k++)
    for (gsize i = 0; i < width; i++)
      to[i] += taps->weight[k] * rows[taps->at[k] * width + i];
}

float *
kol_style_scale_planes (const float *planes, const KolStyleSize *from, const KolStyleSize *to,
                        gboolean cubic)
{
  g_autofree Taps *across = list_taps (from->width, to->width, cubic);
  g_autofree Taps *down = list_taps (from->height, to->height, cubic);
  g_autofree float *wide = g_new (float, from->height * to->width);
  float *scaled = g_new (float, from->channels * to->height * to->width);

  for (gsize c = 0; c < from->channels; c++)
    {
      for (gsize y = 0; y < from->height; y++)
        scale_row (planes + (c * from->height + y) * from->width, across, to->width,
                   wide + y * to->width);
      for (gsize y = 0; y < to->height; y++)
        mix_rows (wide, to->width, &down[y], scaled + (c * to->height + y) * to->width);
    }
  return scaled;
}

/* ── Colours ─────────────────────────────────────────────────────────────────────────────────── */

/* ITU-R BT.601's brightness of the pixel @i of three planes. */
static float
brightness (const float *planes, gsize plane, gsize i)
{
  return 0.299f * planes[i] + 0.587f * planes[plane + i] + 0.114f * planes[2 * plane + i];
}

void
kol_style_keep_colours (float *planes, const KolSnapshot *of)
{
  gsize plane = kol_snapshot_get_height (of) * kol_snapshot_get_width (of);
  const float *colours = kol_snapshot_get_pixels (of);

  if (kol_snapshot_get_channels (of) != 3)
    return;
  for (gsize i = 0; i < plane; i++)
    {
      float more = brightness (planes, plane, i) - brightness (colours, plane, i);

      for (gsize c = 0; c < 3; c++)
        planes[c * plane + i] = colours[c * plane + i] + more;
    }
}

typedef struct {
  double mean[3];
  double factor[3][3]; /* lower triangular: the covariances are factor factor^T */
} ColourStatistics;

/* A little is added to the variances, so that pictures of few colours have a factor, too. */
#define LEAST_COLOUR 1e-5

static void
factorize (double a[3][3])
{
  for (guint i = 0; i < 3; i++)
    for (guint j = 0; j < 3; j++)
      {
        double sum = a[i][j];

        for (guint k = 0; j <= i && k < j; k++)
          sum -= a[i][k] * a[j][k];
        a[i][j] = j > i ? 0 : j == i ? sqrt (sum) : sum / a[j][j];
      }
}

/* @roots: of the pixels' weights, or NULL: all weigh the same. */
static void
measure_colours (const KolPicture *picture, const float *roots, ColourStatistics *statistics)
{
  gsize plane = picture->height * picture->width;
  const guint8 *p = picture->pixels;

  *statistics = (ColourStatistics){ 0 };
  for (guint c = 0; c < 3; c++)
    for (gsize i = 0; i < plane; i++)
      statistics->mean[c]
          += (roots ? roots[i] * roots[i] : 1) * p[c * plane + i] / 255.0 / (double) plane;
  for (guint c = 0; c < 3; c++)
    for (guint d = 0; d < 3; d++)
      {
        double sum = 0;

        for (gsize i = 0; i < plane; i++)
          sum += (roots ? roots[i] * roots[i] : 1)
                 * (p[c * plane + i] / 255.0 - statistics->mean[c])
                 * (p[d * plane + i] / 255.0 - statistics->mean[d]);
        statistics->factor[c][d] = sum / (double) plane + (c == d ? LEAST_COLOUR : 0);
      }
  factorize (statistics->factor);
}

/* z with factor z = x. */
static void
solve (const double factor[3][3], const double x[3], double z[3])
{
  for (guint i = 0; i < 3; i++)
    {
      z[i] = x[i];
      for (guint k = 0; k < i; k++)
        z[i] -= factor[i][k] * z[k];
      z[i] /= factor[i][i];
    }
}

static void
match_pixel (guint8 *pixels, gsize plane, const ColourStatistics *have,
             const ColourStatistics *want)
{
  double x[3], z[3];

  for (guint c = 0; c < 3; c++)
    x[c] = pixels[c * plane] / 255.0 - have->mean[c];
  solve (have->factor, x, z);
  for (guint c = 0; c < 3; c++)
    {
      double colour = want->mean[c];

      for (guint k = 0; k <= c; k++)
        colour += want->factor[c][k] * z[k];
      pixels[c * plane] = (guint8) lrint (255 * CLAMP (colour, 0, 1));
    }
}

KolPicture *
kol_style_match_colours (const KolPicture *picture, const KolPicture *part, const KolPicture *like,
                         GError **error)
{
  g_autoptr (KolPicture) matched
      = need (kol_picture_convert (picture, 3), picture->width, picture->height, error);
  g_autoptr (KolPicture) wanted
      = matched ? need (kol_picture_convert (like, 3), like->width, like->height, error) : NULL;
  ColourStatistics have, want;

  if (!wanted)
    return NULL;
  g_autofree float *roots
      = part ? kol_style_region_roots (part, matched->height, matched->width, error) : NULL;
  if (part && !roots)
    return NULL;
  gsize plane = matched->height * matched->width;
  measure_colours (matched, roots, &have);
  measure_colours (wanted, NULL, &want);
  for (gsize i = 0; i < plane; i++)
    match_pixel (matched->pixels + i, plane, &have, &want);
  return g_steal_pointer (&matched);
}

float *
kol_style_region_roots (const KolPicture *region, gsize height, gsize width, GError **error)
{
  g_autoptr (KolPicture) grey = kol_picture_convert (region, 1);
  g_autoptr (KolPicture) small
      = grey ? kol_picture_resize (grey, width, height, KOL_BILINEAR, NULL) : NULL;
  g_autofree float *roots = g_new (float, height *width);
  double sum = 0;

  for (gsize i = 0; small && i < height * width; i++)
    sum += small->pixels[i];
  if (sum == 0)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   small ? "A region or part is black all over at %zu x %zu pixels, so nothing is "
                           "left of its style; white is where it is wanted, or what is taken of it"
                         : "There is not enough memory for a mask of %zu x %zu pixels",
                   width, height);
      return NULL;
    }
  for (gsize i = 0; i < height * width; i++)
    roots[i] = sqrtf ((float) (small->pixels[i] * (double) (height * width) / sum));
  return g_steal_pointer (&roots);
}
