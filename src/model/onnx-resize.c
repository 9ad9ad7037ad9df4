/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's resizing of pictures, and of anything else.
 */

#include <math.h>
#include <string.h>

#include "onnx-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)

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

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_resize_ops[] = {
  { "Resize", 10, convert_resize, KOL_ONNX_REAL,
    .fixed = KOL_ONNX_INPUT (1) | KOL_ONNX_INPUT (2) | KOL_ONNX_INPUT (3) },
  { "Upsample", 0, convert_resize, KOL_ONNX_REAL, .fixed = KOL_ONNX_INPUT (1) },
  { NULL },
};
