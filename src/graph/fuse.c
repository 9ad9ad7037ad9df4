/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Functions of single elements, one behind another, become one launch: what is
 * between them is never written to memory. A chain is a step of such a node with
 * those that only it reads, and those that only these read, all of one shape; its
 * inputs may be stretched. The program has the formulas in order, each in a variable
 * of its own:
 *
 *     (t0=x0+x1, t1=t0<(T)0?(T)0:t0, t1*x2)
 *
 * A chain stands where its last node stood. An input that would have to be kept
 * until then takes the place of the value that is no longer kept: with no more than
 * one of these per node, unless nothing else runs in between, the peak of memory does
 * not rise.
 */

#include "graph-private.h"

/* ── Formulas ───────────────────────────────────────────────────────────────────────────────── */

/* A number as OpenCL C that reads back as the very same float. */
static void
append_number (GString *text, float number)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  if (number != number)
    g_string_append (text, "NAN");
  else if (number - number != 0)
    g_string_append (text, number < 0 ? "(-INFINITY)" : "INFINITY");
  else
    g_string_append_printf (text, "(%sf)", g_ascii_formatd (digits, sizeof digits, "%.9e", number));
}

/* Appends the identifier at @from, of @length, or what stands for it. */
static void
append_identifier (GString *text, const char *from, gsize length, const char *const *names,
                   const float *numbers)
{
  if (length == 1 && *from >= 'a' && *from <= 'c')
    g_string_append (text, names[*from - 'a']);
  else if (length == 1 && numbers && (*from == 'p' || *from == 'q'))
    append_number (text, numbers[*from - 'p']);
  else
    g_string_append_len (text, from, (gssize) length);
}

char *
kol_formula (const char *formula, const char *const *names, const float *numbers)
{
  GString *text = g_string_new (NULL);

  while (*formula)
    {
      const char *from = formula;

      while (g_ascii_isalnum (*formula) || *formula == '_' || *formula == '.')
        formula++;
      if (formula > from && (g_ascii_isalpha (*from) || *from == '_'))
        append_identifier (text, from, (gsize) (formula - from), names, numbers);
      else if (formula > from)
        g_string_append_len (text, from, formula - from); /* a number, its letters with it */
      else if (*formula++ != ' ')
        g_string_append_c (text, *from);
    }
  return g_string_free (text, FALSE);
}

/* ── Chains ─────────────────────────────────────────────────────────────────────────────────── */

/* What is known of a plan's steps while chains are looked for. */
typedef struct {
  KolPlan *plan;
  GHashTable *uses;      /* how often a value is read; see plan.c */
  GHashTable *maker;     /* value -> number + 1 of the step of a function that makes it */
  GHashTable *last_read; /* root value -> number of the last step that reads it */
  guint8 *gone;          /* per step: it has become part of a chain further on */
} Fuser;

typedef struct {
  guint n_steps, n_inputs;
  guint steps[KOL_CHAIN_NODES]; /* the last one first */
  KolValue *inputs[KOL_CHAIN_INPUTS];
} Chain;

static KolStep *
step_at (const Fuser *fuser, guint i)
{
  return &g_array_index (fuser->plan->steps, KolStep, i);
}

/* Whether step @i is nothing but a function, where no parameter has been written before it. */
static gboolean
is_function (const Fuser *fuser, guint i)
{
  const KolStep *step = step_at (fuser, i);

  return step->node->op->formula && step->last == step->node && i < fuser->plan->first_late_step;
}

static gboolean
chain_has_step (const Chain *chain, guint step)
{
  for (guint i = 0; i < chain->n_steps; i++)
    if (chain->steps[i] == step)
      return TRUE;
  return FALSE;
}

/* Finds the step of a function that makes @value. */
static gboolean
find_maker (const Fuser *fuser, const KolValue *value, guint *step)
{
  guint found = GPOINTER_TO_UINT (g_hash_table_lookup (fuser->maker, value));

  *step = found - 1;
  return found > 0;
}

static gboolean
is_made_inside (const Fuser *fuser, const Chain *chain, const KolValue *value)
{
  guint maker;

  return find_maker (fuser, value, &maker) && chain_has_step (chain, maker);
}

/* Which input of the chain @value is, or n_inputs. */
static guint
find_input (const Chain *chain, const KolValue *value)
{
  guint i = 0;

  while (i < chain->n_inputs && chain->inputs[i] != value)
    i++;
  return i;
}

/* Lists what the chain's steps read that is made outside; FALSE: it is too much. */
static gboolean
list_inputs (const Fuser *fuser, Chain *chain)
{
  chain->n_inputs = 0;
  for (guint i = 0; i < chain->n_steps; i++)
    {
      const KolNode *node = step_at (fuser, chain->steps[i])->node;

      for (guint k = 0; k < node->n_inputs; k++)
        {
          if (is_made_inside (fuser, chain, node->inputs[k])
              || find_input (chain, node->inputs[k]) < chain->n_inputs)
            continue;
          if (chain->n_inputs == KOL_CHAIN_INPUTS)
            return FALSE;
          chain->inputs[chain->n_inputs++] = node->inputs[k];
        }
    }
  return TRUE;
}

/* How often the chain reads @value. */
static guint
count_reads (const Fuser *fuser, const Chain *chain, const KolValue *value)
{
  guint n = 0;

  for (guint i = 0; i < chain->n_steps; i++)
    {
      const KolNode *node = step_at (fuser, chain->steps[i])->node;

      for (guint k = 0; k < node->n_inputs; k++)
        n += node->inputs[k] == value;
    }
  return n;
}

/* Whether memory for @value is needed until the chain's end only for the sake of the chain. */
static gboolean
would_be_kept (const Fuser *fuser, const Chain *chain, KolValue *value)
{
  KolValue *root = kol_value_root (value);
  const KolValue *output = &step_at (fuser, chain->steps[0])->last->outputs[0];

  return root->node->op->variants /* no placeholder, parameter or constant */
         && GPOINTER_TO_UINT (g_hash_table_lookup (fuser->last_read, root)) < chain->steps[0]
         && find_input (chain, value) == chain->n_inputs && !is_made_inside (fuser, chain, value)
         && 2 * kol_count (value) > kol_count (output);
}

/* How many values more would have to be kept until the chain's end if @step were part of it. */
static guint
count_kept (const Fuser *fuser, const Chain *chain, guint step)
{
  const KolNode *node = step_at (fuser, step)->node;
  guint n = 0;

  for (guint k = 0; k < node->n_inputs; k++)
    n += would_be_kept (fuser, chain, node->inputs[k])
         && (k == 0 || node->inputs[k] != node->inputs[k - 1]);
  return n;
}

/* Whether nothing but parts of the chain runs between @step and the chain's end. */
static gboolean
is_next (const Fuser *fuser, const Chain *chain, guint step)
{
  for (guint i = step + 1; i < chain->steps[0]; i++)
    if (!fuser->gone[i] && !chain_has_step (chain, i))
      return FALSE;
  return TRUE;
}

/* Takes @step into the chain, if it can be and that costs no memory. */
static gboolean
chain_take (const Fuser *fuser, Chain *chain, guint step)
{
  const KolValue *value = &step_at (fuser, step)->last->outputs[0];
  const KolValue *output = &step_at (fuser, chain->steps[0])->last->outputs[0];
  guint uses = GPOINTER_TO_UINT (g_hash_table_lookup (fuser->uses, value));
  guint once = fuser->plan->n_once;
  Chain longer = *chain;

  if (chain->n_steps == KOL_CHAIN_NODES || fuser->gone[step] || chain_has_step (chain, step)
      || (step < once) != (chain->steps[0] < once)
      || !kol_shape_equal (&value->shape, &output->shape)
      || count_reads (fuser, chain, value) != uses
      || (!is_next (fuser, chain, step) && count_kept (fuser, chain, step) > 1))
    return FALSE;
  longer.steps[longer.n_steps++] = step;
  if (!list_inputs (fuser, &longer))
    return FALSE;
  *chain = longer;
  return TRUE;
}

/* The longest chain that ends with step @end. */
static Chain
chain_find (const Fuser *fuser, guint end)
{
  Chain chain = { .n_steps = 1, .steps = { end } };
  gboolean grown;

  list_inputs (fuser, &chain);
  do
    {
      grown = FALSE;
      for (guint i = 0; i < chain.n_steps && !grown; i++)
        {
          const KolNode *node = step_at (fuser, chain.steps[i])->node;
          guint maker;

          for (guint k = 0; k < node->n_inputs && !grown; k++)
            grown
                = find_maker (fuser, node->inputs[k], &maker) && chain_take (fuser, &chain, maker);
        }
    }
  while (grown);
  return chain;
}

/* ── The node that computes a chain ─────────────────────────────────────────────────────────── */

static int
compare_steps (gconstpointer a, gconstpointer b)
{
  guint one = *(const guint *) a, other = *(const guint *) b;

  return (one > other) - (one < other);
}

/* What an input of a step of the chain is called in its program. @steps: in order. */
static void
name_input (const Fuser *fuser, const Chain *chain, const KolValue *value, char name[8])
{
  guint maker, i = 0;

  if (!is_made_inside (fuser, chain, value))
    {
      g_snprintf (name, 8, "x%u", find_input (chain, value));
      return;
    }
  find_maker (fuser, value, &maker);
  while (chain->steps[i] != maker)
    i++;
  g_snprintf (name, 8, "t%u", i);
}

/* The chain's text; its steps are in order. */
static char *
write_text (const Fuser *fuser, const Chain *chain)
{
  GString *text = g_string_new ("(");

  for (guint i = 0; i < chain->n_steps; i++)
    {
      const KolNode *node = step_at (fuser, chain->steps[i])->node;
      char storage[3][8] = { 0 };
      const char *names[3] = { storage[0], storage[1], storage[2] };
      g_autofree char *formula = NULL;

      for (guint k = 0; k < node->n_inputs; k++)
        name_input (fuser, chain, node->inputs[k], storage[k]);
      formula = kol_formula (node->op->formula, names, node->attributes);
      if (i + 1 < chain->n_steps)
        g_string_append_printf (text, "t%u=%s,", i, formula);
      else
        g_string_append_printf (text, "%s)", formula);
    }
  return g_string_free (text, FALSE);
}

/* Has the chain's last step compute all of it. */
static void
chain_make (Fuser *fuser, Chain *chain)
{
  KolStep *end = step_at (fuser, chain->steps[0]);
  KolChain *attributes = g_new0 (KolChain, 1);
  KolNode *node = kol_plan_make_node (fuser->plan, end->node, chain->inputs, chain->n_inputs);

  for (guint i = 0; i < chain->n_inputs; i++)
    {
      KolValue *root = kol_value_root (chain->inputs[i]);
      guint last = GPOINTER_TO_UINT (g_hash_table_lookup (fuser->last_read, root));

      g_hash_table_insert (fuser->last_read, root, GUINT_TO_POINTER (MAX (last, chain->steps[0])));
    }
  for (guint i = 1; i < chain->n_steps; i++)
    fuser->gone[chain->steps[i]] = TRUE;
  qsort (chain->steps, chain->n_steps, sizeof *chain->steps, compare_steps);
  attributes->text = write_text (fuser, chain);
  attributes->temporaries = chain->n_steps - 1;
  node->op = kol_op_find (KOL_CHAIN_OP);
  node->attributes = attributes;
  g_ptr_array_add (fuser->plan->attributes, attributes->text);
  g_ptr_array_add (fuser->plan->attributes, attributes);
  end->node = node;
  end->variant = &node->op->variants[0];
}

/* ── Plans ──────────────────────────────────────────────────────────────────────────────────── */

static void
fuser_init (Fuser *fuser, KolPlan *plan, GHashTable *uses)
{
  *fuser = (Fuser){ .plan = plan,
                    .uses = uses,
                    .maker = g_hash_table_new (NULL, NULL),
                    .last_read = g_hash_table_new (NULL, NULL),
                    .gone = g_new0 (guint8, plan->steps->len + 1) };
  for (guint i = 0; i < plan->steps->len; i++)
    {
      const KolStep *step = step_at (fuser, i);

      if (is_function (fuser, i))
        g_hash_table_insert (fuser->maker, &step->last->outputs[0], GUINT_TO_POINTER (i + 1));
      for (guint k = 0; k < step->node->n_inputs; k++)
        g_hash_table_insert (fuser->last_read, kol_value_root (step->node->inputs[k]),
                             GUINT_TO_POINTER (i));
      if (step->bias)
        g_hash_table_insert (fuser->last_read, kol_value_root (step->bias), GUINT_TO_POINTER (i));
      if (step->residual)
        g_hash_table_insert (fuser->last_read, kol_value_root (step->residual),
                             GUINT_TO_POINTER (i));
    }
  for (guint i = 0; i < plan->targets->len; i++) /* kept to the end anyway */
    g_hash_table_insert (fuser->last_read, kol_value_root (g_ptr_array_index (plan->targets, i)),
                         GUINT_TO_POINTER (G_MAXUINT));
}

static void
fuser_clear (Fuser *fuser)
{
  g_hash_table_unref (fuser->maker);
  g_hash_table_unref (fuser->last_read);
  g_free (fuser->gone);
}

/* Makes chains of the plan's steps, from the last one on. */
void
kol_plan_fuse (KolPlan *plan, GHashTable *uses)
{
  Fuser fuser;

  fuser_init (&fuser, plan, uses);
  for (guint i = plan->steps->len; i-- > 0;)
    {
      Chain chain;

      if (!is_function (&fuser, i) || fuser.gone[i])
        continue;
      chain = chain_find (&fuser, i);
      if (chain.n_steps > 1)
        chain_make (&fuser, &chain);
    }
  for (guint i = plan->steps->len; i-- > 0;)
    if (fuser.gone[i])
      {
        g_array_remove_index (plan->steps, i);
        plan->n_once -= i < plan->n_once;
        plan->first_late_step -= i < plan->first_late_step;
      }
  fuser_clear (&fuser);
}
