/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures [N, C, H, W] seen through affine maps as [N, C, P, Q], and the gradient. A map is
 * a b c, d e f; @next_map: floats to the map of the next example, 0: one is for all. Pixel (p, q)
 * of y, at v = (2 q + 1) / Q - 1 and u = (2 p + 1) / P - 1, takes x at the column
 * ((a v + b u + c + 1) W - 1) / 2 and the row ((d v + e u + f + 1) H - 1) / 2.
 */

static inline float2
position_of (__global const float *map, int p, int q, int H, int W, int P, int Q)
{
  float v = (2.0f * q + 1.0f) / Q - 1.0f, u = (2.0f * p + 1.0f) / P - 1.0f;

  return (float2) (((map[0] * v + map[1] * u + map[2] + 1.0f) * W - 1.0f) * 0.5f,
                   ((map[3] * v + map[4] * u + map[5] + 1.0f) * H - 1.0f) * 0.5f);
}

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

/* x less @fill at a pixel, 0 outside. */
static inline float
pixel_at (__global const float *plane, int h, int w, int H, int W, float fill)
{
  return h >= 0 && h < H && w >= 0 && w < W ? plane[(size_t) h * W + w] - fill : 0.0f;
}

/*
 * y[p, q] = fill + sum of (1 - |row - h|) (1 - |column - w|) (x[h, w] - fill) over the four pixels
 * around the position. @rows: N P.
 */
__kernel void
resample_forward (__global const float *restrict x, __global const float *restrict maps,
                  __global float *restrict y, int rows, int each, int next_map, int C, int H, int W,
                  int P, int Q, float fill)
{
  WORK (Q);

  for (size_t row = row_begin; row < row_end; row++)
    {
      size_t n = row / P;
      int p = row % P;
      __global const float *map = maps + n * next_map;

      for (int q = column_begin; q < column_end; q++)
        {
          float2 at = position_of (map, p, q, H, W, P, Q);
          bool seen = at.x > -1.0f && at.x < W && at.y > -1.0f && at.y < H;
          float2 low = seen ? floor (at) : (float2) (0.0f, 0.0f), part = at - low;
          int h = low.y, w = low.x;

          for (int c = 0; c < C; c++)
            {
              __global const float *plane = x + (n * C + c) * H * W;
              float value = fill;

              if (seen)
                value += (1.0f - part.y) * ((1.0f - part.x) * pixel_at (plane, h, w, H, W, fill)
                                            + part.x * pixel_at (plane, h, w + 1, H, W, fill))
                         + part.y * ((1.0f - part.x) * pixel_at (plane, h + 1, w, H, W, fill)
                                     + part.x * pixel_at (plane, h + 1, w + 1, H, W, fill));
              else if (isnan (at.x + at.y))
                value = NAN;
              y[((n * C + c) * P + p) * Q + q] = value;
            }
        }
    }
}

/* A map in pixels: column = a q + b p + c, row = d q + e p + f. */
typedef struct
{
  float a, b, c, d, e, f;
} Pixels;

static inline Pixels
in_pixels (__global const float *map, int H, int W, int P, int Q)
{
  Pixels m = { map[0] * W / Q, map[1] * W / P, 0.0f, map[3] * H / Q, map[4] * H / P, 0.0f };
  float2 first = position_of (map, 0, 0, H, W, P, Q);

  m.c = first.x;
  m.f = first.y;
  return m;
}

/*
 * The outputs that may see pixel (h, w): where |column - w| < 1 and |row - h| < 1 is a
 * parallelogram, of which this is the range of rows p. All of them if the map is too near to a
 * line for its inverse to be trusted.
 */
static inline int2
seeing_rows (Pixels m, int h, int w, int P)
{
  float determinant = m.a * m.e - m.b * m.d, middle, half_height;

  if (!(fabs (determinant) > 1e-3f * (fabs (m.a * m.e) + fabs (m.b * m.d))))
    return (int2) (0, P);
  middle = (m.a * (h - m.f) - m.d * (w - m.c)) / determinant;
  half_height = (fabs (m.a) + fabs (m.d)) / fabs (determinant);
  return (int2) ((int) clamp (floor (middle - half_height) - 1.0f, 0.0f, (float) P),
                 (int) clamp (ceil (middle + half_height) + 2.0f, 0.0f, (float) P));
}

/* The range of columns q in row p: by that of the two conditions which is the narrower. */
static inline int2
seeing_columns (Pixels m, int h, int w, int p, int Q)
{
  bool by_column = fabs (m.a) >= fabs (m.d);
  float slope = by_column ? m.a : m.d;
  float there = by_column ? w - m.c - m.b * p : h - m.f - m.e * p;

  if (!(fabs (slope) * Q > 1e-3f))
    return (int2) (0, Q);
  float middle = there / slope, half_width = 1.0f / fabs (slope);
  return (int2) ((int) clamp (floor (middle - half_width) - 1.0f, 0.0f, (float) Q),
                 (int) clamp (ceil (middle + half_width) + 2.0f, 0.0f, (float) Q));
}

#define CHANNELS 4 /* summed at a time */

/*
 * dx[h, w] = sum of (1 - |row - h|) (1 - |column - w|) dy[p, q] over the outputs that see it.
 * @rows: N H.
 */
__kernel void
resample_gradient_x (__global const float *restrict dy, __global const float *restrict maps,
                     __global float *restrict dx, int rows, int each, int next_map, int C, int H, int W,
                     int P, int Q, float fill)
{
  WORK (W);

  for (size_t row = row_begin; row < row_end; row++)
    {
      size_t n = row / H;
      int h = row % H;
      __global const float *map = maps + n * next_map;
      Pixels m = in_pixels (map, H, W, P, Q);

      for (int w = column_begin; w < column_end; w++)
        {
          int2 down = seeing_rows (m, h, w, P);

          for (int first = 0; first < C; first += CHANNELS)
            {
              float sum[CHANNELS] = { 0.0f };
              int channels = min (CHANNELS, C - first);

              for (int p = down.x; p < down.y; p++)
                {
                  int2 across = seeing_columns (m, h, w, p, Q);

                  for (int q = across.x; q < across.y; q++)
                    {
                      float2 at = position_of (map, p, q, H, W, P, Q);
                      float part = fmax (1.0f - fabs (at.x - w), 0.0f) * fmax (1.0f - fabs (at.y - h), 0.0f);

                      if (isnan (at.x + at.y))
                        part = NAN;
                      if (part != 0.0f)
                        for (int c = 0; c < channels; c++)
                          sum[c] += part * dy[((n * C + first + c) * P + p) * Q + q];
                    }
                }
              for (int c = 0; c < channels; c++)
                dx[((n * C + first + c) * H + h) * W + w] = sum[c];
            }
        }
    }
}
