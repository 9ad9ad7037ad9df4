/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* The function of each element between two operations that one does in their place; see
 * graph/pair.c. */

#include <string.h>

#include "../graph/op-private.h"

G_BEGIN_DECLS

typedef struct {
  const char *name; /* of an operation of the elementwise table, of one operand, or NULL */
  float numbers[2]; /* its attributes */
} KolBetween;

/* What @node does, a function or NULL; FALSE: it has more operands. */
static inline gboolean
kol_between_init (KolBetween *between, const KolNode *node)
{
  if (!node)
    return TRUE;
  if (node->n_inputs != 1)
    return FALSE;
  between->name = node->op->name;
  if (node->op->attributes)
    memcpy (between->numbers, node->attributes,
            MIN (node->op->attributes, sizeof between->numbers));
  return TRUE;
}

/* OpenCL C in `a` and type T, without spaces, or NULL. */
static inline char *
kol_between_text (const KolBetween *between)
{
  if (!between->name)
    return NULL;
  return kol_formula (kol_op_find (between->name)->formula, (const char *const[]){ "a" },
                      between->numbers);
}

/* For references: z = f (z). */
static inline void
kol_between_apply (const KolBetween *between, KolShape shape, double *z)
{
  KolValue value = { .shape = shape }, *input = &value;
  KolNode node = { .n_inputs = 1,
                   .inputs = &input,
                   .n_outputs = 1,
                   .outputs = &value,
                   .attributes = between->numbers };

  if (!between->name)
    return;
  node.op = kol_op_find (between->name);
  node.op->reference (&node, (const double *const *) &z, &z);
}

G_END_DECLS
