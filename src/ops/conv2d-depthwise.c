/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The variant "depthwise" of conv2d and its gradients, for filters that see one
 * channel, on devices whose work-item is a SIMD thread: the geometry behind
 * kernels/conv2d-depthwise-simd.cl, whose head says how it works. Nothing is
 * copied but rows into an item's local memory, so it needs no scratch.
 */

#include "conv2d-private.h"
#include "product-private.h"
#include "strips-private.h"

#define WINDOW 4096            /* floats of local memory: half of a first-level cache */
#define MOST_TAPS 49           /* they are unrolled */
#define MOST_REACH 32          /* of a dilated kernel, in rows, which are unrolled, too */
#define LEAST_OUTPUTS 4096     /* of a work-item, where there is enough work */
#define MOST_PARTIAL (4 << 20) /* floats of partial sums */

/* ── Geometry ───────────────────────────────────────────────────────────────────────────────── */

/* One axis of what is copied to the window, and of what is computed from it. */
typedef struct {
  gint64 from; /* length of what is copied */
  gint64 to;   /* length of the result; of dy, for the gradient to w */
  gint64 taps, stride, dilation;
  gint64 before;   /* zeros before it in the window */
  gint64 start;    /* where the first tap of the first result begins */
  gint64 phase;    /* of the result, for a gradient to x: before % stride there */
  gboolean turned; /* gradient to x */
} Axis;

typedef struct {
  KolConv2dShape c;
  Axis h, w;
  guint vectors;        /* of a tile's row */
  gint64 height;        /* rows of a tile; 0: it does not fit */
  gint64 length;        /* floats of a row of the window, or of its even columns */
  gint64 block, blocks; /* rows of the result in a unit; units of a plane */
  gint64 window_rows;
  gint64 sources, planes; /* of what is copied, of the result */
} Job;

static Axis
forward_axis (gint64 from, gint64 to, gint64 taps, gint64 stride, gint64 dilation, gint64 before)
{
  return (Axis){
    .from = from, .to = to, .taps = taps, .stride = stride, .dilation = dilation, .before = before
  };
}

/*
 * The gradient to x: its row h collects dy's row (h + before - r dilation) / stride. The last tap
 * reaches back furthest; with wide padding even that one begins after dy's first row.
 */
static Axis
turned_axis (gint64 from, gint64 to, gint64 taps, gint64 stride, gint64 dilation, gint64 before)
{
  gint64 back = (taps - 1) * dilation / stride, whole = before / stride;

  return (Axis){ .from = from,
                 .to = to,
                 .taps = taps,
                 .stride = stride,
                 .dilation = dilation,
                 .before = MAX (back - whole, 0),
                 .start = MAX (whole - back, 0),
                 .phase = before % stride,
                 .turned = TRUE };
}

/* How much of what is copied @outputs results in a row reach over, and the zeros before. */
static gint64
reach (const Axis *axis, gint64 outputs)
{
  gint64 last = (axis->taps - 1) * axis->dilation;

  if (axis->turned)
    return axis->start + (outputs - 1 + axis->phase) / axis->stride + last / axis->stride + 1;
  return (outputs - 1) * axis->stride + last + 1;
}

/* A row of the window has room for whole vectors, read or written. */
static gint64
row_length (const Axis *w, gint64 width, guint vectors)
{
  gint64 outputs = kol_round_up (w->to, width * vectors), phases = w->turned ? 1 : w->stride;
  gint64 read = w->turned ? reach (w, outputs) : outputs + (w->taps - 1) * w->dilation / w->stride;

  return MAX (read, kol_divide_up (w->before, phases)
                        + kol_round_up (kol_divide_up (w->from, phases), width));
}

static gint64
row_floats (const Job *job)
{
  return job->length * (job->w.turned ? 1 : job->w.stride);
}

/*
 * The height of a tile: the one that wastes least, counting a row per tile for
 * what its rows share, of those whose window fits. A tile's sums are as many as
 * hide the time that one takes, and leave registers for operands.
 */
static gint64
choose_height (const Job *job, gint64 most)
{
  gint64 step = job->h.turned ? job->h.stride : 1, best = 0, least = G_MAXINT64;

  for (gint64 height = step; height <= most; height += step)
    {
      gint64 cost = kol_divide_up (job->h.to, height) * (height + 1);

      if (cost > least || reach (&job->h, height) * row_floats (job) > WINDOW)
        continue;
      least = cost;
      best = height;
    }
  return best;
}

/* Units as high as the window allows, but enough of them for all compute units. */
static void
cut (Job *job, gint64 wanted)
{
  gint64 tiles = kol_divide_up (job->h.to, job->height), each = tiles;

  while (each > 1 && reach (&job->h, each * job->height) * row_floats (job) > WINDOW)
    each--;
  job->blocks = kol_divide_up (tiles, each);
  job->blocks = MIN (MAX (job->blocks, kol_divide_up (wanted, job->planes)), tiles);
  job->block = kol_divide_up (tiles, job->blocks) * job->height;
  job->blocks = kol_divide_up (job->h.to, job->block);
  job->window_rows = reach (&job->h, job->block);
}

static Job
job_of (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  Job job = { .c = c, .vectors = 1, .sources = c.N * c.C, .planes = c.N * c.K };
  gint64 most = 8;

  if (node->op == &kol_conv2d_gradient_x_op)
    {
      job.h = turned_axis (c.P, c.H, c.R, c.stride_h, c.dilation_h, c.top);
      job.w = turned_axis (c.Q, c.W, c.S, c.stride_w, c.dilation_w, c.left);
      job.vectors = (guint) c.stride_w;
      job.sources = c.N * c.K;
      job.planes = c.N * c.C;
      most /= c.stride_w;
    }
  else
    {
      job.h = forward_axis (c.H, c.P, c.R, c.stride_h, c.dilation_h, c.top);
      job.w = forward_axis (c.W, c.Q, c.S, c.stride_w, c.dilation_w, c.left);
    }
  job.length = row_length (&job.w, device->info.vector_width, job.vectors);
  job.height = choose_height (&job, most);
  if (job.height)
    cut (&job, node->op == &kol_conv2d_gradient_w_op
                   ? 1
                   : KOL_STRIPS_PER_UNIT * (gint64) device->info.compute_units);
  return job;
}

/* Kernels count in ints, and unroll what a tile does. */
gboolean
kol_conv2d_depthwise_fits (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);

  if (!device->simd || device->info.vector_width < 4 || device->info.vector_width > 16)
    return FALSE;
  if (c.channels != 1 || (node->op == &kol_conv2d_gradient_x_op && c.filters != 1))
    return FALSE;
  if (c.stride_h > 2 || c.stride_w > 2 || c.R * c.S > MOST_TAPS
      || (c.R - 1) * c.dilation_h > MOST_REACH)
    return FALSE;
  if (c.N * c.K * c.P * c.Q >= G_MAXINT || c.N * c.C * c.H * c.W >= G_MAXINT)
    return FALSE;
  return job_of (node, device).height > 0;
}

static GString *
options_of (const Job *job, const char *kind)
{
  GString *options = g_string_new (NULL);

  g_string_printf (options,
                   "-D KIND=%s -D R=%d -D S=%d -D STRIDE_H=%d -D STRIDE_W=%d -D DILATION_H=%d "
                   "-D DILATION_W=%d -D WINDOW=%d -D HEIGHT=%d -D LENGTH=%d",
                   kind, (int) job->h.taps, (int) job->w.taps, (int) job->h.stride,
                   (int) job->w.stride, (int) job->h.dilation, (int) job->w.dilation, WINDOW,
                   (int) job->height, (int) job->length);
  if (job->h.turned)
    g_string_append_printf (options, " -D TOP_PHASE=%d -D LEFT_PHASE=%d", (int) job->h.phase,
                            (int) job->w.phase);
  return options;
}

/* ── Convolution, and gradient to x ─────────────────────────────────────────────────────────── */

gboolean
kol_conv2d_depthwise_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  Job job = job_of (node, launch->device);
  gint64 units = job.planes * job.blocks;
  KolStrips strips = kol_strips (launch->device, (gsize) units,
                                 (gsize) kol_divide_up (LEAST_OUTPUTS, job.block * job.w.to));
  g_autoptr (GString) options = options_of (&job, job.h.turned ? "GRADIENT_X" : "FORWARD");

  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-depthwise-simd",
                  .kernel = "conv2d_depthwise",
                  .options = options->str,
                  .global = { strips.items },
                  .local = { 1 } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                KOL_BUFFER (launch->outputs[0]), KOL_BUFFER (launch->epilogue.bias),
                KOL_BUFFER (launch->epilogue.residual), KOL_INT (job.sources),
                KOL_INT (job.c.filters), KOL_INT (job.planes / job.c.N), KOL_INT (job.planes),
                KOL_INT (job.blocks), KOL_INT (strips.each), KOL_INT (job.block),
                KOL_INT (job.h.to), KOL_INT (job.w.to), KOL_INT (job.h.from), KOL_INT (job.w.from),
                KOL_INT (job.h.before), KOL_INT (job.w.before), KOL_INT (job.window_rows),
                KOL_INT (job.h.start * row_floats (&job) + job.w.start)),
      error);
}

/* ── Gradient to w ──────────────────────────────────────────────────────────────────────────── */

/* How pictures and filters are cut into work-items. */
typedef struct {
  gint64 per_chunk, chunks;
  gint64 each, items; /* filters of an item; items of a chunk */
} Cut;

/* A filter's pictures are cut only where there are too few filters. */
static Cut
cut_weights (const KolConv2dShape *c, const KolDevice *device)
{
  KolStrips strips = kol_strips (device, (gsize) c->K,
                                 (gsize) kol_divide_up (LEAST_OUTPUTS, c->N * c->P * c->Q));
  gint64 wanted = KOL_STRIPS_PER_UNIT * (gint64) device->info.compute_units;
  gint64 most = MAX (MOST_PARTIAL / (c->K * c->R * c->S), 1);
  gint64 chunks = CLAMP (wanted / c->K, 1, MIN (c->N, most));
  Cut cut = { .each = (gint64) strips.each, .items = (gint64) strips.items };

  cut.per_chunk = kol_divide_up (c->N, chunks);
  cut.chunks = kol_divide_up (c->N, cut.per_chunk);
  return cut;
}

gsize
kol_conv2d_depthwise_w_scratch (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  gint64 chunks = cut_weights (&c, device).chunks;

  return chunks > 1 ? (gsize) (chunks * c.K * c.R * c.S) * sizeof (float) : 0;
}

/* The sum of the chunks. */
static gboolean
launch_total (KolLaunch *launch, gint64 weights, gint64 chunks, GError **error)
{
  KolStrips strips = kol_strips (launch->device, (gsize) weights, 1024);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d-simd",
                                       .kernel = "conv2d_total",
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_BUFFER (launch->outputs[0]),
                                     KOL_INT (0), KOL_INT (weights), KOL_INT (chunks),
                                     KOL_INT (strips.each)),
                           error);
}

gboolean
kol_conv2d_depthwise_w_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  Job job = job_of (node, launch->device);
  const KolConv2dShape *c = &job.c;
  Cut cut = cut_weights (c, launch->device);
  KolBuffer *to = cut.chunks > 1 ? launch->scratch : launch->outputs[0];
  g_autoptr (GString) options = options_of (&job, "GRADIENT_W");

  if (!kol_queue_launch (launch->queue,
                         &(KolCall){ .program = "conv2d-depthwise-simd",
                                     .kernel = "conv2d_depthwise_weights",
                                     .options = options->str,
                                     .global = { cut.chunks, cut.items },
                                     .local = { 1, 1 } },
                         KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                   KOL_BUFFER (to), KOL_INT (c->N), KOL_INT (c->filters),
                                   KOL_INT (c->K), KOL_INT (cut.each), KOL_INT (cut.per_chunk),
                                   KOL_INT (job.blocks), KOL_INT (job.block), KOL_INT (c->P),
                                   KOL_INT (c->Q), KOL_INT (c->H), KOL_INT (c->W), KOL_INT (c->top),
                                   KOL_INT (c->left), KOL_INT (job.window_rows)),
                         error))
    return FALSE;
  return cut.chunks == 1 || launch_total (launch, c->K * c->R * c->S, cut.chunks, error);
}
