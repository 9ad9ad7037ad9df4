/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Reductions. x's dimensions are kept or reduced; each output is of @elements of
 * x. "Rows": the innermost dimension is reduced, so that an output's elements are
 * runs in memory. "Columns": it is kept, and @inner outputs lie side by side.
 *
 * A pass leaves @parts results per output, [outer, parts, inner]; if there are
 * more than one, the "parts" kernels put them together. On a CPU a part is
 * @part_elements consecutive elements; on a GPU it is every @parts-th one, so that
 * neighbouring work-items read neighbouring elements.
 */

/* Four dimensions, the innermost first: length, and distance between neighbours in x. */
#define KEPT int k0, int s0, int k1, int s1, int k2, int s2, int k3, int s3
#define REDUCED int r0, int t0, int r1, int t1, int r2, int t2, int r3, int t3
#define KEPT_VALUES k0, s0, k1, s1, k2, s2, k3, s3
#define REDUCED_VALUES r0, t0, r1, t1, r2, t2, r3, t3

/* Where in x the @at-th element, in row-major order, of four dimensions lies. */
static inline size_t
locate (uint at, int l0, int d0, int l1, int d1, int l2, int d2, int l3, int d3)
{
  size_t where;

  if (at < (uint) l0)
    return (size_t) at * d0;
  where = (size_t) (at % l0) * d0;
  at /= l0;
  if (at < (uint) l1)
    return where + (size_t) at * d1;
  where += (size_t) (at % l1) * d1;
  at /= l1;
  return where + (size_t) (at % l2) * d2 + (size_t) (at / l2 % l3) * d3;
}

#if KOL_SIMD
/* How many elements from the @at-th one on follow each other at the innermost distance. */
static inline uint
run_from (uint at, uint end, int l0)
{
  uint column = at < (uint) l0 ? at : at % l0;
  return min (l0 - column, end - at);
}
#endif

/* What all passes share, and which piece of the work is this work-item's. */
#define PASS \
  int outer, int outer_each, int inner, int columns_each, int column_items, int elements, \
      int parts, int part_elements, KEPT, REDUCED
#define PIECE \
  uint column_item = get_global_id (0) % column_items, rest = get_global_id (0) / column_items; \
  uint part = rest % parts; \
  size_t outer_begin = (size_t) (rest / parts) * outer_each; \
  size_t outer_end = min (outer_begin + outer_each, (size_t) outer); \
  int column_begin = column_item * columns_each; \
  int column_end = min (column_begin + columns_each, inner); \
  uint begin = part * part_elements, end = min (begin + part_elements, (uint) elements); \
  (void) column_end; /* for rows */ \
  (void) end         /* on a GPU */

/* ---- Sum, and what is like it ---- */

/*
 * y = FINISH of s, where s is the sum of ELEMENT over the elements of an output. Options, OpenCL C
 * in the type T:
 *   ELEMENT  in v, an element, and m: v if not given
 *   FINISH   in s, m and factor: factor*s if not given
 *   PRODUCT  1: the product rather than the sum
 *   SHIFTED  1: m is the output's number in @shift, 0 in place of an infinite one; else it is 0
 */
#ifndef ELEMENT
#define ELEMENT v
#endif
#ifndef FINISH
#define FINISH factor * s
#endif
#ifdef PRODUCT
#define JOIN(a, b) ((a) * (b))
#define NEUTRAL 1.0f
#else
#define JOIN(a, b) ((a) + (b))
#define NEUTRAL 0.0f
#endif

#if KOL_WIDTH > 1
#define T vec
static inline vec
element_vector (vec v, vec m)
{
  return ELEMENT;
}
static inline vec
finish_vector (vec s, vec m, float factor)
{
  return FINISH;
}
static inline vec
shift_vector (__global const float *shift)
{
#ifdef SHIFTED
  vec m = vec_load (shift);
  return isinf (m) ? (vec) (0.0f) : m;
#else
  return 0.0f;
#endif
}
#undef T
#endif

#define T float
static inline float
element_float (float v, float m)
{
  return ELEMENT;
}
static inline float
finish_float (float s, float m, float factor)
{
  return FINISH;
}
static inline float
shift_float (__global const float *shift)
{
#ifdef SHIFTED
  return isinf (*shift) ? 0.0f : *shift;
#else
  return 0.0f;
#endif
}
#undef T

/* Where output @i's number in @shift is; nowhere if there are none. */
static inline __global const float *
shift_at (__global const float *shift, size_t i)
{
#ifdef SHIFTED
  return shift + i;
#else
  return shift;
#endif
}

#define BLOCK 64 /* numbers that are summed before they go into a larger sum: less rounding */

#if KOL_SIMD
/* A vector's elements together, in a fixed order. */
static inline float
join_lanes (vec v)
{
#if KOL_WIDTH == 4
  float2 a = JOIN (v.lo, v.hi);
#elif KOL_WIDTH == 8
  float4 b = JOIN (v.lo, v.hi);
  float2 a = JOIN (b.lo, b.hi);
#else
  float8 c = JOIN (v.lo, v.hi);
  float4 b = JOIN (c.lo, c.hi);
  float2 a = JOIN (b.lo, b.hi);
#endif
  return JOIN (a.x, a.y);
}

/* The sum of @n numbers. */
static inline float
sum_run (__global const float *x, uint n, float m)
{
  vec total = NEUTRAL;
  float sum;
  uint i = 0;

  while (i + 4 * KOL_WIDTH <= n)
    {
      uint stop = i + min ((n - i) / (4 * KOL_WIDTH), (uint) BLOCK) * (4 * KOL_WIDTH);
      vec a = NEUTRAL, b = NEUTRAL, c = NEUTRAL, d = NEUTRAL;

      for (; i < stop; i += 4 * KOL_WIDTH)
        {
          a = JOIN (a, element_vector (vec_load (x + i), m));
          b = JOIN (b, element_vector (vec_load (x + i + KOL_WIDTH), m));
          c = JOIN (c, element_vector (vec_load (x + i + 2 * KOL_WIDTH), m));
          d = JOIN (d, element_vector (vec_load (x + i + 3 * KOL_WIDTH), m));
        }
      total = JOIN (total, JOIN (JOIN (a, b), JOIN (c, d)));
    }
  for (; i + KOL_WIDTH <= n; i += KOL_WIDTH)
    total = JOIN (total, element_vector (vec_load (x + i), m));
  sum = join_lanes (total);
  for (; i < n; i++)
    sum = JOIN (sum, element_float (x[i], m));
  return sum;
}
#endif

/* Rows. Where there are parts, FINISH comes after them. */
__kernel void
reduce_sum_rows (__global const float *restrict x, __global const float *restrict shift,
                 __global float *restrict y, float factor, PASS)
{
  PIECE;

  for (size_t o = outer_begin; o < outer_end; o++)
    {
      __global const float *row = x + locate (o, KEPT_VALUES);
      float m = shift_float (shift_at (shift, o)), sum = NEUTRAL;

#if KOL_SIMD
      for (uint at = begin, n; at < end; at += n)
        {
          n = run_from (at, end, r0);
          sum = JOIN (sum, sum_run (row + locate (at, REDUCED_VALUES), n, m));
        }
#else
      for (uint at = part; at < (uint) elements; at += parts)
        sum = JOIN (sum, element_float (row[locate (at, REDUCED_VALUES)], m));
#endif
      y[o * parts + part] = parts > 1 ? sum : finish_float (sum, m, factor);
    }
}

#if KOL_SIMD
/* Sums N neighbouring TYPEs over elements @begin .. @end. */
#define SUM_COLUMNS(NAME, TYPE, FOR_TYPE, WIDTH, N, LOAD, STORE) \
  static inline void NAME (__global const float *x, __global const float *shift, \
                           __global float *y, float factor, bool finish, uint begin, uint end, \
                           REDUCED) \
  { \
    TYPE total[N], m[N]; \
    for (int k = 0; k < N; k++) \
      { \
        total[k] = NEUTRAL; \
        m[k] = shift_##FOR_TYPE (shift_at (shift, k * WIDTH)); \
      } \
    for (uint at = begin, n; at < end; at += n) \
      { \
        __global const float *from = x + locate (at, REDUCED_VALUES); \
        TYPE sum[N]; \
        for (int k = 0; k < N; k++) \
          sum[k] = NEUTRAL; \
        n = min (run_from (at, end, r0), (uint) BLOCK); \
        for (uint i = 0; i < n; i++, from += t0) \
          for (int k = 0; k < N; k++) \
            sum[k] = JOIN (sum[k], element_##FOR_TYPE (LOAD (from + k * WIDTH), m[k])); \
        for (int k = 0; k < N; k++) \
          total[k] = JOIN (total[k], sum[k]); \
      } \
    for (int k = 0; k < N; k++) \
      STORE (finish ? finish_##FOR_TYPE (total[k], m[k], factor) : total[k], y + k * WIDTH); \
  }
#define LOAD_ONE(p) (*(p))
#define STORE_ONE(v, p) (*(p) = (v))
SUM_COLUMNS (sum_four_vectors, vec, vector, KOL_WIDTH, 4, vec_load, vec_store)
SUM_COLUMNS (sum_vector, vec, vector, KOL_WIDTH, 1, vec_load, vec_store)
SUM_COLUMNS (sum_one, float, float, 1, 1, LOAD_ONE, STORE_ONE)
#endif

/* Columns. Where there are parts, FINISH comes after them. */
__kernel void
reduce_sum_columns (__global const float *restrict x, __global const float *restrict shift,
                    __global float *restrict y, float factor, PASS)
{
  PIECE;

  for (size_t o = outer_begin; o < outer_end; o++)
    {
      __global const float *from = x + locate (o, KEPT_VALUES);
      __global const float *shifts = shift_at (shift, o * inner);
      __global float *to = y + (o * parts + part) * inner;
      bool finish = parts == 1;
      int c = column_begin;

#if KOL_SIMD
      for (; c + 4 * KOL_WIDTH <= column_end; c += 4 * KOL_WIDTH)
        sum_four_vectors (from + c, shift_at (shifts, c), to + c, factor, finish, begin, end,
                          REDUCED_VALUES);
      for (; c + KOL_WIDTH <= column_end; c += KOL_WIDTH)
        sum_vector (from + c, shift_at (shifts, c), to + c, factor, finish, begin, end,
                    REDUCED_VALUES);
      for (; c < column_end; c++)
        sum_one (from + c, shift_at (shifts, c), to + c, factor, finish, begin, end,
                 REDUCED_VALUES);
#else
      float m = shift_float (shift_at (shifts, c)), sum = NEUTRAL;

      for (uint at = part; at < (uint) elements; at += parts)
        sum = JOIN (sum, element_float (from[c + locate (at, REDUCED_VALUES)], m));
      to[c] = finish ? finish_float (sum, m, factor) : sum;
#endif
    }
}

/* y[o, c] = FINISH of the sum over p of sums[o, p, c]. */
__kernel void
reduce_sum_parts (__global const float *restrict sums, __global const float *restrict shift,
                  __global float *restrict y, float factor, int outputs, int inner, int parts,
                  int strip)
{
  size_t begin = get_global_id (0) * strip, end = min (begin + strip, (size_t) outputs);

  for (size_t i = begin; i < end; i++)
    {
      __global const float *from = sums + i / inner * parts * inner + i % inner;
      float sum = NEUTRAL;

      for (int p = 0; p < parts; p++)
        sum = JOIN (sum, from[(size_t) p * inner]);
      y[i] = finish_float (sum, shift_float (shift_at (shift, i)), factor);
    }
}

/* ---- Max: the value, and the index of the first of equals; a NaN comes before all ---- */

/* The option LEAST: the smallest is looked for. */
#ifdef LEAST
#define BEYOND(a, b) ((a) < (b))
#define WORST INFINITY
#else
#define BEYOND(a, b) ((a) > (b))
#define WORST (-INFINITY)
#endif

/* Whether @v at @i goes before @best at @where. */
static inline bool
goes_before (float v, int i, float best, int where)
{
  if (isnan (best))
    return isnan (v) && i < where;
  return BEYOND (v, best) || isnan (v) || (v == best && i < where);
}

#if KOL_WIDTH == 4
#define LANES ((ivec) (0, 1, 2, 3))
#elif KOL_WIDTH == 8
#define LANES ((ivec) (0, 1, 2, 3, 4, 5, 6, 7))
#elif KOL_WIDTH == 16
#define LANES ((ivec) (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#else
#define LANES 0
#endif

/* Takes @v at @i into TYPEs @best and @where, by lanes; @i goes up from call to call. */
#define TAKE_LATER(v, i, best, where) \
  { \
    ivec later = BEYOND (v, best) | (((v) != (v)) & (best == best)); \
    best = later ? (v) : best; \
    where = later ? (i) : where; \
  }

/* Writes what was found; either array may be missing. */
static inline void
put (__global float *values, __global float *indices, size_t at, float best, int where)
{
  if (values)
    values[at] = best;
  if (indices)
    indices[at] = where;
}

#if KOL_SIMD
/* The largest of elements @begin .. @end of a row. */
static inline void
max_of_row (__global const float *x, uint begin, uint end, float *best, int *where, REDUCED)
{
  vec lane_best = WORST;
  ivec lane_where = (int) begin;
  float bests[KOL_WIDTH];
  int wheres[KOL_WIDTH];

  for (uint at = begin, n; at < end; at += n)
    {
      __global const float *run = x + locate (at, REDUCED_VALUES);
      uint i = 0;

      n = run_from (at, end, r0);
      for (; i + KOL_WIDTH <= n; i += KOL_WIDTH)
        {
          vec v = vec_load (run + i);
          TAKE_LATER (v, LANES + (int) (at + i), lane_best, lane_where);
        }
      for (; i < n; i++)
        if (goes_before (run[i], at + i, *best, *where))
          {
            *best = run[i];
            *where = at + i;
          }
    }
  vec_store (lane_best, bests);
  vec_store (lane_where, wheres);
  for (int k = 0; k < KOL_WIDTH; k++)
    if (goes_before (bests[k], wheres[k], *best, *where))
      {
        *best = bests[k];
        *where = wheres[k];
      }
}
#endif

/*
 * Value and index of the largest. Rows. Either array may be missing; indices
 * begin at @offset, so that the parts' results can share a buffer.
 */
__kernel void
reduce_max_rows (__global const float *restrict x, __global float *values, __global float *indices,
                 int offset, PASS)
{
  PIECE;

  for (size_t o = outer_begin; o < outer_end; o++)
    {
      __global const float *row = x + locate (o, KEPT_VALUES);
      float best = WORST;
#if KOL_SIMD
      int where = begin;

      max_of_row (row, begin, end, &best, &where, REDUCED_VALUES);
#else
      int where = part;

      for (uint at = part; at < (uint) elements; at += parts)
        {
          float v = row[locate (at, REDUCED_VALUES)];
          TAKE_LATER (v, (int) at, best, where);
        }
#endif
      put (values, indices ? indices + offset : 0, o * parts + part, best, where);
    }
}

/* Value and index of the largest. Columns. */
__kernel void
reduce_max_columns (__global const float *restrict x, __global float *values,
                    __global float *indices, int offset, PASS)
{
  PIECE;

  for (size_t o = outer_begin; o < outer_end; o++)
    {
      __global const float *from = x + locate (o, KEPT_VALUES);
      size_t to = (o * parts + part) * inner;
      int c = column_begin;

#if KOL_SIMD
      uint first = begin, stop = end, step = 1;

      for (; c + KOL_WIDTH <= column_end; c += KOL_WIDTH)
        {
          vec best = WORST;
          ivec where = (int) begin;

          for (uint at = begin, n; at < end; at += n)
            {
              __global const float *run = from + c + locate (at, REDUCED_VALUES);

              n = run_from (at, end, r0);
              for (uint i = 0; i < n; i++, run += t0)
                {
                  vec v = vec_load (run);
                  TAKE_LATER (v, (ivec) ((int) (at + i)), best, where);
                }
            }
          if (values)
            vec_store (best, values + to + c);
          if (indices)
            vec_store (convert_vec (where), indices + offset + to + c);
        }
#else
      uint first = part, stop = elements, step = parts;
#endif
      for (; c < column_end; c++)
        {
          float best = WORST;
          int where = first;

          for (uint at = first; at < stop; at += step)
            {
              float v = from[c + locate (at, REDUCED_VALUES)];

              if (goes_before (v, at, best, where))
                {
                  best = v;
                  where = at;
                }
            }
          put (values, indices ? indices + offset : 0, to + c, best, where);
        }
    }
}

/* The largest of each output's parts: @found has values [outer, parts, inner], then indices. */
__kernel void
reduce_max_parts (__global const float *restrict found, __global float *values,
                  __global float *indices, int outputs, int inner, int parts, int strip)
{
  size_t begin = get_global_id (0) * strip, end = min (begin + strip, (size_t) outputs);

  for (size_t i = begin; i < end; i++)
    {
      size_t from = i / inner * parts * inner + i % inner;
      float best = found[from];
      int where = found[from + (size_t) outputs * parts];

      for (int p = 1; p < parts; p++)
        {
          float v = found[from + (size_t) p * inner];
          int index = found[from + (size_t) p * inner + (size_t) outputs * parts];

          if (goes_before (v, index, best, where))
            {
              best = v;
              where = index;
            }
        }
      put (values, indices, i, best, where);
    }
}

/* ---- The gradient of max ---- */

/* x = 0. */
__kernel void
reduce_clear (__global float *restrict x, uint count, uint strip)
{
  size_t i = get_global_id (0) * strip, end = min (i + strip, (size_t) count);

#if KOL_WIDTH > 1
  for (; i + KOL_WIDTH <= end; i += KOL_WIDTH)
    vec_store ((vec) (0.0f), x + i);
#endif
  for (; i < end; i++)
    x[i] = 0.0f;
}

/* dx = dy at each output's index; dx is 0 before. */
__kernel void
reduce_max_scatter (__global const float *restrict dy, __global const float *restrict index,
                    __global float *restrict dx, int outputs, int strip, KEPT, REDUCED)
{
  size_t begin = get_global_id (0) * strip, end = min (begin + strip, (size_t) outputs);

  for (size_t o = begin; o < end; o++)
    dx[locate (o, KEPT_VALUES) + locate ((uint) index[o], REDUCED_VALUES)] = dy[o];
}

/* y = x at each output's index. */
__kernel void
reduce_max_pick (__global const float *restrict x, __global const float *restrict index,
                 __global float *restrict y, int outputs, int strip, KEPT, REDUCED)
{
  size_t begin = get_global_id (0) * strip, end = min (begin + strip, (size_t) outputs);

  for (size_t o = begin; o < end; o++)
    y[o] = x[locate (o, KEPT_VALUES) + locate ((uint) index[o], REDUCED_VALUES)];
}
