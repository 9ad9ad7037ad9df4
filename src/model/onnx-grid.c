/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's GridSample: pictures looked at in any places. Along each axis a place has one,
 * two or four neighbours, each with an index and a weight; the result sums over all pairs.
 */

#include <string.h>

#include "onnx-private.h"

#define MOST_TAPS 4
#define CUBIC (-0.75f)

typedef enum { PAD_ZEROS, PAD_BORDER, PAD_REFLECTION } Padding;

/* The neighbours of places along an axis: [N, P] each. */
typedef struct {
  int n;
  KolValue *indices[MOST_TAPS], *weights[MOST_TAPS]; /* a weight may be NULL: 1 */
} Taps;

static KolValue *
number (KolOnnxNode *node, double value)
{
  return kol_constant (node->graph, (float) value);
}

/* -1 and 1 are the middles of the outermost elements, or the edges. */
static KolValue *
unnormalize (KolValue *at, gint64 length, gboolean corners)
{
  float half = (float) length / 2;

  return corners ? kol_scale (at, half - 0.5f, half - 0.5f) : kol_scale (at, half, half - 0.5f);
}

/* Whole numbers beyond the ends, mirrored there: at the outermost elements, or at the edges. */
static KolValue *
reflect (KolOnnxNode *node, KolValue *index, gint64 length, gboolean corners)
{
  double period = corners ? 2 * (double) MAX (length - 1, 1) : 2 * (double) length;
  double last = corners ? (double) length - 1 : (double) length - 0.5;
  KolValue *rest = kol_modulo (index, number (node, period));
  KolValue *back = kol_scale (rest, -1, (float) (corners ? period : period - 1));

  return kol_where (kol_greater (rest, number (node, last)), back, rest);
}

/* Adds a neighbour with an index of whole numbers and a weight, or NULL. */
static void
add_tap (KolOnnxNode *node, Taps *taps, KolValue *index, KolValue *weight, gint64 length,
         Padding padding, gboolean corners)
{
  if (padding == PAD_REFLECTION)
    index = reflect (node, index, length, corners);
  KolValue *inside = kol_clip (index, 0, (float) length - 1);
  if (padding == PAD_ZEROS)
    {
      KolValue *met = kol_equal (index, inside);

      weight = weight ? kol_multiply (weight, met) : met;
    }
  taps->indices[taps->n] = inside;
  taps->weights[taps->n++] = weight;
}

/* c[0] t^3 + c[1] t^2 + c[2] t + c[3] */
static KolValue *
polynomial (KolValue *t, const float *c)
{
  KolValue *sum = kol_scale (t, c[0], c[1]);

  sum = kol_scale (kol_multiply (sum, t), 1, c[2]);
  return kol_scale (kol_multiply (sum, t), 1, c[3]);
}

static void
find_taps (KolOnnxNode *node, Taps *taps, KolValue *at, gint64 length, const char *mode,
           Padding padding, gboolean corners)
{
  static const float a = CUBIC;
  static const float cubic[4][4] = {
    { a, -2 * a, a, 0 }, { a + 2, -(a + 3), 0, 1 }, { -(a + 2), 2 * a + 3, -a, 0 }, { -a, a, 0, 0 }
  };
  KolValue *place = unnormalize (at, length, corners);

  *taps = (Taps){ 0 };
  if (strcmp (mode, "nearest") == 0)
    {
      add_tap (node, taps, kol_round (place), NULL, length, padding, corners);
      return;
    }
  KolValue *first = kol_floor (place), *t = kol_subtract (place, first);
  if (strcmp (mode, "bicubic") == 0)
    for (int i = 0; i < 4; i++)
      add_tap (node, taps, kol_scale (first, 1, (float) i - 1), polynomial (t, cubic[i]), length,
               padding, corners);
  else
    for (int i = 0; i < 2; i++)
      add_tap (node, taps, kol_scale (first, 1, (float) i), i ? t : kol_scale (t, -1, 1), length,
               padding, corners);
}

/* One coordinate of the grid [N, H, W, 2], as [N, P]. */
static KolValue *
coordinate (KolValue *grid, int which)
{
  const KolShape *shape = kol_value_get_shape (grid);
  KolSlice how = { .n_axes = 1, .axes = { 3 }, .start = { which }, .stop = { which + 1 } };

  return kol_reshape (kol_slice (grid, &how), KOL_SHAPE (shape->dim[0], -1));
}

/* All pairs of neighbours: [N, C, P]. */
static KolValue *
sum_pairs (KolValue *planes, const Taps *rows, const Taps *columns, gint64 width)
{
  const KolShape *shape = kol_value_get_shape (planes);
  KolValue *sum = NULL;

  for (int r = 0; r < rows->n; r++)
    for (int c = 0; c < columns->n; c++)
      {
        KolValue *index
            = kol_add (kol_scale (rows->indices[r], (float) width, 0), columns->indices[c]);
        KolValue *weight = rows->weights[r];
        KolShape wide
            = KOL_SHAPE (shape->dim[0], shape->dim[1], kol_value_get_shape (index)->dim[1]);
        KolValue *part
            = kol_gather_elements (planes, kol_expand (kol_unsqueeze (index, 1), wide), 2);

        if (weight && columns->weights[c])
          weight = kol_multiply (weight, columns->weights[c]);
        if (weight)
          part = kol_multiply (part, kol_unsqueeze (weight, 1));
        sum = sum ? kol_add (sum, part) : part;
      }
  return sum;
}

static void
convert_grid_sample (KolOnnxNode *node)
{
  static const char *const modes[] = { "bilinear", "nearest", "bicubic", NULL };
  static const char *const paddings[] = { "zeros", "border", "reflection" };
  const KolShape *x = kol_onnx_shape (node, 0), *grid = kol_onnx_shape (node, 1);
  const char *mode = kol_onnx_string (node, "mode", "bilinear");
  const char *word = kol_onnx_string (node, "padding_mode", "zeros");
  gboolean corners = kol_onnx_int (node, "align_corners", 0) != 0;
  guint padding = 0;

  while (padding < G_N_ELEMENTS (paddings) && strcmp (paddings[padding], word) != 0)
    padding++;
  if (x->rank != 4 || grid->rank != 4 || grid->dim[0] != x->dim[0] || grid->dim[3] != 2
      || !g_strv_contains (modes, mode) || padding == G_N_ELEMENTS (paddings)
      || x->dim[2] * x->dim[3] > 1 << 24)
    {
      kol_onnx_refuse (node, "mode “%s” and padding “%s” of %s at %s", mode, word,
                       kol_shape_text (x), kol_shape_text (grid));
      return;
    }
  KolValue *places = kol_onnx_value (node, 1);
  KolValue *planes = kol_reshape (kol_onnx_value (node, 0), KOL_SHAPE (x->dim[0], x->dim[1], -1));
  Taps rows, columns;
  find_taps (node, &rows, coordinate (places, 1), x->dim[2], mode, (Padding) padding, corners);
  find_taps (node, &columns, coordinate (places, 0), x->dim[3], mode, (Padding) padding, corners);
  kol_onnx_set (node, 0,
                kol_reshape (sum_pairs (planes, &rows, &columns, x->dim[3]),
                             KOL_SHAPE (x->dim[0], x->dim[1], grid->dim[1], grid->dim[2])));
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_grid_ops[] = {
  { "GridSample", 16, convert_grid_sample, KOL_ONNX_REAL, .least = 2 },
  { NULL },
};
