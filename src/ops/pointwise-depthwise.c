/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * pointwise_depthwise: a convolution with 1x1 filters, a function of each element, and
 * behind it a convolution whose filters see one channel each, as one operation, which
 * plans make of the two (see graph/pair.c): the expansion and the filtering of an
 * inverted residual (Sandler et al., "MobileNetV2", CVPR 2018).
 *
 *     z[n, k, h, w] = f (b[k] + sum_c x[n, c, h, w] v[k, c])
 *     y[n, k, p, q] = sum_{r, s} z[n, k, p S + r - top, q S + s - left] w[k, r, s]
 *
 * Inputs: x [N, C, H, W], v [K, C, 1, 1], w [K, 1, R, S] and, where there is one, b [K].
 */

#include <string.h>

#include "conv2d-private.h"
#include "product-private.h"

#define RING 8192    /* floats of local memory, which are to stay in the first cache level */
#define MOST_TAPS 49 /* they are unrolled */
#define MOST_TILE 7  /* places of y */
#define PARTS_PER_UNIT 4
#define WASTE 1.25 /* how much longer one unit may work than all would, with nothing idle */

extern const KolOp *const kol_pointwise_depthwise_ops[];

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

static KolShape
shape_between (const KolNode *node)
{
  KolShape z = node->inputs[0]->shape;

  z.dim[1] = node->inputs[1]->shape.dim[0];
  return z;
}

/* The second convolution. */
static KolConv2dShape
depthwise_of (const KolNode *node)
{
  const KolPointwiseDepthwise *attributes = node->attributes;
  KolConv2d how = attributes->how;
  KolShape z = shape_between (node);

  how.groups = (int) z.dim[1];
  return kol_conv2d_resolve (&how, &z, &node->inputs[2]->shape);
}

static gboolean
infer (KolNode *node, GError **error)
{
  const KolShape *x = &node->inputs[0]->shape, *v = &node->inputs[1]->shape;
  const KolShape *w = &node->inputs[2]->shape;
  KolConv2dShape c;

  if (x->rank != 4 || v->rank != 4 || w->rank != 4 || v->dim[1] != x->dim[1]
      || v->dim[2] * v->dim[3] != 1 || w->dim[0] != v->dim[0] || w->dim[1] != 1
      || (node->n_inputs > 3 && kol_count (node->inputs[3]) != v->dim[0]))
    return kol_infer_fail (error, "pointwise_depthwise of %s with %s and %s", kol_shape_text (x),
                           kol_shape_text (v), kol_shape_text (w));
  c = depthwise_of (node);
  if (c.P < 1 || c.Q < 1)
    return kol_infer_fail (error, "pointwise_depthwise: filters %s are larger than %s",
                           kol_shape_text (w), kol_shape_text (x));
  node->outputs[0].shape = KOL_SHAPE (c.N, c.K, c.P, c.Q);
  return TRUE;
}

static double
flops (const KolNode *node)
{
  KolConv2dShape c = depthwise_of (node);
  double channels = (double) node->inputs[0]->shape.dim[1];

  return 2 * (double) (c.N * c.K)
         * ((double) (c.H * c.W) * channels + (double) (c.P * c.Q * c.R * c.S));
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

/* z = f (z), by the operation that says what f is. */
static void
reference_between (const KolPointwiseDepthwise *attributes, KolShape shape, double *z)
{
  KolValue value = { .shape = shape }, *input = &value;
  KolNode node = { .n_inputs = 1,
                   .inputs = &input,
                   .n_outputs = 1,
                   .outputs = &value,
                   .attributes = attributes->numbers };

  if (attributes->between)
    {
      node.op = kol_op_find (attributes->between);
      node.op->reference (&node, (const double *const *) &z, &z);
    }
}

static void
reference (const KolNode *node, const double *const *x, double *const *y)
{
  KolConv2dShape c = depthwise_of (node);
  gint64 channels = node->inputs[0]->shape.dim[1], plane = c.H * c.W;
  KolShape shape = shape_between (node);
  g_autofree double *z = g_new (double, kol_shape_count (&shape));

  for (gint64 i = 0; i < c.N * c.K * plane; i++)
    {
      gint64 n = i / (c.K * plane), k = i / plane % c.K;

      z[i] = node->n_inputs > 3 ? x[3][k] : 0;
      for (gint64 from = 0; from < channels; from++)
        z[i] += x[0][(n * channels + from) * plane + i % plane] * x[1][k * channels + from];
    }
  reference_between (node->attributes, shape, z);
  for (gint64 i = 0; i < c.N * c.K * c.P * c.Q; i++)
    {
      gint64 of = i / (c.P * c.Q), h0 = i / c.Q % c.P * c.stride_h - c.top;
      gint64 w0 = i % c.Q * c.stride_w - c.left;

      for (gint64 h = MAX (h0, 0); h < MIN (c.H, h0 + c.R); h++)
        for (gint64 w = MAX (w0, 0); w < MIN (c.W, w0 + c.S); w++)
          y[0][i] += z[(of * c.H + h) * c.W + w] * x[2][(of % c.K * c.R + h - h0) * c.S + w - w0];
    }
}

/* ── Options ────────────────────────────────────────────────────────────────────────────────── */

static void
append_between (const KolNode *node, GString *options)
{
  const KolPointwiseDepthwise *attributes = node->attributes;
  const KolOp *op = attributes->between ? kol_op_find (attributes->between) : NULL;
  g_autofree char *text
      = op ? kol_formula (op->formula, (const char *const[]){ "a" }, attributes->numbers) : NULL;

  g_string_append_printf (options, " -D BETWEEN=%s", text ? text : "a");
  if (node->n_inputs > 3)
    g_string_append (options, " -D BIAS=1");
}

/* ── Plain ──────────────────────────────────────────────────────────────────────────────────── */

static gboolean
plain_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolConv2dShape c = depthwise_of (node);
  g_autoptr (GString) options = g_string_new (NULL);

  append_between (node, options);
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "pointwise-depthwise",
                                       .kernel = "pointwise_depthwise",
                                       .options = options->str,
                                       .global = { c.P * c.Q, c.K, c.N } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                     KOL_BUFFER (launch->inputs[2]),
                                     KOL_BUFFER (node->n_inputs > 3 ? launch->inputs[3] : NULL),
                                     KOL_BUFFER (launch->outputs[0]),
                                     KOL_INT (node->inputs[0]->shape.dim[1]), KOL_INT (c.K),
                                     KOL_INT (c.H), KOL_INT (c.W), KOL_INT (c.P), KOL_INT (c.Q),
                                     KOL_INT (c.R), KOL_INT (c.S), KOL_INT (c.stride_h),
                                     KOL_INT (c.stride_w), KOL_INT (c.top), KOL_INT (c.left)),
                           error);
}

/* ── In blocks of channels ──────────────────────────────────────────────────────────────────── */

typedef struct {
  KolConv2dShape c;
  gint64 channels, width; /* of x; of a block */
  gint64 vectors, tiles;  /* blocks that are computed together, and how often that makes all */
  gint64 tiles_each;      /* of an item */
  gint64 strips, across, columns;
  gint64 rows; /* of z that are kept */
  gboolean whole;
  gint64 wide, tile;
  gint64 each, parts; /* rows of an item */
} Job;

/* All of z, if there is room; else the fewest strips whose rows have room. */
static gboolean
choose_strips (Job *job)
{
  const KolConv2dShape *c = &job->c;

  job->strips = 1;
  job->across = c->Q;
  job->columns = MAX ((c->Q - 1) * c->stride_w + c->S, c->left + c->W);
  job->rows = c->H;
  job->whole = job->vectors * c->H * job->columns * job->width <= RING;
  if (job->whole)
    return TRUE;
  job->rows = c->R;
  for (job->strips = 1; job->strips <= c->Q; job->strips++)
    {
      job->across = kol_divide_up (c->Q, job->strips);
      job->columns = (job->across - 1) * c->stride_w + c->S;
      if (job->vectors * c->R * job->columns * job->width <= RING)
        {
          job->strips = kol_divide_up (c->Q, job->across);
          return TRUE;
        }
    }
  return FALSE;
}

/* How many rows of z the rows of y from @begin to @end need. */
static gint64
rows_needed (const KolConv2dShape *c, gint64 begin, gint64 end)
{
  return MIN (c->H, (end - 1) * c->stride_h - c->top + c->R)
         - MAX (begin * c->stride_h - c->top, 0);
}

/* The fewest places of z that are computed one behind the other. */
static gint64
least_places (const Job *job)
{
  gint64 least = G_MAXINT64;

  if (job->whole)
    {
      for (gint64 begin = 0; begin < job->c.P; begin += job->each)
        least = MIN (least, rows_needed (&job->c, begin, MIN (job->c.P, begin + job->each)));
      return least * job->c.W;
    }
  for (gint64 strip = 0; strip < job->strips; strip++)
    {
      gint64 q0 = MIN (strip * job->across, job->c.Q - job->across);
      gint64 w0 = q0 * job->c.stride_w - job->c.left;

      least = MIN (least, MIN (job->c.W, w0 + job->columns) - MAX (w0, 0));
    }
  return least;
}

/* The time of an item that has @each rows, in multiplications of a place. */
static double
cost_of_rows (const Job *job, gint64 each)
{
  const KolConv2dShape *c = &job->c;
  gint64 rows = MIN ((each - 1) * c->stride_h + c->R, c->H);

  return (double) rows * (double) (job->strips * MIN (job->columns, c->W)) * (double) job->channels
         + (double) (each * c->Q * c->R * c->S);
}

/* Cuts rows where the blocks of filters alone leave units idle; FALSE: that is no good, either. */
static gboolean
choose_parts (Job *job, gint64 units)
{
  double least = G_MAXDOUBLE, all = cost_of_rows (job, job->c.P);
  gint64 planes = job->c.N * job->tiles;

  for (gint64 parts = 1; parts <= MIN (job->c.P, 4 * units); parts++)
    {
      gint64 each = kol_divide_up (job->c.P, parts);
      double cost = (double) kol_divide_up (planes * kol_divide_up (job->c.P, each), units)
                    * cost_of_rows (job, each);

      if (cost < least)
        {
          least = cost;
          job->each = each;
        }
    }
  job->parts = kol_divide_up (job->c.P, job->each);
  return least <= WASTE * all * (double) planes / (double) units;
}

/* Cuts tiles into items so that all units are busy to the end; a few for each, as one may be slow.
 */
static void
choose_tiles_each (Job *job, gint64 units)
{
  gint64 others = job->c.N * job->parts, least = G_MAXINT64;

  for (gint64 items = 1; items <= MIN (job->tiles, PARTS_PER_UNIT * units); items++)
    {
      gint64 each = kol_divide_up (job->tiles, items);
      gint64 cost = kol_divide_up (others * kol_divide_up (job->tiles, each), units) * each;

      if (cost <= least)
        {
          least = cost;
          job->tiles_each = each;
        }
    }
}

static gboolean
job_init (Job *job, const KolNode *node, const KolDevice *device)
{
  gint64 blocks, least, width = device->info.vector_width;

  *job = (Job){ .c = depthwise_of (node),
                .channels = node->inputs[0]->shape.dim[1],
                .width = width };
  blocks = kol_divide_up (job->c.K, width);
  /* Registers, as in conv2d-blocked.c: 16 hold a tile only if it has two or three blocks. */
  job->vectors = blocks % 2 == 0 ? 2 : blocks % 3 == 0 ? 3 : 1;
  if (width >= 16 && !(job->vectors == 2 && kol_conv2d_tile (job->c.W, 14) <= 7))
    job->vectors = 1;
  job->tiles = blocks / job->vectors;
  if (!choose_strips (job) || !choose_parts (job, device->info.compute_units)
      || (least = least_places (job)) < 1)
    return FALSE;
  job->wide = kol_conv2d_tile (least, (width >= 16 ? 14 : 12) / (guint) job->vectors);
  job->tile = kol_conv2d_tile (job->across, MOST_TILE);
  choose_tiles_each (job, device->info.compute_units);
  return TRUE;
}

static KolBlocks
blocks (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = depthwise_of (node);
  const double most = G_MAXINT, widest = 16;
  double filters = (double) c.K + widest;
  Job job;

  if (c.dilation_h != 1 || c.dilation_w != 1 || c.R * c.S > MOST_TAPS || c.top < 0 || c.left < 0
      || filters * (double) MAX (node->inputs[0]->shape.dim[1], c.R * c.S) >= most
      || (double) c.N * filters * (double) (c.P * c.Q) >= most)
    return KOL_BLOCKS_NOT;
  return job_init (&job, node, device) ? KOL_BLOCKS_TOGETHER : KOL_BLOCKS_NOT;
}

static gsize
packed (const KolNode *node, guint input, const KolDevice *device)
{
  const KolShape *w = &node->inputs[input]->shape;

  if (input != 1 && input != 2)
    return 0;
  return (gsize) (kol_round_up (w->dim[0], device->info.vector_width) * w->dim[1] * w->dim[2]
                  * w->dim[3])
         * sizeof (float);
}

static gsize
scratch (const KolNode *node, const KolDevice *device)
{
  return packed (node, 1, device) + packed (node, 2, device);
}

static gsize
scratch_kept (const KolNode *node, const KolDevice *device)
{
  return 0;
}

static gboolean
pack_to (KolLaunch *launch, const KolNode *node, guint input, KolBuffer *to, gsize at,
         GError **error)
{
  const KolShape *w = &node->inputs[input]->shape;

  return kol_conv2d_blocked_pack (launch, input, w,
                                  kol_divide_up (w->dim[0], launch->device->info.vector_width), to,
                                  at, error);
}

static gboolean
pack (KolLaunch *launch, const KolNode *node, guint input, GError **error)
{
  return pack_to (launch, node, input, launch->packed[input], 0, error);
}

/* Weights that are not kept packed go to scratch. */
static gboolean
find_weights (KolLaunch *launch, const KolNode *node, guint input, KolBuffer **w, gsize *at,
              GError **error)
{
  *w = launch->packed ? launch->packed[input] : NULL;
  *at = 0;
  if (*w)
    return TRUE;
  *w = launch->scratch;
  *at = input == 1 ? 0 : packed (node, 1, launch->device) / sizeof (float);
  return pack_to (launch, node, input, *w, *at, error);
}

static gboolean
blocked_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  g_autoptr (GString) options = g_string_new (NULL);
  KolBuffer *v, *w;
  gsize v_at, w_at;
  Job job;

  job_init (&job, node, launch->device);
  if (!find_weights (launch, node, 1, &v, &v_at, error)
      || !find_weights (launch, node, 2, &w, &w_at, error))
    return FALSE;
  g_string_printf (options,
                   "-D R=%d -D S=%d -D STRIDE_H=%d -D STRIDE_W=%d -D VECTORS=%d -D WIDE=%d "
                   "-D TILE=%d -D COLUMNS=%d -D ROWS=%d%s",
                   (int) job.c.R, (int) job.c.S, (int) job.c.stride_h, (int) job.c.stride_w,
                   (int) job.vectors, (int) job.wide, (int) job.tile, (int) job.columns,
                   (int) job.rows, job.whole ? " -D WHOLE=1" : "");
  append_between (node, options);
  kol_epilogue_append_options (&launch->epilogue, options);
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "pointwise-depthwise-simd",
                  .kernel = "pointwise_depthwise_blocked",
                  .options = options->str,
                  .global = { job.parts, kol_divide_up (job.tiles, job.tiles_each), job.c.N },
                  .local = { 1, 1, 1 } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (v), KOL_BUFFER (w),
                KOL_BUFFER (node->n_inputs > 3 ? launch->inputs[3] : NULL),
                KOL_BUFFER (launch->outputs[0]), KOL_BUFFER (launch->epilogue.bias),
                KOL_BUFFER (launch->epilogue.residual), KOL_INT (v_at), KOL_INT (w_at),
                KOL_INT (job.channels), KOL_INT (job.c.K), KOL_INT (job.c.H), KOL_INT (job.c.W),
                KOL_INT (job.c.P), KOL_INT (job.c.Q), KOL_INT (job.c.top), KOL_INT (job.c.left),
                KOL_INT (job.each), KOL_INT (job.strips), KOL_INT (job.tiles),
                KOL_INT (job.tiles_each)),
      error);
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

/* clang-format off */
#define HOW(...) { __VA_ARGS__ }
#define CASE(label, x, v, w, what, ...) \
  { label, 3, { KOL_SHAPE x, KOL_SHAPE v, KOL_SHAPE w }, \
    &(const KolPointwiseDepthwise) { .how = what, __VA_ARGS__ } }
#define CASE_BIAS(label, x, v, w, b, what, ...) \
  { label, 4, { KOL_SHAPE x, KOL_SHAPE v, KOL_SHAPE w, KOL_SHAPE (b) }, \
    &(const KolPointwiseDepthwise) { .how = what, __VA_ARGS__ } }
/* clang-format on */

static const KolCase cases[] = {
  CASE ("1", (1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), HOW ()),
  CASE ("3x3", (1, 5, 7, 9), (32, 5, 1, 1), (32, 1, 3, 3), HOW (.pad = 1), .between = "relu"),
  CASE_BIAS ("bias", (2, 19, 5, 8), (24, 19, 1, 1), (24, 1, 3, 3), 24, HOW (.padding = KOL_SAME),
             .between = "clip", .numbers = { -0.5f, 1 }),
  CASE_BIAS ("stride-2", (1, 16, 11, 14), (37, 16, 1, 1), (37, 1, 3, 3), 37,
             HOW (.stride = 2, .padding = KOL_SAME), .between = "relu"),
  CASE_BIAS ("5x5", (1, 9, 8, 14), (40, 9, 1, 1), (40, 1, 5, 5), 40, HOW (.padding = KOL_SAME),
             .between = "sigmoid"),
  CASE ("5x5-stride-2", (2, 7, 12, 15), (16, 7, 1, 1), (16, 1, 5, 5),
        HOW (.stride = 2, .padding = KOL_SAME)),
  CASE ("no-padding", (1, 8, 9, 6), (64, 8, 1, 1), (64, 1, 3, 2), HOW (), .between = "relu"),
  CASE ("strips", (1, 2, 4, 301), (17, 2, 1, 1), (17, 1, 3, 5),
        HOW (.stride = 1, .stride_w = 2, .pad = 2), .between = "relu"),
  CASE_BIAS ("tall", (1, 4, 67, 3), (16, 4, 1, 1), (16, 1, 3, 3), 16, HOW (.pad = 1),
             .between = "relu"),
  { 0 },
};

/* ── The operation ──────────────────────────────────────────────────────────────────────────── */

static const KolOp pointwise_depthwise_op = {
  .name = "pointwise_depthwise",
  .attributes = sizeof (KolPointwiseDepthwise),
  .channels_first = TRUE,
  .infer = infer,
  .reference = reference,
  .cases = cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = plain_launch }, { 0 } },
  .blocks = blocks,
  .blocked = &(const KolVariant){ .name = "blocked",
                                  .absorbs = KOL_BIAS | KOL_RESIDUAL | KOL_UNARY,
                                  .scratch = scratch,
                                  .scratch_kept = scratch_kept,
                                  .packed = packed,
                                  .pack = pack,
                                  .launch = blocked_launch },
  .flops = flops,
};

/* A 1x1 convolution as @before, and @node of its result, whose filters see one channel each. */
const KolOp *
kol_conv2d_pair (const KolNode *before, const KolNode *between, const KolNode *node,
                 gpointer *attributes)
{
  KolConv2dShape first, second;
  KolPointwiseDepthwise *made;

  if (before->op != &kol_conv2d_op || (between && between->n_inputs != 1))
    return NULL;
  first = kol_conv2d_shape_of (before);
  second = kol_conv2d_shape_of (node);
  if (first.groups != 1 || first.R * first.S != 1 || first.stride_h * first.stride_w != 1
      || first.P != first.H || first.Q != first.W || first.top || first.left
      || second.groups != second.K || second.channels != 1)
    return NULL;
  made = g_new0 (KolPointwiseDepthwise, 1);
  made->how = ((const KolConv2dAttributes *) node->attributes)->how;
  if (between)
    {
      made->between = between->op->name;
      if (between->op->attributes)
        memcpy (made->numbers, between->attributes,
                MIN (between->op->attributes, sizeof made->numbers));
    }
  *attributes = made;
  return &pointwise_depthwise_op;
}

const KolOp *const kol_pointwise_depthwise_ops[] = { &pointwise_depthwise_op, NULL };
