/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "check.h"
#include "op-private.h"

G_BEGIN_DECLS

/* What is checked of @op: its variants, and what computes it in blocks of channels; @i from 0, NULL
 * past the end. */
const KolVariant *kol_check_get_variant (const KolOp *op, guint i);
const KolVariant *kol_check_find_variant (const KolOp *op, const char *name); /* or NULL */
/*
 * Whether a variant is checked on a case of @op: not on one to measure only, when @quick not on a
 * slow one, and then a variant that this device would not choose only on a few small ones.
 */
gboolean kol_check_takes (const KolDevice *device, const KolOp *op, const KolCase *c,
                          const KolVariant *variant, gboolean quick);
gboolean kol_check_case (KolDevice *device, const KolOp *op, const KolCase *c,
                         const KolVariant *variant, KolCheckReporter reporter, gpointer user_data);

G_END_DECLS
