/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_TRAIN_TABS (kx_train_tabs_get_type ())
/** KxTrainTabs: pictures of a network that learns. */
G_DECLARE_FINAL_TYPE (KxTrainTabs, kx_train_tabs, KX, TRAIN_TABS, AdwBin)

void kx_train_tabs_set_session (KxTrainTabs *tabs, KxSession *session);
void kx_train_tabs_set_subject (KxTrainTabs *tabs, const char *recipe, const char *data);
void kx_train_tabs_show_search (KxTrainTabs *tabs);
void kx_train_tabs_set_run (KxTrainTabs *tabs, KxRun *run);

G_END_DECLS
