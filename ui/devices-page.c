/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The OpenCL devices of the machine. */

#include "devices-page.h"

struct _KxDevicesPage {
  KxPage parent_instance;
};

G_DEFINE_FINAL_TYPE (KxDevicesPage, kx_devices_page, KX_TYPE_PAGE)

static void
kx_devices_page_class_init (KxDevicesPageClass *klass)
{
  gtk_widget_class_set_template_from_resource (GTK_WIDGET_CLASS (klass),
                                               "/org/kolinsky/Explorer/devices-page.ui");
}

static void
kx_devices_page_init (KxDevicesPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
