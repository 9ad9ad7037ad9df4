/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Asking a network what it knows: nothing yet but the way to where one can. */

#include "ask-page.h"

struct _KxAskPage {
  KxPage parent_instance;
};

G_DEFINE_FINAL_TYPE (KxAskPage, kx_ask_page, KX_TYPE_PAGE)

static void
kx_ask_page_class_init (KxAskPageClass *klass)
{
  gtk_widget_class_set_template_from_resource (GTK_WIDGET_CLASS (klass),
                                               "/org/kolinsky/Explorer/ask-page.ui");
}

static void
kx_ask_page_init (KxAskPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
