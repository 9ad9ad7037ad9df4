/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_RACE_BUTTON (kx_race_button_get_type ())
/** KxRaceButton: several learning rates from the same step on, side by side. */
G_DECLARE_FINAL_TYPE (KxRaceButton, kx_race_button, KX, RACE_BUTTON, AdwBin)

void kx_race_button_set_session (KxRaceButton *button, KxSession *session);
void kx_race_button_set_run (KxRaceButton *button, KxRun *run);

G_END_DECLS
