/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_RUN_LIST (kx_run_list_get_type ())
/** KxRunList: the session's runs: which are shown, how far they are, what can be done with them. */
G_DECLARE_FINAL_TYPE (KxRunList, kx_run_list, KX, RUN_LIST, AdwBin)

void kx_run_list_set_session (KxRunList *list, KxSession *session);
gboolean kx_run_list_is_shown (KxRunList *list, KxRun *run);

G_END_DECLS
