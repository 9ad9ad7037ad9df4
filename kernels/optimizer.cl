/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The gradient's norm, Adam and gradient descent. One launch works on up to 16
 * tensors, which are cut into chunks; a work-group of GROUP items has one chunk.
 *   CHUNK  elements of a chunk, a multiple of KOL_WIDTH
 *   GROUP  work-items of a group, a power of two; 1 where a work-item is a SIMD thread
 * Sums are taken in a fixed order: in an item, in its group, then over the chunks.
 */

/* f (i) for each tensor of a launch; src/ops/optimizer.c knows that there are 16. */
#define TENSORS(f) \
  f (0) f (1) f (2) f (3) f (4) f (5) f (6) f (7) \
  f (8) f (9) f (10) f (11) f (12) f (13) f (14) f (15)

/* Their arguments: the gradient and its elements (0: no such tensor), and the parameter. */
#define GRADIENT_ARGUMENTS(i) __global const float *g##i, int n##i,
#define PARAMETER_ARGUMENT(i) __global float *p##i,

/*
 * Finds this group's chunk: walks over the tensors while there are chunks left to skip. The last
 * tensor taken is the one; `left` is then the chunk's distance from that tensor's end, below 0.
 */
#define CHUNKS(n) (((n) - 1) / CHUNK + 1)
#define TAKE(i) \
  if (left >= 0 && n##i > 0) \
    { \
      start += (size_t) count; \
      gradient = g##i; \
      count = n##i; \
      tensor = i; \
      left -= CHUNKS (count); \
    }
#define FIND_CHUNK \
  int left = get_group_id (0), tensor = 0, count = 0; \
  size_t start = 0; /* elements in the tensors before this one */ \
  __global const float *gradient = g0; \
  TENSORS (TAKE) \
  const int chunk = left + CHUNKS (count); /* within the tensor */ \
  const size_t offset = (size_t) chunk * CHUNK; \
  const int length = (int) min ((size_t) CHUNK, (size_t) count - offset); \
  gradient += offset;
#define PICK_PARAMETER(i) \
  if (tensor == i) \
    parameter = p##i + offset;

/* This item's vectors of the chunk; all items together leave only the last few elements. */
#define FOR_VECTORS(i, length) \
  for (int i = get_local_id (0) * KOL_WIDTH; i <= (length) - KOL_WIDTH; i += GROUP * KOL_WIDTH)

/* The last few: fewer than a vector, filled up with zeros. */
inline vec
load_part (__global const float *p, int n)
{
  float part[KOL_WIDTH];
  for (int i = 0; i < KOL_WIDTH; i++)
    part[i] = i < n ? p[i] : 0;
  return vec_load (part);
}

inline void
store_part (vec v, __global float *p, int n)
{
  float part[KOL_WIDTH];
  vec_store (v, part);
  for (int i = 0; i < n; i++)
    p[i] = part[i];
}

/* The sum of x over the group's items, the same in all of them. */
#if GROUP == 1
#define group_sum(x, memory) (x)
#else
inline float
group_sum (float x, __local float *memory)
{
  const int i = get_local_id (0);

  memory[i] = x;
  barrier (CLK_LOCAL_MEM_FENCE);
  for (int width = GROUP / 2; width > 0; width /= 2)
    {
      if (i < width)
        memory[i] += memory[i + width];
      barrier (CLK_LOCAL_MEM_FENCE);
    }
  x = memory[0];
  barrier (CLK_LOCAL_MEM_FENCE); /* the memory may be used again */
  return x;
}
#endif

/* ── gradient_norm: norm = sqrt (sum over all tensors of g^2) ──────────────────────────────── */

/* partials[first_chunk + chunk] = the chunk's sum of g^2 */
__kernel void
gradient_norm_squares (TENSORS (GRADIENT_ARGUMENTS) __global float *partials, int first_chunk)
{
  __local float memory[GROUP];
  FIND_CHUNK
  vec sums = 0;

  FOR_VECTORS (i, length)
    {
      vec g = vec_load (gradient + i);
      sums += g * g;
    }

  const int rest = length % KOL_WIDTH;
  if (rest > 0 && get_local_id (0) == 0)
    {
      vec g = load_part (gradient + length - rest, rest);
      sums += g * g;
    }

  float sum = group_sum (vec_sum (sums), memory);
  if (get_local_id (0) == 0)
    partials[first_chunk + get_group_id (0)] = sum;
}

/*
 * One group: adds the partial sums; a norm that is not finite sets the watch's flag. norm may be
 * NULL.
 */
__kernel void
gradient_norm_forward (__global const float *partials, int chunks, __global float *norm,
                       __global float *watch)
{
  __local float memory[GROUP];
  float sum = 0;

  for (int i = get_local_id (0); i < chunks; i += GROUP)
    sum += partials[i];
  sum = group_sum (sum, memory);

  if (get_local_id (0) == 0)
    {
      if (norm)
        norm[0] = sqrt (sum);
      if (!isfinite (sum))
        watch[0] = 1;
    }
}

/* ── adam, sgd ─────────────────────────────────────────────────────────────────────────────────
 * Each chunk leaves two sums in scratch, of update^2 and of the parameter^2 before the update, and
 * each tensor's first chunk leaves where that tensor's sums begin and how many they are:
 *   scratch: float [chunks][2] sums, then int [tensors][2] ranges.
 * A flag in the watch stops everything: nothing is written but the sums, which are 0.            */

inline void
leave_sums (__global float *scratch, int first_chunk, float updates, float squares)
{
  const int i = first_chunk + get_group_id (0);

  if (get_local_id (0) == 0)
    {
      scratch[2 * i] = updates;
      scratch[2 * i + 1] = squares;
    }
}

inline void
leave_range (__global float *scratch, int chunks, int first_chunk, int tensor, int chunk,
             int count)
{
  __global int *ranges = (__global int *) (scratch + 2 * (size_t) chunks);

  if (get_local_id (0) == 0 && chunk == 0)
    {
      ranges[2 * tensor] = first_chunk + get_group_id (0);
      ranges[2 * tensor + 1] = CHUNKS (count);
    }
}

/*
 * t = count + 1,  m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2,
 * p <- p - rate / (1 - beta1^t) m / (sqrt (v / (1 - beta2^t)) + epsilon)
 *
 * 1 - beta^t is -expm1 (t log beta): exact where beta^t is near 1, in the first steps.
 */
typedef struct {
  float beta1, rest1; /* rest = 1 - beta, rounded once */
  float beta2, rest2;
  float epsilon;
  float step;  /* rate / (1 - beta1^t) */
  float scale; /* 1 / sqrt (1 - beta2^t) */
} Adam;

inline vec
adam_update (const Adam *a, vec g, vec *m, vec *v)
{
  *m = a->beta1 * *m + a->rest1 * g;
  *v = a->beta2 * *v + a->rest2 * g * g;
  return a->step * *m / (sqrt (*v) * a->scale + a->epsilon);
}

__kernel void
adam_forward (TENSORS (GRADIENT_ARGUMENTS) TENSORS (PARAMETER_ARGUMENT) __global float *scratch,
              int chunks, int first_chunk, int first_tensor, uint first_element,
              __global const float *rate, __global const float *watch, __global const float *taken,
              __global float *m, __global float *v, float beta1, float rest1, float log1,
              float beta2, float rest2, float log2, float epsilon)
{
  __local float memory[GROUP];
  FIND_CHUNK
  __global float *parameter = p0 + offset;
  TENSORS (PICK_PARAMETER)
  const float t = taken[0] + 1;
  const Adam adam = { beta1, rest1, beta2, rest2, epsilon, rate[0] / -expm1 (t * log1),
                      1 / sqrt (-expm1 (t * log2)) };
  const int todo = watch[0] != 0 ? 0 : length;
  vec updates = 0, squares = 0;

  m += first_element + start + offset;
  v += first_element + start + offset;
  FOR_VECTORS (i, todo)
    {
      vec p = vec_load (parameter + i), m_i = vec_load (m + i), v_i = vec_load (v + i);
      vec update = adam_update (&adam, vec_load (gradient + i), &m_i, &v_i);
      vec_store (p - update, parameter + i);
      vec_store (m_i, m + i);
      vec_store (v_i, v + i);
      updates += update * update;
      squares += p * p;
    }

  const int rest = todo % KOL_WIDTH, i = todo - rest;
  if (rest > 0 && get_local_id (0) == 0)
    {
      vec p = load_part (parameter + i, rest);
      vec m_i = load_part (m + i, rest), v_i = load_part (v + i, rest);
      vec update = adam_update (&adam, load_part (gradient + i, rest), &m_i, &v_i);
      store_part (p - update, parameter + i, rest);
      store_part (m_i, m + i, rest);
      store_part (v_i, v + i, rest);
      updates += update * update;
      squares += p * p;
    }

  float update_sum = group_sum (vec_sum (updates), memory);
  float square_sum = group_sum (vec_sum (squares), memory);
  leave_sums (scratch, first_chunk, update_sum, square_sum);
  leave_range (scratch, chunks, first_chunk, first_tensor + tensor, chunk, count);
}

/* v <- momentum v + g,  p <- p - rate v; without momentum v is g, and its buffer is not touched. */
__kernel void
sgd_forward (TENSORS (GRADIENT_ARGUMENTS) TENSORS (PARAMETER_ARGUMENT) __global float *scratch,
             int chunks, int first_chunk, int first_tensor, uint first_element,
             __global const float *rate, __global const float *watch, __global float *v,
             float momentum)
{
  __local float memory[GROUP];
  FIND_CHUNK
  __global float *parameter = p0 + offset;
  TENSORS (PICK_PARAMETER)
  const float step = rate[0];
  const int todo = watch[0] != 0 ? 0 : length;
  vec updates = 0, squares = 0;

  if (momentum != 0)
    v += first_element + start + offset;
  FOR_VECTORS (i, todo)
    {
      vec p = vec_load (parameter + i), v_i = vec_load (gradient + i);
      if (momentum != 0)
        {
          v_i += momentum * vec_load (v + i);
          vec_store (v_i, v + i);
        }
      vec update = step * v_i;
      vec_store (p - update, parameter + i);
      updates += update * update;
      squares += p * p;
    }

  const int rest = todo % KOL_WIDTH, i = todo - rest;
  if (rest > 0 && get_local_id (0) == 0)
    {
      vec p = load_part (parameter + i, rest), v_i = load_part (gradient + i, rest);
      if (momentum != 0)
        {
          v_i += momentum * load_part (v + i, rest);
          store_part (v_i, v + i, rest);
        }
      vec update = step * v_i;
      store_part (p - update, parameter + i, rest);
      updates += update * update;
      squares += p * p;
    }

  float update_sum = group_sum (vec_sum (updates), memory);
  float square_sum = group_sum (vec_sum (squares), memory);
  leave_sums (scratch, first_chunk, update_sum, square_sum);
  leave_range (scratch, chunks, first_chunk, first_tensor + tensor, chunk, count);
}

/*
 * A group per tensor: statistics[tensor] = the sums over its chunks; statistics may be NULL. The
 * first group also counts the step, which only this kernel may do: all of adam_forward reads the
 * old count. count may be NULL.
 */
__kernel void
optimizer_statistics (__global const float *scratch, int chunks, __global const float *watch,
                      __global float *statistics, __global float *count)
{
  __local float memory[GROUP];
  __global const int *ranges = (__global const int *) (scratch + 2 * (size_t) chunks);
  const int tensor = get_group_id (0);
  const int first = ranges[2 * tensor], n = ranges[2 * tensor + 1];
  float updates = 0, squares = 0;

  for (int i = get_local_id (0); i < n; i += GROUP)
    {
      updates += scratch[2 * (first + i)];
      squares += scratch[2 * (first + i) + 1];
    }
  updates = group_sum (updates, memory);
  squares = group_sum (squares, memory);

  if (get_local_id (0) == 0)
    {
      if (statistics)
        {
          statistics[2 * tensor] = updates;
          statistics[2 * tensor + 1] = squares;
        }
      if (count && tensor == 0 && watch[0] == 0)
        count[0] += 1;
    }
}
