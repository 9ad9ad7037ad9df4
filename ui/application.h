/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define KX_TYPE_APPLICATION (kx_application_get_type ())
G_DECLARE_FINAL_TYPE (KxApplication, kx_application, KX, APPLICATION, AdwApplication)

KxApplication *kx_application_new (void);

G_END_DECLS
