/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Convolution with 3 x 3 taps and stride 1 for devices whose work-items are lanes (GPUs), by
 * Winograd's F(2 x 2, 3 x 3). The picture is cut into tiles of 2 x 2 outputs; of each,
 *   y = A' (sum_c (G w G') * (B' x B)) A        (* element by element)
 * where x are the 4 x 4 pixels that the tile sees, and
 *   B' = 1  0 -1  0     G =  1    0    0     A' = 1  1  1  0
 *        0  1  1  0         1/2  1/2  1/2         0  1 -1 -1
 *        0 -1  1  0         1/2 -1/2  1/2
 *        0  1  0 -1          0    0    1
 * which takes 16 multiplications instead of 36. The sums over c are 16 matrix products, of
 * matmul-simt.cl. After Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
 */

/* u[i][k][c] = (G w[k, c] G')[i], for filter k and channel c of what is computed; u begins at u_at of
 * its buffer; `turned` turns the taps round, for the gradient to x. Global size: channels, filters. */
__kernel void
winograd_weights (__global const float *restrict w, __global float *restrict u, int u_at,
                  int channels, int filters, int channel_step, int filter_step, int turned)
{
  const int c = get_global_id (0), k = get_global_id (1);
  if (c >= channels || k >= filters)
    return;

  const size_t apart = (size_t) filters * channels;
  float half_way[4][3]; /* G w */
  w += (size_t) k * filter_step + (size_t) c * channel_step;
  u += u_at + (size_t) k * channels + c;
  #pragma unroll
  for (int s = 0; s < 3; s++)
    {
      const float above = w[turned ? 8 - s : s], middle = w[turned ? 5 - s : 3 + s];
      const float below = w[turned ? 2 - s : 6 + s];
      half_way[0][s] = above;
      half_way[1][s] = 0.5f * (above + middle + below);
      half_way[2][s] = 0.5f * (above - middle + below);
      half_way[3][s] = below;
    }
  #pragma unroll
  for (int i = 0; i < 4; i++)
    {
      const float left = half_way[i][0], middle = half_way[i][1], right = half_way[i][2];
      u[(4 * i + 0) * apart] = left;
      u[(4 * i + 1) * apart] = 0.5f * (left + middle + right);
      u[(4 * i + 2) * apart] = 0.5f * (left - middle + right);
      u[(4 * i + 3) * apart] = right;
    }
}

/*
 * v[i][c][tile] = (B' x B)[i] of the tiles of some pictures, from x's picture `first` on; v begins at
 * v_at of `scratch`. Global size: tiles of all these pictures, channels.
 */
__kernel void
winograd_input (__global const float *restrict x, __global float *restrict scratch, int v_at,
                int first, int tiles, int channels, int H, int W, int tiles_h, int tiles_w, int top,
                int left)
{
  const int tile = get_global_id (0), c = get_global_id (1);
  if (tile >= tiles || c >= channels)
    return;

  const int picture = first + tile / (tiles_h * tiles_w);
  const int h = tile / tiles_w % tiles_h * 2 - top, w = tile % tiles_w * 2 - left;
  const size_t apart = (size_t) channels * tiles;
  float d[4][4];
  x += ((size_t) picture * channels + c) * H * W;
  #pragma unroll
  for (int i = 0; i < 4; i++)
    #pragma unroll
    for (int j = 0; j < 4; j++)
      {
        const bool inside = h + i >= 0 && h + i < H && w + j >= 0 && w + j < W;
        d[i][j] = inside ? x[(size_t) (h + i) * W + w + j] : 0;
      }
  #pragma unroll
  for (int j = 0; j < 4; j++) /* B' x */
    {
      const float a = d[0][j], b = d[1][j], e = d[2][j], f = d[3][j];
      d[0][j] = a - e;
      d[1][j] = b + e;
      d[2][j] = e - b;
      d[3][j] = b - f;
    }
  __global float *v = scratch + v_at + (size_t) c * tiles + tile;
  #pragma unroll
  for (int i = 0; i < 4; i++)
    {
      v[(4 * i + 0) * apart] = d[i][0] - d[i][2];
      v[(4 * i + 1) * apart] = d[i][1] + d[i][2];
      v[(4 * i + 2) * apart] = d[i][2] - d[i][1];
      v[(4 * i + 3) * apart] = d[i][1] - d[i][3];
    }
}

/*
 * y = A' m A of m[i][k][tile], and what is computed last: + bias[k], + residual, the expression.
 * Global size: tiles of some pictures, from `first` on, filters.
 */
__kernel void
winograd_output (__global const float *restrict m, __global float *restrict y,
                 __global const float *restrict bias, __global const float *restrict residual,
                 int first, int tiles, int filters, int P, int Q, int tiles_h, int tiles_w)
{
  const int tile = get_global_id (0), k = get_global_id (1);
  if (tile >= tiles || k >= filters)
    return;

  const size_t apart = (size_t) filters * tiles;
  float half_way[2][4]; /* A' m */
  m += (size_t) k * tiles + tile;
  #pragma unroll
  for (int j = 0; j < 4; j++)
    {
      const float a = m[j * apart], b = m[(4 + j) * apart];
      const float e = m[(8 + j) * apart], f = m[(12 + j) * apart];
      half_way[0][j] = a + b + e;
      half_way[1][j] = b - e - f;
    }

  const int picture = first + tile / (tiles_h * tiles_w);
  const int p = tile / tiles_w % tiles_h * 2, q = tile % tiles_w * 2;
  const size_t plane = ((size_t) picture * filters + k) * P * Q;
  #pragma unroll
  for (int i = 0; i < 2; i++)
    #pragma unroll
    for (int j = 0; j < 2; j++)
      {
        const size_t at = plane + (size_t) (p + i) * Q + q + j;
        if (p + i >= P || q + j >= Q)
          continue;
        float value = j == 0 ? half_way[i][0] + half_way[i][1] + half_way[i][2]
                             : half_way[i][1] - half_way[i][2] - half_way[i][3];
#ifdef EPILOGUE_BIAS
        value += bias[k];
#endif
#ifdef EPILOGUE_RESIDUAL
        value += residual[at];
#endif
        y[at] = epilogue_float (value);
      }
}
