/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A style in the list, and how much of it. */

#include "style-row.h"

#include <glib/gi18n.h>

struct _KxStyleRow {
  GtkListBoxRow parent_instance;

  KxPaintPicture *picture;
  KxMask *masks[KX_N_MASKS]; /* NULL: all over, all of it */

  GtkImage *thumbnail;
  GtkLabel *name, *share;
  GtkRange *weight;
  GtkButton *remove;
  GtkToggleButton *masking;
};

G_DEFINE_FINAL_TYPE (KxStyleRow, kx_style_row, GTK_TYPE_LIST_BOX_ROW)

enum {
  CHANGED,
  REMOVED,
  MASKING,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
show_weight (KxStyleRow *self)
{
  g_autofree char *text = g_strdup_printf (_ ("%.2f ×"), gtk_range_get_value (self->weight));

  gtk_label_set_label (self->share, text);
}

static void
move (KxStyleRow *self)
{
  show_weight (self);
  g_signal_emit (self, signals[CHANGED], 0);
}

static void
press_remove (KxStyleRow *self)
{
  g_signal_emit (self, signals[REMOVED], 0);
}

static void
toggle_mask (KxStyleRow *self)
{
  g_signal_emit (self, signals[MASKING], 0, gtk_toggle_button_get_active (self->masking));
}

static void
kx_style_row_finalize (GObject *object)
{
  for (guint i = 0; i < KX_N_MASKS; i++)
    g_clear_pointer (&KX_STYLE_ROW (object)->masks[i], kx_mask_unref);
  g_clear_pointer (&KX_STYLE_ROW (object)->picture, kx_paint_picture_unref);
  G_OBJECT_CLASS (kx_style_row_parent_class)->finalize (object);
}

static void
kx_style_row_class_init (KxStyleRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kx_style_row_finalize;
  /** KxStyleRow::changed: another weight is wanted. */
  signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 0);
  /** KxStyleRow::removed: it is to go. */
  signals[REMOVED] = g_signal_new ("removed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 0);
  /**
   * KxStyleRow::masking:
   * @masking: whether one wants to paint masks of the style, or has done so
   */
  signals[MASKING] = g_signal_new ("masking", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/kolinsky/Explorer/style-row.ui");
  gtk_widget_class_bind_template_child (widget_class, KxStyleRow, thumbnail);
  gtk_widget_class_bind_template_child (widget_class, KxStyleRow, name);
  gtk_widget_class_bind_template_child (widget_class, KxStyleRow, share);
  gtk_widget_class_bind_template_child (widget_class, KxStyleRow, weight);
  gtk_widget_class_bind_template_child (widget_class, KxStyleRow, remove);
  gtk_widget_class_bind_template_callback (widget_class, move);
  gtk_widget_class_bind_template_callback (widget_class, press_remove);
  gtk_widget_class_bind_template_child (widget_class, KxStyleRow, masking);
  gtk_widget_class_bind_template_callback (widget_class, toggle_mask);
}

static void
kx_style_row_init (KxStyleRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

static void
name_control (gpointer widget, const char *format, const char *name)
{
  g_autofree char *text = g_strdup_printf (format, name);

  gtk_accessible_update_property (GTK_ACCESSIBLE (widget), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
}

/**
 * kx_style_row_new:
 * @picture: whose style is wanted
 * @weight: how much of it, 0..1
 *
 * Returns: (transfer floating): a row
 */
GtkWidget *
kx_style_row_new (KxPaintPicture *picture, double weight)
{
  KxStyleRow *self = g_object_new (KX_TYPE_STYLE_ROW, NULL);

  self->picture = kx_paint_picture_ref (picture);
  gtk_image_set_from_paintable (self->thumbnail, GDK_PAINTABLE (picture->thumbnail));
  gtk_label_set_label (self->name, picture->name);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->name), kx_paint_picture_get_path (picture));
  gtk_range_set_value (self->weight, weight);
  show_weight (self);
  name_control (self, _ ("Style %s"), picture->name);
  name_control (self->weight, _ ("Amount of %s"), picture->name);
  name_control (self->masking, _ ("Masks of %s"), picture->name);
  name_control (self->remove, _ ("Remove %s"), picture->name);
  return GTK_WIDGET (self);
}

KxPaintPicture *
kx_style_row_get_picture (KxStyleRow *self)
{
  return self->picture;
}

double
kx_style_row_get_weight (KxStyleRow *self)
{
  return gtk_range_get_value (self->weight);
}

GtkRange *
kx_style_row_get_scale (KxStyleRow *self)
{
  return self->weight;
}

/**
 * kx_style_row_get_masks:
 * @row: a style
 *
 * Returns: (array fixed-size=2) (transfer none): where it is wanted, and what is taken of it;
 *   %NULL: all over, all of it
 */
KxMask *const *
kx_style_row_get_masks (KxStyleRow *self)
{
  return self->masks;
}

/**
 * kx_style_row_set_mask:
 * @row: a style
 * @kind: which of its masks
 * @mask: (nullable): the mask
 */
void
kx_style_row_set_mask (KxStyleRow *self, KxMaskKind kind, KxMask *mask)
{
  KxMask *before = self->masks[kind];

  if (mask == before)
    return;
  self->masks[kind] = mask ? kx_mask_ref (mask) : NULL;
  if (before)
    kx_mask_unref (before);
  gboolean where = self->masks[KX_MASK_REGION] != NULL, part = self->masks[KX_MASK_PART] != NULL;
  if (where || part)
    gtk_widget_add_css_class (GTK_WIDGET (self->masking), "accent");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->masking), "accent");
  gtk_widget_set_tooltip_text (
      GTK_WIDGET (self->masking),
      where && part ? _ ("A part of it is wanted in some places; change that")
      : where       ? _ ("It is wanted where it was painted; change that")
      : part        ? _ ("A part of it is taken; change that")
                    : _ ("Paint where this style is wanted, and what is taken of it"));
  g_signal_emit (self, signals[CHANGED], 0);
}

/**
 * kx_style_row_end_mask:
 * @row: a style
 *
 * Its masks are not being painted any more.
 */
void
kx_style_row_end_mask (KxStyleRow *self)
{
  gtk_toggle_button_set_active (self->masking, FALSE);
}
