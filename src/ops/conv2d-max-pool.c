/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * conv2d_max_pool: a convolution with 3x3 filters, a function of each element, and the
 * largest of 2x2 of what that gives, as one operation, which plans make of them (see
 * graph/pair.c): a tile of Winograd's is 4x4 places, so that what would be written
 * is a quarter. Inputs: x [N, C, H, W], w [K, C, 3, 3] and, where there is one, b [K].
 */

#include <math.h>

#include "between-private.h"
#include "conv2d-private.h"
#include "pool-private.h"

/* The convolution's attributes come first: what speaks of it takes this for a conv2d. */
typedef struct {
  KolConv2dAttributes conv;
  KolBetween between;
} Attributes;

extern const KolOp *const kol_conv2d_max_pool_ops[];

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
has_bias (const KolNode *node)
{
  return node->n_inputs > 2;
}

static gboolean
infer (KolNode *node, GError **error)
{
  const KolShape *x = &node->inputs[0]->shape, *w = &node->inputs[1]->shape;
  KolConv2dShape c;

  if (x->rank != 4 || w->rank != 4 || w->dim[1] != x->dim[1] || w->dim[2] != 3 || w->dim[3] != 3
      || (has_bias (node) && kol_count (node->inputs[2]) != w->dim[0]))
    return kol_infer_fail (error, "conv2d_max_pool of %s with %s", kol_shape_text (x),
                           kol_shape_text (w));
  c = kol_conv2d_shape_of (node);
  if (c.P < 2 || c.Q < 2)
    return kol_infer_fail (error, "conv2d_max_pool: of %s with %s no 2x2 places are left",
                           kol_shape_text (x), kol_shape_text (w));
  node->outputs[0].shape = KOL_SHAPE (c.N, c.K, c.P / 2, c.Q / 2);
  return TRUE;
}

static double
flops (const KolNode *node)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);

  return 2 * (double) (c.N * c.K * c.P * c.Q) * (double) (c.C * c.R * c.S);
}

/* Whether @node takes the largest of 2x2 places of a convolution like that of @before. */
static gboolean
pairs (const KolNode *before, const KolNode *between, const KolNode *node, gpointer data)
{
  Attributes *attributes = data;
  KolConv2dShape c;
  KolPoolGeometry g;

  if (before->op != &kol_conv2d_op || strcmp (node->op->name, "max_pool")
      || !kol_between_init (&attributes->between, between))
    return FALSE;
  c = kol_conv2d_shape_of (before);
  g = kol_pool_geometry (&node->inputs[0]->shape, node->attributes);
  attributes->conv = *(const KolConv2dAttributes *) before->attributes;
  return c.R == 3 && c.S == 3 && c.groups == 1 && c.stride_h == 1 && c.stride_w == 1
         && c.dilation_h == 1 && c.dilation_w == 1 && !g.adaptive && g.size == 2 && g.size_w == 2
         && g.stride == 2 && g.stride_w == 2 && !g.top && !g.left && g.P == c.P / 2
         && g.Q == c.Q / 2;
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

static double
value_at (const KolConv2dShape *c, const double *x, const double *w, gint64 p, gint64 q)
{
  double sum = 0;

  for (gint64 i = 0; i < c->C * 9; i++)
    {
      gint64 h = p + i / 3 % 3 - c->top, column = q + i % 3 - c->left;

      if (h >= 0 && h < c->H && column >= 0 && column < c->W)
        sum += x[(i / 9 * c->H + h) * c->W + column] * w[i];
    }
  return sum;
}

static void
reference (const KolNode *node, const double *const *x, double *const *y)
{
  const Attributes *attributes = node->attributes;
  KolConv2dShape c = kol_conv2d_shape_of (node);
  gint64 plane = c.P * c.Q, rows = c.P / 2, columns = c.Q / 2;
  g_autofree double *z = g_new (double, c.N *c.K *plane);

  for (gint64 i = 0; i < c.N * c.K * plane; i++)
    {
      gint64 k = i / plane % c.K;

      z[i] = value_at (&c, x[0] + i / plane / c.K * c.C * c.H * c.W, x[1] + k * c.C * 9,
                       i / c.Q % c.P, i % c.Q)
             + (has_bias (node) ? x[2][k] : 0);
    }
  kol_between_apply (&attributes->between, KOL_SHAPE (c.N, c.K, c.P, c.Q), z);
  for (gint64 i = 0; i < c.N * c.K * rows * columns; i++)
    {
      const double *at
          = z + (i / (rows * columns) * c.P + i / columns % rows * 2) * c.Q + i % columns * 2;

      y[0][i] = MAX (MAX (at[0], at[1]), MAX (at[c.Q], at[c.Q + 1]));
    }
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

static gboolean
plain_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const Attributes *attributes = node->attributes;
  KolConv2dShape c = kol_conv2d_shape_of (node);
  g_autofree char *text = kol_between_text (&attributes->between);
  g_autofree char *options
      = g_strdup_printf ("-D BETWEEN=%s%s", text ? text : "a", has_bias (node) ? " -D BIAS=1" : "");

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d-max-pool",
                                       .kernel = "conv2d_max_pool",
                                       .options = options,
                                       .global = { (c.P / 2) * (c.Q / 2), c.K, c.N } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                     KOL_BUFFER (has_bias (node) ? launch->inputs[2] : NULL),
                                     KOL_BUFFER (launch->outputs[0]), KOL_INT (c.C), KOL_INT (c.K),
                                     KOL_INT (c.H), KOL_INT (c.W), KOL_INT (c.P), KOL_INT (c.Q),
                                     KOL_INT (c.top), KOL_INT (c.left)),
                           error);
}

static KolBlocks
blocks (const KolNode *node, const KolDevice *device)
{
  return kol_conv2d_blocks (node, device) != KOL_BLOCKS_NOT
                 && kol_conv2d_blocked_winograd_fits (node, device)
             ? KOL_BLOCKS_TOGETHER
             : KOL_BLOCKS_NOT;
}

static gsize
scratch_kept (const KolNode *node, const KolDevice *device)
{
  return kol_conv2d_blocked_winograd_scratch_kept (node, device);
}

static gsize
packed (const KolNode *node, guint input, const KolDevice *device)
{
  return input == 1 ? kol_conv2d_blocked_winograd_packed (node, device) : 0;
}

static gsize
scratch (const KolNode *node, const KolDevice *device)
{
  return scratch_kept (node, device) + packed (node, 1, device);
}

/* The bias and the function are what the convolution computes last. */
static gboolean
blocked_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const Attributes *attributes = node->attributes;
  g_autofree char *text = kol_between_text (&attributes->between);
  KolLaunch own = *launch;

  own.epilogue = (KolEpilogue){ .kinds = (has_bias (node) ? KOL_BIAS : 0) | (text ? KOL_UNARY : 0),
                                .bias = has_bias (node) ? launch->inputs[2] : NULL,
                                .unary_expression = text };
  return kol_conv2d_blocked_winograd_launch (&own, node, error);
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

/* clang-format off */
#define HOW(...) { .how = { __VA_ARGS__ } }
#define CASE(label, x, w, what, ...) \
  { label, 2, { KOL_SHAPE x, KOL_SHAPE w }, &(const Attributes) { what, { __VA_ARGS__ } } }
#define CASE_BIAS(label, is_slow, x, w, b, what, ...) \
  { label, 3, { KOL_SHAPE x, KOL_SHAPE w, KOL_SHAPE (b) }, \
    &(const Attributes) { what, { __VA_ARGS__ } }, .slow = is_slow }
/* clang-format on */

/* Winograd's tiles are worth while for the larger ones only. */
static const KolCase cases[] = {
  CASE ("2x2", (1, 3, 2, 2), (5, 3, 3, 3), HOW (.pad = 1), "relu"),
  CASE ("same", (2, 5, 9, 7), (7, 5, 3, 3), HOW (.padding = KOL_SAME), NULL),
  CASE ("20x20", (1, 24, 20, 20), (24, 24, 3, 3), HOW (.pad = 1), NULL),
  CASE_BIAS ("12x12", FALSE, (1, 32, 12, 12), (64, 32, 3, 3), 64, HOW (.pad = 1), "relu"),
  CASE_BIAS ("odd", TRUE, (1, 37, 19, 21), (53, 37, 3, 3), 53, HOW (.pad = 1), "relu"),
  CASE_BIAS ("no-padding", TRUE, (2, 24, 24, 22), (40, 24, 3, 3), 40, HOW (), "clip", { -4, 30 }),
  { 0 },
};

/* ── The operation ──────────────────────────────────────────────────────────────────────────── */

const KolOp kol_conv2d_max_pool_op = {
  .name = "conv2d_max_pool",
  .attributes = sizeof (Attributes),
  .channels_first = TRUE,
  .infer = infer,
  .reference = reference,
  .cases = cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = plain_launch }, { 0 } },
  .blocks = blocks,
  .blocked = &(const KolVariant){ .name = "blocked",
                                  .scratch = scratch,
                                  .scratch_kept = scratch_kept,
                                  .packed = packed,
                                  .form = kol_conv2d_blocked_winograd_form,
                                  .pack = kol_conv2d_blocked_winograd_pack,
                                  .launch = blocked_launch },
  .pairs = pairs,
  .flops = flops,
};

const KolOp *const kol_conv2d_max_pool_ops[] = { &kol_conv2d_max_pool_op, NULL };
