/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Networks that paint in one pass: those that were trained here, and ONNX files whose
 * input is a picture [N, 3, H, W] and whose output is another. A file may take weights of
 * several styles as a second input.
 */

#include "fast-style.h"

#include <math.h>
#include <string.h>

#include "../device/error-private.h"
#include "../graph/graph.h"
#include "../model/model.h"
#include "../model/onnx.h"
#include "../model/safetensors.h"
#include "../nn/initializers.h"
#include "../ops.h"
#include "../graph/graph-private.h"
#include "fast-style-network-private.h"
#include "painter-tiles-private.h"

#define GRAPHS_KEPT 2 /* for pictures of the same size */

/* The network for pictures of one size. */
typedef struct {
  KolGraph *graph;
  KolShape shape;
  KolValue *photo, *mix, *painted;
} Sized;

/* How a picture is painted. */
typedef struct {
  Sized *sized;          /* lent */
  KolPainterTiles tiles; /* its core is 0 where the picture is painted as a whole */
  guint64 bytes;
} Plan;

struct _KolPainter {
  KolParameters *parameters;
  guint width; /* of a network that was trained here, or: */
  KolOnnx *onnx;
  guint photo_input, mix_input; /* which of the file's */
  guint n_styles;
  KolShape mix_shape;
  float *mix;
  float range; /* what is white: 1, or 255 */
  GPtrArray *sized;
  KolStudyWatch watch;
};

static void
sized_free (gpointer data)
{
  Sized *sized = data;

  g_clear_pointer (&sized->graph, kol_graph_free);
  g_free (sized);
}

/**
 * kol_painter_free:
 * @painter: (transfer full) (nullable): a network that paints
 */
void
kol_painter_free (KolPainter *painter)
{
  if (!painter)
    return;
  g_clear_pointer (&painter->sized, g_ptr_array_unref);
  g_clear_pointer (&painter->onnx, kol_onnx_free);
  g_clear_pointer (&painter->parameters, kol_parameters_unref);
  g_free (painter->mix);
  g_free (painter);
}

/* ── A network that was trained here ─────────────────────────────────────────────────────────── */

static gboolean
take_weights (KolPainter *self, GPtrArray *arrays, const char *path, GError **error)
{
  guint taken = 0;

  for (guint i = 0; i < arrays->len; i++)
    {
      const KolArray *array = g_ptr_array_index (arrays, i);
      KolParameter *parameter = kol_parameters_find (self->parameters, array->name);

      if (!parameter
          || kol_shape_count (kol_parameter_get_shape (parameter)) != (gint64) array->count)
        continue;
      if (!kol_parameter_write (parameter, array->data, error))
        return FALSE;
      taken++;
    }
  return taken == kol_parameters_get_count (self->parameters)
         || kol_refuse (error, "“%s” has %u of the %u arrays of a network that paints", path, taken,
                        kol_parameters_get_count (self->parameters));
}

/* The arrays of a network that was trained here, and its width. Given, or NULL. */
static GPtrArray *
load_own (const char *path, guint *found, GError **error)
{
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (GPtrArray) arrays = kol_safetensors_load (path, &metadata, error);

  if (!arrays)
    return NULL;
  const char *kind = metadata ? g_hash_table_lookup (metadata, "kind") : NULL;
  const char *width = kind ? g_hash_table_lookup (metadata, "width") : NULL;
  *found = width ? (guint) MIN (g_ascii_strtoull (width, NULL, 10), 1024) : 0;
  if (g_strcmp0 (kind, KOL_FAST_STYLE_KIND) == 0 && *found)
    return g_steal_pointer (&arrays);
  kol_refuse (error, "“%s” is no network that paints: `kolinsky style-train` makes one", path);
  return NULL;
}

static gboolean
open_own (KolPainter *self, const char *path, GError **error)
{
  g_autoptr (GPtrArray) arrays = load_own (path, &self->width, error);

  if (!arrays)
    return FALSE;
  g_autoptr (KolGraph) graph = kol_graph_new_over (self->parameters);
  kol_fast_style_build (kol_placeholder (graph, "photo", KOL_SHAPE (1, 3, 32, 32)), self->width);
  return take_weights (self, arrays, path, error);
}

/* ── ONNX files ──────────────────────────────────────────────────────────────────────────────── */

static gboolean
is_picture (const KolOnnxInfo *info)
{
  return info->rank == 4 && (info->dims[1] == 3 || info->dims[1] == -1)
         && g_str_equal (info->type, "float");
}

/* Weights of styles: a row of numbers. */
static gboolean
note_mix (KolPainter *self, guint input)
{
  const KolOnnxInfo *info = kol_onnx_get_input (self->onnx, input);
  gint64 n = info->rank > 0 ? info->dims[info->rank - 1] : 0;

  if (info->rank < 1 || info->rank > 2 || n < 1 || n > 4096 || info->fixed
      || !g_str_equal (info->type, "float"))
    return FALSE;
  self->mix_input = input;
  self->n_styles = (guint) n;
  self->mix_shape = info->rank == 1 ? KOL_SHAPE (n) : KOL_SHAPE (1, n);
  self->mix = g_new0 (float, n);
  self->mix[0] = 1;
  return TRUE;
}

static gboolean
open_onnx (KolPainter *self, const char *path, GError **error)
{
  gboolean found = FALSE;

  self->onnx = kol_onnx_open (path, error);
  if (!self->onnx)
    return FALSE;
  guint n = kol_onnx_get_n_inputs (self->onnx);
  for (guint i = 0; i < n; i++)
    if (!found && is_picture (kol_onnx_get_input (self->onnx, i)))
      {
        found = TRUE;
        self->photo_input = i;
        /* PyTorch's example, and the networks of the zoo that were made by it. */
        if (g_str_equal (kol_onnx_get_input (self->onnx, i)->name, "input1"))
          self->range = 255;
      }
    else if (self->mix || !note_mix (self, i))
      return kol_refuse (error,
                         "“%s” takes \"%s\", which is neither a picture [N, 3, H, W] of floats nor "
                         "weights of styles",
                         path, kol_onnx_get_input (self->onnx, i)->name);
  if (!found || n > 2 || kol_onnx_get_n_outputs (self->onnx) < 1)
    return kol_refuse (error, "“%s” takes no picture [N, 3, H, W] of floats", path);
  const KolOnnxInfo *result = kol_onnx_get_output (self->onnx, 0);
  return result->rank == -1 || is_picture (result) /* else it shows once it is built */
         || kol_refuse (error,
                        "“%s” does not paint: what it makes of a picture, \"%s\", is no picture "
                        "[N, 3, H, W]",
                        path, result->name);
}

/**
 * kol_painter_check:
 * @path: what kol_painter_open() could be given
 * @error: return location
 *
 * Reads what the file says of itself, without a device; in any thread.
 *
 * Errors: as kol_painter_open().
 *
 * Returns: whether it is a network that paints, as far as can be told before it does
 */
gboolean
kol_painter_check (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, FALSE);
  g_autoptr (KolPainter) self = g_new0 (KolPainter, 1);

  if (g_str_has_suffix (path, ".onnx"))
    return open_onnx (self, path, error);
  g_autoptr (GPtrArray) arrays = load_own (path, &self->width, error);
  return arrays != NULL;
}

/**
 * kol_painter_open:
 * @device: where it is computed
 * @path: what kol_fast_style_save() has written, or an ONNX file whose input is a picture
 *   [N, 3, H, W] and whose first output is one; a second input may be weights of styles
 * @error: return location
 *
 * Opens a network that paints.
 *
 * Errors: %KOL_ERROR_DATA if the file is of another kind, or damaged.
 *
 * Returns: (transfer full) (nullable): the network
 */
KolPainter *
kol_painter_open (KolDevice *device, const char *path, GError **error)
{
  g_return_val_if_fail (device != NULL && path != NULL, NULL);
  g_autoptr (KolPainter) self = g_new0 (KolPainter, 1);

  self->parameters = kol_parameters_new (device, 1);
  self->range = 1;
  self->n_styles = 1;
  self->sized = g_ptr_array_new_with_free_func (sized_free);
  if (g_str_has_suffix (path, ".onnx") ? !open_onnx (self, path, error)
                                       : !open_own (self, path, error))
    return NULL;
  return g_steal_pointer (&self);
}

/**
 * kol_painter_get_n_styles:
 * @painter: a network that paints
 *
 * Returns: how many styles it knows, 1 for most
 */
guint
kol_painter_get_n_styles (const KolPainter *painter)
{
  g_return_val_if_fail (painter != NULL, 0);
  return painter->n_styles;
}

/**
 * kol_painter_set_mix:
 * @painter: a network that paints
 * @mix: (array length=n): how much of each style; before, it is the first one alone
 * @n: as kol_painter_get_n_styles() says
 * @error: return location
 *
 * Returns: %FALSE if the network has another number of styles, or one alone
 */
gboolean
kol_painter_set_mix (KolPainter *painter, const float *mix, guint n, GError **error)
{
  g_return_val_if_fail (painter != NULL && mix != NULL, FALSE);
  if (!painter->mix)
    return kol_refuse (error, "The network has one style: there is nothing to mix");
  if (n != painter->n_styles)
    return kol_refuse (error, "Weights of %u styles were given, but the network has %u", n,
                       painter->n_styles);
  memcpy (painter->mix, mix, n * sizeof *mix);
  return TRUE;
}

/**
 * kol_painter_set_range:
 * @painter: a network that paints
 * @range: what white is to an ONNX network, and in its results: 1, or 255
 */
void
kol_painter_set_range (KolPainter *painter, float range)
{
  g_return_if_fail (painter != NULL && range > 0);
  painter->range = range;
}

/* ── Painting ────────────────────────────────────────────────────────────────────────────────── */

/* Upon values of ours, so that a picture may have another size than the file says. */
static gboolean
build_onnx (KolPainter *self, Sized *sized, GError **error)
{
  g_autofree KolValue **outputs = g_new0 (KolValue *, kol_onnx_get_n_outputs (self->onnx));
  KolValue *inputs[2] = { NULL };

  inputs[self->photo_input] = sized->photo
      = kol_placeholder (sized->graph, "study/photo", sized->shape);
  if (self->mix)
    inputs[self->mix_input] = sized->mix
        = kol_placeholder (sized->graph, "study/mix", self->mix_shape);
  if (!kol_onnx_build_upon (self->onnx, inputs, outputs, error))
    return FALSE;
  sized->painted = outputs[0];
  const KolShape *shape = kol_value_get_shape (sized->painted);
  return (shape->rank == 4 && shape->dim[0] == 1 && shape->dim[1] == 3)
         || kol_refuse (error, "The network's result is no picture [1, 3, H, W]");
}

/* Builds the network for pictures of a size, or finds it. Lent. */
static Sized *
find_sized (KolPainter *self, KolShape shape, GError **error)
{
  for (guint i = 0; i < self->sized->len; i++)
    {
      Sized *sized = g_ptr_array_index (self->sized, i);
      if (kol_shape_equal (&sized->shape, &shape))
        return sized;
    }
  if (self->sized->len >= GRAPHS_KEPT)
    g_ptr_array_remove_index (self->sized, 0);
  Sized *sized = g_new0 (Sized, 1);
  sized->graph = kol_graph_new_over (self->parameters);
  sized->shape = shape;
  gboolean good = TRUE;
  if (self->onnx)
    good = build_onnx (self, sized, error);
  else
    {
      sized->photo = kol_placeholder (sized->graph, "photo", shape);
      sized->painted = kol_fast_style_build (sized->photo, self->width);
    }
  const GError *mistake = kol_graph_get_error (sized->graph);
  if (good && mistake)
    g_propagate_error (error, g_error_copy (mistake));
  if (!good || mistake)
    {
      sized_free (sized);
      return NULL;
    }
  g_ptr_array_add (self->sized, sized);
  return sized;
}

/* [3, @rows, @columns], of which what is beyond the picture repeats its edge. Given. */
static float *
make_numbers (const KolPainter *self, const KolPicture *picture, gsize rows, gsize columns)
{
  float *numbers = g_new (float, 3 * rows * columns), *to = numbers;

  for (gsize c = 0; c < 3; c++)
    for (gsize y = 0; y < rows; y++)
      for (gsize x = 0; x < columns; x++)
        {
          gsize at = MIN (y, picture->height - 1) * picture->width + MIN (x, picture->width - 1);
          *to++ = (float) picture->pixels[c * picture->height * picture->width + at] * self->range
                  / 255;
        }
  return numbers;
}

/* The part of a result that the picture is. Given. */
static KolSnapshot *
cut (const KolPainter *self, const float *numbers, const KolShape *shape, const KolPicture *picture)
{
  gsize rows = (gsize) shape->dim[2], columns = (gsize) shape->dim[3];
  gsize height = MIN (picture->height, rows), width = MIN (picture->width, columns);
  g_autofree float *pixels = g_new (float, 3 * height * width);
  float *to = pixels;

  for (gsize c = 0; c < 3; c++)
    for (gsize y = 0; y < height; y++)
      for (gsize x = 0; x < width; x++)
        *to++ = CLAMP (numbers[(c * rows + y) * columns + x] / self->range, 0, 1);
  return kol_snapshot_new (pixels, 3, height, width);
}

static gsize
round_up (gsize n)
{
  return (n + KOL_FAST_STYLE_MULTIPLE - 1) / KOL_FAST_STYLE_MULTIPLE * KOL_FAST_STYLE_MULTIPLE;
}

/* ── Plans ───────────────────────────────────────────────────────────────────────────────────── */

/* As a whole where that fits; else in tiles, which a network in an ONNX file cannot be. They get
 * half of the memory, as what other sizes have used may still be kept. */
static gboolean
plan (KolPainter *self, gsize height, gsize width, Plan *plan, GError **error)
{
  guint64 budget = kol_device_get_budget (kol_parameters_get_device (self->parameters));
  gsize rows = round_up (height), columns = round_up (width);

  *plan = (Plan){ .tiles = { self->parameters, self->width, rows, columns, 0 } };
  plan->sized = find_sized (self, KOL_SHAPE (1, 3, (gint64) rows, (gint64) columns), error);
  if (!plan->sized
      || !kol_peak_bytes (plan->sized->graph, &plan->sized->painted, 1, &plan->bytes, error))
    return FALSE;
  if (!budget || plan->bytes <= budget)
    return TRUE;
  guint64 needed = plan->bytes;
  if (!self->onnx)
    plan->tiles.core = kol_painter_tiles_choose (&plan->tiles, budget / 2, &plan->bytes, error);
  if (plan->tiles.core)
    return TRUE;
  g_autofree char *bytes = g_format_size_full (needed, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *there = g_format_size_full (budget, G_FORMAT_SIZE_IEC_UNITS);
  g_clear_error (error);
  return kol_refuse (
      error,
      "A picture of %zu x %zu pixels needs %s on the device, and %s are there%s. About "
      "%d pixels for the longer side would fit",
      width, height, bytes, there,
      self->onnx ? "; a network in an ONNX file is not computed in tiles" : "",
      (int) ((double) MAX (width, height) * sqrt ((double) budget / (double) needed) * 0.95));
}

/**
 * kol_painter_plan:
 * @painter: a network that paints
 * @height: of a picture
 * @width: of a picture
 * @bytes: (out): what it takes on the device
 * @tiles: (out): in how many tiles it is computed; 1: as a whole
 * @error: return location
 *
 * What painting a picture would take. Nothing is computed.
 *
 * Errors: %KOL_ERROR_DATA if it is too large, with the size that would fit.
 *
 * Returns: %FALSE if it cannot be painted
 */
gboolean
kol_painter_plan (KolPainter *painter, gsize height, gsize width, guint64 *bytes, guint *tiles,
                  GError **error)
{
  g_return_val_if_fail (painter != NULL && bytes != NULL && tiles != NULL, FALSE);
  Plan planned;

  if (!plan (painter, height, width, &planned, error))
    return FALSE;
  gsize core = planned.tiles.core;
  *bytes = planned.bytes;
  *tiles = core ? (guint) (((planned.tiles.rows + core - 1) / core)
                           * ((planned.tiles.columns + core - 1) / core))
                : 1;
  return TRUE;
}

/**
 * kol_painter_watch:
 * @painter: a network that paints
 * @watch: (nullable): who is told of tiles that are done, a step each, and may end it;
 *   copied
 *
 * A picture that is cancelled fails with %G_IO_ERROR_CANCELLED.
 */
void
kol_painter_watch (KolPainter *painter, const KolStudyWatch *watch)
{
  g_return_if_fail (painter != NULL);
  painter->watch = watch ? *watch : (KolStudyWatch){ 0 };
}

/* [3, rows, columns]. Given. */
static float *
paint_whole (KolPainter *self, Sized *sized, const float *numbers, GError **error)
{
  g_autofree float *painted = g_new (float, kol_count (sized->painted));

  kol_set (sized->photo, numbers);
  if (sized->mix)
    kol_set (sized->mix, self->mix);
  kol_graph_set_cancellable (sized->graph, self->watch.cancellable);
  if (!kol_run (sized->graph, sized->painted, error) || !kol_read (sized->painted, painted, error))
    return NULL;
  return g_steal_pointer (&painted);
}

/**
 * kol_painter_paint:
 * @painter: a network that paints
 * @picture: of any size; what the network's steps do not divide is added and cut off again
 * @error: return location
 *
 * Paints. Where the whole picture does not fit on the device, a network that was trained
 * here does so in tiles, to the same picture: the statistics by which its layers normalize
 * are those of the whole, for which the tiles are gone through once for each such layer.
 *
 * Errors: those of kol_painter_plan(), and of the network's shapes if the picture is too
 * small for it; %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full) (nullable): the painted picture, of the same size
 */
KolSnapshot *
kol_painter_paint (KolPainter *painter, const KolPicture *picture, GError **error)
{
  g_return_val_if_fail (painter != NULL && picture != NULL, NULL);
  Plan planned;

  if (!plan (painter, picture->height, picture->width, &planned, error))
    return NULL;
  g_autoptr (KolPicture) coloured = kol_picture_convert (picture, 3);
  if (!coloured)
    {
      kol_refuse (error, "There is not enough memory for a picture of %zu x %zu pixels",
                  picture->width, picture->height);
      return NULL;
    }
  gsize rows = planned.tiles.rows, columns = planned.tiles.columns;
  if (planned.tiles.core) /* what other sizes have left on the device is needed */
    g_ptr_array_set_size (painter->sized, 0);
  g_autofree float *numbers = make_numbers (painter, coloured, rows, columns);
  g_autofree float *painted
      = planned.tiles.core
            ? kol_painter_tiles_paint (&planned.tiles, numbers, &painter->watch, error)
            : paint_whole (painter, planned.sized, numbers, error);
  if (!painted)
    return NULL;
  const KolShape tiled = KOL_SHAPE (1, 3, (gint64) rows, (gint64) columns);
  return cut (painter, painted,
              planned.tiles.core ? &tiled : kol_value_get_shape (planned.sized->painted), coloured);
}
