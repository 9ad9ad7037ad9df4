/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * How well a network that paints does on a photo, against what it stands in for: L-BFGS on
 * the photo itself, from the same losses.
 */

#include "fast-style-compare-private.h"

#include <string.h>

#include "../device/error.h"
#include "../graph/graph-private.h"
#include "../nn/initializers.h"
#include "../nn/lbfgs.h"
#include "../ops.h"
#include "../ops/optimizer-private.h"
#include "fast-style-network-private.h"

#define X "study/slow/x"
#define GRADIENT "study/slow/gradient"

struct _KolFastStyleSlow {
  KolFastStyleTask task;
  gint64 batch; /* that the network of features is made for: so many copies */
  KolGraph *painting, *graph;
  KolValue *photo, *painted; /* [1, 3, size, size]: a placeholder, and what is made of it */
  KolParameter *x;
  KolFastStyleLosses *losses;
  KolValue *targets[2]; /* the losses, and what writes the gradient */
};

void
kol_fast_style_slow_free (KolFastStyleSlow *slow)
{
  if (!slow)
    return;
  g_clear_pointer (&slow->losses, kol_fast_style_losses_free);
  g_clear_pointer (&slow->graph, kol_graph_free);
  g_clear_pointer (&slow->painting, kol_graph_free);
  g_free (slow);
}

static gboolean
check (const KolGraph *graph, GError **error)
{
  const GError *mistake = kol_graph_get_error (graph);

  if (!mistake)
    return TRUE;
  g_propagate_error (error, g_error_copy (mistake));
  return FALSE;
}

static gboolean
build (KolFastStyleSlow *self, GError **error)
{
  KolParameters *parameters = kol_layers_get_parameters (self->task.network);
  gint64 size = self->task.options->size;
  KolShape shape = KOL_SHAPE (1, 3, size, size);
  g_autoptr (GPtrArray) copies = g_ptr_array_new ();
  KolValue *gradient;

  self->painting = kol_graph_new_over (parameters);
  self->photo = kol_placeholder (self->painting, "study/photo", shape);
  self->painted = kol_clip (kol_fast_style_build (self->photo, self->task.options->width), 0, 1);
  self->graph = kol_graph_new_over (parameters);
  KolValue *x = kol_state (self->graph, X, shape, KOL_CONSTANT (0.5));
  KolValue *sums = kol_state (self->graph, GRADIENT, shape, KOL_CONSTANT (0));
  if (!check (self->painting, error) || !check (self->graph, error))
    return FALSE;
  self->x = x->node->parameter;
  for (gint64 i = 0; i < self->batch; i++)
    g_ptr_array_add (copies, x);
  KolValue *pictures = self->batch > 1
                           ? kol_concat ((KolValue *const *) copies->pdata, copies->len, 0)
                           : kol_scale (x, 1, 0);
  self->losses = kol_fast_style_losses_new (&self->task, pictures, error);
  if (!self->losses)
    return FALSE;
  KolValue *total = kol_fast_style_losses_get_total (self->losses);
  kol_gradients (total, &x, 1, &gradient);
  self->targets[0] = kol_fast_style_losses_get_target (self->losses);
  self->targets[1] = kol_gather_gradients (&sums, &gradient, 1, 1);
  return check (self->graph, error);
}

KolFastStyleSlow *
kol_fast_style_slow_new (const KolFastStyleTask *task, GError **error)
{
  g_autoptr (KolFastStyleSlow) self = g_new0 (KolFastStyleSlow, 1);

  self->task = *task;
  self->batch = (gint64) MAX (kol_layers_get_batch (task->network), 1);
  if (!build (self, error) || !kol_fast_style_losses_want_style (self->losses, error))
    return NULL;
  return g_steal_pointer (&self);
}

static gboolean
evaluate (double *loss, gpointer user_data, GError **error)
{
  KolFastStyleSlow *self = user_data;

  return kol_run_all (self->graph, self->targets, 2, error)
         && kol_fast_style_losses_read (self->losses, loss, error);
}

static KolSnapshot *
make_snapshot (const KolFastStyleSlow *self, float *pixels)
{
  gsize size = self->task.options->size;

  for (gsize i = 0; i < 3 * size * size; i++)
    pixels[i] = CLAMP (pixels[i], 0, 1);
  return kol_snapshot_new (pixels, 3, size, size);
}

/* The network's picture, and what its losses sum up to. */
static gboolean
paint (KolFastStyleSlow *self, const float *photo, KolFastStyleComparison *found, GError **error)
{
  g_autofree float *pixels = g_new (float, kol_count (self->painted));

  kol_set (self->photo, photo);
  if (!kol_run (self->painting, self->painted, error) || !kol_read (self->painted, pixels, error)
      || !kol_parameter_write (self->x, pixels, error) || !evaluate (&found->loss, self, error))
    return FALSE;
  found->painted = make_snapshot (self, pixels);
  return TRUE;
}

/* L-BFGS from the photo; once it cannot get lower, it stays where it is. */
static gboolean
descend (KolFastStyleSlow *self, const float *photo, guint iterations, GCancellable *cancellable,
         KolFastStyleComparison *found, GError **error)
{
  KolLbfgsOptions options = { .variable = X, .gradient = GRADIENT };
  g_autoptr (KolLbfgs) search = NULL;
  g_autofree float *pixels = g_new (float, kol_count (self->painted));
  gboolean moved = TRUE;

  if (!kol_parameter_write (self->x, photo, error) || !evaluate (&found->losses[0], self, error))
    return FALSE;
  search = kol_lbfgs_new (kol_layers_get_parameters (self->task.network), &options, error);
  if (!search)
    return FALSE;
  for (guint i = 1; i <= iterations; i++)
    {
      found->losses[i] = found->losses[i - 1];
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (moved && !kol_lbfgs_step (search, evaluate, self, &found->losses[i], &moved, error))
        return FALSE;
    }
  if (!kol_parameter_read (self->x, pixels, error))
    return FALSE;
  found->slow = make_snapshot (self, pixels);
  return TRUE;
}

KolFastStyleComparison *
kol_fast_style_slow_compare (KolFastStyleSlow *slow, const float *photo, guint iterations,
                             GCancellable *cancellable, GError **error)
{
  gsize n = (gsize) kol_count (slow->painted);
  g_autofree float *copies = g_new (float, (gsize) slow->batch *n);
  g_autoptr (KolFastStyleComparison) found = g_new0 (KolFastStyleComparison, 1);

  found->iterations = iterations;
  found->losses = g_new0 (double, iterations + 1);
  for (gint64 i = 0; i < slow->batch; i++)
    memcpy (copies + (gsize) i * n, photo, n * sizeof *photo);
  if (!kol_fast_style_losses_want_photos (slow->losses, copies, error)
      || !paint (slow, photo, found, error)
      || !descend (slow, photo, iterations, cancellable, found, error))
    return NULL;
  return g_steal_pointer (&found);
}

/**
 * kol_fast_style_comparison_free:
 * @comparison: (transfer full) (nullable): a comparison
 */
void
kol_fast_style_comparison_free (KolFastStyleComparison *comparison)
{
  if (!comparison)
    return;
  g_clear_pointer (&comparison->painted, kol_snapshot_unref);
  g_clear_pointer (&comparison->slow, kol_snapshot_unref);
  g_free (comparison->losses);
  g_free (comparison);
}
