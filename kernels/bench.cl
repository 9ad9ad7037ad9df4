/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
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
