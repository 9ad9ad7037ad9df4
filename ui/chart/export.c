/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "export.h"

#include <cairo-svg.h>
#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#define PNG_SCALE 2
#define MARGIN 12
#define SAMPLE 28
#define LEAST_WIDTH 300
#define LEAST_PLOT 160   /* pixels of height, below the head */
#define LEAST_SHARE 0.45 /* of the width: in a window a chart may have to do with less */

/* ── Tables ── */

static void
append_name (GString *text, const char *name)
{
  if (!strpbrk (name, ",\"\r\n"))
    {
      g_string_append (text, name);
      return;
    }
  g_autoptr (GString) doubled = g_string_new (name);
  g_string_replace (doubled, "\"", "\"\"", 0);
  g_string_append_printf (text, "\"%s\"", doubled->str);
}

static void
append_number (GString *text, double value, int digits)
{
  char plain[G_ASCII_DTOSTR_BUF_SIZE], format[8];

  if (!isfinite (value))
    {
      g_string_append (text, isnan (value) ? "nan" : value > 0 ? "inf" : "-inf");
      return;
    }
  g_snprintf (format, sizeof format, "%%.%dg", digits);
  g_string_append (text, g_ascii_formatd (plain, sizeof plain, format, value));
}

static GPtrArray *
get_lines (GListModel *layers)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < g_list_model_get_n_items (layers); i++)
    {
      g_autoptr (GObject) layer = g_list_model_get_item (layers, i);
      if (KX_IS_LINE_LAYER (layer) && kx_line_layer_get_visible (KX_LINE_LAYER (layer)))
        g_ptr_array_add (lines, g_steal_pointer (&layer));
    }
  return lines;
}

/**
 * kx_export_csv:
 * @layers: of a chart
 *
 * Returns: (transfer full): all points of the curves that are shown: a column of steps and
 *   one per curve, as exact as they are; a cell is empty where a curve has no point
 */
char *
kx_export_csv (GListModel *layers)
{
  g_autoptr (GPtrArray) lines = get_lines (layers);
  g_autofree gsize *at = g_new0 (gsize, lines->len + 1);
  GString *text = g_string_new ("step");
  double step;

  for (guint i = 0; i < lines->len; i++)
    {
      g_string_append_c (text, ',');
      append_name (text, kx_line_layer_get_name (lines->pdata[i]));
    }
  g_string_append_c (text, '\n');
  do
    {
      step = INFINITY;
      for (guint i = 0; i < lines->len; i++)
        {
          KxSeries *series = kx_line_layer_get_series (lines->pdata[i]);
          if (at[i] < kx_series_get_length (series))
            step = MIN (step, kx_series_get_x (series)[at[i]]);
        }
      if (!isfinite (step))
        break;
      append_number (text, step, 17);
      for (guint i = 0; i < lines->len; i++)
        {
          KxSeries *series = kx_line_layer_get_series (lines->pdata[i]);
          g_string_append_c (text, ',');
          if (at[i] < kx_series_get_length (series) && kx_series_get_x (series)[at[i]] == step)
            append_number (text, kx_series_get_y (series)[at[i]++], 9);
        }
      g_string_append_c (text, '\n');
    }
  while (TRUE);
  return g_string_free (text, FALSE);
}

/* ── Pictures ── */

static PangoLayout *
make_text (const KxPlotSettings *settings, const char *text, gboolean bold)
{
  PangoLayout *layout = pango_layout_new (settings->pango);
  g_autoptr (PangoAttrList) attributes = pango_attr_list_new ();

  if (bold)
    pango_attr_list_insert (attributes, pango_attr_weight_new (PANGO_WEIGHT_BOLD));
  pango_layout_set_attributes (layout, attributes);
  pango_layout_set_text (layout, text, -1);
  return layout;
}

/* The title and, where there are several curves, what they are. Returns the height. */
static double
draw_head (const KxPlotSettings *settings, const char *title, double width, cairo_t *cairo)
{
  g_autoptr (GPtrArray) lines = get_lines (settings->layers);
  g_autoptr (PangoLayout) head = make_text (settings, title, TRUE);
  double x = MARGIN, y = MARGIN;
  int text_width, text_height;

  gdk_cairo_set_source_rgba (cairo, &settings->theme->ink);
  cairo_move_to (cairo, x, y);
  pango_cairo_show_layout (cairo, head);
  pango_layout_get_pixel_size (head, &text_width, &text_height);
  y += text_height + 6;
  for (guint i = 0; i < lines->len && lines->len > 1; i++)
    {
      KxLineLayer *line = lines->pdata[i];
      g_autoptr (PangoLayout) name = make_text (settings, kx_line_layer_get_name (line), FALSE);
      pango_layout_get_pixel_size (name, &text_width, &text_height);
      if (x > MARGIN && x + SAMPLE + 6 + text_width > width - MARGIN)
        {
          x = MARGIN;
          y += text_height + 4;
        }
      kx_line_layer_stroke_sample (line, settings->theme, cairo, x, x + SAMPLE,
                                   y + text_height / 2.0);
      gdk_cairo_set_source_rgba (cairo, &settings->theme->ink);
      cairo_move_to (cairo, x + SAMPLE + 6, y);
      pango_cairo_show_layout (cairo, name);
      x += SAMPLE + 6 + text_width + 18;
    }
  return y + (lines->len > 1 ? text_height + 6 : 0);
}

/* The height of a figure that is as wide and, with what stands above the curves, as high as it is
 * in a window, if that leaves them room. */
static double
find_height (const KxPlotSettings *settings, const char *title, double width, double height)
{
  cairo_surface_t *nowhere = cairo_recording_surface_create (CAIRO_CONTENT_COLOR, NULL);
  cairo_t *cairo = cairo_create (nowhere);
  double head = draw_head (settings, title, width, cairo);

  cairo_destroy (cairo);
  cairo_surface_destroy (nowhere);
  return MAX (height, ceil (head + MAX (LEAST_PLOT, LEAST_SHARE * width)));
}

static void
draw_figure (const KxPlotSettings *settings, const char *title, double width, double height,
             double scale, cairo_t *cairo)
{
  gdk_cairo_set_source_rgba (cairo, &settings->theme->background);
  cairo_paint (cairo);
  double head = draw_head (settings, title, width, cairo);
  g_autoptr (KxPlot) plot
      = kx_plot_new (settings, width - MARGIN, MAX (height - head - MARGIN / 2.0, 60), scale);
  cairo_translate (cairo, 0, head);
  kx_plot_draw (plot, settings->layers, cairo);
}

static cairo_status_t
take_bytes (void *data, const unsigned char *bytes, unsigned int length)
{
  g_byte_array_append (data, bytes, length);
  return CAIRO_STATUS_SUCCESS;
}

static GBytes *
make_picture (const KxPlotSettings *settings, const char *title, double width, double height,
              gboolean svg, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  int scale = svg ? 1 : PNG_SCALE;
  cairo_surface_t *surface
      = svg ? cairo_svg_surface_create_for_stream (take_bytes, bytes, width, height)
            : cairo_image_surface_create (CAIRO_FORMAT_RGB24, (int) ceil (width * scale),
                                          (int) ceil (height * scale));
  cairo_t *cairo = cairo_create (surface);
  cairo_status_t status;

  cairo_surface_set_device_scale (surface, scale, scale);
  draw_figure (settings, title, width, height, scale, cairo);
  status = cairo_status (cairo);
  cairo_destroy (cairo);
  if (svg)
    cairo_surface_finish (surface);
  else if (status == CAIRO_STATUS_SUCCESS)
    status = cairo_surface_write_to_png_stream (surface, take_bytes, bytes);
  if (status == CAIRO_STATUS_SUCCESS)
    status = svg ? cairo_surface_status (surface) : CAIRO_STATUS_SUCCESS;
  cairo_surface_destroy (surface);
  if (status != CAIRO_STATUS_SUCCESS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("The picture cannot be drawn: %s"),
                   cairo_status_to_string (status));
      return NULL;
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

/* ── Files ── */

/**
 * kx_export:
 * @settings: a chart's
 * @title: a chart's
 * @width: of the drawing, in pixels
 * @height: of the drawing
 * @path: ends in .png (which is drawn at twice the size), .svg or .csv
 * @error: return location
 *
 * Writes a chart, or replaces a file whole.
 *
 * Returns: whether it is written
 */
gboolean
kx_export (const KxPlotSettings *settings, const char *title, double width, double height,
           const char *path, GError **error)
{
  g_autofree char *lower = g_ascii_strdown (path, -1);
  g_autofree char *shown = g_filename_display_name (path);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) problem = NULL;

  if (g_str_has_suffix (lower, ".csv"))
    {
      char *text = kx_export_csv (settings->layers);
      bytes = g_bytes_new_take (text, strlen (text));
    }
  else if (g_str_has_suffix (lower, ".png") || g_str_has_suffix (lower, ".svg"))
    {
      width = MAX (width, LEAST_WIDTH);
      bytes = make_picture (settings, title, width, find_height (settings, title, width, height),
                            g_str_has_suffix (lower, ".svg"), error);
    }
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 _ ("“%s” is none of the kinds that a chart can be saved as; name it .png, .svg or "
                    ".csv"),
                 shown);
  if (!bytes)
    return FALSE;
  if (g_file_set_contents (path, g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes),
                           &problem))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("“%s” cannot be written: %s"), shown,
               problem->message);
  return FALSE;
}

static void
on_response (GtkNativeDialog *dialog, int response, gpointer data)
{
  KxChart *chart = data;
  g_autoptr (GError) error = NULL;

  if (response == GTK_RESPONSE_ACCEPT)
    {
      g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
      g_autofree char *path = file ? g_file_get_path (file) : NULL;
      if (!path)
        g_set_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                     _ ("This place is on another machine; choose a folder of this one"));
      if (error || !kx_chart_save (chart, path, &error))
        g_signal_emit_by_name (chart, "failed", error->message);
    }
  g_object_unref (dialog);
  g_object_unref (chart);
}

/**
 * kx_export_ask:
 * @chart: a chart
 * @extension: "png", "svg" or "csv"
 *
 * Asks for a file and saves the chart to it.
 */
void
kx_export_ask (KxChart *chart, const char *extension)
{
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (chart));
  GtkFileChooserNative *dialog = gtk_file_chooser_native_new (
      _ ("Export chart"), GTK_IS_WINDOW (root) ? GTK_WINDOW (root) : NULL,
      GTK_FILE_CHOOSER_ACTION_SAVE, _ ("_Save"), _ ("_Cancel"));
  g_autofree char *name = g_strdup_printf ("%s.%s", kx_chart_get_title (chart), extension);

  g_strdelimit (name, "/\\:", '-');
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (dialog), TRUE);
  gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (dialog), name);
  g_signal_connect (dialog, "response", G_CALLBACK (on_response), g_object_ref (chart));
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (dialog));
}
