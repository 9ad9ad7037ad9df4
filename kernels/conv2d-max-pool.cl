/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The largest of 2x2 places side by side of a convolution with 3x3 filters:
 *
 *   z[n, k, p, q] = between (b[k] + sum_{c, r, s} x[n, c, p + r - top, q + s - left] w[k, c, r, s])
 *   y[n, k, i, j] = max (z[n, k, 2 i, 2 j], z[.., 2 j + 1], z[n, k, 2 i + 1, 2 j], z[.., 2 j + 1])
 *
 * or NaN, where one of them is. One work-item per element of y: the referee; every device can run it.
 * Options: BETWEEN, an expression in `a` and the type T; BIAS, where b is present. Global size: elements
 * of a plane of y, filters, N.
 */

#define T float

__kernel void
conv2d_max_pool (__global const float *restrict x, __global const float *restrict w,
                 __global const float *restrict b, __global float *restrict y, int channels,
                 int filters, int H, int W, int P, int Q, int top, int left)
{
  int place = get_global_id (0), k = get_global_id (1), n = get_global_id (2);
  int rows = P / 2, columns = Q / 2;
  if (place >= rows * columns || k >= filters)
    return;

  x += (size_t) n * channels * H * W;
  w += (size_t) k * channels * 9;
  float most = -INFINITY;
  for (int i = 0; i < 4; i++)
    {
      int h0 = place / columns * 2 + i / 2 - top, w0 = place % columns * 2 + i % 2 - left;
      float a = 0;
      for (int c = 0; c < channels; c++)
        for (int r = max (-h0, 0); r < min (3, H - h0); r++)
          for (int s = max (-w0, 0); s < min (3, W - w0); s++)
            a = fma (x[((size_t) c * H + h0 + r) * W + w0 + s], w[(c * 3 + r) * 3 + s], a);
#ifdef BIAS
      a += b[k];
#endif
      a = BETWEEN;
      most = a > most || isnan (a) ? a : most;
    }
  y[((size_t) n * filters + k) * rows * columns + place] = most;
}
