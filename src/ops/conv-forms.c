/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Convolutions that are conv2d or its gradient in another form: along one
 * dimension, and transposed. They are nodes of that family, with its variants and
 * gradients.
 */

#include "conv2d-private.h"

/* The output's length along an axis of a transposed convolution. */
static gint64
transposed_length (gint64 length, gint64 kernel, gint64 stride, gint64 dilation, gint64 paddings,
                   gint64 output_pad)
{
  return (length - 1) * stride + dilation * (kernel - 1) + 1 - paddings + output_pad;
}

/*
 * The convolution whose gradient is meant. Rows that y has more at the end are
 * rows that its padding there is less; what goes beyond that is less than a
 * stride, which the convolution does not see.
 */
static KolConv2d
convolution_of (const KolConvTranspose2d *how)
{
  return (KolConv2d){ .stride = how->stride ? how->stride : 1,
                      .stride_w = how->stride_w ? how->stride_w : MAX (how->stride, 1),
                      .dilation = how->dilation ? how->dilation : 1,
                      .dilation_w = how->dilation_w ? how->dilation_w : MAX (how->dilation, 1),
                      .groups = how->groups ? how->groups : 1,
                      .top = how->pad + how->top,
                      .left = how->pad + how->left,
                      .bottom = MAX (how->pad + how->bottom - how->output_pad_h, 0),
                      .right = MAX (how->pad + how->right - how->output_pad_w, 0) };
}

/* The shape of y; x and w have four dimensions. */
static KolShape
transposed_shape (const KolShape *x, const KolShape *w, const KolConvTranspose2d *how)
{
  KolConv2d c = convolution_of (how);
  int down = 2 * how->pad + how->top + how->bottom, across = 2 * how->pad + how->left + how->right;

  return KOL_SHAPE (
      x->dim[0], w->dim[1] * c.groups,
      transposed_length (x->dim[2], w->dim[2], c.stride, c.dilation, down, how->output_pad_h),
      transposed_length (x->dim[3], w->dim[3], c.stride_w, c.dilation_w, across,
                         how->output_pad_w));
}

/* Whether what is added to the output is no more than its paddings leave open. */
static gboolean
output_pad_is_right (const KolConvTranspose2d *how)
{
  const int given[] = { how->pad,   how->top,          how->left,        how->bottom,
                        how->right, how->output_pad_h, how->output_pad_w };

  for (guint i = 0; i < G_N_ELEMENTS (given); i++)
    if (given[i] < -G_MAXINT / 8 || given[i] > G_MAXINT / 8) /* sums of these are numbers */
      return FALSE;
  KolConv2d c = convolution_of (how);
  return MIN (how->output_pad_h, how->output_pad_w) >= 0
         && how->output_pad_h - how->pad - how->bottom < c.stride
         && how->output_pad_w - how->pad - how->right < c.stride_w;
}

/* The graph's failed value with what is wrong, or NULL: nothing that conv2d would not find. */
static KolValue *
refuse_transposed (KolValue *x, KolValue *w, const KolConvTranspose2d *how)
{
  const KolShape *xs = &x->shape, *ws = &w->shape;
  KolShape y;

  if (xs->rank != 4 || ws->rank != 4 || xs->dim[1] != ws->dim[0])
    return kol_graph_fail (x->graph, KOL_ERROR_SHAPE,
                           "conv_transpose2d of x %s with w %s: they should be [N, C, H, W] and "
                           "[C, K / groups, R, S], with the same C",
                           kol_shape_text (xs), kol_shape_text (ws));
  if (!output_pad_is_right (how))
    return kol_graph_fail (x->graph, KOL_ERROR_SHAPE,
                           "conv_transpose2d of x %s with w %s, stride %d x %d, and %d x %d added "
                           "to the output: that should be 0 or more, and less than the stride, "
                           "and paddings should be lengths that pictures can have",
                           kol_shape_text (xs), kol_shape_text (ws), how->stride, how->stride_w,
                           how->output_pad_h, how->output_pad_w);
  y = transposed_shape (xs, ws, how);
  if (y.dim[2] < 1 || y.dim[3] < 1)
    return kol_graph_fail (x->graph, KOL_ERROR_SHAPE,
                           "conv_transpose2d of x %s with w %s: the padding leaves an output of %s",
                           kol_shape_text (xs), kol_shape_text (ws), kol_shape_text (&y));
  return NULL;
}

/**
 * kol_conv_transpose2d:
 * @x: `[N, C, H, W]`
 * @w: the filters, `[C, K / groups, R, S]`
 * @bias: (nullable): `[K]`, added to each output channel
 * @how: (nullable): stride, dilation, groups and padding; %NULL: 1, 1, 1 and none
 *
 * Transposed convolution, the gradient of kol_conv2d() to its input: each pixel
 * of @x adds the filters, times itself, to the output at S times its place,
 * y[n, k, h S + r D - top, w S + s D - left] += x[n, c, h, w] w[c, k, r, s]. The
 * padding is taken off the output, and output_pad rows and columns, which must be
 * fewer than the stride, are added at its bottom and right:
 * P = (H - 1) S + D (R - 1) + 1 - top - bottom + output_pad_h, and Q alike. With
 * groups, channel c adds only to the channels of its group. The numbers are those
 * of torch.nn.ConvTranspose2d and ONNX's ConvTranspose. Shapes that do not go
 * together are an error of the graph.
 *
 * Returns: (transfer none): `[N, K, P, Q]`
 */
KolValue *
kol_conv_transpose2d (KolValue *x, KolValue *w, KolValue *bias, const KolConvTranspose2d *how)
{
  static const KolConvTranspose2d plain = { 0 };
  KolConv2dAttributes attributes;
  KolValue *refused, *y;

  if (kol_value_failed (x) || kol_value_failed (w))
    return KOL_NODE (&kol_conv2d_gradient_x_op, NULL, x, w); /* passes the failed one on */
  how = how ? how : &plain;
  refused = refuse_transposed (x, w, how);
  if (refused)
    return refused;
  attributes.how = convolution_of (how);
  attributes.wanted = transposed_shape (&x->shape, &w->shape, how);
  y = KOL_NODE (&kol_conv2d_gradient_x_op, &attributes, x, w);
  return bias ? kol_conv2d_add_bias (y, bias) : y;
}

/* [a, b, length] as [a, b, 1, length]. */
static KolValue *
as_rows (KolValue *value)
{
  const KolShape *shape = &value->shape;

  return kol_reshape (value, KOL_SHAPE (shape->dim[0], shape->dim[1], 1, shape->dim[2]));
}

/**
 * kol_conv1d:
 * @x: `[N, C, L]`
 * @w: the filters, `[K, C / groups, S]`
 * @bias: (nullable): `[K]`, added to each output channel
 * @how: (nullable): stride, dilation, groups and padding; %NULL: 1, 1, 1 and none
 *
 * Convolution along one dimension,
 * y[n, k, q] = bias[k] + sum over c, s of x[n, c, q S + s D - left] w[k, c, s];
 * it is kol_conv2d() of pictures of one row. Shapes that do not go together are an
 * error of the graph.
 *
 * Returns: (transfer none): `[N, K, Q]`
 */
KolValue *
kol_conv1d (KolValue *x, KolValue *w, KolValue *bias, const KolConv1d *how)
{
  KolConv2d flat = { 0 };
  KolValue *y;

  if (kol_value_failed (x) || kol_value_failed (w))
    return kol_conv2d (x, w, bias, NULL);
  if (x->shape.rank != 3 || w->shape.rank != 3)
    return kol_graph_fail (x->graph, KOL_ERROR_SHAPE,
                           "conv1d of x %s with w %s: both should have three dimensions, x "
                           "[N, C, L] and w [K, C / groups, S]",
                           kol_shape_text (&x->shape), kol_shape_text (&w->shape));
  if (how)
    flat = (KolConv2d){ .stride = 1,
                        .stride_w = how->stride ? how->stride : 1,
                        .dilation = 1,
                        .dilation_w = how->dilation ? how->dilation : 1,
                        .groups = how->groups,
                        .padding = how->padding,
                        .left = (int) MIN ((gint64) how->pad + how->left, G_MAXINT),
                        .right = (int) MIN ((gint64) how->pad + how->right, G_MAXINT) };
  y = kol_conv2d (as_rows (x), as_rows (w), bias, &flat);
  if (kol_value_failed (y))
    return y;
  return kol_reshape (y, KOL_SHAPE (y->shape.dim[0], y->shape.dim[1], y->shape.dim[3]));
}
