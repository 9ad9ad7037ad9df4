/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The variant "simt" of conv2d and its gradients, for devices whose work-items are
 * lanes (GPUs): the geometry behind kernels/conv2d-simt.cl. It runs on CPUs, too,
 * slowly, which is how it is tested.
 *
 * The gradient to x is computed as the convolution that it is: of dy, with the
 * kernel turned round and the roles of channels and filters exchanged. With a
 * stride S there are S x S of these, each for every S-th row and column of x, with
 * the taps that reach those: its parts.
 */

#include "conv2d-private.h"
#include "product-private.h"

/* ── Convolution, and gradient to x ─────────────────────────────────────────────────────────── */

/* One axis of a convolution, or of a part of a gradient: which pixels meet which taps. */
typedef struct {
  gint64 outputs;             /* output i .. */
  gint64 first, apart;        /* .. is at first + i apart in the output's picture, */
  gint64 step, base;          /* its first tap at i step + base in the input's */
  gint64 taps, tap_step;      /* and the next taps tap_step further each; */
  gint64 weight, weight_step; /* these are in w at weight + tap weight_step */
} Axis;

static Axis
forward_axis (gint64 outputs, gint64 taps, gint64 stride, gint64 dilation, gint64 before)
{
  return (Axis){ .outputs = outputs,
                 .apart = 1,
                 .step = stride,
                 .base = -before,
                 .taps = taps,
                 .tap_step = dilation,
                 .weight_step = 1 };
}

/*
 * Part @i of the gradient to x: row h collects dy[p] w[r] where
 * h + before = p stride + r dilation. The part has the rows with
 * h + before = u stride + i, and the taps with r dilation = e stride + i, which
 * are evenly apart: its row u collects dy[u - e]. Of @length rows of x.
 */
static Axis
backward_axis (gint64 i, gint64 length, gint64 taps, gint64 stride, gint64 dilation, gint64 before)
{
  gint64 start = before > i ? kol_divide_up (before - i, stride) : 0; /* the first row's u */
  Axis axis = { .first = start * stride + i - before, .apart = stride, .step = 1 };

  axis.outputs = axis.first < length ? kol_divide_up (length - axis.first, stride) : 0;
  for (gint64 r = 0; r < taps; r++)
    if (r * dilation % stride == i)
      {
        if (axis.taps == 0)
          axis.weight = r;
        else if (axis.taps == 1)
          axis.weight_step = r - axis.weight;
        axis.taps++;
      }
  axis.base = start - axis.weight * dilation / stride;
  axis.tap_step = -axis.weight_step * dilation / stride;
  return axis;
}

/* The convolution that is computed: the node's own, or the one that its gradient to x is. */
typedef struct {
  KolConv2dShape c;
  gboolean gradient;
  gint64 channels, filters;         /* of input and output, in one group */
  gint64 H, W;                      /* of the input's planes */
  gint64 plane, row;                /* floats of a plane, and of a row, of the output */
  gint64 filter_step, channel_step; /* in w */
  gint64 parts_h, parts_w;          /* the strides, for a gradient, else 1 */
} Job;

static Job
job_of (const KolNode *node)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  gint64 taps = c.R * c.S;

  if (node->op == &kol_conv2d_gradient_x_op)
    return (Job){ .c = c,
                  .gradient = TRUE,
                  .channels = c.filters,
                  .filters = c.channels,
                  .H = c.P,
                  .W = c.Q,
                  .plane = c.H * c.W,
                  .row = c.W,
                  .filter_step = taps,
                  .channel_step = c.channels * taps,
                  .parts_h = c.stride_h,
                  .parts_w = c.stride_w };
  return (Job){ .c = c,
                .channels = c.channels,
                .filters = c.filters,
                .H = c.H,
                .W = c.W,
                .plane = c.P * c.Q,
                .row = c.Q,
                .filter_step = c.channels * taps,
                .channel_step = taps,
                .parts_h = 1,
                .parts_w = 1 };
}

static Axis
rows_of (const Job *job, gint64 part)
{
  const KolConv2dShape *c = &job->c;

  return job->gradient ? backward_axis (part, c->H, c->R, c->stride_h, c->dilation_h, c->top)
                       : forward_axis (c->P, c->R, c->stride_h, c->dilation_h, c->top);
}

static Axis
columns_of (const Job *job, gint64 part)
{
  const KolConv2dShape *c = &job->c;

  return job->gradient ? backward_axis (part, c->W, c->S, c->stride_w, c->dilation_w, c->left)
                       : forward_axis (c->Q, c->S, c->stride_w, c->dilation_w, c->left);
}

/* One way of tiling serves for all parts: that for a part of mean size. */
static KolTiling
tiling_of (const Job *job, const KolDevice *device)
{
  gint64 parts = job->parts_h * job->parts_w;
  gint64 outputs = kol_divide_up (job->c.N * job->plane, parts);
  gint64 inner = kol_divide_up (job->channels * job->c.R * job->c.S, parts);

  return kol_tiling_of (device, KOL_TILED_CONVOLUTION, job->filters, outputs, inner, job->c.groups,
                        G_MAXINT);
}

#define MOST_TAPS (1 << 21) /* of a filter: the kernels take it apart in floats */

/* Depthwise, all but one row of a tile would be empty. The kernels count in ints. */
gboolean
kol_conv2d_simt_fits (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  const double most = G_MAXINT - 256; /* the last tile may reach over the edge */
  double taps = (double) c.R * (double) c.S;

  return kol_tiles_fit (device) && !(c.groups > 1 && c.channels == 1)
         && (double) c.N * (double) c.P * (double) c.Q < most
         && (double) c.N * (double) c.H * (double) c.W < most
         && (double) MAX (c.channels, c.filters) * taps < MOST_TAPS
         && (double) c.K * (double) c.channels * taps < most;
}

static gint64
output_count (const Job *job)
{
  return job->c.N * job->c.groups * job->filters * job->plane;
}

gsize
kol_conv2d_simt_scratch (const KolNode *node, const KolDevice *device)
{
  Job job = job_of (node);
  KolTiling way = tiling_of (&job, device);

  return way.slices > 1 ? (gsize) (way.slices * output_count (&job)) * sizeof (float) : 0;
}

/* One part, to @y or, where there are slices, partial sums. A part that no tap reaches is 0. */
static gboolean
launch_part (KolLaunch *launch, const Job *job, const KolTiling *way, const Axis *h, const Axis *w,
             KolBuffer *y, GError **error)
{
  const KolConv2dShape *c = &job->c;
  g_autoptr (GString) options = g_string_new (NULL);
  gint64 outputs = c->N * h->outputs * w->outputs, inner = job->channels * h->taps * w->taps;
  KolCall call = kol_tiling_call (way, job->filters, outputs, c->groups);

  if (!outputs)
    return TRUE;
  kol_tile_append_options (&way->tile, options);
  if (way->slices == 1)
    kol_epilogue_append_options (&launch->epilogue, options);
  call.program = "conv2d-simt";
  call.kernel = "conv2d_simt_tiles";
  call.options = options->str;
  return kol_queue_launch (
      launch->queue, &call,
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]), KOL_BUFFER (y),
                KOL_BUFFER (launch->epilogue.bias), KOL_BUFFER (launch->epilogue.residual),
                KOL_INT (c->N), KOL_INT (c->groups), KOL_INT (job->channels),
                KOL_INT (job->filters), KOL_INT (inner), KOL_INT (kol_tiling_slice (way, inner)),
                KOL_INT (job->H), KOL_INT (job->W), KOL_INT (h->outputs), KOL_INT (w->outputs),
                KOL_INT (h->taps), KOL_INT (w->taps),
                KOL_FLOAT (1.0 / (double) MAX (h->taps * w->taps, 1)),
                KOL_FLOAT (1.0 / (double) MAX (w->taps, 1)), KOL_INT (h->step), KOL_INT (w->step),
                KOL_INT (h->base), KOL_INT (w->base), KOL_INT (h->tap_step), KOL_INT (w->tap_step),
                KOL_INT (c->filters * c->channels * c->R * c->S), KOL_INT (job->filter_step),
                KOL_INT (job->channel_step), KOL_INT (h->weight * c->S + w->weight),
                KOL_INT (h->weight_step * c->S), KOL_INT (w->weight_step), KOL_INT (job->plane),
                KOL_INT (h->first * job->row + w->first), KOL_INT (h->apart * job->row),
                KOL_INT (w->apart)),
      error);
}

static gboolean
launch_finish (KolLaunch *launch, const Job *job, const KolTiling *way, GError **error)
{
  g_autoptr (GString) options = g_string_new (NULL);
  gint64 elements = output_count (job);

  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d-simt",
                                       .kernel = "conv2d_simt_finish",
                                       .options = options->str,
                                       .global = { elements } },
                           KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_BUFFER (launch->outputs[0]),
                                     KOL_BUFFER (launch->epilogue.bias),
                                     KOL_BUFFER (launch->epilogue.residual), KOL_INT (elements),
                                     KOL_INT (job->plane), KOL_INT (job->c.groups * job->filters),
                                     KOL_INT (way->slices)),
                           error);
}

gboolean
kol_conv2d_simt_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  Job job = job_of (node);
  KolTiling way = tiling_of (&job, launch->device);
  KolBuffer *y = way.slices > 1 ? launch->scratch : launch->outputs[0];

  for (gint64 i = 0; i < job.parts_h; i++)
    for (gint64 j = 0; j < job.parts_w; j++)
      {
        Axis h = rows_of (&job, i), w = columns_of (&job, j);

        if (!launch_part (launch, &job, &way, &h, &w, y, error))
          return FALSE;
      }
  return way.slices == 1 || launch_finish (launch, &job, &way, error);
}

/* ── Gradient to w ──────────────────────────────────────────────────────────────────────────── */

static gint64
weight_count (const KolConv2dShape *c)
{
  return c->K * c->channels * c->R * c->S;
}

static KolTiling
tiling_of_w (const KolConv2dShape *c, const KolDevice *device)
{
  return kol_tiling_of (device, KOL_TILED_CONVOLUTION, c->filters, c->channels * c->R * c->S,
                        c->N * c->P * c->Q, c->groups, G_MAXINT);
}

gsize
kol_conv2d_simt_w_scratch (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  KolTiling way = tiling_of_w (&c, device);

  return way.slices > 1 ? (gsize) (way.slices * weight_count (&c)) * sizeof (float) : 0;
}

static gboolean
launch_w_tiles (KolLaunch *launch, const KolConv2dShape *c, const KolTiling *way, KolBuffer *dw,
                GError **error)
{
  g_autoptr (GString) options = g_string_new ("-D GRADIENT_W");
  gint64 weights = c->channels * c->R * c->S;
  KolCall call = kol_tiling_call (way, c->filters, weights, c->groups);

  kol_tile_append_options (&way->tile, options);
  call.program = "conv2d-simt";
  call.kernel = "conv2d_simt_gradient_w";
  call.options = options->str;
  return kol_queue_launch (
      launch->queue, &call,
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]), KOL_BUFFER (dw),
                KOL_INT (c->groups), KOL_INT (c->channels), KOL_INT (c->filters), KOL_INT (c->H),
                KOL_INT (c->W), KOL_INT (c->P), KOL_INT (c->Q), KOL_INT (c->R), KOL_INT (c->S),
                KOL_FLOAT (1.0 / (double) (c->R * c->S)), KOL_FLOAT (1.0 / (double) c->S),
                KOL_INT (c->stride_h), KOL_INT (c->stride_w), KOL_INT (c->dilation_h),
                KOL_INT (c->dilation_w), KOL_INT (c->top), KOL_INT (c->left), KOL_INT (c->N),
                KOL_INT (way->slice)),
      error);
}

gboolean
kol_conv2d_simt_w_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  KolTiling way = tiling_of_w (&c, launch->device);

  if (way.slices == 1)
    return launch_w_tiles (launch, &c, &way, launch->outputs[0], error);
  return launch_w_tiles (launch, &c, &way, launch->scratch, error)
         && kol_queue_launch (
             launch->queue,
             &(KolCall){
                 .program = "conv2d", .kernel = "conv2d_total", .global = { weight_count (&c) } },
             KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_BUFFER (launch->outputs[0]),
                       KOL_INT (weight_count (&c)), KOL_INT (way.slices)),
             error);
}
