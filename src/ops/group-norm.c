/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Layer, group and instance normalization: y = (x - mean) / sqrt (variance + epsilon)
 * gamma + beta, where mean and variance are those of a row, a run of memory. They
 * differ in what a row is, and how gamma and beta lie along it. Mean and variance
 * are further outputs, which the gradient needs.
 */

#include <math.h>

#include "ops/attributes-private.h"
#include "ops/product-private.h"
#include "ops/strips-private.h"
#include "ops.h"

typedef KolNormAttributes Norm;

static const KolOp gradient_op;

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

/* x as [rows / groups, groups, each, pixels]: a row is of `each` channels. */
typedef struct {
  gint64 rows, groups, each, pixels;
} Geometry;

static Geometry
geometry_of (const KolShape *x, const Norm *how)
{
  Geometry self = { 1, 1, 1, 1 };
  int axis = how->axis < 0 ? how->axis + x->rank : how->axis;

  if (how->groups == 0)
    {
      for (int i = 0; i < x->rank; i++)
        *(i < axis ? &self.rows : &self.each) *= x->dim[i];
      return self;
    }
  self.rows = x->dim[0] * how->groups;
  self.groups = how->groups;
  self.each = x->dim[1] / how->groups;
  for (int i = 2; i < x->rank; i++)
    self.pixels *= x->dim[i];
  return self;
}

static gint64
row_length (const Geometry *geometry)
{
  return geometry->each * geometry->pixels;
}

/* The shape of gamma and beta, and that of the statistics; or a sentence. */
static gboolean
find_shapes (const KolShape *x, const Norm *how, KolShape *channels, KolShape *statistics,
             GError **error)
{
  int axis = how->axis < 0 ? how->axis + x->rank : how->axis;

  *channels = *statistics = (KolShape){ 0 };
  if (how->groups == 0)
    {
      if (axis < 0 || axis >= x->rank)
        return kol_infer_fail (error, "there is no axis %d in %s to normalize from", how->axis,
                               kol_shape_text (x));
      for (int i = 0; i < x->rank; i++)
        {
          KolShape *to = i < axis ? statistics : channels;

          to->dim[to->rank++] = x->dim[i];
        }
      return TRUE;
    }
  if (x->rank < 2)
    return kol_infer_fail (error, "x is %s, but must be [N, C, ...]", kol_shape_text (x));
  if (how->groups < 0 || x->dim[1] % how->groups)
    return kol_infer_fail (error,
                           "%d groups of the channels of %s; their number must divide that of the "
                           "channels",
                           how->groups, kol_shape_text (x));
  *channels = KOL_SHAPE (x->dim[1]);
  *statistics = KOL_SHAPE (x->dim[0], how->groups);
  return TRUE;
}

static gboolean
check_shape (const KolNode *node, guint input, const KolShape *expected, GError **error)
{
  const KolShape *shape = &node->inputs[input]->shape;

  if (kol_shape_equal (shape, expected))
    return TRUE;
  return kol_infer_fail (error, "input %u is %s, but must be %s", input, kol_shape_text (shape),
                         kol_shape_text (expected));
}

static gboolean
norm_infer (KolNode *node, GError **error)
{
  const Norm *how = node->attributes;
  const KolShape *x = &node->inputs[0]->shape;
  KolShape channels, statistics;

  if (!(how->epsilon > 0 && isfinite (how->epsilon)))
    return kol_infer_fail (error, "epsilon is %g, but must be above 0", how->epsilon);
  if (!find_shapes (x, how, &channels, &statistics, error))
    return FALSE;
  node->outputs[0].shape = *x;
  node->outputs[1].shape = node->outputs[2].shape = statistics;
  return check_shape (node, 1, &channels, error) && check_shape (node, 2, &channels, error);
}

/* Inputs: dy, x, gamma, mean, variance. */
static gboolean
gradient_infer (KolNode *node, GError **error)
{
  const KolShape *x = &node->inputs[1]->shape;
  KolShape channels, statistics;

  if (!find_shapes (x, node->attributes, &channels, &statistics, error))
    return FALSE;
  node->outputs[0].shape = *x;
  node->outputs[1].shape = node->outputs[2].shape = channels;
  return check_shape (node, 0, x, error) && check_shape (node, 2, &channels, error)
         && check_shape (node, 3, &statistics, error) && check_shape (node, 4, &statistics, error);
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

#define LEAST_ELEMENTS 16384 /* fewer are not worth a CPU's work-item */
#define GPU_GROUP 128
#define GPU_GROUPS_PER_UNIT 8 /* of those that sum dgamma and dbeta: each leaves a part */

/* Work-groups, and how many rows each has. */
typedef struct {
  gint64 strip, strips;
  guint group;
} Cut;

static Cut
cut_new (const Geometry *geometry, const KolDevice *device, gboolean sums)
{
  gint64 rows = geometry->rows, most = rows;
  Cut self = { .group = 1 };

  if (device->simd)
    most = CLAMP (rows * row_length (geometry) / LEAST_ELEMENTS, 1,
                  KOL_STRIPS_PER_UNIT * (gint64) device->info.compute_units);
  else if (sums)
    most = GPU_GROUPS_PER_UNIT * (gint64) device->info.compute_units;
  while (!device->simd && self.group < GPU_GROUP && 2 * self.group <= device->max_work_group)
    self.group *= 2;
  most = MIN (most, rows);
  self.strip = (rows + most - 1) / most;
  self.strips = (rows + self.strip - 1) / self.strip;
  return self;
}

static gsize
gradient_scratch (const KolNode *node, const KolDevice *device)
{
  Geometry geometry = geometry_of (&node->inputs[1]->shape, node->attributes);
  Cut cut = cut_new (&geometry, device, TRUE);

  return (gsize) (cut.strips * 2 * geometry.groups * geometry.each) * sizeof (float);
}

#define MAX_ARGS 24

/* Launches @kernel; its last arguments, which all have, are added to the @n that @args has. */
static gboolean
launch_rows (KolLaunch *launch, const char *kernel, const Geometry *geometry, const Cut *cut,
             KolArg *args, guint n, GError **error)
{
  g_autoptr (GString) options = g_string_new (NULL);

  g_string_printf (options, "-DGROUP=%u", cut->group);
  kol_epilogue_append_options (&launch->epilogue, options);
  args[n++] = KOL_INT (geometry->rows);
  args[n++] = KOL_INT (geometry->groups);
  args[n++] = KOL_INT (geometry->each);
  args[n++] = KOL_INT (geometry->pixels);
  args[n++] = KOL_INT (cut->strip);
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "group-norm",
                                       .kernel = kernel,
                                       .options = options->str,
                                       .global = { (gsize) cut->strips * cut->group },
                                       .local = { cut->group } },
                           args, error);
}

static gboolean
norm_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const Norm *how = node->attributes;
  Geometry geometry = geometry_of (&node->inputs[0]->shape, how);
  Cut cut = cut_new (&geometry, launch->device, FALSE);
  KolBuffer *const *x = launch->inputs, *const *y = launch->outputs;
  KolArg args[MAX_ARGS] = { KOL_BUFFER (x[0]), KOL_BUFFER (x[1]),
                            KOL_BUFFER (x[2]), KOL_BUFFER (launch->epilogue.residual),
                            KOL_BUFFER (y[0]), KOL_BUFFER (y[1]),
                            KOL_BUFFER (y[2]), KOL_FLOAT (how->epsilon) };

  return launch_rows (launch, "group_norm_forward", &geometry, &cut, args, 8, error);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const Norm *how = node->attributes;
  Geometry geometry = geometry_of (&node->inputs[1]->shape, how);
  gint64 channels = geometry.groups * geometry.each;
  Cut cut = cut_new (&geometry, launch->device, TRUE);
  KolStrips strips = kol_strips (launch->device, (gsize) channels, LEAST_ELEMENTS / 16);
  KolBuffer *const *x = launch->inputs, *const *y = launch->outputs, *scratch = launch->scratch;
  KolArg args[MAX_ARGS]
      = { KOL_BUFFER (x[0]), KOL_BUFFER (x[1]),    KOL_BUFFER (x[2]), KOL_BUFFER (x[3]),
          KOL_BUFFER (x[4]), KOL_BUFFER (scratch), KOL_BUFFER (y[0]), KOL_FLOAT (how->epsilon) };

  if (!launch_rows (launch, "group_norm_gradient", &geometry, &cut, args, 8, error))
    return FALSE;
  return (!y[1] && !y[2])
         || kol_queue_launch (launch->queue,
                              &(KolCall){ .program = "group-norm",
                                          .kernel = "group_norm_gradient_parts",
                                          .options = "-DGROUP=1",
                                          .global = { strips.items },
                                          .local = { strips.group } },
                              KOL_ARGS (KOL_BUFFER (scratch), KOL_BUFFER (y[1]), KOL_BUFFER (y[2]),
                                        KOL_INT (channels), KOL_INT (cut.strips),
                                        KOL_INT (strips.each)),
                              error);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

/* Tensors as [rows / groups, groups, each, pixels], in which all of these broadcast. */
static KolValue *
as_elements (const Geometry *g, KolValue *a)
{
  return kol_reshape (a, KOL_SHAPE (g->rows / g->groups, g->groups, g->each, g->pixels));
}

static KolValue *
as_channels (const Geometry *g, KolValue *a)
{
  return kol_reshape (a, KOL_SHAPE (g->groups, g->each, 1));
}

static KolValue *
as_statistics (const Geometry *g, KolValue *a)
{
  return kol_reshape (a, KOL_SHAPE (g->rows / g->groups, g->groups, 1, 1));
}

static KolValue *
sum_rows (KolValue *a)
{
  return kol_sum (a, &(KolReduce){ .n_axes = 2, .axes = { 2, 3 }, .keep = TRUE });
}

/* What the mean's and the variance's own gradients add to x's: (dmean + 2 dvariance (x - mean)) /
 * L. */
static KolValue *
gradient_of_statistics (const KolNode *node, KolValue *dmean, KolValue *dvariance)
{
  KolValue *x = node->inputs[0], *sum = NULL;
  Geometry g = geometry_of (&x->shape, node->attributes);
  float share = 1 / (float) row_length (&g);

  if (dvariance)
    sum = kol_multiply (
        as_statistics (&g, kol_scale (dvariance, 2 * share, 0)),
        kol_subtract (as_elements (&g, x), as_statistics (&g, kol_output (&node->outputs[0], 1))));
  if (dmean)
    {
      dmean = as_statistics (&g, kol_scale (dmean, share, 0));
      sum = sum ? kol_add (sum, dmean)
                : kol_expand (dmean, KOL_SHAPE (g.rows / g.groups, g.groups, g.each, g.pixels));
    }
  return sum ? kol_reshape (sum, x->shape) : NULL;
}

static void
norm_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  KolValue *more = gradient_of_statistics (node, dy[1], dy[2]);

  dx[0] = more;
  if (!dy[0])
    return;
  dx[0] = KOL_NODE (&gradient_op, node->attributes, dy[0], node->inputs[0], node->inputs[1],
                    kol_output (&node->outputs[0], 1), kol_output (&node->outputs[0], 2));
  dx[1] = kol_output (dx[0], 1);
  dx[2] = kol_output (dx[0], 2);
  if (more)
    dx[0] = kol_add (dx[0], more);
}

static KolValue *
or_zeros (KolValue *a, const KolValue *like)
{
  return a ? a : kol_expand (kol_constant (like->graph, 0), like->shape);
}

/*
 * With v = 1 / sqrt (variance + epsilon), h = (x - mean) v, w = gamma dy and L elements
 * in a row, the outputs are
 *   dx = v (w - (sum w + h sum w h) / L),  dgamma = sum dy h,  dbeta = sum dy,
 * the sums in dx along rows. Let their gradients be a, b and c. What they lead to:
 *   K = v (a - (sum a + h sum a h) / L)            to w
 *   H = b dy - v (a sum w h + w sum a h) / L       to h
 *   E = sum a w - (sum a sum w + sum a h sum w h) / L
 *   gradient to dy: gamma K + c + b h;  x: v H;  gamma: sum K dy;  mean: - v sum H;
 *   variance: - v^3 / 2 (sum H (x - mean) + E)
 */
static void
gradient_gradient (KolNode *node, KolValue *const *d, KolValue **dx)
{
  const Norm *how = node->attributes;
  Geometry g = geometry_of (&node->inputs[1]->shape, how);
  float r = 1 / (float) row_length (&g);
  KolValue *dy = as_elements (&g, node->inputs[0]), *x = as_elements (&g, node->inputs[1]);
  KolValue *gamma = as_channels (&g, node->inputs[2]);
  KolValue *mean = as_statistics (&g, node->inputs[3]);
  KolValue *variance = as_statistics (&g, node->inputs[4]);
  KolValue *a = as_elements (&g, or_zeros (d[0], node->inputs[0]));
  KolValue *b = as_channels (&g, or_zeros (d[1], node->inputs[2]));
  KolValue *c = as_channels (&g, or_zeros (d[2], node->inputs[2]));
  KolValue *v = kol_divide (kol_constant (node->graph, 1),
                            kol_sqrt (kol_scale (variance, 1, (float) how->epsilon)));
  KolValue *centred = kol_subtract (x, mean), *h = kol_multiply (centred, v);
  KolValue *w = kol_multiply (gamma, dy);
  KolValue *sum_a = sum_rows (a), *sum_ah = sum_rows (kol_multiply (a, h));
  KolValue *sum_w = sum_rows (w), *sum_wh = sum_rows (kol_multiply (w, h));
  KolValue *K = kol_multiply (
      v, kol_subtract (a, kol_scale (kol_add (kol_multiply (h, sum_ah), sum_a), r, 0)));
  KolValue *H
      = kol_subtract (kol_multiply (b, dy),
                      kol_multiply (kol_scale (v, r, 0),
                                    kol_add (kol_multiply (a, sum_wh), kol_multiply (w, sum_ah))));
  KolValue *E = kol_subtract (
      sum_rows (kol_multiply (a, w)),
      kol_scale (kol_add (kol_multiply (sum_a, sum_w), kol_multiply (sum_ah, sum_wh)), r, 0));
  KolValue *to_dy = kol_add (kol_add (kol_multiply (gamma, K), kol_multiply (b, h)), c);
  KolValue *to_gamma
      = kol_sum (kol_multiply (K, dy), &(KolReduce){ .n_axes = 2, .axes = { 0, 3 } });
  KolValue *to_variance = kol_multiply (kol_scale (kol_multiply (v, kol_square (v)), -0.5f, 0),
                                        kol_add (sum_rows (kol_multiply (H, centred)), E));

  dx[0] = kol_reshape (to_dy, node->inputs[0]->shape);
  dx[1] = kol_reshape (kol_multiply (v, H), node->inputs[1]->shape);
  dx[2] = kol_reshape (to_gamma, node->inputs[2]->shape);
  dx[3] = kol_reshape (kol_multiply (kol_negate (v), sum_rows (H)), node->inputs[3]->shape);
  dx[4] = kol_reshape (to_variance, node->inputs[4]->shape);
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

/* The index in gamma and beta of element @i of row @row. */
static gint64
channel_of (const Geometry *g, gint64 row, gint64 i)
{
  return row % g->groups * g->each + i / g->pixels;
}

static void
norm_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const Norm *how = node->attributes;
  Geometry g = geometry_of (&node->inputs[0]->shape, how);
  gint64 length = row_length (&g);

  for (gint64 row = 0; row < g.rows; row++)
    {
      const double *from = x[0] + row * length;
      double *mean = &y[1][row], *variance = &y[2][row];

      for (gint64 i = 0; i < length; i++)
        *mean += from[i] / (double) length;
      for (gint64 i = 0; i < length; i++)
        *variance += pow (from[i] - *mean, 2) / (double) length;
      for (gint64 i = 0; i < length; i++)
        {
          gint64 c = channel_of (&g, row, i);

          y[0][row * length + i]
              = (from[i] - *mean) / sqrt (*variance + how->epsilon) * x[1][c] + x[2][c];
        }
    }
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const Norm *how = node->attributes;
  Geometry g = geometry_of (&node->inputs[1]->shape, how);
  gint64 length = row_length (&g);

  for (gint64 row = 0; row < g.rows; row++)
    {
      const double *dy = x[0] + row * length, *from = x[1] + row * length;
      double v = 1 / sqrt (x[4][row] + how->epsilon), sum_w = 0, sum_wh = 0;

      for (gint64 i = 0; i < length; i++)
        {
          gint64 c = channel_of (&g, row, i);
          double h = (from[i] - x[3][row]) * v;

          y[1][c] += dy[i] * h;
          y[2][c] += dy[i];
          sum_w += x[2][c] * dy[i];
          sum_wh += x[2][c] * dy[i] * h;
        }
      for (gint64 i = 0; i < length; i++)
        y[0][row * length + i]
            = v
              * (x[2][channel_of (&g, row, i)] * dy[i]
                 - (sum_w + (from[i] - x[3][row]) * v * sum_wh) / (double) length);
    }
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

/* The shapes of x, of gamma and beta, and of the statistics. */
#define LAYER_CASES(CASE)                                                                          \
  CASE ("1x2", -1, 0, KOL_SHAPE (1, 2), KOL_SHAPE (2), KOL_SHAPE (1)),                             \
      CASE ("7x15", -1, 0, KOL_SHAPE (7, 15), KOL_SHAPE (15), KOL_SHAPE (7)),                      \
      CASE ("7x16", 1, 0, KOL_SHAPE (7, 16), KOL_SHAPE (16), KOL_SHAPE (7)),                       \
      CASE ("7x17", 1, 0, KOL_SHAPE (7, 17), KOL_SHAPE (17), KOL_SHAPE (7)),                       \
      CASE ("2x3x127", 2, 0, KOL_SHAPE (2, 3, 127), KOL_SHAPE (127), KOL_SHAPE (2, 3)),            \
      CASE ("3x5x7x9-from-1", 1, 0, KOL_SHAPE (3, 5, 7, 9), KOL_SHAPE (5, 7, 9), KOL_SHAPE (3)),   \
      CASE ("2x3x129-from-0", 0, 0, KOL_SHAPE (2, 3, 129), KOL_SHAPE (2, 3, 129), KOL_SCALAR)
#define GROUP_CASES(CASE)                                                                          \
  CASE ("3x6-by-2", 0, 2, KOL_SHAPE (3, 6), KOL_SHAPE (6), KOL_SHAPE (3, 2)),                      \
      CASE ("2x6x7x9-by-3", 0, 3, KOL_SHAPE (2, 6, 7, 9), KOL_SHAPE (6), KOL_SHAPE (2, 3)),        \
      CASE ("2x3x4x4-by-1", 0, 1, KOL_SHAPE (2, 3, 4, 4), KOL_SHAPE (3), KOL_SHAPE (2, 1)),        \
      CASE ("3x5x17-instances", 0, 5, KOL_SHAPE (3, 5, 17), KOL_SHAPE (5), KOL_SHAPE (3, 5)),      \
      CASE ("1x3x31x33-instances", 0, 3, KOL_SHAPE (1, 3, 31, 33), KOL_SHAPE (3),                  \
            KOL_SHAPE (1, 3)),                                                                     \
      CASE ("2x4x2x3x5-by-2", 0, 2, KOL_SHAPE (2, 4, 2, 3, 5), KOL_SHAPE (4), KOL_SHAPE (2, 2))

#define FORWARD_CASE_(NAME, AXIS, GROUPS, LOW, HIGH, TOLERANCE, SLOW, X, CHANNELS, STATISTICS)     \
  {                                                                                                \
    .name = NAME, .n_inputs = 3, .shapes = { X, CHANNELS, CHANNELS },                              \
    .attributes = &(const Norm){ AXIS, GROUPS, 1e-3 },                                             \
    .fill = { { KOL_FILL_UNIFORM, LOW, HIGH }, { KOL_FILL_NONZERO, -2, 2 } },                      \
    .tolerance = TOLERANCE, .slow = SLOW                                                           \
  }
#define FORWARD_CASE(NAME, AXIS, GROUPS, ...)                                                      \
  FORWARD_CASE_ (NAME, AXIS, GROUPS, -1, 1, 0, FALSE, __VA_ARGS__)
#define SLOW_FORWARD_CASE(NAME, AXIS, GROUPS, ...)                                                 \
  FORWARD_CASE_ (NAME, AXIS, GROUPS, -1, 1, 0, TRUE, __VA_ARGS__)
#define LARGE_MEAN_CASE(NAME, AXIS, GROUPS, ...)                                                   \
  FORWARD_CASE_ (NAME, AXIS, GROUPS, 100, 101, 1e-4, FALSE, __VA_ARGS__)
#define SLOW_LAYER_CASES(CASE)                                                                     \
  CASE ("331x257", -1, 0, KOL_SHAPE (331, 257), KOL_SHAPE (257), KOL_SHAPE (331)),                 \
      CASE ("3x40009", -1, 0, KOL_SHAPE (3, 40009), KOL_SHAPE (40009), KOL_SHAPE (3))
#define SLOW_GROUP_CASES(CASE)                                                                     \
  CASE ("17x12x31x33-by-4", 0, 4, KOL_SHAPE (17, 12, 31, 33), KOL_SHAPE (12), KOL_SHAPE (17, 4))

static const KolCase layer_cases[]
    = { LAYER_CASES (FORWARD_CASE),
        SLOW_LAYER_CASES (SLOW_FORWARD_CASE),
        LARGE_MEAN_CASE ("large-mean-7x1025", 1, 0, KOL_SHAPE (7, 1025), KOL_SHAPE (1025),
                         KOL_SHAPE (7)),
        { 0 } };
static const KolCase group_cases[]
    = { GROUP_CASES (FORWARD_CASE),
        SLOW_GROUP_CASES (SLOW_FORWARD_CASE),
        LARGE_MEAN_CASE ("large-mean-2x4x13x17", 0, 2, KOL_SHAPE (2, 4, 13, 17), KOL_SHAPE (4),
                         KOL_SHAPE (2, 2)),
        { .name = "32x64x56x56-by-32",
          .n_inputs = 3,
          .shapes = { KOL_SHAPE (32, 64, 56, 56), KOL_SHAPE (64), KOL_SHAPE (64) },
          .attributes = &(const Norm){ 0, 32, 1e-5 },
          .only_tune = TRUE },
        { 0 } };

#define GRADIENT_CASE_(NAME, AXIS, GROUPS, SLOW, X, CHANNELS, STATISTICS)                          \
  {                                                                                                \
    .name = NAME, .n_inputs = 5, .shapes = { X, X, CHANNELS, STATISTICS, STATISTICS },             \
    .attributes = &(const Norm){ AXIS, GROUPS, 1e-3 },                                             \
    .fill = { { 0 }, { 0 }, { KOL_FILL_NONZERO, -2, 2 }, { 0 }, { KOL_FILL_UNIFORM, 0.5, 2 } },    \
    .slow = SLOW                                                                                   \
  }
#define GRADIENT_CASE(NAME, AXIS, GROUPS, ...)                                                     \
  GRADIENT_CASE_ (NAME, AXIS, GROUPS, FALSE, __VA_ARGS__)
#define SLOW_GRADIENT_CASE(NAME, AXIS, GROUPS, ...)                                                \
  GRADIENT_CASE_ (NAME, AXIS, GROUPS, TRUE, __VA_ARGS__)
#define LAYER_GRADIENT_CASE(NAME, ...) GRADIENT_CASE ("layer-" NAME, __VA_ARGS__)
#define SLOW_LAYER_GRADIENT_CASE(NAME, ...) SLOW_GRADIENT_CASE ("layer-" NAME, __VA_ARGS__)
static const KolCase gradient_cases[] = { LAYER_CASES (LAYER_GRADIENT_CASE),
                                          SLOW_LAYER_CASES (SLOW_LAYER_GRADIENT_CASE),
                                          GROUP_CASES (GRADIENT_CASE),
                                          SLOW_GROUP_CASES (SLOW_GRADIENT_CASE),
                                          { 0 } };

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static const KolVariant variants[]
    = { { .name = "plain", .launch = norm_launch },
        { .name = "absorbing", .absorbs = KOL_RESIDUAL | KOL_UNARY, .launch = norm_launch },
        { 0 } };

static const KolOp layer_op = {
  .name = "layer_norm",
  .attributes = sizeof (Norm),
  .n_outputs = 3, /* y; the rows' means and variances */
  .infer = norm_infer,
  .gradient = norm_gradient,
  .reference = norm_reference,
  .cases = layer_cases,
  .variants = variants,
};

static const KolOp group_op = {
  .name = "group_norm",
  .attributes = sizeof (Norm),
  .n_outputs = 3, /* y; the rows' means and variances */
  .infer = norm_infer,
  .gradient = norm_gradient,
  .reference = norm_reference,
  .cases = group_cases,
  .variants = variants,
};

static const KolOp gradient_op = {
  .name = "group_norm_gradient",
  .attributes = sizeof (Norm),
  .n_outputs = 3, /* dx, dgamma, dbeta */
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain",
                                      .scratch = gradient_scratch,
                                      .launch = gradient_launch },
                                    { 0 } },
};

extern const KolOp *const kol_group_norm_ops[];
const KolOp *const kol_group_norm_ops[] = { &layer_op, &group_op, &gradient_op, NULL };

static double
or_default (double epsilon)
{
  return epsilon == 0 ? 1e-5 : epsilon;
}

/**
 * kol_layer_norm:
 * @x: a tensor
 * @gamma: of the shape of @x from @axis on: what is normalized is multiplied by it
 * @beta: of the same shape: what is then added
 * @axis: the first of the axes that are normalized together; negative: from the end
 * @epsilon: is added to variances; 0: 1e-5
 *
 * y = (x - mean) / sqrt (variance + epsilon) gamma + beta, where mean and variance are
 * taken over all axes from @axis on. See Ba, Kiros and Hinton, "Layer
 * normalization", 2016.
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if the shapes
 *   are not these, there is no such axis, or @epsilon is not above 0
 */
KolValue *
kol_layer_norm (KolValue *x, KolValue *gamma, KolValue *beta, int axis, double epsilon)
{
  return KOL_NODE (&layer_op, (&(Norm){ .axis = axis, .epsilon = or_default (epsilon) }), x, gamma,
                   beta);
}

/**
 * kol_group_norm:
 * @x: [N, C, ...]
 * @gamma: [C], what the normalized channels are multiplied by
 * @beta: [C], what is then added
 * @groups: how many groups of channels; divides C
 * @epsilon: is added to variances; 0: 1e-5
 *
 * y = (x - mean) / sqrt (variance + epsilon) gamma + beta, where mean and variance are
 * taken over the C / groups neighbouring channels of a group, example by example.
 * See Wu and He, "Group normalization", ECCV 2018.
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if the shapes
 *   are not these, @groups does not divide C, or @epsilon is not above 0
 */
KolValue *
kol_group_norm (KolValue *x, KolValue *gamma, KolValue *beta, int groups, double epsilon)
{
  return KOL_NODE (
      &group_op, (&(Norm){ .groups = groups == 0 ? -1 : groups, .epsilon = or_default (epsilon) }),
      x, gamma, beta);
}

/**
 * kol_instance_norm:
 * @x: [N, C, ...]
 * @gamma: [C], what the normalized channels are multiplied by
 * @beta: [C], what is then added
 * @epsilon: is added to variances; 0: 1e-5
 *
 * y = (x - mean) / sqrt (variance + epsilon) gamma + beta, where mean and variance are
 * those of each channel of each example: kol_group_norm() with a group per
 * channel. See Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016.
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if the shapes
 *   are not these, or @epsilon is not above 0
 */
KolValue *
kol_instance_norm (KolValue *x, KolValue *gamma, KolValue *beta, double epsilon)
{
  int channels = !kol_value_failed (x) && x->shape.rank > 1 ? (int) x->shape.dim[1] : 1;

  return kol_group_norm (x, gamma, beta, channels, epsilon);
}
