/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The one launch of all functions of single elements: how tensors of different
 * shapes are stretched to a common one, and walked through together.
 */

#include <string.h>

#include "ops/elementwise-private.h"
#include "ops/strips-private.h"

/* ── How two shapes go together ─────────────────────────────────────────────────────────────── */

#define MAX_OPERANDS KOL_CHAIN_INPUTS

/*
 * The output as few dimensions as possible, the innermost first, each with the
 * distance that an operand moves per step: 0 where it is stretched. Neighbours
 * along which every operand goes on evenly are one dimension. Dimension 0 is the
 * run that kernels walk in vectors; there, a distance is 0 or 1.
 */
typedef struct {
  int n;
  gint64 length[KOL_MAX_RANK];
  gint64 distance[KOL_MAX_RANK][MAX_OPERANDS];
} Walk;

/* The distances that the operands move along dimension @i of @y. */
static void
find_distances (const KolShape *y, int i, KolValue *const *inputs, guint n_inputs,
                gint64 distance[MAX_OPERANDS])
{
  memset (distance, 0, MAX_OPERANDS * sizeof *distance);
  for (guint k = 0; k < n_inputs; k++)
    {
      const KolShape *shape = &inputs[k]->shape;
      int own = i - (y->rank - shape->rank);

      if (own < 0 || shape->dim[own] == 1)
        continue;
      distance[k] = 1;
      for (int j = own + 1; j < shape->rank; j++)
        distance[k] *= shape->dim[j];
    }
}

/* Whether each operand goes on evenly from dimension @last of @walk to one with these distances. */
static gboolean
goes_on (const Walk *walk, int last, const gint64 distance[MAX_OPERANDS])
{
  for (guint k = 0; k < MAX_OPERANDS; k++)
    if (distance[k] != walk->distance[last][k] * walk->length[last])
      return FALSE;
  return TRUE;
}

static Walk
walk_new (const KolShape *y, KolValue *const *inputs, guint n_inputs)
{
  Walk walk = { .length = { 1 } };

  for (int i = y->rank - 1; i >= 0; i--)
    {
      int last = walk.n - 1;
      gint64 distance[MAX_OPERANDS];

      if (y->dim[i] == 1)
        continue;
      find_distances (y, i, inputs, n_inputs, distance);
      if (walk.n && goes_on (&walk, last, distance))
        {
          walk.length[last] *= y->dim[i];
          continue;
        }
      walk.length[walk.n] = y->dim[i];
      memcpy (walk.distance[walk.n++], distance, sizeof distance);
    }
  walk.n = MAX (walk.n, 1);
  return walk;
}

gint64
kol_operand_index (const KolShape *operand, const KolShape *y, gint64 at)
{
  gint64 index = 0, distance = 1;

  for (int i = y->rank - 1; i >= 0; i--)
    {
      int own = i - (y->rank - operand->rank);
      gint64 position = at % y->dim[i];

      at /= y->dim[i];
      if (own < 0)
        continue;
      index += operand->dim[own] == 1 ? 0 : position * distance;
      distance *= operand->dim[own];
    }
  return index;
}

/* ── Launch ─────────────────────────────────────────────────────────────────────────────────── */

#define STRIP_ELEMENTS 4096

gboolean
kol_elementwise_launch_text (KolLaunch *launch, const KolNode *node, const char *function,
                             guint temporaries, const float *numbers, GError **error)
{
  Walk walk = walk_new (&node->outputs[0].shape, node->inputs, node->n_inputs);
  gint64 count = kol_count (&node->outputs[0]);
  KolStrips strips = kol_strips (launch->device, (gsize) count, STRIP_ELEMENTS);
  g_autoptr (GString) options = g_string_new (NULL);
  KolArg args[8 + MAX_OPERANDS + (1 + MAX_OPERANDS) * KOL_MAX_RANK];
  guint n = 0;

  g_string_printf (options, "-DFUNCTION=%s -DTEMPORARIES=%u -DOPERANDS=%u -DOUTER=%d", function,
                   temporaries, node->n_inputs, walk.n - 1);
  for (guint k = 0; k < node->n_inputs; k++)
    {
      g_string_append_printf (options, " -DSTEP_%u=%d", k, (int) walk.distance[0][k]);
      args[n++] = KOL_BUFFER (launch->inputs[k]);
    }
  args[n++] = KOL_BUFFER (launch->outputs[0]);
  args[n++] = KOL_FLOAT (numbers ? numbers[0] : 0);
  args[n++] = KOL_FLOAT (numbers ? numbers[1] : 0);
  args[n++] = KOL_INT (count / walk.length[0]);
  args[n++] = KOL_INT (walk.length[0]);
  args[n++] = KOL_INT (strips.each);
  for (int i = 1; i < walk.n; i++)
    {
      args[n++] = KOL_INT (walk.length[i]);
      for (guint k = 0; k < node->n_inputs; k++)
        args[n++] = KOL_INT (walk.distance[i][k]);
    }
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "elementwise",
                                       .kernel = "elementwise_forward",
                                       .options = options->str,
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           args, error);
}

/* The node's own formula; its numbers are arguments, so that they need no program each. */
static gboolean
elementwise_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  static const char *const names[] = { "x0", "x1", "x2" };
  g_autofree char *function = kol_formula (node->op->formula, names, NULL);

  return kol_elementwise_launch_text (
      launch, node, function, 0,
      node->op->attributes == 2 * sizeof (float) ? node->attributes : NULL, error);
}

const KolVariant kol_elementwise_variants[]
    = { { .name = "plain", .launch = elementwise_launch }, { 0 } };
