/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Contact sheets: pictures in rows, a label under each; with parts of photos, a row for each. */

#include "maximize-private.h"

#include <cairo.h>
#include <math.h>
#include <string.h>

#define GAP 12
#define LETTER 9  /* of the title, about */
#define TITLE 34  /* pixels of height */
#define LABELS 34 /* under a picture */
#define SMALLEST 112
#define WIDEST 1600        /* a sheet, unless one row is wider */
#define LARGEST_SIDE 30000 /* cairo's own limit is 32767 */

void
tool_sheet_cell_free (gpointer data)
{
  ToolSheetCell *cell = data;

  if (!cell)
    return;
  g_clear_pointer (&cell->picture, kol_snapshot_unref);
  g_clear_pointer (&cell->parts, g_ptr_array_unref);
  g_free (cell->label);
  g_free (cell->below);
  g_free (cell);
}

/* ── Drawing ── */

static guint32
pixel_of (const KolSnapshot *snapshot, gsize i)
{
  gsize plane = kol_snapshot_get_height (snapshot) * kol_snapshot_get_width (snapshot);
  gsize next = kol_snapshot_get_channels (snapshot) == 3 ? plane : 0;
  const float *p = kol_snapshot_get_pixels (snapshot) + i;
  guint32 value = 0;

  for (int c = 0; c < 3; c++)
    value = value << 8 | (guint32) lrintf (255 * CLAMP (p[(gsize) c * next], 0, 1));
  return value;
}

static cairo_surface_t *
surface_of (const KolSnapshot *snapshot)
{
  int width = (int) kol_snapshot_get_width (snapshot);
  int height = (int) kol_snapshot_get_height (snapshot);
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, width, height);

  if (cairo_surface_status (surface) != CAIRO_STATUS_SUCCESS)
    return surface;
  cairo_surface_flush (surface);
  for (int y = 0; y < height; y++)
    {
      guint32 *row = (guint32 *) (cairo_image_surface_get_data (surface)
                                  + y * cairo_image_surface_get_stride (surface));
      for (int x = 0; x < width; x++)
        row[x] = pixel_of (snapshot, (gsize) y * (gsize) width + (gsize) x);
    }
  cairo_surface_mark_dirty (surface);
  return surface;
}

/* Fits it into the box; small pictures are enlarged by whole pixels, so that each can be seen. */
static void
draw_picture (cairo_t *cr, const KolSnapshot *snapshot, double x, double y, double width,
              double height)
{
  double w = (double) kol_snapshot_get_width (snapshot);
  double h = (double) kol_snapshot_get_height (snapshot), scale = fmin (width / w, height / h);
  cairo_surface_t *surface = surface_of (snapshot);

  cairo_save (cr);
  cairo_translate (cr, x + (width - w * scale) / 2, y + (height - h * scale) / 2);
  cairo_scale (cr, scale, scale);
  cairo_set_source_surface (cr, surface, 0, 0);
  cairo_pattern_set_filter (cairo_get_source (cr),
                            scale > 1 ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
  cairo_rectangle (cr, 0, 0, w, h);
  cairo_fill (cr);
  cairo_restore (cr);
  cairo_surface_destroy (surface);
}

/* Text from x on, cut off at @width. */
static void
draw_text (cairo_t *cr, const char *text, double size, double grey, double x, double y,
           double width)
{
  if (!text)
    return;
  cairo_save (cr);
  cairo_rectangle (cr, x, y - size, width, 2 * size);
  cairo_clip (cr);
  cairo_select_font_face (cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size (cr, size);
  cairo_set_source_rgb (cr, grey, grey, grey);
  cairo_move_to (cr, x, y);
  cairo_show_text (cr, text);
  cairo_restore (cr);
}

/* A frame that is crossed out, as nothing is to be seen there. */
static void
draw_dead (cairo_t *cr, double x, double y, double width, double height)
{
  cairo_set_source_rgb (cr, 0.75, 0.75, 0.75);
  cairo_set_line_width (cr, 1);
  cairo_rectangle (cr, x + 0.5, y + 0.5, width - 1, height - 1);
  cairo_move_to (cr, x, y);
  cairo_line_to (cr, x + width, y + height);
  cairo_move_to (cr, x + width, y);
  cairo_line_to (cr, x, y + height);
  cairo_stroke (cr);
}

/* ── Layout ── */

typedef struct {
  double width, height; /* of a picture */
  guint columns, rows;
  double cell_width, cell_height;
  int sheet_width, sheet_height;
} Layout;

/* Of @n pictures of @width x @height pixels, each with so many parts of photos. */
static Layout
lay_out (gsize width, gsize height, guint n, guint parts, const char *title)
{
  double w = (double) width, h = (double) height;
  double scale = MAX (w, h) < SMALLEST ? ceil (SMALLEST / MAX (w, h)) : 1;
  Layout layout = { .width = w * scale, .height = h * scale };

  layout.cell_width = layout.width + parts * (layout.height + GAP / 2.0);
  layout.cell_height = layout.height + LABELS;
  guint most = (guint) ((WIDEST - GAP) / (layout.cell_width + GAP));
  /* About as wide as high. */
  guint square = (guint) ceil (sqrt (n * layout.cell_height / layout.cell_width));
  layout.columns = CLAMP (square, 1, MAX (MIN (most, n), 1));
  layout.rows = (n + layout.columns - 1) / layout.columns;
  double cells = layout.columns * (layout.cell_width + GAP);
  double letters = LETTER * (double) g_utf8_strlen (title, -1) + GAP;
  layout.sheet_width = (int) (GAP + MAX (cells, letters));
  layout.sheet_height = (int) (GAP + TITLE + layout.rows * (layout.cell_height + GAP));
  return layout;
}

static gboolean
check_layout (const Layout *layout, guint n, GError **error)
{
  if (MAX (layout->sheet_width, layout->sheet_height) <= LARGEST_SIDE)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "A sheet of %u pictures would be %d x %d pixels, but at most %d a side are "
               "possible; choose a smaller --size, or fewer units",
               n, layout->sheet_width, layout->sheet_height, LARGEST_SIDE);
  return FALSE;
}

gboolean
tool_sheet_check (gsize width, gsize height, guint n, guint parts, GError **error)
{
  Layout layout = lay_out (width, height, n, parts, "");

  return check_layout (&layout, n, error);
}

static void
draw_cell (cairo_t *cr, const Layout *layout, const ToolSheetCell *cell, double x, double y)
{
  if (cell->dead)
    draw_dead (cr, x, y, layout->width, layout->height);
  else
    draw_picture (cr, cell->picture, x, y, layout->width, layout->height);
  for (guint i = 0; cell->parts && i < cell->parts->len; i++)
    draw_picture (cr, g_ptr_array_index (cell->parts, i),
                  x + layout->width + GAP + i * (layout->height + GAP / 2.0), y, layout->height,
                  layout->height);
  draw_text (cr, cell->label, 13, 0.1, x, y + layout->height + 15, layout->cell_width);
  draw_text (cr, cell->below, 11, 0.4, x, y + layout->height + 29, layout->cell_width);
}

static void
draw_sheet (cairo_t *cr, const Layout *layout, const char *title, GPtrArray *cells)
{
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_paint (cr);
  draw_text (cr, title, 16, 0.1, GAP, GAP + 16, layout->sheet_width - 2 * GAP);
  for (guint i = 0; i < cells->len; i++)
    draw_cell (cr, layout, g_ptr_array_index (cells, i),
               GAP + i % layout->columns * (layout->cell_width + GAP),
               GAP + TITLE + i / layout->columns * (layout->cell_height + GAP));
}

/* ── Files ── */

/* The surface's pixels without the bytes that are unused. */
static GBytes *
encode (cairo_surface_t *surface, const char *const *texts, GError **error)
{
  gsize width = (gsize) cairo_image_surface_get_width (surface);
  gsize height = (gsize) cairo_image_surface_get_height (surface);
  g_autofree guint8 *rows = g_malloc (3 * width * height);

  cairo_surface_flush (surface);
  for (gsize y = 0; y < height; y++)
    {
      const guint32 *from
          = (const guint32 *) (cairo_image_surface_get_data (surface)
                               + y * (gsize) cairo_image_surface_get_stride (surface));
      guint8 *to = rows + 3 * width * y;
      for (gsize x = 0; x < width; x++)
        for (gsize c = 0; c < 3; c++)
          to[3 * x + c] = (guint8) (from[x] >> (16 - 8 * c));
    }
  return kol_png_encode (rows, width, height, 3, texts, error);
}

gboolean
tool_sheet_save (const char *path, const char *title, GPtrArray *cells, const char *const *texts,
                 GError **error)
{
  const KolSnapshot *first = ((const ToolSheetCell *) cells->pdata[0])->picture;
  guint parts = 0;

  for (guint i = 0; i < cells->len; i++)
    {
      const ToolSheetCell *cell = g_ptr_array_index (cells, i);
      parts = MAX (parts, cell->parts ? cell->parts->len : 0);
    }
  Layout layout = lay_out (kol_snapshot_get_width (first), kol_snapshot_get_height (first),
                           cells->len, parts, title);
  if (!check_layout (&layout, cells->len, error))
    return FALSE;
  cairo_surface_t *surface
      = cairo_image_surface_create (CAIRO_FORMAT_RGB24, layout.sheet_width, layout.sheet_height);
  cairo_t *cr = cairo_create (surface);
  draw_sheet (cr, &layout, title, cells);
  cairo_status_t status = cairo_status (cr);
  cairo_destroy (cr);
  g_autoptr (GBytes) png = NULL;
  if (status != CAIRO_STATUS_SUCCESS)
    g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
                 "A sheet of %d x %d pixels cannot be drawn: %s", layout.sheet_width,
                 layout.sheet_height, cairo_status_to_string (status));
  else
    png = encode (surface, texts, error);
  cairo_surface_destroy (surface);
  return png && tool_save_png (path, png, error);
}
