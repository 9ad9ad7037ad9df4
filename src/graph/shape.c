/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "op-private.h"

/**
 * kol_shape_count:
 * @shape: a shape
 *
 * Returns: the number of elements; 1 for a scalar, %G_MAXINT64 if there are more than
 *   that
 */
gint64
kol_shape_count (const KolShape *shape)
{
  gint64 count = 1;

  for (int i = 0; i < shape->rank; i++)
    {
      if (shape->dim[i] > 0 && count > G_MAXINT64 / shape->dim[i])
        return G_MAXINT64;
      count *= shape->dim[i];
    }
  return count;
}

/**
 * kol_shape_check:
 * @shape: a shape
 * @error: return location
 *
 * What every tensor's shape must be: of at most %KOL_MAX_RANK dimensions, none of them
 * shorter than 1, and of at most %KOL_MAX_ELEMENTS elements. Graphs check this of every
 * node.
 *
 * Errors: %KOL_ERROR_SHAPE.
 *
 * Returns: whether a tensor can have this shape
 */
gboolean
kol_shape_check (const KolShape *shape, GError **error)
{
  if (shape->rank < 0 || shape->rank > KOL_MAX_RANK)
    return kol_infer_fail (error, "a shape of %d dimensions; at most %d are possible", shape->rank,
                           KOL_MAX_RANK);
  for (int i = 0; i < shape->rank; i++)
    if (shape->dim[i] < 1)
      return kol_infer_fail (error, "the shape %s has a length below 1", kol_shape_text (shape));
  if (kol_shape_count (shape) > KOL_MAX_ELEMENTS)
    return kol_infer_fail (error,
                           "the shape %s has more than 2^48 elements, for which no machine has the "
                           "memory",
                           kol_shape_text (shape));
  return TRUE;
}

/**
 * kol_shape_equal:
 * @a: a shape
 * @b: another
 *
 * Returns: whether rank and all lengths are the same
 */
gboolean
kol_shape_equal (const KolShape *a, const KolShape *b)
{
  if (a->rank != b->rank)
    return FALSE;
  for (int i = 0; i < a->rank; i++)
    if (a->dim[i] != b->dim[i])
      return FALSE;
  return TRUE;
}

/* @buffer holds 192 characters, enough for KOL_MAX_RANK lengths of 64 bits. */
const char *
kol_shape_text_ (const KolShape *shape, char *buffer)
{
  gsize at = 0;

  buffer[at++] = '[';
  for (int i = 0; i < shape->rank; i++)
    at += g_snprintf (buffer + at, 24, "%s%" G_GINT64_FORMAT, i ? ", " : "", shape->dim[i]);
  buffer[at++] = ']';
  buffer[at] = 0;
  return buffer;
}

/**
 * kol_shape_to_string:
 * @shape: a shape
 *
 * Returns: (transfer full): the shape as people write it: "[50, 1, 28, 28]"
 */
char *
kol_shape_to_string (const KolShape *shape)
{
  return g_strdup (kol_shape_text (shape));
}

/**
 * kol_shape_broadcast:
 * @a: a shape
 * @b: another
 * @result: (out): the shape of both together
 *
 * NumPy's rule: the shapes are aligned at their last dimension, and a length of
 * 1, or a missing dimension, stretches.
 *
 * Returns: whether they go together
 */
gboolean
kol_shape_broadcast (const KolShape *a, const KolShape *b, KolShape *result)
{
  KolShape both = { .rank = MAX (a->rank, b->rank) };

  for (int i = 0; i < both.rank; i++)
    {
      int ia = i - (both.rank - a->rank), ib = i - (both.rank - b->rank);
      gint64 da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];

      if (da != db && da != 1 && db != 1)
        return FALSE;
      both.dim[i] = da == 1 ? db : da;
    }
  *result = both;
  return TRUE;
}
