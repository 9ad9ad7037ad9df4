/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../graph/op-private.h"

G_BEGIN_DECLS

/*
 * For operations along one axis: a tensor as [outer, length, inner]. If inner is
 * 1 the axis' elements are runs in memory ("rows"), else neighbours in memory
 * belong to neighbouring results ("columns").
 */
typedef struct {
  gint64 outer, length, inner;
} KolAxis;

/* Whether @shape has the axis @axis; negative: from the end. Else a sentence. */
static inline gboolean
kol_axis_check (const KolShape *shape, int axis, GError **error)
{
  if (axis >= -shape->rank && axis < shape->rank)
    return TRUE;
  if (shape->rank == 0)
    return kol_infer_fail (error, "there is no axis %d in a scalar", axis);
  return kol_infer_fail (error, "there is no axis %d in %s: its axes are %d .. %d", axis,
                         kol_shape_text (shape), -shape->rank, shape->rank - 1);
}

static inline KolAxis
kol_axis (const KolShape *shape, int axis)
{
  KolAxis self = { 1, 1, 1 };

  axis = axis < 0 ? axis + shape->rank : axis;
  for (int i = 0; i < shape->rank; i++)
    *(i < axis ? &self.outer : i == axis ? &self.length : &self.inner) *= shape->dim[i];
  return self;
}

/* How many results there are: one per position outside of the axis. */
static inline gint64
kol_axis_lines (const KolAxis *self)
{
  return self->outer * self->inner;
}

/* Where the elements of line @line begin; they are `inner` apart. */
static inline gint64
kol_axis_begin (const KolAxis *self, gint64 line)
{
  return line / self->inner * self->length * self->inner + line % self->inner;
}

G_END_DECLS
