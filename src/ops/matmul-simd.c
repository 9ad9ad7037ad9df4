/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Products for devices whose work-item is a SIMD thread: how kernels/matmul-simd.cl
 * is launched, as the variant "simd" of matmul and for convolutions that are
 * products of their weights with pictures.
 */

#include <math.h>

#include "product-private.h"
#include "strips-private.h"

#define THIN 4         /* rows or columns up to which the thin kernels serve; as in the kernel */
#define THIN_LINES 256 /* LINES of the kernel */

/*
 * What a work-item packs, in floats: a block of a that stays in the second
 * cache level, a group of panels of b that stays in the third; and one
 * panel of these, over the longest piece of k, which stays in the first.
 */
#define PANEL_FLOATS (8 * 1024)
#define BLOCK_A (24 * 1024)
#define BLOCK_B (256 * 1024)

/* How the tile kernel is launched; see kernels/matmul-simd.cl. */
typedef struct {
  guint rows, vectors;              /* of a register tile */
  gint64 depth;                     /* of a piece of k */
  gint64 tiles, panels;             /* of a work-item */
  gint64 block, group;              /* tiles, and panels, that are packed together */
  gint64 tile_blocks, panel_blocks; /* work-items along rows, columns */
  gint64 entries;                   /* work-items along the batch */
  gint64 a_floats, pack_floats;     /* what a work-item packs: of a; in all */
} Partition;

/*
 * Estimated time of a partition, in cycles of two multiply-adds of a vector: the
 * busiest compute unit's tiles, and what it packs for them. More, smaller
 * work-items pack more, fewer leave units idle at the end.
 */
static double
partition_cost (const KolProduct *p, KolProductForm form, const Partition *way, guint compute_units)
{
  double items = (double) (p->batch * way->tile_blocks * way->panel_blocks);
  double rounds = ceil (items / compute_units);
  double tiles = (double) (way->tiles * way->panels) * (way->rows + 0.5) * way->vectors / 2;
  double pack_a = form & KOL_PRODUCT_PACKED_A ? 0 : (double) way->tiles * way->rows;
  double pack_b = form & KOL_PRODUCT_PACKED_B
                      ? 0
                      : (double) way->panels * way->vectors * (p->transpose_b ? 10 : 9);

  return (rounds + 0.05) * ((tiles + pack_a + pack_b) * (double) p->inner + 500);
}

static gint64
panel_of (const Partition *way, const KolDevice *device)
{
  return way->vectors * (gint64) device->info.vector_width;
}

/* What a work-item packs of the sides that are not packed. */
static void
size_packs (KolProductForm form, Partition *way, const KolDevice *device)
{
  gint64 width = device->info.vector_width, panel = panel_of (way, device);

  way->group = CLAMP (BLOCK_B / (way->depth * panel), 1, way->panels);
  way->block = CLAMP (BLOCK_A / (way->rows * way->depth), 1, way->tiles);
  if (!(form & KOL_PRODUCT_PACKED_A))
    way->a_floats = kol_round_up (way->block * way->rows * way->depth + width, 32);
  way->pack_floats = way->a_floats;
  if (!(form & KOL_PRODUCT_PACKED_B))
    way->pack_floats += kol_round_up (way->group * way->depth * panel + width, 32);
}

/* The cheapest of some ways to cut rows and columns into blocks for work-items. */
static Partition
partition_of (const KolProduct *p, KolProductForm form, const KolDevice *device)
{
  gint64 width = device->info.vector_width, all_tiles, all_panels, panel;
  Partition best = { 0 }, way = { 0 };
  double least = G_MAXDOUBLE;

  way.rows = kol_tile_rows (device, p->rows);
  way.vectors = p->columns <= width ? 1 : 2;
  panel = panel_of (&way, device);
  way.depth
      = kol_divide_up (p->inner, kol_divide_up (p->inner, PANEL_FLOATS / panel)); /* equal pieces */
  if (form & KOL_PRODUCT_PACKED_B)                                                /* in one piece */
    way.depth = p->inner;
  all_tiles = kol_divide_up (p->rows, way.rows);
  all_panels = kol_divide_up (p->columns, panel);

  for (gint64 i = 1; i <= MIN (all_tiles, 32); i++)
    for (gint64 k = 1; k <= MIN (all_panels, 32); k++)
      {
        double cost;

        way.tiles = kol_divide_up (all_tiles, i);
        way.panels = kol_divide_up (all_panels, k);
        way.tile_blocks = kol_divide_up (all_tiles, way.tiles);
        way.panel_blocks = kol_divide_up (all_panels, way.panels);
        cost = partition_cost (p, form, &way, device->info.compute_units);
        if (cost < least)
          {
            least = cost;
            best = way;
          }
      }
  /* Not one per batch entry: each work-item has memory of its own to pack into. */
  best.entries = MIN (p->batch, 16 * device->info.compute_units);
  size_packs (form, &best, device);
  return best;
}

static gint64
items_of (const Partition *way)
{
  return way->entries * way->tile_blocks * way->panel_blocks;
}

gsize
kol_product_simd_scratch (const KolProduct *p, KolProductForm form, const KolDevice *device)
{
  Partition way = partition_of (p, form, device);

  return (gsize) (items_of (&way) * way.pack_floats) * sizeof (float);
}

/* ── A side that is packed beforehand ───────────────────────────────────────────────────────── */

static GString *
options_of (const KolProduct *p, const Partition *way)
{
  GString *options = g_string_new (NULL);

  g_string_printf (options, "-D ROWS=%u -D VECTORS=%u -D TRANSPOSE_A=%d -D TRANSPOSE_B=%d",
                   way->rows, way->vectors, p->transpose_a != 0, p->transpose_b != 0);
  return options;
}

gsize
kol_product_simd_packed (const KolProduct *p, KolProductForm form, const KolDevice *device)
{
  Partition way = partition_of (p, form, device);
  gint64 lines = form & KOL_PRODUCT_PACKED_A ? kol_round_up (p->rows, way.rows)
                                             : kol_round_up (p->columns, panel_of (&way, device));

  return (gsize) (lines * p->inner) * sizeof (float);
}

static gboolean
pack_a (KolLaunch *launch, const KolProduct *p, KolBuffer *a, KolSide to, GError **error)
{
  gint64 rows = kol_tile_rows (launch->device, p->rows);
  g_autofree char *options
      = g_strdup_printf ("-D PACK_ROWS=%d -D TRANSPOSE_A=%d", (int) rows, p->transpose_a != 0);
  KolStrips strips = kol_strips (launch->device, (gsize) kol_divide_up (p->rows, rows),
                                 (gsize) kol_divide_up (4096, rows * p->inner));

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "matmul-simd",
                                       .kernel = "matmul_pack_a",
                                       .options = options,
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (a), KOL_BUFFER (to.buffer), KOL_INT (to.at),
                                     KOL_INT (p->rows), KOL_INT (p->inner), KOL_INT (strips.each)),
                           error);
}

static gboolean
pack_b (KolLaunch *launch, const KolProduct *p, KolProductForm form, KolBuffer *b, KolSide to,
        GError **error)
{
  Partition way = partition_of (p, form, launch->device);
  gint64 panels = kol_divide_up (p->columns, panel_of (&way, launch->device));
  gint64 items = MIN (panels, 4 * (gint64) launch->device->info.compute_units);
  g_autoptr (GString) options = options_of (p, &way);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "matmul-simd",
                                       .kernel = "matmul_pack_b",
                                       .options = options->str,
                                       .global = { items },
                                       .local = { 1 } },
                           KOL_ARGS (KOL_BUFFER (b), KOL_BUFFER (to.buffer), KOL_INT (to.at),
                                     KOL_INT (p->columns), KOL_INT (p->inner),
                                     KOL_INT (kol_divide_up (panels, items))),
                           error);
}

gboolean
kol_product_simd_pack (KolLaunch *launch, const KolProduct *p, KolProductForm form, KolBuffer *side,
                       KolSide to, GError **error)
{
  if (form & KOL_PRODUCT_PACKED_A)
    return pack_a (launch, p, side, to, error);
  return pack_b (launch, p, form, side, to, error);
}

/* ── The product ────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_product_simd_launch (KolLaunch *launch, const KolProduct *p, KolProductForm form, KolSide a,
                         KolSide b, GError **error)
{
  Partition way = partition_of (p, form, launch->device);
  g_autoptr (GString) options = options_of (p, &way);

  g_string_append_printf (options, "%s%s%s%s", form & KOL_PRODUCT_PACKED_A ? " -D PACKED_A=1" : "",
                          form & KOL_PRODUCT_PACKED_B ? " -D PACKED_B=1" : "",
                          form & KOL_PRODUCT_BIAS_OF_ROWS ? " -D BIAS_OF_ROWS=1" : "",
                          form & KOL_PRODUCT_TURNED ? " -D TURNED=1" : "");
  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "matmul-simd",
                  .kernel = "matmul_forward",
                  .options = options->str,
                  .global = { way.panel_blocks, way.tile_blocks, way.entries },
                  .local = { 1, 1, 1 } },
      KOL_ARGS (KOL_BUFFER (a.buffer), KOL_BUFFER (b.buffer), KOL_BUFFER (launch->outputs[0]),
                KOL_BUFFER (launch->epilogue.bias), KOL_BUFFER (launch->epilogue.residual),
                KOL_BUFFER (launch->scratch), KOL_INT (a.at), KOL_INT (b.at), KOL_INT (p->rows),
                KOL_INT (p->columns), KOL_INT (p->inner), KOL_INT (p->batch),
                KOL_INT (p->batched_a), KOL_INT (p->batched_b), KOL_INT (way.tiles),
                KOL_INT (way.panels), KOL_INT (way.block), KOL_INT (way.group), KOL_INT (way.depth),
                KOL_INT (way.a_floats), KOL_INT (way.pack_floats)),
      error);
}

/* ── The variant ────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_product_simd_fits (const KolDevice *device)
{
  return device->simd && device->info.vector_width >= 4 && device->info.vector_width <= 16;
}

gboolean
kol_matmul_simd_fits (const KolNode *node, const KolDevice *device)
{
  return kol_product_simd_fits (device)
         && device->info.local_memory >= 24 * 1024; /* for the thin kernels */
}

static gboolean
is_thin (const KolProduct *p)
{
  return MIN (p->rows, p->columns) <= THIN;
}

gsize
kol_matmul_simd_scratch (const KolNode *node, const KolDevice *device)
{
  KolProduct p = kol_product_of (node);

  return is_thin (&p) ? 0 : kol_product_simd_scratch (&p, 0, device);
}

/*
 * A product of few rows, or (swapped) few columns: the large side's lines run
 * along k where it is stored that way, and then the kernel takes dot products;
 * else it adds up the large side's rows.
 */
static gboolean
thin_launch (KolLaunch *launch, const KolProduct *p, GError **error)
{
  gboolean swapped = p->columns < p->rows;
  gint64 thin = swapped ? p->columns : p->rows, lines = swapped ? p->rows : p->columns;
  gboolean small_along = swapped ? p->transpose_b : !p->transpose_a;
  gboolean large_along = swapped ? !p->transpose_a : p->transpose_b;
  gint64 items = launch->device->info.compute_units * (p->batch > 1 ? 1 : 4);
  gint64 block = CLAMP (kol_divide_up (kol_divide_up (lines, items), 32) * 32, 32, THIN_LINES);
  g_autoptr (GString) options = g_string_new (NULL);

  g_string_printf (options, "-D THIN=%d", (int) thin);
  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "matmul-simd",
                  .kernel = large_along ? "matmul_dots" : "matmul_stream",
                  .options = options->str,
                  .global = { kol_divide_up (lines, block), 1, p->batch },
                  .local = { 1, 1, 1 } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[swapped]), KOL_BUFFER (launch->inputs[!swapped]),
                KOL_BUFFER (launch->outputs[0]), KOL_BUFFER (launch->epilogue.bias),
                KOL_BUFFER (launch->epilogue.residual), KOL_INT (lines), KOL_INT (p->inner),
                KOL_INT (small_along ? p->inner : 1), KOL_INT (small_along ? 1 : thin),
                KOL_INT (swapped), KOL_INT (swapped ? p->batched_b : p->batched_a),
                KOL_INT (swapped ? p->batched_a : p->batched_b), KOL_INT (block)),
      error);
}

gboolean
kol_matmul_simd_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolProduct p = kol_product_of (node);

  if (is_thin (&p))
    return thin_launch (launch, &p, error);
  return kol_product_simd_launch (launch, &p, 0, (KolSide){ launch->inputs[0], 0 },
                                  (KolSide){ launch->inputs[1], 0 }, error);
}
