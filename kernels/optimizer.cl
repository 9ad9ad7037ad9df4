/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The gradient's norm, its sum over the parts of a batch, and the steps of the optimizers. One
 * launch works on up to 16 tensors, which are cut into chunks; a work-group of GROUP items has one
 * chunk.
 *   CHUNK  elements of a chunk, a multiple of KOL_WIDTH
 *   GROUP  work-items of a group, a power of two; 1 where a work-item is a SIMD thread
 *   RULE   for a step: sgd, adam or rmsprop; its other options are below
 * Sums are taken in a fixed order: in an item, in its group, then over the chunks.
 */

/* f (i) for each tensor of a launch; src/ops/optimizer.c knows that there are 16. */
#define TENSORS(f) \
  f (0) f (1) f (2) f (3) f (4) f (5) f (6) f (7) \
  f (8) f (9) f (10) f (11) f (12) f (13) f (14) f (15)

/* Their arguments: the gradient and its elements (0: no such tensor), the parameter, the average. */
#define GRADIENT_ARGUMENTS(i) __global const float *g##i, int n##i,
#define PARAMETER_ARGUMENT(i) __global float *p##i,
#define AVERAGE_ARGUMENT(i) __global float *a##i,

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
#define PICK_AVERAGE(i) \
  if (tensor == i) \
    average = a##i + offset;

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

/* A vector, or its first n elements. */
inline vec
load (__global const float *p, int n)
{
  return n == KOL_WIDTH ? vec_load (p) : load_part (p, n);
}

inline void
store (vec v, __global float *p, int n)
{
  if (n == KOL_WIDTH)
    vec_store (v, p);
  else
    store_part (v, p, n);
}

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

/* ── gather_gradients: sum <- (first ? 0 : sum) + g / parts ────────────────────────────────── */

/* An old sum is not read in the first part: it may be of another batch, and NaN. */
inline void
gather_at (__global const float *g, __global float *sum, bool first, float parts, int n)
{
  vec part = load (g, n) / parts;
  store (first ? part : load (sum, n) + part, sum, n);
}

__kernel void
gather_gradients_forward (TENSORS (GRADIENT_ARGUMENTS) TENSORS (PARAMETER_ARGUMENT) int first,
                          float parts)
{
  FIND_CHUNK
  __global float *parameter = p0 + offset; /* the sum */
  TENSORS (PICK_PARAMETER)

  FOR_VECTORS (i, length)
    gather_at (gradient + i, parameter + i, first, parts, KOL_WIDTH);

  const int rest = length % KOL_WIDTH, i = length - rest;
  if (rest > 0 && get_local_id (0) == 0)
    gather_at (gradient + i, parameter + i, first, parts, rest);
}

/* ── sgd, adam, rmsprop ────────────────────────────────────────────────────────────────────────
 * Options, each 0 where it is not wanted and then without cost:
 *   STATES        how many numbers the rule keeps for an element
 *   MOMENTUM, NESTEROV, CENTERED  as the rules below have them
 *   CLIP_VALUE    1: g is first cut off at -clip and clip
 *   CLIP_NORM     1: g is first multiplied by min (1, clip / (norm + 10^-6))
 *   WEIGHT_DECAY  1: g then gets weight_decay p; 2: p loses rate weight_decay p besides
 *   AVERAGE       1: average <- average_decay average + (1 - average_decay) p after the step; the
 *                 first step makes it p
 *
 * Each chunk leaves two sums in scratch, of update^2 and of the parameter^2 before the update, and
 * each tensor's first chunk leaves where that tensor's sums begin and how many they are:
 *   scratch: float [chunks][2] sums, then int [tensors][2] ranges.
 * A flag in the watch stops everything: nothing is written but the sums, which are 0.            */

#ifdef RULE
#define RULE_UPDATE KOL_JOIN (RULE, _update)
#define RULE_FORWARD KOL_JOIN (RULE, _forward)

typedef struct {
  float rate;
  float decay1, rest1; /* the momentum, or Adam's beta1; rest = 1 - decay, rounded once */
  float decay2, rest2; /* RMSprop's alpha, or Adam's beta2 */
  float epsilon;
  float correction1; /* Adam: 1 / (1 - beta1^t) */
  float correction2; /* Adam: 1 / sqrt (1 - beta2^t) */
  float clip;        /* the largest value, or what the gradient is multiplied by */
  float weight_decay;
  float average_decay, average_rest;
} Numbers;

/* What the rules begin with. */
inline vec
prepare_gradient (const Numbers *a, vec p, vec g)
{
  if (CLIP_VALUE)
    g = clamp (g, -a->clip, a->clip);
  if (CLIP_NORM)
    g *= a->clip;
  if (WEIGHT_DECAY == 1)
    g += a->weight_decay * p;
  return g;
}

/* v <- momentum v + g,  update = rate v;  NESTEROV: update = rate (g + momentum v) */
inline vec
sgd_update (const Numbers *a, vec g, vec *states)
{
  if (!MOMENTUM)
    return a->rate * g;
  states[0] = a->decay1 * states[0] + g;
  return a->rate * (NESTEROV ? g + a->decay1 * states[0] : states[0]);
}

/*
 * t = count + 1,  m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2,
 * update = rate / (1 - beta1^t) m / (sqrt (v / (1 - beta2^t)) + epsilon)
 */
inline vec
adam_update (const Numbers *a, vec g, vec *states)
{
  states[0] = a->decay1 * states[0] + a->rest1 * g;
  states[1] = a->decay2 * states[1] + a->rest2 * g * g;
  return a->rate * a->correction1 * states[0]
         / (sqrt (states[1]) * a->correction2 + a->epsilon);
}

/*
 * v <- alpha v + (1 - alpha) g^2,  u = g / (sqrt (v) + epsilon),  update = rate u
 * CENTERED: m <- alpha m + (1 - alpha) g, and sqrt (v - m^2), where rounding must not make a
 *   difference below 0
 * MOMENTUM: b <- momentum b + u,  update = rate b
 */
inline vec
rmsprop_update (const Numbers *a, vec g, vec *states)
{
  vec square = states[0] = a->decay2 * states[0] + a->rest2 * g * g;
  if (CENTERED)
    {
      states[1] = a->decay2 * states[1] + a->rest2 * g;
      square = max (square - states[1] * states[1], 0.0f);
    }
  vec u = g / (sqrt (square) + a->epsilon);
  if (MOMENTUM)
    u = states[1 + CENTERED] = a->decay1 * states[1 + CENTERED] + u;
  return a->rate * u;
}

/* Where a group's chunk begins. */
typedef struct {
  __global const float *gradient;
  __global float *parameter;
  __global float *states[3];
  __global float *average;
  bool averaged; /* the average is one already */
} Chunk;

/* One vector, or its first n elements; adds the squares of the update and of the parameter. */
inline void
step_at (const Numbers *a, const Chunk *chunk, int i, int n, vec *updates, vec *squares)
{
  vec p = load (chunk->parameter + i, n), states[3];
  vec g = prepare_gradient (a, p, load (chunk->gradient + i, n));

  for (int k = 0; k < STATES; k++)
    states[k] = load (chunk->states[k] + i, n);
  vec update = RULE_UPDATE (a, g, states);
  if (WEIGHT_DECAY == 2)
    update += a->rate * a->weight_decay * p;
  for (int k = 0; k < STATES; k++)
    store (states[k], chunk->states[k] + i, n);
  store (p - update, chunk->parameter + i, n);
  if (AVERAGE)
    {
      vec average = p - update;
      if (chunk->averaged)
        average = a->average_decay * load (chunk->average + i, n) + a->average_rest * average;
      store (average, chunk->average + i, n);
    }
  *updates += update * update;
  *squares += p * p;
}

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
 * `from` is the place of the launch's first element in the states, which hold all parameters.
 * 1 - beta^t is -expm1 (t log beta): exact where beta^t is near 1, in the first steps.
 */
__kernel void
RULE_FORWARD (TENSORS (GRADIENT_ARGUMENTS) TENSORS (PARAMETER_ARGUMENT)
#if AVERAGE
              TENSORS (AVERAGE_ARGUMENT)
#endif
              __global float *scratch, int chunks, int first_chunk, int first_tensor, uint from,
              __global const float *rate, __global const float *watch, __global const float *norm,
              __global const float *taken, __global float *state0, __global float *state1,
              __global float *state2, float decay1, float rest1, float log1, float decay2,
              float rest2, float log2, float epsilon, float clip, float weight_decay,
              float average_decay, float average_rest)
{
  __local float memory[GROUP];
  FIND_CHUNK
  __global float *parameter = p0 + offset, *average = 0;
  TENSORS (PICK_PARAMETER)
#if AVERAGE
  TENSORS (PICK_AVERAGE)
#endif
  const float t = taken[0] + 1;
  const Numbers numbers = { rate[0], decay1, rest1, decay2, rest2, epsilon, 1 / -expm1 (t * log1),
                            1 / sqrt (-expm1 (t * log2)),
                            CLIP_NORM ? min (1.0f, clip / (norm[0] + 1e-6f)) : clip,
                            weight_decay, average_decay, average_rest };
  Chunk at = { gradient, parameter, { state0, state1, state2 }, average, taken[0] != 0 };
  const int todo = watch[0] != 0 ? 0 : length;
  vec updates = 0, squares = 0;

  for (int k = 0; k < STATES; k++)
    at.states[k] += from + start + offset;
  FOR_VECTORS (i, todo)
    step_at (&numbers, &at, i, KOL_WIDTH, &updates, &squares);

  const int rest = todo % KOL_WIDTH;
  if (rest > 0 && get_local_id (0) == 0)
    step_at (&numbers, &at, todo - rest, rest, &updates, &squares);

  float update_sum = group_sum (vec_sum (updates), memory);
  float square_sum = group_sum (vec_sum (squares), memory);
  leave_sums (scratch, first_chunk, update_sum, square_sum);
  leave_range (scratch, chunks, first_chunk, first_tensor + tensor, chunk, count);
}
#endif

/*
 * A group per tensor: statistics[tensor] = the sums over its chunks; statistics may be NULL. The
 * first group also counts the step, which only this kernel may do: all groups of a step read
 * the old count.
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
      if (tensor == 0 && watch[0] == 0)
        count[0] += 1;
    }
}
