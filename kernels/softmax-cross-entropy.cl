/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Softmax cross-entropy of rows of logits [examples, classes]; a work-item takes @strip rows. */

#if KOL_WIDTH > 1
/* The last @n < KOL_WIDTH elements of a row, and minus infinity: it counts for nothing. */
static inline vec
load_rest (__global const float *x, int n)
{
  float rest[KOL_WIDTH];

  for (int i = 0; i < KOL_WIDTH; i++)
    rest[i] = i < n ? x[i] : -INFINITY;
  return vec_load (rest);
}
#endif

/* m = max x of a row, and sum e^(x - m). A NaN is left out of m, and makes the sum NaN. */
static inline float2
row_sum (__global const float *x, int classes)
{
  float largest = -INFINITY, sum = 0.0f;
  int i = 0;

#if KOL_WIDTH > 1
  vec highest = -INFINITY, total = 0.0f;
  int whole = classes / KOL_WIDTH * KOL_WIDTH;
  vec rest = load_rest (x + whole, classes - whole);

  for (i = 0; i < whole; i += KOL_WIDTH)
    highest = fmax (highest, vec_load (x + i));
  largest = vec_max (fmax (highest, rest));
  for (i = 0; i < whole; i += KOL_WIDTH)
    total += exp (vec_load (x + i) - largest);
  if (whole < classes)
    total += exp (rest - largest);
  sum = vec_sum (total);
#else
  for (i = 0; i < classes; i++)
    largest = fmax (largest, x[i]);
  for (i = 0; i < classes; i++)
    sum += exp (x[i] - largest);
#endif
  return (float2) (largest, sum);
}

/* The mean of x - @shift over a row. */
static inline float
row_mean (__global const float *x, int classes, float shift)
{
  float sum = 0.0f;
  int i = 0;

#if KOL_WIDTH > 1
  vec total = 0.0f;

  for (; i + KOL_WIDTH <= classes; i += KOL_WIDTH)
    total += vec_load (x + i) - shift;
  sum = vec_sum (total);
#endif
  for (; i < classes; i++)
    sum += x[i] - shift;
  return sum / classes;
}

static inline bool
is_label (float label, int classes)
{
  return label >= 0.0f && label < (float) classes && label == floor (label);
}

/*
 * y[i] = log sum_r e^x[i, r] - (1 - smoothing) x[i, label[i]] - smoothing mean_r x[i, r].
 * The largest element of a row is taken off all of them, which changes nothing.
 */
__kernel void
softmax_cross_entropy_forward (__global const float *restrict logits,
                               __global const float *restrict labels, __global float *restrict y,
                               float smoothing, int examples, int classes, int strip)
{
  size_t begin = get_global_id (0) * strip, end = min (begin + strip, (size_t) examples);

  for (size_t i = begin; i < end; i++)
    {
      __global const float *x = logits + i * classes;
      float2 sum = row_sum (x, classes);

      float loss = NAN;

      if (is_label (labels[i], classes))
        loss = log (sum.y) - (1.0f - smoothing) * (x[(int) labels[i]] - sum.x);
      if (smoothing > 0.0f)
        loss -= smoothing * row_mean (x, classes, sum.x);
      y[i] = loss;
    }
}

/*
 * dx[i, r] = dy[i] (e^x[i, r] / sum_k e^x[i, k] - (1 - smoothing) (r == label[i])
 *                   - smoothing / classes)
 */
__kernel void
softmax_cross_entropy_gradient_logits (__global const float *restrict dy,
                                       __global const float *restrict logits,
                                       __global const float *restrict labels,
                                       __global float *restrict dx, float smoothing,
                                       int examples, int classes, int strip)
{
  size_t begin = get_global_id (0) * strip, end = min (begin + strip, (size_t) examples);

  for (size_t i = begin; i < end; i++)
    {
      __global const float *x = logits + i * classes;
      __global float *to = dx + i * classes;
      float2 sum = row_sum (x, classes);
      bool good = is_label (labels[i], classes);
      float factor = good ? dy[i] / sum.y : NAN, share = dy[i] * smoothing / classes;
      int r = 0;

#if KOL_WIDTH > 1
      for (; r + KOL_WIDTH <= classes; r += KOL_WIDTH)
        vec_store (factor * exp (vec_load (x + r) - sum.x) - share, to + r);
#endif
      for (; r < classes; r++)
        to[r] = factor * exp (x[r] - sum.x) - share;
      if (good)
        to[(int) labels[i]] -= (1.0f - smoothing) * dy[i];
    }
}
