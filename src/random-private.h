/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

/*
 * Philox4x32-10, a counter-based generator: four random words are a function
 * of a 64-bit key and a 128-bit counter, so any element of any stream can be
 * computed by itself, on the host and on the device alike (kernels/prelude.cl
 * has the same function).
 *
 * Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011.
 */
typedef struct {
  guint32 v[4];
} KolPhilox;

static inline KolPhilox
kol_philox (guint64 key, guint64 counter_low, guint64 counter_high)
{
  guint32 k0 = (guint32) key, k1 = (guint32) (key >> 32);
  KolPhilox c = { { (guint32) counter_low, (guint32) (counter_low >> 32), (guint32) counter_high,
                    (guint32) (counter_high >> 32) } };

  for (int round = 0; round < 10; round++)
    {
      guint64 p0 = (guint64) 0xD2511F53u * c.v[0], p1 = (guint64) 0xCD9E8D57u * c.v[2];
      c = (KolPhilox){ { (guint32) (p1 >> 32) ^ c.v[1] ^ k0, (guint32) p1,
                         (guint32) (p0 >> 32) ^ c.v[3] ^ k1, (guint32) p0 } };
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
  return c;
}

/* A word as a float in [0, 1), multiples of 2^-24. */
static inline float
kol_uniform (guint32 word)
{
  return (float) (word >> 8) * 0x1p-24f;
}

/* A stream's key from a seed and a name (64-bit FNV-1a). */
static inline guint64
kol_random_key (guint64 seed, const char *name)
{
  guint64 hash = 0xcbf29ce484222325u ^ (seed * 0x9E3779B97F4A7C15u);

  for (const char *c = name; *c; c++)
    hash = (hash ^ (guchar) *c) * 0x100000001b3u;
  return hash;
}
