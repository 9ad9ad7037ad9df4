/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's operators that give the same elements another shape.
 */

#include "onnx-private.h"

/* A weight's is another view of its parameter, so that it stays one. */
static void
set_reshaped (KolOnnxNode *node, KolShape shape)
{
  if (!node->on_host)
    {
      kol_onnx_set (node, 0, kol_reshape (kol_onnx_value (node, 0), shape));
      return;
    }
  const KolOnnxTensor *x = kol_onnx_tensor (node, 0);
  KolOnnxTensor *y = x ? kol_onnx_new_tensor (node, x->type, &shape) : NULL;
  if (y && y->count != x->count)
    {
      kol_onnx_refuse (node, "%s to %s", kol_shape_text (&x->shape), kol_shape_text (&shape));
      g_clear_pointer (&y, kol_onnx_tensor_unref);
    }
  for (gint64 i = 0; y && i < y->count; i++)
    kol_onnx_copy_element (x, i, y, i);
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_identity (KolOnnxNode *node)
{
  KolOnnxSlot *slot = node->inputs[0];

  if (slot && slot->tensor)
    kol_onnx_set_tensor (node, 0, kol_onnx_tensor_ref (slot->tensor));
  else
    kol_onnx_set (node, 0, kol_onnx_value (node, 0));
}

/* 0 stands for the length that was there, -1 for whatever is left. */
static void
convert_reshape (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  gboolean zeros = kol_onnx_int (node, "allowzero", 0) != 0;
  KolShape shape;
  gint64 count = 0, others = 1;
  int open = -1;

  if (!kol_onnx_read_shape (node, 1, &shape) || !kol_onnx_shape_count (x, &count))
    return;
  for (int i = 0; i < shape.rank; i++)
    {
      if (shape.dim[i] == 0 && !zeros && i < x->rank)
        shape.dim[i] = x->dim[i];
      if (shape.dim[i] == -1 && open < 0)
        open = i;
      else if (shape.dim[i] < 0 || (shape.dim[i] > 0 && others > G_MAXINT64 / shape.dim[i]))
        {
          kol_onnx_refuse (node, "to %s", kol_shape_text (&shape));
          return;
        }
      else
        others *= shape.dim[i];
    }
  if (open >= 0)
    shape.dim[open] = others > 0 ? count / others : 0;
  set_reshaped (node, shape);
}

static void
convert_flatten (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  gint64 axis = kol_onnx_int (node, "axis", 1);
  KolShape shape = KOL_SHAPE (1, 1);

  if (axis < -x->rank || axis > x->rank)
    {
      kol_onnx_refuse (node, "there is no axis %" G_GINT64_FORMAT " in %s", axis,
                       kol_shape_text (x));
      return;
    }
  axis = axis < 0 ? axis + x->rank : axis;
  for (int i = 0; i < x->rank; i++)
    shape.dim[i >= axis] *= x->dim[i];
  set_reshaped (node, shape);
}

static void
convert_squeeze (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  g_autofree gint64 *axes = NULL;
  gboolean gone[KOL_MAX_RANK] = { 0 };
  KolShape shape = { 0 };
  guint n;

  gboolean given = kol_onnx_numbers (node, "axes", 1, &axes, &n);
  if (node->refused)
    return;
  for (guint i = 0; i < n; i++)
    {
      int axis = kol_onnx_axis (node, axes[i], x->rank);

      if (axis < 0)
        return;
      if (x->dim[axis] != 1)
        {
          kol_onnx_refuse (node, "axis %d of %s has not the length 1", axis, kol_shape_text (x));
          return;
        }
      gone[axis] = TRUE;
    }
  for (int i = 0; i < x->rank; i++)
    if (!(given ? gone[i] : x->dim[i] == 1))
      shape.dim[shape.rank++] = x->dim[i];
  set_reshaped (node, shape);
}

static void
convert_unsqueeze (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  g_autofree gint64 *axes = NULL;
  KolShape shape = { 0 };
  gboolean is_new[KOL_MAX_RANK] = { 0 };
  guint n, next = 0;

  if (!kol_onnx_numbers (node, "axes", 1, &axes, &n))
    {
      kol_onnx_refuse (node, "it has no axes");
      return;
    }
  if (n + (guint) x->rank > KOL_MAX_RANK)
    {
      kol_onnx_refuse (node, "%u dimensions; at most %d are possible", n + (guint) x->rank,
                       KOL_MAX_RANK);
      return;
    }
  shape.rank = x->rank + (int) n;
  for (guint i = 0; i < n; i++)
    {
      int axis = kol_onnx_axis (node, axes[i], shape.rank);

      if (axis < 0 || is_new[axis])
        {
          kol_onnx_refuse (node, "an axis is given twice");
          return;
        }
      is_new[axis] = TRUE;
    }
  for (int i = 0; i < shape.rank; i++)
    shape.dim[i] = is_new[i] ? 1 : x->dim[next++];
  set_reshaped (node, shape);
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_shape_ops[] = {
  { "Flatten", 0, convert_flatten, KOL_ONNX_ANY, TRUE },
  { "Identity", 0, convert_identity, KOL_ONNX_ANY, TRUE },
  { "Reshape", 0, convert_reshape, KOL_ONNX_ANY, TRUE, KOL_ONNX_INPUT (1) },
  { "Squeeze", 0, convert_squeeze, KOL_ONNX_ANY, TRUE, KOL_ONNX_INPUT (1) },
  { "Unsqueeze", 0, convert_unsqueeze, KOL_ONNX_ANY, TRUE, KOL_ONNX_INPUT (1) },
  { NULL },
};
