/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * conv2d and its gradients for devices whose work-items are lanes (GPUs), as products in tiles;
 * tile-simt.cl says how. The matrix of pixels is never made: an item works out which pixel is in its
 * place when it loads it. After Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014.
 *
 * Options, beside those of tile-simt.cl:
 *   GRADIENT_W   only the kernel for the gradient to w
 *   EPILOGUE_BIAS, EPILOGUE_RESIDUAL, EPILOGUE_EXPRESSION   where present: y + bias[channel of y],
 *                then + residual there, then the expression in `a` and the type T
 */

/* What is computed last: @at is the place in y, @channel the channel there. */
inline float
finish (float value, __global const float *bias, __global const float *residual, size_t at,
        int channel)
{
#ifdef EPILOGUE_BIAS
  value += bias[channel];
#endif
#ifdef EPILOGUE_RESIDUAL
  value += residual[at];
#endif
  return epilogue_float (value);
}

#ifndef TILE_M

/* y[i] = the sum of partial[slice][i] in the order of the slices. Global size: elements of y. */
__kernel void
conv2d_simt_finish (__global const float *restrict partial, __global float *restrict y,
                    __global const float *restrict bias, __global const float *restrict residual,
                    int elements, int plane, int channels, int slices)
{
  const int i = get_global_id (0);
  if (i >= elements)
    return;
  float sum = 0;
  for (int slice = 0; slice < slices; slice++)
    sum += partial[(size_t) slice * elements + i];
  y[i] = finish (sum, bias, residual, i, i / plane % channels);
}

#else

/* i / d for d = 1 / @inverse and i below 2^21: cheaper than the division of integers, and exact, as
 * (i + 1/2) / d is at least 1/2 d away from the next whole number. */
inline int
divide (int i, float inverse)
{
  return (int) ((i + 0.5f) * inverse);
}

#define VECTOR_A 1
#define VECTOR_B 1
#define ALONG_A 1

#ifndef GRADIENT_W

/*
 * The convolution and its gradient to x, both as
 *   y[n, m, i, j] = sum_{c, r, s} x[n, c, i step_h + base_h + r tap_h, j step_w + base_w + s tap_w]
 *                                 w[m, c, r, s]
 * where x outside the picture is 0: a is w, its k are the (c, r, s), and columns of b are all
 * outputs (n, i, j) of all pictures. For the gradient, x is dy, and taps go backwards; with a stride
 * it is computed in parts, each of them some rows and columns of dx with the taps that reach those.
 */
#define ALONG_B 0

typedef struct {
  __global const float *x, *w; /* of the group of channels, x of the item's picture, too */
  int filters, inner;
  int first_filter; /* of the tile */
  int row, column;  /* in x: the pixel under the first tap of the item's output */
  bool inside;      /* the item has an output */
  int H, W, R, S, tap_h, tap_w;
  float per_channel, per_row; /* 1 / (R S), 1 / S */
  int filter_step, channel_step, weight_h, weight_w; /* in w */
} Sides;

inline void
fetch_a (const Sides *sides, int k, int line, float *to)
{
  const int m = sides->first_filter + line, c = divide (k, sides->per_channel);
  const int tap = k - c * sides->R * sides->S, r = divide (tap, sides->per_row);
  const int s = tap - r * sides->S;
  const size_t at = (size_t) m * sides->filter_step + (size_t) c * sides->channel_step
                    + r * sides->weight_h + s * sides->weight_w;
  *to = m < sides->filters && k < sides->inner ? sides->w[at] : 0;
}

inline void
fetch_b (const Sides *sides, int k, int line, float *to)
{
  const int c = divide (k, sides->per_channel), tap = k - c * sides->R * sides->S;
  const int r = divide (tap, sides->per_row), s = tap - r * sides->S;
  const int row = sides->row + r * sides->tap_h, column = sides->column + s * sides->tap_w;
  const bool inside = sides->inside && k < sides->inner && row >= 0 && row < sides->H
                      && column >= 0 && column < sides->W;
  *to = inside ? sides->x[((size_t) c * sides->H + row) * sides->W + column] : 0;
}

#include "tile-simt.cl"

/*
 * One tile of one slice of k of one group of channels. H, W: of a plane of x; P, Q: outputs i, j;
 * `channels`, `filters`: of x and y, in one group; `inner` = channels R S. Output (i, j) is at
 * first_out + i out_h + j out_w of its plane of y, which has `plane` numbers; y may be partial sums,
 * [slice][n][group][m][..]. Groups: slices x groups x tiles along m x tiles along (n, i, j).
 */
__kernel __attribute__ ((reqd_work_group_size (ITEMS_N, ITEMS_M, 1))) void
conv2d_simt_tiles (__global const float *restrict x, __global const float *restrict w,
                   __global float *restrict y, __global const float *restrict bias,
                   __global const float *restrict residual, int pictures, int groups, int channels,
                   int filters, int inner, int slice, int H, int W, int P, int Q, int R, int S,
                   float per_channel, float per_row, int step_h, int step_w, int base_h, int base_w,
                   int tap_h, int tap_w, int group_step, int filter_step, int channel_step,
                   int first_weight, int weight_h, int weight_w, int plane, int first_out,
                   int out_h, int out_w)
{
  __local float4 piece_a[2 * DEPTH * PITCH_A], piece_b[2 * DEPTH * PITCH_B];
  float sum[WORK_M][WORK_N];

  const int outputs = pictures * P * Q;
  const int across = (outputs + TILE_N - 1) / TILE_N, down = (filters + TILE_M - 1) / TILE_M;
  const int tile = get_group_id (0) % ((size_t) across * down);
  const int rest = get_group_id (0) / ((size_t) across * down);
  const int group = rest % groups, part = rest / groups;
  const int first_filter = tile / across * TILE_M, first_output = tile % across * TILE_N;

  const int own = first_output + ITEM % TILE_N; /* the output to fetch for */
  const int picture = own / (P * Q), pixel = own % (P * Q);
  const Sides sides = { .x = x + ((size_t) picture * groups + group) * channels * H * W,
                        .w = w + (size_t) group * group_step + first_weight,
                        .filters = filters,
                        .inner = inner,
                        .first_filter = first_filter,
                        .row = pixel / Q * step_h + base_h,
                        .column = pixel % Q * step_w + base_w,
                        .inside = own < outputs,
                        .H = H,
                        .W = W,
                        .R = R,
                        .S = S,
                        .per_channel = per_channel,
                        .per_row = per_row,
                        .tap_h = tap_h,
                        .tap_w = tap_w,
                        .filter_step = filter_step,
                        .channel_step = channel_step,
                        .weight_h = weight_h,
                        .weight_w = weight_w };
  multiply_tile (&sides, part * slice, min (inner, (part + 1) * slice), piece_a, piece_b, sum);

  #pragma unroll
  for (int j = 0; j < WORK_N; j++)
    {
      const int output = first_output + column_of_sum (j);
      const int n = output / (P * Q), i = output / Q % P, k = output % Q;
      const size_t from = (((size_t) part * pictures + n) * groups + group) * filters;
      #pragma unroll
      for (int m = 0; m < WORK_M; m++)
        {
          const int filter = first_filter + row_of_sum (m);
          const size_t at = (from + filter) * plane + first_out + i * out_h + k * out_w;
          if (output < outputs && filter < filters)
            y[at] = finish (sum[m][j], bias, residual, at, group * filters + filter);
        }
    }
}

#else /* GRADIENT_W */

/*
 * dw[m, c, r, s] = sum_{n, p, q} dy[n, m, p, q] x[n, c, p stride_h + r dilation_h - top, ..]: a is
 * dy, its k are all outputs (n, p, q) of all pictures, and columns of b are the (c, r, s).
 */
#define ALONG_B 1

typedef struct {
  __global const float *x, *dy; /* of the group of channels */
  int filters, weights, inner;  /* `weights` of a filter: channels R S */
  int first_filter, first_weight; /* of the tile */
  int H, W, P, Q, R, S, stride_h, stride_w, dilation_h, dilation_w, top, left;
  float per_channel, per_row; /* 1 / (R S), 1 / S */
  size_t picture_x, picture_y; /* floats from one picture to the next */
} Sides;

inline void
fetch_a (const Sides *sides, int k, int line, float *to)
{
  const int m = sides->first_filter + line, plane = sides->P * sides->Q;
  const size_t at = k / plane * sides->picture_y + (size_t) m * plane + k % plane;
  *to = m < sides->filters && k < sides->inner ? sides->dy[at] : 0;
}

inline void
fetch_b (const Sides *sides, int k, int line, float *to)
{
  const int weight = sides->first_weight + line;
  const int c = divide (weight, sides->per_channel), tap = weight - c * sides->R * sides->S;
  const int r = divide (tap, sides->per_row), s = tap - r * sides->S;
  const int n = k / (sides->P * sides->Q), p = k / sides->Q % sides->P, q = k % sides->Q;
  const int row = p * sides->stride_h + r * sides->dilation_h - sides->top;
  const int column = q * sides->stride_w + s * sides->dilation_w - sides->left;
  const bool inside = weight < sides->weights && k < sides->inner && row >= 0 && row < sides->H
                      && column >= 0 && column < sides->W;
  *to = inside ? sides->x[n * sides->picture_x + ((size_t) c * sides->H + row) * sides->W + column]
               : 0;
}

#include "tile-simt.cl"

/*
 * One tile of one slice of k of one group of channels; partial is [slice][group][m][c, r, s].
 * Groups: slices x groups x tiles along m x tiles along (c, r, s).
 */
__kernel __attribute__ ((reqd_work_group_size (ITEMS_N, ITEMS_M, 1))) void
conv2d_simt_gradient_w (__global const float *restrict x, __global const float *restrict dy,
                        __global float *restrict partial, int groups, int channels, int filters,
                        int H, int W, int P, int Q, int R, int S, float per_channel, float per_row,
                        int stride_h, int stride_w, int dilation_h, int dilation_w, int top,
                        int left, int pictures, int slice)
{
  __local float4 piece_a[2 * DEPTH * PITCH_A], piece_b[2 * DEPTH * PITCH_B];
  float sum[WORK_M][WORK_N];

  const int weights = channels * R * S, inner = pictures * P * Q;
  const int across = (weights + TILE_N - 1) / TILE_N, down = (filters + TILE_M - 1) / TILE_M;
  const int tile = get_group_id (0) % ((size_t) across * down);
  const int rest = get_group_id (0) / ((size_t) across * down);
  const int group = rest % groups, part = rest / groups;
  const Sides sides = { .x = x + (size_t) group * channels * H * W,
                        .dy = dy + (size_t) group * filters * P * Q,
                        .filters = filters,
                        .weights = weights,
                        .inner = inner,
                        .first_filter = tile / across * TILE_M,
                        .first_weight = tile % across * TILE_N,
                        .H = H,
                        .W = W,
                        .P = P,
                        .Q = Q,
                        .R = R,
                        .S = S,
                        .per_channel = per_channel,
                        .per_row = per_row,
                        .stride_h = stride_h,
                        .stride_w = stride_w,
                        .dilation_h = dilation_h,
                        .dilation_w = dilation_w,
                        .top = top,
                        .left = left,
                        .picture_x = (size_t) groups * channels * H * W,
                        .picture_y = (size_t) groups * filters * P * Q };
  multiply_tile (&sides, part * slice, min (inner, (part + 1) * slice), piece_a, piece_b, sum);

  #pragma unroll
  for (int i = 0; i < WORK_M; i++)
    #pragma unroll
    for (int j = 0; j < WORK_N; j++)
      {
        const int filter = sides.first_filter + row_of_sum (i);
        const int weight = sides.first_weight + column_of_sum (j);
        if (filter < filters && weight < weights)
          partial[((size_t) rest * filters + filter) * weights + weight] = sum[i][j];
      }
}

#endif
#endif
