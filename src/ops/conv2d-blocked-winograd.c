/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * conv2d of 3x3 filters by Winograd's method where channels come in blocks (see
 * ../graph/block.c): the geometry behind kernels/conv2d-blocked-winograd.cl, for
 * tiles of 4x4 outputs. What it costs is estimated for the register tiles that fit,
 * and for work cut along the tiles or the filters; conv2d-blocked.c asks whether it
 * is worth while at all.
 *
 * It is also the variant "winograd-4x4-blocked" of conv2d and its gradient to x,
 * which brings the picture into blocks first: of a small picture with many channels
 * no lanes are left over at the ends of rows.
 */

#include "conv2d-private.h"
#include "product-private.h"

#define SIDE 3
#define OUTPUTS 4                /* along a tile's side */
#define PLANES 36                /* elements of a transformed tile */
#define BLOCK_FLOATS (96 << 10)  /* of inputs and products of tiles at a time, at best */
#define FEW_WEIGHTS (256 << 10)  /* floats of weights that stay in the second cache level */
#define LEAST_SHARING 49         /* tiles that share what is read of more than that */
#define MOST_TILES 64            /* at a time */
#define ON_THE_WAY (512 << 10)   /* floats of transformed weights that are too many to write out */
#define GROUP_FLOATS (192 << 10) /* of weights that are transformed at a time then */

/* In multiplications of a vector: */
#define INPUT 0.5   /* an input is read, for all vectors of a register tile */
#define WEIGHT 2    /* a vector of weights is read, for all tiles of a register tile */
#define MEMORY 6    /* it comes from memory */
#define PRODUCT 3   /* a product is written and read */
#define TRANSFORM 6 /* a vector of a tile is transformed */

typedef struct {
  KolConv2dShape c; /* what is computed: turned, for the gradient to x */
  gboolean turned;  /* its filters are the node's turned round, channels and filters exchanged */
  gint64 width;     /* of a block */
  gint64 across, in_picture, all; /* tiles: side by side, of a picture, of all pictures */
  gint64 blocks;                  /* of filters */
  gint64 tiles, vectors;          /* of a register tile */
  gint64 tiles_each, blocks_each; /* of a work-item */
  gint64 times, pitch;            /* it works on so many of its tiles at a time */
  gint64 group;                   /* and on so many of its blocks */
  gboolean on_the_way;            /* whose weights are transformed in its memory */
  double cost;                    /* of the work-item that has most */
} Job;

/* ── Geometry ───────────────────────────────────────────────────────────────────────────────── */

/* How many tiles at a time: as many as leave them in the second cache level, evenly. */
static void
choose_pitch (Job *job)
{
  gint64 filters = job->blocks_each * job->width, weights = PLANES * job->c.C * filters;
  gint64 least = weights > FEW_WEIGHTS ? LEAST_SHARING : 1;
  gint64 most = CLAMP (BLOCK_FLOATS / (PLANES * (job->c.C + filters)), least, MOST_TILES);

  job->pitch = kol_divide_up (job->tiles_each, kol_divide_up (job->tiles_each, most));
  job->pitch = kol_round_up (job->pitch, job->tiles);
  job->times = kol_divide_up (job->tiles_each, job->pitch);
}

/* With its tiles, filters and register tiles cut as they are. */
static double
cost_of (const Job *job)
{
  double tiles = (double) (job->times * job->pitch), blocks = (double) job->blocks_each;
  double channels = (double) job->c.C;
  double operands = INPUT / (double) job->vectors + WEIGHT / (double) job->tiles;
  double products = tiles * blocks * (channels * (1 + operands) + PRODUCT);
  double transforms = tiles * (blocks + channels / (double) job->width) * TRANSFORM;
  double weights = (double) job->times * blocks * channels * MEMORY;

  return PLANES * (products + transforms + weights);
}

/*
 * The best register tile: its sums, a weight for each column and an input have to fit
 * registers. With one column only, loads would take longer than multiplications.
 */
static void
choose_register_tile (Job *best, Job job)
{
  gint64 registers = job.width >= 16 ? 32 : 16;

  for (job.vectors = 3; job.vectors > 0; job.vectors--)
    {
      if (job.blocks_each % job.vectors || job.blocks % job.vectors)
        continue;
      for (job.tiles = 1; (job.tiles + 1) * job.vectors < registers; job.tiles++)
        {
          choose_pitch (&job);
          job.cost = cost_of (&job);
          if (best->cost == 0 || job.cost < best->cost)
            *best = job;
        }
      if (job.vectors == 2)
        return;
    }
}

/* The gradient to x as the convolution of dy that it is. */
static KolConv2dShape
turned_round (KolConv2dShape c)
{
  KolConv2dShape turned = c;

  turned.C = turned.channels = c.K;
  turned.K = turned.filters = c.C;
  turned.H = c.P;
  turned.W = c.Q;
  turned.P = c.H;
  turned.Q = c.W;
  turned.top = c.R - 1 - c.top;
  turned.left = c.S - 1 - c.left;
  turned.bottom = c.R - 1 - c.bottom;
  turned.right = c.S - 1 - c.right;
  return turned;
}

static Job
job_of (const KolNode *node, const KolDevice *device)
{
  Job best = { 0 }, job = { .width = device->info.vector_width };
  gint64 units = device->info.compute_units;
  KolConv2dShape c = kol_conv2d_shape_of (node);

  job.turned = node->op == &kol_conv2d_gradient_x_op;
  if (job.turned)
    c = turned_round (c);
  job.c = c;

  job.blocks = kol_divide_up (c.K, job.width);
  job.across = kol_divide_up (c.Q, OUTPUTS);
  job.in_picture = job.across * kol_divide_up (c.P, OUTPUTS);
  job.all = c.N * job.in_picture;
  job.tiles_each = kol_divide_up (job.all, units);
  job.blocks_each = job.blocks;
  choose_register_tile (&best, job);
  job.tiles_each = job.all;
  job.blocks_each = kol_divide_up (job.blocks, units);
  choose_register_tile (&best, job);
  best.group = best.blocks_each;
  return best;
}

/* Planes that are written side by side should not all share their place in the cache. */
static gint64
plane_apart (gint64 floats)
{
  return kol_round_up (floats, 16) + 16;
}

static gint64
input_plane (const Job *job)
{
  return plane_apart (kol_round_up (job->c.C, job->width) * job->pitch);
}

static gint64
product_plane (const Job *job)
{
  return plane_apart (job->group * job->width * job->pitch);
}

static gint64
weight_plane (const Job *job)
{
  return plane_apart ((job->on_the_way ? job->group : job->blocks) * job->width * job->c.C);
}

/* Of a work-item's memory: the inputs, the products, and weights that are transformed there. */
static gint64
item_floats (const Job *job)
{
  return PLANES
         * (input_plane (job) + product_plane (job) + (job->on_the_way ? weight_plane (job) : 0));
}

static gint64
items (const Job *job)
{
  return kol_divide_up (job->all, job->tiles_each) * kol_divide_up (job->blocks, job->blocks_each);
}

/* Of the pictures brought into blocks. */
static gint64
picture_floats (const Job *job)
{
  return job->c.N * kol_round_up (job->c.C, job->width) * job->c.H * job->c.W;
}

/* ── What conv2d-blocked.c asks ─────────────────────────────────────────────────────────────── */

static gboolean
is_padding (gint64 padding)
{
  return padding >= 0 && padding < SIDE;
}

/* Whether a node that can be computed in blocks is computed so. */
gboolean
kol_conv2d_blocked_winograd_fits (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  double direct;
  Job job;

  if (c.C < device->info.vector_width || c.R != SIDE || c.S != SIDE || c.groups != 1
      || c.stride_h != 1 || c.stride_w != 1 || c.dilation_h != 1 || c.dilation_w != 1
      || !is_padding (c.top) || !is_padding (c.left) || !is_padding (c.bottom)
      || !is_padding (c.right))
    return FALSE;
  job = job_of (node, device);
  direct = (double) (c.N * job.c.P * job.c.Q) * (double) job.blocks
           * (double) (job.c.C * SIDE * SIDE) / (double) device->info.compute_units;
  return job.cost < direct /* of which only multiplications are counted */
         && (double) (items (&job) * item_floats (&job)) + PLANES * (double) weight_plane (&job)
                < G_MAXINT;
}

gsize
kol_conv2d_blocked_winograd_packed (const KolNode *node, const KolDevice *device)
{
  Job job = job_of (node, device);

  return (gsize) (PLANES * weight_plane (&job)) * sizeof (float);
}

/* By how many blocks of filters lie together. */
guint
kol_conv2d_blocked_winograd_form (const KolNode *node, const KolDevice *device)
{
  Job job = job_of (node, device);

  return (guint) job.vectors;
}

/* The work-items' memory; behind it come the weights that are not kept packed. */
gsize
kol_conv2d_blocked_winograd_scratch_kept (const KolNode *node, const KolDevice *device)
{
  Job job = job_of (node, device);

  return (gsize) (items (&job) * item_floats (&job)) * sizeof (float);
}

/* The distance between filters, and channels, in w. */
static gint64
filter_step (const Job *job)
{
  return (gint64) SIDE * SIDE * (job->turned ? 1 : job->c.C);
}

static gint64
channel_step (const Job *job)
{
  return (gint64) SIDE * SIDE * (job->turned ? job->c.K : 1);
}

static gboolean
launch_pack (KolLaunch *launch, const Job *job, KolBuffer *to, gint64 at, GError **error)
{
  g_autofree char *options = g_strdup_printf ("-D PACK=1 -D M=%d -D R=%d -D VECTORS=%d", OUTPUTS,
                                              SIDE, (int) job->vectors);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d-blocked-winograd",
                                       .kernel = "conv2d_blocked_winograd_pack",
                                       .options = options,
                                       .global = { job->blocks },
                                       .local = { 1 } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[1]), KOL_BUFFER (to), KOL_INT (at),
                                     KOL_INT (weight_plane (job)), KOL_INT (job->c.K),
                                     KOL_INT (job->c.C), KOL_INT (filter_step (job)),
                                     KOL_INT (channel_step (job)), KOL_INT (job->turned)),
                           error);
}

gboolean
kol_conv2d_blocked_winograd_pack (KolLaunch *launch, const KolNode *node, guint input,
                                  GError **error)
{
  Job job = job_of (node, launch->device);

  return launch_pack (launch, &job, launch->packed[input], 0, error);
}

/* The convolution of @x, in blocks, by weights that are packed at @w_at of @w, or, on the way, by
 * @w. */
static gboolean
launch_job (KolLaunch *launch, const Job *job, KolBuffer *x, gint64 x_at, KolBuffer *w, gint64 w_at,
            GError **error)
{
  const KolConv2dShape *c = &job->c;
  g_autoptr (GString) options = g_string_new (NULL);

  g_string_printf (options, "-D M=%d -D R=%d -D TILES=%d -D VECTORS=%d", OUTPUTS, SIDE,
                   (int) job->tiles, (int) job->vectors);
  if (job->on_the_way)
    {
      g_string_append (options, " -D ON_THE_WAY=1");
      w_at = PLANES * (input_plane (job) + product_plane (job));
    }
  if (!(launch->blocked & KOL_BLOCKED_OUTPUT))
    g_string_append (options, " -D OUT_PLAIN=1");
  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-blocked-winograd",
                  .kernel = "conv2d_blocked_winograd",
                  .options = options->str,
                  .global = { items (job) },
                  .local = { 1 } },
      KOL_ARGS (KOL_BUFFER (x), KOL_BUFFER (w), KOL_BUFFER (launch->scratch),
                KOL_BUFFER (launch->outputs[0]), KOL_BUFFER (launch->epilogue.bias),
                KOL_BUFFER (launch->epilogue.residual), KOL_INT (x_at), KOL_INT (w_at),
                KOL_INT (weight_plane (job)), KOL_INT (c->C), KOL_INT (c->K), KOL_INT (c->H),
                KOL_INT (c->W), KOL_INT (c->P), KOL_INT (c->Q), KOL_INT (c->top), KOL_INT (c->left),
                KOL_INT (job->across), KOL_INT (job->in_picture), KOL_INT (job->all),
                KOL_INT (kol_divide_up (job->all, job->tiles_each)), KOL_INT (job->tiles_each),
                KOL_INT (job->pitch), KOL_INT (job->blocks_each), KOL_INT (job->group),
                KOL_INT (item_floats (job)), KOL_INT (PLANES * input_plane (job)),
                KOL_INT (input_plane (job)), KOL_INT (product_plane (job)),
                KOL_INT (filter_step (job)), KOL_INT (channel_step (job)), KOL_INT (job->turned)),
      error);
}

/* The packed weights: those that are kept, or made now, at @at of the scratch, where @w_at tells.
 */
static KolBuffer *
find_weights (KolLaunch *launch, const Job *job, gint64 at, gint64 *w_at, GError **error)
{
  *w_at = 0;
  if (launch->packed && launch->packed[1])
    return launch->packed[1];
  *w_at = at;
  return launch_pack (launch, job, launch->scratch, at, error) ? launch->scratch : NULL;
}

gboolean
kol_conv2d_blocked_winograd_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  Job job = job_of (node, launch->device);
  gint64 w_at;
  KolBuffer *w = find_weights (launch, &job, items (&job) * item_floats (&job), &w_at, error);

  return w && launch_job (launch, &job, launch->inputs[0], 0, w, w_at, error);
}

/* ── The variant for pictures that are not in blocks ────────────────────────────────────────── */

/* Where weights are not kept packed: large ones are transformed on the way. */
static Job
passing_job_of (const KolNode *node, const KolDevice *device)
{
  Job job = job_of (node, device);
  gint64 packed = PLANES * job.width * job.c.C; /* floats of a block of filters */

  if (job.blocks * packed <= ON_THE_WAY)
    return job;
  job.on_the_way = TRUE;
  job.group
      = CLAMP (GROUP_FLOATS / packed / job.vectors * job.vectors, job.vectors, job.blocks_each);
  return job;
}

/* The work-items' memory, then the pictures. */
static gint64
passing_floats (const Job *job)
{
  return items (job) * item_floats (job) + picture_floats (job);
}

gboolean
kol_conv2d_winograd_blocked_fits (const KolNode *node, const KolDevice *device)
{
  gint64 width = device->info.vector_width;

  return device->simd && width >= 4 && width <= 16
         && kol_conv2d_blocked_winograd_fits (node, device)
         && kol_conv2d_winograd_blocked_scratch (node, device) / sizeof (float) < G_MAXINT;
}

/* Of few weights packing costs what this saves. */
gboolean
kol_conv2d_winograd_blocked_kept_only (const KolNode *node, const KolDevice *device)
{
  return !passing_job_of (node, device).on_the_way;
}

gsize
kol_conv2d_winograd_blocked_scratch_kept (const KolNode *node, const KolDevice *device)
{
  Job job = job_of (node, device);

  return (gsize) passing_floats (&job) * sizeof (float);
}

/* Enough for weights that are kept packed, and for those that are not. */
gsize
kol_conv2d_winograd_blocked_scratch (const KolNode *node, const KolDevice *device)
{
  Job job = passing_job_of (node, device);
  gsize here = (gsize) passing_floats (&job) * sizeof (float);

  if (!job.on_the_way)
    here += kol_conv2d_blocked_winograd_packed (node, device);
  return MAX (here, kol_conv2d_winograd_blocked_scratch_kept (node, device));
}

gsize
kol_conv2d_winograd_blocked_packed (const KolNode *node, guint input, const KolDevice *device)
{
  return input == 1 ? kol_conv2d_blocked_winograd_packed (node, device) : 0;
}

static gboolean
launch_from_plain (KolLaunch *launch, const Job *job, gint64 to_at, GError **error)
{
  const KolConv2dShape *c = &job->c;
  g_autofree char *options = g_strdup_printf ("-D FROM_PLAIN=1 -D M=%d -D R=%d", OUTPUTS, SIDE);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d-blocked-winograd",
                                       .kernel = "conv2d_blocked_from_plain",
                                       .options = options,
                                       .global = { kol_divide_up (c->C, job->width), c->N },
                                       .local = { 1, 1 } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->scratch),
                                     KOL_INT (to_at), KOL_INT (c->C), KOL_INT (c->H * c->W)),
                           error);
}

gboolean
kol_conv2d_winograd_blocked_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  gboolean kept = launch->packed && launch->packed[1];
  Job job = kept ? job_of (node, launch->device) : passing_job_of (node, launch->device);
  gint64 x_at = items (&job) * item_floats (&job), w_at = 0;
  KolBuffer *w = job.on_the_way ? launch->inputs[1]
                                : find_weights (launch, &job, passing_floats (&job), &w_at, error);

  return w && launch_from_plain (launch, &job, x_at, error)
         && launch_job (launch, &job, launch->scratch, x_at, w, w_at, error);
}
