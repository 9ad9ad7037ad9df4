/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The graphs of a maximizer. A step is one: canvas -> motions -> network -> objective -> gradient
 * -> Adam. Another over the same parameters looks at the picture as it is: what the unit says of
 * it, and its pixels.
 */

#include "maximize-private.h"

#include "../nn/optimizers.h"
#include "../ops.h"
#include "redirect-private.h"

#define LEAK 0.1f /* how much of what is below 0 counts, of rectified units */
#define GREY 0.5f /* of which the L1 norm is taken */

static gboolean
take_graph_error (KolGraph *graph, GError **error)
{
  const GError *mistake = kol_graph_get_error (graph);

  if (mistake)
    g_propagate_error (error, g_error_copy (mistake));
  return mistake == NULL;
}

const KolLayerInfo *
kol_maximizer_build_network (KolMaximizer *self, KolValue *pixels, GError **error)
{
  if (!kol_layers_build (self->layers, pixels, error))
    {
      const KolPreprocess *usual = kol_layers_get_picture (self->layers);
      g_prefix_error (error, "For pictures of %d x %d pixels (%zu x %zu are usual): ",
                      (int) self->form.width, (int) self->form.height, usual->width, usual->height);
      return NULL;
    }
  return self->layer ? kol_layers_find (self->layers, self->layer, error)
                     : kol_layers_get_output (self->layers);
}

/*
 * Where a unit is silent, what goes into its rectifier has a gradient. But its mean alone is not
 * what is wanted: the mean of a filter of edges is near 0 in all pictures.
 */
static KolValue *
soften_rectifier (const KolMaximizer *self, KolValue *layer)
{
  KolValue *x;

  return kol_maximizer_asks_for_units (self) && kol_is_rectified (layer, &x)
             ? kol_leaky_relu (x, LEAK)
             : layer;
}

/* The difference of neighbours along @axis. */
static KolValue *
differences (KolValue *pixels, int axis)
{
  const KolSlice from = { .n_axes = 1, .axes = { axis }, .start = { 1 }, .stop = { G_MAXINT64 } };
  const KolSlice to = { .n_axes = 1, .axes = { axis }, .start = { 0 }, .stop = { -1 } };

  return kol_subtract (kol_slice (pixels, &from), kol_slice (pixels, &to));
}

static KolValue *
total_variation (KolValue *pixels)
{
  KolValue *sum = kol_constant (pixels->graph, 0);

  for (int axis = 2; axis < 4; axis++)
    if (pixels->shape.dim[axis] > 1)
      sum = kol_add (sum, kol_norm1 (differences (pixels, axis), NULL));
  return sum;
}

/*
 * Half of the sum of p (p - blurred p), whose gradient is p - blurred p, as the blur is alike in
 * all directions: the middle counts 1, its eight neighbours 1/2 each.
 */
static KolValue *
roughness (KolValue *pixels)
{
  KolValue *threes = kol_average_pool (
      pixels, &(KolPool){ .size = 3, .stride = 1, .pad = 1, .count_pad = TRUE });
  KolValue *blurred = kol_add (kol_scale (threes, 0.9f, 0), kol_scale (pixels, 0.1f, 0));

  return kol_scale (kol_sum (kol_multiply (pixels, kol_subtract (pixels, blurred)), NULL), 0.5f, 0);
}

/* What the picture pays for being unlike pictures. */
static KolValue *
add_costs (const KolMaximizeOptions *options, KolValue *loss, KolValue *pixels)
{
  if (options->l1 != 0)
    loss = kol_add (
        loss, kol_scale (kol_norm1 (kol_scale (pixels, 1, -GREY), NULL), (float) options->l1, 0));
  if (options->tv != 0)
    loss = kol_add (loss, kol_scale (total_variation (pixels), (float) options->tv, 0));
  if (options->blur != 0)
    loss = kol_add (loss, kol_scale (roughness (pixels), (float) options->blur, 0));
  return loss;
}

/* What is compared of pictures that are to differ: the layer, or the last before it with positions.
 */
static KolValue *
layer_to_compare (const KolMaximizer *self, KolValue *layer)
{
  KolValue *last = layer;

  for (guint i = 0; i < kol_layers_get_count (self->layers); i++)
    {
      const KolLayerInfo *info = kol_layers_get (self->layers, i);

      if (info->shape.rank == 4 && info->shape.dim[2] * info->shape.dim[3] > 1
          && info->value->node->id <= layer->node->id)
        last = info->value;
    }
  return last;
}

/* Each picture has a loss of its own, and their sum moves each by its own gradient. */
static KolValue *
build_loss (const KolMaximizer *self, const KolMaximizePainting *painting, KolValue *layer)
{
  KolValue *each = painting->objective.each;
  const KolMaximizeOptions *options = &self->options;

  kol_graph_set_prefix (painting->graph, "study");
  KolValue *loss = kol_negate (options->diverse ? kol_mean (each) : kol_sum (each, NULL));
  loss = add_costs (options, loss, painting->canvas.pixels);
  kol_graph_set_prefix (painting->graph, NULL);
  if (!options->diverse)
    return loss;
  KolValue *likeness = kol_objective_likeness (layer_to_compare (self, layer));
  return kol_add (loss, kol_scale (likeness, (float) options->diversity, 0));
}

/* What the optimizer keeps, of the nodes from @first on. */
static void
note_states (KolMaximizer *self, KolGraph *graph, guint first)
{
  for (guint id = first; id < graph->nodes->len; id++)
    {
      KolNode *node = g_ptr_array_index (graph->nodes, id);

      if (node->op == &kol_op_parameter && !node->parameter->trainable)
        g_ptr_array_add (self->states, node->parameter);
    }
}

static void
build_step (KolMaximizer *self, KolMaximizePainting *painting)
{
  guint before = painting->graph->nodes->len;
  KolReduce over = { 0 };
  KolValue **gradients;

  painting->step = kol_minimize (
      painting->loss, &(KolOptimizer){ .name = "adam",
                                       .rate = self->options.rate * self->slowed,
                                       .scope = kol_value_get_name (painting->canvas.parameter) });
  if (self->states->len == 0)
    note_states (self, painting->graph, before);
  if (kol_optimizer_get_gradients (painting->step, &gradients) > 0)
    {
      for (int axis = 1; axis < gradients[0]->shape.rank; axis++)
        over.axes[over.n_axes++] = axis;
      painting->norms = kol_norm1 (gradients[0], &over);
    }
  g_free (gradients);
}

static gboolean
build_painting (KolMaximizer *self, KolMaximizePainting *painting, KolMemory memory,
                gboolean redirected, GError **error)
{
  painting->graph = kol_graph_new_over (kol_layers_get_parameters (self->layers));
  kol_graph_set_memory (painting->graph, memory);
  kol_canvas_build (&painting->canvas, painting->graph, &self->form);
  KolValue *pixels = painting->canvas.pixels;
  if (!self->options.still)
    {
      kol_graph_set_prefix (painting->graph, "study");
      painting->map = kol_placeholder (painting->graph, "study/map", KOL_SHAPE (1, 2, 3));
      pixels = kol_resample (
          pixels, painting->map,
          &(KolResample){ (int) self->form.height, (int) self->form.width, self->around });
      kol_graph_set_prefix (painting->graph, NULL);
    }
  const KolLayerInfo *layer = kol_maximizer_build_network (self, pixels, error);
  if (!layer)
    return FALSE;
  kol_graph_set_prefix (painting->graph, "study");
  KolValue *softened = soften_rectifier (self, layer->value);
  if (self->form.level != 0 && self->options.goal == KOL_MAXIMIZE_CHANNEL)
    softened = kol_objective_peaks (softened);
  kol_objective_build (&painting->objective, softened, self->options.goal, self->options.power);
  painting->loss = build_loss (self, painting, layer->value);
  kol_redirect_rectifiers (painting->graph, redirected);
  build_step (self, painting);
  kol_objective_place (&painting->objective);
  return take_graph_error (painting->graph, error);
}

guint
kol_maximizer_list_runs (const KolMaximizePainting *painting, KolTogether runs[2])
{
  guint n = 0;

  if (painting->norms)
    runs[n++] = (KolTogether){ painting->graph, &painting->norms, 1 };
  runs[n++] = (KolTogether){ painting->graph, &painting->step, 1 };
  return n;
}

/* Where memory is scarce, what the gradients need is computed again rather than kept. */
gboolean
kol_maximizer_build_painting (KolMaximizer *self, KolMaximizePainting *painting,
                              gboolean redirected, GError **error)
{
  guint64 budget = kol_device_get_budget (kol_layers_get_parameters (self->layers)->device), bytes;
  KolTogether runs[2];

  if (!build_painting (self, painting, KOL_MEMORY_NORMAL, redirected, error)
      || !kol_peak_bytes_of_runs (runs, kol_maximizer_list_runs (painting, runs), &bytes, error))
    return FALSE;
  if (!budget || bytes <= budget)
    return TRUE;
  g_clear_pointer (&painting->graph, kol_graph_free);
  return build_painting (self, painting, KOL_MEMORY_LOW, redirected, error);
}

gboolean
kol_maximizer_build_look (KolMaximizer *self, GError **error)
{
  KolMaximizeLook *look = &self->look;

  look->graph = kol_graph_new_over (kol_layers_get_parameters (self->layers));
  kol_canvas_build (&look->canvas, look->graph, &self->form);
  const KolLayerInfo *layer = kol_maximizer_build_network (self, look->canvas.pixels, error);
  if (!layer)
    return FALSE;
  self->units = (guint) layer->shape.dim[1];
  kol_objective_build (&look->objective, layer->value, self->options.goal, self->options.power);
  const KolLayerInfo *output = kol_layers_get_output (self->layers);
  gint64 classes = output->shape.rank >= 2 ? output->shape.dim[1] : 0;
  if (layer->value == output->value && classes > 1
      && kol_count (output->value) == self->form.n * classes)
    look->scores = output->value;
  kol_objective_place (&look->objective);
  return take_graph_error (look->graph, error);
}
