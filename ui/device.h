/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "engine.h"

G_BEGIN_DECLS

#define KX_TYPE_DEVICE (kx_device_get_type ())
/** KxDevice: an OpenCL device as lists show it, and its engine. Of the main thread. */
G_DECLARE_FINAL_TYPE (KxDevice, kx_device, KX, DEVICE, GObject)

KxDevice *kx_device_new (const KolDeviceInfo *info);
const KolDeviceInfo *kx_device_get_info (KxDevice *device);
const char *kx_device_get_name (KxDevice *device);
KxEngine *kx_device_get_engine (KxDevice *device);
gboolean kx_device_is_engaged (KxDevice *device);
void kx_device_stop (KxDevice *device);
double kx_device_get_flops (KxDevice *device);
void kx_device_set_speed (KxDevice *device, double flops, double bandwidth);

G_END_DECLS
