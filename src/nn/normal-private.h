/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>
#include <math.h>

/* The polynomial whose coefficients, the constant first, are @c. Without a loop: faster in one. */
static inline double
kol_polynomial (const double c[8], double x)
{
  return ((((((c[7] * x + c[6]) * x + c[5]) * x + c[4]) * x + c[3]) * x + c[2]) * x + c[1]) * x
         + c[0];
}

/*
 * The quantiles of the standard normal distribution: the z that a normal number is
 * below with probability @p, for 1e-11 < @p < 1 - 1e-11. Precise to about 1e-15.
 *
 * Wichura, "Algorithm AS 241: the percentage points of the normal distribution",
 * Applied Statistics 37, 1988, routine PPND16. Its third pair of polynomials, for
 * tails that no 32-bit random word reaches, is left out.
 */

/* For |@p - 1/2| <= KOL_NORMAL_MIDDLE: 85 % of all. */
#define KOL_NORMAL_MIDDLE 0.425

static inline double
kol_normal_quantile_middle (double p)
{
  static const double a[8]
      = { 3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
          1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
          3.3430575583588128105e4, 2.5090809287301226727e3 };
  static const double b[8] = { 1,
                               4.2313330701600911252e1,
                               6.8718700749205790830e2,
                               5.3941960214247511077e3,
                               2.1213794301586595867e4,
                               3.9307895800092710610e4,
                               2.8729085735721942674e4,
                               5.2264952788528545610e3 };
  double q = p - 0.5, r = KOL_NORMAL_MIDDLE * KOL_NORMAL_MIDDLE - q * q;

  return q * kol_polynomial (a, r) / kol_polynomial (b, r);
}

/* For what is farther out. */
static inline double
kol_normal_quantile_tail (double p)
{
  static const double c[8]
      = { 1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
          3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
          2.27238449892691845833e-2, 7.74545014278341407640e-4 };
  static const double d[8] = { 1,
                               2.05319162663775882187e0,
                               1.67638483018380384940e0,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9 };
  double r = sqrt (-log (p < 0.5 ? p : 1 - p)) - 1.6;

  return copysign (kol_polynomial (c, r) / kol_polynomial (d, r), p - 0.5);
}

/* How many quantiles are computed at a time. */
#define KOL_NORMAL_BLOCK 128

/*
 * The quantiles @z of a block of @p. A loop without branches takes all of them for
 * the middle, so that compilers make vectors of it; then the tails, which are first
 * listed, as a processor cannot foresee which they are, are computed once more.
 */
static inline void
kol_normal_quantiles (const double *restrict p, double *restrict z)
{
  int tails[KOL_NORMAL_BLOCK], n = 0;

  for (int i = 0; i < KOL_NORMAL_BLOCK; i++)
    z[i] = kol_normal_quantile_middle (p[i]);
  for (int i = 0; i < KOL_NORMAL_BLOCK; i++)
    {
      tails[n] = i;
      n += fabs (p[i] - 0.5) > KOL_NORMAL_MIDDLE;
    }
  for (int i = 0; i < n; i++)
    z[tails[i]] = kol_normal_quantile_tail (p[tails[i]]);
}
