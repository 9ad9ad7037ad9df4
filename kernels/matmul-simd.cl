/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * y[m, n] = sum_k a[m, k] b[k, n] for devices whose work-item is a SIMD thread (OpenCL on a CPU).
 * Every work-group is one work-item. After Goto and van de Geijn, "Anatomy of High-Performance
 * Matrix Multiplication", ACM TOMS 34(3), 2008.
 *
 * Options:
 *   PACK_ROWS    only the kernel that packs a, in tiles of so many rows, and TRANSPOSE_A; or
 *   THIN         1..4: only the kernels for a product with so few rows or columns; else
 *   ROWS         rows of y per register tile, at most KOL_WIDTH
 *   VECTORS      vectors per row of a register tile
 *   TRANSPOSE_A, TRANSPOSE_B   0 or 1: a is stored as [K, M], b as [N, K]
 *   PACKED_A, PACKED_B   where present: a is what matmul_pack_a wrote, b what matmul_pack_b wrote
 *   BIAS_OF_ROWS where present: the bias is bias[m]
 *   TURNED       where present: y, and the residual, are stored as [N, M]
 *   EPILOGUE_BIAS, EPILOGUE_RESIDUAL, EPILOGUE_EXPRESSION   where present: y + bias[n], then
 *                + residual[m, n], then the expression in `a` and the type T
 */

#ifdef PACK_ROWS

/*
 * packed[tile][k][PACK_ROWS] = the rows of a, past the last one it again. A work-item has `each`
 * tiles. Global size: work-items.
 */
__kernel void
matmul_pack_a (__global const float *restrict a, __global float *restrict packed, int packed_at,
               int rows, int inner, int each)
{
  int tiles = (rows + PACK_ROWS - 1) / PACK_ROWS;
  int first = get_global_id (0) * each, last = min (tiles, first + each);
  for (int tile = first; tile < last; tile++)
    {
      __global float *to = packed + packed_at + (size_t) tile * inner * PACK_ROWS;
      for (int k = 0; k < inner; k++)
        for (int r = 0; r < PACK_ROWS; r++)
          {
            size_t row = min (tile * PACK_ROWS + r, rows - 1);
            to[k * PACK_ROWS + r] = TRANSPOSE_A ? a[(size_t) k * rows + row] : a[row * inner + k];
          }
    }
}

#elif !defined (THIN)

#define PANEL (VECTORS * KOL_WIDTH)

/*
 * Packing: to[k][0 .. count-1] of row length `pitch` for one tile of a or one vector of a panel of
 * b. What lies outside the matrix need not be 0: it only meets rows and columns of y that are
 * thrown away. Each k is stored as a whole vector; what is too much of it is overwritten by the
 * next k, so `to` is written upwards and needs KOL_WIDTH floats of slack.
 */

/* From rows that run along k: from[i * stride + k]; past the `present` ones, the last again. */
inline void
pack_along (__global const float *from, size_t stride, int count, int present, int depth,
            __global float *to, int pitch)
{
  if (depth < KOL_WIDTH)
    {
      for (int k = 0; k < depth; k++)
        for (int i = 0; i < count; i++)
          to[k * pitch + i] = from[min (i, present - 1) * stride + k];
      return;
    }
  for (int block = 0; block < depth; block += KOL_WIDTH)
    {
      int k = min (block, depth - KOL_WIDTH); /* the last one goes over some of k again */
      vec square[KOL_WIDTH];
      #pragma unroll
      for (int i = 0; i < KOL_WIDTH; i++)
        square[i] = i < count ? vec_load (from + min (i, present - 1) * stride + k) : (vec) 0;
      transpose_square (square);
      #pragma unroll
      for (int i = 0; i < KOL_WIDTH; i++)
        vec_store (square[i], to + (k + i) * pitch);
    }
}

/* From rows that run across k: from[k * stride + i]; `left` floats are left of the matrix. */
inline void
pack_across (__global const float *from, size_t stride, long left, int depth, __global float *to,
             int pitch)
{
  for (int k = 0; k < depth; k++, from += stride, left -= stride)
    vec_store (load_some (from, left), to + k * pitch);
}

/*
 * The same for `panels` panels side by side, to[panel][k][PANEL]: some rows at a time, so that both
 * what is read and what is written comes in runs.
 */
#define ROWS_AT_ONCE 16
inline void
pack_panels (__global const float *from, size_t stride, long left, int panels, int depth,
             __global float *to)
{
  for (int first = 0; first < depth; first += ROWS_AT_ONCE)
    for (int panel = 0; panel < panels; panel++)
      for (int k = first; k < min (depth, first + ROWS_AT_ONCE); k++)
        #pragma unroll
        for (int v = 0; v < VECTORS; v++)
          {
            size_t at = k * stride + panel * PANEL + v * KOL_WIDTH;
            vec_store (load_some (from + at, left - (long) at),
                       to + ((size_t) panel * depth + k) * PANEL + v * KOL_WIDTH);
          }
}

/* DO for every vector sum[r][v] of a register tile. */
#define EACH_OF_TILE(DO) \
  { \
    _Pragma ("unroll") for (int r = 0; r < ROWS; r++) \
      _Pragma ("unroll") for (int v = 0; v < VECTORS; v++) DO; \
  }

/* Packs rows first_row .. last_row-1 of a, from k0 on: packed[tile][k][ROWS]. */
inline void
pack_rows (__global const float *a, int rows, int inner, int first_row, int last_row, int k0,
           int length, __global float *packed)
{
  for (int row = first_row; row < last_row; row += ROWS, packed += length * ROWS)
    {
#if TRANSPOSE_A
      size_t at = (size_t) k0 * rows + row;
      pack_across (a + at, rows, (long) rows * inner - (long) at, length, packed, ROWS);
#else
      pack_along (a + (size_t) row * inner + k0, inner, ROWS, rows - row, length, packed, ROWS);
#endif
    }
}

/* Packs columns start .. end-1 of b, from k0 on: packed[panel][k][PANEL]. */
inline void
pack_columns (__global const float *b, int columns, int inner, int start, int end, int k0,
              int length, __global float *packed)
{
#if TRANSPOSE_B
  for (int column = start; column < end; column += PANEL)
    for (int v = 0; v < VECTORS; v++)
      {
        int at = min (column + v * KOL_WIDTH, columns - 1);
        pack_along (b + (size_t) at * inner + k0, inner, KOL_WIDTH, columns - at, length,
                    packed + (column - start) * length + v * KOL_WIDTH, PANEL);
      }
#else
  size_t at = (size_t) k0 * columns + start;
  pack_panels (b + at, columns, (long) inner * columns - (long) at,
               (end - start + PANEL - 1) / PANEL, length, packed);
#endif
}

#ifdef TURNED
/* Writes, or adds, a register tile to y, which is stored as [columns][rows]. */
inline void
write_turned (vec sum[ROWS][VECTORS], __global float *y, __global const float *bias,
              __global const float *residual, int rows, int columns, int row, int column,
              bool first, bool last)
{
  float tile[ROWS][PANEL];
  int height = min (ROWS, rows - row);
#ifndef EPILOGUE_RESIDUAL
  bool whole = first && last; /* else the epilogue has to wait */
#else
  bool whole = false;
#endif

  #pragma unroll
  for (int v = 0; v < VECTORS; v++)
    {
      vec shift = 0;
#ifdef EPILOGUE_BIAS
      if (whole)
        shift = load_some (bias + column + v * KOL_WIDTH, columns - column - v * KOL_WIDTH);
#endif
      #pragma unroll
      for (int r = 0; r < ROWS; r++)
        vec_store (whole ? epilogue_function (sum[r][v] + shift) : sum[r][v],
                   tile[r] + v * KOL_WIDTH);
    }
  for (int n = 0; n < min (PANEL, columns - column); n++)
    {
      size_t at = (size_t) (column + n) * rows + row;
      if (whole)
        {
          for (int r = 0; r < height; r++)
            y[at + r] = tile[r][n];
          continue;
        }
      for (int r = 0; r < height; r++)
        {
          float value = tile[r][n];
          if (!first)
            value += y[at + r];
          if (last)
            {
#ifdef EPILOGUE_BIAS
              value += bias[column + n];
#endif
#ifdef EPILOGUE_RESIDUAL
              value += residual[at + r];
#endif
              value = epilogue_float (value);
            }
          y[at + r] = value;
        }
    }
}
#endif

/*
 * Adds packed rows times packed columns, `length` of k, to rows first_row .. last_row-1 and columns
 * start .. end-1 of y; the first time writes them, the last time applies the epilogue. A packed
 * tile of a has `depth` of k.
 */
#ifdef BIAS_OF_ROWS
#define BIAS_AT(row, column, n) ((vec) (bias[row]))
#else
#define BIAS_AT(row, column, n) load_some (bias + (column), n)
#endif
inline void
multiply_packed (__global const float *packed_a, __global const float *packed_b,
                 __global float *y, __global const float *bias, __global const float *residual,
                 int rows, int columns, int first_row, int last_row, int start, int end,
                 int length, int depth, bool first, bool last)
{
  for (int column = start; column < end; column += PANEL)
    for (int row = first_row; row < last_row; row += ROWS)
      {
        vec sum[ROWS][VECTORS];
        EACH_OF_TILE (sum[r][v] = (vec) 0);

        __global const float *from_a = packed_a + (size_t) (row - first_row) * depth;
        __global const float *from_b = packed_b + (column - start) * length;
        #pragma unroll 2
        for (int k = 0; k < length; k++, from_a += ROWS, from_b += PANEL)
          {
            vec across[VECTORS];
            #pragma unroll
            for (int v = 0; v < VECTORS; v++)
              across[v] = vec_load (from_b + v * KOL_WIDTH);
            EACH_OF_TILE (sum[r][v] = fma ((vec) (from_a[r]), across[v], sum[r][v]));
          }

#ifdef TURNED
        write_turned (sum, y, bias, residual, rows, columns, row, column, first, last);
#else
        if (row + ROWS <= rows && column + PANEL <= columns)
          {
            __global float *to = y + (size_t) row * columns + column;
            if (!first)
              EACH_OF_TILE (sum[r][v] += vec_load (to + (size_t) r * columns + v * KOL_WIDTH));
#ifdef EPILOGUE_BIAS
            if (last)
              EACH_OF_TILE (sum[r][v] += BIAS_AT (row + r, column + v * KOL_WIDTH, KOL_WIDTH));
#endif
#ifdef EPILOGUE_RESIDUAL
            if (last)
              EACH_OF_TILE (sum[r][v] += vec_load (residual + (to - y) + (size_t) r * columns + v * KOL_WIDTH));
#endif
#ifdef EPILOGUE_EXPRESSION
            if (last)
              EACH_OF_TILE (sum[r][v] = epilogue_function (sum[r][v]));
#endif
            EACH_OF_TILE (vec_store (sum[r][v], to + (size_t) r * columns + v * KOL_WIDTH));
            continue;
          }

        /* The same at the right and lower edge, where only a part of the tile is there. */
        vec edge[ROWS * VECTORS];
        EACH_OF_TILE (edge[r * VECTORS + v] = sum[r][v]);
        for (int i = 0; i < min (ROWS, rows - row) * VECTORS; i++)
          {
            int from = column + i % VECTORS * KOL_WIDTH, n = columns - from;
            size_t at = (size_t) (row + i / VECTORS) * columns + from;
            if (n <= 0)
              continue;
            vec value = edge[i];
            if (!first)
              value += load_some (y + at, n);
            if (last)
              {
#ifdef EPILOGUE_BIAS
                value += BIAS_AT (row + i / VECTORS, from, n);
#endif
#ifdef EPILOGUE_RESIDUAL
                value += load_some (residual + at, n);
#endif
                value = epilogue_function (value);
              }
            store_some (value, y + at, n);
          }
#endif
      }
}

/*
 * Rows first_row .. last_row-1 and columns first_column .. last_column-1 of one product. A side that
 * is packed already is all there; of b, `depth` is then all of k.
 */
inline void
multiply_block (__global const float *a, __global const float *b, __global float *y,
                __global const float *bias, __global const float *residual,
                __global float *packed_a, __global float *packed_b, int rows, int columns,
                int inner, int first_row, int last_row, int first_column, int last_column,
                int block, int group, int depth)
{
  for (int k0 = 0; k0 < inner; k0 += depth)
    for (int start = first_column; start < last_column; start += group * PANEL)
      {
        int length = min (depth, inner - k0), end = min (last_column, start + group * PANEL);
#ifdef PACKED_B
        __global const float *from_b = b + (size_t) start * inner;
#else
        __global const float *from_b = packed_b;
        pack_columns (b, columns, inner, start, end, k0, length, packed_b);
#endif
        for (int row = first_row; row < last_row; row += block * ROWS)
          {
            int last = min (last_row, row + block * ROWS);
#ifdef PACKED_A
            __global const float *from_a = a + (size_t) row * inner + (size_t) k0 * ROWS;
            int depth_a = inner;
#else
            __global const float *from_a = packed_a;
            int depth_a = length;
            pack_rows (a, rows, inner, row, last, k0, length, packed_a);
#endif
            multiply_packed (from_a, from_b, y, bias, residual, rows, columns, row, last, start,
                             end, length, depth_a, k0 == 0, k0 + length == inner);
          }
      }
}

/*
 * packed[panel][k][PANEL] = b. A work-item has `panels` panels. Global size: work-items.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
matmul_pack_b (__global const float *restrict b, __global float *restrict packed, int packed_at,
               int columns, int inner, int panels)
{
  int start = get_global_id (0) * panels * PANEL, end = min (columns, start + panels * PANEL);
  if (start < end)
    pack_columns (b, columns, inner, start, end, 0, inner,
                  packed + packed_at + (size_t) start * inner);
}

/*
 * A work-item owns `tiles` tiles of ROWS rows and `panels` panels of PANEL columns, of one
 * batch entry after another. It walks k in pieces of `depth`, and its panels in groups: packs those
 * of b; then, `block` tiles at a time, packs rows of a, which stay in its second cache level, and
 * multiplies panel after panel, tile after tile: the panel stays in the first level. Partial sums
 * rest in y itself. packs:
 * `pack_floats` per work-item, of which the first `a_floats` are for a.
 * Global size: blocks of panels, blocks of tiles, at most batch.
 */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
matmul_forward (__global const float *a, __global const float *b,
                __global float *restrict y, __global const float *restrict bias,
                __global const float *restrict residual, __global float *packs, int a_at, int b_at,
                int rows, int columns, int inner, int batch, int batched_a, int batched_b,
                int tiles, int panels, int block, int group, int depth, int a_floats,
                int pack_floats)
{
  size_t item = (get_global_id (2) * get_global_size (1) + get_global_id (1)) * get_global_size (0)
                + get_global_id (0);
  __global float *packed_a = packs + item * pack_floats, *packed_b = packed_a + a_floats;
  int first_column = get_global_id (0) * panels * PANEL;
  int first_row = get_global_id (1) * tiles * ROWS;
  int last_column = min (columns, first_column + panels * PANEL);
  int last_row = min (rows, first_row + tiles * ROWS);
  long floats_a = (long) rows * inner, floats_b = (long) inner * columns;
  for (size_t entry = get_global_id (2); entry < (size_t) batch; entry += get_global_size (2))
    multiply_block (a + a_at + (batched_a ? entry * floats_a : 0),
                    b + b_at + (batched_b ? entry * floats_b : 0),
                    y + entry * rows * columns, bias, residual + entry * rows * columns, packed_a,
                    packed_b, rows, columns, inner, first_row, last_row, first_column, last_column,
                    block, group, depth);
}

#else /* THIN */

/*
 * Products with few rows or few columns. The thin side is `small`, THIN lines t of `inner` numbers,
 * small[t * small_line + k * small_step]; the other is `large`, with lines j:
 *   y[t, j] = sum_k small[t, k] large[j, k].
 * swapped: the thin side is b, so y is stored as [j][t] and the bias belongs to t; else y is
 * [t][j] and the bias belongs to j. Either is limited by reading `large` once from memory.
 * A work-item owns `block` lines j of one batch entry. Global size: blocks, 1, batch.
 */

#define LINES 256  /* most lines of a block */
#define PIECE 1024 /* of k, for matmul_dots */

inline void
write_lines (__local const float *sums, int first_line, int last_line, int lines, int swapped,
             __global float *y, __global const float *bias, __global const float *residual)
{
  for (int t = 0; t < THIN; t++)
    for (int j = first_line; j < last_line; j += KOL_WIDTH)
      {
        int n = min (KOL_WIDTH, last_line - j);
        vec value = vec_load (sums + t * LINES + (j - first_line));
        size_t at = swapped ? (size_t) j * THIN + t : (size_t) t * lines + j;
#ifdef EPILOGUE_BIAS
        value += swapped ? (vec) (bias[t]) : load_some (bias + j, n);
#endif
        float part[KOL_WIDTH];
#ifdef EPILOGUE_RESIDUAL
        for (int i = 0; i < KOL_WIDTH; i++)
          part[i] = i < n ? residual[at + (size_t) i * (swapped ? THIN : 1)] : 0;
        value += vec_load (part);
#endif
        vec_store (epilogue_function (value), part);
        for (int i = 0; i < n; i++)
          y[at + (size_t) i * (swapped ? THIN : 1)] = part[i];
      }
}

/* large[j * inner + k]: its lines run along k, so vectors do. */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
matmul_dots (__global const float *restrict small, __global const float *restrict large,
             __global float *restrict y, __global const float *restrict bias,
             __global const float *restrict residual, int lines, int inner, int small_line,
             int small_step, int swapped, int batched_small, int batched_large, int block)
{
  __local float sums[THIN * LINES + KOL_WIDTH];
  __local float piece[THIN * PIECE];

  size_t batch = get_global_id (2);
  int first_line = get_global_id (0) * block, last_line = min (lines, first_line + block);
  long next = 4 * (long) inner; /* to the same place of the next four lines */
  small += batched_small ? batch * THIN * inner : 0;
  large += batched_large ? batch * lines * inner : 0;

  for (int i = 0; i < THIN * LINES; i++)
    sums[i] = 0;
  for (int k0 = 0; k0 < inner; k0 += PIECE)
    {
      int length = min (PIECE, inner - k0);
      int whole = length / KOL_WIDTH * KOL_WIDTH;
      for (int t = 0; t < THIN; t++)
        for (int k = 0; k < length; k++)
          piece[t * PIECE + k] = small[(size_t) t * small_line + (size_t) (k0 + k) * small_step];

      /* Four lines at a time; past the last one, it again. */
      for (int j = first_line; j < last_line; j += 4)
        {
          vec sum[THIN][4];
          __global const float *line[4];
          #pragma unroll
          for (int i = 0; i < 4; i++)
            {
              line[i] = large + (size_t) min (j + i, last_line - 1) * inner + k0;
              #pragma unroll
              for (int t = 0; t < THIN; t++)
                sum[t][i] = (vec) 0;
            }
          for (int k = 0; k < whole; k += KOL_WIDTH)
            #pragma unroll
            for (int i = 0; i < 4; i++)
              {
                vec v = vec_load (line[i] + k);
                read_soon (line[i] + k + next);
                #pragma unroll
                for (int t = 0; t < THIN; t++)
                  sum[t][i] = fma (vec_load (piece + t * PIECE + k), v, sum[t][i]);
              }
          #pragma unroll
          for (int i = 0; i < 4; i++)
            #pragma unroll
            for (int t = 0; t < THIN; t++)
              {
                float total = vec_sum (sum[t][i]);
                for (int k = whole; k < length; k++)
                  total = fma (piece[t * PIECE + k], line[i][k], total);
                if (j + i < last_line)
                  sums[t * LINES + (j + i - first_line)] += total;
              }
        }
    }
  write_lines (sums, first_line, last_line, lines, swapped, y + batch * THIN * lines, bias,
               residual + batch * THIN * lines);
}

/* large[k * lines + j]: its lines run across k, so vectors hold neighbouring j. */
__kernel __attribute__ ((reqd_work_group_size (1, 1, 1))) void
matmul_stream (__global const float *restrict small, __global const float *restrict large,
               __global float *restrict y, __global const float *restrict bias,
               __global const float *restrict residual, int lines, int inner, int small_line,
               int small_step, int swapped, int batched_small, int batched_large, int block)
{
  __local float sums[THIN * LINES + KOL_WIDTH];

  size_t batch = get_global_id (2);
  int first_line = get_global_id (0) * block, last_line = min (lines, first_line + block);
  small += batched_small ? batch * THIN * inner : 0;
  large += batched_large ? batch * lines * inner : 0;

  for (int i = 0; i < THIN * LINES; i++)
    sums[i] = 0;
  for (int k0 = 0; k0 < inner; k0 += 4)
    {
      int present = min (4, inner - k0);
      float factor[THIN][4];
      #pragma unroll
      for (int i = 0; i < 4; i++)
        #pragma unroll
        for (int t = 0; t < THIN; t++)
          factor[t][i] = small[(size_t) t * small_line
                               + (size_t) min (k0 + i, inner - 1) * small_step];
      __global const float *from = large + (size_t) k0 * lines;
      for (int j = first_line; j < last_line; j += KOL_WIDTH)
        {
          vec sum[THIN];
          #pragma unroll
          for (int t = 0; t < THIN; t++)
            sum[t] = vec_load (sums + t * LINES + (j - first_line));
          #pragma unroll
          for (int i = 0; i < 4; i++)
            if (i < present)
              {
                vec v = load_some (from + (size_t) i * lines + j, lines - j);
                #pragma unroll
                for (int t = 0; t < THIN; t++)
                  sum[t] = fma ((vec) (factor[t][i]), v, sum[t]);
              }
          #pragma unroll
          for (int t = 0; t < THIN; t++)
            vec_store (sum[t], sums + t * LINES + (j - first_line));
        }
    }
  write_lines (sums, first_line, last_line, lines, swapped, y + batch * THIN * lines, bias,
               residual + batch * THIN * lines);
}

#endif
