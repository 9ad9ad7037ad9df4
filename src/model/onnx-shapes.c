/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's operators that make constants, and those that move elements. What they move is
 * also moved on the host, as shapes are computed with them.
 */

#include <math.h>
#include <string.h>

#include "onnx-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)
#define LARGEST_PAD (G_MAXINT32 / 4)
#define MOST_COPIES ((gint64) G_MAXINT32)

/* Element @from of @x to place @to of @y, of the same type. */
static void
copy_element (const KolOnnxTensor *x, gint64 from, KolOnnxTensor *y, gint64 to)
{
  if (x->ints)
    y->ints[to] = x->ints[from];
  else
    y->floats[to] = x->floats[from];
}

/* The row-major place of @at. */
static gint64
place_of (const KolShape *shape, const gint64 *at)
{
  gint64 place = 0;

  for (int i = 0; i < shape->rank; i++)
    place = place * shape->dim[i] + at[i];
  return place;
}

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

/* Its input is a list of lengths. FALSE: refused. */
static gboolean
read_shape (KolOnnxNode *node, guint input, KolShape *shape)
{
  const KolOnnxTensor *lengths = kol_onnx_tensor (node, input);

  if (!lengths)
    return FALSE;
  if (lengths->count > KOL_MAX_RANK)
    {
      kol_onnx_refuse (node, "a shape of %" G_GINT64_FORMAT " dimensions; at most %d are possible",
                       lengths->count, KOL_MAX_RANK);
      return FALSE;
    }
  *shape = (KolShape){ .rank = (int) lengths->count };
  for (int i = 0; i < shape->rank; i++)
    shape->dim[i] = kol_onnx_tensor_int (lengths, i);
  return TRUE;
}

static void
convert_constant_of_shape (KolOnnxNode *node)
{
  const Onnx__AttributeProto *value = kol_onnx_attribute (node, "value");
  g_autoptr (KolOnnxTensor) element = NULL;
  g_autoptr (GError) error = NULL;
  KolShape shape;

  if (!read_shape (node, 0, &shape))
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
    copy_element (element, 0, y, i);
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

/* a0 - a1 cos (2 pi n / N) + a2 cos (4 pi n / N), N the size, or one less where it is symmetric. */
static void
convert_window (KolOnnxNode *node)
{
  static const struct {
    const char *name;
    double a[3];
  } windows[] = { { "HannWindow", { 0.5, 0.5, 0 } },
                  { "HammingWindow", { 25 / 46.0, 21 / 46.0, 0 } },
                  { "BlackmanWindow", { 0.42, 0.5, 0.08 } } };
  const KolOnnxTensor *size = kol_onnx_tensor (node, 0);
  const double *a = windows[0].a;
  int type = (int) CLAMP (kol_onnx_int (node, "output_datatype", TYPE (FLOAT)), 0, 1000);

  if (!size || size->count != 1 || !kol_onnx_type_is_float (type))
    {
      kol_onnx_refuse (node, "its size must be a number, its type one of floats");
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (windows); i++)
    if (strcmp (windows[i].name, node->proto->op_type) == 0)
      a = windows[i].a;
  gint64 n = kol_onnx_tensor_int (size, 0);
  KolOnnxTensor *y = kol_onnx_new_tensor (node, type, &KOL_SHAPE (n));
  double period = (double) MAX (kol_onnx_int (node, "periodic", 1) ? n : n - 1, 1);
  for (gint64 i = 0; y && i < n; i++)
    kol_onnx_tensor_set_float (y, i,
                               a[0] - a[1] * cos (2 * G_PI * (double) i / period)
                                   + a[2] * cos (4 * G_PI * (double) i / period));
  kol_onnx_set_tensor (node, 0, y);
}

/* ── The same elements under another shape ───────────────────────────────────────────────────── */

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
    copy_element (x, i, y, i);
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

  if (!read_shape (node, 1, &shape) || !kol_onnx_shape_count (x, &count))
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

/* ── Elements in other places ────────────────────────────────────────────────────────────────── */

static void
fold_transpose (KolOnnxNode *node, const KolTranspose *how)
{
  const KolOnnxTensor *x = kol_onnx_tensor (node, 0);
  gint64 at[KOL_MAX_RANK] = { 0 }, from[KOL_MAX_RANK];
  KolShape shape = x->shape;

  for (int i = 0; i < shape.rank; i++)
    shape.dim[i] = x->shape.dim[how->order[i]];
  KolOnnxTensor *y = kol_onnx_new_tensor (node, x->type, &shape);
  for (gint64 i = 0; y && i < y->count; i++, kol_onnx_next (&shape, at))
    {
      for (int k = 0; k < shape.rank; k++)
        from[how->order[k]] = at[k];
      copy_element (x, place_of (&x->shape, from), y, i);
    }
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_transpose (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  gboolean seen[KOL_MAX_RANK] = { 0 };
  KolTranspose how = { 0 };
  guint n;
  const gint64 *order = kol_onnx_ints (node, "perm", &n);

  for (int i = 0; i < x->rank; i++)
    {
      gint64 axis = order && n == (guint) x->rank ? order[i] : x->rank - 1 - i;

      if ((order && n != (guint) x->rank) || axis < 0 || axis >= x->rank || seen[axis])
        {
          kol_onnx_refuse (node, "its order does not list the axes of %s", kol_shape_text (x));
          return;
        }
      seen[axis] = TRUE;
      how.order[i] = (int) axis;
    }
  if (node->on_host)
    fold_transpose (node, &how);
  else
    kol_onnx_set (node, 0, kol_transpose (kol_onnx_value (node, 0), &how));
}

static void
fold_concat (KolOnnxNode *node, int axis)
{
  KolShape shape = *kol_onnx_shape (node, 0);

  for (guint i = 1; i < node->n_inputs; i++)
    {
      KolShape alike = *kol_onnx_shape (node, i);

      if (alike.rank == shape.rank)
        {
          gint64 length = alike.dim[axis];

          alike.dim[axis] = shape.dim[axis];
          if (kol_shape_equal (&alike, &shape) && length <= G_MAXINT32)
            {
              shape.dim[axis] += length;
              continue;
            }
        }
      kol_onnx_refuse (node, "%s behind %s", kol_shape_text (kol_onnx_shape (node, i)),
                       kol_shape_text (&shape));
      return;
    }
  KolOnnxTensor *y = kol_onnx_new_tensor (node, kol_onnx_type (node, 0), &shape);
  gint64 behind = 0;
  for (guint i = 0; y && i < node->n_inputs; i++)
    {
      const KolOnnxTensor *x = kol_onnx_tensor (node, i);
      gint64 at[KOL_MAX_RANK] = { 0 };

      for (gint64 k = 0; k < x->count; k++, kol_onnx_next (&x->shape, at))
        {
          gint64 to[KOL_MAX_RANK];

          memcpy (to, at, sizeof to);
          to[axis] += behind;
          if (!x->ints == !y->ints)
            copy_element (x, k, y, place_of (&shape, to));
        }
      behind += x->shape.dim[axis];
    }
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_concat (KolOnnxNode *node)
{
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", 1), kol_onnx_shape (node, 0)->rank);
  g_autoptr (GPtrArray) values = g_ptr_array_new ();
  gboolean empty = FALSE;

  if (axis < 0)
    return;
  if (node->on_host)
    {
      fold_concat (node, axis);
      return;
    }
  for (guint i = 0; i < node->n_inputs; i++)
    {
      gint64 count = 0;

      kol_onnx_shape_count (kol_onnx_shape (node, i), &count);
      empty = count == 0; /* adds nothing */
      if (!empty)
        g_ptr_array_add (values, kol_onnx_value (node, i));
    }
  if (values->len > 0)
    kol_onnx_set (node, 0, kol_concat ((KolValue **) values->pdata, values->len, axis));
  else
    kol_onnx_refuse (node, "all of its inputs are empty");
}

/* Pieces of x along an axis. */
static void
set_pieces (KolOnnxNode *node, int axis, const gint64 *sizes)
{
  g_autofree KolValue **values = g_new0 (KolValue *, node->n_outputs);

  kol_split (kol_onnx_value (node, 0), axis, sizes, node->n_outputs, values);
  for (guint i = 0; i < node->n_outputs; i++)
    kol_onnx_set (node, i, values[i]);
}

static void
fold_pieces (KolOnnxNode *node, int axis, const gint64 *sizes)
{
  const KolOnnxTensor *x = kol_onnx_tensor (node, 0);
  gint64 before = 0;

  for (guint i = 0; i < node->n_outputs; i++)
    {
      KolShape shape = x->shape;
      gint64 at[KOL_MAX_RANK] = { 0 };

      shape.dim[axis] = sizes[i];
      KolOnnxTensor *y = kol_onnx_new_tensor (node, x->type, &shape);
      for (gint64 k = 0; y && k < y->count; k++, kol_onnx_next (&shape, at))
        {
          gint64 from[KOL_MAX_RANK];

          memcpy (from, at, sizeof from);
          from[axis] += before;
          copy_element (x, place_of (&x->shape, from), y, k);
        }
      kol_onnx_set_tensor (node, i, y);
      before += sizes[i];
    }
}

static void
convert_split (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", 0), x->rank);
  g_autofree gint64 *sizes = NULL;
  gint64 sum = 0;
  guint n;

  if (axis < 0)
    return;
  if (!kol_onnx_numbers (node, "split", 1, &sizes, &n) && !node->refused)
    {
      n = node->n_outputs;
      sizes = g_new0 (gint64, n + 1);
      for (guint i = 0; i < n; i++)
        sizes[i] = x->dim[axis] / MAX (n, 1);
    }
  gboolean positive = TRUE, filled = TRUE;
  for (guint i = 0; i < n; i++)
    {
      positive = positive && sizes[i] >= 0 && sizes[i] <= x->dim[axis];
      filled = filled && sizes[i] > 0;
      sum += positive ? sizes[i] : 0;
    }
  if (node->refused)
    return;
  if (!positive || sum != x->dim[axis] || n != node->n_outputs)
    kol_onnx_refuse (node, "axis %d of %s cannot be cut into these %u pieces", axis,
                     kol_shape_text (x), n);
  else if (node->on_host)
    fold_pieces (node, axis, sizes);
  else if (!filled)
    kol_onnx_refuse (node, "a piece without elements; a device holds at least one");
  else
    set_pieces (node, axis, sizes);
}

/* What Slice asks for: attributes in version 9 and before, inputs since. FALSE: refused. */
static gboolean
read_slice (KolOnnxNode *node, KolSlice *how)
{
  g_autofree gint64 *starts = NULL, *ends = NULL, *axes = NULL, *steps = NULL;
  const KolShape *x = kol_onnx_shape (node, 0);
  guint n = 0, n_ends = 0, n_axes = 0, n_steps = 0;

  kol_onnx_numbers (node, "starts", 1, &starts, &n);
  kol_onnx_numbers (node, "ends", 2, &ends, &n_ends);
  gboolean has_axes = kol_onnx_numbers (node, "axes", 3, &axes, &n_axes);
  gboolean has_steps = kol_onnx_numbers (node, "steps", 4, &steps, &n_steps);
  if (node->refused)
    return FALSE;
  if (n != n_ends || n > (guint) x->rank || (has_axes && n_axes != n)
      || (has_steps && n_steps != n))
    {
      kol_onnx_refuse (node, "%u starts, %u ends, %u axes, %u steps for %s", n, n_ends, n_axes,
                       n_steps, kol_shape_text (x));
      return FALSE;
    }
  *how = (KolSlice){ .n_axes = (int) n };
  for (guint i = 0; i < n; i++)
    {
      if ((how->axes[i] = kol_onnx_axis (node, has_axes ? axes[i] : i, x->rank)) < 0)
        return FALSE;
      how->start[i] = starts[i];
      how->stop[i] = ends[i];
      how->step[i] = has_steps ? steps[i] : 1;
      if (how->step[i] == 0 || how->step[i] == G_MININT64)
        {
          kol_onnx_refuse (node, "its step is %" G_GINT64_FORMAT, how->step[i]);
          return FALSE;
        }
      /* Exporters write the smallest numbers of 32 and of 64 bits for "from the beginning". */
      if (how->step[i] < 0 && how->stop[i] <= -G_MAXINT32)
        how->stop[i] = G_MININT64;
      if (how->stop[i] >= G_MAXINT32)
        how->stop[i] = G_MAXINT64;
    }
  return TRUE;
}

/* First element, and how many, of an axis. */
static gint64
count_slice (gint64 length, gint64 step, gint64 *start, gint64 stop)
{
  gint64 last = step > 0 ? length : length - 1, first = step > 0 ? 0 : -1;

  *start = CLAMP (*start < 0 && *start >= -length ? *start + length : *start, step > 0 ? 0 : first,
                  last);
  if (stop < 0 && stop >= -length)
    stop += length;
  stop = CLAMP (stop, first, last);
  gint64 span = step > 0 ? stop - *start : *start - stop, stride = step > 0 ? step : -step;
  return span > 0 ? (span + stride - 1) / stride : 0;
}

static void
convert_slice (KolOnnxNode *node)
{
  KolShape x = *kol_onnx_shape (node, 0), shape = x;
  gint64 start[KOL_MAX_RANK] = { 0 }, step[KOL_MAX_RANK], count;
  KolSlice how;

  if (!read_slice (node, &how))
    return;
  for (int i = 0; i < x.rank; i++)
    step[i] = 1;
  for (int i = 0; i < how.n_axes; i++)
    {
      int axis = how.axes[i];

      start[axis] = how.start[i];
      step[axis] = how.step[i];
      shape.dim[axis] = count_slice (x.dim[axis], step[axis], &start[axis], how.stop[i]);
    }
  if (node->on_host)
    {
      const KolOnnxTensor *from = kol_onnx_tensor (node, 0);
      KolOnnxTensor *y = kol_onnx_new_tensor (node, from->type, &shape);
      gint64 at[KOL_MAX_RANK] = { 0 }, place[KOL_MAX_RANK];

      for (gint64 i = 0; y && i < y->count; i++, kol_onnx_next (&shape, at))
        {
          for (int k = 0; k < x.rank; k++)
            place[k] = start[k] + at[k] * step[k];
          copy_element (from, place_of (&x, place), y, i);
        }
      kol_onnx_set_tensor (node, 0, y);
    }
  else if (kol_onnx_shape_count (&shape, &count) && count == 0)
    kol_onnx_refuse (node, "nothing is left of %s; a device holds at least one element",
                     kol_shape_text (&x));
  else
    kol_onnx_set (node, 0,
                  how.n_axes > 0 ? kol_slice (kol_onnx_value (node, 0), &how)
                                 : kol_onnx_value (node, 0));
}

/* Stretches both ways, as NumPy. */
static void
convert_expand (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  KolShape wanted, shape;

  if (!read_shape (node, 1, &wanted))
    return;
  if (!kol_shape_broadcast (x, &wanted, &shape))
    kol_onnx_refuse (node, "%s to %s", kol_shape_text (x), kol_shape_text (&wanted));
  else if (!kol_onnx_fits (node, &shape))
    return;
  else if (node->on_host)
    {
      const KolOnnxTensor *from = kol_onnx_tensor (node, 0);
      KolOnnxTensor *y = kol_onnx_new_tensor (node, from->type, &shape);
      gint64 at[KOL_MAX_RANK] = { 0 };

      for (gint64 i = 0; y && i < y->count; i++, kol_onnx_next (&shape, at))
        copy_element (from, kol_onnx_broadcast_place (x, &shape, at), y, i);
      kol_onnx_set_tensor (node, 0, y);
    }
  else
    kol_onnx_set (node, 0,
                  kol_shape_equal (x, &shape) ? kol_onnx_value (node, 0)
                                              : kol_expand (kol_onnx_value (node, 0), shape));
}

static void
convert_tile (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  int repeats[KOL_MAX_RANK] = { 0 };
  KolShape times, shape = *x;

  if (!read_shape (node, 1, &times))
    return;
  for (int i = 0; i < times.rank; i++)
    {
      if (times.rank != x->rank || times.dim[i] < 1 || times.dim[i] > G_MAXINT32)
        {
          kol_onnx_refuse (node, "%s copies of %s", kol_shape_text (&times), kol_shape_text (x));
          return;
        }
      repeats[i] = (int) times.dim[i];
      shape.dim[i]
          = times.dim[i] > MOST_COPIES / MAX (x->dim[i], 1) ? -1 : times.dim[i] * x->dim[i];
    }
  if (!kol_onnx_fits (node, &shape))
    return;
  kol_onnx_set (node, 0, kol_tile (kol_onnx_value (node, 0), repeats));
}

/* Notes a border of zeros around pictures, for convolutions. */
static void
note_border (KolOnnxNode *node, const KolPad *how)
{
  KolOnnxSlot *slot = kol_onnx_made (node, 0);

  if (!slot || how->mode != KOL_PAD_CONSTANT || how->value != 0)
    return;
  for (int i = 0; i < KOL_MAX_RANK; i++)
    if (how->before[i] < 0 || how->after[i] < 0 || (i < 2 && (how->before[i] || how->after[i])))
      return;
  memcpy (slot->before, how->before, sizeof slot->before);
  memcpy (slot->after, how->after, sizeof slot->after);
  slot->inside = kol_onnx_value (node, 0);
}

static void
convert_pad (KolOnnxNode *node)
{
  static const char *const modes[] = { "constant", "reflect", "edge" };
  const KolShape *x = kol_onnx_shape (node, 0);
  const char *mode = kol_onnx_string (node, "mode", "constant");
  g_autofree gint64 *pads = NULL;
  KolPad how = { .mode = (KolPadMode) -1, .value = (float) kol_onnx_float (node, "value", 0) };
  KolShape shape = *x;
  gboolean any = FALSE;
  guint n;

  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    if (strcmp (mode, modes[i]) == 0)
      how.mode = (KolPadMode) i;
  kol_onnx_numbers (node, "pads", 1, &pads, &n);
  if (kol_onnx_has (node, 2))
    {
      const KolOnnxTensor *value = kol_onnx_tensor (node, 2);

      if (value && value->count == 1)
        how.value = (float) kol_onnx_tensor_float (value, 0);
    }
  if (node->refused)
    return;
  if ((int) how.mode < 0 || n != 2 * (guint) x->rank)
    {
      kol_onnx_refuse (node, "mode “%s” and %u numbers for %s", mode, n, kol_shape_text (x));
      return;
    }
  for (int i = 0; i < x->rank; i++)
    {
      how.before[i] = (int) CLAMP (pads[i], -LARGEST_PAD, LARGEST_PAD);
      how.after[i] = (int) CLAMP (pads[x->rank + i], -LARGEST_PAD, LARGEST_PAD);
      shape.dim[i] = x->dim[i] + how.before[i] + how.after[i];
      any = any || how.before[i] || how.after[i];
    }
  if (!kol_onnx_fits (node, &shape))
    return;
  kol_onnx_set (node, 0, any ? kol_pad (kol_onnx_value (node, 0), &how) : kol_onnx_value (node, 0));
  if (any)
    note_border (node, &how);
}

static void
convert_depth_to_space (KolOnnxNode *node)
{
  const char *mode = kol_onnx_string (node, "mode", "DCR");
  int block = (int) CLAMP (kol_onnx_int (node, "blocksize", 0), 0, G_MAXINT32);
  gboolean back = strcmp (node->proto->op_type, "SpaceToDepth") == 0;

  if (block < 1)
    kol_onnx_refuse (node, "blocks of %d pixels", block);
  else if (back)
    kol_onnx_set (node, 0, kol_space_to_depth (kol_onnx_value (node, 0), block, KOL_DCR));
  else
    kol_onnx_set (node, 0,
                  kol_depth_to_space (kol_onnx_value (node, 0), block,
                                      strcmp (mode, "CRD") == 0 ? KOL_CRD : KOL_DCR));
}

/* ── Indices ─────────────────────────────────────────────────────────────────────────────────── */

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
      copy_element (x, (o * length + index) * inner + k, y, i);
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

/* ── Branches ────────────────────────────────────────────────────────────────────────────────── */

static void
convert_if (KolOnnxNode *node)
{
  const KolOnnxTensor *condition = kol_onnx_tensor (node, 0);

  if (!condition)
    return;
  gboolean holds = condition->count > 0 && kol_onnx_tensor_int (condition, 0) != 0;
  const Onnx__AttributeProto *branch
      = kol_onnx_attribute (node, holds ? "then_branch" : "else_branch");
  if (branch && branch->g)
    kol_onnx_inline (node, branch->g);
  else
    kol_onnx_refuse (node, "it has no such branch");
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

#define INPUT(i) (1u << (i))

const KolOnnxOp kol_onnx_shape_ops[] = {
  { "BlackmanWindow", 17, convert_window, .fixed = INPUT (0) },
  { "Compress", 9, convert_compress, .fixed = INPUT (1) },
  { "Concat", 0, convert_concat, KOL_ONNX_ANY, TRUE },
  { "Constant", 0, convert_constant },
  { "ConstantOfShape", 9, convert_constant_of_shape, .fixed = INPUT (0) },
  { "DepthToSpace", 0, convert_depth_to_space },
  { "Expand", 8, convert_expand, KOL_ONNX_ANY, TRUE, INPUT (1) },
  { "EyeLike", 9, convert_eye_like },
  { "Flatten", 0, convert_flatten, KOL_ONNX_ANY, TRUE },
  { "Gather", 0, convert_gather, KOL_ONNX_ANY, TRUE, .least = 2 },
  { "GatherElements", 11, convert_gather_elements },
  { "GatherND", 11, convert_gather_nd },
  { "HammingWindow", 17, convert_window, .fixed = INPUT (0) },
  { "HannWindow", 17, convert_window, .fixed = INPUT (0) },
  { "Identity", 0, convert_identity, KOL_ONNX_ANY, TRUE },
  { "If", 0, convert_if, .fixed = INPUT (0) },
  { "NonZero", 9, convert_non_zero, .fixed = INPUT (0) },
  { "OneHot", 9, convert_one_hot, .fixed = INPUT (1) | INPUT (2) },
  { "Pad", 0, convert_pad, .fixed = INPUT (1) | INPUT (2) },
  { "Range", 11, convert_range, .fixed = INPUT (0) | INPUT (1) | INPUT (2) },
  { "Reshape", 0, convert_reshape, KOL_ONNX_ANY, TRUE, INPUT (1) },
  { "ReverseSequence", 10, convert_reverse_sequence, .fixed = INPUT (1) },
  { "Scatter", 9, convert_scatter_elements },
  { "ScatterElements", 11, convert_scatter_elements },
  { "ScatterND", 11, convert_scatter_nd },
  { "Shape", 0, convert_shape },
  { "Size", 0, convert_size },
  { "Slice", 0, convert_slice, KOL_ONNX_ANY, TRUE, INPUT (1) | INPUT (2) | INPUT (3) | INPUT (4) },
  { "SpaceToDepth", 0, convert_depth_to_space },
  { "Split", 0, convert_split, KOL_ONNX_ANY, TRUE, INPUT (1) },
  { "Squeeze", 0, convert_squeeze, KOL_ONNX_ANY, TRUE, INPUT (1) },
  { "Tile", 0, convert_tile, .fixed = INPUT (1) },
  { "TopK", 0, convert_top_k, .fixed = INPUT (1) },
  { "Transpose", 0, convert_transpose, KOL_ONNX_ANY, TRUE },
  { "Trilu", 14, convert_trilu, .fixed = INPUT (1) },
  { "Unsqueeze", 0, convert_unsqueeze, KOL_ONNX_ANY, TRUE, INPUT (1) },
  { NULL },
};
