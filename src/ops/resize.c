/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Pictures of another size: each pixel of y has a position in x, at which it takes
 * the nearest pixel, or mixes its neighbours. Rows and columns do so apart from
 * each other. A small kernel first works out, in whole numbers, where each row
 * and each column reads; for the gradient also, for each row and column of x, who
 * reads it, so that dx is gathered.
 */

#include "ops/attributes-private.h"
#include "ops/strips-private.h"
#include "ops.h"

#define STRIP 4096
#define LONGEST (1 << 24) /* tables hold places as floats */

static const KolOp gradient_op;

typedef KolResizeAttributes Attributes;

/* ── Where an output reads ──────────────────────────────────────────────────────────────────── */

/* An output's two neighbours in x, and the part of the second. */
typedef struct {
  gint64 low, high;
  double part;
} Position;

/* Of output @i of @outputs along an axis of @length; kernels/resize.cl has the same. */
static Position
position_of (const KolResize *how, gint64 i, gint64 outputs, gint64 length)
{
  gint64 above = i * length, below = outputs; /* above / below is the position */
  gint64 low, rest;

  if (how->coordinates == KOL_HALF_PIXEL)
    {
      above = (2 * i + 1) * length - outputs;
      below = 2 * outputs;
    }
  else if (how->coordinates == KOL_ALIGN_CORNERS)
    {
      above = i * (length - 1);
      below = MAX (outputs - 1, 1);
    }
  if (above <= 0)
    return (Position){ 0 };
  low = above / below;
  rest = above % below;
  if (how->mode == KOL_RESIZE_NEAREST)
    {
      if ((how->rounding == KOL_ROUND_CEIL && rest > 0)
          || (how->rounding == KOL_ROUND_PREFER_FLOOR && 2 * rest > below)
          || (how->rounding == KOL_ROUND_PREFER_CEIL && 2 * rest >= below))
        low++;
      rest = 0;
    }
  if (low >= length - 1)
    return (Position){ length - 1, length - 1, 0 };
  return (Position){ low, low + 1, (double) rest / (double) below };
}

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

static gboolean
resize_infer (KolNode *node, GError **error)
{
  const Attributes *attributes = node->attributes;
  const KolResize *how = &attributes->how;
  const KolShape *x = &node->inputs[0]->shape;

  if (x->rank != 4)
    return kol_infer_fail (error, "resizing %s to %d x %d; it has to be [N, C, H, W]",
                           kol_shape_text (x), how->height, how->width);
  if (MIN (how->height, how->width) < 1 || MAX (how->height, how->width) > LONGEST
      || MAX (x->dim[2], x->dim[3]) > LONGEST)
    return kol_infer_fail (error, "resizing %s to %d x %d; a side has to be in 1 .. %d",
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
resize_flops (const KolNode *node)
{
  const Attributes *attributes = node->attributes;

  return (double) kol_count (&node->outputs[0])
         * (attributes->how.mode == KOL_RESIZE_BILINEAR ? 9 : 1);
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

/* The scratch buffer has a pair of floats per row and per column of the output. */
static gsize
resize_scratch (const KolNode *node, const KolDevice *device)
{
  const KolResize *how = &((const Attributes *) node->attributes)->how;

  return 2 * sizeof (float) * ((gsize) how->height + (gsize) how->width);
}

/* For the gradient, also one per row and per column of x. */
static gsize
gradient_scratch (const KolNode *node, const KolDevice *device)
{
  const KolShape *x = &node->outputs[0].shape;

  return resize_scratch (node, device) + 2 * sizeof (float) * (gsize) (x->dim[2] + x->dim[3]);
}

static gboolean
launch_tables (KolLaunch *launch, const KolResize *how, const KolShape *x, gboolean gradient,
               GError **error)
{
  gint64 count = how->height + how->width + (gradient ? x->dim[2] + x->dim[3] : 0);
  KolStrips strips = kol_strips (launch->device, (gsize) count, 256);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "resize",
                                       .kernel = "resize_tables",
                                       .global = { strips.items },
                                       .local = { strips.group } },
                           KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_INT (count),
                                     KOL_INT (strips.each), KOL_INT (x->dim[2]),
                                     KOL_INT (x->dim[3]), KOL_INT (how->height),
                                     KOL_INT (how->width), KOL_INT (how->mode),
                                     KOL_INT (how->coordinates), KOL_INT (how->rounding)),
                           error);
}

/* @kernel over the rows of an output of @height x @width, from x or dy. */
static gboolean
launch_rows (KolLaunch *launch, const char *kernel, const KolResize *how, const KolShape *x,
             gint64 height, gint64 width, GError **error)
{
  gint64 rows = x->dim[0] * x->dim[1] * height;
  KolStrips strips = kol_strips (launch->device, (gsize) rows, (gsize) (STRIP / width));
  gboolean simd = launch->device->simd;

  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "resize",
                  .kernel = kernel,
                  .options = how->mode == KOL_RESIZE_BILINEAR ? "-DBILINEAR=1" : "-DBILINEAR=0",
                  .global = { simd ? strips.items : (gsize) (rows * width) },
                  .local = { strips.group } },
      KOL_ARGS (KOL_BUFFER (launch->inputs[0]), KOL_BUFFER (launch->scratch),
                KOL_BUFFER (launch->outputs[0]), KOL_INT (rows), KOL_INT (strips.each),
                KOL_INT (x->dim[2]), KOL_INT (x->dim[3]), KOL_INT (how->height),
                KOL_INT (how->width)),
      error);
}

static gboolean
resize_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolResize *how = &((const Attributes *) node->attributes)->how;
  const KolShape *x = &node->inputs[0]->shape;

  return launch_tables (launch, how, x, FALSE, error)
         && launch_rows (launch, "resize_forward", how, x, how->height, how->width, error);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolResize *how = &((const Attributes *) node->attributes)->how;
  const KolShape *x = &node->outputs[0].shape;

  return launch_tables (launch, how, x, TRUE, error)
         && launch_rows (launch, "resize_gradient_x", how, x, x->dim[2], x->dim[3], error);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

static void
resize_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  Attributes attributes = *(const Attributes *) node->attributes;

  attributes.shape = node->inputs[0]->shape;
  dx[0] = KOL_NODE (&gradient_op, &attributes, dy[0]);
}

static void
gradient_gradient (KolNode *node, KolValue *const *d, KolValue **dx)
{
  dx[0] = kol_resize (d[0], &((const Attributes *) node->attributes)->how);
}

/* ── References ─────────────────────────────────────────────────────────────────────────────── */

/* Calls for each of the four neighbours of every output, with the part that it has. */
static void
each_neighbour (const KolResize *how, const KolShape *x,
                void (*f) (gint64 y, gint64 x, double part, const double *from, double *to),
                const double *from, double *to)
{
  gint64 P = how->height, Q = how->width, H = x->dim[2], W = x->dim[3];

  for (gint64 i = 0; i < x->dim[0] * x->dim[1] * P * Q; i++)
    {
      Position row = position_of (how, i / Q % P, P, H), column = position_of (how, i % Q, Q, W);
      gint64 plane = i / (P * Q) * H * W;

      f (i, plane + row.low * W + column.low, (1 - row.part) * (1 - column.part), from, to);
      f (i, plane + row.low * W + column.high, (1 - row.part) * column.part, from, to);
      f (i, plane + row.high * W + column.low, row.part * (1 - column.part), from, to);
      f (i, plane + row.high * W + column.high, row.part * column.part, from, to);
    }
}

static void
add_to_y (gint64 y, gint64 x, double part, const double *from, double *to)
{
  to[y] += part * from[x];
}

static void
add_to_x (gint64 y, gint64 x, double part, const double *from, double *to)
{
  to[x] += part * from[y];
}

static void
resize_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const Attributes *attributes = node->attributes;

  each_neighbour (&attributes->how, &node->inputs[0]->shape, add_to_y, x[0], y[0]);
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const Attributes *attributes = node->attributes;

  each_neighbour (&attributes->how, &node->outputs[0].shape, add_to_x, x[0], y[0]);
}

/* ── Cases and operations ───────────────────────────────────────────────────────────────────── */

#define NEAREST(COORDINATES, ROUNDING)                                                             \
  .mode = KOL_RESIZE_NEAREST, .coordinates = KOL_##COORDINATES, .rounding = KOL_ROUND_##ROUNDING
#define BILINEAR(COORDINATES) .mode = KOL_RESIZE_BILINEAR, .coordinates = KOL_##COORDINATES

/* clang-format off */
/* CASE (name, N, C, H, W, P, Q, how): to each pixel one, many, none; up in one direction, down in the other. */
#define CASES \
  CASE ("1x1", 1, 1, 1, 1, 1, 1, NEAREST (HALF_PIXEL, PREFER_FLOOR)), \
  CASE ("1x1-to-3x5", 2, 3, 1, 1, 3, 5, BILINEAR (HALF_PIXEL)), \
  CASE ("3x5-to-1x1", 2, 3, 3, 5, 1, 1, BILINEAR (ALIGN_CORNERS)), \
  CASE ("4x7-to-8x14-nearest", 2, 3, 4, 7, 8, 14, NEAREST (ASYMMETRIC, FLOOR)), \
  CASE ("7x33-to-5x16-nearest", 1, 2, 7, 33, 5, 16, NEAREST (ASYMMETRIC, FLOOR)), \
  CASE ("5x7-to-13x17-prefer-floor", 1, 2, 5, 7, 13, 17, NEAREST (HALF_PIXEL, PREFER_FLOOR)), \
  CASE ("8x9-to-4x3-prefer-floor", 1, 2, 8, 9, 4, 3, NEAREST (HALF_PIXEL, PREFER_FLOOR)), \
  CASE ("8x10-to-4x5-prefer-ceil", 1, 2, 8, 10, 4, 5, NEAREST (HALF_PIXEL, PREFER_CEIL)), \
  CASE ("5x6-to-11x4-ceil", 2, 2, 5, 6, 11, 4, NEAREST (ASYMMETRIC, CEIL)), \
  CASE ("5x6-to-9x4-corners", 2, 2, 5, 6, 9, 4, NEAREST (ALIGN_CORNERS, PREFER_FLOOR)), \
  CASE ("4x7-to-8x14-bilinear", 2, 3, 4, 7, 8, 14, BILINEAR (HALF_PIXEL)), \
  CASE ("5x16-to-7x33-bilinear", 2, 3, 5, 16, 7, 33, BILINEAR (HALF_PIXEL)), \
  CASE ("31x17-to-7x5-bilinear", 1, 2, 31, 17, 7, 5, BILINEAR (HALF_PIXEL)), \
  CASE ("5x7-to-5x7-bilinear", 1, 2, 5, 7, 5, 7, BILINEAR (HALF_PIXEL)), \
  CASE ("5x7-to-13x3-corners", 2, 3, 5, 7, 13, 3, BILINEAR (ALIGN_CORNERS)), \
  CASE ("6x15-to-11x31-asymmetric", 2, 2, 6, 15, 11, 31, BILINEAR (ASYMMETRIC)), \
  CASE ("2x3-to-19x257", 1, 2, 2, 3, 19, 257, BILINEAR (HALF_PIXEL))
/* clang-format on */

#define CASE(NAME, N, C, H, W, P, Q, ...)                                                          \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (N, C, H, W) },                             \
    .attributes = &(const Attributes)                                                              \
    {                                                                                              \
      .how = { P, Q, __VA_ARGS__ }                                                                 \
    }                                                                                              \
  }
static const KolCase resize_cases[]
    = { CASES,
        { .name = "8x64x28x28-to-56x56",
          .n_inputs = 1,
          .shapes = { KOL_SHAPE (8, 64, 28, 28) },
          .attributes = &(const Attributes){ .how = { 56, 56, .mode = KOL_RESIZE_BILINEAR } },
          .only_tune = TRUE },
        { 0 } };
#undef CASE

#define CASE(NAME, N, C, H, W, P, Q, ...)                                                          \
  {                                                                                                \
    .name = NAME, .n_inputs = 1, .shapes = { KOL_SHAPE (N, C, P, Q) },                             \
    .attributes = &(const Attributes)                                                              \
    {                                                                                              \
      .how = { P, Q, __VA_ARGS__ }, .shape = { 4, { N, C, H, W } }                                 \
    }                                                                                              \
  }
static const KolCase gradient_cases[] = { CASES, { 0 } };

static const KolOp resize_op = {
  .name = "resize",
  .attributes = sizeof (Attributes),
  .infer = resize_infer,
  .gradient = resize_gradient,
  .reference = resize_reference,
  .cases = resize_cases,
  .variants
  = (const KolVariant[]){ { .name = "plain", .scratch = resize_scratch, .launch = resize_launch },
                          { 0 } },
  .flops = resize_flops,
};

static const KolOp gradient_op = {
  .name = "resize_gradient",
  .attributes = sizeof (Attributes),
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain",
                                      .scratch = gradient_scratch,
                                      .launch = gradient_launch },
                                    { 0 } },
  .flops = resize_flops,
};

extern const KolOp *const kol_resize_ops[];
const KolOp *const kol_resize_ops[] = { &resize_op, &gradient_op, NULL };

/**
 * kol_resize:
 * @x: [N, C, H, W]
 * @how: the new height P and width Q, and how a pixel is found
 *
 * Row p of the result has the position h in x: (p + 1/2) H / P - 1/2 with
 * %KOL_HALF_PIXEL, p (H - 1) / (P - 1) with %KOL_ALIGN_CORNERS (0 where P is 1),
 * p H / P with %KOL_ASYMMETRIC; columns alike. %KOL_RESIZE_NEAREST takes the
 * pixel at the rounded position, %KOL_RESIZE_BILINEAR mixes the four around it by
 * their distance. Positions outside are moved to the edge. There is no filter
 * against aliasing. The gradient of each pixel of y goes to what it was made of.
 *
 * These are the numbers of ONNX's Resize, and of torch.nn.functional.interpolate:
 * its "nearest" is %KOL_ASYMMETRIC with %KOL_ROUND_FLOOR, "nearest-exact" is
 * %KOL_HALF_PIXEL with %KOL_ROUND_PREFER_CEIL, "bilinear" is %KOL_HALF_PIXEL or,
 * with align_corners, %KOL_ALIGN_CORNERS.
 *
 * Returns: (transfer none): the value, [N, C, P, Q]; it has failed if @x has
 *   another rank, or a side is less than 1
 */
KolValue *
kol_resize (KolValue *x, const KolResize *how)
{
  return KOL_NODE (&resize_op, &(Attributes){ .how = *how }, x);
}
