/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "layers.h"
#include "study.h"

G_BEGIN_DECLS

/**
 * KolExciteOptions:
 * @layer: (nullable): the layer's name; %NULL: the scores of classes
 * @neuron: whether the position in the middle counts, rather than the mean of all
 * @units: (array length=n_units): which units are asked about
 * @n_units: how many
 * @photos: (array length=n_photos): the files of pictures
 * @n_photos: how many
 * @parts: how many parts of photos to keep for each unit
 * @height: that photos are brought to; 0: what the network usually takes
 * @width: likewise
 * @unread: (nullable): is told of photos that cannot be read, which are left out
 * @user_data: for @unread
 *
 * What to look for in photos.
 */
typedef struct {
  const char *layer;
  gboolean neuron;
  const guint *units;
  guint n_units;
  char *const *photos;
  guint n_photos;
  guint parts;
  gsize height, width;
  void (*unread) (const GError *error, gpointer user_data);
  gpointer user_data;
} KolExciteOptions;

/**
 * KolExcitingPart:
 * @photo: which of the photos
 * @value: what the unit says at its largest position there
 * @box: what it sees of the photo from there, once it is scaled and cut for the network
 */
typedef struct {
  guint photo;
  float value;
  KolPictureBox box;
} KolExcitingPart;

/**
 * KolExcitement:
 * @unit: which
 * @largest: the largest that a photo gets of what kol_maximizer_run() makes large
 * @photo: that photo
 * @parts: (array length=n_parts): what excites the unit most, the best first, one of each
 *   photo
 * @n_parts: how many
 *
 * How photos excite a unit.
 */
typedef struct {
  guint unit;
  double largest;
  guint photo;
  KolExcitingPart *parts;
  guint n_parts;
} KolExcitement;

KOL_API void kol_excitement_free (KolExcitement *excitement);
KOL_API GPtrArray *kol_excite (KolLayers *layers, const KolExciteOptions *options,
                               const KolStudyWatch *watch, GError **error);
KOL_API KolSnapshot *kol_excite_cut (KolLayers *layers, const KolExciteOptions *options,
                                     const KolExcitingPart *part, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolExcitement, kol_excitement_free)

G_END_DECLS
