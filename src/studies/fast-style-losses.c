/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "fast-style-losses-private.h"

#include <math.h>
#include <string.h>

#include "../graph/graph-private.h"
#include "../ops.h"
#include "style-loss-private.h"
#include "style-pictures-private.h"

typedef struct {
  KolValue *gram, *scale; /* placeholders */
} StyleTarget;

typedef struct {
  KolValue *features, *scale; /* placeholders */
  KolValue *seen;             /* of the photos, in the graph that looks at them */
} ContentTarget;

struct _KolFastStyleLosses {
  KolFastStyleTask task;
  KolGraph *graph;   /* lent: that of the painted pictures */
  KolGraph *looking; /* at the photos */
  KolValue *looked_at;
  KolValue *total, *target;
  GArray *styles, *contents, *terms;
  float *read;
};

void
kol_fast_style_losses_free (KolFastStyleLosses *losses)
{
  if (!losses)
    return;
  g_clear_pointer (&losses->looking, kol_graph_free);
  g_clear_pointer (&losses->styles, g_array_unref);
  g_clear_pointer (&losses->contents, g_array_unref);
  g_clear_pointer (&losses->terms, g_array_unref);
  g_free (losses->read);
  g_free (losses);
}

/* ── The graph ───────────────────────────────────────────────────────────────────────────────── */

static KolValue *
find_features (const KolFastStyleLosses *self, const char *name, GError **error)
{
  const KolLayerInfo *layer = kol_layers_find (self->task.network, name, error);

  if (layer && layer->value && layer->shape.rank == 4)
    return layer->value;
  if (layer)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                 "The layer “%s” has no features with places, [N, C, H, W]", name);
  return NULL;
}

static double
weight_of (const KolStyleLayer *layer)
{
  return layer->weight != 0 ? layer->weight : 1;
}

static KolValue *
placeholder (KolFastStyleLosses *self, const char *what, const char *layer, KolShape shape)
{
  g_autofree char *name = g_strdup_printf ("study/%s/%s", what, layer);

  return kol_placeholder (self->graph, name, shape);
}

static KolValue *
add_term (KolFastStyleLosses *self, GPtrArray *losses, KolStyleTerm term, KolValue *loss,
          KolValue *total)
{
  g_array_append_val (self->terms, term);
  g_ptr_array_add (losses, kol_reshape (loss, KOL_SHAPE (1)));
  KolValue *weighted = kol_scale (loss, (float) term.weight, 0);
  return total ? kol_add (total, weighted) : weighted;
}

/* sum (G - G')^2 / sum G'^2 of each picture's Gram matrix G, the style's G'. */
static KolValue *
add_style (KolFastStyleLosses *self, GPtrArray *losses, KolValue *total, GError **error)
{
  for (guint i = 0; i < self->task.layers->n_style_layers; i++)
    {
      const KolStyleLayer *layer = &self->task.layers->style_layers[i];
      KolValue *features = find_features (self, layer->name, error);

      if (!features)
        return NULL;
      gint64 channels = features->shape.dim[1];
      StyleTarget target
          = { placeholder (self, "gram", layer->name, KOL_SHAPE (channels, channels)),
              placeholder (self, "gram-scale", layer->name, KOL_SCALAR) };
      KolStyleTerm term = { .kind = "style",
                            .layer = layer->name,
                            .loss = NAN,
                            .weight = self->task.options->style_weight * weight_of (layer) };
      KolValue *loss = kol_style_gram_loss (kol_style_grams (features), target.gram);
      total = add_term (self, losses, term, kol_multiply (loss, target.scale), total);
      g_array_append_val (self->styles, target);
    }
  return total;
}

static KolValue *
add_content (KolFastStyleLosses *self, GPtrArray *losses, GError **error)
{
  KolValue *total = NULL;

  for (guint i = 0; i < self->task.layers->n_content_layers; i++)
    {
      const KolStyleLayer *layer = &self->task.layers->content_layers[i];
      KolValue *features = find_features (self, layer->name, error);

      if (!features)
        return NULL;
      ContentTarget target = { placeholder (self, "content", layer->name, features->shape),
                               placeholder (self, "content-scale", layer->name, KOL_SCALAR) };
      KolStyleTerm term = { .kind = "content",
                            .layer = layer->name,
                            .loss = NAN,
                            .weight = self->task.options->content_weight * weight_of (layer) };
      KolValue *loss = kol_mean (kol_square (kol_subtract (features, target.features)));
      total = add_term (self, losses, term, kol_multiply (loss, target.scale), total);
      g_array_append_val (self->contents, target);
    }
  return total;
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
build (KolFastStyleLosses *self, KolValue *painted, GError **error)
{
  g_autoptr (GPtrArray) losses = g_ptr_array_new ();
  KolStyleTerm variation
      = { .kind = "variation", .loss = NAN, .weight = self->task.options->variation_weight };
  KolValue *total;

  if (!kol_layers_build (self->task.network, painted, error))
    return FALSE;
  if (!(total = add_content (self, losses, error))
      || !(total = add_style (self, losses, total, error)))
    return FALSE;
  self->total = add_term (self, losses, variation, kol_style_even_variation (painted), total);
  g_ptr_array_add (losses, kol_reshape (self->total, KOL_SHAPE (1)));
  self->target = kol_concat ((KolValue *const *) losses->pdata, losses->len, 0);
  self->read = g_new0 (float, losses->len);
  return check (self->graph, error);
}

/* The graph that looks at the photos themselves. */
static gboolean
build_looking (KolFastStyleLosses *self, KolShape shape, GError **error)
{
  self->looking = kol_graph_new_over (kol_layers_get_parameters (self->task.network));
  self->looked_at = kol_placeholder (self->looking, "study/photos", shape);
  if (!kol_layers_build (self->task.network, self->looked_at, error))
    return FALSE;
  for (guint i = 0; i < self->contents->len; i++)
    {
      ContentTarget *target = &g_array_index (self->contents, ContentTarget, i);
      target->seen = find_features (self, self->task.layers->content_layers[i].name, error);
      if (!target->seen)
        return FALSE;
    }
  return TRUE;
}

KolFastStyleLosses *
kol_fast_style_losses_new (const KolFastStyleTask *task, KolValue *painted, GError **error)
{
  g_autoptr (KolFastStyleLosses) self = g_new0 (KolFastStyleLosses, 1);

  self->task = *task;
  self->graph = painted->graph;
  self->styles = g_array_new (FALSE, TRUE, sizeof (StyleTarget));
  self->contents = g_array_new (FALSE, TRUE, sizeof (ContentTarget));
  self->terms = g_array_new (FALSE, TRUE, sizeof (KolStyleTerm));
  if (!build (self, painted, error) || !build_looking (self, painted->shape, error))
    return NULL;
  return g_steal_pointer (&self);
}

/* ── What is wanted ──────────────────────────────────────────────────────────────────────────── */

static double
mean_square (const float *values, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += (double) values[i] * values[i];
  return sum > 0 ? sum / (double) n : 1;
}

/* The Gram matrices of the style, on a graph that is given. */
static gboolean
compute_grams (KolFastStyleLosses *self, KolGraph *graph, gsize batch, GPtrArray *grams,
               GError **error)
{
  const KolFastStyleOptions *options = self->task.options;
  gsize width, height;

  kol_style_fit (options->style, options->style_size, &width, &height);
  g_autoptr (KolSnapshot) scaled
      = kol_style_scale_picture (options->style, 3, width, height, error);
  if (!scaled)
    return FALSE;
  gsize n = 3 * width * height;
  g_autofree float *pixels = g_new (float, batch *n);
  for (gsize i = 0; i < batch; i++)
    memcpy (pixels + i * n, kol_snapshot_get_pixels (scaled), n * sizeof (float));
  KolValue *x = kol_placeholder (graph, "study/style",
                                 KOL_SHAPE ((gint64) batch, 3, (gint64) height, (gint64) width));
  if (!kol_layers_build (self->task.network, x, error))
    return FALSE;
  kol_set (x, pixels);
  for (guint i = 0; i < self->task.layers->n_style_layers; i++)
    {
      KolValue *features = find_features (self, self->task.layers->style_layers[i].name, error);
      if (!features)
        return FALSE;
      g_ptr_array_add (grams, kol_style_grams (features));
    }
  return kol_run_all (graph, (KolValue *const *) grams->pdata, grams->len, error);
}

gboolean
kol_fast_style_losses_want_style (KolFastStyleLosses *losses, GError **error)
{
  KolLayers *network = losses->task.network;
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (network));
  g_autoptr (GPtrArray) grams = g_ptr_array_new ();
  gsize batch = MAX (kol_layers_get_batch (network), 1);

  if (!compute_grams (losses, graph, batch, grams, error))
    return FALSE;
  for (guint i = 0; i < grams->len; i++)
    {
      StyleTarget *target = &g_array_index (losses->styles, StyleTarget, i);
      gsize count = (gsize) kol_count (target->gram);
      g_autofree float *gram = g_new (float, batch *count);

      if (!kol_read (g_ptr_array_index (grams, i), gram, error))
        return FALSE;
      kol_set (target->gram, gram);
      kol_set_scalar (target->scale, (float) (1 / mean_square (gram, count)));
    }
  return TRUE;
}

gboolean
kol_fast_style_losses_want_photos (KolFastStyleLosses *losses, const float *pixels, GError **error)
{
  g_autoptr (GPtrArray) seen = g_ptr_array_new ();

  for (guint i = 0; i < losses->contents->len; i++)
    g_ptr_array_add (seen, g_array_index (losses->contents, ContentTarget, i).seen);
  kol_set (losses->looked_at, pixels);
  if (!kol_run_all (losses->looking, (KolValue *const *) seen->pdata, seen->len, error))
    return FALSE;
  for (guint i = 0; i < losses->contents->len; i++)
    {
      ContentTarget *target = &g_array_index (losses->contents, ContentTarget, i);
      gsize n = (gsize) kol_count (target->features);
      g_autofree float *values = g_new (float, n);

      if (!kol_read (target->seen, values, error))
        return FALSE;
      kol_set (target->features, values);
      kol_set_scalar (target->scale, (float) (1 / mean_square (values, n)));
    }
  return TRUE;
}

/* ── Numbers ─────────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_fast_style_losses_read (KolFastStyleLosses *losses, double *total, GError **error)
{
  guint n = losses->terms->len;

  if (!kol_read (losses->target, losses->read, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    g_array_index (losses->terms, KolStyleTerm, i).loss = losses->read[i];
  *total = losses->read[n];
  return TRUE;
}

KolValue *
kol_fast_style_losses_get_total (const KolFastStyleLosses *losses)
{
  return losses->total;
}

KolValue *
kol_fast_style_losses_get_target (const KolFastStyleLosses *losses)
{
  return losses->target;
}

const KolStyleTerm *
kol_fast_style_losses_get_terms (const KolFastStyleLosses *losses, guint *n)
{
  *n = losses->terms->len;
  return (const KolStyleTerm *) losses->terms->data;
}
