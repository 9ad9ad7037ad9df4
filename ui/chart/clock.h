/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What a run's steps are in epochs and in seconds. */

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  KX_UNIT_STEP,
  KX_UNIT_EPOCH,
  KX_UNIT_TIME, /* seconds of training */
} KxUnit;

/** KxClock: a run's steps with the epochs and seconds at which they were done. */
typedef struct _KxClock KxClock;

KxClock *kx_clock_new (void);
KxClock *kx_clock_ref (KxClock *clock);
void kx_clock_unref (KxClock *clock);

void kx_clock_append (KxClock *clock, double step, double epoch, double seconds);
void kx_clock_truncate (KxClock *clock, double step);
gboolean kx_clock_knows (const KxClock *clock, KxUnit unit);
double kx_clock_from_step (const KxClock *clock, KxUnit unit, double step);
double kx_clock_to_step (const KxClock *clock, KxUnit unit, double value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KxClock, kx_clock_unref)

G_END_DECLS
