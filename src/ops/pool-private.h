/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What max-pool.c and average-pool.c share: shapes, and the launches of kernels/pool.cl. */

#include "ops/strips-private.h"
#include "ops.h"

G_BEGIN_DECLS

/*
 * What the nodes of pooling carry. With rows and columns it is adaptive: so many
 * windows share x, window p of P being floor (p H / P) .. ceil ((p + 1) H / P).
 */
typedef struct {
  KolPool how;
  int rows, columns; /* 0: the windows that @how says */
  KolShape shape;    /* for the gradients: of x */
} KolPoolAttributes;

/* A pooling with its defaults filled in. */
typedef struct {
  gint64 planes; /* N C */
  gint64 H, W, P, Q;
  gint64 size, size_w, stride, stride_w;
  gint64 top, left, bottom, right;
  gboolean adaptive;
  gboolean count_pad; /* averages count the padding */
} KolPoolGeometry;

/* One side's padding for KOL_SAME: so much in all that there are ceil (length / stride) windows. */
static inline gint64
kol_pool_same (gint64 length, gint64 size, gint64 stride)
{
  gint64 windows = (length + stride - 1) / stride;

  return MAX ((windows - 1) * stride + size - length, 0);
}

/* Windows over @length elements, padding included; one that begins behind x and @before is none. */
static inline gint64
kol_pool_windows (gint64 length, gint64 before, gint64 after, gint64 size, gint64 stride,
                  gboolean ceil)
{
  gint64 room = before + length + after - size, windows;

  if (!ceil)
    return room < 0 ? 0 : room / stride + 1;
  windows = room <= -stride ? 0 : (room + stride - 1) / stride + 1;
  return windows > 0 && (windows - 1) * stride >= before + length ? windows - 1 : windows;
}

/* @shape has to be of rank 4. */
static inline KolPoolGeometry
kol_pool_geometry (const KolShape *shape, const KolPoolAttributes *attributes)
{
  const KolPool *how = &attributes->how;
  KolPoolGeometry self = { .planes = shape->dim[0] * shape->dim[1],
                           .H = shape->dim[2],
                           .W = shape->dim[3],
                           .size = how->size,
                           .size_w = how->size_w ? how->size_w : how->size,
                           .adaptive = attributes->rows > 0,
                           .count_pad = how->count_pad };

  if (self.adaptive)
    {
      self.P = attributes->rows;
      self.Q = attributes->columns;
      self.size = self.size_w = self.stride = self.stride_w = 1; /* not used */
      return self;
    }
  self.stride = how->stride ? how->stride : self.size;
  self.stride_w = how->stride_w ? how->stride_w : how->stride ? how->stride : self.size_w;
  if (how->padding == KOL_EXPLICIT)
    {
      self.top = (gint64) how->pad + how->top;
      self.left = (gint64) how->pad + how->left;
      self.bottom = (gint64) how->pad + how->bottom;
      self.right = (gint64) how->pad + how->right;
    }
  else if (how->padding == KOL_SAME && self.stride > 0 && self.stride_w > 0)
    {
      gint64 down = kol_pool_same (self.H, self.size, self.stride);
      gint64 across = kol_pool_same (self.W, self.size_w, self.stride_w);

      self.top = down / 2;
      self.bottom = down - self.top;
      self.left = across / 2;
      self.right = across - self.left;
    }
  if (self.stride > 0 && self.stride_w > 0)
    {
      self.P = kol_pool_windows (self.H, self.top, self.bottom, self.size, self.stride, how->ceil);
      self.Q
          = kol_pool_windows (self.W, self.left, self.right, self.size_w, self.stride_w, how->ceil);
    }
  return self;
}

/* Sets the shape of every output to [N, C, P, Q], or a sentence. */
static inline gboolean
kol_pool_infer (KolNode *node, GError **error)
{
  const KolShape *x = &node->inputs[0]->shape;
  KolPoolGeometry g;

  if (x->rank != 4)
    return kol_infer_fail (error, "pooling of %s; it has to be [N, C, H, W]", kol_shape_text (x));
  g = kol_pool_geometry (x, node->attributes);
  if (g.size < 1 || g.size_w < 1 || g.stride < 1 || g.stride_w < 1)
    return kol_infer_fail (error,
                           "windows of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT
                           " every %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT
                           " elements of %s; size and stride have to be 1 or more",
                           g.size, g.size_w, g.stride, g.stride_w, kol_shape_text (x));
  if (MIN (MIN (g.top, g.bottom), MIN (g.left, g.right)) < 0
      || (!g.adaptive && (MAX (g.top, g.bottom) >= g.size || MAX (g.left, g.right) >= g.size_w)))
    return kol_infer_fail (error,
                           "paddings of %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT
                           ", %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT
                           " (top, left, bottom, right) around %s for windows of "
                           "%" G_GINT64_FORMAT " x %" G_GINT64_FORMAT
                           "; they have to be 0 or more, and less than the window",
                           g.top, g.left, g.bottom, g.right, kol_shape_text (x), g.size, g.size_w);
  if (g.P < 1 || g.Q < 1)
    return kol_infer_fail (error,
                           "windows of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT
                           " do not fit into %s with its padding",
                           g.size, g.size_w, kol_shape_text (x));
  for (guint i = 0; i < node->n_outputs; i++)
    node->outputs[i].shape = (KolShape){ 4, { x->dim[0], x->dim[1], g.P, g.Q } };
  return TRUE;
}

/* An element's part in as many windows as cover it, on average. */
static inline double
kol_pool_flops (const KolNode *node)
{
  KolPoolGeometry g = kol_pool_geometry (&node->inputs[0]->shape, node->attributes);

  if (g.adaptive)
    return (double) kol_count (node->inputs[0]);
  return (double) kol_count (&node->outputs[0]) * (double) (g.size * g.size_w);
}

/* One side of a window. */
typedef struct {
  gint64 begin, end; /* the part inside x */
  gint64 counted;    /* what an average divides by */
} KolPoolWindow;

/* The window @p along an axis of @length with @windows of them. */
static inline KolPoolWindow
kol_pool_window (const KolPoolGeometry *g, gint64 p, gint64 windows, gint64 length, gint64 size,
                 gint64 stride, gint64 before, gint64 after)
{
  gint64 begin = p * stride - before;
  KolPoolWindow w = { MAX (begin, 0), MIN (begin + size, length), 0 };

  if (g->adaptive)
    w = (KolPoolWindow){ p * length / windows, ((p + 1) * length + windows - 1) / windows, 0 };
  w.counted = g->count_pad ? MIN (begin + size, length + after) - begin : w.end - w.begin;
  return w;
}

static inline KolPoolWindow
kol_pool_rows (const KolPoolGeometry *g, gint64 p)
{
  return kol_pool_window (g, p, g->P, g->H, g->size, g->stride, g->top, g->bottom);
}

static inline KolPoolWindow
kol_pool_columns (const KolPoolGeometry *g, gint64 q)
{
  return kol_pool_window (g, q, g->Q, g->W, g->size_w, g->stride_w, g->left, g->right);
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

#define KOL_POOL_STRIP 4096
#define KOL_POOL_LARGEST_PLAIN 16 /* a window's sides are build options: not one for every size */

/* Elements of a vector: a row of outputs has to have as many. 1: elements one by one. */
static inline int
kol_pool_lanes (const KolDevice *device, const KolPoolGeometry *g)
{
  gint64 lanes = kol_width (device);

  while (lanes > 1 && lanes > g->Q)
    lanes /= 2;
  return lanes < 4 || g->stride_w > 2 || g->adaptive ? 1 : (int) lanes;
}

/* Launches @kernel, whose first arguments are @buffers, over the rows of an output of @width. */
static inline gboolean
kol_pool_launch (KolLaunch *launch, const KolPoolGeometry *g, const char *kernel,
                 const char *options, KolBuffer *const buffers[3], gint64 height, gint64 width,
                 GError **error)
{
  const KolDevice *device = launch->device;
  gsize rows = (gsize) (g->planes * height);
  KolStrips strips = kol_strips (device, rows, (gsize) (KOL_POOL_STRIP / width));
  g_autofree char *all
      = g_strdup_printf ("%s -DLANES=%d -DSIZE_H=%d -DSIZE_W=%d -DSTRIDE_H=%d -DSTRIDE_W=%d "
                         "-DADAPTIVE=%d -DCOUNT_PAD=%d",
                         options, kol_pool_lanes (device, g), (int) g->size, (int) g->size_w,
                         (int) g->stride, (int) g->stride_w, g->adaptive != 0, g->count_pad != 0);

  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "pool",
                  .kernel = kernel,
                  .options = all,
                  .global = { device->simd ? strips.items : rows * (gsize) width },
                  .local = { strips.group } },
      KOL_ARGS (KOL_BUFFER (buffers[0]), KOL_BUFFER (buffers[1]), KOL_BUFFER (buffers[2]),
                KOL_INT (rows), KOL_INT (strips.each), KOL_INT (g->H), KOL_INT (g->W),
                KOL_INT (g->P), KOL_INT (g->Q), KOL_INT (g->top), KOL_INT (g->left),
                KOL_INT (g->bottom), KOL_INT (g->right)),
      error);
}

/* ── Constructors ───────────────────────────────────────────────────────────────────────────── */

/* Pools [N, C, L] as [N, C, 1, L]. */
static inline KolValue *
kol_pool_along_rows (KolValue *x, const KolPool1d *how,
                     KolValue *(*pool) (KolValue *x, const KolPool *how))
{
  KolPool flat = { .size = 1,
                   .size_w = how->size,
                   .stride = 1,
                   .stride_w = how->stride ? how->stride : how->size,
                   .padding = how->padding,
                   .left = (int) MIN ((gint64) how->pad + how->left, G_MAXINT),
                   .right = (int) MIN ((gint64) how->pad + how->right, G_MAXINT),
                   .ceil = how->ceil,
                   .count_pad = how->count_pad };
  KolValue *y;

  if (kol_value_failed (x))
    return x;
  if (x->shape.rank != 3)
    return kol_graph_fail (x->graph, KOL_ERROR_SHAPE,
                           "%s: pooling in one dimension of %s; it has to be [N, C, L]",
                           x->node->name, kol_shape_text (&x->shape));
  if (how->size < 1 || how->stride < 0) /* 0 would mean something else for two dimensions */
    return kol_graph_fail (x->graph, KOL_ERROR_SHAPE,
                           "%s: windows of %d every %d elements of %s; size and stride have to be "
                           "1 or more",
                           x->node->name, how->size, how->stride, kol_shape_text (&x->shape));
  y = pool (kol_reshape (x, KOL_SHAPE (x->shape.dim[0], x->shape.dim[1], 1, x->shape.dim[2])),
            &flat);
  if (kol_value_failed (y))
    return y;
  return kol_reshape (y, KOL_SHAPE (y->shape.dim[0], y->shape.dim[1], y->shape.dim[3]));
}

/* Whether @x can be pooled to @rows x @columns; where they divide it, in plain windows. */
static inline gboolean
kol_pool_adapt (KolValue *x, int rows, int columns, KolPoolAttributes *attributes)
{
  const KolShape *shape;

  *attributes = (KolPoolAttributes){ .rows = rows, .columns = columns };
  if (kol_value_failed (x) || rows < 1 || columns < 1)
    return FALSE;
  shape = &x->shape;
  if (shape->rank == 4 && shape->dim[2] % rows == 0 && shape->dim[3] % columns == 0
      && MAX (shape->dim[2] / rows, shape->dim[3] / columns) <= KOL_POOL_LARGEST_PLAIN)
    *attributes = (KolPoolAttributes){ .how = { .size = (int) (shape->dim[2] / rows),
                                                .size_w = (int) (shape->dim[3] / columns) } };
  return TRUE;
}

static inline KolValue *
kol_pool_fail_adaptive (KolValue *x, int rows, int columns)
{
  if (kol_value_failed (x))
    return x;
  return kol_graph_fail (
      x->graph, KOL_ERROR_SHAPE,
      "%s: adaptive pooling of %s to %d x %d; there has to be one window or more", x->node->name,
      kol_shape_text (&x->shape), rows, columns);
}

/* Sets @over to all dimensions behind [N, C]; FALSE if there are none. */
static inline gboolean
kol_pool_everything (KolValue *x, KolReduce *over)
{
  *over = (KolReduce){ .keep = TRUE };
  if (kol_value_failed (x))
    return FALSE;
  for (int i = 2; i < x->shape.rank; i++)
    over->axes[over->n_axes++] = i;
  return over->n_axes > 0;
}

static inline KolValue *
kol_pool_fail_global (KolValue *x)
{
  if (kol_value_failed (x))
    return x;
  return kol_graph_fail (x->graph, KOL_ERROR_SHAPE,
                         "%s: global pooling of %s; it has to be [N, C, H, W], or to have other "
                         "dimensions behind the channels",
                         x->node->name, kol_shape_text (&x->shape));
}

/* ── Cases of both, with CASE (name, HOW (...), N, C, H, W) ───────────────────────────────────
 * and ADAPTIVE_CASE (name, P, Q, N, C, H, W)                                                   */

#define KOL_POOL_CASES                                                                             \
  CASE ("1x1", HOW (.size = 1), 1, 1, 1, 1), CASE ("2x2-of-2x2", HOW (.size = 2), 1, 1, 2, 2),     \
      CASE ("2x2-of-7x7", HOW (.size = 2), 2, 3, 7, 7),                                            \
      CASE ("2x2-of-14x14", HOW (.size = 2), 2, 3, 14, 14),                                        \
      CASE ("2x2-of-28x28", HOW (.size = 2), 2, 3, 28, 28),                                        \
      CASE ("2x2-of-6x31", HOW (.size = 2), 1, 3, 6, 31),                                          \
      CASE ("2x2-of-6x32", HOW (.size = 2), 1, 3, 6, 32),                                          \
      CASE ("2x2-of-6x33", HOW (.size = 2), 1, 3, 6, 33),                                          \
      CASE ("2x2-of-6x66", HOW (.size = 2), 1, 3, 6, 66),                                          \
      CASE ("2x2-same-of-7x33", HOW (.size = 2, .padding = KOL_SAME), 2, 3, 7, 33),                \
      CASE ("2x2-stride-1-of-5x17", HOW (.size = 2, .stride = 1), 2, 2, 5, 17),                    \
      CASE ("2x2-stride-1-same-of-5x33", HOW (.size = 2, .stride = 1, .padding = KOL_SAME), 2, 2,  \
            5, 33),                                                                                \
      CASE ("2x2-stride-3-of-11x29", HOW (.size = 2, .stride = 3), 2, 2, 11, 29),                  \
      CASE ("2x1-of-6x37", HOW (.size = 2, .size_w = 1), 1, 2, 6, 37),                             \
      CASE ("1x1-stride-2-of-9x41", HOW (.size = 1, .stride = 2), 1, 2, 9, 41),                    \
      CASE ("3x3-of-9x10", HOW (.size = 3), 2, 3, 9, 10),                                          \
      CASE ("3x3-stride-1-pad-1-of-5x19", HOW (.size = 3, .stride = 1, .pad = 1), 2, 3, 5, 19),    \
      CASE ("3x3-stride-2-of-13x33", HOW (.size = 3, .stride = 2), 2, 3, 13, 33),                  \
      CASE ("3x3-stride-2-pad-1-of-14x56", HOW (.size = 3, .stride = 2, .pad = 1), 2, 3, 14, 56),  \
      CASE ("3x3-stride-2-pad-1-of-7x13", HOW (.size = 3, .stride = 2, .pad = 1), 2, 3, 7, 13),    \
      CASE ("3x3-stride-2-same-of-7x40", HOW (.size = 3, .stride = 2, .padding = KOL_SAME), 2, 3,  \
            7, 40),                                                                                \
      CASE ("5x4-stride-1x2-odd-padding-of-9x35",                                                  \
            HOW (.size = 5, .size_w = 4, .stride = 1, .stride_w = 2, .top = 4, .left = 3,          \
                 .bottom = 1, .right = 2),                                                         \
            1, 2, 9, 35),                                                                          \
      CASE ("4x5-stride-2x1-odd-padding-of-9x35",                                                  \
            HOW (.size = 4, .size_w = 5, .stride = 2, .stride_w = 1, .top = 1, .left = 2,          \
                 .bottom = 3, .right = 4),                                                         \
            1, 2, 9, 35),                                                                          \
      CASE ("7x7-of-7x7", HOW (.size = 7), 2, 5, 7, 7),                                            \
      CASE ("3x3-stride-2-of-7x6-35-channels", HOW (.size = 3, .stride = 2, .pad = 1), 2, 35, 7,   \
            6),                                                                                    \
      CASE ("2x2-ceil-of-7x33", HOW (.size = 2, .ceil = TRUE), 2, 3, 7, 33),                       \
      CASE ("3x3-stride-2-ceil-of-14x56", HOW (.size = 3, .stride = 2, .ceil = TRUE), 1, 2, 14,    \
            56),                                                                                   \
      CASE ("3x3-stride-2-pad-1-ceil-of-14x34",                                                    \
            HOW (.size = 3, .stride = 2, .pad = 1, .ceil = TRUE), 1, 2, 14, 34),                   \
      CASE ("2x2-stride-4-pad-1-ceil-drops-of-7x11",                                               \
            HOW (.size = 2, .stride = 4, .pad = 1, .ceil = TRUE), 2, 2, 7, 11),                    \
      CASE ("3x3-stride-2-ceil-of-2x2", HOW (.size = 3, .stride = 2, .ceil = TRUE), 2, 2, 2, 2),   \
      CASE ("3x3-same-ceil-of-8x13",                                                               \
            HOW (.size = 3, .stride = 2, .padding = KOL_SAME, .ceil = TRUE), 1, 2, 8, 13),         \
      ADAPTIVE_CASE ("adaptive-1x1-of-1x1", 1, 1, 2, 3, 1, 1),                                     \
      ADAPTIVE_CASE ("adaptive-1x1-of-7x11", 1, 1, 2, 3, 7, 11),                                   \
      ADAPTIVE_CASE ("adaptive-7x11-of-7x11", 7, 11, 1, 2, 7, 11),                                 \
      ADAPTIVE_CASE ("adaptive-3x4-of-7x18", 3, 4, 2, 3, 7, 18),                                   \
      ADAPTIVE_CASE ("adaptive-5x7-of-13x33", 5, 7, 2, 2, 13, 33),                                 \
      ADAPTIVE_CASE ("adaptive-5x7-of-3x2", 5, 7, 2, 3, 3, 2),                                     \
      ADAPTIVE_CASE ("adaptive-1x19-of-2x17", 1, 19, 2, 3, 2, 17),                                 \
      { .name = "50x32x28x28",                                                                     \
        .n_inputs = 1,                                                                             \
        .shapes = { KOL_SHAPE (50, 32, 28, 28) },                                                  \
        .attributes = &(const KolPoolAttributes){ .how = { .size = 2 } },                          \
        .only_tune = TRUE },                                                                       \
  {                                                                                                \
    .name = "8x64x112x112-stride-2", .n_inputs = 1, .shapes = { KOL_SHAPE (8, 64, 112, 112) },     \
    .attributes = &(const KolPoolAttributes){ .how = { .size = 3, .stride = 2, .pad = 1 } },       \
    .only_tune = TRUE                                                                              \
  }

/*
 * max-pool.c: if @dx is the gradient to @x of y = max_pool (x), the gradient with
 * @function (dy, y) in place of dy; else NULL.
 */
KolValue *kol_max_pool_gradient_through (KolValue *dx, KolValue *x,
                                         KolValue *(*function) (KolValue *dy, KolValue *y));

G_END_DECLS
