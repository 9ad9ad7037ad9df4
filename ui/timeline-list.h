/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "run.h"

G_BEGIN_DECLS

#define KX_TYPE_TIMELINE_LIST (kx_timeline_list_get_type ())
/** KxTimelineList: what happened in a run. "chosen" tells of a row that was activated. */
G_DECLARE_FINAL_TYPE (KxTimelineList, kx_timeline_list, KX, TIMELINE_LIST, AdwBin)

void kx_timeline_list_set_run (KxTimelineList *list, KxRun *run);

G_END_DECLS
