/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pixels from channels and back: a transpose between two shapes, whose gradients it has. */

#include "graph/op-private.h"
#include "ops.h"

static KolValue *
fail (KolValue *value, const char *what, int block, const char *wanted)
{
  return kol_graph_fail (value->graph, KOL_ERROR_SHAPE,
                         "%s of %s in blocks of %d x %d: it should be [N, C, H, W], with %s", what,
                         kol_shape_text (&value->shape), block, block, wanted);
}

/**
 * kol_depth_to_space:
 * @x: `[N, b b C, H, W]`
 * @block: b, the side of the square that a pixel becomes
 * @order: where among the channels the square's pixels are
 *
 * y[n, c, h b + i, w b + j] = x[n, d, h, w] for i, j < b, where d is
 * (i b + j) C + c with %KOL_DCR and (c b + i) b + j with %KOL_CRD. ONNX's
 * DepthToSpace; with %KOL_CRD, torch.nn.PixelShuffle. Channels that b b does not
 * divide are an error of the graph.
 *
 * Returns: (transfer none): `[N, C, b H, b W]`
 */
KolValue *
kol_depth_to_space (KolValue *x, int block, KolDepthOrder order)
{
  const KolTranspose dcr = { { 0, 3, 4, 1, 5, 2 } }, crd = { { 0, 1, 4, 2, 5, 3 } };
  gint64 N, C, H, W, b = block;

  if (kol_value_failed (x))
    return x;
  if (x->shape.rank != 4 || b < 1 || x->shape.dim[1] % (b * b))
    return fail (x, "depth_to_space", block, "C a multiple of the pixels of a block");
  N = x->shape.dim[0];
  C = x->shape.dim[1] / (b * b);
  H = x->shape.dim[2];
  W = x->shape.dim[3];
  x = kol_reshape (x,
                   order == KOL_CRD ? KOL_SHAPE (N, C, b, b, H, W) : KOL_SHAPE (N, b, b, C, H, W));
  return kol_reshape (kol_transpose (x, order == KOL_CRD ? &crd : &dcr),
                      KOL_SHAPE (N, C, H * b, W * b));
}

/**
 * kol_space_to_depth:
 * @y: `[N, C, b H, b W]`
 * @block: b, the side of the squares that become pixels
 * @order: where among the channels the square's pixels go
 *
 * The reverse of kol_depth_to_space() with the same @block and @order: with
 * %KOL_DCR, ONNX's SpaceToDepth, with %KOL_CRD, torch.nn.PixelUnshuffle. Sides that
 * b does not divide are an error of the graph.
 *
 * Returns: (transfer none): `[N, b b C, H, W]`
 */
KolValue *
kol_space_to_depth (KolValue *y, int block, KolDepthOrder order)
{
  const KolTranspose dcr = { { 0, 3, 5, 1, 2, 4 } }, crd = { { 0, 1, 3, 5, 2, 4 } };
  gint64 N, C, H, W, b = block;

  if (kol_value_failed (y))
    return y;
  if (y->shape.rank != 4 || b < 1 || y->shape.dim[2] % b || y->shape.dim[3] % b)
    return fail (y, "space_to_depth", block, "H and W multiples of a block's side");
  N = y->shape.dim[0];
  C = y->shape.dim[1];
  H = y->shape.dim[2] / b;
  W = y->shape.dim[3] / b;
  y = kol_transpose (kol_reshape (y, KOL_SHAPE (N, C, H, b, W, b)), order == KOL_CRD ? &crd : &dcr);
  return kol_reshape (y, KOL_SHAPE (N, C * b * b, H, W));
}
