/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The variant "pointwise" of conv2d and its gradient to x, for filters of 1x1 with
 * stride 1 and no padding on devices whose work-item is a SIMD thread: each
 * picture [C, H W] is multiplied by the weights [K, C] from the left. The gradient
 * to x is the product with the weights transposed.
 */

#include "conv2d-private.h"
#include "product-private.h"

static KolProduct
product_of (const KolNode *node)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  gboolean turned = node->op == &kol_conv2d_gradient_x_op;

  return (KolProduct){ .batch = c.N,
                       .rows = turned ? c.C : c.K,
                       .inner = turned ? c.K : c.C,
                       .columns = c.P * c.Q,
                       .transpose_a = turned,
                       .batched_b = TRUE };
}

gboolean
kol_conv2d_pointwise_fits (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);

  return kol_product_simd_fits (device) && c.groups == 1 && c.R == 1 && c.S == 1 && c.stride_h == 1
         && c.stride_w == 1 && c.P == c.H && c.Q == c.W && c.top == 0 && c.left == 0
         && c.P * c.Q < G_MAXINT;
}

gsize
kol_conv2d_pointwise_packed (const KolNode *node, guint input, const KolDevice *device)
{
  KolProduct p = product_of (node);

  return input == 1 ? kol_product_simd_packed (&p, device) : 0;
}

/* What the product needs, then the weights, for when they are not kept packed. */
gsize
kol_conv2d_pointwise_scratch (const KolNode *node, const KolDevice *device)
{
  KolProduct p = product_of (node);

  return kol_product_simd_scratch (&p, TRUE, device) + kol_product_simd_packed (&p, device);
}

gboolean
kol_conv2d_pointwise_pack (KolLaunch *launch, const KolNode *node, guint input, GError **error)
{
  KolProduct p = product_of (node);

  return kol_product_simd_pack (launch, &p, launch->inputs[input], launch->packed[input], 0, error);
}

gboolean
kol_conv2d_pointwise_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  KolProduct p = product_of (node);
  KolBuffer *weights = launch->packed ? launch->packed[1] : NULL;
  gint64 weights_at
      = (gint64) (kol_product_simd_scratch (&p, TRUE, launch->device) / sizeof (float));

  if (!weights
      && !kol_product_simd_pack (launch, &p, launch->inputs[1], launch->scratch, weights_at, error))
    return FALSE;
  return kol_product_simd_launch (launch, &p, weights ? weights : launch->scratch,
                                  weights ? 0 : weights_at, launch->inputs[0],
                                  KOL_PRODUCT_PACKED_A | KOL_PRODUCT_BIAS_OF_ROWS, error);
}
