/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The k largest or smallest along an axis of x [outer, length, inner]; results are
 * [outer, k, inner]. A work-item takes whole lines, neighbouring items neighbouring lines. Indices
 * count from 0.
 */

#define GEOMETRY int lines, int length, int inner, int k, int strip
#define FOR_LINES \
  const int end = min ((int) (get_global_id (0) + 1) * strip, lines); \
  for (int line = get_global_id (0) * strip; line < end; line++)
/* Where a line of @n elements begins; they are @inner apart. */
#define BEGIN(n) ((size_t) (line / inner) * (n) * inner + line % inner)

/* Whether @v has to stand before @other, which came first: a NaN is the largest of all. */
inline bool
goes_before (float v, float other, int largest)
{
  if (largest)
    return v > other || (isnan (v) && !isnan (other));
  return v < other || (!isnan (v) && isnan (other));
}

/* Sorted by insertion: the results so far are a sorted list. @indices may be missing. */
__kernel void
top_k_forward (__global const float *restrict x, __global float *restrict values,
               __global float *restrict indices, int largest, GEOMETRY)
{
  FOR_LINES
    {
      __global const float *from = x + BEGIN (length);
      const size_t to = BEGIN (k);

      for (int l = 0; l < length; l++)
        {
          const float v = from[(size_t) l * inner];
          int place = min (l, k);

          for (; place > 0; place--)
            {
              const size_t at = to + (size_t) (place - 1) * inner;

              if (!goes_before (v, values[at], largest))
                break;
              if (place == k)
                continue; /* the last one falls off */
              values[at + inner] = values[at];
              if (indices)
                indices[at + inner] = indices[at];
            }
          if (place == k)
            continue;
          values[to + (size_t) place * inner] = v;
          if (indices)
            indices[to + (size_t) place * inner] = l;
        }
    }
}

/* dx = the sum of dy whose index is the element's. */
__kernel void
top_k_gradient (__global const float *restrict dy, __global const float *restrict indices,
                __global float *restrict dx, GEOMETRY)
{
  FOR_LINES
    {
      __global float *to = dx + BEGIN (length);
      const size_t from = BEGIN (k);

      for (int l = 0; l < length; l++)
        to[(size_t) l * inner] = 0.0f;
      for (int i = 0; i < k; i++)
        to[(size_t) indices[from + (size_t) i * inner] * inner] += dy[from + (size_t) i * inner];
    }
}

/* y = x where the index is. */
__kernel void
top_k_pick (__global const float *restrict x, __global const float *restrict indices,
            __global float *restrict y, GEOMETRY)
{
  FOR_LINES
    {
      __global const float *from = x + BEGIN (length);
      const size_t to = BEGIN (k);

      for (int i = 0; i < k; i++)
        {
          const size_t at = to + (size_t) i * inner;

          y[at] = from[(size_t) indices[at] * inner];
        }
    }
}
