/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Put before every program. Options that are always given:
 *   KOL_WIDTH  float elements of a native vector: 4, 8 or 16 where a work-item is a SIMD thread, 1 elsewhere
 *   KOL_SIMD   1 where a work-item is a SIMD thread (CPUs), else 0
 * A kernel that works in vectors uses `vec`, KOL_WIDTH floats, with vec_load and vec_store, which
 * need no alignment.
 */

#define KOL_JOIN_(a, b) a##b
#define KOL_JOIN(a, b) KOL_JOIN_ (a, b)

#if KOL_WIDTH == 1
typedef float vec;
typedef int ivec;
#define vec_load(p) (*(p))
#define vec_store(v, p) (*(p) = (v))
#define convert_vec(v) convert_float (v)
#else
typedef KOL_JOIN (float, KOL_WIDTH) vec;
typedef KOL_JOIN (int, KOL_WIDTH) ivec;
#define vec_load(p) KOL_JOIN (vload, KOL_WIDTH) (0, (p))
#ifdef __clang__
/* PoCL takes vstore16 apart into three narrower stores; this is one. */
typedef vec __attribute__ ((aligned (4))) unaligned_vec;
__attribute__ ((overloadable)) inline void
vec_store (vec v, __global float *p)
{
  *(__global unaligned_vec *) p = v;
}
__attribute__ ((overloadable)) inline void
vec_store (vec v, __local float *p)
{
  *(__local unaligned_vec *) p = v;
}
__attribute__ ((overloadable)) inline void
vec_store (vec v, __private float *p)
{
  *(__private unaligned_vec *) p = v;
}
__attribute__ ((overloadable)) inline void
vec_store (ivec v, __private int *p)
{
  KOL_JOIN (vstore, KOL_WIDTH) (v, 0, p);
}
#else
#define vec_store(v, p) KOL_JOIN (vstore, KOL_WIDTH) ((v), 0, (p))
#endif
#define convert_vec(v) KOL_JOIN (convert_float, KOL_WIDTH) (v)
#endif

/*
 * Asks for the cache line at @p, soon to be read, where the compiler knows how; @p may lie outside of
 * its buffer. OpenCL's own prefetch is a call, or nothing, on CPUs; oclgrind, which does not optimize,
 * has neither.
 */
#if defined (__OPTIMIZE__) && defined (__has_builtin)
#if __has_builtin (__builtin_prefetch)
#define read_soon(p) __builtin_prefetch ((const void *) (size_t) (p), 0, 2)
#endif
#endif
#ifndef read_soon
#define read_soon(p)
#endif

/* @to = @from, @n elements that follow each other. */
static inline void
copy_run (__global const float *from, __global float *to, int n)
{
  int i = 0;

  for (; i + KOL_WIDTH <= n; i += KOL_WIDTH)
    vec_store (vec_load (from + i), to + i);
  for (; i < n; i++)
    to[i] = from[i];
}

/* @to += @from, @n elements that follow each other. */
static inline void
add_run (__global const float *from, __global float *to, int n)
{
  int i = 0;

  for (; i + KOL_WIDTH <= n; i += KOL_WIDTH)
    vec_store (vec_load (to + i) + vec_load (from + i), to + i);
  for (; i < n; i++)
    to[i] += from[i];
}

/* @to = @value, @n elements that follow each other. */
static inline void
fill_run (float value, __global float *to, int n)
{
  int i = 0;

  for (; i + KOL_WIDTH <= n; i += KOL_WIDTH)
    vec_store ((vec) (value), to + i);
  for (; i < n; i++)
    to[i] = value;
}

/* The vector at p, of which only the first n elements exist; the others are 0. */
static inline vec
load_some (__global const float *p, long n)
{
  if (n >= KOL_WIDTH)
    return vec_load (p);
  float part[KOL_WIDTH];
  for (int i = 0; i < KOL_WIDTH; i++)
    part[i] = i < n ? p[i] : 0;
  return vec_load (part);
}

static inline void
store_some (vec v, __global float *p, long n)
{
  if (n >= KOL_WIDTH)
    {
      vec_store (v, p);
      return;
    }
  float part[KOL_WIDTH];
  vec_store (v, part);
  for (int i = 0; i < n; i++)
    p[i] = part[i];
}

#if KOL_WIDTH > 1
/* Rows become columns: log2 (KOL_WIDTH) perfect shuffles of a square of vectors. */
inline void
transpose_square (vec *square)
{
  #pragma unroll
  for (int step = 1; step < KOL_WIDTH; step *= 2)
    {
      vec shuffled[KOL_WIDTH];
      #pragma unroll
      for (int i = 0; i < KOL_WIDTH / 2; i++)
        {
          vec a = square[i], b = square[i + KOL_WIDTH / 2];
          shuffled[2 * i].even = a.lo;
          shuffled[2 * i].odd = b.lo;
          shuffled[2 * i + 1].even = a.hi;
          shuffled[2 * i + 1].odd = b.hi;
        }
      #pragma unroll
      for (int i = 0; i < KOL_WIDTH; i++)
        square[i] = shuffled[i];
    }
}
#endif

/* KOL_JOIN (EACH_, n) (X): X (0) X (1) ... X (n - 1). */
#define EACH_0(X)
#define EACH_1(X) EACH_0 (X) X (0)
#define EACH_2(X) EACH_1 (X) X (1)
#define EACH_3(X) EACH_2 (X) X (2)
#define EACH_4(X) EACH_3 (X) X (3)
#define EACH_5(X) EACH_4 (X) X (4)
#define EACH_6(X) EACH_5 (X) X (5)
#define EACH_7(X) EACH_6 (X) X (6)

/*
 * What an operation computes last: the option EPILOGUE_EXPRESSION, in `a` and T. For a vector, and
 * for an element where a loop over vectors leaves some: epilogue_vec, epilogue_float. Rounded as
 * in elementwise.cl.
 */
#ifdef EPILOGUE_EXPRESSION
#define EPILOGUE EPILOGUE_EXPRESSION
#else
#define EPILOGUE a
#endif
#define T vec
inline vec
epilogue_function (vec a)
{
#pragma OPENCL FP_CONTRACT OFF
  return EPILOGUE;
}
#undef T
#define T float
inline float
epilogue_float (float a)
{
#pragma OPENCL FP_CONTRACT OFF
  return EPILOGUE;
}
#undef T
#define epilogue_vec epilogue_function

/* The sum of a vector's elements, in a fixed order. */
inline float
vec_sum (vec v)
{
#if KOL_WIDTH == 1
  return v;
#elif KOL_WIDTH == 4
  float2 a = v.lo + v.hi;
  return a.x + a.y;
#elif KOL_WIDTH == 8
  float4 b = v.lo + v.hi;
  float2 a = b.lo + b.hi;
  return a.x + a.y;
#else
  float8 c = v.lo + v.hi;
  float4 b = c.lo + c.hi;
  float2 a = b.lo + b.hi;
  return a.x + a.y;
#endif
}

/* The largest element of a vector that is not NaN. */
inline float
vec_max (vec v)
{
#if KOL_WIDTH == 1
  return v;
#elif KOL_WIDTH == 4
  float2 a = fmax (v.lo, v.hi);
  return fmax (a.x, a.y);
#elif KOL_WIDTH == 8
  float4 b = fmax (v.lo, v.hi);
  float2 a = fmax (b.lo, b.hi);
  return fmax (a.x, a.y);
#else
  float8 c = fmax (v.lo, v.hi);
  float4 b = fmax (c.lo, c.hi);
  float2 a = fmax (b.lo, b.hi);
  return fmax (a.x, a.y);
#endif
}

/*
 * The sum of x over a group's items, the same in all of them, in a fixed order, and the largest
 * that is not NaN. GROUP says how many items there are, a power of two.
 */
#ifdef GROUP
#if GROUP == 1
#define group_sum(x, memory) (x)
#define group_max(x, memory) (x)
#else
#define GROUP_REDUCTION(NAME, BOTH) \
  inline float NAME (float x, __local float *memory) \
  { \
    const int i = get_local_id (0); \
    memory[i] = x; \
    barrier (CLK_LOCAL_MEM_FENCE); \
    for (int width = GROUP / 2; width > 0; width /= 2) \
      { \
        if (i < width) \
          memory[i] = BOTH (memory[i], memory[i + width]); \
        barrier (CLK_LOCAL_MEM_FENCE); \
      } \
    x = memory[0]; \
    barrier (CLK_LOCAL_MEM_FENCE); /* the memory may be used again */ \
    return x; \
  }
#define GROUP_ADD(a, b) ((a) + (b))
GROUP_REDUCTION (group_sum, GROUP_ADD)
GROUP_REDUCTION (group_max, fmax)
#endif
#endif

/*
 * Philox4x32-10: four random words for a 64-bit key and a 128-bit counter, the same function as
 * src/random-private.h. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
inline uint4
philox (uint2 key, uint4 c)
{
  for (int round = 0; round < 10; round++)
    {
      uint high0 = mul_hi (0xD2511F53u, c.x), low0 = 0xD2511F53u * c.x;
      uint high1 = mul_hi (0xCD9E8D57u, c.z), low1 = 0xCD9E8D57u * c.z;
      c = (uint4) (high1 ^ c.y ^ key.x, low1, high0 ^ c.w ^ key.y, low0);
      key += (uint2) (0x9E3779B9u, 0xBB67AE85u);
    }
  return c;
}

/* A random word as a float in [0, 1), multiples of 2^-24. */
inline float
uniform_float (uint word)
{
  return (float) (word >> 8) * 0x1p-24f;
}
