/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Convolution in which a filter sees one channel only, and its gradients, for devices whose
 * work-item is a SIMD thread. A work-group is one item. With filters k of channel c = k / filters:
 *
 *   y[n, k, p, q] = sum_{r, s} x[n, c, p SH + r DH - top, q SW + s DW - left] w[k, r, s]
 *
 * An item goes over units: some rows of one channel of the result. It copies what they need to
 * its window in local memory, with zeros around, so that nothing below asks for the picture's
 * edge. With SW = 2 a row of the window has the even columns first, then the odd ones: the inputs
 * of neighbouring outputs are neighbours. Then tiles: HEIGHT rows of outputs, a vector wide, are
 * summed in registers, where an input that was loaded serves every row that a tap reaches it
 * from. src/ops/conv2d-depthwise.c works out the geometry.
 *
 * The gradient to x turns the formula round: dx[h] collects dy[i] w[r] where
 * i SH + r DH = h + top, and so for columns. With SW = 2 even and odd columns of dx have taps of
 * their own: they are summed in vectors of their own, and interleaved when they are written.
 *
 * Options: R, S, STRIDE_H, STRIDE_W (1 or 2), DILATION_H, DILATION_W, and
 *   WINDOW     floats of local memory
 *   HEIGHT     rows of a tile; of x for a gradient to x, then a multiple of STRIDE_H
 *   LENGTH     floats of a row of the window, even or odd columns
 *   KIND       FORWARD, GRADIENT_X or GRADIENT_W
 *   TOP_PHASE, LEFT_PHASE   for the gradient to x: top % STRIDE_H, left % STRIDE_W
 *   EPILOGUE_BIAS, EPILOGUE_RESIDUAL, EPILOGUE_EXPRESSION   as in conv2d-simd.cl
 */

#define FORWARD 0
#define GRADIENT_X 1
#define GRADIENT_W 2

/* ── Geometry ── */

#if KIND == GRADIENT_X
#define PHASES 1          /* parts of a window's row */
#define VECTORS STRIDE_W  /* of a tile's row: vector d has the columns d, d + STRIDE_W, .. */
#define BACK_H ((R - 1) * DILATION_H / STRIDE_H) /* how far back the last tap reaches */
#define BACK_W ((S - 1) * DILATION_W / STRIDE_W)
/* The window's rows of a tile; the tile's row that tap r takes row i to. */
#define TILE_INPUTS ((HEIGHT - 1 + TOP_PHASE) / STRIDE_H + BACK_H + 1)
#define TARGET(i, r) (((i) - BACK_H) * STRIDE_H - TOP_PHASE + (r) * DILATION_H)
/* The taps of vector v: the first one, the distance between them, where in the window's row they begin. */
#define TAP_STEP (DILATION_W % STRIDE_W ? STRIDE_W : 1)
#define FIRST_TAP(v) \
  (((v) + LEFT_PHASE) % STRIDE_W == 0 ? 0 : DILATION_W % STRIDE_W ? 1 : S)
#define COLUMN(s, v) (BACK_W + ((v) + LEFT_PHASE - (s) * DILATION_W) / STRIDE_W)
#define INPUT_ROW(row) ((row) / STRIDE_H) /* of the window, for a row of the result */
#define INPUT_COLUMN(column) ((column) / STRIDE_W)
#else
#define PHASES STRIDE_W
#define VECTORS 1
#define TILE_INPUTS ((HEIGHT - 1) * STRIDE_H + (R - 1) * DILATION_H + 1)
#define TARGET(i, r) \
  (((i) - (r) * DILATION_H) % STRIDE_H ? -1 : ((i) - (r) * DILATION_H) / STRIDE_H)
#define TAP_STEP 1
#define FIRST_TAP(v) 0
#define COLUMN(s, v) ((s) * DILATION_W % STRIDE_W * LENGTH + (s) * DILATION_W / STRIDE_W)
#define INPUT_ROW(row) ((row) * STRIDE_H)
#define INPUT_COLUMN(column) (column)
#endif
#define ROW (PHASES * LENGTH)
#define SPAN (VECTORS * KOL_WIDTH) /* columns of a tile */

#if KOL_WIDTH == 4
#define RAMP ((ivec) (0, 1, 2, 3))
#elif KOL_WIDTH == 8
#define RAMP ((ivec) (0, 1, 2, 3, 4, 5, 6, 7))
#else
#define RAMP ((ivec) (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#endif

/* ── Window ── */

/* The first @n elements at @from, then zeros; reads no further than @end. */
inline vec
load_first (__global const float *from, int n, __global const float *end)
{
  if (n >= KOL_WIDTH)
    return vec_load (from);
  if (from + KOL_WIDTH <= end)
    return select ((vec) (0), vec_load (from), RAMP < (ivec) (n));

  float part[KOL_WIDTH];
  for (int i = 0; i < KOL_WIDTH; i++)
    part[i] = i < n ? from[i] : 0;
  return vec_load (part);
}

inline void
clear (__local float *to, int n)
{
  int i = 0;
  for (; i + KOL_WIDTH <= n; i += KOL_WIDTH)
    vec_store ((vec) (0), to + i);
  for (; i < n; i++)
    to[i] = 0;
}

/* A row of @width elements to a row of the window that has @left zeros before them. */
inline void
copy_row (__global const float *from, __local float *to, int width, int left,
          __global const float *end)
{
#if PHASES == 1
  for (int i = 0; i < width; i += KOL_WIDTH)
    vec_store (load_first (from + i, width - i, end), to + left + i);
#else
  __local float *even = to + left % 2 * LENGTH + left / 2;
  __local float *odd = to + (left + 1) % 2 * LENGTH + (left + 1) / 2;
  for (int i = 0; i < width; i += 2 * KOL_WIDTH)
    {
      vec a = load_first (from + i, width - i, end), b = (vec) (0);
      if (i + KOL_WIDTH < width)
        b = load_first (from + i + KOL_WIDTH, width - i - KOL_WIDTH, end);
      vec_store ((vec) (a.even, b.even), even + i / 2);
      vec_store ((vec) (a.odd, b.odd), odd + i / 2);
    }
#endif
}

/* @rows rows of the window: the rows of the plane `from` from number @first on, zeros outside. */
inline void
fill_window (__local float *window, int rows, __global const float *from, int first, int height,
             int width, int left, __global const float *end)
{
  int begin = clamp (-first, 0, rows), stop = clamp (height - first, begin, rows);
  clear (window, begin * ROW);
  for (int row = begin; row < stop; row++)
    copy_row (from + (first + row) * width, window + row * ROW, width, left, end);
  clear (window + stop * ROW, (rows - stop) * ROW);
}

#if KIND != GRADIENT_W

/* ── Forward, gradient to x ── */

/* The vectors of a tile's row in the order of the result. */
inline void
interleave (const vec *sum, vec *row)
{
#if VECTORS == 1
  row[0] = sum[0];
#else
  row[0].even = sum[0].lo;
  row[0].odd = sum[1].lo;
  row[1].even = sum[0].hi;
  row[1].odd = sum[1].hi;
#endif
}

inline void
write_vec (vec value, float bias, __global float *y, __global const float *residual, int at)
{
  value += (vec) (bias);
#ifdef EPILOGUE_RESIDUAL
  value += vec_load (residual + at);
#endif
  vec_store (epilogue_vec (value), y + at);
}

inline void
write_row (const vec *sum, float bias, __global float *y, __global const float *residual, int at)
{
  vec row[VECTORS];
  interleave (sum, row);
  #pragma unroll
  for (int v = 0; v < VECTORS; v++)
    write_vec (row[v], bias, y, residual, at + v * KOL_WIDTH);
}

/* Writes a vector of which @n elements are the row's own: whole where that stays below @limit. */
inline void
write_some (vec value, float bias, __global float *y, __global const float *residual, int at,
            int limit, int n)
{
  if (n <= 0)
    return;
  if (at + KOL_WIDTH <= limit)
    {
      write_vec (value, bias, y, residual, at);
      return;
    }
  float part[KOL_WIDTH];
  value += (vec) (bias);
#ifdef EPILOGUE_RESIDUAL
  for (int i = 0; i < KOL_WIDTH; i++)
    part[i] = i < n ? residual[at + i] : 0;
  value += vec_load (part);
#endif
  vec_store (epilogue_vec (value), part);
  for (int i = 0; i < min (n, KOL_WIDTH); i++)
    y[at + i] = part[i];
}

/*
 * Unit u: rows u % blocks * block .. of plane u / blocks of the result, `planes` of them of
 * `rows` x `columns`. An item has `each` units, which follow each other in the result: a whole
 * vector may reach over a row's end, the rest of it is written after, from the right to the left and
 * from the top down; but never over the item's own end. Of `sources` planes of height x width; a
 * window's first tap is at `start`. Global size: items.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
conv2d_depthwise (__global const float *restrict x, __global const float *restrict w,
                  __global float *restrict y, __global const float *restrict bias,
                  __global const float *restrict residual, int sources, int filters, int channels,
                  int planes, int blocks, int each, int block, int rows, int columns, int height,
                  int width, int top, int left, int window_rows, int start)
{
  __local float window[WINDOW];

  int first_unit = get_global_id (0) * each, last_unit = min (planes * blocks, first_unit + each);
  int limit = last_unit / blocks * rows * columns + last_unit % blocks * block * columns;
  __global const float *end = x + (size_t) sources * height * width;

  clear (window, window_rows * ROW);
  for (int unit = first_unit; unit < last_unit; unit++)
    {
      int plane = unit / blocks, channel = plane % channels;
      int first = unit % blocks * block, count = min (block, rows - first);
      __global const float *weights = w + channel * R * S;
      float shift = 0;
#ifdef EPILOGUE_BIAS
      shift = bias[channel];
#endif
      fill_window (window, window_rows, x + (size_t) (plane / filters) * height * width,
                   INPUT_ROW (first) - top, height, width, left, end);

      for (int row = 0; row < count; row += HEIGHT)
        for (int column = (columns - 1) / SPAN * SPAN; column >= 0; column -= SPAN)
          {
            __local const float *from
                = window + start + INPUT_ROW (row) * ROW + INPUT_COLUMN (column);
            vec sum[HEIGHT][VECTORS];
            #pragma unroll
            for (int t = 0; t < HEIGHT; t++)
              #pragma unroll
              for (int v = 0; v < VECTORS; v++)
                sum[t][v] = (vec) (0);

            #pragma unroll
            for (int v = 0; v < VECTORS; v++)
              #pragma unroll 1
              for (int s = FIRST_TAP (v); s < S; s += TAP_STEP)
                {
                  __local const float *inputs = from + COLUMN (s, v);
                  vec weight[R];
                  #pragma unroll
                  for (int r = 0; r < R; r++)
                    weight[r] = (vec) (weights[r * S + s]);
                  #pragma unroll
                  for (int i = 0; i < TILE_INPUTS; i++)
                    {
                      vec input = vec_load (inputs + i * ROW);
                      #pragma unroll
                      for (int r = 0; r < R; r++)
                        if (TARGET (i, r) >= 0 && TARGET (i, r) < HEIGHT)
                          sum[TARGET (i, r)][v] = fma (weight[r], input, sum[TARGET (i, r)][v]);
                    }
                }

            int at = (plane * rows + first + row) * columns + column, n = columns - column;
            if (row + HEIGHT <= count && at + (HEIGHT - 1) * columns + SPAN <= limit
                && n > SPAN - KOL_WIDTH)
              {
                #pragma unroll
                for (int t = 0; t < HEIGHT; t++)
                  write_row (sum[t], shift, y, residual, at + t * columns);
                continue;
              }

            vec edge[HEIGHT][VECTORS];
            #pragma unroll
            for (int t = 0; t < HEIGHT; t++)
              interleave (sum[t], edge[t]);
            for (int t = 0; t < min (HEIGHT, count - row); t++)
              for (int v = 0; v < VECTORS; v++)
                write_some (edge[t][v], shift, y, residual, at + t * columns + v * KOL_WIDTH, limit,
                            n - v * KOL_WIDTH);
          }
    }
}

#else

/* ── Gradient to w ── */

/* sum[s][r] += the outputs' rows `line` times the inputs of the tap, which begin at `from`. */
inline void
add_products (__local const float *from, const vec *line, vec (*sum)[R])
{
  #pragma unroll 1
  for (int s = 0; s < S; s++)
    {
      __local const float *inputs = from + COLUMN (s, 0);
      vec here[R];
      #pragma unroll
      for (int r = 0; r < R; r++)
        here[r] = sum[s][r];
      #pragma unroll
      for (int i = 0; i < TILE_INPUTS; i++)
        {
          vec input = vec_load (inputs + i * ROW);
          #pragma unroll
          for (int r = 0; r < R; r++)
            if (TARGET (i, r) >= 0 && TARGET (i, r) < HEIGHT)
              here[r] = fma (line[TARGET (i, r)], input, here[r]);
        }
      #pragma unroll
      for (int r = 0; r < R; r++)
        sum[s][r] = here[r];
    }
}

/*
 * dw[k, r, s] = sum over pictures and outputs of dy times the input of the tap. A tile has HEIGHT
 * rows of dy, a vector wide, and adds to a vector per tap. A work-item has the filters
 * get_global_id (1) * each .., and sums `per_chunk` pictures for each; the sum over a picture is
 * added to that over the ones before. Writes to[to_at + chunk * elements of w].
 * Global size: chunks, blocks of filters.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
conv2d_depthwise_weights (__global const float *restrict x, __global const float *restrict dy,
                          __global float *restrict to, int pictures, int filters, int channels,
                          int each, int per_chunk, int blocks, int block, int rows, int columns,
                          int height, int width, int top, int left, int window_rows)
{
  __local float window[WINDOW];

  int chunk = get_global_id (0), first_filter = get_global_id (1) * each;
  int last_filter = min (channels, first_filter + each);
  int first_picture = chunk * per_chunk, last_picture = min (pictures, first_picture + per_chunk);
  __global const float *end = x + (size_t) pictures * (channels / filters) * height * width;
  __global const float *dy_end = dy + (size_t) pictures * channels * rows * columns;

  clear (window, window_rows * ROW);
  for (int filter = first_filter; filter < last_filter; filter++)
    {
      vec total[S][R];
      for (int s = 0; s < S; s++)
        for (int r = 0; r < R; r++)
          total[s][r] = (vec) (0);

      for (int picture = first_picture; picture < last_picture; picture++)
        {
          int plane = picture * channels + filter;
          vec sum[S][R];
          for (int s = 0; s < S; s++)
            for (int r = 0; r < R; r++)
              sum[s][r] = (vec) (0);

          for (int b = 0; b < blocks; b++)
            {
              int first = b * block, count = min (block, rows - first);
              __global const float *lines = dy + (size_t) (plane * rows + first) * columns;
              fill_window (window, window_rows, x + (size_t) (plane / filters) * height * width,
                           INPUT_ROW (first) - top, height, width, left, end);

              for (int row = 0; row < count; row += HEIGHT)
                for (int column = 0; column < columns; column += KOL_WIDTH)
                  {
                    vec line[HEIGHT];
                    #pragma unroll
                    for (int t = 0; t < HEIGHT; t++)
                      {
                        line[t] = (vec) (0);
                        if (row + t < count)
                          line[t] = load_first (lines + (row + t) * columns + column,
                                                columns - column, dy_end);
                      }
                    add_products (window + INPUT_ROW (row) * ROW + column, line, sum);
                  }
            }
          for (int s = 0; s < S; s++)
            for (int r = 0; r < R; r++)
              total[s][r] += sum[s][r];
        }
      for (int r = 0; r < R; r++)
        for (int s = 0; s < S; s++)
          to[((chunk * channels + filter) * R + r) * S + s] = vec_sum (total[s][r]);
    }
}

#endif
