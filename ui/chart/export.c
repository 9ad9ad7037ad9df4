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

/* A curve, as it was when it was to be saved. */
typedef struct {
  char *name;
  gsize n;
  double *x;
  float *y;
} Column;

static void
column_free (gpointer data)
{
  Column *column = data;

  g_free (column->name);
  g_free (column->x);
  g_free (column->y);
  g_free (column);
}

/* Of the curves that are shown. */
static GPtrArray *
copy_columns (GListModel *layers)
{
  g_autoptr (GPtrArray) lines = get_lines (layers);
  GPtrArray *columns = g_ptr_array_new_with_free_func (column_free);

  for (guint i = 0; i < lines->len; i++)
    {
      KxSeries *series = kx_line_layer_get_series (lines->pdata[i]);
      Column *column = g_new (Column, 1);

      column->name = g_strdup (kx_line_layer_get_name (lines->pdata[i]));
      column->n = kx_series_get_length (series);
      column->x = g_memdup2 (kx_series_get_x (series), column->n * sizeof *column->x);
      column->y = g_memdup2 (kx_series_get_y (series), column->n * sizeof *column->y);
      g_ptr_array_add (columns, column);
    }
  return columns;
}

/* All points: a column of steps and one per curve, as exact as they are; a cell is empty where a
 * curve has no point. */
static GBytes *
format_table (GPtrArray *columns)
{
  g_autofree gsize *at = g_new0 (gsize, columns->len + 1);
  GString *text = g_string_new ("step");
  double step;

  for (guint i = 0; i < columns->len; i++)
    {
      const Column *column = columns->pdata[i];
      g_string_append_c (text, ',');
      append_name (text, column->name);
    }
  g_string_append_c (text, '\n');
  do
    {
      step = INFINITY;
      for (guint i = 0; i < columns->len; i++)
        {
          const Column *column = columns->pdata[i];
          if (at[i] < column->n)
            step = MIN (step, column->x[at[i]]);
        }
      if (!isfinite (step))
        break;
      append_number (text, step, 17);
      for (guint i = 0; i < columns->len; i++)
        {
          const Column *column = columns->pdata[i];
          g_string_append_c (text, ',');
          if (at[i] < column->n && column->x[at[i]] == step)
            append_number (text, column->y[at[i]++], 9);
        }
      g_string_append_c (text, '\n');
    }
  while (TRUE);
  return g_string_free_to_bytes (text);
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

/* What is drawn on; of an SVG, @bytes get what it is as a file. */
static cairo_surface_t *
draw_picture (const KxPlotSettings *settings, const char *title, double width, double height,
              gboolean svg, GByteArray *bytes)
{
  int scale = svg ? 1 : PNG_SCALE;
  cairo_surface_t *surface
      = svg ? cairo_svg_surface_create_for_stream (take_bytes, bytes, width, height)
            : cairo_image_surface_create (CAIRO_FORMAT_RGB24, (int) ceil (width * scale),
                                          (int) ceil (height * scale));
  cairo_t *cairo = cairo_create (surface);

  cairo_surface_set_device_scale (surface, scale, scale);
  draw_figure (settings, title, width, height, scale, cairo);
  cairo_destroy (cairo);
  return surface;
}

/* ── Files ── */

/* What becomes a file: nothing of it is the main thread's any more. */
typedef struct {
  char *path;
  GPtrArray *columns;       /* of Column; NULL: it is a picture */
  cairo_surface_t *surface; /* of a picture, which is drawn, but not encoded */
  GByteArray *bytes;        /* that is encoded into these */
} Work;

static void
work_free (gpointer data)
{
  Work *work = data;

  g_free (work->path);
  g_clear_pointer (&work->columns, g_ptr_array_unref);
  g_clear_pointer (&work->surface, cairo_surface_destroy);
  g_byte_array_unref (work->bytes);
  g_free (work);
}

static GBytes *
encode_picture (Work *work, GError **error)
{
  cairo_status_t status;

  if (cairo_surface_get_type (work->surface) == CAIRO_SURFACE_TYPE_SVG)
    {
      cairo_surface_finish (work->surface);
      status = cairo_surface_status (work->surface);
    }
  else
    status = cairo_surface_write_to_png_stream (work->surface, take_bytes, work->bytes);
  if (status == CAIRO_STATUS_SUCCESS)
    return g_byte_array_free_to_bytes (g_byte_array_ref (work->bytes));
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("The picture cannot be drawn: %s"),
               cairo_status_to_string (status));
  return NULL;
}

/* A thread's. */
static void
write_file (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  GError *error = NULL;
  g_autoptr (GBytes) bytes
      = work->columns ? format_table (work->columns) : encode_picture (work, &error);
  g_autoptr (GError) problem = NULL;
  g_autofree char *shown = g_filename_display_name (work->path);

  if (!bytes)
    g_task_return_error (task, error);
  else if (g_file_set_contents (work->path, g_bytes_get_data (bytes, NULL),
                                (gssize) g_bytes_get_size (bytes), &problem))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("“%s” cannot be written: %s"),
                             shown, problem->message);
}

static void
let_application_end (GApplication *application)
{
  g_application_release (application);
}

/* While a file is written the application does not end. */
static void
hold_application (GTask *task)
{
  GApplication *application = g_application_get_default ();

  if (!application)
    return;
  g_application_hold (application);
  g_signal_connect_swapped (task, "notify::completed", G_CALLBACK (let_application_end),
                            application);
}

/**
 * kx_export_async:
 * @settings: a chart's
 * @title: a chart's
 * @width: of the drawing, in pixels
 * @height: of the drawing
 * @path: ends in .png (which is drawn at twice the size), .svg or .csv
 * @callback: called when it is done
 * @data: for @callback
 *
 * Writes a chart as it is now, or replaces a file whole. Points are copied and pictures drawn at
 * once; all else is done by a thread.
 */
void
kx_export_async (const KxPlotSettings *settings, const char *title, double width, double height,
                 const char *path, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, data);
  g_autofree char *lower = g_ascii_strdown (path, -1);
  gboolean svg = g_str_has_suffix (lower, ".svg");
  Work *work = g_new0 (Work, 1);

  g_task_set_task_data (task, work, work_free);
  work->path = g_strdup (path);
  work->bytes = g_byte_array_new ();
  if (g_str_has_suffix (lower, ".csv"))
    work->columns = copy_columns (settings->layers);
  else if (svg || g_str_has_suffix (lower, ".png"))
    {
      width = MAX (width, LEAST_WIDTH);
      height = find_height (settings, title, width, height);
      work->surface = draw_picture (settings, title, width, height, svg, work->bytes);
    }
  else
    {
      g_autofree char *shown = g_filename_display_name (path);
      g_task_return_new_error (
          task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
          _ ("“%s” is none of the kinds that a chart can be saved as; name it .png, .svg or "
             ".csv"),
          shown);
      return;
    }
  hold_application (task);
  g_task_run_in_thread (task, write_file);
}

/**
 * kx_export_finish:
 * @result: that the callback was given
 * @error: return location
 *
 * Returns: whether it is written
 */
gboolean
kx_export_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
saved (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (KxChart) chart = data;
  g_autoptr (GError) error = NULL;

  if (!kx_export_finish (result, &error))
    g_signal_emit_by_name (chart, "failed", error->message);
}

static void
on_response (GtkNativeDialog *dialog, int response, gpointer data)
{
  KxChart *chart = data;

  if (response == GTK_RESPONSE_ACCEPT)
    {
      g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
      g_autofree char *path = file ? g_file_get_path (file) : NULL;
      if (path)
        kx_chart_save_async (chart, path, saved, g_object_ref (chart));
      else
        g_signal_emit_by_name (chart, "failed",
                               _ ("This place is on another machine; choose a folder of this one"));
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
