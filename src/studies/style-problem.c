/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "style-problem-private.h"

#include <math.h>
#include <string.h>

#include "../graph/op-private.h"
#include "../nn/initializers.h"
#include "../ops.h"
#include "../ops/optimizer-private.h"
#include "style-loss-private.h"

/* What is wanted of one layer by the styles of one region. */
typedef struct {
  guint layer; /* of the options' style layers */
  guint region;
  gint64 channels;
  KolValue *matrix, *means, *scale, *root, *identity; /* placeholders */
  KolValue *map; /* placeholder: the roots of the region's weights [1, 1, H, W], or NULL */
} StyleTarget;

typedef struct {
  guint layer;
  KolValue *features; /* placeholder */
  KolValue *scale;    /* placeholder: 1 / mean square, or 1 */
} ContentTarget;

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
};

/**/

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
  g_free (problem->read);
  g_free (problem);
}

static gboolean
is_normal (const KolStyleProblem *self)
{
  return self->task->options->measure == KOL_STYLE_NORMAL;
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
  g_set_error (
      error, KOL_ERROR, KOL_ERROR_DATA,
      "The network cannot be built upon a picture of %d x %d pixels: %s. Pictures that are "
      "too small for its layers, or too long and thin, need a larger --size",
      (int) shape->dim[3], (int) shape->dim[2], reason->message);
  return FALSE;
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

/* The roots of a region's weights at @width x @height, whose mean is 1. */
static gboolean
fill_map (const KolPicture *region, KolValue *map, GError **error)
{
  gsize height = (gsize) map->shape.dim[2], width = (gsize) map->shape.dim[3];
  g_autoptr (KolPicture) grey = kol_picture_convert (region, 1);
  g_autoptr (KolPicture) small
      = grey ? kol_picture_resize (grey, width, height, KOL_BILINEAR, NULL) : NULL;
  g_autofree float *roots = g_new (float, height *width);
  double sum = 0;

  for (gsize i = 0; small && i < height * width; i++)
    sum += small->pixels[i];
  if (sum == 0)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   small ? "A region is black all over at %zu x %zu pixels, so its style is wanted "
                           "nowhere; white is where it is wanted"
                         : "There is not enough memory for a region of %zu x %zu pixels",
                   width, height);
      return FALSE;
    }
  for (gsize i = 0; i < height * width; i++)
    roots[i] = sqrtf ((float) (small->pixels[i] * (double) (height * width) / sum));
  kol_set (map, roots);
  return TRUE;
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
normal_loss (KolStyleProblem *self, StyleTarget *target, KolValue *features)
{
  const char *layer = style_layer (self, target->layer)->name;
  g_autofree char *means_name = g_strdup_printf ("study/style/means/%s", layer);

  target->means = kol_placeholder (self->graph, means_name, KOL_SHAPE (target->channels));
  target->root = matrix (self, "root", layer, target->channels);
  target->identity = matrix (self, "identity", layer, target->channels);
  target->scale = scalar (self, "scale", layer);
  KolValue *means = kol_style_means (features, target->map);
  KolValue *covariances = kol_multiply (kol_style_covariances (features, means, target->map),
                                        kol_square (target->scale));
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
    return normal_loss (self, target, features);
  if (region)
    features = kol_multiply (features, target->map);
  return kol_style_gram_loss (kol_style_gram (features), target->matrix);
}

static KolValue *
add_style_terms (KolStyleProblem *self, GPtrArray *losses, KolValue *total, GError **error)
{
  const KolStyleOptions *options = self->task->options;

  for (guint r = 0; r < self->regions->len; r++)
    for (guint i = 0; i < options->n_style_layers; i++)
      {
        const KolStyleLayer *layer = style_layer (self, i);
        StyleTarget target = { .layer = i, .region = r };
        KolValue *features = find_features (self, layer->name, error);

        if (!features)
          return NULL;
        KolStyleTerm term
            = { .kind = "style",
                .layer = layer->name,
                .region = r,
                .loss = NAN,
                .weight = options->style_weight * (layer->weight != 0 ? layer->weight : 1) };
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
      KolStyleTerm term
          = { .kind = "content",
              .layer = layer->name,
              .loss = NAN,
              .weight = options->content_weight * (layer->weight != 0 ? layer->weight : 1) };
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
  if (!(total = add_style_terms (self, losses, total, error)))
    return FALSE;
  if (options->variation_weight != 0)
    total = add_term (
        self, losses,
        (KolStyleTerm){ .kind = "variation", .loss = NAN, .weight = options->variation_weight },
        is_normal (self) ? kol_style_even_variation (x) : kol_style_variation (x), total);
  g_ptr_array_add (losses, kol_reshape (total, KOL_SHAPE (1)));
  self->targets[0] = kol_concat ((KolValue *const *) losses->pdata, losses->len, 0);
  kol_gradients (total, &x, 1, &gradient);
  self->targets[1] = kol_gather_gradients (&sums, &gradient, 1, 1);
  note_units (self);
  const GError *mistake = kol_graph_get_error (self->graph);
  return !mistake || fail_to_build (mistake, &self->shape, error);
}

static void
set_weights (const KolStyleProblem *self)
{
  for (guint i = 0; i < self->terms->len; i++)
    kol_set_scalar (g_ptr_array_index (self->weights, i),
                    (float) g_array_index (self->terms, KolStyleTerm, i).weight);
}

/* What a term's weight is by the options as they are now. */
static double
weight_of (const KolStyleProblem *self, const KolStyleTerm *term)
{
  const KolStyleOptions *options = self->task->options;
  gboolean style = g_str_equal (term->kind, "style");
  const KolStyleLayer *layers = style ? options->style_layers : options->content_layers;
  guint n = style ? options->n_style_layers : options->n_content_layers;

  if (!term->layer)
    return options->variation_weight;
  for (guint i = 0; i < n; i++)
    if (g_str_equal (layers[i].name, term->layer))
      return (style ? options->style_weight : options->content_weight)
             * (layers[i].weight != 0 ? layers[i].weight : 1);
  return term->weight;
}

void
kol_style_problem_weigh (KolStyleProblem *problem)
{
  for (guint i = 0; i < problem->terms->len; i++)
    {
      KolStyleTerm *term = &g_array_index (problem->terms, KolStyleTerm, i);
      term->weight = weight_of (problem, term);
    }
  set_weights (problem);
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
  if (!build (self, error))
    return NULL;
  self->read = g_new0 (float, self->terms->len + 1);
  return g_steal_pointer (&self);
}

gboolean
kol_style_problem_peak_bytes (KolStyleProblem *problem, guint64 *bytes, GError **error)
{
  return kol_peak_bytes (problem->graph, problem->targets, 2, bytes, error);
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

/* What a loss is multiplied by to be relative to @square; features that are all zero stay so. */
static float
relative (double square)
{
  return square > 0 ? (float) (1 / square) : 1;
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
      kol_set_scalar (target->scale, is_normal (self) ? relative (mean_square (values, n)) : 1);
    }
  return TRUE;
}

/* ── What is wanted: the styles ──────────────────────────────────────────────────────────────── */

/*
 * The statistics of one layer, of all styles of its region, each times its weight: means
 * and second moments, or Gram matrices. In doubles: differences are taken of them.
 */
typedef struct {
  double *matrix, *means;
  double weight;
} Moments;

static void
moments_clear (gpointer data)
{
  Moments *moments = data;

  g_free (moments->matrix);
  g_free (moments->means);
}

/* Adds a style's matrix, for which covariances become second moments, and its means. */
static void
add_moments (Moments *sums, const float *matrix, const float *means, gsize c, gboolean normal,
             double weight)
{
  if (!sums->matrix)
    {
      sums->matrix = g_new0 (double, c *c);
      sums->means = g_new0 (double, c);
    }
  for (gsize i = 0; i < c; i++)
    for (gsize k = 0; k < c; k++)
      sums->matrix[i * c + k]
          += weight * (matrix[i * c + k] + (normal ? (double) means[i] * means[k] : 0));
  for (gsize i = 0; i < c; i++)
    sums->means[i] += weight * means[i];
  sums->weight += weight;
}

/* Adds one style's statistics, a matrix and means for each layer, to those of its region. */
static gboolean
read_moments (const KolStyleProblem *self, guint region, double weight, KolValue *const *values,
              GArray *moments, GError **error)
{
  guint k = 0;

  for (guint i = 0; i < self->styles->len; i++)
    {
      const StyleTarget *target = &g_array_index (self->styles, StyleTarget, i);
      gsize c = (gsize) target->channels;
      g_autofree float *matrix = g_new (float, c *c), *means = g_new (float, c);

      if (target->region != region)
        continue;
      if (!kol_read (values[2 * k], matrix, error) || !kol_read (values[2 * k + 1], means, error))
        return FALSE;
      add_moments (&g_array_index (moments, Moments, i), matrix, means, c, is_normal (self),
                   weight);
      k++;
    }
  return TRUE;
}

static gboolean
look_at_style (KolStyleProblem *self, const KolStyleWanted *style, GCancellable *cancellable,
               GArray *moments, GError **error)
{
  g_autoptr (KolGraph) graph = look_at (self, style->picture, cancellable, error);
  g_autoptr (GPtrArray) values = g_ptr_array_new ();

  if (!graph)
    return FALSE;
  for (guint i = 0; i < self->task->options->n_style_layers; i++)
    {
      KolValue *features = find_features (self, style_layer (self, i)->name, error);

      if (!features)
        return FALSE;
      KolValue *means = kol_style_means (features, NULL);
      g_ptr_array_add (values, is_normal (self) ? kol_style_covariances (features, means, NULL)
                                                : kol_style_gram (features));
      g_ptr_array_add (values, means);
    }
  return kol_run_all (graph, (KolValue *const *) values->pdata, values->len, error)
         && read_moments (self, find_region (self, style->region), style->weight,
                          (KolValue *const *) values->pdata, moments, error);
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

/* From sums to means and covariances, of features whose mean square is 1. */
static double
normalize_moments (Moments *sums, gsize c)
{
  double square = 0;

  for (gsize i = 0; i < c; i++)
    square += sums->matrix[i * c + i] / sums->weight / (double) c;
  double scale = sqrt (relative (square));
  for (gsize i = 0; i < c; i++)
    sums->means[i] *= scale / sums->weight;
  for (gsize i = 0; i < c; i++)
    for (gsize k = 0; k < c; k++)
      sums->matrix[i * c + k] = sums->matrix[i * c + k] * scale * scale / sums->weight
                                - sums->means[i] * sums->means[k];
  return scale;
}

/* The covariances of what is wanted and their root, which the device computes once. */
static gboolean
want_normal (KolStyleProblem *self, StyleTarget *target, Moments *sums, GError **error)
{
  gsize c = (gsize) target->channels;
  g_autofree float *identity = make_identity (c), *matrices = g_new (float, 2 * c * c);
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (self->layers));
  KolShape shape = KOL_SHAPE ((gint64) c, (gint64) c);
  KolValue *covariances = kol_placeholder (graph, "covariances", shape);
  KolValue *unit = kol_placeholder (graph, "identity", shape);
  KolValue *both[2] = { add_least (covariances, unit), NULL };
  double scale = normalize_moments (sums, c);

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
want (KolStyleProblem *self, StyleTarget *target, Moments *sums, GError **error)
{
  const KolPicture *region = g_ptr_array_index (self->regions, target->region);

  if (target->map && !fill_map (region, target->map, error))
    return FALSE;
  if (is_normal (self))
    return want_normal (self, target, sums, error);
  set_doubles (target->matrix, sums->matrix, 1 / sums->weight);
  return TRUE;
}

gboolean
kol_style_problem_look (KolStyleProblem *problem, GCancellable *cancellable, GError **error)
{
  const KolStyleTask *task = problem->task;
  g_autoptr (GArray) moments = g_array_new (FALSE, TRUE, sizeof (Moments));

  g_array_set_clear_func (moments, moments_clear);
  g_array_set_size (moments, problem->styles->len);
  set_weights (problem);
  if (!look_at_content (problem, cancellable, error))
    return FALSE;
  for (guint i = 0; i < task->n_styles; i++)
    if (!look_at_style (problem, &task->styles[i], cancellable, moments, error))
      return FALSE;
  for (guint i = 0; i < problem->styles->len; i++)
    if (!want (problem, &g_array_index (problem->styles, StyleTarget, i),
               &g_array_index (moments, Moments, i), error))
      return FALSE;
  return TRUE;
}

/* ── Evaluations ─────────────────────────────────────────────────────────────────────────────── */

gboolean
kol_style_problem_evaluate (KolStyleProblem *problem, GCancellable *cancellable, double *total,
                            GError **error)
{
  guint n = problem->terms->len;

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
