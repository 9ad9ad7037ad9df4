/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "style-problem-private.h"

#include <math.h>
#include <string.h>

#include "../graph/graph-private.h"
#include "../graph/op-private.h"
#include "../nn/initializers.h"
#include "../ops.h"
#include "../ops/optimizer-private.h"
#include "style-loss-private.h"
#include "style-octaves-private.h"
#include "style-pictures-private.h"
#include "style-statistics-private.h"
#include "style-tiles-private.h"

/* What is wanted of one layer by the styles of one region. */
typedef struct {
  guint layer; /* of the options' style layers */
  guint region;
  guint octave;
  gint64 channels;
  KolValue *matrix, *means, *scale, *root, *identity; /* placeholders */
  KolValue *sums[2]; /* in tiles: placeholders of the features' products and means */
  KolValue *map;     /* placeholder: the roots of the region's weights [1, 1, H, W], or NULL */
} StyleTarget;

typedef struct {
  guint layer;
  KolValue *features; /* placeholder */
  KolValue *scale;    /* placeholder: 1 / mean square, or 1 */
} ContentTarget;

/* In tiles: the picture at one of its sizes. */
typedef struct {
  KolStyleSize size;
  KolStyleTiles *tiles;
  float *pixels, *gradient; /* [C, H, W] */
} Octave;

struct _KolStyleProblem {
  KolLayers *layers;
  const KolStyleTask *task;
  KolGraph *graph;
  KolShape shape;
  KolValue *targets[2];       /* the losses [n + 1], the total last; and what writes the gradient */
  GArray *terms;              /* KolStyleTerm */
  GArray *styles;             /* StyleTarget */
  GArray *contents;           /* ContentTarget */
  GPtrArray *regions;         /* KolPicture or NULL: one for each set of styles that share it */
  float *read;                /* [n + 1] */
  float factor[3], offset[3]; /* pixels = factor x + offset, by channel */
  KolValue *units[2];         /* placeholders of these; or NULL */
  GPtrArray *weights;         /* placeholders of the terms' weights */

  /* In tiles the graph is one of sums over the picture, which the tiles make: */
  GArray *octaves;        /* Octave, from the picture as it is; or NULL */
  double *content_scales; /* 1 / mean square, or 1 */
};

static void
octave_clear (gpointer data)
{
  Octave *octave = data;

  g_clear_pointer (&octave->tiles, kol_style_tiles_free);
  g_free (octave->pixels);
  g_free (octave->gradient);
}

void
kol_style_problem_free (KolStyleProblem *problem)
{
  if (!problem)
    return;
  g_clear_pointer (&problem->graph, kol_graph_free);
  g_clear_pointer (&problem->terms, g_array_unref);
  g_clear_pointer (&problem->styles, g_array_unref);
  g_clear_pointer (&problem->contents, g_array_unref);
  g_clear_pointer (&problem->regions, g_ptr_array_unref);
  g_clear_pointer (&problem->weights, g_ptr_array_unref);
  g_clear_pointer (&problem->octaves, g_array_unref);
  g_free (problem->content_scales);
  g_free (problem->read);
  g_free (problem);
}

static gboolean
is_normal (const KolStyleProblem *self)
{
  return self->task->options->measure == KOL_STYLE_NORMAL;
}

/* How many the styles are wanted at. */
static guint
count_octaves (const KolStyleProblem *self)
{
  guint n = 1;

  for (guint i = 0; i < self->task->n_styles; i++)
    n = MAX (n, self->task->styles[i].octave + 1);
  return n;
}

static Octave *
get_octave (const KolStyleProblem *self, guint i)
{
  return &g_array_index (self->octaves, Octave, i);
}

static const KolStyleLayer *
style_layer (const KolStyleProblem *self, guint i)
{
  return &self->task->options->style_layers[i];
}

static KolShape
shape_of (const KolSnapshot *picture)
{
  return KOL_SHAPE (1, (gint64) kol_snapshot_get_channels (picture),
                    (gint64) kol_snapshot_get_height (picture),
                    (gint64) kol_snapshot_get_width (picture));
}

/* ── Layers ──────────────────────────────────────────────────────────────────────────────────── */

/* Says of which picture it is that the graph's first error speaks. Always FALSE. */
static gboolean
fail_to_build (const GError *reason, const KolShape *shape, GError **error)
{
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "The network cannot be built upon a picture of %d x %d pixels: %s",
               (int) shape->dim[3], (int) shape->dim[2], reason->message);
  return FALSE;
}

gboolean
kol_style_problem_fits (KolLayers *layers, gsize width, gsize height, GError **error)
{
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (layers));
  gint64 channels = (gint64) kol_layers_get_picture (layers)->channels;
  KolValue *pixels = kol_placeholder (graph, "study/style/pixels",
                                      KOL_SHAPE (1, channels, (gint64) height, (gint64) width));

  g_autoptr (GError) reason = NULL;

  return kol_layers_build (layers, pixels, &reason)
         || fail_to_build (reason, kol_value_get_shape (pixels), error);
}

static gboolean
build_layers (const KolStyleProblem *self, KolValue *pixels, GError **error)
{
  g_autoptr (GError) reason = NULL;

  return kol_layers_build (self->layers, pixels, &reason)
         || fail_to_build (reason, kol_value_get_shape (pixels), error);
}

/* The features [1, C, H, W] of a layer of the graph that was built last, or NULL. */
static KolValue *
find_features (const KolStyleProblem *self, const char *name, GError **error)
{
  const KolLayerInfo *layer = kol_layers_find (self->layers, name, error);

  if (!layer)
    return NULL;
  if (layer->value && layer->shape.rank == 4)
    return layer->value;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "The layer “%s” is %s: style and content are compared where features still have "
               "places, [N, C, H, W]",
               name, kol_shape_text (&layer->shape));
  return NULL;
}

/* ── Regions ─────────────────────────────────────────────────────────────────────────────────── */

/* Which region a style is for; a new one where none had this picture before. */
static guint
find_region (KolStyleProblem *self, const KolPicture *region)
{
  for (guint i = 0; i < self->regions->len; i++)
    if (g_ptr_array_index (self->regions, i) == region)
      return i;
  g_ptr_array_add (self->regions, (gpointer) region);
  return self->regions->len - 1;
}

static gboolean
fill_map (const KolPicture *region, KolValue *map, GError **error)
{
  g_autofree float *roots = kol_style_region_roots (region, (gsize) map->shape.dim[2],
                                                    (gsize) map->shape.dim[3], error);

  if (roots)
    kol_set (map, roots);
  return roots != NULL;
}

/* ── The graph of losses ─────────────────────────────────────────────────────────────────────── */

/*
 * Notes a loss: it is term number terms->len, and its weight times it is added to @total.
 * Weights are placeholders: they may change from one evaluation to the next.
 */
static KolValue *
add_term (KolStyleProblem *self, GPtrArray *losses, KolStyleTerm term, KolValue *loss,
          KolValue *total)
{
  g_autofree char *name = g_strdup_printf ("study/style/weight/%u", self->terms->len);
  KolValue *weight = kol_placeholder (self->graph, name, KOL_SCALAR);

  g_array_append_val (self->terms, term);
  g_ptr_array_add (self->weights, weight);
  g_ptr_array_add (losses, kol_reshape (loss, KOL_SHAPE (1)));
  KolValue *weighted = kol_multiply (loss, weight);
  return total ? kol_add (total, weighted) : weighted;
}

static KolValue *
scalar (KolStyleProblem *self, const char *what, const char *layer)
{
  g_autofree char *name = g_strdup_printf ("study/style/%s/%s", what, layer);

  return kol_placeholder (self->graph, name, KOL_SCALAR);
}

static KolValue *
matrix (KolStyleProblem *self, const char *what, const char *layer, gint64 channels)
{
  g_autofree char *name = g_strdup_printf ("study/style/%s/%s", what, layer);

  return kol_placeholder (self->graph, name, KOL_SHAPE (channels, channels));
}

#define LEAST_VARIANCE 1e-4f /* of features whose mean square is 1: all matrices have roots */

static KolValue *
add_least (KolValue *covariances, KolValue *identity)
{
  return kol_add (covariances, kol_scale (identity, LEAST_VARIANCE, 0));
}

/* The distance to a normal distribution, of features whose mean square is about 1. */
static KolValue *
normal_loss (KolStyleProblem *self, StyleTarget *target, KolValue *means, KolValue *covariances)
{
  const char *layer = style_layer (self, target->layer)->name;
  g_autofree char *means_name = g_strdup_printf ("study/style/means/%s", layer);

  target->means = kol_placeholder (self->graph, means_name, KOL_SHAPE (target->channels));
  target->root = matrix (self, "root", layer, target->channels);
  target->identity = matrix (self, "identity", layer, target->channels);
  target->scale = scalar (self, "scale", layer);
  covariances = kol_multiply (covariances, kol_square (target->scale));
  return kol_style_wasserstein_loss (
      kol_multiply (means, target->scale), add_least (covariances, target->identity),
      &(KolStyleNormal){ target->means, target->matrix, target->root }, target->identity);
}

static KolValue *
style_loss (KolStyleProblem *self, StyleTarget *target, KolValue *features)
{
  const char *layer = style_layer (self, target->layer)->name;
  const KolPicture *region = g_ptr_array_index (self->regions, target->region);

  target->channels = features->shape.dim[1];
  target->matrix = matrix (self, "matrix", layer, target->channels);
  if (region)
    {
      g_autofree char *name = g_strdup_printf ("study/style/region/%s", layer);
      target->map = kol_placeholder (
          self->graph, name, KOL_SHAPE (1, 1, features->shape.dim[2], features->shape.dim[3]));
    }
  if (is_normal (self))
    {
      KolValue *means = kol_style_means (features, target->map);
      return normal_loss (self, target, means,
                          kol_style_covariances (features, means, target->map));
    }
  if (region)
    features = kol_multiply (features, target->map);
  return kol_style_gram_loss (kol_style_gram (features), target->matrix);
}

/* Of the octave that was built last. */
static KolValue *
add_style_terms (KolStyleProblem *self, guint octave, GPtrArray *losses, KolValue *total,
                 GError **error)
{
  const KolStyleOptions *options = self->task->options;

  for (guint r = 0; r < self->regions->len; r++)
    for (guint i = 0; i < options->n_style_layers; i++)
      {
        const KolStyleLayer *layer = style_layer (self, i);
        StyleTarget target = { .layer = i, .region = r, .octave = octave };
        KolValue *features = find_features (self, layer->name, error);

        if (!features)
          return NULL;
        KolStyleTerm term
            = { .kind = "style", .layer = layer->name, .region = r, .octave = octave, .loss = NAN };
        total = add_term (self, losses, term, style_loss (self, &target, features), total);
        g_array_append_val (self->styles, target);
      }
  return total;
}

static KolValue *
add_content_terms (KolStyleProblem *self, GPtrArray *losses, KolValue *total, GError **error)
{
  const KolStyleOptions *options = self->task->options;

  for (guint i = 0; i < options->n_content_layers; i++)
    {
      const KolStyleLayer *layer = &options->content_layers[i];
      KolValue *features = find_features (self, layer->name, error);

      if (!features)
        return NULL;
      g_autofree char *name = g_strdup_printf ("study/style/content/%s", layer->name);
      ContentTarget target = { .layer = i,
                               .features = kol_placeholder (self->graph, name, features->shape),
                               .scale = scalar (self, "content-scale", layer->name) };
      KolStyleTerm term = { .kind = "content", .layer = layer->name, .loss = NAN };
      KolValue *loss = kol_mean (kol_square (kol_subtract (features, target.features)));
      total = add_term (self, losses, term, kol_multiply (loss, target.scale), total);
      g_array_append_val (self->contents, target);
    }
  return total;
}

/* x in the units of the network becomes pixels, which the network's builder turns back. */
static KolValue *
make_pixels (KolStyleProblem *self, KolValue *x)
{
  if (!self->task->options->network_units)
    return x;
  KolShape shape = KOL_SHAPE (self->shape.dim[1], 1, 1);
  self->units[0] = kol_placeholder (self->graph, "study/style/factor", shape);
  self->units[1] = kol_placeholder (self->graph, "study/style/offset", shape);
  return kol_add (kol_multiply (x, self->units[0]), self->units[1]);
}

/* The units of the network, in the order red, green, blue: pixels are 0..1. */
static void
note_units (KolStyleProblem *self)
{
  const KolPreprocess *how = kol_layers_get_picture (self->layers);

  for (gsize c = 0; c < 3; c++)
    {
      gsize at = how->bgr ? 2 - c : c;
      gboolean units = self->task->options->network_units && c < how->channels;

      self->factor[c] = units ? how->std[at] * how->divisor / 255 : 1;
      self->offset[c] = units ? how->mean[at] * how->divisor / 255 : 0;
    }
  if (!self->units[0] || kol_value_failed (self->units[0]))
    return;
  kol_set (self->units[0], self->factor);
  kol_set (self->units[1], self->offset);
}

/* The losses, one after another, and the total at the end. */
static gboolean
build (KolStyleProblem *self, GError **error)
{
  const KolStyleOptions *options = self->task->options;
  g_autoptr (GPtrArray) losses = g_ptr_array_new ();
  KolValue *x = kol_state (self->graph, KOL_STYLE_X, self->shape, KOL_CONSTANT (0.5));
  KolValue *sums = kol_state (self->graph, KOL_STYLE_GRADIENT, self->shape, KOL_CONSTANT (0));
  KolValue *pixels = make_pixels (self, x), *total = NULL, *gradient;
  gboolean content = options->content_weight != 0;

  if (!build_layers (self, pixels, error))
    return FALSE;
  if (content && !(total = add_content_terms (self, losses, total, error)))
    return FALSE;
  for (guint octave = 0; octave < count_octaves (self); octave++)
    {
      if (octave > 0 && !build_layers (self, pixels = kol_style_halve (pixels), error))
        return FALSE;
      if (!(total = add_style_terms (self, octave, losses, total, error)))
        return FALSE;
    }
  if (options->variation_weight != 0)
    total = add_term (self, losses, (KolStyleTerm){ .kind = "variation", .loss = NAN },
                      is_normal (self) ? kol_style_even_variation (x) : kol_style_variation (x),
                      total);
  g_ptr_array_add (losses, kol_reshape (total, KOL_SHAPE (1)));
  self->targets[0] = kol_concat ((KolValue *const *) losses->pdata, losses->len, 0);
  kol_gradients (total, &x, 1, &gradient);
  self->targets[1] = kol_gather_gradients (&sums, &gradient, 1, 1);
  note_units (self);
  const GError *mistake = kol_graph_get_error (self->graph);
  return !mistake || fail_to_build (mistake, &self->shape, error);
}

/* In tiles the graph has the weights of styles alone. */
static void
set_weights (const KolStyleProblem *self)
{
  for (guint i = 0, k = 0; i < self->terms->len; i++)
    {
      const KolStyleTerm *term = &g_array_index (self->terms, KolStyleTerm, i);
      if (!self->octaves || g_str_equal (term->kind, "style"))
        kol_set_scalar (g_ptr_array_index (self->weights, k++), (float) term->weight);
    }
}

/* A term's weight, and its layer's name, by the options as they are now: those before may go. */
static void
weigh_term (const KolStyleProblem *self, KolStyleTerm *term)
{
  const KolStyleOptions *options = self->task->options;
  gboolean style = g_str_equal (term->kind, "style");
  const KolStyleLayer *layers = style ? options->style_layers : options->content_layers;
  guint n = style ? options->n_style_layers : options->n_content_layers;

  if (!term->layer)
    term->weight = options->variation_weight;
  for (guint i = 0; term->layer && i < n; i++)
    if (g_str_equal (layers[i].name, term->layer))
      {
        term->layer = layers[i].name;
        term->weight = (style ? options->style_weight : options->content_weight)
                       * (layers[i].weight != 0 ? layers[i].weight : 1);
        return;
      }
}

static void
weigh_terms (KolStyleProblem *self)
{
  for (guint i = 0; i < self->terms->len; i++)
    weigh_term (self, &g_array_index (self->terms, KolStyleTerm, i));
}

void
kol_style_problem_weigh (KolStyleProblem *problem)
{
  weigh_terms (problem);
  set_weights (problem);
}

/* ── What is wanted: the content ─────────────────────────────────────────────────────────────── */

static double
mean_square (const float *values, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += (double) values[i] * values[i];
  return n ? sum / (double) n : 0;
}

/* A graph of the network upon a picture that is given. Given. */
static KolGraph *
look_at (KolStyleProblem *self, const KolSnapshot *picture, GCancellable *cancellable,
         GError **error)
{
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (self->layers));
  KolValue *pixels = kol_placeholder (graph, "study/style/pixels", shape_of (picture));

  kol_graph_set_cancellable (graph, cancellable);
  if (!build_layers (self, pixels, error))
    return NULL;
  kol_set (pixels, kol_snapshot_get_pixels (picture));
  return g_steal_pointer (&graph);
}

static gboolean
look_at_content (KolStyleProblem *self, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) features = g_ptr_array_new ();
  g_autoptr (KolGraph) graph = NULL;

  if (self->contents->len == 0)
    return TRUE;
  graph = look_at (self, self->task->content, cancellable, error);
  if (!graph)
    return FALSE;
  for (guint i = 0; i < self->contents->len; i++)
    {
      KolValue *value = find_features (self, self->task->options->content_layers[i].name, error);
      if (!value)
        return FALSE;
      g_ptr_array_add (features, value);
    }
  if (!kol_run_all (graph, (KolValue *const *) features->pdata, features->len, error))
    return FALSE;
  for (guint i = 0; i < self->contents->len; i++)
    {
      ContentTarget *target = &g_array_index (self->contents, ContentTarget, i);
      gsize n = (gsize) kol_count (target->features);
      g_autofree float *values = g_new (float, n);

      if (!kol_read (g_ptr_array_index (features, i), values, error))
        return FALSE;
      kol_set (target->features, values);
      kol_set_scalar (target->scale,
                      is_normal (self) ? kol_style_relative (mean_square (values, n)) : 1);
    }
  return TRUE;
}

/* ── What is wanted: the styles ──────────────────────────────────────────────────────────────── */

/* Whether a target is wanted by a style, among others. */
static gboolean
is_wanted_by (const KolStyleProblem *self, const StyleTarget *target, const KolStyleWanted *style)
{
  return target->octave == style->octave
         && g_ptr_array_index (self->regions, target->region) == style->region;
}

/* Adds one style's statistics, a matrix and means for each layer, to those of its region. */
static gboolean
read_statistics (const KolStyleProblem *self, const KolStyleWanted *style, KolValue *const *values,
                 GArray *statistics, GError **error)
{
  guint k = 0;

  for (guint i = 0; i < self->styles->len; i++)
    {
      const StyleTarget *target = &g_array_index (self->styles, StyleTarget, i);
      gsize c = (gsize) target->channels;
      g_autofree float *matrix = g_new (float, c *c), *means = g_new (float, c);

      if (!is_wanted_by (self, target, style))
        continue;
      if (!kol_read (values[2 * k], matrix, error) || !kol_read (values[2 * k + 1], means, error))
        return FALSE;
      kol_style_statistics_add (&g_array_index (statistics, KolStyleStatistics, i), matrix, means,
                                c, is_normal (self), style->weight);
      k++;
    }
  return TRUE;
}

/* The roots of the weights of a style's part at the places of features; NULL: it is taken whole. */
static gboolean
make_part (const KolStyleWanted *style, guint i, KolValue *features, KolValue **map, GError **error)
{
  g_autofree char *name = g_strdup_printf ("study/style/part/%u", i);

  *map = NULL;
  if (!style->part)
    return TRUE;
  *map = kol_placeholder (features->graph, name,
                          KOL_SHAPE (1, 1, features->shape.dim[2], features->shape.dim[3]));
  return fill_map (style->part, *map, error);
}

static gboolean
look_at_style (KolStyleProblem *self, const KolStyleWanted *style, GCancellable *cancellable,
               GArray *statistics, GError **error)
{
  g_autoptr (KolGraph) graph = look_at (self, style->picture, cancellable, error);
  g_autoptr (GPtrArray) values = g_ptr_array_new ();

  if (!graph)
    return FALSE;
  for (guint i = 0; i < self->task->options->n_style_layers; i++)
    {
      KolValue *features = find_features (self, style_layer (self, i)->name, error), *map;

      if (!features || !make_part (style, i, features, &map, error))
        return FALSE;
      KolValue *means = kol_style_means (features, map);
      g_ptr_array_add (values, is_normal (self) ? kol_style_covariances (features, means, map)
                               : map            ? kol_style_gram (kol_multiply (features, map))
                                                : kol_style_gram (features));
      g_ptr_array_add (values, means);
    }
  return kol_run_all (graph, (KolValue *const *) values->pdata, values->len, error)
         && read_statistics (self, style, (KolValue *const *) values->pdata, statistics, error);
}

static void
set_doubles (KolValue *placeholder, const double *values, double factor)
{
  gsize n = (gsize) kol_count (placeholder);
  g_autofree float *numbers = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    numbers[i] = (float) (values[i] * factor);
  kol_set (placeholder, numbers);
}

static float *
make_identity (gsize n)
{
  float *identity = g_new0 (float, n *n);

  for (gsize i = 0; i < n; i++)
    identity[i * n + i] = 1;
  return identity;
}

/* The covariances of what is wanted and their root, which the device computes once. */
static gboolean
want_normal (KolStyleProblem *self, StyleTarget *target, KolStyleStatistics *sums, GError **error)
{
  gsize c = (gsize) target->channels;
  g_autofree float *identity = make_identity (c), *matrices = g_new (float, 2 * c * c);
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (self->layers));
  KolShape shape = KOL_SHAPE ((gint64) c, (gint64) c);
  KolValue *covariances = kol_placeholder (graph, "covariances", shape);
  KolValue *unit = kol_placeholder (graph, "identity", shape);
  KolValue *both[2] = { add_least (covariances, unit), NULL };
  double scale = kol_style_statistics_normalize (sums, c);

  both[1] = kol_style_root (both[0], unit, NULL);
  kol_set (unit, identity);
  set_doubles (covariances, sums->matrix, 1);
  if (!kol_run_all (graph, both, 2, error) || !kol_read (both[0], matrices, error)
      || !kol_read (both[1], matrices + c * c, error))
    return FALSE;
  kol_set (target->identity, identity);
  set_doubles (target->means, sums->means, 1);
  kol_set (target->matrix, matrices);
  kol_set (target->root, matrices + c * c);
  kol_set_scalar (target->scale, (float) scale);
  return TRUE;
}

static gboolean
want (KolStyleProblem *self, StyleTarget *target, KolStyleStatistics *sums, GError **error)
{
  const KolPicture *region = g_ptr_array_index (self->regions, target->region);

  if (target->map && !fill_map (region, target->map, error))
    return FALSE;
  if (is_normal (self))
    return want_normal (self, target, sums, error);
  set_doubles (target->matrix, sums->matrix, 1 / sums->weight);
  return TRUE;
}

/* ── In tiles ────────────────────────────────────────────────────────────────────────────────── */

/* Of sums over the picture: means of products, and means. */
static KolValue *
loss_of_sums (KolStyleProblem *self, StyleTarget *target, guint i)
{
  const char *layer = style_layer (self, target->layer)->name;
  gint64 c = target->channels;
  g_autofree char *products = g_strdup_printf ("study/style/products/%u", i);
  g_autofree char *means = g_strdup_printf ("study/style/sums/%u", i);

  target->matrix = matrix (self, "matrix", layer, c);
  target->sums[0] = kol_placeholder (self->graph, products, KOL_SHAPE (c, c));
  target->sums[1] = kol_placeholder (self->graph, means, KOL_SHAPE (c));
  if (!is_normal (self))
    return kol_style_gram_loss (kol_scale (target->sums[0], 1 / (float) c, 0), target->matrix);
  KolValue *outer = kol_matmul (kol_reshape (target->sums[1], KOL_SHAPE (c, 1)),
                                kol_reshape (target->sums[1], KOL_SHAPE (1, c)));
  return normal_loss (self, target, target->sums[1], kol_subtract (target->sums[0], outer));
}

/* The content is compared in the first octave alone. */
static gboolean
build_octave (KolStyleProblem *self, guint at, guint64 budget, GError **error)
{
  Octave *octave = get_octave (self, at);
  const KolStyleTilesTask task = { .layers = self->layers,
                                   .options = self->task->options,
                                   .size = octave->size,
                                   .content = at == 0 && self->task->options->content_weight != 0,
                                   .regions = (const KolPicture *const *) self->regions->pdata,
                                   .n_regions = self->regions->len,
                                   .budget = budget };

  g_clear_pointer (&octave->tiles, kol_style_tiles_free);
  octave->tiles = kol_style_tiles_new (&task, error);
  return octave->tiles != NULL;
}

/* Each smaller octave may take as much as each larger one has left, and mostly takes less. */
static gboolean
share_budget (KolStyleProblem *self, guint64 budget, GError **error)
{
  for (guint i = self->octaves->len; i-- > 0;)
    {
      if (!build_octave (self, i, budget / (i + 1), error))
        return FALSE;
      budget -= MIN (budget, kol_style_tiles_get_peak (get_octave (self, i)->tiles));
    }
  return TRUE;
}

static guint64
sum_peaks (const KolStyleProblem *self)
{
  guint64 bytes = 0;

  for (guint i = 0; i < self->octaves->len; i++)
    bytes += kol_style_tiles_get_peak (get_octave (self, i)->tiles);
  return bytes;
}

static gboolean
build_octaves (KolStyleProblem *self, GError **error)
{
  KolStyleSize size
      = { (gsize) self->shape.dim[1], (gsize) self->shape.dim[2], (gsize) self->shape.dim[3] };
  guint64 budget = self->task->tile_budget;

  self->octaves = g_array_new (FALSE, TRUE, sizeof (Octave));
  g_array_set_clear_func (self->octaves, octave_clear);
  for (guint i = 0; i < count_octaves (self); i++)
    {
      gsize n = size.channels * size.height * size.width;
      Octave octave = { .size = size, .pixels = g_new (float, n), .gradient = g_new (float, n) };

      g_array_append_val (self->octaves, octave);
      size.height /= 2;
      size.width /= 2;
    }
  if (!share_budget (self, budget, error))
    return FALSE;
  return sum_peaks (self) <= budget || share_budget (self, 0, error); /* the smallest tiles */
}

/* What the tiles have made for a target. */
static const KolStyleSums *
find_sums (const KolStyleProblem *self, const StyleTarget *target)
{
  return kol_style_tiles_get_sums (get_octave (self, target->octave)->tiles,
                                   target->region * self->task->options->n_style_layers
                                       + target->layer);
}

/* The terms in the order of the whole graph's: content, styles, variation. */
static void
add_tiled_terms (KolStyleProblem *self, GPtrArray *losses)
{
  const KolStyleOptions *options = self->task->options;
  KolStyleTerm term = { .loss = NAN };

  for (guint i = 0; options->content_weight != 0 && i < options->n_content_layers; i++)
    {
      term.kind = "content";
      term.layer = options->content_layers[i].name;
      g_array_append_val (self->terms, term);
    }
  guint each = options->n_style_layers * self->regions->len;
  for (guint i = 0; i < self->octaves->len * each; i++)
    {
      StyleTarget target = { .layer = i % options->n_style_layers,
                             .region = i % each / options->n_style_layers,
                             .octave = i / each };
      target.channels = (gint64) find_sums (self, &target)->channels;
      term = (KolStyleTerm){ .kind = "style",
                             .layer = style_layer (self, target.layer)->name,
                             .region = target.region,
                             .octave = target.octave,
                             .loss = NAN };
      g_array_append_val (self->terms, term);
      g_ptr_array_add (losses, loss_of_sums (self, &target, i));
      g_array_append_val (self->styles, target);
    }
  if (options->variation_weight != 0)
    {
      term = (KolStyleTerm){ .kind = "variation", .loss = NAN };
      g_array_append_val (self->terms, term);
    }
}

/* A graph of the sums alone: the losses, and their slopes, each times its weight. */
static gboolean
build_tiled (KolStyleProblem *self, GError **error)
{
  g_autoptr (GPtrArray) losses = g_ptr_array_new (), slopes = g_ptr_array_new ();
  KolValue *total = NULL;

  kol_state (self->graph, KOL_STYLE_X, self->shape, KOL_CONSTANT (0.5));
  kol_state (self->graph, KOL_STYLE_GRADIENT, self->shape, KOL_CONSTANT (0));
  if (!build_octaves (self, error))
    return FALSE;
  add_tiled_terms (self, losses);
  for (guint i = 0; i < losses->len; i++)
    {
      g_autofree char *name = g_strdup_printf ("study/style/weight/%u", i);
      KolValue *weight = kol_placeholder (self->graph, name, KOL_SCALAR);
      KolValue *weighted = kol_multiply (losses->pdata[i], weight);

      g_ptr_array_add (self->weights, weight);
      total = total ? kol_add (total, weighted) : weighted;
      losses->pdata[i] = kol_reshape (losses->pdata[i], KOL_SHAPE (1));
    }
  for (guint i = 0; i < self->styles->len; i++)
    {
      StyleTarget *target = &g_array_index (self->styles, StyleTarget, i);
      KolValue *gradients[2];

      kol_gradients (total, target->sums, 2, gradients);
      for (guint k = 0; k < 2; k++)
        g_ptr_array_add (slopes, kol_reshape (gradients[k], KOL_SHAPE (-1)));
    }
  self->targets[0] = kol_concat ((KolValue *const *) losses->pdata, losses->len, 0);
  self->targets[1] = kol_concat ((KolValue *const *) slopes->pdata, slopes->len, 0);
  self->content_scales = g_new0 (double, MAX (self->task->options->n_content_layers, 1));
  for (guint c = 0; c < 3; c++)
    self->factor[c] = 1;
  note_units (self);
  const GError *mistake = kol_graph_get_error (self->graph);
  return !mistake || fail_to_build (mistake, &self->shape, error);
}

static gboolean
look_at_content_in_tiles (KolStyleProblem *self, GCancellable *cancellable, GError **error)
{
  const KolStyleOptions *options = self->task->options;
  const float *pixels = kol_snapshot_get_pixels (self->task->content);
  KolStyleTiles *tiles = get_octave (self, 0)->tiles;

  if (!kol_style_tiles_want_content (tiles, pixels, cancellable, error))
    return FALSE;
  for (guint i = 0; options->content_weight != 0 && i < options->n_content_layers; i++)
    self->content_scales[i]
        = is_normal (self) ? kol_style_relative (kol_style_tiles_get_content (tiles, i)) : 1;
  return TRUE;
}

static gboolean
look_at_style_in_tiles (KolStyleProblem *self, const KolStyleWanted *style,
                        GCancellable *cancellable, GArray *statistics, GError **error)
{
  const KolStyleTilesTask task = { .layers = self->layers,
                                   .options = self->task->options,
                                   .size = { kol_snapshot_get_channels (style->picture),
                                             kol_snapshot_get_height (style->picture),
                                             kol_snapshot_get_width (style->picture) },
                                   .regions = &style->part,
                                   .n_regions = 1,
                                   .budget = self->task->tile_budget };
  g_autoptr (KolStyleTiles) tiles = kol_style_tiles_new (&task, error);
  if (!tiles
      || !kol_style_tiles_sum (tiles, kol_snapshot_get_pixels (style->picture), cancellable, error))
    return FALSE;
  for (guint i = 0; i < self->styles->len; i++)
    {
      const StyleTarget *target = &g_array_index (self->styles, StyleTarget, i);
      KolStyleStatistics *sums = &g_array_index (statistics, KolStyleStatistics, i);

      if (is_wanted_by (self, target, style))
        kol_style_statistics_add_sums (sums, kol_style_tiles_get_sums (tiles, target->layer),
                                       style->weight, is_normal (self));
    }
  return TRUE;
}

/* The variation of x, and its gradient times @weight added, as kol_style_even_variation() has it,
 * or as kol_style_variation(). */
static double
vary (KolStyleProblem *self, const float *x, double weight)
{
  float *gradient = get_octave (self, 0)->gradient;
  static const int steps[4][2] = { { 0, 1 }, { 1, 0 }, { 1, 1 }, { 1, -1 } };
  gboolean even = is_normal (self);
  gint64 height = self->shape.dim[2], width = self->shape.dim[3];
  double n = (double) kol_shape_count (&self->shape), loss = 0;

  for (guint k = 0; k < (even ? 4 : 2); k++)
    {
      double factor = !even ? 0.5 : k < 2 ? 1 / (3 * n) : 1 / (12 * n), sum = 0;

      for (gint64 row = 0; row < self->shape.dim[1] * height; row++)
        for (gint64 i = 0; i < width; i++)
          {
            gint64 at = row * width + i, there = at + steps[k][0] * width + steps[k][1];

            if (row % height + steps[k][0] >= height || i + steps[k][1] >= width
                || i + steps[k][1] < 0)
              continue;
            double d = (double) x[there] - x[at];
            sum += d * d;
            gradient[there] += (float) (2 * factor * weight * d);
            gradient[at] -= (float) (2 * factor * weight * d);
          }
      loss += factor * sum;
    }
  return loss;
}

static void
set_sums (KolStyleProblem *self)
{
  for (guint i = 0; i < self->styles->len; i++)
    {
      const StyleTarget *target = &g_array_index (self->styles, StyleTarget, i);
      const KolStyleSums *sums = find_sums (self, target);

      set_doubles (target->sums[0], sums->products, 1);
      set_doubles (target->sums[1], sums->means, 1);
    }
}

/* Each term's loss but the variation's, from the tiles and the graph of sums. */
static gboolean
sum_tiles (KolStyleProblem *self, GCancellable *cancellable, GError **error)
{
  guint contents
      = self->terms->len - self->styles->len - (self->task->options->variation_weight != 0);

  for (guint i = 0; i < self->octaves->len; i++)
    {
      const Octave *octave = get_octave (self, i);

      if (i > 0)
        kol_style_halve_planes (octave[-1].pixels, &octave[-1].size, octave->pixels);
      if (!kol_style_tiles_sum (octave->tiles, octave->pixels, cancellable, error))
        return FALSE;
    }
  set_sums (self);
  if (!kol_run_all (self->graph, self->targets, 2, error)
      || !kol_read (self->targets[0], self->read, error))
    return FALSE;
  for (guint i = 0; i < contents; i++)
    g_array_index (self->terms, KolStyleTerm, i).loss
        = kol_style_tiles_get_content (get_octave (self, 0)->tiles, i) * self->content_scales[i];
  for (guint i = 0; i < self->styles->len; i++)
    g_array_index (self->terms, KolStyleTerm, contents + i).loss = self->read[i];
  return TRUE;
}

/* From the smallest octave, each adds its gradient to the next larger one's. @products and @means:
 * of the styles, which lie octave after octave. */
static gboolean
add_octaves_gradient (KolStyleProblem *self, float *const *products, float *const *means,
                      const double *contents, GCancellable *cancellable, GError **error)
{
  guint each = self->styles->len / self->octaves->len;

  for (guint i = self->octaves->len; i-- > 0;)
    {
      const Octave *octave = get_octave (self, i);

      if (!kol_style_tiles_add_gradient (octave->tiles, octave->pixels, products + i * each,
                                         means + i * each, contents, cancellable, octave->gradient,
                                         error))
        return FALSE;
      if (i > 0)
        kol_style_halve_gradient (octave->gradient, &octave[-1].size, octave[-1].gradient);
    }
  return TRUE;
}

/* The slopes of the sums go through the tiles once more. */
static gboolean
add_tiles_gradient (KolStyleProblem *self, GCancellable *cancellable, GError **error)
{
  guint n = self->styles->len, contents = 0;
  g_autofree float *slopes = g_new (float, kol_count (self->targets[1]));
  float *at = slopes;
  g_autofree float **products = g_new (float *, n), **means = g_new (float *, n);
  g_autofree double *scales = g_new0 (double, self->terms->len);

  if (!kol_read (self->targets[1], slopes, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      gsize c = (gsize) g_array_index (self->styles, StyleTarget, i).channels;

      products[i] = at;
      means[i] = at + c * c;
      at += c * c + c;
    }
  for (guint i = 0; i < self->terms->len; i++)
    {
      const KolStyleTerm *term = &g_array_index (self->terms, KolStyleTerm, i);
      if (g_str_equal (term->kind, "content"))
        {
          scales[contents] = term->weight * self->content_scales[contents];
          contents++;
        }
    }
  return add_octaves_gradient (self, products, means, scales, cancellable, error);
}

static gboolean
evaluate_tiled (KolStyleProblem *self, GCancellable *cancellable, double *total, GError **error)
{
  KolParameters *parameters = kol_layers_get_parameters (self->layers);
  gsize n = (gsize) kol_shape_count (&self->shape), plane = n / (gsize) self->shape.dim[1];
  g_autofree float *x = g_new (float, n);
  float *gradient = get_octave (self, 0)->gradient;

  if (!kol_parameter_read (kol_parameters_find (parameters, KOL_STYLE_X), x, error))
    return FALSE;
  kol_style_problem_to_pixels (self, x, get_octave (self, 0)->pixels);
  for (guint i = 0; i < self->octaves->len; i++)
    {
      const Octave *octave = get_octave (self, i);
      const KolStyleSize *size = &octave->size;
      memset (octave->gradient, 0, size->channels * size->height * size->width * sizeof (float));
    }
  if (!sum_tiles (self, cancellable, error) || !add_tiles_gradient (self, cancellable, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    gradient[i] *= self->factor[i / plane];
  *total = 0;
  for (guint i = 0; i < self->terms->len; i++)
    {
      KolStyleTerm *term = &g_array_index (self->terms, KolStyleTerm, i);
      if (g_str_equal (term->kind, "variation"))
        term->loss = vary (self, x, term->weight);
      *total += term->weight * term->loss;
    }
  return kol_parameter_write (kol_parameters_find (parameters, KOL_STYLE_GRADIENT), gradient,
                              error);
}

KolStyleProblem *
kol_style_problem_new (KolLayers *layers, const KolStyleTask *task, GError **error)
{
  g_autoptr (KolStyleProblem) self = g_new0 (KolStyleProblem, 1);

  self->layers = layers;
  self->task = task;
  self->shape = shape_of (task->content);
  self->graph = kol_graph_new_over (kol_layers_get_parameters (layers));
  kol_graph_set_memory (self->graph, task->memory);
  self->terms = g_array_new (FALSE, TRUE, sizeof (KolStyleTerm));
  self->styles = g_array_new (FALSE, TRUE, sizeof (StyleTarget));
  self->contents = g_array_new (FALSE, TRUE, sizeof (ContentTarget));
  self->regions = g_ptr_array_new ();
  self->weights = g_ptr_array_new ();
  for (guint i = 0; i < task->n_styles; i++)
    find_region (self, task->styles[i].region);
  if (!(task->tile_budget ? build_tiled (self, error) : build (self, error)))
    return NULL;
  weigh_terms (self);
  self->read = g_new0 (float, self->terms->len + 1);
  return g_steal_pointer (&self);
}

gboolean
kol_style_problem_look (KolStyleProblem *problem, GCancellable *cancellable, GError **error)
{
  const KolStyleTask *task = problem->task;
  g_autoptr (GArray) statistics = g_array_new (FALSE, TRUE, sizeof (KolStyleStatistics));

  g_array_set_clear_func (statistics, kol_style_statistics_clear);
  g_array_set_size (statistics, problem->styles->len);
  set_weights (problem);
  if (!(problem->octaves ? look_at_content_in_tiles (problem, cancellable, error)
                         : look_at_content (problem, cancellable, error)))
    return FALSE;
  for (guint i = 0; i < task->n_styles; i++)
    if (!(problem->octaves
              ? look_at_style_in_tiles (problem, &task->styles[i], cancellable, statistics, error)
              : look_at_style (problem, &task->styles[i], cancellable, statistics, error)))
      return FALSE;
  for (guint i = 0; i < problem->styles->len; i++)
    if (!want (problem, &g_array_index (problem->styles, StyleTarget, i),
               &g_array_index (statistics, KolStyleStatistics, i), error))
      return FALSE;
  /* Looking has taken other memory than evaluating does. */
  return kol_parameters_trim (kol_layers_get_parameters (problem->layers), error);
}

void
kol_style_problem_get_tile (KolStyleProblem *problem, gsize *width, gsize *height)
{
  kol_style_tiles_get_window (get_octave (problem, 0)->tiles, width, height);
}

gboolean
kol_style_problem_peak_bytes (KolStyleProblem *problem, guint64 *bytes, GError **error)
{
  if (!problem->octaves)
    return kol_peak_bytes (problem->graph, problem->targets, 2, bytes, error);
  *bytes = sum_peaks (problem);
  return TRUE;
}

/* ── Evaluations ─────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_style_problem_evaluate (KolStyleProblem *problem, GCancellable *cancellable, double *total,
                            GError **error)
{
  guint n = problem->terms->len;

  if (problem->octaves)
    return evaluate_tiled (problem, cancellable, total, error);
  kol_graph_set_cancellable (problem->graph, cancellable);
  if (!kol_run_all (problem->graph, problem->targets, 2, error)
      || !kol_read (problem->targets[0], problem->read, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    g_array_index (problem->terms, KolStyleTerm, i).loss = problem->read[i];
  *total = problem->read[n];
  return TRUE;
}

const KolStyleTerm *
kol_style_problem_get_terms (const KolStyleProblem *problem, guint *n)
{
  *n = problem->terms->len;
  return (const KolStyleTerm *) problem->terms->data;
}

KolShape
kol_style_problem_get_shape (const KolStyleProblem *problem)
{
  return problem->shape;
}

void
kol_style_problem_to_units (const KolStyleProblem *problem, const float *pixels, float *x)
{
  gsize plane = (gsize) (problem->shape.dim[2] * problem->shape.dim[3]);

  for (gsize c = 0; c < (gsize) problem->shape.dim[1]; c++)
    for (gsize i = c * plane; i < (c + 1) * plane; i++)
      x[i] = (pixels[i] - problem->offset[c]) / problem->factor[c];
}

void
kol_style_problem_to_pixels (const KolStyleProblem *problem, const float *x, float *pixels)
{
  gsize plane = (gsize) (problem->shape.dim[2] * problem->shape.dim[3]);

  for (gsize c = 0; c < (gsize) problem->shape.dim[1]; c++)
    for (gsize i = c * plane; i < (c + 1) * plane; i++)
      pixels[i] = problem->factor[c] * x[i] + problem->offset[c];
}

guint
kol_style_problem_get_tiles (const KolStyleProblem *problem)
{
  return problem->octaves ? kol_style_tiles_get_count (get_octave (problem, 0)->tiles) : 1;
}
