/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "wrap-layout.h"

struct _KxWrapLayout {
  GtkLayoutManager parent_instance;
};

G_DEFINE_FINAL_TYPE (KxWrapLayout, kx_wrap_layout, GTK_TYPE_LAYOUT_MANAGER)

/* Lays out rows of @width; places the children if @place. Returns the height. */
static int
lay_out (GtkWidget *widget, int width, gboolean place)
{
  gboolean rtl = gtk_widget_get_direction (widget) == GTK_TEXT_DIR_RTL;
  int x = 0, y = 0, row = 0;

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
       child = gtk_widget_get_next_sibling (child))
    {
      GtkRequisition size;
      if (!gtk_widget_should_layout (child))
        continue;
      gtk_widget_get_preferred_size (child, NULL, &size);
      size.width = MIN (size.width, MAX (width, 1));
      if (x > 0 && x + size.width > width)
        {
          x = 0;
          y += row + KX_WRAP_SPACING;
          row = 0;
        }
      int least;
      gtk_widget_measure (child, GTK_ORIENTATION_HORIZONTAL, -1, &least, NULL, NULL, NULL);
      if (place)
        gtk_widget_size_allocate (child,
                                  &(GtkAllocation){ rtl ? width - x - size.width : x, y,
                                                    MAX (size.width, least), size.height },
                                  -1);
      x += size.width + KX_WRAP_SPACING;
      row = MAX (row, size.height);
    }
  return y + row;
}

static GtkSizeRequestMode
kx_wrap_layout_get_request_mode (GtkLayoutManager *manager, GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
measure_width (GtkWidget *widget, int *minimum, int *natural)
{
  *minimum = *natural = 0;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
       child = gtk_widget_get_next_sibling (child))
    {
      int least, wanted;
      if (!gtk_widget_should_layout (child))
        continue;
      gtk_widget_measure (child, GTK_ORIENTATION_HORIZONTAL, -1, &least, &wanted, NULL, NULL);
      *minimum = MAX (*minimum, least);
      *natural += wanted + (*natural > 0 ? KX_WRAP_SPACING : 0);
    }
}

static void
kx_wrap_layout_measure (GtkLayoutManager *manager, GtkWidget *widget, GtkOrientation orientation,
                        int for_size, int *minimum, int *natural, int *minimum_baseline,
                        int *natural_baseline)
{
  int least, wanted;

  measure_width (widget, &least, &wanted);
  if (orientation == GTK_ORIENTATION_HORIZONTAL)
    {
      *minimum = least;
      *natural = wanted;
    }
  else
    *minimum = *natural = lay_out (widget, for_size < 0 ? wanted : for_size, FALSE);
}

static void
kx_wrap_layout_allocate (GtkLayoutManager *manager, GtkWidget *widget, int width, int height,
                         int baseline)
{
  lay_out (widget, width, TRUE);
}

static void
kx_wrap_layout_class_init (KxWrapLayoutClass *klass)
{
  GtkLayoutManagerClass *layout_class = GTK_LAYOUT_MANAGER_CLASS (klass);

  layout_class->get_request_mode = kx_wrap_layout_get_request_mode;
  layout_class->measure = kx_wrap_layout_measure;
  layout_class->allocate = kx_wrap_layout_allocate;
}

static void
kx_wrap_layout_init (KxWrapLayout *self)
{
}
