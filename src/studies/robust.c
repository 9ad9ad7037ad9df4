/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "robust-private.h"

#include <math.h>

#include "../random-private.h"

#define SMALL 64 /* pixels: below, the usual motions would hide what there is */
#define SCALES 5 /* steps to the largest scale */
#define STREAM "study/robust"

KolRobustness
kol_robustness_for (gsize height, gsize width)
{
  if (MIN (height, width) < SMALL)
    return (KolRobustness){ .move = 2, .scale = 0.03, .turn = 5, .still = 2, .then = 1 };
  return (KolRobustness){ .move = 8, .scale = 0.1, .turn = 10, .still = 5, .then = 4 };
}

/* A whole number in 0 .. @n - 1. */
static guint
draw (guint32 word, guint n)
{
  return (guint) (((guint64) word * n) >> 32);
}

/* A move of up to half of @most to either side, in whole pixels from one end. */
static double
draw_move (guint32 word, double most)
{
  return draw (word, (guint) most + 1) - most / 2;
}

void
kol_robust_map (const KolRobustness *how, guint64 seed, guint64 step, gsize height, gsize width,
                float map[6])
{
  guint64 key = kol_random_key (seed, STREAM);
  KolPhilox a = kol_philox (key, step, 0), b = kol_philox (key, step, 1);
  guint turns = 2 * (guint) how->turn + 1, turned = draw (a.v[3], turns + how->still);
  double angle = turned < turns ? (turned - how->turn) * G_PI / 180 : 0;
  double scale = 1 + how->scale * (draw (a.v[2], 2 * SCALES + 1) - (double) SCALES) / SCALES;
  double x = draw_move (b.v[0], how->then), y = draw_move (b.v[1], how->then);
  double w = (double) width / 2, h = (double) height / 2;
  double cosine = cos (angle) / scale, sine = sin (angle) / scale;

  /* Backwards, from where a pixel is in the end to where it is from. */
  map[0] = (float) cosine;
  map[1] = (float) (-sine * h / w);
  map[2] = (float) ((cosine * x - sine * y + draw_move (a.v[0], how->move)) / w);
  map[3] = (float) (sine * w / h);
  map[4] = (float) cosine;
  map[5] = (float) ((sine * x + cosine * y + draw_move (a.v[1], how->move)) / h);
}
