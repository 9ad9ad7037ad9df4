/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Copies rows between places at equal distances: slices and concatenations. Option:
 *   OUTER  how many dimensions x has beside that of a row, 0 to 7
 */

#define EACH_OUTER(X) KOL_JOIN (EACH_, OUTER) (X)

/* A dimension's length, and the distance between neighbours in x, which may be negative. */
#define PARAMETERS(i) , int length##i, int x_step##i

/* Splits the position in dimension i off @rest. */
#define SPLIT(i) \
  { \
    uint above = rest / length##i; \
    from += (long) (rest - above * length##i) * x_step##i; \
    rest = above; \
  }

/*
 * y[y_at + r y_step + c] = x[x_at + (r's place) + c x_step], c < run, r < rows; the place of row r
 * follows from its position in the outer dimensions, the innermost first. A work-item copies
 * @strip elements.
 */
__kernel void
copy_rows (__global const float *restrict x, __global float *restrict y, int x_at, int y_at,
           int rows, int run, int x_step, int y_step, int strip EACH_OUTER (PARAMETERS))
{
  size_t count = (size_t) rows * run, at = (size_t) get_global_id (0) * strip;
  size_t end = min (at + strip, count);
  uint row = at / run;
  int column = at - (size_t) row * run, n;

  for (; at < end; at += n, row++, column = 0)
    {
      long from = x_at + (long) column * x_step;
      __global float *to = y + y_at + (size_t) row * y_step + column;
      uint rest = row;

      (void) rest; /* with OUTER 0 there is nothing to split */
      n = min ((size_t) (run - column), end - at);
      EACH_OUTER (SPLIT)
      if (x_step == 1)
        copy_run (x + from, to, n);
      else
        for (int i = 0; i < n; i++)
          to[i] = x[from + (long) i * x_step];
    }
}
