/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y[i] = x[i] mask[i], mask[i] = 1 / keep where u[i] < keep, else 0. u[i] is word
 * i % 4 of philox (key, (i / 4, step)).
 */

/* A NaN for keep gives a mask of NaN. */
#define MASK(u, keep) ((u) >= (keep) ? 0.0f : 1.0f / (keep))

#if KOL_SIMD
/* philox() of eight counters at a time: the same arithmetic, a vector for each word. */
static inline void
philox_of_eight (uint2 key, uint8 c[4])
{
  for (int round = 0; round < 10; round++)
    {
      uint8 high0 = mul_hi ((uint8) (0xD2511F53u), c[0]), low0 = 0xD2511F53u * c[0];
      uint8 high1 = mul_hi ((uint8) (0xCD9E8D57u), c[2]), low1 = 0xCD9E8D57u * c[2];

      c[0] = high1 ^ c[1] ^ key.x;
      c[1] = low1;
      c[2] = high0 ^ c[3] ^ key.y;
      c[3] = low0;
      key += (uint2) (0x9E3779B9u, 0xBB67AE85u);
    }
}

/* Four counters' words in the order of the elements: the first counter's four, the second's, ... */
static inline float16
uniforms_in_order (uint4 word0, uint4 word1, uint4 word2, uint4 word3)
{
  uint8 even, odd;
  uint16 words;

  even.even = word0;
  even.odd = word2;
  odd.even = word1;
  odd.odd = word3;
  words.even = even;
  words.odd = odd;
  return convert_float16 (words >> 8) * 0x1p-24f;
}

static inline void
mask_16 (__global const float *x, __global float *y, __global float *mask, float keep, float16 u)
{
  float16 m = u >= (float16) (keep) ? (float16) (0.0f) : (float16) (1.0f / keep);

  vstore16 (vload16 (0, x) * m, 0, y);
  if (mask)
    vstore16 (m, 0, mask);
}
#endif

/* A work-item computes @strip elements: a multiple of 32 on a CPU, 4 elsewhere. */
__kernel void
dropout_forward (__global const float *restrict x, __global const float *restrict keep_at,
                 __global float *restrict y, __global float *restrict mask, uint count, uint strip,
                 uint key_low, uint key_high, uint step_low, uint step_high)
{
  uint2 key = (uint2) (key_low, key_high);
  size_t i = get_global_id (0) * strip, end = min (i + strip, (size_t) count);
  float keep = *keep_at;

#if KOL_SIMD
  for (; i + 32 <= end; i += 32)
    {
      uint8 c[4] = { (uint) (i / 4) + (uint8) (0, 1, 2, 3, 4, 5, 6, 7), (uint8) (0),
                     (uint8) (step_low), (uint8) (step_high) };

      philox_of_eight (key, c);
      mask_16 (x + i, y + i, mask ? mask + i : 0, keep,
               uniforms_in_order (c[0].lo, c[1].lo, c[2].lo, c[3].lo));
      mask_16 (x + i + 16, y + i + 16, mask ? mask + i + 16 : 0, keep,
               uniforms_in_order (c[0].hi, c[1].hi, c[2].hi, c[3].hi));
    }
#endif
  for (; i < end; i += 4)
    {
      uint4 words = philox (key, (uint4) (i / 4, 0, step_low, step_high));
      float m[4] = { MASK (uniform_float (words.x), keep), MASK (uniform_float (words.y), keep),
                     MASK (uniform_float (words.z), keep), MASK (uniform_float (words.w), keep) };

      for (int k = 0; k < 4 && i + k < end; k++)
        {
          y[i + k] = x[i + k] * m[k];
          if (mask)
            mask[i + k] = m[k];
        }
    }
}
