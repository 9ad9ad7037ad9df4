/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "looks.h"

G_BEGIN_DECLS

#define KX_TYPE_STEPS_VIEW (kx_steps_view_get_type ())
/** KxStepsView: backpropagation step by step, on a tiny network and on the one that learns. */
G_DECLARE_FINAL_TYPE (KxStepsView, kx_steps_view, KX, STEPS_VIEW, AdwBin)

GtkWidget *kx_steps_view_new (void);
void kx_steps_view_set_run (KxStepsView *view, KxRun *run, KxLooks *looks);

G_END_DECLS
