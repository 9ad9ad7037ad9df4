/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "painter-tiles-private.h"

#include <math.h>
#include <string.h>

#include "../graph/op-private.h"
#include "../ops.h"
#include "fast-style-network-private.h"

#define LARGEST 2048
#define LEAST 64

/* What is known of the layers that normalize, and the graph that finds out of the next. */
typedef struct {
  const KolPainterTiles *tiles;
  gsize window[2];
  KolFastStyleNorms norms;
  KolGraph *graph;
  KolValue *pixels, *mask; /* placeholders */
  KolValue *targets[2];    /* sums and sums of squares by channel; or what is painted */
  float *means[KOL_FAST_STYLE_NORMS], *scales[KOL_FAST_STYLE_NORMS];
} Pass;

static void
pass_clear (Pass *pass)
{
  g_clear_pointer (&pass->graph, kol_graph_free);
  for (guint i = 0; i < KOL_FAST_STYLE_NORMS; i++)
    {
      g_free (pass->means[i]);
      g_free (pass->scales[i]);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pass, pass_clear)

/* ── Tiles ───────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  gsize row, column;   /* where its own part begins */
  gsize top, left;     /* where its window begins */
  gsize height, width; /* of its own part */
} Tile;

static gsize
length_of (const KolPainterTiles *tiles, guint axis)
{
  return axis ? tiles->columns : tiles->rows;
}

static gsize
count_along (const KolPainterTiles *tiles, guint axis)
{
  return (length_of (tiles, axis) + tiles->core - 1) / tiles->core;
}

static void
measure_window (const KolPainterTiles *tiles, gsize window[2])
{
  for (guint axis = 0; axis < 2; axis++)
    window[axis] = MIN (tiles->core + 2 * KOL_FAST_STYLE_REACH, length_of (tiles, axis));
}

static gsize
find_start (gsize begin, gsize window, gsize length)
{
  gsize start = begin > KOL_FAST_STYLE_REACH ? begin - KOL_FAST_STYLE_REACH : 0;

  return MIN (start, length - window);
}

static Tile
tile_at (const Pass *pass, gsize i)
{
  const KolPainterTiles *tiles = pass->tiles;
  gsize across = count_along (tiles, 1);
  Tile tile = { .row = i / across * tiles->core, .column = i % across * tiles->core };

  tile.top = find_start (tile.row, pass->window[0], tiles->rows);
  tile.left = find_start (tile.column, pass->window[1], tiles->columns);
  tile.height = MIN (tiles->core, tiles->rows - tile.row);
  tile.width = MIN (tiles->core, tiles->columns - tile.column);
  return tile;
}

/* ── One pass ────────────────────────────────────────────────────────────────────────────────── */

static gboolean
build (Pass *pass, guint known, GError **error)
{
  KolReduce over = { .n_axes = 3, .axes = { 0, 2, 3 } };

  g_clear_pointer (&pass->graph, kol_graph_free);
  pass->norms = (KolFastStyleNorms){ .known = known };
  pass->graph = kol_graph_new_over (pass->tiles->parameters);
  pass->pixels
      = kol_placeholder (pass->graph, "study/window",
                         KOL_SHAPE (1, 3, (gint64) pass->window[0], (gint64) pass->window[1]));
  pass->targets[0]
      = kol_clip (kol_fast_style_build_part (pass->pixels, pass->tiles->width, &pass->norms), 0, 1);
  pass->targets[1] = NULL;
  if (pass->norms.next && !kol_value_failed (pass->norms.next))
    {
      KolShape shape = pass->norms.next->shape;
      pass->mask = kol_placeholder (pass->graph, "study/own",
                                    KOL_SHAPE (1, 1, shape.dim[2], shape.dim[3]));
      KolValue *own = kol_multiply (pass->norms.next, pass->mask);
      pass->targets[0] = kol_sum (own, &over);
      pass->targets[1] = kol_sum_of_squares (own, &over);
    }
  const GError *mistake = kol_graph_get_error (pass->graph);
  if (mistake)
    g_propagate_error (error, g_error_copy (mistake));
  return mistake == NULL;
}

static void
set_known (Pass *pass)
{
  for (guint i = 0; i < pass->norms.known; i++)
    {
      kol_set (pass->norms.means[i], pass->means[i]);
      kol_set (pass->norms.scales[i], pass->scales[i]);
    }
}

static void
set_tile (const Pass *pass, const Tile *tile, const float *pixels)
{
  const KolPainterTiles *tiles = pass->tiles;
  gsize h = pass->window[0], w = pass->window[1];
  g_autofree float *window = g_new (float, 3 * h * w);

  for (gsize c = 0; c < 3; c++)
    for (gsize y = 0; y < h; y++)
      memcpy (window + (c * h + y) * w,
              pixels + (c * tiles->rows + tile->top + y) * tiles->columns + tile->left,
              w * sizeof *window);
  kol_set (pass->pixels, window);
}

/* Which features of the layer under way are the tile's own. */
static void
set_mask (const Pass *pass, const Tile *tile)
{
  gsize stride = (gsize) pass->norms.stride[pass->norms.known];
  gsize h = (gsize) pass->mask->shape.dim[2], w = (gsize) pass->mask->shape.dim[3];
  gsize top = (tile->row - tile->top) / stride, left = (tile->column - tile->left) / stride;
  g_autofree float *mask = g_new0 (float, h *w);

  for (gsize y = top; y < top + tile->height / stride; y++)
    for (gsize x = left; x < left + tile->width / stride; x++)
      mask[y * w + x] = 1;
  kol_set (pass->mask, mask);
}

typedef struct {
  const KolStudyWatch *watch;
  guint step, steps;
  gint64 began;
} Progress;

static gboolean
tell (Progress *progress, GError **error)
{
  double seconds = (double) (g_get_monotonic_time () - progress->began) / G_USEC_PER_SEC;

  progress->step++;
  if (progress->watch && progress->watch->told)
    progress->watch->told (
        &(KolStudyProgress){ .step = progress->step,
                             .steps = progress->steps,
                             .value = NAN,
                             .seconds = seconds,
                             .seconds_left
                             = seconds / progress->step * (progress->steps - progress->step) },
        progress->watch->user_data);
  return !progress->watch
         || !g_cancellable_set_error_if_cancelled (progress->watch->cancellable, error);
}

/* The mean and the inverse deviation of each channel of the next layer, over all tiles. */
static gboolean
find_statistics (Pass *pass, const float *pixels, gsize n_tiles, Progress *progress, GError **error)
{
  guint known = pass->norms.known;
  gsize c = (gsize) pass->norms.channels[known], stride = (gsize) pass->norms.stride[known];
  double count = (double) (pass->tiles->rows / stride) * (double) (pass->tiles->columns / stride);
  g_autofree double *sums = g_new0 (double, 2 * c);
  g_autofree float *values = g_new (float, c);

  for (gsize i = 0; i < n_tiles; i++)
    {
      Tile tile = tile_at (pass, i);

      set_tile (pass, &tile, pixels);
      set_mask (pass, &tile);
      if (!kol_run_all (pass->graph, pass->targets, 2, error))
        return FALSE;
      for (gsize part = 0; part < 2; part++)
        {
          if (!kol_read (pass->targets[part], values, error))
            return FALSE;
          for (gsize k = 0; k < c; k++)
            sums[part * c + k] += values[k];
        }
      if (!tell (progress, error))
        return FALSE;
    }
  pass->means[known] = g_new (float, c);
  pass->scales[known] = g_new (float, c);
  for (gsize k = 0; k < c; k++)
    {
      double mean = sums[k] / count, variance = fmax (sums[c + k] / count - mean * mean, 0);
      pass->means[known][k] = (float) mean;
      pass->scales[known][k] = (float) (1 / sqrt (variance + KOL_FAST_STYLE_EPSILON));
    }
  return TRUE;
}

static gboolean
paint_tiles (Pass *pass, const float *pixels, gsize n_tiles, Progress *progress, float *painted,
             GError **error)
{
  const KolPainterTiles *tiles = pass->tiles;
  gsize h = pass->window[0], w = pass->window[1];
  g_autofree float *window = g_new (float, 3 * h * w);

  for (gsize i = 0; i < n_tiles; i++)
    {
      Tile tile = tile_at (pass, i);

      set_tile (pass, &tile, pixels);
      if (!kol_run (pass->graph, pass->targets[0], error)
          || !kol_read (pass->targets[0], window, error))
        return FALSE;
      for (gsize c = 0; c < 3; c++)
        for (gsize y = 0; y < tile.height; y++)
          memcpy (painted + (c * tiles->rows + tile.row + y) * tiles->columns + tile.column,
                  window + (c * h + tile.row - tile.top + y) * w + tile.column - tile.left,
                  tile.width * sizeof *painted);
      if (!tell (progress, error))
        return FALSE;
    }
  return TRUE;
}

/* ── All passes ──────────────────────────────────────────────────────────────────────────────── */

gsize
kol_painter_tiles_choose (const KolPainterTiles *tiles, guint64 budget, guint64 *bytes,
                          GError **error)
{
  KolPainterTiles tried = *tiles;

  for (double core = LARGEST; core >= LEAST; core /= G_SQRT2)
    {
      g_auto (Pass) pass = { .tiles = &tried };

      tried.core = (gsize) core / KOL_FAST_STYLE_MULTIPLE * KOL_FAST_STYLE_MULTIPLE;
      measure_window (&tried, pass.window);
      if (!build (&pass, KOL_FAST_STYLE_NORMS, error)
          || !kol_peak_bytes (pass.graph, pass.targets, 1, bytes, error))
        return 0;
      if (*bytes <= budget)
        return tried.core;
    }
  return 0;
}

float *
kol_painter_tiles_paint (const KolPainterTiles *tiles, const float *pixels,
                         const KolStudyWatch *watch, GError **error)
{
  gsize n_tiles = count_along (tiles, 0) * count_along (tiles, 1);
  g_auto (Pass) pass = { .tiles = tiles };
  g_autofree float *painted = g_new (float, 3 * tiles->rows * tiles->columns);
  Progress progress = { .watch = watch,
                        .steps = (KOL_FAST_STYLE_NORMS + 1) * (guint) n_tiles,
                        .began = g_get_monotonic_time () };

  measure_window (tiles, pass.window);
  for (guint known = 0; known <= KOL_FAST_STYLE_NORMS; known++)
    {
      if (!build (&pass, known, error))
        return NULL;
      set_known (&pass);
      if (!(known < KOL_FAST_STYLE_NORMS
                ? find_statistics (&pass, pixels, n_tiles, &progress, error)
                : paint_tiles (&pass, pixels, n_tiles, &progress, painted, error)))
        return NULL;
    }
  return g_steal_pointer (&painted);
}
