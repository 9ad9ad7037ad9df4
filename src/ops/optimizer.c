/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * gradient_norm, and adam, sgd or rmsprop: a whole training step's last three
 * launches, whatever the number of parameters (up to 16; then one more for each
 * 16). Each tensor is cut into chunks, a kernel gives each chunk to a work-group,
 * and a second kernel adds what the chunks leave in scratch. gather_gradients
 * adds up the gradients of a batch that comes in parts.
 */

#include "ops/optimizer-private.h"

#include <math.h>
#include <string.h>

/* Tensors that a launch takes: as TENSORS in kernels/optimizer.cl. Their pointers and lengths are
 * about half of the 1024 bytes of arguments that OpenCL guarantees. */
#define TENSORS 16
#define MAX_ARGUMENTS (4 * TENSORS + 28)

static const KolOp gradient_norm_op, gather_gradients_op, adam_op, sgd_op, rmsprop_op;

/* The rule of an optimizer, for an element's gradient; its states are changed. */
typedef double (*Rule) (const KolStepNumbers *numbers, double rate, double t, double g,
                        double *states);

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

/* The sums of a gather_gradients; each one's gradient is the input after it. */
static Tensors
sums_of (const KolNode *node, const KolDevice *device)
{
  return (Tensors){ node, 0, 2, node->n_inputs / 2, device ? chunk_length (device) : 1 };
}

static gboolean
is_step (const KolNode *node)
{
  return node->op == &adam_op || node->op == &sgd_op || node->op == &rmsprop_op;
}

static gboolean
has_momentum (const KolStepNumbers *numbers)
{
  return numbers->momentum != 0 || numbers->keeps_momentum;
}

guint
kol_step_list_states (const char *rule, const KolStepNumbers *numbers,
                      const char *names[KOL_STEP_MAX_STATES])
{
  gboolean adam = g_str_equal (rule, "adam"), rmsprop = g_str_equal (rule, "rmsprop");
  guint n = 0;

  if (adam)
    names[n++] = "m";
  if (adam || rmsprop)
    names[n++] = "v";
  if (rmsprop && numbers->centered)
    names[n++] = "m";
  if (!adam && has_momentum (numbers))
    names[n++] = rmsprop ? "momentum" : "v";
  return n;
}

static guint
count_states (const KolNode *node)
{
  const char *names[KOL_STEP_MAX_STATES];

  return kol_step_list_states (node->op->name, node->attributes, names);
}

int
kol_step_first_parameter (const KolNode *node)
{
  return is_step (node) ? KOL_STEP_STATES + (int) count_states (node) : -1;
}

guint
kol_step_stride (const KolNode *node)
{
  const KolStepNumbers *numbers = node->attributes;

  return numbers->average != 0 ? 3 : 2;
}

gboolean
kol_is_gathered (const KolValue *value)
{
  return value->node->op == &gather_gradients_op;
}

/* The parameters of a step; each one's gradient is the input after it, then comes its average. */
static Tensors
parameters_of (const KolNode *node, const KolDevice *device)
{
  guint first = (guint) kol_step_first_parameter (node), stride = kol_step_stride (node);

  return (Tensors){ node, first, stride, (node->n_inputs - first) / stride,
                    device ? chunk_length (device) : 1 };
}

/* ── Shapes ────────────────────────────────────────────────────────────────────────────────── */

/* The kernels count a tensor's elements in an int, and find it in the states by a uint. */
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

static int
overwrites_gather_gradients (const KolNode *node, guint output)
{
  return output < node->n_inputs / 2 ? 2 * (int) output : -1;
}

/* Outputs are the statistics, then the count and the states, the parameters, the averages. */
static int
overwrites_step (const KolNode *node, guint output)
{
  guint first = (guint) kol_step_first_parameter (node), stride = kol_step_stride (node);
  guint n = (node->n_inputs - first) / stride, kept = first - KOL_STEP_COUNT, i;

  if (output == 0)
    return -1;
  if (output <= kept)
    return (int) (KOL_STEP_COUNT + output - 1);
  i = output - 1 - kept;
  if (i < n)
    return (int) (first + stride * i);
  return i < (stride - 1) * n ? (int) (first + stride * (i - n) + 2) : -1;
}

/* Whether the input @after each tensor is like it. */
static gboolean
check_companions (const Tensors *tensors, guint after, const char *what, GError **error)
{
  for (guint i = 0; i < tensors->n; i++)
    {
      KolValue *const *inputs = tensors->node->inputs + tensors->first + tensors->stride * i;

      if (!kol_shape_equal (&inputs[0]->shape, &inputs[after]->shape))
        return kol_infer_fail (error, "parameter %u is %s, but its %s is %s", i,
                               kol_shape_text (&inputs[0]->shape), what,
                               kol_shape_text (&inputs[after]->shape));
    }
  return TRUE;
}

static gboolean
infer_gather_gradients (KolNode *node, GError **error)
{
  Tensors sums = sums_of (node, NULL);
  const guint *parts = node->attributes;

  if (sums.n == 0 || node->n_inputs % 2 != 0)
    return kol_infer_fail (error, "sums and gradients must come in pairs, at least one");
  if (*parts == 0)
    return kol_infer_fail (error, "a batch cannot come in 0 parts");
  if (!check_counts (&sums, error) || !check_companions (&sums, 1, "gradient", error))
    return FALSE;
  node->n_outputs = sums.n;
  for (guint i = 0; i < sums.n; i++)
    node->outputs[i].shape = node->inputs[2 * i]->shape;
  return TRUE;
}

static gboolean
is_share (double number)
{
  return number >= 0 && number < 1;
}

/* Whether @number can be a limit or a weight: 0 and above, and a float. */
static gboolean
is_amount (double number)
{
  return number >= 0 && isfinite ((float) number);
}

static gboolean
check_numbers (const KolNode *node, GError **error)
{
  const KolStepNumbers *numbers = node->attributes;
  gboolean adam = node->op == &adam_op, sgd = node->op == &sgd_op;

  if (!adam && !is_share (numbers->momentum))
    return kol_infer_fail (error, "momentum is %g, but must be in [0, 1)", numbers->momentum);
  if (sgd && numbers->nesterov && !has_momentum (numbers))
    return kol_infer_fail (error, "Nesterov's step was asked for without a momentum; give one, "
                                  "such as 0.9");
  if (adam && !(is_share (numbers->beta1) && is_share (numbers->beta2)))
    return kol_infer_fail (error, "beta1 is %g and beta2 %g, but both must be in [0, 1)",
                           numbers->beta1, numbers->beta2);
  if (node->op == &rmsprop_op && !is_share (numbers->alpha))
    return kol_infer_fail (error, "alpha is %g, but must be in [0, 1)", numbers->alpha);
  if (!sgd && !((float) numbers->epsilon > 0 && is_amount (numbers->epsilon)))
    return kol_infer_fail (error, "epsilon is %g, but must be a float above 0", numbers->epsilon);
  if (!is_amount (numbers->weight_decay))
    return kol_infer_fail (error, "the weight decay is %g, but must be a number of at least 0",
                           numbers->weight_decay);
  if (!is_amount (numbers->clip_value) || !is_amount (numbers->clip_norm))
    return kol_infer_fail (error,
                           "gradients were to be clipped at a value of %g and a norm of %g, but "
                           "both must be numbers of at least 0, where 0 clips nothing",
                           numbers->clip_value, numbers->clip_norm);
  if (numbers->clip_value != 0 && numbers->clip_norm != 0)
    return kol_infer_fail (error,
                           "gradients were to be clipped at a value of %g and at a norm of %g; "
                           "choose one of the two",
                           numbers->clip_value, numbers->clip_norm);
  if (!is_share (numbers->average))
    return kol_infer_fail (error, "the decay of the weights' average is %g, but must be in [0, 1)",
                           numbers->average);
  return TRUE;
}

static gboolean
infer_step (KolNode *node, GError **error)
{
  guint stride = kol_step_stride (node), first = (guint) kol_step_first_parameter (node);
  Tensors parameters;

  if (!check_numbers (node, error))
    return FALSE;
  if (node->n_inputs < first + stride || (node->n_inputs - first) % stride != 0)
    return kol_infer_fail (error,
                           "each parameter must come with %s, and there must be at least one",
                           stride == 3 ? "its gradient and its average" : "its gradient");
  parameters = parameters_of (node, NULL);
  if (!check_length (node, KOL_STEP_RATE, "the rate", 1, error)
      || !check_length (node, KOL_STEP_WATCH, "the watch", 2, error)
      || !check_length (node, KOL_STEP_NORM, "the gradient's norm", 1, error)
      || !check_length (node, KOL_STEP_COUNT, "the count of steps", 1, error)
      || !check_counts (&parameters, error) || !check_companions (&parameters, 1, "gradient", error)
      || (stride == 3 && !check_companions (&parameters, 2, "average", error)))
    return FALSE;
  for (guint i = KOL_STEP_STATES; i < first; i++)
    if (!check_length (node, i, "a state", total_count (&parameters), error))
      return FALSE;

  node->n_outputs = 1 + first - KOL_STEP_COUNT + (stride - 1) * parameters.n;
  node->outputs[0].shape = KOL_SHAPE (parameters.n, 2);
  for (guint i = 1; i < node->n_outputs; i++)
    node->outputs[i].shape = node->inputs[overwrites_step (node, i)]->shape;
  return TRUE;
}

/* ── Changes ───────────────────────────────────────────────────────────────────────────────── */

/* Gives a step other numbers, if they make sense. */
static gboolean
take_numbers (KolNode *node, const KolStepNumbers *numbers, GError **error)
{
  KolStepNumbers *own = (KolStepNumbers *) node->attributes, before = *own;

  *own = *numbers;
  if (check_numbers (node, error))
    return TRUE;
  *own = before;
  return FALSE;
}

gboolean
kol_step_set_momentum (KolNode *node, double momentum, GError **error)
{
  KolStepNumbers numbers = *(const KolStepNumbers *) node->attributes;

  if (node->op == &adam_op)
    numbers.beta1 = momentum;
  else
    {
      numbers.keeps_momentum = has_momentum (&numbers);
      numbers.momentum = momentum;
      if (momentum != 0 && !numbers.keeps_momentum)
        return kol_infer_fail (error,
                               "a momentum of %g was asked for, but the step was made without one "
                               "and keeps nothing for it; begin with one, such as 0.9",
                               momentum);
    }
  return take_numbers (node, &numbers, error);
}

gboolean
kol_step_set_weight_decay (KolNode *node, double weight_decay, GError **error)
{
  KolStepNumbers numbers = *(const KolStepNumbers *) node->attributes;

  numbers.weight_decay = weight_decay;
  return take_numbers (node, &numbers, error);
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

/* @rule: the options of a step, or "". */
static gboolean
launch_groups (KolLaunch *launch, const char *kernel, const char *rule, gint64 groups,
               const KolArg *arguments, GError **error)
{
  guint group = group_length (launch->device);
  g_autofree char *options = g_strdup_printf ("-DGROUP=%u -DCHUNK=%d%s", group,
                                              (int) chunk_length (launch->device), rule);

  return kol_queue_launch (launch->queue,
                           &(KolCall){ .program = "optimizer",
                                       .kernel = kernel,
                                       .options = options,
                                       .global = { (gsize) groups * group },
                                       .local = { group } },
                           arguments, error);
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

/* The chunks of up to 16 tensors from @from on, which one launch takes. */
static gint64
chunks_from (const Tensors *tensors, guint from)
{
  gint64 chunks = 0;

  for (guint i = from; i < MIN (from + TENSORS, tensors->n); i++)
    chunks += tensor_chunks (tensors, i);
  return chunks;
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
      gint64 chunks = chunks_from (&gradients, from);

      add_tensors (&arguments, launch, &gradients, from, 0, TRUE);
      add (&arguments, KOL_BUFFER (launch->scratch));
      add (&arguments, KOL_INT (first_chunk));
      if (!launch_groups (launch, "gradient_norm_squares", "", chunks, arguments.list, error))
        return FALSE;
      first_chunk += chunks;
    }
  return launch_groups (launch, "gradient_norm_forward", "", 1,
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

/* The options of a step's kernel; see kernels/optimizer.cl. */
static char *
step_options (const KolNode *node)
{
  const KolStepNumbers *numbers = node->attributes;

  return g_strdup_printf (
      " -DRULE=%s -DSTATES=%u -DMOMENTUM=%d -DNESTEROV=%d -DCENTERED=%d -DCLIP_VALUE=%d "
      "-DCLIP_NORM=%d -DWEIGHT_DECAY=%d -DAVERAGE=%d",
      node->op->name, count_states (node), has_momentum (numbers), numbers->nesterov != 0,
      numbers->centered != 0, numbers->clip_value != 0, numbers->clip_norm != 0,
      numbers->weight_decay == 0 ? 0
      : numbers->decoupled       ? 2
                                 : 1,
      numbers->average != 0);
}

static void
add_numbers (Arguments *arguments, const KolNode *node)
{
  const KolStepNumbers *numbers = node->attributes;
  double decay1 = node->op == &adam_op ? numbers->beta1 : numbers->momentum;
  double decay2 = node->op == &adam_op ? numbers->beta2 : numbers->alpha;

  add (arguments, KOL_FLOAT (decay1));
  add (arguments, KOL_FLOAT (1 - decay1));
  add (arguments, KOL_FLOAT (log (decay1)));
  add (arguments, KOL_FLOAT (decay2));
  add (arguments, KOL_FLOAT (1 - decay2));
  add (arguments, KOL_FLOAT (log (decay2)));
  add (arguments, KOL_FLOAT (numbers->epsilon));
  add (arguments, KOL_FLOAT (numbers->clip_value != 0 ? numbers->clip_value : numbers->clip_norm));
  add (arguments, KOL_FLOAT (numbers->weight_decay));
  add (arguments, KOL_FLOAT (numbers->average));
  add (arguments, KOL_FLOAT (1 - numbers->average));
}

/* Where a launch begins among all chunks, tensors and elements. */
typedef struct {
  gint64 chunk;
  guint tensor;
  gint64 element;
} Place;

static gboolean
launch_tensors (KolLaunch *launch, const Tensors *parameters, const Place *from, GError **error)
{
  const KolNode *node = parameters->node;
  g_autofree char *options = step_options (node),
                  *kernel = g_strconcat (node->op->name, "_forward", NULL);
  guint states = count_states (node);
  Arguments arguments = { .n = 0 };

  add_tensors (&arguments, launch, parameters, from->tensor, 1, TRUE);  /* gradients, lengths */
  add_tensors (&arguments, launch, parameters, from->tensor, 0, FALSE); /* parameters */
  if (kol_step_stride (node) == 3)
    add_tensors (&arguments, launch, parameters, from->tensor, 2, FALSE); /* averages */
  add (&arguments, KOL_BUFFER (launch->scratch));
  add (&arguments, KOL_INT (total_chunks (parameters)));
  add (&arguments, KOL_INT (from->chunk));
  add (&arguments, KOL_INT (from->tensor));
  add (&arguments, KOL_UINT (from->element));
  for (guint i = KOL_STEP_RATE; i <= KOL_STEP_COUNT; i++)
    add (&arguments, KOL_BUFFER (launch->inputs[i]));
  for (guint i = 0; i < KOL_STEP_MAX_STATES; i++)
    add (&arguments, i < states ? KOL_BUFFER (launch->inputs[KOL_STEP_STATES + i]) : KOL_NO_BUFFER);
  add_numbers (&arguments, node);
  return launch_groups (launch, kernel, options, chunks_from (parameters, from->tensor),
                        arguments.list, error);
}

/* The step for all parameters, then its statistics. */
static gboolean
launch_step (KolLaunch *launch, const KolNode *node, GError **error)
{
  Tensors parameters = parameters_of (node, launch->device);
  Place from = { 0 };

  while (from.tensor < parameters.n)
    {
      guint end = MIN (from.tensor + TENSORS, parameters.n);

      if (!launch_tensors (launch, &parameters, &from, error))
        return FALSE;
      from.chunk += chunks_from (&parameters, from.tensor);
      for (; from.tensor < end; from.tensor++)
        from.element += tensor_count (&parameters, from.tensor);
    }
  return launch_groups (launch, "optimizer_statistics", "", parameters.n,
                        KOL_ARGS (KOL_BUFFER (launch->scratch), KOL_INT (from.chunk),
                                  KOL_BUFFER (launch->inputs[KOL_STEP_WATCH]),
                                  KOL_BUFFER (launch->outputs[0]),
                                  KOL_BUFFER (launch->inputs[KOL_STEP_COUNT])),
                        error);
}

static gboolean
launch_gather_gradients (KolLaunch *launch, const KolNode *node, GError **error)
{
  Tensors sums = sums_of (node, launch->device);
  const guint *parts = node->attributes;

  for (guint from = 0; from < sums.n; from += TENSORS)
    {
      Arguments arguments = { .n = 0 };

      add_tensors (&arguments, launch, &sums, from, 1, TRUE);
      add_tensors (&arguments, launch, &sums, from, 0, FALSE);
      add (&arguments, KOL_INT (launch->example == 0));
      add (&arguments, KOL_FLOAT (*parts));
      if (!launch_groups (launch, "gather_gradients_forward", "", chunks_from (&sums, from),
                          arguments.list, error))
        return FALSE;
    }
  return TRUE;
}

/* Additions, multiplications, divisions and roots per element, as the formulas have them. */
static double
flops_gradient_norm (const KolNode *node)
{
  Tensors gradients = gradients_of (node, NULL);

  return 2.0 * (double) total_count (&gradients);
}

static double
flops_gather_gradients (const KolNode *node)
{
  Tensors sums = sums_of (node, NULL);

  return 2.0 * (double) total_count (&sums);
}

static double
flops_step (const KolNode *node)
{
  Tensors parameters = parameters_of (node, NULL);
  const KolStepNumbers *numbers = node->attributes;
  double each = node->op == &adam_op ? 17 : node->op == &sgd_op ? 8 : 15;

  each += numbers->clip_value != 0 || numbers->clip_norm != 0;
  each += 2 * (numbers->weight_decay != 0) + 3 * (numbers->average != 0);
  return each * (double) total_count (&parameters);
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

static double
rule_sgd (const KolStepNumbers *numbers, double rate, double t, double g, double *states)
{
  if (numbers->momentum == 0)
    return rate * g;
  states[0] = numbers->momentum * states[0] + g;
  return rate * (numbers->nesterov ? g + numbers->momentum * states[0] : states[0]);
}

static double
rule_adam (const KolStepNumbers *numbers, double rate, double t, double g, double *states)
{
  double correct1 = 1 - pow (numbers->beta1, t), correct2 = 1 - pow (numbers->beta2, t);

  states[0] = numbers->beta1 * states[0] + (1 - numbers->beta1) * g;
  states[1] = numbers->beta2 * states[1] + (1 - numbers->beta2) * g * g;
  return rate / correct1 * states[0] / (sqrt (states[1] / correct2) + numbers->epsilon);
}

static double
rule_rmsprop (const KolStepNumbers *numbers, double rate, double t, double g, double *states)
{
  double square, u;
  guint last = numbers->centered ? 2 : 1;

  square = states[0] = numbers->alpha * states[0] + (1 - numbers->alpha) * g * g;
  if (numbers->centered)
    {
      states[1] = numbers->alpha * states[1] + (1 - numbers->alpha) * g;
      square = MAX (square - states[1] * states[1], 0);
    }
  u = g / (sqrt (square) + numbers->epsilon);
  if (numbers->momentum != 0)
    u = states[last] = numbers->momentum * states[last] + u;
  return rate * u;
}

/* The gradient that a rule is given. */
static double
prepare_gradient (const KolNode *node, double norm, double p, double g)
{
  const KolStepNumbers *numbers = node->attributes;

  if (numbers->clip_value != 0)
    g = CLAMP (g, -numbers->clip_value, numbers->clip_value);
  if (numbers->clip_norm != 0)
    g *= MIN (1, numbers->clip_norm / (norm + 1e-6));
  return numbers->decoupled ? g : g + numbers->weight_decay * p;
}

static void
reference_step (const KolNode *node, const double *const *x, double *const *y)
{
  const KolStepNumbers *numbers = node->attributes;
  Rule rule = node->op == &adam_op ? rule_adam : node->op == &sgd_op ? rule_sgd : rule_rmsprop;
  Tensors tensors = parameters_of (node, NULL);
  double rate = x[KOL_STEP_RATE][0], norm = x[KOL_STEP_NORM][0], taken = x[KOL_STEP_COUNT][0];
  guint n_states = count_states (node);
  double *const *states = y + 2, *const *parameters = states + n_states;
  gint64 k = 0; /* position in the states */

  reference_nothing (node, x, y);
  if (x[KOL_STEP_WATCH][0] != 0)
    return;
  y[1][0] = taken + 1;
  for (guint t = 0; t < tensors.n; t++)
    for (gint64 i = 0; i < tensor_count (&tensors, t); i++, k++)
      {
        double own[KOL_STEP_MAX_STATES], p = parameters[t][i], update;
        double g = x[tensors.first + tensors.stride * t + 1][i];

        for (guint state = 0; state < n_states; state++)
          own[state] = states[state][k];
        update = rule (numbers, rate, taken + 1, prepare_gradient (node, norm, p, g), own);
        if (numbers->decoupled)
          update += rate * numbers->weight_decay * p;
        for (guint state = 0; state < n_states; state++)
          states[state][k] = own[state];
        y[0][2 * t] += update * update;
        y[0][2 * t + 1] += p * p;
        parameters[t][i] = p -= update;
        if (numbers->average != 0)
          {
            double *average = &parameters[tensors.n + t][i];

            *average = taken == 0 ? p : numbers->average * *average + (1 - numbers->average) * p;
          }
      }
}

/* With the first example of the cases, which is the batch's. */
static void
reference_gather_gradients (const KolNode *node, const double *const *x, double *const *y)
{
  Tensors sums = sums_of (node, NULL);
  const guint *parts = node->attributes;

  for (guint t = 0; t < sums.n; t++)
    for (gint64 i = 0; i < tensor_count (&sums, t); i++)
      y[t][i] = x[2 * t + 1][i] / *parts;
}

/* ── Cases ─────────────────────────────────────────────────────────────────────────────────────
 * Up to three parameters; tests/nn/test-optimizers.c has more than a launch takes.             */

#define S1(...) KOL_SHAPE (__VA_ARGS__)
#define S2(...) S1 (__VA_ARGS__), S1 (__VA_ARGS__)        /* a parameter and its gradient */
#define S3(...) S2 (__VA_ARGS__), KOL_SHAPE (__VA_ARGS__) /* and its average */
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

#define NORM                                                                                       \
  {                                                                                                \
    KOL_FILL_UNIFORM, 1, 3                                                                         \
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

static const KolCase gather_gradients_cases[] = {
  { .name = "1",
    .n_inputs = 2,
    .shapes = { S2 (1) },
    .attributes = &(guint){ 1 },
    .no_gradient = ~0u },
  { .name = "three-parts",
    .n_inputs = 4,
    .shapes = { S2 (7), S2 (3, 11) },
    .attributes = &(guint){ 3 },
    .no_gradient = ~0u },
  { .name = "old-nan",
    .n_inputs = 4,
    .shapes = { S2 (5), S2 (33) },
    .attributes = &(guint){ 2 },
    .fill = { NANS, { 0 }, NANS },
    .no_gradient = ~0u },
  { .name = "4096,16385,127",
    .n_inputs = 6,
    .shapes = { S2 (4096), S2 (16385), S2 (127) },
    .attributes = &(guint){ 2 },
    .no_gradient = ~0u },
  { .name = "1024x3136",
    .n_inputs = 2,
    .shapes = { S2 (1024, 3136) },
    .attributes = &(guint){ 2 },
    .no_gradient = ~0u,
    .only_tune = TRUE },
  { NULL },
};

/* Inputs: rate, watch, norm, count; then the states, then the parameters. */
#define SHAPES(...)                                                                                \
  {                                                                                                \
    KOL_SCALAR, KOL_SHAPE (2), KOL_SCALAR, KOL_SHAPE (1), __VA_ARGS__                              \
  }
#define SGD(watch, count)                                                                          \
  {                                                                                                \
    RATE, watch, NORM, count                                                                       \
  }
#define ANY                                                                                        \
  {                                                                                                \
    KOL_FILL_UNIFORM, 0, 0                                                                         \
  }
#define S40 KOL_SHAPE (40) /* a state of the parameters [7] and [3, 11] */
#define LONG 4096 + 16385 + 127
#define CASE(NAME, N, NUMBERS, SHAPES_, ...)                                                       \
  {                                                                                                \
    .name = NAME, .n_inputs = N, .attributes = NUMBERS, .shapes = SHAPES_, .fill = __VA_ARGS__,    \
    .no_gradient = ~0u                                                                             \
  }

static const KolStepNumbers usual_adam = { .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8 };
static const KolStepNumbers other_adam = { .beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-3 };
static const KolStepNumbers no_moments = { .epsilon = 1e-2 };
static const KolStepNumbers decayed_adam
    = { .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8, .weight_decay = 0.1, .clip_value = 0.25 };
static const KolStepNumbers adamw = { .beta1 = 0.9,
                                      .beta2 = 0.99,
                                      .epsilon = 1e-8,
                                      .weight_decay = 0.1,
                                      .decoupled = TRUE,
                                      .clip_norm = 0.5,
                                      .average = 0.9 };

#define ADAM(watch, count)                                                                         \
  {                                                                                                \
    RATE, watch, NORM, count, ANY, SQUARES                                                         \
  }

static const KolCase adam_cases[] = {
  CASE ("1", 8, &usual_adam, SHAPES (S2 (1), S2 (1)), ADAM (ZEROS, ZEROS)),
  CASE ("first-step", 10, &usual_adam, SHAPES (S40, S40, S2 (7), S2 (3, 11)), ADAM (ZEROS, ZEROS)),
  CASE ("other-constants", 10, &other_adam, SHAPES (S40, S40, S2 (3, 11), S2 (7)),
        ADAM (ZEROS, STEPS)),
  CASE ("no-moments", 8, &no_moments, SHAPES (S2 (33), S2 (33)), ADAM (ZEROS, STEPS)),
  CASE ("decay,value", 10, &decayed_adam, SHAPES (S40, S40, S2 (7), S2 (3, 11)),
        ADAM (ZEROS, STEPS)),
  CASE ("decoupled,norm,average", 12, &adamw, SHAPES (S40, S40, S3 (7), S3 (3, 11)),
        ADAM (ZEROS, STEPS)),
  CASE ("first-average", 12, &adamw, SHAPES (S40, S40, S3 (7), S3 (3, 11)), ADAM (ZEROS, ZEROS)),
  CASE ("raised", 12, &adamw, SHAPES (S40, S40, S3 (7), S3 (3, 11)), ADAM (RAISED, STEPS)),
  CASE ("4096,16385,127", 12, &usual_adam, SHAPES (S2 (LONG), S2 (4096), S2 (16385), S2 (127)),
        ADAM (ZEROS, STEPS)),
  { .name = "1024x3136",
    .n_inputs = 8,
    .shapes = SHAPES (S2 (1024 * 3136), S2 (1024, 3136)),
    .attributes = &usual_adam,
    .fill = ADAM (ZEROS, STEPS),
    .no_gradient = ~0u,
    .only_tune = TRUE },
  { NULL },
};

static const KolStepNumbers plain_sgd = { 0 };
static const KolStepNumbers momentum_sgd = { .momentum = 0.9 };
static const KolStepNumbers nesterov_sgd
    = { .momentum = 0.9, .nesterov = TRUE, .weight_decay = 0.1, .clip_norm = 0.5 };
static const KolStepNumbers averaged_sgd
    = { .weight_decay = 0.1, .clip_value = 0.25, .average = 0.9 };

static const KolCase sgd_cases[] = {
  CASE ("1", 6, &plain_sgd, SHAPES (S2 (1)), SGD (ZEROS, ZEROS)),
  CASE ("no-momentum", 8, &plain_sgd, SHAPES (S2 (7), S2 (3, 11)), SGD (ZEROS, STEPS)),
  CASE ("momentum", 9, &momentum_sgd, SHAPES (S40, S2 (7), S2 (3, 11)), SGD (ZEROS, STEPS)),
  CASE ("nesterov,decay,norm", 9, &nesterov_sgd, SHAPES (S40, S2 (7), S2 (3, 11)),
        SGD (ZEROS, STEPS)),
  CASE ("decay,value,average", 10, &averaged_sgd, SHAPES (S3 (7), S3 (3, 11)), SGD (ZEROS, STEPS)),
  CASE ("raised", 9, &momentum_sgd, SHAPES (S40, S2 (7), S2 (3, 11)), SGD (RAISED, STEPS)),
  CASE ("4096,16385,127", 11, &momentum_sgd,
        SHAPES (KOL_SHAPE (LONG), S2 (4096), S2 (16385), S2 (127)), SGD (ZEROS, STEPS)),
  { .name = "1024x3136",
    .n_inputs = 7,
    .shapes = SHAPES (KOL_SHAPE (1024 * 3136), S2 (1024, 3136)),
    .attributes = &momentum_sgd,
    .fill = SGD (ZEROS, STEPS),
    .no_gradient = ~0u,
    .only_tune = TRUE },
  { NULL },
};

/* The mean of the squares is above the mean's square, as it is after any step. */
#define SQUARE                                                                                     \
  {                                                                                                \
    KOL_FILL_UNIFORM, 0.5, 1                                                                       \
  }
#define MEAN                                                                                       \
  {                                                                                                \
    KOL_FILL_UNIFORM, -0.5, 0.5                                                                    \
  }
#define RMSPROP(watch)                                                                             \
  {                                                                                                \
    RATE, watch, NORM, STEPS, SQUARE, MEAN                                                         \
  }

static const KolStepNumbers plain_rmsprop = { .alpha = 0.99, .epsilon = 1e-8 };
static const KolStepNumbers momentum_rmsprop
    = { .alpha = 0.9, .epsilon = 1e-3, .momentum = 0.9, .weight_decay = 0.1 };
static const KolStepNumbers centered_rmsprop
    = { .alpha = 0.9, .epsilon = 1e-3, .centered = TRUE, .clip_value = 0.5 };
static const KolStepNumbers full_rmsprop = { .alpha = 0.9,
                                             .epsilon = 1e-3,
                                             .momentum = 0.5,
                                             .centered = TRUE,
                                             .weight_decay = 0.1,
                                             .clip_norm = 0.5,
                                             .average = 0.9 };

static const KolCase rmsprop_cases[] = {
  CASE ("1", 7, &plain_rmsprop, SHAPES (KOL_SHAPE (1), S2 (1)), RMSPROP (ZEROS)),
  CASE ("momentum,decay", 10, &momentum_rmsprop, SHAPES (S40, S40, S2 (7), S2 (3, 11)),
        RMSPROP (ZEROS)),
  CASE ("centered,value", 10, &centered_rmsprop, SHAPES (S40, S40, S2 (7), S2 (3, 11)),
        RMSPROP (ZEROS)),
  CASE ("everything", 10, &full_rmsprop, SHAPES (S2 (33), KOL_SHAPE (33), S3 (33)),
        RMSPROP (ZEROS)),
  CASE ("raised", 10, &full_rmsprop, SHAPES (S2 (33), KOL_SHAPE (33), S3 (33)), RMSPROP (RAISED)),
  CASE ("4096,16385,127", 11, &plain_rmsprop,
        SHAPES (KOL_SHAPE (LONG), S2 (4096), S2 (16385), S2 (127)), RMSPROP (ZEROS)),
  { .name = "1024x3136",
    .n_inputs = 7,
    .shapes = SHAPES (KOL_SHAPE (1024 * 3136), S2 (1024, 3136)),
    .attributes = &plain_rmsprop,
    .fill = RMSPROP (ZEROS),
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

static const KolVariant gather_gradients_variants[] = {
  { .name = "plain", .launch = launch_gather_gradients },
  { NULL },
};

static const KolOp gather_gradients_op = {
  .name = "gather_gradients",
  .attributes = sizeof (guint), /* parts */
  .infer = infer_gather_gradients,
  .overwrites = overwrites_gather_gradients,
  .reference = reference_gather_gradients,
  .cases = gather_gradients_cases,
  .variants = gather_gradients_variants,
  .gathers = TRUE,
  .flops = flops_gather_gradients,
};

static const KolVariant step_variants[] = {
  { .name = "plain", .scratch = scratch_step, .launch = launch_step },
  { NULL },
};

#define STEP_OP(NAME)                                                                              \
  {                                                                                                \
    .name = #NAME, .attributes = sizeof (KolStepNumbers), .infer = infer_step,                     \
    .overwrites = overwrites_step, .reference = reference_step, .cases = NAME##_cases,             \
    .variants = step_variants, .flops = flops_step,                                                \
  }

static const KolOp adam_op = STEP_OP (adam);
static const KolOp sgd_op = STEP_OP (sgd);
static const KolOp rmsprop_op = STEP_OP (rmsprop);

extern const KolOp *const kol_optimizer_ops[];
const KolOp *const kol_optimizer_ops[]
    = { &gradient_norm_op, &gather_gradients_op, &adam_op, &sgd_op, &rmsprop_op, NULL };

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

KolValue *
kol_gather_gradients (KolValue *const *sums, KolValue *const *gradients, guint n, guint parts)
{
  g_autofree KolValue **inputs = g_new (KolValue *, 2 * n);

  for (guint i = 0; i < n; i++)
    {
      inputs[2 * i] = sums[i];
      inputs[2 * i + 1] = gradients[i];
    }
  return kol_node_new (&gather_gradients_op, inputs, 2 * n, &parts);
}

KolValue *
kol_optimizer_step (const char *rule, const KolStepInputs *in, const KolStepNumbers *numbers)
{
  const char *names[KOL_STEP_MAX_STATES];
  guint n_states = kol_step_list_states (rule, numbers, names);
  g_autoptr (GPtrArray) inputs = g_ptr_array_new ();

  g_ptr_array_add (inputs, in->rate);
  g_ptr_array_add (inputs, in->watch);
  g_ptr_array_add (inputs, in->norm);
  g_ptr_array_add (inputs, in->count);
  for (guint i = 0; i < n_states; i++)
    g_ptr_array_add (inputs, in->states[i]);
  for (guint i = 0; i < in->n; i++)
    {
      g_ptr_array_add (inputs, in->parameters[i]);
      g_ptr_array_add (inputs, in->gradients[i]);
      if (in->averages)
        g_ptr_array_add (inputs, in->averages[i]);
    }
  return kol_node_new (kol_op_find (rule), (KolValue **) inputs->pdata, inputs->len, numbers);
}
