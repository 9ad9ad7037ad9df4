/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * A convolution with 1x1 filters and, of what it gives, one whose filters see one channel each:
 *
 *   z[n, k, h, w] = between (b[k] + sum_c x[n, c, h, w] v[k, c])
 *   y[n, k, p, q] = sum_{r, s} z[n, k, p SH + r - top, q SW + s - left] w[k, r, s]
 *
 * One work-item per element of y: the referee; every device can run it. Options: BETWEEN, an expression
 * in `a` and the type T; BIAS, where b is present. Global size: P Q, filters, N.
 */

#define T float

__kernel void
pointwise_depthwise (__global const float *restrict x, __global const float *restrict v,
                     __global const float *restrict w, __global const float *restrict b,
                     __global float *restrict y, int channels, int filters, int H, int W, int P,
                     int Q, int R, int S, int stride_h, int stride_w, int top, int left)
{
  int pixel = get_global_id (0), k = get_global_id (1), n = get_global_id (2);
  if (pixel >= P * Q || k >= filters)
    return;

  int h0 = pixel / Q * stride_h - top, w0 = pixel % Q * stride_w - left;
  x += (size_t) n * channels * H * W;
  float sum = 0;
  for (int r = max (-h0, 0); r < min (R, H - h0); r++)
    for (int s = max (-w0, 0); s < min (S, W - w0); s++)
      {
        float a = 0;
        for (int c = 0; c < channels; c++)
          a = fma (x[((size_t) c * H + h0 + r) * W + w0 + s], v[(size_t) k * channels + c], a);
#ifdef BIAS
        a += b[k];
#endif
        sum = fma ((BETWEEN), w[((size_t) k * R + r) * S + s], sum);
      }
  y[((size_t) n * filters + k) * P * Q + pixel] = sum;
}
