/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's operators for signals: windows, Fourier transforms, the bands that ears hear.
 */

#include <math.h>
#include <string.h>

#include "onnx-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)

/* ── Windows ─────────────────────────────────────────────────────────────────────────────────── */

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

/* ── Fourier transforms ──────────────────────────────────────────────────────────────────────── */

/* A transform of @length points, @parts 1 of real numbers or 2 of complex ones, to @bins. */
typedef struct {
  gint64 length, given, parts, bins; /* of which @given are there, and 0 behind them */
  gboolean inverse;
} Fourier;

/* Reads an input that is one whole number of 1 or more, or what it is without; 0: refused. */
static gint64
read_length (KolOnnxNode *node, guint input, gint64 otherwise)
{
  const KolOnnxTensor *tensor = kol_onnx_has (node, input) ? kol_onnx_tensor (node, input) : NULL;
  gint64 length = tensor && tensor->count == 1 ? kol_onnx_tensor_int (tensor, 0) : otherwise;

  if (node->refused)
    return 0;
  if (length >= 1 && length <= 1 << 24)
    return length;
  kol_onnx_refuse (node, "a length of %" G_GINT64_FORMAT, length);
  return 0;
}

/*
 * The matrix [given parts, bins 2] that gives X[k] = sum_n x[n] exp (-2 pi i n k / length), or
 * back, with a plus and divided by the length. NULL: refused.
 */
static KolValue *
fourier_matrix (KolOnnxNode *node, const Fourier *how)
{
  KolShape shape = KOL_SHAPE (how->given * how->parts, how->bins * 2);
  KolOnnxTensor *matrix = kol_onnx_new_tensor (node, TYPE (FLOAT), &shape);
  double scale = how->inverse ? 1 / (double) how->length : 1;

  if (!matrix)
    return NULL;
  for (gint64 n = 0; n < how->given; n++)
    for (gint64 k = 0; k < how->bins; k++)
      {
        double turn = 2 * G_PI * (double) (n * k % how->length) / (double) how->length;
        double c = cos (turn) * scale, s = sin (how->inverse ? -turn : turn) * scale;
        double *row = matrix->floats + n * how->parts * shape.dim[1] + 2 * k;

        row[0] = c; /* a real number gives c - i s, an imaginary one s + i c */
        row[1] = -s;
        if (how->parts == 1)
          continue;
        row[shape.dim[1]] = s;
        row[shape.dim[1] + 1] = c;
      }
  KolValue *value = kol_onnx_constant (node, matrix);
  kol_onnx_tensor_unref (matrix);
  return value;
}

/* Along the axis before the last, which is that of real and imaginary parts. */
static KolValue *
transform (KolOnnxNode *node, KolValue *x, const Fourier *how)
{
  KolShape shape = *kol_value_get_shape (x);
  KolValue *matrix = fourier_matrix (node, how);

  if (!matrix || shape.rank < 2)
    return NULL;
  KolValue *y = kol_matmul (kol_reshape (x, KOL_SHAPE (-1, how->given * how->parts)), matrix);
  shape.dim[shape.rank - 2] = how->bins;
  shape.dim[shape.rank - 1] = 2;
  return kol_reshape (y, shape);
}

static void
convert_dft (KolOnnxNode *node)
{
  KolShape shape = *kol_onnx_shape (node, 0);
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", 1), shape.rank),
      last = shape.rank - 1;
  KolTranspose move = { 0 };

  if (axis < 0)
    return;
  gint64 length = read_length (node, 1, shape.dim[axis]);
  if (node->refused)
    return;
  if (axis == last || shape.dim[last] > 2)
    {
      kol_onnx_refuse (node,
                       "along axis %d of %s; the last one is that of real and imaginary parts",
                       axis, kol_shape_text (&shape));
      return;
    }
  Fourier how = { .length = length,
                  .given = MIN (length, shape.dim[axis]),
                  .parts = shape.dim[last],
                  .bins = kol_onnx_int (node, "onesided", 0) ? length / 2 + 1 : length,
                  .inverse = kol_onnx_int (node, "inverse", 0) != 0 };
  KolSlice cut = { .n_axes = 1, .axes = { axis }, .start = { 0 }, .stop = { how.given } };
  KolValue *x = kol_onnx_value (node, 0);
  if (how.given < shape.dim[axis])
    x = kol_slice (x, &cut);
  for (int i = 0; i < shape.rank; i++)
    move.order[i] = i;
  move.order[axis] = last - 1;
  move.order[last - 1] = axis;
  KolValue *y = transform (node, axis == last - 1 ? x : kol_transpose (x, &move), &how);
  if (y)
    kol_onnx_set (node, 0, axis == last - 1 ? y : kol_transpose (y, &move));
}

/* Pieces of a signal [N, L, parts] of @length points, one every @step: [N, frames, length, parts].
 */
static KolValue *
cut_frames (KolOnnxNode *node, gint64 length, gint64 step)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  gint64 frames = (x->dim[1] - length) / step + 1;
  KolOnnxTensor *places = kol_onnx_new_tensor (node, TYPE (INT64), &KOL_SHAPE (frames, length));

  if (!places)
    return NULL;
  for (gint64 i = 0; i < places->count; i++)
    places->ints[i] = i / length * step + i % length;
  KolValue *indices = kol_reshape (kol_onnx_constant (node, places), places->shape);
  kol_onnx_tensor_unref (places);
  return kol_gather (kol_onnx_value (node, 0), indices, 1);
}

static void
convert_stft (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0), *window = kol_onnx_shape (node, 2);
  gboolean windowed = kol_onnx_has (node, 2);
  gint64 step = read_length (node, 1, 0);
  gint64 length = read_length (node, 3, windowed && window->rank == 1 ? window->dim[0] : 0);

  if (node->refused)
    return;
  if (x->rank != 3 || x->dim[2] > 2 || length > x->dim[1]
      || (windowed && (window->rank != 1 || window->dim[0] != length)))
    {
      kol_onnx_refuse (node, "frames of %" G_GINT64_FORMAT " points of %s", length,
                       kol_shape_text (x));
      return;
    }
  Fourier how = { .length = length,
                  .given = length,
                  .parts = x->dim[2],
                  .bins = kol_onnx_int (node, "onesided", 1) ? length / 2 + 1 : length };
  KolValue *frames = cut_frames (node, length, step);
  if (frames && windowed)
    frames = kol_multiply (frames, kol_reshape (kol_onnx_value (node, 2), KOL_SHAPE (length, 1)));
  KolValue *y = frames ? transform (node, frames, &how) : NULL;
  if (y)
    kol_onnx_set (node, 0, y);
}

/* ── Mel ─────────────────────────────────────────────────────────────────────────────────────── */

static double
to_mel (double hertz)
{
  return 2595 * log10 (1 + hertz / 700);
}

static double
from_mel (double mel)
{
  return 700 * (pow (10, mel / 2595) - 1);
}

/* A triangle over bins, from 0 at @low to 1 at @centre and to 0 at @high, as a column. */
static void
fill_triangle (KolOnnxTensor *y, gint64 column, gint64 low, gint64 centre, gint64 high)
{
  gint64 width = y->shape.dim[1];

  for (gint64 bin = MAX (low, 0); bin <= MIN (high, y->shape.dim[0] - 1); bin++)
    {
      double weight = bin == centre  ? 1
                      : bin < centre ? (double) (bin - low) / (double) (centre - low)
                                     : (double) (high - bin) / (double) (high - centre);

      kol_onnx_tensor_set_float (y, bin * width + column, weight);
    }
}

/* The weights [bins of a transform, bands] of bands as wide as ears tell apart. */
static void
convert_mel (KolOnnxNode *node)
{
  gint64 bands = read_length (node, 0, 0), length = read_length (node, 1, 0);
  gint64 rate = read_length (node, 2, 0);
  const KolOnnxTensor *low = kol_onnx_tensor (node, 3), *high = kol_onnx_tensor (node, 4);
  int type = (int) CLAMP (kol_onnx_int (node, "output_datatype", TYPE (FLOAT)), 0, 1000);

  if (node->refused || !low || !high)
    return;
  if (low->count != 1 || high->count != 1 || !kol_onnx_type_is_device (type))
    {
      kol_onnx_refuse (node, "its edges must be numbers, and its type one that is computed with");
      return;
    }
  KolOnnxTensor *y = kol_onnx_new_tensor (node, type, &KOL_SHAPE (length / 2 + 1, bands));
  double first = to_mel (kol_onnx_tensor_float (low, 0));
  double step = (to_mel (kol_onnx_tensor_float (high, 0)) - first) / (double) (bands + 2);
  for (gint64 i = 0; y && i < bands; i++)
    {
      gint64 edges[3];

      for (int k = 0; k < 3; k++)
        {
          double bin = floor ((double) (length + 1) * from_mel (first + (double) (i + k) * step)
                              / (double) rate);

          edges[k] = (gint64) CLAMP (bin, -1, (double) y->shape.dim[0]);
        }
      fill_triangle (y, i, edges[0], edges[1], edges[2]);
    }
  kol_onnx_set_tensor (node, 0, y);
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_signal_ops[] = {
  { "BlackmanWindow", 17, convert_window, .fixed = KOL_ONNX_INPUT (0) },
  { "DFT", 17, convert_dft, KOL_ONNX_REAL, .fixed = KOL_ONNX_INPUT (1) },
  { "HammingWindow", 17, convert_window, .fixed = KOL_ONNX_INPUT (0) },
  { "HannWindow", 17, convert_window, .fixed = KOL_ONNX_INPUT (0) },
  { "MelWeightMatrix", 17, convert_mel,
    .fixed = KOL_ONNX_INPUT (0) | KOL_ONNX_INPUT (1) | KOL_ONNX_INPUT (2) | KOL_ONNX_INPUT (3)
             | KOL_ONNX_INPUT (4),
    .least = 5 },
  { "STFT", 17, convert_stft, KOL_ONNX_REAL, .fixed = KOL_ONNX_INPUT (1) | KOL_ONNX_INPUT (3),
    .least = 2 },
  { NULL },
};
