/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The gradient to w of Winograd's convolution; winograd-tiles.cl says how it works. */

#include "winograd-tiles.cl"

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
 * One register tile's sums over `tiles` tiles of a plane: ROWS lines of `down`, those past the last
 * filter the last one, times the panel `across`, [tile][PANEL].
 */
inline void
sum_panel (__global const float *down, int filter, int filters, int pitch,
           __global const float *across, int tiles, bool more, __global float *to)
{
  __global const float *line[ROWS];
  vec sum[ROWS][VECTORS];
  #pragma unroll
  for (int r = 0; r < ROWS; r++)
    {
      line[r] = down + min (filter + r, filters - 1) * pitch;
      #pragma unroll
      for (int v = 0; v < VECTORS; v++)
        sum[r][v] = more ? vec_load (to + r * PANEL + v * KOL_WIDTH) : (vec) 0;
    }
  for (int t = 0; t < tiles; t++, across += PANEL)
    {
      vec b[VECTORS];
      #pragma unroll
      for (int v = 0; v < VECTORS; v++)
        b[v] = vec_load (across + v * KOL_WIDTH);
      #pragma unroll
      for (int r = 0; r < ROWS; r++)
        #pragma unroll
        for (int v = 0; v < VECTORS; v++)
          sum[r][v] = fma ((vec) (line[r][t]), b[v], sum[r][v]);
    }
  #pragma unroll
  for (int r = 0; r < ROWS; r++)
    #pragma unroll
    for (int v = 0; v < VECTORS; v++)
      vec_store (sum[r][v], to + r * PANEL + v * KOL_WIDTH);
}

/*
 * dw = G^T sums G for one tile of filters and one panel of channels: sums[plane * plane_floats +
 * r * PANEL + v * KOL_WIDTH], and the same of other chunks, added up.
 */
inline void
write_gradient (__global const float *sums, size_t plane_floats, int chunks, size_t chunk_floats,
                int tile, int panel, int filters, int channels, __global float *dw)
{
  for (int r = 0; r < min (ROWS, filters - tile * ROWS); r++)
    for (int v = 0; v < VECTORS; v++)
      {
        int c = panel * PANEL + v * KOL_WIDTH;
        float across[R * R][KOL_WIDTH];
        vec once[ALPHA][R];
        #pragma unroll 1
        for (int j = 0; j < ALPHA; j++)
          {
            vec total[ALPHA], o[R];
            #pragma unroll
            for (int i = 0; i < ALPHA; i++)
              {
                __global const float *from
                    = sums + (i * ALPHA + j) * plane_floats + r * PANEL + v * KOL_WIDTH;
                total[i] = vec_load (from);
                for (int chunk = 1; chunk < chunks; chunk++)
                  total[i] += vec_load (from + chunk * chunk_floats);
              }
            transform_sums (total, o);
            #pragma unroll
            for (int s = 0; s < R; s++)
              once[j][s] = o[s];
          }
        #pragma unroll 1
        for (int s = 0; s < R; s++)
          {
            vec m[ALPHA], o[R];
            #pragma unroll
            for (int j = 0; j < ALPHA; j++)
              m[j] = once[j][s];
            transform_sums (m, o);
            #pragma unroll
            for (int q = 0; q < R; q++)
              vec_store (o[q], across[s * R + q]);
          }
        for (int i = 0; i < min (KOL_WIDTH, channels - c); i++)
          for (int s = 0; s < R * R; s++)
            dw[((size_t) (tile * ROWS + r) * channels + c + i) * R * R + s] = across[s][i];
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
                sum_panel (outputs + (size_t) plane * plane_dy, tile * ROWS, filters, block,
                           turned + (size_t) (panel - first_panel) * block * PANEL, end - begin,
                           begin > first_tile, to);
              }
        }
    }
}

/*
 * dw [filters][channels][R][R], with the chunks' sums added up.
 * Global size: tiles of filters, panels of channels.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
winograd_total (__global const float *restrict sums, __global float *restrict dw, int sums_at,
                int channels, int filters, int chunks)
{
  int panels = (channels + PANEL - 1) / PANEL, filter_tiles = (filters + ROWS - 1) / ROWS;
  int tile = get_global_id (0), panel = get_global_id (1);
  size_t plane_floats = (size_t) filter_tiles * panels * ROWS * PANEL;
  write_gradient (sums + sums_at + ((size_t) tile * panels + panel) * ROWS * PANEL, plane_floats,
                  chunks, PLANES * plane_floats, tile, panel, filters, channels, dw);
}

/*
 * The same at once, where all tiles are one block: dw of one register tile after another, whose
 * sums stay in the cache. A work-item has `panels_each` panels of channels, `sharing` of them at a
 * time, which share what they read of the gradients' planes. memory: item_floats per work-item, which
 * hold the gradients' planes, the inputs' planes of one panel, those of the panels that share, in
 * panels, [panel][plane][tile][PANEL], and the sums. Global size: blocks of panels.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
winograd_weights_at_once (__global const float *restrict x, __global const float *restrict dy,
                          __global float *memory, __global float *restrict dw, int channels,
                          int filters, int height, int width, int P, int Q, int top, int left,
                          int tiles_y, int tiles_x, int pictures, int block, int panels_each,
                          int sharing, int item_floats, int plane_x, int plane_dy)
{
  int tiles = pictures * tiles_y * tiles_x, panels = (channels + PANEL - 1) / PANEL;
  int first_panel = get_global_id (0) * panels_each;
  int last_panel = min (panels, first_panel + panels_each);
  long floats_x = (long) pictures * channels * height * width;
  long floats_dy = (long) pictures * filters * P * Q;
  size_t turned_plane = (size_t) block * PANEL;
  __global float *outputs = memory + get_global_id (0) * item_floats;
  __global float *inputs = outputs + (size_t) PLANES * plane_dy;
  __global float *turned = inputs + (size_t) PLANES * plane_x;
  __global float *sums = turned + sharing * PLANES * turned_plane;

  transform_gradients (dy, floats_dy, filters, P, Q, tiles_y, tiles_x, 0, tiles, outputs, plane_dy,
                       block);
  for (int begin = first_panel; begin < last_panel; begin += sharing)
    {
      int end = min (last_panel, begin + sharing);
      for (int panel = begin; panel < end; panel++)
        {
          int first_channel = panel * PANEL, last_channel = min (channels, first_channel + PANEL);
          transform_inputs (x, floats_x, channels, height, width, top, left, tiles_y, tiles_x, 0,
                            tiles, first_channel, last_channel, inputs, plane_x, block);
          for (int plane = 0; plane < PLANES; plane++)
            turn_plane (inputs + (size_t) plane * plane_x, last_channel - first_channel, tiles, block,
                        turned + ((panel - begin) * PLANES + plane) * turned_plane);
        }
      for (int tile = 0; tile * ROWS < filters; tile++)
        for (int panel = begin; panel < end; panel++)
          {
            for (int plane = 0; plane < PLANES; plane++)
              sum_panel (outputs + (size_t) plane * plane_dy, tile * ROWS, filters, block,
                         turned + ((panel - begin) * PLANES + plane) * turned_plane, tiles, false,
                         sums + plane * ROWS * PANEL);
            write_gradient (sums, ROWS * PANEL, 1, 0, tile, panel, filters, channels, dw);
          }
    }
}
