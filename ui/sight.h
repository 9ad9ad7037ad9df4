/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gdk/gdk.h>

#include "network.h"
#include "photo.h"

G_BEGIN_DECLS

/** KxWatched: a unit whose value is asked for. */
typedef struct {
  guint layer, unit;
} KxWatched;

/**
 * KxQuestion:
 * @photo: (nullable): what is shown, fitted for the network on its way
 * @picture: (nullable): or what is shown, fitted likewise
 * @pixels: (nullable): or what is shown, fitted: [C, H, W], 0..1
 * @layer: whose maps are asked for; %KX_NO_LAYER: none
 * @watched: (nullable) (array length=n_watched): units whose values are asked for
 * @n_watched: how many
 *
 * What a network is asked about a picture.
 */
typedef struct {
  KxPhoto *photo;
  KolPicture *picture;
  float *pixels;
  guint layer;
  KxWatched *watched;
  guint n_watched;
} KxQuestion;

/**
 * KxSight:
 * @fault: (nullable): why there is no answer
 * @asked: when the question was asked, of g_get_monotonic_time()
 * @probabilities: (array length=n_classes): 0..1
 * @n_classes: how many
 * @layer: whose maps there are; %KX_NO_LAYER: none
 * @maps: (nullable): [units, height, width]
 * @units: how many maps
 * @height: of each
 * @width: of each
 * @watched: (array length=n_watched): means over positions
 * @n_watched: how many
 *
 * What a network says of a picture. Nothing changes it. Reference-counted.
 */
typedef struct {
  gatomicrefcount references;
  char *fault;
  gint64 asked;
  float *probabilities;
  guint n_classes;
  guint layer;
  float *maps;
  guint units;
  gsize height, width;
  float *watched;
  guint n_watched;
} KxSight;

/** KxSightFunc: told what @network says; the owner may look at another one by then. */
typedef void (*KxSightFunc) (KxSight *sight, KxNetwork *network, gpointer owner);

void kx_sight_ask (KxNetwork *network, const KxQuestion *question, KxSightFunc func,
                   gpointer owner);
KxSight *kx_sight_ref (KxSight *sight);
void kx_sight_unref (KxSight *sight);
guint *kx_sight_order (const KxSight *sight, guint top);
GdkTexture *kx_sight_get_map (const KxSight *sight, guint unit);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxSight, kx_sight_unref)

G_END_DECLS
