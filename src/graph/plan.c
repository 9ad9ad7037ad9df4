/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * From targets to launches. A plan lists the steps that compute its targets, in
 * an order in which parameters are written after all else has read them; lets a
 * convolution or product take the bias, residual and activation behind it into
 * its own launch; and gives every intermediate tensor a slot of memory that is
 * used again as soon as its last reader has run. All of this, peak bytes
 * included, is known before any memory is asked for.
 */

#include "graph-private.h"

static KolStorage *
storage_at (const KolPlan *plan, int storage)
{
  return &g_array_index (plan->storages, KolStorage, storage);
}

static KolStep *
step_at (const KolPlan *plan, guint i)
{
  return &g_array_index (plan->steps, KolStep, i);
}

/* Whether @root is the memory of a target. */
gboolean
kol_plan_is_target (const KolPlan *plan, KolValue *root)
{
  for (guint i = 0; i < plan->targets->len; i++)
    if (kol_value_root (g_ptr_array_index (plan->targets, i)) == root)
      return TRUE;
  return FALSE;
}

/* ── Which nodes, in which order ────────────────────────────────────────────────────────────── */

static gboolean
node_writes (const KolNode *node)
{
  if (node->op->overwrites)
    for (guint i = 0; i < node->n_outputs; i++)
      if (node->op->overwrites (node, i) >= 0)
        return TRUE;
  return FALSE;
}

/*
 * The nodes that the targets need. Those that write in place, and what depends
 * on them, come last, so that everything else has read the old values. Inputs
 * always come before their users: ids are a topological order.
 */
static GPtrArray *
order_nodes (KolPlan *plan)
{
  GPtrArray *all = plan->graph->nodes, *order = g_ptr_array_new ();
  g_autofree guint8 *needed = g_new0 (guint8, all->len);
  g_autofree guint8 *late = g_new0 (guint8, all->len);

  for (guint i = 0; i < plan->targets->len; i++)
    needed[((KolValue *) g_ptr_array_index (plan->targets, i))->node->id] = TRUE;
  for (guint id = all->len; id-- > 0;)
    {
      KolNode *node = g_ptr_array_index (all, id);

      for (guint i = 0; needed[id] && i < node->n_inputs; i++)
        needed[node->inputs[i]->node->id] = TRUE;
      for (guint i = 0; needed[id] && node->also && i < node->also->len; i++)
        needed[((KolValue *) g_ptr_array_index (node->also, i))->node->id] = TRUE;
    }
  for (guint id = 0; id < all->len; id++)
    {
      KolNode *node = g_ptr_array_index (all, id);

      late[id] = node_writes (node);
      for (guint i = 0; i < node->n_inputs && !late[id]; i++)
        late[id] = late[node->inputs[i]->node->id];
    }
  for (guint pass = 0; pass < 2; pass++)
    {
      if (pass == 1)
        plan->first_late = order->len;
      for (guint id = 0; id < all->len; id++)
        if (needed[id] && late[id] == pass)
          g_ptr_array_add (order, g_ptr_array_index (all, id));
    }
  return order;
}

/* How often each value is read, by nodes of the plan or as a target. */
static GHashTable *
count_uses (KolPlan *plan, GPtrArray *order)
{
  GHashTable *uses = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < order->len; i++)
    {
      KolNode *node = g_ptr_array_index (order, i);

      for (guint k = 0; k < node->n_inputs; k++)
        {
          guint n = GPOINTER_TO_UINT (g_hash_table_lookup (uses, node->inputs[k]));
          g_hash_table_insert (uses, node->inputs[k], GUINT_TO_POINTER (n + 1));
        }
    }
  for (guint i = 0; i < plan->targets->len; i++)
    g_hash_table_insert (uses, g_ptr_array_index (plan->targets, i), GUINT_TO_POINTER (1000));
  return uses;
}

/* ── Epilogues ──────────────────────────────────────────────────────────────────────────────── */

/* Whether @node runs among those that write, or after one of them. */
static gboolean
runs_late (const KolPlan *plan, GPtrArray *order, KolNode *node)
{
  guint at;

  return g_ptr_array_find (order, node, &at) && at >= plan->first_late;
}

/* The only reader of @value in the plan, or NULL. */
static KolNode *
only_reader (GPtrArray *order, GHashTable *uses, KolValue *value)
{
  if (GPOINTER_TO_UINT (g_hash_table_lookup (uses, value)) != 1)
    return NULL;
  for (guint i = 0; i < order->len; i++)
    {
      KolNode *node = g_ptr_array_index (order, i);

      for (guint k = 0; k < node->n_inputs; k++)
        if (node->inputs[k] == value)
          return node;
    }
  return NULL;
}

/* Whether @value, added to @output, is one number per channel of the operation @op. */
gboolean
kol_plan_is_bias (const KolValue *value, const KolValue *output, const KolOp *op)
{
  int channel = op->channels_first ? 1 : output->shape.rank - 1;
  int from_end = output->shape.rank - channel;
  gint64 channels = output->shape.dim[channel];

  if (kol_count (value) != channels || value->shape.rank < from_end
      || value->shape.rank > output->shape.rank)
    return FALSE;
  return value->shape.dim[value->shape.rank - from_end] == channels;
}

/*
 * Follows the readers behind a step's node for as long as its variant can take
 * them in. Absorbed nodes are added to @absorbed.
 */
static void
absorb_followers (const KolPlan *plan, KolStep *step, GPtrArray *order, GHashTable *uses,
                  GHashTable *absorbed)
{
  guint allowed = step->variant ? step->variant->absorbs : 0;

  if (step->bias) /* a node folded into this one */
    allowed &= KOL_RESIDUAL | KOL_UNARY;
  while (allowed)
    {
      KolValue *output = &step->last->outputs[0];
      KolNode *reader = only_reader (order, uses, output);
      KolValue *other = NULL;
      guint kind = 0;

      if (!reader || g_hash_table_contains (absorbed, reader) /* by the other side of a sum */
          || !kol_shape_equal (&reader->outputs[0].shape, &output->shape)
          /* A step stands where its last node stood: not behind writes that its first must precede.
           */
          || runs_late (plan, order, reader) != runs_late (plan, order, step->node))
        return;
      if (!strcmp (reader->op->name, "add"))
        {
          other = reader->inputs[reader->inputs[0] == output];
          if (kol_plan_is_bias (other, output, step->node->op) && (allowed & KOL_BIAS))
            kind = KOL_BIAS;
          else if (kol_shape_equal (&other->shape, &output->shape) && (allowed & KOL_RESIDUAL))
            kind = KOL_RESIDUAL;
        }
      else if (reader->n_inputs == 1 && reader->op->formula && (allowed & KOL_UNARY))
        kind = KOL_UNARY;
      if (!kind)
        return;

      if (kind == KOL_BIAS)
        step->bias = other;
      else if (kind == KOL_RESIDUAL)
        step->residual = other;
      else
        step->unary = reader;
      step->absorbed |= kind;
      step->last = reader;
      g_hash_table_add (absorbed, reader);
      /* The order within an epilogue is fixed: what was taken, and all before it, is spent. */
      allowed &= kind == KOL_BIAS ? KOL_RESIDUAL | KOL_UNARY : kind == KOL_RESIDUAL ? KOL_UNARY : 0;
    }
}

static void
step_clear (gpointer data)
{
  KolStep *step = data;

  g_free (step->inputs);
  g_free (step->outputs);
  g_free (step->wanted);
}

static void
storage_clear (gpointer data)
{
  KolStorage *storage = data;

  g_clear_pointer (&storage->buffer, kol_buffer_unref);
  g_clear_pointer (&storage->packed, g_hash_table_unref);
}

/* Puts the step's node with other weights, and a bias, in the place of the node folded into it. */
static void
take_fold (KolPlan *plan, KolStep *step, GHashTable *absorbed)
{
  KolNode *into = step->node, *folded = g_hash_table_lookup (plan->folded, into);
  KolFold *fold = folded ? g_hash_table_lookup (plan->graph->folds, folded) : NULL;

  if (!fold || !(step->variant->absorbs & KOL_BIAS))
    return;
  step->node = kol_plan_make_node (plan, into, (KolValue *[]){ into->inputs[0], fold->weights }, 2);
  step->bias = fold->bias;
  step->absorbed = KOL_BIAS;
  step->last = folded;
  g_hash_table_add (absorbed, folded);
  if (folded->inputs[0]->node != into) /* the sum with the bias of old */
    g_hash_table_add (absorbed, folded->inputs[0]->node);
}

/* Whether packed forms of a node's weights will be kept; see kol_plan_keeps_packed(). */
static gboolean
keeps_weights (const KolPlan *plan, KolNode *node)
{
  if (plan->differentiates || node->n_inputs < 2)
    return FALSE;
  return kol_value_root (node->inputs[1])->node->op == &kol_op_parameter
         || g_hash_table_contains (plan->folded, node);
}

/* One step per node that costs anything; a step stands where its last absorbed node stood. */
static gboolean
make_steps (KolPlan *plan, GPtrArray *order, GHashTable *uses, gboolean measure, GError **error)
{
  g_autoptr (GHashTable) absorbed = g_hash_table_new (NULL, NULL);
  g_autoptr (GHashTable) step_of = g_hash_table_new_full (NULL, NULL, NULL, g_free);

  plan->n_once = plan->first_late_step = 0;
  for (guint i = 0; i < order->len; i++)
    {
      KolNode *node = g_ptr_array_index (order, i);
      KolStep *step;

      if (!node->op->variants || g_hash_table_contains (absorbed, node))
        continue;
      step = g_new0 (KolStep, 1);
      step->node = step->last = node;
      step->variant
          = kol_choose_variant (plan->graph, node, keeps_weights (plan, node), measure, error);
      if (!step->variant)
        {
          g_free (step);
          return FALSE;
        }
      take_fold (plan, step, absorbed);
      absorb_followers (plan, step, order, uses, absorbed);
      g_hash_table_insert (step_of, step->last, step);
    }
  for (guint i = 0; i < order->len; i++)
    {
      KolStep *step = g_hash_table_lookup (step_of, g_ptr_array_index (order, i));

      if (step)
        g_array_append_val (plan->steps, *step);
      if (i + 1 == plan->first_run)
        plan->n_once = plan->steps->len;
      if (i + 1 == plan->first_late)
        plan->first_late_step = plan->steps->len;
    }
  if (!plan->separate)
    kol_plan_fuse (plan, uses);
  kol_plan_block (plan, uses);

  for (guint i = 0; i < plan->steps->len; i++)
    {
      KolStep *step = step_at (plan, i);
      const KolNode *node = step->node;

      step->inputs = g_new0 (int, node->n_inputs + 1);
      step->outputs = g_new0 (int, node->n_outputs);
      step->wanted = g_new0 (guint8, node->n_outputs);
      for (guint k = 0; k < node->n_outputs; k++)
        step->wanted[k] = k == 0 || g_hash_table_contains (uses, &node->outputs[k])
                          || (node->op->overwrites && node->op->overwrites (node, k) >= 0);
      step->scratch_bytes = step->variant->scratch
                                ? step->variant->scratch (node, plan->graph->parameters->device)
                                : 0;
    }
  kol_plan_sink (plan);
  return TRUE;
}

/* ── Memory ─────────────────────────────────────────────────────────────────────────────────── */

static int
add_storage (KolPlan *plan, KolStorageKind kind, gsize bytes, guint first, guint last)
{
  KolStorage storage
      = { .kind = kind, .bytes = bytes, .first = first, .last = last, .over = KOL_NO_STORAGE };

  g_array_append_val (plan->storages, storage);
  return (int) plan->storages->len - 1;
}

/* The storage of @value's memory, made at its first mention in step @i. */
static int
storage_for (KolPlan *plan, KolValue *value, guint i)
{
  KolValue *root = kol_value_root (value);
  KolNode *node = root->node;
  int found = GPOINTER_TO_INT (g_hash_table_lookup (plan->storage_of, root)) - 1;
  KolStorage *storage;

  if (found < 0)
    {
      KolStorageKind kind = node->parameter                   ? KOL_STORAGE_PARAMETER
                            : node->op == &kol_op_placeholder ? KOL_STORAGE_FEED
                            : node->op == &kol_op_constant    ? KOL_STORAGE_CONSTANT
                            : kol_plan_is_target (plan, root) ? KOL_STORAGE_TARGET
                                                              : KOL_STORAGE_SLOT;

      found = add_storage (plan, kind, kol_plan_value_bytes (plan, root), i, i);
      storage = storage_at (plan, found);
      storage->parameter = node->parameter;
      storage->constant = kind == KOL_STORAGE_CONSTANT ? kol_constant_get_value (node) : 0;
      storage->feed = kind == KOL_STORAGE_FEED ? kol_graph_find_feed (plan->graph, root) : NULL;
      g_hash_table_insert (plan->storage_of, root, GINT_TO_POINTER (found + 1));
    }
  storage = storage_at (plan, found);
  storage->last = MAX (storage->last, i);
  return found;
}

/* Other memory for a value that step @i computes a second time; who reads it later reads this. */
static int
storage_again (KolPlan *plan, KolValue *value, guint i)
{
  KolValue *root = kol_value_root (value);
  int found = kol_plan_find_storage (plan, root); /* which is not used up to here any more */

  if (storage_at (plan, found)->kind != KOL_STORAGE_SLOT)
    return found;
  found = add_storage (plan, KOL_STORAGE_SLOT, kol_plan_value_bytes (plan, root), i, i);
  g_hash_table_insert (plan->storage_of, root, GINT_TO_POINTER (found + 1));
  return found;
}

static void
give_storages (KolPlan *plan)
{
  for (guint i = 0; i < plan->steps->len; i++)
    {
      KolStep *step = step_at (plan, i);
      KolNode *node = step->node;

      for (guint k = 0; k < node->n_inputs; k++)
        step->inputs[k] = storage_for (plan, node->inputs[k], i);
      step->bias_storage = step->bias ? storage_for (plan, step->bias, i) : KOL_NO_STORAGE;
      step->residual_storage
          = step->residual ? storage_for (plan, step->residual, i) : KOL_NO_STORAGE;
      for (guint k = 0; k < node->n_outputs; k++)
        {
          KolValue *output = k == 0 ? &step->last->outputs[0] : &node->outputs[k];

          step->outputs[k] = !step->wanted[k] ? KOL_NO_STORAGE
                             : step->repeated ? storage_again (plan, output, i)
                                              : storage_for (plan, output, i);
          if (step->outputs[k] != KOL_NO_STORAGE)
            storage_at (plan, step->outputs[k])->written = TRUE;
        }
      step->scratch = step->scratch_bytes
                          ? add_storage (plan, KOL_STORAGE_SLOT, step->scratch_bytes, i, i)
                          : KOL_NO_STORAGE;
    }
  for (guint i = 0; i < plan->targets->len;
       i++) /* a target that no step computes: a parameter, say */
    storage_for (plan, g_ptr_array_index (plan->targets, i), 0);
}

/* What the steps that run once leave for the others is theirs alone. */
static void
keep_constants (KolPlan *plan)
{
  for (guint i = 0; i < plan->storages->len; i++)
    {
      KolStorage *storage = storage_at (plan, (int) i);

      if (storage->kind == KOL_STORAGE_SLOT && storage->first < plan->n_once
          && storage->last >= plan->n_once)
        {
          storage->kind = KOL_STORAGE_KEPT;
          storage->packed = kol_packed_table_new ();
        }
    }
}

/* What packs nothing at run time needs no room for it. */
static void
shrink_scratch (KolPlan *plan)
{
  for (guint i = 0; i < plan->steps->len; i++)
    {
      KolStep *step = step_at (plan, i);
      const KolDevice *device = plan->graph->parameters->device;
      gboolean kept = step->variant->scratch_kept != NULL;

      for (guint k = 0; kept && k < step->node->n_inputs; k++)
        kept = !step->variant->packed (step->node, k, device)
               || kol_plan_keeps_packed (plan, storage_at (plan, step->inputs[k]));
      if (kept) /* no buffer is empty */
        storage_at (plan, step->scratch)->bytes
            = MAX (step->variant->scratch_kept (step->node, device), sizeof (float));
    }
}

/* Whether all inputs of @step can be computed where they are to be in its output. */
static gboolean
can_join (const KolPlan *plan, const KolStep *step)
{
  const KolStorage *output = storage_at (plan, step->outputs[0]);
  gsize alignment = kol_buffer_alignment (plan->graph->parameters->device), at = 0;

  if (!step->node->op->joins || !step->node->op->joins (step->node) || step->last != step->node
      || output->kind != KOL_STORAGE_SLOT || plan->graph->poison) /* that fills the output first */
    return FALSE;
  for (guint k = 0; k < step->node->n_inputs; k++)
    {
      const KolStorage *input = storage_at (plan, step->inputs[k]);

      if (input->kind != KOL_STORAGE_SLOT || input->over != KOL_NO_STORAGE || at % alignment)
        return FALSE;
      for (guint i = 0; i < k; i++)
        if (step->inputs[i] == step->inputs[k])
          return FALSE;
      at += input->bytes;
    }
  return at == output->bytes;
}

static void
join_inputs (KolPlan *plan)
{
  for (guint i = 0; i < plan->steps->len; i++)
    {
      KolStep *step = step_at (plan, i);
      gsize at = 0;

      step->joins = can_join (plan, step);
      for (guint k = 0; step->joins && k < step->node->n_inputs; k++)
        {
          KolStorage *input = storage_at (plan, step->inputs[k]);

          input->over = step->outputs[0];
          input->at = at;
          input->joined = storage_at (plan, step->outputs[0])->joined = TRUE;
          at += input->bytes;
        }
    }
}

/*
 * A function of each element by itself reads an element before it writes the one
 * in its place: the output may be the memory of an input of its shape that nothing
 * reads afterwards.
 */
static void
take_over_inputs (KolPlan *plan)
{
  for (guint i = 0; i < plan->steps->len; i++)
    {
      KolStep *step = step_at (plan, i);
      KolStorage *output = storage_at (plan, step->outputs[0]);

      for (guint k = 0; step->node->op->formula && k < step->node->n_inputs; k++)
        {
          const KolStorage *input = storage_at (plan, step->inputs[k]);

          if (output->kind == KOL_STORAGE_SLOT && input->kind == KOL_STORAGE_SLOT
              && output->over == KOL_NO_STORAGE && !input->joined && output->first == i
              && input->last == i
              && kol_shape_equal (&step->node->inputs[k]->shape, &step->last->outputs[0].shape))
            output->over = step->inputs[k];
        }
    }
}

/* The storage whose slot storage @i lies in: its own, or that of the storage that it lies in. Adds
 * to
 * @at, unless it is NULL, how far behind the start of that. */
static int
leader_of (const KolPlan *plan, int i, gsize *at)
{
  for (; storage_at (plan, i)->over != KOL_NO_STORAGE; i = storage_at (plan, i)->over)
    if (at)
      *at += storage_at (plan, i)->at;
  return i;
}

/* The larger first; of equal ones the one that is needed earlier. */
static int
compare_storages (gconstpointer a, gconstpointer b, gpointer plan)
{
  const KolStorage *one = storage_at (plan, *(const int *) a);
  const KolStorage *other = storage_at (plan, *(const int *) b);

  if (one->bytes != other->bytes)
    return one->bytes > other->bytes ? -1 : 1;
  return (one->first > other->first) - (one->first < other->first);
}

static gboolean
is_live_with (const KolStorage *one, const KolStorage *other)
{
  return one->first <= other->last && other->first <= one->last;
}

/*
 * Finds the first gap of a slot that @storage fits in: @tenants (storages) lie there,
 * ordered by offset, of which only those count that are live with it. Sets its
 * offset, and gives where among the tenants it belongs; -1: there is no gap.
 */
static int
find_gap (const KolPlan *plan, const GArray *tenants, gsize slot_bytes, KolStorage *storage)
{
  gsize alignment = kol_buffer_alignment (plan->graph->parameters->device), free_from = 0;
  guint i;

  for (i = 0; i < tenants->len; i++)
    {
      const KolStorage *tenant = storage_at (plan, g_array_index (tenants, int, i));

      if (!is_live_with (tenant, storage))
        continue;
      if (plan->graph->poison) /* side by side, one could write over the other unseen */
        return -1;
      if (tenant->offset >= free_from + storage->bytes)
        break;
      free_from = MAX (free_from, tenant->offset + tenant->bytes);
      free_from = (free_from + alignment - 1) / alignment * alignment;
    }
  if (free_from + storage->bytes > slot_bytes)
    return -1;
  storage->offset = free_from;
  for (i = 0; i < tenants->len; i++)
    if (storage_at (plan, g_array_index (tenants, int, i))->offset > free_from)
      break;
  return (int) i;
}

/*
 * The largest storage first, each takes the first gap in the smallest slot that has
 * one while it is live, or a new slot, which is smaller still: so small things fill
 * gaps that large ones leave, and no slot is larger than what needs it. What lies in
 * another storage is live in its place before or after it.
 */
static void
assign_slots (KolPlan *plan)
{
  g_autoptr (GArray) leaders = g_array_new (FALSE, FALSE, sizeof (int));
  g_autoptr (GPtrArray) tenants = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);

  for (int i = 0; i < (int) plan->storages->len; i++)
    {
      KolStorage *storage = storage_at (plan, i);
      KolStorage *leader = storage_at (plan, leader_of (plan, i, NULL));

      if (storage->kind == KOL_STORAGE_SLOT && leader == storage)
        g_array_append_val (leaders, i);
      leader->first = MIN (leader->first, storage->first);
      leader->last = MAX (leader->last, storage->last);
    }
  g_array_sort_with_data (leaders, compare_storages, plan);
  g_array_set_size (plan->slots, 0);
  for (guint i = 0; i < leaders->len; i++)
    {
      int leader = g_array_index (leaders, int, i), at = -1;
      KolStorage *storage = storage_at (plan, leader);
      guint slot = plan->slots->len;

      while (slot > 0
             && (at = find_gap (plan, g_ptr_array_index (tenants, slot - 1),
                                g_array_index (plan->slots, gsize, slot - 1), storage))
                    < 0)
        slot--;
      if (slot == 0)
        {
          g_array_append_val (plan->slots, storage->bytes);
          g_ptr_array_add (tenants, g_array_new (FALSE, FALSE, sizeof (int)));
          slot = plan->slots->len;
          storage->offset = 0;
          at = 0;
        }
      storage->slot = slot - 1;
      g_array_insert_val ((GArray *) g_ptr_array_index (tenants, slot - 1), at, leader);
    }
  for (int i = 0; i < (int) plan->storages->len; i++)
    {
      gsize at = 0;
      const KolStorage *leader = storage_at (plan, leader_of (plan, i, &at));

      storage_at (plan, i)->slot = leader->slot;
      storage_at (plan, i)->offset = leader->offset + at;
    }
}

/* Whether the plan owns the memory of @storage by itself. */
static gboolean
is_own (const KolStorage *storage)
{
  return storage->kind == KOL_STORAGE_TARGET || storage->kind == KOL_STORAGE_CONSTANT
         || storage->kind == KOL_STORAGE_KEPT;
}

static void
count_bytes (KolPlan *plan)
{
  plan->own_bytes = plan->kept_bytes = 0;
  for (guint i = 0; i < plan->slots->len; i++)
    plan->own_bytes += g_array_index (plan->slots, gsize, i);
  for (guint i = 0; i < plan->storages->len; i++)
    {
      const KolStorage *storage = storage_at (plan, (int) i);

      if (is_own (storage))
        plan->own_bytes += storage->bytes;
      else if (storage->kind != KOL_STORAGE_SLOT)
        plan->kept_bytes += storage->bytes;
    }
  for (guint i = 0; i < plan->steps->len; i++)
    {
      const KolStep *step = step_at (plan, i);

      for (guint k = 0; step->variant->packed && k < step->node->n_inputs; k++)
        if (kol_plan_keeps_packed (plan, storage_at (plan, step->inputs[k])))
          plan->kept_bytes
              += step->variant->packed (step->node, k, plan->graph->parameters->device);
    }
}

/* Says where everything lies that the plan's steps work on, and how much memory that is. */
void
kol_plan_lay_out_memory (KolPlan *plan)
{
  g_array_set_size (plan->storages, 0);
  g_hash_table_remove_all (plan->storage_of);
  give_storages (plan);
  keep_constants (plan);
  shrink_scratch (plan);
  join_inputs (plan);
  take_over_inputs (plan);
  assign_slots (plan);
  count_bytes (plan);
}

/* ── Plans ──────────────────────────────────────────────────────────────────────────────────── */

static gboolean
lay_out (KolPlan *plan, gboolean measure, GError **error)
{
  g_autoptr (GPtrArray) order = order_nodes (plan);
  g_autoptr (GHashTable) uses = count_uses (plan, order);

  for (guint i = 0; i < order->len; i++)
    {
      KolNode *node = g_ptr_array_index (order, i);

      plan->writes = plan->writes || node_writes (node);
      plan->counts = plan->counts || (node_writes (node) && !node->op->gathers);
      if (node->op->watches)
        plan->watch = node;
      if (plan->graph->first_gradient && node->id >= plan->graph->first_gradient)
        plan->differentiates = TRUE;
    }
  g_array_set_size (plan->steps, 0);
  g_ptr_array_set_size (plan->made, 0);
  g_ptr_array_set_size (plan->attributes, 0);
  if (!plan->writes)
    kol_plan_fold (plan, order, uses, measure);
  if (!make_steps (plan, order, uses, measure, error))
    return FALSE;
  kol_plan_lay_out_memory (plan);
  if (plan->memory == KOL_MEMORY_LOW)
    kol_plan_recompute (plan);
  return TRUE;
}

/* An empty array of steps. */
GArray *
kol_plan_steps_new (void)
{
  GArray *steps = g_array_new (FALSE, TRUE, sizeof (KolStep));

  g_array_set_clear_func (steps, step_clear);
  return steps;
}

/* Lays out a plan for the targets; nothing is allocated on the device, nothing is measured. */
KolPlan *
kol_plan_new (KolGraph *graph, KolValue *const *targets, guint n, GError **error)
{
  KolPlan *plan = g_new0 (KolPlan, 1);

  plan->graph = graph;
  plan->targets = g_ptr_array_new ();
  plan->memory = graph->memory;
  plan->separate = graph->separate;
  plan->steps = kol_plan_steps_new ();
  plan->storages = g_array_new (FALSE, TRUE, sizeof (KolStorage));
  g_array_set_clear_func (plan->storages, storage_clear);
  plan->slots = g_array_new (FALSE, TRUE, sizeof (gsize));
  plan->storage_of = g_hash_table_new (NULL, NULL);
  plan->made = g_ptr_array_new_with_free_func (kol_made_node_free);
  plan->attributes = g_ptr_array_new_with_free_func (g_free);
  plan->folded = g_hash_table_new (NULL, NULL);
  plan->blocked = g_hash_table_new (NULL, NULL);
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (plan->targets, targets[i]);
  if (!lay_out (plan, FALSE, error))
    {
      kol_plan_free (plan);
      return NULL;
    }
  return plan;
}

void
kol_plan_free (KolPlan *plan)
{
  g_ptr_array_unref (plan->targets);
  g_array_unref (plan->steps);
  g_array_unref (plan->storages);
  g_array_unref (plan->slots);
  g_hash_table_unref (plan->storage_of);
  g_hash_table_unref (plan->folded);
  g_hash_table_unref (plan->blocked);
  g_ptr_array_unref (plan->made);
  g_ptr_array_unref (plan->attributes);
  g_free (plan);
}

gboolean
kol_plan_matches (const KolPlan *plan, KolValue *const *targets, guint n)
{
  if (plan->targets->len != n || plan->memory != plan->graph->memory)
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (g_ptr_array_index (plan->targets, i) != targets[i])
      return FALSE;
  return TRUE;
}

int
kol_plan_find_storage (const KolPlan *plan, KolValue *value)
{
  return GPOINTER_TO_INT (g_hash_table_lookup (plan->storage_of, kol_value_root (value))) - 1;
}

/*
 * Frees the parts of a slot, the latest first: NVIDIA's driver (580) crashes where of two
 * parts that lie over each other the earlier one goes first.
 */
static void
slot_parts_clear (GPtrArray *parts)
{
  while (parts->len > 0)
    {
      KolSlotPart *part = g_ptr_array_steal_index (parts, parts->len - 1);

      kol_buffer_unref (part->buffer);
      g_free (part);
    }
}

void
kol_slot_parts_free (GPtrArray *parts)
{
  slot_parts_clear (parts);
  g_ptr_array_unref (parts);
}

/* A part of a slot: one that a plan has asked for before, or a new one. Lent. */
static KolBuffer *
find_part (KolPlan *plan, guint slot, gsize offset, gsize bytes, GError **error)
{
  KolParameters *job = plan->graph->parameters;
  KolBuffer *whole = g_ptr_array_index (job->arena, slot);
  GPtrArray *parts = g_ptr_array_index (job->parts, slot);
  KolSlotPart *part;
  KolBuffer *buffer;

  if (offset == 0 && (bytes == whole->bytes || plan->graph->poison))
    return whole;
  for (guint i = 0; i < parts->len; i++)
    {
      part = g_ptr_array_index (parts, i);
      if (part->offset == offset && part->buffer->bytes == bytes)
        return part->buffer;
    }
  buffer = kol_buffer_part (whole, offset, bytes, error);
  if (!buffer)
    return NULL;
  part = g_new (KolSlotPart, 1);
  part->offset = offset;
  part->buffer = buffer;
  g_ptr_array_add (parts, part);
  return buffer;
}

/* Gives slot @i of the job's arena @bytes of memory. What it has must not be in use. */
static gboolean
renew_slot (KolParameters *job, guint i, gsize bytes, GError **error)
{
  KolBuffer *buffer;

  g_ptr_array_set_size (job->arena, (int) MAX (job->arena->len, i + 1));
  while (job->parts->len <= i)
    g_ptr_array_add (job->parts, g_ptr_array_new ());
  slot_parts_clear (g_ptr_array_index (job->parts, i));
  job->parts_stamp++;
  if (g_ptr_array_index (job->arena, i))
    kol_buffer_unref (g_ptr_array_index (job->arena, i));
  g_ptr_array_index (job->arena, i) = NULL;
  buffer = kol_buffer_new (job->device, bytes, error);
  g_ptr_array_index (job->arena, i) = buffer;
  return buffer != NULL;
}

/* Makes the job's arena large enough for this plan's slots. */
static gboolean
reserve_slots (KolPlan *plan, GError **error)
{
  KolParameters *job = plan->graph->parameters;

  for (guint i = 0; i < plan->slots->len; i++)
    {
      gsize bytes = g_array_index (plan->slots, gsize, i);
      KolBuffer *buffer = i < job->arena->len ? g_ptr_array_index (job->arena, i) : NULL;

      if (buffer && buffer->bytes >= bytes)
        continue;
      if ((buffer && !kol_queue_finish (job->queue, error)) || !renew_slot (job, i, bytes, error))
        return FALSE;
    }
  return TRUE;
}

/* Where a storage lies, made ready again if another plan of the job has wanted larger slots. Lent.
 */
static KolBuffer *
slot_buffer (KolPlan *plan, KolStorage *storage, GError **error)
{
  KolParameters *job = plan->graph->parameters;

  if (!storage->part || storage->part_stamp != job->parts_stamp)
    {
      if (!reserve_slots (plan, error))
        return NULL;
      storage->part = find_part (plan, storage->slot, storage->offset, storage->bytes, error);
      storage->part_stamp = job->parts_stamp;
    }
  return storage->part;
}

/* The memory of a storage. Lent; NULL for KOL_NO_STORAGE, without an error. */
KolBuffer *
kol_plan_get_buffer (KolPlan *plan, int storage, GError **error)
{
  KolStorage *at;

  if (storage == KOL_NO_STORAGE)
    return NULL;
  at = storage_at (plan, storage);
  switch (at->kind)
    {
    case KOL_STORAGE_SLOT:
      return slot_buffer (plan, at, error);
    case KOL_STORAGE_PARAMETER:
      return kol_parameter_get_buffer (at->parameter, error);
    case KOL_STORAGE_FEED:
      if (!at->feed->buffer)
        at->feed->buffer = kol_buffer_new (plan->graph->parameters->device, at->bytes, error);
      return at->feed->buffer;
    case KOL_STORAGE_TARGET:
    case KOL_STORAGE_CONSTANT:
    case KOL_STORAGE_KEPT:
    default:
      return at->buffer;
    }
}

static gboolean
reserve_memory (KolPlan *plan, GError **error)
{
  KolParameters *job = plan->graph->parameters;

  if (!reserve_slots (plan, error))
    return FALSE;
  for (guint i = 0; i < plan->storages->len; i++)
    {
      KolStorage *storage = storage_at (plan, (int) i);

      if (is_own (storage) && !storage->buffer)
        storage->buffer = kol_buffer_new (job->device, storage->bytes, error);
      if (!kol_plan_get_buffer (plan, (int) i, error))
        return FALSE;
      if (storage->kind == KOL_STORAGE_CONSTANT
          && !kol_queue_write (job->queue, storage->buffer, 0, &storage->constant, sizeof (float),
                               error))
        return FALSE;
    }
  return TRUE;
}

/* Walks through all launches without enqueueing, to know and build the programs they need. */
static gboolean
build_programs (KolPlan *plan, GError **error)
{
  KolQueue *queue = plan->graph->parameters->queue;
  gboolean good = TRUE;

  kol_queue_set_mode (queue, KOL_QUEUE_COLLECT);
  for (guint i = 0; i < plan->steps->len && good; i++)
    good = kol_plan_launch_step (plan, step_at (plan, i), 0, error);
  kol_queue_set_mode (queue, KOL_QUEUE_RUN);
  return good && kol_queue_build_collected (queue, error);
}

static gboolean
prepare (KolPlan *plan, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (!lay_out (plan, TRUE, error))
    return FALSE;
  if (!reserve_memory (plan, &local))
    {
      if (g_error_matches (local, KOL_ERROR, KOL_ERROR_MEMORY))
        {
          g_autofree char *own = g_format_size_full (plan->own_bytes, G_FORMAT_SIZE_IEC_UNITS);
          g_autofree char *kept = g_format_size_full (plan->kept_bytes, G_FORMAT_SIZE_IEC_UNITS);

          g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
                       "the graph needs %s for intermediate tensors and %s for parameters and "
                       "inputs: %s",
                       own, kept, local->message);
        }
      else
        g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  return build_programs (plan, error);
}

/* Chooses variants, by measurement where it is not known yet; allocates; builds programs. */
gboolean
kol_plan_prepare (KolPlan *plan, GError **error)
{
  KolQueue *queue;

  if (plan->prepared)
    return TRUE;
  queue = kol_parameters_get_queue (plan->graph->parameters, error);
  if (!queue)
    return FALSE;
  kol_queue_set_cancellable (queue, plan->graph->cancellable);
  plan->prepared = prepare (plan, error);
  kol_queue_set_cancellable (queue, NULL);
  return plan->prepared;
}
