/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * sum[m][n] = sum_k a[k, m] b[k, n] in tiles, for devices whose work-items are lanes (GPUs): what
 * matrix products and convolutions on them share. After Volkov and Demmel, "Benchmarking GPUs to
 * tune dense linear algebra", SC 2008.
 *
 * A group computes TILE_M x TILE_N sums, each of its items WORK_M x WORK_N of them, in registers. It
 * walks k in pieces of DEPTH: a piece of both sides lies in local memory, where every number is read
 * by many items, and while it is multiplied the items have the next one on its way to registers. From
 * there it goes into other local memory, so that nobody waits for those who still multiply.
 *
 * Options:
 *   TILE_M, TILE_N   sums of a group: 16, 32, 64 or 128
 *   WORK_M, WORK_N   sums of an item, multiples of 4
 *   DEPTH            of a piece: a multiple of 4; each item has at least 4 numbers of a piece to fetch
 *
 * The file that includes this one says where the numbers come from; before it, it defines
 *   Sides            a struct: what the next two need
 *   fetch_a (sides, k, line, to)   to[0 .. VECTOR_A - 1] = numbers of a from [k, first line of the
 *                    tile + line] on, 0 where there are none
 *   VECTOR_A         1, or 4 where four neighbours can be loaded at once
 *   ALONG_A          1: neighbours in memory have neighbouring k; 0: neighbouring lines
 * and fetch_b, VECTOR_B and ALONG_B. With ALONG 1 and VECTOR 1, k - first is the same in all of an
 * item's fetches of a piece; with ALONG 0 and VECTOR 1, line is the same in all of its fetches:
 * (item % TILE). What depends on these alone can be worked out once.
 */

#define ITEMS_M (TILE_M / WORK_M)
#define ITEMS_N (TILE_N / WORK_N)
#define ITEMS (ITEMS_M * ITEMS_N)
/* Groups have two dimensions, along n and m: Intel's compiler for CPUs gets rows wrong that are
 * worked out by a division of a single number. */
#define ITEM ((int) (get_local_id (1) * ITEMS_N + get_local_id (0)))

/* Rows of local memory, in float4: one more than the tile has, which spreads columns over banks. */
#define PITCH_A (TILE_M / 4 + 1)
#define PITCH_B (TILE_N / 4 + 1)

#define FETCHES_A (TILE_M * DEPTH / (ITEMS * VECTOR_A))
#define FETCHES_B (TILE_N * DEPTH / (ITEMS * VECTOR_B))

/* Which k of a piece, and which line of a tile, the @i-th fetch of @item begins with. */
inline int
fetch_k (int i, int item, int tile, int along, int vector)
{
  return along ? item % (DEPTH / vector) * vector
               : item / (tile / vector) + i * (ITEMS * vector / tile);
}

inline int
fetch_line (int i, int item, int tile, int along, int vector)
{
  return along ? item / (DEPTH / vector) + i * (ITEMS * vector / DEPTH)
               : item % (tile / vector) * vector;
}

/* An item's share of the piece of both sides that begins at @k. */
inline void
fetch_piece (const Sides *sides, int k, float *next_a, float *next_b)
{
  const int item = ITEM;

  #pragma unroll
  for (int i = 0; i < FETCHES_A; i++)
    fetch_a (sides, k + fetch_k (i, item, TILE_M, ALONG_A, VECTOR_A),
             fetch_line (i, item, TILE_M, ALONG_A, VECTOR_A), next_a + i * VECTOR_A);
  #pragma unroll
  for (int i = 0; i < FETCHES_B; i++)
    fetch_b (sides, k + fetch_k (i, item, TILE_N, ALONG_B, VECTOR_B),
             fetch_line (i, item, TILE_N, ALONG_B, VECTOR_B), next_b + i * VECTOR_B);
}

/*
 * Puts an item's share of one side's piece into local memory, as [k][line]. A macro, as compilers keep
 * the share in registers only where the loops' ends are constants.
 */
#define PUT_PIECE(share, piece, FETCHES, PITCH, TILE, ALONG, VECTOR)                                \
  _Pragma ("unroll") for (int i = 0; i < FETCHES; i++)                                              \
  {                                                                                                 \
    __local float *to = (piece) + fetch_k (i, item, TILE, ALONG, VECTOR) * (4 * PITCH)              \
                        + fetch_line (i, item, TILE, ALONG, VECTOR);                                \
    _Pragma ("unroll") for (int v = 0; v < VECTOR; v++)                                             \
      to[v * (ALONG ? 4 * PITCH : 1)] = share[i * VECTOR + v];                                      \
  }

inline void
put_pieces (const float *share_a, const float *share_b, __local float *a, __local float *b)
{
  const int item = ITEM;

  PUT_PIECE (share_a, a, FETCHES_A, PITCH_A, TILE_M, ALONG_A, VECTOR_A)
  PUT_PIECE (share_b, b, FETCHES_B, PITCH_B, TILE_N, ALONG_B, VECTOR_B)
}

/* The place in the tile of an item's @i-th row and @j-th column: its sums come in squares of 4. */
inline int
row_of_sum (int i)
{
  return i / 4 * (4 * ITEMS_M) + get_local_id (1) * 4 + i % 4;
}

inline int
column_of_sum (int j)
{
  return j / 4 * (4 * ITEMS_N) + get_local_id (0) * 4 + j % 4;
}

/* Adds the products of one piece. */
inline void
multiply_piece (__local const float4 *a, __local const float4 *b, float (*sum)[WORK_N])
{
  const int m = get_local_id (1), n = get_local_id (0);

  for (int k = 0; k < DEPTH; k++)
    {
      float row[WORK_M], column[WORK_N];
      #pragma unroll
      for (int i = 0; i < WORK_M / 4; i++)
        vstore4 (a[k * PITCH_A + i * ITEMS_M + m], i, row);
      #pragma unroll
      for (int j = 0; j < WORK_N / 4; j++)
        vstore4 (b[k * PITCH_B + j * ITEMS_N + n], j, column);
      #pragma unroll
      for (int i = 0; i < WORK_M; i++)
        #pragma unroll
        for (int j = 0; j < WORK_N; j++)
          sum[i][j] = fma (row[i], column[j], sum[i][j]);
    }
}

/*
 * sum[i][j] over k from @first to @end - 1. All items of a group come here together; a and b have room
 * for two pieces, so that one can be filled while others still multiply the one before.
 */
inline void
multiply_tile (const Sides *sides, int first, int end, __local float4 *a, __local float4 *b,
               float (*sum)[WORK_N])
{
  float next_a[FETCHES_A * VECTOR_A], next_b[FETCHES_B * VECTOR_B];
  int half_a = 0, half_b = 0; /* of a and b: where the piece is that is multiplied next */

  #pragma unroll
  for (int i = 0; i < WORK_M; i++)
    #pragma unroll
    for (int j = 0; j < WORK_N; j++)
      sum[i][j] = 0;
  fetch_piece (sides, first, next_a, next_b);
  put_pieces (next_a, next_b, (__local float *) a, (__local float *) b);
  barrier (CLK_LOCAL_MEM_FENCE);
  for (int k = first; k < end; k += DEPTH)
    {
      fetch_piece (sides, k + DEPTH, next_a, next_b); /* behind the last, what nobody needs */
      multiply_piece (a + half_a, b + half_b, sum);
      half_a = DEPTH * PITCH_A - half_a;
      half_b = DEPTH * PITCH_B - half_b;
      put_pieces (next_a, next_b, (__local float *) (a + half_a), (__local float *) (b + half_b));
      barrier (CLK_LOCAL_MEM_FENCE);
    }
}
