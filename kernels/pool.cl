/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pooling of planes of H x W to P x Q, and its gradient. Options:
 *   MAXIMUM           1: the largest of a window; 0: the mean of the window's part inside x
 *   INDEX             1: the forward gives the index of the largest in its plane, h W + w, too
 *   SIZE_H, SIZE_W    a window's size; STRIDE_H, STRIDE_W the distance between windows
 *   ADAPTIVE          1: window p of P is floor (p H / P) .. ceil ((p + 1) H / P) instead
 *   COUNT_PAD         1: a mean divides by the window's part inside x and its padding
 *   LANES             outputs that are computed at a time; 1: windows further apart than 2
 *
 * A CPU's work-item takes @each rows of the output; most of a row in vectors of
 * LANES, its ends, where windows stick out, one by one. A GPU's takes an element.
 */

#if LANES == 1
typedef float lanes;
typedef int ilanes;
#define RAMP 0
#define to_floats(v) convert_float (v)
#else
typedef KOL_JOIN (float, LANES) lanes;
typedef KOL_JOIN (int, LANES) ilanes;
#define lanes_load(p) KOL_JOIN (vload, LANES) (0, (p))
#define lanes_store(v, p) KOL_JOIN (vstore, LANES) ((v), 0, (p))
#define to_floats(v) KOL_JOIN (convert_float, LANES) (v)
#if LANES == 4
#define RAMP ((ilanes) (0, 1, 2, 3))
#elif LANES == 8
#define RAMP ((ilanes) (0, 1, 2, 3, 4, 5, 6, 7))
#else
#define RAMP ((ilanes) (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#endif
#endif

#define SHAPE int H, int W, int P, int Q, int top, int left, int bottom, int right
#define SHAPE_VALUES H, W, P, Q, top, left, bottom, right

/*
 * An axis of x, from the shape: ROWS (BEGIN, p) and ROWS (END, p) are the window p's
 * part inside x, COUNT what a mean divides by; ROWS (FIRST, h) .. ROWS (LAST, h)
 * are the windows that cover the row h. COLUMNS alike.
 */
#define ROWS(WHAT, i) WHAT (i, SIZE_H, STRIDE_H, top, bottom, H, P)
#define COLUMNS(WHAT, i) WHAT (i, SIZE_W, STRIDE_W, left, right, W, Q)

#if ADAPTIVE
#define BEGIN(i, size, stride, before, after, length, windows) \
  ((int) ((long) (i) * (length) / (windows)))
#define END(i, size, stride, before, after, length, windows) \
  ((int) (((long) ((i) + 1) * (length) + (windows) - 1) / (windows)))
#define FIRST(i, size, stride, before, after, length, windows) \
  ((int) ((long) (i) * (windows) / (length)))
#define LAST(i, size, stride, before, after, length, windows) \
  ((int) (((long) ((i) + 1) * (windows) + (length) - 1) / (length)) - 1)
#else
#define BEGIN(i, size, stride, before, after, length, windows) max ((i) * (stride) - (before), 0)
#define END(i, size, stride, before, after, length, windows) \
  min ((i) * (stride) - (before) + (size), (length))
#define FIRST(i, size, stride, before, after, length, windows) \
  ((i) + (before) < (size) ? 0 : ((i) + (before) - (size)) / (stride) + 1)
#define LAST(i, size, stride, before, after, length, windows) \
  min (((i) + (before)) / (stride), (windows) - 1)
#endif
#if COUNT_PAD
#define COUNT(i, size, stride, before, after, length, windows) \
  min ((size), (length) + (after) + (before) - (i) * (stride))
#else
#define COUNT(i, size, stride, before, after, length, windows) \
  (END (i, size, stride, before, after, length, windows) \
   - BEGIN (i, size, stride, before, after, length, windows))
#endif

/* Which columns of a row of @width this work-item computes, and the rows; see the kernels. */
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

/* ---- Forward ---- */

/* One output; y and index are its row's. */
static inline void
pool_one (__global const float *x, __global float *y, __global float *index, int p, int q, SHAPE)
{
  int h0 = ROWS (BEGIN, p), h1 = ROWS (END, p), w0 = COLUMNS (BEGIN, q), w1 = COLUMNS (END, q);
#if MAXIMUM
  float best = x[h0 * W + w0];
  int where = h0 * W + w0;

  for (int h = h0; h < h1; h++)
    for (int w = w0; w < w1; w++)
      {
        float v = x[h * W + w];
        bool later = v > best || (isnan (v) && !isnan (best));

        best = later ? v : best;
        where = later ? h * W + w : where;
      }
  y[q] = best;
#if INDEX
  index[q] = where;
#endif
#else
  float sum = 0.0f;

  for (int h = h0; h < h1; h++)
    for (int w = w0; w < w1; w++)
      sum += x[h * W + w];
  y[q] = sum / (ROWS (COUNT, p) * COLUMNS (COUNT, q));
#endif
}

#if LANES > 1
/*
 * Outputs whose windows' elements are loaded whole: first .. last. With a stride
 * of 2 two vectors are loaded for the elements at s and s + 1 of the windows.
 */
#define READ_W (STRIDE_W == 1 ? SIZE_W : (SIZE_W + 1) / 2 * 2)
#define FIRST_WHOLE(left) (((left) + STRIDE_W - 1) / STRIDE_W)
#define END_WHOLE(W, Q, left) \
  ((W) + (left) < READ_W ? 0 : min (((W) + (left) - READ_W) / STRIDE_W + 1, (Q)))

typedef struct {
  lanes value; /* the largest, or the sum */
  ilanes where;
} Pooled;

static inline void
take (Pooled *pooled, lanes v, int at)
{
#if MAXIMUM
  ilanes later = (v > pooled->value) | ((v != v) & (pooled->value == pooled->value));

  pooled->value = later ? v : pooled->value;
#if INDEX
  pooled->where = later ? at + RAMP * STRIDE_W : pooled->where;
#endif
#else
  pooled->value += v;
#endif
}

/* LANES outputs from @q on. */
static inline void
pool_lanes (__global const float *x, __global float *y, __global float *index, int p, int q, SHAPE)
{
  int h0 = ROWS (BEGIN, p), h1 = ROWS (END, p), w0 = q * STRIDE_W - left;
#if MAXIMUM
  Pooled pooled = { (lanes) (-INFINITY), h0 * W + w0 + RAMP * STRIDE_W };
#else
  Pooled pooled = { (lanes) (0.0f), (ilanes) (0) };
#endif

  for (int h = h0; h < h1; h++)
    for (int s = 0; s < SIZE_W; s += STRIDE_W)
      {
        int at = h * W + w0 + s;
#if STRIDE_W == 1
        take (&pooled, lanes_load (x + at), at);
#else
        lanes a = lanes_load (x + at), b = lanes_load (x + at + LANES);

        take (&pooled, (lanes) (a.even, b.even), at);
        if (s + 1 < SIZE_W)
          take (&pooled, (lanes) (a.odd, b.odd), at + 1);
#endif
      }
#if MAXIMUM
  lanes_store (pooled.value, y + q);
#if INDEX
  lanes_store (to_floats (pooled.where), index + q);
#endif
#else
  lanes_store (pooled.value / (float) (ROWS (COUNT, p) * SIZE_W), y + q);
#endif
}
#endif

/*
 * y[p, q] = max over r, s of x[p STRIDE_H + r - top, q STRIDE_W + s - left], or the
 * mean. @rows: planes x P. @index is not used without INDEX.
 */
__kernel void
pool_forward (__global const float *restrict x, __global float *restrict y,
              __global float *restrict index, int rows, int each, SHAPE)
{
  WORK (Q);

  for (size_t row = row_begin; row < row_end; row++)
    {
      int p = row % P, q = column_begin;
      __global const float *plane = x + row / P * H * W;
      __global float *to = y + row * Q, *index_to = INDEX ? index + row * Q : index;

#if LANES > 1
      int first = FIRST_WHOLE (left), end = END_WHOLE (W, Q, left);

      if (end - first >= LANES)
        {
          for (; q < first; q++)
            pool_one (plane, to, index_to, p, q, SHAPE_VALUES);
          for (; q < end; q += LANES) /* the last ones step back, and compute some once more */
            pool_lanes (plane, to, index_to, p, min (q, end - LANES), SHAPE_VALUES);
          q = end;
        }
#endif
      for (; q < column_end; q++)
        pool_one (plane, to, index_to, p, q, SHAPE_VALUES);
    }
}

/* ---- Gradient ---- */

/* dx of the element @w of the row @h, from windows p0 .. p1. */
static inline float
gradient_one (__global const float *dy, __global const float *index, int h, int w, int p0, int p1,
              SHAPE)
{
  int q0 = COLUMNS (FIRST, w), q1 = COLUMNS (LAST, w);
  float sum = 0.0f;

  for (int p = p0; p <= p1; p++)
    for (int q = q0; q <= q1; q++)
      {
#if MAXIMUM
        sum += index[p * Q + q] == (float) (h * W + w) ? dy[p * Q + q] : 0.0f;
#else
        sum += dy[p * Q + q] / (ROWS (COUNT, p) * COLUMNS (COUNT, q));
#endif
      }
  return sum;
}

#if LANES > 1
/*
 * Elements of a row of dx are taken STRIDE_W at a time, a step m: those at phase f
 * are in the windows q = m - j for which STRIDE_W j + f < SIZE_W. Steps whose
 * windows are all there, and for means all inside, are first .. end.
 */
#define MOST_WINDOWS ((SIZE_W + STRIDE_W - 1) / STRIDE_W)
#if MAXIMUM
#define FIRST_STEP(left) max (((left) + STRIDE_W - 1) / STRIDE_W, MOST_WINDOWS - 1)
#define END_STEP(W, Q, left) min (((W) + (left)) / STRIDE_W, (Q))
#else
#define FIRST_STEP(left) (((left) + STRIDE_W - 1) / STRIDE_W + MOST_WINDOWS - 1)
#define END_STEP(W, Q, left) \
  min (min (((W) + (left)) / STRIDE_W, (Q)), ((W) + (left) - SIZE_W) / STRIDE_W + 1)
#endif

/* What phase @phase of the steps from @m on gets from the row @p of windows. */
static inline lanes
gradient_phase (__global const float *dy, __global const float *index, int phase, int at, int p,
                int m, int Q, float factor)
{
  lanes sum = 0.0f;

  for (int j = 0; STRIDE_W * j + phase < SIZE_W; j++)
    {
      lanes d = lanes_load (dy + p * Q + m - j);
#if MAXIMUM
      lanes where = lanes_load (index + p * Q + m - j);

      sum += where == to_floats (at + phase + RAMP * STRIDE_W) ? d : (lanes) (0.0f);
#else
      sum += d * factor;
#endif
    }
  return sum;
}

/* LANES steps from @m on; @at is the index of the first of their elements. */
static inline void
gradient_lanes (__global const float *dy, __global const float *index, __global float *dx, int at,
                int p0, int p1, int m, SHAPE)
{
  lanes sum[STRIDE_W];

  for (int phase = 0; phase < STRIDE_W; phase++)
    sum[phase] = 0.0f;
  for (int p = p0; p <= p1; p++)
    {
      float factor = MAXIMUM ? 1.0f : 1.0f / (ROWS (COUNT, p) * SIZE_W);

      for (int phase = 0; phase < STRIDE_W; phase++)
        sum[phase] += gradient_phase (dy, index, phase, at, p, m, Q, factor);
    }
#if STRIDE_W == 1
  lanes_store (sum[0], dx + at);
#else
  lanes low, high;

  low.even = sum[0].lo;
  low.odd = sum[1].lo;
  high.even = sum[0].hi;
  high.odd = sum[1].hi;
  lanes_store (low, dx + at);
  lanes_store (high, dx + at + LANES);
#endif
}
#endif

/*
 * dx[h, w] = the sum over the windows p, q that cover it of dy[p, q], where the
 * index is h W + w; or of dy[p, q] / the elements of the window that are counted.
 * @rows: planes x H. @index is not used without MAXIMUM.
 */
__kernel void
pool_gradient_x (__global const float *restrict dy, __global const float *restrict index,
                 __global float *restrict dx, int rows, int each, SHAPE)
{
  WORK (W);

  for (size_t row = row_begin; row < row_end; row++)
    {
      int h = row % H, w = column_begin;
      size_t plane = row / H;
      int p0 = ROWS (FIRST, h), p1 = ROWS (LAST, h);
      __global const float *dy_at = dy + plane * P * Q;
      __global const float *index_at = MAXIMUM ? index + plane * P * Q : index;
      __global float *to = dx + plane * H * W;

#if LANES > 1
      int first = FIRST_STEP (left), end = END_STEP (W, Q, left);

      if (end - first >= LANES)
        {
          for (; w < first * STRIDE_W - left; w++)
            to[h * W + w] = gradient_one (dy_at, index_at, h, w, p0, p1, SHAPE_VALUES);
          for (int m = first; m < end; m += LANES) /* the last ones step back */
            {
              int from = min (m, end - LANES);
              gradient_lanes (dy_at, index_at, to, h * W + from * STRIDE_W - left, p0, p1, from,
                              SHAPE_VALUES);
            }
          w = end * STRIDE_W - left;
        }
#endif
      for (; w < column_end; w++)
        to[h * W + w] = gradient_one (dy_at, index_at, h, w, p0, p1, SHAPE_VALUES);
    }
}

/* y[p, q] = x at index[p, q], if the window covers it. The gradient of max's pool_gradient_x. */
__kernel void
pool_pick (__global const float *restrict x, __global const float *restrict index,
           __global float *restrict y, int rows, int each, SHAPE)
{
  WORK (Q);

  for (size_t row = row_begin; row < row_end; row++)
    for (int q = column_begin; q < column_end; q++)
      {
        int p = row % P, at = index[row * Q + q], h = at / W, w = at % W;
        bool covered = p >= ROWS (FIRST, h) && p <= ROWS (LAST, h) && q >= COLUMNS (FIRST, w)
                       && q <= COLUMNS (LAST, w);

        y[row * Q + q] = covered ? x[row / P * H * W + at] : 0.0f;
      }
}
