/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* Curves such as training makes them, for tests and the demonstration. */

#include "chart/series.h"

#include <math.h>

/* A loss that falls from @first to about @floor, with noise in proportion to it. */
static inline float
generate_loss (GRand *random, double step, double first, double floor, double pace, double noise)
{
  double mean = floor + (first - floor) / pow (1 + step / pace, 0.9);
  double normal = 0;

  for (int i = 0; i < 6; i++)
    normal += g_rand_double_range (random, -1, 1);
  return (float) (mean * exp (noise * normal / 1.4));
}
