/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "node-picker.h"

#include <glib/gi18n.h>
#include <string.h>

#include "formula.h"
#include "node-lines.h"

#define MOST 1e6 /* of a number */

struct _KxNodePicker {
  AdwBin parent_instance;
  GtkMenuButton *button;
  gboolean inputs; /* it is one of what the network is given */
  gsize size[3], node;
  char *name; /* of the number; NULL: there is none */
  double number;
  gboolean busy; /* dials are being set, not turned */
  /* Of the popover, once it was opened: */
  GtkGrid *grid;
  GtkSpinButton *places[3]; /* NULL where there is one place only */
  GtkSpinButton *dial;
  GtkLabel *label;
};

G_DEFINE_FINAL_TYPE (KxNodePicker, kx_node_picker, ADW_TYPE_BIN)

enum {
  CHOSEN,
  CHANGED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
show_number (KxNodePicker *self)
{
  g_autofree char *markup = self->name ? kx_formula_lower_indices (self->name) : NULL;

  if (!self->grid)
    return;
  gtk_widget_set_visible (GTK_WIDGET (self->dial), self->name != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->label), self->name != NULL);
  if (!self->name)
    return;
  self->busy = TRUE;
  gtk_label_set_markup (self->label, markup);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->dial), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  self->name, -1);
  gtk_spin_button_set_value (self->dial, self->number);
  self->busy = FALSE;
}

static void
show_node (KxNodePicker *self)
{
  g_autofree char *name = kx_node_name (self->size, self->node);
  g_autofree char *text = g_strdup_printf (self->inputs ? _ ("Input %s") : _ ("Node %s"), name);
  gsize left = self->node;

  gtk_menu_button_set_label (self->button, text);
  self->busy = TRUE;
  for (guint axis = 3; axis-- > 0;)
    {
      if (self->places[axis])
        gtk_spin_button_set_value (self->places[axis], (double) (left % self->size[axis]));
      left /= self->size[axis];
    }
  self->busy = FALSE;
}

static void
choose (KxNodePicker *self)
{
  gsize node = 0;

  if (self->busy)
    return;
  for (guint axis = 0; axis < 3; axis++)
    node = node * self->size[axis]
           + (self->places[axis] ? (gsize) gtk_spin_button_get_value (self->places[axis]) : 0);
  g_signal_emit (self, signals[CHOSEN], 0, (guint64) node);
}

static void
change (KxNodePicker *self)
{
  if (!self->busy)
    g_signal_emit (self, signals[CHANGED], 0, gtk_spin_button_get_value (self->dial));
}

/* ── Making ──────────────────────────────────────────────────────────────────────────────────── */

static GtkLabel *
add_to_grid (KxNodePicker *self, int row, const char *text, GtkSpinButton *dial)
{
  GtkLabel *label = GTK_LABEL (gtk_label_new (text));

  gtk_label_set_xalign (label, 1);
  gtk_grid_attach (self->grid, GTK_WIDGET (label), 0, row, 1, 1);
  gtk_grid_attach (self->grid, GTK_WIDGET (dial), 1, row, 1, 1);
  return label;
}

static void
make_popover (GtkMenuButton *button, gpointer data)
{
  KxNodePicker *self = data;
  GtkWidget *popover = gtk_popover_new ();
  const char *names[]
      = { self->size[1] * self->size[2] > 1 ? _ ("Map") : _ ("Node"), _ ("Row"), _ ("Column") };

  self->grid = GTK_GRID (gtk_grid_new ());
  gtk_grid_set_row_spacing (self->grid, 6);
  gtk_grid_set_column_spacing (self->grid, 12);
  for (int axis = 0; axis < 3; axis++)
    if (self->size[axis] > 1 || (axis == 0 && self->size[1] * self->size[2] == 1))
      {
        GtkSpinButton *dial
            = kx_formula_new_dial (names[axis], 0, (double) self->size[axis] - 1, 1, 0);
        self->places[axis] = dial;
        add_to_grid (self, axis, names[axis], dial);
        g_signal_connect_object (dial, "value-changed", G_CALLBACK (choose), self,
                                 G_CONNECT_SWAPPED);
      }
  self->dial = kx_formula_new_dial ("", -MOST, MOST, 0.1, 4);
  self->label = add_to_grid (self, 3, NULL, self->dial);
  g_signal_connect_object (self->dial, "value-changed", G_CALLBACK (change), self,
                           G_CONNECT_SWAPPED);
  gtk_popover_set_child (GTK_POPOVER (popover), GTK_WIDGET (self->grid));
  gtk_menu_button_set_popover (button, popover);
  gtk_menu_button_set_create_popup_func (button, NULL, NULL, NULL);
  show_node (self);
  show_number (self);
}

static void
kx_node_picker_finalize (GObject *object)
{
  KxNodePicker *self = KX_NODE_PICKER (object);

  g_free (self->name);
  G_OBJECT_CLASS (kx_node_picker_parent_class)->finalize (object);
}

static void
kx_node_picker_class_init (KxNodePickerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = kx_node_picker_finalize;
  signals[CHOSEN] = g_signal_new ("chosen", KX_TYPE_NODE_PICKER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                  NULL, G_TYPE_NONE, 1, G_TYPE_UINT64);
  signals[CHANGED] = g_signal_new ("changed", KX_TYPE_NODE_PICKER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 1, G_TYPE_DOUBLE);
}

static void
kx_node_picker_init (KxNodePicker *self)
{
  self->button = GTK_MENU_BUTTON (gtk_menu_button_new ());
  gtk_menu_button_set_always_show_arrow (self->button, TRUE);
  gtk_menu_button_set_has_frame (self->button, FALSE);
  gtk_widget_add_css_class (GTK_WIDGET (self->button), "kx-inline");
  gtk_menu_button_set_create_popup_func (self->button, make_popover, self, NULL);
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->button));
}

/**
 * kx_node_picker_new:
 * @inputs: whether it is of what the network is given, not of a layer
 *
 * Returns: (transfer floating): the picker
 */
GtkWidget *
kx_node_picker_new (gboolean inputs)
{
  KxNodePicker *self = g_object_new (KX_TYPE_NODE_PICKER, NULL);

  self->inputs = inputs;
  return GTK_WIDGET (self);
}

/**
 * kx_node_picker_set_node:
 * @picker: the picker
 * @size: channels, height, width of the layer, always the same
 * @node: which of its nodes is told
 */
void
kx_node_picker_set_node (KxNodePicker *self, const gsize *size, gsize node)
{
  if (self->node == node && memcmp (self->size, size, sizeof self->size) == 0)
    return;
  memcpy (self->size, size, sizeof self->size);
  self->node = node;
  show_node (self);
}

/**
 * kx_node_picker_set_number:
 * @picker: the picker
 * @name: (nullable): the number that can be changed; %NULL: none
 * @number: what it is
 */
void
kx_node_picker_set_number (KxNodePicker *self, const char *name, double number)
{
  char *old = self->name;

  self->name = g_strdup (name);
  self->number = number;
  g_free (old);
  show_number (self);
}
