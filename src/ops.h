/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once
/* clang-format off: a line each */

/*
 * The catalogue: every operation's constructor, its formula beside it. Shapes
 * are [N, C, H, W] for pictures. All tensors are float32; comparisons give 0 or
 * 1, indices are whole numbers held in floats. Every constructor lends a value
 * that belongs to its inputs' graph, and passes a failed input on. A gradient is
 * built from the same operations, so it can be differentiated again.
 */

#include "graph/graph.h"

G_BEGIN_DECLS

/* ── Elementwise, one function per line of src/ops/elementwise-table.h ─────────────────────────
 * Two inputs broadcast as in NumPy: shapes are aligned at the last dimension, 1 stretches.      */

KOL_API KolValue *kol_add (KolValue *a, KolValue *b);      /* a + b */
KOL_API KolValue *kol_subtract (KolValue *a, KolValue *b); /* a - b */
KOL_API KolValue *kol_multiply (KolValue *a, KolValue *b); /* a b */
KOL_API KolValue *kol_divide (KolValue *a, KolValue *b);   /* a / b */
KOL_API KolValue *kol_pow (KolValue *a, KolValue *b);      /* a^b */
KOL_API KolValue *kol_maximum (KolValue *a,
                               KolValue *b); /* max (a, b); a tie's gradient goes to a */
KOL_API KolValue *kol_minimum (KolValue *a,
                               KolValue *b);           /* min (a, b); a tie's gradient goes to a */
KOL_API KolValue *kol_fmod (KolValue *a, KolValue *b); /* a - b trunc (a / b): the sign of a */
KOL_API KolValue *kol_modulo (KolValue *a, KolValue *b); /* a - b floor (a / b): the sign of b */

/* Conditions: 1, or else 0; no gradient. As operands, all but 0 is true. */
KOL_API KolValue *kol_equal (KolValue *a, KolValue *b);         /* a = b */
KOL_API KolValue *kol_not_equal (KolValue *a, KolValue *b);     /* a != b */
KOL_API KolValue *kol_greater (KolValue *a, KolValue *b);       /* a > b */
KOL_API KolValue *kol_greater_equal (KolValue *a, KolValue *b); /* a >= b */
KOL_API KolValue *kol_less (KolValue *a, KolValue *b);          /* a < b */
KOL_API KolValue *kol_less_equal (KolValue *a, KolValue *b);    /* a <= b */
KOL_API KolValue *kol_and (KolValue *a, KolValue *b);           /* a and b */
KOL_API KolValue *kol_or (KolValue *a, KolValue *b);            /* a or b, or both */
KOL_API KolValue *kol_xor (KolValue *a, KolValue *b);           /* one of the two */
KOL_API KolValue *kol_not (KolValue *a);                        /* not a */
KOL_API KolValue *kol_is_nan (KolValue *a);                     /* a is not a number */
KOL_API KolValue *kol_where (KolValue *condition, KolValue *a,
                             KolValue *b); /* a where the condition is true, else b */

KOL_API KolValue *kol_negate (KolValue *a);     /* -a */
KOL_API KolValue *kol_square (KolValue *a);     /* a^2 */
KOL_API KolValue *kol_sqrt (KolValue *a);       /* a^(1/2) */
KOL_API KolValue *kol_rsqrt (KolValue *a);      /* a^(-1/2) */
KOL_API KolValue *kol_reciprocal (KolValue *a); /* 1 / a */
KOL_API KolValue *kol_exp (KolValue *a);        /* e^a */
KOL_API KolValue *kol_expm1 (KolValue *a);      /* e^a - 1 */
KOL_API KolValue *kol_log (KolValue *a);        /* ln a */
KOL_API KolValue *kol_log1p (KolValue *a);      /* ln (1 + a) */
KOL_API KolValue *kol_erf (KolValue *a);        /* erf a */
KOL_API KolValue *kol_abs (KolValue *a);        /* |a| */
KOL_API KolValue *kol_sign (KolValue *a);       /* 1, 0 or -1; no gradient */
KOL_API KolValue *kol_floor (KolValue *a);      /* rounded down; no gradient */
KOL_API KolValue *kol_ceil (KolValue *a);       /* rounded up; no gradient */
KOL_API KolValue *kol_round (KolValue *a);      /* to the nearest, halves to even; no gradient */
KOL_API KolValue *kol_clip (KolValue *a, float low, float high); /* min (max (a, low), high) */
KOL_API KolValue *kol_scale (KolValue *a, float factor, float offset); /* factor a + offset */
KOL_API KolValue *kol_sin (KolValue *a);
KOL_API KolValue *kol_cos (KolValue *a);
KOL_API KolValue *kol_tan (KolValue *a);
KOL_API KolValue *kol_asin (KolValue *a);
KOL_API KolValue *kol_acos (KolValue *a);
KOL_API KolValue *kol_atan (KolValue *a);
KOL_API KolValue *kol_sinh (KolValue *a);
KOL_API KolValue *kol_cosh (KolValue *a);
KOL_API KolValue *kol_tanh (KolValue *a);
KOL_API KolValue *kol_asinh (KolValue *a);
KOL_API KolValue *kol_acosh (KolValue *a);
KOL_API KolValue *kol_atanh (KolValue *a);

/* Activations. */
KOL_API KolValue *kol_relu (KolValue *a);                    /* max (a, 0) */
KOL_API KolValue *kol_leaky_relu (KolValue *a, float slope); /* a; slope a where a < 0 */
KOL_API KolValue *kol_prelu (KolValue *a, KolValue *b);      /* a; b a where a < 0 */
KOL_API KolValue *kol_elu (KolValue *a, float alpha);        /* a; alpha (e^a - 1) where a < 0 */
KOL_API KolValue *kol_selu (KolValue *a);                    /* 1.0507 elu (a, 1.67326) */
KOL_API KolValue *kol_gelu (KolValue *a);                    /* a/2 (1 + erf (a / 2^(1/2))) */
KOL_API KolValue *
kol_gelu_tanh (KolValue *a); /* a/2 (1 + tanh ((2 / pi)^(1/2) (a + 0.044715 a^3))) */
KOL_API KolValue *kol_sigmoid (KolValue *a);    /* 1 / (1 + e^-a) */
KOL_API KolValue *kol_silu (KolValue *a);       /* a / (1 + e^-a) */
KOL_API KolValue *kol_hard_swish (KolValue *a); /* a clip (a + 3, 0, 6) / 6 */
KOL_API KolValue *kol_hard_sigmoid (KolValue *a, float alpha,
                                    float beta); /* clip (alpha a + beta, 0, 1) */
KOL_API KolValue *kol_softplus (KolValue *a);    /* ln (1 + e^a) */
KOL_API KolValue *kol_softsign (KolValue *a);    /* a / (1 + |a|) */

/* ── Reductions ────────────────────────────────────────────────────────────────────────────────
 * Over the listed axes (negative: from the end; n_axes 0: all). keep leaves them as length 1.   */

typedef struct {
  int n_axes;
  int axes[KOL_MAX_RANK];
  gboolean keep;
} KolReduce;

KOL_API KolValue *kol_sum (KolValue *a, const KolReduce *over);       /* sum of a; NULL: of all */
KOL_API KolValue *kol_mean_over (KolValue *a, const KolReduce *over); /* mean of a */
KOL_API KolValue *kol_mean (KolValue *a);                             /* mean of all, a scalar */
KOL_API KolValue *kol_prod (KolValue *a, const KolReduce *over);      /* product of a */
KOL_API KolValue *kol_sum_of_squares (KolValue *a, const KolReduce *over); /* sum of a^2 */
KOL_API KolValue *kol_norm1 (KolValue *a, const KolReduce *over);          /* sum of |a| */
KOL_API KolValue *kol_norm2 (KolValue *a, const KolReduce *over);          /* (sum of a^2)^(1/2) */
KOL_API KolValue *kol_log_sum_exp (KolValue *a, const KolReduce *over);    /* log sum of e^a */
KOL_API KolValue *
kol_max (KolValue *a, const KolReduce *over); /* largest; the first of equals gets the gradient */
KOL_API KolValue *kol_min (KolValue *a, const KolReduce *over); /* smallest; the same */
KOL_API KolValue *
kol_argmax (KolValue *a,
            int axis); /* index of the first largest along axis, which goes; no gradient */
KOL_API KolValue *kol_argmin (KolValue *a, int axis); /* of the first smallest; no gradient */

/* y[l] = sum of x[0 .. l] along the axis; exclusive: without x[l]; reverse: of x[l ..].         */
KOL_API KolValue *kol_cumulative_sum (KolValue *x, int axis, gboolean exclusive, gboolean reverse);
/* The k largest (or smallest) along the axis, sorted, of equals the first one first; NULL or where
 * to put the value that has their indices. The gradient goes to those that were chosen.          */
KOL_API KolValue *kol_top_k (KolValue *x, int k, int axis, gboolean largest, KolValue **indices);

/* ── Products ──────────────────────────────────────────────────────────────────────────────── */

/* y[..., i, j] = sum_k a[..., i, k] b[..., k, j]: [.., M, K] x [.., K, N] -> [.., M, N]. The
 * leading dimensions broadcast as in NumPy; a side that has none is used for every batch entry.
 * A vector is a row on the left, a column on the right: [K] x [.., K, N] -> [.., N],
 * [.., M, K] x [K] -> [.., M].                                                                  */
typedef struct {
  gboolean transpose_a; /* a is stored as [.., K, M] */
  gboolean transpose_b; /* b is stored as [.., N, K] */
} KolMatmul;
KOL_API KolValue *kol_matmul (KolValue *a, KolValue *b);
KOL_API KolValue *kol_matmul_with (KolValue *a, KolValue *b, const KolMatmul *how);

/* y[n, k, p, q] = bias[k] + sum_{c, r, s} x[n, c, p S + r D - top, q S + s D - left] w[k, c, r, s]
 * x [N, C, H, W], w [K, C / groups, R, S], bias [K] or NULL -> y [N, K, P, Q];
 * P = (H + top + bottom - D (R - 1) - 1) / S + 1, Q alike. Cross-correlation, as everywhere.    */
typedef enum {
  KOL_EXPLICIT = 0, /* the paddings given */
  KOL_SAME,         /* P = ceil (H / stride): the padding that does it, the odd one after */
  KOL_VALID,        /* none */
} KolPadding;
typedef struct {
  int stride, stride_w;     /* 0: 1, and stride_w as stride */
  int dilation, dilation_w; /* 0: 1, and dilation_w as dilation */
  int groups;               /* 0: 1 */
  KolPadding padding;
  int pad;                      /* the same on all four sides, or */
  int top, left, bottom, right; /* added to it */
} KolConv2d;
KOL_API KolValue *kol_conv2d (KolValue *x, KolValue *w, KolValue *bias, const KolConv2d *how);

/* y[n, k, q] = bias[k] + sum_{c, s} x[n, c, q S + s D - left] w[k, c, s]
 * x [N, C, L], w [K, C / groups, S], bias [K] or NULL -> y [N, K, Q].                           */
typedef struct {
  int stride, dilation, groups; /* 0: 1 */
  KolPadding padding;
  int pad;
  int left, right; /* added to it */
} KolConv1d;
KOL_API KolValue *kol_conv1d (KolValue *x, KolValue *w, KolValue *bias, const KolConv1d *how);

/* y[n, k, p, q] = bias[k] + sum of x[n, c, h, w] v[c, k, r, s] over c, r, s and all h, w with
 * h S + r D - top = p and w S + s D - left = q: the gradient of conv2d to its input.
 * x [N, C, H, W], v [C, K / groups, R, S], bias [K] or NULL -> y [N, K, P, Q];
 * P = (H - 1) S + D (R - 1) + 1 - top - bottom + output_pad_h, Q alike.                         */
typedef struct {
  int stride, stride_w;           /* 0: 1, and stride_w as stride */
  int dilation, dilation_w;       /* 0: 1, and dilation_w as dilation */
  int groups;                     /* 0: 1 */
  int pad;                        /* the same on all four sides, or */
  int top, left, bottom, right;   /* added to it: rows and columns that y is without */
  int output_pad_h, output_pad_w; /* rows and columns that y has more, at the bottom and right */
} KolConvTranspose2d;
KOL_API KolValue *kol_conv_transpose2d (KolValue *x, KolValue *w, KolValue *bias,
                                        const KolConvTranspose2d *how);

/* ── Pooling ───────────────────────────────────────────────────────────────────────────────── */

/* Windows of size x size_w over each channel; padding never wins a maximum and is not counted in
 * an average, unless it is asked to be. x [N, C, H, W] -> [N, C, P, Q], P as for convolution:
 * P = floor ((H + top + bottom - size) / stride) + 1. With ceil it is rounded up, but a window that
 * would begin behind x, in the padding, is left out.                                           */
typedef struct {
  int size, size_w;     /* size_w 0: as size */
  int stride, stride_w; /* 0: as the size */
  KolPadding padding;
  int pad;
  int top, left, bottom, right;
  gboolean ceil;      /* also windows that reach over the edge */
  gboolean count_pad; /* an average divides by the window's part inside x and its padding */
} KolPool;
KOL_API KolValue *kol_max_pool (KolValue *x,
                                const KolPool *how); /* the first of equals gets the gradient */
/* as kol_max_pool; indices [N, C, P, Q]: h W + w of each largest element; no gradient to them */
KOL_API KolValue *kol_max_pool_with_indices (KolValue *x, const KolPool *how, KolValue **indices);
KOL_API KolValue *kol_average_pool (KolValue *x,
                                    const KolPool *how); /* mean of the window's part inside x */
/* y[h, w] = x[p, q] for the last p, q with indices[p, q] = h W + w, else 0, for each channel:
 * x, indices [N, C, P, Q] -> shape [N, C, H, W].                                               */
KOL_API KolValue *kol_max_unpool (KolValue *x, KolValue *indices, KolShape shape);

/* The same along one dimension: [N, C, L] -> [N, C, Q]. */
typedef struct {
  int size;
  int stride; /* 0: as the size */
  KolPadding padding;
  int pad;
  int left, right;
  gboolean ceil, count_pad;
} KolPool1d;
KOL_API KolValue *kol_max_pool1d (KolValue *x, const KolPool1d *how);
KOL_API KolValue *kol_average_pool1d (KolValue *x, const KolPool1d *how);

/* [N, C, H, W] -> [N, C, 1, 1]: of all elements of each channel. */
KOL_API KolValue *kol_global_max_pool (KolValue *x);
KOL_API KolValue *kol_global_average_pool (KolValue *x);
/* [N, C, H, W] -> [N, C, P, Q]: window p is floor (p H / P) .. ceil ((p + 1) H / P) - 1, q alike.
 */
KOL_API KolValue *kol_adaptive_max_pool (KolValue *x, int rows, int columns);
KOL_API KolValue *kol_adaptive_average_pool (KolValue *x, int rows, int columns);

/* ── Normalization ─────────────────────────────────────────────────────────────────────────────
 * y = (x - mean) / sqrt (variance + epsilon) gamma + beta; they differ in which elements the mean
 * and the variance, sum (x - mean)^2 / n, are of.                                               */

/* Each channel over all examples and pixels, x [N, C, ...], gamma, beta and what is running [C].
 * In training the statistics are the batch's, and a training step also updates the running ones:
 *   running = (1 - momentum) running + momentum batch, the variance times n / (n - 1).
 * Otherwise the statistics are the running ones (Ioffe and Szegedy 2015).                       */
typedef struct {
  gboolean training;
  double momentum; /* 0: 0.1 */
  double epsilon;  /* 0: 1e-5 */
} KolBatchNorm;
KOL_API KolValue *kol_batch_norm (KolValue *x, KolValue *gamma, KolValue *beta,
                                  KolValue *running_mean, KolValue *running_variance,
                                  const KolBatchNorm *how);

/* Each of the examples by itself; an epsilon of 0 is 1e-5. Layer: over all axes from @axis on, of
 * whose shape gamma and beta are (Ba et al. 2016). Group: x [N, C, ...], over the C / groups
 * channels of each group, gamma and beta [C] (Wu and He 2018). Instance: a group per channel.   */
KOL_API KolValue *kol_layer_norm (KolValue *x, KolValue *gamma, KolValue *beta, int axis,
                                  double epsilon);
KOL_API KolValue *kol_group_norm (KolValue *x, KolValue *gamma, KolValue *beta, int groups,
                                  double epsilon);
KOL_API KolValue *kol_instance_norm (KolValue *x, KolValue *gamma, KolValue *beta, double epsilon);

/* y[n, c] = x[n, c] / (bias + alpha / size sum x[n, i]^2)^beta, pixel by pixel, the sum over the
 * @size channels i around c that exist (Krizhevsky et al. 2012). x [N, C, ...]. @size is odd.    */
typedef struct {
  int size;
  double alpha, beta; /* 0: 1e-4, 0.75 */
  double bias;        /* 0: 1 */
} KolLocalResponseNorm;
KOL_API KolValue *kol_local_response_norm (KolValue *x, const KolLocalResponseNorm *how);

/* y = e^x / sum e^x, the sums along one axis (negative: from the end), and its logarithm,
 * x - log sum e^x. A line of which all is -infinity has none: NaN.                              */
KOL_API KolValue *kol_softmax (KolValue *x, int axis);
KOL_API KolValue *kol_log_softmax (KolValue *x, int axis);

/* ── Losses and regularization ─────────────────────────────────────────────────────────────── */

/* y[i] = log sum_r e^x[i, r] - x[i, label[i]]: the negative log likelihood of the label.
 * logits [N, classes], labels [N] -> [N]. A label outside 0 .. classes-1 gives NaN.             */
KOL_API KolValue *kol_softmax_cross_entropy (KolValue *logits, KolValue *labels);
/* The same against labels of which a part is shared out among all classes: with s = smoothing,
 * y[i] = (1 - s) (-log p[i, label[i]]) + s / classes sum_r -log p[i, r], p = softmax (x).       */
typedef struct {
  float smoothing; /* 0 .. 1 */
} KolCrossEntropy;
KOL_API KolValue *kol_softmax_cross_entropy_with (KolValue *logits, KolValue *labels,
                                                  const KolCrossEntropy *how);
/* -b log s - (1 - b) log (1 - s), s = sigmoid (a): element by element, both broadcast.          */
KOL_API KolValue *kol_sigmoid_cross_entropy (KolValue *a, KolValue *b);
/* y = x / keep where a random number in 0..1 is < keep, else 0; keep is a scalar value, 1: y = x.
 * The numbers depend on seed, step, the node's name and the element (Srivastava 2014).          */
KOL_API KolValue *kol_dropout (KolValue *x, KolValue *keep);

/* ── Shapes ────────────────────────────────────────────────────────────────────────────────── */

KOL_API KolValue *kol_reshape (KolValue *a,
                               KolShape shape); /* the same memory; one -1 is worked out */
KOL_API KolValue *kol_detach (KolValue *a); /* a, through which no gradient flows */
KOL_API KolValue *kol_expand (KolValue *a,
                              KolShape shape); /* a, stretched as for two inputs; copies */
/* y's dimension i is a's dimension order[i]; copies. */
typedef struct {
  int order[KOL_MAX_RANK];
} KolTranspose;
KOL_API KolValue *kol_transpose (KolValue *a, const KolTranspose *how);
/* The next three are reshapes, too. An axis may be negative: it counts from the end.             */
KOL_API KolValue *kol_flatten (KolValue *a, int axis); /* [the axes before it, the rest] */
KOL_API KolValue *kol_squeeze (KolValue *a, const int *axes,
                               int n); /* without these axes of length 1; n 0: without any */
KOL_API KolValue *kol_unsqueeze (KolValue *a, int axis); /* with a new axis of length 1 there */
/* y[.., i, ..] = a[.., i mod length, ..]: repeats[i] copies of axis i, one for each axis.        */
KOL_API KolValue *kol_tile (KolValue *a, const int *repeats);
/* The values one behind the other along an axis, in which alone their lengths may differ.        */
KOL_API KolValue *kol_concat (KolValue *const *values, guint n, int axis);
/* y[.., i, ..] = values[i], at a new axis: equal shapes.                                         */
KOL_API KolValue *kol_stack (KolValue *const *values, guint n, int axis);
/* y[.., i, ..] = x[.., start + i step, ..] for the listed axes, as Python's x[start:stop:step]:
 * negative start and stop count from the end, both are then taken to the nearest end, and stop is
 * left out. G_MAXINT64: to the end; with a negative step G_MININT64: down to element 0.          */
typedef struct {
  int n_axes; /* 0: all of x */
  int axes[KOL_MAX_RANK];
  gint64 start[KOL_MAX_RANK], stop[KOL_MAX_RANK];
  gint64 step[KOL_MAX_RANK]; /* 0: 1 */
} KolSlice;
KOL_API KolValue *kol_slice (KolValue *x, const KolSlice *how);
KOL_API KolValue *kol_flip (KolValue *x, const int *axes,
                            int n); /* y[.., i, ..] = x[.., length - 1 - i, ..] */
/* n slices of x along an axis, of sizes[i] each, all together; concat's inverse.                 */
KOL_API void kol_split (KolValue *x, int axis, const gint64 *sizes, guint n, KolValue **outputs);
/* y[.., before + i, ..] = x[.., i, ..], and a border around it: each axis is before + after longer.
 * A negative number takes elements away; only the constant border can.                           */
typedef enum {
  KOL_PAD_CONSTANT = 0, /* the border is value */
  KOL_PAD_REFLECT,      /* x mirrored: c b [a b c] b a; each axis is longer than its border */
  KOL_PAD_EDGE,         /* the outermost element: a a [a b c] c c */
} KolPadMode;
typedef struct {
  KolPadMode mode;
  int before[KOL_MAX_RANK], after[KOL_MAX_RANK]; /* for axis 0, 1, ... */
  float value;
} KolPad;
KOL_API KolValue *kol_pad (KolValue *x, const KolPad *how);

/* Blocks of b x b pixels from channels, or back. With i, j < b and c < C:
 * y[n, c, h b + i, w b + j] = x[n, d, h, w], x [N, b b C, H, W] <-> y [N, C, b H, b W], where */
typedef enum {
  KOL_DCR = 0, /* d = (i b + j) C + c: depth, column, row, ONNX's default and TensorFlow's */
  KOL_CRD,     /* d = (c b + i) b + j: PyTorch's PixelShuffle */
} KolDepthOrder;
KOL_API KolValue *kol_depth_to_space (KolValue *x, int block, KolDepthOrder order);
KOL_API KolValue *kol_space_to_depth (KolValue *y, int block, KolDepthOrder order);

/* y[n, c, p, q] = x[n, c, h (p), w (q)] with the position h (p) in x of the row p of P:
 * (p + 1/2) H / P - 1/2, p (H - 1) / (P - 1) or p H / P; rounded for the nearest, between its two
 * neighbours for bilinear. Positions outside are at the edge. w alike. [N, C, H, W] -> [N, C, P,
 * Q]. */
typedef enum {
  KOL_RESIZE_NEAREST = 0,
  KOL_RESIZE_BILINEAR, /* (1 - f) x[floor h] + f x[floor h + 1], f = h - floor h; w alike */
} KolResizeMode;
typedef enum {
  KOL_HALF_PIXEL = 0, /* (p + 1/2) H / P - 1/2 */
  KOL_ALIGN_CORNERS,  /* p (H - 1) / (P - 1) */
  KOL_ASYMMETRIC,     /* p H / P */
} KolCoordinates;
typedef enum {
  KOL_ROUND_PREFER_FLOOR = 0, /* to the nearest whole number, halves down */
  KOL_ROUND_PREFER_CEIL,      /* halves up */
  KOL_ROUND_FLOOR,
  KOL_ROUND_CEIL,
} KolRounding;
typedef struct {
  int height, width; /* P, Q */
  KolResizeMode mode;
  KolCoordinates coordinates;
  KolRounding rounding; /* for the nearest */
} KolResize;
KOL_API KolValue *kol_resize (KolValue *x, const KolResize *how);

/* y[n, c, p, q] = x at the column a v + b u + c and the row d v + e u + f, all in -1 .. 1 from edge
 * to edge, with v = (2 q + 1) / Q - 1, u = (2 p + 1) / P - 1 and map[n] = ((a, b, c), (d, e, f)):
 * four pixels mixed, `fill` outside. x [N, C, H, W], map [N, 2, 3], or [1, 2, 3] for all ->
 * [N, C, P, Q]; no gradient to the map.                                                          */
typedef struct {
  int height, width; /* P, Q */
  float fill;
} KolResample;
KOL_API KolValue *kol_resample (KolValue *x, KolValue *map, const KolResample *how);

/* ── Indexing ──────────────────────────────────────────────────────────────────────────────────
 * Indices are whole numbers; negative ones count from the end. One that is outside, or no whole
 * number, gives NaN. No gradient flows to them.                                                 */

/* y[.., m.., ..] = x[.., indices[m..], ..]: the axis of x gives way to all axes of the indices.  */
KOL_API KolValue *kol_gather (KolValue *x, KolValue *indices, int axis);
KOL_API KolValue *kol_embedding (KolValue *table,
                                 KolValue *indices); /* rows of the table [V, D]: [m.., D] */
/* y = x, and y[.., indices[m..], ..] += updates[.., m.., ..]: updates of gather's shape, added in
 * order. An index outside makes all of y NaN.                                                    */
KOL_API KolValue *kol_scatter_add (KolValue *x, KolValue *indices, KolValue *updates, int axis);
/* y[.., m, ..] = x[.., indices[.., m, ..], ..]: indices of x's shape but for the length of axis. */
KOL_API KolValue *kol_gather_elements (KolValue *x, KolValue *indices, int axis);
/* y = x, and y[.., indices[.., m, ..], ..] += updates[.., m, ..]: updates of the indices' shape,
 * added in order. An index outside makes its line of y along the axis NaN.                       */
KOL_API KolValue *kol_scatter_elements_add (KolValue *x, KolValue *indices, KolValue *updates,
                                            int axis);
/* y[m.., d] = on where d = indices[m..], else off: a new last axis of length depth; no gradient. */
KOL_API KolValue *kol_one_hot (KolValue *indices, int depth, float on, float off);

G_END_DECLS
