/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures of H x W to P x Q, and the gradient. Tables, as pairs of floats, say how:
 *   for each row p, then each column q: the first pixel that it reads, and the part of the second;
 *   for each row h, then each column w: the first output that reads it, and the one after the last.
 * Option: BILINEAR 1: two pixels along each axis, 0: one. (Not for resize_tables.)
 */

#ifndef BILINEAR

/* As in src/ops.h. */
enum
{
  NEAREST = 0,
  HALF_PIXEL = 0,
  ALIGN_CORNERS = 1,
  ROUND_PREFER_FLOOR = 0,
  ROUND_PREFER_CEIL = 1,
  ROUND_FLOOR = 2,
  ROUND_CEIL = 3,
};

/* Where output @i of @outputs reads along an axis of @length; src/ops/resize.c has the same. */
static inline float2
position_of (int i, int outputs, int length, int mode, int coordinates, int rounding)
{
  long above = (long) i * length, below = outputs; /* above / below is the position */

  if (coordinates == HALF_PIXEL)
    {
      above = (2 * (long) i + 1) * length - outputs;
      below = 2 * (long) outputs;
    }
  else if (coordinates == ALIGN_CORNERS)
    {
      above = (long) i * (length - 1);
      below = max (outputs - 1, 1);
    }
  if (above <= 0)
    return (float2) (0.0f, 0.0f);

  long low = above / below, rest = above % below;
  if (mode == NEAREST)
    {
      if ((rounding == ROUND_CEIL && rest > 0) || (rounding == ROUND_PREFER_FLOOR && 2 * rest > below)
          || (rounding == ROUND_PREFER_CEIL && 2 * rest >= below))
        low++;
      rest = 0;
    }
  if (low >= length - 1)
    return (float2) (length - 1, 0.0f);
  return (float2) (low, (float) rest / (float) below);
}

/* The first output that reads from pixel @at or one after it: positions only grow. */
static inline int
first_reader (int at, int outputs, int length, int mode, int coordinates, int rounding)
{
  int none = 0, some = outputs; /* outputs before `none` read before @at, those from `some` on do not */

  while (none < some)
    {
      int middle = none + (some - none) / 2;

      if (position_of (middle, outputs, length, mode, coordinates, rounding).x < at)
        none = middle + 1;
      else
        some = middle;
    }
  return some;
}

/* Fills the first @count entries. Global size: work-items that have `each` of them. */
__kernel void
resize_tables (__global float *restrict tables, int count, int each, int H, int W, int P, int Q,
               int mode, int coordinates, int rounding)
{
  int first = get_global_id (0) * each;

  for (int i = first; i < min (count, first + each); i++)
    {
      float2 entry;

      if (i < P)
        entry = position_of (i, P, H, mode, coordinates, rounding);
      else if (i < P + Q)
        entry = position_of (i - P, Q, W, mode, coordinates, rounding);
      else
        {
          bool row = i < P + Q + H;
          int at = row ? i - P - Q : i - P - Q - H, outputs = row ? P : Q, length = row ? H : W;

          /* With two pixels, whoever reads from the one before reads this one, too. */
          entry.x = first_reader (mode == NEAREST ? at : at - 1, outputs, length, mode, coordinates,
                                  rounding);
          entry.y = first_reader (at + 1, outputs, length, mode, coordinates, rounding);
        }
      vstore2 (entry, i, tables);
    }
}

#else

/* Which columns of a row of @width this work-item computes, and the rows. */
#if KOL_SIMD
#define WORK(width) \
  size_t row_begin = (size_t) get_global_id (0) * each; \
  size_t row_end = min (row_begin + each, (size_t) rows); \
  const int column_begin = 0, column_end = (width)
#else
#define WORK(width) \
  size_t row_begin = get_global_id (0) / (width); \
  size_t row_end = min (row_begin + 1, (size_t) rows); \
  const int column_begin = get_global_id (0) % (width), column_end = column_begin + 1
#endif

/*
 * y[p, q] = x[h, w], or (1 - f) ((1 - g) x[h, w] + g x[h, w + 1])
 *                       + f ((1 - g) x[h + 1, w] + g x[h + 1, w + 1])
 * with h, f and w, g of p and q from the tables. @rows: planes x P.
 */
__kernel void
resize_forward (__global const float *restrict x, __global const float *restrict tables,
                __global float *restrict y, int rows, int each, int H, int W, int P, int Q)
{
  WORK (Q);

  for (size_t row = row_begin; row < row_end; row++)
    {
      float2 down = vload2 (row % P, tables);
      int h = down.x;
      __global const float *from = x + (row / P * H + h) * W;

#if BILINEAR
      __global const float *next = h + 1 < H ? from + W : from;
      for (int q = column_begin; q < column_end; q++)
        {
          float2 across = vload2 (P + q, tables);
          int w = across.x, v = min (w + 1, W - 1);
          float upper = (1.0f - across.y) * from[w] + across.y * from[v];
          float lower = (1.0f - across.y) * next[w] + across.y * next[v];

          y[row * Q + q] = (1.0f - down.y) * upper + down.y * lower;
        }
#else
      for (int q = column_begin; q < column_end; q++)
        y[row * Q + q] = from[(int) vload2 (P + q, tables).x];
#endif
    }
}

/* The part of pixel @at in what an output mixes, for its entry of the tables. */
static inline float
part_of (float2 entry, int at, int length)
{
#if BILINEAR
  int low = entry.x;

  return (low == at ? 1.0f - entry.y : 0.0f) + (min (low + 1, length - 1) == at ? entry.y : 0.0f);
#else
  return 1.0f;
#endif
}

/*
 * dx[h, w] = sum of dy[p, q] times the part of x[h, w] in y[p, q], over those that read it.
 * @rows: planes x H.
 */
__kernel void
resize_gradient_x (__global const float *restrict dy, __global const float *restrict tables,
                   __global float *restrict dx, int rows, int each, int H, int W, int P, int Q)
{
  WORK (W);

  for (size_t row = row_begin; row < row_end; row++)
    {
      int h = row % H;
      float2 readers = vload2 (P + Q + h, tables);
      __global const float *plane = dy + row / H * P * Q;

      for (int w = column_begin; w < column_end; w++)
        {
          float2 across = vload2 (P + Q + H + w, tables);
          float sum = 0.0f;

          for (int p = readers.x; p < (int) readers.y; p++)
            {
              float line = 0.0f;

              for (int q = across.x; q < (int) across.y; q++)
                line += part_of (vload2 (P + q, tables), w, W) * plane[p * Q + q];
              sum += part_of (vload2 (p, tables), h, H) * line;
            }
          dx[row * W + w] = sum;
        }
    }
}

#endif
