/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Two linked charts in a window: keys, actions, following, crosshair, legend, files. */

#include "chart/chart-area.h"
#include "chart/chart.h"
#include "chart/controls.h"
#include "chart/export.h"
#include "generate.h"

#include <adwaita.h>
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  GtkWidget *window;
  KxChart *loss, *accuracy;
  KxChartView *view;
  KxSeries *series[2];
  KxLineLayer *line[2];
  GRand *random;
} Fixture;

/* Until nothing is to be drawn, and for the numbers in the head. */
static void
settle (void)
{
  gint64 end = g_get_monotonic_time () + G_USEC_PER_SEC / 4;

  while (g_get_monotonic_time () < end)
    {
      while (g_main_context_iteration (NULL, FALSE))
        ;
      g_usleep (2000);
    }
}

static void
grow (Fixture *fixture, gsize n)
{
  for (int i = 0; i < 2; i++)
    for (gsize k = 0; k < n; k++)
      {
        double step = (double) kx_series_get_length (fixture->series[i]);
        kx_series_append (fixture->series[i], step,
                          generate_loss (fixture->random, step, 2.3, 0.05, 50, 0.2));
      }
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  fixture->random = g_rand_new_with_seed (2);
  fixture->view = kx_chart_view_new ();
  fixture->loss = KX_CHART (kx_chart_new (fixture->view, "Loss"));
  fixture->accuracy = KX_CHART (kx_chart_new (fixture->view, "Accuracy"));
  for (int i = 0; i < 2; i++)
    fixture->series[i] = kx_series_new ();
  fixture->line[0]
      = kx_chart_add_line (fixture->loss, fixture->series[0], "run 1", 0, KX_LINE_THIN);
  fixture->line[1]
      = kx_chart_add_line (fixture->loss, fixture->series[1], "run 2", 1, KX_LINE_THIN);
  kx_chart_add_line (fixture->accuracy, fixture->series[0], "run 1", 0, KX_LINE_THIN);
  grow (fixture, 1000);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (fixture->loss));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (fixture->accuracy));
  fixture->window = gtk_window_new ();
  gtk_window_set_child (GTK_WINDOW (fixture->window), box);
  gtk_window_set_default_size (GTK_WINDOW (fixture->window), 700, 600);
  gtk_window_present (GTK_WINDOW (fixture->window));
  gtk_widget_grab_focus (GTK_WIDGET (fixture->loss));
  settle ();
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  gpointer chart = fixture->loss;

  g_object_add_weak_pointer (chart, &chart);
  gtk_window_destroy (GTK_WINDOW (fixture->window));
  settle ();
  g_assert_null (chart); /* nothing holds it */
  g_object_unref (fixture->view);
  for (int i = 0; i < 2; i++)
    kx_series_unref (fixture->series[i]);
  g_rand_free (fixture->random);
}

static GtkWidget *
find_child (GtkWidget *parent, GType type)
{
  if (g_type_is_a (G_OBJECT_TYPE (parent), type))
    return parent;
  for (GtkWidget *child = gtk_widget_get_first_child (parent); child;
       child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = find_child (child, type);
      if (found)
        return found;
    }
  return NULL;
}

static const KxPlot *
plot_of (KxChart *chart)
{
  return kx_chart_area_get_plot (
      KX_CHART_AREA (find_child (GTK_WIDGET (chart), KX_TYPE_CHART_AREA)));
}

/* Whether a label with such a text is to be seen in the chart. */
static gboolean
shows (GtkWidget *parent, const char *pattern)
{
  if (GTK_IS_LABEL (parent) && gtk_widget_get_mapped (parent)
      && g_pattern_match_simple (pattern, gtk_label_get_text (GTK_LABEL (parent))))
    return TRUE;
  for (GtkWidget *child = gtk_widget_get_first_child (parent); child;
       child = gtk_widget_get_next_sibling (child))
    if (shows (child, pattern))
      return TRUE;
  return FALSE;
}

static KxAxis
range (Fixture *fixture)
{
  return kx_chart_view_get_axis (fixture->view, 1);
}

static void
act (Fixture *fixture, const char *name)
{
  g_assert_true (gtk_widget_activate_action (GTK_WIDGET (fixture->loss), name, NULL));
  settle ();
}

/* The newest point is 2 % of the range from the right edge, also when more come. */
static void
test_follow (Fixture *fixture, gconstpointer data)
{
  for (int i = 0; i < 3; i++)
    {
      double newest = (double) kx_series_get_length (fixture->series[0]) - 1;
      g_assert_cmpfloat_with_epsilon (range (fixture).high, newest * 1.02, 1e-6);
      g_assert_cmpfloat (range (fixture).low, ==, 0);
      grow (fixture, 100);
      settle ();
    }
  act (fixture, "chart.zoom-in");
  double size = range (fixture).high - range (fixture).low;
  g_assert_cmpfloat (size, <, 1000);
  g_assert_true (kx_chart_view_get_follow (fixture->view));
  grow (fixture, 100);
  settle ();
  g_assert_cmpfloat_with_epsilon (range (fixture).high - range (fixture).low, size, 1e-6);
  g_assert_cmpfloat_with_epsilon (range (fixture).high - 0.02 * size, 1399, 1e-6);
}

/* Moving the newest point out of sight ends following; a button appears that brings it back. */
static void
test_leave (Fixture *fixture, gconstpointer data)
{
  act (fixture, "chart.zoom-in");
  act (fixture, "chart.pan-left");
  g_assert_false (kx_chart_view_get_follow (fixture->view));
  g_assert_true (shows (GTK_WIDGET (fixture->loss), "Follow"));
  KxAxis before = range (fixture);
  grow (fixture, 300);
  settle ();
  g_assert_cmpfloat (range (fixture).low, ==, before.low);
  g_assert_cmpfloat (range (fixture).high, ==, before.high);
  act (fixture, "chart.show-newest");
  g_assert_true (kx_chart_view_get_follow (fixture->view));
  g_assert_false (shows (GTK_WIDGET (fixture->loss), "Follow"));
  g_assert_cmpfloat (range (fixture).high, >, 1299);
}

/* There is nothing to see beyond the newest point: all stays in sight while it grows. */
static void
test_edge (Fixture *fixture, gconstpointer data)
{
  KxAxis before = range (fixture);

  act (fixture, "chart.pan-right");
  g_assert_cmpfloat_with_epsilon (range (fixture).high, before.high, 1e-6);
  grow (fixture, 100);
  settle ();
  g_assert_cmpfloat (range (fixture).low, ==, 0);
  act (fixture, "chart.zoom-in");
  before = range (fixture);
  act (fixture, "chart.pan-right");
  g_assert_cmpfloat_with_epsilon (range (fixture).high, before.high, 1e-6);
  g_assert_true (kx_chart_view_get_follow (fixture->view));
}

/* Of linked charts one is enough to have the button. */
static void
test_offer (Fixture *fixture, gconstpointer data)
{
  kx_chart_set_offers_follow (fixture->accuracy, FALSE);
  act (fixture, "chart.zoom-in");
  act (fixture, "chart.pan-left");
  g_assert_true (shows (GTK_WIDGET (fixture->loss), "Follow"));
  g_assert_false (shows (GTK_WIDGET (fixture->accuracy), "Follow"));
}

/* The head is about the curve that is selected; without a colour of its own it is no grey line. */
static void
test_selected (Fixture *fixture, gconstpointer data)
{
  g_autoptr (KxSeries) series = kx_series_new ();
  KxLineLayer *line = kx_chart_add_line (fixture->loss, series, "run 9", 8, KX_LINE_THIN);
  const KxTheme *theme = plot_of (fixture->loss)->theme;
  GdkRGBA grey = kx_line_layer_get_colour (line, theme);

  kx_series_append (series, 1200, 7);
  settle ();
  g_assert_true (shows (GTK_WIDGET (fixture->loss), "step 999 · *"));
  kx_line_layer_set_selected (line, TRUE);
  settle ();
  g_assert_true (shows (GTK_WIDGET (fixture->loss), "step 1,200 · 7.00 (7.00)"));
  GdkRGBA colour = kx_line_layer_get_colour (line, theme);
  g_assert_false (gdk_rgba_equal (&colour, &grey));
  kx_line_layer_set_visible (line, FALSE);
  settle ();
  g_assert_true (shows (GTK_WIDGET (fixture->loss), "step 999 · *"));
}

static void
test_note (Fixture *fixture, gconstpointer data)
{
  kx_chart_set_note (fixture->loss, "Compiling kernels");
  settle ();
  g_assert_true (shows (GTK_WIDGET (fixture->loss), "Compiling kernels"));
  kx_chart_set_note (fixture->loss, NULL);
  settle ();
  g_assert_false (shows (GTK_WIDGET (fixture->loss), "Compiling kernels"));
}

static void
test_zoom (Fixture *fixture, gconstpointer data)
{
  KxAxis before = range (fixture);

  act (fixture, "chart.zoom-in");
  act (fixture, "chart.zoom-in");
  g_assert_cmpfloat_with_epsilon (
      (before.high - before.low) / (range (fixture).high - range (fixture).low), 2.25, 0.01);
  act (fixture, "chart.zoom-out");
  act (fixture, "chart.zoom-out");
  act (fixture, "chart.zoom-out");
  g_assert_cmpfloat (range (fixture).high, ==, before.high); /* there is no more to see */
  act (fixture, "chart.zoom-in");
  act (fixture, "chart.fit");
  g_assert_cmpfloat (range (fixture).low, ==, 0);
  g_assert_cmpfloat (range (fixture).high, ==, before.high);
}

/* The crosshair goes from point to point, in all charts, and the heads tell the values. */
static void
test_crosshair (Fixture *fixture, gconstpointer data)
{
  act (fixture, "chart.crosshair-previous");
  g_assert_cmpfloat (kx_chart_view_get_crosshair (fixture->view), ==, 999);
  act (fixture, "chart.crosshair-previous");
  g_assert_cmpfloat (kx_chart_view_get_crosshair (fixture->view), ==, 998);
  g_assert_true (shows (GTK_WIDGET (fixture->loss), "step 998 · *(*)"));
  g_assert_true (shows (GTK_WIDGET (fixture->accuracy), "step 998 · *(*)"));
  act (fixture, "chart.crosshair-next");
  act (fixture, "chart.crosshair-next");
  g_assert_cmpfloat (kx_chart_view_get_crosshair (fixture->view), ==, 999);
  /* It comes into sight where it is not. */
  kx_chart_view_set_range (fixture->view, 100, 200);
  kx_chart_view_set_crosshair (fixture->view, 200);
  act (fixture, "chart.crosshair-next");
  g_assert_cmpfloat (range (fixture).high, >, 201);
  kx_chart_view_set_crosshair (fixture->view, NAN);
  settle ();
  g_assert_true (shows (GTK_WIDGET (fixture->loss), "step 999 · *"));
}

static void
test_log (Fixture *fixture, gconstpointer data)
{
  gboolean on;

  act (fixture, "chart.log-y");
  g_object_get (fixture->loss, "log-y", &on, NULL);
  g_assert_true (on);
  g_assert_cmpint (plot_of (fixture->loss)->y.scale, ==, KX_SCALE_LOG);
  g_assert_cmpint (plot_of (fixture->accuracy)->y.scale, ==, KX_SCALE_LINEAR);
  act (fixture, "chart.log-x");
  g_assert_true (kx_chart_view_get_log_x (fixture->view));
  g_assert_cmpfloat (range (fixture).low, ==, 1); /* where logarithmic steps begin */
  g_assert_cmpint (plot_of (fixture->accuracy)->x.scale, ==, KX_SCALE_LOG);
  act (fixture, "chart.log-x");
  g_assert_cmpfloat (range (fixture).low, ==, 0);
}

/* What cannot be shown is told. */
static void
test_footnote (Fixture *fixture, gconstpointer data)
{
  for (int i = 0; i < 3; i++)
    kx_series_append (fixture->series[0], 1000 + i, -1);
  kx_series_append (fixture->series[1], 1000, NAN);
  settle ();
  g_assert_true (shows (GTK_WIDGET (fixture->loss), "1 value is not finite"));
  act (fixture, "chart.log-y");
  g_assert_true (shows (GTK_WIDGET (fixture->loss), "3 values ≤ 0 hidden · 1 value*"));
}

/* A legend's button hides a curve: it is not read, and y does not reach to it. */
static void
test_legend (Fixture *fixture, gconstpointer data)
{
  GtkWidget *button = find_child (GTK_WIDGET (fixture->loss), GTK_TYPE_TOGGLE_BUTTON);

  for (int i = 0; i < 50; i++)
    kx_series_append (fixture->series[0], 1000 + i, 50);
  settle ();
  g_assert_cmpfloat (plot_of (fixture->loss)->y.high, >, 40);
  g_assert_true (gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (button)));
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (button), FALSE);
  settle ();
  g_assert_false (kx_line_layer_get_visible (fixture->line[0]));
  g_assert_cmpfloat (plot_of (fixture->loss)->y.high, <, 10);
  g_assert_true (shows (GTK_WIDGET (fixture->loss), "step 999 · *"));
  /* One curve alone needs no legend. */
  button = find_child (GTK_WIDGET (fixture->accuracy), GTK_TYPE_TOGGLE_BUTTON);
  g_assert_false (gtk_widget_get_mapped (button));
}

static void
test_dark (Fixture *fixture, gconstpointer data)
{
  AdwStyleManager *style = adw_style_manager_get_default ();

  adw_style_manager_set_color_scheme (style, ADW_COLOR_SCHEME_FORCE_DARK);
  settle ();
  g_assert_true (plot_of (fixture->loss)->theme->dark);
  adw_style_manager_set_color_scheme (style, ADW_COLOR_SCHEME_FORCE_LIGHT);
  settle ();
  g_assert_false (plot_of (fixture->loss)->theme->dark);
}

static void
test_controls (Fixture *fixture, gconstpointer data)
{
  GtkWidget *controls = kx_chart_controls_new (fixture->loss, NULL);

  kx_chart_set_head_extra (fixture->loss, controls);
  settle ();
  GtkRange *scale = GTK_RANGE (find_child (controls, GTK_TYPE_SCALE));
  gtk_range_set_value (scale, 2);
  g_assert_cmpfloat_with_epsilon (kx_chart_view_get_smoothing (fixture->view), 0.99, 1e-9);
  kx_chart_view_set_smoothing (fixture->view, 0.9);
  g_assert_cmpfloat_with_epsilon (gtk_range_get_value (scale), 1, 1e-9);
  GtkDropDown *unit = GTK_DROP_DOWN (find_child (controls, GTK_TYPE_DROP_DOWN));
  gtk_drop_down_set_selected (unit, KX_UNIT_TIME);
  settle ();
  g_assert_cmpint (kx_chart_view_get_unit (fixture->view), ==, KX_UNIT_TIME);
  gtk_drop_down_set_selected (unit, KX_UNIT_STEP);
  settle ();
  g_assert_cmpfloat_with_epsilon (range (fixture).high, 999 * 1.02, 1e-6);
}

/* A chart that is not on the screen costs nothing, and catches up when it is. */
static void
test_unmapped (Fixture *fixture, gconstpointer data)
{
  gtk_widget_set_visible (GTK_WIDGET (fixture->loss), FALSE);
  gtk_widget_set_visible (GTK_WIDGET (fixture->accuracy), FALSE);
  settle ();
  grow (fixture, 500);
  settle ();
  g_assert_cmpfloat_with_epsilon (range (fixture).high, 999 * 1.02, 1e-6);
  gtk_widget_set_visible (GTK_WIDGET (fixture->loss), TRUE);
  settle ();
  g_assert_cmpfloat_with_epsilon (range (fixture).high, 1499 * 1.02, 1e-6);
}

static void
take_result (GObject *source, GAsyncResult *result, gpointer place)
{
  *(GAsyncResult **) place = g_object_ref (result);
}

static gboolean
try_to_save (Fixture *fixture, const char *path, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  kx_chart_save_async (fixture->loss, path, take_result, &result);
  while (!result)
    g_main_context_iteration (NULL, TRUE);
  return kx_export_finish (result, error);
}

static char *
save (Fixture *fixture, const char *folder, const char *name, gsize *length)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;
  char *contents;

  try_to_save (fixture, path, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (path, &contents, length, NULL));
  g_remove (path);
  return contents;
}

static void
test_save (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = g_dir_make_tmp ("kolinsky-chart-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  gsize length;
  GtkWidget *area = find_child (GTK_WIDGET (fixture->loss), KX_TYPE_CHART_AREA);

  g_autofree char *csv = save (fixture, folder, "loss.csv", &length);
  g_auto (GStrv) lines = g_strsplit (csv, "\n", -1);
  g_assert_cmpstr (lines[0], ==, "step,run 1,run 2");
  g_assert_cmpuint (g_strv_length (lines), ==, 1002);

  g_autofree char *svg = save (fixture, folder, "loss.svg", &length);
  g_assert_nonnull (g_strstr_len (svg, (gssize) length, "<svg"));
  g_assert_null (g_strstr_len (svg, (gssize) length, "<image")); /* a drawing, no pixels */

  g_autofree char *png = save (fixture, folder, "loss.PNG", &length);
  g_assert_cmpmem (png, 8, "\x89PNG\r\n\x1a\n", 8);
  guint32 width;
  memcpy (&width, png + 16, 4);
  g_assert_cmpuint (GUINT32_FROM_BE (width), ==, 2 * (guint) gtk_widget_get_width (area));

  g_assert_false (try_to_save (fixture, "loss.pdf", &error));
  g_assert_nonnull (strstr (error->message, ".png, .svg or .csv"));
  g_clear_error (&error);
  g_assert_false (try_to_save (fixture, "/nowhere/at/all.png", &error));
  g_assert_nonnull (strstr (error->message, "/nowhere/at/all.png"));
  g_rmdir (folder);
}

/* Keys as a person types them, by xdotool. */
static void
press (const char *key)
{
  const char *arguments[] = { "xdotool", "key", "--clearmodifiers", key, NULL };

  g_assert_true (g_spawn_sync (NULL, (char **) arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                               NULL, NULL, NULL, NULL));
  settle ();
}

static void
test_keys (Fixture *fixture, gconstpointer data)
{
  g_autofree char *xdotool = g_find_program_in_path ("xdotool");

  if (!xdotool)
    {
      g_test_skip ("xdotool is not installed");
      return;
    }
  KxAxis before = range (fixture);
  press ("plus");
  g_assert_cmpfloat (range (fixture).low, >, before.low);
  press ("Left");
  g_assert_false (kx_chart_view_get_follow (fixture->view));
  press ("End");
  g_assert_true (kx_chart_view_get_follow (fixture->view));
  press ("0");
  g_assert_cmpfloat (range (fixture).low, ==, before.low);
  press ("l");
  g_assert_true (kx_chart_get_log_y (fixture->loss));
  press ("x");
  g_assert_true (kx_chart_view_get_log_x (fixture->view));
  press ("x");
  press ("bracketleft");
  g_assert_false (isnan (kx_chart_view_get_crosshair (fixture->view)));
  press ("Up");
  double low = plot_of (fixture->loss)->y.low;
  press ("Down");
  g_assert_cmpfloat (plot_of (fixture->loss)->y.low, !=, low);
}

static void
on_checkpoint (KxChart *chart, double step, gpointer data)
{
  *(double *) data = step;
}

/* The pointer, by xdotool: a drag pans, a wheel with Ctrl zooms, a circle is clicked. */
static void
test_pointer (Fixture *fixture, gconstpointer data)
{
  g_autofree char *xdotool = g_find_program_in_path ("xdotool"), *command = NULL;
  g_autoptr (KxMarkLayer) marks = kx_mark_layer_new ();
  double x, y, clicked = NAN;
  GtkWidget *area = find_child (GTK_WIDGET (fixture->loss), KX_TYPE_CHART_AREA);

  if (!xdotool)
    {
      g_test_skip ("xdotool is not installed");
      return;
    }
  kx_mark_layer_add_checkpoint (marks, 500, FALSE);
  kx_chart_add_layer (fixture->loss, KX_LAYER (marks));
  g_signal_connect (fixture->loss, "checkpoint-activated", G_CALLBACK (on_checkpoint), &clicked);
  settle ();
  /* Without a window manager the window is in the corner; its shadow may be around it. */
  double native_x, native_y;
  gtk_native_get_surface_transform (GTK_NATIVE (fixture->window), &native_x, &native_y);
  gtk_widget_translate_coordinates (area, fixture->window, 0, 0, &x, &y);
  x += native_x;
  y += native_y;
  const KxPlot *plot = plot_of (fixture->loss);
  int circle_x = (int) (x + kx_plot_x (plot, 500));
  int circle_y = (int) (y + plot->box.origin.y + plot->box.size.height);
  int middle = circle_y - (int) plot->box.size.height / 2;

  command = g_strdup_printf ("xdotool mousemove %d %d", circle_x, middle);
  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
  settle ();
  g_assert_cmpfloat_with_epsilon (kx_chart_view_get_crosshair (fixture->view), 500, 3);

  g_free (command);
  command = g_strdup_printf ("xdotool mousemove %d %d click 1", circle_x, circle_y);
  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
  settle ();
  g_assert_cmpfloat (clicked, ==, 500);

  KxAxis before = range (fixture);
  g_free (command);
  command = g_strdup_printf ("xdotool mousemove %d %d keydown ctrl click 4 click 4 keyup ctrl",
                             circle_x, middle);
  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
  settle ();
  KxAxis after = range (fixture);
  g_assert_cmpfloat_with_epsilon ((before.high - before.low) / (after.high - after.low), 1.44,
                                  0.02);
  g_assert_cmpfloat_with_epsilon (kx_axis_position (&after, 500), kx_axis_position (&before, 500),
                                  0.01);

  g_free (command);
  command = g_strdup_printf ("xdotool mousemove %d %d click 4", circle_x, middle);
  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
  settle ();
  g_assert_cmpfloat (range (fixture).low, ==, after.low); /* a plain wheel is the page's */

  g_free (command);
  command = g_strdup_printf ("xdotool mousemove %d %d mousedown 1 mousemove_relative 30 0 "
                             "mousemove_relative 30 0 mouseup 1",
                             circle_x, middle);
  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
  settle ();
  g_assert_cmpfloat (range (fixture).low, <, after.low - 10);

  g_free (command);
  command = g_strdup_printf ("xdotool mousemove %d %d click --repeat 2 --delay 30 1", circle_x + 40,
                             middle);
  /* On a busy machine the two may come too far apart to be a double click. */
  for (int try = 0; try < 5 && range (fixture).low != 0; try++)
    {
      g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
      settle ();
    }
  g_assert_cmpfloat (range (fixture).low, ==, 0); /* a double click fits */
}

/* The tooltip of marks that are one lists them, at the triangle and at the text beside it. */
static void
test_marks (Fixture *fixture, gconstpointer data)
{
  KxMarkLayer *marks = kx_mark_layer_new ();
  static const struct {
    double right;
    gboolean listed;
  } places[] = { { -20, FALSE }, { -5, TRUE }, { 0, TRUE }, { 30, TRUE }, { 200, FALSE } };

  kx_mark_layer_add (marks, 500, "1e-3 > 3e-4");
  kx_mark_layer_add (marks, 501, "3e-4 > 1e-4");
  kx_mark_layer_add (marks, 501, "batch 50 > 100");
  kx_chart_add_layer (fixture->loss, KX_LAYER (marks));
  settle ();
  const KxPlot *plot = plot_of (fixture->loss);
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    {
      g_autofree char *text = kx_mark_layer_describe (
          marks, plot, kx_plot_x (plot, 500) + places[i].right, plot->box.origin.y - 8);

      g_assert_cmpstr (text, ==,
                       places[i].listed ? "1e-3 > 3e-4 (step 500)\n3e-4 > 1e-4 (step 501)\n"
                                          "batch 50 > 100 (step 501)"
                                        : NULL);
    }
}

/* A click on the triangle of marks that are one shows them apart; one step's stay one. */
static void
test_click_on_marks (Fixture *fixture, gconstpointer data)
{
  g_autofree char *xdotool = g_find_program_in_path ("xdotool"), *command = NULL;
  KxMarkLayer *marks = kx_mark_layer_new ();
  GtkWidget *area = find_child (GTK_WIDGET (fixture->loss), KX_TYPE_CHART_AREA);
  double x, y, native_x, native_y, low, high;

  kx_mark_layer_add (marks, 500, "1e-3 > 3e-4");
  kx_mark_layer_add (marks, 503, "3e-4 > 1e-4");
  kx_mark_layer_add (marks, 800, "1e-4 > 3e-5");
  kx_mark_layer_add (marks, 800, "batch 50 > 100");
  kx_chart_add_layer (fixture->loss, KX_LAYER (marks));
  settle ();
  const KxPlot *plot = plot_of (fixture->loss);
  double top = plot->box.origin.y;
  g_assert_false (
      kx_mark_layer_find_changes (marks, plot, kx_plot_x (plot, 800), top - 4, &low, &high));
  g_assert_false (
      kx_mark_layer_find_changes (marks, plot, kx_plot_x (plot, 500), top + 40, &low, &high));
  g_assert_true (
      kx_mark_layer_find_changes (marks, plot, kx_plot_x (plot, 500), top - 4, &low, &high));
  g_assert_cmpfloat_with_epsilon (low, 497, 0.1);
  g_assert_cmpfloat_with_epsilon (high, 506, 0.1);
  if (!xdotool)
    {
      g_test_skip ("xdotool is not installed");
      return;
    }
  gtk_native_get_surface_transform (GTK_NATIVE (fixture->window), &native_x, &native_y);
  gtk_widget_translate_coordinates (area, fixture->window, 0, 0, &x, &y);
  command = g_strdup_printf ("xdotool mousemove %d %d click 1",
                             (int) (native_x + x + kx_plot_x (plot, 500)),
                             (int) (native_y + y + top - 4));
  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
  settle ();
  g_assert_cmpfloat_with_epsilon (range (fixture).low, 497, 0.1);
  g_assert_cmpfloat_with_epsilon (range (fixture).high, 506, 0.1);
}

/* A box drawn with Shift becomes what is seen, of x and of y. */
static void
test_box (Fixture *fixture, gconstpointer data)
{
  g_autofree char *xdotool = g_find_program_in_path ("xdotool"), *command = NULL;
  GtkWidget *area = find_child (GTK_WIDGET (fixture->loss), KX_TYPE_CHART_AREA);
  double x, y, native_x, native_y;

  if (!xdotool)
    {
      g_test_skip ("xdotool is not installed");
      return;
    }
  gtk_native_get_surface_transform (GTK_NATIVE (fixture->window), &native_x, &native_y);
  gtk_widget_translate_coordinates (area, fixture->window, 0, 0, &x, &y);
  const KxPlot *plot = plot_of (fixture->loss);
  KxAxis before_x = plot->x, before_y = plot->y;
  int left = (int) (x + native_x + plot->box.origin.x) + 100;
  int top = (int) (y + native_y + plot->box.origin.y) + 20;
  command = g_strdup_printf ("xdotool mousemove %d %d keydown shift mousedown 1 mousemove_relative "
                             "50 30 mousemove_relative 50 10 mouseup 1 keyup shift",
                             left, top);
  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
  settle ();
  plot = plot_of (fixture->loss);
  g_assert_cmpfloat_with_epsilon (kx_axis_position (&before_x, plot->x.low), 100, 2);
  g_assert_cmpfloat_with_epsilon (kx_axis_position (&before_x, plot->x.high), 200, 2);
  g_assert_cmpfloat_with_epsilon (before_y.length - kx_axis_position (&before_y, plot->y.high), 20,
                                  2);
  g_assert_cmpfloat_with_epsilon (before_y.length - kx_axis_position (&before_y, plot->y.low), 60,
                                  2);
  /* y stays as it was chosen while x moves, until it is released. */
  double chosen = plot->y.low;
  act (fixture, "chart.pan-right");
  g_assert_cmpfloat (plot_of (fixture->loss)->y.low, ==, chosen);
  act (fixture, "chart.show-newest");
  g_assert_cmpfloat (plot_of (fixture->loss)->y.low, !=, chosen);
}

int
main (int argc, char *argv[])
{
  static const struct {
    const char *path;
    void (*func) (Fixture *, gconstpointer);
  } tests[] = { { "follow", test_follow },     { "leave", test_leave },
                { "edge", test_edge },         { "offer", test_offer },
                { "note", test_note },         { "selected", test_selected },
                { "zoom", test_zoom },         { "crosshair", test_crosshair },
                { "log", test_log },           { "footnote", test_footnote },
                { "legend", test_legend },     { "dark", test_dark },
                { "controls", test_controls }, { "unmapped", test_unmapped },
                { "save", test_save },         { "keys", test_keys },
                { "pointer", test_pointer },   { "box", test_box },
                { "marks", test_marks },       { "click-on-marks", test_click_on_marks } };

  g_test_init (&argc, &argv, NULL);
  adw_init ();
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/ui/chart/widget/", tests[i].path, NULL);
      g_test_add (path, Fixture, NULL, set_up, tests[i].func, tear_down);
    }
  return g_test_run ();
}
