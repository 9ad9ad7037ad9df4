/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Local response normalization over neighbouring channels of x [N, C, S]. A work-item takes a strip
 * of one plane. A sum is over those of the channels c - side .. c + side that exist.
 */

#define GEOMETRY int channels, int pixels, int strip
/* For each element of the strip: STEP (TYPE, LOAD, STORE, at, k), `at` the element's place in x. */
#define LOAD_ONE(p) (*(p))
#define STORE_ONE(v, p) (*(p) = (v))
#define WALK(STEP) \
  const size_t plane = get_global_id (1); \
  const int c = plane % channels, end = min ((int) (get_global_id (0) + 1) * strip, pixels); \
  const int lowest = max (c - side, 0), highest = min (c + side, channels - 1); \
  int s = get_global_id (0) * strip; \
  for (; s + KOL_WIDTH <= end; s += KOL_WIDTH) \
    STEP (vec, vec_load, vec_store, plane * pixels + s) \
  for (; s < end; s++) \
    STEP (float, LOAD_ONE, STORE_ONE, plane * pixels + s)

/* d = bias + alpha / size sum x^2, the share alpha / size given. */
#define DIVISOR(TYPE, LOAD, at, d) \
  TYPE d = 0.0f; \
  for (int other = lowest; other <= highest; other++) \
    { \
      TYPE v = LOAD (x + (at) + (other - c) * (ptrdiff_t) pixels); \
      d += v * v; \
    } \
  d = bias + share * d;

/* y = x d^-beta */
__kernel void
local_response_norm_forward (__global const float *restrict x, __global float *restrict y,
                             int side, float share, float beta, float bias, GEOMETRY)
{
#define STEP(TYPE, LOAD, STORE, at) \
  { \
    DIVISOR (TYPE, LOAD, at, d) \
    STORE (LOAD (x + (at)) * pow (d, (TYPE) (-beta)), y + (at)); \
  }
  WALK (STEP)
#undef STEP
}

/* The gradient's parts: dx = dy d^-beta, and inside = dy x d^(-beta - 1). */
__kernel void
local_response_norm_gradient_parts (__global const float *restrict dy,
                                    __global const float *restrict x, __global float *restrict dx,
                                    __global float *restrict inside, int side,
                                    float share, float beta, float bias, GEOMETRY)
{
#define STEP(TYPE, LOAD, STORE, at) \
  { \
    DIVISOR (TYPE, LOAD, at, d) \
    TYPE direct = LOAD (dy + (at)) * pow (d, (TYPE) (-beta)); \
    STORE (direct, dx + (at)); \
    STORE (direct * LOAD (x + (at)) / d, inside + (at)); \
  }
  WALK (STEP)
#undef STEP
}

/*
 * dx <- dx - factor x sum inside, over the channels whose window has this one, which are those of
 * its own; the factor is 2 beta alpha / size.
 */
__kernel void
local_response_norm_gradient_x (__global const float *restrict x,
                                __global const float *restrict inside, __global float *restrict dx,
                                int side, float factor, GEOMETRY)
{
#define STEP(TYPE, LOAD, STORE, at) \
  { \
    TYPE sum = 0.0f; \
    for (int other = lowest; other <= highest; other++) \
      sum += LOAD (inside + (at) + (other - c) * (ptrdiff_t) pixels); \
    STORE (LOAD (dx + (at)) - factor * LOAD (x + (at)) * sum, dx + (at)); \
  }
  WALK (STEP)
#undef STEP
}
