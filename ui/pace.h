/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** KX_PACE_FAST, KX_PACE_SLOW: seconds between two messages, at least and at most. */
#define KX_PACE_FAST 0.10
#define KX_PACE_SLOW 0.40

double kx_pace_adapt (double seconds, double share);
void kx_pace_note (void);
double kx_pace_get_seconds (void);
double kx_pace_get_reading_seconds (void);
gboolean kx_pace_may_tell (gint64 *told);

G_END_DECLS
