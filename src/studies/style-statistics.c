/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "style-statistics-private.h"

#include <math.h>

void
kol_style_statistics_clear (gpointer data)
{
  KolStyleStatistics *sums = data;

  g_free (sums->matrix);
  g_free (sums->means);
}

static void
make_room (KolStyleStatistics *sums, gsize c)
{
  if (sums->matrix)
    return;
  sums->matrix = g_new0 (double, c *c);
  sums->means = g_new0 (double, c);
}

void
kol_style_statistics_add (KolStyleStatistics *sums, const float *matrix, const float *means,
                          gsize c, gboolean normal, double weight)
{
  make_room (sums, c);
  for (gsize i = 0; i < c; i++)
    for (gsize k = 0; k < c; k++)
      sums->matrix[i * c + k]
          += weight * (matrix[i * c + k] + (normal ? (double) means[i] * means[k] : 0));
  for (gsize i = 0; i < c; i++)
    sums->means[i] += weight * means[i];
  sums->weight += weight;
}

void
kol_style_statistics_add_sums (KolStyleStatistics *sums, const KolStyleSums *of, double weight,
                               gboolean normal)
{
  gsize c = of->channels;

  make_room (sums, c);
  for (gsize i = 0; i < c * c; i++)
    sums->matrix[i] += weight * of->products[i] / (normal ? 1 : (double) c);
  for (gsize i = 0; i < c; i++)
    sums->means[i] += weight * of->means[i];
  sums->weight += weight;
}

double
kol_style_statistics_normalize (KolStyleStatistics *sums, gsize c)
{
  double square = 0;

  for (gsize i = 0; i < c; i++)
    square += sums->matrix[i * c + i] / sums->weight / (double) c;
  double scale = sqrt (kol_style_relative (square));
  for (gsize i = 0; i < c; i++)
    sums->means[i] *= scale / sums->weight;
  for (gsize i = 0; i < c; i++)
    for (gsize k = 0; k < c; k++)
      sums->matrix[i * c + k] = sums->matrix[i * c + k] * scale * scale / sums->weight
                                - sums->means[i] * sums->means[k];
  return scale;
}

float
kol_style_relative (double square)
{
  return square > 0 ? (float) (1 / square) : 1;
}
