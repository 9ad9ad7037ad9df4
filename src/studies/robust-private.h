/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * The small motions that a picture must stand while it is made, so that what excites a unit is a
 * shape, and not the pattern of a few pixels: moved by some pixels, scaled, turned, moved again.
 * All of it is one affine map, drawn on the host for each step from the seed and the step's number.
 */

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  double move;  /* pixels, first: to and fro by half of it */
  double scale; /* up to this share larger or smaller, in steps of a fifth of it */
  double turn;  /* degrees, whole ones, to and fro */
  guint still;  /* so many draws more in which it is not turned */
  double then;  /* pixels, once more */
} KolRobustness;

/* What suits pictures of that size: lucid's numbers, and smaller ones below 64 pixels. */
KolRobustness kol_robustness_for (gsize height, gsize width);
/* The map of a step, for kol_resample(). */
void kol_robust_map (const KolRobustness *how, guint64 seed, guint64 step, gsize height,
                     gsize width, float map[6]);

G_END_DECLS
