/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "paint.h"
#include "session.h"

G_BEGIN_DECLS

/**
 * KxPaintPlan:
 * @bytes: what it takes on the device at the peak; 0: not known
 * @budget: what is there; 0: not known
 * @tiles: in how many parts it is looked at; 1: as a whole
 * @seconds: how long it may take; NaN: not known
 * @fits: the longer side that would fit, if it is too large
 * @fault: (nullable): why it cannot be painted
 *
 * What painting would take.
 */
typedef struct {
  guint64 bytes, budget;
  guint tiles;
  double seconds;
  guint fits;
  char *fault;
} KxPaintPlan;

typedef void (*KxPaintPlanned) (const KxPaintPlan *plan, gpointer object);

void kx_paint_plan (KxSession *session, KxPaint *paint, KxPaintPlanned planned, GObject *object);

G_END_DECLS
