/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y[m, n] = sum_k a[m, k] b[k, n] for devices whose work-items are lanes (GPUs); tile-simt.cl says
 * how. Where there are too few tiles to keep a device busy, k is cut into slices, whose sums a second
 * kernel adds up.
 *
 * Options, beside those of tile-simt.cl:
 *   TRANSPOSE_A, TRANSPOSE_B   0 or 1: a is stored as [K, M], b as [N, K]
 *   VECTOR                     4 where the stored rows of both sides are multiples of 4 long, else 1
 *   EPILOGUE_BIAS, EPILOGUE_RESIDUAL, EPILOGUE_EXPRESSION   where present: y + bias[n], then
 *                              + residual[m, n], then the expression in `a` and the type T
 */

/* What is computed last: @at is the place in y, @column that in its row. */
inline float
finish (float value, __global const float *bias, __global const float *residual, size_t at,
        int column)
{
#ifdef EPILOGUE_BIAS
  value += bias[column];
#endif
#ifdef EPILOGUE_RESIDUAL
  value += residual[at];
#endif
  return epilogue_float (value);
}

#ifdef TILE_M

#define VECTOR_A VECTOR
#define VECTOR_B VECTOR
#define ALONG_A (!TRANSPOSE_A)
#define ALONG_B TRANSPOSE_B

typedef struct {
  __global const float *a, *b; /* of this entry of the batch */
  int rows, columns, inner;
  int first_row, first_column; /* of the tile */
} Sides;

inline void
fetch_a (const Sides *sides, int k, int line, float *to)
{
  const int m = sides->first_row + line;
  const bool inside = m < sides->rows && k < sides->inner;
  __global const float *from = sides->a
                               + (TRANSPOSE_A ? (size_t) k * sides->rows + m
                                              : (size_t) m * sides->inner + k);
#if VECTOR == 4
  vstore4 (inside ? *(__global const float4 *) from : (float4) (0), 0, to);
#else
  *to = inside ? *from : 0;
#endif
}

inline void
fetch_b (const Sides *sides, int k, int line, float *to)
{
  const int n = sides->first_column + line;
  const bool inside = n < sides->columns && k < sides->inner;
  __global const float *from = sides->b
                               + (TRANSPOSE_B ? (size_t) n * sides->inner + k
                                              : (size_t) k * sides->columns + n);
#if VECTOR == 4
  vstore4 (inside ? *(__global const float4 *) from : (float4) (0), 0, to);
#else
  *to = inside ? *from : 0;
#endif
}

#include "tile-simt.cl"

/*
 * One tile of one slice of k of one entry of the batch. A side that is not batched serves every
 * entry; a and b begin at a_at and b_at; y is [slice][entry][m][n]. Groups: slices x entries x tiles along m x tiles along n.
 */
__kernel __attribute__ ((reqd_work_group_size (ITEMS_N, ITEMS_M, 1))) void
matmul_simt_tiles (__global const float *restrict a, __global const float *restrict b,
                   __global float *restrict y, __global const float *restrict bias,
                   __global const float *restrict residual, int rows, int columns, int inner,
                   int batch, int batched_a, int batched_b, int a_at, int b_at, int slice)
{
  __local float4 piece_a[2 * DEPTH * PITCH_A], piece_b[2 * DEPTH * PITCH_B];
  float sum[WORK_M][WORK_N];

  const int across = (columns + TILE_N - 1) / TILE_N, down = (rows + TILE_M - 1) / TILE_M;
  const int tile = get_group_id (0) % ((size_t) across * down);
  const size_t product = get_group_id (0) / ((size_t) across * down);
  const int entry = product % batch, first = product / batch * slice;
  const size_t y_at = product * rows * columns;
  const Sides sides = { .a = a + a_at + (batched_a ? (size_t) entry * rows * inner : 0),
                        .b = b + b_at + (batched_b ? (size_t) entry * inner * columns : 0),
                        .rows = rows,
                        .columns = columns,
                        .inner = inner,
                        .first_row = tile / across * TILE_M,
                        .first_column = tile % across * TILE_N };
  multiply_tile (&sides, first, min (inner, first + slice), piece_a, piece_b, sum);

  #pragma unroll
  for (int i = 0; i < WORK_M; i++)
    #pragma unroll
    for (int j = 0; j < WORK_N; j++)
      {
        const int row = sides.first_row + row_of_sum (i);
        const int column = sides.first_column + column_of_sum (j);
        const size_t at = y_at + (size_t) row * columns + column;
        if (row < rows && column < columns)
          y[at] = finish (sum[i][j], bias, residual, at, column);
      }
}

#else

/* y[i] = the sum of partial[slice][i] in the order of the slices. Global size: elements of y. */
__kernel void
matmul_simt_total (__global const float *restrict partial, __global float *restrict y,
                   __global const float *restrict bias, __global const float *restrict residual,
                   int elements, int columns, int slices)
{
  const int i = get_global_id (0);
  if (i >= elements)
    return;
  float sum = 0;
  for (int slice = 0; slice < slices; slice++)
    sum += partial[(size_t) slice * elements + i];
  y[i] = finish (sum, bias, residual, i, i % columns);
}

#endif
