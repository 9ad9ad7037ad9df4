/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * What pictures are to make large, of a layer a [N, K, ...]; each picture has its own number. The
 * positions of a picture are all dimensions behind K.
 *
 *     channel, direction   mean over positions of  dot max (0.1, cos)^power,
 *                          with the dot product of the K numbers there with `what`, and its cosine
 *     channel, peaks       mean over positions of  dot |dot|
 *     neuron               that at the position in the middle
 *     dream                mean of a^2
 *     caricature           dot max (0.1, cos)^power of all of a with the layer of a photo
 */

#include "../graph/graph.h"
#include "maximize.h"

G_BEGIN_DECLS

typedef struct {
  KolMaximizeGoal goal;
  double power;   /* of the cosine; 0: it plays no part */
  KolValue *what; /* placeholder [N, K, 1, ...]: which unit or direction; NULL: none is asked for */
  KolValue *where; /* placeholder [1, 1, ...]: positions' weights, of sum 1; NULL likewise */
  KolValue *like;  /* placeholder [1, K, ...]: the photo's layer, for a caricature, or NULL */
  KolValue *each;  /* [N]: how large it is for each picture */
} KolObjective;

/* Builds it upon @layer. */
void kol_objective_build (KolObjective *self, KolValue *layer, KolMaximizeGoal goal, double power);
/*
 * The same for a channel, where much at some positions is worth more than a little at all: of
 * pictures whose light is given, a unit that nothing silences says as much of any, on the average.
 */
KolValue *kol_objective_peaks (KolValue *layer);
/* Sets `where`: the middle for a neuron, all alike for the others. */
void kol_objective_place (const KolObjective *self);
/* How much the layers of the pictures are alike, a sum over pairs: for diversity. */
KolValue *kol_objective_likeness (KolValue *layer);
/* The index of the middle of the positions of a layer. */
gsize kol_objective_middle (const KolShape *layer);

G_END_DECLS
