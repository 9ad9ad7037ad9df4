/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "session.h"

G_BEGIN_DECLS

KxRun *kx_train_branch (KxSession *session, KxRun *parent, KxMark *checkpoint);
void kx_train_remove_lanes (KxSession *session, GPtrArray *lanes, KxRun *kept);
void kx_train_rewind (KxSession *session, KxRun *run, KxMark *checkpoint, double rate);
void kx_train_pin (KxSession *session, KxMark *checkpoint, gboolean pinned);

G_END_DECLS
