/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's convolutions.
 */

#include <string.h>

#include "onnx-windows-private.h"

/* Of the last two dimensions; one alone is a row of a picture. */
static KolConv2d
conv2d_of (const KolOnnxWindows *w, int groups)
{
  int h = w->n - 2, v = w->n - 1;
  KolConv2d how = { .groups = groups,
                    .stride = h < 0 ? 1 : (int) w->stride[h],
                    .stride_w = (int) w->stride[v],
                    .dilation = h < 0 ? 1 : (int) w->dilation[h],
                    .dilation_w = (int) w->dilation[v],
                    .top = h < 0 ? 0 : (int) w->before[h],
                    .bottom = h < 0 ? 0 : (int) w->after[h],
                    .left = (int) w->before[v],
                    .right = (int) w->after[v] };

  return how;
}

/* [N, C, D, H, W] -> [N D, C, H, W] */
static KolValue *
planes_first (KolValue *x)
{
  const KolShape *s = kol_value_get_shape (x);

  if (s->rank != 5)
    return x;
  return kol_reshape (kol_transpose (x, &(KolTranspose){ { 0, 2, 1, 3, 4 } }),
                      KOL_SHAPE (s->dim[0] * s->dim[2], s->dim[1], s->dim[3], s->dim[4]));
}

/*
 * Convolution over volumes: for each slice of the filters, the planes of x that it meets
 * are convolved as pictures, and these are summed.
 */
static KolValue *
conv3d (KolValue *x, KolValue *filters, KolValue *bias, const KolOnnxWindows *w, int groups)
{
  const KolShape *v = kol_value_get_shape (filters);
  KolConv2d how = conv2d_of (w, groups);
  KolPad pad = { .before = { 0, 0, (int) w->before[0] }, .after = { 0, 0, (int) w->after[0] } };
  gint64 reach = (w->size[0] - 1) * w->dilation[0];
  gint64 padded = w->length[0] + w->before[0] + w->after[0];
  gint64 planes = (padded - reach - 1) / w->stride[0] + 1,
         examples = kol_value_get_shape (x)->dim[0];
  KolShape filter = KOL_SHAPE (v->dim[0], v->dim[1], v->dim[3], v->dim[4]);
  KolValue *sum = NULL;

  x = kol_pad (x, &pad);
  for (gint64 i = 0; i < w->size[0]; i++)
    {
      KolSlice met = { .n_axes = 1,
                       .axes = { 2 },
                       .start = { i * w->dilation[0] },
                       .stop = { i * w->dilation[0] + (planes - 1) * w->stride[0] + 1 },
                       .step = { w->stride[0] } };
      KolSlice part = { .n_axes = 1, .axes = { 2 }, .start = { i }, .stop = { i + 1 } };
      KolValue *weights = kol_reshape (kol_slice (filters, &part), filter);
      KolValue *y = kol_conv2d (planes_first (kol_slice (x, &met)), weights, i ? NULL : bias, &how);

      sum = sum ? kol_add (sum, y) : y;
    }
  const KolShape *s = kol_value_get_shape (sum);
  if (s->rank != 4)
    return sum;
  sum = kol_reshape (sum, KOL_SHAPE (examples, planes, s->dim[1], s->dim[2], s->dim[3]));
  return kol_transpose (sum, &(KolTranspose){ { 0, 2, 1, 3, 4 } });
}

/* Sizes of windows are those of the filters [K, C, ...]. FALSE: refused. */
static gboolean
read_filters (KolOnnxNode *node, KolOnnxWindows *w)
{
  const KolShape *x = kol_onnx_shape (node, 0), *v = kol_onnx_shape (node, 1);

  *w = (KolOnnxWindows){ 0 };
  if (v->rank != x->rank)
    {
      kol_onnx_refuse (node, "filters of %s for x of %s", kol_shape_text (v), kol_shape_text (x));
      return FALSE;
    }
  for (int i = 0; i < MIN (v->rank - 2, KOL_ONNX_SPATIAL); i++)
    w->size[i] = v->dim[i + 2];
  if (!kol_onnx_read_windows (node, w))
    return FALSE;
  for (int i = 0; i < w->n; i++)
    if (w->size[i] != v->dim[i + 2])
      {
        kol_onnx_refuse (node, "its kernel_shape is not that of its filters %s",
                         kol_shape_text (v));
        return FALSE;
      }
  return TRUE;
}

static int
read_groups (const KolOnnxNode *node)
{
  return (int) CLAMP (kol_onnx_int (node, "group", 1), 1, G_MAXINT32 / 2);
}

/* x, or what is inside of x's border of zeros, which then is the windows' padding. */
static KolValue *
without_border (KolOnnxNode *node, KolOnnxWindows *w)
{
  const KolOnnxSlot *slot = node->inputs[0];

  if (!slot->inside)
    return kol_onnx_value (node, 0);
  for (int i = 0; i < w->n; i++)
    {
      w->before[i] += slot->before[i + 2];
      w->after[i] += slot->after[i + 2];
      w->length[i] -= slot->before[i + 2] + slot->after[i + 2];
    }
  return slot->inside;
}

static void
convert_conv (KolOnnxNode *node)
{
  int groups = read_groups (node);
  KolOnnxWindows w;

  if (!read_filters (node, &w))
    return;
  KolValue *x = without_border (node, &w), *filters = kol_onnx_value (node, 1), *y;
  KolValue *bias = kol_onnx_has (node, 2) ? kol_onnx_value (node, 2) : NULL;
  KolConv2d how = conv2d_of (&w, groups);
  int row = 2;
  if (w.n == 3)
    y = conv3d (x, filters, bias, &w, groups);
  else if (w.n == 2)
    y = kol_conv2d (x, filters, bias, &how);
  else
    y = kol_squeeze (kol_conv2d (kol_unsqueeze (x, 2), kol_unsqueeze (filters, 2), bias, &how),
                     &row, 1);
  kol_onnx_set (node, 0, y);
}

/*
 * What is cut off, or added: from pads, or from the shape that is asked for. The natural
 * length is (length - 1) stride + reach.
 */
static gboolean
read_transposed (KolOnnxNode *node, KolOnnxWindows *w, gint64 *extra)
{
  const char *auto_pad = kol_onnx_string (node, "auto_pad", "NOTSET");
  gboolean same = g_str_has_prefix (auto_pad, "SAME"), upper = strcmp (auto_pad, "SAME_UPPER") == 0;
  gint64 wanted[KOL_ONNX_SPATIAL] = { 0 }, full[KOL_ONNX_SPATIAL + 2] = { 0 };
  guint count;
  const gint64 *given = kol_onnx_ints (node, "output_shape", &count);

  if (!kol_onnx_read_numbers (node, "output_padding", w->n, 0, extra))
    return FALSE;
  if (given && count == (guint) w->n + 2
      && kol_onnx_read_numbers (node, "output_shape", w->n + 2, 1, full))
    memcpy (wanted, full + 2, sizeof wanted);
  else if (given && !kol_onnx_read_numbers (node, "output_shape", w->n, 1, wanted))
    return FALSE;
  for (int i = 0; i < w->n && (given || same); i++)
    {
      gint64 reach = (w->size[i] - 1) * w->dilation[i] + 1;
      gint64 length = given ? wanted[i] : w->length[i] * w->stride[i];
      gint64 total = (w->length[i] - 1) * w->stride[i] + reach + extra[i] - length;

      if (total < 0)
        extra[i] -= total;
      total = MAX (total, 0);
      w->before[i] = upper ? total / 2 : total - total / 2;
      w->after[i] = total - w->before[i];
    }
  return TRUE;
}

static void
convert_conv_transpose (KolOnnxNode *node)
{
  gint64 extra[KOL_ONNX_SPATIAL] = { 0 };
  KolOnnxWindows w;

  if (!read_filters (node, &w) || !read_transposed (node, &w, extra))
    return;
  if (w.n == 3)
    {
      kol_onnx_refuse (node, "of volumes; Kolinsky has it of pictures and of rows");
      return;
    }
  KolConv2d c = conv2d_of (&w, read_groups (node));
  KolConvTranspose2d how = { .stride = c.stride,
                             .stride_w = c.stride_w,
                             .dilation = c.dilation,
                             .dilation_w = c.dilation_w,
                             .groups = c.groups,
                             .top = c.top,
                             .bottom = c.bottom,
                             .left = c.left,
                             .right = c.right,
                             .output_pad_h = w.n == 2 ? (int) extra[0] : 0,
                             .output_pad_w = (int) extra[w.n - 1] };
  KolValue *x = kol_onnx_value (node, 0), *filters = kol_onnx_value (node, 1);
  KolValue *bias = kol_onnx_has (node, 2) ? kol_onnx_value (node, 2) : NULL;
  int row = 2;
  if (w.n == 2)
    kol_onnx_set (node, 0, kol_conv_transpose2d (x, filters, bias, &how));
  else
    kol_onnx_set (node, 0,
                  kol_squeeze (kol_conv_transpose2d (kol_unsqueeze (x, 2),
                                                     kol_unsqueeze (filters, 2), bias, &how),
                               &row, 1));
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_conv_ops[] = {
  KOL_ONNX_LAYER ("Conv", 0, convert_conv),
  KOL_ONNX_LAYER ("ConvTranspose", 0, convert_conv_transpose),
  { NULL },
};
