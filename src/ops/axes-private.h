/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What operations along an axis share. */

#include "../graph/op-private.h"

G_BEGIN_DECLS

/* A shape inside of a case's attributes, where KOL_SHAPE() is not constant enough for C. */
#define KOL_LENGTHS(...)                                                                           \
  {                                                                                                \
    (int) (sizeof ((gint64[]){ __VA_ARGS__ }) / sizeof (gint64)), { __VA_ARGS__ }                  \
  }

/* Which axis of @shape @axis means, negative ones counted from the end; or a sentence. */
static inline gboolean
kol_find_axis (const KolShape *shape, int axis, int *found, GError **error)
{
  *found = axis < 0 ? axis + shape->rank : axis;
  if (*found >= 0 && *found < shape->rank)
    return TRUE;
  if (shape->rank == 0)
    return kol_infer_fail (error, "there is no axis %d in [], which is a scalar and has none",
                           axis);
  return kol_infer_fail (error, "there is no axis %d in %s: its axes are %d .. %d", axis,
                         kol_shape_text (shape), -shape->rank, shape->rank - 1);
}

/* A tensor seen along one axis: [outer, length, inner]. */
typedef struct {
  gint64 outer, length, inner;
} KolAlong;

/* @axis, negative ones counted from the end, has to be one of @shape's. */
static inline KolAlong
kol_along (const KolShape *shape, int axis)
{
  KolAlong self = { 1, 1, 1 };

  if (axis < 0)
    axis += shape->rank;
  self.length = shape->dim[axis];
  for (int i = 0; i < axis; i++)
    self.outer *= shape->dim[i];
  for (int i = axis + 1; i < shape->rank; i++)
    self.inner *= shape->dim[i];
  return self;
}

/* How many lines of `length` elements there are. */
static inline gint64
kol_along_lines (const KolAlong *self)
{
  return self->outer * self->inner;
}

/* Where line @line begins; its elements are `inner` apart. */
static inline gint64
kol_along_begin (const KolAlong *self, gint64 line)
{
  return line / self->inner * self->length * self->inner + line % self->inner;
}

G_END_DECLS
