/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The reverse of pooling by the largest, and its gradient. An index that is no place in the plane is
 * left out. Option: WINNER 1: the forward says which element of x is where, too.
 */

/* Whether @index is a whole number in 0 .. length - 1; not, if it is NaN. */
static inline bool
is_place (float index, int length)
{
  return index >= 0 && index < length && index == floor (index);
}

/*
 * y[h, w] = x[p, q] for the last p, q whose index is h W + w, else 0; winner[h, w]
 * is p Q + q, else -1. x has planes of @from elements, y of @to. Global size:
 * work-items that have `each` planes.
 */
__kernel void
max_unpool_forward (__global const float *restrict x, __global const float *restrict indices,
                    __global float *restrict y, __global float *restrict winner, int planes,
                    int each, int from, int to)
{
  int first = get_global_id (0) * each;

  for (int plane = first; plane < min (planes, first + each); plane++)
    {
      __global float *y_at = y + (size_t) plane * to;

      for (int i = 0; i < to; i++)
        y_at[i] = 0.0f;
#if WINNER
      __global float *winner_at = winner + (size_t) plane * to;
      for (int i = 0; i < to; i++)
        winner_at[i] = -1.0f;
#endif
      for (int i = 0; i < from; i++)
        {
          size_t at = (size_t) plane * from + i;
          float index = indices[at];

          if (!is_place (index, to))
            continue;
          y_at[(int) index] = x[at];
#if WINNER
          winner_at[(int) index] = i;
#endif
        }
    }
}

/*
 * dx[p, q] = dy[h, w] if the index at p, q is h W + w and the winner there is p Q + q, else 0.
 * Global size: work-items that have `each` of the @count elements of dx.
 */
__kernel void
max_unpool_gradient_x (__global const float *restrict dy, __global const float *restrict indices,
                       __global const float *restrict winner, __global float *restrict dx,
                       int count, int each, int from, int to)
{
  int first = get_global_id (0) * each;

  for (int i = first; i < min (count, first + each); i++)
    {
      float index = indices[i];
      size_t at = (size_t) (i / from) * to;
      bool won = false;

      if (is_place (index, to))
        {
          at += (int) index;
          won = winner[at] == (float) (i % from);
        }
      dx[i] = won ? dy[at] : 0.0f;
    }
}
