/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Our operations in ONNX's, opset 17: <https://onnx.ai/onnx/operators/>. */

#include <math.h>
#include <string.h>

#include "../graph/graph-private.h"
#include "../ops/attributes-private.h"
#include "../ops/conv2d-private.h"
#include "../ops/pool-private.h"
#include "onnx-write-private.h"

typedef KolOnnxWriter Writer;

static const char *
input (Writer *writer, const KolNode *node, guint i)
{
  return kol_onnx_writer_name (writer, node->inputs[i]);
}

static const char *
output (Writer *writer, const KolNode *node)
{
  return kol_onnx_writer_name (writer, &node->outputs[0]);
}

static const KolShape *
shape_of (const KolNode *node, guint i)
{
  return &node->inputs[i]->shape;
}

/* Adds a node from the node's own inputs to its output. */
static void
add_same (Writer *writer, const KolNode *node, const char *operator)
{
  const char *names[KOL_CASE_INPUTS];
  guint n = MIN (node->n_inputs, KOL_CASE_INPUTS);

  for (guint i = 0; i < n; i++)
    names[i] = input (writer, node, i);
  kol_onnx_writer_add (writer, node, operator, names, n, output (writer, node));
}

static float
number (const KolNode *node, guint i)
{
  return ((const float *) node->attributes)[i];
}

static const char *
scalar (Writer *writer, const KolNode *node, float value)
{
  return kol_onnx_writer_constant_floats (writer, node, &value, -1);
}

/* ── Elementwise ─────────────────────────────────────────────────────────────────────────────── */

static void
write_leaky_relu (Writer *writer, const KolNode *node)
{
  add_same (writer, node, "LeakyRelu");
  kol_onnx_writer_float (writer, "alpha", number (node, 0));
}

static void
write_elu (Writer *writer, const KolNode *node)
{
  add_same (writer, node, "Elu");
  kol_onnx_writer_float (writer, "alpha", number (node, 0));
}

static void
write_hard_sigmoid (Writer *writer, const KolNode *node)
{
  add_same (writer, node, "HardSigmoid");
  kol_onnx_writer_float (writer, "alpha", number (node, 0));
  kol_onnx_writer_float (writer, "beta", number (node, 1));
}

static void
write_clip (Writer *writer, const KolNode *node)
{
  KOL_ONNX_ADD (writer, node, "Clip", output (writer, node), input (writer, node, 0),
                scalar (writer, node, number (node, 0)), scalar (writer, node, number (node, 1)));
}

/* p a + q */
static void
write_scale (Writer *writer, const KolNode *node)
{
  const char *product = KOL_ONNX_ADD (writer, node, "Mul", NULL, input (writer, node, 0),
                                      scalar (writer, node, number (node, 0)));

  KOL_ONNX_ADD (writer, node, "Add", output (writer, node), product,
                scalar (writer, node, number (node, 1)));
}

static void
write_square (Writer *writer, const KolNode *node)
{
  KOL_ONNX_ADD (writer, node, "Mul", output (writer, node), input (writer, node, 0),
                input (writer, node, 0));
}

static void
write_rsqrt (Writer *writer, const KolNode *node)
{
  const char *root = KOL_ONNX_ADD (writer, node, "Sqrt", NULL, input (writer, node, 0));

  KOL_ONNX_ADD (writer, node, "Reciprocal", output (writer, node), root);
}

static void
write_silu (Writer *writer, const KolNode *node)
{
  const char *gate = KOL_ONNX_ADD (writer, node, "Sigmoid", NULL, input (writer, node, 0));

  KOL_ONNX_ADD (writer, node, "Mul", output (writer, node), input (writer, node, 0), gate);
}

/* a/2 (1 + @inner) */
static void
write_half_gate (Writer *writer, const KolNode *node, const char *inner)
{
  const char *gate = KOL_ONNX_ADD (writer, node, "Add", NULL, inner, scalar (writer, node, 1));
  const char *half = KOL_ONNX_ADD (writer, node, "Mul", NULL, input (writer, node, 0),
                                   scalar (writer, node, 0.5f));

  KOL_ONNX_ADD (writer, node, "Mul", output (writer, node), half, gate);
}

static void
write_gelu (Writer *writer, const KolNode *node)
{
  const char *scaled = KOL_ONNX_ADD (writer, node, "Mul", NULL, input (writer, node, 0),
                                     scalar (writer, node, (float) G_SQRT2 / 2));

  write_half_gate (writer, node, KOL_ONNX_ADD (writer, node, "Erf", NULL, scaled));
}

/* tanh ((2 / pi)^(1/2) (a + 0.044715 a^3)) */
static void
write_gelu_tanh (Writer *writer, const KolNode *node)
{
  const char *a = input (writer, node, 0);
  const char *square = KOL_ONNX_ADD (writer, node, "Mul", NULL, a, a);
  const char *cube = KOL_ONNX_ADD (writer, node, "Mul", NULL, square, a);
  const char *small
      = KOL_ONNX_ADD (writer, node, "Mul", NULL, cube, scalar (writer, node, 0.044715f));
  const char *sum = KOL_ONNX_ADD (writer, node, "Add", NULL, a, small);
  const char *scaled = KOL_ONNX_ADD (writer, node, "Mul", NULL, sum,
                                     scalar (writer, node, (float) sqrt (2 / G_PI)));

  write_half_gate (writer, node, KOL_ONNX_ADD (writer, node, "Tanh", NULL, scaled));
}

/* Conditions are of a type of their own in ONNX: 1 and 0 are cast to it, and back. */
static const char *
cast (Writer *writer, const KolNode *node, const char *name, int type, const char *to)
{
  const char *result = KOL_ONNX_ADD (writer, node, "Cast", to, name);

  kol_onnx_writer_int (writer, "to", type);
  return result;
}

static void
write_where (Writer *writer, const KolNode *node)
{
  const char *condition
      = cast (writer, node, input (writer, node, 0), ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, NULL);

  KOL_ONNX_ADD (writer, node, "Where", output (writer, node), condition, input (writer, node, 1),
                input (writer, node, 2));
}

static void
write_condition (Writer *writer, const KolNode *node, const char *operator)
{
  const char *result = KOL_ONNX_ADD (writer, node, operator, NULL, input (writer, node, 0),
                                     input (writer, node, 1));

  cast (writer, node, result, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, output (writer, node));
}

static void
write_equal (Writer *writer, const KolNode *node)
{
  write_condition (writer, node, "Equal");
}

static void
write_greater (Writer *writer, const KolNode *node)
{
  write_condition (writer, node, "Greater");
}

static void
write_less (Writer *writer, const KolNode *node)
{
  write_condition (writer, node, "Less");
}

/* ── Products ────────────────────────────────────────────────────────────────────────────────── */

/* The sum that a product is written with, or the product itself. */
static const KolNode *
with_sum (Writer *writer, const KolNode *node)
{
  const KolNode *sum = g_hash_table_lookup (writer->joined, node);

  return sum ? sum : node;
}

/* The parameter that @node, a sum, adds: [K], perhaps seen as [K, 1, 1]. */
static const KolNode *
added_parameter (const KolNode *node)
{
  const KolNode *other = node->inputs[1]->node;

  if (strcmp (other->op->name, "reshape") == 0)
    other = other->inputs[0]->node;
  return other->parameter && other->outputs[0].shape.rank == 1 ? other : NULL;
}

gboolean
kol_onnx_joins (const KolNode *node)
{
  if (strcmp (node->op->name, "add") != 0)
    return FALSE;
  const KolNode *product = node->inputs[0]->node, *parameter = added_parameter (node);
  const KolShape *y = &product->outputs[0].shape, *b = &node->inputs[1]->shape;
  if (!parameter || !kol_shape_equal (y, &node->outputs[0].shape))
    return FALSE;
  gint64 length = parameter->outputs[0].shape.dim[0];
  if (product->op == &kol_conv2d_op || product->op == &kol_conv2d_gradient_x_op)
    return b->rank == 3 && b->dim[0] == length && y->dim[1] == length;
  return strcmp (product->op->name, "matmul") == 0 && y->rank == 2 && b->rank == 1
         && y->dim[1] == length && product->inputs[0]->shape.rank == 2
         && product->inputs[1]->shape.rank == 2;
}

/* The inputs of a product, and what is added to it, if it is. */
static void
add_product (Writer *writer, const KolNode *node, const char *operator)
{
  const KolNode *sum = with_sum (writer, node);
  const char *names[3] = { input (writer, node, 0), input (writer, node, 1) };

  if (sum != node)
    names[2] = kol_onnx_writer_name (writer, &added_parameter (sum)->outputs[0]);
  kol_onnx_writer_add (writer, node, operator, names, sum != node ? 3 : 2, output (writer, sum));
}

static void
add_geometry (Writer *writer, const KolConv2dShape *c)
{
  kol_onnx_writer_ints (writer, "kernel_shape", (const gint64[]){ c->R, c->S }, 2);
  kol_onnx_writer_ints (writer, "strides", (const gint64[]){ c->stride_h, c->stride_w }, 2);
  kol_onnx_writer_ints (writer, "dilations", (const gint64[]){ c->dilation_h, c->dilation_w }, 2);
  kol_onnx_writer_ints (writer, "pads", (const gint64[]){ c->top, c->left, c->bottom, c->right },
                        4);
  kol_onnx_writer_int (writer, "group", c->groups);
}

static void
write_conv2d (Writer *writer, const KolNode *node)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);

  add_product (writer, node, "Conv");
  add_geometry (writer, &c);
}

/* The rows or columns that y is longer than what its windows need. */
static gint64
left_over (gint64 length, gint64 windows, gint64 stride, gint64 dilation, gint64 size, gint64 pads)
{
  return length - ((windows - 1) * stride + dilation * (size - 1) + 1 - pads);
}

/* A transposed convolution, which is the gradient of one. */
static void
write_conv_transpose2d (Writer *writer, const KolNode *node)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  const gint64 more[] = { left_over (c.H, c.P, c.stride_h, c.dilation_h, c.R, c.top + c.bottom),
                          left_over (c.W, c.Q, c.stride_w, c.dilation_w, c.S, c.left + c.right) };

  add_product (writer, node, "ConvTranspose");
  add_geometry (writer, &c);
  kol_onnx_writer_ints (writer, "output_padding", more, 2);
}

/* @name with its last two dimensions changing places, if it is to be. */
static const char *
transposed (Writer *writer, const KolNode *node, guint i, gboolean wanted)
{
  int rank = shape_of (node, i)->rank;
  gint64 order[KOL_MAX_RANK];

  if (!wanted || rank < 2)
    return input (writer, node, i);
  for (int d = 0; d < rank; d++)
    order[d] = d < rank - 2 ? d : 2 * rank - 3 - d;
  const char *name = KOL_ONNX_ADD (writer, node, "Transpose", NULL, input (writer, node, i));
  kol_onnx_writer_ints (writer, "perm", order, (guint) rank);
  return name;
}

static void
write_matmul (Writer *writer, const KolNode *node)
{
  const KolMatmul *how = node->attributes;

  if (shape_of (node, 0)->rank == 2 && shape_of (node, 1)->rank == 2)
    {
      add_product (writer, node, "Gemm");
      kol_onnx_writer_int (writer, "transA", how->transpose_a);
      kol_onnx_writer_int (writer, "transB", how->transpose_b);
      return;
    }
  const char *a = transposed (writer, node, 0, how->transpose_a);
  const char *b = transposed (writer, node, 1, how->transpose_b);
  KOL_ONNX_ADD (writer, node, "MatMul", output (writer, node), a, b);
}

/* ── Pooling ─────────────────────────────────────────────────────────────────────────────────── */

/* The padding behind x with which exactly @windows begin, none of them rounded up. */
static gint64
padding_after (gint64 windows, gint64 stride, gint64 size, gint64 length, gint64 before)
{
  return MAX ((windows - 1) * stride + size - length - before, 0);
}

static void
add_pool (Writer *writer, const KolNode *node, const char *operator, const KolPoolGeometry * g)
{
  gint64 bottom = padding_after (g->P, g->stride, g->size, g->H, g->top);
  gint64 right = padding_after (g->Q, g->stride_w, g->size_w, g->W, g->left);

  KOL_ONNX_ADD (writer, node, operator, output (writer, node), input (writer, node, 0));
  kol_onnx_writer_ints (writer, "kernel_shape", (const gint64[]){ g->size, g->size_w }, 2);
  kol_onnx_writer_ints (writer, "strides", (const gint64[]){ g->stride, g->stride_w }, 2);
  kol_onnx_writer_ints (writer, "pads", (const gint64[]){ g->top, g->left, bottom, right }, 4);
}

/* Windows that share x evenly are those of an ordinary pooling. */
static gboolean
share_evenly (KolPoolGeometry *g)
{
  if (!g->adaptive)
    return TRUE;
  g->size = g->stride = g->H / g->P;
  g->size_w = g->stride_w = g->W / g->Q;
  return g->H % g->P == 0 && g->W % g->Q == 0;
}

static void
write_max_pool (Writer *writer, const KolNode *node)
{
  KolPoolGeometry g = kol_pool_geometry (shape_of (node, 0), node->attributes);

  if (!share_evenly (&g))
    kol_onnx_writer_refuse (writer, node, "its windows overlap unevenly");
  else if (node->n_outputs > 1 && g_hash_table_lookup (writer->uses, &node->outputs[1]))
    kol_onnx_writer_refuse (writer, node, "its indices are used");
  else
    add_pool (writer, node, "MaxPool", &g);
}

static void
write_average_pool (Writer *writer, const KolNode *node)
{
  const KolPoolAttributes *attributes = node->attributes;
  KolPoolGeometry g = kol_pool_geometry (shape_of (node, 0), attributes);

  if (!share_evenly (&g))
    kol_onnx_writer_refuse (writer, node, "its windows overlap unevenly");
  else if (g.count_pad && attributes->how.ceil)
    kol_onnx_writer_refuse (writer, node, "it counts the padding of windows over the edge");
  else
    {
      add_pool (writer, node, "AveragePool", &g);
      kol_onnx_writer_int (writer, "count_include_pad", g.count_pad);
    }
}

/* ── Reductions ──────────────────────────────────────────────────────────────────────────────── */

/* Only that of sums has the axes as an input, in this opset. */
static void
write_reduction (Writer *writer, const KolNode *node, const char *operator, gboolean as_input)
{
  const KolReduce *over = node->attributes;
  gint64 axes[KOL_MAX_RANK];
  int n = over->n_axes ? over->n_axes : shape_of (node, 0)->rank;

  for (int i = 0; i < n; i++)
    axes[i] = over->n_axes ? over->axes[i] : i;
  if (as_input && n > 0)
    KOL_ONNX_ADD (writer, node, operator, output (writer, node), input (writer, node, 0),
                  kol_onnx_writer_constant_ints (writer, node, axes, n));
  else
    add_same (writer, node, operator);
  if (!as_input && n > 0)
    kol_onnx_writer_ints (writer, "axes", axes, (guint) n);
  kol_onnx_writer_int (writer, "keepdims", over->keep);
}

static void
write_sum (Writer *writer, const KolNode *node)
{
  write_reduction (writer, node, "ReduceSum", TRUE);
}

static void
write_mean (Writer *writer, const KolNode *node)
{
  write_reduction (writer, node, "ReduceMean", FALSE);
}

static void
write_max (Writer *writer, const KolNode *node)
{
  write_reduction (writer, node, "ReduceMax", FALSE);
}

static void
write_min (Writer *writer, const KolNode *node)
{
  write_reduction (writer, node, "ReduceMin", FALSE);
}

/* ── Normalization ───────────────────────────────────────────────────────────────────────────── */

static void
write_batch_norm (Writer *writer, const KolNode *node)
{
  const KolBatchNorm *how = node->attributes;

  add_same (writer, node, "BatchNormalization");
  kol_onnx_writer_float (writer, "epsilon", how->epsilon ? how->epsilon : 1e-5);
}

static void
write_layer_norm (Writer *writer, const KolNode *node)
{
  const KolNormAttributes *how = node->attributes;

  add_same (writer, node, "LayerNormalization");
  kol_onnx_writer_int (writer, "axis", how->axis);
  kol_onnx_writer_float (writer, "epsilon", how->epsilon ? how->epsilon : 1e-5);
}

/* A number per channel as [C, 1, ...], to be stretched over the pixels. */
static const char *
per_channel (Writer *writer, const KolNode *node, guint i)
{
  int rank = shape_of (node, 0)->rank - 1;
  gint64 shape[KOL_MAX_RANK];

  for (int d = 0; d < rank; d++)
    shape[d] = d == 0 ? shape_of (node, 0)->dim[1] : 1;
  return KOL_ONNX_ADD (writer, node, "Reshape", NULL, input (writer, node, i),
                       kol_onnx_writer_constant_ints (writer, node, shape, rank));
}

/* The groups are normalized as channels, each by itself; then the channels get their numbers. */
static void
write_group_norm (Writer *writer, const KolNode *node)
{
  const KolNormAttributes *how = node->attributes;
  const KolShape *x = shape_of (node, 0);
  gint64 back[KOL_MAX_RANK] = { 0 }, groups = how->groups;
  double epsilon = how->epsilon ? how->epsilon : 1e-5;

  if (groups == x->dim[1] && x->rank > 2)
    {
      add_same (writer, node, "InstanceNormalization");
      kol_onnx_writer_float (writer, "epsilon", epsilon);
      return;
    }
  g_autofree float *ones = g_new (float, groups), *zeros = g_new0 (float, groups);
  for (gint64 i = 0; i < groups; i++)
    ones[i] = 1;
  for (int d = 1; d < x->rank; d++)
    back[d] = x->dim[d];
  const char *seen = KOL_ONNX_ADD (
      writer, node, "Reshape", NULL, input (writer, node, 0),
      kol_onnx_writer_constant_ints (writer, node, (const gint64[]){ 0, groups, -1 }, 3));
  const char *normal
      = KOL_ONNX_ADD (writer, node, "InstanceNormalization", NULL, seen,
                      kol_onnx_writer_constant_floats (writer, node, ones, (int) groups),
                      kol_onnx_writer_constant_floats (writer, node, zeros, (int) groups));
  kol_onnx_writer_float (writer, "epsilon", epsilon);
  const char *again = KOL_ONNX_ADD (writer, node, "Reshape", NULL, normal,
                                    kol_onnx_writer_constant_ints (writer, node, back, x->rank));
  const char *scaled
      = KOL_ONNX_ADD (writer, node, "Mul", NULL, again, per_channel (writer, node, 1));
  KOL_ONNX_ADD (writer, node, "Add", output (writer, node), scaled, per_channel (writer, node, 2));
}

static void
write_local_response_norm (Writer *writer, const KolNode *node)
{
  const KolLocalResponseNorm *how = node->attributes;

  add_same (writer, node, "LRN");
  kol_onnx_writer_int (writer, "size", how->size);
  kol_onnx_writer_float (writer, "alpha", how->alpha ? how->alpha : 1e-4);
  kol_onnx_writer_float (writer, "beta", how->beta ? how->beta : 0.75);
  kol_onnx_writer_float (writer, "bias", how->bias ? how->bias : 1);
}

static void
write_softmax (Writer *writer, const KolNode *node)
{
  add_same (writer, node, "Softmax");
  kol_onnx_writer_int (writer, "axis", ((const KolAxisAttributes *) node->attributes)->axis);
}

static void
write_log_softmax (Writer *writer, const KolNode *node)
{
  add_same (writer, node, "LogSoftmax");
  kol_onnx_writer_int (writer, "axis", ((const KolAxisAttributes *) node->attributes)->axis);
}

/* ── Shapes ──────────────────────────────────────────────────────────────────────────────────── */

/* The number of examples stays open: a first length that stays is copied, 0 in ONNX. */
static void
write_reshape (Writer *writer, const KolNode *node)
{
  const KolShape *x = shape_of (node, 0), *y = &node->outputs[0].shape;
  gint64 shape[KOL_MAX_RANK];
  gboolean same = x->rank > 0 && y->rank > 0 && x->dim[0] == y->dim[0];

  for (int d = 0; d < y->rank; d++)
    shape[d] = d == 0 && same ? 0 : y->dim[d];
  if (!same && !node->inputs[0]->node->parameter)
    writer->fixed_batch = TRUE;
  KOL_ONNX_ADD (writer, node, "Reshape", output (writer, node), input (writer, node, 0),
                kol_onnx_writer_constant_ints (writer, node, shape, y->rank));
}

static void
write_detach (Writer *writer, const KolNode *node)
{
  KOL_ONNX_ADD (writer, node, "Identity", output (writer, node), input (writer, node, 0));
}

static void
write_expand (Writer *writer, const KolNode *node)
{
  const KolShape *y = &node->outputs[0].shape;

  writer->fixed_batch = TRUE;
  KOL_ONNX_ADD (writer, node, "Expand", output (writer, node), input (writer, node, 0),
                kol_onnx_writer_constant_ints (writer, node, y->dim, y->rank));
}

static void
write_transpose (Writer *writer, const KolNode *node)
{
  const KolTranspose *how = node->attributes;
  gint64 order[KOL_MAX_RANK];

  for (int d = 0; d < KOL_MAX_RANK; d++)
    order[d] = how->order[d];
  add_same (writer, node, "Transpose");
  kol_onnx_writer_ints (writer, "perm", order, (guint) shape_of (node, 0)->rank);
}

static void
write_concat (Writer *writer, const KolNode *node)
{
  g_autofree const char **names = g_new (const char *, node->n_inputs);

  for (guint i = 0; i < node->n_inputs; i++)
    names[i] = input (writer, node, i);
  kol_onnx_writer_add (writer, node, "Concat", names, node->n_inputs, output (writer, node));
  kol_onnx_writer_int (writer, "axis", ((const KolAxisAttributes *) node->attributes)->axis);
}

static void
write_slice (Writer *writer, const KolNode *node)
{
  const KolSlice *how = node->attributes;
  gint64 axes[KOL_MAX_RANK], steps[KOL_MAX_RANK];

  if (how->n_axes == 0)
    {
      add_same (writer, node, "Identity");
      return;
    }
  for (int i = 0; i < how->n_axes; i++)
    {
      axes[i] = how->axes[i];
      steps[i] = how->step[i] ? how->step[i] : 1;
    }
  KOL_ONNX_ADD (writer, node, "Slice", output (writer, node), input (writer, node, 0),
                kol_onnx_writer_constant_ints (writer, node, how->start, how->n_axes),
                kol_onnx_writer_constant_ints (writer, node, how->stop, how->n_axes),
                kol_onnx_writer_constant_ints (writer, node, axes, how->n_axes),
                kol_onnx_writer_constant_ints (writer, node, steps, how->n_axes));
}

static void
write_pad (Writer *writer, const KolNode *node)
{
  static const char *const modes[] = { "constant", "reflect", "edge" };
  const KolPad *how = node->attributes;
  int rank = shape_of (node, 0)->rank;
  gint64 pads[2 * KOL_MAX_RANK];

  for (int d = 0; d < rank; d++)
    {
      pads[d] = how->before[d];
      pads[rank + d] = how->after[d];
    }
  KOL_ONNX_ADD (writer, node, "Pad", output (writer, node), input (writer, node, 0),
                kol_onnx_writer_constant_ints (writer, node, pads, 2 * rank),
                scalar (writer, node, how->value));
  kol_onnx_writer_string (writer, "mode", modes[how->mode]);
}

/* A factor that gives exactly @to from @from when the product, of floats or doubles, is rounded
 * down. */
static float
factor_of (gint64 to, gint64 from)
{
  float factor = (float) to / (float) from;

  while (floor ((double) from * factor) < (double) to)
    factor = nextafterf (factor, INFINITY);
  return factor;
}

static void
write_resize (Writer *writer, const KolNode *node)
{
  static const char *const positions[] = { "half_pixel", "align_corners", "asymmetric" };
  static const char *const roundings[]
      = { "round_prefer_floor", "round_prefer_ceil", "floor", "ceil" };
  const KolResize *how = &((const KolResizeAttributes *) node->attributes)->how;
  const KolShape *x = shape_of (node, 0);
  const float factors[]
      = { 1, 1, factor_of (how->height, x->dim[2]), factor_of (how->width, x->dim[3]) };

  KOL_ONNX_ADD (writer, node, "Resize", output (writer, node), input (writer, node, 0), NULL,
                kol_onnx_writer_constant_floats (writer, node, factors, 4));
  kol_onnx_writer_string (writer, "coordinate_transformation_mode", positions[how->coordinates]);
  kol_onnx_writer_string (writer, "mode", how->mode == KOL_RESIZE_BILINEAR ? "linear" : "nearest");
  if (how->mode != KOL_RESIZE_BILINEAR)
    kol_onnx_writer_string (writer, "nearest_mode", roundings[how->rounding]);
}

/* ── Where it comes from ─────────────────────────────────────────────────────────────────────── */

/* A sum of a product and a number per channel is written with the product. */
static void
write_add (Writer *writer, const KolNode *node)
{
  if (g_hash_table_lookup (writer->joined, node->inputs[0]->node) != node)
    add_same (writer, node, "Add");
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

/* An operation of ours: ONNX's own, or a function that writes it. */
static const struct {
  const char *op;
  const char *operator;
  void (*write) (Writer *writer, const KolNode *node);
} table[] = {
  { "add", NULL, write_add },
  { "subtract", "Sub" },
  { "multiply", "Mul" },
  { "divide", "Div" },
  { "pow", "Pow" },
  { "maximum", "Max" },
  { "minimum", "Min" },
  { "prelu", "PRelu" },
  { "equal", NULL, write_equal },
  { "greater", NULL, write_greater },
  { "less", NULL, write_less },
  { "where", NULL, write_where },
  { "negate", "Neg" },
  { "square", NULL, write_square },
  { "sqrt", "Sqrt" },
  { "rsqrt", NULL, write_rsqrt },
  { "reciprocal", "Reciprocal" },
  { "exp", "Exp" },
  { "log", "Log" },
  { "erf", "Erf" },
  { "abs", "Abs" },
  { "sign", "Sign" },
  { "floor", "Floor" },
  { "ceil", "Ceil" },
  { "round", "Round" },
  { "sin", "Sin" },
  { "cos", "Cos" },
  { "tan", "Tan" },
  { "asin", "Asin" },
  { "acos", "Acos" },
  { "atan", "Atan" },
  { "sinh", "Sinh" },
  { "cosh", "Cosh" },
  { "tanh", "Tanh" },
  { "asinh", "Asinh" },
  { "acosh", "Acosh" },
  { "atanh", "Atanh" },
  { "clip", NULL, write_clip },
  { "scale", NULL, write_scale },
  { "relu", "Relu" },
  { "leaky_relu", NULL, write_leaky_relu },
  { "elu", NULL, write_elu },
  { "selu", "Selu" },
  { "gelu", NULL, write_gelu },
  { "gelu_tanh", NULL, write_gelu_tanh },
  { "sigmoid", "Sigmoid" },
  { "silu", NULL, write_silu },
  { "hard_swish", "HardSwish" },
  { "hard_sigmoid", NULL, write_hard_sigmoid },
  { "softplus", "Softplus" },
  { "softsign", "Softsign" },
  { "conv2d", NULL, write_conv2d },
  { "conv2d_gradient_x", NULL, write_conv_transpose2d },
  { "matmul", NULL, write_matmul },
  { "max_pool", NULL, write_max_pool },
  { "average_pool", NULL, write_average_pool },
  { "sum", NULL, write_sum },
  { "mean", NULL, write_mean },
  { "max", NULL, write_max },
  { "min", NULL, write_min },
  { "batch_norm_inference", NULL, write_batch_norm },
  { "layer_norm", NULL, write_layer_norm },
  { "group_norm", NULL, write_group_norm },
  { "local_response_norm", NULL, write_local_response_norm },
  { "softmax", NULL, write_softmax },
  { "log_softmax", NULL, write_log_softmax },
  { "reshape", NULL, write_reshape },
  { "detach", NULL, write_detach },
  { "expand", NULL, write_expand },
  { "transpose", NULL, write_transpose },
  { "concat", NULL, write_concat },
  { "slice", NULL, write_slice },
  { "pad", NULL, write_pad },
  { "resize", NULL, write_resize },
};

void
kol_onnx_write_node (KolOnnxWriter *writer, const KolNode *node)
{
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    if (strcmp (table[i].op, node->op->name) == 0)
      {
        if (table[i].write)
          table[i].write (writer, node);
        else
          add_same (writer, node, table[i].operator);
        return;
      }
  kol_onnx_writer_refuse (writer, node, "there is no such operator");
}
