/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "layers.h"
#include "study.h"

G_BEGIN_DECLS

/**
 * KolMaximizeGoal:
 * @KOL_MAXIMIZE_CHANNEL: the mean of a unit over all positions, or its only number
 * @KOL_MAXIMIZE_NEURON: the unit at the position in the middle
 * @KOL_MAXIMIZE_DIRECTION: the mean of a sum of units with weights
 * @KOL_MAXIMIZE_DREAM: the mean of the squares of all units: whatever is seen already is
 *   seen more strongly (Mordvintsev, Olah and Tyka 2015)
 * @KOL_MAXIMIZE_CARICATURE: the likeness of the whole layer with that of a photo
 *
 * What a picture is to excite.
 */
typedef enum {
  KOL_MAXIMIZE_CHANNEL,
  KOL_MAXIMIZE_NEURON,
  KOL_MAXIMIZE_DIRECTION,
  KOL_MAXIMIZE_DREAM,
  KOL_MAXIMIZE_CARICATURE,
} KolMaximizeGoal;

/**
 * KolMaximizeOptions:
 * @goal: what is to be excited
 * @layer: (nullable): the layer's name; %NULL: the scores of classes
 * @direction: (nullable) (array length=n_direction): weights of the layer's units, for
 *   %KOL_MAXIMIZE_DIRECTION
 * @n_direction: how many
 * @power: the exponent of the cosine in directions and caricatures; 0: none
 * @pictures: at a time, one for each unit; 0: 1
 * @diverse: whether these are of one unit, and are to differ from each other
 * @diversity: weight of their likeness, the sum of cosines between Gram matrices over pairs,
 *   divided by the number of pictures; 0: 100
 * @photo: (nullable): what a dream begins with, and a caricature is of
 * @height: of the pictures; 0: what the network usually takes
 * @width: likewise
 * @steps: 0: 512; for a dream 64
 * @rate: Adam's learning rate; 0: 0.05
 * @seed: of the start, and of the motions that the picture must stand
 * @still: whether it need not stand any: the picture is of patterns, then, not of shapes
 * @plain: whether pixels themselves are moved, not their spectrum
 * @mixed: whether colours are moved as red, green and blue, not decorrelated
 * @free: whether pictures may have any light, anywhere, and a unit is to say much on the average;
 *   else those for a run's units that learned from grey pictures begin with the mean of these, are
 *   as light as it is, and a unit is to say much somewhere
 * @l1: weight of the sum of |p - 1/2|; 0: none, as all weights
 * @tv: weight of the total variation, the sum of differences between neighbours
 * @blur: weight of half the squared difference from the blurred picture
 *
 * How pictures are made. Zeros are the usual choice, the method of Olah, Mordvintsev and
 * Schubert, "Feature Visualization", Distill 2017, with the numbers of lucid.
 */
typedef struct {
  KolMaximizeGoal goal;
  const char *layer;
  const float *direction;
  gsize n_direction;
  double power;
  guint pictures;
  gboolean diverse;
  double diversity;
  const KolPicture *photo;
  gsize height, width;
  guint steps;
  double rate;
  guint64 seed;
  gboolean still;
  gboolean plain;
  gboolean mixed;
  gboolean free;
  double l1, tv, blur;
} KolMaximizeOptions;

/**
 * KolMaximized:
 * @unit: which
 * @picture: the picture
 * @activation: what was to be made large, in the layer asked for, on the picture as it is,
 *   not moved
 * @probability: for classes: of the unit's class; else NaN
 * @dead: whether nothing excites the unit: no gradient comes through, or it is still 0
 *   in the end; the picture means nothing then
 * @steps: how many were done
 *
 * What has come of a unit.
 */
typedef struct {
  guint unit;
  KolSnapshot *picture;
  double activation;
  double probability;
  gboolean dead;
  guint steps;
} KolMaximized;

KOL_API void kol_maximized_free (KolMaximized *maximized);

/**
 * KolMaximizer:
 *
 * Makes pictures that excite units of one layer. Used by one thread at a time.
 */
typedef struct _KolMaximizer KolMaximizer;

KOL_API KolMaximizer *kol_maximizer_new (KolLayers *layers, const KolMaximizeOptions *options,
                                         GError **error);
KOL_API void kol_maximizer_free (KolMaximizer *maximizer);
KOL_API guint kol_maximizer_get_units (const KolMaximizer *maximizer);
KOL_API const KolMaximizeOptions *kol_maximizer_get_options (const KolMaximizer *maximizer);
KOL_API double kol_maximizer_get_level (const KolMaximizer *maximizer, const GError **why);
KOL_API gboolean kol_maximizer_peak_bytes (KolMaximizer *maximizer, guint64 *bytes, GError **error);
KOL_API guint64 kol_maximizer_get_host_bytes (const KolMaximizer *maximizer);
KOL_API gboolean kol_maximizer_estimate (KolMaximizer *maximizer, double *seconds, GError **error);
KOL_API gboolean kol_maximizer_begin (KolMaximizer *maximizer, const guint *units, guint n,
                                      const KolStudyWatch *watch, GError **error);
KOL_API gboolean kol_maximizer_advance (KolMaximizer *maximizer, double seconds, gboolean *more,
                                        GError **error);
KOL_API GPtrArray *kol_maximizer_look (KolMaximizer *maximizer, GError **error);
KOL_API gboolean kol_maximizer_change (KolMaximizer *maximizer, const KolMaximizeOptions *options,
                                       GError **error);
KOL_API GPtrArray *kol_maximizer_run (KolMaximizer *maximizer, const guint *units, guint n,
                                      const KolStudyWatch *watch, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolMaximizer, kol_maximizer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolMaximized, kol_maximized_free)

G_END_DECLS
