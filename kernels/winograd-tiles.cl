/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Winograd's convolution for devices whose work-item is a SIMD thread (OpenCL on a CPU): stride 1, no
 * dilation, one group; winograd-transforms.cl has the formula. Summed over channels, each of the
 * ALPHA^2 elements of a transformed tile, called planes here, is a matrix product
 *   products[plane][filter][tile] = sum over c of weights[plane][filter][c] inputs[plane][c][tile].
 *
 * Transformed, multiplied and transformed back is a block of tiles at a time, in memory of the
 * work-item's own that its second cache level holds. Tiles of all pictures are numbered in one
 * line. The gradient to x is such a convolution, too; the gradient to w is the convolution turned
 * round, step by step:
 *   dw = G^T (sum over tiles of (A dy A^T) . (B^T d B)) G.
 *
 * What all of it shares; conv2d-winograd.cl and conv2d-winograd-weights.cl have the kernels.
 * Options: M, R, ROWS and VECTORS (filters and vectors of a register tile). `pitch` is the floats
 * between rows of a plane: the tiles of a block.
 */

#include "winograd-transforms.cl"

#define PANEL (VECTORS * KOL_WIDTH)

/* ── Pictures as tiles ── */

#define AS_VEC KOL_JOIN (as_float, KOL_WIDTH)
#define AS_IVEC KOL_JOIN (as_int, KOL_WIDTH)
#if KOL_WIDTH == 4
#define LANES ((ivec) (0, 1, 2, 3))
#elif KOL_WIDTH == 8
#define LANES ((ivec) (0, 1, 2, 3, 4, 5, 6, 7))
#else
#define LANES ((ivec) (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#endif

/* Takes M vectors of neighbours apart: b[j] has every M-th element from the j-th on. */
inline void
deinterleave (const vec *a, vec *b)
{
#if M == 4
  vec even0 = (vec) (a[0].even, a[1].even), odd0 = (vec) (a[0].odd, a[1].odd);
  vec even1 = (vec) (a[2].even, a[3].even), odd1 = (vec) (a[2].odd, a[3].odd);
  b[0] = (vec) (even0.even, even1.even);
  b[1] = (vec) (odd0.even, odd1.even);
  b[2] = (vec) (even0.odd, even1.odd);
  b[3] = (vec) (odd0.odd, odd1.odd);
#else
  b[0] = (vec) (a[0].even, a[1].even);
  b[1] = (vec) (a[0].odd, a[1].odd);
#endif
}

inline void
interleave_two (vec a, vec b, vec *low, vec *high)
{
  low->even = a.lo;
  low->odd = b.lo;
  high->even = a.hi;
  high->odd = b.hi;
}

/* The other way round. */
inline void
interleave (const vec *b, vec *a)
{
#if M == 4
  vec even0, even1, odd0, odd1;
  interleave_two (b[0], b[2], &even0, &even1);
  interleave_two (b[1], b[3], &odd0, &odd1);
  interleave_two (even0, odd0, a, a + 1);
  interleave_two (even1, odd1, a + 2, a + 3);
#else
  interleave_two (b[0], b[1], a, a + 1);
#endif
}

/* The vector one place on: without its first element, and with `next` behind its last one. */
inline vec
shift (vec a, float next)
{
#if KOL_WIDTH == 4
  return (vec) (a.s123, next);
#elif KOL_WIDTH == 8
  return (vec) (a.s123, a.s4567, next);
#else
  return (vec) (a.s123, a.s4567, a.s89ab, a.scdef, next);
#endif
}

/* Pixels side by side for KOL_WIDTH tiles: `size` of them per tile, from column `left` on. */
typedef struct
{
  int left, width; /* of the picture */
  int before, after; /* whether some are left of the picture, or right of it */
} Span;

inline Span
span_at (int left, int size, int width)
{
  Span span = { left, width, left < 0, left + (KOL_WIDTH - 1) * M + size > width };
  return span;
}

/* A vector of a row, 0 outside of the picture. */
inline vec
load_inside (__global const float *row, Span span, int column)
{
  ivec place = (ivec) (column) + LANES;
  ivec inside = (place >= (ivec) 0) & (place < (ivec) (span.width));
  return AS_VEC (AS_IVEC (vec_load (row + column)) & inside);
}

/*
 * a[j][tile] = row[left + tile * M + j] for j < size, 0 outside of the picture. Of `floats` floats,
 * the row begins at number `at`.
 */
inline void
comb_row (__global const float *x, long floats, long at, Span span, int size, vec *a)
{
  __global const float *row = x + at;
  bool inside = !span.before && !span.after;
  vec line[M];

  if (at + span.left >= 0 && at + span.left + M * KOL_WIDTH <= floats)
    {
      #pragma unroll
      for (int v = 0; v < M; v++)
        line[v] = inside ? vec_load (row + span.left + v * KOL_WIDTH)
                         : load_inside (row, span, span.left + v * KOL_WIDTH);
    }
  else
    {
      float part[M * KOL_WIDTH];
      for (int i = 0; i < M * KOL_WIDTH; i++)
        {
          int column = span.left + i;
          part[i] = column >= 0 && column < span.width ? row[column] : 0;
        }
      #pragma unroll
      for (int v = 0; v < M; v++)
        line[v] = vec_load (part + v * KOL_WIDTH);
    }
  deinterleave (line, a);
  #pragma unroll
  for (int j = M; j < size; j++)
    {
      int column = span.left + M * KOL_WIDTH + j - M;
      a[j] = shift (a[j - M], column >= 0 && column < span.width ? row[column] : 0);
    }
}

/* A run of tiles side by side in one picture; they begin a block at `first` or go on in it. */
typedef struct
{
  int first, count; /* in the block */
  int picture, y, x; /* of the first tile */
} Run;

/* The run that begins at tile `tile`, which is number `first` of a block that ends before `end`. */
inline Run
run_at (int tile, int first, int end, int tiles_y, int tiles_x)
{
  Run run;
  int in_picture = tile % (tiles_y * tiles_x);
  run.first = first;
  run.picture = tile / (tiles_y * tiles_x);
  run.y = in_picture / tiles_x;
  run.x = in_picture % tiles_x;
  run.count = min (tiles_x - run.x, end - tile);
  return run;
}

/*
 * inputs[plane][c][tile] = B^T d B for the block of tiles `begin` .. end-1 and channels
 * first_channel .. last_channel-1 of x. A vector may go past the end of a run: what follows in the
 * row, or the next row's start, is written later; a plane has slack behind its last row.
 */
inline void
transform_inputs (__global const float *x, long floats, int channels, int height, int width,
                  int top, int left, int tiles_y, int tiles_x, int begin, int end,
                  int first_channel, int last_channel, __global float *inputs, int plane_floats,
                  int pitch)
{
  for (int c = first_channel; c < last_channel; c++, inputs += pitch)
    for (int tile = begin; tile < end;)
      {
        Run run = run_at (tile, tile - begin, end, tiles_y, tiles_x);
        int first_row = run.y * M - top;
        long at = (((long) run.picture * channels + c) * height + first_row) * width;
        for (int t = 0; t < run.count; t += KOL_WIDTH)
          {
            Span span = span_at ((run.x + t) * M - left, ALPHA, width);
            vec once[ALPHA][ALPHA];
            #pragma unroll 1
            for (int i = 0; i < ALPHA; i++)
              {
                int row = first_row + i;
                vec a[ALPHA];
                #pragma unroll
                for (int j = 0; j < ALPHA; j++)
                  a[j] = (vec) 0;
                if (row >= 0 && row < height)
                  comb_row (x, floats, at + (long) i * width, span, ALPHA, a);
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
                  vec_store (o[i], inputs + (size_t) (i * ALPHA + j) * plane_floats + run.first + t);
              }
          }
        tile += run.count;
      }
}
