/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Any permutation of dimensions. Dimensions that stay neighbours are first made
 * one. If the innermost one stays innermost, rows are copied; else it is a
 * matrix's transpose, in tiles, for every position of the other dimensions.
 */

#include "ops/strips-private.h"
#include "ops.h"

#define STRIP_ELEMENTS 8192
#define BAND 16     /* rows of y that a CPU's work-item goes along at a time: a cache line of x */
#define GPU_TILE 16 /* or less, where a group of 16 x 16 work-items is too large */

/* ── The permutation in as few dimensions as possible ───────────────────────────────────────── */

typedef struct {
  gint64 length, x_distance, y_distance; /* distances between neighbours */
} Dimension;

typedef struct {
  int n;
  Dimension dimension[KOL_MAX_RANK]; /* in y's order, the innermost first */
} Permutation;

/* The distance between neighbours of @shape's dimension @i. */
static gint64
distance_in (const KolShape *shape, int i)
{
  gint64 distance = 1;

  for (int j = i + 1; j < shape->rank; j++)
    distance *= shape->dim[j];
  return distance;
}

static Permutation
permutation_new (const KolShape *x, const KolTranspose *how)
{
  Permutation self = { 0 };
  gint64 y_distance = 1;

  for (int i = x->rank - 1; i >= 0; i--)
    {
      gint64 length = x->dim[how->order[i]], distance = distance_in (x, how->order[i]);
      Dimension *last = self.n ? &self.dimension[self.n - 1] : NULL;

      if (length == 1)
        continue;
      if (last && distance == last->x_distance * last->length)
        last->length *= length;
      else
        self.dimension[self.n++] = (Dimension){ length, distance, y_distance };
      y_distance *= length;
    }
  if (!self.n)
    self.dimension[self.n++] = (Dimension){ 1, 1, 1 };
  return self;
}

/* Takes the dimension @i out. */
static Dimension
permutation_take (Permutation *self, int i)
{
  Dimension taken = self->dimension[i];

  self->n--;
  for (int j = i; j < self->n; j++)
    self->dimension[j] = self->dimension[j + 1];
  return taken;
}

/* ── Launch ─────────────────────────────────────────────────────────────────────────────────── */

static int
tile_side (const KolDevice *device)
{
  int side = GPU_TILE;

  while ((gsize) (side * side) > device->max_work_group)
    side /= 2;
  return side;
}

static gboolean
launch_kernel (KolLaunch *launch, const char *kernel, const Permutation *outer, KolArg *args,
               guint n, gsize items, gsize group, GError **error)
{
  g_autofree char *options
      = g_strdup_printf ("-DOUTER=%d -DTILE=%d", outer->n, tile_side (launch->device));

  for (int i = 0; i < outer->n; i++)
    {
      args[n++] = KOL_INT (outer->dimension[i].length);
      args[n++] = KOL_INT (outer->dimension[i].x_distance);
      args[n++] = KOL_INT (outer->dimension[i].y_distance);
    }
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "transpose",
                                       .kernel = kernel,
                                       .options = options,
                                       .global = { items },
                                       .local = { group } },
                           args, error);
}

#define MAX_ARGS (10 + 3 * KOL_MAX_RANK)

/* The innermost dimension stays: y is rows of it. */
static gboolean
launch_rows (KolLaunch *launch, Permutation *permutation, gint64 count, GError **error)
{
  Dimension row = permutation_take (permutation, 0);
  KolStrips strips = kol_strips (launch->device, (gsize) count, STRIP_ELEMENTS);
  KolArg args[MAX_ARGS]
      = { KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->outputs[0]),
          KOL_INT (count / row.length), KOL_INT (row.length), KOL_INT (strips.each) };

  return launch_kernel (launch, "transpose_rows", permutation, args, 5, strips.items, strips.group,
                        error);
}

/*
 * y's innermost dimension ("columns") against x's ("rows"), for each position
 * @batch of the others. A CPU's work-item takes bands of rows; a GPU's group takes
 * a tile.
 */
static gboolean
launch_tiles (KolLaunch *launch, Permutation *permutation, gint64 count, GError **error)
{
  Dimension columns = permutation_take (permutation, 0), rows;
  int side = tile_side (launch->device), innermost = 0;
  gint64 batch, bands, tiles;
  KolStrips strips;

  while (permutation->dimension[innermost].x_distance != 1)
    innermost++;
  rows = permutation_take (permutation, innermost);
  batch = count / (rows.length * columns.length);
  bands = (rows.length + BAND - 1) / BAND;
  strips = kol_strips (launch->device, (gsize) (bands * batch),
                       (gsize) (STRIP_ELEMENTS / (BAND * columns.length)));
  tiles = (rows.length + side - 1) / side * ((columns.length + side - 1) / side);

  KolArg args[MAX_ARGS] = { KOL_BUFFER (launch->inputs[0]),
                            KOL_BUFFER (launch->outputs[0]),
                            KOL_INT (batch),
                            KOL_INT (rows.length),
                            KOL_INT (columns.length),
                            KOL_INT (columns.x_distance),
                            KOL_INT (rows.y_distance),
                            KOL_INT (strips.each) };
  if (launch->device->simd)
    return launch_kernel (launch, "transpose_bands", permutation, args, 8, strips.items, 1, error);
  return launch_kernel (launch, "transpose_tiles", permutation, args, 8,
                        (gsize) (tiles * batch * side * side), (gsize) (side * side), error);
}

static gboolean
transpose_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  Permutation permutation = permutation_new (&node->inputs[0]->shape, node->attributes);
  gint64 count = kol_count (&node->outputs[0]);

  if (permutation.dimension[0].x_distance == 1)
    return launch_rows (launch, &permutation, count, error);
  return launch_tiles (launch, &permutation, count, error);
}

/* ── The operation ──────────────────────────────────────────────────────────────────────────── */

static gboolean
transpose_infer (KolNode *node, GError **error)
{
  const KolTranspose *how = node->attributes;
  const KolShape *x = &node->inputs[0]->shape;
  KolShape *y = &node->outputs[0].shape;
  gboolean seen[KOL_MAX_RANK] = { FALSE };

  y->rank = x->rank;
  for (int i = 0; i < x->rank; i++)
    {
      int from = how->order[i];

      if (from < 0 || from >= x->rank || seen[from])
        return kol_infer_fail (error,
                               "dimension %d is to be %d of %s; an order names each of 0 .. %d "
                               "once",
                               i, from, kol_shape_text (x), x->rank - 1);
      seen[from] = TRUE;
      y->dim[i] = x->dim[from];
    }
  return TRUE;
}

static void
transpose_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  const KolTranspose *how = node->attributes;
  KolTranspose back = { 0 };

  for (int i = 0; i < node->outputs[0].shape.rank; i++)
    back.order[how->order[i]] = i;
  dx[0] = kol_transpose (dy[0], &back);
}

static void
transpose_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolTranspose *how = node->attributes;
  const KolShape *from = &node->inputs[0]->shape, *to = &node->outputs[0].shape;

  for (gint64 at = 0; at < kol_shape_count (to); at++)
    {
      gint64 rest = at, source = 0;

      for (int i = to->rank - 1; i >= 0; i--)
        {
          source += rest % to->dim[i] * distance_in (from, how->order[i]);
          rest /= to->dim[i];
        }
      y[0][at] = x[0][source];
    }
}

#define ORDER(...)                                                                                 \
  &(const KolTranspose)                                                                            \
  {                                                                                                \
    {                                                                                              \
      __VA_ARGS__                                                                                  \
    }                                                                                              \
  }
#define CASE(NAME, ORDER_, ...)                                                                    \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { __VA_ARGS__ }, .attributes = ORDER_                   \
  }

static const KolCase transpose_cases[]
    = { CASE ("scalar", ORDER (0), KOL_SCALAR),
        CASE ("1", ORDER (0), KOL_SHAPE (1)),
        CASE ("17-as-it-is", ORDER (0), KOL_SHAPE (17)),
        CASE ("3x5", ORDER (1, 0), KOL_SHAPE (3, 5)),
        CASE ("1x33", ORDER (1, 0), KOL_SHAPE (1, 33)),
        CASE ("15x16", ORDER (1, 0), KOL_SHAPE (15, 16)),
        CASE ("16x16", ORDER (1, 0), KOL_SHAPE (16, 16)),
        CASE ("16x17", ORDER (1, 0), KOL_SHAPE (16, 17)),
        CASE ("33x65", ORDER (1, 0), KOL_SHAPE (33, 65)),
        CASE ("2x4097", ORDER (1, 0), KOL_SHAPE (2, 4097)),
        CASE ("4097x2", ORDER (1, 0), KOL_SHAPE (4097, 2)),
        CASE ("7x13x33-021", ORDER (0, 2, 1), KOL_SHAPE (7, 13, 33)),
        CASE ("7x13x33-102", ORDER (1, 0, 2), KOL_SHAPE (7, 13, 33)),
        CASE ("7x13x33-120", ORDER (1, 2, 0), KOL_SHAPE (7, 13, 33)),
        CASE ("7x13x33-201", ORDER (2, 0, 1), KOL_SHAPE (7, 13, 33)),
        CASE ("7x13x33-210", ORDER (2, 1, 0), KOL_SHAPE (7, 13, 33)),
        CASE ("to-channels-last", ORDER (0, 2, 3, 1), KOL_SHAPE (2, 5, 7, 9)),
        CASE ("from-channels-last", ORDER (0, 3, 1, 2), KOL_SHAPE (2, 7, 9, 5)),
        CASE ("swap-outer", ORDER (1, 0, 2, 3), KOL_SHAPE (3, 5, 7, 9)),
        CASE ("eight-reversed", ORDER (7, 6, 5, 4, 3, 2, 1, 0), KOL_SHAPE (2, 3, 2, 3, 1, 3, 2, 5)),
        CASE ("eight-mixed", ORDER (6, 4, 2, 0, 1, 3, 5, 7), KOL_SHAPE (2, 3, 2, 3, 2, 3, 2, 5)),
        { .name = "1024x1024",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (1024, 1024) },
          .attributes = ORDER (1, 0),
          .only_tune = TRUE },
        { .name = "32x64x28x28-to-channels-last",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (32, 64, 28, 28) },
          .attributes = ORDER (0, 2, 3, 1),
          .only_tune = TRUE },
        { 0 } };

static const KolOp transpose_op = {
  .name = "transpose",
  .attributes = sizeof (KolTranspose),
  .infer = transpose_infer,
  .gradient = transpose_gradient,
  .reference = transpose_reference,
  .cases = transpose_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = transpose_launch }, { 0 } },
};

extern const KolOp *const kol_transpose_ops[];
const KolOp *const kol_transpose_ops[] = { &transpose_op, NULL };

/**
 * kol_transpose:
 * @a: a tensor
 * @how: which of @a's dimensions, from 0, each dimension of the result is
 *
 * @a with its dimensions in another order: y's dimension i is @a's dimension
 * order[i]. The elements are copied.
 *
 * Returns: (transfer none): the value; it has failed if the order does not name
 *   each of @a's dimensions once
 */
KolValue *
kol_transpose (KolValue *a, const KolTranspose *how)
{
  return KOL_NODE (&transpose_op, how, a);
}
