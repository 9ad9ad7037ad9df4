/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Painting one picture in the style of another. */

#include "paint-page.h"

struct _KxPaintPage {
  KxPage parent_instance;
};

G_DEFINE_FINAL_TYPE (KxPaintPage, kx_paint_page, KX_TYPE_PAGE)

static void
kx_paint_page_class_init (KxPaintPageClass *klass)
{
  gtk_widget_class_set_template_from_resource (GTK_WIDGET_CLASS (klass),
                                               "/org/kolinsky/Explorer/paint-page.ui");
}

static void
kx_paint_page_init (KxPaintPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
