/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The largest element of each window, and where in its plane it is: the gradient
 * goes there. Each element of x looks for itself in the windows that cover it, so
 * that nothing is added to by two work-items.
 */

#include <math.h>

#include "ops/pool-private.h"

#define LARGEST_INDEX (1 << 24) /* whole numbers above are not all floats */

static const KolOp max_pool_op, gradient_op, pick_op;

/* ── Forward ────────────────────────────────────────────────────────────────────────────────── */

static gboolean
max_pool_infer (KolNode *node, GError **error)
{
  const KolShape *x = &node->inputs[0]->shape;

  if (!kol_pool_infer (node, error))
    return FALSE;
  if (x->dim[2] * x->dim[3] > LARGEST_INDEX)
    return kol_infer_fail (error,
                           "%s has planes of more than %d elements, to be pooled to %s; an index "
                           "would not be exact",
                           kol_shape_text (x), LARGEST_INDEX,
                           kol_shape_text (&node->outputs[0].shape));
  return TRUE;
}

static gboolean
max_pool_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolPoolGeometry g = kol_pool_geometry (&node->inputs[0]->shape, node->attributes);
  KolBuffer *buffers[] = { launch->inputs[0], launch->outputs[0], launch->outputs[1] };

  return kol_pool_launch (launch, &g, "pool_forward",
                          buffers[2] ? "-DMAXIMUM=1 -DINDEX=1" : "-DMAXIMUM=1 -DINDEX=0", buffers,
                          g.P, g.Q, error);
}

#define MOST_BLOCKED 49 /* elements of a window, which are unrolled */

static KolBlocks
max_pool_blocks (const KolNode *node, const KolDevice *device)
{
  KolPoolGeometry g = kol_pool_geometry (&node->inputs[0]->shape, node->attributes);
  const KolShape *x = &node->inputs[0]->shape;

  if (g.adaptive || g.size * g.size_w > MOST_BLOCKED
      || x->dim[0] * kol_round_up (x->dim[1], 16) * g.H * g.W >= G_MAXINT)
    return KOL_BLOCKS_NOT;
  return KOL_BLOCKS_TOGETHER;
}

static gboolean
max_pool_blocked_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolShape *x = &node->inputs[0]->shape;
  KolPoolGeometry g = kol_pool_geometry (x, node->attributes);
  gint64 planes = x->dim[0] * kol_divide_up (x->dim[1], launch->device->info.vector_width);
  KolStrips strips = kol_strips (launch->device, (gsize) (planes * g.P), 1);
  g_autofree char *options
      = g_strdup_printf ("-D POOL=1 -D R=%d -D S=%d", (int) g.size, (int) g.size_w);

  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d-blocked-simd",
                  .kernel = "max_pool_blocked",
                  .options = options,
                  .global = { strips.items },
                  .local = { 1 } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->outputs[0]), KOL_INT (planes),
                KOL_INT (g.H), KOL_INT (g.W), KOL_INT (g.P), KOL_INT (g.Q), KOL_INT (g.stride),
                KOL_INT (g.stride_w), KOL_INT (g.top), KOL_INT (g.left), KOL_INT (strips.each)),
      error);
}

/* The first of the largest of a window, or the first NaN. */
static void
largest_of_window (const KolPoolGeometry *g, const double *plane, gint64 p, gint64 q, double *value,
                   double *index)
{
  KolPoolWindow rows = kol_pool_rows (g, p), columns = kol_pool_columns (g, q);

  *value = plane[rows.begin * g->W + columns.begin];
  *index = (double) (rows.begin * g->W + columns.begin);
  for (gint64 h = rows.begin; h < rows.end; h++)
    for (gint64 w = columns.begin; w < columns.end; w++)
      {
        double v = plane[h * g->W + w];

        if (v > *value || (isnan (v) && !isnan (*value)))
          {
            *value = v;
            *index = (double) (h * g->W + w);
          }
      }
}

static void
max_pool_reference (const KolNode *node, const double *const *x, double *const *y)
{
  KolPoolGeometry g = kol_pool_geometry (&node->inputs[0]->shape, node->attributes);

  for (gint64 i = 0; i < g.planes * g.P * g.Q; i++)
    largest_of_window (&g, x[0] + i / (g.P * g.Q) * g.H * g.W, i / g.Q % g.P, i % g.Q, &y[0][i],
                       &y[1][i]);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

/*
 * Two operations, each the other's gradient. Both take the index of the forward:
 *   max_pool_gradient (dy, index) -> dx: the sum of dy where the index is the element
 *   max_pool_pick (x, index)      -> y: the elements of x where the index is
 * An index that its window does not cover counts for nothing; the forward gives none.
 */

static void
max_pool_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  KolPoolAttributes attributes = *(const KolPoolAttributes *) node->attributes;

  attributes.shape = node->inputs[0]->shape;
  if (dy[0])
    dx[0] = KOL_NODE (&gradient_op, &attributes, dy[0], kol_output (&node->outputs[0], 1));
}

KolValue *
kol_max_pool_gradient_through (KolValue *dx, KolValue *x,
                               KolValue *(*function) (KolValue *dy, KolValue *y))
{
  KolNode *node = dx->node, *pool;

  if (kol_value_failed (dx) || kol_value_failed (x) || node->op != &gradient_op)
    return NULL;
  pool = node->inputs[1]->node;
  if (pool->op != &max_pool_op || pool->inputs[0] != x)
    return NULL;
  return KOL_NODE (&gradient_op, node->attributes, function (node->inputs[0], &pool->outputs[0]),
                   node->inputs[1]);
}

static gboolean
gradient_infer (KolNode *node, GError **error)
{
  const KolPoolAttributes *attributes = node->attributes;

  node->outputs[0].shape = attributes->shape;
  return TRUE;
}

static gboolean
pick_infer (KolNode *node, GError **error)
{
  node->outputs[0].shape = node->inputs[1]->shape;
  return TRUE;
}

static void
gradient_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = KOL_NODE (&pick_op, node->attributes, dy[0], node->inputs[1]);
}

static void
pick_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[0] = KOL_NODE (&gradient_op, node->attributes, dy[0], node->inputs[1]);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolPoolAttributes *attributes = node->attributes;
  KolPoolGeometry g = kol_pool_geometry (&attributes->shape, attributes);
  KolBuffer *buffers[] = { launch->inputs[0], launch->inputs[1], launch->outputs[0] };

  return kol_pool_launch (launch, &g, "pool_gradient_x", "-DMAXIMUM=1 -DINDEX=1", buffers, g.H, g.W,
                          error);
}

static gboolean
pick_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolPoolAttributes *attributes = node->attributes;
  KolPoolGeometry g = kol_pool_geometry (&attributes->shape, attributes);
  KolBuffer *buffers[] = { launch->inputs[0], launch->inputs[1], launch->outputs[0] };

  return kol_pool_launch (launch, &g, "pool_pick", "-DMAXIMUM=1 -DINDEX=1", buffers, g.P, g.Q,
                          error);
}

/* Whether the window of the output @output, counted over all planes, covers @index. */
static gboolean
window_covers (const KolPoolGeometry *g, gint64 output, gint64 index)
{
  KolPoolWindow rows = kol_pool_rows (g, output / g->Q % g->P);
  KolPoolWindow columns = kol_pool_columns (g, output % g->Q);
  gint64 h = index / g->W, w = index % g->W;

  return h >= rows.begin && h < rows.end && w >= columns.begin && w < columns.end;
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolPoolAttributes *attributes = node->attributes;
  KolPoolGeometry g = kol_pool_geometry (&attributes->shape, attributes);

  for (gint64 i = 0; i < g.planes * g.P * g.Q; i++)
    if (window_covers (&g, i, (gint64) x[1][i]))
      y[0][i / (g.P * g.Q) * g.H * g.W + (gint64) x[1][i]] += x[0][i];
}

static void
pick_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolPoolAttributes *attributes = node->attributes;
  KolPoolGeometry g = kol_pool_geometry (&attributes->shape, attributes);

  for (gint64 i = 0; i < g.planes * g.P * g.Q; i++)
    if (window_covers (&g, i, (gint64) x[1][i]))
      y[0][i] = x[0][i / (g.P * g.Q) * g.H * g.W + (gint64) x[1][i]];
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

#define CASE(NAME, HOW, ...)                                                                       \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (__VA_ARGS__) },                            \
    .attributes = &(const KolPoolAttributes){ .how = HOW },                                        \
    .fill                                                                                          \
        = { { KOL_FILL_DISTINCT, -1, 1 } }                                                         \
  }
#define ADAPTIVE_CASE(NAME, P, Q, ...)                                                             \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (__VA_ARGS__) },                            \
    .attributes = &(const KolPoolAttributes){ .rows = P, .columns = Q },                           \
    .fill                                                                                          \
        = { { KOL_FILL_DISTINCT, -1, 1 } }                                                         \
  }
#define HOW(...)                                                                                   \
  {                                                                                                \
    __VA_ARGS__                                                                                    \
  }

static const KolCase max_pool_cases[] = { KOL_POOL_CASES, { 0 } };

#define GRADIENT_CASE(NAME, HOW_, INPUT, N, C, P, Q, H, W)                                         \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { INPUT, KOL_SHAPE (N, C, P, Q) },                      \
    .attributes = &(const KolPoolAttributes){ .how = HOW_, .shape = { 4, { N, C, H, W } } },       \
    .fill = { { KOL_FILL_UNIFORM, -1, 1 }, { KOL_FILL_LABELS, 0, (H) * (W) } }, .no_gradient = 2   \
  }
#define ADAPTIVE_GRADIENT_CASE(NAME, INPUT, N, C, P, Q, H, W)                                      \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { INPUT, KOL_SHAPE (N, C, P, Q) },                      \
    .attributes                                                                                    \
        = &(const KolPoolAttributes){ .rows = P, .columns = Q, .shape = { 4, { N, C, H, W } } },   \
    .fill = { { KOL_FILL_UNIFORM, -1, 1 }, { KOL_FILL_LABELS, 0, (H) * (W) } }, .no_gradient = 2   \
  }
#define GRADIENT_CASES(INPUT)                                                                      \
  GRADIENT_CASE ("all-of-5x7", HOW (.size = 5, .size_w = 7), INPUT (2, 3, 1, 1, 5, 7), 2, 3, 1, 1, \
                 5, 7),                                                                            \
      GRADIENT_CASE ("2x2-of-4x9", HOW (.size = 2), INPUT (2, 3, 2, 4, 4, 9), 2, 3, 2, 4, 4, 9),   \
      GRADIENT_CASE ("3x3-stride-2-of-5x11", HOW (.size = 3, .stride = 2, .pad = 1),               \
                     INPUT (2, 3, 3, 6, 5, 11), 2, 3, 3, 6, 5, 11),                                \
      GRADIENT_CASE ("3x3-stride-1-of-3x18", HOW (.size = 3, .stride = 1, .padding = KOL_SAME),    \
                     INPUT (1, 2, 3, 18, 3, 18), 1, 2, 3, 18, 3, 18),                              \
      GRADIENT_CASE ("3x3-stride-2-ceil-of-6x12", HOW (.size = 3, .stride = 2, .ceil = TRUE),      \
                     INPUT (2, 3, 3, 6, 6, 12), 2, 3, 3, 6, 6, 12),                                \
      ADAPTIVE_GRADIENT_CASE ("adaptive-3x4-of-5x11", INPUT (2, 3, 3, 4, 5, 11), 2, 3, 3, 4, 5,    \
                              11),                                                                 \
      ADAPTIVE_GRADIENT_CASE ("adaptive-5x7-of-3x2", INPUT (2, 3, 5, 7, 3, 2), 2, 3, 5, 7, 3, 2)
#define OUTPUT_SHAPE(N, C, P, Q, H, W) KOL_SHAPE (N, C, P, Q)
#define X_SHAPE(N, C, P, Q, H, W) KOL_SHAPE (N, C, H, W)

static const KolCase gradient_cases[] = { GRADIENT_CASES (OUTPUT_SHAPE), { 0 } };
static const KolCase pick_cases[] = { GRADIENT_CASES (X_SHAPE), { 0 } };

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static const KolOp max_pool_op = {
  .name = "max_pool",
  .attributes = sizeof (KolPoolAttributes),
  .n_outputs = 2, /* the value; its index in its plane, h W + w */
  .infer = max_pool_infer,
  .gradient = max_pool_gradient,
  .reference = max_pool_reference,
  .cases = max_pool_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = max_pool_launch }, { 0 } },
  .blocks = max_pool_blocks,
  .blocked = &(const KolVariant){ .name = "blocked", .launch = max_pool_blocked_launch },
  .flops = kol_pool_flops,
};

static const KolOp gradient_op = {
  .name = "max_pool_gradient",
  .attributes = sizeof (KolPoolAttributes),
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gradient_launch }, { 0 } },
};

static const KolOp pick_op = {
  .name = "max_pool_pick",
  .attributes = sizeof (KolPoolAttributes),
  .infer = pick_infer,
  .gradient = pick_gradient,
  .reference = pick_reference,
  .cases = pick_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = pick_launch }, { 0 } },
};

extern const KolOp *const kol_max_pool_ops[];
const KolOp *const kol_max_pool_ops[] = { &max_pool_op, &gradient_op, &pick_op, NULL };

/**
 * kol_max_pool_with_indices:
 * @x: [N, C, H, W], planes of at most 2^24 elements
 * @how: the windows' size, stride and padding; padding is less than the window
 * @indices: (out) (optional): where in its plane each largest element is,
 *   h W + w, of the result's shape; no gradient
 *
 * The largest element of each window, NaN if one of them is; padding never wins.
 * The gradient goes to the first of the largest, row by row. The indices are
 * those of torch.nn.MaxPool2d with return_indices, and what kol_max_unpool()
 * takes.
 *
 * Returns: (transfer none): the value, [N, C, P, Q] as of kol_max_pool()
 */
KolValue *
kol_max_pool_with_indices (KolValue *x, const KolPool *how, KolValue **indices)
{
  KolValue *y = KOL_NODE (&max_pool_op, &(KolPoolAttributes){ .how = *how }, x);

  if (indices)
    *indices = kol_value_failed (y) ? y : kol_output (y, 1);
  return y;
}

/**
 * kol_max_pool:
 * @x: [N, C, H, W], planes of at most 2^24 elements
 * @how: the windows' size, stride and padding; padding is less than the window
 *
 * The largest element of each window, NaN if one of them is; padding never wins.
 * The gradient goes to the first of the largest, row by row.
 *
 * Returns: (transfer none): the value, [N, C, P, Q] with
 *   P = floor ((H + top + bottom - size) / stride) + 1, Q alike; or rounded up
 *   with ceil, where a window that would begin behind x is left out; it has
 *   failed if @x has another rank, or the windows do not fit
 */
KolValue *
kol_max_pool (KolValue *x, const KolPool *how)
{
  return kol_max_pool_with_indices (x, how, NULL);
}

/**
 * kol_max_pool1d:
 * @x: [N, C, L]
 * @how: the windows' size, stride and padding
 *
 * The largest element of each window along the last dimension.
 *
 * Returns: (transfer none): the value, [N, C, Q]; see kol_max_pool()
 */
KolValue *
kol_max_pool1d (KolValue *x, const KolPool1d *how)
{
  return kol_pool_along_rows (x, how, kol_max_pool);
}

/**
 * kol_adaptive_max_pool:
 * @x: [N, C, H, W], planes of at most 2^24 elements
 * @rows: P, windows from top to bottom
 * @columns: Q, windows from left to right
 *
 * The largest element of each of P x Q windows that share the picture: window p
 * is the rows floor (p H / P) .. ceil ((p + 1) H / P) - 1, columns alike, so that
 * they overlap where P does not divide H. The gradient goes to the first of the
 * largest.
 *
 * Returns: (transfer none): the value, [N, C, P, Q]; it has failed if @x has
 *   another rank, or there are no windows
 */
KolValue *
kol_adaptive_max_pool (KolValue *x, int rows, int columns)
{
  KolPoolAttributes attributes;

  if (!kol_pool_adapt (x, rows, columns, &attributes))
    return kol_pool_fail_adaptive (x, rows, columns);
  return KOL_NODE (&max_pool_op, &attributes, x);
}

/**
 * kol_global_max_pool:
 * @x: [N, C, H, W], or with any number of dimensions behind the channels
 *
 * The largest element of each channel; the gradient goes to the first of them.
 *
 * Returns: (transfer none): the value, [N, C, 1, 1]; it has failed if @x has
 *   fewer than three dimensions
 */
KolValue *
kol_global_max_pool (KolValue *x)
{
  KolReduce over;

  if (!kol_pool_everything (x, &over))
    return kol_pool_fail_global (x);
  return kol_max (x, &over);
}
