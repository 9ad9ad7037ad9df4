/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's operators that take and put elements by index, or find indices.
 */

#include <string.h>

#include "onnx-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)

static void
fold_gather (KolOnnxNode *node, int axis)
{
  const KolOnnxTensor *x = kol_onnx_tensor (node, 0), *indices = kol_onnx_tensor (node, 1);
  KolShape shape = { 0 };
  gint64 inner = 1, length = x->shape.dim[axis];

  for (int i = 0; i < x->shape.rank; i++)
    {
      if (i > axis)
        inner *= x->shape.dim[i];
      if (i != axis)
        shape.dim[shape.rank++] = x->shape.dim[i];
      else
        for (int k = 0; k < indices->shape.rank && shape.rank < KOL_MAX_RANK; k++)
          shape.dim[shape.rank++] = indices->shape.dim[k];
    }
  KolOnnxTensor *y = kol_onnx_new_tensor (node, x->type, &shape);
  for (gint64 i = 0; y && i < y->count; i++)
    {
      gint64 k = i % inner, m = i / inner % indices->count, o = i / inner / indices->count;
      gint64 index = kol_onnx_tensor_int (indices, m);

      if (index < -length || index >= length)
        {
          kol_onnx_refuse (node,
                           "index %" G_GINT64_FORMAT " of an axis of length %" G_GINT64_FORMAT,
                           index, length);
          break;
        }
      index += index < 0 ? length : 0;
      kol_onnx_copy_element (x, (o * length + index) * inner + k, y, i);
    }
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_gather (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0), *indices = kol_onnx_shape (node, 1);
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", 0), x->rank);

  if (axis < 0)
    return;
  if (x->rank - 1 + indices->rank > KOL_MAX_RANK)
    kol_onnx_refuse (node, "more than %d dimensions", KOL_MAX_RANK);
  else if (node->on_host)
    fold_gather (node, axis);
  else
    kol_onnx_set (node, 0, kol_gather (kol_onnx_value (node, 0), kol_onnx_value (node, 1), axis));
}

static void
convert_gather_elements (KolOnnxNode *node)
{
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", 0), kol_onnx_shape (node, 0)->rank);

  if (axis >= 0)
    kol_onnx_set (node, 0,
                  kol_gather_elements (kol_onnx_value (node, 0), kol_onnx_value (node, 1), axis));
}

/* x with the updates in their places: where something was put, its sum, else x. */
static KolValue *
put (KolOnnxNode *node, KolValue *x, KolValue *indices, KolValue *updates, int axis)
{
  KolValue *zeros = kol_onnx_filled (node, 0, *kol_value_get_shape (x));
  KolValue *ones = kol_onnx_filled (node, 1, *kol_value_get_shape (updates));
  KolValue *met = kol_scatter_elements_add (zeros, indices, ones, axis);

  return kol_where (met, kol_scatter_elements_add (zeros, indices, updates, axis), x);
}

/* Scatter is ScatterElements under its old name. */
static void
convert_scatter_elements (KolOnnxNode *node)
{
  const char *reduction = kol_onnx_string (node, "reduction", "none");
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", 0), kol_onnx_shape (node, 0)->rank);

  if (axis < 0)
    return;
  KolValue *x = kol_onnx_value (node, 0), *indices = kol_onnx_value (node, 1),
           *updates = kol_onnx_value (node, 2);
  if (strcmp (reduction, "add") == 0)
    kol_onnx_set (node, 0, kol_scatter_elements_add (x, indices, updates, axis));
  else if (strcmp (reduction, "none") == 0)
    kol_onnx_set (node, 0, put (node, x, indices, updates, axis));
  else
    kol_onnx_refuse (node, "its reduction is “%s”; Kolinsky has none and add", reduction);
}

/*
 * Indices of several axes at once, [.., K], become one index into these axes taken
 * together, with batch axes before them: b * product + sum over k of i[k] stride[k].
 */
static KolValue *
flat_indices (KolOnnxNode *node, int batch)
{
  const KolShape *x = kol_onnx_shape (node, 0), *indices = kol_onnx_shape (node, 1);
  int k = (int) indices->dim[indices->rank - 1];
  KolValue *all = kol_onnx_value (node, 1), *sum = NULL;
  gint64 stride = 1;

  for (int i = k - 1; i >= 0; i--)
    {
      KolSlice how = { .n_axes = 1, .axes = { -1 }, .start = { i }, .stop = { i + 1 } };
      gint64 length = x->dim[batch + i];
      KolValue *index = kol_slice (all, &how);
      /* Those that count from the end. */
      KolValue *below = kol_less (index, kol_constant (node->graph, 0));

      index = kol_add (index, kol_scale (below, (float) length, 0));
      index = kol_scale (index, (float) stride, 0);
      sum = sum ? kol_add (sum, index) : index;
      stride *= length;
    }
  int last = indices->rank - 1;
  return kol_squeeze (sum, &last, 1);
}

/* Whether the axes that are indexed are few enough for whole numbers in floats. */
static gboolean
check_indexed (KolOnnxNode *node, int batch)
{
  const KolShape *x = kol_onnx_shape (node, 0), *indices = kol_onnx_shape (node, 1);
  gint64 k = indices->rank > 0 ? indices->dim[indices->rank - 1] : 0, product = 1;

  if (k < 1 || batch < 0 || k + batch > x->rank || batch >= indices->rank)
    {
      kol_onnx_refuse (node, "indices of shape %s into %s", kol_shape_text (indices),
                       kol_shape_text (x));
      return FALSE;
    }
  for (int i = 0; i < batch + (int) k; i++)
    product *= x->dim[i];
  if (product <= 1 << 24)
    return TRUE;
  kol_onnx_refuse (node, "indices of more than 2^24 elements");
  return FALSE;
}

static void
convert_gather_nd (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0), *indices = kol_onnx_shape (node, 1);
  int batch = (int) CLAMP (kol_onnx_int (node, "batch_dims", 0), -1, KOL_MAX_RANK);

  if (!check_indexed (node, batch))
    return;
  int k = (int) indices->dim[indices->rank - 1];
  gint64 examples = 1, indexed = 1, each = 1;
  KolShape flat = { .rank = 1, .dim = { 1 } }, shape = { 0 };
  for (int i = 0; i < batch; i++)
    examples *= x->dim[i];
  for (int i = batch; i < batch + k; i++)
    indexed *= x->dim[i];
  flat.dim[0] = examples * indexed;
  for (int i = 0; i < indices->rank - 1; i++)
    {
      shape.dim[shape.rank++] = indices->dim[i];
      each *= i >= batch ? indices->dim[i] : 1;
    }
  for (int i = batch + k; i < x->rank && shape.rank < KOL_MAX_RANK; i++)
    shape.dim[shape.rank++] = flat.dim[flat.rank++] = x->dim[i];
  KolValue *index = kol_reshape (flat_indices (node, batch), KOL_SHAPE (examples, each));
  if (batch > 0)
    { /* the example's first element */
      KolOnnxTensor *offsets = kol_onnx_new_tensor (node, TYPE (INT64), &KOL_SHAPE (examples, 1));
      for (gint64 i = 0; offsets && i < examples; i++)
        offsets->ints[i] = i * indexed;
      if (!offsets)
        return;
      index = kol_add (index, kol_onnx_constant (node, offsets));
      kol_onnx_tensor_unref (offsets);
    }
  KolValue *rows = kol_reshape (kol_onnx_value (node, 0), flat);
  kol_onnx_set (node, 0, kol_reshape (kol_gather (rows, index, 0), shape));
}

/* Whole slices are put where indices say: as rows of x, in which they are one index. */
static void
convert_scatter_nd (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0), *indices = kol_onnx_shape (node, 1);
  const char *reduction = kol_onnx_string (node, "reduction", "none");
  gint64 rows = 1, width = 1, n = 1;

  if (!check_indexed (node, 0))
    return;
  for (int i = 0; i < x->rank; i++)
    if (i < indices->dim[indices->rank - 1])
      rows *= x->dim[i];
    else
      width *= x->dim[i];
  for (int i = 0; i < indices->rank - 1; i++)
    n *= indices->dim[i];
  KolValue *index = kol_reshape (flat_indices (node, 0), KOL_SHAPE (n));
  KolValue *table = kol_reshape (kol_onnx_value (node, 0), KOL_SHAPE (rows, width));
  KolValue *updates = kol_reshape (kol_onnx_value (node, 2), KOL_SHAPE (n, width));
  KolValue *zeros = kol_onnx_filled (node, 0, KOL_SHAPE (rows, width));
  if (strcmp (reduction, "add") == 0)
    table = kol_scatter_add (table, index, updates, 0);
  else if (strcmp (reduction, "none") == 0)
    {
      KolValue *ones = kol_onnx_filled (node, 1, KOL_SHAPE (n, 1));
      KolValue *met
          = kol_scatter_add (kol_onnx_filled (node, 0, KOL_SHAPE (rows, 1)), index, ones, 0);

      table = kol_where (met, kol_scatter_add (zeros, index, updates, 0), table);
    }
  else
    kol_onnx_refuse (node, "its reduction is “%s”; Kolinsky has none and add", reduction);
  kol_onnx_set (node, 0, kol_reshape (table, *x));
}

/* The new axis may be anywhere: made last, then moved. Indices may count from the end. */
static void
convert_one_hot (KolOnnxNode *node)
{
  const KolOnnxTensor *depth = kol_onnx_tensor (node, 1), *values = kol_onnx_tensor (node, 2);
  const KolShape *x = kol_onnx_shape (node, 0);
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", -1), x->rank + 1);

  if (!depth || !values || axis < 0)
    return;
  gint64 length = depth->count == 1 ? kol_onnx_tensor_int (depth, 0) : 0;
  if (length < 1 || length > 1 << 24 || values->count != 2 || x->rank >= KOL_MAX_RANK)
    {
      kol_onnx_refuse (node, "an axis of length %" G_GINT64_FORMAT " for %s", length,
                       kol_shape_text (x));
      return;
    }
  KolValue *index = kol_onnx_value (node, 0);
  KolValue *below = kol_less (index, kol_constant (node->graph, 0));
  index = kol_add (index, kol_scale (below, (float) length, 0));
  KolValue *y = kol_one_hot (index, (int) length, (float) kol_onnx_tensor_float (values, 1),
                             (float) kol_onnx_tensor_float (values, 0));
  KolTranspose move = { 0 };
  for (int i = 0; i <= x->rank; i++)
    move.order[i] = i < axis ? i : i == axis ? x->rank : i - 1;
  kol_onnx_set_typed (node, 0, axis == x->rank ? y : kol_transpose (y, &move), values->type);
}

/* The elements at which a condition that is known holds. */
static void
convert_compress (KolOnnxNode *node)
{
  const KolOnnxTensor *condition = kol_onnx_tensor (node, 1);
  const KolShape *x = kol_onnx_shape (node, 0);
  gboolean flat = !kol_onnx_attribute (node, "axis");
  int axis = flat ? 0 : kol_onnx_axis (node, kol_onnx_int (node, "axis", 0), x->rank);
  gint64 found = 0, length;

  if (!condition || axis < 0 || !kol_onnx_shape_count (x, &length))
    return;
  length = flat ? length : x->dim[axis];
  for (gint64 i = 0; i < MIN (condition->count, length); i++)
    found += condition->ints && condition->ints[i] != 0;
  KolOnnxTensor *indices = kol_onnx_new_tensor (node, TYPE (INT64), &KOL_SHAPE (found));
  for (gint64 i = 0, next = 0; indices && i < MIN (condition->count, length) && next < found; i++)
    if (condition->ints[i])
      indices->ints[next++] = i;
  if (!indices)
    return;
  KolValue *values = kol_onnx_value (node, 0);
  KolValue *chosen = kol_onnx_constant (node, indices);
  if (!node->refused)
    kol_onnx_set (node, 0,
                  kol_gather (flat ? kol_reshape (values, KOL_SHAPE (-1)) : values,
                              found == 1 ? kol_reshape (chosen, KOL_SHAPE (1)) : chosen, axis));
  kol_onnx_tensor_unref (indices);
}

static void
convert_top_k (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", -1), x->rank);
  gint64 k = kol_onnx_int (node, "k", 0);
  KolValue *indices;

  if (axis < 0)
    return;
  if (node->opset >= 10)
    {
      const KolOnnxTensor *given = kol_onnx_tensor (node, 1);

      if (!given || given->count != 1)
        return;
      k = kol_onnx_tensor_int (given, 0);
    }
  if (k < 1 || k > x->dim[axis])
    {
      kol_onnx_refuse (node, "the first %" G_GINT64_FORMAT " of axis %d of %s", k, axis,
                       kol_shape_text (x));
      return;
    }
  KolValue *y = kol_top_k (kol_onnx_value (node, 0), (int) k, axis,
                           kol_onnx_int (node, "largest", 1) != 0, &indices);
  kol_onnx_set (node, 0, y);
  kol_onnx_set_typed (node, 1, indices, TYPE (INT64));
}

/* 1 where an element of [.., R, C] is kept, else 0. */
static void
convert_trilu (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  gboolean upper = kol_onnx_int (node, "upper", 1) != 0;
  const KolOnnxTensor *given = kol_onnx_has (node, 1) ? kol_onnx_tensor (node, 1) : NULL;
  gint64 k = given && given->count == 1 ? kol_onnx_tensor_int (given, 0) : 0, count;

  if (node->refused || !kol_onnx_shape_count (x, &count))
    return;
  if (x->rank < 2 || count == 0)
    {
      kol_onnx_refuse (node, "of shape %s", kol_shape_text (x));
      return;
    }
  gint64 rows = x->dim[x->rank - 2], columns = x->dim[x->rank - 1];
  KolOnnxTensor *mask = kol_onnx_new_tensor (node, TYPE (BOOL), &KOL_SHAPE (rows, columns));
  for (gint64 r = 0; mask && r < rows; r++)
    for (gint64 c = 0; c < columns; c++)
      mask->ints[r * columns + c] = upper ? c - r >= k : c - r <= k;
  if (!mask)
    return;
  kol_onnx_set (node, 0,
                kol_where (kol_onnx_constant (node, mask), kol_onnx_value (node, 0),
                           kol_constant (node->graph, 0)));
  kol_onnx_tensor_unref (mask);
}

/* The first elements of each example, as many as it has, turned round. */
static void
convert_reverse_sequence (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  const KolOnnxTensor *lengths = kol_onnx_tensor (node, 1);
  int batch = kol_onnx_axis (node, kol_onnx_int (node, "batch_axis", 1), x->rank);
  int time = kol_onnx_axis (node, kol_onnx_int (node, "time_axis", 0), x->rank);

  if (!lengths || batch < 0 || time < 0)
    return;
  if (batch == time || lengths->count != x->dim[batch])
    {
      kol_onnx_refuse (node, "%" G_GINT64_FORMAT " lengths for %s", lengths->count,
                       kol_shape_text (x));
      return;
    }
  KolOnnxTensor *indices = kol_onnx_new_tensor (node, TYPE (INT64), x);
  gint64 at[KOL_MAX_RANK] = { 0 };
  for (gint64 i = 0; indices && i < indices->count; i++, kol_onnx_next (x, at))
    {
      gint64 length = kol_onnx_tensor_int (lengths, at[batch]);

      indices->ints[i]
          = at[time] < length && length <= x->dim[time] ? length - 1 - at[time] : at[time];
    }
  if (!indices)
    return;
  kol_onnx_set (node, 0,
                kol_gather_elements (kol_onnx_value (node, 0),
                                     kol_reshape (kol_onnx_constant (node, indices), *x), time));
  kol_onnx_tensor_unref (indices);
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_index_ops[] = {
  { "Compress", 9, convert_compress, .fixed = KOL_ONNX_INPUT (1) },
  { "Gather", 0, convert_gather, KOL_ONNX_ANY, TRUE, .least = 2 },
  { "GatherElements", 11, convert_gather_elements },
  { "GatherND", 11, convert_gather_nd },
  { "OneHot", 9, convert_one_hot, .fixed = KOL_ONNX_INPUT (1) | KOL_ONNX_INPUT (2) },
  { "ReverseSequence", 10, convert_reverse_sequence, .fixed = KOL_ONNX_INPUT (1) },
  { "Scatter", 9, convert_scatter_elements },
  { "ScatterElements", 11, convert_scatter_elements },
  { "ScatterND", 11, convert_scatter_nd },
  { "TopK", 0, convert_top_k, .fixed = KOL_ONNX_INPUT (1) },
  { "Trilu", 14, convert_trilu, .fixed = KOL_ONNX_INPUT (1) },
  { NULL },
};
