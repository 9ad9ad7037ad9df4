/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "nn/initializers.h"

#include <math.h>

#include "random-private.h"

/* A random word as a double in (0, 1], which has a logarithm. */
static double
open_uniform (guint32 word)
{
  return (word + 1.0) * 0x1p-32;
}

/*
 * Draw number @attempt of element @i from the standard normal distribution.
 * Box and Muller, "A note on the generation of random normal deviates", 1958;
 * its second number is left unused so that every element stands for itself.
 */
static double
normal (guint64 key, guint64 i, guint64 attempt)
{
  KolPhilox words = kol_philox (key, i, attempt);

  return sqrt (-2 * log (open_uniform (words.v[0]))) * cos (2 * G_PI * open_uniform (words.v[1]));
}

static void
fill_uniform (double low, double high, gint64 n, guint64 key, float *values)
{
  /* Rounding to float must not reach the upper end, which does not belong to the interval. */
  float limit = low < high ? nextafterf ((float) high, -INFINITY) : (float) high;

  for (gint64 i = 0; i < n; i++)
    {
      double u = kol_uniform (kol_philox (key, (guint64) i, 0).v[0]);
      values[i] = MIN ((float) (low + (high - low) * u), limit);
    }
}

static void
fill_normal (double mean, double stddev, gint64 n, guint64 key, float *values)
{
  for (gint64 i = 0; i < n; i++)
    values[i] = (float) (mean + stddev * normal (key, (guint64) i, 0));
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
 * Writes values uniform in [a, b), in steps of (b - a) / 2^24; see KOL_UNIFORM().
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
  fill_normal (self->a, self->b, kol_shape_count (shape), key, values);
}

/**
 * kol_fill_truncated_normal:
 * @self: `a` is the mean, `b` the standard deviation before truncation
 * @shape: the parameter's shape
 * @key: the parameter's random stream
 * @values: (out): as many values as @shape has elements
 *
 * Writes normally distributed values; one that is more than two standard
 * deviations from the mean is drawn again, so the values' own standard
 * deviation is 0.8796 b. See KOL_TRUNCATED_NORMAL(). Element i depends on @key
 * and i only.
 */
void
kol_fill_truncated_normal (const KolInitializer *self, const KolShape *shape, guint64 key,
                           float *values)
{
  gint64 n = kol_shape_count (shape);

  for (gint64 i = 0; i < n; i++)
    {
      guint64 attempt = 0;
      double z;

      do
        z = normal (key, (guint64) i, attempt++);
      while (fabs (z) > 2);
      values[i] = (float) (self->a + self->b * z);
    }
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
  fill_normal (0, sqrt (2 / fan_in), kol_shape_count (shape), key, values);
}
