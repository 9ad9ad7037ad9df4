/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "page.h"

G_BEGIN_DECLS

#define KX_TYPE_DEVICES_PAGE (kx_devices_page_get_type ())
G_DECLARE_FINAL_TYPE (KxDevicesPage, kx_devices_page, KX, DEVICES_PAGE, KxPage)

G_END_DECLS
