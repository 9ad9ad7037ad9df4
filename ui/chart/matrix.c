/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "matrix.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "axis.h"
#include "style.h"

#define MOST_LISTED 50

/* ── A cell ── */

#define KX_TYPE_MATRIX_CELL (kx_matrix_cell_get_type ())
G_DECLARE_FINAL_TYPE (KxMatrixCell, kx_matrix_cell, KX, MATRIX_CELL, GtkButton)

struct _KxMatrixCell {
  GtkButton parent_instance;
  guint actual, predicted;
  double share; /* of the examples of @actual */
};

G_DEFINE_FINAL_TYPE (KxMatrixCell, kx_matrix_cell, GTK_TYPE_BUTTON)

/*
 * What is right is blue, what is wrong is orange; the root makes few mistakes visible beside
 * thousands that are right. The number tells the same without colour.
 */
static void
kx_matrix_cell_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  KxMatrixCell *self = KX_MATRIX_CELL (widget);
  GdkRGBA colour
      = kx_palette_colour (kx_theme_get_current (), self->actual == self->predicted ? 0 : 1);
  double width = gtk_widget_get_width (widget), height = gtk_widget_get_height (widget);

  if (self->share > 0)
    {
      double strength = self->actual == self->predicted ? 0.45 * self->share : sqrt (self->share);
      colour.alpha = (float) MIN (0.08 + 0.6 * strength, 0.6);
      gtk_snapshot_append_color (snapshot, &colour,
                                 &GRAPHENE_RECT_INIT (1, 1, width - 2, height - 2));
    }
  GTK_WIDGET_CLASS (kx_matrix_cell_parent_class)->snapshot (widget, snapshot);
}

static void
kx_matrix_cell_class_init (KxMatrixCellClass *klass)
{
  GTK_WIDGET_CLASS (klass)->snapshot = kx_matrix_cell_snapshot;
}

static void
kx_matrix_cell_init (KxMatrixCell *self)
{
  gtk_widget_add_css_class (GTK_WIDGET (self), "numeric");
  gtk_widget_add_css_class (GTK_WIDGET (self), "caption");
}

/* ── The matrix ── */

struct _KxMatrix {
  GtkWidget parent_instance;
  GtkWidget *child; /* a grid or a list */
  char **labels;
  guint n;
  GPtrArray *cells;  /* of KxMatrixCell, row by row; of a list, in its order */
  GPtrArray *shares; /* of GtkLabel, per class */
};

G_DEFINE_FINAL_TYPE (KxMatrix, kx_matrix, GTK_TYPE_WIDGET)

enum {
  CELL_ACTIVATED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
on_clicked (KxMatrixCell *cell, gpointer data)
{
  g_signal_emit (data, signals[CELL_ACTIVATED], 0, cell->actual, cell->predicted);
}

static GtkWidget *
make_cell (KxMatrix *self, guint actual, guint predicted)
{
  KxMatrixCell *cell = g_object_new (KX_TYPE_MATRIX_CELL, NULL);

  cell->actual = actual;
  cell->predicted = predicted;
  g_signal_connect (cell, "clicked", G_CALLBACK (on_clicked), self);
  g_ptr_array_add (self->cells, cell);
  return GTK_WIDGET (cell);
}

/* "4 taken for 9: 12", or "4 known: 980": its name for who cannot see where it is. */
static char *
describe (KxMatrix *self, guint actual, guint predicted, guint count)
{
  g_autofree char *number = kx_format_count (count);

  if (actual == predicted)
    return g_strdup_printf (_ ("%s known: %s"), self->labels[actual], number);
  return g_strdup_printf (_ ("%s taken for %s: %s"), self->labels[actual], self->labels[predicted],
                          number);
}

static GtkWidget *
make_label (const char *text, const char *class, double align)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_widget_add_css_class (label, "caption");
  if (class)
    gtk_widget_add_css_class (label, class);
  gtk_label_set_xalign (GTK_LABEL (label), (float) align);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 12);
  if (strlen (text) > 3)
    gtk_widget_set_tooltip_text (label, text);
  return label;
}

static void
build_grid (KxMatrix *self)
{
  g_autoptr (GtkSizeGroup) width = gtk_size_group_new (GTK_SIZE_GROUP_HORIZONTAL);
  GtkGrid *grid = GTK_GRID (gtk_grid_new ());
  int n = (int) self->n;
  GtkWidget *above = make_label (_ ("taken for"), "dim-label", 0.5f);
  GtkWidget *corner = make_label (_ ("shown"), "dim-label", 1),
            *right = make_label (_ ("right"), "dim-label", 1);

  gtk_grid_attach (grid, above, 1, 0, n, 1);
  gtk_grid_attach (grid, corner, 0, 1, 1, 1);
  gtk_grid_attach (grid, right, n + 1, 1, 1, 1);
  gtk_widget_set_margin_end (corner, 6);
  for (int i = 0; i < n; i++)
    {
      GtkWidget *share = make_label ("", "numeric", 1);
      gtk_widget_set_margin_start (share, 6);
      gtk_widget_set_direction (share, GTK_TEXT_DIR_LTR); /* else "97.0 %" is turned about */
      gtk_grid_attach (grid, make_label (self->labels[i], NULL, 0.5), i + 1, 1, 1, 1);
      GtkWidget *name = make_label (self->labels[i], NULL, 1);
      gtk_widget_set_margin_end (name, 6);
      gtk_grid_attach (grid, name, 0, i + 2, 1, 1);
      for (int k = 0; k < n; k++)
        {
          GtkWidget *cell = make_cell (self, (guint) i, (guint) k);
          gtk_widget_set_hexpand (cell, TRUE);
          gtk_size_group_add_widget (width, cell);
          gtk_grid_attach (grid, cell, k + 1, i + 2, 1, 1);
        }
      gtk_grid_attach (grid, share, n + 1, i + 2, 1, 1);
      g_ptr_array_add (self->shares, share);
    }
  self->child = GTK_WIDGET (grid);
  gtk_widget_set_parent (self->child, GTK_WIDGET (self));
}

static void
build_list (KxMatrix *self)
{
  self->child = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);
  for (int i = 0; i < MOST_LISTED; i++)
    {
      GtkWidget *cell = make_cell (self, 0, 0);
      gtk_widget_set_halign (cell, GTK_ALIGN_START);
      gtk_box_append (GTK_BOX (self->child), cell);
    }
  gtk_widget_set_parent (self->child, GTK_WIDGET (self));
}

static gboolean
same_labels (KxMatrix *self, const char *const *labels, guint n)
{
  if (!self->labels || n != self->n)
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (!g_str_equal (self->labels[i], labels[i]))
      return FALSE;
  return TRUE;
}

/* A row for each class, the last column its share that is right. */
static void
fill_grid (KxMatrix *self, const guint *counts)
{
  for (guint i = 0; i < self->n; i++)
    {
      double total = 0;
      for (guint k = 0; k < self->n; k++)
        total += counts[i * self->n + k];
      for (guint k = 0; k < self->n; k++)
        {
          KxMatrixCell *cell = self->cells->pdata[i * self->n + k];
          guint count = counts[i * self->n + k];
          g_autofree char *text = count > 0 ? kx_format_count (count) : g_strdup ("");
          g_autofree char *name = describe (self, i, k, count);
          cell->share = total > 0 ? count / total : 0;
          gtk_button_set_label (GTK_BUTTON (cell), text);
          gtk_widget_set_tooltip_text (GTK_WIDGET (cell), name);
          gtk_accessible_update_property (GTK_ACCESSIBLE (cell), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                          name, -1);
          gtk_widget_queue_draw (GTK_WIDGET (cell));
        }
      g_autofree char *share
          = total > 0 ? g_strdup_printf ("%.1f %%", 100 * counts[i * self->n + i] / total)
                      : g_strdup ("–");
      gtk_label_set_text (self->shares->pdata[i], share);
    }
}

typedef struct {
  guint actual, predicted, count;
} Pair;

static int
compare_pairs (gconstpointer a, gconstpointer b)
{
  const Pair *one = a, *other = b;

  return (one->count < other->count) - (one->count > other->count);
}

static void
fill_list (KxMatrix *self, const guint *counts)
{
  g_autoptr (GArray) pairs = g_array_new (FALSE, FALSE, sizeof (Pair));

  for (guint i = 0; i < self->n; i++)
    for (guint k = 0; k < self->n; k++)
      {
        Pair pair = { i, k, counts[(gsize) i * self->n + k] };
        if (i != k && pair.count > 0)
          g_array_append_val (pairs, pair);
      }
  g_array_sort (pairs, compare_pairs);
  for (guint i = 0; i < self->cells->len; i++)
    {
      KxMatrixCell *cell = self->cells->pdata[i];
      gtk_widget_set_visible (GTK_WIDGET (cell), i < pairs->len);
      if (i >= pairs->len)
        continue;
      const Pair *pair = &g_array_index (pairs, Pair, i);
      g_autofree char *text = describe (self, pair->actual, pair->predicted, pair->count);
      cell->actual = pair->actual;
      cell->predicted = pair->predicted;
      gtk_button_set_label (GTK_BUTTON (cell), text);
    }
}

static void
on_theme_changed (KxMatrix *self)
{
  for (guint i = 0; i < self->cells->len; i++)
    gtk_widget_queue_draw (self->cells->pdata[i]);
}

static void
kx_matrix_dispose (GObject *object)
{
  KxMatrix *self = KX_MATRIX (object);

  kx_matrix_clear (self);
  g_clear_pointer (&self->cells, g_ptr_array_unref);
  g_clear_pointer (&self->shares, g_ptr_array_unref);
  G_OBJECT_CLASS (kx_matrix_parent_class)->dispose (object);
}

static void
kx_matrix_class_init (KxMatrixClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_matrix_dispose;
  /**
   * KxMatrix::cell-activated:
   * @actual: the class of the examples
   * @predicted: for what they were taken
   *
   * A cell was clicked.
   */
  signals[CELL_ACTIVATED]
      = g_signal_new ("cell-activated", KX_TYPE_MATRIX, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                      G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_UINT);
  kx_chart_load_style ();
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (widget_class, "matrix");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
kx_matrix_init (KxMatrix *self)
{
  self->cells = g_ptr_array_new ();
  self->shares = g_ptr_array_new ();
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Confusion matrix"), -1);
  kx_theme_connect (self, G_CALLBACK (on_theme_changed));
}

/**
 * kx_matrix_new:
 *
 * Returns: (transfer floating): a matrix without cells
 */
GtkWidget *
kx_matrix_new (void)
{
  return g_object_new (KX_TYPE_MATRIX, NULL);
}

/**
 * kx_matrix_set_counts:
 * @matrix: a matrix
 * @labels: [@n], of the classes
 * @n: how many classes
 * @counts: [@n, @n]: of the examples of a class (row), how many were taken for which (column)
 *
 * Shows counts. While the classes stay, so do the cells, and with them the focus.
 */
void
kx_matrix_set_counts (KxMatrix *self, const char *const *labels, guint n, const guint *counts)
{
  if (!same_labels (self, labels, n))
    {
      kx_matrix_clear (self);
      self->labels = g_new0 (char *, n + 1);
      for (guint i = 0; i < n; i++)
        self->labels[i] = g_strdup (labels[i]);
      self->n = n;
      (n <= KX_MATRIX_MOST ? build_grid : build_list) (self);
    }
  (n <= KX_MATRIX_MOST ? fill_grid : fill_list) (self, counts);
}

/**
 * kx_matrix_clear:
 * @matrix: a matrix
 *
 * Removes all cells.
 */
void
kx_matrix_clear (KxMatrix *self)
{
  g_clear_pointer (&self->child, gtk_widget_unparent);
  g_clear_pointer (&self->labels, g_strfreev);
  self->n = 0;
  g_ptr_array_set_size (self->cells, 0);
  g_ptr_array_set_size (self->shares, 0);
}
