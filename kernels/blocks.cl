/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures whose channels come in blocks of a vector,
 *   x[n][channel / KOL_WIDTH][h][w][channel % KOL_WIDTH],
 * for devices whose work-item is a SIMD thread; src/graph/block.c says which tensors of a plan are
 * stored so. Every place of a picture is a vector then, however small the picture: nothing has to be
 * packed, and no lanes are left over at a row's end. What the last block has too much of channels
 * is computed along and met by nobody. After Georganas et al., "Anatomy of High-Performance Deep
 * Learning Convolutions on SIMD Architectures", SC 2018.
 *
 * What convolutions of such pictures share. Options:
 *   OUT_PLAIN  where present: y, and the residual, are [N, K, P, Q]; RUN of its places are written together
 *   EPILOGUE_BIAS, EPILOGUE_RESIDUAL, EPILOGUE_EXPRESSION   as in conv2d-simd.cl
 */

#define B KOL_WIDTH

/* What is computed last of block @k of the filters; @at: its place in y. */
inline vec
finish (vec sum, __global const float *bias, __global const float *residual, int k, int filters,
        size_t at)
{
#ifdef EPILOGUE_BIAS
  sum += load_some (bias + k * B, filters - k * B);
#endif
#ifdef EPILOGUE_RESIDUAL
  sum += vec_load (residual + at);
#endif
  return epilogue_vec (sum);
}

#ifdef OUT_PLAIN
/* Writes @n of RUN places side by side, a vector each, to planes of @outputs places: y[filter][place]. */
inline void
write_planes (const vec *sum, int n, __global float *y, __global const float *residual, int present,
              int outputs)
{
  float run[RUN][B];
  #pragma unroll
  for (int t = 0; t < RUN; t++)
    vec_store (sum[t], run[t]);
  for (int k = 0; k < present; k++)
    for (int t = 0; t < n; t++)
      {
        const size_t at = (size_t) k * outputs + t;
        float value = run[t][k];
#ifdef EPILOGUE_RESIDUAL
        value += residual[at];
#endif
        y[at] = epilogue_float (value);
      }
}
#endif
