/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#ifndef TEST_SCALE
#define TEST_SCALE 1.0f
#endif

/* out[i] = value * TEST_SCALE for i < n */
__kernel void
test_fill (__global float *out, const uint n, const float value)
{
  const size_t i = get_global_id (0);

  if (i < n)
    out[i] = value * TEST_SCALE;
}

/* out[i] = in[i], or -1 where there is no in */
__kernel void
test_optional (__global float *out, __global const float *in, const int n)
{
  const int i = (int) get_global_id (0);

  if (i < n)
    out[i] = in ? in[i] : -1.0f;
}

/* out[i] = value, after @steps steps of a generator, which take time */
__kernel void
test_slow_fill (__global float *out, const uint n, const float value, const uint steps)
{
  const uint i = (uint) get_global_id (0);
  uint state = i;

  for (uint step = 0; step < steps; step++)
    state = (state ^ (state >> 7)) * 1664525u + 1013904223u + step;
  if (i < n)
    out[i] = state == 0xffffffffu ? value + 0.5f : value;
}

/* Sums of groups through local memory: out[group] = sum of the group's ids */
__kernel void
test_local (__global float *out, __local float *shared)
{
  const uint i = (uint) get_local_id (0);

  shared[i] = (float) get_global_id (0);
  barrier (CLK_LOCAL_MEM_FENCE);
  if (i == 0)
    {
      float sum = 0.0f;
      for (uint j = 0; j < get_local_size (0); j++)
        sum += shared[j];
      out[get_group_id (0)] = sum;
    }
}

/* out = KOL_WIDTH, KOL_SIMD: what the device says of itself */
__kernel void
test_options (__global int *out)
{
  if (get_global_id (0) == 0)
    {
      out[0] = KOL_WIDTH;
      out[1] = KOL_SIMD;
    }
}

/* out[y * width + x] = the sizes' own check: 1 where the work-item is inside */
__kernel void
test_plane (__global float *out, const int width, const int height)
{
  const int x = (int) get_global_id (0), y = (int) get_global_id (1);

  if (x < width && y < height)
    out[y * width + x] = (float) (get_global_size (0) * 1000 + get_global_size (1));
}
