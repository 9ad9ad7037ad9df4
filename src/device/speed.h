/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "device.h"

G_BEGIN_DECLS

/**
 * KolSpeed:
 *
 * A measurement of what a device can do: floating-point operations and bytes per second. It goes
 * on in pieces of a fraction of a second.
 */
typedef struct _KolSpeed KolSpeed;

KOL_API KolSpeed *kol_speed_new (KolDevice *device, GError **error);
KOL_API void kol_speed_free (KolSpeed *speed);
KOL_API guint kol_speed_count (const KolSpeed *speed, guint *done);
KOL_API gboolean kol_speed_next (KolSpeed *speed, GError **error);
KOL_API double kol_speed_get_flops (KolSpeed *speed);
KOL_API double kol_speed_get_bandwidth (KolSpeed *speed);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolSpeed, kol_speed_free)

G_END_DECLS
