/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y[i] = x[i] mask[i], mask[i] = 1 / keep where u[i] < keep, else 0. u[i] is word
 * j % 4 of philox (key, (j / 4, step)), where j is the element's place in the whole batch, of
 * which x may be a part: j = 4 first + skipped + i.
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

/* The elements of one counter, from place j on (a multiple of 4), that are within the part. */
static inline void
mask_4 (__global const float *x, __global float *y, __global float *mask, float keep, uint4 words,
        size_t j, size_t skipped, size_t end)
{
  float m[4] = { MASK (uniform_float (words.x), keep), MASK (uniform_float (words.y), keep),
                 MASK (uniform_float (words.z), keep), MASK (uniform_float (words.w), keep) };

  for (int k = 0; k < 4; k++)
    if (j + k >= skipped && j + k < end)
      {
        size_t i = j + k - skipped;

        y[i] = x[i] * m[k];
        if (mask)
          mask[i] = m[k];
      }
}

/* A work-item takes @strip places j: a multiple of 32 on a CPU, 4 elsewhere; 4 first is j's 0. */
__kernel void
dropout_forward (__global const float *restrict x, __global const float *restrict keep_at,
                 __global float *restrict y, __global float *restrict mask, uint count, uint strip,
                 uint first, uint skipped, uint key_low, uint key_high, uint step_low,
                 uint step_high)
{
  uint2 key = (uint2) (key_low, key_high);
  size_t all = (size_t) skipped + count;
  size_t j = get_global_id (0) * strip, end = min (j + strip, all);
  float keep = *keep_at;

#if KOL_SIMD
  if (j < skipped)
    {
      mask_4 (x, y, mask, keep, philox (key, (uint4) (first, 0, step_low, step_high)), j, skipped,
              end);
      j += 4;
    }
  for (; j + 32 <= end; j += 32)
    {
      size_t i = j - skipped;
      uint8 c[4] = { first + (uint) (j / 4) + (uint8) (0, 1, 2, 3, 4, 5, 6, 7), (uint8) (0),
                     (uint8) (step_low), (uint8) (step_high) };

      philox_of_eight (key, c);
      mask_16 (x + i, y + i, mask ? mask + i : 0, keep,
               uniforms_in_order (c[0].lo, c[1].lo, c[2].lo, c[3].lo));
      mask_16 (x + i + 16, y + i + 16, mask ? mask + i + 16 : 0, keep,
               uniforms_in_order (c[0].hi, c[1].hi, c[2].hi, c[3].hi));
    }
#endif
  for (; j < end; j += 4)
    mask_4 (x, y, mask, keep,
            philox (key, (uint4) (first + (uint) (j / 4), 0, step_low, step_high)), j, skipped,
            end);
}
