/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What a network sees. */

#include "see-page.h"

struct _KxSeePage {
  KxPage parent_instance;
};

G_DEFINE_FINAL_TYPE (KxSeePage, kx_see_page, KX_TYPE_PAGE)

static void
kx_see_page_class_init (KxSeePageClass *klass)
{
  gtk_widget_class_set_template_from_resource (GTK_WIDGET_CLASS (klass),
                                               "/org/kolinsky/Explorer/see-page.ui");
}

static void
kx_see_page_init (KxSeePage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
