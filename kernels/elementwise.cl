/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y = f (x0, x1, ...) for each element, with the operands stretched to y's shape.
 * f is one function of the table, or several of them one behind another.
 *
 * Options:
 *   FUNCTION     OpenCL C in x0, x1, ..., p, q and the type T; see src/ops/elementwise-table.h
 *   TEMPORARIES  how many variables t0, t1, ... it sets on its way, 0 to 7
 *   OPERANDS     how many there are, 1 to 8
 *   STEP_0       how far x0 moves per element of a run: 1, or 0 where it is stretched; STEP_1, ... alike
 *   OUTER        how many dimensions there are around the run, 0 to 7
 */

/* A result must not depend on what is computed in one launch: a b + c is rounded twice. */
#pragma OPENCL FP_CONTRACT OFF

/* FOR_n (X, i): X (0, i) X (1, i) ... X (n - 1, i). */
#define FOR_1(X, i) X (0, i)
#define FOR_2(X, i) FOR_1 (X, i) X (1, i)
#define FOR_3(X, i) FOR_2 (X, i) X (2, i)
#define FOR_4(X, i) FOR_3 (X, i) X (3, i)
#define FOR_5(X, i) FOR_4 (X, i) X (4, i)
#define FOR_6(X, i) FOR_5 (X, i) X (5, i)
#define FOR_7(X, i) FOR_6 (X, i) X (6, i)
#define FOR_8(X, i) FOR_7 (X, i) X (7, i)
#define FOR_JOIN_(a, b) a##b
#define FOR_JOIN(a, b) FOR_JOIN_ (a, b)

/* Something for each operand, and for each temporary variable. */
#define EACH_OPERAND FOR_JOIN (FOR_, OPERANDS)
#define EACH_TEMPORARY FOR_JOIN (EACH_, TEMPORARIES)

#define TEMPORARY(i) T t##i;
#define ARGUMENT(k, i) T x##k,

#if KOL_WIDTH > 1
#define T vec
static inline vec
of_vectors (EACH_OPERAND (ARGUMENT, 0) float p, float q)
{
  EACH_TEMPORARY (TEMPORARY)
  return FUNCTION;
}
#undef T
#endif

#define T float
static inline float
of_floats (EACH_OPERAND (ARGUMENT, 0) float p, float q)
{
  EACH_TEMPORARY (TEMPORARY)
  return FUNCTION;
}
#undef T

/* An operand's memory; a stretched one's only element; what it has for the elements from i on. */
#define MEMORY(k, i) __global const float *from##k,
#define FIRST(k, i) const float first##k = *from##k;
#define VECTOR(k, i) STEP_##k ? vec_load (from##k + (i)) : (vec) (first##k),
#define ELEMENT(k, i) STEP_##k ? from##k[i] : first##k,

/* @length elements of a run. y may be the memory of operands that are not stretched. */
static inline void
walk_run (EACH_OPERAND (MEMORY, 0) __global float *y, float p, float q, size_t length)
{
  size_t i = 0;
  EACH_OPERAND (FIRST, 0)

#if KOL_WIDTH > 1
  for (; i + KOL_WIDTH <= length; i += KOL_WIDTH)
    vec_store (of_vectors (EACH_OPERAND (VECTOR, i) p, q), y + i);
#endif
  for (; i < length; i++)
    y[i] = of_floats (EACH_OPERAND (ELEMENT, i) p, q);
}

/* EACH_OUTER (X): X (0) X (1) ..., for the dimensions around the run, the innermost first. */
#define EACH_OUTER(X) KOL_JOIN (EACH_, OUTER) (X)

/* A dimension's length, and how far the operands move along it. */
#define STEP(k, i) , int step##k##_##i
#define PARAMETERS(i) , int length##i EACH_OPERAND (STEP, i)

/* Where a row of y begins in an operand; the row's part of the run follows. */
#define BEGIN(k, i) size_t at##k = column * STEP_##k;
#define MOVE(k, i) at##k += (long) position * step##k##_##i;
#define PLACE(k, i) in##k + at##k,

/* Splits the position in dimension i off @rest. */
#define SPLIT(i) \
  { \
    uint above = rest / length##i; \
    int position = rest - above * length##i; \
    EACH_OPERAND (MOVE, i) \
    rest = above; \
  }

#define INPUT(k, i) __global const float *in##k,

/* y is @rows runs of @run elements; each work-item computes @strip elements in order. */
__kernel void
elementwise_forward (EACH_OPERAND (INPUT, 0) __global float *y, float p, float q, int rows, int run,
                     int strip EACH_OUTER (PARAMETERS))
{
  size_t count = (size_t) rows * run, at = (size_t) get_global_id (0) * strip;
  size_t end = min (at + strip, count);
  uint row = at / run;
  size_t column = at - (size_t) row * run;

  for (; at < end; row++, column = 0)
    {
      size_t length = min (run - column, end - at);
      uint rest = row;
      EACH_OPERAND (BEGIN, 0)

      (void) rest; /* with OUTER 0 there is nothing to split */
      EACH_OUTER (SPLIT)
      walk_run (EACH_OPERAND (PLACE, 0) y + at, p, q, length);
      at += length;
    }
}
