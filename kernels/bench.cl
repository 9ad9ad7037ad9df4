/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * What a device can do at most; see src/tools/bench-peak.c and bench-bandwidth.c.
 *
 * The most multiplications and additions that the device can do: chains
 *
 *   s <- factor s + offset
 *
 * that stay in registers and do not wait for each other. With factor = offset = 1/2 every chain
 * runs into 1 exactly, so that a work-item's result is the number of its chains' elements: a
 * device that computes less, or something else, is found out.
 *
 * Options: CHAINS, how many vectors a work-item has in flight; LANES, floats of one (1, 4, 8, 16).
 */

#if LANES == 1
typedef float lanes;
#else
typedef KOL_JOIN (float, LANES) lanes;
#endif

/* Steps of every chain between two tests of the loop's counter. */
#define STEPS 8

/* result [work-items] */
__kernel void
bench_peak (__global float *restrict result, int rounds, float factor, float offset)
{
  int item = (int) get_global_id (0);
  lanes f = (lanes) factor, o = (lanes) offset;
  lanes sum[CHAINS];

#pragma unroll
  for (int c = 0; c < CHAINS; c++)
    sum[c] = (lanes) (float) (item + c);

  for (int round = 0; round < rounds; round++)
#pragma unroll
    for (int step = 0; step < STEPS; step++)
#pragma unroll
      for (int c = 0; c < CHAINS; c++)
        sum[c] = fma (sum[c], f, o);

  float total = 0;
#pragma unroll
  for (int c = 0; c < CHAINS; c++)
    {
      float element[LANES];
#if LANES == 1
      element[0] = sum[c];
#else
      KOL_JOIN (vstore, LANES) (sum[c], 0, element);
#endif
      for (int l = 0; l < LANES; l++)
        total += element[l];
    }
  result[item] = total;
}

/*
 * How fast memory is: y <- x, and sum x, over @count floats. On a CPU a work-item walks a strip of
 * @strip floats, on a GPU it takes one float in so many as there are items. Both numbers are
 * multiples of 64, four of the widest vectors.
 */
#if KOL_SIMD
#define BEGIN ((size_t) get_global_id (0) * strip)
#define END min (BEGIN + strip, (size_t) count)
#define STRIDE (4 * KOL_WIDTH)
#else
#define BEGIN get_global_id (0)
#define END ((size_t) count)
#define STRIDE get_global_size (0)
#endif

/* x, y [count] */
__kernel void
bench_copy (__global const float *restrict x, __global float *restrict y, int count, int strip)
{
  for (size_t i = BEGIN; i < END; i += STRIDE)
#if KOL_SIMD
#pragma unroll
    for (int k = 0; k < 4; k++)
      vec_store (vec_load (x + i + k * KOL_WIDTH), y + i + k * KOL_WIDTH);
#else
    y[i] = x[i];
#endif
}

/* x [count], sums [work-items] */
__kernel void
bench_sum (__global const float *restrict x, __global float *restrict sums, int count, int strip)
{
#if KOL_SIMD
  vec sum[4] = { 0, 0, 0, 0 };

  for (size_t i = BEGIN; i < END; i += STRIDE)
#pragma unroll
    for (int k = 0; k < 4; k++)
      sum[k] += vec_load (x + i + k * KOL_WIDTH);
  sums[get_global_id (0)] = vec_sum ((sum[0] + sum[1]) + (sum[2] + sum[3]));
#else
  float sum = 0;

  for (size_t i = BEGIN; i < END; i += STRIDE)
    sum += x[i];
  sums[get_global_id (0)] = sum;
#endif
}
