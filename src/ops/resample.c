/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures seen through an affine map: turned, moved, scaled, sheared. With positions in
 * -1 .. 1 from edge to edge of a picture, pixel (p, q) of y is at
 *
 *   v = (2 q + 1) / Q - 1,  u = (2 p + 1) / P - 1,
 *
 * and takes x at a v + b u + c (from left to right) and d v + e u + f (down), where the
 * map is a b c, d e f: the four pixels around that, mixed by their distance. Those
 * outside of x are `fill`. For the gradient, each pixel of x looks for the outputs whose
 * positions are less than a pixel away from it: they lie in a parallelogram.
 */

#include "ops/strips-private.h"
#include "ops.h"

#include <math.h>

#define STRIP 4096
#define LONGEST (1 << 24) /* places are floats */

typedef struct {
  KolResample how;
  KolShape shape; /* of x, for the gradient */
} Attributes;

static const KolOp gradient_op;

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
is_map (const KolShape *map, const KolShape *x)
{
  return map->rank == 3 && (map->dim[0] == 1 || map->dim[0] == x->dim[0]) && map->dim[1] == 2
         && map->dim[2] == 3;
}

static gboolean
resample_infer (KolNode *node, GError **error)
{
  const KolResample *how = &((const Attributes *) node->attributes)->how;
  const KolShape *x = &node->inputs[0]->shape, *map = &node->inputs[1]->shape;

  if (x->rank != 4 || !is_map (map, x))
    return kol_infer_fail (error,
                           "resampling %s by the map %s; they have to be [N, C, H, W], and "
                           "[N, 2, 3] or [1, 2, 3]",
                           kol_shape_text (x), kol_shape_text (map));
  if (MIN (how->height, how->width) < 1 || MAX (how->height, how->width) > LONGEST
      || MAX (x->dim[2], x->dim[3]) > LONGEST)
    return kol_infer_fail (error, "resampling %s to %d x %d; a side has to be in 1 .. %d",
                           kol_shape_text (x), how->height, how->width, LONGEST);
  node->outputs[0].shape = KOL_SHAPE (x->dim[0], x->dim[1], how->height, how->width);
  return TRUE;
}

static gboolean
gradient_infer (KolNode *node, GError **error)
{
  node->outputs[0].shape = ((const Attributes *) node->attributes)->shape;
  return TRUE;
}

static double
resample_flops (const KolNode *node)
{
  return 20 * (double) kol_count (&node->outputs[0]);
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

/* Over rows of all examples: @height of each, @width pixels in a row. */
static gboolean
launch_rows (KolLaunch *launch, const KolNode *node, const char *kernel, const KolShape *x,
             gint64 height, gint64 width, GError **error)
{
  const KolResample *how = &((const Attributes *) node->attributes)->how;
  gint64 rows = x->dim[0] * height;
  KolStrips strips = kol_strips (launch->device, (gsize) rows, (gsize) (STRIP / width));
  gboolean simd = launch->device->simd;
  gint64 next_map = node->inputs[1]->shape.dim[0] == 1 ? 0 : 6;

  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "resample",
                  .kernel = kernel,
                  .global = { simd ? strips.items : (gsize) (rows * width) },
                  .local = { strips.group } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->inputs[1]),
                KOL_BUFFER (launch->outputs[0]), KOL_INT (rows), KOL_INT (strips.each),
                KOL_INT (next_map), KOL_INT (x->dim[1]), KOL_INT (x->dim[2]), KOL_INT (x->dim[3]),
                KOL_INT (how->height), KOL_INT (how->width), KOL_FLOAT (how->fill)),
      error);
}

static gboolean
resample_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolResample *how = &((const Attributes *) node->attributes)->how;

  return launch_rows (launch, node, "resample_forward", &node->inputs[0]->shape, how->height,
                      how->width, error);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolShape *x = &node->outputs[0].shape;

  return launch_rows (launch, node, "resample_gradient_x", x, x->dim[2], x->dim[3], error);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

static void
resample_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  Attributes attributes = *(const Attributes *) node->attributes;

  attributes.shape = node->inputs[0]->shape;
  dx[0] = KOL_NODE (&gradient_op, &attributes, dy[0], node->inputs[1]);
}

/* It is linear, and where x is not seen, nothing of it is. */
static void
gradient_gradient (KolNode *node, KolValue *const *d, KolValue **dx)
{
  KolResample how = ((const Attributes *) node->attributes)->how;

  how.fill = 0;
  dx[0] = kol_resample (d[0], node->inputs[1], &how);
}

/* ── References ─────────────────────────────────────────────────────────────────────────────── */

/* Where pixel (p, q) of y is in x, in pixels. */
static void
position_of (const double *map, const KolResample *how, const KolShape *x, gint64 p, gint64 q,
             double *row, double *column)
{
  double v = (2.0 * (double) q + 1) / how->width - 1, u = (2.0 * (double) p + 1) / how->height - 1;

  *column = ((map[0] * v + map[1] * u + map[2] + 1) * (double) x->dim[3] - 1) / 2;
  *row = ((map[3] * v + map[4] * u + map[5] + 1) * (double) x->dim[2] - 1) / 2;
}

/* Calls for the four pixels around each output's position; those outside have @pixel -1. */
static void
each_pixel (const KolResample *how, const KolShape *x, const KolShape *maps, const double *map,
            void (*f) (gint64 y, gint64 pixel, double part, const KolResample *how,
                       const double *from, double *to),
            const double *from, double *to)
{
  gint64 P = how->height, Q = how->width, H = x->dim[2], W = x->dim[3];

  for (gint64 i = 0; i < x->dim[0] * x->dim[1] * P * Q; i++)
    {
      gint64 plane = i / (P * Q), n = plane / x->dim[1];
      double row, column;

      position_of (map + (maps->dim[0] == 1 ? 0 : 6 * n), how, x, i / Q % P, i % Q, &row, &column);
      for (int k = 0; k < 4; k++)
        {
          double h = floor (row) + k / 2, w = floor (column) + k % 2;
          double part = (1 - fabs (row - h)) * (1 - fabs (column - w));
          gboolean inside = h >= 0 && h < (double) H && w >= 0 && w < (double) W;

          f (i, inside ? plane * H * W + (gint64) h * W + (gint64) w : -1, part, how, from, to);
        }
    }
}

static void
add_to_y (gint64 y, gint64 pixel, double part, const KolResample *how, const double *from,
          double *to)
{
  to[y] += part * (pixel < 0 ? how->fill : from[pixel]);
}

static void
add_to_x (gint64 y, gint64 pixel, double part, const KolResample *how, const double *from,
          double *to)
{
  if (pixel >= 0)
    to[pixel] += part * from[y];
}

static void
resample_reference (const KolNode *node, const double *const *x, double *const *y)
{
  each_pixel (&((const Attributes *) node->attributes)->how, &node->inputs[0]->shape,
              &node->inputs[1]->shape, x[1], add_to_y, x[0], y[0]);
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  each_pixel (&((const Attributes *) node->attributes)->how, &node->outputs[0].shape,
              &node->inputs[1]->shape, x[1], add_to_x, x[0], y[0]);
}

/* ── Cases and operations ───────────────────────────────────────────────────────────────────── */

/* clang-format off */
/*
 * CASE (name, N, maps, C, H, W, P, Q, fill, least, most): numbers of the map between the two.
 * Alike, they fold the plane into a line, where all of y is near the same pixels.
 */
#define CASES \
  CASE ("1x1", 1, 1, 1, 1, 1, 1, 1, 0.0f, -1, 1), \
  CASE ("1x1-to-5x3", 2, 2, 3, 1, 1, 5, 3, 0.5f, -1, 1), \
  CASE ("5x3-to-1x1", 2, 1, 2, 5, 3, 1, 1, 0.5f, -1, 1), \
  CASE ("7x5", 3, 3, 1, 7, 5, 7, 5, 0.0f, -1, 1), \
  CASE ("7x5-one-map", 3, 1, 5, 7, 5, 7, 5, 0.5f, -1, 1), \
  CASE ("13x17-to-5x4", 2, 2, 4, 13, 17, 5, 4, -0.25f, -1, 1), \
  CASE ("4x6-to-19x15", 2, 2, 3, 4, 6, 19, 15, 1.0f, -1, 1), \
  CASE ("small", 1, 1, 3, 9, 9, 11, 11, 0.5f, -0.05, 0.05), \
  CASE ("wide", 1, 1, 2, 8, 8, 16, 16, 0.5f, -8, 8), \
  CASE ("line", 1, 1, 2, 8, 7, 7, 8, 0.5f, 0.5, 0.500001), \
  CASE ("31x33", 1, 1, 3, 31, 33, 33, 31, 0.5f, -1, 1)
/* clang-format on */

#define CASE(NAME, N, MAPS, C, H, W, P, Q, FILL, LEAST, MOST)                                      \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { KOL_SHAPE (N, C, H, W), KOL_SHAPE (MAPS, 2, 3) },     \
    .attributes = &(const Attributes){ .how = { P, Q, FILL } },                                    \
    .fill = { { 0 }, { KOL_FILL_UNIFORM, LEAST, MOST } }, .no_gradient = 1 << 1,                   \
    .tolerance = 1e-4,                                                                             \
  }
static const KolCase resample_cases[]
    = { CASES,
        { .name = "8x3x224x224",
          .n_inputs = 2,
          .shapes = { KOL_SHAPE (8, 3, 224, 224), KOL_SHAPE (1, 2, 3) },
          .attributes = &(const Attributes){ .how = { 224, 224, 0.5f } },
          .only_tune = TRUE },
        { 0 } };
#undef CASE

#define CASE(NAME, N, MAPS, C, H, W, P, Q, FILL, LEAST, MOST)                                      \
  {                                                                                                \
    .name = NAME, .n_inputs = 2, .shapes = { KOL_SHAPE (N, C, P, Q), KOL_SHAPE (MAPS, 2, 3) },     \
    .attributes = &(const Attributes){ .how = { P, Q, FILL }, .shape = { 4, { N, C, H, W } } },    \
    .fill = { { 0 }, { KOL_FILL_UNIFORM, LEAST, MOST } }, .no_gradient = 1 << 1,                   \
    .tolerance = 1e-4,                                                                             \
  }
static const KolCase gradient_cases[] = { CASES, { 0 } };

static const KolOp resample_op = {
  .name = "resample",
  .attributes = sizeof (Attributes),
  .infer = resample_infer,
  .gradient = resample_gradient,
  .reference = resample_reference,
  .cases = resample_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = resample_launch }, { 0 } },
  .flops = resample_flops,
};

static const KolOp gradient_op = {
  .name = "resample_gradient",
  .attributes = sizeof (Attributes),
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = gradient_launch }, { 0 } },
  .flops = resample_flops,
};

extern const KolOp *const kol_resample_ops[];
const KolOp *const kol_resample_ops[] = { &resample_op, &gradient_op, NULL };

/**
 * kol_resample:
 * @x: [N, C, H, W]
 * @map: [N, 2, 3], a map for each example, or [1, 2, 3], one for all
 * @how: the height P and width Q of the result, and what is outside of @x
 *
 * Turns, moves, scales or shears pictures: with positions in -1 .. 1 from edge to edge,
 * pixel (v, u) of the result, v = (2 q + 1) / Q - 1 and u = (2 p + 1) / P - 1, takes @x at
 * a v + b u + c from left to right and d v + e u + f down, where the map is
 * ((a, b, c), (d, e, f)). The four pixels around that are mixed by their distance; outside
 * of @x there is how->fill. The gradient of a pixel goes to what it was made of; none flows
 * to the map.
 *
 * With fill 0 these are the numbers of PyTorch's grid_sample (x, affine_grid (map, size)),
 * with align_corners False in both.
 *
 * Returns: (transfer none): the value, [N, C, P, Q]; it has failed if the shapes are
 *   others, or a side is less than 1
 */
KolValue *
kol_resample (KolValue *x, KolValue *map, const KolResample *how)
{
  return KOL_NODE (&resample_op, &(Attributes){ .how = *how }, x, map);
}
