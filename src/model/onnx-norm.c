/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's normalizations.
 */

#include "onnx-private.h"

#define TYPE(name) KOL_ONNX_TYPE (name)

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

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_norm_ops[] = {
  KOL_ONNX_LAYER ("BatchNormalization", 0, convert_batch_norm),
  KOL_ONNX_LAYER ("InstanceNormalization", 0, convert_instance_norm),
  KOL_ONNX_LAYER ("LayerNormalization", 17, convert_layer_norm),
  KOL_ONNX_LAYER ("LpNormalization", 0, convert_lp_norm),
  KOL_ONNX_LAYER ("LRN", 0, convert_local_response_norm),
  KOL_ONNX_LAYER ("MeanVarianceNormalization", 9, convert_mean_variance_norm),
  { NULL },
};
