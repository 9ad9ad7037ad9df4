/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Watching a network learn. */

#include "train-page.h"

struct _KxTrainPage {
  KxPage parent_instance;
};

G_DEFINE_FINAL_TYPE (KxTrainPage, kx_train_page, KX_TYPE_PAGE)

static void
kx_train_page_class_init (KxTrainPageClass *klass)
{
  gtk_widget_class_set_template_from_resource (GTK_WIDGET_CLASS (klass),
                                               "/org/kolinsky/Explorer/train-page.ui");
}

static void
kx_train_page_init (KxTrainPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
