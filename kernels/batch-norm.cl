/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Batch normalization. x is [N, C, S]: examples, channels, and S pixels that lie side by side.
 *   GROUP     work-items of a group, a power of two; 1 where a work-item is a SIMD thread
 *   TRAINING  1 where mean and variance are the batch's, and dx depends on how they depend on x
 * A work-group has a strip of channels, and all examples or a part of them. It goes through the
 * channels in blocks that stay in a CPU's cache between the pass that sums and the one that writes.
 *
 * A block's channels lie side by side in each example. Each of these columns of numbers has a
 * place in private arrays: a sum of its own, and its channel's mean, scale and so on. So one loop
 * is right for planes of every size, and a sum is one of many short ones, which rounds little. On
 * a GPU a block is one channel, whose elements the group's items share, a column each.
 */

#if KOL_SIMD
#define CHANNELS 64  /* at most in a block */
#define COLUMNS 1024 /* at most, unless a single channel has more: they then take turns */
#else
#define CHANNELS 1
#define COLUMNS 1
#endif

#define GEOMETRY int examples, int channels, int pixels, int strip, int parts, int part_examples
#define PIECE \
  const int part = get_group_id (0) % parts, begin = get_group_id (0) / parts * strip; \
  const int end = min (begin + strip, channels); \
  const int first = part * part_examples, last = min (first + part_examples, examples)

/* A block: channels c .. c + n - 1 of examples first .. last - 1. */
#define BLOCK int c, int n, int first, int last, int channels, int pixels
#define BLOCK_VALUES c, n, first, last, channels, pixels
#define FOR_BLOCKS \
  for (int c = begin, n; \
       c < end && (n = clamp (COLUMNS / pixels, 1, min (end - c, CHANNELS))) > 0; c += n)

/*
 * STEP (TYPE, LOAD, STORE, at, k) for the elements of a block in some examples: `at` is the place
 * in x, `k` the column. TYPE is vec, or float for the few that are left.
 */
#define LOAD_ONE(p) (*(p))
#define STORE_ONE(v, p) (*(p) = (v))
#if KOL_SIMD
#define WALK(FIRST, LAST, STEP) \
  for (int example = FIRST; example < LAST; example++) \
    for (int from = 0; from < n * pixels; from += COLUMNS) \
      { \
        const size_t start = ((size_t) example * channels + c) * pixels + from; \
        const int length = min (n * pixels - from, COLUMNS); \
        int k = 0; \
        for (; k + KOL_WIDTH <= length; k += KOL_WIDTH) \
          STEP (vec, vec_load, vec_store, start + k, k) \
        for (; k < length; k++) \
          STEP (float, LOAD_ONE, STORE_ONE, start + k, k) \
      }
#else
#define WALK(FIRST, LAST, STEP) \
  for (int i = get_local_id (0); i < (LAST - FIRST) * pixels; i += GROUP) \
    { \
      const size_t example = FIRST + i / pixels; \
      STEP (float, LOAD_ONE, STORE_ONE, (example * channels + c) * pixels + i % pixels, 0) \
    }
#endif

/* Every column gets its channel's value. */
inline void
spread (const float *values, int n, int pixels, float *columns)
{
  for (int i = 0, k = 0; i < n; i++)
    for (int end = min (k + pixels, COLUMNS); k < end; k++)
      columns[k] = values[i];
}

inline void
clear (int n, int pixels, float *columns)
{
  for (int k = 0; k < min (n * pixels, COLUMNS); k++)
    columns[k] = 0.0f;
}

/* sums[i] = the sum of channel i's columns, and of all items of the group. */
inline void
collect (const float *columns, int n, int pixels, float *sums, __local float *memory)
{
  const int each = min (pixels, COLUMNS);

  for (int i = 0; i < n; i++, columns += each)
    {
      vec total = 0.0f;
      float sum = 0.0f;
      int k = 0;

      for (; k + KOL_WIDTH <= each; k += KOL_WIDTH)
        total += vec_load (columns + k);
      for (; k < each; k++)
        sum += columns[k];
      sums[i] = group_sum (vec_sum (total) + sum, memory);
    }
}

/* ── Forward ───────────────────────────────────────────────────────────────────────────────── */

/*
 * middle = the mean of example 0, and over the examples of a part
 * sum = sum of (x - middle), squares = sum of (x - middle)^2
 *
 * The middle is near the mean, so that nothing cancels, and the same in all parts.
 */
inline void
sum_squares (__global const float *x, float *middle, float *sum, float *squares, BLOCK,
             __local float *memory)
{
  float middles[COLUMNS], one[COLUMNS], two[COLUMNS];

#define ADD(TYPE, LOAD, STORE, at, k) STORE (LOAD (one + k) + LOAD (x + (at)), one + k);
  clear (n, pixels, one);
  WALK (0, 1, ADD)
  collect (one, n, pixels, middle, memory);
#undef ADD

  for (int i = 0; i < n; i++)
    middle[i] /= pixels;
  spread (middle, n, pixels, middles);

#define ADD(TYPE, LOAD, STORE, at, k) \
  { \
    TYPE d = LOAD (x + (at)) - LOAD (middles + k); \
    STORE (LOAD (one + k) + d, one + k); \
    STORE (LOAD (two + k) + d * d, two + k); \
  }
  clear (n, pixels, one);
  clear (n, pixels, two);
  WALK (first, last, ADD)
  collect (one, n, pixels, sum, memory);
  collect (two, n, pixels, squares, memory);
#undef ADD
}

/* What a part leaves for each channel, [C, parts, 3]: middle, sum, squares. */
__kernel void
batch_norm_sums (__global const float *restrict x, __global float *restrict sums, GEOMETRY)
{
  __local float memory[GROUP];
  PIECE;

  FOR_BLOCKS
    {
      float middle[CHANNELS], sum[CHANNELS], squares[CHANNELS];

      sum_squares (x, middle, sum, squares, BLOCK_VALUES, memory);
      for (int i = 0; i < n && get_local_id (0) == 0; i++)
        vstore3 ((float3) (middle[i], sum[i], squares[i]), (c + i) * parts + part, sums);
    }
}

/* What is computed behind the normalization: the option EPILOGUE_RESIDUAL, and the prelude's. */
#ifdef EPILOGUE_RESIDUAL
#define RESIDUAL(LOAD, at) +LOAD (residual + (at))
#else
#define RESIDUAL(LOAD, at)
#endif

/* y = (x - mean) scale + beta, the residual and the activation. */
inline void
normalize (__global const float *x, const float *mean, const float *scale, const float *beta,
           __global const float *residual, __global float *y, BLOCK)
{
  float means[COLUMNS], scales[COLUMNS], betas[COLUMNS];

  spread (mean, n, pixels, means);
  spread (scale, n, pixels, scales);
  spread (beta, n, pixels, betas);
#define WRITE(TYPE, LOAD, STORE, at, k) \
  { \
    TYPE a = (LOAD (x + (at)) - LOAD (means + k)) * LOAD (scales + k) + LOAD (betas + k); \
    STORE (KOL_JOIN (epilogue_, TYPE) (a RESIDUAL (LOAD, at)), y + (at)); \
  }
  WALK (first, last, WRITE)
#undef WRITE
}

/*
 * mean = sum x / (N S),  variance = sum (x - mean)^2 / (N S)
 * y = (x - mean) gamma / sqrt (variance + epsilon) + beta
 *
 * @sums is what batch_norm_sums has left; NULL where there is only one part.
 */
__kernel void
batch_norm_forward (__global const float *restrict x, __global const float *restrict gamma,
                    __global const float *restrict beta, __global const float *restrict sums,
                    __global const float *restrict residual, __global float *restrict y,
                    __global float *restrict means, __global float *restrict variances,
                    float epsilon, GEOMETRY)
{
  __local float memory[GROUP];
  PIECE;
  const float count = (float) examples * pixels;

  FOR_BLOCKS
    {
      float middle[CHANNELS], sum[CHANNELS], squares[CHANNELS];
      float mean[CHANNELS], scale[CHANNELS], offset[CHANNELS];

      if (!sums)
        sum_squares (x, middle, sum, squares, BLOCK_VALUES, memory);
      for (int i = 0; i < n; i++)
        {
          float variance;

          for (int p = 0; p < parts && sums; p++)
            {
              float3 of_part = vload3 ((c + i) * parts + p, sums);

              middle[i] = of_part.x;
              sum[i] = p ? sum[i] + of_part.y : of_part.y;
              squares[i] = p ? squares[i] + of_part.z : of_part.z;
            }
          mean[i] = middle[i] + sum[i] / count;
          variance = (squares[i] - sum[i] * (sum[i] / count)) / count;
          variance = variance < 0.0f ? 0.0f : variance; /* a NaN stays */
          scale[i] = gamma[c + i] / sqrt (variance + epsilon);
          offset[i] = beta[c + i];
          if (means && part == 0 && get_local_id (0) == 0)
            means[c + i] = mean[i];
          if (variances && part == 0 && get_local_id (0) == 0)
            variances[c + i] = variance;
        }
      normalize (x, mean, scale, offset, residual, y, BLOCK_VALUES);
    }
}

/* y = (x - running_mean) gamma / sqrt (running_variance + epsilon) + beta */
__kernel void
batch_norm_inference (__global const float *restrict x, __global const float *restrict gamma,
                      __global const float *restrict beta,
                      __global const float *restrict running_mean,
                      __global const float *restrict running_variance,
                      __global const float *restrict residual, __global float *restrict y,
                      float epsilon, GEOMETRY)
{
  PIECE;

  FOR_BLOCKS
    {
      float mean[CHANNELS], scale[CHANNELS], offset[CHANNELS];

      for (int i = 0; i < n; i++)
        {
          mean[i] = running_mean[c + i];
          scale[i] = gamma[c + i] / sqrt (running_variance[c + i] + epsilon);
          offset[i] = beta[c + i];
        }
      normalize (x, mean, scale, offset, residual, y, BLOCK_VALUES);
    }
}

/* ── Gradients ─────────────────────────────────────────────────────────────────────────────── */

/* Over the examples of a part: sum = sum of dy, product = sum of dy (x - mean). */
inline void
sum_gradients (__global const float *dy, __global const float *x, const float *mean, float *sum,
               float *product, BLOCK, __local float *memory)
{
  float means[COLUMNS], one[COLUMNS], two[COLUMNS];

  spread (mean, n, pixels, means);
  clear (n, pixels, one);
  clear (n, pixels, two);
#define ADD(TYPE, LOAD, STORE, at, k) \
  { \
    TYPE g = LOAD (dy + (at)); \
    STORE (LOAD (one + k) + g, one + k); \
    STORE (LOAD (two + k) + g * (LOAD (x + (at)) - LOAD (means + k)), two + k); \
  }
  WALK (first, last, ADD)
#undef ADD
  collect (one, n, pixels, sum, memory);
  collect (two, n, pixels, product, memory);
}

/* What a part leaves for each channel, [C, parts, 2]: sum, product. */
__kernel void
batch_norm_gradient_sums (__global const float *restrict dy, __global const float *restrict x,
                          __global const float *restrict means, __global float *restrict sums,
                          GEOMETRY)
{
  __local float memory[GROUP];
  PIECE;

  FOR_BLOCKS
    {
      float mean[CHANNELS], sum[CHANNELS], product[CHANNELS];

      for (int i = 0; i < n; i++)
        mean[i] = means[c + i];
      sum_gradients (dy, x, mean, sum, product, BLOCK_VALUES, memory);
      for (int i = 0; i < n && get_local_id (0) == 0; i++)
        vstore2 ((float2) (sum[i], product[i]), (c + i) * parts + part, sums);
    }
}

/* dx = scale dy + slope (x - mean) + offset; the last two are 0 where statistics are given. */
inline void
write_gradient (__global const float *dy, __global const float *x, const float *mean,
                const float *scale, const float *slope, const float *offset, __global float *dx,
                BLOCK)
{
  float means[COLUMNS], scales[COLUMNS], slopes[COLUMNS], offsets[COLUMNS];

  spread (scale, n, pixels, scales);
#if TRAINING
  spread (mean, n, pixels, means);
  spread (slope, n, pixels, slopes);
  spread (offset, n, pixels, offsets);
#define WRITE(TYPE, LOAD, STORE, at, k) \
  { \
    TYPE v = LOAD (slopes + k) * (LOAD (x + (at)) - LOAD (means + k)) + LOAD (offsets + k); \
    STORE (LOAD (scales + k) * LOAD (dy + (at)) + v, dx + (at)); \
  }
#else
#define WRITE(TYPE, LOAD, STORE, at, k) STORE (LOAD (scales + k) * LOAD (dy + (at)), dx + (at));
#endif
  WALK (first, last, WRITE)
#undef WRITE
}

/*
 * With v = 1 / sqrt (variance + epsilon) and M = N S:
 *   dbeta = sum dy,  dgamma = sum dy (x - mean) v
 *   dx = gamma v (dy - (dbeta + (x - mean) v dgamma) / M) in training, gamma v dy otherwise
 *
 * @sums is what batch_norm_gradient_sums has left; NULL where there is only one part.
 */
__kernel void
batch_norm_gradient (__global const float *restrict dy, __global const float *restrict x,
                     __global const float *restrict gamma, __global const float *restrict means,
                     __global const float *restrict variances, __global const float *restrict sums,
                     __global float *restrict dx, __global float *restrict dgamma,
                     __global float *restrict dbeta, float epsilon, GEOMETRY)
{
  __local float memory[GROUP];
  PIECE;
  const float count = (float) examples * pixels;

  FOR_BLOCKS
    {
      float mean[CHANNELS], sum[CHANNELS], product[CHANNELS];
      float scale[CHANNELS], slope[CHANNELS], offset[CHANNELS];

      for (int i = 0; i < n; i++)
        mean[i] = means[c + i];
      if (!sums)
        sum_gradients (dy, x, mean, sum, product, BLOCK_VALUES, memory);
      for (int i = 0; i < n; i++)
        {
          const float v = 1.0f / sqrt (variances[c + i] + epsilon);

          for (int p = 0; p < parts && sums; p++)
            {
              float2 of_part = vload2 ((c + i) * parts + p, sums);

              sum[i] = p ? sum[i] + of_part.x : of_part.x;
              product[i] = p ? product[i] + of_part.y : of_part.y;
            }
          scale[i] = gamma[c + i] * v;
          slope[i] = -scale[i] * v * v * product[i] / count;
          offset[i] = -scale[i] * sum[i] / count;
          if (dgamma && part == 0 && get_local_id (0) == 0)
            dgamma[c + i] = product[i] * v;
          if (dbeta && part == 0 && get_local_id (0) == 0)
            dbeta[c + i] = sum[i];
        }
      write_gradient (dy, x, mean, scale, slope, offset, dx, BLOCK_VALUES);
    }
}

/* ── Running statistics ────────────────────────────────────────────────────────────────────── */

/*
 * running_mean <- (1 - momentum) running_mean + momentum mean
 * running_variance <- (1 - momentum) running_variance + momentum correction variance
 *
 * A flag in the watch stops it, as it stops the optimizers.
 */
__kernel void
batch_norm_statistics (__global const float *restrict watch, __global const float *restrict mean,
                       __global const float *restrict variance, __global float *running_mean,
                       __global float *running_variance, float momentum, float rest,
                       float correction, int channels, int strip)
{
  const int begin = get_global_id (0) * strip;
  const int end = watch[0] != 0.0f ? begin : min (begin + strip, channels);

  for (int c = begin; c < end; c++)
    {
      running_mean[c] = rest * running_mean[c] + momentum * mean[c];
      running_variance[c] = rest * running_variance[c] + momentum * (correction * variance[c]);
    }
}
