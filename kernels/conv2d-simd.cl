/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Convolution and its gradients for devices whose work-item is a SIMD thread (OpenCL on a CPU), as
 * a matrix product whose right side is never built ("implicit gemm"). A work-group is one item.
 *
 * The picture is first copied into planes, zero-padded. A convolution with strides SH, SW has
 * SH SW planes per channel: plane (i, j) has the padded picture's rows i, i + SH, i + 2 SH, ... and
 * columns j, j + SW, ... Then the inputs of a row of outputs for one tap (c, r, s) are neighbours.
 * More: with rows of `row_length` floats, output (p, q), numbered p * row_length + q, finds
 * the input of a tap at offset[tap] + that number. So outputs are computed as one long line, in
 * panels of vectors; the numbers with q >= Q, the gaps, are computed too and not written.
 * src/ops/conv2d-simd.c works out the geometry.
 *
 * The gradient to x of a convolution with strides is SH SW convolutions of dy, its parts: part (i, j)
 * has the outputs h, w with (h + top) % SH = i, (w + left) % SW = j, and the taps r, s with
 * r DH % SH = i, s DW % SW = j, which alone reach them.
 *
 * Options: none: conv2d_planes, conv2d_pack, conv2d_total;
 *   ROWS, VECTORS   conv2d_tiles: rows (filters) and vectors of a register tile; also
 *   STRIP           outputs per filter that a work-item holds in local memory,
 *   APART           1: outputs do not lie side by side, as those of a part of a gradient,
 *   EPILOGUE_BIAS, EPILOGUE_RESIDUAL, EPILOGUE_EXPRESSION   where present: y + bias[filter], then
 *                   + residual[n, k, p, q], then the expression in `a` and the type T;
 *   ROWS, TAPS      conv2d_weights: filters and taps of a register tile.
 */

#if defined (VECTORS)

#define PANEL (VECTORS * KOL_WIDTH)
#define TAPS_AT_ONCE 512 /* the weights of a tile for so many taps stay in the first cache level */

#if APART
/* Writes one filter's outputs begin .. end-1 from `line`, which has them with gaps, to rows of `y`. */
inline void
write_line (__local const float *line, int begin, int end, int row_length, int Q, float bias,
            __global float *y, __global const float *residual, int row, int column)
{
  for (int p = begin / row_length; p <= (end - 1) / row_length; p++)
    {
      int q_end = min (Q, end - p * row_length);
      for (int q = max (0, begin - p * row_length); q < q_end; q += KOL_WIDTH)
        {
          int at = p * row + q * column, n = min (KOL_WIDTH, q_end - q);
          vec value = vec_load (line + (p * row_length + q - begin)) + (vec) (bias);
          float part[KOL_WIDTH];
#ifdef EPILOGUE_RESIDUAL
          for (int i = 0; i < KOL_WIDTH; i++)
            part[i] = i < n ? residual[at + i * column] : 0;
          value += vec_load (part);
#endif
          vec_store (epilogue_function (value), part);
          for (int i = 0; i < n; i++)
            y[at + i * column] = part[i];
        }
    }
}
#else
/*
 * Writes one filter's outputs begin .. end-1 from `line`, which has them with gaps, to `y` [P][Q]
 * without. A whole vector may reach over a row's end: the next row, written after, puts that right;
 * but never over the work-item's own last output.
 */
inline void
write_line (__local const float *line, int begin, int end, int row_length, int Q, float bias,
            __global float *y, __global const float *residual, int row, int column)
{
  int last_row = (end - 1) / row_length;
  int limit = last_row * Q + min ((end - 1) % row_length + 1, Q);

  for (int p = begin / row_length; p <= last_row; p++)
    {
      int q_end = min (Q, end - p * row_length);
      for (int q = max (0, begin - p * row_length); q < q_end; q += KOL_WIDTH)
        {
          int at = p * Q + q;
          vec value = vec_load (line + (p * row_length + q - begin)) + (vec) (bias);
          if (at + KOL_WIDTH <= limit)
            {
#ifdef EPILOGUE_RESIDUAL
              value += vec_load (residual + at);
#endif
              vec_store (epilogue_function (value), y + at);
              continue;
            }
          int n = min (KOL_WIDTH, q_end - q);
          float part[KOL_WIDTH];
#ifdef EPILOGUE_RESIDUAL
          for (int i = 0; i < KOL_WIDTH; i++)
            part[i] = i < n ? residual[at + i] : 0;
          value += vec_load (part);
#endif
          vec_store (epilogue_function (value), part);
          for (int i = 0; i < n; i++)
            y[at + i] = part[i];
        }
    }
}
#endif

/*
 * weights[group][tile][tap][ROWS], from conv2d_pack; planes from conv2d_planes. A work-item owns
 * `block` outputs (a multiple of PANEL, at most STRIP) of `tiles_each` tiles of one group of one
 * picture. Output (p, q) goes to first + p * row + q * column of a plane of `plane` floats. Without
 * taps, outputs are what the epilogue makes of 0. Global size: blocks, blocks of tiles, pictures x groups.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
conv2d_tiles (__global const float *restrict planes, __global const float *restrict weights,
              __global const int *restrict offset, __global float *restrict y,
              __global const float *restrict bias, __global const float *restrict residual,
              int weights_at, int offset_at, int start, int first_picture, int groups,
              int group_floats, int filters, int taps, int tiles, int tiles_each, int outputs,
              int block, int row_length, int Q, int plane, int first, int row, int column)
{
  __local float strip[ROWS * STRIP + KOL_WIDTH];

  int group = get_global_id (2) % groups, picture = first_picture + get_global_id (2) / groups;
  int begin = get_global_id (0) * block, end = min (outputs, begin + block);
  int first_tile = get_global_id (1) * tiles_each, last_tile = min (tiles, first_tile + tiles_each);
  planes += (size_t) get_global_id (2) * group_floats + start + begin;
  offset += offset_at;

  for (int tile = first_tile; tile < last_tile; tile++)
    {
      __global const float *tile_weights
          = weights + weights_at + ((size_t) group * tiles + tile) * taps * ROWS;
      for (int first_tap = 0; first_tap < max (taps, 1); first_tap += TAPS_AT_ONCE)
        {
          int last_tap = min (taps, first_tap + TAPS_AT_ONCE);
          for (int j = 0; j < end - begin; j += PANEL)
            {
              vec sum[ROWS][VECTORS];
              #pragma unroll
              for (int r = 0; r < ROWS; r++)
                #pragma unroll
                for (int v = 0; v < VECTORS; v++)
                  sum[r][v]
                      = first_tap ? vec_load (strip + r * STRIP + j + v * KOL_WIDTH) : (vec) 0;

              __global const float *w = tile_weights + (size_t) first_tap * ROWS;
              for (int tap = first_tap; tap < last_tap; tap++, w += ROWS)
                {
                  __global const float *from = planes + offset[tap] + j;
                  vec across[VECTORS];
                  #pragma unroll
                  for (int v = 0; v < VECTORS; v++)
                    across[v] = vec_load (from + v * KOL_WIDTH);
                  #pragma unroll
                  for (int r = 0; r < ROWS; r++)
                    #pragma unroll
                    for (int v = 0; v < VECTORS; v++)
                      sum[r][v] = fma ((vec) (w[r]), across[v], sum[r][v]);
                }

              #pragma unroll
              for (int r = 0; r < ROWS; r++)
                #pragma unroll
                for (int v = 0; v < VECTORS; v++)
                  vec_store (sum[r][v], strip + r * STRIP + j + v * KOL_WIDTH);
            }
        }

      for (int r = 0; r < min (ROWS, filters - tile * ROWS); r++)
        {
          int filter = group * filters + tile * ROWS + r;
          size_t at = ((size_t) picture * groups * filters + filter) * plane + first;
          float shift = 0;
#ifdef EPILOGUE_BIAS
          shift = bias[filter];
#endif
          write_line (strip + r * STRIP, begin, end, row_length, Q, shift, y + at, residual + at, row,
                      column);
        }
    }
}

#elif defined (TAPS)

/*
 * dw[k, c, r, s] = sum over pictures and outputs of dy times the input of the tap. `rows` has dy in
 * lines with zeros in the gaps, `line` floats per filter; a register tile sums ROWS filters x TAPS
 * taps as vectors over the outputs. The outputs of all pictures are cut into segments of `segment`
 * floats, `per_picture` of them per picture; a work-item sums `per_chunk` of them, `per_visit` at a
 * time (what stays in its cache), for `tiles_each` tiles of filters of one group.
 * Writes to[to_at + chunk * elements of w], or adds there.
 * Global size: chunks, blocks of tiles, groups.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
conv2d_weights (__global const float *restrict planes, __global const float *restrict rows,
                __global const int *restrict offset, __global float *restrict to, int rows_at,
                int offset_at, int to_at, int add, int groups, int group_floats, int filters,
                int taps, int tiles_each, int line, int segment, int per_picture, int segments,
                int per_chunk, int per_visit)
{
  int chunk = get_global_id (0), group = get_global_id (2);
  int first_filter = get_global_id (1) * tiles_each * ROWS;
  int last_filter = min (filters, first_filter + tiles_each * ROWS);
  int first_segment = chunk * per_chunk, last_segment = min (segments, first_segment + per_chunk);
  offset += offset_at;
  rows += rows_at;
  to += to_at + ((size_t) chunk * groups + group) * filters * taps;

  for (int visit = first_segment; visit < last_segment; visit += per_visit)
    for (int filter = first_filter; filter < last_filter; filter += ROWS)
      for (int tap = 0; tap < taps; tap += TAPS)
        {
          int at[TAPS];
          vec sum[ROWS][TAPS];
          #pragma unroll
          for (int t = 0; t < TAPS; t++)
            {
              at[t] = offset[min (tap + t, taps - 1)];
              #pragma unroll
              for (int r = 0; r < ROWS; r++)
                sum[r][t] = (vec) 0;
            }

          for (int s = visit; s < min (last_segment, visit + per_visit); s++)
            {
              size_t place = (size_t) (s / per_picture) * groups + group;
              int begin = s % per_picture * segment, end = min (line, begin + segment);
              __global const float *from = planes + place * group_floats;
              __global const float *dy[ROWS];
              #pragma unroll
              for (int r = 0; r < ROWS; r++)
                dy[r] = rows + (place * filters + min (filter + r, filters - 1)) * line;
              for (int j = begin; j < end; j += KOL_WIDTH)
                {
                  vec down[ROWS];
                  #pragma unroll
                  for (int r = 0; r < ROWS; r++)
                    down[r] = vec_load (dy[r] + j);
                  #pragma unroll
                  for (int t = 0; t < TAPS; t++)
                    {
                      vec across = vec_load (from + at[t] + j);
                      #pragma unroll
                      for (int r = 0; r < ROWS; r++)
                        sum[r][t] = fma (down[r], across, sum[r][t]);
                    }
                }
            }

          float total[ROWS][TAPS];
          #pragma unroll
          for (int r = 0; r < ROWS; r++)
            #pragma unroll
            for (int t = 0; t < TAPS; t++)
              total[r][t] = vec_sum (sum[r][t]);
          bool more = add || visit > first_segment;
          for (int r = 0; r < min (ROWS, last_filter - filter); r++)
            for (int t = 0; t < min (TAPS, taps - tap); t++)
              {
                size_t element = (size_t) (filter + r) * taps + tap + t;
                to[element] = more ? to[element] + total[r][t] : total[r][t];
              }
        }
}

#else

/*
 * Along an axis, part i of `parts` has the taps r with r dilation % parts = i: the first of them, or
 * `taps` if there is none; the distance between them; how many there are.
 */
inline int
first_tap (int i, int taps, int dilation, int parts)
{
  int r = 0;
  while (r < taps && r * dilation % parts != i)
    r++;
  return r;
}

inline int
tap_step (int dilation, int parts)
{
  int step = 1;
  while (step * dilation % parts)
    step++;
  return step;
}

inline int
tap_count (int i, int taps, int dilation, int parts)
{
  int first = first_tap (i, taps, dilation, parts), step = tap_step (dilation, parts);
  return (taps - first + step - 1) / step;
}

/* Where a plane's output number 0 finds each tap's input: offset[channel][r][s]. */
inline void
write_offsets (__global int *offset, int channels, int R, int S, int dilation_h, int dilation_w,
               int phases_h, int phases_w, int row_length, int plane, int step_h, int step_w)
{
  for (int c = 0; c < channels; c++)
    for (int r = 0; r < R; r++)
      for (int s = 0; s < S; s++)
        {
          int row = r * dilation_h, column = s * dilation_w;
          int phase = row % step_h * phases_w + column % step_w;
          *offset++ = (c * phases_h * phases_w + phase) * plane + row / step_h * row_length
                      + column / step_w;
        }
}

/*
 * The same for the gradient to x, part by part, before a part's start: offset[i][j][channel][r][s]
 * for the taps of part (i, j), which reach back from the output.
 */
inline void
write_part_offsets (__global int *offset, int channels, int R, int S, int dilation_h,
                    int dilation_w, int stride_h, int stride_w, int row_length, int plane, int top,
                    int left)
{
  int step_h = tap_step (dilation_h, stride_h), step_w = tap_step (dilation_w, stride_w);

  for (int i = 0; i < stride_h; i++)
    for (int j = 0; j < stride_w; j++)
      {
        int first_r = first_tap (i, R, dilation_h, stride_h);
        int first_s = first_tap (j, S, dilation_w, stride_w);
        for (int c = 0; c < channels; c++)
          for (int r = first_r; r < R; r += step_h)
            for (int s = first_s; s < S; s += step_w)
              *offset++ = c * plane + (top - r * dilation_h / stride_h) * row_length + left
                          - s * dilation_w / stride_w;
      }
}

/*
 * Plane by plane, numbered [picture, channel][i][j]: zeros, then the rows and columns it shares
 * with the picture x [channels][height][width]. Column b of plane (i, j) is the picture's column
 * b * step_w + j - left where that is inside; rows alike. Writes planes[to_at ..]; first: the first
 * of x's channels. Then, where tap_channels is not 0, the taps' offsets to offset[offset_at ..], for
 * the gradient to x if the strides are not 0. Global size: work-items that have `each` planes.
 */
__kernel void
conv2d_planes (__global const float *restrict x, __global float *restrict planes,
               __global int *restrict offset, int to_at, int offset_at, int first, int count,
               int each, int height, int width, int phases_h, int phases_w, int rows,
               int row_length, int plane, int step_h, int step_w, int top, int left,
               int tap_channels, int R, int S, int dilation_h, int dilation_w, int stride_h,
               int stride_w)
{
  int from = get_global_id (0) * each;
  for (int index = from; index < min (count, from + each); index++)
    {
      int j = index % phases_w, i = index / phases_w % phases_h;
      __global const float *channel
          = x + (size_t) (first + index / (phases_w * phases_h)) * height * width;
      __global float *to = planes + to_at + (size_t) index * plane;

      for (int b = 0; b < plane; b += KOL_WIDTH)
        vec_store ((vec) 0, to + b);

      int begin = max (0, (left - j + step_w - 1) / step_w), span = width + left - j;
      int end = span > 0 ? min (row_length, (span - 1) / step_w + 1) : 0;
      for (int row = 0; row < rows; row++)
        {
          int h = row * step_h + i - top;
          if (h < 0 || h >= height)
            continue;
          __global const float *source = channel + (size_t) h * width;
          __global float *line = to + row * row_length;
          if (step_w > 1)
            {
              for (int b = begin; b < end; b++)
                line[b] = source[b * step_w + j - left];
            }
          else
            {
              int b = begin;
              for (; b + KOL_WIDTH <= end; b += KOL_WIDTH)
                vec_store (vec_load (source + b - left), line + b);
              for (; b < end; b++)
                line[b] = source[b - left];
            }
        }
    }
  if (from == 0 && stride_h)
    write_part_offsets (offset + offset_at, tap_channels, R, S, dilation_h, dilation_w, stride_h,
                        stride_w, row_length, plane, top, left);
  else if (from == 0)
    write_offsets (offset + offset_at, tap_channels, R, S, dilation_h, dilation_w, phases_h,
                   phases_w, row_length, plane, step_h, step_w);
}

/*
 * packed[part][group][tile][channel, tap][rows] = w[group][filter * filter_step
 * + channel * channel_step + tap], 0 for filters that do not exist. Part (i, j) of parts_h x parts_w
 * has the taps r, s with r dilation_h % parts_h = i, s dilation_w % parts_w = j: all of them, if
 * there is but one part. Global size: tiles, groups, parts.
 */
__kernel void
conv2d_pack (__global const float *restrict w, __global float *restrict packed, int packed_at,
             int rows, int filters, int filter_step, int channel_step, int channels, int R, int S,
             int dilation_h, int dilation_w, int parts_h, int parts_w)
{
  int tile = get_global_id (0), tiles = get_global_size (0), group = get_global_id (1);
  int i = get_global_id (2) / parts_w, j = get_global_id (2) % parts_w;
  int present = min (rows, filters - tile * rows);
  int first_r = first_tap (i, R, dilation_h, parts_h), step_r = tap_step (dilation_h, parts_h);
  int first_s = first_tap (j, S, dilation_w, parts_w), step_s = tap_step (dilation_w, parts_w);
  int taps_r = tap_count (i, R, dilation_h, parts_h);
  int taps_s = tap_count (j, S, dilation_w, parts_w), before = 0;

  for (int k = 0; k < i; k++)
    before += tap_count (k, R, dilation_h, parts_h) * S;
  for (int k = 0; k < j; k++)
    before += taps_r * tap_count (k, S, dilation_w, parts_w);
  before = (before * (int) get_global_size (1) + taps_r * taps_s * group) * tiles
           + taps_r * taps_s * tile;
  packed += packed_at + (size_t) before * channels * rows;
  w += (size_t) group * filters * channels * R * S + (size_t) tile * rows * filter_step;

  for (int c = 0; c < channels; c++)
    for (int r = first_r; r < R; r += step_r)
      for (int s = first_s; s < S; s += step_s)
        {
          __global const float *from = w + (size_t) c * channel_step + r * S + s;
          for (int row = 0; row < rows; row++)
            *packed++ = row < present ? from[(size_t) row * filter_step] : 0;
        }
}

/* total[i] = sum over the chunks of partial[from + chunk * elements + i], in their order.
 * Global size: work-items that have `each` elements. */
__kernel void
conv2d_total (__global const float *restrict partial, __global float *restrict total, int from,
              int elements, int chunks, int each)
{
  int i = get_global_id (0) * each, end = min (elements, i + each);
  partial += from;
  for (; i + KOL_WIDTH <= end; i += KOL_WIDTH)
    {
      vec sum = vec_load (partial + i);
      for (int chunk = 1; chunk < chunks; chunk++)
        sum += vec_load (partial + (size_t) chunk * elements + i);
      vec_store (sum, total + i);
    }
  for (; i < end; i++)
    {
      float sum = partial[i];
      for (int chunk = 1; chunk < chunks; chunk++)
        sum += partial[(size_t) chunk * elements + i];
      total[i] = sum;
    }
}

#endif
