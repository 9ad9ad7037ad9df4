/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_DEVICE_PROFILE (kx_device_profile_get_type ())
/** KxDeviceProfile: which kernels the time of a device goes to, while it works. */
G_DECLARE_FINAL_TYPE (KxDeviceProfile, kx_device_profile, KX, DEVICE_PROFILE, GtkBox)

void kx_device_profile_set_device (KxDeviceProfile *profile, KxSession *session, KxDevice *device);
void kx_device_profile_export (KxDeviceProfile *profile);

G_END_DECLS
