/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/op-private.h"

/* What matrix products and convolutions share. */

G_BEGIN_DECLS

/*
 * Appends the build options for what a kernel computes behind its operation:
 * EPILOGUE_BIAS, EPILOGUE_RESIDUAL and EPILOGUE_EXPRESSION, each only where it
 * is present.
 */
static inline void
kol_epilogue_append_options (const KolEpilogue *epilogue, GString *options)
{
  if (epilogue->kinds & KOL_BIAS)
    g_string_append (options, " -D EPILOGUE_BIAS=1");
  if (epilogue->kinds & KOL_RESIDUAL)
    g_string_append (options, " -D EPILOGUE_RESIDUAL=1");
  if (epilogue->kinds & KOL_UNARY)
    g_string_append_printf (options, " -D EPILOGUE_EXPRESSION=%s", epilogue->unary_expression);
}

/*
 * The height of a register tile for @lines rows (filters) of which every tile
 * but the last is full: the one that wastes least, counting half a row per tile
 * for what all rows share. A vector unit of 16 floats has 32 registers, the
 * others have 16; two registers per row must leave room for the operands.
 */
static inline guint
kol_tile_rows (const KolDevice *device, gint64 lines)
{
  static const guint wide[] = { 1, 2, 3, 4, 6, 8, 10, 13 }, narrow[] = { 1, 2, 3, 4, 6 };
  guint width = device->info.vector_width;
  guint n = width >= 16 ? G_N_ELEMENTS (wide) : width >= 8 ? 5 : 4;
  const guint *heights = width >= 16 ? wide : narrow;
  guint best = 1;
  double least = G_MAXDOUBLE;

  for (guint i = 0; i < n; i++)
    {
      double cost = (double) ((lines + heights[i] - 1) / heights[i]) * (heights[i] + 0.5);

      if (heights[i] < 4 && lines > heights[i]) /* so low a tile leaves the multipliers idle */
        continue;
      if (cost <= least)
        {
          least = cost;
          best = heights[i];
        }
    }
  return best;
}

/* ── Matrix products ────────────────────────────────────────────────────────────────────────── */

/* A product as a kernel sees it: [rows, inner] x [inner, columns], `batch` times. */
typedef struct {
  gint64 batch, rows, columns, inner;
  gboolean transpose_a, transpose_b;
  gboolean batched_a, batched_b; /* else the side is the same for every batch entry */
} KolProduct;

KolProduct kol_product_of (const KolNode *node);

/* In which form a product is asked for. One side at most is packed. */
typedef enum {
  KOL_PRODUCT_PACKED_A = 1 << 0,     /* a is what kol_product_simd_pack() wrote */
  KOL_PRODUCT_PACKED_B = 1 << 1,     /* b is */
  KOL_PRODUCT_BIAS_OF_ROWS = 1 << 2, /* the bias has a number per row, not per column */
  KOL_PRODUCT_TURNED = 1 << 3,       /* the result is stored as [columns, rows] */
} KolProductForm;

/* A side of a product: it begins at @at floats of @buffer. */
typedef struct {
  KolBuffer *buffer;
  gint64 at;
} KolSide;

/* matmul-simd.c: products on devices whose work-item is a SIMD thread. */
gboolean kol_product_simd_fits (const KolDevice *device);
/* Bytes of scratch that kol_product_simd_launch() needs. */
gsize kol_product_simd_scratch (const KolProduct *p, KolProductForm form, const KolDevice *device);
/* Bytes of the side that is packed. */
gsize kol_product_simd_packed (const KolProduct *p, KolProductForm form, const KolDevice *device);
gboolean kol_product_simd_pack (KolLaunch *launch, const KolProduct *p, KolProductForm form,
                                KolBuffer *side, KolSide to, GError **error);
/* a x b to the launch's output, with its epilogue and scratch, where a side may lie, too. */
gboolean kol_product_simd_launch (KolLaunch *launch, const KolProduct *p, KolProductForm form,
                                  KolSide a, KolSide b, GError **error);

/* The variant "simd" of matmul. */
gboolean kol_matmul_simd_fits (const KolNode *node, const KolDevice *device);
gsize kol_matmul_simd_scratch (const KolNode *node, const KolDevice *device);
gboolean kol_matmul_simd_launch (KolLaunch *launch, const KolNode *node, GError **error);

/* ── Tiles for lanes ────────────────────────────────────────────────────────────────────────── */

/* The sums of a work-group, and of one of its items, and how much of k it takes at a time; see
 * kernels/tile-simt.cl. */
typedef struct {
  guint rows, columns, item_rows, item_columns, depth;
} KolTile;

/* How a product is cut: into tiles, and k into slices whose sums are added up afterwards. */
typedef struct {
  KolTile tile;
  gint64 slices;
  gint64 slice; /* length of one, a multiple of what the kernel takes at a time */
} KolTiling;

/* What is cut: a product of numbers in memory, or a convolution, which looks for its numbers. */
typedef enum { KOL_TILED_PRODUCT, KOL_TILED_CONVOLUTION } KolTiled;

gboolean kol_tiles_fit (const KolDevice *device);
/* In @most_slices at most. */
KolTiling kol_tiling_of (const KolDevice *device, KolTiled what, gint64 rows, gint64 columns,
                         gint64 inner, gint64 batch, gint64 most_slices);
/* The length of a slice where @inner numbers are cut into as many slices; some may be empty. */
gint64 kol_tiling_slice (const KolTiling *tiling, gint64 inner);
/* The sizes of a launch: slices x batch x tiles of groups, of items along columns and rows. */
KolCall kol_tiling_call (const KolTiling *tiling, gint64 rows, gint64 columns, gint64 batch);
void kol_tile_append_options (const KolTile *tile, GString *options);

/* matmul-simt.c: the variant "simt". */
gboolean kol_matmul_simt_fits (const KolNode *node, const KolDevice *device);
gsize kol_matmul_simt_scratch (const KolNode *node, const KolDevice *device);
gboolean kol_matmul_simt_launch (KolLaunch *launch, const KolNode *node, GError **error);
/*
 * The product in tiles, to @y, [slice][batch][rows][columns]. a and b begin at @a_at and
 * @b_at floats of their buffers, multiples of 4. @epilogue: NULL: none.
 */
gboolean kol_matmul_simt_tiles (KolQueue *queue, const KolProduct *p, const KolTiling *way,
                                KolBuffer *a, gint64 a_at, KolBuffer *b, gint64 b_at, KolBuffer *y,
                                const KolEpilogue *epilogue, GError **error);

G_END_DECLS
