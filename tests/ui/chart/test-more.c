/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Matrix, histogram, scatter: what they hold, tell and answer. */

#include "chart/histogram.h"
#include "chart/matrix.h"
#include "chart/scatter.h"

#include <adwaita.h>
#include <math.h>

static GtkWidget *window;

static void
settle (void)
{
  gint64 end = g_get_monotonic_time () + G_USEC_PER_SEC / 5;

  while (g_get_monotonic_time () < end)
    {
      while (g_main_context_iteration (NULL, FALSE))
        ;
      g_usleep (2000);
    }
}

static void
show (GtkWidget *widget)
{
  window = gtk_window_new ();
  gtk_window_set_child (GTK_WINDOW (window), widget);
  gtk_window_set_default_size (GTK_WINDOW (window), 500, 400);
  gtk_window_present (GTK_WINDOW (window));
  settle ();
}

static void
close_window (void)
{
  gtk_window_destroy (GTK_WINDOW (window));
  settle ();
}

/* The button with such a tooltip, which is its accessible name, too. */
static GtkWidget *
find_cell (GtkWidget *parent, const char *name)
{
  const char *text = gtk_widget_get_tooltip_text (parent);

  if (GTK_IS_BUTTON (parent) && g_strcmp0 (text, name) == 0)
    return parent;
  for (GtkWidget *child = gtk_widget_get_first_child (parent); child;
       child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = find_cell (child, name);
      if (found)
        return found;
    }
  return NULL;
}

static gboolean
has_label (GtkWidget *parent, const char *text)
{
  if (GTK_IS_LABEL (parent) && gtk_widget_get_mapped (parent)
      && g_strcmp0 (gtk_label_get_text (GTK_LABEL (parent)), text) == 0)
    return TRUE;
  for (GtkWidget *child = gtk_widget_get_first_child (parent); child;
       child = gtk_widget_get_next_sibling (child))
    if (has_label (child, text))
      return TRUE;
  return FALSE;
}

static void
on_cell (KxMatrix *matrix, guint actual, guint predicted, gpointer data)
{
  *(guint *) data = 100 * actual + predicted;
}

static void
test_matrix (void)
{
  static const char *const labels[] = { "cat", "dog", "fox" };
  const guint counts[] = { 90, 10, 0, 5, 1995, 0, 0, 0, 0 };
  GtkWidget *matrix = kx_matrix_new ();
  guint cell = 0;

  kx_matrix_set_counts (KX_MATRIX (matrix), labels, 3, counts);
  g_signal_connect (matrix, "cell-activated", G_CALLBACK (on_cell), &cell);
  show (matrix);
  GtkWidget *wrong = find_cell (matrix, "dog taken for cat: 5");
  g_assert_nonnull (wrong);
  g_assert_cmpstr (gtk_button_get_label (GTK_BUTTON (wrong)), ==, "5");
  g_assert_nonnull (find_cell (matrix, "dog known: 1,995"));
  g_assert_true (has_label (matrix, "90.0 %"));
  g_assert_true (has_label (matrix, "–")); /* there is no fox */
  g_signal_emit_by_name (wrong, "clicked");
  g_assert_cmpuint (cell, ==, 100);

  /* New counts leave the cells, and the focus, where they are. */
  gtk_widget_grab_focus (wrong);
  kx_matrix_set_counts (KX_MATRIX (matrix), labels, 3, (guint[]){ 9, 1, 0, 7, 3, 0, 0, 0, 2 });
  g_assert_true (find_cell (matrix, "dog taken for cat: 7") == wrong);
  g_assert_true (gtk_widget_has_focus (wrong));
  kx_matrix_clear (KX_MATRIX (matrix));
  g_assert_null (gtk_widget_get_first_child (matrix));
  close_window ();
}

/* Of many classes, a list of what is confused most. */
static void
test_many_classes (void)
{
  const guint n = 300;
  g_autofree guint *counts = g_new0 (guint, n * n);
  g_auto (GStrv) labels = g_new0 (char *, n + 1);
  GtkWidget *matrix = kx_matrix_new ();
  guint cell = 0;

  for (guint i = 0; i < n; i++)
    {
      labels[i] = g_strdup_printf ("class %u", i);
      counts[i * n + i] = 50;
    }
  counts[7 * n + 9] = 12;
  counts[200 * n + 3] = 20;
  kx_matrix_set_counts (KX_MATRIX (matrix), (const char *const *) labels, n, counts);
  g_signal_connect (matrix, "cell-activated", G_CALLBACK (on_cell), &cell);
  show (matrix);
  GtkWidget *list = gtk_widget_get_first_child (matrix);
  GtkWidget *first = gtk_widget_get_first_child (list),
            *second = gtk_widget_get_next_sibling (first);
  g_assert_cmpstr (gtk_button_get_label (GTK_BUTTON (first)), ==,
                   "class 200 taken for class 3: 20");
  g_assert_cmpstr (gtk_button_get_label (GTK_BUTTON (second)), ==, "class 7 taken for class 9: 12");
  g_assert_false (gtk_widget_get_visible (gtk_widget_get_next_sibling (second)));
  g_signal_emit_by_name (first, "clicked");
  g_assert_cmpuint (cell, ==, 100 * 200 + 3);
  close_window ();
}

static void
test_histogram (void)
{
  GtkWidget *histogram = kx_histogram_new ("conv1");
  const float counts[] = { 1, 2, 1 };

  show (histogram);
  for (int step = 0; step < 10000; step++)
    {
      kx_histogram_add (KX_HISTOGRAM (histogram), step, -3, 3, counts, 3);
      g_assert_cmpuint (kx_histogram_get_n (KX_HISTOGRAM (histogram)), <=, 24);
      if (step > 30)
        g_assert_cmpuint (kx_histogram_get_n (KX_HISTOGRAM (histogram)), >=, 12);
    }
  settle ();
  /* Variance: 4 of 16 values of +-2 are 2. */
  g_autofree char *text = g_strdup (gtk_widget_get_tooltip_text (histogram));
  g_assert_cmpstr (text, ==, "Step 9,999: from −3.00 to 3.00, mean 0, standard deviation 1.41");
  /* What makes no sense is left out; an earlier step takes back later ones. */
  kx_histogram_add (KX_HISTOGRAM (histogram), 10000, 1, 1, counts, 3);
  kx_histogram_add (KX_HISTOGRAM (histogram), 10000, NAN, 1, counts, 3);
  const char *same = gtk_widget_get_tooltip_text (histogram);
  g_assert_cmpstr (same, ==, text);
  kx_histogram_add (KX_HISTOGRAM (histogram), 0, -3, 3, counts, 3);
  g_assert_cmpuint (kx_histogram_get_n (KX_HISTOGRAM (histogram)), ==, 1);
  settle ();
  kx_histogram_clear (KX_HISTOGRAM (histogram));
  settle ();
  close_window ();
}

static void
on_point (KxScatter *scatter, guint index, gpointer data)
{
  *(guint *) data = index;
}

static void
test_scatter (void)
{
  GtkWidget *scatter = kx_scatter_new ("learning rate", "accuracy");
  static const double x[] = { 0.01, 0.0001, 0.01, 0.001, NAN };
  static const guint order[] = { 1, 3, 0, 2 };
  guint opened = 99;

  kx_scatter_set_log_x (KX_SCATTER (scatter), TRUE);
  kx_scatter_set_share (KX_SCATTER (scatter), TRUE);
  show (scatter); /* empty */
  for (guint i = 0; i < G_N_ELEMENTS (x); i++)
    g_assert_cmpuint (kx_scatter_add (KX_SCATTER (scatter), x[i], 0.1 * i, "trial"), ==, i);
  settle ();
  g_signal_connect (scatter, "point-activated", G_CALLBACK (on_point), &opened);
  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    {
      g_assert_true (gtk_widget_activate_action (scatter, "scatter.next", NULL));
      g_assert_cmpuint (kx_scatter_get_selected (KX_SCATTER (scatter)), ==, order[i]);
    }
  for (guint i = G_N_ELEMENTS (order) - 1; i > 0; i--)
    {
      g_assert_true (gtk_widget_activate_action (scatter, "scatter.previous", NULL));
      g_assert_cmpuint (kx_scatter_get_selected (KX_SCATTER (scatter)), ==, order[i - 1]);
    }
  g_assert_true (gtk_widget_activate_action (scatter, "scatter.open", NULL));
  g_assert_cmpuint (opened, ==, 1);
  /* What came to nothing can be chosen like others. */
  g_assert_cmpuint (kx_scatter_add (KX_SCATTER (scatter), 0.1, NAN, "diverged"), ==,
                    G_N_ELEMENTS (x));
  settle ();
  kx_scatter_set_selected (KX_SCATTER (scatter), 2);
  g_assert_true (gtk_widget_activate_action (scatter, "scatter.next", NULL));
  g_assert_cmpuint (kx_scatter_get_selected (KX_SCATTER (scatter)), ==, G_N_ELEMENTS (x));
  settle ();
  kx_scatter_clear (KX_SCATTER (scatter));
  g_assert_cmpuint (kx_scatter_get_selected (KX_SCATTER (scatter)), ==, GTK_INVALID_LIST_POSITION);
  settle ();
  close_window ();
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  adw_init ();
  g_test_add_func ("/ui/chart/matrix/cells", test_matrix);
  g_test_add_func ("/ui/chart/matrix/many-classes", test_many_classes);
  g_test_add_func ("/ui/chart/histogram", test_histogram);
  g_test_add_func ("/ui/chart/scatter", test_scatter);
  return g_test_run ();
}
