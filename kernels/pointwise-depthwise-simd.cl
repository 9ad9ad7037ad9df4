/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The two convolutions of pointwise-depthwise.cl, of pictures whose channels come in blocks; see
 * blocks.cl. What is between them, often six times as much as x, is never written to memory: an item
 * has VECTORS blocks of filters and goes down the picture, and of z it keeps in local memory the R
 * rows that the next row of y needs; or all of it, where it is small.
 *
 * Options besides those of blocks.cl:
 *   R, S, STRIDE_H, STRIDE_W   of the second convolution
 *   BETWEEN, BIAS              as in pointwise-depthwise.cl
 *   VECTORS    blocks of filters of an item
 *   WIDE       places of a row of z that are computed together, for all of these blocks
 *   TILE       places of a row of y that are, for one
 *   COLUMNS    places of the rows that are kept, zeros at the picture's edges included
 *   ROWS       how many rows are kept: R, or all that there are, with WHOLE
 */

#define RUN TILE
#include "blocks.cl"

#define LINE (COLUMNS * B) /* floats of a row that is kept */
#define RING (ROWS * LINE) /* and of a block's rows: row h is line h % ROWS */

#define T vec
inline vec
between (vec a)
{
#pragma OPENCL FP_CONTRACT OFF
  return BETWEEN;
}
#undef T

/* WIDE places of z to the ring, from number @place of the picture on, which is to be at `at`: of a
 * row, or with WHOLE of as many as there are. @plane places of a channel, @W of a row. The weights of a
 * block are `apart` behind those of the one before; what lies `ahead` of each of the first block's,
 * unless that is 0, is asked for. */
inline void
compute_places (__global const float *x, __global const float *w, int ahead, const vec *shift,
                int channels, int plane, int W, int place, __local float *ring, int at)
{
  const size_t apart = (size_t) channels * B;
  vec sum[WIDE][VECTORS];

  #pragma unroll
  for (int t = 0; t < WIDE; t++)
    #pragma unroll
    for (int v = 0; v < VECTORS; v++)
      sum[t][v] = (vec) (0);
  for (int from = 0; from < channels; from += B)
    {
      __global const float *in = x + ((size_t) from * plane + (size_t) place * B);
      const int present = min (B, channels - from);
      #pragma unroll 2
      for (int c = 0; c < present; c++, w += B)
        {
          vec weight[VECTORS];
          if (ahead)
            read_soon (w + ahead);
          #pragma unroll
          for (int v = 0; v < VECTORS; v++)
            weight[v] = vec_load (w + v * apart);
          #pragma unroll
          for (int t = 0; t < WIDE; t++)
            #pragma unroll
            for (int v = 0; v < VECTORS; v++)
              sum[t][v] = fma ((vec) (in[t * B + c]), weight[v], sum[t][v]);
        }
    }
#ifdef WHOLE
  int column = place % W;
  at += (place / W * COLUMNS + column) * B;
#endif
  #pragma unroll
  for (int t = 0; t < WIDE; t++, at += B)
    {
#ifdef WHOLE
      if (t > 0 && ++column == W)
        {
          column = 0;
          at += (COLUMNS - W) * B;
        }
#endif
      #pragma unroll
      for (int v = 0; v < VECTORS; v++)
        vec_store (between (sum[t][v] + shift[v]), ring + v * RING + at);
    }
}

/* sum[t] = @rows rows of taps, of which the first is over `line` of the ring, for TILE places. */
inline void
sum_taps (__local const float *ring, int line, int at, __global const float *w, int rows, vec *sum)
{
  vec here[TILE];

  #pragma unroll
  for (int t = 0; t < TILE; t++)
    here[t] = (vec) (0);
  for (int r = 0; r < rows; r++, w += S * B)
    {
      __local const float *in = ring + line * LINE + at;
      #pragma unroll
      for (int s = 0; s < S; s++)
        {
          const vec weight = vec_load (w + s * B);
          #pragma unroll
          for (int t = 0; t < TILE; t++)
            here[t] = fma (weight, vec_load (in + (t * STRIDE_W + s) * B), here[t]);
        }
      line = line + 1 < ROWS ? line + 1 : 0;
    }
  #pragma unroll
  for (int t = 0; t < TILE; t++)
    sum[t] = here[t];
}

/*
 * A work-item has `each` rows of y, and of the `tiles` tiles of filters `tiles_each`, in `strips` of as
 * many columns as leave room for the rows of z below. Global size: parts of the rows, parts of the
 * tiles, pictures.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
pointwise_depthwise_blocked (__global const float *restrict x, __global const float *restrict v,
                             __global const float *restrict w, __global const float *restrict b,
                             __global float *restrict y, __global const float *restrict bias,
                             __global const float *restrict residual, int v_at, int w_at,
                             int channels, int filters, int H, int W, int P, int Q, int top,
                             int left, int each, int strips, int tiles, int tiles_each)
{
  __local float ring[VECTORS * RING];
  const int begin = get_global_id (0) * each, end = min (P, begin + each);
  const int picture = get_global_id (2), first_tile = get_global_id (1) * tiles_each;
  const int own = min (tiles - first_tile, tiles_each);
  const int blocks = (filters + B - 1) / B, across = (Q + strips - 1) / strips;

  x += (size_t) picture * ((channels + B - 1) / B) * H * W * B;
  for (int n = 0; n < strips * own; n++)
    {
      /* The last strip goes over some of the columns before it again, if it must. */
      const int q0 = min (n / own * across, Q - across), w0 = q0 * STRIDE_W - left;
      const int from = max (w0, 0), to = min (W, w0 + COLUMNS);
      const int first = (first_tile + n % own) * VECTORS;
      __global const float *weights = v + v_at + (size_t) first * channels * B;
      vec shift[VECTORS];

      for (int k = 0; k < VECTORS; k++)
        {
          shift[k] = (vec) (0);
#ifdef BIAS
          shift[k] = load_some (b + (first + k) * B, filters - (first + k) * B);
#endif
        }
      /* What is outside of the picture stays 0 for all tiles. */
      for (int i = 0; n % own == 0 && i < VECTORS * RING; i += B)
        vec_store ((vec) (0), ring + i);
#ifdef WHOLE
      const int place = max (begin * STRIDE_H - top, 0) * W;
      const int behind = min (H, (end - 1) * STRIDE_H - top + R) * W;
      for (int i = place, turn = 0; i < behind; i += WIDE, turn++)
        {
          /* The first ones ask for a block each of the next tile's weights. */
          const bool asks = turn < VECTORS && first + 2 * VECTORS <= blocks;
          compute_places (x, weights, asks ? (VECTORS + turn) * channels * B : 0, shift, channels,
                          H * W, W, min (i, behind - WIDE), ring, left * B);
        }
#endif
      for (int p = begin, ready = 0; p < end; p++)
        {
          const int h0 = p * STRIDE_H - top, top_row = max (h0, 0), last_row = min (H, h0 + R);

#ifndef WHOLE
          for (ready = max (ready, top_row); ready < last_row; ready++)
            for (int i = from; i < to; i += WIDE)
              {
                const int column = min (i, to - WIDE);
                compute_places (x, weights, 0, shift, channels, H * W, W, ready * W + column, ring,
                                ready % ROWS * LINE + (column - w0) * B);
              }
#endif

          for (int k = 0; k < VECTORS; k++)
            for (int i = 0; i < across; i += TILE)
              {
                const int q = min (i, across - TILE);
                const size_t at
                    = ((((size_t) picture * blocks + first + k) * P + p) * Q + q0 + q) * B;
                vec sum[TILE];

                sum_taps (ring + k * RING, top_row % ROWS, q * STRIDE_W * B,
                          w + w_at + ((first + k) * R + top_row - h0) * S * B, last_row - top_row,
                          sum);
                #pragma unroll
                for (int t = 0; t < TILE; t++)
                  vec_store (finish (sum[t], bias, residual, first + k, filters, at + t * B),
                             y + at + t * B);
              }
        }
    }
}
