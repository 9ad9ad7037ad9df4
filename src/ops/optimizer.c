/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * gradient_norm, adam and sgd: a whole training step's last three launches,
 * whatever the number of parameters (up to 16; then one more for each 16). Each
 * tensor is cut into chunks, a kernel gives each chunk to a work-group, and a
 * second kernel adds what the chunks leave in scratch.
 */

#include "ops/optimizer-private.h"

#include <math.h>
#include <string.h>

/* Tensors that a launch takes: as TENSORS in kernels/optimizer.cl. Their pointers and lengths are
 * about half of the 1024 bytes of arguments that OpenCL guarantees. */
#define TENSORS 16
#define MAX_ARGUMENTS (3 * TENSORS + 24)

static const KolOp gradient_norm_op, adam_op, sgd_op;

/* ── The tensors of a node, and their chunks ───────────────────────────────────────────────── */

/* Inputs `first`, `first` + `stride`, ... are tensors that a kernel walks over. */
typedef struct {
  const KolNode *node;
  guint first;
  guint stride;
  guint n;
  gint64 chunk; /* elements of a chunk, on this device */
} Tensors;

static gint64
chunk_length (const KolDevice *device)
{
  return device->simd ? 16384 : 4096;
}

static guint
group_length (const KolDevice *device)
{
  guint length = 1;

  while (!device->simd && length < 128 && 2 * length <= device->max_work_group)
    length *= 2;
  return length;
}

static gint64
tensor_count (const Tensors *tensors, guint i)
{
  return kol_count (tensors->node->inputs[tensors->first + tensors->stride * i]);
}

static gint64
tensor_chunks (const Tensors *tensors, guint i)
{
  return (tensor_count (tensors, i) + tensors->chunk - 1) / tensors->chunk;
}

static gint64
total_chunks (const Tensors *tensors)
{
  gint64 chunks = 0;

  for (guint i = 0; i < tensors->n; i++)
    chunks += tensor_chunks (tensors, i);
  return chunks;
}

static gint64
total_count (const Tensors *tensors)
{
  gint64 count = 0;

  for (guint i = 0; i < tensors->n; i++)
    count += tensor_count (tensors, i);
  return count;
}

/* The gradients of a gradient_norm. */
static Tensors
gradients_of (const KolNode *node, const KolDevice *device)
{
  return (Tensors){ node, 1, 1, node->n_inputs - 1, device ? chunk_length (device) : 1 };
}

int
kol_step_first_parameter (const KolNode *node)
{
  return node->op == &adam_op ? 5 : node->op == &sgd_op ? 3 : -1;
}

/* The parameters of an adam or sgd; each one's gradient is the input after it. */
static Tensors
parameters_of (const KolNode *node, const KolDevice *device)
{
  guint first = (guint) kol_step_first_parameter (node);

  return (Tensors){ node, first, 2, (node->n_inputs - first) / 2,
                    device ? chunk_length (device) : 1 };
}

/* ── Shapes ────────────────────────────────────────────────────────────────────────────────── */

/* The kernels count a tensor's elements in an int, and find it in m and v by a uint. */
static gboolean
check_counts (const Tensors *tensors, GError **error)
{
  for (guint i = 0; i < tensors->n; i++)
    if (tensor_count (tensors, i) > G_MAXINT)
      return kol_infer_fail (error,
                             "tensor %u has %" G_GINT64_FORMAT
                             " elements; an optimizer takes at most %d per tensor: split it",
                             i, tensor_count (tensors, i), G_MAXINT);
  if (total_count (tensors) > G_MAXUINT32)
    return kol_infer_fail (error,
                           "the parameters have %" G_GINT64_FORMAT
                           " elements; an optimizer takes at most %u: use two",
                           total_count (tensors), G_MAXUINT32);
  return TRUE;
}

static gboolean
check_length (const KolNode *node, guint input, const char *what, gint64 length, GError **error)
{
  const KolShape *shape = &node->inputs[input]->shape;

  if (kol_shape_count (shape) == length)
    return TRUE;
  return kol_infer_fail (error, "%s is %s, but must have %" G_GINT64_FORMAT " elements", what,
                         kol_shape_text (shape), length);
}

static gboolean
infer_gradient_norm (KolNode *node, GError **error)
{
  Tensors gradients = gradients_of (node, NULL);

  if (node->n_inputs < 2)
    return kol_infer_fail (error, "there is no gradient to take the norm of");
  if (!check_length (node, 0, "the watch", 2, error) || !check_counts (&gradients, error))
    return FALSE;
  node->n_outputs = 2;
  node->outputs[0].shape = KOL_SCALAR;
  node->outputs[1].shape = node->inputs[0]->shape;
  return TRUE;
}

static int
overwrites_gradient_norm (const KolNode *node, guint output)
{
  return output == 1 ? 0 : -1;
}

/* Outputs are the statistics, then the states from input 2 on, then the parameters. */
static int
overwrites_step (const KolNode *node, guint output)
{
  int first = kol_step_first_parameter (node), states = first - 2;

  if (output == 0)
    return -1;
  if ((int) output <= states)
    return (int) output + 1;
  return first + 2 * ((int) output - 1 - states);
}

static gboolean
infer_step (KolNode *node, GError **error)
{
  int first = kol_step_first_parameter (node);
  Tensors parameters = parameters_of (node, NULL);

  if ((int) node->n_inputs < first + 2 || (node->n_inputs - (guint) first) % 2 != 0)
    return kol_infer_fail (error, "parameters and gradients must come in pairs, at least one");
  if (!check_length (node, KOL_STEP_RATE, "the rate", 1, error)
      || !check_length (node, KOL_STEP_WATCH, "the watch", 2, error)
      || !check_counts (&parameters, error))
    return FALSE;
  for (guint i = 0; i < parameters.n; i++)
    {
      const KolShape *p = &node->inputs[(guint) first + 2 * i]->shape;
      const KolShape *g = &node->inputs[(guint) first + 2 * i + 1]->shape;

      if (!kol_shape_equal (p, g))
        return kol_infer_fail (error, "parameter %u is %s, but its gradient is %s", i,
                               kol_shape_text (p), kol_shape_text (g));
    }

  node->n_outputs = (guint) first - 1 + parameters.n; /* the graph has made room for more */
  node->outputs[0].shape = KOL_SHAPE (parameters.n, 2);
  for (guint i = 1; i < node->n_outputs; i++)
    node->outputs[i].shape = node->inputs[overwrites_step (node, i)]->shape;
  return TRUE;
}

static gboolean
infer_adam (KolNode *node, GError **error)
{
  const KolAdamStep *how = node->attributes;
  Tensors parameters;

  if (!(how->beta1 >= 0 && how->beta1 < 1 && how->beta2 >= 0 && how->beta2 < 1))
    return kol_infer_fail (error, "beta1 is %g and beta2 %g, but both must be in [0, 1)",
                           how->beta1, how->beta2);
  if (!((float) how->epsilon > 0 && isfinite ((float) how->epsilon)))
    return kol_infer_fail (error, "epsilon is %g, but must be a float above 0", how->epsilon);
  if (!infer_step (node, error))
    return FALSE;
  parameters = parameters_of (node, NULL);
  return check_length (node, 2, "the count of steps", 1, error)
         && check_length (node, 3, "the first moment", total_count (&parameters), error)
         && check_length (node, 4, "the second moment", total_count (&parameters), error);
}

static gboolean
infer_sgd (KolNode *node, GError **error)
{
  const KolSgdStep *how = node->attributes;
  Tensors parameters;

  if (!(how->momentum >= 0 && how->momentum < 1))
    return kol_infer_fail (error, "momentum is %g, but must be in [0, 1)", how->momentum);
  if (!infer_step (node, error))
    return FALSE;
  parameters = parameters_of (node, NULL);
  return how->momentum == 0
         || check_length (node, 2, "the momentum's state", total_count (&parameters), error);
}

/* ── Launches ──────────────────────────────────────────────────────────────────────────────── */

/* Kernel arguments in the making. */
typedef struct {
  KolArg list[MAX_ARGUMENTS + 1];
  guint n;
} Arguments;

static void
add (Arguments *arguments, KolArg argument)
{
  g_return_if_fail (arguments->n < MAX_ARGUMENTS);
  arguments->list[arguments->n++] = argument;
  arguments->list[arguments->n] = (KolArg){ KOL_ARG_END };
}

static gboolean
launch_groups (KolLaunch *launch, const char *kernel, gint64 groups, const KolArg *arguments,
               GError **error)
{
  guint group = group_length (launch->device);
  char options[64];
  KolCall call = { .program = "optimizer",
                   .kernel = kernel,
                   .options = options,
                   .global = { (gsize) groups * group },
                   .local = { group } };

  g_snprintf (options, sizeof options, "-DGROUP=%u -DCHUNK=%d", group,
              (int) chunk_length (launch->device));
  return kol_queue_launch (launch->queue, &call, arguments, error);
}

/* Adds the inputs `shift` after tensors from..from+15, with their lengths if asked for. A place
 * without a tensor gets the last one's buffer and length 0. */
static void
add_tensors (Arguments *arguments, const KolLaunch *launch, const Tensors *tensors, guint from,
             guint shift, gboolean lengths)
{
  for (guint i = from; i < from + TENSORS; i++)
    {
      guint input = tensors->first + tensors->stride * MIN (i, tensors->n - 1) + shift;

      add (arguments, KOL_BUFFER (launch->inputs[input]));
      if (lengths)
        add (arguments, KOL_INT (i < tensors->n ? tensor_count (tensors, i) : 0));
    }
}

static gsize
scratch_gradient_norm (const KolNode *node, const KolDevice *device)
{
  Tensors gradients = gradients_of (node, device);

  return (gsize) total_chunks (&gradients) * sizeof (cl_float);
}

static gboolean
launch_gradient_norm (KolLaunch *launch, const KolNode *node, GError **error)
{
  Tensors gradients = gradients_of (node, launch->device);
  gint64 first_chunk = 0;

  for (guint from = 0; from < gradients.n; from += TENSORS)
    {
      Arguments arguments = { .n = 0 };
      gint64 chunks = 0;

      for (guint i = from; i < MIN (from + TENSORS, gradients.n); i++)
        chunks += tensor_chunks (&gradients, i);
      add_tensors (&arguments, launch, &gradients, from, 0, TRUE);
      add (&arguments, KOL_BUFFER (launch->scratch));
      add (&arguments, KOL_INT (first_chunk));
      if (!launch_groups (launch, "gradient_norm_squares", chunks, arguments.list, error))
        return FALSE;
      first_chunk += chunks;
    }
  return launch_groups (launch, "gradient_norm_forward", 1,
                        KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_INT (first_chunk),
                                  KOL_BUFFER (launch->outputs[0]), KOL_BUFFER (launch->inputs[0])),
                        error);
}

/* Two sums per chunk and two ints per tensor; see kernels/optimizer.cl. */
static gsize
scratch_step (const KolNode *node, const KolDevice *device)
{
  Tensors parameters = parameters_of (node, device);

  return (gsize) total_chunks (&parameters) * 2 * sizeof (cl_float)
         + (gsize) parameters.n * 2 * sizeof (cl_int);
}

/* Launches @kernel, whose last arguments are @own, over all parameters, then adds the statistics.
 * @count: the state that counts steps, or NULL. */
static gboolean
launch_step (KolLaunch *launch, const KolNode *node, const char *kernel, const KolArg *own,
             KolBuffer *count, GError **error)
{
  Tensors parameters = parameters_of (node, launch->device);
  gint64 all_chunks = total_chunks (&parameters), first_chunk = 0, first_element = 0;
  KolBuffer *watch = launch->inputs[KOL_STEP_WATCH];

  for (guint from = 0; from < parameters.n; from += TENSORS)
    {
      Arguments arguments = { .n = 0 };
      gint64 chunks = 0, elements = 0;

      for (guint i = from; i < MIN (from + TENSORS, parameters.n); i++)
        {
          chunks += tensor_chunks (&parameters, i);
          elements += tensor_count (&parameters, i);
        }
      add_tensors (&arguments, launch, &parameters, from, 1, TRUE);  /* gradients, lengths */
      add_tensors (&arguments, launch, &parameters, from, 0, FALSE); /* parameters */
      add (&arguments, KOL_BUFFER (launch->scratch));
      add (&arguments, KOL_INT (all_chunks));
      add (&arguments, KOL_INT (first_chunk));
      add (&arguments, KOL_INT (from));
      add (&arguments, KOL_UINT (first_element));
      add (&arguments, KOL_BUFFER (launch->inputs[KOL_STEP_RATE]));
      add (&arguments, KOL_BUFFER (watch));
      for (const KolArg *argument = own; argument->kind != KOL_ARG_END; argument++)
        add (&arguments, *argument);
      if (!launch_groups (launch, kernel, chunks, arguments.list, error))
        return FALSE;
      first_chunk += chunks;
      first_element += elements;
    }
  return launch_groups (launch, "optimizer_statistics", parameters.n,
                        KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_INT (all_chunks),
                                  KOL_BUFFER (watch), KOL_BUFFER (launch->outputs[0]),
                                  KOL_BUFFER (count)),
                        error);
}

static gboolean
launch_adam (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolAdamStep *how = node->attributes;
  KolBuffer *count = launch->inputs[2];

  return launch_step (launch, node, "adam_forward",
                      KOL_ARGS (KOL_BUFFER (count), KOL_BUFFER (launch->inputs[3]),
                                KOL_BUFFER (launch->inputs[4]), KOL_FLOAT (how->beta1),
                                KOL_FLOAT (1 - how->beta1), KOL_FLOAT (log (how->beta1)),
                                KOL_FLOAT (how->beta2), KOL_FLOAT (1 - how->beta2),
                                KOL_FLOAT (log (how->beta2)), KOL_FLOAT (how->epsilon)),
                      count, error);
}

static gboolean
launch_sgd (KolLaunch *launch, const KolNode *node, GError **error)
{
  const KolSgdStep *how = node->attributes;

  return launch_step (launch, node, "sgd_forward",
                      KOL_ARGS (KOL_BUFFER (launch->inputs[2]), KOL_FLOAT (how->momentum)), NULL,
                      error);
}

/* Additions, multiplications, divisions and roots per element, as the formulas have them. */
static double
flops_gradient_norm (const KolNode *node)
{
  Tensors gradients = gradients_of (node, NULL);

  return 2.0 * (double) total_count (&gradients);
}

static double
flops_step (const KolNode *node)
{
  Tensors parameters = parameters_of (node, NULL);

  return (node->op == &adam_op ? 17.0 : 8.0) * (double) total_count (&parameters);
}

/* ── References ────────────────────────────────────────────────────────────────────────────── */

static void
reference_gradient_norm (const KolNode *node, const double *const *x, double *const *y)
{
  Tensors gradients = gradients_of (node, NULL);
  double sum = 0;

  for (guint t = 0; t < gradients.n; t++)
    for (gint64 i = 0; i < tensor_count (&gradients, t); i++)
      sum += x[1 + t][i] * x[1 + t][i];
  y[0][0] = sqrt (sum);
  y[1][0] = isfinite (sum) ? x[0][0] : 1;
  y[1][1] = x[0][1];
}

/* What a step leaves where the watch's flag is set: the states and parameters as they were. */
static void
reference_nothing (const KolNode *node, const double *const *x, double *const *y)
{
  for (guint output = 1; output < node->n_outputs; output++)
    {
      int input = overwrites_step (node, output);
      memcpy (y[output], x[input], (gsize) kol_count (node->inputs[input]) * sizeof (double));
    }
}

static void
reference_adam (const KolNode *node, const double *const *x, double *const *y)
{
  const KolAdamStep *how = node->attributes;
  Tensors parameters = parameters_of (node, NULL);
  double t = x[2][0] + 1, correct1 = 1 - pow (how->beta1, t), correct2 = 1 - pow (how->beta2, t);
  gint64 k = 0; /* position in m and v */

  reference_nothing (node, x, y);
  if (x[KOL_STEP_WATCH][0] != 0)
    return;
  y[1][0] = t;
  for (guint tensor = 0; tensor < parameters.n; tensor++)
    for (gint64 i = 0; i < tensor_count (&parameters, tensor); i++, k++)
      {
        double p = x[5 + 2 * tensor][i], g = x[6 + 2 * tensor][i];
        double m = how->beta1 * x[3][k] + (1 - how->beta1) * g;
        double v = how->beta2 * x[4][k] + (1 - how->beta2) * g * g;
        double update = x[KOL_STEP_RATE][0] / correct1 * m / (sqrt (v / correct2) + how->epsilon);

        y[0][2 * tensor] += update * update;
        y[0][2 * tensor + 1] += p * p;
        y[2][k] = m;
        y[3][k] = v;
        y[4 + tensor][i] = p - update;
      }
}

static void
reference_sgd (const KolNode *node, const double *const *x, double *const *y)
{
  const KolSgdStep *how = node->attributes;
  Tensors parameters = parameters_of (node, NULL);
  gint64 k = 0; /* position in v */

  reference_nothing (node, x, y);
  if (x[KOL_STEP_WATCH][0] != 0)
    return;
  for (guint tensor = 0; tensor < parameters.n; tensor++)
    for (gint64 i = 0; i < tensor_count (&parameters, tensor); i++, k++)
      {
        double p = x[3 + 2 * tensor][i], v = x[4 + 2 * tensor][i];

        if (how->momentum != 0)
          y[1][k] = v += how->momentum * x[2][k];
        y[0][2 * tensor] += x[KOL_STEP_RATE][0] * v * x[KOL_STEP_RATE][0] * v;
        y[0][2 * tensor + 1] += p * p;
        y[2 + tensor][i] = p - x[KOL_STEP_RATE][0] * v;
      }
}

/* ── Cases ─────────────────────────────────────────────────────────────────────────────────────
 * Up to three parameters; tests/nn/test-optimizers.c has more than a launch takes.             */

#define S1(...) KOL_SHAPE (__VA_ARGS__)
#define S2(...) S1 (__VA_ARGS__), S1 (__VA_ARGS__) /* a parameter and its gradient */
#define ZEROS                                                                                      \
  {                                                                                                \
    KOL_FILL_LABELS, 0, 1                                                                          \
  } /* whole numbers below 1 */
#define STEPS                                                                                      \
  {                                                                                                \
    KOL_FILL_LABELS, 0, 10                                                                         \
  } /* 0 .. 9 */
#define RAISED                                                                                     \
  {                                                                                                \
    KOL_FILL_UNIFORM, 1, 2                                                                         \
  } /* a flag that is set */
#define NANS                                                                                       \
  {                                                                                                \
    KOL_FILL_UNIFORM, NAN, NAN                                                                     \
  }
#define RATE                                                                                       \
  {                                                                                                \
    KOL_FILL_UNIFORM, 0.01, 0.1                                                                    \
  }
#define SQUARES                                                                                    \
  {                                                                                                \
    KOL_FILL_UNIFORM, 0.01, 1                                                                      \
  }

static const KolCase gradient_norm_cases[] = {
  { .name = "1",
    .n_inputs = 2,
    .shapes = { KOL_SHAPE (2), KOL_SHAPE (1) },
    .fill = { ZEROS },
    .no_gradient = ~0u },
  { .name = "7,33",
    .n_inputs = 3,
    .shapes = { KOL_SHAPE (2), KOL_SHAPE (7), KOL_SHAPE (3, 11) },
    .fill = { ZEROS },
    .no_gradient = ~0u },
  { .name = "raised",
    .n_inputs = 2,
    .shapes = { KOL_SHAPE (2), KOL_SHAPE (5) },
    .fill = { RAISED },
    .no_gradient = ~0u },
  { .name = "nan",
    .n_inputs = 3,
    .shapes = { KOL_SHAPE (2), KOL_SHAPE (33), KOL_SHAPE (1) },
    .fill = { ZEROS, [2] = NANS },
    .no_gradient = ~0u },
  { .name = "4096,16385,127",
    .n_inputs = 4,
    .shapes = { KOL_SHAPE (2), KOL_SHAPE (4096), KOL_SHAPE (16385), KOL_SHAPE (127) },
    .fill = { ZEROS },
    .no_gradient = ~0u },
  { .name = "1024x3136",
    .n_inputs = 4,
    .shapes = { KOL_SHAPE (2), KOL_SHAPE (1024, 3136), KOL_SHAPE (64, 32, 5, 5), KOL_SHAPE (1024) },
    .fill = { ZEROS },
    .no_gradient = ~0u,
    .only_tune = TRUE },
  { NULL },
};

static const KolAdamStep usual_adam = { 0.9, 0.999, 1e-8 };
static const KolAdamStep other_adam = { 0.5, 0.9, 1e-3 };
static const KolAdamStep no_moments = { 0, 0, 1e-2 };

#define ADAM_SHAPES(total, ...)                                                                    \
  {                                                                                                \
    KOL_SCALAR, KOL_SHAPE (2), KOL_SHAPE (1), KOL_SHAPE (total), KOL_SHAPE (total), __VA_ARGS__    \
  }
#define ADAM_FILL(watch, count)                                                                    \
  {                                                                                                \
    RATE, watch, count, { KOL_FILL_UNIFORM, 0, 0 }, SQUARES                                        \
  }

static const KolCase adam_cases[] = {
  { .name = "1",
    .n_inputs = 7,
    .shapes = ADAM_SHAPES (1, S2 (1)),
    .attributes = &usual_adam,
    .fill = ADAM_FILL (ZEROS, ZEROS),
    .no_gradient = ~0u },
  { .name = "first-step",
    .n_inputs = 9,
    .shapes = ADAM_SHAPES (40, S2 (7), S2 (3, 11)),
    .attributes = &usual_adam,
    .fill = ADAM_FILL (ZEROS, ZEROS),
    .no_gradient = ~0u },
  { .name = "other-constants",
    .n_inputs = 9,
    .shapes = ADAM_SHAPES (40, S2 (3, 11), S2 (7)),
    .attributes = &other_adam,
    .fill = ADAM_FILL (ZEROS, STEPS),
    .no_gradient = ~0u },
  { .name = "no-moments",
    .n_inputs = 7,
    .shapes = ADAM_SHAPES (33, S2 (33)),
    .attributes = &no_moments,
    .fill = ADAM_FILL (ZEROS, STEPS),
    .no_gradient = ~0u },
  { .name = "raised",
    .n_inputs = 9,
    .shapes = ADAM_SHAPES (40, S2 (7), S2 (3, 11)),
    .attributes = &usual_adam,
    .fill = ADAM_FILL (RAISED, STEPS),
    .no_gradient = ~0u },
  { .name = "4096,16385,127",
    .n_inputs = 11,
    .shapes = ADAM_SHAPES (4096 + 16385 + 127, S2 (4096), S2 (16385), S2 (127)),
    .attributes = &usual_adam,
    .fill = ADAM_FILL (ZEROS, STEPS),
    .no_gradient = ~0u },
  { .name = "1024x3136",
    .n_inputs = 7,
    .shapes = ADAM_SHAPES (1024 * 3136, S2 (1024, 3136)),
    .attributes = &usual_adam,
    .fill = ADAM_FILL (ZEROS, STEPS),
    .no_gradient = ~0u,
    .only_tune = TRUE },
  { NULL },
};

static const KolSgdStep plain_sgd = { 0 };
static const KolSgdStep momentum_sgd = { 0.9 };

#define SGD_SHAPES(total, ...)                                                                     \
  {                                                                                                \
    KOL_SCALAR, KOL_SHAPE (2), KOL_SHAPE (total), __VA_ARGS__                                      \
  }
#define SGD_FILL(watch)                                                                            \
  {                                                                                                \
    RATE, watch                                                                                    \
  }

static const KolCase sgd_cases[] = {
  { .name = "1",
    .n_inputs = 5,
    .shapes = SGD_SHAPES (1, S2 (1)),
    .attributes = &plain_sgd,
    .fill = SGD_FILL (ZEROS),
    .no_gradient = ~0u },
  { .name = "no-momentum",
    .n_inputs = 7,
    .shapes = SGD_SHAPES (1, S2 (7), S2 (3, 11)),
    .attributes = &plain_sgd,
    .fill = SGD_FILL (ZEROS),
    .no_gradient = ~0u },
  { .name = "momentum",
    .n_inputs = 7,
    .shapes = SGD_SHAPES (40, S2 (7), S2 (3, 11)),
    .attributes = &momentum_sgd,
    .fill = SGD_FILL (ZEROS),
    .no_gradient = ~0u },
  { .name = "raised",
    .n_inputs = 7,
    .shapes = SGD_SHAPES (40, S2 (7), S2 (3, 11)),
    .attributes = &momentum_sgd,
    .fill = SGD_FILL (RAISED),
    .no_gradient = ~0u },
  { .name = "4096,16385,127",
    .n_inputs = 9,
    .shapes = SGD_SHAPES (4096 + 16385 + 127, S2 (4096), S2 (16385), S2 (127)),
    .attributes = &momentum_sgd,
    .fill = SGD_FILL (ZEROS),
    .no_gradient = ~0u },
  { .name = "1024x3136",
    .n_inputs = 5,
    .shapes = SGD_SHAPES (1024 * 3136, S2 (1024, 3136)),
    .attributes = &momentum_sgd,
    .fill = SGD_FILL (ZEROS),
    .no_gradient = ~0u,
    .only_tune = TRUE },
  { NULL },
};

/* ── The operations ────────────────────────────────────────────────────────────────────────── */

static const KolVariant gradient_norm_variants[] = {
  { .name = "plain", .scratch = scratch_gradient_norm, .launch = launch_gradient_norm },
  { NULL },
};

static const KolOp gradient_norm_op = {
  .name = "gradient_norm",
  .n_outputs = 2,
  .infer = infer_gradient_norm,
  .overwrites = overwrites_gradient_norm,
  .reference = reference_gradient_norm,
  .cases = gradient_norm_cases,
  .variants = gradient_norm_variants,
  .watches = TRUE,
  .flops = flops_gradient_norm,
};

static const KolVariant adam_variants[] = {
  { .name = "plain", .scratch = scratch_step, .launch = launch_adam },
  { NULL },
};

static const KolOp adam_op = {
  .name = "adam",
  .attributes = sizeof (KolAdamStep),
  .infer = infer_adam,
  .overwrites = overwrites_step,
  .reference = reference_adam,
  .cases = adam_cases,
  .variants = adam_variants,
  .flops = flops_step,
};

static const KolVariant sgd_variants[] = {
  { .name = "plain", .scratch = scratch_step, .launch = launch_sgd },
  { NULL },
};

static const KolOp sgd_op = {
  .name = "sgd",
  .attributes = sizeof (KolSgdStep),
  .infer = infer_sgd,
  .overwrites = overwrites_step,
  .reference = reference_sgd,
  .cases = sgd_cases,
  .variants = sgd_variants,
  .flops = flops_step,
};

extern const KolOp *const kol_optimizer_ops[];
const KolOp *const kol_optimizer_ops[] = { &gradient_norm_op, &adam_op, &sgd_op, NULL };

/* ── Constructors ──────────────────────────────────────────────────────────────────────────── */

KolValue *
kol_gradient_norm (KolValue *watch, KolValue *const *gradients, guint n)
{
  g_autofree KolValue **inputs = g_new (KolValue *, n + 1);

  inputs[0] = watch;
  for (guint i = 0; i < n; i++)
    inputs[1 + i] = gradients[i];
  return kol_node_new (&gradient_norm_op, inputs, n + 1, NULL);
}

/* A node over the fixed inputs @first and the parameters, each with its gradient. */
static KolValue *
step_new (const KolOp *op, KolValue *const *first, guint n_first, KolValue *const *parameters,
          KolValue *const *gradients, guint n, gconstpointer how)
{
  g_autofree KolValue **inputs = g_new (KolValue *, n_first + 2 * n);

  for (guint i = 0; i < n_first; i++)
    inputs[i] = first[i];
  for (guint i = 0; i < n; i++)
    {
      inputs[n_first + 2 * i] = parameters[i];
      inputs[n_first + 2 * i + 1] = gradients[i];
    }
  return kol_node_new (op, inputs, n_first + 2 * n, how);
}

KolValue *
kol_adam_step (KolValue *rate, KolValue *watch, KolValue *count, KolValue *m, KolValue *v,
               KolValue *const *parameters, KolValue *const *gradients, guint n,
               const KolAdamStep *how)
{
  return step_new (&adam_op, (KolValue *[]){ rate, watch, count, m, v }, 5, parameters, gradients,
                   n, how);
}

KolValue *
kol_sgd_step (KolValue *rate, KolValue *watch, KolValue *v, KolValue *const *parameters,
              KolValue *const *gradients, guint n, const KolSgdStep *how)
{
  return step_new (&sgd_op, (KolValue *[]){ rate, watch, v }, 3, parameters, gradients, n, how);
}
