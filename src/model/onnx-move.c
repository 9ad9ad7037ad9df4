/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's operators that move elements, cut, join and repeat them. Shapes are computed with
 * some of these, which therefore do so on the host, too.
 */

#include <string.h>

#include "onnx-private.h"

#define LARGEST_PAD (G_MAXINT32 / 4)
#define MOST_COPIES ((gint64) G_MAXINT32)

void
kol_onnx_copy_element (const KolOnnxTensor *x, gint64 from, KolOnnxTensor *y, gint64 to)
{
  if (x->ints)
    y->ints[to] = x->ints[from];
  else
    y->floats[to] = x->floats[from];
}

gint64
kol_onnx_place (const KolShape *shape, const gint64 *at)
{
  gint64 place = 0;

  for (int i = 0; i < shape->rank; i++)
    place = place * shape->dim[i] + at[i];
  return place;
}

gboolean
kol_onnx_read_shape (KolOnnxNode *node, guint input, KolShape *shape)
{
  const KolOnnxTensor *lengths = kol_onnx_tensor (node, input);

  if (!lengths)
    return FALSE;
  if (lengths->count > KOL_MAX_RANK)
    {
      kol_onnx_refuse (node, "a shape of %" G_GINT64_FORMAT " dimensions; at most %d are possible",
                       lengths->count, KOL_MAX_RANK);
      return FALSE;
    }
  *shape = (KolShape){ .rank = (int) lengths->count };
  for (int i = 0; i < shape->rank; i++)
    shape->dim[i] = kol_onnx_tensor_int (lengths, i);
  return TRUE;
}

static void
fold_transpose (KolOnnxNode *node, const KolTranspose *how)
{
  const KolOnnxTensor *x = kol_onnx_tensor (node, 0);
  gint64 at[KOL_MAX_RANK] = { 0 }, from[KOL_MAX_RANK];
  KolShape shape = x->shape;

  for (int i = 0; i < shape.rank; i++)
    shape.dim[i] = x->shape.dim[how->order[i]];
  KolOnnxTensor *y = kol_onnx_new_tensor (node, x->type, &shape);
  for (gint64 i = 0; y && i < y->count; i++, kol_onnx_next (&shape, at))
    {
      for (int k = 0; k < shape.rank; k++)
        from[how->order[k]] = at[k];
      kol_onnx_copy_element (x, kol_onnx_place (&x->shape, from), y, i);
    }
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_transpose (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  gboolean seen[KOL_MAX_RANK] = { 0 };
  KolTranspose how = { 0 };
  guint n;
  const gint64 *order = kol_onnx_ints (node, "perm", &n);

  for (int i = 0; i < x->rank; i++)
    {
      gint64 axis = order && n == (guint) x->rank ? order[i] : x->rank - 1 - i;

      if ((order && n != (guint) x->rank) || axis < 0 || axis >= x->rank || seen[axis])
        {
          kol_onnx_refuse (node, "its order does not list the axes of %s", kol_shape_text (x));
          return;
        }
      seen[axis] = TRUE;
      how.order[i] = (int) axis;
    }
  if (node->on_host)
    fold_transpose (node, &how);
  else
    kol_onnx_set (node, 0, kol_transpose (kol_onnx_value (node, 0), &how));
}

static void
fold_concat (KolOnnxNode *node, int axis)
{
  KolShape shape = *kol_onnx_shape (node, 0);

  for (guint i = 1; i < node->n_inputs; i++)
    {
      KolShape alike = *kol_onnx_shape (node, i);

      if (alike.rank == shape.rank)
        {
          gint64 length = alike.dim[axis];

          alike.dim[axis] = shape.dim[axis];
          if (kol_shape_equal (&alike, &shape) && length <= G_MAXINT32)
            {
              shape.dim[axis] += length;
              continue;
            }
        }
      kol_onnx_refuse (node, "%s behind %s", kol_shape_text (kol_onnx_shape (node, i)),
                       kol_shape_text (&shape));
      return;
    }
  KolOnnxTensor *y = kol_onnx_new_tensor (node, kol_onnx_type (node, 0), &shape);
  gint64 behind = 0;
  for (guint i = 0; y && i < node->n_inputs; i++)
    {
      const KolOnnxTensor *x = kol_onnx_tensor (node, i);
      gint64 at[KOL_MAX_RANK] = { 0 };

      for (gint64 k = 0; k < x->count; k++, kol_onnx_next (&x->shape, at))
        {
          gint64 to[KOL_MAX_RANK];

          memcpy (to, at, sizeof to);
          to[axis] += behind;
          if (!x->ints == !y->ints)
            kol_onnx_copy_element (x, k, y, kol_onnx_place (&shape, to));
        }
      behind += x->shape.dim[axis];
    }
  kol_onnx_set_tensor (node, 0, y);
}

static void
convert_concat (KolOnnxNode *node)
{
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", 1), kol_onnx_shape (node, 0)->rank);
  g_autoptr (GPtrArray) values = g_ptr_array_new ();
  gboolean empty = FALSE;

  if (axis < 0)
    return;
  if (node->on_host)
    {
      fold_concat (node, axis);
      return;
    }
  for (guint i = 0; i < node->n_inputs; i++)
    {
      gint64 count = 0;

      kol_onnx_shape_count (kol_onnx_shape (node, i), &count);
      empty = count == 0; /* adds nothing */
      if (!empty)
        g_ptr_array_add (values, kol_onnx_value (node, i));
    }
  if (values->len > 0)
    kol_onnx_set (node, 0, kol_concat ((KolValue **) values->pdata, values->len, axis));
  else
    kol_onnx_refuse (node, "all of its inputs are empty");
}

/* Pieces of x along an axis. */
static void
set_pieces (KolOnnxNode *node, int axis, const gint64 *sizes)
{
  g_autofree KolValue **values = g_new0 (KolValue *, node->n_outputs);

  kol_split (kol_onnx_value (node, 0), axis, sizes, node->n_outputs, values);
  for (guint i = 0; i < node->n_outputs; i++)
    kol_onnx_set (node, i, values[i]);
}

static void
fold_pieces (KolOnnxNode *node, int axis, const gint64 *sizes)
{
  const KolOnnxTensor *x = kol_onnx_tensor (node, 0);
  gint64 before = 0;

  for (guint i = 0; i < node->n_outputs; i++)
    {
      KolShape shape = x->shape;
      gint64 at[KOL_MAX_RANK] = { 0 };

      shape.dim[axis] = sizes[i];
      KolOnnxTensor *y = kol_onnx_new_tensor (node, x->type, &shape);
      for (gint64 k = 0; y && k < y->count; k++, kol_onnx_next (&shape, at))
        {
          gint64 from[KOL_MAX_RANK];

          memcpy (from, at, sizeof from);
          from[axis] += before;
          kol_onnx_copy_element (x, kol_onnx_place (&x->shape, from), y, k);
        }
      kol_onnx_set_tensor (node, i, y);
      before += sizes[i];
    }
}

static void
convert_split (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  int axis = kol_onnx_axis (node, kol_onnx_int (node, "axis", 0), x->rank);
  g_autofree gint64 *sizes = NULL;
  gint64 sum = 0;
  guint n;

  if (axis < 0)
    return;
  if (!kol_onnx_numbers (node, "split", 1, &sizes, &n) && !node->refused)
    {
      n = node->n_outputs;
      sizes = g_new0 (gint64, n + 1);
      for (guint i = 0; i < n; i++)
        sizes[i] = x->dim[axis] / MAX (n, 1);
    }
  gboolean positive = TRUE, filled = TRUE;
  for (guint i = 0; i < n; i++)
    {
      positive = positive && sizes[i] >= 0 && sizes[i] <= x->dim[axis];
      filled = filled && sizes[i] > 0;
      sum += positive ? sizes[i] : 0;
    }
  if (node->refused)
    return;
  if (!positive || sum != x->dim[axis] || n != node->n_outputs)
    kol_onnx_refuse (node, "axis %d of %s cannot be cut into these %u pieces", axis,
                     kol_shape_text (x), n);
  else if (node->on_host)
    fold_pieces (node, axis, sizes);
  else if (!filled)
    kol_onnx_refuse (node, "a piece without elements; a device holds at least one");
  else
    set_pieces (node, axis, sizes);
}

/* What Slice asks for: attributes in version 9 and before, inputs since. FALSE: refused. */
static gboolean
read_slice (KolOnnxNode *node, KolSlice *how)
{
  g_autofree gint64 *starts = NULL, *ends = NULL, *axes = NULL, *steps = NULL;
  const KolShape *x = kol_onnx_shape (node, 0);
  guint n = 0, n_ends = 0, n_axes = 0, n_steps = 0;

  kol_onnx_numbers (node, "starts", 1, &starts, &n);
  kol_onnx_numbers (node, "ends", 2, &ends, &n_ends);
  gboolean has_axes = kol_onnx_numbers (node, "axes", 3, &axes, &n_axes);
  gboolean has_steps = kol_onnx_numbers (node, "steps", 4, &steps, &n_steps);
  if (node->refused)
    return FALSE;
  if (n != n_ends || n > (guint) x->rank || (has_axes && n_axes != n)
      || (has_steps && n_steps != n))
    {
      kol_onnx_refuse (node, "%u starts, %u ends, %u axes, %u steps for %s", n, n_ends, n_axes,
                       n_steps, kol_shape_text (x));
      return FALSE;
    }
  *how = (KolSlice){ .n_axes = (int) n };
  for (guint i = 0; i < n; i++)
    {
      if ((how->axes[i] = kol_onnx_axis (node, has_axes ? axes[i] : i, x->rank)) < 0)
        return FALSE;
      how->start[i] = starts[i];
      how->stop[i] = ends[i];
      how->step[i] = has_steps ? steps[i] : 1;
      if (how->step[i] == 0 || how->step[i] == G_MININT64)
        {
          kol_onnx_refuse (node, "its step is %" G_GINT64_FORMAT, how->step[i]);
          return FALSE;
        }
      /* Exporters write the smallest numbers of 32 and of 64 bits for "from the beginning". */
      if (how->step[i] < 0 && how->stop[i] <= -G_MAXINT32)
        how->stop[i] = G_MININT64;
      if (how->stop[i] >= G_MAXINT32)
        how->stop[i] = G_MAXINT64;
    }
  return TRUE;
}

/* First element, and how many, of an axis. */
static gint64
count_slice (gint64 length, gint64 step, gint64 *start, gint64 stop)
{
  gint64 last = step > 0 ? length : length - 1, first = step > 0 ? 0 : -1;

  *start = CLAMP (*start < 0 && *start >= -length ? *start + length : *start, step > 0 ? 0 : first,
                  last);
  if (stop < 0 && stop >= -length)
    stop += length;
  stop = CLAMP (stop, first, last);
  gint64 span = step > 0 ? stop - *start : *start - stop, stride = step > 0 ? step : -step;
  return span > 0 ? (span + stride - 1) / stride : 0;
}

static void
convert_slice (KolOnnxNode *node)
{
  KolShape x = *kol_onnx_shape (node, 0), shape = x;
  gint64 start[KOL_MAX_RANK] = { 0 }, step[KOL_MAX_RANK], count;
  KolSlice how;

  if (!read_slice (node, &how))
    return;
  for (int i = 0; i < x.rank; i++)
    step[i] = 1;
  for (int i = 0; i < how.n_axes; i++)
    {
      int axis = how.axes[i];

      start[axis] = how.start[i];
      step[axis] = how.step[i];
      shape.dim[axis] = count_slice (x.dim[axis], step[axis], &start[axis], how.stop[i]);
    }
  if (node->on_host)
    {
      const KolOnnxTensor *from = kol_onnx_tensor (node, 0);
      KolOnnxTensor *y = kol_onnx_new_tensor (node, from->type, &shape);
      gint64 at[KOL_MAX_RANK] = { 0 }, place[KOL_MAX_RANK];

      for (gint64 i = 0; y && i < y->count; i++, kol_onnx_next (&shape, at))
        {
          for (int k = 0; k < x.rank; k++)
            place[k] = start[k] + at[k] * step[k];
          kol_onnx_copy_element (from, kol_onnx_place (&x, place), y, i);
        }
      kol_onnx_set_tensor (node, 0, y);
    }
  else if (kol_onnx_shape_count (&shape, &count) && count == 0)
    kol_onnx_refuse (node, "nothing is left of %s; a device holds at least one element",
                     kol_shape_text (&x));
  else
    kol_onnx_set (node, 0,
                  how.n_axes > 0 ? kol_slice (kol_onnx_value (node, 0), &how)
                                 : kol_onnx_value (node, 0));
}

/* Stretches both ways, as NumPy. */
static void
convert_expand (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  KolShape wanted, shape;

  if (!kol_onnx_read_shape (node, 1, &wanted))
    return;
  if (!kol_shape_broadcast (x, &wanted, &shape))
    kol_onnx_refuse (node, "%s to %s", kol_shape_text (x), kol_shape_text (&wanted));
  else if (!kol_onnx_fits (node, &shape))
    return;
  else if (node->on_host)
    {
      const KolOnnxTensor *from = kol_onnx_tensor (node, 0);
      KolOnnxTensor *y = kol_onnx_new_tensor (node, from->type, &shape);
      gint64 at[KOL_MAX_RANK] = { 0 };

      for (gint64 i = 0; y && i < y->count; i++, kol_onnx_next (&shape, at))
        kol_onnx_copy_element (from, kol_onnx_broadcast_place (x, &shape, at), y, i);
      kol_onnx_set_tensor (node, 0, y);
    }
  else
    kol_onnx_set (node, 0,
                  kol_shape_equal (x, &shape) ? kol_onnx_value (node, 0)
                                              : kol_expand (kol_onnx_value (node, 0), shape));
}

static void
convert_tile (KolOnnxNode *node)
{
  const KolShape *x = kol_onnx_shape (node, 0);
  int repeats[KOL_MAX_RANK] = { 0 };
  KolShape times, shape = *x;

  if (!kol_onnx_read_shape (node, 1, &times))
    return;
  for (int i = 0; i < times.rank; i++)
    {
      if (times.rank != x->rank || times.dim[i] < 1 || times.dim[i] > G_MAXINT32)
        {
          kol_onnx_refuse (node, "%s copies of %s", kol_shape_text (&times), kol_shape_text (x));
          return;
        }
      repeats[i] = (int) times.dim[i];
      shape.dim[i]
          = times.dim[i] > MOST_COPIES / MAX (x->dim[i], 1) ? -1 : times.dim[i] * x->dim[i];
    }
  if (!kol_onnx_fits (node, &shape))
    return;
  kol_onnx_set (node, 0, kol_tile (kol_onnx_value (node, 0), repeats));
}

/* Notes a border of zeros around pictures, for convolutions. */
static void
note_border (KolOnnxNode *node, const KolPad *how)
{
  KolOnnxSlot *slot = kol_onnx_made (node, 0);

  if (!slot || how->mode != KOL_PAD_CONSTANT || how->value != 0)
    return;
  for (int i = 0; i < KOL_MAX_RANK; i++)
    if (how->before[i] < 0 || how->after[i] < 0 || (i < 2 && (how->before[i] || how->after[i])))
      return;
  memcpy (slot->before, how->before, sizeof slot->before);
  memcpy (slot->after, how->after, sizeof slot->after);
  slot->inside = kol_onnx_value (node, 0);
}

static void
convert_pad (KolOnnxNode *node)
{
  static const char *const modes[] = { "constant", "reflect", "edge" };
  const KolShape *x = kol_onnx_shape (node, 0);
  const char *mode = kol_onnx_string (node, "mode", "constant");
  g_autofree gint64 *pads = NULL;
  KolPad how = { .mode = (KolPadMode) -1, .value = (float) kol_onnx_float (node, "value", 0) };
  KolShape shape = *x;
  gboolean any = FALSE;
  guint n;

  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    if (strcmp (mode, modes[i]) == 0)
      how.mode = (KolPadMode) i;
  kol_onnx_numbers (node, "pads", 1, &pads, &n);
  if (kol_onnx_has (node, 2))
    {
      const KolOnnxTensor *value = kol_onnx_tensor (node, 2);

      if (value && value->count == 1)
        how.value = (float) kol_onnx_tensor_float (value, 0);
    }
  if (node->refused)
    return;
  if ((int) how.mode < 0 || n != 2 * (guint) x->rank)
    {
      kol_onnx_refuse (node, "mode “%s” and %u numbers for %s", mode, n, kol_shape_text (x));
      return;
    }
  for (int i = 0; i < x->rank; i++)
    {
      how.before[i] = (int) CLAMP (pads[i], -LARGEST_PAD, LARGEST_PAD);
      how.after[i] = (int) CLAMP (pads[x->rank + i], -LARGEST_PAD, LARGEST_PAD);
      shape.dim[i] = x->dim[i] + how.before[i] + how.after[i];
      any = any || how.before[i] || how.after[i];
    }
  if (!kol_onnx_fits (node, &shape))
    return;
  kol_onnx_set (node, 0, any ? kol_pad (kol_onnx_value (node, 0), &how) : kol_onnx_value (node, 0));
  if (any)
    note_border (node, &how);
}

static void
convert_depth_to_space (KolOnnxNode *node)
{
  const char *mode = kol_onnx_string (node, "mode", "DCR");
  int block = (int) CLAMP (kol_onnx_int (node, "blocksize", 0), 0, G_MAXINT32);
  gboolean back = strcmp (node->proto->op_type, "SpaceToDepth") == 0;

  if (block < 1)
    kol_onnx_refuse (node, "blocks of %d pixels", block);
  else if (back)
    kol_onnx_set (node, 0, kol_space_to_depth (kol_onnx_value (node, 0), block, KOL_DCR));
  else
    kol_onnx_set (node, 0,
                  kol_depth_to_space (kol_onnx_value (node, 0), block,
                                      strcmp (mode, "CRD") == 0 ? KOL_CRD : KOL_DCR));
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_move_ops[] = {
  { "Concat", 0, convert_concat, KOL_ONNX_ANY, TRUE },
  { "DepthToSpace", 0, convert_depth_to_space },
  { "Expand", 8, convert_expand, KOL_ONNX_ANY, TRUE, KOL_ONNX_INPUT (1) },
  { "Pad", 0, convert_pad, .fixed = KOL_ONNX_INPUT (1) | KOL_ONNX_INPUT (2) },
  { "Slice", 0, convert_slice, KOL_ONNX_ANY, TRUE,
    KOL_ONNX_INPUT (1) | KOL_ONNX_INPUT (2) | KOL_ONNX_INPUT (3) | KOL_ONNX_INPUT (4) },
  { "SpaceToDepth", 0, convert_depth_to_space },
  { "Split", 0, convert_split, KOL_ONNX_ANY, TRUE, KOL_ONNX_INPUT (1) },
  { "Tile", 0, convert_tile, .fixed = KOL_ONNX_INPUT (1) },
  { "Transpose", 0, convert_transpose, KOL_ONNX_ANY, TRUE },
  { NULL },
};
