/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "page.h"
#include "session.h"

G_BEGIN_DECLS

void kx_train_show_fault (KxPage *page, KxRun *run, gboolean resumable);
void kx_train_recover (KxSession *session, KxRun *run, guint64 step);

G_END_DECLS
