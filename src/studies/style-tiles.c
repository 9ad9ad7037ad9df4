/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "style-tiles-private.h"

#include <math.h>
#include <string.h>

#include "../graph/graph-private.h"
#include "../ops.h"
#include "reach-private.h"
#include "style-pictures-private.h"

#define LEAST 64 /* the smallest tile, without what is around it */
#define LARGEST 4096

/* How an axis is cut: all windows are of one length, so that they are one graph. */
typedef struct {
  gint64 length; /* of the picture */
  gint64 core;   /* of a tile, a multiple of all strides; the last one is what is left */
  gint64 window;
  gint64 around; /* before a core */
  guint n;
} Cut;

/* Features of one layer that are compared, and which of them are whose. */
typedef struct {
  KolReach reach;
  gint64 channels, rows, columns; /* of the whole picture */
  KolValue *features;             /* of the tile */
  KolValue *mask;                 /* placeholder [1, 1, h, w] */
} Layer;

typedef struct {
  Layer layer;
  guint region;
  float *map;                 /* [rows, columns]: roots of the region's weights, or NULL: 1 */
  KolValue *products, *means; /* sums over the tile */
  KolValue *products_slope, *mean_slope; /* placeholders of the gradients */
  KolStyleSums sums;
} Style;

typedef struct {
  Layer layer;
  KolValue *wanted; /* placeholder: the features of the content */
  KolValue *sum;
  KolValue *slope; /* placeholder */
  GPtrArray *kept; /* float [C, h, w], for each tile */
  double total;
} Content;

struct _KolStyleTiles {
  KolStyleTilesTask task;
  KolGraph *graph;
  Cut cut[2];
  KolValue *pixels; /* placeholder [1, C, h, w] of a window */
  GPtrArray *styles, *contents;
  GPtrArray *targets; /* KolValue: the sums */
  KolValue *gradient;
  guint64 peak;
};

static void
style_free (gpointer data)
{
  Style *style = data;

  g_free (style->map);
  g_free (style->sums.products);
  g_free (style->sums.means);
  g_free (style);
}

static void
content_free (gpointer data)
{
  Content *content = data;

  g_clear_pointer (&content->kept, g_ptr_array_unref);
  g_free (content);
}

static void
clear (KolStyleTiles *self)
{
  g_clear_pointer (&self->graph, kol_graph_free);
  g_clear_pointer (&self->styles, g_ptr_array_unref);
  g_clear_pointer (&self->contents, g_ptr_array_unref);
  g_clear_pointer (&self->targets, g_ptr_array_unref);
}

void
kol_style_tiles_free (KolStyleTiles *tiles)
{
  if (!tiles)
    return;
  clear (tiles);
  g_free (tiles);
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

/* ── Cutting ─────────────────────────────────────────────────────────────────────────────────── */

static gint64
round_up (gint64 n, gint64 multiple)
{
  return (n + multiple - 1) / multiple * multiple;
}

/*
 * A window begins at a multiple of all strides, so that its features lie where the whole
 * picture's do; its length is the picture's modulo that, so that the last one ends with it.
 */
static Cut
make_cut (gint64 length, gint64 core, gint64 stride, gint64 before, gint64 after)
{
  gint64 around = round_up (before, stride), window;

  core = round_up (core, stride);
  window = around + core + after;
  window += (length % stride - window % stride + stride) % stride;
  if (window >= length)
    return (Cut){ .length = length, .core = length, .window = length, .n = 1 };
  return (Cut){ .length = length,
                .core = core,
                .window = window,
                .around = around,
                .n = (guint) ((length + core - 1) / core) };
}

static gint64
window_start (const Cut *cut, guint tile)
{
  return CLAMP ((gint64) tile * cut->core - cut->around, 0, cut->length - cut->window);
}

/* Which features of an axis a tile owns, counted in its window: @from .. @to, without @to. */
static void
find_owned (const Cut *cut, guint tile, gint64 stride, gint64 count, gint64 *from, gint64 *to)
{
  gint64 start = window_start (cut, tile) / stride;
  gint64 first = MIN ((gint64) tile * cut->core / stride, count);
  gint64 last = tile + 1 == cut->n ? count : MIN ((gint64) (tile + 1) * cut->core / stride, count);

  *from = first - start;
  *to = last - start;
}

/* ── The graph ───────────────────────────────────────────────────────────────────────────────── */

static const KolLayerInfo *
find_layer (const KolStyleTiles *self, const char *name, GError **error)
{
  const KolLayerInfo *layer = kol_layers_find (self->task.layers, name, error);

  if (!layer || (layer->value && layer->shape.rank == 4))
    return layer;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "The layer “%s” has no features with places, [N, C, H, W]", name);
  return NULL;
}

/* The layers' names, the style's before the content's; how many of them. */
static guint
list_names (const KolStyleTiles *self, const char **names)
{
  const KolStyleOptions *options = self->task.options;
  guint n = 0;

  for (guint i = 0; i < options->n_style_layers; i++)
    names[n++] = options->style_layers[i].name;
  for (guint i = 0; self->task.content && i < options->n_content_layers; i++)
    names[n++] = options->content_layers[i].name;
  return n;
}

/* The whole picture's features and what they see, of a graph that is never computed. */
static Layer *
measure_layers (KolStyleTiles *self, guint *n, GError **error)
{
  const KolStyleTilesTask *task = &self->task;
  guint most = task->options->n_style_layers + task->options->n_content_layers;
  g_autoptr (KolGraph) graph = kol_graph_new_over (kol_layers_get_parameters (task->layers));
  g_autofree const char **names = g_new0 (const char *, most);
  g_autofree Layer *layers = g_new0 (Layer, most);
  KolValue *pixels
      = kol_placeholder (graph, "study/style/pixels",
                         KOL_SHAPE (1, (gint64) task->size.channels, (gint64) task->size.height,
                                    (gint64) task->size.width));

  *n = list_names (self, names);
  if (!kol_layers_build (task->layers, pixels, error))
    return NULL;
  for (guint i = 0; i < *n; i++)
    {
      const KolLayerInfo *layer = find_layer (self, names[i], error);

      if (!layer || !kol_reach_find (layer->value, pixels, &layers[i].reach, error))
        return NULL;
      layers[i].channels = layer->shape.dim[1];
      layers[i].rows = layer->shape.dim[2];
      layers[i].columns = layer->shape.dim[3];
    }
  return g_steal_pointer (&layers);
}

static gint64
common_multiple (gint64 a, gint64 b)
{
  gint64 divisor = a, other = b;

  while (other)
    {
      gint64 rest = divisor % other;
      divisor = other;
      other = rest;
    }
  return a / divisor * b;
}

static void
cut_picture (KolStyleTiles *self, const Layer *layers, guint n, gint64 core)
{
  gint64 length[2] = { (gint64) self->task.size.height, (gint64) self->task.size.width };

  for (guint axis = 0; axis < 2; axis++)
    {
      gint64 stride = 1, before = 0, after = 0;

      for (guint i = 0; i < n; i++)
        {
          stride = common_multiple (stride, layers[i].reach.stride[axis]);
          before = MAX (before, layers[i].reach.before[axis]);
          after = MAX (after, layers[i].reach.after[axis]);
        }
      self->cut[axis] = make_cut (length[axis], core, stride, before, after);
    }
}

static KolValue *
placeholder (KolStyleTiles *self, const char *what, guint i, KolShape shape)
{
  g_autofree char *name = g_strdup_printf ("study/style/%s/%u", what, i);

  return kol_placeholder (self->graph, name, shape);
}

static KolValue *
inner (KolValue *a, KolValue *b)
{
  return kol_sum (kol_multiply (a, b), NULL);
}

/* Sums over what the tile owns; @total is the part of the loss, given its slopes. */
static KolValue *
add_style (KolStyleTiles *self, guint region, const Layer *layer, KolValue *total)
{
  Style *style = g_new0 (Style, 1);
  guint i = self->styles->len;
  gint64 c = layer->channels;

  style->layer = *layer;
  style->region = region;
  style->sums = (KolStyleSums){ (gsize) c, g_new (double, c *c), g_new (double, c) };
  g_ptr_array_add (self->styles, style);
  KolShape shape = layer->features->shape;
  style->layer.mask = placeholder (self, "mask", i, KOL_SHAPE (1, 1, shape.dim[2], shape.dim[3]));
  KolValue *owned = kol_multiply (layer->features, style->layer.mask);
  KolValue *rows = kol_reshape (owned, KOL_SHAPE (c, -1));
  style->products = kol_matmul_with (rows, rows, &(KolMatmul){ .transpose_b = TRUE });
  style->means = kol_sum (kol_multiply (owned, style->layer.mask),
                          &(KolReduce){ .n_axes = 3, .axes = { 0, 2, 3 } });
  style->products_slope = placeholder (self, "products-slope", i, KOL_SHAPE (c, c));
  style->mean_slope = placeholder (self, "mean-slope", i, KOL_SHAPE (c));
  g_ptr_array_add (self->targets, style->products);
  g_ptr_array_add (self->targets, style->means);
  KolValue *part = kol_add (inner (style->products, style->products_slope),
                            inner (style->means, style->mean_slope));
  return total ? kol_add (total, part) : part;
}

static KolValue *
add_content (KolStyleTiles *self, const Layer *layer, KolValue *total)
{
  Content *content = g_new0 (Content, 1);
  guint i = self->contents->len;

  content->layer = *layer;
  content->kept = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->contents, content);
  KolShape shape = layer->features->shape;
  content->layer.mask
      = placeholder (self, "content-mask", i, KOL_SHAPE (1, 1, shape.dim[2], shape.dim[3]));
  content->wanted = placeholder (self, "content", i, shape);
  content->slope = placeholder (self, "content-slope", i, KOL_SCALAR);
  KolValue *apart = kol_square (kol_subtract (layer->features, content->wanted));
  content->sum = kol_sum (kol_multiply (apart, content->layer.mask), NULL);
  g_ptr_array_add (self->targets, content->sum);
  KolValue *part = kol_multiply (content->sum, content->slope);
  return total ? kol_add (total, part) : part;
}

static gboolean
build (KolStyleTiles *self, Layer *layers, guint n, GError **error)
{
  const KolStyleTilesTask *task = &self->task;
  guint n_styles = task->options->n_style_layers;
  g_autofree const char **names = g_new0 (const char *, n);
  KolValue *total = NULL;

  clear (self);
  list_names (self, names);
  self->graph = kol_graph_new_over (kol_layers_get_parameters (task->layers));
  kol_graph_set_memory (self->graph, KOL_MEMORY_LOW);
  self->styles = g_ptr_array_new_with_free_func (style_free);
  self->contents = g_ptr_array_new_with_free_func (content_free);
  self->targets = g_ptr_array_new ();
  self->pixels = kol_placeholder (
      self->graph, "study/style/window",
      KOL_SHAPE (1, (gint64) task->size.channels, self->cut[0].window, self->cut[1].window));
  if (!kol_layers_build (task->layers, self->pixels, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      const KolLayerInfo *layer = find_layer (self, names[i], error);
      if (!layer)
        return FALSE;
      layers[i].features = layer->value;
    }
  for (guint r = 0; r < task->n_regions; r++)
    for (guint i = 0; i < n_styles; i++)
      total = add_style (self, r, &layers[i], total);
  for (guint i = n_styles; i < n; i++)
    total = add_content (self, &layers[i], total);
  kol_gradients (total, &self->pixels, 1, &self->gradient);
  return check (self->graph, error);
}

static gboolean
count_peak (KolStyleTiles *self, GError **error)
{
  const KolTogether runs[] = {
    { self->graph, (KolValue *const *) self->targets->pdata, self->targets->len },
    { self->graph, &self->gradient, 1 },
  };

  return kol_peak_bytes_of_runs (runs, G_N_ELEMENTS (runs), &self->peak, error);
}

/* The weights of the regions at the features' places. */
static gboolean
fill_maps (KolStyleTiles *self, GError **error)
{
  for (guint i = 0; i < self->styles->len; i++)
    {
      Style *style = g_ptr_array_index (self->styles, i);
      const KolPicture *region = self->task.regions[style->region];

      if (region
          && !(style->map = kol_style_region_roots (region, (gsize) style->layer.rows,
                                                    (gsize) style->layer.columns, error)))
        return FALSE;
    }
  return TRUE;
}

KolStyleTiles *
kol_style_tiles_new (const KolStyleTilesTask *task, GError **error)
{
  g_autoptr (KolStyleTiles) self = g_new0 (KolStyleTiles, 1);
  guint n;

  self->task = *task;
  g_autofree Layer *layers = measure_layers (self, &n, error);
  if (!layers)
    return NULL;
  for (double core = LARGEST; core >= LEAST; core /= G_SQRT2)
    {
      cut_picture (self, layers, n, (gint64) core);
      if (!build (self, layers, n, error) || !count_peak (self, error))
        return NULL;
      if (self->peak <= task->budget)
        break;
    }
  return fill_maps (self, error) ? g_steal_pointer (&self) : NULL;
}

/* ── Tiles ───────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  guint row, column, index;
} Tile;

static Tile
tile_at (const KolStyleTiles *self, guint i)
{
  return (Tile){ i / self->cut[1].n, i % self->cut[1].n, i };
}

static void
set_mask (const KolStyleTiles *self, const Tile *tile, const Layer *layer, const float *map)
{
  gint64 h = layer->mask->shape.dim[2], w = layer->mask->shape.dim[3], top, bottom, left, right;
  g_autofree float *mask = g_new0 (float, h *w);
  gint64 y0 = window_start (&self->cut[0], tile->row) / layer->reach.stride[0];
  gint64 x0 = window_start (&self->cut[1], tile->column) / layer->reach.stride[1];

  find_owned (&self->cut[0], tile->row, layer->reach.stride[0], layer->rows, &top, &bottom);
  find_owned (&self->cut[1], tile->column, layer->reach.stride[1], layer->columns, &left, &right);
  for (gint64 y = top; y < bottom; y++)
    for (gint64 x = left; x < right; x++)
      mask[y * w + x] = map ? map[(y0 + y) * layer->columns + x0 + x] : 1;
  kol_set (layer->mask, mask);
}

/* The window's pixels, and which features are the tile's own. */
static void
set_tile (const KolStyleTiles *self, const Tile *tile, const float *pixels)
{
  gsize h = (gsize) self->cut[0].window, w = (gsize) self->cut[1].window;
  gsize top = (gsize) window_start (&self->cut[0], tile->row);
  gsize left = (gsize) window_start (&self->cut[1], tile->column);
  g_autofree float *window = g_new (float, self->task.size.channels *h *w);

  for (gsize c = 0; c < self->task.size.channels; c++)
    for (gsize y = 0; y < h; y++)
      memcpy (window + (c * h + y) * w,
              pixels + (c * self->task.size.height + top + y) * self->task.size.width + left,
              w * sizeof *window);
  kol_set (self->pixels, window);
  for (guint i = 0; i < self->styles->len; i++)
    {
      const Style *style = g_ptr_array_index (self->styles, i);
      set_mask (self, tile, &style->layer, style->map);
    }
  for (guint i = 0; i < self->contents->len; i++)
    {
      const Content *content = g_ptr_array_index (self->contents, i);
      set_mask (self, tile, &content->layer, NULL);
      if (tile->index < content->kept->len)
        kol_set (content->wanted, g_ptr_array_index (content->kept, tile->index));
    }
}

static double
places (const Layer *layer)
{
  return (double) layer->rows * (double) layer->columns;
}

static gboolean
add_sums (KolStyleTiles *self, GError **error)
{
  for (guint i = 0; i < self->styles->len; i++)
    {
      Style *style = g_ptr_array_index (self->styles, i);
      gsize c = style->sums.channels;
      g_autofree float *values = g_new (float, c *c);

      if (!kol_read (style->products, values, error))
        return FALSE;
      for (gsize k = 0; k < c * c; k++)
        style->sums.products[k] += values[k] / places (&style->layer);
      if (!kol_read (style->means, values, error))
        return FALSE;
      for (gsize k = 0; k < c; k++)
        style->sums.means[k] += values[k] / places (&style->layer);
    }
  for (guint i = 0; i < self->contents->len; i++)
    {
      Content *content = g_ptr_array_index (self->contents, i);
      float sum;

      if (!kol_read (content->sum, &sum, error))
        return FALSE;
      content->total += sum / (places (&content->layer) * (double) content->layer.channels);
    }
  return TRUE;
}

static void
clear_sums (KolStyleTiles *self)
{
  for (guint i = 0; i < self->styles->len; i++)
    {
      Style *style = g_ptr_array_index (self->styles, i);
      gsize c = style->sums.channels;

      memset (style->sums.products, 0, c * c * sizeof (double));
      memset (style->sums.means, 0, c * sizeof (double));
    }
  for (guint i = 0; i < self->contents->len; i++)
    ((Content *) g_ptr_array_index (self->contents, i))->total = 0;
}

gboolean
kol_style_tiles_sum (KolStyleTiles *tiles, const float *pixels, GCancellable *cancellable,
                     GError **error)
{
  kol_graph_set_cancellable (tiles->graph, cancellable);
  clear_sums (tiles);
  for (guint i = 0; i < kol_style_tiles_get_count (tiles); i++)
    {
      Tile tile = tile_at (tiles, i);

      set_tile (tiles, &tile, pixels);
      if (!kol_run_all (tiles->graph, (KolValue *const *) tiles->targets->pdata,
                        tiles->targets->len, error)
          || !add_sums (tiles, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
kol_style_tiles_want_content (KolStyleTiles *tiles, const float *pixels, GCancellable *cancellable,
                              GError **error)
{
  g_autoptr (GPtrArray) features = g_ptr_array_new ();

  for (guint k = 0; k < tiles->contents->len; k++)
    {
      Content *content = g_ptr_array_index (tiles->contents, k);
      g_autofree float *zeros = g_new0 (float, kol_count (content->wanted));

      g_ptr_array_add (features, content->layer.features);
      g_ptr_array_set_size (content->kept, 0);
      kol_set (content->wanted, zeros);
    }
  if (!kol_style_tiles_sum (tiles, pixels, cancellable, error)) /* of squares, as 0 is wanted */
    return FALSE;
  for (guint i = 0; features->len && i < kol_style_tiles_get_count (tiles); i++)
    {
      Tile tile = tile_at (tiles, i);

      set_tile (tiles, &tile, pixels);
      if (!kol_run_all (tiles->graph, (KolValue *const *) features->pdata, features->len, error))
        return FALSE;
      for (guint k = 0; k < tiles->contents->len; k++)
        {
          Content *content = g_ptr_array_index (tiles->contents, k);
          float *values = g_new (float, kol_count (content->wanted));

          g_ptr_array_add (content->kept, values);
          if (!kol_read (content->layer.features, values, error))
            return FALSE;
        }
    }
  return TRUE;
}

/* Where windows overlap, both have a part of the gradient. */
static void
add_window (const KolStyleTiles *self, const Tile *tile, const float *window, float *gradient)
{
  gsize h = (gsize) self->cut[0].window, w = (gsize) self->cut[1].window;
  gsize top = (gsize) window_start (&self->cut[0], tile->row);
  gsize left = (gsize) window_start (&self->cut[1], tile->column);

  for (gsize c = 0; c < self->task.size.channels; c++)
    for (gsize y = 0; y < h; y++)
      {
        const float *from = window + (c * h + y) * w;
        float *to
            = gradient + (c * self->task.size.height + top + y) * self->task.size.width + left;

        for (gsize x = 0; x < w; x++)
          to[x] += from[x];
      }
}

/* From the slopes of means over the picture to those of sums. */
static void
set_slopes (const KolStyleTiles *self, float *const *products, float *const *means,
            const double *contents)
{
  for (guint i = 0; i < self->styles->len; i++)
    {
      const Style *style = g_ptr_array_index (self->styles, i);
      gsize c = style->sums.channels;
      g_autofree float *values = g_new (float, c *c);

      for (gsize k = 0; k < c * c; k++)
        values[k] = (float) (products[i][k] / places (&style->layer));
      kol_set (style->products_slope, values);
      for (gsize k = 0; k < c; k++)
        values[k] = (float) (means[i][k] / places (&style->layer));
      kol_set (style->mean_slope, values);
    }
  for (guint i = 0; i < self->contents->len; i++)
    {
      const Content *content = g_ptr_array_index (self->contents, i);
      double n = places (&content->layer) * (double) content->layer.channels;
      kol_set_scalar (content->slope, (float) (contents[i] / n));
    }
}

gboolean
kol_style_tiles_add_gradient (KolStyleTiles *tiles, const float *pixels, float *const *products,
                              float *const *means, const double *contents,
                              GCancellable *cancellable, float *gradient, GError **error)
{
  g_autofree float *window = g_new (float, kol_count (tiles->gradient));

  kol_graph_set_cancellable (tiles->graph, cancellable);
  set_slopes (tiles, products, means, contents);
  for (guint i = 0; i < kol_style_tiles_get_count (tiles); i++)
    {
      Tile tile = tile_at (tiles, i);

      set_tile (tiles, &tile, pixels);
      if (!kol_run (tiles->graph, tiles->gradient, error)
          || !kol_read (tiles->gradient, window, error))
        return FALSE;
      add_window (tiles, &tile, window, gradient);
    }
  return TRUE;
}

/* ── What there is ───────────────────────────────────────────────────────────────────────────── */

void
kol_style_tiles_get_window (const KolStyleTiles *tiles, gsize *width, gsize *height)
{
  *height = (gsize) tiles->cut[0].window;
  *width = (gsize) tiles->cut[1].window;
}

guint64
kol_style_tiles_get_peak (const KolStyleTiles *tiles)
{
  return tiles->peak;
}

guint
kol_style_tiles_get_count (const KolStyleTiles *tiles)
{
  return tiles->cut[0].n * tiles->cut[1].n;
}

KolStyleSums *
kol_style_tiles_get_sums (KolStyleTiles *tiles, guint i)
{
  return &((Style *) g_ptr_array_index (tiles->styles, i))->sums;
}

double
kol_style_tiles_get_content (const KolStyleTiles *tiles, guint i)
{
  return ((const Content *) g_ptr_array_index (tiles->contents, i))->total;
}
