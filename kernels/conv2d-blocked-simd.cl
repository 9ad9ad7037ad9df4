/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Convolution and maximum pooling of pictures whose channels come in blocks; see blocks.cl.
 *
 * Options besides that file's:
 *   R, S, STRIDE_H, STRIDE_W, DILATION_H, DILATION_W
 *   TILE       places of a row that are computed together
 *   VECTORS    blocks of filters that are
 *   IN_PLAIN   where present: x is [N, C, H, W]
 */

#define RUN TILE
#include "blocks.cl"

#if defined (PAD)

/*
 * y[plane][rows][columns] = x[plane][height][width] moved down by `top` and to the right by `left`,
 * with zeros around. PAD numbers for each place. Global size: work-items, which have `each` of
 * the rows of all planes.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
conv2d_blocked_pad (__global const float *restrict x, __global float *restrict y, int planes,
                    int height, int width, int rows, int columns, int top, int left, int each)
{
  const int first = get_global_id (0) * each, last = min (planes * rows, first + each);
  const int before = min (left, columns), inside = min (width, columns - before);

  for (int i = first; i < last; i++)
    {
      const int row = i % rows - top;
      __global float *to = y + (size_t) i * columns * PAD;
      if (row < 0 || row >= height)
        {
          fill_run (0, to, columns * PAD);
          continue;
        }
      fill_run (0, to, before * PAD);
      copy_run (x + ((size_t) (i / rows) * height + row) * width * PAD, to + before * PAD,
                inside * PAD);
      fill_run (0, to + (before + inside) * PAD, (columns - before - inside) * PAD);
    }
}

#elif defined (PACK)

/*
 * packed[block of filters][block of channels][r][s][channel][B filters]; zeros where there is no filter.
 * An item has `each` of the blocks of filters.
 */
__kernel void
conv2d_blocked_pack (__global const float *restrict w, __global float *restrict packed,
                     int packed_at, int filters, int channels, int blocks, int each)
{
  const int first = get_global_id (0) * each, last = min (blocks, first + each);

  for (int block = first; block < last; block++)
    {
      __global float *to = packed + packed_at + (size_t) block * channels * R * S * B;
      for (int from = 0; from < channels; from += B)
        for (int tap = 0; tap < R * S; tap++)
          for (int c = from; c < min (channels, from + B); c++)
            for (int k = block * B; k < (block + 1) * B; k++)
              *to++ = k < filters ? w[((size_t) k * channels + c) * R * S + tap] : 0;
    }
}

#elif defined (POOL)

/*
 * y[plane][p][q] = the largest of a window, for each lane by itself, or NaN. Global size: work-items,
 * which have `each` of the rows of all planes.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
max_pool_blocked (__global const float *restrict x, __global float *restrict y, int planes, int H,
                  int W, int P, int Q, int stride_h, int stride_w, int top, int left, int each)
{
  const int first = get_global_id (0) * each, last = min (planes * P, first + each);

  for (int i = first; i < last; i++)
    {
      const int h0 = i % P * stride_h - top;
      __global const float *plane = x + (size_t) (i / P) * H * W * B;
      for (int q = 0; q < Q; q++)
        {
          const int w0 = q * stride_w - left;
          vec most = (vec) (-INFINITY);
          #pragma unroll
          for (int r = 0; r < R; r++)
            #pragma unroll
            for (int s = 0; s < S; s++)
              if (h0 + r >= 0 && h0 + r < H && w0 + s >= 0 && w0 + s < W)
                {
                  vec value = vec_load (plane + ((size_t) (h0 + r) * W + w0 + s) * B);
                  most = select (most, value, value > most | isnan (value));
                }
          vec_store (most, y + ((size_t) i * Q + q) * B);
        }
    }
}

#else

#ifdef DEPTHWISE

#define SPAN ((TILE - 1) * STRIDE_W + (S - 1) * DILATION_W + 1) /* columns under a tile */
#define REACH ((R - 1) * DILATION_H + 1)                        /* rows */

#define WINDOW (REACH * SPAN * B)

/*
 * sum[t] = `rows` rows of taps of place t, of which the first is over `line`, the next one over what
 * is `apart` floats behind it, or from `end` on WINDOW floats before that. For two kinds of memory.
 */
#define DEFINE_SUM_TILE(NAME, MEMORY) \
  inline void NAME (MEMORY const float *line, long apart, MEMORY const float *end, \
                    __global const float *w, int rows, vec *sum) \
  { \
    vec here[TILE]; \
    _Pragma ("unroll") for (int t = 0; t < TILE; t++) here[t] = (vec) (0); \
    for (int r = 0; r < rows; r++, w += S * B) \
      { \
        _Pragma ("unroll") for (int s = 0; s < S; s++) \
        { \
          const vec weight = vec_load (w + s * B); \
          _Pragma ("unroll") for (int t = 0; t < TILE; t++) \
            here[t] = fma (weight, vec_load (line + (t * STRIDE_W + s * DILATION_W) * B), here[t]); \
        } \
        line += apart; \
        if (line >= end) \
          line -= WINDOW; \
      } \
    _Pragma ("unroll") for (int t = 0; t < TILE; t++) sum[t] = here[t]; \
  }
DEFINE_SUM_TILE (sum_tile, __global)
DEFINE_SUM_TILE (sum_edge, __local)

/* The columns under a tile that reaches over the picture's edge, zeros outside. */
inline void
copy_edge (__global const float *row, int w0, int W, __local float *to)
{
  for (int i = 0; i < SPAN; i++)
    vec_store (w0 + i >= 0 && w0 + i < W ? vec_load (row + (long) (w0 + i) * B) : (vec) (0),
               to + i * B);
}

/*
 * Each filter sees one channel. A work-item has `each` of the rows of all blocks of all pictures, `blocks`
 * of a picture, and goes down each tile of columns in a `band` of them. At the picture's left and right
 * edges the rows under a tile are copied to local memory with zeros beside them, once: row h to line
 * h % REACH. Global size: work-items.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
conv2d_blocked_depthwise (__global const float *restrict x, __global const float *restrict w,
                          __global float *restrict y, __global const float *restrict bias,
                          __global const float *restrict residual, int w_at, int pictures,
                          int blocks, int filters, int H, int W, int P, int Q, int top, int left,
                          int each, int band)
{
  __local float edge[WINDOW];
  const int first = get_global_id (0) * each, last = min (pictures * blocks * P, first + each);

  for (int i = first; i < last;)
    {
      const int k = i / P % blocks, begin = i % P;
      const int end = min (min (P, begin + band), begin + last - i);
      __global const float *plane = x + (size_t) (i / P) * H * W * B;
      __global const float *weights = w + w_at + (size_t) k * R * S * B;
      for (int tile = 0; tile < Q; tile += TILE)
        {
          const int q = min (tile, Q - TILE), w0 = q * STRIDE_W - left;
          const bool inside = w0 >= 0 && w0 + SPAN <= W;
          int ready = 0;
          for (int p = begin; p < end; p++)
            {
              const int h0 = p * STRIDE_H - top;
              const int skip = h0 < 0 ? (-h0 + DILATION_H - 1) / DILATION_H : 0;
              const int from = h0 + skip * DILATION_H, to = min (H, h0 + REACH);
              const int rows = (to - from + DILATION_H - 1) / DILATION_H;
              vec sum[TILE];

              if (inside)
                sum_tile (plane + ((long) from * W + w0) * B, (long) DILATION_H * W * B,
                          plane + (long) H * W * B, weights + skip * S * B, rows, sum);
              else
                {
                  for (ready = max (ready, from); ready < to; ready++)
                    copy_edge (plane + (long) ready * W * B, w0, W,
                               edge + ready % REACH * SPAN * B);
                  sum_edge (edge + from % REACH * SPAN * B, DILATION_H * SPAN * B, edge + WINDOW,
                            weights + skip * S * B, rows, sum);
                }
              #pragma unroll
              for (int t = 0; t < TILE; t++)
                {
                  const size_t at = ((size_t) (i + p - begin) * Q + q + t) * B;
                  vec_store (finish (sum[t], bias, residual, k, filters, at), y + at);
                }
            }
        }
      i += end - begin;
    }
}

#else

#define EACH_SUM(DO) \
  { \
    _Pragma ("unroll") for (int t = 0; t < TILE; t++) \
      _Pragma ("unroll") for (int v = 0; v < VECTORS; v++) DO; \
  }

/* How far apart the numbers of a channel are at neighbouring places. */
#ifdef IN_PLAIN
#define APART 1
#else
#define APART B
#endif

/* sum[t][v] of a tile whose first tap is at x; `plane` places of a channel, `width` of a row. The
 * weights of block v are `apart` behind those of the one before. What lies `ahead` of each of the
 * weights, unless that is 0, is asked for. */
inline void
add_channels (__global const float *x, __global const float *w, int ahead, int channels, int plane,
              int width, vec (*sum)[VECTORS])
{
  const size_t apart = (size_t) channels * R * S * B;
  vec here[TILE][VECTORS];
  EACH_SUM (here[t][v] = (vec) (0));
  for (int from = 0; from < channels; from += B)
    {
      const int present = min (B, channels - from);
      for (int r = 0; r < R; r++)
        for (int s = 0; s < S; s++)
          {
#ifdef IN_PLAIN
            __global const float *in
                = x + (size_t) from * plane + r * DILATION_H * width + s * DILATION_W;
#else
            __global const float *in
                = x + ((size_t) from / B * plane + r * DILATION_H * width + s * DILATION_W) * B;
#endif
            #pragma unroll 2
            for (int c = 0; c < present; c++, w += B)
              {
                vec weight[VECTORS];
                if (ahead)
                  read_soon (w + ahead);
                #pragma unroll
                for (int v = 0; v < VECTORS; v++)
                  weight[v] = vec_load (w + v * apart);
                EACH_SUM (here[t][v] = fma ((vec) (in[t * STRIDE_W * APART]), weight[v], here[t][v]));
#ifdef IN_PLAIN
                in += plane;
#else
                in++;
#endif
              }
          }
    }
  EACH_SUM (sum[t][v] = here[t][v]);
}

/*
 * Tiles of places of one picture, each for `tiles_each` of the `tiles` tiles of filters, of which the
 * last one may reach beyond the filters. The picture has H x W places, zeros around it included, of
 * which tile i begins under output (i / across, i % across * TILE): the last one of a row goes over
 * some of it again. by_places: one tile of places after the other, each for all filters, whose
 * weights stay near; else one tile of filters after the other, so that its weights come from afar
 * while they are used for all places. Global size: parts of the places, parts of the filters,
 * pictures.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
conv2d_blocked (__global const float *restrict x, __global const float *restrict w,
                __global float *restrict y, __global const float *restrict bias,
                __global const float *restrict residual, int w_at, int channels, int filters, int H,
                int W, int P, int Q, int tiles, int places_each, int tiles_each, int by_places)
{
  const int across = (Q + TILE - 1) / TILE, picture = get_global_id (2);
  const int first = get_global_id (0) * places_each, last = min (P * across, first + places_each);
  const int first_k = get_global_id (1) * tiles_each, last_k = min (tiles, first_k + tiles_each);
  const int blocks = (filters + B - 1) / B;
#ifdef IN_PLAIN
  x += (size_t) picture * channels * H * W;
#else
  x += (size_t) picture * ((channels + B - 1) / B) * H * W * B;
#endif

  const int places = last - first, own = last_k - first_k;
  for (int n = 0; n < places * own; n++)
    {
      const int i = first + (by_places ? n / own : n % places);
      const int tile = first_k + (by_places ? n % own : n / places);
      const int p = i / across, q = min (i % across * TILE, Q - TILE);
      __global const float *in = x + ((size_t) p * STRIDE_H * W + q * STRIDE_W) * APART;
      vec sum[TILE][VECTORS];
      /* The first places ask for a block each of the next tile of filters. */
      const int turn = n % places;
      const bool asks = !by_places && turn < VECTORS && tile + 1 < last_k;
      const int ahead = asks ? (VECTORS + turn) * channels * R * S * B : 0;
      add_channels (in, w + w_at + (size_t) tile * channels * R * S * VECTORS * B, ahead, channels,
                    H * W, W, sum);
      #pragma unroll
      for (int v = 0; v < VECTORS; v++)
        {
          const int k = tile * VECTORS + v;
          if (k >= blocks)
            break;
#ifdef OUT_PLAIN
          const size_t at = ((size_t) picture * filters + k * B) * P * Q + p * Q + q;
          vec shift = (vec) (0), part[TILE];
#ifdef EPILOGUE_BIAS
          shift = load_some (bias + k * B, filters - k * B);
#endif
          #pragma unroll
          for (int t = 0; t < TILE; t++)
            part[t] = sum[t][v] + shift;
          write_planes (part, TILE, y + at, residual + at, min (B, filters - k * B), P * Q);
#else
          #pragma unroll
          for (int t = 0; t < TILE; t++)
            {
              const size_t at
                  = (((size_t) picture * blocks + k) * P * Q + p * Q + q + t) * B;
              vec_store (finish (sum[t][v], bias, residual, k, filters, at), y + at);
            }
#endif
        }
    }
}

#endif
#endif
