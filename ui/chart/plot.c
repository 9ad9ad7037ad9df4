/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "plot.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "line-layer.h"
#include "mark-layer.h"

#define SMALL 0.84 /* of the font's size: texts of axes */
#define GAP_X 72
#define LEAST_GAP_X 54 /* where a chart is so narrow that there would be hardly a label */
#define GAP_Y 36
#define LEAST_GAP_Y 18 /* where a chart is so low that there would be hardly a label */
#define FEW 3
#define WIDEST "0.0000" /* the room for labels of y, the same for all so that charts align */
#define MOST_NAME 120   /* pixels for the names of lines */
#define NAMES_FROM 420  /* in narrower charts the legend has to do */
#define PAD 0.05        /* of the range, above and below the data */

/* ── Layout ── */

static KxLayer *
layer_at (GListModel *layers, guint i)
{
  g_autoptr (KxLayer) layer = g_list_model_get_item (layers, i);

  return layer; /* the list keeps it */
}

static PangoContext *
small_context (PangoContext *pango)
{
  PangoContext *small = pango_font_map_create_context (pango_context_get_font_map (pango));
  g_autoptr (PangoFontDescription) font
      = pango_font_description_copy (pango_context_get_font_description (pango));
  int size = (int) (pango_font_description_get_size (font) * SMALL);

  if (pango_font_description_get_size_is_absolute (font))
    pango_font_description_set_absolute_size (font, size);
  else
    pango_font_description_set_size (font, size);
  pango_context_set_font_description (small, font);
  pango_context_set_language (small, pango_context_get_language (pango));
  pango_context_set_base_dir (small, PANGO_DIRECTION_LTR);
  pango_cairo_context_set_resolution (small, pango_cairo_context_get_resolution (pango));
  pango_cairo_context_set_font_options (small, pango_cairo_context_get_font_options (pango));
  return small;
}

static PangoLayout *
make_text (const KxPlot *plot, const char *text)
{
  PangoLayout *layout = pango_layout_new (plot->pango);
  g_autoptr (PangoAttrList) attributes = pango_attr_list_new ();

  pango_attr_list_insert (attributes, pango_attr_font_features_new ("tnum=1"));
  pango_layout_set_attributes (layout, attributes);
  pango_layout_set_text (layout, text, -1);
  return layout;
}

static void
measure_text (const KxPlot *plot, const char *text, int *width, int *height)
{
  g_autoptr (PangoLayout) layout = make_text (plot, text);

  pango_layout_get_pixel_size (layout, width, height);
}

static gboolean
has_marks (GListModel *layers)
{
  for (guint i = 0; i < g_list_model_get_n_items (layers); i++)
    if (KX_IS_MARK_LAYER (layer_at (layers, i))
        && kx_mark_layer_get_n_marks (KX_MARK_LAYER (layer_at (layers, i))) > 0)
      return TRUE;
  return FALSE;
}

/* Whether a layer is a curve with something to be seen of it. */
static gboolean
is_seen (KxLayer *layer)
{
  return KX_IS_LINE_LAYER (layer) && kx_line_layer_get_visible (KX_LINE_LAYER (layer))
         && kx_series_get_length (kx_line_layer_get_series (KX_LINE_LAYER (layer))) > 0;
}

/* Lines whose names stand at their ends: of one alone the title says enough. */
static guint
count_named (GListModel *layers)
{
  guint n = 0;

  for (guint i = 0; i < g_list_model_get_n_items (layers); i++)
    n += is_seen (layer_at (layers, i));
  return n >= 2 ? n : 0;
}

/* The width of the names; 0 if there is no room for them, one below the other in @height. */
static double
measure_names (const KxPlot *plot, GListModel *layers, double width, double height)
{
  int widest, row;

  measure_text (plot, WIDEST, &widest, &row);
  if (width < NAMES_FROM || count_named (layers) == 0 || count_named (layers) * row > height)
    return 0;
  widest = 0;
  for (guint i = 0; i < g_list_model_get_n_items (layers); i++)
    {
      KxLayer *layer = layer_at (layers, i);
      int w, h;
      if (!is_seen (layer))
        continue;
      measure_text (plot, kx_line_layer_get_name (KX_LINE_LAYER (layer)), &w, &h);
      widest = MAX (widest, w);
    }
  return MIN (widest, MOST_NAME) + 8;
}

static void
lay_out (KxPlot *plot, GListModel *layers, double width, double height)
{
  int text_width, text_height;

  measure_text (plot, WIDEST, &text_width, &text_height);
  double left = text_width + 12, top = has_marks (layers) ? text_height + 2 : text_height / 2 + 1;
  double bottom = text_height + 9, inner = MAX (1, floor (height - round (top) - bottom));
  plot->names = measure_names (plot, layers, width, inner);
  double right = MAX (plot->names, 12);
  plot->box = GRAPHENE_RECT_INIT (left, round (top), MAX (1, width - left - right), inner);
  plot->x.length = plot->box.size.width;
  plot->y.length = plot->box.size.height;
}

/* ── The range of y ── */

/*
 * The ends are rounded outwards to 1/32 of the range, in powers of two: while a curve
 * grows, the axis rests instead of trembling with every point.
 */
static void
round_range (double *low, double *high)
{
  double grain = exp2 (floor (log2 (*high - *low)) - 5);

  *low = floor (*low / grain) * grain;
  *high = ceil (*high / grain) * grain;
}

static void
fit_y (KxPlot *plot, GListModel *layers, gboolean all)
{
  gboolean logarithmic = plot->y.scale == KX_SCALE_LOG;
  KxFit fit = kx_fit_nothing;

  for (guint i = 0; i < g_list_model_get_n_items (layers); i++)
    kx_layer_get_fit (layer_at (layers, i), plot, all, &fit);
  double low = logarithmic ? log10 (fit.positive) : fit.low;
  double high = logarithmic ? log10 (fit.high) : fit.high;
  gboolean zero = !logarithmic && low == 0 && high == 0; /* and nothing else yet */
  if (!isfinite (low) || !isfinite (high) || low > high || zero)
    {
      low = logarithmic ? -3 : 0;
      high = logarithmic ? 0 : 1;
    }
  double size = MAX (fabs (low), fabs (high)),
         least = logarithmic ? 0.02 : MAX (size * 1e-6, 1e-30);
  double pad = MAX ((high - low) * PAD, least);
  gboolean touches = !logarithmic && low >= 0 && low - pad < 0;
  low -= pad;
  high += pad;
  round_range (&low, &high);
  /* A loss or an accuracy is not below 0: no room is given to what cannot be. */
  if (touches)
    low = 0;
  if (plot->y.quantity == KX_QUANTITY_SHARE && fit.high <= 1 && high > 1 + pad)
    high = 1 + pad;
  plot->y.low = logarithmic ? pow (10, low) : low;
  plot->y.high = logarithmic ? pow (10, high) : high;
}

/**
 * kx_plot_new:
 * @settings: what is drawn
 * @width: of the picture, in pixels
 * @height: of the picture
 * @scale: device pixels per pixel
 *
 * Lays out a plot and prepares its layers.
 *
 * Returns: (transfer full): the plot
 */
KxPlot *
kx_plot_new (const KxPlotSettings *settings, double width, double height, double scale)
{
  KxPlot *plot = g_new0 (KxPlot, 1);

  plot->x = settings->x;
  plot->y = settings->y;
  plot->unit = settings->unit;
  plot->scale = scale;
  plot->smoothing = settings->smoothing;
  plot->theme = settings->theme;
  plot->pango = small_context (settings->pango);
  lay_out (plot, settings->layers, width, height);
  plot->x_scaling = kx_axis_get_scaling (&plot->x);
  for (guint i = 0; i < g_list_model_get_n_items (settings->layers); i++)
    kx_layer_prepare (layer_at (settings->layers, i), plot);
  if (!(plot->y.low < plot->y.high))
    fit_y (plot, settings->layers, settings->all);
  plot->y_scaling = kx_axis_get_scaling (&plot->y);
  return plot;
}

void
kx_plot_free (KxPlot *plot)
{
  g_object_unref (plot->pango);
  g_free (plot);
}

/* ── Axes ── */

/* The middle of a device pixel, so that a line of one is sharp. */
static double
snap (const KxPlot *plot, double position)
{
  return (floor (position * plot->scale) + 0.5) / plot->scale;
}

static void
draw_grid (const KxPlot *plot, const GArray *ticks, gboolean vertical, cairo_t *cairo)
{
  double left = plot->box.origin.x, top = plot->box.origin.y;

  cairo_set_line_width (cairo, 1 / plot->scale);
  for (int major = FALSE; major <= TRUE; major++)
    {
      for (guint i = 0; i < ticks->len; i++)
        {
          const KxTick *tick = &g_array_index (ticks, KxTick, i);
          if (!tick->major != !major)
            continue;
          if (vertical)
            {
              cairo_move_to (cairo, snap (plot, kx_plot_x (plot, tick->value)), top);
              cairo_rel_line_to (cairo, 0, plot->box.size.height);
            }
          else
            {
              cairo_move_to (cairo, left, snap (plot, kx_plot_y (plot, tick->value)));
              cairo_rel_line_to (cairo, plot->box.size.width, 0);
            }
        }
      gdk_cairo_set_source_rgba (cairo, major ? &plot->theme->grid : &plot->theme->minor);
      cairo_stroke (cairo);
    }
}

static void
draw_labels_x (const KxPlot *plot, const GArray *ticks, cairo_t *cairo)
{
  double top = plot->box.origin.y + plot->box.size.height + 7;
  double from = -INFINITY;

  for (guint i = 0; i < ticks->len; i++)
    {
      const KxTick *tick = &g_array_index (ticks, KxTick, i);
      int width, height;
      if (!tick->major)
        continue;
      g_autoptr (PangoLayout) layout = make_text (plot, tick->label);
      pango_layout_get_pixel_size (layout, &width, &height);
      double x = kx_plot_x (plot, tick->value) - width / 2.0;
      if (x < from)
        continue;
      from = x + width + 6;
      cairo_move_to (cairo, x, top);
      pango_cairo_show_layout (cairo, layout);
    }
}

static void
draw_labels_y (const KxPlot *plot, const GArray *ticks, cairo_t *cairo)
{
  for (guint i = 0; i < ticks->len; i++)
    {
      const KxTick *tick = &g_array_index (ticks, KxTick, i);
      int width, height;
      if (!tick->major)
        continue;
      g_autoptr (PangoLayout) layout = make_text (plot, tick->label);
      pango_layout_get_pixel_size (layout, &width, &height);
      cairo_move_to (cairo, plot->box.origin.x - 7 - width,
                     kx_plot_y (plot, tick->value) - height / 2.0);
      pango_cairo_show_layout (cairo, layout);
    }
}

static guint
count_labels (const GArray *ticks)
{
  guint n = 0;

  for (guint i = 0; i < ticks->len; i++)
    n += g_array_index (ticks, KxTick, i).major;
  return n;
}

/* Closer than they should be where there would be few of them. */
static GArray *
find_ticks (const KxAxis *axis, double gap, double least_gap)
{
  GArray *ticks = kx_axis_ticks (axis, gap);

  if (count_labels (ticks) >= FEW)
    return ticks;
  g_array_unref (ticks);
  return kx_axis_ticks (axis, least_gap);
}

static void
draw_axes (const KxPlot *plot, cairo_t *cairo)
{
  g_autoptr (GArray) x_ticks = find_ticks (&plot->x, GAP_X, LEAST_GAP_X);
  g_autoptr (GArray) y_ticks = find_ticks (&plot->y, GAP_Y, LEAST_GAP_Y);
  double bottom = plot->box.origin.y + plot->box.size.height;

  draw_grid (plot, x_ticks, TRUE, cairo);
  draw_grid (plot, y_ticks, FALSE, cairo);
  gdk_cairo_set_source_rgba (cairo, &plot->theme->axis);
  cairo_move_to (cairo, plot->box.origin.x, snap (plot, bottom));
  cairo_rel_line_to (cairo, plot->box.size.width, 0);
  cairo_stroke (cairo);
  gdk_cairo_set_source_rgba (cairo, &plot->theme->dim);
  draw_labels_x (plot, x_ticks, cairo);
  draw_labels_y (plot, y_ticks, cairo);
}

/* ── Names at the ends of lines ── */

typedef struct {
  KxLineLayer *line;
  double x, y; /* of the end; @y: then, of the name's middle */
} Name;

static int
compare_names (gconstpointer a, gconstpointer b)
{
  const Name *one = a, *other = b;

  return (one->y > other->y) - (one->y < other->y);
}

/* Moves names apart, downwards first, then back up from the lower edge. */
static void
spread_names (GArray *names, double height, double top, double bottom)
{
  g_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    {
      Name *name = &g_array_index (names, Name, i);
      double least = i == 0 ? top : g_array_index (names, Name, i - 1).y + height;
      name->y = MAX (name->y, least);
    }
  for (guint i = names->len; i > 0; i--)
    {
      Name *name = &g_array_index (names, Name, i - 1);
      double most = i == names->len ? bottom : g_array_index (names, Name, i).y - height;
      name->y = MIN (name->y, most);
    }
}

static void
draw_names (const KxPlot *plot, GListModel *layers, cairo_t *cairo)
{
  g_autoptr (GArray) names = g_array_new (FALSE, FALSE, sizeof (Name));
  double right = plot->box.origin.x + plot->box.size.width;
  double bottom = plot->box.origin.y + plot->box.size.height;
  int width, height;

  measure_text (plot, WIDEST, &width, &height);
  for (guint i = 0; i < g_list_model_get_n_items (layers); i++)
    {
      Name name = { .line = (KxLineLayer *) layer_at (layers, i) };
      if (KX_IS_LINE_LAYER (name.line) && kx_line_layer_get_end (name.line, plot, &name.x, &name.y))
        {
          name.y = CLAMP (name.y, plot->box.origin.y, bottom);
          g_array_append_val (names, name);
        }
    }
  spread_names (names, height, plot->box.origin.y + height / 2.0, bottom - height / 2.0);
  for (guint i = 0; i < names->len; i++)
    {
      const Name *name = &g_array_index (names, Name, i);
      GdkRGBA colour = kx_line_layer_get_colour (name->line, plot->theme);
      g_autoptr (PangoLayout) layout = make_text (plot, kx_line_layer_get_name (name->line));
      pango_layout_set_width (layout, MOST_NAME * PANGO_SCALE);
      pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_MIDDLE);
      gdk_cairo_set_source_rgba (cairo, &colour);
      cairo_move_to (cairo, right + 6, round (name->y - height / 2.0));
      pango_cairo_show_layout (cairo, layout);
    }
}

/* ── All of it ── */

/**
 * kx_plot_draw:
 * @plot: a plot
 * @layers: its layers
 * @cairo: where
 *
 * Draws the axes, the layers, and the names at the ends of lines.
 */
void
kx_plot_draw (const KxPlot *plot, GListModel *layers, cairo_t *cairo)
{
  guint n = g_list_model_get_n_items (layers);

  if (!kx_axis_valid (&plot->x) || !kx_axis_valid (&plot->y))
    return;
  draw_axes (plot, cairo);
  cairo_save (cairo);
  cairo_rectangle (cairo, plot->box.origin.x, plot->box.origin.y, plot->box.size.width,
                   plot->box.size.height);
  cairo_clip (cairo);
  for (int level = 0; level < KX_LEVELS; level++)
    for (guint i = 0; i < n; i++)
      if (kx_layer_get_level (layer_at (layers, i)) == level)
        {
          cairo_save (cairo);
          kx_layer_draw (layer_at (layers, i), plot, cairo);
          cairo_restore (cairo);
        }
  cairo_restore (cairo);
  for (guint i = 0; i < n; i++)
    kx_layer_draw_over (layer_at (layers, i), plot, cairo);
  if (plot->names > 0)
    draw_names (plot, layers, cairo);
}

static void
add_note (GString *text, const char *singular, const char *plural, guint n)
{
  if (n == 0)
    return;
  g_autofree char *count = kx_format_count (n);
  g_string_append (text, text->len > 0 ? " · " : "");
  g_string_append_printf (text, g_dngettext (GETTEXT_PACKAGE, singular, plural, n), count);
}

/**
 * kx_plot_footnote:
 * @settings: what is drawn
 *
 * Returns: (transfer full) (nullable): what is in sight and yet cannot be shown, such as
 *   "3 values ≤ 0 hidden"; %NULL: nothing is
 */
char *
kx_plot_footnote (const KxPlotSettings *settings)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint nonpositive = 0, nonfinite = 0;

  for (guint i = 0; i < g_list_model_get_n_items (settings->layers); i++)
    if (KX_IS_LINE_LAYER (layer_at (settings->layers, i)))
      kx_line_layer_count_hidden (KX_LINE_LAYER (layer_at (settings->layers, i)), &settings->x,
                                  settings->unit, &nonpositive, &nonfinite);
  if (settings->y.scale == KX_SCALE_LOG)
    add_note (text, N_ ("%s value ≤ 0 hidden"), N_ ("%s values ≤ 0 hidden"), nonpositive);
  add_note (text, N_ ("%s value is not finite"), N_ ("%s values are not finite"), nonfinite);
  return text->len > 0 ? g_strdup (text->str) : NULL;
}
