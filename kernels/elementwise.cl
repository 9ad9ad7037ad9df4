/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y = f (a, b, c) for each element, with a, b and c stretched to y's shape.
 *
 * Options:
 *   FUNCTION  OpenCL C in a, b, c, p, q and the type T; see src/ops/elementwise-table.h
 *   OPERANDS  1: b and c are not read; 2: c is not; 3
 *   A_STEP    how far a moves per element of a run: 1, or 0 where it is stretched; B_STEP, C_STEP alike
 *   OUTER     how many dimensions there are around the run, 0 to 7
 */

#if KOL_WIDTH > 1
#define T vec
static inline vec
of_vectors (vec a, vec b, vec c, float p, float q)
{
  return FUNCTION;
}
#undef T
#endif

#define T float
static inline float
of_floats (float a, float b, float c, float p, float q)
{
  return FUNCTION;
}
#undef T

/* EACH_OUTER (X): X (0) X (1) ..., for the dimensions around the run, the innermost first. */
#define EACH_OUTER(X) KOL_JOIN (EACH_, OUTER) (X)

/* A dimension's length, and how far a, b and c move along it. */
#define PARAMETERS(i) , int length##i, int a_step##i, int b_step##i, int c_step##i

/* Splits the position in dimension i off @rest. */
#define SPLIT(i) \
  { \
    uint above = rest / length##i; \
    int position = rest - above * length##i; \
    a_at += (long) position * a_step##i; \
    b_at += (long) position * b_step##i; \
    c_at += (long) position * c_step##i; \
    rest = above; \
  }

#if A_STEP
#define A_VECTOR(i) vec_load (a + (i))
#else
#define A_VECTOR(i) ((vec) (*a))
#endif
#if OPERANDS == 1
#define B_VECTOR(i) ((vec) (0.0f))
#elif B_STEP
#define B_VECTOR(i) vec_load (b + (i))
#else
#define B_VECTOR(i) ((vec) (*b))
#endif
#if OPERANDS < 3
#define C_VECTOR(i) ((vec) (0.0f))
#elif C_STEP
#define C_VECTOR(i) vec_load (c + (i))
#else
#define C_VECTOR(i) ((vec) (*c))
#endif

/* @length elements of a run. */
static inline void
walk_run (__global const float *a, __global const float *b, __global const float *c,
          __global float *y, float p, float q, size_t length)
{
  size_t i = 0;

#if KOL_WIDTH > 1
  for (; i + KOL_WIDTH <= length; i += KOL_WIDTH)
    vec_store (of_vectors (A_VECTOR (i), B_VECTOR (i), C_VECTOR (i), p, q), y + i);
#endif
  for (; i < length; i++)
    y[i] = of_floats (a[i * A_STEP], OPERANDS == 1 ? 0.0f : b[i * B_STEP],
                      OPERANDS < 3 ? 0.0f : c[i * C_STEP], p, q);
}

/* y is @rows runs of @run elements; each work-item computes @strip elements in order. */
__kernel void
elementwise_forward (__global const float *a, __global const float *b, __global const float *c,
                     __global float *restrict y, float p, float q, int rows, int run,
                     int strip EACH_OUTER (PARAMETERS))
{
  size_t count = (size_t) rows * run, at = (size_t) get_global_id (0) * strip;
  size_t end = min (at + strip, count);
  uint row = at / run;
  size_t column = at - (size_t) row * run;

  for (; at < end; row++, column = 0)
    {
      size_t length = min (run - column, end - at);
      size_t a_at = column * A_STEP, b_at = column * B_STEP, c_at = column * C_STEP;
      uint rest = row;

      (void) rest; /* with OUTER 0 there is nothing to split */
      EACH_OUTER (SPLIT)
      walk_run (a + a_at, b + b_at, c + c_at, y + at, p, q, length);
      at += length;
    }
}
