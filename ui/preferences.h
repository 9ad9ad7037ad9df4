/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define KX_TYPE_PREFERENCES (kx_preferences_get_type ())
G_DECLARE_FINAL_TYPE (KxPreferences, kx_preferences, KX, PREFERENCES, AdwPreferencesWindow)

KxPreferences *kx_preferences_new (GSettings *settings);

G_END_DECLS
