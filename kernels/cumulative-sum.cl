/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Cumulative sums along an axis of x [outer, length, inner]. A work-item takes blocks of
 * neighbouring columns: COLUMNS of them on a SIMD thread, one on a GPU.
 */

#define RUN 64 /* numbers that are summed before they go into a larger sum: less rounding */

#define LOAD_ONE(p) (*(p))
#define STORE_ONE(v, p) (*(p) = (v))
#define EACH_COLUMN(STEP) \
  { \
    int k = 0; \
    for (; k + KOL_WIDTH <= n; k += KOL_WIDTH) \
      STEP (vec, vec_load, vec_store) \
    for (; k < n; k++) \
      STEP (float, LOAD_ONE, STORE_ONE) \
  }

/* y[l] = sum of x[0 .. l], without x[l] if @exclusive; from the other end if @reverse. */
__kernel void
cumulative_sum_forward (__global const float *restrict x, __global float *restrict y, int outer,
                        int length, int inner, int blocks, int strip, int exclusive, int reverse)
{
  const int end = min ((int) (get_global_id (0) + 1) * strip, outer * blocks);

  for (int b = get_global_id (0) * strip; b < end; b++)
    {
      const int c = b % blocks * COLUMNS, n = min (inner - c, COLUMNS);
      float before[COLUMNS], run[COLUMNS]; /* the sum of the runs before this one; of this one */

      for (int k = 0; k < n; k++)
        before[k] = run[k] = 0.0f;
      for (int l = 0; l < length; l++)
        {
          const int position = reverse ? length - 1 - l : l;
          const size_t at = ((size_t) (b / blocks) * length + position) * inner + c;

#define END_RUN(TYPE, LOAD, STORE) \
  { \
    STORE (LOAD (before + k) + LOAD (run + k), before + k); \
    STORE ((TYPE) (0.0f), run + k); \
  }
#define STEP(TYPE, LOAD, STORE) \
  { \
    TYPE old = LOAD (run + k), sum = old + LOAD (x + at + k); \
    STORE (LOAD (before + k) + (exclusive ? old : sum), y + at + k); \
    STORE (sum, run + k); \
  }
          if (l % RUN == 0)
            EACH_COLUMN (END_RUN)
          EACH_COLUMN (STEP)
        }
    }
}
