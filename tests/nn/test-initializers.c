/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "nn/initializers.h"
#include "nn/normal-private.h"
#include "random-private.h"

#define N 100000
#define SEED 7

/* The values of a parameter of that name. Given. */
static float *
fill (KolInitializer initializer, KolShape shape, guint64 seed, const char *name)
{
  gint64 n = kol_shape_count (&shape);
  float *values = g_new (float, n);

  for (gint64 i = 0; i < n; i++)
    values[i] = NAN; /* what is not written is seen */
  initializer.fill (&initializer, &shape, kol_random_key (seed, name), values);
  return values;
}

typedef struct {
  double mean, stddev, skew, kurtosis;
  double low, high;
} Moments;

static Moments
moments (const float *values, gint64 n)
{
  Moments m = { .low = INFINITY, .high = -INFINITY };

  for (gint64 i = 0; i < n; i++)
    {
      g_assert_true (isfinite (values[i]));
      m.mean += values[i] / (double) n;
      m.low = MIN (m.low, values[i]);
      m.high = MAX (m.high, values[i]);
    }
  for (gint64 i = 0; i < n; i++)
    {
      double d = values[i] - m.mean;
      m.stddev += d * d / (double) n;
      m.skew += d * d * d / (double) n;
      m.kurtosis += d * d * d * d / (double) n;
    }
  m.stddev = sqrt (m.stddev);
  m.skew /= pow (m.stddev, 3);
  m.kurtosis /= pow (m.stddev, 4);
  return m;
}

static void
assert_near (double value, double expected, double tolerance)
{
  if (!(fabs (value - expected) <= tolerance))
    g_error ("%g, but expected %g within %g", value, expected, tolerance);
}

/* A mean of N values is within five of its standard errors, but for one time in a million. */
static void
assert_mean (const Moments *m, double expected)
{
  assert_near (m->mean, expected, 5 * m->stddev / sqrt (N));
}

static void
test_philox (void)
{
  /* The known answers of the paper's own test program, kat_vectors: philox4x32 of 10 rounds. */
  const guint32 zeros[] = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 };
  const guint32 ones[] = { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd };
  const guint32 pi[] = { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 };
  KolPhilox r;

  r = kol_philox (0, 0, 0);
  g_assert_cmpmem (r.v, sizeof r.v, zeros, sizeof zeros);
  r = kol_philox (G_MAXUINT64, G_MAXUINT64, G_MAXUINT64);
  g_assert_cmpmem (r.v, sizeof r.v, ones, sizeof ones);
  r = kol_philox (0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e);
  g_assert_cmpmem (r.v, sizeof r.v, pi, sizeof pi);
}

static void
test_constant (void)
{
  g_autofree float *values = fill (KOL_CONSTANT (0.1), KOL_SHAPE (3, 5), SEED, "b");

  for (int i = 0; i < 15; i++)
    g_assert_cmpfloat (values[i], ==, 0.1f);
}

static void
test_scalar (void)
{
  g_autofree float *glorot = fill (KOL_GLOROT, KOL_SCALAR, SEED, "s");
  g_autofree float *he = fill (KOL_HE, KOL_SCALAR, SEED, "s");

  g_assert_cmpfloat (fabsf (glorot[0]), <=, sqrtf (3));
  g_assert_true (isfinite (he[0]));
}

static void
test_uniform (void)
{
  g_autofree float *values = fill (KOL_UNIFORM (-1, 3), KOL_SHAPE (N), SEED, "u");
  Moments m = moments (values, N);

  assert_mean (&m, 1);
  assert_near (m.stddev, 4 / sqrt (12), 0.01);
  assert_near (m.skew, 0, 0.05);
  assert_near (m.kurtosis, 1.8, 0.05);
  g_assert_cmpfloat (m.low, >=, -1);
  g_assert_cmpfloat (m.low, <, -0.999);
  g_assert_cmpfloat (m.high, <, 3);
  g_assert_cmpfloat (m.high, >, 2.999);
}

/* The upper end does not belong to the interval, even where rounding to float would reach it. */
static void
test_uniform_end (void)
{
  float low = 1, high = nextafterf (1, 2);
  g_autofree float *narrow = fill (KOL_UNIFORM (low, high), KOL_SHAPE (1000), SEED, "u");
  g_autofree float *point = fill (KOL_UNIFORM (2, 2), KOL_SHAPE (10), SEED, "u");

  for (int i = 0; i < 1000; i++)
    g_assert_cmpfloat (narrow[i], ==, low);
  for (int i = 0; i < 10; i++)
    g_assert_cmpfloat (point[i], ==, 2);
}

static void
test_normal (void)
{
  g_autofree float *values = fill (KOL_NORMAL (2, 0.5), KOL_SHAPE (N), SEED, "n");
  Moments m = moments (values, N);
  int within = 0;

  assert_mean (&m, 2);
  assert_near (m.stddev, 0.5, 0.006);
  assert_near (m.skew, 0, 0.05);
  assert_near (m.kurtosis, 3, 0.1);
  g_assert_cmpfloat (m.high, >, 2 + 3.5 * 0.5); /* the tails are there */
  g_assert_cmpfloat (m.low, <, 2 - 3.5 * 0.5);
  for (int i = 0; i < N; i++)
    within += fabs (values[i] - 2) < 0.5;
  assert_near (within / (double) N, 0.6827, 0.008);
}

static void
test_truncated_normal (void)
{
  g_autofree float *values = fill (KOL_TRUNCATED_NORMAL (1, 0.1), KOL_SHAPE (N), SEED, "t");
  g_autofree float *plain = fill (KOL_NORMAL (1, 0.1), KOL_SHAPE (N), SEED, "t");
  Moments m = moments (values, N);
  int within_one = 0, plain_one = 0, plain_two = 0;

  assert_mean (&m, 1);
  assert_near (m.stddev, 0.8796 * 0.1, 0.001);
  g_assert_cmpfloat (m.low, >=, 0.8 - 1e-7);
  g_assert_cmpfloat (m.low, <, 0.81);
  g_assert_cmpfloat (m.high, <=, 1.2 + 1e-7);
  g_assert_cmpfloat (m.high, >, 1.19);

  /* What is left of the normal distribution has the shape that it had: so its numbers within. */
  for (int i = 0; i < N; i++)
    {
      within_one += fabs (values[i] - 1) < 0.1;
      plain_one += fabs (plain[i] - 1) < 0.1;
      plain_two += fabs (plain[i] - 1) < 0.2;
    }
  assert_near (within_one / (double) N, 0.6827 / 0.9545, 0.008);
  assert_near (within_one / (double) N, plain_one / (double) plain_two, 0.012);
  assert_near (m.skew, 0, 0.03);
  assert_near (m.kurtosis, 2.366, 0.03);
}

/* The share of a normal distribution below z. */
static double
normal_below (double z)
{
  return 0.5 * erfc (-z / sqrt (2));
}

static void
assert_quantile (double p)
{
  double ps[KOL_NORMAL_BLOCK], zs[KOL_NORMAL_BLOCK];

  for (int i = 0; i < KOL_NORMAL_BLOCK; i++)
    ps[i] = i % 2 ? p : 0.5;
  kol_normal_quantiles (ps, zs);
  for (int i = 0; i < KOL_NORMAL_BLOCK; i++)
    assert_near (normal_below (zs[i]), ps[i], 1e-12);
  assert_near (normal_below (zs[1]) / p, 1, 1e-12); /* in the lower tail this says more */
}

static void
test_quantiles (void)
{
  for (int i = 1; i < 2000; i++)
    assert_quantile (i / 2000.0);
  for (double p = 0.5 * 0x1p-32; p < 0.5; p *= 1.03)
    {
      assert_quantile (p);
      assert_quantile (1 - p);
    }
  assert_quantile (0.075); /* where the two formulas meet */
  assert_quantile (0.925);
}

/* What the values are, so that a seed gives the same network in every version. */
static void
test_frozen (void)
{
  guint64 key = kol_random_key (SEED, "f");
  g_autofree float *uniform = fill (KOL_UNIFORM (0, 1), KOL_SHAPE (131), SEED, "f");
  g_autofree float *normal = fill (KOL_NORMAL (0, 1), KOL_SHAPE (131), SEED, "f");
  g_autofree float *truncated = fill (KOL_TRUNCATED_NORMAL (0, 1), KOL_SHAPE (131), SEED, "f");

  for (int i = 0; i < 131; i++)
    {
      double p = (kol_philox (key, i / 4, 0).v[i % 4] + 0.5) / 4294967296.0;
      double low = normal_below (-2), high = normal_below (2);
      assert_near (uniform[i], p, 1e-7);
      assert_near (normal_below (normal[i]), p, 1e-6);
      assert_near (normal_below (truncated[i]), low + (high - low) * p, 1e-6);
    }
}

/* Values fill ±limit, as uniform ones do. */
static void
assert_glorot (KolShape shape, double fan_in, double fan_out)
{
  g_autofree float *values = fill (KOL_GLOROT, shape, SEED, "g");
  gint64 n = kol_shape_count (&shape);
  double limit = sqrt (6 / (fan_in + fan_out));
  Moments m = moments (values, n);

  g_assert_cmpfloat (m.low, >=, -limit);
  g_assert_cmpfloat (m.high, <=, limit);
  g_assert_cmpfloat (m.low, <, -0.99 * limit);
  g_assert_cmpfloat (m.high, >, 0.99 * limit);
  assert_near (m.mean, 0, 5 * m.stddev / sqrt ((double) n));
  assert_near (m.stddev, limit / sqrt (3), 0.02 * limit);
}

static void
test_glorot (void)
{
  assert_glorot (KOL_SHAPE (784, 30), 784, 30);                     /* [in, out] */
  assert_glorot (KOL_SHAPE (64, 32, 5, 3), 32 * 5 * 3, 64 * 5 * 3); /* [K, C, R, S] */
  assert_glorot (KOL_SHAPE (256, 32, 3), 32 * 3, 256 * 3);          /* [K, C, R] */
  assert_glorot (KOL_SHAPE (16, 8, 3, 5, 7), 8 * 105, 16 * 105);    /* [K, C, Q, R, S] */
  assert_glorot (KOL_SHAPE (20000), 20000, 20000);
}

static void
assert_he (KolShape shape, double fan_in)
{
  g_autofree float *values = fill (KOL_HE, shape, SEED, "h");
  gint64 n = kol_shape_count (&shape);
  double stddev = sqrt (2 / fan_in);
  Moments m = moments (values, n);

  assert_near (m.mean, 0, 5 * stddev / sqrt ((double) n));
  assert_near (m.stddev, stddev, 0.03 * stddev);
  assert_near (m.kurtosis, 3, 0.2);
}

static void
test_he (void)
{
  assert_he (KOL_SHAPE (784, 30), 784);
  assert_he (KOL_SHAPE (64, 32, 5, 3), 32 * 5 * 3);
}

/* How many of the values of two streams agree. */
static int
count_equal (KolInitializer initializer, guint64 seed_a, const char *name_a, guint64 seed_b,
             const char *name_b)
{
  g_autofree float *a = fill (initializer, KOL_SHAPE (1000), seed_a, name_a);
  g_autofree float *b = fill (initializer, KOL_SHAPE (1000), seed_b, name_b);
  int equal = 0;

  for (int i = 0; i < 1000; i++)
    equal += a[i] == b[i];
  return equal;
}

static void
test_streams (void)
{
  const KolInitializer random[]
      = { KOL_UNIFORM (0, 1), KOL_NORMAL (0, 1), KOL_TRUNCATED_NORMAL (0, 1), KOL_GLOROT, KOL_HE };

  for (gsize i = 0; i < G_N_ELEMENTS (random); i++)
    {
      g_assert_cmpint (count_equal (random[i], 1, "w", 1, "w"), ==, 1000);
      g_assert_cmpint (count_equal (random[i], 1, "w", 2, "w"), <, 5);
      g_assert_cmpint (count_equal (random[i], 1, "w_conv1", 1, "w_conv2"), <, 5);
    }
}

/* An element depends on its position only: a longer parameter begins as a shorter one does. */
static void
test_prefix (void)
{
  g_autofree float *shorter = fill (KOL_TRUNCATED_NORMAL (0, 1), KOL_SHAPE (100), SEED, "w");
  g_autofree float *longer = fill (KOL_TRUNCATED_NORMAL (0, 1), KOL_SHAPE (7, 100), SEED, "w");

  g_assert_cmpmem (shorter, 100 * sizeof (float), longer, 100 * sizeof (float));
}

/* Neighbouring elements, and the same elements of parameters with similar names, are unrelated. */
static void
test_correlation (void)
{
  g_autofree float *a = fill (KOL_NORMAL (0, 1), KOL_SHAPE (N), SEED, "w1");
  g_autofree float *b = fill (KOL_NORMAL (0, 1), KOL_SHAPE (N), SEED, "w2");
  double neighbours = 0, names = 0;

  for (int i = 0; i + 1 < N; i++)
    {
      neighbours += (double) a[i] * a[i + 1] / N;
      names += (double) a[i] * b[i] / N;
    }
  assert_near (neighbours, 0, 5 / sqrt (N));
  assert_near (names, 0, 5 / sqrt (N));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/nn/initializers/philox", test_philox);
  g_test_add_func ("/nn/initializers/constant", test_constant);
  g_test_add_func ("/nn/initializers/scalar", test_scalar);
  g_test_add_func ("/nn/initializers/uniform", test_uniform);
  g_test_add_func ("/nn/initializers/uniform-end", test_uniform_end);
  g_test_add_func ("/nn/initializers/normal", test_normal);
  g_test_add_func ("/nn/initializers/truncated-normal", test_truncated_normal);
  g_test_add_func ("/nn/initializers/quantiles", test_quantiles);
  g_test_add_func ("/nn/initializers/frozen", test_frozen);
  g_test_add_func ("/nn/initializers/glorot", test_glorot);
  g_test_add_func ("/nn/initializers/he", test_he);
  g_test_add_func ("/nn/initializers/streams", test_streams);
  g_test_add_func ("/nn/initializers/prefix", test_prefix);
  g_test_add_func ("/nn/initializers/correlation", test_correlation);
  return g_test_run ();
}
