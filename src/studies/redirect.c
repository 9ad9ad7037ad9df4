/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "redirect-private.h"

#include <string.h>

#include "../graph/graph-private.h"
#include "../ops.h"

gboolean
kol_is_rectified (KolValue *value, KolValue **x)
{
  const KolNode *node = value->node;
  gboolean rectified
      = strcmp (node->op->name, "relu") == 0
        || (strcmp (node->op->name, "clip") == 0 && ((const float *) node->attributes)[0] == 0);

  if (rectified)
    *x = node->inputs[0];
  return rectified;
}

/* Sums over all but the example. */
static KolValue *
sum_each (KolValue *a)
{
  KolReduce over = { .keep = TRUE };

  for (int axis = 1; axis < a->shape.rank; axis++)
    over.axes[over.n_axes++] = axis;
  return kol_norm1 (a, &over);
}

/* A KolOverride. */
static gboolean
redirect (KolNode *node, KolValue *const *dy, KolValue **dx, gpointer data)
{
  KolValue *x;

  if (!kol_is_rectified (&node->outputs[0], &x) || x->shape.rank < 2)
    return FALSE;
  KolValue *zero = kol_constant (node->graph, 0);
  node->op->gradient (node, dy, dx);
  KolValue *usual = dx[0];
  KolValue *shuts = kol_and (kol_less (x, zero), kol_greater (dy[0], zero));
  KolValue *opening = kol_where (shuts, zero, dy[0]);
  dx[0] = kol_where (kol_greater (sum_each (usual), zero), usual, opening);
  return TRUE;
}

void
kol_redirect_rectifiers (KolGraph *graph, gboolean redirected)
{
  graph->override = redirected ? redirect : NULL;
}
