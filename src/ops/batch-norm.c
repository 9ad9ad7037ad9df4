/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Batch normalization: y = (x - mean) gamma / sqrt (variance + epsilon) + beta for
 * each channel. In training mean and variance are those of the batch, which are
 * further outputs: the gradient needs them, and so do the running statistics that
 * stand in for them afterwards. What a training step writes of these is a node of
 * its own, which the optimizers ask for.
 *
 * A launch reads x twice. Channels are taken so few at a time that the second
 * reading finds them in a CPU's cache; only where there are fewer channels than
 * work-items, the examples are cut into parts, and the sums of the parts are put
 * together by a second launch.
 */

#include <math.h>

#include "ops/product-private.h"
#include "ops/strips-private.h"
#include "ops.h"

enum { X, GAMMA, BETA, RUNNING_MEAN, RUNNING_VARIANCE }; /* inputs */

static const KolOp gradient_op, statistics_op;

/* ── Shapes ─────────────────────────────────────────────────────────────────────────────────── */

/* x as [N, C, S]. */
typedef struct {
  gint64 examples, channels, pixels;
} Geometry;

static Geometry
geometry_of (const KolShape *x)
{
  Geometry self = { x->dim[0], x->dim[1], 1 };

  for (int i = 2; i < x->rank; i++)
    self.pixels *= x->dim[i];
  return self;
}

/* How many elements a mean is of. */
static gint64
elements_per_channel (const Geometry *geometry)
{
  return geometry->examples * geometry->pixels;
}

/* Whether @x is [N, C, ...], and the inputs @first .. @first + @n - 1 are [C]. */
static gboolean
check_channels (const KolNode *node, const KolShape *x, guint first, guint n, GError **error)
{
  if (x->rank < 2 || x->rank > 5)
    return kol_infer_fail (error, "x is %s, but must be [N, C, ...] of 2 to 5 dimensions",
                           kol_shape_text (x));
  for (guint i = first; i < first + n; i++)
    if (!kol_shape_equal (&node->inputs[i]->shape, &KOL_SHAPE (x->dim[1])))
      return kol_infer_fail (error, "x is %s, so input %u must be [%" G_GINT64_FORMAT "]; it is %s",
                             kol_shape_text (x), i, x->dim[1],
                             kol_shape_text (&node->inputs[i]->shape));
  return TRUE;
}

static gboolean
inference_infer (KolNode *node, GError **error)
{
  const KolBatchNorm *how = node->attributes;
  const KolShape *x = &node->inputs[X]->shape;

  if (!(how->epsilon > 0 && isfinite (how->epsilon)))
    return kol_infer_fail (error, "epsilon is %g, but must be above 0", how->epsilon);
  if (!(how->momentum >= 0 && how->momentum <= 1))
    return kol_infer_fail (error, "momentum is %g, but must be in 0 .. 1", how->momentum);
  node->outputs[0].shape = *x;
  return check_channels (node, x, GAMMA, 4, error);
}

static gboolean
training_infer (KolNode *node, GError **error)
{
  const KolShape *x = &node->inputs[X]->shape;
  Geometry geometry;

  if (!inference_infer (node, error))
    return FALSE;
  geometry = geometry_of (x);
  if (elements_per_channel (&geometry) == 1)
    return kol_infer_fail (error,
                           "x is %s, one number per channel, which has no variance to train with; "
                           "take more examples",
                           kol_shape_text (x));
  node->outputs[1].shape = node->outputs[2].shape = KOL_SHAPE (x->dim[1]);
  return TRUE;
}

/* Inputs: dy, x, gamma, mean, variance. */
static gboolean
gradient_infer (KolNode *node, GError **error)
{
  const KolShape *dy = &node->inputs[0]->shape, *x = &node->inputs[1]->shape;

  if (!check_channels (node, x, 2, 3, error))
    return FALSE;
  if (!kol_shape_equal (dy, x))
    return kol_infer_fail (error, "dy is %s, but x is %s", kol_shape_text (dy), kol_shape_text (x));
  node->outputs[0].shape = *x;
  node->outputs[1].shape = node->outputs[2].shape = KOL_SHAPE (x->dim[1]);
  return TRUE;
}

/* ── Cutting the work ───────────────────────────────────────────────────────────────────────── */

#define CPU_LEAST_ELEMENTS 16384 /* fewer are not worth another work-item */
#define GPU_LEAST_ELEMENTS 4096  /* nor another group */
#define GPU_GROUP 256

/* Work-groups: strips of channels, or one channel each; times parts of the examples. */
typedef struct {
  gint64 strip, strips;
  gint64 part_examples, parts;
  guint group;
} Cut;

/* @alone: nothing is summed, so that parts cost nothing. */
static Cut
cut_new (const Geometry *geometry, const KolDevice *device, gboolean alone)
{
  gint64 units = device->info.compute_units, channels = geometry->channels;
  gint64 least = device->simd ? CPU_LEAST_ELEMENTS : GPU_LEAST_ELEMENTS;
  gint64 most = MAX (channels * elements_per_channel (geometry) / least, 1);
  gint64 wanted = MIN (KOL_STRIPS_PER_UNIT * units, most);
  Cut self = { .strip = 1, .parts = 1, .group = 1 };

  if (device->simd)
    self.strip = kol_divide_up (channels, MIN (channels, wanted));
  while (!device->simd && self.group < GPU_GROUP && 2 * self.group <= device->max_work_group)
    self.group *= 2;
  self.strips = kol_divide_up (channels, self.strip);
  if (alone || self.strips < units)
    self.parts = CLAMP (kol_divide_up (wanted, self.strips), 1, geometry->examples);
  self.part_examples = kol_divide_up (geometry->examples, self.parts);
  self.parts = kol_divide_up (geometry->examples, self.part_examples);
  return self;
}

/* Room for @numbers per channel and part, where there are parts. */
static gsize
parts_bytes (const KolShape *x, const KolDevice *device, gsize numbers)
{
  Geometry geometry = geometry_of (x);
  Cut cut = cut_new (&geometry, device, FALSE);

  return cut.parts > 1 ? (gsize) (geometry.channels * cut.parts) * numbers * sizeof (float) : 0;
}

static gsize
training_scratch (const KolNode *node, const KolDevice *device)
{
  return parts_bytes (&node->inputs[X]->shape, device, 3);
}

static gsize
gradient_scratch (const KolNode *node, const KolDevice *device)
{
  return parts_bytes (&node->inputs[1]->shape, device, 2);
}

/* ── Launches ───────────────────────────────────────────────────────────────────────────────── */

#define MAX_ARGS 24

/* Launches @kernel; its last arguments, which all have, are added to the @n that @args has. */
static gboolean
launch_cut (KolLaunch *launch, const char *kernel, const char *options, const Geometry *geometry,
            const Cut *cut, KolArg *args, guint n, GError **error)
{
  g_autofree char *all_options = g_strdup_printf ("-DGROUP=%u%s", cut->group, options);

  args[n++] = KOL_INT (geometry->examples);
  args[n++] = KOL_INT (geometry->channels);
  args[n++] = KOL_INT (geometry->pixels);
  args[n++] = KOL_INT (cut->strip);
  args[n++] = KOL_INT (cut->parts);
  args[n++] = KOL_INT (cut->part_examples);
  args[n] = (KolArg){ KOL_ARG_END };
  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "batch-norm",
                  .kernel = kernel,
                  .options = all_options,
                  .global = { (gsize) (cut->strips * cut->parts) * cut->group },
                  .local = { cut->group } },
      args, error);
}

static gboolean
training_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolBatchNorm *how = node->attributes;
  Geometry geometry = geometry_of (&node->inputs[X]->shape);
  Cut cut = cut_new (&geometry, launch->device, FALSE);
  KolBuffer *const *x = launch->inputs, *const *y = launch->outputs, *scratch = launch->scratch;
  KolBuffer *residual = launch->epilogue.residual;
  g_autoptr (GString) options = g_string_new (" -DTRAINING=1");
  KolArg sums[MAX_ARGS] = { KOL_BUFFER (x[X]), KOL_BUFFER (scratch) };
  KolArg args[MAX_ARGS] = { KOL_BUFFER (x[X]),    KOL_BUFFER (x[GAMMA]), KOL_BUFFER (x[BETA]),
                            KOL_BUFFER (scratch), KOL_BUFFER (residual), KOL_BUFFER (y[0]),
                            KOL_BUFFER (y[1]),    KOL_BUFFER (y[2]),     KOL_FLOAT (how->epsilon) };

  kol_epilogue_append_options (&launch->epilogue, options);
  if (cut.parts > 1
      && !launch_cut (launch, "batch_norm_sums", options->str, &geometry, &cut, sums, 2, error))
    return FALSE;
  return launch_cut (launch, "batch_norm_forward", options->str, &geometry, &cut, args, 9, error);
}

static gboolean
inference_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolBatchNorm *how = node->attributes;
  Geometry geometry = geometry_of (&node->inputs[X]->shape);
  Cut cut = cut_new (&geometry, launch->device, TRUE);
  KolBuffer *const *x = launch->inputs;
  g_autoptr (GString) options = g_string_new (" -DTRAINING=0");
  KolArg args[MAX_ARGS] = { KOL_BUFFER (x[X]),
                            KOL_BUFFER (x[GAMMA]),
                            KOL_BUFFER (x[BETA]),
                            KOL_BUFFER (x[RUNNING_MEAN]),
                            KOL_BUFFER (x[RUNNING_VARIANCE]),
                            KOL_BUFFER (launch->epilogue.residual),
                            KOL_BUFFER (launch->outputs[0]),
                            KOL_FLOAT (how->epsilon) };

  kol_epilogue_append_options (&launch->epilogue, options);
  return launch_cut (launch, "batch_norm_inference", options->str, &geometry, &cut, args, 8, error);
}

static gboolean
gradient_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolBatchNorm *how = node->attributes;
  Geometry geometry = geometry_of (&node->inputs[1]->shape);
  Cut cut = cut_new (&geometry, launch->device, FALSE);
  KolBuffer *const *x = launch->inputs, *const *y = launch->outputs, *scratch = launch->scratch;
  const char *options = how->training ? " -DTRAINING=1" : " -DTRAINING=0";
  KolArg sums[MAX_ARGS]
      = { KOL_BUFFER (x[0]), KOL_BUFFER (x[1]), KOL_BUFFER (x[3]), KOL_BUFFER (scratch) };
  KolArg args[MAX_ARGS]
      = { KOL_BUFFER (x[0]), KOL_BUFFER (x[1]),       KOL_BUFFER (x[2]), KOL_BUFFER (x[3]),
          KOL_BUFFER (x[4]), KOL_BUFFER (scratch),    KOL_BUFFER (y[0]), KOL_BUFFER (y[1]),
          KOL_BUFFER (y[2]), KOL_FLOAT (how->epsilon) };

  if (cut.parts > 1
      && !launch_cut (launch, "batch_norm_gradient_sums", options, &geometry, &cut, sums, 4, error))
    return FALSE;
  return launch_cut (launch, "batch_norm_gradient", options, &geometry, &cut, args, 10, error);
}

/* ── Gradients ──────────────────────────────────────────────────────────────────────────────── */

/* [C] as [C, 1, ...], which is stretched over [N, C, ...]. */
static KolValue *
over_channels (KolValue *a, const KolShape *x)
{
  KolShape shape = { .rank = x->rank - 1, .dim = { x->dim[1] } };

  for (int i = 1; i < shape.rank; i++)
    shape.dim[i] = 1;
  return kol_reshape (a, shape);
}

/* [N, C, ...] summed to [C]. */
static KolValue *
sum_channels (KolValue *a)
{
  KolReduce over = { .n_axes = a->shape.rank - 1 };

  for (int i = 1; i < over.n_axes; i++)
    over.axes[i] = i + 1;
  return kol_sum (a, &over);
}

/* What the mean's and the variance's own gradients add to x's: (dmean + 2 dvariance (x - mean)) /
 * n. */
static KolValue *
gradient_of_statistics (const KolNode *node, KolValue *dmean, KolValue *dvariance)
{
  KolValue *x = node->inputs[X], *sum = NULL;
  Geometry geometry = geometry_of (&x->shape);
  float share = 1 / (float) elements_per_channel (&geometry);

  if (dvariance)
    sum = kol_multiply (
        over_channels (kol_scale (dvariance, 2 * share, 0), &x->shape),
        kol_subtract (x, over_channels (kol_output (&node->outputs[0], 1), &x->shape)));
  if (dmean)
    {
      dmean = over_channels (kol_scale (dmean, share, 0), &x->shape);
      sum = sum ? kol_add (sum, dmean) : kol_expand (dmean, x->shape);
    }
  return sum;
}

static void
training_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  KolValue *more = gradient_of_statistics (node, dy[1], dy[2]);

  dx[X] = more;
  if (!dy[0])
    return;
  dx[X] = KOL_NODE (&gradient_op, node->attributes, dy[0], node->inputs[X], node->inputs[GAMMA],
                    kol_output (&node->outputs[0], 1), kol_output (&node->outputs[0], 2));
  dx[GAMMA] = kol_output (dx[X], 1);
  dx[BETA] = kol_output (dx[X], 2);
  if (more)
    dx[X] = kol_add (dx[X], more);
}

/* None flows to the running statistics: they are no function of anything. */
static void
inference_gradient (KolNode *node, KolValue *const *dy, KolValue **dx)
{
  dx[X] = KOL_NODE (&gradient_op, node->attributes, dy[0], node->inputs[X], node->inputs[GAMMA],
                    node->inputs[RUNNING_MEAN], node->inputs[RUNNING_VARIANCE]);
  dx[GAMMA] = kol_output (dx[X], 1);
  dx[BETA] = kol_output (dx[X], 2);
}

static KolValue *
or_zeros (KolValue *a, const KolValue *like)
{
  return a ? a : kol_expand (kol_constant (like->graph, 0), like->shape);
}

/*
 * With v = 1 / sqrt (variance + epsilon), h = (x - mean) v, and r = 1 / n in training,
 * 0 otherwise, the outputs are
 *   dx = gamma v (dy - (dbeta + h dgamma) r),  dgamma = sum dy h,  dbeta = sum dy.
 * Let their gradients be a, b and c. What they lead to, with sums per channel:
 *   P = c - gamma v r sum a                 to dbeta
 *   Q = b - gamma v r sum a h               to dgamma
 *   E = sum a dy - r (dbeta sum a + dgamma sum a h)
 *   H = Q dy - gamma v r dgamma a           to h
 *   gradient to dy: gamma v a + P + Q h;  x: v H;  gamma: v E;  mean: - v sum H;
 *   variance: - v^3 / 2 (sum H (x - mean) + gamma E)
 */
static void
gradient_gradient (KolNode *node, KolValue *const *d, KolValue **dx)
{
  const KolBatchNorm *how = node->attributes;
  KolValue *dy = node->inputs[0], *x = node->inputs[1], *gamma = node->inputs[2];
  const KolShape *shape = &x->shape;
  Geometry geometry = geometry_of (shape);
  float r = how->training ? 1 / (float) elements_per_channel (&geometry) : 0;
  KolValue *dgamma = kol_output (&node->outputs[0], 1), *dbeta = kol_output (&node->outputs[0], 2);
  KolValue *a = or_zeros (d[0], x), *b = or_zeros (d[1], gamma), *c = or_zeros (d[2], gamma);
  KolValue *v = kol_divide (kol_constant (node->graph, 1),
                            kol_sqrt (kol_scale (node->inputs[4], 1, (float) how->epsilon)));
  KolValue *scale = kol_multiply (gamma, v), *shrunk = kol_scale (scale, -r, 0);
  KolValue *centred = kol_subtract (x, over_channels (node->inputs[3], shape));
  KolValue *h = kol_multiply (centred, over_channels (v, shape));
  KolValue *sum_a = sum_channels (a), *sum_ah = sum_channels (kol_multiply (a, h));
  KolValue *P = kol_add (c, kol_multiply (shrunk, sum_a));
  KolValue *Q = kol_add (b, kol_multiply (shrunk, sum_ah));
  KolValue *E = kol_add (
      sum_channels (kol_multiply (a, dy)),
      kol_scale (kol_add (kol_multiply (dbeta, sum_a), kol_multiply (dgamma, sum_ah)), -r, 0));
  KolValue *H = kol_add (kol_multiply (over_channels (Q, shape), dy),
                         kol_multiply (over_channels (kol_multiply (shrunk, dgamma), shape), a));

  dx[0] = kol_add (kol_multiply (over_channels (scale, shape), a),
                   kol_add (kol_multiply (over_channels (Q, shape), h), over_channels (P, shape)));
  dx[1] = kol_multiply (over_channels (v, shape), H);
  dx[2] = kol_multiply (v, E);
  dx[3] = kol_multiply (kol_negate (v), sum_channels (H));
  dx[4]
      = kol_multiply (kol_scale (kol_multiply (v, kol_square (v)), -0.5f, 0),
                      kol_add (sum_channels (kol_multiply (H, centred)), kol_multiply (gamma, E)));
}

/* ── Running statistics ─────────────────────────────────────────────────────────────────────── */

/*
 * batch_norm_statistics (watch, mean, variance, running_mean, running_variance):
 *   running_mean <- (1 - momentum) running_mean + momentum mean
 *   running_variance <- (1 - momentum) running_variance + momentum correction variance
 * if the watch's flag is 0. The correction n / (n - 1) makes the variance unbiased.
 */
typedef struct {
  double momentum, correction;
} Statistics;

static KolValue *
training_update (KolNode *node, KolValue *watch)
{
  const KolBatchNorm *how = node->attributes;
  Geometry geometry = geometry_of (&node->inputs[X]->shape);
  double n = (double) elements_per_channel (&geometry);

  if (!node->inputs[RUNNING_MEAN]->node->parameter
      || !node->inputs[RUNNING_VARIANCE]->node->parameter)
    return NULL; /* given, not kept: there is nothing to write to */
  return KOL_NODE (&statistics_op, (&(Statistics){ how->momentum, n / (n - 1) }), watch,
                   kol_output (&node->outputs[0], 1), kol_output (&node->outputs[0], 2),
                   node->inputs[RUNNING_MEAN], node->inputs[RUNNING_VARIANCE]);
}

static gboolean
statistics_infer (KolNode *node, GError **error)
{
  const KolShape *channels = &node->inputs[1]->shape;

  if (kol_count (node->inputs[0]) != 2)
    return kol_infer_fail (error, "the watch is %s, but must have 2 elements",
                           kol_shape_text (&node->inputs[0]->shape));
  for (guint i = 2; i < 5; i++)
    if (!kol_shape_equal (&node->inputs[i]->shape, channels))
      return kol_infer_fail (error, "the mean is %s, but input %u is %s", kol_shape_text (channels),
                             i, kol_shape_text (&node->inputs[i]->shape));
  node->n_outputs = 2; /* the graph has made room for more */
  node->outputs[0].shape = node->outputs[1].shape = *channels;
  return TRUE;
}

static int
statistics_overwrites (const KolNode *node, guint output)
{
  return output < 2 ? 3 + (int) output : -1;
}

static gboolean
statistics_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  const Statistics *how = node->attributes;
  gint64 channels = kol_count (node->inputs[1]);
  KolStrips strips = kol_strips (launch->device, (gsize) channels, CPU_LEAST_ELEMENTS);
  KolBuffer *const *x = launch->inputs;

  return kol_queue_launch (
      launch->queue,
      &(KolCall){ .program = "batch-norm",
                  .kernel = "batch_norm_statistics",
                  .options = "-DGROUP=1 -DTRAINING=1",
                  .global = { strips.items },
                  .local = { strips.group } },
      KOL_ARGS (KOL_BUFFER (x[0]), KOL_BUFFER (x[1]), KOL_BUFFER (x[2]), KOL_BUFFER (x[3]),
                KOL_BUFFER (x[4]), KOL_FLOAT (how->momentum), KOL_FLOAT (1 - how->momentum),
                KOL_FLOAT (how->correction), KOL_INT (channels), KOL_INT (strips.each)),
      error);
}

/* ── Folding
 * ─────────────────────────────────────────────────────────────────────────────────────── */

/* scale = gamma / sqrt (variance + epsilon), shift = beta - mean scale. */
static void
inference_affine (KolNode *node, KolValue **scale, KolValue **shift)
{
  const KolBatchNorm *how = node->attributes;
  KolValue *const *x = node->inputs;
  KolValue *variance = kol_scale (x[RUNNING_VARIANCE], 1, (float) how->epsilon);

  *scale = kol_multiply (x[GAMMA], kol_rsqrt (variance));
  *shift = kol_subtract (x[BETA], kol_multiply (x[RUNNING_MEAN], *scale));
}

/* ── Reference ──────────────────────────────────────────────────────────────────────────────── */

/* Where in x the @i-th element of channel @c is. */
static gint64
element_of (const Geometry *g, gint64 c, gint64 i)
{
  return (i / g->pixels * g->channels + c) * g->pixels + i % g->pixels;
}

static void
normalize_channel (const Geometry *g, gint64 c, const double *const *x, double mean,
                   double variance, double epsilon, double *y)
{
  for (gint64 i = 0; i < elements_per_channel (g); i++)
    {
      gint64 at = element_of (g, c, i);

      y[at] = (x[X][at] - mean) / sqrt (variance + epsilon) * x[GAMMA][c] + x[BETA][c];
    }
}

static void
training_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolBatchNorm *how = node->attributes;
  Geometry g = geometry_of (&node->inputs[X]->shape);
  gint64 n = elements_per_channel (&g);

  for (gint64 c = 0; c < g.channels; c++)
    {
      double *mean = &y[1][c], *variance = &y[2][c];

      for (gint64 i = 0; i < n; i++)
        *mean += x[X][element_of (&g, c, i)] / (double) n;
      for (gint64 i = 0; i < n; i++)
        *variance += pow (x[X][element_of (&g, c, i)] - *mean, 2) / (double) n;
      normalize_channel (&g, c, x, *mean, *variance, how->epsilon, y[0]);
    }
}

static void
inference_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolBatchNorm *how = node->attributes;
  Geometry g = geometry_of (&node->inputs[X]->shape);

  for (gint64 c = 0; c < g.channels; c++)
    normalize_channel (&g, c, x, x[RUNNING_MEAN][c], x[RUNNING_VARIANCE][c], how->epsilon, y[0]);
}

static void
gradient_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const KolBatchNorm *how = node->attributes;
  Geometry g = geometry_of (&node->inputs[1]->shape);
  gint64 n = elements_per_channel (&g);

  for (gint64 c = 0; c < g.channels; c++)
    {
      double v = 1 / sqrt (x[4][c] + how->epsilon);

      for (gint64 i = 0; i < n; i++)
        {
          gint64 at = element_of (&g, c, i);

          y[1][c] += x[0][at] * (x[1][at] - x[3][c]) * v;
          y[2][c] += x[0][at];
        }
      for (gint64 i = 0; i < n; i++)
        {
          gint64 at = element_of (&g, c, i);
          double h = (x[1][at] - x[3][c]) * v;
          double mean = how->training ? (y[2][c] + h * y[1][c]) / (double) n : 0;

          y[0][at] = x[2][c] * v * (x[0][at] - mean);
        }
    }
}

static void
statistics_reference (const KolNode *node, const double *const *x, double *const *y)
{
  const Statistics *how = node->attributes;
  double momentum = x[0][0] == 0 ? how->momentum : 0;

  for (gint64 c = 0; c < kol_count (node->inputs[1]); c++)
    {
      y[0][c] = (1 - momentum) * x[3][c] + momentum * x[1][c];
      y[1][c] = (1 - momentum) * x[4][c] + momentum * how->correction * x[2][c];
    }
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

/* Pixels of 1, a vector and a block of columns, plus and minus one; channels for several blocks. */
#define CASES(CASE)                                                                                \
  CASE ("2x1", 1, 2, 1), CASE ("33x1", 1, 33, 1), CASE ("7x13", 13, 7, 13),                        \
      CASE ("5x63", 63, 5, 63), CASE ("5x65", 65, 5, 65), CASE ("257x10", 10, 257, 10),            \
      CASE ("1x3x5", 3, 1, 3, 5), CASE ("3x67x17", 67, 3, 67, 17),                                 \
      CASE ("2x5x7x9", 5, 2, 5, 7, 9), CASE ("3x40x7x7", 40, 3, 40, 7, 7),                         \
      CASE ("2x3x15x17", 3, 2, 3, 15, 17), CASE ("2x2x33x31", 2, 2, 2, 33, 31),                    \
      CASE ("2x2x32x32", 2, 2, 2, 32, 32), CASE ("2x1x25x41", 1, 2, 1, 25, 41),                    \
      CASE ("2x3x2x3x5", 3, 2, 3, 2, 3, 5)
#define SLOW_CASES(CASE)                                                                           \
  CASE ("4x2x65x67", 2, 4, 2, 65, 67), CASE ("31x3x33x37", 3, 31, 3, 33, 37),                      \
      CASE ("23x70x29x31", 70, 23, 70, 29, 31)

#define FORWARD_CASE_(NAME, C, TRAINING, LOW, HIGH, TOLERANCE, SLOW, ...)                          \
  {                                                                                                \
    .name = NAME, .n_inputs = 5,                                                                   \
    .shapes                                                                                        \
        = { KOL_SHAPE (__VA_ARGS__), KOL_SHAPE (C), KOL_SHAPE (C), KOL_SHAPE (C), KOL_SHAPE (C) }, \
    .attributes = &(const KolBatchNorm){ TRAINING, 0.1, 1e-3 },                                    \
    .fill = { { KOL_FILL_UNIFORM, LOW, HIGH },                                                     \
              { KOL_FILL_NONZERO, -2, 2 },                                                         \
              { KOL_FILL_UNIFORM, -1, 1 },                                                         \
              { KOL_FILL_UNIFORM, -1, 1 },                                                         \
              { KOL_FILL_UNIFORM, 0.5, 2 } },                                                      \
    .no_gradient = 24, .tolerance = TOLERANCE, .slow = SLOW                                        \
  }
#define TRAINING_CASE(NAME, C, ...) FORWARD_CASE_ (NAME, C, TRUE, -1, 1, 0, FALSE, __VA_ARGS__)
#define SLOW_TRAINING_CASE(NAME, C, ...) FORWARD_CASE_ (NAME, C, TRUE, -1, 1, 0, TRUE, __VA_ARGS__)
#define INFERENCE_CASE(NAME, C, ...) FORWARD_CASE_ (NAME, C, FALSE, -1, 1, 0, FALSE, __VA_ARGS__)
#define SLOW_INFERENCE_CASE(NAME, C, ...)                                                          \
  FORWARD_CASE_ (NAME, C, FALSE, -1, 1, 0, TRUE, __VA_ARGS__)

/* A mean of 300 deviations: a float x keeps their square 1e-4 of what it is. */
static const KolCase training_cases[]
    = { CASES (TRAINING_CASE),
        SLOW_CASES (SLOW_TRAINING_CASE),
        FORWARD_CASE_ ("large-mean-9x3", 3, TRUE, 100, 101, 1e-4, FALSE, 9, 3),
        FORWARD_CASE_ ("large-mean-3x5x13x13", 5, TRUE, 100, 101, 1e-4, FALSE, 3, 5, 13, 13),
        FORWARD_CASE_ ("large-mean-31x3x33x37", 3, TRUE, 100, 101, 1e-4, TRUE, 31, 3, 33, 37),
        { .name = "32x64x56x56",
          .n_inputs = 5,
          .shapes = { KOL_SHAPE (32, 64, 56, 56), KOL_SHAPE (64), KOL_SHAPE (64), KOL_SHAPE (64),
                      KOL_SHAPE (64) },
          .attributes = &(const KolBatchNorm){ TRUE, 0.1, 1e-5 },
          .only_tune = TRUE },
        { 0 } };
static const KolCase inference_cases[]
    = { CASES (INFERENCE_CASE), SLOW_CASES (SLOW_INFERENCE_CASE), { 0 } };

#define GRADIENT_CASE_(NAME, C, TRAINING, SLOW, ...)                                               \
  {                                                                                                \
    .name = NAME, .n_inputs = 5,                                                                   \
    .shapes = { KOL_SHAPE (__VA_ARGS__), KOL_SHAPE (__VA_ARGS__), KOL_SHAPE (C), KOL_SHAPE (C),    \
                KOL_SHAPE (C) },                                                                   \
    .attributes = &(const KolBatchNorm){ TRAINING, 0.1, 1e-3 },                                    \
    .fill = { { KOL_FILL_UNIFORM, -1, 1 },                                                         \
              { KOL_FILL_UNIFORM, -1, 1 },                                                         \
              { KOL_FILL_NONZERO, -2, 2 },                                                         \
              { KOL_FILL_UNIFORM, -1, 1 },                                                         \
              { KOL_FILL_UNIFORM, 0.5, 2 } },                                                      \
    .slow = SLOW                                                                                   \
  }
#define GRADIENT_CASE(NAME, C, ...) GRADIENT_CASE_ (NAME, C, TRUE, FALSE, __VA_ARGS__)
#define SLOW_GRADIENT_CASE(NAME, C, ...) GRADIENT_CASE_ (NAME, C, TRUE, TRUE, __VA_ARGS__)
static const KolCase gradient_cases[]
    = { CASES (GRADIENT_CASE),
        SLOW_CASES (SLOW_GRADIENT_CASE),
        GRADIENT_CASE_ ("inference-7x13", 13, FALSE, FALSE, 7, 13),
        GRADIENT_CASE_ ("inference-2x5x7x9", 5, FALSE, FALSE, 2, 5, 7, 9),
        GRADIENT_CASE_ ("inference-31x3x33x37", 3, FALSE, TRUE, 31, 3, 33, 37),
        { .name = "32x64x56x56",
          .n_inputs = 5,
          .shapes = { KOL_SHAPE (32, 64, 56, 56), KOL_SHAPE (32, 64, 56, 56), KOL_SHAPE (64),
                      KOL_SHAPE (64), KOL_SHAPE (64) },
          .attributes = &(const KolBatchNorm){ TRUE, 0.1, 1e-5 },
          .only_tune = TRUE },
        { 0 } };

#define STATISTICS_CASE(NAME, C, FLAG)                                                             \
  {                                                                                                \
    .name = NAME, .n_inputs = 5,                                                                   \
    .shapes = { KOL_SHAPE (2), KOL_SHAPE (C), KOL_SHAPE (C), KOL_SHAPE (C), KOL_SHAPE (C) },       \
    .attributes = &(const Statistics){ 0.1, 7.0 / 6 }, .fill = { { KOL_FILL_LABELS, 0, FLAG } },   \
  }

/* Labels below 1 are 0; the second case's flag is 1 or more. */
static const KolCase statistics_cases[]
    = { STATISTICS_CASE ("1", 1, 1),
        STATISTICS_CASE ("67", 67, 1),
        { .name = "flag-is-set",
          .n_inputs = 5,
          .shapes
          = { KOL_SHAPE (2), KOL_SHAPE (67), KOL_SHAPE (67), KOL_SHAPE (67), KOL_SHAPE (67) },
          .attributes = &(const Statistics){ 0.1, 7.0 / 6 },
          .fill = { { KOL_FILL_UNIFORM, 1, 2 } } },
        { 0 } };

/* ── Operations ─────────────────────────────────────────────────────────────────────────────── */

static const KolOp training_op = {
  .name = "batch_norm",
  .attributes = sizeof (KolBatchNorm),
  .n_outputs = 3, /* y; the batch's mean and variance, [C] */
  .infer = training_infer,
  .gradient = training_gradient,
  .reference = training_reference,
  .cases = training_cases,
  .variants = (const KolVariant[]){ { .name = "plain",
                                      .scratch = training_scratch,
                                      .launch = training_launch },
                                    { .name = "absorbing",
                                      .absorbs = KOL_RESIDUAL | KOL_UNARY,
                                      .scratch = training_scratch,
                                      .launch = training_launch },
                                    { 0 } },
  .channels_first = TRUE,
  .update = training_update,
  .mixes_examples = TRUE,
};

static const KolOp inference_op = {
  .name = "batch_norm_inference",
  .attributes = sizeof (KolBatchNorm),
  .infer = inference_infer,
  .gradient = inference_gradient,
  .reference = inference_reference,
  .cases = inference_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = inference_launch },
                                    { .name = "absorbing",
                                      .absorbs = KOL_RESIDUAL | KOL_UNARY,
                                      .launch = inference_launch },
                                    { 0 } },
  .channels_first = TRUE,
  .affine = inference_affine,
};

static const KolOp gradient_op = {
  .name = "batch_norm_gradient",
  .attributes = sizeof (KolBatchNorm),
  .n_outputs = 3, /* dx, dgamma, dbeta */
  .infer = gradient_infer,
  .gradient = gradient_gradient,
  .reference = gradient_reference,
  .cases = gradient_cases,
  .variants = (const KolVariant[]){ { .name = "plain",
                                      .scratch = gradient_scratch,
                                      .launch = gradient_launch },
                                    { 0 } },
  .mixes_examples = TRUE,
};

static const KolOp statistics_op = {
  .name = "batch_norm_statistics",
  .attributes = sizeof (Statistics),
  .n_outputs = 2, /* the running mean and variance */
  .infer = statistics_infer,
  .overwrites = statistics_overwrites,
  .reference = statistics_reference,
  .cases = statistics_cases,
  .variants = (const KolVariant[]){ { .name = "plain", .launch = statistics_launch }, { 0 } },
};

extern const KolOp *const kol_batch_norm_ops[];
const KolOp *const kol_batch_norm_ops[]
    = { &training_op, &inference_op, &gradient_op, &statistics_op, NULL };

/**
 * kol_batch_norm:
 * @x: [N, C, ...], of 2 to 5 dimensions
 * @gamma: [C], what the normalized channels are multiplied by
 * @beta: [C], what is then added
 * @running_mean: [C], a state that begins with zeros, see kol_state()
 * @running_variance: [C], a state that begins with ones
 * @how: whether this is training; momentum and epsilon
 *
 * y = (x - mean) gamma / sqrt (variance + epsilon) + beta, channel by channel.
 *
 * In training mean and variance are those of the channel in this batch, and the
 * gradient knows that they depend on @x. The running statistics are not read; each
 * training step (see kol_adam()) that the loss leads to writes them:
 * running = (1 - momentum) running + momentum batch, where the batch's variance is
 * the unbiased one, times n / (n - 1) for n = N times the pixels. Otherwise mean
 * and variance are the running ones, which are not written. The numbers are those
 * of PyTorch's BatchNorm1d, 2d and 3d. See Ioffe and Szegedy, "Batch
 * normalization", ICML 2015.
 *
 * Returns: (transfer none): the value, of @x's shape; it has failed if the shapes
 *   are not these, if epsilon or momentum is out of range, or if there is only
 *   one element per channel to train with
 */
KolValue *
kol_batch_norm (KolValue *x, KolValue *gamma, KolValue *beta, KolValue *running_mean,
                KolValue *running_variance, const KolBatchNorm *how)
{
  KolBatchNorm attributes = how ? *how : (KolBatchNorm){ 0 };

  if (attributes.momentum == 0)
    attributes.momentum = 0.1;
  if (attributes.epsilon == 0)
    attributes.epsilon = 1e-5;
  return KOL_NODE (attributes.training ? &training_op : &inference_op, &attributes, x, gamma, beta,
                   running_mean, running_variance);
}
