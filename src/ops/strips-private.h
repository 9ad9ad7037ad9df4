/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/op-private.h"

G_BEGIN_DECLS

/*
 * How a kernel's work is cut into work-items. On a CPU a work-item is a SIMD
 * thread, alone in its group, and walks a strip: there are a few strips per
 * compute unit, so that all are busy to the end. On a GPU a work-item takes one
 * element, and its neighbour the next one.
 */
typedef struct {
  gsize each;  /* elements per work-item */
  gsize items; /* work-items; the last one's strip may be shorter */
  gsize group; /* work-items in a group */
} KolStrips;

#define KOL_STRIPS_PER_UNIT 8
#define KOL_GPU_GROUP 64

/* Cuts @count elements; a strip of fewer than @least is not worth a CPU's work-item. */
static inline KolStrips
kol_strips (const KolDevice *device, gsize count, gsize least)
{
  gsize items, each;

  if (!device->simd)
    return (KolStrips){ 1, count, MIN (KOL_GPU_GROUP, device->max_work_group) };
  items = CLAMP (count / MAX (least, 1), 1, KOL_STRIPS_PER_UNIT * device->info.compute_units);
  each = (count + items - 1) / items;
  return (KolStrips){ each, (count + each - 1) / each, 1 };
}

G_END_DECLS
