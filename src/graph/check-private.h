/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "check.h"
#include "op-private.h"

G_BEGIN_DECLS

/*
 * Whether a variant is checked on a case of @op: not on one to measure only, when @quick not on a
 * slow one, and then a variant that this device would not choose only on a few small ones.
 */
gboolean kol_check_takes (const KolDevice *device, const KolOp *op, const KolCase *c,
                          const KolVariant *variant, gboolean quick);
gboolean kol_check_case (KolDevice *device, const KolOp *op, const KolCase *c,
                         const KolVariant *variant, KolCheckReporter reporter, gpointer user_data);

G_END_DECLS
