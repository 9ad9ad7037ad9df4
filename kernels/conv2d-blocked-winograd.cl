/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Winograd's convolution of pictures whose channels come in blocks: winograd-transforms.cl has the
 * formula, blocks.cl says how they are stored. A place is a vector of channels, so a tile is
 * transformed where it lies. Summed over channels, each of the ALPHA^2 elements of a transformed tile,
 * called planes here, is a matrix product
 *   products[plane][tile][filter] = sum over c of inputs[plane][tile][c] weights[plane][c][filter].
 *
 * Options besides those files': TILES and VECTORS, the tiles and blocks of filters of a register tile;
 * PACK: only the weights' transform; FROM_PLAIN: only what brings pictures into blocks; ON_THE_WAY: see
 * conv2d_blocked_winograd.
 */

#include "winograd-transforms.cl"
#define RUN M
#include "blocks.cl"

#if defined (PACK) || defined (ON_THE_WAY)

/*
 * to[plane][c][VECTORS B] = G w G^T for one block of filters, planes plane_floats apart; zeros where
 * there is no filter. Filter k, channel c begin at k * filter_step + c * channel_step of w; turned:
 * their R x R weights are read backwards.
 */
#define SQUARES ((R * R + B - 1) / B)
inline void
pack_block (__global const float *w, int block, int filters, int channels, int filter_step,
            int channel_step, int turned, __global float *to, int plane_floats)
{
  const long floats = (long) filters * channels * R * R;
  const int first_tap = turned ? R * R - 1 : 0, step = turned ? -1 : 1;

  for (int c = 0; c < channels; c++, to += VECTORS * B)
    {
      vec taps[SQUARES * B], once[ALPHA][R];
      for (int square = 0; square < SQUARES; square++)
        {
          #pragma unroll
          for (int i = 0; i < B; i++)
            {
              const int k = block * B + i;
              const long at = (long) k * filter_step + (long) c * channel_step + square * B;
              taps[square * B + i] = k < filters ? load_some (w + at, floats - at) : (vec) (0);
            }
          transpose_square (taps + square * B);
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
      #pragma unroll 1
      for (int i = 0; i < ALPHA; i++)
        {
          vec o[ALPHA];
          transform_weights (once[i], o);
          #pragma unroll
          for (int j = 0; j < ALPHA; j++)
            vec_store (o[j], to + (size_t) (i * ALPHA + j) * plane_floats);
        }
    }
}

/* The place of a block of filters among those packed: blocks of a register tile lie side by side. */
inline size_t
block_at (int block, int channels)
{
  return ((size_t) (block / VECTORS) * channels * VECTORS + block % VECTORS) * B;
}

#endif

#ifdef PACK

/* packed[packed_at + ..][plane][VECTORS blocks of filters][c][filter]. Global size: blocks of filters. */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
conv2d_blocked_winograd_pack (__global const float *restrict w, __global float *restrict packed,
                              int packed_at, int plane, int filters, int channels, int filter_step,
                              int channel_step, int turned)
{
  const int block = get_global_id (0);
  pack_block (w, block, filters, channels, filter_step, channel_step, turned,
              packed + packed_at + block_at (block, channels), plane);
}

#elif defined (FROM_PLAIN)

/*
 * y[block][place][B] = x[channel][place] for the `planes` channels of one picture after another, whose
 * last block has zeros for channels that there are not. Places are taken a vector at a time, those of the
 * last one once more where they are no multiple. Global size: blocks of one picture, pictures.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
conv2d_blocked_from_plain (__global const float *restrict x, __global float *restrict y, int y_at,
                           int channels, int places)
{
  const int block = get_global_id (0), present = min (B, channels - block * B);
  __global const float *from
      = x + ((size_t) get_global_id (1) * channels + block * B) * places;
  __global float *to
      = y + y_at + (get_global_id (1) * get_global_size (0) + block) * (size_t) places * B;

  for (int i = 0; i < places; i += B)
    {
      const int at = min (i, max (places - B, 0));
      vec square[B];
      #pragma unroll
      for (int c = 0; c < B; c++)
        square[c] = c < present ? load_some (from + (size_t) c * places + at, places - at) : (vec) (0);
      transpose_square (square);
      for (int t = 0; t < min (B, places); t++)
        vec_store (square[t], to + (size_t) (at + t) * B);
    }
}

#else

/* What the tiles of a picture lie over: @across of them side by side. */
typedef struct
{
  int across, in_picture;
} Tiles;

/*
 * inputs[plane][block of channels][tile][B] = B^T d B for `count` tiles from `first` on, past the
 * last one it again; `plane` floats of a plane, `pitch` tiles of a block.
 */
inline void
transform_tiles (__global const float *x, int blocks, int H, int W, int top, int left, Tiles tiles,
                 int first, int last, int count, __global float *inputs, int plane, int pitch)
{
  for (int block = 0; block < blocks; block++)
    for (int t = 0; t < count; t++)
      {
        const int tile = min (first + t, last - 1), place = tile % tiles.in_picture;
        const int row = place / tiles.across * M - top, column = place % tiles.across * M - left;
        __global const float *from
            = x + ((long) (tile / tiles.in_picture * blocks + block) * H + row) * W * B
              + (long) column * B;
        __global float *to = inputs + ((size_t) block * pitch + t) * B;
        const bool inside = column >= 0 && column + ALPHA <= W;
        vec once[ALPHA][ALPHA];
        #pragma unroll 1
        for (int i = 0; i < ALPHA; i++, from += (long) W * B)
          {
            vec a[ALPHA];
            const bool present = row + i >= 0 && row + i < H;
            #pragma unroll
            for (int j = 0; j < ALPHA; j++)
              a[j] = present && (inside || (column + j >= 0 && column + j < W))
                         ? vec_load (from + j * B)
                         : (vec) (0);
            transform_input (a, once[i]);
          }
        #pragma unroll 1
        for (int j = 0; j < ALPHA; j++)
          {
            vec a[ALPHA], o[ALPHA];
            #pragma unroll
            for (int i = 0; i < ALPHA; i++)
              a[i] = once[i][j];
            transform_input (a, o);
            #pragma unroll
            for (int i = 0; i < ALPHA; i++)
              vec_store (o[i], to + (size_t) (i * ALPHA + j) * plane);
          }
      }
}

#define EACH_SUM(DO) \
  { \
    _Pragma ("unroll") for (int t = 0; t < TILES; t++) \
      _Pragma ("unroll") for (int v = 0; v < VECTORS; v++) DO; \
  }

#define ADD_CHANNEL(c) \
  { \
    vec weight[VECTORS]; \
    read_soon (weights + ahead); \
    _Pragma ("unroll") for (int v = 0; v < VECTORS; v++) weight[v] = vec_load (weights + v * B); \
    EACH_SUM (sum[t][v] = fma ((vec) (inputs[t * B + c]), weight[v], sum[t][v])); \
    weights += VECTORS * B; \
  }

/* products[v][t] of a register tile. What lies @ahead of each of the weights is asked for; 0: nothing.
 * The channels of a whole block are written out: as a loop they took a tenth longer. */
inline void
multiply (__global const float *inputs, __global const float *weights, int ahead, int channels,
          __global float *products, int pitch)
{
  vec sum[TILES][VECTORS];
  EACH_SUM (sum[t][v] = (vec) (0));
  int from = 0;
  for (; from + B <= channels; from += B, inputs += pitch * B)
    {
      #pragma unroll
      for (int c = 0; c < B; c++)
        ADD_CHANNEL (c)
    }
  for (int c = 0; c < channels - from; c++)
    ADD_CHANNEL (c)
  EACH_SUM (vec_store (sum[t][v], products + (v * pitch + t) * B));
}

/* One tile's outputs of block @k of the filters: A^T m A, and what is computed last. */
inline void
write_tile (__global const float *products, int plane, __global float *y,
            __global const float *bias, __global const float *residual, int k, int filters,
            Tiles tiles, int tile, int P, int Q)
{
  const int place = tile % tiles.in_picture, picture = tile / tiles.in_picture;
  const int row = place / tiles.across * M, column = place % tiles.across * M;
  vec once[M][ALPHA];

  #pragma unroll 1
  for (int j = 0; j < ALPHA; j++)
    {
      vec m[ALPHA], o[M];
      #pragma unroll
      for (int i = 0; i < ALPHA; i++)
        m[i] = vec_load (products + (size_t) (i * ALPHA + j) * plane);
      transform_output (m, o);
      #pragma unroll
      for (int i = 0; i < M; i++)
        once[i][j] = o[i];
    }
  for (int i = 0; i < min (M, P - row); i++)
    {
      vec o[M];
      transform_output (once[i], o);
#ifdef OUT_PLAIN
      const size_t at
          = ((size_t) picture * filters + k * B) * P * Q + (size_t) (row + i) * Q + column;
#ifdef EPILOGUE_BIAS
      const vec shift = load_some (bias + k * B, filters - k * B);
      #pragma unroll
      for (int j = 0; j < M; j++)
        o[j] += shift;
#endif
      write_planes (o, min (M, Q - column), y + at, residual + at, min (B, filters - k * B), P * Q);
#else
      const int blocks = (filters + B - 1) / B;
      const size_t at
          = ((((size_t) picture * blocks + k) * P + row + i) * Q + column) * B;
      #pragma unroll
      for (int j = 0; j < M; j++)
        if (column + j < Q)
          vec_store (finish (o[j], bias, residual, k, filters, at + j * B), y + at + j * B);
#endif
    }
}

/*
 * A work-item has `tiles_each` tiles, `pitch` of them at a time (a multiple of TILES), and
 * `blocks_each` blocks of filters, `group` of them at a time (multiples of VECTORS, or all). memory:
 * `floats` per work-item, which hold the inputs' planes and, `products_at` behind them, the products'.
 * Weights are packed by conv2d_blocked_winograd_pack; or, with ON_THE_WAY, each group's are packed just
 * before they are used, weights_at floats into the item's memory: packed, large weights are four times
 * larger, and would come and go through memory. Global size: the tiles' `parts` times those of the
 * filters.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
conv2d_blocked_winograd (__global const float *restrict x, __global const float *weights,
                         __global float *memory, __global float *restrict y,
                         __global const float *restrict bias,
                         __global const float *restrict residual, int x_at, int weights_at,
                         int weight_plane, int channels, int filters, int H, int W, int P, int Q, int top, int left,
                         int across, int in_picture, int all, int parts, int tiles_each, int pitch,
                         int blocks_each, int group, int floats, int products_at, int input_plane,
                         int product_plane, int filter_step, int channel_step, int turned)
{
  const Tiles tiles = { across, in_picture };
  const int first = get_global_id (0) % parts * tiles_each, last = min (all, first + tiles_each);
  const int blocks = (filters + B - 1) / B;
  const int first_block = get_global_id (0) / parts * blocks_each;
  const int last_block = min (blocks, first_block + blocks_each);
  __global float *inputs
      = memory + (size_t) get_global_id (0) * floats;
  __global float *products = inputs + products_at;

  x += x_at;
  for (int begin = first; begin < last; begin += pitch)
    {
      const int end = min (begin + pitch, last);
      const int count = (end - begin + TILES - 1) / TILES * TILES;
      transform_tiles (x, (channels + B - 1) / B, H, W, top, left, tiles, begin, end, count, inputs,
                       input_plane, pitch);
      for (int start = first_block; start < last_block; start += group)
        {
          const int stop = min (start + group, last_block);
#ifdef ON_THE_WAY
          __global float *packed = inputs + weights_at;
          for (int k = start; k < stop; k++)
            pack_block (weights, k, filters, channels, filter_step, channel_step, turned,
                        packed + block_at (k - start, channels), weight_plane);
#else
          __global const float *packed = weights + weights_at + (size_t) start * channels * B;
#endif
          for (int plane = 0; plane < PLANES; plane++)
            for (int k = 0; k < stop - start; k += VECTORS)
              for (int t = 0; t < count; t += TILES)
                {
                  const int vector = t / TILES; /* of the next panel of weights, asked for this time */
                  multiply (inputs + (size_t) plane * input_plane + t * B,
                            packed + (size_t) plane * weight_plane + (size_t) k * channels * B,
                            vector < VECTORS ? (channels * VECTORS + vector) * B : 0, channels,
                            products + (size_t) plane * product_plane + (k * pitch + t) * B, pitch);
                }
          for (int k = start; k < stop; k++)
            for (int t = 0; t < end - begin; t++)
              write_tile (products + ((k - start) * pitch + t) * B, product_plane, y, bias, residual,
                          k, filters, tiles, begin + t, P, Q);
        }
    }
}

#endif
