/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Softmax and its logarithm along an axis of x [outer, length, inner].
 *   LOG      1: the logarithm
 *   GROUP    rows (inner is 1): work-items that share a row; 1 where one is a SIMD thread
 *   COLUMNS  columns: how many a work-item takes side by side, 1 on a GPU
 * A NaN is left out of the largest, and makes the sum NaN. Where all is -infinity, x minus the
 * largest is NaN.
 */

/* ── Rows ──────────────────────────────────────────────────────────────────────────────────── */

/* An item's vectors of a row. Only a SIMD thread has a rest, of less than a vector. */
#define FOR_VECTORS(i) \
  for (int i = get_local_id (0) * KOL_WIDTH; i + KOL_WIDTH <= length; i += GROUP * KOL_WIDTH)
#define FOR_REST(i) for (int i = length / KOL_WIDTH * KOL_WIDTH; i < length; i++)
#define FOR_ROWS(row) \
  for (int row = get_group_id (0) * strip; row < min ((int) (get_group_id (0) + 1) * strip, rows); \
       row++)

#if LOG
#define FINAL(x, largest, factor) ((x) - (largest) - (factor))
#else
#define FINAL(x, largest, factor) (exp ((x) - (largest)) * (factor))
#endif

/* y = e^x / sum e^x, or its logarithm. */
__kernel void
softmax_rows (__global const float *restrict x, __global float *restrict y, int rows, int length,
              int strip)
{
  __local float memory[GROUP];

  FOR_ROWS (row)
    {
      __global const float *from = x + (size_t) row * length;
      __global float *to = y + (size_t) row * length;
      vec highest = -INFINITY, total = 0.0f;
      float largest = -INFINITY, sum = 0.0f, factor;

      FOR_VECTORS (i)
        highest = fmax (highest, vec_load (from + i));
      FOR_REST (i)
        largest = fmax (largest, from[i]);
      largest = group_max (fmax (vec_max (highest), largest), memory);
      FOR_VECTORS (i)
        total += exp (vec_load (from + i) - largest);
      FOR_REST (i)
        sum += exp (from[i] - largest);
      sum = group_sum (vec_sum (total) + sum, memory);
      factor = LOG ? log (sum) : 1.0f / sum;
      FOR_VECTORS (i)
        vec_store (FINAL (vec_load (from + i), largest, factor), to + i);
      FOR_REST (i)
        to[i] = FINAL (from[i], largest, factor);
    }
}

/* softmax: dx = y (dy - sum dy y);  logarithm: dx = dy - e^y sum dy. */
#if LOG
#define TERM(dy, y) (dy)
#define SLOPE(dy, y, sum) ((dy) - exp (y) * (sum))
#else
#define TERM(dy, y) ((dy) * (y))
#define SLOPE(dy, y, sum) ((y) * ((dy) - (sum)))
#endif

__kernel void
softmax_gradient_rows (__global const float *restrict dy, __global const float *restrict y,
                       __global float *restrict dx, int rows, int length, int strip)
{
  __local float memory[GROUP];

  FOR_ROWS (row)
    {
      const size_t begin = (size_t) row * length;
      __global const float *g = dy + begin, *of = y + begin;
      __global float *to = dx + begin;
      vec total = 0.0f;
      float sum = 0.0f;

      FOR_VECTORS (i)
        total += TERM (vec_load (g + i), vec_load (of + i));
      FOR_REST (i)
        sum += TERM (g[i], of[i]);
      sum = group_sum (vec_sum (total) + sum, memory);
      FOR_VECTORS (i)
        vec_store (SLOPE (vec_load (g + i), vec_load (of + i), sum), to + i);
      FOR_REST (i)
        to[i] = SLOPE (g[i], of[i], sum);
    }
}

/* ── Columns ───────────────────────────────────────────────────────────────────────────────── */

/* Blocks of neighbouring columns c .. c + n - 1: block `b` of all outer * blocks. */
#define FOR_BLOCKS \
  for (int b = get_global_id (0) * strip, c, n; \
       b < min ((int) (get_global_id (0) + 1) * strip, outer * blocks) \
       && (c = b % blocks * COLUMNS, n = min (inner - c, COLUMNS)) > 0; \
       b++)

/* STEP (TYPE, LOAD, STORE, at, k) for the block's columns k, at every position of the axis. */
#define LOAD_ONE(p) (*(p))
#define STORE_ONE(v, p) (*(p) = (v))
#define WALK(STEP) \
  for (int l = 0; l < length; l++) \
    { \
      const size_t at = ((size_t) (b / blocks) * length + l) * inner + c; \
      int k = 0; \
      for (; k + KOL_WIDTH <= n; k += KOL_WIDTH) \
        STEP (vec, vec_load, vec_store, at + k, k) \
      for (; k < n; k++) \
        STEP (float, LOAD_ONE, STORE_ONE, at + k, k) \
    }

__kernel void
softmax_columns (__global const float *restrict x, __global float *restrict y, int outer,
                 int length, int inner, int blocks, int strip)
{
  FOR_BLOCKS
    {
      float largest[COLUMNS], factor[COLUMNS];

      for (int k = 0; k < n; k++)
        {
          largest[k] = -INFINITY;
          factor[k] = 0.0f;
        }
#define STEP(TYPE, LOAD, STORE, at, k) \
  STORE (fmax (LOAD (largest + k), LOAD (x + (at))), largest + k);
      WALK (STEP)
#undef STEP
#define STEP(TYPE, LOAD, STORE, at, k) \
  STORE (LOAD (factor + k) + exp (LOAD (x + (at)) - LOAD (largest + k)), factor + k);
      WALK (STEP)
#undef STEP
      for (int k = 0; k < n; k++)
        factor[k] = LOG ? log (factor[k]) : 1.0f / factor[k];
#define STEP(TYPE, LOAD, STORE, at, k) \
  STORE (FINAL (LOAD (x + (at)), LOAD (largest + k), LOAD (factor + k)), y + (at));
      WALK (STEP)
#undef STEP
    }
}

__kernel void
softmax_gradient_columns (__global const float *restrict dy, __global const float *restrict y,
                          __global float *restrict dx, int outer, int length, int inner,
                          int blocks, int strip)
{
  FOR_BLOCKS
    {
      float sum[COLUMNS];

      for (int k = 0; k < n; k++)
        sum[k] = 0.0f;
#define STEP(TYPE, LOAD, STORE, at, k) \
  STORE (LOAD (sum + k) + TERM (LOAD (dy + (at)), LOAD (y + (at))), sum + k);
      WALK (STEP)
#undef STEP
#define STEP(TYPE, LOAD, STORE, at, k) \
  STORE (SLOPE (LOAD (dy + (at)), LOAD (y + (at)), LOAD (sum + k)), dx + (at));
      WALK (STEP)
#undef STEP
    }
}
