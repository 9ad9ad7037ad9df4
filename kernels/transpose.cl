/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y = x with its dimensions in another order. Options:
 *   OUTER  how many dimensions there are beside those that a kernel's formula names, 0 to 7
 *   TILE   side of a GPU's tile
 */

/* EACH_OUTER (X): X (0) X (1) ..., for those dimensions, y's innermost first. */
#define EACH_OUTER(X) KOL_JOIN (EACH_, OUTER) (X)

/* A dimension's length, and the distances between neighbours in x and in y. */
#define PARAMETERS(i) , int length##i, int x_step##i, int y_step##i

/* Splits the position in dimension i off @rest. */
#define SPLIT(i) \
  { \
    uint above = rest / length##i; \
    int position = rest - above * length##i; \
    x_at += (long) position * x_step##i; \
    y_at += (long) position * y_step##i; \
    rest = above; \
  }

/* y[.., i] = x[.., i]: y is @rows rows of @run elements, of which a work-item copies @strip. */
__kernel void
transpose_rows (__global const float *restrict x, __global float *restrict y, int rows, int run,
                int strip EACH_OUTER (PARAMETERS))
{
  size_t count = (size_t) rows * run, at = (size_t) get_global_id (0) * strip;
  size_t end = min (at + strip, count);
  uint row = at / run;
  size_t column = at - (size_t) row * run;

  for (; at < end; row++, column = 0)
    {
      size_t length = min (run - column, end - at), i = 0;
      size_t x_at = column, y_at = column;
      uint rest = row;

      (void) rest; /* with OUTER 0 there is nothing to split */
      EACH_OUTER (SPLIT)
#if KOL_WIDTH > 1
      for (; i + KOL_WIDTH <= length; i += KOL_WIDTH)
        vec_store (vec_load (x + x_at + i), y + y_at + i);
#endif
      for (; i < length; i++)
        y[y_at + i] = x[x_at + i];
      at += length;
    }
}

#if KOL_SIMD
/* Two vectors' elements in turn: the first halves', or the second halves'. */
static inline vec
zip_low (vec a, vec b)
{
  vec zipped;
  zipped.even = a.lo;
  zipped.odd = b.lo;
  return zipped;
}

static inline vec
zip_high (vec a, vec b)
{
  vec zipped;
  zipped.even = a.hi;
  zipped.odd = b.hi;
  return zipped;
}

/* After log2 KOL_WIDTH rounds of zipping with the vector half the square away it is transposed. */
#define ZIP(from, to) \
  for (int k = 0; k < KOL_WIDTH / 2; k++) \
    { \
      to[2 * k] = zip_low (from[k], from[k + KOL_WIDTH / 2]); \
      to[2 * k + 1] = zip_high (from[k], from[k + KOL_WIDTH / 2]); \
    }

/* y[r, c] = x[c, r] for KOL_WIDTH rows and columns. */
static inline void
transpose_tile (__global const float *x, __global float *y, int x_step, int y_step)
{
  vec a[KOL_WIDTH], b[KOL_WIDTH];

  for (int k = 0; k < KOL_WIDTH; k++)
    a[k] = vec_load (x + (size_t) k * x_step);
  ZIP (a, b)
  ZIP (b, a)
#if KOL_WIDTH >= 8
  ZIP (a, b)
#if KOL_WIDTH == 16
  ZIP (b, a)
#endif
#endif
  for (int k = 0; k < KOL_WIDTH; k++)
#if KOL_WIDTH == 8
    vec_store (b[k], y + (size_t) k * y_step);
#else
    vec_store (a[k], y + (size_t) k * y_step);
#endif
}

/* y[r, c] = x[c, r] for a band of rows and all columns. */
static inline void
transpose_band (__global const float *x, __global float *y, int rows, int columns, int x_step,
                int y_step)
{
  int c = 0;

  for (; c + KOL_WIDTH <= columns; c += KOL_WIDTH)
    {
      int r = 0;

      for (; r + KOL_WIDTH <= rows; r += KOL_WIDTH)
        transpose_tile (x + (size_t) c * x_step + r, y + (size_t) r * y_step + c, x_step, y_step);
      for (; r < rows; r++)
        for (int k = c; k < c + KOL_WIDTH; k++)
          y[(size_t) r * y_step + k] = x[(size_t) k * x_step + r];
    }
  for (; c < columns; c++)
    for (int r = 0; r < rows; r++)
      y[(size_t) r * y_step + c] = x[(size_t) c * x_step + r];
}

#define BAND 16

/* y[.., r, .., c] = x[.., c, .., r]: a work-item takes @strip bands of BAND rows. */
__kernel void
transpose_bands (__global const float *restrict x, __global float *restrict y, int batch, int rows,
                 int columns, int x_step, int y_step, int strip EACH_OUTER (PARAMETERS))
{
  uint bands = (rows + BAND - 1) / BAND;
  size_t begin = get_global_id (0) * strip, end = min (begin + strip, (size_t) batch * bands);

  for (size_t i = begin; i < end; i++)
    {
      int row = (int) (i % bands) * BAND;
      size_t x_at = row, y_at = (size_t) row * y_step;
      uint rest = i / bands;

      (void) rest; /* with OUTER 0 there is nothing to split */
      EACH_OUTER (SPLIT)
      transpose_band (x + x_at, y + y_at, min (BAND, rows - row), columns, x_step, y_step);
    }
}

#else
/* y[.., r, .., c] = x[.., c, .., r]: a group of TILE x TILE work-items takes a tile; no @strip. */
__kernel void
transpose_tiles (__global const float *restrict x, __global float *restrict y, int batch, int rows,
                 int columns, int x_step, int y_step, int strip EACH_OUTER (PARAMETERS))
{
  __local float tile[TILE][TILE + 1]; /* the odd length keeps columns in different banks */
  int inner = get_local_id (0) % TILE, other = get_local_id (0) / TILE;
  uint tiles_across = (columns + TILE - 1) / TILE, tiles_down = (rows + TILE - 1) / TILE;
  uint tile_of_all = get_group_id (0), rest = tile_of_all / (tiles_across * tiles_down);
  int row = tile_of_all / tiles_across % tiles_down * TILE;
  int column = tile_of_all % tiles_across * TILE;
  size_t x_at = 0, y_at = 0;

  (void) rest; /* with OUTER 0 there is nothing to split */
  EACH_OUTER (SPLIT)
  if (row + inner < rows && column + other < columns)
    tile[other][inner] = x[x_at + (size_t) (column + other) * x_step + row + inner];
  barrier (CLK_LOCAL_MEM_FENCE);
  if (row + other < rows && column + inner < columns)
    y[y_at + (size_t) (row + other) * y_step + column + inner] = tile[inner][other];
}
#endif
