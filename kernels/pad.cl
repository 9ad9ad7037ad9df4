/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y is x with a border. Options:
 *   REFLECT  the border mirrors x; without the element on the edge, which is there once
 *   EDGE     the border repeats the element on the edge
 *            (neither: the border is a number)
 *   OUTER    how many dimensions y has beside the innermost one, 0 to 7
 */

/* Which of x's @length positions goes to y's position @p; -1: none, it is the border's number. */
static inline int
source (int p, int start, int step, int length)
{
  int d = p - start;
#if defined(REFLECT)
  d = abs (d);
  return d < length ? d : 2 * (length - 1) - d;
#elif defined(EDGE)
  return clamp (d, 0, length - 1);
#else
  return d >= 0 && d % step == 0 && d / step < length ? d / step : -1;
#endif
}

#if KOL_SIMD
/* Positions @begin .. @end of a row of y that are outside of the row of x. */
static inline void
border_run (__global const float *x, __global float *y, int begin, int end, float value, int start,
            int length)
{
#if defined(REFLECT) || defined(EDGE)
  for (int p = begin; p < end; p++)
    y[p] = x[source (p, start, 1, length)];
#else
  fill_run (value, y + begin, end - begin);
#endif
}

/* Positions @begin .. @end of a row of y, of which position start + step q is x[q x_step]. */
static inline void
pad_run (__global const float *x, __global float *y, int begin, int end, float value, int start,
         int step, int length, int x_step)
{
  if (step == 1 && x_step == 1)
    {
      int from = clamp (start, begin, end), to = clamp (start + length, begin, end);

      border_run (x, y, begin, from, value, start, length);
      copy_run (x + (from - start), y + from, to - from);
      border_run (x, y, to, end, value, start, length);
      return;
    }
  fill_run (value, y + begin, end - begin);
  for (int q = begin <= start ? 0 : (begin - start + step - 1) / step;
       q < length && start + q * step < end; q++)
    y[start + q * step] = x[(long) q * x_step];
}
#endif

#define EACH_OUTER(X) KOL_JOIN (EACH_, OUTER) (X)

/* An outer dimension: as the innermost one below. */
#define PARAMETERS(i) , int y_length##i, int x_length##i, int x_step##i, int start##i, int step##i

/* Splits the position in dimension i off @rest, and goes to where it comes from. */
#define SPLIT(i) \
  { \
    uint above = rest / y_length##i; \
    int q = source (rest - above * y_length##i, start##i, step##i, x_length##i); \
    inside = inside && q >= 0; \
    from += (long) q * x_step##i; \
    rest = above; \
  }

/*
 * y[start + step q] = x[x_at + q x_step], in every dimension, for the q < x_length with which that
 * is in y; the rest of y is the border. Steps are positive; x_step may not be. A work-item writes
 * @strip elements.
 */
__kernel void
pad_forward (__global const float *restrict x, __global float *restrict y, float value, int x_at,
             int rows, int strip, int y_length, int x_length, int x_step, int start,
             int step EACH_OUTER (PARAMETERS))
{
  size_t count = (size_t) rows * y_length, at = (size_t) get_global_id (0) * strip;
  size_t end = min (at + strip, count);
  uint row = at / y_length;
  int column = at - (size_t) row * y_length, n;

  for (; at < end; at += n, row++, column = 0)
    {
      __global float *to = y + (size_t) row * y_length;
      long from = x_at;
      bool inside = true;
      uint rest = row;

      (void) rest; /* with OUTER 0 there is nothing to split */
      n = min ((size_t) (y_length - column), end - at);
      EACH_OUTER (SPLIT)
#if KOL_SIMD
      if (inside)
        pad_run (x + from, to, column, column + n, value, start, step, x_length, x_step);
      else
        fill_run (value, to + column, n);
#else
      for (int p = column; p < column + n; p++)
        {
          int q = inside ? source (p, start, step, x_length) : -1;
          to[p] = q >= 0 ? x[from + (long) q * x_step] : value;
        }
#endif
    }
}

/*
 * x's position @l is in up to three places of dy: @count[k] positions from @first[k] on. The first
 * place is a single position, of which it is the copy.
 */
static inline void
find_places (int l, int length, int before, int after, int first[3], int count[3])
{
  first[0] = before + l;
  count[0] = 1;
#ifdef REFLECT
  first[1] = before - l;
  count[1] = l > 0 && l <= before;
  first[2] = before + 2 * (length - 1) - l;
  count[2] = l < length - 1 && length - 1 - l <= after;
#else
  first[1] = 0;
  count[1] = l == 0 ? before : 0;
  first[2] = before + length;
  count[2] = l == length - 1 ? after : 0;
#endif
}

/*
 * dx[o, l, i] = the sum of dy[o, p, i] over the p to which padding copies position l. An element of
 * dx looks for them; a work-item takes @strip of dx [outer, length, inner].
 */
__kernel void
pad_gradient (__global const float *restrict dy, __global float *restrict dx, int outer, int length,
              int inner, int before, int after, int strip)
{
  size_t count = (size_t) outer * length * inner, at = (size_t) get_global_id (0) * strip;
  size_t end = min (at + strip, count), row = at / inner;
  int column = at - row * inner, n;

  for (; at < end; at += n, row++, column = 0)
    {
      size_t o = row / length;
      int l = row - o * length, first[3], many[3];
      __global const float *from = dy + o * (before + length + after) * inner + column;

      n = min ((size_t) (inner - column), end - at);
      find_places (l, length, before, after, first, many);
      copy_run (from + (size_t) first[0] * inner, dx + at, n);
      for (int k = 1; k < 3; k++)
        for (int j = 0; j < many[k]; j++)
          add_run (from + (size_t) (first[k] + j) * inner, dx + at, n);
    }
}
