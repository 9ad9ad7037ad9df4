/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is wanted of one layer by all styles of a region: their statistics, each times its weight,
 * on the host and in doubles, because differences are taken of them.
 */

#include "style-tiles-private.h"

G_BEGIN_DECLS

/* Means and second moments, or Gram matrices. */
typedef struct {
  double *matrix, *means; /* [C, C], [C] */
  double weight;
} KolStyleStatistics;

void kol_style_statistics_clear (gpointer statistics);
/* Adds a style's matrix, for which covariances become second moments, and its means. */
void kol_style_statistics_add (KolStyleStatistics *sums, const float *matrix, const float *means,
                               gsize c, gboolean normal, double weight);
/* The same of sums that tiles have made. */
void kol_style_statistics_add_sums (KolStyleStatistics *sums, const KolStyleSums *of, double weight,
                                    gboolean normal);
/* From sums to means and covariances, of features whose mean square is 1. Returns: what features
 * are multiplied by for that. */
double kol_style_statistics_normalize (KolStyleStatistics *sums, gsize c);
/* What a loss is multiplied by to be relative to @square; features that are all zero stay so. */
float kol_style_relative (double square);

G_END_DECLS
