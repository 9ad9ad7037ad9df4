/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * What convolution and pooling read of windows: sizes, strides, borders.
 */

#include <string.h>

#include "onnx-windows-private.h"

gboolean
kol_onnx_read_numbers (KolOnnxNode *node, const char *name, int n, gint64 low, gint64 *numbers)
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
pad_same (KolOnnxWindows *w, gboolean lower)
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

gboolean
kol_onnx_read_windows (KolOnnxNode *node, KolOnnxWindows *w)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  const char *auto_pad = kol_onnx_string (node, "auto_pad", "NOTSET");
  gint64 pads[2 * KOL_ONNX_SPATIAL] = { 0 };

  w->n = x->rank - 2;
  if (w->n < 1 || w->n > KOL_ONNX_SPATIAL)
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
  if (!kol_onnx_read_numbers (node, "kernel_shape", w->n, 1, w->size)
      || !kol_onnx_read_numbers (node, "strides", w->n, 1, w->stride)
      || !kol_onnx_read_numbers (node, "dilations", w->n, 1, w->dilation)
      || !kol_onnx_read_numbers (node, "pads", 2 * w->n, 0, pads))
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
