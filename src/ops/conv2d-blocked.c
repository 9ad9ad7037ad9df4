/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * conv2d where channels come in blocks (see ../graph/block.c), on devices whose
 * work-item is a SIMD thread: the geometry behind kernels/conv2d-blocked-simd.cl.
 * A picture with padding is copied to scratch with its zeros around first; for
 * depthwise filters that would cost more than it saves.
 */

#include "conv2d-private.h"
#include "product-private.h"
#include "strips-private.h"

#define MOST_TAPS 49      /* they are unrolled */
#define MOST_DEPTHWISE 7  /* places of a tile of depthwise filters */
#define BAND 512          /* places of a depthwise filter's picture in the first cache level */
#define CACHED (64 << 10) /* floats of weights that stay near a compute unit */
#define NEAR (8 << 10)    /* and in its first cache level */
#define MANY_BLOCKS 10    /* of filters: half of one's work may be wasted */

static gboolean
is_depthwise (const KolConv2dShape *c)
{
  return c->groups > 1 && c->channels == 1 && c->filters == 1;
}

/* Whether all that kernels count, zeros around pictures included, fits an int. */
static gboolean
is_countable (const KolConv2dShape *c)
{
  const double most = G_MAXINT, widest = 16; /* of a vector */
  double rows = (double) (c->P - 1) * (double) c->stride_h
                + (double) (c->R - 1) * (double) c->dilation_h + 1;
  double columns = (double) (c->Q - 1) * (double) c->stride_w
                   + (double) (c->S - 1) * (double) c->dilation_w + 1;
  double input = (double) c->N * ((double) c->C + widest);
  double weights = ((double) c->K + 2 * widest) * (double) c->channels * (double) (c->R * c->S);

  return input * (double) c->H * (double) c->W < most && input * rows * columns + weights < most
         && (double) c->N * ((double) c->K + widest) * (double) c->P * (double) c->Q < most;
}

KolBlocks
kol_conv2d_blocks (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  gint64 width = device->info.vector_width;
  double span = (double) MOST_DEPTHWISE * (double) c.stride_w
                + (double) (c.S - 1) * (double) c.dilation_w + 1;
  double reach = (double) (c.R - 1) * (double) c.dilation_h + 1;

  if (c.R * c.S > MOST_TAPS || c.top < 0 || c.left < 0 || c.P < 1 || c.Q < 1 || !is_countable (&c))
    return KOL_BLOCKS_NOT;
  if (is_depthwise (&c))
    return reach * span * (double) width * sizeof (float) <= (double) device->info.local_memory
               ? KOL_BLOCKS_TOGETHER
               : KOL_BLOCKS_NOT;
  if (c.groups > 1)
    return KOL_BLOCKS_NOT;
  return kol_conv2d_blocked_winograd_fits (node, device) ? KOL_BLOCKS_AFTER : KOL_BLOCKS_EACH;
}

/* ── Geometry ───────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KolConv2dShape c;
  gint64 width; /* of a block */
  gboolean depthwise, pads;
  gint64 H, W, P, Q;   /* as the kernel sees them */
  guint tile, vectors; /* of register tiles */
  gint64 tiles;        /* of filters */
  gint64 places;       /* tiles of places of a picture */
  gint64 places_each, tiles_each;
  gboolean stays_near; /* the weights stay in the first cache level */
} Job;

/* The length of register tiles along a row of so many places: the one that wastes least. */
guint
kol_conv2d_tile (gint64 places, guint most)
{
  guint best = 1;
  double least = G_MAXDOUBLE;

  for (guint tile = 1; tile <= MIN (most, places); tile++)
    {
      /* A row's tiles, and what their places share of the loads of weights. */
      double cost = (double) kol_divide_up (places, tile) * (tile + 1.5);

      if (cost <= least)
        {
          least = cost;
          best = tile;
        }
    }
  return best;
}

/*
 * Of @blocks blocks of filters, of which the last register tile may have one less than `vectors`
 * where they are many. 32 registers (see kol_tile_rows()) hold a tile of one block that is
 * multiplied for as long as it is loaded; 16 hold one only if it has some blocks.
 * Depthwise, a row's columns stay in registers, too.
 */
static void
choose_register_tile (Job *job, gint64 blocks)
{
  gboolean wide = job->width >= 16;

  job->vectors = 1;
  if (job->depthwise)
    job->tile = kol_conv2d_tile (job->Q, MOST_DEPTHWISE);
  else if (wide)
    {
      job->tile = kol_conv2d_tile (job->Q, 14);
      if (job->tile <= 7 && blocks % 2 == 0)
        job->vectors = 2;
    }
  else
    {
      gboolean pairs = blocks % 2 == 0 || blocks > MANY_BLOCKS;

      job->vectors = pairs ? 2 : blocks % 3 == 0 ? 3 : blocks % 5 == 0 ? 5 : 1;
      job->tile = kol_conv2d_tile (job->Q, 12 / job->vectors);
    }
}

/* How much of the compute units' time @n equal works leave idle, at most so many at once. */
static double
idle_share (gint64 n, gint64 units)
{
  return 1 - (double) n / (double) (kol_divide_up (n, units) * units);
}

/* Cuts places or filters, whichever keeps all units busy; filters where there are many weights. */
static void
cut (Job *job, const KolDevice *device)
{
  gint64 units = device->info.compute_units;
  gint64 weights = job->c.K * job->c.channels * job->c.R * job->c.S;
  double by_places = idle_share (job->places, units), by_filters = idle_share (job->tiles, units);

  job->places_each = job->places;
  job->tiles_each = job->tiles;
  if (job->c.N >= 2 * units)
    return;
  if (by_filters < by_places || (by_filters == by_places && weights > CACHED))
    job->tiles_each = kol_divide_up (job->tiles, units);
  else
    {
      gint64 parts = job->places >= 16 * units ? 4 * units : units;

      job->places_each = kol_divide_up (job->places, parts);
    }
}

static Job
job_of (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  Job job = { .c = c, .width = device->info.vector_width, .depthwise = is_depthwise (&c) };
  gint64 blocks = kol_divide_up (c.K, job.width);

  job.H = c.H;
  job.W = c.W;
  job.P = c.P;
  job.Q = c.Q;
  job.vectors = 1;
  if (!job.depthwise)
    {
      gint64 rows = (c.P - 1) * c.stride_h + (c.R - 1) * c.dilation_h + 1;
      gint64 columns = (c.Q - 1) * c.stride_w + (c.S - 1) * c.dilation_w + 1;

      job.pads = c.top > 0 || c.left > 0 || rows > c.H || columns > c.W;
      if (job.pads)
        {
          job.H = rows;
          job.W = columns;
        }
      if (c.R * c.S == 1 && c.stride_h == 1 && c.stride_w == 1 && !job.pads && c.P == c.H
          && c.Q == c.W)
        {
          /* All of it is one row. */
          job.Q = job.W = c.P * c.Q;
          job.P = job.H = 1;
        }
    }
  choose_register_tile (&job, blocks);
  job.tiles = kol_divide_up (blocks, job.vectors);
  job.places = job.P * kol_divide_up (job.Q, job.tile);
  cut (&job, device);
  job.stays_near = job.tiles_each * job.vectors * job.width * c.channels * c.R * c.S <= NEAR;
  return job;
}

/* Blocks of packed filters: whole tiles of them. */
static gint64
packed_blocks (const Job *job)
{
  return job->tiles * job->vectors;
}

static gsize
packed_floats (const Job *job)
{
  const KolConv2dShape *c = &job->c;

  return (gsize) (packed_blocks (job) * job->width * c->channels * c->R * c->S);
}

/* Of the picture with zeros around it; a tile's last load may reach over the end. */
static gsize
padded_floats (const Job *job)
{
  if (!job->pads)
    return 0;
  return (gsize) (job->c.N * kol_round_up (job->c.C, job->width) * job->H * job->W + 32);
}

/* Behind it come the weights that are not kept packed. */
static gsize
scratch_kept (const KolNode *node, const KolDevice *device)
{
  Job job;

  if (kol_conv2d_blocked_winograd_fits (node, device))
    return kol_conv2d_blocked_winograd_scratch_kept (node, device);
  job = job_of (node, device);
  return padded_floats (&job) * sizeof (float);
}

static gsize
packed (const KolNode *node, guint input, const KolDevice *device)
{
  Job job;

  if (input != 1)
    return 0;
  if (kol_conv2d_blocked_winograd_fits (node, device))
    return kol_conv2d_blocked_winograd_packed (node, device);
  job = job_of (node, device);
  return packed_floats (&job) * sizeof (float);
}

static gsize
scratch (const KolNode *node, const KolDevice *device)
{
  return scratch_kept (node, device) + packed (node, 1, device);
}

static guint
form (const KolNode *node, const KolDevice *device)
{
  return kol_conv2d_blocked_winograd_fits (node, device)
             ? kol_conv2d_blocked_winograd_form (node, device)
             : 0;
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

static GString *
options_of (const Job *job)
{
  const KolConv2dShape *c = &job->c;
  GString *options = g_string_new (NULL);

  g_string_printf (options,
                   "-D R=%d -D S=%d -D STRIDE_H=%d -D STRIDE_W=%d -D DILATION_H=%d "
                   "-D DILATION_W=%d -D TILE=%u -D VECTORS=%u",
                   (int) c->R, (int) c->S, (int) c->stride_h, (int) c->stride_w,
                   (int) c->dilation_h, (int) c->dilation_w, job->tile, job->vectors);
  if (job->depthwise)
    g_string_append (options, " -D DEPTHWISE=1");
  return options;
}

gboolean
kol_conv2d_blocked_pack (KolLaunch *launch, guint input, const KolShape *w, gint64 blocks,
                         KolBuffer *to, gsize at, GError **error)
{
  g_autofree char *options
      = g_strdup_printf ("-D PACK=1 -D R=%d -D S=%d", (int) w->dim[2], (int) w->dim[3]);
  KolStrips strips = kol_strips (launch->device, (gsize) blocks, 1);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d-blocked-simd",
                                       .kernel = "conv2d_blocked_pack",
                                       .options = options,
                                       .global = { strips.items },
                                       .local = { 1 } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[input]), KOL_BUFFER (to),
                                     KOL_INT (at), KOL_INT (w->dim[0]), KOL_INT (w->dim[1]),
                                     KOL_INT (blocks), KOL_INT (strips.each)),
                           error);
}

static gboolean
pack (KolLaunch *launch, const KolNode *node, guint input, GError **error)
{
  Job job;

  if (kol_conv2d_blocked_winograd_fits (node, launch->device))
    return kol_conv2d_blocked_winograd_pack (launch, node, input, error);
  job = job_of (node, launch->device);
  return kol_conv2d_blocked_pack (launch, input, &node->inputs[input]->shape, packed_blocks (&job),
                                  launch->packed[input], 0, error);
}

static gboolean
launch_pad (KolLaunch *launch, const Job *job, gboolean blocked, GError **error)
{
  const KolConv2dShape *c = &job->c;
  gint64 numbers = blocked ? job->width : 1;
  gint64 planes = c->N * (blocked ? kol_divide_up (c->C, job->width) : c->C);
  g_autofree char *options = g_strdup_printf ("-D PAD=%d", (int) numbers);
  KolStrips strips = kol_strips (launch->device, (gsize) (planes * job->H),
                                 (gsize) kol_divide_up (4096, job->W * numbers));

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d-blocked-simd",
                                       .kernel = "conv2d_blocked_pad",
                                       .options = options,
                                       .global = { strips.items },
                                       .local = { 1 } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->scratch),
                                     KOL_INT (planes), KOL_INT (c->H), KOL_INT (c->W),
                                     KOL_INT (job->H), KOL_INT (job->W), KOL_INT (c->top),
                                     KOL_INT (c->left), KOL_INT (strips.each)),
                           error);
}

static gboolean
launch_depthwise (KolLaunch *launch, const Job *job, KolBuffer *w, gsize w_at, GError **error)
{
  const KolConv2dShape *c = &job->c;
  g_autoptr (GString) options = options_of (job);
  gint64 blocks = kol_divide_up (c->K, job->width);
  KolStrips strips = kol_strips (launch->device, (gsize) (c->N * blocks * c->P), 1);

  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-blocked-simd",
                  .kernel = "conv2d_blocked_depthwise",
                  .options = options->str,
                  .global = { strips.items },
                  .local = { 1 } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (w), KOL_BUFFER (launch->outputs[0]),
                KOL_BUFFER (launch->epilogue.bias), KOL_BUFFER (launch->epilogue.residual),
                KOL_INT (w_at), KOL_INT (c->N), KOL_INT (blocks), KOL_INT (c->K), KOL_INT (c->H),
                KOL_INT (c->W), KOL_INT (c->P), KOL_INT (c->Q), KOL_INT (c->top), KOL_INT (c->left),
                KOL_INT (strips.each), KOL_INT (MAX (BAND / c->W, 1))),
      error);
}

static gboolean
launch_dense (KolLaunch *launch, const Job *job, KolBuffer *x, KolBuffer *w, gsize w_at,
              GError **error)
{
  const KolConv2dShape *c = &job->c;
  g_autoptr (GString) options = options_of (job);

  if (!(launch->blocked & KOL_BLOCKED_INPUT))
    g_string_append (options, " -D IN_PLAIN=1");
  if (!(launch->blocked & KOL_BLOCKED_OUTPUT))
    g_string_append (options, " -D OUT_PLAIN=1");
  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-blocked-simd",
                  .kernel = "conv2d_blocked",
                  .options = options->str,
                  .global = { kol_divide_up (job->places, job->places_each),
                              kol_divide_up (job->tiles, job->tiles_each), c->N },
                  .local = { 1, 1, 1 } },
      KOL_ARGS (KOL_BUFFER (x), KOL_BUFFER (w), KOL_BUFFER (launch->outputs[0]),
                KOL_BUFFER (launch->epilogue.bias), KOL_BUFFER (launch->epilogue.residual),
                KOL_INT (w_at), KOL_INT (c->C), KOL_INT (c->K), KOL_INT (job->H), KOL_INT (job->W),
                KOL_INT (job->P), KOL_INT (job->Q), KOL_INT (job->tiles),
                KOL_INT (job->places_each), KOL_INT (job->tiles_each), KOL_INT (job->stays_near)),
      error);
}

static gboolean
launch_blocked (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolBuffer *w = launch->packed ? launch->packed[1] : NULL;
  Job job;
  gsize w_at;

  if (kol_conv2d_blocked_winograd_fits (node, launch->device))
    return kol_conv2d_blocked_winograd_launch (launch, node, error);
  job = job_of (node, launch->device);
  w_at = w ? 0 : padded_floats (&job);
  if (!w
      && !kol_conv2d_blocked_pack (launch, 1, &node->inputs[1]->shape, packed_blocks (&job),
                                   w = launch->scratch, w_at, error))
    return FALSE;
  if (job.depthwise)
    return launch_depthwise (launch, &job, w, w_at, error);
  if (!job.pads)
    return launch_dense (launch, &job, launch->inputs[0], w, w_at, error);
  return launch_pad (launch, &job, launch->blocked & KOL_BLOCKED_INPUT, error)
         && launch_dense (launch, &job, launch->scratch, w, w_at, error);
}

const KolVariant kol_conv2d_blocked = {
  .name = "blocked",
  .absorbs = KOL_BIAS | KOL_RESIDUAL | KOL_UNARY,
  .scratch = scratch,
  .scratch_kept = scratch_kept,
  .packed = packed,
  .form = form,
  .pack = pack,
  .launch = launch_blocked,
};
