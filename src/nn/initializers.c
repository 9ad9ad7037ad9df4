/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "nn/initializers.h"

#include <math.h>

#include "normal-private.h"
#include "random-private.h"

/* What is left of the normal distribution beyond two standard deviations, on either side. */
#define BEYOND_TWO 0.022750131948179195

/*
 * The random numbers of elements 4 @four to 4 @four + 3: one computation of Philox makes
 * four words. Uniform in (0, 1), never 0 nor 1, which have no normal quantile.
 */
static inline void
draw (guint64 key, gint64 four, double u[4])
{
  KolPhilox words = kol_philox (key, (guint64) four, 0);

  for (int j = 0; j < 4; j++)
    u[j] = (words.v[j] + 0.5) * 0x1p-32;
}

static void
fill_uniform (double low, double high, gint64 n, guint64 key, float *values)
{
  /* Rounding to float must not reach the upper end, which does not belong to the interval. */
  float limit = low < high ? nextafterf ((float) high, -INFINITY) : (float) high;
  double u[4];

  for (gint64 i = 0; i < n; i += 4)
    {
      draw (key, i / 4, u);
      for (gint64 j = 0; j < MIN (4, n - i); j++)
        values[i + j] = MIN ((float) (low + (high - low) * u[j]), limit);
    }
}

/*
 * The distribution function's inverse turns uniform numbers into normal ones, and
 * uniform numbers between @beyond and 1 - @beyond into those that are left when
 * this probability is cut off at either end.
 */
static void
fill_normal (double mean, double stddev, double beyond, gint64 n, guint64 key, float *values)
{
  double u[KOL_NORMAL_BLOCK], z[KOL_NORMAL_BLOCK];

  for (gint64 i = 0; i < n; i += KOL_NORMAL_BLOCK)
    {
      gint64 wanted = MIN (KOL_NORMAL_BLOCK, n - i);

      for (int j = 0; j < KOL_NORMAL_BLOCK; j += 4)
        draw (key, (i + j) / 4, u + j);
      for (int j = 0; j < KOL_NORMAL_BLOCK; j++)
        u[j] = beyond + (1 - 2 * beyond) * u[j];
      kol_normal_quantiles (u, z);
      for (gint64 j = 0; j < wanted; j++)
        values[i + j] = (float) (mean + stddev * z[j]);
    }
}

/* How many inputs a unit of the layer sees, and how many outputs an input reaches. */
static void
fans (const KolShape *shape, double *fan_in, double *fan_out)
{
  double window = 1;

  switch (shape->rank)
    {
    case 0:
      *fan_in = *fan_out = 1;
      break;
    case 1:
      *fan_in = *fan_out = (double) shape->dim[0];
      break;
    case 2:
      *fan_in = (double) shape->dim[0];
      *fan_out = (double) shape->dim[1];
      break;
    default:
      for (int d = 2; d < shape->rank; d++)
        window *= (double) shape->dim[d];
      *fan_in = window * (double) shape->dim[1];
      *fan_out = window * (double) shape->dim[0];
    }
}

/**
 * kol_fill_constant:
 * @self: `a` is the value
 * @shape: the parameter's shape
 * @key: the parameter's random stream; not used
 * @values: (out): as many values as @shape has elements
 *
 * Writes the same value everywhere; see KOL_CONSTANT().
 */
void
kol_fill_constant (const KolInitializer *self, const KolShape *shape, guint64 key, float *values)
{
  gint64 n = kol_shape_count (shape);

  for (gint64 i = 0; i < n; i++)
    values[i] = (float) self->a;
}

/**
 * kol_fill_uniform:
 * @self: `a` is the lower end, `b` the upper end
 * @shape: the parameter's shape
 * @key: the parameter's random stream
 * @values: (out): as many values as @shape has elements
 *
 * Writes values uniform in [a, b), in steps of (b - a) / 2^32; see KOL_UNIFORM().
 * Element i depends on @key and i only.
 */
void
kol_fill_uniform (const KolInitializer *self, const KolShape *shape, guint64 key, float *values)
{
  fill_uniform (self->a, self->b, kol_shape_count (shape), key, values);
}

/**
 * kol_fill_normal:
 * @self: `a` is the mean, `b` the standard deviation
 * @shape: the parameter's shape
 * @key: the parameter's random stream
 * @values: (out): as many values as @shape has elements
 *
 * Writes normally distributed values; see KOL_NORMAL(). Element i depends on
 * @key and i only.
 */
void
kol_fill_normal (const KolInitializer *self, const KolShape *shape, guint64 key, float *values)
{
  fill_normal (self->a, self->b, 0, kol_shape_count (shape), key, values);
}

/**
 * kol_fill_truncated_normal:
 * @self: `a` is the mean, `b` the standard deviation before truncation
 * @shape: the parameter's shape
 * @key: the parameter's random stream
 * @values: (out): as many values as @shape has elements
 *
 * Writes normally distributed values, but none that is more than two standard
 * deviations from the mean: as if such a one were drawn again. The values' own
 * standard deviation is 0.8796 b. See KOL_TRUNCATED_NORMAL(). Element i depends on @key
 * and i only.
 */
void
kol_fill_truncated_normal (const KolInitializer *self, const KolShape *shape, guint64 key,
                           float *values)
{
  fill_normal (self->a, self->b, BEYOND_TWO, kol_shape_count (shape), key, values);
}

/**
 * kol_fill_glorot:
 * @self: its numbers are not used
 * @shape: the parameter's shape: a matrix [in, out], or a convolution's weights
 *   [K, C, R, S] (also of one or three dimensions); of a vector [n] both fans are n
 * @key: the parameter's random stream
 * @values: (out): as many values as @shape has elements
 *
 * Writes values uniform in ±√(6 / (fan_in + fan_out)); see KOL_GLOROT. Glorot and
 * Bengio, "Understanding the difficulty of training deep feedforward neural
 * networks", 2010, formula 16.
 */
void
kol_fill_glorot (const KolInitializer *self, const KolShape *shape, guint64 key, float *values)
{
  double fan_in, fan_out, limit;

  fans (shape, &fan_in, &fan_out);
  limit = sqrt (6 / (fan_in + fan_out));
  fill_uniform (-limit, limit, kol_shape_count (shape), key, values);
}

/**
 * kol_fill_he:
 * @self: its numbers are not used
 * @shape: the parameter's shape, as for kol_fill_glorot()
 * @key: the parameter's random stream
 * @values: (out): as many values as @shape has elements
 *
 * Writes normally distributed values of mean 0 and standard deviation
 * √(2 / fan_in); see KOL_HE. He et al., "Delving deep into rectifiers", 2015,
 * formula 10.
 */
void
kol_fill_he (const KolInitializer *self, const KolShape *shape, guint64 key, float *values)
{
  double fan_in, fan_out;

  fans (shape, &fan_in, &fan_out);
  fill_normal (0, sqrt (2 / fan_in), 0, kol_shape_count (shape), key, values);
}
