/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The variant "implicit-gemm" of conv2d and its gradients, for devices whose
 * work-item is a SIMD thread: the geometry behind kernels/conv2d-simd.cl, whose
 * head says how it works.
 *
 * The gradient to x is a convolution, too: of dy, with the kernel turned round and
 * the roles of channels and filters exchanged. With a stride S it is S x S of
 * them, each for every S-th row and column of x, with the taps that reach those:
 * its parts. The gradient to w takes the same planes of x as the convolution.
 */

#include "conv2d-private.h"
#include "product-private.h"
#include "strips-private.h"

#define STRIP 256                /* outputs per filter that a work-item holds */
#define PASS_FLOATS (4 << 20)    /* of planes, at most, unless one picture has more */
#define VISIT_FLOATS (256 << 10) /* what a work-item goes over again and again, from its cache */
#define PARTIAL_FLOATS (4 << 20) /* of partial sums */
#define SEGMENT 4096             /* longest piece of a picture's outputs in the gradient to w */
#define ALIGN 16                 /* planes and parts of scratch start at multiples of it */

/* Work-items that keep every compute unit busy to the end. */
static gint64
items_wanted (const KolDevice *device)
{
  return 4 * (gint64) device->info.compute_units;
}

/* ── Planes ─────────────────────────────────────────────────────────────────────────────────── */

/*
 * A tensor [.., height, width] copied into planes: along an axis, position b of
 * plane i holds element b * step + i - before.
 */
typedef struct {
  gint64 length;  /* of the tensor */
  gint64 step;    /* planes take every step-th position */
  gint64 before;  /* zeros before its first element; negative: so many positions are left out */
  gint64 outputs; /* of the convolution along this axis */
  gint64 taps, dilation;
} PlaneAxis;

typedef struct {
  PlaneAxis h, w;
  gint64 phases_h, phases_w; /* planes per channel */
  gint64 rows, row_length;   /* of a plane */
  gint64 floats;             /* of a plane, with what is read behind its last row */
  gint64 numbers;            /* outputs as one line: the last one's number + 1, gaps included */
} Planes;

/* Planes that some tap reads: phases 0 .. this - 1. */
static gint64
phases (const PlaneAxis *axis)
{
  return MIN (axis->step, axis->dilation * (axis->taps - 1) + 1);
}

/* The furthest position in plane @phase that an output reads, + 1; 0 if none does. */
static gint64
reach (const PlaneAxis *axis, gint64 phase)
{
  gint64 furthest = 0;

  for (gint64 tap = 0; tap < axis->taps; tap++)
    if (tap * axis->dilation % axis->step == phase)
      furthest = tap * axis->dilation / axis->step + axis->outputs;
  return furthest;
}

/*
 * The shortest row in which the zeros that a row needs at its end may be those
 * at the next one's start: its own elements fit in it, so do its outputs, and
 * what is read behind it is no further than the next row's leading zeros.
 */
static gint64
shortest_row (const PlaneAxis *axis)
{
  gint64 shortest = axis->outputs;

  for (gint64 phase = 0; phase < phases (axis); phase++)
    {
      gint64 furthest = reach (axis, phase), zeros = 0, end;

      if (axis->before > phase)
        zeros = kol_divide_up (axis->before - phase, axis->step);
      end = axis->length - 1 + axis->before - phase;
      end = end < 0 ? 0 : end / axis->step + 1;
      shortest = MAX (shortest, furthest - zeros);
      shortest = MAX (shortest, MIN (end, furthest));
    }
  return shortest;
}

static Planes
planes_of (PlaneAxis h, PlaneAxis w, gint64 width)
{
  Planes planes = { .h = h, .w = w, .phases_h = phases (&h), .phases_w = phases (&w) };
  gint64 behind = 0;

  planes.row_length = shortest_row (&w);
  planes.rows = h.outputs + h.dilation * (h.taps - 1) / h.step;
  planes.numbers = (h.outputs - 1) * planes.row_length + w.outputs;
  for (gint64 phase = 0; phase < planes.phases_w; phase++)
    behind = MAX (behind, reach (&w, phase) - planes.row_length);
  planes.floats = kol_round_up (planes.rows * planes.row_length + behind + width, ALIGN);
  if (planes.floats % 1024 == 0) /* planes 4096 bytes apart would share their place in the cache */
    planes.floats += ALIGN;
  return planes;
}

/* Where planes and tables lie in the scratch buffer, in floats. */
typedef struct {
  gint64 pictures; /* per pass */
  gint64 rows_at, weights_at, partial_at, offset_at, end;
} Scratch;

/* Which offsets are written with the planes: those of the taps of a convolution. */
typedef struct {
  gint64 channels; /* 0: none */
  gint64 R, S, dilation_h, dilation_w;
  gint64 stride_h, stride_w; /* of the convolution whose gradient is taken, or 0: forward */
} Taps;

/* Copies @channels channels from number @first on, and writes the offsets of @taps. */
static gboolean
launch_planes (KolLaunch *launch, const Planes *p, KolBuffer *from, gint64 first, gint64 channels,
               gint64 to_at, gint64 offset_at, const Taps *taps, GError **error)
{
  gint64 count = channels * p->phases_h * p->phases_w;
  KolStrips strips = kol_strips (launch->device, count, MAX (2048 / p->floats, 1));

  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-simd",
                  .kernel = "conv2d_planes",
                  .global = { strips.items },
                  .local = { strips.group } },
      KOL_ARGS (KOL_BUFFER (from), KOL_BUFFER (launch->scratch), KOL_BUFFER (launch->scratch),
                KOL_INT (to_at), KOL_INT (offset_at), KOL_INT (first), KOL_INT (count),
                KOL_INT (strips.each), KOL_INT (p->h.length), KOL_INT (p->w.length),
                KOL_INT (p->phases_h), KOL_INT (p->phases_w), KOL_INT (p->rows),
                KOL_INT (p->row_length), KOL_INT (p->floats), KOL_INT (p->h.step),
                KOL_INT (p->w.step), KOL_INT (p->h.before), KOL_INT (p->w.before),
                KOL_INT (taps->channels), KOL_INT (taps->R), KOL_INT (taps->S),
                KOL_INT (taps->dilation_h), KOL_INT (taps->dilation_w), KOL_INT (taps->stride_h),
                KOL_INT (taps->stride_w)),
      error);
}

/* ── Convolution, and gradient to x ─────────────────────────────────────────────────────────── */

/* The convolution that is computed: the node's own, or the one that its gradient to x is. */
typedef struct {
  KolConv2dShape c;
  gint64 pictures, groups, channels, filters; /* of one group */
  gint64 taps;                                /* of all channels of a group, all parts */
  Planes planes;
  Taps offsets;
  gint64 filter_step, channel_step; /* in w */
  gint64 parts_h, parts_w;          /* the strides, for a gradient, else 1 */
  gint64 group_floats;              /* of planes */
  guint rows, vectors;              /* of a register tile */
  gint64 tiles;                     /* of a group */
  gint64 weights;                   /* floats of all packed weights */
  gint64 plane;                     /* floats of a plane of the output */
} Job;

static PlaneAxis
forward_axis (gint64 length, gint64 outputs, gint64 taps, gint64 stride, gint64 dilation,
              gint64 before)
{
  return (PlaneAxis){ .length = length,
                      .step = stride,
                      .before = before,
                      .outputs = outputs,
                      .taps = taps,
                      .dilation = dilation };
}

/*
 * A part of the gradient to x along an axis. Row h collects dy[p] w[r] where
 * h + before = p stride + r dilation. Part i has the rows with
 * h + before = u stride + i, and the taps with r dilation = e stride + i: its row u
 * collects dy[u - e].
 */
typedef struct {
  gint64 first;   /* the first of its rows h */
  gint64 outputs; /* its rows */
  gint64 taps;
  gint64 start;       /* the first row's u */
  gint64 least, most; /* of its taps' e */
} Part;

static Part
part_of (gint64 i, gint64 length, gint64 taps, gint64 stride, gint64 dilation, gint64 before)
{
  Part part = { .start = before > i ? kol_divide_up (before - i, stride) : 0 };

  part.first = part.start * stride + i - before;
  part.outputs = part.first < length ? kol_divide_up (length - part.first, stride) : 0;
  for (gint64 r = 0; r < taps; r++)
    if (r * dilation % stride == i)
      {
        part.most = r * dilation / stride;
        part.least = part.taps++ ? part.least : part.most;
      }
  return part;
}

/*
 * dy's planes, the same for all parts: enough zeros before for the tap that
 * reaches back furthest, and long enough for the one that reaches forward. Of
 * @length rows of x; dy has @outputs.
 */
static PlaneAxis
backward_axis (gint64 length, gint64 outputs, gint64 taps, gint64 stride, gint64 dilation,
               gint64 before)
{
  gint64 back = -G_MAXINT, reach = 1, rows = 1;

  for (gint64 i = 0; i < stride; i++)
    {
      Part part = part_of (i, length, taps, stride, dilation, before);

      if (part.outputs && part.taps)
        back = MAX (back, part.most - part.start);
    }
  back = back == -G_MAXINT ? 0 : back; /* no tap reaches x */
  for (gint64 i = 0; i < stride; i++)
    {
      Part part = part_of (i, length, taps, stride, dilation, before);

      rows = MAX (rows, part.outputs);
      if (part.outputs && part.taps)
        reach = MAX (reach, part.start - part.least + back + part.outputs);
    }
  return (PlaneAxis){ .length = outputs,
                      .step = 1,
                      .before = back,
                      .outputs = rows,
                      .taps = MAX (reach - rows, 0) + 1, /* as if there were one at each place */
                      .dilation = 1 };
}

static Planes
forward_planes (const KolConv2dShape *c, const KolDevice *device)
{
  return planes_of (forward_axis (c->H, c->P, c->R, c->stride_h, c->dilation_h, c->top),
                    forward_axis (c->W, c->Q, c->S, c->stride_w, c->dilation_w, c->left),
                    device->info.vector_width);
}

static Planes
backward_planes (const KolConv2dShape *c, const KolDevice *device)
{
  return planes_of (backward_axis (c->H, c->P, c->R, c->stride_h, c->dilation_h, c->top),
                    backward_axis (c->W, c->Q, c->S, c->stride_w, c->dilation_w, c->left),
                    device->info.vector_width);
}

static Taps
taps_of (const KolConv2dShape *c, gint64 channels)
{
  return (Taps){ .channels = channels,
                 .R = c->R,
                 .S = c->S,
                 .dilation_h = c->dilation_h,
                 .dilation_w = c->dilation_w };
}

static Job
job_of (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  Job job = { .c = c, .pictures = c.N, .groups = c.groups, .parts_h = 1, .parts_w = 1 };

  if (node->op == &kol_conv2d_gradient_x_op)
    {
      job.channels = c.filters;
      job.filters = c.channels;
      job.plane = c.H * c.W;
      job.planes = backward_planes (&c, device);
      job.filter_step = c.R * c.S;
      job.channel_step = c.channels * c.R * c.S;
      job.parts_h = c.stride_h;
      job.parts_w = c.stride_w;
      job.offsets = taps_of (&c, job.channels);
      job.offsets.stride_h = c.stride_h;
      job.offsets.stride_w = c.stride_w;
    }
  else
    {
      job.channels = c.channels;
      job.filters = c.filters;
      job.plane = c.P * c.Q;
      job.planes = forward_planes (&c, device);
      job.filter_step = c.channels * c.R * c.S;
      job.channel_step = c.R * c.S;
      job.offsets = taps_of (&c, job.channels);
    }
  job.taps = job.channels * c.R * c.S;
  job.group_floats = job.channels * job.planes.phases_h * job.planes.phases_w * job.planes.floats;
  job.rows = kol_tile_rows (device, job.filters);
  /* Few rows: more vectors, so that enough sums are under way. */
  job.vectors = job.rows <= (device->info.vector_width == 16 ? 4 : 2) ? 4 : 2;
  job.tiles = kol_divide_up (job.filters, job.rows);
  job.weights = job.groups * job.tiles * job.taps * job.rows;
  return job;
}

/* The planes of as many pictures as a pass takes, slack for the last panel, weights, offsets. */
static Scratch
scratch_of (const Job *job)
{
  gint64 picture = job->groups * job->group_floats;
  Scratch s = { .pictures = CLAMP (PASS_FLOATS / picture, 1, job->pictures) };

  s.weights_at = kol_round_up (s.pictures * picture + 4 * ALIGN, ALIGN);
  s.offset_at = s.weights_at + kol_round_up (job->weights, ALIGN);
  s.end = s.offset_at + job->taps;
  return s;
}

/* Kernels count in ints. */
gboolean
kol_conv2d_gemm_fits (const KolNode *node, const KolDevice *device)
{
  if (!device->simd || device->info.vector_width < 4 || device->info.vector_width > 16)
    return FALSE;
  if (node->op == &kol_conv2d_gradient_w_op)
    return kol_conv2d_gemm_w_scratch (node, device) / sizeof (float) < G_MAXINT;
  return kol_conv2d_gemm_scratch (node, device) / sizeof (float) < G_MAXINT;
}

gsize
kol_conv2d_gemm_scratch (const KolNode *node, const KolDevice *device)
{
  Job job = job_of (node, device);

  return (gsize) scratch_of (&job).end * sizeof (float);
}

/* The weights in tiles; they depend on nothing but the weights. */
gsize
kol_conv2d_gemm_packed (const KolNode *node, guint input, const KolDevice *device)
{
  return input == 1 ? (gsize) job_of (node, device).weights * sizeof (float) : 0;
}

static gboolean
launch_pack (KolLaunch *launch, const Job *job, KolBuffer *to, gint64 to_at, GError **error)
{
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-simd",
                  .kernel = "conv2d_pack",
                  .global = { job->tiles, job->groups, job->parts_h * job->parts_w },
                  .local = { 1, 1, 1 } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[1]), KOL_BUFFER (to), KOL_INT (to_at),
                KOL_INT (job->rows), KOL_INT (job->filters), KOL_INT (job->filter_step),
                KOL_INT (job->channel_step), KOL_INT (job->channels), KOL_INT (job->c.R),
                KOL_INT (job->c.S), KOL_INT (job->c.dilation_h), KOL_INT (job->c.dilation_w),
                KOL_INT (job->parts_h), KOL_INT (job->parts_w)),
      error);
}

gboolean
kol_conv2d_gemm_pack (KolLaunch *launch, const KolNode *node, guint input, GError **error)
{
  Job job = job_of (node, launch->device);

  return launch_pack (launch, &job, launch->packed[input], 0, error);
}

/* How a pass is cut: outputs of a work-item, and its tiles. */
typedef struct {
  gint64 block, blocks;
  gint64 tiles_each, tile_blocks;
} Cut;

/*
 * Long lines of outputs, and all tiles over them, so that the planes are read
 * once; fewer of both where there would be too few work-items.
 */
static Cut
cut_of (const Job *job, gint64 numbers, gint64 pictures, const KolDevice *device)
{
  gint64 panel = job->vectors * (gint64) device->info.vector_width;
  gint64 wanted = items_wanted (device), others = pictures * job->groups;
  Cut cut = { .blocks = kol_divide_up (numbers, STRIP) };

  cut.tile_blocks = CLAMP (kol_divide_up (wanted, cut.blocks * others), 1, job->tiles);
  if (cut.blocks * cut.tile_blocks * others < wanted)
    cut.blocks = kol_divide_up (wanted, cut.tile_blocks * others);
  cut.block = kol_round_up (kol_divide_up (numbers, cut.blocks), panel);
  cut.block = MIN (cut.block, STRIP);
  cut.blocks = kol_divide_up (numbers, cut.block);
  cut.tiles_each = kol_divide_up (job->tiles, cut.tile_blocks);
  cut.tile_blocks = kol_divide_up (job->tiles, cut.tiles_each);
  return cut;
}

/* The outputs of one launch: all of them, or a part's. */
typedef struct {
  gint64 rows, columns;      /* outputs */
  gint64 taps, taps_before;  /* of a channel; in the parts before */
  gint64 start;              /* where the first output's place in the planes is */
  gint64 first, row, column; /* in a plane of the output: the first one, and the distances */
} Outputs;

static Outputs
all_outputs (const Job *job)
{
  const KolConv2dShape *c = &job->c;

  return (Outputs){ .rows = c->P, .columns = c->Q, .taps = c->R * c->S, .row = c->Q, .column = 1 };
}

static Outputs
part_outputs (const Job *job, gint64 i, gint64 j)
{
  const KolConv2dShape *c = &job->c;
  Part h = part_of (i, c->H, c->R, c->stride_h, c->dilation_h, c->top);
  Part w = part_of (j, c->W, c->S, c->stride_w, c->dilation_w, c->left);

  return (Outputs){ .rows = h.outputs,
                    .columns = w.outputs,
                    .taps = h.taps * w.taps,
                    .start = h.start * job->planes.row_length + w.start,
                    .first = h.first * c->W + w.first,
                    .row = c->stride_h * c->W,
                    .column = c->stride_w };
}

static gboolean
launch_tiles (KolLaunch *launch, const Job *job, const Scratch *s, const Outputs *o, gint64 first,
              gint64 pictures, KolBuffer *weights, gint64 weights_at, GError **error)
{
  const Planes *p = &job->planes;
  gint64 numbers = (o->rows - 1) * p->row_length + o->columns;
  Cut cut = cut_of (job, numbers, pictures, launch->device);
  g_autoptr (GString) options = g_string_new (NULL);

  g_string_printf (options, "-D ROWS=%u -D VECTORS=%u -D STRIP=%d -D APART=%d", job->rows,
                   job->vectors, STRIP, job->parts_h * job->parts_w > 1);
  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-simd",
                  .kernel = "conv2d_tiles",
                  .options = options->str,
                  .global = { cut.blocks, cut.tile_blocks, pictures * job->groups },
                  .local = { 1, 1, 1 } },
      KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_BUFFER (weights), KOL_BUFFER (launch->scratch),
                KOL_BUFFER (launch->outputs[0]), KOL_BUFFER (launch->epilogue.bias),
                KOL_BUFFER (launch->epilogue.residual),
                KOL_INT (weights_at
                         + job->groups * job->tiles * job->rows * job->channels * o->taps_before),
                KOL_INT (s->offset_at + job->channels * o->taps_before), KOL_INT (o->start),
                KOL_INT (first), KOL_INT (job->groups), KOL_INT (job->group_floats),
                KOL_INT (job->filters), KOL_INT (job->channels * o->taps), KOL_INT (job->tiles),
                KOL_INT (cut.tiles_each), KOL_INT (numbers), KOL_INT (cut.block),
                KOL_INT (p->row_length), KOL_INT (o->columns), KOL_INT (job->plane),
                KOL_INT (o->first), KOL_INT (o->row), KOL_INT (o->column)),
      error);
}

/* The outputs of some pictures: at once, or part by part, as the weights are packed. */
static gboolean
launch_outputs (KolLaunch *launch, const Job *job, const Scratch *s, gint64 first, gint64 pictures,
                KolBuffer *weights, gint64 weights_at, GError **error)
{
  gint64 taps_before = 0;

  if (!job->offsets.stride_h)
    {
      Outputs all = all_outputs (job);

      return launch_tiles (launch, job, s, &all, first, pictures, weights, weights_at, error);
    }
  for (gint64 i = 0; i < job->parts_h; i++)
    for (gint64 j = 0; j < job->parts_w; j++)
      {
        Outputs part = part_outputs (job, i, j);

        part.taps_before = taps_before;
        taps_before += part.taps;
        if (part.rows && part.columns
            && !launch_tiles (launch, job, s, &part, first, pictures, weights, weights_at, error))
          return FALSE;
      }
  return TRUE;
}

/* Packs the weights, unless they are kept packed; then pass by pass: planes, tiles over them. */
gboolean
kol_conv2d_gemm_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  Job job = job_of (node, launch->device);
  Scratch s = scratch_of (&job);
  KolBuffer *packed = launch->packed ? launch->packed[1] : NULL;
  gint64 channels = job.groups * job.channels;

  if (!packed && !launch_pack (launch, &job, launch->scratch, s.weights_at, error))
    return FALSE;
  for (gint64 first = 0; first < job.pictures; first += s.pictures)
    {
      gint64 pictures = MIN (s.pictures, job.pictures - first);

      if (!launch_planes (launch, &job.planes, launch->inputs[0], first * channels,
                          pictures * channels, 0, s.offset_at, &job.offsets, error)
          || !launch_outputs (launch, &job, &s, first, pictures, packed ? packed : launch->scratch,
                              packed ? 0 : s.weights_at, error))
        return FALSE;
    }
  return TRUE;
}

/* ── Gradient to w ──────────────────────────────────────────────────────────────────────────── */

typedef struct {
  KolConv2dShape c;
  Planes x;                       /* as for the convolution */
  Planes dy;                      /* one plane per filter: lines with zeros in the gaps */
  gint64 taps;                    /* of all channels of a group */
  gint64 picture_floats;          /* of x's planes */
  guint rows, columns;            /* filters and taps of a register tile */
  gint64 segment, per_picture;    /* outputs of a segment; segments of a picture */
  gint64 per_visit, chunks;       /* segments between additions to a sum; parallel sums */
  gint64 tiles_each, tile_blocks; /* register tiles of filters, per work-item and of them */
} WeightJob;

/* dy, copied so that output number j lies at j. */
static Planes
line_planes (const KolConv2dShape *c, gint64 row_length, const KolDevice *device)
{
  Planes planes = { .phases_h = 1, .phases_w = 1, .rows = c->P, .row_length = row_length };

  planes.h = forward_axis (c->P, c->P, 1, 1, 1, 0);
  planes.w = forward_axis (c->Q, c->Q, 1, 1, 1, 0);
  planes.numbers = (c->P - 1) * row_length + c->Q;
  planes.floats = kol_round_up (planes.numbers, device->info.vector_width);
  return planes;
}

static Scratch
weight_scratch_of (const WeightJob *job)
{
  gint64 picture = job->picture_floats + job->c.K * job->dy.floats;
  Scratch s = { .pictures = CLAMP (PASS_FLOATS / picture, 1, job->c.N) };

  s.rows_at = kol_round_up (s.pictures * job->picture_floats, ALIGN);
  s.offset_at = s.rows_at + kol_round_up (s.pictures * job->c.K * job->dy.floats, ALIGN);
  s.partial_at = s.offset_at + kol_round_up (job->taps, ALIGN);
  s.end = s.partial_at + (job->chunks > 1 ? job->chunks * job->c.K * job->taps : 0);
  return s;
}

/* Registers: rows x columns sums, the rows' operands and one more; see kol_tile_rows(). */
static void
choose_register_tile (WeightJob *job, const KolDevice *device)
{
  gboolean wide = device->info.vector_width >= 16;

  job->rows = job->c.filters >= 3 ? 4 : (guint) job->c.filters;
  job->columns = wide ? 6 : job->rows == 4 ? 2 : job->rows == 2 ? 4 : 6;
}

/*
 * A visit should stay in the cache, yet be long enough that the sums over
 * vectors at its end do not matter. The batch is cut into parallel chunks as far
 * as memory for their partial sums allows, the filters where that is too few.
 */
static void
cut_weight_job (WeightJob *job, const KolDevice *device)
{
  gint64 wanted = items_wanted (device), segments, tiles, per_segment;
  Scratch s;

  job->per_picture = kol_divide_up (job->dy.floats, SEGMENT);
  job->segment
      = kol_round_up (kol_divide_up (job->dy.floats, job->per_picture), device->info.vector_width);
  job->per_picture = kol_divide_up (job->dy.floats, job->segment);
  per_segment
      = (job->picture_floats + job->c.K * job->dy.floats) / (job->c.groups * job->per_picture);
  job->per_visit = MAX (VISIT_FLOATS / MAX (per_segment, 1), kol_divide_up (1024, job->segment));

  s = weight_scratch_of (job); /* chunks are not needed for the pictures of a pass */
  segments = s.pictures * job->per_picture;
  job->per_visit = MIN (job->per_visit, segments);
  job->chunks = CLAMP (PARTIAL_FLOATS / (job->c.K * job->taps), 1, wanted);
  job->chunks = MIN (job->chunks, kol_divide_up (segments, job->per_visit));
  tiles = kol_divide_up (job->c.filters, job->rows);
  job->tile_blocks = CLAMP (kol_divide_up (wanted, job->chunks * job->c.groups), 1, tiles);
  if (job->chunks * job->tile_blocks * job->c.groups < wanted) /* few filters: shorter visits */
    {
      job->chunks = MIN (kol_divide_up (wanted, job->tile_blocks * job->c.groups), segments);
      job->chunks = MIN (job->chunks, MAX (PARTIAL_FLOATS / (job->c.K * job->taps), 1));
    }
  job->chunks
      = kol_divide_up (segments, kol_divide_up (segments, job->chunks)); /* none of them empty */
  job->tiles_each = kol_divide_up (tiles, job->tile_blocks);
  job->tile_blocks = kol_divide_up (tiles, job->tiles_each);
}

static WeightJob
weight_job_of (const KolNode *node, const KolDevice *device)
{
  WeightJob job = { .c = kol_conv2d_shape_of (node) };

  job.taps = job.c.channels * job.c.R * job.c.S;
  job.x = forward_planes (&job.c, device);
  job.dy = line_planes (&job.c, job.x.row_length, device);
  job.picture_floats = job.c.C * job.x.phases_h * job.x.phases_w * job.x.floats;
  choose_register_tile (&job, device);
  cut_weight_job (&job, device);
  return job;
}

gsize
kol_conv2d_gemm_w_scratch (const KolNode *node, const KolDevice *device)
{
  WeightJob job = weight_job_of (node, device);

  return (gsize) weight_scratch_of (&job).end * sizeof (float);
}

/* Adds the pictures of one pass to the partial sums, or starts them. */
static gboolean
launch_weights (KolLaunch *launch, const WeightJob *job, const Scratch *s, gboolean add,
                gint64 pictures, GError **error)
{
  gboolean direct = job->chunks == 1;
  gint64 segments = pictures * job->per_picture;
  g_autofree char *options = g_strdup_printf ("-D ROWS=%u -D TAPS=%u", job->rows, job->columns);

  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-simd",
                  .kernel = "conv2d_weights",
                  .options = options,
                  .global = { job->chunks, job->tile_blocks, job->c.groups },
                  .local = { 1, 1, 1 } },
      KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_BUFFER (launch->scratch),
                KOL_BUFFER (launch->scratch),
                KOL_BUFFER (direct ? launch->outputs[0] : launch->scratch), KOL_INT (s->rows_at),
                KOL_INT (s->offset_at), KOL_INT (direct ? 0 : s->partial_at), KOL_INT (add),
                KOL_INT (job->c.groups), KOL_INT (job->picture_floats / job->c.groups),
                KOL_INT (job->c.filters), KOL_INT (job->taps), KOL_INT (job->tiles_each),
                KOL_INT (job->dy.floats), KOL_INT (job->segment), KOL_INT (job->per_picture),
                KOL_INT (segments), KOL_INT (kol_divide_up (segments, job->chunks)),
                KOL_INT (job->per_visit)),
      error);
}

gboolean
kol_conv2d_gemm_w_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  WeightJob job = weight_job_of (node, launch->device);
  Scratch s = weight_scratch_of (&job);
  const KolConv2dShape *c = &job.c;
  Taps taps = taps_of (c, c->channels), none = { 0 };
  gint64 weights = c->K * job.taps;
  KolStrips strips = kol_strips (launch->device, (gsize) weights, 1024);

  for (gint64 first = 0; first < c->N; first += s.pictures)
    {
      gint64 pictures = MIN (s.pictures, c->N - first);

      if (!launch_planes (launch, &job.x, launch->inputs[0], first * c->C, pictures * c->C, 0,
                          s.offset_at, &taps, error)
          || !launch_planes (launch, &job.dy, launch->inputs[1], first * c->K, pictures * c->K,
                             s.rows_at, 0, &none, error)
          || !launch_weights (launch, &job, &s, first > 0, pictures, error))
        return FALSE;
    }
  if (job.chunks == 1)
    return TRUE;
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d-simd",
                                       .kernel = "conv2d_total",
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_BUFFER (launch->outputs[0]),
                                     KOL_INT (s.partial_at), KOL_INT (weights),
                                     KOL_INT (job.chunks), KOL_INT (strips.each)),
                           error);
}
