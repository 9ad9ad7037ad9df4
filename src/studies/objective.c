/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "objective-private.h"

#include <math.h>

#include "../graph/graph-private.h"
#include "../ops.h"

#define LEAST_COSINE 0.1f
#define TINY 1e-6f

/* Over all dimensions from @first on. */
static KolReduce
from_axis (const KolValue *a, int first)
{
  KolReduce over = { 0 };

  for (int axis = first; axis < a->shape.rank; axis++)
    over.axes[over.n_axes++] = axis;
  return over;
}

/* dot max (0.1, dot / (|a| |b|))^power; the norms' product is @norms. */
static KolValue *
with_cosine (KolValue *dot, KolValue *norms, double power)
{
  KolValue *cosine = kol_divide (dot, kol_scale (norms, 1, TINY));
  KolValue *cut = kol_maximum (cosine, kol_constant (dot->graph, LEAST_COSINE));

  return kol_multiply (dot, kol_pow (cut, kol_constant (dot->graph, (float) power)));
}

static KolValue *
build_units (KolObjective *self, KolValue *layer)
{
  KolGraph *graph = layer->graph;
  KolShape what = layer->shape, where = layer->shape;
  const KolReduce channels = { .n_axes = 1, .axes = { 1 }, .keep = TRUE };

  for (int i = 2; i < layer->shape.rank; i++)
    what.dim[i] = 1;
  where.dim[0] = where.dim[1] = 1;
  self->what = kol_placeholder (graph, "study/what", what);
  self->where = kol_placeholder (graph, "study/where", where);
  KolValue *dot = kol_sum (kol_multiply (layer, self->what), &channels);
  if (self->power != 0)
    dot = with_cosine (
        dot, kol_multiply (kol_norm2 (layer, &channels), kol_norm2 (self->what, &channels)),
        self->power);
  KolValue *weighted = kol_multiply (dot, self->where);
  KolReduce over = from_axis (weighted, 1);
  return kol_sum (weighted, &over);
}

static KolValue *
build_dream (KolValue *layer)
{
  KolReduce over = from_axis (layer, 1);

  return kol_mean_over (kol_square (layer), &over);
}

static KolValue *
build_caricature (KolObjective *self, KolValue *layer)
{
  KolShape one = layer->shape;
  KolReduce over = from_axis (layer, 1);

  one.dim[0] = 1;
  self->like = kol_placeholder (layer->graph, "study/like", one);
  KolValue *dot = kol_sum (kol_multiply (layer, self->like), &over);
  return self->power == 0
             ? dot
             : with_cosine (dot,
                            kol_multiply (kol_norm2 (layer, &over), kol_norm2 (self->like, &over)),
                            self->power);
}

void
kol_objective_build (KolObjective *self, KolValue *layer, KolMaximizeGoal goal, double power)
{
  *self = (KolObjective){ .goal = goal, .power = power };
  kol_graph_set_prefix (layer->graph, "study");
  self->each = goal == KOL_MAXIMIZE_DREAM        ? build_dream (layer)
               : goal == KOL_MAXIMIZE_CARICATURE ? build_caricature (self, layer)
                                                 : build_units (self, layer);
  kol_graph_set_prefix (layer->graph, NULL);
}

KolValue *
kol_objective_peaks (KolValue *layer)
{
  kol_graph_set_prefix (layer->graph, "study");
  KolValue *peaks = kol_multiply (layer, kol_abs (layer));
  kol_graph_set_prefix (layer->graph, NULL);
  return peaks;
}

gsize
kol_objective_middle (const KolShape *layer)
{
  gsize at = 0;

  for (int i = 2; i < layer->rank; i++)
    at = at * (gsize) layer->dim[i] + (gsize) layer->dim[i] / 2;
  return at;
}

void
kol_objective_place (const KolObjective *self)
{
  if (!self->where)
    return;
  gsize n = (gsize) kol_count (self->where);
  g_autofree float *weights = g_new0 (float, n);

  for (gsize i = 0; i < n && self->goal != KOL_MAXIMIZE_NEURON; i++)
    weights[i] = (float) (1 / (double) n);
  if (self->goal == KOL_MAXIMIZE_NEURON)
    weights[kol_objective_middle (&self->where->shape)] = 1;
  kol_set (self->where, weights);
}

/*
 * The sum over all pairs of different pictures of <Gi, Gj>, of their Gram matrices of length 1,
 * divided by the number of pictures.
 */
KolValue *
kol_objective_likeness (KolValue *layer)
{
  gint64 n = layer->shape.dim[0], channels = layer->shape.dim[1];
  const KolReduce rows = { .n_axes = 1, .axes = { 1 }, .keep = TRUE };

  kol_graph_set_prefix (layer->graph, "study");
  KolValue *features = kol_reshape (layer, KOL_SHAPE (n, channels, -1));
  KolValue *gram = kol_matmul_with (features, features, &(KolMatmul){ .transpose_b = TRUE });
  gram = kol_reshape (gram, KOL_SHAPE (n, -1));
  gram = kol_divide (gram, kol_scale (kol_norm2 (gram, &rows), 1, TINY));
  KolValue *pairs = kol_matmul_with (gram, gram, &(KolMatmul){ .transpose_b = TRUE });
  KolValue *sum = kol_scale (kol_sum (pairs, NULL), 1 / (float) n, -1);
  kol_graph_set_prefix (layer->graph, NULL);
  return sum;
}
