/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The variants "winograd-4x4", "winograd-2x2" and "winograd-2x2-5x5" of conv2d and
 * its gradients, for devices whose work-item is a SIMD thread: the geometry behind
 * kernels/conv2d-winograd.cl, whose head says how it works. They have fewer
 * multiplications than the formula, by a factor of 4 (3x3 filters, tiles of 4x4),
 * 2.25 (3x3, 2x2) and 2.8 (5x5, 2x2).
 */

#include "conv2d-private.h"
#include "product-private.h"

#define BLOCK_FLOATS (192 << 10) /* of transformed tiles of a work-item at a time, at best */
#define MOST_BLOCK 64            /* tiles of such a block */
#define ON_THE_WAY (512 << 10)   /* floats of transformed weights that are too many to write out */
#define GROUP_FLOATS (192 << 10) /* of weights that are transformed at a time then */
#define INPUT_FLOATS (600 << 10) /* of transformed tiles that share them, at best */
#define MOST_SHARING 128         /* tiles that do */
#define AT_ONCE 128              /* tiles up to which the gradient to w needs no sums in memory */
#define SHARING_FLOATS (148 << 10) /* of the panels that share the gradients there, at best */
#define PARTIAL_FLOATS (4 << 20)   /* of partial sums of the gradient to w */

/* The convolution that is computed, and how it is cut. */
typedef struct {
  gint64 N, channels, filters;
  gint64 H, W, P, Q; /* of what comes in and goes out */
  gint64 top, left;
  gboolean turned; /* the gradient to x: the filters turned round, channels and filters exchanged */
  gint64 M, R, planes;
  gint64 tiles_y, tiles_x, tiles; /* of a picture; of all */
  guint rows, vectors;            /* of a register tile */
  gint64 panel; /* tiles (or channels, for the gradient to w) of a register tile */
  gint64 block; /* tiles worked on at once, the floats between rows of a plane */
  gint64 tiles_each, tile_items;
  gint64 others_each, other_items; /* filters, or panels of channels for the gradient to w */
  gboolean on_the_way;             /* weights are transformed in the work-item's memory */
  gint64 group;                    /* filters whose weights are there at a time */
  gint64 plane, plane_dy;          /* floats of a plane of inputs, and of dy or products */
  gint64 weight_plane;             /* and of packed weights */
  gint64 inputs_at, weights_at;    /* in a work-item's memory */
  gboolean at_once;                /* the gradient to w, of one block of tiles */
  gint64 sharing;                  /* panels that share what they read then */
  gint64 item;                     /* floats of a work-item's memory */
  gint64 weights;                  /* floats of packed weights, or of sums */
} Job;

static void
choose_register_tile (Job *job, const KolDevice *device)
{
  job->rows = kol_tile_rows (device, job->filters);
  job->vectors = 2;
  job->panel = job->vectors * device->info.vector_width;
}

/*
 * A block of as many tiles as leave their transformed planes in the second cache
 * level, but of some panels, which share what they read of the weights; more of
 * them where they share the transform of the weights.
 */
static void
choose_block (Job *job, gint64 least)
{
  gint64 tile = job->planes * (job->channels + job->filters) / 2;

  if (job->on_the_way)
    job->block
        = CLAMP (INPUT_FLOATS / (job->planes * job->channels), least, MAX (MOST_SHARING, least))
          / least * least;
  else
    job->block = CLAMP (BLOCK_FLOATS / tile, least, MAX (MOST_BLOCK, least)) / least * least;
}

/*
 * Work-items along the tiles, where there are many, and along the other side,
 * whose work-items each transform the same inputs: @repeated is the cost of
 * that, compared to the product with one filter (or channel); @each_other is what each
 * of those costs beside its products, once per block, in products with one of @tiles.
 */
static void
cut (Job *job, gint64 tiles, gint64 each, gint64 others, gint64 others_multiple, double repeated,
     double each_other, const KolDevice *device)
{
  gint64 units = device->info.compute_units, panels = kol_divide_up (tiles, each);
  double least = G_MAXDOUBLE;

  for (gint64 split = 1; split <= 2 * units; split *= 2)
    for (gint64 chunks = 1; chunks * split <= 4 * units; chunks++)
      {
        gint64 panels_each = kol_divide_up (panels, MIN (chunks, panels));
        gint64 others_each = kol_round_up (kol_divide_up (others, split), others_multiple);
        gint64 items = kol_divide_up (panels, panels_each) * kol_divide_up (others, others_each);
        double blocks = (double) kol_divide_up (panels_each * each, job->block);
        double cost = (double) kol_divide_up (items, units)
                      * ((double) panels_each * ((double) others_each + repeated)
                         + blocks * each_other * (double) others_each);

        if (cost < 0.99 * least)
          {
            least = cost;
            job->tiles_each = panels_each * each;
            job->others_each = others_each;
          }
      }
  job->tile_items = kol_divide_up (tiles, job->tiles_each);
  job->other_items = kol_divide_up (others, job->others_each);
}

static Job
job_of (const KolNode *node, gint64 M, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  Job job = { .N = c.N, .M = M, .R = c.R, .planes = (M + c.R - 1) * (M + c.R - 1) };

  job.turned = node->op == &kol_conv2d_gradient_x_op;
  job.channels = job.turned ? c.K : c.C;
  job.filters = job.turned ? c.C : c.K;
  job.H = job.turned ? c.P : c.H;
  job.W = job.turned ? c.Q : c.W;
  job.P = job.turned ? c.H : c.P;
  job.Q = job.turned ? c.W : c.Q;
  job.top = job.turned ? c.R - 1 - c.top : c.top;
  job.left = job.turned ? c.S - 1 - c.left : c.left;
  job.tiles_y = kol_divide_up (job.P, M);
  job.tiles_x = kol_divide_up (job.Q, M);
  job.tiles = job.N * job.tiles_y * job.tiles_x;
  choose_register_tile (&job, device);
  return job;
}

/* Planes that are written side by side should not all share their place in the cache. */
static gint64
plane_apart (gint64 floats)
{
  return kol_round_up (floats, 16) + 16;
}

/* Where everything lies in the memory of a work-item; see the kernel. */
static void
lay_out (Job *job, gint64 width)
{
  gint64 rows = job->rows, most = kol_round_up (job->others_each, rows);

  if (!job->on_the_way)
    {
      job->group = most;
      job->plane = job->plane_dy = MAX (job->channels, most) * job->block + width;
      job->inputs_at = job->plane;
      job->item = kol_round_up ((job->planes + 1) * job->plane, 16);
      return;
    }
  job->group = CLAMP (GROUP_FLOATS / (job->planes * job->channels) / rows * rows, rows, most);
  job->plane = job->channels * job->block + width;
  job->plane_dy = job->group * job->block + width;
  job->inputs_at = kol_round_up (job->planes * job->plane_dy, 16);
  job->weights_at = job->inputs_at + kol_round_up (job->planes * job->plane, 16);
  job->weight_plane = plane_apart (job->group * job->channels);
  job->item = kol_round_up (job->weights_at + job->planes * job->weight_plane, 16);
}

/* @kept: whether the weights are packed already. */
static Job
forward_job_of (const KolNode *node, gint64 M, gboolean kept, const KolDevice *device)
{
  Job job = job_of (node, M, device);

  job.weight_plane = plane_apart (kol_round_up (job.filters, job.rows) * job.channels);
  job.weights = job.planes * job.weight_plane;
  job.on_the_way = !kept && job.weights > ON_THE_WAY;
  choose_block (&job, 2 * job.panel);
  cut (&job, job.tiles, job.panel, job.filters, job.rows, 16, job.on_the_way ? 0.5 : 0, device);
  lay_out (&job, device->info.vector_width);
  return job;
}

/* Whether all tiles make one block, and work-items along the channels are enough. */
static gboolean
can_be_at_once (const Job *job, gint64 panels, const KolDevice *device)
{
  gint64 units = device->info.compute_units;

  return job->tiles <= AT_ONCE && (panels % units == 0 || panels >= 4 * units);
}

static Job
weights_job_of (const KolNode *node, gint64 M, const KolDevice *device)
{
  Job job = job_of (node, M, device);
  gint64 width = device->info.vector_width, panels = kol_divide_up (job.channels, job.panel), each;

  job.at_once = can_be_at_once (&job, panels, device);
  if (job.at_once)
    {
      job.block = kol_round_up (job.tiles, width);
      job.others_each = kol_divide_up (panels, device->info.compute_units);
      job.other_items = kol_divide_up (panels, job.others_each);
      job.tile_items = 1;
      job.plane = job.panel * job.block + width;
      job.plane_dy = job.filters * job.block + width;
      job.sharing
          = CLAMP (SHARING_FLOATS / (job.planes * job.panel * job.block), 1, job.others_each);
      job.item = kol_round_up (
          job.planes
              * (job.plane + job.plane_dy + job.panel * (job.sharing * job.block + job.rows)),
          16);
      return job;
    }
  choose_block (&job, MOST_BLOCK / 2); /* sums go in and out of registers once per block */
  job.weights = job.planes * kol_round_up (job.filters, job.rows) * panels * job.panel;
  each = PARTIAL_FLOATS / job.weights >= 2 ? job.block : job.tiles; /* or not cut there */
  cut (&job, job.tiles, each, panels, 1, (double) job.filters / 2 / (double) job.panel / 4, 0,
       device);
  job.plane = MIN (job.channels, job.others_each * job.panel) * job.block + width;
  job.plane_dy = job.filters * job.block + width;
  job.item = kol_round_up (
      job.planes * (job.plane + job.plane_dy) + job.others_each * job.panel * job.block, 16);
  return job;
}

static gsize
bytes_of (const Job *job, gint64 weights)
{
  return (gsize) (job->tile_items * job->other_items * job->item + weights) * sizeof (float);
}

static gboolean
is_padding (gint64 padding, const KolConv2dShape *c)
{
  return padding >= 0 && padding < c->R;
}

static gboolean
fits (const KolNode *node, gint64 M, gint64 R, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  Job job;

  if (!device->simd || device->info.vector_width < 4 || device->info.vector_width > 16)
    return FALSE;
  if (c.groups != 1 || c.R != R || c.S != R || c.stride_h != 1 || c.stride_w != 1
      || c.dilation_h != 1 || c.dilation_w != 1)
    return FALSE;
  if (!is_padding (c.top, &c) || !is_padding (c.left, &c) || !is_padding (c.bottom, &c)
      || !is_padding (c.right, &c))
    return FALSE;
  job = node->op == &kol_conv2d_gradient_w_op ? weights_job_of (node, M, device)
                                              : forward_job_of (node, M, TRUE, device);
  return bytes_of (&job, job.weights * MAX (job.tile_items, 1)) / sizeof (float) < G_MAXINT;
}

/* Enough for weights that are packed, and for those that are not. */
static gsize
scratch (const KolNode *node, gint64 M, const KolDevice *device)
{
  Job kept = forward_job_of (node, M, TRUE, device);
  Job job = forward_job_of (node, M, FALSE, device);

  return MAX (bytes_of (&kept, 0), bytes_of (&job, job.on_the_way ? 0 : job.weights));
}

static gsize
scratch_w (const KolNode *node, gint64 M, const KolDevice *device)
{
  Job job = weights_job_of (node, M, device);

  return bytes_of (&job, job.weights * job.tile_items);
}

static gsize
packed (const KolNode *node, gint64 M, guint input, const KolDevice *device)
{
  return input == 1 ? (gsize) forward_job_of (node, M, TRUE, device).weights * sizeof (float) : 0;
}

static char *
options_of (const Job *job, const char *more)
{
  return g_strdup_printf ("-D M=%d -D R=%d -D ROWS=%u -D VECTORS=%u%s", (int) job->M, (int) job->R,
                          job->rows, job->vectors, more);
}

/* The distance between filters, and channels, in w. */
static gint64
filter_step (const Job *job)
{
  return job->R * job->R * (job->turned ? 1 : job->channels);
}

static gint64
channel_step (const Job *job)
{
  return job->R * job->R * (job->turned ? job->filters : 1);
}

static gboolean
launch_pack (KolLaunch *launch, const Job *job, KolBuffer *to, gint64 to_at, GError **error)
{
  g_autofree char *options = g_strdup_printf ("-D M=%d -D R=%d -D ROWS=%u -D PACK=1", (int) job->M,
                                              (int) job->R, job->rows);

  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-winograd",
                  .kernel = "winograd_pack",
                  .options = options,
                  .global = { kol_divide_up (job->filters, job->rows) },
                  .local = { 1 } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[1]), KOL_BUFFER (to), KOL_INT (to_at),
                KOL_INT (job->weight_plane), KOL_INT (job->filters), KOL_INT (job->channels),
                KOL_INT (filter_step (job)), KOL_INT (channel_step (job)), KOL_INT (job->turned)),
      error);
}

static gboolean
pack (KolLaunch *launch, const KolNode *node, gint64 M, guint input, GError **error)
{
  Job job = forward_job_of (node, M, TRUE, launch->device);

  return launch_pack (launch, &job, launch->packed[input], 0, error);
}

/* Packs the weights, unless they are kept packed or packed on the way; then all the rest at once.
 */
static gboolean
launch_forward (KolLaunch *launch, const KolNode *node, gint64 M, GError **error)
{
  KolBuffer *weights = launch->packed ? launch->packed[1] : NULL;
  Job job = forward_job_of (node, M, weights != NULL, launch->device);
  gint64 weights_at = job.on_the_way ? job.weights_at : 0;
  g_autofree char *base = options_of (&job, job.on_the_way ? " -D ON_THE_WAY=1" : "");
  g_autoptr (GString) options = g_string_new (base);

  if (job.on_the_way)
    weights = launch->inputs[1];
  else if (!weights)
    {
      weights = launch->scratch;
      weights_at = job.tile_items * job.other_items * job.item;
      if (!launch_pack (launch, &job, weights, weights_at, error))
        return FALSE;
    }
  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-winograd",
                  .kernel = "winograd_forward",
                  .options = options->str,
                  .global = { job.tile_items, job.other_items },
                  .local = { 1, 1 } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (weights), KOL_BUFFER (launch->scratch),
                KOL_BUFFER (launch->outputs[0]), KOL_BUFFER (launch->epilogue.bias),
                KOL_BUFFER (launch->epilogue.residual), KOL_INT (weights_at),
                KOL_INT (job.channels), KOL_INT (job.filters), KOL_INT (job.H), KOL_INT (job.W),
                KOL_INT (job.P), KOL_INT (job.Q), KOL_INT (job.top), KOL_INT (job.left),
                KOL_INT (job.tiles_y), KOL_INT (job.tiles_x), KOL_INT (job.N),
                KOL_INT (job.tiles_each), KOL_INT (job.block), KOL_INT (job.others_each),
                KOL_INT (job.group), KOL_INT (job.item), KOL_INT (job.inputs_at),
                KOL_INT (job.plane), KOL_INT (job.plane_dy), KOL_INT (job.weight_plane),
                KOL_INT (filter_step (&job)), KOL_INT (channel_step (&job)), KOL_INT (job.turned)),
      error);
}

static gboolean
launch_at_once (KolLaunch *launch, const Job *job, GError **error)
{
  g_autofree char *options = options_of (job, "");

  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-winograd-weights",
                  .kernel = "winograd_weights_at_once",
                  .options = options,
                  .global = { job->other_items },
                  .local = { 1 } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                KOL_BUFFER (launch->scratch), KOL_BUFFER (launch->outputs[0]),
                KOL_INT (job->channels), KOL_INT (job->filters), KOL_INT (job->H), KOL_INT (job->W),
                KOL_INT (job->P), KOL_INT (job->Q), KOL_INT (job->top), KOL_INT (job->left),
                KOL_INT (job->tiles_y), KOL_INT (job->tiles_x), KOL_INT (job->N),
                KOL_INT (job->block), KOL_INT (job->others_each), KOL_INT (job->sharing),
                KOL_INT (job->item), KOL_INT (job->plane), KOL_INT (job->plane_dy)),
      error);
}

static gboolean
launch_weights (KolLaunch *launch, const KolNode *node, gint64 M, GError **error)
{
  Job job = weights_job_of (node, M, launch->device);
  gint64 sums_at = job.tile_items * job.other_items * job.item;
  gint64 panels = kol_divide_up (job.channels, job.panel);
  g_autofree char *options = options_of (&job, "");

  if (job.at_once)
    return launch_at_once (launch, &job, error);
  if (!kol_queue_launch (
          launch->queue,
          &(KolCall){ .program = "conv2d-winograd-weights",
                      .kernel = "winograd_weights",
                      .options = options,
                      .global = { job.tile_items, job.other_items },
                      .local = { 1, 1 } },
          KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                    KOL_BUFFER (launch->scratch), KOL_BUFFER (launch->scratch), KOL_INT (sums_at),
                    KOL_INT (job.channels), KOL_INT (job.filters), KOL_INT (job.H), KOL_INT (job.W),
                    KOL_INT (job.P), KOL_INT (job.Q), KOL_INT (job.top), KOL_INT (job.left),
                    KOL_INT (job.tiles_y), KOL_INT (job.tiles_x), KOL_INT (job.N),
                    KOL_INT (job.tiles_each), KOL_INT (job.block), KOL_INT (job.others_each),
                    KOL_INT (job.item), KOL_INT (job.plane), KOL_INT (job.plane_dy)),
          error))
    return FALSE;
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d-winograd-weights",
                                       .kernel = "winograd_total",
                                       .options = options,
                                       .global = { kol_divide_up (job.filters, job.rows), panels },
                                       .local = { 1, 1 } },
                           KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_BUFFER (launch->outputs[0]),
                                     KOL_INT (sums_at), KOL_INT (job.channels),
                                     KOL_INT (job.filters), KOL_INT (job.tile_items)),
                           error);
}

/* The contract's functions for tiles of M x M outputs and filters of R x R. */
#define VARIANT(M, R)                                                                              \
  gboolean kol_conv2d_winograd_##M##_##R##_fits (const KolNode *node, const KolDevice *device)     \
  {                                                                                                \
    return fits (node, M, R, device);                                                              \
  }                                                                                                \
  gsize kol_conv2d_winograd_##M##_##R##_scratch (const KolNode *node, const KolDevice *device)     \
  {                                                                                                \
    return scratch (node, M, device);                                                              \
  }                                                                                                \
  gsize kol_conv2d_winograd_##M##_##R##_packed (const KolNode *node, guint input,                  \
                                                const KolDevice *device)                           \
  {                                                                                                \
    return packed (node, M, input, device);                                                        \
  }                                                                                                \
  gboolean kol_conv2d_winograd_##M##_##R##_pack (KolLaunch *launch, const KolNode *node,           \
                                                 guint input, GError **error)                      \
  {                                                                                                \
    return pack (launch, node, M, input, error);                                                   \
  }                                                                                                \
  gboolean kol_conv2d_winograd_##M##_##R##_launch (KolLaunch *launch, const KolNode *node,         \
                                                   GError **error)                                 \
  {                                                                                                \
    return launch_forward (launch, node, M, error);                                                \
  }                                                                                                \
  gsize kol_conv2d_winograd_##M##_##R##_w_scratch (const KolNode *node, const KolDevice *device)   \
  {                                                                                                \
    return scratch_w (node, M, device);                                                            \
  }                                                                                                \
  gboolean kol_conv2d_winograd_##M##_##R##_w_launch (KolLaunch *launch, const KolNode *node,       \
                                                     GError **error)                               \
  {                                                                                                \
    return launch_weights (launch, node, M, error);                                                \
  }

VARIANT (4, 3)
VARIANT (2, 3)
VARIANT (2, 5)
