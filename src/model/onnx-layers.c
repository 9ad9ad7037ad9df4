/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's layers: convolution, pooling, normalization, softmax, resizing, losses.
 */

#include <math.h>
#include <string.h>

#include "onnx-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)
#define SPATIAL 3 /* dimensions of pictures at most, behind [N, C] */

/* ── Windows ─────────────────────────────────────────────────────────────────────────────────── */

/* What convolution and pooling say of each spatial dimension. */
typedef struct {
  int n; /* how many dimensions */
  gint64 length[SPATIAL], size[SPATIAL], stride[SPATIAL], dilation[SPATIAL];
  gint64 before[SPATIAL], after[SPATIAL];
} Windows;

/* An attribute with a number per dimension; FALSE: refused. */
static gboolean
read_numbers (KolOnnxNode *node, const char *name, int n, gint64 low, gint64 *numbers)
{
  guint count;
  const gint64 *given = kol_onnx_ints (node, name, &count);

  if (!given)
    return TRUE;
  if (count != (guint) n)
    {
      kol_onnx_refuse (node, "its %s are %u; %d are expected", name, count, n);
      return FALSE;
    }
  for (int i = 0; i < n; i++)
    {
      if (given[i] < low || given[i] > G_MAXINT32 / 4)
        {
          kol_onnx_refuse (node, "its %s has %" G_GINT64_FORMAT, name, given[i]);
          return FALSE;
        }
      numbers[i] = given[i];
    }
  return TRUE;
}

/* The padding for ceil (length / stride) windows; the odd one after, or with LOWER before. */
static void
pad_same (Windows *w, gboolean lower)
{
  for (int i = 0; i < w->n; i++)
    {
      gint64 windows = (w->length[i] + w->stride[i] - 1) / w->stride[i];
      gint64 reach = (w->size[i] - 1) * w->dilation[i] + 1;
      gint64 total = MAX ((windows - 1) * w->stride[i] + reach - w->length[i], 0);

      w->before[i] = lower ? total - total / 2 : total / 2;
      w->after[i] = total - w->before[i];
    }
}

/* Fills in all but the sizes; FALSE: refused. */
static gboolean
read_windows (KolOnnxNode *node, Windows *w)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  const char *auto_pad = kol_onnx_string (node, "auto_pad", "NOTSET");
  gint64 pads[2 * SPATIAL] = { 0 };

  w->n = x->rank - 2;
  if (w->n < 1 || w->n > SPATIAL)
    {
      kol_onnx_refuse (node, "x is %s; it has to be [N, C, ...] of 3 to 5 dimensions",
                       kol_shape_text (x));
      return FALSE;
    }
  for (int i = 0; i < w->n; i++)
    {
      w->length[i] = x->dim[i + 2];
      w->stride[i] = w->dilation[i] = 1;
    }
  if (!read_numbers (node, "kernel_shape", w->n, 1, w->size)
      || !read_numbers (node, "strides", w->n, 1, w->stride)
      || !read_numbers (node, "dilations", w->n, 1, w->dilation)
      || !read_numbers (node, "pads", 2 * w->n, 0, pads))
    return FALSE;
  for (int i = 0; i < w->n; i++)
    {
      w->before[i] = pads[i];
      w->after[i] = pads[w->n + i];
      if (w->size[i] < 1)
        {
          kol_onnx_refuse (node, "its windows have no size");
          return FALSE;
        }
    }
  if (strcmp (auto_pad, "SAME_UPPER") == 0 || strcmp (auto_pad, "SAME_LOWER") == 0)
    pad_same (w, strcmp (auto_pad, "SAME_LOWER") == 0);
  else if (strcmp (auto_pad, "VALID") == 0)
    memset (w->before, 0, sizeof w->before), memset (w->after, 0, sizeof w->after);
  else if (strcmp (auto_pad, "NOTSET") != 0)
    {
      kol_onnx_refuse (node, "its auto_pad is “%s”", auto_pad);
      return FALSE;
    }
  return TRUE;
}

/* ── Convolution ─────────────────────────────────────────────────────────────────────────────── */

/* Of the last two dimensions; one alone is a row of a picture. */
static KolConv2d
conv2d_of (const Windows *w, int groups)
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
conv3d (KolValue *x, KolValue *filters, KolValue *bias, const Windows *w, int groups)
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
read_filters (KolOnnxNode *node, Windows *w)
{
  const KolShape *x = kol_onnx_shape (node, 0), *v = kol_onnx_shape (node, 1);

  *w = (Windows){ 0 };
  if (v->rank != x->rank)
    {
      kol_onnx_refuse (node, "filters of %s for x of %s", kol_shape_text (v), kol_shape_text (x));
      return FALSE;
    }
  for (int i = 0; i < MIN (v->rank - 2, SPATIAL); i++)
    w->size[i] = v->dim[i + 2];
  if (!read_windows (node, w))
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
without_border (KolOnnxNode *node, Windows *w)
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
  Windows w;

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
read_transposed (KolOnnxNode *node, Windows *w, gint64 *extra)
{
  const char *auto_pad = kol_onnx_string (node, "auto_pad", "NOTSET");
  gboolean same = g_str_has_prefix (auto_pad, "SAME"), upper = strcmp (auto_pad, "SAME_UPPER") == 0;
  gint64 wanted[SPATIAL] = { 0 }, full[SPATIAL + 2] = { 0 };
  guint count;
  const gint64 *given = kol_onnx_ints (node, "output_shape", &count);

  if (!read_numbers (node, "output_padding", w->n, 0, extra))
    return FALSE;
  if (given && count == (guint) w->n + 2 && read_numbers (node, "output_shape", w->n + 2, 1, full))
    memcpy (wanted, full + 2, sizeof wanted);
  else if (given && !read_numbers (node, "output_shape", w->n, 1, wanted))
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
  gint64 extra[SPATIAL] = { 0 };
  Windows w;

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

/* ── Pooling ─────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  gboolean largest, ceil, count_pad;
} Pooling;

static KolPool
pool_of (const Windows *w, const Pooling *pooling)
{
  int h = w->n - 2, v = w->n - 1;
  KolPool how = { .size = h < 0 ? 1 : (int) w->size[h],
                  .size_w = (int) w->size[v],
                  .stride = h < 0 ? 1 : (int) w->stride[h],
                  .stride_w = (int) w->stride[v],
                  .top = h < 0 ? 0 : (int) w->before[h],
                  .bottom = h < 0 ? 0 : (int) w->after[h],
                  .left = (int) w->before[v],
                  .right = (int) w->after[v],
                  .ceil = pooling->ceil,
                  .count_pad = pooling->count_pad };

  return how;
}

/* Pools along one axis alone; windows of a dilation are the largest of slices. */
static KolValue *
pool_axis (KolValue *x, const Windows *w, int i, const Pooling *pooling)
{
  KolShape shape = *kol_value_get_shape (x);
  Windows one = { .n = 2,
                  .size = { w->size[i], 1 },
                  .stride = { w->stride[i], 1 },
                  .before = { w->before[i] },
                  .after = { w->after[i] } };
  KolPool how = pool_of (&one, pooling);
  gint64 outer = 1, inner = 1;

  for (int k = 0; k < shape.rank; k++)
    if (k < i + 2)
      outer *= shape.dim[k];
    else if (k > i + 2)
      inner *= shape.dim[k];
  x = kol_reshape (x, KOL_SHAPE (outer, 1, shape.dim[i + 2], inner));
  x = pooling->largest ? kol_max_pool (x, &how) : kol_average_pool (x, &how);
  const KolShape *y = kol_value_get_shape (x);
  shape.dim[i + 2] = y->rank == 4 ? y->dim[2] : 1;
  return kol_reshape (x, shape);
}

static KolValue *
max_dilated (KolValue *x, const Windows *w, int i, gboolean ceil)
{
  gint64 reach = (w->size[i] - 1) * w->dilation[i] + 1, stride = w->stride[i];
  gint64 room = w->length[i] + w->before[i] + w->after[i] - reach;
  gint64 windows = room < 0 ? 0 : (ceil ? (room + stride - 1) / stride : room / stride) + 1;
  KolPad pad = { .value = -INFINITY };
  KolValue *largest = NULL;

  if (ceil && (windows - 1) * stride >= w->length[i] + w->before[i])
    windows--;
  pad.before[i + 2] = (int) w->before[i];
  pad.after[i + 2]
      = (int) MAX ((windows - 1) * stride + reach - w->length[i] - w->before[i], w->after[i]);
  x = kol_pad (x, &pad);
  for (gint64 k = 0; k < w->size[i]; k++)
    {
      KolSlice how = { .n_axes = 1,
                       .axes = { i + 2 },
                       .start = { k * w->dilation[i] },
                       .stop = { k * w->dilation[i] + (windows - 1) * stride + 1 },
                       .step = { stride } };
      KolValue *part = kol_slice (x, &how);

      largest = largest ? kol_maximum (largest, part) : part;
    }
  return largest;
}

/*
 * A maximum of maxima and a mean of means, axis by axis: how many elements of a window
 * lie inside is a product of what lies inside along each axis.
 */
static KolValue *
pool_axes (KolValue *x, const Windows *w, const Pooling *pooling)
{
  for (int i = 0; i < w->n; i++)
    x = w->dilation[i] > 1 ? max_dilated (x, w, i, pooling->ceil) : pool_axis (x, w, i, pooling);
  return x;
}

static gboolean
is_dilated (const Windows *w)
{
  for (int i = 0; i < w->n; i++)
    if (w->dilation[i] > 1)
      return TRUE;
  return FALSE;
}

/* Places in a channel, h W + w, to places in all of x, whose rows may be counted down columns. */
static KolValue *
flat_places (KolOnnxNode *node, KolValue *places)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  gint64 planes = x->dim[0] * x->dim[1], rows = x->rank > 3 ? x->dim[2] : 1;
  gint64 columns = x->dim[x->rank - 1], each = rows * columns;
  KolShape shape = { .rank = x->rank };

  if (planes * each > 1 << 24)
    {
      kol_onnx_refuse (node, "places of %s, more than 2^24, do not fit into floats",
                       kol_shape_text (x));
      return places;
    }
  if (kol_onnx_int (node, "storage_order", 0))
    {
      KolValue *column = kol_modulo (places, kol_constant (node->graph, (float) columns));
      KolValue *row
          = kol_divide (kol_subtract (places, column), kol_constant (node->graph, (float) columns));

      places = kol_add (kol_scale (column, (float) rows, 0), row);
    }
  for (int i = 0; i < shape.rank; i++)
    shape.dim[i] = i < 2 ? x->dim[i] : 1;
  KolOnnxTensor *offsets = kol_onnx_new_tensor (node, TYPE (INT64), &shape);
  for (gint64 i = 0; offsets && i < offsets->count; i++)
    offsets->ints[i] = i * each;
  if (!offsets)
    return places;
  KolValue *first = kol_onnx_constant (node, offsets);
  kol_onnx_tensor_unref (offsets);
  return planes > 1 ? kol_add (places, first) : places;
}

static KolValue *
max_pool_with_places (KolOnnxNode *node, KolValue *x, const Windows *w, const Pooling *pooling)
{
  KolPool how = pool_of (w, pooling);
  KolValue *places, *y;
  int row = 2;

  if (w->n == 3 || is_dilated (w))
    {
      kol_onnx_refuse (node, "places of maxima in volumes, or of dilated windows");
      return x;
    }
  y = kol_max_pool_with_indices (w->n == 1 ? kol_unsqueeze (x, 2) : x, &how, &places);
  if (w->n == 1)
    {
      y = kol_squeeze (y, &row, 1);
      places = kol_squeeze (places, &row, 1);
    }
  kol_onnx_set_typed (node, 1, flat_places (node, places), TYPE (INT64));
  return y;
}

static void
convert_pool (KolOnnxNode *node)
{
  gboolean largest = strcmp (node->proto->op_type, "MaxPool") == 0;
  Pooling pooling = { .largest = largest,
                      .ceil = kol_onnx_int (node, "ceil_mode", 0) != 0,
                      .count_pad = !largest && kol_onnx_int (node, "count_include_pad", 0) != 0 };
  Windows w = { 0 };

  if (!read_windows (node, &w))
    return;
  if (!largest && is_dilated (&w))
    {
      kol_onnx_refuse (node, "means of dilated windows");
      return;
    }
  KolValue *x = kol_onnx_value (node, 0), *y;
  KolPool how = pool_of (&w, &pooling);
  if (largest && kol_onnx_wants (node, 1))
    y = max_pool_with_places (node, x, &w, &pooling);
  else if (w.n != 2 || is_dilated (&w))
    y = pool_axes (x, &w, &pooling);
  else
    y = largest ? kol_max_pool (x, &how) : kol_average_pool (x, &how);
  kol_onnx_set (node, 0, y);
}

/* Over all but [N, C]. */
static void
convert_global_pool (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  gboolean largest = strcmp (node->proto->op_type, "GlobalMaxPool") == 0;
  KolReduce over = { .keep = TRUE };

  if (x->rank < 3)
    {
      kol_onnx_refuse (node, "x is %s; it has to be [N, C, ...]", kol_shape_text (x));
      return;
    }
  for (int i = 2; i < x->rank; i++)
    over.axes[over.n_axes++] = i;
  KolValue *value = kol_onnx_value (node, 0);
  if (x->rank == 4)
    value = largest ? kol_global_max_pool (value) : kol_global_average_pool (value);
  else
    value = largest ? kol_max (value, &over) : kol_mean_over (value, &over);
  kol_onnx_set (node, 0, value);
}

/* Places are those in what the pooling read; what output_shape has more lies behind. */
static void
convert_max_unpool (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  KolShape shape = *x;
  KolPad pad = { 0 };
  Windows w = { 0 };

  if (!read_windows (node, &w))
    return;
  if (w.n != 2 || kol_onnx_shape (node, 1)->rank != 4)
    {
      kol_onnx_refuse (node, "of x %s; Kolinsky has it of pictures", kol_shape_text (x));
      return;
    }
  for (int i = 0; i < w.n; i++)
    shape.dim[i + 2] = (w.length[i] - 1) * w.stride[i] + w.size[i] - w.before[i] - w.after[i];
  KolValue *each = kol_constant (node->graph, (float) (shape.dim[2] * shape.dim[3]));
  KolValue *places = kol_modulo (kol_onnx_value (node, 1), each);
  KolValue *y = kol_max_unpool (kol_onnx_value (node, 0), places, shape);
  if (kol_onnx_has (node, 2))
    {
      const KolOnnxTensor *wanted = kol_onnx_tensor (node, 2);

      for (int i = 0; wanted && i < 4; i++)
        pad.after[i]
            = wanted->count == 4
                  ? (int) CLAMP (kol_onnx_tensor_int (wanted, i) - shape.dim[i], 0, G_MAXINT32 / 4)
                  : 0;
      y = kol_pad (y, &pad);
    }
  kol_onnx_set (node, 0, y);
}

/* ── Normalization ───────────────────────────────────────────────────────────────────────────── */

/* Mean and variance over the axes that are listed, which are kept. */
static void
moments (KolValue *x, const KolReduce *over, KolValue **mean, KolValue **variance)
{
  *mean = kol_mean_over (x, over);
  *variance = kol_mean_over (kol_square (kol_subtract (x, *mean)), over);
}

/* running momentum + batch (1 - momentum) */
static KolValue *
mix (KolValue *running, KolValue *batch, float momentum)
{
  return kol_add (kol_scale (running, momentum, 0), kol_scale (batch, 1 - momentum, 0));
}

static void
batch_norm_training (KolOnnxNode *node, float epsilon)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  float momentum = (float) kol_onnx_float (node, "momentum", 0.9);
  KolValue *value = kol_onnx_value (node, 0), *mean, *variance;
  KolReduce over = { .keep = TRUE, .n_axes = 1 };
  KolShape channels = { .rank = x->rank };

  for (int i = 0; i < x->rank; i++)
    channels.dim[i] = i == 1 ? x->dim[1] : 1;
  for (int i = 2; i < x->rank; i++)
    over.axes[over.n_axes++] = i;
  moments (value, &over, &mean, &variance);
  KolValue *y
      = kol_multiply (kol_subtract (value, mean), kol_rsqrt (kol_scale (variance, 1, epsilon)));
  y = kol_add (kol_multiply (y, kol_reshape (kol_onnx_value (node, 1), channels)),
               kol_reshape (kol_onnx_value (node, 2), channels));
  kol_onnx_set (node, 0, y);
  kol_onnx_set (node, 1,
                mix (kol_onnx_state (node, 3), kol_reshape (mean, KOL_SHAPE (-1)), momentum));
  kol_onnx_set (node, 2,
                mix (kol_onnx_state (node, 4), kol_reshape (variance, KOL_SHAPE (-1)), momentum));
}

static void
convert_batch_norm (KolOnnxNode *node)
{
  double epsilon = kol_onnx_float (node, "epsilon", 1e-5);

  if (!kol_onnx_int (node, "spatial", 1) && kol_onnx_shape (node, 0)->rank > 2)
    kol_onnx_refuse (node, "statistics of each pixel; Kolinsky has those of channels");
  else if (kol_onnx_int (node, "training_mode", 0))
    batch_norm_training (node, (float) epsilon);
  else if (kol_onnx_wants (node, 1) || kol_onnx_wants (node, 2))
    kol_onnx_refuse (node, "statistics of training without training_mode");
  else
    kol_onnx_set (node, 0,
                  kol_batch_norm (kol_onnx_value (node, 0), kol_onnx_value (node, 1),
                                  kol_onnx_value (node, 2), kol_onnx_state (node, 3),
                                  kol_onnx_state (node, 4), &(KolBatchNorm){ .epsilon = epsilon }));
}

static void
convert_instance_norm (KolOnnxNode *node)
{
  kol_onnx_set (node, 0,
                kol_instance_norm (kol_onnx_value (node, 0), kol_onnx_value (node, 1),
                                   kol_onnx_value (node, 2),
                                   kol_onnx_float (node, "epsilon", 1e-5)));
}

/* With its mean and 1 / deviation, where they are asked for. */
static void
convert_layer_norm (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  float epsilon = (float) kol_onnx_float (node, "epsilon", 1e-5);
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", -1), x->rank);
  KolValue *value = kol_onnx_value (node, 0), *mean, *variance;
  KolReduce over = { .keep = TRUE };

  if (axis < 0)
    return;
  for (int i = axis; i < x->rank; i++)
    over.axes[over.n_axes++] = i;
  moments (value, &over, &mean, &variance);
  KolValue *inverse = kol_rsqrt (kol_scale (variance, 1, epsilon));
  KolValue *y
      = kol_multiply (kol_multiply (kol_subtract (value, mean), inverse), kol_onnx_value (node, 1));
  if (kol_onnx_has (node, 2))
    y = kol_add (y, kol_onnx_value (node, 2));
  kol_onnx_set (node, 0, y);
  kol_onnx_set_typed (node, 1, mean, TYPE (FLOAT));
  kol_onnx_set_typed (node, 2, inverse, TYPE (FLOAT));
}

static void
convert_local_response_norm (KolOnnxNode *node)
{
  KolLocalResponseNorm how = { .size = (int) CLAMP (kol_onnx_int (node, "size", 0), 0, G_MAXINT32),
                               .alpha = kol_onnx_float (node, "alpha", 1e-4),
                               .beta = kol_onnx_float (node, "beta", 0.75),
                               .bias = kol_onnx_float (node, "bias", 1) };

  if (how.size < 1 || how.size % 2 == 0)
    kol_onnx_refuse (node, "windows of %d channels; Kolinsky has it of odd numbers", how.size);
  else
    kol_onnx_set (node, 0, kol_local_response_norm (kol_onnx_value (node, 0), &how));
}

/* (x - mean) / (deviation + 1e-9) over the axes, all but the channels' without. */
static void
convert_mean_variance_norm (KolOnnxNode *node)
{
  static const gint64 usual[] = { 0, 2, 3 };
  const KolShape *x = kol_onnx_shape (node, 0);
  guint n;
  const gint64 *axes = kol_onnx_ints (node, "axes", &n);
  KolReduce over = { .keep = TRUE };
  KolValue *value = kol_onnx_value (node, 0), *mean, *variance;

  n = axes ? n : G_N_ELEMENTS (usual);
  if (n > (guint) x->rank)
    {
      kol_onnx_refuse (node, "%u axes of %s", n, kol_shape_text (x));
      return;
    }
  for (guint i = 0; i < n; i++)
    if ((over.axes[over.n_axes++] = kol_onnx_axis (node, axes ? axes[i] : usual[i], x->rank)) < 0)
      return;
  moments (value, &over, &mean, &variance);
  kol_onnx_set (node, 0,
                kol_divide (kol_subtract (value, mean), kol_scale (kol_sqrt (variance), 1, 1e-9f)));
}

/* x / (sum |x|^p)^(1/p) along an axis. */
static void
convert_lp_norm (KolOnnxNode *node)
{
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", -1), kol_onnx_shape (node, 0)->rank);
  KolReduce over = { .n_axes = 1, .axes = { axis }, .keep = TRUE };
  gint64 p = kol_onnx_int (node, "p", 2);
  KolValue *x = kol_onnx_value (node, 0);

  if (axis < 0)
    return;
  if (p != 1 && p != 2)
    kol_onnx_refuse (node, "p is %" G_GINT64_FORMAT "; it is 1 or 2", p);
  else
    kol_onnx_set (node, 0, kol_divide (x, p == 1 ? kol_norm1 (x, &over) : kol_norm2 (x, &over)));
}

/* ── Softmax ─────────────────────────────────────────────────────────────────────────────────── */

/* 1 at the first largest element along an axis, else 0. */
static KolValue *
hardmax (KolValue *x, int axis)
{
  const KolShape *shape = kol_value_get_shape (x);
  int length = (int) shape->dim[axis];
  KolTranspose move = { 0 };

  for (int i = 0; i < shape->rank; i++)
    move.order[i] = i < axis ? i : i == axis ? shape->rank - 1 : i - 1;
  KolValue *y = kol_one_hot (kol_argmax (x, axis), length, 1, 0);
  return axis == shape->rank - 1 ? y : kol_transpose (y, &move);
}

/* Before version 13, over the axes from one on taken together. */
static void
convert_softmax (KolOnnxNode *node)
{
  const KolShape *shape = kol_onnx_shape (node, 0);
  gboolean together = node->opset < 13;
  int axis
      = kol_onnx_axis (node, kol_onnx_int (node, "axis", together ? 1 : -1), MAX (shape->rank, 1));
  KolValue *x = kol_onnx_value (node, 0), *y;

  if (axis < 0)
    return;
  if (together)
    x = kol_flatten (x, axis);
  if (strcmp (node->proto->op_type, "Softmax") == 0)
    y = kol_softmax (x, together ? 1 : axis);
  else if (strcmp (node->proto->op_type, "LogSoftmax") == 0)
    y = kol_log_softmax (x, together ? 1 : axis);
  else
    y = hardmax (x, together ? 1 : axis);
  kol_onnx_set (node, 0, together ? kol_reshape (y, *shape) : y);
}

/* ── Losses ──────────────────────────────────────────────────────────────────────────────────── */

/* -w[t] log p[t] of each target t, whose weights are those of classes, and 0 where it is ignored.
 */
static KolValue *
picked_loss (KolOnnxNode *node, KolValue *logs, KolValue **weights)
{
  KolValue *targets = kol_onnx_value (node, 1), *counts = NULL;
  int axis = 1;

  if (kol_onnx_attribute (node, "ignore_index"))
    {
      float ignored = (float) kol_onnx_int (node, "ignore_index", 0);

      counts = kol_not_equal (targets, kol_constant (node->graph, ignored));
      targets = kol_where (counts, targets, kol_constant (node->graph, 0));
    }
  if (kol_onnx_has (node, 2))
    {
      KolValue *of_class = kol_gather (kol_onnx_value (node, 2), targets, 0);

      counts = counts ? kol_multiply (of_class, counts) : of_class;
    }
  KolValue *picked = kol_gather_elements (logs, kol_unsqueeze (targets, 1), 1);
  KolValue *loss = kol_negate (kol_squeeze (picked, &axis, 1));
  *weights = counts;
  return counts ? kol_multiply (loss, counts) : loss;
}

static void
set_loss (KolOnnxNode *node, KolValue *logs)
{
  const char *reduction = kol_onnx_string (node, "reduction", "mean");
  KolValue *weights, *loss = picked_loss (node, logs, &weights);

  if (strcmp (reduction, "none") == 0)
    kol_onnx_set (node, 0, loss);
  else if (strcmp (reduction, "sum") == 0)
    kol_onnx_set (node, 0, kol_sum (loss, NULL));
  else if (weights)
    kol_onnx_set (node, 0, kol_divide (kol_sum (loss, NULL), kol_sum (weights, NULL)));
  else
    kol_onnx_set (node, 0, kol_mean (loss));
}

static void
convert_negative_log_likelihood (KolOnnxNode *node)
{
  set_loss (node, kol_onnx_value (node, 0));
}

static void
convert_softmax_cross_entropy (KolOnnxNode *node)
{
  KolValue *logs = kol_log_softmax (kol_onnx_value (node, 0), 1);

  set_loss (node, logs);
  kol_onnx_set (node, 1, logs);
}

/* ── Dropout ─────────────────────────────────────────────────────────────────────────────────── */

/* Nothing is dropped when a network is asked; what is to learn is refused. */
static void
convert_dropout (KolOnnxNode *node)
{
  gboolean training = FALSE;
  double ratio = kol_onnx_float (node, "ratio", 0.5);

  if (kol_onnx_has (node, 2))
    {
      const KolOnnxTensor *mode = kol_onnx_tensor (node, 2);

      training = mode && mode->count == 1 && kol_onnx_tensor_int (mode, 0);
      if (kol_onnx_is_known (node, 1) && node->inputs[1]->tensor->count == 1)
        ratio = kol_onnx_tensor_float (node->inputs[1]->tensor, 0);
    }
  if (node->refused)
    return;
  if (training && ratio != 0)
    {
      kol_onnx_refuse (node, "it drops at random, as for training; Kolinsky reads networks to use");
      return;
    }
  kol_onnx_set (node, 0, kol_onnx_value (node, 0));
  if (kol_onnx_wants (node, 1))
    kol_onnx_set_typed (node, 1, kol_onnx_filled (node, 1, *kol_onnx_shape (node, 0)),
                        node->opset >= 10 ? TYPE (BOOL) : kol_onnx_type (node, 0));
}

/* ── Resizing ────────────────────────────────────────────────────────────────────────────────── */

/* How one axis is resized. */
typedef struct {
  gint64 from, to;
  double scale;
  double start, end; /* of the region, for tf_crop_and_resize */
  const char *coordinates, *mode, *rounding;
  double cubic; /* its coefficient */
  gboolean exclude;
  double outside; /* for tf_crop_and_resize */
} Axis;

/*
 * The position in x of element @i, as ONNX's Resize says; where that is half-way between
 * two, float32 decides, as in other programs. Aligned corners take the length before it
 * was rounded, as ONNX's own data do, and not all other programs.
 */
static double
position_of (const Axis *axis, gint64 i)
{
  double at = (double) i, from = (double) axis->from, to = (double) axis->to;
  float scale = (float) axis->scale;
  double length = from * axis->scale;

  if (strcmp (axis->coordinates, "align_corners") == 0)
    return to > 1 ? at * (from - 1) / (length - 1) : 0;
  if (strcmp (axis->coordinates, "asymmetric") == 0)
    return (float) at / scale;
  if (strcmp (axis->coordinates, "pytorch_half_pixel") == 0 && to <= 1)
    return 0;
  if (strcmp (axis->coordinates, "tf_half_pixel_for_nn") == 0)
    return ((float) at + 0.5f) / scale;
  if (strcmp (axis->coordinates, "tf_crop_and_resize") == 0)
    return to > 1
               ? axis->start * (from - 1) + at * (axis->end - axis->start) * (from - 1) / (to - 1)
               : 0.5 * (axis->start + axis->end) * (from - 1);
  return ((float) at + 0.5f) / scale - 0.5f;
}

static gint64
round_position (const Axis *axis, double position)
{
  if (strcmp (axis->rounding, "floor") == 0)
    return (gint64) floor (position);
  if (strcmp (axis->rounding, "ceil") == 0)
    return (gint64) ceil (position);
  if (strcmp (axis->rounding, "round_prefer_ceil") == 0)
    return (gint64) floor (position + 0.5);
  return (gint64) ceil (position - 0.5);
}

/* Keys' cubic: the weights of the four neighbours, of which the second is at distance t. */
static void
cubic_weights (double a, double t, double *weights)
{
  double far = t + 1, near = 1 - t, last = 2 - t;

  weights[0] = ((a * far - 5 * a) * far + 8 * a) * far - 4 * a;
  weights[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
  weights[2] = ((a + 2) * near - (a + 3)) * near * near + 1;
  weights[3] = ((a * last - 5 * a) * last + 8 * a) * last - 4 * a;
}

/* Row @i of the matrix that resizes an axis: which elements of x make element i. */
static void
fill_row (const Axis *axis, gint64 i, double *row)
{
  double position = position_of (axis, i), weights[4] = { 0 }, sum = 0;
  gint64 first;

  if (strcmp (axis->mode, "nearest") == 0)
    {
      weights[0] = 1;
      first = round_position (axis, position);
    }
  else
    {
      first = (gint64) floor (position);
      weights[0] = 1 - (position - (double) first);
      weights[1] = position - (double) first;
      if (strcmp (axis->mode, "cubic") == 0)
        cubic_weights (axis->cubic, position - (double) first--, weights);
    }
  for (int k = 0; k < 4; k++)
    {
      gboolean inside = first + k >= 0 && first + k < axis->from;

      if (axis->exclude && !inside)
        continue;
      row[CLAMP (first + k, 0, axis->from - 1)] += weights[k];
      sum += weights[k];
    }
  for (gint64 k = 0; axis->exclude && k < axis->from; k++)
    row[k] /= sum;
}

/* Multiplies along an axis by the matrix that resizes it. */
static KolValue *
resize_axis (KolOnnxNode *node, KolValue *x, int at, const Axis *axis)
{
  KolShape shape = *kol_value_get_shape (x);
  gint64 outer = 1, inner = 1;
  KolOnnxTensor *matrix
      = kol_onnx_new_tensor (node, TYPE (FLOAT), &KOL_SHAPE (axis->to, axis->from));

  if (!matrix)
    return x;
  for (gint64 i = 0; i < axis->to; i++)
    fill_row (axis, i, matrix->floats + i * axis->from);
  for (int i = 0; i < shape.rank; i++)
    if (i < at)
      outer *= shape.dim[i];
    else if (i > at)
      inner *= shape.dim[i];
  shape.dim[at] = axis->to;
  KolValue *factor = kol_onnx_constant (node, matrix);
  kol_onnx_tensor_unref (matrix);
  return kol_reshape (kol_matmul (factor, kol_reshape (x, KOL_SHAPE (outer, axis->from, inner))),
                      shape);
}

/* kol_resize() where it has the same; it says so, and sets @y. */
static gboolean
resize_picture (const Axis *axes, const KolShape *shape, KolValue *x, KolValue **y)
{
  static const char *const coordinates[] = { "half_pixel", "align_corners", "asymmetric" };
  static const char *const roundings[]
      = { "round_prefer_floor", "round_prefer_ceil", "floor", "ceil" };
  KolResize how = { .coordinates = (KolCoordinates) -1, .rounding = (KolRounding) -1 };

  if (shape->rank != 4 || axes[0].from != axes[0].to || axes[1].from != axes[1].to
      || strcmp (axes[2].mode, "cubic") == 0)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (coordinates); i++)
    if (strcmp (axes[2].coordinates, coordinates[i]) == 0)
      how.coordinates = (KolCoordinates) i;
  for (guint i = 0; i < G_N_ELEMENTS (roundings); i++)
    if (strcmp (axes[2].rounding, roundings[i]) == 0)
      how.rounding = (KolRounding) i;
  for (int i = 2; i < 4; i++)
    if (fabs ((double) axes[i].from * axes[i].scale - (double) axes[i].to)
        > 1e-6 * (double) axes[i].to)
      return FALSE;
  if ((int) how.coordinates < 0 || (int) how.rounding < 0 || axes[2].to > G_MAXINT32
      || axes[3].to > G_MAXINT32)
    return FALSE;
  how.mode = strcmp (axes[2].mode, "linear") == 0 ? KOL_RESIZE_BILINEAR : KOL_RESIZE_NEAREST;
  how.height = (int) axes[2].to;
  how.width = (int) axes[3].to;
  *y = kol_resize (x, &how);
  return TRUE;
}

static gboolean
check_word (KolOnnxNode *node, const char *what, const char *word, const char *const *known)
{
  if (g_strv_contains (known, word))
    return TRUE;
  kol_onnx_refuse (node, "its %s is “%s”", what, word);
  return FALSE;
}

static gboolean
read_resize_words (KolOnnxNode *node, Axis *axis)
{
  static const char *const modes[] = { "nearest", "linear", "cubic", NULL };
  static const char *const coordinates[]
      = { "half_pixel",           "align_corners",      "asymmetric", "pytorch_half_pixel",
          "tf_half_pixel_for_nn", "tf_crop_and_resize", NULL };
  static const char *const roundings[]
      = { "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL };
  gboolean old = node->opset < 11;

  axis->mode = kol_onnx_string (node, "mode", "nearest");
  if (strcmp (axis->mode, "bilinear") == 0)
    axis->mode = "linear";
  axis->coordinates
      = kol_onnx_string (node, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel");
  axis->rounding = kol_onnx_string (node, "nearest_mode", old ? "floor" : "round_prefer_floor");
  axis->cubic = kol_onnx_float (node, "cubic_coeff_a", -0.75);
  axis->exclude = kol_onnx_int (node, "exclude_outside", 0) != 0;
  axis->outside = kol_onnx_float (node, "extrapolation_value", 0);
  return check_word (node, "mode", axis->mode, modes)
         && check_word (node, "coordinate_transformation_mode", axis->coordinates, coordinates)
         && check_word (node, "nearest_mode", axis->rounding, roundings);
}

/* Lengths and scales of all axes, from scales or sizes. FALSE: refused. */
static gboolean
read_resize_axes (KolOnnxNode *node, Axis *axes)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  const Onnx__AttributeProto *attribute = kol_onnx_attribute (node, "scales");
  guint scales_at = node->opset < 11 ? 1 : 2;
  const KolOnnxTensor *scales = NULL, *sizes = NULL, *region = NULL;

  if (kol_onnx_has (node, scales_at) && kol_onnx_shape (node, scales_at)->rank == 1
      && kol_onnx_shape (node, scales_at)->dim[0] > 0)
    scales = kol_onnx_tensor (node, scales_at);
  else if (kol_onnx_has (node, 3))
    sizes = kol_onnx_tensor (node, 3);
  if (node->opset >= 11 && strcmp (axes[0].coordinates, "tf_crop_and_resize") == 0)
    region = kol_onnx_tensor (node, 1);
  if (node->refused)
    return FALSE;
  gint64 n = scales      ? scales->count
             : sizes     ? sizes->count
             : attribute ? (gint64) attribute->n_floats
                         : 0;
  if (n != x->rank || (region && region->count != 2 * n))
    {
      kol_onnx_refuse (node, "%" G_GINT64_FORMAT " scales or sizes for %s", n, kol_shape_text (x));
      return FALSE;
    }
  for (int i = 0; i < x->rank; i++)
    {
      Axis *axis = &axes[i];

      *axis = axes[0];
      axis->from = x->dim[i];
      axis->scale = sizes    ? (double) kol_onnx_tensor_int (sizes, i) / (double) x->dim[i]
                    : scales ? kol_onnx_tensor_float (scales, i)
                             : attribute->floats[i];
      axis->start = region ? kol_onnx_tensor_float (region, i) : 0;
      axis->end = region ? kol_onnx_tensor_float (region, n + i) : 1;
      double length = floor ((double) axis->from * axis->scale * (axis->end - axis->start) + 1e-9);
      axis->to = sizes ? kol_onnx_tensor_int (sizes, i) : length < 1e9 ? (gint64) length : 0;
      if (axis->to < 1 || !(axis->scale > 0))
        {
          kol_onnx_refuse (node, "axis %d of %s scaled by %g", i, kol_shape_text (x), axis->scale);
          return FALSE;
        }
    }
  return TRUE;
}

/* 1 where an element of a cropped axis lies in x, else 0; NULL: all do. */
static KolValue *
inside_of_axis (KolOnnxNode *node, const Axis *axis)
{
  KolOnnxTensor *mask = kol_onnx_new_tensor (node, TYPE (FLOAT), &KOL_SHAPE (axis->to));
  gboolean all = TRUE;

  for (gint64 i = 0; mask && i < axis->to; i++)
    {
      double position = position_of (axis, i);

      mask->floats[i] = position >= 0 && position <= (double) (axis->from - 1);
      all = all && mask->floats[i] != 0;
    }
  KolValue *value = mask && !all ? kol_onnx_constant (node, mask) : NULL;
  if (mask)
    kol_onnx_tensor_unref (mask);
  return value;
}

static KolValue *
fill_outside (KolOnnxNode *node, KolValue *y, const Axis *axes, int rank)
{
  for (int i = 0; i < rank; i++)
    {
      KolValue *inside = inside_of_axis (node, &axes[i]);
      KolShape shape = { .rank = rank - i, .dim = { axes[i].to } };

      for (int k = 1; k < shape.rank; k++)
        shape.dim[k] = 1;
      if (inside)
        y = kol_where (kol_reshape (inside, shape), y,
                       kol_constant (node->graph, (float) axes[i].outside));
    }
  return y;
}

static void
convert_resize (KolOnnxNode *node)
{
  const KolShape *shape = kol_onnx_shape (node, 0);
  Axis axes[KOL_MAX_RANK] = { 0 };
  KolShape resized = *shape;
  gboolean cropped;

  if (!read_resize_words (node, &axes[0]))
    return;
  cropped = strcmp (axes[0].coordinates, "tf_crop_and_resize") == 0;
  if (!read_resize_axes (node, axes))
    return;
  for (int i = 0; i < shape->rank; i++)
    resized.dim[i] = axes[i].to;
  if (!kol_onnx_fits (node, &resized))
    return;
  KolValue *x = kol_onnx_value (node, 0), *y = NULL;
  if (!resize_picture (axes, shape, x, &y))
    {
      y = x;
      for (int i = 0; i < shape->rank; i++)
        if (axes[i].from != axes[i].to || axes[i].scale != 1 || cropped)
          y = resize_axis (node, y, i, &axes[i]);
    }
  kol_onnx_set (node, 0, cropped ? fill_outside (node, y, axes, shape->rank) : y);
}

/* ── The tables ──────────────────────────────────────────────────────────────────────────────── */

#define LAYER(name, since, convert)                                                                \
  {                                                                                                \
    name, since, convert, KOL_ONNX_REAL                                                            \
  }
#define INPUT(i) (1u << (i))

const KolOnnxOp kol_onnx_layer_ops[] = {
  LAYER ("AveragePool", 0, convert_pool),
  LAYER ("BatchNormalization", 0, convert_batch_norm),
  LAYER ("Conv", 0, convert_conv),
  LAYER ("ConvTranspose", 0, convert_conv_transpose),
  { "Dropout", 0, convert_dropout, KOL_ONNX_REAL, .fixed = INPUT (2) },
  LAYER ("GlobalAveragePool", 0, convert_global_pool),
  LAYER ("GlobalMaxPool", 0, convert_global_pool),
  LAYER ("Hardmax", 0, convert_softmax),
  LAYER ("InstanceNormalization", 0, convert_instance_norm),
  LAYER ("LayerNormalization", 17, convert_layer_norm),
  LAYER ("LogSoftmax", 0, convert_softmax),
  LAYER ("LpNormalization", 0, convert_lp_norm),
  LAYER ("LRN", 0, convert_local_response_norm),
  { "MaxPool", 0, convert_pool },
  { "MaxUnpool", 9, convert_max_unpool, KOL_ONNX_REAL, .fixed = INPUT (2) },
  LAYER ("MeanVarianceNormalization", 9, convert_mean_variance_norm),
  LAYER ("NegativeLogLikelihoodLoss", 12, convert_negative_log_likelihood),
  { "Resize", 10, convert_resize, KOL_ONNX_REAL, .fixed = INPUT (1) | INPUT (2) | INPUT (3) },
  LAYER ("Softmax", 0, convert_softmax),
  LAYER ("SoftmaxCrossEntropyLoss", 12, convert_softmax_cross_entropy),
  { "Upsample", 0, convert_resize, KOL_ONNX_REAL, .fixed = INPUT (1) },
  { NULL },
};

/* What is known, but not here. */
#define TRAINING "it trains; Kolinsky reads networks to use"
#define RANDOM "it is random; Kolinsky reads networks to use"
#define QUANTIZED "it computes with quantized numbers; Kolinsky computes in float32"
#define SEQUENCE "it works on sequences of tensors; Kolinsky has tensors alone"
#define TEXT "it works on text"
#define LOOP "it loops; Kolinsky has no loops that are not unrolled"
#define REFUSED(name, reason)                                                                      \
  {                                                                                                \
    name, 0, NULL, .why = reason                                                                   \
  }

const KolOnnxOp kol_onnx_refused_ops[] = {
  REFUSED ("Bernoulli", RANDOM),
  REFUSED ("BitShift", "it shifts the bits of whole numbers; Kolinsky computes in float32"),
  REFUSED ("ConcatFromSequence", SEQUENCE),
  REFUSED ("ConvInteger", QUANTIZED),
  REFUSED ("DequantizeLinear", QUANTIZED),
  REFUSED ("DynamicQuantizeLinear", QUANTIZED),
  REFUSED ("Loop", LOOP),
  REFUSED ("MatMulInteger", QUANTIZED),
  REFUSED ("Multinomial", RANDOM),
  REFUSED ("Optional", SEQUENCE),
  REFUSED ("OptionalGetElement", SEQUENCE),
  REFUSED ("OptionalHasElement", SEQUENCE),
  REFUSED ("QLinearConv", QUANTIZED),
  REFUSED ("QLinearMatMul", QUANTIZED),
  REFUSED ("QuantizeLinear", QUANTIZED),
  REFUSED ("RandomNormal", RANDOM),
  REFUSED ("RandomNormalLike", RANDOM),
  REFUSED ("RandomUniform", RANDOM),
  REFUSED ("RandomUniformLike", RANDOM),
  REFUSED ("Scan", LOOP),
  REFUSED ("SequenceAt", SEQUENCE),
  REFUSED ("SequenceConstruct", SEQUENCE),
  REFUSED ("SequenceEmpty", SEQUENCE),
  REFUSED ("SequenceErase", SEQUENCE),
  REFUSED ("SequenceInsert", SEQUENCE),
  REFUSED ("SequenceLength", SEQUENCE),
  REFUSED ("SequenceMap", SEQUENCE),
  REFUSED ("SplitToSequence", SEQUENCE),
  REFUSED ("StringNormalizer", TEXT),
  REFUSED ("TfIdfVectorizer", TEXT),
  { NULL },
};
