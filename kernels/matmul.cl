/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y[m, n] = sum_k a[m, k] b[k, n], one work-item per element of y: the referee, and what every
 * device can run. Neighbouring work-items have neighbouring columns.
 */

/* Global size: columns, rows, batch. A side that is not batched serves every batch entry. */
__kernel void
matmul_forward (__global const float *restrict a, __global const float *restrict b,
                __global float *restrict y, int rows, int columns, int inner, int transpose_a,
                int transpose_b, int batched_a, int batched_b)
{
  int n = get_global_id (0), m = get_global_id (1);
  size_t batch = get_global_id (2);
  if (n >= columns || m >= rows)
    return;

  __global const float *from_a = a + (batched_a ? batch * rows * inner : 0);
  __global const float *from_b = b + (batched_b ? batch * inner * columns : 0);
  size_t step_a = transpose_a ? rows : 1, step_b = transpose_b ? 1 : columns;
  from_a += transpose_a ? (size_t) m : (size_t) m * inner;
  from_b += transpose_b ? (size_t) n * inner : (size_t) n;

  float sum = 0;
  for (int k = 0; k < inner; k++, from_a += step_a, from_b += step_b)
    sum = fma (*from_a, *from_b, sum);
  y[(batch * rows + m) * columns + n] = sum;
}
