/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What gather.c, gather-elements.c and one-hot.c share: indices, and launches of
 * kernels/indexing.cl. */

#include <math.h>

#include "ops/axes-private.h"
#include "ops/strips-private.h"

G_BEGIN_DECLS

#define KOL_LARGEST_INDEX (1 << 24) /* whole numbers above are not all floats */
#define KOL_INDEXING_STRIP 4096

typedef struct {
  int axis;
} KolIndexing;

/* For what adds up: along which axis, and what the result's shape is. */
typedef struct {
  int axis;
  KolShape shape;
} KolScatter;

/* Which of @length things @index names; negative ones count from the end; -1: none of them. */
static inline gint64
kol_find_index (double index, gint64 length)
{
  double place = index < 0 ? index + (double) length : index;

  return index == floor (index) && place >= 0 && place < (double) length ? (gint64) place : -1;
}

/* Whether positions along an axis of @length can be told apart by floats; or a sentence. */
static inline gboolean
kol_check_indexed (gint64 length, GError **error)
{
  return length <= KOL_LARGEST_INDEX
         || kol_infer_fail (error,
                            "indices into an axis of %" G_GINT64_FORMAT
                            "; they are held in floats, which are exact up to %d",
                            length, KOL_LARGEST_INDEX);
}

/* Output 0 = 0. */
static inline gboolean
kol_scatter_clear (KolLaunch *launch, const KolNode *node, GError **error)
{
  gint64 count = kol_count (&node->outputs[0]);
  KolStrips strips = kol_strips (launch->device, (gsize) count, KOL_INDEXING_STRIP);

  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "indexing",
                  .kernel = "scatter_clear",
                  .global = { strips.items },
                  .local = { strips.group } },
      KOL_ARGS (KOL_BUFFER (launch->outputs[0]), KOL_INT (count), KOL_INT (strips.each)), error);
}

G_END_DECLS
