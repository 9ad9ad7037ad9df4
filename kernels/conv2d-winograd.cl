/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Winograd's convolution, and the gradient to x; winograd-tiles.cl says how it works. Options besides
 * that file's: PACK: only winograd_pack; ON_THE_WAY: see winograd_forward; EPILOGUE_... as in
 * conv2d-simd.cl.
 */

#include "winograd-tiles.cl"

/* ── Weights ── */

/*
 * to[plane * plane_floats + c * ROWS + r] = G w G^T for the ROWS filters from `filter` on, past the
 * last of them it again. Filter f, channel c begin at f * filter_step + c * channel_step of w;
 * turned: their R x R weights are read backwards.
 */
#define SQUARES ((R * R + KOL_WIDTH - 1) / KOL_WIDTH)
inline void
pack_filters (__global const float *w, int filter, int filters, int channels, int filter_step,
              int channel_step, int turned, __global float *to, size_t plane_floats)
{
  long floats = (long) filters * channels * R * R;
  int first_tap = turned ? R * R - 1 : 0, step = turned ? -1 : 1;

  for (int c = 0; c < channels; c++, to += ROWS)
    {
      vec taps[SQUARES * KOL_WIDTH], once[ALPHA][R];
      for (int square = 0; square < SQUARES; square++)
        {
          #pragma unroll
          for (int i = 0; i < KOL_WIDTH; i++)
            {
              long at = (long) min (filter + min (i, ROWS - 1), filters - 1) * filter_step
                        + (long) c * channel_step + square * KOL_WIDTH;
              taps[square * KOL_WIDTH + i] = load_some (w + at, floats - at);
            }
          transpose_square (taps + square * KOL_WIDTH);
        }
      #pragma unroll 1
      for (int s = 0; s < R; s++)
        {
          vec a[R], o[ALPHA];
          #pragma unroll
          for (int r = 0; r < R; r++)
            a[r] = taps[first_tap + step * (r * R + s)];
          transform_weights (a, o);
          #pragma unroll
          for (int i = 0; i < ALPHA; i++)
            once[i][s] = o[i];
        }
      /* Whole vectors, as long as they stay among the tile's: too much is overwritten by what follows. */
      #pragma unroll 1
      for (int i = 0; i < ALPHA; i++)
        {
          vec o[ALPHA];
          transform_weights (once[i], o);
          #pragma unroll
          for (int j = 0; j < ALPHA; j++)
            store_some (o[j], to + (i * ALPHA + j) * plane_floats, (long) (channels - c) * ROWS);
        }
    }
}

#ifdef PACK

/*
 * packed[to_at + ..]: weights[plane][tile of filters][c][ROWS], the planes plane_floats apart.
 * Global size: tiles of filters.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
winograd_pack (__global const float *restrict w, __global float *restrict packed, int to_at,
               int plane_floats, int filters, int channels, int filter_step, int channel_step,
               int turned)
{
  size_t tile = get_global_id (0), tile_floats = (size_t) channels * ROWS;
  pack_filters (w, tile * ROWS, filters, channels, filter_step, channel_step, turned,
                packed + to_at + tile * tile_floats, plane_floats);
}

#else

/* products[plane][filter] = weights x inputs for one tile of filters and one panel of tiles. */
inline void
multiply_panel (__global const float *weights, __global const float *inputs, int channels, int pitch,
                __global float *products)
{
  vec sum[ROWS][VECTORS];
  #pragma unroll
  for (int r = 0; r < ROWS; r++)
    #pragma unroll
    for (int v = 0; v < VECTORS; v++)
      sum[r][v] = (vec) 0;
  for (int c = 0; c < channels; c++, weights += ROWS, inputs += pitch)
    {
      vec b[VECTORS];
      #pragma unroll
      for (int v = 0; v < VECTORS; v++)
        b[v] = vec_load (inputs + v * KOL_WIDTH);
      #pragma unroll
      for (int r = 0; r < ROWS; r++)
        #pragma unroll
        for (int v = 0; v < VECTORS; v++)
          sum[r][v] = fma ((vec) (weights[r]), b[v], sum[r][v]);
    }
  #pragma unroll
  for (int r = 0; r < ROWS; r++)
    #pragma unroll
    for (int v = 0; v < VECTORS; v++)
      vec_store (sum[r][v], products + r * pitch + v * KOL_WIDTH);
}

/* Writes n floats of a row of y, of which the vectors are `value`. */
inline void
write_row (const vec *value, __global float *y, __global const float *residual, float bias, int n)
{
  #pragma unroll
  for (int j = 0; j < M; j++)
    {
      int at = j * KOL_WIDTH;
      vec result = value[j] + (vec) (bias);
      if (at >= n)
        continue;
#ifdef EPILOGUE_RESIDUAL
      result += load_some (residual + at, n - at);
#endif
      store_some (epilogue_function (result), y + at, n - at);
    }
}

/* y = A^T products A for the block of tiles `begin` .. end-1 of one filter. */
inline void
transform_outputs (__global const float *products, int plane_floats, int filters, int P, int Q,
                   int tiles_y, int tiles_x, int begin, int end, int filter, float bias,
                   __global float *y, __global const float *residual)
{
  for (int tile = begin; tile < end;)
    {
      Run run = run_at (tile, tile - begin, end, tiles_y, tiles_x);
      size_t at = (((size_t) run.picture * filters + filter) * P + run.y * M) * Q + run.x * M;
      int rows = min (M, P - run.y * M), columns = min (run.count * M, Q - run.x * M);
      for (int t = 0; t < run.count; t += KOL_WIDTH)
        {
          vec once[M][ALPHA];
          #pragma unroll 1
          for (int j = 0; j < ALPHA; j++)
            {
              vec m[ALPHA], o[M];
              #pragma unroll
              for (int i = 0; i < ALPHA; i++)
                m[i] = vec_load (products + (size_t) (i * ALPHA + j) * plane_floats + run.first + t);
              transform_output (m, o);
              #pragma unroll
              for (int i = 0; i < M; i++)
                once[i][j] = o[i];
            }
          #pragma unroll 1
          for (int i = 0; i < M; i++)
            {
              vec o[M], line[M];
              if (i >= rows)
                continue;
              transform_output (once[i], o);
              interleave (o, line);
              write_row (line, y + at + i * Q + t * M, residual + at + i * Q + t * M, bias,
                         columns - t * M);
            }
        }
      tile += run.count;
    }
}

/*
 * y = conv2d (x, w). A work-item has `tiles_each` tiles, `block` of them at a time, and `filters_each`
 * filters, `group` of them at a time, both multiples of ROWS. memory: item_floats per work-item, for
 * planes of products, and, from inputs_at on, planes of inputs.
 *
 * Weights are packed by winograd_pack, and a group is all filters: then the products of a plane
 * may take the place of the inputs of the plane before it, which are no longer needed. Or, with
 * ON_THE_WAY, each group's are transformed just before they are used, to the item's memory, from
 * weights_at on: large weights are four times larger transformed, and come and go through memory.
 * Global size: chunks of tiles, blocks of filters.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
winograd_forward (__global const float *restrict x, __global const float *weights,
                  __global float *memory, __global float *restrict y,
                  __global const float *restrict bias, __global const float *restrict residual,
                  int weights_at, int channels, int filters, int height, int width, int P, int Q,
                  int top, int left, int tiles_y, int tiles_x, int pictures, int tiles_each,
                  int block, int filters_each, int group, int item_floats, int inputs_at,
                  int input_plane, int product_plane, int weight_plane,
                  int filter_step, int channel_step, int turned)
{
  int tiles = pictures * tiles_y * tiles_x;
  int first_tile = get_global_id (0) * tiles_each, last_tile = min (tiles, first_tile + tiles_each);
  int first_filter = get_global_id (1) * filters_each;
  int last_filter = min (filters, first_filter + filters_each);
  long floats = (long) pictures * channels * height * width;
  __global float *products
      = memory + (get_global_id (1) * get_global_size (0) + get_global_id (0)) * item_floats;
  __global float *inputs = products + inputs_at;

  for (int begin = first_tile; begin < last_tile; begin += block)
    {
      int end = min (begin + block, last_tile);
      transform_inputs (x, floats, channels, height, width, top, left, tiles_y, tiles_x, begin,
                        end, 0, channels, inputs, input_plane, block);
      for (int first = first_filter; first < last_filter; first += group)
        {
          int last = min (last_filter, first + group);
#ifdef ON_THE_WAY
          __global float *packed = products + weights_at;
          for (int filter = first; filter < last; filter += ROWS)
            pack_filters (weights, filter, filters, channels, filter_step, channel_step, turned,
                          packed + (filter - first) * channels, weight_plane);
#else
          __global const float *packed = weights + weights_at + (size_t) first * channels;
#endif
          for (int plane = 0; plane < PLANES; plane++)
            for (int filter = first; filter < last; filter += ROWS)
              for (int t = 0; t < end - begin; t += PANEL)
                multiply_panel (packed + (size_t) plane * weight_plane + (size_t) (filter - first) * channels,
                                inputs + (size_t) plane * input_plane + t, channels, block,
                                products + (size_t) plane * product_plane
                                    + (filter - first) * block + t);
          for (int filter = first; filter < last; filter++)
            {
              float shift = 0;
#ifdef EPILOGUE_BIAS
              shift = bias[filter];
#endif
              transform_outputs (products + (filter - first) * block, product_plane, filters, P, Q,
                                 tiles_y, tiles_x, begin, end, filter, shift, y, residual);
            }
        }
    }
}

#endif
