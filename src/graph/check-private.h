/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "check.h"
#include "op-private.h"

G_BEGIN_DECLS

gboolean kol_check_case (KolDevice *device, const KolOp *op, const KolCase *c,
                         const KolVariant *variant, KolCheckReporter reporter, gpointer user_data);

G_END_DECLS
