/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/op-private.h"
#include "../ops.h"

G_BEGIN_DECLS

/*
 * Convolution and its two gradients are one family, closed under
 * differentiation: conv2d (x, w) = y, conv2d_gradient_x (dy, w) = dx,
 * conv2d_gradient_w (x, dy) = dw. All three carry these attributes and speak of
 * the same convolution.
 */
typedef struct {
  KolConv2d how;
  KolShape wanted; /* the shape of dx or dw, which dy and the other side leave open */
} KolConv2dAttributes;

/* The convolution that a node of the family speaks of, with all defaults worked out. */
typedef struct {
  gint64 N, C, H, W;                /* x */
  gint64 K, R, S;                   /* w [K, C / groups, R, S] */
  gint64 P, Q;                      /* y [N, K, P, Q] */
  gint64 groups, channels, filters; /* channels and filters of one group */
  gint64 stride_h, stride_w, dilation_h, dilation_w;
  gint64 top, left, bottom, right;
} KolConv2dShape;

extern const KolOp kol_conv2d_op, kol_conv2d_gradient_x_op, kol_conv2d_gradient_w_op;

/* The convolution @how of [N, C, H, W] with [K, C / groups, R, S]; P or Q is 0 where the filters do
 * not fit. */
KolConv2dShape kol_conv2d_resolve (const KolConv2d *how, const KolShape *x, const KolShape *w);

/* The convolution of a node of the family whose shapes were found good. */
KolConv2dShape kol_conv2d_shape_of (const KolNode *node);

/* @y + @bias [K], a number for each of y's channels. */
KolValue *kol_conv2d_add_bias (KolValue *y, KolValue *bias);

/* conv2d-blocked.c: conv2d of channels in blocks. */
KolBlocks kol_conv2d_blocks (const KolNode *node, const KolDevice *device);
extern const KolVariant kol_conv2d_blocked;
guint kol_conv2d_tile (gint64 places, guint most);

/* Writes @input of the launch, filters of the shape @w, to @to[@at] in that variant's form: @blocks
 * of [block of filters][block of channels][r][s][channel][filter], 0 where there is none. */
gboolean kol_conv2d_blocked_pack (KolLaunch *launch, guint input, const KolShape *w, gint64 blocks,
                                  KolBuffer *to, gsize at, GError **error);

/* conv2d-blocked-winograd.c: a part of it, for 3x3. */
gboolean kol_conv2d_blocked_winograd_fits (const KolNode *node, const KolDevice *device);
guint kol_conv2d_blocked_winograd_form (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_blocked_winograd_scratch_kept (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_blocked_winograd_packed (const KolNode *node, const KolDevice *device);
gboolean kol_conv2d_blocked_winograd_pack (KolLaunch *launch, const KolNode *node, guint input,
                                           GError **error);
gboolean kol_conv2d_blocked_winograd_launch (KolLaunch *launch, const KolNode *node,
                                             GError **error);

/* And the variant "winograd-4x4-blocked" of conv2d and its gradient to x. */
gboolean kol_conv2d_winograd_blocked_fits (const KolNode *node, const KolDevice *device);
gboolean kol_conv2d_winograd_blocked_kept_only (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_winograd_blocked_scratch (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_winograd_blocked_scratch_kept (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_winograd_blocked_packed (const KolNode *node, guint input,
                                          const KolDevice *device);
gboolean kol_conv2d_winograd_blocked_launch (KolLaunch *launch, const KolNode *node,
                                             GError **error);

/* conv2d-simd.c: the variant "implicit-gemm"; conv2d and its gradient to x share it. */
gboolean kol_conv2d_gemm_fits (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_gemm_scratch (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_gemm_packed (const KolNode *node, guint input, const KolDevice *device);
gboolean kol_conv2d_gemm_pack (KolLaunch *launch, const KolNode *node, guint input, GError **error);
gboolean kol_conv2d_gemm_launch (KolLaunch *launch, const KolNode *node, GError **error);
gsize kol_conv2d_gemm_w_scratch (const KolNode *node, const KolDevice *device);
gboolean kol_conv2d_gemm_w_launch (KolLaunch *launch, const KolNode *node, GError **error);

/* conv2d-winograd.c: by the outputs of a tile and the filter's side. */
#define KOL_CONV2D_WINOGRAD(M, R)                                                                  \
  gboolean kol_conv2d_winograd_##M##_##R##_fits (const KolNode *node, const KolDevice *device);    \
  gsize kol_conv2d_winograd_##M##_##R##_scratch (const KolNode *node, const KolDevice *device);    \
  gsize kol_conv2d_winograd_##M##_##R##_packed (const KolNode *node, guint input,                  \
                                                const KolDevice *device);                          \
  gboolean kol_conv2d_winograd_##M##_##R##_pack (KolLaunch *launch, const KolNode *node,           \
                                                 guint input, GError **error);                     \
  gboolean kol_conv2d_winograd_##M##_##R##_launch (KolLaunch *launch, const KolNode *node,         \
                                                   GError **error);                                \
  gsize kol_conv2d_winograd_##M##_##R##_w_scratch (const KolNode *node, const KolDevice *device);  \
  gboolean kol_conv2d_winograd_##M##_##R##_w_launch (KolLaunch *launch, const KolNode *node,       \
                                                     GError **error);
KOL_CONV2D_WINOGRAD (4, 3)
KOL_CONV2D_WINOGRAD (2, 3)
KOL_CONV2D_WINOGRAD (2, 5)
#undef KOL_CONV2D_WINOGRAD

/* conv2d-depthwise.c: the variant "depthwise", for filters that see one channel. */
gboolean kol_conv2d_depthwise_fits (const KolNode *node, const KolDevice *device);
gboolean kol_conv2d_depthwise_launch (KolLaunch *launch, const KolNode *node, GError **error);
gsize kol_conv2d_depthwise_w_scratch (const KolNode *node, const KolDevice *device);
gboolean kol_conv2d_depthwise_w_launch (KolLaunch *launch, const KolNode *node, GError **error);

/* conv2d-pointwise.c: the variant "pointwise" of conv2d and its gradient to x, for 1x1. */
gboolean kol_conv2d_pointwise_fits (const KolNode *node, const KolDevice *device);
guint kol_conv2d_pointwise_form (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_pointwise_scratch (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_pointwise_packed (const KolNode *node, guint input, const KolDevice *device);
gboolean kol_conv2d_pointwise_pack (KolLaunch *launch, const KolNode *node, guint input,
                                    GError **error);
gboolean kol_conv2d_pointwise_launch (KolLaunch *launch, const KolNode *node, GError **error);

/* conv2d-simt.c: the variant "simt"; conv2d and its gradient to x share it. */
gboolean kol_conv2d_simt_fits (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_simt_scratch (const KolNode *node, const KolDevice *device);
gboolean kol_conv2d_simt_launch (KolLaunch *launch, const KolNode *node, GError **error);
gsize kol_conv2d_simt_w_scratch (const KolNode *node, const KolDevice *device);
gboolean kol_conv2d_simt_w_launch (KolLaunch *launch, const KolNode *node, GError **error);

/* conv2d-simt-winograd.c: the variant "simt-winograd" of conv2d and its gradient to x. */
gboolean kol_conv2d_simt_winograd_fits (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_simt_winograd_scratch (const KolNode *node, const KolDevice *device);
gsize kol_conv2d_simt_winograd_packed (const KolNode *node, guint input, const KolDevice *device);
gboolean kol_conv2d_simt_winograd_pack (KolLaunch *launch, const KolNode *node, guint input,
                                        GError **error);
gboolean kol_conv2d_simt_winograd_launch (KolLaunch *launch, const KolNode *node, GError **error);

/* pointwise-depthwise.c: two convolutions in one; inputs and formula stand there. */
typedef struct {
  KolConv2d how;       /* of the second one, but for its groups */
  const char *between; /* a function of the elementwise table, of one operand, or NULL */
  float numbers[2];    /* and its numbers */
} KolPointwiseDepthwise;

/* KolOp.pair of conv2d. */
const KolOp *kol_conv2d_pair (const KolNode *before, const KolNode *between, const KolNode *node,
                              gpointer *attributes);

G_END_DECLS
