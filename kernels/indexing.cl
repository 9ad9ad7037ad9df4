/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Elements by index. Tensors are seen along one axis: [outer, length, inner]. */

/* Which of @length things @index names; negative ones count from the end; -1: none of them. */
static inline int
find (float index, int length)
{
  float place = index < 0.0f ? index + length : index;
  return index == floor (index) && place >= 0.0f && place < length ? (int) place : -1;
}

/*
 * y[o, m, i] = x[o, indices[m], i], or NaN: y is [outer, n, inner], of which a work-item writes
 * @strip elements.
 */
__kernel void
gather_forward (__global const float *restrict x, __global const float *restrict indices,
                __global float *restrict y, int outer, int length, int inner, int n, int strip)
{
  size_t count = (size_t) outer * n * inner, at = (size_t) get_global_id (0) * strip;
  size_t end = min (at + strip, count), row = at / inner, o = row / n;
  int column = at - row * inner, m = row - o * n, run;

  for (; at < end; at += run, column = 0)
    {
      int from = find (indices[m], length);

      run = min ((size_t) (inner - column), end - at);
      if (from >= 0)
        copy_run (x + (o * length + from) * inner + column, y + at, run);
      else
        fill_run (NAN, y + at, run);
      if (++m == n)
        {
          m = 0;
          o++;
        }
    }
}

/* y = 0. */
__kernel void
scatter_clear (__global float *restrict y, int count, int strip)
{
  size_t begin = (size_t) get_global_id (0) * strip, end = min (begin + strip, (size_t) count);

  if (begin < end)
    fill_run (0.0f, y + begin, end - begin);
}

/*
 * y[o, l, i] += the sum of updates[o, m, i] over the m with indices[m] = l; NaN if an index is
 * none. A work-item owns some outer positions, rows l and columns i of y, goes through all indices
 * in order, and takes what is its own.
 */
__kernel void
scatter_add_forward (__global const float *restrict indices, __global const float *restrict updates,
                     __global float *restrict y, int outer, int outer_each, int length,
                     int rows_each, int row_items, int inner, int columns_each, int column_items,
                     int n)
{
  size_t item = get_global_id (0), rest = item / column_items;
  int column = (int) (item % column_items) * columns_each;
  int columns = min (columns_each, inner - column);
  int row = (int) (rest % row_items) * rows_each, rows = min (rows_each, length - row);
  size_t begin = rest / row_items * outer_each, end = min (begin + outer_each, (size_t) outer);

  for (size_t o = begin; o < end; o++)
    {
      bool wrong = false;

      for (int m = 0; m < n; m++)
        {
          int l = find (indices[m], length);

          wrong = wrong || l < 0;
          if (l >= row && l < row + rows)
            add_run (updates + (o * n + m) * inner + column, y + (o * length + l) * inner + column,
                     columns);
        }
      for (int l = row; wrong && l < row + rows; l++)
        fill_run (NAN, y + (o * length + l) * inner + column, columns);
    }
}

/*
 * y[o, m, i] = x[o, indices[o, m, i], i], or NaN: y is [outer, n, inner], of which a work-item
 * writes @strip elements.
 */
__kernel void
gather_elements_forward (__global const float *restrict x, __global const float *restrict indices,
                         __global float *restrict y, int outer, int length, int inner, int n,
                         int strip)
{
  size_t count = (size_t) outer * n * inner, at = (size_t) get_global_id (0) * strip;
  size_t end = min (at + strip, count), row = at / inner, o = row / n;
  int i = at - row * inner, m = row - o * n;

  for (; at < end; at++)
    {
      int from = find (indices[at], length);

      y[at] = from >= 0 ? x[(o * length + from) * inner + i] : NAN;
      if (++i == inner)
        {
          i = 0;
          if (++m == n)
            {
              m = 0;
              o++;
            }
        }
    }
}

/* y[o, .., i] = NaN. */
static inline void
spoil_line (__global float *y, int length, int inner)
{
  for (int l = 0; l < length; l++)
    y[(size_t) l * inner] = NAN;
}

/*
 * y[o, l, i] += the sum of updates[o, m, i] over the m with indices[o, m, i] = l; all of
 * y[o, .., i] is NaN if an index of it is none. A work-item owns @strip lines [o, .., i] of y.
 */
__kernel void
scatter_elements_add_forward (__global const float *restrict indices,
                              __global const float *restrict updates, __global float *restrict y,
                              int outer, int length, int inner, int n, int strip)
{
  size_t count = (size_t) outer * inner, line = (size_t) get_global_id (0) * strip;
  size_t end = min (line + strip, count);
  int run;

  for (; line < end; line += run)
    {
      size_t o = line / inner;
      int first = line - o * inner;

      run = min ((size_t) (inner - first), end - line);
      for (int m = 0; m < n; m++)
        for (int i = first; i < first + run; i++)
          {
            size_t from = (o * n + m) * inner + i;
            int l = find (indices[from], length);

            if (l >= 0)
              y[(o * length + l) * inner + i] += updates[from];
            else
              spoil_line (y + o * length * inner + i, length, inner);
          }
    }
}

/*
 * y[m, d] = on where d = indices[m], else off; NaN if the index is none: y is [n, depth], of which
 * a work-item writes @strip elements.
 */
__kernel void
one_hot_forward (__global const float *restrict indices, __global float *restrict y, int n,
                 int depth, float on, float off, int strip)
{
  size_t count = (size_t) n * depth, at = (size_t) get_global_id (0) * strip;
  size_t end = min (at + strip, count), m = at / depth;
  int column = at - m * depth, run;

  for (; at < end; at += run, m++, column = 0)
    {
      int hot = find (indices[m], depth);

      run = min ((size_t) (depth - column), end - at);
      fill_run (hot < 0 ? NAN : off, y + at, run);
      if (hot >= column && hot < column + run)
        y[at + hot - column] = on;
    }
}
