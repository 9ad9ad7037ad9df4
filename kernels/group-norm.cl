/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Layer, group and instance normalization: mean and variance of a row, which is one run of memory.
 * A row has @each channels of @pixels elements: of all channels, the (row % groups)-th @each. Layer
 * normalization is that of one group whose channels have one pixel each.
 *   GROUP  work-items of a group, a power of two; 1 where a work-item is a SIMD thread
 * A work-group has a strip of rows, one after the other.
 */

#define GEOMETRY int rows, int groups, int each, int pixels, int strip
#define FOR_ROWS \
  const int length = each * pixels; \
  const int end = min ((int) (get_group_id (0) + 1) * strip, rows); \
  for (int row = get_group_id (0) * strip; row < end; row++)

/*
 * STEP (TYPE, LOAD, STORE, at, k) for this item's part of @n elements from @from on: `at` is the
 * element's place, `k` counts from 0. TYPE is vec, or float for the few that are left.
 */
#define LOAD_ONE(p) (*(p))
#define STORE_ONE(v, p) (*(p) = (v))
#define WALK(STEP, from, n) \
  { \
    int k_ = get_local_id (0) * KOL_WIDTH; \
    for (; k_ + KOL_WIDTH <= (n); k_ += GROUP * KOL_WIDTH) \
      STEP (vec, vec_load, vec_store, (from) + k_, k_) \
    for (; k_ < (n); k_++) /* nothing is left but by a SIMD thread */ \
      STEP (float, LOAD_ONE, STORE_ONE, (from) + k_, k_) \
  }

/* ── Forward ───────────────────────────────────────────────────────────────────────────────── */

#define SAMPLE 256 /* elements whose mean is near the row's */

/*
 * (mean, variance) of a row: sums of x - middle and of its square, where the middle is the mean of
 * the row's first elements, so that nothing cancels.
 */
inline float2
row_statistics (__global const float *x, int length, __local float *memory)
{
  const int sample = min (length, SAMPLE), step = GROUP * KOL_WIDTH;
  float middle = 0.0f, sum = 0.0f, squares = 0.0f, variance;
  vec one = 0.0f, two = 0.0f, one_more = 0.0f, two_more = 0.0f;
  int i;

  for (i = get_local_id (0); i < sample; i += GROUP)
    middle += x[i];
  middle = group_sum (middle, memory) / sample;
  for (i = get_local_id (0) * KOL_WIDTH; i + step + KOL_WIDTH <= length; i += 2 * step)
    {
      vec a = vec_load (x + i) - middle, b = vec_load (x + i + step) - middle;

      one += a;
      two += a * a;
      one_more += b;
      two_more += b * b;
    }
  for (; i + KOL_WIDTH <= length; i += step)
    {
      vec a = vec_load (x + i) - middle;

      one += a;
      two += a * a;
    }
  for (; i < length; i++) /* nothing is left but by a SIMD thread */
    {
      float a = x[i] - middle;

      sum += a;
      squares += a * a;
    }
  sum = group_sum (vec_sum (one + one_more) + sum, memory);
  squares = group_sum (vec_sum (two + two_more) + squares, memory);
  variance = (squares - sum * (sum / length)) / length;
  variance = variance < 0.0f ? 0.0f : variance; /* a NaN stays */
  return (float2) (middle + sum / length, variance);
}

/* What is computed behind the normalization: the option EPILOGUE_RESIDUAL, and the prelude's. */
#ifdef EPILOGUE_RESIDUAL
#define RESIDUAL(LOAD, at) +LOAD (residual + (at))
#else
#define RESIDUAL(LOAD, at)
#endif

/* y = (x - mean) / sqrt (variance + epsilon) gamma + beta; the statistics' arrays may be missing. */
__kernel void
group_norm_forward (__global const float *restrict x, __global const float *restrict gamma,
                    __global const float *restrict beta, __global const float *restrict residual,
                    __global float *restrict y, __global float *restrict means,
                    __global float *restrict variances, float epsilon, GEOMETRY)
{
  __local float memory[GROUP];

  FOR_ROWS
    {
      const size_t begin = (size_t) row * length;
      const int first = row % groups * each;
      const float2 of_row = row_statistics (x + begin, length, memory);
      const float mean = of_row.x, inverse = 1.0f / sqrt (of_row.y + epsilon);

      if (means && get_local_id (0) == 0)
        means[row] = mean;
      if (variances && get_local_id (0) == 0)
        variances[row] = of_row.y;
#define WRITE(TYPE, LOAD, STORE, at, g, b) \
  { \
    TYPE a = (LOAD (x + (at)) - mean) * inverse * (g) + (b); \
    STORE (KOL_JOIN (epilogue_, TYPE) (a RESIDUAL (LOAD, at)), y + (at)); \
  }
#define WRITE_CHANNELS(TYPE, LOAD, STORE, at, k) \
  WRITE (TYPE, LOAD, STORE, at, LOAD (gamma + first + k), LOAD (beta + first + k))
#define WRITE_PIXELS(TYPE, LOAD, STORE, at, k) WRITE (TYPE, LOAD, STORE, at, g, b)
      if (pixels == 1)
        WALK (WRITE_CHANNELS, begin, length)
      else
        for (int c = 0; c < each; c++)
          {
            const float g = gamma[first + c], b = beta[first + c];

            WALK (WRITE_PIXELS, begin + (size_t) c * pixels, pixels)
          }
#undef WRITE
    }
}

/* ── Gradients ─────────────────────────────────────────────────────────────────────────────── */

/*
 * With v = 1 / sqrt (variance + epsilon), h = (x - mean) v and L elements in a row:
 *   dx = v (gamma dy - (sum gamma dy + h sum gamma dy h) / L)
 * and, for group_norm_gradient_parts, the sums of dy h and of dy of this work-group's rows:
 * @sums is [work-groups, 2, channels].
 */
__kernel void
group_norm_gradient (__global const float *restrict dy, __global const float *restrict x,
                     __global const float *restrict gamma, __global const float *restrict means,
                     __global const float *restrict variances, __global float *restrict sums,
                     __global float *restrict dx, float epsilon, GEOMETRY)
{
  __local float memory[GROUP];
  const int channels = groups * each;
  __global float *dgamma = sums + get_group_id (0) * 2 * (size_t) channels;
  __global float *dbeta = dgamma + channels;

  for (int c = get_local_id (0); c < 2 * channels; c += GROUP)
    dgamma[c] = 0.0f;
  barrier (CLK_GLOBAL_MEM_FENCE);
  FOR_ROWS
    {
      const size_t begin = (size_t) row * length;
      const int first = row % groups * each;
      const float mean = means[row], v = 1.0f / sqrt (variances[row] + epsilon);
      float one = 0.0f, two = 0.0f; /* the row's sums of gamma dy and of gamma dy h */

      if (pixels == 1)
        {
          vec one_vec = 0.0f, two_vec = 0.0f;
          float one_float = 0.0f, two_float = 0.0f;
#define ADD(TYPE, LOAD, STORE, at, k) \
  { \
    TYPE d = LOAD (dy + (at)), p = d * ((LOAD (x + (at)) - mean) * v); \
    STORE (LOAD (dgamma + first + k) + p, dgamma + first + k); \
    STORE (LOAD (dbeta + first + k) + d, dbeta + first + k); \
    KOL_JOIN (one_, TYPE) += LOAD (gamma + first + k) * d; \
    KOL_JOIN (two_, TYPE) += LOAD (gamma + first + k) * p; \
  }
          WALK (ADD, begin, length)
#undef ADD
          one = group_sum (vec_sum (one_vec) + one_float, memory);
          two = group_sum (vec_sum (two_vec) + two_float, memory);
        }
      else
        for (int c = 0; c < each; c++)
          {
            vec one_vec = 0.0f, two_vec = 0.0f;
            float one_float = 0.0f, two_float = 0.0f;
#define ADD(TYPE, LOAD, STORE, at, k) \
  { \
    TYPE d = LOAD (dy + (at)); \
    KOL_JOIN (one_, TYPE) += d; \
    KOL_JOIN (two_, TYPE) += d * ((LOAD (x + (at)) - mean) * v); \
  }
            WALK (ADD, begin + (size_t) c * pixels, pixels)
#undef ADD
            one_float = group_sum (vec_sum (one_vec) + one_float, memory);
            two_float = group_sum (vec_sum (two_vec) + two_float, memory);
            one += gamma[first + c] * one_float;
            two += gamma[first + c] * two_float;
            if (get_local_id (0) == 0)
              {
                dgamma[first + c] += two_float;
                dbeta[first + c] += one_float;
              }
          }
      one /= length;
      two = two / length * v;
#define WRITE(TYPE, LOAD, STORE, at, g) \
  STORE (v * (LOAD (dy + (at)) * (g) - one - (LOAD (x + (at)) - mean) * two), dx + (at));
#define WRITE_CHANNELS(TYPE, LOAD, STORE, at, k) \
  WRITE (TYPE, LOAD, STORE, at, LOAD (gamma + first + k))
#define WRITE_PIXELS(TYPE, LOAD, STORE, at, k) WRITE (TYPE, LOAD, STORE, at, g)
      if (pixels == 1)
        WALK (WRITE_CHANNELS, begin, length)
      else
        for (int c = 0; c < each; c++)
          {
            const float g = gamma[first + c];

            WALK (WRITE_PIXELS, begin + (size_t) c * pixels, pixels)
          }
    }
}

/* dgamma and dbeta, either of which may be missing: the parts' sums, in their order. */
__kernel void
group_norm_gradient_parts (__global const float *restrict sums, __global float *restrict dgamma,
                           __global float *restrict dbeta, int channels, int parts, int strip)
{
  const int begin = get_global_id (0) * strip, end = min (begin + strip, channels);
  const size_t distance = 2 * (size_t) channels;
  int c = begin;

#define TOTAL(TYPE, LOAD, STORE, to, from) \
  if (to) \
    { \
      TYPE total = 0.0f; \
      for (int p = 0; p < parts; p++) \
        total += LOAD (sums + p * distance + (from)); \
      STORE (total, to + c); \
    }
  for (; c + KOL_WIDTH <= end; c += KOL_WIDTH)
    {
      TOTAL (vec, vec_load, vec_store, dgamma, c)
      TOTAL (vec, vec_load, vec_store, dbeta, channels + c)
    }
  for (; c < end; c++)
    {
      TOTAL (float, LOAD_ONE, STORE_ONE, dgamma, c)
      TOTAL (float, LOAD_ONE, STORE_ONE, dbeta, channels + c)
    }
}
