/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The likeliest classes: name, bar, share, and how much it has changed. While a stroke lasts the
 * same classes stay in the same order, so that one can follow a bar.
 */

#include "class-bars.h"

#include <glib/gi18n.h>
#include <math.h>

#include "chart/axis.h"

#define TOP 5
#define LEAST_CHANGE 0.0005 /* that is worth telling */

typedef struct {
  GtkWidget *box;
  GtkLabel *name, *share, *change;
  GtkLevelBar *bar;
} Row;

struct _KxClassBars {
  GtkWidget parent_instance;

  KxNetwork *network;
  KxSight *base; /* of the picture as it was opened */
  Row rows[TOP];
  guint order[TOP];
  guint n; /* rows in use */
};

G_DEFINE_FINAL_TYPE (KxClassBars, kx_class_bars, GTK_TYPE_WIDGET)

static void
kx_class_bars_dispose (GObject *object)
{
  KxClassBars *self = KX_CLASS_BARS (object);
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))))
    gtk_widget_unparent (child);
  g_clear_object (&self->network);
  g_clear_pointer (&self->base, kx_sight_unref);
  G_OBJECT_CLASS (kx_class_bars_parent_class)->dispose (object);
}

static void
kx_class_bars_class_init (KxClassBarsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_class_bars_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BOX_LAYOUT);
  gtk_widget_class_set_accessible_role (GTK_WIDGET_CLASS (klass), GTK_ACCESSIBLE_ROLE_GROUP);
}

static GtkLabel *
make_label (const char *class, float align)
{
  GtkLabel *label = GTK_LABEL (gtk_label_new (NULL));

  gtk_label_set_xalign (label, align);
  if (class)
    gtk_widget_add_css_class (GTK_WIDGET (label), class);
  return label;
}

/* Name and change above, bar and share below. */
static void
make_row (KxClassBars *self, Row *row)
{
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *foot = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

  row->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  row->name = make_label (NULL, 0);
  row->share = make_label ("numeric", 1);
  row->change = make_label ("numeric", 1);
  gtk_widget_add_css_class (GTK_WIDGET (row->change), "dim-label");
  gtk_widget_add_css_class (GTK_WIDGET (row->change), "caption");
  gtk_label_set_ellipsize (row->name, PANGO_ELLIPSIZE_END);
  gtk_label_set_width_chars (row->share, 7);
  gtk_widget_set_hexpand (GTK_WIDGET (row->name), TRUE);
  row->bar = GTK_LEVEL_BAR (gtk_level_bar_new_for_interval (0, 1));
  gtk_level_bar_remove_offset_value (row->bar, GTK_LEVEL_BAR_OFFSET_LOW);
  gtk_level_bar_remove_offset_value (row->bar, GTK_LEVEL_BAR_OFFSET_HIGH);
  gtk_level_bar_remove_offset_value (row->bar, GTK_LEVEL_BAR_OFFSET_FULL);
  gtk_widget_set_hexpand (GTK_WIDGET (row->bar), TRUE);
  gtk_widget_set_valign (GTK_WIDGET (row->bar), GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (head), GTK_WIDGET (row->name));
  gtk_box_append (GTK_BOX (head), GTK_WIDGET (row->change));
  gtk_box_append (GTK_BOX (foot), GTK_WIDGET (row->bar));
  gtk_box_append (GTK_BOX (foot), GTK_WIDGET (row->share));
  gtk_box_append (GTK_BOX (row->box), head);
  gtk_box_append (GTK_BOX (row->box), foot);
  gtk_widget_set_parent (row->box, GTK_WIDGET (self));
  gtk_widget_set_visible (row->box, FALSE);
}

static void
kx_class_bars_init (KxClassBars *self)
{
  GtkLayoutManager *layout = gtk_widget_get_layout_manager (GTK_WIDGET (self));

  gtk_orientable_set_orientation (GTK_ORIENTABLE (layout), GTK_ORIENTATION_VERTICAL);
  gtk_box_layout_set_spacing (GTK_BOX_LAYOUT (layout), 12);
  for (guint i = 0; i < TOP; i++)
    make_row (self, &self->rows[i]);
}

/**
 * kx_class_bars_set_network:
 * @bars: bars
 * @network: (nullable): whose classes they show
 */
void
kx_class_bars_set_network (KxClassBars *self, KxNetwork *network)
{
  g_set_object (&self->network, network);
  kx_class_bars_clear (self);
}

/**
 * kx_class_bars_clear:
 * @bars: bars
 *
 * Shows nothing, and compares with nothing.
 */
void
kx_class_bars_clear (KxClassBars *self)
{
  g_clear_pointer (&self->base, kx_sight_unref);
  self->n = 0;
  for (guint i = 0; i < TOP; i++)
    gtk_widget_set_visible (self->rows[i].box, FALSE);
}

/**
 * kx_class_bars_set_base:
 * @bars: bars
 * @sight: (nullable): what changes are told from
 */
void
kx_class_bars_set_base (KxClassBars *self, KxSight *sight)
{
  g_clear_pointer (&self->base, kx_sight_unref);
  self->base = sight ? kx_sight_ref (sight) : NULL;
}

static void
show_change (KxClassBars *self, Row *row, guint class, double share)
{
  double change
      = self->base && class < self->base->n_classes ? share - self->base->probabilities[class] : 0;
  g_autofree char *points = kx_format_change (100 * change);
  g_autofree char *text
      = fabs (change) < LEAST_CHANGE ? g_strdup ("") : g_strdup_printf (_ ("%s points"), points);

  gtk_label_set_label (row->change, text);
}

static void
show_row (KxClassBars *self, Row *row, guint class, double share)
{
  g_autofree char *name = kx_network_class_name (self->network, class);
  g_autofree char *percent = g_strdup_printf (_ ("%.2f %%"), 100 * share);
  g_autofree char *label = g_strdup_printf ("%s, %s", name, percent);

  gtk_label_set_label (row->name, name);
  gtk_widget_set_tooltip_text (GTK_WIDGET (row->name), name);
  gtk_label_set_label (row->share, percent);
  gtk_level_bar_set_value (row->bar, CLAMP (share, 0, 1));
  gtk_accessible_update_property (GTK_ACCESSIBLE (row->bar), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                  -1);
  show_change (self, row, class, share);
  gtk_widget_set_visible (row->box, TRUE);
}

/**
 * kx_class_bars_set_sight:
 * @bars: bars with a network
 * @sight: what the network says
 * @keep_order: whether the same classes stay, in their order
 */
void
kx_class_bars_set_sight (KxClassBars *self, KxSight *sight, gboolean keep_order)
{
  if (!self->network || !sight->probabilities)
    return;
  if (!keep_order || !self->n)
    {
      g_autofree guint *order = kx_sight_order (sight, TOP);

      self->n = MIN (TOP, sight->n_classes);
      for (guint i = 0; i < self->n; i++)
        self->order[i] = order[i];
    }
  for (guint i = 0; i < self->n; i++)
    show_row (self, &self->rows[i], self->order[i], sight->probabilities[self->order[i]]);
}
