/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The variant "simt" of matmul, for devices whose work-items are lanes (GPUs), and
 * how products are cut into tiles there, which convolutions share: the geometry
 * behind kernels/tile-simt.cl and kernels/matmul-simt.cl.
 */

#include "product-private.h"

#define STEP 16                  /* slices of k are multiples of it, as it is of every depth */
#define SLICE 256                /* shortest slice of k */
#define PARTIAL_FLOATS (4 << 20) /* of partial sums, at most */

/* ── Tiles ──────────────────────────────────────────────────────────────────────────────────── */

/*
 * The first two are for small products and thin ones; every device has items enough for them. The
 * last is for plain numbers in memory alone: convolutions, which work out where each number is,
 * gain nothing from it.
 */
static const KolTile tiles[] = {
  { .rows = 16, .columns = 64, .item_rows = 4, .item_columns = 4, .depth = 16 },
  { .rows = 64, .columns = 16, .item_rows = 4, .item_columns = 4, .depth = 16 },
  { .rows = 64, .columns = 64, .item_rows = 8, .item_columns = 4, .depth = 16 },
  { .rows = 128, .columns = 64, .item_rows = 8, .item_columns = 4, .depth = 16 },
  { .rows = 64, .columns = 128, .item_rows = 8, .item_columns = 8, .depth = 16 },
};

static gsize
items_of (const KolTile *tile)
{
  return (gsize) (tile->rows / tile->item_rows) * (tile->columns / tile->item_columns);
}

/* Two pieces of each side; the kernel's rows are 4 floats longer than the tile's. */
static gsize
local_bytes (const KolTile *tile)
{
  return (gsize) 2 * tile->depth * (tile->rows + 4 + tile->columns + 4) * sizeof (float);
}

static gboolean
tile_fits (const KolTile *tile, const KolDevice *device)
{
  return items_of (tile) <= device->max_work_group
         && local_bytes (tile) <= device->info.local_memory;
}

gboolean
kol_tiles_fit (const KolDevice *device)
{
  return tile_fits (&tiles[0], device);
}

static gint64
groups_of (const KolTile *tile, gint64 rows, gint64 columns, gint64 batch)
{
  return kol_divide_up (rows, tile->rows) * kol_divide_up (columns, tile->columns) * batch;
}

/*
 * Slices of k, so that every compute unit has two groups to hide the waits of one
 * behind the work of the other.
 */
static gint64
slices_of (gint64 groups, gint64 inner, gint64 outputs, const KolDevice *device)
{
  gint64 wanted = kol_divide_up (2 * (gint64) device->info.compute_units, groups);
  gint64 most = MIN (inner / SLICE, PARTIAL_FLOATS / outputs);

  return CLAMP (wanted, 1, MAX (most, 1));
}

/*
 * The time of a product in tiles, relative to that of others: the rounds in which
 * the units compute all groups, and of each group, for each k, its multiplications,
 * its items' reads from local memory, which weigh as much as 3 of them, and its
 * fetches, as much as 8. The weights are those of an H200, where they were measured.
 */
static double
tile_cost (const KolTile *tile, gint64 groups, const KolDevice *device)
{
  gint64 rounds = kol_divide_up (groups, device->info.compute_units);
  double multiplications = (double) tile->rows * tile->columns;
  double reads = (double) items_of (tile) * (tile->item_rows + tile->item_columns);

  return (double) rounds * (multiplications + 3 * reads + 8.0 * (tile->rows + tile->columns));
}

/* On a CPU this is for tests, where each kind of tile costs a compilation: one will do. */
static guint
tiles_of (const KolDevice *device, KolTiled what)
{
  if (device->simd)
    return 1;
  return what == KOL_TILED_PRODUCT ? G_N_ELEMENTS (tiles) : G_N_ELEMENTS (tiles) - 1;
}

KolTiling
kol_tiling_of (const KolDevice *device, KolTiled what, gint64 rows, gint64 columns, gint64 inner,
               gint64 batch, gint64 most_slices)
{
  gint64 outputs = rows * columns * batch;
  double least = G_MAXDOUBLE;
  KolTiling best = { .slices = 1 };

  for (guint i = 0; i < tiles_of (device, what); i++)
    {
      gint64 groups = groups_of (&tiles[i], rows, columns, batch);
      gint64 slices = MIN (slices_of (groups, inner, outputs, device), most_slices);
      double cost = tile_cost (&tiles[i], groups * slices, device) / (double) slices;

      if (!tile_fits (&tiles[i], device) || cost >= least)
        continue;
      least = cost;
      best.tile = tiles[i];
      best.slices = slices;
    }
  best.slice = kol_tiling_slice (&best, inner);
  /* A slice is a whole number of pieces, so the last ones may have nothing left. */
  best.slices = MAX (kol_divide_up (inner, best.slice), 1);
  return best;
}

gint64
kol_tiling_slice (const KolTiling *tiling, gint64 inner)
{
  return MAX (kol_divide_up (kol_divide_up (inner, tiling->slices), STEP), 1) * STEP;
}

KolCall
kol_tiling_call (const KolTiling *tiling, gint64 rows, gint64 columns, gint64 batch)
{
  const KolTile *tile = &tiling->tile;
  gsize across = tile->columns / tile->item_columns, down = tile->rows / tile->item_rows;
  gint64 groups = groups_of (tile, rows, columns, batch) * tiling->slices;

  return (KolCall){ .global = { (gsize) groups * across, down }, .local = { across, down } };
}

void
kol_tile_append_options (const KolTile *tile, GString *options)
{
  g_string_append_printf (
      options, " -D TILE_M=%u -D TILE_N=%u -D WORK_M=%u -D WORK_N=%u -D DEPTH=%u", tile->rows,
      tile->columns, tile->item_rows, tile->item_columns, tile->depth);
}

/* ── Products ───────────────────────────────────────────────────────────────────────────────── */

static KolTiling
tiling_of (const KolProduct *p, const KolDevice *device)
{
  return kol_tiling_of (device, KOL_TILED_PRODUCT, p->rows, p->columns, p->inner, p->batch,
                        G_MAXINT);
}

gboolean
kol_matmul_simt_fits (const KolNode *node, const KolDevice *device)
{
  KolProduct p = kol_product_of (node);
  const gint64 most = G_MAXINT - 256; /* the last tile may reach over the edge */

  return kol_tiles_fit (device) && p.rows <= most && p.columns <= most && p.inner <= most;
}

gsize
kol_matmul_simt_scratch (const KolNode *node, const KolDevice *device)
{
  KolProduct p = kol_product_of (node);
  KolTiling way = tiling_of (&p, device);

  return way.slices > 1 ? (gsize) (way.slices * p.batch * p.rows * p.columns) * sizeof (float) : 0;
}

gboolean
kol_matmul_simt_tiles (KolQueue *queue, const KolProduct *p, const KolTiling *way, KolBuffer *a,
                       gint64 a_at, KolBuffer *b, gint64 b_at, KolBuffer *y,
                       const KolEpilogue *epilogue, GError **error)
{
  static const KolEpilogue none = { 0 };
  g_autoptr (GString) options = g_string_new (NULL);
  gint64 line_a = p->transpose_a ? p->rows : p->inner;
  gint64 line_b = p->transpose_b ? p->inner : p->columns;
  KolCall call = kol_tiling_call (way, p->rows, p->columns, p->batch);

  epilogue = epilogue ? epilogue : &none;
  g_string_printf (options, "-D TRANSPOSE_A=%d -D TRANSPOSE_B=%d -D VECTOR=%d", p->transpose_a != 0,
                   p->transpose_b != 0, line_a % 4 || line_b % 4 ? 1 : 4);
  kol_tile_append_options (&way->tile, options);
  kol_epilogue_append_options (epilogue, options);
  call.program = "matmul-simt";
  call.kernel = "matmul_simt_tiles";
  call.options = options->str;
  return kol_queue_launch (
      queue, &call,
      KOL_ARGS (KOL_BUFFER (a), KOL_BUFFER (b), KOL_BUFFER (y), KOL_BUFFER (epilogue->bias),
                KOL_BUFFER (epilogue->residual), KOL_INT (p->rows), KOL_INT (p->columns),
                KOL_INT (p->inner), KOL_INT (p->batch), KOL_INT (p->batched_a),
                KOL_INT (p->batched_b), KOL_INT (a_at), KOL_INT (b_at), KOL_INT (way->slice)),
      error);
}

static gboolean
launch_total (KolLaunch *launch, const KolProduct *p, const KolTiling *way, GError **error)
{
  g_autoptr (GString) options = g_string_new (NULL);
  gint64 elements = p->batch * p->rows * p->columns;

  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "matmul-simt",
                                       .kernel = "matmul_simt_total",
                                       .options = options->str,
                                       .global = { elements } },
                           KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_BUFFER (launch->outputs[0]),
                                     KOL_BUFFER (launch->epilogue.bias),
                                     KOL_BUFFER (launch->epilogue.residual), KOL_INT (elements),
                                     KOL_INT (p->columns), KOL_INT (way->slices)),
                           error);
}

gboolean
kol_matmul_simt_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolProduct p = kol_product_of (node);
  KolTiling way = tiling_of (&p, launch->device);
  KolBuffer *a = launch->inputs[0], *b = launch->inputs[1];

  if (way.slices == 1)
    return kol_matmul_simt_tiles (launch->queue, &p, &way, a, 0, b, 0, launch->outputs[0],
                                  &launch->epilogue, error);
  return kol_matmul_simt_tiles (launch->queue, &p, &way, a, 0, b, 0, launch->scratch, NULL, error)
         && launch_total (launch, &p, &way, error);
}
