/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "run.h"

G_BEGIN_DECLS

#define KX_TYPE_FINDER_BUTTON (kx_finder_button_get_type ())
/** KxFinderButton: looks for a learning rate from where a run stands. */
G_DECLARE_FINAL_TYPE (KxFinderButton, kx_finder_button, KX, FINDER_BUTTON, AdwBin)

void kx_finder_button_set_run (KxFinderButton *button, KxRun *run);

G_END_DECLS
