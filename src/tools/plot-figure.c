/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "plot-private.h"

#include "../replace-private.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <gio/gio.h>
#include <math.h>
#include <string.h>

/*
 * A figure is a legend above one or two panels. Every length is a multiple of the
 * font's size, which follows the size of a panel, so that a figure looks the same
 * at any resolution.
 */

#define SMALL 0.86       /* of the font's size: labels of ticks */
#define SHAPE 1.45       /* width / height that a panel should come near */
#define SETTLED 0.04     /* the share of a run after which it has left its first, large losses */
#define MOST_MARKED 40   /* points that are few enough to be marked */
#define SAMPLE_WIDTH 2.0 /* of a line in the legend */
#define RIGHT 2.1        /* room for half of the last label */

typedef struct {
  double red, green, blue;
} Colour;

/*
 * Okabe and Ito's palette, which people of any colour vision tell apart, in an order
 * in which neighbours differ most; without its yellow, too light on white.
 */
static const Colour palette[] = {
  { 0.000, 0.447, 0.698 }, /* blue */
  { 0.835, 0.369, 0.000 }, /* vermillion */
  { 0.000, 0.620, 0.451 }, /* bluish green */
  { 0.800, 0.475, 0.655 }, /* reddish purple */
  { 0.902, 0.624, 0.000 }, /* orange */
  { 0.337, 0.706, 0.914 }, /* sky blue */
  { 0.000, 0.000, 0.000 }, /* black */
};

static const Colour ink = { 0.13, 0.13, 0.13 }, grey = { 0.42, 0.42, 0.42 },
                    grid = { 0.90, 0.90, 0.90 };

typedef struct {
  double x, y, width, height;
} Box;

/* A panel while it is drawn: where, and which numbers its edges stand for. */
typedef struct {
  const ToolPanel *panel;
  Box box; /* inside of the axes */
  double x_low, x_high, y_low, y_high;
  ToolTicks x_ticks, y_ticks;
} View;

typedef struct {
  cairo_t *cairo;
  const ToolFigure *figure;
  double font;
} Canvas;

/* ── Small things ── */

static void
set_colour (const Canvas *canvas, Colour colour, double opacity)
{
  cairo_set_source_rgba (canvas->cairo, colour.red, colour.green, colour.blue, opacity);
}

/* Mixed with white; unlike what is transparent, it does not show what lies below. */
static Colour
lighter (Colour colour, double share)
{
  return (Colour){ colour.red + share * (1 - colour.red), colour.green + share * (1 - colour.green),
                   colour.blue + share * (1 - colour.blue) };
}

static Colour
colour_of (guint run)
{
  return palette[run % G_N_ELEMENTS (palette)];
}

/* When the colours are used up they come again, dashed. */
static void
set_dashes (const Canvas *canvas, guint run)
{
  const double dashes[] = { 0.9 * canvas->font, 0.35 * canvas->font };

  cairo_set_dash (canvas->cairo, dashes, run < G_N_ELEMENTS (palette) ? 0 : 2, 0);
}

static double
text_width (const Canvas *canvas, const char *text, double size)
{
  cairo_text_extents_t extents;

  cairo_set_font_size (canvas->cairo, size);
  cairo_text_extents (canvas->cairo, text, &extents);
  return extents.x_advance;
}

/* @align: which share of the text is left of @x. The baseline is at @y. */
static void
show_text (const Canvas *canvas, const char *text, double x, double y, double size, double align)
{
  double width = text_width (canvas, text, size);

  cairo_move_to (canvas->cairo, x - align * width, y);
  cairo_show_text (canvas->cairo, text);
}

static char *
shorten (const Canvas *canvas, const char *text, double size, double width)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  for (glong letters = g_utf8_strlen (valid, -1); letters > 1; letters--)
    {
      g_autofree char *part = g_utf8_substring (valid, 0, letters);
      g_autofree char *shown
          = letters == g_utf8_strlen (valid, -1) ? g_strdup (part) : g_strconcat (part, "…", NULL);
      if (text_width (canvas, shown, size) <= width)
        return g_steal_pointer (&shown);
    }
  return g_strdup ("…");
}

/* ── Ranges ── */

typedef struct {
  double low, high;
} Range;

static const Range nothing = { INFINITY, -INFINITY };

static void
include_curve (Range *range, const ToolCurve *curve, const double *numbers, double from,
               gboolean positive)
{
  for (gsize i = 0; i < curve->n; i++)
    if (curve->x[i] >= from && (!positive || numbers[i] > 0))
      {
        range->low = MIN (range->low, numbers[i]);
        range->high = MAX (range->high, numbers[i]);
      }
}

static Range
steps_of (const ToolFigure *figure)
{
  Range range = nothing;

  for (guint p = 0; p < figure->n; p++)
    for (guint i = 0; i < figure->panels[p].n; i++)
      {
        const ToolSeries *series = &figure->panels[p].series[i];
        include_curve (&range, &series->raw, series->raw.x, -INFINITY, FALSE);
        include_curve (&range, &series->validation, series->validation.x, -INFINITY, FALSE);
      }
  if (range.low < 0.25 * range.high)
    range.low = 0;
  if (!(range.high > range.low))
    range = (Range){ range.high - 1, range.high };
  return range;
}

/* What the smoothed and the validation curves take; where there is no other, the raw one. */
static Range
values_of (const ToolPanel *panel, double from)
{
  Range range = nothing;

  for (guint i = 0; i < panel->n; i++)
    {
      const ToolSeries *series = &panel->series[i];
      include_curve (&range, &series->smooth, series->smooth.y, from, panel->logarithmic);
      include_curve (&range, &series->validation, series->validation.y, from, panel->logarithmic);
    }
  return range;
}

/*
 * The first losses of a run may be a hundred times the later ones, and the first
 * accuracies are those of chance: they are left beyond the edge, unless they take
 * less than half of the panel, or a logarithmic axis has room for all.
 */
static Range
settled_values (const ToolPanel *panel, Range steps)
{
  Range all = values_of (panel, -INFINITY);
  Range settled = values_of (panel, steps.low + SETTLED * (steps.high - steps.low));

  if (panel->logarithmic || !(settled.high >= settled.low))
    return all;
  if (panel->percent)
    return (Range){ all.high - all.low > 2 * (all.high - settled.low) ? settled.low : all.low,
                    all.high };
  return (Range){ MIN (settled.low, all.low),
                  all.high > 2 * settled.high ? settled.high : all.high };
}

static Range
widen (const ToolPanel *panel, Range range)
{
  if (!(range.high >= range.low))
    return (Range){ 0.1, 1 };
  if (panel->logarithmic)
    {
      double margin = MAX (pow (range.high / range.low, 0.04), 1.01);
      return (Range){ range.low / margin, range.high * margin };
    }
  double margin = 0.05 * (range.high - range.low);
  if (margin <= 0)
    margin = MAX (0.05 * fabs (range.high), 1e-6);
  Range wide = { range.low - margin, range.high + margin };
  if (range.low >= 0 && range.low < 0.3 * range.high)
    wide.low = 0;
  if (panel->percent)
    wide = (Range){ MAX (wide.low, 0), MIN (wide.high, 1) };
  return wide;
}

/* ── Coordinates ── */

static double
to_x (const View *view, double x)
{
  return view->box.x + view->box.width * (x - view->x_low) / (view->x_high - view->x_low);
}

static double
to_y (const View *view, double y)
{
  double low = view->y_low, high = view->y_high;
  double share = view->panel->logarithmic ? log (MAX (y, low * 1e-9) / low) / log (high / low)
                                          : (y - low) / (high - low);

  return view->box.y + view->box.height * (1 - CLAMP (share, -10, 10));
}

static void
view_begin (View *view, const ToolPanel *panel, Range steps)
{
  Range values = widen (panel, settled_values (panel, steps));

  *view = (View){
    .panel = panel,
    .x_low = steps.low,
    .x_high = steps.high,
    .y_low = values.low,
    .y_high = values.high,
  };
}

/* Ticks of the y axis are those of percents, if it has them. */
static void
choose_ticks (const Canvas *canvas, View *view)
{
  double font = canvas->font, scale = view->panel->percent ? 100 : 1;
  guint across = (guint) CLAMP (view->box.width / (5.5 * font), 2, 10);
  guint up = (guint) CLAMP (view->box.height / (2.6 * font), 2, 9);

  tool_ticks_linear (view->x_low, view->x_high, across, &view->x_ticks);
  if (view->panel->logarithmic)
    tool_ticks_logarithmic (view->y_low, view->y_high, up, &view->y_ticks);
  else
    tool_ticks_linear (scale * view->y_low, scale * view->y_high, up, &view->y_ticks);
}

static double
y_tick (const View *view, guint i)
{
  return view->y_ticks.values[i] / (view->panel->percent ? 100 : 1);
}

/* How much room the labels of the y axis and its title take. */
static double
left_margin (const Canvas *canvas, const View *view)
{
  double widest = 0;

  for (guint i = 0; i < view->y_ticks.n; i++)
    {
      g_autofree char *label = tool_ticks_label (&view->y_ticks, i);
      widest = MAX (widest, text_width (canvas, label, SMALL * canvas->font));
    }
  return widest + 2.5 * canvas->font;
}

/* ── Axes ── */

static void
draw_line (const Canvas *canvas, double x0, double y0, double x1, double y1)
{
  cairo_move_to (canvas->cairo, x0, y0);
  cairo_line_to (canvas->cairo, x1, y1);
  cairo_stroke (canvas->cairo);
}

static void
draw_grid (const Canvas *canvas, const View *view)
{
  const Box *box = &view->box;

  set_colour (canvas, grid, 1);
  cairo_set_line_width (canvas->cairo, canvas->font / 18);
  for (guint i = 0; i < view->x_ticks.n; i++)
    {
      double x = to_x (view, view->x_ticks.values[i]);
      draw_line (canvas, x, box->y, x, box->y + box->height);
    }
  for (guint i = 0; i < view->y_ticks.n; i++)
    {
      double y = to_y (view, y_tick (view, i));
      draw_line (canvas, box->x, y, box->x + box->width, y);
    }
}

static void
draw_axes (const Canvas *canvas, const View *view)
{
  const Box *box = &view->box;
  double font = canvas->font, small = SMALL * font, tick = 0.25 * font;
  double bottom = box->y + box->height;

  set_colour (canvas, ink, 1);
  cairo_set_line_width (canvas->cairo, font / 14);
  draw_line (canvas, box->x, box->y, box->x, bottom);
  draw_line (canvas, box->x, bottom, box->x + box->width, bottom);
  for (guint i = 0; i < view->x_ticks.n; i++)
    {
      g_autofree char *label = tool_ticks_label (&view->x_ticks, i);
      double x = to_x (view, view->x_ticks.values[i]);
      draw_line (canvas, x, bottom, x, bottom + tick);
      show_text (canvas, label, x, bottom + tick + 1.05 * small, small, 0.5);
    }
  for (guint i = 0; i < view->y_ticks.n; i++)
    {
      g_autofree char *label = tool_ticks_label (&view->y_ticks, i);
      double y = to_y (view, y_tick (view, i));
      draw_line (canvas, box->x - tick, y, box->x, y);
      show_text (canvas, label, box->x - 1.8 * tick, y + 0.36 * small, small, 1);
    }
}

static void
draw_titles (const Canvas *canvas, const View *view, double left)
{
  const Box *box = &view->box;
  double font = canvas->font;

  set_colour (canvas, ink, 1);
  show_text (canvas, "Step", box->x + box->width / 2, box->y + box->height + 2.75 * font, font,
             0.5);
  cairo_save (canvas->cairo);
  cairo_translate (canvas->cairo, box->x - left + 1.3 * font, box->y + box->height / 2);
  cairo_rotate (canvas->cairo, -G_PI / 2);
  show_text (canvas, view->panel->title, 0, 0, font, 0.5);
  cairo_restore (canvas->cairo);
}

/* ── Curves ── */

static void
draw_curve (const Canvas *canvas, const View *view, const ToolCurve *curve, Colour colour,
            double width)
{
  /* A vector file is looked at closer, hence two columns to a unit of length. */
  ToolCurve thin
      = tool_curve_thin (curve, view->x_low, view->x_high, (gsize) (2 * view->box.width) + 1);

  set_colour (canvas, colour, 1);
  cairo_set_line_width (canvas->cairo, width);
  for (gsize i = 0; i < thin.n; i++)
    cairo_line_to (canvas->cairo, to_x (view, thin.x[i]), to_y (view, thin.y[i]));
  cairo_stroke (canvas->cairo);
  tool_curve_clear (&thin);
}

/* Few points are marked, so that it is seen where something was measured. */
static void
draw_markers (const Canvas *canvas, const View *view, const ToolCurve *curve, Colour colour)
{
  double radius = 0.26 * canvas->font;

  if (curve->n == 0 || curve->n > MOST_MARKED)
    return;
  double extent = to_x (view, curve->x[curve->n - 1]) - to_x (view, curve->x[0]);
  if ((double) (curve->n - 1) * 4 * radius > extent)
    return;
  for (gsize i = 0; i < curve->n; i++)
    {
      double x = to_x (view, curve->x[i]), y = to_y (view, curve->y[i]);
      if (y < view->box.y - radius)
        continue;
      cairo_arc (canvas->cairo, x, y, radius, 0, 2 * G_PI);
      set_colour (canvas, colour, 1);
      cairo_fill_preserve (canvas->cairo);
      set_colour (canvas, (Colour){ 1, 1, 1 }, 1);
      cairo_set_line_width (canvas->cairo, canvas->font / 14);
      cairo_stroke (canvas->cairo);
    }
}

/* Lightest first, so that what matters most lies on top; many runs are paler in the background. */
static void
draw_curves (const Canvas *canvas, const View *view)
{
  const ToolPanel *panel = view->panel;
  const Box *box = &view->box;
  double font = canvas->font, slack = font / 8, pale = MIN (0.74 + 0.03 * panel->n, 0.92);

  cairo_save (canvas->cairo);
  cairo_rectangle (canvas->cairo, box->x, box->y - slack, box->width + 3 * slack,
                   box->height + 2 * slack);
  cairo_clip (canvas->cairo);
  for (guint i = 0; i < panel->n; i++)
    draw_curve (canvas, view, &panel->series[i].raw, lighter (colour_of (i), pale), font / 22);
  for (guint i = 0; i < panel->n; i++)
    draw_curve (canvas, view, &panel->series[i].smooth, lighter (colour_of (i), 0.35), font / 13);
  for (guint i = 0; i < panel->n; i++)
    {
      set_dashes (canvas, i);
      draw_curve (canvas, view, &panel->series[i].validation, colour_of (i), font / 6.5);
      set_dashes (canvas, 0);
      draw_markers (canvas, view, &panel->series[i].validation, colour_of (i));
    }
  cairo_restore (canvas->cairo);
}

/* ── Legend ── */

/* What a legend explains: a run by its colour, or a kind of line. */
typedef enum {
  SAMPLE_RUN,
  SAMPLE_TRAINING,
  SAMPLE_VALIDATION,
} Sample;

typedef struct {
  const Canvas *canvas;
  gboolean visible; /* or only measured */
  double left, right;
  double x, baseline;
} Legend;

static void
draw_square (const Canvas *canvas, guint run, double x, double y)
{
  double side = 0.72 * canvas->font, line = canvas->font / 8;

  set_colour (canvas, colour_of (run), 1);
  if (run < G_N_ELEMENTS (palette))
    {
      cairo_rectangle (canvas->cairo, x, y - side / 2, side, side);
      cairo_fill (canvas->cairo);
      return;
    }
  cairo_set_line_width (canvas->cairo, line);
  cairo_rectangle (canvas->cairo, x + line / 2, y - (side - line) / 2, side - line, side - line);
  cairo_stroke (canvas->cairo);
}

static void
draw_line_sample (const Canvas *canvas, gboolean training, double x, double y)
{
  double font = canvas->font;
  Colour colour = canvas->figure->panels[0].n == 1 ? colour_of (0) : grey;

  set_colour (canvas, training ? lighter (colour, 0.35) : colour, 1);
  cairo_set_line_width (canvas->cairo, training ? font / 13 : font / 6.5);
  draw_line (canvas, x, y, x + SAMPLE_WIDTH * font, y);
}

/* @run counts for %SAMPLE_RUN only. */
static void
legend_add (Legend *legend, Sample sample, guint run, const char *text)
{
  const Canvas *canvas = legend->canvas;
  double font = canvas->font;
  double before = (sample == SAMPLE_RUN ? 1.1 : SAMPLE_WIDTH + 0.35) * font;
  g_autofree char *shown = shorten (canvas, text, font, legend->right - legend->left - before);
  double width = before + text_width (canvas, shown, font);

  if (legend->x > legend->left && legend->x + width > legend->right)
    {
      legend->x = legend->left;
      legend->baseline += 1.5 * font;
    }
  if (legend->visible)
    {
      double middle = legend->baseline - 0.34 * font;
      if (sample == SAMPLE_RUN)
        draw_square (canvas, run, legend->x, middle);
      else
        draw_line_sample (canvas, sample == SAMPLE_TRAINING, legend->x, middle);
      set_colour (canvas, ink, 1);
      show_text (canvas, shown, legend->x + before, legend->baseline, font, 0);
    }
  legend->x += width + 1.6 * font;
}

/* Runs by colour, and what thin and thick lines are. Returns how high it is. */
static double
lay_out_legend (const Canvas *canvas, double left, double right, gboolean visible)
{
  const ToolPanel *panel = &canvas->figure->panels[0];
  Legend legend = {
    .canvas = canvas,
    .visible = visible,
    .left = left,
    .right = right,
    .x = left,
    .baseline = 1.8 * canvas->font,
  };

  for (guint i = 0; i < panel->n; i++)
    legend_add (&legend, SAMPLE_RUN, i, panel->series[i].name);
  legend_add (&legend, SAMPLE_TRAINING, 0, "training");
  legend_add (&legend, SAMPLE_VALIDATION, 0, "validation");
  return legend.baseline + 1.1 * canvas->font;
}

/* ── The figure ── */

/* Whether panels beside each other come nearer to the shape that they should have. */
static gboolean
side_by_side (const ToolFigure *figure)
{
  double beside = figure->width / figure->n / figure->height;
  double above = figure->width * figure->n / figure->height;

  return fabs (log (beside / SHAPE)) <= fabs (log (above / SHAPE));
}

/* The part of the figure below the legend that a panel with its labels has. */
static Box
cell_of (const ToolFigure *figure, guint i, double top)
{
  double height = figure->height - top, n = figure->n;

  if (side_by_side (figure))
    return (Box){ figure->width / n * i, top, figure->width / n, height };
  return (Box){ 0, top + height / n * i, figure->width, height / n };
}

static void
place (View *view, const Box *cell, double left, double font)
{
  view->box = (Box){ cell->x + left, cell->y, MAX (cell->width - left - RIGHT * font, font),
                     MAX (cell->height - 3.4 * font, font) };
}

/* Ticks need the room, and the room needs the widths of their labels: twice is enough. */
static double
place_views (const Canvas *canvas, View *views, double top)
{
  const ToolFigure *figure = canvas->figure;
  double left = 4.5 * canvas->font;

  for (int turn = 0; turn < 2; turn++)
    {
      double widest = 0;
      for (guint i = 0; i < figure->n; i++)
        {
          Box cell = cell_of (figure, i, top);
          place (&views[i], &cell, left, canvas->font);
          choose_ticks (canvas, &views[i]);
          widest = MAX (widest, left_margin (canvas, &views[i]));
        }
      left = widest;
    }
  for (guint i = 0; i < figure->n; i++)
    {
      Box cell = cell_of (figure, i, top);
      place (&views[i], &cell, left, canvas->font);
    }
  return left;
}

static void
draw_figure (cairo_t *cairo, const ToolFigure *figure)
{
  Canvas canvas = { .cairo = cairo, .figure = figure };
  Box cell = cell_of (figure, 0, 0);
  Range steps = steps_of (figure);
  g_autofree View *views = g_new (View, figure->n);

  canvas.font = MAX (sqrt (cell.width * cell.height) / 30, 6);
  set_colour (&canvas, (Colour){ 1, 1, 1 }, 1);
  cairo_paint (cairo);
  cairo_select_font_face (cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_line_join (cairo, CAIRO_LINE_JOIN_ROUND);

  for (guint i = 0; i < figure->n; i++)
    view_begin (&views[i], &figure->panels[i], steps);
  double right = figure->width - RIGHT * canvas.font;
  double top = lay_out_legend (&canvas, 4.5 * canvas.font, right, FALSE);
  double left = place_views (&canvas, views, top);
  lay_out_legend (&canvas, left, right, TRUE);
  for (guint i = 0; i < figure->n; i++)
    {
      draw_grid (&canvas, &views[i]);
      draw_curves (&canvas, &views[i]);
      draw_axes (&canvas, &views[i]);
      draw_titles (&canvas, &views[i], left);
    }
}

/* ── Files ── */

static cairo_status_t
append_bytes (void *bytes, const unsigned char *data, unsigned int length)
{
  g_byte_array_append (bytes, data, length);
  return CAIRO_STATUS_SUCCESS;
}

/* Hinting fits letters to whole pixels, which makes their distances uneven. */
static void
set_up_fonts (cairo_t *cairo)
{
  cairo_font_options_t *options = cairo_font_options_create ();

  cairo_font_options_set_hint_style (options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics (options, CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias (options, CAIRO_ANTIALIAS_GRAY);
  cairo_set_font_options (cairo, options);
  cairo_font_options_destroy (options);
}

static cairo_status_t
render (const ToolFigure *figure, gboolean svg, GByteArray *bytes)
{
  cairo_surface_t *surface = svg ? cairo_svg_surface_create_for_stream (
                                 append_bytes, bytes, figure->width, figure->height)
                                 : cairo_image_surface_create (
                                     CAIRO_FORMAT_RGB24, (int) figure->width, (int) figure->height);
  cairo_t *cairo = cairo_create (surface);

  set_up_fonts (cairo);
  draw_figure (cairo, figure);
  cairo_status_t status = cairo_status (cairo);
  cairo_destroy (cairo);
  if (status == CAIRO_STATUS_SUCCESS && !svg)
    status = cairo_surface_write_to_png_stream (surface, append_bytes, bytes);
  cairo_surface_finish (surface); /* an SVG file is written here */
  if (status == CAIRO_STATUS_SUCCESS)
    status = cairo_surface_status (surface);
  cairo_surface_destroy (surface);
  return status;
}

gboolean
tool_figure_save (const ToolFigure *figure, const char *path, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  cairo_status_t status = render (figure, g_str_has_suffix (path, ".svg"), bytes);

  if (status != CAIRO_STATUS_SUCCESS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                   "A figure of %.0fx%.0f cannot be drawn: %s", figure->width, figure->height,
                   cairo_status_to_string (status));
      return FALSE;
    }
  return kol_replace_contents (path, bytes->data, bytes->len, error);
}
