/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y[n, k, p, q] = sum_{c, r, s} x[n, c, p S + r D - top, q S + s D - left] w[k, c, r, s] and its
 * two gradients, one work-item per element: the referee; every device can run it. Neighbouring
 * work-items are neighbours in a row. `channels` and `filters` are those of one group.
 */

/* Global size: P Q, filters of all groups, N. */
__kernel void
conv2d_forward (__global const float *restrict x, __global const float *restrict w,
                __global float *restrict y, int groups, int channels, int filters, int H, int W,
                int P, int Q, int R, int S, int stride_h, int stride_w, int dilation_h,
                int dilation_w, int top, int left)
{
  int pixel = get_global_id (0), filter = get_global_id (1), n = get_global_id (2);
  if (pixel >= P * Q || filter >= groups * filters)
    return;

  int h0 = pixel / Q * stride_h - top, w0 = pixel % Q * stride_w - left;
  x += ((size_t) n * groups + filter / filters) * channels * H * W;
  w += (size_t) filter * channels * R * S;
  float sum = 0;
  for (int c = 0; c < channels; c++, x += (size_t) H * W)
    for (int r = 0; r < R; r++)
      for (int s = 0; s < S; s++, w++)
        {
          int row = h0 + r * dilation_h, column = w0 + s * dilation_w;
          if (row >= 0 && row < H && column >= 0 && column < W)
            sum = fma (x[(size_t) row * W + column], *w, sum);
        }
  y[((size_t) n * groups * filters + filter) * P * Q + pixel] = sum;
}

/* Gathers: dx[h, w] collects the outputs p S + r D - top = h that it went into.
 * Global size: H W, channels of all groups, N. */
__kernel void
conv2d_gradient_x (__global const float *restrict dy, __global const float *restrict w,
                   __global float *restrict dx, int groups, int channels, int filters, int H, int W,
                   int P, int Q, int R, int S, int stride_h, int stride_w, int dilation_h,
                   int dilation_w, int top, int left)
{
  int pixel = get_global_id (0), channel = get_global_id (1), n = get_global_id (2);
  if (pixel >= H * W || channel >= groups * channels)
    return;

  int group = channel / channels, h0 = pixel / W + top, w0 = pixel % W + left;
  dy += ((size_t) n * groups + group) * filters * P * Q;
  w += ((size_t) group * filters * channels + channel % channels) * R * S;
  float sum = 0;
  for (int k = 0; k < filters; k++, dy += (size_t) P * Q, w += (size_t) channels * R * S)
    for (int r = 0; r < R; r++)
      for (int s = 0; s < S; s++)
        {
          int row = h0 - r * dilation_h, column = w0 - s * dilation_w;
          if (row < 0 || row % stride_h || column < 0 || column % stride_w)
            continue;
          row /= stride_h;
          column /= stride_w;
          if (row < P && column < Q)
            sum = fma (dy[(size_t) row * Q + column], w[r * S + s], sum);
        }
  dx[((size_t) n * groups * channels + channel) * H * W + pixel] = sum;
}

/* partial[chunk][k, c, r, s]: the sum over one chunk of the pictures.
 * Global size: elements of w, chunks. */
__kernel void
conv2d_gradient_w (__global const float *restrict x, __global const float *restrict dy,
                   __global float *restrict partial, int groups, int channels, int filters, int H,
                   int W, int P, int Q, int R, int S, int stride_h, int stride_w, int dilation_h,
                   int dilation_w, int top, int left, int N, int per_chunk)
{
  int element = get_global_id (0), chunk = get_global_id (1);
  int elements = groups * filters * channels * R * S;
  if (element >= elements)
    return;

  int s = element % S, r = element / S % R, c = element / (S * R) % channels;
  int filter = element / (S * R * channels), group = filter / filters;
  int h0 = r * dilation_h - top, w0 = s * dilation_w - left;
  float sum = 0;
  for (int n = chunk * per_chunk; n < min (N, (chunk + 1) * per_chunk); n++)
    {
      __global const float *from_x = x + (((size_t) n * groups + group) * channels + c) * H * W;
      __global const float *from_y = dy + ((size_t) n * groups * filters + filter) * P * Q;
      float picture = 0;
      for (int p = 0; p < P; p++)
        for (int q = 0; q < Q; q++, from_y++)
          {
            int row = p * stride_h + h0, column = q * stride_w + w0;
            if (row >= 0 && row < H && column >= 0 && column < W)
              picture = fma (from_x[(size_t) row * W + column], *from_y, picture);
          }
      sum += picture;
    }
  partial[(size_t) chunk * elements + element] = sum;
}

/* total[i] = sum over the chunks of partial[chunk][i], in their order. Global size: elements. */
__kernel void
conv2d_total (__global const float *restrict partial, __global float *restrict total, int elements,
              int chunks)
{
  int i = get_global_id (0);
  if (i >= elements)
    return;
  float sum = 0;
  for (int chunk = 0; chunk < chunks; chunk++)
    sum += partial[(size_t) chunk * elements + i];
  total[i] = sum;
}
