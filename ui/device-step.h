/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "device.h"

G_BEGIN_DECLS

/**
 * KxStepFunc:
 * @name: what was computed: "conv1", "dE/d w_conv1"
 * @shape: of it
 * @difference: the largest, relative to the largest value
 * @user_data: as given with the function
 */
typedef void (*KxStepFunc) (const char *name, const char *shape, double difference,
                            gpointer user_data);

/** KxStepDone: @error: %NULL if both devices have computed the step. */
typedef void (*KxStepDone) (const char *error, gpointer user_data);

void kx_device_step_compare (KxDevice *one, KxDevice *other, GObject *owner, KxStepFunc each,
                             KxStepDone done);

G_END_DECLS
