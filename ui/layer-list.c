/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A network's layers in a tree, or those among them that are looked for in a list. */

#include "layer-list.h"

#include <glib/gi18n.h>
#include <string.h>

#include "graph-gutter.h"

struct _KxLayerList {
  GtkWidget parent_instance;

  GtkSearchEntry *search;
  GtkListView *view;

  GListModel *layers;
  GtkTreeListModel *tree;
  GListStore *found; /* while something is looked for */
  GtkSingleSelection *selection;
  KxNetworkLayer *layer;
};

G_DEFINE_FINAL_TYPE (KxLayerList, kx_layer_list, GTK_TYPE_WIDGET)

enum {
  PROP_LAYER = 1,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

/* The layer of a row of either list. */
static KxNetworkLayer *
layer_of (gpointer item)
{
  if (!GTK_IS_TREE_LIST_ROW (item))
    return item ? KX_NETWORK_LAYER (item) : NULL;
  g_autoptr (KxNetworkLayer) layer = gtk_tree_list_row_get_item (item);
  return layer; /* the row holds it */
}

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  GtkWidget *gutter;
  GtkTreeExpander *expander;
  GtkLabel *title, *detail;
  gulong handler; /* of the row's "expanded" */
} Row;

static void
set_up (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  Row *row = g_new0 (Row, 1);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *texts = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  row->gutter = kx_graph_gutter_new ();
  row->expander = GTK_TREE_EXPANDER (gtk_tree_expander_new ());
  row->title = GTK_LABEL (gtk_label_new (NULL));
  row->detail = GTK_LABEL (gtk_label_new (NULL));
  gtk_label_set_xalign (row->title, 0);
  gtk_label_set_xalign (row->detail, 0);
  gtk_label_set_ellipsize (row->title, PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_ellipsize (row->detail, PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (GTK_WIDGET (row->detail), "caption");
  gtk_widget_add_css_class (GTK_WIDGET (row->detail), "dim-label");
  gtk_widget_add_css_class (GTK_WIDGET (row->detail), "numeric");
  gtk_widget_set_valign (texts, GTK_ALIGN_CENTER);
  gtk_widget_set_margin_top (texts, 3);
  gtk_widget_set_margin_bottom (texts, 3);
  gtk_widget_set_hexpand (texts, TRUE);
  gtk_box_append (GTK_BOX (texts), GTK_WIDGET (row->title));
  gtk_box_append (GTK_BOX (texts), GTK_WIDGET (row->detail));
  gtk_box_append (GTK_BOX (box), row->gutter);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (row->expander));
  gtk_tree_expander_set_child (row->expander, texts);
  gtk_widget_set_hexpand (GTK_WIDGET (row->expander), TRUE);
  gtk_widget_add_css_class (box, "kx-layer");
  g_object_set_data_full (G_OBJECT (item), "row", row, g_free);
  gtk_list_item_set_child (item, box);
}

static void
show_gutter (GtkListItem *item)
{
  Row *row = g_object_get_data (G_OBJECT (item), "row");
  gpointer shown = gtk_list_item_get_item (item);

  kx_graph_gutter_set_layer (KX_GRAPH_GUTTER (row->gutter), layer_of (shown),
                             GTK_IS_TREE_LIST_ROW (shown)
                                 && gtk_tree_list_row_get_expanded (shown));
}

static void
bind (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  Row *row = g_object_get_data (G_OBJECT (item), "row");
  gpointer shown = gtk_list_item_get_item (item);
  KxNetworkLayer *layer = layer_of (shown);
  gboolean tree = GTK_IS_TREE_LIST_ROW (shown);
  const char *title = tree ? kx_network_layer_get_title (layer) : kx_network_layer_get_name (layer);
  g_autofree char *name = g_strdup_printf ("%s, %s", title, kx_network_layer_get_detail (layer));
  g_autofree char *tip = g_strdup_printf ("%s\n%s", kx_network_layer_get_name (layer),
                                          kx_network_layer_get_detail (layer));

  gtk_tree_expander_set_list_row (row->expander, tree ? shown : NULL);
  gtk_label_set_label (row->title, title);
  gtk_label_set_label (row->detail, kx_network_layer_get_brief (layer));
  gtk_widget_set_tooltip_text (gtk_list_item_get_child (item), tip);
  gtk_widget_set_visible (row->gutter, tree);
  gtk_accessible_update_property (GTK_ACCESSIBLE (gtk_list_item_get_child (item)),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  show_gutter (item);
  if (tree)
    row->handler
        = g_signal_connect_swapped (shown, "notify::expanded", G_CALLBACK (show_gutter), item);
}

static void
unbind (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  Row *row = g_object_get_data (G_OBJECT (item), "row");

  if (row->handler)
    g_signal_handler_disconnect (gtk_list_item_get_item (item), row->handler);
  row->handler = 0;
  gtk_tree_expander_set_list_row (row->expander, NULL);
}

/* ── Lists ───────────────────────────────────────────────────────────────────────────────────── */

static GListModel *
list_children (gpointer item, gpointer unused)
{
  GListModel *children = kx_network_layer_get_children (KX_NETWORK_LAYER (item));

  return children ? g_object_ref (children) : NULL;
}

static void
find_among (GListModel *layers, const char *text, GListStore *found)
{
  for (guint i = 0; i < g_list_model_get_n_items (layers); i++)
    {
      g_autoptr (KxNetworkLayer) layer = g_list_model_get_item (layers, i);
      g_autofree char *name = g_utf8_casefold (kx_network_layer_get_name (layer), -1);

      if (kx_network_layer_get_children (layer))
        find_among (kx_network_layer_get_children (layer), text, found);
      else if (strstr (name, text))
        g_list_store_append (found, layer);
    }
}

static void
search_changed (KxLayerList *self)
{
  g_autofree char *text = g_utf8_casefold (gtk_editable_get_text (GTK_EDITABLE (self->search)), -1);

  if (!self->layers)
    return;
  if (!*text)
    {
      gtk_single_selection_set_model (self->selection, G_LIST_MODEL (self->tree));
      return;
    }
  g_list_store_remove_all (self->found);
  find_among (self->layers, text, self->found);
  gtk_single_selection_set_model (self->selection, G_LIST_MODEL (self->found));
}

/* Of groups the units are not shown: they are opened and closed. */
static void
note_selected (KxLayerList *self)
{
  KxNetworkLayer *layer = layer_of (gtk_single_selection_get_selected_item (self->selection));

  if (!layer || kx_network_layer_get_index (layer) == KX_NO_LAYER || layer == self->layer)
    return;
  g_set_object (&self->layer, layer);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LAYER]);
}

static void
activate (KxLayerList *self, guint position)
{
  g_autoptr (GObject) item = g_list_model_get_item (G_LIST_MODEL (self->selection), position);

  if (GTK_IS_TREE_LIST_ROW (item) && gtk_tree_list_row_is_expandable (GTK_TREE_LIST_ROW (item)))
    gtk_tree_list_row_set_expanded (GTK_TREE_LIST_ROW (item),
                                    !gtk_tree_list_row_get_expanded (GTK_TREE_LIST_ROW (item)));
}

/* ── The widget ──────────────────────────────────────────────────────────────────────────────── */

static void
kx_layer_list_dispose (GObject *object)
{
  KxLayerList *self = KX_LAYER_LIST (object);
  GtkWidget *child;

  g_clear_object (&self->selection);
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))))
    gtk_widget_unparent (child);
  g_clear_object (&self->tree);
  g_clear_object (&self->found);
  g_clear_object (&self->layers);
  g_clear_object (&self->layer);
  G_OBJECT_CLASS (kx_layer_list_parent_class)->dispose (object);
}

static void
kx_layer_list_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_object (value, KX_LAYER_LIST (object)->layer);
}

static void
kx_layer_list_class_init (KxLayerListClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = kx_layer_list_dispose;
  object_class->get_property = kx_layer_list_get_property;
  props[PROP_LAYER] = g_param_spec_object ("layer", NULL, NULL, KX_TYPE_NETWORK_LAYER,
                                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/kolinsky/Explorer/layer-list.ui");
  gtk_widget_class_bind_template_child (widget_class, KxLayerList, search);
  gtk_widget_class_bind_template_child (widget_class, KxLayerList, view);
  gtk_widget_class_bind_template_callback (widget_class, search_changed);
}

static void
kx_layer_list_init (KxLayerList *self)
{
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();

  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect (factory, "setup", G_CALLBACK (set_up), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (bind), NULL);
  g_signal_connect (factory, "unbind", G_CALLBACK (unbind), NULL);
  gtk_list_view_set_factory (self->view, factory);
  self->found = g_list_store_new (KX_TYPE_NETWORK_LAYER);
  self->selection = gtk_single_selection_new (NULL);
  gtk_single_selection_set_autoselect (self->selection, FALSE);
  gtk_list_view_set_model (self->view, GTK_SELECTION_MODEL (self->selection));
  g_signal_connect_object (self->selection, "notify::selected-item", G_CALLBACK (note_selected),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->view, "activate", G_CALLBACK (activate), self, G_CONNECT_SWAPPED);
}

static gboolean
has_groups (GListModel *layers)
{
  for (guint i = 0; i < g_list_model_get_n_items (layers); i++)
    {
      g_autoptr (KxNetworkLayer) layer = g_list_model_get_item (layers, i);

      if (kx_network_layer_get_children (layer))
        return TRUE;
    }
  return FALSE;
}

/**
 * kx_layer_list_set_layers:
 * @list: a list
 * @layers: (nullable): of #KxNetworkLayer
 */
void
kx_layer_list_set_layers (KxLayerList *self, GListModel *layers)
{
  g_clear_object (&self->layer);
  gtk_single_selection_set_model (self->selection, NULL);
  g_clear_object (&self->tree);
  g_set_object (&self->layers, layers);
  gtk_editable_set_text (GTK_EDITABLE (self->search), "");
  if (!layers)
    return;
  if (has_groups (layers))
    gtk_widget_remove_css_class (GTK_WIDGET (self->view), "kx-flat");
  else /* nothing is there to be opened, so no room is left for that */
    gtk_widget_add_css_class (GTK_WIDGET (self->view), "kx-flat");
  self->tree
      = gtk_tree_list_model_new (g_object_ref (layers), FALSE, FALSE, list_children, NULL, NULL);
  gtk_single_selection_set_model (self->selection, G_LIST_MODEL (self->tree));
}

/**
 * kx_layer_list_get_layer:
 * @list: a list
 *
 * Returns: (nullable) (transfer none): the selected layer
 */
KxNetworkLayer *
kx_layer_list_get_layer (KxLayerList *self)
{
  return self->layer;
}

static gboolean
contains (KxNetworkLayer *group, KxNetworkLayer *layer)
{
  GListModel *children = kx_network_layer_get_children (group);

  return children && kx_network_layers_find (children, kx_network_layer_get_index (layer)) == layer;
}

/**
 * kx_layer_list_select:
 * @list: a list
 * @layer: one of its layers; groups that it is in are opened
 */
void
kx_layer_list_select (KxLayerList *self, KxNetworkLayer *layer)
{
  GListModel *tree = G_LIST_MODEL (self->tree);

  for (guint i = 0; i < g_list_model_get_n_items (tree); i++)
    {
      g_autoptr (GtkTreeListRow) row = g_list_model_get_item (tree, i);

      if (contains (layer_of (row), layer))
        gtk_tree_list_row_set_expanded (row, TRUE);
      else if (layer_of (row) == layer)
        {
          gtk_single_selection_set_selected (self->selection, i);
          gtk_widget_activate_action (GTK_WIDGET (self->view), "list.scroll-to-item", "u", i);
          return;
        }
    }
}

/**
 * kx_layer_list_find:
 * @list: a list
 *
 * Lets one look for a layer.
 */
void
kx_layer_list_find (KxLayerList *self)
{
  gtk_widget_grab_focus (GTK_WIDGET (self->search));
}
