/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "picture-grid.h"

/* ── A picture ───────────────────────────────────────────────────────────────────────────────── */

#define KX_TYPE_GRID_PICTURE (kx_grid_picture_get_type ())
G_DECLARE_FINAL_TYPE (KxGridPicture, kx_grid_picture, KX, GRID_PICTURE, GObject)

struct _KxGridPicture {
  GObject parent_instance;
  GdkTexture *texture;
  char *caption, *name;
  gboolean marked;
};

G_DEFINE_FINAL_TYPE (KxGridPicture, kx_grid_picture, G_TYPE_OBJECT)

static guint changed;

static void
kx_grid_picture_finalize (GObject *object)
{
  KxGridPicture *self = KX_GRID_PICTURE (object);

  g_clear_object (&self->texture);
  g_free (self->caption);
  g_free (self->name);
  G_OBJECT_CLASS (kx_grid_picture_parent_class)->finalize (object);
}

static void
kx_grid_picture_class_init (KxGridPictureClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = kx_grid_picture_finalize;
  changed = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                          NULL, G_TYPE_NONE, 0);
}

static void
kx_grid_picture_init (KxGridPicture *self)
{
}

/* ── The grid ────────────────────────────────────────────────────────────────────────────────── */

struct _KxPictureGrid {
  GtkWidget parent_instance;
  GtkWidget *scrolled;
  GtkGridView *view;
  GListStore *pictures;
  int size;
};

G_DEFINE_FINAL_TYPE (KxPictureGrid, kx_picture_grid, GTK_TYPE_WIDGET)

enum {
  ACTIVATE,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

typedef struct {
  GtkWidget *box, *picture;
  GtkLabel *caption;
  gulong handler;
} Cell;

/* The name is longer than the caption. */
static gboolean
tell_name (GtkListItem *item, int x, int y, gboolean keyboard, GtkTooltip *tip)
{
  const KxGridPicture *picture = gtk_list_item_get_item (item);

  gtk_tooltip_set_text (tip, picture ? picture->name : NULL);
  return picture && picture->name;
}

static void
set_up (KxPictureGrid *self, GtkListItem *item)
{
  Cell *cell = g_new0 (Cell, 1);

  cell->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  cell->picture = gtk_picture_new ();
  cell->caption = GTK_LABEL (gtk_label_new (NULL));
  gtk_widget_set_size_request (cell->picture, self->size, self->size);
  gtk_widget_set_halign (cell->picture, GTK_ALIGN_CENTER);
  gtk_picture_set_can_shrink (GTK_PICTURE (cell->picture), TRUE);
  gtk_widget_add_css_class (cell->picture, "kx-unit-picture");
  gtk_widget_set_overflow (cell->picture, GTK_OVERFLOW_HIDDEN);
  gtk_widget_add_css_class (GTK_WIDGET (cell->caption), "caption");
  gtk_widget_add_css_class (GTK_WIDGET (cell->caption), "numeric");
  gtk_label_set_ellipsize (cell->caption, PANGO_ELLIPSIZE_END);
  /* An arrow in it points to the right, whatever the direction of writing is. */
  gtk_widget_set_direction (GTK_WIDGET (cell->caption), GTK_TEXT_DIR_LTR);
  gtk_label_set_width_chars (cell->caption, 5);
  gtk_label_set_max_width_chars (cell->caption, 9);
  gtk_box_append (GTK_BOX (cell->box), cell->picture);
  gtk_box_append (GTK_BOX (cell->box), GTK_WIDGET (cell->caption));
  g_object_set_data_full (G_OBJECT (item), "cell", cell, g_free);
  gtk_widget_set_has_tooltip (cell->box, TRUE);
  g_signal_connect_object (cell->box, "query-tooltip", G_CALLBACK (tell_name), item,
                           G_CONNECT_SWAPPED);
  gtk_list_item_set_child (item, cell->box);
}

static void
show (GtkListItem *item)
{
  Cell *cell = g_object_get_data (G_OBJECT (item), "cell");
  KxGridPicture *picture = gtk_list_item_get_item (item);

  gtk_picture_set_paintable (GTK_PICTURE (cell->picture), GDK_PAINTABLE (picture->texture));
  gtk_label_set_label (cell->caption, picture->caption);
  if (picture->marked)
    gtk_widget_add_css_class (GTK_WIDGET (cell->caption), "error");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (cell->caption), "error");
  gtk_accessible_update_property (GTK_ACCESSIBLE (cell->box), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  picture->name ? picture->name : "", -1);
}

static void
bind (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  Cell *cell = g_object_get_data (G_OBJECT (item), "cell");

  cell->handler = g_signal_connect_swapped (gtk_list_item_get_item (item), "changed",
                                            G_CALLBACK (show), item);
  show (item);
}

static void
unbind (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  Cell *cell = g_object_get_data (G_OBJECT (item), "cell");

  g_signal_handler_disconnect (gtk_list_item_get_item (item), cell->handler);
}

static void
activate (KxPictureGrid *self, guint position)
{
  g_signal_emit (self, signals[ACTIVATE], 0, position);
}

static void
kx_picture_grid_dispose (GObject *object)
{
  KxPictureGrid *self = KX_PICTURE_GRID (object);

  g_clear_pointer (&self->scrolled, gtk_widget_unparent);
  g_clear_object (&self->pictures);
  G_OBJECT_CLASS (kx_picture_grid_parent_class)->dispose (object);
}

static void
kx_picture_grid_class_init (KxPictureGridClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_picture_grid_dispose;
  signals[ACTIVATE] = g_signal_new ("activate", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                    NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static void
kx_picture_grid_init (KxPictureGrid *self)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();

  self->pictures = g_list_store_new (KX_TYPE_GRID_PICTURE);
  g_signal_connect_object (factory, "setup", G_CALLBACK (set_up), self, G_CONNECT_SWAPPED);
  g_signal_connect (factory, "bind", G_CALLBACK (bind), NULL);
  g_signal_connect (factory, "unbind", G_CALLBACK (unbind), NULL);
  self->view = GTK_GRID_VIEW (gtk_grid_view_new (
      GTK_SELECTION_MODEL (gtk_no_selection_new (g_object_ref (G_LIST_MODEL (self->pictures)))),
      factory));
  gtk_grid_view_set_max_columns (self->view, 32);
  gtk_grid_view_set_single_click_activate (self->view, TRUE);
  gtk_widget_add_css_class (GTK_WIDGET (self->view), "kx-units");
  g_signal_connect_object (self->view, "activate", G_CALLBACK (activate), self, G_CONNECT_SWAPPED);
  self->scrolled = gtk_scrolled_window_new ();
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (self->scrolled), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (self->scrolled), GTK_WIDGET (self->view));
  gtk_widget_set_parent (self->scrolled, GTK_WIDGET (self));
  gtk_widget_set_vexpand (GTK_WIDGET (self), TRUE);
}

/**
 * kx_picture_grid_new:
 * @name: what it is called
 * @size: pixels of a picture's side
 *
 * Returns: (transfer floating): a grid without pictures
 */
GtkWidget *
kx_picture_grid_new (const char *name, int size)
{
  KxPictureGrid *self = g_object_new (KX_TYPE_PICTURE_GRID, NULL);

  self->size = size;
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->view), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                  -1);
  return GTK_WIDGET (self);
}

/**
 * kx_picture_grid_set_length:
 * @grid: a grid
 * @n: how many pictures it has; those that come are empty
 */
void
kx_picture_grid_set_length (KxPictureGrid *self, guint n)
{
  guint length = g_list_model_get_n_items (G_LIST_MODEL (self->pictures));
  g_autoptr (GPtrArray) more = g_ptr_array_new_with_free_func (g_object_unref);

  if (n < length)
    g_list_store_splice (self->pictures, n, length - n, NULL, 0);
  for (guint i = length; i < n; i++)
    g_ptr_array_add (more, g_object_new (KX_TYPE_GRID_PICTURE, NULL));
  if (more->len)
    g_list_store_splice (self->pictures, length, 0, more->pdata, more->len);
}

/**
 * kx_picture_grid_set:
 * @grid: a grid
 * @i: which of its pictures
 * @texture: (nullable): it
 * @caption: what stands below, a few letters
 * @name: what it is called
 * @marked: whether the caption is one of something wrong
 */
void
kx_picture_grid_set (KxPictureGrid *self, guint i, GdkTexture *texture, const char *caption,
                     const char *name, gboolean marked)
{
  g_autoptr (KxGridPicture) picture = g_list_model_get_item (G_LIST_MODEL (self->pictures), i);

  g_set_object (&picture->texture, texture);
  g_free (picture->caption);
  picture->caption = g_strdup (caption);
  g_free (picture->name);
  picture->name = g_strdup (name);
  picture->marked = marked;
  g_signal_emit (picture, changed, 0);
}
