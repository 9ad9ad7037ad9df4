/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's pooling, and its way back.
 */

#include <math.h>
#include <string.h>

#include "onnx-windows-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)

typedef struct {
  gboolean largest, ceil, count_pad;
} Pooling;

static KolPool
pool_of (const KolOnnxWindows *w, const Pooling *pooling)
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
pool_axis (KolValue *x, const KolOnnxWindows *w, int i, const Pooling *pooling)
{
  KolShape shape = *kol_value_get_shape (x);
  KolOnnxWindows one = { .n = 2,
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
max_dilated (KolValue *x, const KolOnnxWindows *w, int i, gboolean ceil)
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
pool_axes (KolValue *x, const KolOnnxWindows *w, const Pooling *pooling)
{
  for (int i = 0; i < w->n; i++)
    x = w->dilation[i] > 1 ? max_dilated (x, w, i, pooling->ceil) : pool_axis (x, w, i, pooling);
  return x;
}

static gboolean
is_dilated (const KolOnnxWindows *w)
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
max_pool_with_places (KolOnnxNode *node, KolValue *x, const KolOnnxWindows *w,
                      const Pooling *pooling)
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
  KolOnnxWindows w = { 0 };

  if (!kol_onnx_read_windows (node, &w))
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
  KolOnnxWindows w = { 0 };

  if (!kol_onnx_read_windows (node, &w))
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

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_pool_ops[] = {
  KOL_ONNX_LAYER ("AveragePool", 0, convert_pool),
  KOL_ONNX_LAYER ("GlobalAveragePool", 0, convert_global_pool),
  KOL_ONNX_LAYER ("GlobalMaxPool", 0, convert_global_pool),
  { "MaxPool", 0, convert_pool },
  { "MaxUnpool", 9, convert_max_unpool, KOL_ONNX_REAL, .fixed = KOL_ONNX_INPUT (2) },
  { NULL },
};
