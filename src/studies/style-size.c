/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * What style transfer has open while it paints at one size: the network, the styles as large as
 * they belong to it, and the losses, computed in the fastest way that the memory allows.
 */

#include "style-private.h"

#include <math.h>

#include "../device/error-private.h"
#include "style-layers-private.h"
#include "style-pictures-private.h"

void
kol_style_close_size (KolStyle *self)
{
  g_clear_pointer (&self->adam, kol_style_adam_free);
  g_clear_pointer (&self->lbfgs, kol_lbfgs_free);
  g_clear_pointer (&self->problem, kol_style_problem_free);
  g_clear_pointer (&self->network, kol_layers_free);
  for (guint i = 0; self->wanted && i < self->task.n_styles; i++)
    g_clear_pointer (&self->wanted[i].picture, kol_snapshot_unref);
  g_clear_pointer (&self->wanted, g_free);
  g_clear_pointer (&self->task.content, kol_snapshot_unref);
  self->looked = FALSE;
}

#define SMALL_STYLE 64 /* pixels to which a tiny style is enlarged all the same */

#define GROWTH 1.1 /* from a size that is too small for the network to the next that is tried */

/* The least side, about, from @side to @most, at which the network can be built upon the picture;
 * 0 if there is none. */
static gsize
find_side (const KolStyle *self, const KolPicture *picture, gsize side, gsize most)
{
  gsize width, height;

  for (;; side = MIN ((gsize) ceil ((double) side * GROWTH), most))
    {
      kol_style_fit (picture, side, &width, &height);
      if (kol_style_problem_fits (self->network, width, height, NULL))
        return side;
      if (side >= most)
        return 0;
    }
}

static gboolean
refuse_style (const KolStyle *self, guint i, const KolPicture *picture, GError **error)
{
  g_autoptr (GError) reason = NULL;

  kol_style_problem_fits (self->network, picture->width, picture->height, &reason);
  return kol_refuse (
      error,
      "Style %u, of %zu x %zu pixels, is too small or too long and thin, so that another "
      "picture, or a part of it, must be taken. %s",
      i + 1, picture->width, picture->height, reason ? reason->message : "");
}

/* As many as are wanted and the network can be built upon. */
static void
count_octaves (KolStyle *self)
{
  guint least = MIN (self->options.smallest, KOL_STYLE_DEFAULT_SMALLEST);

  for (guint i = 0; i < self->sizes->len; i++)
    {
      KolStyleStage *size = &g_array_index (self->sizes, KolStyleStage, i);

      for (size->octaves = 1; size->octaves < self->options.octaves; size->octaves++)
        if (size->side >> size->octaves < least
            || !kol_style_problem_fits (self->network, size->width >> size->octaves,
                                        size->height >> size->octaves, NULL))
          break;
    }
}

/* The styles are not enlarged beyond what there is of them, but as large as the network must
 * have. */
static gboolean
scale_styles (KolStyle *self, guint side, guint octave, GError **error)
{
  const KolStyleOptions *options = &self->options;
  gsize wanted = (gsize) MAX (1, lround ((side >> octave) * options->style_scale));

  for (guint i = 0; i < options->n_styles; i++)
    {
      const KolPicture *picture
          = self->matched ? g_ptr_array_index (self->matched, i) : options->styles[i].picture;
      gsize longer = MAX (MAX (picture->width, picture->height), SMALL_STYLE), width, height;

      gsize fitting = find_side (self, picture, MIN (wanted, longer), longer);
      if (!fitting)
        return refuse_style (self, i, picture, error);
      kol_style_fit (picture, fitting, &width, &height);
      KolStyleWanted *style = &self->wanted[octave * options->n_styles + i];
      *style = (KolStyleWanted){
        .picture = kol_style_scale_picture (picture, self->channels, width, height, error),
        .weight = options->styles[i].weight != 0 ? options->styles[i].weight : 1,
        .region = options->styles[i].region,
        .part = options->styles[i].part,
        .octave = octave,
      };
      if (!style->picture)
        return FALSE;
    }
  return TRUE;
}

static gboolean
choose_layers (KolStyle *self, GError **error)
{
  gboolean style = !self->options.style_layers, content = !self->options.content_layers;
  KolStyleLayer *styles = NULL, *contents = NULL;

  if (!style && !content)
    return TRUE;
  if (!kol_style_choose_layers (self->network, &self->options, &styles, &contents, error))
    return FALSE;
  if (style)
    {
      self->layers_of_style = styles;
      self->n_layers_of_style = self->options.n_style_layers;
    }
  if (content)
    self->layers_of_content = contents;
  return TRUE;
}

/* Numbers as large as the picture that Adam keeps beside it and its gradient: both moments, average
 * and next picture; and for each of these, as each has a plan of its own, the new one. */
#define KEPT_BESIDE (4 + 4)

#define LEAST_HISTORY 5
#define HISTORY 100

/* What the optimizer keeps; of L-BFGS's history no more than a quarter of the memory, if not asked.
 */
static guint64
count_kept (KolStyle *self, gsize numbers)
{
  guint64 budget = kol_device_get_budget (self->device);
  guint *history = &self->options.history;

  if (self->options.optimizer != KOL_STYLE_LBFGS)
    return (guint64) KEPT_BESIDE * numbers * sizeof (float);
  if (!*history)
    *history = budget ? (guint) CLAMP (budget / 4 / (2 * numbers * sizeof (float)), LEAST_HISTORY,
                                       HISTORY)
                      : HISTORY;
  return kol_lbfgs_bytes ((gint64) numbers, *history);
}

/* Too large even for tiles, those of the problem: what is kept of the whole picture, or the
 * smallest tile, which for deep layers is no smaller than a small picture. */
static gboolean
refuse_size (const KolStyle *self, const KolStyleStage *size, guint64 needed, GError **error)
{
  guint64 budget = kol_device_get_budget (self->device);
  g_autofree char *bytes = g_format_size_full (needed, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *there = g_format_size_full (budget, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *tiles = NULL;
  gsize width, height;

  if (self->problem)
    {
      kol_style_problem_get_tile (self->problem, &width, &height);
      tiles = g_strdup_printf (": its smallest tiles, with what the layers see around them, are of "
                               "%zu x %zu",
                               width, height);
    }
  return kol_refuse (
      error,
      "A picture of %zu x %zu pixels needs %s on the device, and %s are there%s. About %d "
      "pixels for the longer side would fit",
      size->width, size->height, bytes, there, tiles ? tiles : "",
      (int) (size->side * sqrt ((double) budget / (double) needed) * 0.95));
}

/* How a size is computed: as fast as can be, with less memory, or in tiles. */
typedef enum {
  WHOLE,
  SPARING,
  TILED,
} Way;

#define SPARE 64 /* one part of the budget of so many is left */

/* What of the budget plans may count on: buffers are rounded up, and variants that are chosen later
 * may want a little more. Or 0: there is no budget. */
static guint64
usable_memory (const KolStyle *self)
{
  guint64 budget = kol_device_get_budget (self->device);

  return budget - budget / SPARE;
}

/* Builds the losses in one way. */
static gboolean
try_way (KolStyle *self, Way way, const KolStyleStage *size, GError **error)
{
  gsize numbers = size->width * size->height * self->channels;
  guint64 kept = count_kept (self, numbers), budget = usable_memory (self);

  if (way == TILED)
    kept += 2 * numbers * sizeof (float); /* x, and its gradient */
  self->task.memory = way == WHOLE ? KOL_MEMORY_NORMAL : KOL_MEMORY_LOW;
  self->task.tile_budget = way == TILED ? budget - MIN (budget - 1, kept) : 0;
  g_clear_pointer (&self->problem, kol_style_problem_free);
  self->problem = kol_style_problem_new (self->network, &self->task, error);
  if (!self->problem || !kol_style_problem_peak_bytes (self->problem, &self->peak, error))
    return FALSE;
  self->peak += kept;
  return TRUE;
}

/*
 * Where memory is scarce, what the gradients need is computed again rather than kept; where
 * it is scarcer still, the picture is computed in tiles.
 */
static gboolean
build_problem (KolStyle *self, const KolStyleStage *size, GError **error)
{
  guint64 budget = usable_memory (self), least = G_MAXUINT64;

  for (Way way = WHOLE; way <= TILED; way++)
    {
      if (!try_way (self, way, size, way == TILED ? NULL : error))
        {
          if (way != TILED)
            return FALSE;
          g_clear_pointer (&self->problem, kol_style_problem_free); /* the network cannot be cut */
          break;
        }
      if (!budget || self->peak <= budget)
        return TRUE;
      least = MIN (least, self->peak);
    }
  refuse_size (self, size, least + least / (SPARE - 1), error);
  g_clear_pointer (&self->problem, kol_style_problem_free);
  return FALSE;
}

/* The reason why a size is impossible, and one that would do, where there is one. Always FALSE. */
static gboolean
refuse_small (const KolStyle *self, const KolStyleStage *size, const GError *reason, GError **error)
{
  const KolPicture *content = self->options.content;
  gsize side = find_side (self, content, size->side, KOL_STYLE_LARGEST_SIZE);

  if (side)
    return kol_refuse (error, "%s. The content of %zu x %zu pixels needs a size of about %zu",
                       reason->message, content->width, content->height, side);
  return kol_refuse (
      error,
      "%s. No size up to %d would do for the content of %zu x %zu pixels; if it is too "
      "long and thin, take a part of it",
      reason->message, KOL_STYLE_LARGEST_SIZE, content->width, content->height);
}

gboolean
kol_style_open_size (KolStyle *self, guint at, GError **error)
{
  const KolStyleStage *size = kol_style_size_at (self, at);
  g_autoptr (GError) reason = NULL;

  if (self->problem && self->at == at)
    return TRUE;
  kol_style_close_size (self);
  self->at = at;
  self->network = kol_layers_open (self->device, self->options.network, 0, error);
  if (!self->network)
    return FALSE;
  self->channels = kol_layers_get_picture (self->network)->channels;
  if (!choose_layers (self, error))
    return FALSE;
  if (!kol_style_problem_fits (self->network, size->width, size->height, &reason))
    return refuse_small (self, size, reason, error);
  self->task.options = &self->options;
  self->task.content = kol_style_scale_picture (self->options.content, self->channels, size->width,
                                                size->height, error);
  if (!self->task.content)
    return FALSE;
  count_octaves (self);
  self->task.n_styles = self->options.n_styles * size->octaves;
  self->task.styles = self->wanted = g_new0 (KolStyleWanted, self->task.n_styles);
  for (guint octave = 0; octave < size->octaves; octave++)
    if (!scale_styles (self, size->side, octave, error))
      return FALSE;
  return build_problem (self, size, error);
}
