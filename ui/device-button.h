/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_DEVICE_BUTTON (kx_device_button_get_type ())
/** KxDeviceButton: the device for new jobs, its load and memory; a popover to choose another. */
G_DECLARE_FINAL_TYPE (KxDeviceButton, kx_device_button, KX, DEVICE_BUTTON, AdwBin)

void kx_device_button_set_session (KxDeviceButton *button, KxSession *session);

G_END_DECLS
