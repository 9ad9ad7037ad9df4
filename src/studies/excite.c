/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Photos that excite units: each photo goes through the network once, for all the units; what is
 * read back are three numbers a unit, the mean over positions, the largest, and where that is.
 */

#include "excite.h"

#include <math.h>
#include <string.h>

#include "../graph/graph-private.h"
#include "../ops.h"
#include "../ops/conv2d-private.h"
#include "../ops/pool-private.h"
#include "objective-private.h"

#define BATCH 8

/**
 * kol_excitement_free:
 * @excitement: (transfer full) (nullable): how photos excite a unit
 */
void
kol_excitement_free (KolExcitement *excitement)
{
  if (!excitement)
    return;
  g_free (excitement->parts);
  g_free (excitement);
}

/* ── What a position sees ────────────────────────────────────────────────────────────────────── */

/* In pixels along one axis: position i sees `size` around start + i jump. 0: of all of it. */
typedef struct {
  double size, jump, start;
} Sight;

typedef struct {
  Sight down, across;
} Field;

static Sight
through_window (Sight sight, gint64 side, gint64 dilation, gint64 stride, gint64 before)
{
  double reach = (double) ((side - 1) * dilation);

  return (Sight){ .size = sight.size + reach * sight.jump,
                  .jump = sight.jump * (double) stride,
                  .start = sight.start + (reach / 2 - (double) before) * sight.jump };
}

/* From what the node's input sees. */
static Field
through_node (const KolNode *node, Field field)
{
  const char *name = node->op->name;

  if (strcmp (name, "conv2d") == 0)
    {
      KolConv2dShape c = kol_conv2d_shape_of (node);
      return (Field){ through_window (field.down, c.R, c.dilation_h, c.stride_h, c.top),
                      through_window (field.across, c.S, c.dilation_w, c.stride_w, c.left) };
    }
  if (strcmp (name, "max_pool") == 0 || strcmp (name, "average_pool") == 0)
    {
      KolPoolGeometry p = kol_pool_geometry (&node->inputs[0]->shape, node->attributes);
      if (!p.adaptive)
        return (Field){ through_window (field.down, p.size, 1, p.stride, p.top),
                        through_window (field.across, p.size_w, 1, p.stride_w, p.left) };
    }
  const KolShape *x = &node->inputs[0]->shape, *y = &node->outputs[0].shape;
  if (y->rank == 4 && x->rank == 4 && y->dim[2] == x->dim[2] && y->dim[3] == x->dim[3])
    return field;
  return (Field){ 0 };
}

/* Of several inputs the one that sees most counts. */
static Field
field_of (KolValue *layer, KolValue *pixels)
{
  GPtrArray *nodes = layer->graph->nodes;
  g_autofree Field *fields = g_new0 (Field, nodes->len);
  g_autofree guint8 *depends = g_new0 (guint8, nodes->len);
  guint from = pixels->node->id;

  fields[from] = (Field){ { 1, 1, 0 }, { 1, 1, 0 } };
  depends[from] = TRUE;
  for (guint id = from + 1; id <= layer->node->id; id++)
    {
      KolNode *node = g_ptr_array_index (nodes, id);
      Field widest = { 0 };

      for (guint i = 0; i < node->n_inputs; i++)
        {
          guint input = node->inputs[i]->node->id;
          if (!depends[input])
            continue;
          if (!depends[id] || fields[input].down.size > widest.down.size)
            widest = fields[input];
          depends[id] = TRUE;
        }
      if (depends[id] && widest.down.size > 0)
        fields[id] = through_node (node, widest);
    }
  return fields[layer->node->id];
}

/* Position @i's part of @length pixels: whole pixels, moved inwards at the edges. */
static void
part_along (Sight sight, gsize i, gsize length, gsize *first, gsize *size)
{
  double centre = sight.start + (double) i * sight.jump;

  *size = sight.size > 0 ? MIN ((gsize) ceil (sight.size), length) : length;
  *first = (gsize) CLAMP (lrint (centre - (double) (*size - 1) / 2), 0, (glong) (length - *size));
}

/* ── The graph ───────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const KolExciteOptions *options;
  KolPreprocess how;
  gsize batch;
  KolGraph *graph;
  KolValue *pixels;
  KolValue *said, *largest, *place; /* [N, K] */
  gsize units, columns;             /* of the layer: K, and positions in a row */
  Field field;
  float *numbers, *saids, *largests, *places;
  gboolean *good; /* which of the photos could be read */
} Search;

static void
search_clear (Search *search)
{
  g_clear_pointer (&search->graph, kol_graph_free);
  g_free (search->numbers);
  g_free (search->saids);
  g_free (search->largests);
  g_free (search->places);
  g_free (search->good);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Search, search_clear)

/* How a photo is fitted: as usual for the network, but for its size and for 0..1. */
static KolPreprocess
fitting (const KolLayers *layers, const KolExciteOptions *options)
{
  KolPreprocess how = *kol_layers_get_picture (layers);
  gsize usual = MAX (how.height, how.width);

  how.height = options->height ? options->height : how.height;
  how.width = options->width ? options->width : how.width;
  if (how.short_side)
    how.short_side
        = MAX (how.short_side * MAX (how.height, how.width) / usual, MAX (how.height, how.width));
  how.bgr = FALSE;
  how.divisor = 255;
  for (gsize c = 0; c < 3; c++)
    {
      how.mean[c] = 0;
      how.std[c] = 1;
    }
  return how;
}

static void
build_numbers (Search *search, KolValue *layer)
{
  const KolShape *shape = &layer->shape;
  const KolReduce last = { .n_axes = 1, .axes = { 2 } };
  KolValue *flat = kol_reshape (layer, KOL_SHAPE (shape->dim[0], shape->dim[1], -1));
  gint64 middle = (gint64) kol_objective_middle (shape);
  const KolSlice one = { .n_axes = 1, .axes = { 2 }, .start = { middle }, .stop = { middle + 1 } };

  search->said = kol_mean_over (search->options->neuron ? kol_slice (flat, &one) : flat, &last);
  search->largest = kol_max (flat, &last);
  search->place = kol_argmax (flat, 2);
}

static gboolean
build_search (Search *search, KolLayers *layers, GError **error)
{
  const KolPreprocess *how = &search->how;
  gsize only = kol_layers_get_batch (layers);

  search->batch = only ? only : MIN (BATCH, search->options->n_photos);
  search->graph = kol_graph_new_over (kol_layers_get_parameters (layers));
  search->pixels = kol_placeholder (search->graph, "study/pixels",
                                    KOL_SHAPE ((gint64) search->batch, (gint64) how->channels,
                                               (gint64) how->height, (gint64) how->width));
  if (!kol_layers_build (layers, search->pixels, error))
    return FALSE;
  const KolLayerInfo *info = search->options->layer
                                 ? kol_layers_find (layers, search->options->layer, error)
                                 : kol_layers_get_output (layers);
  if (!info)
    return FALSE;
  search->units = (gsize) info->shape.dim[1];
  search->columns = info->shape.rank == 4 ? (gsize) info->shape.dim[3] : 1;
  search->field = info->shape.rank == 4 ? field_of (info->value, search->pixels) : (Field){ 0 };
  build_numbers (search, info->value);
  const GError *mistake = kol_graph_get_error (search->graph);
  if (!mistake)
    return TRUE;
  g_propagate_error (error, g_error_copy (mistake));
  return FALSE;
}

/* ── The search ──────────────────────────────────────────────────────────────────────────────── */

/* Puts a part where it belongs among the best of its unit. */
static void
add_part (KolExcitement *unit, guint most, const KolExcitingPart *part)
{
  guint at = unit->n_parts;

  if (at == most && (!most || unit->parts[at - 1].value >= part->value))
    return;
  at = MIN (at, most - 1);
  for (; at > 0 && unit->parts[at - 1].value < part->value; at--)
    unit->parts[at] = unit->parts[at - 1];
  unit->parts[at] = *part;
  unit->n_parts = MIN (unit->n_parts + 1, most);
}

static void
note_photo (const Search *search, gsize place, guint photo, GPtrArray *units)
{
  for (guint i = 0; i < units->len; i++)
    {
      KolExcitement *unit = g_ptr_array_index (units, i);
      gsize at = place * search->units + unit->unit, position = (gsize) search->places[at];
      KolExcitingPart part = { .photo = photo, .value = search->largests[at] };

      if (search->saids[at] > unit->largest)
        {
          unit->largest = search->saids[at];
          unit->photo = photo;
        }
      part_along (search->field.down, position / search->columns, search->how.height, &part.box.top,
                  &part.box.height);
      part_along (search->field.across, position % search->columns, search->how.width,
                  &part.box.left, &part.box.width);
      add_part (unit, search->options->parts, &part);
    }
}

static gboolean
run_search (Search *search, GError **error)
{
  KolValue *targets[] = { search->said, search->largest, search->place };

  kol_set (search->pixels, search->numbers);
  return kol_run_all (search->graph, targets, 3, error)
         && kol_read (search->said, search->saids, error)
         && kol_read (search->largest, search->largests, error)
         && kol_read (search->place, search->places, error);
}

static void
tell (const KolStudyWatch *watch, guint done, guint all, gint64 began)
{
  double seconds = (double) (g_get_monotonic_time () - began) / G_USEC_PER_SEC;
  KolStudyProgress progress = { .step = done, .steps = all, .value = NAN, .seconds = seconds };

  progress.seconds_left = done ? seconds / done * (all - done) : NAN;
  if (watch && watch->told)
    watch->told (&progress, watch->user_data);
}

/* Reads photos from @first on; whether each could be read. */
static void
read_photos (const Search *search, guint first, guint n, gboolean *good)
{
  const KolExciteOptions *options = search->options;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) mistake = NULL;
      float *numbers = search->numbers + i * kol_preprocess_count (&search->how);

      good[i] = kol_preprocess_load (&search->how, options->photos[first + i], numbers, &mistake);
      if (!good[i] && options->unread)
        options->unread (mistake, options->user_data);
    }
}

static gboolean
search_all (Search *search, GPtrArray *units, const KolStudyWatch *watch, GError **error)
{
  const KolExciteOptions *options = search->options;
  gint64 began = g_get_monotonic_time ();
  gboolean any = FALSE;

  for (guint first = 0; first < options->n_photos; first += (guint) search->batch)
    {
      guint n = MIN ((guint) search->batch, options->n_photos - first);

      read_photos (search, first, n, search->good);
      if ((watch && g_cancellable_set_error_if_cancelled (watch->cancellable, error))
          || !run_search (search, error))
        return FALSE;
      for (guint i = 0; i < n; i++)
        if (search->good[i])
          {
            any = TRUE;
            note_photo (search, i, first + i, units);
          }
      tell (watch, first + n, options->n_photos, began);
    }
  if (!any)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "None of the %u photos could be read",
                 options->n_photos);
  return any;
}

static GPtrArray *
make_units (const Search *search, GError **error)
{
  const KolExciteOptions *options = search->options;
  g_autoptr (GPtrArray) units
      = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_excitement_free);

  for (guint i = 0; i < options->n_units; i++)
    {
      KolExcitement *unit = g_new0 (KolExcitement, 1);

      g_ptr_array_add (units, unit);
      unit->unit = options->units[i];
      unit->largest = -INFINITY;
      unit->parts = g_new0 (KolExcitingPart, MAX (options->parts, 1));
      if (unit->unit < search->units)
        continue;
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "The layer %s has the units 0 to %zu, but %u is asked for",
                   options->layer ? options->layer : "of scores", search->units - 1, unit->unit);
      return NULL;
    }
  return g_steal_pointer (&units);
}

/**
 * kol_excite:
 * @layers: an opened network
 * @options: what to look for
 * @watch: (nullable): who is told how many photos are done, and ends it
 * @error: return location
 *
 * Shows photos to a network, and notes which excite its units most, and by which part.
 *
 * Errors: those of the network; %KOL_ERROR_DATA if no photo could be read;
 * %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full) (element-type KolExcitement) (nullable): one for each unit
 */
GPtrArray *
kol_excite (KolLayers *layers, const KolExciteOptions *options, const KolStudyWatch *watch,
            GError **error)
{
  g_return_val_if_fail (layers != NULL && options != NULL, NULL);
  g_return_val_if_fail (options->n_photos > 0 && options->n_units > 0, NULL);
  g_auto (Search) search = { .options = options, .how = fitting (layers, options) };

  if (!build_search (&search, layers, error))
    return NULL;
  g_autoptr (GPtrArray) units = make_units (&search, error);
  if (!units)
    return NULL;
  gsize answers = search.batch * search.units;
  search.numbers = g_new0 (float, search.batch *kol_preprocess_count (&search.how));
  search.good = g_new0 (gboolean, search.batch);
  search.saids = g_new (float, answers);
  search.largests = g_new (float, answers);
  search.places = g_new (float, answers);
  return search_all (&search, units, watch, error) ? g_steal_pointer (&units) : NULL;
}

/**
 * kol_excite_cut:
 * @layers: the network
 * @options: what kol_excite() was called with
 * @part: a part that it has found
 * @error: return location
 *
 * Errors: those of reading the photo.
 *
 * Returns: (transfer full) (nullable): what the unit sees of the photo
 */
KolSnapshot *
kol_excite_cut (KolLayers *layers, const KolExciteOptions *options, const KolExcitingPart *part,
                GError **error)
{
  g_return_val_if_fail (layers != NULL && options != NULL && part != NULL, NULL);
  const KolPreprocess how = fitting (layers, options);
  const KolPictureBox *box = &part->box;
  g_autofree float *pixels = g_new (float, kol_preprocess_count (&how));
  g_autofree float *cut = g_new (float, how.channels * box->height * box->width);

  if (!kol_preprocess_load (&how, options->photos[part->photo], pixels, error))
    return NULL;
  for (gsize c = 0; c < how.channels; c++)
    for (gsize row = 0; row < box->height; row++)
      memcpy (cut + (c * box->height + row) * box->width,
              pixels + (c * how.height + box->top + row) * how.width + box->left,
              box->width * sizeof *cut);
  return kol_snapshot_new (cut, how.channels, box->height, box->width);
}
