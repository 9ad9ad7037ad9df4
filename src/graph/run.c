/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Runs a plan: enqueues its launches and returns. The host waits only when a
 * value is read, and for the flag of the step before the last: the norm of the
 * gradients, which the optimizer needs anyway, sets it when it is not finite,
 * and from then on the optimizer writes nothing. The host finds the flag late,
 * puts the batch of that step back and runs it once more, looking at every
 * node's output, to name the first bad one.
 */

#include <math.h>

#include "graph-private.h"

/* ── Placeholders ───────────────────────────────────────────────────────────────────────────── */

KolFeed *
kol_graph_find_feed (KolGraph *graph, const KolValue *value)
{
  for (guint i = 0; i < graph->feeds->len; i++)
    {
      KolFeed *feed = g_ptr_array_index (graph->feeds, i);

      if (feed->value == value)
        return feed;
    }
  return NULL;
}

/* Enqueues the copy of host slot @slot to the device. */
static gboolean
feed_write (KolGraph *graph, KolFeed *feed, guint slot, GError **error)
{
  KolQueue *queue = kol_parameters_get_queue (graph->parameters, error);
  gsize bytes = (gsize) kol_count (feed->value) * sizeof (float);

  if (!queue)
    return FALSE;
  if (!feed->buffer && !(feed->buffer = kol_buffer_new (graph->parameters->device, bytes, error)))
    return FALSE;
  if (feed->written[slot])
    {
      clWaitForEvents (1, &feed->written[slot]);
      clReleaseEvent (feed->written[slot]);
      feed->written[slot] = NULL;
    }
  return kol_queue_write_async (queue, feed->buffer, feed->host[slot], bytes, &feed->written[slot],
                                error);
}

/**
 * kol_set:
 * @placeholder: what kol_placeholder() gave
 * @values: all its elements, copied before the call returns
 *
 * Gives a placeholder the values that the next runs use. An error of the device
 * is reported by the next kol_run().
 */
void
kol_set (KolValue *placeholder, const float *values)
{
  KolGraph *graph = placeholder->graph;
  g_autoptr (GError) error = NULL;
  KolFeed *feed;
  gsize bytes;

  if (kol_value_failed (placeholder))
    return;
  feed = kol_graph_find_feed (graph, placeholder);
  g_return_if_fail (feed != NULL);
  bytes = (gsize) kol_count (placeholder) * sizeof (float);
  if (feed->used)
    feed->current = (feed->current + 1) % KOL_FEED_SLOTS;
  feed->used = FALSE;
  if (!feed->host[feed->current])
    feed->host[feed->current] = g_malloc (bytes);
  if (feed->written[feed->current]) /* the copy of four steps ago has long been made */
    clWaitForEvents (1, &feed->written[feed->current]);
  memcpy (feed->host[feed->current], values, bytes);
  feed->set = TRUE;
  feed->version++;
  if (!feed_write (graph, feed, feed->current, &error) && !graph->error)
    graph->error = g_steal_pointer (&error);
}

/**
 * kol_set_scalar:
 * @placeholder: a placeholder of one element
 * @value: its value
 *
 * Gives a scalar placeholder, a learning rate say, its value.
 */
void
kol_set_scalar (KolValue *placeholder, float value)
{
  g_return_if_fail (kol_value_failed (placeholder) || kol_count (placeholder) == 1);
  kol_set (placeholder, &value);
}

/* ── Launching ──────────────────────────────────────────────────────────────────────────────── */

/* The packed form of a step's @input, made anew when what it is a form of has changed. */
static KolBuffer *
packed_input (KolPlan *plan, KolLaunch *launch, KolStep *step, guint input, gboolean *stale,
              GError **error)
{
  const KolNode *node = step->node;
  KolStorage *storage = &g_array_index (plan->storages, KolStorage, step->inputs[input]);
  KolParameter *parameter = storage->parameter;
  GHashTable *forms = parameter ? parameter->packed : storage->packed;
  guint64 version = parameter ? parameter->version : storage->version;
  gsize bytes;
  KolPacked *packed;
  g_autofree char *key = NULL;

  *stale = FALSE;
  if (!kol_plan_keeps_packed (plan, storage) || !step->variant->packed)
    return NULL;
  bytes = step->variant->packed (node, input, launch->device);
  if (!bytes)
    return NULL;
  key = g_strdup_printf ("%s/%s/%u/%u/%" G_GSIZE_FORMAT, node->op->name, step->variant->name, input,
                         step->variant->form ? step->variant->form (node, launch->device) : 0,
                         bytes);
  packed = g_hash_table_lookup (forms, key);
  if (!packed)
    {
      KolBuffer *buffer = kol_buffer_new (launch->device, bytes, error);

      if (!buffer)
        return NULL;
      packed = g_new0 (KolPacked, 1);
      packed->buffer = buffer;
      g_hash_table_insert (forms, g_steal_pointer (&key), packed);
    }
  *stale = packed->version != version;
  if (kol_queue_get_mode (launch->queue) == KOL_QUEUE_RUN)
    packed->version = version;
  else
    *stale = TRUE;
  return packed->buffer;
}

static gboolean
gather_buffers (KolPlan *plan, const int *storages, guint n, KolBuffer **buffers, GError **error)
{
  for (guint i = 0; i < n; i++)
    {
      buffers[i] = kol_plan_get_buffer (plan, storages[i], error);
      if (!buffers[i] && storages[i] != KOL_NO_STORAGE)
        return FALSE;
    }
  return TRUE;
}

/* Whether output @i of a step is the memory of one of its inputs. */
static gboolean
is_in_place (const KolStep *step, const KolLaunch *launch, guint i)
{
  for (guint k = 0; k < step->node->n_inputs; k++)
    if (launch->inputs[k] == launch->outputs[i])
      return TRUE;
  return FALSE;
}

/* For the harness: what a step must write whole is filled with NaN before. */
static gboolean
poison (KolPlan *plan, KolStep *step, KolLaunch *launch, GError **error)
{
  for (guint i = 0; i < step->node->n_outputs; i++)
    if (launch->outputs[i] && !is_in_place (step, launch, i)
        && !kol_queue_fill (launch->queue, launch->outputs[i], NAN, error))
      return FALSE;
  return !launch->scratch || kol_queue_fill (launch->queue, launch->scratch, NAN, error);
}

/* Enqueues one step, or in COLLECT mode only notes its programs. @number keys random numbers. */
gboolean
kol_plan_launch_step (KolPlan *plan, KolStep *step, guint64 number, GError **error)
{
  KolGraph *graph = plan->graph;
  KolNode *node = step->node;
  g_autofree KolBuffer **inputs = g_new0 (KolBuffer *, node->n_inputs + 1);
  g_autofree KolBuffer **outputs = g_new0 (KolBuffer *, node->n_outputs);
  g_autofree KolBuffer **packed = g_new0 (KolBuffer *, node->n_inputs + 1);
  g_autofree char *unary = NULL;
  KolLaunch launch = { .device = graph->parameters->device,
                       .queue = graph->parameters->queue,
                       .inputs = inputs,
                       .outputs = outputs,
                       .packed = packed,
                       .blocked = step->blocked,
                       .seed = graph->parameters->seed,
                       .step = number,
                       .example = graph->example };

  if (step->joins)
    return TRUE;
  if (!gather_buffers (plan, step->inputs, node->n_inputs, inputs, error)
      || !gather_buffers (plan, step->outputs, node->n_outputs, outputs, error)
      || !gather_buffers (plan, &step->scratch, 1, &launch.scratch, error)
      || !gather_buffers (plan, &step->bias_storage, 1, &launch.epilogue.bias, error)
      || !gather_buffers (plan, &step->residual_storage, 1, &launch.epilogue.residual, error))
    return FALSE;
  launch.epilogue.kinds = step->absorbed;
  if (step->unary)
    unary = kol_formula (step->unary->op->formula, (const char *const[]){ "a" },
                         step->unary->attributes);
  launch.epilogue.unary_expression = unary;

  kol_queue_set_label (launch.queue, step->last->name);
  for (guint i = 0; i < node->n_inputs; i++)
    {
      g_autoptr (GError) local = NULL;
      gboolean stale;

      packed[i] = packed_input (plan, &launch, step, i, &stale, &local);
      if (local)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      if (stale && !step->variant->pack (&launch, node, i, error))
        return FALSE;
    }
  if (graph->poison && kol_queue_get_mode (launch.queue) == KOL_QUEUE_RUN
      && !poison (plan, step, &launch, error))
    return FALSE;
  kol_queue_set_operations (launch.queue, node->op->flops ? node->op->flops (node) : 0);
  if (!step->variant->launch (&launch, node, error))
    return FALSE;
  for (guint i = 0; i < node->n_outputs; i++)
    if (node->op->overwrites && node->op->overwrites (node, i) >= 0
        && kol_queue_get_mode (launch.queue) == KOL_QUEUE_RUN)
      {
        KolParameter *parameter = kol_value_root (&node->outputs[i])->node->parameter;

        if (parameter)
          parameter->version++;
      }
  return TRUE;
}

/* ── The watch for NaN and infinity ─────────────────────────────────────────────────────────── */

static void
watched_clear (KolWatched *watched)
{
  if (watched->event)
    clReleaseEvent (watched->event);
  g_free (watched->slots);
  g_free (watched->flag);
  *watched = (KolWatched){ 0 };
}

void
kol_graph_forget_watched (KolGraph *graph)
{
  for (guint i = 0; i < graph->n_watched; i++)
    {
      clWaitForEvents (1, &graph->watched[i].event);
      watched_clear (&graph->watched[i]);
    }
  graph->n_watched = 0;
}

/* The first element of an array that is NaN or infinite, or -1. */
static gint64
first_not_finite (const float *values, gint64 count)
{
  for (gint64 i = 0; i < count; i++)
    if (!isfinite (values[i]))
      return i;
  return -1;
}

/*
 * A norm can overflow though no gradient is infinite yet: the sentence then names
 * the largest gradient. Always FALSE.
 */
static gboolean
blame_largest_gradient (KolPlan *plan, KolStep *step, guint64 number, GError **error)
{
  const char *name = step->node->name;
  float largest = -1;

  for (guint i = 1; i < step->node->n_inputs; i++)
    {
      KolValue *value = step->node->inputs[i];
      gint64 count = kol_count (value);
      g_autofree float *values = g_new (float, count);
      KolBuffer *buffer = kol_plan_get_buffer (plan, step->inputs[i], error);

      if (!buffer
          || !kol_queue_read (plan->graph->parameters->queue, buffer, 0, values,
                              (gsize) count * sizeof (float), error))
        return FALSE;
      for (gint64 k = 0; k < count; k++)
        if (fabsf (values[k]) > largest)
          {
            largest = fabsf (values[k]);
            name = value->node->name;
          }
    }
  g_set_error (error, KOL_ERROR, KOL_ERROR_DIVERGED,
               "the norm of the gradients overflowed at step %" G_GUINT64_FORMAT
               ", the largest being %s with a value of %g; the parameters are those of the step "
               "before. Try a smaller learning rate",
               number, name, largest);
  return FALSE;
}

/* Looks at what a step has just written. Sets @error to a sentence that names the node. */
static gboolean
step_is_finite (KolPlan *plan, KolStep *step, guint64 number, GError **error)
{
  KolQueue *queue = plan->graph->parameters->queue;

  for (guint i = 0; i < step->node->n_outputs; i++)
    {
      KolValue *value = i ? &step->node->outputs[i] : &step->last->outputs[0];
      KolBuffer *buffer = kol_plan_get_buffer (plan, step->outputs[i], NULL);
      gint64 count = kol_count (value), at;
      g_autofree float *values = NULL;

      if (!buffer)
        continue;
      values = g_new (float, count);
      if (!kol_queue_read (queue, buffer, 0, values, (gsize) count * sizeof (float), error))
        return FALSE;
      at = first_not_finite (values, count);
      if (at >= 0 && step->node == plan->watch)
        return blame_largest_gradient (plan, step, number, error);
      if (at >= 0)
        {
          g_set_error (error, KOL_ERROR, KOL_ERROR_DIVERGED,
                       "%s gave %s at step %" G_GUINT64_FORMAT " (element %" G_GINT64_FORMAT
                       " of its output %s); the parameters are those of the step before. Try a "
                       "smaller learning rate",
                       value->node->name, isnan (values[at]) ? "NaN" : "infinity", number, at,
                       kol_shape_text (&value->shape));
          return FALSE;
        }
    }
  return TRUE;
}

/* Gives the placeholders the values they had at a step; @slots NULL: the current ones. */
static gboolean
restore_feeds (KolGraph *graph, const guint *slots, GError **error)
{
  for (guint i = 0; i < graph->feeds->len; i++)
    {
      KolFeed *feed = g_ptr_array_index (graph->feeds, i);
      guint slot = slots ? slots[i] : feed->current;

      if (feed->set && feed->host[slot] && !feed_write (graph, feed, slot, error))
        return FALSE;
    }
  return TRUE;
}

/* A plan for the same targets without chains of functions; NULL without the memory for it. */
static KolPlan *
separate_plan (KolPlan *plan)
{
  KolGraph *graph = plan->graph;
  KolPlan *separate;

  graph->separate = TRUE;
  separate = kol_plan_new (graph, (KolValue **) plan->targets->pdata, plan->targets->len, NULL);
  graph->separate = FALSE;
  if (separate && !kol_plan_prepare (separate, NULL))
    g_clear_pointer (&separate, kol_plan_free);
  return separate;
}

/*
 * Runs a flagged step once more on the batch it had, each node by itself, and names
 * the first bad one. Always FALSE.
 */
static gboolean
replay (KolGraph *graph, KolWatched *watched, GError **error)
{
  g_autoptr (KolPlan) separate = separate_plan (watched->plan);
  KolPlan *plan = separate ? separate : watched->plan;

  graph->example = watched->example;
  if (!restore_feeds (graph, watched->slots, error))
    return FALSE;
  for (guint i = 0; i < plan->steps->len; i++)
    {
      KolStep *step = &g_array_index (plan->steps, KolStep, i);

      if (!kol_plan_launch_step (plan, step, watched->step, error)
          || !step_is_finite (plan, step, watched->step, error))
        return FALSE;
    }
  g_set_error (error, KOL_ERROR, KOL_ERROR_DIVERGED,
               "the gradients were not finite at step %" G_GUINT64_FORMAT
               ", but they are when that step is run again: the device does not compute reliably",
               watched->step);
  return FALSE;
}

/* Clears the flag on the device, so that training may go on, from a smaller rate say. */
static void
reset_flag (KolGraph *graph, KolPlan *plan)
{
  KolParameter *state = kol_value_root (&plan->watch->outputs[1])->node->parameter;
  float zero[2] = { 0, 0 };

  if (state)
    kol_parameter_write (state, zero, NULL);
}

/* Waits until at most @allowed steps have not been looked at. */
static gboolean
look_at_flags (KolGraph *graph, guint allowed, GError **error)
{
  while (graph->n_watched > allowed)
    {
      KolWatched oldest = graph->watched[0];
      gboolean good;

      graph->n_watched--;
      memmove (graph->watched, graph->watched + 1, graph->n_watched * sizeof *graph->watched);
      graph->watched[graph->n_watched] = (KolWatched){ 0 };
      clWaitForEvents (1, &oldest.event);
      good = oldest.flag[0] == 0;
      if (!good)
        {
          kol_graph_forget_watched (graph); /* later steps wrote nothing */
          replay (graph, &oldest, error);
          restore_feeds (graph, NULL, NULL);
          reset_flag (graph, oldest.plan);
          graph->step = oldest.step;
          watched_clear (&oldest);
          return FALSE;
        }
      watched_clear (&oldest);
    }
  return TRUE;
}

static gboolean
watch_step (KolGraph *graph, KolPlan *plan, GError **error)
{
  KolWatched *watched = &graph->watched[graph->n_watched];
  int storage = kol_plan_find_storage (plan, &plan->watch->outputs[1]);
  KolBuffer *buffer = kol_plan_get_buffer (plan, storage, error);

  if (!buffer)
    return FALSE;
  watched->flag = g_new0 (float, 2);
  if (!kol_queue_read_async (graph->parameters->queue, buffer, 0, watched->flag, 2 * sizeof (float),
                             &watched->event, error))
    {
      watched_clear (watched);
      return FALSE;
    }
  watched->plan = plan;
  watched->step = graph->step;
  watched->example = graph->example;
  watched->slots = g_new0 (guint, graph->feeds->len);
  for (guint i = 0; i < graph->feeds->len; i++)
    watched->slots[i] = ((KolFeed *) g_ptr_array_index (graph->feeds, i))->current;
  graph->n_watched++;
  return TRUE;
}

/* ── Running ────────────────────────────────────────────────────────────────────────────────── */

#define PLANS_KEPT 8

static gboolean
targets_are_good (KolGraph *graph, KolValue *const *targets, guint n, GError **error)
{
  if (graph->error)
    {
      g_propagate_error (error, g_error_copy (graph->error));
      return FALSE;
    }
  for (guint i = 0; i < n; i++)
    {
      g_return_val_if_fail (targets[i] && targets[i]->graph == graph, FALSE);
      g_return_val_if_fail (!kol_value_failed (targets[i]), FALSE);
    }
  return TRUE;
}

/* The plan for these targets: a kept one, or a new one. Lent. */
static KolPlan *
find_plan (KolGraph *graph, KolValue *const *targets, guint n, GError **error)
{
  KolPlan *plan;

  if (!targets_are_good (graph, targets, n, error))
    return NULL;
  for (guint i = 0; i < graph->plans->len; i++)
    {
      plan = g_ptr_array_index (graph->plans, i);
      if (kol_plan_matches (plan, targets, n))
        return plan;
    }
  plan = kol_plan_new (graph, targets, n, error);
  if (!plan)
    return NULL;
  if (graph->plans->len >= PLANS_KEPT)
    {
      KolPlan *oldest = g_ptr_array_index (graph->plans, graph->plans->len - 1);

      if (!look_at_flags (graph, 0, error)
          || (graph->parameters->queue && !kol_queue_finish (graph->parameters->queue, error)))
        {
          kol_plan_free (plan);
          return NULL;
        }
      if (graph->last == oldest)
        graph->last = NULL;
      g_ptr_array_remove_index (graph->plans, graph->plans->len - 1);
    }
  g_ptr_array_insert (graph->plans, 0, plan);
  return plan;
}

static gboolean
feeds_are_set (KolPlan *plan, GError **error)
{
  for (guint i = 0; i < plan->storages->len; i++)
    {
      KolFeed *feed = g_array_index (plan->storages, KolStorage, i).feed;

      if (feed && !feed->set)
        {
          g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
                       "the placeholder %s of shape %s has not been given values",
                       feed->value->node->name, kol_shape_text (&feed->value->shape));
          return FALSE;
        }
      if (feed)
        feed->used = TRUE;
    }
  return TRUE;
}

/* A number that changes when a parameter or placeholder that the plan uses does. */
static guint64
stamp_of (const KolPlan *plan)
{
  guint64 stamp = 0;

  for (guint i = 0; i < plan->storages->len; i++)
    {
      const KolStorage *storage = &g_array_index (plan->storages, KolStorage, i);

      stamp += storage->parameter ? storage->parameter->version : 0;
      stamp += storage->feed ? storage->feed->version : 0;
    }
  return stamp;
}

/* The versions of the parameters that the steps read which run once. */
static guint64
once_stamp_of (const KolPlan *plan)
{
  guint64 stamp = 0;

  for (guint i = 0; i < plan->storages->len; i++)
    {
      const KolStorage *storage = &g_array_index (plan->storages, KolStorage, i);

      if (storage->parameter && storage->first < plan->n_once)
        stamp += storage->parameter->version;
    }
  return stamp;
}

static gboolean
launch_steps (KolPlan *plan, guint first, guint end, GError **error)
{
  for (guint i = first; i < end; i++)
    if (g_cancellable_set_error_if_cancelled (plan->graph->cancellable, error)
        || !kol_plan_launch_step (plan, &g_array_index (plan->steps, KolStep, i), plan->graph->step,
                                  error))
      return FALSE;
  /* What is read and written from here on is no work of the last step's. */
  if (end > first)
    kol_queue_set_label (plan->graph->parameters->queue, NULL);
  return TRUE;
}

/* Computes what follows from parameters alone, if they have changed since it was computed. */
static gboolean
refresh_constants (KolPlan *plan, GError **error)
{
  if (plan->ran_once && plan->once_stamp == once_stamp_of (plan))
    return TRUE;
  plan->ran_once = FALSE;
  if (!launch_steps (plan, 0, plan->n_once, error))
    return FALSE;
  for (guint i = 0; i < plan->storages->len; i++)
    g_array_index (plan->storages, KolStorage, i).version++;
  plan->once_stamp = once_stamp_of (plan);
  plan->ran_once = TRUE;
  return TRUE;
}

/**
 * kol_run_all:
 * @graph: a graph
 * @targets: (array length=n): values of @graph
 * @n: how many
 * @error: return location
 *
 * Computes the targets from what the placeholders hold. The call enqueues and
 * returns; kol_read() and kol_scalar() wait. If the targets depend on an
 * optimizer, the parameters are updated and the graph's step goes up by one.
 *
 * Errors: the first error of the graph's construction; %KOL_ERROR_MEMORY;
 * %KOL_ERROR_DIVERGED, which may concern the step before the last: parameters
 * are then those before the bad step; %G_IO_ERROR_CANCELLED.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_run_all (KolGraph *graph, KolValue *const *targets, guint n, GError **error)
{
  KolPlan *plan = find_plan (graph, targets, n, error);

  if (!plan || !kol_plan_prepare (plan, error) || !feeds_are_set (plan, error))
    return FALSE;
  /* Parts of a batch soon use up the copies that a replay would need: all is looked at before. */
  gboolean gathers = plan->writes && !plan->counts;
  if ((plan->watch || gathers)
      && !look_at_flags (graph, gathers ? 0 : KOL_WATCHED_STEPS - 1, error))
    return FALSE;
  graph->last = plan;
  if (!refresh_constants (plan, error)
      || !launch_steps (plan, plan->n_once, plan->steps->len, error))
    return FALSE;
  if (plan->watch && !watch_step (graph, plan, error))
    return FALSE;
  if (plan->counts)
    graph->step++;
  plan->stamp = stamp_of (plan);
  return kol_queue_flush (graph->parameters->queue, error);
}

/**
 * kol_run:
 * @graph: a graph
 * @target: a value of it
 * @error: return location
 *
 * kol_run_all() for one target.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_run (KolGraph *graph, KolValue *target, GError **error)
{
  if (kol_value_failed (target) && graph->error)
    {
      g_propagate_error (error, g_error_copy (graph->error));
      return FALSE;
    }
  return kol_run_all (graph, &target, 1, error);
}

/**
 * kol_prepare:
 * @graph: a graph
 * @targets: (array length=n): values of @graph
 * @n: how many
 * @error: return location
 *
 * Does what the first kol_run_all() would do before it runs: chooses variants,
 * allocates, compiles. Progress is told to the device's #KolProgress. The graph's
 * cancellable ends it after the program under way; what is compiled by then stays.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_prepare (KolGraph *graph, KolValue *const *targets, guint n, GError **error)
{
  KolPlan *plan = find_plan (graph, targets, n, error);

  return plan && kol_plan_prepare (plan, error);
}

/**
 * kol_peak_bytes:
 * @graph: a graph
 * @targets: (array length=n): values of @graph
 * @n: how many
 * @bytes: (out): device memory that a run needs at its peak, parameters and
 *   placeholders among it
 * @error: return location
 *
 * Known before anything is allocated or run.
 *
 * Returns: %FALSE if the graph has failed
 */
gboolean
kol_peak_bytes (KolGraph *graph, KolValue *const *targets, guint n, guint64 *bytes, GError **error)
{
  KolPlan *plan = find_plan (graph, targets, n, error);

  if (!plan)
    return FALSE;
  *bytes = plan->own_bytes + plan->kept_bytes;
  return TRUE;
}

/* A parameter is shared by all plans, and counts once; its packed forms do for each. */
static guint64
shared_bytes (const KolPlan *plan, GHashTable *seen)
{
  guint64 again = 0;

  for (guint i = 0; i < plan->storages->len; i++)
    {
      const KolStorage *storage = &g_array_index (plan->storages, KolStorage, i);

      if (storage->kind == KOL_STORAGE_PARAMETER && !g_hash_table_add (seen, storage->parameter))
        again += storage->bytes;
    }
  return plan->kept_bytes - again;
}

gboolean
kol_peak_bytes_of_runs (const KolTogether *runs, guint n, guint64 *bytes, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  g_autoptr (GArray) slots = g_array_new (FALSE, TRUE, sizeof (gsize));

  *bytes = 0;
  for (guint i = 0; i < n; i++)
    {
      const KolPlan *plan = find_plan (runs[i].graph, runs[i].targets, runs[i].n, error);

      if (!plan)
        return FALSE;
      *bytes += plan->own_bytes + shared_bytes (plan, seen);
      g_array_set_size (slots, MAX (slots->len, plan->slots->len));
      for (guint k = 0; k < plan->slots->len; k++)
        {
          gsize *slot = &g_array_index (slots, gsize, k),
                own = g_array_index (plan->slots, gsize, k);
          *bytes -= MIN (*slot, own);
          *slot = MAX (*slot, own);
        }
    }
  return TRUE;
}

/**
 * kol_repeated_share:
 * @graph: a graph
 * @targets: (array length=n): values of @graph
 * @n: how many
 * @share: (out): operations that a run repeats to save memory (see
 *   kol_graph_set_memory()), relative to those that it would do anyway
 * @error: return location
 *
 * Returns: %FALSE if the graph has failed
 */
gboolean
kol_repeated_share (KolGraph *graph, KolValue *const *targets, guint n, double *share,
                    GError **error)
{
  KolPlan *plan = find_plan (graph, targets, n, error);

  if (!plan)
    return FALSE;
  *share = kol_plan_repeated_share (plan);
  return TRUE;
}

/**
 * kol_plan_describe:
 * @graph: a graph
 * @targets: (array length=n): values of @graph
 * @n: how many
 * @error: return location
 *
 * The steps of a run as a table for people: node, operation, variant, what it
 * absorbs, shape, and where the result lies.
 *
 * Returns: (transfer full) (nullable): the text
 */
char *
kol_plan_describe (KolGraph *graph, KolValue *const *targets, guint n, GError **error)
{
  KolPlan *plan = find_plan (graph, targets, n, error);
  GString *text;
  g_autofree char *own = NULL, *kept = NULL;

  if (!plan)
    return NULL;
  text = g_string_new (NULL);
  for (guint i = 0; i < plan->steps->len; i++)
    {
      const KolStep *step = &g_array_index (plan->steps, KolStep, i);
      const KolStorage *storage = &g_array_index (plan->storages, KolStorage, step->outputs[0]);

      g_string_append_printf (
          text, "%4u  %-32s %-28s %-14s %s%s%s%s%-20s ", i, step->last->name, step->node->op->name,
          step->variant->name, step->absorbed & KOL_BIAS ? "+bias " : "",
          step->absorbed & KOL_RESIDUAL ? "+residual " : "", step->unary ? "+unary " : "",
          step->repeated ? "again " : "", kol_shape_text (&step->last->outputs[0].shape));
      if (storage->kind == KOL_STORAGE_SLOT)
        g_string_append_printf (text, "slot %u\n", storage->slot);
      else
        g_string_append (text, storage->kind == KOL_STORAGE_TARGET ? "target\n"
                               : storage->kind == KOL_STORAGE_KEPT ? "kept\n"
                                                                   : "in place\n");
    }
  own = g_format_size_full (plan->own_bytes, G_FORMAT_SIZE_IEC_UNITS);
  kept = g_format_size_full (plan->kept_bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_string_append_printf (text, "%u slots, %s; parameters and placeholders %s\n", plan->slots->len,
                          own, kept);
  return g_string_free (text, FALSE);
}

/* ── Reading ────────────────────────────────────────────────────────────────────────────────── */

/*
 * The memory that holds @value now: a parameter's, a placeholder's, or that of a
 * target of the last run, if nothing it depends on has changed since. A run that
 * writes parameters is not repeated for a look: what it left is read.
 */
static KolBuffer *
find_current (KolGraph *graph, KolValue *value, GError **error)
{
  KolValue *root = kol_value_root (value);

  if (root->node->parameter)
    return kol_parameter_get_buffer (root->node->parameter, error);
  if (graph->last && (graph->last->writes || stamp_of (graph->last) == graph->last->stamp))
    for (guint i = 0; i < graph->last->targets->len; i++)
      if (g_ptr_array_index (graph->last->targets, i) == value)
        return kol_plan_get_buffer (graph->last, kol_plan_find_storage (graph->last, value), error);
  return NULL;
}

/**
 * kol_read:
 * @value: a value
 * @values: (out): room for all its elements
 * @error: return location
 *
 * Reads a value as the last run left it, if it was among that run's targets and
 * either no parameter and no placeholder has changed since, or the run was a
 * training step; otherwise computes it now from what the placeholders hold.
 * Waits.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_read (KolValue *value, float *values, GError **error)
{
  KolGraph *graph = value->graph;
  g_autoptr (GError) local = NULL;
  KolBuffer *buffer;

  if (!targets_are_good (graph, NULL, 0, error))
    return FALSE;
  buffer = find_current (graph, value, &local);
  if (!buffer && !local)
    {
      if (!kol_run (graph, value, error))
        return FALSE;
      buffer = find_current (graph, value, &local);
    }
  if (!buffer)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  return kol_queue_read (graph->parameters->queue, buffer, 0, values,
                         (gsize) kol_count (value) * sizeof (float), error);
}

gboolean
kol_read_late (KolValue *value, float *values, cl_event *event, GError **error)
{
  KolGraph *graph = value->graph;
  KolBuffer *buffer = find_current (graph, value, error);

  if (!buffer)
    {
      if (error && !*error)
        g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                     "%s was to be read, but the last run did not compute it", value->node->name);
      return FALSE;
    }
  return kol_queue_read_async (graph->parameters->queue, buffer, 0, values,
                               (gsize) kol_count (value) * sizeof (float), event, error);
}

guint64
kol_graph_get_good_step (const KolGraph *graph)
{
  return graph->step - graph->n_watched;
}

/**
 * kol_scalar:
 * @value: a value of one element
 *
 * kol_read() for one number. An error is kept by the graph, to be reported by
 * the next kol_run().
 *
 * Returns: the number, or NaN if something has failed
 */
float
kol_scalar (KolValue *value)
{
  g_autoptr (GError) error = NULL;
  float number = NAN;

  if (kol_value_failed (value))
    return NAN;
  g_return_val_if_fail (kol_count (value) == 1, NAN);
  if (!kol_read (value, &number, &error))
    {
      if (!value->graph->error)
        value->graph->error = g_steal_pointer (&error);
      return NAN;
    }
  return number;
}

/**
 * kol_finish:
 * @graph: a graph
 * @error: return location
 *
 * Waits for all runs, and for their flags: after it, a run that has diverged has
 * been reported.
 *
 * Returns: %FALSE if something has failed
 */
gboolean
kol_finish (KolGraph *graph, GError **error)
{
  if (!graph->parameters->queue)
    return TRUE;
  return look_at_flags (graph, 0, error) && kol_queue_finish (graph->parameters->queue, error);
}
