/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Copies of a tensor beside each other. An axis [L] that is repeated r times is
 * [1, L] stretched to [r, L], and seen as [r L]: reshapes and kol_expand(), whose
 * gradient sums the copies.
 */

#include "graph/op-private.h"
#include "ops.h"

#define AT_ONCE 3 /* axes repeated by one copy: two dimensions each, and those in front of them */

/* Repeats the last few axes of which there is to be more than one, and sets their repeats to 1. */
static KolValue *
tile_some (KolValue *a, int *repeats)
{
  KolShape apart = { 1, { 1 } }, stretched = apart, together = a->shape;
  int first = a->shape.rank;

  for (int n = 0; n < AT_ONCE && first > 0; n += repeats[first] > 1)
    first--;
  for (int i = 0; i < a->shape.rank; i++)
    {
      if (i >= first && repeats[i] > 1)
        {
          stretched.dim[apart.rank] = repeats[i];
          apart.dim[apart.rank++] = 1;
          stretched.dim[apart.rank] = 1;
          apart.dim[apart.rank++] = 1;
          together.dim[i] *= repeats[i];
          repeats[i] = 1;
        }
      apart.dim[apart.rank - 1] *= a->shape.dim[i];
      stretched.dim[apart.rank - 1] = apart.dim[apart.rank - 1];
    }
  stretched.rank = apart.rank;
  return kol_reshape (kol_expand (kol_reshape (a, apart), stretched), together);
}

/**
 * kol_tile:
 * @a: a tensor
 * @repeats: for each of its axes, how often it is repeated: 1 or more
 *
 * y[.., i, ..] = a[.., i mod length, ..]: copies of @a beside each other.
 *
 * Returns: (transfer none): the value, repeats[i] times as long in axis i; it has
 *   failed if one of them is below 1
 */
KolValue *
kol_tile (KolValue *a, const int *repeats)
{
  int left[KOL_MAX_RANK];

  g_return_val_if_fail (a && repeats, NULL);
  if (kol_value_failed (a))
    return a;
  for (int i = 0; i < a->shape.rank; i++)
    {
      if (repeats[i] < 1)
        return kol_graph_fail (a->graph, KOL_ERROR_SHAPE,
                               "tile: axis %d of %s is to be there %d times; 1 is the least", i,
                               kol_shape_text (&a->shape), repeats[i]);
      left[i] = repeats[i];
    }
  for (int i = a->shape.rank - 1; i >= 0; i--)
    if (left[i] > 1)
      a = tile_some (a, left);
  return a;
}
