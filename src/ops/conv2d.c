/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * conv2d: y[n, k, p, q] = sum_{c, r, s} x[n, c, p S + r D - top, q S + s D - left] w[k, c, r, s],
 * and its gradients to x and to w, which are operations of their own. The
 * formula is linear in x, w and the weights dy of its outputs; whichever of the
 * three is asked for, its gradients to the other two are the other two
 * operations.
 */

#include "conv2d-private.h"

extern const KolOp *const kol_conv2d_ops[];

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

/* One axis: how long the output is, and the padding before and after. */
typedef struct {
  gint64 length, before, after;
} Axis;

/* @before and @after are the explicit paddings. */
static Axis
resolve_axis (KolPadding padding, gint64 length, gint64 kernel, gint64 stride, gint64 dilation,
              gint64 before, gint64 after)
{
  gint64 reach = dilation * (kernel - 1) + 1;
  Axis axis = { 0 };

  if (padding == KOL_SAME)
    {
      gint64 total;

      axis.length = (length + stride - 1) / stride;
      total = MAX ((axis.length - 1) * stride + reach - length, 0);
      axis.before = total / 2;
      axis.after = total - axis.before;
      return axis;
    }
  if (padding == KOL_EXPLICIT)
    {
      axis.before = before;
      axis.after = after;
    }
  length += axis.before + axis.after;
  axis.length = length < reach ? 0 : (length - reach) / stride + 1;
  return axis;
}

/* The convolution of shapes with four dimensions; P or Q is 0 where the kernel does not fit. */
KolConv2dShape
kol_conv2d_resolve (const KolConv2d *how, const KolShape *x, const KolShape *w)
{
  KolConv2dShape c = { .N = x->dim[0],
                       .C = x->dim[1],
                       .H = x->dim[2],
                       .W = x->dim[3],
                       .K = w->dim[0],
                       .R = w->dim[2],
                       .S = w->dim[3] };
  Axis rows, columns;

  c.groups = how->groups ? how->groups : 1;
  c.channels = w->dim[1];
  c.filters = c.K / c.groups;
  c.stride_h = how->stride ? how->stride : 1;
  c.stride_w = how->stride_w ? how->stride_w : c.stride_h;
  c.dilation_h = how->dilation ? how->dilation : 1;
  c.dilation_w = how->dilation_w ? how->dilation_w : c.dilation_h;
  rows = resolve_axis (how->padding, c.H, c.R, c.stride_h, c.dilation_h, how->pad + how->top,
                       how->pad + how->bottom);
  columns = resolve_axis (how->padding, c.W, c.S, c.stride_w, c.dilation_w, how->pad + how->left,
                          how->pad + how->right);
  c.P = rows.length;
  c.top = rows.before;
  c.bottom = rows.after;
  c.Q = columns.length;
  c.left = columns.before;
  c.right = columns.after;
  return c;
}

KolConv2dShape
kol_conv2d_shape_of (const KolNode *node)
{
  const KolConv2dAttributes *attributes = node->attributes;
  const KolShape *x = &node->inputs[0]->shape, *w = &node->inputs[1]->shape;

  if (node->op == &kol_conv2d_gradient_x_op)
    x = &attributes->wanted;
  else if (node->op == &kol_conv2d_gradient_w_op)
    w = &attributes->wanted;
  return kol_conv2d_resolve (&attributes->how, x, w);
}

/* Sums of a few such paddings and lengths are still numbers. */
static gboolean
is_padding (gint64 padding)
{
  return padding >= 0 && padding <= G_MAXINT / 4;
}

static gboolean
check_attributes (const KolConv2d *how, GError **error)
{
  if (how->stride < 0 || how->stride_w < 0 || how->dilation < 0 || how->dilation_w < 0
      || how->groups < 0)
    return kol_infer_fail (error,
                           "conv2d with stride %d x %d, dilation %d x %d, %d groups: these "
                           "should be 1 or more (0: the default)",
                           how->stride, how->stride_w, how->dilation, how->dilation_w, how->groups);
  gint64 pad = how->pad;
  if (!is_padding (pad + how->top) || !is_padding (pad + how->left)
      || !is_padding (pad + how->bottom) || !is_padding (pad + how->right))
    return kol_infer_fail (error,
                           "conv2d with padding %d, and %d, %d, %d, %d added at the top, "
                           "left, bottom and right: a padding should be 0 .. %d",
                           how->pad, how->top, how->left, how->bottom, how->right, G_MAXINT / 4);
  return TRUE;
}

/* Finds the shape of y for x and w, or says what is wrong with them. */
static gboolean
output_shape (const KolConv2d *how, const KolShape *x, const KolShape *w, KolShape *y,
              GError **error)
{
  KolConv2dShape c;

  if (x->rank != 4 || w->rank != 4)
    return kol_infer_fail (error,
                           "conv2d of x %s with w %s: both should have four dimensions, "
                           "x [N, C, H, W] and w [K, C / groups, R, S]",
                           kol_shape_text (x), kol_shape_text (w));
  if (!check_attributes (how, error))
    return FALSE;
  for (int i = 0; i < 4; i++)
    if (x->dim[i] > G_MAXINT / 4 || w->dim[i] > G_MAXINT / 4)
      return kol_infer_fail (error, "conv2d of x %s with w %s: a length exceeds %d",
                             kol_shape_text (x), kol_shape_text (w), G_MAXINT / 4);
  c = kol_conv2d_resolve (how, x, w);
  if (c.C % c.groups || c.K % c.groups)
    return kol_infer_fail (error,
                           "conv2d of x %s with w %s: the channels %d of x and the filters "
                           "%d of w should both divide into %d groups",
                           kol_shape_text (x), kol_shape_text (w), (int) c.C, (int) c.K,
                           (int) c.groups);
  if (c.channels != c.C / c.groups)
    return kol_infer_fail (error,
                           "conv2d of x %s with w %s in %d groups: w should have %d "
                           "channels, those of x per group, not %d",
                           kol_shape_text (x), kol_shape_text (w), (int) c.groups,
                           (int) (c.C / c.groups), (int) c.channels);
  if (c.P < 1 || c.Q < 1)
    return kol_infer_fail (error,
                           "conv2d of x %s with w %s: the kernel reaches over %d x %d "
                           "pixels, the padded picture has %d x %d",
                           kol_shape_text (x), kol_shape_text (w),
                           (int) (c.dilation_h * (c.R - 1) + 1),
                           (int) (c.dilation_w * (c.S - 1) + 1), (int) (c.H + c.top + c.bottom),
                           (int) (c.W + c.left + c.right));
  *y = KOL_SHAPE (c.N, c.K, c.P, c.Q);
  return TRUE;
}

static gboolean
infer (KolNode *node, GError **error)
{
  const KolConv2dAttributes *attributes = node->attributes;

  return output_shape (&attributes->how, &node->inputs[0]->shape, &node->inputs[1]->shape,
                       &node->outputs[0].shape, error);
}

/* For the gradients: the convolution of @x and @w should give @dy; the result is the one wanted. */
static gboolean
infer_gradient (KolNode *node, const KolShape *x, const KolShape *w, const KolShape *dy,
                GError **error)
{
  const KolConv2dAttributes *attributes = node->attributes;
  KolShape y;

  if (!output_shape (&attributes->how, x, w, &y, error))
    return FALSE;
  if (!kol_shape_equal (&y, dy))
    return kol_infer_fail (error,
                           "the gradient of conv2d of x %s with w %s: dy should be %s, not "
                           "%s",
                           kol_shape_text (x), kol_shape_text (w), kol_shape_text (&y),
                           kol_shape_text (dy));
  node->outputs[0].shape = attributes->wanted;
  return TRUE;
}

static gboolean
infer_gradient_x (KolNode *node, GError **error)
{
  const KolConv2dAttributes *attributes = node->attributes;

  return infer_gradient (node, &attributes->wanted, &node->inputs[1]->shape,
                         &node->inputs[0]->shape, error);
}

static gboolean
infer_gradient_w (KolNode *node, GError **error)
{
  const KolConv2dAttributes *attributes = node->attributes;

  return infer_gradient (node, &node->inputs[0]->shape, &attributes->wanted,
                         &node->inputs[1]->shape, error);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

/*
 * The other two of the family, of the same convolution as @node. SAME stays
 * SAME: it depends on x, whose shape they know.
 */
static KolValue *
relative (const KolNode *node, const KolOp *op, KolValue *a, KolValue *b, const KolShape *wanted)
{
  KolConv2dAttributes attributes = *(const KolConv2dAttributes *) node->attributes;

  attributes.wanted = wanted ? *wanted : (KolShape){ 0 };
  return KOL_NODE (op, &attributes, a, b);
}

static void
gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  KolValue *x = node->inputs[0], *w = node->inputs[1];

  if (!dy[0])
    return;
  dx[0] = relative (node, &kol_conv2d_gradient_x_op, dy[0], w, &x->shape);
  dx[1] = relative (node, &kol_conv2d_gradient_w_op, x, dy[0], &w->shape);
}

/* Of gradient_x (dy, w): what comes in has the shape of x. */
static void
gradient_of_gradient_x (KolNode *node, KolValue *const *d, KolValue **dx)
{
  KolValue *dy = node->inputs[0], *w = node->inputs[1];

  if (!d[0])
    return;
  dx[0] = relative (node, &kol_conv2d_op, d[0], w, NULL);
  dx[1] = relative (node, &kol_conv2d_gradient_w_op, d[0], dy, &w->shape);
}

/* Of gradient_w (x, dy): what comes in has the shape of w. */
static void
gradient_of_gradient_w (KolNode *node, KolValue *const *d, KolValue **dx)
{
  KolValue *x = node->inputs[0], *dy = node->inputs[1];

  if (!d[0])
    return;
  dx[0] = relative (node, &kol_conv2d_gradient_x_op, dy, d[0], &x->shape);
  dx[1] = relative (node, &kol_conv2d_op, x, d[0], NULL);
}

/* Filter k times scale[k]. */
static KolValue *
scale_weights (KolNode *node, KolValue *scale)
{
  KolValue *w = node->inputs[1];

  return kol_multiply (w, kol_reshape (scale, KOL_SHAPE (w->shape.dim[0], 1, 1, 1)));
}

/* ── References ─────────────────────────────────────────────────────────────────────────────── */

/* One product of the formula: the places of its three elements. */
typedef void (*Product) (gint64 x, gint64 w, gint64 y, const double *const *in, double *out);

static void
add_to_y (gint64 x, gint64 w, gint64 y, const double *const *in, double *out)
{
  out[y] += in[0][x] * in[1][w];
}

static void
add_to_x (gint64 x, gint64 w, gint64 y, const double *const *in, double *out)
{
  out[x] += in[0][y] * in[1][w];
}

static void
add_to_w (gint64 x, gint64 w, gint64 y, const double *const *in, double *out)
{
  out[w] += in[0][x] * in[1][y];
}

/* Goes over the kernel's rows and columns at output (p, q) of filter @k and channel @c. */
static void
each_tap (const KolConv2dShape *c, gint64 n, gint64 k, gint64 channel, gint64 p, gint64 q,
          Product add, const double *const *in, double *out)
{
  gint64 plane = n * c->C + k / c->filters * c->channels + channel;
  gint64 y = ((n * c->K + k) * c->P + p) * c->Q + q;

  for (gint64 r = 0; r < c->R; r++)
    for (gint64 s = 0; s < c->S; s++)
      {
        gint64 h = p * c->stride_h + r * c->dilation_h - c->top;
        gint64 w = q * c->stride_w + s * c->dilation_w - c->left;

        if (h >= 0 && h < c->H && w >= 0 && w < c->W)
          add ((plane * c->H + h) * c->W + w, ((k * c->channels + channel) * c->R + r) * c->S + s,
               y, in, out);
      }
}

static void
each_product (const KolNode *node, Product add, const double *const *in, double *out)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);

  for (gint64 n = 0; n < c.N; n++)
    for (gint64 k = 0; k < c.K; k++)
      for (gint64 channel = 0; channel < c.channels; channel++)
        for (gint64 p = 0; p < c.P; p++)
          for (gint64 q = 0; q < c.Q; q++)
            each_tap (&c, n, k, channel, p, q, add, in, out);
}

static void
reference (const KolNode *node, const double *const *x, double *const *y)
{
  each_product (node, add_to_y, x, y[0]);
}

static void
reference_gradient_x (const KolNode *node, const double *const *x, double *const *y)
{
  each_product (node, add_to_x, x, y[0]);
}

static void
reference_gradient_w (const KolNode *node, const double *const *x, double *const *y)
{
  each_product (node, add_to_w, x, y[0]);
}

static double
flops (const KolNode *node)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);

  return 2.0 * (double) (c.N * c.K * c.P) * (double) (c.Q * c.channels) * (double) (c.R * c.S);
}

/* ── Variants "plain" ───────────────────────────────────────────────────────────────────────── */

#define SHAPE_ARGS(c)                                                                              \
  KOL_INT ((c).groups), KOL_INT ((c).channels), KOL_INT ((c).filters), KOL_INT ((c).H),            \
      KOL_INT ((c).W), KOL_INT ((c).P), KOL_INT ((c).Q), KOL_INT ((c).R), KOL_INT ((c).S),         \
      KOL_INT ((c).stride_h), KOL_INT ((c).stride_w), KOL_INT ((c).dilation_h),                    \
      KOL_INT ((c).dilation_w), KOL_INT ((c).top), KOL_INT ((c).left)

static gboolean
plain_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d",
                                       .kernel = "conv2d_forward",
                                       .global = { c.P * c.Q, c.K, c.N } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                     KOL_BUFFER (launch->outputs[0]), SHAPE_ARGS (c)),
                           error);
}

static gboolean
plain_gradient_x_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "conv2d",
                                       .kernel = "conv2d_gradient_x",
                                       .global = { c.H * c.W, c.C, c.N } },
                           KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                     KOL_BUFFER (launch->outputs[0]), SHAPE_ARGS (c)),
                           error);
}

static gint64
weight_count (const KolConv2dShape *c)
{
  return c->K * c->channels * c->R * c->S;
}

/* Pictures that one work-item sums: few weights are no work for a GPU unless the batch is cut. */
static gint64
plain_pictures_per_chunk (const KolConv2dShape *c)
{
  gint64 chunks = CLAMP (65536 / weight_count (c), 1, c->N);

  return (c->N + chunks - 1) / chunks;
}

static gint64
plain_chunks (const KolConv2dShape *c)
{
  gint64 each = plain_pictures_per_chunk (c);

  return (c->N + each - 1) / each;
}

static gsize
plain_gradient_w_scratch (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  gint64 chunks = plain_chunks (&c);

  return chunks > 1 ? (gsize) (chunks * weight_count (&c)) * sizeof (float) : 0;
}

static gboolean
plain_gradient_w_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  gint64 chunks = plain_chunks (&c), weights = weight_count (&c);
  KolBuffer *partial = chunks > 1 ? launch->scratch : launch->outputs[0];

  if (!kol_queue_launch (launch->queue,
                         &(KolCall){ .program = "conv2d",
                                     .kernel = "conv2d_gradient_w",
                                     .global = { weights, chunks } },
                         KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                                   KOL_BUFFER (partial), SHAPE_ARGS (c), KOL_INT (c.N),
                                   KOL_INT (plain_pictures_per_chunk (&c))),
                         error))
    return FALSE;
  if (chunks == 1)
    return TRUE;
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "conv2d", .kernel = "conv2d_total", .global = { weights } },
      KOL_ARGS (KOL_BUFFER (partial), KOL_BUFFER (launch->outputs[0]), KOL_INT (weights),
                KOL_INT (chunks)),
      error);
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

/* clang-format off */
/*
 * Each case is one convolution, given by the shapes of x, w and y; all three
 * operations have it. HOW is a KolConv2d.
 */
#define CASES(CASE) \
  CASE ("1", (1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), HOW ()) \
  CASE ("1x1", (3, 5, 7, 9), (6, 5, 1, 1), (3, 6, 7, 9), HOW ()) \
  CASE ("1x1-of-3x3", (2, 37, 3, 3), (40, 37, 1, 1), (2, 40, 3, 3), HOW ()) \
  CASE ("1x1-many-channels", (1, 530, 5, 7), (14, 530, 1, 1), (1, 14, 5, 7), HOW (), .slow = TRUE) \
  CASE ("1x1-stride-2", (2, 3, 9, 8), (5, 3, 1, 1), (2, 5, 5, 4), HOW (.stride = 2)) \
  CASE ("3x3-valid", (1, 3, 5, 5), (4, 3, 3, 3), (1, 4, 3, 3), HOW (.padding = KOL_VALID)) \
  CASE ("3x3-same", (3, 2, 7, 7), (9, 2, 3, 3), (3, 9, 7, 7), HOW (.padding = KOL_SAME)) \
  CASE ("3x3-pad-1-odd", (1, 4, 11, 13), (7, 4, 3, 3), (1, 7, 11, 13), HOW (.pad = 1)) \
  CASE ("3x3-many-filters", (1, 123, 5, 6), (121, 123, 3, 3), (1, 121, 5, 6), \
        HOW (.pad = 1), .slow = TRUE) \
  CASE ("5x5-same", (2, 3, 14, 14), (13, 3, 5, 5), (2, 13, 14, 14), HOW (.padding = KOL_SAME)) \
  CASE ("4x2-same", (1, 2, 6, 8), (3, 2, 4, 2), (1, 3, 6, 8), \
        HOW (.padding = KOL_SAME), .slow = TRUE) \
  CASE ("same-stride-2", (2, 3, 8, 8), (4, 3, 3, 3), (2, 4, 4, 4), \
        HOW (.padding = KOL_SAME, .stride = 2)) \
  CASE ("same-stride-3x2", (1, 2, 10, 7), (3, 2, 5, 3), (1, 3, 4, 4), \
        HOW (.padding = KOL_SAME, .stride = 3, .stride_w = 2), .slow = TRUE) \
  CASE ("stride-2-odd", (3, 2, 11, 9), (5, 2, 3, 3), (3, 5, 6, 5), HOW (.stride = 2, .pad = 1)) \
  CASE ("stride-3", (1, 3, 13, 17), (2, 3, 5, 5), (1, 2, 3, 5), HOW (.stride = 3)) \
  CASE ("stride-5-kernel-2", (2, 1, 12, 13), (3, 1, 2, 2), (2, 3, 3, 3), \
        HOW (.stride = 5), .slow = TRUE) \
  CASE ("asymmetric", (2, 2, 6, 5), (3, 2, 3, 3), (2, 3, 7, 5), \
        HOW (.top = 1, .left = 2, .bottom = 2)) \
  CASE ("asymmetric-stride-2", (1, 2, 9, 10), (3, 2, 3, 3), (1, 3, 4, 6), \
        HOW (.stride = 2, .left = 1, .bottom = 1, .right = 2), .slow = TRUE) \
  CASE ("wide-padding", (1, 2, 3, 4), (2, 2, 2, 2), (1, 2, 8, 9), HOW (.pad = 3)) \
  CASE ("dilation-2", (2, 2, 9, 11), (3, 2, 3, 3), (2, 3, 9, 11), HOW (.dilation = 2, .pad = 2)) \
  CASE ("dilation-2-stride-2", (1, 2, 12, 11), (3, 2, 3, 3), (1, 3, 4, 4), \
        HOW (.dilation = 2, .stride = 2)) \
  CASE ("dilation-1x3-stride-2", (1, 2, 7, 15), (2, 2, 3, 3), (1, 2, 3, 5), \
        HOW (.dilation = 1, .dilation_w = 3, .stride = 2), .slow = TRUE) \
  CASE ("groups-2", (2, 6, 7, 5), (4, 3, 3, 3), (2, 4, 7, 5), HOW (.groups = 2, .pad = 1)) \
  CASE ("depthwise", (2, 5, 9, 8), (5, 1, 3, 3), (2, 5, 9, 8), HOW (.groups = 5, .pad = 1)) \
  CASE ("depthwise-2-stride-2", (1, 3, 8, 9), (6, 1, 3, 3), (1, 6, 4, 5), \
        HOW (.groups = 3, .stride = 2, .pad = 1)) \
  CASE ("depthwise-odd-stride-2", (2, 3, 11, 13), (3, 1, 3, 3), (2, 3, 6, 7), \
        HOW (.groups = 3, .stride = 2, .padding = KOL_SAME)) \
  CASE ("depthwise-5x5-stride-2", (1, 3, 14, 18), (3, 1, 5, 5), (1, 3, 7, 9), \
        HOW (.groups = 3, .stride = 2, .padding = KOL_SAME)) \
  CASE ("depthwise-5x5-one-pixel", (2, 5, 1, 1), (5, 1, 5, 5), (2, 5, 1, 1), \
        HOW (.groups = 5, .padding = KOL_SAME)) \
  CASE ("depthwise-33-channels", (2, 33, 7, 7), (33, 1, 5, 5), (2, 33, 7, 7), \
        HOW (.groups = 33, .pad = 2)) \
  CASE ("depthwise-dilation-2", (1, 2, 9, 10), (2, 1, 3, 3), (1, 2, 9, 10), \
        HOW (.groups = 2, .dilation = 2, .pad = 2)) \
  CASE ("depthwise-dilation-2-stride-2", (1, 2, 9, 11), (2, 1, 3, 2), (1, 2, 5, 6), \
        HOW (.groups = 2, .dilation = 2, .stride = 2, .top = 1, .left = 1, .bottom = 3, \
             .right = 2)) \
  CASE ("depthwise-7-columns", (1, 2, 9, 7), (2, 1, 3, 3), (1, 2, 9, 7), \
        HOW (.groups = 2, .pad = 1)) \
  CASE ("depthwise-9-columns", (1, 2, 7, 9), (2, 1, 3, 5), (1, 2, 5, 7), \
        HOW (.groups = 2, .left = 1, .right = 1)) \
  CASE ("depthwise-17-columns", (1, 2, 17, 17), (2, 1, 3, 3), (1, 2, 17, 17), \
        HOW (.groups = 2, .pad = 1)) \
  CASE ("depthwise-wide", (2, 3, 33, 70), (3, 1, 5, 3), (2, 3, 33, 70), \
        HOW (.groups = 3, .padding = KOL_SAME), .slow = TRUE) \
  CASE ("depthwise-1x1-stride-2", (1, 3, 9, 8), (3, 1, 1, 1), (1, 3, 5, 4), \
        HOW (.groups = 3, .stride = 2)) \
  CASE ("depthwise-wide-padding", (1, 2, 3, 4), (2, 1, 2, 2), (1, 2, 8, 9), \
        HOW (.groups = 2, .pad = 3)) \
  CASE ("depthwise-wide-padding-stride-2", (1, 2, 3, 4), (2, 1, 2, 2), (1, 2, 6, 7), \
        HOW (.groups = 2, .pad = 5, .stride = 2)) \
  /* More rows than a work-item's local memory holds. */ \
  CASE ("depthwise-blocks", (1, 1, 60, 93), (1, 1, 3, 3), (1, 1, 60, 93), HOW (.pad = 1), \
        .slow = TRUE) \
  CASE ("stride-2-long-rows", (1, 2, 5, 1101), (3, 2, 3, 3), (1, 3, 3, 551), \
        HOW (.stride = 2, .pad = 1), .slow = TRUE) \
  CASE ("stride-2-even", (2, 7, 14, 12), (11, 7, 3, 3), (2, 11, 7, 6), \
        HOW (.stride = 2, .pad = 1), .slow = TRUE) \
  CASE ("stride-2-wide-padding", (1, 2, 5, 6), (3, 2, 1, 1), (1, 3, 6, 6), \
        HOW (.stride = 2, .pad = 3), .slow = TRUE) \
  CASE ("stride-4-of-less", (2, 3, 2, 3), (5, 3, 2, 2), (2, 5, 1, 1), \
        HOW (.stride = 4, .pad = 1), .slow = TRUE) \
  CASE ("stride-1x3-dilation-2", (1, 2, 8, 13), (3, 2, 3, 4), (1, 3, 6, 3), \
        HOW (.stride = 1, .stride_w = 3, .dilation = 1, .dilation_w = 2), .slow = TRUE) \
  CASE ("stride-4-dilation-6", (1, 2, 17, 29), (3, 2, 2, 3), (1, 3, 3, 5), \
        HOW (.stride = 4, .dilation = 6), .slow = TRUE) \
  CASE ("groups-stride-2", (2, 6, 8, 7), (9, 2, 3, 3), (2, 9, 4, 4), \
        HOW (.groups = 3, .stride = 2, .pad = 1)) \
  CASE ("1x7", (1, 3, 5, 19), (4, 3, 1, 7), (1, 4, 5, 19), \
        HOW (.left = 3, .right = 3), .slow = TRUE) \
  CASE ("7x1", (1, 3, 19, 5), (4, 3, 7, 1), (1, 4, 19, 5), \
        HOW (.top = 3, .bottom = 3), .slow = TRUE) \
  CASE ("whole-picture", (3, 4, 5, 6), (7, 4, 5, 6), (3, 7, 1, 1), HOW (), .slow = TRUE) \
  CASE ("31-filters", (1, 3, 4, 16), (31, 3, 3, 3), (1, 31, 4, 16), HOW (.pad = 1)) \
  /* Large enough for Winograd's method in blocks, on a few compute units and on many. */ \
  CASE ("19-channels", (2, 19, 20, 19), (17, 19, 3, 3), (2, 17, 20, 19), HOW (.pad = 1), \
        .no_gradient = 3) \
  CASE ("35-channels", (4, 35, 33, 31), (33, 35, 3, 3), (4, 33, 33, 31), HOW (.pad = 1), \
        .no_gradient = 3, .slow = TRUE) \
  CASE ("many-weights", (1, 130, 18, 17), (121, 130, 3, 3), (1, 121, 18, 17), HOW (.pad = 1), \
        .no_gradient = 3, .slow = TRUE) \
  CASE ("many-weights-in-turns", (2, 130, 33, 34), (121, 130, 3, 3), (2, 121, 33, 34), \
        HOW (.pad = 1), .no_gradient = 3, .slow = TRUE) \
  CASE ("33-columns", (1, 2, 3, 33), (17, 2, 3, 3), (1, 17, 3, 33), HOW (.pad = 1)) \
  CASE ("long-rows", (1, 2, 5, 301), (5, 2, 3, 3), (1, 5, 5, 301), HOW (.pad = 1), .slow = TRUE) \
  CASE ("many-channels", (1, 70, 12, 16), (48, 70, 3, 3), (1, 48, 12, 16), HOW (.pad = 1), \
        .slow = TRUE) \
  CASE ("many-channels-edges", (3, 33, 13, 10), (41, 33, 3, 3), (3, 41, 11, 9), HOW (.left = 1), \
        .slow = TRUE) \
  CASE ("many-taps", (2, 67, 6, 7), (5, 67, 3, 3), (2, 5, 6, 7), HOW (.pad = 1), .slow = TRUE) \
  /* The lecture's two convolutions, two of VGG-16 and a residual network's with stride. */ \
  CASE ("digits-1", (50, 1, 28, 28), (32, 1, 5, 5), (50, 32, 28, 28), HOW (.padding = KOL_SAME), \
        .only_tune = TRUE) \
  CASE ("digits-2", (50, 32, 14, 14), (64, 32, 5, 5), (50, 64, 14, 14), HOW (.padding = KOL_SAME), \
        .only_tune = TRUE) \
  CASE ("vgg-1-2", (1, 64, 224, 224), (64, 64, 3, 3), (1, 64, 224, 224), HOW (.pad = 1), \
        .only_tune = TRUE) \
  CASE ("vgg-4-2", (1, 512, 28, 28), (512, 512, 3, 3), (1, 512, 28, 28), HOW (.pad = 1), \
        .only_tune = TRUE) \
  /* A small residual network's. */ \
  CASE ("28-3x3", (64, 16, 28, 28), (16, 16, 3, 3), (64, 16, 28, 28), HOW (.pad = 1), \
        .only_tune = TRUE) \
  CASE ("28-3x3-stride-2", (64, 16, 28, 28), (32, 16, 3, 3), (64, 32, 14, 14), \
        HOW (.stride = 2, .pad = 1), .only_tune = TRUE) \
  CASE ("28-1x1-stride-2", (64, 16, 28, 28), (32, 16, 1, 1), (64, 32, 14, 14), \
        HOW (.stride = 2), .only_tune = TRUE) \
  CASE ("14-3x3-stride-2", (64, 32, 14, 14), (64, 32, 3, 3), (64, 64, 7, 7), \
        HOW (.stride = 2, .pad = 1), .only_tune = TRUE) \
  CASE ("7-1x1", (64, 64, 7, 7), (128, 64, 1, 1), (64, 128, 7, 7), HOW (), .only_tune = TRUE) \
  CASE ("stride-2", (8, 64, 56, 56), (128, 64, 3, 3), (8, 128, 28, 28), \
        HOW (.stride = 2, .pad = 1), .only_tune = TRUE)

#define HOW(...) { __VA_ARGS__ }
#define FOUR(...) { 4, { __VA_ARGS__ } }
#define FORWARD(label, x, w, y, what, ...) \
  { label, 2, { KOL_SHAPE x, KOL_SHAPE w }, \
    &(const KolConv2dAttributes) { .how = what }, __VA_ARGS__ },
#define GRADIENT_X(label, x, w, y, what, ...) \
  { label, 2, { KOL_SHAPE y, KOL_SHAPE w }, \
    &(const KolConv2dAttributes) { .how = what, .wanted = FOUR x }, __VA_ARGS__ },
#define GRADIENT_W(label, x, w, y, what, ...) \
  { label, 2, { KOL_SHAPE x, KOL_SHAPE y }, \
    &(const KolConv2dAttributes) { .how = what, .wanted = FOUR w }, __VA_ARGS__ },

static const KolCase cases[] = { CASES (FORWARD) { NULL } };
static const KolCase cases_gradient_x[] = { CASES (GRADIENT_X) { NULL } };
static const KolCase cases_gradient_w[] = { CASES (GRADIENT_W) { NULL } };
/* clang-format on */

/* ── The operations ─────────────────────────────────────────────────────────────────────────── */

#define WINOGRAD(M, R, label, ...)                                                                 \
  {                                                                                                \
    .name = label, .absorbs = KOL_BIAS | KOL_RESIDUAL | KOL_UNARY,                                 \
    .fits = kol_conv2d_winograd_##M##_##R##_fits,                                                  \
    .scratch = kol_conv2d_winograd_##M##_##R##_scratch,                                            \
    .packed = kol_conv2d_winograd_##M##_##R##_packed,                                              \
    .pack = kol_conv2d_winograd_##M##_##R##_pack,                                                  \
    .launch = kol_conv2d_winograd_##M##_##R##_launch, __VA_ARGS__                                  \
  }
#define WINOGRAD_W(M, R, label, ...)                                                               \
  {                                                                                                \
    .name = label, .fits = kol_conv2d_winograd_##M##_##R##_fits,                                   \
    .scratch = kol_conv2d_winograd_##M##_##R##_w_scratch,                                          \
    .launch = kol_conv2d_winograd_##M##_##R##_w_launch, __VA_ARGS__                                \
  }
/* Tiles of 4x4 were always the faster ones for 3x3, so 2x2 is left to `kolinsky tune`. */
#define ALL_WINOGRAD(ONE)                                                                          \
  ONE (4, 3, "winograd-4x4"), ONE (2, 5, "winograd-2x2-5x5"),                                      \
      ONE (2, 3, "winograd-2x2", .tune_only = TRUE)

/* clang-format off */
/* Those that the gradient to x has, too: it is a convolution. */
#define FAST_VARIANTS \
  { .name = "depthwise", \
    .absorbs = KOL_BIAS | KOL_RESIDUAL | KOL_UNARY, \
    .fits = kol_conv2d_depthwise_fits, \
    .launch = kol_conv2d_depthwise_launch }, \
  { .name = "pointwise", \
    .absorbs = KOL_BIAS | KOL_RESIDUAL | KOL_UNARY, \
    .fits = kol_conv2d_pointwise_fits, \
    .scratch = kol_conv2d_pointwise_scratch, \
    .packed = kol_conv2d_pointwise_packed, \
    .form = kol_conv2d_pointwise_form, \
    .pack = kol_conv2d_pointwise_pack, \
    .launch = kol_conv2d_pointwise_launch }, \
  { .name = "implicit-gemm", \
    .absorbs = KOL_BIAS | KOL_RESIDUAL | KOL_UNARY, \
    .fits = kol_conv2d_gemm_fits, \
    .scratch = kol_conv2d_gemm_scratch, \
    .packed = kol_conv2d_gemm_packed, \
    .pack = kol_conv2d_gemm_pack, \
    .launch = kol_conv2d_gemm_launch }, \
  ALL_WINOGRAD (WINOGRAD), \
  { .name = "winograd-4x4-blocked", \
    .absorbs = KOL_BIAS | KOL_RESIDUAL | KOL_UNARY, \
    .fits = kol_conv2d_winograd_blocked_fits, \
    .scratch = kol_conv2d_winograd_blocked_scratch, \
    .scratch_kept = kol_conv2d_winograd_blocked_scratch_kept, \
    .packed = kol_conv2d_winograd_blocked_packed, \
    .form = kol_conv2d_blocked_winograd_form, \
    .pack = kol_conv2d_blocked_winograd_pack, \
    .launch = kol_conv2d_winograd_blocked_launch, \
    .kept_only = kol_conv2d_winograd_blocked_kept_only }, \
  { .name = "simt", \
    .absorbs = KOL_BIAS | KOL_RESIDUAL | KOL_UNARY, \
    .fits = kol_conv2d_simt_fits, \
    .scratch = kol_conv2d_simt_scratch, \
    .launch = kol_conv2d_simt_launch, \
    .tune_only = TRUE }, \
  { .name = "simt-winograd", \
    .absorbs = KOL_BIAS | KOL_RESIDUAL | KOL_UNARY, \
    .fits = kol_conv2d_simt_winograd_fits, \
    .scratch = kol_conv2d_simt_winograd_scratch, \
    .packed = kol_conv2d_simt_winograd_packed, \
    .pack = kol_conv2d_simt_winograd_pack, \
    .launch = kol_conv2d_simt_winograd_launch, \
    .tune_only = TRUE }

/* clang-format on */

static const KolVariant variants[] = {
  { .name = "plain", .launch = plain_launch },
  FAST_VARIANTS,
  { NULL },
};

static const KolVariant variants_gradient_x[] = {
  { .name = "plain", .launch = plain_gradient_x_launch },
  FAST_VARIANTS,
  { NULL },
};

static const KolVariant variants_gradient_w[] = {
  { .name = "plain", .scratch = plain_gradient_w_scratch, .launch = plain_gradient_w_launch },
  { .name = "depthwise",
    .fits = kol_conv2d_depthwise_fits,
    .scratch = kol_conv2d_depthwise_w_scratch,
    .launch = kol_conv2d_depthwise_w_launch },
  { .name = "implicit-gemm",
    .fits = kol_conv2d_gemm_fits,
    .scratch = kol_conv2d_gemm_w_scratch,
    .launch = kol_conv2d_gemm_w_launch },
  ALL_WINOGRAD (WINOGRAD_W),
  { .name = "simt",
    .fits = kol_conv2d_simt_fits,
    .scratch = kol_conv2d_simt_w_scratch,
    .launch = kol_conv2d_simt_w_launch,
    .tune_only = TRUE },
  { NULL },
};

const KolOp kol_conv2d_op = {
  .name = "conv2d",
  .attributes = sizeof (KolConv2dAttributes),
  .channels_first = TRUE,
  .infer = infer,
  .gradient = gradient,
  .scale_weights = scale_weights,
  .reference = reference,
  .cases = cases,
  .variants = variants,
  .blocks = kol_conv2d_blocks,
  .blocked = &kol_conv2d_blocked,
  .pair = kol_conv2d_pair,
  .flops = flops,
};

const KolOp kol_conv2d_gradient_x_op = {
  .name = "conv2d_gradient_x",
  .attributes = sizeof (KolConv2dAttributes),
  .channels_first = TRUE,
  .infer = infer_gradient_x,
  .gradient = gradient_of_gradient_x,
  .reference = reference_gradient_x,
  .cases = cases_gradient_x,
  .variants = variants_gradient_x,
  .flops = flops,
};

const KolOp kol_conv2d_gradient_w_op = {
  .name = "conv2d_gradient_w",
  .attributes = sizeof (KolConv2dAttributes),
  .infer = infer_gradient_w,
  .gradient = gradient_of_gradient_w,
  .reference = reference_gradient_w,
  .cases = cases_gradient_w,
  .variants = variants_gradient_w,
  .flops = flops,
};

const KolOp *const kol_conv2d_ops[]
    = { &kol_conv2d_op, &kol_conv2d_gradient_x_op, &kol_conv2d_gradient_w_op, NULL };

/* Adds @bias [K] to each channel of @y [N, K, P, Q]; the plan makes it an epilogue. */
KolValue *
kol_conv2d_add_bias (KolValue *y, KolValue *bias)
{
  gint64 filters;

  if (kol_value_failed (y) || kol_value_failed (bias))
    return kol_add (y, bias); /* passes the failed one on */
  filters = y->shape.dim[1];
  if (bias->shape.rank != 1 || bias->shape.dim[0] != filters)
    return kol_graph_fail (y->graph, KOL_ERROR_SHAPE,
                           "%s: convolution with output %s: the bias should be [%" G_GINT64_FORMAT
                           "], a number per output channel, not %s",
                           y->node->name, kol_shape_text (&y->shape), filters,
                           kol_shape_text (&bias->shape));
  return kol_add (y, kol_reshape (bias, KOL_SHAPE (filters, 1, 1)));
}

/**
 * kol_conv2d:
 * @x: `[N, C, H, W]`
 * @w: the filters, `[K, C / groups, R, S]`
 * @bias: (nullable): `[K]`, added to each output channel
 * @how: (nullable): stride, dilation, groups and padding; %NULL: 1, 1, 1 and none
 *
 * Two-dimensional convolution as networks have it, without turning the filters
 * round (cross-correlation):
 * y[n, k, p, q] = bias[k] + sum over c, r, s of
 * x[n, c, p S + r D - top, q S + s D - left] w[k, c, r, s], where pixels outside
 * the picture are 0. P = (H + top + bottom - D (R - 1) - 1) / S + 1, rounded
 * down, and Q alike; with %KOL_SAME, P is H / S rounded up, and of an odd
 * padding the larger part is at the bottom and right. With groups, filter k sees
 * only the channels of its group. Shapes that do not go together, or a kernel
 * larger than the padded picture, are an error of the graph.
 *
 * Returns: (transfer none): `[N, K, P, Q]`
 */
KolValue *
kol_conv2d (KolValue *x, KolValue *w, KolValue *bias, const KolConv2d *how)
{
  KolConv2dAttributes attributes = { 0 };
  KolValue *y;

  if (how)
    attributes.how = *how;
  y = KOL_NODE (&kol_conv2d_op, &attributes, x, w);
  return bias ? kol_conv2d_add_bias (y, bias) : y;
}
