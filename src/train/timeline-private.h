/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "timeline.h"

G_BEGIN_DECLS

/* Keeps, of the file in @folder, the first @rows, or, with G_MAXUINT, those of steps up to @step.
 * @kept: how many these are. */
gboolean kol_timeline_cut (const char *folder, guint rows, guint64 step, guint *kept,
                           GError **error);
/* Adds a row, and hands it to the operating system. */
gboolean kol_timeline_add (const char *folder, const KolTimelineRow *row, GError **error);

G_END_DECLS
