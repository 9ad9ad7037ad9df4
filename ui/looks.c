/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Looks into a run. A look is asked for on the main thread and taken by a probe, between two
 * steps, over the trainer's own weights; what it keeps from one look to the next (graphs over
 * these weights, what is known of the validation set) is freed on the worker's thread, too.
 */

#include "looks.h"

#include <math.h>

#include "chart/axis.h"
#include "look-private.h"
#include "news-private.h"

#define BINS 64 /* of a histogram */

/* ── Looks ───────────────────────────────────────────────────────────────────────────────────── */

static void
example_clear (gpointer data)
{
  KxExample *example = data;

  g_clear_object (&example->texture);
  g_clear_pointer (&example->numbers, g_bytes_unref);
}

static void
layer_clear (gpointer data)
{
  KxLayerLook *layer = data;

  g_free (layer->name);
  g_free (layer->kind);
  g_free (layer->shape);
  g_free (layer->weights);
  g_clear_pointer (&layer->maps, g_ptr_array_unref);
}

static void
node_clear (gpointer data)
{
  g_free (((KxNodeLook *) data)->weights);
}

static KxLook *
look_new (KxLookKind kind)
{
  KxLook *look = g_new0 (KxLook, 1);

  g_atomic_ref_count_init (&look->references);
  look->kind = kind;
  look->loss = NAN;
  look->examples = g_array_new (FALSE, TRUE, sizeof (KxExample));
  look->layers = g_array_new (FALSE, TRUE, sizeof (KxLayerLook));
  look->pictures = g_ptr_array_new_with_free_func (g_object_unref);
  g_array_set_clear_func (look->examples, example_clear);
  look->nodes = g_array_new (FALSE, TRUE, sizeof (KxNodeLook));
  g_array_set_clear_func (look->layers, layer_clear);
  g_array_set_clear_func (look->nodes, node_clear);
  return look;
}

KxLook *
kx_look_ref (KxLook *look)
{
  g_atomic_ref_count_inc (&look->references);
  return look;
}

void
kx_look_unref (KxLook *look)
{
  if (!look || !g_atomic_ref_count_dec (&look->references))
    return;
  g_free (look->fault);
  g_free (look->title);
  g_strfreev (look->class_names);
  g_strfreev (look->names);
  g_array_unref (look->examples);
  g_array_unref (look->layers);
  g_array_unref (look->nodes);
  g_ptr_array_unref (look->pictures);
  g_free (look->confusion);
  g_free (look->probabilities);
  g_free (look->inputs);
  g_free (look->outputs);
  g_free (look->targets);
  kol_histograms_free (look->weights);
  kol_histograms_free (look->gradients);
  g_free (look);
}

/**
 * kx_look_name_class:
 * @look: a look
 * @class: a class, or a number where there are none
 *
 * Returns: (transfer full): its name
 */
char *
kx_look_name_class (const KxLook *look, double class)
{
  guint i = (guint) class;

  if (!look->classes)
    return kx_format_value (class);
  if (look->class_names && i < g_strv_length (look->class_names))
    return g_strdup (look->class_names[i]);
  return g_strdup_printf ("%u", i);
}

/* ── The worker's side ───────────────────────────────────────────────────────────────────────── */

KxLookState *
kx_look_state_new (void)
{
  return g_new0 (KxLookState, 1);
}

void
kx_built_clear (KxBuilt *built)
{
  g_clear_pointer (&built->layers, g_ptr_array_unref);
  g_clear_pointer (&built->graph, kol_graph_free);
}

void
kx_look_state_free (KxLookState *state)
{
  if (!state)
    return;
  kx_built_clear (&state->one);
  kx_built_clear (&state->many);
  g_clear_pointer (&state->evaluator, kol_evaluator_free);
  g_clear_pointer (&state->batches, kol_batches_free);
  g_clear_pointer (&state->names, g_ptr_array_unref);
  g_clear_pointer (&state->kinds, g_ptr_array_unref);
  g_clear_pointer (&state->inputs, g_ptr_array_unref);
  g_clear_pointer (&state->nodes, kx_nodes_free);
  g_clear_error (&state->no_nodes);
  g_free (state->verdicts);
  g_free (state);
}

float *
kx_look_read_value (KolValue *value, gsize *count, GError **error)
{
  *count = (gsize) kol_shape_count (kol_value_get_shape (value));
  g_autofree float *numbers = g_new (float, *count);

  return kol_read (value, numbers, error) ? g_steal_pointer (&numbers) : NULL;
}

gboolean
kx_look_refuse (GError **error, const char *text)
{
  g_set_error_literal (error, KOL_ERROR, KOL_ERROR_DATA, text);
  return FALSE;
}

KolParameters *
kx_look_parameters (KolTrainer *trainer)
{
  return kol_graph_get_parameters (kol_trainer_get_graph (trainer));
}

/* ── Taking a look ───────────────────────────────────────────────────────────────────────────── */

static gboolean
look_at_histograms (KxLook *look, KolTrainer *trainer, GError **error)
{
  look->names = g_strdupv ((char **) kol_trainer_get_parameter_names (trainer));
  look->weights = kol_trainer_read_weights (trainer, BINS, error);
  look->gradients = look->weights ? kol_trainer_read_gradients (trainer, BINS, error) : NULL;
  return look->gradients != NULL;
}

static gboolean
take (KxLookState *state, KxLook *look, KolTrainer *trainer, const KxLookQuestion *question,
      GError **error)
{
  switch (question->kind)
    {
    case KX_LOOK_BATCH:
      return kx_look_at_batch (look, trainer, error);
    case KX_LOOK_VALIDATION:
      return kx_look_at_validation (state, look, trainer, question, error);
    case KX_LOOK_FILTERS:
      return kx_look_at_filters (look, trainer, error);
    case KX_LOOK_ACTIVATIONS:
      return kx_look_at_activations (state, look, trainer, question->numbers, error);
    case KX_LOOK_HISTOGRAMS:
      return look_at_histograms (look, trainer, error);
    case KX_LOOK_NODES:
      return kx_look_at_nodes (state, look, question, error);
    case KX_LOOK_LAYERS:
    default:
      return kx_look_at_layers (state, look, trainer, error);
    }
}

/**
 * kx_look_state_look:
 * @state: what is kept from look to look
 * @trainer: between two steps
 * @question: what is asked
 *
 * Returns: (transfer full): what was seen, or why nothing could be
 */
KxLook *
kx_look_state_look (KxLookState *state, KolTrainer *trainer, const KxLookQuestion *question)
{
  const KolDataset *like = kol_trainer_get_validation (trainer);
  g_autoptr (GError) error = NULL;
  gint64 began = g_get_monotonic_time ();
  KxLook *look = look_new (question->kind);

  look->step = kol_trainer_get_step (trainer);
  look->classes = like->labels ? like->classes : 0;
  look->loss_kind = kx_look_find_loss (trainer);
  look->class_names = g_strdupv (like->class_names);
  if (!take (state, look, trainer, question, &error))
    look->fault = g_strdup (error->message);
  look->seconds = (double) (g_get_monotonic_time () - began) / G_USEC_PER_SEC;
  return look;
}

/* ── Between the threads ─────────────────────────────────────────────────────────────────────── */

/* What the probes share, until the task that stands for it ends, on the worker's thread. */
typedef struct {
  gatomicrefcount references;
  KxLookState *state; /* the worker's; NULL: over */
} Shared;

struct _KxLooks {
  KxRun *run;
  Shared *shared;
  KxTask *task; /* never has a turn to take; its end frees the state */
};

typedef struct {
  gatomicrefcount references; /* the probe's, and the delivery's */
  Shared *shared;
  KxLookQuestion question;
  KxLookFunc func;
  GWeakRef owner;
  KxLook *look;
} Asked;

static void
shared_unref (Shared *shared)
{
  if (g_atomic_ref_count_dec (&shared->references))
    g_free (shared);
}

static KxTurn
rest (gpointer data, double seconds)
{
  return KX_TURN_WAIT;
}

static void
end_state (gpointer data)
{
  Shared *shared = data;

  g_clear_pointer (&shared->state, kx_look_state_free);
  shared_unref (shared);
}

static const KxTaskKind looks_kind = { rest, end_state };

static void
asked_unref (gpointer data)
{
  Asked *asked = data;

  if (!g_atomic_ref_count_dec (&asked->references))
    return;
  shared_unref (asked->shared);
  g_clear_pointer (&asked->question.numbers, g_bytes_unref);
  g_clear_pointer (&asked->question.edits, g_bytes_unref);
  g_weak_ref_clear (&asked->owner);
  kx_look_unref (asked->look);
  g_free (asked);
}

static void
deliver (gpointer data)
{
  Asked *asked = data;
  g_autoptr (GObject) owner = g_weak_ref_get (&asked->owner);

  if (owner)
    asked->func (asked->look, owner);
}

/* A KxRunProbe. */
static void
answer (KolTrainer *trainer, gpointer data)
{
  Asked *asked = data;

  if (!asked->shared->state)
    return;
  asked->look = kx_look_state_look (asked->shared->state, trainer, &asked->question);
  g_atomic_ref_count_inc (&asked->references);
  kx_news_post (deliver, asked, asked_unref);
}

/**
 * kx_looks_new:
 * @run: a run
 *
 * Returns: (transfer full): what looks into it
 */
KxLooks *
kx_looks_new (KxRun *run)
{
  KxLooks *looks = g_new0 (KxLooks, 1);
  KxWorker *worker = kx_engine_get_worker (kx_device_get_engine (kx_run_get_device (run)));

  looks->run = g_object_ref (run);
  looks->shared = g_new0 (Shared, 1);
  g_atomic_ref_count_init (&looks->shared->references);
  if (worker)
    {
      looks->shared->state = kx_look_state_new ();
      g_atomic_ref_count_inc (&looks->shared->references);
      looks->task = kx_worker_add (worker, &looks_kind, looks->shared, 1);
    }
  return looks;
}

/**
 * kx_looks_free:
 * @looks: (transfer full) (nullable): looks; what is still asked may be answered yet
 */
void
kx_looks_free (KxLooks *looks)
{
  if (!looks)
    return;
  if (looks->task)
    {
      kx_task_cancel (looks->task);
      kx_task_unref (looks->task);
    }
  shared_unref (looks->shared);
  g_object_unref (looks->run);
  g_free (looks);
}

/**
 * kx_looks_ask:
 * @looks: looks
 * @question: what is to be looked at
 * @func: told on the main thread what was seen; not called if the run has ended
 * @owner: (type GObject): for @func; of what it asks only the newest is answered, and nothing once
 *   it is gone
 */
void
kx_looks_ask (KxLooks *looks, const KxLookQuestion *question, KxLookFunc func, gpointer owner)
{
  Asked *asked = g_new0 (Asked, 1);

  g_atomic_ref_count_init (&asked->references);
  g_atomic_ref_count_inc (&looks->shared->references);
  asked->shared = looks->shared;
  asked->question = *question;
  if (question->numbers)
    g_bytes_ref (question->numbers);
  if (question->edits)
    g_bytes_ref (question->edits);
  asked->func = func;
  g_weak_ref_init (&asked->owner, owner);
  kx_run_probe (looks->run, owner, answer, asked, asked_unref);
}
