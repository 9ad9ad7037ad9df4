/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The variant "simt-winograd" of conv2d and its gradient to x, for devices whose
 * work-items are lanes (GPUs): what kernels/conv2d-simt-winograd.cl says. The
 * transformed filters are the packed form of w. Scratch has the products and the
 * transformed pictures, of as many pictures at a time as fit, and behind them the
 * filters where they are not kept packed.
 */

#include "conv2d-private.h"
#include "product-private.h"

#define PRODUCTS 16            /* of a tile of 4 x 4 */
#define PASS_FLOATS (32 << 20) /* of scratch, at most, unless one picture has more */

/* The convolution that is computed: the node's own, or the one that its gradient to x is. */
typedef struct {
  gint64 pictures, channels, filters;
  gint64 H, W, P, Q, top, left;
  gint64 filter_step, channel_step; /* in w */
  gboolean turned;                  /* the taps of w */
  gint64 tiles_h, tiles_w;          /* of a picture */
  gint64 per_pass;                  /* pictures */
} Job;

/* Floats of scratch for one picture: its products, and its transform. */
static gint64
picture_floats (const Job *job)
{
  return PRODUCTS * (job->channels + job->filters) * job->tiles_h * job->tiles_w;
}

/* And for the transformed filters. */
static gint64
filter_floats (const Job *job)
{
  return PRODUCTS * job->filters * job->channels;
}

static Job
job_of (const KolNode *node)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  Job job = { .pictures = c.N };

  if (node->op == &kol_conv2d_gradient_x_op)
    {
      /* dx[h] = sum_r dy[h + top - r] w[r] = sum_r dy[h - (2 - top) + r] w[2 - r]. */
      job.channels = c.K;
      job.filters = c.C;
      job.H = c.P;
      job.W = c.Q;
      job.P = c.H;
      job.Q = c.W;
      job.top = 2 - c.top;
      job.left = 2 - c.left;
      job.filter_step = 9;
      job.channel_step = c.C * 9;
      job.turned = TRUE;
    }
  else
    {
      job.channels = c.C;
      job.filters = c.K;
      job.H = c.H;
      job.W = c.W;
      job.P = c.P;
      job.Q = c.Q;
      job.top = c.top;
      job.left = c.left;
      job.filter_step = c.C * 9;
      job.channel_step = 9;
    }
  job.tiles_h = (job.P + 1) / 2;
  job.tiles_w = (job.Q + 1) / 2;
  job.per_pass = CLAMP (PASS_FLOATS / picture_floats (&job), 1, job.pictures);
  return job;
}

/* The sums over channels of @pictures pictures: 16 products, U[i] [K, C] V[i] [C, tiles]. */
static KolProduct
product_of (const Job *job, gint64 pictures)
{
  return (KolProduct){ .batch = PRODUCTS,
                       .rows = job->filters,
                       .columns = pictures * job->tiles_h * job->tiles_w,
                       .inner = job->channels,
                       .batched_a = TRUE,
                       .batched_b = TRUE };
}

gboolean
kol_conv2d_simt_winograd_fits (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  Job job;

  if (!kol_tiles_fit (device) || c.R != 3 || c.S != 3 || c.stride_h != 1 || c.stride_w != 1
      || c.dilation_h != 1 || c.dilation_w != 1 || c.groups != 1)
    return FALSE;
  job = job_of (node);
  return job.per_pass * picture_floats (&job) + filter_floats (&job) < G_MAXINT - 256
         && c.H * c.W < G_MAXINT && c.P * c.Q < G_MAXINT;
}

gsize
kol_conv2d_simt_winograd_scratch (const KolNode *node, const KolDevice *device)
{
  Job job = job_of (node);

  return (gsize) (job.per_pass * picture_floats (&job) + filter_floats (&job)) * sizeof (float);
}

gsize
kol_conv2d_simt_winograd_packed (const KolNode *node, guint input, const KolDevice *device)
{
  Job job = job_of (node);

  return input == 1 ? (gsize) filter_floats (&job) * sizeof (float) : 0;
}

static gboolean
launch_pack (KolLaunch *launch, const Job *job, KolBuffer *to, gint64 at, GError **error)
{
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d-simt-winograd",
                                       .kernel = "winograd_weights",
                                       .global = { job->channels, job->filters } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[1]), KOL_BUFFER (to), KOL_INT (at),
                                     KOL_INT (job->channels), KOL_INT (job->filters),
                                     KOL_INT (job->channel_step), KOL_INT (job->filter_step),
                                     KOL_INT (job->turned)),
                           error);
}

gboolean
kol_conv2d_simt_winograd_pack (KolLaunch *launch, const KolNode *node, guint input, GError **error)
{
  Job job = job_of (node);

  return launch_pack (launch, &job, launch->packed[input], 0, error);
}

static gboolean
launch_input (KolLaunch *launch, const Job *job, gint64 first, gint64 tiles, gint64 v_at,
              GError **error)
{
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d-simt-winograd",
                                       .kernel = "winograd_input",
                                       .global = { tiles, job->channels } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->scratch),
                                     KOL_INT (v_at), KOL_INT (first), KOL_INT (tiles),
                                     KOL_INT (job->channels), KOL_INT (job->H), KOL_INT (job->W),
                                     KOL_INT (job->tiles_h), KOL_INT (job->tiles_w),
                                     KOL_INT (job->top), KOL_INT (job->left)),
                           error);
}

static gboolean
launch_output (KolLaunch *launch, const Job *job, gint64 first, gint64 tiles, GError **error)
{
  g_autoptr (GString) options = g_string_new (NULL);

  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-simt-winograd",
                  .kernel = "winograd_output",
                  .options = options->str,
                  .global = { tiles, job->filters } },
      KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_BUFFER (launch->outputs[0]),
                KOL_BUFFER (launch->epilogue.bias), KOL_BUFFER (launch->epilogue.residual),
                KOL_INT (first), KOL_INT (tiles), KOL_INT (job->filters), KOL_INT (job->P),
                KOL_INT (job->Q), KOL_INT (job->tiles_h), KOL_INT (job->tiles_w)),
      error);
}

/* Where the transformed filters are. */
typedef struct {
  KolBuffer *buffer;
  gint64 at;
} Filters;

static gboolean
launch_pass (KolLaunch *launch, const Job *job, const Filters *u, gint64 first, GError **error)
{
  KolProduct p = product_of (job, MIN (job->per_pass, job->pictures - first));
  KolTiling way
      = kol_tiling_of (launch->device, KOL_TILED_PRODUCT, p.rows, p.columns, p.inner, p.batch, 1);
  gint64 v_at = PRODUCTS * p.rows * p.columns;

  return launch_input (launch, job, first, p.columns, v_at, error)
         && kol_matmul_simt_tiles (launch->queue, &p, &way, u->buffer, u->at, launch->scratch, v_at,
                                   launch->scratch, NULL, error)
         && launch_output (launch, job, first, p.columns, error);
}

gboolean
kol_conv2d_simt_winograd_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  Job job = job_of (node);
  KolBuffer *packed = launch->packed ? launch->packed[1] : NULL;
  Filters u = { .buffer = packed };

  if (!packed)
    {
      u = (Filters){ launch->scratch, job.per_pass * picture_floats (&job) };
      if (!launch_pack (launch, &job, u.buffer, u.at, error))
        return FALSE;
    }
  for (gint64 first = 0; first < job.pictures; first += job.per_pass)
    if (!launch_pass (launch, &job, &u, first, error))
      return FALSE;
  return TRUE;
}
