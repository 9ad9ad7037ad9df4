/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A table of results, which fills as they come. */

#include "table.h"

#include <math.h>
#include <string.h>

#define MOST_COLUMNS 8

/* ── A row ───────────────────────────────────────────────────────────────────────────────────── */

struct _KxTableRow {
  GObject parent_instance;

  char *texts[MOST_COLUMNS];
  double numbers[MOST_COLUMNS]; /* NaN: sorted by its text */
};

G_DEFINE_FINAL_TYPE (KxTableRow, kx_table_row, G_TYPE_OBJECT)

static guint changed; /* the signal */

static void
kx_table_row_finalize (GObject *object)
{
  for (guint i = 0; i < MOST_COLUMNS; i++)
    g_free (KX_TABLE_ROW (object)->texts[i]);
  G_OBJECT_CLASS (kx_table_row_parent_class)->finalize (object);
}

static void
kx_table_row_class_init (KxTableRowClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = kx_table_row_finalize;
  changed = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                          NULL, G_TYPE_NONE, 0);
}

static void
kx_table_row_init (KxTableRow *self)
{
  for (guint i = 0; i < MOST_COLUMNS; i++)
    self->numbers[i] = NAN;
}

/**
 * kx_table_row_set_number:
 * @row: a row
 * @column: from 0
 * @number: by which it is sorted
 * @text: what it says
 */
void
kx_table_row_set_number (KxTableRow *self, guint column, double number, const char *text)
{
  g_return_if_fail (column < MOST_COLUMNS);

  self->numbers[column] = number;
  if (g_strcmp0 (self->texts[column], text) == 0)
    return;
  g_free (self->texts[column]);
  self->texts[column] = g_strdup (text);
  g_signal_emit (self, changed, 0);
}

void
kx_table_row_set_text (KxTableRow *self, guint column, const char *text)
{
  kx_table_row_set_number (self, column, NAN, text);
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

struct _KxTable {
  AdwBin parent_instance;

  GtkColumnView *view;
  GtkWidget *scrolled;
  GtkWidget *empty; /* instead of it, or NULL */
  GListStore *rows;
  GtkMultiSelection *selection;
  guint n;
};

G_DEFINE_FINAL_TYPE (KxTable, kx_table, ADW_TYPE_BIN)

enum {
  SELECTED,
  ACTIVATED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
append_line (GString *text, KxTable *self, const KxTableRow *row)
{
  GListModel *columns = gtk_column_view_get_columns (self->view);

  for (guint i = 0; i < self->n; i++)
    {
      g_autoptr (GtkColumnViewColumn) column = g_list_model_get_item (columns, i);
      const char *cell = row ? row->texts[i] : gtk_column_view_column_get_title (column);

      g_string_append_printf (text, "%s%s", i ? "\t" : "", cell ? cell : "");
    }
  g_string_append_c (text, '\n');
}

/* The rows that are selected, all if none is. */
static void
copy (GtkWidget *widget, const char *name, GVariant *target)
{
  KxTable *self = KX_TABLE (widget);
  GtkSelectionModel *model = GTK_SELECTION_MODEL (self->selection);
  g_autoptr (GtkBitset) chosen = gtk_selection_model_get_selection (model);
  g_autoptr (GString) text = g_string_new (NULL);

  append_line (text, self, NULL);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (model)); i++)
    {
      g_autoptr (KxTableRow) row = g_list_model_get_item (G_LIST_MODEL (model), i);

      if (gtk_bitset_is_empty (chosen) || gtk_bitset_contains (chosen, i))
        append_line (text, self, row);
    }
  gdk_clipboard_set_text (gtk_widget_get_clipboard (widget), text->str);
}

static void
kx_table_dispose (GObject *object)
{
  KxTable *self = KX_TABLE (object);

  g_clear_object (&self->rows);
  G_OBJECT_CLASS (kx_table_parent_class)->dispose (object);
}

static void
kx_table_class_init (KxTableClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_table_dispose;
  signals[SELECTED] = g_signal_new ("selected", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                    NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[ACTIVATED] = g_signal_new ("activated", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 1, KX_TYPE_TABLE_ROW);
  gtk_widget_class_install_action (widget_class, "table.copy", NULL, copy);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_c, GDK_CONTROL_MASK, "table.copy",
                                       NULL);
}

/* Headings alone say nothing. */
static void
show_if_any (KxTable *self)
{
  gboolean any = kx_table_count (self) > 0;

  gtk_widget_set_visible (self->scrolled, any);
  if (self->empty)
    gtk_widget_set_visible (self->empty, !any);
}

static void
tell_selection (KxTable *self)
{
  g_signal_emit (self, signals[SELECTED], 0);
}

static void
activate (KxTable *self, guint position)
{
  g_autoptr (KxTableRow) row = g_list_model_get_item (G_LIST_MODEL (self->selection), position);

  g_signal_emit (self, signals[ACTIVATED], 0, row);
}

static void
kx_table_init (KxTable *self)
{
  GtkWidget *scrolled = gtk_scrolled_window_new (),
            *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  self->scrolled = scrolled;
  self->rows = g_list_store_new (KX_TYPE_TABLE_ROW);
  self->view = GTK_COLUMN_VIEW (gtk_column_view_new (NULL));
  GtkSorter *sorter = gtk_column_view_get_sorter (self->view);
  GtkSortListModel *sorted
      = gtk_sort_list_model_new (G_LIST_MODEL (g_object_ref (self->rows)), g_object_ref (sorter));
  self->selection = gtk_multi_selection_new (G_LIST_MODEL (sorted));
  gtk_column_view_set_model (self->view, GTK_SELECTION_MODEL (self->selection));
  g_object_unref (self->selection);
  gtk_widget_add_css_class (GTK_WIDGET (self->view), "data-table");
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), GTK_WIDGET (self->view));
  gtk_scrolled_window_set_min_content_height (GTK_SCROLLED_WINDOW (scrolled), 120);
  gtk_widget_set_vexpand (scrolled, TRUE);
  gtk_box_append (GTK_BOX (box), scrolled);
  adw_bin_set_child (ADW_BIN (self), box);
  g_signal_connect_object (self->rows, "items-changed", G_CALLBACK (show_if_any), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->selection, "selection-changed", G_CALLBACK (tell_selection), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->view, "activate", G_CALLBACK (activate), self, G_CONNECT_SWAPPED);
  show_if_any (self);
}

/**
 * kx_table_set_name:
 * @table: a table
 * @name: for those who cannot see it
 */
void
kx_table_set_name (KxTable *self, const char *name)
{
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->view), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                  -1);
}

/**
 * kx_table_set_empty:
 * @table: a table
 * @icon_name: of a symbolic icon
 * @title: what is seen where there are no rows, such as "No results yet"
 */
void
kx_table_set_empty (KxTable *self, const char *icon_name, const char *title)
{
  AdwStatusPage *page = ADW_STATUS_PAGE (adw_status_page_new ());

  g_return_if_fail (!self->empty);
  adw_status_page_set_icon_name (page, icon_name);
  adw_status_page_set_title (page, title);
  gtk_widget_set_vexpand (GTK_WIDGET (page), TRUE);
  gtk_widget_add_css_class (GTK_WIDGET (page), "compact");
  self->empty = GTK_WIDGET (page);
  gtk_box_append (GTK_BOX (adw_bin_get_child (ADW_BIN (self))), self->empty);
  show_if_any (self);
}

/* ── Cells ───────────────────────────────────────────────────────────────────────────────────── */

static guint
column_of (gpointer object)
{
  return GPOINTER_TO_UINT (g_object_get_data (object, "column"));
}

/* Of a column with bars the cell is a box: the bar, and the label at its end. */
static void
show_cell (KxTableRow *row, GtkListItem *item)
{
  guint column = column_of (item);
  const char *text = row->texts[column];
  GtkWidget *cell = gtk_list_item_get_child (item);
  GtkWidget *label = GTK_IS_LABEL (cell) ? cell : gtk_widget_get_last_child (cell);

  gtk_label_set_label (GTK_LABEL (label), text ? text : "");
  gtk_widget_set_tooltip_text (label, text);
  if (label != cell)
    gtk_level_bar_set_value (GTK_LEVEL_BAR (gtk_widget_get_first_child (cell)),
                             isnan (row->numbers[column]) ? 0 : row->numbers[column]);
}

static GtkWidget *
make_bar (void)
{
  GtkLevelBar *bar = GTK_LEVEL_BAR (gtk_level_bar_new_for_interval (0, 1));

  gtk_level_bar_remove_offset_value (bar, GTK_LEVEL_BAR_OFFSET_LOW);
  gtk_level_bar_remove_offset_value (bar, GTK_LEVEL_BAR_OFFSET_HIGH);
  gtk_level_bar_remove_offset_value (bar, GTK_LEVEL_BAR_OFFSET_FULL);
  gtk_widget_set_size_request (GTK_WIDGET (bar), 60, -1);
  gtk_widget_set_valign (GTK_WIDGET (bar), GTK_ALIGN_CENTER);
  return GTK_WIDGET (bar);
}

static void
set_up (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  gboolean numeric = g_object_get_data (G_OBJECT (factory), "numeric") != NULL;
  gboolean bar = g_object_get_data (G_OBJECT (factory), "bar") != NULL;
  GtkWidget *label = gtk_label_new (NULL);
  GtkWidget *cell = label;

  gtk_label_set_xalign (GTK_LABEL (label), numeric ? 1 : 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  if (numeric)
    gtk_widget_add_css_class (label, "numeric");
  if (bar)
    {
      cell = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
      gtk_box_append (GTK_BOX (cell), make_bar ());
      gtk_box_append (GTK_BOX (cell), label);
      gtk_widget_set_hexpand (label, TRUE);
      gtk_label_set_width_chars (GTK_LABEL (label), 7);
    }
  g_object_set_data (G_OBJECT (item), "column", GUINT_TO_POINTER (column_of (factory)));
  gtk_list_item_set_child (item, cell);
}

static void
bind (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  KxTableRow *row = gtk_list_item_get_item (item);

  g_signal_connect_object (row, "changed", G_CALLBACK (show_cell), item, 0);
  show_cell (row, item);
}

static void
unbind (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  g_signal_handlers_disconnect_by_func (gtk_list_item_get_item (item), show_cell, item);
}

static int
compare (gconstpointer a, gconstpointer b, gpointer data)
{
  const guint column = GPOINTER_TO_UINT (data);
  const KxTableRow *x = a, *y = b;

  if (!isnan (x->numbers[column]) && !isnan (y->numbers[column]))
    return (x->numbers[column] > y->numbers[column]) - (x->numbers[column] < y->numbers[column]);
  return g_utf8_collate (x->texts[column] ? x->texts[column] : "",
                         y->texts[column] ? y->texts[column] : "");
}

/* Its title stands over the numbers: at the end. GTK has no property for that. */
static void
align_title (KxTable *self)
{
  GtkWidget *header = gtk_widget_get_first_child (GTK_WIDGET (self->view));
  GtkWidget *title = header ? gtk_widget_get_last_child (header) : NULL;
  GtkWidget *box = title ? gtk_widget_get_first_child (title) : NULL;
  GtkWidget *label = box ? gtk_widget_get_first_child (box) : NULL;

  if (!GTK_IS_LABEL (label))
    return;
  gtk_label_set_xalign (GTK_LABEL (label), 1);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_widget_insert_before (label, box, NULL); /* after the arrow, for which there always is room */
}

static void
add_column (KxTable *self, const char *title, gboolean numeric, gboolean expand, gboolean bar)
{
  g_return_if_fail (self->n < MOST_COLUMNS);

  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
  g_object_set_data (G_OBJECT (factory), "column", GUINT_TO_POINTER (self->n));
  g_object_set_data (G_OBJECT (factory), "numeric", GINT_TO_POINTER (numeric));
  g_object_set_data (G_OBJECT (factory), "bar", GINT_TO_POINTER (bar));
  g_signal_connect (factory, "setup", G_CALLBACK (set_up), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (bind), NULL);
  g_signal_connect (factory, "unbind", G_CALLBACK (unbind), NULL);
  g_autoptr (GtkColumnViewColumn) column = gtk_column_view_column_new (title, factory);
  g_autoptr (GtkSorter) sorter
      = GTK_SORTER (gtk_custom_sorter_new (compare, GUINT_TO_POINTER (self->n), NULL));
  gtk_column_view_column_set_sorter (column, sorter);
  gtk_column_view_column_set_expand (column, expand);
  gtk_column_view_column_set_resizable (column, TRUE);
  gtk_column_view_append_column (self->view, column);
  if (numeric)
    align_title (self);
  self->n++;
}

/**
 * kx_table_add_column:
 * @table: a table
 * @title: its heading
 * @numeric: whether it has numbers, which stand at the end
 * @expand: whether it takes what is left of the width
 */
void
kx_table_add_column (KxTable *self, const char *title, gboolean numeric, gboolean expand)
{
  add_column (self, title, numeric, expand, FALSE);
}

/**
 * kx_table_add_bar_column:
 * @table: a table
 * @title: its heading
 *
 * A column of numbers from 0 to 1, which are shown as bars, too.
 */
void
kx_table_add_bar_column (KxTable *self, const char *title)
{
  add_column (self, title, TRUE, FALSE, TRUE);
}

/**
 * kx_table_sort_by:
 * @table: a table
 * @column: from 0
 *
 * Puts what is largest in a column first, until a heading is clicked.
 */
void
kx_table_sort_by (KxTable *self, guint column)
{
  GListModel *columns = gtk_column_view_get_columns (self->view);
  g_autoptr (GtkColumnViewColumn) chosen = g_list_model_get_item (columns, column);

  gtk_column_view_sort_by_column (self->view, chosen, GTK_SORT_DESCENDING);
}

/**
 * kx_table_sort:
 * @table: a table
 *
 * Sorts anew rows that have changed.
 */
void
kx_table_sort (KxTable *self)
{
  GtkScrolledWindow *scrolled = GTK_SCROLLED_WINDOW (self->scrolled);
  double place = gtk_adjustment_get_value (gtk_scrolled_window_get_vadjustment (scrolled));

  gtk_sorter_changed (gtk_column_view_get_sorter (self->view), GTK_SORTER_CHANGE_DIFFERENT);
  /* The list keeps in sight what was its first row; who is at the top wants to see the top. */
  if (place == 0 && kx_table_count (self) > 0)
    gtk_widget_activate_action (gtk_widget_get_last_child (GTK_WIDGET (self->view)),
                                "list.scroll-to-item", "u", 0);
}

/**
 * kx_table_append:
 * @table: a table
 *
 * Returns: (transfer none): a new row, empty
 */
KxTableRow *
kx_table_append (KxTable *self)
{
  g_autoptr (KxTableRow) row = g_object_new (KX_TYPE_TABLE_ROW, NULL);

  g_list_store_append (self->rows, row);
  return row; /* the list holds it */
}

void
kx_table_clear (KxTable *self)
{
  g_list_store_remove_all (self->rows);
}

/**
 * kx_table_get_selected:
 * @table: a table
 *
 * Returns: (nullable) (transfer none): the row that is selected; %NULL: none, or several
 */
KxTableRow *
kx_table_get_selected (KxTable *self)
{
  GtkSelectionModel *model = GTK_SELECTION_MODEL (self->selection);
  g_autoptr (GtkBitset) chosen = gtk_selection_model_get_selection (model);

  if (gtk_bitset_get_size (chosen) != 1)
    return NULL;
  g_autoptr (KxTableRow) row
      = g_list_model_get_item (G_LIST_MODEL (model), gtk_bitset_get_nth (chosen, 0));
  return row; /* the list holds it */
}

/**
 * kx_table_set_selected:
 * @table: a table
 * @row: (nullable): the only row that is to be selected; %NULL: none
 */
void
kx_table_set_selected (KxTable *self, KxTableRow *row)
{
  GtkSelectionModel *model = GTK_SELECTION_MODEL (self->selection);

  if (row == kx_table_get_selected (self))
    return;
  if (!row)
    gtk_selection_model_unselect_all (model);
  for (guint i = 0; row && i < g_list_model_get_n_items (G_LIST_MODEL (model)); i++)
    {
      g_autoptr (KxTableRow) each = g_list_model_get_item (G_LIST_MODEL (model), i);

      if (each == row)
        gtk_selection_model_select_item (model, i, TRUE);
    }
}

guint
kx_table_count (KxTable *self)
{
  return g_list_model_get_n_items (G_LIST_MODEL (self->rows));
}

/* A field of RFC 4180: in quotation marks where it must be. */
static void
append_field (GString *csv, const char *field)
{
  g_auto (GStrv) parts = g_strsplit (field, "\"", -1);
  g_autofree char *doubled = g_strjoinv ("\"\"", parts);

  if (strpbrk (field, ",\"\r\n"))
    g_string_append_printf (csv, "\"%s\"", doubled);
  else
    g_string_append (csv, field);
}

static void
append_cell (GString *csv, const KxTableRow *row, guint column)
{
  const char *text = row->texts[column] ? row->texts[column] : "";
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (isnan (row->numbers[column]) || !*text)
    append_field (csv, text);
  else
    g_string_append (csv, g_ascii_formatd (number, sizeof number, "%.9g", row->numbers[column]));
}

/**
 * kx_table_to_csv:
 * @table: a table
 *
 * Returns: (transfer full): headings and rows, as they are sorted; numbers in full, with a point
 */
char *
kx_table_to_csv (KxTable *self)
{
  GListModel *columns = gtk_column_view_get_columns (self->view);
  GListModel *rows = G_LIST_MODEL (self->selection);
  GString *csv = g_string_new (NULL);

  for (guint i = 0; i < self->n; i++)
    {
      g_autoptr (GtkColumnViewColumn) column = g_list_model_get_item (columns, i);

      append_field (csv, gtk_column_view_column_get_title (column));
      g_string_append_c (csv, i + 1 < self->n ? ',' : '\n');
    }
  for (guint k = 0; k < g_list_model_get_n_items (rows); k++)
    {
      g_autoptr (KxTableRow) row = g_list_model_get_item (rows, k);

      for (guint i = 0; i < self->n; i++)
        {
          append_cell (csv, row, i);
          g_string_append_c (csv, i + 1 < self->n ? ',' : '\n');
        }
    }
  return g_string_free (csv, FALSE);
}
