/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Less memory for training: the forward steps are cut into segments, and of all
 * but the last only what later segments read is kept. What the gradients need of
 * a segment besides is computed again, by the same steps with the same inputs, just
 * before its first reader. Chen et al., "Training deep nets with sublinear memory
 * cost", 2016.
 *
 * A step that is repeated is the very same launch, so its results are the same to
 * the bit; random numbers are counted by step and place. What is written in place,
 * running statistics among it, comes late in a plan and is never repeated.
 *
 * How many segments are best depends on where a network has its large values: a
 * few numbers are tried, and the one with the lowest peak is taken.
 */

#include "graph-private.h"

#define MOST_SEGMENTS 24
#define SMALL_PART 64 /* a value this much smaller than the largest one is always kept */

/* What is known of the value that a step leaves. */
typedef struct {
  KolValue *root;
  guint step;         /* that makes it */
  guint last_segment; /* that reads it in the forward pass */
  guint backward;     /* the first step of the backward pass that reads it, or G_MAXUINT */
  gboolean dropped;   /* not kept for the backward pass, which needs it */
  gboolean inner;     /* not kept, as nothing outside its segment reads it */
} Value;

typedef struct {
  KolPlan *plan;
  GArray *plain;   /* KolStep: without repetition */
  guint n_forward; /* how many of these, at the front, are the forward pass */
  guint n_segments;
  guint *segment;     /* per forward step */
  GHashTable *values; /* root -> Value: what forward steps leave */
  gsize largest;      /* bytes of the largest of them */
} Cutter;

static KolStep *
plain_at (const Cutter *cutter, guint i)
{
  return &g_array_index (cutter->plain, KolStep, i);
}

static gsize
bytes_of (const KolValue *value)
{
  return (gsize) kol_count (value) * sizeof (float);
}

static KolValue *
output_of (const KolStep *step, guint k)
{
  return k ? &step->node->outputs[k] : &step->last->outputs[0];
}

/* The memory that a step reads: its inputs, then bias and residual; NULL past the end. */
static KolValue *
read_by (const KolStep *step, guint k)
{
  KolValue *more[]
      = { step->bias ? step->bias : step->residual, step->bias ? step->residual : NULL };

  if (k < step->node->n_inputs)
    return kol_value_root (step->node->inputs[k]);
  k -= step->node->n_inputs;
  return k < 2 && more[k] ? kol_value_root (more[k]) : NULL;
}

/* ── What there is ──────────────────────────────────────────────────────────────────────────── */

static guint
count_forward (const KolPlan *plan)
{
  guint n = 0, gradients = plan->graph->first_gradient;

  while (n < plan->first_late_step && g_array_index (plan->steps, KolStep, n).last->id < gradients)
    n++;
  return n;
}

static void
list_values (Cutter *cutter)
{
  for (guint i = 0; i < cutter->n_forward; i++)
    for (guint k = 0; k < plain_at (cutter, i)->node->n_outputs; k++)
      {
        const KolStep *step = plain_at (cutter, i);
        Value *value;

        if (!step->wanted[k])
          continue;
        value = g_new0 (Value, 1);
        value->root = kol_value_root (output_of (step, k));
        value->step = i;
        cutter->largest = MAX (cutter->largest, bytes_of (value->root));
        g_hash_table_insert (cutter->values, value->root, value);
      }
}

/* Cuts the forward pass where its values are about equal parts of all their bytes. */
static void
cut (Cutter *cutter)
{
  gsize total = 1, before = 0;
  GHashTableIter iter;
  gpointer each;

  g_hash_table_iter_init (&iter, cutter->values);
  while (g_hash_table_iter_next (&iter, NULL, &each))
    total += bytes_of (((Value *) each)->root);
  for (guint i = 0; i < cutter->n_forward; i++)
    {
      cutter->segment[i] = (guint) ((double) before / (double) total * cutter->n_segments);
      for (guint k = 0; k < plain_at (cutter, i)->node->n_outputs; k++)
        if (plain_at (cutter, i)->wanted[k])
          before += bytes_of (output_of (plain_at (cutter, i), k));
    }
}

/* Finds out who reads each value. */
static void
find_readers (Cutter *cutter)
{
  GHashTableIter iter;
  gpointer each;

  g_hash_table_iter_init (&iter, cutter->values);
  while (g_hash_table_iter_next (&iter, NULL, &each))
    {
      Value *value = each;

      value->last_segment = cutter->segment[value->step];
      value->backward = G_MAXUINT;
    }
  for (guint i = cutter->plan->first_late_step; i-- > 0;)
    for (guint k = 0;; k++)
      {
        KolValue *root = read_by (plain_at (cutter, i), k);
        Value *value = root ? g_hash_table_lookup (cutter->values, root) : NULL;

        if (!root)
          break;
        if (value && i < cutter->n_forward)
          value->last_segment = MAX (value->last_segment, cutter->segment[i]);
        else if (value)
          value->backward = i;
      }
}

/* Decides which values are not kept. What the last segment leaves is needed at once. */
static void
choose_dropped (Cutter *cutter)
{
  GHashTableIter iter;
  gpointer each;

  g_hash_table_iter_init (&iter, cutter->values);
  while (g_hash_table_iter_next (&iter, NULL, &each))
    {
      Value *value = each;

      value->inner = cutter->segment[value->step] + 1 < cutter->n_segments
                     && value->last_segment == cutter->segment[value->step]
                     && !kol_plan_is_target (cutter->plan, value->root)
                     && bytes_of (value->root) * SMALL_PART >= cutter->largest;
      value->dropped = value->inner && value->backward != G_MAXUINT;
    }
}

/* ── What is repeated ───────────────────────────────────────────────────────────────────────── */

/*
 * Marks in @again the steps of @segment that are repeated: those that leave what is
 * dropped, and those that leave what these read and nobody has kept. Gives the first
 * step that needs any of it, or G_MAXUINT.
 */
static guint
mark_segment (const Cutter *cutter, guint segment, guint8 *again)
{
  guint first = G_MAXUINT;

  for (guint i = cutter->n_forward; i-- > 0;)
    {
      const KolStep *step = plain_at (cutter, i);

      if (cutter->segment[i] != segment)
        continue;
      for (guint k = 0; k < step->node->n_outputs; k++)
        {
          Value *value
              = step->wanted[k]
                    ? g_hash_table_lookup (cutter->values, kol_value_root (output_of (step, k)))
                    : NULL;

          if (!value || !value->dropped)
            continue;
          again[i] = TRUE;
          first = MIN (first, value->backward);
        }
      for (guint k = 0; again[i] && read_by (step, k); k++)
        {
          Value *value = g_hash_table_lookup (cutter->values, read_by (step, k));

          if (value && value->inner && cutter->segment[value->step] == segment)
            again[value->step] = TRUE;
        }
    }
  return first;
}

static void
append_step (GArray *steps, const KolStep *step, gboolean repeated)
{
  KolStep copy = *step;

  copy.repeated = repeated;
  copy.inputs = g_new0 (int, step->node->n_inputs + 1);
  copy.outputs = g_new0 (int, step->node->n_outputs);
  copy.wanted = g_memdup2 (step->wanted, step->node->n_outputs);
  g_array_append_val (steps, copy);
}

/* Puts the steps into the plan, with repetitions where the segments ask for them. */
static void
write_steps (const Cutter *cutter)
{
  g_autofree guint8 *again = g_new0 (guint8, cutter->n_forward + 1);
  g_autofree guint *first = g_new (guint, cutter->n_segments);
  KolPlan *plan = cutter->plan;
  guint late = plan->first_late_step;

  for (guint s = 0; s < cutter->n_segments; s++)
    first[s] = mark_segment (cutter, s, again);
  g_array_set_size (plan->steps, 0);
  for (guint i = 0; i < cutter->plain->len; i++)
    {
      for (guint s = 0; s < cutter->n_segments && i < late; s++)
        for (guint k = 0; first[s] == i && k < cutter->n_forward; k++)
          if (again[k] && cutter->segment[k] == s)
            append_step (plan->steps, plain_at (cutter, k), TRUE);
      append_step (plan->steps, plain_at (cutter, i), FALSE);
    }
}

/* Has the plan repeat what @n_segments segments ask for, and lays out its memory. */
static void
try_segments (Cutter *cutter, guint n_segments)
{
  cutter->n_segments = n_segments;
  cut (cutter);
  find_readers (cutter);
  choose_dropped (cutter);
  write_steps (cutter);
  kol_plan_lay_out_memory (cutter->plan);
}

/* ── Plans ──────────────────────────────────────────────────────────────────────────────────── */

static double
operations_of (const KolStep *step)
{
  double elements = 0;

  if (step->node->op->flops)
    return step->node->op->flops (step->node);
  for (guint k = 0; k < step->node->n_outputs; k++)
    elements += step->wanted[k] ? (double) kol_count (output_of (step, k)) : 0;
  return elements;
}

/* The operations of the plan's repeated steps, relative to those of all others. */
double
kol_plan_repeated_share (const KolPlan *plan)
{
  double all = 0, repeated = 0;

  for (guint i = 0; i < plan->steps->len; i++)
    {
      const KolStep *step = &g_array_index (plan->steps, KolStep, i);

      *(step->repeated ? &repeated : &all) += operations_of (step);
    }
  return all > 0 ? repeated / all : 0;
}

/* Repeats steps of a plan whose memory has been laid out, if that lowers its peak. */
void
kol_plan_recompute (KolPlan *plan)
{
  Cutter cutter = { .plan = plan, .n_forward = count_forward (plan), .plain = plan->steps };
  guint best = 1, most = MIN (MOST_SEGMENTS, cutter.n_forward), late = plan->first_late_step;
  guint64 lowest = plan->own_bytes;

  if (plan->n_once || most < 2)
    return;
  plan->steps = kol_plan_steps_new ();
  cutter.segment = g_new0 (guint, cutter.n_forward);
  cutter.values = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  list_values (&cutter);
  for (guint n = 2; n <= most; n++)
    {
      try_segments (&cutter, n);
      if (plan->own_bytes < lowest)
        {
          lowest = plan->own_bytes;
          best = n;
        }
    }
  try_segments (&cutter, best); /* one segment repeats nothing */
  plan->first_late_step = late + plan->steps->len - cutter.plain->len;
  g_array_unref (cutter.plain);
  g_hash_table_unref (cutter.values);
  g_free (cutter.segment);
}
