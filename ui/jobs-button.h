/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_JOBS_BUTTON (kx_jobs_button_get_type ())
/** KxJobsButton: how many jobs there are, how far they have come, and a list of them. */
G_DECLARE_FINAL_TYPE (KxJobsButton, kx_jobs_button, KX, JOBS_BUTTON, AdwBin)

void kx_jobs_button_set_session (KxJobsButton *button, KxSession *session);
void kx_jobs_button_popup (KxJobsButton *button);

G_END_DECLS
