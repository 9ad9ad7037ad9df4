/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Winograd's convolution F(M x M, R x R) for devices whose work-item is a SIMD thread (OpenCL on a
 * CPU): stride 1, no dilation, one group. Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2015.
 *
 * A tile of M x M outputs needs ALPHA x ALPHA inputs d, ALPHA = M + R - 1:
 *   y = A^T ((G w G^T) . (B^T d B)) A,
 * where . multiplies element by element: ALPHA^2 products instead of M^2 R^2. Summed over channels,
 * each of the ALPHA^2 elements, called planes here, is a matrix product
 *   products[plane][filter][tile] = sum over c of weights[plane][filter][c] inputs[plane][c][tile].
 * B, A and G come from evaluating polynomials at 0, 1, -1, 2, -2 and infinity (ALPHA = 6), or 0, 1,
 * -1 and infinity (ALPHA = 4).
 *
 * Transformed, multiplied and transformed back is a block of tiles at a time, in memory of the
 * work-item's own that its second cache level holds. Tiles of all pictures are numbered in one
 * line. The gradient to x is such a convolution, too; the gradient to w is the convolution turned
 * round, step by step:
 *   dw = G^T (sum over tiles of (A dy A^T) . (B^T d B)) G.
 *
 * Options: M, R, ROWS (filters of a register tile); where tiles are worked on: VECTORS (of a
 * register tile); EPILOGUE_... as in conv2d-simd.cl. `pitch` is the floats between rows of a plane: the
 * tiles of a block.
 */

#define ALPHA (M + R - 1)
#define PLANES (ALPHA * ALPHA)

/* ── Transforms along one axis ── */

/* B^T a */
inline void
transform_input (const vec *a, vec *o)
{
#if ALPHA == 6
  vec even = a[4] - 4 * a[2], odd = a[3] - 4 * a[1];
  vec near = a[4] - a[2], far = 2 * (a[3] - a[1]);
  o[0] = fma ((vec) 4, a[0], fma ((vec) -5, a[2], a[4]));
  o[1] = even + odd;
  o[2] = even - odd;
  o[3] = near + far;
  o[4] = near - far;
  o[5] = fma ((vec) 4, a[1], fma ((vec) -5, a[3], a[5]));
#else
  o[0] = a[0] - a[2];
  o[1] = a[1] + a[2];
  o[2] = a[2] - a[1];
  o[3] = a[1] - a[3];
#endif
}

/* A^T m */
inline void
transform_output (const vec *m, vec *o)
{
#if ALPHA == 6
  vec p = m[1] + m[2], q = m[1] - m[2], r = m[3] + m[4], s = m[3] - m[4];
  o[0] = m[0] + p + r;
#if M == 4
  o[1] = fma ((vec) 2, s, q);
  o[2] = fma ((vec) 4, r, p);
  o[3] = fma ((vec) 8, s, q) + m[5];
#else
  o[1] = fma ((vec) 2, s, q) + m[5];
#endif
#else
  o[0] = m[0] + m[1] + m[2];
  o[1] = m[1] - m[2] - m[3];
#endif
}

/* A d */
inline void
transform_gradient (const vec *d, vec *o)
{
#if M == 4
  vec even = d[0] + d[2], odd = d[1] + d[3];
  vec far_even = fma ((vec) 4, d[2], d[0]), far_odd = fma ((vec) 8, d[3], 2 * d[1]);
  o[0] = d[0];
  o[1] = even + odd;
  o[2] = even - odd;
  o[3] = far_even + far_odd;
  o[4] = far_even - far_odd;
  o[5] = d[3];
#else
  o[0] = d[0];
  o[1] = d[0] + d[1];
  o[2] = d[0] - d[1];
#if ALPHA == 6
  o[3] = fma ((vec) 2, d[1], d[0]);
  o[4] = fma ((vec) -2, d[1], d[0]);
  o[5] = d[1];
#else
  o[3] = -d[1];
#endif
#endif
}

/* G, by rows. */
#if ALPHA == 6 && R == 3
__constant float G[ALPHA][R] = {
  { 1.0f / 4, 0, 0 },
  { -1.0f / 6, -1.0f / 6, -1.0f / 6 },
  { -1.0f / 6, 1.0f / 6, -1.0f / 6 },
  { 1.0f / 24, 1.0f / 12, 1.0f / 6 },
  { 1.0f / 24, -1.0f / 12, 1.0f / 6 },
  { 0, 0, 1 },
};
#elif ALPHA == 6
__constant float G[ALPHA][R] = {
  { 1.0f / 4, 0, 0, 0, 0 },
  { -1.0f / 6, -1.0f / 6, -1.0f / 6, -1.0f / 6, -1.0f / 6 },
  { -1.0f / 6, 1.0f / 6, -1.0f / 6, 1.0f / 6, -1.0f / 6 },
  { 1.0f / 24, 1.0f / 12, 1.0f / 6, 1.0f / 3, 2.0f / 3 },
  { 1.0f / 24, -1.0f / 12, 1.0f / 6, -1.0f / 3, 2.0f / 3 },
  { 0, 0, 0, 0, 1 },
};
#else
__constant float G[ALPHA][R] = { { 1, 0, 0 }, { 0.5f, 0.5f, 0.5f }, { 0.5f, -0.5f, 0.5f }, { 0, 0, 1 } };
#endif

#ifdef VECTORS

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

#if defined (TO_WEIGHTS)

/* outputs[plane][k][tile] = A dy A^T, like transform_inputs. */
inline void
transform_gradients (__global const float *dy, long floats, int filters, int P, int Q, int tiles_y,
                     int tiles_x, int begin, int end, __global float *outputs, int plane_floats,
                     int pitch)
{
  for (int k = 0; k < filters; k++, outputs += pitch)
    for (int tile = begin; tile < end;)
      {
        Run run = run_at (tile, tile - begin, end, tiles_y, tiles_x);
        long at = (((long) run.picture * filters + k) * P + run.y * M) * Q;
        for (int t = 0; t < run.count; t += KOL_WIDTH)
          {
            Span span = span_at ((run.x + t) * M, M, Q);
            vec once[M][ALPHA];
            #pragma unroll 1
            for (int i = 0; i < M; i++)
              {
                vec d[M];
                #pragma unroll
                for (int j = 0; j < M; j++)
                  d[j] = (vec) 0;
                if (run.y * M + i < P)
                  comb_row (dy, floats, at + (long) i * Q, span, M, d);
                transform_gradient (d, once[i]);
              }
            #pragma unroll 1
            for (int j = 0; j < ALPHA; j++)
              {
                vec d[M], o[ALPHA];
                #pragma unroll
                for (int i = 0; i < M; i++)
                  d[i] = once[i][j];
                transform_gradient (d, o);
                #pragma unroll
                for (int i = 0; i < ALPHA; i++)
                  vec_store (o[i], outputs + (size_t) (i * ALPHA + j) * plane_floats + run.first + t);
              }
          }
        tile += run.count;
      }
}

/* panels[panel][tile][PANEL]: the channels of one plane, side by side. */
inline void
turn_plane (__global const float *plane, int channels, int tiles, int pitch,
            __global float *panels)
{
  for (int c = 0; c < channels; c += KOL_WIDTH)
    {
      __global float *to = panels + (size_t) (c / PANEL) * pitch * PANEL + c % PANEL;
      for (int t = 0; t < tiles; t += KOL_WIDTH)
        {
          vec square[KOL_WIDTH];
          #pragma unroll
          for (int i = 0; i < KOL_WIDTH; i++)
            square[i] = vec_load (plane + min (c + i, channels - 1) * pitch + t);
          transpose_square (square);
          #pragma unroll
          for (int i = 0; i < KOL_WIDTH; i++)
            vec_store (square[i], to + (size_t) (t + i) * PANEL);
        }
    }
}

/*
 * sums[chunk][plane][tile of filters][panel of channels][ROWS][PANEL] = the sum over tiles of
 * (A dy A^T) . (B^T d B). A work-item has `tiles_each` tiles, `block` of them at a time, and
 * `panels_each` panels of channels. memory: item_floats per work-item, which hold the inputs'
 * planes, the gradients' planes and one plane in panels. Global size: chunks of tiles, blocks of
 * panels.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
winograd_weights (__global const float *restrict x, __global const float *restrict dy,
                  __global float *memory, __global float *restrict sums, int sums_at,
                  int channels, int filters, int height, int width, int P, int Q, int top,
                  int left, int tiles_y, int tiles_x, int pictures, int tiles_each, int block,
                  int panels_each, int item_floats, int plane_x, int plane_dy)
{
  int tiles = pictures * tiles_y * tiles_x;
  int first_tile = get_global_id (0) * tiles_each, last_tile = min (tiles, first_tile + tiles_each);
  int panels = (channels + PANEL - 1) / PANEL, filter_tiles = (filters + ROWS - 1) / ROWS;
  int first_panel = get_global_id (1) * panels_each;
  int last_panel = min (panels, first_panel + panels_each);
  int first_channel = first_panel * PANEL, last_channel = min (channels, last_panel * PANEL);
  long floats_x = (long) pictures * channels * height * width;
  long floats_dy = (long) pictures * filters * P * Q;
  __global float *inputs
      = memory + (get_global_id (1) * get_global_size (0) + get_global_id (0)) * item_floats;
  __global float *outputs = inputs + (size_t) PLANES * plane_x;
  __global float *turned = outputs + (size_t) PLANES * plane_dy;
  sums += sums_at + get_global_id (0) * (size_t) PLANES * filter_tiles * panels * ROWS * PANEL;

  for (int begin = first_tile; begin < last_tile; begin += block)
    {
      int end = min (begin + block, last_tile);
      transform_inputs (x, floats_x, channels, height, width, top, left, tiles_y, tiles_x, begin,
                        end, first_channel, last_channel, inputs, plane_x, block);
      transform_gradients (dy, floats_dy, filters, P, Q, tiles_y, tiles_x, begin, end, outputs,
                           plane_dy, block);
      for (int plane = 0; plane < PLANES; plane++)
        {
          turn_plane (inputs + (size_t) plane * plane_x, last_channel - first_channel, end - begin,
                      block, turned);
          for (int panel = first_panel; panel < last_panel; panel++)
            for (int tile = 0; tile < filter_tiles; tile++)
              {
                __global float *to
                    = sums
                      + (((size_t) plane * filter_tiles + tile) * panels + panel) * ROWS * PANEL;
                __global const float *across
                    = turned + (size_t) (panel - first_panel) * block * PANEL;
                __global const float *down[ROWS];
                vec sum[ROWS][VECTORS];
                #pragma unroll
                for (int r = 0; r < ROWS; r++)
                  {
                    down[r] = outputs + (size_t) plane * plane_dy
                              + min (tile * ROWS + r, filters - 1) * block;
                    #pragma unroll
                    for (int v = 0; v < VECTORS; v++)
                      sum[r][v] = begin > first_tile ? vec_load (to + r * PANEL + v * KOL_WIDTH)
                                                     : (vec) 0;
                  }
                for (int t = 0; t < end - begin; t++, across += PANEL)
                  {
                    vec b[VECTORS];
                    #pragma unroll
                    for (int v = 0; v < VECTORS; v++)
                      b[v] = vec_load (across + v * KOL_WIDTH);
                    #pragma unroll
                    for (int r = 0; r < ROWS; r++)
                      #pragma unroll
                      for (int v = 0; v < VECTORS; v++)
                        sum[r][v] = fma ((vec) (down[r][t]), b[v], sum[r][v]);
                  }
                #pragma unroll
                for (int r = 0; r < ROWS; r++)
                  #pragma unroll
                  for (int v = 0; v < VECTORS; v++)
                    vec_store (sum[r][v], to + r * PANEL + v * KOL_WIDTH);
              }
        }
    }
}

/*
 * dw [filters][channels][R][R] = G^T sums G, with the chunks' sums added up.
 * Global size: tiles of filters, panels of channels.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
winograd_total (__global const float *restrict sums, __global float *restrict dw, int sums_at,
                int channels, int filters, int chunks)
{
  int panels = (channels + PANEL - 1) / PANEL, filter_tiles = (filters + ROWS - 1) / ROWS;
  int tile = get_global_id (0), panel = get_global_id (1);
  size_t plane_floats = (size_t) filter_tiles * panels * ROWS * PANEL;
  sums += sums_at + ((size_t) tile * panels + panel) * ROWS * PANEL;

  for (int r = 0; r < min (ROWS, filters - tile * ROWS); r++)
    for (int v = 0; v < VECTORS; v++)
      {
        int c = panel * PANEL + v * KOL_WIDTH;
        float across[R * R][KOL_WIDTH];
        vec once[R][ALPHA];
        #pragma unroll
        for (int j = 0; j < ALPHA; j++)
          {
            vec total[ALPHA];
            #pragma unroll
            for (int i = 0; i < ALPHA; i++)
              {
                __global const float *from
                    = sums + (i * ALPHA + j) * plane_floats + r * PANEL + v * KOL_WIDTH;
                total[i] = vec_load (from);
                for (int chunk = 1; chunk < chunks; chunk++)
                  total[i] += vec_load (from + chunk * PLANES * plane_floats);
              }
            #pragma unroll
            for (int s = 0; s < R; s++)
              {
                vec sum = 0;
                #pragma unroll
                for (int i = 0; i < ALPHA; i++)
                  if (G[i][s] != 0)
                    sum = fma ((vec) (G[i][s]), total[i], sum);
                once[s][j] = sum;
              }
          }
        #pragma unroll
        for (int s = 0; s < R; s++)
          #pragma unroll
          for (int q = 0; q < R; q++)
            {
              vec sum = 0;
              #pragma unroll
              for (int j = 0; j < ALPHA; j++)
                if (G[j][q] != 0)
                  sum = fma ((vec) (G[j][q]), once[s][j], sum);
              vec_store (sum, across[s * R + q]);
            }
        for (int i = 0; i < min (KOL_WIDTH, channels - c); i++)
          for (int s = 0; s < R * R; s++)
            dw[((size_t) (tile * ROWS + r) * channels + c + i) * R * R + s] = across[s][i];
      }
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
 * y = conv2d (x, w), the weights packed by winograd_pack. A work-item has `tiles_each` tiles, `block`
 * of them at a time, and `filters_each` filters, a multiple of ROWS. memory: item_floats per
 * work-item, for PLANES + 1 planes: the products of a plane take the place of the inputs of the
 * plane before it, which are no longer needed. Global size: chunks of tiles, blocks of filters.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
winograd_forward (__global const float *restrict x, __global const float *weights,
                  __global float *memory, __global float *restrict y,
                  __global const float *restrict bias, __global const float *restrict residual,
                  int weights_at, int channels, int filters, int height, int width, int P, int Q,
                  int top, int left, int tiles_y, int tiles_x, int pictures, int tiles_each,
                  int block, int filters_each, int item_floats, int plane_floats)
{
  int tiles = pictures * tiles_y * tiles_x, filter_tiles = (filters + ROWS - 1) / ROWS;
  int first_tile = get_global_id (0) * tiles_each, last_tile = min (tiles, first_tile + tiles_each);
  int first_filter = get_global_id (1) * filters_each;
  int last_filter = min (filters, first_filter + filters_each);
  long floats = (long) pictures * channels * height * width;
  __global float *products
      = memory + (get_global_id (1) * get_global_size (0) + get_global_id (0)) * item_floats;
  __global float *inputs = products + plane_floats;
  weights += weights_at;

  for (int begin = first_tile; begin < last_tile; begin += block)
    {
      int end = min (begin + block, last_tile);
      transform_inputs (x, floats, channels, height, width, top, left, tiles_y, tiles_x, begin,
                        end, 0, channels, inputs, plane_floats, block);
      for (int plane = 0; plane < PLANES; plane++)
        for (int filter = first_filter; filter < last_filter; filter += ROWS)
          {
            __global const float *tile_weights
                = weights + ((size_t) plane * filter_tiles + filter / ROWS) * channels * ROWS;
            for (int t = 0; t < end - begin; t += PANEL)
              multiply_panel (tile_weights, inputs + (size_t) plane * plane_floats + t, channels, block,
                              products + (size_t) plane * plane_floats
                                  + (filter - first_filter) * block + t);
          }
      for (int filter = first_filter; filter < last_filter; filter++)
        {
          float shift = 0;
#ifdef EPILOGUE_BIAS
          shift = bias[filter];
#endif
          transform_outputs (products + (filter - first_filter) * block, plane_floats, filters, P,
                             Q, tiles_y, tiles_x, begin, end, filter, shift, y, residual);
        }
    }
}

#endif

#else /* VECTORS */

/*
 * packed[to_at + ..]: weights[plane][tile of filters][c][ROWS] = G w G^T. Filter f, channel c begin
 * at f * filter_step + c * channel_step of w; turned: their R x R weights are read backwards.
 * Global size: tiles of filters.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
winograd_pack (__global const float *restrict w, __global float *restrict packed, int to_at,
               int filters, int channels, int filter_step, int channel_step, int turned)
{
  int tile = get_global_id (0), tiles = get_global_size (0);
  float transformed[PLANES][ROWS][KOL_WIDTH];
  packed += to_at;

  for (int first = 0; first < channels; first += KOL_WIDTH)
    {
      int count = min (KOL_WIDTH, channels - first);
      for (int r = 0; r < ROWS; r++)
        {
          __global const float *from = w + (size_t) min (tile * ROWS + r, filters - 1) * filter_step;
          float taps[R * R][KOL_WIDTH];
          vec once[ALPHA][R];
          for (int i = 0; i < KOL_WIDTH; i++)
            for (int tap = 0; tap < R * R; tap++)
              taps[tap][i] = from[(size_t) min (first + i, channels - 1) * channel_step
                                  + (turned ? R * R - 1 - tap : tap)];
          #pragma unroll
          for (int i = 0; i < ALPHA; i++)
            #pragma unroll
            for (int s = 0; s < R; s++)
              {
                vec sum = 0;
                #pragma unroll
                for (int tap = 0; tap < R; tap++)
                  if (G[i][tap] != 0)
                    sum = fma ((vec) (G[i][tap]), vec_load (taps[tap * R + s]), sum);
                once[i][s] = sum;
              }
          #pragma unroll
          for (int i = 0; i < ALPHA; i++)
            #pragma unroll
            for (int j = 0; j < ALPHA; j++)
              {
                vec sum = 0;
                #pragma unroll
                for (int s = 0; s < R; s++)
                  if (G[j][s] != 0)
                    sum = fma ((vec) (G[j][s]), once[i][s], sum);
                vec_store (sum, transformed[i * ALPHA + j][r]);
              }
        }
      for (int plane = 0; plane < PLANES; plane++)
        {
          __global float *to = packed + (((size_t) plane * tiles + tile) * channels + first) * ROWS;
          for (int i = 0; i < count; i++)
            for (int r = 0; r < ROWS; r++)
              to[i * ROWS + r] = transformed[plane][r][i];
        }
    }
}

#endif
