/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * When steps run. The order in which nodes were made computes some tensors long
 * before anything reads them: the gradient of a loss that looks at an early layer,
 * say, which waits until the gradients of all later layers are there. A step is
 * moved to just before its first reader where that frees more memory than it
 * holds: its outputs come to be later, but inputs that it is the last to read are
 * kept for it.
 */

#include "graph-private.h"

#define CHAIN 8 /* steps, one behind another, that are looked at together */

/* Who makes a tensor that lives in shared memory, and who reads it. */
typedef struct {
  gsize bytes;
  guint maker;     /* step */
  gboolean fixed;  /* it has memory anyway: a target, or what is computed once */
  GArray *readers; /* guint: steps, as they were numbered before any was moved */
} Tensor;

typedef struct {
  KolPlan *plan;
  GHashTable *tensors; /* root value -> Tensor; parameters and placeholders are none */
  guint *order;        /* steps, in the order in which they run */
  guint *place;        /* of each step in it */
} Sinking;

static void
tensor_free (gpointer data)
{
  Tensor *tensor = data;

  g_array_unref (tensor->readers);
  g_free (tensor);
}

static KolStep *
step_at (const Sinking *sinking, guint step)
{
  return &g_array_index (sinking->plan->steps, KolStep, step);
}

/* Output @i of a step, or NULL where it is not wanted. */
static KolValue *
output_of (const KolStep *step, guint i)
{
  if (i == 0)
    return kol_value_root (&step->last->outputs[0]);
  return step->wanted[i] ? kol_value_root (&step->node->outputs[i]) : NULL;
}

/* Input @i of a step, its bias and residual included; NULL past the last one, or for none. */
static KolValue *
input_of (const KolStep *step, guint i)
{
  KolValue *value = i < step->node->n_inputs    ? step->node->inputs[i]
                    : i == step->node->n_inputs ? step->bias
                                                : step->residual;

  return value ? kol_value_root (value) : NULL;
}

static guint
input_count (const KolStep *step)
{
  return step->node->n_inputs + 2;
}

static void
note_outputs (Sinking *sinking, guint number)
{
  const KolStep *step = step_at (sinking, number);

  for (guint i = 0; i < step->node->n_outputs; i++)
    {
      KolValue *value = output_of (step, i);
      Tensor *tensor;

      if (!value || value->node->parameter || g_hash_table_contains (sinking->tensors, value))
        continue;
      tensor = g_new0 (Tensor, 1);
      tensor->bytes = (gsize) kol_count (value) * sizeof (float);
      tensor->maker = number;
      tensor->fixed = number < sinking->plan->n_once || kol_plan_is_target (sinking->plan, value);
      tensor->readers = g_array_new (FALSE, FALSE, sizeof (guint));
      g_hash_table_insert (sinking->tensors, value, tensor);
    }
}

static void
note_inputs (Sinking *sinking, guint number)
{
  const KolStep *step = step_at (sinking, number);

  for (guint i = 0; i < input_count (step); i++)
    {
      KolValue *value = input_of (step, i);
      Tensor *tensor = value ? g_hash_table_lookup (sinking->tensors, value) : NULL;

      if (tensor)
        g_array_append_val (tensor->readers, number);
    }
}

/* The place of the first reader of what a step makes; its own if it has none, or cannot wait. */
static guint
first_reader (const Sinking *sinking, guint number, gsize *made)
{
  const KolStep *step = step_at (sinking, number);
  guint first = sinking->plan->first_late_step;

  *made = 0;
  for (guint i = 0; i < step->node->n_outputs; i++)
    {
      KolValue *value = output_of (step, i);
      const Tensor *tensor = value ? g_hash_table_lookup (sinking->tensors, value) : NULL;

      if (!value)
        continue;
      if (!tensor || tensor->fixed || tensor->readers->len == 0)
        return sinking->place[number];
      *made += tensor->bytes;
      for (guint k = 0; k < tensor->readers->len; k++)
        first = MIN (first, sinking->place[g_array_index (tensor->readers, guint, k)]);
    }
  return first;
}

/* Whether step @number is the only one that reads @tensor at place @until or later. */
static gboolean
is_kept_for (const Sinking *sinking, const Tensor *tensor, guint number, guint until)
{
  for (guint k = 0; k < tensor->readers->len; k++)
    {
      guint reader = g_array_index (tensor->readers, guint, k);

      if (reader != number && sinking->place[reader] >= until)
        return FALSE;
    }
  return TRUE;
}

/*
 * The bytes that would be kept for a step alone if it ran just before place @until.
 * What it alone reads can be made as late, if that keeps less.
 */
static gsize
kept_for (const Sinking *sinking, guint number, guint until, guint depth)
{
  const KolStep *step = step_at (sinking, number);
  gsize bytes = 0;

  for (guint i = 0; i < input_count (step); i++)
    {
      KolValue *value = input_of (step, i);
      const Tensor *tensor = value ? g_hash_table_lookup (sinking->tensors, value) : NULL;
      gsize kept;

      if (!tensor || tensor->fixed || !is_kept_for (sinking, tensor, number, until))
        continue;
      kept = tensor->bytes;
      if (depth > 0 && tensor->readers->len == 1
          && step_at (sinking, tensor->maker)->node->n_outputs == 1)
        kept = MIN (kept, kept_for (sinking, tensor->maker, until, depth - 1));
      bytes += kept;
    }
  return bytes;
}

/* Moves the step at place @from to just before what is at @until. */
static void
move (Sinking *sinking, guint from, guint until)
{
  guint number = sinking->order[from];

  for (guint i = from; i + 1 < until; i++)
    {
      sinking->order[i] = sinking->order[i + 1];
      sinking->place[sinking->order[i]] = i;
    }
  sinking->order[until - 1] = number;
  sinking->place[number] = until - 1;
}

/* To compute it again later, what comes before gradients has to stay in one piece. */
static gboolean
may_move (const KolPlan *plan, const KolStep *step)
{
  return plan->memory != KOL_MEMORY_LOW || step->last->id >= plan->graph->first_gradient;
}

/*
 * Moves steps of a plan, whose memory is not laid out yet, towards their readers.
 * What runs once stays before all else, what writes parameters behind it.
 */
void
kol_plan_sink (KolPlan *plan)
{
  guint n = plan->steps->len;
  g_autoptr (GHashTable) tensors = g_hash_table_new_full (NULL, NULL, NULL, tensor_free);
  g_autofree guint *order = g_new (guint, n + 1), *place = g_new (guint, n + 1);
  Sinking sinking = { .plan = plan, .tensors = tensors, .order = order, .place = place };
  GArray *steps;

  for (guint i = 0; i < n; i++)
    {
      order[i] = place[i] = i;
      note_outputs (&sinking, i);
    }
  for (guint i = 0; i < n; i++)
    note_inputs (&sinking, i);
  for (guint at = plan->first_late_step; at-- > plan->n_once;)
    {
      gsize made;
      guint until = first_reader (&sinking, order[at], &made);

      if (may_move (plan, step_at (&sinking, order[at])) && until > at + 1
          && made > kept_for (&sinking, order[at], until, CHAIN))
        move (&sinking, at, until);
    }

  steps = kol_plan_steps_new ();
  for (guint i = 0; i < n; i++)
    {
      KolStep *step = step_at (&sinking, order[i]);

      g_array_append_val (steps, *step);
      *step = (KolStep){ 0 }; /* moved */
    }
  g_array_unref (plan->steps);
  plan->steps = steps;
}
