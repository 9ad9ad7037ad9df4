/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's operators that make constants, and those whose results are known before anything
 * runs: of shapes, of ranges.
 */

#include <math.h>

#include "onnx-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)

/* ── Constants ───────────────────────────────────────────────────────────────────────────────── */

/* A tensor with these whole numbers, as output 0. */
static void
set_ints (KolOnnxNode *node, int type, const KolShape *shape, const gint64 *values)
{
  KolOnnxTensor *y = kol_onnx_new_tensor (node, type, shape);

  for (gint64 i = 0; y && i < y->count; i++)
    kol_onnx_tensor_set_int (y, i, values[i]);
  kol_onnx_set_tensor (node, 0, y);
}

/* The tensor of an attribute, called as output 0; NULL: refused. */
static KolOnnxTensor *
attribute_tensor (KolOnnxNode *node, const Onnx__TensorProto *proto, GBytes *file)
{
  g_autoptr (GError) error = NULL;
  KolOnnxTensor *tensor = kol_onnx_tensor_from_proto (proto, file, &error);

  if (!tensor)
    kol_onnx_refuse (node, "%s", error->message);
  return tensor;
}

static void
convert_constant (KolOnnxNode *node)
{
  const Onnx__AttributeProto *value = kol_onnx_attribute (node, "value");
  const Onnx__AttributeProto *number = kol_onnx_attribute (node, "value_float");
  KolOnnxTensor *y = NULL;
  guint n;

  if (value && value->t)
    {
      y = attribute_tensor (node, value->t, kol_onnx_get_file (node));
      if (y && !y->name)
        y->name = g_strdup (node->proto->output[0]);
    }
  else if (number)
    {
      if ((y = kol_onnx_new_tensor (node, TYPE (FLOAT), &KOL_SCALAR)))
        kol_onnx_tensor_set_float (y, 0, number->f);
    }
  else if (kol_onnx_attribute (node, "value_int"))
    set_ints (node, TYPE (INT64), &KOL_SCALAR, &kol_onnx_attribute (node, "value_int")->i);
  else if (kol_onnx_attribute (node, "value_ints"))
    {
      const gint64 *values = kol_onnx_ints (node, "value_ints", &n);

      set_ints (node, TYPE (INT64), &KOL_SHAPE (n), values);
    }
  else if ((value = kol_onnx_attribute (node, "value_floats")))
    {
      y = kol_onnx_new_tensor (node, TYPE (FLOAT), &KOL_SHAPE ((gint64) value->n_floats));
      for (gsize i = 0; y && i < value->n_floats; i++)
        kol_onnx_tensor_set_float (y, (gint64) i, value->floats[i]);
    }
  else
    kol_onnx_refuse (node, "its value is text, or sparse");
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_constant_of_shape (KolOnnxNode *node)
{
  const Onnx__AttributeProto *value = kol_onnx_attribute (node, "value");
  g_autoptr (KolOnnxTensor) element = NULL;
  g_autoptr (GError) error = NULL;
  KolShape shape;

  if (!kol_onnx_read_shape (node, 0, &shape))
    return;
  if (value && value->t)
    {
      element = attribute_tensor (node, value->t, kol_onnx_get_file (node));
      if (!element)
        return;
      if (element->count != 1 || !kol_onnx_tensor_decode (element, &error))
        {
          kol_onnx_refuse (node, "its value is no single number");
          return;
        }
    }
  KolOnnxTensor *y = kol_onnx_new_tensor (node, element ? element->type : TYPE (FLOAT), &shape);
  for (gint64 i = 0; y && element && i < y->count; i++)
    kol_onnx_copy_element (element, 0, y, i);
  kol_onnx_set_tensor (node, 0, y);
}

/* Lengths that are asked for by start and end, as Python's slices. */
static void
convert_shape (KolOnnxNode *node)
{
  const KolShape *shape = kol_onnx_shape (node, 0);
  gint64 start = kol_onnx_int (node, "start", 0), end = kol_onnx_int (node, "end", shape->rank);

  start = CLAMP (start < 0 ? start + shape->rank : start, 0, shape->rank);
  end = CLAMP (end < 0 ? end + shape->rank : end, start, shape->rank);
  set_ints (node, TYPE (INT64), &KOL_SHAPE (end - start), shape->dim + start);
}

static void
convert_size (KolOnnxNode *node)
{
  gint64 count;

  if (kol_onnx_shape_count (kol_onnx_shape (node, 0), &count))
    set_ints (node, TYPE (INT64), &KOL_SCALAR, &count);
}

static void
convert_range (KolOnnxNode *node)
{
  const KolOnnxTensor *start = kol_onnx_tensor (node, 0), *limit = kol_onnx_tensor (node, 1),
                      *delta = kol_onnx_tensor (node, 2);

  if (!start || !limit || !delta)
    return;
  if (start->count != 1 || limit->count != 1 || delta->count != 1
      || kol_onnx_tensor_float (delta, 0) == 0)
    {
      kol_onnx_refuse (node, "it has no start, limit and step");
      return;
    }
  double first = kol_onnx_tensor_float (start, 0), step = kol_onnx_tensor_float (delta, 0);
  double steps = ceil ((kol_onnx_tensor_float (limit, 0) - first) / step);
  if (!(steps < (double) G_MAXINT32))
    {
      kol_onnx_refuse (node, "a range of %g numbers", steps);
      return;
    }
  KolOnnxTensor *y
      = kol_onnx_new_tensor (node, start->type, &KOL_SHAPE (steps > 0 ? (gint64) steps : 0));
  for (gint64 i = 0; y && i < y->count; i++)
    if (y->ints)
      kol_onnx_tensor_set_int (y, i, start->ints[0] + i * kol_onnx_tensor_int (delta, 0));
    else
      kol_onnx_tensor_set_float (y, i, first + (double) i * step);
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_eye_like (KolOnnxNode *node)
{
  const KolShape *shape = kol_onnx_shape (node, 0);
  int type = (int) CLAMP (kol_onnx_int (node, "dtype", kol_onnx_type (node, 0)), 0, 1000);
  gint64 k = kol_onnx_int (node, "k", 0);

  if (shape->rank != 2 || !kol_onnx_type_is_device (type))
    {
      kol_onnx_refuse (node, "of shape %s and type %s", kol_shape_text (shape),
                       kol_onnx_type_name (type));
      return;
    }
  KolOnnxTensor *y = kol_onnx_new_tensor (node, type, shape);
  for (gint64 row = 0; y && row < shape->dim[0]; row++)
    if (k >= -row && k < shape->dim[1] - row)
      kol_onnx_tensor_set_int (y, row * shape->dim[1] + row + k, 1);
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_non_zero (KolOnnxNode *node)
{
  const KolOnnxTensor *x = kol_onnx_tensor (node, 0);
  gint64 at[KOL_MAX_RANK] = { 0 }, found = 0, next = 0;

  if (!x)
    return;
  for (gint64 i = 0; i < x->count; i++)
    found += kol_onnx_tensor_float (x, i) != 0;
  KolOnnxTensor *y = kol_onnx_new_tensor (node, TYPE (INT64), &KOL_SHAPE (x->shape.rank, found));
  for (gint64 i = 0; y && i < x->count; i++, kol_onnx_next (&x->shape, at))
    if (kol_onnx_tensor_float (x, i) != 0)
      {
        for (int axis = 0; axis < x->shape.rank; axis++)
          y->ints[axis * found + next] = at[axis];
        next++;
      }
  kol_onnx_set_tensor (node, 0, y);
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_constant_ops[] = {
  { "Constant", 0, convert_constant },
  { "ConstantOfShape", 9, convert_constant_of_shape, .fixed = KOL_ONNX_INPUT (0) },
  { "EyeLike", 9, convert_eye_like },
  { "NonZero", 9, convert_non_zero, .fixed = KOL_ONNX_INPUT (0) },
  { "Range", 11, convert_range,
    .fixed = KOL_ONNX_INPUT (0) | KOL_ONNX_INPUT (1) | KOL_ONNX_INPUT (2) },
  { "Shape", 0, convert_shape },
  { "Size", 0, convert_size },
  { NULL },
};
